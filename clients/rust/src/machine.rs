//! The client as a machine without I/O.
//!
//! A driver asks [`Machine::poll`] what to do, does it, and reports what happened with [`Machine::connected`],
//! [`Machine::received`] and [`Machine::lost`]. Each call is given the time. What concerns the program is taken with
//! [`Machine::next_happening`].

mod ending;
mod session;

use crate::Error;
use crate::error::bounded;
use crate::events::Kind;
use crate::options::{Acks, Options, Target};
use crate::queue::{CALLS_MAX, CHANNELS_MAX, HAPPENINGS_MAX, OUTPUT_BYTES_MAX, SILENCE_MAX};
use crate::wire::Wire;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// How long an acknowledgement waits for further events.
const ACK_AFTER: Duration = Duration::from_millis(500);

/// A request, for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u64);

/// What the driver has to do next.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Open a connection, then call [`Machine::connected`] or [`Machine::lost`].
    Connect {
        /// The host: a name or an address.
        host: String,
        /// The port.
        port: u16,
    },
    /// Write these bytes.
    Write(Vec<u8>),
    /// Close the connection. Nothing has to be reported.
    Close,
    /// Wait for bytes, but no longer than until this time.
    Wait {
        /// When to call [`Machine::poll`] at the latest. `None`: nothing is due.
        until: Option<Instant>,
        /// Whether to read. If not, the program has to take what has happened first.
        read: bool,
    },
    /// The client has ended.
    End,
}

/// The session that a connection has become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The mud of the key.
    pub mud_name: String,
    /// Identifies the session. It is not a secret.
    pub session_id: String,
}

/// An event of the gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its name, such as `tell_received`.
    pub name: String,
    /// Its parameters, as they came.
    pub params: Value,
}

impl Event {
    /// The event as a type.
    pub fn kind(&self) -> Kind {
        Kind::read(&self.name, &self.params)
    }

    /// Its id, which grows with each event.
    pub fn id(&self) -> Option<u64> {
        self.params.get("event_id")?.as_u64()
    }

    /// Whether it is a replay of something that came while the client was away.
    pub fn is_replay(&self) -> bool {
        self.params.get("replay") == Some(&Value::Bool(true))
    }
}

/// What has happened, for the program.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// The client is connected and identified.
    Connected(Session),
    /// The connection was lost, or could not be made.
    Disconnected {
        /// Why.
        error: Error,
        /// The pause before the next attempt. `None`: there is none, the client has ended.
        retry_in: Option<Duration>,
    },
    /// An event.
    Event(Event),
    /// All channels that the client is to join have been tried.
    Joined {
        /// How many were joined since the connection was made.
        channels: usize,
    },
    /// A channel could not be joined.
    NotJoined {
        /// The channel.
        channel: String,
        /// Why.
        error: Error,
    },
}

/// A request that waits for its answer.
#[derive(Debug)]
struct Pending {
    purpose: Purpose,
    until: Instant,
    /// Not sent yet: it waits for the connection.
    unsent: Option<String>,
    method: String,
}

#[derive(Debug)]
enum Purpose {
    Program(CallId),
    Authenticate,
    Join(String),
    /// The answer does not matter.
    Housekeeping,
}

#[derive(Debug)]
enum State {
    /// The next attempt is due.
    Waiting(Instant),
    /// The driver opens a connection.
    Dialing(Instant),
    /// The handshake and `authenticate` are under way.
    Entering {
        wire: Wire,
        until: Instant,
    },
    Open {
        wire: Wire,
    },
    /// Bytes are left to be written, then the connection is closed.
    Closing {
        bytes: Vec<u8>,
        then: Box<State>,
    },
    Ended,
}

/// The client.
#[derive(Debug)]
pub struct Machine {
    options: Options,
    target: Target,
    state: State,
    heard: Instant,
    asked: Instant,
    attempts: u32,
    was_open: bool,
    pause: Duration,
    last_id: u64,
    pending: BTreeMap<u64, Pending>,
    happenings: VecDeque<Happening>,
    /// The answers that the program has not taken.
    answers: BTreeMap<CallId, Result<Value, Error>>,
    channels: BTreeSet<String>,
    joins: VecDeque<String>,
    joined: usize,
    join_at: Option<Instant>,
    presence: Option<Value>,
    presence_at: Instant,
    /// The ids of events that the program has taken.
    delivered: BTreeSet<u64>,
    last_event_id: Option<u64>,
    /// An event that the program has taken last: it is handled when the program asks for the next one.
    taken: Option<u64>,
    to_ack: Option<(u64, Instant)>,
    random: u64,
}

