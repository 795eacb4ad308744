//! The driver over real loopback sockets: the suite of all drivers, and what only this one has.

mod common;
#[path = "../../driver/tests/shared/suite.rs"]
mod suite;
#[cfg(feature = "tls")]
#[path = "../../driver/tests/shared/suite_tls.rs"]
mod suite_tls;

use common::{Running, Setup, joined, round_trip};
use std::io::Read;

#[test]
fn dropping_the_driver_closes_everything() {
    let driver = Running::start_with(Setup::default());
    let mut client = Running::connect(driver.ports.echo);
    round_trip(&mut client, b"hello");
    drop(driver.alive);
    joined("the end", driver.thread);
    let mut all = Vec::new();
    let _ = client.read_to_end(&mut all);
    assert_eq!(all, b"");
}
