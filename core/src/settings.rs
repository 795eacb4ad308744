//! The settings of a gateway, as plain values. Their sources (YAML, environment) are not this crate's concern.

pub use crate::colour::TextStyle;
pub use crate::i3::Charset;
use crate::ids::MudId;
use crate::notice::Level;
pub use ipnet::IpNet;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

/// All settings of a [`crate::Gateway`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// The muds that the gateway speaks for, each with its own router link. The first is the gateway's own mud. At
    /// least one.
    pub muds: Vec<MudSettings>,
    /// The links to routers.
    pub link: LinkSettings,
    /// The API for local clients.
    pub api: ApiSettings,
    /// This node, where several nodes share a database. `None`: the gateway runs on one host, and holds all its muds.
    pub node: Option<NodeSettings>,
}

/// One of several gateways that share a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSettings {
    /// The name, different on each node.
    pub name: String,
    /// Tells this start of the node from all others, of any node.
    pub boot: String,
    /// How long a lease runs. Another node may take a mud when its lease was not prolonged for so long.
    pub lease: Duration,
    /// Whether the node keeps its links although the database is away for longer than a lease. Only a single node may.
    pub keeps_without_database: bool,
}

/// One mud on the network.
#[derive(Clone, Debug)]
pub struct MudSettings {
    /// The name on the network: case-sensitive, up to [`MUD_NAME_BYTES_MAX`] bytes.
    pub name: String,
    /// The port for players.
    pub player_port: u16,
    /// The e-mail address of the administrator.
    pub admin_email: String,
    /// The mudlib and its version.
    pub mudlib: String,
    /// The mudlib that it is derived from.
    pub base_mudlib: String,
    /// The driver and its version.
    pub driver: String,
    /// The type of mud: `Circle`, `LP`, …
    pub mud_type: String,
    /// Free text about whether the mud is open.
    pub open_status: String,
    /// The services that are advertised, by their names in Intermud-3. A service that is missing or 0 is neither
    /// advertised nor served.
    /// Muds with the same services share them.
    pub services: Arc<BTreeMap<String, i64>>,
    /// The routers, in the order of preference. At least one.
    pub routers: Vec<RouterSettings>,
    /// The password for the first login, while none is saved.
    pub router_password: i64,
    /// Channels that the mud always listens to, whether or not a client has joined. Sessions that speak for the game are
    /// joined to them, unless their key names its own.
    pub channels: Vec<String>,
    /// How the mud itself may log in at the port for muds that speak Intermud-3. `None`: it may not.
    pub i3: Option<I3Login>,
}

/// How a mud that speaks Intermud-3 logs in here, and what the gateway does while it is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct I3Login {
    /// The addresses from which it may log in.
    pub allow: Vec<IpNet>,
    /// The password that it must send. `None`: the one that it was given at its first login.
    pub password: Option<i64>,
    /// The character set that it reads.
    pub charset: Charset,
    /// How long the gateway stays logged in at the router while the mud is away.
    pub stay: Duration,
    /// Whether tells that came while it was away are delivered when it is back.
    pub late_tells: bool,
    /// Number of lines of each channel that are delivered when it is back.
    pub late_lines: usize,
    /// The user of the mud who is told when tells or lines were lost while it was away.
    pub admin: Option<String>,
    /// Whether the gateway answers who with the mud's own last answer while it is away. If not, with nobody.
    pub away_who: bool,
}

impl Default for I3Login {
    fn default() -> Self {
        I3Login {
            allow: Vec::new(),
            password: None,
            charset: Charset::Utf8,
            stay: Duration::from_secs(600),
            late_tells: true,
            late_lines: 0,
            admin: None,
            away_who: true,
        }
    }
}

/// A router to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterSettings {
    /// The name, with the `*`. A router does not answer a login under another name.
    pub name: String,
    /// A host name or an address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The character set of texts sent to it. Received texts may be in either, string by string.
    pub charset: Charset,
}

