//! Lines of the history in an SQLite database, and the index for their texts.
//!
//! A line has its value once, in the table `line`. The index has no text: it finds the lines that contain each three letters
//! of a text, wherever they are. [`Query::holds`] then looks at the lines themselves.
//!
//! A line is indexed a little later, together with others: by itself it would cost several times as much. Until then a search
//! looks at it as it is.

use i3_core::line::{self, Kept, LineChange};
use i3_core::machine::{Change, Clear};
use i3_core::query::{Line, Order, PAGE_BYTES_MAX, PAGE_ROWS_MAX, Page, Query, Row};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use std::time::Instant;

/// The statements that create the tables.
pub(crate) const SCHEMA: &str = "
    -- A channel of a mud; kind 1: the tells of a mud. bytes: the sum of the values of its lines.
    CREATE TABLE lane (
        id INTEGER PRIMARY KEY,
        mud TEXT NOT NULL,
        kind INTEGER NOT NULL,
        name TEXT NOT NULL,
        bytes INTEGER NOT NULL DEFAULT 0,
        UNIQUE (mud, kind, name)
    );
    CREATE TABLE line (
        id INTEGER PRIMARY KEY,
        lane INTEGER NOT NULL,
        at INTEGER NOT NULL,
        born INTEGER NOT NULL,
        value BLOB NOT NULL
    );
    CREATE INDEX line_of_lane ON line (lane, id, at);
    CREATE VIRTUAL TABLE line_text USING fts5(
        text, content='', contentless_delete=1, detail='none', tokenize='trigram case_sensitive 1'
    );
    CREATE TABLE line_unindexed (id INTEGER PRIMARY KEY);";

/// The statement that creates the table of the lines that are not indexed yet, in a file that has indexed each at once.
pub(crate) const UNINDEXED_SCHEMA: &str =
    "CREATE TABLE IF NOT EXISTS line_unindexed (id INTEGER PRIMARY KEY)";

/// If so many lines are not indexed, the save that adds the next ones indexes them. So a search looks at few of them.
const UNINDEXED_LINES_MAX: i64 = 1_000;

/// The letters of a text that one entry of the index has.
const LETTERS: usize = 3;

/// Entries of the index with which one question searches. Longer texts are found by their first letters.
const ENTRIES_MAX: usize = 24;

/// Lines that are deleted together from the lane with the most bytes.
const CUT_LINES: i64 = 50;

/// A channel of a mud, or its tells.
type LaneName<'a> = (i64, &'a str);

fn name_of<'a>(line: &'a Line<'_>) -> LaneName<'a> {
    line.channel.as_deref().map_or((1, ""), |channel| (0, channel))
}

/// Returns a number as SQLite has it.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn bytes_of(value: &[u8]) -> i64 {
    i64::try_from(value.len()).unwrap_or(i64::MAX)
}

/// Adds lines within one transaction.
pub(crate) struct Puts<'c> {
    connection: &'c Connection,
    /// The lanes by mud and name: their ids, and the bytes that were added.
    lanes: BTreeMap<(String, i64, String), (i64, i64)>,
}

