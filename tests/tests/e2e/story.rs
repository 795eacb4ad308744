//! The log as the story of a day: each thing is told once at INFO, with names instead of keys.

use crate::client::{Client, Transport};
use crate::gateway::Gateway;
use crate::programs::Daemon;
use crate::router::Played;
use serde_json::json;

for_both!(the_log_tells_the_story_of_a_day, requests_are_logged_without_their_texts);

fn keys() -> serde_json::Value {
    json!([
        {"name": "forest", "key": "the-key-of-the-forest", "permissions": ["*"]},
        {"name": "web", "key": "the-key-of-the-page", "permissions": ["info"]},
    ])
}

fn the_log_tells_the_story_of_a_day(daemon: Daemon) {
    let router = Played::listen();
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()])
        .with(&json!({"logging": {"level": "INFO"}, "api": {"auth": {"api_keys": keys()}}}))
        .started();
    let address = format!("address=\"127.0.0.1 {}\"", router.port);
    gateway.logs(&format!("connecting to the router mud=Alpha router=*net {address}"));
    let (mut link, _) = router.log_in(7);
    link.lists();
    gateway.becomes_ready(true);
    gateway.logs("INFO  link: logged in mud=Alpha router=*net");

    // Games on both transports; each is told of once, whatever they say.
    let came = |client: &str, door: &str| {
        format!(
            "INFO  api: game connected key=forest mud=Alpha client={client} door={door} address=127.0.0.1"
        )
    };
    let mut games = Vec::new();
    for (transport, client, door) in
        [(Transport::Lines, "lines", "tcp"), (Transport::WebSocket, "socket", "websocket")]
    {
        let mut game = Client::connect(transport, gateway.port(transport));
        let key = json!({"api_key": "the-key-of-the-forest", "client": client});
        game.result("authenticate", &key, &json!({"status": "authenticated"}));
        for _ in 0..3 {
            game.result("channel_send", &json!(["chat", "a secret text"]), &json!({"status": "sent"}));
        }
        gateway.logs_times(&came(client, door), 1);
        games.push(game);
    }
    drop(games.remove(0));
    gateway.logs("INFO  api: game left key=forest mud=Alpha client=lines door=tcp address=127.0.0.1 reason=");

    // A stranger is refused.
    let mut stranger = Client::connect(Transport::Lines, gateway.lines);
    assert_eq!(stranger.call("authenticate", &json!(["not-a-key"]))["error"]["code"], -32000);
    gateway.logs("wrong API key address=127.0.0.1");

    // A key goes away with a reload, and its session with it.
    gateway.set(&json!({"api": {"auth": {"api_keys": [keys()[1]]}}}));
    let _ = gateway.command();
    gateway.signal("HUP");
    gateway.logs("INFO  gateway: a key was removed key=forest mud=Alpha");
    gateway.logs("client=socket door=websocket address=127.0.0.1 reason=\"the key is no longer valid\"");

    // The router goes, and the next try is named.
    drop(link);
    gateway.logs("router link failed mud=Alpha router=*net");
    gateway.logs("next_attempt=");
    let (_link, _) = router.log_in(7);
    gateway.becomes_ready(true);
    gateway.logs_times("logged in mud=Alpha", 2);
    gateway.signal("TERM");
    assert!(gateway.end().success());
    gateway.logs("INFO  link: left the router mud=Alpha router=*net reason=\"the gateway stops\"");
    let log = gateway.log();
    for secret in ["the-key-of", "a secret text", "not-a-key", &gateway.key()] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
    assert!(!log.contains("api: request"), "no line for each request:\n{log}");
    gateway.logs_times("game connected", 2);
}

fn requests_are_logged_without_their_texts(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()])
        .with(&json!({"api": {"auth": {"api_keys": keys()}}}))
        .started();
    let (_link, _) = router.log_in(7);
    gateway.becomes_ready(true);
    let mut page = Client::connect(Transport::WebSocket, gateway.http);
    let key = json!({"api_key": "the-key-of-the-page", "role": "observer", "client": "page"});
    page.result("authenticate", &key, &json!({"status": "authenticated"}));
    page.call("tell", &json!(["Sage", "bob", "a secret text"]));
    page.result("ping", &json!({}), &json!({"pong": true}));
    gateway.logs("DEBUG api: observer connected key=web mud=Alpha client=page");
    let request = |method: &str, outcome: &str| {
        format!(
            "DEBUG api: request method={method} outcome={outcome} key=web client=page door=websocket address=127.0.0.1"
        )
    };
    gateway.logs(&request("authenticate", "ok"));
    gateway.logs(&request("tell", "not_permitted"));
    gateway.logs(&request("ping", "ok"));
    let waits = page.call("who", &json!({"target_mud": "Alpha", "wait": true, "timeout": 1}));
    assert!(waits.get("error").is_some() || waits.get("result").is_some());
    gateway.logs("request method=who outcome=");
    let log = gateway.log();
    for secret in ["the-key-of", "a secret text"] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}
