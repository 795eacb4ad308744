//! The two forms of a log line.
//!
//! simplelog writes the text form: the time, the target and the message. It leaves a record's fields out and writes
//! control characters as they are, so [`Text`] hands it records whose message is escaped and holds the fields already.
//! [`Json`] writes the JSON form and stands beside it as a shared logger of simplelog's. Both write into queues.

use crate::LogFormat;
use crate::logqueue::{Place, Remark, Wording};
use i3_core::notice::Shown;
use i3_core::time::UnixTime;
use log::kv::{Error as KvError, Key, Value, VisitSource};
use log::{Level, LevelFilter, Log, Metadata, Record};
use simplelog::{
    CombinedLogger, Config, ConfigBuilder, FormatItem, SharedLogger, WriteLogger, format_description,
};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// RFC 3339 in UTC with microseconds, always of the same length.
const TIME: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// Which records are written is decided before they come here.
const EVERYTHING: LevelFilter = LevelFilter::Trace;

/// The log component of what the log says about itself.
const ITSELF: &str = "log";

/// The loggers that write a format into these places.
pub(crate) fn loggers(format: LogFormat, places: &[&Place]) -> Box<CombinedLogger> {
    CombinedLogger::new(places.iter().map(|place| logger(format, (*place).clone())).collect())
}

fn logger(format: LogFormat, place: Place) -> Box<dyn SharedLogger> {
    let lines = Lines { line: Vec::new(), place };
    match format {
        LogFormat::Text => Box::new(Text(WriteLogger::new(EVERYTHING, layout(), lines))),
        LogFormat::Json => Box::new(Json(Mutex::new(lines))),
    }
}

/// How the log says something about itself in a format.
pub(crate) fn wording(format: LogFormat) -> Wording {
    match format {
        LogFormat::Text => |remark| said(remark, text),
        LogFormat::Json => |remark| said(remark, json),
    }
}

