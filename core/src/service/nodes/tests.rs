//! Two nodes that apply what the other one saves.

use super::shared;
use crate::clients::{Goodbye, Person};
use crate::delivery::{Delivery, To};
use crate::event::Event;
use crate::event::told::Told;
use crate::i3::Value;
use crate::i3::packet::{Body, Header, Packet};
use crate::ids::MudId;
use crate::machine::{Change, ConnId, Saved};
use crate::moderation::{Seen, Way};
use crate::service::{sessions, testing::Stage};
use crate::settings::{KeySettings, Permissions, RateLimits};
use crate::time::Instant;
use crate::wake::Wake;
use std::time::Duration;

const OWN: MudId = MudId::OWN;

/// Two nodes. The first one holds the mud Alpha.
fn two() -> [Stage; 2] {
    let mut stages = ["a", "b"].map(|name| Stage::at_node(name, &Saved::default()));
    stages[0].bench.fx.hold_mud("Alpha", 1);
    exchange(&mut stages);
    stages
}

/// Ends the turn of both nodes, and lets each apply what the other has saved, and the packets of games of both. Returns what that
/// was.
fn exchange([a, b]: &mut [Stage; 2]) -> [Vec<Change>; 2] {
    let [of_a, of_b] = [a.turn_ends(), b.turn_ends()];
    b.told("boot a", &of_a);
    a.told("boot b", &of_b);
    for stage in [a, b] {
        stage.handed_over(&of_a);
        stage.handed_over(&of_b);
    }
    [of_a, of_b]
}

/// All entries that are in the store after changes.
fn stored(changes: impl IntoIterator<Item = Change>) -> Saved {
    let mut entries = std::collections::BTreeMap::new();
    for change in changes {
        entries.insert((change.space.clone(), change.key.clone()), change);
    }
    Saved {
        entries: entries.into_values().filter(|change| change.value.is_some()).collect(),
        ..Saved::default()
    }
}

/// A tell comes in. On all nodes its event has the same id.
fn tell(stages: &mut [Stage; 2], message: &str) {
    let last = stages.iter().map(|stage| stage.journal.last_id()).max().unwrap_or(0);
    for stage in stages {
        while stage.journal.last_id() < last {
            stage.journal.next_id(&mut stage.bench.cx());
        }
        let [from_mud, from_user, to_mud, to_user, visname] =
            ["Sage", "bob", "Alpha", "ann", "Bob"].map(Into::into);
        let told = Told { from_mud, from_user, to_mud, to_user, message: message.into(), visname };
        let mut parts = stage.parts();
        let mut out = Delivery { clients: parts.clients, journal: parts.journal };
        out.emit(&mut parts.cx, To::Mud(OWN), &Event::TellReceived(told));
    }
}

/// Lets a session give its name, and returns what is replayed to it.
fn begin(stage: &mut Stage, conn: ConnId, client: Option<&str>) -> String {
    let (cx, mut out) =
        (&mut stage.bench.cx(), Delivery { clients: &mut stage.clients, journal: &mut stage.journal });
    out.start_reading(cx, conn, client, None).unwrap();
    out.replay(cx, conn);
    take(stage, conn)
}

/// Takes what is queued for a client.
fn take(stage: &mut Stage, conn: ConnId) -> String {
    let text = stage.taken(conn);
    let (cx, mut out) =
        (&mut stage.bench.cx(), Delivery { clients: &mut stage.clients, journal: &mut stage.journal });
    out.flushed(cx, conn);
    text
}

fn end(stage: &mut Stage, conn: ConnId) {
    sessions::ended(&mut stage.parts(), conn);
}

