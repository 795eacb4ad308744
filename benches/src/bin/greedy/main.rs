//! Measures what others notice while one client asks for too much, strangers crowd in, or the network sends too much: how
//! long the others' pings take, and how much memory the daemon takes.
//!
//! ```text
//! greedy [--check] target/release/i3-gateway target/release/i3-gateway-threads …
//! ```
//!
//! With `--check` it fails when the 99th percentile of the pings or the memory is beyond its limit. Run it on a machine
//! that does nothing else. Linux only: memory is read from `/proc`.

#![allow(clippy::print_stdout)] // printing is what it is for

mod clients;
mod network;
mod strangers;

use i3_benches::daemon::{Client, Daemon, Outcome};
use i3_tests::wire;
use std::io::{BufRead, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The limit of the 99th percentile of the others' pings.
const P99_MAX: Duration = Duration::from_millis(20);
/// The limit of the memory that is taken besides what an idle daemon with the same lists takes, in kB.
const MEMORY_KB_MAX: u64 = 65_536;
const MUDS: usize = 20_000;
const LINES: usize = 1_500;
/// The time between two pings.
const PING_EVERY: Duration = Duration::from_millis(2);
/// How long the pings go on at least.
const LEAST: Duration = Duration::from_secs(1);

/// What is done meanwhile.
#[derive(Clone, Copy)]
struct Attack {
    name: &'static str,
    run: fn(&Daemon, &mut TcpStream) -> Outcome<()>,
}

const NOTHING: Attack = Attack { name: "nothing", run: |_, _| Ok(()) };

fn main() -> Outcome<()> {
    let mut arguments = std::env::args_os().skip(1).peekable();
    let checks = arguments.next_if(|first| first == "--check").is_some();
    println!(
        "| program | what goes on | pings | median, ms | p99, ms | longest, ms | RSS before, kB | highest RSS, kB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut beyond = Vec::new();
    for program in arguments.map(PathBuf::from) {
        let attacks = [clients::ATTACKS, strangers::ATTACKS, network::ATTACKS].concat();
        for attack in [NOTHING].iter().chain(&attacks) {
            if !measure(&program, attack)? {
                beyond.push(format!("{}: {}", program.display(), attack.name));
            }
        }
    }
    if checks && !beyond.is_empty() {
        return Err(format!("beyond the limits: {}", beyond.join("; ")).into());
    }
    Ok(())
}

/// Prints a row, and says whether it is within the limits.
fn measure(program: &Path, attack: &Attack) -> Outcome<bool> {
    let folder = tempfile::tempdir()?;
    let daemon = Daemon::start(program, folder.path(), None)?;
    let mut link = daemon.log_in()?;
    let mut game = daemon.line_client()?;
    ask(&mut game, 1, "channel_join", r#"["chat"]"#)?;
    next(&mut game)?;
    fill(&mut link)?;
    // What is sent over the link is read in order, and the ping comes after it.
    while !stats(&mut game)?.contains(&format!("\"mud_count\":{MUDS}")) {
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(game);
    let before = daemon.steady()?.resident;
    daemon.reset_highest()?;
    let is_over = AtomicBool::new(false);
    let mut other = daemon.line_client()?;
    let mut times = std::thread::scope(|scope| -> Outcome<Vec<Duration>> {
        let pings = scope.spawn(|| pings(&mut other, &is_over).map_err(|error| error.to_string()));
        let began = Instant::now();
        let outcome = (attack.run)(&daemon, &mut link);
        std::thread::sleep(LEAST.saturating_sub(began.elapsed()));
        is_over.store(true, Ordering::Relaxed);
        let times = pings.join().map_err(|_| "the pings ended")?;
        outcome?;
        Ok(times?)
    })?;
    let highest = daemon.status("VmHWM:")?;
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "| {} | {} | {} | {:.2} | {:.2} | {:.2} | {before} | {highest} |",
        program.file_name().unwrap_or_default().to_string_lossy(),
        attack.name,
        times.len(),
        milliseconds(at(0.5)),
        milliseconds(at(0.99)),
        milliseconds(at(1.0)),
    );
    Ok(at(0.99) <= P99_MAX && highest.saturating_sub(before) <= MEMORY_KB_MAX)
}

/// The router names muds, and another mud speaks on a channel.
fn fill(link: &mut TcpStream) -> Outcome<()> {
    for first in (0..MUDS).step_by(1000) {
        let entries: String = (first..first + 1000)
            .map(|n| format!(r#""Mud {n:05}":({{-1,"127.0.0.1",4000,0,0,"lib","base","driver","LPMud","open","a@b.c",(["tell":1,"channel":1,"who":1,"finger":1,]),0,}}),"#))
            .collect();
        let packet = format!(r#"({{"mudlist",5,"*net",0,"Alpha",0,{first},([{entries}]),}})"#);
        link.write_all(&wire::mudmode_frame(packet.as_bytes()))?;
    }
    let text = "lorem ipsum dolor sit amet ".repeat(50);
    for at in 0..LINES {
        let packet = format!(r#"({{"channel-m",5,"Mud {at:05}","bob",0,0,"chat","Bob","{at} {text}",}})"#);
        link.write_all(&wire::mudmode_frame(packet.as_bytes()))?;
    }
    Ok(())
}

fn request(id: usize, method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
}

fn ask(client: &mut Client, id: usize, method: &str, params: &str) -> Outcome<()> {
    Ok(client.stream.get_mut().write_all((request(id, method, params) + "\n").as_bytes())?)
}

/// The next answer; events are passed over.
fn next(client: &mut Client) -> Outcome<String> {
    let mut line = String::new();
    loop {
        line.clear();
        if client.stream.read_line(&mut line)? == 0 {
            return Err("the gateway closed the connection".into());
        }
        if line.starts_with(r#"{"jsonrpc":"2.0","id""#) || line.starts_with('[') {
            return Ok(line);
        }
    }
}

fn stats(client: &mut Client) -> Outcome<String> {
    ask(client, 1, "stats", "{}")?;
    next(client)
}

/// Pings until all is over, and at least for a while.
fn pings(client: &mut Client, is_over: &AtomicBool) -> Outcome<Vec<Duration>> {
    let mut times = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let began = Instant::now();
        ask(client, 1, "ping", "{}")?;
        next(client)?;
        times.push(began.elapsed());
        std::thread::sleep(PING_EVERY);
    }
    Ok(times)
}
