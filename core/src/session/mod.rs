//! Who is calling: the state of one API client, from where it is, whether its key is good, and how often it may call.

pub mod addresses;
pub mod bucket;
pub mod keys;
pub mod rates;

use crate::api::json::Message;
use crate::api::style;
use crate::colour::TextStyle;
use crate::events::reader::Reader;
use crate::settings::{Permission, Permissions};
use crate::time::{Instant, Now};
use bytes::Bytes;
use rates::Holder;
use std::collections::BTreeMap;
use tungstenite::protocol::frame::coding::CloseCode;

/// How a client's texts travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// JSON lines.
    Lines,
    /// WebSocket messages.
    WebSocket,
}

/// Who a client turned out to be.
#[derive(Clone, Debug)]
pub struct Identified {
    /// Names the session in answers.
    pub session_id: String,
    /// The mud of its key.
    pub mud_name: String,
    /// That mud's place among those of the gateway; the first for a mud the gateway does not hold.
    pub mud: usize,
    /// The gateway holds its mud's link: it may speak and gets what is meant for the mud.
    pub may_speak: bool,
    /// What its key allows.
    pub permissions: Permissions,
    /// Whose requests its own count among.
    pub holder: Holder,
    /// Its key's own number of requests a minute.
    pub requests_per_minute: Option<u32>,
}

/// How a client hears a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// It may speak there.
    Fully,
    /// It may not.
    ListenOnly,
}

/// One API client.
#[derive(Debug)]
pub struct Session {
    /// How its texts travel.
    pub transport: Transport,
    /// When it came.
    pub since: Instant,
    /// When it last asked for something.
    pub heard: Instant,
    /// Nothing until a key was accepted.
    pub identity: Option<Identified>,
    /// How it wants the texts of the network.
    pub reads: TextStyle,
    /// It wants the channel lines of its own mud that the network sends back.
    pub hears_echo: bool,
    /// The channels it hears.
    pub channels: BTreeMap<String, Joined>,
    /// Events it missed because it did not read.
    pub lagged: u64,
    /// `authenticate` has been answered; a key in a header, or none needed, does not count.
    pub greeted: bool,
    /// Wrong keys so far.
    pub wrong_keys: u32,
    /// Requests before it was identified.
    pub early_requests: u32,
    /// To be closed, with this code and reason, once the request at hand is answered.
    pub closing: Option<(CloseCode, &'static str)>,
    /// What it has of its mud's events.
    pub(crate) reader: Reader,
}

impl Session {
    /// A client that has just come.
    pub fn new(transport: Transport, now: Now) -> Self {
        Session {
            transport,
            since: now.mono,
            heard: now.mono,
            identity: None,
            reads: TextStyle::Raw,
            hears_echo: true,
            channels: BTreeMap::new(),
            lagged: 0,
            greeted: false,
            wrong_keys: 0,
            early_requests: 0,
            closing: None,
            reader: Reader::default(),
        }
    }

    /// Whether it is identified and has the permission.
    pub fn may(&self, permission: Option<Permission>) -> bool {
        self.identity
            .as_ref()
            .is_some_and(|identity| permission.is_none_or(|needed| identity.permissions.has(needed)))
    }

    /// A text as this client gets it.
    pub(crate) fn framed(&self, text: &[u8]) -> Bytes {
        let message = match self.reads {
            TextStyle::Raw => Message::new(text),
            reads => Message::new(&style::restyle(text, reads)),
        };
        match self.transport {
            Transport::Lines => message.line(),
            Transport::WebSocket => message.websocket(),
        }
    }

    /// Whether it belongs to that mud of the gateway.
    pub fn is_of(&self, mud: usize) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.mud == mud && identity.may_speak)
    }
}
