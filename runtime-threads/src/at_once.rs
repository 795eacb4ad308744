//! Processing on the thread that has read.

use crate::inbox::Buffer;
use i3_core::machine::ConnId;

/// How many reading threads at one time may process what they have read. A thread that has done so once keeps the pages of
/// its stack, so with more of them an idle daemon would hold more memory.
pub(crate) const AT_ONCE_MAX: usize = 16;

/// The machine, as a reading thread uses it.
pub(crate) trait AtOnce: Send + Sync {
    /// Processes a read if the core thread sleeps and no other thread uses the machine. Otherwise it returns the buffer, which
    /// then goes to the inbox. Earlier reads of the connection must be processed already.
    fn received(&self, conn: ConnId, buffer: Buffer) -> Result<(), Buffer>;
}
