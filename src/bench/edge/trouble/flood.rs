//! Whole webhooks with a signature that is not Meta's, and bytes that are no request.

use std::time::Duration;

use rand::RngExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Ground;
use crate::bench::load::attempt;
use crate::bench::message::Writer;

/// Wrong signatures a second, over so many connections.
const FORGED_A_SECOND: u32 = 2_000;
const CONNECTIONS: u32 = 64;
/// Connections of garbage a second, and its bytes.
const GARBAGE_A_SECOND: u32 = 200;
const GARBAGE_TASKS: u32 = 8;
const GARBAGE: usize = 4_096;
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(ground: &Ground) {
    let forger = ground.writer.with_secret("somebody-else-has-this-secret".into());
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (ground, forger) = (ground.clone(), forger.clone());
        tasks.spawn(async move { ground.stop.run_until_cancelled(forge(&ground, &forger)).await });
    }
    for _ in 0..GARBAGE_TASKS {
        let ground = ground.clone();
        tasks.spawn(async move { ground.stop.run_until_cancelled(garbage(&ground)).await });
    }
    tasks.join_all().await;
}

async fn forge(ground: &Ground, forger: &Writer) {
    let (mut wire, mut request) = (None, Vec::new());
    let mut ticks = tokio::time::interval(Duration::from_secs(1) * CONNECTIONS / FORGED_A_SECOND);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    forger.request(super::super::ears::HIDDEN, &mut request);
    loop {
        ticks.tick().await;
        ground.counts.add(|counts| &counts.made, 1);
        match attempt(ground.address, &mut wire, &request).await {
            Ok(200..300) => ground.counts.add(|counts| &counts.wrong, 1),
            Ok(_) => ground.counts.add(|counts| &counts.refused, 1),
            Err(_) => ground.counts.add(|counts| &counts.closed, 1),
        }
    }
}

async fn garbage(ground: &Ground) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) * GARBAGE_TASKS / GARBAGE_A_SECOND);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let mut bytes = vec![0; GARBAGE];
        rand::rng().fill(&mut bytes[..]);
        ground.counts.add(|counts| &counts.made, 1);
        let answer = tokio::time::timeout(PATIENCE, exchange(ground, &bytes)).await;
        match answer {
            Ok(Ok(answer)) if answer.starts_with(b"HTTP/1.1 2") => ground.counts.add(|counts| &counts.wrong, 1),
            _ => ground.counts.add(|counts| &counts.closed, 1),
        }
    }
}

/// Everything that comes back until the door closes.
async fn exchange(ground: &Ground, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(ground.address).await?;
    stream.write_all(bytes).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}
