//! A PostgreSQL server in a directory of its own, for tests. It listens on a Unix socket and on 127.0.0.1, and ends with
//! the value, or with the test process.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::print_stderr,
    reason = "each test uses a part, and says why it is skipped"
)]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The role that gateways use. It owns their databases and is no superuser.
pub const USER: &str = "gateway";
/// Its password.
pub const PASSWORD: &str = "tests' own/password";
/// The password as it is written in a URL.
const PASSWORD_IN_URL: &str = "tests%27%20own%2Fpassword";

/// Where Debian and others install the programs of the server, newest version last.
const PLACES: [&str; 3] = ["/usr/lib/postgresql", "/usr/pgsql", "/usr/local/pgsql"];
/// The account that the server runs under if the tests run as root.
const ACCOUNT: &str = "postgres";
/// How long the server may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What differs from the usual server.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The directory that gets the data directory, such as a small file system. `None`: a temporary one.
    pub within: Option<PathBuf>,
    /// Lines of postgresql.conf. They count more than those of this file: `("fsync", "on")`.
    pub settings: Vec<(&'static str, String)>,
    /// Files in the data directory, which only the server may read: certificates and keys.
    pub files: Vec<(&'static str, String)>,
}

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    directory: TempDir,
    data: PathBuf,
    port: u16,
    server: Mutex<Option<Server>>,
}

#[derive(Debug)]
struct Server {
    child: Child,
    /// The thread that has started the process. The kernel ends the process with this thread, so with the test process
    /// too, whatever ends that.
    keeper: JoinHandle<()>,
    release: mpsc::Sender<()>,
}

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Sessions are ended, and the data are written.
    Fast,
    /// As after a power failure of the process: the next start recovers.
    Immediate,
}

impl Postgres {
    /// Starts a server. `None`: its programs are not installed, which is printed.
    pub fn start() -> Option<Postgres> {
        Postgres::start_with(&Setup::default())
    }

