//! The front door itself: turns a connection's bytes into requests, and sends what no request has asked for.

use super::conn::{Conn, STRANGER_MAX, STRANGER_TEXT_BYTES_MAX, State};
use super::discover::Documents;
use super::encoder::{LINES, send_text};
use super::http::{self, Head, HeadError};
use super::json::write;
use super::line::{Line, LineReader, is_http};
use super::openrpc;
use super::pages::{self, Page, respond};
use super::requests::{Requests, early_bytes, is_stranger, unreadable_line};
use super::rpc::{self, code};
use super::turns::REQUEST_WORK;
use super::websocket::{PING, Received, WebSocket, close_frame};
use super::welcome::{Authentication, Protocol, Service, Welcome};
use crate::clients::{Goodbye, Session, TextCharset};
use crate::door::contract::Door;
use crate::effects::ConnMap;
use crate::fault::Fault;
use crate::i3::text::{decode_json, decode_latin1};
use crate::ids::Ticket;
use crate::machine::{ConnId, HandshakeFault, Listener};
use crate::service::{Parts, access, sessions};
use crate::time::Instant;
use crate::waiting::Finished;
use tungstenite::protocol::frame::coding::CloseCode;

/// The first byte of every TLS connection (RFC 8446, 5.1). No plain-text protocol of this front door begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// The work of making one byte of a page, such as the metrics.
const WORK_PER_PAGE_BYTE: usize = 4;

/// Stands for all pages where the work of methods is noted.
const PAGES: &str = "pages";

/// JSON-RPC 2.0 over TCP lines and WebSocket, and HTTP.
#[derive(Debug, Default)]
pub(crate) struct RpcDoor {
    pub(super) conns: ConnMap<Conn>,
    pub(super) requests: Requests,
}

impl Door for RpcDoor {
    fn open(&mut self, parts: &mut Parts<'_>, conn: ConnId, on: Listener) {
        let state = if on == Listener::Http {
            State::Http { head: Vec::new(), since: parts.cx.now.mono, is_idle: false }
        } else {
            State::Lines(LineReader::default())
        };
        self.conns.insert(conn, Conn::new(state));
        if on != Listener::Http {
            welcome(parts, conn);
        }
    }

    fn refuse_plain_text(&mut self, parts: &mut Parts<'_>, conn: ConnId, on: Listener) {
        self.conns.insert(conn, Conn::new(State::Draining { since: parts.cx.now.mono }));
        if on == Listener::Http {
            return respond(
                parts,
                conn,
                &Head::default(),
                400,
                "this port speaks TLS: use https:// or wss://",
                "",
            );
        }
        let mut line = rpc::refusal(None, code::INVALID_REQUEST, "this port speaks TLS: connect with TLS");
        line.push(b'\n');
        parts.cx.fx.send(conn, &line);
        parts.cx.fx.close_when_flushed(conn);
    }

    fn received(&mut self, parts: &mut Parts<'_>, conn: ConnId, bytes: &[u8]) {
        match self.conns.get_mut(conn) {
            // Other requests are before it.
            Some(one) if one.desk.is_busy() => one.desk.unread.extend_from_slice(bytes),
            _ => self.read(parts, conn, bytes),
        }
        // All bytes count, also pings and blank lines.
        early_bytes(parts, &mut self.conns, conn, bytes.len());
        // Pongs and pages are queued bytes too.
        parts.clients.bound(&mut parts.cx, conn);
        self.tidy(parts, conn);
    }

    fn flushed(&mut self, parts: &mut Parts<'_>, conn: ConnId) -> bool {
        let is_busy = self.conns.get(conn).is_some_and(|one| one.desk.is_busy());
        if is_busy {
            self.tidy(parts, conn);
        }
        is_busy
    }

    fn turn(&mut self, parts: &mut Parts<'_>) -> Vec<ConnId> {
        self.work(parts)
    }

    fn turn_is_over(&mut self) {
        self.requests.turns.is_over();
    }

