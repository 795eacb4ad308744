//! The limits of connecting, and the errors of failed attempts.

use std::fmt;
use std::time::Duration;

/// How long one address may take to answer. Then the next one is tried.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many addresses of a name are tried.
pub const DIAL_ADDRESSES_MAX: usize = 8;

/// The addresses of a name that did not answer, with their errors.
#[derive(Clone, Debug, Default)]
pub struct Failures(Vec<String>);

impl Failures {
    /// Adds an address.
    pub fn add(&mut self, address: impl fmt::Display, error: impl fmt::Display) {
        self.0.push(format!("{address}: {error}"));
    }

    /// Returns a text for people. If no address was added, the name has none.
    pub fn of(self, host: &str) -> String {
        if self.0.is_empty() { format!("{host:?} has no address") } else { self.0.join("; ") }
    }
}
