//! The settings of the muds, their routers and the links to routers.

use crate::charset::charset;
use crate::door;
use crate::engines::{Engine, NO_GAME_SERVICES, UNKNOWN_TYPE};
use crate::keys::SERVICES;
use crate::path::Path;
use crate::read::SettingsReader;
use crate::yaml::Node;
use i3_core::settings::{Charset, LinkSettings, MUD_NAME_BYTES_MAX, MudSettings, RouterSettings};
use std::collections::BTreeMap;
use std::time::Duration;

/// The routers if the settings name none: name, address, port. Most muds are at the first.
const DEFAULT_ROUTERS: &[(&str, &str, u16)] =
    &[("*i4", "204.209.44.3", 8080), ("*dalet", "97.107.133.86", 8787), ("*wpr", "136.144.155.250", 8080)];

/// The name of a router if the settings leave it out.
const DEFAULT_ROUTER_NAME: &str = "*i4";

/// The port of a router that is none of the public ones, if the settings leave it out.
const DEFAULT_ROUTER_PORT: u16 = 8080;

/// The former address of *wpr, which older settings still contain.
const OLD_WPR_HOST: &str = "195.242.99.94";

/// Names that mudlibs give to a mud before its owner names it. The default settings of Dead Souls routers block them: the
/// socket stays open, and the router never answers.
const DEFAULT_NAMES: &[&str] = &["DeadSoulsWin", "DeadSoulsNew", "Your Mud's Name Here", "Your Muds Name"];

const DEFAULT_PLAYER_PORT: u16 = 4000;

/// The time for a probe and its answer. By default a silent link is closed so long after the keepalive interval.
const DEAD_AFTER_PROBE: Duration = Duration::from_secs(30);

/// Dead Souls routers punish a mud that sends more frames than this in a second.
const ROUTER_PACKETS_PER_SECOND: u32 = 10;

/// Dead Souls routers close a connection that sends a longer frame than this.
const ROUTER_FRAME_BYTES: usize = 10_000;

/// Reads all muds, the main one first.
pub(crate) fn muds(reader: &mut SettingsReader<'_>) -> Vec<MudSettings> {
    let (routers, password) = routers(reader, &Path::of("router")).unwrap_or_default();
    let channels = channels(reader);
    let further = Path::of("muds");
    let count = reader.length(&further);
    let mut paths = Vec::new();
    if reader.node(&Path::of("mud")).is_some() || count == 0 {
        paths.push(Path::of("mud"));
    }
    paths.extend((0..count).map(|at| further.index(at)));
    let mut muds: Vec<MudSettings> = Vec::new();
    for path in paths {
        if !path_is_section(reader, &path) {
            continue;
        }
        let is_main = path == Path::of("mud");
        let Some(mut mud) = mud(reader, &path) else { continue };
        if muds.iter().any(|other| other.name == mud.name) {
            reader.error(
                &path.key("name"),
                "is also the name of an earlier mud",
                "give each mud a name of its own",
            );
        }
        // A password belongs to one mud on one network, so other muds do not get the password of the main mud.
        let own = if is_main { None } else { self::routers(reader, &path.key("router")) };
        (mud.routers, mud.router_password) = match own {
            Some(own) => own,
            None if is_main || muds.is_empty() => (routers.clone(), password),
            None => (routers.clone(), 0),
        };
        mud.channels.clone_from(&channels);
        // Hundreds of muds have the same services.
        if let Some(same) = muds.iter().find(|other| other.services == mud.services) {
            mud.services = same.services.clone();
        }
        muds.push(mud);
    }
    muds
}

fn path_is_section(reader: &mut SettingsReader<'_>, path: &Path) -> bool {
    if matches!(reader.node(path), None | Some(Node::Map(_))) {
        return true;
    }
    // The value is not shown: a key may stand in the wrong place.
    reader.error(path, "this is not a section", "write keys with values below it");
    false
}

