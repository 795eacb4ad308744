//! Encodes events and errors for this front door.

use super::deflate::deflated_text;
use super::framing::{LINE, WEBSOCKET, frame_into, framed_text};
use super::rpc;
use super::style::{restyle, stays};
use crate::clients::{Encode, Framed, Posted, TextCharset, Views, Way};
use crate::colour::TextStyle;
use crate::fault::Fault;
use crate::i3::text::{latin1, spell_json};
use crate::machine::ConnId;
use crate::service::Parts;

/// JSON lines over TCP.
pub(super) static LINES: Way = Way { name: "tcp", label: "lines", encoder: &JsonRpc, door: 0, view: LINE };

/// WebSocket messages.
pub(super) static SOCKETS: Way =
    Way { name: "websocket", label: "websocket", encoder: &JsonRpc, door: 0, view: WEBSOCKET };

/// WebSocket messages to clients that read compressed ones.
pub(super) static DEFLATED_SOCKETS: Way =
    Way { name: "websocket", label: "websocket", encoder: &Deflated, door: 1, view: WEBSOCKET };

/// The bytes that a notification needs besides its name and members: time, id and frame.
const NOTIFICATION_BYTES: usize = 140;

/// Encodes JSON-RPC 2.0 notifications.
#[derive(Debug)]
struct JsonRpc;

impl Encode for JsonRpc {
    fn event(&self, posted: &Posted<'_>, style: TextStyle, into: &mut Vec<u8>) -> Views {
        into.reserve(posted.members.len() + posted.kind.name.len() + NOTIFICATION_BYTES);
        if stays(posted.members, style) {
            return frame_into(into, |text| write_event(text, posted));
        }
        let mut text = Vec::new();
        write_event(&mut text, posted);
        frame_into(into, |framed| framed.extend_from_slice(&restyle(&text, style)))
    }

    fn fault(&self, fault: &Fault, style: TextStyle) -> Framed {
        styled(&rpc::error(None, fault), style)
    }

    fn event_in(&self, posted: &Posted<'_>, style: TextStyle, charset: TextCharset) -> Framed {
        respelled(&self.framed(posted, style), charset)
    }

    fn fault_in(&self, fault: &Fault, style: TextStyle, charset: TextCharset) -> Framed {
        respelled(&self.fault(fault, style), charset)
    }
}

/// Encodes the same notifications, compressed.
#[derive(Debug)]
struct Deflated;

impl Encode for Deflated {
    fn event(&self, posted: &Posted<'_>, style: TextStyle, into: &mut Vec<u8>) -> Views {
        let mut plain = Vec::new();
        let views = JsonRpc.event(posted, style, &mut plain);
        deflated(&Framed::new(plain, views)).append_to(into)
    }

    fn fault(&self, fault: &Fault, style: TextStyle) -> Framed {
        deflated(&JsonRpc.fault(fault, style))
    }

    fn event_in(&self, posted: &Posted<'_>, style: TextStyle, charset: TextCharset) -> Framed {
        deflated_text(&spelled(&JsonRpc.framed(posted, style), charset))
    }

    fn fault_in(&self, fault: &Fault, style: TextStyle, charset: TextCharset) -> Framed {
        deflated_text(&spelled(&JsonRpc.fault(fault, style), charset))
    }
}

/// Compresses a framed text.
fn deflated(plain: &Framed) -> Framed {
    let line = plain.view(LINE);
    deflated_text(line.strip_suffix(b"\n").unwrap_or(&line))
}

/// Returns a framed text without its frame, with what a character set lacks spelled in ASCII.
fn spelled(plain: &Framed, charset: TextCharset) -> Vec<u8> {
    let line = plain.view(LINE);
    let text = std::str::from_utf8(line.strip_suffix(b"\n").unwrap_or(&line)).unwrap_or_default();
    let last = match charset {
        TextCharset::Utf8 => char::MAX,
        TextCharset::Latin1 => '\u{ff}',
        TextCharset::Ascii => '\u{7f}',
    };
    spell_json(text, last).into_bytes()
}

