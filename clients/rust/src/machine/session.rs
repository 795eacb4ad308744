//! The session: what the client sends by itself, and what the gateway's messages mean.

use super::{Event, Happening, Machine, Pending, Purpose, Session, State};
use crate::options::Role;
use crate::queue::{CALL_BYTES_MAX, PAUSE_MAX, REMEMBERED_MAX, SILENCE_MAX};
use crate::wire::refused_key;
use crate::{Error, Refusal};
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

/// After this silence the client asks the gateway for a sign of life.
const HEARTBEAT_AFTER: Duration = Duration::from_secs(30);
/// How often the users of the game are sent again. The gateway holds them for 30 s.
const PRESENCE_EVERY: Duration = Duration::from_secs(15);

impl Machine {
    /// Authenticates, as soon as requests can be sent.
    pub(super) fn enter(&mut self, now: Instant) {
        let State::Entering { wire, .. } = &self.state else { return };
        if !wire.is_open() {
            return;
        }
        let mut params = Map::new();
        let mut add =
            |name: &str, value: Option<Value>| value.map(|value| params.insert(name.to_owned(), value));
        add("api_key", self.options.key.as_deref().map(Value::from));
        add("client", self.options.client.as_deref().map(Value::from));
        add("text_format", self.options.text_format.as_deref().map(Value::from));
        add("role", (self.options.role == Role::Observer).then(|| Value::from("observer")));
        // A named client has its cursors at the gateway.
        let last = self.last_event_id.filter(|_| self.options.client.is_none());
        add("last_event_id", last.map(Value::from));
        let until = now + self.options.timeout;
        if let Err(error) = self.ask(Purpose::Authenticate, "authenticate", Value::Object(params), until) {
            self.fail(now, error);
        }
    }

    pub(super) fn entered(&mut self, result: &Value, now: Instant) {
        let State::Entering { wire, .. } = std::mem::replace(&mut self.state, State::Ended) else { return };
        self.state = State::Open { wire };
        (self.attempts, self.was_open, self.asked, self.heard) = (0, true, now, now);
        let text = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let session = Session { mud_name: text("mud_name"), session_id: text("session_id") };
        self.happenings.push_back(Happening::Connected(session));
        self.joins = self.channels.iter().cloned().collect();
        self.joined = 0;
        self.join_at = (!self.joins.is_empty()).then_some(now);
        self.presence_at = now;
        let waiting: Vec<u64> =
            self.pending.iter().filter(|(_, one)| one.unsent.is_some()).map(|(id, _)| *id).collect();
        for id in waiting {
            let text = self.pending.get_mut(&id).and_then(|one| one.unsent.take());
            if let (Some(text), State::Open { wire }) = (text, &mut self.state)
                && let Err(error) = wire.send(text)
            {
                return self.fail(now, error);
            }
        }
    }

    /// Sends what is due by itself: joins, presence, acknowledgements, signs of life.
    pub(super) fn keep_up(&mut self, now: Instant) {
        let until = now + self.options.timeout;
        let is_joining = self.pending.values().any(|one| matches!(one.purpose, Purpose::Join(_)));
        if !is_joining && self.join_at.is_some_and(|at| at <= now) {
            match self.joins.pop_front() {
                Some(channel) => {
                    let mut params = json!({"channel": channel});
                    if self.options.listen_only {
                        params["listen_only"] = Value::Bool(true);
                    }
                    let _ = self.ask(Purpose::Join(channel), "channel_join", params, until);
                }
                None => {
                    self.join_at = None;
                    self.happenings.push_back(Happening::Joined { channels: self.joined });
                }
            }
        }
        if self.presence_at <= now
            && let Some(users) = self.presence.clone()
        {
            self.presence_at = now + PRESENCE_EVERY;
            let _ = self.ask(Purpose::Housekeeping, "presence_sync", json!({"users": users}), until);
        }
        if let Some((id, at)) = self.to_ack
            && at <= now
        {
            self.to_ack = None;
            let _ = self.ask(Purpose::Housekeeping, "ack", json!({"event_id": id}), until);
        }
        if now.duration_since(self.heard.max(self.asked)) >= HEARTBEAT_AFTER {
            self.asked = now;
            let _ = self.ask(Purpose::Housekeeping, "heartbeat", Value::Null, until);
        }
    }

