//! Logins: what a mud says of itself, and the password that it gets.

use super::incoming::{HEADER_ELEMENTS, Incoming};
use crate::i3::{Value, text};
use std::borrow::Cow;

/// The most bytes of a mud's information, which every other mud gets. Ten entries must fit the smallest frame limit in use
/// (64 KiB, CoffeeMud).
const MUD_INFO_BYTES_MAX: usize = 4 * 1024;

/// Elements of a login with protocol 3.
const STARTUP_ELEMENTS: usize = 20;

/// Elements of a login with protocols 1 and 2, which have no e-mail address and no other data.
pub const OLD_STARTUP_ELEMENTS: usize = 18;

/// The first protocol whose mudlist has all elements. No use of version 2 was seen. Dead Souls treats it like version 1.
pub const NEW_PROTOCOL: u8 = 3;

/// Passwords have nine digits, as those of Dead Souls.
const PASSWORDS: std::ops::Range<i64> = 100_000_000..1_000_000_000;

/// Returns a new random password.
pub fn new_password(rng: &mut fastrand::Rng) -> i64 {
    rng.i64(PASSWORDS)
}

/// Returns the version of the protocol of a login. Dead Souls treats version 2 in the form of version 3 as version 3.
/// `None`: only protocols 1 to 3 are known.
pub fn protocol_of(packet: &Incoming<'_>) -> Option<u8> {
    match &*packet.kind {
        "startup-req-1" => Some(1),
        "startup-req-2" if packet.elements.len() == OLD_STARTUP_ELEMENTS => Some(2),
        "startup-req-2" | "startup-req-3" => Some(NEW_PROTOCOL),
        _ => None,
    }
}

/// Returns the password that a login carries; 0 if it has none.
pub fn password_of(packet: &Incoming<'_>) -> i64 {
    packet.int(HEADER_ELEMENTS).unwrap_or(0)
}

/// Returns the list of routers of a startup-reply: the name of each, and its address and port with a blank between them.
pub fn router_list(routers: &[(String, String)]) -> Value<'static> {
    let text = |text: &String| Value::Str(text.clone().into_bytes().into());
    Value::Array(routers.iter().map(|(name, at)| Value::Array(vec![text(name), text(at)])).collect())
}

