//! A few threads for private-key operations: as many as there are cores, since they do nothing else, with a short queue.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::oneshot;

/// Operations that may wait: about a quarter of a second of work on two cores, beyond which it is better to say so.
pub(super) const MAX_QUEUED: usize = 1_024;

/// The queue is full.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

type Job = Box<dyn FnOnce() + Send>;

pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    queued: Gauge,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Pool {
    /// Starts the threads; they end when it is dropped. `queued` shows how many operations wait.
    pub(super) fn start(queued: Gauge) -> Self {
        let shared = Arc::new(Shared { queue: Mutex::default(), wake: Condvar::new(), queued });
        let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for number in 0..threads {
            let shared = shared.clone();
            let started = thread::Builder::new().name(format!("flow-key-{number}")).spawn(move || shared.work());
            if let Err(error) = started {
                tracing::error!(%error, "a thread for private-key operations did not start");
            }
        }
        Self { shared }
    }

    /// Runs `work` on one of the threads.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Full> {
        let (tell, told) = oneshot::channel();
        self.shared.push(Box::new(move || {
            // Whoever asked may have gone.
            let _gone = tell.send(work());
        }))?;
        // Dropped without a word: the work broke, which was logged.
        told.await.map_err(|_| Full)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.queue.lock().closed = true;
        self.shared.wake.notify_all();
    }
}

impl Shared {
    fn push(&self, job: Job) -> Result<(), Full> {
        let mut queue = self.queue.lock();
        if queue.jobs.len() >= MAX_QUEUED {
            return Err(Full);
        }
        queue.jobs.push_back(job);
        self.queued.inc();
        drop(queue);
        self.wake.notify_one();
        Ok(())
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("opening a Flow request broke");
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.queue.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                self.queued.dec();
                return Some(job);
            }
            self.wake.wait(&mut queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn work_comes_back_from_another_thread() {
        let pool = Pool::start(Gauge::default());
        let name = pool.run(|| thread::current().name().map(str::to_owned)).await.unwrap();
        assert!(name.unwrap().starts_with("flow-key-"));
    }

    #[tokio::test]
    async fn broken_work_takes_no_thread_with_it() {
        let pool = Pool::start(Gauge::default());
        for _ in 0..thread::available_parallelism().unwrap().get() * 2 {
            assert_eq!(pool.run(|| -> u8 { panic!("made for a test") }).await, Err(Full));
        }
        assert_eq!(pool.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn full_queue_is_said_and_drains() {
        let queued = Gauge::default();
        let pool = Arc::new(Pool::start(queued.clone()));
        let threads = thread::available_parallelism().unwrap().get();
        let mut gates = Vec::new();
        for _ in 0..threads {
            let (gate, wait) = mpsc::channel::<()>();
            let (tell, told) = oneshot::channel();
            pool.shared
                .push(Box::new(move || {
                    tell.send(()).unwrap();
                    wait.recv().unwrap_err();
                }))
                .unwrap();
            told.await.unwrap();
            gates.push(gate);
        }
        for _ in 0..MAX_QUEUED {
            pool.shared.push(Box::new(|| ())).unwrap();
        }
        assert_eq!(queued.get(), i64::try_from(MAX_QUEUED).unwrap());
        assert_eq!(pool.run(|| 1).await, Err(Full));
        drop(gates);
        let mut last = Err(Full);
        while last == Err(Full) {
            tokio::task::yield_now().await;
            last = pool.run(|| 2).await;
        }
        assert_eq!((last, queued.get()), (Ok(2), 0));
    }
}