    /// Sends a request, or keeps it until there is a connection.
    pub(super) fn ask(
        &mut self,
        purpose: Purpose,
        method: &str,
        params: Value,
        until: Instant,
    ) -> Result<(), Error> {
        let id = self.last_id + 1;
        let mut request = json!({"jsonrpc": "2.0", "id": id, "method": method});
        if !params.is_null() {
            request["params"] = params;
        }
        let text = request.to_string();
        if text.len() > CALL_BYTES_MAX {
            return Err(Error::Usage(format!("a request has at most {CALL_BYTES_MAX} bytes")));
        }
        self.last_id = id;
        let is_first = matches!(purpose, Purpose::Authenticate);
        let unsent = match &mut self.state {
            State::Open { wire } => wire.send(text).map(|()| None)?,
            State::Entering { wire, .. } if is_first => wire.send(text).map(|()| None)?,
            _ => Some(text),
        };
        self.pending.insert(id, Pending { purpose, until, unsent, method: method.to_owned() });
        Ok(())
    }

    pub(super) fn message(&mut self, text: &str, now: Instant) {
        let Ok(mut value) = serde_json::from_str::<Value>(text) else {
            return self.fail(now, Error::Lost("the gateway sent something that is not JSON".to_owned()));
        };
        if let Some(name) = value.get("method").and_then(Value::as_str) {
            let name = name.to_owned();
            return self.event(Event { name, params: value["params"].take() });
        }
        let outcome = match value.get("error") {
            Some(error) => Err(Refusal::read(error)),
            None => Ok(value.get_mut("result").map(Value::take).unwrap_or_default()),
        };
        match (value.get("id").and_then(Value::as_u64), outcome) {
            (Some(id), outcome) => self.answer(id, outcome, now),
            // The session is about to end, or the gateway could not read the id.
            (None, Err(refusal)) => self.fail(now, Error::Refused(refusal)),
            (None, Ok(_)) => {}
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        // Over TCP the gateway begins with a word of its own.
        if event.name == "welcome" {
            return;
        }
        if let Some(id) = event.id() {
            if event.is_replay() && self.delivered.contains(&id) {
                return;
            }
            self.delivered.insert(id);
            if self.delivered.len() > REMEMBERED_MAX {
                self.delivered.pop_first();
            }
            self.last_event_id = self.last_event_id.max(Some(id));
        }
        self.happenings.push_back(Happening::Event(event));
    }

    pub(super) fn answer(&mut self, id: u64, outcome: Result<Value, Refusal>, now: Instant) {
        // An answer without a request is ignored.
        let Some(Pending { purpose, .. }) = self.pending.remove(&id) else { return };
        match (purpose, outcome) {
            (Purpose::Authenticate, Ok(result)) => self.entered(&result, now),
            (Purpose::Authenticate, Err(refusal)) => self.fail(now, refused_key(refusal)),
            (Purpose::Program(call), outcome) => {
                let outcome = outcome.map_err(Error::Refused);
                self.answers.insert(call, outcome);
            }
            (Purpose::Join(channel), Err(refusal)) => match refusal.retry_after() {
                Some(pause) if refusal.code == Refusal::TOO_OFTEN => {
                    self.joins.push_front(channel);
                    self.join_at = Some(now + pause.clamp(Duration::from_millis(100), PAUSE_MAX));
                }
                _ => {
                    let error = Error::Refused(refusal);
                    self.happenings.push_back(Happening::NotJoined { channel, error });
                }
            },
            (Purpose::Join(_), Ok(_)) => self.joined += 1,
            (Purpose::Housekeeping, _) => {}
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let of_state = match &self.state {
            State::Waiting(at) | State::Dialing(at) | State::Entering { until: at, .. } => Some(*at),
            State::Open { .. } => {
                let joining = self.pending.values().any(|one| matches!(one.purpose, Purpose::Join(_)));
                [
                    Some(self.heard.max(self.asked) + HEARTBEAT_AFTER),
                    Some(self.heard + SILENCE_MAX),
                    self.join_at.filter(|_| !joining),
                    self.presence.as_ref().map(|_| self.presence_at),
                    self.to_ack.map(|(_, at)| at),
                ]
                .into_iter()
                .flatten()
                .min()
            }
            State::Closing { .. } | State::Ended => None,
        };
        of_state.into_iter().chain(self.pending.values().map(|one| one.until)).min()
    }
}
