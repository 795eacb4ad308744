//! All muds of the gateway, and the only way to step a link.

use super::logins::Logins;
use super::mud::Mud;
use crate::contents::BySpace;
use crate::cx::Cx;
use crate::effects::ConnMap;
use crate::i3::packet::{Mapping, MudEntry, RouterEntry};
use crate::ids::MudId;
use crate::link::pacer::{Origin, STARTUP_WEIGHT};
use crate::link::{LinkCx, LinkEvent, RouterLink, StateName};
use crate::machine::{Change, ConnId, SaveTicket, Saved};
use crate::network::mudlist::{MudChange, Versions};
use crate::notice::{Level, Notice};
use crate::settings::Settings;
use crate::spaces::Space;
use crate::time::{Instant, Now};
use crate::wake::Wake;
use bytes::Bytes;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::{Index, IndexMut};
use std::sync::Arc;
use std::time::Duration;

/// The least time between two connections to one router, whichever muds they are for. Dead Souls' router closes the
/// second connection that it accepts within one second of its clock.
const DIAL_SPACING: Duration = Duration::from_millis(1050);

/// The password in every startup-reply of a CoffeeMud router.
const COFFEEMUD_PASSWORD: i64 = -1;

/// What an administrator should know at the first login of a mud.
const FIRST_LOGIN: &str = "the name of the mud is registered on the network now, for good: other muds list it for years, and \
    another name would be another mud; `i3-gateway retire` gives it up";

/// How long it matters for other links that a router was reached: longer than an attempt can take, or a session that is dead.
const REACHED_HOLDS: Duration = Duration::from_secs(600);

/// Number of characters of a router's name, as it has sent it, that an error shows.
const ROUTER_NAME_CHARS_SHOWN: usize = 128;

/// What happened to a mud, for the services.
#[derive(Debug)]
pub(crate) enum News {
    /// The state of its link has changed.
    Link(MudId, LinkEvent),
    /// A frame was sent to its router, while packets are traced.
    Sent(MudId, Bytes),
    /// An accepted packet could not be sent.
    GivenUp { mud: MudId, origin: Origin, why: Cow<'static, str> },
}

/// A link has reached a router.
#[derive(Clone, Debug)]
struct Reached {
    by: MudId,
    /// The host and the port.
    router: (String, u16),
    at: Instant,
}

/// The muds, in the order of the settings.
#[derive(Debug)]
pub(crate) struct Muds {
    all: Vec<Mud>,
    /// The mud of each connection to a router.
    conns: ConnMap<MudId>,
    by_name: BTreeMap<String, MudId>,
    /// The connections of the last [`DIAL_SPACING`] to each router.
    dials: Vec<(String, u16, Instant)>,
    /// The routers that were last reached, each once.
    reached: Vec<Reached>,
    /// What the lists of the muds have in common.
    versions: Versions,
    /// Sent frames are recorded for traces.
    pub(crate) tracing: bool,
    pub(super) last_message_micros: u64,
    pub(super) news: VecDeque<News>,
}

impl Index<MudId> for Muds {
    type Output = Mud;

    fn index(&self, mud: MudId) -> &Mud {
        &self.all[mud.place()]
    }
}

impl IndexMut<MudId> for Muds {
    fn index_mut(&mut self, mud: MudId) -> &mut Mud {
        &mut self.all[mud.place()]
    }
}

/// Gives the muds of a router to the lists that were not saved with them.
fn share_lists(all: &mut [Mud]) {
    let mut of_routers: BTreeMap<String, usize> = BTreeMap::new();
    for (at, one) in all.iter().enumerate().filter(|(_, one)| !one.lists.muds().is_empty()) {
        if let Some(router) = one.lists.from() {
            of_routers.entry(router.to_owned()).or_insert(at);
        }
    }
    for at in 0..all.len() {
        let of_router = all[at].lists.from().and_then(|router| of_routers.get(router)).copied();
        if let Some(other) = of_router
            && let Ok([one, other]) = all.get_disjoint_mut([at, other])
        {
            one.lists.restore_from_other(&other.lists);
        }
    }
}

impl Muds {
    /// Creates the muds of the settings and restores their state. Returns how many saved entries of each mud could not
    /// be read.
    pub(crate) fn new(
        settings: &Settings,
        saved: &Saved,
        rng: &mut fastrand::Rng,
        now: Now,
    ) -> (Muds, Vec<(String, usize)>) {
        let mut unreadable = Vec::new();
        let mut all: Vec<Mud> = Vec::with_capacity(settings.muds.len());
        let mut versions = Versions::default();
        let saved = BySpace::new(saved);
        for one in &settings.muds {
            let mut mud = Mud::new(one, rng.u64(..), now);
            let count = mud.restore(one, &saved, now, &mut versions);
            if count > 0 {
                unreadable.push((one.name.clone(), count));
            }
            all.push(mud);
        }
        share_lists(&mut all);
        let muds = Muds {
            all,
            conns: ConnMap::default(),
            by_name: settings
                .muds
                .iter()
                .enumerate()
                .map(|(at, mud)| (mud.name.clone(), MudId::at(at)))
                .collect(),
            dials: Vec::new(),
            reached: Vec::new(),
            versions,
            tracing: false,
            last_message_micros: 0,
            news: VecDeque::new(),
        };
        (muds, unreadable)
    }

