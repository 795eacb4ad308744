//! The files and templates of the Python gateway's releases, and which value counts where a file and a variable disagree.

mod common;

use common::{BASE, sources};
use i3_config::{Config, DEFAULT_CONFIG_TEXT, Problems, Severity, load};
use i3_core::settings::{Permission, TextStyle};

/// The first releases: no section `api`, and no router has a name.
const EARLY_YAML: &str = include_str!("data/early.yaml");
const EARLY_ENV: &str = include_str!("data/early.env");
/// The releases with the API.
const LATER_YAML: &str = include_str!("data/python-gateway.yaml");
const LATER_ENV: &str = include_str!("data/later.env");
const GUIDE_YAML: &str = include_str!("data/guide.yaml");
const GUIDE_ENV: &str = include_str!("data/guide.env");

fn lines(config: &Config) -> Vec<String> {
    config.warnings.iter().map(ToString::to_string).collect()
}

fn hosts(config: &Config) -> Vec<(&str, u16)> {
    config.listeners.iter().map(|at| (at.host.as_str(), at.port)).collect()
}

fn routers(config: &Config) -> Vec<(&str, &str, u16)> {
    let routers = config.core.muds[0].routers.iter();
    routers.map(|one| (one.name.as_str(), one.host.as_str(), one.port)).collect()
}

/// Every file of a release starts with every template, once the published keys are replaced. The names of all templates
/// are understood, or the warning says why they have no effect.
#[test]
fn every_file_of_a_release_works_with_every_template() {
    let secrets = [
        ("I3_GATEWAY_SECRET", "a-real-one-1"),
        ("API_KEY_ONE", "a-real-one-2"),
        ("API_KEY_DEMO", "a-real-one-3"),
        ("API_KEY_ADMIN", "a-real-one-4"),
        ("API_KEY_YOURMUD", "a-real-one-5"),
    ];
    for (file, yaml) in
        [("early", EARLY_YAML), ("later", LATER_YAML), ("guide", GUIDE_YAML), ("ours", DEFAULT_CONFIG_TEXT)]
    {
        for (template, env) in
            [("none", ""), ("early", EARLY_ENV), ("later", LATER_ENV), ("guide", GUIDE_ENV)]
        {
            let mut process = secrets.to_vec();
            process.push(("MUD_NAME", "AnyMUD"));
            let config = load(sources(Some(yaml), Some(env), &process))
                .unwrap_or_else(|problems| panic!("{file} with {template}: {problems}"));
            let mud = &config.core.muds[0];
            assert_eq!(mud.name, "AnyMUD", "{file} with {template}");
            for service in ["tell", "channel", "who", "finger", "locate", "emoteto"] {
                assert!(mud.offers(service), "{file} with {template}: {service}");
            }
            assert!(config.core.api.rate_limits.is_some() || file == "early", "{file} with {template}");
            let known = ["MAX_QUEUE_SIZE", "RATE_LIMIT_PER_MINUTE", "RATE_LIMIT_BURST", "RECONNECT_DELAY"];
            let unread = lines(&config).into_iter().filter(|line| line.contains("do not use this variable"));
            let unread: Vec<String> =
                unread.filter(|line| known.iter().any(|name| line.contains(name))).collect();
            assert!(unread.is_empty(), "{file} with {template}: {unread:?}");
        }
    }
}

#[test]
fn services_may_be_switched_by_words() {
    for (value, is_on) in [("true", true), ("1", true), ("on", true), ("false", false), ("0", false)] {
        let mut process = BASE.to_vec();
        process.extend([("ENABLE_TELL", value), ("API_KEY_ADMIN", "a-real-one")]);
        let config = load(sources(Some(LATER_YAML), None, &process)).unwrap();
        assert_eq!(config.core.muds[0].offers("tell"), is_on, "{value}");
    }
    let mut process = BASE.to_vec();
    process.extend([("ENABLE_TELL", "perhaps"), ("API_KEY_ADMIN", "a-real-one")]);
    let Problems(problems) = load(sources(Some(LATER_YAML), None, &process)).unwrap_err();
    assert_eq!(problems[0].path, "mud.services.tell");
}

