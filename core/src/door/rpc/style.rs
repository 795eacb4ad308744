//! Renders the texts of the network in the style that a client has asked for. It renders every text of a message, names
//! included, so that no text from a stranger reaches the client in another form.

use crate::colour::{TextStyle, is_irc_code, render};
use serde_json::Value;
use serde_json::value::RawValue;

/// Whether a message can stay as it is for a style: most are read raw, and hold no codes of mIRC.
pub fn stays(message: &[u8], style: TextStyle) -> bool {
    const ESCAPE: &[u8] = b"\\u00";
    let is_code = |at: usize| {
        let digits = message.get(at + ESCAPE.len()..at + ESCAPE.len() + 2);
        let byte =
            digits.and_then(|digits| std::str::from_utf8(digits).ok()).map(|hex| u8::from_str_radix(hex, 16));
        matches!(byte, Some(Ok(byte)) if is_irc_code(byte))
    };
    style == TextStyle::Raw && !memchr::memmem::find_iter(message, ESCAPE).any(is_code)
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
    let mut object = super::json::Object::default();
    for (name, value) in members.iter() {
        if matches!(name, "params" | "result" | "error") {
            let mut value = serde_json::from_str(value.get()).ok()?;
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
            members.values_mut().for_each(|value| walk(value, style));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
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
}
