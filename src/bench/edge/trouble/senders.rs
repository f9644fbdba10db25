//! Signed messages, more than anybody can be asked to answer at once: of very many people, or of one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::ears::{CROWD, ONE};
use super::Ground;
use crate::bench::load::attempt;

/// Messages of distinct people in one webhook: as fast as it goes, and at a rate.
const IN_A_BODY: u64 = 500;
const IN_A_PACED_BODY: u64 = 100;
const CONNECTIONS: u32 = 4;
/// People of the crowd have numbers from here on, those who come at a rate others; the one who floods has the one before.
const FIRST_PERSON: u64 = 1_000_000;
const FIRST_PACED: u64 = 3_000_000;
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Everybody of them once, as fast as it is acknowledged.
pub(super) async fn crowd(ground: &Ground, senders: u32) {
    strangers(ground, senders, IN_A_BODY, FIRST_PERSON, Duration::ZERO).await;
}

/// Everybody of them once, so many a second.
pub(super) async fn stream(ground: &Ground, senders: u32, rate: u32) {
    let every = Duration::from_secs(1) * IN_A_PACED_BODY as u32 / rate;
    strangers(ground, senders, IN_A_PACED_BODY, FIRST_PACED, every).await;
}

async fn strangers(ground: &Ground, senders: u32, in_a_body: u64, first_person: u64, every: Duration) {
    let senders = u64::from(senders);
    each(ground, senders.div_ceil(in_a_body), every, move |ground, at, request| {
        let (first, end) = (first_person + at * in_a_body, first_person + ((at + 1) * in_a_body).min(senders));
        ground.writer.batch((first..end).map(|person| (CROWD + person, person)), request);
        end - first
    })
    .await;
}

/// All of one person, as fast as it is acknowledged.
pub(super) async fn one(ground: &Ground, messages: u32) {
    each(ground, messages.into(), Duration::ZERO, |ground, at, request| {
        ground.writer.request_of(ONE + at, FIRST_PERSON - 1, request);
        1
    })
    .await;
}

/// Sends so many requests over a few connections, none before its time, each again until it is taken. `write` writes one and
/// says how many messages it has.
async fn each<W>(ground: &Ground, requests: u64, every: Duration, write: W)
where
    W: Fn(&Ground, u64, &mut Vec<u8>) -> u64 + Clone + Send + 'static,
{
    let (start, next, mut connections) = (Instant::now(), Arc::new(AtomicU64::new(0)), JoinSet::new());
    for _ in 0..CONNECTIONS {
        let (ground, next, write) = (ground.clone(), next.clone(), write.clone());
        connections.spawn(async move {
            let (mut wire, mut request) = (None, Vec::new());
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= requests || ground.stop.is_cancelled() {
                    return;
                }
                tokio::time::sleep_until(start + every.mul_f64(at as f64)).await;
                let messages = write(&ground, at, &mut request);
                ground.counts.add(|counts| &counts.made, messages);
                while !matches!(attempt(ground.address, &mut wire, &request).await, Ok(200)) {
                    ground.counts.add(|counts| &counts.refused, 1);
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
                ground.counts.add(|counts| &counts.taken, messages);
            }
        });
    }
    connections.join_all().await;
}