/// Frames a text again, for clients that read a character set. A line in Latin-1 has the bytes of Latin-1.
fn respelled(plain: &Framed, charset: TextCharset) -> Framed {
    let framed = framed_text(&spelled(plain, charset));
    if charset != TextCharset::Latin1 {
        return framed;
    }
    let (frame, line) = (framed.view(WEBSOCKET), framed.view(LINE));
    let line = latin1(std::str::from_utf8(&line).unwrap_or_default());
    let (frame_end, end) = (frame.len(), frame.len() + line.len());
    Framed::new([&frame[..], &line].concat(), [0..frame_end, frame_end..end])
}

/// Queues a message for a client.
pub(super) fn send_text(parts: &mut Parts<'_>, conn: ConnId, text: &[u8]) {
    let Some(session) = parts.clients.get(conn) else { return };
    let plain = styled(text, session.reads);
    let is_deflated = session.way.door == DEFLATED_SOCKETS.door;
    let framed = match (session.charset, is_deflated) {
        (TextCharset::Utf8, false) => plain,
        (TextCharset::Utf8, true) => deflated(&plain),
        (charset, false) => respelled(&plain, charset),
        (charset, true) => deflated_text(&spelled(&plain, charset)),
    };
    let bytes = framed.view(session.way.view);
    parts.cx.fx.send_shared(conn, bytes);
    parts.clients.bound(&mut parts.cx, conn);
}

/// Renders the texts of a message in a client's style, and frames it.
fn styled(text: &[u8], style: TextStyle) -> Framed {
    if stays(text, style) { framed_text(text) } else { framed_text(&restyle(text, style)) }
}

/// Writes the notification of an event. Every event has members, so a comma follows the last of them.
fn write_event(text: &mut Vec<u8>, posted: &Posted<'_>) {
    text.extend_from_slice(br#"{"jsonrpc":"2.0","method":""#);
    text.extend_from_slice(posted.kind.name.as_bytes());
    text.extend_from_slice(br#"","params":"#);
    text.extend_from_slice(posted.members.strip_suffix(b"}").unwrap_or(posted.members));
    let replay = if posted.is_replay { ",\"replay\":true" } else { "" };
    text.extend_from_slice(br#","timestamp":""#);
    match posted.stamp {
        Some(stamp) => text.extend_from_slice(stamp),
        None => posted.at.append_to(text),
    }
    text.extend_from_slice(br#"","event_id":"#);
    text.extend_from_slice(itoa::Buffer::new().format(posted.id).as_bytes());
    text.extend_from_slice(replay.as_bytes());
    text.extend_from_slice(b"}}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Personal;
    use crate::event;
    use crate::time::UnixTime;

    #[test]
    fn an_event_is_a_notification_with_time_and_id() {
        let kind = event::find("lagged").unwrap();
        let at = UnixTime::from_micros(0);
        let mut posted = Posted {
            kind,
            members: br#"{"dropped":3}"#,
            id: 7,
            at,
            stamp: None,
            is_replay: false,
            personal: Personal::default(),
        };
        let line = r#"{"jsonrpc":"2.0","method":"lagged","params":{"dropped":3,"timestamp":"1970-01-01T00:00:00Z","event_id":7"#;
        let written = |posted: &Posted<'_>| {
            let mut bytes = Vec::new();
            let views = JsonRpc.event(posted, TextStyle::Raw, &mut bytes);
            Framed::new(bytes, views).view(LINE)
        };
        assert_eq!(written(&posted), format!("{line}}}}}\n"));
        posted.is_replay = true;
        assert_eq!(written(&posted), format!("{line},\"replay\":true}}}}\n"));
    }

    #[test]
    fn a_character_set_changes_the_bytes_of_a_line_and_the_characters_of_both_transports() {
        let plain = framed_text("{\"a\":\"\u{ef}\u{141}\u{201c}\"}".as_bytes());
        for (charset, line, text) in [
            (TextCharset::Latin1, &b"{\"a\":\"\xefL\\\"\"}\n"[..], "{\"a\":\"\u{ef}L\\\"\"}"),
            (TextCharset::Ascii, b"{\"a\":\"iL\\\"\"}\n", "{\"a\":\"iL\\\"\"}"),
        ] {
            let framed = respelled(&plain, charset);
            assert_eq!(framed.view(LINE), line);
            assert_eq!(framed.view(WEBSOCKET), [&[0x81, text.len() as u8], text.as_bytes()].concat());
        }
    }
}
