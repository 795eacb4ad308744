//! The command `doctor`: checks everything that a gateway needs, and reports what to do.
//!
//! It does not disturb a gateway that runs. It opens the ports and closes them, and connects to the routers without a
//! login, because a login under the mud's name would end the gateway's session.

use crate::attend::Attend;
use crate::doubts::{self, Doubt};
use crate::exit::{CONFIG, start_logging};
use crate::gateway::{Run, run_once};
use crate::healthcheck;
use crate::node;
use crate::state::{python_password, read_within, url};
use crate::terminal::out;
use crate::tls;
use i3_config::cli::{Cli, Doctor};
use i3_config::{Config, ListenAt, Severity, SharedState};
use i3_core::Gateway;
use i3_core::health::Process;
use i3_core::machine::{Input, Listener, Machine, Saved};
use i3_core::settings::{RouterSettings, Settings};
use i3_core::time::{Instant, Now};
use i3_driver::address::resolve;
use i3_driver::clock::Clock;
use i3_driver::dial::{CONNECT_TIMEOUT, DIAL_ADDRESSES_MAX, Failures, refuse_itself};
use i3_driver::listen::bind;
use i3_store::{
    Condition, DirectoryLock, Finding, StoreError, Unavailable, Warning, examine_shared, open_shared_existing,
};
use std::fs;
use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

/// The pause between two connections to routers. Some routers accept only one connection a second.
const BETWEEN_CONNECTIONS: Duration = Duration::from_millis(1100);

/// How long a login may take. It is enough for a slow answer and for a second attempt.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(60);

/// A clock that shows an earlier time is wrong: 2025-01-01.
const CLOCK_SECONDS_MIN: u64 = 1_735_689_600;

/// Prints the findings, and counts them.
#[derive(Debug, Default)]
struct Report {
    failed: usize,
    warned: usize,
}

impl Report {
    fn good(&mut self, text: &str) {
        out(&format!("ok    {text}"));
    }

    fn warn(&mut self, text: &str, fix: &str) {
        self.warned += 1;
        out(&format!("warn  {text}\n      -> {fix}"));
    }

    fn fail(&mut self, text: &str, fix: &str) {
        self.failed += 1;
        out(&format!("FAIL  {text}\n      -> {fix}"));
    }
}

