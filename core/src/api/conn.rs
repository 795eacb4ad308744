//! An API connection: which of the three ways of speaking it is in, and what its bytes mean there.

use super::exposition::{self, Format};
use super::http::{self, Head, HeadError, Response, Upgrade};
use super::line::{Line, LineReader};
use super::websocket::{PING, Received, WebSocket};
use super::{asyncapi, methods, openrpc, rpc};
use crate::api::json::Object;
use crate::hub::{Hub, Wake};
use crate::machine::{ConnId, HandshakeFault, Listener, LostBy};
use crate::notice::{Level, Notice};
use crate::service::gateway::{self, KeyRefused};
use crate::session::{Session, Transport};
use std::net::IpAddr;
use std::time::Duration;
use tungstenite::protocol::frame::coding::CloseCode;

/// How long a client may stay without showing a key: each takes one of the connections that there are.
pub const STRANGER_MAX: Duration = Duration::from_secs(60);

/// The first byte of every TLS connection (RFC 8446, 5.1), and of nothing that is spoken here in plain text.
const TLS_HANDSHAKE: u8 = 0x16;

/// How often the operator is told of handshakes that fail.
const FAULT_TOLD_INTERVAL: Duration = Duration::from_secs(10);

/// How a connection speaks.
#[derive(Debug)]
pub(crate) enum ApiConn {
    /// TLS is being agreed on; what is spoken then.
    Securing(Listener),
    /// JSON lines.
    Lines(LineReader),
    /// HTTP; what has come of the next request head.
    Http(Vec<u8>),
    /// WebSocket messages; whether a ping is unanswered.
    WebSocket(Box<WebSocket>, bool),
    /// Nothing more is read; it closes when all is written.
    Draining,
}

impl ApiConn {
    /// A connection that was just accepted.
    pub(crate) fn open(hub: &mut Hub, conn: ConnId, on: Listener) -> ApiConn {
        if on == Listener::Http {
            hub.timers.set(Wake::Client(conn), hub.now.mono + hub.settings.api.handshake_timeout);
            return ApiConn::Http(Vec::new());
        }
        hub.sessions.insert(conn, Session::new(Transport::Lines, hub.now));
        // Without keys in the settings nobody needs one.
        let open = gateway::identify(hub, conn, None).is_some();
        let wait = if open { hub.settings.api.session_timeout } else { STRANGER_MAX };
        hub.timers.set(Wake::Client(conn), hub.now.mono + wait);
        let params = Object::default()
            .with("service", "i3-gateway")
            .with("version", openrpc::VERSION)
            .with("protocol", "JSON-RPC 2.0")
            .with("authentication", if open { "none" } else { "required" });
        hub.send_text(conn, &rpc::notification("welcome", &params.finish()));
        if open {
            hub.begin_reading(conn);
        }
        ApiConn::Lines(LineReader::default())
    }

    /// A connection that was just accepted, and where TLS comes first. Until that is done it is nobody: it hears nothing,
    /// and nothing that waits for a game is given to it.
    pub(crate) fn securing(hub: &mut Hub, conn: ConnId, on: Listener) -> ApiConn {
        hub.timers.set(Wake::Client(conn), hub.now.mono + hub.settings.api.handshake_timeout);
        ApiConn::Securing(on)
    }

    /// TLS is agreed on.
    pub(crate) fn secured(&mut self, hub: &mut Hub, conn: ConnId) {
        if let ApiConn::Securing(on) = *self {
            hub.metrics.handshakes += 1;
            *self = ApiConn::open(hub, conn, on);
        }
    }

    /// The connection is gone.
    pub(crate) fn lost(&self, hub: &mut Hub, conn: ConnId, by: LostBy) {
        if let ApiConn::Securing(_) = self {
            let (fault, text) = match by {
                LostBy::Handshake(fault, text) => (fault, text),
                LostBy::EndOfStream => (HandshakeFault::Ended, "the client left".to_owned()),
                LostBy::Error(text) => (HandshakeFault::Ended, text),
            };
            handshake_failed(hub, conn, fault, &text);
        }
    }

    /// Bytes came in.
    pub(crate) fn received(&mut self, hub: &mut Hub, conn: ConnId, bytes: &[u8]) {
        hub.metrics.api_bytes_received += bytes.len() as u64;
        self.read(hub, conn, bytes);
    }

