//! The published text of version 3, rule by rule.

use crate::world::{SERVICES, World, dialect, entry, password, secs, startup};
use i3_core::machine::Saved;
use i3_router::Dialect;

fn world() -> World {
    World::with(dialect(Dialect::Specification), Saved::default())
}

fn login(world: &mut World, name: &str, ip: &str) -> usize {
    let mud = world.connect(ip);
    assert!(world.ask(mud, &startup(name, 0))[0].starts_with(r#"({"startup-reply""#));
    mud
}

fn muds<const N: usize>(world: &mut World, names: [&str; N]) -> [usize; N] {
    let muds = names.map(|name| login(world, name, "127.0.0.1"));
    for mud in muds {
        world.read(mud);
    }
    muds
}

/// The id of a list.
fn id(list: &str) -> i64 {
    list.split(',').nth(6).and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no id: {list}"))
}

fn error(to: &str, user: &str, code: &str) -> String {
    format!(r#"({{"error",5,"*dstest",0,{to},{user},"{code}","#)
}

#[test]
fn a_login_is_answered_with_the_router_list_a_password_and_the_lists() {
    let mut world = world();
    let mud = world.connect("127.0.0.1");
    let frames = world.ask(mud, &startup("A", 0));
    let given = password(&frames[0]);
    assert_eq!(
        frames[0],
        format!(
            r#"({{"startup-reply",5,"*dstest",0,"A",0,({{({{"*dstest","127.0.0.1 28080",}}),}}),{given},}})"#
        )
    );
    assert!(given > 0 && frames[1].contains(&entry("A", -1, "127.0.0.1")));
    assert!(frames[2].starts_with(r#"({"chanlist-reply",5,"*dstest",0,"A",0,"#));
    world.wait(secs(600));
    assert!(world.read(mud).is_empty(), "the list comes once, and a mud hears nothing of itself");
}

#[test]
fn versions_1_and_2_may_log_in() {
    let mut world = world();
    let [new] = muds(&mut world, ["New"]);
    let first = world.connect("127.0.0.1");
    let login = startup("Old", 0).replace("startup-req-3", "startup-req-1");
    let login = login.replace(r#""admin@example.org","#, "").replace(",0,})", ",})");
    let frames = world.ask(first, &login);
    // Neither e-mail nor other data.
    assert!(frames[1].contains(&format!(r#""mudlib development",{SERVICES},}}),"#)), "{}", frames[1]);
    assert!(world.read(new)[0].contains(&format!(r#""mudlib development","",{SERVICES},0,}}),"#)));
    let second = world.connect("127.0.0.1");
    assert_eq!(world.ask(second, &startup("Two", 0).replace("startup-req-3", "startup-req-2")).len(), 3);
    // Version 3 made the locate-reply longer.
    let (short, long) = (
        r#"({"locate-reply",5,"Old",0,"New","x","Old","Joe",})"#,
        r#"({"locate-reply",5,"New",0,"Two","x","New","Joe",5,"editing",})"#,
    );
    world.read(new);
    world.read(first);
    world.send(first, short);
    world.send(new, long);
    assert_eq!(world.read(new), [r#"({"locate-reply",4,"Old",0,"New","x","Old","Joe",0,0,})"#]);
    assert_eq!(world.read(second), [r#"({"locate-reply",4,"New",0,"Two","x","New","Joe",})"#]);
}

#[test]
fn what_is_wrong_with_a_login_is_answered() {
    for (from, to, name, code) in [
        (",0,})", ",})", r#""A""#, "bad-pkt"),
        ("startup-req-3", "startup-req-4", r#""A""#, "bad-proto"),
        ("\"*dstest\"", "\"*i4\"", r#""A""#, "unk-dst"),
        ("\"A\"", "\"*A\"", r#""*A""#, "not-allowed"),
        ("\"A\"", "\"\"", "0", "not-allowed"),
        (SERVICES, "0", r#""A""#, "bad-pkt"),
    ] {
        let mut world = world();
        let mud = world.connect("127.0.0.1");
        let answer = world.ask(mud, &startup("A", 0).replace(from, to));
        assert!(
            answer.len() == 1 && answer[0].starts_with(&error(name, "0", code)),
            "{from} -> {to}: {answer:?}"
        );
        assert_eq!(world.ask(mud, &startup("A", 0)).len(), 3);
        assert!(
            world.ask(mud, &startup("A", 0))[0].starts_with(&error("\"A\"", "0", "bad-proto")),
            "only once"
        );
    }
}

#[test]
fn a_password_is_needed_from_another_address_only() {
    let mut world = world();
    let first = login(&mut world, "A", "127.0.0.1");
    world.lose(first);
    let elsewhere = world.connect("127.0.0.2");
    assert!(world.ask(elsewhere, &startup("A", 7))[0].starts_with(&error("\"A\"", "0", "not-allowed")));
    login(&mut world, "A", "127.0.0.1");
}

#[test]
fn strangers_and_forgers_are_told() {
    let mut world = world();
    let [a] = muds(&mut world, ["A"]);
    let stranger = world.connect("127.0.0.9");
    let tell = r#"({"tell",5,"X","joe","A","jane","Joe","hi",})"#;
    assert!(world.ask(stranger, tell)[0].starts_with(&error("\"X\"", "\"joe\"", "unk-src")));
    assert!(world.ask(stranger, r#"({"error",5,"X",0,"A",0,"x","y",0,})"#).is_empty());
    assert!(world.ask(a, tell)[0].starts_with(&error("\"A\"", "\"joe\"", "unk-src")));
}

#[test]
fn every_failure_has_its_code() {
    let mut world = world();
    let [a, b] = muds(&mut world, ["A", "B"]);
    world.lose(b);
    for (sent, user, code) in [
        (r#"({"tell",5,"A","joe","Nope","x","Joe","hi",})"#, "\"joe\"", "unk-dst"),
        // Known, and away.
        (r#"({"tell",5,"A","joe","B","x","Joe","hi",})"#, "\"joe\"", "unk-dst"),
        (r#"({"tell","5","A","joe","B","x","Joe","hi",})"#, "\"joe\"", "bad-pkt"),
        (r#"({"who-req",5,"A","joe","*dstest",0,})"#, "\"joe\"", "not-imp"),
        (r#"({"frobnicate",5,"A","joe","*dstest",0,})"#, "\"joe\"", "unk-type"),
        (r#"({"chanlist-req",5,"A",0,"*dstest",0,})"#, "0", "unk-type"),
        (r#"({"channel-blah",5,"A",0,"*dstest",0,"dchat",})"#, "0", "unk-type"),
        (r#"({"mudlist",5,"A",0,"B",0,1,([]),})"#, "0", "bad-proto"),
        (r#"({"channel-remove",5,"A","root","*dstest",0,"dchat",})"#, "\"root\"", "not-allowed"),
        (r#"({"channel-m",5,"A","joe",0,0,"nochan","Joe","hi",})"#, "\"joe\"", "unk-channel"),
        (r#"({"channel-m",5,"A","joe",0,0,"dchat","Joe",})"#, "\"joe\"", "bad-pkt"),
    ] {
        let answer = world.ask(a, sent);
        assert!(
            answer.len() == 1 && answer[0].starts_with(&error("\"A\"", user, code)),
            "{sent}: {answer:?}"
        );
        assert!(answer[0].ends_with(&format!(",{sent},}})")));
    }
}

#[test]
fn a_packet_has_so_many_hops() {
    let mut world = world();
    let [a, b] = muds(&mut world, ["A", "B"]);
    for (hops, left) in [(5, Some(4)), (1, Some(0)), (0, None), (-1, None)] {
        let tell = |hops: i32| format!(r#"({{"tell",{hops},"A","joe","B","x","Joe","hi",}})"#);
        assert!(world.ask(a, &tell(hops)).is_empty());
        assert_eq!(world.read(b), left.map(tell).into_iter().collect::<Vec<_>>());
    }
    assert!(world.ask(a, r#"({"channel-listen",5,"A",0,"*dstest",0,"dchat",1,})"#).is_empty());
    let line = r#"({"channel-m",5,"A","joe",0,0,"dchat","Joe","hi",})"#;
    assert_eq!(world.ask(a, line), [line.replace(",5,", ",4,")]);
}

#[test]
fn the_mudlist_holds_what_has_changed_since_the_id_that_a_mud_has() {
    let mut world = world();
    let [a] = muds(&mut world, ["A"]);
    world.wait(secs(5));
    let b = world.connect("127.0.0.1");
    let full = world.ask(b, &startup("B", 0))[1].clone();
    assert!(full.contains("\"A\":({-1,") && full.contains("\"B\":({-1,"));
    let news = world.read(a);
    assert_eq!((news.len(), id(&news[0])), (1, id(&full)));
    assert!(news[0].contains("\"B\":({-1,") && !news[0].contains("\"A\":({"));
    world.send(b, r#"({"shutdown",5,"B",0,"*dstest",0,604801,})"#);
    let deleted = world.read(a).pop().unwrap();
    assert!(deleted.ends_with(r#"(["B":0,]),})"#) && id(&deleted) > id(&full));
    let again = |world: &mut World, old: i64| {
        let mud = world.connect("127.0.0.1");
        let login = startup("C", 0).replace("0,-1,-1,", &format!("0,{old},-1,"));
        let list = world.ask(mud, &login)[1].clone();
        world.send(mud, r#"({"shutdown",5,"C",0,"*dstest",0,604801,})"#);
        list
    };
    let delta = again(&mut world, id(&full));
    assert!(
        delta.contains("\"B\":0,") && delta.contains("\"C\":({-1,") && !delta.contains("\"A\""),
        "{delta}"
    );
    // An id of nobody's gets all.
    for old in [0, 7, i64::from(i32::MAX) * 2] {
        assert!(again(&mut world, old).contains("\"A\":({-1,"));
    }
    // Ids are times, and grow over a restart.
    let before = id(&again(&mut world, 0));
    let mut world = world.restarted();
    world.wait(secs(10));
    assert!(again(&mut world, before).contains("\"A\":({0,"));
}

#[test]
fn a_lost_mud_is_up_for_five_more_minutes_and_a_long_shutdown_is_told_at_once() {
    let mut world = world();
    let [a, b, c] = muds(&mut world, ["A", "B", "C"]);
    world.lose(b);
    world.wait(secs(299));
    assert!(world.read(a).is_empty());
    world.wait(secs(1));
    assert!(world.read(a)[0].contains("\"B\":({0,"));
    let b = login(&mut world, "B", "127.0.0.1");
    world.lose(b);
    world.wait(secs(200));
    login(&mut world, "B", "127.0.0.1");
    world.read(a);
    world.wait(secs(600));
    assert!(world.read(a).is_empty(), "it came back in time");
    world.send(c, r#"({"shutdown",5,"C",0,"*dstest",0,3600,})"#);
    assert!(world.read(a)[0].contains("\"C\":({3600,"));
    world.wait(secs(600));
    assert!(world.read(a).is_empty());
}

#[test]
fn the_channel_list_tells_only_what_changes_and_an_owner_may_change_a_type() {
    let mut world = world();
    let [a, b] = muds(&mut world, ["A", "B"]);
    let mut last = 0;
    for (sent, list) in [
        (r#"({"channel-add",5,"A","root","*dstest",0,"club",0,})"#, r#"(["club":({"A",0,}),])"#),
        (r#"({"channel-add",5,"A","root","*dstest",0,"club",1,})"#, r#"(["club":({"A",1,}),])"#),
        (r#"({"channel-remove",5,"A","root","*dstest",0,"club",})"#, r#"(["club":0,])"#),
    ] {
        world.send(a, sent);
        let news = world.read(b);
        assert!(news.len() == 1 && news[0].ends_with(&format!("{list},}})")), "{news:?}");
        assert!(id(&news[0]) > last);
        last = id(&news[0]);
    }
    // Who has that id hears nothing, who has an older one of what has changed since.
    let old = |last: i64| startup("C", 0).replace("0,-1,-1,", &format!("0,-1,{last},"));
    let c = world.connect("127.0.0.1");
    assert_eq!(world.ask(c, &old(last)).len(), 2);
    world.lose(c);
    let c = world.connect("127.0.0.1");
    assert!(world.ask(c, &old(last - 1))[2].ends_with(r#"(["club":0,]),})"#));
}

#[test]
fn nobody_is_made_to_listen_no_emote_is_signed_and_a_ban_is_told() {
    let mut world = world();
    let [a, b] = muds(&mut world, ["A", "B"]);
    world.send(b, r#"({"channel-listen",5,"B",0,"*dstest",0,"dchat",1,})"#);
    assert!(world.ask(a, r#"({"channel-e",5,"A","joe",0,0,"dchat","Joe","smiles",})"#).is_empty());
    assert_eq!(world.read(b), [r#"({"channel-e",4,"A","joe",0,0,"dchat","Joe","smiles",})"#]);
    world.send(a, r#"({"channel-add",5,"A","root","*dstest",0,"club",1,})"#);
    world.read(b);
    let refused = world.ask(b, r#"({"channel-m",5,"B","joe",0,0,"club","Joe","hi",})"#);
    assert!(refused.len() == 1 && refused[0].contains("\"not-allowed\""), "{refused:?}");
}

#[test]
fn a_ucache_update_goes_to_those_who_keep_one() {
    let mut world = world();
    let [a, b] = muds(&mut world, ["A", "B"]);
    let c = world.connect("127.0.0.1");
    world.ask(c, &startup("C", 0).replace("\"ucache\":1,", ""));
    world.read(b);
    world.send(a, r#"({"ucache-update",5,"A",0,0,0,"joe","Joe",0,})"#);
    assert_eq!((world.read(b).len(), world.read(c).len()), (1, 0));
}

#[test]
fn nobody_is_ignored_for_sending_much() {
    let mut world = world();
    let [a, b] = muds(&mut world, ["A", "B"]);
    for _ in 0..100 {
        assert!(world.ask(a, r#"({"tell",5,"A","joe","B","x","Joe","hi",})"#).is_empty());
    }
    assert_eq!(world.read(b).len(), 100);
}
