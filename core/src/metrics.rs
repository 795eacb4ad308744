//! The gateway's counters: plain fields, read by `/metrics`, `stats` and the tests.

use crate::fault::FaultKind;
use std::collections::BTreeMap;
use std::time::Duration;

/// Counters by label. The labels are a small, fixed set.
pub type Counts = BTreeMap<&'static str, u64>;

/// Counters since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Packets received from routers.
    pub packets_received: u64,
    /// Packets handed to router connections.
    pub packets_sent: u64,
    /// Bytes received from routers.
    pub router_bytes_received: u64,
    /// Frames that were dropped because they could not be read as packets.
    pub frames_unreadable: u64,
    /// Packets of a type that is not served, or for another mud.
    pub packets_ignored: u64,
    /// Unescaped quotes in packets that were repaired.
    pub bare_quotes_repaired: u64,
    /// Strings that were not UTF-8 and were decoded as Windows-1252.
    pub latin1_strings: u64,
    /// Rows of lists and replies that could not be read and were left out.
    pub odd_rows: u64,
    /// Packets that were dropped because they waited too long for the router. The mud received an event about each.
    pub packets_expired: u64,
    /// Errors in which a router said that it takes a mud for one that floods.
    pub floods_reported: u64,
    /// Times that a link became ready.
    pub router_logins: u64,
    /// Times that a ready link was lost, or closed on request.
    pub router_failures: u64,
    /// Times that a router reported that the mud's name belongs to another mud, or that another mud claims it.
    pub identity_warnings: u64,
    /// API connections accepted.
    pub connections_accepted: u64,
    /// API connections refused because of the limit of all connections or of one address.
    pub connections_refused: u64,
    /// API connections and requests refused because of their address or a browser's origin.
    pub connections_forbidden: u64,
    /// Connections without a key that were closed to make room for others.
    pub strangers_evicted: u64,
    /// Requests without a key that were refused because their address had sent too many.
    pub strangers_limited: u64,
    /// Connections closed because of what they sent: not HTTP, invalid WebSocket frames, too much, or too slowly.
    pub connections_at_fault: u64,
    /// Completed TLS handshakes with clients.
    pub handshakes: u64,
    /// Failed TLS handshakes, by [`HandshakeFault::name`](crate::machine::HandshakeFault::name).
    pub handshakes_failed: Counts,
    /// JSON-RPC requests, including notifications.
    pub requests: u64,
    /// Requests answered with an error.
    pub request_errors: u64,
    /// Logins of muds on the port for Intermud-3.
    pub mud_logins: u64,
    /// Logins of muds that were refused.
    pub mud_logins_refused: u64,
    /// Packets that muds have sent on that port.
    pub mud_packets_received: u64,
    /// Packets of these muds that were refused with an error packet.
    pub mud_packets_refused: u64,
    /// Wrong API keys.
    pub keys_refused: u64,
    /// Wrong API keys that were refused because their address must wait after earlier wrong ones.
    pub keys_delayed: u64,
    /// Requests refused because they exceeded the rate of their key.
    pub requests_limited: u64,
    /// Messages refused because they exceeded the rate of their user.
    pub user_messages_limited: u64,
    /// Incoming packets that a ban stopped.
    pub packets_banned_in: u64,
    /// Outgoing packets that a ban stopped.
    pub packets_banned_out: u64,
    /// Sessions ended by an administrator.
    pub sessions_kicked: u64,
    /// Sessions ended after too long a silence.
    pub sessions_expired: u64,
    /// Events queued, counted for each recipient.
    pub events_delivered: u64,
    /// Events dropped because the recipient does not read, counted for each recipient.
    pub events_dropped: u64,
    /// Events replayed, counted for each recipient.
    pub events_replayed: u64,
    /// Kept events that expired before any session received them.
    pub events_expired: u64,
    /// Inputs for connections that were closed already.
    pub late_inputs: u64,
    /// Saves that failed.
    pub saves_failed: u64,
    /// Questions to the store about the history.
    pub store_queries: u64,
    /// Questions that the store could not answer.
    pub store_queries_failed: u64,
    /// Packets received from routers, by type.
    pub received_by_kind: Counts,
    /// Packets handed to router connections, by type, without the link's own packets, which [`crate::link::counts`]
    /// has.
    pub sent_by_kind: Counts,
    /// Packets refused because too many waited. The client received an error.
    pub packets_refused: u64,
    /// Answers to other muds that were dropped because too many waited.
    pub answers_dropped: u64,
    /// Bytes taken by routers.
    pub router_bytes_sent: u64,
    /// Bytes received from clients.
    pub api_bytes_received: u64,
    /// Bytes taken by clients.
    pub api_bytes_sent: u64,
    /// Events dropped because of one recipient's backlog, by their weight.
    pub events_dropped_by_weight: Counts,
    /// JSON-RPC requests by method. Requests of unknown methods are counted under `unknown`.
    pub calls: BTreeMap<&'static str, Calls>,
    /// How long the store took to save changes, or to fail.
    pub save_time: Histogram,
}

