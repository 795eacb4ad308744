//! Tables: columns that fit the width of a terminal, or plain ones.

use crate::look::Look;
use crate::style::Style;
use crate::text::{columns, wrap};

/// Blanks between two columns.
const GAP: usize = 2;
/// A column is not made narrower than this, in columns of the terminal.
const NARROWEST: usize = 6;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) head: &'static str,
    /// Numbers stand at the right.
    pub(crate) is_number: bool,
    /// Where there is no room, the columns with the highest of these numbers are left out. Those with 0 stay.
    pub(crate) rank: u8,
    /// Its words are never broken: numbers, times and names that are typed again.
    pub(crate) is_whole: bool,
}

impl Column {
    /// A column of text.
    pub(crate) const fn text(head: &'static str, rank: u8) -> Column {
        Column { head, is_number: false, rank, is_whole: false }
    }

    /// A column whose words are never broken.
    pub(crate) const fn whole(head: &'static str, rank: u8) -> Column {
        Column { head, is_number: false, rank, is_whole: true }
    }

    /// A column of numbers.
    pub(crate) const fn number(head: &'static str, rank: u8) -> Column {
        Column { head, is_number: true, rank, is_whole: true }
    }
}

/// A table. Cells are harmless texts.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<(Style, String)>>,
}

impl Table {
    pub(crate) fn new(columns: &[Column]) -> Table {
        Table { columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: Vec<(Style, String)>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    /// The lines of the table, with its heading.
    pub(crate) fn lines(&self, look: Look) -> Vec<String> {
        let shown = self.layout(look.columns);
        let heads: Vec<(Style, String)> =
            self.columns.iter().map(|column| (Style::Bold, column.head.to_owned())).collect();
        std::iter::once(&heads).chain(&self.rows).flat_map(|row| self.row_lines(row, &shown, look)).collect()
    }

    /// Which columns are shown, and how wide each is.
    fn layout(&self, room: Option<usize>) -> Vec<(usize, usize)> {
        let natural = |at: usize| {
            let cells = self.rows.iter().map(|row| columns(&row[at].1));
            cells.chain([columns(self.columns[at].head)]).max().unwrap_or(0)
        };
        let mut shown: Vec<(usize, usize)> = (0..self.columns.len()).map(|at| (at, natural(at))).collect();
        // An empty column says nothing, unless all are.
        let is_empty = |at: usize| self.rows.iter().all(|row| row[at].1.is_empty());
        if !self.rows.is_empty() {
            shown.retain(|(at, _)| !is_empty(*at) || self.columns[*at].rank == 0);
        }
        let Some(room) = room else { return shown };
        loop {
            if self.shrink(&mut shown, room) {
                return shown;
            }
            let last = shown.iter().filter(|(at, _)| self.columns[*at].rank > 0).map(|(at, _)| *at);
            let Some(last) = last.max_by_key(|at| self.columns[*at].rank) else {
                return self.forced(shown, room);
            };
            shown.retain(|(at, _)| *at != last);
            for (at, width) in &mut shown {
                *width = natural(*at);
            }
        }
    }

    fn least(&self, at: usize, width: usize) -> usize {
        let column = &self.columns[at];
        if column.is_whole {
            width
        } else {
            width.min(columns(column.head).max(NARROWEST) + column_slack(width))
        }
    }

    /// Makes the widest columns narrower until all fit. Returns false if they cannot.
    fn shrink(&self, shown: &mut [(usize, usize)], room: usize) -> bool {
        let natural: Vec<usize> = shown.iter().map(|(_, width)| *width).collect();
        while total(shown) > room {
            let free = shown.iter_mut().zip(&natural);
            let free = free.filter(|((at, width), natural)| *width > self.least(*at, **natural));
            let Some(((_, width), _)) = free.max_by_key(|((_, width), _)| *width) else { return false };
            *width -= 1;
        }
        true
    }

    /// The room is less than what the columns need: words are broken.
    fn forced(&self, mut shown: Vec<(usize, usize)>, room: usize) -> Vec<(usize, usize)> {
        while total(&shown) > room {
            let Some((_, width)) = shown.iter_mut().max_by_key(|(_, width)| *width) else { break };
            if *width <= 1 {
                break;
            }
            *width -= 1;
        }
        shown
    }

    fn row_lines(&self, row: &[(Style, String)], shown: &[(usize, usize)], look: Look) -> Vec<String> {
        let wrapped = |(at, width): &(usize, usize)| match look.columns {
            Some(_) => wrap(&row[*at].1, *width),
            None => vec![row[*at].1.clone()],
        };
        let cells: Vec<Vec<String>> = shown.iter().map(wrapped).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        (0..height).map(|line| self.line(row, shown, &cells, line, look)).collect()
    }

    fn line(
        &self,
        row: &[(Style, String)],
        shown: &[(usize, usize)],
        cells: &[Vec<String>],
        line: usize,
        look: Look,
    ) -> String {
        let mut out = String::new();
        // Blanks are written when something follows them.
        let mut owed = 0;
        for ((at, width), cell) in shown.iter().zip(cells) {
            let text = cell.get(line).map_or("", String::as_str);
            let pad = width.saturating_sub(columns(text));
            let (before, after) = if self.columns[*at].is_number { (pad, 0) } else { (0, pad) };
            if text.is_empty() {
                owed += pad + GAP;
                continue;
            }
            out += &" ".repeat(owed + before);
            out += &look.paint(row[*at].0, text);
            owed = after + GAP;
        }
        out
    }
}

/// A long column keeps a third of its width, so that texts stay readable.
fn column_slack(width: usize) -> usize {
    (width / 3).min(16)
}

fn total(shown: &[(usize, usize)]) -> usize {
    shown.iter().map(|(_, width)| width).sum::<usize>() + GAP * shown.len().saturating_sub(1)
}

/// Lines of a label and a value each. Values are wrapped, and stand below each other.
pub(crate) fn pairs(all: &[(&str, Style, String)], look: Look) -> Vec<String> {
    let all: Vec<_> = all.iter().filter(|(_, _, value)| !value.is_empty()).collect();
    let width = all.iter().map(|(label, _, _)| columns(label)).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (label, style, value) in all {
        let values = match look.columns {
            Some(room) => wrap(value, room.saturating_sub(width + GAP).max(NARROWEST)),
            None => vec![value.clone()],
        };
        for (at, value) in values.iter().enumerate() {
            let label = if at == 0 { *label } else { "" };
            let pad = " ".repeat(width + GAP - columns(label));
            lines.push(format!("{}{pad}{}", look.paint(Style::Bold, label), look.paint(*style, value)));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 4]]) -> Table {
        let mut table = Table::new(&[
            Column::whole("NAME", 0),
            Column::number("PORT", 2),
            Column::text("DRIVER", 3),
            Column::text("NOTE", 1),
        ]);
        for row in rows {
            table.row(row.iter().map(|cell| (Style::Plain, (*cell).to_owned())).collect());
        }
        table
    }

    #[test]
    fn a_table_fits_the_width_or_is_plain() {
        let table = table(&[
            ["Sage", "4000", "FluffOS v2019", "a long text about the mud that has to be wrapped somewhere"],
            ["漢字漢字", "23", "", ""],
        ]);
        let plain = table.lines(Look::default());
        assert_eq!(
            plain,
            [
                "NAME      PORT  DRIVER         NOTE",
                "Sage      4000  FluffOS v2019  a long text about the mud that has to be wrapped somewhere",
                "漢字漢字    23",
            ]
        );
        for width in 20..100 {
            let lines = table.lines(Look { colour: false, columns: Some(width) });
            assert!(lines.iter().all(|line| columns(line) <= width), "{width}: {lines:?}");
            let all = lines.join("\n");
            assert!(all.contains("Sage") && all.contains("漢字漢字"), "{all}");
        }
        let narrow = table.lines(Look { colour: false, columns: Some(36) });
        assert!(!narrow[0].contains("DRIVER") && narrow[0].contains("NOTE"), "{narrow:?}");
    }

    #[test]
    fn a_label_stands_before_each_value() {
        let pairs = |columns| {
            let all = [
                ("Name", Style::Plain, "one two three four".to_owned()),
                ("No", Style::Plain, String::new()),
            ];
            pairs(&all, Look { colour: false, columns })
        };
        assert_eq!(pairs(None), ["Name  one two three four"]);
        assert_eq!(pairs(Some(20)), ["Name  one two three", "      four"]);
    }
}
