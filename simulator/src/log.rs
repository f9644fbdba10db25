//! What went over the wire lately: Graph calls and webhooks, newest last, bounded.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;

const MAX_ROWS: usize = 10_000;
/// Bytes kept of each body.
const MAX_BODY: usize = 8 * 1_024;

/// A Graph call.
#[derive(Debug, Clone, Serialize)]
pub struct LoggedRequest {
    /// Counts up.
    pub seq: u64,
    /// When, by the simulator's clock.
    pub at_ms: u64,
    /// HTTP method.
    pub method: String,
    /// Path, without a query.
    pub path: String,
    /// HTTP status of the answer; 0 if the connection was closed instead.
    pub status: u16,
    /// Graph's error code, if it was refused.
    pub code: Option<u32>,
    /// True if a rule of trouble had a hand in it.
    pub trouble: bool,
    /// True if a message was accepted, answered or not.
    pub accepted: bool,
    /// `biz_opaque_callback_data` of a send.
    pub callback_data: Option<String>,
    /// For an unknown path: the closest known route, and what differs.
    pub near_miss: Option<String>,
    /// The request body, up to 8 KiB.
    pub request: String,
    /// The answer's body, up to 8 KiB.
    pub response: String,
}

/// A webhook and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct LoggedWebhook {
    /// Counts up.
    pub seq: u64,
    /// When it was posted (the latest try), by the simulator's clock.
    pub at_ms: u64,
    /// `message`, `status` or `deliver`.
    pub kind: &'static str,
    /// Which try this was, from 1.
    pub attempt: u32,
    /// HTTP status of the answer; 0 if there was none.
    pub status: u16,
    /// Why there was no answer.
    pub error: Option<String>,
    /// The body, up to 8 KiB.
    pub request: String,
}

/// A request of a phone, or of Meta's health check, to the endpoint of a Flow.
#[derive(Debug, Clone, Serialize)]
pub struct LoggedFlowRequest {
    /// Counts up.
    pub seq: u64,
    /// When it was answered or given up, by the simulator's clock.
    pub at_ms: u64,
    /// The Flow.
    pub flow_id: String,
    /// `INIT`, `data_exchange`, `BACK` or `ping`.
    pub action: String,
    /// True for a copy that trouble asked for.
    pub is_copy: bool,
    /// HTTP status of the answer; 0 if there was none.
    pub status: u16,
    /// How long it took.
    pub latency_ms: u64,
    /// What was asked, in the clear, up to 8 KiB.
    pub request: String,
    /// What was answered, in the clear, or why there was nothing, up to 8 KiB.
    pub answer: String,
}

/// Which Graph calls to show.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of the path.
    pub path: Option<String>,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    /// `biz_opaque_callback_data`.
    pub callback_data: Option<String>,
    /// At most so many; 0 means all.
    pub limit: usize,
}

impl Filter {
    fn takes(&self, row: &LoggedRequest) -> bool {
        self.path.as_deref().is_none_or(|p| row.path.contains(p))
            && self.status.is_none_or(|s| row.status == s)
            && self.callback_data.as_deref().is_none_or(|c| row.callback_data.as_deref() == Some(c))
    }
}

pub(crate) struct Log {
    pub(crate) on: bool,
    requests: Mutex<Rows<LoggedRequest>>,
    webhooks: Mutex<Rows<LoggedWebhook>>,
    flow_requests: Mutex<Rows<LoggedFlowRequest>>,
}

struct Rows<T> {
    rows: VecDeque<Arc<T>>,
    next: u64,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { rows: VecDeque::new(), next: 1 }
    }
}

impl<T> Rows<T> {
    fn push(&mut self, make: impl FnOnce(u64) -> T) {
        if self.rows.len() == MAX_ROWS {
            self.rows.pop_front();
        }
        let seq = self.next;
        self.next += 1;
        self.rows.push_back(Arc::new(make(seq)));
    }
}

impl Log {
    pub(crate) fn new(on: bool) -> Self {
        Self { on, requests: Mutex::default(), webhooks: Mutex::default(), flow_requests: Mutex::default() }
    }

    pub(crate) fn request(&self, row: LoggedRequest) {
        if self.on {
            self.requests.lock().push(|seq| LoggedRequest { seq, ..row });
        }
    }

    pub(crate) fn webhook(&self, row: LoggedWebhook) {
        if self.on {
            self.webhooks.lock().push(|seq| LoggedWebhook { seq, ..row });
        }
    }

    pub(crate) fn flow_request(&self, row: LoggedFlowRequest) {
        if self.on {
            self.flow_requests.lock().push(|seq| LoggedFlowRequest { seq, ..row });
        }
    }

    /// Newest first.
    pub(crate) fn requests(&self, filter: &Filter) -> Vec<Arc<LoggedRequest>> {
        let most = if filter.limit == 0 { MAX_ROWS } else { filter.limit };
        let rows = self.requests.lock();
        rows.rows.iter().rev().filter(|r| filter.takes(r)).take(most).cloned().collect()
    }

    /// Newest first.
    pub(crate) fn webhooks(&self, limit: usize) -> Vec<Arc<LoggedWebhook>> {
        let most = if limit == 0 { MAX_ROWS } else { limit };
        self.webhooks.lock().rows.iter().rev().take(most).cloned().collect()
    }

    /// Newest first.
    pub(crate) fn flow_requests(&self, limit: usize) -> Vec<Arc<LoggedFlowRequest>> {
        let most = if limit == 0 { MAX_ROWS } else { limit };
        self.flow_requests.lock().rows.iter().rev().take(most).cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.requests.lock().rows.clear();
        self.webhooks.lock().rows.clear();
        self.flow_requests.lock().rows.clear();
    }
}

/// The first 8 KiB of a body as text.
pub(crate) fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body.get(..MAX_BODY).unwrap_or(body)).into_owned()
}
