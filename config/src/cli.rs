//! The command line.

use crate::env::Environment;
use crate::load::FileOptions;
use crate::people;
use crate::problem::Problem;
use crate::secret::secret;
use argh::{FromArgs, SubCommands};
use std::ffi::OsString;
use std::path::PathBuf;

/// The URL of the gateway for `call` and `watch`, if no settings name one.
pub const DEFAULT_URL: &str = "ws://127.0.0.1:8080/ws";

/// A gateway between local games and the Intermud-3 network.
///
/// Without a command, the gateway runs until it receives SIGTERM or SIGINT.
#[derive(FromArgs)]
pub struct Cli {
    /// the file of the settings (default: config/config.yaml, if it exists)
    #[argh(option, short = 'c', long = "config", arg_name = "file")]
    pub config: Option<PathBuf>,
    /// the file of variables for the settings (default: .env, if it exists)
    #[argh(option, short = 'e', long = "env-file", arg_name = "file")]
    pub env_file: Option<PathBuf>,
    /// the log level: DEBUG, INFO, WARNING or ERROR
    #[argh(option, long = "log-level", arg_name = "level")]
    pub log_level: Option<String>,
    /// short for --log-level DEBUG
    #[argh(switch)]
    pub debug: bool,
    /// report every problem of the settings, and end with 0 or 78
    #[argh(switch, long = "validate-config")]
    pub validate_config: bool,
    /// another name of --validate-config
    #[argh(switch, long = "dry-run")]
    pub dry_run: bool,
    /// log once a minute what holds memory
    #[argh(switch, long = "profile-memory")]
    pub profile_memory: bool,
    /// run a network on this host, to try the gateway out without settings
    #[argh(switch)]
    pub demo: bool,
    /// print the version
    #[argh(switch)]
    pub version: bool,
    /// a command; without one the gateway runs
    #[argh(subcommand)]
    pub command: Option<Command>,
}

impl Cli {
    /// Parses a command line: the program's name and its arguments. An error is a text to print instead, and whether the
    /// command line asked for that text, as `--help` does.
    pub fn read(mut words: impl Iterator<Item = OsString>) -> Result<Cli, (String, bool)> {
        let path = words.next().map(PathBuf::from).unwrap_or_default();
        let program = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut arguments = Vec::new();
        for word in words {
            match word.into_string() {
                Ok(word) if word == "-h" => arguments.push("--help".to_owned()),
                Ok(word) => arguments.push(word),
                Err(word) => return Err((format!("{} is not UTF-8 text", word.display()), false)),
            }
        }
        let arguments = match command_at(&arguments) {
            Some(at) => {
                let command = arguments[at].as_str();
                if !commands().any(|known| known == command) {
                    return Err((unknown_command(&program, command), false));
                }
                let words = people::prepared(command, &arguments[at + 1..]);
                arguments[..=at].iter().cloned().chain(words).collect()
            }
            None => arguments,
        };
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Cli::from_args(&[&program], &arguments).map_err(|exit| match exit.status {
            Ok(()) => (exit.output, true),
            Err(()) => {
                (format!("{}\nRun {program} --help for more information.", exit.output.trim_end()), false)
            }
        })
    }

    /// Whether the program only checks the settings.
    pub fn only_validates(&self) -> bool {
        self.validate_config || self.dry_run
    }

    /// The options for [`load_files`](crate::load_files).
    pub fn files(&self) -> FileOptions {
        FileOptions {
            config: self.config.clone(),
            env_file: self.env_file.clone(),
            log_level: self.log_level.clone(),
            debug: self.debug,
        }
    }
}

/// The names of all commands.
fn commands() -> impl Iterator<Item = &'static str> {
    Command::COMMANDS.iter().map(|command| command.name).chain(["help"])
}

/// Options before the command that have a value.
const WITH_VALUE: &[&str] = &["-c", "--config", "-e", "--env-file", "--log-level"];

/// Returns where the command stands in the arguments.
fn command_at(arguments: &[String]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = arguments.get(at) {
        if !word.starts_with('-') {
            return Some(at);
        }
        at += if WITH_VALUE.contains(&word.as_str()) { 2 } else { 1 };
    }
    None
}

/// Returns what to say about a command that does not exist.
fn unknown_command(program: &str, given: &str) -> String {
    let given: String = given.chars().take(40).collect();
    let nearest = nearest(&given, commands());
    let advice = nearest.map_or(String::new(), |nearest| format!(" Did you mean `{program} {nearest}`?"));
    format!("There is no command {given:?}.{advice}\nRun {program} --help for more information.")
}

