//! Logins of muds that speak Intermud-3.

use super::lists;
use crate::clients::rates::Holder;
use crate::clients::{Clients, Goodbye, Identified, MudClient, Role, session_id};
use crate::cx::Cx;
use crate::i3::Value;
use crate::i3::serving::{
    Family, HEADER_ELEMENTS, Incoming, MudInfo, Program, from_router, new_password, password_of, protocol_of,
    router_list,
};
use crate::ids::MudId;
use crate::machine::ConnId;
use crate::muds::Muds;
use crate::notice::{Level, Notice};
use crate::service::parts::Parts;
use crate::settings::{I3Login, MUD_NAME_BYTES_MAX, Permissions};
use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

/// The name under which the gateway remembers what a mud has received.
const CLIENT_NAME: &str = "i3";

/// The name of the router if neither the mud nor the settings name one.
const NAMELESS_ROUTER: &str = "*i3";

/// The least time between two reports of refused logins.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Why a login is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoginRefused {
    pub(crate) code: &'static str,
    pub(crate) why: String,
    /// The mud, as it calls itself, and the router that it has asked for.
    pub(crate) mud: String,
    pub(crate) router: String,
}

/// A login that was read.
struct Login {
    name: String,
    router: Option<String>,
    protocol: u8,
    password: i64,
    info: MudInfo,
}

/// Handles a login. The mud gets its startup-reply and the lists, or an error says why not.
pub(crate) fn log_in(parts: &mut Parts<'_>, conn: ConnId, packet: &Incoming<'_>) -> Result<(), LoginRefused> {
    let header = packet.header();
    let name = packet.text(2).unwrap_or_default().into_owned();
    let router = header.and_then(|header| header.to_mud).map(Cow::into_owned);
    let shown = router.clone().unwrap_or_else(|| NAMELESS_ROUTER.to_owned());
    let refused =
        |(code, why): (&'static str, String)| LoginRefused { code, why, mud: name.clone(), router: shown };
    let outcome = read(packet).and_then(|login| admit(parts, conn, &login));
    outcome.map_err(|refusal| {
        let refused = refused(refusal);
        report(parts, conn, &refused);
        refused
    })
}

fn report(parts: &mut Parts<'_>, conn: ConnId, refused: &LoginRefused) {
    parts.cx.metrics.mud_logins_refused += 1;
    let now = parts.cx.now.mono;
    let was_reported = parts.clients.reported.login.is_some_and(|at| now.since(at) < REPORT_INTERVAL);
    if !was_reported {
        parts.clients.reported.login = Some(now);
    }
    let level = if was_reported { Level::Debug } else { Level::Warn };
    let shown: String = refused.mud.chars().take(MUD_NAME_BYTES_MAX).collect();
    let notice = Notice::new(level, "api", "login of a mud refused").with("mud", shown);
    let address = parts.clients.addresses.of(conn);
    parts.cx.notice(notice.with("address", address).with("reason", &refused.why));
}

fn read(packet: &Incoming<'_>) -> Result<Login, (&'static str, String)> {
    let bad = |why: &str| ("bad-pkt", why.to_owned());
    let header = packet.header().ok_or_else(|| bad("the header of the login is wrong"))?;
    let unknown = || ("bad-proto", "only protocols 1 to 3 are spoken here".to_owned());
    let protocol = protocol_of(packet).ok_or_else(unknown)?;
    let info = MudInfo::from_startup(&tolerated(packet), protocol).map_err(bad)?;
    Ok(Login {
        name: header.from_mud.into_owned(),
        router: header.to_mud.map(Cow::into_owned),
        protocol,
        password: password_of(packet),
        info,
    })
}

/// Returns a login with a mapping where a mud without services has sent 0 for them, and numbers where it has sent them as
/// texts.
fn tolerated<'a>(packet: &Incoming<'a>) -> Incoming<'a> {
    let mut packet = packet.clone();
    let numbers = HEADER_ELEMENTS..HEADER_ELEMENTS + 6;
    for (at, element) in packet.elements.iter_mut().enumerate().skip(HEADER_ELEMENTS) {
        let number = |text: &[u8]| std::str::from_utf8(text).ok()?.trim().parse().ok();
        let replaced = match element {
            Value::Str(text) if numbers.contains(&at) => number(text).map(Value::Int),
            Value::Float(number) if numbers.contains(&at) => Some(Value::Int(*number as i64)),
            _ => None,
        };
        *element = replaced.unwrap_or_else(|| element.clone());
    }
    let before_last = packet.elements.len().saturating_sub(2);
    let services = if &*packet.kind == "startup-req-3" { before_last } else { before_last + 1 };
    if let Some(none @ Value::Int(0)) = packet.elements.get_mut(services) {
        *none = Value::Map(Vec::new());
    }
    packet
}

