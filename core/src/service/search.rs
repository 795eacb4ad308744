//! The search in the history. A long search is cut into slices, so that other clients are served in between.

use super::call::Call;
use super::lines::{History, Wanted};
use super::method::{Access, methods};
use super::parts::Parts;
use super::past::{self, Past, Wants};
use super::searches::{Searches, Sought};
use crate::clients::Identified;
use crate::cx::Cx;
use crate::describe::macros::params;
use crate::describe::values::{Filled, Name, Point, Within};
use crate::fault::Fault;
use crate::fault::reason::{BACKLOG_FULL, NO_ANSWER, STORE_FAILED, TOO_MANY_WAITING};
use crate::ids::Ticket;
use crate::journal::{Journal, LaneKey, LaneName, Log};
use crate::query::Lanes;
use crate::settings::Permission;
use crate::waiting::{Question, Reply, Waiting};
use std::time::Duration;

/// How long a search may take. Other clients' requests go on in between.
const SEARCH_WITHIN: Duration = Duration::from_secs(60);

params! {
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
}

methods! {
    /// Searches the messages of channels.
    "history_search" (Access::Permitted(Permission::Info)) Search<'_> => works [History]
        &[&TOO_MANY_WAITING, &NO_ANSWER, &STORE_FAILED, &BACKLOG_FULL],
        |parts, call, args| {
            search((&mut parts.cx, parts.waiting, parts.past), parts.journal, parts.searches, call, &args)
        };
}

fn sought(cx: &Cx<'_>, log: &Log, caller: &Identified, args: &Search<'_>) -> Sought {
    let lanes = match &args.channel {
        Some(channel) => (vec![LaneName::Channel(channel).key()], Lanes::Channel(channel.0.to_string())),
        None => {
            // Tells are in the history only if the settings say so.
            let tells = may_read_tells(caller).then_some(LaneKey::Tells);
            let with_tells = tells.is_some() && cx.settings.api.events.history_holds_tells;
            let asked = if with_tells { Lanes::All } else { Lanes::Channels };
            let channels = log.channels().map(|channel| LaneName::Channel(channel).key());
            (channels.chain(tells).collect(), asked)
        }
    };
    let sender = [&args.from_mud, &args.from_user].map(|name| name.as_ref().map(|name| name.0.to_string()));
    Sought::new(caller.mud, &args.query, lanes, sender, Wanted::new(args.limit, args.before, args.after))
}

fn may_read_tells(caller: &Identified) -> bool {
    caller.may_speak && caller.permissions.has(Permission::Tell)
}

/// A short search in memory is answered at once. A long one becomes a waiting request, which [`go_on`] continues. What
/// memory does not have is asked of the store.
fn search<'m>(
    (cx, waiting, past): (&mut Cx<'_>, &mut Waiting, &mut Past),
    journal: &'m Journal,
    searches: &mut Searches,
    call: &Call,
    args: &Search<'_>,
) -> Result<Option<History<'m>>, Fault> {
    let caller = call.caller()?;
    let log = journal.log(caller.mud);
    let mut sought = sought(cx, log, caller, args);
    call.worked(sought.slice(cx, log));
    if sought.is_over() && (sought.is_complete(cx, log) || !call.wants_answer) {
        let (history, bytes) = sought.answer(log);
        call.worked(bytes);
        return Ok(Some(history));
    }
    if sought.is_over() {
        let wants = Wants::History { limit: sought.limit() };
        let question = vec![sought.question(cx)];
        past::ask((cx, waiting, past), call.asker, (question, wants), sought.rows(log))?;
        return Ok(None);
    }
    waiting.may_wait(call.conn())?;
    searches.insert(call.asker, sought);
    waiting.wait(cx, call.asker, Question::Search, SEARCH_WITHIN);
    Ok(None)
}

/// Continues a search in memory for one slice. When it is over, its request is answered, or waits for the store. Returns the
/// work, or `None` if there is no such search any more.
pub(crate) fn go_on(parts: &mut Parts<'_>, ticket: Ticket) -> Option<usize> {
    let Parts { cx, journal, waiting, searches, past, .. } = parts;
    let (asker, sought) = searches.get_mut(ticket)?;
    let log = journal.log(sought.mud);
    let work = sought.slice(cx, log);
    if !sought.is_over() {
        return Some(work);
    }
    if !sought.is_complete(cx, log) {
        let wants = Wants::History { limit: sought.limit() };
        match past.has_room() {
            Ok(()) => {
                let question = vec![sought.question(cx)];
                past.add(cx, asker, (question, wants), sought.rows(log));
            }
            Err(fault) => waiting.finish(cx, ticket, Err(fault)),
        }
        searches.remove(ticket);
        return Some(work);
    }
    let (history, bytes) = sought.answer(log);
    let outcome = Reply::shared(&history);
    searches.remove(ticket);
    let outcome = outcome.ok_or_else(|| Fault::gateway(&NO_ANSWER, "the result cannot be written"));
    waiting.finish(cx, ticket, outcome);
    Some(work + bytes)
}