/// The links to routers.
#[derive(Clone, Debug)]
pub struct LinkSettings {
    /// How long a connection may take to open.
    pub connect_timeout: Duration,
    /// How long a router may take to answer a login. Some routers refuse by silence.
    pub startup_timeout: Duration,
    /// The silence after which the link is probed.
    pub keepalive_interval: Duration,
    /// The silence after which the link counts as dead. More than `keepalive_interval`.
    pub dead_after: Duration,
    /// The wait after the first failure. It doubles with each further failure.
    pub reconnect_delay: Duration,
    /// The longest wait after a failure.
    pub reconnect_delay_max: Duration,
    /// While a router further down the list is in use, the link returns to the first one after that has been reachable
    /// for this long. `None`: only when the current one is lost.
    pub return_after: Option<Duration>,
    /// Whether a router may send the link to another one, in its startup-reply. The link follows at most once an hour
    /// to each.
    pub follow_redirects: bool,
    /// Packets to a router in any second. Dead Souls penalises more than 10. `None`: no limit.
    pub packets_per_second: Option<u32>,
    /// How many of them may be sent at once. The others follow evenly.
    pub packets_burst: u32,
    /// Packets that may wait for their turn. More are refused.
    pub queue_packets_max: usize,
    /// The longest frame that is sent. Dead Souls' default limit is 10,000 bytes.
    pub frame_bytes_max: usize,
    /// Whether a tell or a channel message that does not fit into a frame is split at word ends into several. If not,
    /// it is refused.
    pub split_long_texts: bool,
    /// Whether `'` and `/` are sent for quotes and backslashes. `None`: where the router is a CoffeeMud's, which writes
    /// strings without escapes, so that a text with one of them is lost on muds that read strictly.
    pub replace_quotes: Option<bool>,
}

impl Default for LinkSettings {
    fn default() -> Self {
        LinkSettings {
            connect_timeout: Duration::from_secs(30),
            startup_timeout: Duration::from_secs(30),
            keepalive_interval: Duration::from_secs(60),
            dead_after: Duration::from_secs(90),
            reconnect_delay: Duration::from_secs(2),
            reconnect_delay_max: Duration::from_secs(300),
            return_after: Some(Duration::from_secs(600)),
            follow_redirects: false,
            packets_per_second: Some(8),
            packets_burst: 8,
            queue_packets_max: 1000,
            frame_bytes_max: 9500,
            split_long_texts: false,
            replace_quotes: None,
        }
    }
}

/// The longest JSON text of an identified client, unless the settings say otherwise. The longest `presence_sync` fits: 512
/// users whose texts have as many characters as they may, each written as `\u....`.
pub const MESSAGE_BYTES_MAX: usize = 4_194_304;

/// The API for local clients.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// The API keys. `None`: every client is accepted, with all permissions, as the first mud.
    pub keys: Option<Vec<KeySettings>>,
    /// Number of connections of all kinds at a time.
    pub connections_max: usize,
    /// Number of these from one address (for IPv6, one /64 network). Connections from this host and from trusted
    /// proxies do not count.
    pub connections_per_address_max: usize,
    /// Which addresses may connect, and which proxies are trusted.
    pub addresses: AddressRules,
    /// The origins of web pages that may send requests, such as `https://example.org`, without regard to case. A page
    /// from the gateway's own host may send them too. A client that is not a browser sends no origin and is accepted.
    pub allowed_origins: Vec<String>,
    /// The longest JSON text of an identified client, as a line or a WebSocket message.
    pub message_bytes_max: usize,
    /// How long a request head or a WebSocket handshake may take.
    pub handshake_timeout: Duration,
    /// How long an HTTP connection may be idle between requests.
    pub idle_timeout: Duration,
    /// How long a client of JSON lines may neither send nor take anything before its session ends.
    pub session_timeout: Duration,
    /// Whether WebSocket clients may agree to compressed messages (permessage-deflate).
    pub compression: bool,
    /// How often a WebSocket client is pinged.
    pub ping_interval: Duration,
    /// How long a WebSocket client may take to answer a ping.
    pub ping_timeout: Duration,
    /// The request rates. `None`: no limit.
    pub rate_limits: Option<RateLimits>,
    /// Tells, emotes and channel messages of one local user a minute. `None`: no limit.
    pub user_messages_per_minute: Option<u32>,
    /// How long the users of a `presence_sync` count as online.
    pub presence_ttl: Duration,
    /// Which events are kept.
    pub events: EventSettings,
    /// The level of the log at the start, until the method `log_level` changes it.
    pub log_level: Level,
    /// The address of the port for muds that speak Intermud-3, as they are told it: `"IP PORT"`. Some go there when they
    /// connect the next time.
    pub i3_address: String,
    /// The files of the page for people. Empty: there is no page.
    pub console: &'static [PageFile],
    /// What is doubtful about the settings, as texts for people.
    pub warnings: Vec<String>,
}

