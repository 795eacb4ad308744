//! Signals to this process: alone in it.

use i3_gateway::signals::{Request, Signals};
use std::process::Command;

#[test]
fn signals_become_requests() {
    smol::block_on(async {
        let mut signals = Signals::new().unwrap();
        for (name, expected) in [
            ("HUP", Request::Reload),
            ("TERM", Request::Shutdown),
            ("HUP", Request::Reload),
            ("INT", Request::Shutdown),
        ] {
            let pid = std::process::id().to_string();
            assert!(Command::new("sh").args(["-c", "kill -$0 $1", name, &pid]).status().unwrap().success());
            assert_eq!(signals.next().await.unwrap(), expected);
        }
    });
}
