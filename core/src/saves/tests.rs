//! Saves that fail, and what is written instead.

use super::*;
use smol_str::format_smolstr;
use std::collections::BTreeMap;
use std::sync::Arc;

#[test]
fn what_another_node_may_write_is_not_repeated_and_the_rest_is_at_once() {
    let mut saves = Saves::default();
    let other = Change { space: "other".into(), ..put("a", "1") };
    assert!(saves.add(NOW, T(1), &[put("a", "1"), other.clone()]));
    saves.let_go(&["s".into()]);
    saves.refused(T(1));
    assert!(!saves.is_failing());
    assert_eq!(saves.retry_after(), Some(Duration::ZERO));
    assert_eq!(retry(&mut saves, 2), [other]);
    assert_eq!(saves.answered(T(2), true), Turn::None);
    assert_eq!(saves.durable_before(), T(u64::MAX));
}

#[test]
fn a_message_that_the_log_has_told_is_not_saved_again() {
    let mut saves = Saves::default();
    saves.share();
    let message = |key: &str| Change { space: ">packet/M".into(), ..put(key, "x") };
    assert!(saves.add(NOW, T(1), &[message("1"), put("a", "1")]));
    assert!(saves.add(NOW, T(2), &[message("2")]));
    // One is told before its answer, the other one after it.
    assert!(!saves.told(&">packet/M".into(), &"1".into()));
    assert_eq!(saves.answered(T(1), false), Turn::Failed);
    assert_eq!(saves.answered(T(2), false), Turn::None);
    assert_eq!((saves.waiting(), saves.durable_before()), (2, T(1)));
    assert!(saves.told(&">packet/M".into(), &"2".into()) && saves.is_failing());
    assert_eq!(retry(&mut saves, 3), [put("a", "1")]);
    // While it is repeated.
    saves.add(NOW, T(4), &[message("4")]);
    assert_eq!(saves.answered(T(3), false), Turn::None);
    retry(&mut saves, 5);
    assert!(saves.told(&">packet/M".into(), &"4".into()));
    assert_eq!(saves.answered(T(5), true), Turn::Recovered);
    assert_eq!((saves.waiting(), saves.durable_before()), (0, T(u64::MAX)));
}

fn put(key: &str, value: &str) -> Change {
    Change { space: "s".into(), key: key.into(), value: Some(value.as_bytes().into()) }
}

fn delete(key: &str) -> Change {
    Change { value: None, ..put(key, "") }
}

const T: fn(u64) -> SaveTicket = SaveTicket;

const NOW: Instant = Instant::ORIGIN;

/// What a retry saves when nothing is written anew.
fn retry(saves: &mut Saves, ticket: u64) -> Vec<Change> {
    let again = saves.retry(NOW, T(ticket), |clear| panic!("{clear:?}"));
    let (clear, changes) = again.unwrap();
    assert_eq!(clear, Clear::Nothing);
    changes
}

#[test]
fn a_failed_change_is_saved_again_but_never_over_a_newer_one() {
    let mut saves = Saves::default();
    assert!(saves.add(NOW, T(1), &[put("a", "1"), put("b", "1")]));
    assert!(saves.add(NOW, T(2), &[put("a", "2")]));
    assert!(saves.add(NOW, T(3), &[put("c", "3")]));
    assert_eq!(saves.answered(T(1), false), Turn::Failed);
    assert_eq!(saves.answered(T(2), true), Turn::None);
    assert_eq!(saves.durable_before(), T(1));
    assert!(saves.retry_after().is_none(), "one is still on its way");
    assert!(!saves.add(NOW, T(4), &[put("b", "4"), put("d", "4")]));
    assert_eq!(saves.answered(T(3), false), Turn::None);
    assert_eq!(saves.retry_after(), Some(RETRY_DELAY));
    assert_eq!(retry(&mut saves, 5), [put("b", "4"), put("c", "3"), put("d", "4")]);
    assert!(!saves.add(NOW, T(6), &[put("c", "6")]), "it waits behind the others");
    assert_eq!(saves.answered(T(5), false), Turn::None);
    assert_eq!(saves.retry_after(), Some(RETRY_DELAY * 2));
    assert_eq!(retry(&mut saves, 7), [put("b", "4"), put("c", "6"), put("d", "4")]);
    assert!(!saves.add(NOW, T(8), &[put("d", "8")]));
    assert_eq!(saves.answered(T(7), true), Turn::Recovered);
    assert_eq!(saves.durable_before(), T(8));
    assert_eq!(saves.retry_after(), Some(Duration::ZERO));
    assert_eq!(retry(&mut saves, 9), [put("d", "8")]);
    assert_eq!(saves.answered(T(9), true), Turn::None);
    assert_eq!((saves.durable_before(), saves.retry_after(), saves.waiting()), (T(u64::MAX), None, 0));
    assert_eq!(saves.waiting.bytes(), 0);
    assert!(saves.add(NOW, T(10), &[put("a", "10")]));
}

