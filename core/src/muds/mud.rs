//! One mud that the gateway speaks for.

use super::handed::{self, Handed};
use super::holding::Holding;
use super::home::Home;
use super::lists::Lists;
use super::logins::Logins;
use super::passwords::Passwords;
use super::questions::Questions;
use super::seen::Seen;
use super::sent::Sent;
use crate::contents::BySpace;
use crate::i3::packet::Packet;
use crate::link::RouterLink;
use crate::link::pacer::Pacer;
use crate::machine::{Change, Clear, SmolStr};
use crate::moderation::{Ban, Bans};
use crate::network::mudlist::Versions;
use crate::network::{Presence, RemoteSubscribers, Ucache};
use crate::notice::Repeated;
use crate::saved;
use crate::settings::{LinkSettings, MudSettings};
use crate::spaces::Space;
use crate::time::Now;
use crate::wake::Wake;

/// The state of a mud: its link, its queue, its network's lists, and its bans and passwords. Its settings are in the
/// gateway's settings.
#[derive(Debug)]
pub(crate) struct Mud {
    pub(crate) link: RouterLink,
    /// The deadline of the link that a timer is set for.
    pub(super) link_wake: Option<Wake>,
    pub(crate) pacer: Pacer,
    /// Unreadable frames.
    pub(crate) unreadable: Repeated,
    pub(crate) lists: Lists,
    pub(crate) presence: Presence,
    pub(crate) ucache: Ucache,
    /// The subscribers of channels on other muds.
    pub(crate) elsewhere: RemoteSubscribers,
    pub(crate) bans: Bans,
    pub(crate) passwords: Passwords,
    pub(crate) sent: Sent,
    /// The router of the last login is a CoffeeMud's, which has no passwords. It passes on neither emotetos nor beeps,
    /// sends no channel list on request, and writes strings without escapes.
    pub(crate) behind_coffeemud: bool,
    pub(crate) questions: Questions,
    pub(crate) home: Home,
    /// Packets of games for the holder of the mud, where nodes share a store.
    pub(crate) handed: Handed,
    /// The packets of the router that were handled, where nodes share a store.
    pub(crate) packets: Seen,
    /// The number of the last packet of the router that this node has passed to all nodes, and the lease under which it did.
    pub(crate) last_packet: u64,
    pub(crate) last_packet_of: u64,
    pub(crate) holding: Holding,
}

impl Mud {
    /// Creates a mud whose link dials at once.
    pub(crate) fn new(settings: &MudSettings, seed: u64, now: Now) -> Self {
        Mud {
            link: RouterLink::new(settings, seed, now),
            link_wake: None,
            pacer: Pacer::default(),
            unreadable: Repeated::default(),
            lists: Lists::default(),
            presence: Presence::default(),
            ucache: Ucache::default(),
            elsewhere: RemoteSubscribers::default(),
            bans: Bans::default(),
            passwords: Passwords::default(),
            sent: Sent::default(),
            questions: Questions::default(),
            behind_coffeemud: false,
            home: Home::default(),
            handed: Handed::default(),
            packets: Seen::default(),
            last_packet: 0,
            last_packet_of: 0,
            holding: Holding::default(),
        }
    }

    /// Returns a packet as a frame for the router in use.
    pub(crate) fn frame(&self, settings: &LinkSettings, packet: &Packet<'_>) -> Vec<u8> {
        if settings.replace_quotes.unwrap_or(self.behind_coffeemud) {
            self.link.frame_without_escapes(packet)
        } else {
            self.link.frame(packet)
        }
    }

    /// Restores the state from the store's contents. Returns how many entries could not be read.
    ///
    /// The first login waits if the last one was a moment ago.
    pub(crate) fn restore(
        &mut self,
        settings: &MudSettings,
        saved: &BySpace<'_>,
        now: Now,
        versions: &mut Versions,
    ) -> usize {
        let mut logins = Logins::default();
        let spaces = [
            Space::Passwords,
            Space::Logins,
            Space::Muds,
            Space::Channels,
            Space::ListsFrom,
            Space::Bans,
            Space::Home,
            Space::Link,
            Space::Users,
        ];
        let mut unreadable = 0;
        let named = spaces.map(|space| (space, space.of(&settings.name)));
        for (space, (key, value)) in
            named.iter().flat_map(|(space, name)| saved.of(name).map(move |entry| (space, entry)))
        {
            let is_good = match space {
                Space::Passwords => self.passwords.restore(key, value),
                Space::Logins => logins.restore(key, value),
                Space::Muds => self.lists.restore_mud(key, value, versions),
                Space::Channels => self.lists.restore_channel(key, value),
                Space::ListsFrom => self.lists.restore_from(value),
                Space::Home => self.home.restore(value),
                Space::Link => self.holding.restore(value, now),
                Space::Users => self.presence.restore(now, value),
                _ => self.restore_ban(key, value),
            };
            unreadable += usize::from(!is_good);
        }
        unreadable += handed::restore(&mut self.handed, now, &settings.name, saved);
        self.choose_password(settings);
        self.restore_home(settings, now);
        let wait = logins.wait(&self.link.router().name, now.unix);
        if !wait.is_zero() {
            self.link.postpone(now.mono + wait);
        }
        unreadable
    }

