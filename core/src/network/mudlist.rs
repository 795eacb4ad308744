//! The muds of a network.

use super::limits::{ENTRY_BYTES, NAME_BYTES_MAX};
use crate::describe::cut;
use crate::describe::shape::{Described, Shape};
use crate::i3::packet::{Mapping, MudEntry, MudState};
use crate::i3::{Value, text};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// Number of muds that are kept. Deployed networks have some 170.
pub const MUDS_MAX: usize = 20_000;

/// Bytes of all muds that are kept.
pub const MUDS_BYTES_MAX: usize = 16_777_216;

/// The longest text about a mud that is kept, in bytes of JSON. The rest is cut off.
pub const MUD_TEXT_BYTES_MAX: usize = 1_024;

/// Each time that this number of further muds is known, those that no list has any more are forgotten.
const VERSIONS_LOOK: usize = 1_000;

/// Number of services of a mud that are kept. Deployed muds offer a dozen.
pub const SERVICES_MAX: usize = 100;

/// The longest name of a service that is kept, in bytes.
pub const SERVICE_NAME_BYTES_MAX: usize = 64;

/// The longest value of a service that is kept, in bytes of JSON. The rest is cut off.
pub const SERVICE_VALUE_BYTES_MAX: usize = 128;

/// A mud, as the API returns it and the store holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownMud {
    /// The address, as the router sees it.
    pub host: String,
    /// The port for players.
    pub port: i64,
    /// The out-of-band TCP port.
    pub tcp_port: i64,
    /// The out-of-band UDP port.
    pub udp_port: i64,
    /// The driver.
    pub driver: String,
    /// The mudlib.
    pub mudlib: String,
    /// The type of mud: `LPMud`, `Diku`, …
    pub mud_type: String,
    /// Whether it is up.
    pub status: Status,
    /// The services that it offers. Each value is 1, a port or a version.
    pub services: BTreeMap<String, ServiceValue>,
    /// Free text about whether the mud is open.
    pub open_status: String,
    /// The e-mail address of its administrator.
    pub admin_email: String,
    /// The mudlib that its mudlib is derived from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub base_mudlib: String,
    /// Its other data, as LPC text; empty if it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub other_data: String,
}

/// The value of a service: 1, a port, or a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ServiceValue {
    /// A number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text.
    Text(String),
}

impl ServiceValue {
    /// Whether the service is offered.
    pub fn is_on(&self) -> bool {
        *self != ServiceValue::Int(0)
    }
}

impl Described for ServiceValue {
    const SHAPE: Shape = Shape::Any;
}

/// Whether a mud is on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is on the network.
    Up,
    /// It is not on the network.
    Down,
}

impl Described for Status {
    const SHAPE: Shape = Shape::OneOf(&["up", "down"]);
}

impl KnownMud {
    fn from_entry(entry: &MudEntry<'_>) -> Self {
        let services = entry.services.0.iter().filter_map(|(name, value)| {
            let value = match value {
                Value::Int(int) => ServiceValue::Int(*int),
                Value::Float(float) => ServiceValue::Float(*float),
                Value::Str(bytes) => {
                    let text = text::decode(Cow::Borrowed(bytes)).0;
                    ServiceValue::Text(cut::text(&text, SERVICE_VALUE_BYTES_MAX))
                }
                Value::Array(_) | Value::Map(_) | Value::Class(_) => return None,
            };
            (name.len() <= SERVICE_NAME_BYTES_MAX).then(|| (name.clone().into_owned(), value))
        });
        let short = |text: &str| cut::text(text, MUD_TEXT_BYTES_MAX);
        KnownMud {
            host: short(&entry.ip),
            port: entry.player_port,
            tcp_port: entry.imud_tcp_port,
            udp_port: entry.imud_udp_port,
            driver: short(&entry.driver),
            mudlib: short(&entry.mudlib),
            mud_type: short(&entry.mud_type),
            status: if entry.state == MudState::Up { Status::Up } else { Status::Down },
            services: services.take(SERVICES_MAX).collect(),
            open_status: short(&entry.open_status),
            admin_email: short(&entry.admin_email),
            base_mudlib: short(&entry.base_mudlib),
            other_data: other_data(&entry.other_data),
        }
    }

