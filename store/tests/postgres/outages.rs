//! The server, or the way to it, fails.

use crate::node::{LEASE, Node, PATIENCE, change, database, entries, fence, open, save};
use crate::postgres::{Postgres, Stop};
use crate::proxy::Proxy;
use i3_core::machine::{Beat, SaveError, SaveTicket, Told};
use i3_store::{CommitError, FollowError, Report, SharedPlace, Writer};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// A session of the superuser that holds the lock of all saves, until it is told to end.
fn holding_the_lock(postgres: &Postgres, database: &str, during: impl FnOnce()) {
    thread::scope(|scope| {
        let locked = scope.spawn(|| {
            let _ = postgres.try_sql(
                database,
                "BEGIN; SELECT next FROM i3_position FOR UPDATE; SELECT pg_sleep(100) /* lock */",
            );
        });
        let sessions = "FROM pg_stat_activity WHERE query LIKE '%/* lock */%' AND pid <> pg_backend_pid() AND datname = current_database()";
        let started = Instant::now();
        let is_locked = format!("SELECT count(*) {sessions} AND wait_event = 'PgSleep'");
        while postgres.sql(database, &is_locked) != "1" {
            assert!(started.elapsed() < PATIENCE);
        }
        during();
        postgres.sql(database, &format!("SELECT pg_terminate_backend(pid) {sessions}"));
        locked.join().unwrap();
    });
}

