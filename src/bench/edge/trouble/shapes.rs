//! Requests whose ends two readers could see in two places, with a signed webhook hidden behind the first end: it must never
//! be taken. Between them requests that follow each other on a connection honestly, which must each be answered.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::super::ears::{HIDDEN, PIPELINED};
use super::Ground;
use crate::front::WEBHOOK_PATH;

const A_SECOND: u32 = 200;
const TASKS: u32 = 16;
const PATIENCE: Duration = Duration::from_secs(3);
/// More than any head may have.
const HUGE: usize = 64 * 1_024;
/// Requests in a row on one connection.
const IN_A_ROW: u64 = 8;
/// More than a task makes in the longest run; with these the honest requests stay below the hidden ones. Not a multiple of
/// the people who chat, so that tasks do not write for the same eight of them at once: each waits behind their own replies.
const ROUNDS: u64 = 70_001;
const _: () = assert!(PIPELINED + TASKS as u64 * ROUNDS * IN_A_ROW <= HIDDEN);

pub(super) async fn run(ground: &Ground) {
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let ground = ground.clone();
        tasks.spawn(async move { ground.stop.run_until_cancelled(send(&ground, task.into())).await });
    }
    tasks.join_all().await;
}

async fn send(ground: &Ground, task: u64) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) * TASKS / A_SECOND);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut hidden = Vec::new();
    ground.writer.request(HIDDEN + task, &mut hidden);
    for round in 0_u64.. {
        ticks.tick().await;
        ground.counts.add(|counts| &counts.made, 1);
        let shape = SHAPES[round as usize % SHAPES.len()];
        let successes = successes(ground, &shape(&hidden), None).await;
        ground.counts.add(|counts| if successes > 0 { &counts.wrong } else { &counts.refused }, 1);
        if (round + 1).is_multiple_of(SHAPES.len() as u64) {
            in_a_row(ground, PIPELINED + (task * ROUNDS + round) * IN_A_ROW).await;
        }
    }
}

/// Whole signed requests, all written before the first answer is read.
async fn in_a_row(ground: &Ground, first: u64) {
    let (mut all, mut one) = (Vec::new(), Vec::new());
    for n in first..first + IN_A_ROW {
        ground.writer.request(n, &mut one);
        all.extend_from_slice(&one);
    }
    let successes = successes(ground, &all, Some(IN_A_ROW)).await;
    ground.counts.add(|counts| &counts.taken, successes);
    ground.counts.add(|counts| &counts.wrong, successes.abs_diff(IN_A_ROW));
}

type Shape = fn(&[u8]) -> Vec<u8>;

/// See `tests/it/abuse.rs` for what each of them is answered; here they come while others chat.
const SHAPES: [Shape; 12] = [
    |hidden| {
        post(&format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", hidden.len() + 5), b"0\r\n\r\n", hidden)
    },
    |hidden| post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"0\r\n\r\n", hidden),
    |hidden| post(&format!("Content-Length: 0\r\nContent-Length: {}\r\n", hidden.len()), b"", hidden),
    |hidden| post(&format!("Content-Length: 0, {}\r\n", hidden.len()), b"", hidden),
    |hidden| post(&format!("Content-Length: +{}\r\n", hidden.len()), b"", hidden),
    |hidden| post("Content-Length: -1\r\n", b"", hidden),
    |hidden| post("Transfer-Encoding: chunked\r\n", b"0x0\r\n\r\n", hidden),
    |hidden| post("Transfer-Encoding: chunked\r\n", b"fffffffffffffffff\r\n", hidden),
    |hidden| post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b"0\r\n\r\n", hidden),
    |hidden| post(&format!("Content-Length : {}\r\n", hidden.len()), b"", hidden),
    |hidden| post(&format!("X: {}\r\nContent-Length: 0\r\n", "y".repeat(HUGE)), b"", hidden),
    |hidden| post(&format!("Content-Length:\r\n {}\r\n", hidden.len()), b"", hidden),
];

fn post(headers: &str, body: &[u8], hidden: &[u8]) -> Vec<u8> {
    [format!("POST {WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").as_bytes(), body, hidden].concat()
}

/// Sends it, and counts the answers that say that something was taken, until there are enough, the door closes or nothing
/// comes any more. Who waits for none in particular ends its side first; behind a whole request that is a peer that has
/// gone, which gets no answer.
async fn successes(ground: &Ground, bytes: &[u8], enough: Option<u64>) -> u64 {
    let mut answers = Vec::new();
    let exchange = async {
        let mut stream = TcpStream::connect(ground.address).await?;
        stream.write_all(bytes).await?;
        if enough.is_none() {
            stream.shutdown().await?;
        }
        while enough.is_none_or(|enough| taken(&answers) < enough) && stream.read_buf(&mut answers).await? > 0 {}
        std::io::Result::Ok(())
    };
    // A door that closes before it has read everything resets the connection; what it answered counts.
    let _reset = tokio::time::timeout(PATIENCE, exchange).await;
    taken(&answers)
}

fn taken(answers: &[u8]) -> u64 {
    answers.windows(10).filter(|window| *window == b"HTTP/1.1 2").count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_hides_the_whole_request() {
        let hidden = b"POST / HTTP/1.1\r\n\r\nhidden".to_vec();
        for shape in SHAPES {
            let bytes = shape(&hidden);
            assert!(bytes.starts_with(b"POST ") && bytes.ends_with(&hidden) && bytes.len() > hidden.len());
        }
    }
}
