//! The command-line client: one call, or a watch of events, over the WebSocket of a running gateway.

use crate::format::{line, plain};
use crate::stream::{Stream, Tls};
use async_io::Timer;
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::client::IntoClientRequest;
use async_tungstenite::tungstenite::handshake::client::Request;
use async_tungstenite::tungstenite::http::{HeaderValue, Uri};
use async_tungstenite::tungstenite::protocol::WebSocketConfig;
use async_tungstenite::tungstenite::{Error as WsError, Message};
use futures_lite::future::or;
use futures_lite::stream::StreamExt;
use i3_daemon::tls::Trust;
use i3_driver::address::without_brackets;
use serde_json::{Value, json};
use smol::net::TcpStream;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// How long each step may take: connecting, the WebSocket handshake, sending, the answer.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);
/// A call with a parameter `timeout`, in seconds, may take so much longer, up to this limit.
const ASKED_WAIT_MAX: Duration = Duration::from_secs(120);
/// How long the closing handshake may take. Its failure does not matter.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The pause before the client connects again.
const RECONNECT_DELAY: Duration = Duration::from_secs(2);
/// After this silence the connection counts as dead. The gateway sends a ping every 30 s.
const SILENCE_MAX: Duration = Duration::from_secs(90);
/// The longest message that is read. A list of thousands of muds has about one megabyte.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The read buffer, instead of tungstenite's 128 KiB.
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// The most channels that are joined if the command names none.
const WATCHED_CHANNELS_MAX: usize = 1000;
/// The longest pause that the gateway can demand.
const RATE_LIMIT_PAUSE_MAX: Duration = Duration::from_secs(60);
/// The longest text from the gateway in an error.
const ERROR_TEXT_CHARS_MAX: usize = 300;
/// The code of the API for too many requests.
const RATE_LIMITED: i64 = -32001;

/// Why a call or a watch failed. Texts are for people and contain no control characters.
#[derive(Debug)]
pub enum ClientError {
    /// The URL or the key cannot be used.
    Usage(String),
    /// Connecting to the gateway failed.
    Connect(String),
    /// The gateway answered the handshake with an HTTP error: 401 is a wrong or missing key.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The text of the gateway.
        text: String,
    },
    /// The gateway answered with a JSON-RPC error.
    Rpc {
        /// The JSON-RPC code.
        code: i64,
        /// The message of the error.
        message: String,
        /// The `data` of the error, or null. It may contain control characters.
        data: Value,
    },
    /// A step took too long. The text names it.
    Timeout(&'static str),
    /// The connection ended, or the gateway sent something invalid.
    Lost(String),
    /// The output cannot be written.
    Output(io::Error),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Usage(text) => f.write_str(text),
            ClientError::Connect(text) => write!(f, "cannot connect to the gateway: {text}"),
            ClientError::Refused { status: 401, .. } => {
                f.write_str("the gateway does not accept the API key (HTTP status 401)")
            }
            ClientError::Refused { status, text } => {
                write!(f, "the gateway refused with HTTP status {status}: {text}")
            }
            ClientError::Rpc { code, message, .. } => {
                write!(f, "the gateway answered with error {code}: {message}")
            }
            ClientError::Timeout(step) => write!(f, "{step} took too long"),
            ClientError::Lost(text) => write!(f, "the connection ended: {text}"),
            ClientError::Output(error) => write!(f, "cannot write the output: {error}"),
        }
    }
}

impl std::error::Error for ClientError {}

/// The URL of a gateway, and the key for it.
#[derive(Clone, Copy)]
pub struct Endpoint<'a> {
    /// `ws://HOST:PORT/PATH`, or `wss://`.
    pub url: &'a str,
    /// The API key.
    pub key: Option<&'a str>,
    /// The TLS settings for `wss://`.
    pub trust: Trust<'a>,
}

impl<'a> Endpoint<'a> {
    /// Makes an endpoint without TLS settings.
    pub fn new(url: &'a str, key: Option<&'a str>) -> Self {
        Endpoint { url, key, trust: Trust::default() }
    }
}

