//! The password that a router gives is never lost: not by a kill at any point, not by changing over from another gateway.

use crate::client::{Received, Transport};
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
    no_packet_of_the_router_shows_the_password,
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

/// The password comes back in every form that a router may think of, and is shown in none: not to an administrator who
/// traces, not to a game, and not in the log at DEBUG.
fn no_packet_of_the_router_shows_the_password(daemon: Daemon) {
    const PASSWORD: &str = "713545536";
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let (mut link, _) = router.log_in(PASSWORD.parse().unwrap());
    link.lists();
    gateway.becomes_ready(true);
    let mut game = gateway.client(Transport::Lines);
    game.result("trace", &json!({}), &json!({"status": "tracing"}));
    let login = r#"({"startup-req-3",5,"Alpha",0,"*net",0,713545536,0,0,4000,0,0,"l","b","d","t","o","e",(["tell":1,]),0,})"#;
    let error =
        |text: &str, copy: &str| format!(r#"({{"error",5,"*net",0,"Alpha",0,"bad-pkt","{text}",{copy},}})"#);
    for packet in [
        error("no", login),
        error("no", &format!("({{({{{login},}}),}})")),
        error("713545536 is not your number", "0"),
        error("wrong password (713545536)", "0"),
        format!(r#"({{"unheard-of",5,"*net",0,"Alpha",0,(["a":{login},]),713545536,}})"#),
        // What cannot be read: cut, misspelt, and with a quote too many.
        login[..login.len() - 30].to_owned(),
        r#"({"startup-rep"ly",5,"*net",0,"Alpha",0,({({"*net","127.0.0.1 4000",}),}),713545536,})"#
            .to_owned(),
        r#"({"error",5,"*net",0,"Alpha",0,"x","y",({"startup_req_3",5,713545536,"#.to_owned(),
        r#"({"tell",5,"*net","root","Alpha","nobody","root","bye",})"#.to_owned(),
    ] {
        link.send(&packet);
    }
    let mut seen = Vec::new();
    while !seen.last().is_some_and(|text: &String| text.contains("nobody")) {
        match game.next() {
            Received::Text(text) => seen.push(text),
            other => panic!("{other:?}"),
        }
    }
    let traced = seen.iter().filter(|text| text.contains("packet_trace")).count();
    assert!(traced >= 6 && seen.iter().any(|text| text.contains("startup-req-3")), "{seen:#?}");
    assert!(seen.iter().any(|text| text.contains("error_occurred")), "{seen:#?}");
    assert!(!seen.iter().any(|text| text.contains(PASSWORD)), "{seen:#?}");

    // A login that is refused, with the password in the reason.
    game.result("trace", &json!({"enabled": false}), &json!({"status": "stopped"}));
    drop(link);
    let mut link = router.accept();
    assert_eq!(link.login().to_string(), PASSWORD);
    link.send(&error("713545536 is wrong", login));
    wait_for("the refusal in the status", || {
        let status = gateway.router_status().to_string();
        assert!(!status.contains(PASSWORD), "{status}");
        status.contains("is wrong").then_some(())
    });
    gateway.logs("unreadable frame dropped");
    assert!(!gateway.log().contains(PASSWORD), "a password in the log");
}
