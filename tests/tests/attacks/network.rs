//! What other muds may try with what the gateway answers, and with its memory.

use super::*;
use i3_core::settings::Settings;

/// Sends the request for a tell, and returns its result and how long the router waited for the packet.
fn tell_takes(siege: &mut Siege) -> (Json, Duration) {
    let request = json!({"jsonrpc": "2.0", "id": "out", "method": "tell",
        "params": {"target_mud": "Sage", "target_user": "bob", "message": "from the game"}});
    siege.world.received(siege.router).clear();
    siege.ask(siege.bystander, &request.to_string());
    let answer = siege.read(siege.bystander).pop().expect("an answer");
    let from = siege.world.now().mono;
    for _ in 0..2_000 {
        let frames = wire::mudmode_frames(siege.world.received(siege.router));
        if frames.iter().any(|frame| frame.contains("from the game")) {
            break;
        }
        siege.world.wait(Duration::from_millis(10));
    }
    (answer["result"]["status"].clone(), siege.world.now().mono.since(from))
}

/// A game that has published its users: nobody but Ann is online.
fn published() -> Siege {
    let mut siege = Siege::default();
    siege.call(siege.bystander, "presence_sync", &json!({"users": [{"name": "Ann"}]}));
    siege.world.wait(2 * SECOND);
    siege
}

#[test]
fn questions_of_other_muds_do_not_delay_what_the_game_sends() {
    for packet in [
        r#"({"auth-mud-req",5,"Spam",0,"Alpha",0,})"#,
        r#"({"tell",5,"Spam","x","Alpha","nobody","X","hi",})"#,
        r#"({"who-req",5,"Spam","x","Alpha",0,})"#,
        r#"({"finger-req",5,"Spam","x","Alpha",0,"ann",})"#,
        r#"({"locate-req",5,"Spam","x",0,0,"ann",})"#,
        r#"({"ping-req",5,"Spam",0,"Alpha",0,})"#,
        r#"({"frobnicate",5,"Spam","x","Alpha",0,1,})"#,
    ] {
        let mut siege = published();
        for _ in 0..200 {
            siege.frame(packet);
        }
        for _ in 0..3 {
            let (status, time) = tell_takes(&mut siege);
            assert!(status == "sent" && time < Duration::from_millis(50), "{packet}: {status} {time:?}");
            siege.world.wait(SECOND);
        }
        for _ in 0..1_300 {
            siege.frame(packet);
        }
        let (status, time) = tell_takes(&mut siege);
        assert!(status == "sent" && time < Duration::from_millis(50), "{packet}: {status} {time:?}");
        let metrics = siege.metrics();
        assert!(
            metrics.answers_dropped > 1_300 && metrics.packets_refused == 0,
            "{}",
            metrics.answers_dropped
        );
    }
}

