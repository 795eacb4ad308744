//! An Intermud-3 router without any I/O, and a few small muds to talk to.
//!
//! [`Router`] is for private networks, for a first run without the Internet, and for tests. It does on the wire what
//! a Dead Souls 3.08 router, a CoffeeMud router or the published text does ([`Dialect`]); where it differs on purpose,
//! the code says so. What Dead Souls does wrong it does only if asked to ([`Faults`]).
//! [`DemoMuds`] is the other side: muds with a few users who answer, so that a new network is not empty.
//!
//! Both are [`i3_core::machine::Machine`]s: a driver brings bytes and time and carries out what they answer. Of the
//! core they use only the machine's contract and the wire's layers, never the gateway.

mod channels;
mod coffeemud;
mod flood;
mod lists;
pub mod muds;
mod registry;
pub mod router;
mod rules;
mod settings;
mod wire;

pub use muds::{DemoLine, DemoMud, DemoMuds, DemoUser, DemoWake};
pub use registry::KnownMudId;
pub use router::{Router, RouterMetrics, RouterWake};
pub use settings::{Dialect, Faults, Logins, RouterSettings};
