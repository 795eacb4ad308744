//! Lines of the history: their tables are in `lines.sql`.
//!
//! A page is found in parts of some lines in the order of their ids, so that the time for each is bounded and it is known how
//! far the search has come. [`Query::holds`] decides what is a row.

use super::numbers::{signed, unsigned};
use super::session::{Failure, Limits, Session, at};
use crate::engine::{LineReader, QUERY_TIME_MAX, StoreError};
use futures_lite::StreamExt;
use i3_core::line::{self, Kept, LineChange};
use i3_core::machine::{Change, Clear};
use i3_core::query::{Lanes, Line, Order, PAGE_BYTES_MAX, PAGE_ROWS_MAX, Page, Query, Row};
use sqlx::Row as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// The longest time for a part at the server. A part has few lines, so only a server in trouble needs it.
const PART_TIME_MAX: Duration = Duration::from_secs(2);

/// Lines of the first part. Each further one has twice as many.
const PART_LINES_MIN: i64 = PAGE_ROWS_MAX as i64 + 44;

/// The most lines of a part.
const PART_LINES_MAX: i64 = 8_192;

/// Lines that are looked at one after the other before the index for texts is asked: a word that is often used is found so.
const LINES_BEFORE_INDEX: i64 = 3_000;

/// Lines that the index is asked for at a time.
const FOUND_MAX: i64 = PART_LINES_MIN;

/// The letters of a text that one entry of the index has. A shorter text is searched for without it.
const LETTERS: usize = 3;

/// The least time for the index. It is tried once for a page.
const INDEX_TIME_MIN: Duration = Duration::from_millis(50);

/// Asks whether there is an index for texts.
const HAS_INDEX: &str =
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
     WHERE c.relname = 'i3_line_text' AND pg_table_is_visible(c.oid) AND i.indisvalid)";

/// What the server says of a statement that has taken too long.
const CANCELED: &str = "57014";

/// What the session of searches needs besides: lines are always read through an index, in its order, and each question has a
/// plan of its own.
const SET_UP: &str =
    "SET enable_seqscan = off; SET enable_sort = off; SET plan_cache_mode = force_custom_plan";

/// Bytes of the name of a lane. Channels whose names are longer and begin alike share one.
const LANE_BYTES_MAX: usize = 256;

/// What the name of the lane of a channel begins with. The other lane is that of the tells.
const CHANNEL: u8 = b'c';
const TELLS: &[u8] = b"t";

/// The statement for a part of the lines of a mud. A line that cannot be a row comes without its value.
macro_rules! parts {
    ($which:literal) => {
        concat!(
            "SELECT id, CASE WHEN at >= $4 AND at < $5 AND strpos(text, $6) > 0 THEN value END
             FROM i3_line WHERE mud = $1 AND id > $2 AND id < $3 ",
            $which,
            " LIMIT $7"
        )
    };
}

/// The statement for the lines that contain a text.
macro_rules! finds {
    ($order:literal) => {
        concat!(
            "SELECT id, value FROM i3_line WHERE mud || '' = $1 AND id + 0 > $2 AND id + 0 < $3
             AND at >= $4 AND at < $5 AND text LIKE $6 ORDER BY id + 0 ",
            $order,
            " LIMIT $7"
        )
    };
}

