//! Users: who is where.

use super::channels::with_timeout;
use super::entrance::IrcDoor;
use super::message::Message;
use super::names::{SERVER, SERVICE, host_of, mud_of, nick_of, source, split_target, user_of};
use super::open::Then;
use super::out::Out;
use super::requests::{Params, list, number, text, text_of};
use crate::clients::Session;
use crate::colour::{TextStyle, render};
use crate::event::Class;
use crate::fault::Fault;
use crate::journal::LaneName;
use crate::machine::ConnId;
use crate::network::Lookup;
use crate::saved;
use crate::service::{Parts, persons};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

/// Names in one `ISON` or `USERHOST`.
const NAMES_MAX: usize = 30;

/// Kept tells that are looked through for a name.
const TELLS_MAX: usize = 1_000;

/// From whom a tell is.
#[derive(Deserialize)]
struct From<'a> {
    #[serde(borrow)]
    from_mud: Cow<'a, str>,
    #[serde(borrow)]
    from_user: Cow<'a, str>,
    #[serde(borrow)]
    to_user: Option<Cow<'a, str>>,
}

impl IrcDoor {
    /// Whether a nick is here, on the client's mud.
    pub(super) fn is_here(parts: &Parts<'_>, conn: ConnId, nick: &str) -> bool {
        let mud = parts.clients.get(conn).and_then(Session::mud_of_key);
        mud.is_some_and(|mud| persons::find(parts.clients, mud, nick).is_some())
    }

    /// Returns the mud that a host means.
    fn mud_named(parts: &Parts<'_>, conn: ConnId, host: &str) -> String {
        let name = mud_of(host);
        let Some(mud) = parts.clients.get(conn).and_then(Session::mud_of_key) else { return name };
        let known = parts.muds[mud].lists.muds();
        // Somebody may have written the name itself, with its dots.
        let is_meant = known.get(host).is_some() || matches!(known.lookup(host), Lookup::One(_));
        if matches!(known.lookup(&name), Lookup::Nobody) && is_meant { host.to_owned() } else { name }
    }

    /// Returns the user and the mud that a target means. A name alone is somebody who was heard of here.
    pub(super) fn whom(parts: &Parts<'_>, conn: ConnId, target: &str) -> Option<(String, String)> {
        if let Some((user, host)) = split_target(target) {
            return Some((user_of(user), IrcDoor::mud_named(parts, conn, host)));
        }
        let user = user_of(target);
        let session = parts.clients.get(conn)?;
        let (person, identity) = (session.person.as_ref()?, session.identity.as_ref()?);
        if let Some(mud) = person.mud_of(&user) {
            return Some((user, mud.to_owned()));
        }
        let own = identity.mud_name.to_string();
        if persons::find(parts.clients, identity.mud, &user).is_some() {
            return Some((user, own));
        }
        if let Some(mud) = last_heard(parts, session, &person.user, &user) {
            return Some((user, mud));
        }
        let ttl = parts.cx.settings.api.presence_ttl;
        let published = parts.muds[identity.mud].presence.fresh(parts.cx.now.mono, ttl);
        published.and_then(|known| known.find(&user)).map(|known| (known.name.clone(), own))
    }

    /// `WHO`.
    pub(super) fn who(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        message: &Message,
        out: &mut Out,
        label: Option<&str>,
    ) {
        let mask = message.param(0).unwrap_or("*").to_owned();
        let nick = out.nick().to_owned();
        if mask.starts_with('#') {
            let Some(channel) = IrcDoor::channel(parts, conn, &mask) else {
                return out.numeric(315, &[&mask], "End of WHO list");
            };
            let params = Params::new().text("channel", &channel).text("from_user", &nick);
            let then = (Then::WhoChannel { channel: channel.clone() }, label);
            return self.ask(parts, conn, out, ("channel_who", with_timeout(params)), then);
        }
        // A mask of all users of a mud, or the mud alone.
        let host = mask.strip_prefix("*@").or(mask.strip_prefix("*!*@"));
        let host = host.or_else(|| Some(mask.as_str()).filter(|mask| IrcDoor::is_mud(parts, conn, mask)));
        if let Some(host) = host.filter(|host| !host.contains(['*', '?'])) {
            let mud = IrcDoor::mud_named(parts, conn, host);
            let params = Params::new().text("target_mud", &mud).text("from_user", &nick);
            let then = (Then::WhoMud { mask: mask.clone() }, label);
            return self.ask(parts, conn, out, ("who", params), then);
        }
        self.who_here(parts, conn, &mask, out);
    }

    fn is_mud(parts: &Parts<'_>, conn: ConnId, host: &str) -> bool {
        let Some(mud) = parts.clients.get(conn).and_then(Session::mud_of_key) else { return false };
        let known = parts.muds[mud].lists.muds();
        !IrcDoor::is_here(parts, conn, host)
            && (known.get(&mud_of(host)).is_some() || known.get(host).is_some())
    }

