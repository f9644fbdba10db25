//! Connections that hold a place: slow ones and silent ones.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Ground;
use crate::front::WEBHOOK_PATH;

/// Connections that trickle at once, and the pause between two bytes.
const SLOW: usize = 1_000;
const TRICKLE: Duration = Duration::from_millis(900);
/// Of the idle ones so many are opened at once, and so many batches a second.
const BATCH: u32 = 25;
const BATCHES: u32 = 40;

/// Half of them send a head a byte at a time, half a body; whoever is closed begins again.
pub(super) async fn slow(ground: &Ground) {
    let mut connections = JoinSet::new();
    for at in 0..SLOW {
        let ground = ground.clone();
        connections
            .spawn(async move { while ground.stop.run_until_cancelled(trickle(&ground, at)).await.is_some() {} });
    }
    connections.join_all().await;
}

async fn trickle(ground: &Ground, at: usize) {
    // Not all in one moment.
    tokio::time::sleep(TRICKLE.mul_f64((at % 100) as f64 / 100.0)).await;
    ground.counts.add(|counts| &counts.made, 1);
    if trickled(ground, at).await.is_err() {
        ground.counts.add(|counts| &counts.closed, 1);
    }
}

async fn trickled(ground: &Ground, at: usize) -> io::Result<()> {
    let mut stream = TcpStream::connect(ground.address).await?;
    let head = format!("POST {WEBHOOK_PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n");
    if at.is_multiple_of(2) {
        stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    } else {
        stream.write_all(head.as_bytes()).await?;
    }
    loop {
        tokio::time::sleep(TRICKLE).await;
        // After the door has closed, the first byte is answered with a reset, which the next one meets.
        stream.write_all(b"x").await?;
    }
}

/// So many connections that never say anything, all held until the end.
pub(super) async fn idle(ground: &Ground, connections: u32) {
    let mut held = Vec::with_capacity(connections as usize);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / BATCHES);
    let opening = async {
        while (held.len() as u32) < connections {
            ticks.tick().await;
            for _ in 0..BATCH {
                if let Ok(stream) = TcpStream::connect(ground.address).await {
                    held.push(stream);
                    ground.counts.add(|counts| &counts.made, 1);
                } else {
                    ground.counts.add(|counts| &counts.refused, 1);
                }
            }
        }
    };
    if ground.stop.run_until_cancelled(opening).await.is_some() {
        ground.stop.cancelled().await;
    }
    let is_closed = |stream: &&TcpStream| !matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
    // Readiness of a socket is known once the runtime has looked at it.
    tokio::time::sleep(TRICKLE).await;
    ground.counts.add(|counts| &counts.closed, held.iter().filter(is_closed).count() as u64);
}
