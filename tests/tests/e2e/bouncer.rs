//! Muds with an I3 client of their own, behind a gateway. Their frames are those that were captured from a CoffeeMud and a
//! Dead Souls.

use crate::client::Transport;
use crate::gateway::Gateway;
use crate::process::{free_port, wait_for};
use crate::programs::Daemon;
use crate::router::{Router, Session};
use i3_tests::vectors::{self, text};
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};

for_both!(
    captured_clients_are_at_home_behind_the_gateway,
    what_came_while_a_mud_was_away_is_there_when_it_is_back_after_a_kill_of_the_gateway_too,
    a_flood_is_told_and_nothing_is_dropped_unsaid,
    who_may_not_log_in_is_told_and_closed,
);

/// The logins as they were captured.
const COFFEEMUD: &str = "coffeemud/client-01-startup-req-3";
const DEAD_SOULS: &str = "dead-souls/dsclient-sent-startup-req-3-firsttime";

/// The password in the login of the Dead Souls.
const FIRST: &str = "1234567890";

/// A gateway for a CoffeeMud and a Dead Souls, and the port where they log in.
fn gateway(daemon: Daemon, router: &Router) -> (Gateway, u16) {
    let port = free_port();
    let gateway = Gateway::new(daemon, "CoffeeTest", &[router.address()]).with(&json!({
        "mud": {"name": "CoffeeTest", "i3": {"allow": ["127.0.0.0/8"], "charset": "latin-1"}},
        "muds": [{"name": "DSClient", "i3": {"allow": ["127.0.0.1"], "late_lines": 5, "admin": "wizard"}}],
        "i3": {"host": "127.0.0.1", "port": port},
    }));
    (gateway.started(), port)
}

/// A captured frame.
fn frame(name: &str) -> Vec<u8> {
    let all = vectors::all();
    let found = all.iter().find(|vector| vector.name == name).unwrap_or_else(|| panic!("no frame {name}"));
    found.bytes.clone()
}

/// A captured frame with other words in it, and without NUL.
fn changed(name: &str, words: &[(&str, &str)]) -> Vec<u8> {
    let mut text = text(&frame(name));
    for (from, to) in words {
        let at = text.windows(from.len()).position(|found| found == from.as_bytes());
        let at = at.unwrap_or_else(|| panic!("{from} is not in {name}"));
        text.splice(at..at + from.len(), to.bytes());
    }
    let mut bytes = (text.len() as u32).to_be_bytes().to_vec();
    bytes.extend(text);
    bytes
}

