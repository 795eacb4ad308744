//! The client against a small WebSocket server that plays a script.
#![expect(clippy::result_large_err, reason = "the handshake's callback is made so")]

#[path = "shared/patience.rs"]
mod patience;

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use async_tungstenite::tungstenite::http::{Response as HttpResponse, StatusCode};
use futures_lite::stream::StreamExt;
use i3_client::{ClientError, Endpoint, Wanted, call, watch};
use patience::{patiently, until};
use serde_json::{Value, json};
use smol::LocalExecutor;
use smol::net::{TcpListener, TcpStream};
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

type Server = WebSocketStream<TcpStream>;

fn run(test: impl AsyncFnOnce(Rc<LocalExecutor<'static>>, TcpListener, String)) {
    let executor = Rc::new(LocalExecutor::new());
    smol::block_on(executor.run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/ws", listener.local_addr().unwrap());
        patiently("the test", test(executor.clone(), listener, url)).await;
    }));
}

/// Accepts one client, which must show the key `secret`.
async fn accept(listener: &TcpListener) -> Option<Server> {
    let (stream, _) = patiently("a client", listener.accept()).await.unwrap();
    let check = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        let role = request.headers().get("X-I3-Role");
        assert_eq!(role.and_then(|role| role.to_str().ok()), Some("observer"), "a person only looks");
        match request.headers().get("X-API-Key") {
            Some(key) if key == "secret" => Ok(response),
            _ => {
                let mut refusal = HttpResponse::new(Some("no such \u{1b}key".to_owned()));
                *refusal.status_mut() = StatusCode::UNAUTHORIZED;
                Err(refusal)
            }
        }
    };
    async_tungstenite::accept_hdr_async(stream, check).await.ok()
}

async fn request(server: &mut Server) -> Value {
    loop {
        match patiently("a request", server.next()).await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            other => assert!(other.is_pong(), "{other:?}"),
        }
    }
}

async fn send(server: &mut Server, message: &Value) {
    server.send(Message::text(message.to_string())).await.unwrap();
}

async fn answer(server: &mut Server, request: &Value, result: Value) {
    send(server, &json!({"jsonrpc": "2.0", "id": request["id"], "result": result})).await;
}

fn mud_online(name: &str) -> Value {
    json!({"jsonrpc": "2.0", "method": "mud_online",
        "params": {"mud_name": name, "timestamp": "2026-11-23T12:01:07Z"}})
}