    /// Starts a server that several tests of a process share. It ends when the last of them drops it.
    pub fn shared() -> Option<Arc<Postgres>> {
        static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Some(running);
        }
        let started = Arc::new(Postgres::start()?);
        *shared = Arc::downgrade(&started);
        Some(started)
    }

    /// Starts a server with a setup of its own.
    pub fn start_with(setup: &Setup) -> Option<Postgres> {
        let Some(programs) = programs() else {
            eprintln!("skipped: PostgreSQL (initdb, postgres, psql) is not installed");
            return None;
        };
        let directory = tempfile::Builder::new().prefix("i3-pg-").tempdir_in("/tmp").expect("a directory");
        let within = setup.within.as_deref().unwrap_or(directory.path());
        let data = within.join("data");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
        fs::create_dir(&data).expect("the data directory");
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).expect("its mode");
        if let Some((user, group)) = other_account() {
            for path in [directory.path(), &data] {
                chown(path, Some(user), Some(group)).expect("the owner of the data directory");
            }
        }
        let mut initdb = as_account(&programs.join("initdb"), &[]);
        initdb.arg("-D").arg(&data).args(["-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
        initdb.args(["--auth-local=trust", "--auth-host=scram-sha-256"]);
        succeed(&mut initdb, "initdb");
        let mut conf = fs::read_to_string(data.join("postgresql.conf")).expect("postgresql.conf");
        let socket = directory.path().display().to_string();
        let usual = [
            ("listen_addresses", "127.0.0.1"),
            ("unix_socket_directories", &socket),
            // Nothing here tests whether the server survives a power failure.
            ("fsync", "off"),
            ("shared_buffers", "16MB"),
            ("max_connections", "100"),
        ];
        usual.iter().for_each(|(name, value)| conf += &format!("{name} = '{value}'\n"));
        setup.settings.iter().for_each(|(name, value)| conf += &format!("{name} = '{value}'\n"));
        fs::write(data.join("postgresql.conf"), conf).expect("postgresql.conf");
        for (name, contents) in &setup.files {
            let file = data.join(name);
            fs::write(&file, contents).expect("a file of the server");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("its mode");
            if let Some((user, group)) = other_account() {
                chown(&file, Some(user), Some(group)).expect("its owner");
            }
        }
        let postgres = Postgres { programs, directory, data, port: free_port(), server: Mutex::new(None) };
        postgres.start_again();
        let role = format!("CREATE ROLE {USER} LOGIN PASSWORD '{}'", PASSWORD.replace('\'', "''"));
        postgres.sql("postgres", &role);
        Some(postgres)
    }

    /// Makes a database that belongs to [`USER`], and returns its URL at 127.0.0.1, with the password.
    pub fn database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE {name} OWNER {USER}"));
        self.url(name)
    }

    /// The URL of a database at 127.0.0.1, with the password.
    pub fn url(&self, database: &str) -> String {
        let port = self.port;
        format!("postgres://{USER}:{PASSWORD_IN_URL}@127.0.0.1:{port}/{database}?sslmode=prefer")
    }

    /// The TCP port at 127.0.0.1. It stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The directory of the Unix socket.
    pub fn socket_directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs statements as the superuser, and returns the rows: a line each, columns with `|` between them.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        match self.try_sql(database, statements) {
            Ok(rows) => rows,
            Err(text) => panic!("{statements}: {text}"),
        }
    }

    /// Like [`Postgres::sql`]. The error is the text of psql.
    pub fn try_sql(&self, database: &str, statements: &str) -> Result<String, String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.arg("-h").arg(self.directory.path()).arg("-p").arg(self.port.to_string());
        psql.args(["-U", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statements]);
        let output = psql.stdin(Stdio::null()).output().expect("psql");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// The number of the server's first process. Its children are the sessions.
    pub fn process(&self) -> u32 {
        self.lock().as_ref().expect("the server runs").child.id()
    }

    /// Ends the server.
    pub fn stop(&self, how: Stop) {
        if let Some(mut server) = self.lock().take() {
            let signal = if how == Stop::Fast { "INT" } else { "QUIT" };
            self.signal_to(server.child.id(), "CONT");
            self.signal_to(server.child.id(), signal);
            let until = Instant::now() + PATIENCE;
            while server.child.try_wait().expect("the server's state").is_none() {
                if Instant::now() > until {
                    let _ = server.child.kill();
                    let _ = server.child.wait();
                    break;
                }
                sleep(Duration::from_millis(20));
            }
            let _ = server.release.send(());
            let _ = server.keeper.join();
        }
    }

    /// Starts the server after [`Postgres::stop`], with its data and port, and waits until it can be used.
    pub fn start_again(&self) {
        let mut command = as_account(&self.programs.join("postgres"), &["--pdeathsig", "QUIT"]);
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.directory.path().join("server.log"))
            .expect("a log");
        command.arg("-D").arg(&self.data).arg("-p").arg(self.port.to_string());
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("the log")).stderr(log);
        let (give, child) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let keeper = thread::spawn(move || {
            let _ = give.send(command.spawn());
            let _ = released.recv();
        });
        let child = child.recv().expect("the keeper").expect("the server starts");
        *self.lock() = Some(Server { child, keeper, release });
        let until = Instant::now() + PATIENCE;
        while let Err(text) = self.try_sql("postgres", "SELECT 1") {
            let ended = self.lock().as_mut().and_then(|server| server.child.try_wait().ok().flatten());
            if ended.is_some() || Instant::now() > until {
                panic!("the server does not start ({ended:?}): {text}\n{}", self.log());
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// Sends a signal, such as `STOP` or `CONT`, to all processes of the server.
    pub fn signal_all(&self, signal: &str) {
        let first = self.process();
        let children = Command::new("pgrep").args(["-P", &first.to_string()]).output().expect("pgrep").stdout;
        let children = String::from_utf8_lossy(&children).into_owned();
        let children = children.lines().filter_map(|line| line.trim().parse().ok());
        [first].into_iter().chain(children).for_each(|process| self.signal_to(process, signal));
    }

    /// The log of the server.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("server.log")).unwrap_or_default()
    }

    fn signal_to(&self, process: u32, signal: &str) {
        // A process that has ended meanwhile needs no signal.
        let _ =
            Command::new("kill").args(["-s", signal, &process.to_string()]).stderr(Stdio::null()).status();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Server>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.lock().is_some() {
            // A stopped session could not end.
            self.signal_all("CONT");
            self.stop(Stop::Immediate);
        }
    }
}

/// Returns the directory of the newest installed programs.
fn programs() -> Option<PathBuf> {
    let mut found = Vec::new();
    for place in PLACES {
        let versions = fs::read_dir(place).into_iter().flatten().flatten();
        let directories =
            versions.map(|entry| entry.path().join("bin")).chain([Path::new(place).join("bin")]);
        found.extend(
            directories.filter(|bin| {
                ["initdb", "postgres", "psql"].iter().all(|program| bin.join(program).is_file())
            }),
        );
    }
    let version = |bin: &PathBuf| -> u32 {
        let name = bin.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        name.and_then(|name| name.parse().ok()).unwrap_or(0)
    };
    found.into_iter().max_by_key(version)
}

/// The user and group that the server needs if this process is root. A server refuses to run as root.
fn other_account() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    };
    let is_root = id(&["-u"]) == Some(0);
    is_root.then(|| Some((id(&["-u", ACCOUNT])?, id(&["-g", ACCOUNT])?))).flatten()
}

/// Runs a program under the account of the server.
fn as_account(program: &Path, options: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command.args(options).current_dir("/");
    if let Some((user, group)) = other_account() {
        command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
    }
    command.arg("--").arg(program);
    command
}

fn succeed(command: &mut Command, what: &str) {
    let Output { status, stderr, stdout } = command.stdin(Stdio::null()).output().expect(what);
    let text = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{what}: {text}{}", String::from_utf8_lossy(&stdout));
}

/// Returns a port that is free now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}
