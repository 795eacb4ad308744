//! Channels: hearing and speaking.

use super::{caller, or_empty, send_text, sendable, sender, user_of};
use crate::api::event;
use crate::api::json::Object;
use crate::api::methods::Call;
use crate::api::rpc::{Fault, code};
use crate::hub::{Hub, To};
use crate::i3::packet::{Body, Header, Packet};
use crate::link::pacer::{Class, Origin};
use crate::machine::ConnId;
use crate::notice::{Level, Notice};
use crate::session::{Identified, Joined};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Channels that one session may hear.
pub const CHANNELS_PER_SESSION_MAX: usize = 500;

/// The method `channel_join`.
pub(crate) fn join(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = caller(hub, call)?;
    let channel = call.params.name("channel")?;
    let how = if call.params.flag("listen_only")? { Joined::ListenOnly } else { Joined::Fully };
    let Some(session) = hub.sessions.get_mut(call.conn) else {
        return Err(Fault::params("the session has ended"));
    };
    if session.channels.len() >= CHANNELS_PER_SESSION_MAX && !session.channels.contains_key(&*channel) {
        return Err(Fault::params(format!("a session may hear at most {CHANNELS_PER_SESSION_MAX} channels")));
    }
    let is_new = session.channels.insert(channel.to_string(), how).is_none();
    if is_new {
        let listeners = hub.muds[caller.mud].listeners.entry(channel.to_string()).or_default();
        listeners.insert(call.conn);
        // Once for each mud, not for each client. While the link is down, the next login does it.
        let first =
            listeners.len() == 1 && !hub.muds[caller.mud].settings.channels.iter().any(|set| *set == channel);
        // It may still be heard for a session that has gone.
        let first = !hub.events.end_lingering(caller.mud, &channel) && first;
        if first
            && hub.muds[caller.mud].link.is_ready()
            && let Err(fault) = listen(hub, caller.mud, &channel, true)
        {
            hub.muds[caller.mud].listeners.remove(&*channel);
            if let Some(session) = hub.sessions.get_mut(call.conn) {
                session.channels.remove(&*channel);
            }
            return Err(fault);
        }
        let params = Object::default().with("channel", &channel).with("session_id", &caller.session_id);
        hub.emit(To::MudExcept(caller.mud, &[call.conn]), &event::CHANNEL_JOINED, params);
        hub.channel_joined(call.conn, caller.mud, &channel);
    }
    Ok(Object::default().with("status", "joined").with("channel", &channel).finish())
}

/// The method `channel_leave`.
pub(crate) fn leave(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = caller(hub, call)?;
    let channel = call.params.name("channel")?;
    let left = hub.sessions.get_mut(call.conn).and_then(|session| session.channels.remove(&*channel));
    if left.is_some() {
        hub.channel_left(call.conn, caller.mud, &channel);
        unlisten(hub, caller.mud, call.conn, &channel, Parting::ForGood);
        let params = Object::default().with("channel", &channel).with("session_id", &caller.session_id);
        hub.emit(To::MudExcept(caller.mud, &[call.conn]), &event::CHANNEL_LEFT, params);
    }
    Ok(Object::default().with("status", "left").with("channel", &channel).finish())
}

/// Why a session hears a channel no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// It has left the channel.
    ForGood,
    /// It is gone, and may come back.
    Away,
}

/// A session hears a channel no longer; the mud neither, if it was the last: at once, or when nobody has come back for
/// as long as lines are kept.
pub(crate) fn unlisten(hub: &mut Hub, mud: usize, conn: ConnId, channel: &str, parting: Parting) {
    let one = &mut hub.muds[mud];
    let Some(listeners) = one.listeners.get_mut(channel) else { return };
    listeners.remove(&conn);
    if !listeners.is_empty() {
        return;
    }
    one.listeners.remove(channel);
    if parting == Parting::ForGood || !hub.linger(mud, channel) {
        leave_for_good(hub, mud, channel);
    }
}

/// Nobody here hears a channel any more.
pub(crate) fn leave_for_good(hub: &mut Hub, mud: usize, channel: &str) {
    let one = &mut hub.muds[mud];
    if one.link.is_ready() && !one.settings.channels.iter().any(|set| set == channel) {
        // If the queue is full the router goes on sending what nobody here hears; the next login puts it right.
        let _ = listen(hub, mud, channel, false);
    }
}

/// After a login: hear again what is heard here.
pub(crate) fn listen_again(hub: &mut Hub, mud: usize) {
    let one = &hub.muds[mud];
    let heard = one.listeners.keys().chain(&one.settings.channels).chain(hub.events.lingering(mud));
    let heard: BTreeSet<String> = heard.cloned().collect();
    for channel in heard {
        // Listens wait in the queue like all else; if it is full there is a notice, and speaking tunes in.
        if let Err(fault) = tune(hub, mud, &channel, true, Class::Listening) {
            let notice = Notice::new(Level::Warn, "link", "channel not tuned in");
            hub.fx.notice(notice.with("channel", &channel).with("reason", fault.message));
        }
    }
}

