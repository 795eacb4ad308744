//! What counts more: a value of the file or a variable.
//!
//! A variable counts where the file names it, as `${NAME}`. A variable that has a key of its own also counts where the
//! file has no value for that key. A value that is written out in the file counts more, as in the Python gateway, and a
//! warning names both. So a line of an env file that was left over from a template changes nothing that somebody wrote.

use crate::listeners::is_loopback;
use crate::path::Path;
use crate::problem::{Place, Problem};
use crate::read::SettingsReader;
use crate::secret::secret;
use crate::yaml::Node;
use std::collections::{BTreeMap, BTreeSet};

/// The names of variables that each value of the file contains.
pub(crate) type Named = BTreeMap<Path, BTreeSet<String>>;

/// Keys whose setting has another name, which the files of the Python gateway use.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("mud.type", "mud.mud_type"),
    ("mud.status", "mud.open_status"),
    ("api.websocket.port", "api.port"),
    ("api.auth.secret", "gateway.auth.secret"),
    ("performance.max_connections", "api.websocket.max_connections"),
    ("performance.reconnect_delay", "router.connection.reconnect_delay"),
    ("security.rate_limiting.tells_per_minute", "api.rate_limits.by_method.tell"),
    ("security.rate_limiting.channels_per_minute", "api.rate_limits.by_method.channel_send"),
    ("logging.rotate_size", "logging.max_size"),
];

/// The keys of the addresses where listeners listen.
const HOSTS: [&str; 3] = ["api.host", "api.websocket.host", "api.tcp.host"];

/// The variables of the first fallback router, and the key of each in its entry.
const FALLBACK: [(&str, &str); 3] = [
    ("I3_FALLBACK_ROUTER_HOST", "host"),
    ("I3_FALLBACK_ROUTER_NAME", "name"),
    ("I3_FALLBACK_ROUTER_PORT", "port"),
];

/// Applies the variables that have a key of their own: `variables`, and those of the first fallback router.
pub(crate) fn apply(
    reader: &mut SettingsReader<'_>,
    named: &Named,
    variables: &[(&'static str, &'static str)],
) {
    for (name, key) in variables {
        let key = Path::of(key);
        one(reader, named, name, &key);
    }
    let first = Path::of("router.fallback").index(0);
    for (name, key) in FALLBACK {
        // A fallback router without an address is none, whatever its name and port.
        let is_host = key == "host";
        if is_host || reader.is_override(&first.key("host")) {
            one(reader, named, name, &first.key(key));
        }
    }
}

/// Applies one variable, or warns that a value of the file takes precedence.
fn one(reader: &mut SettingsReader<'_>, named: &Named, name: &'static str, key: &Path) {
    let found = match key.holds_secret() {
        true => secret(reader.env, name),
        false => Ok(reader.env.find(name).map(|(value, place)| (value.to_owned(), place.cloned()))),
    };
    let (value, place) = match found {
        Ok(Some((value, place))) if !value.is_empty() => (value, place),
        Ok(_) => return,
        Err(problem) => return reader.report_once(problem),
    };
    let name = reader.env.name_of(name);
    let pattern = key.to_string();
    let others = OTHER_NAMES.iter().filter(|(own, _)| *own == pattern).map(|(_, other)| Path::of(other));
    let keys: Vec<Path> = [key.clone()].into_iter().chain(others).collect();
    let is_named = |key: &Path| named.get(key).is_some_and(|names| names.contains(name));
    let named: Vec<Path> = keys.iter().filter(|key| is_named(key)).cloned().collect();
    if !named.is_empty() {
        reader.named.extend(named.into_iter().map(|key| (key, (name, place.clone()))));
        return;
    }
    let written = keys.iter().find(|key| reader.node(key).is_some());
    match written.cloned().or_else(|| kept_at_home(reader, &pattern, &value)) {
        None => reader.put(key, name, value, place),
        Some(written) if is_same(reader, &written, &value) => {}
        Some(written) => passed_over(reader, name, place, &written),
    }
}

/// Returns the key that keeps the listeners at a loopback address, if this variable would widen one that the file does not
/// set.
fn kept_at_home(reader: &SettingsReader<'_>, key: &str, value: &str) -> Option<Path> {
    if !HOSTS.contains(&key) || is_loopback(value.trim()) {
        return None;
    }
    let at_home = |key: &Path| {
        !reader.is_override(key) && matches!(reader.node(key), Some(Node::Text(host)) if is_loopback(host))
    };
    HOSTS.map(Path::of).into_iter().find(at_home)
}

/// Whether a value of the file says the same as a variable.
fn is_same(reader: &SettingsReader<'_>, key: &Path, value: &str) -> bool {
    let written = match reader.node(key) {
        Some(Node::Text(text)) => text.trim().to_owned(),
        Some(Node::Int(number)) => number.to_string(),
        Some(Node::Float(number)) => number.to_string(),
        Some(Node::Bool(value)) => value.to_string(),
        _ => return false,
    };
    // Only these words are the same in any case: a name is not.
    let is_word = |text: &str| ["true", "false"].iter().any(|word| word.eq_ignore_ascii_case(text));
    written == value.trim() || (is_word(&written) && written.eq_ignore_ascii_case(value.trim()))
}

fn passed_over(reader: &mut SettingsReader<'_>, name: &'static str, place: Option<Place>, written: &Path) {
    let at = reader.place(written).map(|place| format!(" ({place})")).unwrap_or_default();
    let message = format!("has no effect: {written}{at} has a value in the file, which takes precedence");
    let fix = format!("remove the variable, or write ${{{name}}} in the file");
    reader.problems.push(Problem::warning(name, message, fix).at(place));
}
