//! Registration: the key, the nick, the capabilities.

use super::caps::Caps;
use super::channels::joined_lines;
use super::conn::Stage;
use super::encoder::way_of;
use super::entrance::IrcDoor;
use super::message::Message;
use super::names::{SERVER, is_nick, shown_channel, source};
use super::out::Out;
use crate::clients::rates::Holder;
use crate::clients::{Goodbye, Person, Session};
use crate::machine::ConnId;
use crate::service::access::{self, KeyRefused};
use crate::service::{Parts, channel};

/// The outcome of showing a key.
pub(super) enum Shown {
    /// It is right. A name may have come with it.
    Right { name: Option<String> },
    /// It is wrong.
    Wrong,
    /// It is wrong, and its address must wait.
    TooSoon { seconds: u64 },
}

/// Shows `KEY` or `KEY:NAME`. A key may hold a colon itself.
pub(super) fn show_key(parts: &mut Parts<'_>, conn: ConnId, text: &str) -> Shown {
    let with_name = text.rsplit_once(':').filter(|(_, name)| is_nick(name));
    if parts.cx.settings.api.keys.is_some()
        && with_name.is_some()
        && access::identify(&mut parts.cx, parts.clients, conn, Some(text)).is_some()
    {
        return Shown::Right { name: None };
    }
    let (key, name) = with_name.map_or((text, None), |(key, name)| (key, Some(name.to_owned())));
    match access::show_key(&mut parts.cx, parts.clients, conn, key) {
        Ok(_) => Shown::Right { name },
        Err(KeyRefused::Wrong) => Shown::Wrong,
        Err(KeyRefused::TooSoon { wait_ms }) => Shown::TooSoon { seconds: wait_ms.div_ceil(1000) },
    }
}

/// Whether two sessions have the same key.
fn same_key(one: &Session, other: &Session) -> bool {
    let holder = |session: &Session| session.identity.as_ref().map(|identity| identity.holder);
    match (holder(one), holder(other)) {
        (Some(Holder::Key(one)), Some(Holder::Key(other))) => one == other,
        // Without keys everybody is trusted.
        (Some(Holder::Session(_)), Some(Holder::Session(_))) => true,
        _ => false,
    }
}

/// Whether a nick is in use on the same mud by somebody with another key.
fn is_taken(parts: &Parts<'_>, conn: ConnId, nick: &str) -> bool {
    let Some(mine) = parts.clients.get(conn) else { return false };
    parts.clients.iter().any(|(other, session)| {
        other != conn
            && session.mud_of_key() == mine.mud_of_key()
            && session.person.as_ref().is_some_and(|person| person.is(nick))
            && !same_key(mine, session)
    })
}

/// Returns the name under which the cursors of a nick are kept.
fn client_name(nick: &str) -> String {
    format!("irc:{}", nick.to_ascii_lowercase())
}

impl IrcDoor {
    /// `CAP`.
    pub(super) fn cap(&mut self, parts: &mut Parts<'_>, conn: ConnId, message: &Message, out: &mut Out) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        let nick = out.nick().to_owned();
        let sub = message.param(0).unwrap_or_default().to_ascii_uppercase();
        match sub.as_str() {
            "LS" => {
                one.negotiates |= !one.is_registered();
                one.shows_values |=
                    message.param(1).and_then(|v| v.parse::<u32>().ok()).is_some_and(|v| v >= 302);
                out.line(format!(":{SERVER} CAP {nick} LS :{}", Caps::listed(one.shows_values)));
            }
            "LIST" => out.line(format!(":{SERVER} CAP {nick} LIST :{}", one.caps.names().join(" "))),
            "REQ" => {
                one.negotiates |= !one.is_registered();
                let wanted = message.params.get(1).map(String::as_str).unwrap_or_default();
                match one.caps.changed(wanted) {
                    Some(caps) => {
                        one.caps = caps;
                        out.line(format!(":{SERVER} CAP {nick} ACK :{wanted}"));
                        self.apply_caps(parts, conn);
                    }
                    None => out.line(format!(":{SERVER} CAP {nick} NAK :{wanted}")),
                }
            }
            "END" => {
                one.negotiates = false;
                one.sasl = None;
                self.register(parts, conn, out);
            }
            other => {
                let shown = if other.is_empty() { "*" } else { other };
                out.numeric(410, &[shown], "Invalid CAP command");
            }
        }
    }

    /// Applies the capabilities of a client to its session.
    fn apply_caps(&self, parts: &mut Parts<'_>, conn: ConnId) {
        let (Some(one), Some(session)) = (self.conns.get(conn), parts.clients.get_mut(conn)) else { return };
        session.way = way_of(one.caps);
        if let Some(person) = &mut session.person {
            person.wants_echo = one.caps.has(Caps::ECHO);
            person.fetches_history = one.caps.has(Caps::HISTORY);
        }
    }

