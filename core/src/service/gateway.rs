//! The gateway itself: who calls, whether it works, what it counts.

use super::caller;
use crate::api::json::Object;
use crate::api::methods::Call;
use crate::api::rpc::{self, Fault, code};
use crate::api::style;
use crate::hub::Hub;
use crate::machine::ConnId;
use crate::notice::{Level, Notice};
use crate::session::rates::Holder;
use crate::session::{Identified, Session, Transport, keys};
use crate::settings::{KeySettings, Permissions};
use crate::time::UnixTime;
use serde::Serialize;
use std::net::IpAddr;
use tungstenite::protocol::frame::coding::CloseCode;

/// Wrong keys that one connection may try.
pub const WRONG_KEYS_MAX: u32 = 5;

/// The method `authenticate`.
pub(crate) fn authenticate(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    // Once is enough: a session keeps the identity it has, as clients of the Python gateway expect.
    let format = call.params.optional_text("text_format")?;
    let reads = match format.as_deref() {
        None => None,
        Some(name) => match style::FORMATS.iter().find(|(known, _)| *known == name) {
            Some((_, style)) => Some(*style),
            None => return Err(Fault::params("text_format must be raw, plain, ansi or html")),
        },
    };
    let echo = call.params.optional_flag("echo")?;
    let identity = match caller(hub, call) {
        Ok(identity) => identity,
        Err(_) => match show_key(hub, call.conn, &call.params.text("api_key")?) {
            Ok(identity) => identity,
            Err(KeyRefused::Wrong) => {
                close_after_several(hub, call.conn);
                return Err(Fault::new(code::NOT_AUTHENTICATED, "Invalid API key"));
            }
            Err(KeyRefused::TooSoon { wait_ms }) => {
                return Err(Fault::too_often(wait_ms, "too many wrong keys from this address"));
            }
        },
    };
    let (client, last_event_id) =
        (call.params.optional_name("client")?, super::history::event_id(call, "last_event_id")?);
    let is_new = hub.sessions.get(call.conn).is_some_and(|session| !session.reader.has_begun());
    if is_new || client.is_some() || last_event_id.is_some() {
        hub.start_reading(call.conn, client.as_deref(), last_event_id)?;
    }
    let again = hub.sessions.get_mut(call.conn).is_some_and(|session| {
        session.reads = reads.unwrap_or(session.reads);
        session.hears_echo = echo.unwrap_or(session.hears_echo);
        std::mem::replace(&mut session.greeted, true)
    });
    Ok(session_result(if again { "success" } else { "authenticated" }, &identity))
}

fn session_result(status: &str, identity: &Identified) -> Vec<u8> {
    Object::default()
        .with("status", status)
        .with("mud_name", &identity.mud_name)
        .with("session_id", &identity.session_id)
        .finish()
}

/// Why a key does not open a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyRefused {
    /// It is none.
    Wrong,
    /// It was not looked at: wrong ones have come from its address.
    TooSoon { wait_ms: u64 },
}

/// A client shows a key. A wrong one is counted, told without the key, and costs its address time.
pub(crate) fn show_key(hub: &mut Hub, conn: ConnId, key: &str) -> Result<Identified, KeyRefused> {
    let address = hub.addresses.of(conn);
    if hub.settings.api.keys.is_some()
        && let Some(wait_ms) = hub.addresses.wait_ms(address, hub.now.mono)
    {
        hub.metrics.keys_delayed += 1;
        return Err(KeyRefused::TooSoon { wait_ms });
    }
    if let Some(identity) = identify(hub, conn, Some(key)) {
        return Ok(identity);
    }
    hub.metrics.keys_refused += 1;
    if hub.addresses.wrong_key(address, keys::digest(key), hub.now.mono) {
        hub.fx.notice(Notice::new(Level::Warn, "api", "wrong API key").with("address", address));
    }
    Err(KeyRefused::Wrong)
}

/// After several wrong keys the connection is closed.
fn close_after_several(hub: &mut Hub, conn: ConnId) {
    let Some(session) = hub.sessions.get_mut(conn) else { return };
    session.wrong_keys += 1;
    if session.wrong_keys >= WRONG_KEYS_MAX {
        // After the answer to this request, which is queued when this returns.
        hub.close_after_answer(conn, CloseCode::Policy, "too many wrong keys");
    }
}

