//! Each rule can fail: histories that break exactly one, and beside each a like one that does not.

mod people;

use i3_core::time::Instant;
use i3_tests::sim::oracle::{Asked, Fact, Oracles};
use i3_tests::sim::tap::{Frame, Tag};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The link of Alpha and the session of its game in every history.
const LINK: u64 = 1;
const GAME: u64 = 2;

/// The tell that comes in most histories.
const TOLD: Tag = Tag { session: 9, seq: 1 };

/// A history, a millisecond from fact to fact unless it says otherwise.
#[derive(Clone, Default)]
struct History(Vec<(u64, Fact)>);

impl History {
    /// A gateway that runs, is logged in, and has a game on the channel chat.
    fn begun() -> History {
        History::default()
            .then(started(&[]))
            .then(Fact::LinkOpen { link: LINK, gateway: 0, router: "*net".to_owned() })
            .then(sent(&login(0)))
            .then(came(&reply(77)))
            .then(Fact::PasswordSaved { mud: "Alpha".to_owned(), router: "*net".to_owned(), password: 77 })
            .then(game(GAME))
            .then(asked(1, Asked::Key))
            .then(says(json!({"id": 1, "result": {"session_id": "x", "mud_name": "Alpha"}})))
            .then(asked(2, Asked::Join("chat".to_owned())))
            .then(says(json!({"id": 2, "result": {}})))
    }

    fn then(self, fact: Fact) -> History {
        self.after(1, fact)
    }

    fn after(mut self, millis: u64, fact: Fact) -> History {
        self.0.push((millis, fact));
        self
    }

    /// Which rule it breaks, if any.
    fn breaks(&self) -> Option<&'static str> {
        let mut oracles = Oracles::default();
        let mut now = 0;
        for (millis, fact) in &self.0 {
            now += millis;
            if let Err(violation) = oracles.see(Instant::from_micros(now * 1000), fact) {
                return Some(violation.oracle);
            }
        }
        None
    }
}

fn started(passwords: &[(&str, i64)]) -> Fact {
    let passwords =
        passwords.iter().map(|(router, password)| (("Alpha".to_owned(), (*router).to_owned()), *password));
    Fact::GatewayStarted {
        gateway: 0,
        muds: vec!["Alpha".to_owned()],
        passwords: passwords.collect::<BTreeMap<_, _>>(),
    }
}

fn frame(text: &str) -> Rc<Frame> {
    Rc::new(Frame::read(text.as_bytes()))
}

fn sent(text: &str) -> Fact {
    Fact::FrameSent { link: LINK, frame: frame(text) }
}

fn came(text: &str) -> Fact {
    Fact::FrameCame { link: LINK, frame: frame(text) }
}

