//! What does it cost to prove that a webhook body is Meta's, at the sizes that Meta sends?
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use secrecy::SecretString;
use whatsapp::signature::{Verifier, sign, verify};

fn signature(criterion: &mut Criterion) {
    let secrets = [SecretString::from("bench-app-secret"), SecretString::from("bench-app-secret-before")];
    let verifier = Verifier::new(&secrets);
    let mut group = criterion.benchmark_group("signature");
    for bytes in [500, 1_000, 10_000, 1_000_000] {
        let body = vec![b'x'; bytes];
        let header = sign(&secrets[0], &body);
        let older = sign(&secrets[1], &body);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new("keyed before", bytes), |bencher| {
            bencher.iter(|| verifier.verify(black_box(Some(&header)), black_box(&body)));
        });
        group.bench_function(BenchmarkId::new("keyed each time", bytes), |bencher| {
            bencher.iter(|| verify(&secrets, black_box(Some(&header)), black_box(&body)));
        });
        group.bench_function(BenchmarkId::new("second secret of a rotation", bytes), |bencher| {
            bencher.iter(|| verifier.verify(black_box(Some(&older)), black_box(&body)));
        });
    }
    group.finish();
}

criterion_group!(benches, signature);
criterion_main!(benches);
