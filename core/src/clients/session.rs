//! The session of one client.

use super::mud_client::MudClient;
use super::person::Person;
use super::rates::Holder;
use super::way::{Posted, TextCharset, Way};
use crate::colour::TextStyle;
use crate::cx::Cx;
use crate::describe::macros::words;
use crate::describe::values::FromLiteral;
use crate::fault::Fault;
use crate::i3::Value;
use crate::ids::MudId;
use crate::journal::{LaneKey, LaneName, Reader};
use crate::machine::ConnId;
use crate::settings::{Permission, Permissions};
use crate::time::{Instant, Now, UnixTime};
use crate::wake::Wake;
use bytes::Bytes;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long a client that is behind may take none of the bytes queued for it. Then it is closed: it does not read.
pub const CLIENT_STALLED_MAX: Duration = Duration::from_secs(120);

/// The identity of a client, from its key.
#[derive(Clone, Debug)]
pub(crate) struct Identified {
    /// Identifies the session in answers.
    pub(crate) session_id: Arc<str>,
    /// The name of its key in the settings. `None`: no key is needed, or it has no name.
    pub(crate) key_name: Option<Arc<str>>,
    /// The mud of its key.
    pub(crate) mud_name: Arc<str>,
    /// The mud's id. If the gateway has no link for the mud, this is the id of the first mud.
    pub(crate) mud: MudId,
    /// The gateway has a link for its mud: the session may speak, and receives the events for the mud.
    pub(crate) may_speak: bool,
    /// The permissions of its key.
    pub(crate) permissions: Permissions,
    /// The holder of the budget that its requests are charged to.
    pub(crate) holder: Holder,
    /// Requests a minute, if its key has a rate of its own.
    pub(crate) requests_per_minute: Option<u32>,
}

impl Identified {
    /// Whether it speaks for the gateway's own mud.
    pub(crate) fn is_of_own_mud(&self) -> bool {
        self.mud == MudId::OWN && self.may_speak
    }
}

words! {
    /// Whom a session speaks for. Events wait for the game; what an observer receives still waits.
    pub enum Role {
        /// The game: an event that it has received counts as delivered.
        Game = "game",
        /// A tool, a page or a probe: it only looks.
        Observer = "observer",
    }
}

impl FromLiteral<&'static str> for Role {
    fn from_literal(literal: &'static str) -> Self {
        if literal == Role::Observer.name() { Role::Observer } else { Role::Game }
    }
}

/// How a session subscribes to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// It may speak on the channel.
    Fully,
    /// It may only listen.
    ListenOnly,
}

/// What the log has been told of a session when it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    /// The client's address.
    pub(crate) address: IpAddr,
    /// Its role at that time.
    pub(crate) role: Role,
}

/// The session of one client.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) way: &'static Way,
    /// When the client connected.
    pub(crate) since: Instant,
    /// When it last sent a request, or took the bytes queued for it.
    pub(crate) heard: Instant,
    /// `None` until a key was accepted.
    pub(crate) identity: Option<Identified>,
    /// Its role. A session that has not sent a request yet is an observer.
    pub(crate) role: Role,
    /// The name that the client gave itself.
    pub(crate) client_name: Option<Arc<str>>,
    /// What the log has been told of it.
    pub(crate) told: Option<Told>,
    /// Why it ends, if the client does not end it.
    pub(crate) why_ended: Option<Cow<'static, str>>,
    /// The style in which it wants the texts of the network.
    pub(crate) reads: TextStyle,
    /// The character set in which it reads and writes.
    pub(crate) charset: TextCharset,
    /// It receives its own mud's channel lines that the network sends back.
    pub(crate) hears_echo: bool,
    /// The channels that it subscribes to.
    pub(crate) channels: BTreeMap<String, Joined>,
    /// It was joined to the channels that the settings name for it.
    pub(crate) has_set_channels: bool,
    /// Number of events that were dropped because it did not read.
    pub(crate) lagged: u64,
    /// `authenticate` has been answered. Identification by a key in a header, or without a key, does not set this.
    pub(crate) greeted: bool,
    /// Number of wrong keys so far.
    pub(crate) wrong_keys: u32,
    /// Since when it has taken none of the bytes queued for it, if it is behind.
    pub(crate) behind_since: Option<Instant>,
    /// It is about to be closed: nothing more is read from it, and it receives no more events.
    pub(crate) leaving: bool,
    /// The user for whom it speaks, if it speaks for one only.
    pub(crate) person: Option<Person>,
    /// Its progress through its mud's events.
    pub(crate) reader: Reader,
    /// What is known of it if it is a mud that speaks Intermud-3.
    pub(crate) mud_client: Option<Box<MudClient>>,
}

