//! A daemon that a measurement starts, its router, and its clients. Linux only: memory is read from `/proc`.

use i3_tests::wire;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection, StreamOwned};
use serde_json::{Value as Json, json};
use socket2::{Domain, SockRef, Socket, Type};
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Memory is read when it has not changed for so long.
const STEADY: Duration = Duration::from_millis(300);

/// Connections to the router that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// How long an answer may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The key with all permissions.
pub const KEY: &str = "a-key-of-some-length-for-a-measurement";

/// A result, or any error.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// What a process takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// kB, as the next.
    pub resident: u64,
    /// What is not a page of a file.
    pub private: u64,
    /// Number of threads.
    pub threads: u64,
}

/// A certificate that is its own authority, and a client that trusts it.
#[derive(Clone, Debug)]
pub struct Tls {
    certificate: String,
    key: String,
    config: Arc<ClientConfig>,
}

impl Tls {
    /// Makes a certificate.
    pub fn new() -> Outcome<Tls> {
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

    /// Writes the certificate and its key to a folder, as `cert.pem` and `key.pem`.
    pub fn write_to(&self, folder: &Path) -> Outcome<()> {
        fs::write(folder.join("cert.pem"), &self.certificate)?;
        Ok(fs::write(folder.join("key.pem"), &self.key)?)
    }
}

/// Something to read from and write to, over a socket.
pub trait Duplex: Read + Write + Send {
    /// The socket.
    fn socket(&self) -> &TcpStream;
}

impl Duplex for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Duplex for StreamOwned<ClientConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref()
    }
}

impl Duplex for StreamOwned<ServerConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref()
    }
}

/// A client.
pub struct Client {
    /// Plain text, also under TLS.
    pub stream: BufReader<Box<dyn Duplex>>,
}

impl Client {
    /// Connects to a port of this host.
    pub fn connect(port: u16, tls: Option<&Tls>) -> Outcome<Client> {
        Client::over(TcpStream::connect(("127.0.0.1", port))?, tls)
    }

    /// A client over a socket that is connected.
    pub fn over(socket: TcpStream, tls: Option<&Tls>) -> Outcome<Client> {
        socket.set_read_timeout(Some(PATIENCE))?;
        // A request is sent when it is written.
        socket.set_nodelay(true)?;
        let stream: Box<dyn Duplex> = match tls {
            None => Box::new(socket),
            Some(tls) => {
                let client = ClientConnection::new(tls.config.clone(), "localhost".try_into()?)?;
                Box::new(StreamOwned::new(client, socket))
            }
        };
        Ok(Client { stream: BufReader::with_capacity(1024, stream) })
    }

    /// The socket under it.
    pub fn socket(&self) -> &TcpStream {
        self.stream.get_ref().socket()
    }

    /// Sends a request over a line port, and gives the answer. Events before it are passed over.
    pub fn ask(&mut self, method: &str, params: &Json) -> Outcome<String> {
        self.request(method, params)?;
        self.answer()
    }

    /// Sends a request over a line port.
    pub fn request(&mut self, method: &str, params: &Json) -> Outcome<()> {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        Ok(self.stream.get_mut().write_all(format!("{request}\n").as_bytes())?)
    }

    /// The next answer over a line port.
    pub fn answer(&mut self) -> Outcome<String> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err("the gateway closed the connection".into());
            }
            if line.starts_with(r#"{"jsonrpc":"2.0","id""#) {
                return if line.contains(r#""error""#) { Err(line.into()) } else { Ok(line) };
            }
        }
    }
}

