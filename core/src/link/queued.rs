//! A packet that waits for a router.

use crate::time::Instant;
use bytes::Bytes;

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

impl QueuedPacket {
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