#[test]
fn a_save_is_not_durable_because_a_later_one_of_its_key_waits() {
    let mut saves = Saves::default();
    assert!(saves.add(NOW, T(1), &[put("a", "1")]));
    saves.answered(T(1), false);
    saves.add(NOW, T(2), &[put("a", "2")]);
    assert_eq!(saves.durable_before(), T(1), "neither value is in the store");
    retry(&mut saves, 3);
    saves.add(NOW, T(4), &[put("a", "4")]);
    saves.add(NOW, T(5), &[put("a", "5")]);
    assert_eq!(saves.durable_before(), T(1));
    saves.answered(T(3), false);
    assert_eq!(saves.durable_before(), T(1));
    retry(&mut saves, 6);
    saves.add(NOW, T(7), &[put("a", "7")]);
    saves.add(NOW, T(8), &[put("a", "8")]);
    saves.answered(T(6), true);
    assert_eq!(saves.durable_before(), T(7), "the value of 5 is in the store");
    // A save in flight that fails is not durable because a newer value waits.
    let mut saves = Saves::default();
    assert!(saves.add(NOW, T(1), &[put("a", "1")]) && saves.add(NOW, T(2), &[put("b", "2")]));
    saves.answered(T(1), false);
    saves.add(NOW, T(3), &[put("b", "3")]);
    saves.answered(T(2), false);
    retry(&mut saves, 4);
    saves.answered(T(4), true);
    assert_eq!(saves.durable_before(), T(u64::MAX));
}

#[test]
fn of_too_much_that_waits_no_deletion_is_lost_and_the_largest_space_is_written_anew() {
    let mut saves = Saves::default();
    for n in 1..=IN_FLIGHT_MAX as u64 {
        assert!(saves.add(NOW, T(n), &[put("a", "x")]));
    }
    let value = "x".repeat(10_000);
    let events = |change: Change| Change { space: "events/Alpha".into(), ..change };
    let first = IN_FLIGHT_MAX as u64 + 1;
    for n in 0..1_000 {
        let event = events(put(&format!("{n:020}"), &value));
        let removed = events(delete(&format!("{:020}", n + 5_000)));
        let password = put(&format!("{}", n % 3), "1");
        assert!(!saves.add(NOW, T(first + n), &[event, removed, password]));
        assert!(saves.waiting.bytes() <= WAITING_BYTES_MAX);
    }
    assert_eq!((saves.waiting.len(), saves.rewrites()), (3, 1), "the passwords wait");
    assert_eq!(saves.durable_before(), T(1));
    for n in 1..=IN_FLIGHT_MAX as u64 {
        saves.answered(T(n), true);
    }
    assert_eq!(saves.durable_before(), T(first), "the first that had to wait");
    let kept = events(put("kept", "1"));
    let space = Clear::Spaces(vec!["events/Alpha".into()]);
    let (clear, changes) = saves.retry(NOW, T(2_000), |_| vec![kept.clone()]).unwrap();
    assert_eq!((&clear, changes.len(), &changes[0]), (&space, 4, &kept));
    // What comes now is newer than what is being written. A failure begins again with all of it.
    saves.add(NOW, T(2_001), &[events(put("new", "2"))]);
    assert_eq!(saves.answered(T(2_000), false), Turn::Failed);
    assert_eq!(saves.durable_before(), T(first));
    let (clear, changes) = saves.retry(NOW, T(2_002), |_| vec![kept.clone()]).unwrap();
    assert_eq!((clear, changes.len()), (space, 4), "the new one is in memory, or has left it");
    assert_eq!(saves.answered(T(2_002), true), Turn::Recovered);
    assert_eq!((saves.durable_before(), saves.waiting(), saves.waiting.bytes()), (T(u64::MAX), 0, 0));
}

