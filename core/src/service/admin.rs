//! Administration of the gateway: the state of the link, counters, sessions, the log level.

use super::audit::who;
use super::call::Call;
use super::method::{Access, NoParams, methods};
use super::nodes::sessions as shared_sessions;
use super::page::{Page, looked_at};
use super::parts::Parts;
use crate::clients::{Clients, Identified, Remote, Role, Session, unix_of};
use crate::cx::Cx;
use crate::describe::datum::Datum;
use crate::describe::macros::{output, params, words};
use crate::describe::shape::{Described, Shape};
use crate::describe::values::{Filled, OrNull, Parameter, Wrong};
use crate::fault::Fault;
use crate::fault::reason::{BACKLOG_FULL, OTHER_NODE, ROUTER_DOWN};
use crate::ids::MudId;
use crate::link::{RouterLink, StateName};
use crate::machine::ConnId;
use crate::muds::Muds;
use crate::nodes::Nodes;
use crate::notice::{Level, Notice};
use crate::run::Run;
use crate::settings::Permission;
use crate::time::UnixTime;
use crate::waiting::Success;
use serde::Serialize;
use std::net::IpAddr;

params! {
    /// The parameters of `sessions`.
    pub(super) struct ListSessions {
        /// only sessions after this number: the `next` of the answer before
        after: Option<i64>,
    }

    /// The parameters of `kick`.
    pub(super) struct Kick<'a> {
        /// from `sessions`
        session_id: Filled<'a>,
    }

    /// The parameters of `retire`.
    pub(super) struct Retire<'a> {
        /// the name of the mud, as a check: the mud of the key retires
        mud_name: Option<Filled<'a>>,
    }

    /// The parameters of `log_level`.
    pub(super) struct SetLogLevel {
        /// DEBUG, INFO, WARNING or ERROR, in any case; omit it to read the level only
        level: Option<AnyCase>,
    }
}

/// A log level in any case.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnyCase(Level);

impl Described for AnyCase {
    const SHAPE: Shape = Shape::Filled;
}

impl<'a> Parameter<'a> for AnyCase {
    fn read(value: Datum<'a>) -> Result<Self, Wrong> {
        let wanted = Filled::read(value)?;
        let known = Level::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(&wanted));
        known
            .map(|(_, level)| AnyCase(*level))
            .ok_or_else(|| Wrong::must("must be DEBUG, INFO, WARNING or ERROR"))
    }
}

/// A log level as the settings name it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LevelName(Level);

impl Described for LevelName {
    const SHAPE: Shape = Shape::OneOf(&["DEBUG", "INFO", "WARNING", "ERROR"]);
}

impl Serialize for LevelName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

