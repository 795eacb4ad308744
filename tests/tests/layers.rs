//! Which file may import which: no circle in any crate, and the layers that ARCHITECTURE.md lists for core.
//!
//! `cargo run -p i3-tests --bin structure -- --circles` prints the circles with the line of each import.

use i3_tests::source::graph::Graph;
use i3_tests::source::layers;
use i3_tests::source::measures::{FIELDS_MAX, measure};
use i3_tests::source::workspace::{package, root, shipped_packages};

/// The heading in ARCHITECTURE.md above the table of the layers of core, lowest first.
const HEADING: &str = "Layers";

/// How many functions of other files may take a large struct of core as `&mut`.
const TAKERS_MAX: usize = 24;

/// The modules of `core/src/i3/`, lowest first, each with those of its neighbours that it may import. They import nothing
/// else of core.
const I3: &[(&str, &[&str])] = &[
    ("blocks", &[]),
    ("text", &["blocks"]),
    ("frame", &[]),
    ("lpc", &["blocks", "text"]),
    ("packet", &["blocks", "text", "lpc"]),
    ("serving", &["text", "frame", "lpc", "packet"]),
];

fn circles_of(folder: &str) -> String {
    let report = Graph::of(&package(folder).tree()).report();
    if report.is_empty() { String::new() } else { format!("{folder}/src: {}\n", report.join("\n")) }
}

#[test]
fn no_file_of_core_imports_itself_by_others() {
    let circles = circles_of("core");
    assert!(
        circles.is_empty(),
        "files of core that import each other cannot be read one after the other\n{circles}"
    );
}

#[test]
fn no_file_of_another_crate_imports_itself_by_others() {
    let packages = shipped_packages();
    let folders: Vec<&str> = packages.iter().map(|package| package.folder.as_str()).collect();
    for folder in ["core", "router", "store", "config", "runtime-smol", "runtime-threads"] {
        assert!(folders.contains(&folder), "{folder}/ is not in the workspace: take it out of this list");
    }
    let circles: String = folders.into_iter().filter(|folder| *folder != "core").map(circles_of).collect();
    assert!(circles.is_empty(), "files that import each other cannot be read one after the other\n{circles}");
}

#[test]
fn the_files_of_core_import_only_their_own_layer_and_lower_ones() {
    let document = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let layers = layers::read(&document, HEADING).unwrap_or_else(|| {
        panic!("ARCHITECTURE.md has no heading {HEADING:?} with a table of the layers of core")
    });
    assert!(layers.len() > 3, "ARCHITECTURE.md lists the layers of core, lowest first: {layers:?}");
    let core = package("core");
    let problems = layers::check(&layers, &Graph::of(&core.tree()), &core.sources());
    assert!(problems.is_empty(), "the layers of core in ARCHITECTURE.md:\n{}", problems.join("\n"));
}

#[test]
fn the_modules_of_i3_import_only_those_below() {
    let graph = Graph::of(&package("core").tree());
    let is_of = |file: &str, module: &str| {
        let rest = file.strip_prefix("i3/").and_then(|rest| rest.strip_prefix(module));
        rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    };
    for (module, below) in I3 {
        let files: Vec<&String> = graph.imports.keys().filter(|file| is_of(file, module)).collect();
        assert!(!files.is_empty(), "core/src/i3/ has no module {module}");
        for file in files {
            for (imported, places) in &graph.imports[file] {
                let is_allowed = is_of(imported, module) || below.iter().any(|one| is_of(imported, one));
                assert!(
                    is_allowed,
                    "core/src/{file}:{} names {} of {imported}: i3/{module} may import {below:?} of its \
                     neighbours and nothing else of core",
                    places[0].line, places[0].path
                );
            }
        }
    }
}

#[test]
fn no_large_struct_of_core_is_lent_to_everything() {
    for large in measure(&package("core").tree()).large {
        let functions = large.taken_by.len();
        assert!(
            functions <= TAKERS_MAX,
            "{functions} functions of other files take {} (core/src/{}, {} fields) as &mut, at most {TAKERS_MAX} may: \
             a struct of more than {FIELDS_MAX} fields is lent in parts. The list: cargo run -p i3-tests --bin \
             structure -- --takers",
            large.name,
            large.file,
            large.fields
        );
    }
}

#[test]
fn every_source_file_is_part_of_its_crate() {
    for package in shipped_packages() {
        let unreached = package.tree().unreached;
        assert!(unreached.is_empty(), "{}: no `mod` names {unreached:?}", package.sources());
    }
}
