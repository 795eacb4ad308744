//! Capabilities of IRCv3.

/// The capabilities that a client has asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Caps(u16);

impl Caps {
    pub(super) const SASL: Caps = Caps(1);
    pub(super) const TIME: Caps = Caps(1 << 1);
    pub(super) const TAGS: Caps = Caps(1 << 2);
    pub(super) const BATCH: Caps = Caps(1 << 3);
    pub(super) const LABELS: Caps = Caps(1 << 4);
    pub(super) const ECHO: Caps = Caps(1 << 5);
    pub(super) const HISTORY: Caps = Caps(1 << 6);
    pub(super) const AWAY: Caps = Caps(1 << 7);
    pub(super) const HOSTS: Caps = Caps(1 << 8);
    pub(super) const NOTIFY: Caps = Caps(1 << 9);
    pub(super) const REPLIES: Caps = Caps(1 << 10);
    /// Nobody has a prefix here, so it changes nothing; clients ask for it together with others.
    pub(super) const PREFIXES: Caps = Caps(1 << 11);

    /// Every capability by its name.
    pub(super) const ALL: [(&'static str, Caps); 12] = [
        ("away-notify", Caps::AWAY),
        ("batch", Caps::BATCH),
        ("cap-notify", Caps::NOTIFY),
        ("draft/chathistory", Caps::HISTORY),
        ("echo-message", Caps::ECHO),
        ("labeled-response", Caps::LABELS),
        ("message-tags", Caps::TAGS),
        ("multi-prefix", Caps::PREFIXES),
        ("sasl", Caps::SASL),
        ("server-time", Caps::TIME),
        ("standard-replies", Caps::REPLIES),
        ("userhost-in-names", Caps::HOSTS),
    ];

    /// Whether it holds all of these.
    pub(super) fn has(self, other: Caps) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the names, in the order of [`Caps::ALL`].
    pub(super) fn names(self) -> Vec<&'static str> {
        Caps::ALL.iter().filter(|(_, cap)| self.has(*cap)).map(|(name, _)| *name).collect()
    }

    /// Returns these capabilities with the changes of a `CAP REQ`, or `None` if one is unknown.
    pub(super) fn changed(self, wanted: &str) -> Option<Caps> {
        wanted.split_ascii_whitespace().try_fold(self, |caps, name| {
            let (name, is_on) = name.strip_prefix('-').map_or((name, true), |name| (name, false));
            let (_, cap) = Caps::ALL.iter().find(|(known, _)| *known == name)?;
            Some(Caps(if is_on { caps.0 | cap.0 } else { caps.0 & !cap.0 }))
        })
    }

    /// Returns the list for `CAP LS`. Version 302 shows values.
    pub(super) fn listed(has_values: bool) -> String {
        let shown = |(name, cap): &(&str, Caps)| match *cap {
            Caps::SASL if has_values => "sasl=PLAIN".to_owned(),
            _ => (*name).to_owned(),
        };
        Caps::ALL.iter().map(shown).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_changes_all_or_nothing() {
        let caps = Caps::default().changed("batch server-time").unwrap();
        assert_eq!(caps.names(), ["batch", "server-time"]);
        assert_eq!(caps.changed("-batch echo-message").unwrap().names(), ["echo-message", "server-time"]);
        assert_eq!(caps.changed("echo-message nonsense"), None);
        assert!(Caps::listed(true).contains("sasl=PLAIN") && !Caps::listed(false).contains('='));
    }
}
