//! Questions about the lines of the history that the store keeps, and the answers.
//!
//! A line is the saved form of a kept event: JSON with the time, the clock for its age, the name of the event and its
//! members. An engine may find candidates as it likes, with an index for instance. [`Query::holds`] alone decides which of
//! them are rows of the answer.

use crate::saved;
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;

/// Rows of one page.
pub const PAGE_ROWS_MAX: usize = 256;

/// Bytes of the rows of one page. A single longer row is a page of its own.
pub const PAGE_BYTES_MAX: usize = 524_288;

/// Which lines of a mud are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Lanes {
    /// Those of one channel.
    Channel(String),
    /// The tells.
    Tells,
    /// Those of all channels.
    Channels,
    /// Those of all channels, and the tells.
    #[default]
    All,
}

impl Lanes {
    /// Whether the lines of a channel are among them; `None`: the tells.
    pub fn have(&self, channel: Option<&str>) -> bool {
        match self {
            Lanes::Channel(name) => channel == Some(name),
            Lanes::Tells => channel.is_none(),
            Lanes::Channels => channel.is_some(),
            Lanes::All => true,
        }
    }
}

/// Which end the rows are taken from. It is also the order of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first: descending ids.
    #[default]
    Newest,
    /// The oldest first: ascending ids.
    Oldest,
}

/// A question about lines. All bounds apply together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The mud whose lines they are.
    pub mud: String,
    /// Which of its lines.
    pub lanes: Lanes,
    /// Only ids above this one.
    pub after: Option<u64>,
    /// Only ids below this one.
    pub before: Option<u64>,
    /// Only lines of this time and later, in microseconds of the wall clock.
    pub since: Option<u64>,
    /// Only lines of an earlier time, in microseconds of the wall clock.
    pub until: Option<u64>,
    /// Only lines that were born later than this, by the clock for the age of what is kept, in microseconds.
    pub born_after: u64,
    /// Only lines whose message or visible name contains this text. It is in lower case.
    pub text: Option<String>,
    /// Only lines from this mud, in any case of ASCII.
    pub from_mud: Option<String>,
    /// Only lines from this user, in any case of ASCII.
    pub from_user: Option<String>,
    /// Only tells to this local user, in any case of ASCII.
    pub to_user: Option<String>,
    /// The order.
    pub order: Order,
    /// The most rows; at most [`PAGE_ROWS_MAX`].
    pub limit: usize,
}

/// A line in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The id of its event.
    pub id: u64,
    /// The line as it was saved.
    pub value: Arc<[u8]>,
}

/// Rows of an answer, in the order that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Row>,
    /// `None`: there are no more rows. Otherwise all lines up to this id, and including it, were looked at, in the order that
    /// was asked for, and the rest begins behind it. It need not be the id of a row.
    pub rest: Option<u64>,
}

/// The members of a line that decide whether it is a row of an answer.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow)]
    from_mud: Option<Cow<'a, str>>,
    #[serde(borrow)]
    from_user: Option<Cow<'a, str>>,
    #[serde(borrow)]
    to_user: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow)]
    visname: Option<Cow<'a, str>>,
}

/// The saved form of a line.
#[derive(Deserialize)]
struct SavedLine<'a> {
    at: u64,
    born: Option<u64>,
    #[serde(borrow)]
    params: Members<'a>,
}

/// What an engine needs to know of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The channel; `None`: it is a tell.
    pub channel: Option<Cow<'a, str>>,
    /// When it came, in microseconds of the wall clock.
    pub at: u64,
    /// When it came, by the clock for the age of what is kept, in microseconds.
    pub born: u64,
    from_mud: Cow<'a, str>,
    from_user: Cow<'a, str>,
    to_user: Cow<'a, str>,
    message: Cow<'a, str>,
    visname: Cow<'a, str>,
}