#[test]
fn a_router_without_a_name_is_i4_or_the_public_one_at_its_address() {
    let of = |yaml: &str, env: &str| load(sources(Some(yaml), Some(env), BASE)).unwrap();
    let config = of(EARLY_YAML, EARLY_ENV);
    assert_eq!(routers(&config), [("*i4", "204.209.44.3", 8080), ("*i4", "backup.router.example", 8080)]);
    let warned = lines(&config).into_iter().any(|line| line.contains("taken for *i4"));
    assert!(warned, "{:?}", lines(&config));
    let yaml =
        "router: {primary: {host: 97.107.133.86}, fallback: [{host: 136.144.155.250}, {host: a.example}]}";
    let config = of(yaml, "");
    assert_eq!(
        routers(&config),
        [("*dalet", "97.107.133.86", 8787), ("*wpr", "136.144.155.250", 8080), ("*i4", "a.example", 8080)]
    );
    // The other name of the variables, in a file that names ours, in one that has no such key, and in our own.
    let variables = "I3_ROUTER_FALLBACK_HOST=b.example\nI3_ROUTER_FALLBACK_PORT=9000\n";
    for yaml in [EARLY_YAML, "router: {primary: {host: 204.209.44.3}}", ""] {
        let config = of(yaml, variables);
        assert_eq!(
            routers(&config)[..2],
            [("*i4", "204.209.44.3", 8080), ("*i4", "b.example", 9000)],
            "{yaml}"
        );
    }
    let config = load(sources(None, Some(variables), BASE)).unwrap();
    assert_eq!(routers(&config)[1..], [("*i4", "b.example", 9000), ("*wpr", "136.144.155.250", 8080)]);
    // The template's empty lines change nothing.
    let empty = "I3_ROUTER_FALLBACK_HOST=\nI3_ROUTER_FALLBACK_PORT=\n";
    assert_eq!(routers(&load(sources(None, Some(empty), BASE)).unwrap()).len(), 3);
    let written =
        of("router: {primary: {host: a.example, name: '*a'}, fallback: [{name: '*f', host: f}]}", variables);
    assert_eq!(routers(&written)[1], ("*f", "f", 8080));
    assert!(
        lines(&written)[0]
            .contains("I3_ROUTER_FALLBACK_HOST: has no effect: router.fallback[0].host (c.yaml:1:")
    );
}

#[test]
fn the_numbers_of_the_later_template_count() {
    let env = "RATE_LIMIT_PER_MINUTE=70\nRATE_LIMIT_BURST=7\nRECONNECT_DELAY=9\nMAX_QUEUE_SIZE=8000\n";
    for yaml in [Some("mud: {port: 1}"), None] {
        let config = load(sources(yaml, Some(env), BASE)).unwrap();
        let limits = config.core.api.rate_limits.as_ref().unwrap();
        let link = &config.core.link;
        assert_eq!((limits.per_minute, limits.burst), (70, 7));
        assert_eq!((link.reconnect_delay.as_secs(), link.queue_packets_max), (9, 8000));
        assert_eq!(lines(&config), Vec::<String>::new());
    }
    // What the file of that release writes out counts more.
    let mut process = BASE.to_vec();
    process.push(("API_KEY_ADMIN", "a-real-one"));
    let config = load(sources(Some(LATER_YAML), Some(env), &process)).unwrap();
    let limits = config.core.api.rate_limits.as_ref().unwrap();
    assert_eq!((limits.per_minute, limits.burst, config.core.link.reconnect_delay.as_secs()), (100, 20, 30));
    for name in ["RATE_LIMIT_PER_MINUTE", "RATE_LIMIT_BURST", "RECONNECT_DELAY"] {
        let of =
            lines(&config).into_iter().filter(|line| line.contains(&format!(" {name}: has no effect: ")));
        assert_eq!(of.count(), 1, "{name}: {:?}", lines(&config));
    }
}

