//! What holds for any value, any packet and any cut of a stream. A failure prints its smallest case; `PROPTEST_RNG_SEED`
//! and the seed below make a run repeatable.

use i3_core::i3::packet::{ChannelEntry, KINDS, Mapping, MudEntry, MudState, RouterEntry, Text, WhoRow};
use i3_core::i3::{Body, Deframer, Header, Packet, Value, frame};
use i3_core::machine::Listener;
use i3_tests::scenario::settings;
use i3_tests::wire;
use i3_tests::world::World;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, RngSeed};
use serde_json::{Value as Json, json};
use std::borrow::Cow;

/// The same cases in every run, so that a red run is red again.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: RngSeed::Fixed(20_261_123),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// What a service lets into a packet: any character that is no control character, and newlines.
fn text() -> impl Strategy<Value = Text<'static>> {
    let any = prop_oneof![
        4 => "[a-zA-Z0-9 .,:$%^]{0,12}",
        4 => "[\"\\\\\n,:(){}\\[\\]/ ]{0,8}",
        2 => "[^\\p{Cc}]{0,12}",
    ];
    any.prop_map(|text: String| Cow::Owned(text))
}

fn name() -> impl Strategy<Value = Option<Text<'static>>> {
    option::of(text().prop_filter("an empty text is nobody", |text| !text.is_empty()))
}

/// A float that six digits after the point tell exactly.
fn float() -> impl Strategy<Value = f64> {
    (-(1i64 << 40)..(1i64 << 40)).prop_map(|sixtyfourths| sixtyfourths as f64 / 64.0)
}

fn value() -> impl Strategy<Value = Value<'static>> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::Int),
        float().prop_map(Value::Float),
        text().prop_map(|text| Value::Str(text.into_owned().into_bytes().into())),
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::Array),
            vec(inner.clone(), 0..5).prop_map(Value::Class),
            vec((inner.clone(), inner), 0..5).prop_map(Value::Map),
        ]
    })
}

fn written(value: &Value<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    value.write(&mut text);
    text
}

/// A value as the independent decoder shows it.
fn as_json(value: &Value<'_>) -> Json {
    match value {
        Value::Int(int) => json!(int),
        Value::Float(float) => json!(float),
        Value::Str(text) => json!(std::str::from_utf8(text).unwrap()),
        Value::Array(list) => Json::Array(list.iter().map(as_json).collect()),
        Value::Class(list) => json!({"class": list.iter().map(as_json).collect::<Vec<_>>()}),
        Value::Map(entries) => {
            json!({"map": entries.iter().map(|(key, value)| json!([as_json(key), as_json(value)])).collect::<Vec<_>>()})
        }
    }
}

fn mapping<T: std::fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Mapping<'static, T>> {
    vec((text(), of), 0..4).prop_map(Mapping)
}

fn texts() -> impl Strategy<Value = Vec<Text<'static>>> {
    vec(text(), 0..4)
}

fn mud_entry() -> impl Strategy<Value = MudEntry<'static>> {
    let state =
        prop_oneof![Just(MudState::Up), Just(MudState::Down), (1..i64::MAX).prop_map(MudState::DownFor)];
    let ports = (any::<i64>(), any::<i64>(), any::<i64>());
    let texts = (text(), text(), text(), text(), text(), text());
    (state, text(), ports, texts, mapping(value()), value()).prop_map(
        |(state, ip, ports, texts, services, other_data)| MudEntry {
            state,
            ip,
            player_port: ports.0,
            imud_tcp_port: ports.1,
            imud_udp_port: ports.2,
            mudlib: texts.0,
            base_mudlib: texts.1,
            driver: texts.2,
            mud_type: texts.3,
            open_status: texts.4,
            admin_email: texts.5,
            services,
            other_data,
        },
    )
}