fn said(remark: &Remark, line: fn(&Record<'_>) -> String) -> Vec<u8> {
    let (level, what, (name, value)) = match remark {
        Remark::Dropped(lines) => (
            Level::Warn,
            "lines were dropped, because they could not be written in time",
            ("lines", lines.to_string()),
        ),
        Remark::Unwritable(error) => {
            (Level::Error, "the log file cannot be written", ("error", error.clone()))
        }
        Remark::NotRotated(error) => {
            (Level::Error, "the log file cannot be rotated, and grows on", ("error", error.clone()))
        }
    };
    let fields = [(name, value.as_str())];
    let mut record = Record::builder();
    record.level(level).target(ITSELF).key_values(&fields);
    line(&record.args(format_args!("{what}")).build()).into_bytes()
}

/// Time, target and message. simplelog would put the level in brackets, so [`Text`] puts it before the target.
fn layout() -> Config {
    ConfigBuilder::new()
        .set_time_format_custom(TIME)
        .set_time_level(LevelFilter::Error)
        .set_target_level(LevelFilter::Error)
        .set_max_level(LevelFilter::Off)
        .set_thread_level(LevelFilter::Off)
        .set_location_level(LevelFilter::Off)
        .build()
}

/// Collects what is written until the line is whole, since simplelog writes a line in several pieces.
#[derive(Debug)]
struct Lines {
    line: Vec<u8>,
    place: Place,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        // The only line feed is the last byte: all others are escaped.
        if self.line.ends_with(b"\n") {
            self.place.push(std::mem::take(&mut self.line));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `2026-11-23T02:44:16.190959Z WARN  link: what happened name=value …`, whatever a peer has put into it.
struct Text(Box<WriteLogger<Lines>>);

impl Log for Text {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        let target = format!("{:<5} {}", record.level(), record.target());
        let message = message(record);
        let mut plain = Record::builder();
        plain.level(record.level()).target(&target);
        self.0.log(&plain.args(format_args!("{message}")).build());
    }

    fn flush(&self) {
        self.0.flush();
    }
}

impl SharedLogger for Text {
    fn level(&self) -> LevelFilter {
        self.0.level()
    }

    fn config(&self) -> Option<&Config> {
        self.0.config()
    }

    fn as_log(self: Box<Self>) -> Box<dyn Log> {
        self
    }
}

/// The line that [`Text`] writes, for a place that writes without a logger.
fn text(record: &Record<'_>) -> String {
    let now = i128::from(now().micros()) * 1000;
    let now = time::OffsetDateTime::from_unix_timestamp_nanos(now).ok().and_then(|at| at.format(TIME).ok());
    let now = now.unwrap_or_default();
    format!("{now} {:<5} {}: {}\n", record.level(), record.target(), message(record))
}

fn now() -> UnixTime {
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_micros(u64::try_from(unix.as_micros()).unwrap_or(u64::MAX))
}

/// A record's message and its fields on one line.
fn message(record: &Record<'_>) -> String {
    struct Append(String);

    impl<'kvs> VisitSource<'kvs> for Append {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), KvError> {
            Ok(write!(self.0, " {key}={}", Shown(&value.to_string()))?)
        }
    }

    let mut message = record.args().to_string();
    if message.contains(|c: char| !c.is_ascii_graphic() && c != ' ') {
        let mut escaped = String::new();
        for c in message.chars() {
            // Quotes may stand as they are: this is not a value.
            if matches!(c, '"' | '\'' | '\\') { escaped.push(c) } else { escaped.extend(c.escape_debug()) }
        }
        message = escaped;
    }
    let mut all = Append(message);
    // Writing to a String cannot fail.
    let _ = record.key_values().visit(&mut all);
    all.0
}

/// `{"timestamp":…,"level":…,"component":…,"message":…,"fields":{…}}`
struct Json(Mutex<Lines>);

impl Log for Json {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = json(record);
        // A panic while a line was written costs that line.
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A queue takes or drops the line, and counts what it drops.
        let _ = lines.write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

impl SharedLogger for Json {
    fn level(&self) -> LevelFilter {
        EVERYTHING
    }

    fn config(&self) -> Option<&Config> {
        None
    }

    fn as_log(self: Box<Self>) -> Box<dyn Log> {
        self
    }
}

fn json(record: &Record<'_>) -> String {
    struct Collect(serde_json::Map<String, serde_json::Value>);

    impl<'kvs> VisitSource<'kvs> for Collect {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), KvError> {
            self.0.insert(key.to_string(), value.to_string().into());
            Ok(())
        }
    }

    let mut fields = Collect(serde_json::Map::new());
    let _ = record.key_values().visit(&mut fields);
    let texts = [
        ("timestamp", now().to_string()),
        ("level", record.level().to_string()),
        ("component", record.target().to_owned()),
        ("message", record.args().to_string()),
    ];
    let mut line = String::new();
    for (at, (name, text)) in texts.into_iter().enumerate() {
        let before = if at == 0 { '{' } else { ',' };
        let _ = write!(line, "{before}\"{name}\":{}", serde_json::Value::from(text));
    }
    if !fields.0.is_empty() {
        let _ = write!(line, ",\"fields\":{}", serde_json::Value::from(fields.0));
    }
    let mut line = harmless(&line);
    line.push_str("}\n");
    line
}

/// Escapes in JSON what serde_json leaves as it is: C1 controls, and characters that cannot be seen or change the writing
/// direction. The text form escapes the same ones.
fn harmless(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii_graphic() || c == ' ' || c.escape_debug().eq([c]) {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_in_one_piece() {
        let place = Place::new(wording(LogFormat::Text), |_| Ok(()));
        let mut lines = Lines { line: Vec::new(), place: place.clone() };
        for piece in ["2026", " ", "half a line"] {
            write!(lines, "{piece}").unwrap();
            assert!(place.taken().is_empty());
        }
        writeln!(lines).unwrap();
        assert_eq!(place.taken(), ["2026 half a line\n"]);
    }

    /// What the log says about itself looks like what others say.
    #[test]
    fn remarks_have_the_form_of_records() {
        let dropped = Remark::Dropped(7);
        let what = "lines were dropped, because they could not be written in time";
        for format in [LogFormat::Text, LogFormat::Json] {
            let place = Place::new(wording(format), |_| Ok(()));
            let logger = loggers(format, &[&place]);
            let fields = [("lines", "7")];
            let mut record = Record::builder();
            record.level(Level::Warn).target(ITSELF).key_values(&fields);
            logger.log(&record.args(format_args!("{what}")).build());
            let [logged] = &place.taken()[..] else { panic!("one line") };
            let own = String::from_utf8(wording(format)(&dropped)).unwrap();
            let without_time = |line: &str| {
                let time = line.find("20").unwrap();
                let rest =
                    line[time..].trim_start_matches(|c: char| c.is_ascii_digit() || "-:.TZ".contains(c));
                format!("{}{rest}", &line[..time])
            };
            assert_eq!(without_time(&own), without_time(logged));
            if format == LogFormat::Text {
                assert_eq!(own.split(' ').next().map(str::len), logged.split(' ').next().map(str::len));
            }
        }
    }

    /// Whatever a peer has put into a record, its line as JSON is one line, without what a terminal obeys, and holds the
    /// text unchanged.
    #[test]
    fn json_escapes_what_the_text_form_escapes() {
        let text = "\u{1b}[31m \u{7f} \u{9b}2J \u{85} \u{ad} \u{200b} \u{202e}abc\u{2066} \u{2028} \u{feff} \u{e0001} ü 😀";
        let fields = [("text", text)];
        let record = |args| json(&Record::builder().target("link").args(args).key_values(&fields).build());
        let line = record(format_args!("{text}"));
        let shown = line.trim_end_matches('\n');
        assert!(shown.chars().all(|c| c == ' ' || c.is_ascii_graphic() || c == 'ü' || c == '😀'), "{shown}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&read["message"], &read["fields"]["text"]), (&text.into(), &text.into()));
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let is_escaped = harmless(&c.to_string()).len() != c.len_utf8();
            assert_eq!(is_escaped, !c.is_ascii_graphic() && c != ' ' && c.escape_debug().len() > 1, "{c:?}");
        }
    }

    #[test]
    fn fields_and_control_characters_reach_simplelog_as_one_line_of_text() {
        let record = |args: std::fmt::Arguments<'_>, fields: &[(&str, &str)]| {
            message(&Record::builder().args(args).key_values(&fields).build())
        };
        assert_eq!(record(format_args!("it's \"so\""), &[]), "it's \"so\"");
        assert_eq!(
            record(format_args!("a\r\nb"), &[("c", "\u{1b}"), ("d", "e")]),
            r#"a\r\nb c="\u{1b}" d=e"#
        );
    }
}