    /// `PASS`.
    pub(super) fn pass(&mut self, conn: ConnId, message: &Message, out: &mut Out) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        match message.param(0) {
            _ if one.is_registered() => out.numeric(462, &[], "You may not reregister"),
            None => out.numeric(461, &["PASS"], "Not enough parameters"),
            Some(pass) => one.pass = Some(pass.to_owned()),
        }
    }

    /// `USER`. The user name is the nick, whatever this says.
    pub(super) fn user(&mut self, parts: &mut Parts<'_>, conn: ConnId, message: &Message, out: &mut Out) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        if one.is_registered() {
            return out.numeric(462, &[], "You may not reregister");
        }
        if message.params.len() < 4 || message.param(0).is_none() {
            return out.numeric(461, &["USER"], "Not enough parameters");
        }
        one.has_user = true;
        self.register(parts, conn, out);
    }

    /// `NICK`.
    pub(super) fn nick(&mut self, parts: &mut Parts<'_>, conn: ConnId, message: &Message, out: &mut Out) {
        let Some(nick) = message.param(0) else { return out.numeric(431, &[], "No nickname given") };
        if !is_nick(nick) {
            let text = "Erroneous nickname: a letter, then letters, digits, - and _, at most 30 in all";
            return out.numeric(432, &[nick], text);
        }
        let Some(one) = self.conns.get_mut(conn) else { return };
        if !one.is_registered() {
            one.nick = Some(nick.to_owned());
            *out = Out::new(Some(nick));
            return self.register(parts, conn, out);
        }
        if one.nick.as_deref() == Some(nick) {
            return;
        }
        if is_taken(parts, conn, nick) {
            return out.numeric(433, &[nick], "Nickname is already in use");
        }
        let line = format!(":{} NICK :{nick}", IrcDoor::own_source(parts, conn));
        let session = parts.clients.get(conn);
        let channels: Vec<String> =
            session.map(|one| one.channels.keys().cloned().collect()).unwrap_or_default();
        if IrcDoor::has_twin(parts, conn, None) {
            // The old nick stays: others see one more.
            for channel in &channels {
                let source = IrcDoor::local_source(parts, conn, nick);
                let line = format!(":{source} JOIN {}", shown_channel(channel));
                self.tell_peers(parts, conn, std::slice::from_ref(channel), Caps::default(), &line);
            }
        } else {
            self.tell_peers(parts, conn, &channels, Caps::default(), &line);
        }
        out.line(line);
        if let Some(one) = self.conns.get_mut(conn) {
            one.nick = Some(nick.to_owned());
        }
        self.speak_as(parts, conn, nick);
    }

    /// Lets the session speak for a nick, and continues where this nick has read before.
    fn speak_as(&self, parts: &mut Parts<'_>, conn: ConnId, nick: &str) {
        let now = parts.cx.now.mono;
        if let Some(session) = parts.clients.get_mut(conn) {
            match &mut session.person {
                Some(person) => nick.clone_into(&mut person.user),
                None => session.person = Some(Person::new(nick, now)),
            }
        }
        self.apply_caps(parts, conn);
        let (cx, mut out) = parts.delivery();
        // A key may have only so many names with cursors. A nick beyond them has no replay.
        if out.start_reading(cx, conn, Some(&client_name(nick)), None).is_err() {
            let _ = out.start_reading(cx, conn, None, None);
        }
        if let Some(session) = out.clients.get_mut(conn) {
            session.greeted = true;
            session.client_name = Some(nick.into());
        }
        out.clients.changed(conn);
        out.clients.tell_who_came(cx, conn);
    }

    /// Completes the registration, once all that it needs is there.
    fn register(&mut self, parts: &mut Parts<'_>, conn: ConnId, out: &mut Out) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        let is_complete = one.stage == Stage::New && one.nick.is_some() && one.has_user && !one.negotiates;
        if !is_complete || !parts.clients.stays(conn) || !self.is_known(parts, conn, out) {
            return;
        }
        let Some(one) = self.conns.get_mut(conn) else { return };
        if let Some(name) = one.name_of_key.take() {
            one.nick = Some(name);
        }
        let nick = one.nick.clone().unwrap_or_default();
        if is_taken(parts, conn, &nick) {
            out.numeric(433, &[&nick], "Nickname is already in use on this mud, with another key");
            one.nick = None;
            return;
        }
        one.stage = Stage::Registered;
        *out = Out::new(Some(&nick));
        self.speak_as(parts, conn, &nick);
        self.welcome(parts, conn, out);
        let (cx, muds, mut delivery) = parts.delivery_and_muds();
        channel::join_set(cx, muds, &mut delivery, conn);
        let session = parts.clients.get(conn);
        let channels: Vec<String> =
            session.map(|one| one.channels.keys().cloned().collect()).unwrap_or_default();
        for channel in channels {
            joined_lines(self, parts, conn, out, &channel);
        }
    }

    /// Whether the client has shown a key. A wrong one, and none, are the end.
    fn is_known(&mut self, parts: &mut Parts<'_>, conn: ConnId, out: &mut Out) -> bool {
        if parts.clients.get(conn).is_some_and(|session| session.identity.is_some()) {
            return true;
        }
        let Some(one) = self.conns.get_mut(conn) else { return false };
        let pass = one.pass.take();
        let shown = match &pass {
            // Without keys in the settings everybody is known.
            None if parts.cx.settings.api.keys.is_none() => show_key(parts, conn, ""),
            None => Shown::Wrong,
            Some(pass) => show_key(parts, conn, pass),
        };
        let text = match shown {
            Shown::Right { name } => {
                one.name_of_key = name.or(one.name_of_key.take());
                return true;
            }
            Shown::Wrong if pass.is_none() => {
                "Password required: PASS with an API key of the gateway".to_owned()
            }
            Shown::Wrong => "Password incorrect: this is no API key of the gateway".to_owned(),
            Shown::TooSoon { seconds } => format!("Too many wrong keys; wait {seconds} seconds"),
        };
        out.numeric(464, &[], &text);
        parts.cx.metrics.connections_at_fault += 1;
        parts.clients.dismiss(conn, Goodbye::Policy, "Bad password");
        false
    }

    /// Returns the prefix of a nick of this client's mud.
    pub(super) fn local_source(parts: &Parts<'_>, conn: ConnId, nick: &str) -> String {
        let identity = parts.clients.get(conn).and_then(|session| session.identity.as_ref());
        source(nick, identity.map_or("", |identity| &identity.mud_name), false)
    }
}