/// Returns the most similar of these names, if there is one that a typing error explains.
pub fn nearest<'n>(given: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let given = given.to_lowercase();
    let score = |name: &str| {
        let same_start = name.starts_with(&given) || given.starts_with(name);
        strsim::jaro_winkler(&given, name) + if same_start && given.len() > 1 { 0.1 } else { 0.0 }
    };
    let scored = names.map(|name| (score(name), name)).filter(|(score, _)| *score > 0.75);
    scored.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, name)| name)
}

/// A command, which the program executes instead of running a gateway.
#[derive(FromArgs)]
#[argh(subcommand)]
pub enum Command {
    /// Sends one request.
    Call(Call),
    /// Prints events as they arrive.
    Watch(Watch),
    /// Copies the state.
    Backup(Backup),
    /// Restores a copy of the state.
    Restore(Restore),
    /// Writes the first settings.
    Init(Init),
    /// Checks everything that a gateway needs.
    Doctor(Doctor),
    /// Asks a running gateway whether it is alive.
    Healthcheck(Healthcheck),
    /// Prints the digest of a key.
    HashKey(HashKey),
    /// Takes a mud off the network for good.
    Retire(Retire),
    /// Copies the state from one engine to another.
    State(State),
    /// Shows the link and the network.
    Status(people::Status),
    /// Lists the muds.
    Muds(people::Muds),
    /// Lists the channels.
    Channels(people::Channels),
    /// Shows who is on a mud.
    Who(people::Who),
    /// Shows a user.
    Finger(people::Finger),
    /// Looks for a user.
    Locate(people::Locate),
    /// Shows the last lines of a channel.
    History(people::History),
    /// Searches the history.
    Search(people::Search),
    /// Lists the sessions.
    Sessions(people::Sessions),
    /// Ends a session.
    Kick(people::Kick),
    /// Gives the links to other gateways.
    Drain(people::Drain),
    /// Bans.
    Ban(people::Ban),
    /// Removes a ban.
    Unban(people::Unban),
    /// Lists the bans.
    Bans(people::Bans),
    /// Lists the methods of the API.
    Methods(people::Methods),
    /// Sends a message to a user.
    Tell(people::Tell),
    /// Says something on a channel.
    Say(people::Say),
}

/// Takes a mud off the network for good: the router deletes it, and other muds take it off their lists.
///
/// A mud's name is permanent otherwise: it is listed for years after the mud has gone. A gateway that runs with the settings
/// is asked to do it; if none runs, this command logs in and says goodbye. On a terminal it asks for the name first.
#[derive(FromArgs)]
#[argh(subcommand, name = "retire")]
pub struct Retire {
    /// the API key for a gateway that runs (default: the variable I3_API_KEY or I3_GATEWAY_SECRET)
    #[argh(option)]
    pub key: Option<String>,
    /// the mud, if the settings have several
    #[argh(positional)]
    pub mud: Option<String>,
}

/// Copies the state to a file, also while the gateway runs.
///
/// The state consists of the router passwords, the lists, the kept events, the history and the cursors of clients. The copy
/// is complete in itself. If the file exists, it is replaced once the copy is complete.
#[derive(FromArgs)]
#[argh(subcommand, name = "backup")]
pub struct Backup {
    /// the directory of the state (default: from the settings)
    #[argh(option)]
    pub state: Option<PathBuf>,
    /// the file to write
    #[argh(positional)]
    pub file: PathBuf,
}

/// Replaces the state by a backup, also while the gateway runs.
///
/// A running gateway disconnects from its clients and routers, and continues with the restored state a moment later, in the
/// same process. The previous state is kept in the same directory, as i3-gateway.before-restore.sqlite. Event ids keep
/// growing.
#[derive(FromArgs)]
#[argh(subcommand, name = "restore")]
pub struct Restore {
    /// the directory of the state (default: from the settings)
    #[argh(option)]
    pub state: Option<PathBuf>,
    /// a file that `backup` has written
    #[argh(positional)]
    pub file: PathBuf,
}

/// Does something with the state besides `backup` and `restore`.
#[derive(FromArgs)]
#[argh(subcommand, name = "state")]
pub struct State {
    /// what to do
    #[argh(subcommand)]
    pub command: StateCommand,
}

/// What to do with the state.
#[derive(FromArgs)]
#[argh(subcommand)]
pub enum StateCommand {
    /// Copies it.
    Copy(StateCopy),
}

