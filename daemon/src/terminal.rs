//! Output for the person who started the program.

use std::io::Write;

/// Prints a line to standard output.
pub fn out(text: &str) {
    // A failure cannot be reported anywhere else.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints an error to standard error.
pub fn err(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