fn startup() -> impl Strategy<Value = Body<'static>> {
    let ints = vec(any::<i64>(), 6);
    let texts = vec(text(), 6);
    (1..=3, ints, texts, mapping(value()), value()).prop_map(
        |(protocol, ints, texts, services, other_data)| {
            let &[password, old_mudlist_id, old_chanlist_id, player_port, imud_tcp_port, imud_udp_port] =
                &ints[..]
            else {
                unreachable!("six of them")
            };
            let mut texts = texts.into_iter();
            let mut text = || texts.next().unwrap_or_default();
            let (mudlib, base_mudlib, driver, mud_type) = (text(), text(), text(), text());
            let (open_status, admin_email) = (text(), text());
            macro_rules! login {
            ($variant:ident $($more:ident)*) => {
                Body::$variant {
                    password, old_mudlist_id, old_chanlist_id, player_port, imud_tcp_port, imud_udp_port,
                    mudlib, base_mudlib, driver, mud_type, open_status, services, $($more,)*
                }
            };
        }
            match protocol {
                1 => login!(StartupReq1),
                2 => login!(StartupReq2),
                _ => login!(StartupReq3 admin_email other_data),
            }
        },
    )
}

/// Packets that set up a session or a channel.
fn session_body() -> impl Strategy<Value = Body<'static>> {
    let router = (text(), text()).prop_map(|(name, address)| RouterEntry { name, address });
    let channel = option::of(
        (text(), any::<i64>()).prop_map(|(owner, channel_type)| ChannelEntry { owner, channel_type }),
    );
    let is_known = |kind: &Text<'static>| KINDS.contains(&kind.to_ascii_lowercase().as_str());
    prop_oneof![
        startup(),
        (vec(router, 0..3), any::<i64>())
            .prop_map(|(routers, password)| Body::StartupReply { routers, password }),
        any::<i64>().prop_map(|restart_delay| Body::Shutdown { restart_delay }),
        (any::<i64>(), mapping(option::of(mud_entry()))).prop_map(|(id, muds)| Body::Mudlist { id, muds }),
        Just(Body::ChanlistReq {}),
        Just(Body::ChanlistRequest {}),
        (any::<i64>(), mapping(channel)).prop_map(|(id, channels)| Body::ChanlistReply { id, channels }),
        (text(), any::<i64>()).prop_map(|(channel, on)| Body::ChannelListen { channel, on }),
        (text(), any::<i64>()).prop_map(|(channel, channel_type)| Body::ChannelAdd { channel, channel_type }),
        text().prop_map(|channel| Body::ChannelRemove { channel }),
        (text(), texts(), texts()).prop_map(|(channel, add, remove)| Body::ChannelAdmin {
            channel,
            add,
            remove
        }),
        (text(), value()).prop_map(|(channel, packet)| Body::ChanFilterReq { channel, packet }),
        (text(), value()).prop_map(|(channel, packet)| Body::ChanFilterReply { channel, packet }),
        (text().prop_filter("a known type", move |kind| !is_known(kind)), vec(value(), 0..4))
            .prop_map(|(kind, fields)| Body::Unknown { kind, fields }),
    ]
}

