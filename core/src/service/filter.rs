//! Filtering: a client judges the messages on a filtered channel of its mud.

use super::call::Call;
use super::held::{Filters, Held};
use super::method::{Access, methods};
use super::text::{or_empty, sendable};
use crate::cx::Cx;
use crate::delivery::{Delivery, To};
use crate::describe::macros::{either, output, params, words};
use crate::describe::values::{Filled, Name};
use crate::event::Event;
use crate::event::told::{FilterRequest, LineEvent};
use crate::fault::Fault;
use crate::fault::reason::{SERVICE_DISABLED, TOO_LATE};
use crate::i3::Value;
use crate::i3::packet::{Body, Packet};
use crate::ids::MudId;
use crate::muds::Muds;
use crate::settings::Permission;
use std::borrow::Cow;

pub use super::held::FILTER_WITHIN;

params! {
    /// The parameters of `channel_filter`.
    pub(super) struct Filter<'a> {
        /// the channel whose messages this session judges
        channel: Option<Name<'a>>,
        /// false: stop judging
        enabled: bool = true,
        /// from the event `channel_filter_request` that is answered
        filter_id: Option<i64>,
        /// whether the message may pass; required with `filter_id`
        allow: Option<bool>,
        /// a text to pass on in place of the message
        message: Option<Filled<'a>>,
    }
}

output! {
    /// The result of `channel_filter` with `channel`.
    pub(super) struct Judges<'a> {
        /// whether this session judges the channel
        status: JudgesStatus,
        /// the channel
        channel: Name<'a>,
    }

    /// The result of `channel_filter` with `filter_id`.
    pub(super) struct Judged {
        /// what happened to the message
        status: JudgedStatus,
        /// as given
        filter_id: i64,
    }
}

words! {
    /// Whether a session judges a channel.
    pub(super) enum JudgesStatus {
        /// The session judges the channel.
        Filtering = "filtering",
        /// The session no longer judges the channel.
        NotFiltering = "not_filtering",
    }

    /// What happened to a message.
    pub(super) enum JudgedStatus {
        /// The message was passed on.
        Passed = "passed",
        /// The message was dropped.
        Dropped = "dropped",
    }
}

either! {
    /// The results of `channel_filter`.
    pub(super) enum FilterResult<'a> {
        /// with `channel`
        Judges(Judges<'a>),
        /// with `filter_id`
        Judged(Judged),
    }
}

methods! {
    /// Judges the messages on a filtered channel of this mud. With `channel`, this session receives them from now on as
    /// events `channel_filter_request`; with `filter_id` and `allow`, it answers one.
    "channel_filter" (Access::Permitted(Permission::Host)) Filter<'_> => [FilterResult] &[&SERVICE_DISABLED, &TOO_LATE],
        |parts, call, args| {
            if args.filter_id.is_none() {
                // Other nodes learn who judges.
                parts.clients.changed(call.conn());
            }
            filter(&mut parts.cx, parts.muds, parts.filters, call, args)
        };
}

fn filter<'a>(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    filters: &mut Filters,
    call: &Call,
    args: Filter<'a>,
) -> Result<FilterResult<'a>, Fault> {
    let mud = call.user_of(cx, "channel")?.mud;
    if let Some(id) = args.filter_id {
        let allow = args.allow.ok_or_else(|| Fault::params("allow is missing"))?;
        let message = args.message.as_deref().map(|text| sendable("message", text)).transpose()?;
        return judge(cx, muds, filters, (mud, id), allow, message).map(FilterResult::Judged);
    }
    let channel = args.channel.ok_or_else(|| Fault::params("channel is missing"))?;
    let key = (mud, channel.to_string());
    filters.set_judge(key, call.conn(), args.enabled, cx.now.unix);
    let status = if args.enabled { JudgesStatus::Filtering } else { JudgesStatus::NotFiltering };
    Ok(FilterResult::Judges(Judges { status, channel }))
}

fn judge(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    filters: &mut Filters,
    (mud, id): (MudId, i64),
    allow: bool,
    message: Option<Cow<'_, str>>,
) -> Result<Judged, Fault> {
    let key = u64::try_from(id).unwrap_or(0);
    let Some(mut held) = filters.take(cx, mud, key) else {
        let text = "nothing of that filter_id waits; it has passed unchanged";
        return Err(Fault::gateway(&TOO_LATE, text));
    };
    if allow {
        if let Some(message) = message {
            held.reword(&message);
        }
        held.pass(cx, muds);
    }
    Ok(Judged { status: if allow { JudgedStatus::Passed } else { JudgedStatus::Dropped }, filter_id: id })
}

/// The router asks whether a message may pass on a channel of this mud.
pub(super) fn asked(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    filters: &mut Filters,
    out: &mut Delivery<'_>,
    mud: MudId,
    (channel, packet): (&str, &Value<'_>),
) {
    let mut bytes = Vec::new();
    packet.write(&mut bytes);
    let held = Held::new(mud, channel, packet, bytes.len());
    if filters.is_left_to_others(mud, channel) {
        return;
    }
    if !filters.is_judged_here(mud, channel) {
        return held.pass_unjudged(cx, muds);
    }
    if !filters.has_room(bytes.len()) {
        return held.pass(cx, muds);
    }
    // The game judges the text of the packet. A message that is not a packet passes without a judgement.
    let Ok((inner, _)) = Packet::decode(&bytes) else { return held.pass(cx, muds) };
    let (event, visname, message) = match &inner.body {
        Body::ChannelMessage { visname, message, .. } => (LineEvent::Message, visname, message),
        Body::ChannelEmote { visname, message, .. } => (LineEvent::Emote, visname, message),
        Body::ChannelTargetedEmote { visname, message_others, .. } => {
            (LineEvent::Targeted, visname, message_others)
        }
        _ => return held.pass(cx, muds),
    };
    let request = FilterRequest {
        filter_id: filters.hold(cx, held),
        channel,
        event,
        from_mud: &inner.header.from_mud,
        from_user: or_empty(inner.header.from_user.as_ref()),
        visname,
        message,
        timeout: FILTER_WITHIN.as_secs(),
    };
    out.emit(cx, To::Mud(mud), &Event::ChannelFilterRequest(request));
}
