//! Formats the gateway's events as lines for people.
//!
//! Users of other muds wrote most of the text in events. It must not contain escape sequences, line breaks or changes of
//! the text direction, so each value goes through [`plain`].

use crate::style::Style;
use crate::text::{Styled, escaped, plain};
use serde_json::{Map, Value};

/// Longer lines are cut, so that one event does not fill the screen.
const LINE_CHARS_MAX: usize = 4096;
/// Returns an event in words. It begins with the time of day (UTC).
pub(crate) fn in_words(event: &str, params: &Value) -> Styled {
    cut(Styled::default().with(Style::Dim, time_of_day(params)).and(" ").join(words(event, params)))
}

/// Returns an event in words, without its time.
pub(crate) fn words(event: &str, params: &Value) -> Styled {
    let fields = Fields(params.as_object());
    let mut line = Styled::default();
    if fields.flag("replay") {
        line = line.with(Style::Dim, "(replayed) ");
    }
    if fields.flag("self") {
        line = line.with(Style::Dim, "(sent) ");
    }
    let words = spoken(event, &fields)
        .or_else(|| answered(event, &fields))
        .or_else(|| reported(event, &fields))
        .or_else(|| (event == "packet_trace").then(|| traced(&fields, params)))
        .unwrap_or_else(|| {
            Styled::default().and(format!("event {} {}", plain(event), plain(&params.to_string())))
        });
    line.join(words)
}

/// Events that are somebody's words.
fn spoken(event: &str, fields: &Fields<'_>) -> Option<Styled> {
    let words = Styled::default;
    let channel = || words().with(Style::Channel, format!("[{}]", fields.text("channel"))).and(" ");
    Some(match event {
        "channel_message" => channel().join(fields.from()).and(": ").and(fields.text("message")),
        "channel_emote" => channel().join(fields.emote()),
        "channel_targeted_emote" => channel().join(fields.targeted_emote()),
        "channel_filter_request" => words()
            .and(format!("is this allowed (filter_id {})? ", fields.text("filter_id")))
            .join(channel())
            .join(fields.from())
            .and(": ")
            .and(fields.text("message")),
        "tell_received" => words()
            .and("tell ")
            .join(fields.from())
            .and(format!(" -> {}: ", fields.text("to_user")))
            .and(fields.text("message")),
        "emoteto_received" => {
            words().and(format!("emote to {}: ", fields.text("to_user"))).join(fields.emote())
        }
        "beep_received" => words().join(fields.from()).and(format!(" beeps {}", fields.text("to_user"))),
        _ => return None,
    })
}

/// Events that are answers of other muds.
fn answered(event: &str, fields: &Fields<'_>) -> Option<Styled> {
    let words = match event {
        "who_reply" => who(fields),
        "finger_reply" => finger(fields),
        "locate_reply" => locate(fields),
        "channel_who_reply" => {
            let users: Vec<String> =
                fields.list("users").iter().filter_map(Value::as_str).map(plain).collect();
            let users = if users.is_empty() { "nobody".to_owned() } else { users.join(", ") };
            format!("on channel {} at {}: {users}", fields.text("channel"), fields.text("from_mud"))
        }
        "error_occurred" => {
            let from = fields.text("from_mud");
            let from = if from.is_empty() { String::new() } else { format!(", from {from}") };
            let text =
                format!("failed: {} ({}{from})", fields.text("error_message"), fields.text("error_code"));
            return Some(Styled::default().with(Style::Bad, text));
        }
        _ => return None,
    };
    Some(Styled::default().and(words))
}

