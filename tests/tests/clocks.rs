//! What is kept ages by time that passes, whatever the wall clock says; what is answered is durable; and what a key may
//! no longer have is not sent any more.

use i3_core::Gateway;
use i3_core::settings::Permissions;
use i3_tests::hostile::Siege;
use i3_tests::scenario;
use i3_tests::wire;
use serde_json::{Value as Json, json};
use std::time::Duration;

const YEAR_SECONDS: i64 = 31_536_000;

fn authenticate(siege: &mut Siege) -> (usize, Vec<String>) {
    let script = siege.connect(i3_core::machine::Listener::Lines);
    let messages = siege.call(script, "authenticate", &json!({"api_key": "alpha-key"}));
    let tells = messages.iter().filter(|message| message["method"] == "tell_received");
    (script, tells.map(|message| message["params"]["message"].as_str().unwrap().to_owned()).collect())
}

fn result(messages: &[Json]) -> &Json {
    &messages.iter().find(|message| message.get("id").is_some()).expect("an answer")["result"]
}

fn history(siege: &mut Siege, script: usize) -> Json {
    result(&siege.call(script, "channel_history", &json!({"channel": "chat"})))["count"].clone()
}

fn bans(siege: &mut Siege, script: usize) -> Json {
    result(&siege.call(script, "ban_list", &json!({})))["count"].clone()
}

fn ban(siege: &mut Siege, script: usize, seconds: u64) {
    let ban = json!({"pattern": "*@Spam", "expires_in": seconds});
    assert_eq!(result(&siege.call(script, "ban_add", &ban))["status"], "banned");
}

fn refusals(siege: &mut Siege) -> usize {
    let frames = wire::mudmode_frames(siege.world.received(siege.router));
    frames.iter().filter(|frame| frame.contains("unk-user")).count()
}

/// The gateway is killed, and started again after so long, with the clock set on or back in between.
fn restart(siege: &mut Siege, after: Duration, set: i64) {
    siege.world.crash("Alpha");
    siege.world.wait(after);
    siege.world.set_clock(set);
    siege.world.start("Alpha", |saved, now| {
        Gateway::new(scenario::settings("Alpha", &["*net".to_owned()]), saved, 4, now).unwrap()
    });
}

/// A game that has made a ban and gone, and what has come since.
fn kept(siege: &mut Siege) {
    ban(siege, siege.bystander, 3_600);
    siege.line("said");
    siege.world.close(siege.bystander);
    siege.tell("kept");
    siege.world.wait(Duration::from_secs(2));
}

fn everything_is_there(siege: &mut Siege) {
    let (script, tells) = authenticate(siege);
    assert_eq!(
        (tells, history(siege, script), bans(siege, script)),
        (vec!["kept".into()], json!(1), json!(1))
    );
    assert_eq!(refusals(siege), 0);
}

#[test]
fn a_clock_that_is_a_year_ahead_for_three_seconds_deletes_nothing() {
    for killed_meanwhile in [false, true] {
        let mut siege = Siege::default();
        kept(&mut siege);
        siege.world.set_clock(YEAR_SECONDS);
        siege.world.wait(Duration::from_secs(1));
        siege.line("said too");
        if killed_meanwhile {
            restart(&mut siege, Duration::from_secs(1), 0);
        }
        siege.world.wait(Duration::from_secs(2));
        siege.world.set_clock(-YEAR_SECONDS);
        siege.world.wait(Duration::from_secs(10));
        let (script, tells) = authenticate(&mut siege);
        assert_eq!((tells, bans(&mut siege, script)), (vec!["kept".into()], json!(1)));
        assert_eq!(history(&mut siege, script), 2);
    }
}

#[test]
fn a_step_of_the_clock_drops_no_kept_tell() {
    let mut siege = Siege::default();
    kept(&mut siege);
    siege.world.set_clock(400);
    siege.world.wait(Duration::from_secs(20));
    everything_is_there(&mut siege);
}

#[test]
fn a_clock_that_goes_back_keeps_nothing_alive() {
    let mut siege =
        Siege::new(usize::MAX >> 1, |settings| settings.api.events.keep_tells = Duration::from_secs(2));
    let game = siege.bystander;
    ban(&mut siege, game, 2);
    siege.world.close(siege.bystander);
    siege.tell("two seconds");
    siege.world.set_clock(-3_600);
    siege.world.wait(Duration::from_secs(10));
    let (script, tells) = authenticate(&mut siege);
    assert_eq!((tells, bans(&mut siege, script)), (Vec::<String>::new(), json!(0)));
    assert_eq!(refusals(&mut siege), 1);
}

