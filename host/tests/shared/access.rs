//! Who may connect, how many, and how long they may take: a daemon against real sockets. The tests of each runtime take
//! this file in.

use crate::process::{PATIENCE, Process, free_port, wait_for};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Clients of all kinds at one time.
const CONNECTIONS_MAX: usize = 50;

const KEY: &str = "a-key-of-some-length-for-a-test";

const HERE: [u8; 4] = [127, 0, 0, 1];
const UNWANTED: [u8; 4] = [127, 0, 0, 2];

struct Gateway {
    process: Process,
    http: u16,
    lines: u16,
    second_lines: u16,
}

impl Gateway {
    fn start(program: &str, directory: &Path) -> Gateway {
        let (http, lines, second_lines) = (free_port(), free_port(), free_port());
        let settings = format!(
            "mud: {{name: Here}}
router: {{primary: {{name: '*test', host: 127.0.0.1, port: {}}}}}
api:
  websocket: {{port: {http}, allowed_origins: ['https://game.example']}}
  tcp: {{port: {lines}}}
  handshake_timeout: 1
  auth: {{secret: {KEY}}}
gateway: {{port: {second_lines}}}
performance: {{max_connections: {CONNECTIONS_MAX}}}
security: {{ip_blacklist: [127.0.0.2, 203.0.113.0/24]}}
state: {{directory: state}}
logging: {{file: gateway.log}}
",
            free_port()
        );
        std::fs::write(directory.join("settings.yaml"), settings).unwrap();
        let mut command = Command::new(program);
        command.current_dir(directory).env_clear().args(["-c", "settings.yaml"]);
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let gateway = Gateway { process: Process(child), http, lines, second_lines };
        wait_for("the gateway to listen", || TcpStream::connect((IpAddr::from(HERE), lines)).ok());
        gateway
    }

    /// A connection from an address of this host.
    fn connect(&self, from: [u8; 4], port: u16) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SockAddr::from(SocketAddr::from((from, 0)))).unwrap();
        socket.connect(&SockAddr::from(SocketAddr::from((HERE, port)))).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// All that an HTTP client is answered, until the connection closes.
    fn ask(&self, from: [u8; 4], request: &str) -> String {
        let mut stream = self.connect(from, self.http);
        let mut answer = Vec::new();
        // Who is refused at once cannot write, or cannot read.
        let _ = stream.write_all(request.as_bytes());
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    /// What authenticating with a key is answered, over a new connection.
    fn show(&self, key: &str) -> String {
        let stream = self.connect(HERE, self.lines);
        let mut reader = BufReader::new(&stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(line.contains("welcome"), "{line}");
        writeln!(&stream, r#"{{"id":1,"method":"authenticate","params":["{key}"]}}"#).unwrap();
        line.clear();
        reader.read_line(&mut line).unwrap();
        line
    }

    fn websocket(&self) -> TcpStream {
        let mut stream = self.connect(HERE, self.http);
        write!(
            stream,
            "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-API-Key: {KEY}\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        stream
    }
}

/// What `program` does for who may connect, and about who may not.
pub(crate) fn is_guarded(program: &str) {
    let directory = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::start(program, directory.path());
    let close = "Host: x\r\nConnection: close\r\n";

    // Addresses: the peer's own, and the one that a proxy on this host gives.
    assert_eq!(gateway.ask(UNWANTED, &format!("GET /health HTTP/1.1\r\n{close}\r\n")), "");
    for port in [gateway.lines, gateway.second_lines] {
        let mut unwanted = gateway.connect(UNWANTED, port);
        assert!(matches!(unwanted.read(&mut [0; 100]), Ok(0) | Err(_)), "not even a welcome");
        let mut welcome = String::new();
        BufReader::new(gateway.connect(HERE, port)).read_line(&mut welcome).unwrap();
        assert!(welcome.contains("welcome"), "{welcome}");
    }
    for (header, status) in
        [("", "200"), ("X-Real-IP: 198.51.100.1\r\n", "200"), ("X-Real-IP: 203.0.113.9\r\n", "403")]
    {
        let answer = gateway.ask(HERE, &format!("GET /health HTTP/1.1\r\n{close}{header}\r\n"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{header}: {answer}");
    }

    // A head that does not end has a second.
    let answer = gateway.ask(HERE, "GET /health HTTP/1.1\r\nX-Slow: ");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");

    // Keys: five wrong ones are free, the next cost time, also for who then has the right one.
    for attempt in 0..6 {
        assert!(gateway.show(&format!("guess-{attempt}")).contains("Invalid API key"));
    }
    let told = gateway.show(KEY);
    assert!(told.contains("-32001"), "{told}");
    let wait = told.split("\"retry_after_ms\":").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    std::thread::sleep(Duration::from_millis(wait.parse().unwrap()));
    assert!(gateway.show(KEY).contains("authenticated"));

    // The log: the link's attempts are shown when the level says so.
    let log = || std::fs::read_to_string(directory.path().join("gateway.log")).unwrap();
    assert!(log().contains("wrong API key address=127.0.0.1"), "{}", log());
    assert!(!log().contains("router link changed") && !log().contains("guess"), "{}", log());
    let mut admin = gateway.websocket();
    let request = br#"{"jsonrpc":"2.0","id":1,"method":"log_level","params":["DEBUG"]}"#;
    let head = [0x81, 0x80 | request.len() as u8, 0, 0, 0, 0];
    admin.write_all(&[&head, &request[..]].concat()).unwrap();
    wait_for("the attempts in the log", || log().contains("router link changed").then_some(()));
    drop(admin);

    // A crowd: as many as may be are served, the others are turned away at once, and who was there stays.
    let mut game = gateway.websocket();
    let crowd: Vec<TcpStream> =
        (0..4 * CONNECTIONS_MAX).map(|_| gateway.connect(HERE, gateway.lines)).collect();
    let is_served = |mut stream: &TcpStream| stream.read(&mut [0; 1000]).is_ok_and(|bytes| bytes > 0);
    let served = crowd.iter().filter(|stream| is_served(stream)).count();
    assert!((CONNECTIONS_MAX - 10..CONNECTIONS_MAX).contains(&served), "{served}");
    drop(crowd);
    // An empty ping, masked with zeros, and its answer.
    game.write_all(&[0x89, 0x80, 0, 0, 0, 0]).unwrap();
    let mut pong = [0; 2];
    game.read_exact(&mut pong).unwrap();
    assert_eq!(pong, [0x8a, 0]);

    // Told to end, it says 1001 to who speaks WebSocket.
    gateway.process.signal("TERM");
    let mut rest = Vec::new();
    game.read_to_end(&mut rest).unwrap();
    let code = 1001_u16.to_be_bytes();
    assert!(rest.windows(4).any(|frame| frame[0] == 0x88 && frame[2..] == code), "{rest:?}");
    assert_eq!(gateway.process.end().code(), Some(0));
}
