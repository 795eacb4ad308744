//! The muds that a router knows, with their passwords and whether they are online.

use crate::settings::Dialect;
use i3_core::i3::Value;
pub(crate) use i3_core::i3::serving::{MudInfo, NEW_PROTOCOL, new_password};
use i3_core::machine::{Change, ConnId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The space of the store for muds.
pub(crate) const SPACE: &str = "router/mud";
/// The longest name. It fits the fixed buffers of the C clients.
pub(crate) const MUD_NAME_BYTES_MAX: usize = 128;
/// How long a mud may be offline. Then it is forgotten, and its name is free.
const FORGET_AFTER_SECONDS: u64 = 7 * 24 * 3600;
/// How many wrong passwords an address may send before it is blocked, as in Dead Souls.
const WRONG_PASSWORDS_MAX: u32 = 100;
/// How long an address is blocked.
const SHUT_OUT_SECONDS: u64 = 7 * 24 * 3600;
/// The most addresses with wrong passwords that are remembered.
const SUSPECTS_MAX: usize = 1024;
/// The names of unconfigured mudlibs. Dead Souls ignores all their packets.
const STOCK_NAMES: [&str; 4] = ["DeadSoulsWin", "DeadSoulsNew", "Your Mud's Name Here", "Your Muds Name"];

/// The id of a mud, as long as the router remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownMudId(u64);

impl KnownMudId {
    #[cfg(test)]
    pub(crate) fn for_test(id: u64) -> KnownMudId {
        KnownMudId(id)
    }
}

/// Whether a mud is online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Online, on this connection.
    Online(ConnId),
    /// Offline, since this second of the wall clock.
    Offline(u64),
}

/// A mud.
#[derive(Clone, Debug)]
pub(crate) struct KnownMud {
    pub(crate) name: String,
    pub(crate) password: i64,
    /// The address of its last login.
    pub(crate) ip: IpAddr,
    pub(crate) info: MudInfo,
    pub(crate) presence: Presence,
    /// The state in the mudlist: -1 is up, 0 is down, and a positive number is down for so many seconds.
    pub(crate) state: i64,
    /// The version of the protocol of its last login.
    pub(crate) protocol: u8,
}

/// The saved form of a mud. Its information is kept as LPC text.
#[derive(Serialize, Deserialize)]
struct SavedMud {
    password: i64,
    ip: IpAddr,
    info: String,
}

impl KnownMud {
    /// Returns its connection while it is online.
    pub(crate) fn conn(&self) -> Option<ConnId> {
        match self.presence {
            Presence::Online(conn) => Some(conn),
            Presence::Offline(_) => None,
        }
    }

    /// Returns its entry for the mudlist of a protocol.
    pub(crate) fn entry_under_name(&self, protocol: u8) -> (Value<'_>, Value<'static>) {
        let ip = self.ip.to_string();
        (Value::str(&self.name), self.info.entry(self.state, &ip, protocol < NEW_PROTOCOL).into_owned())
    }

    /// Returns the change that saves it.
    pub(crate) fn change(&self) -> Change {
        let saved = SavedMud { password: self.password, ip: self.ip, info: self.info.to_lpc() };
        // Numbers and strings can always be serialised.
        let value = serde_json::to_vec(&saved).ok();
        Change { space: SPACE.into(), key: self.name.as_str().into(), value: value.map(Arc::from) }
    }
}

/// The result of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginVerdict {
    /// The name is new.
    New,
    /// The mud comes back, with the right password or with a new one.
    Back {
        mud: KnownMudId,
        keep_password: bool,
    },
    /// The mud is online on another connection, which this one replaces.
    TakeOver {
        mud: KnownMudId,
        old: ConnId,
    },
    /// The name belongs to another mud, which is online.
    Impostor {
        online: ConnId,
    },
    WrongPassword,
}

/// All muds.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    muds: BTreeMap<KnownMudId, KnownMud>,
    by_name: BTreeMap<String, KnownMudId>,
    last_id: u64,
}

