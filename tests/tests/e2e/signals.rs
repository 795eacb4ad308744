//! What signals do.

use crate::client::{Received, Transport};
use crate::gateway::Gateway;
use crate::programs::Daemon;
use crate::router::{Played, Session};
use serde_json::json;
use std::net::TcpStream;

for_both!(
    told_to_end_it_says_goodbye_to_everybody,
    an_interrupt_before_any_router_answers_ends_it_too,
    peers_that_do_not_read_hold_up_no_end,
    a_second_signal_ends_it_at_once,
    a_hangup_ends_nothing,
);

fn told_to_end_it_says_goodbye_to_everybody(daemon: Daemon) {
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let (mut link, _) = router.log_in(7);
    gateway.becomes_ready(true);
    let mut lines = gateway.client(Transport::Lines);
    let mut websocket = gateway.client(Transport::WebSocket);
    gateway.signal("TERM");
    // The restart delay: it does not come back by itself.
    assert_eq!(link.expect("shutdown")[6], 0);
    assert_eq!(link.next(), None);
    lines.event("shutdown_warning");
    assert!(lines.rest().iter().all(|last| matches!(last, Received::Text(_))));
    websocket.event("shutdown_warning");
    assert_eq!(websocket.rest().pop(), Some(Received::Close(1001)));
    assert_eq!(gateway.end().code(), Some(0));
    for port in [gateway.lines, gateway.http] {
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
    assert!(gateway.log().contains("stopped"));
}

fn an_interrupt_before_any_router_answers_ends_it_too(daemon: Daemon) {
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()])
        .with(&json!({"performance": {"connection_timeout": 600}}))
        .started();
    let mut link = router.accept();
    link.login();
    gateway.signal("INT");
    assert_eq!(gateway.end().code(), Some(0));
}

/// A router and a client that have stopped to read, with bytes on their way to both.
fn stuck(daemon: Daemon) -> (Gateway, Session, TcpStream) {
    let router = Played::listen();
    // Less room than is sent. Accepted sockets have what their listener has.
    socket2::SockRef::from(&router.listener).set_recv_buffer_size(4096).unwrap();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()])
        .with(&json!({"router": {"pacing": {"enabled": false}}}))
        .started();
    let (mut link, _) = router.log_in(7);
    link.lists();
    gateway.becomes_ready(true);
    let mut client = gateway.client(Transport::WebSocket);
    let tell = json!({"target_mud": "Sage", "target_user": "bob", "message": "x".repeat(9_000)});
    for _ in 0..30 {
        client.result("tell", &tell, &json!({"status": "sent"}));
    }
    let reads_not = gateway.client(Transport::Lines);
    socket2::SockRef::from(&reads_not.stream).set_recv_buffer_size(4096).unwrap();
    (gateway, link, reads_not.stream)
}

fn peers_that_do_not_read_hold_up_no_end(daemon: Daemon) {
    let (mut gateway, _link, _client) = stuck(daemon);
    gateway.signal("TERM");
    // It gives up after its own patience, which is less than ours.
    assert_eq!(gateway.end().code(), Some(0));
    assert!(!gateway.log().contains("have not ended in time"), "a thread is left behind");
}

fn a_second_signal_ends_it_at_once(daemon: Daemon) {
    let (mut gateway, _link, _client) = stuck(daemon);
    gateway.signal("TERM");
    gateway.logs("shutting down");
    assert!(gateway.is_running(), "it waits for the router to read");
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(130), "not in order");
}

fn a_hangup_ends_nothing(daemon: Daemon) {
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let (mut link, _) = router.log_in(7);
    link.lists();
    gateway.becomes_ready(true);
    let mut client = gateway.client(Transport::Lines);
    gateway.signal("HUP");
    gateway.logs("new settings applied");
    client.result("ping", &json!({}), &json!({"pong": true}));
    client.result("tell", &json!(["Sage", "bob", "still here"]), &json!({"status": "sent"}));
    assert_eq!(link.expect("tell")[7], "still here");
    assert!(gateway.is_running() && gateway.is_ready());
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(0));
}
