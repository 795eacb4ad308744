//! Answers HTTP requests: health, metrics, documents, and the upgrade to a WebSocket.

use super::console::{self, Found};
use super::discover::Documents;
use super::encoder::{DEFLATED_SOCKETS, SOCKETS};
use super::exposition::{self, Format};
use super::http::{self, Head, Response, Upgrade};
use super::json::Object;
use super::requests::AUTHENTICATE;
use super::{openrpc, origin};
use crate::clients::{Role, Session, Way};
use crate::fault::Fault;
use crate::ids::Ticket;
use crate::machine::ConnId;
use crate::saves::Saves;
use crate::service::access::{self, KeyRefused};
use crate::service::nodes::database;
use crate::service::nodes::followed::must_follow;
use crate::service::{Parts, channel, sessions};
use crate::waiting::Asker;
use bytes::Bytes;
use std::net::IpAddr;

/// What follows for the connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// It was answered.
    Answered,
    /// It is answered again when this has ended.
    Waits(Ticket),
    /// The connection is a WebSocket from now on.
    WebSocket {
        /// Its messages may be compressed.
        is_deflated: bool,
    },
}

/// The paths of all pages.
const PATHS: [&str; 7] = [
    "/health",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/api/info",
    "/api/openrpc.json",
    "/api/asyncapi.json",
];

/// The pages show a state that changes.
const NO_STORE: &str = "no-store";

const JSON: &str = "application/json; charset=utf-8";

/// Answers one request.
pub(super) fn answer(parts: &mut Parts<'_>, documents: &Documents, conn: ConnId, head: &Head) -> Page {
    let rules = &parts.cx.settings.api.addresses;
    let peer = parts.clients.addresses.peer(conn);
    // Each request has its own client: a proxy sends the requests of many over one connection.
    let client = rules.client(peer, &head.reported);
    let is_health =
        PATHS.contains(&head.path.as_str()) && head.path.starts_with("/health") && head.upgrade.is_none();
    let is_allowed =
        if is_health && rules.may_probe(peer) { rules.may_probe(client) } else { rules.allow(client) };
    if rules.bar(peer) || !is_allowed {
        parts.cx.metrics.connections_forbidden += 1;
        parts.clients.tell_who_was_refused(&mut parts.cx, client, "this address is not allowed");
        respond(parts, conn, head, 403, "this address is not allowed", "");
        return Page::Answered;
    }
    let api = &parts.cx.settings.api;
    if let Some(origin) = &head.origin
        && !origin::is_allowed(origin, head.host.as_deref(), &api.allowed_origins, api.keys.is_some())
    {
        parts.cx.metrics.connections_forbidden += 1;
        parts.clients.tell_who_was_refused(&mut parts.cx, client, "pages of this origin are not allowed");
        respond(parts, conn, head, 403, "pages of this origin are not allowed", "");
        return Page::Answered;
    }
    if let Some(upgrade) = &head.upgrade
        && matches!(head.path.as_str(), "/ws" | "/")
    {
        return upgrade_to_websocket(parts, conn, head, upgrade, client);
    }
    if let Some(file) = console::wanted(parts.cx.settings.api.console, head) {
        console_file(parts, conn, head, client, &file);
    } else if !PATHS.contains(&head.path.as_str()) {
        let (status, text) = match head.path.as_str() {
            "/ws" => (426, "this is a WebSocket; ask for an upgrade"),
            // The Python gateway names this page too, and has none.
            "/api/docs" => {
                (404, "no such page; /api/openrpc.json describes the methods, /api/asyncapi.json the events")
            }
            _ => (404, "no such page"),
        };
        respond(parts, conn, head, status, text, if status == 426 { "Upgrade: websocket\r\n" } else { "" });
    } else if !matches!(head.method.as_str(), "GET" | "HEAD") {
        respond(parts, conn, head, 405, "only GET and HEAD", "Allow: GET, HEAD\r\n");
    } else {
        page(parts, documents, conn, head, client);
    }
    Page::Answered
}

