//! Messages: to channels, to users of other muds, to the service user.

use super::conn::FLOOD_MAX;
use super::encoder::{Manner, Tags, speech};
use super::entrance::IrcDoor;
use super::message::Message;
use super::names::{SERVER, SERVICE, shown_channel};
use super::out::Out;
use super::requests::{Called, Params, text, text_of};
use crate::clients::{Goodbye, Session};
use crate::fault::{Fault, FaultKind};
use crate::machine::ConnId;
use crate::service::Parts;

/// Targets of one message.
pub(super) const TARGETS_MAX: usize = 4;

/// Begins and ends a request to the program of the other side.
const CTCP: char = '\u{1}';

/// A text on its way.
#[derive(Clone, Copy)]
struct Said<'m> {
    /// The text of an action, or the text.
    text: &'m str,
    is_action: bool,
    /// Nothing is answered to a notice.
    is_notice: bool,
    label: Option<&'m str>,
}

impl IrcDoor {
    /// `PRIVMSG`.
    pub(super) fn says(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        message: &Message,
        out: &mut Out,
        label: Option<&str>,
    ) {
        self.speak(parts, conn, message, out, (false, label));
    }

    /// `NOTICE`. The network knows no notices: they are messages to it. Errors are not answered.
    pub(super) fn notices(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        message: &Message,
        out: &mut Out,
        label: Option<&str>,
    ) {
        let mut own = Out::new(Some(out.nick()));
        self.speak(parts, conn, message, &mut own, (true, label));
        if own.is_wanted {
            *out = own;
        } else {
            out.is_deferred = own.is_deferred;
        }
    }

    fn speak(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        message: &Message,
        out: &mut Out,
        (is_notice, label): (bool, Option<&str>),
    ) {
        let Some(targets) = message.param(0) else {
            return out.numeric(411, &[], &format!("No recipient given ({})", message.command));
        };
        let Some(raw) = message.param(1) else { return out.numeric(412, &[], "No text to send") };
        let targets: Vec<&str> = targets.split(',').filter(|target| !target.is_empty()).collect();
        if targets.len() > TARGETS_MAX {
            return out.numeric(
                407,
                &[targets[TARGETS_MAX]],
                "Too many targets: 4 at most, nothing was sent",
            );
        }
        let (mut text, mut is_action) = (raw, false);
        if let Some(request) = raw.strip_prefix(CTCP) {
            let request = request.trim_end_matches(CTCP);
            let (verb, rest) = request.split_once(' ').unwrap_or((request, ""));
            if !verb.eq_ignore_ascii_case("ACTION") {
                return refuse_ctcp(out, verb, is_notice);
            }
            (text, is_action) = (rest, true);
        }
        if text.trim().is_empty() {
            return out.numeric(412, &[], "No text to send");
        }
        let label = label.filter(|_| targets.len() == 1);
        for target in targets {
            if self.is_flooding(parts, conn, target, out) {
                continue;
            }
            let said = Said { text, is_action, is_notice, label };
            if target.starts_with('#') {
                self.send_to_channel(parts, conn, target, said, out);
            } else if target.eq_ignore_ascii_case(SERVICE) || target.eq_ignore_ascii_case("*i3@i3-gateway") {
                self.service(parts, conn, text, out, label);
            } else {
                self.send_to_user(parts, conn, target, said, out);
            }
        }
    }

    /// Whether a client sends too much. It is told about each message that is not sent.
    fn is_flooding(&mut self, parts: &mut Parts<'_>, conn: ConnId, target: &str, out: &mut Out) -> bool {
        let Some(one) = self.conns.get_mut(conn) else { return true };
        let Err(wait_ms) = one.flood.take(parts.cx.now.mono) else {
            one.refused = 0;
            return false;
        };
        one.refused += 1;
        parts.cx.metrics.requests_limited += 1;
        if one.refused > FLOOD_MAX {
            parts.cx.metrics.connections_at_fault += 1;
            parts.clients.dismiss(conn, Goodbye::Policy, "Excess Flood");
        }
        let seconds = wait_ms.div_ceil(1000);
        out.notice(&format!("Flood control: your message to {target} was not sent; wait {seconds} seconds"));
        out.is_wanted = true;
        true
    }

    fn send_to_channel(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        target: &str,
        said: Said<'_>,
        out: &mut Out,
    ) {
        let Some(channel) = IrcDoor::channel(parts, conn, target) else {
            return out.numeric(403, &[target], "No such channel");
        };
        let is_joined = parts.clients.get(conn).is_some_and(|one| one.channels.contains_key(&channel));
        if !is_joined {
            return out.numeric(404, &[target], "Cannot send to channel: join it first");
        }
        let nick = out.nick().to_owned();
        let (method, member) =
            if said.is_action { ("channel_emote", "emote") } else { ("channel_send", "message") };
        let params = Params::new().text("channel", &channel).text(member, said.text);
        let params = params.text("from_user", &nick).text("visname", &nick);
        let sent = match self.call(parts, conn, method, params, None) {
            Called::Done(sent) => sent,
            Called::Later => return,
            Called::Refused(fault) => return refused(out, 404, target, "Cannot send to channel", &fault),
        };
        let is_unechoed = parts
            .clients
            .get(conn)
            .and_then(Session::mud)
            .is_some_and(|mud| parts.muds[mud].behind_coffeemud);
        let now = parts.cx.now.mono;
        let Some(person) = parts.clients.get_mut(conn).and_then(|session| session.person.as_mut()) else {
            return;
        };
        person.sent(text(&sent, "message_id"), target);
        if is_unechoed {
            // The router of a CoffeeMud sends no mud its own lines.
            parts.clients.has_said(conn, now);
            return self.echo(parts, conn, &shown_channel(&channel), said, out);
        }
        // The router sends the line back, as it reaches others.
        let label = said.label.filter(|_| person.wants_echo);
        person.said(&channel, label, said.is_notice, now);
        out.is_deferred = label.is_some();
        parts.clients.has_said(conn, now);
    }

