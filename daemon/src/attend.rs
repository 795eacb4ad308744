//! The work of a daemon besides driving its machine: it checks the machine every few seconds, and passes it new settings
//! at a SIGHUP. Both happen on the thread that drives the machine.
//!
//! The watchdog of the service manager is notified at each check. If the driver's loop hangs, it gets no notification.

use crate::daily::Daily;
use crate::doubts;
use crate::state::open_to_read;
use crate::tls::Acceptors;
use crate::{process, systemd};
use i3_config::{Config, FileOptions, ListenAt, Logging, Problem, Problems, Severity};
use i3_core::Gateway;
use i3_core::health::Health;
use i3_core::machine::Listener;
use i3_core::notice::{Level, Notice};
use i3_core::time::{Instant, Now, UnixTime};
use i3_driver::clock::Clock;
use log::LevelFilter;
use std::sync::Arc;
use std::time::Duration;

/// The interval of the checks, unless the service manager needs a shorter one.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// The interval of the memory accounts in the log, with `--profile-memory`.
const ACCOUNT_INTERVAL: Duration = Duration::from_secs(60);

/// How long the end of a reload waits for its lines in the log. The loop stands still for so long if nobody takes them.
const LOG_WAIT: Duration = Duration::from_millis(10);

/// The log component of the memory accounts.
const MEMORY: &str = "memory";

/// The attendant of a machine. The thread that drives the machine calls it, so it may take only some milliseconds.
pub trait Attend<M> {
    /// The interval between two calls of [`Attend::look`].
    fn interval(&self) -> Duration;
    /// The machine runs, and its listeners accept connections.
    fn started(&mut self);
    /// Checks the machine. `due` is the time for which the check was planned.
    fn look(&mut self, machine: &mut M, now: Now, due: Instant);
    /// Reloads the settings.
    fn reload(&mut self, machine: &mut M, now: Now);
}

impl<M> Attend<M> for Box<dyn Attend<M> + Send> {
    fn interval(&self) -> Duration {
        (**self).interval()
    }

    fn started(&mut self) {
        (**self).started();
    }

    fn look(&mut self, machine: &mut M, now: Now, due: Instant) {
        (**self).look(machine, now, due);
    }

    fn reload(&mut self, machine: &mut M, now: Now) {
        (**self).reload(machine, now);
    }
}

/// The attendant of a machine that has no settings except its command line.
#[derive(Clone, Copy, Debug)]
pub struct Unattended;

impl<M> Attend<M> for Unattended {
    fn interval(&self) -> Duration {
        systemd::watchdog_within().map_or(LOOK_INTERVAL, |within| within / 2)
    }

    fn started(&mut self) {
        systemd::ready("running");
    }

    fn look(&mut self, _: &mut M, _: Now, _: Instant) {
        systemd::watchdog();
    }

    fn reload(&mut self, _: &mut M, _: Now) {
        log::info!(target: "daemon", "SIGHUP has no effect: this program has no settings file");
    }
}

/// The attendant of a gateway.
#[derive(Debug)]
pub struct Attendant {
    files: FileOptions,
    /// The current settings. Those that need a restart are as they were at the start.
    config: Arc<Config>,
    tls: Acceptors,
    profile_memory: bool,
    started: UnixTime,
    status: String,
    accounted: Option<Instant>,
    daily: Daily,
}

impl Attendant {
    /// Makes the attendant of a gateway that starts with `config`, which was loaded from `files`, and with `tls`.
    pub fn new(files: FileOptions, config: Arc<Config>, tls: Acceptors, profile_memory: bool) -> Self {
        let started = Clock::start().now().unix;
        Attendant {
            files,
            config,
            tls,
            profile_memory,
            started,
            status: String::new(),
            accounted: None,
            daily: Daily::default(),
        }
    }

    /// Logs a memory account, at most once in [`ACCOUNT_INTERVAL`].
    fn account(&mut self, now: Instant, health: &Health, resident_bytes: Option<u64>) {
        if !self.profile_memory || self.accounted.is_some_and(|at| now.since(at) < ACCOUNT_INTERVAL) {
            return;
        }
        self.accounted = Some(now);
        let mut notice = Notice::new(Level::Info, MEMORY, "memory account");
        if let Some(bytes) = resident_bytes {
            notice = notice.with("resident_bytes", bytes);
        }
        for (name, held) in &health.holds {
            notice = notice.with(name, held);
        }
        i3_config::log::record(&notice);
    }

