//! People who write at a bounded rate, as Meta delivers them: again and again until it is acknowledged, some of it
//! twice at once, some of it later again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::world::World;

/// Before a message that was not acknowledged is posted again.
const AGAIN: Duration = Duration::from_millis(20);

/// How a crowd behaves.
#[derive(Clone, Copy)]
pub(crate) struct Habits {
    /// How many people.
    pub(crate) people: u32,
    /// Messages per second, of all together.
    pub(crate) rate: u32,
    /// Percentage of messages that are posted twice at the same time.
    pub(crate) twice: u32,
    /// Percentage of acknowledged messages after which an earlier one comes once more.
    pub(crate) late: u32,
    /// Whether what was not acknowledged comes again.
    pub(crate) repeats: bool,
    /// Of everything that is drawn.
    pub(crate) seed: u64,
}

impl Habits {
    /// Forty people, 200 messages a second.
    pub(crate) fn usual(seed: u64) -> Self {
        Self { people: 40, rate: 200, twice: 5, late: 10, repeats: true, seed }
    }
}

/// What one person said: how many messages, numbered from 1, were acknowledged one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) person: String,
    pub(crate) acknowledged: u32,
    /// Whether one more was posted and never acknowledged.
    pub(crate) one_more: bool,
}

pub(crate) struct Crowd {
    people: JoinSet<Said>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU32>,
}

impl Crowd {
    pub(crate) fn start(world: &Arc<World>, habits: Habits) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(AtomicU32::new(0));
        let mut people = JoinSet::new();
        for number in 0..habits.people {
            let person = Person {
                world: world.clone(),
                name: format!("9990000{number:04}"),
                habits,
                random: StdRng::seed_from_u64(habits.seed.wrapping_mul(1_000).wrapping_add(number.into())),
                stop: stop.clone(),
                acknowledged: acknowledged.clone(),
            };
            people.spawn(person.write());
        }
        Self { people, stop, acknowledged }
    }

    /// Messages acknowledged until now.
    pub(crate) fn acknowledged(&self) -> u32 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Ends once what everybody has in hand is acknowledged, or refused if they do not repeat.
    pub(crate) async fn stop(self) -> Vec<Said> {
        self.stop.store(true, Ordering::Relaxed);
        self.people.join_all().await
    }
}

struct Person {
    world: Arc<World>,
    name: String,
    habits: Habits,
    random: StdRng,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU32>,
}

impl Person {
    async fn write(mut self) -> Said {
        let pause = Duration::from_secs(1) * self.habits.people / self.habits.rate;
        let mut ticks = tokio::time::interval(pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let first = pause.mul_f64(self.random.random());
        ticks.reset_after(first);
        let mut said: Vec<Bytes> = Vec::new();
        let mut acknowledged = 0;
        while !self.stop.load(Ordering::Relaxed) {
            ticks.tick().await;
            let count = if self.random.random_ratio(1, 10) { 3 } else { 1 };
            let body = self.body(acknowledged + 1, count);
            if !self.deliver(&body).await {
                return Said { person: self.name, acknowledged, one_more: true };
            }
            acknowledged += count;
            self.acknowledged.fetch_add(count, Ordering::Relaxed);
            said.push(body);
            if self.draws(self.habits.late) {
                let earlier = &said[self.random.random_range(0..said.len())];
                // Whatever is answered: it was acknowledged before.
                let _answer = self.world.post(earlier).await;
            }
        }
        Said { person: self.name, acknowledged, one_more: false }
    }

    /// A body with one or more messages, numbered on.
    fn body(&self, first: u32, count: u32) -> Bytes {
        let message = |n: u32| (self.name.clone(), format!("wamid.{}.{n}", self.name), n.to_string());
        self.world.texts(&(first..first + count).map(message).collect::<Vec<_>>())
    }

    /// Posts until it is acknowledged. False if it was not and nobody repeats it.
    async fn deliver(&mut self, body: &Bytes) -> bool {
        if self.draws(self.habits.twice) {
            let both = tokio::join!(self.world.post(body), self.world.post(body));
            if both.0 == Some(200) || both.1 == Some(200) {
                return true;
            }
        }
        let mut ticks = tokio::time::interval(AGAIN);
        loop {
            ticks.tick().await;
            if self.world.post(body).await == Some(200) {
                return true;
            }
            if !self.habits.repeats {
                return false;
            }
        }
    }

    fn draws(&mut self, percent: u32) -> bool {
        self.random.random_ratio(percent, 100)
    }
}
