//! Which entries of a store a gateway keeps in memory. They are chosen one after the other, so that a start needs only so
//! much memory, whatever the store contains.

use super::cursors::seen_at;
use super::kept::Log;
use crate::machine::{Change, Saved, SmolStr};
use crate::network::chanlist::CHANNELS_MAX;
use crate::network::mudlist::MUDS_MAX;
use crate::settings::{MESSAGE_BYTES_MAX, Settings};
use crate::spaces::Space;
use crate::steady::SteadyClock;
use crate::time::{Now, Steady};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of the saved muds of one network, and of its channels. The router sends both again.
const LIST_BYTES_MAX: usize = 8_388_608;

/// The least number of bytes of one value that is read.
const VALUE_BYTES_MAX: usize = 1_048_576;

/// How long the cursors of a named client are kept after its last session.
const CLIENT_AGE_MAX: Duration = Duration::from_secs(90 * 86_400);

/// What is known of one space of the store.
#[derive(Debug)]
struct Part {
    family: Space,
    /// The kept events, in a space of events.
    log: Option<Box<Log>>,
    entries: usize,
    bytes: usize,
}

/// Selects entries of a store. They are passed in the order of space and key.
#[derive(Debug)]
pub struct Selection {
    settings: Settings,
    parts: BTreeMap<SmolStr, Part>,
    kept: BTreeMap<(SmolStr, SmolStr), Arc<[u8]>>,
    deletions: Vec<Change>,
}

impl Selection {
    pub(crate) fn new(settings: &Settings) -> Selection {
        let part = |family| Part { family, log: None, entries: 0, bytes: 0 };
        let whole = [Space::Marks, Space::EventIds, Space::Clock];
        let mut parts: BTreeMap<SmolStr, Part> =
            whole.into_iter().map(|family| (family.whole(), part(family))).collect();
        let each = [
            Space::Passwords,
            Space::ListsFrom,
            Space::Muds,
            Space::Channels,
            Space::Bans,
            Space::Clients,
            Space::Home,
        ];
        for mud in &settings.muds {
            parts.extend(each.map(|family| (family.of(&mud.name), part(family))));
            if settings.node.is_some() {
                let shared = [Space::Users, Space::Link, Space::Out];
                parts.extend(shared.map(|family| (family.of(&mud.name), part(family))));
            }
            let log = Some(Box::new(Log::new(&mud.name)));
            parts.insert(Space::Events.of(&mud.name), Part { log, ..part(Space::Events) });
        }
        Selection { settings: settings.clone(), parts, kept: BTreeMap::new(), deletions: Vec::new() }
    }

    /// The largest value that need be read.
    pub fn value_bytes_max(&self) -> usize {
        let users = if self.is_shared() { MESSAGE_BYTES_MAX } else { 0 };
        self.settings.api.events.log_bytes_max.max(VALUE_BYTES_MAX).max(users)
    }

    /// Whether other nodes use the store at the same time.
    fn is_shared(&self) -> bool {
        self.settings.node.is_some()
    }

    /// Notes that an entry is to be deleted, if this gateway may do that: not what only the holder of a mud writes, or
    /// another node.
    fn delete(&mut self, family: Space, space: SmolStr, key: SmolStr) {
        let is_of_others = family.is_of_holder() || matches!(family, Space::Sessions | Space::Out);
        if !(self.is_shared() && is_of_others) {
            self.deletions.push(Change { space, key, value: None });
        }
    }

    /// Adds the space of the sessions of a node to those that are read: its name is not known before.
    fn meet(&mut self, space: &str) {
        if self.is_shared()
            && !self.parts.contains_key(space)
            && let Some((family @ Space::Sessions, _)) = Space::parse(space)
        {
            self.parts.insert(space.into(), Part { family, log: None, entries: 0, bytes: 0 });
        }
    }

