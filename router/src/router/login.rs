//! How a mud gets in, and how it hears of the others.

use super::state::{Conn, ConnState, Router, RouterWake};
use crate::channels::ErrorReply;
use crate::flood;
use crate::registry::{
    self, KnownMudId, LoginVerdict, Mud, MudInfo, NEW_PROTOCOL, OLD_STARTUP_ELEMENTS, Presence, Registry,
};
use crate::rules::Form;
use crate::settings::Dialect;
use crate::wire::{self, Incoming};
use bytes::Bytes;
use i3_core::i3::Value;
use i3_core::machine::ConnId;
use i3_core::notice::Level;
use i3_core::time::Now;
use std::net::IpAddr;
use std::time::Duration;

/// Where Dead Souls draws its random ids from: those of all packets of the first mudlist but the last.
const LIST_ID_MAX: i64 = 9_980_000;
/// When Dead Souls starts to send the whole mudlist again, one mud a packet.
const MUDLIST_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The time between those packets: ten a second.
const MUDLIST_AGAIN_SPACING: Duration = Duration::from_millis(100);
/// Refused logins on one connection before it is closed: each is told to the operator. Dead Souls counts none.
const REFUSALS_MAX: u32 = 20;

/// Where a login has the id of the mudlist that the mud has.
const OLD_MUDLIST_ID: usize = 7;
/// Where it has that of the channel list.
const OLD_CHANLIST_ID: usize = 8;

/// Why a login is refused: the code of an error, where one is sent, and what the operator is told.
#[derive(Clone, Copy)]
pub(super) struct Refusal {
    code: &'static str,
    why: &'static str,
}

impl Refusal {
    fn bad_packet(why: &'static str) -> Refusal {
        Refusal { code: "bad-pkt", why }
    }
}

impl From<&'static str> for Refusal {
    fn from(why: &'static str) -> Refusal {
        Refusal { code: "not-allowed", why }
    }
}

/// A mud that is let in.
pub(super) struct Newcomer<'a> {
    pub(super) name: &'a str,
    pub(super) ip: IpAddr,
    pub(super) info: MudInfo,
    pub(super) protocol: u8,
    /// The ids of the mudlist and the channel list that it has.
    pub(super) ids: [i64; 2],
}

/// Logging in.
impl Router {
    /// Dead Souls answers a bad login with silence: its errors are addressed to a mud that the connection is not yet.
    /// The mud may be waiting for as long as it likes; the operator is told why.
    pub(super) fn startup(&mut self, now: Now, conn: ConnId, packet: &Incoming<'_>) {
        if let Err(refusal) = self.login(now, conn, packet) {
            self.refuse_login(now, conn, packet, refusal);
        }
    }

    fn login(&mut self, now: Now, conn: ConnId, packet: &Incoming<'_>) -> Result<(), Refusal> {
        let Some(peer) = self.conns.get(conn) else { return Ok(()) };
        let ip = peer.ip;
        if self.rules().answers_strangers && matches!(peer.state, ConnState::Mud { .. }) {
            return Err(Refusal { code: "bad-proto", why: "it has logged in already" });
        }
        let header = packet.header().ok_or(Refusal::bad_packet("its header is wrong"))?;
        let protocol = match &*packet.kind {
            "startup-req-1" => 1,
            // Dead Souls takes version 2 in the form of version 3 for version 3.
            "startup-req-2" if packet.elements.len() == OLD_STARTUP_ELEMENTS => 2,
            "startup-req-2" if self.rules().answers_strangers => 2,
            "startup-req-2" | "startup-req-3" => NEW_PROTOCOL,
            _ => return Err(Refusal { code: "bad-proto", why: "only protocols 1 to 3 are spoken here" }),
        };
        if header.to_mud.is_some_and(|to| to != self.settings.name) {
            return Err(Refusal { code: "unk-dst", why: "it asks for another router" });
        }
        let info = MudInfo::from_startup(packet, protocol).map_err(Refusal::bad_packet)?;
        let name = &*header.from_mud;
        Registry::check_name(name, &self.settings.name, self.settings.dialect)?;
        let password = packet.int(wire::HEADER_ELEMENTS).unwrap_or(0);
        let verdict = self.muds.judge(name, ip, password);
        self.check_verdict(now, ip, verdict, &info)?;
        let ids = [packet.int(OLD_MUDLIST_ID), packet.int(OLD_CHANLIST_ID)].map(Option::unwrap_or_default);
        self.admit(now, conn, Newcomer { name, ip, info, protocol, ids }, verdict);
        Ok(())
    }

