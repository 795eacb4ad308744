//! An Intermud-3 router without any I/O, and a few small muds to talk to.
//!
//! [`Router`] is for private networks, for a first run without the Internet, and for tests. On the wire it behaves like a
//! Dead Souls 3.08 router, like a CoffeeMud router, or as the published specification demands ([`Dialect`]). Comments
//! mark intended differences. It imitates known faults only if they are switched on ([`Faults`]).
//!
//! [`DemoMuds`] are muds with a few users who answer, so that a new network is not empty.
//!
//! Both implement [`i3_core::machine::Machine`]: a driver passes them bytes and time, and carries out their outputs. They
//! use only the machine interface and the packet format of the core, and not the gateway.

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
