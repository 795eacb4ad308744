//! What a router may send.

use super::*;
use i3_core::notice::Level;

#[test]
fn a_frame_of_2_gib_ends_the_link_and_nothing_is_held() {
    let mut siege = Siege::default();
    siege.world.write(siege.router, b"\x7f\xff\xff\xff({\"tell\",");
    assert!(!siege.world.is_open(siege.router));
    assert_eq!(siege.metrics().router_failures, 1);
    let told = siege.read(siege.bystander);
    assert_eq!(told[0]["method"], "gateway_disconnected");
    assert_eq!(told[0]["params"]["reason"], "a frame claims 2147483647 bytes");
    siege.world.wait(4 * SECOND);
    siege.router = siege.world.dialed("*net").unwrap();
    assert!(siege.world.is_open(siege.router), "it dials again");
    siege.log_in();
    siege.works();
}

#[test]
fn an_empty_frame_is_passed_over() {
    let mut siege = Siege::default();
    siege.world.write(siege.router, &[0; 40]);
    siege.nobody_else_noticed();
    assert_eq!(siege.metrics().frames_unreadable, 0);
}

#[test]
fn nesting_without_end_is_one_unreadable_frame() {
    let mut siege = Siege::default();
    for nested in ["({", "([", "(/", "({\"tell\","] {
        siege.frame(&nested.repeat(100_000));
    }
    // Where any value may stand.
    siege.frame(&format!(r#"({{"error",5,"*net",0,"Alpha",0,"x","y",{}"#, "({".repeat(100_000)));
    assert_eq!(siege.metrics().frames_unreadable, 5);
    siege.nobody_else_noticed();
}

#[test]
fn the_frame_after_an_unreadable_one_is_read() {
    let bad =
        ["[tell, 5]", "({\"tell\",5,\"Sage\",", "({})", "\u{ff}\u{fe}", "({\"tell\",5,})", "}", "\"", "-"];
    let good = r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","good",})"#;
    let mut siege = Siege::default();
    let stream: Vec<u8> = bad
        .iter()
        .flat_map(|bad| [wire::mudmode_frame(bad.as_bytes()), wire::mudmode_frame(good.as_bytes())].concat())
        .collect();
    siege.world.write(siege.router, &stream);
    assert_eq!(siege.read(siege.bystander).len(), bad.len());
    assert_eq!(siege.metrics().frames_unreadable, bad.len() as u64);
    let of = |level| {
        let all = siege.world.notices.iter().filter(|notice| notice.what == "unreadable frame dropped");
        all.filter(|notice| notice.level == level).count()
    };
    assert_eq!(of(Level::Debug), bad.len(), "who looks for faults sees each");
    assert_eq!((of(Level::Info), of(Level::Warn)), (1, 0), "an operator is told once a minute");
    siege.nobody_else_noticed();
}

#[test]
fn a_password_in_an_unreadable_frame_is_not_logged() {
    let mut siege = Siege::default();
    siege.frame(r#"({"startup-reply",5,"*net",0,"Alpha",0,({({"*net","1.2.3.4 8080",}),}),7135455,"#);
    siege.frame(r#"({"auth-mud-reply",5,"Sage",0,"Alpha",0,7135455"#);
    siege.frame(r#"({"tell",5,"Sage","bob","Alpha","ann","Bob","no end"#);
    assert_eq!(siege.metrics().frames_unreadable, 3);
    let all: Vec<String> = siege.world.notices.iter().map(ToString::to_string).collect();
    assert!(!all.iter().any(|notice| notice.contains("7135455")), "{all:#?}");
    assert!(all.iter().any(|notice| notice.contains("no end")), "{all:#?}");
}

#[test]
fn a_packet_in_a_false_name_changes_nothing() {
    let mut siege = Siege::default();
    siege.frame(r#"({"startup-reply",5,"*evil",0,"Alpha",0,({({"*evil","6.6.6.6 666",}),}),666,})"#);
    siege.frame(r#"({"mudlist",5,"Sage",0,"Alpha",0,2,(["Sage":0,]),})"#);
    siege.frame(r#"({"tell",5,"Sage","bob","SomebodyElse","ann","Bob","not ours",})"#);
    assert_eq!(siege.read(siege.bystander), [] as [Json; 0]);
    assert_eq!(siege.metrics().packets_ignored, 3);
    siege.nobody_else_noticed();
}

#[test]
fn a_rival_for_the_name_and_a_refused_login_become_warnings_with_advice() {
    let mut siege = Siege::default();
    siege.frame(
        r#"({"error",5,"*net",0,"Alpha",0,"bad-mojo","Another mud is trying to be you.",({"10.0.0.9","lib","base","x@example.org",4000,}),})"#,
    );
    let told = siege.read(siege.bystander).pop().unwrap();
    assert_eq!(told["method"], "identity_warning");
    assert_eq!(told["params"]["error_code"], "bad-mojo");
    assert!(told["params"]["advice"].as_str().unwrap().contains("second gateway"), "{told}");
    siege.nobody_else_noticed();

    siege.world.close(siege.router);
    siege.world.wait(4 * SECOND);
    siege.router = siege.world.dialed("*net").unwrap();
    let login = wire::mudmode_frames(siege.world.received(siege.router)).pop().unwrap();
    assert!(login.starts_with(r#"({"startup-req-3",5,"Alpha",0,"*net",0,77,"#), "{login}");
    // A warning comes before the startup-reply of a login that goes on.
    siege.frame(
        r#"({"error",5,"*net",0,"Alpha",0,"warning","wrong password",({"startup-req-3",5,"Alpha",0,"*net",0,}),})"#,
    );
    assert!(siege.world.is_open(siege.router));
    siege.frame(
        r#"({"error",5,"*net",0,"Alpha",0,"not-allowed","Bad password",({"startup-req-3",5,"Alpha",0,"*net",0,}),})"#,
    );
    assert!(!siege.world.is_open(siege.router), "it need not wait for more");
    let told = siege.read(siege.bystander);
    let warning = told.iter().find(|told| told["method"] == "identity_warning").unwrap();
    assert_eq!(warning["params"]["message"], "Bad password");
    assert!(warning["params"]["advice"].as_str().unwrap().contains("administrator"), "{warning}");
    siege.ask(siege.bystander, r#"{"jsonrpc":"2.0","id":9,"method":"status"}"#);
    let status = siege.read(siege.bystander).pop().unwrap();
    assert_eq!(status["result"]["router"]["last_error"], "refused: Bad password");
    assert_eq!(siege.metrics().identity_warnings, 2);
    // The same words about something else are nothing of the kind.
    siege.world.wait(60 * SECOND);
    siege.router = siege.world.dialed("*net").unwrap();
    siege.log_in();
    siege.frame(
        r#"({"error",5,"*net",0,"Alpha",0,"not-allowed","Banned from chat",({"channel-listen",5,"Alpha",0,"*net",0,"chat",1,}),})"#,
    );
    assert_eq!(siege.metrics().identity_warnings, 2);
    siege.works();
}

#[test]
fn a_redirect_is_not_followed_unless_that_is_allowed() {
    for allowed in [false, true] {
        let mut siege = Siege::new(usize::MAX >> 1, |settings| settings.link.follow_redirects = allowed);
        siege.world.listen("10.9.9.9");
        siege.frame(r#"({"startup-reply",5,"*net",0,"Alpha",0,({({"*other","10.9.9.9 8787",}),}),77,})"#);
        siege.world.wait(4 * SECOND);
        assert_eq!(siege.world.dialed("10.9.9.9").is_some(), allowed);
        assert_eq!(siege.world.is_open(siege.router), !allowed);
        let Some(other) = siege.world.dialed("10.9.9.9") else { continue };
        let sent = wire::mudmode_frames(siege.world.received(siege.router));
        assert!(sent.last().unwrap().starts_with(r#"({"shutdown",5,"Alpha",0,"*net",0,1,"#), "{sent:?}");
        // It is another network: the password of the first is not for it.
        let login = wire::mudmode_frames(siege.world.received(other)).pop().unwrap();
        assert!(login.starts_with(r#"({"startup-req-3",5,"Alpha",0,"*other",0,0,"#), "{login}");
    }
}

#[test]
fn a_router_that_knows_the_mud_no_more_is_logged_in_at_again() {
    let mut siege = Siege::default();
    // The same about something that somebody asked for is an error like others.
    siege.frame(
        r#"({"error",5,"*net",0,"Alpha","ann","unk-src","Who?",({"tell",5,"Alpha","ann","Sage","bob","Ann","hi",}),})"#,
    );
    assert_eq!(siege.read(siege.bystander).pop().unwrap()["method"], "error_occurred");
    assert!(siege.world.is_open(siege.router));
    siege.world.wait(11 * SECOND);
    let probe = wire::mudmode_frames(siege.world.received(siege.router)).pop().unwrap();
    assert_eq!(probe, r#"({"auth-mud-req",5,"Alpha",0,"Alpha",0,})"#);
    siege
        .frame(&format!(r#"({{"error",5,"*net",0,"Alpha",0,"unk-src","You have not logged in",{probe},}})"#));
    assert!(!siege.world.is_open(siege.router), "it answers, and takes nothing from us");
    siege.world.wait(4 * SECOND);
    siege.router = siege.world.dialed("*net").unwrap();
    siege.log_in();
    siege.works();
}
