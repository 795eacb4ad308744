//! Settings from texts, for the tests.

#![allow(dead_code, reason = "each test program uses some of it")]

use i3_config::{Config, Sources};

/// What every test needs to get past the two checks that have no default.
pub(crate) const BASE: &[(&str, &str)] =
    &[("MUD_NAME", "TestMUD"), ("I3_GATEWAY_SECRET", "s3cr3t-of-the-tests")];

pub(crate) fn sources(yaml: Option<&str>, env_file: Option<&str>, process: &[(&str, &str)]) -> Sources {
    Sources {
        yaml_text: yaml.map(|text| ("c.yaml".to_owned(), text.to_owned())),
        env_file_text: env_file.map(|text| (".env".to_owned(), text.to_owned())),
        process_env: process.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

/// Everything that a setting can change, secrets too, to see that something has changed.
pub(crate) fn all_of(config: &Config) -> String {
    let keys = config.core.api.keys.iter().flatten();
    let digests =
        keys.map(|key| (key.digest, key.requests_per_minute, key.channels.clone(), key.text_format));
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        config.core,
        config.listeners,
        config.tls_required,
        config.state_directory,
        config.shared,
        config.state_backups,
        config.logging,
        digests.collect::<Vec<_>>()
    )
}

/// One key set by itself: `a.*.b` to `a: [{…, b: value}]`, merged with what the key needs beside it.
pub(crate) fn yaml_of(path: &str, value: &str) -> String {
    let beside = |section: &str| match section {
        "muds.*" => "name: Second, ",
        "mud.services" | "muds.*.services" => "auth: 1, who: 1, ",
        "router.primary" | "muds.*.router.primary" => "name: '*base', host: base, ",
        "router.fallback.*" | "muds.*.router.fallback.*" => "name: '*base', host: base, port: 1, ",
        "router" | "muds.*.router" if path.contains("fallback") => "primary: {name: '*base', host: base}, ",
        "api.auth.api_keys.*" => "key: base-key, permissions: ['*'], mud_name: TestMUD, ",
        "channels.default_channels.*" | "services.channel.default_channels.*" => "name: base, ",
        "api.auth" if path.ends_with("allow_remote_without_auth") => "enabled: false, ",
        "" if path.starts_with("node.") || path.starts_with("lease.") => {
            "state: {url: 'postgres://gw@db/i3'}, "
        }
        "state" if path.ends_with("password") => "url: 'postgres://gw@db/i3', ",
        "irc" if path != "irc.port" => "port: 6667, ",
        "state" if path.ends_with("backup_count") => "backup_enabled: true, ",
        "i3" => "port: 8790, ",
        "api" if path.ends_with("allow_remote_without_auth") => "host: 0.0.0.0, ",
        _ if section.ends_with(".tls") => {
            "enabled: true, cert_file: base, key_file: base, client_ca_file: base, "
        }
        _ => "",
    };
    let mut open = String::new();
    let mut close = String::new();
    let steps: Vec<&str> = path.split('.').collect();
    for (at, step) in steps.iter().enumerate() {
        let section = steps[..at].join(".");
        if *step == "*" {
            open += "[";
            close.insert(0, ']');
            continue;
        }
        // The key itself stands in place of its base value.
        let base: String = beside(&section)
            .split_inclusive("', ")
            .flat_map(|part| part.split_inclusive(", "))
            .filter(|part| !part.starts_with(&format!("{step}:")))
            .collect();
        open += &format!("{{{base}{step}: ");
        close.insert(0, '}');
    }
    format!("{open}{value}{close}")
}

/// Nothing, except for keys that must be there.
pub(crate) fn base_value(path: &str) -> &'static str {
    match path {
        "muds.*.name" | "channels.default_channels.*.name" | "services.channel.default_channels.*.name" => {
            "Base"
        }
        "api.auth.api_keys.*.key" => "base-key",
        "api.auth.api_keys.*.permissions" => "['*']",
        _ if path.ends_with("primary.host") || path.ends_with("fallback.*.host") => "base",
        _ if path.ends_with("primary.name") || path.ends_with("fallback.*.name") => "'*base'",
        "mud.name" => "Base",
        _ if path.ends_with("cert_file") || path.ends_with("key_file") => "base",
        _ if path.contains(".services.") => "1",
        _ => "",
    }
}