    /// Passes an entry. Without a value it was too large to be read. Entries of muds that are not in the settings stay in
    /// the store.
    pub fn take(&mut self, entry: Change) {
        let Change { space, key, value } = entry;
        self.meet(&space);
        let Some(part) = self.parts.get_mut(&space) else { return };
        let family = part.family;
        let Some(value) = value else {
            // Passwords and bans are left for people to look at.
            if !matches!(family, Space::Passwords | Space::Bans | Space::Home) {
                self.delete(family, space, key);
            }
            return;
        };
        part.entries += 1;
        part.bytes += value.len();
        let limit = match part.family {
            Space::Muds => Some(MUDS_MAX),
            Space::Channels => Some(CHANNELS_MAX),
            _ => None,
        };
        let has_room = limit.is_none_or(|most| part.entries <= most && part.bytes <= LIST_BYTES_MAX);
        let removed = match &mut part.log {
            Some(log) => log.restore_within(&key, &value, &self.settings.api.events),
            None => has_room.then(Vec::new),
        };
        let Some(removed) = removed else {
            self.delete(family, space, key);
            return;
        };
        self.kept.insert((space, key), value);
        for Change { space, key, .. } in removed {
            let entry = (space, key);
            self.kept.remove(&entry);
            self.delete(family, entry.0, entry.1);
        }
    }

    /// Returns the changes that delete what was not selected, since the last call.
    pub fn take_deletions(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.deletions)
    }

    /// Returns the number of deletions that [`Selection::take_deletions`] would return.
    pub fn deletions(&self) -> usize {
        self.deletions.len()
    }

    /// Returns the entries with which a gateway starts. Further deletions may follow from them.
    pub fn finish(&mut self, now: Now) -> Saved {
        self.parts.clear();
        let entry = |((space, key), value)| Change { space, key, value: Some(value) };
        let entries = std::mem::take(&mut self.kept).into_iter().map(entry).collect();
        let mut saved = Saved { entries, ..Saved::default() };
        let steady = SteadyClock::restore(&saved, now).at(now);
        let spaces: Vec<SmolStr> =
            self.settings.muds.iter().map(|mud| Space::Clients.of(&mud.name)).collect();
        saved.entries.retain(|entry| {
            let is_old = spaces.contains(&entry.space) && is_forgotten(entry.value.as_deref(), steady);
            if is_old {
                self.deletions.push(Change { value: None, ..entry.clone() });
            }
            !is_old
        });
        saved
    }
}

