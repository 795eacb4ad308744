//! What the load tool says before it measures anything.

use std::process::{Command, Output};

fn load(arguments: &[&str]) -> Output {
    // The program of a gateway is not run.
    let program = env!("CARGO_BIN_EXE_i3-load");
    Command::new(program).arg("idle").args(arguments).arg(program).output().expect("it can be run")
}

#[test]
fn files_that_cannot_be_written_are_named_before_anything_is_measured() {
    let cases = [
        ("--json", "/nowhere/figures.json"),
        ("--plots", "/dev/null/plots"),
        ("--document", "/nowhere/PERFORMANCE.md"),
        // It has no place for figures.
        ("--document", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")),
    ];
    for (option, file) in cases {
        let output = load(&[option, file]);
        assert!(!output.status.success(), "{option} {file}");
        assert!(output.stdout.is_empty(), "{option} {file}: {}", String::from_utf8_lossy(&output.stdout));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(&format!("i3-load: {file}: ")), "{option} {file}: {error}");
    }
}
