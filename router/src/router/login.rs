//! How a mud gets in, and how it hears of the others.

use super::{Conn, ConnState, Router, RouterWake};
use crate::flood;
use crate::registry::{self, Mud, MudId, MudInfo, Presence, Registry, Verdict};
use crate::wire::{self, Incoming};
use bytes::Bytes;
use i3_core::i3::Value;
use i3_core::machine::ConnId;
use i3_core::notice::Level;
use i3_core::time::Now;
use std::net::IpAddr;
use std::time::Duration;

/// Muds in one packet of the first mudlist.
const MUDLIST_MUDS_MAX: usize = 10;
/// The ids of all such packets but the last are random, below this.
const MUDLIST_ID_MAX: i64 = 9_980_000;
/// When Dead Souls starts to send the whole mudlist again, one mud a packet.
const MUDLIST_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The time between those packets: ten a second.
const MUDLIST_AGAIN_SPACING: Duration = Duration::from_millis(100);
/// When a mud's arrival is told: a second after its second mudlist starts.
const JOINED_NEWS_AFTER: Duration = Duration::from_secs(2);
/// When a mud's loss is told. A mud that is back by then is told to be up, twice.
pub(super) const LEFT_NEWS_AFTER: Duration = Duration::from_secs(11);
/// Refused logins on one connection before it is closed: each is told to the operator. Dead Souls counts none.
const REFUSALS_MAX: u32 = 20;

/// Logging in.
impl Router {
    /// Dead Souls answers a bad login with silence: its errors are addressed to a mud that the connection is not yet.
    /// The mud may be waiting for as long as it likes; the operator is told why.
    pub(super) fn startup(&mut self, now: Now, conn: ConnId, packet: &Incoming<'_>) {
        if let Err(why) = self.login(now, conn, packet) {
            self.refuse_login(now, conn, packet, why);
        }
    }

    fn login(&mut self, now: Now, conn: ConnId, packet: &Incoming<'_>) -> Result<(), &'static str> {
        let Some(peer) = self.conns.get(conn) else { return Ok(()) };
        let ip = peer.ip;
        let header = packet.header().ok_or("its header is wrong")?;
        // Dead Souls takes version 2 in the form of version 3.
        if !matches!(&*packet.kind, "startup-req-3" | "startup-req-2") {
            return Err("only protocol 3 is spoken here");
        }
        if header.to_mud.is_some_and(|to| to != self.settings.name) {
            return Err("it asks for another router");
        }
        let info = MudInfo::from_startup(packet)?;
        let name = &*header.from_mud;
        Registry::check_name(name, &self.settings.name)?;
        let password = packet.int(wire::HEADER_ELEMENTS).unwrap_or(0);
        let verdict = self.muds.judge(name, ip, password);
        self.check_verdict(now, ip, verdict, &info)?;
        self.admit(now, conn, name, ip, info, verdict);
        Ok(())
    }

    fn check_verdict(
        &mut self,
        now: Now,
        ip: IpAddr,
        verdict: Verdict,
        info: &MudInfo,
    ) -> Result<(), &'static str> {
        match verdict {
            Verdict::New if self.muds.len() >= self.settings.muds_max => Err("too many muds are known"),
            Verdict::New if self.muds.known_from(ip) >= self.settings.muds_per_ip_max => {
                Err("too many muds are known from its address")
            }
            Verdict::New => Ok(()),
            Verdict::Back { mud, .. } | Verdict::TakeOver { mud, .. } => self.charge_login(now, mud),
            Verdict::Impostor { online } => {
                self.warn_of_impostor(online, ip, info);
                Err("a mud of that name is online")
            }
            Verdict::WrongPassword => {
                self.suspects.wrong_password(ip, now.unix.seconds());
                Err("wrong password, and from a new address")
            }
        }
    }

