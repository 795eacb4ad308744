//! Identifies clients: API keys, and the first request of a client.

use super::call::Call;
use super::method::{Access, NoParams, methods};
use super::nodes::followed::must_follow;
use super::parts::Parts;
use crate::clients::rates::Holder;
use crate::clients::{Clients, Goodbye, Identified, Role, TextCharset, keys, session_id};
use crate::colour::TextStyle;
use crate::cx::Cx;
use crate::delivery::Delivery;
use crate::describe::macros::{output, params, words};
use crate::describe::values::{EventId, Filled, Name, Setting};
use crate::fault::Fault;
use crate::fault::reason::{DATABASE_AWAY, TOO_MANY_WAITING};
use crate::ids::MudId;
use crate::machine::ConnId;
use crate::notice::{Level, Notice};
use crate::settings::Permissions;
use crate::time::UnixTime;

/// Number of wrong keys after which a connection is closed.
pub const WRONG_KEYS_MAX: u32 = 5;

params! {
    /// The parameters of `authenticate`.
    pub(super) struct Authenticate<'a> {
        /// the key; not needed by a client that is identified already
        api_key: Option<Filled<'a>>,
        /// how texts are delivered: unchanged, without colours, with colours for a terminal, or as HTML; in all but `raw`,
        /// emotes have the names in place of `$N` and `$O`. A key can have another default in the settings
        text_format: Setting<TextStyle> = "raw",
        /// replay the events after this one
        last_event_id: Option<EventId>,
        /// a name under which the gateway remembers which events this client has received
        client: Option<Name<'a>>,
        /// false: do not send the mud's own channel lines that the router sends back
        echo: Setting<bool> = true,
        /// the character set of the client. `ascii`, `latin-1`: what it lacks is spelled in ASCII. Over TCP, `latin-1` is what
        /// the bytes of lines are, in both directions; a WebSocket carries UTF-8 in any case
        charset: Setting<TextCharset> = "utf-8",
        /// `observer`: a tool that only looks; what it receives is still kept for the game
        role: Setting<Role> = "game",
    }
}

output! {
    /// The result of `authenticate`.
    pub(super) struct Authenticated {
        /// `success` if the session was identified already; it keeps its identity
        status: AuthenticatedStatus,
        /// the mud that the session speaks for
        mud_name: String,
        /// identifies the session; it is not a secret
        session_id: String,
    }

    /// The result of `ping`.
    pub(super) struct Pong {
        /// always true
        pong: bool,
        /// the current time
        timestamp: UnixTime,
    }

    /// The result of `heartbeat`.
    pub(super) struct Heartbeat {
        /// always `ok`
        status: HeartbeatStatus,
        /// the current time
        timestamp: UnixTime,
    }
}

words! {
    /// How `authenticate` ended.
    pub(super) enum AuthenticatedStatus {
        /// The key was accepted.
        Authenticated = "authenticated",
        /// The session was identified already.
        Success = "success",
    }

    /// The only status of a heartbeat.
    pub(super) enum HeartbeatStatus {
        /// The session exists.
        Ok = "ok",
    }
}

methods! {
    /// Identifies the client. All other methods but `ping` and `rpc.discover` need it first.
    "authenticate" (Access::Open) Authenticate<'_> => again [Authenticated] &[&DATABASE_AWAY, &TOO_MANY_WAITING],
        |parts, call, args| {
            let is_shared = parts.nodes.leases.is_some();
            if is_shared && starts_reading(parts, call, &args) && must_follow(parts, call.asker)? {
                Ok(None)
            } else {
                let mut out = Delivery { clients: parts.clients, journal: parts.journal };
                authenticate(&mut parts.cx, &mut out, call, args).map(Some)
            }
        };
    /// Keeps the session from timing out.
    "heartbeat" (Access::Identified) NoParams => [Heartbeat] &[],
        |parts, _call, _args| {
            let timestamp = parts.cx.now.unix;
            Ok::<_, Fault>(Heartbeat { status: HeartbeatStatus::Ok, timestamp })
        };
    /// Shows that the gateway is running.
    "ping" (Access::Open) NoParams => [Pong] &[],
        |parts, _call, _args| Ok::<_, Fault>(Pong { pong: true, timestamp: parts.cx.now.unix });
}

