//! Hosting channels: making and removing them, who may hear them, and judging what is said on a filtered one.

use super::{or_empty, sender, user_of};
use crate::api::json::Object;
use crate::api::methods::Call;
use crate::api::rpc::Fault;
use crate::api::{event, reason};
use crate::hub::{Hub, To, Wake};
use crate::i3::Value;
use crate::i3::packet::{Body, Header, Packet, Text};
use crate::link::pacer::{Class, Origin};
use crate::machine::ConnId;
use crate::pending::Question;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest name of a new channel: Dead Souls refuses a longer one.
pub(crate) const CHANNEL_BYTES_MAX: usize = 80;

/// Muds that one channel_admin may add or remove.
pub(crate) const ADMIN_MUDS_MAX: usize = 100;

/// How long a router's verdict is waited for. Routers say nothing when all is well; most send a new list.
pub const VERDICT_WITHIN: Duration = Duration::from_secs(3);

/// How long a game may think about a message on its filtered channel, before it passes unchanged.
pub const FILTER_WITHIN: Duration = Duration::from_secs(5);

/// Messages that may wait for a judgement at one time.
const FILTERS_MAX: usize = 200;

/// The games that judge, and what waits for them.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    next: u64,
    /// Who judges a channel of a mud.
    judges: BTreeMap<(usize, String), ConnId>,
    waiting: BTreeMap<u64, Waiting>,
}

/// A message that waits.
#[derive(Debug)]
struct Waiting {
    mud: usize,
    channel: String,
    packet: Value<'static>,
}

impl Waiting {
    /// Puts another text in place of what was said: the last field of a channel-m or -e.
    fn reword(&mut self, message: &str) {
        if let Value::Array(fields) = &mut self.packet
            && let [Value::Str(kind), .., text] = &mut fields[..]
            && matches!(&**kind, b"channel-m" | b"channel-e")
        {
            *text = Value::Str(Cow::Owned(message.as_bytes().to_vec()));
        }
    }
}

impl Filters {
    /// A client is gone: it judges no more. What waits passes when its time is up.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.judges.retain(|_, judge| *judge != conn);
    }
}

/// The method `channel_add`.
pub(crate) fn add(hub: &mut Hub, call: &Call<'_>) -> Result<Option<Vec<u8>>, Fault> {
    let channel = new_name(call)?;
    let channel_type = call.params.optional_int("type")?.unwrap_or(0);
    if !(0..=2).contains(&channel_type) {
        return Err(Fault::params(
            "type must be 0 (all but the banned), 1 (only the admitted) or 2 (filtered)",
        ));
    }
    let body = Body::ChannelAdd { channel: Cow::Owned(channel.clone()), channel_type };
    ask(hub, call, body, channel, Some(true))
}

fn new_name(call: &Call<'_>) -> Result<String, Fault> {
    let channel = call.params.name("channel")?;
    if channel.len() > CHANNEL_BYTES_MAX {
        let text = format!("channel has {} bytes, routers take {CHANNEL_BYTES_MAX}", channel.len());
        return Err(Fault::params(text));
    }
    Ok(channel.into_owned())
}

/// The method `channel_remove`.
pub(crate) fn remove(hub: &mut Hub, call: &Call<'_>) -> Result<Option<Vec<u8>>, Fault> {
    let channel = call.params.name("channel")?.into_owned();
    ask(hub, call, Body::ChannelRemove { channel: Cow::Owned(channel.clone()) }, channel, Some(false))
}

/// The method `channel_admin`.
pub(crate) fn admin(hub: &mut Hub, call: &Call<'_>) -> Result<Option<Vec<u8>>, Fault> {
    let channel = call.params.name("channel")?.into_owned();
    let muds = |name: &str| -> Result<Vec<Text<'static>>, Fault> {
        let wrong = || Fault::params(format!("{name} must be a list of at most {ADMIN_MUDS_MAX} mud names"));
        let list = call.params.optional_list(name)?.unwrap_or_default();
        if list.len() > ADMIN_MUDS_MAX {
            return Err(wrong());
        }
        list.into_iter()
            .map(|mud| match mud {
                serde_json::Value::String(mud) if !mud.is_empty() && !mud.chars().any(char::is_control) => {
                    Ok(Cow::Owned(mud))
                }
                _ => Err(wrong()),
            })
            .collect()
    };
    let (add, remove) = (muds("add")?, muds("remove")?);
    if add.is_empty() && remove.is_empty() {
        return Err(Fault::params("add or remove must name a mud"));
    }
    ask(hub, call, Body::ChannelAdmin { channel: Cow::Owned(channel.clone()), add, remove }, channel, None)
}

/// Sends a packet to the router and waits for its verdict.
fn ask(
    hub: &mut Hub,
    call: &Call<'_>,
    body: Body<'_>,
    channel: String,
    there: Option<bool>,
) -> Result<Option<Vec<u8>>, Fault> {
    let caller = user_of(hub, call, "channel")?;
    let (from_user, _) = sender(call)?;
    hub.may_wait(call)?;
    let router = hub.muds[caller.mud].link.router().name.clone();
    let header = Header::to_mud(&caller.mud_name, Some(&from_user), &router);
    let message_id = hub.message_id("channel_host", &channel);
    let kind = body.kind().to_owned();
    let origin = Origin { message_id: Some(message_id.clone()), from_user: from_user.to_string() };
    hub.send_packet(caller.mud, Class::Prompt, &Packet { header, body }, Some(origin))?;
    hub.muds[caller.mud].remember_sent(&kind, &from_user, [&channel, ""], &message_id);
    hub.wait(call, Question::Verdict { mud: caller.mud, message_id, channel, there }, VERDICT_WITHIN);
    Ok(None)
}

