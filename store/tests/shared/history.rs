//! Lines of the history for the tests of every store: what they are made of, and that a store finds what a look at each would find.

use i3_core::line;
use i3_core::machine::Change;
use i3_core::query::{Lanes, Order, Page, Query};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A day in microseconds.
pub(crate) const DAY: u64 = 86_400_000_000;

/// Number of lines of a save when it is measured.
const LINES_OF_SAVE: u64 = 20;

/// The value of a line, as the core saves it.
pub(crate) fn value(at: u64, channel: &str, user: &str, message: &str) -> Arc<[u8]> {
    let channel = match channel {
        "" => r#""to_mud":"Alpha","to_user":"ann""#.to_owned(),
        name => format!(r#""channel":"{name}""#),
    };
    format!(
        r#"{{"at":{at},"born":{at},"event":"channel_message","params":{{{channel},"from_mud":"Sage","from_user":"{user}","message":"{message}","visname":"{user}"}}}}"#
    )
    .into_bytes()
    .into()
}

pub(crate) fn put(id: u64, at: u64, channel: &str, message: &str) -> Change {
    line::put(&line::space_of("Alpha"), id, value(at, channel, "bob", message))
}

pub(crate) fn of(channel: &str) -> Query {
    let lanes = Lanes::Channel(channel.to_owned());
    Query { mud: "Alpha".to_owned(), lanes, limit: 100, ..Query::default() }
}

pub(crate) fn everything() -> Query {
    Query { lanes: Lanes::All, ..of("") }
}

pub(crate) fn ids(page: &Page) -> Vec<u64> {
    page.rows.iter().map(|row| row.id).collect()
}

/// All pages of an answer, up to so many rows.
pub(crate) fn pages(query: &Query, most: usize, mut page: impl FnMut(&Query) -> Page) -> Vec<u64> {
    let (mut query, mut found) = (query.clone(), Vec::new());
    loop {
        let page = page(&query);
        found.extend(ids(&page));
        match page.rest.filter(|_| found.len() < most) {
            Some(rest) => query = query.from(rest),
            None => return found,
        }
    }
}

/// Words as people use them: few often, many seldom.
pub(crate) fn message(id: u64) -> String {
    let word =
        |n: u64| format!("{}{}", ["dragon", "sword", "castle", "elf", "quest"][(n % 5) as usize], n % 997);
    format!("Line {id}: {} and {} met {}", word(id), word(id * 7), word(id * 31))
}

/// Four hundred lines of Alpha, and one of another mud.
pub(crate) fn four_hundred() -> Vec<Change> {
    let texts = [
        "Hello all",
        "CAF\u{c9} au lait",
        "say \\\"hi\\\" to %^RED%^Bob",
        "hello",
        "\u{212a}elvin",
        "x\\u0000y",
        "A*B OR C_D \\\\ E",
    ];
    let line = |id: u64| {
        let channel = ["chat", "news", ""][id as usize % 3];
        let user = ["bob", "Zoe", "\u{c4}nne"][id as usize % 7 % 3];
        line::put(
            &line::space_of("Alpha"),
            id,
            value(id * 1000, channel, user, texts[id as usize % texts.len()]),
        )
    };
    let other = line::put(&line::space_of("Beta"), 900, value(5, "chat", "bob", "hello from the other mud"));
    (1..=400).map(line).chain([other]).collect()
}

/// Compares what a store that has [`four_hundred`] finds with what a look at every line finds.
pub(crate) fn compare_with_every_line(mut page: impl FnMut(&Query) -> Page) {
    let lines = four_hundred();
    let value = |line: &'_ Change| line.value.clone().unwrap_or_default();
    let values: Vec<(u64, Arc<[u8]>)> = (1..).zip(lines[..400].iter().map(value)).collect();
    let every_line: Vec<(u64, &[u8])> = values.iter().map(|(id, value)| (*id, &value[..])).collect();
    let mut cases = 0;
    for text in [
        None,
        Some("hello"),
        Some("ello a"),
        Some("caf\u{e9}"),
        Some("kelvin"),
        Some("x"),
        Some("x\0y"),
        Some("hi"),
        Some("\"hi\" t"),
        Some("%^red%"),
        Some("b or"),
        Some("c_d \\ e"),
        Some("c%d"),
        Some("\u{e4}nne"),
        Some("nowhere"),
    ] {
        for lanes in [
            Lanes::All,
            Lanes::Channels,
            Lanes::Tells,
            Lanes::Channel("chat".into()),
            Lanes::Channel("gone".into()),
        ] {
            for order in [Order::Newest, Order::Oldest] {
                for (after, before, since, until) in [
                    (None, None, None, None),
                    (Some(100), Some(300), None, None),
                    (None, None, Some(100_000), Some(300_000)),
                    (Some(390), None, Some(395_000), None),
                ] {
                    let query = Query {
                        mud: "Alpha".to_owned(),
                        lanes: lanes.clone(),
                        order,
                        after,
                        before,
                        since,
                        until,
                        text: text.map(str::to_owned),
                        from_user: (cases % 3 == 0).then(|| "BOB".to_owned()),
                        born_after: if cases % 5 == 0 { 50_000 } else { 0 },
                        limit: 30,
                        ..Query::default()
                    };
                    let mut every: Vec<(u64, &[u8])> = every_line.clone();
                    if order == Order::Newest {
                        every.reverse();
                    }
                    let (found, expected) = (page(&query), query.page(every.into_iter()));
                    assert!(found.rows == expected.rows, "{query:?}: {:?}", ids(&found));
                    assert_eq!(found.rest.is_some(), expected.rest.is_some(), "{query:?}");
                    cases += 1;
                }
            }
        }
    }
    assert!(cases > 400);
    assert_eq!(ids(&page(&Query { mud: "Beta".to_owned(), limit: 9, ..Query::default() })), [900]);
    assert_eq!(page(&Query { mud: "Gamma".to_owned(), limit: 9, ..Query::default() }), Page::default());
}

/// Number of lines among which searches are measured.
fn lines() -> u64 {
    std::env::var("LINES").map_or(1_000_000, |lines| lines.parse().unwrap())
}

#[expect(clippy::print_stdout, reason = "the figures are its result")]
fn print(text: &str) {
    println!("{text}");
}

/// Saves the lines of sixty days, and prints how long that takes.
pub(crate) fn measure_saves(mut save: impl FnMut(&[Change])) {
    let step = 60 * DAY / lines();
    let channel = |id: u64| ["chat", "news", "ooc", "busy"][(id % 1000).min(3) as usize];
    let (mut bytes, mut slowest, begun) = (0, Duration::ZERO, Instant::now());
    for first in (1..=lines()).step_by(LINES_OF_SAVE as usize) {
        let lines = first..first + LINES_OF_SAVE;
        let changes: Vec<Change> = lines.map(|id| put(id, id * step, channel(id), &message(id))).collect();
        bytes += changes.iter().map(|change| change.value.as_ref().unwrap().len() as u64).sum::<u64>();
        let one = Instant::now();
        save(&changes);
        slowest = slowest.max(one.elapsed());
    }
    print(&format!(
        "{} lines, {LINES_OF_SAVE} in a save: {:?}, slowest save {slowest:?}; a value has {} bytes",
        lines(),
        begun.elapsed(),
        bytes / lines()
    ));
}

/// Prints how large a line is on disk.
pub(crate) fn print_size(bytes: u64) {
    print(&format!("on disk {} bytes a line", bytes / lines()));
}

/// Prints how long searches take.
pub(crate) fn measure_searches(mut page: impl FnMut(&Query) -> Page) {
    let search = |text: &str| Query { text: Some(text.to_owned()), ..everything() };
    let number = lines() / 3;
    for (what, query) in [
        ("newest of a channel", of("busy")),
        ("a page in the middle", Query { before: Some(lines() / 2), ..of("busy") }),
        ("by time, in the middle", Query { until: Some(30 * DAY), ..of("busy") }),
        ("newest of a channel with few lines", of("chat")),
        ("a line", search(&format!("line {number}:"))),
        ("a common word", search("dragon")),
        ("a word and its number", search("castle977 and")),
        (
            "a common word on a channel with few lines",
            Query { lanes: Lanes::Channel("chat".into()), ..search("dragon") },
        ),
        ("nothing that is there", search("basilisk")),
        ("letters that are there, but not so", search("castle elf dragon")),
        ("two letters that are nowhere", search("zq")),
    ] {
        let (mut query, mut pages, mut rows) = (query, 0, 0);
        let (mut slowest, begun) = (Duration::ZERO, Instant::now());
        loop {
            let one = Instant::now();
            let page = page(&query);
            slowest = slowest.max(one.elapsed());
            (pages, rows) = (pages + 1, rows + page.rows.len());
            match page.rest.filter(|_| rows < 100) {
                Some(rest) => query = query.from(rest),
                None => break,
            }
        }
        print(&format!("{what}: {rows} rows, {pages} pages, {:?}, slowest {slowest:?}", begun.elapsed()));
    }
}

/// Prints how long the first parts of removing what is too old take.
pub(crate) fn measure_shrinking(mut shrink: impl FnMut()) {
    let (mut slowest, begun) = (Duration::ZERO, Instant::now());
    for _ in 0..20 {
        let one = Instant::now();
        shrink();
        slowest = slowest.max(one.elapsed());
    }
    print(&format!("20 parts of what is too old: {:?}, slowest {slowest:?}", begun.elapsed()));
}