/// Reads everything of a mud but routers and channels.
fn mud(reader: &mut SettingsReader<'_>, path: &Path) -> Option<MudSettings> {
    let text = |reader: &mut SettingsReader<'_>, keys: &[&str], default: &str| {
        let paths: Vec<Path> = keys.iter().map(|key| path.key(key)).collect();
        let path = reader.first(&paths);
        reader.text(&path).unwrap_or_else(|| default.to_owned())
    };
    let name = mud_name(reader, &path.key("name"));
    let engine = engine(reader, &path.key("engine"));
    let made_with = engine.map_or("unknown", |engine| engine.name);
    let is_game = engine.is_none_or(Engine::is_game);
    let mudlib = text(reader, &["mudlib"], made_with);
    let base_mudlib = text(reader, &["base_mudlib"], made_with);
    let driver = text(reader, &["driver"], made_with);
    let versions = [&mudlib, &base_mudlib, &driver];
    let found = engine.or_else(|| versions.into_iter().find_map(|text| Engine::of_version(text)));
    let mud = MudSettings {
        name: name.clone().unwrap_or_default(),
        player_port: reader.port(&path.key("port")).unwrap_or(if is_game { DEFAULT_PLAYER_PORT } else { 0 }),
        admin_email: text(reader, &["admin_email"], ""),
        mudlib,
        base_mudlib,
        driver,
        mud_type: text(reader, &["type", "mud_type"], found.map_or(UNKNOWN_TYPE, |found| found.mud_type)),
        open_status: text(
            reader,
            &["status", "open_status"],
            if is_game { "Development" } else { "not a game" },
        ),
        services: services(reader, &path.key("services"), if is_game { SERVICES } else { NO_GAME_SERVICES })
            .into(),
        routers: Vec::new(),
        router_password: 0,
        channels: Vec::new(),
        i3: door::login(reader, &path.key("i3")),
    };
    name.map(|_| mud)
}

fn mud_name(reader: &mut SettingsReader<'_>, path: &Path) -> Option<String> {
    let fix = "write the name of the mud on the network";
    if reader.node(path).is_none() {
        let message = reader.why_missing(path);
        let fix =
            if *path == Path::of("mud.name") { format!("{fix}, or set MUD_NAME") } else { fix.to_owned() };
        reader.error(path, message, fix);
        return None;
    }
    let name = reader.text(path)?;
    if name.trim().is_empty() {
        reader.error(path, "is empty", fix);
        return None;
    }
    if name.len() > MUD_NAME_BYTES_MAX {
        let message = format!("has {} bytes", name.len());
        reader.error(path, message, format!("write a name of at most {MUD_NAME_BYTES_MAX}"));
        return None;
    }
    if name.starts_with('*') {
        reader.error(path, "begins with *, which marks routers", fix);
        return None;
    }
    if DEFAULT_NAMES.contains(&name.as_str()) {
        let message =
            "is the name that a mudlib gives to a mud before its owner names it: routers do not answer it";
        reader.warn(path, message, fix);
    }
    if name.len() > 1 && ['\'', '"'].iter().any(|quote| name.starts_with(*quote) && name.ends_with(*quote)) {
        let message =
            "has quotes around it, which are part of the name: Docker does not remove quotes in an env file";
        reader.warn(path, message, "write the name without quotes in a file for docker --env-file");
    }
    if name.trim() != name || name.chars().any(|c| !c.is_ascii() || c == '@' || c == ':') {
        let message = "begins or ends with a blank, or contains @, : or letters that are not English: other muds may not be \
                       able to send to it";
        reader.warn(path, message, "write English letters, digits and blanks");
    }
    Some(name)
}

/// Reads what a mud is made with.
fn engine(reader: &mut SettingsReader<'_>, path: &Path) -> Option<Engine> {
    let text = reader.text(path)?;
    let engine = Engine::named(&text);
    if engine.is_none() {
        let message = format!("{text:?} is no engine that the gateway knows");
        reader.error(path, message, format!("write mud.type, or one of: {}", Engine::keys()));
    }
    engine
}

/// Reads the services of a mud: its own list, or those of `default`. The section `services:` then switches some on or off.
fn services(reader: &mut SettingsReader<'_>, path: &Path, default: &[&str]) -> BTreeMap<String, i64> {
    let mut services = BTreeMap::new();
    if reader.node(path).is_some() {
        for name in reader.keys(path) {
            let own = path.key(&name);
            let known = crate::keys::is_used(&own);
            let value = match reader.node(&own) {
                None => None,
                // The Python gateway's file has `${ENABLE_TELL:1}`, and its template `ENABLE_TELL=true`.
                Some(node) if is_word(node) => reader.boolean(&own).map(i64::from),
                Some(_) => {
                    reader.integer(&own, 0..=65_535, "1 for a service that the mud offers, or another number")
                }
            };
            if known && let Some(value) = value.filter(|value| *value != 0) {
                services.insert(name, value);
            }
        }
    } else {
        services.extend(default.iter().map(|name| ((*name).to_owned(), 1)));
    }
    for name in SERVICES {
        let switch = Path::of("services").key(name).key("enabled");
        let Some(enabled) = reader.boolean(&switch) else { continue };
        let own = path.key(name);
        if reader.node(&own).is_some() && services.contains_key(*name) != enabled {
            reader.warn(
                &own,
                format!("has no effect: {switch} is also set, and takes precedence"),
                "keep one of the two",
            );
        }
        if enabled {
            services.entry((*name).to_owned()).or_insert(1);
        } else {
            services.remove(*name);
        }
    }
    if services.is_empty() {
        let message = "no service is on: the router *i4 drops a login without services, and says nothing";
        reader.error(path, message, "leave one on; {who: 1} is enough");
    }
    services
}

