//! A small machine to drive, and waiting with deadlines.
#![allow(dead_code, unused_imports, reason = "not every test uses all of it")]

#[path = "../../../driver/tests/shared/echo.rs"]
mod echo;
#[path = "../../../driver/tests/shared/system.rs"]
mod system;

pub(crate) use echo::*;
use std::sync::mpsc;
use std::time::{Duration, Instant as SystemInstant};
pub(crate) use system::*;

/// What `work` gives; panics when it takes too long.
pub(crate) fn patiently<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, result) = mpsc::sync_channel(1);
    std::thread::spawn(move || sender.send(work()));
    result.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// Waits until `condition` holds.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = SystemInstant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "{what}: still waiting");
        std::thread::sleep(Duration::from_millis(1));
    }
}
