//! The command `retire`: takes a mud off the network for good.
//!
//! A router keeps the name of a mud that was on the network once, and other muds list it for years. The only way out is a
//! goodbye with a restart delay above seven days, which makes the router delete the mud.

use crate::attend::Attend;
use crate::directory::StateDirectory;
use crate::exit::{UNAVAILABLE, USAGE, start_logging, unusable};
use crate::gateway::{Run, run_once};
use crate::node;
use crate::terminal::{err, out};
use i3_config::Config;
use i3_config::cli::{Cli, Retire};
use i3_core::Gateway;
use i3_core::health::Process;
use i3_core::machine::{Input, Machine};
use i3_core::time::{Instant, Now};
use i3_store::{Unavailable, open_shared};
use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long the login may take. It is enough for a slow answer and for a second attempt.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(60);

/// Takes the mud off the network. `None`: a gateway runs with this state, and has to be asked.
pub fn run(cli: &Cli, command: &Retire, run: Run) -> Option<ExitCode> {
    let mut config = match i3_config::load_files(&cli.files()) {
        Ok(config) => config,
        Err(problems) => return Some(unusable(&problems)),
    };
    let name = match chosen(&config, command.mud.as_deref()) {
        Ok(name) => name,
        Err(text) => {
            err(&text);
            return Some(ExitCode::from(USAGE));
        }
    };
    if io::stdin().is_terminal() && !is_meant(&name) {
        err("Nothing was done.");
        return Some(ExitCode::from(USAGE));
    }
    match is_in_use(&config) {
        Ok(false) => {}
        Ok(true) => return None,
        Err(text) => return Some(failed(&text)),
    }
    config.core.muds.retain(|mud| mud.name == name);
    Some(log_in_and_retire(config, &name, run))
}

/// Whether a gateway runs with the state.
fn is_in_use(config: &Config) -> Result<bool, String> {
    if let Some(shared) = &config.shared {
        let node = node::settings(shared).map_err(|error| error.to_string())?;
        let store = open_shared(&node::place(shared), node::identity(&node));
        let nodes = store.and_then(|mut joined| joined.store.nodes()).map_err(|error| error.to_string())?;
        return Ok(!nodes.is_empty());
    }
    match StateDirectory::take(&config.state_directory) {
        Ok(_) => Ok(false),
        Err(Unavailable::InUse(_)) => Ok(true),
        Err(Unavailable::Error(error)) => Err(format!("{}: {error}", config.state_directory.display())),
    }
}

/// Returns the mud that is meant: the one that is named, or the only one.
fn chosen(config: &Config, named: Option<&str>) -> Result<String, String> {
    let names: Vec<&str> = config.core.muds.iter().map(|mud| mud.name.as_str()).collect();
    match (named, names.as_slice()) {
        (Some(named), names) if names.contains(&named) => Ok(named.to_owned()),
        (None, [only]) => Ok((*only).to_owned()),
        (Some(named), names) => Err(format!("{named:?} is no mud of the settings: {}", names.join(", "))),
        (None, names) => Err(format!("name the mud that retires: {}", names.join(", "))),
    }
}

/// Asks a person at a terminal for the name of the mud.
fn is_meant(name: &str) -> bool {
    let mut stdout = io::stdout();
    // Without the question there is no answer either.
    let _ = write!(stdout, "{name} leaves the network for good. Type its name to go on: ");
    let _ = stdout.flush();
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim() == name
}

fn failed(text: &str) -> ExitCode {
    err(text);
    ExitCode::from(UNAVAILABLE)
}

/// What follows from a goodbye for good.
pub fn advice(name: &str) -> String {
    format!(
        "{name} has said goodbye for good: the router deletes it, and other muds take it off their lists. Do not start a gateway \
         with these settings again, since a login puts the name back on the network."
    )
}

fn log_in_and_retire(mut config: Config, name: &str, run: Run) -> ExitCode {
    if let Err(code) = start_logging(&config.logging) {
        return code;
    }
    config.listeners.clear();
    let outcome = Arc::new(Mutex::new(Err("the gateway ended before the login".to_owned())));
    let attempt = Retirement { name: name.to_owned(), since: None, outcome: outcome.clone() };
    if let Err(error) = run_once(config, Box::new(attempt), run) {
        return failed(&error.to_string());
    }
    let outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
    match &*outcome {
        Ok(()) => {
            out(&advice(name));
            ExitCode::SUCCESS
        }
        Err(why) => failed(&format!("{name} is still on the network: {why}")),
    }
}

/// Ends a gateway as soon as its mud has retired, or at the end of [`LOGIN_TIMEOUT`].
#[derive(Debug)]
struct Retirement {
    name: String,
    since: Option<Instant>,
    outcome: Arc<Mutex<Result<(), String>>>,
}

impl Attend<Gateway> for Retirement {
    fn interval(&self) -> Duration {
        Duration::from_millis(200)
    }

    fn started(&mut self) {}

    fn look(&mut self, gateway: &mut Gateway, now: Now, due: Instant) {
        if gateway.is_stopping() {
            return;
        }
        let since = *self.since.get_or_insert(now.mono);
        let has_retired = gateway.retire(now, &self.name);
        let links_down = gateway.report(now, Process { due, ..Process::default() }).links_down;
        if has_retired || now.mono.since(since) > LOGIN_TIMEOUT {
            let outcome = if has_retired { Ok(()) } else { Err(links_down.join("; ")) };
            *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
            gateway.handle(now, Input::Shutdown);
        }
    }

    fn reload(&mut self, _: &mut Gateway, _: Now) {}
}