    /// Completes what was restored, as soon as it is known how long the gateway was not running.
    pub(crate) fn restored(&mut self, cx: &mut Cx<'_>) {
        for mud in self.ids() {
            self[mud].bans.restored(cx.now.unix, cx.steady);
        }
        self.choose_lists(cx, &[]);
        let change = cx.clock_change();
        cx.save([change]);
    }

    /// Merges a mudlist. Returns what changed, and the changes to save.
    pub(crate) fn apply_mudlist(
        &mut self,
        mud: MudId,
        mud_name: &str,
        muds: (i64, &Mapping<'_, Option<MudEntry<'_>>>),
    ) -> (Vec<MudChange>, Vec<Change>) {
        self.all[mud.place()].lists.apply_muds(mud_name, muds, &mut self.versions)
    }

    /// Returns the number of muds.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns all muds with their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (MudId, &Mud)> {
        self.all.iter().enumerate().map(|(at, mud)| (MudId::at(at), mud))
    }

    /// Returns all ids.
    pub(crate) fn ids(&self) -> impl Iterator<Item = MudId> + use<> {
        MudId::all(self.all.len())
    }

    /// Whether every link is ready.
    pub(crate) fn are_ready(&self) -> bool {
        self.all.iter().all(|mud| mud.link.is_ready() || mud.link.rests())
    }

    /// Whether every link has ended.
    pub(crate) fn are_stopped(&self) -> bool {
        self.all.iter().all(|mud| mud.link.is_stopped())
    }

    /// Returns the mud that a connection to a router belongs to.
    pub(crate) fn of_conn(&self, conn: ConnId) -> Option<MudId> {
        self.conns.get(conn).copied()
    }

    /// Returns the mud with this name.
    pub(crate) fn named(&self, name: &str) -> Option<MudId> {
        self.by_name.get(name).copied()
    }

    /// Returns the number of connections to routers.
    pub(crate) fn conn_count(&self) -> usize {
        self.conns.len()
    }

