//! Prints every tell to the mud of the key, and every line of its network's channels, until Ctrl-C.
//!
//! I3_GATEWAY_URL names the gateway, or I3_GATEWAY_HOST and I3_GATEWAY_PORT do (JSON lines). I3_API_KEY is the key, and
//! I3_MUD_NAME the name of its mud, as a check.

use i3_client::blocking::Client;
use i3_client::events::Kind;
use i3_client::requests::ChannelList;
use i3_client::{Error, Event, Happening, Options, Role};
use std::io::Write;

fn main() -> std::process::ExitCode {
    match watch() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn watch() -> Result<(), Error> {
    let options = Options {
        // A name of its own: the gateway remembers what this program has received.
        // An observer takes nothing away from the game of the key.
        role: Role::Observer,
        text_format: Some("plain".to_owned()),
        listen_only: true,
        ..Options::from_env("example-rust-watch")?
    };
    let mut client = Client::connect(options)?;
    let mud = client.session().map(|session| session.mud_name.clone()).unwrap_or_default();
    if let Ok(expected) = std::env::var("I3_MUD_NAME")
        && !expected.eq_ignore_ascii_case(&mud)
    {
        say(&format!("-- the key is for {mud}, and not for {expected}"));
    }
    let channels = client.call(&ChannelList::default())?.channels;
    for channel in &channels {
        client.join(&channel.name)?;
    }
    say(&format!("-- connected for {mud}; listening to {} channels", channels.len()));
    loop {
        match client.next_happening(None)? {
            Some(Happening::Event(event)) => {
                if let Kind::ChannelAdded(added) = event.kind() {
                    client.join(&added.channel)?;
                }
                print(&event);
            }
            Some(Happening::Disconnected { error, retry_in: None }) => return Err(error),
            Some(Happening::Disconnected { error, .. }) => say(&format!("-- {error}; connecting again")),
            Some(Happening::Connected(_)) => say("-- connected again"),
            Some(Happening::NotJoined { channel, error }) => say(&format!("-- {channel}: {error}")),
            Some(Happening::Joined { .. }) | None => {}
        }
    }
}

fn print(event: &Event) {
    match event.kind() {
        Kind::TellReceived(tell) => {
            say(&format!("{}@{} tells {}: {}", tell.visname, tell.from_mud, tell.to_user, tell.message));
        }
        Kind::EmotetoReceived(emote) => say(&format!("to {}: {}", emote.to_user, emote.message)),
        Kind::ChannelMessage(line) => {
            say(&format!("[{}] {}@{}: {}", line.channel, line.visname, line.from_mud, line.message));
        }
        Kind::ChannelEmote(line) => say(&format!("[{}] {}", line.channel, line.message)),
        Kind::ChannelTargetedEmote(line) => say(&format!("[{}] {}", line.channel, line.message)),
        _ => {}
    }
}

/// Prints a line. Other muds wrote the text: it must not drive the terminal.
fn say(text: &str) {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut out = std::io::stdout();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        // Nobody reads any more.
        std::process::exit(0);
    }
}
