//! Processing on the thread that has read.

use crate::inbox::Buffer;
use i3_core::machine::ConnId;

/// How many reading threads at one time may process what they have read: that of the link to the router, which is the first,
/// and those of the first clients. The machine needs a large stack, which counts on hosts that limit the data of a process.
pub(crate) const AT_ONCE_MAX: usize = 4;

/// The machine, as a reading thread uses it.
pub(crate) trait AtOnce: Send + Sync {
    /// Processes a read. If others have waited longer for the machine, it returns the buffer instead, which then goes to the
    /// inbox. Earlier reads of the connection must be processed already.
    fn received(&self, conn: ConnId, buffer: Buffer) -> Result<(), Buffer>;
}