    fn read(&mut self, hub: &mut Hub, conn: ConnId, bytes: &[u8]) {
        let mut input = bytes;
        while !input.is_empty() && hub.fx.is_open(conn) {
            match self {
                ApiConn::Securing(on) => {
                    not_secured(hub, conn, *on);
                    *self = ApiConn::Draining;
                }
                ApiConn::Lines(reader) => lines(hub, conn, reader, &mut input),
                ApiConn::Http(buffer) => {
                    let next = requests(hub, conn, buffer, input);
                    input = &[];
                    if let Some((next, rest)) = next {
                        *self = next;
                        self.read(hub, conn, &rest);
                    }
                }
                ApiConn::WebSocket(socket, pinged) => {
                    *pinged = false;
                    messages(hub, conn, socket, &mut input);
                }
                ApiConn::Draining => return,
            }
            if !matches!(self, ApiConn::Http(_)) && hub.sessions.get(conn).is_none() {
                *self = ApiConn::Draining;
            }
        }
        // Pongs and pages are queued too.
        hub.bound_client(conn);
    }

    /// Its timer fired: a head is too slow, a connection idle, a session over, a WebSocket to be pinged or dead.
    pub(crate) fn handle_timeout(&mut self, hub: &mut Hub, conn: ConnId) {
        match self {
            ApiConn::Securing(_) => {
                handshake_failed(hub, conn, HandshakeFault::TooSlow, "the handshake took too long");
                hub.fx.close_now(conn);
                *self = ApiConn::Draining;
            }
            // It was told to go and does not take its last bytes.
            ApiConn::Lines(_) | ApiConn::WebSocket(..) if hub.sessions.get(conn).is_none() => {
                hub.fx.close_now(conn);
            }
            ApiConn::Http(buffer) => {
                if buffer.is_empty() {
                    hub.fx.close_now(conn);
                } else {
                    hub.metrics.connections_at_fault += 1;
                    respond(hub, conn, &Head::default(), 408, "the request head takes too long", "");
                }
                *self = ApiConn::Draining;
            }
            ApiConn::Lines(_) | ApiConn::WebSocket(..) if is_stranger(hub, conn) => {
                let text = format!("not authenticated within {} seconds", STRANGER_MAX.as_secs());
                let fault = rpc::Fault::new(rpc::code::NOT_AUTHENTICATED, text);
                hub.send_text(conn, &rpc::error(None, &fault));
                hub.metrics.connections_at_fault += 1;
                hub.close_client(conn, CloseCode::Policy, "not authenticated");
            }
            ApiConn::WebSocket(_, pinged @ false) => {
                *pinged = true;
                hub.fx.send(conn, &PING);
                hub.timers.set(Wake::Client(conn), hub.now.mono + hub.settings.api.ping_timeout);
            }
            ApiConn::WebSocket(..) => {
                hub.metrics.connections_at_fault += 1;
                hub.end_session(conn);
                hub.fx.close_now(conn);
                *self = ApiConn::Draining;
            }
            ApiConn::Lines(_) => silent(hub, conn),
            ApiConn::Draining => hub.fx.close_now(conn),
        }
    }
}

/// No TLS with a client: it is counted, and the operator told. What is wrong may be this side's certificate.
fn handshake_failed(hub: &mut Hub, conn: ConnId, fault: HandshakeFault, text: &str) {
    *hub.metrics.handshakes_failed.entry(fault.name()).or_default() += 1;
    // Others are told in detail only to who looks for them: anybody can make as many as there are ports to try.
    let told = hub.handshake_fault_told.is_some_and(|at| hub.now.mono.since(at) < FAULT_TOLD_INTERVAL);
    if !told {
        hub.handshake_fault_told = Some(hub.now.mono);
    }
    let level = if told { Level::Debug } else { Level::Warn };
    let notice = Notice::new(level, "api", "no TLS with a client")
        .with("reason", fault.name())
        .with("address", hub.addresses.of(conn))
        .with("error", text);
    hub.fx.notice(notice);
}