/// Whether a value is true or false in words.
fn is_word(node: &Node) -> bool {
    matches!(node, Node::Bool(_))
        || matches!(node, Node::Text(text) if text.trim().parse::<f64>().is_err() && !text.trim().is_empty())
}

/// Reads the routers of a section, and the password. `None`: the section names no router.
fn routers(reader: &mut SettingsReader<'_>, path: &Path) -> Option<(Vec<RouterSettings>, i64)> {
    let primary = path.key("primary");
    let password = reader.integer(
        &primary.key("password"),
        0..=i64::MAX,
        "the number that the router gave as a password",
    );
    let list = path.key("fallback");
    let count = reader.length(&list);
    let is_set = |key: &str| reader.node(&primary.key(key)).is_some();
    if !is_set("name") && !is_set("host") && !is_set("port") && count == 0 {
        let is_default = *path == Path::of("router");
        return (is_default || password.is_some())
            .then(|| (DEFAULT_ROUTERS.iter().map(public_router).collect(), password.unwrap_or(0)));
    }
    let mut routers = Vec::new();
    if !is_set("name") && !is_set("host") && !is_set("port") {
        routers.push(public_router(&DEFAULT_ROUTERS[0]));
    } else if is_set("host") {
        routers.extend(router(reader, &primary));
    } else {
        reader.error(&primary.key("host"), "is missing", "write the address of the router");
    }
    for at in 0..count {
        let entry = list.index(at);
        if path_is_section(reader, &entry) && reader.node(&entry.key("host")).is_some() {
            routers.extend(router(reader, &entry));
        }
    }
    Some((routers, password.unwrap_or(0)))
}

fn public_router((name, host, port): &(&str, &str, u16)) -> RouterSettings {
    RouterSettings { name: (*name).to_owned(), host: (*host).to_owned(), port: *port, charset: Charset::Utf8 }
}

fn router(reader: &mut SettingsReader<'_>, path: &Path) -> Option<RouterSettings> {
    let (name_path, host_path) = (path.key("name"), path.key("host"));
    let host = reader.host(&host_path);
    // The Python gateway's files name no router: it logs in to *i4 wherever that is.
    let public = DEFAULT_ROUTERS.iter().find(|(_, known, _)| host.as_deref() == Some(*known));
    let name = if reader.node(&name_path).is_some_and(|node| *node != Node::Text(String::new())) {
        reader.text(&name_path)
    } else {
        if let (None, Some(host)) = (public, &host) {
            let message = format!("is missing: the router at {host} is taken for {DEFAULT_ROUTER_NAME}");
            let fix = "write the router's name: it ignores logins under another name";
            reader.warn(&name_path, message, fix);
        }
        Some(public.map_or(DEFAULT_ROUTER_NAME, |(name, ..)| name).to_owned())
    };
    let port_path = path.key("port");
    let port = match reader.node(&port_path) {
        Some(_) => reader.port(&port_path),
        None => Some(public.map_or(DEFAULT_ROUTER_PORT, |(_, _, port)| *port)),
    };
    let charset = charset(reader, &path.key("charset"));
    let router = RouterSettings { name: name?, host: host?, port: port?, charset: charset? };
    if router.name.len() < 2 || !router.name.starts_with('*') {
        let fix = format!("write {:?} if that is the router's name", format!("*{}", router.name));
        reader.warn(&name_path, "the name of a router begins with *", fix);
    }
    let known = DEFAULT_ROUTERS.iter().find(|(_, host, port)| (*host, *port) == (&router.host, router.port));
    if let Some((name, ..)) = known.filter(|(name, ..)| *name != router.name) {
        let message = format!(
            "the name of the router at {} is {name}; it ignores logins under another name",
            router.host
        );
        reader.warn(&name_path, message, format!("write \"{name}\""));
    }
    if router.host == OLD_WPR_HOST {
        let message = format!("{OLD_WPR_HOST} is an old address of *wpr");
        reader.warn(&host_path, message, "write \"136.144.155.250\"");
    }
    Some(router)
}