/// Copies the state from a directory to a PostgreSQL database, or back, while no gateway runs.
///
/// FROM and TO are directories, files of SQLite such as a backup, or URLs such as postgres://USER@HOST/DATABASE. The password is
/// read from the variable STATE_PASSWORD, or from the file that STATE_PASSWORD_FILE names. TO must hold no state yet. FROM
/// does not change. Event ids keep growing.
#[derive(FromArgs)]
#[argh(subcommand, name = "copy")]
pub struct StateCopy {
    /// where the state is
    #[argh(positional)]
    pub from: String,
    /// where to copy it
    #[argh(positional)]
    pub to: String,
}

/// Writes the settings, with comments, and an env file with a fresh API key, to the files of --config and --env-file. It
/// does not overwrite files.
#[derive(FromArgs)]
#[argh(subcommand, name = "init")]
pub struct Init {
    /// the name of the mud
    #[argh(option, long = "mud-name", arg_name = "name")]
    pub mud_name: Option<String>,
    /// what the mud is made with, which decides its type: circle, tbamud, rom, smaug, coffeemud, fluffos, … or none for what
    /// is not a game, such as a bot
    #[argh(option, arg_name = "engine")]
    pub engine: Option<String>,
    /// overwrite existing files
    #[argh(switch)]
    pub force: bool,
}

/// Checks settings, files, ports, routers, clock and limits, and says what to do. It changes nothing. It does not log in at
/// a router: that would end the session of a gateway that runs under the same name.
#[derive(FromArgs)]
#[argh(subcommand, name = "doctor")]
pub struct Doctor {
    /// also log in at the routers, and log out; use this only if no other gateway or game uses the mud's name
    #[argh(switch)]
    pub login: bool,
}

/// Asks the gateway of these settings whether it is alive. The exit code is 0 or 1.
#[derive(FromArgs)]
#[argh(subcommand, name = "healthcheck")]
pub struct Healthcheck {
    /// also ask whether every router link is ready
    #[argh(switch)]
    pub ready: bool,
}

/// Prints the digest of an API key, which can replace the key in the settings.
#[derive(FromArgs)]
#[argh(subcommand, name = "hash-key")]
pub struct HashKey {
    /// the key (default: read from standard input, where no other user of this host can see it)
    #[argh(positional)]
    pub key: Option<String>,
}

/// Sends one request to a running gateway and prints its answer.
///
/// PARAMS is a JSON object or array, or words: name=value, name:=JSON, or values in the order of the method's parameters.
/// `methods NAME` shows them. Values become numbers, lists or truth values as the method needs them, for example:
/// call channel_history gossip limit=2
#[derive(FromArgs)]
#[argh(subcommand, name = "call")]
pub struct Call {
    /// the URL of the gateway (default: from the settings, else ws://127.0.0.1:8080/ws)
    #[argh(option)]
    pub url: Option<String>,
    /// the API key (default: the variable I3_API_KEY or I3_GATEWAY_SECRET)
    #[argh(option)]
    pub key: Option<String>,
    /// for wss:// URLs: trusted authorities, or the gateway's own certificate, in PEM (default: the authorities of the system)
    #[argh(option, arg_name = "file")]
    pub ca: Option<PathBuf>,
    /// a client certificate in PEM, if the gateway asks for one
    #[argh(option, arg_name = "file")]
    pub cert: Option<PathBuf>,
    /// the private key of that certificate, in PEM
    #[argh(option, long = "cert-key", arg_name = "file")]
    pub cert_key: Option<PathBuf>,
    /// the method
    #[argh(positional)]
    pub method: String,
    /// its parameters
    #[argh(positional, arg_name = "params")]
    pub params: Vec<String>,
}

/// Joins channels at a running gateway and prints its events, or the packets of its router, as they arrive, one line each.
#[derive(FromArgs)]
#[argh(subcommand, name = "watch")]
pub struct Watch {
    /// the URL of the gateway (default: from the settings, else ws://127.0.0.1:8080/ws)
    #[argh(option)]
    pub url: Option<String>,
    /// the API key (default: the variable I3_API_KEY or I3_GATEWAY_SECRET)
    #[argh(option)]
    pub key: Option<String>,
    /// print the packets from and to the router instead, without passwords; needs a key with the permission admin
    #[argh(switch)]
    pub trace: bool,
    /// for wss:// URLs: trusted authorities, or the gateway's own certificate, in PEM (default: the authorities of the system)
    #[argh(option, arg_name = "file")]
    pub ca: Option<PathBuf>,
    /// a client certificate in PEM, if the gateway asks for one
    #[argh(option, arg_name = "file")]
    pub cert: Option<PathBuf>,
    /// the private key of that certificate, in PEM
    #[argh(option, long = "cert-key", arg_name = "file")]
    pub cert_key: Option<PathBuf>,
    /// the channels to join (default: all of the network)
    #[argh(positional)]
    pub channels: Vec<String>,
}

