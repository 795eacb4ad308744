//! Why the gateway cannot carry out a request now. When another mud or a router has refused, its error code stands in
//! place of the reason's name, such as `unk-user`.

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

/// `router_down`.
pub static ROUTER_DOWN: Reason = later("router_down", "there is no session with the router now");
/// `queue_full`.
pub static QUEUE_FULL: Reason = later("queue_full", "too many packets wait for the router");
/// `not_sent`.
pub static NOT_SENT: Reason =
    later("not_sent", "it was accepted, and the router was lost before it could go");
/// `no_answer`.
pub static NO_ANSWER: Reason = later("no_answer", "nobody answered in time");
/// `not_saved`.
pub static NOT_SAVED: Reason =
    later("not_saved", "the disk did not take it in time: it may be forgotten at a restart");
/// `too_many_waiting`.
pub static TOO_MANY_WAITING: Reason = later("too_many_waiting", "too many requests wait for an answer");
/// `too_late`.
pub static TOO_LATE: Reason = never("too_late", "nothing of that `filter_id` waits: it has passed unchanged");
/// `not_supported`.
pub static NOT_SUPPORTED: Reason = never("not_supported", "the other mud's driver cannot take it");
/// `service_disabled`.
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
