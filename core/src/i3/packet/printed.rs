//! Errors whose packet a CoffeeMud router has printed instead of written: `[tell, 5, Alpha, ann, …]`. That is not LPC, but
//! the eight fields before it are whole, and most of the packet can be told.

use crate::i3::lpc::Value;
use std::borrow::Cow;

/// The beginning of an error packet.
const ERROR: &[u8] = b"({\"error\",";

/// The end of its message, and the beginning of the printed packet.
const PRINTED: &[u8] = b"\",[";

/// Number of fields of a printed packet that are told apart: the type, the header, and the rest.
const FIELDS: usize = 7;

/// Returns the text of such an error as it should have been written. Each field of its packet is a text, or 0.
pub fn as_written(text: &[u8]) -> Option<Vec<u8>> {
    text.get(..ERROR.len()).filter(|start| start.eq_ignore_ascii_case(ERROR))?;
    let quote = memchr::memmem::find(text, PRINTED)?;
    let printed = &text[quote + PRINTED.len()..];
    let printed = &printed[..memchr::memrchr(b']', printed)?];
    let mut written = text[..=quote].to_vec();
    written.push(b',');
    Value::Array(fields(printed)).write(&mut written);
    written.extend_from_slice(b",})");
    Some(written)
}

fn fields(mut printed: &[u8]) -> Vec<Value<'_>> {
    let mut fields = Vec::new();
    while fields.len() + 1 < FIELDS
        && let Some(end) = memchr::memmem::find(printed, b", ")
    {
        fields.push(&printed[..end]);
        printed = &printed[end + 2..];
    }
    fields.push(printed);
    let value =
        |field: &'_ [u8]| if field == b"0" { Value::Int(0) } else { Value::Str(Cow::Owned(field.to_vec())) };
    fields.into_iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i3::packet::{Body, Packet};

    #[test]
    fn an_error_whose_packet_is_printed_is_read() {
        let error =
            |rest: &str| format!(r#"({{"ERROR",5,"B",0,"A","joe","unk-user","User "zed" unknown",{rest}"#);
        for (rest, copy) in [
            (
                r#"[tell, 5, A, joe, B, zed, Joe, hi "[you]"],})"#,
                r#"({"tell","5","A","joe","B","zed","Joe, hi \"[you]\"",})"#,
            ),
            ("[finger-req, 5, A, joe, B, 0, zed],})", r#"({"finger-req","5","A","joe","B",0,"zed",})"#),
            ("[],})", r#"({"",})"#),
        ] {
            let text = error(rest);
            assert!(Packet::decode(text.as_bytes()).is_err());
            let written = as_written(text.as_bytes()).unwrap();
            let (packet, _) = Packet::decode(&written).unwrap();
            let Body::Error { code, message, packet } = &packet.body else { panic!("an error") };
            assert_eq!((&**code, &**message), ("unk-user", r#"User "zed" unknown"#));
            assert_eq!(*packet, Value::parse(copy.as_bytes()).unwrap(), "{rest}");
        }
        let others = [
            error("[x"),
            error("0,})"),
            error(""),
            r#"({"tell",5,"A","x",[y],})"#.to_owned(),
            "5".to_owned(),
        ];
        for other in others {
            assert_eq!(as_written(other.as_bytes()), None, "{other}");
        }
    }
}