/// Checks everything. The exit code is 0 if a gateway can run, 1 if it cannot, and 78 if the settings are wrong.
pub fn run(cli: &Cli, doctor: &Doctor, run: Run) -> ExitCode {
    let mut report = Report::default();
    let config = match i3_config::load_files(&cli.files()) {
        Ok(config) => config,
        Err(problems) => {
            for problem in &problems.0 {
                out(&problem.to_string());
            }
            out("The settings are wrong, so nothing else was checked.");
            return ExitCode::from(CONFIG);
        }
    };
    settings(&mut report, cli, &config);
    let runs = match &config.shared {
        Some(_) => false,
        None => runs_with_state(&mut report, &config.state_directory),
    };
    let mut in_database = InDatabase::default();
    if let Some(shared) = &config.shared {
        clock(&mut report, None);
        in_database = database(&mut report, shared, &config);
        passwords(&mut report, &config, in_database.saved.as_ref());
    } else if runs {
        clock(&mut report, None);
    } else {
        let found = look_at_state(&config);
        let known = found.as_ref().ok().and_then(Option::as_ref);
        clock(&mut report, known.and_then(|(_, condition)| condition.saved_at));
        state(&mut report, &config.state_directory, &found);
        passwords(&mut report, &config, known.map(|(saved, _)| saved));
    }
    log_file(&mut report, &config);
    tls_files(&mut report, &config);
    let running = ports(&mut report, &config, runs);
    if let Some(name) = in_database.namesake.filter(|_| !running) {
        let text =
            format!("a gateway with the name {name} was with the database a moment ago, and none runs here");
        report.warn(&text, "give each node a node.name of its own");
    }
    muds_at_home(&mut report, &config);
    file_limit(&mut report, &config);
    routers(&mut report, &config);
    if !doctor.login {
        out(
            "      No login was tried, because it would end the session of a gateway or game with the mud's name.",
        );
        out("      If none runs, `doctor --login` tries it.");
    } else if running || in_database.has_nodes || report.failed > 0 {
        report.warn(
            "no login was tried",
            if running {
                "a gateway runs here: its page /health reports the links"
            } else if in_database.has_nodes {
                "gateways run with the database: their pages /health report the links"
            } else {
                "correct the failures first"
            },
        );
    } else {
        login(&mut report, config, run);
    }
    out(&format!("failures: {}, warnings: {}", report.failed, report.warned));
    if report.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn settings(report: &mut Report, cli: &Cli, config: &Config) {
    for warning in &config.warnings {
        let mut found = warning.clone();
        let fix = std::mem::take(&mut found.fix);
        report.warn(&found.text(), if fix.is_empty() { "remove the key" } else { &fix });
    }
    let names: Vec<&str> = config.core.muds.iter().map(|mud| mud.name.as_str()).collect();
    report.good(&format!("the settings of {} are valid", names.join(", ")));
    for Doubt { text, fix } in doubts::files(cli.env_file.as_deref(), config) {
        report.warn(&text, &fix);
    }
}

fn clock(report: &mut Report, saved_at: Option<SystemTime>) {
    let now = SystemTime::now();
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let fix = "set the clock, and switch NTP on (timedatectl set-ntp true)";
    if seconds < CLOCK_SECONDS_MIN {
        report.fail("the clock is wrong: it shows a time before 2025", fix);
    } else if saved_at.is_some_and(|saved| saved > now + Duration::from_secs(60)) {
        report.warn("the clock is behind the time of the last save", fix);
    } else {
        report.good(&format!("the clock shows {}", Clock::start().now().unix));
    }
}

/// Returns whether a gateway runs with the state. Its database is left alone: the gateway may keep others out of it, and
/// knows itself whether it can save.
fn runs_with_state(report: &mut Report, directory: &Path) -> bool {
    let Err(Unavailable::InUse(process)) = DirectoryLock::look(directory) else { return false };
    let process = process.map(|number| format!(" (process {number})")).unwrap_or_default();
    let shown = directory.display();
    report.good(&format!(
        "a gateway{process} runs with the state in {shown}, which was not opened: its page /health and \
                          its log say how it is"
    ));
    true
}

/// What a database has.
#[derive(Default)]
struct InDatabase {
    saved: Option<Saved>,
    /// Gateways run with it.
    has_nodes: bool,
    /// One of them has the name of this one.
    namesake: Option<String>,
}

/// Checks the database, and reads it if it has a state. Nothing is changed.
fn database(report: &mut Report, shared: &SharedState, config: &Config) -> InDatabase {
    let fix = "correct state.url";
    let (place, node) = match node::settings(shared) {
        Ok(node) => (node::place(shared), node),
        Err(error) => {
            report.fail(&error.to_string(), "set node.name");
            return InDatabase::default();
        }
    };
    report.good(&format!("this gateway is the node {}", node.name));
    let findings = match examine_shared(&place, node::identity(&node)) {
        Ok(findings) => findings,
        Err(error) => {
            report.fail(&error.to_string(), fix);
            return InDatabase::default();
        }
    };
    let mut is_usable = true;
    for finding in findings {
        match finding {
            Finding::Good(text) => report.good(&text),
            Finding::Doubt(Warning { what, fix }) => report.warn(&what, &fix),
            Finding::Fault(Warning { what, fix }) => {
                is_usable = false;
                report.fail(&what, &fix);
            }
        }
    }
    // A database without tables has no state yet, which was said.
    let Ok(mut store) = open_shared_existing(&place, node::identity(&node)) else {
        return InDatabase::default();
    };
    let settings = Settings { node: Some(node.clone()), ..config.core.clone() };
    let read = is_usable.then(|| node::read(&mut *store, &settings, Clock::start().now())).transpose();
    let saved = match read {
        Ok(read) => read.map(|(saved, _)| saved),
        Err(error) => {
            report.fail(&error.to_string(), "read the log of the database");
            None
        }
    };
    let nodes = store.nodes().unwrap_or_default();
    let nodes: Vec<String> = nodes.into_iter().map(|one| one.name).collect();
    if !nodes.is_empty() {
        report.good(&format!("gateways run with the database: {}", nodes.join(", ")));
    }
    let namesake = nodes.iter().find(|name| **name == node.name).cloned();
    InDatabase { saved, has_nodes: !nodes.is_empty(), namesake }
}

/// An existing state: what a gateway reads of it, and its condition.
type State = (Saved, Condition);

/// Reads and checks the state, if there is one. It creates nothing.
fn look_at_state(config: &Config) -> Result<Option<State>, StoreError> {
    let Some(mut store) = i3_store::open_existing(url(&config.state_directory)?)? else { return Ok(None) };
    let condition = store.check()?;
    let saved = read_within(&mut *store, &config.core, Clock::start().now(), |_, _| Ok(()));
    let saved = saved.map_err(|error| StoreError(format!("{}: {error}", store.place())))?;
    Ok(Some((saved, condition)))
}

/// Reports on the state directory and its contents.
fn state(report: &mut Report, directory: &Path, found: &Result<Option<State>, StoreError>) {
    let shown = directory.display();
    match found {
        Ok(Some((saved, condition))) => {
            for warning in &condition.warnings {
                report.warn(&warning.what, &warning.fix);
            }
            report.good(&format!("the state in {shown} is intact ({} entries)", saved.entries.len()));
        }
        Ok(None) => {
            let nearest = directory.ancestors().find(|path| path.exists() || path.as_os_str().is_empty());
            let nearest = nearest.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
            match can_write(nearest) {
                Ok(()) => report.good(&format!("the state directory {shown} has no state yet")),
                Err(error) => report.fail(
                    &format!("the state directory {shown} cannot be created: {}: {error}", nearest.display()),
                    "create it for the user that runs the gateway, or set state.directory",
                ),
            }
        }
        Err(error) => {
            let fix = match error.0.contains("locked") {
                true => "another program has the database open: end it, and try again",
                false => {
                    "give it to the user that runs the gateway (chown); if it is damaged, restore a backup"
                }
            };
            report.fail(&format!("state: {error}"), fix);
        }
    }
}

fn can_write(directory: &Path) -> io::Result<()> {
    let probe = directory.join(format!(".i3-doctor-{}", std::process::id()));
    fs::OpenOptions::new().write(true).create_new(true).open(&probe)?;
    fs::remove_file(probe)
}

/// Reports whether the routers' passwords are known. A router refuses a registered name without its password.
fn passwords(report: &mut Report, config: &Config, saved: Option<&Saved>) {
    for mud in &config.core.muds {
        let known = saved.map(|saved| Gateway::saved_passwords(saved, &mud.name)).unwrap_or_default();
        let name = &mud.name;
        if !known.is_empty() {
            report.good(&format!("{name}: the state has the passwords of {}", known.join(", ")));
        } else if mud.router_password != 0 {
            report.good(&format!("{name}: the settings have the router's password"));
        } else {
            let found = match &config.shared {
                Some(_) => Ok(None),
                None => python_password(&config.state_directory),
            };
            match found {
                Ok(Some(_)) => report.good(&format!("{name}: the password of the Python gateway will be imported")),
                Ok(None) => report.warn(
                    &format!("{name}: no router password is known"),
                    "set router.primary.password if the name is registered at a router; a new name needs no password",
                ),
                Err(error) => report.warn(&error, "write only the number into the file, or remove the file"),
            }
        }
    }
}

fn log_file(report: &mut Report, config: &Config) {
    let Some(file) = &config.logging.file else {
        return report.good("the log goes to standard error");
    };
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let tried = if file.exists() {
        fs::OpenOptions::new().append(true).open(file).map(drop)
    } else if directory.exists() {
        can_write(directory)
    } else {
        return report.warn(
            &format!("the log directory {} does not exist yet", directory.display()),
            "nothing: the gateway creates it if it has the permission",
        );
    };
    match tried {
        Ok(()) => report.good(&format!("the log goes to {}", file.display())),
        Err(error) => report.fail(
            &format!("the log {} cannot be written: {error}", file.display()),
            "give it to the user that runs the gateway (chown), or set logging.file",
        ),
    }
}

fn tls_files(report: &mut Report, config: &Config) {
    let found = tls::findings(&config.listeners);
    found.good.iter().for_each(|text| report.good(text));
    for mut problem in found.problems {
        let fix = std::mem::take(&mut problem.fix);
        match problem.severity {
            Severity::Error => report.fail(&problem.text(), &fix),
            Severity::Warning => report.warn(&problem.text(), &fix),
        }
    }
}

/// Says which muds may log in at the port for muds, and from where.
fn muds_at_home(report: &mut Report, config: &Config) {
    let Some(at) = config.listeners.iter().find(|at| at.listener == Listener::Mud) else { return };
    for mud in &config.core.muds {
        let Some(login) = &mud.i3 else { continue };
        let from: Vec<String> = login.allow.iter().map(ToString::to_string).collect();
        let port = format!("port {}:{}", at.host, at.port);
        if from.is_empty() {
            let text = format!("{port}: the mud {} may log in from nowhere", mud.name);
            report.warn(&text, "write the address of its host in its `i3.allow`");
        } else {
            report.good(&format!("{port}: the mud {} may log in from {}", mud.name, from.join(", ")));
        }
    }
}

/// Tries the ports. `runs` says whether a gateway runs with the state. Returns whether a gateway uses them already.
fn ports(report: &mut Report, config: &Config, runs: bool) -> bool {
    let mut running = runs;
    for at in &config.listeners {
        let shown = format!("{}:{}", at.host, at.port);
        match bind(&at.host, at.port) {
            Ok(_) => report.good(&format!("port {shown} is free")),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                let answer = (at.listener == Listener::Http).then(|| healthcheck::page(at, "/health"));
                if let Some(Ok(body)) = answer {
                    running = true;
                    report.good(&format!("port {shown}: a gateway runs here: {body}"));
                } else if running {
                    report.good(&format!("port {shown} is in use, as expected while a gateway runs"));
                } else {
                    let (text, fix) =
                        (format!("port {shown} is in use by another program"), free_the_port(at));
                    if at.is_spare {
                        report.warn(&format!("{text}: the gateway starts without it"), &fix);
                    } else {
                        report.fail(&text, &fix);
                    }
                }
            }
            Err(error) => report.fail(
                &format!("port {shown}: {error}"),
                "set an address of this host (127.0.0.1, 0.0.0.0) and a port above 1023",
            ),
        }
    }
    running
}