    fn charge_login(&mut self, now: Now, mud: MudId) -> Result<(), &'static str> {
        if !self.settings.flood_control {
            return Ok(());
        }
        match self.flood.charge(mud, now.unix.seconds(), flood::points("startup-req-3")) {
            flood::Verdict::Pass => Ok(()),
            flood::Verdict::Detected => {
                self.metrics.floods += 1;
                self.set_release(now);
                Err("it floods")
            }
            flood::Verdict::Reminder | flood::Verdict::Ignored => Err("it is ignored because it flooded"),
        }
    }

    /// The mud that is online learns who tries to be it.
    fn warn_of_impostor(&mut self, online: ConnId, ip: IpAddr, info: &MudInfo) {
        let Some(Conn { state: ConnState::Mud { mud, .. }, .. }) = self.conns.get(online) else { return };
        let fault = crate::channels::Fault::new("bad-mojo", "Another mud is trying to be you.");
        let ip = ip.to_string();
        self.send_error(*mud, Value::Int(0), &fault, info.intruder(&ip));
    }

    fn refuse_login(&mut self, now: Now, conn: ConnId, packet: &Incoming<'_>, why: &'static str) {
        self.metrics.logins_refused += 1;
        let Some(peer) = self.conns.get_mut(conn) else { return };
        let ip = peer.ip;
        let too_many = match &mut peer.state {
            ConnState::New { refusals } => {
                *refusals += 1;
                *refusals >= REFUSALS_MAX
            }
            ConnState::Mud { .. } | ConnState::Closing => false,
        };
        let name = packet.text(2).unwrap_or_default();
        self.notice(Level::Warn, "login refused", |n| n.with("mud", name).with("ip", ip).with("reason", why));
        if too_many {
            self.close(now, conn, "too many refused logins");
        }
    }

    fn admit(&mut self, now: Now, conn: ConnId, name: &str, ip: IpAddr, info: MudInfo, verdict: Verdict) {
        self.leave_old_places(now, conn, verdict);
        let presence = Presence::Online(conn);
        let id = match verdict {
            Verdict::Back { mud, .. } | Verdict::TakeOver { mud, .. } => mud,
            _ => {
                let password = registry::new_password(&mut self.rng);
                let mud = Mud { name: name.to_owned(), password, ip, info: info.clone(), presence };
                let id = self.muds.insert(mud);
                // A new name is charged too; its first packet cannot be one too many.
                let _ = self.charge_login(now, id);
                id
            }
        };
        if let Some(mud) = self.muds.get_mut(id) {
            if matches!(verdict, Verdict::Back { keep_password: false, .. }) {
                mud.password = registry::new_password(&mut self.rng);
            }
            (mud.ip, mud.info, mud.presence) = (ip, info, presence);
            // Saved before it is said, so that a mud never holds a password that the router has lost.
            let change = mud.change();
            self.save(vec![change]);
        }
        if let Some(peer) = self.conns.get_mut(conn) {
            peer.state = ConnState::Mud { mud: id, again: Default::default() };
        }
        self.timers.clear(RouterWake::Login(conn));
        self.metrics.logins += 1;
        self.notice(Level::Info, "mud joined", |n| n.with("mud", name).with("ip", ip));
        self.greet(now, conn, id);
    }

    /// Dead Souls leaves the old connection of a mud that comes back on a new one open and deaf; here it is closed.
    /// A connection that takes another name gives up the old one.
    fn leave_old_places(&mut self, now: Now, conn: ConnId, verdict: Verdict) {
        if let Verdict::TakeOver { old, .. } = verdict
            && old != conn
        {
            self.conns.remove(old);
            self.timers.clear(RouterWake::MudlistAgain(old));
            self.effects.close_now(old);
        }
        let Some(Conn { state: ConnState::Mud { mud, .. }, .. }) = self.conns.get(conn) else { return };
        let mud = *mud;
        if !matches!(verdict, Verdict::TakeOver { old, .. } if old == conn) {
            self.set_offline(now, mud, "it took another name");
        }
    }

    /// What follows a good login, in the order in which Dead Souls sends it.
    fn greet(&mut self, now: Now, conn: ConnId, id: MudId) {
        let Some(mud) = self.muds.get(id) else { return };
        let address = vec![Value::str(&self.settings.name), Value::str(&self.settings.address)];
        let fields = vec![Value::Array(vec![Value::Array(address)]), Value::Int(mud.password)];
        let router = &self.settings.name;
        let reply = wire::packet("startup-reply", router, Some(&mud.name), Value::Int(0), fields);
        let has_channels = mud.info.has_channels();
        let all: Vec<MudId> = self.muds.iter().map(|(id, _)| id).collect();
        self.send(conn, reply);
        for group in all.chunks(MUDLIST_MUDS_MAX) {
            let is_last = group.last() == all.last();
            let list_id = if is_last { self.mudlist_id } else { self.rng.i64(0..MUDLIST_ID_MAX) };
            let frame = self.mudlist(Some(id), list_id, group);
            self.send(conn, frame);
        }
        if has_channels {
            self.send_chanlist(id);
        }
        if let Some(Conn { state: ConnState::Mud { again, .. }, .. }) = self.conns.get_mut(conn) {
            *again = all.into();
        }
        self.timers.set(RouterWake::MudlistAgain(conn), now.mono + MUDLIST_AGAIN_AFTER);
        self.timers.set(RouterWake::Joined(id), now.mono + JOINED_NEWS_AFTER);
    }
}

