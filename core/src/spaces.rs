//! The spaces of the store: the families of durable entries, and their names.

/// A family of durable entries. All but [`Space::EventIds`], [`Space::Clock`] and [`Space::Marks`] have one space for each
/// mud.
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
            Space::Clients => "clients",
            Space::Marks => "delivered",
            Space::EventIds => "event_ids",
            Space::Clock => "clock",
            Space::Home => "i3_login",
        }
    }

    /// Returns the space of the whole gateway.
    pub(crate) fn whole(self) -> String {
        self.name().to_owned()
    }

    /// Returns the space of a mud.
    pub(crate) fn of(self, mud_name: &str) -> String {
        format!("{}/{mud_name}", self.name())
    }
}
