//! The settings of a router.

use std::time::Duration;

/// The router whose rules are followed. The documentation of [`crate::Router`] describes each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Dead Souls 3.08, as *dalet, *i4 and *wpr run it. This is the default.
    #[default]
    DeadSouls,
    /// CoffeeMud 5.11 as a stand-alone router.
    CoffeeMud,
    /// The published specification of version 3, for peers that were written without a real router.
    Specification,
}

impl Dialect {
    /// All dialects, with their names on the command line.
    pub const NAMES: [(&str, Dialect); 3] = [
        ("dead-souls", Dialect::DeadSouls),
        ("coffeemud", Dialect::CoffeeMud),
        ("spec", Dialect::Specification),
    ];

    /// Returns the dialect of a name.
    pub fn named(name: &str) -> Option<Dialect> {
        Dialect::NAMES.iter().find(|(known, _)| *known == name).map(|(_, dialect)| *dialect)
    }
}

/// How a router treats logins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Logins {
    /// Logins are accepted or refused by the rules.
    #[default]
    Judged,
    /// Each login is ignored, and the connection stays open, as Dead Souls treats a banned mud.
    Ignored,
    /// Each login ends the connection at once without an answer, as CoffeeMud treats a login for another router.
    Closed,
}

/// The faults that a router imitates. All were seen on real routers, and peers must cope with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// How logins are treated.
    pub logins: Logins,
    /// The routers in the startup-reply, each with its `"ip port"`, instead of this one. A mud that follows router lists
    /// goes to the first. Dead Souls sends an empty list in its first two seconds.
    pub router_list: Option<Vec<(String, String)>>,
    /// The ids of lists are random instead of growing.
    pub random_list_ids: bool,
    /// Packets of a mud to itself, which test the link, are dropped. CoffeeMud drops an `auth-mud-req`.
    pub eats_probes: bool,
    /// A second connection in the same second of wall-clock time is closed at once (Dead Souls).
    pub one_accept_a_second: bool,
    /// A mud that logs in within two seconds of the router's start gets its answers, with an empty router list, and is
    /// then forgotten: it is shown as down, and its packets are dropped (Dead Souls loads its state twice). This takes
    /// effect when the router starts.
    pub forgets_first_logins: bool,
    /// The old connection of a mud that logs in on a new one stays open, and its packets are ignored (Dead Souls; CoffeeMud
    /// always).
    pub keeps_old_connections: bool,
    /// The type of a channel that a mud adds is lost: it is `({})` until the next change of any channel, then 0 (Dead
    /// Souls).
    pub loses_channel_types: bool,
}

impl Faults {
    /// Returns the faults that were seen on routers of a dialect. Those of CoffeeMud are part of its dialect.
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

/// The settings of a router: its name, its rules and its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterSettings {
    /// The router whose rules it follows.
    pub dialect: Dialect,
    /// The faults that it imitates.
    pub faults: Faults,
    /// Its name on the network, with the `*`.
    pub name: String,
    /// The address in the startup-reply, as one string `"ip port"`. A mud that follows router lists dials it.
    pub address: String,
    /// Channels that belong to the router itself, with their types: 0 for all muds except the banned ones, 1 for the
    /// admitted ones only, 2 for filtered.
    pub channels: Vec<(String, i64)>,
    /// The most connections at a time, logged in or not.
    pub connections_max: usize,
    /// The most muds that are remembered, online or not. Further names are refused.
    pub muds_max: usize,
    /// The most muds from one address, online or not. Dead Souls counts only those that are online. Here offline ones count
    /// too, because one peer could use up all names otherwise.
    pub muds_per_ip_max: usize,
    /// The longest frame that is read. A longer one ends the connection. The usual driver of Dead Souls accepts 10,000
    /// bytes, and newer drivers 256 KiB. The limit of CoffeeMud is fixed: it drops frames of more than 65,536 bytes.
    pub frame_bytes_max: usize,
    /// Whether to drop packets that the parser of an LPC driver does not accept: white space between tokens, or an element
    /// without a comma after it. Switch it on to test a mud. CoffeeMud always has its own rules.
    pub strict_text: bool,
    /// How long a connection may stay without a login. Dead Souls has no limit, and CoffeeMud a fixed one of 10 s.
    pub startup_timeout: Duration,
    /// The most bytes that may wait for a mud. A mud that reads too slowly is disconnected. Dead Souls drops packets instead.
    pub outbox_bytes_max: usize,
    /// Whether the flood control of Dead Souls is on: it ignores a mud for a while after more than ten points in one second.
    /// A login has six points, and a `channel-listen` none. Other dialects have no flood control.
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