impl Machine {
    /// A client that connects at once.
    pub fn new(options: Options, now: Instant) -> Result<Machine, Error> {
        let target = Target::of(&options.url)?;
        if options.channels.len() > CHANNELS_MAX {
            return Err(Error::Usage(format!("at most {CHANNELS_MAX} channels can be joined")));
        }
        // So that its errors are reported before a connection is made.
        drop(Wire::new(&target, &options)?);
        Ok(Machine {
            target,
            state: State::Waiting(now),
            heard: now,
            asked: now,
            attempts: 0,
            was_open: false,
            pause: Duration::ZERO,
            last_id: 0,
            pending: BTreeMap::new(),
            happenings: VecDeque::new(),
            answers: BTreeMap::new(),
            channels: options.channels.iter().cloned().collect(),
            joins: VecDeque::new(),
            joined: 0,
            join_at: None,
            presence: None,
            presence_at: now,
            delivered: BTreeSet::new(),
            last_event_id: None,
            taken: None,
            to_ack: None,
            random: options.seed | 1,
            options,
        })
    }

    /// Whether the client is connected and identified.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Whether the client has ended.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

// What a driver calls.
impl Machine {
    /// Returns what to do next.
    pub fn poll(&mut self, now: Instant) -> Action {
        self.expire_calls(now);
        match &mut self.state {
            State::Waiting(at) if *at <= now => {
                self.state = State::Dialing(now + self.options.timeout);
                return Action::Connect { host: self.target.host.clone(), port: self.target.port };
            }
            State::Dialing(until) if *until <= now => {
                self.break_off(now, "connecting");
                return self.poll(now);
            }
            State::Entering { until, .. } if *until <= now => {
                self.break_off(now, "the handshake with the gateway");
                return self.poll(now);
            }
            State::Open { .. } => {
                if now.duration_since(self.heard) >= SILENCE_MAX {
                    self.break_off(now, "waiting for a sign of life");
                    return self.poll(now);
                }
                self.keep_up(now);
            }
            State::Closing { bytes, then } => {
                if !bytes.is_empty() {
                    return Action::Write(std::mem::take(bytes));
                }
                self.state = std::mem::replace(then, State::Ended);
                return Action::Close;
            }
            State::Ended => return Action::End,
            _ => {}
        }
        if let State::Entering { wire, .. } | State::Open { wire } = &mut self.state {
            let bytes = wire.output();
            if !bytes.is_empty() {
                return Action::Write(bytes);
            }
        }
        let is_connected = matches!(self.state, State::Entering { .. } | State::Open { .. });
        Action::Wait { until: self.deadline(), read: is_connected && self.happenings.len() < HAPPENINGS_MAX }
    }

    /// The connection that [`Action::Connect`] asked for is open.
    pub fn connected(&mut self, now: Instant) {
        if !matches!(self.state, State::Dialing(_)) {
            return;
        }
        match Wire::new(&self.target, &self.options) {
            Ok(wire) => {
                self.heard = now;
                self.state = State::Entering { wire, until: now + self.options.timeout };
                self.enter(now);
            }
            Err(error) => self.fail(now, error),
        }
    }

    /// Bytes have arrived.
    pub fn received(&mut self, bytes: &[u8], now: Instant) {
        self.heard = now;
        let (State::Entering { wire, .. } | State::Open { wire }) = &mut self.state else { return };
        let was_shaking = !wire.is_open();
        if let Err(error) = wire.received(bytes) {
            return self.fail(now, error);
        }
        if was_shaking {
            self.enter(now);
        }
        loop {
            let (State::Entering { wire, .. } | State::Open { wire }) = &mut self.state else { return };
            match wire.next() {
                Ok(Some(text)) => self.message(&text, now),
                Ok(None) => return,
                Err(error) => return self.fail(now, error),
            }
        }
    }

