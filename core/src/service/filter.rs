//! Judging what is said on a filtered channel of ours.

use super::call::Call;
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
use crate::i3::packet::{Body, Header, Packet};
use crate::ids::MudId;
use crate::machine::ConnId;
use crate::muds::Muds;
use crate::settings::Permission;
use crate::wake::Wake;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a game may take to judge a message on its filtered channel, before it passes unchanged.
pub const FILTER_WITHIN: Duration = Duration::from_secs(5);

/// Messages that may wait for a judgement at one time.
const FILTERS_MAX: usize = 200;

params! {
    /// What `channel_filter` takes.
    pub(super) struct Filter<'a> {
        /// whose messages this session judges
        channel: Option<Name<'a>>,
        /// false to stop
        enabled: bool = true,
        /// of the event `channel_filter_request` to answer
        filter_id: Option<i64>,
        /// whether the message may pass; needed with `filter_id`
        allow: Option<bool>,
        /// what to pass in its place
        message: Option<Filled<'a>>,
    }
}

output! {
    /// Whether a session judges.
    pub(super) struct Judges<'a> {
        /// whether the session is asked
        status: JudgesStatus,
        /// the channel
        channel: Name<'a>,
    }

    /// A judgement.
    pub(super) struct Judged {
        /// what became of the message
        status: JudgedStatus,
        /// as it was given
        filter_id: i64,
    }
}

words! {
    /// Whether a session judges.
    pub(super) enum JudgesStatus {
        /// It does.
        Filtering = "filtering",
        /// It does not.
        NotFiltering = "not_filtering",
    }

    /// What became of a message.
    pub(super) enum JudgedStatus {
        /// It has passed.
        Passed = "passed",
        /// It has not.
        Dropped = "dropped",
    }
}

either! {
    /// What `channel_filter` gives.
    pub(super) enum FilterResult<'a> {
        /// with `channel`
        Judges(Judges<'a>),
        /// with `filter_id`
        Judged(Judged),
    }
}

methods! {
    /// Judges what is said on a filtered channel of this mud: with `channel` this session is asked from here on, with
    /// `filter_id` and `allow` it answers.
    "channel_filter" (Access::Permitted(Permission::Host)) Filter<'_> => [FilterResult] &[&SERVICE_DISABLED, &TOO_LATE],
        |parts, call, args| filter(&mut parts.cx, parts.muds, parts.filters, call, args);
}

/// The games that judge, and what waits for them.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    last: u64,
    /// Who judges a channel of a mud.
    judges: BTreeMap<(MudId, String), ConnId>,
    held: BTreeMap<u64, Held>,
}

/// A message that waits for its judgement.
#[derive(Debug)]
struct Held {
    mud: MudId,
    channel: String,
    packet: Value<'static>,
}

impl Held {
    /// Puts another text in place of what was said: the last field of a channel-m or -e.
    fn reword(&mut self, message: &str) {
        if let Value::Array(fields) = &mut self.packet
            && let [Value::Str(kind), .., text] = &mut fields[..]
            && matches!(&**kind, b"channel-m" | b"channel-e")
        {
            *text = Value::Str(Cow::Owned(message.as_bytes().to_vec()));
        }
    }

    /// Lets it pass.
    fn pass(self, cx: &mut Cx<'_>, muds: &mut Muds) {
        let router = muds[self.mud].link.router().name.clone();
        let header = Header::to_mud(&cx.settings.mud(self.mud).name, None, &router);
        let body = Body::ChanFilterReply { channel: self.channel.into(), packet: self.packet };
        muds.answer(cx, self.mud, &Packet { header, body });
    }
}

impl Filters {
    /// A client is gone: it judges no more. What waits passes when its time is up.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.judges.retain(|_, judge| *judge != conn);
    }

    /// A game has not judged in time.
    pub(crate) fn is_late(&mut self, cx: &mut Cx<'_>, muds: &mut Muds, key: u64) {
        if let Some(held) = self.held.remove(&key) {
            held.pass(cx, muds);
        }
    }
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
    if args.enabled {
        filters.judges.insert(key, call.conn());
    } else if filters.judges.get(&key) == Some(&call.conn()) {
        filters.judges.remove(&key);
    }
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
    if filters.held.get(&key).is_none_or(|held| held.mud != mud) {
        let text = "nothing of that filter_id waits; it has passed unchanged";
        return Err(Fault::gateway(&TOO_LATE, text));
    }
    cx.timers.clear(Wake::Filter(key));
    if let Some(mut held) = filters.held.remove(&key)
        && allow
    {
        if let Some(message) = message {
            held.reword(&message);
        }
        held.pass(cx, muds);
    }
    Ok(Judged { status: if allow { JudgedStatus::Passed } else { JudgedStatus::Dropped }, filter_id: id })
}

/// The router asks whether a message may pass on a channel of ours.
pub(super) fn asked(
    cx: &mut Cx<'_>,
    muds: &mut Muds,
    filters: &mut Filters,
    out: &mut Delivery<'_>,
    mud: MudId,
    (channel, packet): (&str, &Value<'_>),
) {
    let held = Held { mud, channel: channel.to_owned(), packet: packet.clone().into_owned() };
    let has_judge = filters.judges.contains_key(&(mud, channel.to_owned()));
    if !has_judge || filters.held.len() >= FILTERS_MAX {
        return held.pass(cx, muds);
    }
    let mut bytes = Vec::new();
    packet.write(&mut bytes);
    // Its text is what the game judges; what is no packet is not for the game.
    let Ok((inner, _)) = Packet::decode(&bytes) else { return held.pass(cx, muds) };
    let (event, visname, message) = match &inner.body {
        Body::ChannelMessage { visname, message, .. } => (LineEvent::Message, visname, message),
        Body::ChannelEmote { visname, message, .. } => (LineEvent::Emote, visname, message),
        Body::ChannelTargetedEmote { visname, message_others, .. } => {
            (LineEvent::Targeted, visname, message_others)
        }
        _ => return held.pass(cx, muds),
    };
    filters.last += 1;
    let key = filters.last;
    filters.held.insert(key, held);
    cx.timers.set(Wake::Filter(key), cx.now.mono + FILTER_WITHIN);
    let request = FilterRequest {
        filter_id: key,
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
