//! What games asked the Python gateway, what it answered, which packets went to its router, and which events came of
//! the router's packets, as recorded in `vectors/reference-api/`: each exchange played against this gateway. Every field
//! and value that was there is there; what differs is declared in the tables below, each with its reason.

use i3_core::Gateway;
use i3_core::clients::keys;
use i3_core::machine::Listener;
use i3_core::settings::{KeySettings, Permissions};
use i3_tests::scenario::settings;
use i3_tests::world::World;
use i3_tests::{vectors, wire};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Values that differ from run to run, or that say how much has happened before.
const VOLATILE: &[&str] = &[
    "timestamp",
    "session_id",
    "message_id",
    "uptime",
    "mud_count",
    "online_muds",
    "channel_count",
    "session_count",
    "member_count",
    "packets_sent",
    "packets_received",
    // For people: ours name what is wrong.
    "error.message",
];

/// Fields that this gateway adds.
const ADDED: &[&str] = &[
    "event_id",
    "router",
    "self",
    "error.data",
    "reason",
    "message_id",
    "users",
    "session_id",
    "warning",
    "gateway_version",
];

/// Exchanges that this gateway answers otherwise: what comes and what goes to the router, in short, and why.
const OTHERWISE: &[(&str, &str, &str)] = &[
    ("unauth_ping", "result >", "a ping is answered before a key was shown"),
    ("auth_list_params", "result >", "parameters may come by position"),
    ("auth_int_key", "-32602 >", "a key is a text"),
    ("unauth_notification", ">", "a notification is never answered"),
    (
        "authenticate_again",
        "result >",
        "over a WebSocket with a key in its header the first `authenticate` is no repetition",
    ),
    ("reauth_other_key", "result >", "the same; the session keeps the identity it has"),
    (
        "tell_unicode_ctl",
        "result > tell",
        "a text goes out as UTF-8, without control characters that drivers cannot read",
    ),
    (
        "tell_unknown_mud",
        "-32602 >",
        "a mud that is not on the complete list is refused, with the nearest names",
    ),
    ("tell_int_msg", "-32602 >", "a message is a text"),
    ("tell_list_msg", "-32602 >", "a message is a text"),
    ("tell_int_user", "-32602 >", "a name is a text; the old answer said `sent`, and nothing was"),
    ("emoteto_message_key", "result > emoteto", "`message` is taken where `emote` is meant"),
    ("channel_emote_message_key", "result > channel-e", "the same"),
    ("channel_join_again", "result >", "a mud tunes in once"),
    ("channel_join_listen_only", "result > channel-listen", "who only listens must hear too"),
    ("escaped_unicode", "result > channel-listen", "the same"),
    ("channel_join_int", "-32602 >", "a channel is a text"),
    ("channel_list", "result >", "`subscribed_channels` holds no channel 5"),
    ("channel_list_filter", "result >", "the same"),
    ("channel_list_filter_members", "result >", "members are counted"),
    ("channel_list_refresh", "result > chanlist-req", "the list is asked for"),
    ("channel_who", "result >", "there is such a packet"),
    ("channel_leave_notjoined", "result >", "a mud that does not listen has nothing to leave"),
    ("who", "result who_reply > who-req", "the asker is `Someone`, not `*`, which stands for everybody"),
    ("locate_default", "result locate_reply > locate-req", "the same"),
    ("mudlist_filter_badtype", "-32602 >", "a filter is an object"),
    ("tellonly_channel_send", "-32002 >", "permissions hold, and nobody speaks for a mud without a link"),
    ("tellonly_who", "-32002 >", "the same"),
    ("tellonly_mudlist", "-32002 >", "the same"),
    ("rpc_reserved", "result >", "`rpc.discover` gives the table of methods"),
    ("id_float", "result >", "an id may be any number"),
    ("id_bool", "-32600 >", "an id is a text, a number or null"),
    ("id_null", "result >", "an id may be null"),
    ("notification_ping", ">", "a notification is never answered"),
    ("notification_channel_send", "> channel-m", "the same"),
    ("notification_unknown", ">", "the same"),
    ("batch_two", "batch >", "a batch is answered"),
    ("nan_param", "-32700 >", "NaN is not JSON"),
    ("lone_surrogate", "-32602 >", "half a character is no text"),
    ("reconnect", "gateway_disconnected result gateway_reconnected >", "it reconnects"),
    ("tell_other_mud", ">", "what is for another mud is not ours to deliver or to refuse"),
    ("tell_target0", "tell_received >", "only the mud whose router sent it gets it"),
    ("who_reply_other", ">", "what is for another mud is not ours"),
    (
        "channel_m_ttl201",
        "channel_message >",
        "a packet that has arrived has arrived: routers do not count hops",
    ),
    ("channel_m_emptymsg", "channel_message >", "an empty line is a line"),
    ("channel_m_nl", "channel_message >", "in LPC `\\n` in a saved text is an n"),
    ("channel_e", "channel_emote >", "the fields in their right order"),
    ("channel_t", "channel_targeted_emote >", "a targeted emote is delivered"),
    ("finger_reply", "finger_reply >", "a level that is a word is kept as `level_name`"),
    ("finger_req", "> finger-reply", "a level is a text in the specification"),
    ("locate_req_direct", "> error", "a question to us alone about somebody who is not here is refused"),
    ("chan_who_req", "> chan-who-reply", "it is answered"),
    ("chan_user_req", "> chan-user-reply", "the same"),
    ("auth_mud_req", "> auth-mud-reply", "the same"),
    ("mudlist_delta", "mud_online >", "muds that come and go are events"),
    ("chanlist_delta", "channel_added channel_removed >", "the same for channels"),
    ("startup_reply_again", ">", "nothing has changed"),
    ("unknown_type", "> error", "the sender is told"),
    ("tell_7fields", "> error", "the sender of a packet that lacks a field is told too"),
    ("tell", "tell_received >", "a name has the spelling that the game has published"),
    ("tell_intvisname", "tell_received >", "the same"),
    ("emoteto", "emoteto_received >", "the same"),
    ("who_reply", "who_reply >", "the same"),
    ("finger_reply_intlevel", "finger_reply >", "the same"),
    ("locate_reply", "locate_reply >", "the same"),
    ("locate_reply_str_idle", "locate_reply >", "the same"),
    ("error", "error_occurred >", "the same"),
];

