//! What is kept of events, where a scenario file cannot go: much of it, slow readers, broken connections, full logs.

use i3_core::machine::Listener;
use i3_core::settings::Permissions;
use i3_tests::hostile::Siege;
use serde_json::{Value as Json, json};
use std::time::Duration;

const TELLS: usize = 1_000;

fn tell(siege: &mut Siege, text: &str) {
    siege.frame(&format!(r#"({{"tell",5,"Sage","bob","Alpha","ann","Bob","{text}",}})"#));
}

fn line(siege: &mut Siege, channel: &str, text: &str) {
    siege.frame(&format!(r#"({{"channel-m",5,"Sage","bob",0,0,"{channel}","Bob","{text}",}})"#));
}

/// The game goes, so that nobody is there.
fn away(siege: &mut Siege) {
    siege.world.close(siege.bystander);
}

fn authenticate(siege: &mut Siege, more: &Json) -> usize {
    let script = siege.connect(Listener::Lines);
    let mut params = json!({"api_key": "alpha-key"});
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "authenticate", "params": params});
    siege.ask(script, &request.to_string());
    script
}

/// The texts of the events of a kind.
fn texts(messages: &[Json], event: &str) -> Vec<String> {
    let events = messages.iter().filter(|message| message["method"] == event);
    events.map(|message| message["params"]["message"].as_str().unwrap().to_owned()).collect()
}

fn ends(messages: &[Json]) -> Vec<&Json> {
    let ends = messages.iter().filter(|message| message["method"] == "replay_complete");
    ends.map(|message| &message["params"]).collect()
}

/// Everything that a client gets, as long as anything comes.
fn read_all(siege: &mut Siege, script: usize) -> Vec<Json> {
    siege.world.wait(Duration::from_secs(1));
    siege.read(script)
}

#[test]
fn a_long_replay_waits_for_who_reads_slowly_and_keeps_its_order() {
    let mut siege = Siege::default();
    away(&mut siege);
    let wanted: Vec<String> = (0..TELLS).map(|n| format!("{n} {}", "x".repeat(900))).collect();
    for text in &wanted {
        tell(&mut siege, text);
    }
    let script = siege.connect(Listener::Lines);
    siege.read(script);
    siege.world.stall(script);
    siege.ask(script, r#"{"jsonrpc":"2.0","id":1,"method":"authenticate","params":["alpha-key"]}"#);
    let held = siege.world.machine::<i3_core::Gateway>("Alpha").pending_bytes();
    assert!(held < 140_000, "{held} bytes wait for a client that does not read");
    // What comes now has its place behind what is older.
    tell(&mut siege, "live");
    let before = siege.metrics().events_replayed;
    assert!(before < 200, "{before}");
    siege.world.resume(script);
    let messages = read_all(&mut siege, script);
    let got = texts(&messages, "tell_received");
    assert_eq!(got.len(), TELLS + 1);
    assert_eq!((&got[..TELLS], got[TELLS].as_str()), (&wanted[..], "live"));
    let ids: Vec<u64> =
        messages[1..].iter().map(|message| message["params"]["event_id"].as_u64().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "each once, in order");
    let complete = json!({"replayed": TELLS + 1, "gap": false});
    assert_eq!(ends(&messages)[0]["replayed"], complete["replayed"]);
    assert_eq!(messages.last().unwrap()["method"], "replay_complete");
}

#[test]
fn what_a_broken_connection_had_not_taken_goes_to_the_next() {
    let mut siege = Siege::default();
    siege.read(siege.bystander);
    tell(&mut siege, "taken");
    assert_eq!(texts(&siege.read(siege.bystander), "tell_received"), ["taken"]);
    siege.world.stall(siege.bystander);
    tell(&mut siege, "on its way");
    line(&mut siege, "chat", "said");
    away(&mut siege);
    let next = authenticate(&mut siege, &json!({}));
    assert_eq!(texts(&siege.read(next), "tell_received"), ["on its way"]);
    siege.ask(next, r#"{"jsonrpc":"2.0","id":2,"method":"channel_join","params":["chat"]}"#);
    assert_eq!(texts(&siege.read(next), "channel_message"), ["said"]);
}

#[test]
fn what_another_session_has_had_is_not_given_again_when_a_connection_breaks() {
    let mut siege = Siege::default();
    let other = authenticate(&mut siege, &json!({}));
    siege.world.stall(other);
    tell(&mut siege, "for both");
    siege.world.close(other);
    let next = authenticate(&mut siege, &json!({}));
    assert_eq!(texts(&siege.read(next), "tell_received"), [] as [&str; 0]);
}

#[test]
fn a_named_client_that_broke_off_goes_on_where_it_was() {
    let mut siege = Siege::default();
    let client = authenticate(&mut siege, &json!({"client": "logger"}));
    tell(&mut siege, "one");
    assert_eq!(texts(&siege.read(client), "tell_received"), ["one"]);
    siege.world.wait(Duration::from_secs(2));
    siege.world.stall(client);
    tell(&mut siege, "two");
    siege.world.wait(Duration::from_secs(2));
    siege.world.close(client);
    // The bystander has had it: that is nothing to a client with a cursor of its own.
    let client = authenticate(&mut siege, &json!({"client": "logger"}));
    assert_eq!(texts(&siege.read(client), "tell_received"), ["two"]);
}

#[test]
fn more_than_may_be_kept_is_a_gap() {
    let mut siege = Siege::new(usize::MAX >> 1, |settings| settings.api.events.kept_max = 3);
    away(&mut siege);
    for n in 0..5 {
        tell(&mut siege, &format!("{n}"));
    }
    let first = authenticate(&mut siege, &json!({}));
    let messages = siege.read(first);
    assert_eq!(texts(&messages, "tell_received"), ["2", "3", "4"]);
    assert_eq!((&ends(&messages)[0]["replayed"], &ends(&messages)[0]["gap"]), (&json!(3), &json!(true)));
    assert_eq!(siege.metrics().events_expired, 2);
    let last = messages.iter().rfind(|message| message["method"] == "tell_received").unwrap();
    let again = authenticate(&mut siege, &json!({"last_event_id": last["params"]["event_id"]}));
    let messages = siege.read(again);
    assert_eq!((&ends(&messages)[0]["replayed"], &ends(&messages)[0]["gap"]), (&json!(0), &json!(false)));
    // Those who sent what was pushed out are told.
    siege.world.wait(Duration::from_secs(2));
    let frames = i3_tests::wire::mudmode_frames(siege.world.received(siege.router));
    let refusals =
        frames.iter().filter(|frame| frame.contains(r#""error",5,"Alpha",0,"Sage","bob","unk-user""#));
    assert_eq!(refusals.count(), 2);
}

#[test]
fn history_makes_room_for_tells() {
    const BYTES_MAX: usize = 20_000;
    let mut siege = Siege::new(usize::MAX >> 1, |settings| settings.api.events.log_bytes_max = BYTES_MAX);
    let text = "x".repeat(1_000);
    for n in 0..50 {
        line(&mut siege, "chat", &format!("{n} {text}"));
    }
    away(&mut siege);
    for n in 0..10 {
        tell(&mut siege, &format!("{n} {text}"));
    }
    // Lines of a channel that nobody here hears are nobody's.
    line(&mut siege, "elsewhere", &text);
    let script = authenticate(&mut siege, &json!({}));
    assert_eq!(texts(&siege.read(script), "tell_received").len(), 10);
    siege.ask(script, r#"{"jsonrpc":"2.0","id":2,"method":"channel_history","params":["chat"]}"#);
    let history = siege.read(script).pop().unwrap();
    let rows = history["result"]["messages"].as_array().unwrap();
    assert!((1..8).contains(&rows.len()), "{}", rows.len());
    assert!(rows.last().unwrap()["message"].as_str().unwrap().starts_with("49 "), "the oldest have gone");
    siege.ask(script, r#"{"jsonrpc":"2.0","id":3,"method":"channel_history","params":["elsewhere"]}"#);
    assert_eq!(siege.read(script).pop().unwrap()["result"]["count"], 0);
}

#[test]
fn a_replay_holds_only_what_the_key_may_have() {
    let mut siege = Siege::new(usize::MAX >> 1, |settings| {
        let mut permissions = Permissions::default();
        assert!(permissions.add("info") && permissions.add("channel"));
        let mut key = settings.api.keys.as_ref().unwrap()[0].clone();
        key.digest = i3_core::clients::keys::digest("web-key");
        key.permissions = permissions;
        settings.api.keys.as_mut().unwrap().push(key);
    });
    away(&mut siege);
    tell(&mut siege, "private");
    let web = siege.connect(Listener::Lines);
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"authenticate","params":{"api_key":"web-key","last_event_id":0}}"#;
    siege.ask(web, request);
    let messages = siege.read(web);
    assert_eq!(texts(&messages, "tell_received"), [] as [&str; 0]);
    assert_eq!(ends(&messages)[0]["gap"], false);
    siege.ask(web, r#"{"jsonrpc":"2.0","id":2,"method":"history_search","params":["private"]}"#);
    assert_eq!(siege.read(web).pop().unwrap()["result"]["count"], 0);
    let game = authenticate(&mut siege, &json!({}));
    assert_eq!(texts(&siege.read(game), "tell_received"), ["private"], "it still waits for the game");
}

/// A gateway whose game is away, with room for so many bytes, on the channels chat and code.
fn small_log(bytes_max: usize) -> Siege {
    let mut siege = Siege::new(usize::MAX >> 1, |settings| {
        settings.api.events.log_bytes_max = bytes_max;
        settings.muds[0].channels = vec!["chat".to_owned(), "code".to_owned()];
    });
    away(&mut siege);
    siege
}

fn packet(siege: &mut Siege, kind: &str, mud: &str, to: &str, text: &str) {
    let to = if kind == "tell" { format!(r#""Alpha","{to}""#) } else { format!(r#"0,0,"{to}""#) };
    siege.frame(&format!(r#"({{"{kind}",5,"{mud}","bob",{to},"Bob","{text}",}})"#));
}

/// How many refusals each mud was sent.
fn refused(siege: &mut Siege, mud: &str) -> usize {
    siege.world.wait(Duration::from_secs(20));
    let frames = i3_tests::wire::mudmode_frames(siege.world.received(siege.router));
    frames
        .iter()
        .filter(|frame| frame.contains(&format!(r#""error",5,"Alpha",0,"{mud}","bob","unk-user""#)))
        .count()
}

fn history(siege: &mut Siege, script: usize, channel: &str) -> usize {
    siege.ask(
        script,
        &format!(r#"{{"jsonrpc":"2.0","id":2,"method":"channel_history","params":["{channel}"]}}"#),
    );
    siege.read(script).pop().unwrap()["result"]["messages"].as_array().unwrap().len()
}

#[test]
fn long_lines_of_one_channel_push_out_no_other_channel_and_no_tell() {
    let mut siege = small_log(100_000);
    for n in 0..50 {
        packet(&mut siege, "channel-m", "Quiet", "code", &format!("{n}"));
    }
    for n in 0..5 {
        packet(&mut siege, "tell", "Quiet", "ann", &format!("{n}"));
    }
    for _ in 0..14 {
        packet(&mut siege, "channel-m", "Spam", "chat", &"x".repeat(30_000));
    }
    let script = authenticate(&mut siege, &json!({}));
    let messages = siege.read(script);
    assert_eq!(
        (texts(&messages, "tell_received").len(), ends(&messages)[0]["gap"].clone()),
        (5, json!(false))
    );
    assert_eq!((history(&mut siege, script, "code"), refused(&mut siege, "Quiet")), (50, 0));
    assert!((1..=3).contains(&history(&mut siege, script, "chat")));
}

#[test]
fn long_tells_to_one_user_push_out_no_other_users() {
    for loud in ["Spam", "Quiet"] {
        let mut siege = small_log(100_000);
        for user in ["bea", "cid", "dan", "eve", "fay"] {
            packet(&mut siege, "tell", "Quiet", user, "kept");
        }
        for n in 0..14 {
            packet(&mut siege, "tell", loud, "ann", &format!("{n} {}", "x".repeat(30_000)));
        }
        let script = authenticate(&mut siege, &json!({}));
        let messages = siege.read(script);
        let got = texts(&messages, "tell_received");
        assert_eq!((got.iter().filter(|text| *text == "kept").count(), got.len()), (5, 8));
        assert!(got.last().unwrap().starts_with("13 "), "the oldest of the loudest go");
        // Told to whom they were for, and to whom they were from.
        assert_eq!((ends(&messages)[0]["gap"].clone(), refused(&mut siege, loud)), (json!(true), 11));
    }
}

#[test]
fn tells_of_one_mud_to_everybody_push_out_none_of_another_mud() {
    let mut siege = small_log(1_000_000);
    for n in 0..20 {
        packet(&mut siege, "tell", "Quiet", &format!("user{n}"), &"y".repeat(2_000));
        packet(&mut siege, "channel-m", "Quiet", "chat", &"y".repeat(2_000));
    }
    for n in 0..260 {
        packet(&mut siege, "tell", "Spam", &format!("user{n}"), &"x".repeat(9_000));
    }
    let script = authenticate(&mut siege, &json!({}));
    siege.world.wait(Duration::from_secs(2));
    let got = texts(&siege.read(script), "tell_received");
    assert_eq!(got.iter().filter(|text| text.starts_with('y')).count(), 20);
    assert_eq!(history(&mut siege, script, "chat"), 20);
}

#[test]
fn many_small_tells_push_out_their_like() {
    let mut siege = Siege::new(usize::MAX >> 1, |settings| settings.api.events.kept_max = 30);
    away(&mut siege);
    for n in 0..10 {
        packet(&mut siege, "tell", "Quiet", "ann", &format!("kept {n}"));
    }
    for n in 0..100 {
        packet(&mut siege, "tell", "Spam", &format!("user{n}"), "spam");
    }
    let script = authenticate(&mut siege, &json!({}));
    let got = texts(&siege.read(script), "tell_received");
    assert_eq!((got.iter().filter(|text| text.starts_with("kept")).count(), got.len()), (10, 30));
}

/// Packets of all kinds that are kept or change what is kept, in a random order.
fn mixed_packets(rng: &mut fastrand::Rng) -> Vec<String> {
    let packet = |n: usize, kind: u8| match kind {
        0..4 => format!(r#"({{"channel-m",5,"Sage","bob",0,0,"chat","Bob","{n}",}})"#),
        4..6 => format!(r#"({{"channel-e",5,"Other Mud","eve",0,0,"news","Eve","$N {n}",}})"#),
        6 => format!(r#"({{"channel-m",5,"Sage","bob",0,0,"unheard","Bob","{n}",}})"#),
        7 => format!(r#"({{"channel-m",5,"Alpha","ann",0,0,"chat","Ann","{n}",}})"#),
        8 => format!(r#"({{"tell",5,"Sage","bob","Alpha","ann","Bob","{n}",}})"#),
        9 => format!(r#"({{"error",5,"Sage",0,"Alpha","ann","unk-user","no {n}",({{"tell",5,}}),}})"#),
        10 => format!(r#"({{"chanlist-reply",5,"*net",0,"Alpha",0,{n},(["new {n}":({{"Sage",0,}}),]),}})"#),
        _ => format!(r#"({{"channel-m",5,"Sage","bob",{n}"#),
    };
    (0..rng.usize(20..80)).map(|n| packet(n, rng.u8(0..12))).collect()
}

/// What clients have heard, and what is kept for them, after packets have come in groups of these sizes.
fn heard_of(packets: &[String], groups: &[usize]) -> Vec<Vec<Json>> {
    let mut siege = Siege::new(65_536, |settings| {
        let events = &mut settings.api.events;
        (events.kept_max, events.history_max) = (5, 10);
        (events.keep_channels, events.keep_tells) = (Duration::from_secs(600), Duration::from_secs(600));
    });
    siege.log_in();
    let named = authenticate(&mut siege, &json!({"client": "robot"}));
    for (client, channel) in [(siege.bystander, "chat"), (siege.bystander, "news"), (named, "chat")] {
        siege.call(client, "channel_join", &json!({"channel": channel}));
    }
    siege.world.stall(named);
    let mut rest = packets;
    for size in groups {
        let (group, later) = rest.split_at((*size).min(rest.len()));
        let frames: Vec<Vec<u8>> =
            group.iter().map(|text| i3_tests::wire::mudmode_frame(text.as_bytes())).collect();
        if groups.len() < packets.len() {
            siege.world.write(siege.router, &frames.concat());
        } else {
            frames.iter().for_each(|frame| siege.world.write(siege.router, frame));
        }
        rest = later;
    }
    siege.world.resume(named);
    let bystander = siege.bystander;
    let mut heard = vec![read_all(&mut siege, named), read_all(&mut siege, bystander)];
    for channel in ["chat", "news"] {
        heard.push(siege.call(named, "channel_history", &json!({"channel": channel})));
    }
    siege.world.close(bystander);
    siege.world.close(named);
    let again = authenticate(&mut siege, &json!({"client": "robot"}));
    siege.call(again, "channel_join", &json!({"channel": "chat"}));
    heard.push(read_all(&mut siege, again));
    heard
}

/// Removes what depends on the moment.
fn without_times(value: &mut Json) {
    match value {
        Json::Object(members) => {
            members.retain(|name, _| !matches!(name.as_str(), "timestamp" | "session_id"));
            members.values_mut().for_each(without_times);
        }
        Json::Array(elements) => elements.iter_mut().for_each(without_times),
        _ => {}
    }
}

#[test]
fn packets_that_come_together_have_the_effects_of_packets_that_come_one_by_one() {
    for seed in 0..40 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let packets = mixed_packets(&mut rng);
        let groups: Vec<usize> =
            (0..6).map(|_| rng.usize(1..packets.len() / 2)).chain([packets.len()]).collect();
        let [together, one_by_one] = [&groups, &vec![1; packets.len()]].map(|groups| {
            let mut heard = json!(heard_of(&packets, groups));
            without_times(&mut heard);
            heard
        });
        assert!(together[0].as_array().is_some_and(|heard| heard.len() > 5), "seed {seed}: {together}");
        assert_eq!(together, one_by_one, "seed {seed}");
    }
}