/// A mud directly at the router, on the channel `chat`.
fn at_router(router: &Router, name: &str) -> Session {
    let mut mud = Session::to(router.port);
    mud.send(&format!(
        r#"({{"startup-req-3",5,"{name}",0,"{}",0,0,0,0,4000,0,0,"l","b","d","LP","open","e",(["channel":1,"tell":1,]),0,}})"#,
        router.name
    ));
    mud.expect("startup-reply");
    mud.send(&format!(r#"({{"channel-listen",5,"{name}",0,"{}",0,"chat",1,}})"#, router.name));
    mud
}

/// Logs a captured mud in. Returns its password.
fn log_in(mud: &mut Session, login: &[u8]) -> i64 {
    mud.send_bytes(login);
    let reply = mud.expect("startup-reply");
    mud.expect("mudlist");
    mud.expect("chanlist-reply");
    assert_eq!(reply[6][0][0], reply[2], "the first router is the one that the mud has asked for");
    reply[7].as_i64().unwrap()
}

/// Waits until a mud at the router sees another mud with this port.
fn wait_for_mud(mud: &mut Session, name: &str, port: i64) {
    loop {
        let list = mud.expect("mudlist");
        let muds = list[7]["map"].as_array().unwrap();
        if muds.iter().any(|mud| mud[0] == name && mud[1][2] == port) {
            return;
        }
    }
}

fn tell(from: &str, user: &str, to: &str, text: &str) -> String {
    format!(r#"({{"tell",5,"{from}","{user}","{to}","jane","{user}","{text}",}})"#)
}

fn captured_clients_are_at_home_behind_the_gateway(daemon: Daemon) {
    let router = Router::start("*test");
    let (gateway, port) = gateway(daemon, &router);
    let mut other = at_router(&router, "TestMudA");
    let mut coffee = Session::to(port);
    let password = log_in(&mut coffee, &frame(COFFEEMUD));
    assert!(password > 0);
    coffee.send_bytes(&changed("coffeemud/client-02-channel-listen", &[("chan0", "chat")]));
    wait_for_mud(&mut other, "CoffeeTest", 15_555);
    let mut souls = Session::to(port);
    log_in(&mut souls, &frame(DEAD_SOULS));
    wait_for_mud(&mut other, "DSClient", 26_666);
    souls.send_bytes(&frame("dead-souls/dsclient-sent-channel-listen"));
    assert_eq!(souls.expect("error")[6], "unk-channel");

    // What the CoffeeMud says. It writes Latin-1, which the others need not read.
    coffee.send_bytes(&changed("coffeemud/client-06-channel-m", &[("chan0", "chat")]));
    let line = other.expect("channel-m");
    assert_eq!((&line[2], &line[8]), (&json!("CoffeeTest"), &json!("hello there it`s me back")));
    coffee.send_bytes(&frame("coffeemud/client-14-tell"));
    let told = other.expect("tell");
    assert_eq!((&told[5], &told[7]), (&json!("JOE"), &json!("caffè ünï")));
    for (sent, kind) in [
        ("client-10-locate-req", "locate-req"),
        ("client-11-who-req", "who-req"),
        ("client-12-finger-req", "finger-req"),
        ("client-15-who-reply", "who-reply"),
        ("client-16-finger-reply", "finger-reply"),
        ("client-17-error", "error"),
        ("client-18-locate-reply", "locate-reply"),
        ("client-19-chan-who-reply", "chan-who-reply"),
        ("client-21-chan-user-reply", "chan-user-reply"),
        ("client-22-auth-mud-reply", "auth-mud-reply"),
    ] {
        coffee.send_bytes(&frame(&format!("coffeemud/{sent}")));
        assert_eq!(other.expect(kind)[2], "CoffeeTest", "{sent}");
    }

    // What it is sent, it can read: no emoteto, no unknown type.
    other.send(r#"({"emoteto",5,"TestMudA","joe","CoffeeTest","joetest","Joe","$N smiles",})"#);
    assert_eq!(coffee.expect("tell")[7], "Joe smiles");
    other.send(r#"({"frobnicate",5,"TestMudA","joe","CoffeeTest","joetest",1,})"#);
    assert_eq!(other.expect("error")[6], "unk-type");

    // The Dead Souls asks itself whether it is on the network. The CoffeeMud tells it something, and asks it for a key.
    souls.send_bytes(&frame("dead-souls/dsclient-sent-auth-mud-req"));
    souls.expect("auth-mud-req");
    coffee.send_bytes(&changed("coffeemud/client-09-tell", &[("TestMudA", "DSClient")]));
    assert_eq!(souls.expect("tell")[2], "CoffeeTest");
    coffee.send(r#"({"auth-mud-req",5,"CoffeeTest",0,"DSClient",0,})"#);
    souls.expect("auth-mud-req");
    souls.send(r#"({"auth-mud-reply",5,"DSClient",0,"CoffeeTest",0,271828,})"#);
    assert_eq!(coffee.expect("auth-mud-reply")[6], 271_828);

    // A CoffeeMud that has lost its password comes back. An operator sees it, and ends its session.
    coffee.send_bytes(&frame("coffeemud/client-03-shutdown"));
    while coffee.next().is_some() {}
    let mut again = Session::to(port);
    assert_eq!(log_in(&mut again, &frame("coffeemud/client-04-startup-req-3")), password);
    let mut console = gateway.client(Transport::Lines);
    let sessions = console.call("sessions", &json!({}));
    let rows = sessions["result"]["sessions"].as_array().unwrap();
    let is_its = |row: &&Json| row["mud_name"] == "CoffeeTest" && row.to_string().contains("\"i3\"");
    let row = rows.iter().find(is_its).unwrap_or_else(|| panic!("{sessions}"));
    console.call("kick", &json!({"session_id": row["session_id"]}));
    assert_eq!(again.expect("error")[6], "not-allowed");
    while again.next().is_some() {}
}

fn what_came_while_a_mud_was_away_is_there_when_it_is_back_after_a_kill_of_the_gateway_too(daemon: Daemon) {
    let router = Router::start("*test");
    let (mut gateway, port) = gateway(daemon, &router);
    let mut other = at_router(&router, "TestMudA");
    let mut souls = Session::to(port);
    let password = log_in(&mut souls, &frame(DEAD_SOULS));
    souls.send(r#"({"channel-listen",5,"DSClient",0,"*dstest",0,"chat",1,})"#);
    wait_for_mud(&mut other, "DSClient", 26_666);
    other.send(&tell("TestMudA", "joe", "DSClient", "zero"));
    assert_eq!(souls.expect("tell")[7], "zero");
    other.send(r#"({"channel-m",5,"TestMudA","joe",0,0,"chat","Joe","line zero",})"#);
    assert_eq!(souls.expect("channel-m")[8], "line zero");
    // It crashes.
    drop(souls);
    std::thread::sleep(Duration::from_secs(2));
    other.send(&tell("TestMudA", "joe", "DSClient", "one"));
    other.send(&tell("TestMudA", "joe", "DSClient", "two"));
    other.send(r#"({"channel-m",5,"TestMudA","joe",0,0,"chat","Joe","line one",})"#);
    other.send(r#"({"who-req",5,"TestMudA","joe","DSClient",0,})"#);
    assert_eq!(other.expect("who-reply")[6], json!([]));
    // The answer comes after the tells, which are saved a moment later.
    std::thread::sleep(Duration::from_secs(2));
    gateway.kill();
    gateway.start();
    let mut souls = Session::to(port);
    souls.send_bytes(&changed(DEAD_SOULS, &[(FIRST, "55")]));
    assert_eq!(souls.expect("error")[6], "not-allowed");
    let mut souls = Session::to(port);
    log_in(&mut souls, &changed(DEAD_SOULS, &[(FIRST, &password.to_string())]));
    for text in ["one", "two"] {
        assert_eq!(souls.expect("tell")[7], text);
    }
    souls.send(r#"({"channel-listen",5,"DSClient",0,"*dstest",0,"chat",1,})"#);
    assert_eq!(souls.expect("channel-m")[8], "line one");
    gateway.becomes_ready(true);
    other.send(&tell("TestMudA", "joe", "DSClient", "three"));
    assert_eq!(souls.expect("tell")[7], "three");
}

fn a_flood_is_told_and_nothing_is_dropped_unsaid(daemon: Daemon) {
    const TELLS: usize = 300;
    let router = Router::start("*test");
    let (_gateway, port) = gateway(daemon, &router);
    let mut other = at_router(&router, "TestMudA");
    let mut souls = Session::to(port);
    log_in(&mut souls, &frame(DEAD_SOULS));
    wait_for_mud(&mut other, "DSClient", 26_666);
    for number in 0..TELLS {
        souls.send(&tell("DSClient", "ann", "TestMudA", &number.to_string()));
    }
    // The last packet is answered after all errors.
    souls.send_bytes(&frame("dead-souls/dsclient-sent-auth-mud-req"));
    let mut told = vec![0; TELLS];
    let number = |text: &Json| -> usize { text.as_str().unwrap().parse().unwrap() };
    loop {
        let packet = i3_tests::wire::strict_lpc(&souls.next().unwrap()).unwrap();
        match packet[0].as_str() {
            Some("error") => {
                assert_eq!((&packet[5], &packet[6]), (&json!("ann"), &json!("not-allowed")), "{packet}");
                told[number(&packet[8][7])] += 1;
            }
            Some("auth-mud-req") => break,
            _ => {}
        }
    }
    let refused: usize = told.iter().sum();
    assert!((1..TELLS).contains(&refused), "{refused}");
    let until = Instant::now() + Duration::from_secs(60);
    while told.contains(&0) && Instant::now() < until {
        told[number(&other.expect("tell")[7])] += 1;
    }
    assert!(told.iter().all(|times| *times == 1), "each is sent or refused, and never both: {told:?}");
}

fn who_may_not_log_in_is_told_and_closed(daemon: Daemon) {
    let router = Router::start("*test");
    let (_gateway, port) = gateway(daemon, &router);
    for (words, code) in [
        (("DSClient", "Stranger"), "not-allowed"),
        (("startup-req-3", "startup-req-9"), "bad-proto"),
        ((FIRST, "\"x\""), "bad-pkt"),
    ] {
        let began = Instant::now();
        let mut mud = Session::to(port);
        mud.send_bytes(&changed(DEAD_SOULS, &[words]));
        assert_eq!(mud.expect("error")[6], code);
        assert!(mud.next().is_none() && began.elapsed() < Duration::from_secs(5));
    }
    // Something else than a mud.
    let mut browser = Session::to(port);
    browser.send_bytes(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(browser.next().is_none());
    // Of two logins the older one ends.
    let mut first = Session::to(port);
    let password = log_in(&mut first, &frame(DEAD_SOULS));
    let mut second = Session::to(port);
    log_in(&mut second, &changed(DEAD_SOULS, &[(FIRST, &password.to_string())]));
    assert_eq!(first.expect("error")[6], "not-allowed");
    wait_for("the end", || first.next().is_none().then_some(()));
    second.send_bytes(&frame("dead-souls/dsclient-sent-auth-mud-req"));
    second.expect("auth-mud-req");
}
