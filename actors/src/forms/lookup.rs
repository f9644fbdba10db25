//! The calls of other programs that forms wait for: made by the [caller](HttpCaller) of `http` nodes, over its guard,
//! its breakers and its bounds, within what is left of the request's time. Answers may be kept for a while, and people
//! who ask the same at once share one call.

use std::sync::Arc;

use chatbot::{FormCache, HttpCall, HttpDone, HttpOutcome};
use foldhash::HashMap;
use parking_lot::Mutex;
use storage::ConversationId;
use tokio::sync::watch;

use super::cache::Cache;
use crate::clock::Clock;
use crate::http_caller::HttpCaller;
use crate::metrics::{Fate, Metrics};

type Result = watch::Receiver<Option<HttpDone>>;

/// See the module.
pub(super) struct Lookups {
    http: Arc<HttpCaller>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    cache: Mutex<Cache>,
    /// Calls under way whose answer may be kept.
    shared: Mutex<HashMap<String, Result>>,
}

impl Lookups {
    pub(super) fn new(http: Arc<HttpCaller>, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { http, clock, metrics, cache: Mutex::default(), shared: Mutex::default() })
    }

    /// The result of a call; `None` once the time is over.
    pub(super) async fn get(
        self: &Arc<Self>,
        conversation: ConversationId,
        call: HttpCall,
        cache: Option<FormCache>,
        until_ms: u64,
    ) -> Option<HttpDone> {
        let id = call.id.clone();
        let done = tokio::select! {
            biased;
            () = self.clock.wait_until(until_ms) => None,
            done = self.find(conversation, call, cache, until_ms) => done,
        };
        Some(HttpDone { id, ..done? })
    }

    async fn find(
        self: &Arc<Self>,
        conversation: ConversationId,
        call: HttpCall,
        cache: Option<FormCache>,
        until_ms: u64,
    ) -> Option<HttpDone> {
        let Some(FormCache { key, ttl_ms }) = cache else {
            self.count("called");
            let mut result = self.start(conversation, call, None, until_ms);
            return result.wait_for(Option::is_some).await.ok()?.clone();
        };
        if let Some(done) = self.cache.lock().get(&key, self.clock.now_ms()) {
            self.count("cached");
            return Some(done);
        }
        loop {
            let (mut result, own) = self.join(conversation, &call, &key, ttl_ms, until_ms);
            self.count(if own { "called" } else { "shared" });
            let done = result.wait_for(Option::is_some).await.ok().and_then(|done| done.clone());
            // Somebody else's call may have had less time than there is here.
            if own || done.as_ref().is_some_and(|done| matches!(done.outcome, HttpOutcome::Answer { .. })) {
                return done;
            }
        }
    }

    /// The call of this key that is under way, or a new one.
    fn join(
        self: &Arc<Self>,
        conversation: ConversationId,
        call: &HttpCall,
        key: &str,
        ttl_ms: u64,
        until_ms: u64,
    ) -> (Result, bool) {
        let mut shared = self.shared.lock();
        if let Some(result) = shared.get(key) {
            return (result.clone(), false);
        }
        let kept = FormCache { key: key.to_owned(), ttl_ms };
        let result = self.start(conversation, call.clone(), Some(kept), until_ms);
        shared.insert(key.to_owned(), result.clone());
        (result, true)
    }

    /// Makes a call beside whoever waits for it: one that is cut by their time still tells how its host stands.
    fn start(
        self: &Arc<Self>,
        conversation: ConversationId,
        call: HttpCall,
        kept: Option<FormCache>,
        until_ms: u64,
    ) -> Result {
        let (told, result) = watch::channel(None);
        let left_ms = until_ms.saturating_sub(self.clock.now_ms());
        let lookups = self.clone();
        tokio::spawn(async move {
            let leaves = Leaves { lookups: &lookups, key: kept.as_ref().map(|kept| kept.key.as_str()) };
            let done = lookups.http.make_within(conversation, call, left_ms).await;
            if let Some(FormCache { key, ttl_ms }) = &kept
                && matches!(done.outcome, HttpOutcome::Answer { status: 200..=299, .. })
            {
                let now_ms = lookups.clock.now_ms();
                lookups.cache.lock().put(key, &done, now_ms.saturating_add(*ttl_ms), now_ms);
            }
            drop(leaves);
            told.send_replace(Some(done));
        });
        result
    }

    fn count(&self, outcome: &'static str) {
        self.metrics.forms.calls.get_or_create(&Fate { outcome }).inc();
    }
}

/// A shared call that is under way, until this is dropped, however its task ends.
struct Leaves<'l> {
    lookups: &'l Lookups,
    key: Option<&'l str>,
}

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.lookups.shared.lock().remove(key);
        }
    }
}