/// Exchanges that cannot be compared, and why.
const NOT_COMPARED: &[(&str, &str)] = &[
    ("channel_history", "the old gateway's history was always empty"),
    ("channel_history_limit", "the same"),
];

/// The clients and the router of the recordings.
struct Client {
    world: World,
    router: usize,
    lines: bool,
    conns: Vec<(&'static str, usize)>,
}

fn exchanges(transport: &str) -> Vec<Json> {
    let path = vectors::path().join(format!("reference-api/{transport}.jsonl"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn lpc(value: &Json) -> String {
    match value {
        Json::String(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        Json::Object(members) => {
            let members: String = members
                .iter()
                .map(|(name, value)| format!("{}:{},", lpc(&json!(name)), lpc(value)))
                .collect();
            format!("([{members}])")
        }
        Json::Array(items) => {
            format!("({{{}}})", items.iter().map(|item| lpc(item) + ",").collect::<String>())
        }
        other => other.to_string(),
    }
}

/// The first answer that was recorded for a case.
fn answer_of(recorded: &[Json], case: &str) -> Json {
    let exchange = recorded.iter().find(|one| one["case"] == case).unwrap();
    serde_json::from_str(exchange["recv"][0].as_str().unwrap()).unwrap()
}

impl Client {
    /// A gateway with the keys of the recording, at a router that knows the muds and the channels of the recording.
    fn new(recorded: &[Json], lines: bool) -> Client {
        let mut world = World::new(1, usize::MAX >> 1);
        world.listen("*mock");
        let mut settings = settings("RefMUD", &["*mock".to_owned()]);
        // It kept nothing for a game that was away: each exchange begins anew.
        settings.api.events.kept_max = 0;
        let key = |text: &str, mud: &str, permissions: &[&str]| {
            let mut set = Permissions::default();
            permissions.iter().for_each(|name| assert!(set.add(name)));
            KeySettings::new(keys::digest(text), mud, set)
        };
        settings.api.keys = Some(vec![
            key("bench-key", "RefMUD", &["*"]),
            key("demo-key", "DemoMUD", &["tell", "channel", "info"]),
            key("tell-key", "TellMUD", &["tell"]),
        ]);
        world.start("RefMUD", |saved, now| Gateway::new(settings, saved, 3, now).unwrap());
        let router = world.dialed("*mock").unwrap();
        let mut client = Client { world, router, lines, conns: Vec::new() };
        client.log_in();
        let muds = answer_of(recorded, "mudlist");
        let row = |mud: &Json| {
            let state = if mud["status"] == "up" { json!(-1) } else { json!(0) };
            let names = ["host", "port", "tcp_port", "udp_port", "mudlib", "base", "driver", "mud_type"];
            let mut fields = vec![state];
            fields.extend(names.map(|name| if name == "base" { json!("B") } else { mud[name].clone() }));
            fields.extend([&mud["open_status"], &mud["admin_email"], &mud["services"]].map(Clone::clone));
            fields.push(json!(0));
            (mud["name"].as_str().unwrap().to_owned(), Json::Array(fields))
        };
        let muds: serde_json::Map<String, Json> =
            muds["result"]["muds"].as_array().unwrap().iter().map(row).collect();
        client.frame(&format!(
            r#"({{"mudlist",5,"*mock",0,"RefMUD",0,1700000001,{},}})"#,
            lpc(&Json::Object(muds))
        ));
        let channels = answer_of(recorded, "channel_list");
        let channels: serde_json::Map<String, Json> = channels["result"]["channels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["name"].as_str().unwrap().to_owned(), json!([one["owner"], one["type"]])))
            .collect();
        client.frame(&format!(
            r#"({{"chanlist-reply",5,"*mock",0,"RefMUD",0,1700000002,{},}})"#,
            lpc(&Json::Object(channels))
        ));
        client.world.wait(Duration::from_secs(3));
        client.sent();
        client
    }

    fn log_in(&mut self) {
        self.frame(r#"({"startup-reply",5,"*mock",0,"RefMUD",0,({({"*mock","127.0.0.1 4000",}),}),77,})"#);
    }

    fn frame(&mut self, text: &str) {
        self.world.write(self.router, &wire::mudmode_frame(text.as_bytes()));
    }

    /// What went to the router. A question is answered as the router of the recording answered it.
    fn sent(&mut self) -> Vec<String> {
        let mut frames = wire::mudmode_frames(self.world.received(self.router));
        // A link that is silent is probed with questions to ourselves, which a router sends back.
        for probe in
            frames.extract_if(.., |frame| frame.starts_with(r#"({"auth-mud-req",5,"RefMUD",0,"RefMUD""#))
        {
            self.frame(&probe);
        }
        for frame in &frames {
            let packet = wire::strict_lpc(frame).unwrap();
            let asker = lpc(&packet[3]);
            let reply = match packet[0].as_str().unwrap() {
                "who-req" => {
                    r#"({({"Fred",30,"Level 12 - the Bold",}),({"Wilma",0,"Lady of Bedrock",}),})"#.to_owned()
                }
                "finger-req" => {
                    r#""Fred","Fred the Bold","Fred F","fred@x.invalid","Mon Jan  1 00:00:00 2026",42,"10.0.0.1",0,"likes rocks""#
                        .to_owned()
                }
                "locate-req" => r#""TestMUD 001","Fred",7,"editing""#.to_owned(),
                _ => continue,
            };
            let kind = packet[0].as_str().unwrap().replace("-req", "-reply");
            self.frame(&format!(r#"({{"{kind}",5,"TestMUD 001",0,"RefMUD",{asker},{reply},}})"#));
        }
        frames
    }

    /// Somebody connects; with a key, it is accepted.
    fn connect(&mut self, name: &'static str, key: Option<&str>) {
        let on = if self.lines { Listener::Lines } else { Listener::Http };
        let script = self.world.connect("RefMUD", on).unwrap();
        if !self.lines {
            self.world.write(script, wire::websocket_request("/ws", key).as_bytes());
            let head = std::mem::take(self.world.received(script));
            assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        }
        if let Some(at) = self.conns.iter().position(|(known, _)| *known == name) {
            let (_, before) = self.conns.swap_remove(at);
            self.world.close(before);
        }
        self.conns.push((name, script));
        if let Some(key) = key.filter(|_| self.lines) {
            self.ask(name, &format!(r#"{{"id":1,"method":"authenticate","params":{{"api_key":"{key}"}}}}"#));
            assert_eq!(self.read(name).last().unwrap()["result"]["status"], "authenticated");
        }
    }

    fn script(&self, name: &str) -> usize {
        self.conns.iter().find(|(known, _)| *known == name).unwrap().1
    }

    fn ask(&mut self, name: &str, text: &str) {
        let script = self.script(name);
        let bytes = match self.lines {
            true => format!("{text}\n").into_bytes(),
            false => wire::websocket_frame(1, text.as_bytes()),
        };
        self.world.write(script, &bytes);
    }

    fn read(&mut self, name: &str) -> Vec<Json> {
        let script = self.script(name);
        let received = self.world.received(script);
        let texts: Vec<String> = if self.lines {
            String::from_utf8(std::mem::take(received)).unwrap().lines().map(str::to_owned).collect()
        } else {
            let frames = wire::websocket_frames(received).into_iter().filter(|(opcode, _)| *opcode == 1);
            frames.map(|(_, payload)| String::from_utf8(payload).unwrap()).collect()
        };
        texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    /// Lets time pass. WebSocket clients answer pings, and the router accepts a gateway that has come back.
    fn wait(&mut self) {
        for (_, script) in self.conns.clone() {
            if !self.lines {
                self.world.write(script, &wire::websocket_frame(10, b""));
            }
        }
        self.world.wait(Duration::from_secs(2));
        let dialed = self.world.dialed("*mock").unwrap();
        if dialed != self.router {
            self.router = dialed;
            self.sent();
            self.log_in();
        }
    }

    /// Says who is on, as the game of the recording did; the idle time is that of the recorded answers.
    fn publish(&mut self, idle: u32) {
        let user = json!({"name": "Alyx", "title": "the Bold", "level": 12, "race": "Elf", "guild": "Mages",
            "location": "Inn", "status": "afk", "idle": idle, "login_time": "2026-09-21T14:13:20"});
        let request =
            json!({"jsonrpc": "2.0", "id": 1, "method": "presence_sync", "params": {"users": [user]}});
        self.ask("RefMUD(*)", &request.to_string());
        assert_eq!(self.read("RefMUD(*)").pop().unwrap()["result"]["status"], "synchronized");
        self.sent();
    }
}

/// Lists are compared without regard to their order, which nothing promises.
fn sorted(items: &[Json]) -> Vec<Json> {
    let mut items = items.to_vec();
    items.sort_by_key(|item| (item["name"].to_string(), item.to_string()));
    items
}

/// What of the recorded message is not so in ours.
fn missing(path: &str, recorded: &Json, ours: &Json, found: &mut Vec<String>) {
    let last = path.rsplit('.').next().unwrap_or_default();
    match (recorded, ours) {
        (Json::Object(recorded), Json::Object(ours)) => {
            for (name, value) in recorded {
                match ours.get(name) {
                    Some(mine) => missing(&format!("{path}.{name}"), value, mine, found),
                    None => found.push(format!("{path}.{name} is missing")),
                }
            }
            for name in ours.keys().filter(|name| !recorded.contains_key(*name)) {
                // An error always has an id: where the old gateway left it out, it is the request's, or null.
                let id_of_error = name == "id" && recorded.contains_key("error");
                let declared = id_of_error
                    || ADDED.iter().any(|added| format!("{path}.{name}").ends_with(&format!(".{added}")));
                if !declared {
                    found.push(format!("{path}.{name} is new"));
                }
            }
        }
        (Json::Array(recorded), Json::Array(ours)) => {
            if recorded.len() != ours.len() {
                found.push(format!("{path} has {} elements, not {}", ours.len(), recorded.len()));
            }
            for (at, (recorded, ours)) in sorted(recorded).iter().zip(&sorted(ours)).enumerate() {
                missing(&format!("{path}[{at}]"), recorded, ours, found);
            }
        }
        // -32603 was what any mistake of a client got. Now it is another code, which names the mistake.
        _ if path == ".error.code" && *recorded == -32603 => {
            let is_named = [-32700, -32600, -32601, -32602, -32000].iter().any(|code| *ours == *code);
            found.extend((!is_named).then(|| format!("{path} is {ours}")));
        }
        _ if VOLATILE.iter().any(|name| *name == last || path.ends_with(&format!(".{name}"))) => {
            let other_type = std::mem::discriminant(recorded) != std::mem::discriminant(ours);
            found.extend(other_type.then(|| format!("{path} is {ours}, not {recorded}")));
        }
        _ if recorded != ours => found.push(format!("{path} is {ours}, not {recorded}")),
        _ => {}
    }
}

fn compare(recorded: &[Json], ours: &[Json]) -> Vec<String> {
    let mut found = Vec::new();
    if recorded.len() != ours.len() {
        found.push(format!("{} messages, not {}", ours.len(), recorded.len()));
    }
    for (recorded, ours) in recorded.iter().zip(ours) {
        missing("", recorded, ours, &mut found);
    }
    found
}

/// A packet as the old gateway should have sent it: a listen goes to the router, with a number; a user who has no name is
/// `Someone`.
fn mended(packet: &str) -> String {
    let listen = packet
        .replace(r#"({"channel-listen",5,"RefMUD",0,0,0,"#, r#"({"channel-listen",5,"RefMUD",0,"*mock",0,"#);
    let listen = if listen == packet {
        listen
    } else {
        listen.replace(r#","1",})"#, ",1,})").replace(r#","0",})"#, ",0,})")
    };
    listen
        .replace(r#"5,"RefMUD","*","#, r#"5,"RefMUD","Someone","#)
        .replace(r#"",200,"RefMUD""#, r#"",5,"RefMUD""#)
}

fn texts(value: &Json) -> Vec<Json> {
    let texts = value.as_array().unwrap().iter().map(|text| text.as_str().unwrap());
    // An empty message is nothing that a client can have read.
    texts.filter(|text| !text.is_empty()).map(|text| serde_json::from_str(text).unwrap()).collect()
}

/// The sessions of the recording: who, with which key, hearing what.
const SESSIONS: [(&str, &str, &[&str]); 3] = [
    ("RefMUD(*)", "bench-key", &["chat", "joined_unknown"]),
    ("DemoMUD(tell,channel,info)", "demo-key", &["chat"]),
    ("TellMUD(tell)", "tell-key", &[]),
];

/// An exchange that was played.
struct Played {
    case: String,
    /// What was otherwise.
    differs: Vec<String>,
    /// What we answered, in short.
    ours: String,
}

/// What came and what went, in short: `result > tell`.
fn short(messages: &[Json], frames: &[String]) -> String {
    let message = |message: &Json| match (&message["method"], &message["error"]["code"]) {
        (Json::String(event), _) => event.clone(),
        (_, Json::Number(code)) => code.to_string(),
        _ if message.is_array() => "batch".to_owned(),
        _ => "result".to_owned(),
    };
    let frame = |frame: &String| frame.split('"').nth(1).unwrap().to_owned();
    let (mut messages, mut frames): (Vec<_>, Vec<_>) =
        (messages.iter().map(message).collect(), frames.iter().map(frame).collect());
    frames.dedup();
    messages.dedup();
    format!("{} > {}", messages.join(" "), frames.join(" ")).trim().to_owned()
}

/// Every exchange that can be played.
fn play(transport: &str) -> Vec<Played> {
    let recorded = exchanges(transport);
    let mut client = Client::new(&recorded, transport == "tcp");
    let mut found = Vec::new();
    let mut last_group = "";
    for exchange in &recorded {
        let (group, case) = (exchange["group"].as_str().unwrap(), exchange["case"].as_str().unwrap());
        if last_group != group {
            last_group = group;
            for (name, key, channels) in SESSIONS {
                client.connect(name, Some(key));
                for channel in channels.iter().filter(|_| group == "event") {
                    let join =
                        json!({"jsonrpc": "2.0", "id": 1, "method": "channel_join", "params": [channel]});
                    client.ask(name, &join.to_string());
                }
            }
            client.wait();
            client.sent();
        }
        let (mut differs, ours);
        let packets = |client: &mut Client, wanted: &Json| {
            let mut frames = client.sent();
            client.wait();
            frames.extend(client.sent());
            let wanted: Vec<String> =
                wanted.as_array().unwrap().iter().map(|one| mended(one["text"].as_str().unwrap())).collect();
            let wrong = (frames != wanted).then(|| format!("to the router went {frames:?}, not {wanted:?}"));
            (frames, wrong)
        };
        match group {
            "preauth" | "method" | "raw" | "permission" | "session" => {
                let name = match group {
                    "preauth" => "stranger",
                    "permission" => "TellMUD(tell)",
                    _ => "RefMUD(*)",
                };
                if group == "preauth" {
                    client.connect(name, None);
                }
                client.read(name);
                client.ask(name, exchange["send"].as_str().unwrap());
                client.wait();
                let (frames, wrong) = packets(&mut client, &exchange["router"]);
                let messages = client.read(name);
                differs = compare(&texts(&exchange["recv"]), &messages);
                differs.extend(wrong);
                ours = short(&messages, &frames);
            }
            "event" if exchange["router_sends"].as_str().unwrap().starts_with('(') => {
                client.publish(if case == "locate_req" { 15 } else { 14 });
                SESSIONS.iter().for_each(|(name, ..)| drop(client.read(name)));
                client.frame(exchange["router_sends"].as_str().unwrap());
                client.wait();
                let (frames, wrong) = packets(&mut client, &exchange["gateway_sends"]);
                differs = Vec::from_iter(wrong);
                let mut to_our_mud = Vec::new();
                for (at, (name, ..)) in SESSIONS.into_iter().enumerate() {
                    let messages = client.read(name);
                    let events = compare(&texts(&exchange[format!("events_{name}")]), &messages);
                    differs.extend(events.into_iter().map(|what| format!("{name}: {what}")));
                    if at == 0 {
                        to_our_mud = messages;
                    }
                }
                ours = short(&to_our_mud, &frames);
            }
            _ => continue,
        }
        found.push(Played { case: case.to_owned(), differs, ours });
    }
    found
}

#[test]
fn what_was_recorded_is_answered_as_it_was_but_for_what_is_declared() {
    let mut undeclared = Vec::new();
    let mut seen = BTreeSet::new();
    let mut played = 0;
    for transport in ["tcp", "ws"] {
        for one in play(transport) {
            played += 1;
            if one.differs.is_empty() || NOT_COMPARED.iter().any(|(case, _)| *case == one.case) {
                continue;
            }
            if OTHERWISE.iter().any(|(case, ours, _)| *case == one.case && *ours == one.ours) {
                seen.insert(one.case);
            } else {
                undeclared.push(format!(
                    "{transport} {}: {}: {}",
                    one.case,
                    one.ours,
                    one.differs.join("; ")
                ));
            }
        }
    }
    assert!(undeclared.is_empty(), "differs, and nobody says why:\n{}", undeclared.join("\n"));
    let stale: Vec<_> = OTHERWISE.iter().filter(|(case, ..)| !seen.contains(*case)).collect();
    assert!(stale.is_empty(), "declared, but as it was: {stale:?}");
    assert!(played > 300, "only {played} exchanges");
}

/// The bytes that a request over HTTP is answered.
fn http(client: &mut Client, request: &str) -> (u64, String, String) {
    let script = client.world.connect("RefMUD", Listener::Http).unwrap();
    client.world.write(script, request.as_bytes());
    let answer = std::mem::take(client.world.received(script));
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let (head, body) = (String::from_utf8_lossy(&answer[..end]).into_owned(), &answer[end + 4..]);
    (head[9..12].parse().unwrap(), head, String::from_utf8_lossy(body).into_owned())
}

#[test]
fn the_pages_are_those_of_the_old_gateway() {
    // Errors are JSON now; so is what stands at a path that is no page.
    let otherwise = [("GET", "/ws", 426, "a WebSocket is asked for with an upgrade")];
    let mut client = Client::new(&exchanges("tcp"), true);
    for one in exchanges("http") {
        let (method, path) = (one["method"].as_str().unwrap(), one["path"].as_str().unwrap());
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let (status, head, body) = http(&mut client, &request);
        let declared = otherwise.iter().find(|(verb, page, ..)| (*verb, *page) == (method, path));
        let wanted = declared.map_or(one["status"].as_u64().unwrap(), |(_, _, status, _)| *status);
        assert_eq!(status, wanted, "{request}");
        if let Some(allow) = one["headers"]["Allow"].as_str() {
            let ours = head.lines().find_map(|line| line.strip_prefix("Allow: ")).unwrap();
            assert_eq!(ours.replace(' ', ""), allow);
        }
        let recorded = one["body"].as_str().unwrap();
        match serde_json::from_str::<Json>(recorded) {
            Ok(recorded) => {
                let ours: Json = serde_json::from_str(&body).unwrap();
                let mut found = Vec::new();
                missing("", &recorded, &ours, &mut found);
                // Where the descriptions can be read.
                let beside = ["gateway_version", "openrpc", "asyncapi"].map(|name| format!(".{name} is new"));
                found.retain(|what| path != "/api/info" || !beside.contains(what));
                // The old page said nothing of the routers.
                let more =
                    ["ready", "routers", "uptime_seconds", "version"].map(|name| format!(".{name} is new"));
                found.retain(|what| path != "/health" || !more.contains(what));
                assert_eq!(found, [""; 0], "{request}");
            }
            // A scraper finds the two old gauges under their names.
            Err(_) if path == "/metrics" => {
                for name in recorded.lines().filter(|line| !line.starts_with('#')) {
                    let name = name.split(' ').next().unwrap();
                    let found = body.lines().any(|line| line.starts_with(&format!("{name} ")));
                    assert!(name.is_empty() || found, "{name} is not in {body}");
                }
            }
            Err(_) if method == "HEAD" => assert_eq!(body, ""),
            Err(_) => {
                let error: Json = serde_json::from_str(&body).unwrap();
                assert!(error["error"].is_string(), "{request}: {body}");
            }
        }
    }
}

#[test]
fn handshakes_are_those_of_the_old_gateway_with_its_faults_mended() {
    let otherwise = [
        ("x_api_key_bad", 401, "a wrong key is refused before the upgrade"),
        ("bearer", 101, "a bearer token is a key"),
        ("root_path", 101, "old documents say that `/` is the WebSocket"),
    ];
    let mut client = Client::new(&exchanges("tcp"), false);
    for one in exchanges("ws_handshake") {
        let (case, path) = (one["case"].as_str().unwrap(), one["path"].as_str().unwrap());
        let headers: String = one["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}: {}\r\n", value.as_str().unwrap()))
            .collect();
        let request = wire::websocket_request(path, None).replace("\r\n\r\n", &format!("\r\n{headers}\r\n"));
        let script = client.world.connect("RefMUD", Listener::Http).unwrap();
        client.world.write(script, request.as_bytes());
        let head = String::from_utf8_lossy(&std::mem::take(client.world.received(script))).into_owned();
        let declared = otherwise.iter().find(|(name, ..)| *name == case);
        let upgraded = one["resp_headers"].is_object();
        let wanted = declared.map_or(if upgraded { 101 } else { 404 }, |(_, status, _)| *status);
        assert!(head.starts_with(&format!("HTTP/1.1 {wanted} ")), "{case}: {head}");
        if wanted != 101 {
            continue;
        }
        let ask = wire::websocket_frame(1, br#"{"jsonrpc":"2.0","id":1,"method":"status"}"#);
        client.world.write(script, &ask);
        let frames = wire::websocket_frames(client.world.received(script));
        let answer: Json = serde_json::from_slice(&frames[0].1).unwrap();
        // With a key in a header the session is open; without one, and with one in the address, it is not.
        let is_open = headers.contains("bench-key");
        assert_eq!(
            (answer["result"]["connected"] == true, answer["error"]["code"] == -32000),
            (is_open, !is_open)
        );
        if declared.is_none() && is_open {
            let recorded = texts(&one["status_call"]);
            assert_eq!(compare(&recorded, &[answer]), [""; 0], "{case}");
        }
    }
}
