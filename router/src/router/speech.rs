//! The packets about channels: requests, and lines.

use super::state::{Router, RouterWake, SAVE_AFTER};
use crate::channels::{Channel, ChannelType, ErrorReply};
use crate::registry::{KnownMud, KnownMudId};
use crate::wire::{self, Incoming};
use i3_core::i3::Value;
use i3_core::machine::ConnId;
use i3_core::time::Now;
use std::borrow::Cow;

/// Elements of a line and of an emote.
const SPEECH_ELEMENTS: usize = 9;
/// Elements of a targeted emote.
const TARGETED_ELEMENTS: usize = 13;
/// The index of the channel's name.
const CHANNEL: usize = 6;

fn bad_packet() -> ErrorReply {
    ErrorReply::new("bad-pkt", "Bad packet format.")
}

/// Requests.
impl Router {
    pub(super) fn channel_request(
        &mut self,
        now: Now,
        id: KnownMudId,
        packet: &Incoming<'_>,
    ) -> Result<(), ErrorReply> {
        let kind = &*packet.kind;
        match kind {
            "channel-listen" => self.channel_listen(now, id, packet),
            "channel-add" => self.channel_add(now, id, packet),
            "channel-remove" => self.channel_remove(now, id, packet),
            "channel-admin" => self.channel_admin(id, packet),
            _ => Err(ErrorReply::new("unk-type", format!("I don't know what {kind} means."))),
        }
    }

    pub(super) fn mud_name(&self, id: KnownMudId) -> String {
        self.muds.get(id).map(|mud| mud.name.clone()).unwrap_or_default()
    }

    /// Handles a `channel-listen`. Only a refusal is answered. It is addressed to no user, even if the packet names one.
    fn channel_listen(&mut self, now: Now, id: KnownMudId, packet: &Incoming<'_>) -> Result<(), ErrorReply> {
        let (Some(channel), Some(on)) = (packet.text(CHANNEL), packet.int(CHANNEL + 1)) else {
            return Err(bad_packet());
        };
        self.channels.find(&channel)?;
        self.listen(now, id, &channel, on != 0, packet);
        Ok(())
    }

    fn listen(&mut self, now: Now, id: KnownMudId, channel: &str, on: bool, packet: &Incoming<'_>) {
        let mud = self.mud_name(id);
        match self.channels.listen(channel, &mud, on) {
            Ok(true) if self.timers.get(RouterWake::Save).is_none() => {
                self.timers.set(RouterWake::Save, now.mono + SAVE_AFTER);
            }
            Ok(_) => {}
            Err(fault) => self.send_error(id, Value::Int(0), &fault, packet.to_value()),
        }
    }

    fn channel_add(&mut self, now: Now, id: KnownMudId, packet: &Incoming<'_>) -> Result<(), ErrorReply> {
        let Some(name) = packet.text(CHANNEL) else {
            return Err(ErrorReply::new("not-allowed", "Invalid channel name: not a string"));
        };
        let channel_type = packet.int(CHANNEL + 1).ok_or_else(bad_packet)?;
        let mud = self.mud_name(id);
        // "Sending this packet again with a new value for channel_type will change the information."
        let may_change = self.rules().deltas;
        self.channels.forget_lost_types();
        self.channels.add(&name, &mud, channel_type, may_change)?;
        if self.settings.faults.loses_channel_types {
            self.channels.lose_type(&name);
        }
        self.channels_changed(now, &name);
        Ok(())
    }

    fn channel_remove(&mut self, now: Now, id: KnownMudId, packet: &Incoming<'_>) -> Result<(), ErrorReply> {
        let name = packet.text(CHANNEL).ok_or_else(bad_packet)?;
        let mud = self.mud_name(id);
        self.channels.remove(&name, &mud)?;
        self.channels.forget_lost_types();
        self.channels_changed(now, &name);
        Ok(())
    }

    fn channel_admin(&mut self, id: KnownMudId, packet: &Incoming<'_>) -> Result<(), ErrorReply> {
        let name = packet.text(CHANNEL).ok_or_else(bad_packet)?;
        let names = |index: usize| match packet.elements.get(index) {
            Some(Value::Array(muds)) => {
                Ok(muds.iter().filter_map(wire::as_text).map(Cow::into_owned).collect::<Vec<_>>())
            }
            _ => Err(bad_packet()),
        };
        let (add, remove) = (names(CHANNEL + 1)?, names(CHANNEL + 2)?);
        let mud = self.mud_name(id);
        let changed = self.channels.admin(&name, &mud, &add, &remove, true);
        self.save_channels();
        changed
    }

