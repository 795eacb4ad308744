//! The gateway itself: who calls, whether it works, what it counts.

use super::caller;
use crate::api::json::Object;
use crate::api::methods::Call;
use crate::api::rpc::{Fault, code};
use crate::api::style;
use crate::hub::Hub;
use crate::machine::ConnId;
use crate::notice::{Level, Notice};
use crate::session::{Identified, keys};
use crate::settings::{KeySettings, Permissions};
use crate::time::UnixTime;
use tungstenite::protocol::frame::coding::CloseCode;

/// Wrong keys that one connection may try.
const WRONG_KEYS_MAX: u32 = 5;

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
    let identity = match caller(hub, call) {
        Ok(identity) => Some(identity),
        Err(_) => identify(hub, call.conn, Some(&call.params.text("api_key")?)),
    };
    let Some(identity) = identity else {
        refuse_key(hub, call.conn);
        return Err(Fault::new(code::NOT_AUTHENTICATED, "Invalid API key"));
    };
    let (client, last_event_id) =
        (call.params.optional_name("client")?, super::history::event_id(call, "last_event_id")?);
    let is_new = hub.sessions.get(call.conn).is_some_and(|session| !session.reader.has_begun());
    if is_new || client.is_some() || last_event_id.is_some() {
        hub.start_reading(call.conn, client.as_deref(), last_event_id)?;
    }
    let again = hub.sessions.get_mut(call.conn).is_some_and(|session| {
        session.reads = reads.unwrap_or(session.reads);
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

/// A wrong key: counted, told without the key, and after several the connection is closed.
fn refuse_key(hub: &mut Hub, conn: ConnId) {
    count_wrong_key(hub);
    let Some(session) = hub.sessions.get_mut(conn) else { return };
    session.wrong_keys += 1;
    if session.wrong_keys >= WRONG_KEYS_MAX {
        // After the answer to this request, which is queued when this returns.
        hub.close_after_answer(conn, CloseCode::Policy, "too many wrong keys");
    }
}

/// A wrong key was presented.
pub(crate) fn count_wrong_key(hub: &mut Hub) {
    hub.metrics.keys_refused += 1;
    hub.fx.notice(Notice::new(Level::Warn, "api", "wrong API key"));
}

/// Gives a client the identity of its key; without keys in the settings, everybody that of the first mud.
pub(crate) fn identify(hub: &mut Hub, conn: ConnId, key: Option<&str>) -> Option<Identified> {
    let (digest, mud_name, permissions, per_minute) = match &hub.settings.api.keys {
        None => (None, hub.muds[0].settings.name.clone(), Permissions::ALL, None),
        Some(known) => {
            let KeySettings { digest, mud_name, permissions, requests_per_minute } = keys::find(known, key?)?;
            (Some(*digest), mud_name.clone(), *permissions, *requests_per_minute)
        }
    };
    let own = hub.muds.iter().position(|mud| mud.settings.name == mud_name);
    let identity = Identified {
        session_id: session_id(&mut hub.rng),
        key: digest,
        mud_name,
        mud: own.unwrap_or(0),
        may_speak: own.is_some(),
        permissions,
    };
    let limits = hub.settings.api.rate_limits.as_ref();
    hub.sessions.get_mut(conn)?.identify(identity.clone(), limits, per_minute, hub.now.mono);
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

/// The method `rpc.discover`.
pub(crate) fn discover(_: &mut Hub, _: &Call<'_>) -> Result<Vec<u8>, Fault> {
    Ok(crate::api::openrpc::document())
}