    /// Returns its entry in a mudlist: thirteen elements, or the eleven of protocols 1 and 2.
    pub fn entry(&self, is_old: bool) -> Value<'static> {
        let text = |text: &str| Value::Str(Cow::Owned(text.as_bytes().to_vec()));
        let service = |value: &ServiceValue| match value {
            ServiceValue::Int(int) => Value::Int(*int),
            ServiceValue::Float(float) => Value::Float(*float),
            ServiceValue::Text(value) => text(value),
        };
        let services = self.services.iter().map(|(name, value)| (text(name), service(value)));
        let state = if self.status == Status::Up { MudState::Up } else { MudState::Down };
        let mut entry = vec![Value::Int(state.to_wire()), text(&self.host)];
        entry.extend([self.port, self.tcp_port, self.udp_port].map(Value::Int));
        let texts = [&self.mudlib, &self.base_mudlib, &self.driver, &self.mud_type, &self.open_status];
        entry.extend(texts.into_iter().map(|one| text(one)));
        if !is_old {
            entry.push(text(&self.admin_email));
        }
        entry.push(Value::Map(services.collect()));
        if !is_old {
            let data = Value::parse(self.other_data.as_bytes());
            entry.push(data.map_or(Value::Int(0), Value::into_owned));
        }
        Value::Array(entry)
    }

    /// Returns the bytes that it needs under this name.
    fn bytes(&self, name: &str) -> usize {
        let Self { host, driver, mudlib, mud_type, open_status, admin_email, services, .. } = self;
        let Self { base_mudlib, other_data, .. } = self;
        let texts = [host, driver, mudlib, mud_type, open_status, admin_email, base_mudlib, other_data];
        let texts = texts.map(String::len);
        let service = |(name, value): (&String, &ServiceValue)| {
            let text = if let ServiceValue::Text(text) = value { text.len() } else { 0 };
            ENTRY_BYTES + name.len() + text
        };
        ENTRY_BYTES + name.len() + texts.iter().sum::<usize>() + services.iter().map(service).sum::<usize>()
    }

    /// Whether it is a CoffeeMud, whose reader stops working at an emoteto.
    pub fn is_coffeemud(&self) -> bool {
        self.driver.contains("CoffeeMud") || self.mudlib.contains("CoffeeMud")
    }
}

/// Returns the other data of a mud as LPC text, if there are any, and not too many.
fn other_data(value: &Value<'_>) -> String {
    if !matches!(value, Value::Map(entries) if !entries.is_empty()) {
        return String::new();
    }
    let mut bytes = Vec::new();
    value.write(&mut bytes);
    let written = text::decode(Cow::Owned(bytes)).0;
    if written.len() <= MUD_TEXT_BYTES_MAX { written.into_owned() } else { String::new() }
}

/// A change of a mud, from a mudlist packet.
#[derive(Clone, Debug, PartialEq)]
pub struct MudChange {
    /// The mud.
    pub name: String,
    /// The status before, if it was known.
    pub before: Option<Status>,
    /// The status now; `None` when it was removed.
    pub after: Option<Status>,
}

