//! The meaning of each key, by section.

/// Facts about a key that cannot be derived from the program.
pub(crate) struct Entry {
    /// `<…>` stands for any name, `*` for each entry of a list.
    pub(crate) path: &'static str,
    /// The permitted values, if the error for a wrong value does not name all of them.
    pub(crate) value: &'static str,
    /// The value that counts if the key is left out. Empty: the meaning describes it.
    pub(crate) default: &'static str,
    /// What the setting does.
    pub(crate) meaning: &'static str,
}

const fn entry(
    path: &'static str,
    value: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Entry {
    Entry { path, value, default, meaning }
}

/// Sections in their order: the title, the introduction, and the keys.
pub(crate) const SECTIONS: &[(&str, &str, &[Entry])] = &[
    (
        "The mud",
        "What other muds see. `muds:` is a list of further muds of this gateway. Each entry has the keys \
                 of `mud:`. An entry with routers of its own has the keys of `router:` under `router:`.",
        &[
            entry(
                "mud.name",
                "text of up to 128 bytes",
                "",
                "The name of the mud on the network. Required. Upper and lower case and blanks are part of it. It is permanent: \
                 other muds list it for years. `i3-gateway retire` gives it up.",
            ),
            entry("mud.port", "", "4000", "The port where players connect; shown in the mud list."),
            entry(
                "mud.admin_email",
                "",
                "",
                "The address of the administrator. Everybody can see it; an empty one is left out.",
            ),
            entry("mud.mudlib", "", "unknown", "The mudlib and its version."),
            entry("mud.base_mudlib", "", "unknown", "The mudlib that this mudlib is derived from."),
            entry("mud.driver", "", "unknown", "The driver and its version."),
            entry(
                "mud.engine",
                "the key of an engine",
                "",
                "What the mud is made with: none, circle, tbamud, luminari, diku, merc, rom, smaug, swr, afkmud, envy, godwars, \
                 coffeemud, fluffos, mudos, ldmud, dgd, lima, deadsouls, lpmud, moo, mush, mux, muck, evennia or ranvier. It \
                 decides the type, the mudlib and the driver where these are left out. none: not a game, for bots and \
                 directories; then the port is 0, the status `not a game`, and the services are auth, channel, tell and who.",
            ),
            entry(
                "mud.type",
                "",
                "LP",
                "The type of the mud, such as `Circle` or `LP`. If left out: by the engine, or by the name of the driver or the \
                 mudlib if these are known.",
            ),
            entry("mud.mud_type", "", "LP", "Another name of `mud.type`, which takes precedence."),
            entry(
                "mud.status",
                "",
                "Development",
                "The status of the mud, such as `open` or `Development`: free text.",
            ),
            entry(
                "mud.open_status",
                "",
                "Development",
                "Another name of `mud.status`, which takes precedence.",
            ),
            entry(
                "mud.services.<service>",
                "",
                "",
                "The services that the mud advertises and the gateway serves. Without this section: all that the \
                 gateway knows. A service that is 0 or missing is neither advertised nor served. At least one must be on: \
                 the router `*i4` drops a login without services, and says nothing.",
            ),
            entry(
                "services.<service>.enabled",
                "",
                "",
                "Switches one service on or off; takes precedence over `mud.services`.",
            ),
        ],
    ),
    (
        "Routers",
        "The link tries the routers in this order. Without this section: `*i4`, `*dalet`, `*wpr`, at \
                 their public addresses.",
        &[
            entry(
                "router.primary.name",
                "text that begins with `*`",
                "",
                "The router's own name. The router ignores a login under another name. If left out: the name of a \
                 public router at that address, else `*i4`, with a warning.",
            ),
            entry("router.primary.host", "a host name or an address", "", "The router's address."),
            entry("router.primary.port", "", "8080", "The router's port."),
            entry(
                "router.primary.password",
                "a number",
                "0",
                "If you move an existing mud here: the password that the router gave it. The gateway keeps \
                 passwords that it receives in its state.",
            ),
            entry(
                "router.primary.charset",
                "utf-8 or latin-1",
                "utf-8",
                "The character set of texts that are sent: latin-1 if the other muds read only that.",
            ),
            entry("router.fallback.*.name", "text that begins with `*`", "", "As for the primary router."),
            entry(
                "router.fallback.*.host",
                "a host name or an address",
                "",
                "The router's address. An entry without it is ignored.",
            ),
            entry("router.fallback.*.port", "", "8080", "As for the primary router."),
            entry("router.fallback.*.charset", "utf-8 or latin-1", "utf-8", "As for the primary router."),
            entry(
                "router.connection.keepalive_interval",
                "",
                "60",
                "Silence after which the gateway sends a probe to the router.",
            ),
            entry(
                "router.connection.timeout",
                "",
                "90",
                "Silence after which the connection is closed. Must be more than `keepalive_interval`. A value above 90 counts as 90 (as `keepalive_interval` plus 30, if that is more), so that a dead router is noticed soon.",
            ),
            entry(
                "router.connection.reconnect_delay",
                "",
                "2",
                "Another name of `performance.reconnect_delay`, which takes precedence.",
            ),
            entry(
                "router.return_after",
                "",
                "600",
                "How long the primary router must be reachable before the link returns to it; 0: the link does \
                 not return.",
            ),
            entry(
                "router.follow_redirects",
                "",
                "false",
                "Follow the redirect of a router, at most once an hour to each router.",
            ),
            entry(
                "router.pacing.enabled",
                "",
                "true",
                "Limit the rate of packets, so that no router punishes the mud.",
            ),
            entry(
                "router.pacing.packets_per_second",
                "",
                "8",
                "Packets a second. Dead Souls routers punish more than 10.",
            ),
            entry("router.pacing.burst", "", "8", "How many of these may be sent at once."),
            entry(
                "router.max_frame_bytes",
                "",
                "9500",
                "The longest packet that is sent. Dead Souls routers close the connection above 10,000.",
            ),
            entry(
                "router.split_long_texts",
                "",
                "false",
                "true: a longer text is split at word ends into several packets; false: it is refused.",
            ),
            entry(
                "router.replace_quotes",
                "true, false or auto",
                "auto",
                "true: quotes and backslashes leave as `'` and `/`. auto: behind a CoffeeMud router, which writes strings without \
                 escapes, so that muds there lose a line that contains one.",
            ),
        ],
    ),
    (
        "Where games connect",
        "The listeners of the API. `127.0.0.1`: from this host only; `0.0.0.0`: on all addresses of the \
                 host. A change of addresses or ports needs a restart.",
        &[
            entry("api.enabled", "", "true", "false: the API has no listeners, and no game can connect."),
            entry(
                "api.host",
                "a host name or an address",
                "127.0.0.1",
                "The address of listeners without an address of their own.",
            ),
            entry("api.port", "", "8080", "Another name of `api.websocket.port`, which takes precedence."),
            entry(
                "api.websocket.enabled",
                "",
                "true",
                "The listener of WebSocket and of the pages `/health`, `/metrics` and others.",
            ),
            entry(
                "api.websocket.host",
                "a host name or an address",
                "127.0.0.1",
                "The address of that listener.",
            ),
            entry("api.websocket.port", "", "8080", "The port of that listener."),
            entry("api.websocket.ping_interval", "", "30", "The time between pings to a client."),
            entry("api.websocket.ping_timeout", "", "30", "How long the client may take to answer a ping."),
            entry(
                "api.websocket.compression",
                "",
                "true",
                "Accept compressed WebSocket messages, and send long ones compressed, with clients that offer it \
                 (permessage-deflate). A message may become 64 times as long, up to `max_frame_size`.",
            ),
            entry(
                "api.websocket.max_frame_size",
                "",
                "4194304",
                "The longest request of a session with a key, over WebSocket and over TCP. The longest `presence_sync` \
                 fits into the default. 65536, which the Python gateway's file has and which limits nothing there, \
                 counts as left out.",
            ),
            entry(
                "api.websocket.max_connections",
                "",
                "1000",
                "Another name of `performance.max_connections`, which takes precedence.",
            ),
            entry(
                "api.websocket.allowed_origins",
                "a list of origins, such as `https://example.org`",
                "",
                "Origins of web pages that may connect, besides those of the gateway's own host. Other clients than \
                 browsers always may.",
            ),
            entry("api.tcp.enabled", "", "true", "The listener of JSON lines over TCP."),
            entry("api.tcp.host", "a host name or an address", "127.0.0.1", "The address of that listener."),
            entry("api.tcp.port", "", "8081", "The port of that listener."),
            entry(
                "gateway.host",
                "a host name or an address",
                "",
                "A second listener for JSON lines exists if this or `gateway.port` is set. Its address: \
                 127.0.0.1 if only `gateway.port` is set.",
            ),
            entry(
                "gateway.port",
                "",
                "",
                "The port of that second listener: 4001 if only `gateway.host` is set. If it is taken and there are \
                 other listeners, the gateway starts without it and warns.",
            ),
            entry(
                "api.handshake_timeout",
                "",
                "10",
                "The time limit of each TLS handshake, HTTP request and WebSocket handshake.",
            ),
            entry("api.idle_timeout", "", "75", "How long an idle HTTP connection is kept open."),
            entry(
                "api.session.timeout",
                "",
                "3600",
                "Silence after which a client on the TCP port is disconnected: it sends nothing, and takes \
                 nothing that is sent to it.",
            ),
        ],
    ),
    (
        "TLS",
        "TLS is off by default. `api.tls` applies to WebSocket and to all listeners of JSON lines. \
                 SIGHUP reads the files again: new connections use the new certificate, open connections stay. \
                 Switching TLS on or off needs a restart.",
        &[
            entry("api.tls.enabled", "", "false", "Accept TLS (1.2 and 1.3) and no plain text."),
            entry(
                "api.tls.cert_file",
                "a file",
                "",
                "The certificate in PEM, followed by the intermediate certificates.",
            ),
            entry(
                "api.tls.key_file",
                "a file",
                "",
                "The private key in PEM. Only the gateway's user should be able to read it.",
            ),
            entry(
                "api.tls.client_ca_file",
                "a file",
                "",
                "The authorities that sign client certificates, in PEM. Empty: clients are not asked for a \
                 certificate.",
            ),
            entry(
                "api.tls.require_client_cert",
                "",
                "false",
                "true: clients without a certificate are refused. false: they may connect; a certificate that a \
                 client sends must be valid.",
            ),
            entry(
                "api.<listener>.tls.<key>",
                "as under `api.tls`",
                "",
                "Overrides the key under `api.tls` for one kind of listener.",
            ),
            entry(
                "api.auth.require_tls",
                "",
                "false",
                "The gateway does not start if a listener without TLS is at an address that is not a loopback \
                 address.",
            ),
        ],
    ),
    (
        "IRC",
        "Clients, bots and bridges that speak IRC: docs/IRC.md.",
        &[
            entry(
                "irc.host",
                "a host name or an address",
                "127.0.0.1",
                "The address of the listener for IRC. At another address than a loopback address it must speak TLS.",
            ),
            entry("irc.port", "", "", "The port of that listener; 6667 is usual. Empty: there is none."),
            entry(
                "irc.tls.<key>",
                "as under `api.tls`",
                "",
                "TLS of that listener. At an address that is not a loopback address, a key that is missing here is taken \
                 from `api.tls`. With `enabled: false`, written out, other hosts connect in plain text, and send their \
                 keys in it.",
            ),
        ],
    ),
    (
        "Events that are kept",
        "Events that arrive while no game is connected are kept, and delivered when the game is back. \
                 Each limit is for one mud.",
        &[
            entry(
                "events.keep.tells",
                "",
                "300",
                "How long tells are kept, in seconds; 0: tells are refused while the game is away.",
            ),
            entry(
                "api.session.queue_ttl",
                "",
                "",
                "The Python gateway's name of `events.keep.tells`, which takes precedence.",
            ),
            entry(
                "events.keep.channels",
                "",
                "60",
                "How long channel lines are kept, in seconds. For that time the mud stays subscribed to the \
                 channels.",
            ),
            entry(
                "events.keep.answers",
                "",
                "60",
                "How long replies of other muds and errors are kept, in seconds.",
            ),
            entry(
                "events.keep.max_count",
                "",
                "1000",
                "How many tells, how many replies, and how many lines of each channel are kept.",
            ),
            entry(
                "api.session.max_queue_size",
                "",
                "",
                "The Python gateway's name of `events.keep.max_count`, which takes precedence.",
            ),
            entry(
                "events.max_bytes",
                "",
                "2097152",
                "Bytes of all kept events, and of the lines of the history in memory.",
            ),
            entry(
                "history.days",
                "",
                "30",
                "How many days channel_history and history_search find a line, and the state keeps it; 0: no history is kept.",
            ),
            entry(
                "history.max_lines",
                "",
                "100",
                "How many lines of each channel are in memory; older ones are read from the state. 0: no history is kept.",
            ),
            entry(
                "history.max_bytes",
                "",
                "1073741824",
                "Bytes of the lines of one mud in the state. If there are more, the channel with the most loses its oldest.",
            ),
            entry(
                "channels.history_size",
                "",
                "",
                "The Python gateway's name of `history.max_lines`, which takes precedence.",
            ),
            entry("history.tells", "", "false", "true: tells are kept as history too."),
        ],
    ),
    (
        "Keys",
        "Each variable `API_KEY_<NAME>` is a further key with all permissions for the first mud, except where NAME is that \
                 of a setting, such as ENABLED. In place of a key you can write its digest, which `hash-key` prints. A key \
                 has at least 8 characters.\n\n\
                 A secret can be read from a file, as container images do it: `I3_GATEWAY_SECRET_FILE` and \
                 `API_KEY_<NAME>_FILE` (or `API_KEY_FILE`) name files that contain one key each. The same is true of every \
                 variable in `key`, `secret` and `password`: where the settings have `${ROUTER_PASSWORD}`, \
                 `ROUTER_PASSWORD_FILE` can be set. A file has at most 65,536 bytes and one line. Only one of the variable \
                 and its `_FILE` can be set.",
        &[
            entry(
                "api.auth.enabled",
                "",
                "true",
                "false: everybody who can connect may do everything. The gateway then listens on 127.0.0.1 only.",
            ),
            entry(
                "api.auth.secret",
                "text, or `sha256:` and 64 hexadecimal digits",
                "",
                "A key with all permissions for the first mud.",
            ),
            entry(
                "gateway.auth.secret",
                "text, or `sha256:` and 64 hexadecimal digits",
                "",
                "A further key with all permissions for the first mud.",
            ),
            entry(
                "api.auth.allow_remote_without_auth",
                "",
                "false",
                "true: without authentication, listen at the addresses of the settings all the same.",
            ),
            entry("api.auth.api_keys.*.key", "text, or `sha256:` and 64 hexadecimal digits", "", "A key."),
            entry(
                "api.auth.api_keys.*.name",
                "text of at most 64 bytes",
                "",
                "A name for people: the log, the method `sessions` and the metrics name the key by it, never by the key. \
                 If left out, the key is named by its place, such as `api_keys[0]`. The key of `api.auth.secret` is named \
                 `secret`, that of a variable by the variable.",
            ),
            entry(
                "api.auth.api_keys.*.mud_name",
                "",
                "",
                "The mud that the key is for; the first mud if left out.",
            ),
            entry(
                "api.auth.api_keys.*.permissions",
                "a list of: tell, channel, info, presence, host, moderate, admin, oob, or `\"*\"`",
                "",
                "What the key allows. Required. The words of the Python gateway are understood: who, finger and locate \
                 mean info, emoteto means tell. A key that has only tell, channel, info and these words may send \
                 `presence_sync` too, as there.",
            ),
            entry(
                "api.auth.api_keys.*.rate_limit_override",
                "",
                "",
                "Requests a minute with this key. It replaces all other limits of requests. A third of it, at least \
                 20, may come at once.",
            ),
            entry(
                "api.auth.api_keys.*.channels",
                "a list of channels, at most 500",
                "",
                "The channels that each session of this key is joined to when it is identified. If left out: sessions \
                 that speak for the game are joined to the default channels.",
            ),
            entry(
                "api.auth.api_keys.*.text_format",
                "raw, plain, ansi or html",
                "raw",
                "How sessions of this key read texts, unless `authenticate` says otherwise. In all but `raw`, emotes \
                 have the names in place of `$N` and `$O`.",
            ),
        ],
    ),
    (
        "Limits",
        "Rates are limited if there is a section `api.rate_limits` or `security.rate_limiting`. The \
                 default file has both. Rates are per minute. All sessions of a key share its rates. The log names \
                 each limit that a key reaches once.",
        &[
            entry(
                "performance.max_connections",
                "",
                "1000",
                "Connections of games, of all listeners together.",
            ),
            entry(
                "performance.max_connections_per_address",
                "",
                "100",
                "Connections from one address. This host and trusted proxies may have more.",
            ),
            entry(
                "performance.message_queue_size",
                "",
                "1000",
                "Packets that may wait for a router. Further ones are refused.",
            ),
            entry(
                "performance.connection_timeout",
                "",
                "30",
                "The time limit for connecting to a router, and for its answer to a login.",
            ),
            entry(
                "performance.reconnect_delay",
                "",
                "2",
                "The wait before the next attempt. It doubles after each failure, up to 5 minutes.",
            ),
            entry(
                "api.rate_limits.default.per_minute",
                "",
                "",
                "Requests of all sessions of a key together. If rates are limited: 600 by default.",
            ),
            entry(
                "api.rate_limits.default.burst",
                "",
                "",
                "How many of these may come at once. If rates are limited: 60 by default.",
            ),
            entry("api.rate_limits.by_method.<method>", "", "", "Requests for one method."),
            entry("security.rate_limiting.enabled", "", "", "`false` switches all rate limits off."),
            entry(
                "security.rate_limiting.tells_per_minute",
                "",
                "",
                "Requests for the methods tell, emoteto and beep together.",
            ),
            entry(
                "security.rate_limiting.channels_per_minute",
                "",
                "",
                "Requests for the methods channel_send, channel_emote and channel_targeted_emote together.",
            ),
            entry("security.rate_limiting.who_per_minute", "", "", "Requests for the method who."),
            entry(
                "security.rate_limiting.user_messages_per_minute",
                "",
                "",
                "Tells, emotes and channel lines of each user of a game. Not limited if left out.",
            ),
        ],
    ),
    (
        "Who may connect",
        "Addresses and networks, such as `203.0.113.9` or `203.0.113.0/24`.",
        &[
            entry(
                "security.ip_whitelist",
                "a list of addresses and networks",
                "",
                "Only these may connect; empty: all. The health pages also answer 127.0.0.1 and ::1, unless the blacklist has them.",
            ),
            entry("security.ip_blacklist", "a list of addresses and networks", "", "These may not connect."),
            entry(
                "security.trusted_proxies",
                "a list of addresses and networks",
                "127.0.0.0/8 ::1",
                "Proxies that are believed when they report the client's address.",
            ),
            entry(
                "security.client_ip_header",
                "",
                "x-forwarded-for",
                "The one header in which a trusted proxy reports the client's address. Of `x-forwarded-for` and \
                 `forwarded` the last entry that is not a trusted proxy counts. `x-real-ip` is only for a proxy that \
                 replaces what the client sends.",
            ),
        ],
    ),
    (
        "Channels",
        "",
        &[
            entry(
                "channels.default_channels",
                "a list of names",
                "",
                "The mud subscribes to these at the start, whether or not a game has joined. Each session that speaks \
                 for the game is joined to them, unless its key has `channels`.",
            ),
            entry(
                "channels.default_channels.*.name",
                "",
                "",
                "The name of the channel, if the entry is a section.",
            ),
            entry(
                "services.channel.default_channels",
                "a list of names",
                "",
                "Further channels, as in `channels.default_channels`.",
            ),
            entry(
                "services.channel.default_channels.*.name",
                "",
                "",
                "The name of the channel, if the entry is a section.",
            ),
        ],
    ),
    (
        "The page",
        "A page for people, in a browser: the links, channels, tells, sessions, bans, packets. It is part of the program, \
                 unless that was built without the feature `console`.",
        &[entry(
            "console.enabled",
            "",
            "true",
            "Serve the page at `/` of the listener of WebSocket to clients that ask for `text/html`. Who opens it signs in \
             with an API key.",
        )],
    ),
    (
        "State",
        "",
        &[
            entry(
                "state.directory",
                "a directory",
                "state",
                "The directory of everything that must survive a restart. A change needs a restart.",
            ),
            entry(
                "state.backup_enabled",
                "",
                "false",
                "Copy the state once a day to `i3-gateway.backup-1.sqlite` in the same directory. Older copies \
                 have higher numbers.",
            ),
            entry("state.backup_count", "", "", "How many copies are kept: 3 by default."),
            entry(
                "state.url",
                "a directory, or `postgres://USER@HOST/DATABASE`",
                "",
                "A PostgreSQL database (13 or newer) in place of the directory. Gateways with the same database are nodes: each \
                 serves games, and the link of each mud is at one of them. `?sslmode=verify-full` checks the server's \
                 certificate, against `sslrootcert=FILE` if that is given. The user has to own the database, or to have the right to \
                 create tables. A directory has the same meaning as in `state.directory`, and counts more. A change needs a restart.",
            ),
            entry(
                "state.password",
                "",
                "",
                "The password for the database. Better: `STATE_PASSWORD_FILE` names a file with it. Without both, the password in \
                 the URL counts, then `PGPASSWORD`, then `~/.pgpass`.",
            ),
        ],
    ),
    (
        "Nodes",
        "Only for a state in PostgreSQL. A change needs a restart.",
        &[
            entry(
                "node.name",
                "",
                "",
                "The name of this gateway among the nodes: different on each. By default it is the name of the host.",
            ),
            entry(
                "lease.seconds",
                "",
                "15",
                "The link of a mud moves to another node when its own has been silent for so long. The same on all nodes.",
            ),
            entry(
                "lease.without_database",
                "",
                "release",
                "What a node does about its links when the database is away for longer than a lease: `release` ends them, since \
                 another node may have taken over; `keep` keeps them, and is only for a single node.",
            ),
        ],
    ),
    (
        "Logging",
        "Messages go to standard error, and to a file if one is set. SIGHUP reopens the file.",
        &[
            entry(
                "logging.level",
                "DEBUG, INFO, WARNING or ERROR",
                "INFO",
                "Messages below this level are not logged.",
            ),
            entry(
                "logging.components.<part>",
                "DEBUG, INFO, WARNING or ERROR",
                "",
                "The level of one part; `logging.level` if left out.",
            ),
            entry(
                "logging.format",
                "text or json",
                "text",
                "Each message is a line: as text for people, or as a JSON object.",
            ),
            entry("logging.file", "a file", "", "A log file in addition to standard error."),
            entry(
                "logging.rotate_size",
                "",
                "10485760",
                "A file that would become longer is renamed to `.1`, `.2`, …; 0: never, for example because \
                 logrotate does it.",
            ),
            entry(
                "logging.max_size",
                "",
                "10485760",
                "Another name of `logging.rotate_size`, which takes precedence.",
            ),
            entry(
                "logging.backup_count",
                "",
                "5",
                "How many renamed files are kept; 0: the file is never renamed.",
            ),
        ],
    ),
    (
        "The port for muds that speak Intermud-3",
        "A mud that has an I3 client of its own logs in here instead of at a router; see BOUNCER.md. The keys of \
                 `mud.i3` are also those of `i3:` in each entry of `muds:`. A mud without that part cannot log in here. A \
                 reload applies them, but for the address and the port.",
        &[
            entry("i3.host", "a host name or an address", "127.0.0.1", "The address of the port."),
            entry("i3.port", "", "", "The port; 8790 is customary. Without it there is none."),
            entry(
                "i3.address",
                "",
                "",
                "The address at which muds reach the port, if that is another one than `i3.host` and `i3.port`. Muds are told \
                 it at their login, and some go there when they connect again. Needed where `i3.host` is 0.0.0.0.",
            ),
            entry(
                "mud.i3.allow",
                "addresses and networks",
                "",
                "From where the mud may log in under its name. Empty: from nowhere.",
            ),
            entry(
                "mud.i3.password",
                "",
                "learned",
                "learned: the mud is given a number at its first login, or keeps the one that it has, and must send that from \
                 then on. A CoffeeMud that sent -1 at first may send -1 again.",
            ),
            entry(
                "mud.i3.charset",
                "utf-8 or latin-1",
                "utf-8",
                "The character set of texts that are sent to the mud: latin-1 if it reads only that. It may send both.",
            ),
            entry(
                "mud.i3.stay",
                "",
                "600",
                "How long the gateway stays logged in at the router while the mud is away, in seconds. Then it logs off until \
                 the mud comes. It is also how long the mud may take to come after a start of the gateway.",
            ),
            entry(
                "mud.i3.late_tells",
                "",
                "true",
                "Whether tells that came while the mud was away are delivered when it is back, as long as `events.keep.tells` \
                 keeps them. If not, their senders are told that the user is not reached.",
            ),
            entry(
                "mud.i3.late_lines",
                "",
                "0",
                "Number of lines of each channel that are delivered when the mud is back and listens to the channel, at most \
                 a day old and as many as `history.max_lines` keeps.",
            ),
            entry(
                "mud.i3.admin",
                "the name of a user",
                "",
                "The user of the mud who is told, by a tell, when the gateway could not keep all that came while the mud was \
                 away.",
            ),
            entry(
                "mud.i3.away_who",
                "",
                "true",
                "Whether the gateway answers who with the mud's own last answer while the mud is away. If not: with nobody.",
            ),
        ],
    ),
];
