//! The log. Messages go to standard error, and to a file if one is set. A record is one line, as text or as JSON.

use crate::logfile::LogFile;
use crate::{LogFormat, Logging, Problem};
use i3_core::notice::{Level, Notice, Shown};
use i3_core::time::UnixTime;
use log::kv::{Error as KvError, Key, Source, Value, VisitSource};
use log::{LevelFilter, Metadata, Record};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

/// Crates whose log messages are for their own developers.
const QUIET: &[&str] = &["async_io", "polling", "tungstenite", "async_tungstenite"];

/// The parts that can have a level of their own, and the log components that belong to each: the parts of this gateway,
/// and the four of the Python gateway's file.
pub const COMPONENTS: &[(&str, &[&str])] = &[
    ("api", &["api"]),
    ("daemon", &["daemon"]),
    ("demo", &["demo"]),
    ("events", &["events"]),
    ("gateway", &["gateway"]),
    ("link", &["link"]),
    ("memory", &["memory"]),
    ("net", &["net"]),
    ("network", &["link", "net"]),
    ("router", &["router"]),
    ("services", &["gateway"]),
    ("settings", &["settings"]),
    ("state", &["store"]),
    ("store", &["store"]),
];

/// The logger of this process.
static LOGGER: OnceLock<Logger> = OnceLock::new();

/// The back end of [`log`].
#[derive(Debug)]
struct Logger {
    sinks: Mutex<Sinks>,
}

#[derive(Debug)]
struct Sinks {
    settings: Logging,
    file: Option<LogFile>,
    /// Whether the last line could not be written to the file. The failure is reported once.
    failed: bool,
    /// The buffer in which a line is composed.
    line: String,
}

/// Starts logging. May be called once in a process.
pub fn init(logging: &Logging) -> Result<(), Problem> {
    let file = open(logging)?;
    let sinks = Sinks { settings: logging.clone(), file, failed: false, line: String::new() };
    let twice = || Problem::error("logging", "is already running", "start the log once");
    LOGGER.set(Logger { sinks: Mutex::new(sinks) }).map_err(|_| twice())?;
    let logger = LOGGER.get().ok_or_else(twice)?;
    log::set_logger(logger).map_err(|_| twice())?;
    log::set_max_level(logging.lowest_level());
    Ok(())
}

/// Applies other settings and reopens the file. If logrotate has moved the file, further lines go to a new one. If the
/// file cannot be opened, nothing changes.
pub fn change(logging: &Logging) -> Result<(), Problem> {
    let Some(logger) = LOGGER.get() else { return init(logging) };
    let file = open(logging)?;
    let mut sinks = logger.lock();
    sinks.settings = logging.clone();
    sinks.file = file;
    sinks.failed = false;
    log::set_max_level(logging.lowest_level());
    Ok(())
}

/// Sets the level of all parts, until the next [`change`].
pub fn set_level(level: Level) {
    let Some(logger) = LOGGER.get() else { return };
    let mut sinks = logger.lock();
    sinks.settings.level = filter(level);
    sinks.settings.components.clear();
    log::set_max_level(sinks.settings.level);
}

fn filter(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::Error,
        Level::Warn => LevelFilter::Warn,
        Level::Info => LevelFilter::Info,
        Level::Debug => LevelFilter::Debug,
    }
}

/// Returns the level of notices that is nearest to a level of the log.
pub(crate) fn level(filter: LevelFilter) -> Level {
    match filter {
        LevelFilter::Off | LevelFilter::Error => Level::Error,
        LevelFilter::Warn => Level::Warn,
        LevelFilter::Info => Level::Info,
        LevelFilter::Debug | LevelFilter::Trace => Level::Debug,
    }
}

fn open(logging: &Logging) -> Result<Option<LogFile>, Problem> {
    let Some(path) = &logging.file else { return Ok(None) };
    LogFile::open(path, logging.rotation).map(Some).map_err(|error| {
        let message = format!("{} cannot be written: {error}", path.display());
        Problem::error("logging.file", message, "name a file that the gateway may write, or none")
    })
}

/// Logs a notice of a machine.
pub fn record(notice: &Notice) {
    // A notice never has the level `Off`.
    let Some(level) = filter(notice.level).to_level().filter(|level| *level <= log::max_level()) else {
        return;
    };
    let record = &mut Record::builder();
    let fields = Fields(&notice.fields);
    let record = record.level(level).target(notice.component).key_values(&fields);
    log::logger().log(&record.args(format_args!("{}", notice.what)).build());
}

