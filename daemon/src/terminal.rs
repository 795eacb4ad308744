//! What a program says to the person who started it.

use std::io::Write;

/// The program's output.
pub fn out(text: &str) {
    // If nobody reads it, there is nobody to tell.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// What is wrong, for the person at the terminal.
pub fn err(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