#[test]
fn a_mud_that_asks_too_much_does_not_keep_others_from_their_answers() {
    let mut siege = published();
    for _ in 0..1_000 {
        siege.frame(r#"({"who-req",5,"Spam","x","Alpha",0,})"#);
    }
    siege.frame(r#"({"who-req",5,"Other","bob","Alpha",0,})"#);
    siege.world.wait(2 * SECOND);
    let frames = wire::mudmode_frames(siege.world.received(siege.router));
    assert!(frames.iter().any(|frame| frame.contains(r#""Other","bob",({({"Ann""#)), "{frames:#?}");
}

#[test]
fn forged_names_of_many_muds_fill_a_queue_of_their_own() {
    let mut siege = published();
    for n in 0..3_000 {
        siege.frame(&format!(r#"({{"auth-mud-req",5,"Mud {n}",0,"Alpha",0,}})"#));
    }
    let (status, time) = tell_takes(&mut siege);
    assert!(status == "sent" && time < Duration::from_millis(50), "{status} {time:?}");
    assert!(siege.metrics().answers_dropped > 2_000);
}

#[test]
fn errors_are_never_sent_in_reply_to_a_broadcast() {
    let kept = |settings: &mut Settings| settings.api.events.keep_tells = Duration::from_secs(5);
    for is_away in [false, true] {
        let mut siege = Siege::new(usize::MAX >> 1, kept);
        if is_away {
            siege.world.close(siege.bystander);
        } else {
            siege.call(siege.bystander, "presence_sync", &json!({"users": [{"name": "Ann"}]}));
        }
        siege.world.wait(2 * SECOND);
        siege.world.received(siege.router).clear();
        for rest in [
            r#""Bob","hi""#, // tell
            "\"Bob\"",
            "\"zoe\"",
            "",
            "({1,})",
        ] {
            for kind in [
                "tell",
                "emoteto",
                "beep",
                "who-req",
                "finger-req",
                "locate-req",
                "chan-who-req",
                "chan-user-req",
                "oob-req",
                "news-read-req",
                "frobnicate",
                "ucache-update",
                "error",
            ] {
                let rest = if rest.is_empty() { String::new() } else { format!("{rest},") };
                siege.frame(&format!(r#"({{"{kind}",5,"Sage","bob",0,"zoe",{rest}}})"#));
            }
        }
        // Kept tells that nobody came for end without an error too.
        siege.world.wait(30 * SECOND);
        let frames = wire::mudmode_frames(siege.world.received(siege.router));
        let errors: Vec<_> = frames.iter().filter(|frame| frame.starts_with(r#"({"error""#)).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn a_broadcast_tell_reaches_the_user_it_names() {
    let mut siege = published();
    siege.read(siege.bystander);
    siege.frame(r#"({"tell",5,"Sage","bob",0,"ann","Bob","to all",})"#);
    let told = siege.read(siege.bystander).pop().expect("the tell");
    assert_eq!((&told["method"], &told["params"]["message"]), (&"tell_received".into(), &"to all".into()));
}

#[test]
fn only_the_router_can_say_that_another_mud_uses_the_name() {
    let mut siege = Siege::default();
    siege.frame(r#"({"error",5,"Spam",0,"Alpha",0,"bad-mojo","Another mud is trying to be you.",0,})"#);
    let told = siege.read(siege.bystander).pop().unwrap();
    assert_eq!((&told["method"], &told["params"]["from_mud"]), (&"error_occurred".into(), &"Spam".into()));
    assert_eq!(siege.metrics().identity_warnings, 0);
    siege.frame(r#"({"error",5,"*NET",0,"Alpha",0,"bad-mojo","Another mud is trying to be you.",0,})"#);
    assert_eq!(siege.read(siege.bystander).pop().unwrap()["method"], "identity_warning");
}

#[test]
fn a_login_answered_under_another_name_says_which_name() {
    let mut siege = Siege::default();
    siege.world.close(siege.router);
    siege.world.wait(4 * SECOND);
    siege.router = siege.world.dialed("*net").unwrap();
    siege.frame(r#"({"startup-reply",5,"*dalet",0,"Alpha",0,({({"*dalet","127.0.0.1 4000",}),}),77,})"#);
    assert!(!siege.world.is_open(siege.router), "it need not wait for more");
    let status = siege.call(siege.bystander, "status", &json!({})).pop().unwrap();
    let router = &status["result"]["router"];
    assert_eq!(
        router["last_error"],
        "the router calls itself *dalet, but the settings call it *net: set its name to *dalet"
    );
    assert!(router["next_attempt"].is_string(), "{router}");
}

/// A chanlist-reply with these channels.
fn chanlist(channels: std::ops::Range<usize>) -> String {
    let rows: String = channels.map(|n| format!(r#""c{n}":({{"M",0,}}),"#)).collect();
    format!(r#"({{"chanlist-reply",5,"*net",0,"Alpha",0,7,([{rows}]),}})"#)
}

/// Without optimisation this takes some seconds. Work that grows with the square of the list would take an hour.
#[test]
fn the_work_on_a_list_grows_with_its_bytes() {
    let mut siege = Siege::default();
    siege.call(siege.bystander, "channel_add", &json!({"channel": "ours"}));
    siege.frame(&chanlist(0..90_000));
    siege.world.wait(60 * SECOND);
    siege.frame(&chanlist(5_000..95_000));
    let told = siege.read(siege.bystander);
    let of = |method: &str| told.iter().filter(|told| told["method"] == method).count();
    let told_of = of("channel_added") + of("channel_removed");
    assert!((200..=256).contains(&told_of), "{told_of}");
    siege.world.wait(SECOND);
    let missed: Vec<Json> = told.iter().filter(|told| told["method"] == "lagged").cloned().collect();
    let missed: u64 = missed.iter().map(|told| told["params"]["dropped"].as_u64().unwrap()).sum();
    // 5,000 have gone, and as many of the new ones have a place.
    assert_eq!(told_of as u64 + missed, 10_000);
    let entry = r#"({-1,"1.2.3.4",4000,0,0,"l","b","d","t","o","e",([]),0,})"#;
    for state in ["-1", "0", "-1"] {
        let entry = entry.replace("-1", state);
        let rows: String = (0..25_000).map(|n| format!(r#""m{n}":{entry},"#)).collect();
        siege.frame(&format!(r#"({{"mudlist",5,"*net",0,"Alpha",0,7,([{rows}]),}})"#));
    }
    siege.nobody_else_noticed();
}

#[test]
fn a_thousand_bans_see_the_ends_of_a_name() {
    let mut siege = Siege::default();
    for n in 0..1_000 {
        let pattern = format!("*a*a*a*{n}@*a*b");
        siege.ask(
            siege.bystander,
            &json!({"jsonrpc": "2.0", "id": n, "method": "ban_add", "params": {"pattern": pattern}})
                .to_string(),
        );
        siege.read(siege.bystander);
    }
    let name = "a".repeat(100_000);
    for _ in 0..20 {
        siege.frame(&format!(r#"({{"tell",5,"{name}","{name}","Alpha","ann","Bob","hi",}})"#));
    }
    siege.frame(&format!(r#"({{"tell",5,"{name}b","{name}17","Alpha","ann","Bob","hi",}})"#));
    assert_eq!(siege.metrics().packets_banned_in, 1);
}

#[test]
fn replies_that_nobody_asked_for_are_ignored() {
    let mut siege = Siege::default();
    let names = r#""xxxxxxxxxxxxxxxx","#.repeat(100_000);
    let visname = "x".repeat(1_000_000);
    for n in 0..10 {
        siege.frame(&format!(r#"({{"chan-who-reply",5,"Mud {n}",0,"Alpha","ann","chat",({{{names}}}),}})"#));
        siege.frame(&format!(r#"({{"chan-user-reply",5,"Mud {n}",0,"Alpha","ann","bob","{visname}",0,}})"#));
        siege.frame(&format!(r#"({{"ucache-update",5,"Mud {n}",0,0,0,"bob","{visname}",0,}})"#));
    }
    assert_eq!(siege.read(siege.bystander), [] as [Json; 0]);
    assert_eq!(siege.metrics().packets_ignored, 30);
    let known = siege.call(siege.bystander, "channel_who", &json!({"channel": "chat"})).pop().unwrap();
    assert_eq!(known["result"]["members"], json!([{"mud": "Alpha", "users": []}]));
    // One that was asked for is cut.
    siege.call(siege.bystander, "channel_who", &json!({"channel": "chat", "target_mud": "Sage"}));
    siege.frame(&format!(r#"({{"chan-who-reply",5,"Sage",0,"Alpha","ann","chat",({{{names}}}),}})"#));
    let reply = siege.read(siege.bystander).pop().unwrap();
    assert_eq!(reply["params"]["users"].as_array().unwrap().len(), 512);
    siege.frame(&format!(r#"({{"chan-who-reply",5,"Sage",0,"Alpha","ann","chat",({{{names}}}),}})"#));
    assert_eq!(siege.read(siege.bystander), [] as [Json; 0], "it was answered");
}