fn upgrade_to_websocket(
    parts: &mut Parts<'_>,
    conn: ConnId,
    head: &Head,
    upgrade: &Upgrade,
    client: IpAddr,
) -> Page {
    let accept = match upgrade {
        Upgrade::Accept(accept) => accept,
        Upgrade::WrongVersion => {
            respond(parts, conn, head, 426, "WebSocket version 13 only", "Sec-WebSocket-Version: 13\r\n");
            return Page::Answered;
        }
        Upgrade::Malformed => {
            respond(parts, conn, head, 400, "the WebSocket handshake is malformed", "");
            return Page::Answered;
        }
    };
    let wanted = head.role.as_deref().unwrap_or(Role::Game.name());
    let Some(role) = Role::ALL.iter().find(|role| role.name().eq_ignore_ascii_case(wanted)) else {
        respond(parts, conn, head, 400, "X-I3-Role must be game or observer", "");
        return Page::Answered;
    };
    let peer = parts.clients.addresses.peer(conn);
    if client != peer && parts.clients.is_full(&parts.cx, client) {
        parts.cx.metrics.connections_refused += 1;
        parts.clients.tell_who_was_refused(&mut parts.cx, client, "too many connections");
        respond(parts, conn, head, 429, "too many connections from this address", "");
        return Page::Answered;
    }
    // The places that are reserved for health checks are for nothing else.
    if parts.clients.addresses.known() >= parts.cx.settings.api.connections_max {
        parts.cx.metrics.connections_refused += 1;
        parts.clients.tell_who_was_refused(&mut parts.cx, client, "the gateway is full");
        respond(parts, conn, head, 503, "the gateway is full", "Retry-After: 1\r\n");
        return Page::Answered;
    }
    // What the client has missed is replayed to it at once.
    let is_known = match (&head.api_key, &parts.cx.settings.api.keys) {
        (Some(key), _) => access::is_right(&parts.cx, key),
        (None, keys) => keys.is_none(),
    };
    if *role == Role::Game && is_known {
        let ticket = parts.waiting.next_ticket();
        match must_follow(parts, Asker { conn, ticket, method: AUTHENTICATE }) {
            Ok(false) => {}
            Ok(true) => return Page::Waits(ticket),
            Err(fault) => {
                respond_later(parts, conn, head, &fault);
                return Page::Answered;
            }
        }
    }
    parts.clients.addresses.session_of(conn, client);
    let is_deflated = head.offers_deflate && parts.cx.settings.api.compression;
    let way = if is_deflated { &DEFLATED_SOCKETS } else { &SOCKETS };
    if let Err(refused) = begin_session(parts, conn, head, way) {
        sessions::ended(parts, conn);
        // The next request on this connection may be another client's.
        parts.clients.addresses.session_of(conn, peer);
        match refused {
            KeyRefused::Wrong => {
                respond(parts, conn, head, 401, "Invalid API key", "WWW-Authenticate: Bearer\r\n");
            }
            KeyRefused::TooSoon { wait_ms } => {
                let retry = format!("Retry-After: {}\r\n", wait_ms.div_ceil(1000));
                respond(parts, conn, head, 429, "too many wrong keys from this address", &retry);
            }
        }
        return Page::Answered;
    }
    parts.cx.fx.send(conn, &http::switching_protocols(accept, head.protocol.as_deref(), is_deflated));
    let (cx, muds, mut out) = parts.delivery_and_muds();
    out.begin_reading(cx, conn, *role);
    channel::join_set(cx, muds, &mut out, conn);
    out.replay(cx, conn);
    Page::WebSocket { is_deflated }
}

/// Answers that this cannot be done now.
pub(super) fn respond_later(parts: &mut Parts<'_>, conn: ConnId, head: &Head, fault: &Fault) {
    respond(parts, conn, head, 503, &fault.message, "Retry-After: 1\r\n");
}

/// Begins the session of a WebSocket. The client may send its key in a header.
fn begin_session(
    parts: &mut Parts<'_>,
    conn: ConnId,
    head: &Head,
    way: &'static Way,
) -> Result<(), KeyRefused> {
    parts.clients.insert(conn, Session::new(way, parts.cx.now));
    match &head.api_key {
        Some(key) => access::show_key(&mut parts.cx, parts.clients, conn, key).map(drop),
        None => {
            // If the settings hold no keys, no client needs one.
            access::identify(&mut parts.cx, parts.clients, conn, None);
            Ok(())
        }
    }
}

/// Whether the requests of a client are bounded. Health checks, and whatever runs on this host, may ask as often as they
/// like.
fn is_bounded(head: &Head, client: IpAddr) -> bool {
    !client.is_loopback() && !head.path.starts_with("/health")
}

/// Whether a client has asked for too much, and was told so.
fn is_refused(parts: &mut Parts<'_>, conn: ConnId, head: &Head, client: IpAddr) -> bool {
    if !is_bounded(head, client) {
        return false;
    }
    let Some(wait_ms) = parts.clients.addresses.strangers().wait_ms(client, parts.cx.now.mono) else {
        return false;
    };
    parts.cx.metrics.strangers_limited += 1;
    let retry = format!("Retry-After: {}\r\n", wait_ms.div_ceil(1000));
    respond(parts, conn, head, 429, "too many requests without a key from this address", &retry);
    true
}

