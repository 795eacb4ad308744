//! A link with a scripted driver: it carries out what the link wants, keeps a record of it, and lets virtual time pass.

use crate::effects::Effects;
use crate::i3::Charset;
use crate::i3::packet::RouterEntry;
use crate::link::counts::Cause;
use crate::link::router_link::RouterLink;
use crate::link::state::StateName;
use crate::link::step::{Applied, LinkCx, LinkEvent, Wait};
use crate::machine::{Change, ConnId, Output, SaveTicket};
use crate::notice::Level;
use crate::settings::{LinkSettings, MudSettings, RouterSettings};
use crate::time::{Instant, Now};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) struct Rig {
    pub(super) link: RouterLink,
    settings: LinkSettings,
    mud: MudSettings,
    pub(super) fx: Effects,
    pub(super) now: Now,
    /// The router does not read.
    pub(super) stuck: bool,
    /// Dials that were not answered yet: connection and host, the oldest first.
    pub(super) dials: Vec<(ConnId, String)>,
    pub(super) closed: Vec<ConnId>,
    pub(super) saves: Vec<SaveTicket>,
    pub(super) events: Vec<LinkEvent>,
    /// What went to routers, without the frames' lengths.
    pub(super) sent: Vec<String>,
    /// How many notices of each level the link has given.
    notices: BTreeMap<Level, usize>,
    /// The ends that [`Rig::new_ends`] has returned.
    ends_seen: BTreeMap<Cause, u64>,
}

impl Rig {
    /// A link that has dialed the first of these routers: `a` has the name `*a` and the host `a`.
    pub(super) fn new(routers: &[&str], change: impl FnOnce(&mut LinkSettings)) -> Rig {
        let router = |name: &&str| RouterSettings {
            name: format!("*{name}"),
            host: (*name).to_owned(),
            port: 4000,
            charset: Charset::Utf8,
        };
        let mud = MudSettings {
            name: "Alpha".to_owned(),
            player_port: 4000,
            admin_email: String::new(),
            mudlib: String::new(),
            base_mudlib: String::new(),
            driver: String::new(),
            mud_type: String::new(),
            open_status: String::new(),
            services: Arc::default(),
            routers: routers.iter().map(router).collect(),
            router_password: 0,
            channels: Vec::new(),
            i3: None,
        };
        let mut settings = LinkSettings::default();
        change(&mut settings);
        let now = Now::default();
        let mut rig = Rig {
            link: RouterLink::new(&mud, 7, now),
            settings,
            mud,
            fx: Effects::default(),
            now,
            stuck: false,
            dials: Vec::new(),
            closed: Vec::new(),
            saves: Vec::new(),
            events: Vec::new(),
            sent: Vec::new(),
            notices: BTreeMap::new(),
            ends_seen: BTreeMap::new(),
        };
        rig.step(RouterLink::handle_timeout);
        rig
    }

    /// A link whose first router is away, and which is ready at the second.
    pub(super) fn at_the_second(return_after: Option<Duration>) -> Rig {
        let mut rig = Rig::new(&["a", "b"], |settings| settings.return_after = return_after);
        rig.dial_fails();
        rig.log_in();
        assert_eq!(rig.link.router().name, "*b");
        rig
    }

