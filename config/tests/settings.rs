//! From texts to settings: both dialects, what counts more than what, and what is said about mistakes.

mod common;

use common::{BASE, all_of, base_value, sources, yaml_of};
use i3_config::{
    Config, DEFAULT_CONFIG_TEXT, LogFormat, Problem, Problems, Rotation, Severity, known_keys, load,
    load_files,
};
use i3_core::machine::Listener;
use i3_core::settings::{ClientIpHeader, Permission};
use log::LevelFilter;
use std::path::PathBuf;
use std::time::Duration;

const GUIDE: &str = include_str!("data/guide.yaml");
const GUIDE_ENV: &str = include_str!("data/guide.env");
const PYTHON: &str = include_str!("data/python-gateway.yaml");

fn good(yaml: &str) -> Config {
    load(sources(Some(yaml), None, BASE)).unwrap_or_else(|problems| panic!("{problems}\n{yaml}"))
}

fn bad(yaml: &str) -> Vec<Problem> {
    match load(sources(Some(yaml), None, BASE)) {
        Ok(config) => panic!("no error: {:?}", config.warnings),
        Err(Problems(problems)) => problems,
    }
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// `c.yaml:3:5`
fn place(problem: &Problem) -> String {
    problem.place.as_ref().unwrap().to_string()
}

fn warning<'a>(config: &'a Config, path: &str) -> &'a Problem {
    let mut found = config.warnings.iter().filter(|problem| problem.path == path);
    found.next().unwrap_or_else(|| panic!("no warning for {path}: {:#?}", lines(&config.warnings)))
}

fn addresses(config: &Config) -> Vec<(Listener, String)> {
    config.listeners.iter().map(|at| (at.listener, format!("{}:{}", at.host, at.port))).collect()
}

#[test]
fn variables_alone_are_enough() {
    let config = load(sources(None, None, BASE)).unwrap();
    assert_eq!(lines(&config.warnings), Vec::<String>::new());
    let [mud] = &config.core.muds[..] else { panic!("one mud") };
    assert_eq!((mud.name.as_str(), mud.player_port), ("TestMUD", 4000));
    let routers: Vec<String> =
        mud.routers.iter().map(|one| format!("{} {}:{}", one.name, one.host, one.port)).collect();
    assert_eq!(routers, ["*i4 204.209.44.3:8080", "*dalet 97.107.133.86:8787", "*wpr 136.144.155.250:8080"]);
    assert_eq!(
        addresses(&config),
        [(Listener::Http, "127.0.0.1:8080".to_owned()), (Listener::Lines, "127.0.0.1:8081".to_owned())]
    );
    assert_eq!(config.core.api.keys.as_ref().map(Vec::len), Some(1));
    assert_eq!(config.logging.file, None);
    assert_eq!(config.core.link.dead_after, Duration::from_secs(90));
    assert_eq!(mud.services.len(), 9);
}

/// The whole of the default file can be set, and nothing in it is passed over.
#[test]
fn the_default_file_has_no_warnings_and_its_variables_work() {
    let default = all_of(&load(sources(None, None, BASE)).unwrap());
    let mut names: Vec<&str> = DEFAULT_CONFIG_TEXT
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split("${").skip(1))
        .map(|rest| rest.split([':', '}']).next().unwrap())
        .collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() > 40, "{names:?}");
    // These count for nothing without a port or a database; they have tests of their own.
    let dependent = ["IRC_HOST", "NODE_NAME", "LEASE_SECONDS", "LEASE_WITHOUT_DATABASE"];
    for name in names.into_iter().filter(|name| !dependent.contains(name)) {
        let values = ["false", "true", "latin-1", "json", "71", "5000", "*other", "changed", "ERROR"];
        let changed = values
            .into_iter()
            .chain(["192.0.2.7", "https://example.org", "forwarded", "tbamud"])
            .any(|value| {
                let mut process = BASE.to_vec();
                process.retain(|(other, _)| *other != name);
                process.push((name, value));
                load(sources(None, None, &process)).is_ok_and(|config| all_of(&config) != default)
            });
        assert!(changed, "{name} changes nothing");
    }
}

#[test]
fn the_guides_files() {
    let process = &[("I3_GATEWAY_SECRET", "a-real-one")];
    let config = load(sources(Some(GUIDE), Some(GUIDE_ENV), process)).unwrap();
    let mud = &config.core.muds[0];
    assert_eq!(
        (mud.name.as_str(), mud.player_port, mud.admin_email.as_str()),
        ("LuminariMUD", 4100, "admin@example.com")
    );
    assert_eq!((mud.mud_type.as_str(), mud.open_status.as_str()), ("Circle", "open"));
    assert_eq!(mud.channels, ["chat", "code"]);
    assert_eq!(mud.routers.len(), 3);
    assert_eq!(
        addresses(&config),
        [(Listener::Http, "0.0.0.0:8080".to_owned()), (Listener::Lines, "0.0.0.0:8081".to_owned())]
    );
    assert_eq!(config.logging.file, Some(PathBuf::from("/var/log/i3-gateway.log")));
    assert_eq!(config.core.api.connections_max, 100);
    let limits = config.core.api.rate_limits.as_ref().unwrap();
    let by_method: Vec<_> =
        limits.by_method.iter().map(|(method, limit)| (method.as_str(), limit.per_minute)).collect();
    assert_eq!(
        by_method,
        [
            ("beep", 10),
            ("channel_emote", 20),
            ("channel_send", 20),
            ("channel_targeted_emote", 20),
            ("emoteto", 10),
            ("tell", 10),
            ("who", 5)
        ]
    );
    assert_eq!(config.core.link.reconnect_delay, Duration::from_secs(5));
    assert_eq!(config.core.link.connect_timeout, Duration::from_secs(30));
    // Two mistakes of the guide itself.
    assert!(warning(&config, "router.primary.name").message.contains("*i4"));
    assert!(warning(&config, "router.fallback[1].host").fix.contains("136.144.155.250"));
    assert_eq!(config.logging.format, LogFormat::Json);
    assert_eq!(config.logging.rotation, Some(Rotation { bytes_max: 10_485_760, backups: 5 }));
    assert_eq!(place(warning(&config, "services.tell.queue_size")), "c.yaml:34:5");
    assert!(!lines(&config.warnings).iter().any(|line| line.contains("unknown setting")));
}