/// The requests of one method.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Number of requests by outcome, as [`outcome_label`] returns it.
    pub outcomes: Counts,
    /// The time until the answer was queued, by the core's clock. That clock stands still during an input, so this is
    /// the time spent waiting.
    pub time: Histogram,
}

impl Metrics {
    /// Counts an answered request. [`outcome_label`] returns the outcome.
    pub fn count_call(&mut self, method: &'static str, outcome: &'static str, time: Duration) {
        self.request_errors += u64::from(outcome != OUTCOME_OK);
        let calls = self.calls.entry(method).or_default();
        *calls.outcomes.entry(outcome).or_default() += 1;
        calls.time.observe(time);
    }
}

/// The label of a successful request.
const OUTCOME_OK: &str = "ok";

/// Returns the label for the outcome of a request. A front door adds labels for texts that are not requests, and for
/// unknown methods.
pub fn outcome_label(error: Option<FaultKind>) -> &'static str {
    match error {
        None => OUTCOME_OK,
        Some(FaultKind::Params) => "invalid_params",
        Some(FaultKind::NotAuthenticated) => "not_authenticated",
        Some(FaultKind::RateLimit) => "rate_limited",
        Some(FaultKind::Permission) => "not_permitted",
        Some(FaultKind::SessionExpired) => "other",
        Some(FaultKind::Gateway) => "gateway",
    }
}

/// The upper bounds of a [`Histogram`]'s buckets, in seconds. The last bucket has none.
pub const BUCKETS_SECONDS: [f64; 11] = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// A histogram of durations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Number of durations up to the bound with this index in [`BUCKETS_SECONDS`] and above the bound before it.
    pub counts: [u64; BUCKETS_SECONDS.len() + 1],
    /// The sum of all durations.
    pub sum: Duration,
}

impl Histogram {
    /// Adds a duration.
    pub fn observe(&mut self, time: Duration) {
        let seconds = time.as_secs_f64();
        let at = BUCKETS_SECONDS.iter().take_while(|bound| seconds > **bound).count();
        self.counts[at] += 1;
        self.sum += time;
    }

    /// Returns the number of durations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i3::packet::Packet;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let mut times = Histogram::default();
        for millis in [0, 1, 2, 100, 60_000, 60_001] {
            times.observe(Duration::from_millis(millis));
        }
        assert_eq!(times.counts, [2, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!((times.count(), times.sum.as_millis()), (6, 120_104));
    }

    #[test]
    fn labels_are_of_a_fixed_set() {
        let [known, unknown] = ["tell", "made-up"].map(|kind| {
            let text = format!(r#"({{"{kind}",5,"Sage","bob","Alpha","ann","Bob","hi",}})"#);
            Packet::decode(text.as_bytes()).unwrap().0.body.label()
        });
        assert_eq!((known, unknown), ("tell", "other"));
        assert_eq!((outcome_label(None), outcome_label(Some(FaultKind::Params))), ("ok", "invalid_params"));
    }
}
