//! What does it cost to write and read the snapshot of a conversation, and would JSON be cheaper than MessagePack?
//! With little in it, and with 4 KB of variables.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use chatbot::Snapshot;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use serde::Serialize;
use serde_json::{Map, Value, json};

fn snapshot(variables: usize) -> Snapshot {
    let variable = |n: usize| {
        let value = match n % 3 {
            0 => json!(format!("the answer to question {n}, as it was typed")),
            1 => json!({ "id": n, "title": "Prinsengracht", "open": true }),
            _ => json!([n, n + 1, 0.5]),
        };
        (format!("variable_{n}"), value)
    };
    let vars: Map<String, Value> = (0..variables).map(variable).collect();
    let run = json!({
        "id": "0123456789abcdef", "bot": "bench", "version": "0".repeat(64), "started_ms": 1_790_000_000_000_u64,
        "turns": 12, "vars": vars, "wait": { "node": "question", "idle_ms": 1_790_007_200_000_u64 },
    });
    serde_json::from_value(json!({ "run": run, "contact": { "visits": 3 } })).expect("the form of a snapshot")
}

fn message_pack(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    snapshot.serialize(&mut serializer).expect("plain data always encodes");
    bytes
}

fn json_text(snapshot: &Snapshot) -> Vec<u8> {
    serde_json::to_vec(snapshot).expect("plain data always encodes")
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    for (size, variables) in [("small", 4), ("4 KB", 75)] {
        let snapshot = snapshot(variables);
        let (packed, text) = (message_pack(&snapshot), json_text(&snapshot));
        let [packed_name, text_name] = ["MessagePack", "JSON"];
        let id = |what: &str, bytes: &[u8]| BenchmarkId::new(what, format!("{size}, {} B", bytes.len()));
        group.bench_function(id(&format!("write {packed_name}"), &packed), |bencher| {
            bencher.iter(|| message_pack(black_box(&snapshot)));
        });
        group.bench_function(id(&format!("write {text_name}"), &text), |bencher| {
            bencher.iter(|| json_text(black_box(&snapshot)));
        });
        group.bench_function(id(&format!("read {packed_name}"), &packed), |bencher| {
            bencher.iter(|| rmp_serde::from_slice::<Snapshot>(black_box(&packed)));
        });
        group.bench_function(id(&format!("read {text_name}"), &text), |bencher| {
            bencher.iter(|| serde_json::from_slice::<Snapshot>(black_box(&text)));
        });
    }
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