    fn check_verdict(
        &mut self,
        now: Now,
        ip: IpAddr,
        verdict: LoginVerdict,
        info: &MudInfo,
    ) -> Result<(), Refusal> {
        match verdict {
            LoginVerdict::New if self.muds.len() >= self.settings.muds_max => {
                Err("too many muds are known".into())
            }
            LoginVerdict::New if self.muds.known_from(ip) >= self.settings.muds_per_ip_max => {
                Err("too many muds are known from its address".into())
            }
            LoginVerdict::New => Ok(()),
            LoginVerdict::Back { mud, .. } | LoginVerdict::TakeOver { mud, .. } => {
                Ok(self.charge_login(now, mud)?)
            }
            LoginVerdict::Impostor { online } => {
                if self.settings.dialect == Dialect::DeadSouls {
                    self.warn_of_impostor(online, ip, info);
                }
                Err("a mud of that name is online".into())
            }
            LoginVerdict::WrongPassword => {
                self.suspects.wrong_password(ip, now.unix.seconds());
                Err("wrong password, and from a new address".into())
            }
        }
    }

    fn charge_login(&mut self, now: Now, mud: KnownMudId) -> Result<(), &'static str> {
        if !self.has_flood_control() {
            return Ok(());
        }
        match self.flood.charge(mud, now.unix.seconds(), flood::points("startup-req-3")) {
            flood::FloodVerdict::Pass => Ok(()),
            flood::FloodVerdict::Detected => {
                self.metrics.floods += 1;
                self.set_release(now);
                Err("it floods")
            }
            flood::FloodVerdict::Reminder | flood::FloodVerdict::Ignored => {
                Err("it is ignored because it flooded")
            }
        }
    }

    /// The mud that is online learns who tries to be it.
    fn warn_of_impostor(&mut self, online: ConnId, ip: IpAddr, info: &MudInfo) {
        let Some(Conn { state: ConnState::Mud { mud, .. }, .. }) = self.conns.get(online) else { return };
        let fault = ErrorReply::new("bad-mojo", "Another mud is trying to be you.");
        let ip = ip.to_string();
        self.send_error(*mud, Value::Int(0), &fault, info.intruder(&ip));
    }

    fn refuse_login(&mut self, now: Now, conn: ConnId, packet: &Incoming<'_>, refusal: Refusal) {
        let Refusal { code, why } = refusal;
        self.metrics.logins_refused += 1;
        if self.rules().answers_strangers {
            self.answer_stranger(conn, packet, &ErrorReply::new(code, why));
        }
        let Some(peer) = self.conns.get_mut(conn) else { return };
        let ip = peer.ip;
        let too_many = match &mut peer.state {
            ConnState::New { refusals } => {
                *refusals += 1;
                *refusals >= REFUSALS_MAX
            }
            ConnState::Mud { .. } | ConnState::Deaf | ConnState::Closing => false,
        };
        let name = packet.text(2).unwrap_or_default();
        self.notice(Level::Warn, "login refused", |n| n.with("mud", name).with("ip", ip).with("reason", why));
        if too_many {
            self.close(now, conn, "too many refused logins");
        }
    }

    /// An error to a connection that is no mud: it goes to the name that it gave.
    pub(super) fn answer_stranger(&mut self, conn: ConnId, packet: &Incoming<'_>, fault: &ErrorReply) {
        if packet.kind == "error" {
            return;
        }
        let name = packet.text(2).filter(|name| !name.is_empty());
        let fields = vec![Value::str(fault.code), Value::str(&fault.message), packet.to_value()];
        let frame = self.packet("error", name.as_deref(), packet.sender(), fields);
        self.metrics.errors_out += 1;
        self.send(conn, frame);
    }

    /// Lets a mud in.
    pub(super) fn admit(&mut self, now: Now, conn: ConnId, newcomer: Newcomer<'_>, verdict: LoginVerdict) {
        let Newcomer { name, ip, info, protocol, ids } = newcomer;
        self.leave_old_places(now, conn, verdict);
        let presence = Presence::Online(conn);
        let id = match verdict {
            LoginVerdict::Back { mud, .. } | LoginVerdict::TakeOver { mud, .. } => mud,
            _ => {
                let password = registry::new_password(&mut self.rng);
                let (name, info) = (name.to_owned(), info.clone());
                let id = self.muds.insert(Mud { name, password, ip, info, presence, state: -1, protocol });
                // A new name is charged too; its first packet cannot be one too many.
                let _ = self.charge_login(now, id);
                id
            }
        };
        if let Some(mud) = self.muds.get_mut(id) {
            if matches!(verdict, LoginVerdict::Back { keep_password: false, .. }) {
                mud.password = registry::new_password(&mut self.rng);
            }
            (mud.ip, mud.info, mud.presence, mud.state, mud.protocol) = (ip, info, presence, -1, protocol);
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
        self.greet(now, conn, id, ids);
    }

    /// Dead Souls leaves the old connection of a mud that comes back on a new one open and deaf; here it is closed,
    /// unless that fault is wanted. A connection that takes another name gives up the old one.
    fn leave_old_places(&mut self, now: Now, conn: ConnId, verdict: LoginVerdict) {
        if let LoginVerdict::TakeOver { old, .. } = verdict
            && old != conn
        {
            self.timers.clear(RouterWake::MudlistAgain(old));
            self.unnoticed.remove(&old);
            let keeps = self.settings.faults.keeps_old_connections || self.rules().form == Form::CoffeeMud;
            if let Some(peer) = self.conns.get_mut(old)
                && keeps
            {
                peer.state = ConnState::Deaf;
            } else {
                self.conns.remove(old);
                self.effects.close_now(old);
            }
        }
        let Some(Conn { state: ConnState::Mud { mud, .. }, .. }) = self.conns.get(conn) else { return };
        let mud = *mud;
        if !matches!(verdict, LoginVerdict::TakeOver { old, .. } if old == conn) {
            self.set_offline(now, mud, "it took another name");
        }
    }

    /// What follows a good login, in the order in which Dead Souls sends it.
    fn greet(&mut self, now: Now, conn: ConnId, id: KnownMudId, ids: [i64; 2]) {
        let Some(mud) = self.muds.get(id) else { return };
        let (name, has_channels) = (mud.name.clone(), mud.info.has_channels());
        // CoffeeMud has none, and checks none.
        let password = if self.rules().form == Form::CoffeeMud { -1 } else { mud.password };
        if !self.rules().news.down_at_once {
            self.timers.clear(RouterWake::Left(id));
        }
        let at_once = self.rules().news.joined_after.is_zero();
        if at_once {
            self.mudlist_changed(now, &name);
        }
        let fields = vec![self.router_list(now), Value::Int(password)];
        let reply = self.packet("startup-reply", Some(&name), Value::Int(0), fields);
        self.send(conn, reply);
        self.send_mudlist(conn, id, ids[0]);
        if self.rules().form == Form::CoffeeMud {
            self.coffee_chanlist(conn, id);
        } else if has_channels {
            self.send_chanlist(id, ids[1]);
        }
        if self.rules().mudlist_again {
            let all = self.muds.iter().map(|(id, _)| id).collect();
            if let Some(Conn { state: ConnState::Mud { again, .. }, .. }) = self.conns.get_mut(conn) {
                *again = all;
            }
            self.timers.set(RouterWake::MudlistAgain(conn), now.mono + MUDLIST_AGAIN_AFTER);
        }
        if at_once {
            self.announce_mud(id, Some(id));
        } else {
            self.timers.set(RouterWake::Joined(id), now.mono + self.rules().news.joined_after);
        }
    }

    /// The routers that a mud is told of.
    pub(super) fn router_list(&self, now: Now) -> Value<'static> {
        let own = [(self.settings.name.clone(), self.settings.address.clone())];
        let routers = match &self.settings.faults.router_list {
            Some(others) => others,
            None if self.is_forgetful(now) => &[][..],
            None => &own,
        };
        let text = |text: &String| Value::Str(text.clone().into_bytes().into());
        Value::Array(routers.iter().map(|(name, at)| Value::Array(vec![text(name), text(at)])).collect())
    }
}