    fn due(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        let now = parts.cx.now.mono;
        let Some(one) = self.conns.get_mut(conn) else { return };
        let session = parts.clients.get(conn);
        let is_stranger =
            session.is_some_and(|session| session.identity.is_none() && now >= session.since + STRANGER_MAX);
        match &mut one.state {
            State::Http { head, .. } => {
                if head.is_empty() {
                    parts.cx.fx.close_now(conn);
                } else {
                    parts.cx.metrics.connections_at_fault += 1;
                    respond(parts, conn, &Head::default(), 408, "the request head takes too long", "");
                }
                one.drain(now);
            }
            State::Lines(_) | State::WebSocket { .. } if is_stranger => {
                parts.cx.metrics.connections_at_fault += 1;
                let text = format!("not authenticated within {} seconds", STRANGER_MAX.as_secs());
                parts.clients.report(&mut parts.cx, conn, &Fault::not_authenticated(text));
                let address = parts.clients.addresses.of(conn);
                parts.clients.tell_who_was_refused(&mut parts.cx, address, "it sent no key in time");
                parts.clients.dismiss(conn, Goodbye::Policy, "not authenticated");
            }
            // Its pong could not be read, or comes after what it has not read yet. A client that does not read at all has
            // a deadline of its own.
            State::WebSocket { heard, pinged, .. }
                if !parts.cx.fx.is_read(conn) || parts.cx.fx.pending_bytes(conn) > 0 =>
            {
                (*heard, *pinged) = (now, None);
                if let Some(session) = parts.clients.get_mut(conn)
                    && parts.cx.fx.pending_bytes(conn) > 0
                {
                    session.falls_behind(&mut parts.cx, conn);
                }
            }
            State::WebSocket { pinged: pinged @ None, .. } => {
                *pinged = Some(now);
                parts.cx.fx.send(conn, &PING);
                // A client may only listen, and never send a request.
                parts.clients.tell_who_came(&mut parts.cx, conn);
            }
            State::WebSocket { .. } => {
                parts.cx.metrics.connections_at_fault += 1;
                if let Some(session) = parts.clients.get_mut(conn) {
                    session.ends_because("the client did not answer a ping");
                }
                parts.cx.fx.close_now(conn);
            }
            State::Lines(_) => expire(parts, conn),
            State::Draining { .. } => parts.cx.fx.close_now(conn),
        }
    }

    fn deadline(&self, parts: &Parts<'_>, conn: ConnId) -> Option<Instant> {
        let one = self.conns.get(conn)?;
        Some(one.deadline(parts.clients.get(conn), &parts.cx.settings.api))
    }

    fn owes(&self, conn: ConnId) -> bool {
        self.requests.are_open(conn) || self.conns.get(conn).is_some_and(|one| one.desk.is_busy())
    }

    fn finished(&mut self, parts: &mut Parts<'_>, finished: Finished) {
        let conn = finished.conn;
        // The request that has waited was that for an upgrade.
        if let (Some(State::Http { .. }), Err(fault)) =
            (self.conns.get(conn).map(|one| &one.state), &finished.outcome)
        {
            pages::respond_later(parts, conn, &Head::default(), fault);
            self.conns.get_mut(conn).into_iter().for_each(|one| one.drain(parts.cx.now.mono));
        }
        self.requests.finished(parts, &mut self.conns, finished);
        self.tidy(parts, conn);
    }

    fn dismiss(&mut self, parts: &mut Parts<'_>, conn: ConnId, goodbye: Goodbye, reason: &'static str) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        if let State::WebSocket { .. } = one.state {
            let close = match goodbye {
                Goodbye::Policy => CloseCode::Policy,
                Goodbye::MakingRoom => CloseCode::Again,
                Goodbye::Finished => CloseCode::Normal,
                Goodbye::ShuttingDown => CloseCode::Away,
            };
            parts.cx.fx.send(conn, &close_frame(close, reason));
        }
        if let State::Http { head, .. } = &one.state
            && !head.is_empty()
            && goodbye == Goodbye::MakingRoom
        {
            respond(parts, conn, &Head::default(), 503, "the gateway is full", "Retry-After: 1\r\n");
        }
        one.drain(parts.cx.now.mono);
        parts.cx.fx.close_when_flushed(conn);
        self.tidy(parts, conn);
    }

    fn closed(&mut self, conn: ConnId) {
        self.conns.remove(conn);
        self.requests.forget(conn);
    }
}