/// Events that are news of the network and of the gateway.
fn reported(event: &str, fields: &Fields<'_>) -> Option<Styled> {
    let channel = fields.text("channel");
    let (style, words) = match event {
        "mud_online" => (Style::Good, format!("{} is online", fields.text("mud_name"))),
        "mud_offline" => (Style::Dim, format!("{} is offline", fields.text("mud_name"))),
        "channel_added" => (
            Style::Plain,
            format!("channel {channel} was added or changed; its owner is {}", fields.text("owner")),
        ),
        "channel_removed" => (Style::Plain, format!("channel {channel} was removed")),
        "channel_joined" => {
            (Style::Dim, format!("session {} of this mud joined {channel}", fields.text("session_id")))
        }
        "channel_left" => {
            (Style::Dim, format!("session {} of this mud left {channel}", fields.text("session_id")))
        }
        "gateway_disconnected" => {
            (Style::Bad, format!("the link to {} is down: {}", fields.text("router"), fields.text("reason")))
        }
        "gateway_reconnected" => (Style::Good, format!("the link to {} is ready", fields.text("router"))),
        "identity_warning" => (
            Style::Bad,
            format!("{} ({}): {}", fields.text("message"), fields.text("error_code"), fields.text("advice")),
        ),
        "lagged" => (
            Style::Bad,
            format!("events were dropped because this program did not read: {}", fields.text("dropped")),
        ),
        "rate_limit_warning" => (
            Style::Bad,
            format!(
                "too many requests ({}): at most {} a minute",
                fields.text("method"),
                fields.text("per_minute")
            ),
        ),
        "replay_complete" => {
            let of = if channel.is_empty() { String::new() } else { format!(" on channel {channel}") };
            let gap = if fields.flag("gap") { "; others were too old or too many" } else { "" };
            (Style::Dim, format!("events replayed{of}: {}{gap}", fields.text("replayed")))
        }
        "shutdown_warning" => {
            (Style::Bad, format!("the gateway is shutting down: {}", fields.text("message")))
        }
        "storage_failed" => {
            let (waiting, reason) = (fields.text("waiting"), fields.text("reason"));
            (Style::Bad, format!("the store saves nothing, {waiting} changes wait: {reason}"))
        }
        "storage_recovered" => (Style::Good, "the store saves again".to_owned()),
        _ => return None,
    };
    Some(Styled::default().with(style, words))
}

fn traced(fields: &Fields<'_>, params: &Value) -> Styled {
    let (arrow, style) =
        if params["direction"] == "sent" { ("->", Style::Good) } else { ("<-", Style::Channel) };
    Styled::default()
        .and(fields.text("mud_name"))
        .and(" ")
        .with(style, arrow)
        .and(format!(" {} ", fields.text("router")))
        .and(escaped(params["packet"].as_str().unwrap_or_default()))
}

/// Cuts a line that is too long.
fn cut(line: Styled) -> Styled {
    let shown = line.plain();
    match shown.char_indices().nth(LINE_CHARS_MAX) {
        Some((at, _)) => Styled::default().and(format!("{}…", &shown[..at])),
        None => line,
    }
}

/// Returns the `HH:MM:SS` of an RFC 3339 timestamp.
fn time_of_day(params: &Value) -> &str {
    let timestamp = params.get("timestamp").and_then(Value::as_str).unwrap_or_default();
    let time = timestamp.get(11..19).unwrap_or_default();
    let is_time = time.len() == 8
        && time.bytes().enumerate().all(|(at, b)| if at % 3 == 2 { b == b':' } else { b.is_ascii_digit() });
    if is_time { time } else { "--:--:--" }
}

fn who(fields: &Fields<'_>) -> String {
    let users = fields.list("users");
    let mut text = format!("who on {}: {} user{}", fields.text("from_mud"), users.len(), plural(users.len()));
    for (index, user) in users.iter().enumerate() {
        let user = Fields(user.as_object());
        text.push_str(if index == 0 { ": " } else { "; " });
        text.push_str(&user.text("name"));
        text.push_str(&user.particulars(&[("level", "level"), ("idle", "idle s"), ("extra", "")], " (", ")"));
    }
    text
}

fn finger(fields: &Fields<'_>) -> String {
    let user = Fields(fields.0.and_then(|fields| fields.get("user_info")).and_then(Value::as_object));
    let shown = [
        ("title", ""),
        ("real_name", "real name"),
        ("email", "e-mail"),
        ("level", "level"),
        ("idle_time", "idle s"),
        ("login_time", "login"),
        ("ip_address", "address"),
        ("extra", ""),
    ];
    let particulars = user.particulars(&shown, ": ", "");
    format!("finger {}@{}{particulars}", user.text("name"), fields.text("from_mud"))
}

fn locate(fields: &Fields<'_>) -> String {
    let particulars = fields.particulars(&[("idle", "idle s"), ("status", "")], ": ", "");
    format!("locate {}@{}{particulars}", fields.text("located_user"), fields.text("located_mud"))
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// The members of an object, in printable form. A missing member is an empty text.
pub(crate) struct Fields<'a>(pub(crate) Option<&'a Map<String, Value>>);