/// Gives a client the identity of its key; without keys in the settings, everybody that of the first mud.
pub(crate) fn identify(hub: &mut Hub, conn: ConnId, key: Option<&str>) -> Option<Identified> {
    let (mud_name, permissions, holder, requests_per_minute) = match &hub.settings.api.keys {
        None => (hub.muds[0].settings.name.clone(), Permissions::ALL, Holder::Session(conn), None),
        Some(known) => {
            let KeySettings { digest, mud_name, permissions, requests_per_minute } = keys::find(known, key?)?;
            (mud_name.clone(), *permissions, Holder::Key(*digest), *requests_per_minute)
        }
    };
    let own = hub.muds.iter().position(|mud| mud.settings.name == mud_name);
    let identity = Identified {
        session_id: session_id(&mut hub.rng),
        mud_name,
        mud: own.unwrap_or(0),
        may_speak: own.is_some(),
        permissions,
        holder,
        requests_per_minute,
    };
    hub.sessions.get_mut(conn)?.identity = Some(identity.clone());
    Some(identity)
}

/// Looks like a UUID of version 4, as the Python gateway's do. It names a session; it opens nothing.
fn session_id(rng: &mut fastrand::Rng) -> String {
    let bits = rng.u128(..);
    let hex = format!("{bits:032x}");
    let variant = ["8", "9", "a", "b"][(bits & 3) as usize];
    format!("{}-{}-4{}-{variant}{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

/// The method `ping`.
pub(crate) fn ping(hub: &mut Hub, _: &Call<'_>) -> Result<Vec<u8>, Fault> {
    Ok(Object::default().with("pong", &true).with("timestamp", &hub.now.unix.to_string()).finish())
}

/// The method `heartbeat`.
pub(crate) fn heartbeat(hub: &mut Hub, _: &Call<'_>) -> Result<Vec<u8>, Fault> {
    Ok(Object::default().with("status", "ok").with("timestamp", &hub.now.unix.to_string()).finish())
}

/// The method `status`.
pub(crate) fn status(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = caller(hub, call)?;
    let link = &hub.muds[caller.mud].link;
    let since = hub.sessions.get(call.conn).map_or(hub.now.mono, |session| session.since);
    let next_attempt = link.next_attempt().map(|at| {
        UnixTime::from_micros(hub.now.unix.micros() + at.since(hub.now.mono).as_micros() as u64).to_string()
    });
    let router = serde_json::json!({
        "name": link.router().name,
        "state": link.state_name(),
        "since": link.since().to_string(),
        "last_error": link.last_error(),
        "liveness": link.liveness(),
        "next_attempt": next_attempt,
    });
    Ok(Object::default()
        .with("connected", &link.is_ready())
        .with("mud_name", &caller.mud_name)
        .with("session_id", &caller.session_id)
        .with("uptime", &hub.now.mono.since(since).as_secs_f64())
        .with("router", &router)
        .finish())
}

/// The method `stats`.
pub(crate) fn stats(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = caller(hub, call)?;
    let mud = &hub.muds[caller.mud];
    Ok(Object::default()
        .with("mud_count", &mud.mudlist.len())
        .with("online_muds", &mud.mudlist.online())
        .with("channel_count", &mud.chanlist.len())
        .with("session_count", &hub.active_sessions())
        .with("mudlist_id", &mud.mudlist.id)
        .with("chanlist_id", &mud.chanlist.id)
        .with("gateway_connected", &mud.link.is_ready())
        .with("packets_sent", &hub.metrics.packets_sent)
        .with("packets_received", &hub.metrics.packets_received)
        .finish())
}

/// The method `reconnect`.
pub(crate) fn reconnect(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = super::speaker(hub, call)?;
    let event = hub.with_link(caller.mud, crate::link::RouterLink::reconnect);
    super::inbound::link_event(hub, caller.mud, event);
    Ok(Object::default().with("status", "reconnecting").finish())
}

/// Whether a caller speaks for the gateway's own mud, the first one.
fn is_of_own_mud(caller: &Identified) -> bool {
    caller.mud == 0 && caller.may_speak
}

/// The sessions that a caller may see: those of its own mud, and for the gateway's own mud all.
fn may_see(caller: &Identified, session: &Session) -> bool {
    is_of_own_mud(caller)
        || session.identity.as_ref().is_some_and(|identity| identity.mud_name == caller.mud_name)
}

#[derive(Serialize)]
struct Row<'a> {
    /// Nothing until a key was shown.
    session_id: Option<&'a str>,
    mud_name: Option<&'a str>,
    transport: &'static str,
    address: IpAddr,
    since: String,
    idle_seconds: u64,
    permissions: Vec<&'static str>,
    channels: usize,
    queued_bytes: usize,
}

/// The method `sessions`.
pub(crate) fn sessions(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = caller(hub, call)?;
    let visible = hub.sessions.iter().filter(|(_, session)| may_see(&caller, session));
    let rows: Vec<Row<'_>> = visible
        .map(|(conn, session)| {
            let identity = session.identity.as_ref();
            let age = hub.now.mono.since(session.since).as_micros() as u64;
            Row {
                session_id: identity.map(|identity| identity.session_id.as_str()),
                mud_name: identity.map(|identity| identity.mud_name.as_str()),
                transport: match session.transport {
                    Transport::Lines => "tcp",
                    Transport::WebSocket => "websocket",
                },
                address: hub.addresses.of(conn),
                since: UnixTime::from_micros(hub.now.unix.micros().saturating_sub(age)).to_string(),
                idle_seconds: hub.now.mono.since(session.heard).as_secs(),
                permissions: identity.map(|identity| identity.permissions.names()).unwrap_or_default(),
                channels: session.channels.len(),
                queued_bytes: hub.fx.pending_bytes(conn),
            }
        })
        .collect();
    Ok(Object::default()
        .with("status", "success")
        .with("sessions", &rows)
        .with("count", &rows.len())
        .finish())
}

/// The method `kick`. Who has a good key may come back; a wrong guest is kept out by the lists of addresses.
pub(crate) fn kick(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = caller(hub, call)?;
    let id = call.params.text("session_id")?;
    let is_it = |session: &Session| {
        session.identity.as_ref().is_some_and(|identity| identity.session_id == *id)
            && may_see(&caller, session)
    };
    let found = hub.sessions.iter().find(|(_, session)| is_it(session)).map(|(conn, _)| conn);
    let conn = found.ok_or_else(|| Fault::params("there is no such session"))?;
    hub.metrics.sessions_kicked += 1;
    let notice = Notice::new(Level::Info, "api", "session ended by an administrator");
    hub.fx.notice(notice.with("address", hub.addresses.of(conn)));
    let fault = Fault::new(code::SESSION_EXPIRED, "the session was ended by an administrator");
    hub.send_text(conn, &rpc::error(None, &fault));
    if conn == call.conn {
        hub.close_after_answer(conn, CloseCode::Policy, "ended by an administrator");
    } else {
        hub.close_client(conn, CloseCode::Policy, "ended by an administrator");
    }
    Ok(Object::default().with("status", "kicked").with("session_id", &id).finish())
}

/// The method `log_level`. The log is that of all muds: only an administrator of the gateway's own may change it.
pub(crate) fn log_level(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = caller(hub, call)?;
    if let Some(wanted) = call.params.optional_text("level")? {
        let known = Level::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(&wanted));
        let (_, level) = known.ok_or_else(|| Fault::params("level must be DEBUG, INFO, WARNING or ERROR"))?;
        if !is_of_own_mud(&caller) {
            let data = serde_json::json!({"needs": "a key of the gateway's own mud"});
            let text = "only the gateway's own mud may change the log";
            return Err(Fault { data: Some(data), ..Fault::new(code::PERMISSION, text) });
        }
        hub.settings.api.log_level = *level;
        hub.fx.log_level(*level);
    }
    let level = hub.settings.api.log_level.name();
    Ok(Object::default().with("status", "success").with("level", level).finish())
}

/// The method `rpc.discover`.
pub(crate) fn discover(_: &mut Hub, _: &Call<'_>) -> Result<Vec<u8>, Fault> {
    Ok(crate::api::openrpc::document())
}
