//! What the gateway counts: plain fields, read by `/metrics`, `stats` and the tests.

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
    /// Connections closed for what they sent: no HTTP, a broken WebSocket, too much, too slow.
    pub connections_at_fault: u64,
    /// JSON-RPC requests, notifications among them.
    pub requests: u64,
    /// Requests answered with an error.
    pub request_errors: u64,
    /// Wrong API keys.
    pub keys_refused: u64,
    /// API keys that were not looked at, because their address must wait after wrong ones.
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
    /// Inputs for connections that were gone.
    pub late_inputs: u64,
    /// Saves that failed.
    pub saves_failed: u64,
}
