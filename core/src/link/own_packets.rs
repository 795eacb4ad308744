//! The packets that a link sends for itself: login, probe, goodbye. They do not wait in the queue.

use super::state::Then;
use super::watch::Probe;
use crate::i3::Value;
use crate::i3::packet::{Body, Header, Mapping, Packet};
use crate::i3::serving::MudInfo;
use crate::settings::{MudSettings, RouterSettings};

/// Whether a value is a packet that a link sends for itself.
pub(super) fn is_own(packet: &Value<'_>) -> bool {
    let Value::Array(fields) = packet else { return false };
    let Some(Value::Str(kind)) = fields.first() else { return false };
    matches!(&**kind, b"startup-req-3" | b"auth-mud-req" | b"ping-req")
}

/// The startup-req-3. It has exactly 20 elements: routers accept no other number. The list ids are 0, since deployed
/// routers send all muds and channels whatever the ids are.
pub(super) fn login<'a>(mud: &'a MudSettings, router: &'a RouterSettings, password: i64) -> Packet<'a> {
    let services = mud.services.iter().filter(|(_, value)| **value != 0);
    Packet {
        header: Header::to_mud(&mud.name, None, &router.name),
        body: Body::StartupReq3 {
            password,
            old_mudlist_id: 0,
            old_chanlist_id: 0,
            player_port: mud.player_port.into(),
            imud_tcp_port: 0,
            imud_udp_port: 0,
            mudlib: mud.mudlib.as_str().into(),
            base_mudlib: mud.base_mudlib.as_str().into(),
            driver: mud.driver.as_str().into(),
            mud_type: mud.mud_type.as_str().into(),
            open_status: mud.open_status.as_str().into(),
            admin_email: mud.admin_email.as_str().into(),
            services: Mapping(services.map(|(k, v)| (k.as_str().into(), Value::Int(*v))).collect()),
            other_data: Value::Map(Vec::new()),
        },
    }
}

/// The login of a mud with what it has announced itself. `None`: that cannot be written as a login.
pub(super) fn login_with<'a>(
    mud: &'a MudSettings,
    router: &'a RouterSettings,
    password: i64,
    info: &MudInfo,
) -> Packet<'a> {
    let mut login = login(mud, router, password);
    let Body::StartupReq3 {
        player_port,
        imud_tcp_port,
        imud_udp_port,
        mudlib,
        base_mudlib,
        driver,
        mud_type,
        open_status,
        admin_email,
        services,
        other_data,
        ..
    } = &mut login.body
    else {
        return login;
    };
    for (at, port) in [player_port, imud_tcp_port, imud_udp_port].into_iter().enumerate() {
        *port = info.int(at);
    }
    let texts = [mudlib, base_mudlib, driver, mud_type, open_status, admin_email];
    for (at, text) in texts.into_iter().enumerate() {
        *text = info.text(MudInfo::MUDLIB + at).into();
    }
    *services = Mapping(info.services().collect());
    *other_data = info.elements()[MudInfo::OTHER_DATA].clone();
    login
}

/// A request from the mud to itself. It comes back only if the router lives and knows the mud.
pub(super) fn probe(mud: &MudSettings, probe: Probe) -> Packet<'_> {
    let body = match probe {
        Probe::AuthMud => Body::AuthMudReq {},
        Probe::Ping => Body::PingReq {},
    };
    Packet { header: Header::to_mud(&mud.name, None, &mud.name), body }
}

/// The delay in the goodbye of a mud that never comes back: a year. Above seven days a router deletes the mud, and other muds
/// take it off their lists.
const NEVER_SECONDS: i64 = 31_536_000;

/// The shutdown packet. The router is told whether the mud comes back at once, at some time, or never.
pub(super) fn goodbye<'a>(mud: &'a MudSettings, router: &'a RouterSettings, then: Then) -> Packet<'a> {
    let restart_delay = match then {
        Then::Reconnect | Then::HandOver => 1,
        Then::Stop | Then::Rest => 0,
        Then::Retire => NEVER_SECONDS,
    };
    Packet { header: Header::to_mud(&mud.name, None, &router.name), body: Body::Shutdown { restart_delay } }
}