/// Returns what LIKE finds a text with.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in searchable(text).chars() {
        if matches!(letter, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// Whether there is an index for texts.
pub(super) async fn has_index(connection: &mut PgConnection) -> Result<bool, Failure> {
    Ok(sqlx::query_scalar(HAS_INDEX).fetch_one(connection).await?)
}

/// Limits the time of the statements that follow.
async fn limit(connection: &mut PgConnection, time: Duration) -> Result<(), Failure> {
    sqlx::query("SELECT set_config('statement_timeout', $1, false)")
        .bind(time.as_millis().to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns the lane of a channel; `None`: that of the tells.
fn lane_of(channel: Option<&str>) -> Vec<u8> {
    let Some(name) = channel else { return TELLS.to_vec() };
    let bytes = name.as_bytes();
    let mut lane = vec![CHANNEL];
    lane.extend_from_slice(&bytes[..bytes.len().min(LANE_BYTES_MAX)]);
    lane
}

/// Returns a text as the database can have it. The same is done to the text that is searched for.
fn searchable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// What several saves in one transaction do to lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lines<'a> {
    /// Muds whose lines are removed first.
    cleared: BTreeSet<&'a str>,
    /// The lines, by mud and id.
    puts: BTreeMap<(&'a str, u64), (Line<'a>, &'a [u8])>,
    kept: BTreeMap<&'a str, Kept>,
}

impl<'a> Lines<'a> {
    /// Removes what a save removes first.
    pub(super) fn clear(&mut self, clear: &'a Clear) {
        match clear {
            Clear::Nothing => {}
            Clear::Spaces(spaces) => {
                for mud in spaces.iter().filter_map(|space| line::mud_of(space)) {
                    self.puts.retain(|(of, _), _| *of != mud);
                    self.cleared.insert(mud);
                }
            }
            Clear::Everything => self.puts.clear(),
        }
    }

    /// Notes a change of the lines of a mud.
    pub(super) fn note(&mut self, mud: &'a str, change: &'a Change) {
        match line::read(change) {
            LineChange::Put { id, line, value } => {
                self.puts.entry((mud, id)).or_insert((line, value));
            }
            LineChange::Keep(kept) => {
                self.kept.insert(mud, kept);
            }
            LineChange::Odd => {}
        }
    }

    pub(super) fn into_columns(self) -> Columns<'a> {
        let mut columns = Columns { cleared: self.cleared.into_iter().collect(), ..Columns::default() };
        for ((mud, id), (line, value)) in self.puts {
            columns.muds.push(mud);
            columns.ids.push(signed(id));
            columns.lanes.push(lane_of(line.channel.as_deref()));
            columns.ats.push(signed(line.at));
            columns.borns.push(signed(line.born));
            columns.texts.push(searchable(&line.text()));
            columns.values.push(value);
        }
        for (mud, kept) in self.kept {
            columns.kept_muds.push(mud);
            columns.kept_borns.push(signed(kept.born_after));
            columns.kept_bytes.push(signed(kept.bytes_max));
        }
        columns
    }
}

/// The same as columns, for a statement.
#[derive(Debug, Default)]
pub(super) struct Columns<'a> {
    pub(super) cleared: Vec<&'a str>,
    pub(super) muds: Vec<&'a str>,
    pub(super) ids: Vec<i64>,
    pub(super) lanes: Vec<Vec<u8>>,
    pub(super) ats: Vec<i64>,
    pub(super) borns: Vec<i64>,
    pub(super) texts: Vec<String>,
    pub(super) values: Vec<&'a [u8]>,
    pub(super) kept_muds: Vec<&'a str>,
    pub(super) kept_borns: Vec<i64>,
    pub(super) kept_bytes: Vec<i64>,
}

/// Entries that are read at a time by [`import`].
const IMPORT_ENTRIES: i64 = 1_000;

/// Adds the lines of channels that tables of an earlier version have among their kept events.
pub(super) async fn import(connection: &mut PgConnection) -> Result<(), Failure> {
    const EVENTS: &str = "events/";
    let (mut space, mut key) = (String::new(), Vec::new());
    loop {
        let entries: Vec<(String, Vec<u8>, Vec<u8>)> = sqlx::query_as(
            "SELECT space, key, value FROM i3_entry WHERE (space, key) > ($1, $2)
             AND starts_with(space, $3) ORDER BY space, key LIMIT $4",
        )
        .bind(&space)
        .bind(&key)
        .bind(EVENTS)
        .bind(IMPORT_ENTRIES)
        .fetch_all(&mut *connection)
        .await?;
        let Some((last_space, last_key, _)) = entries.last() else { return Ok(()) };
        (space, key) = (last_space.clone(), last_key.clone());
        let mut lines = Lines::default();
        for (space, key, value) in &entries {
            let id = std::str::from_utf8(key).ok().and_then(|key| key.parse().ok());
            let line = Line::read(value).filter(|line| line.channel.is_some());
            if let (Some(id), Some(line), Some(mud)) = (id, line, space.strip_prefix(EVENTS)) {
                lines.puts.insert((mud, id), (line, value));
            }
        }
        let lines = lines.into_columns();
        sqlx::query("SELECT i3_add_lines($1, $2, $3, $4, $5, $6, $7)")
            .bind(lines.muds)
            .bind(lines.ids)
            .bind(lines.lanes)
            .bind(lines.ats)
            .bind(lines.borns)
            .bind(lines.texts)
            .bind(lines.values)
            .execute(&mut *connection)
            .await?;
    }
}

/// Reads lines on a session of its own.
pub(super) struct PostgresLines {
    session: Session,
    place: String,
    /// The text for which the index took too long last.
    slow: Option<String>,
}

impl PostgresLines {
    pub(super) fn new(options: &PgConnectOptions, connect: Duration, place: String) -> Self {
        let limits = Limits { connect, statement: Some(PART_TIME_MAX) };
        let session = Session::new(options.clone(), limits).with_set_up(SET_UP);
        PostgresLines { session, place, slow: None }
    }
}

impl LineReader for PostgresLines {
    fn page(&mut self, query: &Query) -> Result<Page, StoreError> {
        let PostgresLines { session, slow, .. } = self;
        let found = session.run(async |connection| {
            let mut search = Search::new(query, Instant::now() + QUERY_TIME_MAX);
            search.run(connection, slow).await?;
            Ok(search.page)
        });
        found.map_err(|failure| at(&self.place, "lines of the history cannot be read", failure))
    }

    fn muds(&mut self) -> Result<Vec<String>, StoreError> {
        let found = self.session.run(async |connection| {
            Ok(sqlx::query_scalar("SELECT DISTINCT mud FROM i3_lane ORDER BY mud")
                .fetch_all(connection)
                .await?)
        });
        found.map_err(|failure| at(&self.place, "lines of the history cannot be read", failure))
    }
}

/// A search that is under way.
struct Search<'q> {
    query: &'q Query,
    until: Instant,
    page: Page,
    bytes: usize,
    /// Lines up to this one were looked at, in the order that is asked for.
    looked: Option<u64>,
    is_over: bool,
}

