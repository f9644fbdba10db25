//! Webhooks on their way to the engine: queues, tries, and what trouble does to them.
//!
//! Each phone has a lane, in which its messages stay in order, a repeated one included. Statuses
//! share lanes; there only the first try holds the lane up, since Meta promises no order.

pub(crate) mod body;
mod lane;
mod sign;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::RwLock;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::config::{Config, StartError};
use crate::core::Core;
use crate::ids::mix;
use crate::log::{LoggedWebhook, excerpt};
use crate::phone::Progress;
pub(crate) use body::Pricing;
pub(crate) use sign::Signer;
pub use sign::Signing;

const STATUS_LANES: usize = 64;
const LANE_DEPTH: usize = 16_384;
/// Webhooks in flight at a time.
const MAX_IN_FLIGHT: usize = 256;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A webhook that waits to be posted.
pub(crate) enum Job {
    Message(MessageJob),
    Status(StatusJob),
    Notice(NoticeJob),
}

/// A webhook of another field than a message or a status.
pub(crate) struct NoticeJob {
    pub(crate) number: usize,
    /// The phone that it is about: it stays in order with what this phone writes.
    pub(crate) phone: Option<usize>,
    pub(crate) body: Bytes,
    pub(crate) generation: u64,
}

pub(crate) struct MessageJob {
    /// 1, 2, 3, …
    pub(crate) phone: usize,
    pub(crate) number: usize,
    pub(crate) wamid: String,
    pub(crate) body: Bytes,
    pub(crate) generation: u64,
}

#[derive(Clone)]
pub(crate) struct StatusJob {
    pub(crate) number: usize,
    pub(crate) wamid: Arc<str>,
    pub(crate) progress: Progress,
    /// As it was addressed.
    pub(crate) person: Arc<str>,
    pub(crate) by_user_id: bool,
    pub(crate) callback_data: Option<Arc<str>>,
    pub(crate) code: Option<u32>,
    pub(crate) pricing: Pricing,
    pub(crate) major: u32,
    pub(crate) delay_ms: u64,
    pub(crate) generation: u64,
}

/// Posts webhooks.
pub(crate) struct Webhooks {
    url: RwLock<Arc<str>>,
    client: reqwest::Client,
    signer: Signer,
    in_flight: Semaphore,
    phone_lanes: Vec<mpsc::Sender<Job>>,
    status_lanes: Vec<mpsc::Sender<Job>>,
}

/// The receiving ends of the lanes, for [`run`].
pub(crate) type Lanes = Vec<mpsc::Receiver<Job>>;

impl Webhooks {
    pub(crate) fn new(config: &Config) -> Result<(Self, Lanes), StartError> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_TIMEOUT)
            .pool_max_idle_per_host(MAX_IN_FLIGHT)
            .tcp_nodelay(true)
            .build()
            .map_err(|e| StartError::Client(e.to_string()))?;
        let mut lanes = Vec::new();
        let mut lane = || {
            let (sender, receiver) = mpsc::channel(LANE_DEPTH);
            lanes.push(receiver);
            sender
        };
        let webhooks = Self {
            url: RwLock::new(config.webhook_url.as_str().into()),
            client,
            signer: Signer::new(&config.app_secret),
            in_flight: Semaphore::new(MAX_IN_FLIGHT),
            phone_lanes: (0..config.phones).map(|_| lane()).collect(),
            status_lanes: (0..STATUS_LANES).map(|_| lane()).collect(),
        };
        Ok((webhooks, lanes))
    }

    pub(crate) fn set_url(&self, url: &str) {
        *self.url.write() = url.into();
    }

    /// Queues a webhook. False if its lane is full, or if there is no such phone.
    pub(crate) fn queue(&self, job: Job) -> bool {
        let lane = match &job {
            Job::Message(MessageJob { phone, .. }) | Job::Notice(NoticeJob { phone: Some(phone), .. }) => {
                phone.checked_sub(1).and_then(|i| self.phone_lanes.get(i))
            }
            Job::Notice(_) => self.status_lanes.first(),
            Job::Status(job) => self.status_lanes.get(lane_of(&job.wamid)),
        };
        lane.is_some_and(|lane| lane.try_send(job).is_ok())
    }

    /// Posts once. The status of the answer, or why there was none.
    pub(crate) async fn post(&self, body: Bytes, signing: Signing) -> Result<u16, String> {
        let _permit = self.in_flight.acquire().await.map_err(|e| e.to_string())?;
        let url = self.url.read().clone();
        if url.is_empty() {
            return Err("no webhook url is set".into());
        }
        let mut request = self
            .client
            .post(&*url)
            .header("content-type", "application/json")
            .header("user-agent", "facebookexternalua");
        if let Some(signature) = self.signer.header(&body, signing) {
            request = request.header("x-hub-signature-256", signature);
        }
        let answer = request.body(body).send().await.map_err(cause)?;
        let status = answer.status().as_u16();
        // Read to its end, so that the connection can be used again.
        answer.bytes().await.map_err(cause)?;
        Ok(status)
    }
}

fn lane_of(wamid: &str) -> usize {
    let hash = wamid.bytes().fold(0, |h: u64, b| mix(h ^ u64::from(b)));
    (hash % STATUS_LANES as u64) as usize
}

/// The innermost reason, which is what a reader wants to know.
pub(crate) fn cause(error: reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Starts one worker for each lane.
pub(crate) fn run(core: &Arc<Core>, lanes: Lanes, tasks: &mut JoinSet<()>) {
    for lane in lanes {
        tasks.spawn(lane::work(core.clone(), lane));
    }
}

/// Posts once, counts it and logs it.
pub(crate) async fn attempt(
    core: &Core,
    kind: &'static str,
    number: u32,
    body: &Bytes,
    signing: Signing,
) -> Result<u16, String> {
    core.stats.webhooks_posted.up();
    let result = core.webhooks.post(body.clone(), signing).await;
    match result {
        Ok(200) => core.stats.webhooks_taken.up(),
        _ => core.stats.webhooks_failed.up(),
    }
    if core.log.on {
        core.log.webhook(LoggedWebhook {
            seq: 0,
            at_ms: core.now_ms(),
            kind,
            attempt: number,
            status: *result.as_ref().unwrap_or(&0),
            error: result.as_ref().err().cloned(),
            request: excerpt(body),
        });
    }
    result
}
