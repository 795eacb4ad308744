//! What was said before: the history of channels, and events once more.

use super::caller;
use crate::api::json::{Object, Raw};
use crate::api::methods::Call;
use crate::api::rpc::Fault;
use crate::events::kept::{LaneName, Record};
use crate::hub::Hub;
use crate::machine::{Change, SaveTicket};
use crate::pending::Question;
use crate::session::Identified;
use crate::settings::Permission;
use crate::time::UnixTime;
use serde::Deserialize;
use std::borrow::Cow;
use std::time::Duration;

/// Messages in one answer.
pub const LIMIT_MAX: i64 = 100;

/// How long an acknowledgement waits for the disk.
const SAVED_WITHIN: Duration = Duration::from_secs(10);

/// A point in the history.
#[derive(Clone, Copy)]
enum Point {
    /// An event.
    Event(u64),
    /// A time.
    Time(UnixTime),
    /// Neither: nothing is before or after it, as with the Python gateway.
    Nowhere,
}

impl Point {
    fn read(call: &Call<'_>, name: &str) -> Result<Option<Point>, Fault> {
        let fault = || Fault::params(format!("{name} must be an event_id or a time"));
        let Some(value) = call.params.raw(name) else { return Ok(None) };
        let text = value.get();
        if text.starts_with('"') {
            let text = call.params.optional_text(name)?.ok_or_else(fault)?;
            return Ok(Some(UnixTime::parse(&text).map_or(Point::Nowhere, Point::Time)));
        }
        text.parse().map(|id| Some(Point::Event(id))).map_err(|_| fault())
    }

    fn is_before(self, record: &Record) -> bool {
        match self {
            Point::Event(id) => id < record.id,
            Point::Time(at) => at < record.at,
            Point::Nowhere => false,
        }
    }

    fn is_after(self, record: &Record) -> bool {
        match self {
            Point::Event(id) => id > record.id,
            Point::Time(at) => at > record.at,
            Point::Nowhere => false,
        }
    }
}

/// What part of the history is wanted.
struct Wanted {
    limit: usize,
    before: Option<Point>,
    after: Option<Point>,
}

impl Wanted {
    fn read(call: &Call<'_>) -> Result<Self, Fault> {
        let limit = call.params.optional_int("limit")?.unwrap_or(LIMIT_MAX);
        if limit < 1 {
            return Err(Fault::params("limit must be at least 1"));
        }
        // Clients of the Python gateway may ask for more than there is.
        let limit = usize::try_from(limit.min(LIMIT_MAX)).unwrap_or_default();
        Ok(Wanted { limit, before: Point::read(call, "before")?, after: Point::read(call, "after")? })
    }

    fn holds(&self, record: &Record) -> bool {
        self.before.is_none_or(|point| point.is_after(record))
            && self.after.is_none_or(|point| point.is_before(record))
    }

    /// The last that are wanted, in their order, as an answer.
    fn answer<'a>(&self, newest_first: impl Iterator<Item = &'a Record>) -> Vec<u8> {
        let mut found: Vec<&Record> = newest_first.take(self.limit).collect();
        found.reverse();
        let mut rows = b"[".to_vec();
        for record in &found {
            if rows.len() > 1 {
                rows.push(b',');
            }
            rows.extend_from_slice(format!(r#"{{"event":"{}","#, record.event.name).as_bytes());
            rows.extend_from_slice(record.params.get(1..).unwrap_or_default());
        }
        rows.push(b']');
        let answer = Object::default().with("status", "success").with("messages", &Raw(&rows));
        answer.with("count", &found.len()).finish()
    }
}

/// The method `channel_history`.
pub(crate) fn channel_history(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = caller(hub, call)?;
    let channel = call.params.name("channel")?;
    let wanted = Wanted::read(call)?;
    let (settings, now) = (&hub.settings.api.events, hub.now.unix);
    let history = hub.events.log(caller.mud).history(LaneName::Channel(&channel), settings, now);
    Ok(wanted.answer(history.rev().filter(|record| wanted.holds(record))))
}

/// What is searched.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    from_mud: Cow<'a, str>,
    #[serde(borrow, default)]
    from_user: Cow<'a, str>,
    #[serde(borrow, default)]
    visname: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
}

