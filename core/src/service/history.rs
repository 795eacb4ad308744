//! The history of channels, replay on request, and acknowledgements.

use super::call::Call;
use super::durable;
use super::lines::{History, Line, Wanted};
use super::method::{Access, methods};
use super::page::looked_at;
use crate::cx::Cx;
use crate::delivery::Delivery;
use crate::describe::macros::{output, params};
use crate::describe::values::{EventId, Name, OrNull, Point, Within};
use crate::fault::Fault;
use crate::fault::reason::{BACKLOG_FULL, NOT_SAVED, TOO_MANY_WAITING};
use crate::journal::{Journal, LaneName};
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
    "channel_history" (Access::Permitted(Permission::Info)) ChannelHistory<'_> => [History] &[&BACKLOG_FULL],
        |parts, call, args| channel_history(&parts.cx, parts.journal, call, &args);
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
    let mut wanted_records = looked_at(call, history.rev()).filter(|record| wanted.holds(record));
    let lines: Vec<Line<'m>> = wanted_records.by_ref().take(wanted.limit).filter_map(Line::read).collect();
    let has_more = wanted_records.next().is_some();
    let (history, bytes) = History::of(lines, has_more);
    call.worked(bytes);
    Ok(history)
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