#[test]
fn the_first_time_that_a_clock_is_set_ends_no_ban() {
    for killed in [false, true] {
        let mut siege = Siege::default();
        // A host without a clock of its own starts in 1970.
        let unix = siege.world.now().unix.seconds() as i64;
        siege.world.set_clock(-unix);
        restart(&mut siege, Duration::ZERO, 0);
        siege.bystander = authenticate(&mut siege).0;
        let game = siege.bystander;
        ban(&mut siege, game, 3_600);
        siege.world.set_clock(unix);
        if killed {
            restart(&mut siege, Duration::from_secs(5), 0);
        }
        siege.world.wait(Duration::from_secs(10));
        let (script, _) = authenticate(&mut siege);
        assert_eq!(bans(&mut siege, script), 1);
        let expires = siege.call(script, "ban_list", &json!({}));
        let expires = result(&expires)["bans"][0]["expires"].as_str().unwrap().to_owned();
        assert!(expires.starts_with("2026-"), "{expires}");
        siege.world.wait(Duration::from_secs(3_600));
        let (script, _) = authenticate(&mut siege);
        assert_eq!(bans(&mut siege, script), 0);
    }
}

#[test]
fn the_time_of_a_downtime_counts() {
    let mut siege = Siege::default();
    kept(&mut siege);
    restart(&mut siege, Duration::from_secs(100), 0);
    everything_is_there(&mut siege);
    let mut siege = Siege::default();
    kept(&mut siege);
    restart(&mut siege, Duration::from_secs(3_700), 0);
    siege.world.wait(Duration::from_secs(10));
    // What was lost is told to the next game, over one more restart.
    restart(&mut siege, Duration::from_secs(1), 0);
    let script = siege.connect(i3_core::machine::Listener::Lines);
    let messages = siege.call(script, "authenticate", &json!({"api_key": "alpha-key"}));
    let end = messages.iter().find(|message| message["method"] == "replay_complete").expect("it is told");
    assert_eq!((&end["params"]["replayed"], &end["params"]["gap"]), (&json!(0), &json!(true)));
    assert_eq!((history(&mut siege, script), bans(&mut siege, script)), (json!(1), json!(0)));
}

#[test]
fn a_ban_is_answered_when_it_is_durable() {
    let mut siege = Siege::default();
    siege.world.set_disk("Alpha", false);
    let ban = json!({"pattern": "*@Spam"});
    let is_answered = |messages: &[Json]| messages.iter().any(|message| message["id"] == "ban_add");
    let game = siege.bystander;
    assert!(!is_answered(&siege.call(game, "ban_add", &ban)));
    siege.world.wait(Duration::from_secs(3));
    assert!(!is_answered(&siege.read(siege.bystander)));
    siege.world.set_disk("Alpha", true);
    siege.world.wait(Duration::from_secs(6));
    assert!(is_answered(&siege.read(siege.bystander)));
    restart(&mut siege, Duration::ZERO, 0);
    let (script, _) = authenticate(&mut siege);
    assert_eq!(bans(&mut siege, script), 1);
    siege.world.set_disk("Alpha", false);
    let removed = siege.call(script, "ban_remove", &json!({"ban_id": 1}));
    assert!(removed.iter().all(|message| message["id"] != "ban_remove"), "{removed:?}");
    siege.world.wait(Duration::from_secs(11));
    let late = siege.read(script);
    assert!(late.iter().any(|message| message["error"]["data"]["reason"] == "not_saved"), "{late:?}");
}

#[test]
fn what_a_key_may_no_longer_have_is_not_sent() {
    let mut siege = Siege::default();
    let game = siege.bystander;
    siege.call(game, "trace", &json!({}));
    siege.tell("private");
    let shown = siege.read(siege.bystander);
    assert!(shown.iter().any(|message| message["method"] == "packet_trace"), "{shown:?}");
    let mut settings = scenario::settings("Alpha", &["*net".to_owned()]);
    let mut permissions = Permissions::default();
    assert!(permissions.add("info"));
    settings.api.keys.as_mut().unwrap()[0].permissions = permissions;
    siege.world.with::<Gateway, _>("Alpha", |gateway, now| gateway.reload(now, settings)).unwrap();
    siege.tell("more private");
    siege.line("said");
    siege.world.wait(Duration::from_secs(1));
    let shown = siege.read(siege.bystander);
    assert_eq!(shown.len(), 0, "{shown:?}");
    // It is not traced again without being asked for.
    let settings = scenario::settings("Alpha", &["*net".to_owned()]);
    siege.world.with::<Gateway, _>("Alpha", |gateway, now| gateway.reload(now, settings)).unwrap();
    siege.tell("back");
    let shown = siege.read(siege.bystander);
    let methods: Vec<&Json> = shown.iter().map(|message| &message["method"]).collect();
    assert_eq!(methods, ["tell_received"]);
}
