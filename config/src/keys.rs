//! The table of all known keys. The gateway warns of a key that is not in it.

use crate::log::COMPONENTS;
use crate::path::{Path, Step};
use crate::yaml::Node;
use i3_core::door::rpc::discover::methods;

/// A key of the settings. `*` in a path stands for each element of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// The path of the key.
    pub path: String,
    /// Why the key has no effect. `None`: it has one.
    pub no_effect: Option<&'static str>,
}

/// The services of Intermud-3 that this gateway serves.
pub(crate) const SERVICES: &[&str] =
    &["auth", "beep", "channel", "emoteto", "finger", "locate", "tell", "ucache", "who"];

/// Further names that the Python gateway advertises. No mud is known to use them; they are advertised as they are set.
const LIST_SERVICES: &[&str] =
    &["chanlist-req", "chanlist-reply", "chan-who-req", "chan-who-reply", "chan-user-req", "chan-user-reply"];

const OOB_SERVICES: &[&str] = &["amcp", "file", "ftp", "http", "mail", "news", "nntp", "rcp", "smtp"];

/// Keys of one mud: under `mud:` and in each entry of `muds:`.
const MUD: &[&str] = &[
    "name",
    "port",
    "admin_email",
    "mudlib",
    "base_mudlib",
    "driver",
    "engine",
    "type",
    "mud_type",
    "status",
    "open_status",
    "i3.allow",
    "i3.password",
    "i3.charset",
    "i3.stay",
    "i3.late_tells",
    "i3.late_lines",
    "i3.admin",
    "i3.away_who",
];

/// Keys of the routers of one mud: under `router:` and under `router:` in each entry of `muds:`.
const ROUTERS: &[&str] = &[
    "primary.name",
    "primary.host",
    "primary.port",
    "primary.password",
    "primary.charset",
    "fallback.*.name",
    "fallback.*.host",
    "fallback.*.port",
    "fallback.*.charset",
];

/// Keys of TLS: under `api.tls`, and under `tls:` of one kind of listener.
const TLS: &[&str] = &["enabled", "cert_file", "key_file", "client_ca_file", "require_client_cert"];

const USED: &[&str] = &[
    "router.connection.timeout",
    "router.connection.keepalive_interval",
    "router.connection.reconnect_delay",
    "router.pacing.enabled",
    "router.pacing.packets_per_second",
    "router.pacing.burst",
    "router.return_after",
    "router.follow_redirects",
    "router.max_frame_bytes",
    "router.split_long_texts",
    "router.replace_quotes",
    "gateway.host",
    "gateway.port",
    "gateway.auth.secret",
    "api.enabled",
    "api.host",
    "api.port",
    "api.websocket.enabled",
    "api.websocket.host",
    "api.websocket.port",
    "api.websocket.max_connections",
    "api.websocket.ping_interval",
    "api.websocket.ping_timeout",
    "api.websocket.max_frame_size",
    "api.websocket.compression",
    "api.websocket.allowed_origins",
    "api.handshake_timeout",
    "api.idle_timeout",
    "api.session.timeout",
    "api.tcp.enabled",
    "api.tcp.host",
    "api.tcp.port",
    "api.auth.enabled",
    "api.auth.secret",
    "api.auth.allow_remote_without_auth",
    "api.auth.require_tls",
    "api.auth.api_keys.*.key",
    "api.auth.api_keys.*.name",
    "api.auth.api_keys.*.mud_name",
    "api.auth.api_keys.*.permissions",
    "api.auth.api_keys.*.rate_limit_override",
    "api.auth.api_keys.*.channels",
    "api.auth.api_keys.*.text_format",
    "api.rate_limits.default.per_minute",
    "api.rate_limits.default.burst",
    "api.session.max_queue_size",
    "api.session.queue_ttl",
    "console.enabled",
    "events.keep.tells",
    "events.keep.channels",
    "events.keep.answers",
    "events.keep.max_count",
    "events.max_bytes",
    "history.days",
    "history.max_lines",
    "history.max_bytes",
    "history.tells",
    "services.channel.default_channels",
    "services.channel.default_channels.*.name",
    "channels.history_size",
    "channels.default_channels",
    "channels.default_channels.*.name",
    "performance.max_connections",
    "performance.max_connections_per_address",
    "performance.message_queue_size",
    "performance.connection_timeout",
    "performance.reconnect_delay",
    "security.rate_limiting.enabled",
    "security.rate_limiting.tells_per_minute",
    "security.rate_limiting.channels_per_minute",
    "security.rate_limiting.who_per_minute",
    "security.rate_limiting.user_messages_per_minute",
    "security.ip_whitelist",
    "security.ip_blacklist",
    "security.trusted_proxies",
    "security.client_ip_header",
    "state.directory",
    "state.backup_enabled",
    "state.backup_count",
    "state.url",
    "state.password",
    "node.name",
    "lease.seconds",
    "lease.without_database",
    "logging.level",
    "logging.format",
    "logging.file",
    "logging.rotate_size",
    "logging.max_size",
    "logging.backup_count",
    "i3.host",
    "i3.port",
    "i3.address",
    "irc.host",
    "irc.port",
];

