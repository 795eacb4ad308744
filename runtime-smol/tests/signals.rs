//! Signals to this process: alone in it.

#[path = "../../daemon/tests/shared/signals.rs"]
mod signals;

use i3_gateway::signals::Signals;
use signals::{SIGNALS, raise};

#[test]
fn signals_become_requests() {
    smol::block_on(async {
        let mut signals = Signals::new().unwrap();
        for (name, expected) in SIGNALS {
            raise(name);
            assert_eq!(signals.next().await.unwrap(), expected);
        }
    });
}
