//! Runs one part of a fixed run of the gateway without sockets, for `benches/instructions.sh`, which counts its
//! instructions.
//!
//! ```text
//! instructions          # the parts, and what each counts
//! instructions PART     # runs it, and says how often it did what is counted
//! ```

#![allow(clippy::print_stdout)] // printing is what it is for

use i3_benches::bench_gateway::Bench;
use i3_benches::data::{channel_message, framed, mudlist};
use std::hint::black_box;
use std::process::ExitCode;

/// What is counted is done so often before it is counted: what is made once is made then.
const WARM_UP: usize = 50;

/// Channels of the part with many channels: as many as a session may hear.
const CHANNELS: usize = 500;

/// Lines of the part in which many come at once: about as many as a read of a busy link holds.
const LINES_AT_ONCE: usize = 50;

/// A part of the run.
struct Part {
    name: &'static str,
    counts: &'static str,
    times: usize,
    /// Makes what it works with.
    prepare: fn() -> Work,
}

/// A gateway, and one step of the work.
struct Work {
    bench: Bench,
    frames: Vec<Vec<u8>>,
    step: fn(&mut Bench, &[u8]),
}

const PARTS: &[Part] = &[
    Part {
        name: "line-to-1-client",
        counts: "a channel line that one client hears",
        times: 4_000,
        prepare: || relay(1),
    },
    Part {
        name: "50-lines-to-1-client",
        counts: "50 channel lines that come at once and one client hears",
        times: 200,
        prepare: || Work { bench: Bench::new(1), frames: vec![lines_at_once()], step: Bench::packet },
    },
    Part {
        name: "line-to-100-clients",
        counts: "a channel line that 100 clients hear",
        times: 1_000,
        prepare: || relay(100),
    },
    Part {
        name: "line-on-500-channels",
        counts: "a channel line on one of 500 channels that a client hears",
        times: 2_000,
        prepare: many_channels,
    },
    Part {
        name: "tell-to-the-network",
        counts: "a tell of a client to another mud",
        times: 4_000,
        prepare: || Work { bench: Bench::new(1), frames: vec![Vec::new()], step: |bench, _| bench.tell() },
    },
    Part {
        name: "tell-from-the-network",
        counts: "a tell of another mud to 10 clients",
        times: 2_000,
        prepare: || {
            let tell = r#"({"tell",5,"Dead Souls Dev","cratylus","Bench Mud","joe","Cratylus","Did you see what the router did last night?",})"#;
            Work { bench: Bench::new(10), frames: vec![framed(tell.as_bytes())], step: Bench::packet }
        },
    },
    Part {
        name: "mudlist",
        counts: "a mudlist of 164 muds that are known already",
        times: 20,
        prepare: || Work { bench: Bench::new(10), frames: vec![framed(&mudlist())], step: Bench::packet },
    },
];

fn relay(clients: usize) -> Work {
    Work { bench: Bench::new(clients), frames: vec![Vec::new()], step: |bench, _| bench.channel_message() }
}

fn lines_at_once() -> Vec<u8> {
    framed(&channel_message()).repeat(LINES_AT_ONCE)
}

fn many_channels() -> Work {
    let mut bench = Bench::new(1);
    let mut frames = Vec::new();
    for n in 0..CHANNELS - 1 {
        let name = format!("channel-{n}");
        bench.ask(&format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"channel_join\",\"params\":{{\"channel\":\"{name}\"}}}}\n"
        ));
        let line = format!(
            r#"({{"channel-m",5,"Dead Souls Dev","cratylus",0,0,"{name}","Cratylus","I think the mudlist is sent twice, once in groups of ten.",}})"#
        );
        frames.push(framed(line.as_bytes()));
    }
    Work { bench, frames, step: Bench::packet }
}

/// What is counted: callgrind begins here and ends here.
#[inline(never)]
fn counted_part(work: &mut Work, times: usize) -> u64 {
    run(work, times)
}

fn run(work: &mut Work, times: usize) -> u64 {
    let mut written = 0;
    for n in 0..times {
        (work.step)(&mut work.bench, &work.frames[n % work.frames.len()]);
        written += work.bench.drain();
    }
    written
}

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        PARTS.iter().for_each(|part| println!("{} {}", part.name, part.counts));
        return ExitCode::SUCCESS;
    };
    let Some(part) = PARTS.iter().find(|part| part.name == name) else {
        println!("there is no part {name}");
        return ExitCode::FAILURE;
    };
    let mut work = (part.prepare)();
    run(&mut work, WARM_UP.min(part.times));
    let written = black_box(counted_part(black_box(&mut work), part.times));
    // Only the mudlist has nothing to say to anybody.
    if written == 0 && part.name != "mudlist" {
        println!("{name} wrote nothing");
        return ExitCode::FAILURE;
    }
    println!("{}", part.times);
    ExitCode::SUCCESS
}