impl Client {
    /// The same over a WebSocket.
    pub fn ask_over_websocket(&mut self, method: &str, params: &Json) -> Outcome<()> {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        self.stream.get_mut().write_all(&wire::websocket_frame(1, request.as_bytes()))?;
        loop {
            let frame = String::from_utf8_lossy(&self.next_frame()?).into_owned();
            if frame.contains(r#"{"jsonrpc":"2.0","id""#) {
                return if frame.contains(r#""error""#) { Err(frame.into()) } else { Ok(()) };
            }
        }
    }

    /// The bytes of the next frame of a WebSocket server, with its head.
    pub fn next_frame(&mut self) -> Outcome<Vec<u8>> {
        let mut frame = vec![0; 2];
        self.stream.read_exact(&mut frame)?;
        let more = match frame[1] {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        frame.resize(2 + more, 0);
        self.stream.read_exact(&mut frame[2..])?;
        let length = if more == 0 {
            usize::from(frame[1])
        } else {
            frame[2..].iter().fold(0, |length, byte| length * 256 + usize::from(*byte))
        };
        frame.resize(2 + more + length, 0);
        self.stream.read_exact(&mut frame[2 + more..])?;
        Ok(frame)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("socket", self.socket()).finish_non_exhaustive()
    }
}

/// The processor time that the threads of a process have used, without those that have ended.
pub fn processor_time(pid: u32) -> Outcome<Duration> {
    let mut nanoseconds = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may have ended since the list was made.
        let Ok(times) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        nanoseconds += times.split(' ').next().unwrap_or("").parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// A line of a process's status, in its unit.
pub fn status(pid: u32, name: &str) -> Outcome<u64> {
    let all = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let value = all.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
    Ok(value.ok_or_else(|| format!("no {name}"))?.parse()?)
}

/// The next connection to a router, which comes soon or is a failure.
pub fn next_link(router: &TcpListener) -> Outcome<TcpStream> {
    let began = Instant::now();
    router.set_nonblocking(true)?;
    loop {
        match router.accept() {
            Ok((link, _)) => {
                link.set_nonblocking(false)?;
                link.set_read_timeout(Some(PATIENCE))?;
                return Ok(link);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock && began.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_micros(200));
            }
            Err(error) => return Err(format!("it does not connect to the router: {error}").into()),
        }
    }
}

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    process: Child,
    tls: Option<Tls>,
    router: TcpListener,
    http: u16,
    lines: u16,
    /// When it was started.
    pub started: Instant,
    /// How long it took to listen.
    pub listens_after: Duration,
    /// How long it took to answer.
    pub answers_after: Duration,
}

impl Daemon {
    /// Starts a program in a folder.
    pub fn start(program: &Path, folder: &Path, tls: Option<&Tls>) -> Outcome<Daemon> {
        Daemon::start_with(program, folder, tls, |_| {})
    }

    /// The same with other settings than the usual ones.
    pub fn start_with(
        program: &Path,
        folder: &Path,
        tls: Option<&Tls>,
        change: impl FnOnce(&mut Json),
    ) -> Outcome<Daemon> {
        let router = TcpListener::bind("127.0.0.1:0")?;
        // All identities of a gateway connect at once.
        SockRef::from(&router).listen(BACKLOG)?;
        // Both at once, so that they differ.
        let free = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
        let (http, lines) = (free[0].local_addr()?.port(), free[1].local_addr()?.port());
        drop(free);
        // Whatever is JSON is YAML too.
        let mut settings = json!({
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
        change(&mut settings);
        fs::write(folder.join("settings.yaml"), settings.to_string())?;
        if let Some(tls) = tls {
            tls.write_to(folder)?;
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
            started,
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
    pub fn log_in(&self) -> Outcome<TcpStream> {
        let mut link = self.next_link()?;
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

    /// The next connection to the router.
    pub fn next_link(&self) -> Outcome<TcpStream> {
        next_link(&self.router)
    }

    /// A page of its HTTP listener, with the head.
    pub fn page(&self, path: &str) -> Outcome<String> {
        let mut client = self.connect(self.http)?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        client.stream.get_mut().write_all(request.as_bytes())?;
        let mut page = String::new();
        client.stream.read_to_string(&mut page)?;
        Ok(page)
    }

    fn connect(&self, port: u16) -> Outcome<Client> {
        Client::connect(port, self.tls.as_ref())
    }

    /// Where it listens for HTTP and WebSockets.
    pub fn http_port(&self) -> u16 {
        self.http
    }

    /// Where it listens for JSON lines.
    pub fn lines_port(&self) -> u16 {
        self.lines
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// A connection to the line port that shows no key.
    pub fn stranger(&self) -> Outcome<TcpStream> {
        Ok(TcpStream::connect(("127.0.0.1", self.lines))?)
    }

    /// A client of the line port that has shown no key.
    pub fn stranger_client(&self) -> Outcome<Client> {
        self.connect(self.lines)
    }

    /// A client that has shown its key.
    pub fn line_client(&self) -> Outcome<Client> {
        Daemon::identified(self.connect(self.lines)?)
    }

    /// The same with a receive buffer of that size.
    pub fn line_client_with(&self, receive_buffer_bytes: usize) -> Outcome<Client> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_recv_buffer_size(receive_buffer_bytes)?;
        socket.connect(&SocketAddr::from(([127, 0, 0, 1], self.lines)).into())?;
        Daemon::identified(Client::over(socket.into(), self.tls.as_ref())?)
    }

    fn identified(mut one: Client) -> Outcome<Client> {
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
    pub fn websocket_client(&self) -> Outcome<Client> {
        let mut one = self.connect(self.http)?;
        let client = &mut one.stream;
        client.get_mut().write_all(wire::websocket_request("/ws", Some(KEY)).as_bytes())?;
        let mut line = String::new();
        while client.read_line(&mut line)? > 2 {
            line.clear();
        }
        one.ask_over_websocket("ping", &json!({}))?;
        Ok(one)
    }

    /// Forgets the highest memory so far.
    pub fn reset_highest(&self) -> Outcome<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5")?)
    }

    /// A line of the process's status, in its unit.
    pub fn status(&self, name: &str) -> Outcome<u64> {
        status(self.process.id(), name)
    }

    /// Its memory when that does not change any more.
    pub fn steady(&self) -> Outcome<Memory> {
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
