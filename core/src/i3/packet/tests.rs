//! Layouts and peculiarities, named after the peer that was observed to have them.

use super::*;
use crate::i3::lpc::{LpcError, LpcErrorKind, Value};
use crate::i3::text::Charset;

fn decode(text: &str) -> Packet<'_> {
    Packet::decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}")).0
}

fn encoded(packet: &Packet<'_>) -> String {
    let mut text = Vec::new();
    packet.encode(&mut text);
    crate::i3::text::decode(text.into()).0.into_owned()
}

#[test]
fn strict_packets_survive_a_round_trip() {
    for text in [
        r#"({"tell",5,"A","joe","B","jane","Joe","hi \"you\"",})"#,
        r#"({"channel-t",5,"A","joe",0,0,"c","B","jane","$N pokes $O.","$N pokes you.","Joe","Jane",})"#,
        r#"({"startup-reply",5,"*r",0,"A",0,({({"*r","127.0.0.1 8080",}),}),-1,})"#,
        r#"({"mudlist",5,"*r",0,"A",0,7,(["B":0,"C":({-1,"1.2.3.4",4000,0,0,"l","b","d","t","o","e",(["tell":1,"amcp":"1.1",]),0,}),]),})"#,
        r#"({"chanlist-reply",5,"*r",0,"A",0,7,(["x":({"B",1,}),"y":0,]),})"#,
        r#"({"who-reply",5,"A",0,"B","joe",({({"Jane",18,"First",}),({"Bob",0,"",}),}),})"#,
        r#"({"error",5,"*r",0,"A","joe","unk-dst","no",({"tell",5,"A","joe","X","y","Joe","hi",}),})"#,
        r#"({"some-day",5,"A",0,0,0,({1,}),"x",})"#,
        r#"({"who-req",5,"A","joe","B",0,})"#,
    ] {
        assert_eq!(encoded(&decode(text)), text);
    }
}

