//! Makes the calls of `http` nodes, outside of the conversation actors: bounded, timed, guarded, and every result becomes
//! an inbox row of its conversation.
//!
//! * A call is ordered after the commit that decided it. A second order of a call that is under way, or whose result lies
//!   in the inbox, is dropped, unless that result was not used; an order that finds no room is dropped, too, and comes
//!   again when its lease is over.
//! * Per host at most [`HttpSettings::per_host`] tries are under way, and [`HttpSettings::concurrency`] in all. Calls
//!   beyond the 250 that may wait for one host are refused at once.
//! * A host at which five calls in a row failed, of several people, is left alone for a while; then one try looks again.
//! * Nothing of it is kept but the result: a process that ends forgets its calls, and the conversations order them again
//!   under the same key.

pub(crate) mod breaker;
mod fetch;
mod guard;
mod hosts;
mod prepare;
mod secrets;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chatbot::{HttpCall, HttpDone, HttpOutcome, caps};
use parking_lot::Mutex;
use storage::{Accept, ConversationId, Partition, Store, StoreError};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use fetch::{Fetch, Fetched, Lookup, WebError, WebFetch};
pub use guard::{Allow, AllowError, Guard};
pub use prepare::Request;
pub use secrets::BotSecrets;

use crate::clock::Clock;
use crate::erasure::Tombs;
use crate::events;
use crate::identity;
use crate::metrics::Metrics;
use crate::records::InboxPayload;
use hosts::{Host, Hosts};

/// Calls that are under way or wait for their turn.
const MAX_UNDER_WAY: usize = 2_000;
/// Of one host: a slow one must not take the room of the others.
const MAX_UNDER_WAY_OF_HOST: usize = MAX_UNDER_WAY / 8;
/// Results that are remembered.
const MAX_REMEMBERED: usize = 10_000;
/// A result is remembered this long, so that an order that crossed it is dropped.
const REMEMBERED_MS: u64 = 60_000;
/// A store that is busy is offered a result this often.
const STORE_TRIES: u32 = 50;
const STORE_PAUSE_MS: u64 = 100;
/// A call that somebody waits for is cut this long after its time, so that a try that ends by itself is counted first.
const CUT_AFTER_MS: u64 = 100;

/// Bounds of calls.
#[derive(Clone, Copy, Debug)]
pub struct HttpSettings {
    /// Tries under way at once.
    pub concurrency: usize,
    /// To one host.
    pub per_host: usize,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { concurrency: 64, per_host: 8 }
    }
}

/// What calls are made with.
#[derive(Clone)]
pub struct HttpParts {
    /// Makes one try.
    pub fetch: Arc<dyn Fetch>,
    /// The values of secrets.
    pub secrets: BotSecrets,
    /// Bounds.
    pub settings: HttpSettings,
}

/// See the module.
pub(crate) struct HttpCaller {
    parts: HttpParts,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    /// Who was erased: nothing about them leaves any more.
    tombs: Arc<Tombs>,
    room: Semaphore,
    hosts: Hosts,
    calls: Mutex<HashMap<Box<str>, State>>,
    under_way: AtomicUsize,
    tasks: Mutex<JoinSet<()>>,
    /// Rung when a call is done.
    finished: Notify,
    stopped: AtomicBool,
}

/// How a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    UnderWay {
        /// When it was ordered last.
        ordered_ms: u64,
        /// A result of it was not used: another order makes it again.
        forgotten: bool,
    },
    /// Its result is in the inbox.
    Done { at_ms: u64 },
}

impl HttpCaller {
    pub(crate) fn new(
        parts: HttpParts,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        tombs: Arc<Tombs>,
    ) -> Arc<Self> {
        Arc::new(Self {
            tombs,
            room: Semaphore::new(parts.settings.concurrency),
            hosts: Hosts::new(parts.settings.per_host),
            parts,
            store,
            clock,
            metrics,
            calls: Mutex::default(),
            under_way: AtomicUsize::new(0),
            tasks: Mutex::default(),
            finished: Notify::new(),
            stopped: AtomicBool::new(false),
        })
    }

