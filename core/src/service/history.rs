//! The history of channels, replay on request, and acknowledgements.

use super::call::Call;
use super::durable;
use super::lines::{History, Line, Wanted};
use super::method::{Access, methods};
use super::page::looked_at;
use super::past::{self, Past, Wants};
use crate::cx::Cx;
use crate::delivery::Delivery;
use crate::describe::macros::{output, params};
use crate::describe::values::{EventId, Name, OrNull, Point, Within};
use crate::fault::Fault;
use crate::fault::reason::{BACKLOG_FULL, NOT_SAVED, STORE_FAILED, TOO_MANY_WAITING};
use crate::journal::{Journal, LaneName, Record};
use crate::query::Lanes;
use crate::settings::Permission;
use crate::waiting::{Acknowledged, AcknowledgedStatus, Reply, Success, Waiting};

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
    /// The result of `resume`.
    pub(super) struct Resumed {
        /// always `success`
        status: Success,
        /// where the replay starts; null: at the first event not yet delivered to any session of the mud
        last_event_id: OrNull<EventId>,
    }
}

/// The work of looking at one kept event for a replay, in bytes.
const RECORD_WORK: usize = 32;

methods! {
    /// Returns the messages of a channel, oldest first.
    "channel_history" (Access::Permitted(Permission::Info)) ChannelHistory<'_> => later [History]
        &[&STORE_FAILED, &TOO_MANY_WAITING, &BACKLOG_FULL],
        |parts, call, args| channel_history((&mut parts.cx, parts.waiting, parts.past), parts.journal, call, &args);
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

/// What memory has is answered at once. For the rest the request waits for the store.
fn channel_history<'m>(
    (cx, waiting, past): (&mut Cx<'_>, &mut Waiting, &mut Past),
    journal: &'m Journal,
    call: &Call,
    args: &ChannelHistory<'_>,
) -> Result<Option<History<'m>>, Fault> {
    let mud = call.caller()?.mud;
    let wanted = Wanted::new(args.limit, args.before, args.after);
    let (lane, log, events) = (LaneName::Channel(&args.channel), journal.log(mud), &cx.settings.api.events);
    if !cx.settings.keeps_lines() {
        let records = looked_at(call, log.history(lane, events, cx.steady).rev());
        return Ok(Some(answer(call, wanted, records)));
    }
    let young = || looked_at(call, log.young(lane, events, cx.steady).rev());
    let whole_after = log.is_whole_after(lane);
    let mut whole = young().take_while(|record| record.id > whole_after);
    let is_in_memory = wanted.is_after(whole_after) || {
        let mut found = 0;
        whole.any(|record| {
            found += usize::from(wanted.holds(record));
            found > wanted.limit || wanted.ends_at(record)
        })
    };
    if is_in_memory || !call.wants_answer {
        return Ok(Some(answer(call, wanted, young())));
    }
    let mine = past::rows(young().filter(|record| wanted.holds(record)).take(wanted.limit + 1));
    let query = wanted.query(cx, mud, Lanes::Channel(args.channel.0.to_string()));
    let wants = Wants::History { limit: wanted.limit };
    past::ask((cx, waiting, past), call.asker, (vec![query], wants), mine)?;
    Ok(None)
}

/// Returns the newest of these records that are wanted.
fn answer<'m>(call: &Call, wanted: Wanted, newest_first: impl Iterator<Item = &'m Record>) -> History<'m> {
    let mut records = newest_first.filter(|record| wanted.holds(record));
    let lines: Vec<Line<'m>> = records.by_ref().take(wanted.limit).filter_map(Line::read).collect();
    let has_more = records.next().is_some();
    let (history, bytes) = History::of(lines, has_more);
    call.worked(bytes);
    history
}

/// The events follow the result.
fn resume(out: &mut Delivery<'_>, call: &Call, args: &Resume) -> Result<Resumed, Fault> {
    call.speaker()?;
    // A replay looks at all kept events.
    call.worked(out.journal.size().0 * RECORD_WORK);
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
