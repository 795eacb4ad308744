//! Both drivers against a gateway that plays a script, over real sockets.
#![allow(clippy::needless_pass_by_value, reason = "what is made for one call is passed as it is")]
#![cfg(all(feature = "blocking", feature = "smol"))]

use i3_client::requests::{Status, Tell};
use i3_client::{Error, Happening, Options, Refusal, Retry, Role, blocking, smol as on_smol};
use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;
use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::http::{Response as HttpResponse, StatusCode};
use tungstenite::{Message, WebSocket};

type Server = WebSocket<TcpStream>;

const WAIT: Duration = Duration::from_secs(20);

/// A gateway that plays this script on a thread, and the options for it.
fn gateway<T: Send + 'static>(
    script: impl FnOnce(TcpListener) -> T + Send + 'static,
) -> (Options, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/ws", listener.local_addr().unwrap());
    let options = Options {
        key: Some("secret".to_owned()),
        role: Role::Observer,
        retry: Retry::OnceConnected,
        retry_first: Duration::from_millis(50),
        ..Options::new(url)
    };
    (options, std::thread::spawn(move || script(listener)))
}

#[expect(clippy::result_large_err, reason = "the handshake's callback is made so")]
fn accept(listener: &TcpListener) -> Server {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    let check = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        let role = request.headers().get("X-I3-Role");
        assert_eq!(role.and_then(|role| role.to_str().ok()), Some("observer"));
        assert!(request.headers().get("X-API-Key").is_none(), "the key comes with authenticate");
        Ok(response)
    };
    tungstenite::accept_hdr(stream, check).unwrap()
}

fn request(server: &mut Server) -> Value {
    loop {
        match server.read().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            other => assert!(other.is_pong(), "{other:?}"),
        }
    }
}

fn send(server: &mut Server, message: &Value) {
    server.send(Message::text(message.to_string())).unwrap();
}

fn answer(server: &mut Server, request: &Value, result: Value) {
    send(server, &json!({"jsonrpc": "2.0", "id": request["id"], "result": result}));
}

/// Accepts a client that shows its key.
fn enter(listener: &TcpListener) -> Server {
    let mut server = accept(listener);
    let request = request(&mut server);
    assert_eq!(request["method"], "authenticate");
    assert_eq!(request["params"]["api_key"], "secret");
    answer(&mut server, &request, json!({"status": "authenticated", "mud_name": "Alpha", "session_id": "s"}));
    server
}

fn mud_online(name: &str, id: u64) -> Value {
    json!({"jsonrpc": "2.0", "method": "mud_online", "params": {"mud_name": name, "status": "online", "info": null,
        "timestamp": "2026-11-23T12:01:07Z", "event_id": id}})
}

/// A tell is answered, an event comes before its answer, the connection is lost, and comes back.
fn conversation(listener: TcpListener) -> (Value, bool) {
    let mut server = enter(&listener);
    let tell = request(&mut server);
    send(&mut server, &mud_online("Hollow", 1));
    server.send(Message::Ping("?".into())).unwrap();
    send(&mut server, &json!({"jsonrpc": "2.0", "id": 7777, "result": "somebody else's"}));
    answer(&mut server, &tell, json!({"status": "sent", "message_id": "m-1"}));
    server.close(None).unwrap();
    while server.read().is_ok() {}
    drop(server);
    let mut server = enter(&listener);
    send(&mut server, &mud_online("Sage", 2));
    // The client says goodbye.
    let ended = loop {
        match server.read() {
            Ok(message) if message.is_close() => break true,
            Ok(_) => {}
            Err(_) => break false,
        }
    };
    (tell, ended)
}

fn tell() -> Tell {
    Tell {
        target_mud: "Hollow".to_owned(),
        target_user: "sage".to_owned(),
        message: "hi".to_owned(),
        ..Tell::default()
    }
}

const TOLD: &str = r#"{"target_mud":"Hollow","target_user":"sage","message":"hi"}"#;

