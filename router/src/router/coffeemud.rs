//! The rules of a CoffeeMud router: logins, relayed packets and channels.

use super::login::Newcomer;
use super::state::{Conn, ConnState, Intake, Router, RouterWake};
use crate::channels::ErrorReply;
use crate::coffeemud::packets::{CoffeePacket, Route};
use crate::coffeemud::text;
use crate::coffeemud::{
    self,
    heap::{Found, TICK},
};
use crate::registry::{KnownMud, KnownMudId, LoginVerdict, NEW_PROTOCOL, Presence};
use crate::rules::Form;
use crate::settings::Logins;
use crate::wire;
use bytes::Bytes;
use i3_core::i3::Value;
use i3_core::machine::{Change, ConnId};
use i3_core::notice::Level;
use i3_core::time::Now;
use std::time::Duration;

/// The space of the store for the ids of the lists, which keep growing after a restart.
pub(super) const IDS_SPACE: &str = "router/list-id";
/// After this time without a packet from or to a mud, it gets a `ping-req`.
const IDLE: Duration = Duration::from_secs(600);
/// The most channels in a packet of the channel list.
const CHANLIST_CHANNELS_MAX: usize = 5;

/// Time and bytes.
impl Router {
    /// Plans the next check for unread bytes. CoffeeMud checks four times a second, independent of their arrival.
    pub(super) fn coffee_pushed(&mut self, now: Now, lost_bytes: usize) {
        if lost_bytes > 0 {
            self.metrics.drop_packet("too much unread");
        }
        self.set_tick(now);
    }

    fn set_tick(&mut self, now: Now) {
        if self.timers.get(RouterWake::Tick).is_none() {
            let tick = TICK.as_micros() as u64;
            let since = now.mono.since(self.started).as_micros() as u64;
            self.timers
                .set(RouterWake::Tick, self.started + Duration::from_micros((since / tick + 1) * tick));
        }
    }

    /// Reads one frame from each connection.
    pub(super) fn coffee_tick(&mut self, now: Now) {
        let conns: Vec<ConnId> = self.conns.iter().map(|(conn, _)| conn).collect();
        for conn in conns {
            let Some(Conn { intake: Intake::Heap(heap), .. }) = self.conns.get_mut(conn) else { continue };
            match heap.look(now.mono) {
                Found::Nothing => {}
                Found::Lost(reason) => self.metrics.drop_packet(reason),
                Found::Frame(frame) => self.coffee_frame(now, conn, &frame),
            }
        }
        let is_left = |conn: &Conn| matches!(&conn.intake, Intake::Heap(heap) if !heap.is_empty());
        if self.conns.iter().any(|(_, conn)| is_left(conn)) {
            self.set_tick(now);
        }
    }

    fn coffee_frame(&mut self, now: Now, conn: ConnId, frame: &[u8]) {
        self.metrics.packets_in += 1;
        self.coffee_traffic(conn);
        let Some(value) = text::parse(frame) else {
            // All unread bytes after the frame are discarded too.
            if let Some(Conn { intake: Intake::Heap(heap), .. }) = self.conns.get_mut(conn) {
                heap.clear();
            }
            return self.metrics.drop_packet("unparsable");
        };
        let Some(packet) = CoffeePacket::read(value) else {
            return self.metrics.drop_packet("unknown or wrong type");
        };
        match self.conns.get(conn) {
            Some(Conn { state: ConnState::New { .. }, .. }) if packet.kind == "startup-req-3" => {
                match self.settings.faults.logins {
                    Logins::Judged => self.coffee_login(now, conn, &packet),
                    Logins::Ignored => self.metrics.drop_packet("login ignored"),
                    Logins::Closed => self.close(now, conn, "logins are refused"),
                }
            }
            Some(Conn { state: ConnState::Mud { mud, .. }, .. }) => {
                let mud = *mud;
                self.coffee_packet(now, mud, &packet);
            }
            _ => self.metrics.drop_packet("not logged in"),
        }
    }