/// Lists and news.
impl Router {
    fn mudlist(&self, to: Option<MudId>, list_id: i64, muds: &[MudId]) -> Bytes {
        let to = to.and_then(|id| self.muds.get(id)).map(|mud| mud.name.as_str());
        let entries = muds.iter().filter_map(|id| self.muds.get(*id)).map(Mud::entry_under_name).collect();
        let fields = vec![Value::Int(list_id), Value::Map(entries)];
        wire::packet("mudlist", &self.settings.name, to, Value::Int(0), fields)
    }

    /// The next packet of the second copy of the mudlist, which is addressed to nobody.
    pub(super) fn mudlist_again(&mut self, now: Now, conn: ConnId) {
        let Some(Conn { state: ConnState::Mud { again, .. }, .. }) = self.conns.get_mut(conn) else { return };
        let Some(next) = again.pop_front() else { return };
        if !again.is_empty() {
            self.timers.set(RouterWake::MudlistAgain(conn), now.mono + MUDLIST_AGAIN_SPACING);
        }
        if self.muds.get(next).is_some() {
            let frame = self.mudlist(None, self.mudlist_id, &[next]);
            self.send(conn, frame);
        }
    }

    /// Tells every mud how one of them is, the one itself too.
    pub(super) fn tell_news(&mut self, id: MudId) {
        if let Some(mud) = self.muds.get(id) {
            let (name, entry) = mud.entry_under_name();
            let name = name.into_owned();
            self.tell_mudlist(&[(name, entry)]);
        }
    }

    /// Sends a change of the mudlist to every mud, each addressed by its name.
    pub(super) fn tell_mudlist(&mut self, entries: &[(Value<'_>, Value<'_>)]) {
        self.mudlist_id += 1;
        let fields = vec![Value::Int(self.mudlist_id), Value::Map(entries.to_vec())];
        self.tell_all("mudlist", &fields, |_| true);
    }

    /// Sends a packet of the router's own to every mud that `wants` it, each addressed by its name.
    pub(super) fn tell_all(&mut self, kind: &str, fields: &[Value<'_>], wants: impl Fn(&Mud) -> bool) {
        let router = &self.settings.name;
        let frame = |name: &str| wire::packet(kind, router, Some(name), Value::Int(0), fields.to_vec());
        let online = self.muds.online().filter(|(mud, _)| wants(mud));
        let frames: Vec<(ConnId, Bytes)> = online.map(|(mud, conn)| (conn, frame(&mud.name))).collect();
        for (conn, frame) in frames {
            self.send(conn, frame);
        }
    }
}
