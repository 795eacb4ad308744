//! The durable state: values under keys in named spaces. The changes of one save are written all or none.
//!
//! The store does not interpret keys and values. At its start a daemon calls [`open`] and passes the result of
//! [`Store::load`] to the core. It passes every [`Output::Save`](i3_core::machine::Output::Save) to a [`Writer`], so that
//! a slow disk does not stop the sockets.
//!
//! [`Store`] is implemented once for each engine. No other package knows which engine is used.

mod database;
mod engine;
mod lock;
mod open;
mod private;
mod snapshot;
mod sqlite;
mod watch;
mod writer;

pub use engine::{Condition, PAGE_ENTRIES_MAX, Store, StoreError, Warning, replace_all};
pub use lock::{DirectoryLock, Unavailable};
pub use open::{ToRestore, copy_snapshot, open, open_existing, open_to_restore};
pub use snapshot::snapshot_path;
pub use writer::{BATCH_TICKETS_MAX, QUEUE_TICKETS_MAX, Report, Writer};
