//! The settings of the API: listeners, limits and rates.

use crate::access;
use crate::config::{ListenAt, NamedFile, TlsFiles};
use crate::path::Path;
use crate::problem::Problem;
use crate::read::SettingsReader;
use i3_core::machine::Listener;
use i3_core::settings::{AddressRules, ApiSettings, MethodLimit, RateLimits};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

pub(crate) const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_HTTP_PORT: u16 = 8080;
const DEFAULT_LINES_PORT: u16 = 8081;
const DEFAULT_SECOND_LINES_PORT: u16 = 4001;
const DEFAULT_I3_PORT: u16 = 8790;

/// The limit for all requests of a key together, if only limits for single methods are set.
const DEFAULT_REQUESTS_PER_MINUTE: u32 = 600;
const DEFAULT_BURST: u32 = 60;

/// The value in the Python gateway's file, which limits nothing there. It counts as not set.
const OLD_MESSAGE_BYTES_MAX: usize = 65_536;

/// A presence_sync of 512 users whose texts are as long as they may be, in English, fits into so many bytes.
const MESSAGE_BYTES_LEAST: usize = 1_048_576;

/// What holds for every listener.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    /// A listener without TLS must be at a loopback address.
    pub(crate) tls_required: bool,
    /// A listener may be at an address that other hosts reach.
    pub(crate) may_be_remote: bool,
}

/// Reads the listeners, and what holds for every one. Without authentication every
/// listener is at a loopback address, unless the settings allow otherwise.
pub(crate) fn listeners(reader: &mut SettingsReader<'_>, authenticated: bool) -> (Vec<ListenAt>, Rules) {
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
    let http_tls = tls(reader, "api.websocket.tls", api_enabled && http);
    let lines_tls = tls(reader, "api.tcp.tls", api_enabled && (lines || second));
    let require_tls = Path::of("api.auth.require_tls");
    let tls_required = reader.boolean(&require_tls).unwrap_or(false);
    let gateway_host = Path::of("gateway.host");
    let (i3_host, i3_port) = (Path::of("i3.host"), Path::of("i3.port"));
    let i3 = reader.node(&i3_port).is_some();
    let mut found: Vec<(ListenAt, Path)> = Vec::new();
    for (wanted, listener, host, port, default_port) in [
        (http, Listener::Http, http_host, http_port, DEFAULT_HTTP_PORT),
        (lines, Listener::Lines, lines_host, Path::of("api.tcp.port"), DEFAULT_LINES_PORT),
        (second, Listener::Lines, gateway_host.clone(), Path::of("gateway.port"), DEFAULT_SECOND_LINES_PORT),
        (i3, Listener::Mud, i3_host, i3_port, DEFAULT_I3_PORT),
    ] {
        let is_api = listener != Listener::Mud;
        // The keys of a disabled listener are read too, so that a wrong value is reported.
        let mut at = ListenAt {
            listener,
            host: reader.host(&host).unwrap_or_else(|| DEFAULT_HOST.to_owned()),
            port: reader.port(&port).unwrap_or(default_port),
            // The protocol of muds knows no TLS.
            tls: match listener {
                Listener::Http => http_tls.clone(),
                Listener::Lines => lines_tls.clone(),
                // The listener for IRC has settings of its own.
                Listener::Mud | Listener::Irc => None,
            },
            // The Python gateway reads gateway.port and does not listen there, so something else may.
            is_spare: host == gateway_host,
        };
        if !wanted || (is_api && !api_enabled) {
            continue;
        }
        // A mud needs its address and its password, whether or not clients of the API need a key.
        if is_api && !authenticated && !remote_allowed && !is_loopback(&at.host) {
            let message = format!(
                "without authentication the gateway listens at {DEFAULT_HOST} only, and not at {}",
                at.host
            );
            let fix = "switch api.auth.enabled on, or set api.auth.allow_remote_without_auth: true";
            reader.warn(&host, message, fix);
            at.host = DEFAULT_HOST.to_owned();
        }
        if tls_required && at.tls.is_none() && !is_loopback(&at.host) {
            let message = format!("other hosts could connect to {}:{} in plain text", at.host, at.port);
            let fix = match is_api {
                true => {
                    "set api.tls.enabled: true with cert_file and key_file, or listen at 127.0.0.1 behind a proxy \
                     that speaks TLS"
                }
                false => "set i3.host: 127.0.0.1, and let muds of other hosts come through a tunnel",
            };
            reader.error(&require_tls, message, fix);
        }
        if found.iter().any(|(other, _)| collide(other, &at)) {
            let message = format!("{}:{} is already the address of another listener", at.host, at.port);
            let fix = "give each listener its own port";
            if at.is_spare {
                reader.warn(&port, message, fix);
                continue;
            }
            reader.error(&port, message, fix);
        }
        found.push((at, port));
    }
    if found.is_empty() {
        let message = "there is no listener: no game can connect";
        reader.problems.push(Problem::warning(
            "api",
            message,
            "set api.tcp.enabled or api.websocket.enabled",
        ));
    }
    if let [(only, _)] = &mut found[..] {
        only.is_spare = false;
    }
    let may_be_remote = authenticated || remote_allowed;
    (found.into_iter().map(|(at, _)| at).collect(), Rules { tls_required, may_be_remote })
}

