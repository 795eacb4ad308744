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
fn a_packet_in_a_false_name_changes_nothing() {
    let mut siege = Siege::default();
    siege.frame(r#"({"startup-reply",5,"*evil",0,"Alpha",0,({({"*evil","6.6.6.6 666",}),}),666,})"#);
    siege.frame(r#"({"mudlist",5,"Sage",0,"Alpha",0,2,(["Sage":0,]),})"#);
    siege.frame(r#"({"tell",5,"Sage","bob","SomebodyElse","ann","Bob","not ours",})"#);
    assert_eq!(siege.read(siege.bystander), [] as [Json; 0]);
    assert_eq!(siege.metrics().packets_ignored, 3);
    siege.nobody_else_noticed();
}