const ONE_LIMIT: &str = "performance.max_connections limits the connections of all listeners together";
const OWN_THREADS: &str = "the gateway has nothing of this kind";
pub(crate) const OWN_CACHE: &str = "the lists of muds and channels are kept up to date and never expire";
const METRICS: &str = "/metrics is always served on the port of the WebSocket API";
const OWN_SAVES: &str = "every change is saved at once";
const NO_OOB: &str = "out-of-band services are not offered yet";

const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("mud.oob_services", NO_OOB),
    ("router.connection.max_reconnect_attempts", "the gateway never gives up"),
    ("muds.*.router.connection", "router.connection at the top level applies to all muds"),
    ("muds.*.router.pacing", "router.pacing at the top level applies to all muds"),
    ("gateway.max_packet_size", "router.max_frame_bytes limits what is sent"),
    ("gateway.timeout", "performance.connection_timeout is the limit for connecting"),
    ("gateway.retry_attempts", "the gateway never gives up"),
    ("gateway.retry_delay", "performance.reconnect_delay is the wait before the next attempt"),
    ("gateway.max_connections", ONE_LIMIT),
    ("gateway.queue_size", "performance.message_queue_size is the limit"),
    ("gateway.worker_threads", OWN_THREADS),
    ("gateway.auth.enabled", "api.auth.enabled applies to all listeners"),
    ("gateway.auth.token_expiry", "there are no tokens that expire"),
    ("api.tcp.max_connections", ONE_LIMIT),
    ("api.tcp.buffer_size", "buffers grow as needed, up to api.websocket.max_frame_size"),
    ("api.session.cleanup_interval", "a session ends exactly when api.session.timeout is over"),
    ("api.metrics.enabled", METRICS),
    ("api.metrics.export_interval", METRICS),
    ("api.metrics.include_details", METRICS),
    ("channels.default_channels.*.type", "the router knows a channel's type"),
    ("services.channel.default_channels.*.type", "the router knows a channel's type"),
    ("channels.max_message_length", "router.max_frame_bytes limits what is sent"),
    ("performance.cache_ttl", OWN_CACHE),
    ("performance.cache_size", OWN_CACHE),
    ("performance.worker_threads", OWN_THREADS),
    ("performance.async_workers", OWN_THREADS),
    ("performance.connection_pool_size", OWN_THREADS),
    ("performance.message_batch_size", OWN_THREADS),
    ("state.save_interval", OWN_SAVES),
    ("metrics.enabled", METRICS),
    ("metrics.port", METRICS),
    ("metrics.path", METRICS),
    ("development.debug", "write logging.level: DEBUG"),
    ("development.reload", "a compiled program cannot reload its code"),
    ("development.profile", "start with --profile-memory"),
];

/// Returns all known keys.
pub fn known_keys() -> Vec<KnownKey> {
    let mut keys = Vec::new();
    let mut add = |path: String, no_effect| keys.push(KnownKey { path, no_effect });
    for mud in ["mud", "muds.*"] {
        MUD.iter().for_each(|key| add(format!("{mud}.{key}"), None));
        for service in SERVICES.iter().chain(LIST_SERVICES) {
            add(format!("{mud}.services.{service}"), None);
        }
        OOB_SERVICES.iter().for_each(|service| add(format!("{mud}.services.{service}"), Some(NO_OOB)));
    }
    for routers in ["router", "muds.*.router"] {
        ROUTERS.iter().for_each(|key| add(format!("{routers}.{key}"), None));
    }
    for listener in ["api", "api.websocket", "api.tcp", "irc"] {
        TLS.iter().for_each(|key| add(format!("{listener}.tls.{key}"), None));
    }
    for service in SERVICES {
        add(format!("services.{service}.enabled"), None);
        add(format!("services.{service}.queue_size"), Some("performance.message_queue_size is the limit"));
        add(format!("services.{service}.cache_ttl"), Some(OWN_CACHE));
    }
    // A name with a dot would be two keys.
    let names = methods().into_iter().map(|method| method.name).filter(|name| !name.contains('.'));
    names.for_each(|method| add(format!("api.rate_limits.by_method.{method}"), None));
    COMPONENTS.iter().for_each(|(name, _)| add(format!("logging.components.{name}"), None));
    USED.iter().for_each(|path| add((*path).to_owned(), None));
    WITHOUT_EFFECT.iter().for_each(|(path, why)| add((*path).to_owned(), Some(why)));
    keys
}

