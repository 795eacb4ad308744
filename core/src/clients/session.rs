//! One client.

use super::rates::Holder;
use super::way::{Posted, Way};
use crate::colour::TextStyle;
use crate::fault::Fault;
use crate::ids::MudId;
use crate::journal::Reader;
use crate::settings::{Permission, Permissions};
use crate::time::{Instant, Now};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a client's key says of it.
#[derive(Clone, Debug)]
pub(crate) struct Identified {
    /// Names the session in answers.
    pub(crate) session_id: String,
    /// The mud of its key.
    pub(crate) mud_name: String,
    /// That mud among those of the gateway; the first for a mud that the gateway does not hold.
    pub(crate) mud: MudId,
    /// The gateway holds its mud's link: it may speak and gets what is meant for the mud.
    pub(crate) may_speak: bool,
    /// What its key allows.
    pub(crate) permissions: Permissions,
    /// Whose requests its own count among.
    pub(crate) holder: Holder,
    /// Its key's own number of requests a minute.
    pub(crate) requests_per_minute: Option<u32>,
}

/// How a client subscribes to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// It may speak there.
    Fully,
    /// It may not.
    ListenOnly,
}

/// One client.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) way: &'static Way,
    /// When it came.
    pub(crate) since: Instant,
    /// When it last asked for something, or took what it was sent.
    pub(crate) heard: Instant,
    /// Nothing until a key was accepted.
    pub(crate) identity: Option<Arc<Identified>>,
    /// How it wants the texts of the network.
    pub(crate) reads: TextStyle,
    /// It wants the channel lines of its own mud that the network sends back.
    pub(crate) hears_echo: bool,
    /// The channels it subscribes to.
    pub(crate) channels: BTreeMap<String, Joined>,
    /// Events it missed because it did not read.
    pub(crate) lagged: u64,
    /// `authenticate` has been answered; a key in a header, or none needed, does not count.
    pub(crate) greeted: bool,
    /// Wrong keys so far.
    pub(crate) wrong_keys: u32,
    /// It is about to be closed: nothing more is read from it, and no event goes to it.
    pub(crate) leaving: bool,
    /// What it has of its mud's events.
    pub(crate) reader: Reader,
}

impl Session {
    /// A client that has just come.
    pub(crate) fn new(way: &'static Way, now: Now) -> Self {
        Session {
            way,
            since: now.mono,
            heard: now.mono,
            identity: None,
            reads: TextStyle::Raw,
            hears_echo: true,
            channels: BTreeMap::new(),
            lagged: 0,
            greeted: false,
            wrong_keys: 0,
            leaving: false,
            reader: Reader::default(),
        }
    }

    /// Whether it is identified, stays, and has the permission.
    pub(crate) fn may(&self, permission: Option<Permission>) -> bool {
        let may = |identity: &Identified| permission.is_none_or(|needed| identity.permissions.has(needed));
        !self.leaving && self.identity.as_deref().is_some_and(may)
    }

    /// Whether it speaks for that mud of the gateway.
    pub(crate) fn is_of(&self, mud: MudId) -> bool {
        !self.leaving
            && self.identity.as_ref().is_some_and(|identity| identity.mud == mud && identity.may_speak)
    }

    /// The mud that it speaks for.
    pub(crate) fn mud(&self) -> Option<MudId> {
        self.identity.as_ref().filter(|identity| identity.may_speak).map(|identity| identity.mud)
    }

    /// The mud whose lists and events it reads: of a key whose mud the gateway does not hold, the first.
    pub(crate) fn mud_of_key(&self) -> Option<MudId> {
        self.identity.as_ref().map(|identity| identity.mud)
    }

    /// An event as this client gets it.
    pub(crate) fn event(&self, posted: &Posted<'_>) -> Bytes {
        self.way.encoder.event(posted, self.reads).view(self.way.view)
    }

    /// An error as this client gets it.
    pub(crate) fn fault(&self, fault: &Fault) -> Bytes {
        self.way.encoder.fault(fault, self.reads).view(self.way.view)
    }
}
