//! The gateway that a command asks: where it is, the key for it, and what is said when it refuses.

use crate::text::plain;
use i3_client::blocking::Client;
use i3_client::{Error, Options, Refusal, Retry, Role};
use i3_config::cli::{self, Cli};
use i3_config::people::Common;
use i3_daemon::exit::{OUTPUT, UNAVAILABLE, USAGE, unusable};
use i3_daemon::healthcheck::url_of;
use i3_daemon::terminal::err;
use i3_daemon::tls::Trust;
use std::path::Path;
use std::process::ExitCode;

/// What to do about a key that is missing or wrong.
const GIVE_A_KEY: &str =
    "give a key with --key, in the variable I3_API_KEY, or as I3_GATEWAY_SECRET in an env file (--env-file)";

/// Returns the key from the command line, the env file or the environment.
fn key(cli: &Cli, option: Option<&str>) -> Result<Option<String>, ExitCode> {
    let environment = i3_config::environment_of_files(cli.env_file.as_deref());
    let environment = environment.map_err(|problems| unusable(&problems))?;
    cli::client_key(option, &environment).map_err(|problem| unusable(&problem))
}

/// Returns the options of a client: the URL, the certificate and the key of the command line, else those of the settings
/// if there are any, else the default URL.
pub(crate) fn options(cli: &Cli, common: &Common<'_>) -> Result<Options, ExitCode> {
    let mut ca = common.ca.clone();
    let url = match common.url {
        Some(url) => url.to_owned(),
        None => {
            let found = match i3_config::load_files(&cli.files()) {
                Ok(config) => url_of(&config),
                // Errors in settings that the options name are reported. A host that has only the client has no settings.
                Err(problems) if cli.config.is_some() => return Err(unusable(&problems)),
                Err(_) => None,
            };
            let (url, certificate) = found.unwrap_or_else(|| (cli::DEFAULT_URL.to_owned(), None));
            ca = ca.or(certificate);
            url
        }
    };
    let trust = Trust {
        authorities: ca.as_deref(),
        certificate: common.cert.as_deref(),
        key: common.cert_key.as_deref(),
    };
    let mut options = Options {
        key: key(cli, common.key)?,
        // A person looks: what the game has not had yet is kept for it.
        role: Role::Observer,
        retry: Retry::Never,
        ..Options::new(url)
    };
    secure(&mut options, trust, &ca).map_err(|text| {
        err(&text);
        ExitCode::from(USAGE)
    })?;
    Ok(options)
}

#[cfg(feature = "tls")]
fn secure(options: &mut Options, trust: Trust<'_>, _: &Option<impl AsRef<Path>>) -> Result<(), String> {
    if options.url.starts_with("wss://") || options.url.starts_with("tls://") {
        options.tls = Some(i3_daemon::tls::client::config(trust)?);
    }
    Ok(())
}

#[cfg(not(feature = "tls"))]
fn secure(_: &mut Options, _: Trust<'_>, _: &Option<impl AsRef<Path>>) -> Result<(), String> {
    Ok(())
}

/// Connects to the gateway. The error is in words for people.
pub(crate) fn connect(options: Options) -> Result<Client, Failure> {
    let with_key = options.key.is_some();
    Client::connect(options).map_err(|error| Failure { error, with_key })
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Whether the command had a key.
    pub(crate) with_key: bool,
}

impl Failure {
    /// One line that says what is wrong and what to do.
    pub(crate) fn advice(&self) -> String {
        match &self.error {
            Error::Key(_) if !self.with_key => format!("The gateway needs an API key: {GIVE_A_KEY}."),
            Error::Key(text) => format!("The gateway does not accept the API key ({text}): {GIVE_A_KEY}."),
            Error::Connect(text) if text.contains("certificate") => {
                format!("Cannot connect to the gateway: {}.", text.replace("as trusted", "with --ca"))
            }
            Error::Connect(text) | Error::Lost(text) if text.contains("CertificateRequired") => {
                format!("The gateway asks for a certificate ({text}): give one with --cert and --cert-key.")
            }
            Error::Connect(text) => {
                format!("Cannot connect to the gateway: {text}. Does it run, and is --url its address?")
            }
            Error::Http { status: 403, text } => {
                format!("The gateway refuses this host: {text}. See security.ip_whitelist in its settings.")
            }
            Error::Refused(refusal) => refused(refusal),
            other => sentence(&other.to_string()),
        }
    }

    /// The exit code for `call` and `watch`.
    pub(crate) fn code(&self) -> ExitCode {
        match &self.error {
            Error::Usage(_) => ExitCode::from(USAGE),
            Error::Connect(_) | Error::Timeout(_) | Error::Lost(_) | Error::Stopped => {
                ExitCode::from(UNAVAILABLE)
            }
            _ => ExitCode::FAILURE,
        }
    }
}

/// An error of the API as a line for people.
pub(crate) fn refused(refusal: &Refusal) -> String {
    let mut text = sentence(&refusal.message);
    let data = &refusal.data;
    let names = data.get("candidates").and_then(serde_json::Value::as_array);
    let names: Vec<String> =
        names.into_iter().flatten().filter_map(serde_json::Value::as_str).map(plain).collect();
    // A list that the message has already is not repeated.
    if !names.is_empty() && !names.iter().any(|name| text.contains(name.as_str())) {
        text += &format!(" Did you mean {}?", names.join(", "));
    }
    match refusal.code {
        Refusal::NOT_ALLOWED if !text.contains("permission") && data.get("needs").is_some() => {
            let needs = plain(data["needs"].as_str().unwrap_or_default());
            text += &format!(" The key lacks: {needs}.");
        }
        Refusal::TOO_OFTEN => {
            if let Some(pause) = refusal.retry_after() {
                text += &format!(" Try again in {} s.", pause.as_secs_f64().ceil());
            }
        }
        Refusal::NOT_NOW if data.get("reason").is_some_and(|reason| reason == "no_answer") => {
            text = "The mud has not answered in time: `i3-gateway muds` shows whether it is up, and --timeout waits longer."
                .to_owned();
        }
        Refusal::NOT_NOW if data.get("reason").is_some_and(|reason| reason == "unk-dst") => {
            text += " `i3-gateway muds` lists the muds of the network.";
        }
        Refusal::NOT_NOW => {
            if let Some(why) =
                data.get("error").and_then(serde_json::Value::as_str).filter(|why| !why.is_empty())
            {
                text += &format!(" The link is down: {}.", plain(why).trim_end_matches('.'));
                text += " `i3-gateway status` shows more.";
            }
        }
        _ => {}
    }
    text
}

/// A text as a sentence.
pub(crate) fn sentence(text: &str) -> String {
    let text = plain(text);
    let mut chars = text.trim().chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let mut text = first + chars.as_str();
    if !text.ends_with(['.', '!', '?', '…']) {
        text.push('.');
    }
    text
}

/// Returns the code for output that could not be written.
pub(crate) fn output(error: &std::io::Error) -> ExitCode {
    // The reader of the output has closed it, which is no failure. A full disk is one.
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        return ExitCode::SUCCESS;
    }
    err(&format!("cannot write the output: {error}"));
    ExitCode::from(OUTPUT)
}
