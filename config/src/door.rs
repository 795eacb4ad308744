//! The settings of the port for muds that speak Intermud-3.

use crate::access;
use crate::charset::charset;
use crate::config::ListenAt;
use crate::path::Path;
use crate::read::SettingsReader;
use crate::yaml::Node;
use i3_core::machine::Listener;
use i3_core::settings::{I3Login, MudSettings};
use std::net::IpAddr;
use std::time::Duration;

const SECONDS_MAX: i64 = 31_536_000;

/// The most lines of a channel that are delivered late. The history has fewer unless its settings say otherwise.
const LATE_LINES_MAX: i64 = 1_000;

/// The greatest password: some muds have 32 bits for it.
const PASSWORD_MAX: i64 = i32::MAX as i64;

/// Reads how a mud may log in. `None`: it may not.
pub(crate) fn login(reader: &mut SettingsReader<'_>, path: &Path) -> Option<I3Login> {
    let Node::Map(_) = reader.node(path)? else {
        reader.error(path, "this is not a section", "write keys with values below it");
        return None;
    };
    let mut login = I3Login::default();
    let allow = path.key("allow");
    login.allow = access::networks(reader, &allow).unwrap_or_default();
    if login.allow.is_empty() {
        let message = "is empty: the mud may log in from nowhere";
        reader.warn(&allow, message, "write the address of the mud's host, such as 127.0.0.1");
    }
    login.password = password(reader, &path.key("password"));
    login.charset = charset(reader, &path.key("charset")).unwrap_or_default();
    let stay = reader.number(&path.key("stay"), 0..=SECONDS_MAX, "a number of seconds");
    login.stay = stay.map_or(login.stay, Duration::from_secs);
    login.late_tells = reader.boolean(&path.key("late_tells")).unwrap_or(login.late_tells);
    let lines = reader.number(&path.key("late_lines"), 0..=LATE_LINES_MAX, "a number of lines");
    login.late_lines = lines.unwrap_or(login.late_lines);
    login.admin = reader.text(&path.key("admin")).filter(|name| !name.trim().is_empty());
    login.away_who = reader.boolean(&path.key("away_who")).unwrap_or(login.away_who);
    Some(login)
}

/// Reads the password of a mud. `None`: it is learned.
fn password(reader: &mut SettingsReader<'_>, path: &Path) -> Option<i64> {
    let is_learned = match reader.node(path)? {
        Node::Text(text) => text.trim().is_empty() || text.trim().eq_ignore_ascii_case("learned"),
        _ => false,
    };
    if is_learned {
        return None;
    }
    reader.integer(path, 1..=PASSWORD_MAX, "learned, or the number that the mud sends as its password")
}

/// Returns the address of the port as muds are told it, and warns of settings that do not fit together.
pub(crate) fn address(
    reader: &mut SettingsReader<'_>,
    listeners: &[ListenAt],
    muds: &[MudSettings],
) -> Option<String> {
    let path = Path::of("i3.address");
    let set = reader.text(&path).filter(|text| !text.trim().is_empty());
    let port = Path::of("i3.port");
    let Some(at) = listeners.iter().find(|at| at.listener == Listener::Mud) else {
        let of_mud = muds.iter().position(|mud| mud.i3.is_some());
        if let Some(mud) = of_mud {
            let message = format!("is not set, so the `i3` part of {} has no effect", muds[mud].name);
            reader.warn(&port, message, "write a port, such as 8790, or set I3_DOOR_PORT");
        }
        return None;
    };
    if muds.iter().all(|mud| mud.i3.is_none()) {
        let message = "no mud has an `i3` part, so nobody can log in there";
        reader.warn(&port, message, "give `mud:`, or an entry of `muds:`, a part `i3:` with `allow:`");
    }
    if let Some(set) = set {
        let parts = set.trim().rsplit_once([' ', ':']);
        let parsed = parts.and_then(|(host, port)| {
            let host: IpAddr = host.trim().trim_matches(['[', ']']).parse().ok()?;
            Some(format!("{host} {}", port.trim().parse::<u16>().ok()?))
        });
        if parsed.is_none() {
            let expected = "an address and a port, such as 203.0.113.9:8790";
            reader.error(&path, format!("{set:?} is not {expected}"), format!("write {expected}"));
        }
        return parsed;
    }
    let host = match at.host.parse::<IpAddr>() {
        Ok(ip) if ip.is_unspecified() => {
            let message = "is not set: muds of other hosts are told that the gateway is at 127.0.0.1, where some go when \
                           they connect again";
            reader.warn(
                &path,
                message,
                "write the address at which muds reach this host, such as 203.0.113.9:8790",
            );
            "127.0.0.1".to_owned()
        }
        Ok(ip) => ip.to_string(),
        Err(_) if at.host.eq_ignore_ascii_case("localhost") => "127.0.0.1".to_owned(),
        Err(_) => at.host.clone(),
    };
    Some(format!("{host} {}", at.port))
}