/// The result of looking up a mud by a caller's name for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// The name means this mud.
    One(&'a str),
    /// The name may mean any of these muds.
    Several(Vec<&'a str>),
    /// No known mud has such a name.
    Nobody,
}

/// The latest version of each mud that any list has. What lists have in common is in memory once.
#[derive(Debug, Default)]
pub struct Versions(BTreeMap<SmolStr, Arc<KnownMud>>);

impl Versions {
    /// Returns the one copy of a version of a mud.
    fn one(&mut self, name: &SmolStr, mud: KnownMud) -> Arc<KnownMud> {
        if let Some(known) = self.0.get(name).filter(|known| ***known == mud) {
            return Arc::clone(known);
        }
        let mud = Arc::new(mud);
        if self.0.insert(name.clone(), Arc::clone(&mud)).is_none()
            && self.0.len().is_multiple_of(VERSIONS_LOOK)
        {
            // What no list has any more.
            self.0.retain(|_, known| Arc::strong_count(known) > 1);
            self.0.insert(name.clone(), Arc::clone(&mud));
        }
        mud
    }
}

/// All muds of one network, by their exact names.
#[derive(Clone, Debug, Default)]
pub struct Mudlist {
    muds: BTreeMap<SmolStr, Arc<KnownMud>>,
    bytes: usize,
    /// Number of those that are up.
    online: usize,
    /// The id of the last packet. Some routers choose it at random, so it never decides the order of packets.
    pub id: i64,
}

impl Mudlist {
    /// Merges one packet. Batches have arbitrary ids, so an id does not show what is new.
    pub fn apply(
        &mut self,
        id: i64,
        muds: &Mapping<'_, Option<MudEntry<'_>>>,
        versions: &mut Versions,
    ) -> Vec<MudChange> {
        self.id = id;
        let mut changes = Vec::new();
        for (name, entry) in &muds.0 {
            let before = self.muds.get(&**name);
            match entry {
                Some(entry) => {
                    // A longer name is no mud's: nobody could name it.
                    if name.is_empty() || name.len() > NAME_BYTES_MAX {
                        continue;
                    }
                    let mud = KnownMud::from_entry(entry);
                    let bytes_before = before.map_or(0, |before| before.bytes(name));
                    let is_full = before.is_none() && self.muds.len() >= MUDS_MAX
                        || self.bytes - bytes_before + mud.bytes(name) > MUDS_BYTES_MAX;
                    if is_full || before.is_some_and(|before| **before == mud) {
                        continue;
                    }
                    let change = MudChange {
                        name: name.to_string(),
                        before: before.map(|mud| mud.status),
                        after: Some(mud.status),
                    };
                    changes.push(change);
                    self.put(SmolStr::new(name), mud, versions);
                }
                None => {
                    if let Some(gone) = self.remove(name) {
                        let before = Some(gone.status);
                        changes.push(MudChange { name: name.to_string(), before, after: None });
                    }
                }
            }
        }
        changes
    }

    /// Restores a saved mud.
    pub fn restore(&mut self, name: &str, mud: KnownMud, versions: &mut Versions) {
        self.put(SmolStr::new(name), mud, versions);
    }

    fn put(&mut self, name: SmolStr, mud: KnownMud, versions: &mut Versions) {
        self.remove(&name);
        self.bytes += mud.bytes(&name);
        self.online += usize::from(mud.status == Status::Up);
        let mud = versions.one(&name, mud);
        self.muds.insert(name, mud);
    }

    fn remove(&mut self, name: &str) -> Option<Arc<KnownMud>> {
        let removed = self.muds.remove(name)?;
        self.bytes -= removed.bytes(name);
        self.online -= usize::from(removed.status == Status::Up);
        Some(removed)
    }

    /// Removes all muds. Returns their names.
    pub fn clear(&mut self) -> Vec<SmolStr> {
        (self.bytes, self.online) = (0, 0);
        std::mem::take(&mut self.muds).into_keys().collect()
    }

    /// Returns the mud with exactly this name.
    pub fn get(&self, name: &str) -> Option<&KnownMud> {
        self.muds.get(name).map(|mud| &**mud)
    }

    /// Returns all muds, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &KnownMud)> {
        self.muds.iter().map(|(name, mud)| (name.as_str(), &**mud))
    }

    /// Returns the muds whose names come after this one, sorted by name.
    pub fn iter_after<'m>(&'m self, name: &str) -> impl Iterator<Item = (&'m str, &'m KnownMud)> + use<'m> {
        let after = (Bound::Excluded(name), Bound::Unbounded);
        self.muds.range::<str, _>(after).map(|(name, mud)| (name.as_str(), &**mud))
    }

    /// Returns the number of muds.
    pub fn len(&self) -> usize {
        self.muds.len()
    }

    /// Whether there are no muds.
    pub fn is_empty(&self) -> bool {
        self.muds.is_empty()
    }

    /// Returns the number of muds that are up.
    pub fn online(&self) -> usize {
        self.online
    }

    /// Finds a mud by a name as people write it: first the exact name, then the name in any case and with `.` for a
    /// blank, then a prefix that only one mud has. Muds that are up have precedence.
    pub fn lookup(&self, name: &str) -> Lookup<'_> {
        if let Some((exact, _)) = self.muds.get_key_value(name) {
            return Lookup::One(exact);
        }
        let folded: String = folded(name).collect();
        if folded.is_empty() {
            return Lookup::Nobody;
        }
        let (mut same, mut longer) = (Vec::new(), Vec::new());
        for (known, mud) in self.iter() {
            match begins_with(known, &folded) {
                Some(true) => same.push((known, mud)),
                Some(false) => longer.push((known, mud)),
                None => {}
            }
        }
        let all = if same.is_empty() { longer } else { same };
        let is_up = |(_, mud): &&(&str, &KnownMud)| mud.status == Status::Up;
        let any_up = all.iter().any(|one| is_up(&one));
        let found: Vec<&str> =
            all.iter().filter(|one| !any_up || is_up(one)).map(|(name, _)| *name).collect();
        match found[..] {
            [] => Lookup::Nobody,
            [one] => Lookup::One(one),
            _ => Lookup::Several(found),
        }
    }
}