/// Packets between users and muds.
fn user_body() -> impl Strategy<Value = Body<'static>> {
    let row =
        (text(), any::<i64>(), text()).prop_map(|(visname, idle, extra)| WhoRow { visname, idle, extra });
    let finger = (text(), vec(name(), 7), any::<i64>()).prop_map(|(visname, names, idle)| {
        let mut names = names.into_iter();
        let mut name = || names.next().flatten();
        Body::FingerReply {
            visname,
            title: name(),
            real_name: name(),
            email: name(),
            loginout_time: name(),
            idle,
            ip_name: name(),
            level: name(),
            extra: name(),
        }
    });
    let targeted = vec(text(), 7).prop_map(|texts| {
        let mut texts = texts.into_iter();
        let mut text = || texts.next().unwrap_or_default();
        Body::ChannelTargetedEmote {
            channel: text(),
            target_mud: text(),
            target_user: text(),
            message_others: text(),
            message_target: text(),
            visname: text(),
            target_visname: text(),
        }
    });
    let three = || (text(), text(), text());
    prop_oneof![
        three().prop_map(|(channel, visname, message)| Body::ChannelMessage { channel, visname, message }),
        three().prop_map(|(channel, visname, message)| Body::ChannelEmote { channel, visname, message }),
        targeted,
        (text(), text()).prop_map(|(visname, message)| Body::Tell { visname, message }),
        (text(), text()).prop_map(|(visname, message)| Body::Emoteto { visname, message }),
        text().prop_map(|visname| Body::Beep { visname }),
        vec(row, 0..4).prop_map(|users| Body::WhoReply { users }),
        text().prop_map(|user| Body::FingerReq { user }),
        finger,
        text().prop_map(|user| Body::LocateReq { user }),
        (text(), text(), any::<i64>(), name()).prop_map(|(located_mud, located_user, idle, status)| {
            Body::LocateReply { located_mud, located_user, idle, status }
        }),
        text().prop_map(|channel| Body::ChanWhoReq { channel }),
        (text(), texts()).prop_map(|(channel, users)| Body::ChanWhoReply { channel, users }),
        text().prop_map(|user| Body::ChanUserReq { user }),
        (text(), text(), any::<i64>()).prop_map(|(user, visname, gender)| Body::ChanUserReply {
            user,
            visname,
            gender
        }),
        (text(), text(), any::<i64>()).prop_map(|(user, visname, gender)| Body::UcacheUpdate {
            user,
            visname,
            gender
        }),
        any::<i64>().prop_map(|key| Body::AuthMudReply { key }),
        any::<i64>().prop_map(|key| Body::PingReply { key }),
        (text(), text(), value()).prop_map(|(code, message, packet)| Body::Error { code, message, packet }),
        Just(Body::WhoReq {}),
        Just(Body::AuthMudReq {}),
        Just(Body::PingReq {}),
        Just(Body::OobReq {}),
    ]
}

fn packet() -> impl Strategy<Value = Packet<'static>> {
    let header = (any::<i64>(), text(), name(), name(), name()).prop_map(
        |(ttl, from_mud, from_user, to_mud, to_user)| Header { ttl, from_mud, from_user, to_mud, to_user },
    );
    (header, prop_oneof![session_body(), user_body()]).prop_map(|(header, body)| Packet { header, body })
}

/// Every string without what the wire cannot hold: NUL is left out, CR and LF are one.
fn as_read(value: &Value<'_>) -> Value<'static> {
    match value.clone().into_owned() {
        Value::Str(text) => {
            let kept = text.iter().filter(|byte| **byte != 0);
            Value::Str(
                kept.map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect::<Vec<u8>>().into(),
            )
        }
        Value::Array(list) => Value::Array(list.iter().map(as_read).collect()),
        Value::Class(list) => Value::Class(list.iter().map(as_read).collect()),
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|(key, value)| (as_read(key), as_read(value))).collect())
        }
        number => number,
    }
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn any_value_survives_a_round_trip(value in value()) {
        let text = written(&value);
        prop_assert_eq!(Value::parse(&text), Ok(value.clone()));
        prop_assert_eq!(wire::strict_lpc(std::str::from_utf8(&text).unwrap()), Ok(as_json(&value)));
    }

    #[test]
    fn any_bytes_in_strings_survive_as_far_as_the_wire_can_hold_them(
        strings in vec(vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b'\\'), Just(b'\r'), Just(0)], 0..20), 0..5)
    ) {
        let value = Value::Array(strings.into_iter().map(|bytes| Value::Str(bytes.into())).collect());
        let text = written(&value);
        prop_assert!(!text.contains(&0));
        prop_assert_eq!(Value::parse(&text), Ok(as_read(&value)));
    }

    #[test]
    fn floats_are_read_to_six_digits(float in -1e12f64..1e12) {
        let text = written(&Value::Float(float));
        let Ok(Value::Float(read)) = Value::parse(&text) else { panic!("no float: {text:?}") };
        prop_assert!((read - float).abs() <= 6e-7 + float.abs() * 1e-15);
    }

    #[test]
    fn any_text_is_read_or_refused_but_never_panics(text in vec(any::<u8>(), 0..200)) {
        let _ = (Value::parse(&text).is_ok(), Packet::decode(&text).is_ok());
    }

    #[test]
    fn a_text_made_of_tokens_is_read_or_refused_and_what_is_read_can_be_written(
        tokens in vec(prop::sample::select(vec![
            "({", "})", "([", "])", "(/", "/)", ",", ":", "\"", "\\", "tell", "5", "-", ".", "1e9", " ", "\r", "\n", "\"a\"", "0",
        ]), 0..40)
    ) {
        let text = tokens.concat();
        if let Ok(value) = Value::parse(text.as_bytes()) {
            let again = written(&value);
            prop_assert_eq!(Value::parse(&again), Ok(value));
        }
    }

    #[test]
    fn any_packet_survives_a_round_trip_and_others_can_read_it(packet in packet()) {
        let mut text = Vec::new();
        packet.encode(&mut text);
        prop_assert!(wire::strict_lpc(std::str::from_utf8(&text).unwrap()).is_ok());
        let (again, repairs) = Packet::decode(&text).unwrap();
        prop_assert_eq!(&again, &packet);
        prop_assert_eq!(repairs, Default::default());
    }

    #[test]
    fn every_proper_prefix_of_a_frame_needs_more(packet in packet()) {
        let mut bytes = Vec::new();
        frame::append(&mut bytes, |text| packet.encode(text));
        for end in 0..bytes.len() {
            let (mut start, mut rest) = bytes.split_at(end);
            let mut deframer = Deframer::default();
            prop_assert_eq!(deframer.next(&mut start), Ok(None), "a frame in {} of {} bytes", end, bytes.len());
            prop_assert_eq!(deframer.partial_bytes(), end);
            let text = deframer.next(&mut rest).unwrap().unwrap().to_vec();
            prop_assert_eq!(text, &bytes[4..bytes.len() - 1]);
        }
    }
}