output! {
    /// The result of `status`.
    pub(super) struct Status<'m> {
        /// whether the router link is ready
        connected: bool,
        /// the session's mud
        mud_name: String,
        /// this session
        session_id: String,
        /// seconds since this session connected
        uptime: f64,
        /// the router link
        router: RouterStatus<'m>,
        /// where several nodes share the muds: the name of this node
        node: Option<&'m str>,
        /// where several nodes share the muds: the name of the node that holds the router link; null: none does
        holder: Option<OrNull<&'m str>>,
    }

    /// The state of a router link.
    pub(super) struct RouterStatus<'m> {
        /// why the link was last lost or refused
        last_error: OrNull<&'m str>,
        /// how the gateway checks that the router still answers, as text for people
        liveness: &'static str,
        /// the router in use, or the one being tried
        name: &'m str,
        /// when the gateway dials it next; null when no attempt is scheduled
        next_attempt: OrNull<UnixTime>,
        /// when the link entered its state
        since: UnixTime,
        /// the state of the link
        state: LinkState,
    }

    /// The result of `stats`.
    pub(super) struct Stats {
        /// known muds
        mud_count: usize,
        /// known muds that are up
        online_muds: usize,
        /// known channels
        channel_count: usize,
        /// identified sessions, at all nodes
        session_count: usize,
        /// the version number of the router's mudlist; the numbers have no order
        mudlist_id: i64,
        /// the version number of the router's channel list; the numbers have no order
        chanlist_id: i64,
        /// whether the router link is ready
        gateway_connected: bool,
        /// packets sent to routers since the start
        packets_sent: u64,
        /// packets received from routers since the start
        packets_received: u64,
    }

    /// The result of `reconnect`.
    pub(super) struct Reconnecting {
        /// always `reconnecting`
        status: ReconnectingStatus,
    }

    /// The result of `retire`.
    pub(super) struct Retiring {
        /// always `retired`
        status: RetiringStatus,
        /// the mud
        mud_name: String,
        /// the router that has been told
        router: String,
    }

    /// The result of `sessions`: the sessions that the caller may see.
    pub(super) struct Sessions<'m> {
        /// always `success`
        status: Success,
        /// the sessions
        sessions: Vec<SessionRow<'m>>,
        /// number of sessions in this answer
        count: usize,
        /// true: the answer is full, and there are more sessions
        more: Option<bool>,
        /// where the rest begins: `after` of the next request
        next: Option<u64>,
    }

    /// One session.
    pub(super) struct SessionRow<'m> {
        /// identifies the session; null before `authenticate`
        session_id: OrNull<&'m str>,
        /// the mud of its key; null before `authenticate`
        mud_name: OrNull<&'m str>,
        /// the name of its key in the settings; null before `authenticate`, and where no key is needed
        key_name: OrNull<&'m str>,
        /// the name that the client gave itself; null if it gave none
        client: OrNull<&'m str>,
        /// whom it speaks for: what an `observer` receives is still kept for the game; null before `authenticate`
        role: OrNull<Role>,
        /// how it is connected
        transport: Transport<'m>,
        /// the node that it is connected to, where several gateways share a database
        node: Option<&'m str>,
        /// the client's address; behind a trusted proxy, the address that the proxy reports
        address: IpAddr,
        /// when it connected
        since: UnixTime,
        /// seconds since its last request; not for a session at another node
        idle_seconds: Option<u64>,
        /// permissions of its key; `*` means all
        permissions: Vec<&'m str>,
        /// number of channels that it subscribes to
        channels: usize,
        /// bytes queued for the client that it has not read yet; not for a session at another node
        queued_bytes: Option<usize>,
    }

    /// The result of `kick`.
    pub(super) struct Kicked<'a> {
        /// always `kicked`
        status: KickedStatus,
        /// as given
        session_id: Filled<'a>,
    }

    /// The result of `log_level`.
    pub(super) struct LogLevel {
        /// always `success`
        status: Success,
        /// the current level of the log
        level: LevelName,
    }
}

words! {
    /// The only status of `reconnect`.
    pub(super) enum ReconnectingStatus {
        /// The link to the router is being closed.
        Reconnecting = "reconnecting",
    }

    /// The only status of `retire`.
    pub(super) enum RetiringStatus {
        /// The goodbye is on its way to the router.
        Retired = "retired",
    }

    /// The only status of `kick`.
    pub(super) enum KickedStatus {
        /// The session was ended.
        Kicked = "kicked",
    }
}

/// The state of a link, by its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkState(StateName);

impl Described for LinkState {
    const SHAPE: Shape = Shape::OneOf(&StateName::TEXTS);
}

impl Serialize for LinkState {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

/// The transport of a session, by the name that its front door uses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transport<'m>(&'m str);

impl Described for Transport<'_> {
    const SHAPE: Shape = Shape::OneOf(&["tcp", "websocket", "i3", "irc"]);
}

impl Serialize for Transport<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

