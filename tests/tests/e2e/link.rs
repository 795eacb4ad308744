//! Routers that refuse, hang, die and come back, over real sockets and with shortened waits.

use crate::client::Transport;
use crate::gateway::Gateway;
use crate::process::{free_port, wait_for};
use crate::programs::Daemon;
use crate::router::{Played, Router, Session};
use serde_json::json;
use socket2::{Domain, Socket, Type};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

for_both!(
    whatever_a_router_does_the_next_one_is_tried,
    an_instant_close_is_no_failure_of_the_router,
    a_router_that_hangs_is_noticed_and_comes_back,
    a_killed_router_is_found_again_and_what_was_heard_is_heard,
    the_link_goes_over_to_a_second_router_and_back,
);

/// A listener whose queue is full: who dials gets no answer at all.
struct Full {
    port: u16,
    _listener: Socket,
    _waiting: Vec<TcpStream>,
}

impl Full {
    fn listen() -> Full {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        while let Ok(client) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            waiting.push(client);
        }
        assert!(!waiting.is_empty());
        Full { port: address.port(), _listener: listener, _waiting: waiting }
    }
}

fn whatever_a_router_does_the_next_one_is_tried(daemon: Daemon) {
    // One of the first kind accepts, since the system does, and never says anything.
    let (silent, full, refusing) = (Played::listen(), Full::listen(), free_port());
    for (port, reason) in [
        (silent.port, "refused in silence: wrong router name, wrong password or blocked name?"),
        (full.port, "no connection in time"),
        (refusing, "refused"),
    ] {
        let second = Played::listen();
        let gateway = Gateway::new(daemon, "Alpha", &[("*first", port), second.address()])
            .with(&json!({"performance": {"connection_timeout": 1}}))
            .started();
        wait_for("the reason", || {
            let router = gateway.router_status();
            let error = router["last_error"].as_str().unwrap_or_default().to_lowercase();
            error.contains(&reason.to_lowercase()).then_some(())
        });
        assert!(!gateway.is_ready());
        // On a busy machine the second one may be too slow as well, and is tried again.
        let mut sessions = Vec::new();
        wait_for("the second router to be used", || {
            sessions.extend(second.try_accept().and_then(Session::logged_in));
            gateway.is_ready().then_some(())
        });
        let router = gateway.router_status();
        assert_eq!((&router["name"], &router["state"]), (&json!("*net"), &json!("ready")), "{router}");
        assert_eq!(router["last_error"], json!(null), "{router}");
    }
}

fn an_instant_close_is_no_failure_of_the_router(daemon: Daemon) {
    let (first, second) = (Played::listen(), Played::listen());
    let gateway = Gateway::new(daemon, "Alpha", &[first.address(), ("*second", second.port)]).started();
    first.accept().end();
    wait_for("the reason", || {
        let router = gateway.router_status();
        router["last_error"].as_str().unwrap_or_default().starts_with("closed at once").then_some(())
    });
    let (_link, _) = first.log_in(7);
    gateway.becomes_ready(true);
    assert!(second.try_accept().is_none(), "the second router was tried");
}

/// The process stands still, so its socket stays open and nothing comes.
fn a_router_that_hangs_is_noticed_and_comes_back(daemon: Daemon) {
    let router = Router::start("*test");
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()])
        .with(&json!({"router": {"connection": {"keepalive_interval": 1, "timeout": 2.5}}}))
        .started();
    gateway.becomes_ready(true);
    let mut client = gateway.client(Transport::WebSocket);
    client.result("channel_join", &json!(["chat"]), &json!({"status": "joined"}));
    // It is alive because what goes to ourselves through it comes back.
    wait_for("a probe to come back", || {
        (gateway.router_status()["liveness"] == "answers probes").then_some(())
    });
    router.signal("STOP");
    let event = client.event("gateway_disconnected");
    assert!(event["reason"].as_str().unwrap().contains("no sign of life"), "{event}");
    gateway.becomes_ready(false);
    router.signal("CONT");
    client.event("gateway_reconnected");
    gateway.becomes_ready(true);
    // It is the same router, and the channel is heard again.
    wait_for("our own line to come back", || {
        let sent = client.call("channel_send", &json!(["chat", "still here"]));
        if sent["result"]["status"] != "sent" {
            return None;
        }
        (client.event("channel_message")["message"] == "still here").then_some(())
    });
}

fn a_killed_router_is_found_again_and_what_was_heard_is_heard(daemon: Daemon) {
    let mut router = Router::start("*test");
    let alpha = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let beta = Gateway::new(daemon, "Beta", &[router.address()]).started();
    alpha.becomes_ready(true);
    beta.becomes_ready(true);
    let mut hears = alpha.client(Transport::Lines);
    hears.result("channel_join", &json!(["chat"]), &json!({"status": "joined"}));
    router.kill();
    hears.event("gateway_disconnected");
    alpha.becomes_ready(false);
    beta.becomes_ready(false);
    // Who speaks meanwhile is told at once that it does not go.
    let mut speaks = beta.client(Transport::Lines);
    let error = speaks.call("tell", &json!(["Alpha", "ann", "lost?"]));
    assert_eq!(error["error"]["code"], -32004, "{error}");
    router.restart();
    hears.event("gateway_reconnected");
    alpha.becomes_ready(true);
    beta.becomes_ready(true);
    speaks.result("tell", &json!(["Alpha", "ann", "one"]), &json!({"status": "sent"}));
    assert_eq!(hears.event("tell_received")["message"], "one");
    speaks.result("channel_send", &json!(["chat", "two"]), &json!({"status": "sent"}));
    assert_eq!(hears.event("channel_message")["message"], "two");
}

fn the_link_goes_over_to_a_second_router_and_back(daemon: Daemon) {
    let (mut first, second) = (Router::start("*first"), Router::start("*second"));
    let gateway = Gateway::new(daemon, "Alpha", &[first.address(), second.address()])
        .with(&json!({"router": {"return_after": 1}}))
        .started();
    let uses = |name: &str| {
        wait_for(&format!("the link to {name}"), || {
            let router = gateway.router_status();
            (router["name"] == name && router["state"] == "ready").then_some(())
        });
    };
    uses("*first");
    first.kill();
    uses("*second");
    first.restart();
    uses("*first");
    // Over there it has said goodbye: another mud sees that it is gone.
    let other = Gateway::new(daemon, "Beta", &[second.address()]).started();
    other.becomes_ready(true);
    wait_for("the goodbye", || {
        let muds = other.client(Transport::Lines).call("mudlist", &json!({"filter": {"name": "Alpha"}}));
        let alpha = &muds["result"]["muds"][0];
        (alpha["status"] == "down").then_some(())
    });
}