/// The fields of a notice.
struct Fields<'a>(&'a [(&'static str, String)]);

impl Source for Fields<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), KvError> {
        self.0
            .iter()
            .try_for_each(|(name, value)| visitor.visit_pair(Key::from(*name), value.as_str().into()))
    }
}

/// Parses the level names of `log` and of Python.
pub fn parse_level(text: &str) -> Option<LevelFilter> {
    Some(match text.trim().to_ascii_uppercase().as_str() {
        "TRACE" => LevelFilter::Trace,
        "DEBUG" => LevelFilter::Debug,
        "INFO" => LevelFilter::Info,
        "WARNING" | "WARN" => LevelFilter::Warn,
        "ERROR" | "CRITICAL" | "FATAL" => LevelFilter::Error,
        "OFF" => LevelFilter::Off,
        _ => return None,
    })
}

impl Logging {
    /// Returns the level of a component.
    fn level_of(&self, target: &str) -> LevelFilter {
        let own = self.components.get(target);
        let of_several = || {
            let mut means = COMPONENTS.iter().filter(|(_, targets)| targets.contains(&target));
            means.find_map(|(name, _)| self.components.get(*name))
        };
        own.or_else(of_several).copied().unwrap_or(self.level)
    }

    /// Returns the most verbose level of any component.
    fn lowest_level(&self) -> LevelFilter {
        self.components.values().copied().chain([self.level]).max().unwrap_or(self.level)
    }
}

impl Logger {
    fn lock(&self) -> MutexGuard<'_, Sinks> {
        // A panic during a write loses only that line.
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl log::Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let is_quiet = QUIET.iter().any(|package| target.starts_with(package));
        !is_quiet && metadata.level() <= self.lock().settings.level_of(target)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.lock().write(record);
        }
    }

    fn flush(&self) {}
}

impl Sinks {
    fn write(&mut self, record: &Record<'_>) {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let at = UnixTime::from_micros(u64::try_from(unix.as_micros()).unwrap_or(u64::MAX));
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        match self.settings.format {
            LogFormat::Text => text(&mut line, at, record),
            LogFormat::Json => json(&mut line, at, record),
        }
        line.push('\n');
        // A failure of standard error cannot be reported anywhere.
        let _ = io::stderr().write_all(line.as_bytes());
        if let Some(file) = &mut self.file {
            match file.write_line(line.as_bytes()) {
                Ok(()) => self.failed = false,
                Err(error) if !self.failed => {
                    self.failed = true;
                    let _ = writeln!(io::stderr(), "the log file cannot be written: {error}");
                }
                Err(_) => {}
            }
        }
        self.line = line;
    }
}

/// Appends `2026-11-23T02:44:16.190959Z WARN link: what happened name=value …`. Control characters from peers are escaped.
fn text(line: &mut String, at: UnixTime, record: &Record<'_>) {
    struct Append<'l>(&'l mut String);

    impl<'kvs> VisitSource<'kvs> for Append<'_> {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), KvError> {
            Ok(write!(self.0, " {key}={}", Shown(&value.to_string()))?)
        }
    }

    // Writing to a String cannot fail.
    let _ = write!(line, "{at} {:<5} {}: ", record.level(), record.target());
    let from = line.len();
    let _ = write!(line, "{}", record.args());
    if line[from..].contains(|c: char| !c.is_ascii_graphic() && c != ' ') {
        let mut escaped = String::new();
        for c in line[from..].chars() {
            // The message is not a quoted value, so quotes stay as they are.
            if matches!(c, '"' | '\'' | '\\') { escaped.push(c) } else { escaped.extend(c.escape_debug()) }
        }
        line.truncate(from);
        line.push_str(&escaped);
    }
    let _ = record.key_values().visit(&mut Append(line));
}

/// Appends `{"timestamp":…,"level":…,"component":…,"message":…,"fields":{…}}`.
fn json(line: &mut String, at: UnixTime, record: &Record<'_>) {
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
        ("timestamp", at.to_string()),
        ("level", record.level().to_string()),
        ("component", record.target().to_owned()),
        ("message", record.args().to_string()),
    ];
    for (at, (name, text)) in texts.into_iter().enumerate() {
        let before = if at == 0 { '{' } else { ',' };
        let _ = write!(line, "{before}\"{name}\":{}", serde_json::Value::from(text));
    }
    if !fields.0.is_empty() {
        let _ = write!(line, ",\"fields\":{}", serde_json::Value::from(fields.0));
    }
    line.push('}');
}
