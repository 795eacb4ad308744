//! Relays packets to their targets, or refuses them.

use super::state::{Conn, ConnState, Router, RouterWake, SWEEP_EVERY};
use crate::channels::ErrorReply;
use crate::flood;
use crate::registry::{self, KnownMudId};
use crate::settings::{Dialect, Logins};
use crate::wire::{self, Incoming, IncomingHeader};
use i3_core::i3::Value;
use i3_core::machine::{Change, ConnId};
use i3_core::notice::Level;
use i3_core::time::Now;
use std::time::Duration;

/// The interval, from the router's start, at which a mud leaves the gray list, as on Dead Souls.
const RELEASE_EVERY: Duration = Duration::from_secs(10);
/// The longest restart delay of a `shutdown`. With a longer one the mud is forgotten, as on Dead Souls.
const RESTART_DELAY_SECONDS_MAX: i64 = 604_800;
/// The longest restart delay that is not announced, according to the specification.
const QUIET_RESTART_SECONDS_MAX: i64 = 300;
/// The index of the remaining hops.
const TTL_AT: usize = 1;
/// Elements of a `locate-reply` of protocol 3, and of the earlier ones.
const LOCATE_REPLY_ELEMENTS: [usize; 2] = [10, 8];
/// The types of the specification that muds send to each other.
const MUD_KINDS: [&str; 18] = [
    "tell",
    "emoteto",
    "who-req",
    "who-reply",
    "finger-req",
    "finger-reply",
    "locate-req",
    "locate-reply",
    "chan-who-req",
    "chan-who-reply",
    "chan-user-req",
    "chan-user-reply",
    "auth-mud-req",
    "auth-mud-reply",
    "ucache-update",
    "oob-req",
    "error",
    "chan-filter-req",
];
/// Elements of a `shutdown`.
const SHUTDOWN_ELEMENTS: usize = 7;

/// The way of a frame to its target.
impl Router {
    /// Handles the text of a frame. Invalid packets are dropped and the connection stays open, as on Dead Souls.
    pub(super) fn frame(&mut self, now: Now, conn: ConnId, text: &[u8]) {
        self.metrics.packets_in += 1;
        if self.settings.strict_text && !wire::is_strict(text) {
            return self.metrics.drop_packet("unparsable");
        }
        let packet = match Incoming::read(text) {
            Ok(packet) => packet,
            Err(reason) => return self.metrics.drop_packet(reason),
        };
        let mud = match self.conns.get(conn) {
            Some(Conn { state: ConnState::Mud { mud, .. }, .. }) => Some(*mud),
            _ => None,
        };
        if packet.kind.starts_with("startup-req") {
            match self.settings.faults.logins {
                Logins::Judged => self.startup(now, conn, &packet),
                Logins::Ignored => self.metrics.drop_packet("login ignored"),
                Logins::Closed => self.close(now, conn, "logins are refused"),
            }
        } else if let Some(mud) = mud {
            self.mud_packet(now, mud, &packet);
        } else {
            // Dead Souls relays packets without a login in the name of a mud that is not online. This router does not.
            self.metrics.drop_packet("not logged in");
            if self.rules().answers_strangers {
                self.answer_stranger(conn, &packet, &ErrorReply::new("unk-src", "You have not logged in"));
            }
        }
    }

    fn mud_packet(&mut self, now: Now, id: KnownMudId, packet: &Incoming<'_>) {
        if !self.within_flood_limit(now, id, packet) {
            return self.metrics.drop_packet("flood");
        }
        let Some(header) = packet.header() else {
            return self.refuse(id, packet, &ErrorReply::new("bad-pkt", "Invalid initial data"));
        };
        if self.muds.get(id).is_none_or(|mud| mud.name != header.from_mud) {
            // Dead Souls drops this without an error, or relays it if the named mud is not online. Here a packet in the name
            // of another mud is an error.
            let message = format!("You are not {}", header.from_mud);
            return self.refuse(id, packet, &ErrorReply::new("unk-src", message));
        }
        if self.settings.faults.eats_probes && header.to_mud.as_ref() == Some(&header.from_mud) {
            return self.metrics.drop_packet("probe eaten");
        }
        if self.rules().counts_hops && packet.int(TTL_AT).is_none_or(|hops| hops < 1) {
            return self.metrics.drop_packet("no hops left");
        }
        if let Err(fault) = self.route(now, id, packet, &header) {
            self.refuse(id, packet, &fault);
        }
    }

