//! One mud that the gateway speaks for: its link, its queue, what its network told, and what is kept of it.

use crate::hub::Wake;
use crate::i3::{Value, text};
use crate::link::RouterLink;
use crate::link::pacer::Pacer;
use crate::machine::{Change, ConnId, Saved};
use crate::moderation::Bans;
use crate::network::{self, Chanlist, Channel, Listeners, Mudlist, Presence, Ucache};
use crate::notice::Repeated;
use crate::settings::{LinkSettings, MudSettings};
use crate::time::{Instant, Now};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Accepted messages that are remembered, so that an error can be traced to the one that caused it.
const SENT_MAX: usize = 256;

/// How long after the first login at a router its lists keep coming: Dead Souls sends one mud a packet, ten a second,
/// after it has sent them all at once.
const FIRST_LISTS_WITHIN: Duration = Duration::from_secs(30);

/// The space of the store that holds router passwords, by router and mud.
const PASSWORDS: &str = "password";

/// The space of the store that holds bans, by mud and id.
const BANS: &str = "ban";

/// The names of the routers whose passwords a store holds for a mud.
pub(crate) fn saved_passwords(saved: &Saved, mud: &str) -> Vec<String> {
    let space = format!("{PASSWORDS}/{mud}");
    saved.entries.iter().filter(|entry| entry.space == space).map(|entry| entry.key.clone()).collect()
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Mud {
    pub(crate) settings: MudSettings,
    pub(crate) link: RouterLink,
    pub(crate) link_wake: Option<Wake>,
    pub(crate) pacer: Pacer,
    /// Frames that were no packet.
    pub(crate) unreadable: Repeated,
    pub(crate) mudlist: Mudlist,
    pub(crate) chanlist: Chanlist,
    pub(crate) presence: Presence,
    pub(crate) ucache: Ucache,
    /// Who hears channels elsewhere.
    pub(crate) elsewhere: Listeners,
    /// The sessions that hear each channel.
    pub(crate) listeners: BTreeMap<String, BTreeSet<ConnId>>,
    /// Who is kept out.
    pub(crate) bans: Bans,
    passwords: BTreeMap<String, i64>,
    /// The router that the lists came from.
    lists_from: Option<String>,
    /// Until then a mud or channel that was not known before is no news: nothing was known before the login.
    quiet_until: Instant,
    sent: VecDeque<Sent>,
}

/// An accepted message.
#[derive(Debug)]
struct Sent {
    key: SentKey,
    message_id: String,
}

/// What an error's copy of a packet tells of it: type, sender, target mud and user, or channel.
type SentKey = [String; 4];

impl Mud {
    pub(crate) fn new(
        settings: MudSettings,
        link: &LinkSettings,
        presence_ttl: Duration,
        seed: u64,
        now: Now,
    ) -> Self {
        Mud {
            link: RouterLink::new(link.clone(), settings.clone(), seed, now),
            link_wake: None,
            unreadable: Repeated::default(),
            pacer: Pacer::new(link.packets_per_second, link.packets_burst, link.queue_packets_max),
            mudlist: Mudlist::default(),
            chanlist: Chanlist::default(),
            presence: Presence::new(presence_ttl),
            ucache: Ucache::default(),
            elsewhere: Listeners::default(),
            listeners: BTreeMap::new(),
            bans: Bans::default(),
            passwords: BTreeMap::new(),
            lists_from: None,
            quiet_until: Instant::ORIGIN,
            sent: VecDeque::new(),
            settings,
        }
    }

    fn space(&self, what: &str) -> String {
        format!("{what}/{}", self.settings.name)
    }

    /// Takes over what the store held. Says how many entries could not be read.
    pub(crate) fn restore(&mut self, saved: &Saved) -> usize {
        let [passwords, muds, channels, router, bans] =
            [PASSWORDS, "mudlist", "chanlist", "lists_from", BANS].map(|what| self.space(what));
        let mut unreadable = 0;
        for Change { space, key, value } in &saved.entries {
            let Some(value) = value else { continue };
            let text = std::str::from_utf8(value).unwrap_or_default();
            let mut good = true;
            if *space == passwords {
                match text.parse() {
                    Ok(password) => drop(self.passwords.insert(key.clone(), password)),
                    Err(_) => good = false,
                }
            } else if *space == muds {
                match serde_json::from_str(text) {
                    Ok(mud) => self.mudlist.restore(key.clone(), mud),
                    Err(_) => good = false,
                }
            } else if *space == channels {
                match serde_json::from_str(text) {
                    Ok(channel) => self.chanlist.restore(key.clone(), channel),
                    Err(_) => good = false,
                }
            } else if *space == bans {
                match (key.parse(), serde_json::from_str(text)) {
                    (Ok(id), Ok(ban)) => self.bans.restore(id, ban),
                    _ => good = false,
                }
            } else if *space == router {
                self.lists_from = Some(text.to_owned());
            }
            unreadable += usize::from(!good);
        }
        self.choose_password();
        unreadable
    }

    /// Sets the password that the router in turn knows.
    pub(crate) fn choose_password(&mut self) {
        let router = &self.link.router().name;
        let password = self.passwords.get(router).copied().unwrap_or(self.settings.router_password);
        self.link.set_password(password);
    }

    /// Keeps what a router gave as the password; gives the change to save, if there is one. 0 is no password and never
    /// replaces one; -1 (CoffeeMud) is one.
    pub(crate) fn keep_password(&mut self, router: &str, password: i64) -> Option<Change> {
        if password == 0 || self.passwords.get(router) == Some(&password) {
            return None;
        }
        self.passwords.insert(router.to_owned(), password);
        Some(Change {
            space: self.space(PASSWORDS),
            key: router.to_owned(),
            value: Some(password.to_string().into_bytes()),
        })
    }

    /// A login: lists of another router mean nothing here. Gives the changes to save.
    pub(crate) fn lists_of(&mut self, now: Instant, router: &str) -> Vec<Change> {
        self.chanlist.logged_in();
        if self.lists_from.as_deref() != Some(router) || self.mudlist.is_empty() {
            self.quiet_until = now + FIRST_LISTS_WITHIN;
        }
        if self.lists_from.as_deref() == Some(router) {
            return Vec::new();
        }
        self.lists_from = Some(router.to_owned());
        let (muds, channels) = (self.space("mudlist"), self.space("chanlist"));
        let delete = |space: &str, key| Change { space: space.to_owned(), key, value: None };
        let mut changes: Vec<_> = self.mudlist.clear().into_iter().map(|name| delete(&muds, name)).collect();
        changes.extend(self.chanlist.clear().into_iter().map(|name| delete(&channels, name)));
        changes.push(Change {
            space: self.space("lists_from"),
            key: String::new(),
            value: Some(router.as_bytes().to_vec()),
        });
        changes
    }

    /// Whether something that was not known before is news.
    pub(crate) fn is_news(&self, now: Instant) -> bool {
        now >= self.quiet_until
    }

    /// How a changed mud is saved.
    pub(crate) fn save_mud(&self, name: &str) -> Change {
        let value = self.mudlist.get(name).and_then(|mud: &network::Mud| serde_json::to_vec(mud).ok());
        Change { space: self.space("mudlist"), key: name.to_owned(), value }
    }

    /// How a changed channel is saved.
    pub(crate) fn save_channel(&self, name: &str) -> Change {
        let value = self.chanlist.get(name).and_then(|channel: &Channel| serde_json::to_vec(channel).ok());
        Change { space: self.space("chanlist"), key: name.to_owned(), value }
    }

    /// How a ban is saved that was added or removed.
    pub(crate) fn save_ban(&self, id: u64) -> Change {
        let ban = self.bans.iter().find(|(known, _, _)| *known == id);
        let value = ban.and_then(|(_, ban, _)| serde_json::to_vec(ban).ok());
        Change { space: self.space(BANS), key: id.to_string(), value }
    }

    /// Remembers an accepted message.
    pub(crate) fn remember_sent(&mut self, kind: &str, from_user: &str, to: [&str; 2], message_id: &str) {
        if self.sent.len() >= SENT_MAX {
            self.sent.pop_front();
        }
        let key = [kind, from_user, to[0], to[1]].map(str::to_owned);
        self.sent.push_back(Sent { key, message_id: message_id.to_owned() });
    }

    /// The message that a packet in an error is a copy of.
    pub(crate) fn message_of(&self, packet: &Value<'_>) -> Option<&str> {
        let Value::Array(fields) = packet else { return None };
        let field = |at: usize| match fields.get(at) {
            Some(Value::Str(bytes)) => text::decode(Cow::Borrowed(bytes)).0.into_owned(),
            _ => String::new(),
        };
        let kind = field(0);
        let target =
            if kind.starts_with("channel-") { [field(6), String::new()] } else { [field(4), field(5)] };
        let [to_mud, to_user] = target;
        let key = [kind, field(3), to_mud, to_user];
        self.sent.iter().rev().find(|sent| sent.key == key).map(|sent| sent.message_id.as_str())
    }

    /// Whether a service is advertised, and so served.
    pub(crate) fn offers(&self, service: &str) -> bool {
        self.settings.services.get(service).is_some_and(|value| *value != 0)
    }
}