/// Plain text came where TLS is spoken: it is answered in plain text, once.
fn not_secured(hub: &mut Hub, conn: ConnId, on: Listener) {
    handshake_failed(hub, conn, HandshakeFault::PlainText, "this listener speaks TLS, the client plain text");
    hub.metrics.connections_at_fault += 1;
    if on == Listener::Http {
        return respond(hub, conn, &Head::default(), 400, "this port speaks TLS: use https:// or wss://", "");
    }
    let fault = rpc::Fault::new(rpc::code::INVALID_REQUEST, "this port speaks TLS: connect with TLS");
    let mut line = rpc::error(None, &fault);
    line.push(b'\n');
    hub.fx.send(conn, &line);
    hub.drain(conn);
}

/// TLS came where plain text is spoken. How that is answered is the protocol's business; the operator is told why.
fn look_for_tls(hub: &mut Hub, conn: ConnId, first: &[u8]) {
    if first.first() == Some(&TLS_HANDSHAKE) {
        let text = "this listener speaks plain text, the client TLS";
        handshake_failed(hub, conn, HandshakeFault::PlainListener, text);
    }
}

/// Whether a client has not shown a key for as long as it may.
fn is_stranger(hub: &Hub, conn: ConnId) -> bool {
    let session = hub.sessions.get(conn);
    session.is_some_and(|session| {
        session.identity.is_none() && hub.now.mono.since(session.since) >= STRANGER_MAX
    })
}

/// A line client has been silent for a while. Nothing like a ping can tell whether it is still there.
fn silent(hub: &mut Hub, conn: ConnId) {
    let timeout = hub.settings.api.session_timeout;
    let heard = hub.sessions.get(conn).map_or(hub.now.mono, |session| session.heard);
    if hub.now.mono < heard + timeout {
        return hub.timers.set(Wake::Client(conn), heard + timeout);
    }
    let text = format!("session expired: nothing came for {} seconds", timeout.as_secs());
    hub.send_text(conn, &rpc::error(None, &rpc::Fault::new(rpc::code::SESSION_EXPIRED, text)));
    hub.metrics.sessions_expired += 1;
    hub.close_client(conn, CloseCode::Policy, "session expired");
}

fn lines(hub: &mut Hub, conn: ConnId, reader: &mut LineReader, input: &mut &[u8]) {
    let limit_bytes = hub.settings.api.message_bytes_max;
    while hub.sessions.get(conn).is_some() {
        if reader.is_between_lines() {
            look_for_tls(hub, conn, input);
        }
        let Some(line) = reader.next(input, limit_bytes) else { return };
        let fault = match line {
            Line::Text(line) if line.trim_ascii().is_empty() => continue,
            Line::Text(line) => match std::str::from_utf8(&line) {
                Ok(text) => {
                    methods::text(hub, conn, text);
                    continue;
                }
                Err(_) => rpc::Fault::new(rpc::code::PARSE, "Invalid JSON: not UTF-8"),
            },
            Line::TooLong => rpc::Fault::new(
                rpc::code::INVALID_REQUEST,
                format!("the line is longer than {limit_bytes} bytes; it was passed over"),
            ),
        };
        hub.metrics.requests += 1;
        methods::count_unreadable(hub);
        hub.send_text(conn, &rpc::error(None, &fault));
    }
}

fn messages(hub: &mut Hub, conn: ConnId, socket: &mut WebSocket, input: &mut &[u8]) {
    // Anything that comes is a sign of life.
    hub.timers.set(Wake::Client(conn), hub.now.mono + hub.settings.api.ping_interval);
    socket.set_limit(hub.settings.api.message_bytes_max);
    let mut output = Vec::new();
    while hub.sessions.get(conn).is_some() {
        let received = socket.next(input, &mut output);
        if !output.is_empty() {
            hub.fx.send(conn, &output);
            output.clear();
            hub.bound_client(conn);
        }
        match received {
            None => return,
            Some(Received::Text(text)) => methods::text(hub, conn, &text),
            Some(Received::Binary(_)) => {
                hub.metrics.requests += 1;
                methods::count_unreadable(hub);
                let text = "requests are text messages, this was a binary one";
                let fault = rpc::Fault::new(rpc::code::INVALID_REQUEST, text);
                hub.send_text(conn, &rpc::error(None, &fault));
            }
            Some(Received::Control) => {}
            Some(Received::Closed { at_fault }) => {
                hub.metrics.connections_at_fault += u64::from(at_fault);
                hub.end_session(conn);
                hub.drain(conn);
            }
        }
    }
}

