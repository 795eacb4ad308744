//! Prints the ratios that the budgets are about, all of them from this one run.

#![allow(clippy::print_stdout)] // printing is what it is for

use i3_benches::bench_gateway::{Bench, TELL};
use i3_benches::data;
use i3_benches::measure::{ROUNDS, interleaved, median};
use i3_core::i3::{Deframer, Packet, Value};
use serde_json::Value as Json;
use std::hint::black_box;
use std::time::Instant;

fn main() {
    println!("| LPC, ns a call | serde_json | tree | ratio (>= 2.0) | typed packet | ratio (>= 4.0) |");
    println!("|---|---|---|---|---|---|");
    for (name, lpc) in &data::texts() {
        reading(name, lpc);
    }
    println!();
    println!("| encoding, ns a call | serde_json | tree | ratio (>= 1.0) | typed packet | ratio (>= 1.0) |");
    println!("|---|---|---|---|---|---|");
    for (name, lpc) in &data::texts() {
        writing(name, lpc);
    }
    println!();
    println!("| frames, ns a call | in one piece | in pieces of 1,460 bytes |");
    println!("|---|---|---|");
    for (name, lpc) in &data::texts() {
        deframing(name, lpc);
    }
    if std::env::args().nth(1).as_deref() == Some("codec") {
        return;
    }
    println!();
    println!("| core, ns a call | budget | handled | with draining | serde_json | ratio |");
    println!("|---|---|---|---|---|---|");
    for clients in [1, 100, 1000] {
        inbound(clients);
    }
    tell();
}

fn reading(name: &str, lpc: &[u8]) {
    let json = data::to_json(lpc);
    let times = interleaved(
        ROUNDS,
        &mut [
            &mut || seen(&serde_json::from_slice::<Json>(black_box(&json))),
            &mut || seen(&Value::parse(black_box(lpc))),
            &mut || seen(&Packet::decode(black_box(lpc))),
        ],
    );
    println!(
        "| {name} ({} B, JSON {} B) | {:.0} | {:.0} | **{:.2}** | {:.0} | **{:.2}** |",
        lpc.len(),
        json.len(),
        times[0],
        times[1],
        times[0] / times[1],
        times[2],
        times[0] / times[2],
    );
}

/// Makes the compiler believe that a result is looked at, without moving it.
fn seen<T>(result: &T) {
    black_box(result);
}

fn writing(name: &str, lpc: &[u8]) {
    let json: Json = serde_json::from_slice(&data::to_json(lpc)).unwrap_or_default();
    let value = Value::parse(lpc).unwrap_or(Value::Int(0));
    let Ok((packet, _)) = Packet::decode(lpc) else { unreachable!("checked by data::texts") };
    // All three write into a new buffer: `to_vec` starts at 128 bytes and grows.
    let written = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut into = Vec::with_capacity(128);
        write(&mut into);
        drop(black_box(into));
    };
    let times = interleaved(
        ROUNDS,
        &mut [
            &mut || drop(black_box(serde_json::to_vec(black_box(&json)))),
            &mut || written(&|into| black_box(&value).write(into)),
            &mut || written(&|into| black_box(&packet).encode(into)),
        ],
    );
    println!(
        "| {name} | {:.0} | {:.0} | **{:.2}** | {:.0} | **{:.2}** |",
        times[0],
        times[1],
        times[0] / times[1],
        times[2],
        times[0] / times[2],
    );
}

fn deframing(name: &str, lpc: &[u8]) {
    let frame = data::framed(lpc);
    let read = |piece_bytes: usize| {
        let mut deframer = Deframer::default();
        for mut piece in frame.chunks(piece_bytes) {
            while let Ok(Some(text)) = deframer.next(&mut piece) {
                black_box(text);
            }
        }
    };
    let times = interleaved(ROUNDS, &mut [&mut || read(usize::MAX), &mut || read(1460)]);
    println!("| {name} | {:.0} | {:.0} |", times[0], times[1]);
}

/// Median nanoseconds of `step`, and of `step` with `after`, which is not counted in the first.
fn steps(bench: &mut Bench, rounds: usize, step: fn(&mut Bench)) -> [f64; 2] {
    let (mut alone, mut all) = (Vec::with_capacity(rounds), Vec::with_capacity(rounds));
    for _ in 0..rounds {
        let start = Instant::now();
        step(bench);
        alone.push(start.elapsed().as_nanos() as f64);
        black_box(bench.drain());
        all.push(start.elapsed().as_nanos() as f64);
    }
    // What reading the clock itself takes, seen the same way.
    let empty = median((0..1001).map(|_| Instant::now().elapsed().as_nanos() as f64).collect());
    [median(alone) - empty, median(all) - empty]
}

/// Against: the same line as JSON into a `Value`, and the event written once.
fn inbound(clients: usize) {
    let mut bench = Bench::new(clients);
    let rounds = 2_000_000 / (clients + 200);
    steps(&mut bench, rounds / 10, Bench::channel_message);
    let times = steps(&mut bench, rounds, Bench::channel_message);
    let json = data::to_json(&data::channel_message());
    let baseline = interleaved(ROUNDS / 3, &mut [&mut || json_in_and_out(&json)])[0];
    println!(
        "| channel message to {clients} | {} | {:.0} | {:.0} | {baseline:.0} | {:.2} |",
        2000 + 30 * clients,
        times[0],
        times[1],
        baseline / times[0],
    );
}

/// Against: the request as a `Value`, and an answer of its size written once.
fn tell() {
    let mut bench = Bench::new(1);
    steps(&mut bench, 2000, Bench::tell);
    let times = steps(&mut bench, 20_000, Bench::tell);
    let baseline = interleaved(ROUNDS / 3, &mut [&mut || json_in_and_out(TELL.trim_end().as_bytes())])[0];
    println!(
        "| tell request | 3000 | {:.0} | {:.0} | {baseline:.0} | {:.2} |",
        times[0],
        times[1],
        baseline / times[0],
    );
}

fn json_in_and_out(json: &[u8]) {
    let value = serde_json::from_slice::<Json>(black_box(json)).unwrap_or_default();
    drop(black_box(serde_json::to_vec(&value)));
}