#[test]
fn a_change_that_waited_is_not_written_over_a_space_that_is_written_anew() {
    let mut saves = Saves::default();
    for n in 1..=IN_FLIGHT_MAX as u64 {
        assert!(saves.add(NOW, T(n), &[put("a", "x")]));
    }
    let event = |key: &str| Change { space: "events/Alpha".into(), ..put(key, &"x".repeat(70_000)) };
    let other = Change { space: "events/Alpha2".into(), ..put("1", "1") };
    assert!(!saves.add(NOW, T(1_000), &[event("1"), other.clone()]));
    // Now its event 1 may leave memory, and nobody saves that.
    assert!(!saves.saves_each("events/Alpha", T(1_001)));
    for n in 1..=IN_FLIGHT_MAX as u64 {
        saves.answered(T(n), true);
    }
    assert_eq!((saves.durable_before(), saves.waiting()), (T(1_000), 3));
    let (_, changes) = saves.retry(NOW, T(1_002), |_| vec![event("2")]).unwrap();
    assert_eq!(changes, [event("2"), other]);
    // The same when that save fails.
    saves.add(NOW, T(1_003), &[event("3")]);
    assert_eq!(saves.answered(T(1_002), false), Turn::Failed);
    let (_, changes) = saves.retry(NOW, T(1_004), |_| vec![event("4")]).unwrap();
    assert_eq!(changes.len(), 2);
    assert_eq!(saves.answered(T(1_004), true), Turn::Recovered);
    assert_eq!((saves.durable_before(), saves.waiting(), saves.waiting.bytes()), (T(u64::MAX), 0, 0));
}

#[test]
fn lines_of_the_history_are_written_anew_from_memory_and_never_removed() {
    let mut saves = Saves::default();
    assert!(saves.add(NOW, T(1), &[put("a", "x")]));
    saves.answered(T(1), false);
    let value: Arc<[u8]> = vec![b'x'; 100_000].into();
    for id in 2..40 {
        saves.add(NOW, T(id), &[line::put(&line::space_of("Alpha"), id, value.clone())]);
        assert!(saves.waiting.bytes() <= WAITING_BYTES_MAX);
    }
    let newest = line::put(&line::space_of("Alpha"), 39, value);
    let contents = |parts: &Clear| {
        assert_eq!(parts, &Clear::Spaces(vec![newest.space.clone()]));
        vec![newest.clone()]
    };
    let (clear, changes) = saves.retry(NOW, T(50), contents).unwrap();
    assert_eq!((clear, changes[0] == newest), (Clear::Nothing, true));
    assert_eq!(saves.answered(T(50), true), Turn::Recovered);
}

#[test]
fn a_flood_of_lines_that_goes_on_waits_for_no_more_of_them_and_comes_to_an_end() {
    let mut saves = Saves::default();
    let space = line::space_of("Alpha");
    let line = |id: u64| line::put(&space, id, vec![b'x'; 1_000].into());
    let mut ids = 1..;
    let mut flood = |saves: &mut Saves, lines: usize| {
        for id in ids.by_ref().take(lines) {
            saves.add(NOW, T(id), &[line(id)]);
        }
    };
    flood(&mut saves, 5_000);
    assert!(saves.anew.covers(&space));
    for id in 1..=IN_FLIGHT_MAX as u64 {
        saves.answered(T(id), true);
    }
    assert_eq!(saves.retry_after(), Some(FLOOD_PAUSE));
    for (lines, is_flood) in [(1_000, true), (500, true), (50, false)] {
        let ticket = T(10_000 + lines as u64);
        let first = saves.durable_before();
        let (_, changes) = saves.retry(NOW, ticket, |_| vec![line(9_999)]).unwrap();
        assert_eq!((changes.len(), saves.anew.covers(&space)), (1, false));
        flood(&mut saves, lines);
        assert_eq!(saves.anew.covers(&space), is_flood, "{lines}");
        assert!(saves.waiting.bytes() < 2 * EACH_WAITING_BYTES_MAX);
        saves.answered(ticket, true);
        assert!(first < saves.durable_before() && saves.durable_before() < ticket);
        let pause = if is_flood { FLOOD_PAUSE } else { Duration::ZERO };
        assert_eq!(saves.retry_after(), Some(pause));
    }
    let (_, changes) = saves.retry(NOW, T(20_000), |_| unreachable!()).unwrap();
    assert_eq!(changes.len(), 50, "each of the last ones by itself");
    saves.answered(T(20_000), true);
    assert_eq!((saves.durable_before(), saves.retry_after()), (T(u64::MAX), None));
}