fn sent(stage: &mut Stage, router: ConnId) -> Vec<String> {
    let bytes = stage.taken(router);
    stage.muds.link_flushed(&mut stage.bench.cx(), OWN, router);
    bytes.split("({\"").skip(1).map(|frame| frame.split('"').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_ban_holds_on_all_nodes() {
    let mut stages = two();
    let [a, b] = [0, 1].map(|at: usize| stages[at].join(OWN));
    stages[1].ask(b, "ban_add", r#"{"pattern":"*@Spam"}"#).unwrap();
    exchange(&mut stages);
    let seen = Seen::new(Way::In, "tell", None).with("x", "Spam");
    let steady = stages[0].bench.cx().steady;
    let id = stages[0].muds[OWN].bans.stop(&seen, steady).map(|(id, _)| id).unwrap();
    stages[0].ask(a, "ban_remove", &format!(r#"{{"ban_id":{id}}}"#)).unwrap();
    exchange(&mut stages);
    assert!(stages[1].muds[OWN].bans.is_empty());
    // Both at once.
    stages[0].ask(a, "ban_add", r#"{"pattern":"*@One"}"#).unwrap();
    stages[1].ask(b, "ban_add", r#"{"pattern":"*@Two"}"#).unwrap();
    exchange(&mut stages);
    assert_eq!([0, 1].map(|at: usize| stages[at].muds[OWN].bans.len()), [2, 2]);
    shared::cleared(&mut stages[0].parts(), Some(OWN), crate::spaces::Space::Bans, "Alpha");
    assert!(stages[0].muds[OWN].bans.is_empty());
}

#[test]
fn a_named_client_goes_on_at_another_node_where_its_connection_was() {
    let mut stages = two();
    let a = stages[0].join(OWN);
    begin(&mut stages[0], a, Some("game"));
    exchange(&mut stages);
    tell(&mut stages, "one");
    assert!(take(&mut stages[0], a).contains("one"));
    tell(&mut stages, "two");
    let [saved, _] = exchange(&mut stages);
    assert!(
        saved.iter().any(|change| change.space == "clients/Alpha"),
        "in the turn of the event: {saved:?}"
    );
    end(&mut stages[0], a);
    exchange(&mut stages);
    let b = stages[1].join(OWN);
    let replayed = begin(&mut stages[1], b, Some("game"));
    assert!(replayed.contains("two") && !replayed.contains("one"), "{replayed}");
    // And back, although the first node has kept what it knew.
    let [_, of_b] = exchange(&mut stages);
    let again = stages[0].join(OWN);
    let replayed = begin(&mut stages[0], again, Some("game"));
    assert!(!replayed.contains("tell_received"), "{replayed}\n{of_b:?}");
}

#[test]
fn what_a_connection_has_not_taken_is_replayed_at_another_node() {
    let mut stages = two();
    let a = stages[0].join(OWN);
    begin(&mut stages[0], a, Some("game"));
    tell(&mut stages, "one");
    end(&mut stages[0], a);
    exchange(&mut stages);
    let b = stages[1].join(OWN);
    assert!(begin(&mut stages[1], b, Some("game")).contains("one"));
}

#[test]
fn what_a_game_without_a_name_has_taken_counts_on_all_nodes_and_after_a_restart() {
    let mut stages = two();
    let a = stages[0].join(OWN);
    begin(&mut stages[0], a, None);
    tell(&mut stages, "one");
    take(&mut stages[0], a);
    tell(&mut stages, "two");
    end(&mut stages[0], a);
    let [saved, _] = exchange(&mut stages);
    let mark: Vec<_> = saved.iter().filter(|change| change.space == "delivered").collect();
    assert_eq!(mark.len(), 1);
    assert_eq!(mark[0].key, "Alpha@a");
    let b = stages[1].join(OWN);
    let replayed = begin(&mut stages[1], b, None);
    assert!(replayed.contains("two") && !replayed.contains("one"), "{replayed}");
    end(&mut stages[1], b);
    // A third one starts, and finds the marks of both.
    let [_, of_b] = exchange(&mut stages);
    let events = stages[0].journal.log(OWN).entries().collect::<Vec<_>>();
    assert_eq!(events.len(), 2);
    for (marks, expected) in [(vec![], [true, true]), (saved, [false, true]), (of_b, [false, false])] {
        let saved = stored(events.iter().cloned().chain(marks));
        let mut third = Stage::at_node("c", &saved);
        third.bench.now.unix = stages[0].bench.now.unix;
        let c = third.join(OWN);
        let replayed = begin(&mut third, c, None);
        assert_eq!(["one", "two"].map(|text| replayed.contains(text)), expected, "{replayed}");
    }
}

#[test]
fn the_marks_of_a_node_that_is_gone_are_taken_over() {
    let mut stages = two();
    let a = stages[0].join(OWN);
    begin(&mut stages[0], a, None);
    tell(&mut stages, "one");
    take(&mut stages[0], a);
    end(&mut stages[0], a);
    let [mut all, _] = exchange(&mut stages);
    shared::node_gone(&mut stages[1].parts(), "boot a", Some("a"), true);
    all.extend(stages[1].turn_ends());
    all.extend(stages[1].journal.log(OWN).entries());
    let saved = stored(all);
    let keys = saved.entries.iter().filter(|entry| entry.space == "delivered").map(|entry| &*entry.key);
    assert_eq!(keys.collect::<Vec<_>>(), ["Alpha@b", "Beta@b"]);
    let mut third = Stage::at_node("c", &saved);
    let c = third.join(OWN);
    assert!(!begin(&mut third, c, None).contains("one"));
}

#[test]
fn presence_is_published_once_and_known_on_all_nodes() {
    let mut stages = two();
    let ttl = stages[0].bench.settings.api.presence_ttl;
    let b = stages[1].join(OWN);
    stages[1].ask(b, "presence_sync", r#"{"users":[{"name":"Ann","idle":3}]}"#).unwrap();
    stages[0].wait(Duration::from_secs(5));
    let [_, saved] = exchange(&mut stages);
    let (mut third, now) = (Stage::at_node("c", &stored(saved)), stages[0].bench.now);
    let known = stages[0].muds[OWN].presence.fresh(now.mono, ttl).unwrap();
    assert_eq!(known.find("ann").map(|user| known.idle(user)), Some(8));
    assert!(stages[0].muds[OWN].presence.fresh(now.mono + ttl, ttl).is_none());
    let restored = third.muds[OWN].presence.fresh(third.bench.now.mono, ttl);
    assert!(restored.is_some_and(|known| known.find("ann").is_some()));
    let changes = third.turn_ends();
    assert!(changes.iter().all(|change| change.space != "users/Alpha"), "{changes:?}");
}

#[test]
fn sessions_of_all_nodes_are_listed_and_ended() {
    let mut stages = two();
    let [a, b] = [0, 1].map(|at: usize| stages[at].join(OWN));
    begin(&mut stages[1], b, Some("game"));
    stages[1].clients.get_mut(b).unwrap().client_name = Some("game".into());
    exchange(&mut stages);
    let listed = stages[0].ask(a, "sessions", "{}").unwrap();
    assert!(listed.contains(r#""count":2"#), "{listed}");
    assert!(
        listed.contains(
            r#""session_id":"b 0","mud_name":"Alpha","key_name":null,"client":"game","role":"game""#
        ),
        "{listed}"
    );
    assert!(listed.contains(r#""node":"a""#) && listed.contains(r#""node":"b""#), "{listed}");
    let rest = stages[0].ask(a, "sessions", r#"{"after":0}"#).unwrap();
    assert!(rest.contains(r#""count":1"#) && rest.contains("b 0"), "{rest}");
    assert!(stages[0].ask(a, "stats", "{}").unwrap().contains(r#""session_count":2"#));
    // Another mud neither sees nor ends it.
    let other = stages[0].join(MudId::at(1));
    assert!(!stages[0].ask(other, "sessions", "{}").unwrap().contains("b 0"));
    assert!(stages[0].ask(other, "kick", r#"{"session_id":"b 0"}"#).is_err());
    assert!(stages[0].ask(a, "kick", r#"{"session_id":"b 9"}"#).is_err());
    stages[0].ask(a, "kick", r#"{"session_id":"b 0"}"#).unwrap();
    let [kick, _] = exchange(&mut stages);
    assert!(kick.iter().any(|change| change.space == ">kick/boot b"), "{kick:?}");
    // A save may be repeated.
    stages[1].told("boot a", &kick);
    assert!(!stages[1].clients.stays(b));
    assert!(stages[1].taken(b).contains("fault the session was ended by an administrator"));
    let dismissal = stages[1].clients.poll_dismissal();
    assert!(dismissal.is_some_and(|dismissal| dismissal.goodbye == Goodbye::Policy));
    assert_eq!(stages[1].bench.metrics.sessions_kicked, 1);
    let actions: Vec<_> = stages[1].run.audit.iter().collect();
    assert_eq!((actions.len(), actions[0].method, &*actions[0].mud_name), (1, "kick", "Alpha"));
    assert!(actions[0].by.starts_with("Alpha, from"), "{}", actions[0].by);
    end(&mut stages[1], b);
    exchange(&mut stages);
    assert!(stages[0].ask(a, "sessions", r#"{"after":5}"#).unwrap().contains(r#""count":0"#));
}

#[test]
fn the_holder_alone_listens_for_subscribers_anywhere_and_leaves_after_the_last() {
    let mut stages = two();
    let router = stages[0].log_in(OWN);
    stages[1].bench.fx.hold_mud("Alpha", 1);
    let other = stages[1].log_in(OWN);
    stages[1].bench.fx.let_go_mud("Alpha");
    let [a, b] = [0, 1].map(|at: usize| stages[at].join(OWN));
    exchange(&mut stages);
    stages[1].ask(b, "channel_join", r#"{"channel":"chat"}"#).unwrap();
    exchange(&mut stages);
    // The packet that follows from it.
    exchange(&mut stages);
    assert_eq!(
        (sent(&mut stages[0], router), sent(&mut stages[1], other)),
        (vec!["channel-listen".to_owned()], vec![])
    );
    assert!(stages[0].taken(a).contains(r#"channel_joined {"channel":"chat","session_id":"b 1"}"#));
    assert!(stages[0].clients.audience.has(OWN, "chat"));
    stages[0].ask(a, "channel_join", r#"{"channel":"chat"}"#).unwrap();
    exchange(&mut stages);
    assert_eq!(stages[1].clients.audience.count(OWN, "chat"), 2);
    stages[0].ask(a, "channel_leave", r#"{"channel":"chat"}"#).unwrap();
    exchange(&mut stages);
    exchange(&mut stages);
    assert!(sent(&mut stages[0], router).is_empty(), "there is still a subscriber");
    stages[1].ask(b, "channel_leave", r#"{"channel":"chat"}"#).unwrap();
    exchange(&mut stages);
    exchange(&mut stages);
    stages[0].wait(Duration::from_secs(2));
    stages[0].muds.pump(&mut stages[0].bench.cx(), OWN);
    assert_eq!(
        (sent(&mut stages[0], router), sent(&mut stages[1], other)),
        (vec!["channel-listen".to_owned()], vec![])
    );
    assert!(stages[0].taken(a).contains("channel_left"));
    // Both leave in the same moment, and neither knows of the other.
    for (at, conn) in [(0, a), (1, b)] {
        stages[at].ask(conn, "channel_join", r#"{"channel":"code"}"#).unwrap();
    }
    exchange(&mut stages);
    exchange(&mut stages);
    for (at, conn) in [(0, a), (1, b)] {
        stages[at].ask(conn, "channel_leave", r#"{"channel":"code"}"#).unwrap();
    }
    exchange(&mut stages);
    exchange(&mut stages);
    for _ in 0..3 {
        stages[0].wait(Duration::from_secs(2));
        stages[0].muds.pump(&mut stages[0].bench.cx(), OWN);
    }
    assert_eq!(sent(&mut stages[0], router).len(), 2, "one to listen and one to leave");
    assert!(sent(&mut stages[1], other).is_empty());
}

#[test]
fn a_channel_lingers_on_all_nodes_and_a_new_node_knows_its_subscribers() {
    let mut stages = two();
    stages[0].bench.settings.api.events.keep_channels = Duration::from_secs(60);
    let b = stages[1].join(OWN);
    stages[1].ask(b, "channel_join", r#"{"channel":"chat"}"#).unwrap();
    let [_, saved] = exchange(&mut stages);
    let third = Stage::at_node("c", &stored(saved));
    assert_eq!(third.clients.audience.channels(OWN).collect::<Vec<_>>(), ["chat"]);
    assert!(third.clients.elsewhere.boots().eq([("boot b", "b")]));
    end(&mut stages[1], b);
    exchange(&mut stages);
    let audience = &mut stages[0].clients.audience;
    assert!(!audience.has(OWN, "chat") && audience.lingers(OWN, "chat"));
    // A node that has died leaves its channels in the same way.
    let b = stages[1].join(OWN);
    stages[1].ask(b, "channel_join", r#"{"channel":"code"}"#).unwrap();
    exchange(&mut stages);
    shared::node_gone(&mut stages[0].parts(), "boot b", None, true);
    let audience = &mut stages[0].clients.audience;
    assert!(!audience.has(OWN, "code") && audience.lingers(OWN, "code"));
    let removed = stages[0].turn_ends();
    let removed: Vec<_> = removed.iter().filter(|change| change.space == "session/boot b").collect();
    assert!(matches!(removed[..], [Change { value: None, .. }]), "{removed:?}");
    // It was not dead. It learns that its sessions were removed, and saves them again.
    let removed: Vec<Change> = removed.into_iter().cloned().collect();
    stages[1].told("boot a", &removed);
    exchange(&mut stages);
    assert!(stages[0].clients.audience.has(OWN, "code"));
    assert_eq!(stages[0].clients.elsewhere.len(), 1);
}

#[test]
fn users_with_a_session_at_another_node_are_online() {
    let mut stages = two();
    let b = stages[1].join(OWN);
    let now = stages[1].bench.now.mono;
    stages[1].clients.get_mut(b).unwrap().person = Some(Person::new("Ann", now));
    exchange(&mut stages);
    let found = |stage: &Stage| {
        let found = crate::service::persons::find(&stage.clients, OWN, "ANN");
        found.map(|shown| (shown.user.to_owned(), shown.away.map(str::to_owned)))
    };
    assert_eq!(found(&stages[0]), Some(("Ann".to_owned(), None)));
    stages[1].clients.get_mut(b).unwrap().person.as_mut().unwrap().away = Some("tea".to_owned());
    stages[1].clients.changed(b);
    exchange(&mut stages);
    assert_eq!(found(&stages[0]).and_then(|(_, away)| away).as_deref(), Some("tea"));
    // Somebody who goes on speaking is not told of each time.
    stages[1].wait(Duration::from_secs(59));
    let now = stages[1].bench.now.mono;
    stages[1].clients.has_said(b, now);
    let [_, saved] = exchange(&mut stages);
    assert!(saved.is_empty(), "{saved:?}");
    stages[1].wait(Duration::from_secs(1));
    let now = stages[1].bench.now.mono;
    stages[1].clients.has_said(b, now);
    assert_eq!(exchange(&mut stages)[1].len(), 1);
    end(&mut stages[1], b);
    exchange(&mut stages);
    assert_eq!(found(&stages[0]), None);
}

#[test]
fn a_message_is_judged_at_the_node_of_its_judge_alone() {
    let mut stages = two();
    let router = stages[0].log_in(OWN);
    let [a, b] = [0, 1].map(|at: usize| stages[at].join(OWN));
    let ask = |stages: &mut [Stage; 2]| {
        let header = Header { from_user: Some("bob".into()), ..Header::broadcast("Sage", None) };
        let body =
            Body::ChannelMessage { channel: "chat".into(), visname: "Bob".into(), message: "hi".into() };
        let packet: Value<'static> = Packet { header, body }.to_value().into_owned();
        for stage in stages {
            let mut parts = stage.parts();
            let mut out = Delivery { clients: parts.clients, journal: parts.journal };
            let asked = ("chat", &packet);
            crate::service::filter::asked(&mut parts.cx, parts.muds, parts.filters, &mut out, OWN, asked);
        }
    };
    let events = |stages: &mut [Stage; 2]| {
        [(0, a), (1, b)]
            .map(|(at, conn): (usize, ConnId)| stages[at].taken(conn).contains("channel_filter_request"))
    };
    ask(&mut stages);
    exchange(&mut stages);
    assert_eq!(sent(&mut stages[0], router)[0], "chan-filter-reply", "nobody judges");
    stages[1].ask(b, "channel_filter", r#"{"channel":"chat"}"#).unwrap();
    exchange(&mut stages);
    ask(&mut stages);
    exchange(&mut stages);
    assert_eq!((events(&mut stages), sent(&mut stages[0], router).len()), ([false, true], 0));
    // The last one to register judges.
    stages[0].wait(Duration::from_secs(1));
    stages[0].ask(a, "channel_filter", r#"{"channel":"chat"}"#).unwrap();
    exchange(&mut stages);
    exchange(&mut stages);
    ask(&mut stages);
    exchange(&mut stages);
    assert_eq!((events(&mut stages), sent(&mut stages[0], router).len()), ([true, false], 0));
    end(&mut stages[0], a);
    exchange(&mut stages);
    assert!(!stages[1].filters.is_left_to_others(OWN, "chat"));
}

#[test]
fn what_a_node_lets_through_is_told_after_a_while_and_nothing_when_it_is_idle() {
    let mut stages = two();
    let key = KeySettings::new([9; 32], "Alpha", Permissions::ALL);
    let holder = crate::clients::rates::Holder::Key([9; 32]);
    for stage in &mut stages {
        stage.bench.settings.api.keys = Some(vec![key.clone()]);
        let limits = RateLimits { per_minute: 60, burst: 5, by_method: std::collections::BTreeMap::new() };
        stage.bench.settings.api.rate_limits = Some(limits);
    }
    let admit = |stage: &mut Stage| {
        let limits = stage.bench.settings.api.rate_limits.clone().unwrap();
        stage.clients.rates.admit(holder, &limits, None, "ping", stage.bench.now.mono).is_ok()
    };
    assert!(admit(&mut stages[0]) && admit(&mut stages[0]));
    assert!(exchange(&mut stages)[0].is_empty());
    let due = Instant::from_micros(250_000);
    assert_eq!(stages[0].bench.timers.get(Wake::Used), Some(due));
    stages[0].wait(Duration::from_millis(250));
    let [told, _] = exchange(&mut stages);
    assert_eq!((told.len(), &*told[0].space), (1, ">used/boot a"));
    assert_eq!(stages[0].bench.timers.get(Wake::Used), None);
    assert_eq!((0..9).filter(|_| admit(&mut stages[1])).count(), 3);
    stages[0].wait(Duration::from_secs(5));
    assert!(exchange(&mut stages)[0].is_empty());
}