fn free_the_port(at: &ListenAt) -> String {
    format!("stop that program (`ss -tlnp | grep :{}` shows it), or set another port", at.port)
}

fn file_limit(report: &mut Report, config: &Config) {
    match doubts::open_files(config) {
        Err(Doubt { text, fix }) => report.warn(&text, &fix),
        Ok(Some(most)) => report.good(&format!("the process may have {most} open files")),
        Ok(None) => {}
    }
}

/// Connects to each router once, without a login.
fn routers(report: &mut Report, config: &Config) {
    let mut seen: Vec<(&RouterSettings, bool)> = Vec::new();
    for mud in &config.core.muds {
        let mut any = false;
        for router in &mud.routers {
            let is_same = |other: &RouterSettings| (&other.host, other.port) == (&router.host, router.port);
            let known = seen.iter().find(|(other, _)| is_same(other)).map(|(_, reached)| *reached);
            let reached = known.unwrap_or_else(|| {
                if !seen.is_empty() {
                    thread::sleep(BETWEEN_CONNECTIONS);
                }
                reach(report, router)
            });
            seen.push((router, reached));
            any |= reached;
        }
        if !any {
            let text = format!("{}: no router can be reached", mud.name);
            report.fail(&text, "check whether this host may connect to the Internet: firewall, proxy, DNS");
        }
    }
}

