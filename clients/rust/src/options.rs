//! What a client is told at its start.

use crate::Error;
use std::fmt;
use std::time::Duration;

/// Whom a session speaks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// The game: an event that it has received counts as delivered.
    #[default]
    Game,
    /// A tool that only looks: what it receives is still kept for the game.
    Observer,
}

/// When the client tells the gateway that an event has arrived. Only a client with a name can do so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acks {
    /// When the program asks for the next event.
    #[default]
    Taken,
    /// When the program calls [`Machine::acknowledge`](crate::Machine::acknowledge).
    Manual,
}

/// When the client connects again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retry {
    /// Always, unless the gateway does not accept the key.
    #[default]
    Always,
    /// After a loss, but not if the first attempt fails.
    OnceConnected,
    /// Never.
    Never,
}

/// What a client is told at its start.
#[derive(Clone)]
pub struct Options {
    /// `ws://HOST:PORT/PATH`, `wss://…`, or `tcp://HOST:PORT` and `tls://HOST:PORT` for the port of JSON lines.
    pub url: String,
    /// The API key. A gateway without authentication needs none.
    pub key: Option<String>,
    /// A name under which the gateway remembers which events this client has received. Choose one for each program, and
    /// keep it.
    pub client: Option<String>,
    /// Whom the sessions speak for.
    pub role: Role,
    /// How texts are delivered: `raw`, `plain`, `ansi` or `html`. `None`: as the settings of the key say.
    pub text_format: Option<String>,
    /// The channels to join, after each connection.
    pub channels: Vec<String>,
    /// Only listen on these channels: other muds do not see a new member, and the session may not speak there.
    pub listen_only: bool,
    /// When events are acknowledged.
    pub acks: Acks,
    /// When the client connects again.
    pub retry: Retry,
    /// The pause before the first retry. Each further one is twice as long.
    pub retry_first: Duration,
    /// The longest pause before a retry.
    pub retry_max: Duration,
    /// How long connecting, a handshake and an answer may take.
    pub timeout: Duration,
    /// Which number the jitter of the pauses is made from.
    pub seed: u64,
    /// The settings of TLS. `None`: the authorities of this system are trusted.
    #[cfg(feature = "tls")]
    pub tls: Option<std::sync::Arc<rustls::ClientConfig>>,
}

impl Options {
    /// The options for a gateway, with nothing out of the ordinary.
    pub fn new(url: impl Into<String>) -> Options {
        Options {
            url: url.into(),
            key: None,
            client: None,
            role: Role::Game,
            text_format: None,
            channels: Vec::new(),
            listen_only: false,
            acks: Acks::Taken,
            retry: Retry::Always,
            retry_first: Duration::from_secs(1),
            retry_max: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
            seed: u64::from(std::process::id()),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// The options that the environment gives: I3_GATEWAY_URL, or I3_GATEWAY_HOST and I3_GATEWAY_PORT (JSON lines), and
    /// I3_API_KEY. `client` is the name of the program.
    pub fn from_env(client: &str) -> Result<Options, Error> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let url = match (variable("I3_GATEWAY_URL"), variable("I3_GATEWAY_HOST"), variable("I3_GATEWAY_PORT"))
        {
            (Some(url), _, _) => url,
            (None, None, None) => "ws://127.0.0.1:8080/ws".to_owned(),
            (None, host, port) => {
                let host = host.unwrap_or_else(|| "127.0.0.1".to_owned());
                let host =
                    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
                format!("tcp://{host}:{}", port.unwrap_or_else(|| "8081".to_owned()))
            }
        };
        let options = Options {
            key: variable("I3_API_KEY").map(|key| key.trim().to_owned()),
            client: Some(client.to_owned()),
            ..Options::new(url.trim())
        };
        Target::of(&options.url).map(|_| options)
    }
}

/// Omits the key.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("url", &self.url)
            .field("client", &self.client)
            .field("role", &self.role)
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}

/// Where the gateway is, and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The path of a WebSocket. `None`: JSON lines.
    pub(crate) path: Option<String>,
    pub(crate) secured: bool,
}

impl Target {
    pub(crate) fn of(url: &str) -> Result<Target, Error> {
        let bad = |text: &str| Error::Usage(format!("{text}, for example ws://127.0.0.1:8080/ws"));
        let (scheme, rest) =
            url.split_once("://").ok_or_else(|| bad("a URL begins with ws://, wss://, tcp:// or tls://"))?;
        let (is_lines, secured, usual) = match scheme {
            "ws" => (false, false, 80),
            "wss" => (false, true, 443),
            "tcp" => (true, false, 8081),
            "tls" => (true, true, 8081),
            _ => return Err(bad("a URL begins with ws://, wss://, tcp:// or tls://")),
        };
        let (authority, path) = rest.find(['/', '?']).map_or((rest, "/"), |at| rest.split_at(at));
        if authority.contains(['@', '#', ' ']) || path.contains(['#', ' ']) || !url.is_ascii() {
            return Err(bad("the URL cannot be read; it is of the form ws://HOST:PORT/PATH"));
        }
        let after_address = authority.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match authority[after_address..].rfind(':') {
            Some(at) => {
                let (host, port) = authority.split_at(after_address + at);
                let port = port[1..].parse().map_err(|_| bad("the URL has no valid port"))?;
                (host, port)
            }
            None => (authority, usual),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(bad("the URL names no host"));
        }
        let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
        Ok(Target { host: host.to_owned(), port, path: (!is_lines).then_some(path), secured })
    }

    /// The host and the port as a header has them.
    pub(crate) fn authority(&self) -> String {
        let host = &self.host;
        if host.contains(':') { format!("[{host}]:{}", self.port) } else { format!("{host}:{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let of = |url: &str| {
            let target = Target::of(url).unwrap();
            (target.authority(), target.path, target.secured)
        };
        let path = |path: &str| Some(path.to_owned());
        assert_eq!(of("ws://[::1]:8080/ws"), ("[::1]:8080".to_owned(), path("/ws"), false));
        assert_eq!(of("ws://hollow.example"), ("hollow.example:80".to_owned(), path("/"), false));
        assert_eq!(
            of("wss://hollow.example/ws?a=b"),
            ("hollow.example:443".to_owned(), path("/ws?a=b"), true)
        );
        assert_eq!(of("tcp://127.0.0.1:8081"), ("127.0.0.1:8081".to_owned(), None, false));
        assert_eq!(of("tls://h"), ("h:8081".to_owned(), None, true));
        for (url, expected) in [
            ("http://hollow.example/ws", "begins with ws://"),
            ("hollow.example:8080", "begins with ws://"),
            ("ws:///ws", "names no host"),
            ("ws://h:99999/", "port"),
            ("ws://user@h/", "cannot be read"),
            ("ws://h/a b", "cannot be read"),
            ("", "begins with ws://"),
        ] {
            let error = Target::of(url).unwrap_err().to_string();
            assert!(error.contains(expected), "{url}: {error}");
        }
        let options = Options { key: Some("secret".to_owned()), ..Options::new("ws://h") };
        assert!(!format!("{options:?}").contains("secret"));
    }
}
