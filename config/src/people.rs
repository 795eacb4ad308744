//! The commands for people: each asks a running gateway, and prints a table or a line.

use argh::FromArgs;
use std::path::PathBuf;

/// What all these commands have in common: how to find the gateway, and the form of the output.
#[derive(Clone, Copy, Debug)]
pub struct Common<'a> {
    /// The URL of the gateway.
    pub url: Option<&'a str>,
    /// The API key.
    pub key: Option<&'a str>,
    /// Trusted authorities, or the gateway's own certificate.
    pub ca: &'a Option<PathBuf>,
    /// A client certificate.
    pub cert: &'a Option<PathBuf>,
    /// Its private key.
    pub cert_key: &'a Option<PathBuf>,
    /// Print JSON.
    pub json: bool,
}

/// Defines a command with the common options.
macro_rules! people {
    ($($(#[$meta:meta])* $name:ident $word:tt { $($(#[$field_meta:meta])* $field:ident : $type:ident $(< $inner:ident >)?,)* })*) => {$(
        $(#[$meta])*
        #[derive(FromArgs, Debug)]
        #[argh(subcommand, name = $word)]
        pub struct $name {
            /// the URL of the gateway (default: from the settings, else ws://127.0.0.1:8080/ws)
            #[argh(option)]
            pub url: Option<String>,
            /// the API key (default: the variable I3_API_KEY or I3_GATEWAY_SECRET)
            #[argh(option)]
            pub key: Option<String>,
            /// for wss:// URLs: trusted authorities, or the gateway's own certificate, in PEM
            #[argh(option, arg_name = "file")]
            pub ca: Option<PathBuf>,
            /// a client certificate in PEM, if the gateway asks for one
            #[argh(option, arg_name = "file")]
            pub cert: Option<PathBuf>,
            /// the private key of that certificate, in PEM
            #[argh(option, long = "cert-key", arg_name = "file")]
            pub cert_key: Option<PathBuf>,
            /// print JSON, for programs
            #[argh(switch)]
            pub json: bool,
            $($(#[$field_meta])* pub $field: $type $(< $inner >)?,)*
        }

        impl $name {
            /// The options that all commands for people have.
            pub fn common(&self) -> Common<'_> {
                Common {
                    url: self.url.as_deref(),
                    key: self.key.as_deref(),
                    ca: &self.ca,
                    cert: &self.cert,
                    cert_key: &self.cert_key,
                    json: self.json,
                }
            }
        }
    )*};
}

people! {
    /// Shows the link to the router, and what is known of the network.
    Status "status" {}

    /// Lists the muds of the network.
    Muds "muds" {
        /// only muds that are up
        #[argh(switch)]
        up: bool,
        /// only muds whose names contain this
        #[argh(positional)]
        name: Vec<String>,
    }

    /// Lists the channels of the network.
    Channels "channels" {}

    /// Shows who is on a mud.
    Who "who" {
        /// how many seconds to wait for the answer (default: 10)
        #[argh(option)]
        timeout: Option<f64>,
        /// the mud
        #[argh(positional)]
        mud: Vec<String>,
    }

    /// Shows what a mud tells of a user.
    Finger "finger" {
        /// how many seconds to wait for the answer (default: 10)
        #[argh(option)]
        timeout: Option<f64>,
        /// the user, as USER@MUD
        #[argh(positional, arg_name = "user@mud")]
        user: Vec<String>,
    }

    /// Asks all muds whether a user is there.
    Locate "locate" {
        /// how many seconds to wait for answers (default: 10)
        #[argh(option)]
        timeout: Option<f64>,
        /// the user
        #[argh(positional)]
        user: String,
    }

    /// Shows the last lines of a channel.
    History "history" {
        /// how many lines (default: 20)
        #[argh(option)]
        limit: Option<u32>,
        /// the channel
        #[argh(positional)]
        channel: String,
    }

    /// Searches the history of the channels.
    Search "search" {
        /// how many lines (default: 20)
        #[argh(option)]
        limit: Option<u32>,
        /// only this channel
        #[argh(option)]
        channel: Option<String>,
        /// the words to look for
        #[argh(positional)]
        words: Vec<String>,
    }

    /// Lists the sessions of the gateway: all clients that are connected.
    Sessions "sessions" {}

    /// Ends a session.
    Kick "kick" {
        /// the session, as `sessions` shows it: its beginning is enough
        #[argh(positional)]
        session: String,
    }

    /// Gives the links of a gateway to the other gateways that share its database. It waits until they have them. Clients stay
    /// connected. The gateway takes no links until it is restarted.
    Drain "drain" {}

    /// Bans users or muds, so that their packets are dropped.
    Ban "ban" {
        /// for how long: a number with s, m, h, d or w (default: for ever)
        #[argh(option, long = "for", arg_name = "duration")]
        lasting: Option<String>,
        /// why, for people
        #[argh(option, arg_name = "text")]
        reason: Option<String>,
        /// the user as USER@MUD, with * and ?, such as *@SpamMud
        #[argh(positional)]
        pattern: String,
    }

    /// Removes a ban.
    Unban "unban" {
        /// the number of the ban, as `bans` shows it
        #[argh(positional)]
        id: i64,
    }

    /// Lists the bans.
    Bans "bans" {}

    /// Lists the methods of the API, or describes one. It asks no gateway.
    Methods "methods" {
        /// the method to describe
        #[argh(positional)]
        name: Option<String>,
    }

    /// Sends a message to a user of another mud.
    Tell "tell" {
        /// the name of the sender (default: Someone)
        #[argh(option, arg_name = "name")]
        from: Option<String>,
        /// the user, as USER@MUD
        #[argh(positional, arg_name = "user@mud")]
        user: String,
        /// the message
        #[argh(positional)]
        text: Vec<String>,
    }

    /// Says something on a channel.
    Say "say" {
        /// the name of the sender (default: Someone)
        #[argh(option, arg_name = "name")]
        from: Option<String>,
        /// the channel
        #[argh(positional)]
        channel: String,
        /// what to say
        #[argh(positional)]
        text: Vec<String>,
    }
}

/// Options of the commands for people that have a value, and those that have none.
const WITH_VALUE: &[&str] = &[
    "--url",
    "--key",
    "--ca",
    "--cert",
    "--cert-key",
    "--timeout",
    "--limit",
    "--channel",
    "--for",
    "--reason",
    "--from",
];
const WITHOUT_VALUE: &[&str] = &["--json", "--help", "--up"];

/// Puts the words of a text behind all options, so that a text may contain words that look like options or like a call
/// for help. `fixed` is the number of words before the text: what looks like an option there is one.
fn with_text(words: &[String], fixed: usize) -> Vec<String> {
    let (mut options, mut others) = (Vec::new(), Vec::new());
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            others.extend(rest.by_ref().cloned());
        } else if WITH_VALUE.contains(&word.as_str()) {
            options.push(word.clone());
            options.extend(rest.next().cloned());
        } else if WITHOUT_VALUE.contains(&word.as_str()) || (word.starts_with('-') && others.len() < fixed) {
            options.push(word.clone());
        } else {
            others.push(word.clone());
        }
    }
    if !others.is_empty() {
        options.push("--".to_owned());
    }
    options.extend(others);
    options
}

/// Joins the words of a reason, which end at the next option. If no pattern stands elsewhere, it is the last of them.
fn with_reason(words: &[String]) -> Vec<String> {
    let (mut others, mut reason): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut is_reason = false;
    let mut rest = words.iter();
    let mut has_pattern = false;
    while let Some(word) = rest.next() {
        if word == "--reason" {
            is_reason = true;
        } else if WITH_VALUE.contains(&word.as_str()) {
            is_reason = false;
            others.push(word.clone());
            others.extend(rest.next().cloned());
        } else if WITHOUT_VALUE.contains(&word.as_str()) {
            is_reason = false;
            others.push(word.clone());
        } else if is_reason {
            reason.push(word.clone());
        } else {
            has_pattern |= !word.starts_with('-');
            others.push(word.clone());
        }
    }
    if !has_pattern && reason.len() > 1 {
        others.extend(reason.pop());
    }
    if is_reason || !reason.is_empty() {
        others.insert(0, "--reason".to_owned());
        // Without a word argh says that the value is missing.
        if !reason.is_empty() {
            others.insert(1, reason.join(" "));
        }
    }
    others
}

/// Takes `--name=value` apart.
fn apart(words: &[String]) -> Vec<String> {
    let (mut all, mut is_text) = (Vec::new(), false);
    for word in words {
        is_text |= word == "--";
        match word.split_once('=') {
            Some((name, value)) if !is_text && WITH_VALUE.contains(&name) => {
                all.extend([name.to_owned(), value.to_owned()]);
            }
            _ => all.push(word.clone()),
        }
    }
    all
}

/// Prepares the words after a command, so that texts need no quotes.
pub(crate) fn prepared(command: &str, words: &[String]) -> Vec<String> {
    let words = apart(words);
    match command {
        "tell" | "say" => with_text(&words, 1),
        "search" => with_text(&words, 0),
        // Names: what looks like an option is one.
        "who" | "finger" | "muds" => with_text(&words, usize::MAX),
        "ban" => with_reason(&words),
        _ => words,
    }
}
