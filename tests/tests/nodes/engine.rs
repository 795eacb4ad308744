//! The model of the engine itself: its semantics are those of the engine in use.

use bytes::Bytes;
use i3_core::machine::{
    Beat, Beaten, Change, Clear, ConnId, Fence, Input, Listener, Machine, Output, POSITIONS_OF_SAVE, Refused,
    SaveError, SaveTicket, Told,
};
use i3_core::time::{Instant, Now};
use i3_tests::world::{EngineWeather, Record, World};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(15);

/// A machine that asks what a test tells it to, and remembers the answers.
#[derive(Default)]
struct Probe {
    outputs: VecDeque<Output>,
    saved: Vec<(u64, Result<(), SaveError>)>,
    beaten: Vec<(u64, Result<Beaten, String>)>,
    told: Vec<Told>,
}

impl Machine for Probe {
    type Wake = ();

    fn accept(&mut self, _: Now, _: Listener, _: SocketAddr) -> Result<ConnId, Refused> {
        Err(Refused::WrongListener)
    }

    fn handle(&mut self, _: Now, input: Input<'_>) {
        match input {
            Input::Saved { ticket, outcome } => self.saved.push((ticket.0, outcome)),
            Input::Beaten { beat, outcome } => self.beaten.push((beat, outcome)),
            Input::Told(told) => self.told.push(told),
            _ => {}
        }
    }

    fn handle_timeout(&mut self, _: Now) {}

    fn poll_timeout(&self) -> Option<(Instant, ())> {
        None
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn take_bytes(&mut self, _: ConnId, _: usize, _: &mut Vec<Bytes>) -> usize {
        0
    }
}

struct Bench {
    world: World,
    tickets: u64,
}

impl Bench {
    fn new() -> Bench {
        let mut world = World::new(1, usize::MAX);
        world.records = Some(Vec::new());
        world.share(LEASE);
        let mut bench = Bench { world, tickets: 0 };
        bench.start("a");
        bench.start("b");
        bench
    }

    fn start(&mut self, node: &str) -> bool {
        self.world.start_node(node, |_, _, _| Probe::default())
    }

    fn probe(&self, node: &str) -> &Probe {
        self.world.machine(node)
    }

    fn put(&mut self, node: &str, output: Output) {
        self.world.with(node, |probe: &mut Probe, _| probe.outputs.push_back(output));
    }

    fn save(
        &mut self,
        node: &str,
        space: &str,
        key: &str,
        value: Option<&str>,
        fences: &[(&str, u64)],
    ) -> u64 {
        self.tickets += 1;
        let value = value.map(|value| value.as_bytes().into());
        let changes = vec![Change { space: space.into(), key: key.into(), value }];
        let fences =
            fences.iter().map(|(mud, epoch)| Fence { mud: (*mud).to_owned(), epoch: *epoch }).collect();
        let ticket = SaveTicket(self.tickets);
        self.put(node, Output::Save { ticket, clear: Clear::Nothing, changes, fences });
        self.tickets
    }

    fn beat(&mut self, node: &str, ask: Beat) {
        self.tickets += 1;
        let beat = self.tickets;
        self.put(node, Output::Beat { beat, ask });
    }

    fn take(&mut self, node: &str, mud: &str) {
        self.beat(node, Beat { take: vec![mud.to_owned()], ..Beat::default() });
    }

    /// The holder and the epoch, by what a node was answered last.
    fn seen(&self, node: &str) -> Vec<(String, u64)> {
        let Some((_, Ok(beaten))) = self.probe(node).beaten.last() else { panic!("{node} has no answer") };
        beaten.leases.iter().map(|lease| (lease.boot.clone(), lease.fence.epoch)).collect()
    }

