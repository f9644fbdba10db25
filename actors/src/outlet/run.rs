//! One task for each endpoint, which takes what is due, soonest first.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use storage::StoreError;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Outlet;
use super::endpoint::Endpoint;
use super::record::{DUE, due_prefix, read_due};
use crate::events;

/// A store that refused is asked again after this long.
pub(super) const STORE_AGAIN_MS: u64 = 1_000;
/// Looked at this often even if nobody rings: a commit may have been made although its answer was lost.
const LOOK_MS: u64 = 60_000;
/// Rows that are counted at once.
const COUNTED: usize = 1_000;

/// The time at which it was due, and its id.
type Due = (u64, Box<str>);

impl Outlet {
    /// Delivers until it is [drained](Self::drain) or dropped.
    pub async fn run(self: Arc<Self>) {
        let mut tasks = JoinSet::new();
        for place in 0..self.endpoints.len() {
            let outlet = self.clone();
            tasks.spawn(async move { outlet.serve(place).await });
        }
        if !self.endpoints.is_empty() {
            let outlet = self.clone();
            tasks.spawn(async move { outlet.follow_letters().await });
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended.map_err(|error| error.to_string()) {
                events::outlet_failed(&error);
            }
        }
    }

    /// Begins nothing more; what is under way may end, and [`run`](Self::run) ends with it.
    pub fn drain(&self) {
        self.stop.send_replace(true);
    }

    async fn serve(&self, place: usize) {
        let Some(endpoint) = self.endpoints.get(place) else { return };
        let (mut stop, mut under_way, mut ids) = (self.stop.subscribe(), FuturesUnordered::new(), HashSet::new());
        loop {
            let stopping = *stop.borrow_and_update();
            if stopping && under_way.is_empty() {
                return;
            }
            let look_ms = self.clock.now_ms() + LOOK_MS;
            let (due, again_ms) = if stopping { (Vec::new(), None) } else { self.next(endpoint, &ids).await };
            for due in due {
                ids.insert(due.1.clone());
                under_way.push(self.deliver(endpoint, due));
            }
            tokio::select! {
                Some(id) = under_way.next(), if !under_way.is_empty() => {
                    ids.remove(&id);
                }
                () = endpoint.wake.notified() => {}
                () = self.clock.wait_until(again_ms.map_or(look_ms, |again_ms| again_ms.min(look_ms))) => {}
                () = stopped(&mut stop), if !stopping => {}
            }
        }
    }

    async fn next(&self, endpoint: &Endpoint, under_way: &HashSet<Box<str>>) -> (Vec<Due>, Option<u64>) {
        match self.due(endpoint, under_way).await {
            Ok(found) => found,
            Err(error) => {
                events::store_failed("reading which events are to be delivered", &error);
                (Vec::new(), Some(self.clock.now_ms() + STORE_AGAIN_MS))
            }
        }
    }

    /// What is due and not under way, as much as the endpoint may have now, and when there may be more.
    async fn due(
        &self,
        endpoint: &Endpoint,
        under_way: &HashSet<Box<str>>,
    ) -> Result<(Vec<Due>, Option<u64>), StoreError> {
        let now_ms = self.clock.now_ms();
        let (allowed, later_ms) = endpoint.allowed(self.settings.in_flight, now_ms);
        let room = allowed.saturating_sub(under_way.len());
        let mut due = Vec::new();
        if room == 0 {
            return Ok((due, later_ms));
        }
        let prefix = due_prefix(endpoint.name());
        let limit = under_way.len() + room;
        let rows = self.store.documents_page(DUE, Some(&prefix), limit).await?;
        let ours = rows.iter().filter_map(|(key, _)| read_due(endpoint.name(), key));
        let ours: Vec<_> = ours.collect();
        if ours.len() < limit {
            // All that waits: what the count has drifted by (a commit of unknown outcome) ends here.
            endpoint.set_pending(ours.len() as u64);
        }
        for (due_ms, id) in ours {
            if under_way.contains(id) {
                continue;
            }
            if due_ms > now_ms {
                return Ok((due, Some(due_ms)));
            }
            due.push((due_ms, id.into()));
        }
        Ok((due, None))
    }

    /// How many deliveries wait for each endpoint.
    pub(super) async fn count_pending(&self) -> Result<(), StoreError> {
        for endpoint in &self.endpoints {
            let (mut count, mut after) = (0, Box::<str>::from(due_prefix(endpoint.name())));
            loop {
                let rows = self.store.documents_page(DUE, Some(&after), COUNTED).await?;
                let ours = rows.iter().take_while(|(key, _)| read_due(endpoint.name(), key).is_some()).count();
                count += ours;
                match rows.last() {
                    Some((last, _)) if ours == COUNTED => after = last.clone(),
                    _ => break,
                }
            }
            endpoint.set_pending(count as u64);
        }
        Ok(())
    }

    /// Asks again until the store has written; waits for ever once it has failed, for the process is about to end.
    pub(super) async fn store_refused(&self, doing: &'static str, error: &StoreError) {
        if *self.store.health().borrow() != storage::Health::Good {
            std::future::pending::<()>().await;
        }
        events::store_failed(doing, error);
        self.clock.wait_until(self.clock.now_ms() + STORE_AGAIN_MS).await;
    }

    /// Waits until nothing of an endpoint's is under way any more, for as long as this.
    pub async fn drained(self: Arc<Self>, running: tokio::task::JoinHandle<()>, patience: Duration) {
        self.drain();
        let abort = running.abort_handle();
        if tokio::time::timeout(patience, running).await.is_err() {
            abort.abort();
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The sender lives as long as the outlet, which is borrowed here.
    let _never = stop.wait_for(|stop| *stop).await;
}
