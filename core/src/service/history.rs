//! The history of channels, replay on request, and acknowledgements.

use super::call::Call;
use super::durable;
use super::method::{Access, methods};
use crate::clients::Identified;
use crate::cx::Cx;
use crate::delivery::Delivery;
use crate::describe::macros::{output, params};
use crate::describe::values::{EventId, Filled, Name, OrNull, Point, Within};
use crate::fault::Fault;
use crate::fault::reason::{NOT_SAVED, TOO_MANY_WAITING};
use crate::journal::{Journal, LaneName, Record};
use crate::saved;
use crate::settings::Permission;
use crate::time::UnixTime;
use crate::waiting::{Acknowledged, AcknowledgedStatus, Reply, Success, Waiting};
use serde::Deserialize;
use std::borrow::Cow;

/// Number of messages in one answer.
pub const LIMIT_MAX: i64 = 100;

params! {
    /// The parameters of `channel_history`.
    pub(super) struct ChannelHistory<'a> {
        /// the channel's exact name
        channel: Name<'a>,
        /// how many messages at most, counted from the newest; more than 100 count as 100
        limit: Within<1, { i64::MAX }> = 100,
        /// only messages before this event_id, or before this time (RFC 3339)
        before: Option<Point>,
        /// only messages after this event_id, or after this time (RFC 3339)
        after: Option<Point>,
    }

    /// The parameters of `history_search`.
    pub(super) struct Search<'a> {
        /// a part of a message or of a visible name, in any case
        query: Filled<'a>,
        /// one channel; all when left out
        channel: Option<Name<'a>>,
        /// the sender's mud
        from_mud: Option<Name<'a>>,
        /// the sender's user name
        from_user: Option<Name<'a>>,
        /// how many messages at most, counted from the newest; more than 100 count as 100
        limit: Within<1, { i64::MAX }> = 100,
        /// only messages before this event_id, or before this time (RFC 3339)
        before: Option<Point>,
        /// only messages after this event_id, or after this time (RFC 3339)
        after: Option<Point>,
    }

    /// The parameters of `resume`.
    pub(super) struct Resume {
        /// replay the events after this one
        last_event_id: Option<EventId>,
    }

    /// The parameters of `ack`.
    pub(super) struct Ack {
        /// the last event that the client has handled, along with all before it
        event_id: EventId,
    }
}

output! {
    /// The result of `channel_history` and `history_search`.
    pub(super) struct History<'m> {
        /// always `success`
        status: Success,
        /// the messages, oldest first, each with the members of its event; `event` is the event's name
        messages: Vec<Line<'m>>,
        /// number of messages
        count: usize,
    }

    /// A message of the history.
    pub(super) struct Line<'m> {
        /// `channel_message`, `channel_emote`, …; it determines the other members
        event: &'static str,
        /// the channel
        channel: Option<Cow<'m, str>>,
        /// the sender's mud
        from_mud: Cow<'m, str>,
        /// the sender's user name
        from_user: Cow<'m, str>,
        /// for a tell: the recipient's mud
        to_mud: Option<Cow<'m, str>>,
        /// for a tell: the recipient
        to_user: Option<Cow<'m, str>>,
        /// the text; in an emote `$N` stands for the name, which is there itself unless texts are read `raw`
        message: Cow<'m, str>,
        /// the sender's visible name
        visname: Cow<'m, str>,
        /// for a targeted emote: the mud of the target
        target_mud: Option<Cow<'m, str>>,
        /// for a targeted emote: the target
        target_user: Option<Cow<'m, str>>,
        /// for a targeted emote: the visible name of the target
        target_visname: Option<Cow<'m, str>>,
        /// for a targeted emote: the text for the target
        message_target: Option<Cow<'m, str>>,
        /// true: the mud's own line, as the router sent it back
        is_echo as "self": Option<bool>,
        /// when it arrived
        timestamp: UnixTime,
        /// the number of its event
        event_id: EventId,
    }

    /// The result of `resume`.
    pub(super) struct Resumed {
        /// always `success`
        status: Success,
        /// where the replay starts; null: at the first event not yet delivered to any session of the mud
        last_event_id: OrNull<EventId>,
    }
}

