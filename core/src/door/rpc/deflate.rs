//! permessage-deflate (RFC 7692): WebSocket messages that are compressed one by one.
//!
//! Neither side keeps anything between messages (`no_context_takeover`), so a connection needs no memory for it, and one
//! compressed event serves all its recipients. A message is inflated up to a limit, and no further.

use super::framing::{framed_frame, framed_text};
use crate::clients::Framed;
use miniz_oxide::deflate::CompressionLevel;
use miniz_oxide::deflate::core::{CompressorOxide, TDEFLFlush, compress_to_output};
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_with_limit};
use miniz_oxide::{DataFormat, MZError};
use std::collections::VecDeque;

/// What the gateway answers to an offer that it accepts.
pub const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// Messages that are shorter are sent as they are: without context, they hardly shrink.
pub const DEFLATED_BYTES_MIN: usize = 1_024;

/// Messages that are longer are sent as they are, so that no message takes long.
pub const DEFLATED_BYTES_MAX: usize = 1_048_576;

/// A message may become so many times as long when it is inflated. JSON seldom shrinks to a twentieth.
pub const INFLATED_TIMES_MAX: usize = 64;

/// A message that is no longer than this when it is inflated may have grown by any factor.
pub const INFLATED_BYTES_FREE: usize = 65_536;

/// The end of a flushed block, which is not sent (RFC 7692, 7.2.1), and an empty last block, which ends the stream.
const FLUSHED: [u8; 4] = [0, 0, 0xff, 0xff];
const LAST_BLOCK: [u8; 2] = [3, 0];

/// The name of the extension.
const NAME: &str = "permessage-deflate";

/// The largest window, which is the only one that the compressor has.
const WINDOW_BITS_MAX: u8 = 15;

/// Whether the gateway accepts one of the offers of `Sec-WebSocket-Extensions`. An offer with a smaller window for what the
/// gateway sends is not accepted, since its compressor has none.
pub fn is_acceptable(extensions: &str) -> bool {
    extensions.split(',').any(is_good_offer)
}

fn is_good_offer(offer: &str) -> bool {
    let mut parts = offer.split(';').map(str::trim);
    if !parts.next().is_some_and(|name| name.eq_ignore_ascii_case(NAME)) {
        return false;
    }
    let mut seen: Vec<&str> = Vec::new();
    parts.all(|part| {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
            None => (part, None),
        };
        let bits = value.and_then(|value| value.parse::<u8>().ok()).filter(|bits| (8..=15).contains(bits));
        let is_known = match name {
            "server_no_context_takeover" | "client_no_context_takeover" => value.is_none(),
            "client_max_window_bits" => value.is_none() || bits.is_some(),
            "server_max_window_bits" => bits == Some(WINDOW_BITS_MAX),
            _ => false,
        };
        let is_new = !seen.contains(&name);
        seen.push(name);
        is_known && is_new
    })
}

/// Why a message cannot be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uninflated {
    /// It would be longer than the limit, or has grown too much.
    TooLong,
    /// It is not compressed as it should be.
    Malformed,
}

/// Inflates a message. Nothing beyond the limit is built.
pub fn inflate(mut message: Vec<u8>, bytes_max: usize) -> Result<Vec<u8>, Uninflated> {
    let grown = message.len().saturating_mul(INFLATED_TIMES_MAX).max(INFLATED_BYTES_FREE);
    message.extend(FLUSHED);
    message.extend(LAST_BLOCK);
    // One byte more than the limit distinguishes a message that just fits from one that is longer.
    match decompress_to_vec_with_limit(&message, bytes_max.min(grown).saturating_add(1)) {
        Ok(inflated) if inflated.len() > bytes_max.min(grown) => Err(Uninflated::TooLong),
        Ok(inflated) => Ok(inflated),
        Err(error) if error.status == TINFLStatus::HasMoreOutput => Err(Uninflated::TooLong),
        Err(_) => Err(Uninflated::Malformed),
    }
}

/// Frames a text for clients that read compressed messages.
pub fn deflated_text(text: &[u8]) -> Framed {
    let is_worth_it = (DEFLATED_BYTES_MIN..=DEFLATED_BYTES_MAX).contains(&text.len());
    match is_worth_it.then(|| deflate(text)) {
        // FIN, RSV1 for a compressed message, and the opcode for text.
        Some(Ok(compressed)) if compressed.len() < text.len() => {
            framed_frame(0xc1, compressed.len(), |bytes| bytes.extend_from_slice(&compressed))
        }
        _ => framed_text(text),
    }
}

fn deflate(text: &[u8]) -> Result<Vec<u8>, MZError> {
    let mut compressed = Vec::with_capacity(text.len() / 2);
    let mut compressor = CompressorOxide::with_format_and_level(DataFormat::Raw, CompressionLevel::BestSpeed);
    let (_, consumed) = compress_to_output(&mut compressor, text, TDEFLFlush::Sync, |bytes| {
        compressed.extend_from_slice(bytes);
        true
    });
    if consumed < text.len() || !compressed.ends_with(&FLUSHED) {
        return Err(MZError::Stream);
    }
    compressed.truncate(compressed.len() - FLUSHED.len());
    Ok(compressed)
}

/// How a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// As it is.
    Plain,
    /// A compressed text.
    DeflatedText,
    /// A compressed binary message.
    DeflatedBinary,
}

/// Where in a frame the next byte is (RFC 6455, 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Opcode,
    Length,
    /// The length in 2 or 8 bytes.
    Longer {
        left: u8,
        length: u64,
        is_masked: bool,
    },
    Mask {
        left: u8,
        length: u64,
    },
    Payload {
        left: u64,
    },
}

