//! Renders the texts of the network in the style that a client has asked for. It renders every text of a message, names
//! included, so that no text from a stranger reaches the client in another form.

use crate::colour::{TextStyle, is_irc_code, render};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The events whose texts contain `$N` for the name of their user.
const EMOTES: [&str; 3] = ["emoteto_received", "channel_emote", "channel_targeted_emote"];

/// Characters of a name that is put in place of `$N`. The rest is left out.
const NAME_CHARS_MAX: usize = 128;

/// Number of names that are put into one text. Further ones stay `$N`.
const NAMES_MAX: usize = 100;

/// Whether a message can stay as it is for a style: most are read raw, and hold no codes of mIRC.
pub fn stays(message: &[u8], style: TextStyle) -> bool {
    const ESCAPE: &[u8] = b"\\u00";
    let is_code = |at: usize| {
        let digits = message.get(at + ESCAPE.len()..at + ESCAPE.len() + 2);
        let byte =
            digits.and_then(|digits| std::str::from_utf8(digits).ok()).map(|hex| u8::from_str_radix(hex, 16));
        matches!(byte, Some(Ok(byte)) if is_irc_code(byte))
    };
    // Hardly any message has an escape at all.
    let has_code = || memchr::memmem::find_iter(message, ESCAPE).any(is_code);
    style == TextStyle::Raw && (memchr::memchr(b'\\', message).is_none() || !has_code())
}

/// Renders the texts in the params, the result or the error of a message, or of each message of a batch. All other
/// members stay unchanged, above all the id.
pub fn restyle(message: &[u8], style: TextStyle) -> Vec<u8> {
    let text = std::str::from_utf8(message).unwrap_or_default();
    let restyled = if text.starts_with('[') {
        serde_json::from_str::<Vec<&RawValue>>(text).ok().map(|messages| {
            let each = messages.into_iter().map(|message| restyle(message.get().as_bytes(), style));
            [&b"["[..], &each.collect::<Vec<_>>().join(&b","[..]), b"]"].concat()
        })
    } else {
        one(text, style)
    };
    debug_assert!(restyled.is_some(), "what we write is JSON: {text}");
    restyled.unwrap_or_else(|| message.to_vec())
}

fn one(text: &str, style: TextStyle) -> Option<Vec<u8>> {
    let members: super::rpc::Members<'_> = serde_json::from_str(text).ok()?;
    let method: Option<&str> = members.get("method").and_then(|name| serde_json::from_str(name.get()).ok());
    let mut object = super::json::Object::default();
    for (name, value) in members.iter() {
        if matches!(name, "params" | "result" | "error") {
            let mut value = serde_json::from_str(value.get()).ok()?;
            if let Value::Object(params) = &mut value
                && method.is_some_and(|method| EMOTES.contains(&method))
            {
                put_names(params);
            }
            walk(&mut value, style);
            object.add(name, &value);
        } else {
            object.add(name, value);
        }
    }
    Some(object.finish())
}

