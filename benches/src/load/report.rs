//! What was measured: rows, as tables in Markdown and as JSON.

use crate::daemon::Outcome;
use serde_json::{Map, Value as Json, json};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Which program a row is about, as far as budgets differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// The daemon on smol.
    Smol,
    /// The daemon with threads.
    Threads,
    /// What they are compared with.
    Bare,
}

/// The figures of one program under one load.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which scenario it is of.
    pub scenario: &'static str,
    /// The program.
    pub program: String,
    /// What kind of program.
    pub kind: Kind,
    /// The load: names with units, and values.
    pub load: Vec<(&'static str, String)>,
    /// The figures: names with units, and values.
    pub values: Vec<(&'static str, f64)>,
}

impl Row {
    /// The value of that name.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The load of that name.
    pub fn load(&self, name: &str) -> Option<&str> {
        self.load.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The same as a number.
    pub fn load_number(&self, name: &str) -> Option<f64> {
        self.load(name)?.parse().ok()
    }
}

/// Everything that one run measured.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order in which it was measured.
    pub rows: Vec<Row>,
}

impl Report {
    /// The scenarios, in the order of their first rows.
    pub fn scenarios(&self) -> Vec<&'static str> {
        let mut all = Vec::new();
        for row in &self.rows {
            if !all.contains(&row.scenario) {
                all.push(row.scenario);
            }
        }
        all
    }

    /// The rows of a scenario.
    pub fn of(&self, scenario: &str) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.scenario == scenario)
    }

    /// All rows and what the machine is, as JSON.
    pub fn json(&self) -> Json {
        let object = |pairs: Vec<(&str, Json)>| {
            pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>()
        };
        let rows: Vec<Json> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "scenario": row.scenario,
                    "program": row.program,
                    "load": object(row.load.iter().map(|(name, value)| (*name, load_json(value))).collect()),
                    "values": object(row.values.iter().map(|(name, value)| (*name, json!(value))).collect()),
                })
            })
            .collect();
        json!({"machine": machine(), "rows": rows})
    }

    /// Writes the JSON to a file.
    pub fn write_json(&self, file: &Path) -> Outcome<()> {
        let text = serde_json::to_string_pretty(&self.json())? + "\n";
        fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()).into())
    }
}

fn load_json(value: &str) -> Json {
    value.parse::<u64>().map_or_else(|_| json!(value), |number| json!(number))
}

/// Where the figures begin in a document, and where they end.
const FIGURES: [&str; 2] = ["<!-- figures of i3-load -->", "<!-- end of figures -->"];

/// A document with other figures in the place of those that it has.
pub fn replaced(document: &str, figures: &str) -> Outcome<String> {
    let [begin, end] = FIGURES;
    let faulty = || format!("the document has no place for figures: {begin} and {end}");
    let (before, rest) = document.split_once(begin).ok_or_else(faulty)?;
    let (_, after) = rest.split_once(end).ok_or_else(faulty)?;
    Ok(format!("{before}{begin}\n\n{}\n\n{end}{after}", figures.trim()))
}

/// The table of some rows of one scenario, which have the same columns.
pub fn table(rows: &[Row]) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let mut names: Vec<&str> = first.load.iter().map(|(name, _)| *name).collect();
    names.push("program");
    names.extend(first.values.iter().map(|(name, _)| *name));
    let mut text = format!("| {} |\n|{}\n", names.join(" | "), "---|".repeat(names.len()));
    for row in rows {
        let load = row.load.iter().map(|(_, value)| value.clone());
        let values = row.values.iter().map(|(_, value)| shown(*value));
        let cells: Vec<String> = load.chain([row.program.clone()]).chain(values).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// A number with three digits that say something.
pub fn shown(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "-".to_owned(),
        size if size < 10.0 && value.fract() == 0.0 => format!("{value}"),
        size if size < 10.0 => format!("{value:.3}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => {
            let digits = format!("{value:.0}");
            let (sign, digits) = digits.split_at(usize::from(digits.starts_with('-')));
            let mut text = sign.to_owned();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at).is_multiple_of(3) {
                    text.push(',');
                }
                text.push(digit);
            }
            text
        }
    }
}

/// What the machine is, in a line.
pub fn machine_line() -> String {
    let machine = machine();
    let text = |name: &str| machine[name].as_str().unwrap_or_default().to_owned();
    format!(
        "{} ({}), {} cores, {} of memory, Linux {}, load average {}",
        text("processor"),
        text("architecture"),
        machine["cores"],
        text("memory"),
        text("kernel"),
        text("load_average"),
    )
}

/// What the machine is: processor, cores, memory, kernel.
pub fn machine() -> Json {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let field = |text: &str, name: &str| {
        text.lines()
            .find_map(|line| {
                line.strip_prefix(name)?.split_once(':').map(|(_, value)| value.trim().to_owned())
            })
            .unwrap_or_default()
    };
    json!({
        "processor": field(&read("/proc/cpuinfo"), "model name"),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory": field(&read("/proc/meminfo"), "MemTotal"),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "architecture": std::env::consts::ARCH,
        "load_average": read("/proc/loadavg").trim(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(program: &str, value: f64) -> Row {
        Row {
            scenario: "fanout",
            program: program.to_owned(),
            kind: Kind::Bare,
            load: vec![("door", "lines".to_owned()), ("clients", "10".to_owned())],
            values: vec![("lines/s", value)],
        }
    }

    #[test]
    fn figures_take_the_place_of_others() {
        let document = "a\n<!-- figures of i3-load -->\n\nold\n\n<!-- end of figures -->\nb\n";
        assert_eq!(replaced(document, "new\n").unwrap(), document.replace("old", "new"));
        assert!(replaced("a", "new").is_err());
    }

    #[test]
    fn rows_become_a_table_and_json() {
        let report = Report { rows: vec![row("bare loop", 1_234_567.8), row("x", 0.25)] };
        assert_eq!(
            table(&report.rows),
            "| door | clients | program | lines/s |\n|---|---|---|---|\n| lines | 10 | bare loop | 1,234,568 |\n\
             | lines | 10 | x | 0.250 |\n"
        );
        let json = report.json();
        assert_eq!(json["rows"][1]["load"], json!({"door": "lines", "clients": 10}));
        assert_eq!(json["rows"][1]["values"]["lines/s"], json!(0.25));
        assert_eq!(report.scenarios(), ["fanout"]);
    }
}
