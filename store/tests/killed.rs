//! A process that is killed while it writes: what was acknowledged is there afterwards, and no save by half.

#![cfg(unix)]

use i3_core::machine::{Change, Clear, SaveTicket};
use i3_store::{FencedSave, Report, Store, Writer, open};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// Names the file to a process that is to write until it is killed.
const STORM: &str = "I3_STORE_STORM";

/// How often.
const KILLS: u64 = 50;

/// Changes of one save.
const PARTS: u64 = 3;

fn part(ticket: u64, part: u64) -> Change {
    let key = format!("{ticket:09}/{part}");
    Change { space: "storm".into(), key: key.into(), value: Some([b'x'; 200].into()) }
}

/// Not a test of its own: what the other one starts and kills.
#[test]
fn storm() {
    let Some(path) = std::env::var_os(STORM) else { return };
    let mut store = open(path.to_str().unwrap()).unwrap();
    let first = tickets(&mut *store).last().map_or(0, |last| last + 1);
    let writer = Writer::spawn(store, |report| {
        let Report::Saved(ticket, outcome) = report else { panic!("{report:?}") };
        // Refused because too many wait: it is not acknowledged.
        if outcome.is_err() {
            return;
        }
        // One write call for a line: a kill cuts none in two.
        std::io::stderr().write_all(format!("saved {}\n", ticket.0).as_bytes()).unwrap();
    });
    for ticket in first.. {
        if !writer.submit(
            SaveTicket(ticket),
            FencedSave::new(Clear::Nothing, (0..PARTS).map(|n| part(ticket, n)).collect()),
        ) {
            std::thread::yield_now();
        }
    }
}

/// The saves in a store; panics when one is there by half.
fn tickets(store: &mut dyn Store) -> BTreeSet<u64> {
    let mut tickets = BTreeSet::new();
    let entries = store.load().unwrap().entries;
    for parts in entries.chunks(PARTS as usize) {
        let ticket = parts[0].key.split('/').next().unwrap().parse().unwrap();
        let whole: Vec<Change> = (0..PARTS).map(|n| part(ticket, n)).collect();
        assert_eq!(parts, whole);
        tickets.insert(ticket);
    }
    tickets
}

#[test]
fn what_was_acknowledged_survives_fifty_kills() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    let mut acknowledged = BTreeSet::new();
    for round in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "storm", "--nocapture"])
            .env(STORM, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        // Killed at another point of its work each time; what it had written to the pipe is still read.
        for (count, line) in (0_u64..).zip(lines) {
            let line = line.unwrap();
            let ticket = line.strip_prefix("saved ").unwrap_or_else(|| panic!("{line}"));
            acknowledged.insert(ticket.parse::<u64>().unwrap());
            if count == round * 7 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let mut store = open(path.to_str().unwrap()).unwrap();
        let there = tickets(&mut *store);
        let lost: Vec<_> = acknowledged.difference(&there).collect();
        assert!(lost.is_empty(), "round {round}: acknowledged and lost: {lost:?}");
        // A small file keeps the rounds quick.
        let gone: Vec<Change> = there
            .iter()
            .flat_map(|ticket| (0..PARTS).map(|n| Change { value: None, ..part(*ticket, n) }))
            .collect();
        store.commit(&gone).unwrap();
        acknowledged.clear();
    }
}