/// Sends the first message to a line client. If the settings hold no keys, the client is identified. It speaks for the
/// game from its first request on: a probe that only connects takes nothing away from the game.
fn welcome(parts: &mut Parts<'_>, conn: ConnId) {
    parts.clients.insert(conn, Session::new(&LINES, parts.cx.now));
    let is_open = access::identify(&mut parts.cx, parts.clients, conn, None).is_some();
    let welcome = Welcome {
        service: Service::Gateway,
        version: openrpc::API_VERSION,
        protocol: Protocol::JsonRpc,
        authentication: if is_open { Authentication::None } else { Authentication::Required },
        gateway_version: openrpc::VERSION,
    };
    let mut params = Vec::new();
    write(&mut params, &welcome);
    send_text(parts, conn, &rpc::notification("welcome", &params));
}

/// Ends a line client that has been silent for too long. The protocol has no ping to check whether it still exists.
fn expire(parts: &mut Parts<'_>, conn: ConnId) {
    let seconds = parts.cx.settings.api.session_timeout.as_secs();
    let text = format!("session expired: nothing came for {seconds} seconds");
    parts.clients.report(&mut parts.cx, conn, &Fault::session_expired(text));
    parts.cx.metrics.sessions_expired += 1;
    parts.clients.dismiss(conn, Goodbye::Policy, "session expired");
}

/// Reports TLS on a listener that speaks plain text. The protocol answers the client; the notice is for the operator.
fn look_for_tls(parts: &mut Parts<'_>, conn: ConnId, first: &[u8]) {
    if first.first() == Some(&TLS_HANDSHAKE) {
        let text = "this listener speaks plain text, the client TLS";
        parts.clients.handshake_failed(&mut parts.cx, conn, HandshakeFault::PlainListener, text);
    }
}

impl RpcDoor {
    /// Reads bytes in the connection's state. The state is taken out meanwhile, because a request may change it.
    fn read(&mut self, parts: &mut Parts<'_>, conn: ConnId, bytes: &[u8]) {
        let mut owned;
        let mut input = bytes;
        while parts.cx.fx.is_open(conn) {
            let now = parts.cx.now.mono;
            let Some(one) = self.conns.get_mut(conn) else { return };
            if !std::mem::take(&mut one.desk.is_half_read) && input.is_empty() {
                return;
            }
            match std::mem::replace(&mut one.state, State::Draining { since: now }) {
                State::Lines(mut reader) => {
                    self.lines(parts, conn, &mut reader, &mut input);
                    self.put(parts, conn, State::Lines(reader));
                }
                State::WebSocket { mut socket, .. } => {
                    let is_closed = self.messages(parts, conn, &mut socket, &mut input);
                    // Any byte is a sign of life.
                    if !is_closed {
                        self.put(parts, conn, State::WebSocket { socket, heard: now, pinged: None });
                    }
                }
                State::Http { mut head, since, is_idle } => {
                    let since = if head.is_empty() { now } else { since };
                    let _ = is_idle;
                    head.extend_from_slice(input);
                    let before = parts.cx.fx.pending_bytes(conn);
                    let next = next_head(parts, &self.requests.documents, conn, &head, since);
                    owned = next.rest;
                    input = &owned;
                    self.put(parts, conn, next.state);
                    if let Some(one) = self.conns.get_mut(conn) {
                        one.desk.working = next.waits;
                    }
                    let bytes = parts.cx.fx.pending_bytes(conn).saturating_sub(before);
                    if self.page_was_sent(conn, bytes) && !input.is_empty() {
                        return self.leave(conn, input);
                    }
                }
                State::Draining { since } => {
                    return self.put(parts, conn, State::Draining { since });
                }
            }
            // Nothing is read from a session that is about to end.
            if matches!(
                self.conns.get(conn).map(|one| &one.state),
                Some(State::Lines(_) | State::WebSocket { .. })
            ) && !parts.clients.stays(conn)
            {
                return;
            }
            if self.must_stop(parts, conn) {
                return self.leave(conn, input);
            }
        }
    }