    /// Applies the settings that can change while the gateway runs. After an error, nothing has changed.
    fn take_over(&mut self, gateway: &mut Gateway, now: Now) -> Result<(), Problems> {
        let mut new = i3_config::reload_files(&self.files, &self.config)?;
        new.core.node.clone_from(&self.config.core.node);
        new.core.api.warnings = doubts::texts(self.files.env_file.as_deref(), &new);
        gateway.reload(now, new.core.clone()).map_err(|error| {
            Problem::error("", error.to_string(), "change the settings that the message names")
        })?;
        // After a failure here, the other changes still apply.
        let logging = with_account(new.logging, self.profile_memory);
        if let Err(problem) = i3_config::log::change(&logging) {
            log::error!(target: "settings", "{}", problem.text());
        }
        // Warnings that were logged before are not repeated.
        for warning in new.warnings.iter().filter(|warning| !self.config.warnings.contains(warning)) {
            log::warn!(target: "settings", "{}", warning.text());
        }
        match self.tls.reload(&new.listeners) {
            Ok(0) => {}
            Ok(_) => {
                log::info!(target: "net", "TLS: the files were read again, and apply to new connections");
            }
            Err(problems) => {
                for problem in problems.0 {
                    log::error!(target: "net", "{}", problem.text());
                }
                log::error!(target: "net", "TLS: the former certificates and keys stay in use");
            }
        }
        for (what, changed) in [
            ("the addresses to listen at", places(&new.listeners) != places(&self.config.listeners)),
            ("api.auth.require_tls", new.tls_required != self.config.tls_required),
            ("state.directory", new.state_directory != self.config.state_directory),
            ("state.url, node or lease", new.shared != self.config.shared),
        ] {
            if changed {
                log::warn!(target: "settings", "a restart is needed to change {what}");
            }
        }
        let config = Arc::make_mut(&mut self.config);
        config.core = new.core;
        config.state_backups = new.state_backups;
        config.warnings = new.warnings;
        config.read = new.read;
        config.logging = logging;
        Ok(())
    }
}

/// The properties of listeners that can change only with a restart. The files of TLS are not among them.
fn places(listeners: &[ListenAt]) -> Vec<(Listener, &str, u16, bool)> {
    listeners.iter().map(|at| (at.listener, at.host.as_str(), at.port, at.tls.is_some())).collect()
}

/// Adds the level that shows memory accounts, if `--profile-memory` asks for them and no level is set.
pub(crate) fn with_account(mut logging: Logging, profile_memory: bool) -> Logging {
    if profile_memory {
        logging.components.entry(MEMORY.to_owned()).or_insert(LevelFilter::Info);
    }
    logging
}

impl Attend<Gateway> for Attendant {
    fn interval(&self) -> Duration {
        let within = systemd::watchdog_within().map(|within| within / 2);
        within.map_or(LOOK_INTERVAL, |within| within.min(LOOK_INTERVAL))
    }

    fn started(&mut self) {
        systemd::ready("listening");
    }

    fn look(&mut self, gateway: &mut Gateway, now: Now, due: Instant) {
        let process = process::figures(due, self.started);
        let resident_bytes = process.resident_bytes;
        let health = gateway.report(now, process);
        systemd::watchdog();
        let status = health.to_string();
        if status != self.status {
            systemd::status(&status);
            self.status = status;
        }
        self.account(now.mono, &health, resident_bytes);
        let Config { state_directory, state_backups, .. } = &*self.config;
        // With a state in a database the number is 0.
        self.daily.look(now, state_directory, *state_backups, open_to_read);
    }

    fn reload(&mut self, gateway: &mut Gateway, now: Now) {
        systemd::reloading();
        let outcome = self.take_over(gateway, now);
        if let Err(problems) = &outcome {
            for problem in &problems.0 {
                let level = match problem.severity {
                    Severity::Error => log::Level::Error,
                    Severity::Warning => log::Level::Warn,
                };
                log::log!(target: "settings", level, "{}", problem.text());
            }
            log::error!(target: "settings", "the settings did not change");
            // The file may have been moved for rotation, so it is reopened all the same.
            if let Err(problem) = i3_config::log::change(&self.config.logging) {
                log::error!(target: "settings", "{}", problem.text());
            }
        }
        self.status = gateway.report(now, process::figures(now.mono, self.started)).to_string();
        // Who is told of the end of a reload looks into the log next.
        i3_config::log::flush_within(LOG_WAIT);
        systemd::ready(&self.status);
    }
}
