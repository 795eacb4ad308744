//! The commands `call` and `watch`: they choose the gateway and the key, and return the exit code.

use crate::client::{ClientError, Endpoint, Wanted, call, watch};
use crate::format::plain;
use i3_config::cli::{self, Call, Cli, Retire, Watch};
use i3_daemon::exit::{OUTPUT, UNAVAILABLE, USAGE, unusable};
use i3_daemon::healthcheck::websocket;
use i3_daemon::retire::advice;
use i3_daemon::terminal::{err, out};
use i3_daemon::tls::Trust;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The code of the API for a session without authentication.
const NOT_AUTHENTICATED: i64 = -32000;

/// Returns the key from the command line, the env file or the environment.
fn key(cli: &Cli, option: Option<&str>) -> Result<Option<String>, ExitCode> {
    let environment = i3_config::environment_of_files(cli.env_file.as_deref());
    let environment = environment.map_err(|problems| unusable(&problems))?;
    cli::client_key(option, &environment).map_err(|problem| unusable(&problem))
}

/// Returns the URL of the gateway and its trusted certificate: those of the options, else those of the settings if there
/// are any, else the default URL.
fn place(cli: &Cli, url: Option<&str>, ca: Option<&Path>) -> Result<(String, Option<PathBuf>), ExitCode> {
    let ca = ca.map(Path::to_owned);
    if let Some(url) = url {
        return Ok((url.to_owned(), ca));
    }
    let found = match i3_config::load_files(&cli.files()) {
        Ok(config) => websocket(&config),
        // Errors in settings that the options name are reported. A host that has only the client has no settings.
        Err(problems) if cli.config.is_some() => return Err(unusable(&problems)),
        Err(_) => None,
    };
    let (url, certificate) = found.unwrap_or_else(|| (cli::DEFAULT_URL.to_owned(), None));
    Ok((url, ca.or(certificate)))
}

fn trust<'a>(ca: &'a Option<PathBuf>, cert: &'a Option<PathBuf>, key: &'a Option<PathBuf>) -> Trust<'a> {
    Trust { authorities: ca.as_deref(), certificate: cert.as_deref(), key: key.as_deref() }
}

/// Runs `call`, which prints the result.
pub fn run_call(cli: &Cli, command: &Call) -> ExitCode {
    let params = match cli::call_params(&command.params) {
        Ok(params) => params.unwrap_or_else(|| serde_json::json!({})),
        Err(text) => {
            err(&text);
            return ExitCode::from(USAGE);
        }
    };
    let place = place(cli, command.url.as_deref(), command.ca.as_deref());
    let ((url, ca), key) = match (place, key(cli, command.key.as_deref())) {
        (Ok(place), Ok(key)) => (place, key),
        (Err(code), _) | (_, Err(code)) => return code,
    };
    let at = Endpoint { url: &url, key: key.as_deref(), trust: trust(&ca, &command.cert, &command.cert_key) };
    match smol::block_on(call(at, &command.method, params)) {
        Ok(result) => {
            let text = serde_json::to_string_pretty(&result).unwrap_or_default();
            // JSON escapes most control characters. The others are removed here.
            out(&text.lines().map(plain).collect::<Vec<_>>().join("\n"));
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error, key.is_some()),
    }
}

/// Asks a gateway that runs to take its mud off the network.
pub fn run_retire(cli: &Cli, command: &Retire) -> ExitCode {
    let name = command.mud.as_deref();
    let params = name.map_or_else(|| serde_json::json!({}), |name| serde_json::json!({"mud_name": name}));
    let ((url, ca), key) = match (place(cli, None, None), key(cli, command.key.as_deref())) {
        (Ok(place), Ok(key)) => (place, key),
        (Err(code), _) | (_, Err(code)) => return code,
    };
    let at = Endpoint { url: &url, key: key.as_deref(), trust: trust(&ca, &None, &None) };
    match smol::block_on(call(at, "retire", params)) {
        Ok(result) => {
            out(&advice(&plain(result["mud_name"].as_str().unwrap_or("the mud"))));
            ExitCode::SUCCESS
        }
        Err(error) => {
            err(
                "A gateway runs with this state, and has not taken its mud off the network. Or stop it, and try again.",
            );
            failed(&error, key.is_some())
        }
    }
}

/// Runs `watch`, which prints events until it is stopped.
pub fn run_watch(cli: &Cli, command: &Watch) -> ExitCode {
    let place = place(cli, command.url.as_deref(), command.ca.as_deref());
    let ((url, ca), key) = match (place, key(cli, command.key.as_deref())) {
        (Ok(place), Ok(key)) => (place, key),
        (Err(code), _) | (_, Err(code)) => return code,
    };
    let mut stdout = std::io::stdout();
    let wanted = if command.trace { Wanted::Packets } else { Wanted::Channels(&command.channels) };
    let at = Endpoint { url: &url, key: key.as_deref(), trust: trust(&ca, &command.cert, &command.cert_key) };
    match smol::block_on(watch(at, wanted, &mut stdout)) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output has closed it, which is no failure. A full disk is one.
        Err(ClientError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => failed(&error, key.is_some()),
    }
}

fn failed(error: &ClientError, with_key: bool) -> ExitCode {
    err(&error.to_string());
    let unknown = matches!(
        error,
        ClientError::Refused { status: 401, .. } | ClientError::Rpc { code: NOT_AUTHENTICATED, .. }
    );
    if unknown && !with_key {
        err(
            "Give an API key: with --key, in the variable I3_API_KEY, or as I3_GATEWAY_SECRET in an env file (--env-file).",
        );
    }
    if let ClientError::Rpc { data, .. } = error
        && !data.is_null()
    {
        err(&plain(&data.to_string()));
    }
    match error {
        ClientError::Usage(_) => ExitCode::from(USAGE),
        ClientError::Connect(_) | ClientError::Timeout(_) | ClientError::Lost(_) => {
            ExitCode::from(UNAVAILABLE)
        }
        ClientError::Output(_) => ExitCode::from(OUTPUT),
        ClientError::Refused { .. } | ClientError::Rpc { .. } => ExitCode::FAILURE,
    }
}