#[test]
fn much_that_waits_is_saved_in_parts() {
    let mut saves = Saves::default();
    saves.share();
    let of = |space: &str, key: u64| Change {
        space: space.into(),
        key: format_smolstr!("{key:04}"),
        value: Some(vec![b'x'; 10_000].into()),
    };
    assert!(saves.add(NOW, T(1), &[of(">packet/M", 0)]));
    assert_eq!(saves.answered(T(1), false), Turn::Failed);
    for key in 1..500 {
        saves.add(NOW, T(1 + key), &[of(">packet/M", key)]);
    }
    for (at, space) in ["events/A", "events/B"].into_iter().enumerate() {
        saves.write_anew(space, T(600 + at as u64));
    }
    let contents = |clear: &Clear| match clear {
        Clear::Spaces(spaces) => (0..250).map(|key| of(&spaces[0], key)).collect(),
        other => panic!("{other:?}"),
    };
    let (mut ticket, mut saved, mut cleared) = (1_000, Vec::new(), Vec::new());
    while let Some((clear, changes)) = saves.retry(NOW, T(ticket), contents) {
        let bytes: usize = changes.iter().map(bytes_of_change).sum();
        assert!(bytes < 2 * RETRY_BYTES_MAX, "{bytes}");
        assert!(saves.is_failing() && saves.durable_before() <= T(602));
        if let Clear::Spaces(spaces) = clear {
            cleared.extend(spaces);
        }
        // One that is not in this part comes again.
        if ticket == 1_000 {
            saves.add(NOW, T(1_001), &[of(">packet/M", 499)]);
        }
        let is_last = saved.len() + changes.len() == 1_000;
        let turn = saves.answered(T(ticket), true);
        assert_eq!(turn, if is_last { Turn::Recovered } else { Turn::None });
        saved.extend(changes);
        ticket += 10;
    }
    assert!(ticket >= 1_040 && cleared == ["events/A", "events/B"]);
    let packets: Vec<&Change> = saved.iter().filter(|change| change.space == ">packet/M").collect();
    assert!(packets.is_sorted_by_key(|change| &change.key) && packets.len() == 500);
    assert_eq!((saves.durable_before(), saves.waiting(), saves.waiting.bytes()), (T(u64::MAX), 0, 0));
}

#[test]
fn messages_to_other_nodes_are_never_written_anew() {
    let mut saves = Saves::default();
    saves.share();
    let value: Arc<[u8]> = vec![b'x'; 5_000].into();
    let of = |space: &str, key: SmolStr| Change { space: space.into(), key, value: Some(value.clone()) };
    assert!(saves.add(NOW, T(1), &[of(">packet/M", "first".into())]));
    saves.answered(T(1), false);
    for n in 0..1_000u64 {
        saves.add(NOW, T(2 + n), &[of(">packet/M", format_smolstr!("{n}")), of("ban/M", "1".into())]);
    }
    assert_eq!((saves.waiting(), saves.rewrites(), saves.waiting.largest().map_or(0, |_| 1)), (1_002, 0, 0));
    assert!(saves.waiting.bytes() > WAITING_BYTES_MAX);
    // A space that can be written anew is.
    saves.add(NOW, T(9_000), &[of("events/M", "1".into())]);
    assert_eq!((saves.waiting(), saves.rewrites(), saves.waiting.largest().map_or(0, |_| 1)), (1_003, 1, 0));
    assert!(saves.anew.covers("events/M"));
}