/// Decides whether a mud may log in, and logs it in.
fn admit(parts: &mut Parts<'_>, conn: ConnId, login: &Login) -> Result<(), (&'static str, String)> {
    let not_allowed = |why: String| ("not-allowed", why);
    let address = parts.clients.addresses.of(conn);
    let found = parts.cx.settings.muds.iter().position(|mud| mud.name == login.name);
    let Some((mud, set)) = found.and_then(|at| Some((MudId::at(at), parts.cx.settings.muds[at].i3.clone()?)))
    else {
        return Err(not_allowed(format!("no mud {:?} may log in here", login.name)));
    };
    if !allows(&set, address) {
        return Err(not_allowed(format!("{} may not log in from {address}", login.name)));
    }
    let new = new_password(parts.cx.rng);
    let given = parts.muds[mud].home.password_for(set.password, login.password, new);
    let Some(given) = given else {
        return Err(not_allowed(format!("wrong password for {}", login.name)));
    };
    if parts.run.stopping {
        return Err(not_allowed("the gateway shuts down".to_owned()));
    }
    let before = parts.muds[mud].home.conn().filter(|before| *before != conn);
    if let Some(before) = before {
        let (cx, mut out) = parts.delivery();
        out.save_marks(cx);
        parts.clients.dismiss(before, Goodbye::Policy, "another connection has logged in under this name");
    }
    let is_again = parts.muds[mud].home.conn() == Some(conn);
    let router = login.router.clone().unwrap_or_else(|| parts.muds[mud].link.router().name.clone());
    let program = Program { family: Family::of(&login.info), protocol: login.protocol, charset: set.charset };
    let client = MudClient {
        program,
        mud: login.name.clone(),
        router,
        admin: set.admin.clone(),
        incoming: None,
        sent: 0,
    };
    identify(parts, conn, mud, client);
    announce(&mut parts.cx, parts.muds, mud, conn, login, given);
    parts.cx.metrics.mud_logins += 1;
    let notice = Notice::new(Level::Info, "api", "mud logged in").with("mud", &login.name);
    parts.cx.notice(notice.with("address", address).with("program", format_args!("{:?}", program.family)));
    greet(&mut parts.cx, parts.muds, parts.clients, mud, conn, given);
    if !is_again {
        begin_reading(parts, conn, set.late_tells);
    }
    Ok(())
}

fn allows(set: &I3Login, address: IpAddr) -> bool {
    set.allow.iter().any(|network| network.contains(&address))
}

/// Makes a connection the session of its mud.
fn identify(parts: &mut Parts<'_>, conn: ConnId, mud: MudId, client: MudClient) {
    let session_id = session_id(parts.cx.rng);
    let Some(session) = parts.clients.get_mut(conn) else { return };
    let known = session.identity.take().map(|identity| identity.session_id);
    session.identity = Some(Identified {
        session_id: known.unwrap_or_else(|| session_id.into()),
        mud_name: client.mud.as_str().into(),
        key_name: None,
        mud,
        may_speak: true,
        permissions: Permissions::ALL,
        holder: Holder::Mud(mud),
        requests_per_minute: None,
    });
    (session.role, session.greeted, session.has_set_channels) = (Role::Game, true, true);
    session.client_name = Some(client.mud.as_str().into());
    session.mud_client = Some(Box::new(client));
    parts.clients.addresses.is_known(conn);
    parts.clients.changed(conn);
    parts.clients.tell_who_came(&mut parts.cx, conn);
}

/// Notes what a mud has announced, and lets its link log in with that.
fn announce(cx: &mut Cx<'_>, muds: &mut Muds, mud: MudId, conn: ConnId, login: &Login, given: i64) {
    let one = &mut muds[mud];
    let said = one.home.info().is_some_and(|said| said.is_like(&login.info));
    let change = one.home.logged_in(&login.name, conn, login.info.clone(), (login.password, given));
    one.link.announce(Some(login.info.clone()));
    cx.save([change]);
    cx.timers.clear(crate::wake::Wake::Away(mud));
    muds.wake(cx, mud);
    // The router learns of a mud only what its login says.
    if !said && muds[mud].link.conn().is_some() {
        muds.reconnect(cx, mud);
    }
}

/// Sends what a router sends after a login.
fn greet(cx: &mut Cx<'_>, muds: &Muds, clients: &mut Clients, mud: MudId, conn: ConnId, given: i64) {
    let Some(client) = clients.get_mut(conn).and_then(|session| session.mud_client.as_deref_mut()) else {
        return;
    };
    // A CoffeeMud and a Dead Souls go to the first router of the list if it is another one than theirs.
    let routers = [(client.router.clone(), cx.settings.api.i3_address.clone())];
    let fields = vec![router_list(&routers), Value::Int(given)];
    let reply = from_router("startup-reply", &client.router, Some(&client.mud), Value::Int(0), fields);
    let reply = client.program.value_frame(&reply);
    client.sent += 1;
    cx.fx.send_shared(conn, reply);
    lists::all(cx, muds, clients, mud, conn);
}

/// Lets the mud read what came while it was away.
fn begin_reading(parts: &mut Parts<'_>, conn: ConnId, late_tells: bool) {
    let last = parts.journal.last_id();
    let (cx, mut out) = parts.delivery();
    let begun = out.start_reading(cx, conn, Some(CLIENT_NAME), (!late_tells).then_some(last));
    // Only a client name can be refused, and a mud has one.
    debug_assert!(begun.is_ok());
    out.replay(cx, conn);
}

/// Applies changed settings to the session of a mud. It ends if the mud may no longer log in.
pub(in crate::service) fn admit_again(cx: &Cx<'_>, clients: &mut Clients, conn: ConnId, mud: MudId) {
    let address = clients.addresses.of(conn);
    let set = cx.settings.mud(mud).i3.as_ref().filter(|set| allows(set, address));
    let Some(set) = set else {
        return clients.dismiss(conn, Goodbye::Policy, "this mud may no longer log in from here");
    };
    if let Some(client) = clients.get_mut(conn).and_then(|session| session.mud_client.as_deref_mut()) {
        client.program.charset = set.charset;
        client.admin.clone_from(&set.admin);
    }
}