#[test]
fn the_guides_placeholder_is_refused() {
    let problems = load(sources(Some(GUIDE), Some(GUIDE_ENV), &[])).unwrap_err();
    let errors: Vec<&Problem> = problems.0.iter().filter(|one| one.severity == Severity::Error).collect();
    let [error] = &errors[..] else { panic!("{problems}") };
    assert_eq!((error.path.as_str(), place(error).as_str()), ("api.auth.secret", ".env:6:1"));
    assert!(error.message.contains("placeholder") && error.fix.contains("openssl rand"), "{error}");
    assert!(!problems.to_string().contains("your-secret-key-here"));
}

#[test]
fn the_python_gateways_file() {
    let problems = load(sources(Some(PYTHON), None, &[])).unwrap_err();
    let errors: Vec<&Problem> = problems.0.iter().filter(|one| one.severity == Severity::Error).collect();
    let [error] = &errors[..] else { panic!("{problems}") };
    assert_eq!((error.path.as_str(), error.place.as_ref().unwrap().line), ("api.auth.api_keys[2].key", 91));

    let config = load(sources(Some(PYTHON), None, &[("API_KEY_ADMIN", "a-real-one")])).unwrap();
    let mud = &config.core.muds[0];
    assert_eq!(
        (mud.name.as_str(), mud.mudlib.as_str(), mud.mud_type.as_str()),
        ("ExampleMUD", "ExampleLib", "Circle")
    );
    assert_eq!(mud.services.len(), 12);
    assert_eq!(mud.channels, ["intermud", "chat", "dev"]);
    assert_eq!(mud.routers.len(), 1);
    assert_eq!(
        addresses(&config),
        [
            (Listener::Http, "0.0.0.0:8080".to_owned()),
            (Listener::Lines, "0.0.0.0:8081".to_owned()),
            (Listener::Lines, "localhost:4001".to_owned())
        ]
    );
    let link = &config.core.link;
    assert_eq!((link.keepalive_interval.as_secs(), link.dead_after.as_secs()), (60, 90));
    assert_eq!(link.reconnect_delay.as_secs(), 30);
    let api = &config.core.api;
    assert_eq!(
        (api.connections_max, api.ping_timeout.as_secs(), api.message_bytes_max),
        (1000, 10, 4_194_304)
    );
    let limits = api.rate_limits.as_ref().unwrap();
    assert_eq!((limits.per_minute, limits.burst, limits.by_method["channel_send"].per_minute), (100, 20, 50));
    let keys = api.keys.as_ref().unwrap();
    assert_eq!(api.session_timeout, Duration::from_secs(3600));
    let names: Vec<&str> = keys.iter().map(|key| key.mud_name.as_str()).collect();
    assert_eq!(names, ["ExampleMUD", "DemoMUD", "AdminMUD"], "API_KEY_ADMIN is listed, so it is not doubled");
    assert_eq!(keys[0].requests_per_minute, Some(500));
    assert!(keys[1].permissions.has(Permission::Tell) && !keys[1].permissions.has(Permission::Admin));
    assert!(warning(&config, "api.auth.api_keys[1].mud_name").message.contains("may read but not send"));
    assert_eq!(config.state_directory, PathBuf::from("state/"));
    assert_eq!(config.shared, None);
    assert_eq!(config.logging.file, Some(PathBuf::from("logs/i3-gateway.log")));
    let levels = ["api", "network", "services", "state"].map(|part| config.logging.components[part]);
    assert_eq!(levels, [LevelFilter::Info, LevelFilter::Info, LevelFilter::Info, LevelFilter::Warn]);
    warning(&config, "channels.default_channels[0].type");
    warning(&config, "router.connection.max_reconnect_attempts");
    assert!(!lines(&config.warnings).iter().any(|line| line.contains("unknown setting")));
}

