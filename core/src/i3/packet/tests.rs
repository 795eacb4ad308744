use super::*;

fn decode(text: &str) -> Packet<'_> {
    Packet::decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}")).0
}

fn encoded(packet: &Packet<'_>) -> String {
    let mut text = Vec::new();
    packet.encode(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn strict_packets_survive_a_round_trip() {
    for text in [
        r#"({"tell",5,"A","joe","B","jane","Joe","hi \"you\"",})"#,
        r#"({"channel-t",5,"A","joe",0,0,"c","B","jane","$N pokes $O.","$N pokes you.","Joe","Jane",})"#,
        r#"({"startup-reply",5,"*r",0,"A",0,({({"*r","127.0.0.1 8080",}),}),-1,})"#,
        r#"({"mudlist",5,"*r",0,"A",0,7,(["B":0,"C":({-1,"1.2.3.4",4000,0,0,"l","b","d","t","o","e",(["tell":1,"amcp":"1.1",]),0,}),]),})"#,
        r#"({"chanlist-reply",5,"*r",0,"A",0,7,(["x":({"B",1,}),"y":0,]),})"#,
        r#"({"who-reply",5,"A",0,"B","joe",({({"Jane",18,"First",}),({"Bob",0,0,}),}),})"#,
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
fn what_is_no_packet_says_why() {
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
