//! Gateways, their database and a router that accepts every login, in virtual time.

use crate::Gateway;
use crate::ids::MudId;
use crate::link::StateName;
use crate::machine::{Beat, ConnId, Input, Listener, LostBy, Machine, Output, Saved};
use crate::nodes::tests::rig::{LEASE, Table, settings};
use crate::notice::Notice;
use crate::service::nodes::hold;
use crate::settings::NodeSettings;
use crate::spaces::Space;
use crate::time::{Instant, Now, UnixTime};
use std::collections::BTreeMap;
use std::time::Duration;

/// One step of time.
const TICK: Duration = Duration::from_millis(10);

/// A gateway and what it has done.
pub(super) struct Host {
    pub(super) gateway: Gateway,
    name: String,
    boot: String,
    /// Its connections to the router, and whether the router has accepted the login.
    pub(super) routers: BTreeMap<ConnId, bool>,
    /// All that the router has received, on whichever connection.
    pub(super) sent: String,
    /// All that the client has received.
    pub(super) told: String,
    pub(super) client: Option<ConnId>,
    pub(super) notices: Vec<Notice>,
    pub(super) dials: usize,
    pub(super) is_stopped: bool,
    /// The host sleeps: nothing happens there.
    pub(super) is_asleep: bool,
    asked: Vec<(u64, Beat)>,
}

/// All of it.
pub(super) struct Pair {
    pub(super) now: Now,
    pub(super) table: Table,
    pub(super) hosts: Vec<Host>,
    pub(super) has_database: bool,
    /// The router closes a connection when it is told goodbye.
    pub(super) closes: bool,
    keeps: bool,
    muds: usize,
}

impl Pair {
    /// Two nodes that share some muds, which have settled.
    pub(super) fn new(muds: usize) -> Pair {
        let mut pair = Pair::empty(muds, false);
        pair.start("a");
        pair.start("b");
        pair.wait(10.0);
        pair
    }

    pub(super) fn empty(muds: usize, keeps: bool) -> Pair {
        let unix = UnixTime::from_micros(1_700_000_000_000_000);
        Pair {
            now: Now { mono: Instant::from_micros(1_000_000), unix },
            table: Table::default(),
            hosts: Vec::new(),
            has_database: true,
            closes: true,
            keeps,
            muds,
        }
    }

    pub(super) fn start(&mut self, name: &str) {
        let mut settings = settings(self.muds, false);
        let boot = format!("{name}.{}", self.hosts.len());
        settings.node = Some(NodeSettings {
            name: name.to_owned(),
            boot: boot.clone(),
            lease: LEASE,
            keeps_without_database: self.keeps,
        });
        let gateway = Gateway::new(settings, &Saved::default(), 7, self.now).expect("valid settings");
        self.hosts.push(Host {
            gateway,
            name: name.to_owned(),
            boot,
            routers: BTreeMap::new(),
            sent: String::new(),
            told: String::new(),
            client: None,
            notices: Vec::new(),
            dials: 0,
            is_stopped: false,
            is_asleep: false,
            asked: Vec::new(),
        });
    }

    pub(super) fn connect(&mut self, at: usize) {
        let peer = "127.0.0.1:9".parse().expect("an address");
        let host = &mut self.hosts[at];
        host.client = host.gateway.accept(self.now, Listener::Lines, peer).ok();
        self.wait(0.1);
    }