/// The answer when the router has agreed, or (`silent`) said nothing.
pub(crate) fn verdict(channel: &str, message_id: &str, silent: bool) -> Vec<u8> {
    Object::default()
        .with("status", if silent { "sent" } else { "success" })
        .with("channel", channel)
        .with("message_id", message_id)
        .finish()
}

/// The method `channel_filter`: says that this session judges a channel, or judges one message.
pub(crate) fn filter(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = user_of(hub, call, "channel")?;
    if let Some(id) = call.params.optional_int("filter_id")? {
        return judge(hub, call, caller.mud, id);
    }
    let channel = call.params.name("channel")?.into_owned();
    let key = (caller.mud, channel.clone());
    let enabled = call.params.optional_flag("enabled")?.unwrap_or(true);
    if enabled {
        hub.filters.judges.insert(key, call.conn);
    } else if hub.filters.judges.get(&key) == Some(&call.conn) {
        hub.filters.judges.remove(&key);
    }
    Ok(Object::default()
        .with("status", if enabled { "filtering" } else { "not_filtering" })
        .with("channel", &channel)
        .finish())
}

fn judge(hub: &mut Hub, call: &Call<'_>, mud: usize, id: i64) -> Result<Vec<u8>, Fault> {
    let allow = call.params.optional_flag("allow")?.ok_or_else(|| Fault::params("allow is missing"))?;
    let message = call.params.optional_text("message")?;
    let message = message.as_deref().map(|text| super::sendable("message", text)).transpose()?;
    let key = u64::try_from(id).unwrap_or(0);
    if hub.filters.waiting.get(&key).is_none_or(|waiting| waiting.mud != mud) {
        return Err(Fault::gateway(
            &reason::TOO_LATE,
            "nothing of that filter_id waits; it has passed unchanged",
        ));
    }
    hub.timers.clear(Wake::Filter(key));
    if let Some(mut waiting) = hub.filters.waiting.remove(&key)
        && allow
    {
        if let Some(message) = message {
            waiting.reword(&message);
        }
        pass(hub, waiting);
    }
    Ok(Object::default()
        .with("status", if allow { "passed" } else { "dropped" })
        .with("filter_id", &id)
        .finish())
}

/// The router asks whether a message may pass on a channel of ours.
pub(crate) fn filter_asked(hub: &mut Hub, mud: usize, channel: &str, packet: &Value<'_>) {
    let waiting = Waiting { mud, channel: channel.to_owned(), packet: packet.clone().into_owned() };
    let judge = hub.filters.judges.contains_key(&(mud, channel.to_owned()));
    if !judge || hub.filters.waiting.len() >= FILTERS_MAX {
        return pass(hub, waiting);
    }
    let mut bytes = Vec::new();
    packet.write(&mut bytes);
    // Its text is what the game judges; what is no packet is not for the game.
    let Ok((inner, _)) = Packet::decode(&bytes) else { return pass(hub, waiting) };
    let (said, visname, message) = match &inner.body {
        Body::ChannelMessage { visname, message, .. } => (&event::CHANNEL_MESSAGE, visname, message),
        Body::ChannelEmote { visname, message, .. } => (&event::CHANNEL_EMOTE, visname, message),
        Body::ChannelTargetedEmote { visname, message_others, .. } => {
            (&event::CHANNEL_TARGETED_EMOTE, visname, message_others)
        }
        _ => return pass(hub, waiting),
    };
    hub.filters.next += 1;
    let key = hub.filters.next;
    hub.filters.waiting.insert(key, waiting);
    hub.timers.set(Wake::Filter(key), hub.now.mono + FILTER_WITHIN);
    let params = Object::default()
        .with("filter_id", &key)
        .with("channel", channel)
        .with("event", said.name)
        .with("from_mud", &inner.header.from_mud)
        .with("from_user", or_empty(inner.header.from_user.as_ref()))
        .with("visname", visname)
        .with("message", message)
        .with("timeout", &FILTER_WITHIN.as_secs());
    hub.emit(To::Mud(mud), &event::CHANNEL_FILTER_REQUEST, params);
}

/// Nobody has judged in time.
pub(crate) fn filter_is_late(hub: &mut Hub, key: u64) {
    if let Some(waiting) = hub.filters.waiting.remove(&key) {
        pass(hub, waiting);
    }
}

fn pass(hub: &mut Hub, waiting: Waiting) {
    let name = hub.muds[waiting.mud].settings.name.clone();
    let router = hub.muds[waiting.mud].link.router().name.clone();
    let body = Body::ChanFilterReply { channel: waiting.channel.into(), packet: waiting.packet };
    hub.answer(waiting.mud, &Packet { header: Header::to_mud(&name, None, &router), body });
}
