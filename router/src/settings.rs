//! What an operator chooses for a router.

use std::time::Duration;

/// How a router is called, and how much it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterSettings {
    /// Its name on the network, with the `*`.
    pub name: String,
    /// `"ip port"`, one string: what the startup-reply announces. A mud that follows router lists dials it.
    pub address: String,
    /// Channels that belong to the router itself, with their type: 0 all but the banned, 1 only the admitted,
    /// 2 filtered.
    pub channels: Vec<(String, i64)>,
    /// Connections at one time, logged in or not.
    pub connections_max: usize,
    /// Muds that are remembered, online or not. A further name is not admitted.
    pub muds_max: usize,
    /// Muds last seen at one address, online or not. Dead Souls refuses a further name when so many are online; here
    /// those that left count too, or one visitor could use up all names.
    pub muds_per_ip_max: usize,
    /// The longest frame that is read. Dead Souls' stock driver takes 10,000 bytes, newer drivers 256 KiB. Longer
    /// ones end the connection.
    pub frame_bytes_max: usize,
    /// Whether to drop what a driver's own parser does not take, as every LPC router does: white space between
    /// tokens, or an element without a comma after it. Off for muds that write it, on to test one that should not.
    pub strict_text: bool,
    /// How long a connection may stay without a login. Dead Souls waits for ever.
    pub startup_timeout: Duration,
    /// Bytes that may wait for one mud. A mud that reads no faster is cut off; Dead Souls loses packets instead.
    pub outbox_bytes_max: usize,
    /// Whether a mud that sends too much is ignored for a while, as Dead Souls does: more than ten points in one
    /// second, where a login counts six and a `channel-listen` nothing.
    pub flood_control: bool,
}

impl Default for RouterSettings {
    fn default() -> Self {
        RouterSettings {
            name: "*private".to_owned(),
            address: "127.0.0.1 8080".to_owned(),
            channels: vec![("demo_chat".to_owned(), 0), ("demo_code".to_owned(), 0)],
            connections_max: 256,
            muds_max: 1000,
            muds_per_ip_max: 32,
            frame_bytes_max: 256 * 1024,
            strict_text: false,
            startup_timeout: Duration::from_secs(120),
            outbox_bytes_max: 1024 * 1024,
            flood_control: true,
        }
    }
}
