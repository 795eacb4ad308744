//! New settings for a gateway that runs. What can be applied without dropping anybody is; the rest is named.

use crate::hub::{Hub, Wake};
use crate::link::Applied;
use crate::machine::ConnId;
use crate::moderation::UserRates;
use crate::notice::{Level, Notice};
use crate::service::channel;
use crate::session::rates::{Holder, Rates};
use crate::session::{Identified, Transport, keys};
use crate::settings::{MudSettings, Settings, SettingsError};
use tungstenite::protocol::frame::coding::CloseCode;

/// Applies `new`, or none of it when it does not make sense.
///
/// At once: keys, permissions, addresses, limits, time-outs, pacing, channels. At the next login to a router, which a notice says:
/// what the login tells of a mud. With a restart only, which a notice says too: which muds there are.
pub(crate) fn reload(hub: &mut Hub, new: Settings) -> Result<(), SettingsError> {
    new.check()?;
    let Settings { muds, link, api } = new;
    if muds.iter().map(|mud| &mud.name).ne(hub.muds.iter().map(|mud| &mud.settings.name)) {
        let text = "which muds the gateway speaks for changes with a restart only";
        hub.fx.notice(Notice::new(Level::Warn, "gateway", text));
    }
    hub.settings.link = link;
    hub.settings.api = api;
    hub.rates = Rates::default();
    hub.user_rates = UserRates::default();
    for new in muds {
        if let Some(mud) = hub.muds.iter().position(|mud| mud.settings.name == new.name) {
            reload_mud(hub, mud, new);
        }
    }
    hub.settings.muds = hub.muds.iter().map(|mud| mud.settings.clone()).collect();
    let sessions: Vec<ConnId> = hub.sessions.iter().map(|(conn, _)| conn).collect();
    for conn in sessions {
        admit_again(hub, conn);
        identify_again(hub, conn);
        watch_again(hub, conn);
    }
    // What is kept for a shorter time now.
    hub.sweep();
    hub.fx.notice(Notice::new(Level::Info, "gateway", "new settings applied"));
    Ok(())
}

fn reload_mud(hub: &mut Hub, mud: usize, new: MudSettings) {
    let link = hub.settings.link.clone();
    let one = &mut hub.muds[mud];
    one.pacer.set_limits(link.packets_per_second, link.packets_burst, link.queue_packets_max);
    one.presence.set_ttl(hub.settings.api.presence_ttl);
    let before = std::mem::replace(&mut one.settings, new.clone());
    let mut applied = Applied::Now;
    let event = hub.with_link(mud, |link_of_mud, now, fx| {
        applied = link_of_mud.reload(now, fx, link, new);
        None
    });
    debug_assert!(event.is_none());
    if applied == Applied::AtTheNextLogin {
        let text = "what routers are told of the mud, or which they are, changes at the next login (method reconnect)";
        let notice = Notice::new(Level::Warn, "gateway", text);
        hub.fx.notice(notice.with("mud", &before.name));
    }
    channel::retune(hub, mud, &before.channels);
    hub.pump(mud);
}

/// An address that may not connect any more is shown out.
fn admit_again(hub: &mut Hub, conn: ConnId) {
    if !hub.settings.api.addresses.allow(hub.addresses.of(conn)) {
        hub.metrics.connections_forbidden += 1;
        hub.close_client(conn, CloseCode::Policy, "this address is not allowed");
    }
}

/// A session keeps what its key still allows; a key that is gone, or is another mud's now, ends it.
fn identify_again(hub: &mut Hub, conn: ConnId) {
    let Some(session) = hub.sessions.get_mut(conn) else { return };
    let (Some(identity), Some(known)) = (session.identity.clone(), &hub.settings.api.keys) else { return };
    let key = match identity.holder {
        Holder::Key(digest) => keys::find_digest(known, &digest),
        Holder::Session(_) => None,
    };
    match key.filter(|key| key.mud_name == identity.mud_name) {
        Some(key) => {
            let (permissions, requests_per_minute) = (key.permissions, key.requests_per_minute);
            session.identity = Some(Identified { permissions, requests_per_minute, ..identity });
        }
        None => hub.close_client(conn, CloseCode::Policy, "the key is no longer valid"),
    }
}

/// A session that may be silent for a shorter time now is looked at that much earlier.
fn watch_again(hub: &mut Hub, conn: ConnId) {
    let (Some(session), Some(at)) = (hub.sessions.get(conn), hub.timers.get(Wake::Client(conn))) else {
        return;
    };
    let api = &hub.settings.api;
    let by_now = match session.transport {
        Transport::Lines => session.heard + api.session_timeout,
        // Whether it has been pinged is not known here: it has its time in either case.
        Transport::WebSocket => hub.now.mono + api.ping_interval.max(api.ping_timeout),
    };
    hub.timers.set(Wake::Client(conn), at.min(by_now).max(hub.now.mono));
}
