//! The password that a router gives is never lost: not by a kill at any point, not by changing over from another gateway.

use crate::gateway::Gateway;
use crate::process::wait_for;
use crate::programs::Daemon;
use crate::router::{Played, Router};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

for_both!(
    a_kill_at_any_point_loses_no_password,
    a_killed_gateway_comes_back_under_its_name,
    the_python_gateways_password_is_taken_over,
    a_copy_of_the_state_lies_beside_it_where_that_is_wanted,
);

/// Where in a login the gateway is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// It has just connected.
    Connected,
    /// It has asked, and has no answer.
    Asked,
    /// The answer is on its way, or has been read, or saved.
    Answered,
    /// It counts as ready.
    Ready,
}

fn a_kill_at_any_point_loses_no_password(daemon: Daemon) {
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]);
    // What the router gave last and the gateway may know; what it certainly knows.
    let mut given = vec![0];
    for (at, point) in [
        Point::Connected,
        Point::Asked,
        Point::Ready,
        Point::Answered,
        Point::Asked,
        Point::Answered,
        Point::Connected,
        Point::Answered,
        Point::Ready,
        Point::Ready,
    ]
    .into_iter()
    .enumerate()
    {
        gateway.start();
        let mut session = router.accept();
        if point != Point::Connected {
            let sent = session.login();
            assert!(given.contains(&sent), "{sent} was sent at {at} {point:?}, of {given:?}");
            given = vec![sent];
        }
        if point == Point::Answered || point == Point::Ready {
            let password = 1_000 + at as i64;
            session.welcome(password);
            given.push(password);
        }
        if point == Point::Ready {
            // Then it is durable.
            gateway.becomes_ready(true);
            given.remove(0);
        }
        gateway.kill();
    }
    gateway.start();
    assert_eq!(given, [router.accept().login()], "after the last one, which was ready");
}

fn a_killed_gateway_comes_back_under_its_name(daemon: Daemon) {
    let router = Router::start("*test");
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    gateway.becomes_ready(true);
    // Only the owner reads what is kept.
    for (path, mode) in [("state", 0o700), ("state/i3-gateway.sqlite", 0o600)] {
        let found = std::fs::metadata(gateway.folder.path().join(path)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{path}");
    }
    for _ in 0..2 {
        gateway.kill();
        // Who logs in twice within a second is ignored for a while.
        std::thread::sleep(Duration::from_millis(1_100));
        gateway.start();
        // The router refuses the name to anybody with another password, in silence.
        gateway.becomes_ready(true);
    }
    // Another gateway that does not know the password is refused while this one is there, which stays.
    let thief = Gateway::new(daemon, "Alpha", &[router.address()])
        .with(&json!({"performance": {"connection_timeout": 1}}))
        .started();
    thief.logs("router link failed");
    assert!(!thief.is_ready() && gateway.is_ready());
}

fn the_python_gateways_password_is_taken_over(daemon: Daemon) {
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]);
    std::fs::create_dir(gateway.state()).unwrap();
    let left = gateway.state().join("router-password");
    std::fs::write(&left, "713545536\n").unwrap();
    gateway.start();
    let (_session, sent) = router.log_in(99);
    assert_eq!(sent, 713_545_536);
    gateway.becomes_ready(true);
    // From then on the router's last word counts, although the file is still there.
    gateway.kill();
    gateway.start();
    assert_eq!(router.accept().login(), 99);
    assert!(left.exists());
    assert!(!gateway.log().contains("713545536"), "a password in the log");
}

fn a_copy_of_the_state_lies_beside_it_where_that_is_wanted(daemon: Daemon) {
    let router = Router::start("*test");
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]);
    let gateway = gateway.with(&json!({"state": {"backup_enabled": true}})).started();
    let copy = gateway.folder.path().join("state/i3-gateway.backup-1.sqlite");
    let found = wait_for("the copy", || copy.metadata().ok());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert!(!copy.with_file_name("i3-gateway.backup-0.sqlite").exists());
}