impl<'c> Puts<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Puts { connection, lanes: BTreeMap::new() }
    }

    /// Applies a change of the lines of a mud. What is no line has no effect on the file.
    pub(crate) fn apply(&mut self, mud: &str, change: &Change) -> rusqlite::Result<()> {
        match line::read(change) {
            LineChange::Put { id, line, value } => self.put(mud, id, &line, value),
            LineChange::Keep(_) | LineChange::Odd => Ok(()),
        }
    }

    /// Adds a line, unless there is one with this id.
    fn put(&mut self, mud: &str, id: u64, line: &Line<'_>, value: &[u8]) -> rusqlite::Result<()> {
        let (kind, name) = name_of(line);
        let key = (mud.to_owned(), kind, name.to_owned());
        let lane = match self.lanes.get(&key) {
            Some((lane, _)) => *lane,
            None => self.lane(mud, (kind, name))?,
        };
        let added = self
            .connection
            .prepare_cached(
                "INSERT OR IGNORE INTO line (id, lane, at, born, value) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![number(id), lane, number(line.at), number(line.born), value])?;
        if added == 0 {
            return Ok(());
        }
        self.connection
            .prepare_cached("INSERT INTO line_unindexed (id) VALUES (?1)")?
            .execute(params![number(id)])?;
        self.lanes.entry(key).or_insert((lane, 0)).1 += bytes_of(value);
        Ok(())
    }

    fn lane(&self, mud: &str, (kind, name): LaneName<'_>) -> rusqlite::Result<i64> {
        let mut find = self
            .connection
            .prepare_cached("SELECT id FROM lane WHERE mud = ?1 AND kind = ?2 AND name = ?3")?;
        if let Some(id) = find.query_row(params![mud, kind, name], |row| row.get(0)).optional()? {
            return Ok(id);
        }
        self.connection
            .prepare_cached("INSERT INTO lane (mud, kind, name) VALUES (?1, ?2, ?3)")?
            .execute(params![mud, kind, name])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Notes how many bytes were added to each lane, and indexes lines if there are many to be indexed. This must come before
    /// the transaction ends.
    pub(crate) fn finish(self) -> rusqlite::Result<()> {
        let Puts { connection, lanes } = self;
        if lanes.is_empty() {
            return Ok(());
        }
        let mut update = connection.prepare_cached("UPDATE lane SET bytes = bytes + ?2 WHERE id = ?1")?;
        lanes.values().try_for_each(|(lane, bytes)| update.execute(params![lane, bytes]).map(drop))?;
        let count: i64 = connection
            .prepare_cached("SELECT count(*) FROM line_unindexed")?
            .query_row((), |row| row.get(0))?;
        if count > UNINDEXED_LINES_MAX { index(connection) } else { Ok(()) }
    }
}

/// Whether there are lines that are not indexed yet.
pub(crate) fn has_unindexed(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT id FROM line_unindexed LIMIT 1")?.exists(())
}

/// Indexes the lines that are not indexed yet, within one transaction.
pub(crate) fn index(connection: &Connection) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached(
        "SELECT line.id, line.value FROM line_unindexed CROSS JOIN line ON line.id = line_unindexed.id
         ORDER BY line_unindexed.id",
    )?;
    let mut insert = connection.prepare_cached("INSERT INTO line_text (rowid, text) VALUES (?1, ?2)")?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        // A value that somebody has edited must not make the save fail.
        if let Some(line) = row.get_ref(1)?.as_bytes().ok().and_then(Line::read) {
            insert.execute(params![row.get::<_, i64>(0)?, line.text()])?;
        }
    }
    connection.prepare_cached("DELETE FROM line_unindexed")?.execute(()).map(drop)
}

/// Returns the muds that have lines, in the order of their names.
pub(crate) fn muds(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut muds = connection.prepare("SELECT DISTINCT mud FROM lane ORDER BY mud")?;
    muds.query_map((), |row| row.get(0))?.collect()
}

/// Adds the lines of channels that a file of an earlier version has among its kept events.
pub(crate) fn import(connection: &Connection) -> rusqlite::Result<()> {
    const EVENTS: &str = "events/";
    let mut puts = Puts::new(connection);
    let mut select = connection.prepare("SELECT space, key, value FROM state WHERE space GLOB 'events/*'")?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        let (space, key): (String, String) = (row.get(0)?, row.get(1)?);
        let (ValueRef::Blob(value) | ValueRef::Text(value)) = row.get_ref(2)? else { continue };
        let (mud, id) = (&space[EVENTS.len()..], key.parse::<u64>());
        if let (Ok(id), Some(line)) = (id, Line::read(value).filter(|line| line.channel.is_some())) {
            puts.put(mud, id, &line, value)?;
        }
    }
    puts.finish()
}

