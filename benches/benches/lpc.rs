//! The wire codec, with serde_json on the same data beside each row.

#![allow(missing_docs)] // criterion's macros

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use i3_benches::data;
use i3_core::i3::{Deframer, Packet, Value};
use serde_json::Value as Json;
use std::hint::black_box;

fn read(c: &mut Criterion) {
    let mut group = c.benchmark_group("read");
    for (name, lpc) in &data::texts() {
        let json = data::to_json(lpc);
        group.throughput(Throughput::Bytes(lpc.len() as u64));
        group.bench_function(BenchmarkId::new("serde_json", name), |b| {
            b.iter(|| serde_json::from_slice::<Json>(black_box(&json)));
        });
        group.bench_function(BenchmarkId::new("tree", name), |b| b.iter(|| Value::parse(black_box(lpc))));
        group.bench_function(BenchmarkId::new("packet", name), |b| b.iter(|| Packet::decode(black_box(lpc))));
    }
    group.finish();
}

fn write(c: &mut Criterion) {
    let mut group = c.benchmark_group("write");
    for (name, lpc) in &data::texts() {
        let json: Json = serde_json::from_slice(&data::to_json(lpc)).unwrap_or_default();
        let value = Value::parse(lpc).unwrap_or(Value::Int(0));
        let Ok((packet, _)) = Packet::decode(lpc) else { unreachable!("checked by data::texts") };
        group.throughput(Throughput::Bytes(lpc.len() as u64));
        group.bench_function(BenchmarkId::new("serde_json", name), |b| {
            b.iter(|| serde_json::to_vec(black_box(&json)));
        });
        group.bench_function(BenchmarkId::new("tree", name), |b| {
            b.iter(|| {
                let mut into = Vec::with_capacity(128);
                black_box(&value).write(&mut into);
                into
            });
        });
        group.bench_function(BenchmarkId::new("packet", name), |b| {
            b.iter(|| {
                let mut into = Vec::with_capacity(128);
                black_box(&packet).encode(&mut into);
                into
            });
        });
    }
    group.finish();
}

fn deframe(c: &mut Criterion) {
    let mut group = c.benchmark_group("deframe");
    for (name, lpc) in &data::texts() {
        let frame = data::framed(lpc);
        group.throughput(Throughput::Bytes(frame.len() as u64));
        for piece_bytes in [usize::MAX, 1460, 1] {
            let id = BenchmarkId::new(
                if piece_bytes == usize::MAX { "whole".into() } else { piece_bytes.to_string() },
                name,
            );
            group.bench_function(id, |b| {
                b.iter(|| {
                    let mut deframer = Deframer::default();
                    for mut piece in frame.chunks(piece_bytes) {
                        while let Ok(Some(text)) = deframer.next(&mut piece) {
                            black_box(text);
                        }
                    }
                });
            });
        }
    }
    group.finish();
}

criterion_group!(lpc, read, write, deframe);
criterion_main!(lpc);
