//! The demo muds, in front of the router.

use crate::world::{secs, settings, startup};
use i3_core::machine::{ConnId, Input, Listener, LostBy, Machine, Output, Refused, Saved, settle};
use i3_core::time::{Instant, Now, UnixTime};
use i3_router::{DemoMuds, Router, RouterSettings};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

const CHANNELS: [&str; 2] = ["demo_chat", "demo_code"];

/// The router, the demo muds, and one mud made by hand, with pipes between them.
struct Net {
    router: Router,
    demo: DemoMuds,
    now: Now,
    /// The demo's connection for each of the router's, and the other way round.
    to_demo: BTreeMap<ConnId, ConnId>,
    to_router: BTreeMap<ConnId, ConnId>,
    hand: Option<ConnId>,
    heard: Vec<u8>,
    /// Whether nobody listens at the router's address.
    down: bool,
    dials: u32,
    stopped: bool,
}

impl Net {
    fn new(seed: u64) -> Net {
        let channels = CHANNELS.map(|name| (name.to_owned(), 0)).to_vec();
        let now = Now { mono: Instant::ORIGIN, unix: UnixTime::from_micros(1_795_401_856_000_000) };
        let settings = RouterSettings { channels, ..settings() };
        let (to_demo, to_router, heard) = Default::default();
        Net {
            router: Router::new(settings, Saved::default(), seed, now),
            demo: DemoMuds::new(DemoMuds::trio(), "*dstest", "127.0.0.1", 28080, seed, now),
            now,
            to_demo,
            to_router,
            hand: None,
            heard,
            down: false,
            dials: 0,
            stopped: false,
        }
    }

    /// Carries out what either machine wants until neither wants anything; says when to come back.
    fn settle(&mut self) -> Option<Instant> {
        loop {
            let (mut from_router, mut from_demo) = (Vec::new(), Vec::new());
            let router_next =
                settle(&mut self.router, self.now, |router, output| from_router.push(taken(router, output)));
            let demo_next =
                settle(&mut self.demo, self.now, |demo, output| from_demo.push(taken(demo, output)));
            if from_router.is_empty() && from_demo.is_empty() {
                return [router_next.map(|(at, _)| at), demo_next.map(|(at, _)| at)]
                    .into_iter()
                    .flatten()
                    .min();
            }
            from_router.into_iter().for_each(|(output, bytes)| self.router_does(output, &bytes));
            from_demo.into_iter().for_each(|(output, bytes)| self.demo_does(output, &bytes));
        }
    }

    fn router_does(&mut self, output: Output, bytes: &[u8]) {
        match output {
            Output::Write { conn } => {
                match self.to_demo.get(&conn) {
                    Some(&conn) => self.demo.handle(self.now, Input::Received { conn, bytes }),
                    None => self.heard.extend_from_slice(bytes),
                }
                self.router.handle(self.now, Input::Flushed { conn });
            }
            Output::Close { conn } => {
                if let Some(conn) = self.to_demo.remove(&conn) {
                    self.to_router.remove(&conn);
                    self.demo.handle(self.now, Input::Lost { conn, by: LostBy::EndOfStream });
                }
            }
            Output::Save { ticket, .. } => {
                self.router.handle(self.now, Input::Saved { ticket, outcome: Ok(()) });
            }
            Output::Notice(_) | Output::LogLevel(_) | Output::Stopped => {}
            other => panic!("a router does not {other:?}"),
        }
    }

    fn demo_does(&mut self, output: Output, bytes: &[u8]) {
        match output {
            Output::Dial { conn, host, port } => {
                assert_eq!((&*host, port), ("127.0.0.1", 28080));
                self.dials += 1;
                match self.accept() {
                    Ok(at_router) => {
                        self.to_demo.insert(at_router, conn);
                        self.to_router.insert(conn, at_router);
                        self.demo.handle(self.now, Input::Dialed { conn });
                    }
                    Err(_) => {
                        let by = LostBy::Error("connection refused".to_owned());
                        self.demo.handle(self.now, Input::Lost { conn, by });
                    }
                }
            }
            Output::Write { conn } => {
                if let Some(&conn) = self.to_router.get(&conn) {
                    self.router.handle(self.now, Input::Received { conn, bytes });
                }
                self.demo.handle(self.now, Input::Flushed { conn });
            }
            Output::Close { conn } => {
                if let Some(conn) = self.to_router.remove(&conn) {
                    self.to_demo.remove(&conn);
                    self.router.handle(self.now, Input::Lost { conn, by: LostBy::EndOfStream });
                }
            }
            Output::Notice(_) | Output::LogLevel(_) => {}
            Output::Stopped => self.stopped = true,
            other => panic!("the demo does not {other:?}"),
        }
    }

