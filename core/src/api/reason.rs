//! Why the gateway cannot do something now: the `data.reason` of the error [`code::GATEWAY`](super::rpc::code::GATEWAY).
//! When another mud or a router has refused, its error code stands there instead, such as `unk-user`.

/// One reason.
#[derive(Debug, PartialEq, Eq)]
pub struct Reason {
    /// Its name.
    pub name: &'static str,
    /// The same request may go well later.
    pub retryable: bool,
    /// What it means.
    pub summary: &'static str,
}

const fn later(name: &'static str, summary: &'static str) -> Reason {
    Reason { name, retryable: true, summary }
}

const fn never(name: &'static str, summary: &'static str) -> Reason {
    Reason { name, retryable: false, summary }
}

/// See its summary.
pub static ROUTER_DOWN: Reason = later("router_down", "there is no session with the router now");
/// See its summary.
pub static QUEUE_FULL: Reason = later("queue_full", "too many packets wait for the router");
/// See its summary.
pub static NOT_SENT: Reason =
    later("not_sent", "it was accepted, and the router was lost before it could go");
/// See its summary.
pub static NO_ANSWER: Reason = later("no_answer", "nobody answered in time");
/// See its summary.
pub static NOT_SAVED: Reason =
    later("not_saved", "the disk did not take it in time: it may be forgotten at a restart");
/// See its summary.
pub static TOO_MANY_WAITING: Reason = later("too_many_waiting", "too many requests wait for an answer");
/// See its summary.
pub static TOO_LATE: Reason = never("too_late", "nothing of that `filter_id` waits: it has passed unchanged");
/// See its summary.
pub static NOT_SUPPORTED: Reason = never("not_supported", "the other mud's driver cannot take it");
/// See its summary.
pub static SERVICE_DISABLED: Reason =
    never("service_disabled", "the service is switched off in the settings");

/// All of them.
pub static REASONS: &[&Reason] = &[
    &ROUTER_DOWN,
    &QUEUE_FULL,
    &NOT_SENT,
    &NO_ANSWER,
    &NOT_SAVED,
    &TOO_MANY_WAITING,
    &TOO_LATE,
    &NOT_SUPPORTED,
    &SERVICE_DISABLED,
];
