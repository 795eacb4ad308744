//! What the commands print, when it cannot be written.

use crate::gateway::Gateway;
use crate::programs::Daemon;
use crate::router::Played;
use std::fs::File;
use std::process::{Command, Stdio};

for_both!(output_that_cannot_be_written_is_an_error, a_reader_that_has_read_enough_is_no_error);

/// The code of an output error: EX_IOERR.
const OUTPUT: i32 = 74;

/// Runs a command whose standard output goes there, and returns its exit code and its errors.
fn run(command: &mut Command, stdout: impl Into<Stdio>) -> (Option<i32>, String) {
    let output = command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A disk that is always full.
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// The commands that print, for a gateway that runs.
fn commands(daemon: Daemon, gateway: &Gateway) -> Vec<(&'static str, Command)> {
    let mut all: Vec<Vec<&'static str>> = vec![
        vec!["--version"],
        vec!["--help"],
        vec!["doctor", "--help"],
        vec!["--validate-config"],
        vec!["doctor"],
        vec!["healthcheck"],
        vec!["hash-key", "a-long-enough-key"],
        vec!["backup", "copy"],
        vec!["-c", "new.yaml", "-e", "new.env", "init", "--force"],
    ];
    if daemon == Daemon::Smol {
        all.extend([vec!["call", "status"], vec!["watch"], vec!["status"], vec!["methods"]]);
    }
    let command = |arguments: Vec<&'static str>| {
        let mut command = match arguments[0] {
            "-c" => Command::new(daemon.program()),
            _ => gateway.command(),
        };
        command.current_dir(gateway.folder.path()).stdin(Stdio::null());
        command.env("I3_GATEWAY_SECRET", gateway.key()).args(&arguments);
        (*arguments.last().unwrap(), command)
    };
    all.into_iter().map(command).collect()
}

#[cfg(target_os = "linux")]
fn output_that_cannot_be_written_is_an_error(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    for (name, mut command) in commands(daemon, &gateway) {
        let (code, errors) = run(&mut command, full());
        assert_eq!(code, Some(OUTPUT), "{name}: {errors}");
        assert!(errors.contains("No space left on device"), "{name}: {errors}");
    }
    // An error of its own keeps its code.
    let mut wrong = gateway.command();
    wrong.args(["-e", "missing.env", "doctor"]);
    let (code, errors) = run(&mut wrong, full());
    assert!(code == Some(78) && errors.contains("No space left on device"), "{code:?} {errors}");
}

#[cfg(not(target_os = "linux"))]
fn output_that_cannot_be_written_is_an_error(_: Daemon) {}

/// As `doctor | head -1` does it.
fn a_reader_that_has_read_enough_is_no_error(daemon: Daemon) {
    let router = Played::listen();
    let gateway = Gateway::new(daemon, "Alpha", &[router.address()]).started();
    for (name, mut command) in commands(daemon, &gateway) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (code, errors) = run(&mut command, writer);
        assert!(code == Some(0) && errors.is_empty(), "{name}: {code:?} {errors}");
    }
}
