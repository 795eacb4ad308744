//! Runs the simulator for as long as it is let: `soak [--nodes] [--from SEED] [--seeds N] [--seconds T] [--keep-going] [--whole]`.
//!
//! The first seed is the first whose runs have clients of every kind, unless it is given. With `--nodes` it is the first whose
//! gateways are nodes that share an engine.
//!
//! Ends with 1 at the first seed that fails, and says how to replay it; with `--keep-going` at the end. Transcripts go to
//! the folder `target/soak`. With `--whole` a run that fails is not tried with fewer faults.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use i3_tests::sim::plan::{NODES_FROM, PEOPLE_FROM, Plan};
use i3_tests::sim::report::report;
use i3_tests::sim::run::run;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The time between two lines of progress.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

struct Options {
    from: u64,
    seeds: u64,
    seconds: u64,
    keep_going: bool,
    whole: bool,
}

fn options() -> Result<Options, String> {
    let mut options =
        Options { from: PEOPLE_FROM, seeds: u64::MAX, seconds: u64::MAX, keep_going: false, whole: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || -> Result<u64, String> {
            let value = words.next().ok_or_else(|| format!("{word} needs a number"))?;
            value.parse().map_err(|_| format!("{word}: {value} is no number"))
        };
        match word.as_str() {
            "--from" => options.from = number()?,
            "--seeds" => options.seeds = number()?,
            "--seconds" => options.seconds = number()?,
            "--keep-going" => options.keep_going = true,
            "--whole" => options.whole = true,
            "--nodes" => options.from = NODES_FROM,
            _ => {
                return Err(
                    "usage: soak [--nodes] [--from SEED] [--seeds N] [--seconds T] [--keep-going] [--whole]"
                        .to_owned(),
                );
            }
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    // A violation that is a panic is reported like any other.
    std::panic::set_hook(Box::new(|_| {}));
    let folder = Path::new("target/soak");
    if let Err(error) = std::fs::create_dir_all(folder) {
        eprintln!("{}: {error}", folder.display());
        return ExitCode::from(2);
    }
    let started = Instant::now();
    let mut told = started;
    let (mut done, mut failed, mut tells, mut records) = (0, Vec::new(), 0, 0);
    while done < options.seeds && started.elapsed().as_secs() < options.seconds {
        let plan = Plan::new(options.from + done);
        let outcome = run(&plan, false);
        done += 1;
        tells += outcome.tells;
        records += outcome.records;
        if let Some(violation) = &outcome.violation {
            failed.push(plan.seed);
            if options.keep_going {
                println!("seed {} fails: {}: {}", plan.seed, violation.oracle, violation.why);
            } else {
                print!("{}", report(&plan, &outcome, folder, options.whole));
                break;
            }
        }
        if told.elapsed() > PROGRESS_EVERY {
            told = Instant::now();
            println!("{done} seeds, the last {}, {} failed", plan.seed, failed.len());
        }
    }
    let millis = started.elapsed().as_secs_f64() * 1000.0;
    println!(
        "{done} seeds in {:.1} s, {:.1} ms each; {records} things happened, {tells} tells told; failed: {failed:?}",
        millis / 1000.0,
        millis / done.max(1) as f64
    );
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
