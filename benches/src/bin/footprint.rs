//! Prints what each of the given daemons costs: size, time from the start to listening, memory when idle and for each
//! client, as the operating system counts it.
//!
//! ```text
//! footprint [--check] [--tls] target/release/i3-gateway target/min/i3-gateway-threads …
//! ```
//!
//! With `--check` it fails when one of them takes more memory than its budget; times are not looked at. With `--tls` both
//! listeners speak TLS 1.3, with a certificate for ECDSA that is made for it; the budgets are for plain text.
//!
//! Each is run with a router that accepts its login and says nothing more. A start is timed several times and the least
//! counts, since what else the machine does only adds to it; the first start makes the state, later ones find it. Linux
//! only: the numbers are from `/proc`.

#![allow(clippy::print_stdout)] // printing is what it is for

use i3_tests::wire;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Starts of each kind that are timed.
const STARTS: usize = 15;
const LINE_CLIENTS: usize = 400;
const WEBSOCKET_CLIENTS: usize = 200;
/// Memory is read when it has not changed for so long.
const STEADY: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(20);
const KEY: &str = "a-key-of-some-length-for-a-measurement";

/// What a daemon may take, as the columns of the table are counted.
struct Budget {
    idle_kb: u64,
    line_client_bytes: u64,
    websocket_client_bytes: u64,
}

/// With the feature `tls`, of whose code an idle daemon holds some 0.4 MB.
const OF_SMOL: Budget = Budget { idle_kb: 6_400, line_client_bytes: 4_096, websocket_client_bytes: 10_240 };
const OF_THREADS: Budget =
    Budget { idle_kb: 5_800, line_client_bytes: 20_480, websocket_client_bytes: 20_480 };

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    println!(
        "| program | file, kB | first start to listening, ms | to an answer | a later start to that | idle RSS, kB | of it private | threads | a TCP client, B | a WebSocket \
         client, B | highest RSS, kB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let mut arguments = std::env::args_os().skip(1).peekable();
    let checks = arguments.next_if(|first| first == "--check").is_some();
    let tls = arguments.next_if(|next| next == "--tls").map(|_| Tls::new()).transpose()?;
    let mut beyond = Vec::new();
    for program in arguments.map(PathBuf::from) {
        if !measure(&program, tls.as_ref())? {
            beyond.push(program.display().to_string());
        }
    }
    if checks && !beyond.is_empty() {
        return Err(format!("beyond the budget of memory: {}", beyond.join(", ")).into());
    }
    Ok(())
}

/// Prints its row, and says whether it is within its budget.
fn measure(program: &Path, tls: Option<&Tls>) -> Outcome<bool> {
    let [mut listens, mut answers, mut answers_later] = [Duration::MAX; 3];
    for _ in 0..STARTS {
        let folder = tempfile::tempdir()?;
        let first = Daemon::start(program, folder.path(), tls)?;
        listens = listens.min(first.listens_after);
        answers = answers.min(first.answers_after);
        drop(first);
        answers_later = answers_later.min(Daemon::start(program, folder.path(), tls)?.answers_after);
    }
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let folder = tempfile::tempdir()?;
    let daemon = Daemon::start(program, folder.path(), tls)?;
    let _link = daemon.log_in()?;
    let idle = daemon.steady()?;
    // The first one of each kind makes what all share.
    let mut clients = vec![daemon.line_client()?];
    let before = daemon.steady()?;
    for _ in 0..LINE_CLIENTS {
        clients.push(daemon.line_client()?);
    }
    let with_lines = daemon.steady()?;
    clients.push(daemon.websocket_client()?);
    let between = daemon.steady()?;
    for _ in 0..WEBSOCKET_CLIENTS {
        clients.push(daemon.websocket_client()?);
    }
    let with_all = daemon.steady()?;
    let line_client = each(before, with_lines, LINE_CLIENTS);
    let websocket_client = each(between, with_all, WEBSOCKET_CLIENTS);
    println!(
        "| {} | {} | {:.1} | {:.1} | {:.1} | {} | {} | {} | {} | {} | {} |",
        program.display(),
        fs::metadata(program)?.len() / 1024,
        milliseconds(listens),
        milliseconds(answers),
        milliseconds(answers_later),
        idle.resident,
        idle.private,
        idle.threads,
        line_client,
        websocket_client,
        daemon.status("VmHWM:")?,
    );
    let of_threads = program.file_name().is_some_and(|name| name.to_string_lossy().contains("threads"));
    let budget = if of_threads { OF_THREADS } else { OF_SMOL };
    Ok(idle.resident <= budget.idle_kb
        && line_client <= budget.line_client_bytes
        && websocket_client <= budget.websocket_client_bytes)
}

fn each(before: Memory, after: Memory, clients: usize) -> u64 {
    after.resident.saturating_sub(before.resident) * 1024 / clients as u64
}

#[derive(Clone, Copy, PartialEq)]
struct Memory {
    /// kB, as the next.
    resident: u64,
    /// What is not a page of a file.
    private: u64,
    threads: u64,
}

/// A certificate that is its own authority, and a client that trusts it.
#[derive(Clone)]
struct Tls {
    certificate: String,
    key: String,
    config: Arc<ClientConfig>,
}

