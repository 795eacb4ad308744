//! The login of a mud, and its news about the other muds.

use super::state::{Conn, ConnState, Router, RouterWake};
use crate::channels::ErrorReply;
use crate::flood;
use crate::registry::{self, KnownMud, KnownMudId, LoginVerdict, MudInfo, NEW_PROTOCOL, Presence, Registry};
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

/// The range of the random ids of Dead Souls, which all packets of the first mudlist but the last have.
const LIST_ID_MAX: i64 = 9_980_000;
/// The delay of the second copy of the mudlist on Dead Souls, which has one mud in each packet.
const MUDLIST_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The interval of these packets: ten a second.
const MUDLIST_AGAIN_SPACING: Duration = Duration::from_millis(100);
/// How many refused logins end a connection, because each is logged. Dead Souls has no limit.
const REFUSALS_MAX: u32 = 20;

/// The index of the id of the mud's mudlist in a login.
const OLD_MUDLIST_ID: usize = 7;
/// The index of the id of the mud's channel list.
const OLD_CHANLIST_ID: usize = 8;

/// Why a login is refused: the code of the error, if one is sent, and a reason for the log.
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

/// A mud whose login is accepted.
pub(super) struct Newcomer<'a> {
    pub(super) name: &'a str,
    pub(super) ip: IpAddr,
    pub(super) info: MudInfo,
    pub(super) protocol: u8,
    /// The ids of the mud's mudlist and channel list.
    pub(super) ids: [i64; 2],
}

/// Logging in.
impl Router {
    /// Handles a login. Dead Souls does not answer a refused login, because it addresses its errors to a mud that is not
    /// connected yet. The log contains the reason.
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
        let protocol = match wire::protocol_of(packet) {
            Some(_) if packet.kind == "startup-req-2" && self.rules().answers_strangers => 2,
            Some(protocol) => protocol,
            None => return Err(Refusal { code: "bad-proto", why: "only protocols 1 to 3 are spoken here" }),
        };
        if header.to_mud.is_some_and(|to| to != self.settings.name) {
            return Err(Refusal { code: "unk-dst", why: "it asks for another router" });
        }
        let info = MudInfo::from_startup(packet, protocol).map_err(Refusal::bad_packet)?;
        let name = &*header.from_mud;
        Registry::check_name(name, &self.settings.name, self.settings.dialect)?;
        let password = wire::password_of(packet);
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

    /// Warns the mud that is online of an impostor.
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

    /// Sends an error to a connection without a login. It is addressed to the name in the packet.
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

