//! A packet that waits for a router.

use crate::i3::Value;
use crate::time::Instant;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The priority of a packet of the local game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Priority {
    /// Tells, and requests about hosted channels.
    Prompt,
    /// The channels that are joined again after a login, before any line goes to them.
    Listening,
    /// Channel lines, and channels that are joined and left.
    Chatter,
    /// Requests for information.
    Query,
}

impl Priority {
    /// All priorities, the highest first.
    pub const ALL: [Priority; 4] =
        [Priority::Prompt, Priority::Listening, Priority::Chatter, Priority::Query];

    /// The label `class` of the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Priority::Prompt => "prompt",
            Priority::Listening => "listening",
            Priority::Chatter => "chatter",
            Priority::Query => "query",
        }
    }
}

/// A packet in the queue.
#[derive(Clone, Debug)]
pub struct QueuedPacket {
    /// The packet as a frame.
    pub frame: Bytes,
    /// The type of the packet.
    pub kind: &'static str,
    /// When it was accepted.
    pub accepted: Instant,
    /// Who sent it, if the sender must be told when it cannot go.
    pub origin: Option<Origin>,
    /// Its key in the store, where nodes share one: it is an entry of the space `out/MUD`.
    pub handed: Option<String>,
    /// Whether it is for the router of this session itself. It means nothing to another router or in a later session.
    pub for_router: bool,
}

/// Length of the length field before the text of a frame, in bytes.
const HEADER_BYTES: usize = 4;

impl QueuedPacket {
    /// Whether this is a copy of the packet, however it is written.
    pub(super) fn is(&self, copy: &Value<'_>) -> bool {
        let text = self.frame.get(HEADER_BYTES..).unwrap_or_default();
        Value::parse(text).is_ok_and(|value| value == *copy)
    }

    /// Whether it is given up when it has waited too long. Joining and leaving a channel is not: the router must learn
    /// which channels the mud hears, however late.
    pub fn grows_old(&self) -> bool {
        self.kind != "channel-listen"
    }
}

/// Who must be told when an accepted packet cannot go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The message id in the answer to the request, if that has one.
    pub message_id: Option<String>,
    /// The local user that sent it.
    pub from_user: String,
}

/// The queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFull;
