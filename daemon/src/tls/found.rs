//! Findings about the files of TLS.

use i3_config::Problem;

/// Findings about the files of the listeners.
#[derive(Debug, Default)]
pub struct Findings {
    /// A line for each file without a problem.
    pub good: Vec<String>,
    /// The problems. With an error the gateway does not start.
    pub problems: Vec<Problem>,
}
