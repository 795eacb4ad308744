//! MudMode frames: a big-endian `u32` length, then that many bytes of LPC text, the last of them NUL.
//!
//! Dead Souls counts and sends the NUL; CoffeeMud sends none; Samson's clients end with CR. The receiver strips what
//! follows the text, so all are taken.

use std::fmt;

/// Bytes of the length field.
const HEADER_BYTES: usize = 4;

/// The largest frame that is read: what mudmode.html asks a receiver to take. No deployed router sends more than a few
/// hundred KiB.
pub const FRAME_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The stream cannot be followed any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// A frame claims to be longer than [`FRAME_BYTES_MAX`] (or the limit that was set).
    TooLong {
        /// What it claims.
        claimed_bytes: u32,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::TooLong { claimed_bytes } => write!(f, "a frame claims {claimed_bytes} bytes"),
        }
    }
}

impl std::error::Error for FrameError {}

/// The text of one frame, without NUL: of [`Deframer::next_frame`].
///
/// It borrows the input in which it lies whole, or owns the buffer in which its pieces were assembled. It never borrows
/// the deframer.
#[derive(Debug)]
pub struct Frame<'i>(Bytes<'i>);

#[derive(Debug)]
enum Bytes<'i> {
    /// The text.
    Whole(&'i [u8]),
    /// The header, the text and what follows the text.
    Assembled(Vec<u8>),
}

impl std::ops::Deref for Frame<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Whole(text) => text,
            Bytes::Assembled(bytes) => trim(&bytes[HEADER_BYTES..]),
        }
    }
}

/// Where a deframer has found the next frame.
enum Found<'i> {
    /// In the input.
    Whole(&'i [u8]),
    /// In `partial`.
    Assembled,
    /// Nowhere: more bytes are needed.
    Incomplete,
}

/// Finds frames in a stream that arrives in pieces of any size.
///
/// A frame that lies whole in one piece is not copied; of a longer one only the bytes that have arrived are held.
#[derive(Debug)]
pub struct Deframer {
    partial: Vec<u8>,
    /// `partial` was handed out by the last call and is to be forgotten at the next.
    used: bool,
    limit_bytes: usize,
}

impl Default for Deframer {
    fn default() -> Self {
        Deframer::new(FRAME_BYTES_MAX)
    }
}

impl Deframer {
    /// Refuses frames longer than `limit_bytes`.
    pub fn new(limit_bytes: usize) -> Self {
        Deframer { partial: Vec::new(), used: false, limit_bytes }
    }

    /// The text of the next frame, without NUL, taking bytes from the front of `input`; `None` when more are needed.
    /// An empty frame is an empty text. After an error the stream is lost: close it.
    pub fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Option<&'s [u8]>, FrameError> {
        match self.find(input)? {
            Found::Whole(text) => Ok(Some(trim(text))),
            Found::Assembled => {
                self.used = true;
                Ok(Some(trim(&self.partial[HEADER_BYTES..])))
            }
            Found::Incomplete => Ok(None),
        }
    }

    /// Like [`Deframer::next`], for a deframer that must not stay borrowed while the frame is read. A frame that
    /// arrived in pieces is handed out with the buffer that it was assembled in, so nothing is copied here either.
    pub fn next_frame<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Frame<'i>>, FrameError> {
        Ok(match self.find(input)? {
            Found::Whole(text) => Some(Frame(Bytes::Whole(trim(text)))),
            Found::Assembled => Some(Frame(Bytes::Assembled(std::mem::take(&mut self.partial)))),
            Found::Incomplete => None,
        })
    }

    fn find<'i>(&mut self, input: &mut &'i [u8]) -> Result<Found<'i>, FrameError> {
        if std::mem::take(&mut self.used) {
            // One giant frame should not hold its memory for ever.
            self.partial = Vec::new();
        }
        if self.partial.is_empty()
            && let Some((header, rest)) = input.split_first_chunk::<HEADER_BYTES>()
        {
            let length = self.check(*header)?;
            if rest.len() >= length {
                let (text, rest) = rest.split_at(length);
                *input = rest;
                return Ok(Found::Whole(text));
            }
        }
        self.collect(input, HEADER_BYTES);
        let Some(header) = self.partial.first_chunk::<HEADER_BYTES>() else { return Ok(Found::Incomplete) };
        let length = self.check(*header)?;
        self.collect(input, HEADER_BYTES + length);
        let is_whole = self.partial.len() >= HEADER_BYTES + length;
        Ok(if is_whole { Found::Assembled } else { Found::Incomplete })
    }

    /// Bytes of an unfinished frame.
    pub fn partial_bytes(&self) -> usize {
        if self.used { 0 } else { self.partial.len() }
    }

    fn check(&self, header: [u8; HEADER_BYTES]) -> Result<usize, FrameError> {
        let claimed_bytes = u32::from_be_bytes(header);
        match usize::try_from(claimed_bytes) {
            Ok(length) if length <= self.limit_bytes => Ok(length),
            _ => Err(FrameError::TooLong { claimed_bytes }),
        }
    }

    fn collect(&mut self, input: &mut &[u8], wanted: usize) {
        let missing = wanted.saturating_sub(self.partial.len());
        let (now, rest) = input.split_at(missing.min(input.len()));
        self.partial.extend_from_slice(now);
        *input = rest;
    }
}

