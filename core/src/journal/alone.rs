//! What becomes of the journal's entries when a state that nodes have shared moves to a gateway of its own.

use super::all::split_key;
use super::marks::Mark;
use crate::machine::Change;
use crate::saved;
use crate::spaces::Space;
use std::collections::BTreeMap;

/// Replaces the marks of all nodes by one for each mud: an event was delivered if any node knows so.
pub(crate) fn marks_of_one(entries: &mut Vec<Change>) {
    let space = Space::Marks.whole();
    let mut by_mud: BTreeMap<String, Mark> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.space == space) {
        let mud_name = split_key(&entry.key).map_or(entry.key.as_str(), |(mud, _)| mud);
        let Some(mark) = entry.value.as_deref().and_then(saved::read::<Mark>) else { continue };
        let merged = match by_mud.remove(mud_name) {
            Some(other) => mark.merged(other),
            None => mark,
        };
        by_mud.insert(mud_name.to_owned(), merged);
    }
    entries.retain(|entry| entry.space != space);
    entries.extend(by_mud.into_iter().map(|(key, mark)| Change {
        space: space.clone(),
        key: key.into(),
        value: saved::write(&mark),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::all::key_of;

    #[test]
    fn the_marks_of_several_nodes_become_one() {
        let entry = |key: &str, through: u64, open: &[u64]| {
            let lost = [through / 10, 0, 1];
            let mark = Mark { through, open: open.to_vec(), lost, ..Mark::default() };
            Change { space: Space::Marks.whole(), key: key.into(), value: saved::write(&mark) }
        };
        let other = Change { space: "ban/M".into(), key: "1".into(), value: Some([].into()) };
        let mut entries = vec![
            entry(&key_of("M", "a"), 100, &[40, 90, 99]),
            other.clone(),
            entry(&key_of("M", "b"), 95, &[40, 50]),
            entry("N", 7, &[6]),
        ];
        marks_of_one(&mut entries);
        assert_eq!(entries, [other, entry("M", 100, &[40, 99]), entry("N", 7, &[6])]);
    }
}