impl Fields<'_> {
    pub(crate) fn text(&self, name: &str) -> String {
        match self.0.and_then(|fields| fields.get(name)) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => plain(text),
            Some(other) => plain(&other.to_string()),
        }
    }

    pub(crate) fn list(&self, name: &str) -> &[Value] {
        self.0.and_then(|fields| fields.get(name)).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.0.and_then(|fields| fields.get(name)) == Some(&Value::Bool(true))
    }

    /// The sender, as `Name@Mud`.
    pub(crate) fn from(&self) -> Styled {
        let from = self.person("visname", "from_user", "from_mud");
        Styled::default().with(Style::name(&from), from)
    }

    /// Returns `Name@Mud`. The second key is used if the first is missing.
    pub(crate) fn person(&self, visible: &str, name: &str, mud: &str) -> String {
        let visible = self.text(visible);
        let who = if visible.is_empty() { self.text(name) } else { visible };
        format!("{who}@{}", self.text(mud))
    }

    /// Returns the message with the sender in place of `$N`, or before the message if it has no `$N`.
    pub(crate) fn emote(&self) -> Styled {
        self.with_sender(&self.text("message"))
    }

    /// Returns the message with the sender in place of `$N` and the target in place of `$O`.
    pub(crate) fn targeted_emote(&self) -> Styled {
        let target = self.person("target_visname", "target_user", "target_mud");
        // Piece by piece, so that a mark in a name is not replaced.
        let message = self.text("message");
        let pieces: Vec<String> = message.split("$N").map(|piece| piece.replace("$O", &target)).collect();
        self.between(&pieces)
    }

    fn with_sender(&self, message: &str) -> Styled {
        self.between(&message.split("$N").map(str::to_owned).collect::<Vec<_>>())
    }

    /// Puts the sender between the pieces, or before the only one.
    fn between(&self, pieces: &[String]) -> Styled {
        let (first, rest) =
            pieces.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        if rest.is_empty() {
            return self.from().and(format!(" {first}"));
        }
        rest.iter().fold(Styled::default().and(first), |line, piece| line.join(self.from()).and(piece))
    }

    /// Returns the values that are present, each after its label.
    pub(crate) fn particulars(&self, shown: &[(&str, &str)], before: &str, after: &str) -> String {
        let said: Vec<String> = shown
            .iter()
            .map(|(name, label)| (self.text(name), label))
            .filter(|(value, _)| !value.is_empty())
            .map(|(value, label)| match label.strip_suffix(" s") {
                Some(label) => format!("{label} {value} s"),
                None if label.is_empty() => value,
                None => format!("{label} {value}"),
            })
            .collect();
        if said.is_empty() { String::new() } else { format!("{before}{}{after}", said.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(event: &str, params: &Value) -> String {
        in_words(event, params).plain()
    }

    fn check(event: &str, params: Value, expected: &str) {
        let mut params = params;
        if params.is_object() {
            params["timestamp"] = json!("2026-11-23T12:01:07.190959Z");
        }
        assert_eq!(in_words(event, &params).plain(), format!("12:01:07 {expected}"));
    }

    #[test]
    fn packets_keep_their_colours_and_drive_no_terminal() {
        let mut params = json!({"direction": "sent", "mud_name": "Here", "router": "*net",
            "packet": "({\"tell\",5,\"%^RED%^\u{1b}[2J\",})"});
        check("packet_trace", params.clone(), "Here -> *net ({\"tell\",5,\"%^RED%^\\u{1b}[2J\",})");
        params["direction"] = json!("received");
        check("packet_trace", params, "Here <- *net ({\"tell\",5,\"%^RED%^\\u{1b}[2J\",})");
    }

    #[test]
    fn channels_and_tells() {
        let said = json!({"channel": "demo_chat", "from_mud": "Hollow", "from_user": "sage", "visname": "Sage",
            "message": "hello there"});
        check("channel_message", said.clone(), "[demo_chat] Sage@Hollow: hello there");
        let mut replayed = said;
        replayed["replay"] = json!(true);
        replayed["visname"] = json!("");
        check("channel_message", replayed, "(replayed) [demo_chat] sage@Hollow: hello there");
        let emote =
            json!({"channel": "demo_code", "from_mud": "Hollow", "visname": "Nyx", "message": "$N grins."});
        check("channel_emote", emote, "[demo_code] Nyx@Hollow grins.");
        let bare =
            json!({"channel": "demo_code", "from_mud": "Hollow", "visname": "Nyx", "message": "grins."});
        check("channel_emote", bare, "[demo_code] Nyx@Hollow grins.");
        let targeted = json!({"channel": "c", "from_mud": "Hollow", "visname": "$O", "message": "$N waves to $O.",
            "target_mud": "Other", "target_visname": "Bo"});
        check("channel_targeted_emote", targeted, "[c] $O@Hollow waves to Bo@Other.");
        let tell = json!({"from_mud": "Hollow", "from_user": "sage", "visname": "Sage", "to_mud": "Here",
            "to_user": "bob", "message": "psst"});
        check("tell_received", tell, "tell Sage@Hollow -> bob: psst");
        let emoteto =
            json!({"from_mud": "Hollow", "visname": "Sage", "to_user": "bob", "message": "$N nods."});
        check("emoteto_received", emoteto, "emote to bob: Sage@Hollow nods.");
    }

    #[test]
    fn replies_as_recorded() {
        let who = json!({"from_mud": "TestMUD 001", "to_mud": "RefMUD", "to_user": "*", "users": [
            {"name": "Fred", "idle": 30, "level": 12, "extra": "the Bold"}, {"name": "Wilma", "extra": null}]});
        check("who_reply", who, "who on TestMUD 001: 2 users: Fred (level 12, idle 30 s, the Bold); Wilma");
        check("who_reply", json!({"from_mud": "Empty", "users": []}), "who on Empty: 0 users");
        let finger = json!({"from_mud": "TestMUD 001", "to_mud": "RefMUD", "to_user": "Alyx", "user_info": {
            "name": "Fred", "title": "Fred the Bold", "real_name": "Fred F", "email": "fred@x.invalid",
            "login_time": "Mon Jan  1 00:00:00 2026", "idle_time": 42, "ip_address": "10.0.0.1", "level": 0,
            "extra": "likes rocks"}});
        check(
            "finger_reply",
            finger,
            "finger Fred@TestMUD 001: Fred the Bold, real name Fred F, e-mail fred@x.invalid, level 0, idle 42 s, \
             login Mon Jan  1 00:00:00 2026, address 10.0.0.1, likes rocks",
        );
        let locate = json!({"from_mud": "TestMUD 001", "located_mud": "TestMUD 001", "located_user": "Fred",
            "idle": 7, "status": "editing"});
        check("locate_reply", locate, "locate Fred@TestMUD 001: idle 7 s, editing");
    }

    #[test]
    fn muds_and_all_other_events() {
        check("mud_online", json!({"mud_name": "Hollow", "status": "online"}), "Hollow is online");
        check("mud_offline", json!({"mud_name": "Hollow"}), "Hollow is offline");
        let line = in_words("made_up\n", &json!({"dropped": 3, "why": "\u{9b}2J"}));
        assert_eq!(line.plain(), r#"--:--:-- event made_up\n {"dropped":3,"why":"\u{9b}2J"}"#);
    }

    #[test]
    fn odd_shapes_are_shown_not_refused() {
        assert_eq!(line("channel_message", &Value::Null), "--:--:-- [] @: ");
        assert_eq!(
            line("mud_online", &json!({"mud_name": 5, "timestamp": "2026-11-23Tab:cd:efZ"})),
            "--:--:-- 5 is online"
        );
        assert_eq!(line("who_reply", &json!({"users": [7]})), "--:--:-- who on : 1 user: ");
        // A cut in the middle of a character.
        assert_eq!(line("mud_online", &json!({"timestamp": "éééééééééééé"})), "--:--:--  is online");
    }

    #[test]
    fn a_peers_text_cannot_drive_the_terminal() {
        let name = json!({"channel": "c\u{1b}c", "visname": "\u{1b}]0;x\u{7}", "from_mud": "M\n", "message": "\u{8}"});
        let line = line("channel_message", &name);
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }

    #[test]
    fn every_event_has_words() {
        let of_the_api: Vec<&str> = include_str!("../../clients/rust/src/generated/events.rs")
            .lines()
            .filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" => read("))
            .map(|(name, _)| name)
            .filter(|name| *name != "welcome")
            .collect();
        assert!(of_the_api.len() > 25, "{of_the_api:?}");
        for event in of_the_api {
            assert!(!line(event, &json!({})).contains("event "), "{event} has no words");
        }
        let said =
            json!({"channel": "c", "from_mud": "Here", "visname": "Me", "message": "hi", "self": true});
        check("channel_message", said, "(sent) [c] Me@Here: hi");
        let down = json!({"router": "*net", "reason": "no sign of life"});
        check("gateway_disconnected", down, "the link to *net is down: no sign of life");
        let failed = json!({"error_code": "unk-user", "error_message": "no bob here", "from_mud": "Sage"});
        check("error_occurred", failed, "failed: no bob here (unk-user, from Sage)");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let line = line("mud_online", &json!({"mud_name": "é".repeat(2 * LINE_CHARS_MAX)}));
        assert_eq!(line.chars().count(), LINE_CHARS_MAX + 1);
        assert!(line.ends_with('…'));
    }
}
