//! `clients/rust` against both daemons, on both transports.

use crate::client::Transport;
use crate::gateway::Gateway;
use crate::process::{Process, wait_for};
use crate::programs::Daemon;
use crate::router::{Played, Router};
use i3_client::blocking::Client;
use i3_client::events::Kind;
use i3_client::requests::{ChannelSend, Status, Tell};
use i3_client::{Error, Happening, Options};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

for_both!(
    a_game_talks_and_gets_what_it_has_missed,
    a_client_comes_back_to_a_gateway_that_was_restarted,
    the_example_of_the_readme_prints_what_is_said,
);

const WAIT: Option<Duration> = Some(Duration::from_secs(30));

fn url(gateway: &Gateway, transport: Transport) -> String {
    match transport {
        Transport::Lines => format!("tcp://127.0.0.1:{}", gateway.lines),
        Transport::WebSocket => format!("ws://127.0.0.1:{}/ws", gateway.http),
    }
}

fn options(gateway: &Gateway, transport: Transport, client: &str) -> Options {
    Options {
        key: Some(gateway.key()),
        client: Some(client.to_owned()),
        retry_first: Duration::from_millis(200),
        ..Options::new(url(gateway, transport))
    }
}

/// The message of the next tell.
fn next_tell(client: &mut Client) -> String {
    loop {
        let event = client.next(WAIT).unwrap().expect("an event");
        if let Kind::TellReceived(tell) = event.kind() {
            return tell.message;
        }
    }
}

fn a_game_talks_and_gets_what_it_has_missed(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let (mut link, _) = router.log_in(7);
    link.lists();
    gateway.becomes_ready(true);
    for transport in crate::client::TRANSPORTS {
        let name = format!("{transport:?}");
        let mut client = Client::connect(options(&gateway, transport, &name)).unwrap();
        assert_eq!(client.session().unwrap().mud_name, "Alpha");
        assert!(client.call(&Status::default()).unwrap().connected);
        let tell = Tell {
            target_mud: "Sage".to_owned(),
            target_user: "bob".to_owned(),
            message: "hi é 日本".to_owned(),
            ..Tell::default()
        };
        assert_eq!(client.call(&tell).unwrap().status, "sent");
        assert_eq!(link.expect("tell")[7], "hi é 日本");
        client.join("chat").unwrap();
        let line =
            ChannelSend { channel: "chat".to_owned(), message: "all".to_owned(), ..ChannelSend::default() };
        client.call(&line).unwrap();
        assert_eq!(link.expect("channel-m")[8], "all");
        link.send(r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","one",})"#);
        assert_eq!(next_tell(&mut client), "one");
        // What comes while it is away it gets once, and not again.
        client.close();
        link.send(r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","two",})"#);
        let kept = || {
            gateway
                .get("/metrics")
                .lines()
                .any(|line| line.starts_with("api_events_kept ") && !line.ends_with(" 0.0"))
        };
        wait_for("the tell to be kept", || kept().then_some(()));
        let mut client = Client::connect(options(&gateway, transport, &name)).unwrap();
        assert_eq!(next_tell(&mut client), "two");
        link.send(r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","three",})"#);
        assert_eq!(next_tell(&mut client), "three");
        client.close();
        // What it has acknowledged at last has come when the gateway has seen its end.
        let has_ended = || gateway.get("/health").contains(r#""active_sessions":0"#);
        wait_for("the session to end", || has_ended().then_some(()));
        // What an earlier client of the loop has not been given is no matter here.
        let mut client = Client::connect(options(&gateway, transport, &name)).unwrap();
        link.send(r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","four",})"#);
        assert_eq!(next_tell(&mut client), "four", "what was acknowledged does not come again");
        client.close();
    }
    let wrong = Options { key: Some("a wrong key".to_owned()), ..options(&gateway, Transport::Lines, "x") };
    assert!(matches!(Client::connect(wrong), Err(Error::Key(_))));
}

fn a_client_comes_back_to_a_gateway_that_was_restarted(daemon: Daemon) {
    let router = Router::start("*test");
    let mut gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    gateway.becomes_ready(true);
    let transport = Transport::WebSocket;
    let with_channel = Options { channels: vec!["chat".to_owned()], ..options(&gateway, transport, "game") };
    let mut client = Client::connect(with_channel).unwrap();
    let joined = |client: &mut Client| loop {
        if let Some(Happening::Joined { channels }) = client.next_happening(WAIT).unwrap() {
            return channels;
        }
    };
    assert_eq!(joined(&mut client), 1);
    gateway.signal("TERM");
    assert!(gateway.end().success());
    gateway.start();
    gateway.becomes_ready(true);
    assert_eq!(joined(&mut client), 1, "the channel is joined again");
    assert_eq!(client.call_raw("ping", json!({}), Duration::from_secs(30)).unwrap()["pong"], true);
    client.close();
}

/// The example as cargo builds it for the tests.
fn example() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "-q", "-p", "i3-client", "--example", "watch"]);
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let folder = std::env::current_exe().unwrap();
    let folder = folder.ancestors().nth(2).unwrap().to_owned();
    let built = folder.join("examples/watch");
    // `cargo test --workspace` has built it already.
    if !built.exists() {
        assert!(cargo.status().unwrap().success(), "the example could not be built");
    }
    built
}

fn the_example_of_the_readme_prints_what_is_said(daemon: Daemon) {
    // Before the link: while it is built nobody answers for the router.
    let built = example();
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    let (mut link, _) = router.log_in(7);
    link.lists();
    gateway.becomes_ready(true);
    let lines = [("I3_GATEWAY_HOST", "127.0.0.1".to_owned()), ("I3_GATEWAY_PORT", gateway.lines.to_string())];
    let socket =
        [("I3_GATEWAY_URL", url(&gateway, Transport::WebSocket)), ("I3_MUD_NAME", "Alpha".to_owned())];
    for place in [lines, socket] {
        let mut command = Command::new(&built);
        command.env_clear().env("I3_API_KEY", gateway.key()).envs(place).stdout(Stdio::piped());
        let mut example = Process(command.spawn().unwrap());
        let mut printed = BufReader::new(example.0.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert_eq!(printed.next().unwrap(), "-- connected for Alpha; listening to 1 channels");
        wait_for("the channel to be joined", || {
            let sessions = gateway.client(Transport::Lines).call("sessions", &json!({}));
            let rows = sessions["result"]["sessions"].as_array().unwrap().clone();
            let is_in = rows.iter().any(|row| row["client"] == "example-rust-watch" && row["channels"] == 1);
            is_in.then_some(())
        });
        link.send(r#"({"channel-m",5,"Sage","bob",0,0,"chat","Bob","%^RED%^to all",})"#);
        assert_eq!(printed.next().unwrap(), "[chat] Bob@Sage: to all");
        link.send(r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","psst",})"#);
        assert_eq!(printed.next().unwrap(), "Bob@Sage tells ann: psst");
        // What it has printed is acknowledged, so the next one does not print it again.
        let before = gateway.logged("method=ack outcome=ok");
        link.send(r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","last",})"#);
        assert_eq!(printed.next().unwrap(), "Bob@Sage tells ann: last");
        wait_for("the acknowledgement", || (gateway.logged("method=ack outcome=ok") > before).then_some(()));
        std::thread::sleep(Duration::from_secs(1));
        // A job in the background of a shell ignores INT.
        example.signal("TERM");
        example.end();
    }
}
