//! The load tool. See `i3-load --help`, and `i3_benches::load`.

#![allow(clippy::print_stdout, clippy::print_stderr)] // printing is what it is for

use i3_benches::daemon::Outcome;
use i3_benches::load::bare::{self, Role};
use i3_benches::load::options::Options;
use i3_benches::load::report::{Report, machine_line, replaced, table};
use i3_benches::load::scenarios::Scenario;
use i3_benches::load::{budgets, plots};
use std::error::Error;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        // What it starts itself to compare with.
        [bare, role, port, folder] if bare == "bare" => run_bare(role, port, Path::new(folder)),
        _ => measure(&argh::from_env()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("i3-load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run_bare(role: &str, port: &str, folder: &Path) -> Outcome<()> {
    bare::run(Role::from_name(role).ok_or("no such bare program")?, port.parse()?, folder)
}

fn measure(options: &Options) -> Outcome<()> {
    let scenarios = Scenario::named(&options.scenario)?;
    if options.programs.is_empty() {
        return Err("name at least one program of a gateway, such as target/release/i3-gateway".into());
    }
    for program in &options.programs {
        if !program.is_file() {
            return Err(format!("{}: there is no such program", program.display()).into());
        }
    }
    if cfg!(debug_assertions) {
        eprintln!("i3-load: this is a debug build, which is too slow to measure anything");
    }
    can_write(options)?;
    println!("{}", machine_line());
    let mut report = Report::default();
    let mut failed = Vec::new();
    for scenario in scenarios {
        println!("\n## {}\n", scenario.heading);
        let mut is_first = true;
        let outcome = scenario.measure(options, &mut |rows| {
            let table = table(&rows);
            // The head of the table once, and its rows as they come.
            let skip = if is_first { 0 } else { 2 };
            table.lines().skip(skip).for_each(|line| println!("{line}"));
            is_first = false;
            report.rows.extend(rows);
            Ok(())
        });
        // The others are measured nevertheless, and what was measured is written.
        if let Err(error) = outcome {
            eprintln!("i3-load: {}: {error}", scenario.name);
            failed.push(scenario.name);
        }
    }
    write(options, &report)?;
    if !failed.is_empty() {
        return Err(format!("not measured to the end: {}", failed.join(", ")).into());
    }
    if options.check { check(&report) } else { Ok(()) }
}

/// Fails if the figures cannot be written to the files that the options name, before they are measured.
fn can_write(options: &Options) -> Outcome<()> {
    let of = |file: &Path, error: Box<dyn Error>| format!("{}: {error}", file.display());
    if let Some(file) = &options.document {
        let has_a_place = |text: String| replaced(&text, "").map(drop);
        fs::read_to_string(file)
            .map_err(Into::into)
            .and_then(has_a_place)
            .map_err(|error| of(file, error))?;
    }
    if let Some(directory) = &options.plots {
        let created = fs::create_dir_all(directory).and_then(|()| tempfile::tempfile_in(directory));
        created.map_err(|error| of(directory, error.into()))?;
    }
    for file in options.json.iter().chain(&options.document) {
        let opened = OpenOptions::new().create(true).append(true).open(file);
        opened.map_err(|error| of(file, error.into()))?;
    }
    Ok(())
}

/// Writes the figures to the files that the options name.
fn write(options: &Options, report: &Report) -> Outcome<()> {
    if let Some(file) = &options.json {
        report.write_json(file)?;
    }
    let plots = match &options.plots {
        Some(directory) => plots::draw(report, directory)?,
        None => Vec::new(),
    };
    if let Some(file) = &options.document {
        document(report, &plots, file).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}

/// Puts the figures into a document: a table for each scenario, and its plots.
fn document(report: &Report, plots: &[PathBuf], file: &Path) -> Outcome<()> {
    let mut figures = format!("Measured on: {}.\n", machine_line());
    for name in report.scenarios() {
        let rows: Vec<_> = report.of(name).cloned().collect();
        let heading = Scenario::named(name)?.first().map_or(name, |scenario| scenario.heading);
        figures += &format!("\n### {heading}\n\n`i3-load {name}`\n\n{}", table(&rows));
        for plot in plots.iter().filter(|plot| is_of(plot, name)) {
            let link = file.parent().and_then(|parent| plot.strip_prefix(parent).ok()).unwrap_or(plot);
            figures += &format!("\n![{heading}]({})\n", link.display());
        }
    }
    let text = fs::read_to_string(file)?;
    Ok(fs::write(file, replaced(&text, &figures)?)?)
}

/// Whether a plot is of a scenario: its name is that of the scenario, or `identities-memory`.
fn is_of(plot: &Path, scenario: &str) -> bool {
    let name = plot.file_stem().unwrap_or_default().to_string_lossy();
    name == scenario || format!("growth-{name}").starts_with(&format!("{scenario}-"))
}

fn check(report: &Report) -> Outcome<()> {
    let (checked, faults) = budgets::check(report);
    println!("\n{checked} figures have a budget, and {} are beyond it.", faults.len());
    for fault in &faults {
        println!("- {fault}");
    }
    if checked == 0 {
        return Err("no figure that was measured has a budget".into());
    }
    if faults.is_empty() { Ok(()) } else { Err(format!("beyond the budget: {}", faults.len()).into()) }
}