/// Request heads, one after the other. Gives what the connection becomes, with the bytes that belong to that.
fn requests(hub: &mut Hub, conn: ConnId, buffer: &mut Vec<u8>, input: &[u8]) -> Option<(ApiConn, Vec<u8>)> {
    if buffer.is_empty() {
        // A slow head has its time from its first byte.
        hub.timers.set(Wake::Client(conn), hub.now.mono + hub.settings.api.handshake_timeout);
    }
    buffer.extend_from_slice(input);
    while !buffer.is_empty() {
        let (head, length) = match http::parse_head(buffer) {
            Ok(None) => return None,
            Ok(Some(found)) => found,
            Err(error) => {
                hub.metrics.connections_at_fault += 1;
                look_for_tls(hub, conn, buffer);
                let (status, text) = match error {
                    HeadError::Malformed => (400, "not an HTTP request; JSON lines have their own port"),
                    HeadError::TooLong => (431, "the request head is too long"),
                };
                respond(hub, conn, &Head::default(), status, text, "");
                return Some((ApiConn::Draining, Vec::new()));
            }
        };
        let rest = buffer.split_off(length);
        *buffer = rest;
        hub.bound_client(conn);
        if answer(hub, conn, &head) {
            let limit_bytes = hub.settings.api.message_bytes_max;
            let socket = ApiConn::WebSocket(Box::new(WebSocket::new(limit_bytes)), false);
            return Some((socket, std::mem::take(buffer)));
        }
        if !head.keep_alive || head.has_body || !hub.fx.is_open(conn) {
            return Some((ApiConn::Draining, Vec::new()));
        }
    }
    hub.timers.set(Wake::Client(conn), hub.now.mono + hub.settings.api.idle_timeout);
    None
}

/// Answers one request. Says whether the connection is a WebSocket from here on.
fn answer(hub: &mut Hub, conn: ConnId, head: &Head) -> bool {
    let rules = &hub.settings.api.addresses;
    let peer = hub.addresses.of(conn);
    let client = rules.client(peer, head.real_ip.as_deref(), head.forwarded_for.as_deref());
    if !rules.allow(client) {
        hub.metrics.connections_forbidden += 1;
        respond(hub, conn, head, 403, "this address is not allowed", "");
        return false;
    }
    if let Some(upgrade) = &head.upgrade
        && matches!(head.path.as_str(), "/ws" | "/")
    {
        return upgrade_to_websocket(hub, conn, head, upgrade, client);
    }
    let known = [
        "/health",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/api/info",
        "/api/openrpc.json",
        "/api/asyncapi.json",
    ];
    if !known.contains(&head.path.as_str()) {
        let (status, text) = match head.path.as_str() {
            "/ws" => (426, "this is a WebSocket; ask for an upgrade"),
            _ => (404, "no such page"),
        };
        respond(hub, conn, head, status, text, if status == 426 { "Upgrade: websocket\r\n" } else { "" });
    } else if !matches!(head.method.as_str(), "GET" | "HEAD") {
        respond(hub, conn, head, 405, "only GET and HEAD", "Allow: GET, HEAD\r\n");
    } else {
        page(hub, conn, head);
    }
    false
}

