//! Removes passwords and keys from what people are shown of packets. Peers copy packets into packets and into texts: an
//! error can hold the login that caused it.

use super::body::SECRETS;
use super::oob::OOB_SECRETS;
use crate::i3::lpc::Value;
use std::borrow::Cow;

/// Elements of a packet in front of its contents: the type, the hops, and from whom to whom.
const HEADER_ELEMENTS: usize = 6;

/// A text or a key of a mapping with one of these words is about a password.
const WORDS: [&str; 3] = ["password", "passwd", "startup-"];

/// Digits of a password that is looked for as a number of its own. A shorter one could be any number.
const PASSWORD_DIGITS_MIN: usize = 4;

/// What stands in place of a digit that could belong to a secret.
const HIDDEN: char = '#';

/// Clears the secrets in a packet: those of packets copied into it, and numbers in texts about passwords. Secrets in the
/// packet's own fields are cleared by [`Body::hide_secrets`](super::Body::hide_secrets).
pub fn hide_copies(packet: &mut Value<'_>) {
    match packet {
        // The packet itself, whose fields are known.
        Value::Array(elements) if elements.first().is_some_and(is_exact_kind) => {
            elements.iter_mut().for_each(hide);
        }
        other => hide(other),
    }
}

fn hide(value: &mut Value<'_>) {
    match value {
        Value::Array(elements) | Value::Class(elements) => {
            let contents = match elements.first().is_some_and(is_kind) {
                // A copy without a header has its password anywhere.
                true if elements.len() <= HEADER_ELEMENTS => 1,
                true => HEADER_ELEMENTS,
                false => elements.len(),
            };
            elements[contents..].iter_mut().for_each(clear);
            elements.iter_mut().for_each(hide);
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                if matches!(key, Value::Str(name) if has_word(name)) {
                    clear(value);
                }
                hide(key);
                hide(value);
            }
        }
        Value::Str(text) if has_word(text) => {
            let is_kind = kinds().any(|kind| kind.as_bytes().eq_ignore_ascii_case(text));
            if !is_kind && text.iter().any(u8::is_ascii_digit) {
                let masked = text.iter().map(|byte| if byte.is_ascii_digit() { HIDDEN as u8 } else { *byte });
                *text = Cow::Owned(masked.collect());
            }
        }
        Value::Str(_) | Value::Int(_) | Value::Float(_) => {}
    }
}

/// Clears every number, also as text.
fn clear(value: &mut Value<'_>) {
    match value {
        Value::Int(number) => *number = 0,
        Value::Float(number) => *number = 0.0,
        Value::Str(text) if text.iter().all(|byte| byte.is_ascii_digit() || b"+-. ".contains(byte)) => {
            *text = Cow::Borrowed(b"");
        }
        Value::Str(_) => {}
        Value::Array(elements) | Value::Class(elements) => elements.iter_mut().for_each(clear),
        Value::Map(entries) => entries.iter_mut().for_each(|(_, value)| clear(value)),
    }
}

/// The types of packets that have a secret among their fields.
fn kinds() -> impl Iterator<Item = &'static str> {
    SECRETS.iter().chain(OOB_SECRETS).filter(|(_, has_secret)| *has_secret).map(|(kind, _)| *kind)
}

fn is_exact_kind(first: &Value<'_>) -> bool {
    matches!(first, Value::Str(text) if kinds().any(|kind| kind.as_bytes() == &**text))
}

fn is_kind(first: &Value<'_>) -> bool {
    let is = |text: &[u8]| kinds().any(|kind| kind.as_bytes().eq_ignore_ascii_case(text.trim_ascii()));
    matches!(first, Value::Str(text) if is(text) || has_word(text))
}

fn has_word(text: &[u8]) -> bool {
    let has = |word: &str| text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()));
    WORDS.iter().any(|word| has(word)) || kinds().any(has)
}

/// Hides the numbers of a text about passwords, and these passwords in any text.
pub fn without_passwords<'t>(text: &'t str, passwords: &[i64]) -> Cow<'t, str> {
    if has_word(text.as_bytes()) { without_digits(text) } else { without_these(text, passwords) }
}