    /// Announces a change of the channels. Dead Souls sends the whole list, without removed channels, to all muds with the
    /// channel service. The specification sends only the changes, with a 0 for a removed channel.
    fn channels_changed(&mut self, now: Now, name: &str) {
        self.save_channels();
        let second = self.rules().deltas.then(|| now.unix.seconds());
        let list_id = self.chanlist.change(name, second);
        let list_id = self.advertised_id(list_id);
        let list = if self.rules().deltas { self.channels.some(&[name]) } else { self.channels.list() };
        let fields = vec![Value::Int(list_id), list.into_owned()];
        self.send_to_all("chanlist-reply", &fields, |mud| mud.info.has_channels());
    }

    /// Sends the list to a mud, or its changes since the id of the mud's list. Without changes it sends nothing.
    pub(super) fn send_chanlist(&mut self, id: KnownMudId, old_id: i64) {
        let list_id = self.advertised_id(self.chanlist.id());
        let Some(mud) = self.muds.get(id) else { return };
        let Some(conn) = mud.conn() else { return };
        let changed = self.chanlist.since(old_id).filter(|_| self.rules().deltas);
        let list = match &changed {
            Some(names) if names.is_empty() => return,
            Some(names) => self.channels.some(&names.iter().map(String::as_str).collect::<Vec<_>>()),
            None => self.channels.list(),
        };
        let fields = vec![Value::Int(list_id), list];
        let frame = self.packet("chanlist-reply", Some(&mud.name), Value::Int(0), fields);
        self.send(conn, frame);
    }
}

/// Lines.
impl Router {
    /// Handles a line, an emote or a targeted emote. A mud that speaks on a channel without a subscription is subscribed and
    /// gets a warning, as on Dead Souls.
    pub(super) fn channel_speech(
        &mut self,
        now: Now,
        id: KnownMudId,
        packet: &Incoming<'_>,
    ) -> Result<(), ErrorReply> {
        check_speech(packet)?;
        let name = packet.text(CHANNEL).ok_or_else(bad_packet)?;
        let mud = self.mud_name(id);
        if !self.channels.find(&name)?.hears(&mud) && self.rules().edits_speech {
            self.tune_in(now, id, packet, &name, &mud);
        }
        let channel = self.channels.find(&name)?;
        if let Err(fault) = channel.may_speak(&name, &mud) {
            self.send_error(id, Value::Int(0), &fault, packet.to_value());
            return Ok(());
        }
        if must_be_filtered(channel, &mud, &self.settings.name) {
            let owner = channel.owner.clone();
            return self.ask_filter(&owner, &name, packet);
        }
        self.deliver(&name, packet);
        Ok(())
    }

    fn tune_in(&mut self, now: Now, id: KnownMudId, packet: &Incoming<'_>, name: &str, mud: &str) {
        let message = format!("Your mud wasn't listening to {name}, so I'll start you listening right now.");
        self.refuse(id, packet, &ErrorReply::new("warning", message));
        let router = self.settings.name.clone();
        // A refusal contains the `channel-listen` that the mud has not sent.
        let elements = vec![
            Value::str("channel-listen"),
            Value::Int(i3_core::i3::packet::TTL),
            Value::str(mud),
            Value::Int(0),
            Value::str(&router),
            Value::Int(0),
            Value::str(name),
            Value::Int(1),
        ];
        let request = Incoming { kind: "channel-listen".into(), elements };
        self.listen(now, id, name, true, &request);
    }

    /// Sends a line to all subscribers that are online, including the speaker.
    fn deliver(&mut self, name: &str, packet: &Incoming<'_>) {
        let frame = self.outgoing(&self.finish_speech(packet)).frame();
        let Ok(channel) = self.channels.find(name) else { return };
        let conns: Vec<ConnId> =
            channel.listeners().filter_map(|mud| self.muds.find(mud)).filter_map(KnownMud::conn).collect();
        for conn in conns {
            self.send(conn, frame.clone());
        }
    }

