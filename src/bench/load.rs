//! The load: connections that send signed webhooks, each the next one when the last one is answered.
//!
//! They speak HTTP in as few instructions as will do, because they share the processors with what they measure.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::message::Writer;
use super::stand_in::Replies;

/// No answer of a front door to the load is larger.
const MAX_ANSWER: usize = 16 * 1_024;

/// What is sent, and for how long.
#[derive(Clone)]
pub(super) struct Load {
    pub address: SocketAddr,
    pub conns: u32,
    pub writer: Arc<Writer>,
    /// The number of the next message.
    pub next: Arc<AtomicU64>,
    /// Messages end before this one.
    pub end: u64,
    /// Nothing is sent after this time.
    pub until: Instant,
    /// Where replies are expected: messages without a reply are bounded then.
    pub replies: Option<Arc<Replies>>,
}

impl Load {
    /// No reply will come of the room that was taken.
    fn nothing_sent(&self) {
        if let Some(replies) = &self.replies {
            replies.give_back();
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Microseconds from the first byte sent to the last one of the 200, in rising order.
    pub acks_us: Vec<u32>,
    /// Answers other than 200.
    pub refused: u64,
}

impl Tally {
    /// The time that `share` of the answers took at most, in milliseconds.
    pub(super) fn quantile_ms(&self, share: f64) -> f64 {
        let last = self.acks_us.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.acks_us.get(at).map_or(0.0, |us| f64::from(*us) / 1_000.0)
    }
}

/// Sends until the time or the messages are over. Errors: a connection could not be made, or broke.
pub(super) async fn send(load: &Load) -> io::Result<Tally> {
    let mut connections = JoinSet::new();
    for _ in 0..load.conns {
        connections.spawn(connection(load.clone()));
    }
    let mut tally = Tally::default();
    while let Some(ended) = connections.join_next().await {
        let part = ended.map_err(io::Error::other)??;
        tally.acks_us.extend(part.acks_us);
        tally.refused += part.refused;
    }
    tally.acks_us.sort_unstable();
    Ok(tally)
}

async fn connection(load: Load) -> io::Result<Tally> {
    let mut stream = TcpStream::connect(load.address).await?;
    stream.set_nodelay(true)?;
    let (mut request, mut answer) = (Vec::new(), Vec::with_capacity(MAX_ANSWER));
    let mut tally = Tally::default();
    while Instant::now() < load.until {
        if let Some(replies) = &load.replies
            && !replies.room(load.until).await
        {
            break;
        }
        let n = load.next.fetch_add(1, Ordering::Relaxed);
        if n >= load.end {
            load.nothing_sent();
            break;
        }
        load.writer.request(n, &mut request);
        let sent = Instant::now();
        stream.write_all(&request).await?;
        match read_answer(&mut stream, &mut answer).await? {
            200 => tally.acks_us.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX)),
            _ => {
                load.nothing_sent();
                tally.refused += 1;
            }
        }
    }
    Ok(tally)
}

/// Reads one whole answer; gives its status.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<u16> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match Answer::parse(buffer) {
            Some(answer) if buffer.len() >= answer.bytes => return Ok(answer.status),
            _ if buffer.len() > MAX_ANSWER => return Err(io::Error::other("an answer is too long")),
            _ => {}
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// Of head and body.
    bytes: usize,
}

impl Answer {
    /// Reads the head; `None` until all of it is there, or if it is none.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let length =
            lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let body: usize = length.map_or(Some(0), |(_, value)| value.trim().parse().ok())?;
        Some(Self { status, bytes: end + 4 + body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_is_whole_when_its_length_is_there() {
        let text = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(Answer::parse(text), Some(Answer { status: 503, bytes: text.len() }));
        assert_eq!(Answer::parse(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n"), None);
        assert_eq!(Answer::parse(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"), None);
        assert_eq!(Answer::parse(b"junk\r\n\r\n"), None);
    }

    #[test]
    fn quantiles_come_from_the_sorted_times() {
        let tally = Tally { acks_us: (1..=101).map(|n| n * 1_000).collect(), refused: 0 };
        assert_eq!((tally.quantile_ms(0.5), tally.quantile_ms(0.99)), (51.0, 100.0));
        assert_eq!(Tally::default().quantile_ms(0.5), 0.0);
    }
}