#[test]
fn the_process_counts_more_than_the_env_file() {
    let yaml = "mud: {mud_type: yaml}\napi: {host: 127.0.0.2, tcp: {port: '${X:2}'}}";
    let env_file = "MUD_NAME=file\nMUD_PORT=2000\nX=3\nMUD_STATUS=\nAPI_KEY_A=first-key\n";
    let process = [
        ("MUD_NAME", "process"),
        ("MUD_TYPE", "yaml"),
        ("API_WS_HOST", "127.0.0.3"),
        ("LOG_LEVEL", "warning"),
    ];
    let config = load(sources(Some(yaml), Some(env_file), &process)).unwrap();
    let mud = &config.core.muds[0];
    assert_eq!((mud.name.as_str(), mud.player_port, mud.mud_type.as_str()), ("process", 2000, "yaml"));
    assert_eq!(mud.open_status, "Development", "an empty variable changes nothing");
    assert_eq!(
        addresses(&config),
        [(Listener::Http, "127.0.0.3:8080".to_owned()), (Listener::Lines, "127.0.0.2:3".to_owned())]
    );
    assert_eq!(config.logging.level, LevelFilter::Warn);
    assert_eq!(config.core.api.keys.unwrap().len(), 1);
    assert_eq!(lines(&config.warnings), Vec::<String>::new());
}

#[test]
fn all_problems_are_named_with_their_lines() {
    let yaml = "mud:
  name: TestMUD
  port: 70000
  nmae: x
router:
  primary: {name: '*x', host: 'a b'}
  fallback:
    - host: 1.2.3.4
    - name: '*y'
      host: b
      port: ${ROUTER_PORT_Y:many}
  connection:
    keepalive_interval: -1
api:
  tcp:
    enabled: perhaps
    host: 127.0.0.1:8081
  auth:
    api_keys:
      - key: key-of-a-web-page
        permissions: [tell, fly]
      - permissions: ['*']
        key: ${NOT_SET}
      - word
logging: verbose
performance:
  max_connections: [1]
  connection_timeout: 5s
";
    let problems = bad(yaml);
    let mut places: Vec<((usize, usize), String)> = problems
        .iter()
        .map(|one| (one.place.as_ref().map_or((0, 0), |place| (place.line, place.column)), one.path.clone()))
        .collect();
    places.sort();
    let expected = [
        ((3, 3), "mud.port"),
        ((4, 3), "mud.nmae"),
        ((6, 25), "router.primary.host"),
        ((8, 7), "router.fallback[0].name"),
        ((11, 7), "router.fallback[1].port"),
        ((13, 5), "router.connection.keepalive_interval"),
        ((16, 5), "api.tcp.enabled"),
        ((17, 5), "api.tcp.host"),
        ((21, 29), "api.auth.api_keys[0].permissions[1]"),
        ((23, 9), "api.auth.api_keys[1].key"),
        ((24, 9), "api.auth.api_keys[2]"),
        ((25, 1), "logging"),
        ((27, 3), "performance.max_connections"),
        ((28, 3), "performance.connection_timeout"),
    ];
    assert_eq!(places, expected.map(|(place, path)| (place, path.to_owned())), "{:#?}", lines(&problems));
    let all = lines(&problems);
    assert!(all[0].starts_with("error: ") && all.last().unwrap().starts_with("warning: "));
    assert!(
        all.contains(
            &"error: c.yaml:3:3: mud.port: 70000 is not a port from 1 to 65535; write a port from 1 to 65535"
                .to_owned()
        )
    );
    assert!(
        all.contains(
            &"warning: c.yaml:4:3: mud.nmae: unknown setting: it has no effect; did you mean mud.name?"
                .to_owned()
        )
    );
    assert!(all.iter().any(|line| line.contains("NOT_SET is not set")));
    assert!(all.iter().all(|line| !line.contains('\n')));
}

#[test]
fn a_wrong_variable_is_named() {
    let mut process = BASE.to_vec();
    process.push(("MUD_PORT", "door"));
    let problems = load(sources(None, Some("MUDNAME=x\nAPI_TCP_PORT=0\n"), &process)).unwrap_err();
    assert_eq!(
        lines(&problems.0),
        [
            "error: mud.port: \"door\" is not a port from 1 to 65535 (from the environment variable MUD_PORT); write a port from 1 to 65535",
            "error: .env:2:1: api.tcp.port: \"0\" is not a port from 1 to 65535 (from the environment variable API_TCP_PORT); write a port from 1 to 65535",
            "warning: .env:1:1: MUDNAME: has no effect: the settings do not use this variable; did you mean MUD_NAME?",
        ]
    );
}

#[test]
fn a_variable_of_the_guide_without_effect_says_why() {
    let config = load(sources(None, Some("CACHE_TTL=600"), BASE)).unwrap();
    let expected = "warning: .env:1:1: CACHE_TTL: has no effect: the lists of muds and channels are kept up to date and \
                    never expire; remove it";
    assert_eq!(lines(&config.warnings), [expected]);
}

#[test]
fn what_has_no_default_is_asked_for() {
    let problems = load(sources(None, None, &[])).unwrap_err();
    let all = lines(&problems.0);
    assert_eq!(all.len(), 2, "{problems}");
    assert!(all[0].contains("mud.name: is empty: MUD_NAME is not set"), "{problems}");
    assert!(all[1].contains("I3_GATEWAY_SECRET"), "{problems}");
}