/// Omits the key.
impl fmt::Debug for Endpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.url).field("trust", &self.trust).finish_non_exhaustive()
    }
}

/// Calls one method and returns its result. `params` may be null for none.
pub async fn call(at: Endpoint<'_>, method: &str, params: Value) -> Result<Value, ClientError> {
    const ID: u64 = 1;
    let asked = params.get("timeout").and_then(Value::as_f64).filter(|seconds| *seconds > 0.0).unwrap_or(0.0);
    let wait = STEP_TIMEOUT + Duration::from_secs_f64(asked.min(ASKED_WAIT_MAX.as_secs_f64()));
    let mut socket = connect(at).await?;
    send(&mut socket, ID, method, params).await?;
    let answer = async {
        loop {
            if let Some(Incoming::Answer { id, outcome }) = incoming(&mut socket).await?
                && id.is_none_or(|id| id == ID)
            {
                return Ok(outcome);
            }
        }
    };
    let outcome = before(Instant::now() + wait, answer)
        .await
        .ok_or(ClientError::Timeout("waiting for the answer"))??;
    // The closing handshake. The answer has arrived already.
    let _ = before(Instant::now() + CLOSE_TIMEOUT, socket.close(None)).await;
    outcome
}

/// The events that a watch prints.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// The lines of these channels, or of all channels if none is named, and the mud's other events.
    Channels(&'a [String]),
    /// The packets from and to the router, and the mud's events.
    Packets,
}

/// Subscribes to the events, and writes one line for each.
///
/// After a lost connection the client connects again. So this ends only if the first attempt to connect fails, the key is
/// refused or has no permission to see packets, or the output cannot be written. The caller ends it by dropping the
/// future.
pub async fn watch(at: Endpoint<'_>, wanted: Wanted<'_>, out: &mut impl Write) -> Result<(), ClientError> {
    let mut socket = connect(at).await?;
    loop {
        let why = match Watch::new(&mut socket, &mut *out).run(wanted).await {
            Err(error @ (ClientError::Output(_) | ClientError::Rpc { .. })) => return Err(error),
            Err(error) => error,
            Ok(never) => match never {},
        };
        print(out, &format!("-- {why}; connecting again in {} s", RECONNECT_DELAY.as_secs()))?;
        socket = reconnect(at, out).await?;
        print(out, "-- connected again")?;
    }
}

async fn reconnect(at: Endpoint<'_>, out: &mut impl Write) -> Result<Socket, ClientError> {
    let mut said = String::new();
    loop {
        Timer::after(RECONNECT_DELAY).await;
        match connect(at).await {
            Err(error @ (ClientError::Usage(_) | ClientError::Refused { status: 401 | 403, .. })) => {
                return Err(error);
            }
            Err(error) => {
                // A repeated failure is printed once.
                let text = error.to_string();
                if text != said {
                    print(out, &format!("-- {text}; trying again every {} s", RECONNECT_DELAY.as_secs()))?;
                    said = text;
                }
            }
            connected => return connected,
        }
    }
}

type Socket = WebSocketStream<Stream>;

/// A message that the client uses.
enum Incoming {
    /// The id is `None` if the gateway could not read the id of the request.
    Answer {
        id: Option<u64>,
        outcome: Result<Value, ClientError>,
    },
    Event {
        name: String,
        params: Value,
    },
}