fn trim(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    &text[..end]
}

/// Appends a frame whose text `write` appends. Returns the number of bytes of the whole frame.
pub fn append(into: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> usize {
    let start = into.len();
    into.extend_from_slice(&[0; HEADER_BYTES]);
    write(into);
    into.push(0);
    let length = (into.len() - start - HEADER_BYTES) as u32;
    into[start..start + HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
    into.len() - start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(deframer: &mut Deframer, pieces: &[&[u8]]) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut frames = Vec::new();
        for piece in pieces {
            let mut input = *piece;
            while let Some(frame) = deframer.next(&mut input)? {
                frames.push(frame.to_vec());
            }
        }
        Ok(frames)
    }

    #[test]
    fn frames_are_found_however_the_stream_is_cut() {
        let mut stream = Vec::new();
        append(&mut stream, |text| text.extend_from_slice(b"({1,})"));
        stream.extend_from_slice(&[0, 0, 0, 0]);
        stream.extend_from_slice(b"\0\0\0\x03abc");
        append(&mut stream, |text| text.extend_from_slice(b"({})"));
        let expected = vec![b"({1,})".to_vec(), b"".to_vec(), b"abc".to_vec(), b"({})".to_vec()];
        assert_eq!(read_all(&mut Deframer::default(), &[&stream]).unwrap(), expected);
        for cut in 0..stream.len() {
            let (a, b) = stream.split_at(cut);
            assert_eq!(read_all(&mut Deframer::default(), &[a, b]).unwrap(), expected, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(read_all(&mut Deframer::default(), &bytes).unwrap(), expected);
        for size in 1..=stream.len() {
            let (mut deframer, mut frames) = (Deframer::default(), Vec::new());
            for mut piece in stream.chunks(size) {
                while let Some(frame) = deframer.next_frame(&mut piece).unwrap() {
                    frames.push(frame.to_vec());
                }
            }
            assert_eq!((frames, deframer.partial_bytes()), (expected.clone(), 0), "pieces of {size} bytes");
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_anything_is_held() {
        let mut deframer = Deframer::default();
        let mut input: &[u8] = b"\x7f\xff\xff\xff({";
        assert_eq!(deframer.next(&mut input), Err(FrameError::TooLong { claimed_bytes: 0x7fff_ffff }));
        assert_eq!(deframer.partial_bytes(), 0);
        let mut exact: &[u8] = &(FRAME_BYTES_MAX as u32).to_be_bytes();
        assert_eq!(Deframer::default().next(&mut exact), Ok(None));
    }
}