/// Whether the events that a client has missed are replayed to it, if this is the right key. Those who only look, and give no
/// name and no event, get no replay.
fn starts_reading(parts: &Parts<'_>, call: &Call, args: &Authenticate<'_>) -> bool {
    let Some(session) = parts.clients.get(call.conn()) else { return false };
    let (is_new, asks) = (!session.reader.has_begun(), args.client.is_some() || args.last_event_id.is_some());
    let only_looks = args.role.0.unwrap_or(Role::Game) == Role::Observer;
    let is_known =
        call.identity.is_some() || args.api_key.as_ref().is_some_and(|key| is_right(&parts.cx, key));
    is_known && (asks || is_new && !only_looks)
}

/// Whether the settings hold a key.
pub(crate) fn is_right(cx: &Cx<'_>, key: &str) -> bool {
    cx.settings.api.keys.as_ref().is_some_and(|known| keys::find(known, key).is_some())
}

/// A repeated request keeps the identity that the session has: clients of the Python gateway rely on that.
fn authenticate(
    cx: &mut Cx<'_>,
    out: &mut Delivery<'_>,
    call: &Call,
    args: Authenticate<'_>,
) -> Result<Authenticated, Fault> {
    let conn = call.conn();
    let identity = match &call.identity {
        Some(identity) => identity.clone(),
        None => {
            let key = args.api_key.ok_or_else(|| Fault::params("api_key is missing"))?;
            first_key(cx, out.clients, conn, &key)?
        }
    };
    out.take_role(conn, args.role.0);
    let (client, last_event_id) = (args.client, args.last_event_id.map(|id| id.0));
    let is_new = out.clients.get(conn).is_some_and(|session| !session.reader.has_begun());
    if is_new || client.is_some() || last_event_id.is_some() {
        out.start_reading(cx, conn, client.as_deref(), last_event_id)?;
    }
    let again = out.clients.get_mut(conn).is_some_and(|session| {
        session.client_name = client.as_deref().map(Into::into).or(session.client_name.take());
        session.reads = args.text_format.0.unwrap_or(session.reads);
        session.charset = args.charset.0.unwrap_or(session.charset);
        session.hears_echo = args.echo.0.unwrap_or(session.hears_echo);
        std::mem::replace(&mut session.greeted, true)
    });
    out.clients.changed(conn);
    Ok(Authenticated {
        status: if again { AuthenticatedStatus::Success } else { AuthenticatedStatus::Authenticated },
        mud_name: identity.mud_name.to_string(),
        session_id: identity.session_id.to_string(),
    })
}

fn first_key(cx: &mut Cx<'_>, clients: &mut Clients, conn: ConnId, key: &str) -> Result<Identified, Fault> {
    show_key(cx, clients, conn, key).map_err(|refused| match refused {
        KeyRefused::Wrong => {
            close_after_several(cx, clients, conn);
            Fault::not_authenticated("Invalid API key")
        }
        KeyRefused::TooSoon { wait_ms } => {
            // So that each further guess costs a connection.
            close(cx, clients, conn);
            Fault::too_often(wait_ms, "too many wrong keys from this address")
        }
    })
}

/// Why a key was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyRefused {
    /// The settings hold no such key.
    Wrong,
    /// The settings hold no such key, and its address must wait after too many wrong ones.
    TooSoon { wait_ms: u64 },
}

