//! The commands that ask a running gateway: they return the exit code.

use crate::gateway::{connect, options};
use crate::text::plain;
use i3_client::Error;
use i3_config::cli::{Cli, Command, Retire};
use i3_config::people::Common;
use i3_daemon::retire::advice;
use i3_daemon::terminal::{err, out};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Runs a command that asks a running gateway. `None`: the command is another one.
pub fn run(cli: &Cli) -> Option<ExitCode> {
    Some(match cli.command.as_ref()? {
        Command::Call(command) => crate::call::run(cli, command),
        Command::Watch(command) => crate::watch::run(cli, command),
        command => return crate::people::run(cli, command),
    })
}

/// Asks a gateway that runs to take its mud off the network.
pub fn run_retire(cli: &Cli, command: &Retire) -> ExitCode {
    let name = command.mud.as_deref();
    let params = name.map_or_else(|| json!({}), |name| json!({"mud_name": name}));
    let none = None;
    let common = Common {
        url: None,
        key: command.key.as_deref(),
        ca: &none,
        cert: &none,
        cert_key: &none,
        json: false,
    };
    let options = match options(cli, &common) {
        Ok(options) => options,
        Err(code) => return code,
    };
    let with_key = options.key.is_some();
    let asked = connect(options).and_then(|mut client| {
        let answer = client.call_raw("retire", params, crate::page::ANSWER_TIMEOUT);
        client.close();
        answer.map_err(|error: Error| crate::gateway::Failure { error, with_key })
    });
    match asked {
        Ok(result) => {
            out(&advice(&plain(result.get("mud_name").and_then(Value::as_str).unwrap_or("the mud"))));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            err(
                "A gateway runs with this state, and has not taken its mud off the network. Or stop it, and try again.",
            );
            crate::call::failed(&failure, "retire")
        }
    }
}