#[test]
fn credentials() {
    let yaml = |auth: &str| format!("api: {{auth: {auth}}}");
    let keys = |auth: &str, process: &[(&str, &str)]| {
        let process: Vec<_> = [("MUD_NAME", "Own")].iter().chain(process).copied().collect();
        load(sources(Some(&yaml(auth)), None, &process)).map(|config| config.core.api.keys)
    };
    let hash = "sha256:08ee3a8ddf8f5b336a22a13ab4a5e88fe45ccd27d62672b44acc40976dbec27b";
    // The same key three times over is one key, with what the list says.
    let list = format!("{{secret: a-long-key, api_keys: [{{key: '{hash}', permissions: tell}}]}}");
    let found = keys(&list, &[("API_KEY_X", "a-long-key"), ("API_KEY_Y", "another-key"), ("API_KEY_Z", "")])
        .unwrap()
        .unwrap();
    let seen: Vec<_> =
        found.iter().map(|key| (key.mud_name.as_str(), key.permissions.has(Permission::Admin))).collect();
    assert_eq!(seen, [("Own", false), ("Own", true)]);

    for (auth, process, path) in [
        ("{secret: ChangeMe}", ("", ""), "api.auth.secret"),
        ("{}", ("API_KEY_LUMINARI", "<generated-api-key>"), "API_KEY_LUMINARI"),
        ("{}", ("I3_GATEWAY_SECRET", "<generated-secret>"), "api.auth.secret"),
        (
            "{api_keys: [{key: demo-key-123, permissions: []}]}",
            ("API_KEY_DEMO", "demo-key-123"),
            "api.auth.api_keys[0].key",
        ),
        ("{api_keys: [{key: 'sha256:00', permissions: []}]}", ("", ""), "api.auth.api_keys[0].key"),
        ("{api_keys: [{key: key-of-a}]}", ("", ""), "api.auth.api_keys[0].permissions"),
        (
            "{api_keys: [{key: key-of-a, permissions: []}, {key: key-of-a, permissions: []}]}",
            ("", ""),
            "api.auth.api_keys[1].key",
        ),
        ("{api_keys: {hunter2: {permissions: []}}, secret: a-long-key}", ("", ""), "api.auth.api_keys"),
        ("{api_keys: hunter2, secret: a-long-key}", ("", ""), "api.auth.api_keys"),
        ("{api_keys: [hunter2]}", ("", ""), "api.auth.api_keys[0]"),
        ("{secret: [hunter2]}", ("API_KEY_A", "key-of-b"), "api.auth.secret"),
        ("{secret: 1.5}", ("API_KEY_A", "key-of-b"), "api.auth.secret"),
        ("{}", ("", ""), "api.auth.secret"),
        ("{secret: '${NOT_SET}'}", ("API_KEY_EMPTY", ""), "api.auth.secret"),
    ] {
        let problems = keys(auth, &[process]).unwrap_err();
        let errors = problems.0.iter().filter(|one| one.severity == Severity::Error).count();
        assert_eq!(errors, 1, "{auth}: {problems}");
        assert_eq!(problems.0[0].path, path, "{auth}: {problems}");
        for text in ["hunter2", "demo-key", "hangeMe", "generated"] {
            assert!(!problems.to_string().contains(text), "{problems}");
        }
    }
    assert!(keys("{enabled: no}", &[]).unwrap().is_none());
}

#[test]
fn without_authentication_only_this_host_is_served() {
    let remote =
        "api: {host: 0.0.0.0, tcp: {host: localhost}, auth: {enabled: false}}\ngateway: {host: '::'}";
    let config = good(remote);
    let hosts: Vec<&str> = config.listeners.iter().map(|at| at.host.as_str()).collect();
    assert_eq!(hosts, ["127.0.0.1", "localhost", "127.0.0.1"]);
    assert!(warning(&config, "api.host").fix.contains("allow_remote_without_auth"));
    let config = good(&remote.replace("enabled: false", "enabled: false, allow_remote_without_auth: true"));
    let hosts: Vec<&str> = config.listeners.iter().map(|at| at.host.as_str()).collect();
    assert_eq!(hosts, ["0.0.0.0", "localhost", "::"]);
}

#[test]
fn no_secret_is_ever_shown() {
    let yaml = "router: {primary: {name: '*x', host: h, password: 77340112}}
api:
  auth:
    secret: hunter2-a
    api_keys:
      - {key: hunter2-b, permissions: ['*'], rate_limit_override: 0}
      - {key: [hunter2-c], permissions: ['*']}
      - {key: key-of-x, permissions: [], hunter2-e: {permissions: []}}
muds: [{name: B, router: {primary: {name: '*x', host: h, password: hunter2-d}}}]
";
    let problems = Problems(bad(yaml));
    assert_eq!(problems.0.len(), 5, "{problems}");
    assert!(!format!("{problems} {problems:?}").contains("hunter2"), "{problems}");
    let config = good("router: {primary: {name: '*x', host: h, password: 77340112}}");
    assert_eq!(config.core.muds[0].router_password, 77_340_112);
    let shown = format!("{config:?}");
    assert!(!shown.contains("77340112") && !shown.contains("s3cr3t"));
}