/// Returns whether a key is known and has an effect.
pub(crate) fn is_used(path: &Path) -> bool {
    let pattern = path.pattern();
    known_keys().iter().any(|key| key.path == pattern && key.no_effect.is_none())
}

/// A part of the file that the gateway does not use.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    /// An unknown key, and the known key that is most similar, if there is one.
    Unknown(Path, Option<String>),
    /// A known key without effect, the reason, and how often it is set.
    NoEffect(Path, &'static str, usize),
    /// A plain value in place of a section or list with keys of its own.
    NotASection(Path),
}

/// Returns the unused parts of the whole tree.
pub(crate) fn passed_over(root: &Node) -> Vec<Passed> {
    let known = known_keys();
    let mut passed = Vec::new();
    walk(root, &Path::default(), &known, &mut passed);
    passed
}

fn walk(node: &Node, path: &Path, known: &[KnownKey], passed: &mut Vec<Passed>) {
    if !path.0.is_empty() {
        let pattern = path.pattern();
        let exact = known.iter().find(|key| key.path == pattern);
        if let Some(why) = exact.and_then(|key| key.no_effect) {
            return no_effect(node, path, why, passed);
        }
        let section = format!("{pattern}.");
        if !matches!(node, Node::List(_)) && is_list(&pattern, known) {
            // The reader of the list reports it. Its keys are not shown, since they can be secrets.
            return;
        }
        let is_section = known.iter().any(|key| key.path.starts_with(&section));
        match (exact, is_section, node) {
            (Some(_), false, _) | (_, _, Node::Null) => return,
            (Some(_), true, node) if !matches!(node, Node::Map(_) | Node::List(_)) => return,
            (None, false, _) => {
                return passed.push(Passed::Unknown(path.clone(), nearest(path, known)));
            }
            (_, true, Node::Map(_) | Node::List(_)) => {}
            (_, true, _) => return passed.push(Passed::NotASection(path.clone())),
        }
    }
    match node {
        Node::Map(entries) => {
            for (key, value) in entries {
                walk(value, &path.key(key), known, passed);
            }
        }
        Node::List(items) => {
            if !is_list(&path.pattern(), known) {
                return passed.push(Passed::NotASection(path.clone()));
            }
            for (at, item) in items.iter().enumerate() {
                // Entries are plain values or sections; the reader of the list checks which.
                if matches!(item, Node::Map(_)) {
                    walk(item, &path.index(at), known, passed);
                }
            }
        }
        _ => {}
    }
}

/// Returns whether the key is a list of sections.
fn is_list(pattern: &str, known: &[KnownKey]) -> bool {
    known.iter().any(|key| key.path.strip_prefix(pattern).is_some_and(|rest| rest.starts_with(".*.")))
}

fn no_effect(node: &Node, path: &Path, why: &'static str, passed: &mut Vec<Passed>) {
    let is_empty = match node {
        Node::Null => true,
        Node::List(items) => items.is_empty(),
        Node::Map(entries) => entries.is_empty(),
        _ => false,
    };
    if is_empty {
        return;
    }
    let pattern = path.pattern();
    for earlier in passed.iter_mut() {
        if let Passed::NoEffect(first, _, times) = earlier
            && first.pattern() == pattern
        {
            *times += 1;
            return;
        }
    }
    passed.push(Passed::NoEffect(path.clone(), why, 1));
}