/// Answers with a file of the page for people.
fn console_file(parts: &mut Parts<'_>, conn: ConnId, head: &Head, client: IpAddr, found: &Found) {
    if is_refused(parts, conn, head, client) {
        return;
    }
    let Found { file, is_known, headers } = found;
    if is_bounded(head, client) && !is_known {
        parts.clients.addresses.charge(client, file.body.len(), parts.cx.now.mono);
    }
    let status = if *is_known { 304 } else { 200 };
    let content = Content {
        status,
        content_type: file.content_type,
        cache: "no-cache",
        body: &[Bytes::from_static(file.body)],
        extra: headers,
    };
    send_response(parts, conn, head, &content);
}

fn page(parts: &mut Parts<'_>, documents: &Documents, conn: ConnId, head: &Head, client: IpAddr) {
    if is_refused(parts, conn, head, client) {
        return;
    }
    let is_ready = database::serves(parts.nodes).unwrap_or_else(|| parts.muds.are_ready());
    let is_ready = is_ready && !parts.run.stopping && !parts.run.leaving;
    let is_failing = parts.cx.fx.saves().is_some_and(Saves::is_failing) || database::is_away(parts.nodes);
    // Only the trouble is shown.
    let with_storage = |page: Object| if is_failing { page.with("storage", "failing") } else { page };
    let mut status = 200;
    let mut content_type = JSON;
    let body = match head.path.as_str() {
        "/health" => with_storage(
            Object::default()
                .with("status", "healthy")
                .with("service", "i3-gateway-api")
                .with("websocket_connections", &parts.clients.count_of(SOCKETS.label))
                .with("active_sessions", &parts.clients.active())
                .with("version", openrpc::VERSION)
                .with("ready", &is_ready)
                .with("uptime_seconds", &parts.cx.now.mono.since(parts.run.started).as_secs())
                .with("routers", &routers(parts)),
        )
        .page(),
        "/health/live" => Object::default().with("status", "alive").page(),
        "/health/ready" if is_ready => with_storage(Object::default().with("status", "ready")).page(),
        "/health/ready" => {
            status = 503;
            Object::default().with("status", "not_ready").page()
        }
        "/metrics" => {
            let format = Format::of_accept(head.accept.as_deref());
            content_type = format.content_type();
            exposition::encode(parts, format)
        }
        "/api/openrpc.json" => vec![documents.openrpc().clone()],
        "/api/asyncapi.json" => vec![documents.asyncapi().clone()],
        _ => Object::default()
            .with("version", openrpc::API_VERSION)
            .with("protocol", "JSON-RPC 2.0")
            .with("transports", &["websocket", "tcp"])
            .with("authentication", if parts.cx.settings.api.keys.is_some() { "api_key" } else { "none" })
            .with("documentation", "/api/docs")
            .with("gateway_version", openrpc::VERSION)
            .with("openrpc", "/api/openrpc.json")
            .with("asyncapi", "/api/asyncapi.json")
            .page(),
    };
    if is_bounded(head, client) {
        let bytes = body.iter().map(Bytes::len).sum();
        parts.clients.addresses.charge(client, bytes, parts.cx.now.mono);
    }
    send_response(
        parts,
        conn,
        head,
        &Content { status, content_type, cache: NO_STORE, body: &body, extra: "" },
    );
}

/// The router links, without the muds' names, because anybody can read this page.
fn routers(parts: &Parts<'_>) -> serde_json::Value {
    let links = parts.muds.iter().map(|(_, mud)| &mud.link);
    links
        .map(|link| serde_json::json!({"name": link.router().name, "state": link.state().as_str()}))
        .collect()
}

/// Answers with an error as JSON.
pub(super) fn respond(
    parts: &mut Parts<'_>,
    conn: ConnId,
    head: &Head,
    status: u16,
    text: &str,
    extra: &str,
) {
    let body = Object::default().with("error", text).page();
    send_response(
        parts,
        conn,
        head,
        &Content { status, content_type: JSON, cache: NO_STORE, body: &body, extra },
    );
}

/// The contents of an answer.
struct Content<'a> {
    status: u16,
    content_type: &'a str,
    cache: &'a str,
    /// Its parts, in order.
    body: &'a [Bytes],
    extra: &'a str,
}

fn send_response(parts: &mut Parts<'_>, conn: ConnId, head: &Head, content: &Content<'_>) {
    let Content { status, content_type, cache, body, extra } = *content;
    // The body of the request is not read. On an open connection it would be parsed as the next request.
    let keep_alive = head.keep_alive && !head.has_body;
    // An answer that says that nothing has changed has no body either.
    let head_only = head.method == "HEAD" || status == 304;
    let body_bytes = body.iter().map(Bytes::len).sum();
    let response = Response { status, content_type, cache, extra, body_bytes, keep_alive };
    parts.cx.fx.send(conn, &response.encode());
    for part in body.iter().filter(|_| !head_only) {
        parts.cx.fx.send_shared(conn, part.clone());
    }
    if !keep_alive {
        parts.cx.fx.close_when_flushed(conn);
    }
}
