//! The log. Messages go to standard error, and to a file if one is set. A record is one line, as text or as JSON.
//!
//! Logging never waits: a thread for each of the two places writes what is in its queue.

use crate::logfile::LogFile;
use crate::logline::{loggers, wording};
use crate::logqueue::{Place, Target, standard_error};
use crate::{Logging, Problem};
use i3_core::notice::{Level, Notice};
use log::kv::{Error as KvError, Key, Source, VisitSource};
use log::{LevelFilter, Metadata, Record};
use simplelog::CombinedLogger;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

pub use crate::logqueue::{LOG_FLUSH_TIME_MAX, LOG_QUEUE_BYTES_MAX, Spawn, lost};

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
    standard_error: Place,
    file: Place,
}

struct Active {
    settings: Logging,
    outputs: Box<CombinedLogger>,
}

/// Starts logging. May be called once in a process. `spawn` starts the threads that write.
pub fn init(logging: &Logging, spawn: Spawn) -> Result<(), Problem> {
    let twice = || Problem::error("logging", "is already running", "start the log once");
    let file = open(logging)?;
    let wording = wording(logging.format);
    let (standard, written) = (Place::new(wording, spawn), Place::new(wording, spawn));
    standard.set(standard_error(), wording).map_err(|error| no_thread(&error))?;
    let active = Active { settings: logging.clone(), outputs: loggers(logging.format, &[]) };
    let logger = Logger { active: Mutex::new(active), standard_error: standard, file: written };
    logger.apply(logging, file)?;
    LOGGER.set(logger).map_err(|_| twice())?;
    let logger = LOGGER.get().ok_or_else(twice)?;
    log::set_logger(logger).map_err(|_| twice())?;
    log::set_max_level(logging.lowest_level());
    Ok(())
}

/// Applies other settings and reopens the file. If logrotate has moved the file, further lines go to a new one. If the
/// file cannot be opened, nothing changes.
pub fn change(logging: &Logging) -> Result<(), Problem> {
    let not_yet = || Problem::error("logging", "is not running yet", "start the log first");
    let logger = LOGGER.get().ok_or_else(not_yet)?;
    logger.apply(logging, open(logging)?)?;
    log::set_max_level(logging.lowest_level());
    Ok(())
}

/// Waits until what was logged is written, at most [`LOG_FLUSH_TIME_MAX`]. For the end of a program.
pub fn flush() {
    flush_within(LOG_FLUSH_TIME_MAX);
}

/// Waits until what was logged is written, at most so long.
pub fn flush_within(time: Duration) {
    if let Some(logger) = LOGGER.get() {
        logger.flush_until(Instant::now() + time);
    }
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

fn no_thread(error: &std::io::Error) -> Problem {
    Problem::error(
        "logging",
        format!("the system has no thread for the log: {error}"),
        "raise the limit of threads",
    )
}

impl Logger {
    fn flush_until(&self, until: Instant) {
        self.standard_error.flush(until);
        self.file.flush(until);
    }

    /// Applies settings. `file` is the opened log file.
    fn apply(&self, logging: &Logging, file: Option<LogFile>) -> Result<(), Problem> {
        let wording = wording(logging.format);
        let mut places = vec![&self.standard_error];
        if let Some(file) = file {
            let errors_to = self.standard_error.clone();
            let target = Target::File { file, errors_to, failed: false };
            self.file.set(target, wording).map_err(|error| no_thread(&error))?;
            places.push(&self.file);
        }
        self.standard_error.word(wording);
        *self.lock() = Active { settings: logging.clone(), outputs: loggers(logging.format, &places) };
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Active> {
        // A panic while a line was made loses only that line.
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl log::Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.lock().shows(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        // Held until the line is queued: both outputs have the lines in one order.
        let active = self.lock();
        if active.shows(record.metadata()) {
            active.outputs.log(record);
        }
    }

    fn flush(&self) {
        self.flush_until(Instant::now() + LOG_FLUSH_TIME_MAX);
    }
}

impl Active {
    fn shows(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let is_quiet = QUIET.iter().any(|package| target.starts_with(package));
        !is_quiet && metadata.level() <= self.settings.level_of(target)
    }
}
