//! What a gateway is told at its start. Plain values: where they come from (YAML, environment) is not known here.

pub use crate::i3::Charset;
use crate::ids::MudId;
use crate::notice::Level;
pub use ipnet::IpNet;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// Everything a [`crate::Gateway`] needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The muds it speaks for, each with its own router link; the first is the default one. At least one.
    pub muds: Vec<MudSettings>,
    /// The links to routers.
    pub link: LinkSettings,
    /// What local games are offered.
    pub api: ApiSettings,
}

/// One mud on the network.
#[derive(Clone, Debug)]
pub struct MudSettings {
    /// Its name on the network: case-sensitive, up to [`MUD_NAME_BYTES_MAX`].
    pub name: String,
    /// Where players connect.
    pub player_port: u16,
    /// E-mail.
    pub admin_email: String,
    /// The mudlib and its version.
    pub mudlib: String,
    /// What it is derived from.
    pub base_mudlib: String,
    /// The driver and its version.
    pub driver: String,
    /// `Circle`, `LP`, …
    pub mud_type: String,
    /// Free text.
    pub open_status: String,
    /// What is advertised, by the service names of Intermud-3. One that is missing or 0 is neither advertised nor
    /// served.
    pub services: BTreeMap<String, i64>,
    /// In the order of preference. At least one.
    pub routers: Vec<RouterSettings>,
    /// Sent at the first login, when none is saved yet.
    pub router_password: i64,
    /// Heard from the start, whether or not a client has joined.
    pub channels: Vec<String>,
}

/// A router to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterSettings {
    /// Its name, with the `*`. A router refuses a login under another name, in silence.
    pub name: String,
    /// A host name or an address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// How text is sent to it. What comes from it is read in either, string by string.
    pub charset: Charset,
}

/// The links to routers.
#[derive(Clone, Debug)]
pub struct LinkSettings {
    /// How long a connection may take to open.
    pub connect_timeout: Duration,
    /// How long a router may take to answer a login; a refusal is silence.
    pub startup_timeout: Duration,
    /// Silence after which the link is probed.
    pub keepalive_interval: Duration,
    /// Silence after which it is dead. More than `keepalive_interval`.
    pub dead_after: Duration,
    /// The wait after the first failure; it doubles with each further one.
    pub reconnect_delay: Duration,
    /// What the wait grows to.
    pub reconnect_delay_max: Duration,
    /// While a router further down the list is in use, the link goes back to the first once that has been reachable for
    /// so long. `None`: only when the one in use is lost.
    pub return_after: Option<Duration>,
    /// Whether a router may send the link to another one, in its startup-reply. At most once an hour to each.
    pub follow_redirects: bool,
    /// Counted packets in any second toward a router; Dead Souls punishes more than 10. `None`: no limit.
    pub packets_per_second: Option<u32>,
    /// How many of them may go at once; the others follow evenly.
    pub packets_burst: u32,
    /// Packets that may wait for their turn; what comes beyond is refused.
    pub queue_packets_max: usize,
    /// The longest frame that is sent; Dead Souls' stock limit is 10,000 bytes.
    pub frame_bytes_max: usize,
    /// A tell or a channel line that does not fit into a frame goes in several, cut at word ends; else it is refused.
    pub split_long_texts: bool,
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
        }
    }
}

/// What local games are offered.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// Who may speak. `None`: anybody, with all permissions, for the first mud.
    pub keys: Option<Vec<KeySettings>>,
    /// Connections of all kinds at one time.
    pub connections_max: usize,
    /// Of these, from one address (of IPv6 from one /64). This host's own and those of trusted proxies do not count.
    pub connections_per_address_max: usize,
    /// Who may connect, and which proxies are believed.
    pub addresses: AddressRules,
    /// The origins of web pages that may send requests: `https://example.org`, without regard to case. A page of the
    /// gateway's own host may, too. A client that is no browser sends no origin.
    pub allowed_origins: Vec<String>,
    /// The longest JSON text, as a line or a WebSocket message.
    pub message_bytes_max: usize,
    /// How long a request head or a WebSocket handshake may take.
    pub handshake_timeout: Duration,
    /// How long an HTTP connection may idle between requests.
    pub idle_timeout: Duration,
    /// How long a client of JSON lines may neither say nor take anything; after that it is taken for gone.
    pub session_timeout: Duration,
    /// How often a WebSocket client is pinged.
    pub ping_interval: Duration,
    /// How long it may take to answer.
    pub ping_timeout: Duration,
    /// How often requests may come. `None`: no limit.
    pub rate_limits: Option<RateLimits>,
    /// Tells, emotes and channel lines of one local user a minute. `None`: no limit.
    pub user_messages_per_minute: Option<u32>,
    /// How long presence holds after a `presence_sync`.
    pub presence_ttl: Duration,
    /// What is kept of events.
    pub events: EventSettings,
    /// What the log shows at the start, until the method `log_level` changes it.
    pub log_level: Level,
}