methods! {
    /// Reports whether the router link is ready, and why not.
    "status" (Access::Identified) NoParams => [Status] &[&BACKLOG_FULL],
        |parts, call, _args| status(parts, call);
    /// Returns counters.
    "stats" (Access::Identified) NoParams => [Stats] &[],
        |parts, call, _args| stats(&parts.cx, parts.muds, parts.clients, call);
    /// Closes the link to the router and logs in again.
    "reconnect" (Access::Permitted(Permission::Admin)) NoParams => [Reconnecting] &[&OTHER_NODE],
        |parts, call, _args| reconnect(&mut parts.cx, parts.muds, parts.nodes, call);
    /// Logs the mud off for good: the router forgets its name, and other muds take it off their lists. The gateway goes on
    /// without the link. A later start logs in again, under the same name as a new mud.
    "retire" (Access::Permitted(Permission::Admin)) Retire<'_> => [Retiring] &[&ROUTER_DOWN, &OTHER_NODE],
        |parts, call, args| retire(&mut parts.cx, parts.muds, parts.nodes, call, args);
    /// Lists the sessions of the caller's mud. A key of the gateway's own mud sees the sessions of all muds.
    "sessions" (Access::Permitted(Permission::Admin)) ListSessions => [Sessions] &[&BACKLOG_FULL],
        |parts, call, args| sessions(&parts.cx, parts.clients, call, &args);
    /// Ends a session and closes its connection.
    "kick" (Access::Permitted(Permission::Admin)) Kick<'_> => [Kicked] &[],
        |parts, call, args| kick(&mut parts.cx, parts.clients, call, args);
    /// Returns the level of the log, and changes it until the next restart if one is given.
    "log_level" (Access::Permitted(Permission::Admin)) SetLogLevel => [LogLevel] &[],
        |parts, call, args| log_level(&mut parts.cx, parts.run, call, &args);
}

fn status<'m>(parts: &'m Parts<'_>, call: &Call) -> Result<Status<'m>, Fault> {
    let Parts { cx, muds, clients, nodes, .. } = parts;
    let caller = call.caller()?;
    let link = &muds[caller.mud].link;
    let since = clients.get(call.conn()).map_or(cx.now.mono, |session| session.since);
    Ok(Status {
        connected: link.is_ready(),
        mud_name: caller.mud_name.to_string(),
        session_id: caller.session_id.to_string(),
        uptime: cx.now.mono.since(since).as_secs_f64(),
        router: RouterStatus::of(cx, link),
        node: cx.settings.node.as_ref().map(|node| &*node.name),
        holder: holder(cx, nodes, caller.mud).map(OrNull),
    })
}

/// Returns the name of the node that holds the link of a mud, if several nodes share the muds: none may hold it, or one whose
/// name is not known.
pub(super) fn holder<'m>(cx: &Cx<'_>, nodes: &'m Nodes, mud: MudId) -> Option<Option<&'m str>> {
    let leases = nodes.leases.as_ref()?;
    Some(leases.holder(mud, cx.now.mono).and_then(|(name, _)| name))
}

/// Refuses what only the node that holds the link of a mud can do.
fn check_holder(cx: &Cx<'_>, muds: &Muds, nodes: &Nodes, mud: MudId) -> Result<(), Fault> {
    if muds.is_holder(cx.settings, mud) {
        return Ok(());
    }
    let name = holder(cx, nodes, mud).flatten().unwrap_or("no node");
    Err(Fault::gateway(&OTHER_NODE, format!("{name} holds the router link: ask there")))
}

impl<'m> RouterStatus<'m> {
    pub(super) fn of(cx: &Cx<'_>, link: &'m RouterLink) -> RouterStatus<'m> {
        RouterStatus {
            last_error: OrNull(link.last_error()),
            liveness: link.liveness().as_str(),
            name: &link.router().name,
            next_attempt: OrNull(link.next_attempt().map(|at| cx.now.unix_at(at))),
            since: link.since(),
            state: LinkState(link.state()),
        }
    }
}

