//! Reads files and variables, and makes a [`Config`] of them.

use crate::config::{Config, LogFormat, Logging};
use crate::credentials::{self, KEY_BYTES_MIN};
use crate::door;
use crate::env::{Environment, OLD_NAMES, process_environment};
use crate::interpolate::{Expanded, expand};
use crate::irc;
use crate::keys::{OWN_CACHE, Passed, closest, known_keys, passed_over};
use crate::listeners;
use crate::log::{COMPONENTS, parse_level};
use crate::logfile::Rotation;
use crate::muds;
use crate::path::{Path as Key, Step};
use crate::precedence;
use crate::problem::{Place, Problem, Problems, Severity};
use crate::read::SettingsReader;
use crate::reload::FilesRead;
use crate::secret;
use crate::sources::Sources;
use crate::state;
use crate::yaml::{self, Node};
use i3_core::settings::Settings;
use log::LevelFilter;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The settings file if no other is named. It may be missing.
pub const DEFAULT_CONFIG_FILE: &str = "config/config.yaml";

/// The env file if no other is named. It may be missing.
pub const DEFAULT_ENV_FILE: &str = ".env";

/// The settings if there is no file: variables can set everything in it that has to be set.
pub const DEFAULT_CONFIG_TEXT: &str = include_str!("../config.yaml");

/// The env file that `init` writes, before it fills in a key and a name.
pub const DEFAULT_ENV_TEXT: &str = include_str!("../.env.example");

/// The longest settings file or env file. Real files have a few kilobytes.
pub const CONFIG_BYTES_MAX: u64 = 1_048_576;

/// Variables that count where the file has no value for their key, whether or not it mentions them, and the key of each.
pub const VARIABLES: &[(&str, &str)] = &[
    ("MUD_NAME", "mud.name"),
    ("MUD_PORT", "mud.port"),
    ("MUD_ADMIN_EMAIL", "mud.admin_email"),
    ("MUD_TYPE", "mud.type"),
    ("MUD_ENGINE", "mud.engine"),
    ("MUD_STATUS", "mud.status"),
    ("I3_ROUTER_NAME", "router.primary.name"),
    ("I3_ROUTER_HOST", "router.primary.host"),
    ("I3_ROUTER_PORT", "router.primary.port"),
    ("API_WS_HOST", "api.websocket.host"),
    ("API_WS_PORT", "api.websocket.port"),
    ("API_TCP_HOST", "api.tcp.host"),
    ("API_TCP_PORT", "api.tcp.port"),
    ("API_TLS_ENABLED", "api.tls.enabled"),
    ("API_TLS_CERT_FILE", "api.tls.cert_file"),
    ("API_TLS_KEY_FILE", "api.tls.key_file"),
    ("API_TLS_CLIENT_CA_FILE", "api.tls.client_ca_file"),
    ("API_AUTH_ENABLED", "api.auth.enabled"),
    ("I3_GATEWAY_SECRET", "api.auth.secret"),
    ("LOG_LEVEL", "logging.level"),
    ("LOG_FILE", "logging.file"),
    ("MAX_CONNECTIONS", "performance.max_connections"),
    ("MESSAGE_QUEUE_SIZE", "performance.message_queue_size"),
    ("RATE_LIMIT_ENABLED", "security.rate_limiting.enabled"),
    ("RATE_LIMIT_TELLS", "security.rate_limiting.tells_per_minute"),
    ("RATE_LIMIT_CHANNELS", "security.rate_limiting.channels_per_minute"),
    ("RATE_LIMIT_REQUESTS", "api.rate_limits.default.per_minute"),
    ("RATE_LIMIT_BURST", "api.rate_limits.default.burst"),
    ("RECONNECT_DELAY", "performance.reconnect_delay"),
    ("I3_DOOR_HOST", "i3.host"),
    ("I3_DOOR_PORT", "i3.port"),
    ("IRC_HOST", "irc.host"),
    ("IRC_PORT", "irc.port"),
    ("STATE_URL", "state.url"),
    ("STATE_PASSWORD", "state.password"),
    ("NODE_NAME", "node.name"),
    ("LEASE_SECONDS", "lease.seconds"),
    ("LEASE_WITHOUT_DATABASE", "lease.without_database"),
];