/// The method `history_search`.
pub(crate) fn search(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let caller = caller(hub, call)?;
    let query = call.params.text("query")?.to_lowercase();
    let channel = call.params.optional_name("channel")?;
    let from_mud = call.params.optional_name("from_mud")?;
    let from_user = call.params.optional_name("from_user")?;
    let wanted = Wanted::read(call)?;
    let matches = |record: &Record| {
        let Ok(line) = serde_json::from_slice::<Line<'_>>(&record.params) else { return false };
        from_mud.as_ref().is_none_or(|mud| line.from_mud.eq_ignore_ascii_case(mud))
            && from_user.as_ref().is_none_or(|user| line.from_user.eq_ignore_ascii_case(user))
            && [&line.message, &line.visname].iter().any(|text| text.to_lowercase().contains(&query))
    };
    let log = hub.events.log(caller.mud);
    let lanes: Vec<LaneName<'_>> = match &channel {
        Some(channel) => vec![LaneName::Channel(channel)],
        None => {
            // They are only ever in the history where the settings say so.
            let tells = may_read_tells(&caller).then_some(LaneName::Tells);
            log.channels().map(LaneName::Channel).chain(tells).collect()
        }
    };
    let (settings, now) = (&hub.settings.api.events, hub.now.unix);
    let records = lanes.iter().flat_map(|lane| log.history(*lane, settings, now));
    let mut found: Vec<&Record> = records.filter(|record| wanted.holds(record) && matches(record)).collect();
    found.sort_unstable_by_key(|record| std::cmp::Reverse(record.id));
    Ok(wanted.answer(found.into_iter()))
}

fn may_read_tells(caller: &Identified) -> bool {
    caller.may_speak && caller.permissions.has(Permission::Tell)
}

/// The id of an event that a client names.
pub(crate) fn event_id(call: &Call<'_>, name: &str) -> Result<Option<u64>, Fault> {
    let id = call.params.optional_int(name)?.map(u64::try_from);
    id.transpose().map_err(|_| Fault::params(format!("{name} must be the event_id of an event")))
}

/// The method `resume`.
pub(crate) fn resume(hub: &mut Hub, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    super::speaker(hub, call)?;
    let from = hub.read_again(call.conn, event_id(call, "last_event_id")?);
    // The events follow the answer.
    Ok(Object::default().with("status", "success").with("last_event_id", &from).finish())
}

/// The method `ack`. It is answered when it is durable.
pub(crate) fn ack(hub: &mut Hub, call: &Call<'_>) -> Result<Option<Vec<u8>>, Fault> {
    let caller = super::speaker(hub, call)?;
    let id = event_id(call, "event_id")?.ok_or_else(|| Fault::params("event_id is missing"))?;
    if id > hub.event_ids.last() {
        return Err(Fault::params(format!("there has been no event {id} yet")));
    }
    if call.id.is_some() {
        hub.may_wait(call)?;
    }
    let changes: Vec<Change> = hub.acknowledge(call.conn, caller.mud, id);
    let ticket = hub.fx.save(changes);
    if call.id.is_none() {
        return Ok(Some(acknowledged(id)));
    }
    hub.wait(call, Question::Saved { ticket, event_id: id }, SAVED_WITHIN);
    Ok(None)
}

/// What an acknowledgement gets.
fn acknowledged(id: u64) -> Vec<u8> {
    Object::default().with("status", "acknowledged").with("event_id", &id).finish()
}

/// Saves have ended: answers those who waited for them.
pub(crate) fn saved(hub: &mut Hub, is_durable: impl Fn(SaveTicket) -> bool) {
    hub.answer_waiters(|question| match question {
        Question::Saved { ticket, event_id } if is_durable(*ticket) => Some(Ok(acknowledged(*event_id))),
        _ => None,
    });
}
