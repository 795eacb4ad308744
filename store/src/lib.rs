//! Durable state: values under keys in named spaces, written all or none.
//!
//! The store does not know the meaning of what it keeps. A daemon calls [`open`] at its start, gives [`Store::load`] to
//! the core, and hands every [`Output::Save`](i3_core::machine::Output::Save) to a [`Writer`], so that a slow disk never
//! stops the sockets.
//!
//! Everything behind [`Store`] is one engine's own business. Outside of this package nobody knows which one is used.

mod engine;
mod lock;
mod open;
mod private;
mod snapshot;
mod sqlite;
mod writer;

pub use engine::{Condition, Store, StoreError, Warning, replace_all};
pub use lock::{DirectoryLock, Unavailable};
pub use open::{open, open_existing};
pub use snapshot::snapshot_path;
pub use writer::{BATCH_TICKETS_MAX, QUEUE_TICKETS_MAX, Writer};
