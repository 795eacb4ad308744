//! The spaces of the store: which families of durable facts there are, and what each is called.

/// A family of durable facts. All but [`Space::EventIds`], [`Space::Clock`] and [`Space::Marks`] have a part for each mud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// A mud's passwords, by the name of the router.
    Passwords,
    /// Where a mud's lists come from: one fact.
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
    /// How far events were delivered, by mud.
    Marks,
    /// The last event id that was set aside.
    EventIds,
    /// The clock for the age of what is kept.
    Clock,
}

impl Space {
    const fn name(self) -> &'static str {
        match self {
            Space::Passwords => "password",
            Space::ListsFrom => "lists_from",
            Space::Muds => "mudlist",
            Space::Channels => "chanlist",
            Space::Bans => "ban",
            Space::Events => "events",
            Space::Clients => "clients",
            Space::Marks => "delivered",
            Space::EventIds => "event_ids",
            Space::Clock => "clock",
        }
    }

    /// The space of the whole gateway.
    pub(crate) fn whole(self) -> String {
        self.name().to_owned()
    }

    /// The part of a mud.
    pub(crate) fn of(self, mud_name: &str) -> String {
        format!("{}/{mud_name}", self.name())
    }
}

/// Families that can be done without when too many changes wait for the store, those first that are missed least: lists
/// come again at the next login, and events are still in memory, so that only a restart would forget them.
pub(crate) const EXPENDABLE: [&str; 3] = ["mudlist/", "chanlist/", "events/"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_done_without_is_what_it_says() {
        let families = [Space::Muds, Space::Channels, Space::Events].map(|space| space.of(""));
        assert_eq!(families, EXPENDABLE);
    }
}