/// A file of the page for people, which is part of the program.
#[derive(Clone, Copy)]
pub struct PageFile {
    /// The path under which it is served. That of the page itself is `/`.
    pub path: &'static str,
    /// The type, for the header `Content-Type`.
    pub content_type: &'static str,
    /// The contents.
    pub body: &'static [u8],
}

/// Shows no contents, which are long.
impl fmt::Debug for PageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Default for ApiSettings {
    fn default() -> Self {
        ApiSettings {
            keys: None,
            connections_max: 1000,
            connections_per_address_max: 100,
            addresses: AddressRules::default(),
            allowed_origins: Vec::new(),
            message_bytes_max: MESSAGE_BYTES_MAX,
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            session_timeout: Duration::from_secs(3600),
            compression: true,
            ping_interval: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(30),
            rate_limits: None,
            user_messages_per_minute: None,
            presence_ttl: Duration::from_secs(30),
            events: EventSettings::default(),
            log_level: Level::Info,
            i3_address: "127.0.0.1 8790".to_owned(),
            console: &[],
            warnings: Vec::new(),
        }
    }
}

/// Which events are kept, for absent games and for the history. All limits are for one mud.
#[derive(Clone, Debug)]
pub struct EventSettings {
    /// How long tells, emotetos and beeps are kept for an absent game. Zero: they are refused while it is absent.
    pub keep_tells: Duration,
    /// How long channel messages are kept for an absent game. For this time the mud also stays on the channels of a
    /// game that has disconnected.
    pub keep_channels: Duration,
    /// How long answers and errors are kept for an absent game.
    pub keep_answers: Duration,
    /// Number of events that are kept for an absent game: of the tells, of the answers, and of each channel.
    pub kept_max: usize,
    /// Bytes of all kept events, history included, in memory and in the store.
    pub log_bytes_max: usize,
    /// The greatest age of messages in the history.
    pub history_age: Duration,
    /// Number of messages in the history of one channel.
    pub history_max: usize,
    /// Whether the history includes tells.
    pub history_holds_tells: bool,
    /// Whether the store keeps the lines of the history beyond what is in memory, for `history_age`. It must be able to
    /// answer questions about them.
    pub history_in_store: bool,
    /// Bytes of the lines of one mud that the store keeps.
    pub history_bytes_max: u64,
}

impl Default for EventSettings {
    fn default() -> Self {
        EventSettings {
            keep_tells: Duration::from_secs(300),
            keep_channels: Duration::from_secs(60),
            keep_answers: Duration::from_secs(60),
            kept_max: 1000,
            log_bytes_max: 2_097_152,
            history_age: Duration::from_secs(30 * 86_400),
            history_max: 100,
            history_holds_tells: false,
            history_in_store: false,
            history_bytes_max: 1_073_741_824,
        }
    }
}

/// Which addresses may connect, and which proxies are trusted. An IPv4-mapped IPv6 address counts as IPv4.
#[derive(Clone, Debug)]
pub struct AddressRules {
    /// Only these addresses may connect. Empty: all.
    pub whitelist: Vec<IpNet>,
    /// These addresses may not connect, even if they are in the whitelist.
    pub blacklist: Vec<IpNet>,
    /// Proxies whose report of a client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The one header in which they report it.
    pub client_ip_header: ClientIpHeader,
}