impl<'q> Search<'q> {
    fn new(query: &'q Query, until: Instant) -> Self {
        Search { query, until, page: Page::default(), bytes: 0, looked: None, is_over: false }
    }

    /// Returns the ids between which the rest is.
    fn range(&self) -> (i64, i64) {
        let (mut after, mut before) = (self.query.after, self.query.before);
        match (self.looked, self.query.order) {
            (None, _) => {}
            (looked, Order::Newest) => before = looked,
            (looked, Order::Oldest) => after = looked,
        }
        (after.map_or(-1, signed), before.map_or(i64::MAX, signed))
    }

    /// Looks at the next line. No value: it is known not to be a row.
    fn look(&mut self, id: u64, value: Option<&[u8]>) {
        if let Some(value) = value
            && Line::read(value).is_some_and(|line| self.query.holds(id, &line))
        {
            let is_full = self.page.rows.len() >= self.query.limit.min(PAGE_ROWS_MAX);
            if is_full || (!self.page.rows.is_empty() && self.bytes + value.len() > PAGE_BYTES_MAX) {
                self.stop();
                return;
            }
            self.bytes += value.len();
            self.page.rows.push(Row { id, value: value.into() });
        }
        self.looked = Some(id);
        if Instant::now() >= self.until {
            self.stop();
        }
    }

    /// Ends the page before all lines were looked at.
    fn stop(&mut self) {
        self.page.rest = self.looked;
        self.is_over = true;
    }