/// Warns of lists of addresses that shut out the commands `healthcheck` and `doctor` of this host. They ask the HTTP
/// listener, at its own address; from 127.0.0.1 and ::1 they always may, unless the blacklist names these.
pub(crate) fn health_checks(reader: &mut SettingsReader<'_>, listeners: &[ListenAt], rules: &AddressRules) {
    let of = |listener| listeners.iter().find(|at| at.listener == listener);
    let Some(at) = of(Listener::Http).or(of(Listener::Lines)) else { return };
    let from = match at.host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) if ip.is_unspecified() || ip.is_loopback() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Ok(IpAddr::V6(ip)) if ip.is_unspecified() || ip.is_loopback() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        Ok(ip) => ip,
        Err(_) => return,
    };
    let may = if at.listener == Listener::Http { rules.may_probe(from) } else { rules.allow(from) };
    if !may {
        let key = if rules.bar(from) { "ip_blacklist" } else { "ip_whitelist" };
        let message = format!(
            "shuts out {from}, from which `healthcheck` of this host asks whether the gateway is alive"
        );
        let fix = match key {
            "ip_whitelist" => format!("add {from}"),
            _ => format!("take {from} out, or probe the gateway from another host"),
        };
        reader.warn(&Path::of("security").key(key), message, fix);
    }
}

/// Reads the TLS settings of one kind of listener. A key under `own` takes precedence over the key under `api.tls`.
pub(crate) fn tls(reader: &mut SettingsReader<'_>, own: &str, used: bool) -> Option<TlsFiles> {
    let place = |reader: &SettingsReader<'_>, key: &str| {
        let own = Path::of(own).key(key);
        if reader.node(&own).is_some() { own } else { Path::of("api.tls").key(key) }
    };
    let file = |reader: &mut SettingsReader<'_>, key: &str| {
        let path = place(reader, key);
        let text = reader.text(&path).filter(|text| !text.trim().is_empty());
        (text.map(|text| NamedFile { key: path.to_string(), path: PathBuf::from(text) }), path)
    };
    let switch = place(reader, "enabled");
    let required_at = place(reader, "require_client_cert");
    // The keys are read even if TLS is off, so that a wrong value is reported.
    let enabled = reader.boolean(&switch).unwrap_or(false);
    let required = reader.boolean(&required_at).unwrap_or(false);
    let (certificate, certificate_at) = file(reader, "cert_file");
    let (key, key_at) = file(reader, "key_file");
    let (authorities, authorities_at) = file(reader, "client_ca_file");
    if !used {
        return None;
    }
    if !enabled {
        if certificate.is_some() {
            let message = format!("has no effect: {switch} is not true");
            reader.warn(&certificate_at, message, format!("set {switch}: true, or remove it"));
        }
        return None;
    }
    for (is_there, at, what) in [
        (certificate.is_some(), &certificate_at, "the file of the certificate, in PEM"),
        (key.is_some(), &key_at, "the file of the private key, in PEM"),
    ] {
        if !is_there {
            reader.error(at, format!("is missing, and {switch} is true"), format!("write {what}"));
        }
    }
    if required && authorities.is_none() {
        let fix = "write the file of the authorities that sign client certificates, in PEM";
        reader.error(&authorities_at, format!("is missing, and {required_at} is true"), fix);
    }
    Some(TlsFiles {
        certificate: certificate?,
        key: key?,
        client_authorities: authorities,
        client_certificate_required: required,
    })
}