/// `(the file, the variables, what the first listeners listen at, the variables that are named in warnings)`
type Case = (&'static str, &'static str, [&'static str; 2], &'static [&'static str]);

const HOME: &str = "127.0.0.1";
const ALL: &str = "0.0.0.0";
const BOTH: &str = "API_WS_HOST=0.0.0.0\nAPI_TCP_HOST=0.0.0.0\n";

const LISTENERS: &[Case] = &[
    // The file names the variable, or has no such key.
    ("api: {websocket: {host: '${API_WS_HOST:127.0.0.1}'}}", "API_WS_HOST=0.0.0.0", [ALL, HOME], &[]),
    ("mud: {port: 1}", BOTH, [ALL, ALL], &[]),
    ("api: {host: 0.0.0.0}", "API_WS_HOST=127.0.0.1\nAPI_TCP_HOST=127.0.0.1", [HOME, HOME], &[]),
    // A loopback address that the file contains stays, under whichever key.
    ("api: {host: 127.0.0.1}", BOTH, [HOME, HOME], &["API_WS_HOST", "API_TCP_HOST"]),
    ("api: {host: '${API_HOST:127.0.0.1}'}", BOTH, [HOME, HOME], &["API_WS_HOST", "API_TCP_HOST"]),
    ("api: {websocket: {host: 127.0.0.1}}", BOTH, [HOME, HOME], &["API_WS_HOST", "API_TCP_HOST"]),
    ("api: {tcp: {host: 127.0.0.1}}", BOTH, [HOME, HOME], &["API_WS_HOST", "API_TCP_HOST"]),
    // What is written out counts in the other direction too.
    ("api: {websocket: {host: 0.0.0.0}}", "API_WS_HOST=127.0.0.1", [ALL, HOME], &["API_WS_HOST"]),
    ("api: {host: '${API_HOST:0.0.0.0}', tcp: {port: 8081}}", BOTH, [ALL, ALL], &[]),
];

#[test]
fn a_leftover_line_widens_no_listener() {
    for (yaml, env, expected, warned) in LISTENERS {
        let config = load(sources(Some(yaml), Some(env), BASE)).unwrap();
        let found: Vec<&str> = hosts(&config).into_iter().map(|(host, _)| host).collect();
        assert_eq!(found, expected, "{yaml} with {env}");
        let names: Vec<&str> = config.warnings.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(names, *warned, "{yaml} with {env}");
    }
}

#[test]
fn a_value_of_the_file_counts_more_than_a_variable_and_the_warning_names_both() {
    let yaml = "mud:\n  name: Written\n  port: 4000\n  mud_type: Circle\n  status: '${MUD_STATUS:open}'\n\
                api:\n  port: 9001\n  auth:\n    secret: hunter2-written\nlogging:\n  level: '${OTHER:INFO}'\n";
    let env = "MUD_NAME=Variable\nMUD_PORT=4000\nMUD_TYPE=LP\nMUD_STATUS=closed\nAPI_WS_PORT=9002\n\
               I3_GATEWAY_SECRET=hunter2-variable\nMUD_ADMIN_EMAIL=a@b.example\nLOG_LEVEL=DEBUG\n";
    let config = load(sources(Some(yaml), Some(env), &[])).unwrap();
    let mud = &config.core.muds[0];
    assert_eq!((mud.name.as_str(), mud.player_port, mud.mud_type.as_str()), ("Written", 4000, "Circle"));
    assert_eq!((mud.open_status.as_str(), mud.admin_email.as_str()), ("closed", "a@b.example"));
    assert_eq!(hosts(&config)[0].1, 9001);
    assert_eq!(config.core.api.keys.as_ref().map(Vec::len), Some(1));
    assert_eq!(config.logging.level, log::LevelFilter::Info);
    let all = lines(&config);
    let expected = [
        ("MUD_NAME", 1, "mud.name", "2:3"),
        ("MUD_TYPE", 3, "mud.mud_type", "4:3"),
        ("API_WS_PORT", 5, "api.port", "7:3"),
        ("I3_GATEWAY_SECRET", 6, "api.auth.secret", "9:5"),
        ("LOG_LEVEL", 8, "logging.level", "11:3"),
    ];
    assert_eq!(all.len(), expected.len(), "{all:#?}");
    for (name, line, key, at) in expected {
        let text = format!(
            "warning: .env:{line}:1: {name}: has no effect: {key} (c.yaml:{at}) has a value in the file, which takes precedence; remove the variable, or write ${{{name}}} in the file"
        );
        assert!(all.contains(&text), "{text}\n{all:#?}");
    }
    assert!(!all.concat().contains("hunter2"));
}

#[test]
fn old_words_of_permissions() {
    let of = |words: &str| {
        let yaml = format!("api: {{auth: {{api_keys: [{{key: long-key, permissions: {words}}}]}}}}");
        let config = load(sources(Some(&yaml), None, BASE)).unwrap();
        config.core.api.keys.unwrap()[0].permissions.names().join(" ")
    };
    assert_eq!(of("[tell, channel, info]"), "tell channel info presence");
    assert_eq!(of("[who, finger, locate]"), "info presence");
    assert_eq!(of("emoteto"), "tell presence");
    assert_eq!(of("[tell, host]"), "tell host");
    assert_eq!(of("[]"), "");
    assert_eq!(of("'*'"), "*");
    let yaml = "api: {auth: {api_keys: [{key: long-key, permissions: [who, fly]}]}}";
    let Problems(problems) = load(sources(Some(yaml), None, BASE)).unwrap_err();
    assert_eq!(
        (problems[0].severity, problems[0].path.as_str()),
        (Severity::Error, "api.auth.api_keys[0].permissions[1]")
    );
}

#[test]
fn channels_and_format_of_a_key() {
    let of = |entry: &str| {
        let yaml = format!("api: {{auth: {{api_keys: [{{key: long-key, permissions: '*', {entry}}}]}}}}");
        load(sources(Some(&yaml), None, BASE)).map(|config| config.core.api.keys.unwrap().remove(0))
    };
    let key = of("channels: [chat, code, chat], text_format: Plain").unwrap();
    assert_eq!(key.channels, Some(vec!["chat".to_owned(), "code".to_owned()]));
    assert_eq!(key.text_format, TextStyle::Plain);
    assert!(key.permissions.has(Permission::Channel));
    assert_eq!(of("channels: 'chat, code'").unwrap().channels.map(|channels| channels.len()), Some(2));
    assert_eq!(of("channels: []").unwrap().channels, Some(Vec::new()));
    assert_eq!(of("text_format: raw").unwrap().channels, None);
    let many = format!("channels: [{}]", (0..501).map(|at| format!("c{at}")).collect::<Vec<_>>().join(", "));
    for (entry, path) in [
        ("text_format: pdf", "text_format"),
        ("channels: {chat: 1}", "channels"),
        ("channels: ['']", "channels[0]"),
        (many.as_str(), "channels"),
    ] {
        let Problems(problems) = of(entry).unwrap_err();
        assert_eq!(problems[0].path, format!("api.auth.api_keys[0].{path}"), "{problems:?}");
    }
}

#[test]
fn an_empty_name_is_named() {
    for (yaml, path) in [
        ("mud: {name: ''}", "mud.name"),
        ("mud: {name: '  '}", "mud.name"),
        ("muds: [{name: ''}]", "muds[0].name"),
    ] {
        let Problems(problems) =
            load(sources(Some(yaml), None, &[("I3_GATEWAY_SECRET", "a-real-one")])).unwrap_err();
        assert_eq!(
            (problems[0].path.as_str(), problems[0].message.as_str()),
            (path, "is empty"),
            "{problems:?}"
        );
        assert!(problems[0].place.is_some(), "{problems:?}");
    }
    let config =
        load(sources(Some("router: {primary: {name: '', host: 97.107.133.86}}"), None, BASE)).unwrap();
    assert_eq!(routers(&config), [("*dalet", "97.107.133.86", 8787)]);
}

#[test]
fn the_longest_request_has_room_for_all_users() {
    let of = |size: &str| {
        let yaml = format!("api: {{websocket: {{max_frame_size: {size}}}}}");
        let config = load(sources(Some(&yaml), None, BASE)).unwrap();
        (config.core.api.message_bytes_max, config.warnings.len())
    };
    assert_eq!(of(""), (4_194_304, 0));
    assert_eq!(of("65536"), (4_194_304, 0), "the Python gateway's number, which limits nothing there");
    assert_eq!(of("8388608"), (8_388_608, 0));
    assert_eq!(of("20000"), (20_000, 1));
}