fn upgrade_to_websocket(hub: &mut Hub, conn: ConnId, head: &Head, upgrade: &Upgrade, client: IpAddr) -> bool {
    let accept = match upgrade {
        Upgrade::Accept(accept) => accept,
        Upgrade::WrongVersion => {
            respond(hub, conn, head, 426, "WebSocket version 13 only", "Sec-WebSocket-Version: 13\r\n");
            return false;
        }
        Upgrade::Malformed => {
            respond(hub, conn, head, 400, "the WebSocket handshake is malformed", "");
            return false;
        }
    };
    let origins = &hub.settings.api.allowed_origins;
    if let Some(origin) = head.origin.as_deref().filter(|_| !origins.is_empty())
        && !origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
    {
        hub.metrics.connections_forbidden += 1;
        respond(hub, conn, head, 403, "pages of this origin are not allowed", "");
        return false;
    }
    if client != hub.addresses.of(conn) {
        if hub.is_full(client) {
            hub.metrics.connections_refused += 1;
            respond(hub, conn, head, 429, "too many connections from this address", "");
            return false;
        }
        hub.addresses.set(conn, client);
    }
    hub.sessions.insert(conn, Session::new(Transport::WebSocket, hub.now));
    hub.websockets += 1;
    let identified = match &head.api_key {
        Some(key) => gateway::show_key(hub, conn, key).map(drop),
        None => {
            // Without keys in the settings nobody needs one.
            gateway::identify(hub, conn, None);
            Ok(())
        }
    };
    if let Err(refused) = identified {
        hub.end_session(conn);
        match refused {
            KeyRefused::Wrong => {
                respond(hub, conn, head, 401, "Invalid API key", "WWW-Authenticate: Bearer\r\n");
            }
            KeyRefused::TooSoon { wait_ms } => {
                let retry = format!("Retry-After: {}\r\n", wait_ms.div_ceil(1000));
                respond(hub, conn, head, 429, "too many wrong keys from this address", &retry);
            }
        }
        return false;
    }
    hub.fx.send(conn, &http::switching_protocols(accept, head.protocol.as_deref()));
    hub.timers.set(Wake::Client(conn), hub.now.mono + hub.settings.api.ping_interval);
    hub.begin_reading(conn);
    true
}

fn page(hub: &mut Hub, conn: ConnId, head: &Head) {
    let (websockets, sessions) = (hub.websockets, hub.active_sessions());
    let mut status = 200;
    let mut content_type = "application/json; charset=utf-8";
    let body = match head.path.as_str() {
        "/health" => Object::default()
            .with("status", "healthy")
            .with("service", "i3-gateway-api")
            .with("websocket_connections", &websockets)
            .with("active_sessions", &sessions)
            .with("version", openrpc::VERSION)
            .with("ready", &hub.is_ready())
            .with("uptime_seconds", &hub.now.mono.since(hub.started).as_secs())
            .with("routers", &routers(hub))
            .finish(),
        "/health/live" => Object::default().with("status", "alive").finish(),
        "/health/ready" if hub.is_ready() => Object::default().with("status", "ready").finish(),
        "/health/ready" => {
            status = 503;
            Object::default().with("status", "not_ready").finish()
        }
        "/metrics" => {
            let format = Format::of_accept(head.accept.as_deref());
            content_type = format.content_type();
            exposition::encode(hub, format)
        }
        "/api/openrpc.json" => openrpc::document(),
        "/api/asyncapi.json" => asyncapi::document(),
        _ => Object::default()
            .with("version", openrpc::VERSION)
            .with("protocol", "JSON-RPC 2.0")
            .with("transports", &["websocket", "tcp"])
            .with("authentication", if hub.settings.api.keys.is_some() { "api_key" } else { "none" })
            .with("documentation", "/api/openrpc.json")
            .finish(),
    };
    send_response(hub, conn, head, status, content_type, &body, "");
}

/// The router links, without the muds' names: this page is for everybody.
fn routers(hub: &Hub) -> serde_json::Value {
    let link = |mud: &crate::mud::Mud| serde_json::json!({"name": mud.link.router().name, "state": mud.link.state_name()});
    hub.muds.iter().map(link).collect()
}

/// An error as JSON.
fn respond(hub: &mut Hub, conn: ConnId, head: &Head, status: u16, text: &str, extra: &str) {
    let body = Object::default().with("error", text).finish();
    send_response(hub, conn, head, status, "application/json; charset=utf-8", &body, extra);
}

fn send_response(
    hub: &mut Hub,
    conn: ConnId,
    head: &Head,
    status: u16,
    content_type: &str,
    body: &[u8],
    extra: &str,
) {
    // A body that nobody reads would be taken for the next request.
    let keep_alive = head.keep_alive && !head.has_body;
    let head_only = head.method == "HEAD";
    hub.fx.send(conn, &Response { status, content_type, extra, body, keep_alive, head_only }.encode());
    if !keep_alive {
        hub.drain(conn);
    }
}