    /// Notes a packet from or to a mud.
    pub(super) fn coffee_traffic(&mut self, conn: ConnId) {
        if self.rules().form == Form::CoffeeMud
            && let Some(Conn { state: ConnState::Mud { mud, .. }, .. }) = self.conns.get(conn)
        {
            self.timers.set(RouterWake::Idle(*mud), self.now + IDLE);
        }
    }

    /// Sends a `ping-req` to a mud that was idle for ten minutes. It need not answer.
    pub(super) fn coffee_ping(&mut self, id: KnownMudId) {
        let Some(mud) = self.muds.get(id) else { return };
        let Some(conn) = mud.conn() else { return };
        let frame = self.packet("ping-req", Some(&mud.name), Value::Int(0), vec![Value::Int(0)]);
        self.send(conn, frame);
    }

    /// Restores the saved id of a list. Returns false if the saved value is invalid.
    pub(super) fn load_list_id(&mut self, key: &str, value: &[u8]) -> bool {
        let Ok(id) = serde_json::from_slice::<i64>(value) else { return false };
        match key {
            "mudlist" => self.mudlist = crate::lists::ListId::new(id),
            "chanlist" => self.chanlist = crate::lists::ListId::new(id),
            _ => return false,
        }
        true
    }

    /// Saves the id of a list, because CoffeeMud continues it after a restart.
    pub(super) fn save_list_id(&mut self, key: &str, id: i64) {
        let change = self.list_id_change(key, id);
        self.save(change.into_iter().collect());
    }

    /// Returns the change that saves the id of a list; `None` if it is not saved.
    pub(super) fn list_id_change(&self, key: &str, id: i64) -> Option<Change> {
        let value = Some(id.to_string().into_bytes().into());
        let change = Change { space: IDS_SPACE.into(), key: key.into(), value };
        (self.rules().form == Form::CoffeeMud).then_some(change)
    }
}

/// Logging in.
impl Router {
    fn coffee_login(&mut self, now: Now, conn: ConnId, packet: &CoffeePacket) {
        let Some(peer) = self.conns.get_mut(conn) else { return };
        let ip = peer.ip;
        if !packet.to_mud.eq_ignore_ascii_case(&self.settings.name) {
            self.metrics.logins_refused += 1;
            return self.close(now, conn, "it asks for another router");
        }
        let Some(info) = coffeemud::login::info(&packet.elements) else {
            return self.coffee_refuse_login(packet, "it says too much about itself");
        };
        let name = packet.from_mud.as_str();
        if !name.starts_with(|first: char| first.is_alphabetic() || first == '(') {
            // The mud is announced to the others all the same, but no packet ever reaches it.
            peer.state = ConnState::Deaf;
            self.timers.clear(RouterWake::Login(conn));
            let presence = Presence::Online(conn);
            let (name, state, protocol) = (name.to_owned(), -1, NEW_PROTOCOL);
            let mud = KnownMud { name, password: -1, ip, info, presence, state, protocol };
            self.mudlist_changed(now, &mud.name);
            let list_id = self.advertised_id(self.mudlist.id());
            let fields = [Value::Int(list_id), Value::Map(vec![mud.entry_under_name(NEW_PROTOCOL)])];
            self.send_to_all("mudlist", &fields, |_| true);
            return self.coffee_refuse_login(packet, "its name starts with neither a letter nor (");
        }
        let known = self.muds.iter().find(|(_, mud)| mud.name == name).map(|(id, mud)| (id, mud.conn()));
        let verdict = match known {
            Some((mud, Some(old))) => LoginVerdict::TakeOver { mud, old },
            Some((mud, None)) => LoginVerdict::Back { mud, keep_password: true },
            None if self.muds.len() >= self.settings.muds_max
                || self.muds.known_from(ip) >= self.settings.muds_per_ip_max
                || name.len() > crate::registry::MUD_NAME_BYTES_MAX =>
            {
                return self.coffee_refuse_login(packet, "too many muds are known, or its name is too long");
            }
            None => LoginVerdict::New,
        };
        // Subscriptions end with a session.
        self.channels.forget_mud(name);
        let newcomer = Newcomer { name, ip, info, protocol: NEW_PROTOCOL, ids: [0, 0] };
        self.admit(now, conn, newcomer, verdict);
    }