#[test]
fn bytes_in_flight_are_limited_too() {
    let mut saves = Saves::default();
    let value = "x".repeat(IN_FLIGHT_BYTES_MAX / 2);
    assert!(saves.add(NOW, T(1), &[put("a", &value)]) && saves.add(NOW, T(2), &[put("b", &value)]));
    assert!(!saves.add(NOW, T(3), &[put("c", "1")]));
    saves.answered(T(1), true);
    saves.answered(T(2), true);
    assert_eq!(retry(&mut saves, 4), [put("c", "1")]);
    assert_eq!((saves.answered(T(4), true), saves.in_flight_bytes), (Turn::None, 0));
}

#[test]
fn a_store_that_has_lost_everything_is_written_anew() {
    let mut saves = Saves::default();
    assert!(saves.add(NOW, T(1), &[put("a", "1")]));
    assert_eq!(saves.answered(T(1), true), Turn::None);
    assert_eq!(saves.lost(T(2)), Turn::Failed);
    assert_eq!(saves.lost(T(2)), Turn::None, "it is said once");
    assert!(!saves.add(NOW, T(2), &[put("b", "2")]));
    assert_eq!((saves.durable_before(), saves.retry_after()), (T(2), Some(RETRY_DELAY)));
    let whole = || vec![put("a", "1"), put("b", "2")];
    let (clear, changes) = saves.retry(NOW, T(3), |_| whole()).unwrap();
    assert_eq!((clear, changes), (Clear::Everything, whole()));
    saves.add(NOW, T(4), &[put("c", "4")]);
    assert_eq!((saves.answered(T(3), false), saves.durable_before()), (Turn::None, T(2)));
    let (clear, _) = saves.retry(NOW, T(5), |_| whole()).unwrap();
    assert_eq!((clear, saves.answered(T(5), true)), (Clear::Everything, Turn::Recovered));
    assert_eq!((saves.durable_before(), saves.waiting()), (T(u64::MAX), 0));
    // While it is being written anew, it is lost once more.
    saves.lost(T(6));
    saves.retry(NOW, T(6), |_| whole());
    saves.lost(T(7));
    assert_eq!(saves.answered(T(6), true), Turn::None);
    assert!(saves.is_failing() && saves.durable_before() <= T(7));
    // A save that was on its way when the store was lost is not durable.
    let mut saves = Saves::default();
    assert!(saves.add(NOW, T(1), &[put("a", "1")]));
    saves.lost(T(2));
    saves.answered(T(1), false);
    assert_eq!(saves.durable_before(), T(1));
}

/// A store that can fail, with the saves on their way to it, and the lines that are in memory.
struct Flooded {
    saves: Saves,
    ticket: u64,
    works: bool,
    on_the_way: VecDeque<(SaveTicket, Vec<Change>)>,
    /// The next line of the history.
    id: u64,
    /// The newest lines of each space, with their ids.
    memory: BTreeMap<SmolStr, VecDeque<u64>>,
    /// The lines that were in the store, whatever became of it.
    saved: BTreeSet<Name>,
}

const FLOODED_LINES_MAX: usize = 300;

impl Flooded {
    fn new() -> Self {
        Flooded {
            saves: Saves::default(),
            ticket: 0,
            works: true,
            on_the_way: VecDeque::new(),
            id: 0,
            memory: BTreeMap::new(),
            saved: BTreeSet::new(),
        }
    }

    fn line(space: &SmolStr, id: u64) -> Change {
        line::put(space, id, vec![b'x'; 1_000].into())
    }

    fn next_ticket(&mut self) -> SaveTicket {
        self.ticket += 1;
        SaveTicket(self.ticket)
    }

    fn line_comes(&mut self, space: &SmolStr) {
        self.id += 1;
        let lines = self.memory.entry(space.clone()).or_default();
        lines.push_back(self.id);
        if lines.len() > FLOODED_LINES_MAX {
            lines.pop_front();
        }
        if !self.saves.drops_line(space, self.id) {
            let (ticket, change) = (self.next_ticket(), Flooded::line(space, self.id));
            if self.saves.add(NOW, ticket, std::slice::from_ref(&change)) {
                self.on_the_way.push_back((ticket, vec![change]));
            }
        }
    }

