//! The two forms of a log line, and the places that lines go to.
//!
//! simplelog writes the text form: the time, the target and the message. It leaves a record's fields out and writes
//! control characters as they are, so [`Text`] hands it records whose message is escaped and holds the fields already.
//! [`Json`] writes the JSON form and stands beside it as a shared logger of simplelog's.

use crate::logfile::LogFile;
use crate::{LogFormat, Logging};
use i3_core::notice::Shown;
use i3_core::time::UnixTime;
use log::kv::{Error as KvError, Key, Value, VisitSource};
use log::{LevelFilter, Log, Metadata, Record};
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

/// The loggers for these settings: one that writes to standard error and, with a file, one that writes to it.
pub(crate) fn loggers(logging: &Logging, file: Option<LogFile>) -> Box<CombinedLogger> {
    let mut places = vec![Place::StandardError];
    places.extend(file.map(|file| Place::File { file, failed: false }));
    let logger = |place| -> Box<dyn SharedLogger> {
        let lines = Lines { line: Vec::new(), place };
        match logging.format {
            LogFormat::Text => Box::new(Text(WriteLogger::new(EVERYTHING, layout(), lines))),
            LogFormat::Json => Box::new(Json(Mutex::new(lines))),
        }
    };
    CombinedLogger::new(places.into_iter().map(logger).collect())
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

/// Where lines go.
#[derive(Debug)]
enum Place {
    StandardError,
    File {
        file: LogFile,
        /// The last line could not be written, and that was reported.
        failed: bool,
    },
}

impl Place {
    /// Writes a line in one piece, so that two writers cannot mix.
    fn write_line(&mut self, line: &[u8]) {
        match self {
            // A lost standard error cannot be reported anywhere.
            Place::StandardError => drop(io::stderr().write_all(line)),
            Place::File { file, failed } => {
                let outcome = file.write_line(line);
                if let (Err(error), false) = (&outcome, *failed) {
                    let _ = writeln!(io::stderr(), "the log file cannot be written: {error}");
                }
                *failed = outcome.is_err();
            }
        }
    }
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
            self.place.write_line(&self.line);
            self.line.clear();
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
        // `Lines` reports by itself what it could not write.
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
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let at = UnixTime::from_micros(u64::try_from(unix.as_micros()).unwrap_or(u64::MAX));
    let texts = [
        ("timestamp", at.to_string()),
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
    line.push_str("}\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_in_one_piece() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.log");
        let file = LogFile::open(&path, None).unwrap();
        let mut lines = Lines { line: Vec::new(), place: Place::File { file, failed: false } };
        for piece in ["2026", " ", "half a line"] {
            write!(lines, "{piece}").unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"");
        }
        writeln!(lines).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"2026 half a line\n");
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