/// Checks the key of a client. A right key is accepted, whatever others at its address have sent: who sends wrong keys
/// must not be able to keep a game out. A wrong key is counted, is reported without the key itself, and makes the wrong
/// keys after it wait.
///
/// Every key is compared in the same way and time, before anything else. So a wrong key of an address that must wait
/// reveals no more than any other wrong key.
pub(crate) fn show_key(
    cx: &mut Cx<'_>,
    clients: &mut Clients,
    conn: ConnId,
    key: &str,
) -> Result<Identified, KeyRefused> {
    if let Some(identity) = identify(cx, clients, conn, Some(key)) {
        return Ok(identity);
    }
    let address = clients.addresses.of(conn);
    if let Some(wait_ms) = clients.addresses.wait_ms(address, cx.now.mono) {
        cx.metrics.keys_delayed += 1;
        clients.tell_who_was_refused(cx, address, "too many wrong keys from this address");
        return Err(KeyRefused::TooSoon { wait_ms });
    }
    cx.metrics.keys_refused += 1;
    if clients.addresses.wrong_key(address, keys::digest(key), cx.now.mono) {
        cx.notice(Notice::new(Level::Warn, "api", "wrong API key").with("address", address));
    }
    Err(KeyRefused::Wrong)
}

/// Closes the connection after [`WRONG_KEYS_MAX`] wrong keys, once the current request is answered.
fn close_after_several(cx: &mut Cx<'_>, clients: &mut Clients, conn: ConnId) {
    let Some(session) = clients.get_mut(conn) else { return };
    session.wrong_keys += 1;
    if session.wrong_keys >= WRONG_KEYS_MAX {
        close(cx, clients, conn);
    }
}

fn close(cx: &mut Cx<'_>, clients: &mut Clients, conn: ConnId) {
    cx.metrics.connections_at_fault += 1;
    clients.dismiss(conn, Goodbye::Policy, "too many wrong keys");
}

/// Identifies a client by its key. If the settings hold no keys, every client is identified as the first mud.
pub(crate) fn identify(
    cx: &mut Cx<'_>,
    clients: &mut Clients,
    conn: ConnId,
    key: Option<&str>,
) -> Option<Identified> {
    let known = match &cx.settings.api.keys {
        None => None,
        Some(known) => Some(keys::find(known, key?)?),
    };
    let (mud_name, permissions, holder) = match known {
        None => (cx.settings.mud(MudId::OWN).name.clone(), Permissions::ALL, Holder::Session(conn)),
        Some(key) => (key.mud_name.clone(), key.permissions, Holder::Key(key.digest)),
    };
    let own = cx.settings.muds.iter().position(|mud| mud.name == mud_name).map(MudId::at);
    let identity = Identified {
        session_id: session_id(cx.rng).into(),
        key_name: known.map(|key| &*key.name).filter(|name| !name.is_empty()).map(Into::into),
        mud_name: mud_name.into(),
        mud: own.unwrap_or(MudId::OWN),
        may_speak: own.is_some(),
        permissions,
        holder,
        requests_per_minute: known.and_then(|key| key.requests_per_minute),
    };
    let session = clients.get_mut(conn)?;
    session.identity = Some(identity.clone());
    session.reads = known.map_or(session.reads, |key| key.text_format);
    clients.addresses.is_known(conn);
    clients.changed(conn);
    Some(identity)
}

/// Applies changed keys to a session. It keeps only the permissions that its key still has. If the key is gone or
/// belongs to another mud now, the session ends.
pub(super) fn identify_again(cx: &Cx<'_>, clients: &mut Clients, conn: ConnId) {
    let Some(session) = clients.get_mut(conn) else { return };
    let Some(identity) = session.identity.clone() else { return };
    if let Holder::Mud(mud) = identity.holder {
        return super::bouncer::admit_again(cx, clients, conn, mud);
    }
    let Some(known) = &cx.settings.api.keys else { return };
    let key = match identity.holder {
        Holder::Key(digest) => keys::find_digest(known, &digest),
        Holder::Session(_) | Holder::Mud(_) => None,
    };
    match key.filter(|key| *key.mud_name == *identity.mud_name) {
        Some(key) => {
            let (permissions, requests_per_minute) = (key.permissions, key.requests_per_minute);
            let key_name = (!key.name.is_empty()).then(|| key.name.as_str().into());
            session.identity = Some(Identified { key_name, permissions, requests_per_minute, ..identity });
            clients.changed(conn);
        }
        None => clients.dismiss(conn, Goodbye::Policy, "the key is no longer valid"),
    }
}
