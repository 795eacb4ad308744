//! Methods: what each is called, needs, takes, gives and does stands in the [`METHODS`]; here a request finds its own.

mod table;

pub use table::METHODS;
pub(crate) use table::{LOCATED, MUD, REPLY, USER_INFO, WHO_USER};

use super::event;
use super::json::Object;
use super::params::Params;
use super::reason::Reason;
use super::rpc::{self, Fault, Incoming, Request, code};
use super::shape::Member;
use crate::hub::Hub;
use crate::machine::ConnId;
use crate::session::rates::TooOften;
use crate::settings::Permission;
use serde_json::value::RawValue;
use std::time::Duration;
use tungstenite::protocol::frame::coding::CloseCode;

/// Requests that a client may send before it is identified.
pub const EARLY_REQUESTS_MAX: u32 = 100;

/// What requests without a method of ours are counted under.
const UNKNOWN: &str = "unknown";

/// One request on its way to a service.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) conn: ConnId,
    pub(crate) method: &'static str,
    pub(crate) params: Params<'a>,
    /// `None` for a notification.
    pub(crate) id: Option<&'a RawValue>,
    /// Its place in a batch.
    pub(crate) batch: Option<(u64, usize)>,
}

/// The result of a request, as JSON.
type Outcome = Result<Vec<u8>, Fault>;

/// The same, or nothing yet.
type LaterOutcome = Result<Option<Vec<u8>>, Fault>;

/// How a method is answered.
#[derive(Clone, Copy, Debug)]
enum Run {
    /// At once.
    Now(fn(&mut Hub, &Call<'_>) -> Outcome),
    /// At once, or (`None`) later, through [`Hub::wait`].
    Later(fn(&mut Hub, &Call<'_>) -> LaterOutcome),
}

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, also before `authenticate`.
    Open,
    /// Who is identified.
    Identified,
    /// Who has the permission.
    Permitted(Permission),
}

/// A method.
#[derive(Debug)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// Who may call.
    pub access: Access,
    /// In their order.
    pub params: &'static [Member],
    /// What it does.
    pub summary: &'static str,
    /// What it gives. If there are several, each says when.
    pub results: &'static [Answer],
    /// Why the gateway may be unable to do it.
    pub reasons: &'static [&'static Reason],
    run: Run,
}

/// A result.
#[derive(Debug)]
pub struct Answer {
    /// When it is this one; empty for the only one.
    pub when: &'static str,
    /// Its members.
    pub members: &'static [Member],
}

fn find(name: &str) -> Option<&'static Method> {
    METHODS.binary_search_by(|method| method.name.cmp(name)).ok().map(|at| &METHODS[at])
}

/// A text from a client: answers it, or what in it asks for an answer.
pub(crate) fn text(hub: &mut Hub, conn: ConnId, text: &str) {
    if let Some(session) = hub.sessions.get_mut(conn) {
        session.heard = hub.now.mono;
    }
    match rpc::parse(text) {
        Incoming::Single(request) => {
            if let Some(Some(answer)) = one(hub, conn, request, None) {
                hub.send_text(conn, &answer);
            }
        }
        Incoming::Batch(requests) => {
            let batch = hub.pending.open_batch(conn, requests.len());
            for (at, request) in requests.into_iter().enumerate() {
                if let Some(answer) = one(hub, conn, request, Some((batch, at))) {
                    hub.answer_in_batch(batch, at, answer);
                }
            }
        }
    }
    hub.replay(conn);
    hub.close_if_due(conn);
}

/// The answer to one request, which is nothing for a notification; `None` when it comes later.
fn one(
    hub: &mut Hub,
    conn: ConnId,
    request: Result<Request<'_>, Vec<u8>>,
    batch: Option<(u64, usize)>,
) -> Option<Option<Vec<u8>>> {
    hub.metrics.requests += 1;
    let request = match request {
        Ok(request) => request,
        Err(answer) => {
            count_unreadable(hub);
            hub.early_request(conn);
            return Some(Some(answer));
        }
    };
    let outcome = match run(hub, conn, &request, batch) {
        Ok(None) => return None,
        Ok(Some(result)) => Ok(result),
        Err(fault) => Err(fault),
    };
    let name = find(&request.method).map_or(UNKNOWN, |method| method.name);
    hub.metrics.count_call(name, outcome.as_ref().err().map(|fault| fault.code), Duration::ZERO);
    Some(request.id.map(|id| match outcome {
        Ok(result) => rpc::result(Some(id), &result),
        Err(fault) => rpc::error(Some(id), &fault),
    }))
}

