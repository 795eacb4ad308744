//! What local games are offered: addresses, limits, rates.

use crate::access;
use crate::path::Path;
use crate::read::Reader;
use crate::{ListenAt, Problem};
use i3_core::machine::Listener;
use i3_core::settings::{ApiSettings, RateLimits};
use std::net::IpAddr;

const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_HTTP_PORT: u16 = 8080;
const DEFAULT_LINES_PORT: u16 = 8081;
const DEFAULT_SECOND_LINES_PORT: u16 = 4001;

/// All requests of a session together, where only limits for single methods are set.
const DEFAULT_REQUESTS_PER_MINUTE: u32 = 600;
const DEFAULT_BURST: u32 = 60;

/// Where to listen. Without authentication that is this host only.
pub(crate) fn listeners(reader: &mut Reader<'_>, authenticated: bool) -> Vec<ListenAt> {
    let api_enabled = reader.boolean(&Path::of("api.enabled")).unwrap_or(true);
    let http = reader.boolean(&Path::of("api.websocket.enabled")).unwrap_or(true);
    let lines = reader.boolean(&Path::of("api.tcp.enabled")).unwrap_or(true);
    let second = reader.node(&Path::of("gateway.host")).or(reader.node(&Path::of("gateway.port"))).is_some();

    let api_host = Path::of("api.host");
    let http_host = reader.first(&[Path::of("api.websocket.host"), api_host.clone()]);
    let http_port = reader.first(&[Path::of("api.websocket.port"), Path::of("api.port")]);
    // The Python gateway's file has one host for both.
    let lines_host =
        Some(Path::of("api.tcp.host")).filter(|path| reader.node(path).is_some()).unwrap_or(api_host);
    let remote_allowed = reader.boolean(&Path::of("api.auth.allow_remote_without_auth")).unwrap_or(false);
    let mut found: Vec<(ListenAt, Path)> = Vec::new();
    for (wanted, listener, host, port, default_port) in [
        (http, Listener::Http, http_host, http_port, DEFAULT_HTTP_PORT),
        (lines, Listener::Lines, lines_host, Path::of("api.tcp.port"), DEFAULT_LINES_PORT),
        (
            second,
            Listener::Lines,
            Path::of("gateway.host"),
            Path::of("gateway.port"),
            DEFAULT_SECOND_LINES_PORT,
        ),
    ] {
        // They are read in any case, so that a wrong value is named.
        let mut at = ListenAt {
            listener,
            host: reader.host(&host).unwrap_or_else(|| DEFAULT_HOST.to_owned()),
            port: reader.port(&port).unwrap_or(default_port),
        };
        if !wanted || !api_enabled {
            continue;
        }
        if !authenticated && !remote_allowed && !is_loopback(&at.host) {
            let message = format!(
                "without authentication the gateway listens at {DEFAULT_HOST} only, not at {}",
                at.host
            );
            let fix = "switch api.auth.enabled on, or set api.auth.allow_remote_without_auth: true";
            reader.warn(&host, message, fix);
            at.host = DEFAULT_HOST.to_owned();
        }
        if found.iter().any(|(other, _)| collide(other, &at)) {
            let message = format!("{}:{} is in use by another part of the API", at.host, at.port);
            reader.error(&port, message, "give each its own port");
        }
        found.push((at, port));
    }
    if found.is_empty() {
        let message = "nothing listens: no game can connect";
        reader.problems.push(Problem::warning(
            "api",
            message,
            "set api.tcp.enabled or api.websocket.enabled",
        ));
    }
    found.into_iter().map(|(at, _)| at).collect()
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn collide(one: &ListenAt, other: &ListenAt) -> bool {
    let any = |host: &str| host.parse().is_ok_and(|address: IpAddr| address.is_unspecified());
    one.port == other.port && (one.host == other.host || any(&one.host) || any(&other.host))
}

/// Limits; the keys are put in by the caller.
pub(crate) fn api(reader: &mut Reader<'_>) -> ApiSettings {
    let mut api = ApiSettings::default();
    let connections =
        reader.first(&[Path::of("performance.max_connections"), Path::of("api.websocket.max_connections")]);
    if let Some(count) = reader.number(&connections, 1..=1_000_000, "a number of connections") {
        api.connections_max = count;
    }
    let size = Path::of("api.websocket.max_frame_size");
    if let Some(bytes) = reader.number(&size, 1_024..=16_777_216, "a number of bytes") {
        api.message_bytes_max = bytes;
    }
    if let Some(interval) = reader.seconds(&Path::of("api.websocket.ping_interval")) {
        api.ping_interval = interval;
    }
    if let Some(timeout) = reader.seconds(&Path::of("api.websocket.ping_timeout")) {
        api.ping_timeout = timeout;
    }
    let per_address = Path::of("performance.max_connections_per_address");
    if let Some(count) = reader.number(&per_address, 1..=1_000_000, "a number of connections") {
        api.connections_per_address_max = count;
    }
    for (key, value) in [
        ("api.handshake_timeout", &mut api.handshake_timeout),
        ("api.idle_timeout", &mut api.idle_timeout),
        ("api.session.timeout", &mut api.session_timeout),
    ] {
        *value = reader.seconds(&Path::of(key)).unwrap_or(*value);
    }
    api.addresses = access::addresses(reader);
    api.allowed_origins = access::origins(reader);
    api.rate_limits = rate_limits(reader);
    api.events = crate::events::events(reader);
    let user_rate = rate(reader, &Path::of("security.rate_limiting.user_messages_per_minute"));
    api.user_messages_per_minute = user_rate.filter(|_| api.rate_limits.is_some());
    api
}

/// Both ways to set them. The finer `by_method` counts more than the guide's three numbers, a variable more than both.
fn rate_limits(reader: &mut Reader<'_>) -> Option<RateLimits> {
    let security = Path::of("security.rate_limiting");
    let ours = Path::of("api.rate_limits");
    let is_set = reader.node(&security).is_some() || reader.node(&ours).is_some();
    let enabled = reader.boolean(&security.key("enabled"));

    let per_minute = rate(reader, &ours.then("default.per_minute"));
    let burst = rate(reader, &ours.then("default.burst"));
    let per_minute = per_minute.unwrap_or(DEFAULT_REQUESTS_PER_MINUTE);
    let mut limits = RateLimits {
        per_minute,
        burst: burst.unwrap_or(DEFAULT_BURST.min(per_minute)),
        by_method: Default::default(),
    };
    let by_method = ours.key("by_method");
    for method in reader.keys(&by_method) {
        let path = by_method.key(&method);
        let is_known = crate::keys::is_used(&path);
        if let Some(rate) = rate(reader, &path).filter(|_| is_known) {
            limits.by_method.insert(method, rate);
        }
    }
    for (key, methods) in [
        ("tells_per_minute", ["tell", "emoteto", "beep"].as_slice()),
        ("channels_per_minute", &["channel_send", "channel_emote", "channel_targeted_emote"]),
        ("who_per_minute", &["who"]),
    ] {
        let path = security.key(key);
        let Some(rate) = rate(reader, &path) else { continue };
        for method in methods {
            let finer = by_method.key(method);
            if reader.is_override(&path) {
                limits.by_method.insert((*method).to_owned(), rate);
                continue;
            }
            let counts = *limits.by_method.entry((*method).to_owned()).or_insert(rate);
            if counts != rate {
                let message = format!("has no effect on {method}: {finer} is set too, and counts");
                reader.warn(&path, message, "keep one of the two");
            }
        }
    }
    if enabled == Some(false) && reader.node(&ours).is_some() {
        let message = format!("has no effect: {}.enabled is false", security);
        reader.warn(&ours, message, "keep one of the two");
    }
    (is_set && enabled != Some(false)).then_some(limits)
}

pub(crate) fn rate(reader: &mut Reader<'_>, path: &Path) -> Option<u32> {
    reader.number(path, 1..=1_000_000, "a number of requests")
}
