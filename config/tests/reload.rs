//! A reload of texts that are empty, cut or half-written.

use i3_config::{Config, Problems, Sources, load, reload};
use std::collections::BTreeMap;

const SETTINGS: &str = "# the settings of a test
mud:
  name: Alpha
router:
  primary:
    name: '*test'
    host: 127.0.0.1
    port: 4000
  fallback:
    - {name: '*other', host: 127.0.0.1}
logging:
  level: INFO
api:
  auth:
    secret: a-long-enough-key
    api_keys:
      - key: another-long-key
        permissions: [tell]
      - key: a-third-long-key
        permissions: [tell]
    require_tls: false
security:
  ip_whitelist: 127.0.0.1
  ip_blacklist: 192.0.2.1
";

fn sources(yaml: Option<&str>, env: Option<&str>) -> Sources {
    let named = |name: &str, text: Option<&str>| text.map(|text| (name.to_owned(), text.to_owned()));
    Sources {
        yaml_text: named("c.yaml", yaml),
        env_file_text: named(".env", env),
        process_env: BTreeMap::new(),
    }
}

fn first(yaml: &str, env: Option<&str>) -> Config {
    load(sources(Some(yaml), env)).unwrap()
}

fn again(former: &Config, yaml: Option<&str>, env: Option<&str>) -> Result<Config, Problems> {
    reload(sources(yaml, env), former)
}

fn refusal(former: &Config, yaml: Option<&str>, env: Option<&str>) -> String {
    again(former, yaml, env).err().unwrap_or_else(|| panic!("taken: {yaml:?} {env:?}")).to_string()
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    for ending in ["", "...\n"] {
        let text = format!("{SETTINGS}{ending}");
        let former = first(&text, None);
        assert!(again(&former, Some(&text), None).is_ok());
        for length in 0..text.len() {
            refusal(&former, Some(&text[..length]), None);
        }
    }
    // The same after other changes before the cut, at each line end.
    let former = first(SETTINGS, None);
    let edited = SETTINGS.replace("name: Alpha", "name: Alpha\n  port: 4001");
    assert!(again(&former, Some(&edited), None).is_ok());
    for (at, _) in edited.match_indices('\n').rev().skip(1) {
        refusal(&former, Some(&edited[..=at]), None);
    }
}

#[test]
fn what_is_missing_is_named() {
    let former = first(SETTINGS, None);
    for empty in ["", "\n\n", "# only a comment\n", "---\n", "\u{feff}", "{}\n", "~\n"] {
        let text = refusal(&former, Some(empty), None);
        assert!(
            text.contains("contains no settings") && text.contains("mud, router, logging, api"),
            "{text}"
        );
    }
    for (from, to, named) in [
        ("router:", "", "router: is missing"),
        (
            "  primary:\n    name: '*test'\n    host: 127.0.0.1\n    port: 4000\n",
            "",
            "router.primary: is missing",
        ),
        ("  ip_blacklist: 192.0.2.1\n", "", "security.ip_blacklist: is missing"),
        ("192.0.2.1\n", "192.0.2.1", "c.yaml:24:26: the file ends in the middle of a line"),
    ] {
        let new = match named {
            "router: is missing" => {
                let (before, rest) = SETTINGS.split_once(from).unwrap();
                format!("{before}{}", &rest[rest.find("logging:").unwrap()..])
            }
            _ => SETTINGS.replace(from, to),
        };
        let text = refusal(&former, Some(&new), None);
        assert!(text.contains(named) && text.starts_with("error: c.yaml:"), "{text}");
    }
    let text = refusal(&former, None, None);
    assert!(text.contains("c.yaml: the file is missing"), "{text}");
}

#[test]
fn what_is_meant_is_taken() {
    let former = first(SETTINGS, None);
    for (from, to) in [
        // A key is withdrawn, a plain key goes, a section becomes empty.
        ("      - key: a-third-long-key\n        permissions: [tell]\n", ""),
        ("    require_tls: false\n", ""),
        ("  fallback:\n    - {name: '*other', host: 127.0.0.1}\n", "  fallback: []\n"),
        ("  ip_blacklist: 192.0.2.1\n", "  ip_blacklist:\n"),
    ] {
        let new = SETTINGS.replace(from, to);
        assert_ne!(new, SETTINGS);
        again(&former, Some(&new), None).unwrap();
    }
    // A section goes, and the last line says that this is all.
    let (rest, _) = SETTINGS.split_once("security:").unwrap();
    again(&former, Some(&format!("{rest}...\n")), None).unwrap();
    // From no file to a file.
    let none = load(sources(None, Some("MUD_NAME=A\nI3_GATEWAY_SECRET=a-long-enough-key\n"))).unwrap();
    let env = "MUD_NAME=A\nI3_GATEWAY_SECRET=a-long-enough-key\n";
    again(&none, Some(SETTINGS), Some(env)).unwrap();
}

#[test]
fn an_env_file_is_complete_or_refused() {
    let env = "MUD_NAME=Alpha\nMUD_PORT=4000\nUNUSED=1\nI3_ROUTER_HOST=127.0.0.1\nI3_GATEWAY_SECRET=a-long-enough-key\n\
               API_KEY_GAME=another-long-key\n";
    let yaml = SETTINGS.replace("host: 127.0.0.1\n    port", "host: ${I3_ROUTER_HOST:192.0.2.7}\n    port");
    let former = first(&yaml, Some(env));
    let yaml = Some(yaml.as_str());
    let text = refusal(&former, yaml, None);
    assert!(text.contains(".env: the file is missing"), "{text}");
    let game = env.find("API_KEY_GAME").unwrap();
    for length in (0..env.len()).filter(|length| *length != game) {
        refusal(&former, yaml, Some(&env[..length]));
    }
    let text = refusal(&former, yaml, Some("# nothing\n"));
    assert!(text.contains(".env:1:10: I3_ROUTER_HOST: is missing"), "{text}");
    for (from, to) in [("UNUSED=1\n", ""), ("MUD_PORT=4000", "MUD_PORT=")] {
        again(&former, yaml, Some(&env.replace(from, to))).unwrap();
    }
    // A withdrawn key.
    again(&former, yaml, Some(&env[..game])).unwrap();
    // In the environment of the process it counts as well.
    let mut elsewhere = sources(yaml, Some(&env.replace("I3_ROUTER_HOST=127.0.0.1\n", "")));
    elsewhere.process_env.insert("I3_ROUTER_HOST".to_owned(), "127.0.0.1".to_owned());
    reload(elsewhere, &former).unwrap();
}
