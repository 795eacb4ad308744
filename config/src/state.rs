//! The settings of the state: a directory of this host, or a database that several gateways share.

use crate::config::SharedState;
use crate::path::Path as Key;
use crate::read::SettingsReader;
use std::path::PathBuf;
use std::time::Duration;

const DEFAULT_DIRECTORY: &str = "state";

/// How many copies of the state are kept by default.
const DEFAULT_BACKUPS: u32 = 3;

/// The length of a lease by default, and its limits, in seconds.
const DEFAULT_LEASE_SECONDS: u64 = 15;
const LEASE_SECONDS_MIN: i64 = 5;
const LEASE_SECONDS_MAX: i64 = 600;

/// The longest name of a node.
const NODE_NAME_BYTES_MAX: usize = 128;

/// The schemes of URLs of PostgreSQL.
const SHARED: [&str; 2] = ["postgres://", "postgresql://"];

/// The scheme of a state on this host.
const SQLITE: &str = "sqlite:";

/// The ending of the file of the state, which stands in its directory.
const FILE_ENDING: &str = ".sqlite";

const URL_FIX: &str = "write a directory, or postgres://USER@HOST/DATABASE";

/// The settings of the state.
pub(crate) struct State {
    pub(crate) directory: PathBuf,
    pub(crate) backups: u32,
    pub(crate) shared: Option<SharedState>,
}

pub(crate) fn state(reader: &mut SettingsReader<'_>) -> State {
    let directory = reader.text(&Key::of("state.directory"));
    let directory = directory.map_or_else(|| PathBuf::from(DEFAULT_DIRECTORY), PathBuf::from);
    let backups = reader.number(&Key::of("state.backup_count"), 1..=1000, "a number of copies");
    let backups_wanted = reader.boolean(&Key::of("state.backup_enabled")).unwrap_or(false);
    let backups = if backups_wanted { backups.unwrap_or(DEFAULT_BACKUPS) } else { 0 };
    let url_key = Key::of("state.url");
    let url = reader.text(&url_key).map(|url| url.trim().to_owned()).filter(|url| !url.is_empty());
    let shared = url.as_deref().is_some_and(|url| SHARED.iter().any(|scheme| url.starts_with(scheme)));
    let node = node(reader, shared);
    match url {
        Some(url) if shared => {
            if backups_wanted {
                let message = "has no effect: the state is in PostgreSQL";
                let fix = "remove it, and back the database up with its own tools, such as pg_dump";
                reader.warn(&Key::of("state.backup_enabled"), message, fix);
            }
            State { directory, backups: 0, shared: Some(SharedState { url, ..node }) }
        }
        Some(url) => State { directory: path(reader, &url_key, &url), backups, shared: None },
        None => State { directory, backups, shared: None },
    }
}

/// Returns the directory that a URL names.
fn path(reader: &mut SettingsReader<'_>, key: &Key, url: &str) -> PathBuf {
    let path = url.strip_prefix(SQLITE).map_or(url, |path| path.strip_prefix("//").unwrap_or(path));
    let scheme = path.split_once("://").map(|(scheme, _)| scheme);
    if scheme.is_some_and(|scheme| scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-".contains(c))) {
        reader.error(key, "is a URL of another kind", URL_FIX);
    } else if path.ends_with(FILE_ENDING) {
        reader.error(key, "names a file", "write the directory that contains the file");
    }
    PathBuf::from(path)
}

/// Reads what is about this node. The URL follows.
fn node(reader: &mut SettingsReader<'_>, is_shared: bool) -> SharedState {
    let password = reader.text(&Key::of("state.password")).filter(|password| !password.is_empty());
    let name_key = Key::of("node.name");
    let name = reader.text(&name_key).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    if name.as_ref().is_some_and(|name| name.len() > NODE_NAME_BYTES_MAX) {
        reader.error(&name_key, "is too long", format!("write at most {NODE_NAME_BYTES_MAX} bytes"));
    }
    let lease_key = Key::of("lease.seconds");
    let lease = reader.number(&lease_key, LEASE_SECONDS_MIN..=LEASE_SECONDS_MAX, "a number of seconds");
    let lease = lease.unwrap_or(DEFAULT_LEASE_SECONDS);
    let keeps_key = Key::of("lease.without_database");
    let word = reader.text(&keeps_key).map(|word| word.trim().to_ascii_lowercase());
    let keeps_without_database = match word.as_deref() {
        None | Some("" | "release") => false,
        Some("keep") => true,
        Some(_) => {
            let message = format!("{} is neither release nor keep", reader.shown(&keeps_key));
            reader.error(&keeps_key, message, "write release or keep");
            false
        }
    };
    for (key, is_set) in [
        (Key::of("state.password"), password.is_some()),
        (name_key, name.is_some()),
        (lease_key, lease != DEFAULT_LEASE_SECONDS),
        (keeps_key, keeps_without_database),
    ] {
        if is_set && !is_shared {
            let message = "has no effect: state.url names no database that several gateways share";
            reader.warn(&key, message, "write state.url: postgres://USER@HOST/DATABASE, or remove it");
        }
    }
    SharedState {
        url: String::new(),
        password,
        node_name: name,
        lease: Duration::from_secs(lease),
        keeps_without_database,
    }
}