/// Variables that the command-line client reads.
const OTHER_VARIABLES: &[&str] = &["I3_API_KEY", "I3_API_KEY_FILE"];

/// Variables of the Python gateway without effect here, and the reason.
const OLD_VARIABLES: &[(&str, &str)] = &[("CACHE_TTL", OWN_CACHE)];

/// The options of the command line about the settings.
#[derive(Clone, Debug, Default)]
pub struct FileOptions {
    /// `--config`. The file must exist.
    pub config: Option<PathBuf>,
    /// `--env-file`. The file must exist.
    pub env_file: Option<PathBuf>,
    /// `--log-level`, which takes precedence over the file and `LOG_LEVEL`.
    pub log_level: Option<String>,
    /// `--debug`: the level DEBUG, unless `--log-level` names another.
    pub debug: bool,
}

/// Loads the settings from the files and the environment of this process.
pub fn load_files(options: &FileOptions) -> Result<Config, Problems> {
    let (sources, level) = read_files(options)?;
    let nothing = sources.yaml_text.is_none() && sources.env_file_text.is_none();
    let mut loaded = with_level(load(sources), level);
    if nothing && let Err(problems) = &mut loaded {
        let message = format!("the current directory has no {DEFAULT_CONFIG_FILE} and no {DEFAULT_ENV_FILE}");
        let fix =
            "write both with `i3-gateway init --mud-name NAME`, or name them with --config and --env-file";
        problems.0.push(Problem::warning("", message, fix));
    }
    loaded
}

/// Loads the settings again while a gateway runs with `former`. Files that are missing, empty, cut or half-written are an
/// error, also if they could be read.
pub fn reload_files(options: &FileOptions, former: &Config) -> Result<Config, Problems> {
    let (sources, level) = read_files(options)?;
    with_level(reload(sources, former), level)
}

/// The level of the command line takes precedence over the file and the variables.
fn with_level(mut loaded: Result<Config, Problems>, level: Option<LevelFilter>) -> Result<Config, Problems> {
    if let (Ok(config), Some(level)) = (&mut loaded, level) {
        config.logging.level = level;
        config.core.api.log_level = crate::log::level(level);
    }
    loaded
}

/// Makes settings of sources that have replaced those of `former`. Sources that are empty, cut or half-written are an error.
pub fn reload(sources: Sources, former: &Config) -> Result<Config, Problems> {
    let mut missing = former.read.missing_in(&sources);
    let loaded = load(sources);
    if missing.is_empty() {
        return loaded;
    }
    if let Err(Problems(more)) = loaded {
        missing.extend(more);
    }
    Err(Problems(missing))
}

/// Reads the sources of the settings, and the log level of the command line.
fn read_files(options: &FileOptions) -> Result<(Sources, Option<LevelFilter>), Problems> {
    let mut problems = Vec::new();
    let yaml_text = read(options.config.as_deref(), DEFAULT_CONFIG_FILE, &mut problems);
    let env_file_text = read(options.env_file.as_deref(), DEFAULT_ENV_FILE, &mut problems);
    let process_env = process_environment();
    let level = options.log_level.as_deref().or(options.debug.then_some("DEBUG"));
    let given = level.and_then(parse_level);
    if let Some(level) = level.filter(|_| given.is_none()) {
        problems.push(Problem::error("--log-level", format!("{level:?} is not a level"), LEVELS));
    }
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    Ok((Sources { yaml_text, env_file_text, process_env }, given))
}

/// Reads the environment and the env file only, for a client that needs no settings.
pub fn environment_of_files(env_file: Option<&Path>) -> Result<Environment, Problems> {
    let mut problems = Vec::new();
    let text = read(env_file, DEFAULT_ENV_FILE, &mut problems);
    let env = Environment::new(process_environment(), text.as_ref(), &mut problems);
    match problems.iter().any(|problem| problem.severity == Severity::Error) {
        true => Err(Problems(problems)),
        false => Ok(env),
    }
}

