//! The frames of a router.

use crate::coffeemud;
use crate::rules::Form;
use bytes::Bytes;
use i3_core::i3::Value;
pub(crate) use i3_core::i3::packet::TTL;
pub(crate) use i3_core::i3::serving::{
    HEADER_ELEMENTS, Incoming, IncomingHeader, ROUTER_KINDS, as_text, password_of, protocol_of, router_list,
};
use i3_core::i3::serving::{framed, from_router};

/// Whether the parser of an LPC driver accepts a text: no white space between tokens, and a comma after every element. Text
/// after the value is ignored.
pub(crate) fn is_strict(text: &[u8]) -> bool {
    let (mut depth, mut before) = (0, b' ');
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                while let Some(byte) = bytes.next().filter(|&byte| byte != b'"') {
                    if byte == b'\\' {
                        bytes.next();
                    }
                }
            }
            b' ' | b'\t' | b'\r' | b'\n' => return false,
            b'}' if !matches!(before, b',' | b'{') => return false,
            b']' if !matches!(before, b',' | b'[') => return false,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 && byte == b')' {
            return true;
        }
        before = byte;
    }
    true
}

/// Returns a packet from the router as a frame. Without `to` it is addressed to all muds.
pub(crate) fn packet(
    form: Form,
    kind: &str,
    router: &str,
    to: Option<&str>,
    to_user: Value<'_>,
    fields: Vec<Value<'_>>,
) -> Bytes {
    let packet = from_router(kind, router, to, to_user, fields);
    match form {
        Form::Driver => framed(&packet),
        Form::CoffeeMud => {
            let mut bytes = Vec::new();
            coffeemud::text::write(&packet, &mut bytes);
            coffeemud::text::frame(&bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_take_neither_blanks_nor_missing_commas() {
        for strict in [r#"({"a b",({}),([]),(["k":1,]),"}])","\"]",5,})"#, "({}) \r\n", "7", r#"({"a]",})"#] {
            assert!(is_strict(strict.as_bytes()), "{strict}");
        }
        for sloppy in ["({1,2})", "({1, 2,})", " ({})", r#"(["k":1])"#, "({({1})  ,})", r#"({(["a":1]),})"#] {
            assert!(!is_strict(sloppy.as_bytes()), "{sloppy}");
        }
    }
}
