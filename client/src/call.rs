//! The command `call`: one request, as it is, and its answer.

use crate::gateway::{Failure, connect, options};
use crate::params::{method, nearest_method, read, usage};
use crate::text::plain;
use i3_client::{Error, Refusal};
use i3_config::cli::{Call, Cli};
use i3_config::people::Common;
use i3_daemon::exit::USAGE;
use i3_daemon::terminal::{err, out};
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// A call with a parameter `timeout`, in seconds, may take so much longer, up to this limit.
const ASKED_WAIT_MAX: Duration = Duration::from_secs(120);

/// Runs `call`, which prints the result.
pub(crate) fn run(cli: &Cli, command: &Call) -> ExitCode {
    let params = match read(&command.method, &command.params) {
        Ok(params) => params,
        Err(text) => {
            err(&text);
            return ExitCode::from(USAGE);
        }
    };
    let common = Common {
        url: command.url.as_deref(),
        key: command.key.as_deref(),
        ca: &command.ca,
        cert: &command.cert,
        cert_key: &command.cert_key,
        json: true,
    };
    let options = match options(cli, &common) {
        Ok(options) => options,
        Err(code) => return code,
    };
    let with_key = options.key.is_some();
    let called = connect(options).and_then(|mut client| {
        let answer = client.call_raw(&command.method, params.clone(), wait(&command.method, &params));
        client.close();
        answer.map_err(|error| Failure { error, with_key })
    });
    match called {
        Ok(result) => {
            print(&result);
            ExitCode::SUCCESS
        }
        Err(failure) => failed(&failure, &command.method),
    }
}

/// How long the answer may take: the parameter `timeout` adds to it.
fn wait(name: &str, params: &Value) -> Duration {
    let by_position = || {
        let at = method(name)?.params.iter().position(|member| member.name == "timeout")?;
        params.get(at)?.as_f64()
    };
    let asked = params.get("timeout").and_then(Value::as_f64).or_else(by_position);
    // A wait without a number of its own takes as long as the gateway's default.
    let usual = if params.get("wait") == Some(&Value::Bool(true)) { 10.0 } else { 0.0 };
    let asked = asked.filter(|seconds| *seconds > 0.0).unwrap_or(usual);
    ANSWER_TIMEOUT + Duration::from_secs_f64(asked.min(ASKED_WAIT_MAX.as_secs_f64()))
}

/// Prints JSON for a terminal or a program.
pub(crate) fn print(result: &Value) {
    let text = serde_json::to_string_pretty(result).unwrap_or_default();
    // JSON escapes most control characters. The others are removed here.
    out(&text.lines().map(crate::text::escaped).collect::<Vec<_>>().join("\n"));
}

/// Prints an error with its particulars, and returns the exit code.
pub(crate) fn failed(failure: &Failure, method: &str) -> ExitCode {
    match &failure.error {
        Error::Refused(refusal) => {
            err(&format!("the gateway answered with error {}: {}", refusal.code, plain(&refusal.message)));
            if refusal.code == Refusal::UNKNOWN_METHOD
                && let Some(nearest) = nearest_method(method)
            {
                err(&format!("Did you mean {nearest}? `i3-gateway methods` lists all."));
            }
            if refusal.code == -32602
                && let Some(method) = crate::params::method(method)
            {
                err(&usage(method));
            }
            if !refusal.data.is_null() {
                err(&plain(&refusal.data.to_string()));
            }
        }
        _ => err(&failure.advice()),
    }
    failure.code()
}