fn away(outcome: Result<Vec<Result<(), Vec<String>>>, CommitError>) -> String {
    match outcome {
        Err(CommitError::Away(error)) => error.0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_save_whose_session_is_ended_in_the_middle_is_an_error_and_not_written() {
    let Some((postgres, name, place)) = database() else { return };
    let mut node = Node::start(&place, "a");
    node.save(&[change("s", "1", "")]);
    holding_the_lock(&postgres, &name, || {
        let doomed = thread::spawn(move || {
            let outcome = node.commit(&[save(&[change("s", "2", "")], &[])]);
            (node, away(outcome))
        });
        let waiting = "FROM pg_stat_activity WHERE query LIKE 'SELECT i3_save%' AND wait_event_type = 'Lock' AND datname = current_database()";
        let started = Instant::now();
        while postgres.sql(&name, &format!("SELECT count(pg_terminate_backend(pid)) {waiting}")) != "1" {
            assert!(started.elapsed() < PATIENCE);
        }
        let (node, error) = doomed.join().unwrap();
        assert!(error.contains("terminating connection"), "{error}");
        drop(node);
    });
    assert_eq!(entries(&place).len(), 1);
}

#[test]
fn a_save_that_waits_too_long_is_given_up_before_a_third_of_a_lease() {
    let Some((postgres, name, place)) = database() else { return };
    let mut node = Node::start(&place, "a");
    node.save(&[change("s", "1", "")]);
    holding_the_lock(&postgres, &name, || {
        let started = Instant::now();
        away(node.commit(&[save(&[change("s", "2", "")], &[])]));
        assert!(started.elapsed() < LEASE / 3, "{:?}", started.elapsed());
        // Leases are renewed meanwhile.
        let started = Instant::now();
        node.take(&["M"]);
        assert!(started.elapsed() < LEASE / 3);
    });
    node.save(&[change("s", "3", "")]);
    let keys: Vec<String> = entries(&place).into_iter().map(|entry| entry.key.to_string()).collect();
    assert_eq!(keys, ["1", "3"]);
}

/// The server commits, and its answer is lost.
#[test]
fn a_save_of_unknown_outcome_is_an_error_and_can_be_repeated() {
    let Some((postgres, _, place)) = database() else { return };
    let proxy = Proxy::to(postgres.port());
    let behind_proxy = SharedPlace {
        url: place.url.replace(&format!(":{}/", postgres.port()), &format!(":{}/", proxy.port)),
        password: None,
    };
    let mut node = Node::start(&behind_proxy, "a");
    node.save(&[change("s", "0", "")]);
    proxy.is_mute.store(true, Ordering::SeqCst);
    let doubtful = save(&[change("s", "1", "x"), change(">packet/M", "1.1", "y")], &[]);
    let started = Instant::now();
    let error = away(node.commit(std::slice::from_ref(&doubtful)));
    assert!(error.contains("no answer within"), "{error}");
    assert!(started.elapsed() < LEASE / 3, "{:?}", started.elapsed());
    assert_eq!(entries(&place).len(), 2, "the server has committed");
    proxy.is_mute.store(false, Ordering::SeqCst);
    let until = Instant::now() + PATIENCE;
    while node.commit(std::slice::from_ref(&doubtful)).is_err() {
        assert!(Instant::now() < until);
    }
    assert_eq!(entries(&place).len(), 2);
    let told = node.told(3);
    assert_eq!(told[1].changes, told[2].changes, "who is told can see by the keys that it is a repetition");
    proxy.is_cut.store(true, Ordering::SeqCst);
    proxy.cut();
    away(node.commit(&[doubtful]));
    assert!(matches!(node.roles.follower.news(), Err(FollowError::Away(_))));
}

/// What a node has given up may reach the server when the network is back, after what the node has done since.
#[test]
fn a_statement_that_comes_after_a_later_one_changes_nothing() {
    let Some((postgres, name, place)) = database() else { return };
    let mut node = Node::start(&place, "a");
    node.save(&[change("s", "k", "old")]);
    node.save(&[change("s", "k", "new")]);
    node.take(&["M"]);
    node.beat(&Beat { keep: vec![fence("M", 1)], ..Beat::default() });
    let save = "SELECT i3_save('boot of a', 1, '{}', '{}', false, '{}', '{}', '{}', '{s}', ARRAY['k'::bytea], \
                ARRAY['late'::bytea], '{4096}', ARRAY['\\x010000000000'::bytea])";
    let leave = "SELECT i3_beat('boot of a', 1, 'a', false, false, 20, '{}', '{}', '{M}', '{1}', '{}')";
    for late in [save, leave] {
        let error = postgres.try_sql(&name, late).unwrap_err();
        assert!(error.contains("a later statement of this node was there already"), "{error}");
    }
    assert_eq!(entries(&place), [change("s", "k", "new")]);
    assert_eq!(crate::node::holders(&node.beat(&Beat::default())), ["M=a#1"]);
    // The same statements in time are valid ones.
    postgres.sql(&name, &save.replace("a', 1", "a', 1000"));
    postgres.sql(&name, &leave.replace("a', 1", "a', 1000"));
    assert_eq!(entries(&place), [change("s", "k", "late")]);
    assert_eq!(postgres.sql(&name, "SELECT until <= clock_timestamp() FROM i3_lease"), "t");
}

#[test]
fn a_node_that_ends_without_the_server_does_not_wait_for_it_again_and_again() {
    let Some(postgres) = Postgres::start() else { return };
    let place = SharedPlace { url: postgres.database("ended"), password: None };
    let (writer, mut reports) = Reports::start(&place, "a");
    writer.submit(SaveTicket(0), save(&[change("s", "k", "")], &[]));
    assert_eq!(reports.saved(), (0, Ok(())));
    postgres.signal_all("STOP");
    let count = 1_000;
    for ticket in 1..=count {
        writer.submit(SaveTicket(ticket), save(&[change("s", "k", "")], &[]));
    }
    let started = Instant::now();
    writer.finish();
    assert!(started.elapsed() < LEASE, "{:?}", started.elapsed());
    let failed = (1..=count).filter(|ticket| matches!(reports.saved(), (n, Err(_)) if n == *ticket)).count();
    assert_eq!(failed as u64, count, "each ticket is answered");
}

/// The reports of a writer.
struct Reports {
    reports: Receiver<Report>,
    told: Vec<Told>,
    /// The beats up to which the log was told, each with the number of saves that were told before.
    followed: Vec<(u64, usize)>,
}

impl Reports {
    fn start(place: &SharedPlace, name: &str) -> (Writer, Reports) {
        let (sender, reports) = mpsc::sync_channel(10_000);
        let mut store = open(place, name);
        let start = store.load(usize::MAX, &mut drop).unwrap();
        let writer = Writer::spawn_node(store.roles(&start), move |report| drop(sender.send(report)));
        (writer, Reports { reports, told: Vec::new(), followed: Vec::new() })
    }

    /// The next report that is not about a save of a node, nor about how far the log was told. Those are kept.
    fn next(&mut self) -> Report {
        loop {
            match self.reports.recv_timeout(PATIENCE).expect("a report") {
                Report::Told(told) => self.told.push(told),
                Report::Followed(beat) => self.followed.push((beat, self.told.len())),
                other => return other,
            }
        }
    }

    /// The answer to a beat.
    fn beaten(&mut self, number: u64) -> Result<Vec<String>, String> {
        loop {
            match self.next() {
                Report::Beaten { beat, outcome } if beat == number => {
                    return outcome.map(|beaten| crate::node::holders(&beaten));
                }
                Report::Beaten { beat: 0, .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The answer to a save.
    fn saved(&mut self) -> (u64, Result<(), SaveError>) {
        loop {
            match self.next() {
                Report::Saved(ticket, outcome) => return (ticket.0, outcome),
                Report::Beaten { beat: 0, .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn take(mud: &str) -> Beat {
    Beat { take: vec![mud.to_owned()], ..Beat::default() }
}

#[test]
fn a_node_goes_on_after_a_restart_of_the_server() {
    let Some(postgres) = Postgres::start() else { return };
    let place = SharedPlace { url: postgres.database("restarted"), password: None };
    let (writer, mut reports) = Reports::start(&place, "a");
    let mut other = Node::start(&place, "b");
    let (mut ticket, mut written) = (0, Vec::new());
    let mut submit = |writer: &Writer, reports: &mut Reports| {
        ticket += 1;
        writer.submit(SaveTicket(ticket), save(&[change("s", &format!("{ticket:03}"), "")], &[]));
        let (answered, outcome) = reports.saved();
        assert_eq!(answered, ticket, "answers are in order");
        if outcome.is_ok() {
            written.push(format!("{ticket:03}"));
        }
        outcome
    };
    submit(&writer, &mut reports).unwrap();
    for how in [Stop::Immediate, Stop::Fast] {
        postgres.stop(how);
        let error = submit(&writer, &mut reports).unwrap_err().to_string();
        assert!(error.contains("postgres://gateway@127.0.0.1") && !error.contains("own"), "{error}");
        writer.beat(ticket_of(how), take("M"));
        assert!(reports.beaten(ticket_of(how)).is_err());
        sleep(Duration::from_millis(500));
        postgres.start_again();
        let until = Instant::now() + PATIENCE;
        while submit(&writer, &mut reports).is_err() {
            assert!(Instant::now() < until, "the node has not come back");
        }
    }
    writer.beat(9, take("M"));
    assert_eq!(reports.beaten(9), Ok(vec!["M=a#1".to_owned()]));
    other.save(&[change("s", "end", "")]);
    while reports.told.last().is_none_or(|told| told.boot != "boot of b") {
        match reports.reports.recv_timeout(PATIENCE).expect("all saves are told") {
            Report::Told(told) => reports.told.push(told),
            Report::Beaten { beat: 0, .. } | Report::Followed(_) => {}
            unexpected => panic!("{unexpected:?}"),
        }
    }
    let told: Vec<&str> = reports.told.iter().map(|told| told.changes[0].key.as_str()).collect();
    let all: Vec<String> = entries(&place).into_iter().map(|entry| entry.key.to_string()).collect();
    assert_eq!(told, all, "each save is told once, in order");
    assert!(written.iter().all(|key| all.contains(key)));
}

fn ticket_of(how: Stop) -> u64 {
    if how == Stop::Fast { 2 } else { 1 }
}

#[test]
fn a_beat_does_not_wait_for_saves_and_one_that_gives_leases_back_does() {
    let Some((postgres, name, place)) = database() else { return };
    let (writer, mut reports) = Reports::start(&place, "a");
    writer.beat(1, take("M"));
    assert_eq!(reports.beaten(1).unwrap(), ["M=a#1"]);
    let fenced = save(&[change("events/M", "1", "")], &[fence("M", 1)]);
    holding_the_lock(&postgres, &name, || {
        writer.submit(SaveTicket(1), fenced.clone());
        writer.beat(2, Beat { keep: vec![fence("M", 1)], ..Beat::default() });
        assert_eq!(reports.beaten(2).unwrap(), ["M=a#1"]);
        writer.beat(3, Beat { leave: vec![fence("M", 1)], ..Beat::default() });
        sleep(Duration::from_millis(300));
    });
    assert_eq!(reports.saved(), (1, Ok(())), "it was written under the lease");
    assert_eq!(reports.beaten(3).unwrap(), Vec::<String>::new());
    let mut other = Node::start(&place, "b");
    assert_eq!(crate::node::holders(&other.take(&["M"])), ["M=b#2"]);
    other.beat(&Beat { leave: vec![fence("M", 2)], is_gone: true, ..Beat::default() });
    writer.submit(SaveTicket(2), fenced);
    assert_eq!(reports.saved(), (2, Err(SaveError::Stale(vec!["M".to_owned()]))));
    // What was submitted before the end is done.
    writer.beat(4, take("M"));
    writer.beat(5, Beat { leave: vec![fence("M", 3)], is_gone: true, ..Beat::default() });
    writer.submit(SaveTicket(3), save(&[change("s", "last", "")], &[]));
    writer.finish();
    assert_eq!(entries(&place).last().unwrap().key, "last");
    assert_eq!(postgres.sql(&name, "SELECT epoch, until <= clock_timestamp() FROM i3_lease"), "3|t");
    assert_eq!(postgres.sql(&name, "SELECT count(*) FROM i3_node"), "0");
}

#[test]
fn a_node_learns_of_changes_of_leases_and_takes_a_mud_after_it_was_told_its_last_saves() {
    let Some((_postgres, _, place)) = database() else { return };
    let (writer, mut reports) = Reports::start(&place, "a");
    let mut former = Node::start(&place, "former");
    assert_eq!(crate::node::holders(&former.take(&["M"])), ["M=former#1"]);
    let view = |reports: &mut Reports, expected: &[&str]| {
        let until = Instant::now() + PATIENCE;
        loop {
            let Report::Beaten { beat: 0, outcome } = reports.next() else { panic!("an answer to no beat") };
            if crate::node::holders(&outcome.unwrap()) == expected {
                return;
            }
            assert!(Instant::now() < until);
        }
    };
    view(&mut reports, &["M=former#1"]);
    let count = 200;
    for at in 0..count {
        let last = save(&[change("out/M", &format!("{at:04}"), [0; 2_000])], &[fence("M", 1)]);
        assert_eq!(former.commit(&[last]), Ok(vec![Ok(())]));
    }
    former.beat(&Beat { leave: vec![fence("M", 1)], ..Beat::default() });
    writer.beat(1, take("M"));
    assert_eq!(reports.beaten(1).unwrap(), ["M=a#2"]);
    let told = reports.told.iter().filter(|told| told.boot == "boot of former").count();
    assert_eq!(told, count, "they were told before the answer");
    writer.finish();
}

#[test]
fn a_beat_is_followed_when_all_that_was_saved_before_it_was_told() {
    let Some((_postgres, _, place)) = database() else { return };
    let (writer, mut reports) = Reports::start(&place, "a");
    let mut other = Node::start(&place, "b");
    for beat in 1..=20 {
        other.save(&[change("s", &format!("{beat}"), "")]);
        writer.beat(beat, Beat::default());
        reports.beaten(beat).unwrap();
        while reports.followed.last().is_none_or(|(last, _)| *last < beat) {
            match reports.reports.recv_timeout(PATIENCE).expect("the log was told") {
                Report::Told(told) => reports.told.push(told),
                Report::Followed(beat) => reports.followed.push((beat, reports.told.len())),
                Report::Beaten { beat: 0, .. } => {}
                unexpected => panic!("{unexpected:?}"),
            }
        }
        let (_, told) = *reports.followed.last().unwrap();
        assert_eq!(told as u64, beat, "the save before the beat was told before");
    }
}
