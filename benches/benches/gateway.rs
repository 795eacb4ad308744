//! One channel line and one `tell` through the whole core.

#![allow(missing_docs)] // criterion's macros

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use i3_benches::bench_gateway::Bench;
use std::time::{Duration, Instant};

/// The time of `step` alone; what it queued is taken between the steps.
fn timed(bench: &mut Bench, times: u64, step: fn(&mut Bench)) -> Duration {
    let mut total = Duration::ZERO;
    for _ in 0..times {
        let start = Instant::now();
        step(bench);
        total += start.elapsed();
        bench.drain();
    }
    total
}

fn inbound(c: &mut Criterion) {
    let mut group = c.benchmark_group("inbound channel message");
    for clients in [1, 100, 1000] {
        let mut bench = Bench::new(clients);
        group.throughput(Throughput::Elements(clients as u64));
        group.bench_function(BenchmarkId::from_parameter(clients), |b| {
            b.iter_custom(|times| timed(&mut bench, times, Bench::channel_message));
        });
    }
    group.finish();
}

fn tell(c: &mut Criterion) {
    let mut bench = Bench::new(1);
    c.bench_function("tell request", |b| b.iter_custom(|times| timed(&mut bench, times, Bench::tell)));
}

criterion_group!(gateway, inbound, tell);
criterion_main!(gateway);