/// Reads a file. A named file must exist; the default file may be missing.
fn read(named: Option<&Path>, default: &str, problems: &mut Vec<Problem>) -> Option<(String, String)> {
    let path = named.unwrap_or(Path::new(default));
    let name = path.display().to_string();
    let read = || -> io::Result<String> {
        let mut text = String::new();
        // One byte more than the limit distinguishes a file that is too long from one that just fits.
        std::fs::File::open(path)?.take(CONFIG_BYTES_MAX + 1).read_to_string(&mut text)?;
        Ok(text)
    };
    let fix = "write UTF-8 text, or name another file";
    match read() {
        Ok(text) if text.len() as u64 > CONFIG_BYTES_MAX => {
            let message = format!("is longer than {CONFIG_BYTES_MAX} bytes");
            problems.push(Problem::error(name, message, fix));
            None
        }
        Ok(text) => Some((name, text)),
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            problems.push(Problem::error(name, format!("cannot be read: {error}"), fix));
            None
        }
    }
}

/// Makes the settings of the file (or the default text), the variables in it, and the variables that override it. Files
/// with secrets that variables name are read.
pub fn load(sources: Sources) -> Result<Config, Problems> {
    let mut secrets = Vec::new();
    let mut loaded = assemble_all(sources, &mut secrets);
    let problems = match &mut loaded {
        Ok(config) => &mut config.warnings,
        Err(Problems(problems)) => problems,
    };
    secret::hide(problems, &secrets, is_word);
    loaded
}

/// Does the work of [`load`]. Problems may show secrets, which go to `secrets`.
fn assemble_all(sources: Sources, secrets: &mut Vec<String>) -> Result<Config, Problems> {
    let mut read = FilesRead::of(&sources);
    let Sources { yaml_text, env_file_text, process_env } = sources;
    let mut problems = Vec::new();
    let env = Environment::new(process_env, env_file_text.as_ref(), &mut problems);
    let built_in = yaml_text.is_none();
    let (name, text) =
        yaml_text.unwrap_or_else(|| ("the built-in config.yaml".to_owned(), DEFAULT_CONFIG_TEXT.to_owned()));
    let root = match yaml::parse(text.strip_prefix('\u{feff}').unwrap_or(&text)) {
        Ok(root @ (Node::Map(_) | Node::Null)) => root,
        Ok(_) => {
            let fix = "write sections such as `mud:`, with keys below them";
            let start = Place { file: name, line: 1, column: 1 };
            problems.push(Problem::error("", "the file contains no settings", fix).at(Some(start)));
            return Err(Problems(problems));
        }
        Err(error) => {
            *secrets = secret::known(&Node::Null, &env);
            let place = error.position.map(|(line, column)| Place { file: name, line, column });
            let fix = "correct the YAML: indent with blanks, not with tabs, and write `key: value`";
            problems.push(Problem::error("", without_values(&error.message), fix).at(place));
            return Err(Problems(problems));
        }
    };
    let mut reader = SettingsReader {
        env: &env,
        yaml: (&name, &text),
        root,
        overrides: BTreeMap::new(),
        named: BTreeMap::new(),
        missing: BTreeMap::new(),
        problems,
    };
    // Before and after variables override what the file has: messages can show both.
    *secrets = secret::known(&reader.root, &env);
    prepare(&mut reader, built_in);
    secrets.extend(secret::known(&reader.root, &env));
    let config = assemble(&mut reader);
    unread_variables(&mut reader);

    let mut problems = reader.problems;
    problems.sort_by_key(|problem| problem.severity);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(Problems(problems));
    }
    if let Err(error) = config.core.check() {
        problems
            .insert(0, Problem::error("", error.to_string(), "change the settings that the message names"));
        return Err(Problems(problems));
    }
    read.uses(&env);
    Ok(Config { warnings: problems, read, ..config })
}