    fn wait(&mut self, seconds: u64) {
        self.world.wait(Duration::from_secs(seconds));
    }
}

#[test]
fn all_nodes_are_told_all_saves_in_one_order() {
    let mut bench = Bench::new();
    bench.save("a", "ban", "1", Some("x"), &[]);
    bench.save("b", "ban", "2", Some("y"), &[]);
    bench.save("a", ">kick/b-1", "3", Some("zzzzzzzz"), &[]);
    bench.wait(1);
    let told = &bench.probe("a").told;
    assert_eq!(told, &bench.probe("b").told);
    let ends: Vec<(u64, u64)> = told.iter().map(|told| (told.position, told.end)).collect();
    let save = POSITIONS_OF_SAVE;
    assert_eq!(
        ends,
        [(save, 2 * save), (2 * save, 3 * save), (3 * save, 4 * save + 64 + 2)],
        "a passing change has positions of its own"
    );
    assert_eq!(told.iter().map(|told| told.boot.as_str()).collect::<Vec<_>>(), ["a-1", "b-1", "a-1"]);
    let keys: Vec<&str> = bench.world.engine().entries().keys().map(|(_, key)| key.as_str()).collect();
    assert_eq!(keys, ["1", "2"], "what passes is not kept");
}

#[test]
fn a_fence_holds_until_the_mud_is_taken() {
    let mut bench = Bench::new();
    bench.take("a", "Alpha");
    assert_eq!(bench.seen("a"), [("a-1".to_owned(), 1)]);
    bench.take("b", "Alpha");
    assert_eq!(bench.seen("b"), [("a-1".to_owned(), 1)], "nobody takes what is another's");
    let good = bench.save("a", "events/Alpha", "1", Some("x"), &[("Alpha", 1)]);
    let foreign = bench.save("b", "events/Alpha", "2", Some("x"), &[("Alpha", 1)]);
    let wrong = bench.save("a", "events/Alpha", "3", Some("x"), &[("Alpha", 2)]);
    bench.wait(16);
    let late = bench.save("a", "events/Alpha", "4", Some("x"), &[("Alpha", 1)]);
    bench.take("b", "Alpha");
    let too_late = bench.save("a", "events/Alpha", "5", Some("x"), &[("Alpha", 1)]);
    let stale = || Err(SaveError::Stale(vec!["Alpha".to_owned()]));
    assert_eq!(
        bench.probe("a").saved,
        [(good, Ok(())), (wrong, stale()), (late, Ok(())), (too_late, stale())]
    );
    assert_eq!(bench.probe("b").saved, [(foreign, stale())]);
    assert_eq!(bench.world.engine().entries().len(), 2, "a stale save writes nothing");
    assert_eq!(bench.seen("b"), [("b-1".to_owned(), 2)]);
    assert_eq!(bench.world.holder_of("Alpha"), Some("b"));
}

#[test]
fn a_lease_is_kept_and_given_back_by_its_holder_alone() {
    let mut bench = Bench::new();
    bench.take("a", "Alpha");
    let fence = |epoch| vec![Fence { mud: "Alpha".to_owned(), epoch }];
    for _ in 0..4 {
        bench.wait(10);
        bench.beat("a", Beat { keep: fence(1), ..Beat::default() });
    }
    assert_eq!(bench.seen("a"), [("a-1".to_owned(), 1)]);
    bench.beat("b", Beat { leave: fence(1), ..Beat::default() });
    assert_eq!(bench.seen("b"), [("a-1".to_owned(), 1)]);
    let told_so_far = bench.probe("b").beaten.iter().filter(|(beat, _)| *beat == 0).count();
    bench.beat("a", Beat { leave: fence(1), is_draining: true, ..Beat::default() });
    let told = bench.probe("b").beaten.iter().filter(|(beat, _)| *beat == 0).count();
    assert_eq!((told, bench.seen("b")), (told_so_far + 1, vec![]), "the others are told at once");
    bench.take("b", "Alpha");
    assert_eq!(bench.seen("b"), [("b-1".to_owned(), 2)], "the epoch grows");
    bench.wait(16);
    bench.beat("b", Beat { keep: fence(2), ..Beat::default() });
    assert_eq!(bench.seen("b"), [("b-1".to_owned(), 2)], "nobody has taken it since it ran out");
    bench.wait(16);
    bench.take("a", "Alpha");
    bench.beat("b", Beat { keep: fence(2), ..Beat::default() });
    assert_eq!(bench.seen("a"), [("a-1".to_owned(), 3)], "what another one has taken is not prolonged");
}

#[test]
fn nodes_are_there_for_three_leases() {
    let mut bench = Bench::new();
    bench.beat("a", Beat::default());
    bench.beat("b", Beat { is_draining: true, ..Beat::default() });
    let nodes = |bench: &Bench| {
        let Some((_, Ok(beaten))) = bench.probe("b").beaten.last() else { panic!("no answer") };
        beaten.nodes.iter().map(|node| (node.name.clone(), node.is_draining)).collect::<Vec<_>>()
    };
    assert_eq!(nodes(&bench), [("a".to_owned(), false), ("b".to_owned(), true)]);
    bench.wait(46);
    bench.beat("b", Beat::default());
    assert_eq!(nodes(&bench), [("b".to_owned(), false)]);
    bench.beat("b", Beat { is_gone: true, ..Beat::default() });
    assert_eq!(nodes(&bench), []);
}

#[test]
fn a_node_that_starts_is_told_the_last_minute_before_its_snapshot_and_all_that_follows() {
    let mut bench = Bench::new();
    // A minute in which saves were made, and a pause, which counts 5 seconds.
    let keys: Vec<String> = (0..15).map(|key| format!("{key:02}")).collect();
    for key in &keys {
        bench.save("a", "ban", key, Some("x"), &[]);
        bench.wait(if key == "13" { 600 } else { 5 });
    }
    bench.world.crash("b");
    bench.world.start_node("b", |saved, boot, _| {
        assert_eq!((boot, saved.entries.len()), ("b-2", keys.len()));
        assert_eq!(saved.position, keys.len() as u64 * POSITIONS_OF_SAVE);
        Probe::default()
    });
    bench.save("a", "ban", "newest", Some("x"), &[]);
    bench.wait(1);
    let told: Vec<&str> = bench.probe("b").told.iter().map(|told| told.changes[0].key.as_str()).collect();
    assert_eq!(told, keys[2..].iter().map(String::as_str).chain(["newest"]).collect::<Vec<_>>());
}

#[test]
fn a_node_that_slept_for_an_hour_finds_a_hole() {
    let mut bench = Bench::new();
    bench.world.pause("b", Duration::from_secs(2 * 3600));
    bench.save("a", "ban", "1", Some("x"), &[]);
    bench.wait(3700);
    bench.save("a", "ban", "2", Some("x"), &[]);
    bench.wait(3600);
    let holes = |bench: &mut Bench| {
        let records = bench.world.records.as_mut().map(std::mem::take).unwrap_or_default();
        records.iter().filter(|record| matches!(record, Record::Hole { node: 1 })).count()
    };
    assert!(holes(&mut bench) > 0);
    assert_eq!(bench.probe("b").told, []);
}

#[test]
fn nothing_gets_through_to_a_node_that_is_cut_off_and_then_everything_does() {
    let mut bench = Bench::new();
    bench.world.cut_engine("b", true);
    let ticket = bench.save("b", "ban", "1", Some("x"), &[]);
    bench.take("b", "Alpha");
    bench.save("a", "ban", "2", Some("x"), &[]);
    bench.wait(5);
    assert!(matches!(bench.probe("b").saved[..], [(one, Err(SaveError::Failed(_)))] if one == ticket));
    assert!(matches!(bench.probe("b").beaten[..], [(_, Err(_))]));
    assert_eq!((bench.probe("a").told.len(), bench.probe("b").told.len()), (1, 0));
    bench.world.cut_engine("b", false);
    bench.wait(2);
    assert_eq!(bench.probe("b").told.len(), 1);
    assert_eq!(bench.world.holder_of("Alpha"), None, "a beat that was given up has no effect");
    bench.world.engine_mut().is_up = false;
    bench.save("b", "ban", "3", Some("x"), &[]);
    bench.wait(1);
    assert!(matches!(bench.probe("b").saved.last(), Some((_, Err(SaveError::Failed(_))))));
    assert!(!bench.start("b"), "nobody starts without the engine");
}

#[test]
fn an_outcome_may_be_unknown() {
    for (weather, written_at_once, written_later) in [
        (EngineWeather { fails: 1.0, ..EngineWeather::default() }, false, false),
        (EngineWeather { unknown: 1.0, ..EngineWeather::default() }, true, true),
        (EngineWeather { late: 1.0, ..EngineWeather::default() }, false, true),
    ] {
        let mut bench = Bench::new();
        bench.world.engine_weather = weather.clone();
        bench.save("a", "ban", "1", Some("x"), &[]);
        assert!(matches!(bench.probe("a").saved[..], [(_, Err(SaveError::Failed(_)))]), "{weather:?}");
        let is_written = |bench: &Bench| !bench.world.engine().entries().is_empty();
        assert_eq!(is_written(&bench), written_at_once, "{weather:?}");
        bench.world.engine_weather = EngineWeather::default();
        // A transaction that is still open ends before the next begins.
        bench.save("a", "ban", "1", None, &[]);
        bench.wait(3);
        assert!(!is_written(&bench), "{weather:?}");
        assert_eq!(bench.probe("b").told.len(), 1 + usize::from(written_later), "{weather:?}");
    }
}

#[test]
fn what_only_a_holder_may_write_needs_its_fence() {
    let mut bench = Bench::new();
    bench.take("a", "Alpha");
    bench.save("a", "link/Alpha", "state", Some("1"), &[]);
    bench.save("a", "link/Alpha", "state", Some("1"), &[("Alpha", 1)]);
    let records = bench.world.records.take().unwrap_or_default();
    let broke = records.iter().filter(|record| matches!(record, Record::Broke { .. })).count();
    assert_eq!(broke, 1);
}
