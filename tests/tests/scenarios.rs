//! Every text file in `scenarios/`, each with the bytes delivered whole, in small pieces and one by one.

#![allow(clippy::print_stdout, reason = "the test harness shows it when a test fails")]

use std::path::Path;

#[test]
fn scenarios_play_the_same_however_the_bytes_are_cut() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 10, "the scenarios are missing");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (seed, chunk) in [(1, usize::MAX), (2, 20), (3, 1)] {
            println!("{} in pieces of {chunk}", file.display());
            i3_tests::scenario::play(&text, seed, chunk);
        }
    }
}
