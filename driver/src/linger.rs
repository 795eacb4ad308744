//! Closing in order. Closing a socket with unread bytes makes the kernel send a reset, and a reset can destroy the last
//! bytes on their way to the peer. So a closed connection lingers: it is read and discarded, within these bounds.

use std::time::Duration;

/// How long one lingers.
pub const LINGER_TIME: Duration = Duration::from_secs(1);
/// How many bytes are discarded at most.
pub const LINGER_BYTES_MAX: usize = 1024 * 1024;
/// How many may linger at one time; the next ones are dropped at once.
pub const LINGERING_MAX: usize = 1024;
