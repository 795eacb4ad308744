//! Encodes events and errors for this front door.

use super::deflate::deflated_text;
use super::framing::{LINE, WEBSOCKET, frame_into, framed_text};
use super::rpc;
use super::style::{restyle, stays};
use crate::clients::{Encode, Framed, Posted, Views, Way};
use crate::colour::TextStyle;
use crate::fault::Fault;
use crate::machine::ConnId;
use crate::service::Parts;
use std::io::Write;

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
}

/// Compresses a framed text.
fn deflated(plain: &Framed) -> Framed {
    let line = plain.view(LINE);
    deflated_text(line.strip_suffix(b"\n").unwrap_or(&line))
}

/// Queues a message for a client.
pub(super) fn send_text(parts: &mut Parts<'_>, conn: ConnId, text: &[u8]) {
    let Some(session) = parts.clients.get(conn) else { return };
    let plain = styled(text, session.reads);
    let is_deflated = session.way.door == DEFLATED_SOCKETS.door;
    let bytes = if is_deflated { deflated(&plain) } else { plain }.view(session.way.view);
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
    posted.at.append_to(text);
    // Writing to a Vec cannot fail.
    let _ = write!(text, r#"","event_id":{}{replay}}}}}"#, posted.id);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event;
    use crate::time::UnixTime;

    #[test]
    fn an_event_is_a_notification_with_time_and_id() {
        let kind = event::find("lagged").unwrap();
        let at = UnixTime::from_micros(0);
        let mut posted = Posted { kind, members: br#"{"dropped":3}"#, id: 7, at, is_replay: false };
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
}
