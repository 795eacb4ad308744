//! Prints what each of the given daemons costs: size, time from the start to listening, memory when idle and for each
//! client, as the operating system counts it.
//!
//! ```text
//! footprint [--check] [--tls] target/release/i3-gateway target/min/i3-gateway-threads …
//! ```
//!
//! With `--check` it fails when one of them takes more than its budget: what is resident and what of it is private when idle,
//! and each client. Times are not looked at. How much of a program's file is resident depends on the kernel and the place of
//! the code in the file too, so that budget has room; private memory is what the daemon asks for. With `--tls` both
//! listeners speak TLS 1.3, with a certificate for ECDSA that is made for it; the budgets are for plain text.
//!
//! Each is run with a router that accepts its login and says nothing more. A start is timed several times and the least
//! counts, since what else the machine does only adds to it; the first start makes the state, later ones find it. Linux
//! only: the numbers are from `/proc`.

#![allow(clippy::print_stdout)] // printing is what it is for

use i3_benches::daemon::{Daemon, Memory, Outcome, Tls};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Starts of each kind that are timed.
const STARTS: usize = 15;
const LINE_CLIENTS: usize = 400;
const WEBSOCKET_CLIENTS: usize = 200;

/// What a daemon may take, as the columns of the table are counted.
struct Budget {
    resident_kb: u64,
    private_kb: u64,
    line_client_bytes: u64,
    websocket_client_bytes: u64,
}

/// Of the static programs for small hosts, with the feature `tls`.
const OF_SMOL: Budget = Budget {
    resident_kb: 6_700,
    private_kb: 1_000,
    line_client_bytes: 4_096,
    websocket_client_bytes: 10_240,
};
const OF_THREADS: Budget =
    Budget { resident_kb: 6_200, private_kb: 900, line_client_bytes: 20_480, websocket_client_bytes: 20_480 };

fn main() -> Outcome<()> {
    println!(
        "| program | file, kB | first start to listening, ms | to an answer | a later start to that | idle RSS, kB | of it private | threads | a TCP client, B | a WebSocket \
         client, B | highest RSS, kB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let mut arguments = std::env::args_os().skip(1).peekable();
    let checks = arguments.next_if(|first| first == "--check").is_some();
    let tls = arguments.next_if(|next| next == "--tls").map(|_| Tls::new()).transpose()?;
    let mut beyond = Vec::new();
    for program in arguments.map(PathBuf::from) {
        if !measure(&program, tls.as_ref())? {
            beyond.push(program.display().to_string());
        }
    }
    if checks && !beyond.is_empty() {
        return Err(format!("beyond the budget of memory: {}", beyond.join(", ")).into());
    }
    Ok(())
}

/// Prints its row, and says whether it is within its budget.
fn measure(program: &Path, tls: Option<&Tls>) -> Outcome<bool> {
    let [mut listens, mut answers, mut answers_later] = [Duration::MAX; 3];
    for _ in 0..STARTS {
        let folder = tempfile::tempdir()?;
        let first = Daemon::start(program, folder.path(), tls)?;
        listens = listens.min(first.listens_after);
        answers = answers.min(first.answers_after);
        drop(first);
        answers_later = answers_later.min(Daemon::start(program, folder.path(), tls)?.answers_after);
    }
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let folder = tempfile::tempdir()?;
    let daemon = Daemon::start(program, folder.path(), tls)?;
    let _link = daemon.log_in()?;
    let idle = daemon.steady()?;
    // The first one of each kind makes what all share.
    let mut clients = vec![daemon.line_client()?];
    let before = daemon.steady()?;
    for _ in 0..LINE_CLIENTS {
        clients.push(daemon.line_client()?);
    }
    let with_lines = daemon.steady()?;
    clients.push(daemon.websocket_client()?);
    let between = daemon.steady()?;
    for _ in 0..WEBSOCKET_CLIENTS {
        clients.push(daemon.websocket_client()?);
    }
    let with_all = daemon.steady()?;
    let line_client = each(before, with_lines, LINE_CLIENTS);
    let websocket_client = each(between, with_all, WEBSOCKET_CLIENTS);
    println!(
        "| {} | {} | {:.1} | {:.1} | {:.1} | {} | {} | {} | {} | {} | {} |",
        program.display(),
        fs::metadata(program)?.len() / 1024,
        milliseconds(listens),
        milliseconds(answers),
        milliseconds(answers_later),
        idle.resident,
        idle.private,
        idle.threads,
        line_client,
        websocket_client,
        daemon.status("VmHWM:")?,
    );
    let of_threads = program.file_name().is_some_and(|name| name.to_string_lossy().contains("threads"));
    let budget = if of_threads { OF_THREADS } else { OF_SMOL };
    Ok(idle.resident <= budget.resident_kb
        && idle.private <= budget.private_kb
        && line_client <= budget.line_client_bytes
        && websocket_client <= budget.websocket_client_bytes)
}

fn each(before: Memory, after: Memory, clients: usize) -> u64 {
    after.resident.saturating_sub(before.resident) * 1024 / clients as u64
}