impl Session {
    /// Creates the session of a new client.
    pub(crate) fn new(way: &'static Way, now: Now) -> Self {
        Session {
            way,
            since: now.mono,
            heard: now.mono,
            identity: None,
            role: Role::Observer,
            client_name: None,
            told: None,
            why_ended: None,
            reads: TextStyle::Raw,
            charset: TextCharset::Utf8,
            hears_echo: true,
            channels: BTreeMap::new(),
            has_set_channels: false,
            lagged: 0,
            greeted: false,
            wrong_keys: 0,
            behind_since: None,
            leaving: false,
            person: None,
            reader: Reader::default(),
            mud_client: None,
        }
    }

    /// Notes that the client does not take what is queued for it, and sets the timer for its end.
    pub(crate) fn falls_behind(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        let at = *self.behind_since.get_or_insert(cx.now.mono) + CLIENT_STALLED_MAX;
        if cx.timers.get(Wake::Client(conn)).is_none_or(|set| set > at) {
            cx.timers.set(Wake::Client(conn), at);
        }
    }

    /// Returns when the client is given up if it goes on taking nothing.
    pub(crate) fn given_up_at(&self) -> Option<Instant> {
        self.behind_since.map(|since| since + CLIENT_STALLED_MAX)
    }

    /// Notes why the session ends, for the log. The first reason counts.
    pub(crate) fn ends_because(&mut self, reason: impl Into<Cow<'static, str>>) {
        self.why_ended.get_or_insert_with(|| reason.into());
    }

    /// Whether it is identified, stays connected, and has the permission.
    pub(crate) fn may(&self, permission: Option<Permission>) -> bool {
        let may = |identity: &Identified| permission.is_none_or(|needed| identity.permissions.has(needed));
        !self.leaving && self.identity.as_ref().is_some_and(may)
    }

    /// Whether it may speak for this mud.
    pub(crate) fn is_of(&self, mud: MudId) -> bool {
        !self.leaving
            && self.identity.as_ref().is_some_and(|identity| identity.mud == mud && identity.may_speak)
    }

    /// Whether an event that it has received counts as delivered to the game.
    pub(crate) fn is_game(&self) -> bool {
        self.role == Role::Game && self.mud().is_some()
    }

    /// Whether an event of this lane that it has received counts as delivered: to the game, or to the one user for whom
    /// it is.
    pub(crate) fn delivers(&self, lane: LaneName<'_>) -> bool {
        self.is_game() || (lane == LaneName::Tells && self.person.is_some() && self.mud().is_some())
    }

    /// Returns the mud that it may speak for.
    pub(crate) fn mud(&self) -> Option<MudId> {
        self.identity.as_ref().filter(|identity| identity.may_speak).map(|identity| identity.mud)
    }

    /// Returns the mud whose lists and events it reads. If the gateway has no link for the key's mud, this is the first
    /// mud.
    pub(crate) fn mud_of_key(&self) -> Option<MudId> {
        self.identity.as_ref().map(|identity| identity.mud)
    }

    /// Notes that a kept event was queued for its connection; `before` is the one before it in its lane.
    pub(crate) fn note_queued(&mut self, lane: &LaneKey, id: u64, before: Option<u64>) {
        if !self.greeted {
            self.reader.queued_early(id);
        }
        self.reader.queued(lane, id, before);
    }

    /// Encodes an event for this client. `None`: it is nothing for a client of its kind.
    pub(crate) fn event(&mut self, posted: &Posted<'_>, now: UnixTime) -> Option<Bytes> {
        if let Some(client) = &mut self.mud_client {
            return client.event(posted, now);
        }
        let framed = match self.charset {
            TextCharset::Utf8 => self.way.encoder.framed(posted, self.reads),
            charset => self.way.encoder.event_in(posted, self.reads, charset),
        };
        Some(framed.view(self.way.view))
    }

    /// Encodes an error for this client.
    pub(crate) fn fault(&self, fault: &Fault) -> Bytes {
        if let Some(client) = &self.mud_client
            && let Ok(frame) =
                client.program.frame(&client.error("", "not-allowed", &fault.message, Value::Int(0)))
        {
            return frame;
        }
        let framed = match self.charset {
            TextCharset::Utf8 => self.way.encoder.fault(fault, self.reads),
            charset => self.way.encoder.fault_in(fault, self.reads, charset),
        };
        framed.view(self.way.view)
    }
}

/// Returns a new session id. It looks like a UUID of version 4, as those of the Python gateway do.
pub(crate) fn session_id(rng: &mut fastrand::Rng) -> String {
    let bits = rng.u128(..);
    let hex = format!("{bits:032x}");
    let variant = ["8", "9", "a", "b"][(bits & 3) as usize];
    format!("{}-{}-4{}-{variant}{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}
