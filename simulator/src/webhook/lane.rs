//! A lane: takes webhooks from its queue, one after the other, and posts them until they are taken.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::body::{self, Recipient, Status};
use super::{Job, MessageJob, Signing, StatusJob, attempt};
use crate::core::Core;
use crate::phone::{ErrorNote, Progress};
use crate::trouble::{Operation, Rule};

/// How long a webhook waits for the one that shall overtake it.
const OVERTAKE: Duration = Duration::from_millis(500);
/// Repeated, delayed and doubled webhooks of one lane beside the queue; beyond that they hold it up.
const MAX_ASIDE: usize = 1_024;

pub(super) async fn work(core: Arc<Core>, mut jobs: mpsc::Receiver<Job>) {
    let mut aside = JoinSet::new();
    let mut overtaken: Option<(Job, Rule)> = None;
    loop {
        let next = match &overtaken {
            None => jobs.recv().await,
            Some(_) => match timeout(OVERTAKE, jobs.recv()).await {
                Ok(job) => job,
                Err(_) => {
                    release(&core, &mut overtaken, &mut aside).await;
                    continue;
                }
            },
        };
        let Some(job) = next else { break };
        while aside.try_join_next().is_some() {}
        if job.generation() != core.generation.load(Ordering::Acquire) {
            continue;
        }
        let rule = job.draw(&core);
        if rule.as_ref().is_some_and(|r| r.lose) {
            core.stats.webhooks_lost.up();
        } else if let (true, Some(rule)) = (overtaken.is_none(), rule.clone().filter(|r| r.reorder)) {
            overtaken = Some((job, rule));
        } else {
            post(&core, job, rule.unwrap_or(Rule::on(Operation::Webhook)), &mut aside).await;
            release(&core, &mut overtaken, &mut aside).await;
        }
    }
}

async fn release(core: &Arc<Core>, overtaken: &mut Option<(Job, Rule)>, aside: &mut JoinSet<()>) {
    if let Some((job, rule)) = overtaken.take() {
        post(core, job, rule, aside).await;
    }
}

async fn post(core: &Arc<Core>, job: Job, rule: Rule, aside: &mut JoinSet<()>) {
    let wait = Duration::from_millis(rule.delay_ms.saturating_add(job.delay_ms()));
    let trip = Trip { core: core.clone(), job: Arc::new(job), rule: Arc::new(rule) };
    let in_order = !matches!(*trip.job, Job::Status(_)) || aside.len() >= MAX_ASIDE;
    if in_order {
        sleep_if(wait).await;
        let body = trip.depart();
        trip.copies(&body, aside);
        trip.until_taken(1, body).await;
        return;
    }
    if !wait.is_zero() {
        aside.spawn(async move {
            sleep(wait).await;
            let body = trip.depart();
            let copies = (0..trip.rule.duplicate).map(|_| trip.clone().until_taken(1, body.clone()));
            futures_util::future::join(
                trip.clone().until_taken(1, body.clone()),
                futures_util::future::join_all(copies),
            )
            .await;
        });
        return;
    }
    let body = trip.depart();
    trip.copies(&body, aside);
    if !trip.one_try(1, &body).await {
        aside.spawn(trip.until_taken(2, body));
    }
}

async fn sleep_if(wait: Duration) {
    if !wait.is_zero() {
        sleep(wait).await;
    }
}

/// One webhook with the trouble that was drawn for it.
#[derive(Clone)]
struct Trip {
    core: Arc<Core>,
    job: Arc<Job>,
    rule: Arc<Rule>,
}

impl Trip {
    /// The body, made when the webhook leaves; the ticks move now.
    fn depart(&self) -> Bytes {
        match &*self.job {
            Job::Message(job) => job.body.clone(),
            Job::Notice(job) => job.body.clone(),
            Job::Status(job) => job.depart(&self.core),
        }
    }

    fn copies(&self, body: &Bytes, aside: &mut JoinSet<()>) {
        for _ in 0..self.rule.duplicate {
            aside.spawn(self.clone().until_taken(1, body.clone()));
        }
    }

