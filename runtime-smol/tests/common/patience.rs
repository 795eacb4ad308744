//! Waiting with deadlines, in async code.

use async_io::Timer;
use std::time::Duration;

/// Nothing in these tests takes so long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

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