impl Registry {
    /// Checks that a mud may have this name.
    pub(crate) fn check_name(name: &str, router: &str, dialect: Dialect) -> Result<(), &'static str> {
        if name.is_empty() || name.len() > MUD_NAME_BYTES_MAX {
            return Err("a mud's name has 1 to 128 bytes");
        }
        if name == router {
            return Err("it has the router's name");
        }
        if dialect == Dialect::Specification && name.starts_with('*') {
            return Err("only a router's name starts with *");
        }
        if dialect == Dialect::DeadSouls && STOCK_NAMES.contains(&name) {
            return Err("it has a stock name: it must choose one of its own");
        }
        Ok(())
    }

    /// Restores a saved mud. Returns false if the saved value is invalid.
    pub(crate) fn load(&mut self, name: &str, value: &[u8], unix_second: u64) -> bool {
        let Ok(saved) = serde_json::from_slice::<SavedMud>(value) else { return false };
        let Some(info) = MudInfo::from_lpc(&saved.info) else { return false };
        let presence = Presence::Offline(unix_second);
        let SavedMud { password, ip, .. } = saved;
        let (name, protocol) = (name.to_owned(), NEW_PROTOCOL);
        self.insert(KnownMud { name, password, ip, info, presence, state: 0, protocol });
        true
    }

    /// Adds a mud.
    pub(crate) fn insert(&mut self, mud: KnownMud) -> KnownMudId {
        self.last_id += 1;
        let id = KnownMudId(self.last_id);
        self.by_name.insert(mud.name.clone(), id);
        self.muds.insert(id, mud);
        id
    }

    /// Removes a mud.
    pub(crate) fn remove(&mut self, id: KnownMudId) -> Option<KnownMud> {
        let mud = self.muds.remove(&id)?;
        self.by_name.remove(&mud.name);
        Some(mud)
    }

    pub(crate) fn get(&self, id: KnownMudId) -> Option<&KnownMud> {
        self.muds.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: KnownMudId) -> Option<&mut KnownMud> {
        self.muds.get_mut(&id)
    }

    /// Returns the mud of a name, in which case matters.
    pub(crate) fn find(&self, name: &str) -> Option<&KnownMud> {
        self.muds.get(self.by_name.get(name)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (KnownMudId, &KnownMud)> {
        self.muds.iter().map(|(id, mud)| (*id, mud))
    }

    /// Returns the muds that are online, with their connections.
    pub(crate) fn online(&self) -> impl Iterator<Item = (&KnownMud, ConnId)> {
        self.muds.values().filter_map(|mud| Some((mud, mud.conn()?)))
    }

    pub(crate) fn len(&self) -> usize {
        self.muds.len()
    }

    /// Returns how many muds last logged in from an address.
    pub(crate) fn known_from(&self, ip: IpAddr) -> usize {
        self.muds.values().filter(|mud| mud.ip == ip).count()
    }

    /// Decides about a login as Dead Souls does. An unknown name is accepted. A known one needs its password or its last
    /// address, and the name of a mud that is online needs both.
    pub(crate) fn judge(&self, name: &str, ip: IpAddr, password: i64) -> LoginVerdict {
        let Some(&mud) = self.by_name.get(name) else { return LoginVerdict::New };
        let known = &self.muds[&mud];
        let (right, same_ip) = (known.password == password, known.ip == ip);
        match known.presence {
            Presence::Online(old) if right && same_ip => LoginVerdict::TakeOver { mud, old },
            Presence::Online(online) => LoginVerdict::Impostor { online },
            Presence::Offline(_) if right || same_ip => LoginVerdict::Back { mud, keep_password: right },
            Presence::Offline(_) => LoginVerdict::WrongPassword,
        }
    }

    /// Returns the muds that have been offline for a week.
    pub(crate) fn stale(&self, unix_second: u64) -> Vec<KnownMudId> {
        let is_stale = |mud: &KnownMud| match mud.presence {
            Presence::Online(_) => false,
            Presence::Offline(since) => unix_second >= since.saturating_add(FORGET_AFTER_SECONDS),
        };
        self.muds.iter().filter(|(_, mud)| is_stale(mud)).map(|(id, _)| *id).collect()
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Suspect {
    tries: u32,
    /// Blocked until this second of the wall clock.
    until: u64,
}

/// The addresses that have sent wrong passwords.
#[derive(Debug, Default)]
pub(crate) struct Suspects(BTreeMap<IpAddr, Suspect>);

impl Suspects {
    /// Notes a wrong password from an address other than the mud's last one.
    pub(crate) fn wrong_password(&mut self, ip: IpAddr, unix_second: u64) {
        if self.0.len() >= SUSPECTS_MAX && !self.0.contains_key(&ip) {
            self.0.pop_first();
        }
        let suspect = self.0.entry(ip).or_default();
        suspect.tries += 1;
        if suspect.tries > WRONG_PASSWORDS_MAX {
            *suspect = Suspect { tries: 0, until: unix_second.saturating_add(SHUT_OUT_SECONDS) };
        }
    }

    /// Whether the address is blocked.
    pub(crate) fn is_shut_out(&self, ip: IpAddr, unix_second: u64) -> bool {
        self.0.get(&ip).is_some_and(|suspect| unix_second < suspect.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Incoming;
    use i3_core::effects::Effects;

    const STARTUP: &str = r#"({"startup-req-3",5,"A",0,"*r",0,0,-1,-1,4000,4006,4008,"L","B","D","T","open","e@x",(["tell":1,"channel":1,]),0,})"#;

    fn info(text: &str) -> Result<MudInfo, &'static str> {
        MudInfo::from_startup(&Incoming::read(text.as_bytes()).unwrap(), NEW_PROTOCOL)
    }

    fn mud(name: &str, presence: Presence) -> KnownMud {
        let ip = IpAddr::from([10, 0, 0, 1]);
        let (info, protocol) = (info(STARTUP).unwrap(), NEW_PROTOCOL);
        KnownMud { name: name.to_owned(), password: 123_456_789, ip, info, presence, state: 0, protocol }
    }

    #[test]
    fn a_login_is_judged_by_password_address_and_presence() {
        let mut effects = Effects::default();
        let conn = effects.open();
        let mut registry = Registry::default();
        let off = registry.insert(mud("Off", Presence::Offline(0)));
        let on = registry.insert(mud("On", Presence::Online(conn)));
        let (same, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let (right, wrong) = (123_456_789, 0);
        for (name, ip, password, verdict) in [
            ("New", same, wrong, LoginVerdict::New),
            ("off", same, right, LoginVerdict::New),
            ("Off", same, right, LoginVerdict::Back { mud: off, keep_password: true }),
            ("Off", other, right, LoginVerdict::Back { mud: off, keep_password: true }),
            ("Off", same, wrong, LoginVerdict::Back { mud: off, keep_password: false }),
            ("Off", other, wrong, LoginVerdict::WrongPassword),
            ("On", same, right, LoginVerdict::TakeOver { mud: on, old: conn }),
            ("On", same, wrong, LoginVerdict::Impostor { online: conn }),
            ("On", other, right, LoginVerdict::Impostor { online: conn }),
            ("On", other, wrong, LoginVerdict::Impostor { online: conn }),
        ] {
            assert_eq!(registry.judge(name, ip, password), verdict, "{name} {ip} {password}");
        }
    }

    #[test]
    fn a_mud_comes_back_from_what_was_saved() {
        let before = mud("A b", Presence::Offline(0));
        let change = before.change();
        assert_eq!((&*change.space, &*change.key), ("router/mud", "A b"));
        let mut registry = Registry::default();
        assert!(registry.load("A b", &change.value.unwrap(), 50));
        let after = registry.find("A b").unwrap();
        assert_eq!((after.password, after.ip, &after.info), (before.password, before.ip, &before.info));
        assert_eq!(after.presence, Presence::Offline(50));
        assert!(registry.stale(50 + FORGET_AFTER_SECONDS - 1).is_empty());
        assert_eq!(registry.stale(50 + FORGET_AFTER_SECONDS).len(), 1);
        assert!(!registry.load("B", b"{}", 50));
        assert!(!registry.load("B", b"\xff", 50));
    }

    #[test]
    fn stock_names_are_not_admitted() {
        assert!(Registry::check_name("Your Mud's Name Here", "*r", Dialect::DeadSouls).is_err());
        assert!(Registry::check_name("DeadSoulsNew", "*r", Dialect::DeadSouls).is_err());
        assert!(Registry::check_name("*r", "*r", Dialect::DeadSouls).is_err());
        assert!(Registry::check_name("", "*r", Dialect::DeadSouls).is_err());
        assert!(Registry::check_name("DeadSoulsNew", "*r", Dialect::Specification).is_ok());
        assert!(Registry::check_name("*x", "*r", Dialect::Specification).is_err());
        assert!(Registry::check_name("DeadSouls2", "*r", Dialect::DeadSouls).is_ok());
    }

    #[test]
    fn an_address_is_shut_out_after_a_hundred_wrong_passwords() {
        let mut suspects = Suspects::default();
        let ip = IpAddr::from([10, 0, 0, 9]);
        for _ in 0..WRONG_PASSWORDS_MAX {
            suspects.wrong_password(ip, 10);
        }
        assert!(!suspects.is_shut_out(ip, 10));
        suspects.wrong_password(ip, 10);
        assert!(suspects.is_shut_out(ip, 9 + SHUT_OUT_SECONDS));
        assert!(!suspects.is_shut_out(ip, 10 + SHUT_OUT_SECONDS));
    }
}