#[test]
fn sloppy_packets_are_understood() {
    // CoffeeMud: "" for 0, a type in upper case, an extra field, a number where a text belongs.
    let packet = decode(r#"({"TELL",5,"A","","B","JOE",7,"hi","more",})"#);
    assert_eq!(packet.header.from_user, None);
    assert_eq!(packet.body, Body::Tell { visname: "7".into(), message: "hi".into() });
    // 8-element locate-reply of protocol 1 and 2.
    let packet = decode(r#"({"locate-reply",5,"A",0,"B","joe","A","Jane",})"#);
    assert_eq!(
        packet.body,
        Body::LocateReply { located_mud: "A".into(), located_user: "Jane".into(), idle: 0, status: None }
    );
    // Dead Souls: an array for a new channel's type.
    let packet = decode(r#"({"chanlist-reply",5,"*r",0,"A",0,9,(["x":({"A",({}),}),]),})"#);
    let Body::ChanlistReply { channels, .. } = packet.body else { panic!("a chanlist-reply") };
    assert_eq!(channels.0[0].1, Some(ChannelEntry { owner: "A".into(), channel_type: 0 }));
}

#[test]
fn logins_of_three_protocols() {
    for text in [
        r#"({"startup-req-1",5,"A",0,"*r",0,7,-1,-1,4000,4006,4008,"l","b","d","t","o",(["tell":1,]),})"#,
        r#"({"startup-req-2",5,"A",0,"*r",0,7,-1,-1,4000,4006,4008,"l","b","d","t","o",(["tell":1,]),})"#,
        r#"({"startup-req-3",5,"A",0,"*r",0,7,-1,-1,4000,4006,4008,"l","b","d","t","o","e",(["tell":1,]),0,})"#,
        r#"({"chanlist-req",5,"A",0,"*r",0,})"#,
        r#"({"chanlist-request",5,"A",0,"*r",0,})"#,
    ] {
        let packet = decode(text);
        assert!(!matches!(packet.body, Body::Unknown { .. }), "{text}");
        assert_eq!(encoded(&packet), text);
    }
    // Protocol 2 in the layout of protocol 3 is read as protocol 3.
    let text =
        r#"({"startup-req-2",5,"A",0,"*r",0,7,-1,-1,4000,0,0,"l","b","d","t","o","e",(["tell":1,]),0,})"#;
    assert_eq!(encoded(&decode(text)), text.replace("req-2", "req-3"));
    // Without the last field it has neither layout.
    let text = r#"({"startup-req-2",5,"A",0,"*r",0,7,-1,-1,4000,0,0,"l","b","d","t","o",(["tell":1,]),0,})"#;
    assert!(
        matches!(decode(text).body, Body::StartupReq2 { services: Mapping(some), .. } if some.len() == 1)
    );
    let text = r#"({"STARTUP-REQ-1",5,"A",0,"*r",0,7,0,0,4000,0,0,"l","b","d","t","o",})"#;
    assert!(matches!(decode(text).body, Body::StartupReq1 { .. }));
}

#[test]
fn mudlist_entries_of_11_12_and_13_fields_are_read() {
    for (entry, email) in [
        (r#"({-1,"1.2.3.4",1,2,3,"l","b","d","t","o","e",(["tell":1,]),(["x":1,]),})"#, "e"),
        (r#"({-1,"1.2.3.4",1,2,3,"l","b","d","t","o","e",(["tell":1,]),})"#, "e"),
        (r#"({-1,0,"1.2.3.4",1,2,3,"l","b","d","t","o",(["tell":1,]),})"#, ""),
        (r#"({-1,"1.2.3.4",1,2,3,"l","b","d","t","o",(["tell":1,]),})"#, ""),
    ] {
        let text = format!(r#"({{"mudlist",5,"*r",0,0,0,1,(["M":{entry},]),}})"#);
        let Body::Mudlist { muds, .. } = decode(&text).body else { panic!("a mudlist") };
        let mud = muds.0[0].1.as_ref().unwrap();
        assert_eq!((&*mud.ip, mud.player_port, mud.imud_udp_port), ("1.2.3.4", 1, 3), "{entry}");
        assert_eq!((&*mud.open_status, &*mud.admin_email), ("o", email), "{entry}");
        assert_eq!(mud.services.0, [("tell".into(), Value::Int(1))], "{entry}");
    }
}

#[test]
fn invalid_packets_report_the_reason() {
    for (text, error) in [
        ("5", PacketError::NotAPacket),
        ("({})", PacketError::NotAPacket),
        ("({5,})", PacketError::NotAPacket),
        ("([\"tell\":1,])", PacketError::NotAPacket),
        (r#"({"tell",5,"A",})"#, PacketError::Missing("visname")),
        (r#"({"tell",5,"A",0,"B","x",({}),"hi",})"#, PacketError::WrongType("visname")),
    ] {
        assert_eq!(Packet::decode(text.as_bytes()).unwrap_err(), error, "{text}");
    }
    assert!(matches!(Packet::decode(b"[tell, 5]"), Err(PacketError::Lpc(_))));
}

#[test]
fn every_known_type_survives_a_round_trip() {
    // One packet of each type, with a value that every field can hold: "7" can be read as a text and as a number.
    for kind in KINDS {
        let many = format!(r#"({{"{kind}",5,"A","u","B","v",{}}})"#, r#""7","#.repeat(20));
        let packet = decode(&many);
        assert_eq!(packet.body.kind(), *kind);
        assert!(!matches!(packet.body, Body::Unknown { .. }), "{kind}");
        let once = encoded(&packet);
        assert_eq!(encoded(&decode(&once)), once);
        assert_eq!(packet.to_value(), Value::parse(once.as_bytes()).unwrap());
    }
}

#[test]
fn types_of_other_routers_and_unknown_types() {
    for text in [
        // Samson's router.
        r#"({"chan-adminlist",5,"A","u","*r",0,"c",})"#,
        r#"({"chan-adminlist-reply",5,"*r",0,"A","u","c",({"B","C",}),})"#,
        r#"({"chan-ack",5,"*r",0,"A","u","done",})"#,
        r#"({"router-shutdown",5,"*r",0,"A",0,60,})"#,
        // Dead Souls relays unknown types: vectors/dead-souls/unknown-type-forwarded-to-mud
        r#"({"frobnicate",5,"TestMudA","joe","TestMudB","jane",1,2.500000,({}),([]),})"#,
        r#"({"Frobnicate",5,"A",0,0,0,(/1,/),"a\"b\\c",})"#,
    ] {
        assert_eq!(encoded(&decode(text)), text);
    }
}

#[test]
fn quotes_that_shift_the_fields_invalidate_the_frame() {
    // A CoffeeMud router relays `he said "a","b" ok` without escapes, which reads as one more field.
    let text = br#"({"tell",5,"A","joe","B","jane","Joe","he said "a","b" ok",})"#;
    let error = Packet::decode(text).unwrap_err();
    assert!(
        matches!(error, PacketError::Lpc(LpcError { kind: LpcErrorKind::AmbiguousQuotes, .. })),
        "{error}"
    );
    // A single pair of quotes is unambiguous, and so are extra fields without any quotes.
    let (packet, repairs) =
        Packet::decode(br#"({"tell",5,"A","joe","B","jane","Joe","say "hi" now",})"#).unwrap();
    assert_eq!(packet.body, Body::Tell { visname: "Joe".into(), message: "say \"hi\" now".into() });
    assert_eq!(repairs, Repairs { bare_quotes: 2, ..Repairs::default() });
    // vectors/coffeemud/25-error-relay-toA: a list in Java's notation.
    let text =
        br#"({"error",5,"B",0,"A","joe","unk-user","User zed unknown",[tell, 5, A, joe, B, zed, Joe, hi],})"#;
    assert!(matches!(Packet::decode(text), Err(PacketError::Lpc(_))));
}

#[test]
fn one_bad_field_does_not_invalidate_the_list() {
    let text = r#"({"mudlist",5,"*r",0,0,0,1,(["A":({-1,({}),"4000",2,0,"l","b","d","t","o","e",({}),0,({1,}),}),"A":0,"B":({}),({}):0,7:0,]),})"#;
    let Body::Mudlist { muds, .. } = decode(text).body else { panic!("a mudlist") };
    let first = muds.0[0].1.as_ref().unwrap();
    assert_eq!((&*first.ip, first.player_port, &*first.mudlib), ("", 4000, "l"));
    assert!(muds.get("A").is_some_and(Option::is_none), "the last one counts");
    assert_eq!(muds.get("B").unwrap().as_ref().unwrap().state, MudState::Down);
    assert!(muds.get("7").is_some() && muds.get("").is_some() && muds.get("C").is_none());
}

#[test]
fn one_odd_row_loses_that_row_alone() {
    let names = |text: &str| -> (Vec<String>, u32) {
        let (packet, repairs) =
            Packet::decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        let names: Vec<String> = match packet.body {
            Body::WhoReply { users } => users.iter().map(|user| user.visname.to_string()).collect(),
            Body::ChanWhoReply { users, .. } => users.iter().map(ToString::to_string).collect(),
            Body::StartupReply { routers, .. } => {
                routers.iter().map(|router| router.name.to_string()).collect()
            }
            Body::Mudlist { muds, .. } => muds.0.iter().map(|(name, _)| name.to_string()).collect(),
            Body::ChanlistReply { channels, .. } => {
                channels.0.iter().map(|(name, _)| name.to_string()).collect()
            }
            other => panic!("{other:?}"),
        };
        (names, repairs.odd_rows)
    };
    let mud = r#"({-1,"1.2.3.4",1,2,3,"l","b","d","t","o","e",(["tell":1,]),0,})"#;
    for (packet, good, odd) in [
        (
            r#"({"who-reply",5,"A",0,"B","joe",({ROWS}),})"#,
            r#"({"GOOD",1,"x",}),"#.to_owned(),
            &[
                "5,",
                "\"x\",",
                "([1:2,]),",
                "({}),",
                "({({}),1,\"x\",}),",
                "0,",
                ",",
                "({\"B\",0,\"say \"a\",\"b\" now\",}),",
            ][..],
        ),
        (
            r#"({"chan-who-reply",5,"A",0,"B","joe","chat",({ROWS}),})"#,
            r#""GOOD","#.to_owned(),
            &["({}),", "([]),", "({\"x\",}),"],
        ),
        (
            r#"({"startup-reply",5,"*r",0,"A",0,({ROWS}),7,})"#,
            r#"({"GOOD","1.2.3.4 8080",}),"#.to_owned(),
            &["\"*x\",", "({\"*x\",}),", "({\"*x\",({}),}),", "5,"],
        ),
        (
            r#"({"mudlist",5,"*r",0,0,0,1,([ROWS]),})"#,
            format!(r#""GOOD":{mud},"#),
            &[
                "\"x\":\"y\",",
                "\"x\":([]),",
                "\"x\":({-1,\"1\",1,2,3,\"say \"a\" b\",\"b\",\"d\",\"t\",\"o\",\"e\",([]),0,1,}),",
            ],
        ),
        (
            r#"({"chanlist-reply",5,"*r",0,0,0,1,([ROWS]),})"#,
            r#""GOOD":({"M",0,}),"#.to_owned(),
            &["\"x\":\"y\",", "\"x\":([]),"],
        ),
    ] {
        for odd in odd {
            let rows = [&good.replace("GOOD", "one"), *odd, &good.replace("GOOD", "two")].concat();
            let (names, odd_rows) = names(&packet.replace("ROWS", &rows));
            assert_eq!((names, odd_rows), (vec!["one".to_owned(), "two".to_owned()], 1), "{odd} in {packet}");
        }
    }
    // A quote in one row, and a further field in another one, are not odd.
    let text = r#"({"who-reply",5,"A",0,"B","joe",({({"one",1,"say "a" b",}),({"two",1,"x","more",}),}),})"#;
    assert_eq!(names(text), (vec!["one".to_owned(), "two".to_owned()], 0));
    // Where the text itself cannot be read, nothing after it can.
    assert!(Packet::decode(br#"({"who-reply",5,"A",0,"B","joe",({({"one",1,x,}),}),})"#).is_err());
}

/// Without optimisation this takes a second. Rows that are read again and again would take many minutes.
#[test]
fn odd_rows_are_skipped_in_linear_time() {
    for row in ["({({}),}),", "({({({({}),}),}),}),", "({\"B\",0,\"say \"a\",\"b\" now\",}),", "5,"] {
        let rows = row.repeat(1_000_000 / row.len());
        let text = format!(r#"({{"who-reply",5,"A",0,"B","joe",({{{rows}}}),}})"#);
        let (packet, repairs) = Packet::decode(text.as_bytes()).unwrap();
        assert_eq!(packet.body, Body::WhoReply { users: Vec::new() });
        assert_eq!(repairs.odd_rows as usize, 1_000_000 / row.len(), "{row}");
    }
}

#[test]
fn each_string_of_a_packet_has_its_own_character_set() {
    let text = b"({\"tell\",5,\"A\",\"joe\",\"B\",\"jane\",\"Jo\xe9\",\"caf\xc3\xa9\",})";
    let (packet, repairs) = Packet::decode(text).unwrap();
    assert_eq!(packet.body, Body::Tell { visname: "Joé".into(), message: "café".into() });
    assert_eq!(repairs, Repairs { latin1_strings: 1, ..Repairs::default() });
    // It is written in one character set.
    assert_eq!(encoded(&packet), r#"({"tell",5,"A","joe","B","jane","Joé","café",})"#);
    let mut wire = Vec::new();
    packet.encode_with(Charset::Latin1, &mut wire);
    assert_eq!(wire, b"({\"tell\",5,\"A\",\"joe\",\"B\",\"jane\",\"Jo\xe9\",\"caf\xe9\",})");
    // The replacement of a character is escaped like any other text.
    let packet =
        Packet { header: packet.header, body: Body::ChanAck { message: "“\\” 日本…\n".into() } };
    let mut wire = Vec::new();
    packet.encode_with(Charset::Latin1, &mut wire);
    assert!(wire.starts_with(br#"({"chan-ack",5,"A","joe","B","jane","\"\\\" "#), "{wire:?}");
    let (again, _) = Packet::decode(&wire).unwrap();
    assert!(
        matches!(&again.body, Body::ChanAck { message } if message.starts_with("\"\\\" ") && message.ends_with("...\n"))
    );
}

#[test]
fn nothing_but_clean_utf_8_leaves() {
    // Control characters and Latin-1, inside values too: vectors/dead-souls/ser-c0, ser-latin1
    let text = b"({\"error\",5,\"A\",0,\"B\",\"joe\\\0\",\"x\x1b[31m\x07\x7f\",\"\xc2\x9b\ty\",({\"\x01caf\xe9\r\",([\"\x1e\":\"\xff\",]),}),})";
    let (packet, _) = Packet::decode(text).unwrap();
    let expected = "({\"error\",5,\"A\",0,\"B\",\"joe\",\"x[31m\",\"› y\",({\"café\r\",([\"\":\"ÿ\",]),}),})";
    assert_eq!(encoded(&packet), expected);
}

#[test]
fn out_of_band_packets_have_no_header() {
    let decode = |text: &'static str| {
        OobPacket::decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}")).0
    };
    let encoded = |packet: &OobPacket<'_>| {
        let mut text = Vec::new();
        packet.encode(&mut text);
        crate::i3::text::decode(text.into()).0.into_owned()
    };
    for (peer, text) in [
        // vectors/dead-souls/oob-*
        ("Dead Souls", r#"({"oob-begin","DSClient",1,555666777,})"#),
        ("Dead Souls", r#"({"oob-reply","Welcome to the OOB service on DSClient",})"#),
        ("Dead Souls", r#"({"mail-ack",(["msg-1":({}),]),})"#),
        ("Dead Souls", r#"({"oob-file-end","oob-file send complete.",})"#),
        ("Dead Souls", r#"({"oob-test",})"#),
        ("Dead Souls", r#"({"oob-file-req","/doc/intro",})"#),
        ("Dead Souls", r#"({"oob-file","/doc/intro",1,"Welcome",})"#),
        ("Dead Souls", r#"({"oob-file-error","File access denied.","/etc/passwd",})"#),
        ("Dead Souls", r#"({"oob-end","DSClient",})"#),
        (
            "the published text",
            r#"({"mail",5,"jane",(["A":({"joe","bob",}),]),([]),({"eve",}),1795403057,"subj","body",})"#,
        ),
        ("the published text", r#"({"mail-ack",([5:({"nobody",}),"6":({}),]),})"#),
        ("the published text", r#"({"file-list-req","A","joe","pub",})"#),
        (
            "the published text",
            r#"({"file-list-reply","joe",({({"a.c",120,1795403057,}),({"d",-2,0,}),}),})"#,
        ),
        ("the published text", r#"({"file-put",1,"A","joe","pub/a.c","int x;",})"#),
        ("the published text", r#"({"file-put-ack",1,-3,})"#),
        ("the published text", r#"({"file-get-req",2,"A","joe","pub/a.c",})"#),
        ("the published text", r#"({"file-get-reply",2,1,"int x;",})"#),
        ("the published text", r#"({"file-get-reply",2,-1,0,})"#),
        ("the published text", r#"({"news-post-req","A",4000,"comp.mud","","Hello","joe","text",})"#),
        ("the published text", r#"({"news-grplist-req",})"#),
    ] {
        let packet = decode(text);
        assert!(
            matches!(&packet, OobPacket::Plain(body) if !matches!(body, OobBody::Unknown { .. })),
            "{peer}: {text}"
        );
        assert_eq!(encoded(&packet), text, "{peer}");
    }
    // Dead Souls writes the id and the time of a letter as strings. The answer repeats the id unchanged.
    let letter = decode(
        "({\"mail\",\"1795403057\",\"jane@DSClient\",([\"TestMudA\":({\"joe\",}),]),([\"TestMudA\":({}),]),({}),\"1795403057\",\"subj\",\"body line\r\",})",
    );
    let OobPacket::Plain(OobBody::Mail { id, sent, contents, to, .. }) = letter else { panic!("mail") };
    assert_eq!((id, sent, &*contents), (Value::str("1795403057"), 1_795_403_057, "body line\n"));
    assert_eq!(to.get("TestMudA").unwrap()[..], ["joe"]);
    // Without the second field.
    let error = decode(r#"({"oob-file-error","File access denied.",})"#);
    assert_eq!(
        error,
        OobPacket::Plain(OobBody::OobFileError { message: "File access denied.".into(), path: None })
    );
    // With a header also here.
    let request = r#"({"news-read-req",5,"A","joe",0,0,"comp.mud",12,})"#;
    assert!(matches!(
        decode(request),
        OobPacket::WithHeader(Packet { body: Body::NewsReadReq { id: 12, .. }, .. })
    ));
    assert_eq!(encoded(&decode(request)), request);
    let error = r#"({"error",5,"A",0,"B","joe","not-allowed","no",0,})"#;
    assert!(matches!(decode(error), OobPacket::WithHeader(_)));
    // Answers of a news server, and unknown types.
    for text in ["17", r#"({1795403057,"","Hello","joe","text",})"#, r#"({({"comp.mud",1,17,}),})"#, "({})"] {
        assert!(matches!(decode(text), OobPacket::Untyped(_)), "{text}");
        assert_eq!(encoded(&decode(text)), text);
    }
    let unknown = r#"({"mail-ok",(["msg-1":({}),]),})"#;
    assert!(matches!(decode(unknown), OobPacket::Plain(OobBody::Unknown { .. })));
    assert_eq!(encoded(&decode(unknown)), unknown);
    for broken in [&b""[..], b"({\"mail\",", b"({\"mail\",({}),1,})", b"({\"oob-begin\",({}),})"] {
        assert!(OobPacket::decode(broken).is_err());
    }
    for kind in OOB_KINDS {
        let text = format!("({{\"{kind}\",{}}})", "\"7\",".repeat(10));
        let packet = OobPacket::decode(text.as_bytes()).unwrap().0;
        assert!(matches!(packet, OobPacket::Plain(body) if body.kind() == *kind));
    }
}
