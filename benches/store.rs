//! How many messages and turns does the store commit a second, by how many share a commit? Every answer comes after the
//! sync. What is folded meanwhile is part of the figure.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use storage::{Accept, Alias, ConversationId, Inbound, NewSend, Options, Partition, RedbStore, Revision, Store, Turn};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Items that share a commit.
const BATCHES: [u64; 4] = [1, 16, 64, 256];
/// Conversations that take turns.
const PEOPLE: u64 = 10_000;

fn open() -> (TempDir, Arc<RedbStore>) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let store = RedbStore::open(&dir.path().join("bench.redb"), Options::default()).expect("an empty store opens");
    (dir, store)
}

fn message(n: u64) -> Accept {
    Accept::Message(Inbound {
        partition: Partition("700800900100200".into()),
        aliases: vec![Alias(format!("wa:9990000{:07}", n % PEOPLE).into())],
        received_ms: n,
        payload: vec![b'x'; 900].into(),
    })
}

/// The turn of a small bot: 1 KB of state, 1.75 KB of history, one reply.
fn turn(person: u64, revision: u64) -> Turn {
    let mut id = [7; 16];
    id[8..].copy_from_slice(&person.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    Turn {
        conversation: ConversationId(id),
        expected: Revision(revision),
        at_ms: 1_790_000_000_000 + revision,
        consumed: Vec::new(),
        snapshot: filler(1_000),
        entries: vec![filler(1_750)],
        sends: vec![NewSend { n: revision + 1, nonce: 1, payload: filler(240) }],
        wake_ms: None,
        aliases: Vec::new(),
        dead_letters: Vec::new(),
        append: Vec::new(),
        documents: Vec::new(),
        resolved: Vec::new(),
    }
}

fn filler(bytes: usize) -> Bytes {
    vec![b'x'; bytes].into()
}

fn append(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("store append");
    group.sampling_mode(SamplingMode::Flat).sample_size(20).measurement_time(Duration::from_secs(2));
    for batch in BATCHES {
        let (_dir, store) = open();
        let mut next = 0;
        group.throughput(Throughput::Elements(batch));
        group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
            bencher.iter(|| {
                next += batch;
                runtime.block_on(store.append((next..next + batch).map(message).collect())).expect("it stores")
            });
        });
    }
    group.finish();
}

/// As many callers as the batch, each with a turn of another person. The first one's commit begins at once, so the rest
/// shares the second.
fn commit(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("store turn");
    group.sampling_mode(SamplingMode::Flat).sample_size(20).measurement_time(Duration::from_secs(2));
    for batch in BATCHES {
        let (_dir, store) = open();
        let fence = store.fence(&Partition("700800900100200".into()));
        let mut revisions = vec![0; PEOPLE as usize];
        let mut next = 0;
        group.throughput(Throughput::Elements(batch));
        group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
            bencher.iter(|| {
                let turns = (next..next + batch).map(|n| {
                    let person = n % PEOPLE;
                    let revision = &mut revisions[person as usize];
                    *revision += 1;
                    store.commit(fence, turn(person, *revision - 1))
                });
                let answers = runtime.block_on(join_all(turns.collect::<Vec<_>>()));
                assert!(answers.iter().all(Result::is_ok), "a turn was refused");
                next += batch;
            });
        });
    }
    group.finish();
}

criterion_group!(benches, append, commit);
criterion_main!(benches);