/// The password of the database of the state: from a variable, or the file that it names.
pub fn state_password(env: &Environment) -> Result<Option<String>, Problem> {
    Ok(secret(env, "STATE_PASSWORD")?.map(|(password, _)| password.trim().to_owned()))
}

/// The API key of a client: from the option, else from a variable or the file that it names.
pub fn client_key(option: Option<&str>, env: &Environment) -> Result<Option<String>, Problem> {
    if let Some(key) = option.map(str::trim).filter(|key| !key.is_empty()) {
        return Ok(Some(key.to_owned()));
    }
    for name in ["I3_API_KEY", "I3_GATEWAY_SECRET"] {
        if let Some((key, _)) = secret(env, name)? {
            return Ok(Some(key.trim().to_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn cli(arguments: &[&str]) -> Cli {
        Cli::from_args(&["i3-gateway"], arguments).unwrap()
    }

    #[test]
    fn options() {
        let plain = cli(&[]);
        assert!(plain.config.is_none() && plain.command.is_none() && !plain.only_validates());
        let all = cli(&["-c", "a.yaml", "-e", "b.env", "--log-level", "DEBUG", "--dry-run"]);
        assert_eq!(all.files().config, Some(PathBuf::from("a.yaml")));
        assert_eq!(all.files().env_file, Some(PathBuf::from("b.env")));
        assert_eq!(all.files().log_level.as_deref(), Some("DEBUG"));
        assert!(all.only_validates());
        assert_eq!(cli(&["--env-file", "x", "--config", "y"]).env_file, Some(PathBuf::from("x")));
        assert!(cli(&["--validate-config", "--debug", "--demo", "--version"]).only_validates());
        let Some(Command::Call(call)) = cli(&["call", "--key", "k", "tell", "a=1", "b=2"]).command else {
            panic!("call");
        };
        assert_eq!((call.url, call.method.as_str(), call.params.len()), (None, "tell", 2));
        let Some(Command::Init(init)) = cli(&["init", "--mud-name", "A B", "--force"]).command else {
            panic!("init");
        };
        assert_eq!((init.mud_name.as_deref(), init.force), (Some("A B"), true));
        assert!(matches!(cli(&["doctor", "--login"]).command, Some(Command::Doctor(Doctor { login: true }))));
        assert!(matches!(
            cli(&["healthcheck"]).command,
            Some(Command::Healthcheck(Healthcheck { ready: false }))
        ));
        assert!(matches!(cli(&["hash-key"]).command, Some(Command::HashKey(HashKey { key: None }))));
        assert!(cli(&["--profile-memory"]).profile_memory);
        let Some(Command::Watch(watch)) = cli(&["watch", "--url", "ws://x/ws", "--trace"]).command else {
            panic!("watch")
        };
        assert_eq!((watch.url.as_deref(), watch.key, watch.trace), (Some("ws://x/ws"), None, true));
        let Some(Command::Backup(backup)) = cli(&["backup", "--state", "s", "f"]).command else {
            panic!("backup")
        };
        assert_eq!((backup.state, backup.file), (Some(PathBuf::from("s")), PathBuf::from("f")));
        let Some(Command::Restore(restore)) = cli(&["restore", "f"]).command else { panic!("restore") };
        assert_eq!((restore.state, restore.file), (None, PathBuf::from("f")));
    }

    #[test]
    fn what_is_no_command_line_says_so() {
        let read = |words: &[&str]| Cli::read(words.iter().map(OsString::from)).err();
        assert!(read(&["/usr/bin/i3-gateway", "--dry-run"]).is_none());
        for help in ["-h", "--help", "help"] {
            let (text, asked) = read(&["/usr/bin/i3-gateway", help]).unwrap();
            assert!(asked && text.starts_with("Usage: i3-gateway ") && text.contains("doctor"), "{text}");
        }
        let (text, asked) = read(&["i3-gateway", "doctor", "-h"]).unwrap();
        assert!(asked && text.contains("--login"), "{text}");
        for wrong in [&["strat"][..], &["--verison"], &["-c"], &["backup"], &["hash-key", "a", "b"]] {
            let words: Vec<&str> = ["i3-gateway"].into_iter().chain(wrong.iter().copied()).collect();
            let (text, asked) = read(&words).unwrap();
            assert!(!asked && text.ends_with("Run i3-gateway --help for more information."), "{text}");
        }
    }

    #[test]
    fn a_wrong_command_is_shown_the_nearest_one() {
        for (given, expected) in [
            ("mudlist", Some("muds")),
            ("muhds", Some("muds")),
            ("stauts", Some("status")),
            ("sesions", Some("sessions")),
            ("chanels", Some("channels")),
            ("cal", Some("call")),
            ("hist", Some("history")),
            ("xyzzy", None),
        ] {
            let (text, asked) =
                Cli::read(["i3-gateway", "-c", "file.yaml", given].iter().map(OsString::from)).err().unwrap();
            assert!(!asked && text.starts_with(&format!("There is no command {given:?}.")), "{text}");
            match expected {
                Some(command) => assert!(text.contains(&format!("`i3-gateway {command}`?")), "{text}"),
                None => assert!(!text.contains("Did you mean"), "{text}"),
            }
        }
    }

    #[test]
    fn texts_need_no_quotes() {
        let read = |line: &str| {
            let words = ["i3-gateway"].into_iter().chain(line.split(' ')).map(OsString::from);
            Cli::read(words).map(|cli| cli.command.unwrap())
        };
        let Ok(Command::Say(say)) = read("say --json chat hi -- there --all -x :-) help --url ws://h") else {
            panic!("say")
        };
        assert_eq!((say.channel.as_str(), say.json, say.url), ("chat", true, None));
        assert_eq!(say.text.join(" "), "hi there --all -x :-) help --url ws://h");
        let Ok(Command::Tell(tell)) = read("tell bob@Sage -5 is help --from Me --json") else {
            panic!("tell")
        };
        assert_eq!((tell.user.as_str(), tell.from.as_deref(), tell.json), ("bob@Sage", Some("Me"), true));
        assert_eq!(tell.text, ["-5", "is", "help"]);
        let Ok(Command::Search(search)) = read("search two words --channel chat") else { panic!("search") };
        assert_eq!((search.words.join(" ").as_str(), search.channel.as_deref()), ("two words", Some("chat")));
        let Ok(Command::Who(who)) = read("who Dead Souls Dev --timeout 5") else { panic!("who") };
        assert_eq!((who.mud.join(" ").as_str(), who.timeout), ("Dead Souls Dev", Some(5.0)));
        for line in [
            "ban *@Spam --reason floods the channel --for 1d",
            "ban --for 1d --reason floods the channel *@Spam",
            "ban --reason=floods the channel --for=1d *@Spam",
        ] {
            let Ok(Command::Ban(ban)) = read(line) else { panic!("{line}") };
            assert_eq!((ban.pattern.as_str(), ban.lasting.as_deref()), ("*@Spam", Some("1d")), "{line}");
            assert_eq!(ban.reason.as_deref(), Some("floods the channel"), "{line}");
        }
        for wrong in [
            "say --jsn chat hi",
            "muds --jsn",
            "who Sage -x",
            "tell",
            "ban",
            "ban *@Spam --reason",
            "kick",
            "unban x",
            "history a b",
        ] {
            let (text, asked) = read(wrong).err().unwrap();
            assert!(
                !asked && text.ends_with("Run i3-gateway --help for more information."),
                "{wrong}: {text}"
            );
        }
        assert!(read("say --help").is_err_and(|(text, asked)| asked && text.contains("--from")));
    }

    #[test]
    fn the_key_of_a_client() {
        let env = |pairs: &[(&str, &str)]| {
            let process: BTreeMap<_, _> =
                pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            Environment::new(process, None, &mut Vec::new())
        };
        let both = env(&[("I3_API_KEY", "a"), ("I3_GATEWAY_SECRET", "b")]);
        assert_eq!(client_key(Some("o"), &both).unwrap().as_deref(), Some("o"));
        assert_eq!(client_key(None, &both).unwrap().as_deref(), Some("a"));
        let secret = env(&[("I3_API_KEY", ""), ("I3_GATEWAY_SECRET", "b")]);
        assert_eq!(client_key(None, &secret).unwrap().as_deref(), Some("b"));
        assert_eq!(client_key(None, &env(&[])).unwrap(), None);
    }
}
