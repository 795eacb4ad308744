//! The spaces of the store: the families of durable entries, and their names.

use smol_str::{SmolStr, format_smolstr};

/// A family of entries of the store. Most families have one space for each mud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// A mud's passwords, by the name of the router.
    Passwords,
    /// When a mud last logged in, by the name of the router.
    Logins,
    /// The router that sent a mud's lists: one entry.
    ListsFrom,
    /// The muds of a mud's network, by name.
    Muds,
    /// The channels of a mud's network, by name.
    Channels,
    /// The bans of a mud, by id.
    Bans,
    /// The kept events of a mud, by id.
    Events,
    /// The lines of a mud's history, which no start reads, by id.
    Lines,
    /// The named clients of a mud.
    Clients,
    /// Which events of each mud were delivered.
    Marks,
    /// The last event id that was reserved.
    EventIds,
    /// The clock for the age of what is kept.
    Clock,
    /// The login of a mud that speaks Intermud-3 itself: one entry.
    Home,
    /// The state of a mud's link, as its holder sees it: one entry.
    Link,
    /// The packets of games that a mud's holder has to send.
    Out,
    /// The packets from a mud's router, for all nodes. It is not kept.
    Packets,
    /// Why packets of games were not sent. It is not kept.
    Gone,
    /// The logins of a mud's link, by the name of the router. It is not kept.
    LoggedIn,
    /// The users of a mud who are online, as its game has published them: one entry.
    Users,
    /// The sessions at a node, by their ids: one space for each start of a node.
    Sessions,
    /// Sessions that a start of a node must end. It is not kept.
    Kicks,
    /// The requests that a start of a node has let through. It is not kept.
    Used,
}

impl Space {
    const fn name(self) -> &'static str {
        match self {
            Space::Passwords => "password",
            Space::Logins => "login",
            Space::ListsFrom => "lists_from",
            Space::Muds => "mudlist",
            Space::Channels => "chanlist",
            Space::Bans => "ban",
            Space::Events => "events",
            Space::Lines => "line",
            Space::Clients => "clients",
            Space::Marks => "delivered",
            Space::EventIds => "event_ids",
            Space::Clock => "clock",
            Space::Home => "i3_login",
            Space::Link => "link",
            Space::Out => "out",
            Space::Packets => ">packet",
            Space::Gone => ">gone",
            Space::LoggedIn => ">login",
            Space::Users => "users",
            Space::Sessions => "session",
            Space::Kicks => ">kick",
            Space::Used => ">used",
        }
    }

    /// All families.
    const ALL: [Space; 22] = [
        Space::Passwords,
        Space::Logins,
        Space::ListsFrom,
        Space::Muds,
        Space::Channels,
        Space::Bans,
        Space::Events,
        Space::Lines,
        Space::Clients,
        Space::Marks,
        Space::EventIds,
        Space::Clock,
        Space::Home,
        Space::Link,
        Space::Out,
        Space::Packets,
        Space::Gone,
        Space::LoggedIn,
        Space::Users,
        Space::Sessions,
        Space::Kicks,
        Space::Used,
    ];

    /// Returns the family of a space, and the text after its `/`: the name of a mud, or of a node's start.
    pub(crate) fn parse(space: &str) -> Option<(Space, &str)> {
        let (name, rest) = space.split_once('/').unwrap_or((space, ""));
        Space::ALL.into_iter().find(|family| family.name() == name).map(|family| (family, rest))
    }

    /// Whether its changes are messages to other nodes, and no state of this one.
    pub(crate) fn is_message(self) -> bool {
        matches!(self, Space::Out | Space::Packets | Space::Gone | Space::LoggedIn)
    }

    /// Whether only gateways that share their store have it.
    pub(crate) fn is_of_nodes(self) -> bool {
        matches!(self, Space::Link | Space::Out | Space::Users | Space::Sessions)
    }

    /// Whether only the node that holds a mud may write its space. A password is saved by the node that was given it, also when
    /// it no longer holds the mud: no node can log in without it.
    pub(crate) fn is_of_holder(self) -> bool {
        matches!(
            self,
            Space::Logins
                | Space::ListsFrom
                | Space::Muds
                | Space::Channels
                | Space::Events
                | Space::Lines
                | Space::Link
                | Space::Packets
                | Space::Gone
                | Space::LoggedIn
        )
    }

    /// Returns the spaces that only the node that holds a mud may write.
    pub(crate) fn of_holder(mud: &str) -> Vec<SmolStr> {
        let families = Space::ALL.into_iter().filter(|family| family.is_of_holder());
        families.map(|family| family.of(mud)).collect()
    }

    /// Returns the space of the whole gateway.
    pub(crate) fn whole(self) -> SmolStr {
        SmolStr::new_static(self.name())
    }

    /// Returns the space of a mud, or of a start of a node.
    pub(crate) fn of(self, name: &str) -> SmolStr {
        format_smolstr!("{}/{name}", self.name())
    }
}
