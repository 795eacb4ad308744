//! The durable state: values under keys in named spaces. The changes of one save are written all or none.
//!
//! The store does not interpret keys and values. At its start a daemon calls [`open`] and passes the result of
//! [`Store::load`] to the core. It passes every [`Output::Save`](i3_core::machine::Output::Save) to a [`Writer`], so that
//! a slow disk does not stop the sockets.
//!
//! Lines of the history are not read at the start. [`i3_core::line`] says what their changes mean, and
//! [`i3_core::query`] how they are asked for.
//!
//! [`Store`] is implemented once for each engine of a single host, and [`SharedStore`] for each engine that several
//! gateways share. No other package knows which engine is used.

mod alone;
mod database;
mod engine;
mod lines;
mod lock;
mod node;
mod open;
mod order;
#[cfg(feature = "postgres")]
mod postgres;
mod private;
mod queue;
mod reader;
mod report;
mod shared;
mod snapshot;
mod sqlite;
mod thread;
mod watch;
mod writer;

pub use engine::{
    Condition, LineReader, PAGE_ENTRIES_MAX, QUERY_TIME_MAX, Store, StoreError, Warning, copy_lines,
    replace_all,
};
pub use lock::{DirectoryLock, Unavailable};
pub use open::{
    Joined, ToRestore, copy_snapshot, examine_shared, is_shared, open, open_existing, open_shared,
    open_shared_existing, open_to_restore,
};
pub use queue::{BATCH_TICKETS_MAX, QUEUE_TICKETS_MAX};
pub use reader::QUERIES_MAX;
pub use report::Report;
pub use shared::{
    BeatOutcome, Beater, CommitError, FencedSave, Finding, FollowError, Follower, News, NodeIdentity, Roles,
    Saver, SharedPlace, SharedStore, Start,
};
pub use snapshot::snapshot_path;
pub use writer::Writer;