    fn coffee_refuse_login(&mut self, packet: &CoffeePacket, why: &'static str) {
        self.metrics.logins_refused += 1;
        let name = packet.from_mud.clone();
        self.notice(Level::Warn, "login refused", |n| n.with("mud", name).with("reason", why));
    }

    /// Sends the channel list in packets of five channels. There are as many packets as for the mudlist. The list still
    /// contains removed channels.
    pub(super) fn coffee_chanlist(&mut self, conn: ConnId, to: KnownMudId) {
        let Some(name) = self.muds.get(to).map(|mud| mud.name.clone()) else { return };
        let list_id = self.advertised_id(self.chanlist.id());
        let Value::Map(channels) = self.channels.list_ever().into_owned() else { return };
        let packets = self.muds.len().div_ceil(self.rules().mudlist_muds_max);
        let mut groups = channels.chunks(CHANLIST_CHANNELS_MAX);
        for _ in 0..packets {
            let group = groups.next().unwrap_or_default().to_vec();
            let fields = vec![Value::Int(list_id), Value::Map(group)];
            let frame = self.packet("chanlist-reply", Some(&name), Value::Int(0), fields);
            self.send(conn, frame);
        }
    }
}

/// Packets.
impl Router {
    fn coffee_packet(&mut self, now: Now, id: KnownMudId, packet: &CoffeePacket) {
        let probe = packet.from_mud == packet.to_mud;
        if probe && (packet.kind == "auth-mud-req" || self.settings.faults.eats_probes) {
            return self.metrics.drop_packet("probe eaten");
        }
        let done = match packet.route {
            Route::Mud => self.coffee_relay(packet),
            Route::Others => {
                self.coffee_send_others(id, packet, |_| true);
                Ok(())
            }
            Route::Channel => self.coffee_speech(id, packet),
            Route::Router => self.coffee_request(now, id, packet),
            Route::Refused => Err(ErrorReply::new("not-allowed", "Not allowed to send this packet.")),
        };
        if let Err(fault) = done {
            self.coffee_error(id, packet, &fault);
        }
    }

    /// Relays a packet to one mud. Upper and lower case of its name are distinguished. The router's own name is unknown.
    fn coffee_relay(&mut self, packet: &CoffeePacket) -> Result<(), ErrorReply> {
        if packet.to_mud.is_empty() {
            self.metrics.drop_packet("no target");
            return Ok(());
        }
        match self.muds.find(&packet.to_mud).and_then(KnownMud::conn) {
            Some(conn) => self.send(conn, text::frame(&packet.text)),
            None => return Err(ErrorReply::new("unk-dst", format!("Unknown mud '{}'", packet.to_mud))),
        }
        Ok(())
    }

    fn coffee_send_others(
        &mut self,
        from: KnownMudId,
        packet: &CoffeePacket,
        wants: impl Fn(&KnownMud) -> bool,
    ) {
        let others = self.muds.iter().filter(|(id, mud)| *id != from && wants(mud));
        let conns: Vec<ConnId> = others.filter_map(|(_, mud)| mud.conn()).collect();
        let frame: Bytes = text::frame(&packet.text);
        for conn in conns {
            self.send(conn, frame.clone());
        }
    }

    /// Relays a line to all subscribers except the speaker, who need not be a subscriber.
    fn coffee_speech(&mut self, id: KnownMudId, packet: &CoffeePacket) -> Result<(), ErrorReply> {
        let name = packet.field_text(0);
        let Ok(channel) = self.channels.find(&name) else {
            return Err(ErrorReply::new("unk-channel", format!("Unknown channel '{name}'.")));
        };
        let listeners: Vec<String> = channel.listeners().map(str::to_owned).collect();
        self.coffee_send_others(id, packet, |mud| listeners.contains(&mud.name));
        Ok(())
    }

