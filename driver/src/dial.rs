//! How long connecting may take, and what is said when it fails.

use std::fmt;
use std::time::Duration;

/// An address that has not answered by then is given up, and the next one tried.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many addresses of one name are tried.
pub const DIAL_ADDRESSES_MAX: usize = 8;

/// The addresses of one name that did not answer.
#[derive(Clone, Debug, Default)]
pub struct Failures(Vec<String>);

impl Failures {
    /// One more did not.
    pub fn add(&mut self, address: impl fmt::Display, error: impl fmt::Display) {
        self.0.push(format!("{address}: {error}"));
    }

    /// All of them, for people; without any, the name has no address.
    pub fn of(self, host: &str) -> String {
        if self.0.is_empty() { format!("{host:?} has no address") } else { self.0.join("; ") }
    }
}
