//! Reads along on a stream: cuts what an end writes into messages, and says which of them have arrived at the other.

use crate::wire;
use i3_core::i3::Value;
use serde_json::Value as Json;
use std::collections::VecDeque;
use std::rc::Rc;

/// The longest frame that is read along; a stream with a longer one is not followed any further.
const FRAME_BYTES_MAX: usize = 4 << 20;

/// What is spoken on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// JSON lines.
    Lines,
    /// The head of an HTTP answer, then WebSocket messages.
    WebSocket,
    /// MudMode frames.
    Mud,
    /// Lines of IRC.
    Irc,
}

/// A text of an API client's stream, or a frame of a router's.
#[derive(Clone, Debug)]
pub enum Message {
    /// A JSON text from the gateway.
    Json(Rc<Json>),
    /// A MudMode frame.
    Frame(Rc<Frame>),
    /// The head of an HTTP answer.
    Head(Rc<str>),
    /// A WebSocket message of this kind that holds no JSON.
    Control(u8),
    /// A line of IRC, without its end.
    Line(Rc<str>),
}

/// How the nicks of people begin.
pub const PERSON: &str = "p_";

/// Names a message across the whole network: who asked for it, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    /// The connection of the client that sent it.
    pub session: u64,
    /// Its place among those of the session.
    pub seq: u64,
}

impl Tag {
    /// As it stands in a text.
    pub fn text(self) -> String {
        format!("~{}.{}~", self.session, self.seq)
    }

    /// The first in a text.
    pub fn find(text: &str) -> Option<Tag> {
        let (session, seq) = text.split('~').nth(1)?.split_once('.')?;
        Some(Tag { session: session.parse().ok()?, seq: seq.parse().ok()? })
    }
}

/// What of a packet the oracles look at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// The packet's type; empty when it cannot be read.
    pub kind: String,
    /// The header.
    pub from_mud: String,
    /// The header.
    pub to_mud: String,
    /// The header.
    pub to_user: String,
    /// Of a startup-req-3 or a startup-reply.
    pub password: i64,
    /// Of a tell, an emoteto, or what is said on a channel.
    pub tag: Option<Tag>,
    /// Why a driver could not read it.
    pub fault: Option<String>,
    /// The whole.
    pub text: String,
}

impl Frame {
    /// Whether it is for somebody whom a game may know: there is no `nobody`, and people have clients of their own.
    pub fn is_for_game(&self) -> bool {
        !self.to_user.starts_with("nobody") && !self.to_user.starts_with(PERSON)
    }

    /// Reads the text of a frame.
    pub fn read(bytes: &[u8]) -> Frame {
        let text = String::from_utf8_lossy(bytes).into_owned();
        // What is no strict LPC is a fault of who wrote it, and read all the same if it can be: CoffeeMud's is not.
        let (packet, fault) = match wire::strict_lpc(&text) {
            Ok(packet) => (packet, None),
            Err(fault) => (Value::parse(bytes).map_or(Json::Null, |value| to_json(&value)), Some(fault)),
        };
        let field = |at: usize| packet[at].as_str().unwrap_or_default().to_owned();
        let kind = field(0);
        let password = match kind.as_str() {
            "startup-req-3" => packet[6].as_i64(),
            "startup-reply" => packet[7].as_i64(),
            _ => None,
        };
        let speaks = matches!(kind.as_str(), "tell" | "emoteto" | "channel-m" | "channel-e");
        Frame {
            from_mud: field(2),
            to_mud: field(4),
            to_user: field(5),
            password: password.unwrap_or(0),
            tag: if speaks { Tag::find(&text) } else { None },
            fault,
            kind,
            text,
        }
    }
}

fn to_json(value: &Value<'_>) -> Json {
    match value {
        Value::Int(int) => (*int).into(),
        Value::Str(bytes) => String::from_utf8_lossy(bytes).into(),
        Value::Array(elements) => elements.iter().map(to_json).collect(),
        _ => Json::Null,
    }
}