impl Default for ApiSettings {
    fn default() -> Self {
        ApiSettings {
            keys: None,
            connections_max: 1000,
            connections_per_address_max: 100,
            addresses: AddressRules::default(),
            allowed_origins: Vec::new(),
            message_bytes_max: 65_536,
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            session_timeout: Duration::from_secs(3600),
            ping_interval: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(30),
            rate_limits: None,
            user_messages_per_minute: None,
            presence_ttl: Duration::from_secs(30),
            events: EventSettings::default(),
            log_level: Level::Info,
        }
    }
}

/// What is kept of events, for games that are away and as history. All limits are for one mud.
#[derive(Clone, Debug)]
pub struct EventSettings {
    /// How long tells, emotetos and beeps wait for the game; zero: they are refused while it is away.
    pub keep_tells: Duration,
    /// How long lines of channels wait for the game, which so long goes on hearing its channels.
    pub keep_channels: Duration,
    /// How long answers and errors wait for the game.
    pub keep_answers: Duration,
    /// Events that wait at most: of the tells, of the answers, and of each channel.
    pub kept_max: usize,
    /// Bytes of all kept events, history included, in memory and in the store.
    pub log_bytes_max: usize,
    /// How long the history goes back.
    pub history_age: Duration,
    /// Lines in the history of one channel.
    pub history_max: usize,
    /// Tells are in the history too.
    pub history_holds_tells: bool,
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
        }
    }
}

/// Who may connect, and which proxies are believed. An IPv4 address in IPv6 clothes counts as IPv4.
#[derive(Clone, Debug)]
pub struct AddressRules {
    /// Only from here. Empty: from anywhere.
    pub whitelist: Vec<IpNet>,
    /// Never from here, whatever the whitelist says.
    pub blacklist: Vec<IpNet>,
    /// What these report of a client's address is believed.
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
    /// Everybody may connect, and a proxy on this host is believed.
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
    /// The mud that its sessions speak for.
    pub mud_name: String,
    /// What they may do.
    pub permissions: Permissions,
    /// In place of the default number of requests a minute.
    pub requests_per_minute: Option<u32>,
}

/// The digest is not a secret that opens anything, but it stays out of logs too.
impl fmt::Debug for KeySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySettings")
            .field("mud_name", &self.mud_name)
            .field("permissions", &self.permissions)
            .finish_non_exhaustive()
    }
}

/// What a method or an event needs.
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
    /// Every permission, with its name in the settings.
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

    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        Permission::ALL.iter().find(|(_, one)| *one == self).map_or("", |(name, _)| name)
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u16);

impl Permissions {
    /// All of them: `*`.
    pub const ALL: Permissions = Permissions(u16::MAX);

    /// Adds the permission of that name, or all for `*`. Says whether there is one.
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

    /// The names of those in the set; `*` for all.
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

/// How often requests may come, for each key: the sessions of one key share them. Without keys, for each session.
#[derive(Clone, Debug)]
pub struct RateLimits {
    /// For all requests together.
    pub per_minute: u32,
    /// How many may come at once.
    pub burst: u32,
    /// Further limits, by method: requests a minute.
    pub by_method: BTreeMap<String, u32>,
}

/// The longest mud name. The published spec sets none; routers and clients use buffers of 254 bytes.
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
    /// Whether a service is advertised, and so served.
    pub fn offers(&self, service: &str) -> bool {
        self.services.get(service).is_some_and(|value| *value != 0)
    }
}

impl Settings {
    /// The settings of a mud.
    pub fn mud(&self, mud: MudId) -> &MudSettings {
        &self.muds[mud.place()]
    }

    /// Checks what the types do not.
    pub fn check(&self) -> Result<(), SettingsError> {
        let fail = |text: String| Err(SettingsError(text));
        if self.muds.is_empty() {
            return fail("no mud is set".to_owned());
        }
        for (at, mud) in self.muds.iter().enumerate() {
            if mud.name.is_empty() || mud.name.len() > MUD_NAME_BYTES_MAX {
                return fail(format!("a mud's name must have 1 to {MUD_NAME_BYTES_MAX} bytes"));
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