/// Lists and news.
impl Router {
    /// The id of a list as it is said.
    pub(super) fn advertised_id(&mut self, list_id: i64) -> i64 {
        if self.settings.faults.random_list_ids { self.rng.i64(0..LIST_ID_MAX) } else { list_id }
    }

    pub(super) fn mudlist_changed(&mut self, now: Now, name: &str) {
        let second = self.rules().deltas.then(|| now.unix.seconds());
        self.mudlist.change(name, second);
        self.save_list_id("mudlist", self.mudlist.id());
    }

    /// The mudlist, or what has changed since `old_id`.
    pub(super) fn send_mudlist(&mut self, conn: ConnId, to: KnownMudId, old_id: i64) {
        if self.rules().deltas
            && let Some(names) = self.mudlist.since(old_id)
        {
            let protocol = self.protocol(to);
            let list_id = self.mudlist.id();
            let entry = |name: &String| match self.muds.find(name) {
                Some(mud) => mud.entry_under_name(protocol),
                None => (Value::Str(name.clone().into_bytes().into()), Value::Int(0)),
            };
            let entries: Vec<_> = names.iter().map(entry).collect();
            let fields = vec![Value::Int(list_id), Value::Map(entries)];
            let name = self.muds.get(to).map(|mud| mud.name.as_str());
            let frame = self.packet("mudlist", name, Value::Int(0), fields);
            return self.send(conn, frame);
        }
        let all: Vec<KnownMudId> = self.muds.iter().map(|(id, _)| id).collect();
        for group in all.chunks(self.rules().mudlist_muds_max) {
            let is_last = group.last() == all.last();
            // On Dead Souls all ids but the last are random.
            let random = self.settings.dialect == Dialect::DeadSouls && !is_last;
            let list_id =
                if random { self.rng.i64(0..LIST_ID_MAX) } else { self.advertised_id(self.mudlist.id()) };
            let frame = self.mudlist_packet(Some(to), list_id, group);
            self.send(conn, frame);
        }
    }

