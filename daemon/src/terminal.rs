//! Output for the person who started the program.

use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

/// Why a line could not be printed to standard output: the first time.
static LOST: OnceLock<String> = OnceLock::new();

/// Prints a line to standard output. If that fails, the program ends with an error.
pub fn out(text: &str) {
    let mut stdout = io::stdout().lock();
    let printed = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    match printed {
        // A reader that has closed the pipe, as `head` does, has read what it wanted.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => drop(LOST.set(error.to_string())),
        _ => {}
    }
}

/// Prints an error to standard error.
pub fn err(text: &str) {
    // A failure cannot be reported anywhere else.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Returns why a part of the output is missing. A full disk is an example.
pub(crate) fn unprinted() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}
