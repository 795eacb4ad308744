//! The limits of a client.

use std::time::Duration;

/// The most requests that wait for their answers, in number.
pub const CALLS_MAX: usize = 64;
/// The longest request, in bytes. The gateway accepts no longer one by default.
pub const CALL_BYTES_MAX: usize = 4_194_304;
/// The most bytes that wait to be sent. A request beyond it gets [`Error::Busy`](crate::Error::Busy).
pub const OUTPUT_BYTES_MAX: usize = 8_388_608;
/// The most events and answers that the program has not taken, in number. Beyond it nothing more is read, so that the
/// gateway keeps the rest.
pub const HAPPENINGS_MAX: usize = 1024;
/// The longest message from the gateway, in bytes. A list of thousands of muds has about one megabyte.
pub const MESSAGE_BYTES_MAX: usize = 16_777_216;
/// The most channels that a client joins, in number.
pub const CHANNELS_MAX: usize = 500;
/// The ids of delivered events that are remembered, in number: an event that a replay brings again is delivered once.
pub(crate) const REMEMBERED_MAX: usize = 2048;
/// After this silence the connection counts as dead.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(90);
/// The longest pause that the gateway can demand.
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(60);
