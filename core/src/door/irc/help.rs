//! The service user, who answers questions about the network.

use super::encoder::{Manner, speech};
use super::entrance::IrcDoor;
use super::names::{SERVER, SERVICE, channel_of, host_of, nick_of, shown_channel, split_target, user_of};
use super::open::Then;
use super::out::Out;
use super::requests::{Called, Params, list, number, text, text_of};
use crate::colour::{TextStyle, render};
use crate::describe::datum::Datum;
use crate::fault::Fault;
use crate::machine::ConnId;
use crate::service::Parts;
use serde_json::Value;

/// What the service user says of itself.
pub(super) const LINES: [&str; 12] = [
    "This is Intermud-3. Channels of the network are channels here: LIST, JOIN #channel.",
    "Somebody on another mud is user@Mud.Name: /msg user@Mud.Name text. A blank is written .",
    "WHOIS user@Mud.Name fingers, WHO Mud.Name asks who is on, WHO #channel who listens.",
    "Ask me (/msg *i3 ...):",
    "help - this text",
    "status - whether the router is there",
    "mudlist [PART] - the muds that are up, or those whose name holds PART",
    "who MUD - who is on there",
    "finger USER@MUD - what is known of a user",
    "locate USER - where a user is on",
    "channels - the channels of the network",
    "listeners #CHANNEL - who listens to it",
];

/// Lines of one answer.
const ANSWER_LINES_MAX: usize = 60;

impl IrcDoor {
    /// Answers a question to the service user.
    pub(super) fn service(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        question: &str,
        out: &mut Out,
        label: Option<&str>,
    ) {
        let question = question.trim();
        let (word, rest) = question.split_once(' ').unwrap_or((question, ""));
        let (word, rest) = (word.to_ascii_lowercase(), rest.trim());
        let nick = out.nick().to_owned();
        let params = Params::new().text("from_user", &nick);
        let then = (Then::Service { about: word.clone() }, label);
        match word.as_str() {
            "status" | "stats" => self.at_once(parts, conn, out, "status", Params::new()),
            "mudlist" | "muds" => self.muds(parts, conn, rest, out),
            "channels" => self.at_once(parts, conn, out, "channel_list", Params::new()),
            "who" if !rest.is_empty() => {
                let mud =
                    IrcDoor::whom(parts, conn, &format!("x@{rest}")).map_or_else(String::new, |(_, mud)| mud);
                self.ask(parts, conn, out, ("who", params.text("target_mud", &mud)), then);
            }
            "finger" if split_target(rest).is_some() => {
                let Some((user, mud)) = IrcDoor::whom(parts, conn, rest) else { return };
                let params = params.text("target_mud", &mud).text("target_user", &user);
                self.ask(parts, conn, out, ("finger", params), then);
            }
            "locate" if !rest.is_empty() => {
                let user = user_of(rest);
                let params = params.text("target_user", &user);
                self.ask(parts, conn, out, ("locate", params), then);
            }
            "listeners" if rest.starts_with('#') => {
                let channel = IrcDoor::channel(parts, conn, rest).or(channel_of(rest)).unwrap_or_default();
                let params = params.text("channel", &channel);
                self.ask(parts, conn, out, ("channel_who", params), then);
            }
            "help" | "?" => LINES.iter().for_each(|line| say(out, line)),
            _ => say(out, "I do not understand that; ask for: help"),
        }
    }

    fn at_once(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        out: &mut Out,
        name: &str,
        params: Params<'_>,
    ) {
        match self.call(parts, conn, name, params, None) {
            Called::Done(answer) => self.service_found(out, name, Ok(answer)),
            Called::Refused(fault) => self.service_found(out, name, Err(fault)),
            Called::Later => {}
        }
    }

