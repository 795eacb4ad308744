//! The table of commands, and those that need no more than a line or two.

use super::caps::Caps;
use super::entrance::IrcDoor;
use super::message::Message;
use super::names::SERVER;
use super::out::{Out, server_time};
use super::welcome::{AWAY_BYTES_MAX, VERSION};
use crate::clients::Goodbye;
use crate::machine::ConnId;
use crate::service::Parts;

/// Commands that a client may send before it is registered.
const EARLY: [&str; 9] = ["PASS", "NICK", "USER", "CAP", "AUTHENTICATE", "PING", "PONG", "QUIT", "ERROR"];

/// Commands for operators, which nobody is here.
const FOR_OPERATORS: [&str; 11] = [
    "KILL", "REHASH", "RESTART", "DIE", "CONNECT", "SQUIT", "WALLOPS", "KLINE", "UNKLINE", "SAJOIN",
    "OPERWALL",
];

impl IrcDoor {
    /// Runs a command.
    pub(super) fn command(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        message: &Message,
        out: &mut Out,
        label: Option<&str>,
    ) {
        let is_registered = self.conns.get(conn).is_some_and(super::conn::Conn::is_registered);
        let command = message.command.as_str();
        if !is_registered && !EARLY.contains(&command) {
            return out.numeric(451, &[], "You have not registered");
        }
        match command {
            "PASS" => self.pass(conn, message, out),
            "NICK" => self.nick(parts, conn, message, out),
            "USER" => self.user(parts, conn, message, out),
            "CAP" => self.cap(parts, conn, message, out),
            "AUTHENTICATE" => self.authenticate(parts, conn, message, out),
            "PING" => ping(message, out),
            "PONG" | "ERROR" => {}
            "QUIT" => self.quit(parts, conn, message),
            "JOIN" => self.join(parts, conn, message, out),
            "PART" => self.part(parts, conn, message, out),
            "TOPIC" => self.topic(parts, conn, message, out),
            "NAMES" => self.names(parts, conn, message, out, label),
            "LIST" => self.list(parts, conn, message, out),
            "MODE" => self.mode(parts, conn, message, out),
            "PRIVMSG" => self.says(parts, conn, message, out, label),
            "NOTICE" => self.notices(parts, conn, message, out, label),
            "TAGMSG" => self.tags(parts, conn, message, out),
            "WHO" => self.who(parts, conn, message, out, label),
            "WHOIS" => self.whois(parts, conn, message, out, label),
            "WHOWAS" => was(message, out),
            "ISON" => self.ison(parts, conn, message, out),
            "USERHOST" => self.userhost(parts, conn, message, out),
            "USERS" => self.users(parts, conn, out),
            "AWAY" => self.away(parts, conn, message, out),
            "CHATHISTORY" => self.chathistory(parts, conn, message, out, label),
            "LUSERS" => self.counts(parts, conn, out),
            "VERSION" => self.version(parts, conn, out),
            _ => self.little(parts, conn, message, out),
        }
    }

    /// Commands that are answered with what never changes.
    fn little(&self, parts: &Parts<'_>, conn: ConnId, message: &Message, out: &mut Out) {
        match message.command.as_str() {
            "MOTD" => out.numeric(422, &[], "MOTD File is missing"),
            "TIME" => out.numeric(391, &[SERVER], &server_time(parts.cx.now.unix)),
            "ADMIN" => out.numeric(423, &[SERVER], "No administrative info available: ask *i3 for help"),
            "INFO" => {
                out.numeric(371, &[], &format!("i3-gateway {VERSION}: Intermud-3 for clients of IRC"));
                out.numeric(
                    371,
                    &[],
                    "Channels are those of the network; somebody elsewhere is user@Mud.Name",
                );
                out.numeric(374, &[], "End of INFO list");
            }
            "LINKS" => {
                out.numeric(364, &[SERVER, SERVER], "0 a gateway to Intermud-3");
                out.numeric(365, &["*"], "End of LINKS list");
            }
            "STATS" => out.numeric(219, &[message.param(0).unwrap_or("*")], "End of STATS report"),
            "HELP" | "HELPOP" => help(message, out),
            "OPER" if message.params.len() < 2 => out.numeric(461, &["OPER"], "Not enough parameters"),
            "OPER" => out.numeric(
                491,
                &[],
                "No O-lines for your host: use a key with the permission admin over JSON-RPC",
            ),
            "KICK" | "INVITE" => self.for_channel_operators(parts, conn, message, out),
            "SUMMON" => out.numeric(445, &[], "SUMMON has been disabled"),
            command if FOR_OPERATORS.contains(&command) => {
                out.numeric(481, &[], "Permission Denied- You're not an IRC operator");
            }
            command => out.numeric(421, &[command], "Unknown command"),
        }
    }

    fn for_channel_operators(&self, parts: &Parts<'_>, conn: ConnId, message: &Message, out: &mut Out) {
        let at = usize::from(message.command == "INVITE");
        match message.param(at).filter(|_| message.params.len() >= 2) {
            None => out.numeric(461, &[&message.command], "Not enough parameters"),
            Some(channel) if !IrcDoor::is_channel(parts, conn, channel) => {
                out.numeric(403, &[channel], "No such channel");
            }
            Some(channel) => {
                out.numeric(
                    482,
                    &[channel],
                    "You're not channel operator: channels belong to muds of the network",
                );
            }
        }
    }

    /// `QUIT`.
    fn quit(&mut self, parts: &mut Parts<'_>, conn: ConnId, message: &Message) {
        if let Some(one) = self.conns.get_mut(conn) {
            one.farewell = message.param(0).map(str::to_owned);
        }
        parts.clients.dismiss(conn, Goodbye::Finished, "Quit");
    }

    /// `AWAY`.
    fn away(&mut self, parts: &mut Parts<'_>, conn: ConnId, message: &Message, out: &mut Out) {
        let text = message.param(0).map(|text| text[..text.floor_char_boundary(AWAY_BYTES_MAX)].to_owned());
        let Some(session) = parts.clients.get_mut(conn) else { return };
        let Some(person) = &mut session.person else { return };
        let has_changed = person.away != text;
        person.away.clone_from(&text);
        match text {
            Some(_) => out.numeric(306, &[], "You have been marked as being away"),
            None => out.numeric(305, &[], "You are no longer marked as being away"),
        }
        if has_changed {
            let channels: Vec<String> = session.channels.keys().cloned().collect();
            parts.clients.changed(conn);
            let why = text.map_or_else(String::new, |text| format!(" :{text}"));
            let line = format!(":{} AWAY{why}", IrcDoor::own_source(parts, conn));
            self.tell_peers(parts, conn, &channels, Caps::AWAY, &line);
        }
    }
}

fn ping(message: &Message, out: &mut Out) {
    match message.params.first() {
        Some(token) => out.line(format!(":{SERVER} PONG {SERVER} :{token}")),
        None => out.numeric(461, &["PING"], "Not enough parameters"),
    }
}

fn was(message: &Message, out: &mut Out) {
    let Some(nick) = message.param(0) else { return out.numeric(431, &[], "No nickname given") };
    out.numeric(406, &[nick], "There was no such nickname");
    out.numeric(369, &[nick], "End of WHOWAS");
}

fn help(message: &Message, out: &mut Out) {
    let topic = message.param(0).unwrap_or("*").to_owned();
    let lines = super::help::LINES;
    out.numeric(704, &[&topic], lines[0]);
    lines[1..].iter().for_each(|line| out.numeric(705, &[&topic], line));
    out.numeric(706, &[&topic], "End of help");
}