/// Whether a secret is also a key of the settings, or a word as short as one. No such key is accepted.
fn is_word(secret: &str) -> bool {
    let is_plain = secret.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let is_key = || known_keys().iter().any(|key| key.path.split('.').any(|one| one == secret));
    is_plain && (secret.len() < KEY_BYTES_MIN || is_key())
}

/// Returns the message of a syntax error without a value that it shows: that may be a secret.
fn without_values(error: &str) -> String {
    if error.contains("as u128") || error.contains("as i128") {
        return "a number is too long for YAML: put it in quotes".to_owned();
    }
    let known: Vec<String> = known_keys().into_iter().map(|key| key.path).collect();
    let is_known = |word: &str| known.iter().any(|path| path.split('.').any(|key| key == word));
    let parts = error.split('"').enumerate().map(|(at, part)| match at % 2 {
        1 if !is_known(part) => "…",
        _ => part,
    });
    parts.collect::<Vec<_>>().join("\"")
}

/// Replaces variables in the values, warns of keys without effect, and applies the variables that override keys.
fn prepare(reader: &mut SettingsReader<'_>, built_in: bool) {
    let mut seen = Expanded::default();
    expand(&mut reader.root, &Key::default(), reader.env, &mut seen);
    for (path, message) in seen.bad {
        reader.error(&path, message, "write ${NAME} or ${NAME:default}");
    }
    for (_, problem) in seen.unreadable {
        reader.report_once(problem);
    }
    reader.missing = seen.missing;
    for passed in passed_over(&reader.root) {
        match passed {
            // API keys can stand in place of the names of settings, so the name is not shown.
            Passed::Unknown(mut path, nearest)
                if path.is_secret()
                    && !nearest.as_deref().is_some_and(|nearest| is_misspelt(&path, nearest)) =>
            {
                let fix = match path.pattern().starts_with("api.auth.api_keys.") {
                    true => {
                        "an entry has only key, name, mud_name, permissions, rate_limit_override, channels and text_format"
                    }
                    false => "remove it",
                };
                path.0.pop();
                reader.warn(&path, "contains an unknown key, which has no effect", fix);
            }
            Passed::Unknown(path, nearest) => {
                let fix = match nearest {
                    Some(nearest) => format!("did you mean {nearest}?"),
                    None => "remove it".to_owned(),
                };
                reader.warn(&path, "unknown setting: it has no effect", fix);
            }
            Passed::NoEffect(path, why, times) => {
                let times = if times > 1 { format!(" ({times} times)") } else { String::new() };
                reader.warn(&path, format!("has no effect{times}: {why}"), "");
            }
            Passed::NotASection(path) => {
                // The value is not shown: a key may stand in the wrong place.
                reader.error(&path, "this is not a section", "write keys with values below it");
            }
        }
    }
    precedence::apply(reader, &seen.named, VARIABLES);
    if built_in {
        // Line numbers of the built-in text help nobody.
        reader.yaml = ("", "");
    }
}

/// Returns whether the last key of a path is nearly that of a known key.
fn is_misspelt(path: &Key, nearest: &str) -> bool {
    let Some(Step::Key(last)) = path.0.last() else { return false };
    closest(last, nearest.rsplit('.').take(1)).is_some()
}

fn assemble(reader: &mut SettingsReader<'_>) -> Config {
    let muds = muds::muds(reader);
    let link = muds::link(reader);
    let mut api = listeners::api(reader);
    let names: Vec<String> = muds.iter().map(|mud| mud.name.clone()).collect();
    api.keys = credentials::keys(reader, &names);
    if api.rate_limits.is_none() && api.keys.iter().flatten().any(|key| key.requests_per_minute.is_some()) {
        let message = "rate_limit_override has no effect, because rates are not limited";
        reader.warn(&Key::of("api.auth.api_keys"), message, "set api.rate_limits.default.per_minute");
    }
    let (mut listeners, rules) = listeners::listeners(reader, api.keys.is_some());
    irc::add(reader, &mut listeners, rules);
    listeners::health_checks(reader, &listeners, &api.addresses);
    if let Some(address) = door::address(reader, &listeners, &muds) {
        api.i3_address = address;
    }
    let state = state::state(reader);
    let logging = logging(reader);
    api.log_level = crate::log::level(logging.level);
    Config {
        core: Settings { muds, link, api, node: None },
        listeners,
        tls_required: rules.tls_required,
        state_directory: state.directory,
        shared: state.shared,
        state_backups: state.backups,
        logging,
        warnings: Vec::new(),
        read: FilesRead::default(),
    }
}