fn walk(value: &mut Value, style: TextStyle) {
    match value {
        Value::String(text) => {
            let rendered = render(text, style).into_owned();
            *text = rendered;
        }
        Value::Array(list) => list.iter_mut().for_each(|value| walk(value, style)),
        Value::Object(members) => {
            // A mud may give its services any names.
            let strange = members
                .keys()
                .any(|name| !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
            if strange {
                let old = std::mem::take(members);
                members
                    .extend(old.into_iter().map(|(name, value)| (render(&name, style).into_owned(), value)));
            }
            // A message of the history. A line that is to be judged has an id, and keeps `$N` for the way back.
            let event = members.get("event").and_then(Value::as_str);
            if event.is_some_and(|event| EMOTES.contains(&event)) && !members.contains_key("filter_id") {
                put_names(members);
            }
            members.values_mut().for_each(|value| walk(value, style));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Puts the names in place of `$N` and `$O` in the texts of an emote.
fn put_names(members: &mut Map<String, Value>) {
    let name = |shown: &str, user: &str| {
        let texts = [shown, user].map(|member| members.get(member).and_then(Value::as_str).unwrap_or(""));
        let name = texts.into_iter().find(|text| !text.is_empty()).unwrap_or("");
        // A colour of the name would go on behind it.
        render(name, TextStyle::Plain).chars().take(NAME_CHARS_MAX).collect::<String>()
    };
    let (actor, target) = (name("visname", "from_user"), name("target_visname", "target_user"));
    for member in ["message", "message_target"] {
        if let Some(Value::String(text)) = members.get_mut(member) {
            *text = with_names(text, &actor, &target);
        }
    }
}

/// Returns a text with the names in place of `$N` and `$O`. A name that contains one of these stays as it is.
fn with_names(text: &str, actor: &str, target: &str) -> String {
    let mut named = String::with_capacity(text.len());
    let mut pieces = text.split('$');
    named.push_str(pieces.next().unwrap_or_default());
    let mut names = 0;
    for piece in pieces {
        let (name, rest) = match piece.as_bytes().first() {
            Some(b'N') if !actor.is_empty() && names < NAMES_MAX => (actor, &piece[1..]),
            Some(b'O') if !target.is_empty() && names < NAMES_MAX => (target, &piece[1..]),
            _ => {
                named.push('$');
                named.push_str(piece);
                continue;
            }
        };
        names += 1;
        named.push_str(name);
        named.push_str(rest);
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_message_stays_unless_it_holds_codes_of_mirc() {
        for (message, stays_raw) in [
            (r#"{"params":{"message":"\u001b[2J %^RED%^ \u0007 é"}}"#, true),
            (r#"{"params":{"message":"\u00034red"}}"#, false),
            (r#"{"params":{"message":"\u0001 \u001f"}}"#, false),
            (r#"{"params":{"message":"\u00"}}"#, true),
        ] {
            assert_eq!(stays(message.as_bytes(), TextStyle::Raw), stays_raw, "{message}");
            assert!(!stays(message.as_bytes(), TextStyle::Plain));
        }
    }

    #[test]
    fn every_text_is_rendered_but_the_id_is_not() {
        let message = br#"{"jsonrpc":"2.0","id":"%^RED%^\u001b[2J","result":{"a":["%^RED%^x%^RESET%^\u001b]0;evil\u0007"],"n":1.50}}"#;
        let plain = String::from_utf8(restyle(message, TextStyle::Plain)).unwrap();
        assert_eq!(plain, r#"{"jsonrpc":"2.0","id":"%^RED%^\u001b[2J","result":{"a":["x"],"n":1.5}}"#);
        let batch = restyle(b"[{\"id\":1,\"error\":{\"message\":\"\\u001b[2Jno\"}}]", TextStyle::Plain);
        assert_eq!(batch, br#"[{"id":1,"error":{"message":"no"}}]"#);
        let html = restyle(br#"{"params":{"visname":"<b>"}}"#, TextStyle::Html);
        assert_eq!(html, br#"{"params":{"visname":"&lt;b&gt;"}}"#);
    }

    #[test]
    fn emotes_have_the_names_in_their_texts() {
        let restyled = |message: &str, style| String::from_utf8(restyle(message.as_bytes(), style)).unwrap();
        let told = r#"{"method":"channel_targeted_emote","params":{"visname":"%^RED%^$O<b>","message":"$N pokes $O for $5 $N","target_visname":"Ann","message_target":"$N pokes you"}}"#;
        assert_eq!(
            restyled(told, TextStyle::Html),
            r#"{"method":"channel_targeted_emote","params":{"message":"$O&lt;b&gt; pokes Ann for $5 $O&lt;b&gt;","message_target":"$O&lt;b&gt; pokes you","target_visname":"Ann","visname":"<span style=\"color:#c00\">$O&lt;b&gt;</span>"}}"#
        );
        let nameless = r#"{"method":"emoteto_received","params":{"visname":"","from_user":"bob","message":"$N nods, $O"}}"#;
        assert!(restyled(nameless, TextStyle::Plain).contains(r#""message":"bob nods, $O""#));
        let history = r#"{"id":1,"result":{"messages":[{"event":"channel_emote","visname":"Bob","message":"$N nods"},{"event":"channel_message","visname":"Bob","message":"$N"}]}}"#;
        let restyled_history = restyled(history, TextStyle::Ansi);
        assert!(restyled_history.contains(r#""message":"Bob nods""#), "{restyled_history}");
        assert!(restyled_history.contains(r#""message":"$N""#), "{restyled_history}");
        for unchanged in [
            r#"{"method":"channel_message","params":{"message":"$N costs","visname":"Bob"}}"#,
            r#"{"method":"channel_filter_request","params":{"event":"channel_emote","filter_id":1,"message":"$N","visname":"Bob"}}"#,
        ] {
            assert_eq!(restyled(unchanged, TextStyle::Plain), unchanged);
        }
    }

    #[test]
    fn a_text_of_names_alone_stays_short() {
        let text = with_names(&"$N".repeat(100_000), &"x".repeat(NAME_CHARS_MAX), "");
        assert_eq!(text.len(), NAMES_MAX * NAME_CHARS_MAX + 2 * (100_000 - NAMES_MAX));
    }
}