async fn connect(at: Endpoint<'_>) -> Result<Socket, ClientError> {
    let Target { request, host, port, secured } = target(at.url, at.key)?;
    // Reads the files first, so that their errors are reported before the connection is made.
    let tls = secured.then(|| Tls::new(at.trust, &host)).transpose().map_err(ClientError::Usage)?;
    let opening = TcpStream::connect((without_brackets(&host), port));
    let stream = step("connecting", opening)
        .await?
        .map_err(|error| ClientError::Connect(bounded(&error.to_string())))?;
    if stream.peer_addr().is_ok_and(|peer| stream.local_addr().is_ok_and(|local| local == peer)) {
        return Err(ClientError::Connect("nothing listens at this port".to_owned()));
    }
    let _ = stream.set_nodelay(true);
    let stream = match tls {
        None => Stream::plain(stream),
        Some(tls) => step("the TLS handshake", tls.connect(stream))
            .await?
            .map_err(|error| ClientError::Connect(bounded(&error.to_string())))?,
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let handshake = async_tungstenite::client_async_with_config(request, stream, Some(config));
    match step("the WebSocket handshake", handshake).await? {
        Ok((socket, _)) => Ok(socket),
        Err(WsError::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            let text = bounded(&String::from_utf8_lossy(body));
            Err(ClientError::Refused { status: response.status().as_u16(), text })
        }
        Err(error) => {
            Err(ClientError::Connect(format!("no WebSocket there: {}", bounded(&error.to_string()))))
        }
    }
}

/// The request of the handshake, and the address to send it to.
struct Target {
    request: Request,
    host: String,
    port: u16,
    secured: bool,
}

fn target(url: &str, key: Option<&str>) -> Result<Target, ClientError> {
    let bad = |text: &str| ClientError::Usage(format!("{text}, for example ws://127.0.0.1:8080/ws"));
    let uri: Uri =
        url.parse().map_err(|_| bad("the URL cannot be read; it is of the form ws://HOST:PORT/PATH"))?;
    let secured = match uri.scheme_str() {
        Some("ws") => false,
        Some("wss") => true,
        _ => return Err(bad("a URL begins with ws:// or wss://")),
    };
    let host =
        uri.host().filter(|host| !host.is_empty()).ok_or_else(|| bad("the URL names no host"))?.to_owned();
    let port = uri.port_u16().unwrap_or(if secured { 443 } else { 80 });
    let mut request = uri.into_client_request().map_err(|_| bad("the URL cannot be used"))?;
    // A person looks: what the game has not had yet is kept for it.
    request.headers_mut().insert("X-I3-Role", HeaderValue::from_static("observer"));
    if let Some(key) = key {
        let mut value = HeaderValue::from_str(key).map_err(|_| {
            ClientError::Usage("the API key contains characters that an HTTP header cannot carry".to_owned())
        })?;
        value.set_sensitive(true);
        request.headers_mut().insert("X-API-Key", value);
    }
    Ok(Target { request, host, port, secured })
}

async fn send(socket: &mut Socket, id: u64, method: &str, params: Value) -> Result<(), ClientError> {
    let mut request = json!({"jsonrpc": "2.0", "id": id, "method": method});
    if !params.is_null() {
        request["params"] = params;
    }
    let sending = socket.send(Message::text(request.to_string()));
    step("sending the request", sending).await?.map_err(|error| lost(&error))
}

/// Waits for the next message. `None`: a ping or a pong.
async fn incoming(socket: &mut Socket) -> Result<Option<Incoming>, ClientError> {
    let message =
        socket.next().await.unwrap_or(Err(WsError::ConnectionClosed)).map_err(|error| lost(&error))?;
    let text = match message {
        Message::Text(text) => text,
        Message::Close(Some(frame)) => {
            return Err(ClientError::Lost(bounded(&format!(
                "closed with code {} {}",
                frame.code, frame.reason
            ))));
        }
        Message::Close(None) => return Err(ClientError::Lost("closed by the gateway".to_owned())),
        _ => return Ok(None),
    };
    let Ok(mut value) = serde_json::from_str::<Value>(&text) else {
        return Err(ClientError::Lost("the gateway sent something that is not JSON".to_owned()));
    };
    if let Some(name) = value.get("method").and_then(Value::as_str) {
        let name = name.to_owned();
        return Ok(Some(Incoming::Event { name, params: value["params"].take() }));
    }
    let id = value.get("id").and_then(Value::as_u64);
    let outcome = match value.get("error") {
        Some(error) => Err(rpc_error(error)),
        None if value.get("result").is_some() => Ok(value["result"].take()),
        None => return Ok(None),
    };
    Ok(Some(Incoming::Answer { id, outcome }))
}

fn rpc_error(error: &Value) -> ClientError {
    ClientError::Rpc {
        code: error.get("code").and_then(Value::as_i64).unwrap_or_default(),
        message: bounded(error.get("message").and_then(Value::as_str).unwrap_or_default()),
        data: error.get("data").cloned().unwrap_or_default(),
    }
}

fn lost(error: &WsError) -> ClientError {
    match error {
        WsError::ConnectionClosed | WsError::AlreadyClosed => {
            ClientError::Lost("closed by the gateway".to_owned())
        }
        error => ClientError::Lost(bounded(&error.to_string())),
    }
}

/// One connection of a watch. It joins channels one at a time, and prints events.
struct Watch<'a, W> {
    socket: &'a mut Socket,
    out: &'a mut W,
    queue: VecDeque<String>,
    joined: usize,
    next_id: u64,
    state: State,
}