impl Tls {
    fn new() -> Outcome<Tls> {
        let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
        let mut roots = RootCertStore::empty();
        roots.add(pair.cert.der().clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (certificate, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
        Ok(Tls { certificate, key, config: Arc::new(config) })
    }
}

trait Duplex: Read + Write {}
impl<S: Read + Write> Duplex for S {}

/// A client, and the socket under it.
struct Client {
    stream: BufReader<Box<dyn Duplex>>,
    socket: TcpStream,
}

struct Daemon {
    process: Child,
    tls: Option<Tls>,
    router: TcpListener,
    http: u16,
    lines: u16,
    listens_after: Duration,
    answers_after: Duration,
}

impl Daemon {
    fn start(program: &Path, folder: &Path, tls: Option<&Tls>) -> Outcome<Daemon> {
        let router = TcpListener::bind("127.0.0.1:0")?;
        // Both at once, so that they differ.
        let free = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
        let (http, lines) = (free[0].local_addr()?.port(), free[1].local_addr()?.port());
        drop(free);
        // Whatever is JSON is YAML too.
        let settings = json!({
            "mud": {"name": "Alpha", "port": 4000},
            "router": {"primary": {"name": "*net", "host": "127.0.0.1", "port": router.local_addr()?.port()}},
            "api": {
                "websocket": {"host": "127.0.0.1", "port": http},
                "tcp": {"host": "127.0.0.1", "port": lines},
                "auth": {"secret": KEY},
                "tls": {"enabled": tls.is_some(), "cert_file": "cert.pem", "key_file": "key.pem"},
            },
            "state": {"directory": "state"},
        });
        fs::write(folder.join("settings.yaml"), settings.to_string())?;
        if let Some(tls) = tls {
            fs::write(folder.join("cert.pem"), &tls.certificate)?;
            fs::write(folder.join("key.pem"), &tls.key)?;
        }
        let log = File::create(folder.join("log"))?;
        let mut command = Command::new(program.canonicalize()?);
        command.current_dir(folder).env_clear().args(["-c", "settings.yaml"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let started = Instant::now();
        let process = command.spawn()?;
        let mut daemon = Daemon {
            process,
            tls: tls.cloned(),
            router,
            http,
            lines,
            listens_after: Duration::ZERO,
            answers_after: Duration::ZERO,
        };
        for port in [daemon.http, daemon.lines] {
            while TcpStream::connect(("127.0.0.1", port)).is_err() {
                if let Some(status) = daemon.process.try_wait()? {
                    return Err(format!("{} ended: {status}", program.display()).into());
                }
                if started.elapsed() > PATIENCE {
                    return Err("it does not listen".into());
                }
                std::thread::sleep(Duration::from_micros(100));
            }
        }
        daemon.listens_after = started.elapsed();
        let mut page = daemon.connect(daemon.http)?;
        page.stream
            .get_mut()
            .write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        page.stream.read_exact(&mut [0; 9])?;
        daemon.answers_after = started.elapsed();
        Ok(daemon)
    }

    /// Plays the router's part of a login.
    fn log_in(&self) -> Outcome<TcpStream> {
        let (mut link, _) = self.router.accept()?;
        link.set_read_timeout(Some(PATIENCE))?;
        let mut received = Vec::new();
        let mut buffer = [0; 4096];
        while wire::mudmode_frames(&mut received).is_empty() {
            let count = link.read(&mut buffer)?;
            received.extend_from_slice(&buffer[..count]);
        }
        let reply = br#"({"startup-reply",5,"*net",0,"Alpha",0,({({"*net","127.0.0.1 4000",}),}),77,})"#;
        link.write_all(&wire::mudmode_frame(reply))?;
        Ok(link)
    }

    fn connect(&self, port: u16) -> Outcome<Client> {
        let socket = TcpStream::connect(("127.0.0.1", port))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let under = socket.try_clone()?;
        let stream: Box<dyn Duplex> = match &self.tls {
            None => Box::new(under),
            Some(tls) => {
                let client = ClientConnection::new(tls.config.clone(), "localhost".try_into()?)?;
                Box::new(StreamOwned::new(client, under))
            }
        };
        Ok(Client { stream: BufReader::with_capacity(1024, stream), socket })
    }

    /// A client that has shown its key.
    fn line_client(&self) -> Outcome<Client> {
        let mut one = self.connect(self.lines)?;
        let client = &mut one.stream;
        let login = json!({"jsonrpc": "2.0", "id": 1, "method": "authenticate", "params": {"api_key": KEY}});
        client.get_mut().write_all(format!("{login}\n").as_bytes())?;
        let mut line = String::new();
        client.read_line(&mut line)?;
        line.clear();
        client.read_line(&mut line)?;
        if line.contains("authenticated") { Ok(one) } else { Err(line.into()) }
    }

    /// The same over a WebSocket.
    fn websocket_client(&self) -> Outcome<Client> {
        let mut one = self.connect(self.http)?;
        let client = &mut one.stream;
        client.get_mut().write_all(wire::websocket_request("/ws", Some(KEY)).as_bytes())?;
        let mut line = String::new();
        while client.read_line(&mut line)? > 2 {
            line.clear();
        }
        let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
        client.get_mut().write_all(&wire::websocket_frame(1, ping.to_string().as_bytes()))?;
        let mut answer = [0; 20];
        client.read_exact(&mut answer)?;
        one.socket.set_nonblocking(true)?;
        while client.read(&mut answer).is_ok_and(|count| count > 0) {}
        Ok(one)
    }

    /// A line of the process's status, in its unit.
    fn status(&self, name: &str) -> Outcome<u64> {
        let all = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let value = all.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
        Ok(value.ok_or_else(|| format!("no {name}"))?.parse()?)
    }

    /// Its memory when that does not change any more.
    fn steady(&self) -> Outcome<Memory> {
        let read = || {
            Ok::<_, Box<dyn Error>>(Memory {
                resident: self.status("VmRSS:")?,
                private: self.status("RssAnon:")?,
                threads: self.status("Threads:")?,
            })
        };
        let mut last = read()?;
        loop {
            std::thread::sleep(STEADY);
            let now = read()?;
            if now == last {
                return Ok(now);
            }
            last = now;
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