pub(crate) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

pub(crate) fn collide(one: &ListenAt, other: &ListenAt) -> bool {
    let any = |host: &str| host.parse().is_ok_and(|address: IpAddr| address.is_unspecified());
    one.port == other.port && (one.host == other.host || any(&one.host) || any(&other.host))
}

/// Reads the limits of the API. The caller adds the API keys.
pub(crate) fn api(reader: &mut SettingsReader<'_>) -> ApiSettings {
    let mut api = ApiSettings::default();
    let connections =
        reader.first(&[Path::of("performance.max_connections"), Path::of("api.websocket.max_connections")]);
    if let Some(count) = reader.number(&connections, 1..=1_000_000, "a number of connections") {
        api.connections_max = count;
    }
    let size = Path::of("api.websocket.max_frame_size");
    if let Some(bytes) = reader.number(&size, 1_024..=16_777_216, "a number of bytes")
        && bytes != OLD_MESSAGE_BYTES_MAX
    {
        if bytes < MESSAGE_BYTES_LEAST {
            let message = format!("a presence_sync of 512 users can be longer than {bytes} bytes");
            reader.warn(&size, message, "remove it, unless there are few users");
        }
        api.message_bytes_max = bytes;
    }
    if let Some(compression) = reader.boolean(&Path::of("api.websocket.compression")) {
        api.compression = compression;
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
    if reader.boolean(&Path::of("console.enabled")).unwrap_or(true) {
        api.console = crate::page::console();
    }
    let user_rate = rate(reader, &Path::of("security.rate_limiting.user_messages_per_minute"));
    api.user_messages_per_minute = user_rate.filter(|_| api.rate_limits.is_some());
    api
}

/// Reads the rate limits, which can be set in two ways. `by_method` takes precedence over the three numbers of the
/// deployment guide. The methods under one of these numbers are counted together.
fn rate_limits(reader: &mut SettingsReader<'_>) -> Option<RateLimits> {
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
            let limit = MethodLimit::of_one(&method, rate);
            limits.by_method.insert(method, limit);
        }
    }
    for (key, methods) in [
        ("tells_per_minute", ["tell", "emoteto", "beep"].as_slice()),
        ("channels_per_minute", &["channel_send", "channel_emote", "channel_targeted_emote"]),
        ("who_per_minute", &["who"]),
    ] {
        let path = security.key(key);
        let Some(rate) = rate(reader, &path) else { continue };
        let mut finer = Vec::new();
        for method in methods {
            let limit = MethodLimit { per_minute: rate, setting: path.to_string() };
            let counts = limits.by_method.entry((*method).to_owned()).or_insert(limit);
            if counts.per_minute != rate {
                finer.push(by_method.key(method).to_string());
            }
        }
        if !finer.is_empty() {
            let finer = finer.join(", ");
            let message = format!("{finer} is also set, and takes precedence for this method");
            reader.warn(&path, message, "keep one of the two");
        }
    }
    if enabled == Some(false) && reader.node(&ours).is_some() {
        let message = format!("has no effect: {}.enabled is false", security);
        reader.warn(&ours, message, "keep one of the two");
    }
    (is_set && enabled != Some(false)).then_some(limits)
}

pub(crate) fn rate(reader: &mut SettingsReader<'_>, path: &Path) -> Option<u32> {
    reader.number(path, 1..=1_000_000, "a number of requests")
}
