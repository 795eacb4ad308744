//! Channels: joining and leaving, who listens, the list, topics and modes.

use super::caps::Caps;
use super::entrance::IrcDoor;
use super::message::Message;
use super::names::{SERVER, channel_of, host_of, nick_of, shown_channel};
use super::open::Then;
use super::out::Out;
use super::requests::{Called, Params, list, number, refuse, text, text_of};
use crate::clients::Session;
use crate::describe::datum::Datum;
use crate::fault::{Fault, FaultKind};
use crate::machine::ConnId;
use crate::service::{Parts, channel, persons};
use serde_json::Value;
use std::borrow::Cow;

/// The longest name of a channel as IRC writes it, in bytes.
pub(super) const CHANNEL_BYTES_MAX: usize = 128;

/// Channels in one `JOIN`.
const JOINS_MAX: usize = 50;

/// Answers of `channel_list` for one `LIST`.
const PAGES_MAX: usize = 10;

/// Bytes of the names in one line.
const NAMES_BYTES: usize = 380;

/// What is said of a channel of each type.
const TYPES: [&str; 3] =
    ["open to all muds but the banned", "open to admitted muds only", "filtered by its owner"];

/// Says what a channel is: its owner and its type.
fn topic_of(parts: &Parts<'_>, conn: ConnId, channel: &str) -> Option<String> {
    let mud = parts.clients.get(conn).and_then(Session::mud_of_key)?;
    let known = parts.muds[mud].lists.channels().get(channel)?;
    Some(about(&known.owner, known.channel_type))
}

fn about(owner: &str, channel_type: i64) -> String {
    let kind =
        usize::try_from(channel_type).ok().and_then(|at| TYPES.get(at)).unwrap_or(&"of an unknown type");
    let owner: String = owner.chars().filter(|c| !c.is_control()).collect();
    if owner.is_empty() { format!("Intermud-3: {kind}") } else { format!("Intermud-3: of {owner}; {kind}") }
}

/// Writes that a client has joined a channel: to the client, and to others of its mud on the channel.
pub(super) fn joined_lines(
    door: &mut IrcDoor,
    parts: &mut Parts<'_>,
    conn: ConnId,
    out: &mut Out,
    channel: &str,
) {
    let shown = shown_channel(channel);
    let line = format!(":{} JOIN {shown}", IrcDoor::own_source(parts, conn));
    if !IrcDoor::has_twin(parts, conn, Some(channel)) {
        door.tell_peers(parts, conn, &[channel.to_owned()], Caps::default(), &line);
    }
    out.line(line);
    if let Some(topic) = topic_of(parts, conn, channel) {
        out.numeric(332, &[&shown], &topic);
    }
    door.names_found(parts, conn, out, channel, Ok(Value::Null));
}

impl IrcDoor {
    /// Returns the exact name of the channel that a client means: in any case, unless two differ only by that.
    pub(super) fn channel(parts: &Parts<'_>, conn: ConnId, written: &str) -> Option<String> {
        let name = channel_of(written).filter(|_| written.len() <= CHANNEL_BYTES_MAX)?;
        let Some(session) = parts.clients.get(conn) else { return Some(name) };
        let joined = session.channels.keys().map(String::as_str);
        let known = session.mud_of_key().into_iter().flat_map(|mud| parts.muds[mud].lists.channels().iter());
        let mut alike: Vec<&str> = joined
            .chain(known.map(|(known, _)| known))
            .filter(|known| known.eq_ignore_ascii_case(&name))
            .collect();
        alike.sort_unstable();
        alike.dedup();
        match alike[..] {
            [only] => Some(only.to_owned()),
            _ => Some(name),
        }
    }

    /// Whether the network has a channel, or the client has joined it.
    pub(super) fn is_channel(parts: &Parts<'_>, conn: ConnId, written: &str) -> bool {
        let Some(channel) = IrcDoor::channel(parts, conn, written) else { return false };
        let is_joined = parts.clients.get(conn).is_some_and(|one| one.channels.contains_key(&channel));
        is_joined || topic_of(parts, conn, &channel).is_some()
    }