    /// Tells the muds, or those whose name holds a text.
    fn muds(&mut self, parts: &mut Parts<'_>, conn: ConnId, part: &str, out: &mut Out) {
        let filter = serde_json::json!({"status": "up"}).to_string();
        let mut params = Params::new();
        if part.is_empty()
            && let Ok(filter) = serde_json::from_str::<Datum<'_>>(&filter)
        {
            params.0.push(("filter", filter));
        }
        let answer = match self.call(parts, conn, "mudlist", params, None) {
            Called::Done(answer) => answer,
            Called::Refused(fault) => return say(out, &text_of(&fault)),
            Called::Later => return,
        };
        let part = part.to_lowercase();
        let found: Vec<&Value> = list(&answer, "muds")
            .iter()
            .filter(|mud| text(mud, "name").to_lowercase().contains(&part))
            .collect();
        for mud in found.iter().take(ANSWER_LINES_MAX) {
            let name = text(mud, "name");
            let (driver, address) = (text(mud, "driver"), text(mud, "host"));
            let port = number(mud, "port");
            say(
                out,
                &format!("{} ({name}): {}, {driver}, {address} {port}", host_of(name), text(mud, "status")),
            );
        }
        let more = found.len().saturating_sub(ANSWER_LINES_MAX);
        let more = if more > 0 {
            format!("; {more} are not shown, ask for a part of a name")
        } else {
            String::new()
        };
        say(out, &format!("{} muds{more}", found.len()));
    }

    /// Tells the answer to a question.
    pub(super) fn service_found(&self, out: &mut Out, about: &str, outcome: Result<Value, Fault>) {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(fault) => return say(out, &format!("{about}: {}", text_of(&fault))),
        };
        match about {
            "status" => {
                let router = answer.get("router").unwrap_or(&Value::Null);
                let state =
                    if answer.get("connected") == Some(&Value::Bool(true)) { "connected" } else { "away" };
                let error = Some(text(router, "last_error")).filter(|error| !error.is_empty());
                let error = error.map_or_else(String::new, |error| format!("; last error: {error}"));
                say(
                    out,
                    &format!("{} at {}: {state}{error}", text(&answer, "mud_name"), text(router, "name")),
                );
            }
            "channel_list" => {
                let rows = list(&answer, "channels");
                for row in rows.iter().take(ANSWER_LINES_MAX) {
                    say(out, &format!("{} of {}", shown_channel(text(row, "name")), text(row, "owner")));
                }
                say(out, &format!("{} channels; LIST shows all", rows.len()));
            }
            "who" => {
                let users = list(&answer, "users");
                for user in users.iter().take(ANSWER_LINES_MAX) {
                    let idle = number(user, "idle");
                    say(out, &format!("{}: idle {idle} s {}", text(user, "name"), text(user, "extra")));
                }
                say(out, &format!("{} users on {}", users.len(), text(&answer, "from_mud")));
            }
            "finger" => {
                let info = answer.get("user_info").unwrap_or(&Value::Null);
                for member in ["name", "title", "real_name", "email", "login_time", "extra"] {
                    let known = text(info, member);
                    if !known.is_empty() {
                        say(out, &format!("{}: {known}", member.replace('_', " ")));
                    }
                }
                let idle = number(info, "idle_time");
                say(out, &if idle < 0 { "not on now".to_owned() } else { format!("idle {idle} s") });
            }
            "locate" => {
                let (user, mud) = (text(&answer, "located_user"), text(&answer, "located_mud"));
                let target = format!("{}@{}", nick_of(user), host_of(mud));
                say(out, &format!("{user} is on {mud} (idle {} s): {target}", number(&answer, "idle")));
            }
            _ => {
                for of_mud in list(&answer, "members") {
                    let users: Vec<&str> = list(of_mud, "users").iter().filter_map(Value::as_str).collect();
                    say(out, &format!("{}: {}", text(of_mud, "mud"), users.join(", ")));
                }
                say(out, "End of the listeners");
            }
        }
    }
}

/// Adds a notice of the service user.
fn say(out: &mut Out, text: &str) {
    let source = format!("{SERVICE}!{SERVICE}@{SERVER}");
    let nick = out.nick().to_owned();
    for line in speech(&source, Manner::Noticed, &nick, &render(text, TextStyle::Plain), None) {
        out.line(line);
    }
}
