//! Channels.

use crate::world::{World, dialect as settings_of, millis, secs};
use i3_core::machine::Saved;
use i3_router::Dialect;

const LISTEN_A: &str = r#"({"channel-listen",5,"TestMudA",0,"*dstest",0,"dchat",1,})"#;
const LISTEN_B: &str = r#"({"channel-listen",5,"TestMudB",0,"*dstest",0,"dchat",1,})"#;
const SAY_B: &str = r#"({"channel-m",5,"TestMudB","jane",0,0,"dchat","Jane","hello from B",})"#;

fn listeners() -> (World, usize, usize) {
    let mut world = World::new();
    let [a, b] = world.muds(["TestMudA", "TestMudB"]);
    assert!(world.ask(a, LISTEN_A).is_empty());
    assert!(world.ask(b, LISTEN_B).is_empty());
    (world, a, b)
}

/// TestMudA makes a channel of that type with TestMudB on its list; TestMudC is the third.
fn hosted(channel_type: i64) -> (World, [usize; 3]) {
    let mut world = World::new();
    let muds = world.muds(["TestMudA", "TestMudB", "TestMudC"]);
    let a = muds[0];
    world.send(a, &format!(r#"({{"channel-add",5,"TestMudA","joe","*dstest",0,"ours",{channel_type},}})"#));
    world.send(a, r#"({"channel-admin",5,"TestMudA","joe","*dstest",0,"ours",({"TestMudB",}),({}),})"#);
    world.wait(secs(2));
    for mud in muds {
        world.read(mud);
    }
    (world, muds)
}

fn listen(mud: &str) -> String {
    format!(r#"({{"channel-listen",5,"{mud}",0,"*dstest",0,"ours",1,}})"#)
}

fn say(mud: &str) -> String {
    format!(r#"({{"channel-m",5,"{mud}","jane",0,0,"ours","Jane","banned?",}})"#)
}

fn refused(mud: &str, message: &str, packet: &str) -> String {
    format!(r#"({{"error",5,"*dstest",0,"{mud}",0,"not-allowed","{message}",{packet},}})"#)
}

fn tuned_in(mud: &str, packet: &str) -> String {
    format!(
        r#"({{"error",5,"*dstest",0,"{mud}","jane","warning","Your mud wasn't listening to ours, so I'll start you listening right now.",{packet},}})"#
    )
}

#[test]
fn speech_reaches_all_listeners_and_the_speaker() {
    let (mut world, a, b) = listeners();
    for text in [
        SAY_B,
        r#"({"channel-e",5,"TestMudB","joe",0,0,"dchat","Joe","$N smiles.",})"#,
        r#"({"channel-t",5,"TestMudB","joe",0,0,"dchat","TestMudA","jane","$N pokes $O.","$N pokes you.","Joe","Jane",})"#,
        r#"({"channel-m",5,"TestMudB","joe",0,0,"dchat","Joe","",})"#,
    ] {
        assert_eq!(world.ask(b, text), [text]);
        assert_eq!(world.read(a), [text]);
    }
    world.send(a, &LISTEN_A.replace(",1,})", ",0,})"));
    assert_eq!(world.ask(b, SAY_B), [SAY_B]);
    assert!(world.read(a).is_empty());
}

#[test]
fn what_is_missing_in_speech_is_put_in() {
    let (mut world, a, _) = listeners();
    for (sent, arrives) in [
        (
            r#"({"channel-e",5,"TestMudA","joe",0,0,"dchat","Joe","smiles.",})"#,
            r#"({"channel-e",5,"TestMudA","joe",0,0,"dchat","Joe","smiles. (from Joe@TestMudA)",})"#,
        ),
        (
            r#"({"channel-t",5,"TestMudA","joe",0,0,"dchat","TestMudB","jane","pokes","pokes you","Joe","Jane",})"#,
            r#"({"channel-t",5,"TestMudA","joe",0,0,"dchat","TestMudB","jane","pokes (from Joe@TestMudA)","pokes you (from Joe@TestMudA)","Joe","Jane",})"#,
        ),
        (
            r#"({"channel-m",5,"TestMudA","joe",0,0,"dchat",0,"hi",})"#,
            r#"({"channel-m",5,"TestMudA","joe",0,0,"dchat","joe","hi",})"#,
        ),
        (
            r#"({"channel-e",5,"TestMudA","joe",0,0,"dchat","","$N waves.",})"#,
            r#"({"channel-e",5,"TestMudA","joe",0,0,"dchat","joe","$N waves.",})"#,
        ),
    ] {
        assert_eq!(world.ask(a, sent), [arrives]);
    }
}

#[test]
fn speech_of_the_wrong_form_is_refused() {
    let (mut world, a, b) = listeners();
    for bad in [
        r#"({"channel-m",5,"TestMudA","joe",0,0,"dchat","Joe",})"#,
        r#"({"channel-m",5,"TestMudA","joe",0,0,"dchat","Joe","hi",0,})"#,
        r#"({"channel-m",5,"TestMudA","joe","TestMudB",0,"dchat","Joe","hi",})"#,
        r#"({"channel-m",5,"TestMudA","joe",0,"jane","dchat","Joe","hi",})"#,
        r#"({"channel-m",5,"TestMudA","joe",0,0,"dchat","Joe",0,})"#,
        r#"({"channel-e",5,"TestMudA","joe",0,0,7,"Joe","hi",})"#,
        r#"({"channel-t",5,"TestMudA","joe",0,0,"dchat","TestMudB","jane","a","b","Joe",})"#,
    ] {
        world.wait(secs(1));
        assert_eq!(
            world.ask(a, bad),
            [format!(
                r#"({{"error",5,"*dstest",0,"TestMudA","joe","bad-pkt","Bad packet format.",{bad},}})"#
            )]
        );
    }
    let nobody = r#"({"channel-m",5,"TestMudA",0,0,0,"dchat","Joe","hi",})"#;
    assert!(world.ask(a, nobody)[0].starts_with(r#"({"error",5,"*dstest",0,"TestMudA",0,"bad-pkt""#));
    assert!(world.read(b).is_empty());
}

#[test]
fn an_unknown_channel_is_named() {
    let (mut world, a, _) = listeners();
    for bad in [
        r#"({"channel-m",5,"TestMudA","joe",0,0,"nosuch","Joe","hi",})"#,
        r#"({"channel-listen",5,"TestMudA","joe","*dstest",0,"nosuch",1,})"#,
        r#"({"channel-remove",5,"TestMudA","joe","*dstest",0,"nosuch",})"#,
        r#"({"channel-admin",5,"TestMudA","joe","*dstest",0,"nosuch",({}),({}),})"#,
    ] {
        assert_eq!(
            world.ask(a, bad),
            [format!(
                r#"({{"error",5,"*dstest",0,"TestMudA","joe","unk-channel","Unknown channel: nosuch",{bad},}})"#
            )]
        );
    }
}

#[test]
fn who_speaks_without_listening_is_told_and_tuned_in() {
    let mut world = World::new();
    let [_, b] = world.muds(["TestMudA", "TestMudB"]);
    assert_eq!(
        world.ask(b, SAY_B),
        [
            r#"({"error",5,"*dstest",0,"TestMudB","jane","warning","Your mud wasn't listening to dchat, so I'll start you listening right now.",({"channel-m",5,"TestMudB","jane",0,0,"dchat","Jane","hello from B",}),})"#,
            SAY_B
        ]
    );
    assert_eq!(world.ask(b, SAY_B), [SAY_B]);
}

#[test]
fn subscriptions_outlive_the_connection_and_the_router() {
    let (mut world, a, b) = listeners();
    world.lose(a);
    let a = world.mud("TestMudA", "127.0.0.1");
    world.send(b, SAY_B);
    assert_eq!(world.read(a), [SAY_B]);
    let mut world = world.restarted();
    let [a, b] = world.muds(["TestMudA", "TestMudB"]);
    world.send(b, SAY_B);
    assert_eq!(world.read(a), [SAY_B]);
    assert_eq!(world.read(b), [SAY_B]);
}

#[test]
fn subscriptions_are_saved_together() {
    let mut world = World::new();
    let [a] = world.muds(["TestMudA"]);
    let before = world.saves;
    for _ in 0..50 {
        world.send(a, LISTEN_A);
        world.send(a, &LISTEN_A.replace(",1,})", ",0,})"));
    }
    assert_eq!(world.saves, before);
    world.wait(secs(1));
    assert_eq!(world.saves, before + 1);
}

#[test]
fn a_store_that_is_gone_is_written_anew() {
    for dialect in [Dialect::DeadSouls, Dialect::CoffeeMud, Dialect::Specification] {
        let mut world = World::with(settings_of(dialect), Saved::default());
        world.mud("TestMudA", "10.0.0.1");
        world.wait(secs(2));
        let before = world.saved.clone();
        assert!(before.keys().any(|(_, key)| key == "TestMudA"));
        world.lose_store();
        // A channel of the settings is saved too, although nothing has changed it.
        assert!(before.iter().all(|(name, value)| world.saved.get(name) == Some(value)), "{dialect:?}");
        assert!(world.has_notice("the saved state is gone"));
    }
}

#[test]
fn a_new_channel_is_announced_with_its_type() {
    let mut world = World::new();
    let [a, b] = world.muds(["TestMudA", "TestMudB"]);
    world.send(a, r#"({"channel-add",5,"TestMudA","joe","*dstest",0,"testa0",1,})"#);
    let list = |mud: &str, id: i64, ours: &str| {
        format!(
            r#"({{"chanlist-reply",5,"*dstest",0,"{mud}",0,{id},(["dchat":({{"*dstest",0,}}),"dead_test4":({{"*dstest",0,}}),{ours}]),}})"#
        )
    };
    let ours = r#""testa0":({"TestMudA",1,}),"#;
    assert_eq!(world.read(a), [list("TestMudA", 1, ours)]);
    assert_eq!(world.read(b), [list("TestMudB", 1, ours)]);
    let request = r#"({"chanlist-req",5,"TestMudA",0,"*dstest",0,})"#;
    assert_eq!(world.ask(a, request), [list("TestMudA", 1, ours)]);
    assert_eq!(world.ask(a, &request.replace("-req", "-request")), [list("TestMudA", 1, ours)]);
    assert_eq!(
        world.ask(a, r#"({"channel-remove",5,"TestMudA","joe",0,0,"testa0",})"#),
        [list("TestMudA", 2, "")]
    );
    assert_eq!(world.read(b), [list("TestMudB", 2, "")]);
    assert!(!world.saved.keys().any(|(_, key)| key == "testa0"));
}

#[test]
fn what_cannot_be_added_says_why() {
    let mut world = World::new();
    let [a] = world.muds(["TestMudA"]);
    let long = "x".repeat(81);
    for (name, channel_type, message) in [
        ("dchat", 0, "Channel already exists: dchat".to_owned()),
        ("testa9", 3, "Invalid channel type: 3".to_owned()),
        (&long, 0, format!("Invalid channel name: {long}")),
        ("", 0, "Invalid channel name: ".to_owned()),
    ] {
        let add = format!(r#"({{"channel-add",5,"TestMudA","joe","*dstest",0,"{name}",{channel_type},}})"#);
        assert_eq!(
            world.ask(a, &add),
            [format!(r#"({{"error",5,"*dstest",0,"TestMudA","joe","not-allowed","{message}",{add},}})"#)]
        );
    }
}

#[test]
fn only_the_owner_removes_and_administers() {
    let (mut world, [_, b, _]) = hosted(1);
    for bad in [
        r#"({"channel-admin",5,"TestMudB","jane","*dstest",0,"ours",({"TestMudB",}),({}),})"#,
        r#"({"channel-remove",5,"TestMudB","jane","*dstest",0,"ours",})"#,
    ] {
        assert_eq!(
            world.ask(b, bad),
            [format!(
                r#"({{"error",5,"*dstest",0,"TestMudB","jane","not-allowed","Channel ours owned by: TestMudA",{bad},}})"#
            )]
        );
    }
    let bad = r#"({"channel-admin",5,"TestMudB","jane","*dstest",0,"ours",({"TestMudB",}),0,})"#;
    assert!(world.ask(b, bad)[0].contains(r#""bad-pkt""#));
}

#[test]
fn the_banned_neither_hear_nor_speak() {
    let (mut world, [a, b, c]) = hosted(0);
    assert!(world.ask(a, &listen("TestMudA")).is_empty());
    assert!(world.ask(c, &listen("TestMudC")).is_empty());
    let request = listen("TestMudB");
    assert_eq!(world.ask(b, &request), [refused("TestMudB", "Banned from ours", &request)]);
    let said = say("TestMudB");
    assert_eq!(
        world.ask(b, &said),
        [
            tuned_in("TestMudB", &said),
            refused("TestMudB", "Banned from ours", &request),
            refused("TestMudB", "Banned from ours", &said),
        ]
    );
    assert!(world.read(a).is_empty());
    assert_eq!(world.ask(c, &say("TestMudC")), [say("TestMudC")]);
    assert_eq!(world.read(a), [say("TestMudC")]);
}

#[test]
fn only_the_admitted_hear_and_speak() {
    let (mut world, [a, b, c]) = hosted(1);
    assert!(world.ask(a, &listen("TestMudA")).is_empty());
    assert!(world.ask(b, &listen("TestMudB")).is_empty());
    let request = listen("TestMudC");
    assert_eq!(world.ask(c, &request), [refused("TestMudC", "Not in allow list for ours", &request)]);
    let said = say("TestMudC");
    assert_eq!(world.ask(c, &said).last(), Some(&refused("TestMudC", "Not in allow list for ours", &said)));
    assert!(world.read(a).is_empty());
    assert_eq!(world.ask(b, &say("TestMudB")), [say("TestMudB")]);
    assert_eq!(world.read(a), [say("TestMudB")]);
    // Struck off the list, a mud no longer hears.
    world.send(a, r#"({"channel-admin",5,"TestMudA","joe","*dstest",0,"ours",({}),({"TestMudB",}),})"#);
    assert_eq!(world.ask(a, &say("TestMudA")), [say("TestMudA")]);
    assert!(world.read(b).is_empty());
}

#[test]
fn the_owner_of_a_filtered_channel_decides() {
    let (mut world, [a, b, c]) = hosted(2);
    world.send(a, &listen("TestMudA"));
    world.send(b, &listen("TestMudB"));
    let said = say("TestMudB");
    assert!(world.ask(b, &said).is_empty());
    assert_eq!(
        world.read(a),
        [format!(r#"({{"chan-filter-req",5,"*dstest",0,"TestMudA",0,"ours",{said},}})"#)]
    );
    let passed = said.replace("banned?", "filtered text");
    let reply = format!(r#"({{"chan-filter-reply",5,"TestMudA",0,"*dstest",0,"ours",{passed},}})"#);
    assert_eq!(world.ask(a, &reply), [passed.as_str()], "and no error beside it");
    assert_eq!(world.read(b), [passed]);
    // The owner itself needs no leave.
    assert_eq!(world.ask(a, &say("TestMudA")), [say("TestMudA")]);
    // Another mud's verdict does not count, nor one on another channel.
    let stranger = reply.replace("TestMudA", "TestMudC");
    assert!(world.ask(c, &stranger)[0].contains("You are not the owner of ours"));
    let other = reply.replacen("\"ours\"", "\"dchat\"", 1);
    assert!(world.ask(a, &other)[0].contains("You are not the owner of dchat"));
    let mixed = format!(
        r#"({{"chan-filter-reply",5,"TestMudA",0,"*dstest",0,"ours",{},}})"#,
        said.replace("ours", "dchat")
    );
    assert!(world.ask(a, &mixed)[0].contains("The packet is for another channel"));
}

#[test]
fn without_its_owner_a_filtered_channel_is_silent() {
    let (mut world, [a, _, c]) = hosted(2);
    world.lose(a);
    world.wait(millis(100));
    let said = say("TestMudC");
    assert_eq!(
        world.ask(c, &said),
        [
            tuned_in("TestMudC", &said),
            refused("TestMudC", "Not in allow list for ours", &listen("TestMudC")),
            format!(
                r#"({{"error",5,"*dstest",0,"TestMudC","jane","unk-dst","TestMudA is not online to filter ours",{said},}})"#
            ),
        ]
    );
}
