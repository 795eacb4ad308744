//! Signals, and what they ask of a daemon. The tests of each runtime take this file in.

use i3_daemon::signals::Request;
use std::process::Command;

/// Signals in some order, and what they ask for.
pub(crate) const SIGNALS: [(&str, Request); 4] = [
    ("HUP", Request::Reload),
    ("TERM", Request::Shutdown),
    ("HUP", Request::Reload),
    ("INT", Request::Shutdown),
];

/// Sends this process a signal.
pub(crate) fn raise(name: &str) {
    let pid = std::process::id().to_string();
    assert!(Command::new("sh").args(["-c", "kill -$0 $1", name, &pid]).status().unwrap().success());
}