    async fn run(&mut self, connection: &mut PgConnection, slow: &mut Option<String>) -> Result<(), Failure> {
        let (mut lines, mut sum) = (PART_LINES_MIN, 0);
        let long = self.query.text.as_deref().filter(|text| text.chars().count() >= LETTERS);
        let mut text = long.filter(|text| slow.as_deref() != Some(*text));
        while !self.is_over {
            if self.part(connection, lines).await? < lines {
                return Ok(());
            }
            sum += lines;
            lines = (lines * 2).min(PART_LINES_MAX);
            if sum >= LINES_BEFORE_INDEX
                && !self.is_over
                && let Some(wanted) = text.take()
                && has_index(connection).await?
            {
                if self.find(connection, wanted).await? {
                    return Ok(());
                }
                // The lines one after the other are the faster way.
                *slow = Some(wanted.to_owned());
            }
        }
        Ok(())
    }

    /// Looks at the lines that the index for texts finds. False: that takes too long.
    async fn find(&mut self, connection: &mut PgConnection, text: &str) -> Result<bool, Failure> {
        let left = self.until.saturating_duration_since(Instant::now()).max(INDEX_TIME_MIN);
        limit(connection, left).await?;
        let outcome = self.find_all(connection, text).await;
        limit(connection, PART_TIME_MAX).await?;
        match outcome {
            Ok(()) => Ok(true),
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(CANCELED) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn find_all(&mut self, connection: &mut PgConnection, text: &str) -> Result<(), sqlx::Error> {
        // Only the index for texts fits these conditions.
        let sql = match self.query.order {
            Order::Newest => finds!("DESC"),
            Order::Oldest => finds!("ASC"),
        };
        while !self.is_over {
            let (after, before) = self.range();
            let mut rows = sqlx::query(sql)
                .bind(self.query.mud.as_str())
                .bind(after)
                .bind(before)
                .bind(self.query.since.map_or(0, signed))
                .bind(self.query.until.map_or(i64::MAX, signed))
                .bind(pattern(text))
                .bind(FOUND_MAX)
                .fetch(&mut *connection);
            let mut count = 0;
            while let Some(row) = rows.next().await {
                let row = row?;
                count += 1;
                self.look(unsigned(row.try_get(0)?), row.try_get(1)?);
                if self.is_over {
                    return Ok(());
                }
            }
            if count < FOUND_MAX {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Looks at the next lines, in the order of their ids. Returns how many there were.
    async fn part(&mut self, connection: &mut PgConnection, most: i64) -> Result<i64, Failure> {
        let (after, before) = self.range();
        let lane = match &self.query.lanes {
            Lanes::Channel(name) => Some(lane_of(Some(name))),
            Lanes::Tells => Some(lane_of(None)),
            Lanes::Channels | Lanes::All => None,
        };
        let sql = match (lane.is_some(), self.query.order) {
            (true, Order::Newest) => parts!("AND lane = $8 ORDER BY id DESC"),
            (true, Order::Oldest) => parts!("AND lane = $8 ORDER BY id"),
            (false, Order::Newest) => parts!("ORDER BY id DESC"),
            (false, Order::Oldest) => parts!("ORDER BY id"),
        };
        let mut question = sqlx::query(sql)
            .bind(self.query.mud.as_str())
            .bind(after)
            .bind(before)
            .bind(self.query.since.map_or(0, signed))
            .bind(self.query.until.map_or(i64::MAX, signed))
            .bind(self.query.text.as_deref().map(searchable).unwrap_or_default())
            .bind(most);
        if let Some(lane) = lane {
            question = question.bind(lane);
        }
        let mut rows = question.fetch(connection);
        let mut count = 0;
        while let Some(row) = rows.next().await {
            let row = row?;
            count += 1;
            self.look(unsigned(row.try_get(0)?), row.try_get(1)?);
            if self.is_over {
                break;
            }
        }
        Ok(count)
    }
}