    /// Writes the users of the client's mud that are here.
    fn who_here(&self, parts: &Parts<'_>, conn: ConnId, mask: &str, out: &mut Out) {
        let mud = parts.clients.get(conn).and_then(Session::mud_of_key);
        let own = split_target(mask).map_or(mask, |(user, _)| user);
        let identity = parts.clients.get(conn).and_then(|session| session.identity.as_ref());
        if let (Some(mud), Some(identity)) = (mud, identity) {
            let host = host_of(&identity.mud_name);
            let all = persons::all(parts.clients, mud).into_iter();
            for person in all.filter(|person| matches!(own, "*" | "0") || person.is(own)) {
                let flags = if person.away.is_some() { "G" } else { "H" };
                let params = ["*", person.user, &host, SERVER, person.user, flags];
                out.numeric(352, &params, &format!("0 {} of {}", person.user, identity.mud_name));
            }
        }
        out.numeric(315, &[mask], "End of WHO list");
    }

    /// Writes the users of a mud.
    pub(super) fn users_found(&self, out: &mut Out, mask: &str, outcome: Result<Value, Fault>) {
        match outcome {
            Err(fault) => out.numeric(402, &[mask], &format!("No answer: {}", text_of(&fault))),
            Ok(answer) => {
                let mud = text(&answer, "from_mud");
                let host = host_of(mud);
                for user in list(&answer, "users") {
                    let name = plain(text(user, "name"));
                    let nick = nick_of(&name);
                    let idle = number(user, "idle");
                    let about = format!("1 {name} of {mud}, idle {idle} s {}", plain(text(user, "extra")));
                    out.numeric(352, &["*", &nick, &host, SERVER, &nick, "H"], about.trim_end());
                }
            }
        }
        out.numeric(315, &[mask], "End of WHO list");
    }

    /// `WHOIS`.
    pub(super) fn whois(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        message: &Message,
        out: &mut Out,
        label: Option<&str>,
    ) {
        // The first of two parameters is a server.
        let Some(target) = message.param(1).or(message.param(0)) else {
            return out.numeric(431, &[], "No nickname given");
        };
        let target = target.split(',').next().unwrap_or_default().to_owned();
        if target.eq_ignore_ascii_case(SERVICE) {
            out.numeric(
                311,
                &[SERVICE, SERVICE, SERVER, "*"],
                "answers questions about the network: ask it for help",
            );
            return out.numeric(318, &[&target], "End of WHOIS list");
        }
        let Some((user, mud)) = IrcDoor::whom(parts, conn, &target) else {
            out.numeric(401, &[&target], "No such nick: somebody on another mud is user@Mud.Name");
            return out.numeric(318, &[&target], "End of WHOIS list");
        };
        if self.whois_here(parts, conn, (&target, &user, &mud), out) {
            return;
        }
        let nick = out.nick().to_owned();
        let params =
            Params::new().text("target_mud", &mud).text("target_user", &user).text("from_user", &nick);
        let then = Then::Whois { target: target.clone(), user: user.clone(), mud: mud.clone() };
        self.ask(parts, conn, out, ("finger", params), (then, label));
    }

    /// Writes about a user that is here. Returns false if there is none.
    fn whois_here(
        &self,
        parts: &Parts<'_>,
        conn: ConnId,
        (target, user, mud): (&str, &str, &str),
        out: &mut Out,
    ) -> bool {
        let identity = parts.clients.get(conn).and_then(|session| session.identity.as_ref());
        let Some(identity) = identity.filter(|identity| identity.mud_name.eq_ignore_ascii_case(mud)) else {
            return false;
        };
        let Some(person) = persons::find(parts.clients, identity.mud, user) else { return false };
        let (nick, host) = (person.user, host_of(&identity.mud_name));
        out.numeric(311, &[nick, nick, &host, "*"], &format!("{nick} of {}", identity.mud_name));
        let channels = persons::channels_of(parts.clients, identity.mud, nick);
        let channels: std::collections::BTreeSet<String> =
            channels.into_iter().map(super::names::shown_channel).collect();
        if !channels.is_empty() {
            out.numeric(319, &[nick], &channels.into_iter().collect::<Vec<_>>().join(" "));
        }
        out.numeric(312, &[nick, SERVER], &identity.mud_name);
        if let Some(away) = person.away {
            out.numeric(301, &[nick], away);
        }
        let idle = parts.cx.now.mono.since(person.spoke).as_secs().to_string();
        out.numeric(317, &[nick, &idle], "seconds idle");
        out.numeric(318, &[target], "End of WHOIS list");
        true
    }

