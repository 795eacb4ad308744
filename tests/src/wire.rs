//! Decoders of the wire that share nothing with the code under test: simple, strict, and slow.

use serde_json::Value as Json;

/// Stands before a frame that is not UTF-8, so that none passes for another unnoticed.
pub const LATIN_1: &str = "latin-1:";

/// Splits complete MudMode frames off the front of `stream`: 4 bytes of length, the text, a NUL.
pub fn mudmode_frames(stream: &mut Vec<u8>) -> Vec<String> {
    let cut = |mut text: Vec<u8>| {
        assert_eq!(text.pop(), Some(0), "a frame must end with NUL: {}", String::from_utf8_lossy(&text));
        text
    };
    frames(stream, cut)
}

/// The same as a CoffeeMud router writes it: without the NUL.
pub fn coffeemud_frames(stream: &mut Vec<u8>) -> Vec<String> {
    let whole = |text: Vec<u8>| {
        assert_ne!(
            text.last(),
            Some(&0),
            "a frame must not end with NUL: {}",
            String::from_utf8_lossy(&text)
        );
        text
    };
    frames(stream, whole)
}

fn frames(stream: &mut Vec<u8>, cut: fn(Vec<u8>) -> Vec<u8>) -> Vec<String> {
    let mut frames = Vec::new();
    while stream.len() >= 4 {
        let length = stream[..4].iter().fold(0usize, |sum, byte| sum * 256 + usize::from(*byte));
        if stream.len() < 4 + length {
            break;
        }
        let text = cut(stream.drain(..4 + length).skip(4).collect());
        frames.push(match std::str::from_utf8(&text) {
            Ok(text) => text.to_owned(),
            Err(_) => format!("{LATIN_1}{}", text.iter().map(|byte| char::from(*byte)).collect::<String>()),
        });
    }
    frames
}

/// The bytes of a frame.
pub fn mudmode_frame(text: &[u8]) -> Vec<u8> {
    let mut frame = (text.len() as u32 + 1).to_be_bytes().to_vec();
    frame.extend_from_slice(text);
    frame.push(0);
    frame
}

/// A strict reader of LPC text, as a FluffOS driver would be: no blanks, a comma after every element, only `\"` and
/// `\\` escaped. Arrays become lists, mappings lists of pairs under `"map"`, strings texts (CR read as LF).
pub fn strict_lpc(text: &str) -> Result<Json, String> {
    let mut reader = Strict { rest: text, whole: text };
    let value = reader.value()?;
    if reader.rest.is_empty() { Ok(value) } else { Err(reader.fault("something follows the value")) }
}

struct Strict<'a> {
    rest: &'a str,
    whole: &'a str,
}

impl Strict<'_> {
    fn fault(&self, what: &str) -> String {
        format!("{what} at byte {} of {}", self.whole.len() - self.rest.len(), self.whole)
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Result<Json, String> {
        for (open, close) in [("({", "})"), ("(/", "/)")] {
            if self.take(open) {
                let mut list = Vec::new();
                while !self.take(close) {
                    list.push(self.value()?);
                    if !self.take(",") {
                        return Err(self.fault("no comma"));
                    }
                }
                let is_class = open == "(/";
                return Ok(if is_class { serde_json::json!({"class": list}) } else { Json::Array(list) });
            }
        }
        if self.take("([") {
            let mut pairs = Vec::new();
            while !self.take("])") {
                let key = self.value()?;
                if !self.take(":") {
                    return Err(self.fault("no colon"));
                }
                pairs.push(serde_json::json!([key, self.value()?]));
                if !self.take(",") {
                    return Err(self.fault("no comma"));
                }
            }
            return Ok(serde_json::json!({"map": pairs}));
        }
        if self.take("\"") {
            return self.string();
        }
        let end = self.rest.find([',', ':', '}', ']', '/']).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        // Rust reads `inf`, `NaN`, `+1` and `1.` as numbers, drivers do not.
        if !number.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
            || !number.ends_with(|c: char| c.is_ascii_digit())
        {
            return Err(self.fault("no value"));
        }
        let value = match number.parse::<i64>() {
            Ok(int) => int.into(),
            Err(_) => number.parse::<f64>().map_err(|_| self.fault("no value"))?.into(),
        };
        self.rest = rest;
        Ok(value)
    }

    fn string(&mut self) -> Result<Json, String> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(text.into());
                }
                '\\' => match chars.next() {
                    Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                    _ => return Err(self.fault("an escape that not every peer takes")),
                },
                '\r' => text.push('\n'),
                c if c.is_control() => return Err(self.fault("a control character in a string")),
                c => text.push(c),
            }
        }
        Err(self.fault("a string without end"))
    }
}

/// Splits complete WebSocket frames off the front of `stream`: opcode and payload of each. A server must not mask, and
/// must set FIN here.
pub fn websocket_frames(stream: &mut Vec<u8>) -> Vec<(u8, Vec<u8>)> {
    websocket_frames_up_to(stream, usize::MAX)
}

/// The same, of which no more than `most`.
pub fn websocket_frames_up_to(stream: &mut Vec<u8>, most: usize) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while stream.len() >= 2 && frames.len() < most {
        assert_eq!(stream[0] & 0xf0, 0x80, "FIN and no reserved bits");
        assert_eq!(stream[1] & 0x80, 0, "a server does not mask");
        let (header, length) = match stream[1] & 0x7f {
            126 if stream.len() < 4 => break,
            126 => (4, usize::from(stream[2]) * 256 + usize::from(stream[3])),
            127 if stream.len() < 10 => break,
            127 => (10, stream[2..10].iter().fold(0, |sum, byte| sum * 256 + usize::from(*byte))),
            short => (2, usize::from(short)),
        };
        if stream.len() < header + length {
            break;
        }
        let opcode = stream[0] & 0x0f;
        let payload = stream.drain(..header + length).skip(header).collect();
        frames.push((opcode, payload));
    }
    frames
}

/// A masked WebSocket frame, as clients send them.
pub fn websocket_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x5a, 0x13, 0xc7, 0x21];
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        short @ 0..=125 => frame.push(0x80 | short as u8),
        medium @ 126..=0xffff => {
            frame.push(0xfe);
            frame.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0xff);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The request that opens a WebSocket.
pub fn websocket_request(path: &str, key: Option<&str>) -> String {
    let key = key.map(|key| format!("X-API-Key: {key}\r\n")).unwrap_or_default();
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{key}\r\n"
    )
}
