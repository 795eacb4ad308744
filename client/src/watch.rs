//! The command `watch`: every event in words, as it comes.

use crate::events::in_words;
use crate::gateway::{Failure, options, output, sentence};
use crate::look::Look;
use crate::style::Style;
use crate::text::{Styled, plain};
use i3_client::blocking::Client;
use i3_client::{Error, Happening, Options, Retry};
use i3_config::cli::{Cli, Watch};
use i3_config::people::Common;
use i3_daemon::terminal::err;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

/// The pause before the client connects again.
const RECONNECT_DELAY: Duration = Duration::from_secs(2);
/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// Columns by which the further lines of an event are indented: those of the time.
const INDENT: usize = 9;

/// Puts what happens into words.
#[derive(Debug, Default)]
pub struct Watcher {
    look: Look,
    connections: u64,
    said: String,
}

impl Watcher {
    /// A watcher that writes lines of this look.
    pub fn new(look: Look) -> Watcher {
        Watcher { look, ..Watcher::default() }
    }

    /// The lines for what has happened. There may be none.
    pub fn lines(&mut self, happening: &Happening) -> Vec<String> {
        match happening {
            Happening::Event(event) => in_words(&event.name, &event.params).lines(self.look, INDENT),
            Happening::Connected(_) => {
                self.connections += 1;
                self.said.clear();
                if self.connections == 1 { Vec::new() } else { self.remark("connected again") }
            }
            Happening::Disconnected { error, retry_in: Some(pause) } => {
                // A repeated failure is told once.
                let text = plain(&error.to_string());
                if self.said == text {
                    return Vec::new();
                }
                let line = format!("{text}; connecting again in {} s", pause.as_secs().max(1));
                self.said = text;
                self.remark(&line)
            }
            Happening::Disconnected { .. } => Vec::new(),
            Happening::Joined { channels } => self
                .remark(&format!("listening to {channels} channel{}", if *channels == 1 { "" } else { "s" })),
            Happening::NotJoined { channel, error } => {
                self.remark(&format!("cannot join {}: {}", plain(channel), plain(&error.to_string())))
            }
        }
    }

    /// The lines of a remark that is no event.
    pub(crate) fn remark(&self, text: &str) -> Vec<String> {
        Styled::default().with(Style::Dim, format!("-- {text}")).lines(self.look, 3)
    }
}

/// The options of a client that watches.
fn watching(options: Options) -> Options {
    Options {
        // The watch never speaks, so the channels do not show it as a new member.
        listen_only: true,
        retry: Retry::OnceConnected,
        retry_first: RECONNECT_DELAY,
        retry_max: RECONNECT_DELAY,
        ..options
    }
}

/// Why a watch ended.
enum Ended {
    Client(Error),
    Output(io::Error),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Ended {
        Ended::Output(error)
    }
}

impl From<Error> for Ended {
    fn from(error: Error) -> Ended {
        Ended::Client(error)
    }
}

/// Runs `watch`, which prints events until it is stopped.
pub(crate) fn run(cli: &Cli, command: &Watch) -> ExitCode {
    let common = Common {
        url: command.url.as_deref(),
        key: command.key.as_deref(),
        ca: &command.ca,
        cert: &command.cert,
        cert_key: &command.cert_key,
        json: false,
    };
    let options = match options(cli, &common) {
        Ok(options) => Options { channels: command.channels.clone(), ..watching(options) },
        Err(code) => return code,
    };
    let with_key = options.key.is_some();
    let ended = match watch(options, command.trace, &mut io::stdout()) {
        Ok(never) => match never {},
        Err(ended) => ended,
    };
    match ended {
        Ended::Output(error) => output(&error),
        Ended::Client(error) => {
            let failure = Failure { error, with_key };
            err(&failure.advice());
            failure.code()
        }
    }
}

fn print(out: &mut impl Write, lines: &[String]) -> io::Result<()> {
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}

/// Subscribes, and writes what happens. It ends only if the first attempt to connect fails, the key is refused or may not
/// see packets, or the output cannot be written.
fn watch(options: Options, is_trace: bool, out: &mut impl Write) -> Result<std::convert::Infallible, Ended> {
    let joins_all = !is_trace && options.channels.is_empty();
    // Packets are shown without the channels.
    let options = if is_trace { Options { channels: Vec::new(), ..options } } else { options };
    let mut client = Client::new(options)?;
    let mut watcher = Watcher::new(Look::of_stdout());
    loop {
        let Some(happening) = client.next_happening(None)? else { continue };
        print(out, &watcher.lines(&happening))?;
        match &happening {
            Happening::Disconnected { error, retry_in: None } => return Err(error.clone().into()),
            Happening::Connected(_) if is_trace => {
                match client.call_raw("trace", Value::Null, ANSWER_TIMEOUT) {
                    Ok(_) => print(out, &watcher.remark("showing packets"))?,
                    // The connection is made again, and the packets asked for again.
                    Err(Error::Lost(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Happening::Connected(_) if joins_all => {
                match crate::page::whole(&mut client, "channel_list", json!({}), "channels") {
                    Ok(answer) => join_all(&mut client, &watcher, &answer, out)?,
                    // The connection is made again, and the list asked for again.
                    Err(Error::Lost(_)) => {}
                    Err(error) => {
                        let text = sentence(&error.to_string());
                        print(out, &watcher.remark(&format!("cannot list the channels: {text}")))?;
                    }
                }
            }
            Happening::Event(event) if joins_all && event.name == "channel_added" => {
                if let Some(channel) = event.params["channel"].as_str() {
                    let _ = client.join(channel);
                }
            }
            _ => {}
        }
    }
}

fn join_all(
    client: &mut Client,
    watcher: &Watcher,
    answer: &Value,
    out: &mut impl Write,
) -> Result<(), Ended> {
    let channels = answer["channels"].as_array().map_or(&[][..], Vec::as_slice);
    let mut left_out = 0;
    for name in channels.iter().filter_map(|channel| channel["name"].as_str()) {
        left_out += usize::from(client.join(name).is_err());
    }
    if channels.is_empty() {
        print(out, &watcher.remark("listening to 0 channels"))?;
    }
    if left_out > 0 {
        let text = format!("{left_out} channels are left out: name those to listen to");
        print(out, &watcher.remark(&text))?;
    }
    Ok(())
}