    fn route(
        &mut self,
        now: Now,
        id: KnownMudId,
        packet: &Incoming<'_>,
        header: &IncomingHeader<'_>,
    ) -> Result<(), ErrorReply> {
        let kind = &*packet.kind;
        let for_router = header.to_mud.as_ref().is_none_or(|to| *to == self.settings.name);
        match kind {
            // Their target must be 0. The handlers of these types check it.
            "channel-m" | "channel-e" | "channel-t" => self.channel_speech(now, id, packet),
            // Dead Souls accepts target 0 for these types too.
            _ if for_router && kind.starts_with("channel-") => self.channel_request(now, id, packet),
            "shutdown" if for_router => self.mud_shutdown(now, id, packet),
            "chanlist-req" | "chanlist-request" if for_router && !self.rules().deltas => {
                self.send_chanlist(id, 0);
                Ok(())
            }
            _ => match &header.to_mud {
                None => self.broadcast(packet),
                Some(to) if *to == self.settings.name => self.for_router(id, packet),
                Some(to) => self.relay(packet, to),
            },
        }
    }

    fn for_router(&mut self, id: KnownMudId, packet: &Incoming<'_>) -> Result<(), ErrorReply> {
        match &*packet.kind {
            "chan-filter-reply" => self.filter_reply(id, packet),
            // Routers exchange these packets. This router has no peers.
            kind if kind.starts_with("irn-") => {
                self.metrics.drop_packet("router to router");
                Ok(())
            }
            // The specification distinguishes known from unknown types.
            kind if self.rules().answers_strangers && !MUD_KINDS.contains(&kind) => {
                Err(ErrorReply::new("unk-type", format!("Unknown packet type: {kind}")))
            }
            kind => Err(ErrorReply::new("not-imp", format!("Unknown command sent to router: {kind}"))),
        }
    }

    /// Relays a packet to one mud, unchanged. Dead Souls sends no error if the mud is known and offline, so senders need a
    /// timeout.
    fn relay(&mut self, packet: &Incoming<'_>, to: &str) -> Result<(), ErrorReply> {
        self.check_may_send(packet)?;
        match self.muds.find(to) {
            None => return Err(ErrorReply::new("unk-dst", "destination unknown")),
            Some(mud) => match mud.conn() {
                Some(conn) => {
                    let frame = fit_locate_reply(self.outgoing(packet), mud.protocol).frame();
                    self.send(conn, frame);
                }
                None if self.rules().answers_strangers => {
                    return Err(ErrorReply::new("unk-dst", format!("{to} is not connected")));
                }
                None => self.metrics.drop_packet("mud offline"),
            },
        }
        Ok(())
    }

    /// Relays a packet to all muds, including the sender, unchanged.
    fn broadcast(&mut self, packet: &Incoming<'_>) -> Result<(), ErrorReply> {
        self.check_may_send(packet)?;
        let frame = self.outgoing(packet).frame();
        // "The router will filter this packet's delivery to only those muds that support the ucache service."
        let filtered = self.settings.dialect == Dialect::Specification && packet.kind == "ucache-update";
        let online = self.muds.online().filter(|(mud, _)| !filtered || mud.info.has_service("ucache"));
        let conns: Vec<ConnId> = online.map(|(_, conn)| conn).collect();
        for conn in conns {
            self.send(conn, frame.clone());
        }
        Ok(())
    }

    /// Sends an error about its packet to a mud, addressed to the user who sent it.
    pub(super) fn refuse(&mut self, id: KnownMudId, packet: &Incoming<'_>, fault: &ErrorReply) {
        if packet.kind == "error" {
            // An error is never answered with an error, which would cause a loop.
            return self.metrics.drop_packet("error about an error");
        }
        self.send_error(id, packet.sender(), fault, packet.to_value());
    }

    pub(super) fn send_error(
        &mut self,
        id: KnownMudId,
        user: Value<'_>,
        fault: &ErrorReply,
        packet: Value<'_>,
    ) {
        let Some(mud) = self.muds.get(id) else { return };
        let Some(conn) = mud.conn() else { return };
        let fields = vec![Value::str(fault.code), Value::str(&fault.message), packet];
        let frame = self.packet("error", Some(&mud.name), user, fields);
        self.metrics.errors_out += 1;
        self.send(conn, frame);
    }

    fn within_flood_limit(&mut self, now: Now, id: KnownMudId, packet: &Incoming<'_>) -> bool {
        if !self.has_flood_control() {
            return true;
        }
        let message = match self.flood.charge(id, now.unix.seconds(), flood::points(&packet.kind)) {
            flood::FloodVerdict::Pass => return true,
            flood::FloodVerdict::Ignored => return false,
            flood::FloodVerdict::Reminder => "Your packets are being temporarily dropped due to flooding.",
            flood::FloodVerdict::Detected => {
                self.metrics.floods += 1;
                let name = self.muds.get(id).map(|mud| mud.name.clone()).unwrap_or_default();
                self.notice(Level::Warn, "mud floods", |n| n.with("mud", name));
                self.set_release(now);
                "Flood detected! Your packets will be temporarily ignored."
            }
        };
        self.refuse(id, packet, &ErrorReply::new("not-allowed", message));
        false
    }

