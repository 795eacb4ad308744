//! One kept event, and how it is saved.

use crate::event::{self, Class, Kind};
use crate::line;
use crate::machine::{Change, SmolStr};
use crate::query::Row;
use crate::saved::{self, Verbatim};
use crate::time::{Steady, UnixTime};
use serde::Deserialize;
use smol_str::StrExt;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// The memory that a record needs besides its text: its place in a lane, the names of its ends, and the allocator's overhead.
const RECORD_OVERHEAD_BYTES: usize = 140;

/// A moment, by the wall clock and by the clock for the age of what is kept.
pub(crate) type Moment = (UnixTime, Steady);

/// An event that is kept.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) id: u64,
    /// When it came, by the wall clock.
    pub(crate) at: UnixTime,
    /// When it came, by the clock for its age.
    pub(crate) born: Steady,
    pub(crate) kind: &'static Kind,
    /// In the form that [`Event::write`](crate::event::Event::write) produces.
    pub(crate) members: Box<[u8]>,
    /// The mud that sent it. It pays for the room.
    pub(crate) sender: SmolStr,
    /// The local user it is for, in lower case; empty for a line of a channel.
    pub(crate) to: SmolStr,
    /// The mud's own line, as the router sent it back.
    pub(crate) is_echo: bool,
    /// At least one session that speaks for the game has taken it.
    pub(crate) delivered: bool,
}

/// The saved form of a record, for reading.
#[derive(Deserialize)]
struct SavedRecord<'a> {
    at: u64,
    /// Earlier versions did not save it.
    born: Option<u64>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    params: &'a Verbatim,
}

/// The members from which a record's lane, its sender and its recipient are read.
#[derive(Default, Deserialize)]
struct Addressed<'a> {
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow)]
    from_mud: Option<Cow<'a, str>>,
    #[serde(borrow)]
    to_user: Option<Cow<'a, str>>,
    #[serde(default, rename = "self")]
    is_echo: bool,
}

/// Names a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaneName<'a> {
    Tells,
    Answers,
    Channel(&'a str),
}

/// Names a lane for as long as a session lasts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LaneKey {
    Tells,
    Answers,
    Channel(SmolStr),
}

impl LaneKey {
    /// The name of the lane.
    pub(crate) fn name(&self) -> LaneName<'_> {
        match self {
            LaneKey::Tells => LaneName::Tells,
            LaneKey::Answers => LaneName::Answers,
            LaneKey::Channel(channel) => LaneName::Channel(channel),
        }
    }
}

impl LaneName<'_> {
    /// Returns the name as an owned key.
    pub(crate) fn key(self) -> LaneKey {
        match self {
            LaneName::Tells => LaneKey::Tells,
            LaneName::Answers => LaneKey::Answers,
            LaneName::Channel(channel) => LaneKey::Channel(channel.into()),
        }
    }

    /// The class of its events.
    pub(crate) fn class(self) -> Class {
        match self {
            LaneName::Tells => Class::Tells,
            LaneName::Answers => Class::Answers,
            LaneName::Channel(_) => Class::Channels,
        }
    }
}

/// Where the replay of a reader starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// At the events that no session has received.
    Unread,
    /// After this event.
    Id(u64),
}

/// How the time begins at the end of the members of a record that an earlier version saved.
const STAMP: &str = ",\"timestamp\":\"";

/// Removes the time and the id from the members. Earlier versions saved them too.
fn without_stamp(members: &str) -> Box<[u8]> {
    match members.rfind(STAMP) {
        Some(end) => [&members.as_bytes()[..end], b"}"].concat().into(),
        None => members.as_bytes().into(),
    }
}

impl Record {
    /// Creates a record that no game has yet. The members are those of its event.
    pub(crate) fn new(id: u64, (at, born): Moment, kind: &'static Kind, members: Box<[u8]>) -> Record {
        let (sender, to, is_echo) = {
            let addressed: Addressed<'_> = saved::read(&members).unwrap_or_default();
            let sender = addressed.from_mud.map_or_else(SmolStr::default, SmolStr::from);
            let to = addressed.to_user.map_or_else(SmolStr::default, |user| user.to_lowercase_smolstr());
            (sender, to, addressed.is_echo)
        };
        Record { id, at, born, kind, members, sender, to, is_echo, delivered: false }
    }

