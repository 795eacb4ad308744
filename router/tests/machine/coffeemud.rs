//! CoffeeMud's rules. Where a text is compared, it is that of a captured frame with other names.

use crate::world::{SERVICES, World, dialect, entry, millis, secs, startup};
use i3_core::machine::Saved;
use i3_router::Dialect;

fn world() -> World {
    World::with(dialect(Dialect::CoffeeMud), Saved::default())
}

/// Its entry in a mudlist: other data are a mapping, always.
fn coffee_entry(name: &str, state: i64, ip: &str) -> String {
    entry(name, state, ip).replace(",0,}),", ",([]),}),")
}

fn muds<const N: usize>(world: &mut World, names: [&str; N]) -> [usize; N] {
    let muds = names.map(|name| {
        let mud = world.connect("127.0.0.1");
        assert!(world.ask_slowly(mud, &startup(name, 0))[0].starts_with(r#"({"startup-reply""#));
        mud
    });
    for mud in muds {
        world.read(mud);
    }
    muds
}

fn frame(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_be_bytes(), text.as_bytes()].concat()
}

fn tell(text: &str) -> String {
    format!(r#"({{"tell",5,"A","joe","B","jane","Joe","{text}",}})"#)
}

fn error(user: &str, code: &str, message: &str, packet: &str) -> String {
    format!(r#"({{"error",5,"*dstest",0,"A","{user}","{code}","{message}",{packet},}})"#)
}

#[test]
fn a_login_is_answered_in_a_tick_with_password_minus_one_and_a_list_with_the_mud_itself() {
    let mut world = world();
    for password in [999, 5, 7] {
        let mud = world.connect("127.0.0.1");
        world.send(mud, &startup("A", password));
        assert!(world.read(mud).is_empty(), "a tick takes 250 ms");
        world.wait(millis(250));
        let frames = world.read(mud);
        assert_eq!(
            frames[0],
            r#"({"startup-reply",5,"*dstest",0,"A",0,({({"*dstest","127.0.0.1 28080",}),}),-1,})"#
        );
        assert!(frames[1].contains(&coffee_entry("A", -1, "127.0.0.1")), "{}", frames[1]);
        assert!(
            frames[2].starts_with(r#"({"chanlist-reply",5,"*dstest",0,"A",0,0,(["dchat":({"*dstest",0,}),"#)
        );
        assert_eq!(frames.len(), 3);
    }
}

#[test]
fn the_name_of_another_router_ends_the_connection_without_a_word_and_case_does_not_matter() {
    let mut world = world();
    for to in ["\"*i4\"", "\"\"", "0"] {
        let mud = world.connect("127.0.0.1");
        let login = startup("A", 0).replace("\"*dstest\"", to);
        assert!(world.ask_slowly(mud, &login).is_empty());
        assert!(!world.peers[mud].open, "{to}");
    }
    let mud = world.connect("127.0.0.1");
    assert_eq!(world.ask_slowly(mud, &startup("A", 0).replace("*dstest", "*DSTest")).len(), 3);
}

#[test]
fn what_comes_before_a_login_is_passed_over_and_ten_seconds_end_the_wait() {
    let mut world = world();
    let late = world.connect("127.0.0.1");
    for text in [
        tell("hi"),
        startup("A", 0).replace("startup-req-3", "startup-req-2"),
        // A comma is missing: silence, as for any text.
        startup("A", 0).replace(",0,})", ",0})"),
    ] {
        assert!(world.ask_slowly(late, &text).is_empty());
    }
    assert_eq!(world.ask_slowly(late, &startup("A", 0)).len(), 3);
    let silent = world.connect("127.0.0.1");
    world.wait(millis(9_999));
    assert!(world.peers[silent].open);
    world.wait(millis(1));
    assert!(!world.peers[silent].open && world.peers[late].open);
}

#[test]
fn an_auth_mud_req_to_oneself_is_eaten_and_a_ping_req_or_a_tell_comes_back() {
    let mut world = world();
    let [a] = muds(&mut world, ["A"]);
    assert!(world.ask_slowly(a, r#"({"auth-mud-req",5,"A",0,"A",0,})"#).is_empty());
    for text in [r#"({"ping-req",5,"A",0,"A",0,0,})"#, r#"({"tell",5,"A","joe","A","jane","Joe","hi",})"#] {
        assert_eq!(world.ask_slowly(a, text), [text]);
    }
    // Without its last element too.
    assert_eq!(
        world.ask_slowly(a, r#"({"ping-req",5,"A",0,"A",0,})"#),
        [r#"({"ping-req",5,"A",0,"A",0,0,})"#]
    );
}

#[test]
fn the_mudlist_comes_in_fives_under_one_id_and_keeps_muds_that_are_gone() {
    let mut world = world();
    let muds = muds(&mut world, ["A", "B", "C", "D", "E", "F"]);
    assert!(world.ask_slowly(muds[0], r#"({"shutdown",5,"A",0,"null",0,0,0,})"#).is_empty());
    assert!(!world.peers[muds[0]].open);
    let down = coffee_entry("A", 0, "127.0.0.1");
    assert_eq!(world.read(muds[1]), [format!(r#"({{"mudlist",5,"*dstest",0,"B",0,7,([{down}]),}})"#)]);
    world.wait(secs(30 * 24 * 3600));
    world.read(muds[1]);
    let mud = world.connect("127.0.0.1");
    let frames = world.ask_slowly(mud, &startup("G", 0));
    let lists: Vec<&String> = frames.iter().filter(|text| text.starts_with(r#"({"mudlist""#)).collect();
    assert_eq!(lists.iter().map(|text| text.matches("\"TestBase\"").count()).collect::<Vec<_>>(), [5, 2]);
    assert!(lists.iter().all(|text| text.split(',').nth(6) == Some("8")), "{lists:?}");
    assert!(lists[0].contains(&down));
    // The others hear of it at once, it does not.
    let up = coffee_entry("G", -1, "127.0.0.1");
    assert_eq!(world.read(muds[1]), [format!(r#"({{"mudlist",5,"*dstest",0,"B",0,8,([{up}]),}})"#)]);
    assert!(world.ask_slowly(muds[1], r#"({"tell",5,"B","x","A","y","X","hi",})"#)[0].contains("unk-dst"));
}

#[test]
fn as_many_channel_lists_come_as_there_are_fives_of_muds() {
    let mut world = world();
    let [a] = muds(&mut world, ["A"]);
    for number in 0..6 {
        let add = format!(r#"({{"channel-add",5,"A","root","*dstest",0,"ch{number}",0,}})"#);
        assert!(world.ask_slowly(a, &add).is_empty(), "success is silent, and no list follows");
    }
    assert!(world.ask_slowly(a, r#"({"channel-remove",5,"A","root","*dstest",0,"ch0",})"#).is_empty());
    let list_sizes = |world: &mut World, name: &str| {
        let mud = world.connect("127.0.0.1");
        let frames = world.ask_slowly(mud, &startup(name, 0));
        let lists = frames.iter().filter(|text| text.starts_with(r#"({"chanlist-reply""#));
        lists.map(|text| text.matches(":({").count()).collect::<Vec<_>>()
    };
    // Eight channels, one of them removed, and two muds: one list, and three channels that nobody hears of.
    assert_eq!(list_sizes(&mut world, "B"), [5]);
    for name in ["C", "D", "E"] {
        list_sizes(&mut world, name);
    }
    assert_eq!(list_sizes(&mut world, "F"), [5, 3]);
    for number in 0..5 {
        list_sizes(&mut world, &format!("G{number}"));
    }
    assert_eq!(list_sizes(&mut world, "H"), [5, 3, 0]);
}

#[test]
fn four_packets_a_second_pass_of_each_mud() {
    let mut world = world();
    let [a, b, c] = muds(&mut world, ["A", "B", "C"]);
    let other = tell("c").replace("\"A\"", "\"C\"");
    world.send_bytes(a, &(0..5).flat_map(|number| frame(&tell(&number.to_string()))).collect::<Vec<_>>());
    world.send_bytes(c, &frame(&other));
    world.wait(millis(250));
    assert_eq!(world.read(b), [tell("0"), other]);
    for number in 1..5 {
        world.wait(millis(249));
        assert!(world.read(b).is_empty());
        world.wait(millis(1));
        assert_eq!(world.read(b), [tell(&number.to_string())]);
    }
}

#[test]
fn an_unparsable_frame_takes_what_lies_behind_it_along_and_an_unknown_type_does_not() {
    let mut world = world();
    let [a, b] = muds(&mut world, ["A", "B"]);
    for (bad, pass) in [
        (tell("x").replace(",})", "})"), 0),
        (tell(r"a\xb"), 0),
        (tell("x").replace("tell", "emoteto"), 3),
        (r#"({"news-read-req",5,"A",0,"B",0,"x",})"#.to_owned(), 3),
        (tell("x").replace("\"x\"", "7"), 3),
    ] {
        let burst = [frame(&bad), frame(&tell("1")), frame(&tell("2")), frame(&tell("3"))].concat();
        world.send_bytes(a, &burst);
        world.wait(secs(2));
        assert_eq!(world.read(b).len(), pass, "{bad}");
        assert!(world.read(a).is_empty(), "there is no error");
    }
}

#[test]
fn a_frame_too_long_is_dropped_and_the_connection_stays() {
    let mut world = world();
    let [a, b] = muds(&mut world, ["A", "B"]);
    world.send_bytes(a, &frame(&tell(&"x".repeat(70_000))));
    world.wait(secs(1));
    assert!(world.ask_slowly(a, &tell("after")).is_empty());
    assert_eq!(world.read(b), [tell("after")]);
    assert_eq!(world.router.metrics().dropped["frame too long"], 1);
}

#[test]
fn a_heap_of_big_frames_is_lost_for_the_most_part() {
    let mut world = world();
    let [a, b] = muds(&mut world, ["A", "B"]);
    world.send_bytes(a, &frame(&tell(&"x".repeat(8000))).repeat(300));
    world.wait(secs(100));
    assert_eq!(world.read(b).len(), 12);
    assert!(world.ask_slowly(a, &tell("after")).is_empty());
    assert_eq!(world.read(b), [tell("after")]);
}

#[test]
fn texts_leave_without_escapes_in_latin_1() {
    let mut world = world();
    let [a, b] = muds(&mut world, ["A", "B"]);
    for (sent, arrives) in [
        (r#"say \"hi\" now"#, r#"say "hi" now"#),
        (r"c:\\new", r"c:\new"),
        ("two\rlines\tand\x1b[0m", "two?lines?and?[0m"),
        ("\u{65e5}\u{672c}", "??"),
    ] {
        assert!(world.ask_slowly(a, &tell(sent)).is_empty());
        assert_eq!(world.read(b), [tell(arrives)]);
    }
    world.send(a, &tell("caf\u{e9}"));
    world.wait(millis(250));
    assert!(world.bytes(b).windows(4).any(|bytes| bytes == b"caf\xe9"));
}

#[test]
fn what_does_not_pass_is_answered_as_captured() {
    let mut world = world();
    let [a, _] = muds(&mut world, ["A", "B"]);
    for (sent, user, code, message) in [
        (tell("hi").replace("\"B\"", "\"Nope\""), "joe", "unk-dst", "Unknown mud 'Nope'"),
        (tell("hi").replace("\"B\"", "\"b\""), "joe", "unk-dst", "Unknown mud 'b'"),
        (tell("hi").replace("\"B\"", "\"*dstest\""), "joe", "unk-dst", "Unknown mud '*dstest'"),
        (r#"({"auth-mud-req",5,"A",0,"*dstest",0,})"#.to_owned(), "", "unk-dst", "Unknown mud '*dstest'"),
        (
            r#"({"mudlist",5,"A",0,"*dstest",0,0,([]),})"#.to_owned(),
            "A",
            "not-allowed",
            "Not allowed to send this packet.",
        ),
        (
            r#"({"channel-m",5,"A","joe",0,0,"nochan","Joe","x",})"#.to_owned(),
            "joe",
            "unk-channel",
            "Unknown channel 'nochan'.",
        ),
        (
            r#"({"channel-listen",5,"A",0,"*dstest",0,"nochan",1,})"#.to_owned(),
            "",
            "unk-channel",
            "The channel nochan is unknown.",
        ),
        (
            r#"({"channel-remove",5,"A","root","*dstest",0,"nochan",})"#.to_owned(),
            "root",
            "bad-channel",
            "The channel nochan doesnt exists.",
        ),
        (
            r#"({"channel-admin",5,"A","root","*dstest",0,"dchat",({"B",}),({}),})"#.to_owned(),
            "root",
            "not-allowed",
            "The channel dchat may not be altered by you.",
        ),
    ] {
        assert_eq!(world.ask_slowly(a, &sent), [error(user, code, message, &sent)]);
    }
    // The target of these is lost on the way.
    for (sent, shown, user, code, message) in [
        (
            r#"({"channel-add",5,"A","root","*dstest",0,"dchat",0,})"#,
            r#"({"channel-add",5,"A","root","",0,"dchat",0,})"#,
            "root",
            "bad-channel",
            "The channel dchat already exists.",
        ),
        (
            r#"({"ucache-update",5,"A",0,"*dstest",0,"joe","Joe",0,})"#,
            r#"({"ucache-update",5,"A",0,0,0,"joe","Joe",0,})"#,
            "",
            "not-allowed",
            "Not allowed to send this packet.",
        ),
    ] {
        assert_eq!(world.ask_slowly(a, sent), [error(user, code, message, shown)]);
    }
    for silent in
        [tell("hi").replace("\"B\"", "0"), r#"({"error",5,"A",0,"Nope","x","unk-user","?",0,})"#.to_owned()]
    {
        assert!(world.ask_slowly(a, &silent).is_empty());
    }
    let again = world.ask_slowly(a, &startup("A", 0));
    assert_eq!(again.len(), 1);
    assert!(again[0].starts_with(
        r#"({"error",5,"*dstest",0,"A","A","not-allowed","Not allowed to send this packet.",({"startup-req-3",5,"A",0,"#
    ));
}

#[test]
fn a_forged_sender_and_any_hops_pass() {
    let mut world = world();
    let [a, b] = muds(&mut world, ["A", "B"]);
    for (sent, arrives) in [
        (
            r#"({"tell",0,"Else","joe","B","jane","Joe","hi",})"#,
            r#"({"tell",5,"Else","joe","B","jane","Joe","hi",})"#,
        ),
        (r#"({"TELL",200,"A",0,"B","jane","Joe","hi",})"#, r#"({"tell",5,"A","","B","jane","Joe","hi",})"#),
        (r#"({"chan-who-req",5,"A","joe","B",0,"chat",})"#, r#"({"chan-who-req",5,"A","joe","B",0,"",})"#),
    ] {
        assert!(world.ask_slowly(a, sent).is_empty());
        assert_eq!(world.read(b), [arrives]);
    }
}

#[test]
fn channel_lines_and_locates_go_to_the_others_only_and_subscriptions_end_with_the_session() {
    let mut world = world();
    let [a, b, c] = muds(&mut world, ["A", "B", "C"]);
    let line = r#"({"channel-m",5,"A","joe",0,0,"dchat","Joe","hi",})"#;
    for (mud, name) in [(a, "A"), (b, "B")] {
        let listen = format!(r#"({{"channel-listen",5,"{name}",0,"*dstest",0,"dchat",1,}})"#);
        assert!(world.ask_slowly(mud, &listen).is_empty());
    }
    assert!(world.ask_slowly(a, line).is_empty(), "no echo");
    assert_eq!((world.read(b), world.read(c).len()), (vec![line.to_owned()], 0));
    // A speaker need not listen.
    let other = line.replace("\"A\"", "\"C\"");
    assert!(world.ask_slowly(c, &other).is_empty());
    assert_eq!((world.read(a), world.read(b)), (vec![other.clone()], vec![other]));
    let locate = r#"({"locate-req",5,"A","joe",0,0,"jane",})"#;
    assert!(world.ask_slowly(a, locate).is_empty());
    assert_eq!((world.read(b), world.read(c)), (vec![locate.to_owned()], vec![locate.to_owned()]));
    let again = world.connect("127.0.0.1");
    world.ask_slowly(again, &startup("B", 0));
    world.read(a);
    assert!(world.ask_slowly(a, line).is_empty());
    assert!(world.read(again).is_empty());
}

#[test]
fn lists_count_for_the_owner_too_but_only_when_listening_begins_and_anybody_may_remove() {
    let mut world = world();
    let [a, b] = muds(&mut world, ["A", "B"]);
    let listen = |name: &str, channel: &str| {
        format!(r#"({{"channel-listen",5,"{name}",0,"*dstest",0,"{channel}",1,}})"#)
    };
    world.ask_slowly(a, r#"({"channel-add",5,"A","root","*dstest",0,"club",1,})"#);
    let refused = world.ask_slowly(a, &listen("A", "club"));
    assert_eq!(
        refused,
        [error("", "not-allowed", "Not allowed to listen to this channel.", &listen("A", "club"))]
    );
    world.ask_slowly(a, r#"({"channel-admin",5,"A","root","*dstest",0,"club",({"B",}),({}),})"#);
    assert!(world.ask_slowly(b, &listen("B", "club")).is_empty());
    world.ask_slowly(a, r#"({"channel-admin",5,"A","root","*dstest",0,"club",({}),({"B",}),})"#);
    world.ask_slowly(a, r#"({"channel-e",5,"A","joe",0,0,"club","Joe","smiles",})"#);
    assert_eq!(world.read(b), [r#"({"channel-e",5,"A","joe",0,0,"club","Joe","smiles",})"#]);
    assert!(world.ask_slowly(b, r#"({"channel-remove",5,"B","root","*dstest",0,"club",})"#).is_empty());
    assert!(world.ask_slowly(b, &listen("B", "club"))[0].contains("unk-channel"));
    assert!(world.ask_slowly(b, r#"({"channel-add",5,"B","root","*dstest",0,"club",0,})"#).is_empty());
}

#[test]
fn a_second_login_takes_over_and_the_old_connection_stays_open_and_deaf() {
    let mut world = world();
    let [old, b] = muds(&mut world, ["A", "B"]);
    let new = world.connect("127.0.0.2");
    assert_eq!(world.ask_slowly(new, &startup("A", 3)).len(), 3);
    world.read(b);
    assert!(world.ask_slowly(old, &tell("from the grave")).is_empty());
    assert!(world.read(b).is_empty() && world.peers[old].open);
    world.ask_slowly(b, r#"({"tell",5,"B","jane","A","joe","Jane","hi",})"#);
    assert_eq!((world.read(old).len(), world.read(new).len()), (0, 1));
    world.lose(old);
    world.ask_slowly(b, r#"({"tell",5,"B","jane","A","joe","Jane","hi",})"#);
    assert_eq!(world.read(new).len(), 1);
}

#[test]
fn a_lost_connection_is_noticed_when_something_is_written_to_it() {
    let mut world = world();
    let [a, b, c] = muds(&mut world, ["A", "B", "C"]);
    world.lose(b);
    world.wait(secs(300));
    assert!(world.read(a).is_empty() && world.read(c).is_empty());
    assert!(world.ask_slowly(a, &tell("into the void"))[0].contains(&coffee_entry("B", 0, "127.0.0.1")));
    assert_eq!(world.read(c).len(), 1);
    assert_eq!(
        world.ask_slowly(a, &tell("again")),
        [error("joe", "unk-dst", "Unknown mud 'B'", &tell("again"))]
    );
    // Nobody noticed, and it is back.
    world.lose(c);
    let c = world.connect("127.0.0.1");
    assert_eq!(world.ask_slowly(c, &startup("C", 0)).len(), 3);
    world.read(a);
    world.ask_slowly(a, &tell("hi").replace("\"B\"", "\"C\""));
    assert_eq!(world.read(c).len(), 1);
}

#[test]
fn a_name_must_start_with_a_letter_or_a_parenthesis_else_there_is_never_an_answer() {
    let mut world = world();
    let [a] = muds(&mut world, ["A"]);
    for name in ["9Mud", "", "*evil"] {
        let mud = world.connect("127.0.0.1");
        assert!(world.ask_slowly(mud, &startup(name, 0)).is_empty());
        world.wait(secs(20));
        assert!(world.read(mud).is_empty() && world.peers[mud].open, "{name}");
        // The others hear of it all the same.
        assert!(world.read(a)[0].contains(&coffee_entry(name, -1, "127.0.0.1")));
        world.lose(mud);
    }
    let mud = world.connect("127.0.0.1");
    assert_eq!(world.ask_slowly(mud, &startup("(paren) Mud", 0)).len(), 3);
}

#[test]
fn ten_minutes_of_silence_bring_a_ping_req_that_needs_no_answer() {
    let mut world = world();
    let [a] = muds(&mut world, ["A"]);
    world.ask_slowly(a, r#"({"ping-req",5,"A",0,"A",0,0,})"#);
    world.read(a);
    for _ in 0..3 {
        world.wait(secs(599));
        assert!(world.read(a).is_empty());
        world.wait(secs(1));
        assert_eq!(world.read(a), [r#"({"ping-req",5,"*dstest",0,"A",0,0,})"#]);
    }
    assert!(world.peers[a].open);
}

#[test]
fn after_a_restart_all_muds_are_listed_as_down_and_ids_go_on() {
    let mut world = world();
    let [a, _] = muds(&mut world, ["A", "B"]);
    world.ask_slowly(a, r#"({"channel-add",5,"A","root","*dstest",0,"club",0,})"#);
    let mut world = world.restarted();
    let c = world.connect("127.0.0.1");
    let frames = world.ask_slowly(c, &startup("C", 0));
    assert!(frames[1].starts_with(r#"({"mudlist",5,"*dstest",0,"C",0,3,"#), "{}", frames[1]);
    assert_eq!(frames[1].matches(r#":({0,"127.0.0.1""#).count(), 2);
    assert!(
        frames[2].starts_with(r#"({"chanlist-reply",5,"*dstest",0,"C",0,1,"#)
            && frames[2].contains("\"club\"")
    );
}

#[test]
fn a_login_is_read_up_to_its_first_mistake() {
    let mut world = world();
    for (login, shown) in [
        (
            startup("P", 0).replace("4000", "\"4000\""),
            r#""P":({-1,"127.0.0.1",0,0,0,"","","","","","",([]),([]),}),"#.to_owned(),
        ),
        (
            startup("Q", 0).replace(SERVICES, "({\"tell\",})"),
            coffee_entry("Q", -1, "127.0.0.1").replace(SERVICES, "([])"),
        ),
        (
            startup("R", 0).replace(",0,})", r#",(["n":5,"list":({1,"x",}),]),})"#),
            coffee_entry("R", -1, "127.0.0.1").replace(",([]),}),", r#",(["n":"5","list":"[1, x]",]),}),"#),
        ),
    ] {
        let mud = world.connect("127.0.0.1");
        let frames = world.ask_slowly(mud, &login);
        assert!(frames[1].contains(&shown), "{}\n{shown}", frames[1]);
    }
}
