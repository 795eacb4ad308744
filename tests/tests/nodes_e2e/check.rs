//! What must be true of a cluster when all is quiet again, whatever has happened to it.

use crate::cluster::{Helpless, receiver, two_at_once};
use crate::game::{Event, Game, Outcome};
use crate::relay::Frame;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A message goes out a second time only if its holder was killed, stopped or cut off from the database so soon after it
/// had sent it.
const TWICE_WITHIN: Duration = Duration::from_secs(3);

/// A node that was cut off sends until it notices that: a request to the database takes a quarter of the lease at most.
const NOTICED_WITHIN: Duration = Duration::from_secs(2);

/// What a gateway has given to its socket may be lost with the connection, so long after the request.
const LOST_WITHIN: Duration = Duration::from_secs(5);

/// How long after a router has dropped a packet as part of a flood it goes once more: it waits for 5 s, and for others.
const AGAIN_WITHIN: Duration = Duration::from_secs(20);

/// What a connection has taken of a client that acknowledges nothing is saved within this time.
const SAVED_WITHIN: Duration = Duration::from_millis(500);

/// What a test has done to nodes.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// When nodes could not close their connections.
    pub(crate) helpless: Vec<Helpless>,
    /// When nodes were killed, stopped or cut off from the database.
    pub(crate) struck: Vec<(usize, Instant)>,
    /// When the links of nodes were cut, with what was on its way.
    pub(crate) cut: Vec<(usize, Instant)>,
}

/// What has been checked, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Messages that were answered `sent`.
    pub(crate) sent: usize,
    /// Messages that were refused, and those without an answer.
    pub(crate) refused: usize,
    pub(crate) unknown: usize,
    /// Messages that went out twice, as they may after a kill.
    pub(crate) twice: usize,
    /// Messages that went out more than once at a router that has dropped some of them as part of a flood.
    pub(crate) again: usize,
    /// Messages that were lost with a connection to the router.
    pub(crate) lost: usize,
    /// Messages of which the gateway has said later that they were not sent.
    pub(crate) given_up: usize,
    /// Events that games have received.
    pub(crate) events: usize,
}

/// Checks all of it. The error is the first fault.
pub(crate) fn check(
    frames: &[Frame],
    muds: &[String],
    games: &[Game],
    done: &Done,
) -> Result<Counts, String> {
    if let Some(fault) = two_at_once(frames, muds, &done.helpless) {
        return Err(fault);
    }
    let mut counts = Counts::default();
    let sent = sent_by_text(frames);
    for game in games {
        messages(game, &sent, (done, &floods(frames, &game.mud)), &mut counts)?;
        cursors(game)?;
        counts.events += game.with(|log| log.events.len());
    }
    for mud in muds {
        let games: Vec<&Game> = games.iter().filter(|game| game.mud == *mud).collect();
        alike(&games, &sent)?;
    }
    Ok(counts)
}

/// When the router has said that it takes a mud for one that floods: what it has dropped goes once more.
fn floods<'f>(frames: &'f [Frame], mud: &str) -> Vec<Instant> {
    let is_flood = |frame: &&'f Frame| {
        let text = &frame.text;
        !frame.up
            && frame.kind() == "error"
            && text.to_lowercase().contains("flood")
            && receiver(frame) == Some(mud)
    };
    frames.iter().filter(is_flood).map(|frame| frame.at).collect()
}

/// When, and by which node, each text was sent to the router.
fn sent_by_text(frames: &[Frame]) -> BTreeMap<&str, Vec<(usize, Instant)>> {
    let mut sent: BTreeMap<&str, Vec<(usize, Instant)>> = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame.up && matches!(frame.kind(), "tell" | "channel-m")) {
        // The text is the last field.
        let text = frame.text.rsplit('"').nth(1).unwrap_or_default();
        sent.entry(text).or_default().push((frame.relay, frame.at));
    }
    sent
}