/// The information of a mud: the eleven elements of a mudlist entry that the router passes on unchanged.
#[derive(Clone, Debug, PartialEq)]
pub struct MudInfo(Vec<Value<'static>>);

impl MudInfo {
    const PLAYER_PORT: usize = 0;
    /// Where the texts begin, after three ports.
    pub const MUDLIB: usize = 3;
    const BASE_MUDLIB: usize = 4;
    const ADMIN_EMAIL: usize = 8;
    /// Where the services are.
    pub const SERVICES: usize = 9;
    /// Where the other data are.
    pub const OTHER_DATA: usize = 10;
    /// The number of elements.
    pub const ELEMENTS: usize = 11;

    /// Reads the information from a login of a protocol. Dead Souls checks these types too, and does not answer a login with
    /// a wrong one.
    pub fn from_startup(packet: &Incoming<'_>, protocol: u8) -> Result<MudInfo, &'static str> {
        match (protocol, packet.elements.len()) {
            // Version 2 can have the form of version 1 or of version 3.
            (2 | 3, STARTUP_ELEMENTS) | (1 | 2, OLD_STARTUP_ELEMENTS) => {}
            (1, _) => return Err("a startup-req-1 has 18 elements"),
            (2, _) => return Err("a startup-req-2 has 18 or 20 elements"),
            _ => return Err("a startup-req-3 has 20 elements"),
        }
        let ints = [6, 7, 8];
        if ints.iter().any(|&index| packet.int(index).is_none()) {
            return Err("password and list ids must be integers");
        }
        let mut info: Vec<_> = packet.elements[9..].iter().map(|value| value.clone().into_owned()).collect();
        if packet.elements.len() == OLD_STARTUP_ELEMENTS {
            info.insert(Self::ADMIN_EMAIL, Value::str(""));
            info.push(Value::Int(0));
        }
        let info = MudInfo(info);
        info.check()?;
        Ok(info)
    }

    /// Makes the information of its eleven elements. The error says which of them has a wrong type.
    pub fn of(elements: Vec<Value<'static>>) -> Result<MudInfo, &'static str> {
        let info = MudInfo(elements);
        info.check()?;
        Ok(info)
    }

    /// Returns the elements, for a login.
    pub fn elements(&self) -> &[Value<'static>] {
        &self.0
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.0.len() != Self::ELEMENTS {
            return Err("a mud has eleven particulars");
        }
        if !self.0[..Self::MUDLIB].iter().all(|port| matches!(port, Value::Int(_))) {
            return Err("ports must be integers");
        }
        if !self.0[Self::MUDLIB..Self::SERVICES].iter().all(|text| matches!(text, Value::Str(_))) {
            return Err("mudlib, driver, type, status and e-mail must be strings");
        }
        if !matches!(self.0[Self::SERVICES], Value::Map(_)) {
            return Err("services must be a mapping");
        }
        if !matches!(self.0[Self::OTHER_DATA], Value::Map(_) | Value::Int(0)) {
            return Err("other data must be a mapping or 0");
        }
        if self.to_lpc().len() > MUD_INFO_BYTES_MAX {
            return Err("it says too much about itself");
        }
        Ok(())
    }

    /// Returns the number at an index; 0 if there is none.
    pub fn int(&self, at: usize) -> i64 {
        match self.0.get(at) {
            Some(Value::Int(int)) => *int,
            _ => 0,
        }
    }

    /// Returns the text at an index; an empty one if there is none.
    pub fn text(&self, at: usize) -> String {
        match self.0.get(at) {
            Some(Value::Str(bytes)) => text::decode(Cow::Borrowed(bytes)).0.into_owned(),
            _ => String::new(),
        }
    }

    /// Returns the services by name, each with its value.
    pub fn services(&self) -> impl Iterator<Item = (Cow<'static, str>, Value<'static>)> {
        let Value::Map(services) = &self.0[Self::SERVICES] else { return Vec::new().into_iter() };
        let named = services.iter().filter_map(|(name, value)| match name {
            Value::Str(bytes) => Some((text::decode(bytes.clone()).0, value.clone())),
            _ => None,
        });
        named.collect::<Vec<_>>().into_iter()
    }

    /// Whether it says the same as another login in all but the other data, which hold the time of the last start.
    pub fn is_like(&self, other: &MudInfo) -> bool {
        self.0[..Self::OTHER_DATA] == other.0[..Self::OTHER_DATA]
    }

    /// Returns the texts that name its mudlib, driver and type.
    pub fn programs(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let texts = self.0[Self::MUDLIB..].iter().take(4);
        texts.filter_map(|text| match text {
            Value::Str(bytes) => Some(text::decode(Cow::Borrowed(bytes)).0),
            _ => None,
        })
    }

    /// Whether the mud has the service `channel`.
    pub fn has_channels(&self) -> bool {
        self.has_service("channel")
    }

    /// Whether the mud has a service.
    pub fn has_service(&self, name: &str) -> bool {
        let Value::Map(services) = &self.0[Self::SERVICES] else { return false };
        services.iter().any(|(key, _)| *key == Value::str(name))
    }

    /// Returns the entry of a mudlist. It has thirteen elements in protocol 3, and eleven in older ones.
    pub fn entry<'a>(&'a self, state: i64, ip: &'a str, old: bool) -> Value<'a> {
        let mut entry = vec![Value::Int(state), Value::str(ip)];
        entry.extend(self.0.iter().cloned());
        if old {
            entry.pop();
            entry.remove(2 + Self::ADMIN_EMAIL);
        }
        Value::Array(entry)
    }

    /// Returns the description of an impostor in the error `bad-mojo` of Dead Souls.
    pub fn intruder<'a>(&'a self, ip: &'a str) -> Value<'a> {
        let told = [Self::MUDLIB, Self::BASE_MUDLIB, Self::ADMIN_EMAIL, Self::PLAYER_PORT];
        let told = told.iter().map(|&index| self.0[index].clone());
        Value::Array([Value::str(ip)].into_iter().chain(told).collect())
    }

    /// Returns it as LPC text, for the store.
    pub fn to_lpc(&self) -> String {
        let mut bytes = Vec::new();
        Value::Array(self.0.clone()).write(&mut bytes);
        text::decode(Cow::Owned(bytes)).0.into_owned()
    }

    /// Reads what [`MudInfo::to_lpc`] has written.
    pub fn from_lpc(text: &str) -> Option<MudInfo> {
        let Ok(Value::Array(elements)) = Value::parse(text.as_bytes()) else { return None };
        let info = MudInfo(elements.into_iter().map(Value::into_owned).collect());
        info.check().is_ok().then_some(info)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTUP: &str = r#"({"startup-req-3",5,"A",0,"*r",0,0,-1,-1,4000,4006,4008,"L","B","D","T","open","e@x",(["tell":1,"channel":1,]),0,})"#;

    fn info(text: &str) -> Result<MudInfo, &'static str> {
        MudInfo::from_startup(&Incoming::read(text.as_bytes()).unwrap(), NEW_PROTOCOL)
    }

    #[test]
    fn a_login_of_wrong_types_is_refused() {
        assert!(info(STARTUP).unwrap().has_channels());
        assert!(!info(&STARTUP.replace("\"channel\":1,", "")).unwrap().has_channels());
        assert!(info(&STARTUP.replace(",0,})", ",([\"url\":\"x\",]),})")).is_ok());
        for (from, to) in [
            (",0,})", ",})"),
            (",0,})", ",0,0,})"),
            (",0,})", ",1,})"),
            (",0,})", ",\"x\",})"),
            (",0,-1,-1,", ",\"0\",-1,-1,"),
            (",4000,", ",\"4000\","),
            ("\"D\"", "0"),
            ("([\"tell\":1,\"channel\":1,])", "0"),
            ("\"open\"", "([])"),
        ] {
            assert!(info(&STARTUP.replace(from, to)).is_err(), "{from} -> {to}");
        }
        assert!(info(&STARTUP.replace("open", &"x".repeat(MUD_INFO_BYTES_MAX))).is_err());
    }
}