fn reach(report: &mut Report, router: &RouterSettings) -> bool {
    let shown = format!("router {} at {}:{}", router.name, router.host, router.port);
    let addresses = match resolve(&router.host, router.port) {
        Ok(addresses) => addresses,
        Err(error) => {
            report
                .warn(&format!("{shown}: {error}"), "check the name of the router, and the DNS of this host");
            return false;
        }
    };
    let mut failures = Failures::default();
    for address in addresses.into_iter().take(DIAL_ADDRESSES_MAX) {
        let connected = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT);
        match connected.and_then(|stream| refuse_itself(&stream)) {
            Ok(()) => {
                report.good(&format!("{shown} accepts connections ({address})"));
                return true;
            }
            Err(error) => failures.add(address, error),
        }
    }
    let fix = "check the address and the firewalls; while the router is down, the gateway uses another one of the list";
    report.warn(&format!("{shown}: {}", failures.of(&router.host)), fix);
    false
}

/// Ends a gateway as soon as every link is ready, or at the end of [`LOGIN_TIMEOUT`].
#[derive(Debug)]
struct LoginTry {
    since: Option<Instant>,
    /// The links that are not ready, with the reason.
    links_down: Arc<Mutex<Vec<String>>>,
}

impl Attend<Gateway> for LoginTry {
    fn interval(&self) -> Duration {
        Duration::from_millis(200)
    }

    fn started(&mut self) {}

    fn look(&mut self, gateway: &mut Gateway, now: Now, due: Instant) {
        let health = gateway.report(now, Process { due, ..Process::default() });
        let since = *self.since.get_or_insert(now.mono);
        if health.ready || now.mono.since(since) > LOGIN_TIMEOUT {
            // One shutdown is enough.
            if gateway.is_stopping() {
                return;
            }
            *self.links_down.lock().unwrap_or_else(PoisonError::into_inner) = health.links_down;
            gateway.handle(now, Input::Shutdown);
        }
    }

    fn reload(&mut self, _: &mut Gateway, _: Now) {}
}

/// Runs a gateway without listeners until it has logged in. Passwords from the routers are saved.
fn login(report: &mut Report, mut config: Config, run: Run) {
    let fix = "read the log: the router's name may be wrong, the mud's name in use, or the password lost";
    if start_logging(&config.logging).is_err() {
        return report.fail("no login was tried: the log cannot be written", "set logging.file");
    }
    config.listeners.clear();
    let links_down = Arc::new(Mutex::new(vec!["the gateway ended before the login".to_owned()]));
    let attempt = LoginTry { since: None, links_down: links_down.clone() };
    if let Err(error) = run_once(config, Box::new(attempt), run) {
        return report.fail(&format!("login: {error}"), fix);
    }
    let links_down = links_down.lock().unwrap_or_else(PoisonError::into_inner);
    if links_down.is_empty() {
        report.good("every mud has logged in");
    }
    for link in links_down.iter() {
        report.fail(&format!("login: {link}"), fix);
    }
}
