//! Rules for gateways that are nodes of one engine. Its clock is the world's.

pub(super) mod acknowledged;
pub(super) mod handed;
pub(super) mod heard;
pub(super) mod holders;
pub(super) mod ids;
pub(super) mod kept;
pub(super) mod log;
mod troubles;

use super::{Asked, Fact, Oracle, Verdict, View};
use crate::sim::tap::{Frame, Tag};
use i3_core::machine::Told;
use std::collections::BTreeSet;

/// The packets from routers in a save, each with its mud.
pub(super) fn packets(told: &Told) -> impl Iterator<Item = (&str, Frame)> {
    keyed(told).map(|(mud, _, frame)| (mud, frame))
}

fn keyed(told: &Told) -> impl Iterator<Item = (&str, &str, Frame)> {
    told.changes.iter().filter_map(|change| {
        let mud = change.space.strip_prefix(">packet/")?;
        Some((mud, change.key.as_str(), Frame::read(change.value.as_deref()?)))
    })
}

/// The packets that were in the log before: the save of one may be repeated.
#[derive(Default)]
pub(super) struct Known(BTreeSet<(String, String)>);

impl Known {
    /// The packets of a save that are new, each with its mud.
    pub(super) fn new_packets<'t>(&mut self, told: &'t Told) -> Vec<(&'t str, Frame)> {
        let all = keyed(told);
        let new = all.filter(|(mud, key, _)| self.0.insert(((*mud).to_owned(), (*key).to_owned())));
        new.map(|(mud, _, frame)| (mud, frame)).collect()
    }
}

/// The tag of a tell for a game of this mud.
pub(super) fn tell_for_game(mud: &str, frame: &Frame) -> Option<Tag> {
    let is_tell = matches!(frame.kind.as_str(), "tell" | "emoteto");
    frame.tag.filter(|_| is_tell && frame.to_mud == mud && frame.is_for_game())
}