#[test]
fn further_muds() {
    let yaml = "
router: {primary: {name: '*main', host: a, password: 5}, fallback: [{name: '*f', host: f}]}
mud: {name: A}
services: {beep: {enabled: off}}
channels: {default_channels: [{name: x}, y]}
muds:
  - {name: B, port: 5000, services: {tell: 1, beep: 1, mail: 1}}
  - name: C
    router: {primary: {name: '*own', host: c, port: 3004, password: 6}}
";
    let config = good(yaml);
    let seen: Vec<(&str, &str, usize, i64)> = (config.core.muds.iter())
        .map(|mud| (mud.name.as_str(), mud.routers[0].name.as_str(), mud.routers.len(), mud.router_password))
        .collect();
    // B has its own password at the same routers, so it does not begin with A's.
    assert_eq!(seen, [("A", "*main", 2, 5), ("B", "*main", 2, 0), ("C", "*own", 1, 6)]);
    assert_eq!(*config.core.muds[1].services, [("tell".to_owned(), 1)].into());
    assert_eq!(config.core.muds[2].services.len(), 8);
    assert!(config.core.muds.iter().all(|mud| mud.channels == ["x", "y"]));
    warning(&config, "muds[0].services.mail");
    warning(&config, "muds[0].services.beep");

    let only =
        load(sources(Some("muds: [{name: B}, {name: C}]"), None, &[("API_KEY_A", "a-long-key")])).unwrap();
    assert_eq!(only.core.api.keys.unwrap()[0].mud_name, "B", "the first is the gateway's own");
    let twice = bad("muds: [{name: TestMUD}]");
    assert_eq!(twice[0].path, "muds[0].name");
}

#[test]
fn two_keys_for_one_thing() {
    let config = good(
        "mud: {type: LP, mud_type: Circle}\nperformance: {reconnect_delay: 7}\nrouter: {connection: {reconnect_delay: 7}}",
    );
    assert_eq!(config.core.muds[0].mud_type, "LP");
    assert_eq!(
        lines(&config.warnings),
        [
            "warning: c.yaml:1:17: mud.mud_type: has no effect: mud.type is also set, and takes precedence; keep one of the two"
        ]
    );
    let config = good("router: {connection: {timeout: 60, keepalive_interval: 60}}");
    assert!(config.core.link.dead_after > config.core.link.keepalive_interval);
    warning(&config, "router.connection.timeout");
}

#[test]
fn a_dead_router_is_noticed_within_ninety_seconds_whatever_the_timeout() {
    for (timeout, dead_after) in [("61", 61), ("75", 75), ("90", 90), ("91", 90), ("300", 90), ("86400", 90)]
    {
        let config = good(&format!("router: {{connection: {{timeout: {timeout}}}}}"));
        assert_eq!(config.core.link.dead_after, Duration::from_secs(dead_after), "{timeout}");
        assert_eq!(lines(&config.warnings), [""; 0]);
    }
    // A longer interval is a choice of its own: the probe is sent after it, and needs time for its answer.
    let config = good("router: {connection: {timeout: 300, keepalive_interval: 120}}");
    assert_eq!(config.core.link.dead_after, Duration::from_secs(150));
}

#[test]
fn addresses_must_differ() {
    let problems = bad("api: {tcp: {port: 8080}}");
    assert_eq!(
        lines(&problems),
        [
            "error: c.yaml:1:13: api.tcp.port: 127.0.0.1:8080 is already the address of another listener; give each listener its own port"
        ]
    );
    // The listener of the Python gateway's other section gives way.
    let config = good("api: {host: 0.0.0.0, port: 4001}\ngateway: {port: 4001}");
    assert_eq!(config.listeners.len(), 2);
    assert!(warning(&config, "gateway.port").message.contains("already the address"));
    let spare = |yaml: &str| good(yaml).listeners.iter().map(|at| at.is_spare).collect::<Vec<_>>();
    assert_eq!(spare("gateway: {port: 4001}"), [false, false, true]);
    assert_eq!(spare("gateway: {port: 4001}\napi: {tcp: {enabled: no}, websocket: {enabled: no}}"), [false]);
    assert!(good("api: {enabled: no}").listeners.is_empty());
}

#[test]
fn addresses_that_may_connect() {
    let shown = |yaml: &str| {
        let rules = good(yaml).core.api.addresses;
        [rules.whitelist, rules.blacklist, rules.trusted_proxies]
            .map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    };
    let default = "127.0.0.0/8 ::1/128";
    assert_eq!(shown(""), ["", "", default]);
    assert_eq!(shown("security: {ip_whitelist: [], trusted_proxies: []}"), ["", "", ""]);
    assert_eq!(
        shown(
            "security: {ip_whitelist: [192.0.2.0/24, '::ffff:198.51.100.1'], ip_blacklist: '10.0.0.1,10.0.0.2 ::2'}"
        ),
        ["192.0.2.0/24 198.51.100.1/32", "10.0.0.1/32 10.0.0.2/32 ::2/128", default]
    );
    let problems =
        bad("security:\n  ip_whitelist:\n    - 192.0.2.0/24\n    - example.org\n  ip_blacklist: 1.2.3.4/99");
    let places: Vec<_> =
        problems.iter().map(|one| (one.path.as_str(), one.place.as_ref().unwrap().line)).collect();
    assert_eq!(places, [("security.ip_whitelist[1]", 4), ("security.ip_blacklist", 5)]);
    assert!(problems[0].fix.contains("203.0.113.0/24"), "{problems:?}");
    bad("api: {websocket: {allowed_origins: [example.org]}}");
    let header = |yaml: &str| good(yaml).core.api.addresses.client_ip_header;
    assert_eq!(header(""), ClientIpHeader::ForwardedFor);
    assert_eq!(header("security: {client_ip_header: Forwarded}"), ClientIpHeader::Forwarded);
    assert_eq!(header("security: {client_ip_header: X-Real-IP}"), ClientIpHeader::RealIp);
    bad("security: {client_ip_header: [x-real-ip]}");
    assert!(
        bad("security: {client_ip_header: cf-ip}")[0].fix.contains("x-forwarded-for, forwarded, x-real-ip")
    );
    // The limit of each user is one of the rate limits, which can be off together.
    let users = |yaml: &str| good(yaml).core.api.user_messages_per_minute;
    assert_eq!(users("security: {rate_limiting: {user_messages_per_minute: 30}}"), Some(30));
    assert_eq!(users("security: {rate_limiting: {enabled: no, user_messages_per_minute: 30}}"), None);
}

