//! Closing in order. Closing a socket with unread bytes makes the kernel send a reset, and a reset can destroy the last
//! bytes on their way to the peer. So a closed connection lingers: it is read and discarded, within these bounds.

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::time::Duration;

/// How long one lingers.
pub const LINGER_TIME: Duration = Duration::from_secs(1);
/// How many bytes are discarded at most.
pub const LINGER_BYTES_MAX: usize = 1024 * 1024;
/// How many may linger at one time; the next ones are dropped at once.
pub const LINGERING_MAX: usize = 1024;

/// What is still to be discarded of one connection.
#[derive(Clone, Debug)]
pub struct Discard {
    bytes_left: usize,
}

impl Default for Discard {
    fn default() -> Self {
        Discard { bytes_left: LINGER_BYTES_MAX }
    }
}

impl Discard {
    /// Reads once into `scratch`. Says whether to wait for more: the peer has not closed, and the bound is not reached.
    pub fn goes_on_after(&mut self, mut socket: &TcpStream, scratch: &mut [u8]) -> bool {
        let room = self.bytes_left.min(scratch.len());
        match socket.read(&mut scratch[..room]) {
            Ok(0) => return false,
            Ok(count) => self.bytes_left -= count,
            Err(error) => return is_transient(&error),
        }
        self.bytes_left > 0
    }
}

/// Whether reading is to be tried again.
pub fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
