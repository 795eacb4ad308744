//! docs/CONFIGURATION.md: made from the table of keys, the default file, and what the program itself says of a wrong
//! value; so it cannot say what is not so.

mod common;

use common::{BASE, all_of, base_value, sources, yaml_of};
use i3_config::{DEFAULT_CONFIG_TEXT, Problems, VARIABLES, known_keys, load};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What there is to know of a key that the program does not say by itself.
struct Entry {
    /// `<…>` stands for any name, `*` for each entry of a list.
    path: &'static str,
    /// What may be written, where the complaint about a wrong value does not say all of it.
    value: &'static str,
    /// What holds when the key is left out. Empty: see the meaning.
    default: &'static str,
    meaning: &'static str,
}

const fn entry(
    path: &'static str,
    value: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Entry {
    Entry { path, value, default, meaning }
}

/// Sections in their order: the title, what is to be said first, and the keys.
const SECTIONS: &[(&str, &str, &[Entry])] = &[
    (
        "The mud",
        "What other muds see. `muds:` is a list of further muds that this gateway speaks for, each with the keys of \
         `mud:` and, if it has routers of its own, those of `router:` under `router:`.",
        &[
            entry(
                "mud.name",
                "a text of up to 128 bytes",
                "",
                "Its name on the network, which must be set. Case and blanks matter.",
            ),
            entry("mud.port", "", "4000", "Where players connect; shown in the list of muds."),
            entry("mud.admin_email", "", "", "Shown to everybody; left out when empty."),
            entry("mud.mudlib", "", "unknown", "The mudlib and its version."),
            entry("mud.base_mudlib", "", "unknown", "What the mudlib is derived from."),
            entry("mud.driver", "", "unknown", "The driver and its version."),
            entry("mud.type", "", "LP", "`Circle`, `LP`, …"),
            entry("mud.mud_type", "", "LP", "The same as `mud.type`, which counts more."),
            entry("mud.status", "", "Development", "`open`, `Development`, …: free text."),
            entry("mud.open_status", "", "Development", "The same as `mud.status`, which counts more."),
            entry(
                "mud.services.<service>",
                "",
                "",
                "What the mud advertises and the gateway serves. Without this section: everything that it can. A service \
                 that is 0 or not in it is neither advertised nor served.",
            ),
            entry(
                "services.<service>.enabled",
                "",
                "",
                "The same for one service; counts more than `mud.services`.",
            ),
        ],
    ),
    (
        "Routers",
        "Tried from the first on. Without this section: `*i4`, `*dalet`, `*wpr`, at their public addresses.",
        &[
            entry(
                "router.primary.name",
                "a text that begins with `*`",
                "",
                "The router's own name; it takes no login under another.",
            ),
            entry("router.primary.host", "a host name or an address", "", "Where it is."),
            entry("router.primary.port", "", "8080", "Its port."),
            entry(
                "router.primary.password",
                "a number",
                "0",
                "The password that the router gave the mud earlier, if you move an existing mud here. The gateway keeps \
                 what routers give it by itself.",
            ),
            entry(
                "router.primary.charset",
                "utf-8 or latin-1",
                "utf-8",
                "How texts go out: latin-1 where the other muds read nothing else.",
            ),
            entry("router.fallback.*.name", "a text that begins with `*`", "", "As of the first router."),
            entry(
                "router.fallback.*.host",
                "a host name or an address",
                "",
                "An entry without it is left out.",
            ),
            entry("router.fallback.*.port", "", "8080", "As of the first router."),
            entry("router.fallback.*.charset", "utf-8 or latin-1", "utf-8", "As of the first router."),
            entry(
                "router.connection.keepalive_interval",
                "",
                "60",
                "Silence after which the router is asked whether it is there.",
            ),
            entry(
                "router.connection.timeout",
                "",
                "90",
                "Silence after which the connection is given up. More than `keepalive_interval`.",
            ),
            entry(
                "router.connection.reconnect_delay",
                "",
                "2",
                "The same as `performance.reconnect_delay`, which counts more.",
            ),
            entry(
                "router.return_after",
                "",
                "600",
                "How long the first router must be reachable before the link goes back to it; 0: it stays where it is.",
            ),
            entry(
                "router.follow_redirects",
                "",
                "false",
                "Go where a router sends the mud, at most once an hour to each.",
            ),
            entry("router.pacing.enabled", "", "true", "Hold back what a router would punish."),
            entry("router.pacing.packets_per_second", "", "8", "Routers of Dead Souls punish more than 10."),
            entry("router.pacing.burst", "", "8", "Of these, so many may go at once."),
            entry(
                "router.max_frame_bytes",
                "",
                "9500",
                "The longest packet that is sent. Routers of Dead Souls drop a connection for more than 10,000.",
            ),
            entry(
                "router.split_long_texts",
                "",
                "false",
                "Longer texts go in several packets, cut at word ends; else they are refused.",
            ),
        ],
    ),
    (
        "Where games connect",
        "`127.0.0.1` is this host only; `0.0.0.0` is every address that it has. Changing these needs a restart.",
        &[
            entry("api.enabled", "", "true", "Whether games can connect at all."),
            entry(
                "api.host",
                "a host name or an address",
                "127.0.0.1",
                "The address of all listeners that have none of their own.",
            ),
            entry("api.port", "", "8080", "The same as `api.websocket.port`, which counts more."),
            entry(
                "api.websocket.enabled",
                "",
                "true",
                "WebSocket, and the pages `/health`, `/metrics` and others.",
            ),
            entry("api.websocket.host", "a host name or an address", "127.0.0.1", "Its address."),
            entry("api.websocket.port", "", "8080", "Its port."),
            entry("api.websocket.ping_interval", "", "30", "How often a client is pinged."),
            entry("api.websocket.ping_timeout", "", "30", "How long it may take to answer."),
            entry("api.websocket.max_frame_size", "", "65536", "The longest request, over TCP too."),
            entry(
                "api.websocket.max_connections",
                "",
                "1000",
                "The same as `performance.max_connections`, which counts more.",
            ),
            entry(
                "api.websocket.allowed_origins",
                "a list of origins, such as `https://example.org`",
                "",
                "The web pages that may connect; empty: any. Clients that are no browsers always may.",
            ),
            entry("api.tcp.enabled", "", "true", "JSON lines over TCP."),
            entry("api.tcp.host", "a host name or an address", "127.0.0.1", "Its address."),
            entry("api.tcp.port", "", "8081", "Its port."),
            entry(
                "gateway.host",
                "a host name or an address",
                "",
                "A second address for JSON lines, when this or `gateway.port` is set: 127.0.0.1 when only that is.",
            ),
            entry("gateway.port", "", "", "Its port: 4001 when only `gateway.host` is set."),
            entry(
                "api.handshake_timeout",
                "",
                "10",
                "For a TLS handshake, an HTTP request, a WebSocket handshake: each.",
            ),
            entry("api.idle_timeout", "", "75", "How long an HTTP connection may wait for its next request."),
            entry(
                "api.session.timeout",
                "",
                "3600",
                "After how long a game on the TCP port that neither says nor takes anything is taken for gone.",
            ),
        ],
    ),
    (
        "TLS",
        "Off unless set. It holds for the WebSocket API and for JSON lines, at `gateway.host` too. SIGHUP reads the files \
         again: new connections get what is in them then, those that are open stay. Switching it on or off needs a restart.",
        &[
            entry("api.tls.enabled", "", "false", "Speak TLS (1.2 and 1.3) and no plain text."),
            entry(
                "api.tls.cert_file",
                "a file",
                "",
                "The certificate in PEM, followed by those between it and the authority.",
            ),
            entry("api.tls.key_file", "a file", "", "Its private key in PEM, readable by the gateway alone."),
            entry(
                "api.tls.client_ca_file",
                "a file",
                "",
                "The authorities in PEM whose certificates clients may show. Empty: clients are not asked for one.",
            ),
            entry(
                "api.tls.require_client_cert",
                "",
                "false",
                "Clients must show one. Else one that is shown must be good, and who has none may connect too.",
            ),
            entry(
                "api.<listener>.tls.<key>",
                "as there",
                "",
                "The same for one kind of listener, in place of the key under `api.tls`.",
            ),
            entry(
                "api.auth.require_tls",
                "",
                "false",
                "Do not start with a listener that speaks plain text to other hosts: what is not at a loopback address \
                 needs TLS.",
            ),
        ],
    ),
    (
        "Events that are kept",
        "What comes while no game is connected is kept, and given to it when it is back. All limits are for one mud.",
        &[
            entry(
                "events.keep.tells",
                "",
                "300",
                "How long tells are kept, in seconds; 0: they are refused while the game is away.",
            ),
            entry("api.session.queue_ttl", "", "", "The Python gateway's name for that time, for all kinds."),
            entry(
                "events.keep.channels",
                "",
                "60",
                "How long lines of channels are kept, in seconds; so long the mud goes on hearing them.",
            ),
            entry("events.keep.answers", "", "60", "How long answers and errors are kept, in seconds."),
            entry(
                "events.keep.max_count",
                "",
                "1000",
                "How many are kept of the tells, of the answers, and of each channel.",
            ),
            entry("api.session.max_queue_size", "", "", "The Python gateway's name for that number."),
            entry(
                "events.max_bytes",
                "",
                "2097152",
                "Bytes of all that is kept, history included, in memory and on disk.",
            ),
            entry(
                "history.days",
                "",
                "30",
                "How long channel_history and history_search find lines; 0: nothing is kept as history.",
            ),
            entry("history.max_lines", "", "100", "How many lines of each channel they find."),
            entry("channels.history_size", "", "", "The Python gateway's name for that number."),
            entry("history.tells", "", "false", "Whether tells are kept as history too."),
        ],
    ),
    (
        "Keys",
        "Each variable `API_KEY_<NAME>` is a key with all permissions for the first mud, too. In place of a key its \
         digest may stand, which `hash-key` prints.",
        &[
            entry(
                "api.auth.enabled",
                "",
                "true",
                "Without it anybody who can connect may do everything, so the gateway then listens on this host only.",
            ),
            entry(
                "api.auth.secret",
                "a text, or `sha256:` and 64 hexadecimal digits",
                "",
                "A key with all permissions for the first mud.",
            ),
            entry(
                "gateway.auth.secret",
                "a text, or `sha256:` and 64 hexadecimal digits",
                "",
                "Another one.",
            ),
            entry(
                "api.auth.allow_remote_without_auth",
                "",
                "false",
                "Listen where the settings say, even without keys.",
            ),
            entry("api.auth.api_keys.*.key", "a text, or `sha256:` and 64 hexadecimal digits", "", "A key."),
            entry(
                "api.auth.api_keys.*.mud_name",
                "",
                "",
                "The mud that it speaks for; the first when left out.",
            ),
            entry(
                "api.auth.api_keys.*.permissions",
                "a list of: tell, channel, info, presence, host, moderate, admin, oob, or `\"*\"`",
                "",
                "What it may do. Must be there.",
            ),
            entry(
                "api.auth.api_keys.*.rate_limit_override",
                "",
                "",
                "Requests a minute, in place of `api.rate_limits.default.per_minute`.",
            ),
        ],
    ),
    (
        "Limits",
        "Rates are limited when there is a section `api.rate_limits` or `security.rate_limiting`, as in the default file.",
        &[
            entry("performance.max_connections", "", "1000", "Connections of games, of all kinds together."),
            entry(
                "performance.max_connections_per_address",
                "",
                "100",
                "Of these, from one address; this host and trusted proxies may have more.",
            ),
            entry(
                "performance.message_queue_size",
                "",
                "1000",
                "Packets that may wait for a router. What comes beyond is refused.",
            ),
            entry(
                "performance.connection_timeout",
                "",
                "30",
                "For connecting to a router, and for its answer to a login.",
            ),
            entry(
                "performance.reconnect_delay",
                "",
                "2",
                "The wait before a new attempt; doubled after each failure, up to 5 minutes.",
            ),
            entry(
                "api.rate_limits.default.per_minute",
                "",
                "",
                "All requests with one key together; 600 when rates are limited.",
            ),
            entry(
                "api.rate_limits.default.burst",
                "",
                "",
                "How many may come at once; 60 when rates are limited.",
            ),
            entry("api.rate_limits.by_method.<method>", "", "", "Of one method."),
            entry("security.rate_limiting.enabled", "", "", "`false` switches all rate limits off."),
            entry("security.rate_limiting.tells_per_minute", "", "", "Each of tell, emoteto and beep."),
            entry(
                "security.rate_limiting.channels_per_minute",
                "",
                "",
                "Each of channel_send, channel_emote and channel_targeted_emote.",
            ),
            entry("security.rate_limiting.who_per_minute", "", "", "Of the method who."),
            entry(
                "security.rate_limiting.user_messages_per_minute",
                "",
                "",
                "Tells, emotes and channel lines of each user of a game.",
            ),
        ],
    ),
    (
        "Who may connect",
        "Addresses and networks, such as `203.0.113.9` or `203.0.113.0/24`.",
        &[
            entry(
                "security.ip_whitelist",
                "a list of addresses and networks",
                "",
                "Only these may connect; empty: all.",
            ),
            entry("security.ip_blacklist", "a list of addresses and networks", "", "These may not."),
            entry(
                "security.trusted_proxies",
                "a list of addresses and networks",
                "127.0.0.0/8 ::1",
                "What these say of a client's address, in `X-Real-IP` or `X-Forwarded-For`, is believed.",
            ),
        ],
    ),
    (
        "Channels",
        "",
        &[
            entry(
                "channels.default_channels",
                "a list of names",
                "",
                "Heard from the start, whether or not a game has joined.",
            ),
            entry("channels.default_channels.*.name", "", "", "The name, where an entry is a section."),
            entry(
                "services.channel.default_channels",
                "a list of names",
                "",
                "The same as `channels.default_channels`.",
            ),
            entry(
                "services.channel.default_channels.*.name",
                "",
                "",
                "The name, where an entry is a section.",
            ),
        ],
    ),
    (
        "State",
        "",
        &[
            entry(
                "state.directory",
                "a directory",
                "state",
                "Where the gateway keeps what must survive a restart. Changing it needs one.",
            ),
            entry(
                "state.backup_enabled",
                "",
                "false",
                "Copy the state once a day to `i3-gateway.backup-1.sqlite` beside it; the older copies get higher numbers.",
            ),
            entry("state.backup_count", "", "", "How many copies are kept; 3 when they are wanted."),
        ],
    ),
    (
        "Logging",
        "Messages go to standard error, and to a file if one is set. SIGHUP opens the file anew.",
        &[
            entry("logging.level", "DEBUG, INFO, WARNING or ERROR", "INFO", "What matters less is left out."),
            entry(
                "logging.components.<part>",
                "DEBUG, INFO, WARNING or ERROR",
                "",
                "The level of one part; `logging.level` when left out.",
            ),
            entry(
                "logging.format",
                "text or json",
                "text",
                "One line for each message: for people, or as a JSON object.",
            ),
            entry("logging.file", "a file", "", "Beside standard error."),
            entry(
                "logging.rotate_size",
                "",
                "10485760",
                "A file that would grow longer is set aside as `.1`, `.2`, …; 0: never, because logrotate does it.",
            ),
            entry(
                "logging.max_size",
                "",
                "10485760",
                "The same as `logging.rotate_size`, which counts more.",
            ),
            entry("logging.backup_count", "", "5", "How many are kept; 0: as `rotate_size: 0`."),
        ],
    ),
];

fn entries() -> impl Iterator<Item = &'static Entry> {
    SECTIONS.iter().flat_map(|(_, _, entries)| *entries)
}

