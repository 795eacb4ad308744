//! `i3-gateway`: the daemon, the demo, and the command-line client.

use i3_config::Logging;
use i3_config::cli::{self, Call, Cli, Watch};
use i3_gateway::client::{self, At, ClientError};
use i3_gateway::{client_format, daemon, demo};
use i3_host::program::{UNAVAILABLE, USAGE, ended, run_shared, start_logging, unusable};
use i3_host::terminal::{err, out};
use i3_host::tls::Trust;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli: Cli = argh::from_env();
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
    let key = match key(cli, call.key.as_deref()) {
        Ok(key) => key,
        Err(code) => return code,
    };
    let at = At { url: &call.url, key: key.as_deref(), trust: trust(&call.ca, &call.cert, &call.cert_key) };
    match smol::block_on(client::call(at, &call.method, params)) {
        Ok(result) => {
            let text = serde_json::to_string_pretty(&result).unwrap_or_default();
            // JSON escapes most control characters; the rest must not reach the terminal either.
            out(&text.lines().map(client_format::plain).collect::<Vec<_>>().join("\n"));
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

fn run_watch(cli: &Cli, watch: &Watch) -> ExitCode {
    let key = match key(cli, watch.key.as_deref()) {
        Ok(key) => key,
        Err(code) => return code,
    };
    let mut stdout = std::io::stdout();
    let at =
        At { url: &watch.url, key: key.as_deref(), trust: trust(&watch.ca, &watch.cert, &watch.cert_key) };
    match smol::block_on(client::watch(at, &watch.channels, &mut stdout)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read it has enough.
        Err(ClientError::Output(_)) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &ClientError) -> ExitCode {
    err(&error.to_string());
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