    /// Handles a request. Success is not answered, and not announced to others.
    fn coffee_request(&mut self, now: Now, id: KnownMudId, packet: &CoffeePacket) -> Result<(), ErrorReply> {
        let mud = self.mud_name(id);
        let channel = packet.field_text(0);
        let missing = || ErrorReply::new("bad-channel", format!("The channel {channel} doesnt exists."));
        match packet.kind {
            "channel-listen" => {
                if self.channels.find(&channel).is_err() {
                    let message = format!("The channel {channel} is unknown.");
                    return Err(ErrorReply::new("unk-channel", message));
                }
                let refused = || ErrorReply::new("not-allowed", "Not allowed to listen to this channel.");
                let on = packet.field_int(1) != 0;
                self.channels.listen_unless_barred(&channel, &mud, on).map_err(|_| refused())?;
            }
            "channel-add" => {
                // The owner is the mud that the packet names.
                if self.channels.find(&channel).is_ok() {
                    let message = format!("The channel {channel} already exists.");
                    return Err(ErrorReply::new("bad-channel", message));
                }
                if self.channels.add(&channel, &packet.from_mud, packet.field_int(1), false).is_err() {
                    // The name is too long, the type unknown, or there are too many channels. These limits are ours.
                    self.metrics.drop_packet("channel not added");
                    return Ok(());
                }
                self.coffee_channels_changed(&channel);
            }
            "channel-remove" => {
                // Every mud may remove a channel.
                let owner = self.channels.find(&channel).map_err(|_| missing())?.owner.clone();
                self.channels.remove(&channel, &owner)?;
                self.coffee_channels_changed(&channel);
            }
            "channel-admin" => {
                if self.channels.find(&channel).map_err(|_| missing())?.owner != mud {
                    let message = format!("The channel {channel} may not be altered by you.");
                    return Err(ErrorReply::new("not-allowed", message));
                }
                let (add, remove) = (packet.field_names(1), packet.field_names(2));
                if self.channels.admin(&channel, &mud, &add, &remove, false).is_err() {
                    self.metrics.drop_packet("channel list full");
                }
                self.save_channels();
            }
            _ => {
                let Some(conn) = self.muds.get(id).and_then(KnownMud::conn) else { return Ok(()) };
                self.set_offline(now, id, "shutdown");
                self.close_gently(now, conn);
            }
        }
        Ok(())
    }

    fn coffee_channels_changed(&mut self, name: &str) {
        self.save_channels();
        self.chanlist.change(name, None);
        self.save_list_id("chanlist", self.chanlist.id());
    }

    /// Sends an error. It contains the packet as it was parsed, with `""` for a user that was 0.
    fn coffee_error(&mut self, id: KnownMudId, packet: &CoffeePacket, fault: &ErrorReply) {
        if packet.kind == "error" {
            return self.metrics.drop_packet("error about an error");
        }
        let Some(mud) = self.muds.get(id) else { return };
        let Some(conn) = mud.conn() else { return };
        // In packets that only routers send, the sender's name stands for the user.
        let user = match packet.from_user.as_str() {
            "" if packet.route == Route::Refused && packet.kind != "ucache-update" => &mud.name,
            user => user,
        };
        let head = ["error"].map(Value::str).into_iter().chain([Value::Int(wire::TTL)]);
        let head = head.chain([Value::str(&self.settings.name), Value::Int(0)]);
        let head = head.chain([&mud.name, user, fault.code, &fault.message].map(Value::str)).collect();
        let mut bytes = Vec::new();
        text::write(&Value::Array(head), &mut bytes);
        // The packet replaces the closing bracket.
        bytes.truncate(bytes.len() - 2);
        bytes.extend_from_slice(&packet.text);
        bytes.extend_from_slice(b",})");
        self.metrics.errors_out += 1;
        self.send(conn, text::frame(&bytes));
    }
}