fn stats(cx: &Cx<'_>, muds: &Muds, clients: &Clients, call: &Call) -> Result<Stats, Fault> {
    let mud = &muds[call.caller()?.mud];
    Ok(Stats {
        mud_count: mud.lists.muds().len(),
        online_muds: mud.lists.muds().online(),
        channel_count: mud.lists.channels().len(),
        session_count: clients.active() + clients.elsewhere.len(),
        mudlist_id: mud.lists.muds().id,
        chanlist_id: mud.lists.channels().id,
        gateway_connected: mud.link.is_ready(),
        packets_sent: cx.metrics.packets_sent,
        packets_received: cx.metrics.packets_received,
    })
}

fn reconnect(cx: &mut Cx<'_>, muds: &mut Muds, nodes: &Nodes, call: &Call) -> Result<Reconnecting, Fault> {
    let mud = call.speaker()?.mud;
    check_holder(cx, muds, nodes, mud)?;
    muds.reconnect(cx, mud);
    Ok(Reconnecting { status: ReconnectingStatus::Reconnecting })
}

fn retire(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    nodes: &Nodes,
    call: &Call,
    args: Retire<'_>,
) -> Result<Retiring, Fault> {
    let speaker = call.speaker()?;
    if args.mud_name.is_some_and(|name| *name != *speaker.mud_name) {
        return Err(Fault::params(format!("mud_name must be {:?}, the mud of the key", speaker.mud_name)));
    }
    let mud = speaker.mud;
    check_holder(cx, muds, nodes, mud)?;
    let link = &muds[mud].link;
    if !link.is_ready() {
        let why = link.last_error().unwrap_or("there is no session");
        return Err(Fault::gateway(&ROUTER_DOWN, format!("the router cannot be told: {why}")));
    }
    let retiring = Retiring {
        status: RetiringStatus::Retired,
        mud_name: speaker.mud_name.to_string(),
        router: link.router().name.clone(),
    };
    muds.retire(cx, mud);
    Ok(retiring)
}

/// Whether the caller may see a session of a mud. Each mud sees its own sessions; the gateway's own mud sees all.
fn may_see(caller: &Identified, mud_name: Option<&str>) -> bool {
    caller.is_of_own_mud() || mud_name == Some(&*caller.mud_name)
}

/// Returns the mud of a session's key.
fn mud_name_of(session: &Session) -> Option<&str> {
    session.identity.as_ref().map(|identity| &*identity.mud_name)
}

fn sessions<'m>(
    cx: &Cx<'m>,
    clients: &'m Clients,
    call: &Call,
    args: &ListSessions,
) -> Result<Sessions<'m>, Fault> {
    let caller = call.caller()?;
    let is_after =
        |number: u64| args.after.is_none_or(|after| i64::try_from(number).is_ok_and(|at| at > after));
    let here = looked_at(call, clients.iter())
        .map(|(conn, session)| (number_of(conn), conn, session))
        .filter(|(number, ..)| is_after(*number));
    let here = here.filter(|(.., session)| may_see(caller, mud_name_of(session)));
    let here = here.map(|(number, conn, session)| (row(cx, clients, conn, session), number));
    let mut elsewhere: Vec<(&str, &Remote)> = looked_at(call, clients.elsewhere.iter())
        .map(|(_, id, remote)| (id, remote))
        .filter(|(_, remote)| is_after(remote.number) && may_see(caller, Some(&remote.saved.mud)))
        .collect();
    elsewhere.sort_unstable_by_key(|(_, remote)| remote.number);
    let elsewhere = elsewhere.into_iter().map(|(id, remote)| (row_elsewhere(id, remote), remote.number));
    let Page { rows, has_more } = Page::of(call, here.chain(elsewhere));
    let next = rows.last().filter(|_| has_more).map(|(_, at)| *at);
    let sessions: Vec<SessionRow<'m>> = rows.into_iter().map(|(row, _)| row).collect();
    Ok(Sessions { status: Success::Success, count: sessions.len(), sessions, more: next.map(|_| true), next })
}

/// Returns the place of a session here in lists of sessions: the number of its connection among those that are open.
fn number_of(conn: ConnId) -> u64 {
    conn.index() as u64
}