/// One direction of a connection.
#[derive(Debug)]
pub struct Tap {
    speech: Speech,
    rest: Vec<u8>,
    /// The head of the HTTP answer has passed.
    upgraded: bool,
    /// It cannot be followed any further.
    lost: bool,
    written: u64,
    arrived: u64,
    under_way: VecDeque<(u64, Message)>,
}

impl Tap {
    /// From the first byte.
    pub fn new(speech: Speech) -> Tap {
        Tap {
            speech,
            rest: Vec::new(),
            upgraded: false,
            lost: false,
            written: 0,
            arrived: 0,
            under_way: VecDeque::new(),
        }
    }

    /// Whether the next byte written begins a message.
    pub fn is_between_messages(&self) -> bool {
        self.rest.is_empty() && !self.lost
    }

    /// Bytes were written: gives the messages that they complete.
    pub fn wrote(&mut self, bytes: &[u8]) -> Vec<Message> {
        self.written += bytes.len() as u64;
        if self.lost {
            return Vec::new();
        }
        self.rest.extend_from_slice(bytes);
        let before = self.written - self.rest.len() as u64;
        let (mut used, mut messages) = (0, Vec::new());
        while !self.lost
            && let Some((message, length)) = self.cut(used)
        {
            used += length;
            self.under_way.push_back((before + used as u64, message.clone()));
            messages.push(message);
        }
        self.rest.drain(..used);
        messages
    }

    /// Bytes have arrived: gives the messages that are now complete there.
    pub fn arrives(&mut self, count: usize) -> Vec<Message> {
        self.arrived += count as u64;
        let mut messages = Vec::new();
        while self.under_way.front().is_some_and(|(end, _)| *end <= self.arrived) {
            messages.extend(self.under_way.pop_front().map(|(_, message)| message));
        }
        messages
    }

    /// The message that begins at `from`, and its length.
    fn cut(&mut self, from: usize) -> Option<(Message, usize)> {
        let rest = &self.rest[from..];
        match self.speech {
            Speech::Lines => {
                let end = rest.iter().position(|byte| *byte == b'\n')?;
                Some((json(&rest[..end]), end + 1))
            }
            Speech::Irc => {
                let end = rest.iter().position(|byte| *byte == b'\n')?;
                let line = String::from_utf8_lossy(rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]));
                Some((Message::Line(line.into()), end + 1))
            }
            Speech::WebSocket if !self.upgraded => {
                let end = rest.windows(4).position(|window| window == b"\r\n\r\n")?;
                let head = String::from_utf8_lossy(&rest[..end]).into_owned();
                self.upgraded = head.starts_with("HTTP/1.1 101 ");
                // A refusal, and its page.
                self.lost = !self.upgraded;
                Some((Message::Head(head.into()), end + 4))
            }
            Speech::WebSocket => {
                let mut left = rest.to_vec();
                let mut one = wire::websocket_frames_up_to(&mut left, 1);
                let (opcode, payload) = one.pop()?;
                let message = if opcode == 1 { json(&payload) } else { Message::Control(opcode) };
                Some((message, rest.len() - left.len()))
            }
            Speech::Mud => {
                let length = rest.first_chunk().map(|length| u32::from_be_bytes(*length) as usize)?;
                if length > FRAME_BYTES_MAX {
                    self.lost = true;
                    return None;
                }
                let text = rest.get(4..4 + length)?;
                let frame = match text.strip_suffix(b"\0") {
                    Some(text) => Frame::read(text),
                    // CoffeeMud leaves it out.
                    None => Frame { fault: Some("no NUL at its end".to_owned()), ..Frame::read(text) },
                };
                Some((Message::Frame(Rc::new(frame)), 4 + length))
            }
        }
    }
}

fn json(text: &[u8]) -> Message {
    match serde_json::from_slice(text) {
        Ok(value) => Message::Json(Rc::new(value)),
        Err(error) => {
            panic!("the gateway sends what is not JSON: {error}: {}", String::from_utf8_lossy(text))
        }
    }
}
