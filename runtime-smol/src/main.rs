//! `i3-gateway`: the daemon, the demo, and the command-line client.

use i3_config::Logging;
use i3_config::cli::{self, Call, Cli, Watch};
use i3_gateway::client::{self, ClientError};
use i3_gateway::daemon::{self, DaemonError};
use i3_gateway::{client_format, demo};
use std::io::Write;
use std::process::ExitCode;

/// `EX_USAGE`, `EX_UNAVAILABLE`, `EX_CONFIG` of sysexits.h: supervisors and scripts know them.
const USAGE: u8 = 64;
const UNAVAILABLE: u8 = 69;
const CONFIG: u8 = 78;

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
        None => run_daemon(&cli),
    }
}

fn run_daemon(cli: &Cli) -> ExitCode {
    let config = match i3_config::load_files(&cli.files()) {
        Ok(config) => config,
        Err(problems) => {
            err(&problems.to_string());
            return ExitCode::from(CONFIG);
        }
    };
    if cli.only_validates() {
        for warning in &config.warnings {
            err(&warning.to_string());
        }
        out("The settings can be used.");
        return ExitCode::SUCCESS;
    }
    if let Err(problem) = i3_config::log::init(&config.logging) {
        err(&problem.to_string());
        return ExitCode::from(CONFIG);
    }
    for warning in &config.warnings {
        log::warn!("{warning}");
    }
    ended(daemon::run_gateway(config))
}

fn run_demo(cli: &Cli) -> ExitCode {
    // The network's talk is the output; the machines' notices are for who asks for them.
    let level = if cli.debug { log::LevelFilter::Debug } else { log::LevelFilter::Warn };
    if let Err(problem) = i3_config::log::init(&Logging { level, file: None }) {
        err(&problem.to_string());
        return ExitCode::from(CONFIG);
    }
    ended(demo::run())
}

fn ended(outcome: Result<(), DaemonError>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            match error {
                DaemonError::Settings(_) => ExitCode::from(CONFIG),
                DaemonError::Listen(_) | DaemonError::Store(_) => ExitCode::from(UNAVAILABLE),
                DaemonError::System(_) => ExitCode::FAILURE,
            }
        }
    }
}

/// The key of the client, from the command line, the env file or the environment.
fn key(cli: &Cli, option: Option<&str>) -> Result<Option<String>, ExitCode> {
    match i3_config::environment_of_files(cli.env_file.as_deref()) {
        Ok(environment) => Ok(cli::client_key(option, &environment)),
        Err(problems) => {
            err(&problems.to_string());
            Err(ExitCode::from(CONFIG))
        }
    }
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
    match smol::block_on(client::call(&call.url, key.as_deref(), &call.method, params)) {
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
    match smol::block_on(client::watch(&watch.url, key.as_deref(), &watch.channels, &mut stdout)) {
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

/// The program's output.
fn out(text: &str) {
    // If nobody reads it, there is nobody to tell.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// What is wrong, for the person at the terminal.
fn err(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