const LEVELS: &str = "write DEBUG, INFO, WARNING or ERROR";

/// Bytes of the log file by default: a few weeks of a busy network.
const DEFAULT_ROTATE_BYTES: u64 = 10_485_760;
const DEFAULT_BACKUPS: u32 = 5;

fn logging(reader: &mut SettingsReader<'_>) -> Logging {
    let level = level(reader, &Key::of("logging.level")).unwrap_or(LevelFilter::Info);
    let parts = Key::of("logging.components");
    let mut components = BTreeMap::new();
    for name in reader.keys(&parts) {
        if COMPONENTS.iter().any(|(known, _)| *known == name)
            && let Some(level) = self::level(reader, &parts.key(&name))
        {
            components.insert(name, level);
        }
    }
    let format = Key::of("logging.format");
    let format = match reader.text(&format).map(|text| text.trim().to_ascii_lowercase()).as_deref() {
        None | Some("text" | "console" | "plain") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(_) => {
            let message = format!("{} is not a format", reader.shown(&format));
            reader.error(&format, message, "write text or json");
            LogFormat::Text
        }
    };
    let size = reader.first(&[Key::of("logging.rotate_size"), Key::of("logging.max_size")]);
    let bytes_max = reader.number(&size, 0..=1_099_511_627_776, "a number of bytes");
    let backups = reader.number(&Key::of("logging.backup_count"), 0..=1000, "a number of files");
    let (bytes_max, backups) =
        (bytes_max.unwrap_or(DEFAULT_ROTATE_BYTES), backups.unwrap_or(DEFAULT_BACKUPS));
    // As in Python's logging, 0 of either switches rotation off.
    let rotation = (bytes_max > 0 && backups > 0).then_some(Rotation { bytes_max, backups });
    let file = reader.text(&Key::of("logging.file")).map(PathBuf::from);
    Logging { level, components, format, file, rotation }
}

fn level(reader: &mut SettingsReader<'_>, path: &Key) -> Option<LevelFilter> {
    let text = reader.text(path)?;
    let level = parse_level(&text);
    if level.is_none() {
        let message = format!("{} is not a level", reader.shown(path));
        reader.error(path, message, LEVELS);
    }
    level
}

/// Warns of variables in the env file that were never read.
fn unread_variables(reader: &mut SettingsReader<'_>) {
    for (name, place) in reader.env.unread() {
        if OTHER_VARIABLES.contains(&name.as_str()) {
            continue;
        }
        if let Some((_, why)) = OLD_VARIABLES.iter().find(|(old, _)| *old == name) {
            let message = format!("has no effect: {why}");
            reader.problems.push(Problem::warning(name, message, "remove it").at(Some(place)));
            continue;
        }
        if let Some((own, _)) = OLD_NAMES.iter().find(|(_, old)| *old == name) {
            let message = match reader.env.get(own) {
                Some(_) => format!("has no effect: {own} is also set, and takes precedence"),
                None => format!("has no effect: the settings do not use {own}"),
            };
            reader.problems.push(Problem::warning(name, message, "remove it").at(Some(place)));
            continue;
        }
        let known = VARIABLES.iter().map(|(name, _)| *name).chain(OTHER_VARIABLES.iter().copied());
        let fix = match closest(&name, known) {
            Some(nearest) => format!("did you mean {nearest}?"),
            None => "remove it, or use it in the YAML file as ${NAME}".to_owned(),
        };
        let message = "has no effect: the settings do not use this variable";
        reader.problems.push(Problem::warning(name, message, fix).at(Some(place)));
    }
}