/// The settings name other channels than before, to be heard whether or not a client has joined.
pub(crate) fn retune(hub: &mut Hub, mud: usize, before: &[String]) {
    let one = &hub.muds[mud];
    if !one.link.is_ready() {
        return;
    }
    let now = one.settings.channels.clone();
    let unheard = |channel: &&String| {
        !hub.muds[mud].listeners.contains_key(*channel) && !hub.events.lingers(mud, channel)
    };
    let on: Vec<_> = now.iter().filter(|new| !before.contains(new)).filter(unheard).cloned().collect();
    let off: Vec<_> = before.iter().filter(|old| !now.contains(old)).filter(unheard).cloned().collect();
    for (channels, heard) in [(off, false), (on, true)] {
        for channel in channels {
            if let Err(fault) = listen(hub, mud, &channel, heard) {
                let notice = Notice::new(Level::Warn, "link", "channel not tuned");
                hub.fx.notice(notice.with("channel", &channel).with("reason", fault.message));
            }
        }
    }
}

fn listen(hub: &mut Hub, mud: usize, channel: &str, on: bool) -> Result<(), Fault> {
    tune(hub, mud, channel, on, Class::Chatter)
}

fn tune(hub: &mut Hub, mud: usize, channel: &str, on: bool, class: Class) -> Result<(), Fault> {
    let name = hub.muds[mud].settings.name.clone();
    let router = hub.muds[mud].link.router().name.clone();
    let header = Header::to_mud(&name, None, &router);
    let body = Body::ChannelListen { channel: channel.into(), on: on.into() };
    hub.send_packet(mud, class, &Packet { header, body }, None)
}

/// Who is about to speak where.
struct Speaking<'a> {
    caller: Identified,
    channel: String,
    from_user: Cow<'a, str>,
    visname: Cow<'a, str>,
}

impl<'a> Speaking<'a> {
    fn new(hub: &Hub, call: &Call<'a>) -> Result<Self, Fault> {
        let caller = user_of(hub, call, "channel")?;
        let channel = call.params.name("channel")?.into_owned();
        let (from_user, visname) = sender(call)?;
        let joined = hub.sessions.get(call.conn).and_then(|session| session.channels.get(&channel));
        if joined == Some(&Joined::ListenOnly) {
            let data = serde_json::json!({"needs": "channel_join without listen_only"});
            let fault = Fault::new(code::PERMISSION, format!("this session only listens to {channel}"));
            return Err(Fault { data: Some(data), ..fault });
        }
        Ok(Speaking { caller, channel, from_user, visname })
    }

    /// Sends what `body` makes of the text; `may_split` says whether a long one may go in parts.
    fn say(
        &self,
        hub: &mut Hub,
        kind: &str,
        text: &str,
        may_split: bool,
        body: impl Fn(String) -> Body<'a>,
    ) -> Result<Vec<u8>, Fault> {
        super::moderation::admit_user(hub, self.caller.mud, &self.from_user)?;
        let message_id = hub.message_id(kind, &self.channel);
        let origin = Origin { message_id: Some(message_id.clone()), from_user: self.from_user.to_string() };
        let wire_kind = body(String::new()).kind().to_owned();
        let mud = self.caller.mud;
        let mud_name = self.caller.mud_name.clone();
        let header = Header {
            from_mud: mud_name.into(),
            from_user: Some(self.from_user.clone()),
            ..Header::broadcast("", None)
        };
        if may_split {
            send_text(hub, mud, Class::Chatter, &header, text, &origin, body)?;
        } else {
            let packet = Packet { header, body: body(text.to_owned()) };
            hub.send_packet(mud, Class::Chatter, &packet, Some(origin))?;
        }
        hub.muds[mud].remember_sent(&wire_kind, &self.from_user, [&self.channel, ""], &message_id);
        Ok(Object::default().with("status", "sent").with("message_id", &message_id).finish())
    }
}

/// The method `channel_send`.
pub(crate) fn send(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let message = call.params.text("message")?;
    let message = sendable("message", &message)?;
    let speaking = Speaking::new(hub, call)?;
    speaking.say(hub, "channel", &message, true, |message| Body::ChannelMessage {
        channel: speaking.channel.clone().into(),
        visname: speaking.visname.clone(),
        message: message.into(),
    })
}

/// The method `channel_emote`.
pub(crate) fn emote(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let emote = call.params.text_or("emote", "message")?;
    let emote = with_name(sendable("emote", &emote)?);
    let speaking = Speaking::new(hub, call)?;
    speaking.say(hub, "channel_emote", &emote, false, |message| Body::ChannelEmote {
        channel: speaking.channel.clone().into(),
        visname: speaking.visname.clone(),
        message: message.into(),
    })
}

