//! The machine in virtual time: no socket, no clock.
#![allow(clippy::needless_pass_by_value, reason = "what is made for one call is passed as it is")]

use i3_client::events::Kind;
use i3_client::{
    Acks, Action, CALLS_MAX, Error, HAPPENINGS_MAX, Happening, Machine, Options, Refusal, Retry, Role,
    Session,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A machine, and the gateway of its script.
struct Stage {
    machine: Machine,
    now: Instant,
}

fn options() -> Options {
    Options {
        key: Some("secret".to_owned()),
        client: Some("test".to_owned()),
        ..Options::new("tcp://gateway.example:8081")
    }
}

impl Stage {
    fn new(options: Options) -> Stage {
        let now = Instant::now();
        Stage { machine: Machine::new(options, now).unwrap(), now }
    }

    /// One that is connected and identified.
    fn open(options: Options) -> Stage {
        let mut stage = Stage::new(options);
        stage.enter();
        stage
    }

    fn poll(&mut self) -> Action {
        self.machine.poll(self.now)
    }

    /// Connects and authenticates. Returns the parameters of `authenticate`.
    fn enter(&mut self) -> Value {
        assert_eq!(self.poll(), Action::Connect { host: "gateway.example".to_owned(), port: 8081 });
        self.machine.connected(self.now);
        self.gives(&json!({"jsonrpc": "2.0", "method": "welcome", "params": {"service": "i3-gateway"}}));
        let request = self.request();
        assert_eq!(request["method"], "authenticate");
        self.answers(&request, json!({"status": "authenticated", "mud_name": "Alpha", "session_id": "s"}));
        let session = Session { mud_name: "Alpha".to_owned(), session_id: "s".to_owned() };
        assert_eq!(self.next(), Some(Happening::Connected(session)));
        request["params"].clone()
    }

    fn next(&mut self) -> Option<Happening> {
        self.machine.next_happening(self.now)
    }

    /// The requests that are written now.
    fn requests(&mut self) -> Vec<Value> {
        let mut bytes = Vec::new();
        while let Action::Write(more) = self.poll() {
            bytes.extend(more);
        }
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The only request that is written now.
    fn request(&mut self) -> Value {
        let mut all = self.requests();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn gives(&mut self, message: &Value) {
        let line = format!("{message}\n");
        self.machine.received(line.as_bytes(), self.now);
    }

    fn answers(&mut self, request: &Value, result: Value) {
        self.gives(&json!({"jsonrpc": "2.0", "id": request["id"], "result": result}));
    }

    fn refuses(&mut self, request: &Value, code: i64, data: Value) {
        let error = json!({"code": code, "message": "no", "data": data});
        self.gives(&json!({"jsonrpc": "2.0", "id": request["id"], "error": error}));
    }

    fn tells(&mut self, id: u64, replay: bool) {
        let mut params = json!({"from_mud": "Sage", "from_user": "bob", "to_mud": "Alpha", "to_user": "ann",
            "visname": "Bob", "message": format!("tell {id}"), "timestamp": "2026-11-23T12:01:07Z", "event_id": id});
        if replay {
            params["replay"] = json!(true);
        }
        self.gives(&json!({"jsonrpc": "2.0", "method": "tell_received", "params": params}));
    }

    /// The ids of all events that the program takes.
    fn taken(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.next())
            .filter_map(|happening| match happening {
                Happening::Event(event) => event.id(),
                _ => None,
            })
            .collect()
    }

    fn pass(&mut self, seconds: f64) {
        self.now += Duration::from_secs_f64(seconds);
    }

    fn lost(&mut self) -> Option<Duration> {
        match self.next() {
            Some(Happening::Disconnected { retry_in, .. }) => retry_in,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_client_authenticates_and_takes_typed_events() {
    let mut stage = Stage::new(options());
    let params = stage.enter();
    assert_eq!(params, json!({"api_key": "secret", "client": "test"}));
    stage.tells(7, false);
    let Some(Happening::Event(event)) = stage.next() else { panic!("an event") };
    let Kind::TellReceived(tell) = event.kind() else { panic!("{event:?}") };
    assert_eq!((tell.from_user.as_str(), tell.message.as_str(), tell.event_id), ("bob", "tell 7", 7));
    stage.gives(&json!({"jsonrpc": "2.0", "method": "of_a_later_version", "params": {"x": 1}}));
    let Some(Happening::Event(event)) = stage.next() else { panic!("an event") };
    assert!(event.kind() == Kind::Unknown && event.params == json!({"x": 1}));
    let observer =
        Options { role: Role::Observer, text_format: Some("plain".to_owned()), key: None, ..options() };
    let params = Stage::new(observer).enter();
    assert_eq!(params, json!({"client": "test", "text_format": "plain", "role": "observer"}));
}

#[test]
fn bytes_may_come_in_any_pieces() {
    let mut stage = Stage::open(options());
    let text = "\r\n".to_owned()
        + &json!({"method": "mud_online", "params": {"mud_name": "Hollow é 漢", "event_id": 3}}).to_string()
        + "\r\n";
    for byte in text.as_bytes() {
        stage.machine.received(&[*byte], stage.now);
    }
    assert_eq!(stage.taken(), [3]);
}

#[test]
fn a_call_waits_for_the_connection_and_for_its_answer() {
    let mut stage = Stage::new(options());
    let wait = Duration::from_secs(5);
    let early = stage.machine.call("status", Value::Null, wait, stage.now).unwrap();
    stage.enter();
    let request = stage.request();
    assert_eq!((request["method"].as_str(), request.get("params")), (Some("status"), None));
    assert_eq!(stage.machine.answer_to(early), None);
    stage.answers(&request, json!({"connected": true}));
    assert_eq!(stage.machine.answer_to(early), Some(Ok(json!({"connected": true}))));
    assert_eq!(stage.machine.answer_to(early), None, "an answer is taken once");

    let refused = stage.machine.call("kick", json!({"session_id": "x"}), wait, stage.now).unwrap();
    let request = stage.request();
    stage.refuses(&request, Refusal::NOT_ALLOWED, json!({"needs": "admin"}));
    match stage.machine.answer_to(refused) {
        Some(Err(Error::Refused(refusal))) => assert_eq!(refusal.data, json!({"needs": "admin"})),
        other => panic!("{other:?}"),
    }
    let late = stage.machine.call("who", json!({"target_mud": "Sage"}), wait, stage.now).unwrap();
    let request = stage.request();
    stage.pass(5.0);
    assert!(matches!(stage.poll(), Action::Wait { .. }));
    assert!(matches!(stage.machine.answer_to(late), Some(Err(Error::Timeout(_)))));
    stage.answers(&request, json!({}));
    assert_eq!(stage.machine.next_answer(), None, "an answer that comes too late is ignored");

    let lost = stage.machine.call("tell", json!({}), wait, stage.now).unwrap();
    stage.request();
    stage.machine.lost("reset", stage.now);
    assert!(
        matches!(stage.machine.answer_to(lost), Some(Err(Error::Lost(_)))),
        "it may have been carried out"
    );
}

#[test]
fn the_pauses_grow_to_a_limit_and_a_login_resets_them() {
    let mut stage = Stage::new(options());
    for expected in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
        assert!(matches!(stage.poll(), Action::Connect { .. }));
        stage.machine.lost("refused", stage.now);
        let pause = stage.lost().unwrap().as_secs_f64();
        assert!((expected..=expected * 1.25).contains(&pause), "{pause} for {expected}");
        assert_eq!(stage.poll(), Action::Close);
        assert!(matches!(stage.poll(), Action::Wait { until: Some(_), read: false }));
        stage.pass(pause);
    }
    stage.enter();
    stage.machine.lost("reset", stage.now);
    assert!(stage.lost().unwrap() < Duration::from_secs(2));
    // A connection that never comes about.
    let mut stage = Stage::new(options());
    stage.poll();
    stage.pass(10.0);
    assert_eq!(stage.poll(), Action::Close);
    assert!(stage.lost().is_some());
}

#[test]
fn a_refused_key_is_the_end() {
    for (code, is_end) in [(Refusal::NOT_AUTHENTICATED, true), (-32602, true), (Refusal::TOO_OFTEN, false)] {
        let mut stage = Stage::new(options());
        let waits = stage.machine.call("status", Value::Null, Duration::from_secs(60), stage.now).unwrap();
        stage.poll();
        stage.machine.connected(stage.now);
        let request = stage.request();
        stage.refuses(&request, code, json!({"retry_after_ms": 30_000}));
        let pause = stage.lost();
        assert_eq!(pause.is_none(), is_end, "{code}");
        assert_eq!(stage.machine.answer_to(waits).is_some(), is_end);
        match pause {
            Some(pause) => assert!(pause >= Duration::from_secs(30), "the gateway says for how long"),
            None => {
                assert_eq!(stage.poll(), Action::Close);
                assert_eq!(stage.poll(), Action::End);
                let after = stage.machine.call("status", Value::Null, Duration::from_secs(1), stage.now);
                assert_eq!(after, Err(Error::Stopped));
            }
        }
    }
    for (retry, connects, is_end) in
        [(Retry::Never, true, true), (Retry::OnceConnected, true, false), (Retry::OnceConnected, false, true)]
    {
        let mut stage = Stage::new(Options { retry, ..options() });
        if connects {
            stage.enter();
        } else {
            stage.poll();
        }
        stage.machine.lost("reset", stage.now);
        assert_eq!(stage.lost().is_none(), is_end, "{retry:?}");
    }
}

#[test]
fn channels_are_joined_again_one_after_the_other() {
    let channels = vec!["chat".to_owned(), "closed".to_owned(), "code".to_owned()];
    let mut stage = Stage::open(Options { channels, listen_only: true, ..options() });
    let join = stage.request();
    assert_eq!(join["params"], json!({"channel": "chat", "listen_only": true}));
    // Too fast: the same is asked again, after the pause that the gateway names.
    stage.refuses(&join, Refusal::TOO_OFTEN, json!({"retry_after_ms": 2_000}));
    assert!(stage.requests().is_empty());
    stage.pass(2.0);
    let join = stage.request();
    assert_eq!(join["params"]["channel"], "chat");
    stage.answers(&join, json!({"status": "joined"}));
    let join = stage.request();
    stage.refuses(&join, Refusal::NOT_ALLOWED, Value::Null);
    let join = stage.request();
    assert_eq!(join["params"]["channel"], "code");
    stage.answers(&join, json!({"status": "joined"}));
    assert!(stage.requests().is_empty());
    assert!(matches!(stage.next(), Some(Happening::NotJoined { channel, .. }) if channel == "closed"));
    assert_eq!(stage.next(), Some(Happening::Joined { channels: 2 }));
    stage.machine.leave("code", stage.now).unwrap();
    assert_eq!(stage.request()["method"], "channel_leave");
    stage.machine.join("late", stage.now).unwrap();
    assert_eq!(stage.request()["params"]["channel"], "late");
    stage.machine.lost("reset", stage.now);
    let pause = stage.lost().unwrap();
    assert_eq!(stage.poll(), Action::Close);
    stage.pass(pause.as_secs_f64());
    stage.enter();
    assert_eq!(stage.request()["params"]["channel"], "chat");
}

#[test]
fn what_the_program_has_taken_is_acknowledged() {
    let mut stage = Stage::open(options());
    stage.tells(7, false);
    stage.tells(9, false);
    assert!(matches!(stage.next(), Some(Happening::Event(_))));
    stage.pass(5.0);
    assert!(stage.requests().is_empty(), "the first is not handled yet");
    assert!(matches!(stage.next(), Some(Happening::Event(_))));
    stage.pass(1.0);
    let ack = stage.request();
    assert_eq!((ack["method"].as_str(), &ack["params"]), (Some("ack"), &json!({"event_id": 7})));
    assert_eq!(stage.next(), None);
    stage.machine.stop(stage.now);
    assert_eq!(stage.request()["params"], json!({"event_id": 9}));
    assert_eq!(stage.poll(), Action::End);

    let mut stage = Stage::open(Options { acks: Acks::Manual, ..options() });
    stage.tells(7, false);
    assert_eq!(stage.taken(), [7]);
    stage.pass(5.0);
    assert!(stage.requests().is_empty());
    stage.machine.acknowledge(7, stage.now);
    assert_eq!(stage.request()["params"], json!({"event_id": 7}));
}

#[test]
fn an_event_that_is_replayed_is_delivered_once() {
    let mut stage = Stage::open(options());
    stage.tells(7, false);
    assert_eq!(stage.taken(), [7]);
    stage.machine.lost("reset", stage.now);
    let pause = stage.lost().unwrap();
    assert_eq!(stage.poll(), Action::Close);
    stage.pass(pause.as_secs_f64());
    // A named client has its cursors at the gateway.
    let params = stage.enter();
    assert_eq!(params, json!({"api_key": "secret", "client": "test"}));
    stage.tells(7, true);
    stage.tells(8, true);
    assert_eq!(stage.taken(), [8]);
    // Who asks for it gets it again.
    stage.machine.call("resume", json!({"last_event_id": 0}), Duration::from_secs(1), stage.now).unwrap();
    stage.tells(7, true);
    assert_eq!(stage.taken(), [7]);

    let mut stage = Stage::open(Options { client: None, ..options() });
    stage.tells(7, false);
    assert_eq!(stage.taken(), [7]);
    stage.pass(5.0);
    assert!(stage.requests().is_empty(), "only a client with a name acknowledges");
    stage.machine.lost("reset", stage.now);
    let pause = stage.lost().unwrap();
    stage.poll();
    stage.pass(pause.as_secs_f64());
    assert_eq!(stage.enter()["last_event_id"], 7);
}

#[test]
fn presence_and_signs_of_life_are_sent_by_themselves() {
    let mut stage = Stage::open(options());
    stage.machine.set_presence(Some(json!([{"name": "Ann"}])), stage.now);
    for _ in 0..3 {
        let sync = stage.request();
        assert_eq!(
            (sync["method"].as_str(), &sync["params"]),
            (Some("presence_sync"), &json!({"users": [{"name": "Ann"}]}))
        );
        stage.answers(&sync, json!({"status": "synchronized"}));
        assert!(stage.requests().is_empty());
        stage.pass(15.0);
    }
    stage.machine.set_presence(None, stage.now);
    stage.pass(15.0);
    assert_eq!(stage.request()["method"], "heartbeat");
    stage.pass(29.0);
    assert!(stage.requests().is_empty());
    stage.pass(31.0);
    assert_eq!(stage.poll(), Action::Close, "nothing came for 90 s");
    assert!(matches!(
        stage.next(),
        Some(Happening::Disconnected { error: Error::Timeout(_), retry_in: Some(_) })
    ));
}

#[test]
fn all_queues_are_bounded() {
    let mut stage = Stage::open(options());
    assert!(matches!(stage.poll(), Action::Wait { read: true, .. }));
    for id in 0..HAPPENINGS_MAX as u64 {
        stage.tells(id + 1, false);
    }
    assert!(matches!(stage.poll(), Action::Wait { read: false, .. }), "the gateway keeps the rest");
    assert!(stage.next().is_some());
    assert!(matches!(stage.poll(), Action::Wait { read: true, .. } | Action::Write(_)));

    let mut stage = Stage::new(options());
    let long = Duration::from_secs(600);
    for _ in 0..CALLS_MAX {
        stage.machine.call("status", Value::Null, long, stage.now).unwrap();
    }
    assert_eq!(stage.machine.call("status", Value::Null, long, stage.now), Err(Error::Busy));
    let huge = json!({"message": "x".repeat(i3_client::CALL_BYTES_MAX)});
    let mut stage = Stage::open(options());
    assert!(matches!(stage.machine.call("tell", huge, long, stage.now), Err(Error::Usage(_))));
    // A line that never ends is not collected for ever.
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..=i3_client::MESSAGE_BYTES_MAX >> 20 {
        stage.machine.received(&piece, stage.now);
    }
    assert!(matches!(stage.next(), Some(Happening::Disconnected { error: Error::Lost(_), .. })));
}

#[test]
fn what_is_no_answer_ends_the_connection_or_is_ignored() {
    let mut stage = Stage::open(options());
    stage.gives(&json!({"jsonrpc": "2.0", "id": 99, "result": 1}));
    stage.gives(&json!({"jsonrpc": "2.0", "id": "text", "result": 1}));
    assert_eq!(stage.next(), None);
    // The session was ended by an administrator: the client comes back.
    stage.gives(&json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32003, "message": "ended"}}));
    assert!(stage.lost().is_some());
    let mut stage = Stage::open(options());
    stage.machine.received(b"no JSON\n", stage.now);
    assert!(stage.lost().is_some());
    for wrong in ["http://h", "ws://"] {
        let made = Machine::new(Options::new(wrong), Instant::now());
        assert!(matches!(made, Err(Error::Usage(_))), "{wrong}");
    }
}
