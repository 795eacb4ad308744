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