/// The header in which a trusted proxy reports the address of its client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientIpHeader {
    /// `X-Real-IP`: one address. Only for proxies that replace what the client sends.
    RealIp,
    /// `X-Forwarded-For`: a list to which each proxy appends the address of its peer. Every common proxy can do that.
    #[default]
    ForwardedFor,
    /// `Forwarded` (RFC 7239): the same list, with names.
    Forwarded,
}

impl ClientIpHeader {
    /// Every header, with its name in the settings.
    pub const ALL: &[(&str, ClientIpHeader)] = &[
        ("x-forwarded-for", ClientIpHeader::ForwardedFor),
        ("forwarded", ClientIpHeader::Forwarded),
        ("x-real-ip", ClientIpHeader::RealIp),
    ];
}

impl Default for AddressRules {
    /// All addresses may connect, and a proxy on this host is trusted.
    fn default() -> Self {
        AddressRules {
            whitelist: Vec::new(),
            blacklist: Vec::new(),
            trusted_proxies: vec![
                IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
                IpNet::from(IpAddr::V6(Ipv6Addr::LOCALHOST)),
            ],
            client_ip_header: ClientIpHeader::default(),
        }
    }
}

/// An API key.
#[derive(Clone)]
pub struct KeySettings {
    /// The SHA-256 digest of the key.
    pub digest: [u8; 32],
    /// Its name for people: in the log, in `sessions` and in the metrics. It may be empty.
    pub name: String,
    /// The mud that its sessions speak for.
    pub mud_name: String,
    /// What its sessions may do.
    pub permissions: Permissions,
    /// Requests a minute, in place of all limits of [`RateLimits`].
    pub requests_per_minute: Option<u32>,
    /// The channels that its sessions are joined to. `None`: those that speak for the game are joined to the channels of
    /// their mud.
    pub channels: Option<Vec<String>>,
    /// How its sessions read texts, unless they say otherwise.
    pub text_format: TextStyle,
}

impl KeySettings {
    /// A key with this digest and nothing out of the ordinary.
    pub fn new(digest: [u8; 32], mud_name: impl Into<String>, permissions: Permissions) -> KeySettings {
        KeySettings {
            digest,
            name: String::new(),
            mud_name: mud_name.into(),
            permissions,
            requests_per_minute: None,
            channels: None,
            text_format: TextStyle::Raw,
        }
    }
}

/// The digest is not a secret that opens anything, but it should not appear in logs.
impl fmt::Debug for KeySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySettings")
            .field("name", &self.name)
            .field("mud_name", &self.mud_name)
            .field("permissions", &self.permissions)
            .finish_non_exhaustive()
    }
}

/// A permission, which a method or an event may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// tell, emoteto, beep
    Tell,
    /// channels: join, leave, send
    Channel,
    /// who, finger, locate and the lists
    Info,
    /// presence_sync
    Presence,
    /// hosting channels
    Host,
    /// bans
    Moderate,
    /// the gateway itself
    Admin,
    /// out-of-band services
    Oob,
}

impl Permission {
    /// Every permission, by its name in the settings.
    pub const ALL: &[(&str, Permission)] = &[
        ("tell", Permission::Tell),
        ("channel", Permission::Channel),
        ("info", Permission::Info),
        ("presence", Permission::Presence),
        ("host", Permission::Host),
        ("moderate", Permission::Moderate),
        ("admin", Permission::Admin),
        ("oob", Permission::Oob),
    ];

    /// Returns the name in the settings.
    pub fn name(self) -> &'static str {
        Permission::ALL.iter().find(|(_, one)| *one == self).map_or("", |(name, _)| name)
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u16);

impl Permissions {
    /// All permissions: `*`.
    pub const ALL: Permissions = Permissions(u16::MAX);