    /// `JOIN`.
    pub(super) fn join(&mut self, parts: &mut Parts<'_>, conn: ConnId, message: &Message, out: &mut Out) {
        let Some(targets) = message.param(0) else {
            return out.numeric(461, &["JOIN"], "Not enough parameters");
        };
        if targets == "0" {
            let session = parts.clients.get(conn);
            let channels: Vec<String> =
                session.map(|one| one.channels.keys().cloned().collect()).unwrap_or_default();
            return channels.iter().for_each(|channel| self.part_one(parts, conn, channel, None, out));
        }
        let targets: Vec<&str> = targets.split(',').filter(|target| !target.is_empty()).collect();
        for (at, target) in targets.into_iter().enumerate() {
            match IrcDoor::channel(parts, conn, target) {
                _ if at >= JOINS_MAX => {
                    out.numeric(407, &[target], "Too many targets: join 50 channels at a time");
                }
                Some(channel) => self.join_one(parts, conn, target, &channel, out),
                None => out.numeric(403, &[target], "No such channel: the name of a channel begins with #"),
            }
        }
    }

    fn join_one(&mut self, parts: &mut Parts<'_>, conn: ConnId, target: &str, channel: &str, out: &mut Out) {
        let session = parts.clients.get(conn);
        if session.is_some_and(|session| session.channels.contains_key(channel)) {
            return;
        }
        let mud = session.and_then(Session::mud_of_key);
        if let Some(unknown) = mud.and_then(|mud| channel::warning_of(&parts.cx, parts.muds, mud, channel)) {
            return out.numeric(403, &[target], &format!("No such channel: {unknown}"));
        }
        match self.call(parts, conn, "channel_join", Params::new().text("channel", channel), None) {
            Called::Refused(fault) => {
                let code = match fault.kind {
                    FaultKind::Permission => 473,
                    FaultKind::Params => 405,
                    _ => 437,
                };
                out.numeric(code, &[target], &format!("Cannot join channel: {}", text_of(&fault)));
            }
            _ => {
                let now = parts.cx.now.mono;
                if let Some(person) = parts.clients.get_mut(conn).and_then(|one| one.person.as_mut()) {
                    person.joins(channel, now);
                }
                joined_lines(self, parts, conn, out, channel);
            }
        }
    }

    /// `PART`.
    pub(super) fn part(&mut self, parts: &mut Parts<'_>, conn: ConnId, message: &Message, out: &mut Out) {
        let Some(targets) = message.param(0) else {
            return out.numeric(461, &["PART"], "Not enough parameters");
        };
        for target in targets.split(',').filter(|target| !target.is_empty()) {
            let channel = IrcDoor::channel(parts, conn, target);
            let session = parts.clients.get(conn);
            match channel {
                None => out.numeric(403, &[target], "No such channel"),
                Some(channel) if session.is_some_and(|session| session.channels.contains_key(&channel)) => {
                    self.part_one(parts, conn, &channel, message.param(1), out);
                }
                Some(_) => out.numeric(442, &[target], "You're not on that channel"),
            }
        }
    }

    fn part_one(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        channel: &str,
        why: Option<&str>,
        out: &mut Out,
    ) {
        let why = why.map_or_else(String::new, |why| format!(" :{why}"));
        let line = format!(":{} PART {}{why}", IrcDoor::own_source(parts, conn), shown_channel(channel));
        let has_twin = IrcDoor::has_twin(parts, conn, Some(channel));
        if let Called::Refused(fault) =
            self.call(parts, conn, "channel_leave", Params::new().text("channel", channel), None)
        {
            return refuse(out, "PART", &fault);
        }
        if !has_twin {
            self.tell_peers(parts, conn, &[channel.to_owned()], Caps::default(), &line);
        }
        out.line(line);
    }

