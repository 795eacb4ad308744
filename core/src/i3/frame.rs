//! MudMode frames: a big-endian `u32` length, then that many bytes of LPC text, the last of them NUL.
//!
//! Dead Souls sends the NUL and counts it; CoffeeMud sends none; Samson's clients end with CR. The reader ignores what
//! follows the text, so it accepts all of them.

use std::fmt;

/// Length of the length field, in bytes.
const HEADER_BYTES: usize = 4;

/// The largest frame that is read: mudmode.html asks receivers to accept this. No deployed router sends more than a few
/// hundred KiB.
pub const FRAME_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The stream cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// A frame claims to be longer than the limit, by default [`FRAME_BYTES_MAX`].
    TooLong {
        /// The claimed length.
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

/// The text of one frame, without NUL, from [`Deframer::next_frame`].
///
/// It borrows the input if the frame is complete there. Otherwise it owns the buffer in which its pieces were
/// assembled. It never borrows the deframer.
#[derive(Debug)]
pub struct Frame<'i>(Bytes<'i>);

#[derive(Debug)]
enum Bytes<'i> {
    /// The text.
    Whole(&'i [u8]),
    /// The header, the text, and what follows the text.
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
    /// Complete in the input.
    Whole(&'i [u8]),
    /// In `partial`.
    Assembled,
    /// More bytes are needed.
    Incomplete,
}

/// Finds frames in a stream that arrives in pieces of any size.
///
/// A frame that is complete in one piece is not copied. Of a longer frame, only the bytes received so far are held.
#[derive(Debug)]
pub struct Deframer {
    partial: Vec<u8>,
    /// The last call has returned `partial`. The next call empties it.
    used: bool,
    limit_bytes: usize,
}

impl Default for Deframer {
    fn default() -> Self {
        Deframer::new(FRAME_BYTES_MAX)
    }
}

impl Deframer {
    /// Creates a deframer that refuses frames longer than `limit_bytes`.
    pub fn new(limit_bytes: usize) -> Self {
        Deframer { partial: Vec::new(), used: false, limit_bytes }
    }

    /// Returns the text of the next frame, without NUL, and removes the frame from the front of `input`. Returns `None`
    /// when more bytes are needed. An empty frame is an empty text. After an error the stream must be closed.
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

    /// Like [`Deframer::next`], for callers that use the deframer again while they read the frame. A frame that arrived
    /// in pieces is returned with the buffer in which it was assembled, so that no bytes are copied.
    pub fn next_frame<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Frame<'i>>, FrameError> {
        Ok(match self.find(input)? {
            Found::Whole(text) => Some(Frame(Bytes::Whole(trim(text)))),
            Found::Assembled => Some(Frame(Bytes::Assembled(std::mem::take(&mut self.partial)))),
            Found::Incomplete => None,
        })
    }

    fn find<'i>(&mut self, input: &mut &'i [u8]) -> Result<Found<'i>, FrameError> {
        if std::mem::take(&mut self.used) {
            // A single huge frame must not hold its memory for ever.
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

    /// Returns the number of bytes of an unfinished frame.
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
    fn a_length_beyond_the_limit_is_refused_before_any_byte_is_buffered() {
        let mut deframer = Deframer::default();
        let mut input: &[u8] = b"\x7f\xff\xff\xff({";
        assert_eq!(deframer.next(&mut input), Err(FrameError::TooLong { claimed_bytes: 0x7fff_ffff }));
        assert_eq!(deframer.partial_bytes(), 0);
        let mut exact: &[u8] = &(FRAME_BYTES_MAX as u32).to_be_bytes();
        assert_eq!(Deframer::default().next(&mut exact), Ok(None));
    }
}