/// Removes the lines of the spaces that `clear` covers.
pub(crate) fn remove(connection: &Connection, clear: &Clear) -> rusqlite::Result<()> {
    match clear {
        Clear::Nothing => Ok(()),
        Clear::Everything => connection.execute_batch(
            "DELETE FROM line; DELETE FROM lane; DELETE FROM line_unindexed;
             INSERT INTO line_text (line_text) VALUES ('delete-all')",
        ),
        Clear::Spaces(spaces) => spaces.iter().filter_map(|space| line::mud_of(space)).try_for_each(|mud| {
            let of_mud = "SELECT line.id FROM line JOIN lane ON lane.id = line.lane WHERE lane.mud = ?1";
            connection.execute(&format!("DELETE FROM line_text WHERE rowid IN ({of_mud})"), params![mud])?;
            connection
                .execute(&format!("DELETE FROM line_unindexed WHERE id IN ({of_mud})"), params![mud])?;
            connection.execute(&format!("DELETE FROM line WHERE id IN ({of_mud})"), params![mud])?;
            connection.execute("DELETE FROM lane WHERE mud = ?1", params![mud]).map(drop)
        }),
    }
}

/// Deletes the oldest lines of a lane, as long as `goes` says so, at most `most` of them. Returns how many.
fn cut(connection: &Connection, lane: i64, most: i64, goes: impl Fn(i64) -> bool) -> rusqlite::Result<i64> {
    let mut oldest = connection
        .prepare_cached("SELECT id, born, length(value) FROM line WHERE lane = ?1 ORDER BY id LIMIT ?2")?;
    let rows = oldest.query_map(params![lane, most], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    })?;
    let rows: Vec<(i64, i64, i64)> = rows.collect::<rusqlite::Result<_>>()?;
    let (mut count, mut bytes) = (0, 0);
    for (id, _, length) in rows.into_iter().take_while(|(_, born, _)| goes(*born)) {
        for sql in [
            "DELETE FROM line_text WHERE rowid = ?1",
            "DELETE FROM line_unindexed WHERE id = ?1",
            "DELETE FROM line WHERE id = ?1",
        ] {
            connection.prepare_cached(sql)?.execute(params![id])?;
        }
        (count, bytes) = (count + 1, bytes + length);
    }
    if count > 0 {
        connection
            .prepare_cached("UPDATE lane SET bytes = bytes - ?2 WHERE id = ?1")?
            .execute(params![lane, bytes])?;
    }
    Ok(count)
}

/// Deletes lines of a mud that are not kept any more, at most `most` of them. Returns how many. Fewer than `most`: there are
/// no others.
pub(crate) fn tidy(connection: &Connection, mud: &str, kept: &Kept, most: i64) -> rusqlite::Result<i64> {
    let lanes: Vec<i64> = connection
        .prepare_cached("SELECT id FROM lane WHERE mud = ?1")?
        .query_map(params![mud], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let (born_after, mut count) = (number(kept.born_after), 0);
    for lane in lanes {
        count += cut(connection, lane, most - count, |born| born <= born_after)?;
    }
    // The lane with the most bytes pays, so that nobody who says much pushes out what others have said.
    while count < most {
        let longest = "SELECT id, (SELECT sum(bytes) FROM lane WHERE mud = ?1) FROM lane \
                       WHERE mud = ?1 ORDER BY bytes DESC LIMIT 1";
        let longest: Option<(i64, i64)> = connection
            .prepare_cached(longest)?
            .query_row(params![mud], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((lane, _)) = longest.filter(|(_, sum)| *sum > number(kept.bytes_max)) else { break };
        let removed = cut(connection, lane, CUT_LINES.min(most - count), |_| true)?;
        if removed == 0 {
            break;
        }
        count += removed;
    }
    connection
        .prepare_cached(
            "DELETE FROM lane WHERE mud = ?1 AND NOT EXISTS (SELECT 1 FROM line WHERE line.lane = lane.id)",
        )?
        .execute(params![mud])?;
    Ok(count)
}

/// Whether the file has a table. One that an earlier version has written, and that is only read, may not have it.
pub(crate) fn has_table(connection: &Connection, schema: &str, name: &str) -> rusqlite::Result<bool> {
    let sql = format!("SELECT name FROM {schema}.sqlite_schema WHERE name = ?1");
    connection.prepare(&sql)?.exists(params![name])
}

/// Returns the ids of the lanes that are asked for.
fn lanes(connection: &Connection, query: &Query) -> rusqlite::Result<Vec<i64>> {
    let mut select = connection.prepare_cached("SELECT id, kind, name FROM lane WHERE mud = ?1")?;
    let rows = select.query_map(params![query.mud], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
    })?;
    let asked = rows.filter_map(|row| match row {
        Ok((id, kind, name)) => query.lanes.have((kind == 0).then_some(&*name)).then_some(Ok(id)),
        Err(error) => Some(Err(error)),
    });
    asked.collect()
}

/// Returns the question to the index for the lines that may contain a text, which is in lower case. `None`: the text is too
/// short for it.
fn match_of(text: &str) -> Option<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut entries: Vec<String> = letters.windows(LETTERS).map(|three| three.iter().collect()).collect();
    // The parser of SQLite takes a zero for the end.
    entries.retain(|entry| !entry.contains('\0'));
    entries.sort_unstable();
    entries.dedup();
    entries.truncate(ENTRIES_MAX);
    let quoted: Vec<String> =
        entries.iter().map(|entry| format!("\"{}\"", entry.replace('"', "\"\""))).collect();
    (!quoted.is_empty()).then(|| quoted.join(" AND "))
}

