//! What an operator chooses for a router.

use std::time::Duration;

/// Which router's rules are followed. What each does is in [`crate::Router`]'s documentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Dead Souls 3.08, as *dalet, *i4 and *wpr run it: the one to use if nothing speaks for another.
    #[default]
    DeadSouls,
    /// CoffeeMud 5.11 as a stand-alone router.
    CoffeeMud,
    /// The published text of version 3, for peers that have never met a real router.
    Specification,
}

impl Dialect {
    /// All of them, with the names by which an operator chooses one.
    pub const NAMES: [(&str, Dialect); 3] = [
        ("dead-souls", Dialect::DeadSouls),
        ("coffeemud", Dialect::CoffeeMud),
        ("spec", Dialect::Specification),
    ];

    /// The dialect of that name.
    pub fn named(name: &str) -> Option<Dialect> {
        Dialect::NAMES.iter().find(|(known, _)| *known == name).map(|(_, dialect)| *dialect)
    }
}

/// What becomes of logins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Logins {
    /// They are judged.
    #[default]
    Judged,
    /// Each is passed over in silence, and the connection stays, as Dead Souls treats a mud that it has banned.
    Ignored,
    /// Each ends the connection at once, without a word, as CoffeeMud treats the name of another router.
    Closed,
}

/// What a router does wrong. All of it was seen on routers in use; none of it is wanted, but a peer must bear it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// What becomes of logins.
    pub logins: Logins,
    /// The routers that the startup-reply names, each with its `"ip port"`, in place of this one: a mud that follows
    /// such lists goes to the first. An empty one is what Dead Souls sends in its first two seconds.
    pub router_list: Option<Vec<(String, String)>>,
    /// The ids of lists are random instead of growing.
    pub random_list_ids: bool,
    /// What a mud addresses to itself, to see whether the link works, is eaten. CoffeeMud eats an `auth-mud-req`.
    pub eats_probes: bool,
    /// A second connection in the same second of wall-clock time is closed at once (Dead Souls).
    pub one_accept_a_second: bool,
    /// A mud that logs in within two seconds of the router's start gets its answers, with an empty router list, and is
    /// then forgotten: it is shown as down, and what it sends goes nowhere (Dead Souls loads its state twice). Takes effect
    /// when the router starts.
    pub forgets_first_logins: bool,
    /// The old connection of a mud that logs in on a new one stays open and deaf (Dead Souls; CoffeeMud always).
    pub keeps_old_connections: bool,
    /// The type of a channel that a mud adds is lost: it is `({})` until the next change of any channel, then 0 (Dead
    /// Souls).
    pub loses_channel_types: bool,
}

impl Faults {
    /// Those that were seen on a router of that dialect. What CoffeeMud does wrong is its dialect.
    pub fn seen(dialect: Dialect) -> Faults {
        let dead_souls = dialect == Dialect::DeadSouls;
        Faults {
            one_accept_a_second: dead_souls,
            forgets_first_logins: dead_souls,
            keeps_old_connections: dead_souls,
            loses_channel_types: dead_souls,
            ..Faults::default()
        }
    }
}

/// How a router is called, and how much it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterSettings {
    /// Whose rules it follows.
    pub dialect: Dialect,
    /// What it does wrong.
    pub faults: Faults,
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
    /// ones end the connection. CoffeeMud's limit is fixed: 65,536 bytes, and longer ones are dropped.
    pub frame_bytes_max: usize,
    /// Whether to drop what a driver's own parser does not take, as every LPC router does: white space between
    /// tokens, or an element without a comma after it. Off for muds that write it, on to test one that should not.
    /// CoffeeMud always reads by rules of its own.
    pub strict_text: bool,
    /// How long a connection may stay without a login. Dead Souls waits for ever. CoffeeMud's time is fixed: 10 s.
    pub startup_timeout: Duration,
    /// Bytes that may wait for one mud. A mud that reads no faster is cut off; Dead Souls loses packets instead.
    pub outbox_bytes_max: usize,
    /// Whether a mud that sends too much is ignored for a while, as Dead Souls does: more than ten points in one
    /// second, where a login counts six and a `channel-listen` nothing. The other dialects count nothing.
    pub flood_control: bool,
}

impl Default for RouterSettings {
    fn default() -> Self {
        RouterSettings {
            dialect: Dialect::default(),
            faults: Faults::default(),
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