    /// The connection was lost, or could not be opened. The text says why.
    pub fn lost(&mut self, reason: &str, now: Instant) {
        match self.state {
            State::Dialing(_) => self.fail(now, Error::Connect(bounded(reason))),
            State::Entering { .. } | State::Open { .. } => self.fail(now, Error::Lost(bounded(reason))),
            State::Closing { .. } | State::Waiting(_) | State::Ended => {}
        }
        self.say_nothing_more();
    }
}

// What the program calls.
impl Machine {
    /// Sends a request. Without a connection it waits for one, up to `timeout`.
    pub fn call(
        &mut self,
        method: &str,
        params: Value,
        timeout: Duration,
        now: Instant,
    ) -> Result<CallId, Error> {
        if self.has_ended() {
            return Err(Error::Stopped);
        }
        let unsent: usize =
            self.pending.values().filter_map(|one| one.unsent.as_ref()).map(String::len).sum();
        if self.pending.len() + self.answers.len() >= CALLS_MAX || unsent > OUTPUT_BYTES_MAX {
            return Err(Error::Busy);
        }
        if method == "resume" {
            // It asks for what came already.
            self.delivered.clear();
        }
        let id = CallId(self.last_id + 1);
        self.ask(Purpose::Program(id), method, params, now + timeout)?;
        Ok(id)
    }

    /// Takes the answer to a request, if it has come.
    pub fn answer_to(&mut self, call: CallId) -> Option<Result<Value, Error>> {
        self.answers.remove(&call)
    }

    /// Takes the next answer that has come.
    pub fn next_answer(&mut self) -> Option<(CallId, Result<Value, Error>)> {
        self.answers.pop_first()
    }

    /// Joins a channel, now and after each connection.
    pub fn join(&mut self, channel: &str, now: Instant) -> Result<(), Error> {
        if self.channels.len() >= CHANNELS_MAX {
            return Err(Error::Usage(format!("at most {CHANNELS_MAX} channels can be joined")));
        }
        if self.channels.insert(channel.to_owned()) && self.is_open() {
            self.joins.push_back(channel.to_owned());
            self.join_at.get_or_insert(now);
        }
        Ok(())
    }

    /// Leaves a channel.
    pub fn leave(&mut self, channel: &str, now: Instant) -> Result<(), Error> {
        self.joins.retain(|other| other != channel);
        if self.channels.remove(channel) && self.is_open() {
            let until = now + self.options.timeout;
            self.ask(Purpose::Housekeeping, "channel_leave", json!({"channel": channel}), until)?;
        }
        Ok(())
    }

    /// Publishes the users of the game: a list of objects with a `name`, as `presence_sync` takes them. The client sends
    /// it again every 15 s, and after each connection. `None` ends that.
    pub fn set_presence(&mut self, users: Option<Value>, now: Instant) {
        self.presence = users;
        self.presence_at = now;
    }

    /// Acknowledges an event and all before it, with [`Acks::Manual`].
    pub fn acknowledge(&mut self, event_id: u64, now: Instant) {
        if self.options.client.is_some() {
            let last = self.to_ack.map_or(0, |(id, _)| id);
            self.to_ack = Some((last.max(event_id), now));
        }
    }

    /// Returns what has happened next. An event counts as handled when the program asks again.
    pub fn next_happening(&mut self, now: Instant) -> Option<Happening> {
        if let Some(id) = self.taken.take()
            && self.options.client.is_some()
            && self.options.acks == Acks::Taken
        {
            let at = self.to_ack.map_or(now + ACK_AFTER, |(_, at)| at);
            self.to_ack = Some((self.to_ack.map_or(0, |(last, _)| last).max(id), at));
        }
        let happening = self.happenings.pop_front()?;
        if let Happening::Event(event) = &happening {
            self.taken = event.id();
        }
        Some(happening)
    }

    /// Ends the client: what was taken is acknowledged, and the connection is closed.
    pub fn stop(&mut self, now: Instant) {
        if let Some(id) = self.taken.take()
            && self.options.client.is_some()
            && self.options.acks == Acks::Taken
        {
            self.acknowledge(id, now);
        }
        if let (true, Some((id, _))) = (self.is_open(), self.to_ack.take()) {
            let until = now + self.options.timeout;
            let _ = self.ask(Purpose::Housekeeping, "ack", json!({"event_id": id}), until);
        }
        self.give_up_calls(&Error::Stopped);
        self.close(State::Ended);
    }
}