/// Reads the channels to which the mud subscribes at the start, from both keys that can list them.
fn channels(reader: &mut SettingsReader<'_>) -> Vec<String> {
    let mut channels = Vec::new();
    for list in [Path::of("services.channel.default_channels"), Path::of("channels.default_channels")] {
        for at in 0..reader.length(&list) {
            let entry = list.index(at);
            let path =
                if matches!(reader.node(&entry), Some(Node::Map(_))) { entry.key("name") } else { entry };
            if reader.node(&path).is_none() {
                reader.error(&path, "is missing", "write the name of a channel");
            } else if let Some(name) = reader.text(&path)
                && !channels.contains(&name)
            {
                channels.push(name);
            }
        }
    }
    channels
}

/// Reads the settings of the links to routers.
pub(crate) fn link(reader: &mut SettingsReader<'_>) -> LinkSettings {
    let mut link = LinkSettings::default();
    if let Some(time) = reader.seconds(&Path::of("performance.connection_timeout")) {
        (link.connect_timeout, link.startup_timeout) = (time, time);
    }
    if let Some(interval) = reader.seconds(&Path::of("router.connection.keepalive_interval")) {
        link.keepalive_interval = interval;
        link.dead_after = link.dead_after.max(interval + DEAD_AFTER_PROBE);
    }
    // The Python gateway closes the connection after that much silence, by default after five minutes. This gateway does so
    // too, but probes the router before, so that it need not wait for so long.
    let timeout = Path::of("router.connection.timeout");
    if let Some(silence) = reader.seconds(&timeout) {
        if silence > link.keepalive_interval {
            link.dead_after = silence.min(link.dead_after);
        } else {
            let message = format!(
                "has no effect: a probe is sent after {} s of silence, and the router needs time to answer",
                link.keepalive_interval.as_secs_f64()
            );
            reader.warn(&timeout, message, "write more than router.connection.keepalive_interval");
        }
    }
    let delays = [Path::of("performance.reconnect_delay"), Path::of("router.connection.reconnect_delay")];
    let delay = reader.first(&delays);
    if let Some(delay) = reader.seconds(&delay) {
        link.reconnect_delay = delay;
        link.reconnect_delay_max = link.reconnect_delay_max.max(delay);
    }
    let pace = Path::of("router.pacing.packets_per_second");
    if let Some(packets) = reader.number(&pace, 1..=1_000, "a number of packets") {
        if packets > ROUTER_PACKETS_PER_SECOND {
            let message =
                format!("Dead Souls routers punish more than {ROUTER_PACKETS_PER_SECOND} packets a second");
            reader.warn(&pace, message, "write 8, except for a router of your own");
        }
        link.packets_per_second = Some(packets);
        link.packets_burst = packets;
    }
    let burst = Path::of("router.pacing.burst");
    if let Some(packets) = reader.number(&burst, 1..=1_000, "a number of packets") {
        if link.packets_per_second.is_some_and(|most| packets > most) {
            let message = "has no effect above packets_per_second, which limits every second";
            reader.warn(&burst, message, "write at most packets_per_second");
        }
        link.packets_burst = packets;
    }
    if reader.boolean(&Path::of("router.pacing.enabled")) == Some(false) {
        link.packets_per_second = None;
    }
    let back = Path::of("router.return_after");
    if let Some(seconds) = reader.number(&back, 0..=604_800, "a number of seconds") {
        link.return_after = (seconds > 0).then(|| Duration::from_secs(seconds));
    }
    if let Some(follow) = reader.boolean(&Path::of("router.follow_redirects")) {
        link.follow_redirects = follow;
    }
    let queue = Path::of("performance.message_queue_size");
    if let Some(packets) = reader.number(&queue, 1..=1_000_000, "a number of packets") {
        link.queue_packets_max = packets;
    }
    let frame = Path::of("router.max_frame_bytes");
    if let Some(bytes) = reader.number(&frame, 1_000..=2_097_152, "a number of bytes") {
        if bytes > ROUTER_FRAME_BYTES {
            let message =
                format!("Dead Souls routers accept frames of up to {ROUTER_FRAME_BYTES} bytes only");
            reader.warn(&frame, message, "write 9500, except for a router of your own");
        }
        link.frame_bytes_max = bytes;
    }
    if let Some(split) = reader.boolean(&Path::of("router.split_long_texts")) {
        link.split_long_texts = split;
    }
    let replace = Path::of("router.replace_quotes");
    match reader.node(&replace) {
        Some(Node::Text(text)) if text.trim().eq_ignore_ascii_case("auto") => link.replace_quotes = None,
        _ => link.replace_quotes = reader.boolean_or(&replace, "true, false or auto"),
    }
    link
}
