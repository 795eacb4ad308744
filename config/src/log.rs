//! Where messages go: standard error, and a file if one is set.

use crate::{Logging, Problem};
use i3_core::notice::{Level, Notice};
use log::LevelFilter;
use simplelog::{
    ColorChoice, CombinedLogger, Config, ConfigBuilder, SharedLogger, TermLogger, TerminalMode, WriteLogger,
};
use std::fs::{self, File};
use std::io::{self, IsTerminal, LineWriter};
use std::path::Path;

/// The packages below us log for their own developers.
const QUIET: &[&str] = &["async_io", "polling", "tungstenite", "async_tungstenite"];

/// Starts logging. Can be called once in a process.
pub fn init(logging: &Logging) -> Result<(), Problem> {
    // What is shown is decided in one place, which can be changed: the facade's level.
    let all = LevelFilter::Trace;
    let mut loggers: Vec<Box<dyn SharedLogger>> = vec![console(all)];
    if let Some(path) = &logging.file {
        let file = open(path).map_err(|error| {
            let message = format!("{} cannot be written: {error}", path.display());
            Problem::error("logging.file", message, "name a file that the gateway may write, or none")
        })?;
        // A line goes out in one piece, so that two writers cannot mix.
        loggers.push(WriteLogger::new(all, format(), LineWriter::new(file)));
    }
    CombinedLogger::init(loggers)
        .map_err(|error| Problem::error("logging", error.to_string(), "start logging only once"))?;
    log::set_max_level(logging.level);
    Ok(())
}

/// Shows more from here on, or less.
pub fn set_level(level: Level) {
    log::set_max_level(filter(level));
}

fn filter(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::Error,
        Level::Warn => LevelFilter::Warn,
        Level::Info => LevelFilter::Info,
        Level::Debug => LevelFilter::Debug,
    }
}

/// The level of a machine's notices that is the nearest to what is set.
pub(crate) fn level(filter: LevelFilter) -> Level {
    match filter {
        LevelFilter::Off | LevelFilter::Error => Level::Error,
        LevelFilter::Warn => Level::Warn,
        LevelFilter::Info => Level::Info,
        LevelFilter::Debug | LevelFilter::Trace => Level::Debug,
    }
}

/// Writes what a machine has to say. One line: a [`Notice`] escapes what a peer has put into it.
pub fn record(notice: &Notice) {
    let level = match notice.level {
        Level::Error => log::Level::Error,
        Level::Warn => log::Level::Warn,
        Level::Info => log::Level::Info,
        Level::Debug => log::Level::Debug,
    };
    log::log!(target: notice.component, level, "{notice}");
}

/// The names of `log`, and those of Python.
pub(crate) fn parse_level(text: &str) -> Option<LevelFilter> {
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

/// In colours for a person, plain for a file or a service manager.
fn console(level: LevelFilter) -> Box<dyn SharedLogger> {
    if io::stderr().is_terminal() {
        TermLogger::new(level, format(), TerminalMode::Stderr, ColorChoice::Auto)
    } else {
        WriteLogger::new(level, format(), LineWriter::new(io::stderr()))
    }
}

fn format() -> Config {
    let mut format = ConfigBuilder::new();
    format
        .set_time_format_rfc3339()
        .set_target_level(LevelFilter::Error)
        .set_thread_level(LevelFilter::Off)
        .set_location_level(LevelFilter::Off);
    for package in QUIET {
        format.add_filter_ignore_str(package);
    }
    format.build()
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(directory)?;
    }
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // It names players and their addresses.
        options.mode(0o640);
    }
    options.open(path)
}