    /// Tries until it is taken, with growing waits, the same bytes each time.
    async fn until_taken(self, first: u32, body: Bytes) {
        let retry = self.core.config.retry;
        let doubled = |n: u32| retry.first_ms.saturating_mul(1 << n.min(20)).min(retry.max_ms);
        let mut number = first;
        loop {
            if number > 1 {
                sleep(Duration::from_millis(doubled(number - 2))).await;
            }
            if number > retry.tries.max(1) || self.job.generation() != self.core.generation.load(Ordering::Acquire) {
                self.core.stats.webhooks_given_up.up();
                return;
            }
            if self.one_try(number, &body).await {
                return;
            }
            number += 1;
        }
    }

    async fn one_try(&self, number: u32, body: &Bytes) -> bool {
        let again = if number == 1 { None } else { self.job.draw_signature(&self.core) };
        let signing = match if number == 1 { Some(&*self.rule) } else { again.as_ref() } {
            Some(rule) if rule.unsigned => Signing::None,
            Some(rule) if rule.wrong_signature => Signing::Wrong,
            _ => Signing::Valid,
        };
        let taken = attempt(&self.core, self.job.kind(), number, body, signing).await == Ok(200);
        if let (true, Job::Message(job)) = (taken, &*self.job) {
            job.arrived(&self.core);
        }
        taken
    }
}

impl Job {
    fn kind(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Status(_) => "status",
            Self::Notice(_) => "notice",
        }
    }

    fn generation(&self) -> u64 {
        match self {
            Self::Message(job) => job.generation,
            Self::Status(job) => job.generation,
            Self::Notice(job) => job.generation,
        }
    }

    fn delay_ms(&self) -> u64 {
        match self {
            Self::Message(_) | Self::Notice(_) => 0,
            Self::Status(job) => job.delay_ms,
        }
    }

    fn draw(&self, core: &Core) -> Option<Rule> {
        self.drawn(core, Core::draw)
    }

    fn draw_signature(&self, core: &Core) -> Option<Rule> {
        self.drawn(core, Core::draw_signature)
    }

    fn drawn(&self, core: &Core, draw: fn(&Core, Operation, &str, Option<&str>) -> Option<Rule>) -> Option<Rule> {
        let (what, number) = match self {
            Self::Message(job) => (Operation::WebhookMessage, job.number),
            Self::Status(job) => (Operation::WebhookStatus, job.number),
            Self::Notice(job) => (Operation::WebhookNotice, job.number),
        };
        let number = core.config.numbers.get(number).map_or("", |n| n.phone_number_id.as_str());
        let phone = match self {
            Self::Message(job) => Some(job.phone),
            Self::Notice(job) => job.phone,
            Self::Status(job) => return draw(core, what, number, Some(&job.person)),
        };
        let ids = phone.and_then(|phone| core.phones.get(phone).ok()).map(|p| p.ids());
        draw(core, what, number, ids.as_ref().map(|[wa_id, _]| wa_id.as_str()))
    }
}

impl MessageJob {
    fn arrived(&self, core: &Core) {
        if let Ok(phone) = core.phones.get(self.phone) {
            phone.progress(&self.wamid, Progress::Delivered, None);
        }
    }
}

impl StatusJob {
    fn depart(&self, core: &Core) -> Bytes {
        let phone = core.phones.by_person(&self.person);
        if let Some(phone) = phone {
            let error = self.code.map(|code| ErrorNote { code, title: crate::graph::known(code).1.into() });
            phone.progress(&self.wamid, self.progress, error);
        }
        let info = phone.map(|p| p.info());
        let recipient = match &info {
            Some(info) => Recipient::Scripted(info),
            None if self.by_user_id => Recipient::UserId(&self.person),
            None => Recipient::Phone(&self.person),
        };
        let status = Status {
            wamid: &self.wamid,
            progress: self.progress,
            at_ms: core.now_ms(),
            recipient,
            callback_data: self.callback_data.as_deref(),
            code: self.code,
            pricing: self.pricing,
            major: self.major,
        };
        core.config.numbers.get(self.number).map(|number| body::status(number, &status)).unwrap_or_default()
    }
}