/// Puts `$N` in front where it is missing: routers append " (from name@mud)" to an emote without.
fn with_name(emote: Cow<'_, str>) -> String {
    if emote.contains("$N") { emote.into_owned() } else { format!("$N {emote}") }
}

/// The method `channel_targeted_emote`.
pub(crate) fn targeted_emote(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let speaking = Speaking::new(hub, call)?;
    let target_mud = super::resolve_mud(hub, call, speaking.caller.mud, &call.params.name("target_mud")?)?;
    let target_user = call.params.name("target_user")?;
    let target_visname = call.params.optional_name("target_visname")?.unwrap_or_else(|| target_user.clone());
    let message = call.params.text_or("message", "emote")?;
    let message = with_name(sendable("message", &message)?);
    let message_target = match call.params.optional_text("message_target")? {
        Some(text) => with_name(sendable("message_target", &text)?),
        None => message.clone(),
    };
    speaking.say(hub, "channel_targeted_emote", &message, false, |message| Body::ChannelTargetedEmote {
        channel: speaking.channel.clone().into(),
        target_mud: target_mud.clone().into(),
        target_user: target_user.to_lowercase().into(),
        message_others: message.into(),
        message_target: message_target.clone().into(),
        visname: speaking.visname.clone(),
        target_visname: target_visname.clone(),
    })
}

/// A line or an emote on a channel.
pub(crate) fn received(hub: &mut Hub, mud: usize, packet: &Packet<'_>) {
    let (event, channel, visname, message) = match &packet.body {
        Body::ChannelMessage { channel, visname, message } => {
            (&event::CHANNEL_MESSAGE, channel, visname, message)
        }
        Body::ChannelEmote { channel, visname, message } => {
            (&event::CHANNEL_EMOTE, channel, visname, message)
        }
        Body::ChannelTargetedEmote { channel, visname, message_others, .. } => {
            (&event::CHANNEL_TARGETED_EMOTE, channel, visname, message_others)
        }
        _ => return,
    };
    let from_user = or_empty(packet.header.from_user.as_ref());
    let mut params = Object::default()
        .with("channel", channel)
        .with("from_mud", &packet.header.from_mud)
        .with("from_user", from_user)
        .with("message", message)
        .with("visname", if visname.is_empty() { from_user } else { visname });
    if let Body::ChannelTargetedEmote { target_mud, target_user, target_visname, message_target, .. } =
        &packet.body
    {
        params.add("target_mud", target_mud);
        params.add("target_user", target_user);
        params.add("target_visname", target_visname);
        params.add("message_target", message_target);
    }
    let to = if packet.header.from_mud == hub.muds[mud].settings.name {
        params.add("self", &true);
        To::Echo(mud, channel)
    } else {
        let now = hub.now.mono;
        hub.muds[mud].elsewhere.spoke(now, channel, &packet.header.from_mud);
        To::Channel(mud, channel)
    };
    hub.emit(to, event, params);
}

/// A row of `channel_list`.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    owner: &'a str,
    #[serde(rename = "type")]
    channel_type: i64,
    member_count: usize,
}

/// The method `channel_list`.
pub(crate) fn list(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = caller(hub, call)?;
    let filter = call.params.object("filter")?;
    let wanted_type = filter.optional_int("type")?;
    let wanted_owner = filter.optional_text("owner")?;
    let min_members = filter.optional_int("min_members")?.unwrap_or(0);
    if call.params.flag("refresh")? {
        let router = hub.muds[caller.mud].link.router().name.clone();
        let name = hub.muds[caller.mud].settings.name.clone();
        let packet = Packet { header: Header::to_mud(&name, None, &router), body: Body::ChanlistReq {} };
        hub.send_packet(caller.mud, Class::Query, &packet, None)?;
    }
    let one = &hub.muds[caller.mud];
    let rows: Vec<Row<'_>> = one
        .chanlist
        .iter()
        .map(|(name, channel)| Row {
            name,
            owner: &channel.owner,
            channel_type: channel.channel_type,
            member_count: one.listeners.get(name).map_or(0, BTreeSet::len),
        })
        .filter(|row| wanted_type.is_none_or(|wanted| wanted == row.channel_type))
        .filter(|row| wanted_owner.as_ref().is_none_or(|wanted| wanted == row.owner))
        .filter(|row| i64::try_from(row.member_count).unwrap_or(i64::MAX) >= min_members)
        .collect();
    let subscribed: Vec<&str> = hub
        .sessions
        .get(call.conn)
        .map(|session| session.channels.keys().map(String::as_str).collect())
        .unwrap_or_default();
    Ok(Object::default()
        .with("status", "success")
        .with("channels", &rows)
        .with("count", &rows.len())
        .with("subscribed_channels", &subscribed)
        .finish())
}