#[test]
fn the_blocking_driver_calls_reads_and_comes_back() {
    let (options, server) = gateway(conversation);
    let mut client = blocking::Client::connect(options).unwrap();
    assert_eq!(client.session().unwrap().mud_name, "Alpha");
    assert_eq!(client.call(&tell()).unwrap().status, "sent");
    let names: Vec<String> =
        (0..2).map(|_| client.next(Some(WAIT)).unwrap().unwrap().params["mud_name"].to_string()).collect();
    assert_eq!(names, ["\"Hollow\"", "\"Sage\""]);
    assert_eq!(client.next(Some(Duration::from_millis(50))).unwrap(), None);
    client.close();
    let (told, ended) = server.join().unwrap();
    assert_eq!(told["params"], serde_json::from_str::<Value>(TOLD).unwrap());
    assert!(ended);
}

#[test]
fn the_smol_driver_calls_reads_and_comes_back() {
    let (options, server) = gateway(conversation);
    let (client, mut happenings, driver) = on_smol::client(options).unwrap();
    let executor = smol::LocalExecutor::new();
    let carried = executor.spawn(driver.run());
    smol::block_on(executor.run(async {
        assert!(matches!(happenings.next().await, Some(Happening::Connected(_))));
        assert_eq!(client.call(&tell()).await.unwrap().status, "sent");
        let mut names = Vec::new();
        for _ in 0..2 {
            names.push(happenings.next_event().await.unwrap().params["mud_name"].to_string());
        }
        assert_eq!(names, ["\"Hollow\"", "\"Sage\""]);
        client.stop().await;
        while happenings.next().await.is_some() {}
        assert_eq!(client.call(&Status::default()).await.err(), Some(Error::Stopped));
        carried.await;
    }));
    let (told, ended) = server.join().unwrap();
    assert!(told["method"] == "tell" && ended);
}

#[test]
fn each_failure_has_its_kind() {
    let (options, server) = gateway(|listener| {
        let mut server = accept(&listener);
        let asked = request(&mut server);
        let error = json!({"code": -32000, "message": "Invalid \u{1b}key"});
        send(&mut server, &json!({"jsonrpc": "2.0", "id": asked["id"], "error": error}));
        while server.read().is_ok() {}
        // An HTTP error instead of an upgrade.
        #[expect(clippy::result_large_err, reason = "the handshake's callback is made so")]
        let refuse = |_: &Request, _: Response| {
            let mut refusal =
                HttpResponse::new(Some("{\"error\":\"this address is not allowed\"}".to_owned()));
            *refusal.status_mut() = StatusCode::FORBIDDEN;
            Err(refusal)
        };
        assert!(tungstenite::accept_hdr(listener.accept().unwrap().0, refuse).is_err());
        // No WebSocket at all.
        drop(listener.accept().unwrap());
        let mut server = enter(&listener);
        let asked = request(&mut server);
        let error = json!({"code": -32002, "message": "no", "data": {"needs": "admin"}});
        send(&mut server, &json!({"jsonrpc": "2.0", "id": asked["id"], "error": error}));
        server.send(Message::text("no JSON")).unwrap();
        while server.read().is_ok() {}
    });
    let connect = || blocking::Client::connect(options.clone()).map(drop).unwrap_err();
    assert_eq!(connect(), Error::Key("Invalid \\u{1b}key".to_owned()));
    let text = "this address is not allowed".to_owned();
    assert_eq!(connect(), Error::Http { status: 403, text });
    let error = connect();
    assert!(matches!(error, Error::Connect(_) | Error::Lost(_)), "{error:?}");
    let mut client = blocking::Client::connect(Options { retry: Retry::Never, ..options.clone() }).unwrap();
    let error = client.call_raw("sessions", json!({}), WAIT).unwrap_err();
    assert!(matches!(error, Error::Refused(Refusal { code: -32002, .. })), "{error:?}");
    let error = client.next(Some(WAIT)).unwrap_err();
    assert!(matches!(error, Error::Lost(_)), "{error:?}");
    drop(client);
    server.join().unwrap();
    // The listener is gone.
    let error = connect();
    assert!(matches!(error, Error::Connect(_)), "{error:?}");
}

#[test]
fn the_code_of_the_readme_is_the_example() {
    let readme = include_str!("../README.md");
    let code = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(code.lines().count() <= 10, "{code}");
    assert!(include_str!("../examples/smallest.rs").ends_with(&format!("\n\n{code}")), "{code}");
    assert_eq!(readme.matches("```rust\n").count(), 1);
    assert!(readme.starts_with("```sh\n"), "it begins with the command");
}
