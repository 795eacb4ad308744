//! Signals to this process: alone in it.

mod common;
#[path = "../../daemon/tests/shared/signals.rs"]
mod signals;

use common::patiently;
use i3_gateway_threads::signals::Signals;
use signals::{SIGNALS, raise};

#[test]
fn signals_become_requests() {
    let mut signals = Signals::new().unwrap();
    let closer = signals.closer();
    for (name, expected) in SIGNALS {
        raise(name);
        let (request, back) = patiently("the signal", move || (signals.next_request(), signals));
        assert_eq!(request, Some(expected));
        signals = back;
    }
    let waiting = std::thread::spawn(move || (signals.next_request(), signals.next_request()));
    closer.close();
    assert_eq!(patiently("the end", || waiting.join()).unwrap(), (None, None));
}