#[test]
fn texts_that_are_no_settings() {
    for (yaml, line) in [("- a\n- b", 1), ("mud:\n\tname: x", 2), ("a: 1\nb: 2\na: 3", 1), ("mud: {", 1)] {
        let problems = bad(yaml);
        assert_eq!(problems.len(), 1, "{yaml:?}");
        assert!(problems[0].place.as_ref().is_none_or(|place| place.line >= line), "{problems:?}");
    }
    for empty in ["", "# nothing\n", "mud:\n"] {
        assert_eq!(good(empty).core.muds[0].routers.len(), 3);
    }
}

/// A value for each key that has an effect, beside the base below.
fn another_value(path: &str) -> &'static str {
    let last = path.rsplit('.').next().unwrap();
    match last {
        "enabled" | "require_client_cert" if path.contains(".tls.") => "true",
        "enabled" if path == "security.rate_limiting.enabled" || !path.starts_with("api.") => "false",
        "enabled" => "false",
        "compression" => "false",
        "backup_enabled" => "true",
        "host" => "127.0.0.9",
        "port" => "9123",
        "level" => "ERROR",
        "name" if path.contains("primary") || path.contains("fallback") => "'*another'",
        "mud_name" => "Second",
        "permissions" => "[info]",
        "charset" => "latin-1",
        "engine" => "tbamud",
        "default_channels" => "[another]",
        "require_tls"
        | "allow_remote_without_auth"
        | "split_long_texts"
        | "follow_redirects"
        | "replace_quotes" => "true",
        "max_frame_bytes" | "max_frame_size" => "5000",
        "password" | "keepalive_interval" | "timeout" | "reconnect_delay" | "connection_timeout" => "83",
        "return_after" => "83",
        "channels" if path.contains("api_keys") => "[another]",
        "text_format" => "plain",
        "tells" if path.starts_with("history") => "true",
        "tells" | "channels" | "answers" | "max_count" | "max_queue_size" | "queue_ttl" | "days"
        | "max_lines" | "history_size" => "86",
        "max_bytes" => "20000",
        "ping_interval" | "ping_timeout" | "packets_per_second" | "burst" | "rate_limit_override" => "7",
        _ if path.contains("per_minute") || path.contains("by_method") || path.starts_with("performance") => {
            "71"
        }
        "max_connections" | "seconds" => "71",
        "without_database" => "keep",
        "format" => "json",
        "allow" => "[192.0.2.7]",
        "address" => "'203.0.113.9:8791'",
        "stay" | "late_lines" => "86",
        "late_tells" | "away_who" => "false",
        "rotate_size" | "max_size" | "backup_count" => "71",
        _ if path.starts_with("logging.components.") => "ERROR",
        "handshake_timeout" | "idle_timeout" => "83",
        "allowed_origins" => "['https://a.example']",
        "ip_whitelist" | "ip_blacklist" | "trusted_proxies" => "[192.0.2.7]",
        "client_ip_header" => "x-real-ip",
        "secret" | "key" => "another-key",
        _ if path.contains(".services.") => "0",
        _ => "another",
    }
}

#[test]
fn every_key_with_an_effect_has_one() {
    for key in known_keys().iter().filter(|key| key.no_effect.is_none()) {
        let path = key.path.as_str();
        let with = yaml_of(path, another_value(path));
        // The same file without the value: what it needs beside it stays.
        let without = yaml_of(path, base_value(path));
        // The variables that the other tests use would count more than these two keys.
        let mut process = vec![("API_KEY_TEST", "a-long-key")];
        process.extend((path != "mud.name").then_some(("MUD_NAME", "TestMUD")));
        let read = |yaml: &str| match load(sources(Some(yaml), None, &process)) {
            Ok(config) => config,
            Err(problems) => panic!("{path}: {problems}\n{yaml}"),
        };
        let (with, without) = (read(&with), read(&without));
        assert_ne!(all_of(&with), all_of(&without), "{path}\n{}", yaml_of(path, another_value(path)));
        let passed =
            |config: &Config| config.warnings.iter().any(|one| one.message.contains("unknown setting"));
        assert!(!passed(&with), "{path}: {:?}", lines(&with.warnings));
    }
}

#[test]
fn a_key_without_an_effect_is_named_and_changes_nothing() {
    for key in known_keys().iter().filter(|key| key.no_effect.is_some()) {
        let path = key.path.as_str();
        let (with, without) = (good(&yaml_of(path, "71")), good(&yaml_of(path, "")));
        // A list of services that is there but empty is not the same as none.
        assert_eq!(all_of(&with), all_of(&without), "{path}");
        assert_eq!(with.warnings.len(), without.warnings.len() + 1, "{path}: {:#?}", lines(&with.warnings));
    }
}