    fn send_to_user(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        target: &str,
        said: Said<'_>,
        out: &mut Out,
    ) {
        let Some((user, mud)) = IrcDoor::whom(parts, conn, target) else {
            let text = "No such nick: somebody on another mud is user@Mud.Name, with . for a blank";
            return out.numeric(401, &[target], text);
        };
        let nick = out.nick().to_owned();
        let (method, member) = if said.is_action { ("emoteto", "emote") } else { ("tell", "message") };
        let params = Params::new().text("target_mud", &mud).text("target_user", &user);
        let params = params.text(member, said.text).text("from_user", &nick).text("visname", &nick);
        let sent = match self.call(parts, conn, method, params, None) {
            Called::Done(sent) => sent,
            Called::Later => return,
            Called::Refused(fault) => return refused(out, 401, target, "No such nick/channel", &fault),
        };
        let now = parts.cx.now.mono;
        if let Some(person) = parts.clients.get_mut(conn).and_then(|session| session.person.as_mut()) {
            person.sent(text(&sent, "message_id"), target);
            person.meets(&user, &mud);
        }
        parts.clients.has_said(conn, now);
        self.echo(parts, conn, target, said, out);
        if let Some(away) = away_of(parts, conn, &user, &mud) {
            out.numeric(301, &[target], &away);
        }
    }

    /// Shows an own message that the network does not send back: to the client if it wants that, and to other connections of
    /// the same nick.
    fn echo(&mut self, parts: &mut Parts<'_>, conn: ConnId, target: &str, said: Said<'_>, out: &mut Out) {
        let id = parts.journal.next_id(&mut parts.cx);
        let manner = match (said.is_notice, said.is_action) {
            (_, true) => Manner::Acted,
            (true, false) => Manner::Noticed,
            (false, false) => Manner::Said,
        };
        let lines = speech(&IrcDoor::own_source(parts, conn), manner, target, said.text, None);
        let at = parts.cx.now.unix;
        for (twin, wants_echo) in twins(parts, conn) {
            let Some(caps) = self.conns.get(twin).map(|one| one.caps) else { continue };
            if twin == conn && !wants_echo {
                continue;
            }
            let mut copy = Out::new(Some(out.nick()));
            let to = if twin == conn { &mut *out } else { &mut copy };
            for (at_line, line) in lines.iter().enumerate() {
                to.tagged(Tags::of(caps).write(at, (at_line == 0).then_some(id), None), line);
            }
            to.is_wanted = true;
            if twin != conn {
                self.send(parts, twin, copy, None);
            }
        }
    }

    /// `TAGMSG`. The network has no such messages.
    pub(super) fn tags(&mut self, parts: &mut Parts<'_>, conn: ConnId, message: &Message, out: &mut Out) {
        let Some(target) = message.param(0) else {
            return out.numeric(461, &["TAGMSG"], "Not enough parameters");
        };
        match IrcDoor::channel(parts, conn, target) {
            Some(channel) => {
                let is_joined =
                    parts.clients.get(conn).is_some_and(|one| one.channels.contains_key(&channel));
                if !is_joined {
                    out.numeric(404, &[target], "Cannot send to channel: join it first");
                }
            }
            None if target.eq_ignore_ascii_case(SERVICE) || IrcDoor::whom(parts, conn, target).is_some() => {}
            None => out.numeric(401, &[target], "No such nick/channel"),
        }
    }
}

/// Returns the connections of the client's nick, each with whether it wants its own messages back.
fn twins(parts: &Parts<'_>, conn: ConnId) -> Vec<(ConnId, bool)> {
    let Some(mine) = parts.clients.get(conn) else { return Vec::new() };
    let (mud, Some(person)) = (mine.mud_of_key(), &mine.person) else { return Vec::new() };
    let of_nick = |session: &Session| {
        session.mud_of_key() == mud
            && !session.leaving
            && session.person.as_ref().is_some_and(|other| other.is(&person.user))
    };
    let sessions = parts.clients.iter().filter(|(_, session)| of_nick(session));
    sessions.map(|(conn, one)| (conn, one.person.as_ref().is_some_and(|person| person.wants_echo))).collect()
}

/// Returns why a user who is here is away.
fn away_of(parts: &Parts<'_>, conn: ConnId, user: &str, mud: &str) -> Option<String> {
    let identity = parts.clients.get(conn)?.identity.as_ref()?;
    if !identity.mud_name.eq_ignore_ascii_case(mud) {
        return None;
    }
    crate::service::persons::find(parts.clients, identity.mud, user)?.away.map(str::to_owned)
}

/// Refuses a request to the program of the other side. An answer to one is dropped.
fn refuse_ctcp(out: &mut Out, verb: &str, is_notice: bool) {
    if !is_notice {
        let verb: String = verb.chars().filter(char::is_ascii_graphic).take(20).collect();
        let nick = out.nick().to_owned();
        let text = format!("CTCP {verb} cannot be passed on: Intermud-3 knows ACTION only");
        out.line(format!(":{SERVICE}!{SERVICE}@{SERVER} NOTICE {nick} :{text}"));
    }
}

/// Says that a message was not sent, and why.
fn refused(out: &mut Out, code: u16, target: &str, what: &str, fault: &Fault) {
    if fault.kind == FaultKind::RateLimit {
        out.notice(&format!("Flood control: your message to {target} was not sent: {}", text_of(fault)));
        out.is_wanted = true;
        return;
    }
    out.numeric(code, &[target], &format!("{what}: {}", text_of(fault)));
}