methods! {
    /// Returns the messages of a channel, oldest first.
    "channel_history" (Access::Permitted(Permission::Info)) ChannelHistory<'_> => [History] &[],
        |parts, call, args| channel_history(&parts.cx, parts.journal, call, &args);
    /// Searches the messages of channels.
    "history_search" (Access::Permitted(Permission::Info)) Search<'_> => [History] &[],
        |parts, call, args| search(&parts.cx, parts.journal, call, &args);
    /// Replays missed events, followed by the event `replay_complete`.
    "resume" (Access::Identified) Resume => [Resumed] &[],
        |parts, call, args| resume(&mut parts.delivery().1, call, &args);
    /// Moves the cursor of this client: events up to it are not replayed again. The result comes when the cursor is
    /// saved.
    "ack" (Access::Identified) Ack => later [Acknowledged] &[&NOT_SAVED, &TOO_MANY_WAITING],
        |parts, call, args| {
            let mut out = Delivery { clients: parts.clients, journal: parts.journal };
            ack(&mut parts.cx, &mut out, parts.waiting, call, &args)
        };
}

/// Selects a part of the history.
struct Wanted {
    limit: usize,
    before: Option<Point>,
    after: Option<Point>,
}

impl Wanted {
    fn new<const LEAST: i64, const MOST: i64>(
        limit: Within<LEAST, MOST>,
        before: Option<Point>,
        after: Option<Point>,
    ) -> Self {
        // Clients of the Python gateway may ask for more than the maximum.
        let limit = usize::try_from(limit.0.min(LIMIT_MAX)).unwrap_or_default();
        Wanted { limit, before, after }
    }

    fn holds(&self, record: &Record) -> bool {
        let is_before = |point: Point| match point {
            Point::Event(id) => record.id < id,
            Point::Time(at) => record.at < at,
            Point::Nowhere => false,
        };
        let is_after = |point: Point| match point {
            Point::Event(id) => record.id > id,
            Point::Time(at) => record.at > at,
            Point::Nowhere => false,
        };
        self.before.is_none_or(is_before) && self.after.is_none_or(is_after)
    }

    /// Returns the newest of the wanted messages, oldest first.
    fn answer<'m>(&self, newest_first: impl Iterator<Item = Line<'m>>) -> History<'m> {
        let mut messages: Vec<Line<'m>> = newest_first.take(self.limit).collect();
        messages.reverse();
        History { status: Success::Success, count: messages.len(), messages }
    }
}

/// The members of a message that are read from its record.
#[derive(Deserialize)]
struct Kept<'m> {
    #[serde(borrow)]
    channel: Option<Cow<'m, str>>,
    #[serde(borrow)]
    from_mud: Cow<'m, str>,
    #[serde(borrow)]
    from_user: Cow<'m, str>,
    #[serde(borrow)]
    to_mud: Option<Cow<'m, str>>,
    #[serde(borrow)]
    to_user: Option<Cow<'m, str>>,
    #[serde(borrow)]
    message: Cow<'m, str>,
    #[serde(borrow)]
    visname: Cow<'m, str>,
    #[serde(borrow)]
    target_mud: Option<Cow<'m, str>>,
    #[serde(borrow)]
    target_user: Option<Cow<'m, str>>,
    #[serde(borrow)]
    target_visname: Option<Cow<'m, str>>,
    #[serde(borrow)]
    message_target: Option<Cow<'m, str>>,
    #[serde(rename = "self")]
    is_echo: Option<bool>,
}

impl<'m> Line<'m> {
    fn read(record: &'m Record) -> Option<Line<'m>> {
        let kept: Kept<'m> = saved::read(&record.members)?;
        Some(Line {
            event: record.kind.name,
            channel: kept.channel,
            from_mud: kept.from_mud,
            from_user: kept.from_user,
            to_mud: kept.to_mud,
            to_user: kept.to_user,
            message: kept.message,
            visname: kept.visname,
            target_mud: kept.target_mud,
            target_user: kept.target_user,
            target_visname: kept.target_visname,
            message_target: kept.message_target,
            is_echo: kept.is_echo,
            timestamp: record.at,
            event_id: EventId(record.id),
        })
    }
}

fn channel_history<'m>(
    cx: &Cx<'_>,
    journal: &'m Journal,
    call: &Call,
    args: &ChannelHistory<'_>,
) -> Result<History<'m>, Fault> {
    let mud = call.caller()?.mud;
    let wanted = Wanted::new(args.limit, args.before, args.after);
    let lane = LaneName::Channel(&args.channel);
    let history = journal.log(mud).history(lane, &cx.settings.api.events, cx.steady);
    Ok(wanted.answer(history.rev().filter(|record| wanted.holds(record)).filter_map(Line::read)))
}