    fn call<R>(&mut self, step: impl FnOnce(&mut RouterLink, &mut LinkCx<'_>) -> R) -> R {
        let (now, settings, mud) = (self.now, &self.settings, &self.mud);
        step(&mut self.link, &mut LinkCx { now, fx: &mut self.fx, settings, mud })
    }

    /// Runs a step and carries out what the link wants.
    pub(super) fn step(&mut self, step: impl FnOnce(&mut RouterLink, &mut LinkCx<'_>) -> Option<LinkEvent>) {
        let event = self.call(step);
        self.events.extend(event);
        let mut flushed = false;
        while let Some(output) = self.fx.poll() {
            match output {
                Output::Dial { conn, host, .. } => self.dials.push((conn, host)),
                Output::Write { .. } if self.stuck => {}
                Output::Write { conn } => {
                    let mut bytes = Vec::new();
                    self.fx.take_bytes(conn, usize::MAX, &mut bytes);
                    let frame = bytes.concat();
                    let text = frame.get(4..frame.len() - 1).unwrap_or_default();
                    self.sent.push(String::from_utf8(text.to_vec()).expect("packets here are UTF-8"));
                    self.fx.flushed(conn);
                    flushed = true;
                }
                Output::Close { conn } => {
                    self.dials.retain(|(dialed, _)| *dialed != conn);
                    self.closed.push(conn);
                }
                Output::Save { ticket, .. } => self.saves.push(ticket),
                Output::Notice(notice) => *self.notices.entry(notice.level).or_default() += 1,
                _ => {}
            }
        }
        if flushed {
            self.step(RouterLink::flushed);
        }
    }

    pub(super) fn deadline(&self) -> Option<(Instant, Wait)> {
        self.link.deadline(&self.settings)
    }

    /// Lets time pass, and fires the deadlines that fall into it.
    pub(super) fn wait(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some((at, _)) = self.deadline().filter(|(at, _)| *at <= end) {
            self.now.mono = self.now.mono.max(at);
            self.step(RouterLink::handle_timeout);
            let again = self.deadline();
            assert!(again.is_none_or(|(next, _)| next > self.now.mono), "no progress at {at:?}: {again:?}");
        }
        self.now.mono = end;
    }

    /// Waits for the next attempt. Returns how long that took and for which host it is.
    pub(super) fn next_dial(&mut self) -> (Duration, String) {
        let from = self.now.mono;
        for step in 0.. {
            if !self.dials.is_empty() {
                break;
            }
            assert!(step < 100, "no attempt comes");
            let (at, _) = self.deadline().expect("the link goes on");
            self.now.mono = at;
            self.step(RouterLink::handle_timeout);
        }
        (self.now.mono.since(from), self.dials[0].1.clone())
    }

    /// The oldest dial that is not answered yet opens.
    pub(super) fn opened(&mut self) -> ConnId {
        let (conn, _) = self.dials.remove(0);
        self.step(|link, cx| link.dialed(cx, conn));
        conn
    }

    pub(super) fn lost(&mut self, conn: ConnId) {
        self.dials.retain(|(dialed, _)| *dialed != conn);
        self.fx.release(conn);
        self.step(|link, cx| link.lost(cx, conn, "gone".to_owned()));
    }

    /// The oldest dial that is not answered yet fails.
    pub(super) fn dial_fails(&mut self) {
        let conn = self.dials[0].0;
        self.lost(conn);
    }

    /// Bytes come in on a connection. Returns the texts of the frames that they complete.
    pub(super) fn received(&mut self, conn: ConnId, mut bytes: &[u8]) -> Vec<Vec<u8>> {
        self.call(|link, cx| link.received(cx, conn));
        let mut texts = Vec::new();
        while let Some(text) = self.link.next_frame(conn, &mut bytes).unwrap() {
            texts.push(text.to_vec());
        }
        texts
    }

    /// An empty frame comes in: a sign of life, and no packet.
    pub(super) fn heard(&mut self) {
        let conn = self.link.conn().unwrap();
        assert!(self.received(conn, b"\0\0\0\0").is_empty());
    }

    pub(super) fn reply(&mut self, password: bool, routers: &[(&str, &str)]) {
        self.heard();
        let change = password.then(|| Change { space: "".into(), key: "".into(), value: None });
        let routers: Vec<RouterEntry<'_>> = routers
            .iter()
            .map(|(name, address)| RouterEntry { name: (*name).into(), address: (*address).into() })
            .collect();
        self.step(|link, cx| link.startup_reply(cx, change, &routers));
    }

    /// Dials when it is time, and logs in.
    pub(super) fn log_in(&mut self) -> ConnId {
        self.next_dial();
        let conn = self.opened();
        self.reply(false, &[]);
        assert!(self.link.is_ready());
        conn
    }

    /// Waits while the router answers probes and, as often as `every` says, sends something else.
    pub(super) fn live(&mut self, time: Duration, every: Duration) {
        let end = self.now.mono + time;
        while self.now.mono < end && self.link.is_ready() {
            let sent = self.sent.len();
            self.wait(every.min(end.since(self.now.mono)));
            let probed = self.sent[sent..].iter().any(|text| text.contains("-req"));
            if self.link.is_ready() {
                self.heard();
                if probed {
                    self.link.probe_answered();
                }
            }
        }
    }

    /// Takes other settings over.
    pub(super) fn reload(&mut self, change: impl FnOnce(&mut LinkSettings, &mut MudSettings)) -> Applied {
        let before = self.mud.clone();
        change(&mut self.settings, &mut self.mud);
        let mut applied = None;
        self.step(|link, cx| {
            applied = Some(link.reload(cx, &before));
            None
        });
        applied.unwrap()
    }

    pub(super) fn state(&self) -> StateName {
        self.link.state()
    }

    /// The types of the packets that went since the last call.
    pub(super) fn kinds(&mut self) -> Vec<String> {
        let kind = |text: String| text.split('"').nth(1).unwrap_or_default().to_owned();
        std::mem::take(&mut self.sent).into_iter().map(kind).collect()
    }

    /// Why sessions and attempts have ended since the last call.
    pub(super) fn new_ends(&mut self) -> Vec<Cause> {
        let mut new = Vec::new();
        for cause in Cause::ALL {
            let ended = self.link.counts().ended(cause);
            let seen = self.ends_seen.insert(cause, ended).unwrap_or(0);
            new.extend((seen..ended).map(|_| cause));
        }
        new
    }

    /// How many notices of this level the link has given.
    pub(super) fn notices(&self, level: Level) -> usize {
        self.notices.get(&level).copied().unwrap_or(0)
    }
}
