//! The commands for people: each asks the gateway, waits for the answer, and prints a table or a line.

mod admin;
mod history;
mod methods;
mod network;
mod shown;
mod speech;

use crate::gateway::{Failure, connect, options, sentence};
use crate::look::Look;
use i3_client::blocking::Client;
use i3_config::cli::{Cli, Command};
use i3_config::people::Common;
use i3_daemon::exit::USAGE;
use i3_daemon::terminal::{err, out};
use shown::{Outcome, Problem};
use std::process::ExitCode;

/// Runs a command for people. `None`: the command is another one.
pub(crate) fn run(cli: &Cli, command: &Command) -> Option<ExitCode> {
    let look = Look::of_stdout();
    let with = |common: Common<'_>, ask: &dyn Fn(&mut Client) -> Outcome| asked(cli, &common, ask);
    Some(match command {
        Command::Status(args) => with(args.common(), &|client| network::status(client, look)),
        Command::Muds(args) => with(args.common(), &|client| network::muds(client, args, look)),
        Command::Channels(args) => with(args.common(), &|client| network::channels(client, look)),
        Command::Who(args) => with(args.common(), &|client| network::who(client, args, look)),
        Command::Finger(args) => with(args.common(), &|client| network::finger(client, args, look)),
        Command::Locate(args) => with(args.common(), &|client| network::locate(client, args, look)),
        Command::History(args) => with(args.common(), &|client| history::history(client, args, look)),
        Command::Search(args) => with(args.common(), &|client| history::search(client, args, look)),
        Command::Sessions(args) => with(args.common(), &|client| admin::sessions(client, look)),
        Command::Kick(args) => with(args.common(), &|client| admin::kick(client, args)),
        Command::Drain(args) => with(args.common(), &|client| admin::drain(client)),
        Command::Ban(args) => with(args.common(), &|client| admin::ban(client, args)),
        Command::Unban(args) => with(args.common(), &|client| admin::unban(client, args)),
        Command::Bans(args) => with(args.common(), &|client| admin::bans(client, look)),
        Command::Methods(args) => finished(methods::methods(args.name.as_deref(), look), args.json, false),
        Command::Tell(args) => with(args.common(), &|client| speech::tell(client, args)),
        Command::Say(args) => with(args.common(), &|client| speech::say(client, args)),
        _ => return None,
    })
}

/// Connects, asks and prints.
fn asked(cli: &Cli, common: &Common<'_>, ask: &dyn Fn(&mut Client) -> Outcome) -> ExitCode {
    let options = match options(cli, common) {
        Ok(options) => options,
        Err(code) => return code,
    };
    let with_key = options.key.is_some();
    let outcome = match connect(options) {
        Ok(mut client) => {
            let outcome = ask(&mut client);
            client.close();
            outcome
        }
        Err(Failure { error, .. }) => Err(Problem::Api(error)),
    };
    finished(outcome, common.json, with_key)
}

/// Prints what is to be shown, or the one line that says what to do.
fn finished(outcome: Outcome, json: bool, with_key: bool) -> ExitCode {
    match outcome {
        Ok(shown) if json => {
            crate::call::print(&shown.json);
            ExitCode::SUCCESS
        }
        Ok(shown) => {
            out(&shown.lines.join("\n"));
            ExitCode::SUCCESS
        }
        Err(Problem::Api(error)) => {
            err(&Failure { error, with_key }.advice());
            ExitCode::FAILURE
        }
        Err(Problem::Nothing(line)) => {
            err(&sentence(&line));
            ExitCode::FAILURE
        }
        Err(Problem::Usage(line)) => {
            err(&sentence(&line));
            ExitCode::from(USAGE)
        }
    }
}