fn login(password: i64) -> String {
    format!(r#"({{"startup-req-3",5,"Alpha",0,"*net",0,{password},0,0,}})"#)
}

fn reply(password: i64) -> String {
    format!(r#"({{"startup-reply",5,"*net",0,"Alpha",0,({{}}),{password},}})"#)
}

fn gave(text: &str) -> Fact {
    Fact::RouterGave { link: LINK, frame: frame(text) }
}

fn tell_self() -> String {
    r#"({"tell",5,"Alpha","u0_alpha","Alpha","u1_alpha","U","~2.1~",})"#.to_owned()
}

fn routed() -> History {
    let got = |text: &str| Fact::RouterGot { link: LINK, frame: frame(text) };
    History::begun().then(got(&login(0))).then(gave(&reply(77))).then(got(&tell_self()))
}

fn game(session: u64) -> Fact {
    opened(session, true)
}

fn opened(session: u64, is_game: bool) -> Fact {
    Fact::SessionOpen { session, gateway: 0, mud: "Alpha".to_owned(), is_game, is_named: !is_game }
}

/// A tell comes while the game is away, another session is told it or not, and the game comes back.
fn kept(other: Option<bool>, then: impl FnOnce(History) -> History) -> History {
    let mut history = History::begun().then(Fact::SessionOver { session: GAME }).then(came(&tell_in(1)));
    if let Some(is_game) = other {
        history = history.then(opened(3, is_game)).then(with_session(3, told(1)));
    }
    let identified = says(json!({"id": 1, "result": {"session_id": "y", "mud_name": "Alpha"}}));
    let back = then(history)
        .then(game(4))
        .then(with_session(4, asked(1, Asked::Key)))
        .then(with_session(4, identified));
    back.then(Fact::Quiet)
}

fn with_session(session: u64, fact: Fact) -> Fact {
    match fact {
        Fact::Said { message, .. } => Fact::Said { session, message },
        Fact::Asked { id, what, .. } => Fact::Asked { session, id, what },
        other => other,
    }
}

/// The tell 1 is given to a named game, which acknowledges events up to `through` and has acknowledged one before. Then it
/// comes back, and is given the tell again or not.
fn acknowledged(through: u64, then: impl FnOnce(History) -> History, again: bool) -> History {
    let named = |session| Fact::SessionOpen {
        session,
        gateway: 0,
        mud: "Alpha".to_owned(),
        is_game: true,
        is_named: true,
    };
    let knows = |history: History, session| {
        let identified = says(json!({"id": 1, "result": {"session_id": "y", "mud_name": "Alpha"}}));
        history
            .then(named(session))
            .then(with_session(session, asked(1, Asked::Key)))
            .then(with_session(session, identified))
    };
    let acks = |history: History, id, through| {
        history
            .then(with_session(3, asked(id, Asked::Ack(through))))
            .then(with_session(3, says(json!({"id": id, "result": {"status": "acknowledged"}}))))
    };
    let given = |session, id: u64| {
        let Fact::Said { message, .. } = told(1) else { unreachable!("it is said") };
        let mut message = (*message).clone();
        message["params"]["event_id"] = id.into();
        Fact::Said { session, message: Rc::new(message) }
    };
    let history = History::begun().then(Fact::SessionOver { session: GAME });
    let history = acks(knows(history, 3), 2, 5).then(came(&tell_in(1))).then(given(3, 7));
    let history = then(acks(history, 4, through)).then(Fact::SessionOver { session: 3 });
    let back = knows(history, 4);
    let back = if again { back.then(given(4, 7)) } else { back };
    back.then(Fact::Quiet)
}

/// A tell that comes, and is replayed so many milliseconds later.
fn aged(millis: u64) -> History {
    let Fact::Said { message, session } = told(1) else { unreachable!("it is said") };
    let mut message = (*message).clone();
    message["params"]["replay"] = true.into();
    let asks = History::begun().then(came(&tell_in(1))).after(millis, asked(7, Asked::Key));
    asks.then(says(json!({"id": 7, "result": {}}))).then(Fact::Said { session, message: Rc::new(message) })
}

/// A ban is set, a crash follows, something more happens, and the list shows these bans.
fn banned(then: impl FnOnce(History) -> History, shown: &[u64]) -> History {
    let bans: Vec<Json> =
        shown.iter().map(|id| json!({"ban_id": id, "pattern": format!("pest{id}@nowhere")})).collect();
    let history = History::begun()
        .then(asked(3, Asked::Ban("pest8@nowhere".to_owned())))
        .then(says(json!({"id": 3, "result": {"ban_id": 8}})))
        .then(crash())
        .then(started(&[("*net", 77)]));
    then(history).then(asked(4, Asked::Bans)).then(says(json!({"id": 4, "result": {"bans": bans}})))
}

fn removed(history: History) -> History {
    history.then(asked(5, Asked::Unban(8))).then(says(json!({"id": 5, "result": {"ban_id": 8}})))
}

fn asked(id: u64, what: Asked) -> Fact {
    Fact::Asked { session: GAME, id: id.to_string(), what }
}

fn says(message: Json) -> Fact {
    Fact::Said { session: GAME, message: Rc::new(message) }
}

fn tag(seq: u64) -> Tag {
    Tag { session: GAME, seq }
}

fn tell_out(seq: u64) -> String {
    format!(r#"({{"tell",5,"Alpha","u0_alpha","Beta","u0_beta","U","{}",}})"#, tag(seq).text())
}

fn tell_in(seq: u64) -> String {
    format!(r#"({{"tell",5,"Beta","u0_beta","Alpha","u0_alpha","U","~9.{seq}~",}})"#)
}

fn told(seq: u64) -> Fact {
    says(json!({"method": "tell_received", "params": {
        "to_mud": "Alpha", "to_user": "u0_alpha", "message": format!("~9.{seq}~"),
    }}))
}

fn accepted(id: u64) -> Fact {
    says(json!({"id": id, "result": {"message_id": format!("tell_Alpha_{id}")}}))
}

fn event(id: u64) -> Fact {
    says(json!({"method": "mud_online", "params": {"event_id": id}}))
}

/// Speaking, as far as the request.
fn speaking(seq: u64) -> History {
    History::begun().then(asked(seq + 10, Asked::Speech(tag(seq))))
}

fn crash() -> Fact {
    Fact::GatewayCrashed { gateway: 0 }
}

fn link_over(unflushed: bool) -> Fact {
    Fact::LinkOver { link: LINK, unflushed }
}

fn again(passwords: &[(&str, i64)], password: i64) -> History {
    History::begun()
        .then(link_over(false))
        .then(Fact::GatewayCrashed { gateway: 0 })
        .then(started(passwords))
        .then(Fact::LinkOpen { link: LINK, gateway: 0, router: "*net".to_owned() })
        .after(2000, sent(&login(password)))
}

/// So many tells, one in so many milliseconds, the first so long after the login.
fn tells_out(wait: u64, count: u64, millis: u64) -> History {
    let begun = History::begun().after(wait, asked(3, Asked::Other)).then(accepted(3));
    (1..=count).fold(begun, |history, seq| {
        let history = history.then(asked(seq + 10, Asked::Speech(tag(seq))));
        history.after(millis, sent(&tell_out(seq)))
    })
}

fn second_life(first: u64, second: u64) -> History {
    History::begun()
        .then(Fact::IdsSaved { gateway: 0, reserved: 100 })
        .then(event(first))
        .then(Fact::SessionOver { session: GAME })
        .then(Fact::GatewayCrashed { gateway: 0 })
        .then(started(&[("*net", 77)]))
        .then(game(3))
        .then(Fact::Said {
            session: 3,
            message: Rc::new(json!({"method": "x", "params": {"event_id": second}})),
        })
}

fn status(seq: u64) -> [Fact; 2] {
    [asked(seq, Asked::Status), says(json!({"id": seq, "result": {"connected": true}}))]
}

/// The rule, a history that breaks it, and one that does not.
fn table() -> Vec<(&'static str, History, History)> {
    let begun = History::begun;
    let given_up = json!({"method": "error_occurred", "params": {"context": "gateway_queue", "message_id": "tell_Alpha_11"}});
    let [asks, connected] = status(5);
    vec![
        ("contract", begun().then(Fact::Broke("writes to a closed connection".to_owned())), begun()),
        ("wire", begun().then(sent(r#"({"x", 5,})"#)), begun().then(sent(r#"({"x",5,})"#))),
        (
            "answers",
            begun().then(asked(3, Asked::Other)).then(Fact::Quiet),
            begun().then(asked(3, Asked::Other)).then(Fact::SessionOver { session: GAME }).then(Fact::Quiet),
        ),
        (
            "answers",
            begun().then(says(json!({"id": 2, "result": 1}))),
            begun().then(asked(3, Asked::Other)).then(says(json!({"id": 3, "result": 1}))),
        ),
        ("answers", begun().then(says(json!({"id": null, "error": {"code": -32700}}))), begun()),
        // Sent twice, or refused and sent, or out of order, or by nobody, or for another mud.
        (
            "speech out",
            speaking(1).then(sent(&tell_out(1))).then(sent(&tell_out(1))),
            speaking(1).then(sent(&tell_out(1))).then(accepted(11)).then(Fact::Quiet),
        ),
        (
            "speech out",
            speaking(1).then(says(json!({"id": 11, "error": {"code": -32004}}))).then(sent(&tell_out(1))),
            speaking(1).then(says(json!({"id": 11, "error": {"code": -32004}}))).then(Fact::Quiet),
        ),
        (
            "speech out",
            speaking(1)
                .then(asked(12, Asked::Speech(tag(2))))
                .then(sent(&tell_out(2)))
                .then(sent(&tell_out(1))),
            speaking(1)
                .then(asked(12, Asked::Speech(tag(2))))
                .then(sent(&tell_out(1)))
                .then(sent(&tell_out(2))),
        ),
        ("speech out", begun().then(sent(&tell_out(1))), begun()),
        ("speech out", speaking(1).then(sent(&tell_out(1).replace("\"Alpha\"", "\"Beta\""))), begun()),
        // Lost: nobody was told, and somebody could have been.
        (
            "speech out",
            speaking(1).then(accepted(11)).then(Fact::Quiet),
            speaking(1).then(accepted(11)).then(says(given_up.clone())).then(Fact::Quiet),
        ),
        (
            "speech out",
            speaking(1).then(accepted(11)).then(link_over(false)).then(Fact::Quiet),
            speaking(1).then(accepted(11)).then(link_over(true)).then(Fact::Quiet),
        ),
        (
            "speech out",
            speaking(1).then(accepted(11)).then(says(given_up)).then(sent(&tell_out(1))),
            speaking(1).then(accepted(11)).then(Fact::GatewayCrashed { gateway: 0 }).then(Fact::Quiet),
        ),
        // One id for two messages.
        (
            "speech out",
            speaking(1)
                .then(accepted(11))
                .then(asked(12, Asked::Speech(tag(2))))
                .then(says(json!({"id": 12, "result": {"message_id": "tell_Alpha_11"}}))),
            speaking(1).then(accepted(11)).then(asked(12, Asked::Speech(tag(2)))).then(accepted(12)),
        ),
        // A mud that tells itself something, and a router that passes it on or does not.
        ("relay", routed().then(Fact::Quiet), routed().then(gave(&tell_self())).then(Fact::Quiet)),
        (
            "relay",
            routed().then(gave(&tell_self())).then(gave(&tell_self())),
            routed().then(Fact::RouterOver { link: LINK }).then(Fact::Quiet),
        ),
        (
            "relay",
            routed().then(gave(&tell_self().replace("\"Alpha\",\"u1", "\"Beta\",\"u1"))),
            routed().then(Fact::Flooded).then(Fact::Quiet),
        ),
        (
            "tells in",
            begun().then(came(&tell_in(1))).then(Fact::Quiet),
            begun().then(came(&tell_in(1))).then(told(1)).then(Fact::Quiet),
        ),
        (
            "tells in",
            begun().then(came(&tell_in(1))).then(told(1)).then(told(1)),
            begun().then(came(&tell_in(1))).then(Fact::SessionOver { session: GAME }).then(Fact::Quiet),
        ),
        (
            "tells in",
            begun().then(came(&tell_in(1))).then(came(&tell_in(2))).then(told(2)).then(told(1)),
            begun().then(came(&tell_in(1))).then(came(&tell_in(2))).then(told(1)).then(told(2)),
        ),
        // The game comes back and is not told; a game was told, or an observer.
        ("backlog", kept(None, |history| history), kept(Some(true), |history| history)),
        (
            "backlog",
            kept(Some(false), |history| history),
            kept(None, |history| history.after(251_000, event(9))),
        ),
        (
            "backlog",
            kept(None, |history| {
                history.then(Fact::TellSaved { tag: TOLD }).then(crash()).then(started(&[("*net", 77)]))
            }),
            kept(None, |history| history.then(crash()).then(started(&[("*net", 77)]))),
        ),
        // Given, and acknowledged or not.
        ("cursors", acknowledged(6, |history| history, false), acknowledged(7, |history| history, false)),
        (
            "cursors",
            acknowledged(6, |history| history.then(Fact::TellSaved { tag: TOLD }).then(crash()), false),
            acknowledged(6, |history| history.then(crash()), false),
        ),
        (
            "cursors",
            acknowledged(6, |history| history.after(200_000, event(9)), false),
            acknowledged(6, |history| history.after(251_000, event(9)), false),
        ),
        ("cursors", acknowledged(6, |history| history, false), acknowledged(6, |history| history, true)),
        ("ages", aged(321_000), aged(299_000)),
        ("bans", banned(|history| history, &[]), banned(|history| history, &[8])),
        ("bans", banned(removed, &[8]), banned(removed, &[])),
        (
            "bans",
            banned(|history| history, &[7]),
            banned(|history| history.then(asked(5, Asked::Unban(8))), &[]),
        ),
        (
            "identity",
            begun()
                .then(says(json!({"method": "tell_received", "params": {"to_mud": "Beta", "message": ""}}))),
            begun()
                .then(says(json!({"method": "tell_received", "params": {"to_mud": "Alpha", "message": ""}}))),
        ),
        (
            "identity",
            begun().then(says(json!({"method": "who_reply", "params": {"to_user": "u1_beta"}}))),
            begun().then(says(json!({"method": "who_reply", "params": {"to_user": "u1_Alpha"}}))),
        ),
        (
            "identity",
            begun().then(says(json!({"method": "channel_message", "params": {"channel": "code"}}))),
            begun().then(says(json!({"method": "channel_message", "params": {"channel": "chat"}}))),
        ),
        (
            "identity",
            begun().then(says(json!({"method": "error_occurred", "params": {"message_id": "tell_Beta_1"}}))),
            begun(),
        ),
        // After a crash: the durable one; never none, never an older one.
        ("passwords", again(&[("*net", 77)], 0), again(&[("*net", 77)], 77)),
        ("passwords", again(&[], 0), begun()),
        ("passwords", begun().after(2000, sent(&login(5))), begun().after(2000, sent(&login(77)))),
        (
            "passwords",
            begun().then(came(&reply(88))).after(2000, sent(&login(77))),
            begun().then(came(&reply(88))).then(link_over(true)).after(2000, sent(&login(77))),
        ),
        ("pace", tells_out(1100, 11, 50), tells_out(0, 4, 50)),
        ("pace", tells_out(0, 5, 50), tells_out(1100, 40, 101)),
        (
            "limits",
            begun().then(Fact::Holds { gateway: 0, bytes: 1_400_000, connections: 1 }),
            begun().then(Fact::Holds { gateway: 0, bytes: 1_400_000, connections: 2 }),
        ),
        ("event ids", begun().then(event(5)).then(event(5)), begun().then(event(5)).then(event(6))),
        ("event ids", second_life(7, 7), second_life(7, 101)),
        (
            "ready",
            begun().then(link_over(false)).then(asks.clone()).then(connected.clone()),
            begun().then(asks).then(link_over(false)).then(connected),
        ),
        (
            "ready",
            begun().then(link_over(false)).then(Fact::AllReady { gateway: 0 }),
            begun().then(Fact::AllReady { gateway: 0 }),
        ),
    ]
}

#[test]
fn each_rule_can_fail_and_passes_what_is_right() {
    assert_eq!(History::begun().then(Fact::Quiet).breaks(), None);
    let mut broken = BTreeSet::new();
    for (at, (rule, bad, good)) in table().into_iter().chain(people::rows()).enumerate() {
        assert_eq!(bad.breaks(), Some(rule), "row {at} is wrong");
        assert_eq!(good.breaks(), None, "row {at} is right");
        broken.insert(rule);
    }
    let oracles = Oracles::default();
    assert_eq!(broken, oracles.names().collect(), "every rule has a row");
}