fn is_forgotten(client: Option<&[u8]>, now: Steady) -> bool {
    client.and_then(seen_at).is_some_and(|seen| now.since(seen) >= CLIENT_AGE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cx::testing::Bench;
    use crate::time::{Instant, UnixTime};

    fn settings() -> Settings {
        Bench::default().settings
    }

    fn line(id: u64, channel: &str, mud: &str, bytes: usize) -> Change {
        let text = "x".repeat(bytes);
        let value = format!(
            r#"{{"at":1,"born":1,"event":"channel_message","params":{{"channel":"{channel}","from_mud":"{mud}","message":"{text}"}}}}"#
        );
        Change {
            space: Space::Events.of("Alpha"),
            key: format!("{id:020}").into(),
            value: Some(value.into_bytes().into()),
        }
    }

    fn put(space: &str, key: &str, value: &str) -> Change {
        Change { space: space.into(), key: key.into(), value: Some(value.as_bytes().into()) }
    }

    fn finish(selection: &mut Selection) -> (Vec<Change>, Vec<String>) {
        let unix = UnixTime::from_micros(1_800_000_000_000_000);
        let saved = selection.finish(Now { mono: Instant::ORIGIN, unix });
        let deleted = selection.take_deletions().into_iter().map(|change| {
            assert_eq!(change.value, None);
            change.key.to_string()
        });
        (saved.entries, deleted.collect())
    }

    #[test]
    fn of_many_lines_the_newest_stay_and_a_quiet_channel_keeps_its_history() {
        let settings = settings();
        let (most, bytes) = (settings.api.events.kept_max, settings.api.events.log_bytes_max);
        let mut selection = Selection::new(&settings);
        let quiet = line(1, "quiet", "Sage", 50);
        selection.take(quiet.clone());
        let (mut deleted, loud) = (0, 30_000_u64);
        for id in 2..loud {
            selection.take(line(id, "loud", "Spam", 50));
            deleted += selection.take_deletions().len();
            assert!(selection.kept.len() <= most + 1);
        }
        assert_eq!(deleted, loud as usize - 2 - most);
        for id in loud..loud + 100 {
            selection.take(line(id, "long", "Spam", bytes / 20));
        }
        let (entries, _) = finish(&mut selection);
        assert_eq!(entries[0], quiet);
        assert_eq!(entries.last().unwrap().key, format!("{:020}", loud + 99));
        let size: usize = entries.iter().map(|entry| entry.value.as_ref().unwrap().len()).sum();
        assert!(size <= bytes, "{size}");
    }

    #[test]
    fn what_cannot_be_read_or_is_too_much_is_deleted_but_no_password_and_no_ban() {
        let mut selection = Selection::new(&settings());
        let too_large = |space: &str| Change { value: None, ..put(space, "large", "") };
        let long_ago = r#"{"tells":{"written":1,"acked":1},"answers":{"written":1,"acked":1},"channels":{},"acks":true,"seen":1}"#;
        let lately = long_ago.replace(r#""seen":1"#, r#""seen":1799999999000000"#);
        let kept = [
            put("ban/Alpha", "1", "odd"),
            put("clients/Alpha", "k/lately", &lately),
            put("clients/Alpha", "odd", "not readable"),
            put("event_ids", "reserved", "100"),
            put("password/Alpha", "*net", "17"),
        ];
        kept.iter().for_each(|entry| selection.take(entry.clone()));
        selection.take(put("clients/Alpha", "k/long ago", long_ago));
        for space in
            ["ban/Alpha", "password/Alpha", "events/Alpha", "mudlist/Alpha", "password/Gone", "events/Gone"]
        {
            selection.take(too_large(space));
        }
        selection.take(put("password/Gone", "*net", "18"));
        selection.take(put("events/Gone", "1", "{}"));
        selection.take(put("events/Alpha", "no number", "{}"));
        // Not the key that belongs to it: a later removal would not find it.
        selection.take(Change { key: "7".into(), ..line(7, "chat", "Sage", 1) });
        for number in 0..MUDS_MAX + 3 {
            selection.take(put("mudlist/Beta", &format!("{number:06}"), "{}"));
        }
        let (entries, deleted) = finish(&mut selection);
        let (of_lists, others): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| entry.space == "mudlist/Beta");
        assert_eq!((of_lists.len(), others), (MUDS_MAX, kept.to_vec()));
        assert_eq!(deleted, ["large", "large", "no number", "7", "020000", "020001", "020002", "k/long ago"]);
    }

    #[test]
    fn with_other_nodes_a_start_reads_what_they_share_and_deletes_nothing_of_theirs() {
        let mut settings = settings();
        settings.node = Some(crate::cx::testing::node("one"));
        let shared = [
            put("delivered", "Alpha@other", "{}"),
            put("session/some boot", "id", "{}"),
            put("users/Alpha", "users", "{}"),
            put("out/Alpha", "some boot/1", "("),
            put("link/Alpha", "link", "{}"),
        ];
        let mut selection = Selection::new(&settings);
        shared.iter().for_each(|entry| selection.take(entry.clone()));
        for space in ["events/Alpha", "mudlist/Alpha", "session/some boot", "out/Alpha", "session/other"] {
            selection.take(Change { value: None, ..put(space, "large", "") });
        }
        selection.take(put("events/Alpha", "no number", "{}"));
        selection.take(Change { value: None, ..put("users/Beta", "large", "") });
        selection.take(put("users/Gone", "users", "{}"));
        let (entries, deleted) = finish(&mut selection);
        let mut sorted = shared.to_vec();
        sorted.sort_by(|one, other| one.space.cmp(&other.space));
        assert_eq!((entries, deleted), (sorted, vec!["large".to_owned()]));
        assert_eq!(selection.value_bytes_max(), MESSAGE_BYTES_MAX);
        // On one host nothing of that is read, and it stays in the store.
        let mut selection = Selection::new(&Bench::default().settings);
        shared[1..].iter().for_each(|entry| selection.take(entry.clone()));
        assert_eq!(finish(&mut selection), (Vec::new(), Vec::new()));
    }
}
