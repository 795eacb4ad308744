//! Prints measures of each crate: its files, those in import circles, its ten longest functions, and how many functions
//! outside a large struct's own file take it as `&mut`. `structure --circles` adds each circle with its imports,
//! `structure --takers` the functions.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use i3_tests::source::graph::Graph;
use i3_tests::source::measures::{FIELDS_MAX, measure};
use i3_tests::source::workspace::{Package, shipped_packages};
use std::process::ExitCode;

/// How many of the longest functions are printed.
const LONGEST: usize = 10;

#[derive(Default)]
struct Options {
    circles: bool,
    takers: bool,
}

fn main() -> ExitCode {
    let mut options = Options::default();
    for word in std::env::args().skip(1) {
        match word.as_str() {
            "--circles" => options.circles = true,
            "--takers" => options.takers = true,
            _ => {
                eprintln!("usage: structure [--circles] [--takers]");
                return ExitCode::from(2);
            }
        }
    }
    for package in shipped_packages() {
        print(&package, &options);
    }
    ExitCode::SUCCESS
}

fn print(package: &Package, options: &Options) {
    let tree = package.tree();
    let graph = Graph::of(&tree);
    let circles = graph.circles();
    println!("{}: {} files", package.sources(), tree.files.len());
    let sizes: Vec<String> = circles.iter().map(|circle| circle.len().to_string()).collect();
    let of = if sizes.len() > 1 { format!(" ({})", sizes.join(" + ")) } else { String::new() };
    println!("  files in import circles: {}{of}", circles.iter().map(Vec::len).sum::<usize>());
    if options.circles {
        graph.report().iter().for_each(|line| println!("    {line}"));
    }
    let measures = measure(&tree);
    println!("  functions: {}, the longest, in lines:", measures.functions.len());
    for one in measures.functions.iter().take(LONGEST) {
        println!("    {:>4}  {}  {}:{}", one.lines, one.name, one.file, one.line);
    }
    println!(
        "  structs of more than {FIELDS_MAX} fields, and the functions of other files that take them as &mut:"
    );
    for large in &measures.large {
        let functions = large.taken_by.len();
        let own = format!("{}::", large.name);
        let own = large.taken_by.iter().filter(|one| one.name.starts_with(&own)).count();
        let of_it = if own > 0 { format!(", {own} of them its own methods") } else { String::new() };
        println!("    {functions:>4}  {} ({} fields)  {}{of_it}", large.name, large.fields, large.file);
        if options.takers {
            for one in &large.taken_by {
                println!("          {}:{}  {}", one.file, one.line, one.name);
            }
        }
    }
    println!();
}
