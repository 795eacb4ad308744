//! Writes a list of pieces to a socket.

use bytes::{Buf, Bytes};
use std::io::{self, ErrorKind, IoSlice};

/// How many bytes of a connection are taken from the machine at a time. The driver holds so many for a slow reader.
pub const WRITE_BUDGET_BYTES: usize = 256 * 1024;
/// How many pieces are written with one system call. The kernel accepts 1,024, but the list is on the stack.
const WRITE_SLICES_MAX: usize = 64;

/// A rest below this many bytes is copied, so that a slow reader does not keep the larger buffers that it is a part of.
const REST_COPIED_BYTES: usize = 8 * 1024;

/// The result of an attempt to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Everything was written.
    All,
    /// A part was written, as much as the socket had room for.
    Some,
}

/// Writes as much of `pieces` as the socket accepts, and leaves the rest in `pieces`. `send` is the system call, which may
/// block or not.
pub fn write_some(
    pieces: &mut Vec<Bytes>,
    mut send: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
) -> io::Result<Written> {
    let mut done = 0;
    let outcome = loop {
        while pieces.get(done).is_some_and(Bytes::is_empty) {
            done += 1;
        }
        if done == pieces.len() {
            break Ok(Written::All);
        }
        let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
        let count =
            slices.iter_mut().zip(&pieces[done..]).map(|(slice, piece)| *slice = IoSlice::new(piece)).count();
        match send(&slices[..count]) {
            Ok(0) => break Err(ErrorKind::WriteZero.into()),
            Ok(written) => advance(&mut pieces[done..], written),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(Written::Some),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    pieces.drain(..done);
    outcome
}

/// Returns the pieces that wait for a socket, in the form in which they may wait for long.
pub(crate) fn to_wait(pieces: Vec<Bytes>) -> Vec<Bytes> {
    if pieces.iter().map(Bytes::len).sum::<usize>() < REST_COPIED_BYTES {
        vec![Bytes::from(pieces.concat())]
    } else {
        pieces
    }
}

/// Writes the pending records of a TLS session with `write`, such as [`write_some`]. Returns whether the socket accepted
/// all of them.
pub fn send_pending(
    bytes: Option<Bytes>,
    write: impl FnOnce(&mut Vec<Bytes>) -> io::Result<Written>,
) -> bool {
    let Some(bytes) = bytes else { return true };
    matches!(write(&mut vec![bytes]), Ok(Written::All))
}

/// Removes `written` bytes from the front. Pieces that were written completely stay as empty pieces.
fn advance(pieces: &mut [Bytes], mut written: usize) {
    for piece in pieces {
        let cut = written.min(piece.len());
        piece.advance(cut);
        written -= cut;
        if written == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More pieces than go in one call, some of them empty.
    fn many_pieces() -> Vec<Bytes> {
        (0..1000_u32).map(|n| Bytes::from(vec![n as u8; (n % 7) as usize])).collect()
    }

    #[test]
    fn pieces_arrive_in_order_and_the_rest_is_kept() {
        let mut pieces = many_pieces();
        let expected = pieces.concat();
        let mut received = Vec::new();
        let mut rounds = 0;
        loop {
            // A socket that takes 5 bytes at a time, and 50 before it is full.
            let mut room = 50;
            let outcome = write_some(&mut pieces, |slices| {
                if room == 0 {
                    return Err(ErrorKind::WouldBlock.into());
                }
                let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
                let taken = all.len().min(5);
                received.extend(&all[..taken]);
                room -= taken;
                Ok(taken)
            });
            rounds += 1;
            match outcome.unwrap() {
                Written::All => break,
                Written::Some => assert_eq!([received.clone(), pieces.concat()].concat(), expected),
            }
        }
        assert!(rounds > 50 && pieces.is_empty());
        assert_eq!(received, expected);
    }

    #[test]
    fn a_short_rest_keeps_no_larger_buffer() {
        let buffer = Bytes::from(vec![b'x'; 32 * 1024]);
        let rest = to_wait(vec![buffer.slice(..100), buffer.slice(200..300)]);
        assert_eq!((rest.len(), rest.concat()), (1, vec![b'x'; 200]));
        let before = buffer.as_ptr();
        assert!(buffer.is_unique() && to_wait(vec![buffer.slice(..9000)])[0].as_ptr() == before);
    }

    #[test]
    fn an_interruption_is_no_failure_and_taking_nothing_is_one() {
        let mut calls = 0;
        let mut interrupted_once = |slices: &[IoSlice<'_>]| {
            calls += 1;
            if calls == 1 { Err(ErrorKind::Interrupted.into()) } else { Ok(slices[0].len()) }
        };
        let mut pieces = vec![Bytes::from_static(b"one")];
        assert_eq!(write_some(&mut pieces, &mut interrupted_once).unwrap(), Written::All);
        let mut pieces = vec![Bytes::from_static(b"one")];
        assert_eq!(write_some(&mut pieces, |_| Ok(0)).unwrap_err().kind(), ErrorKind::WriteZero);
        assert_eq!(write_some(&mut Vec::new(), |_| Ok(0)).unwrap(), Written::All);
    }
}