    fn accept(&mut self) -> Result<ConnId, Refused> {
        if self.down {
            return Err(Refused::ShuttingDown);
        }
        self.router.accept(self.now, Listener::Mud, SocketAddr::from(([127, 0, 0, 1], 40_000)))
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now.mono + time;
        loop {
            let next = self.settle().filter(|next| *next <= end);
            let mono = next.unwrap_or(end).max(self.now.mono);
            let passed = mono.since(self.now.mono).as_micros() as u64;
            self.now = Now { mono, unix: UnixTime::from_micros(self.now.unix.micros() + passed) };
            if next.is_none() {
                self.settle();
                return;
            }
        }
    }

    fn send(&mut self, text: &str) {
        let conn = self.hand.expect("a connection");
        let mut frame = (text.len() as u32 + 1).to_be_bytes().to_vec();
        frame.extend_from_slice(text.as_bytes());
        frame.push(0);
        self.router.handle(self.now, Input::Received { conn, bytes: &frame });
        self.settle();
    }

    fn read(&mut self) -> Vec<String> {
        let heard = std::mem::take(&mut self.heard);
        let mut rest = &heard[..];
        let mut texts = Vec::new();
        while let Some((header, after)) = rest.split_first_chunk::<4>() {
            let (frame, after) = after.split_at(u32::from_be_bytes(*header) as usize);
            texts.push(String::from_utf8_lossy(&frame[..frame.len() - 1]).into_owned());
            rest = after;
        }
        texts
    }

    /// A network on which all are logged in and the hand-made mud has just read everything.
    fn ready(seed: u64) -> Net {
        let mut net = Net::new(seed);
        net.wait(secs(1));
        net.hand = net.accept().ok();
        net.send(&startup("Hand", 0));
        net.wait(secs(2));
        net.read();
        net
    }

    fn ask(&mut self, text: &str, wait: Duration) -> Vec<String> {
        self.send(text);
        self.wait(wait);
        self.read()
    }
}

fn taken<M: Machine>(machine: &mut M, output: Output) -> (Output, Vec<u8>) {
    let mut pieces = Vec::new();
    if let Output::Write { conn } = output {
        machine.take_bytes(conn, usize::MAX, &mut pieces);
    }
    (output, pieces.concat())
}

#[test]
fn all_three_get_on_the_network() {
    let mut net = Net::new(1);
    net.wait(secs(1));
    assert_eq!(net.demo.online().collect::<Vec<_>>(), ["Lantern Hollow", "Port Meridian", "Emberfall"]);
    assert_eq!(net.router.online().count(), 3);
    assert_eq!(net.dials, 3);
}