    /// Adds the permission with this name, or all for `*`. Returns whether the name is valid.
    pub fn add(&mut self, name: &str) -> bool {
        if name == "*" {
            *self = Permissions::ALL;
            return true;
        }
        match Permission::ALL.iter().find(|(known, _)| *known == name) {
            Some((_, permission)) => {
                self.0 |= 1 << *permission as u16;
                true
            }
            None => false,
        }
    }

    /// Returns the names of the permissions in the set; `*` if it holds all.
    pub fn names(self) -> Vec<&'static str> {
        if self == Permissions::ALL {
            return vec!["*"];
        }
        let held = Permission::ALL.iter().filter(|(_, permission)| self.has(*permission));
        held.map(|(name, _)| *name).collect()
    }

    /// Whether `permission` is in the set.
    pub fn has(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u16) != 0
    }
}

/// How often each key may send requests. All sessions of a key share its rate. Without keys, each session has a rate of
/// its own.
#[derive(Clone, Debug)]
pub struct RateLimits {
    /// Requests a minute, of all methods together.
    pub per_minute: u32,
    /// How many requests may come at once.
    pub burst: u32,
    /// Limits of single methods, and of methods that are counted together.
    pub by_method: BTreeMap<String, MethodLimit>,
}

/// The limit of a method, or of several methods that are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodLimit {
    /// Requests a minute.
    pub per_minute: u32,
    /// The setting that the limit comes from. Methods with the same setting share one budget.
    pub setting: String,
}

impl MethodLimit {
    /// The limit of one method, from the setting that limits this method alone.
    pub fn of_one(method: &str, per_minute: u32) -> MethodLimit {
        MethodLimit { per_minute, setting: format!("api.rate_limits.by_method.{method}") }
    }
}

/// The longest mud name. The published specification sets no limit; routers and clients use buffers of 254 bytes.
pub const MUD_NAME_BYTES_MAX: usize = 128;

/// Why a gateway cannot start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError(pub String);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingsError {}

impl MudSettings {
    /// Whether a service is advertised, and thus served.
    pub fn offers(&self, service: &str) -> bool {
        self.services.get(service).is_some_and(|value| *value != 0)
    }
}

impl Settings {
    /// Whether the store keeps the lines of the history beyond what is in memory. A store that several nodes share always
    /// does.
    pub fn keeps_lines(&self) -> bool {
        let events = &self.api.events;
        (events.history_in_store || self.node.is_some()) && events.history_age > Duration::ZERO
    }

    /// Returns the settings of a mud.
    pub fn mud(&self, mud: MudId) -> &MudSettings {
        &self.muds[mud.place()]
    }

    /// Checks what the types do not ensure.
    pub fn check(&self) -> Result<(), SettingsError> {
        let fail = |text: String| Err(SettingsError(text));
        if self.muds.is_empty() {
            return fail("no mud is set".to_owned());
        }
        for (at, mud) in self.muds.iter().enumerate() {
            if mud.name.is_empty() || mud.name.len() > MUD_NAME_BYTES_MAX {
                return fail(format!("mud.name must have 1 to {MUD_NAME_BYTES_MAX} bytes"));
            }
            if mud.name.chars().any(char::is_control) {
                return fail(format!("the mud name {:?} holds a control character", mud.name));
            }
            if mud.name.starts_with('*') {
                return fail(format!("the mud name {:?} starts with *, which marks routers", mud.name));
            }
            if self.muds[..at].iter().any(|other| other.name == mud.name) {
                return fail(format!("the mud {:?} is set twice", mud.name));
            }
            if mud.services.values().all(|value| *value == 0) {
                return fail(format!(
                    "the mud {:?} has no service: the router *i4 drops a login without services, and says nothing",
                    mud.name
                ));
            }
            if mud.routers.is_empty() {
                return fail(format!("no router is set for the mud {:?}", mud.name));
            }
        }
        if self.link.dead_after <= self.link.keepalive_interval {
            return fail("a link must be probed before it is given up".to_owned());
        }
        Ok(())
    }
}