fn search<'m>(
    cx: &Cx<'_>,
    journal: &'m Journal,
    call: &Call,
    args: &Search<'_>,
) -> Result<History<'m>, Fault> {
    let caller = call.caller()?;
    let query = args.query.to_lowercase();
    let wanted = Wanted::new(args.limit, args.before, args.after);
    let fits = |line: &Line<'_>| {
        args.from_mud.as_ref().is_none_or(|mud| line.from_mud.eq_ignore_ascii_case(mud))
            && args.from_user.as_ref().is_none_or(|user| line.from_user.eq_ignore_ascii_case(user))
            && [&line.message, &line.visname].iter().any(|text| text.to_lowercase().contains(&query))
    };
    let log = journal.log(caller.mud);
    let lanes: Vec<LaneName<'_>> = match &args.channel {
        Some(channel) => vec![LaneName::Channel(channel)],
        None => {
            // Tells are in the history only if the settings say so.
            let tells = may_read_tells(caller).then_some(LaneName::Tells);
            log.channels().map(LaneName::Channel).chain(tells).collect()
        }
    };
    let records = lanes.iter().flat_map(|lane| log.history(*lane, &cx.settings.api.events, cx.steady));
    let wanted_records = records.filter(|record| wanted.holds(record));
    let mut found: Vec<Line<'m>> = wanted_records.filter_map(Line::read).filter(fits).collect();
    found.sort_unstable_by_key(|line| std::cmp::Reverse(line.event_id.0));
    Ok(wanted.answer(found.into_iter()))
}

fn may_read_tells(caller: &Identified) -> bool {
    caller.may_speak && caller.permissions.has(Permission::Tell)
}

/// The events follow the result.
fn resume(out: &mut Delivery<'_>, call: &Call, args: &Resume) -> Result<Resumed, Fault> {
    call.speaker()?;
    let from = out.read_again(call.conn(), args.last_event_id.map(|id| id.0));
    Ok(Resumed { status: Success::Success, last_event_id: OrNull(from.map(EventId)) })
}

/// The result comes when the cursor is saved.
fn ack(
    cx: &mut Cx<'_>,
    out: &mut Delivery<'_>,
    waiting: &mut Waiting,
    call: &Call,
    args: &Ack,
) -> Result<Option<Acknowledged>, Fault> {
    call.speaker()?;
    let EventId(id) = args.event_id;
    if id > out.journal.last_id() {
        return Err(Fault::params(format!("there has been no event {id} yet")));
    }
    durable::may_wait(waiting, call)?;
    let change = out.acknowledge(cx, call.conn(), id);
    let done = Acknowledged { status: AcknowledgedStatus::Acknowledged, event_id: args.event_id };
    let changes = change.into_iter().collect();
    Ok(durable::answer_when_saved(cx, waiting, call, changes, done, Reply::Acknowledged))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event;
    use crate::time::Steady;

    #[test]
    fn before_and_after_exclude_the_named_event() {
        let kind = event::find("channel_message").unwrap();
        let at = UnixTime::from_micros(50);
        let record = Record::new(5, (at, Steady::default()), kind, b"{}"[..].into());
        let holds = |before, after| Wanted { limit: 1, before, after }.holds(&record);
        let event = |id| Some(Point::Event(id));
        assert!(holds(None, None) && holds(event(6), event(4)));
        assert!(!holds(event(5), None) && !holds(None, event(5)));
        assert!(!holds(Some(Point::Nowhere), None) && !holds(None, Some(Point::Time(at))));
    }
}