#[test]
fn questions_are_answered() {
    let mut net = Net::ready(2);
    for (question, answer, end) in [
        (
            r#"({"who-req",5,"Hand","joe","Emberfall",0,})"#,
            r#"({"who-reply",5,"Emberfall",0,"Hand","joe",({({"Korrin","#,
            r#","Ash, apprentice (for now)",}),}),})"#,
        ),
        (
            r#"({"finger-req",5,"Hand","joe","Port Meridian",0,"VESPER",})"#,
            r#"({"finger-reply",5,"Port Meridian",0,"Hand","joe","Vesper","Vesper, pilot of the northern shoals",0,0,"#,
            r#",0,"captain",0,})"#,
        ),
        (
            r#"({"finger-req",5,"Hand","joe","Port Meridian",0,"nobody",})"#,
            r#"({"error",5,"Port Meridian",0,"Hand","joe","unk-user","nobody is nowhere to be found on Port Meridian.","#,
            r#",({"finger-req",5,"Hand","joe","Port Meridian",0,"nobody",}),})"#,
        ),
        (
            r#"({"chan-who-req",5,"Hand","joe","Lantern Hollow",0,"demo_chat",})"#,
            r#"({"chan-who-reply",5,"Lantern Hollow",0,"Hand","joe","demo_chat",({"Marigold","Bramble",}),})"#,
            "",
        ),
        (
            r#"({"chan-who-req",5,"Hand","joe","Lantern Hollow",0,"dchat",})"#,
            r#"({"chan-who-reply",5,"Lantern Hollow",0,"Hand","joe","dchat",({}),})"#,
            "",
        ),
        (
            r#"({"chan-user-req",5,"Hand",0,"Lantern Hollow",0,"marigold",})"#,
            r#"({"chan-user-reply",5,"Lantern Hollow",0,"Hand",0,"marigold","Marigold",1,})"#,
            "",
        ),
        (
            r#"({"auth-mud-req",5,"Hand",0,"Emberfall",0,})"#,
            r#"({"auth-mud-reply",5,"Emberfall",0,"Hand",0,"#,
            ",})",
        ),
        (r#"({"ping-req",5,"Hand",0,"Emberfall",0,})"#, r#"({"ping-reply",5,"Emberfall",0,"Hand",0,"#, ",})"),
    ] {
        let answers = net.ask(question, Duration::from_millis(300));
        assert!(
            matches!(&answers[..], [text] if text.starts_with(answer) && text.ends_with(end)),
            "{question}: {answers:?}"
        );
    }
}

#[test]
fn a_user_is_located_by_her_mud_alone() {
    let mut net = Net::ready(3);
    let question = r#"({"locate-req",5,"Hand","joe",0,0,"Tamsin",})"#;
    let answers = net.ask(question, Duration::from_millis(300));
    assert_eq!(answers.len(), 2, "the echo and the answer: {answers:?}");
    assert_eq!(answers[0], question);
    let found = r#"({"locate-reply",5,"Port Meridian",0,"Hand","joe","Port Meridian","Tamsin","#;
    assert!(answers[1].starts_with(found), "{answers:?}");
}

#[test]
fn a_tell_and_an_emoteto_are_answered_in_kind_after_a_moment() {
    let mut net = Net::ready(4);
    let tell = r#"({"tell",5,"Hand","joe","Lantern Hollow","marigold","Joe","hi",})"#;
    assert!(net.ask(tell, Duration::from_millis(600)).is_empty());
    net.wait(secs(1));
    let answer = r#"({"tell",5,"Lantern Hollow","marigold","Hand","joe","Marigold",""#;
    assert!(matches!(&net.read()[..], [text] if text.starts_with(answer)));
    let emote = r#"({"emoteto",5,"Hand","joe","Emberfall","Korrin","Joe","$N waves.",})"#;
    let answer = r#"({"emoteto",5,"Emberfall","korrin","Hand","joe","Korrin","$N nods to you and goes on hammering.",})"#;
    assert!(net.ask(emote, secs(2)).iter().any(|text| text == answer));
    let nobody = r#"({"tell",5,"Hand","joe","Emberfall","nobody","Joe","hi",})"#;
    let error = format!(
        r#"({{"error",5,"Emberfall",0,"Hand","joe","unk-user","nobody is nowhere to be found on Emberfall.",{nobody},}})"#
    );
    assert_eq!(net.ask(nobody, Duration::from_millis(300)), [error]);
}

#[test]
fn errors_and_strange_packets_are_not_answered() {
    let mut net = Net::ready(5);
    for text in [
        r#"({"error",5,"Hand","joe","Emberfall","korrin","unk-user","?",0,})"#,
        r#"({"frobnicate",5,"Hand","joe","Emberfall","korrin",1,})"#,
        r#"({"tell",5,"Hand",0,"Emberfall","korrin","Hand","from nobody",})"#,
        r#"({"who-reply",5,"Hand",0,"Emberfall","korrin",({}),})"#,
    ] {
        assert!(net.ask(text, Duration::from_millis(200)).is_empty(), "{text}");
    }
}

#[test]
fn there_is_chatter_on_both_channels_from_all_three_and_no_flood() {
    let mut net = Net::ready(6);
    for channel in CHANNELS {
        net.send(&format!(r#"({{"channel-listen",5,"Hand",0,"*dstest",0,"{channel}",1,}})"#));
    }
    net.wait(secs(12));
    assert!(!net.read().is_empty(), "the first lines come soon");
    net.wait(secs(600));
    let lines = net.read();
    // Each mud speaks every 17.5 s on average.
    assert!((80..130).contains(&lines.len()), "{}", lines.len());
    for part in ["\"Lantern Hollow\"", "\"Port Meridian\"", "\"Emberfall\"", "demo_chat", "demo_code"] {
        assert!(lines.iter().any(|line| line.contains(part)), "{part}");
    }
    assert!(lines.iter().any(|line| line.starts_with("({\"channel-e\"") && line.contains("$N")));
    assert!(lines.iter().all(|line| line.starts_with("({\"channel-")), "no warning, no error");
    assert_eq!((net.router.metrics().floods, net.router.metrics().errors_out), (0, 0));
}

#[test]
fn many_questions_at_once_are_answered_within_the_routers_limit() {
    let mut net = Net::ready(7);
    for _ in 0..4 {
        for _ in 0..10 {
            net.send(r#"({"who-req",5,"Hand","joe","Emberfall",0,})"#);
        }
        net.wait(secs(1));
    }
    net.wait(secs(5));
    let answers = net.read();
    assert_eq!(answers.iter().filter(|text| text.starts_with("({\"who-reply\"")).count(), 40);
    assert_eq!(net.router.metrics().floods, 0);
}

#[test]
fn a_mud_that_tells_without_end_is_left_alone() {
    let mut net = Net::ready(8);
    let tell = r#"({"tell",5,"Hand","joe","Emberfall","ash","Joe","hi",})"#;
    let mut answers = 0;
    for _ in 0..120 {
        answers += net.ask(tell, Duration::from_millis(500)).len();
    }
    assert!((40..=85).contains(&answers), "{answers}");
}

#[test]
fn a_lost_router_is_dialed_again_every_few_seconds_with_the_password() {
    let mut net = Net::ready(9);
    net.down = true;
    let conns: Vec<ConnId> = net.to_router.values().copied().collect();
    for at_router in conns {
        let conn = net.to_demo.remove(&at_router).unwrap();
        net.to_router.remove(&conn);
        net.router.handle(net.now, Input::Lost { conn: at_router, by: LostBy::EndOfStream });
        net.demo.handle(net.now, Input::Lost { conn, by: LostBy::EndOfStream });
    }
    let before = net.dials;
    net.wait(secs(60));
    assert_eq!(net.demo.online().count(), 0);
    assert!((36..=90).contains(&(net.dials - before)), "{}", net.dials - before);
    net.down = false;
    net.wait(secs(6));
    assert_eq!(net.demo.online().count(), 3);
    assert_eq!(net.router.metrics().logins_refused, 0);
    assert_eq!(net.router.muds_known(), 4);
}

#[test]
fn a_router_that_does_not_answer_is_given_up_after_half_a_minute() {
    let mut net = Net::new(10);
    // Another name: the router ignores the login.
    net.demo = DemoMuds::new(DemoMuds::trio(), "*other", "127.0.0.1", 28080, 1, net.now);
    net.wait(secs(29));
    assert_eq!((net.dials, net.router.connections()), (3, 3));
    net.wait(secs(8));
    assert_eq!((net.dials, net.router.connections()), (6, 3));
}

#[test]
fn the_demo_ends_at_once() {
    let mut net = Net::ready(11);
    net.demo.handle(net.now, Input::Shutdown);
    net.wait(secs(60));
    assert!(net.stopped);
    assert_eq!(net.router.online().collect::<Vec<_>>(), ["Hand"]);
    assert!(net.demo.poll_timeout().is_none());
}

#[test]
fn the_same_seed_says_the_same() {
    let run = |seed| {
        let mut net = Net::ready(seed);
        net.send(r#"({"channel-listen",5,"Hand",0,"*dstest",0,"demo_chat",1,})"#);
        net.wait(secs(120));
        net.read()
    };
    assert_eq!(run(12), run(12));
    assert_ne!(run(12), run(13));
}