/// Whether an entry is about a key.
fn is_about(entry: &Entry, key: &str) -> bool {
    let (mut ours, mut theirs) = (entry.path.split('.'), key.split('.'));
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return true,
            (Some(our), Some(their)) if our == their || our.starts_with('<') => {}
            _ => return false,
        }
    }
}

/// The keys of a YAML text, with what stands there.
fn leaves(yaml: &str) -> BTreeMap<String, String> {
    fn walk(value: &serde_yaml::Value, path: String, into: &mut BTreeMap<String, String>) {
        match value {
            serde_yaml::Value::Mapping(map) => {
                for (key, value) in map {
                    let dot = if path.is_empty() { "" } else { "." };
                    walk(value, format!("{path}{dot}{}", key.as_str().unwrap()), into);
                }
            }
            serde_yaml::Value::Sequence(items) => {
                into.entry(path.clone()).or_default();
                items.iter().for_each(|item| walk(item, format!("{path}.*"), into));
            }
            value => {
                let text = serde_yaml::to_string(value).unwrap();
                into.entry(path).or_insert(text.trim().trim_matches('\'').to_owned());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&serde_yaml::from_str(yaml).unwrap(), String::new(), &mut found);
    found
}

/// What the program says should be written in place of nonsense.
fn wanted(key: &str) -> String {
    let nonsense = yaml_of(key, "{not: [what, is, wanted]}");
    let process: Vec<_> =
        BASE.iter().copied().filter(|(name, _)| *name != "MUD_NAME" || key != "mud.name").collect();
    let Err(Problems(problems)) = load(sources(Some(&nonsense), None, &process)) else {
        panic!("{key} takes anything")
    };
    let pattern = |path: &str| path.replace("[0]", ".*");
    let of_key = problems.iter().find(|problem| pattern(&problem.path) == key);
    let problem = of_key.unwrap_or_else(|| panic!("{key}: {problems:?}"));
    problem.fix.strip_prefix("write ").unwrap_or(&problem.fix).to_owned()
}

fn markdown() -> String {
    let default_file = leaves(DEFAULT_CONFIG_TEXT);
    let guide = leaves(include_str!("data/guide.yaml"));
    let python = leaves(include_str!("data/python-gateway.yaml"));
    let known = known_keys();
    let mut page = String::from(
        "# Settings\n\n\
         This page is made from the program's own table of keys: `cargo test -p i3-config --test reference -- --ignored` \
         writes it, and a test fails when it is stale.\n\n\
         One YAML file (`config/config.yaml`, or `--config FILE`), in which `${NAME:default}` takes the value of a \
         variable, from the process or from the env file (`.env`, or `--env-file FILE`); the process counts more. \
         `init` writes both files. `--validate-config` names everything that is wrong at once, with its line, and ends \
         with 0 or 78. SIGHUP reads them again: what needs a restart says so.\n\n\
         A variable with a * counts over the file, whether or not the file mentions it; the others work where the file \
         says `${NAME}`, as the default file does. The last column: G, the \
         deployment guide's file has the key too; P, the Python gateway's.\n",
    );
    for (title, text, entries) in SECTIONS {
        let _ = write!(page, "\n## {title}\n\n");
        if !text.is_empty() {
            let _ = write!(page, "{text}\n\n");
        }
        page.push_str(
            "| key | value | default | variable | meaning | also in |\n|---|---|---|---|---|---|\n",
        );
        for entry in *entries {
            let keys: Vec<&str> =
                known.iter().map(|key| key.path.as_str()).filter(|key| is_about(entry, key)).collect();
            let value = if entry.value.is_empty() { wanted(keys[0]) } else { entry.value.to_owned() };
            let default =
                if entry.default.is_empty() { String::new() } else { format!("`{}`", entry.default) };
            let over =
                VARIABLES.iter().filter(|(_, key)| keys.contains(key)).map(|(name, _)| format!("`{name}`*"));
            let mut variables: BTreeSet<String> = over.collect();
            for text in keys.iter().filter_map(|key| default_file.get(*key)) {
                let name = text.strip_prefix("${").and_then(|rest| rest.split([':', '}']).next());
                variables.extend(
                    name.filter(|name| !VARIABLES.iter().any(|(other, _)| other == name))
                        .map(|name| format!("`{name}`")),
                );
            }
            let variables = variables.into_iter().collect::<Vec<_>>().join(" ");
            let has = |file: &BTreeMap<String, String>| keys.iter().any(|key| file.contains_key(*key));
            let dialects = [(has(&guide), "G"), (has(&python), "P")].into_iter().filter(|(has, _)| *has);
            let dialects = dialects.map(|(_, name)| name).collect::<Vec<_>>().join(" ");
            let path = entry.path.replace(".*", "[]");
            let _ = writeln!(
                page,
                "| `{path}` | {value} | {default} | {variables} | {} | {dialects} |",
                entry.meaning
            );
        }
        for placeholder in ["<service>", "<method>", "<part>"] {
            let of = |entry: &Entry| entry.path.split('.').position(|step| step == placeholder);
            let Some((entry, at)) = entries.iter().find_map(|entry| Some((entry, of(entry)?))) else {
                continue;
            };
            let names = known.iter().filter(|key| key.no_effect.is_none() && is_about(entry, &key.path));
            let names: BTreeSet<_> = names.filter_map(|key| key.path.split('.').nth(at)).collect();
            let names = names.into_iter().collect::<Vec<_>>().join(", ");
            let _ = write!(page, "\n`{placeholder}` is one of: {names}.\n");
        }
    }
    page.push_str(
        "\n## Known, and without effect\n\nThese keys are in other gateways' files. Each is named once at the start, so \
         that nobody waits for what it does elsewhere.\n\n| key | why |\n|---|---|\n",
    );
    for key in known.iter().filter(|key| !key.path.starts_with("muds.") || key.path.contains("router")) {
        if let Some(why) = key.no_effect {
            let _ = writeln!(page, "| `{}` | {why} |", key.path.replace(".*", "[]"));
        }
    }
    page
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CONFIGURATION.md")
}

#[test]
fn each_key_has_its_entry() {
    for key in known_keys() {
        let own = entries().filter(|entry| is_about(entry, &key.path)).count();
        let is_further = key.path.starts_with("muds.");
        match key.no_effect {
            None if is_further => assert_eq!(own, 0, "{}: muds has the keys of mud and router", key.path),
            None => assert_eq!(own, 1, "{} needs one entry in this file", key.path),
            Some(_) => {}
        }
    }
    for entry in entries() {
        let known = known_keys().iter().any(|key| key.no_effect.is_none() && is_about(entry, &key.path));
        assert!(known, "{} is no key that has an effect", entry.path);
    }
}

/// A default is what holds when the key is left out.
#[test]
fn the_defaults_are_true() {
    for entry in entries().filter(|entry| !entry.default.is_empty()) {
        let mut process = BASE.to_vec();
        process.push(("API_KEY_TEST", "a key"));
        let read = |value: &str| {
            let yaml = yaml_of(entry.path, value);
            all_of(
                &load(sources(Some(&yaml), None, &process))
                    .unwrap_or_else(|problems| panic!("{problems}\n{yaml}")),
            )
        };
        assert_eq!(read(&format!("'{}'", entry.default)), read(""), "{}", entry.path);
        assert_ne!(base_value(entry.path), entry.default, "{}: this would be no test", entry.path);
    }
    // What the default file writes out is the same.
    for (key, text) in leaves(DEFAULT_CONFIG_TEXT) {
        let Some(default) = text.strip_prefix("${").and_then(|text| text.strip_suffix('}')?.split_once(':'))
        else {
            continue;
        };
        // An entry of a list has its own values.
        if let Some(entry) = entries().find(|entry| is_about(entry, &key) && !key.contains('*'))
            && !entry.default.is_empty()
            && !default.1.is_empty()
        {
            assert_eq!(entry.default, default.1, "{key}");
        }
    }
}

#[test]
fn the_page_is_not_stale() {
    let written = std::fs::read_to_string(page()).unwrap_or_default();
    assert!(
        written == markdown(),
        "docs/CONFIGURATION.md is not what the settings are: cargo test -p i3-config --test reference -- --ignored"
    );
}

#[test]
#[ignore = "writes docs/CONFIGURATION.md"]
fn write_the_page() {
    std::fs::create_dir_all(page().parent().unwrap()).unwrap();
    std::fs::write(page(), markdown()).unwrap();
}
