//! The threads of a store.

use std::thread::{Builder, JoinHandle};

/// Starts a thread.
pub(crate) fn spawn(name: &str, stack_bytes: usize, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    Builder::new()
        .name(name.to_owned())
        .stack_size(stack_bytes)
        .spawn(body)
        .expect("a process that cannot start one thread at its start cannot run at all")
}