impl<'a> Line<'a> {
    /// Reads a line. `None`: it cannot be read.
    pub fn read(value: &'a [u8]) -> Option<Line<'a>> {
        let SavedLine { at, born, params } = saved::read(value)?;
        Some(Line {
            channel: params.channel,
            at,
            // Earlier versions did not save it. The clock for the age began with the time of the wall clock.
            born: born.unwrap_or(at),
            from_mud: params.from_mud.unwrap_or_default(),
            from_user: params.from_user.unwrap_or_default(),
            to_user: params.to_user.unwrap_or_default(),
            message: params.message.unwrap_or_default(),
            visname: params.visname.unwrap_or_default(),
        })
    }

    /// Returns the texts that a search looks at, in lower case. A text that [`Query::text`] finds is a part of it.
    pub fn text(&self) -> String {
        let mut text = self.visname.to_lowercase();
        text.push('\n');
        text.push_str(&self.message.to_lowercase());
        text
    }
}

impl Query {
    /// Whether a line of this mud is a row of the answer, apart from the limit.
    pub fn holds(&self, id: u64, line: &Line<'_>) -> bool {
        let is_name = |wanted: &Option<String>, name: &str| {
            wanted.as_ref().is_none_or(|wanted| name.eq_ignore_ascii_case(wanted))
        };
        self.lanes.have(line.channel.as_deref())
            && self.after.is_none_or(|after| id > after)
            && self.before.is_none_or(|before| id < before)
            && self.since.is_none_or(|since| line.at >= since)
            && self.until.is_none_or(|until| line.at < until)
            && line.born > self.born_after
            && is_name(&self.from_mud, &line.from_mud)
            && is_name(&self.from_user, &line.from_user)
            && is_name(&self.to_user, &line.to_user)
            && self
                .text
                .as_ref()
                .is_none_or(|wanted| [&line.message, &line.visname].iter().any(|text| contains(text, wanted)))
    }

    /// Returns the question for the rest of the answer, after a page whose rest is `rest`.
    #[must_use]
    pub fn from(mut self, rest: u64) -> Query {
        match self.order {
            Order::Newest => self.before = Some(rest),
            Order::Oldest => self.after = Some(rest),
        }
        self
    }

    /// Answers the question from lines, which come in the order that it asks for. An engine without an index, such as the
    /// model of a test, can use it as it is.
    pub fn page<'l>(&self, lines: impl Iterator<Item = (u64, &'l [u8])>) -> Page {
        let (mut page, mut bytes) = (Page::default(), 0);
        for (id, value) in lines {
            if !Line::read(value).is_some_and(|line| self.holds(id, &line)) {
                continue;
            }
            let is_full = page.rows.len() >= self.limit.min(PAGE_ROWS_MAX);
            if let Some(last) = page.rows.last()
                && (is_full || bytes + value.len() > PAGE_BYTES_MAX)
            {
                page.rest = Some(last.id);
                break;
            }
            bytes += value.len();
            page.rows.push(Row { id, value: value.into() });
        }
        page
    }
}