/// Returns the lines that are not indexed yet and that a question may find, in its order.
fn unindexed(connection: &Connection, query: &Query, bounds: [i64; 4]) -> rusqlite::Result<Vec<i64>> {
    let sql = format!(
        "SELECT line_unindexed.id FROM line_unindexed CROSS JOIN line ON line.id = line_unindexed.id
         WHERE line_unindexed.id > ?1 AND line_unindexed.id < ?2 AND line.at >= ?3 AND line.at < ?4
         ORDER BY line_unindexed.id {}",
        order_of(query)
    );
    connection.prepare_cached(&sql)?.query_map(bounds, |row| row.get(0))?.collect()
}

fn order_of(query: &Query) -> &'static str {
    if query.order == Order::Newest { "DESC" } else { "ASC" }
}

/// A page that is being filled.
struct Filling<'q> {
    query: &'q Query,
    lanes: Vec<i64>,
    until: Instant,
    page: Page,
    bytes: usize,
    looked: Option<u64>,
}

impl Filling<'_> {
    /// Looks at the next line, and adds it if it is one of those that are asked for. Returns false if the page ends before or
    /// after it.
    fn add(&mut self, id: i64, lane: i64, value: &[u8]) -> bool {
        let id = id.unsigned_abs();
        if self.lanes.contains(&lane) && Line::read(value).is_some_and(|line| self.query.holds(id, &line)) {
            let rows = &mut self.page.rows;
            let is_full = rows.len() >= self.query.limit.min(PAGE_ROWS_MAX);
            if is_full || (!rows.is_empty() && self.bytes + value.len() > PAGE_BYTES_MAX) {
                self.page.rest = self.looked;
                return false;
            }
            self.bytes += value.len();
            rows.push(Row { id, value: value.into() });
        }
        self.looked = Some(id);
        if Instant::now() >= self.until {
            self.page.rest = self.looked;
            return false;
        }
        true
    }

    /// Does the same with a line of which only the id is known.
    fn add_by_id(&mut self, connection: &Connection, id: i64) -> rusqlite::Result<bool> {
        let mut select = connection.prepare_cached("SELECT lane, value FROM line WHERE id = ?1")?;
        select.query_row(params![id], |row| Ok(self.add(id, row.get(0)?, row.get_ref(1)?.as_bytes()?)))
    }
}