    fn finish_speech<'a>(&self, packet: &Incoming<'a>) -> Incoming<'a> {
        if self.rules().edits_speech { finish_speech(packet) } else { packet.clone() }
    }

    fn ask_filter(&mut self, owner: &str, name: &str, packet: &Incoming<'_>) -> Result<(), ErrorReply> {
        let Some(conn) = self.muds.find(owner).and_then(KnownMud::conn) else {
            return Err(ErrorReply::new("unk-dst", format!("{owner} is not online to filter {name}")));
        };
        let fields = vec![Value::str(name), self.finish_speech(packet).to_value()];
        let frame = self.packet("chan-filter-req", Some(owner), Value::Int(0), fields);
        self.send(conn, frame);
        Ok(())
    }

    /// Handles a `chan-filter-reply` of the owner: the line in it is sent. Dead Souls sends it too, but also returns an
    /// error.
    pub(super) fn filter_reply(&mut self, id: KnownMudId, packet: &Incoming<'_>) -> Result<(), ErrorReply> {
        let name = packet.text(CHANNEL).ok_or_else(bad_packet)?;
        let Some(Value::Array(elements)) = packet.elements.get(CHANNEL + 1) else { return Err(bad_packet()) };
        let kind = elements.first().and_then(wire::as_text).ok_or_else(bad_packet)?;
        let inner = Incoming { kind, elements: elements.clone() };
        check_speech(&inner)?;
        if self.channels.find(&name)?.owner != self.mud_name(id) {
            return Err(ErrorReply::new("not-allowed", format!("You are not the owner of {name}")));
        }
        if inner.text(CHANNEL).is_none_or(|inner_name| inner_name != name) {
            return Err(ErrorReply::new("not-allowed", "The packet is for another channel"));
        }
        self.deliver(&name, &inner);
        Ok(())
    }
}

/// Whether a line goes to the owner of the channel first. The router itself does not filter.
fn must_be_filtered(channel: &Channel, mud: &str, router: &str) -> bool {
    channel.channel_type == ChannelType::Filtered && channel.owner != mud && channel.owner != router
}

/// Checks the format that Dead Souls demands: a sending user, no target, and strings where they are expected.
fn check_speech(packet: &Incoming<'_>) -> Result<(), ErrorReply> {
    let texts = match &*packet.kind {
        "channel-m" | "channel-e" if packet.elements.len() == SPEECH_ELEMENTS => [6, 8].as_slice(),
        "channel-t" if packet.elements.len() == TARGETED_ELEMENTS => &[6, 7, 8, 9, 10],
        _ => return Err(bad_packet()),
    };
    let is_zero = |index: usize| packet.elements[index] == Value::Int(0);
    let is_text = |index: usize| matches!(packet.elements[index], Value::Str(_));
    let visnames: &[usize] = if packet.kind == "channel-t" { &[11, 12] } else { &[7] };
    let well_formed = packet.header().is_some()
        && packet.text(3).is_some_and(|user| !user.is_empty())
        && [4, 5].into_iter().all(is_zero)
        && texts.iter().all(|&index| is_text(index))
        && visnames.iter().all(|&index| is_text(index) || is_zero(index));
    if well_formed { Ok(()) } else { Err(bad_packet()) }
}

/// Replaces a missing visname by the user, and names the speaker in an emote without `$N`: Dead Souls appends
/// ` (from Vis@Mud)`.
fn finish_speech<'a>(packet: &Incoming<'a>) -> Incoming<'a> {
    let mut packet = packet.clone();
    let (visname_at, texts): (usize, &[usize]) = match &*packet.kind {
        "channel-e" => (7, &[8]),
        "channel-t" => (11, &[9, 10]),
        _ => (7, &[]),
    };
    if packet.text(visname_at).is_none_or(|visname| visname.is_empty()) {
        packet.elements[visname_at] = packet.elements[3].clone();
    }
    // The first text decides for both texts.
    let has_name = texts.first().and_then(|&index| packet.text(index)).is_none_or(|text| text.contains("$N"));
    if !has_name {
        let visname = packet.text(visname_at).unwrap_or_default();
        let suffix = format!(" (from {visname}@{})", packet.text(2).unwrap_or_default());
        for &index in texts {
            // Bytes, because the character set is unknown.
            if let Value::Str(text) = &mut packet.elements[index] {
                text.to_mut().extend_from_slice(suffix.as_bytes());
            }
        }
    }
    packet
}