    /// Accepts the login of a mud.
    pub(super) fn admit(&mut self, now: Now, conn: ConnId, newcomer: Newcomer<'_>, verdict: LoginVerdict) {
        let Newcomer { name, ip, info, protocol, ids } = newcomer;
        self.leave_old_places(now, conn, verdict);
        let presence = Presence::Online(conn);
        let id = match verdict {
            LoginVerdict::Back { mud, .. } | LoginVerdict::TakeOver { mud, .. } => mud,
            _ => {
                let password = registry::new_password(&mut self.rng);
                let (name, info) = (name.to_owned(), info.clone());
                let id =
                    self.muds.insert(KnownMud { name, password, ip, info, presence, state: -1, protocol });
                // A new name gets the points too. They cannot exceed the limit.
                let _ = self.charge_login(now, id);
                id
            }
        };
        if let Some(mud) = self.muds.get_mut(id) {
            if matches!(verdict, LoginVerdict::Back { keep_password: false, .. }) {
                mud.password = registry::new_password(&mut self.rng);
            }
            (mud.ip, mud.info, mud.presence, mud.state, mud.protocol) = (ip, info, presence, -1, protocol);
            // Saved before it is sent, so that a mud never has a password that the router has lost.
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

    /// Ends the former sessions of the mud and of the connection. If a mud logs in on a new connection, Dead Souls keeps the
    /// old one open and ignores its packets. Here it is closed, unless that fault is switched on.
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

    /// Sends the packets after a login, in the order of Dead Souls.
    fn greet(&mut self, now: Now, conn: ConnId, id: KnownMudId, ids: [i64; 2]) {
        let Some(mud) = self.muds.get(id) else { return };
        let (name, has_channels) = (mud.name.clone(), mud.info.has_channels());
        // CoffeeMud has no passwords.
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

    /// Returns the router list of the startup-reply.
    pub(super) fn router_list(&self, now: Now) -> Value<'static> {
        let own = [(self.settings.name.clone(), self.settings.address.clone())];
        let routers = match &self.settings.faults.router_list {
            Some(others) => others,
            None if self.is_forgetful(now) => &[][..],
            None => &own,
        };
        wire::router_list(routers)
    }
}

/// Lists and news.
impl Router {
    /// Returns the id to send for a list.
    pub(super) fn advertised_id(&mut self, list_id: i64) -> i64 {
        if self.settings.faults.random_list_ids { self.rng.i64(0..LIST_ID_MAX) } else { list_id }
    }

    pub(super) fn mudlist_changed(&mut self, now: Now, name: &str) {
        let second = self.rules().deltas.then(|| now.unix.seconds());
        self.mudlist.change(name, second);
        self.save_list_id("mudlist", self.mudlist.id());
    }

    /// Sends the mudlist, or its changes since `old_id`.
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
            // On Dead Souls, all ids except the last are random.
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
        // A packet to all muds has the form of protocol 3.
        let protocol = to.map_or(NEW_PROTOCOL, |to| self.protocol(to));
        let to = to.and_then(|id| self.muds.get(id)).map(|mud| mud.name.as_str());
        let entries = muds.iter().filter_map(|id| self.muds.get(*id));
        let entries = entries.map(|mud| mud.entry_under_name(protocol)).collect();
        let fields = vec![Value::Int(list_id), Value::Map(entries)];
        self.packet("mudlist", to, Value::Int(0), fields)
    }

    /// Sends the next packet of the second copy of the mudlist, which is addressed to all muds.
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

    /// Sends the state of a mud to all muds, including itself.
    pub(super) fn announce_state(&mut self, now: Now, id: KnownMudId) {
        let Some(name) = self.muds.get(id).map(|mud| mud.name.clone()) else { return };
        self.mudlist_changed(now, &name);
        self.announce_mud(id, None);
    }

    /// Announces the loss of a mud. From now on it counts as down.
    pub(super) fn announce_loss(&mut self, now: Now, id: KnownMudId) {
        if let Some(mud) = self.muds.get_mut(id)
            && mud.conn().is_none()
            && mud.state == -1
        {
            mud.state = 0;
        }
        self.announce_state(now, id);
    }

    /// Sends the entry of a mud to all muds except `but`.
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

    /// Announces that a mud is no longer on the list.
    pub(super) fn announce_deletion(&mut self, now: Now, name: &str) {
        self.mudlist_changed(now, name);
        let list_id = self.advertised_id(self.mudlist.id());
        let fields = [Value::Int(list_id), Value::Map(vec![(Value::str(name), Value::Int(0))])];
        self.send_to_all("mudlist", &fields, |_| true);
    }

    /// Sends a packet from the router to every mud that `wants` it, addressed by its name.
    pub(super) fn send_to_all(
        &mut self,
        kind: &str,
        fields: &[Value<'_>],
        wants: impl Fn(&KnownMud) -> bool,
    ) {
        let frame = |name: &str| self.packet(kind, Some(name), Value::Int(0), fields.to_vec());
        let online = self.muds.online().filter(|(mud, _)| wants(mud));
        let frames: Vec<(ConnId, Bytes)> = online.map(|(mud, conn)| (conn, frame(&mud.name))).collect();
        for (conn, frame) in frames {
            self.send(conn, frame);
        }
    }
}
