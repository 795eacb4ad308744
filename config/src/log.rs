//! The log. Messages go to standard error, and to a file if one is set. A record is one line, as text or as JSON.

use crate::logfile::LogFile;
use crate::logline::loggers;
use crate::{Logging, Problem};
use i3_core::notice::{Level, Notice};
use log::kv::{Error as KvError, Key, Source, VisitSource};
use log::{LevelFilter, Metadata, Record};
use simplelog::CombinedLogger;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

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

/// The back end of [`log`]: says which records are shown, and passes those on.
struct Logger {
    active: Mutex<Active>,
}

struct Active {
    settings: Logging,
    outputs: Box<CombinedLogger>,
}

/// Starts logging. May be called once in a process.
pub fn init(logging: &Logging) -> Result<(), Problem> {
    let active = Active { settings: logging.clone(), outputs: loggers(logging, open(logging)?) };
    let twice = || Problem::error("logging", "is already running", "start the log once");
    LOGGER.set(Logger { active: Mutex::new(active) }).map_err(|_| twice())?;
    let logger = LOGGER.get().ok_or_else(twice)?;
    log::set_logger(logger).map_err(|_| twice())?;
    log::set_max_level(logging.lowest_level());
    Ok(())
}

/// Applies other settings and reopens the file. If logrotate has moved the file, further lines go to a new one. If the
/// file cannot be opened, nothing changes.
pub fn change(logging: &Logging) -> Result<(), Problem> {
    let Some(logger) = LOGGER.get() else { return init(logging) };
    let outputs = loggers(logging, open(logging)?);
    let mut active = logger.lock();
    *active = Active { settings: logging.clone(), outputs };
    log::set_max_level(logging.lowest_level());
    Ok(())
}

/// Sets the level of all parts, until the next [`change`].
pub fn set_level(level: Level) {
    let Some(logger) = LOGGER.get() else { return };
    let mut active = logger.lock();
    active.settings.level = filter(level);
    active.settings.components.clear();
    log::set_max_level(active.settings.level);
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
    fn lock(&self) -> MutexGuard<'_, Active> {
        // A panic during a write loses only that line.
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl log::Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.lock().shows(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        // Held while the line is written: both outputs have the lines in one order.
        let active = self.lock();
        if active.shows(record.metadata()) {
            active.outputs.log(record);
        }
    }

    fn flush(&self) {
        self.lock().outputs.flush();
    }
}

impl Active {
    fn shows(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let is_quiet = QUIET.iter().any(|package| target.starts_with(package));
        !is_quiet && metadata.level() <= self.settings.level_of(target)
    }
}