/// Answers a question. After `until` it returns what it has by then.
pub(crate) fn page(connection: &Connection, query: &Query, until: Instant) -> rusqlite::Result<Page> {
    // All statements see the same state of the file.
    let _state = connection.unchecked_transaction()?;
    if !has_table(connection, "main", "line_text")? {
        return Ok(Page::default());
    }
    let lanes = lanes(connection, query)?;
    if lanes.is_empty() {
        return Ok(Page::default());
    }
    let order = order_of(query);
    let found = query.text.as_deref().and_then(match_of);
    let sql = match (&found, lanes.as_slice()) {
        (Some(_), _) => format!(
            "SELECT line.id, line.lane, line.value FROM line_text CROSS JOIN line ON line.id = line_text.rowid
             WHERE line_text MATCH ?5 AND line_text.rowid > ?1 AND line_text.rowid < ?2
             AND line.at >= ?3 AND line.at < ?4 ORDER BY line_text.rowid {order}"
        ),
        (None, [_]) => format!(
            "SELECT id, lane, value FROM line INDEXED BY line_of_lane WHERE lane = ?5 AND id > ?1 AND id < ?2
             AND at >= ?3 AND at < ?4 ORDER BY id {order}"
        ),
        (None, _) => format!(
            "SELECT id, lane, value FROM line NOT INDEXED WHERE id > ?1 AND id < ?2
             AND at >= ?3 AND at < ?4 AND ?5 IS NULL ORDER BY id {order}"
        ),
    };
    let bounds = [
        query.after.map_or(-1, number),
        query.before.map_or(i64::MAX, number),
        query.since.map_or(0, number),
        query.until.map_or(i64::MAX, number),
    ];
    // Only the index lacks them.
    let others = if found.is_some() && has_table(connection, "main", "line_unindexed")? {
        unindexed(connection, query, bounds)?
    } else {
        Vec::new()
    };
    let argument: rusqlite::types::Value = match (found, lanes.as_slice()) {
        (Some(text), _) => text.into(),
        (None, [lane]) => (*lane).into(),
        (None, _) => rusqlite::types::Value::Null,
    };
    let mut others = others.into_iter().peekable();
    let mut filling = Filling { query, lanes, until, page: Page::default(), bytes: 0, looked: None };
    let mut select = connection.prepare_cached(&sql)?;
    let [after, before, since, until] = bounds;
    let mut rows = select.query(params![after, before, since, until, argument])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        while let Some(other) =
            others.next_if(|other| if query.order == Order::Newest { *other > id } else { *other < id })
        {
            if !filling.add_by_id(connection, other)? {
                return Ok(filling.page);
            }
        }
        if !filling.add(id, row.get(1)?, row.get_ref(2)?.as_bytes()?) {
            return Ok(filling.page);
        }
    }
    for other in others {
        if !filling.add_by_id(connection, other)? {
            break;
        }
    }
    Ok(filling.page)
}

/// Lines that are copied in one transaction.
const COPY_LINES: i64 = 5_000;

/// Adds the lines of another file, which is attached as `snapshot`.
pub(crate) fn copy(connection: &mut Connection) -> rusqlite::Result<()> {
    if !has_table(connection, "snapshot", "line_text")? {
        return Ok(());
    }
    let mut after: i64 = -1;
    loop {
        let transaction = connection.transaction()?;
        let mut count = 0;
        {
            let mut select = transaction.prepare_cached(
                "SELECT line.id, lane.mud, line.value FROM snapshot.line
                 JOIN snapshot.lane ON lane.id = line.lane WHERE line.id > ?1 ORDER BY line.id LIMIT ?2",
            )?;
            let mut rows = select.query(params![after, COPY_LINES])?;
            let mut puts = Puts::new(&transaction);
            while let Some(row) = rows.next()? {
                let mud: String = row.get(1)?;
                let value = row.get_ref(2)?.as_bytes()?;
                after = row.get(0)?;
                count += 1;
                if let Some(line) = Line::read(value) {
                    puts.put(&mud, after.unsigned_abs(), &line, value)?;
                }
            }
            puts.finish()?;
        }
        transaction.commit()?;
        if count < COPY_LINES {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_searched_by_all_its_letters() {
        assert_eq!(match_of("ab"), None);
        assert_eq!(match_of("abc").as_deref(), Some("\"abc\""));
        assert_eq!(match_of("abab").as_deref(), Some("\"aba\" AND \"bab\""));
        assert_eq!(match_of("a\"b").as_deref(), Some("\"a\"\"b\""));
        assert_eq!(match_of("a\0b"), None);
        assert_eq!(match_of("\u{e9}\u{e8}\u{ea}").as_deref(), Some("\"\u{e9}\u{e8}\u{ea}\""));
        let long: String = (0..200).map(|n| char::from(b'a' + n % 26)).collect();
        assert_eq!(match_of(&long).unwrap().matches("AND").count(), ENTRIES_MAX - 1);
    }
}
