//! The lines of the history in the store, as changes of a space that no start reads: the store keeps them beyond what is in
//! memory, and answers [`Query`](crate::query::Query) from them.
//!
//! The key of a line is the id of its event. A line does not change once it is written, and it is not deleted by its key:
//! one entry of the space says which lines are kept.

use crate::machine::{Change, SmolStr};
use crate::query::Line;
use crate::saved;
use crate::spaces::Space;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The key of the entry that says which lines of a mud are kept.
const KEPT: &str = "kept";

/// Which lines of a mud the store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Only those that were born later than this, by the clock for the age of what is kept, in microseconds.
    pub born_after: u64,
    /// The most bytes of their values. The oldest go first.
    pub bytes_max: u64,
}

/// A change of the lines of a mud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineChange<'a> {
    /// A line. If the store has one with this id, nothing changes.
    Put {
        /// The id of its event.
        id: u64,
        /// What is known of it.
        line: Line<'a>,
        /// Its saved form.
        value: &'a [u8],
    },
    /// From now on only these are kept. An engine deletes the others within some time, a part after the other, so that no
    /// save waits for long.
    Keep(Kept),
    /// A change that cannot be read. It has no effect.
    Odd,
}

/// Whether a space has the lines of a mud.
pub fn is_of_lines(space: &str) -> bool {
    mud_of(space).is_some()
}

/// Returns the mud whose lines a space has. `None`: it has no lines, and its changes are entries.
pub fn mud_of(space: &str) -> Option<&str> {
    Space::parse(space).filter(|(family, _)| *family == Space::Lines).map(|(_, mud)| mud)
}

/// Returns the space of the lines of a mud.
pub fn space_of(mud: &str) -> SmolStr {
    Space::Lines.of(mud)
}

/// Returns the id of the line with a key. `None`: it is the key of no line.
pub(crate) fn id_of(key: &str) -> Option<u64> {
    key.parse().ok()
}

/// Returns the change that adds a line to a space of lines. Its value is the saved form of its event.
pub fn put(space: &SmolStr, id: u64, value: Arc<[u8]>) -> Change {
    Change { space: space.clone(), key: saved::key(id), value: Some(value) }
}

/// Returns the change that says which lines of a mud are kept.
pub fn keep(mud: &str, kept: &Kept) -> Change {
    Change { space: space_of(mud), key: SmolStr::new_static(KEPT), value: saved::write(kept) }
}

/// Reads a change of a space of lines.
pub fn read(change: &Change) -> LineChange<'_> {
    let Some(value) = change.value.as_deref() else { return LineChange::Odd };
    if change.key == KEPT {
        return saved::read(value).map_or(LineChange::Odd, LineChange::Keep);
    }
    match (id_of(&change.key), Line::read(value)) {
        (Some(id), Some(line)) => LineChange::Put { id, line, value },
        _ => LineChange::Odd,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_lines_are_read_as_they_were_made() {
        let value = br#"{"at":7,"born":3,"event":"channel_message","params":{"channel":"chat","message":"Hi","visname":"Bob"}}"#;
        let change = put(&space_of("Alpha/Beta"), 5, value[..].into());
        assert_eq!(mud_of(&change.space), Some("Alpha/Beta"));
        let LineChange::Put { id, line, value: read_value } = read(&change) else { panic!("{change:?}") };
        assert_eq!((id, line.at, line.born, line.channel.as_deref()), (5, 7, 3, Some("chat")));
        assert_eq!((read_value, &*line.text()), (&value[..], "bob\nhi"));
        let kept = Kept { born_after: 9, bytes_max: 10 };
        assert_eq!(read(&keep("Alpha", &kept)), LineChange::Keep(kept));
        for odd in [
            Change { key: "x".into(), ..change.clone() },
            Change { value: Some(b"{}"[..].into()), ..change.clone() },
            Change { value: None, ..change.clone() },
            Change { key: KEPT.into(), ..change.clone() },
        ] {
            assert_eq!(read(&odd), LineChange::Odd, "{odd:?}");
        }
        assert!(!is_of_lines("events/Alpha") && !is_of_lines("password/line"));
    }
}