    fn protocol(&self, id: KnownMudId) -> u8 {
        self.muds.get(id).map_or(NEW_PROTOCOL, |mud| mud.protocol)
    }

    fn mudlist_packet(&self, to: Option<KnownMudId>, list_id: i64, muds: &[KnownMudId]) -> Bytes {
        // What is addressed to nobody has the form of protocol 3, for everybody.
        let protocol = to.map_or(NEW_PROTOCOL, |to| self.protocol(to));
        let to = to.and_then(|id| self.muds.get(id)).map(|mud| mud.name.as_str());
        let entries = muds.iter().filter_map(|id| self.muds.get(*id));
        let entries = entries.map(|mud| mud.entry_under_name(protocol)).collect();
        let fields = vec![Value::Int(list_id), Value::Map(entries)];
        self.packet("mudlist", to, Value::Int(0), fields)
    }

    /// The next packet of the second copy of the mudlist, which is addressed to nobody.
    pub(super) fn mudlist_again(&mut self, now: Now, conn: ConnId) {
        let Some(Conn { state: ConnState::Mud { again, .. }, .. }) = self.conns.get_mut(conn) else { return };
        let Some(next) = again.pop_front() else { return };
        if !again.is_empty() {
            self.timers.set(RouterWake::MudlistAgain(conn), now.mono + MUDLIST_AGAIN_SPACING);
        }
        if self.muds.get(next).is_some() {
            let list_id = self.advertised_id(self.mudlist.id());
            let frame = self.mudlist_packet(None, list_id, &[next]);
            self.send(conn, frame);
        }
    }

    /// Tells every mud how one of them is, the one itself too.
    pub(super) fn announce_state(&mut self, now: Now, id: KnownMudId) {
        let Some(name) = self.muds.get(id).map(|mud| mud.name.clone()) else { return };
        self.mudlist_changed(now, &name);
        self.announce_mud(id, None);
    }

    /// A mud's loss is told: from here on at the latest it counts as down.
    pub(super) fn announce_loss(&mut self, now: Now, id: KnownMudId) {
        if let Some(mud) = self.muds.get_mut(id)
            && mud.conn().is_none()
            && mud.state == -1
        {
            mud.state = 0;
        }
        self.announce_state(now, id);
    }

    /// Sends a mud's entry to all, less one.
    fn announce_mud(&mut self, id: KnownMudId, but: Option<KnownMudId>) {
        let list_id = self.advertised_id(self.mudlist.id());
        let others = self.muds.iter().filter(|(other, _)| Some(*other) != but);
        let others: Vec<(KnownMudId, ConnId)> =
            others.filter_map(|(id, mud)| Some((id, mud.conn()?))).collect();
        for (other, conn) in others {
            let frame = self.mudlist_packet(Some(other), list_id, &[id]);
            self.send(conn, frame);
        }
    }

    /// Tells every mud that one is no longer on the list.
    pub(super) fn announce_deletion(&mut self, now: Now, name: &str) {
        self.mudlist_changed(now, name);
        let list_id = self.advertised_id(self.mudlist.id());
        let fields = [Value::Int(list_id), Value::Map(vec![(Value::str(name), Value::Int(0))])];
        self.send_to_all("mudlist", &fields, |_| true);
    }

    /// Sends a packet of the router's own to every mud that `wants` it, each addressed by its name.
    pub(super) fn send_to_all(&mut self, kind: &str, fields: &[Value<'_>], wants: impl Fn(&Mud) -> bool) {
        let frame = |name: &str| self.packet(kind, Some(name), Value::Int(0), fields.to_vec());
        let online = self.muds.online().filter(|(mud, _)| wants(mud));
        let frames: Vec<(ConnId, Bytes)> = online.map(|(mud, conn)| (conn, frame(&mud.name))).collect();
        for (conn, frame) in frames {
            self.send(conn, frame);
        }
    }
}