/// The progress of joining channels.
enum State {
    /// All channels were tried.
    Done,
    Asked {
        id: u64,
        question: Call,
        until: Instant,
    },
    /// The gateway has demanded a pause. Then the first channel of the queue is tried again.
    Paused {
        until: Instant,
    },
}

enum Call {
    Trace,
    List,
    Join(String),
}

impl<'a, W: Write> Watch<'a, W> {
    fn new(socket: &'a mut Socket, out: &'a mut W) -> Self {
        Watch { socket, out, queue: VecDeque::new(), joined: 0, next_id: 1, state: State::Done }
    }

    async fn run(mut self, wanted: Wanted<'_>) -> Result<std::convert::Infallible, ClientError> {
        match wanted {
            Wanted::Packets => self.ask(Call::Trace).await?,
            Wanted::Channels([]) => self.ask(Call::List).await?,
            Wanted::Channels(channels) => {
                self.queue.extend(channels.iter().cloned());
                self.join_next().await?;
            }
        }
        let mut heard = Instant::now();
        loop {
            let due = self.due(heard);
            match before(due, incoming(self.socket)).await {
                Some(message) => {
                    heard = Instant::now();
                    match message? {
                        Some(Incoming::Event { name, params }) => print(self.out, &line(&name, &params))?,
                        Some(Incoming::Answer { id, outcome }) => self.answered(id, outcome).await?,
                        None => {}
                    }
                }
                None => self.overdue().await?,
            }
        }
    }

    fn due(&self, heard: Instant) -> Instant {
        let silence = heard + SILENCE_MAX;
        match &self.state {
            State::Done => silence,
            State::Asked { until, .. } | State::Paused { until } => silence.min(*until),
        }
    }

    async fn overdue(&mut self) -> Result<(), ClientError> {
        match &self.state {
            State::Paused { until } if *until <= Instant::now() => self.join_next().await,
            State::Asked { .. } => Err(ClientError::Timeout("waiting for the answer")),
            _ => Err(ClientError::Timeout("waiting for a sign of life")),
        }
    }

    async fn ask(&mut self, question: Call) -> Result<(), ClientError> {
        let id = self.next_id;
        self.next_id += 1;
        match &question {
            Call::Trace => send(self.socket, id, "trace", Value::Null).await?,
            Call::List => send(self.socket, id, "channel_list", Value::Null).await?,
            Call::Join(channel) => {
                // The watch never speaks, so the channel does not show it as a new member.
                send(self.socket, id, "channel_join", json!({"channel": channel, "listen_only": true}))
                    .await?;
            }
        }
        self.state = State::Asked { id, question, until: Instant::now() + STEP_TIMEOUT };
        Ok(())
    }

    async fn join_next(&mut self) -> Result<(), ClientError> {
        if let Some(channel) = self.queue.pop_front() {
            return self.ask(Call::Join(channel)).await;
        }
        self.state = State::Done;
        print(
            self.out,
            &format!("-- listening to {} channel{}", self.joined, if self.joined == 1 { "" } else { "s" }),
        )
    }