/// Something came that is no request.
pub(crate) fn count_unreadable(hub: &mut Hub) {
    hub.metrics.count_call(UNKNOWN, Some(code::INVALID_REQUEST), Duration::ZERO);
}

fn run(hub: &mut Hub, conn: ConnId, request: &Request<'_>, batch: Option<(u64, usize)>) -> LaterOutcome {
    let now = hub.now.mono;
    let method = find(&request.method);
    let Some(session) = hub.sessions.get_mut(conn) else {
        return Err(Fault::new(code::NOT_AUTHENTICATED, "the session has ended"));
    };
    if session.identity.is_none() && method.is_none_or(|method| method.access != Access::Open) {
        hub.early_request(conn);
        return Err(Fault::new(code::NOT_AUTHENTICATED, "Not authenticated. Please authenticate first."));
    }
    let name = method.map_or(UNKNOWN, |method| method.name);
    if let (Some(identity), Some(limits)) = (&session.identity, &hub.settings.api.rate_limits)
        && let Err(refused) =
            hub.rates.admit(identity.holder, limits, identity.requests_per_minute, name, now)
    {
        return Err(hub.limited(conn, name, refused));
    }
    let Some(method) = method else {
        return Err(Fault::new(code::METHOD_NOT_FOUND, format!("Unknown method: {}", request.method)));
    };
    if let Access::Permitted(permission) = method.access
        && !session.may(Some(permission))
    {
        let data = serde_json::json!({"needs": permission.name()});
        let text = format!("{} needs the permission {}", method.name, permission.name());
        return Err(Fault { data: Some(data), ..Fault::new(code::PERMISSION, text) });
    }
    if session.identity.is_none() {
        hub.early_request(conn);
    }
    let params = Params::read(method, request.params)?;
    let call = Call { conn, method: method.name, params, id: request.id, batch };
    match method.run {
        Run::Now(run) => run(hub, &call).map(Some),
        Run::Later(run) => run(hub, &call),
    }
}

impl Hub {
    /// A request came too early: it is refused, and once in a while an event says so, for games that look at no errors.
    fn limited(&mut self, conn: ConnId, method: &'static str, refused: TooOften) -> Fault {
        self.metrics.requests_limited += 1;
        if refused.is_news {
            let params = Object::default()
                .with("method", method)
                .with("per_minute", &refused.per_minute)
                .with("retry_after_ms", &refused.retry_after_ms);
            self.emit_to(conn, &event::RATE_LIMIT_WARNING, params);
        }
        Fault::too_often(refused.retry_after_ms, "Rate limit exceeded")
    }

    /// A client that is not identified has asked for something: it may not go on like that for ever.
    fn early_request(&mut self, conn: ConnId) {
        let Some(session) = self.sessions.get_mut(conn) else { return };
        if session.identity.is_some() {
            return;
        }
        session.early_requests += 1;
        if session.early_requests >= EARLY_REQUESTS_MAX {
            self.close_after_answer(conn, CloseCode::Policy, "not authenticated");
        }
    }

    /// Closes a client once the request that is being handled has been answered.
    pub(crate) fn close_after_answer(&mut self, conn: ConnId, code: CloseCode, reason: &'static str) {
        if let Some(session) = self.sessions.get_mut(conn) {
            session.closing = Some((code, reason));
        }
    }

    fn close_if_due(&mut self, conn: ConnId) {
        let closing = self.sessions.get(conn).and_then(|session| session.closing);
        if let Some((code, reason)) = closing {
            self.metrics.connections_at_fault += 1;
            self.close_client(conn, code, reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(METHODS.is_sorted_by(|a, b| a.name < b.name));
        for method in METHODS {
            assert!(find(method.name).is_some());
            let required = method.params.iter().take_while(|param| param.required).count();
            assert!(method.params[required..].iter().all(|param| !param.required), "{}", method.name);
        }
        assert!(find("nothing").is_none());
    }
}