/// Somebody's bytes, as they came over one connection.
#[derive(Clone, Debug)]
enum Talk {
    Router(Vec<u8>),
    Lines(Vec<u8>),
    WebSocket(Vec<u8>),
    Http(Vec<u8>),
}

/// What one connection may carry: sense, nonsense, and sense with a byte changed.
fn talk() -> impl Strategy<Value = Talk> {
    let fields = || (text(), text(), text()).prop_map(|(a, b, c)| [a, b, c].map(Cow::into_owned));
    let frames = prop_oneof![
        4 => packet().prop_map(|packet| {
            let mut bytes = Vec::new();
            frame::append(&mut bytes, |text| packet.encode(text));
            bytes
        }),
        4 => fields().prop_map(|[user, visname, message]| {
            let body = Body::Tell { visname: visname.into(), message: message.into() };
            let header = Header::to_user("Sage", Some(&user), "Alpha", "ann");
            let mut bytes = Vec::new();
            frame::append(&mut bytes, |text| Packet { header, body }.encode(text));
            bytes
        }),
        4 => fields().prop_map(|[user, visname, message]| {
            let body = Body::ChannelMessage { channel: "chat".into(), visname: visname.into(), message: message.into() };
            let mut bytes = Vec::new();
            frame::append(&mut bytes, |text| {
                Packet { header: Header::broadcast("Sage", Some(&user)), body }.encode(text);
            });
            bytes
        }),
        1 => vec(any::<u8>(), 0..30).prop_map(|text| wire::mudmode_frame(&text)),
    ];
    let request = prop_oneof![
        fields().prop_map(|[a, b, _]| json!({"jsonrpc": "2.0", "id": a, "method": "tell",
            "params": {"target_mud": "Sage", "target_user": "bob", "message": b}})
        .to_string()),
        fields().prop_map(|[a, b, _]| json!({"jsonrpc": "2.0", "id": 7, "method": "channel_send",
            "params": {"channel": "chat", "message": a, "visname": b}})
        .to_string()),
        prop::sample::select(vec!["status", "stats", "mudlist", "channel_list", "who", "ping", "nonsense"])
            .prop_map(|method| json!({"jsonrpc": "2.0", "id": 1, "method": method}).to_string()),
        Just(r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},5]"#.to_owned()),
        "[^\n]{0,40}",
    ];
    let request = request.boxed();
    let http = prop_oneof![
        prop::sample::select(vec!["/health", "/metrics", "/api/info", "/nothing", "/ws"])
            .prop_map(|path| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes()),
        Just(b"HEAD /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".to_vec()),
        vec(any::<u8>(), 1..30),
    ];
    prop_oneof![
        3 => frames.prop_map(Talk::Router),
        2 => request.clone().prop_map(|text| Talk::Lines([text.as_bytes(), b"\n"].concat())),
        2 => (prop::sample::select(vec![1u8, 1, 1, 1, 2, 9, 10]), request).prop_map(|(opcode, text)| {
            let most = if opcode > 2 { 100 } else { usize::MAX };
            Talk::WebSocket(wire::websocket_frame(opcode, &text.as_bytes()[..text.len().min(most)]))
        }),
        1 => http.prop_map(Talk::Http),
    ]
}

