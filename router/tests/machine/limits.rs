//! Floods, limits, and the end.

use crate::world::{World, millis, secs, settings, startup};
use i3_core::machine::{Refused, Saved};
use i3_router::RouterSettings;

fn tell(number: u32) -> String {
    format!(r#"({{"tell",5,"FlA","joe","FlB","jane","Joe","n{number}",}})"#)
}

fn flooded(words: &str, packet: &str) -> String {
    format!(r#"({{"error",5,"*dstest",0,"FlA","joe","not-allowed","{words}",{packet},}})"#)
}

#[test]
fn the_eleventh_packet_in_a_second_starts_a_silence_of_up_to_ten_seconds() {
    let mut world = World::new();
    let [a, b] = world.muds(["FlA", "FlB"]);
    // 11 s after the start: the next beat comes after 9 s.
    assert_eq!(world.now.mono.micros(), 11_000_000);
    for number in 1..=10 {
        assert!(world.ask(a, &tell(number)).is_empty());
    }
    assert_eq!(
        world.ask(a, &tell(11)),
        [flooded("Flood detected! Your packets will be temporarily ignored.", &tell(11))]
    );
    assert!(world.ask(a, &tell(12)).is_empty());
    world.wait(secs(1));
    let reminder = "Your packets are being temporarily dropped due to flooding.";
    assert_eq!(world.ask(a, &tell(13)), [flooded(reminder, &tell(13))]);
    assert!(world.ask(a, &tell(14)).is_empty());
    assert!(world.ask(a, r#"({"channel-listen",5,"FlA",0,"*dstest",0,"nosuch",1,})"#).is_empty());
    assert_eq!(world.read(b).len(), 10);
    world.wait(millis(7_999));
    assert!(!world.ask(a, &tell(15)).is_empty());
    world.wait(millis(1));
    assert!(world.ask(a, &tell(16)).is_empty());
    assert_eq!(world.read(b), [tell(16)]);
    assert!(world.has_notice("mud floods mud=FlA") && world.has_notice("mud is heard again mud=FlA"));
    assert_eq!(world.router.metrics().floods, 1);
}

#[test]
fn ten_packets_every_second_are_no_flood() {
    let mut world = World::new();
    let [a, b] = world.muds(["FlA", "FlB"]);
    for _ in 0..5 {
        for number in 0..10 {
            assert!(world.ask(a, &tell(number)).is_empty());
        }
        world.wait(secs(1));
    }
    assert_eq!(world.read(b).len(), 50);
}

#[test]
fn a_login_counts_six_and_listening_nothing() {
    let mut world = World::new();
    world.muds(["FlB"]);
    let a = world.connect("127.0.0.2");
    assert_eq!(world.ask(a, &startup("FlA", 0)).len(), 3);
    for _ in 0..40 {
        let listen = r#"({"channel-listen",5,"FlA",0,"*dstest",0,"dchat",1,})"#;
        assert!(world.ask(a, listen).is_empty());
    }
    for number in 1..=4 {
        assert!(world.ask(a, &tell(number)).is_empty());
    }
    assert!(world.ask(a, &tell(5))[0].contains("Flood detected!"));
}

#[test]
fn two_logins_in_a_second_are_a_flood_and_silence() {
    let mut world = World::new();
    let [a] = world.muds(["FlA"]);
    world.lose(a);
    let first = world.connect("127.0.0.1");
    assert!(!world.ask(first, &startup("FlA", 0)).is_empty());
    world.lose(first);
    let second = world.connect("127.0.0.1");
    assert!(world.ask(second, &startup("FlA", 0)).is_empty());
    assert!(world.has_notice("it floods"));
    world.wait(secs(11));
    assert!(!world.ask(second, &startup("FlA", 0)).is_empty());
}

#[test]
fn flood_control_can_be_switched_off() {
    let mut world = World::with(RouterSettings { flood_control: false, ..settings() }, Saved::default());
    let [a, b] = world.muds(["FlA", "FlB"]);
    for number in 0..1000 {
        assert!(world.ask(a, &tell(number)).is_empty());
    }
    assert_eq!(world.read(b).len(), 1000);
}

#[test]
fn a_frame_of_the_limit_passes_and_a_longer_one_ends_the_connection() {
    let limit = 10_000;
    let mut world = World::with(RouterSettings { frame_bytes_max: limit, ..settings() }, Saved::default());
    let [a, b] = world.muds(["FlA", "FlB"]);
    let frame = tell(1).replace("n1", &"x".repeat(limit - 1 - tell(1).len() + 2));
    assert_eq!(frame.len(), limit - 1);
    world.send(a, &frame);
    assert_eq!(world.read(b), [frame.as_str()]);
    world.send(a, &format!("{frame} "));
    assert!(!world.peers[a].open && world.peers[b].open);
    let http = world.connect("127.0.0.9");
    world.send_bytes(http, b"GET / HTTP/1.1\r\n\r\n");
    assert!(!world.peers[http].open);
}

#[test]
fn a_connection_without_login_is_closed_in_time() {
    let mut world = World::new();
    let silent = world.connect("127.0.0.1");
    world.wait(millis(119_999));
    assert!(world.peers[silent].open);
    world.wait(millis(1));
    assert!(!world.peers[silent].open);
    assert_eq!(world.router.connections(), 0);
}

#[test]
fn a_mud_that_does_not_read_is_cut_off() {
    let limit = 64 * 1024;
    let mut world = World::with(
        RouterSettings { outbox_bytes_max: limit, flood_control: false, ..settings() },
        Saved::default(),
    );
    let [a, b] = world.muds(["FlA", "FlB"]);
    world.peers[b].reads = false;
    let long = tell(1).replace("n1", &"x".repeat(1000));
    for _ in 0..61 {
        world.send(a, &long);
    }
    assert!(world.peers[b].open);
    for _ in 0..10 {
        world.send(a, &long);
    }
    assert!(!world.peers[b].open && world.peers[a].open);
    assert_eq!(world.router.metrics().cut_off, 1);
    assert!(world.has_notice("mud left mud=FlB reason=\"it does not read\""));
}

#[test]
fn connections_muds_and_tries_are_bounded() {
    let settings = RouterSettings { connections_max: 3, muds_max: 4, muds_per_ip_max: 2, ..settings() };
    let mut world = World::with(settings, Saved::default());
    let [first, second] = ["A", "B"].map(|name| world.mud(name, "127.0.0.1"));
    let third = world.connect("127.0.0.1");
    assert_eq!(world.try_connect("127.0.0.1"), Err(Refused::TooMany));
    assert!(world.ask(third, &startup("C", 0)).is_empty());
    assert!(world.has_notice("too many muds are known from its address"));
    for mud in [first, second, third] {
        world.lose(mud);
    }
    let [first, second] = [("C", "127.0.0.2"), ("D", "127.0.0.3")].map(|(name, ip)| world.mud(name, ip));
    for mud in [first, second] {
        world.lose(mud);
    }
    let full = world.connect("127.0.0.4");
    assert!(world.ask(full, &startup("E", 0)).is_empty());
    assert!(world.has_notice("too many muds are known\""));
    for _ in 0..19 {
        assert!(world.peers[full].open);
        world.send(full, &startup("E", 0));
    }
    assert!(!world.peers[full].open);
}

#[test]
fn guessing_passwords_shuts_an_address_out() {
    let mut world = World::new();
    let [a] = world.muds(["A"]);
    world.lose(a);
    for guess in 0..101 {
        let peer = world.connect("10.0.0.1");
        world.send(peer, &startup("A", guess));
        world.lose(peer);
    }
    assert_eq!(world.try_connect("10.0.0.1"), Err(Refused::Address));
    assert!(world.try_connect("10.0.0.2").is_ok());
    world.wait(secs(7 * 24 * 3600));
    assert!(world.try_connect("10.0.0.1").is_ok());
}

#[test]
fn the_end_flushes_and_says_so() {
    let mut world = World::new();
    let [a, b] = world.muds(["A", "B"]);
    world.send(a, r#"({"channel-listen",5,"A",0,"*dstest",0,"dchat",1,})"#);
    world.shutdown();
    assert!(world.stopped && !world.peers[a].open && !world.peers[b].open);
    assert!(world.saved.keys().any(|(_, key)| key == "dchat"), "subscriptions are saved first");
    assert_eq!(world.try_connect("127.0.0.1"), Err(Refused::ShuttingDown));
}

#[test]
fn the_end_waits_two_seconds_for_a_mud_that_does_not_read() {
    let mut world = World::new();
    let [a, b] = world.muds(["A", "B"]);
    world.peers[b].reads = false;
    world.send(a, r#"({"tell",5,"A","joe","B","jane","Joe","hi",})"#);
    world.shutdown();
    assert!(!world.peers[a].open && world.peers[b].open && !world.stopped);
    world.wait(millis(1_999));
    assert!(!world.stopped);
    world.wait(millis(1));
    assert!(world.stopped && !world.peers[b].open);
    world.wait(secs(100));
}

#[test]
fn reports_about_a_closed_connection_change_nothing() {
    let mut world = World::new();
    let [a] = world.muds(["A"]);
    world.lose(a);
    world.lose(a);
    world.send(a, &startup("A", 0));
    assert_eq!(world.router.metrics().late_inputs, 2);
    assert_eq!(world.router.online().count(), 0);
}

/// Packets of every type with elements of every kind in every place: whatever comes, the router lives, the others are
/// served, and nothing but whole packets is sent.
#[test]
fn no_packet_does_harm() {
    const KINDS: [&str; 20] = [
        "startup-req-3",
        "startup-req-1",
        "shutdown",
        "mudlist",
        "error",
        "tell",
        "who-req",
        "locate-req",
        "chanlist-req",
        "chan-filter-reply",
        "chan-filter-req",
        "channel-m",
        "channel-e",
        "channel-t",
        "channel-add",
        "channel-remove",
        "channel-admin",
        "channel-listen",
        "channel-x",
        "irn-data",
    ];
    const VALUES: [&str; 16] = [
        "0",
        "0",
        "0",
        "1",
        "-1",
        "5",
        "9223372036854775807",
        "2.5",
        "\"\"",
        "\"Bad\"",
        "\"*dstest\"",
        "\"dchat\"",
        "\"A\"",
        "({})",
        "({\"A\",({}),})",
        "([\"channel\":1,])",
    ];
    let mut rng = fastrand::Rng::with_seed(11);
    for round in 0..60 {
        let flood_control = round % 2 == 0;
        let mut world = World::with(RouterSettings { flood_control, ..settings() }, Saved::default());
        let [a, b] = world.muds(["A", "B"]);
        let mut bad = world.mud("Bad", "127.0.0.66");
        for _ in 0..200 {
            if !world.peers[bad].open {
                bad = world.connect("127.0.0.66");
                world.send(bad, &startup("Bad", 0));
            }
            let kind = KINDS[rng.usize(..KINDS.len())];
            let mut text = format!("({{\"{kind}\",5,\"Bad\",");
            // Often a good header, and about as many fields as the types have.
            let good = rng.u8(..4) > 0;
            text += if good { ["0,", "\"joe\","][rng.usize(..2)] } else { VALUES[rng.usize(..16)] };
            text += if good { ["0,0,", "\"*dstest\",0,", "\"A\",0,"][rng.usize(..3)] } else { "," };
            for _ in 0..rng.usize(..16) {
                text += VALUES[rng.usize(..16)];
                text.push(',');
            }
            text += "})";
            world.send(bad, &text);
            world.read(bad);
            world.wait(millis(rng.u64(..400)));
        }
        world.read(a);
        world.read(b);
        let tell = r#"({"tell",5,"A","joe","B","jane","Joe","hi",})"#;
        world.send(a, tell);
        assert_eq!(world.read(b), [tell], "round {round}");
        assert!(world.router.muds_known() <= 4 && world.router.connections() <= 4);
    }
}
