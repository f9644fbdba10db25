//! The load: connections that send signed webhooks, each the next one when the last one is answered, or each message at
//! its own time.
//!
//! They speak HTTP in as few instructions as will do, because they share the processors with what they measure.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::forms::{self, Forms};
use super::message::Writer;
use super::stand_in::Replies;

/// No answer of a front door to the load is larger.
const MAX_ANSWER: usize = 16 * 1_024;
/// An answer to a try that takes longer is none.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

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
    /// What is asked of the endpoint of Flows, in the place of webhooks.
    pub forms: Option<Arc<Forms>>,
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
    /// Microseconds from the first byte sent to the last one of the 200, in rising order once all are there.
    pub acks_us: Vec<u32>,
    /// Answers other than 200.
    pub refused: u64,
}

impl Tally {
    /// An answer to what should have left at `since`.
    pub(super) fn count(&mut self, status: u16, since: Instant) {
        match status {
            200 => self.acks_us.push(u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX)),
            _ => self.refused += 1,
        }
    }

    pub(super) fn add(&mut self, part: Self) {
        self.acks_us.extend(part.acks_us);
        self.refused += part.refused;
    }

    /// What came since this was last asked, in rising order.
    pub(super) fn take(&mut self) -> Self {
        let mut taken = std::mem::take(self);
        taken.acks_us.sort_unstable();
        taken
    }

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
    gather(connections).await
}

async fn gather(mut connections: JoinSet<io::Result<Tally>>) -> io::Result<Tally> {
    let mut tally = Tally::default();
    while let Some(ended) = connections.join_next().await {
        tally.add(ended.map_err(io::Error::other)??);
    }
    tally.acks_us.sort_unstable();
    Ok(tally)
}

async fn connection(load: Load) -> io::Result<Tally> {
    let mut wire = Wire::connect(load.address).await?;
    let mut request = Vec::new();
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
        let sealed = match &load.forms {
            Some(forms) => Some(forms.request(&load.writer, n, &mut request)?),
            None => {
                load.writer.request(n, &mut request);
                None
            }
        };
        let sent = Instant::now();
        let status = wire.exchange(&request).await?;
        if status != 200 {
            load.nothing_sent();
        } else if let Some(sealed) = sealed {
            forms::check(&sealed, wire.body())?;
        }
        tally.count(status, sent);
    }
    Ok(tally)
}

/// When each message is to be sent, whatever came of the ones before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    start: Instant,
    first: u64,
    rate: u32,
}

impl Pace {
    /// From message number `first` on, so many a second.
    pub(super) fn new(start: Instant, first: u64, rate: u32) -> Self {
        Self { start, first, rate }
    }

    /// The time of a message; none before the first one.
    pub(super) fn due(&self, n: u64) -> Option<Instant> {
        let place = n.checked_sub(self.first)?;
        Some(self.start + Duration::from_secs_f64(place as f64 / f64::from(self.rate)))
    }
}

/// Sends each message at its time, until `load.end`, and adds each answer to `tally` as it comes. While all connections wait
/// for answers messages are late, and that counts: times begin when a message should have left.
pub(super) async fn send_paced(load: &Load, pace: Pace, tally: &Arc<Mutex<Tally>>) -> io::Result<()> {
    let mut connections = JoinSet::new();
    for _ in 0..load.conns {
        connections.spawn(paced_connection(load.clone(), pace, tally.clone()));
    }
    while let Some(ended) = connections.join_next().await {
        ended.map_err(io::Error::other)??;
    }
    Ok(())
}

async fn paced_connection(load: Load, pace: Pace, tally: Arc<Mutex<Tally>>) -> io::Result<()> {
    let mut wire = Wire::connect(load.address).await?;
    let mut request = Vec::new();
    loop {
        let n = load.next.fetch_add(1, Ordering::Relaxed);
        let Some(due) = pace.due(n).filter(|_| n < load.end) else { return Ok(()) };
        load.writer.request(n, &mut request);
        tokio::time::sleep_until(due).await;
        let status = wire.exchange(&request).await?;
        tally.lock().count(status, due);
    }
}

/// A kept-alive connection that carries one request at a time.
pub(super) struct Wire {
    stream: TcpStream,
    answer: Vec<u8>,
    body_at: usize,
}

impl Wire {
    /// The body of the last answer.
    fn body(&self) -> &[u8] {
        self.answer.get(self.body_at..).unwrap_or_default()
    }

    pub(super) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(MAX_ANSWER), body_at: 0 })
    }

    /// Sends a whole request and reads one whole answer; gives its status.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match Answer::parse(&self.answer) {
                Some(answer) if self.answer.len() >= answer.bytes => {
                    self.body_at = answer.head;
                    return Ok(answer.status);
                }
                _ if self.answer.len() > MAX_ANSWER => return Err(io::Error::other("an answer is too long")),
                _ => {}
            }
        }
    }
}

/// One try, over the connection that is there or a new one; one that broke is not used again.
pub(super) async fn attempt(address: SocketAddr, wire: &mut Option<Wire>, request: &[u8]) -> io::Result<u16> {
    let mut connected = match wire.take() {
        Some(connected) => connected,
        None => Wire::connect(address).await?,
    };
    let status = tokio::time::timeout(ANSWER_WITHIN, connected.exchange(request)).await??;
    *wire = Some(connected);
    Ok(status)
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// Bytes of the head.
    head: usize,
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
        Some(Self { status, head: end + 4, bytes: end + 4 + body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_is_whole_when_its_length_is_there() {
        let text = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(Answer::parse(text), Some(Answer { status: 503, head: text.len() - 3, bytes: text.len() }));
        assert_eq!(Answer::parse(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n"), None);
        assert_eq!(Answer::parse(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"), None);
        assert_eq!(Answer::parse(b"junk\r\n\r\n"), None);
    }

    #[test]
    fn each_message_has_its_time_whatever_came_before() {
        let start = Instant::now();
        let pace = Pace::new(start, 10, 4);
        assert_eq!(pace.due(9), None);
        assert_eq!(pace.due(10), Some(start));
        assert_eq!(pace.due(16), Some(start + Duration::from_millis(1_500)));
    }

    #[test]
    fn quantiles_come_from_the_sorted_times() {
        let tally = Tally { acks_us: (1..=101).map(|n| n * 1_000).collect(), refused: 0 };
        assert_eq!((tally.quantile_ms(0.5), tally.quantile_ms(0.99)), (51.0, 100.0));
        assert_eq!(Tally::default().quantile_ms(0.5), 0.0);
    }
}