/// Whether a text contains another one, in any case. `wanted` is in lower case.
pub fn contains(text: &str, wanted: &str) -> bool {
    if text.is_ascii() && wanted.is_ascii() {
        let wanted = wanted.as_bytes();
        return wanted.is_empty()
            || text.as_bytes().windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted));
    }
    text.to_lowercase().contains(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(at: u64, channel: Option<&str>, message: &str) -> Vec<u8> {
        let channel = channel.map(|name| format!(r#""channel":"{name}","#)).unwrap_or_default();
        let to = if channel.is_empty() { r#","to_user":"ann""# } else { "" };
        format!(
            r#"{{"at":{at},"born":{at},"event":"x","params":{{{channel}"from_mud":"Sage","from_user":"bob","message":"{message}","visname":"Bob"{to}}}}}"#
        )
        .into_bytes()
    }

    fn ids(query: &Query, lines: &[(u64, Vec<u8>)]) -> (Vec<u64>, Option<u64>) {
        let mut lines: Vec<(u64, &[u8])> = lines.iter().map(|(id, value)| (*id, &value[..])).collect();
        if query.order == Order::Newest {
            lines.reverse();
        }
        let page = query.page(lines.into_iter());
        (page.rows.iter().map(|row| row.id).collect(), page.rest)
    }

    #[test]
    fn a_text_is_found_in_any_case() {
        for (text, wanted, is_there) in [
            ("Hello There", "lo th", true),
            ("Hello", "world", false),
            ("short", "longer than it", false),
            ("CAF\u{c9}", "caf\u{e9}", true),
            ("\u{212a}elvin", "kelvin", true),
        ] {
            assert_eq!(contains(text, wanted), is_there, "{text}");
        }
    }

    #[test]
    fn all_bounds_of_a_question_apply_and_the_rest_is_asked_for_with_its_place() {
        let lines: Vec<(u64, Vec<u8>)> = (1..=9)
            .map(|id| {
                let channel = [Some("chat"), Some("news"), None][id as usize % 3];
                (id, value(id * 10, channel, if id % 2 == 0 { "Hello all" } else { "bye" }))
            })
            .collect();
        let all = Query { mud: "Alpha".to_owned(), limit: 100, ..Query::default() };
        let asked = |change: &dyn Fn(&mut Query)| {
            let mut query = all.clone();
            change(&mut query);
            ids(&query, &lines)
        };
        assert_eq!(asked(&|_| {}), (vec![9, 8, 7, 6, 5, 4, 3, 2, 1], None));
        assert_eq!(asked(&|query| query.lanes = Lanes::Channel("chat".to_owned())), (vec![9, 6, 3], None));
        assert_eq!(asked(&|query| query.lanes = Lanes::Tells), (vec![8, 5, 2], None));
        assert_eq!(asked(&|query| query.lanes = Lanes::Channels).0, [9, 7, 6, 4, 3, 1]);
        assert_eq!(asked(&|query| (query.after, query.before) = (Some(3), Some(6))).0, [5, 4]);
        assert_eq!(asked(&|query| (query.since, query.until) = (Some(30), Some(60))).0, [5, 4, 3]);
        assert_eq!(asked(&|query| query.born_after = 70).0, [9, 8]);
        assert_eq!(asked(&|query| query.text = Some("lo all".to_owned())).0, [8, 6, 4, 2]);
        assert_eq!(asked(&|query| query.text = Some("bob".to_owned())).0.len(), 9, "the visible name");
        assert_eq!(asked(&|query| query.from_user = Some("BOB".to_owned())).0.len(), 9);
        assert_eq!(asked(&|query| query.from_mud = Some("Other".to_owned())).0.len(), 0);
        assert_eq!(asked(&|query| query.to_user = Some("Ann".to_owned())).0, [8, 5, 2]);
        for (order, first, last) in
            [(Order::Newest, [9, 8, 7, 6], [3, 2, 1]), (Order::Oldest, [1, 2, 3, 4], [7, 8, 9])]
        {
            let mut query = Query { order, limit: 4, ..all.clone() };
            assert_eq!(ids(&query, &lines), (first.to_vec(), Some(first[3])));
            query = query.from(first[3]).from(if order == Order::Newest { 4 } else { 6 });
            assert_eq!(ids(&query, &lines), (last.to_vec(), None));
        }
    }

    #[test]
    fn a_page_has_a_bound_in_bytes_and_at_least_one_row() {
        let long = "x".repeat(PAGE_BYTES_MAX / 2);
        let lines: Vec<(u64, Vec<u8>)> = (1..=3).map(|id| (id, value(id, Some("c"), &long))).collect();
        let query = Query { limit: 100, ..Query::default() };
        assert_eq!(ids(&query, &lines), (vec![3], Some(3)));
        let huge = [(1, value(1, Some("c"), &long.repeat(3)))];
        assert_eq!(ids(&query, &huge), (vec![1], None));
        assert_eq!(ids(&query, &[(1, b"odd".to_vec())]), (vec![], None));
    }
}