    /// Has a call made, unless it is being made.
    pub(crate) fn order(self: &Arc<Self>, conversation: ConversationId, number_id: &str, call: HttpCall) {
        if self.stopped.load(Ordering::Acquire) || !self.enter(&call.id) {
            return;
        }
        let (caller, partition) = (self.clone(), Partition(number_id.into()));
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move { caller.run(conversation, partition, call).await });
    }

    /// The result of a call was not used: the next order makes it again. Its task may not have ended yet.
    pub(crate) fn forget(&self, id: &str) {
        let mut calls = self.calls.lock();
        match calls.get_mut(id) {
            Some(State::UnderWay { forgotten, .. }) => *forgotten = true,
            Some(State::Done { .. }) => {
                calls.remove(id);
            }
            None => {}
        }
    }

    fn enter(&self, id: &str) -> bool {
        let now_ms = self.clock.now_ms();
        let mut calls = self.calls.lock();
        match calls.get_mut(id) {
            Some(State::UnderWay { ordered_ms, .. }) => {
                *ordered_ms = now_ms;
                events::http_ordered_again(&self.metrics);
                return false;
            }
            Some(State::Done { at_ms }) if *at_ms + REMEMBERED_MS > now_ms => {
                events::http_ordered_again(&self.metrics);
                return false;
            }
            _ => {}
        }
        if self.under_way.load(Ordering::Acquire) >= MAX_UNDER_WAY {
            events::http_no_room(&self.metrics);
            return false;
        }
        if calls.len() >= MAX_UNDER_WAY + MAX_REMEMBERED {
            calls.retain(|_, state| !matches!(state, State::Done { at_ms } if *at_ms + REMEMBERED_MS <= now_ms));
        }
        if calls.len() >= MAX_UNDER_WAY + MAX_REMEMBERED {
            // So many in a minute: an order that crosses its result may then make a call twice, under the same key.
            calls.retain(|_, state| matches!(state, State::UnderWay { .. }));
        }
        self.under_way.fetch_add(1, Ordering::AcqRel);
        calls.insert(id.into(), State::UnderWay { ordered_ms: now_ms, forgotten: false });
        self.metrics.http.under_way.inc();
        true
    }

    async fn run(&self, conversation: ConversationId, partition: Partition, call: HttpCall) {
        let mut entered = Entered { caller: self, id: call.id.as_str().into(), kept: false };
        if let Some(done) = self.make(conversation, &call).await {
            entered.kept = self.keep(conversation, &partition, done).await;
        }
    }

    /// The result; `None` if it came to its turn when nothing waited for it any more.
    async fn make(&self, conversation: ConversationId, call: &HttpCall) -> Option<HttpDone> {
        let started = Instant::now();
        let host = self.hosts.get(&prepare::host_of(&call.url));
        let Some(_called) = host.enter(MAX_UNDER_WAY_OF_HOST) else {
            let why = format!("{MAX_UNDER_WAY_OF_HOST} calls of {} are under way or wait already", host.name());
            return Some(self.refused(conversation, call, why));
        };
        let (request, hidden) = match prepare::request(call, &self.parts.secrets) {
            Ok(made) => made,
            Err(why) => return Some(self.refused(conversation, call, why)),
        };
        let mut tries = 0;
        let outcome = loop {
            let fetched = match self.one_try((conversation, call), &host, request.clone()).await? {
                Ok(fetched) => fetched,
                Err(why) => break HttpOutcome::Refused { why },
            };
            tries += 1;
            let asked_ms = fetched.retry_after.map_or(0, |after| after.left_ms(self.clock.now_ms()));
            let pause_ms = asked_ms.max(call.pause_ms(tries));
            if pause_ms > caps::MAX_HTTP_PAUSE_MS || !call.tries_again(tries, &fetched.outcome) {
                break fetched.outcome;
            }
            events::http_tries_again(&self.metrics, conversation, call, host.name(), &fetched.outcome);
            let again_ms = self.clock.now_ms() + pause_ms;
            self.clock.wait_until(again_ms).await;
        };
        let outcome = hidden.without(outcome);
        events::http_called(&self.metrics, conversation, call, host.name(), (&outcome, tries), started.elapsed());
        Some(HttpDone { id: call.id.clone(), outcome, tries })
    }

    /// Makes a call at once for whoever waits for its result, within this time. Nothing of it is kept.
    pub(crate) async fn make_within(&self, conversation: ConversationId, call: HttpCall, left_ms: u64) -> HttpDone {
        let call = HttpCall { timeout_ms: call.timeout_ms.min(left_ms.max(1)), ..call };
        let limit = Duration::from_millis(left_ms.saturating_add(CUT_AFTER_MS));
        let made = tokio::time::timeout(limit, self.make(conversation, &call)).await;
        let cut = || HttpDone { id: call.id.clone(), outcome: HttpOutcome::Timeout, tries: 0 };
        made.ok().flatten().unwrap_or_else(cut)
    }

    fn refused(&self, conversation: ConversationId, call: &HttpCall, why: String) -> HttpDone {
        let outcome = HttpOutcome::Refused { why };
        let host = prepare::host_of(&call.url);
        events::http_called(&self.metrics, conversation, call, &host, (&outcome, 0), Default::default());
        HttpDone { id: call.id.clone(), outcome, tries: 0 }
    }

    /// One try, when there is room for it; why it is not made, if the host is left alone. `None` as in [`Self::make`].
    async fn one_try(
        &self,
        (conversation, call): (ConversationId, &HttpCall),
        host: &Arc<Host>,
        request: Request,
    ) -> Option<Result<Fetched, String>> {
        // The host's first: who waits for a slow host must not take the room of others.
        let _place = host.room().acquire().await.ok()?;
        let _room = self.room.acquire().await.ok()?;
        let now_ms = self.clock.now_ms();
        let ordered_ms = match self.calls.lock().get(&*call.id) {
            Some(State::UnderWay { ordered_ms, .. }) => *ordered_ms,
            _ => now_ms,
        };
        let dead = self.tombs.is_dead(identity::contact_of(conversation));
        if dead || now_ms.saturating_sub(ordered_ms) >= call.lease_ms() {
            return None;
        }
        if let Err(left_ms) = host.may_try(now_ms) {
            return Some(Err(format!(
                "{} failed {} times in a row and is left alone for {} s",
                host.name(),
                breaker::FAILURES,
                left_ms.div_ceil(1_000)
            )));
        }
        let fetched = self.parts.fetch.fetch(request).await;
        let failed = is_failure(&fetched.outcome);
        if failed.is_some_and(|failed| host.tried(failed, (conversation, &call.id), self.clock.now_ms())) {
            events::http_host_failed(&self.metrics, host.name());
        }
        Some(Ok(fetched))
    }

    /// Writes the result down; `false` if the store refuses.
    async fn keep(&self, conversation: ConversationId, partition: &Partition, done: HttpDone) -> bool {
        let contact = identity::contact_of(conversation);
        let row = InboxPayload::HttpDone(Box::new(done)).to(contact, partition, self.clock.now_ms());
        for _ in 0..STORE_TRIES {
            match self.store.append(vec![Accept::Message(row.clone())]).await {
                Ok(_) => return true,
                // A result that comes twice is ignored the second time.
                Err(StoreError::Unavailable(_) | StoreError::Unknown(_)) => {
                    let again_ms = self.clock.now_ms() + STORE_PAUSE_MS;
                    self.clock.wait_until(again_ms).await;
                }
                Err(error) => {
                    events::store_failed("keeping the result of a call", &error);
                    return false;
                }
            }
        }
        false
    }

    /// Takes no more orders and waits for the calls under way.
    pub(crate) async fn drain(&self) {
        self.stopped.store(true, Ordering::Release);
        loop {
            let finished = self.finished.notified();
            if self.under_way.load(Ordering::Acquire) == 0 {
                return;
            }
            finished.await;
        }
    }

    /// Forgets the calls under way: their conversations order them again.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.tasks.lock().abort_all();
    }
}

/// A call that is under way, until this is dropped, however its task ends.
struct Entered<'c> {
    caller: &'c HttpCaller,
    id: Box<str>,
    /// Its result is in the inbox; else it may be ordered again.
    kept: bool,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let (caller, id) = (self.caller, std::mem::take(&mut self.id));
        let mut calls = caller.calls.lock();
        let forgotten = matches!(calls.get(&id), Some(State::UnderWay { forgotten: true, .. }));
        if self.kept && !forgotten {
            calls.insert(id, State::Done { at_ms: caller.clock.now_ms() });
        } else {
            calls.remove(&id);
        }
        drop(calls);
        caller.under_way.fetch_sub(1, Ordering::AcqRel);
        caller.metrics.http.under_way.dec();
        caller.finished.notify_waiters();
    }
}

/// Whether it says that the host is in trouble; `None` if it says nothing of the host.
fn is_failure(outcome: &HttpOutcome) -> Option<bool> {
    match outcome {
        HttpOutcome::Timeout | HttpOutcome::Unreachable { .. } => Some(true),
        HttpOutcome::Answer { status, .. } | HttpOutcome::BadBody { status, .. } => Some(*status >= 500),
        HttpOutcome::Refused { .. } => None,
    }
}