    /// Creates a record of an event whose sender and recipient are known.
    pub(crate) fn between(
        (sender, to): (SmolStr, SmolStr),
        id: u64,
        (at, born): Moment,
        kind: &'static Kind,
        members: Box<[u8]>,
    ) -> Record {
        Record { id, at, born, kind, members, sender, to, is_echo: false, delivered: false }
    }

    /// Returns the memory that the record needs.
    pub(super) fn bytes(&self) -> usize {
        let names = [&self.sender, &self.to].into_iter().filter(|name| name.is_heap_allocated());
        self.members.len() + RECORD_OVERHEAD_BYTES + names.map(SmolStr::len).sum::<usize>()
    }

    /// Whether the record is older than a duration.
    pub(crate) fn is_older(&self, now: Steady, than: Duration) -> bool {
        now.since(self.born) >= than
    }

    /// Returns the record as a row of the history.
    pub(crate) fn row(&self) -> Row {
        Row { id: self.id, value: self.value() }
    }

    /// Returns the change that adds it to a space: that of the kept events, or that of the lines of the history.
    pub(super) fn put(&self, space: &SmolStr) -> Change {
        line::put(space, self.id, self.value())
    }

    /// Reads a row of the history. Returns `None` if it cannot be read.
    pub(crate) fn of_row(row: &Row) -> Option<Record> {
        Record::read(&saved::key(row.id), &row.value, Moment::default()).map(|(record, _)| record)
    }

    /// Returns its value in the store.
    pub(super) fn value(&self) -> Arc<[u8]> {
        let (mut at, mut born) = (itoa::Buffer::new(), itoa::Buffer::new());
        // The members are JSON already, and the name of a kind needs no escapes.
        saved::join(&[
            br#"{"at":"#,
            at.format(self.at.micros()).as_bytes(),
            br#","born":"#,
            born.format(self.born.micros()).as_bytes(),
            br#","event":""#,
            self.kind.name.as_bytes(),
            br#"","params":"#,
            &self.members,
            b"}",
        ])
    }

    /// Reads a saved record; `now` is the moment of the restart. Returns it with the channel that it belongs to, or `None` if it cannot be read. Whether it
    /// was delivered is saved elsewhere.
    pub(super) fn read<'a>(
        key: &str,
        value: &'a [u8],
        now: Moment,
    ) -> Option<(Record, Option<Cow<'a, str>>)> {
        let saved: SavedRecord<'a> = saved::read(value)?;
        let Addressed { channel, .. } = saved::read(saved.params.get().as_bytes())?;
        let (at, kind) = (UnixTime::from_micros(saved.at), event::find(&saved.event)?);
        let born = saved.born.map_or_else(|| now.1.before(now.0.since(at)), Steady::from_micros);
        let record = Record::new(key.parse().ok()?, (at, born), kind, without_stamp(saved.params.get()));
        Some((record, channel))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_by_this_and_by_earlier_versions() {
        let members = br#"{"channel":"chat","message":"a ,\"timestamp\":\" b","self":true}"#;
        let kind = event::find("channel_message").unwrap();
        let at = UnixTime::from_micros(7);
        let moment = (at, Steady::from_micros(3));
        let record = Record::new(5, moment, kind, members[..].into());
        let value = record.value();
        let earlier = br#"{"at":7,"event":"channel_message","params":{"channel":"chat","message":"a ,\"timestamp\":\" b","self":true,"timestamp":"1970-01-01T00:00:00.000007Z","event_id":5}}"#;
        for saved in [&value[..], earlier] {
            let (read, channel) = Record::read(&saved::key(5), saved, moment).unwrap();
            assert_eq!((read.id, read.at, read.kind.name, read.is_echo), (5, at, "channel_message", true));
            assert_eq!((&read.members[..], channel.as_deref()), (&members[..], Some("chat")));
        }
        assert!(Record::read("x", &value, moment).is_none() && Record::read("5", b"{}", moment).is_none());
    }
}
