//! The command `healthcheck`: asks a running gateway whether it is alive, for the probes of containers and orchestrators.

use crate::exit::unusable;
use crate::terminal::{err, out};
use crate::tls::client;
use i3_config::cli::{Cli, Healthcheck};
use i3_config::{Config, ListenAt};
use i3_core::machine::Listener;
use i3_driver::address::{resolve, without_brackets};
use i3_driver::dial::refuse_itself;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long a gateway may take to answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 16_384;

/// Reports whether the gateway of these settings is alive or, with `--ready`, ready. The exit code is 0 or 1.
pub fn run(cli: &Cli, healthcheck: &Healthcheck) -> ExitCode {
    let config = match i3_config::load_files(&cli.files()) {
        Ok(config) => config,
        Err(problems) => return unusable(&problems),
    };
    match ask(&config, healthcheck.ready) {
        Ok(text) => {
            out(&text);
            ExitCode::SUCCESS
        }
        Err(text) => {
            err(&text);
            ExitCode::FAILURE
        }
    }
}

/// Returns the URL of the gateway for clients on this host, and the file of its certificate: its WebSocket, or its port
/// of JSON lines if there is no WebSocket.
pub fn url_of(config: &Config) -> Option<(String, Option<PathBuf>)> {
    let of = |listener| config.listeners.iter().find(|at| at.listener == listener);
    let at = of(Listener::Http).or_else(|| of(Listener::Lines))?;
    let place = match without_brackets(&at.host).parse::<IpAddr>() {
        Ok(ip) => reachable(SocketAddr::new(ip, at.port)).to_string(),
        Err(_) => format!("{}:{}", at.host, at.port),
    };
    let certificate = at.tls.as_ref().map(|tls| tls.certificate.path.clone());
    let url = match (at.listener, at.tls.is_some()) {
        (Listener::Lines, false) => format!("tcp://{place}"),
        (Listener::Lines, true) => format!("tls://{place}"),
        (_, false) => format!("ws://{place}/ws"),
        (_, true) => format!("wss://{place}/ws"),
    };
    Some((url, certificate))
}

/// Returns the answer of the gateway of these settings. The error: it does not answer, or it is not alive or ready.
fn ask(config: &Config, ready: bool) -> Result<String, String> {
    let of = |listener| config.listeners.iter().find(|at| at.listener == listener);
    match (of(Listener::Http), of(Listener::Lines)) {
        (Some(http), _) => page(http, if ready { "/health/ready" } else { "/health/live" })
            .map_err(|error| error.to_string()),
        (None, Some(_)) if ready => {
            Err("only the WebSocket port reports whether the gateway is ready: set api.websocket.enabled"
                .to_owned())
        }
        (None, Some(lines)) => greeting(lines).map_err(|error| error.to_string()),
        (None, None) => Err("the settings have no listener".to_owned()),
    }
}

/// Returns the body of a page of the gateway at a listener. The error: the status is not 200.
pub fn page(at: &ListenAt, path: &str) -> io::Result<String> {
    let mut connection = connect(at)?;
    let host = &at.host;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    connection.stream.write_all(request.as_bytes())?;
    let answer = read_until(&mut connection, |_| false)?;
    let (head, body) =
        answer.split_once("\r\n\r\n").ok_or_else(|| io::Error::other("the answer is not HTTP"))?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    if !head.starts_with("HTTP/1.1 ") || status != "200" {
        return Err(io::Error::other(format!("status {status}: {}", plain(body))));
    }
    Ok(plain(body))
}

/// Returns the welcome of the gateway at a listener for lines.
fn greeting(at: &ListenAt) -> io::Result<String> {
    let line = read_until(&mut connect(at)?, |text| text.contains('\n'))?;
    if !line.contains("\"i3-gateway\"") {
        return Err(io::Error::other("the listener does not belong to a gateway"));
    }
    Ok(plain(line.trim_end()))
}

/// A stream to a gateway, with TLS if the listener has it.
trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// A connection, and its socket, which is needed to set timeouts.
struct Connection {
    stream: Box<dyn Stream>,
    socket: TcpStream,
}

fn connect(at: &ListenAt) -> io::Result<Connection> {
    let socket = connect_plainly(at)?;
    socket.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    let stream = socket.try_clone()?;
    let stream: Box<dyn Stream> = match &at.tls {
        None => Box::new(stream),
        Some(tls) => Box::new(client::local(stream, tls)?),
    };
    Ok(Connection { stream, socket })
}

fn connect_plainly(at: &ListenAt) -> io::Result<TcpStream> {
    let mut failed = io::Error::other("the host has no address");
    for address in resolve(&at.host, at.port)? {
        let connected = TcpStream::connect_timeout(&reachable(address), ANSWER_TIMEOUT);
        match connected.and_then(|stream| refuse_itself(&stream).map(|()| stream)) {
            Ok(stream) => {
                stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Returns an address at which this host can reach a listener, which may listen at every address.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Reads until `enough` is true or the stream ends, for at most [`ANSWER_TIMEOUT`].
fn read_until(connection: &mut Connection, enough: impl Fn(&str) -> bool) -> io::Result<String> {
    let until = Instant::now() + ANSWER_TIMEOUT;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while bytes.len() < ANSWER_BYTES_MAX {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        connection.socket.set_read_timeout(Some(left))?;
        match connection.stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // TLS reports an end of stream without close_notify. The page is complete all the same.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
        if enough(&String::from_utf8_lossy(&bytes)) {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Removes control characters and those that cannot be seen, because any program may listen there and could send escape sequences to the terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && (c.is_ascii() || c.escape_debug().eq([*c]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use i3_config::Sources;
    use std::collections::BTreeMap;

    #[test]
    fn the_api_is_where_this_host_reaches_it() {
        let found = |yaml: &str| {
            let yaml = format!("mud: {{name: Test}}\napi: {{auth: {{secret: a-long-key}}, {yaml}}}");
            let yaml_text = Some(("c.yaml".to_owned(), yaml));
            let process_env = BTreeMap::new();
            url_of(&i3_config::load(Sources { yaml_text, env_file_text: None, process_env }).unwrap())
        };
        let plain = |url: &str| Some((url.to_owned(), None));
        assert_eq!(found("port: 8080"), plain("ws://127.0.0.1:8080/ws"));
        assert_eq!(found("websocket: {host: 0.0.0.0, port: 9000}"), plain("ws://127.0.0.1:9000/ws"));
        assert_eq!(found("host: '::'"), plain("ws://[::1]:8080/ws"));
        assert_eq!(found("host: '192.0.2.7'"), plain("ws://192.0.2.7:8080/ws"));
        assert_eq!(found("host: mud.example.org"), plain("ws://mud.example.org:8080/ws"));
        assert_eq!(found("websocket: {enabled: false}"), plain("tcp://127.0.0.1:8081"));
        assert_eq!(found("websocket: {enabled: false}, tcp: {enabled: false}"), None);
        let secured = found("tls: {enabled: true, cert_file: a.pem, key_file: b.pem}");
        assert_eq!(secured, Some(("wss://127.0.0.1:8080/ws".to_owned(), Some(PathBuf::from("a.pem")))));
    }
}