/// What was answered `sent` went out once; what was refused did not.
fn messages(
    game: &Game,
    sent: &BTreeMap<&str, Vec<(usize, Instant)>>,
    (done, floods): (&Done, &[Instant]),
    counts: &mut Counts,
) -> Result<(), String> {
    let name = &game.name;
    game.with(|log| {
        for (text, message) in &log.messages {
            let went = sent.get(text.as_str()).map_or(&[][..], Vec::as_slice);
            let is_given_up = log.given_up.contains(text);
            match &message.outcome {
                Outcome::Sent => counts.sent += 1,
                // It waits at its node, and goes out if the database is back before the node ends.
                Outcome::Refused(error) if error["data"]["reason"] == "not_saved" => counts.unknown += 1,
                Outcome::Refused(error) => {
                    counts.refused += 1;
                    if !went.is_empty() {
                        return Err(format!("{name}: {text} was refused and sent: {error}"));
                    }
                    if error["code"] != -32004 || error["data"]["retryable"] != true {
                        return Err(format!("{name}: {text} was refused in an unusual way: {error}"));
                    }
                }
                Outcome::Unknown => counts.unknown += 1,
            }
            match went {
                [] if message.outcome != Outcome::Sent => {}
                [] if is_given_up => counts.given_up += 1,
                [] => {
                    let window = message.asked..message.answered + LOST_WITHIN;
                    if !done.cut.iter().any(|(_, at)| window.contains(at)) {
                        let [asked, answered] = [message.asked, message.answered].map(|at| at.elapsed());
                        return Err(format!(
                            "{name}: {text} was answered \"sent\" and never sent: asked {asked:?} and answered {answered:?} ago"
                        ));
                    }
                    counts.lost += 1;
                }
                [_] => {}
                [(_, first), ..] if floods.iter().any(|at| (*first..*first + AGAIN_WITHIN).contains(at)) => {
                    counts.again += 1;
                }
                [(node, first), _] => {
                    let window = *first - NOTICED_WITHIN..*first + TWICE_WITHIN;
                    if !done.struck.iter().any(|(struck, at)| struck == node && window.contains(at)) {
                        return Err(format!("{name}: {text} was sent twice: {went:?}"));
                    }
                    counts.twice += 1;
                }
                more => return Err(format!("{name}: {text} was sent {} times: {more:?}", more.len())),
            }
            if is_given_up && !went.is_empty() {
                return Err(format!("{name}: {text} was given up and sent"));
            }
        }
        Ok(())
    })
}

/// A game is told each event once, in order, and nothing again that it has had.
fn cursors(game: &Game) -> Result<(), String> {
    let name = &game.name;
    game.with(|log| {
        let mut last: BTreeMap<(usize, bool), u64> = BTreeMap::new();
        let mut had: BTreeMap<u64, (usize, Instant)> = BTreeMap::new();
        for Event { id, text, session, is_line, at } in &log.events {
            if let Some(before) = last.insert((*session, *is_line), *id)
                && before >= *id
            {
                return Err(format!("{name}: {text} came with the id {id} after {before}"));
            }
            let acked = log.sessions[*session].acked;
            if game.acks && *id <= acked {
                return Err(format!("{name}: {text} ({id}) came again after {acked} was acknowledged"));
            }
            let (first, had_at) = *had.entry(*id).or_insert((*session, *at));
            let left = log.sessions[first].left;
            if !game.acks && first != *session && left.is_some_and(|left| had_at + SAVED_WITHIN < left) {
                return Err(format!("{name}: {text} ({id}) came again after the game had left in order"));
            }
        }
        Ok(())
    })
}

/// All games of a mud are told the same under the same ids, and none of them misses anything. What went out twice has two ids.
fn alike(games: &[&Game], sent: &BTreeMap<&str, Vec<(usize, Instant)>>) -> Result<(), String> {
    let mut texts: BTreeMap<u64, String> = BTreeMap::new();
    let mut ids: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    let mut had: Vec<BTreeSet<u64>> = Vec::new();
    for game in games {
        let events = game.with(|log| log.events.clone());
        for event in &events {
            let text = texts.entry(event.id).or_insert_with(|| event.text.clone());
            let of_text = ids.entry(event.text.clone()).or_default();
            of_text.insert(event.id);
            let most = sent.get(event.text.as_str()).map_or(1, Vec::len);
            if *text != event.text || of_text.len() > most {
                let (name, Event { id, text: own, .. }) = (&game.name, event);
                return Err(format!(
                    "{name}: {own} came with the id {id}; others had {text} and {of_text:?}"
                ));
            }
        }
        had.push(events.into_iter().map(|event| event.id).collect());
    }
    for (game, had) in games.iter().zip(&had) {
        let gaps = game.with(|log| log.gaps.len());
        if gaps > 0 {
            return Err(format!(
                "{} was told of {gaps} gaps, although all is kept for long enough",
                game.name
            ));
        }
        let Some(began) = had.first() else { continue };
        if let Some((id, text)) = texts.range(began..).find(|(id, _)| !had.contains(id)) {
            return Err(format!("{} has missed {text} ({id}), which others had", game.name));
        }
    }
    Ok(())
}
