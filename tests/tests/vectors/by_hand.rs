//! What one frame of each type must read as, from each network.

use i3_core::i3::packet::{ChannelEntry, Mapping, MudEntry, MudState, RouterEntry, WhoRow};
use i3_core::i3::{Body, Header, Value};

/// A header, with `""` for nobody.
fn from<'a>(from_mud: &'a str, from_user: &'a str, to_mud: &'a str, to_user: &'a str) -> Header<'a> {
    let name = |name: &'a str| (!name.is_empty()).then(|| name.into());
    Header {
        ttl: 5,
        from_mud: from_mud.into(),
        from_user: name(from_user),
        to_mud: name(to_mud),
        to_user: name(to_user),
    }
}

fn ints<'a>(entries: &[(&'a str, i64)]) -> Mapping<'a, Value<'a>> {
    Mapping(entries.iter().map(|(name, int)| ((*name).into(), Value::Int(*int))).collect())
}

/// `({"type",5,"from","user","to","user",…})` inside an error.
fn packet_value<'a>(names: [&'a str; 5], rest: &[&'a str]) -> Value<'a> {
    let text = |text: &'a str| if text.is_empty() { Value::Int(0) } else { Value::str(text) };
    let mut fields = vec![text(names[0]), Value::Int(5)];
    fields.extend(names[1..].iter().map(|name| text(name)));
    fields.extend(rest.iter().map(|field| text(field)));
    Value::Array(fields)
}

/// What one frame of each type must read as, from each network: by hand, from the captures, not from the decoder.
pub(crate) fn all() -> Vec<(&'static str, Header<'static>, Body<'static>)> {
    let mut all = coffeemud();
    all.extend(dead_souls());
    all
}

fn coffeemud() -> Vec<(&'static str, Header<'static>, Body<'static>)> {
    let router_entry = RouterEntry { name: "*test".into(), address: "127.0.0.1 18787".into() };
    let channel =
        |owner: &'static str, channel_type| Some(ChannelEntry { owner: owner.into(), channel_type });
    let client = "CoffeeMud v5.11.0.4";
    vec![
        (
            "coffeemud/01-startup-toA",
            from("*test", "", "TestMudA", ""),
            Body::StartupReply { routers: vec![router_entry], password: -1 },
        ),
        (
            "coffeemud/01-startup-toA-2",
            from("*test", "", "TestMudA", ""),
            Body::Mudlist {
                id: 1,
                muds: Mapping(vec![(
                    "TestMudA".into(),
                    Some(MudEntry {
                        state: MudState::Up,
                        ip: "127.0.0.1".into(),
                        player_port: 4000,
                        imud_tcp_port: 0,
                        imud_udp_port: 0,
                        mudlib: "TestLib 1.0".into(),
                        base_mudlib: "TestBase".into(),
                        driver: "TestDriver".into(),
                        mud_type: "LPMud".into(),
                        open_status: "mudlib development".into(),
                        admin_email: "admin@example.org".into(),
                        services: ints(&[
                            ("emoteto", 1),
                            ("tell", 1),
                            ("locate", 1),
                            ("who", 1),
                            ("auth", 1),
                            ("channel", 1),
                            ("finger", 1),
                            ("ucache", 1),
                        ]),
                        other_data: Value::Map(vec![]),
                    }),
                )]),
            },
        ),
        (
            "coffeemud/31-startup-chans-toC-3",
            from("*test", "", "TestMudC", ""),
            Body::ChanlistReply {
                id: 5,
                channels: Mapping(vec![
                    ("chan1".into(), channel("TestMudA", 1)),
                    ("chan0".into(), channel("TestMudA", 0)),
                    ("chan2".into(), channel("TestMudA", 2)),
                ]),
            },
        ),
        // An empty string for nobody.
        (
            "coffeemud/06-listen-unk-toB",
            from("*test", "", "TestMudB", ""),
            Body::Error {
                code: "unk-channel".into(),
                message: "The channel nochan is unknown.".into(),
                packet: Value::Array(vec![
                    Value::str("channel-listen"),
                    Value::Int(5),
                    Value::str("TestMudB"),
                    Value::Int(0),
                    Value::str("*test"),
                    Value::Int(0),
                    Value::str("nochan"),
                    Value::Int(1),
                ]),
            },
        ),
        (
            "coffeemud/11-channel-m-toB",
            from("TestMudA", "joe", "", ""),
            Body::ChannelMessage {
                channel: "chan0".into(),
                visname: "Joe".into(),
                message: "hello world".into(),
            },
        ),
        (
            "coffeemud/12-channel-e-toB",
            from("TestMudA", "joe", "", ""),
            Body::ChannelEmote {
                channel: "chan0".into(),
                visname: "Joe".into(),
                message: "$N smiles.".into(),
            },
        ),
        (
            "coffeemud/13-channel-t-toA",
            from("TestMudB", "jane", "", ""),
            Body::ChannelTargetedEmote {
                channel: "chan0".into(),
                target_mud: "TestMudA".into(),
                target_user: "joe".into(),
                message_others: "$N hugs $O.".into(),
                message_target: "$N hugs you.".into(),
                visname: "Jane".into(),
                target_visname: "Joe".into(),
            },
        ),
        // Its quotes have lost their escapes.
        (
            "coffeemud/40-esc-quote-toB",
            from("TestMudA", "joe", "TestMudB", "jane"),
            Body::Tell { visname: "Joe".into(), message: "say \"hi\" now".into() },
        ),
        // So have backslashes, which nobody can know: `\n` reads as n.
        (
            "coffeemud/40-esc-backslash-toB",
            from("TestMudA", "joe", "TestMudB", "jane"),
            Body::Tell { visname: "Joe".into(), message: "c:newdir".into() },
        ),
        // One byte a character.
        (
            "coffeemud/41-utf8-latin-toB",
            from("TestMudA", "joe", "TestMudB", "jane"),
            Body::Tell { visname: "Joe".into(), message: "café ü".into() },
        ),
        ("coffeemud/17-who-req-toB", from("TestMudA", "joe", "TestMudB", ""), Body::WhoReq {}),
        (
            "coffeemud/17-who-reply-toA",
            from("TestMudB", "", "TestMudA", "joe"),
            Body::WhoReply {
                users: vec![
                    WhoRow { visname: "Jane".into(), idle: 30, extra: "level 5".into() },
                    WhoRow { visname: "Bob".into(), idle: 0, extra: "".into() },
                ],
            },
        ),
        (
            "coffeemud/18-finger-req-toB",
            from("TestMudA", "joe", "TestMudB", ""),
            Body::FingerReq { user: "jane".into() },
        ),
        // Numbers where texts belong, and one field less than Dead Souls: no level. See the test at the end.
        (
            "coffeemud/18-finger-reply-num-toA",
            from("TestMudB", "", "TestMudA", "joe"),
            Body::FingerReply {
                visname: "Jane".into(),
                title: Some("123".into()),
                real_name: None,
                email: Some("jane@x.org".into()),
                loginout_time: None,
                idle: 300,
                ip_name: Some("4.5".into()),
                level: None,
                extra: Some("-7".into()),
            },
        ),
        (
            "coffeemud/80-real-26-locate-req",
            from("CoffeeTest", "Joetest", "", ""),
            Body::LocateReq { user: "joe".into() },
        ),
        (
            "coffeemud/client-18-locate-reply",
            from("CoffeeTest", "", "TestMudA", "joe"),
            Body::LocateReply {
                located_mud: "CoffeeTest".into(),
                located_user: "Joetest".into(),
                idle: 0,
                status: Some("online".into()),
            },
        ),
        // The channel is lost on the way.
        (
            "coffeemud/20-chan-who-req-toB",
            from("TestMudA", "joe", "TestMudB", ""),
            Body::ChanWhoReq { channel: "".into() },
        ),
        (
            "coffeemud/20-chan-who-reply-toA",
            from("TestMudB", "", "TestMudA", "joe"),
            Body::ChanWhoReply { channel: "".into(), users: vec!["Jane".into(), "Bob".into()] },
        ),
        // So is the sender.
        (
            "coffeemud/21-chan-user-req-toB",
            from("", "", "TestMudB", ""),
            Body::ChanUserReq { user: "jane".into() },
        ),
        (
            "coffeemud/21-chan-user-reply-toA",
            from("TestMudB", "", "TestMudA", ""),
            Body::ChanUserReply { user: "jane".into(), visname: "Jane".into(), gender: 1 },
        ),
        ("coffeemud/22-auth-mud-req-toB", from("TestMudA", "", "TestMudB", ""), Body::AuthMudReq {}),
        (
            "coffeemud/22-auth-mud-reply-toA",
            from("TestMudB", "", "TestMudA", ""),
            Body::AuthMudReply { key: 123_456_789_012 },
        ),
        ("coffeemud/23-oob-req-toB", from("TestMudA", "", "TestMudB", ""), Body::OobReq {}),
        ("coffeemud/60-ping-req", from("*test", "", "IdleMute", ""), Body::PingReq {}),
        (
            "coffeemud/client-01-startup-req-3",
            from("CoffeeTest", "", "*test", ""),
            Body::StartupReq3 {
                password: -1,
                old_mudlist_id: -1,
                old_chanlist_id: -1,
                player_port: 15555,
                imud_tcp_port: 18795,
                imud_udp_port: 0,
                mudlib: client.into(),
                base_mudlib: client.into(),
                driver: client.into(),
                mud_type: "CoffeeMud".into(),
                open_status: "Open to the public".into(),
                admin_email: "admin@example.org".into(),
                services: ints(&[
                    ("emoteto", 1),
                    ("tell", 1),
                    ("who", 1),
                    ("locate", 1),
                    ("channel", 1),
                    ("auth", 1),
                    ("finger", 1),
                ]),
                other_data: Value::Map(vec![]),
            },
        ),
        (
            "coffeemud/client-02-channel-listen",
            from("CoffeeTest", "", "*test", ""),
            Body::ChannelListen { channel: "chan0".into(), on: 1 },
        ),
        // The target is the text "null".
        (
            "coffeemud/client-03-shutdown",
            from("CoffeeTest", "", "null", ""),
            Body::Shutdown { restart_delay: 0 },
        ),
        (
            "coffeemud/client-29-channel-add",
            from("CoffeeTest", "Joetest", "*test", ""),
            Body::ChannelAdd { channel: "chan0".into(), channel_type: 0 },
        ),
        (
            "coffeemud/client-32-channel-remove",
            from("CoffeeTest", "Joetest", "*test", ""),
            Body::ChannelRemove { channel: "chan0".into() },
        ),
    ]
}

fn dead_souls() -> Vec<(&'static str, Header<'static>, Body<'static>)> {
    let channel = |channel_type| Some(ChannelEntry { owner: "Frontiers".into(), channel_type });
    let relayed = packet_value(["tell", "ShA", "joe", "ShB", "x"], &["Joe", "y"]);
    let filtered = packet_value(["channel-m", "TestMudC", "zed", "", ""], &["filtered", "Zed", "filter me"]);
    vec![
        (
            "dead-souls/startup3-first-1",
            from("*dstest", "", "TestMudA", ""),
            Body::StartupReply {
                routers: vec![RouterEntry { name: "*dstest".into(), address: "127.0.0.1 28080".into() }],
                password: 786_580_740,
            },
        ),
        (
            "dead-souls/mudlist-deleted",
            from("*ds2", "", "ShB", ""),
            Body::Mudlist { id: 136, muds: Mapping(vec![("ShA".into(), None)]) },
        ),
        // An 11-field entry, as protocol 1 gets it: no e-mail, no other data.
        (
            "dead-souls/startup1-10",
            from("*ds2", "", "ProtoOne", ""),
            Body::Mudlist {
                id: 64,
                muds: Mapping(vec![(
                    "ProtoOne".into(),
                    Some(MudEntry {
                        state: MudState::Up,
                        ip: "127.0.0.5".into(),
                        player_port: 4000,
                        imud_tcp_port: 4006,
                        imud_udp_port: 4008,
                        mudlib: "L".into(),
                        base_mudlib: "B".into(),
                        driver: "D".into(),
                        mud_type: "T".into(),
                        open_status: "open".into(),
                        admin_email: "".into(),
                        services: ints(&[("channel", 1), ("tell", 1)]),
                        other_data: Value::Int(0),
                    }),
                )]),
            },
        ),
        // A new channel has an array for its type.
        (
            "dead-souls/chanlist-after-add",
            from("*dstest", "", "TestMudA", ""),
            Body::ChanlistReply {
                id: 9,
                channels: Mapping(vec![
                    ("dead_test4".into(), channel(0)),
                    ("dchat".into(), channel(0)),
                    ("testa0".into(), Some(ChannelEntry { owner: "TestMudA".into(), channel_type: 0 })),
                    ("imud_code".into(), channel(0)),
                    ("lpuni".into(), channel(0)),
                    ("dead_souls".into(), channel(0)),
                    ("imud_gossip".into(), channel(0)),
                    ("free_speech".into(), channel(0)),
                ]),
            },
        ),
        (
            "dead-souls/error-from-mud",
            from("ShB", "", "ShA", "joe"),
            Body::Error { code: "unk-user".into(), message: "no such user".into(), packet: relayed },
        ),
        // No packet but particulars.
        (
            "dead-souls/err-bad-mojo",
            from("*ds2", "", "TestMudA", ""),
            Body::Error {
                code: "bad-mojo".into(),
                message: "Another mud is trying to be you.".into(),
                packet: Value::Array(vec![
                    Value::str("127.0.0.9"),
                    Value::str("TestLib 1.0"),
                    Value::str("TestBase"),
                    Value::str("admin@example.org"),
                    Value::Int(4000),
                ]),
            },
        ),
        (
            "dead-souls/chan-filter-req",
            from("*ds2", "", "TestMudA", ""),
            Body::ChanFilterReq { channel: "filtered".into(), packet: filtered },
        ),
        (
            "dead-souls/channel-m",
            from("TestMudB", "jane", "", ""),
            Body::ChannelMessage {
                channel: "dchat".into(),
                visname: "Jane".into(),
                message: "hello from B".into(),
            },
        ),
        (
            "dead-souls/channel-e-no-dollarN",
            from("TestMudA", "joe", "", ""),
            Body::ChannelEmote {
                channel: "dchat".into(),
                visname: "Joe".into(),
                message: "smiles. (from Joe@TestMudA)".into(),
            },
        ),
        (
            "dead-souls/channel-t",
            from("TestMudA", "joe", "", ""),
            Body::ChannelTargetedEmote {
                channel: "dchat".into(),
                target_mud: "TestMudB".into(),
                target_user: "jane".into(),
                message_others: "$N pokes $O.".into(),
                message_target: "$N pokes you.".into(),
                visname: "Joe".into(),
                target_visname: "Jane".into(),
            },
        ),
        (
            "dead-souls/tell",
            from("TestMudA", "joe", "TestMudB", "jane"),
            Body::Tell { visname: "Joe".into(), message: "hi".into() },
        ),
        // Control characters are read as they came.
        (
            "dead-souls/ser-c0",
            from("SerA", "joe", "SerB", "jane"),
            Body::Tell { visname: "Joe".into(), message: "\u{1b}[31mred\u{7}\u{1}\u{1e}\u{7f}".into() },
        ),
        // A float where a text belongs.
        (
            "dead-souls/ser-float",
            from("SerA", "joe", "SerB", "jane"),
            Body::Tell { visname: "Joe".into(), message: "2.5".into() },
        ),
        (
            "dead-souls/emoteto",
            from("TestMudA", "joe", "TestMudB", "jane"),
            Body::Emoteto { visname: "Joe".into(), message: "$N waves.".into() },
        ),
        ("dead-souls/who-req", from("TestMudA", "joe", "TestMudB", ""), Body::WhoReq {}),
        (
            "dead-souls/ds-who-reply",
            from("DSClient", "", "TestMudA", "joe"),
            Body::WhoReply {
                users: vec![WhoRow {
                    visname: "Jane".into(),
                    idle: 18,
                    extra: "First Admin Jane%^RESET%^".into(),
                }],
            },
        ),
        (
            "dead-souls/finger-req",
            from("TestMudA", "joe", "TestMudB", ""),
            Body::FingerReq { user: "jane".into() },
        ),
        // CR stands for a newline.
        (
            "dead-souls/ds-finger-reply",
            from("DSClient", "", "TestMudA", "joe"),
            Body::FingerReply {
                visname: "Jane".into(),
                title: Some("First Admin $N".into()),
                real_name: Some("jane@example.org".into()),
                email: Some("Unlisted".into()),
                loginout_time: Some("Mon Nov 23 02:56:46 2026".into()),
                idle: 19,
                ip_name: None,
                level: Some("Creator".into()),
                extra: Some("Plan: (truncated to 5 lines)\nThis is an empty plan file.\n".into()),
            },
        ),
        ("dead-souls/locate-req", from("TestMudA", "joe", "", ""), Body::LocateReq { user: "jane".into() }),
        (
            "dead-souls/locate-reply",
            from("TestMudB", "", "TestMudA", "joe"),
            Body::LocateReply {
                located_mud: "TestMudB".into(),
                located_user: "Jane".into(),
                idle: 12,
                status: Some("editing".into()),
            },
        ),
        // Eight elements, as protocol 1 gets it.
        (
            "dead-souls/locate-reply-stripped-proto1",
            from("ProtoTwo", "", "ProtoOne", "joe"),
            Body::LocateReply {
                located_mud: "ProtoTwo".into(),
                located_user: "Jane".into(),
                idle: 0,
                status: None,
            },
        ),
        (
            "dead-souls/chan-who-req",
            from("TestMudA", "joe", "TestMudB", ""),
            Body::ChanWhoReq { channel: "dchat".into() },
        ),
        (
            "dead-souls/chan-who-reply",
            from("TestMudB", "", "TestMudA", "joe"),
            Body::ChanWhoReply { channel: "dchat".into(), users: vec!["Jane".into(), "Bob".into()] },
        ),
        (
            "dead-souls/chan-user-req",
            from("TestMudA", "", "TestMudB", ""),
            Body::ChanUserReq { user: "jane".into() },
        ),
        (
            "dead-souls/chan-user-reply",
            from("TestMudB", "", "TestMudA", ""),
            Body::ChanUserReply { user: "jane".into(), visname: "Jane".into(), gender: 1 },
        ),
        ("dead-souls/auth-mud-req", from("TestMudA", "", "TestMudB", ""), Body::AuthMudReq {}),
        (
            "dead-souls/auth-mud-reply",
            from("TestMudB", "", "TestMudA", ""),
            Body::AuthMudReply { key: 123_456_789 },
        ),
        (
            "dead-souls/ds-ping-reply",
            from("DSClient", "", "TestMudA", ""),
            Body::PingReply { key: 180_242_400 },
        ),
        (
            "dead-souls/ucache-update",
            from("TestMudA", "", "", ""),
            Body::UcacheUpdate { user: "joe".into(), visname: "Joe".into(), gender: 0 },
        ),
        (
            "dead-souls/dsclient-sent-startup-req-3",
            from("DSClient", "", "*dstest", ""),
            Body::StartupReq3 {
                password: 291_331_650,
                old_mudlist_id: 66,
                old_chanlist_id: 14,
                player_port: 26666,
                imud_tcp_port: 26672,
                imud_udp_port: 26674,
                mudlib: "Dead Souls 3.8.2".into(),
                base_mudlib: "Dead Souls 3.8.2".into(),
                driver: "FluffOS v2.23-ds03".into(),
                mud_type: "LPMud".into(),
                open_status: "mudlib development".into(),
                admin_email: "admin@here".into(),
                services: ints(&[
                    ("channel", 1),
                    ("mail", 1),
                    ("ftp", 26665),
                    ("tell", 1),
                    ("finger", 1),
                    ("who", 1),
                    ("auth", 1),
                    ("oob", 26672),
                    ("locate", 1),
                    ("emoteto", 1),
                    ("http", 26667),
                ]),
                other_data: Value::Map(vec![
                    (Value::str("upsince"), Value::str("Mon Nov 23 03:03:08 2026")),
                    (Value::str("ip"), Value::str("127.0.0.1")),
                    (Value::str("next boot"), Value::str("EST Tue Apr 20 13:03:08 2038")),
                    (Value::str("architecture"), Value::str("Linux")),
                    (Value::str("os build"), Value::str("unix")),
                    (Value::str("oob port"), Value::Int(26672)),
                    (Value::str("native version"), Value::str("3.8.2")),
                ]),
            },
        ),
        (
            "dead-souls/dsclient-sent-channel-listen",
            from("DSClient", "", "*dstest", ""),
            Body::ChannelListen { channel: "dead_test4".into(), on: 1 },
        ),
        // A type that nobody knows is kept.
        (
            "dead-souls/unknown-type-forwarded-to-mud",
            from("TestMudA", "joe", "TestMudB", "jane"),
            Body::Unknown {
                kind: "frobnicate".into(),
                fields: vec![Value::Int(1), Value::Float(2.5), Value::Array(vec![]), Value::Map(vec![])],
            },
        ),
    ]
}
