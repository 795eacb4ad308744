//! What a daemon runs: one machine, and everything that a runtime needs to drive it until it is told to end.

use crate::attend::Attend;
use crate::signals::Ending;
use i3_core::machine::Listener;
use i3_driver::clock::Clock;
use i3_driver::listen::Bound;
use i3_store::Store;

/// A machine that is ready to be driven. A runtime accepts from its listeners, carries its saves out with the store, calls
/// what looks after it, and ends it as its requests say.
pub struct Service<M, A: Attend<M>> {
    /// The machine.
    pub machine: M,
    /// The clock that it was constructed with.
    pub clock: Clock,
    /// Where it listens: its clients wait in the kernel's queue until a driver accepts them.
    pub listeners: Vec<(Listener, Bound)>,
    /// Where its saves go.
    pub store: Box<dyn Store>,
    /// How many connections it serves at one time, if it has a limit. It refuses the others by itself.
    pub connections_max: Option<usize>,
    /// What looks after it.
    pub attendant: A,
    /// What requests to end mean to it.
    pub ending: Ending,
}