/// What is written, readable from outside.
#[derive(Clone, Default)]
struct Screen(Rc<RefCell<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

#[test]
fn a_call_skips_events_and_returns_the_result() {
    run(async |executor, listener, url| {
        let server = executor.spawn(async move {
            let mut server = accept(&listener).await.unwrap();
            let request = request(&mut server).await;
            send(&mut server, &mud_online("Hollow")).await;
            server.send(Message::Ping("?".into())).await.unwrap();
            send(&mut server, &json!({"jsonrpc": "2.0", "id": 7, "result": "somebody else's"})).await;
            answer(&mut server, &request, json!({"status": "sent"})).await;
            // The client answers the ping and says goodbye.
            let mut rest = Vec::new();
            while let Some(Ok(message)) = server.next().await {
                rest.push(message);
            }
            assert!(rest[0].is_pong() && rest[1].is_close(), "{rest:?}");
            request
        });
        let params = json!({"target_mud": "Hollow", "message": "hi"});
        let result = call(Endpoint::new(&url, Some("secret")), "tell", params.clone()).await.unwrap();
        assert_eq!(result, json!({"status": "sent"}));
        assert_eq!(server.await, json!({"jsonrpc": "2.0", "id": 1, "method": "tell", "params": params}));
    });
}

#[test]
fn each_failure_of_a_call_has_its_kind() {
    run(async |executor, listener, url| {
        let server = executor.spawn(async move {
            assert!(accept(&listener).await.is_none());
            let mut server = accept(&listener).await.unwrap();
            let request = request(&mut server).await;
            assert_eq!(request.get("params"), None);
            let error = json!({"code": -32002, "message": "no\u{1b}pe", "data": {"needs": "admin"}});
            send(&mut server, &json!({"jsonrpc": "2.0", "id": null, "error": error})).await;
            let mut server = accept(&listener).await.unwrap();
            server.close(None).await.unwrap();
            let mut server = accept(&listener).await.unwrap();
            server.send(Message::text("no JSON")).await.unwrap();
            drop(server);
            // No WebSocket at all.
            drop(listener.accept().await.unwrap());
        });
        let error = call(Endpoint::new(&url, Some("wrong")), "status", Value::Null).await.unwrap_err();
        assert!(matches!(error, ClientError::Refused { status: 401, .. }), "{error:?}");
        assert!(error.to_string().contains("API key"));
        match call(Endpoint::new(&url, Some("secret")), "sessions", Value::Null).await.unwrap_err() {
            ClientError::Rpc { code, message, data } => {
                assert_eq!((code, message.as_str()), (-32002, "no\\u{1b}pe"));
                assert_eq!(data, json!({"needs": "admin"}));
            }
            error => panic!("{error:?}"),
        }
        for _ in 0..2 {
            let error = call(Endpoint::new(&url, Some("secret")), "status", Value::Null).await.unwrap_err();
            assert!(matches!(error, ClientError::Lost(_)), "{error:?}");
        }
        let error = call(Endpoint::new(&url, Some("secret")), "status", Value::Null).await.unwrap_err();
        assert!(matches!(error, ClientError::Connect(_)), "{error:?}");
        server.await;
        // The listener is gone.
        let error = call(Endpoint::new(&url, Some("secret")), "status", Value::Null).await.unwrap_err();
        assert!(matches!(error, ClientError::Connect(_)), "{error:?}");
    });
}

#[test]
fn a_watch_joins_all_channels_and_prints_what_happens() {
    run(async |executor, listener, url| {
        let screen = Screen::default();
        let mut out = screen.clone();
        let _watching = executor.spawn(async move {
            watch(Endpoint::new(&url, Some("secret")), Wanted::Channels(&[]), &mut out).await
        });
        let mut server = accept(&listener).await.unwrap();
        let list = request(&mut server).await;
        assert_eq!(list["method"], "channel_list");
        send(&mut server, &mud_online("Early")).await;
        answer(
            &mut server,
            &list,
            json!({"channels": [{"name": "chat"}, {"name": "closed"}, {"name": "code"}]}),
        )
        .await;

        let join = request(&mut server).await;
        assert_eq!(join["params"], json!({"channel": "chat", "listen_only": true}));
        // Too fast: the same is asked again.
        let limit = json!({"code": -32001, "message": "slow down", "data": {"retry_after_ms": 1}});
        send(&mut server, &json!({"jsonrpc": "2.0", "id": join["id"], "error": limit})).await;
        let join = request(&mut server).await;
        assert_eq!(join["params"]["channel"], "chat");
        answer(&mut server, &join, json!({"status": "joined"})).await;
        let join = request(&mut server).await;
        let error = json!({"code": -32002, "message": "not for you"});
        send(&mut server, &json!({"jsonrpc": "2.0", "id": join["id"], "error": error})).await;
        let join = request(&mut server).await;
        assert_eq!(join["params"]["channel"], "code");
        answer(&mut server, &join, json!({"status": "joined"})).await;

        let params = json!({"channel": "chat", "visname": "Sage", "from_mud": "Hollow",
            "message": "%^RED%^hi\u{1b}[2J", "timestamp": "2026-11-23T12:01:09.5Z"});
        send(&mut server, &json!({"jsonrpc": "2.0", "method": "channel_message", "params": params})).await;
        until("the line", || screen.text().contains("Sage")).await;
        assert_eq!(
            screen.text(),
            "12:01:07 Early is online\n\
             -- cannot join closed: the gateway answered with error -32002: not for you\n\
             -- listening to 2 channels\n\
             12:01:09 [chat] Sage@Hollow: hi\\u{1b}[2J\n"
        );
    });
}

#[test]
fn a_watch_shows_packets_to_who_may_see_them() {
    run(async |executor, listener, url| {
        let screen = Screen::default();
        let mut out = screen.clone();
        let watching = executor.spawn(async move {
            watch(Endpoint::new(&url, Some("secret")), Wanted::Packets, &mut out).await
        });
        let mut server = accept(&listener).await.unwrap();
        let trace = request(&mut server).await;
        assert_eq!(trace["method"], "trace");
        answer(&mut server, &trace, json!({"status": "tracing"})).await;
        let params = json!({"direction": "received", "mud_name": "Here", "router": "*net", "packet": "({1,})",
            "timestamp": "2026-11-23T12:01:09.5Z"});
        send(&mut server, &json!({"jsonrpc": "2.0", "method": "packet_trace", "params": params})).await;
        until("the packet", || screen.text().contains("({1,})")).await;
        assert_eq!(screen.text(), "-- showing packets\n12:01:09 Here <- *net ({1,})\n");
        server.close(None).await.unwrap();
        drop(server);
        // Meanwhile the key has lost the permission: it is no use to ask again and again.
        let mut server = accept(&listener).await.unwrap();
        let trace = request(&mut server).await;
        let error = json!({"code": -32002, "message": "not for you"});
        send(&mut server, &json!({"jsonrpc": "2.0", "id": trace["id"], "error": error})).await;
        assert!(matches!(watching.await, Err(ClientError::Rpc { code: -32002, .. })));
    });
}

#[test]
fn a_watch_comes_back_and_ends_when_the_key_is_refused() {
    run(async |executor, listener, url| {
        let screen = Screen::default();
        let mut out = screen.clone();
        let watching = executor.spawn(async move {
            let channels = ["chat".to_owned()];
            watch(Endpoint::new(&url, Some("secret")), Wanted::Channels(&channels), &mut out).await
        });
        for _ in 0..2 {
            let mut server = accept(&listener).await.unwrap();
            let join = request(&mut server).await;
            assert_eq!(join["params"]["channel"], "chat");
            answer(&mut server, &join, json!({"status": "joined"})).await;
            server.close(None).await.unwrap();
        }
        // The third time the key is not accepted any more.
        let (stream, _) = listener.accept().await.unwrap();
        let refuse = |_: &Request, _: Response| {
            let mut refusal = HttpResponse::new(None);
            *refusal.status_mut() = StatusCode::UNAUTHORIZED;
            Err(refusal)
        };
        let _ = async_tungstenite::accept_hdr_async(stream, refuse).await;
        assert!(matches!(watching.await, Err(ClientError::Refused { status: 401, .. })));
        let turn = "-- listening to 1 channel\n\
                    -- the connection ended: closed by the gateway; connecting again in 2 s\n";
        assert_eq!(screen.text(), format!("{turn}-- connected again\n{turn}"));
    });
}

#[test]
fn a_watch_without_a_gateway_or_without_an_output_ends() {
    run(async |executor, listener, url| {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let to = url.clone();
        let watching = executor.spawn(async move {
            watch(Endpoint::new(&to, Some("secret")), Wanted::Channels(&[]), &mut Closed).await
        });
        let mut server = accept(&listener).await.unwrap();
        request(&mut server).await;
        send(&mut server, &mud_online("Hollow")).await;
        assert!(matches!(watching.await, Err(ClientError::Output(_))));
        drop((server, listener));
        let error = watch(Endpoint::new(&url, None), Wanted::Channels(&[]), &mut Closed).await.unwrap_err();
        assert!(matches!(error, ClientError::Connect(_)), "{error:?}");
    });
}
