//! Keys and passwords: where they come from, which are refused, and that no message shows one.

use i3_config::{Config, KEY_BYTES_MIN, Problem, Problems, Severity, Sources, hash_key, is_short, load};
use i3_core::settings::KeySettings;

/// What every test needs to get past the two checks that have no default.
const BASE: &[(&str, &str)] = &[("MUD_NAME", "TestMUD"), ("I3_GATEWAY_SECRET", "s3cr3t-of-the-tests")];

fn sources(yaml: Option<&str>, env_file: Option<&str>, process: &[(&str, &str)]) -> Sources {
    Sources {
        yaml_text: yaml.map(|text| ("c.yaml".to_owned(), text.to_owned())),
        env_file_text: env_file.map(|text| (".env".to_owned(), text.to_owned())),
        process_env: process.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

const KEY: &str = "a-key-of-the-game";

fn with(yaml: &str, variables: &[(&str, &str)]) -> Result<Config, Problems> {
    let process: Vec<(&str, &str)> = [("MUD_NAME", "Own")].iter().chain(variables).copied().collect();
    load(sources(Some(yaml), None, &process))
}

fn keys(yaml: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let config = with(yaml, variables).unwrap_or_else(|problems| panic!("{problems}"));
    let hex = |key: &KeySettings| key.digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    config.core.api.keys.unwrap().iter().map(|key| format!("sha256:{}", hex(key))).collect()
}

fn digests(all: &[&str]) -> Vec<String> {
    all.iter().map(|key| hash_key(key).unwrap()).collect()
}

#[test]
fn a_file_suffix_names_the_file_of_a_secret() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (one, two) = (file("one", "the-first-key\n"), file("two", "\u{feff}the-second-key\r\n"));
    for variables in [
        [("I3_GATEWAY_SECRET_FILE", one.as_str()), ("API_KEY_GAME_FILE", two.as_str())],
        [("I3_GATEWAY_SECRET_FILE", one.as_str()), ("API_KEY_FILE", two.as_str())],
        [("I3_GATEWAY_SECRET", "the-first-key"), ("API_KEY_GAME_FILE", two.as_str())],
    ] {
        assert_eq!(keys("{}", &variables), digests(&["the-first-key", "the-second-key"]), "{variables:?}");
    }
    // In a value of the settings too, and for the router's password.
    let yaml = "router: {primary: {name: '*x', host: 127.0.0.1, password: '${ROUTER_PASSWORD:0}'}}
api: {auth: {api_keys: [{key: '${WEB_KEY}', permissions: [tell]}]}}";
    let variables =
        [("WEB_KEY_FILE", one.as_str()), ("ROUTER_PASSWORD_FILE", &file("password", "713545536\n"))];
    assert_eq!(keys(yaml, &variables), digests(&["the-first-key"]));
    assert_eq!(with(yaml, &variables).unwrap().core.muds[0].router_password, 713_545_536);
    // Other settings take no file.
    let problems = with("mud: {name: '${OTHER}'}", &[("OTHER_FILE", &one), ("API_KEY_A", KEY)]).unwrap();
    assert_eq!(problems.core.muds[0].name, "Own");
    let missing = directory.path().join("missing");
    for (name, value) in [
        ("API_KEY_GAME_FILE", missing.to_str().unwrap()),
        ("API_KEY_FILE", &file("empty", "\n")),
        ("I3_GATEWAY_SECRET_FILE", &file("short", "1\n")),
        ("I3_GATEWAY_SECRET_FILE", &file("published", "changeme")),
        // The name of a file is no key.
        ("API_KEY_GAME", &one),
        ("API_KEY_GAME", "/run/secrets/game"),
        ("I3_GATEWAY_SECRET", &one),
    ] {
        let problems = with("{}", &[(name, value), ("API_KEY_OTHER", KEY)]).unwrap_err().to_string();
        let path = if name == "API_KEY_GAME_FILE" || name == "API_KEY_FILE" { name } else { "" };
        assert!(problems.contains("error: ") && problems.contains(path), "{name}: {problems}");
    }
    let both = [("I3_GATEWAY_SECRET", KEY), ("I3_GATEWAY_SECRET_FILE", one.as_str())];
    let problems = with("{}", &both).unwrap_err();
    assert_eq!(problems.0.len(), 1, "{problems}");
    assert!(problems.to_string().contains("I3_GATEWAY_SECRET_FILE: has no effect beside I3_GATEWAY_SECRET"));
}

#[test]
fn what_can_be_guessed_is_no_key() {
    let short = "k".repeat(KEY_BYTES_MIN - 1);
    for value in ["1", "0", "true", "yes", short.as_str()] {
        for name in ["API_KEY_GAME", "I3_GATEWAY_SECRET"] {
            let problems = with("{}", &[(name, value), ("API_KEY_OTHER", KEY)]).unwrap_err().to_string();
            assert!(problems.contains("has fewer than 8 characters"), "{problems}");
        }
        let listed = format!("api: {{auth: {{api_keys: [{{key: '{value}', permissions: []}}]}}}}");
        assert!(with(&listed, &[("API_KEY_OTHER", KEY)]).is_err());
        assert!(is_short(value) && !is_short(KEY));
    }
    // Variables that sound like settings are none, whatever they hold.
    for name in ["API_KEY_ENABLED", "API_KEY_REQUIRED", "API_KEY_HEADER"] {
        for value in ["1", "true", "X-API-Key-Of-The-Game"] {
            let variables = [(name, value), ("API_KEY_OTHER", KEY)];
            assert_eq!(keys("{}", &variables), digests(&[KEY]));
            let warnings = with("{}", &variables).unwrap().warnings;
            assert!(warnings.iter().any(|one| one.path == name && one.message.contains("is not a key")));
        }
    }
    assert!(with("{}", &[("API_KEY_ENABLED", "1")]).is_err(), "and then there is no key at all");
}

#[test]
fn an_empty_key_is_reported_with_its_line() {
    let found = |yaml: &str| -> Vec<String> {
        let problems = match with(yaml, &[("API_KEY_OTHER", KEY)]) {
            Ok(config) => config.warnings,
            Err(Problems(problems)) => problems,
        };
        problems.iter().map(ToString::to_string).collect()
    };
    for empty in ["''", "\"\"", "'  '"] {
        let listed = found(&format!(
            "api:\n  auth:\n    api_keys:\n      - key: {empty}\n        permissions: [tell]\n"
        ));
        assert!(
            listed[0].starts_with("error: c.yaml:4:9: api.auth.api_keys[0].key: is empty; "),
            "{listed:?}"
        );
        let secret = found(&format!("api:\n  auth:\n    secret: {empty}\n"));
        assert!(
            secret[0].starts_with("warning: c.yaml:3:5: api.auth.secret: is empty: it is no key"),
            "{secret:?}"
        );
    }
    let env = load(sources(
        None,
        Some("A=1\nAPI_KEY_GAME=\nAPI_KEY_OTHER=a-long-enough-key\n"),
        &[("MUD_NAME", "Own")],
    ));
    let warnings: Vec<String> = env.unwrap().warnings.iter().map(ToString::to_string).collect();
    assert!(
        warnings[0].starts_with("warning: .env:2:1: API_KEY_GAME: is empty: it is no key"),
        "{warnings:?}"
    );
}

/// A key in every place where a key could stand by mistake.
#[test]
fn a_key_in_a_wrong_place_is_not_shown() {
    let key = "hunter2-hunter2-hunter2";
    for key in [key, "hunter2", "correcthunter"] {
        for yaml in [
            "api: KEY",
            "api: [KEY]",
            "api: {auth: KEY}",
            "api: {auth: [KEY]}",
            "api: {auth: {KEY: true}}",
            "api: {auth: {KEY: {a: b}}}",
            "api: {auth: {enabled: KEY}}",
            "api: {auth: {require_tls: KEY}}",
            "api: {auth: {allow_remote_without_auth: KEY}}",
            "api: {auth: {secret: [KEY]}}",
            "api: {auth: {secret: {KEY: 1}}}",
            "api: {auth: {secret: {a: KEY}}}",
            "api: {auth: {secret: \"KEY\\n\"}}",
            "api: {auth: {secret: KEY, api_keys: KEY}}",
            "api: {auth: {api_keys: [KEY]}}",
            "api: {auth: {api_keys: {KEY: {permissions: []}}}}",
            "api: {auth: {api_keys: {a: KEY}}}",
            "api: {auth: {api_keys: [{KEY: a}]}}",
            "api: {auth: {api_keys: [{key: [KEY]}]}}",
            "api: {auth: {api_keys: [{key: some-other-key, mud_name: KEY, permissions: []}]}}",
            "api: {auth: {api_keys: [{key: some-other-key, permissions: KEY}]}}",
            "api: {auth: {api_keys: [{key: some-other-key, permissions: [KEY]}]}}",
            "api: {auth: {api_keys: [{key: some-other-key, permissions: {KEY: 1}}]}}",
            "api: {auth: {api_keys: [{key: some-other-key, permissions: [], rate_limit_override: KEY}]}}",
            "gateway: {auth: KEY}",
            "gateway: {auth: {secret: [KEY]}}",
            "gateway: {auth: {KEY: 1}}",
            "gateway: KEY",
            "mud: KEY",
            "muds: KEY",
            "muds: [KEY]",
            "router: KEY",
            "router: {primary: KEY}",
            "router: {primary: {name: '*x', host: h, password: KEY}}",
            "router: {primary: {name: '*x', host: h, password: [KEY]}}",
            "router: {fallback: [KEY]}",
            "security: KEY",
            "api: {auth: {secret: KEY, secret: KEY}}",
            "api: {auth: {KEY: 1, KEY: 2}}",
            "api: {auth: {secret: KEY}}\nmud: {port: KEY}",
            "api: {auth: {secret: KEY}}\nlogging: {level: KEY}",
            "api: {auth: {secret: KEY}}\nmud: {KEY: 1}",
            "api: {auth: {secret: *KEY}}",
            "api: {auth: {*KEY : x}}",
            "api: {auth: {secret: &KEY [x}}",
            "api: {auth: {secret: !KEY x}}",
            "api: {auth: {secret: '${KEY x}'}}",
            "api: {auth: {secret: KEY: x}}",
            "KEY",
            "- KEY",
        ] {
            let (Ok(Config { warnings: problems, .. }) | Err(Problems(problems))) =
                load(sources(Some(&yaml.replace("KEY", key)), None, BASE));
            let problems = Problems(problems);
            assert!(!format!("{problems} {problems:?}").contains("hunter"), "{yaml}: {problems}");
        }
    }
    for (name, value) in [
        ("API_AUTH_ENABLED", key),
        ("I3_GATEWAY_SECRET", "hunter"),
        ("API_KEY_X", "<hunter2>"),
        ("API_WS_PORT", key),
    ] {
        let problems = with("{}", &[("API_KEY_OTHER", KEY), (name, value)]).unwrap_err().to_string();
        assert!(!problems.contains("hunter"), "{name}: {problems}");
    }
}

/// Messages still say what is wrong where no secret is near.
#[test]
fn plain_mistakes_are_shown() {
    let Problems(problems) = load(sources(
        Some("api: {auth: {api_keys: [{key: some-other-key, permissions: [fly], nmae: x}]}, tcp: {port: many}}"),
        None,
        BASE,
    ))
    .unwrap_err();
    let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for text in ["\"fly\" is not a permission", "\"many\" is not a port"] {
        assert!(all.iter().any(|line| line.contains(text)), "{text}: {all:#?}");
    }
}

/// A name or a secret is the text that the file has, whatever YAML would read in it.
#[test]
fn numbers_keep_their_text() {
    for word in [
        "0x1F",
        "+123",
        "1_000",
        "on",
        "Yes",
        "true",
        "False",
        "1e3",
        ".inf",
        "-.INF",
        ".nan",
        "0o17",
        "017",
        "2026-11-28",
        "1.50",
        "-0",
        "0b101",
        "1:30",
    ] {
        let yaml =
            format!("mud:\n  name: {word}\nchannels:\n  default_channels: [{word}, {{name: a{word}}}]\n");
        let config = load(sources(Some(&yaml), None, &[("API_KEY_A", KEY)]))
            .unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(config.core.muds[0].name, word);
        assert_eq!(config.core.muds[0].channels[0], word);
        let key = format!("{word}{}", "0".repeat(KEY_BYTES_MIN));
        for key in [
            key.as_str(),
            "0x1F2F3F4F",
            "+12345678",
            "1_000_000_000",
            "12345678.50",
            "1e1000000",
            "2026-11-28",
        ] {
            let yaml = format!(
                "api:\n  auth:\n    secret: {key}\n    api_keys:\n      - {{key: {key}1, permissions: [tell], mud_name: Own}}\n"
            );
            assert_eq!(keys(&yaml, &[]), digests(&[&format!("{key}1"), key]), "{key}");
        }
    }
    // A number that YAML cannot hold must be in quotes. The message does not show it: it may be a key.
    let problems =
        load(sources(Some("mud: {name: A}\napi: {auth: {secret: 1234567890123456789012345}}"), None, &[]));
    let problems = problems.unwrap_err().to_string();
    assert!(
        problems.contains("c.yaml:2:22: a number is too long for YAML") && !problems.contains("12345"),
        "{problems}"
    );
    // No value is no name.
    for word in ["~", "null", ""] {
        let problems =
            load(sources(Some(&format!("mud: {{name: {word}}}")), None, &[("API_KEY_A", KEY)])).unwrap_err();
        let [Problem { severity: Severity::Error, path, message, .. }] = &problems.0[..] else {
            panic!("{problems}")
        };
        assert!(path == "mud.name" && message.starts_with("is missing"), "{problems}");
        assert_eq!(message.contains("quotes"), !word.is_empty(), "{problems}");
    }
}

/// Lists of addresses that make the gateway's own health check fail.
#[test]
fn a_list_that_shuts_out_health_checks_is_reported() {
    for (yaml, named) in [
        ("security: {ip_whitelist: 203.0.113.9}", None),
        ("security: {ip_whitelist: 203.0.113.9}\napi: {host: 0.0.0.0}", None),
        ("security: {ip_blacklist: 127.0.0.0/8}", Some("security.ip_blacklist")),
        ("security: {ip_whitelist: 203.0.113.9}\napi: {host: 192.0.2.1}", Some("security.ip_whitelist")),
        ("security: {ip_whitelist: [203.0.113.9, 192.0.2.1]}\napi: {host: 192.0.2.1}", None),
        (
            "security: {ip_whitelist: 203.0.113.9}\napi: {websocket: {enabled: false}}",
            Some("security.ip_whitelist"),
        ),
        ("security: {ip_whitelist: 203.0.113.9 127.0.0.1}\napi: {websocket: {enabled: false}}", None),
    ] {
        let warnings = load(sources(Some(yaml), None, BASE)).unwrap().warnings;
        let found =
            warnings.iter().find(|one| one.message.contains("healthcheck")).map(|one| one.path.as_str());
        assert_eq!(found, named, "{yaml}: {warnings:?}");
    }
}

#[test]
fn keys_have_names_for_people() {
    let key = |text: &str| format!("{{key: {text}, permissions: [tell]");
    let yaml = format!(
        "mud: {{name: M}}\napi: {{auth: {{secret: the-main-key, api_keys: [{}, name: ' web '}}, {}}}, {}, name: web}}]}}}}",
        key("a-long-key-1"),
        key("a-long-key-2"),
        key("a-long-key-3"),
    );
    let config = load(sources(Some(&yaml), None, &[("API_KEY_FOREST", "a-long-key-4")])).unwrap();
    let names: Vec<&str> = config.core.api.keys.as_ref().unwrap().iter().map(|key| &*key.name).collect();
    assert_eq!(names, ["web", "api_keys[1]", "web", "secret", "API_KEY_FOREST"]);
    let told = config.warnings.iter().filter(|one| one.to_string().contains("name of an earlier key"));
    assert_eq!(told.count(), 1, "{:?}", config.warnings);

    // A name is shown, so it must not be the key.
    for (name, expected) in [("a-long-key-1", "is the key itself"), (&*"n".repeat(65), "is not a name")] {
        let yaml = format!(
            "mud: {{name: M}}\napi: {{auth: {{api_keys: [{}, name: {name}}}]}}}}",
            key("a-long-key-1")
        );
        let problems = load(sources(Some(&yaml), None, &[])).unwrap_err().to_string();
        assert!(problems.contains(expected) && !problems.contains("a-long-key"), "{problems}");
    }
}