    /// Notes the work of a page. Returns whether the next one must wait for its turn.
    fn page_was_sent(&mut self, conn: ConnId, bytes: usize) -> bool {
        let (Some(one), turns) = (self.conns.get_mut(conn), &mut self.requests.turns) else { return false };
        let work = REQUEST_WORK + bytes * WORK_PER_PAGE_BYTE;
        turns.worked(&mut one.desk, work);
        turns.cost(PAGES, work);
        !turns.admits(&one.desk, PAGES)
    }

    /// Keeps what cannot be read now.
    fn leave(&mut self, conn: ConnId, rest: &[u8]) {
        let Some(one) = self.conns.get_mut(conn) else { return };
        one.desk.unread = rest.to_vec();
        one.desk.is_half_read = matches!(one.state, State::WebSocket { .. } | State::Http { .. });
    }

    /// Reads what was kept.
    pub(super) fn read_on(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        let unread = self.conns.get_mut(conn).map(|one| std::mem::take(&mut one.desk.unread));
        self.read(parts, conn, &unread.unwrap_or_default());
    }

    fn put(&mut self, parts: &Parts<'_>, conn: ConnId, state: State) {
        if let Some(one) = self.conns.get_mut(conn).filter(|_| parts.cx.fx.is_open(conn)) {
            one.state = state;
        }
    }

    fn lines(&mut self, parts: &mut Parts<'_>, conn: ConnId, reader: &mut LineReader, input: &mut &[u8]) {
        while parts.clients.stays(conn) && !self.must_stop(parts, conn) {
            let limit_bytes = text_bytes_max(parts, conn);
            if reader.is_between_lines() {
                look_for_tls(parts, conn, input);
            }
            let Some(line) = reader.next(input, limit_bytes) else { return };
            let text = match line {
                Line::Text(line) if line.trim_ascii().is_empty() => continue,
                Line::Text(line) if is_http(&line) => return self.http_on_lines(parts, conn),
                Line::TooLong(line) if is_http(&line) => return self.http_on_lines(parts, conn),
                // A game whose players type Windows-1252 may pass it on as it is.
                Line::Text(line) => {
                    let is_latin1 =
                        parts.clients.get(conn).is_some_and(|session| session.charset == TextCharset::Latin1);
                    let text = if is_latin1 { decode_latin1(&line) } else { decode_json(&line) };
                    self.requests.text(parts, &mut self.conns, conn, &text);
                    continue;
                }
                Line::TooLong(_) => {
                    format!("the line is longer than {limit_bytes} bytes; it was passed over")
                }
            };
            unreadable_line(parts, &mut self.conns, conn, limit_bytes);
            send_text(parts, conn, &rpc::refusal(None, code::INVALID_REQUEST, &text));
        }
    }

    /// Ends a connection that speaks HTTP where JSON lines are spoken. A web page can make any browser send HTTP to this
    /// port, and the body of such a request must not be read as lines.
    fn http_on_lines(&mut self, parts: &mut Parts<'_>, conn: ConnId) {
        Requests::count_unreadable(parts);
        let text = "Invalid JSON: this is HTTP, which has its own port";
        send_text(parts, conn, &rpc::refusal(None, code::PARSE, text));
        parts.cx.metrics.connections_at_fault += 1;
        parts.clients.dismiss(conn, Goodbye::Policy, "HTTP on the port of JSON lines");
    }