    /// Returns the next event for the services.
    pub(crate) fn poll_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// Steps a link. If it has reached its router, the links that wait for the same router try it soon; and so does the
    /// link itself if it waits now for a router that another one has reached meanwhile.
    pub(super) fn step(
        &mut self,
        cx: &mut Cx<'_>,
        mud: MudId,
        step: impl FnOnce(&mut RouterLink, &mut LinkCx<'_>) -> Option<LinkEvent>,
    ) {
        let events = self.news.len();
        self.step_alone(cx, mud, step);
        let is_ready =
            self.news.iter().skip(events).any(|news| matches!(news, News::Link(_, LinkEvent::Ready)));
        let link = &self[mud].link;
        if is_ready {
            let router = (link.router().host.clone(), link.router().port);
            self.router_reached(cx, mud, router);
        } else if link.state() == StateName::Waiting {
            for Reached { by, router, at } in self.reached.clone() {
                if by != mud {
                    self.step_alone(cx, mud, |link, lent| {
                        link.router_is_back(lent, (&router.0, router.1), at)
                    });
                }
            }
        }
    }

    /// Tells all other links that a router can be reached.
    fn router_reached(&mut self, cx: &mut Cx<'_>, by: MudId, router: (String, u16)) {
        let at = cx.now.mono;
        self.reached.retain(|one| one.router != router && at.since(one.at) < REACHED_HOLDS);
        for mud in self.ids().filter(|mud| *mud != by) {
            self.step_alone(cx, mud, |link, lent| link.router_is_back(lent, (&router.0, router.1), at));
        }
        self.reached.push(Reached { by, router, at });
    }

    /// Steps a link, and updates its timer and the table of connections. What else follows is left for
    /// [`Muds::poll_news`].
    fn step_alone(
        &mut self,
        cx: &mut Cx<'_>,
        mud: MudId,
        step: impl FnOnce(&mut RouterLink, &mut LinkCx<'_>) -> Option<LinkEvent>,
    ) {
        let one = &mut self.all[mud.place()];
        let before = {
            let mut conns = one.link.conns();
            [conns.next(), conns.next()]
        };
        let carried = one.link.conn().map(|conn| (conn, cx.fx.taken_bytes(conn)));
        let mut lent =
            LinkCx { now: cx.now, fx: cx.fx, settings: &cx.settings.link, mud: cx.settings.mud(mud) };
        let event = step(&mut one.link, &mut lent);
        let wake = one.link.deadline(&cx.settings.link).map(|(at, wait)| (at, Wake::Link(mud, wait)));
        if one.link_wake != wake.map(|(_, wake)| wake)
            && let Some(old) = one.link_wake.take()
        {
            cx.timers.clear(old);
        }
        if let Some((at, wake)) = wake.filter(|(at, wake)| cx.timers.get(*wake) != Some(*at)) {
            cx.timers.set(wake, at);
            one.link_wake = Some(wake);
        }
        for gone in before.into_iter().flatten().filter(|old| one.link.conns().all(|conn| conn != *old)) {
            self.conns.remove(gone);
        }
        for conn in one.link.conns() {
            if self.conns.get(conn).is_none() {
                self.conns.insert(conn, mud);
            }
        }
        if let Some(event) = event {
            self.news.push_back(News::Link(mud, event));
        }
        if let Some((conn, taken_bytes)) = carried.filter(|(conn, _)| one.link.conn() != Some(*conn)) {
            self.connection_over(cx, mud, conn, taken_bytes);
        }
        let one = &mut self.all[mud.place()];
        let report = one.holding.report((cx.settings, mud, cx.now), &one.link, one.behind_coffeemud);
        cx.save(report);
    }

    /// Handles the deadline of a link. A dial soon after another one to the same router is delayed.
    pub(crate) fn link_due(&mut self, cx: &mut Cx<'_>, mud: MudId) {
        self.space_dials(cx, mud);
        self.step(cx, mud, RouterLink::handle_timeout);
    }

    fn space_dials(&mut self, cx: &Cx<'_>, mud: MudId) {
        let now = cx.now.mono;
        let one = &mut self.all[mud.place()];
        let Some(router) = one.link.about_to_dial(now, cx.settings.mud(mud)) else { return };
        self.dials.retain(|(_, _, at)| *at + DIAL_SPACING > now);
        let last = self.dials.iter().find(|(host, port, _)| *host == router.host && *port == router.port);
        match last.map(|(_, _, at)| *at) {
            Some(last) => one.link.postpone(last + DIAL_SPACING),
            None => self.dials.push((router.host.clone(), router.port, now)),
        }
    }

    /// Handles bytes received on a connection of the mud's link. `link.next_frame` then returns the frames.
    pub(crate) fn link_received(&mut self, cx: &mut Cx<'_>, mud: MudId, conn: ConnId) {
        self.step(cx, mud, |link, lent| {
            link.received(lent, conn);
            None
        });
    }

    /// Handles an open connection to a router.
    pub(crate) fn link_dialed(&mut self, cx: &mut Cx<'_>, mud: MudId, conn: ConnId) {
        let one = &mut self.all[mud.place()];
        let settings = cx.settings.mud(mud);
        let is_login = one.link.conn() == Some(conn);
        if is_login {
            one.choose_password(settings);
            one.pacer.connected();
            one.pacer.count(cx.now.mono, STARTUP_WEIGHT);
            one.holding.logged_in = Some(cx.now.mono);
            let change = Logins::change(&settings.name, &one.link.router().name, cx.now.unix);
            cx.save([change]);
        }
        self.step(cx, mud, |link, lent| link.dialed(lent, conn));
        if !is_login {
            // A link that uses another router has tested whether its preferred one can be reached.
            let preferred = &settings.routers[0];
            self.router_reached(cx, mud, (preferred.host.clone(), preferred.port));
        }
    }

    /// Handles that a router's connection has taken all queued bytes.
    pub(crate) fn link_flushed(&mut self, cx: &mut Cx<'_>, mud: MudId, conn: ConnId) {
        let one = &mut self.all[mud.place()];
        if one.link.conn() == Some(conn) {
            if cx.fx.pending_bytes(conn) == 0 {
                one.pacer.written(cx.now.mono);
            }
            // One that was to close when all is flushed is closed by now.
            let flushed = if cx.fx.is_open(conn) { cx.fx.taken_bytes(conn) } else { u64::MAX };
            let left = one.handed.left(&cx.settings.mud(mud).name, conn, flushed);
            cx.save(left);
        }
        self.step(cx, mud, RouterLink::flushed);
        self.pump(cx, mud);
    }

    /// The connection on which packets go is over, of which the driver had taken so many bytes. What it had not taken goes on the
    /// next one, through whichever node.
    fn connection_over(&mut self, cx: &mut Cx<'_>, mud: MudId, conn: ConnId, taken_bytes: u64) {
        let one = &mut self[mud];
        one.pacer.drop_handed();
        one.holding.left = Some(cx.now.mono);
        let left = one.handed.over(&cx.settings.mud(mud).name, conn, taken_bytes);
        cx.save(left);
        self.set_expiry(cx, mud);
    }

    /// Handles a router's connection that was lost or could not be made.
    pub(crate) fn link_lost(&mut self, cx: &mut Cx<'_>, mud: MudId, conn: ConnId, reason: String) {
        if self[mud].link.conn() == Some(conn) {
            self.connection_over(cx, mud, conn, cx.fx.taken_bytes(conn));
        }
        cx.fx.release(conn);
        self.conns.remove(conn);
        self.step(cx, mud, |link, lent| link.lost(lent, conn, reason));
    }

    /// Handles the end of a save.
    pub(crate) fn link_saved(&mut self, cx: &mut Cx<'_>, ticket: SaveTicket, outcome: &Result<(), String>) {
        for mud in self.ids() {
            self.step(cx, mud, |link, lent| link.saved(lent, ticket, outcome));
        }
    }

    /// Handles a startup-reply: the router accepts the login, or changes it.
    pub(crate) fn startup_reply(
        &mut self,
        cx: &mut Cx<'_>,
        mud: MudId,
        password: i64,
        routers: &[RouterEntry<'_>],
    ) {
        let one = &mut self.all[mud.place()];
        let router = one.link.router().name.clone();
        let name = &cx.settings.mud(mud).name;
        one.behind_coffeemud = password == COFFEEMUD_PASSWORD;
        let is_first = one.passwords.at(&router).is_none() && cx.settings.mud(mud).router_password == 0;
        let change = one.passwords.keep(name, &router, password);
        if is_first && change.is_some() {
            let notice = Notice::new(Level::Info, "link", FIRST_LOGIN).with("mud", name);
            cx.notice(notice.with("router", &router));
        }
        self.step(cx, mud, |link, lent| link.startup_reply(lent, change, routers));
        // Routers send their lists right after the startup-reply, whether or not the password is saved by then.
        if cx.settings.node.is_some() {
            cx.save([Change {
                space: Space::LoggedIn.of(name),
                key: router.into(),
                value: Some(Arc::default()),
            }]);
        } else {
            self.login_told(cx, mud, &router);
        }
    }

    /// The link of a mud has logged in at a router, whose lists follow. Where nodes share a store, each node is told so, and of
    /// the lists.
    pub(crate) fn login_told(&mut self, cx: &mut Cx<'_>, mud: MudId, router: &str) {
        let one = &mut self.all[mud.place()];
        one.holding.logged_in = Some(cx.now.mono);
        let changes = one.lists.logged_in(cx.now.mono, &cx.settings.mud(mud).name, router);
        cx.save(changes);
        self.choose_lists(cx, &[]);
    }

    /// Chooses with which mud's lists the muds of each router are saved: all muds behind one router know the same muds. `taken`: of
    /// these it is not known what another node has saved.
    pub(crate) fn choose_lists(&mut self, cx: &mut Cx<'_>, taken: &[MudId]) {
        let mut routers = BTreeSet::new();
        let is_first = |mud: MudId| {
            self.is_holder(cx.settings, mud)
                && self[mud].lists.from().is_some_and(|router| routers.insert(router))
        };
        let chosen: Vec<bool> = self.ids().map(is_first).collect();
        for (mud, are_saved) in self.ids().zip(chosen) {
            let is_new = self[mud].lists.save_muds(are_saved);
            if (is_new || taken.contains(&mud)) && self.is_holder(cx.settings, mud) {
                cx.fx.write_anew(&Space::Muds.of(&cx.settings.mud(mud).name));
            }
        }
    }

    /// Another node has saved the password that a router has given to a mud.
    pub(crate) fn password_told(&mut self, mud: MudId, router: &str, value: &[u8]) {
        self[mud].passwords.restore(router, value);
    }

    /// Handles a login that the router refuses with an error packet.
    pub(crate) fn link_refused(&mut self, cx: &mut Cx<'_>, mud: MudId, reason: String) {
        if !cx.fx.holds(&cx.settings.mud(mud).name) {
            return;
        }
        self.step(cx, mud, |link, lent| link.refused(lent, reason));
    }

    /// Handles a login that is answered under another name than that of the router in the settings.
    pub(crate) fn named_otherwise(&mut self, cx: &mut Cx<'_>, mud: MudId, router: &str) {
        let shown: String = router.chars().take(ROUTER_NAME_CHARS_SHOWN).collect();
        let set = &self[mud].link.router().name;
        let reason = format!(
            "the router calls itself {shown}, but the settings call it {set}: set its name to {shown}"
        );
        self.link_refused(cx, mud, reason);
    }

    /// Handles a session with a router that cannot continue.
    pub(crate) fn link_broken(&mut self, cx: &mut Cx<'_>, mud: MudId, reason: String) {
        self.step(cx, mud, |link, lent| link.broken(lent, reason));
    }

    /// Closes the link to the router and logs in again.
    pub(crate) fn reconnect(&mut self, cx: &mut Cx<'_>, mud: MudId) {
        self.step(cx, mud, RouterLink::reconnect);
    }

    /// Logs off until [`Muds::wake`].
    pub(crate) fn rest(&mut self, cx: &mut Cx<'_>, mud: MudId, why: &str) {
        self.step(cx, mud, |link, lent| link.rest(lent, why));
    }

    /// Lets a link that rests log in.
    pub(crate) fn wake(&mut self, cx: &mut Cx<'_>, mud: MudId) {
        self.step(cx, mud, RouterLink::wake);
    }

    /// Logs off for good.
    pub(crate) fn stop(&mut self, cx: &mut Cx<'_>, mud: MudId) {
        self.step(cx, mud, RouterLink::stop);
    }

    /// Logs off for good, so that the router forgets the mud. The link must be ready.
    pub(crate) fn retire(&mut self, cx: &mut Cx<'_>, mud: MudId) {
        self.expire(cx, mud, Duration::ZERO, "the mud leaves the network");
        self.step(cx, mud, RouterLink::retire);
    }

    /// Applies new settings; `before` are the mud's settings until now.
    pub(crate) fn reload(
        &mut self,
        cx: &mut Cx<'_>,
        mud: MudId,
        before: &crate::settings::MudSettings,
    ) -> crate::link::Applied {
        let mut applied = crate::link::Applied::Now;
        self.step(cx, mud, |link, lent| {
            applied = link.reload(lent, before);
            None
        });
        applied
    }

    /// Reports an unreadable frame: from time to time a notice with a count, and each frame at the debug level.
    pub(crate) fn report_unreadable(
        &mut self,
        cx: &mut Cx<'_>,
        mud: MudId,
        error: impl std::fmt::Display,
        shown: &str,
    ) {
        let one = &mut self.all[mud.place()];
        let notice = |level| {
            Notice::new(level, "link", "unreadable frame dropped")
                .with("mud", &cx.settings.mud(mud).name)
                .with("router", &one.link.router().name)
        };
        if let Some(times) = one.unreadable.again(cx.now.mono) {
            cx.fx.notice(notice(Level::Info).with("times", times));
        }
        cx.fx.notice(notice(Level::Debug).with("error", error).with("frame", shown));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cx::testing::Bench;
    use crate::i3::packet::{Body, Packet};
    use crate::machine::Clear;

    fn of_router(mud: &str) -> Change {
        Change { space: Space::ListsFrom.of(mud), key: "".into(), value: Some((*b"*net").into()) }
    }

    #[test]
    fn the_muds_of_a_router_are_saved_once_and_all_muds_behind_it_know_them_after_a_restart() {
        let mut bench = Bench::default();
        bench.fx.retry_saves();
        let (settings, now) = (bench.settings.clone(), bench.now);
        let start = |saved: &Saved, bench: &mut Bench| {
            let (mut muds, unreadable) = Muds::new(&settings, saved, &mut bench.rng, now);
            assert_eq!(unreadable, []);
            muds.restored(&mut bench.cx());
            muds
        };
        let [alpha, beta] = [MudId::at(0), MudId::at(1)];
        let mut muds = start(&Saved::default(), &mut bench);
        muds.login_told(&mut bench.cx(), beta, "*net");
        let text = br#"({"mudlist",5,"*net",0,"Beta",0,7,(["Sage":({-1,"1.2.3.4",4000,0,0,"l","b","d","t","o","e",(["tell":1,]),0,}),]),})"#;
        let Body::Mudlist { id, muds: sent } = Packet::decode(text).unwrap().0.body else { panic!() };
        let (_, saved) = muds.apply_mudlist(beta, "Beta", (id, &sent));
        assert_eq!(saved.len(), 1, "it is the only one behind the router");
        // The first mud of the settings comes there too: the list goes over to it.
        muds.login_told(&mut bench.cx(), alpha, "*net");
        let of = |muds: &Muds, mud: MudId, name: &str| {
            let space = Space::Muds.of(name);
            muds[mud].entries(name, &Clear::Spaces(vec![space])).len()
        };
        let (_, saved) = muds.apply_mudlist(alpha, "Alpha", (id, &sent));
        assert_eq!((saved.len(), of(&muds, alpha, "Alpha"), of(&muds, beta, "Beta")), (1, 1, 0));
        let saves = bench.fx.saves().unwrap();
        assert!(!saves.is_failing() && saves.retry_after().is_some(), "both spaces are written anew");
        // A list may come in several packets; each mud is kept once all the same.
        let more = String::from_utf8_lossy(text).replace("Sage", "Other");
        let Body::Mudlist { id, muds: more } = Packet::decode(more.as_bytes()).unwrap().0.body else {
            panic!()
        };
        for mud in [beta, alpha] {
            muds.apply_mudlist(mud, "any", (id, &sent));
            muds.apply_mudlist(mud, "any", (id, &more));
        }
        for name in ["Sage", "Other"] {
            let [one, other] = [alpha, beta].map(|mud| muds[mud].lists.muds().get(name).unwrap());
            assert!(std::ptr::eq(one, other), "{name}");
        }
        // After a restart both know the mud.
        let [entry] = &saved[..] else { panic!("{saved:?}") };
        let entries = vec![of_router("Alpha"), of_router("Beta"), entry.clone()];
        let muds = start(&Saved { entries, ..Saved::default() }, &mut bench);
        assert!([alpha, beta].into_iter().all(|mud| muds[mud].lists.muds().get("Sage").is_some()));
        assert_eq!((of(&muds, alpha, "Alpha"), of(&muds, beta, "Beta")), (1, 0));
        // An earlier version has saved all lists.
        let second = Change { space: Space::Muds.of("Beta"), ..entry.clone() };
        let entries = vec![of_router("Alpha"), of_router("Beta"), entry.clone(), second];
        let mut bench = Bench::default();
        bench.fx.retry_saves();
        let muds = start(&Saved { entries, ..Saved::default() }, &mut bench);
        assert_eq!((of(&muds, alpha, "Alpha"), of(&muds, beta, "Beta")), (1, 0));
        assert!(bench.fx.saves().unwrap().retry_after().is_some(), "that of Beta is cleared");
    }
}
