//! The seed of a machine's random numbers.

use crate::error::DaemonError;

/// Returns an unpredictable number from the operating system.
pub fn seed() -> Result<u64, DaemonError> {
    getrandom::u64().map_err(|error| {
        DaemonError::System(format!("the operating system gives no random numbers: {error}"))
    })
}
