//! What the gateway counts: plain fields, read by `/metrics`, `stats` and the tests.

use crate::fault::FaultKind;
use crate::i3::packet::KINDS;
use std::collections::BTreeMap;
use std::time::Duration;

/// Counters by a word of a small, fixed set.
pub type Counts = BTreeMap<&'static str, u64>;

/// Counters since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Packets that came from routers.
    pub packets_received: u64,
    /// Packets handed to router connections.
    pub packets_sent: u64,
    /// Bytes that came from routers.
    pub router_bytes_received: u64,
    /// Frames that were no packet, and were dropped.
    pub frames_unreadable: u64,
    /// Packets of a type that is not served, or not for us.
    pub packets_ignored: u64,
    /// Unescaped quotes that were recovered.
    pub bare_quotes_repaired: u64,
    /// Strings that were not UTF-8 and were read as Latin-1.
    pub latin1_strings: u64,
    /// Packets that waited too long for the router and were given up, each with an event to its mud.
    pub packets_expired: u64,
    /// Times that a link became ready.
    pub router_logins: u64,
    /// Times that a link that was ready was lost, on request too.
    pub router_failures: u64,
    /// Times that a router said that our name is not ours, or that somebody else claims it.
    pub identity_warnings: u64,
    /// API connections accepted.
    pub connections_accepted: u64,
    /// API connections refused at a limit, of all or of one address.
    pub connections_refused: u64,
    /// API connections and requests refused for where they come from: an address, or a browser's origin.
    pub connections_forbidden: u64,
    /// Connections without a key that were closed to make room for others.
    pub strangers_evicted: u64,
    /// Requests without a key that were refused because their address had sent too many.
    pub strangers_limited: u64,
    /// Connections closed for what they sent: no HTTP, a broken WebSocket, too much, too slow.
    pub connections_at_fault: u64,
    /// TLS handshakes with clients that were finished.
    pub handshakes: u64,
    /// Those that failed, by [`HandshakeFault::name`](crate::machine::HandshakeFault::name).
    pub handshakes_failed: Counts,
    /// JSON-RPC requests, notifications among them.
    pub requests: u64,
    /// Requests answered with an error.
    pub request_errors: u64,
    /// Wrong API keys.
    pub keys_refused: u64,
    /// Wrong API keys that were told to wait, after other wrong ones from their address.
    pub keys_delayed: u64,
    /// Requests refused because their key's budget was used up.
    pub requests_limited: u64,
    /// Messages refused because their user's budget was used up.
    pub user_messages_limited: u64,
    /// Packets that a ban kept from coming in.
    pub packets_banned_in: u64,
    /// Packets that a ban kept from going out.
    pub packets_banned_out: u64,
    /// Sessions that were ended by an administrator.
    pub sessions_kicked: u64,
    /// Sessions that were ended because nothing came from them for too long.
    pub sessions_expired: u64,
    /// Events queued, counted for each recipient.
    pub events_delivered: u64,
    /// Events not queued because the recipient does not read, counted for each recipient.
    pub events_dropped: u64,
    /// Events given again, or late, to who was away, counted for each recipient.
    pub events_replayed: u64,
    /// Kept events that nobody came for in time.
    pub events_expired: u64,
    /// Inputs for connections that were gone.
    pub late_inputs: u64,
    /// Saves that failed.
    pub saves_failed: u64,
    /// Packets that came from routers, by type.
    pub received_by_kind: Counts,
    /// Packets handed to router connections, by type, but for the link's own: see [`crate::link::counts`].
    pub sent_by_kind: Counts,
    /// Packets not accepted because too many waited; who wanted to send them was told.
    pub packets_refused: u64,
    /// Bytes that routers have taken.
    pub router_bytes_sent: u64,
    /// Bytes that came from clients.
    pub api_bytes_received: u64,
    /// Bytes that clients have taken.
    pub api_bytes_sent: u64,
    /// Of the events that were not queued, those of one recipient's backlog, by what they were.
    pub events_dropped_by_weight: Counts,
    /// JSON-RPC requests, by method; what has no known method is under `unknown`.
    pub calls: BTreeMap<&'static str, Calls>,
    /// How long the store took to make changes durable, or to fail.
    pub save_time: Histogram,
}

/// The name of a packet type as a label: one that is not known is `other`, since anybody can make names up.
pub fn kind_label(kind: &str) -> &'static str {
    KINDS.iter().find(|known| **known == kind).copied().unwrap_or("other")
}

/// How requests of one method went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// By outcome: see [`outcome_label`].
    pub outcomes: Counts,
    /// Until the answer was queued, by the core's clock: it stands still within one input, so only waiting shows.
    pub time: Histogram,
}

impl Metrics {
    /// A request was answered, with that outcome: see [`outcome_label`].
    pub fn count_call(&mut self, method: &'static str, outcome: &'static str, time: Duration) {
        self.request_errors += u64::from(outcome != OUTCOME_OK);
        let calls = self.calls.entry(method).or_default();
        *calls.outcomes.entry(outcome).or_default() += 1;
        calls.time.observe(time);
    }
}

/// The label of a request that was carried out.
const OUTCOME_OK: &str = "ok";

/// The outcome of a request as a label. A front door adds labels for what is no request of a known method.
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

/// The upper bounds of a [`Histogram`]'s buckets, in seconds; the last bucket has none.
pub const BUCKETS_SECONDS: [f64; 11] = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// How long something took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// How often it took up to the bound of the same place in [`BUCKETS_SECONDS`], and more than the one before.
    pub counts: [u64; BUCKETS_SECONDS.len() + 1],
    /// All of it together.
    pub sum: Duration,
}

impl Histogram {
    /// It took so long.
    pub fn observe(&mut self, time: Duration) {
        let seconds = time.as_secs_f64();
        let at = BUCKETS_SECONDS.iter().take_while(|bound| seconds > **bound).count();
        self.counts[at] += 1;
        self.sum += time;
    }

    /// How often.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!((kind_label("tell"), kind_label("made-up")), ("tell", "other"));
        assert_eq!((outcome_label(None), outcome_label(Some(FaultKind::Params))), ("ok", "invalid_params"));
    }
}
