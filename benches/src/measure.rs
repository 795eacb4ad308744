//! Interleaved measurement: all candidates take turns in short batches, so that a slow moment of the machine slows all
//! of them, and medians are compared.

use std::time::{Duration, Instant};

/// How long one batch of one candidate takes, roughly.
const BATCH: Duration = Duration::from_micros(500);

/// Turns that each candidate gets.
pub const ROUNDS: usize = 301;

/// Median nanoseconds per call of each candidate.
pub fn interleaved(rounds: usize, candidates: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let calls: Vec<u32> = candidates.iter_mut().map(|candidate| calls_per_batch(*candidate)).collect();
    let mut samples = vec![Vec::with_capacity(rounds); candidates.len()];
    for _ in 0..rounds {
        for (at, candidate) in candidates.iter_mut().enumerate() {
            let start = Instant::now();
            for _ in 0..calls[at] {
                candidate();
            }
            samples[at].push(start.elapsed().as_nanos() as f64 / f64::from(calls[at]));
        }
    }
    samples.into_iter().map(median).collect()
}

fn calls_per_batch(candidate: &mut dyn FnMut()) -> u32 {
    let mut calls = 1;
    loop {
        let start = Instant::now();
        for _ in 0..calls {
            candidate();
        }
        if start.elapsed() >= BATCH {
            return calls;
        }
        calls *= 2;
    }
}

/// The middle of the samples.
pub fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}