/// Hides these passwords, except short ones, which could be any number.
pub fn without_these<'t>(text: &'t str, passwords: &[i64]) -> Cow<'t, str> {
    let shown: Vec<String> = passwords.iter().map(|password| password.unsigned_abs().to_string()).collect();
    let is_known =
        |digits: &str| digits.len() >= PASSWORD_DIGITS_MIN && shown.iter().any(|one| one == digits);
    let mut hidden = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (digits, after) = from.split_at(end);
        hidden.push_str(before);
        if is_known(digits.trim_start_matches('0')) {
            found = true;
            hidden.extend(std::iter::repeat_n(HIDDEN, digits.len()));
        } else {
            hidden.push_str(digits);
        }
        rest = after;
    }
    if !found {
        return Cow::Borrowed(text);
    }
    hidden.push_str(rest);
    Cow::Owned(hidden)
}

/// Hides all digits: for what cannot be read as a packet, and may hold a password anywhere.
pub fn without_digits(text: &str) -> Cow<'_, str> {
    match text.contains(|c: char| c.is_ascii_digit()) {
        true => Cow::Owned(text.chars().map(|c| if c.is_ascii_digit() { HIDDEN } else { c }).collect()),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> String {
        let mut value = Value::parse(text.as_bytes()).unwrap();
        hide_copies(&mut value);
        let mut bytes = Vec::new();
        value.write(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_copied_login_shows_no_password_wherever_it_stands() {
        let login = r#"({"startup-req-3",5,"Alpha",0,"*net",0,471100,0,0,4000,0,0,"lib","b","d","t","o","e",(["tell":1,]),0,})"#;
        for around in [
            r#"({"error",5,"*net",0,"Alpha",0,"bad-pkt","no",LOGIN,})"#,
            r#"({"error",5,"*net",0,"Alpha",0,"bad-pkt","no",({LOGIN,}),})"#,
            r#"({"chan-filter-req",5,"*net",0,"Alpha",0,"chat",LOGIN,})"#,
            r#"({"unheard-of",5,"*net",0,"Alpha",0,(["copy":LOGIN,]),})"#,
            r#"({"unheard-of",5,"*net",0,"Alpha",0,(/LOGIN,/),})"#,
            r#"({"finger-reply",5,"*net",0,"Alpha",0,LOGIN,})"#,
        ] {
            for kind in ["startup-req-3", "startup-req-2", "Startup-Reply", "auth-mud-reply"] {
                let copy = login.replace("startup-req-3", kind);
                for copy in [
                    copy.clone(),
                    copy.replace("471100", "\"471100\""),
                    copy.replace("471100", "({471100,})"),
                ] {
                    let text = hidden(&around.replace("LOGIN", &copy));
                    assert!(!text.contains("471100") && text.contains(kind), "{text}");
                }
            }
        }
        // A copy without its header, and a copy as text.
        for text in [
            r#"({"error",5,"*net",0,"Alpha",0,"x","y",({"startup-reply",471100,}),})"#,
            r#"({"error",5,"*net",0,"Alpha",0,"x","in ({\"startup-req-3\",5,\"Alpha\",0,\"*net\",0,471100,",0,})"#,
            r#"({"error",5,"*net",0,"Alpha",0,"x","Wrong PASSWORD 471100",0,})"#,
            r#"({"error",5,"*net",0,"Alpha",0,"x","y",(["password":471100,]),})"#,
        ] {
            assert!(!hidden(text).contains("471100"), "{}", hidden(text));
        }
        // Everything else stays as it is.
        let plain = r#"({"error",5,"*net",0,"Alpha","bob","unk-user","471100 is nobody",({"tell",5,"Alpha","ann","Sage","bob","Ann","471100",}),})"#;
        assert_eq!(hidden(plain), plain);
        let reply = r#"({"startup-reply",5,"*net",0,"Alpha",0,({({"*net","127.0.0.1 4000",}),}),0,})"#;
        assert_eq!(hidden(reply), reply);
    }

    #[test]
    fn a_password_in_a_text_is_hidden() {
        let known = [471_100, -9_876, 12];
        for (text, shown) in [
            ("refused: 471100", "refused: ######"),
            ("(471100)-9876", "(######)-####"),
            ("0471100 is it", "####### is it"),
            ("4711001 or 14711 or 12", "4711001 or 14711 or 12"),
            ("your password 5 is wrong", "your password # is wrong"),
            ("bad startup-req-3: 5", "bad startup-req-#: #"),
            ("nothing here", "nothing here"),
        ] {
            assert_eq!(without_passwords(text, &known), shown);
        }
        assert_eq!(without_digits("({\"x\",471100"), "({\"x\",######");
    }
}
