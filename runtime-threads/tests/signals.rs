//! Signals to this process: alone in it.

mod common;

use common::patiently;
use i3_gateway_threads::signals::{Request, Signals};
use std::process::Command;

#[test]
fn signals_become_requests() {
    let mut signals = Signals::new().unwrap();
    let closer = signals.closer();
    for (name, expected) in [
        ("HUP", Request::Reload),
        ("TERM", Request::Shutdown),
        ("HUP", Request::Reload),
        ("INT", Request::Shutdown),
    ] {
        let pid = std::process::id().to_string();
        assert!(Command::new("sh").args(["-c", "kill -$0 $1", name, &pid]).status().unwrap().success());
        let (request, back) = patiently("the signal", move || (signals.next_request(), signals));
        assert_eq!(request, Some(expected));
        signals = back;
    }
    let waiting = std::thread::spawn(move || (signals.next_request(), signals.next_request()));
    closer.close();
    assert_eq!(patiently("the end", || waiting.join()).unwrap(), (None, None));
}
