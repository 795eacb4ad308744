//! Why the gateway cannot carry out a request now. If another mud or a router has refused it, the reason is that error
//! code instead, such as `unk-user`.

/// A reason.
#[derive(Debug, PartialEq, Eq)]
pub struct Reason {
    /// The name.
    pub name: &'static str,
    /// Whether a retry may succeed.
    pub retryable: bool,
    /// What it means, for the documents.
    pub summary: &'static str,
}

const fn later(name: &'static str, summary: &'static str) -> Reason {
    Reason { name, retryable: true, summary }
}

const fn never(name: &'static str, summary: &'static str) -> Reason {
    Reason { name, retryable: false, summary }
}

/// `router_down`.
pub static ROUTER_DOWN: Reason = later("router_down", "the link to the router is down");
/// `queue_full`.
pub static QUEUE_FULL: Reason = later("queue_full", "too many packets wait for the router");
/// `database_away`.
pub static DATABASE_AWAY: Reason =
    later("database_away", "the database that the nodes share cannot be reached");
/// `not_sent`.
pub static NOT_SENT: Reason =
    later("not_sent", "the packet was accepted, but the link was lost before it was sent");
/// `no_answer`.
pub static NO_ANSWER: Reason = later("no_answer", "no mud answered in time");
/// `not_saved`.
pub static NOT_SAVED: Reason =
    later("not_saved", "the store did not save it in time; it may be lost at a restart");
/// `store_failed`.
pub static STORE_FAILED: Reason =
    later("store_failed", "the store, which has the older messages, could not be asked");
/// `too_many_waiting`.
pub static TOO_MANY_WAITING: Reason =
    later("too_many_waiting", "too many requests are waiting for an answer");
/// `backlog_full`.
pub static BACKLOG_FULL: Reason = later(
    "backlog_full",
    "too many bytes of answers wait for the client, or for all clients together; ask again when they are read",
);
/// `too_late`.
pub static TOO_LATE: Reason = never(
    "too_late",
    "no message with this `filter_id` waits: it has passed unchanged; or the event is not kept any more",
);
/// `not_supported`.
pub static NOT_SUPPORTED: Reason = never("not_supported", "the other mud's driver does not support it");
/// `service_disabled`.
pub static SERVICE_DISABLED: Reason =
    never("service_disabled", "the service is switched off in the settings");
/// `no_other_node`.
pub static NO_OTHER_NODE: Reason = later("no_other_node", "no other node is there to take the router links");
/// `other_node`.
pub static OTHER_NODE: Reason =
    never("other_node", "another node holds the router link, and only it can do this: ask there");

/// All reasons.
pub static REASONS: &[&Reason] = &[
    &ROUTER_DOWN,
    &QUEUE_FULL,
    &DATABASE_AWAY,
    &NOT_SENT,
    &NO_ANSWER,
    &NOT_SAVED,
    &STORE_FAILED,
    &TOO_MANY_WAITING,
    &BACKLOG_FULL,
    &TOO_LATE,
    &NOT_SUPPORTED,
    &SERVICE_DISABLED,
    &NO_OTHER_NODE,
    &OTHER_NODE,
];
