//! Frames a JSON text once, for line clients and WebSocket clients alike.

use crate::clients::{Framed, Views};

/// The index of the WebSocket frame among the views of a [`Framed`].
pub const WEBSOCKET: usize = 0;

/// The index of the line among the views of a [`Framed`].
pub const LINE: usize = 1;

/// The longest header of a WebSocket frame that is not masked (RFC 6455, 5.2).
const HEADER_BYTES_MAX: usize = 10;

/// The first byte of a WebSocket frame that holds a whole text: FIN and the opcode for text.
const FINAL_TEXT: u8 = 0x81;

/// Writes `[WebSocket header][text]["\n"]` in one allocation. A server does not mask its frames, so a WebSocket client
/// gets the front part and a line client the back part of one buffer.
pub fn framed(text_bytes: usize, write: impl FnOnce(&mut Vec<u8>)) -> Framed {
    framed_frame(FINAL_TEXT, text_bytes, write)
}

/// Like [`framed`], with this first byte of the WebSocket frame.
pub fn framed_frame(first: u8, text_bytes: usize, write: impl FnOnce(&mut Vec<u8>)) -> Framed {
    let mut bytes = Vec::with_capacity(HEADER_BYTES_MAX + text_bytes + 1);
    let views = frame_with(&mut bytes, first, write);
    Framed::new(bytes, views)
}

/// Like [`framed`], into an empty buffer.
pub(crate) fn frame_into(bytes: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Views {
    frame_with(bytes, FINAL_TEXT, write)
}

fn frame_with(bytes: &mut Vec<u8>, first: u8, write: impl FnOnce(&mut Vec<u8>)) -> Views {
    debug_assert!(bytes.is_empty());
    bytes.extend_from_slice(&[0; HEADER_BYTES_MAX]);
    write(bytes);
    let length = bytes.len() - HEADER_BYTES_MAX;
    // Then the length in 7, 16 or 64 bits.
    let mut header = [first, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let header_bytes = match length {
        0..=125 => {
            header[1] = length as u8;
            2
        }
        126..=0xffff => {
            header[1] = 126;
            header[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            4
        }
        _ => {
            header[1] = 127;
            header[2..10].copy_from_slice(&(length as u64).to_be_bytes());
            10
        }
    };
    let start = HEADER_BYTES_MAX - header_bytes;
    bytes[start..HEADER_BYTES_MAX].copy_from_slice(&header[..header_bytes]);
    bytes.push(b'\n');
    let (text_end, end) = (bytes.len() - 1, bytes.len());
    [start..text_end, HEADER_BYTES_MAX..end]
}

/// Frames a text that is written already.
pub fn framed_text(text: &[u8]) -> Framed {
    framed(text.len(), |bytes| bytes.extend_from_slice(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_allocation_serves_both_transports() {
        for (length, header) in [
            (5, &[0x81, 5][..]),
            (126, &[0x81, 126, 0, 126]),
            (70_000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]),
        ] {
            let text = vec![b'x'; length];
            let message = framed_text(&text);
            assert_eq!(message.view(WEBSOCKET), [header, &text].concat());
            assert_eq!(message.view(LINE), [&text[..], b"\n"].concat());
        }
    }
}