/// Finds the compressed messages in a stream of frames. Tungstenite knows no compression: it would refuse the bit of a
/// compressed message, and would look for UTF-8 in a compressed text. So the header of such a message is changed into
/// that of a plain binary message, and what it was is remembered until the message is whole. All other bytes stay as they
/// are, so that tungstenite finds every other fault.
#[derive(Debug)]
pub(super) struct Marks {
    place: Place,
    /// The data messages that have begun, in their order. The reader is never further than its buffer ahead of them.
    messages: VecDeque<Sent>,
}

impl Default for Marks {
    fn default() -> Self {
        Marks { place: Place::Opcode, messages: VecDeque::new() }
    }
}

impl Marks {
    /// Reads on in the stream.
    pub(super) fn read(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() {
            let byte = &mut bytes[at];
            at += 1;
            self.place = match self.place {
                Place::Opcode => {
                    self.opcode(byte);
                    Place::Length
                }
                Place::Length => {
                    let is_masked = *byte & 0x80 != 0;
                    match *byte & 0x7f {
                        126 => Place::Longer { left: 2, length: 0, is_masked },
                        127 => Place::Longer { left: 8, length: 0, is_masked },
                        length => after_length(u64::from(length), is_masked),
                    }
                }
                Place::Longer { left, length, is_masked } => {
                    let length = length << 8 | u64::from(*byte);
                    match left {
                        1 => after_length(length, is_masked),
                        left => Place::Longer { left: left - 1, length, is_masked },
                    }
                }
                Place::Mask { left: 1, length } => payload(length),
                Place::Mask { left, length } => Place::Mask { left: left - 1, length },
                Place::Payload { left } => {
                    let rest = (bytes.len() - at) as u64 + 1;
                    let skipped = left.min(rest);
                    at += skipped as usize - 1;
                    payload(left - skipped)
                }
            };
        }
    }

    fn opcode(&mut self, byte: &mut u8) {
        let sent = match *byte & 0x4f {
            0x41 => Sent::DeflatedText,
            0x42 => Sent::DeflatedBinary,
            0x01 | 0x02 => Sent::Plain,
            _ => return,
        };
        if sent != Sent::Plain {
            *byte = *byte & 0xb0 | 0x02;
        }
        self.messages.push_back(sent);
    }

    /// Returns how the message was sent that is whole now.
    pub(super) fn take(&mut self) -> Sent {
        self.messages.pop_front().unwrap_or(Sent::Plain)
    }
}

fn after_length(length: u64, is_masked: bool) -> Place {
    if is_masked { Place::Mask { left: 4, length } } else { payload(length) }
}

fn payload(left: u64) -> Place {
    if left == 0 { Place::Opcode } else { Place::Payload { left } }
}

#[cfg(test)]
mod tests {
    use super::super::framing::WEBSOCKET;
    use super::*;

    #[test]
    fn offers() {
        for (offer, is_good) in [
            ("permessage-deflate", true),
            ("permessage-deflate; client_max_window_bits", true),
            ("Permessage-Deflate; client_max_window_bits=\"10\" ; server_no_context_takeover", true),
            ("permessage-deflate;server_max_window_bits=15", true),
            ("permessage-deflate; server_max_window_bits=10, permessage-deflate", true),
            ("x-webkit-deflate-frame, permessage-deflate; client_no_context_takeover", true),
            ("permessage-deflate; server_max_window_bits=10", false),
            ("permessage-deflate; server_max_window_bits", false),
            ("permessage-deflate; client_max_window_bits=16", false),
            ("permessage-deflate; client_no_context_takeover=1", false),
            ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", false),
            ("permessage-deflate; unknown", false),
            ("permessage-bzip2", false),
            ("", false),
        ] {
            assert_eq!(is_acceptable(offer), is_good, "{offer}");
        }
    }

    #[test]
    fn texts_come_back_and_nothing_grows_beyond_the_limit() {
        let text = "{\"name\":\"somebody\"} ".repeat(1_000);
        let compressed = deflate(text.as_bytes()).unwrap();
        assert!(compressed.len() * 5 < text.len(), "{}", compressed.len());
        assert_eq!(inflate(compressed.clone(), text.len()).as_deref(), Ok(text.as_bytes()));
        assert_eq!(inflate(compressed.clone(), text.len() - 1), Err(Uninflated::TooLong));
        // The example of RFC 7692 (7.2.3.1), with a last block (7.2.3.4), and nothing at all (7.2.3.6).
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(inflate(hello.into(), 5).as_deref(), Ok(&b"Hello"[..]));
        let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        assert_eq!(inflate(last.into(), 5).as_deref(), Ok(&b"Hello"[..]));
        assert_eq!(inflate(vec![0], 5).as_deref(), Ok(&b""[..]));
        for broken in [vec![0xff; 20], compressed[..compressed.len() / 2].to_vec()] {
            assert_eq!(inflate(broken, 100_000), Err(Uninflated::Malformed));
        }
        // A bomb of a thousand to one ends at its factor, far below the limit.
        let bomb = deflate(&vec![b' '; DEFLATED_BYTES_MAX]).unwrap();
        assert!(bomb.len() * INFLATED_TIMES_MAX < DEFLATED_BYTES_MAX, "{}", bomb.len());
        assert_eq!(inflate(bomb, usize::MAX), Err(Uninflated::TooLong));
    }

    #[test]
    fn short_texts_stay_as_they_are() {
        assert_eq!(deflated_text(b"{}").view(WEBSOCKET), &b"\x81\x02{}"[..]);
        let long = vec![b'x'; DEFLATED_BYTES_MIN];
        let frame = deflated_text(&long).view(WEBSOCKET);
        assert_eq!(frame[0], 0xc1);
        assert_eq!(inflate(frame[2..].to_vec(), usize::MAX), Ok(long));
    }
}
