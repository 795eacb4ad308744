//! API keys, as digests. No error or warning of this module contains a key.

use crate::env::{KEY_PREFIX, key_name};
use crate::listeners::rate;
use crate::path::Path;
use crate::problem::Problem;
use crate::read::SettingsReader;
use crate::secret::{FILE_SUFFIX, names_a_file, secret};
use crate::yaml::Node;
use i3_core::clients::keys::KEY_BYTES_MAX;
use i3_core::service::limits::{CHANNELS_PER_SESSION_MAX, NAME_BYTES_MAX};
use i3_core::settings::{KeySettings, Permission, Permissions, TextStyle};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Keys of published examples (the deployment guide, the Python gateway's own file and documents), which everybody can
/// know. Upper and lower case are not distinguished.
const PLACEHOLDERS: &[&str] = &[
    "your-secret-key-here",
    "change-this-secret-key",
    "generate-a-strong-random-value",
    "generate-a-separate-strong-random-value",
    "your-secret-here",
    "your-api-key",
    "your-api-key-here",
    "your_api_key",
    "your_api_key_here",
    "changeme",
    "change-me",
    "change_me",
    "secret",
    "password",
    "demo",
    "demo-key",
    "demo-key-123",
    "demo-key-456",
    "test-key",
    "test-key-123",
    "admin-key",
    "admin-key-123",
    "admin-key-456",
    "luminari-i3-gateway-2025",
];

/// The fewest bytes of a key. A shorter one can be guessed; settings and words such as `1` and `true` are shorter.
pub const KEY_BYTES_MIN: usize = 8;

/// The longest name of a key.
const NAME_OF_KEY_BYTES_MAX: usize = 64;

/// What stands after `API_KEY_` in variables that are no keys: they are taken for settings.
const NO_KEYS: &[&str] = &[
    "ALGORITHM",
    "DIR",
    "DIRECTORY",
    "ENABLED",
    "EXPIRY",
    "HEADER",
    "LENGTH",
    "MUD_NAME",
    "PATH",
    "PERMISSIONS",
    "RATE_LIMIT",
    "RATE_LIMIT_OVERRIDE",
    "REQUIRED",
    "REQUIRE_TLS",
];

/// The fix for a missing or bad key.
const MAKE_ONE: &str = "write a long random text, such as `openssl rand -hex 32` prints";

type KeyDigest = [u8; 32];

/// Reads all keys. `None`: authentication is off.
pub(crate) fn keys(reader: &mut SettingsReader<'_>, muds: &[String]) -> Option<Vec<KeySettings>> {
    let enabled = Path::of("api.auth.enabled");
    let list = Path::of("api.auth.api_keys");
    let count = reader.length(&list);
    if reader.boolean(&enabled) == Some(false) {
        let message =
            "everybody who can connect may do everything, and the keys in the settings have no effect";
        reader.warn(&enabled, message, "write true, unless nobody else can connect");
        return None;
    }
    let mut found = Found { own_mud: muds.first().cloned().unwrap_or_default(), ..Found::default() };
    for at in 0..count {
        found.listed(reader, &list.index(at), muds);
    }
    for secret in [Path::of("api.auth.secret"), Path::of("gateway.auth.secret")] {
        if let Some(text) = key_text(reader, &secret) {
            let digest = strong_digest(&text);
            found.add_full(digest, "secret", |message, fix| reader.error(&secret, message, fix));
        } else if matches!(reader.node(&secret), Some(Node::Text(_))) && !reader.is_override(&secret) {
            reader.warn(&secret, "is empty: it is no key", format!("{MAKE_ONE}, or remove it"));
        }
    }
    found.of_variables(reader);
    // A secret whose file cannot be read has been reported.
    found.failed |= reader.problems.iter().any(|one| one.is_error() && one.path.ends_with(FILE_SUFFIX));
    if found.keys.is_empty() && !found.failed {
        let secret = Path::of("api.auth.secret");
        let fix = format!(
            "set I3_GATEWAY_SECRET: {MAKE_ONE}; or set API_AUTH_ENABLED=false if only this host can connect"
        );
        reader.error(&secret, "authentication is on, and there is no key", fix);
    }
    Some(found.keys)
}

/// Returns the digest of a key, in the form that can replace the key in the settings.
pub fn hash_key(key: &str) -> Result<String, String> {
    let key = key.strip_prefix('\u{feff}').unwrap_or(key).trim();
    if key.is_empty() {
        return Err(format!("there is no key; {MAKE_ONE}"));
    }
    if key.len() > KEY_BYTES_MAX {
        return Err(format!("a key has at most {KEY_BYTES_MAX} bytes"));
    }
    if key.starts_with("sha256:") {
        return Err("this is already a digest".to_owned());
    }
    let digest = digest(key).map_err(|what| format!("the key {what}"))?;
    if is_published(&digest) {
        return Err(format!("this is a published placeholder, which everybody can know; {MAKE_ONE}"));
    }
    Ok(format!("sha256:{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

#[derive(Default)]
struct Found {
    own_mud: String,
    keys: Vec<KeySettings>,
    /// Digests of placeholders that have been reported. A placeholder is often set in two places, and reported once.
    refused: Vec<KeyDigest>,
    failed: bool,
}

impl Found {
    /// Reads an entry of `api.auth.api_keys`.
    fn listed(&mut self, reader: &mut SettingsReader<'_>, path: &Path, muds: &[String]) {
        if !matches!(reader.node(path), Some(Node::Map(_))) {
            self.failed = true;
            return reader.error(
                path,
                "this is not a section",
                "write `- key: …`, and `permissions: […]` below it",
            );
        }
        let mud_path = path.key("mud_name");
        let mud_name = reader.text(&mud_path).filter(|name| !name.trim().is_empty());
        let mud_name = mud_name.unwrap_or_else(|| self.own_mud.clone());
        if !muds.contains(&mud_name) && !muds.is_empty() {
            // The name is not shown: a key may stand in its place.
            let message =
                "this key may read but not send, because this is not the name of a mud of this gateway";
            let fix = format!("write one of {muds:?}, or add the mud to `muds:`");
            reader.warn(&mud_path, message, fix);
        }
        let permissions = permissions(reader, &path.key("permissions"));
        let requests_per_minute = rate(reader, &path.key("rate_limit_override"));
        let channels = channels(reader, &path.key("channels"));
        let text_format = text_format(reader, &path.key("text_format"));
        let name = name_of_key(reader, path);
        let key_path = path.key("key");
        if reader.node(&key_path).is_none() {
            self.failed = true;
            let message = reader.why_missing(&key_path);
            return reader.error(&key_path, message, format!("{MAKE_ONE}, or remove the entry"));
        }
        let reported = reader.problems.len();
        let Some(text) = key_text(reader, &key_path) else {
            self.failed = true;
            if reader.problems.len() == reported {
                reader.error(&key_path, "is empty", format!("{MAKE_ONE}, or remove the entry"));
            }
            return;
        };
        if text == name {
            self.failed = true;
            let fix = "write another name: the name is shown in the log";
            return reader.error(&path.key("name"), "is the key itself", fix);
        }
        if self.keys.iter().any(|key| key.name == name) {
            let message =
                "is also the name of an earlier key: the log and the metrics cannot tell them apart";
            reader.warn(&path.key("name"), message, "give each key a name of its own");
        }
        let digest = strong_digest(&text);
        let Some(digest) = self.acceptable(digest, |message, fix| reader.error(&key_path, message, fix))
        else {
            return;
        };
        if self.keys.iter().any(|key| key.digest == digest) {
            self.failed = true;
            return reader.error(
                &key_path,
                "is also the key of an earlier entry",
                "give each entry a key of its own",
            );
        }
        self.keys.push(KeySettings {
            name,
            requests_per_minute,
            channels,
            text_format: text_format.unwrap_or(TextStyle::Raw),
            ..KeySettings::new(digest, mud_name, permissions.unwrap_or_default())
        });
    }

    /// Reads the variables that are keys, and the files that variables name.
    fn of_variables(&mut self, reader: &mut SettingsReader<'_>) {
        let env = reader.env;
        let names = env.names_with(KEY_PREFIX);
        // API_KEY_GAME_FILE names the file of API_KEY_GAME.
        let plain = |name: &String| name.strip_suffix(FILE_SUFFIX).unwrap_or(name).to_owned();
        for name in names.iter().map(plain).collect::<BTreeSet<_>>() {
            if key_name(&name).is_some_and(|name| NO_KEYS.contains(&name)) {
                let place = env.find(&name).and_then(|(_, place)| place.cloned());
                let message = "is not a key, because its name is that of a setting; it has no effect";
                let fix = "remove it; the name of a key can be that of its game, as in API_KEY_MYMUD";
                reader.problems.push(Problem::warning(&name, message, fix).at(place));
                continue;
            }
            let (text, place) = match secret(env, &name) {
                Ok(Some(found)) => found,
                Ok(None) => {
                    let place = env.find(&name).and_then(|(_, place)| place.cloned());
                    reader
                        .problems
                        .push(Problem::warning(&name, "is empty: it is no key", "remove it").at(place));
                    continue;
                }
                Err(problem) => {
                    self.failed = true;
                    reader.report_once(problem);
                    continue;
                }
            };
            if names_a_file(text.trim()) {
                self.failed = true;
                let fix = format!("set {name}{FILE_SUFFIX} instead, if the file contains the key");
                let message = "is the name of a file, and not a key";
                reader.problems.push(Problem::error(&name, message, fix).at(place));
                continue;
            }
            let digest = strong_digest(&text);
            self.add_full(digest, &name, |message, fix| {
                reader.problems.push(Problem::error(&name, message, fix).at(place));
            });
        }
    }

    /// Adds a key with all permissions for the first mud. A key that `api_keys` lists keeps the permissions of its entry.
    fn add_full(
        &mut self,
        digest: Result<KeyDigest, &'static str>,
        name: &str,
        refuse: impl FnOnce(&'static str, String),
    ) {
        let Some(digest) = self.acceptable(digest, refuse) else { return };
        if self.keys.iter().all(|key| key.digest != digest) {
            let key = KeySettings::new(digest, &*self.own_mud, Permissions::ALL);
            self.keys.push(KeySettings { name: name.to_owned(), ..key });
        }
    }

    fn acceptable(
        &mut self,
        digest: Result<KeyDigest, &'static str>,
        refuse: impl FnOnce(&'static str, String),
    ) -> Option<KeyDigest> {
        match digest {
            Ok(digest) if !self.refused.contains(&digest) && !is_published(&digest) => return Some(digest),
            Ok(digest) if self.refused.contains(&digest) => {}
            Ok(digest) => {
                self.refused.push(digest);
                refuse(
                    "is a placeholder from a published example, which everybody can know",
                    MAKE_ONE.to_owned(),
                );
            }
            Err(message) => refuse(message, MAKE_ONE.to_owned()),
        }
        self.failed = true;
        None
    }
}

/// Reads the name of a key, for the log. An entry without one is named by its place in the settings.
fn name_of_key(reader: &mut SettingsReader<'_>, entry: &Path) -> String {
    let path = entry.key("name");
    let given = reader.text(&path).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    match given {
        Some(name) if name.len() <= NAME_OF_KEY_BYTES_MAX && !name.chars().any(char::is_control) => name,
        Some(_) => {
            let fix = format!("write a word for people, of at most {NAME_OF_KEY_BYTES_MAX} bytes");
            reader.error(&path, "is not a name", fix);
            String::new()
        }
        None => entry.to_string().rsplit('.').next().unwrap_or_default().to_owned(),
    }
}

fn key_text(reader: &mut SettingsReader<'_>, path: &Path) -> Option<String> {
    reader.text(path).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Returns the digest of a key that the settings may have.
fn strong_digest(text: &str) -> Result<KeyDigest, &'static str> {
    let digest = digest(text)?;
    // A published placeholder is refused as such.
    if is_short(text) && !is_published(&digest) {
        return Err("has fewer than 8 characters, so that it can be guessed");
    }
    Ok(digest)
}

/// Whether a key in clear text is shorter than [`KEY_BYTES_MIN`].
pub fn is_short(key: &str) -> bool {
    key.trim().len() < KEY_BYTES_MIN
}

/// Returns the digest of a key in clear text, or the digest that is written as `sha256:…`.
fn digest(text: &str) -> Result<KeyDigest, &'static str> {
    let text = text.trim();
    if text.starts_with('<') && text.ends_with('>') || text.contains("${") {
        return Err("is a placeholder that was not replaced");
    }
    if let Some(hex) = text.strip_prefix("sha256:") {
        return from_hex(hex).ok_or("`sha256:` is not followed by 64 hexadecimal digits");
    }
    if names_a_file(text) {
        return Err(
            "is the name of a file, and not a key: write ${NAME} here, and set NAME_FILE to the name of the file",
        );
    }
    if is_placeholder(text) {
        // The list has it in lower case: the digest must be that of the list.
        return Ok(sha256(&text.to_ascii_lowercase()));
    }
    Ok(sha256(text))
}

fn is_placeholder(text: &str) -> bool {
    PLACEHOLDERS.iter().any(|placeholder| placeholder.eq_ignore_ascii_case(text))
}

/// Compares digests, so that a placeholder is also found in its hashed form.
fn is_published(digest: &KeyDigest) -> bool {
    PLACEHOLDERS.iter().any(|placeholder| sha256(placeholder) == *digest)
}

fn sha256(text: &str) -> KeyDigest {
    Sha256::digest(text.as_bytes()).into()
}

fn from_hex(hex: &str) -> Option<KeyDigest> {
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(digest)
}

/// Words of the Python gateway that mean a permission of another name.
const OLD_WORDS: &[(&str, &str)] =
    &[("who", "info"), ("finger", "info"), ("locate", "info"), ("emoteto", "tell")];

/// Words that the Python gateway has too. It has no word for presence_sync, which every key may send there.
const SHARED_WORDS: &[&str] = &["tell", "channel", "info"];

/// Reads the permissions of a key. `None`: they are wrong, and the problem has been reported.
fn permissions(reader: &mut SettingsReader<'_>, path: &Path) -> Option<Permissions> {
    let names: Vec<&str> = Permission::ALL.iter().map(|(name, _)| *name).collect();
    let fix = format!("write [\"*\"] for all permissions, or some of [{}]", names.join(", "));
    let elements: Vec<Path> = match reader.node(path) {
        None => {
            reader.error(path, "is missing", fix);
            return None;
        }
        Some(Node::Text(_)) => vec![path.clone()],
        Some(Node::List(items)) => (0..items.len()).map(|at| path.index(at)).collect(),
        Some(_) => {
            reader.error(path, "is not a list", fix);
            return None;
        }
    };
    let mut permissions = Permissions::default();
    let mut all_old = !elements.is_empty();
    for element in elements {
        let known = match reader.node(&element) {
            Some(Node::Text(name)) => {
                let old = OLD_WORDS.iter().find(|(old, _)| old == name);
                all_old &= old.is_some() || SHARED_WORDS.contains(&name.as_str());
                permissions.add(old.map_or(name.as_str(), |(_, own)| own))
            }
            _ => false,
        };
        if !known {
            let shown = match reader.node(&element) {
                Some(Node::Text(name)) if is_plain_word(name) => format!("{name:?}"),
                _ => "this".to_owned(),
            };
            let message = format!("{shown} is not a permission");
            reader.error(&element, message, fix.clone());
        }
    }
    if all_old {
        permissions.add("presence");
    }
    Some(permissions)
}

/// Reads the channels that the sessions of a key are joined to. `None`: the key names none, and the default counts. A text
/// is a list of names with blanks or commas between them, as a variable contains it.
fn channels(reader: &mut SettingsReader<'_>, path: &Path) -> Option<Vec<String>> {
    let names: Vec<(Path, String)> = match reader.node(path)? {
        Node::List(items) => {
            let elements: Vec<Path> = (0..items.len()).map(|at| path.index(at)).collect();
            elements.into_iter().filter_map(|at| reader.text(&at).map(|name| (at, name))).collect()
        }
        _ => {
            let text = reader.text(path)?;
            let names = text.split([',', ' ']).filter(|name| !name.is_empty());
            names.map(|name| (path.clone(), name.to_owned())).collect()
        }
    };
    let mut channels = Vec::new();
    for (at, name) in names {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            let message = format!("{} is not the name of a channel", reader.shown(&at));
            reader.error(&at, message, format!("write a name of 1 to {NAME_BYTES_MAX} bytes"));
        } else if !channels.contains(&name) {
            channels.push(name);
        }
    }
    if channels.len() > CHANNELS_PER_SESSION_MAX {
        let message = format!("has {} channels", channels.len());
        reader.error(path, message, format!("write at most {CHANNELS_PER_SESSION_MAX}"));
    }
    Some(channels)
}

/// Reads how the sessions of a key read texts.
fn text_format(reader: &mut SettingsReader<'_>, path: &Path) -> Option<TextStyle> {
    let text = reader.text(path)?;
    let known = TextStyle::ALL.iter().find(|style| style.name().eq_ignore_ascii_case(text.trim()));
    if known.is_none() {
        let names = TextStyle::ALL.iter().map(|style| style.name()).collect::<Vec<_>>().join(", ");
        reader.error(path, format!("{text:?} is none of {names}"), format!("write one of {names}"));
    }
    known.copied()
}

/// Whether a text is a word, which may be shown: it is not a key in the wrong place.
fn is_plain_word(text: &str) -> bool {
    const WORD_BYTES_MAX: usize = 12;
    text.len() <= WORD_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_key_is_refused_in_so_many_words() {
        assert!(
            strong_digest(&"x".repeat(KEY_BYTES_MIN - 1))
                .unwrap_err()
                .contains(&format!("than {KEY_BYTES_MIN} char"))
        );
        assert!(strong_digest(&"x".repeat(KEY_BYTES_MIN)).is_ok());
    }

    #[test]
    fn digests() {
        let hex = "08ee3a8ddf8f5b336a22a13ab4a5e88fe45ccd27d62672b44acc40976dbec27b";
        assert_eq!(digest("a-long-key"), from_hex(hex).ok_or(""));
        assert_eq!(digest(&format!("sha256:{}", hex.to_uppercase())), digest(" a-long-key "));
        for bad in ["sha256:", "sha256:12", &format!("sha256:{hex}0"), &format!("sha256:g{}", &hex[1..])] {
            assert!(digest(bad).is_err(), "{bad}");
        }
        for placeholder in ["<generated-secret>", "<your key>"] {
            assert!(digest(placeholder).is_err(), "{placeholder}");
        }
        for placeholder in ["ChangeMe", "admin-key-456", "your-secret-key-here"] {
            assert!(is_published(&digest(placeholder).unwrap()), "{placeholder}");
        }
        assert!(!is_published(&digest("5d0c2f81-guest").unwrap()));
        assert_eq!(hash_key("a-long-key\n"), Ok(format!("sha256:{hex}")));
        for bad in ["", " ", "changeme", "<key>", "sha256:00", &"x".repeat(KEY_BYTES_MAX + 1)] {
            assert!(hash_key(bad).is_err(), "{bad}");
        }
    }
}