    async fn answered(
        &mut self,
        id: Option<u64>,
        outcome: Result<Value, ClientError>,
    ) -> Result<(), ClientError> {
        let question = match std::mem::replace(&mut self.state, State::Done) {
            State::Asked { id: asked, question, .. } if id.is_none_or(|id| id == asked) => question,
            // An answer without a request is ignored.
            other => {
                self.state = other;
                return Ok(());
            }
        };
        match (question, outcome) {
            (Call::Trace, Ok(_)) => return print(self.out, "-- showing packets"),
            (Call::Trace, Err(error)) => return Err(error),
            (Call::List, Ok(result)) => self.queue = channel_names(&result),
            (Call::List, Err(error)) => print(self.out, &format!("-- cannot list the channels: {error}"))?,
            (Call::Join(_), Ok(_)) => self.joined += 1,
            (Call::Join(channel), Err(error)) => {
                if let Some(pause) = asked_pause(&error) {
                    self.queue.push_front(channel);
                    self.state = State::Paused { until: Instant::now() + pause };
                    return Ok(());
                }
                print(self.out, &format!("-- cannot join {}: {error}", bounded(&channel)))?;
            }
        }
        self.join_next().await
    }
}

fn channel_names(result: &Value) -> VecDeque<String> {
    let channels = result.get("channels").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let names = channels.iter().filter_map(|channel| channel.get("name")?.as_str());
    names.take(WATCHED_CHANNELS_MAX).map(str::to_owned).collect()
}

/// Returns how long to wait before the next attempt, if the error is only that of too many requests.
fn asked_pause(error: &ClientError) -> Option<Duration> {
    match error {
        ClientError::Rpc { code: RATE_LIMITED, data, .. } => {
            let pause = Duration::from_millis(data.get("retry_after_ms").and_then(Value::as_u64)?);
            // A minimum, so that a pause of 0 does not cause a loop.
            Some(pause.clamp(Duration::from_millis(100), RATE_LIMIT_PAUSE_MAX))
        }
        _ => None,
    }
}

fn print(out: &mut impl Write, line: &str) -> Result<(), ClientError> {
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(ClientError::Output)
}

/// Makes one short line of a text, without control characters.
fn bounded(text: &str) -> String {
    let mut text = plain(text.trim());
    if let Some((at, _)) = text.char_indices().nth(ERROR_TEXT_CHARS_MAX) {
        text.truncate(at);
        text.push('…');
    }
    text
}

async fn step<T>(name: &'static str, future: impl Future<Output = T>) -> Result<T, ClientError> {
    before(Instant::now() + STEP_TIMEOUT, future).await.ok_or(ClientError::Timeout(name))
}

/// Returns the outcome of the future, or `None` at the deadline.
async fn before<T>(deadline: Instant, future: impl Future<Output = T>) -> Option<T> {
    or(async { Some(future.await) }, async {
        Timer::at(deadline).await;
        None
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let Target { request, host, port, secured } = target("ws://[::1]:8080/ws", Some("secret")).unwrap();
        assert_eq!((host.as_str(), port, secured), ("[::1]", 8080, false));
        assert_eq!(request.headers()["X-API-Key"], "secret");
        assert!(!format!("{request:?}").contains("secret"));
        assert_eq!(target("ws://hollow.example", None).unwrap().port, 80);
        let secured = target("wss://hollow.example/ws", None).unwrap();
        assert_eq!((secured.port, secured.secured), (443, true));
        for (url, key, expected) in [
            ("http://hollow.example/ws", None, "begins with ws://"),
            ("hollow.example:8080", None, "begins with ws://"),
            ("ws:///ws", None, "URL"),
            ("", None, "URL"),
            ("ws://h/ws", Some("two\nlines"), "key"),
        ] {
            let error = target(url, key).err().unwrap().to_string();
            assert!(error.contains(expected), "{url}: {error}");
        }
    }

    #[test]
    fn errors_from_outside_are_short_and_harmless() {
        let long = "x".repeat(10_000) + "\u{1b}[2J";
        let error = rpc_error(&json!({"code": -32602, "message": long}));
        assert!(error.to_string().chars().count() < ERROR_TEXT_CHARS_MAX + 100);
        assert!(bounded("\u{1b}[2J\n").starts_with("\\u{1b}"));
    }
}