/// Plays a conversation with a gateway, the bytes cut in pieces of at most `chunk`; gives what each connection received.
fn play(conversation: &[Talk], seed: u64, chunk: usize) -> Vec<Vec<u8>> {
    let mut world = World::new(seed, chunk);
    world.listen("*net");
    let settings = settings("Alpha", &["*net".to_owned()]);
    world.start("Alpha", |saved, now| i3_core::Gateway::new(settings, saved, 3, now).unwrap());
    let router = world.dialed("*net").unwrap();
    let reply = r#"({"startup-reply",5,"*net",0,"Alpha",0,({({"*net","127.0.0.1 4000",}),}),77,})"#;
    let mudlist = r#"({"mudlist",5,"*net",0,"Alpha",0,1,(["Sage":({-1,"127.0.0.1",4000,0,0,"l","b","d","t","o","e",(["tell":1,]),0,}),]),})"#;
    for text in [reply, mudlist] {
        world.write(router, &wire::mudmode_frame(text.as_bytes()));
    }
    let lines = world.connect("Alpha", Listener::Lines).unwrap();
    let websocket = world.connect("Alpha", Listener::Http).unwrap();
    let http = world.connect("Alpha", Listener::Http).unwrap();
    let join = r#"{"jsonrpc":"2.0","id":2,"method":"channel_join","params":["chat"]}"#;
    let authenticate = r#"{"id":1,"method":"authenticate","params":["alpha-key"]}"#;
    world.write(lines, format!("{authenticate}\n{join}\n").as_bytes());
    world.write(websocket, wire::websocket_request("/ws", Some("alpha-key")).as_bytes());
    world.write(websocket, &wire::websocket_frame(1, join.as_bytes()));
    for talk in conversation {
        let (script, bytes) = match talk {
            Talk::Router(bytes) => (router, bytes),
            Talk::Lines(bytes) => (lines, bytes),
            Talk::WebSocket(bytes) => (websocket, bytes),
            Talk::Http(bytes) => (http, bytes),
        };
        world.write(script, bytes);
    }
    // The paced packets, the pings and the end of slow heads too.
    world.wait(std::time::Duration::from_secs(40));
    [router, lines, websocket, http].map(|script| std::mem::take(world.received(script))).to_vec()
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn a_gateway_answers_the_same_however_the_bytes_are_cut(
        conversation in vec(talk(), 1..40), seed in any::<u64>()
    ) {
        let whole = play(&conversation, seed, usize::MAX >> 1);
        let half = play(&conversation, seed, 1 << (seed % 10));
        let single = play(&conversation, seed, 1);
        for (at, connection) in ["router", "lines", "websocket", "http"].into_iter().enumerate() {
            for (cut, how) in [(&half, "in pieces"), (&single, "byte by byte")] {
                prop_assert_eq!(
                    String::from_utf8_lossy(&cut[at]), String::from_utf8_lossy(&whole[at]),
                    "the {} received something else {}, seed {}", connection, how, seed
                );
            }
        }
        let welcome = String::from_utf8_lossy(&whole[1]).into_owned();
        prop_assert!(welcome.contains("authenticated") && welcome.contains("joined"), "{}", welcome);
        // All that went to the router can be read by a driver.
        let mut to_router = whole[0].clone();
        for frame in wire::mudmode_frames(&mut to_router) {
            prop_assert!(wire::strict_lpc(&frame).is_ok(), "a driver cannot read {}", frame);
        }
    }
}
