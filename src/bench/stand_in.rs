//! The Graph API of a bench: takes every message at once and ticks its number off, and answers that there is nothing to
//! whatever else is asked. It checks nothing, so that it costs the measured processes little.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::message;
use crate::net::{self, Body, Limits};

/// Messages that may be without a reply at once: enough to keep everything busy, and a bound on what must be worked off.
const OPEN: usize = 1_024;
/// Higher message numbers are none of the load's.
const MOST_MESSAGES: usize = 1 << 28;
pub(super) const LIMITS: Limits =
    Limits { max_connections: 4_096, header_timeout: Duration::from_secs(60), idle_timeout: Duration::from_secs(60) };

/// Hears of every first reply to a message: its number, and the body of the POST.
pub(super) type Hear = Arc<dyn Fn(u64, &[u8]) + Send + Sync>;

/// A running stand-in; dropping it ends it.
pub(super) struct StandIn {
    pub address: SocketAddr,
    pub replies: Arc<Replies>,
    stop: CancellationToken,
}

impl StandIn {
    /// Starts one; `hear` hears of first replies.
    pub(super) async fn start(hear: Hear) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, replies, stop) = (listener.local_addr()?, Arc::new(Replies::default()), CancellationToken::new());
        let seen = replies.clone();
        let service = move |request, _| answer(request, seen.clone(), hear.clone());
        tokio::spawn(net::serve(listener, LIMITS, service, stop.clone(), Duration::ZERO));
        Ok(Self { address, replies, stop })
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The id that the reply to a message gets.
pub(super) fn reply_wamid(n: u64) -> String {
    format!("wamid.REPLY{n:012}")
}

async fn answer(request: Request<Incoming>, replies: Arc<Replies>, hear: Hear) -> Response<Body> {
    if request.method() != Method::POST || !request.uri().path().ends_with("/messages") {
        return json(r#"{"data":[]}"#.to_owned());
    }
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let (n, first) = replies.take(&body);
    if first {
        hear(n, &body);
    }
    taken(n)
}

/// Meta has taken the reply to a message.
pub(super) fn taken(n: u64) -> Response<Body> {
    let wamid = reply_wamid(n);
    json(format!(
        r#"{{"messaging_product":"whatsapp","contacts":[{{"input":"+99900000000000","wa_id":"99900000000000"}}],"messages":[{{"id":"{wamid}"}}]}}"#
    ))
}

pub(super) fn json(text: String) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Which messages were replied to.
pub(super) struct Replies {
    /// By message number.
    seen: Mutex<Vec<bool>>,
    count: AtomicU64,
    again: AtomicU64,
    strange: AtomicU64,
    open: Semaphore,
}

impl Default for Replies {
    fn default() -> Self {
        Self {
            seen: Mutex::default(),
            count: AtomicU64::new(0),
            again: AtomicU64::new(0),
            strange: AtomicU64::new(0),
            open: Semaphore::new(OPEN),
        }
    }
}

impl Replies {
    /// Waits until fewer than [`OPEN`] messages are without a reply, and counts one more; `false` if it is `until`
    /// first.
    pub(super) async fn room(&self, until: Instant) -> bool {
        match tokio::time::timeout_at(until, self.open.acquire()).await {
            Ok(Ok(permit)) => {
                permit.forget();
                true
            }
            _ => false,
        }
    }

    /// What [`Replies::room`] counted is no message.
    pub(super) fn give_back(&self) {
        self.open.add_permits(1);
    }

    /// Messages that got a reply.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Replies beyond the first one of a message.
    pub(super) fn again(&self) -> u64 {
        self.again.load(Ordering::Relaxed)
    }

    /// Bodies that quote no message.
    pub(super) fn strange(&self) -> u64 {
        self.strange.load(Ordering::Relaxed)
    }

    /// The number of the message that is replied to, and whether this is its first reply.
    fn take(&self, body: &[u8]) -> (u64, bool) {
        let n = message::quoted(body).and_then(|n| usize::try_from(n).ok()).filter(|n| *n < MOST_MESSAGES);
        let Some(n) = n else { return (self.strange.fetch_add(1, Ordering::Relaxed), false) };
        let mut seen = self.seen.lock();
        if seen.len() <= n {
            seen.resize((n + 1).next_power_of_two(), false);
        }
        let first = !std::mem::replace(&mut seen[n], true);
        if !first {
            self.again.fetch_add(1, Ordering::Relaxed);
        } else {
            self.count.fetch_add(1, Ordering::Relaxed);
            self.open.add_permits(1);
        }
        (n as u64, first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_ticked_off_once() {
        let replies = Replies::default();
        for body in ["wamid.BENCH000000000007", "wamid.BENCH000000000007", "wamid.BENCH000000000001", "no mark"] {
            replies.take(body.as_bytes());
        }
        assert_eq!((replies.count(), replies.again(), replies.strange()), (2, 1, 1));
    }
}
