//! Randomness, once at the start.

use crate::error::DaemonError;

/// A number that nobody can guess, from the operating system.
pub fn seed() -> Result<u64, DaemonError> {
    getrandom::u64().map_err(|error| DaemonError::System(format!("no randomness: {error}")))
}
