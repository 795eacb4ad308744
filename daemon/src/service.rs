//! A machine with everything that a runtime needs to run it as a daemon.

use crate::attend::Attend;
use crate::signals::Ending;
use crate::state::Stored;
use i3_core::machine::Listener;
use i3_driver::clock::Clock;
use i3_driver::listen::Bound;

/// A machine that is ready to run. A runtime accepts connections from its listeners, writes its saves to the store, calls
/// its attendant, and shuts it down at a request.
pub struct Service<M, A: Attend<M>> {
    /// The machine.
    pub machine: M,
    /// The clock that it was constructed with.
    pub clock: Clock,
    /// Its listeners. Clients wait in the kernel's queue until a driver accepts them.
    pub listeners: Vec<(Listener, Bound)>,
    /// Where its saves go.
    pub stored: Stored,
    /// The most connections that it serves at a time, if it has a limit. It refuses further ones itself.
    pub connections_max: Option<usize>,
    /// Its attendant.
    pub attendant: A,
    /// What it does about requests.
    pub ending: Ending,
}