    /// `TOPIC`. The topic of a channel says whose it is.
    pub(super) fn topic(&mut self, parts: &mut Parts<'_>, conn: ConnId, message: &Message, out: &mut Out) {
        let Some(target) = message.param(0) else {
            return out.numeric(461, &["TOPIC"], "Not enough parameters");
        };
        let Some(channel) = IrcDoor::channel(parts, conn, target) else {
            return out.numeric(403, &[target], "No such channel");
        };
        let is_joined = parts.clients.get(conn).is_some_and(|one| one.channels.contains_key(&channel));
        match topic_of(parts, conn, &channel) {
            _ if message.params.len() > 1 && !is_joined => {
                out.numeric(442, &[target], "You're not on that channel");
            }
            _ if message.params.len() > 1 => {
                out.numeric(482, &[target], "You're not channel operator: Intermud-3 has no topics to set");
            }
            Some(topic) => out.numeric(332, &[&shown_channel(&channel)], &topic),
            None if is_joined => out.numeric(331, &[target], "No topic is set"),
            None => out.numeric(403, &[target], "No such channel"),
        }
    }

    /// `NAMES`.
    pub(super) fn names(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        message: &Message,
        out: &mut Out,
        label: Option<&str>,
    ) {
        let target = message.param(0).and_then(|targets| targets.split(',').next()).unwrap_or("*");
        let Some(channel) = IrcDoor::channel(parts, conn, target) else {
            return out.numeric(366, &[target], "End of /NAMES list");
        };
        let nick = out.nick().to_owned();
        let params = Params::new().text("channel", &channel).text("from_user", &nick);
        let then = (Then::Names { channel: channel.clone() }, label);
        self.ask(parts, conn, out, ("channel_who", with_timeout(params)), then);
    }

    /// Returns the names on a channel with their muds: those that are here, and those that other muds have told.
    fn listeners(
        parts: &mut Parts<'_>,
        conn: ConnId,
        channel: &str,
        answer: &Value,
    ) -> Vec<(String, String)> {
        let Some(session) = parts.clients.get(conn) else { return Vec::new() };
        let Some(identity) = session.identity.clone() else { return Vec::new() };
        let here = persons::on_channel(parts.clients, identity.mud, channel);
        let own = identity.mud_name.to_string();
        let mut all: Vec<(String, String)> = here.into_iter().map(|user| (user, own.clone())).collect();
        for of_mud in list(answer, "members") {
            let mud = text(of_mud, "mud");
            for user in list(of_mud, "users").iter().filter_map(Value::as_str) {
                if !all.iter().any(|(known, at)| at == mud && known.eq_ignore_ascii_case(user)) {
                    all.push((user.to_owned(), mud.to_owned()));
                }
            }
        }
        if let Some(person) = parts.clients.get_mut(conn).and_then(|session| session.person.as_mut()) {
            all.iter().filter(|(_, mud)| *mud != own).for_each(|(user, mud)| person.meets(user, mud));
        }
        all
    }