/// Returns the known key that is most similar to an unknown one: in the same section, or else anywhere.
fn nearest(path: &Path, known: &[KnownKey]) -> Option<String> {
    let (last, parents) = path.0.split_last()?;
    let Step::Key(last) = last else { return None };
    let parent = Path(parents.to_vec());
    let before = match parents {
        [] => String::new(),
        _ => parent.pattern() + ".",
    };
    let beside = known.iter().filter_map(|key| key.path.strip_prefix(&before)?.split('.').next());
    if let Some(name) = closest(last, beside.filter(|name| *name != "*")) {
        return Some(parent.key(name).to_string());
    }
    let elsewhere = || known.iter().filter(|key| key.no_effect.is_none() && !key.path.contains('*'));
    let whole = path.pattern();
    // The right name can be missing a section: `router.password` for `router.primary.password`.
    let mut deeper = elsewhere().map(|key| key.path.as_str());
    let is_deeper = |name: &&str| {
        name.strip_prefix(&before)
            .is_some_and(|rest| !before.is_empty() && rest.ends_with(&format!(".{last}")))
    };
    if let Some(name) = deeper.find(is_deeper) {
        return Some(name.to_owned());
    }
    if let Some(name) = closest(&whole, elsewhere().map(|key| key.path.as_str())) {
        return Some(name.to_owned());
    }
    // The right name can stand in the wrong section.
    let same_name = elsewhere().filter(|key| key.path.rsplit('.').next() == Some(last));
    same_name.max_by_key(|key| common_start(&key.path, &whole)).map(|key| key.path.clone())
}

/// Returns the most similar name, if at most a third of its letters differ.
pub(crate) fn closest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distances = names.map(|name| (strsim::damerau_levenshtein(wanted, name), name));
    let (distance, name) = distances.min()?;
    (distance * 3 <= wanted.chars().count().max(name.chars().count())).then_some(name)
}

fn common_start(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;
    use std::collections::BTreeSet;

    fn passed(text: &str) -> Vec<Passed> {
        passed_over(&parse(text).unwrap())
    }

    #[test]
    fn no_key_stands_twice() {
        let known = known_keys();
        let paths: BTreeSet<&str> = known.iter().map(|key| key.path.as_str()).collect();
        assert_eq!(paths.len(), known.len());
    }

    #[test]
    fn the_nearest_key() {
        for (text, key, nearest) in [
            ("mud: {nmae: x}", "mud.nmae", Some("mud.name")),
            ("mud: {adminemail: x}", "mud.adminemail", Some("mud.admin_email")),
            ("muds: [{prot: 1}]", "muds[0].prot", Some("muds[0].port")),
            ("loging: {level: x}", "loging", Some("logging")),
            ("api: {tcp_port: 1}", "api.tcp_port", Some("api.tcp.port")),
            ("router: {password: 1}", "router.password", Some("router.primary.password")),
            (
                "api: {rate_limits: {by_method: {tel: 1}}}",
                "api.rate_limits.by_method.tel",
                Some("api.rate_limits.by_method.tell"),
            ),
            ("zzzzzz: 1", "zzzzzz", None),
        ] {
            let [Passed::Unknown(path, found)] = &passed(text)[..] else {
                panic!("{text}: {:?}", passed(text))
            };
            assert_eq!((path.to_string().as_str(), found.as_deref()), (key, nearest), "{text}");
        }
    }

    #[test]
    fn known_keys_without_effect_are_named_once() {
        let text =
            "channels: {default_channels: [{name: a, type: 0}, {name: b, type: 0}], max_message_length: 1}
development: {profile: yes, debug: }
api: {tcp: {buffer_size: [], max_connections: [1]}}";
        let names: Vec<(String, usize)> = passed(text)
            .into_iter()
            .map(|one| match one {
                Passed::NoEffect(path, _, times) => (path.to_string(), times),
                other => panic!("{other:?}"),
            })
            .collect();
        let expected = [
            ("channels.default_channels[0].type", 2),
            ("channels.max_message_length", 1),
            ("development.profile", 1),
            ("api.tcp.max_connections", 1),
        ];
        assert_eq!(names, expected.map(|(name, times)| (name.to_owned(), times)));
    }

    #[test]
    fn a_value_in_place_of_a_section() {
        for (text, key) in [("api: 5", "api"), ("mud: [1]", "mud"), ("api: {tcp: [1]}", "api.tcp")] {
            assert_eq!(passed(text), [Passed::NotASection(Path::of(key))], "{text}");
        }
        assert_eq!(passed("api:\nmud: {}\nchannels: {default_channels: [a]}"), []);
    }
}