    /// Returns all entries that the store must have of this mud, in the spaces that `clear` covers.
    pub(crate) fn entries(&self, mud_name: &str, clear: &Clear) -> Vec<Change> {
        let mut entries = self.lists.entries(mud_name, clear);
        if clear.covers(&Space::Passwords.of(mud_name)) {
            entries.extend(self.passwords.entries(mud_name));
        }
        if clear.covers(&Space::Home.of(mud_name)) {
            entries.extend(self.home.entry(mud_name));
        }
        if clear.covers(&Space::Link.of(mud_name)) {
            entries.extend(self.holding.entry());
        }
        if clear.covers(&Space::Bans.of(mud_name)) {
            entries.extend(self.bans.iter().map(|(id, ban, _)| ban_change(mud_name, id, Some(ban))));
        }
        if clear.covers(&Space::Users.of(mud_name)) && self.presence.saved().is_some() {
            entries.push(self.save_users(mud_name));
        }
        entries
    }

    /// Returns the change that saves the users who are online, for other nodes.
    pub(crate) fn save_users(&self, mud_name: &str) -> Change {
        let value = self.presence.saved();
        Change { space: Space::Users.of(mud_name), key: SmolStr::new_static("users"), value }
    }

    /// Applies a ban that another node has made, changed or removed. Returns whether it can be read.
    pub(crate) fn ban_elsewhere(&mut self, key: &str, value: Option<&[u8]>) -> bool {
        match (value, key.parse()) {
            (Some(value), _) => self.restore_ban(key, value),
            (None, Ok(id)) => {
                self.bans.remove(id);
                true
            }
            (None, Err(_)) => false,
        }
    }

    /// Prepares the link of a mud that logs in here itself: as it has announced itself, if it was here before. From now on the
    /// mud is away. If the gateway has logged it off because of that, the link waits for the mud.
    fn restore_home(&mut self, settings: &MudSettings, now: Now) {
        if settings.i3.is_none() {
            return;
        }
        self.link.announce(self.home.info().cloned());
        if self.home.is_off() {
            self.link.lie_down();
        } else {
            self.home.away_since = Some(now.mono);
        }
    }

    fn restore_ban(&mut self, key: &str, value: &[u8]) -> bool {
        match (key.parse(), saved::read(value)) {
            (Ok(id), Some(ban)) => {
                self.bans.restore(id, ban);
                true
            }
            _ => false,
        }
    }

    /// Returns the change that saves a ban, or its removal.
    pub(crate) fn save_ban(&self, mud_name: &str, id: u64) -> Change {
        let ban = self.bans.iter().find(|(known, _, _)| *known == id);
        ban_change(mud_name, id, ban.map(|(_, ban, _)| ban))
    }

    /// Returns the passwords of this mud, which nobody is shown.
    pub(crate) fn secrets(&self, settings: &MudSettings) -> Vec<i64> {
        self.passwords.all().chain([settings.router_password]).chain(self.home.secrets()).collect()
    }

    /// Gives the link the password for the router that it dials next: the saved one, or else the one in the settings.
    pub(crate) fn choose_password(&mut self, settings: &MudSettings) {
        let saved = self.passwords.at(&self.link.router().name);
        let set = Some(settings.router_password).filter(|set| *set != 0);
        // The mud may have logged in at this router itself before it stood behind the gateway.
        let own = self.home.first_password().filter(|_| settings.i3.is_some());
        self.link.set_password(saved.or(set).or(own).unwrap_or(0));
    }
}

fn ban_change(mud_name: &str, id: u64, ban: Option<&Ban>) -> Change {
    Change { space: Space::Bans.of(mud_name), key: id.to_string().into(), value: ban.and_then(saved::write) }
}
