//! What routers do wrong, on demand.

use crate::world::{World, dialect, entry, millis, password, secs, settings, startup};
use i3_core::machine::Saved;
use i3_router::{Dialect, Faults, Logins, RouterSettings};

fn world(faults: Faults) -> World {
    World::with(RouterSettings { faults, ..settings() }, Saved::default())
}

const ALL: [Dialect; 3] = [Dialect::DeadSouls, Dialect::CoffeeMud, Dialect::Specification];

/// The startup-reply, wherever it is among what came.
fn reply(frames: &[String]) -> String {
    frames.iter().find(|text| text.starts_with(r#"({"startup-reply""#)).expect("a startup-reply").clone()
}

#[test]
fn logins_are_ignored_or_closed_in_each_dialect_until_that_is_over() {
    for dialect_of in ALL {
        let mut world = World::with(dialect(dialect_of), Saved::default());
        for (logins, stays) in [(Logins::Ignored, true), (Logins::Closed, false)] {
            world.change(|router, _| router.set_faults(Faults { logins, ..Faults::default() }));
            let mud = world.connect("127.0.0.1");
            assert!(world.ask_slowly(mud, &startup("A", 0)).is_empty());
            assert_eq!(world.peers[mud].open, stays, "{dialect_of:?}");
        }
        world.change(|router, _| router.set_faults(Faults::default()));
        let mud = world.connect("127.0.0.1");
        reply(&world.ask_slowly(mud, &startup("A", 0)));
    }
}

#[test]
fn another_router_is_named_in_each_dialect() {
    let router_list = vec![("*other".to_owned(), "10.0.0.1 8080".to_owned())];
    for dialect_of in ALL {
        let faults = Faults { router_list: Some(router_list.clone()), ..Faults::default() };
        let mut world = World::with(RouterSettings { faults, ..dialect(dialect_of) }, Saved::default());
        let mud = world.connect("127.0.0.1");
        let reply = reply(&world.ask_slowly(mud, &startup("A", 0)));
        assert!(reply.contains(r#",({({"*other","10.0.0.1 8080",}),}),"#), "{reply}");
    }
}

#[test]
fn a_mud_is_forgotten_in_each_dialect_and_may_log_in_again_on_its_connection() {
    for dialect_of in ALL {
        let mut world = World::with(dialect(dialect_of), Saved::default());
        let [a, b] = ["A", "B"].map(|name| {
            let mud = world.connect("127.0.0.1");
            world.ask_slowly(mud, &startup(name, 0));
            mud
        });
        world.wait(secs(5));
        world.read(b);
        assert!(!world.change(|router, now| router.forget(now, "Nope")));
        assert!(world.change(|router, now| router.forget(now, "A")));
        assert!(!world.change(|router, now| router.forget(now, "A")));
        world.wait(secs(301));
        assert!(world.peers[a].open);
        let news = world.read(b);
        assert!(news.last().unwrap().contains(r#""A":({0,"#), "{dialect_of:?} {news:?}");
        world.read(a);
        world.send(a, r#"({"tell",5,"A","x","B","y","X","hi",})"#);
        world.wait(millis(250));
        assert!(world.read(b).is_empty());
        world.read(a);
        reply(&world.ask_slowly(a, &startup("A", 0)));
    }
}

#[test]
fn probes_are_eaten_in_each_dialect_and_other_packets_pass() {
    for dialect_of in ALL {
        let faults = Faults { eats_probes: true, ..Faults::default() };
        let mut world = World::with(RouterSettings { faults, ..dialect(dialect_of) }, Saved::default());
        let [a, b] = ["A", "B"].map(|name| {
            let mud = world.connect("127.0.0.1");
            world.ask_slowly(mud, &startup(name, 0));
            mud
        });
        world.wait(secs(5));
        world.read(a);
        world.read(b);
        for probe in [
            r#"({"auth-mud-req",5,"A",0,"A",0,})"#,
            r#"({"ping-req",5,"A",0,"A",0,0,})"#,
            r#"({"tell",5,"A","x","A","y","X","hi",})"#,
        ] {
            assert!(world.ask_slowly(a, probe).is_empty(), "{dialect_of:?} {probe}");
        }
        world.ask_slowly(a, r#"({"auth-mud-req",5,"A",0,"B",0,})"#);
        assert_eq!(world.read(b).len(), 1);
    }
}

#[test]
fn list_ids_are_random_in_each_dialect() {
    for dialect_of in ALL {
        let ids = |random_list_ids: bool| {
            let faults = Faults { random_list_ids, ..Faults::default() };
            let mut world = World::with(RouterSettings { faults, ..dialect(dialect_of) }, Saved::default());
            let mud = world.connect("127.0.0.1");
            world.send(mud, &startup("A", 0));
            for number in 0..8 {
                let mud = world.connect("127.0.0.1");
                world.send(mud, &startup(&format!("M{number}"), 0));
                world.wait(secs(3));
            }
            let lists = world.read(mud);
            let lists = lists.iter().filter(|text| text.starts_with(r#"({"mudlist""#));
            lists.map(|text| text.split(',').nth(6).unwrap().parse().unwrap()).collect::<Vec<i64>>()
        };
        assert!(ids(false).is_sorted(), "{dialect_of:?}");
        assert!(!ids(true).is_sorted(), "{dialect_of:?}");
    }
}

#[test]
fn a_second_connection_in_the_same_second_is_closed_with_nothing_said() {
    let mut world = world(Faults { one_accept_a_second: true, ..Faults::default() });
    let first = world.connect("127.0.0.1");
    let second = world.connect("127.0.0.2");
    assert!(world.peers[first].open && !world.peers[second].open);
    world.wait(millis(999));
    let third = world.connect("127.0.0.2");
    assert!(!world.peers[third].open);
    world.wait(millis(1));
    let fourth = world.connect("127.0.0.2");
    assert!(world.peers[fourth].open);
    assert!(!world.ask(fourth, &startup("A", 0)).is_empty());
}

#[test]
fn who_logs_in_within_two_seconds_of_the_start_is_answered_and_forgotten() {
    let mut world = world(Faults { forgets_first_logins: true, ..Faults::default() });
    world.wait(secs(1));
    let early = world.connect("127.0.0.1");
    let frames = world.ask(early, &startup("Early", 0));
    assert!(frames[0].starts_with(r#"({"startup-reply",5,"*dstest",0,"Early",0,({}),"#));
    let given = password(&frames[0]);
    world.wait(secs(1));
    let late = world.connect("127.0.0.2");
    let frames = world.ask(late, &startup("Late", 0));
    assert!(frames[0].contains(r#"({({"*dstest","127.0.0.1 28080",}),})"#));
    assert!(frames[1].contains(&entry("Early", 0, "127.0.0.1")));
    world.read(early);
    assert!(world.ask(early, r#"({"auth-mud-req",5,"Early",0,"Early",0,})"#).is_empty());
    assert!(world.peers[early].open);
    assert_eq!(password(&world.ask(early, &startup("Early", given))[0]), given);
}

#[test]
fn the_old_connection_of_a_mud_stays_open_and_deaf() {
    let mut world = world(Faults { keeps_old_connections: true, ..Faults::default() });
    let old = world.connect("127.0.0.1");
    let given = password(&world.ask(old, &startup("A", 0))[0]);
    world.wait(secs(3));
    let new = world.connect("127.0.0.1");
    assert_eq!(password(&world.ask(new, &startup("A", given))[0]), given);
    world.wait(secs(3));
    world.read(old);
    assert!(world.ask(old, r#"({"auth-mud-req",5,"A",0,"A",0,})"#).is_empty());
    assert!(world.ask(old, &startup("A", given)).is_empty());
    assert!(world.peers[old].open);
    assert_eq!(
        world.ask(new, r#"({"auth-mud-req",5,"A",0,"A",0,})"#).last().unwrap(),
        r#"({"auth-mud-req",5,"A",0,"A",0,})"#
    );
}

#[test]
fn a_new_channel_loses_its_type() {
    let mut world = world(Faults { loses_channel_types: true, ..Faults::default() });
    let [a, b] = world.muds(["A", "B"]);
    let [(_, first), (_, second)] = ["one", "two"].map(|name| {
        world.wait(secs(1));
        let add = format!(r#"({{"channel-add",5,"A","root","*dstest",0,"{name}",1,}})"#);
        (world.ask(a, &add), world.read(b).pop().unwrap())
    });
    assert!(first.contains(r#""one":({"A",({}),}),"#), "{first}");
    assert!(
        second.contains(r#""one":({"A",0,}),"#) && second.contains(r#""two":({"A",({}),}),"#),
        "{second}"
    );
    // It is open to all.
    assert!(world.ask(b, r#"({"channel-listen",5,"B",0,"*dstest",0,"one",1,})"#).is_empty());
}

#[test]
fn each_dialect_is_seen_to_do_some_of_it() {
    let seen = Faults::seen(Dialect::DeadSouls);
    assert!(seen.one_accept_a_second && seen.forgets_first_logins && seen.keeps_old_connections);
    assert!(seen.loses_channel_types && !seen.eats_probes && seen.router_list.is_none());
    for other in [Dialect::CoffeeMud, Dialect::Specification] {
        assert_eq!(Faults::seen(other), Faults::default());
    }
}

/// Packets with some bytes changed, cut or doubled, many to a write: none ends the router, and a good mud is still served.
#[test]
fn no_bytes_end_a_router_of_any_dialect() {
    let good = [
        startup("Bad", 0),
        r#"({"tell",5,"Bad","x","Good","y","X","say \"hi\" caf\\",})"#.to_owned(),
        r#"({"who-reply",5,"Bad",0,"Good","y",({({"X",-12.5,"e",}),}),})"#.to_owned(),
        r#"({"error",5,"Bad",0,"Good","y","unk-user","?",(["a":({1,"b",}),"c":0,]),})"#.to_owned(),
        r#"({"channel-t",5,"Bad","x",0,0,"dchat","Good","y","$N a","$N b","X","Y",})"#.to_owned(),
        r#"({"channel-admin",5,"Bad","x","*dstest",0,"dchat",({"A",}),({}),})"#.to_owned(),
        r#"({"chan-filter-reply",5,"Bad",0,"*dstest",0,"dchat",({"channel-m",}),})"#.to_owned(),
        r#"({"shutdown",5,"Bad",0,"*dstest",0,4000,})"#.to_owned(),
    ];
    for dialect_of in ALL {
        let mut rng = fastrand::Rng::with_seed(11);
        let mut world =
            World::with(RouterSettings { flood_control: false, ..dialect(dialect_of) }, Saved::default());
        let mut bad = world.connect("127.0.0.1");
        for round in 0..3000 {
            if !world.peers[bad].open || round % 100 == 0 {
                bad = world.connect("127.0.0.1");
                world.send(bad, &good[0]);
                world.wait(millis(250));
            }
            let mut text = good[rng.usize(..good.len())].clone().into_bytes();
            for _ in 0..rng.usize(..4) {
                let at = rng.usize(..text.len());
                match rng.u8(..4) {
                    _ if text.len() < 2 => break,
                    0 => text[at] = rng.u8(..),
                    1 => drop(text.remove(at)),
                    2 => text.insert(at, *rng.choice(b"\"\\({[:,0-.u").unwrap()),
                    _ => text.truncate(at + 1),
                }
            }
            let mut frame = (text.len() as u32).to_be_bytes().to_vec();
            frame.extend_from_slice(&text);
            if rng.u8(..20) == 0 {
                frame[rng.usize(..4)] ^= 1;
            }
            world.send_bytes(bad, &frame);
            world.wait(millis(rng.u64(..300)));
        }
        let good = world.connect("127.0.0.1");
        reply(&world.ask_slowly(good, &startup("Good", 0)));
        world.read(good);
        let tell = r#"({"tell",5,"Good","x","Good","y","X","hi",})"#;
        assert_eq!(world.ask_slowly(good, tell).len(), 1, "{dialect_of:?}");
    }
}
