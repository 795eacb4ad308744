//! A small machine to drive, and waiting with deadlines.
#![allow(dead_code, unused_imports, reason = "not every test uses all of it")]

#[path = "../../../host/tests/shared/echo.rs"]
mod echo;
#[path = "../../../host/tests/shared/system.rs"]
mod system;

use async_io::Timer;
pub(crate) use echo::*;
use std::time::Duration;
pub(crate) use system::*;

/// The future's outcome; panics when it takes too long.
pub(crate) async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    futures_lite::future::or(async { Some(future.await) }, async {
        Timer::after(PATIENCE).await;
        None
    })
    .await
    .unwrap_or_else(|| panic!("{what}: still waiting"))
}

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    patiently(what, async {
        while !condition() {
            Timer::after(Duration::from_millis(1)).await;
        }
    })
    .await;
}