    fn answer(&mut self) {
        let Some((ticket, changes)) = self.on_the_way.pop_front() else { return };
        if self.works {
            self.saved.extend(changes.into_iter().map(|change| (change.space, change.key)));
        }
        self.saves.answered(ticket, self.works);
    }

    /// Another node takes the mud, and this one forgets its lines.
    fn let_go(&mut self, space: &SmolStr) {
        self.memory.remove(space);
        self.saves.let_go(std::slice::from_ref(space));
    }

    fn retry(&mut self) {
        let ticket = self.next_ticket();
        let memory = &self.memory;
        let contents = |clear: &Clear| {
            let spaces = memory.iter().filter(|(space, _)| clear.covers(space));
            spaces.flat_map(|(space, ids)| ids.iter().map(|id| Flooded::line(space, *id))).collect()
        };
        if let Some((_, changes)) = self.saves.retry(NOW, ticket, contents) {
            self.on_the_way.push_back((ticket, changes));
        }
    }
}

#[test]
fn of_a_mud_that_another_node_has_taken_no_line_is_dropped_later() {
    let mut flooded = Flooded::new();
    let space = line::space_of("Alpha");
    (0..5_000).for_each(|_| flooded.line_comes(&space));
    while !flooded.on_the_way.is_empty() {
        flooded.answer();
    }
    flooded.retry();
    flooded.let_go(&space);
    flooded.works = false;
    flooded.answer();
    assert_eq!(flooded.saved.len() as u64 + flooded.saves.lines_lost(), 5_000);
    assert!(!flooded.saves.drops_line(&space, 5_001));
    assert_eq!((flooded.saves.waiting(), flooded.saves.durable_before()), (0, T(u64::MAX)));
}

#[test]
fn a_line_under_way_when_another_node_takes_its_mud_is_lost_if_its_save_fails() {
    for (works, lost) in [(true, 0), (false, 10)] {
        let mut flooded = Flooded::new();
        let space = line::space_of("Alpha");
        (0..10).for_each(|_| flooded.line_comes(&space));
        flooded.let_go(&space);
        flooded.works = works;
        (0..10).for_each(|_| flooded.answer());
        assert_eq!((flooded.saved.len() as u64, flooded.saves.lines_lost()), (10 - lost, lost));
    }
}

#[test]
fn each_line_is_saved_or_counted_as_lost() {
    let mut lost = 0;
    for seed in 0..25 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut flooded = Flooded::new();
        let spaces = ["Alpha", "Beta"].map(line::space_of);
        for _ in 0..60 {
            match rng.u8(..21) {
                20 => flooded.let_go(&spaces[rng.usize(..2)]),
                0..6 => {
                    let (lines, both) = (rng.usize(..3_000), rng.bool());
                    for _ in 0..lines {
                        flooded.line_comes(&spaces[if both { rng.usize(..2) } else { 0 }]);
                    }
                }
                6..14 => (0..rng.usize(..300)).for_each(|_| flooded.answer()),
                14..18 => flooded.retry(),
                18 if flooded.on_the_way.is_empty() => flooded.works = rng.bool(),
                19 if rng.u8(..4) == 0 => {
                    // The answers that are on their way come from the store that is gone.
                    flooded.works = false;
                    let next = SaveTicket(flooded.ticket + 1);
                    flooded.saves.lost(next);
                    while !flooded.on_the_way.is_empty() {
                        flooded.answer();
                    }
                }
                _ => {}
            }
        }
        while !flooded.on_the_way.is_empty() {
            flooded.answer();
        }
        flooded.works = true;
        while flooded.saves.durable_before() != T(u64::MAX) {
            flooded.retry();
            flooded.answer();
        }
        assert_eq!(flooded.saved.len() as u64 + flooded.saves.lines_lost(), flooded.id, "seed {seed}");
        lost += flooded.saves.lines_lost();
    }
    assert!(lost > 10_000, "{lost} lost in all");
}