    /// Writes the answer of another mud about a user.
    pub(super) fn user_found(
        &self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        out: &mut Out,
        (target, user, mud): (&str, &str, &str),
        outcome: Result<Value, Fault>,
    ) {
        match outcome {
            Err(fault) => out.numeric(401, &[target], &format!("No such nick: {}", text_of(&fault))),
            Ok(answer) => {
                let from =
                    Some(text(&answer, "from_mud")).filter(|from| !from.is_empty()).unwrap_or(mud).to_owned();
                if let Some(person) = parts.clients.get_mut(conn).and_then(|session| session.person.as_mut())
                {
                    person.meets(user, &from);
                }
                about_user(out, user, &from, answer.get("user_info").unwrap_or(&Value::Null));
            }
        }
        out.numeric(318, &[target], "End of WHOIS list");
    }

    /// `ISON`.
    pub(super) fn ison(&self, parts: &Parts<'_>, conn: ConnId, message: &Message, out: &mut Out) {
        if message.params.is_empty() {
            return out.numeric(461, &["ISON"], "Not enough parameters");
        }
        let names = message.params.iter().flat_map(|param| param.split_ascii_whitespace()).take(NAMES_MAX);
        let on: Vec<&str> = names
            .filter(|name| IrcDoor::is_here(parts, conn, name) || name.eq_ignore_ascii_case(SERVICE))
            .collect();
        out.numeric(303, &[], &on.join(" "));
    }

    /// `USERHOST`.
    pub(super) fn userhost(&self, parts: &Parts<'_>, conn: ConnId, message: &Message, out: &mut Out) {
        if message.params.is_empty() {
            return out.numeric(461, &["USERHOST"], "Not enough parameters");
        }
        let mud = parts.clients.get(conn).and_then(Session::mud_of_key);
        let found: Vec<String> = message
            .params
            .iter()
            .take(5)
            .filter_map(|name| {
                let person = persons::find(parts.clients, mud?, name)?;
                let source = IrcDoor::local_source(parts, conn, person.user);
                let (_, address) = source.split_once('!')?;
                let sign = if person.away.is_some() { '-' } else { '+' };
                Some(format!("{}={sign}{address}", person.user))
            })
            .collect();
        out.numeric(302, &[], &found.join(" "));
    }
}

/// Returns the mud of a user who was last heard of by this name: in a kept tell, or on a channel.
fn last_heard(parts: &Parts<'_>, session: &Session, own: &str, user: &str) -> Option<String> {
    let mud = session.mud()?;
    let events = &parts.cx.settings.api.events;
    let log = parts.journal.log(mud);
    let tells = log.replayable([LaneName::Tells].into_iter(), 0, events, parts.cx.steady);
    let channels = session.channels.keys().flat_map(|channel| {
        log.history(LaneName::Channel(channel), events, parts.cx.steady)
            .map(|record| (LaneName::Answers, record))
    });
    let tells = tells.into_iter().rev().take(TELLS_MAX);
    tells.chain(channels.collect::<Vec<_>>().into_iter().rev()).find_map(|(_, record)| {
        let from: From<'_> = saved::read(&record.members)?;
        let is_mine = record.kind.kept != Some(Class::Tells)
            || from.to_user.as_deref().is_some_and(|to| to.eq_ignore_ascii_case(own));
        (is_mine && from.from_user.eq_ignore_ascii_case(user)).then(|| from.from_mud.into_owned())
    })
}

fn plain(text: &str) -> String {
    render(text, TextStyle::Plain).replace('\n', " ")
}

/// Writes what a mud has told of a user.
fn about_user(out: &mut Out, user: &str, mud: &str, info: &Value) {
    let (nick, host) = (nick_of(user), host_of(mud));
    let member = |name: &str| Some(plain(text(info, name))).filter(|text| !text.trim().is_empty());
    let shown = member("title").or(member("name")).unwrap_or_else(|| user.to_owned());
    out.numeric(311, &[&nick, &nick, &host, "*"], &shown);
    out.numeric(312, &[&nick, &host], mud);
    let level = number(info, "level");
    for (about, text) in [
        ("name", member("name")),
        ("real name", member("real_name")),
        ("e-mail", member("email")),
        ("last login", member("login_time")),
        ("level", member("level_name").or((level > 0).then(|| level.to_string()))),
        ("", member("extra")),
    ] {
        if let Some(text) = text {
            let about = if about.is_empty() { String::new() } else { format!("{about}: ") };
            out.numeric(320, &[&nick], &format!("{about}{text}"));
        }
    }
    let idle = number(info, "idle_time");
    if idle >= 0 {
        out.numeric(317, &[&nick, &idle.to_string()], "seconds idle");
    } else {
        out.numeric(320, &[&nick], "is not on now");
    }
    out.numeric(378, &[&nick], &format!("is {}", source(user, mud, false)));
}