fn row<'m>(cx: &Cx<'m>, clients: &'m Clients, conn: ConnId, session: &'m Session) -> SessionRow<'m> {
    let identity = session.identity.as_ref();
    SessionRow {
        session_id: OrNull(identity.map(|identity| &*identity.session_id)),
        mud_name: OrNull(identity.map(|identity| &*identity.mud_name)),
        key_name: OrNull(identity.and_then(|identity| identity.key_name.as_deref())),
        client: OrNull(session.client_name.as_deref()),
        role: OrNull(identity.map(|_| session.role)),
        transport: Transport(session.way.name),
        node: cx.settings.node.as_ref().map(|node| node.name.as_str()),
        address: clients.addresses.of(conn),
        since: unix_of(cx.now, session.since),
        idle_seconds: Some(cx.now.mono.since(session.heard).as_secs()),
        permissions: identity.map(|identity| identity.permissions.names()).unwrap_or_default(),
        channels: session.channels.len(),
        queued_bytes: Some(cx.fx.pending_bytes(conn)),
    }
}

fn row_elsewhere<'m>(id: &'m str, remote: &'m Remote) -> SessionRow<'m> {
    let saved = &remote.saved;
    SessionRow {
        session_id: OrNull(Some(id)),
        mud_name: OrNull(Some(&saved.mud)),
        key_name: OrNull(saved.key.as_deref()),
        client: OrNull(saved.client.as_deref()),
        role: OrNull(Some(saved.role)),
        transport: Transport(&saved.transport),
        node: Some(&saved.node),
        address: saved.address,
        since: UnixTime::from_micros(saved.since),
        idle_seconds: None,
        permissions: saved.permissions.iter().map(String::as_str).collect(),
        channels: saved.channels.len(),
        queued_bytes: None,
    }
}

/// A client whose key is valid may connect again. To block a client for good, use `ip_blacklist`.
fn kick<'a>(
    cx: &mut Cx<'_>,
    clients: &mut Clients,
    call: &Call,
    args: Kick<'a>,
) -> Result<Kicked<'a>, Fault> {
    let caller = call.caller()?;
    let is_it = |session: &Session| {
        let id = session.identity.as_ref().map(|identity| &*identity.session_id);
        id == Some(&*args.session_id) && may_see(caller, mud_name_of(session))
    };
    let here = clients.iter().find(|(_, session)| is_it(session)).map(|(conn, _)| conn);
    let is_it = |(_, id, remote): &(&str, &str, &Remote)| {
        *id == &*args.session_id && may_see(caller, Some(&remote.saved.mud))
    };
    if let Some(conn) = here {
        shared_sessions::end(cx, clients, conn);
    } else if let Some((boot, id, _)) = clients.elsewhere.iter().find(is_it) {
        let change = shared_sessions::kick(boot, id, &caller.mud_name, who(clients, call));
        cx.save([change]);
    } else {
        return Err(Fault::params("there is no such session: the method sessions lists them"));
    }
    Ok(Kicked { status: KickedStatus::Kicked, session_id: args.session_id })
}

/// All muds share one log, so only an administrator of the gateway's own mud may change its level.
fn log_level(cx: &mut Cx<'_>, run: &mut Run, call: &Call, args: &SetLogLevel) -> Result<LogLevel, Fault> {
    let caller = call.caller()?;
    if let Some(AnyCase(level)) = args.level {
        if !caller.is_of_own_mud() {
            let text = "only the gateway's own mud may change the log";
            return Err(Fault::permission("a key of the gateway's own mud", text));
        }
        // The notice is written before the change, so that the old level decides whether it is shown. A log that
        // becomes quiet then shows why.
        let notice = Notice::new(Level::Warn, "api", "the log level was changed by an administrator");
        cx.notice(notice.with("level", level.name()).with("mud", &caller.mud_name));
        run.log_level = level;
        cx.fx.log_level(level);
    }
    Ok(LogLevel { status: Success::Success, level: LevelName(run.log_level) })
}
