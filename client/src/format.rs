//! Formats the gateway's events as lines for people.
//!
//! Users of other muds wrote most of the text in events. It must not contain escape sequences, line breaks or changes of
//! the text direction, so each value goes through [`plain`].

use serde_json::{Map, Value};

/// Longer lines are cut, so that one event does not fill the screen.
const LINE_CHARS_MAX: usize = 4096;
/// A longer word between two pinkfish delimiters is text and not a colour.
const PINKFISH_CODE_CHARS_MAX: usize = 24;
/// The pinkfish codes in use. Only these are also recognised where one delimiter ends a code and begins the next.
const PINKFISH_CODES: [&str; 34] = [
    "RESET",
    "BOLD",
    "FLASH",
    "REVERSE",
    "UNDERLINE",
    "ITALIC",
    "STRIKETHROUGH",
    "BLACK",
    "RED",
    "GREEN",
    "YELLOW",
    "ORANGE",
    "BLUE",
    "MAGENTA",
    "PINK",
    "PURPLE",
    "CYAN",
    "WHITE",
    "GREY",
    "LIGHTGREEN",
    "LIGHTRED",
    "LIGHTBLUE",
    "B_BLACK",
    "B_RED",
    "B_GREEN",
    "B_YELLOW",
    "B_ORANGE",
    "B_BLUE",
    "B_MAGENTA",
    "B_CYAN",
    "B_WHITE",
    "CLEARLINE",
    "INITTERM",
    "ENDTERM",
];

/// Returns one line for an event. It begins with the time of day (UTC).
pub(crate) fn line(event: &str, params: &Value) -> String {
    let fields = Fields(params.as_object());
    let text = match event {
        "channel_message" => {
            format!("[{}] {}: {}", fields.text("channel"), fields.from(), fields.text("message"))
        }
        "channel_emote" => format!("[{}] {}", fields.text("channel"), fields.emote()),
        "channel_targeted_emote" => format!("[{}] {}", fields.text("channel"), fields.targeted_emote()),
        "tell_received" => {
            format!("tell {} -> {}: {}", fields.from(), fields.text("to_user"), fields.text("message"))
        }
        "emoteto_received" => format!("emote to {}: {}", fields.text("to_user"), fields.emote()),
        "who_reply" => who(&fields),
        "finger_reply" => finger(&fields),
        "locate_reply" => locate(&fields),
        "mud_online" => format!("{} is online", fields.text("mud_name")),
        "mud_offline" => format!("{} is offline", fields.text("mud_name")),
        "packet_trace" => {
            let arrow = if params["direction"] == "sent" { "->" } else { "<-" };
            let (mud, router) = (fields.text("mud_name"), fields.text("router"));
            format!("{mud} {arrow} {router} {}", escaped(params["packet"].as_str().unwrap_or_default()))
        }
        _ => format!("event {} {}", plain(event), plain(&params.to_string())),
    };
    let replayed = if fields.flag("replay") { "(replayed) " } else { "" };
    cut(format!("{} {replayed}{text}", time_of_day(params)))
}

/// Removes pinkfish colour codes, and escapes all characters that are not visible.
pub(crate) fn plain(text: &str) -> String {
    escaped(&without_pinkfish(text))
}

/// Escapes all characters that are not visible.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push(' '),
            c if c.is_control() || is_invisible(c) => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// Whether a character separates lines or changes the text direction.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Removes colour codes such as `%^RED%^`, also in the form `%^BOLD%^RED%^`.
fn without_pinkfish(text: &str) -> String {
    let parts: Vec<&str> = text.split("%^").collect();
    let mut shown = String::with_capacity(text.len());
    shown.push_str(parts[0]);
    // A delimiter precedes each further part, and follows each part except the last.
    let mut after_code = false;
    for (index, part) in parts.iter().enumerate().skip(1) {
        let closed = index + 1 < parts.len();
        if after_code && !(closed && PINKFISH_CODES.contains(part)) {
            // The delimiter before this part was the end of a code.
            shown.push_str(part);
            after_code = false;
        } else if closed && is_pinkfish_code(part) {
            after_code = true;
        } else {
            shown.push_str("%^");
            shown.push_str(part);
        }
    }
    shown
}