    pub(super) fn set_release(&mut self, now: Now) {
        if self.timers.get(RouterWake::Release).is_none() {
            let beat = RELEASE_EVERY.as_micros() as u64;
            let since = now.mono.since(self.started).as_micros() as u64;
            let next = self.started + Duration::from_micros((since / beat + 1) * beat);
            self.timers.set(RouterWake::Release, next);
        }
    }

    pub(super) fn release(&mut self, now: Now) {
        if let Some(name) = self.flood.release_one().and_then(|id| self.muds.get(id)).map(|mud| &mud.name) {
            let name = name.clone();
            self.notice(Level::Info, "mud is heard again", |n| n.with("mud", name));
        }
        if self.flood.has_gray() {
            self.set_release(now);
        }
    }

    /// Handles a `shutdown`. The answer is the end of the stream. Dead Souls does not announce the restart delay.
    fn mud_shutdown(&mut self, now: Now, id: KnownMudId, packet: &Incoming<'_>) -> Result<(), ErrorReply> {
        let delay = packet.int(wire::HEADER_ELEMENTS).filter(|_| packet.elements.len() == SHUTDOWN_ELEMENTS);
        let Some(delay) = delay else { return Err(ErrorReply::new("bad-pkt", "Bad packet format.")) };
        let Some(conn) = self.muds.get(id).and_then(registry::KnownMud::conn) else { return Ok(()) };
        self.set_offline(now, id, "shutdown");
        self.close_gently(now, conn);
        if delay > RESTART_DELAY_SECONDS_MAX {
            self.delete_mud(now, id);
        } else if !self.rules().news.down_at_once
            && delay > QUIET_RESTART_SECONDS_MAX
            && let Some(mud) = self.muds.get_mut(id)
        {
            mud.state = delay;
            self.timers.clear(RouterWake::Left(id));
            self.announce_state(now, id);
        }
        Ok(())
    }

    pub(super) fn sweep(&mut self, now: Now) {
        for id in self.muds.stale(now.unix.seconds()) {
            self.delete_mud(now, id);
        }
        self.timers.set(RouterWake::Sweep, now.mono + SWEEP_EVERY);
    }

    fn delete_mud(&mut self, now: Now, id: KnownMudId) {
        let Some(mud) = self.muds.remove(id) else { return };
        for wake in [RouterWake::Joined(id), RouterWake::Left(id)] {
            self.timers.clear(wake);
        }
        self.flood.forget(id);
        self.channels.forget_mud(&mud.name);
        self.save(vec![Change { space: registry::SPACE.into(), key: mud.name.as_str().into(), value: None }]);
        self.save_channels();
        self.notice(Level::Info, "mud is forgotten", |n| n.with("mud", &mud.name));
        self.announce_deletion(now, &mud.name);
    }
}

impl Router {
    pub(super) fn has_flood_control(&self) -> bool {
        self.settings.flood_control && self.rules().flood_control
    }

    /// Whether only a router may send the packet to muds.
    fn check_may_send(&self, packet: &Incoming<'_>) -> Result<(), ErrorReply> {
        if wire::ROUTER_KINDS.contains(&&*packet.kind) {
            let code = if self.rules().answers_strangers { "bad-proto" } else { "not-allowed" };
            return Err(ErrorReply::new(code, "You are not allowed to send this kind of packet."));
        }
        Ok(())
    }

    /// Returns the packet as it is relayed. In some dialects it has one remaining hop less.
    pub(super) fn outgoing<'a>(&self, packet: &Incoming<'a>) -> Incoming<'a> {
        let mut packet = packet.clone();
        if self.rules().counts_hops
            && let Some(Value::Int(hops)) = packet.elements.get_mut(TTL_AT)
        {
            *hops = hops.saturating_sub(1);
        }
        packet
    }
}

/// Returns a `locate-reply` for the protocol of a mud. Version 3 added idle time and status.
fn fit_locate_reply(mut packet: Incoming<'_>, protocol: u8) -> Incoming<'_> {
    let [new, old] = LOCATE_REPLY_ELEMENTS;
    if packet.kind == "locate-reply" {
        match packet.elements.len() {
            length if length == old && protocol >= registry::NEW_PROTOCOL => {
                packet.elements.extend([Value::Int(0), Value::Int(0)]);
            }
            length if length == new && protocol < registry::NEW_PROTOCOL => packet.elements.truncate(old),
            _ => {}
        }
    }
    packet
}
