//! Requests to the services: the same methods as those of JSON-RPC, with the same permissions and rates.

use super::entrance::IrcDoor;
use super::open::{Open, Then};
use super::out::Out;
use crate::describe::datum::{Datum, Source};
use crate::fault::{Data, Fault, FaultKind};
use crate::machine::ConnId;
use crate::metrics::outcome_label;
use crate::service::{Call, Parts, Progress, admission};
use crate::waiting::{Asker, Finished};
use serde_json::Value;
use std::borrow::Cow;
use std::cell::Cell;
use std::time::Duration;

/// The outcome of a request.
pub(super) enum Called {
    /// Its result.
    Done(Value),
    /// The result comes later.
    Later,
    /// It was refused.
    Refused(Fault),
}

/// The parameters of a request, by name.
pub(super) struct Params<'a>(pub(super) Vec<(&'static str, Datum<'a>)>);

impl<'a> Params<'a> {
    /// Adds a text.
    pub(super) fn text(mut self, name: &'static str, text: &'a str) -> Self {
        self.0.push((name, Datum::Text(Cow::Borrowed(text))));
        self
    }

    /// Lets the request wait for its answer.
    pub(super) fn waits(mut self) -> Self {
        self.0.push(("wait", Datum::Flag(true)));
        self
    }

    pub(super) fn new() -> Self {
        Params(Vec::new())
    }
}

impl<'a> Source<'a> for Params<'a> {
    fn take(&mut self, name: &str) -> Option<Datum<'a>> {
        let at = self.0.iter().rposition(|(known, _)| *known == name)?;
        Some(self.0.swap_remove(at).1)
    }
}

impl IrcDoor {
    /// Calls a method. `then` and the label are for an answer that comes later.
    pub(super) fn call(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        name: &str,
        params: Params<'_>,
        then: Option<(Then, Option<&str>)>,
    ) -> Called {
        let Some(method) = self.methods.get(name).copied() else {
            return Called::Refused(Fault::params(format!("there is no method {name}")));
        };
        parts.cx.metrics.requests += 1;
        let result = self.run(parts, conn, method, params, then);
        match &result {
            Called::Later => {}
            Called::Done(_) => parts.cx.metrics.count_call(method.name, outcome_label(None), Duration::ZERO),
            Called::Refused(fault) => {
                let label = outcome_label(Some(fault.kind));
                parts.cx.metrics.count_call(method.name, label, Duration::ZERO);
            }
        }
        result
    }

    fn run(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        method: &'static crate::service::Method,
        mut params: Params<'_>,
        then: Option<(Then, Option<&str>)>,
    ) -> Called {
        if let Err(fault) = admission::admit(parts, conn, Some(method)) {
            return Called::Refused(fault);
        }
        let Some(session) = parts.clients.get(conn) else {
            return Called::Refused(Fault::not_authenticated("the session has ended"));
        };
        let ticket = parts.waiting.next_ticket();
        let call = Call {
            asker: Asker { conn, ticket, method: method.name },
            identity: session.identity.clone(),
            reads: session.reads,
            wants_answer: true,
            work: Cell::default(),
        };
        let mut result = Value::Null;
        let progress = (method.run)(parts, &call, &mut params, &mut |value| {
            result = serde_json::to_value(value).unwrap_or_default();
        });
        self.spent += call.work.get();
        match progress {
            Ok(Progress::Answered) => Called::Done(result),
            Ok(Progress::Waits | Progress::Works | Progress::Again) => {
                if let Some((then, label)) = then {
                    let label = label.map(str::to_owned);
                    self.open.insert(ticket, Open { conn, label, then });
                }
                Called::Later
            }
            Err(fault) => Called::Refused(fault),
        }
    }

    /// Answers a command that has waited.
    pub(super) fn answered(&mut self, parts: &mut Parts<'_>, finished: Finished) {
        let Finished { conn, ticket, outcome } = finished;
        let Some(open) = self.open.remove(&ticket) else { return };
        let mut out = self.answer_to(conn);
        if let Then::History { wish, target } = &open.then {
            self.history_found(parts, conn, &mut out, (wish, target), outcome);
        } else {
            let outcome = outcome.map(|reply| serde_json::to_value(&reply).unwrap_or_default());
            self.then(parts, conn, &mut out, &open.then, outcome);
        }
        self.send(parts, conn, out, open.label.as_deref());
    }

    /// Writes the answer of a question.
    pub(super) fn then(
        &self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        out: &mut Out,
        then: &Then,
        outcome: Result<Value, Fault>,
    ) {
        match then {
            Then::Names { channel } => self.names_found(parts, conn, out, channel, outcome),
            Then::WhoChannel { channel } => self.listeners_found(parts, conn, out, channel, outcome),
            Then::WhoMud { mask } => self.users_found(out, mask, outcome),
            Then::Whois { target, user, mud } => {
                self.user_found(parts, conn, out, (target, user, mud), outcome);
            }
            Then::Service { about } => self.service_found(out, about, outcome),
            // Its answer is no value of the API.
            Then::History { .. } => {}
        }
    }

    /// Asks, and writes the answer if it is there at once.
    pub(super) fn ask(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        out: &mut Out,
        (name, params): (&str, Params<'_>),
        (then, label): (Then, Option<&str>),
    ) {
        match self.call(parts, conn, name, params.waits(), Some((then.clone(), label))) {
            Called::Later => out.is_deferred = true,
            Called::Done(result) => self.then(parts, conn, out, &then, Ok(result)),
            Called::Refused(fault) => self.then(parts, conn, out, &then, Err(fault)),
        }
    }
}

/// Returns the text of a fault for a person.
pub(super) fn text_of(fault: &Fault) -> String {
    match &fault.data {
        Data::RetryAfter { retry_after_ms } => {
            format!("{}; wait {} seconds", fault.message, retry_after_ms.div_ceil(1000))
        }
        Data::Away { error, .. } if !error.is_empty() => format!("{} ({error})", fault.message),
        _ => fault.message.clone(),
    }
}

/// Writes why a command that is about no user or channel was refused.
pub(super) fn refuse(out: &mut Out, command: &str, fault: &Fault) {
    match fault.kind {
        FaultKind::Permission => out.numeric(481, &[], &text_of(fault)),
        _ => out.numeric(263, &[command], &text_of(fault)),
    }
}

/// Returns a member of an answer that is a text.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Returns a member of an answer that is a number.
pub(super) fn number(value: &Value, name: &str) -> i64 {
    value.get(name).and_then(Value::as_i64).unwrap_or_default()
}

/// Returns a member of an answer that is a list.
pub(super) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
