//! Logging in, and what is told about it.

use crate::world::{SERVICES, World, entry, millis, password, secs, startup};

#[test]
fn the_first_mud_gets_the_sequence_that_was_captured() {
    let mut world = World::new();
    let mud = world.connect("127.0.0.1");
    assert!(world.read(mud).is_empty(), "a router never speaks first");
    world.send(mud, &startup("TestMudA", 0));
    let frames = world.read(mud);
    let password = password(&frames[0]);
    assert!((100_000_000..1_000_000_000).contains(&password));
    let list = entry("TestMudA", -1, "127.0.0.1");
    assert_eq!(
        frames,
        [
            format!(
                r#"({{"startup-reply",5,"*dstest",0,"TestMudA",0,({{({{"*dstest","127.0.0.1 28080",}}),}}),{password},}})"#
            ),
            format!(r#"({{"mudlist",5,"*dstest",0,"TestMudA",0,0,([{list}]),}})"#),
            r#"({"chanlist-reply",5,"*dstest",0,"TestMudA",0,0,(["dchat":({"*dstest",0,}),"dead_test4":({"*dstest",0,}),]),})"#
                .to_owned(),
        ]
    );
    world.wait(millis(999));
    assert!(world.read(mud).is_empty());
    world.wait(millis(1));
    assert_eq!(world.read(mud), [format!(r#"({{"mudlist",5,"*dstest",0,0,0,0,([{list}]),}})"#)]);
    world.wait(millis(1000));
    assert_eq!(world.read(mud), [format!(r#"({{"mudlist",5,"*dstest",0,"TestMudA",0,1,([{list}]),}})"#)]);
    world.wait(secs(1000));
    assert!(world.read(mud).is_empty());
    assert!(world.has_notice("mud joined mud=TestMudA ip=127.0.0.1"));
}

#[test]
fn a_mud_without_channels_gets_no_channel_list() {
    let mut world = World::new();
    let mud = world.connect("127.0.0.1");
    world.send(mud, &startup("A", 0).replace(SERVICES, "([])"));
    let kinds: Vec<bool> = world.read(mud).iter().map(|text| text.contains("chanlist-reply")).collect();
    assert_eq!(kinds, [false, false]);
}

#[test]
fn the_mudlist_comes_in_tens_with_random_ids_and_then_again_one_by_one() {
    let mut world = World::new();
    for number in 0..22 {
        world.mud(&format!("Mud{number:02}"), &format!("127.0.0.{}", number + 1));
    }
    let mud = world.connect("127.0.1.1");
    world.send(mud, &startup("Last", 0));
    let frames = world.read(mud);
    let lists: Vec<&String> = frames.iter().filter(|text| text.starts_with(r#"({"mudlist""#)).collect();
    let ids: Vec<i64> = lists.iter().map(|text| text.split(',').nth(6).unwrap().parse().unwrap()).collect();
    assert_eq!(
        lists.iter().map(|text| text.matches("\"TestBase\"").count()).collect::<Vec<_>>(),
        [10, 10, 3]
    );
    assert_eq!(ids[2], 22);
    assert!(ids[0] > 22 && ids[1] > 22 && ids[0] != ids[1]);
    world.wait(millis(999));
    for second in 1..=2 {
        world.wait(secs(1));
        let frames = world.read(mud);
        let singles = frames.iter().filter(|text| text.starts_with(r#"({"mudlist",5,"*dstest",0,0,0,"#));
        assert_eq!(singles.count(), 10, "in second {second}");
    }
    world.wait(secs(1));
    assert_eq!(world.read(mud).len(), 3);
}

#[test]
fn what_is_wrong_with_a_login_is_answered_with_silence_and_told_to_the_operator() {
    let good = startup("TestMudA", 0);
    for (from, to, reason) in [
        (",0,})", ",})", "20 elements"),
        (",0,})", ",0,0,})", "20 elements"),
        ("startup-req-3", "startup-req-4", "only protocols 1 to 3"),
        ("startup-req-3", "startup-req-1", "a startup-req-1 has 18 elements"),
        ("\"*dstest\"", "\"*i4\"", "asks for another router"),
        ("\"TestMudA\"", "\"\"", "name has 1 to 128 bytes"),
        ("\"TestMudA\"", "\"DeadSoulsNew\"", "stock name"),
        ("\"TestMudA\"", "\"Your Mud's Name Here\"", "stock name"),
        ("\"TestMudA\"", "0", "header is wrong"),
        ("4000", "\"4000\"", "ports must be integers"),
        (SERVICES, "0", "services must be a mapping"),
        (SERVICES, "({\"tell\",})", "services must be a mapping"),
        ("\"TestType\"", "7", "must be strings"),
        ("0,-1,-1,", "\"0\",-1,-1,", "password and list ids"),
    ] {
        let mut world = World::new();
        let mud = world.connect("127.0.0.1");
        world.send(mud, &good.replace(from, to));
        world.wait(secs(60));
        assert!(world.read(mud).is_empty(), "{from} -> {to}");
        assert!(world.peers[mud].open);
        assert!(world.has_notice(reason), "{from} -> {to}: {:?}", world.notices);
        // It may try again on the same connection.
        world.send(mud, &good);
        assert!(!world.read(mud).is_empty());
        assert_eq!(world.router.metrics().logins_refused, 1);
    }
}

#[test]
fn version_2_in_the_form_of_version_3_and_no_router_name_are_taken() {
    let mut world = World::new();
    let mud = world.connect("127.0.0.1");
    let login = startup("A", 0).replace("startup-req-3", "startup-req-2").replace("\"*dstest\"", "0");
    assert_eq!(world.ask(mud, &login).len(), 3);
}

#[test]
fn a_known_mud_comes_back_with_its_password_from_anywhere() {
    let mut world = World::new();
    let first = world.connect("127.0.0.1");
    let given = password(&world.ask(first, &startup("A", 1_234_567_890))[0]);
    assert_ne!(given, 1_234_567_890);
    world.lose(first);
    world.wait(secs(20));
    let again = world.connect("127.0.0.99");
    assert_eq!(password(&world.ask(again, &startup("A", given))[0]), given);
}

#[test]
fn a_known_mud_without_its_password_gets_a_new_one_at_its_address_and_silence_elsewhere() {
    let mut world = World::new();
    let first = world.connect("127.0.0.1");
    let given = password(&world.ask(first, &startup("A", 0))[0]);
    world.lose(first);
    world.wait(secs(2));
    let elsewhere = world.connect("127.0.0.2");
    assert!(world.ask(elsewhere, &startup("A", 0)).is_empty());
    assert!(world.has_notice("wrong password, and from a new address"));
    let same = world.connect("127.0.0.1");
    let new = password(&world.ask(same, &startup("A", 0))[0]);
    assert_ne!(new, given);
    world.lose(same);
    world.wait(secs(2));
    assert!(world.ask(elsewhere, &startup("A", given)).is_empty());
    assert_eq!(password(&world.ask(elsewhere, &startup("A", new))[0]), new);
}

#[test]
fn a_mud_that_is_online_is_taken_over_only_with_password_and_address() {
    let mut world = World::new();
    let live = world.connect("127.0.0.9");
    let given = password(&world.ask(live, &startup("TestMudA", 0))[0]);
    world.wait(secs(3));
    world.read(live);
    for (ip, password) in [("127.0.0.9", 0), ("127.0.0.10", given), ("127.0.0.10", 0)] {
        let intruder = world.connect(ip);
        assert!(world.ask(intruder, &startup("TestMudA", password)).is_empty());
        assert_eq!(
            world.read(live),
            [format!(
                r#"({{"error",5,"*dstest",0,"TestMudA",0,"bad-mojo","Another mud is trying to be you.",({{"{ip}","TestLib 1.0","TestBase","admin@example.org",4000,}}),}})"#
            )]
        );
    }
    let again = world.connect("127.0.0.9");
    let frames = world.ask(again, &startup("TestMudA", given));
    assert_eq!((frames.len(), password(&frames[0])), (3, given));
    assert!(!world.peers[live].open && world.peers[again].open);
    world.wait(secs(30));
    let news: Vec<String> = world.read(again);
    assert!(news.iter().all(|text| text.contains("({-1,")), "nobody hears that it was down: {news:?}");
}

#[test]
fn a_second_login_on_the_same_connection_repeats_the_sequence_or_renames() {
    let mut world = World::new();
    let [a, b] = world.muds(["TestMudA", "TestMudB"]);
    let first = world.connect("127.0.0.3");
    let given = password(&world.ask(first, &startup("Twice", 0))[0]);
    world.wait(secs(3));
    world.read(first);
    assert_eq!(password(&world.ask(first, &startup("Twice", given))[0]), given);
    world.wait(secs(3));
    world.read(first);
    assert_eq!(world.ask(first, &startup("Other", 0)).len(), 3);
    assert_eq!(world.router.online().collect::<Vec<_>>(), ["TestMudA", "TestMudB", "Other"]);
    for other in [a, b] {
        world.read(other);
    }
    world.wait(secs(11));
    let last = world.read(a).pop().unwrap();
    assert!(last.contains(&entry("Twice", 0, "127.0.0.3")), "{last}");
}

#[test]
fn a_loss_is_told_eleven_seconds_later_and_a_quick_return_is_told_twice() {
    let mut world = World::new();
    let [a, b] = world.muds(["TestMudA", "TestMudB"]);
    world.lose(b);
    world.wait(millis(10_999));
    assert!(world.read(a).is_empty());
    world.wait(millis(1));
    let down = entry("TestMudB", 0, "127.0.0.2");
    assert_eq!(world.read(a), [format!(r#"({{"mudlist",5,"*dstest",0,"TestMudA",0,3,([{down}]),}})"#)]);

    let b = world.mud("TestMudB", "127.0.0.2");
    world.read(a);
    world.lose(b);
    world.wait(secs(4));
    world.mud("TestMudB", "127.0.0.2");
    world.wait(secs(10));
    let up = entry("TestMudB", -1, "127.0.0.2");
    let news = world.read(a);
    assert_eq!(news.len(), 2);
    assert!(news.iter().all(|text| text.contains(&up)), "{news:?}");
}

#[test]
fn shutdown_ends_the_stream_and_a_long_one_deletes_the_mud() {
    let mut world = World::new();
    let [a, b] = world.muds(["ShA", "ShB"]);
    assert_eq!(
        world.ask(a, r#"({"shutdown",5,"ShA",0,"*dstest",0,300,1,})"#),
        [
            r#"({"error",5,"*dstest",0,"ShA",0,"bad-pkt","Bad packet format.",({"shutdown",5,"ShA",0,"*dstest",0,300,1,}),})"#
        ]
    );
    assert!(world.ask(a, r#"({"shutdown",5,"ShA",0,"*dstest",0,300,})"#).is_empty());
    assert!(!world.peers[a].open);
    world.wait(secs(11));
    let down = entry("ShA", 0, "127.0.0.1");
    assert_eq!(world.read(b), [format!(r#"({{"mudlist",5,"*dstest",0,"ShB",0,3,([{down}]),}})"#)]);

    let a = world.mud("ShA", "127.0.0.1");
    world.read(b);
    world.send(a, r#"({"shutdown",5,"ShA",0,"*dstest",0,604801,})"#);
    assert_eq!(world.read(b), [r#"({"mudlist",5,"*dstest",0,"ShB",0,5,(["ShA":0,]),})"#]);
    assert!(!world.saved.keys().any(|(_, key)| key == "ShA"));
    world.wait(secs(60));
    assert!(world.read(b).is_empty());
}

#[test]
fn passwords_and_muds_survive_a_restart() {
    let mut world = World::new();
    let first = world.connect("127.0.0.1");
    let given = password(&world.ask(first, &startup("A", 0))[0]);
    let mut world = world.restarted();
    assert_eq!((world.router.muds_known(), world.router.online().count()), (1, 0));
    let elsewhere = world.connect("127.0.0.2");
    assert!(world.ask(elsewhere, &startup("A", 0)).is_empty());
    let frames = world.ask(elsewhere, &startup("A", given));
    assert_eq!(password(&frames[0]), given);
    let mut world = world.restarted();
    let b = world.connect("127.0.0.3");
    assert!(world.ask(b, &startup("B", 0))[1].contains(&entry("A", 0, "127.0.0.2")));
}

#[test]
fn a_mud_that_stays_away_for_a_week_is_forgotten() {
    let mut world = World::new();
    let [a, b] = world.muds(["A", "B"]);
    world.lose(b);
    world.wait(secs(7 * 24 * 3600 - 3600));
    assert_eq!(world.router.muds_known(), 2);
    world.read(a);
    world.wait(secs(2 * 3600));
    assert_eq!(world.router.muds_known(), 1);
    assert!(world.read(a)[0].ends_with(r#"(["B":0,]),})"#));
}

#[test]
fn protocols_1_and_2_log_in_with_18_elements_and_get_lists_without_e_mail() {
    let mut world = World::new();
    for (name, kind) in [("One", "startup-req-1"), ("Two", "startup-req-2")] {
        let mud = world.connect("127.0.0.1");
        let login = startup(name, 0).replace("startup-req-3", kind);
        let login = login.replace(r#""admin@example.org","#, "").replace(",0,})", ",})");
        let frames = world.ask(mud, &login);
        assert!(frames[1].contains(&format!(r#""mudlib development",{SERVICES},}}),"#)), "{}", frames[1]);
        world.wait(secs(3));
    }
}
