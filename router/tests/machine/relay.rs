//! What passes between muds, and what the router says to what does not.

use crate::world::{World, secs, settings};
use i3_core::machine::Saved;
use i3_router::RouterSettings;

/// Each is sent by TestMudA and arrives at TestMudB as the second text says. The texts are those of the captures.
#[test]
fn packets_to_a_mud_pass_as_they_are() {
    let mut world = World::new();
    let [a, b] = world.muds(["TestMudA", "TestMudB"]);
    for (sent, arrives) in [
        (r#"({"tell",5,"TestMudA","joe","TestMudB","jane","Joe","hi",})"#, None),
        (r#"({"who-req",5,"TestMudA","joe","TestMudB",0,})"#, None),
        (r#"({"finger-req",5,"TestMudA","joe","TestMudB",0,"jane",})"#, None),
        (r#"({"auth-mud-req",5,"TestMudA",0,"TestMudB",0,})"#, None),
        (r#"({"chan-who-req",5,"TestMudA","joe","TestMudB",0,"dchat",})"#, None),
        (r#"({"tell",0,"TestMudA","joe","TestMudB","jane","Joe","ttl is nobody's business",})"#, None),
        (r#"({"tell",-5,"TestMudA","joe","TestMudB","jane","Joe",({}),})"#, None),
        (r#"({"channel-who",5,"TestMudA","joe","TestMudB",0,"dchat",})"#, None),
        (r#"({"error",5,"TestMudA",0,"TestMudB","joe","unk-user","no such user",0,})"#, None),
        ("({\"tell\",5,\"TestMudA\",\"joe\",\"TestMudB\",\"jane\",\"Joe\",\"a\rb\t\x1b[31mred\",})", None),
        (
            // As of protocols 1 and 2: padded for a mud of protocol 3.
            r#"({"locate-reply",5,"TestMudA",0,"TestMudB","jane","TestMudA","Joe",})"#,
            Some(r#"({"locate-reply",5,"TestMudA",0,"TestMudB","jane","TestMudA","Joe",0,0,})"#),
        ),
        (
            r#"({"frobnicate",5,"TestMudA","joe","TestMudB","jane",1,2.5,({}),([]),})"#,
            Some(r#"({"frobnicate",5,"TestMudA","joe","TestMudB","jane",1,2.500000,({}),([]),})"#),
        ),
        (
            "({\"tell\",5,\"TestMudA\",\"joe\",\"TestMudB\",\"jane\",\"Joe\",\"a\nb\\x\\\"\\\\c\",})",
            Some("({\"tell\",5,\"TestMudA\",\"joe\",\"TestMudB\",\"jane\",\"Joe\",\"a\rbx\\\"\\\\c\",})"),
        ),
    ] {
        world.wait(secs(1));
        assert!(world.ask(a, sent).is_empty(), "{sent}");
        assert_eq!(world.read(b), [arrives.unwrap_or(sent)]);
    }
}

#[test]
fn latin_1_passes_byte_for_byte() {
    let mut world = World::new();
    let [a, b] = world.muds(["A", "B"]);
    let text = b"({\"tell\",5,\"A\",\"joe\",\"B\",\"jane\",\"Joe\",\"caf\xe9\",})";
    world.send_bytes(a, &[&[0, 0, 0, text.len() as u8], &text[..]].concat());
    assert_eq!(world.read(b).len(), 1);
    assert_eq!(world.router.metrics().dropped.len(), 0);
}

#[test]
fn a_broadcast_reaches_all_and_the_sender_too() {
    let mut world = World::new();
    let [a, b, c] = world.muds(["TestMudA", "TestMudB", "TestMudC"]);
    for text in [
        r#"({"locate-req",5,"TestMudA","joe",0,0,"jane",})"#,
        r#"({"ucache-update",5,"TestMudA",0,0,0,"joe","Joe",0,})"#,
        r#"({"who-req",5,"TestMudA","joe",0,0,})"#,
    ] {
        world.send(a, text);
        for mud in [a, b, c] {
            assert_eq!(world.read(mud), [text]);
        }
    }
}

#[test]
fn a_mud_can_ask_itself_through_the_router() {
    let mut world = World::new();
    let [a] = world.muds(["TestMudA"]);
    let text = r#"({"auth-mud-req",5,"TestMudA",0,"TestMudA",0,})"#;
    assert_eq!(world.ask(a, text), [text]);
}

/// What TestMudA sends, and the error it gets, less the packet that is wrapped in it.
#[test]
fn what_does_not_pass_is_answered_as_captured() {
    let mut world = World::new();
    let [a, b] = world.muds(["TestMudA", "TestMudB"]);
    for (sent, user, code, message) in [
        (
            r#"({"tell",5,"TestMudA","joe","NoSuchMud","jane","Joe","hi",})"#,
            r#""joe""#,
            "unk-dst",
            "destination unknown",
        ),
        (
            r#"({"tell",5,"TestMudA","joe","testmudb","jane","Joe","hi",})"#,
            r#""joe""#,
            "unk-dst",
            "destination unknown",
        ),
        (
            r#"({"tell","5","TestMudA","joe","TestMudB","jane","Joe","hi",})"#,
            r#""joe""#,
            "bad-pkt",
            "Invalid initial data",
        ),
        (r#"({"tell",5,"TestMudA",0,})"#, "0", "bad-pkt", "Invalid initial data"),
        (
            r#"({"mudlist",5,"TestMudA",0,"TestMudB",0,1,([]),})"#,
            "0",
            "not-allowed",
            "You are not allowed to send this kind of packet.",
        ),
        (
            r#"({"startup-reply",5,"TestMudA",0,0,0,({}),1,})"#,
            "0",
            "not-allowed",
            "You are not allowed to send this kind of packet.",
        ),
        (
            r#"({"auth-mud-req",5,"TestMudA",0,"*dstest",0,})"#,
            "0",
            "not-imp",
            "Unknown command sent to router: auth-mud-req",
        ),
        (
            r#"({"ping-req",5,"TestMudA",0,"*dstest",0,})"#,
            "0",
            "not-imp",
            "Unknown command sent to router: ping-req",
        ),
        (
            r#"({"frobnicate",5,"TestMudA","joe","*dstest",0,1,})"#,
            r#""joe""#,
            "not-imp",
            "Unknown command sent to router: frobnicate",
        ),
        (
            r#"({"channel-blah",5,"TestMudA","joe","*dstest",0,"dchat",1,})"#,
            r#""joe""#,
            "unk-type",
            "I don't know what channel-blah means.",
        ),
        (
            r#"({"tell",5,"TestMudB","jane","TestMudA","joe","Jane","forged",})"#,
            r#""jane""#,
            "unk-src",
            "You are not TestMudB",
        ),
        (
            r#"({"tell",5,"Nobody","jane","TestMudB","joe","Jane","forged",})"#,
            r#""jane""#,
            "unk-src",
            "You are not Nobody",
        ),
    ] {
        world.wait(secs(1));
        assert_eq!(
            world.ask(a, sent),
            [format!(r#"({{"error",5,"*dstest",0,"TestMudA",{user},"{code}","{message}",{sent},}})"#)]
        );
        assert!(world.read(b).is_empty());
    }
}

#[test]
fn an_offline_mud_is_silence() {
    let mut world = World::new();
    let [a, b] = world.muds(["TestMudA", "TestMudB"]);
    world.lose(b);
    assert!(world.ask(a, r#"({"tell",5,"TestMudA","joe","TestMudB","jane","Joe","hi",})"#).is_empty());
    assert_eq!(world.router.metrics().dropped["mud offline"], 1);
}

#[test]
fn an_error_is_never_answered() {
    let mut world = World::new();
    let [a] = world.muds(["TestMudA"]);
    assert!(world.ask(a, r#"({"error",5,"TestMudA",0,"NoSuchMud","x","unk-user","?",0,})"#).is_empty());
    assert!(world.ask(a, r#"({"irn-ping",5,"TestMudA",0,"*dstest",0,1,})"#).is_empty());
    let dropped = &world.router.metrics().dropped;
    assert_eq!((dropped["error about an error"], dropped["router to router"]), (1, 1));
}

#[test]
fn what_is_no_packet_is_dropped_and_the_connection_stays() {
    let mut world = World::new();
    let [a, b] = world.muds(["TestMudA", "TestMudB"]);
    for text in ["({\"tell\",5", "nonsense", "({})", "({5,})", "7", "([\"a\":1,])"] {
        assert!(world.ask(a, text).is_empty(), "{text}");
    }
    assert!(world.ask(a, r#"({"tell",5,"TestMudA","joe","TestMudB","jane","Joe","hi",})"#).is_empty());
    assert_eq!(world.read(b).len(), 1);
    let dropped = &world.router.metrics().dropped;
    assert_eq!((dropped["unparsable"], dropped["not a packet"]), (2, 4));
}

#[test]
fn sloppy_text_is_understood_unless_the_settings_say_otherwise() {
    let sloppy = r#"({ "tell", 5, "A", "joe", "B", "jane", "Joe", "hi" })"#;
    for (strict_text, arrives) in [(false, 1), (true, 0)] {
        let mut world = World::with(RouterSettings { strict_text, ..settings() }, Saved::default());
        let [a, b] = world.muds(["A", "B"]);
        assert!(world.ask(a, sloppy).is_empty());
        assert_eq!(world.read(b).len(), arrives);
    }
}

#[test]
fn a_stranger_is_not_relayed() {
    let mut world = World::new();
    let [a] = world.muds(["TestMudA"]);
    let stranger = world.connect("127.0.0.50");
    assert!(world.ask(stranger, r#"({"tell",5,"X","joe","TestMudA","jane","Joe","hi",})"#).is_empty());
    assert!(world.ask(stranger, r#"({"locate-req",5,"","joe",0,0,"jane",})"#).is_empty());
    assert!(world.read(a).is_empty());
    assert_eq!(world.router.metrics().dropped["not logged in"], 2);
}

#[test]
fn frames_may_be_cut_anywhere_and_come_many_at_once() {
    let mut world = World::new();
    let [a, b] = world.muds(["A", "B"]);
    let tell = r#"({"tell",5,"A","joe","B","jane","Joe","hi",})"#;
    let mut frame = (tell.len() as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(tell.as_bytes());
    for byte in &frame {
        world.send_bytes(a, &[*byte]);
    }
    world.send_bytes(a, &frame.repeat(3));
    assert_eq!(world.read(b), [tell; 4]);
}