#[test]
fn files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.yaml");
    let options = i3_config::FileOptions {
        config: Some(path.clone()),
        log_level: Some("loud".to_owned()),
        ..Default::default()
    };
    let problems = load_files(&options).unwrap_err();
    assert_eq!(problems.0.len(), 2, "a missing file and a wrong level: {problems}");
    std::fs::write(&path, "mud: {name: X}\napi: {auth: {secret: a-long-key}}\nlogging: {level: INFO}")
        .unwrap();
    let options = i3_config::FileOptions { config: Some(path.clone()), debug: true, ..Default::default() };
    assert_eq!(load_files(&options).unwrap().logging.level, LevelFilter::Debug);
    std::fs::write(&path, [b'a', 0xff]).unwrap();
    assert!(load_files(&options).is_err());
    std::fs::write(&path, "#".repeat(i3_config::CONFIG_BYTES_MAX as usize + 1)).unwrap();
    assert!(load_files(&options).unwrap_err().to_string().contains("longer"));
}

#[test]
fn how_long_events_are_kept() {
    let events = good("").core.api.events;
    assert_eq!(
        (events.keep_tells, events.keep_channels),
        (Duration::from_secs(300), Duration::from_secs(60))
    );
    let yaml =
        "api: {session: {queue_ttl: 0, max_queue_size: 5}}\nchannels: {history_size: 7}\nhistory: {days: 2}";
    let events = good(yaml).core.api.events;
    assert_eq!((events.keep_tells, events.kept_max, events.history_max), (Duration::ZERO, 5, 7));
    assert_eq!(events.history_age, Duration::from_secs(172_800));
    assert!(events.history_in_store);
    for none in ["{days: 0}", "{max_lines: 0}"] {
        assert!(!good(&format!("history: {none}")).core.api.events.history_in_store);
    }
    let config = good(&format!("{yaml}\nevents: {{keep: {{tells: 9, max_count: 5}}}}"));
    assert_eq!(config.core.api.events.keep_tells, Duration::from_secs(9));
    warning(&config, "api.session.queue_ttl");
    for wrong in ["keep: {tells: -1}", "keep: {answers: soon}", "max_bytes: 1"] {
        bad(&format!("events: {{{wrong}}}"));
    }
}

#[test]
fn the_engine_decides_what_is_left_out() {
    let of = |yaml: &str| good(yaml).core.muds.remove(0);
    let plain = of("mud: {name: A}");
    assert_eq!((plain.mud_type.as_str(), plain.driver.as_str(), plain.player_port), ("LP", "unknown", 4000));
    // By the setting, by the version of the driver or the mudlib, and what is written out wins.
    let circle = of("mud: {name: A, engine: tbaMUD}");
    assert_eq!((circle.mud_type.as_str(), circle.mudlib.as_str()), ("Circle", "tbaMUD"));
    assert_eq!(of("mud: {name: A, driver: 'FluffOS v2019'}").mud_type, "LP");
    assert_eq!(of("mud: {name: A, mudlib: 'SMAUG 1.4a'}").mud_type, "Diku");
    let both = of("mud: {name: A, engine: rom, type: Custom, mudlib: Mine}");
    assert_eq!(
        (both.mud_type.as_str(), both.mudlib.as_str(), both.driver.as_str()),
        ("Custom", "Mine", "ROM")
    );
    // A bot or a directory is not a game, with the shipped file too.
    let shipped = load(sources(Some(DEFAULT_CONFIG_TEXT), None, &[BASE, &[("MUD_ENGINE", "none")]].concat()));
    for bot in [of("mud: {name: A, engine: not a game}"), shipped.unwrap().core.muds.remove(0)] {
        assert_eq!(
            (bot.mud_type.as_str(), bot.open_status.as_str(), bot.player_port),
            ("not a game", "not a game", 0)
        );
        assert_eq!(bot.services.keys().collect::<Vec<_>>(), ["auth", "channel", "tell", "who"]);
    }
    assert_eq!(of("mud: {name: A, engine: none}\nservices: {finger: {enabled: true}}").services.len(), 5);
    let wrong = bad("mud: {name: A, engine: abacus}");
    assert!(wrong[0].fix.contains("tbamud"), "{wrong:?}");
}

#[test]
fn a_mud_without_services_is_refused_with_the_reason() {
    for yaml in [
        "mud: {name: A, services: {}}",
        "mud: {name: A, services: {tell: 0}}",
        "mud: {name: A, services: {tell: 1}}\nservices: {tell: {enabled: false}}",
        "mud: {name: A}\nmuds: [{name: B, services: {who: 0}}]",
    ] {
        let problems = bad(yaml);
        let errors: Vec<_> = problems.iter().filter(|one| one.severity == Severity::Error).collect();
        assert_eq!(errors.len(), 1, "{yaml}: {problems:?}");
        assert!(errors[0].message.contains("*i4 drops a login without services"), "{yaml}: {problems:?}");
    }
    assert_eq!(good("mud: {name: A, services: {who: 1}}").core.muds[0].services.len(), 1);
}

