//! What was found out about the files of TLS.

use i3_config::Problem;

/// What was found out about the files of the listeners.
#[derive(Debug, Default)]
pub struct Findings {
    /// What is as it should be, in a sentence each.
    pub good: Vec<String>,
    /// What is not; the severity says whether the gateway starts with it.
    pub problems: Vec<Problem>,
}
