//! A client that sends no more gets the answers that it waits for: through TLS and without it, on both transports.

use super::*;
use crate::client::Received;
use crate::router::Session;
use std::net::Shutdown;
use std::sync::{Mutex, PoisonError};

for_both!(who_sends_no_more_gets_its_answers, who_sends_no_more_and_waits_for_nothing_is_closed);

/// How a client says that it sends no more.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Says {
    /// The end of the stream of a client without TLS.
    PlainEnd,
    /// close_notify, and no end of the stream.
    Goodbye,
    /// close_notify, and the end of the stream.
    GoodbyeAndEnd,
    /// The end of the stream alone.
    End,
}

/// A TLS stream of which the test keeps a handle.
#[derive(Clone)]
struct Kept(Arc<Mutex<TlsStream>>);

impl Kept {
    fn with<T>(&self, act: impl FnOnce(&mut TlsStream) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Read for Kept {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.with(|stream| stream.read(into))
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(Write::flush)
    }
}

/// A client that has shown its key, and the stream through which it says goodbye.
fn game(gateway: &Gateway, tls: Option<&TlsClient>, transport: Transport) -> (Client, Option<Kept>) {
    let Some(tls) = tls else { return (gateway.client(transport), None) };
    let stream = tls.stream(gateway.port(transport));
    let socket = stream.sock.try_clone().unwrap();
    let kept = Kept(Arc::new(Mutex::new(stream)));
    let mut client = Client::over_wire(transport, socket, Box::new(kept.clone())).begun();
    client.result("authenticate", &json!([gateway.key()]), &json!({"status": "authenticated"}));
    (client, Some(kept))
}

fn half_close(client: &Client, kept: Option<&Kept>, says: Says) {
    if let Some(kept) = kept.filter(|_| matches!(says, Says::Goodbye | Says::GoodbyeAndEnd)) {
        kept.with(|stream| {
            stream.conn.send_close_notify();
            stream.flush().unwrap();
        });
    }
    if says != Says::Goodbye {
        client.stream.shutdown(Shutdown::Write).unwrap();
    }
}

fn serving_a_network(daemon: Daemon, with_tls: bool) -> (Gateway, TlsClient, Played, Session) {
    let authority = Authority::new();
    let router = Played::listen();
    let more = json!({"api": {"tls": {"enabled": with_tls}}});
    let gateway = serving_with(daemon, &authority, router.address(), &more).started();
    let (mut link, _) = router.log_in(7);
    link.lists();
    (gateway, authority.client(), router, link)
}

fn who_sends_no_more_gets_its_answers(daemon: Daemon) {
    for with_tls in [false, true] {
        let (gateway, client, _router, mut link) = serving_a_network(daemon, with_tls);
        let versions = if with_tls { vec![Some(&version::TLS12), Some(&version::TLS13)] } else { vec![None] };
        let ways: &[Says] =
            if with_tls { &[Says::Goodbye, Says::GoodbyeAndEnd, Says::End] } else { &[Says::PlainEnd] };
        for (version, says) in
            versions.iter().flat_map(|version| ways.iter().map(move |says| (version, *says)))
        {
            let tls = version.map(|version| TlsClient { versions: vec![version], ..client.clone() });
            for transport in TRANSPORTS {
                let (mut game, kept) = game(&gateway, tls.as_ref(), transport);
                wait_for("the link", || {
                    (game.call("status", &json!({}))["result"]["connected"] == true).then_some(())
                });
                let who = |id: &str| {
                    json!({"jsonrpc": "2.0", "id": id, "method": "who",
                           "params": {"target_mud": "Sage", "from_user": "Ann", "wait": true}})
                };
                // A question that waits for another mud, alone and in a batch.
                game.send(&who("alone").to_string());
                game.send(
                    &json!([who("batch"), {"jsonrpc": "2.0", "id": "ping", "method": "ping"}]).to_string(),
                );
                for _ in 0..2 {
                    link.expect("who-req");
                }
                half_close(&game, kept.as_ref(), says);
                // The gateway has seen the end by then, in most runs.
                std::thread::sleep(std::time::Duration::from_millis(50));
                link.send(r#"({"who-reply",5,"Sage",0,"Alpha","Ann",({({"Bob",7,"",}),}),})"#);
                let received = game.rest();
                let has = |id: &str| {
                    let id = format!("\"id\":\"{id}\"");
                    received.iter().any(|one| matches!(one, Received::Text(text) if text.contains(&id)))
                };
                assert!(
                    has("alone") && has("batch") && has("ping"),
                    "{daemon:?} {version:?} {says:?} {transport:?}: {received:?}"
                );
            }
        }
    }
}

fn who_sends_no_more_and_waits_for_nothing_is_closed(daemon: Daemon) {
    let (gateway, client, _router, _link) = serving_a_network(daemon, true);
    for says in [Says::Goodbye, Says::GoodbyeAndEnd, Says::End] {
        for transport in TRANSPORTS {
            let (mut game, kept) = game(&gateway, Some(&client), transport);
            half_close(&game, kept.as_ref(), says);
            game.rest();
        }
    }
}