fn is_pinkfish_code(part: &str) -> bool {
    part.len() <= PINKFISH_CODE_CHARS_MAX
        && part.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_' || c == '+')
}

fn cut(line: String) -> String {
    match line.char_indices().nth(LINE_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &line[..at]),
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
struct Fields<'a>(Option<&'a Map<String, Value>>);

impl Fields<'_> {
    fn text(&self, name: &str) -> String {
        match self.0.and_then(|fields| fields.get(name)) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => plain(text),
            Some(other) => plain(&other.to_string()),
        }
    }

    fn list(&self, name: &str) -> &[Value] {
        self.0.and_then(|fields| fields.get(name)).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn flag(&self, name: &str) -> bool {
        self.0.and_then(|fields| fields.get(name)) == Some(&Value::Bool(true))
    }

    fn from(&self) -> String {
        self.person("visname", "from_user", "from_mud")
    }

    /// Returns `Name@Mud`. The second key is used if the first is missing.
    fn person(&self, visible: &str, name: &str, mud: &str) -> String {
        let visible = self.text(visible);
        let who = if visible.is_empty() { self.text(name) } else { visible };
        format!("{who}@{}", self.text(mud))
    }

    /// Returns the message with the sender in place of `$N`, or before the message if it has no `$N`.
    fn emote(&self) -> String {
        let (from, message) = (self.from(), self.text("message"));
        if message.contains("$N") { message.replace("$N", &from) } else { format!("{from} {message}") }
    }

    /// Returns the message with the sender in place of `$N` and the target in place of `$O`.
    fn targeted_emote(&self) -> String {
        let target = self.person("target_visname", "target_user", "target_mud");
        // Piece by piece, so that a mark in a name is not replaced.
        let message = self.text("message");
        let from = self.from();
        let pieces: Vec<String> = message.split("$N").map(|piece| piece.replace("$O", &target)).collect();
        if pieces.len() > 1 { pieces.join(&from) } else { format!("{from} {}", pieces.concat()) }
    }

    /// Returns the values that are present, each after its label.
    fn particulars(&self, shown: &[(&str, &str)], before: &str, after: &str) -> String {
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

    fn check(event: &str, params: Value, expected: &str) {
        let mut params = params;
        if params.is_object() {
            params["timestamp"] = json!("2026-11-23T12:01:07.190959Z");
        }
        assert_eq!(line(event, &params), format!("12:01:07 {expected}"));
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
        let line = line("lagged\n", &json!({"dropped": 3, "why": "\u{9b}2J"}));
        assert_eq!(line, r#"--:--:-- event lagged\n {"dropped":3,"why":"\u{9b}2J"}"#);
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
        for (text, expected) in [
            ("plain é 漢", "plain é 漢"),
            ("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}"),
            ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"),
            ("two\r\nlines\tand a tab", "two\\r\\nlines and a tab"),
            ("\u{202e}txt.exe\u{2066}\u{2028}", "\\u{202e}txt.exe\\u{2066}\\u{2028}"),
        ] {
            assert_eq!(plain(text), expected);
        }
        let name = json!({"channel": "c\u{1b}c", "visname": "\u{1b}]0;x\u{7}", "from_mud": "M\n", "message": "\u{8}"});
        let line = line("channel_message", &name);
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }

    #[test]
    fn pinkfish_codes_are_stripped() {
        for (text, expected) in [
            ("%^RED%^hot%^RESET%^", "hot"),
            ("%^BOLD%^%^RED%^hot%^RESET%^ cold", "hot cold"),
            ("%^BOLD%^RED%^hot%^RESET%^", "hot"),
            ("%^RED%^WARNING%^RESET%^", "WARNING"),
            ("%^B_BLUE%^%^LIGHT_9%^x", "x"),
            ("100%^ sure", "100%^ sure"),
            ("a %^not a code%^ b", "a %^not a code%^ b"),
            ("%^%^", ""),
            ("%^", "%^"),
            ("end %^RED%^", "end "),
            ("%^R%^ED%^\u{1b}%^", "ED%^\\u{1b}%^"),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let line = line("mud_online", &json!({"mud_name": "é".repeat(2 * LINE_CHARS_MAX)}));
        assert_eq!(line.chars().count(), LINE_CHARS_MAX + 1);
        assert!(line.ends_with('…'));
    }
}
