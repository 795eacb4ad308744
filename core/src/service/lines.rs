//! Messages of the history, as answers show them.

use super::page::{self, ANSWER_BYTES_MAX};
use crate::cx::Cx;
use crate::describe::macros::output;
use crate::describe::values::{EventId, Point, Within};
use crate::ids::MudId;
use crate::journal::Record;
use crate::query::{Lanes, Query};
use crate::saved;
use crate::time::UnixTime;
use crate::waiting::Success;
use serde::Deserialize;
use std::borrow::Cow;

/// Number of messages in one answer.
pub const LIMIT_MAX: i64 = 100;

output! {
    /// The result of `channel_history` and `history_search`.
    pub(super) struct History<'m> {
        /// always `success`
        pub(super) status: Success,
        /// the messages, oldest first, each with the members of its event; `event` is the event's name
        pub(super) messages: Vec<Line<'m>>,
        /// number of messages in this answer
        pub(super) count: usize,
        /// true: the answer is full, and there are older messages
        pub(super) more: Option<bool>,
        /// where the rest begins: `before` of the next request
        pub(super) next: Option<EventId>,
    }

    /// A message of the history.
    pub(super) struct Line<'m> {
        /// `channel_message`, `channel_emote`, …; it determines the other members
        pub(super) event: &'static str,
        /// the channel
        pub(super) channel: Option<Cow<'m, str>>,
        /// the sender's mud
        pub(super) from_mud: Cow<'m, str>,
        /// the sender's user name
        pub(super) from_user: Cow<'m, str>,
        /// for a tell: the recipient's mud
        pub(super) to_mud: Option<Cow<'m, str>>,
        /// for a tell: the recipient
        pub(super) to_user: Option<Cow<'m, str>>,
        /// the text; in an emote `$N` stands for the name, which is there itself unless texts are read `raw`
        pub(super) message: Cow<'m, str>,
        /// the sender's visible name
        pub(super) visname: Cow<'m, str>,
        /// for a targeted emote: the mud of the target
        pub(super) target_mud: Option<Cow<'m, str>>,
        /// for a targeted emote: the target
        pub(super) target_user: Option<Cow<'m, str>>,
        /// for a targeted emote: the visible name of the target
        pub(super) target_visname: Option<Cow<'m, str>>,
        /// for a targeted emote: the text for the target
        pub(super) message_target: Option<Cow<'m, str>>,
        /// true: the mud's own line, as the router sent it back
        pub(super) is_echo as "self": Option<bool>,
        /// when it arrived
        pub(super) timestamp: UnixTime,
        /// the number of its event
        pub(super) event_id: EventId,
    }
}

/// Selects a part of the history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) limit: usize,
    before: Option<Point>,
    after: Option<Point>,
}

impl Wanted {
    pub(super) fn new<const LEAST: i64, const MOST: i64>(
        limit: Within<LEAST, MOST>,
        before: Option<Point>,
        after: Option<Point>,
    ) -> Self {
        // Clients of the Python gateway may ask for more than the maximum.
        let limit = usize::try_from(limit.0.min(LIMIT_MAX)).unwrap_or_default();
        Wanted { limit, before, after }
    }

    pub(super) fn holds(&self, record: &Record) -> bool {
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

    /// Whether all that is wanted comes after an event, or nothing is wanted.
    pub(super) fn is_after(&self, id: u64) -> bool {
        [self.before, self.after].contains(&Some(Point::Nowhere))
            || matches!(self.after, Some(Point::Event(after)) if after >= id)
    }

    /// Whether nothing that came before a record is wanted.
    pub(super) fn ends_at(&self, record: &Record) -> bool {
        match self.after {
            Some(Point::Event(id)) => record.id <= id,
            Some(Point::Time(at)) => record.at <= at,
            Some(Point::Nowhere) => true,
            None => false,
        }
    }

    /// Returns the question to the store for what is wanted, and one message more.
    pub(super) fn query(&self, cx: &Cx<'_>, mud: MudId, lanes: Lanes) -> Query {
        let id = |point: Option<Point>| {
            point.and_then(|point| if let Point::Event(id) = point { Some(id) } else { None })
        };
        let time = |point: Option<Point>| {
            point.and_then(|point| if let Point::Time(at) = point { Some(at.micros()) } else { None })
        };
        Query {
            mud: cx.settings.mud(mud).name.clone(),
            lanes,
            after: id(self.after),
            before: id(self.before),
            since: time(self.after).map(|at| at.saturating_add(1)),
            until: time(self.before),
            born_after: cx.steady.before(cx.settings.api.events.history_age).micros(),
            limit: self.limit + 1,
            ..Query::default()
        }
    }
}

impl<'m> History<'m> {
    /// Returns the newest of these messages that fit into one answer, oldest first. `has_more`: there are others besides.
    /// Returns their bytes too.
    pub(super) fn of(
        newest_first: impl IntoIterator<Item = Line<'m>>,
        has_more: bool,
    ) -> (History<'m>, usize) {
        let (mut messages, is_full, bytes) = page::take(newest_first, ANSWER_BYTES_MAX);
        messages.reverse();
        let next = messages.first().filter(|_| has_more || is_full).map(|oldest| oldest.event_id);
        let more = next.map(|_| true);
        (History { status: Success::Success, count: messages.len(), messages, more, next }, bytes)
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
    pub(super) fn read(record: &'m Record) -> Option<Line<'m>> {
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