/// The characters of a name as people write it.
fn folded(name: &str) -> impl Iterator<Item = char> {
    name.chars().flat_map(char::to_lowercase).map(|c| if c == '.' { ' ' } else { c })
}

/// Whether a name begins with a folded one: `Some(true)` if it is the same, `None` if it does not. It allocates nothing,
/// since it runs for each known mud.
fn begins_with(known: &str, wanted: &str) -> Option<bool> {
    // Nearly all names differ in their first letter.
    if let (Some(a), Some(b)) = (known.bytes().next(), wanted.bytes().next())
        && a.is_ascii_alphanumeric()
        && a.to_ascii_lowercase() != b
    {
        return None;
    }
    let mut known = folded(known);
    wanted.chars().all(|c| known.next() == Some(c)).then(|| known.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i3::packet::{Body, Packet};

    fn apply(list: &mut Mudlist, muds: &str) -> Vec<MudChange> {
        let text = format!(r#"({{"mudlist",5,"*r",0,"A",0,7,([{muds}]),}})"#);
        let Body::Mudlist { id, muds } = Packet::decode(text.as_bytes()).unwrap().0.body else { panic!() };
        list.apply(id, &muds, &mut Versions::default())
    }

    fn entry(name: &str, state: i64) -> String {
        format!(r#""{name}":({{{state},"1.2.3.4",4000,0,0,"l","b","d","t","o","e",(["tell":1,]),0,}}),"#)
    }

    #[test]
    fn only_what_changed_is_reported() {
        let mut list = Mudlist::default();
        assert_eq!(apply(&mut list, &(entry("A", -1) + &entry("B", 0))).len(), 2);
        assert_eq!(apply(&mut list, &(entry("A", -1) + &entry("B", 0))), []);
        let changes = apply(&mut list, &(entry("B", -1) + "\"A\":0,\"never known\":0,"));
        assert_eq!(changes.len(), 2);
        assert_eq!((changes[0].before, changes[0].after), (Some(Status::Down), Some(Status::Up)));
        assert_eq!((changes[1].name.as_str(), changes[1].after), ("A", None));
        assert_eq!((list.len(), list.online(), list.id), (1, 1, 7));
    }

    #[test]
    fn what_two_lists_have_in_common_is_kept_once() {
        let (mut one, mut other) = (Mudlist::default(), Mudlist::default());
        let mut versions = Versions::default();
        for (list, of_b) in [(&mut one, 0), (&mut other, -1)] {
            let text =
                format!(r#"({{"mudlist",5,"*r",0,"B",0,8,([{}{}]),}})"#, entry("A", -1), entry("B", of_b));
            let Body::Mudlist { id, muds } = Packet::decode(text.as_bytes()).unwrap().0.body else {
                panic!()
            };
            assert_eq!(list.apply(id, &muds, &mut versions).len(), 2);
        }
        assert!(Arc::ptr_eq(&one.muds["A"], &other.muds["A"]), "the same");
        assert_ne!(one.muds["B"], other.muds["B"], "each list has what its router has said");
        assert_eq!((one.online(), other.online()), (1, 2));
        other.clear();
        assert_eq!((other.online(), other.bytes), (0, 0));
        // What no list has any more is forgotten.
        let mud = KnownMud::clone(&one.muds["A"]);
        one.clear();
        for number in 0..VERSIONS_LOOK {
            other.restore(&format!("{number}"), mud.clone(), &mut versions);
        }
        assert!(versions.0.len() >= VERSIONS_LOOK && !versions.0.contains_key("B"));
    }

    #[test]
    fn an_entry_is_bounded() {
        let mut list = Mudlist::default();
        let long = "\u{1b}".repeat(10_000);
        let services: String = (0..200).map(|n| format!("\"s{n:03}\":\"{long}\",")).collect();
        let name = "n".repeat(NAME_BYTES_MAX);
        let entry = |name: &str| {
            format!(r#""{name}":({{-1,"{long}",4000,0,0,"{long}","b","d","t","o","e",([{services}]),0,}}),"#)
        };
        assert_eq!(
            apply(&mut list, &(entry(&name) + &entry(&format!("{name}n")))).len(),
            1,
            "a name may not be longer"
        );
        let mud = list.get(&name).unwrap();
        let bytes = serde_json::to_string(mud).unwrap().len();
        assert!(bytes < 20_000, "{bytes}");
        assert_eq!(mud.services.len(), SERVICES_MAX);
        assert!(mud.host.ends_with(cut::CUT_MARK));
        assert_eq!(list.iter_after("m").count() + list.iter_after(&name).count(), 1);
    }

    #[test]
    fn names_are_found_in_any_case_and_by_prefix() {
        let mut list = Mudlist::default();
        apply(
            &mut list,
            &["Some Mud", "SomeOther", "Twin", "TWIN", "Old", "Oldest"].map(|n| entry(n, -1)).concat(),
        );
        apply(&mut list, &entry("Oldie", 0));
        assert_eq!(list.lookup("Some Mud"), Lookup::One("Some Mud"));
        assert_eq!(list.lookup("some.mud"), Lookup::One("Some Mud"));
        assert_eq!(list.lookup("someo"), Lookup::One("SomeOther"));
        assert_eq!(list.lookup("some"), Lookup::Several(vec!["Some Mud", "SomeOther"]));
        assert_eq!(list.lookup("Twin"), Lookup::One("Twin"));
        assert_eq!(list.lookup("twin"), Lookup::Several(vec!["TWIN", "Twin"]));
        assert_eq!(list.lookup("old"), Lookup::One("Old"));
        assert_eq!(list.lookup("oldi"), Lookup::One("Oldie"));
        assert_eq!(list.lookup("zzz"), Lookup::Nobody);
        assert_eq!(list.lookup(""), Lookup::Nobody);
    }

    #[test]
    fn muds_are_limited_in_number_and_in_bytes() {
        let mut list = Mudlist::default();
        let small: String = (0..30_000).map(|n| entry(&format!("m{n}"), -1)).collect();
        assert_eq!((apply(&mut list, &small).len(), list.len()), (MUDS_MAX, MUDS_MAX));
        let names = list.clear();
        assert_eq!((names.len(), list.bytes), (MUDS_MAX, 0));
        let long = "x".repeat(2 * MUD_TEXT_BYTES_MAX);
        let version = "x".repeat(2 * SERVICE_VALUE_BYTES_MAX);
        let service = |n: usize| format!("\"s{n}\":\"{version}\",");
        let services: String = (0..SERVICES_MAX + 10).map(service).collect();
        let large = |name: &str| {
            format!(
                r#""{name}":({{-1,"1.2.3.4",1,2,3,"{long}","{long}","d","t","{long}","e",([{services}]),0,}}),"#
            )
        };
        assert_eq!(apply(&mut list, &large(&long)), [], "the name is too long");
        for n in 0..1_000 {
            apply(&mut list, &large(&format!("m{n}")));
        }
        let one = list.get("m0").unwrap();
        assert_eq!(
            (one.mudlib.len(), one.services.len()),
            (MUD_TEXT_BYTES_MAX + cut::CUT_MARK.len(), SERVICES_MAX)
        );
        assert!(list.bytes <= MUDS_BYTES_MAX && list.bytes > MUDS_BYTES_MAX / 2, "{}", list.bytes);
        // A mud that is known can become smaller, but not larger than the room.
        assert_eq!(apply(&mut list, &entry("m0", -1)).len(), 1);
        let before = list.bytes;
        apply(&mut list, &"\"m1\":0,".repeat(2));
        assert!(list.bytes < before && list.get("m1").is_none());
    }
}
