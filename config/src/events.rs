//! The settings of events that are kept for games that are away, and of the history.

use crate::path::Path;
use crate::read::SettingsReader;
use i3_core::settings::EventSettings;
use std::time::Duration;

const SECONDS_MAX: i64 = 31_536_000;
const DAYS_MAX: i64 = 3_650;
const COUNT_MAX: i64 = 1_000_000;
/// Kept events are in memory.
const BYTES_MAX: i64 = 1_073_741_824;
const BYTES_MIN: i64 = 4_096;
/// Bytes of the lines of one mud in the store.
const LINE_BYTES_MAX: i64 = 1_099_511_627_776;

/// Reads the settings. A key of the Python gateway counts if our own key is not set.
pub(crate) fn events(reader: &mut SettingsReader<'_>) -> EventSettings {
    let mut events = EventSettings::default();
    let seconds = |reader: &mut SettingsReader<'_>, path: &Path| {
        reader.number(path, 0..=SECONDS_MAX, "a number of seconds").map(Duration::from_secs)
    };
    let tells = reader.first(&[Path::of("events.keep.tells"), Path::of("api.session.queue_ttl")]);
    events.keep_tells = seconds(reader, &tells).unwrap_or(events.keep_tells);
    let channels = Path::of("events.keep.channels");
    events.keep_channels = seconds(reader, &channels).unwrap_or(events.keep_channels);
    let answers = Path::of("events.keep.answers");
    events.keep_answers = seconds(reader, &answers).unwrap_or(events.keep_answers);
    let count = reader.first(&[Path::of("events.keep.max_count"), Path::of("api.session.max_queue_size")]);
    events.kept_max = reader.number(&count, 0..=COUNT_MAX, "a number of events").unwrap_or(events.kept_max);
    let bytes = Path::of("events.max_bytes");
    let bytes = reader.number(&bytes, BYTES_MIN..=BYTES_MAX, "a number of bytes");
    events.log_bytes_max = bytes.unwrap_or(events.log_bytes_max);

    let lines = reader.first(&[Path::of("history.max_lines"), Path::of("channels.history_size")]);
    let lines = reader.number(&lines, 0..=COUNT_MAX, "a number of lines");
    events.history_max = lines.unwrap_or(events.history_max);
    let days: Option<u64> = reader.number(&Path::of("history.days"), 0..=DAYS_MAX, "a number of days");
    events.history_age = days.map_or(events.history_age, |days| Duration::from_secs(days * 86_400));
    let tells = reader.boolean(&Path::of("history.tells"));
    events.history_holds_tells = tells.unwrap_or(events.history_holds_tells);
    let bytes = Path::of("history.max_bytes");
    let bytes = reader.number(&bytes, BYTES_MIN..=LINE_BYTES_MAX, "a number of bytes");
    events.history_bytes_max = bytes.unwrap_or(events.history_bytes_max);
    // Without lines in memory there is no history, as before the store kept any.
    events.history_in_store = events.history_age > Duration::ZERO && events.history_max > 0;
    events
}