    /// Sends a request of the client, and returns all that comes within some time.
    pub(super) fn ask(&mut self, at: usize, method: &str, within: f64) -> String {
        let host = &mut self.hosts[at];
        host.told.clear();
        let text = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{method}\"}}\n");
        let conn = host.client.expect("a client");
        host.gateway.handle(self.now, Input::Received { conn, bytes: text.as_bytes() });
        self.wait(within);
        self.hosts[at].told.clone()
    }

    /// Bytes of the router.
    pub(super) fn receive(&mut self, at: usize, conn: ConnId, text: &str) {
        let mut bytes = Vec::new();
        crate::i3::frame::append(&mut bytes, |frame| frame.extend_from_slice(text.as_bytes()));
        self.hosts[at].gateway.handle(self.now, Input::Received { conn, bytes: &bytes });
    }

    pub(super) fn wait(&mut self, seconds: f64) {
        let end = self.now.mono + Duration::from_secs_f64(seconds);
        loop {
            for at in 0..self.hosts.len() {
                self.settle(at);
            }
            if self.now.mono >= end {
                return;
            }
            self.pass(TICK);
        }
    }

    /// Lets time pass in which nothing happens.
    pub(super) fn pass(&mut self, time: Duration) {
        (self.now.mono, self.now.unix) = (self.now.mono + time, self.now.unix + time);
    }

    /// Number of logins that the router has accepted and not lost, of each host.
    pub(super) fn sessions(&self) -> Vec<usize> {
        self.hosts.iter().map(|host| host.routers.values().filter(|is_in| **is_in).count()).collect()
    }

    pub(super) fn state(&self, at: usize, mud: usize) -> StateName {
        self.hosts[at].gateway.muds[MudId::at(mud)].link.state()
    }

    /// Number of notices with this text.
    pub(super) fn notices(&self, at: usize, what: &str) -> usize {
        self.hosts[at].notices.iter().filter(|notice| notice.what == what).count()
    }

    pub(super) fn settle(&mut self, at: usize) {
        if self.hosts[at].is_asleep || self.hosts[at].is_stopped {
            return;
        }
        for _ in 0..10_000 {
            let host = &mut self.hosts[at];
            if let Some(output) = host.gateway.poll_output() {
                self.perform(at, output);
            } else if let Some((beat, ask)) = (!host.asked.is_empty()).then(|| host.asked.remove(0)) {
                self.beat(at, beat, &ask);
            } else if host.gateway.poll_timeout().is_some_and(|(due, _)| due <= self.now.mono) {
                host.gateway.handle_timeout(self.now);
            } else {
                return;
            }
        }
        panic!("{} does not come to rest: {:?}", self.hosts[at].name, self.hosts[at].gateway.poll_timeout());
    }

    fn perform(&mut self, at: usize, output: Output) {
        let (now, host) = (self.now, &mut self.hosts[at]);
        match output {
            Output::Dial { conn, .. } => {
                host.dials += 1;
                host.routers.insert(conn, false);
                host.gateway.handle(now, Input::Dialed { conn });
            }
            Output::Write { conn } => {
                let mut pieces = Vec::new();
                host.gateway.take_bytes(conn, usize::MAX, &mut pieces);
                let text = String::from_utf8_lossy(&pieces.concat()).into_owned();
                host.gateway.handle(now, Input::Flushed { conn });
                self.written(at, conn, &text);
            }
            Output::Close { conn } => {
                host.routers.remove(&conn);
            }
            Output::Save { ticket, changes, .. } => {
                let outcome = match self.has_database {
                    true => Ok(()),
                    false => Err(crate::machine::SaveError::Failed("no database".to_owned())),
                };
                if outcome.is_ok() {
                    self.tell_reports(&changes);
                }
                self.hosts[at].gateway.handle(now, Input::Saved { ticket, outcome });
            }
            Output::Beat { beat, ask } => host.asked.push((beat, ask)),
            Output::Notice(notice) => host.notices.push(notice),
            Output::Stopped => host.is_stopped = true,
            _ => {}
        }
    }

    fn written(&mut self, at: usize, conn: ConnId, text: &str) {
        if self.hosts[at].client == Some(conn) {
            return self.hosts[at].told.push_str(text);
        }
        self.hosts[at].sent.push_str(text);
        if text.contains("startup-req-3") {
            let name = text.split('"').nth(3).unwrap_or_default().to_owned();
            let reply = format!(
                "({{\"startup-reply\",5,\"*net\",0,\"{name}\",0,({{({{\"*net\",\"127.0.0.1 1\",}}),}}),77,}})"
            );
            self.hosts[at].routers.insert(conn, true);
            self.receive(at, conn, &reply);
        }
        // What a mud sends to itself comes back.
        if let Some(from) = text.find("({\"auth-mud-req\"") {
            let probe = text[from..].trim_end_matches('\0').to_owned();
            self.receive(at, conn, &probe);
        }
        if text.contains("({\"shutdown\"") && self.closes {
            self.hosts[at].routers.remove(&conn);
            let by = LostBy::EndOfStream;
            self.hosts[at].gateway.handle(self.now, Input::Lost { conn, by });
        }
    }

    /// Tells all nodes what was saved of links.
    fn tell_reports(&mut self, changes: &[crate::machine::Change]) {
        for change in changes {
            let Some((Space::Link, name)) = Space::parse(&change.space) else { continue };
            let mud = MudId::at(name.trim_start_matches("Mud").parse().expect("a number"));
            for host in self.hosts.iter_mut().filter(|host| !host.is_asleep && !host.is_stopped) {
                host.gateway.set_now(self.now);
                let (mut parts, doors) = host.gateway.parts();
                hold::view_told(&mut parts, mud, change.value.as_deref());
                doors.follow(&mut parts);
            }
        }
    }

    fn beat(&mut self, at: usize, beat: u64, ask: &Beat) {
        let now = self.now.mono;
        if !self.has_database {
            let outcome = Err("no database".to_owned());
            return self.hosts[at].gateway.handle(self.now, Input::Beaten { beat, outcome });
        }
        let (name, boot) = (self.hosts[at].name.clone(), self.hosts[at].boot.clone());
        if self.table.beat(now, (&name, &boot), ask) {
            for other in 0..self.hosts.len() {
                if !self.hosts[other].is_asleep && other != at {
                    let outcome = Ok(self.table.view(now));
                    self.hosts[other].gateway.handle(self.now, Input::Beaten { beat: 0, outcome });
                }
            }
        }
        let outcome = Ok(self.table.view(now));
        self.hosts[at].gateway.handle(self.now, Input::Beaten { beat, outcome });
        self.hosts[at].gateway.handle(self.now, Input::Followed { beat });
    }
}

impl Host {
    /// No connection to a router is open, whatever the driver has done by now.
    pub(super) fn has_nothing_open(&self) {
        let open = self.gateway.muds.iter().flat_map(|(_, mud)| mud.link.conns());
        assert_eq!(open.count(), 0);
    }
}
