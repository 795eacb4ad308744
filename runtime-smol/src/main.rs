//! `i3-gateway`: the daemon, the demo, and the command-line client.

use i3_config::Logging;
use i3_config::cli::{self, Call, Cli, Watch};
use i3_daemon::exit::{UNAVAILABLE, USAGE, ended, start_logging, unusable};
use i3_daemon::healthcheck::websocket;
use i3_daemon::program::{command_line, run_shared};
use i3_daemon::terminal::{err, out};
use i3_daemon::tls::Trust;
use i3_gateway::client::{self, At, ClientError, Wanted};
use i3_gateway::{client_format, daemon, demo};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The API's code for a session that has shown no key.
const NOT_AUTHENTICATED: i64 = -32000;

fn main() -> ExitCode {
    let cli = match command_line() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    if cli.version {
        out(&format!("i3-gateway {}", env!("CARGO_PKG_VERSION")));
        return ExitCode::SUCCESS;
    }
    match &cli.command {
        Some(cli::Command::Call(call)) => run_call(&cli, call),
        Some(cli::Command::Watch(watch)) => run_watch(&cli, watch),
        None if cli.demo => run_demo(&cli),
        _ => run_shared(&cli, daemon::run_gateway).unwrap_or(ExitCode::from(USAGE)),
    }
}

fn run_demo(cli: &Cli) -> ExitCode {
    // The network's talk is the output; the machines' notices are for who asks for them.
    let level = if cli.debug { log::LevelFilter::Debug } else { log::LevelFilter::Warn };
    match start_logging(&Logging::to_stderr(level)) {
        Ok(()) => ended(demo::run()),
        Err(code) => code,
    }
}

/// The key of the client, from the command line, the env file or the environment.
fn key(cli: &Cli, option: Option<&str>) -> Result<Option<String>, ExitCode> {
    let environment = i3_config::environment_of_files(cli.env_file.as_deref());
    environment
        .map(|environment| cli::client_key(option, &environment))
        .map_err(|problems| unusable(&problems))
}

/// Where the gateway is, and whom to trust there: what the options say, else the settings of a gateway, if they are here,
/// else the usual place.
fn place(cli: &Cli, url: Option<&str>, ca: Option<&Path>) -> Result<(String, Option<PathBuf>), ExitCode> {
    let ca = ca.map(Path::to_owned);
    if let Some(url) = url {
        return Ok((url.to_owned(), ca));
    }
    let found = match i3_config::load_files(&cli.files()) {
        Ok(config) => websocket(&config),
        // Who names settings means them; a client alone has none.
        Err(problems) if cli.config.is_some() => return Err(unusable(&problems)),
        Err(_) => None,
    };
    let (url, certificate) = found.unwrap_or_else(|| (cli::DEFAULT_URL.to_owned(), None));
    Ok((url, ca.or(certificate)))
}

fn trust<'a>(ca: &'a Option<PathBuf>, cert: &'a Option<PathBuf>, key: &'a Option<PathBuf>) -> Trust<'a> {
    Trust { authorities: ca.as_deref(), certificate: cert.as_deref(), key: key.as_deref() }
}

fn run_call(cli: &Cli, call: &Call) -> ExitCode {
    let params = match cli::call_params(&call.params) {
        Ok(params) => params.unwrap_or_else(|| serde_json::json!({})),
        Err(text) => {
            err(&text);
            return ExitCode::from(USAGE);
        }
    };
    let place = place(cli, call.url.as_deref(), call.ca.as_deref());
    let ((url, ca), key) = match (place, key(cli, call.key.as_deref())) {
        (Ok(place), Ok(key)) => (place, key),
        (Err(code), _) | (_, Err(code)) => return code,
    };
    let at = At { url: &url, key: key.as_deref(), trust: trust(&ca, &call.cert, &call.cert_key) };
    match smol::block_on(client::call(at, &call.method, params)) {
        Ok(result) => {
            let text = serde_json::to_string_pretty(&result).unwrap_or_default();
            // JSON escapes most control characters; the rest must not reach the terminal either.
            out(&text.lines().map(client_format::plain).collect::<Vec<_>>().join("\n"));
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error, key.is_some()),
    }
}

fn run_watch(cli: &Cli, watch: &Watch) -> ExitCode {
    let place = place(cli, watch.url.as_deref(), watch.ca.as_deref());
    let ((url, ca), key) = match (place, key(cli, watch.key.as_deref())) {
        (Ok(place), Ok(key)) => (place, key),
        (Err(code), _) | (_, Err(code)) => return code,
    };
    let mut stdout = std::io::stdout();
    let wanted = if watch.trace { Wanted::Packets } else { Wanted::Channels(&watch.channels) };
    let at = At { url: &url, key: key.as_deref(), trust: trust(&ca, &watch.cert, &watch.cert_key) };
    match smol::block_on(client::watch(at, wanted, &mut stdout)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read it has enough.
        Err(ClientError::Output(_)) => ExitCode::SUCCESS,
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
            "No key was shown: --key, the variable I3_API_KEY, or I3_GATEWAY_SECRET of an env file (--env-file).",
        );
    }
    if let ClientError::Rpc { data, .. } = error
        && !data.is_null()
    {
        err(&client_format::plain(&data.to_string()));
    }
    match error {
        ClientError::Usage(_) => ExitCode::from(USAGE),
        ClientError::Connect(_) | ClientError::Timeout(_) | ClientError::Lost(_) => {
            ExitCode::from(UNAVAILABLE)
        }
        ClientError::Refused { .. } | ClientError::Rpc { .. } | ClientError::Output(_) => ExitCode::FAILURE,
    }
}