    /// Reads WebSocket messages. Returns whether the client has closed the connection.
    fn messages(
        &mut self,
        parts: &mut Parts<'_>,
        conn: ConnId,
        socket: &mut WebSocket,
        input: &mut &[u8],
    ) -> bool {
        let mut output = Vec::new();
        while parts.clients.stays(conn) && !self.must_stop(parts, conn) {
            socket.set_limit(text_bytes_max(parts, conn));
            let received = socket.next(input, &mut output);
            if !output.is_empty() {
                parts.cx.fx.send(conn, &output);
                output.clear();
                parts.clients.bound(&mut parts.cx, conn);
            }
            match received {
                None => return false,
                Some(Received::Text(text)) => self.requests.text(parts, &mut self.conns, conn, &text),
                Some(Received::Binary(_)) => {
                    unreadable_line(parts, &mut self.conns, conn, 0);
                    let text = "requests are text messages, this was a binary one";
                    send_text(parts, conn, &rpc::refusal(None, code::INVALID_REQUEST, text));
                }
                Some(Received::Control) => {}
                Some(Received::Closed { at_fault }) => {
                    parts.cx.metrics.connections_at_fault += u64::from(at_fault);
                    sessions::ended(parts, conn);
                    parts.cx.fx.close_when_flushed(conn);
                    return true;
                }
            }
        }
        false
    }
}

/// Returns the limit of a client's next JSON text.
fn text_bytes_max(parts: &Parts<'_>, conn: ConnId) -> usize {
    let all = parts.cx.settings.api.message_bytes_max;
    if is_stranger(parts, conn) { all.min(STRANGER_TEXT_BYTES_MAX) } else { all }
}

/// What follows from the head of an HTTP request.
struct Next {
    /// The new state of the connection.
    state: State,
    /// The bytes that belong to it.
    rest: Vec<u8>,
    /// The head is read again when this has ended.
    waits: Option<Ticket>,
}

impl Next {
    fn new(state: State, rest: &[u8]) -> Next {
        Next { state, rest: rest.to_vec(), waits: None }
    }
}

/// Reads and answers one request.
fn next_head(
    parts: &mut Parts<'_>,
    documents: &Documents,
    conn: ConnId,
    buffer: &[u8],
    since: Instant,
) -> Next {
    let now = parts.cx.now.mono;
    let draining = Next::new(State::Draining { since: now }, &[]);
    let mut input = buffer;
    if !input.is_empty() {
        let (head, length) = match http::parse_head(input) {
            // The head timeout starts at its first byte.
            Ok(None) => return Next::new(State::Http { head: input.to_vec(), since, is_idle: false }, &[]),
            Ok(Some(found)) => found,
            Err(error) => {
                parts.cx.metrics.connections_at_fault += 1;
                look_for_tls(parts, conn, input);
                let (status, text) = match error {
                    HeadError::Malformed => (400, "not an HTTP request; JSON lines have their own port"),
                    HeadError::Ambiguous(fault) => (400, fault),
                    HeadError::TooLong => (431, "the request head is too long"),
                };
                respond(parts, conn, &Head::default(), status, text, "");
                return draining;
            }
        };
        input = &input[length..];
        match pages::answer(parts, documents, conn, &head) {
            Page::Answered => {}
            Page::WebSocket { is_deflated } => {
                let socket = Box::new(WebSocket::new(text_bytes_max(parts, conn), is_deflated));
                return Next::new(State::WebSocket { socket, heard: now, pinged: None }, input);
            }
            Page::Waits(ticket) => {
                let state = State::Http { head: buffer.to_vec(), since, is_idle: false };
                return Next { waits: Some(ticket), ..Next::new(state, &[]) };
            }
        }
        if !head.keep_alive || head.has_body || !parts.cx.fx.is_open(conn) {
            return draining;
        }
    }
    Next::new(State::Http { head: Vec::new(), since: now, is_idle: true }, input)
}