#[test]
fn irc_is_off_without_a_port_and_speaks_tls_where_other_hosts_connect() {
    let irc = |config: &Config| {
        let found = config.listeners.iter().find(|at| at.listener == Listener::Irc);
        found.map(|at| (format!("{}:{}", at.host, at.port), at.tls.is_some()))
    };
    assert_eq!(irc(&good("irc: {host: 127.0.0.1}")), None);
    assert_eq!(irc(&good("irc: {port: 6667}")), Some(("127.0.0.1:6667".to_owned(), false)));
    // On this host plain text is usual, also where games use TLS.
    let tls = "tls: {enabled: yes, cert_file: c.pem, key_file: k.pem}";
    let of_api = format!("api: {{{tls}}}\nirc: {{port: 6667}}");
    assert_eq!(irc(&good(&of_api)), Some(("127.0.0.1:6667".to_owned(), false)));
    let remote = format!("api: {{{tls}}}\nirc: {{port: 6697, host: 0.0.0.0}}");
    assert_eq!(irc(&good(&remote)), Some(("0.0.0.0:6697".to_owned(), true)));
    let own = format!("irc: {{port: 6697, host: 0.0.0.0, {tls}}}");
    assert_eq!(irc(&good(&own)), Some(("0.0.0.0:6697".to_owned(), true)));
    let variables = [("IRC_PORT", "6667"), ("IRC_HOST", "127.0.0.9")];
    let by_variables = load(sources(None, None, &[BASE, &variables].concat())).unwrap();
    assert_eq!(irc(&by_variables), Some(("127.0.0.9:6667".to_owned(), false)));
    let plain = bad("irc: {port: 6667, host: 0.0.0.0}");
    assert!(
        lines(&plain)[0].contains("irc.host: other hosts could connect to 0.0.0.0:6667 in plain text"),
        "{plain:?}"
    );
    let insists = good("irc: {port: 6667, host: 0.0.0.0, tls: {enabled: no}}");
    assert!(warning(&insists, "irc.tls.enabled").message.contains("in plain text"));
    let taken = bad("irc: {port: 8080}");
    assert!(lines(&taken)[0].contains("irc.port: 127.0.0.1:8080 is already the address"), "{taken:?}");
}

#[test]
fn a_url_names_a_directory_or_a_database() {
    let read =
        |yaml: &str, process: &[(&str, &str)]| load(sources(Some(yaml), None, &[BASE, process].concat()));
    let shared = |yaml: &str, process: &[(&str, &str)]| read(yaml, process).unwrap().shared.unwrap();
    for (url, directory) in
        [("''", "d"), ("e", "e"), ("/var/lib/i3", "/var/lib/i3"), ("sqlite:///e", "/e"), ("sqlite:e", "e")]
    {
        let config = read(&format!("state: {{directory: d, url: {url}}}"), &[]).unwrap();
        assert_eq!((config.state_directory, config.shared), (PathBuf::from(directory), None), "{url}");
    }
    let url = "postgres://gw:hunter22@db/i3?sslmode=verify-full";
    let one = shared(&format!("state: {{url: '{url}'}}"), &[]);
    assert_eq!((one.url.as_str(), one.password.as_deref(), one.node_name.as_deref()), (url, None, None));
    assert_eq!((one.lease.as_secs(), one.keeps_without_database), (15, false));
    assert!(!format!("{one:?}").contains("hunter22"));
    let variables = [
        ("STATE_URL", "postgresql://gw@db/i3"),
        ("STATE_PASSWORD", "hunter22"),
        ("NODE_NAME", " one "),
        ("LEASE_SECONDS", "5"),
        ("LEASE_WITHOUT_DATABASE", "Keep"),
    ];
    let one = shared("", &variables);
    assert_eq!((one.password.as_deref(), one.node_name.as_deref()), (Some("hunter22"), Some("one")));
    assert_eq!((one.lease.as_secs(), one.keeps_without_database), (5, true));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "from a file\n").unwrap();
    let one = shared("", &[variables[0], ("STATE_PASSWORD_FILE", file.path().to_str().unwrap())]);
    assert_eq!(one.password.as_deref(), Some("from a file"));
}

#[test]
fn what_makes_no_sense_of_a_database_is_said_without_its_password() {
    let read = |yaml: &str| load(sources(Some(yaml), None, BASE));
    for (yaml, key) in [
        ("state: {url: 'mysql://gw:hunter22@db/i3'}", "state.url"),
        ("state: {url: /var/lib/i3/i3-gateway.sqlite}", "state.url"),
        ("state: {url: 'postgres://gw:hunter22@db/i3'}\nlease: {seconds: 4}", "lease.seconds"),
        (
            "state: {url: 'postgres://gw:hunter22@db/i3'}\nlease: {without_database: hunter22}",
            "lease.without_database",
        ),
    ] {
        let Err(problems) = read(yaml) else { panic!("{yaml}") };
        assert_eq!(problems.0[0].path, key, "{problems}");
        assert!(!problems.to_string().contains("hunter22"), "{problems}");
    }
    for (yaml, key) in [
        ("lease: {seconds: 20}", "lease.seconds"),
        ("node: {name: one}", "node.name"),
        ("state: {url: 'postgres://gw@db/i3', backup_enabled: true}", "state.backup_enabled"),
    ] {
        let config = read(yaml).unwrap();
        assert!(config.warnings.iter().any(|warning| warning.path == key), "{:?}", config.warnings);
        assert_eq!(config.state_backups, 0);
    }
}