    /// Writes who listens to a channel, for `NAMES`.
    pub(super) fn names_found(
        &self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        out: &mut Out,
        channel: &str,
        outcome: Result<Value, Fault>,
    ) {
        if let Err(fault) = &outcome {
            out.notice(&format!("{}: {}", shown_channel(channel), text_of(fault)));
        }
        let shown = shown_channel(channel);
        let has_hosts = self.conns.get(conn).is_some_and(|one| one.caps.has(Caps::HOSTS));
        let all = IrcDoor::listeners(parts, conn, channel, &outcome.unwrap_or_default());
        let mut seen: Vec<String> = Vec::new();
        let mut line = String::new();
        for (user, mud) in all {
            let (mut nick, host) = (nick_of(&user), host_of(&mud));
            // A name that is somebody else's already is shown with its mud.
            if seen.contains(&nick.to_ascii_lowercase()) {
                nick = format!("{nick}@{host}");
            }
            seen.push(nick.to_ascii_lowercase());
            let entry = if has_hosts { format!("{nick}!{}@{host}", nick_of(&user)) } else { nick };
            if !line.is_empty() && line.len() + entry.len() > NAMES_BYTES.saturating_sub(shown.len()) {
                out.numeric(353, &["=", &shown], &std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&entry);
        }
        if !line.is_empty() {
            out.numeric(353, &["=", &shown], &line);
        }
        out.numeric(366, &[&shown], "End of /NAMES list");
    }

    /// Writes who listens to a channel, for `WHO`.
    pub(super) fn listeners_found(
        &self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        out: &mut Out,
        channel: &str,
        outcome: Result<Value, Fault>,
    ) {
        if let Err(fault) = &outcome {
            out.notice(&format!("{}: {}", shown_channel(channel), text_of(fault)));
        }
        let shown = shown_channel(channel);
        let mud = parts.clients.get(conn).and_then(Session::mud_of_key);
        for (user, at) in IrcDoor::listeners(parts, conn, channel, &outcome.unwrap_or_default()) {
            let nick = nick_of(&user);
            let person = mud.and_then(|mud| persons::find(parts.clients, mud, &user));
            let is_away = person.is_some_and(|person| person.away.is_some());
            let flags = if is_away { "G" } else { "H" };
            let host = host_of(&at);
            out.numeric(352, &[&shown, &nick, &host, SERVER, &nick, flags], &format!("1 {user} of {at}"));
        }
        out.numeric(315, &[&shown], "End of WHO list");
    }

    /// `LIST`: the channels of the network.
    pub(super) fn list(&mut self, parts: &mut Parts<'_>, conn: ConnId, message: &Message, out: &mut Out) {
        let wanted: Vec<String> = message
            .param(0)
            .map(|targets| {
                targets.split(',').filter(|target| target.starts_with('#')).map(str::to_owned).collect()
            })
            .unwrap_or_default();
        out.numeric(321, &["Channel"], "Users  Name");
        let mut after = String::new();
        for _ in 0..PAGES_MAX {
            let mut params = Params::new();
            if !after.is_empty() {
                params.0.push(("after", Datum::Text(Cow::Owned(after.clone()))));
            }
            let page = match self.call(parts, conn, "channel_list", params, None) {
                Called::Done(page) => page,
                Called::Refused(fault) => {
                    refuse(out, "LIST", &fault);
                    break;
                }
                Called::Later => break,
            };
            for row in list(&page, "channels") {
                let shown = shown_channel(text(row, "name"));
                if wanted.is_empty() || wanted.iter().any(|one| one.eq_ignore_ascii_case(&shown)) {
                    let about = about(text(row, "owner"), number(row, "type"));
                    out.numeric(322, &[&shown, &number(row, "member_count").to_string()], &about);
                }
            }
            text(&page, "next").clone_into(&mut after);
            if after.is_empty() {
                break;
            }
        }
        out.numeric(323, &[], "End of /LIST");
    }

    /// `MODE`. Channels of the network have no modes that could be changed.
    pub(super) fn mode(&mut self, parts: &mut Parts<'_>, conn: ConnId, message: &Message, out: &mut Out) {
        let Some(target) = message.param(0) else {
            return out.numeric(461, &["MODE"], "Not enough parameters");
        };
        if !target.starts_with('#') {
            let is_own = target.eq_ignore_ascii_case(out.nick());
            return match message.param(1) {
                _ if !is_own && IrcDoor::is_here(parts, conn, target) => {
                    out.numeric(502, &[], "Cannot change mode for other users");
                }
                _ if !is_own => out.numeric(401, &[target], "No such nick/channel"),
                None => out.bare_numeric(221, &["+i"]),
                Some(modes) if modes.trim_start_matches(['+', '-']).bytes().all(|mode| mode == b'i') => {}
                Some(_) => out.numeric(501, &[], "Unknown MODE flag"),
            };
        }
        let Some(channel) = IrcDoor::channel(parts, conn, target) else {
            return out.numeric(403, &[target], "No such channel");
        };
        let is_joined = parts.clients.get(conn).is_some_and(|one| one.channels.contains_key(&channel));
        match message.param(1) {
            None if is_joined || topic_of(parts, conn, &channel).is_some() => {
                out.bare_numeric(324, &[target, "+nt"]);
            }
            None => out.numeric(403, &[target], "No such channel"),
            Some("b" | "+b") if message.params.len() == 2 => {
                out.numeric(368, &[target], "End of channel ban list");
            }
            Some(_) => {
                out.numeric(
                    482,
                    &[target],
                    "You're not channel operator: channels belong to muds of the network",
                );
            }
        }
    }
}

/// Waits for the listeners of other muds no longer than clients of IRC do.
pub(super) fn with_timeout(mut params: Params<'_>) -> Params<'_> {
    params.0.push(("timeout", Datum::Int(5)));
    params
}
