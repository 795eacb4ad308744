//! Orderly closing. If a socket with unread bytes is closed, the kernel sends a reset, which can destroy the last bytes on
//! their way to the peer. So a closed connection lingers: the driver reads and discards bytes, within these limits.

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::time::Duration;

/// How long a connection lingers at most.
pub const LINGER_TIME: Duration = Duration::from_secs(1);
/// How many bytes of a connection are discarded at most.
pub const LINGER_BYTES_MAX: usize = 1024 * 1024;
/// How many connections may linger at a time. Further ones are closed at once.
pub const LINGERING_MAX: usize = 1024;

/// How many bytes of a connection may still be discarded.
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
    /// Reads once into `scratch`. Returns whether to wait for more bytes, because neither the end of stream nor the limit is
    /// reached.
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

/// Whether to try reading again after an error.
pub fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
