//! Releasing: one task for each broadcast that goes on.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use storage::InboxSeq;
use tokio::task::JoinSet;

use super::pace::Pace;
use super::plan::Pattern;
use super::record::{Broadcast, Outcome, Person, Phase, Sent, Skip, chunk_key};
use super::{BroadcastError, Broadcasts, CHUNK, RESULT};
use crate::codec;
use crate::engine::{One, Released};
use crate::events;

/// People of one step: what comes from a person meanwhile waits behind so many turns at the most.
const STEP: usize = 16;
/// Messages of a number that wait to leave as bulk at the most: what leaves in so many seconds, within these bounds.
const OPEN_SECONDS: f64 = 2.0;
const LEAST_OPEN: f64 = 10.0;
const MOST_OPEN: f64 = 200.0;
/// Those that could not leave now anyhow, for a retry or in doubt, leave their room to others, up to so many.
const MOST_WAITING: usize = 2_000;
/// When there is no room, it is looked again after this long (ms).
const ROOM_MS: u64 = 50;
/// While more inputs than this wait for their turn, a step waits, too, but no longer than this (ms).
const BUSY: usize = 4;
const BUSY_MS: u64 = 500;
/// When the number stands still (ms).
const STILL_MS: u64 = 1_000;
/// Conversations that have not taken theirs are looked at after this long, then after twice as long and so on (ms).
const LOOK_MS: u64 = 1_000;
const MAX_LOOK_MS: u64 = 60_000;
/// How often the states of what was released are written down (ms).
const KEEP_MS: u64 = 600_000;

/// What a step came to.
enum Step {
    Again,
    Wait(u64),
    Ended,
}

/// What a task keeps between its steps.
struct Hand {
    pace: Pace,
    pattern: Pattern,
    /// The chunk that it is at.
    chunk: Option<(usize, Vec<Person>)>,
    /// Since when a step waits because others do.
    busy_since_ms: Option<u64>,
    late: Option<Late>,
}

/// People whose conversation has not taken their message.
struct Late {
    /// The chunks that they are in.
    chunks: Vec<usize>,
    look_ms: u64,
}

impl Broadcasts {
    /// Releases what is to be released, until it is dropped.
    pub async fn run(self: Arc<Self>) {
        let mut changes = self.changes.subscribe();
        let (mut tasks, mut under_way): (JoinSet<Box<str>>, HashSet<Box<str>>) = (JoinSet::new(), HashSet::new());
        let mut keep_ms = self.clock.now_ms() + KEEP_MS;
        loop {
            changes.mark_unchanged();
            for id in self.running().into_iter().filter(|id| !under_way.contains(id)).collect::<Vec<_>>() {
                under_way.insert(id.clone());
                let broadcasts = self.clone();
                tasks.spawn(async move {
                    broadcasts.release(&id).await;
                    id
                });
            }
            tokio::select! {
                _changed = changes.changed() => {}
                Some(ended) = tasks.join_next() => match ended {
                    Ok(id) => drop(under_way.remove(&id)),
                    // A panic: the others go on, and this one with the next start.
                    Err(error) => tracing::error!(%error, "releasing a broadcast broke"),
                },
                () = self.clock.wait_until(keep_ms) => {
                    self.keep_all().await;
                    keep_ms = self.clock.now_ms() + KEEP_MS;
                }
            }
        }
    }

    fn running(&self) -> Vec<Box<str>> {
        let all = self.all.lock();
        all.values()
            .filter(|broadcast| broadcast.phase == Phase::Running)
            .map(|broadcast| broadcast.id.clone())
            .collect()
    }

    async fn release(&self, id: &str) {
        let Ok(broadcast) = self.get(id) else { return };
        let pattern = Pattern::new(&broadcast.message);
        let mut hand =
            Hand { pace: Pace::new(self.clock.now_ms()), pattern, chunk: None, busy_since_ms: None, late: None };
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let until_ms = match self.step(id, &mut hand).await {
                Ok(Step::Ended) => return,
                Ok(Step::Again) => continue,
                Ok(Step::Wait(until_ms)) => until_ms,
                Err(BroadcastError::Unknown(_)) => return,
                Err(error) => {
                    tracing::warn!(broadcast = id, %error, "a broadcast could not go on; it tries again");
                    self.clock.now_ms() + STILL_MS
                }
            };
            self.wait(id, until_ms, &mut changes).await;
        }
    }

    /// Waits for a time, or until the broadcast is to stop.
    async fn wait(&self, id: &str, until_ms: u64, changes: &mut tokio::sync::watch::Receiver<u64>) {
        loop {
            tokio::select! {
                () = self.clock.wait_until(until_ms) => return,
                _changed = changes.changed() => {
                    if !self.get(id).is_ok_and(|broadcast| broadcast.phase == Phase::Running) {
                        return;
                    }
                }
            }
        }
    }

    async fn step(&self, id: &str, hand: &mut Hand) -> Result<Step, BroadcastError> {
        let broadcast = self.get(id)?;
        if broadcast.phase != Phase::Running {
            return Ok(Step::Ended);
        }
        let now_ms = self.clock.now_ms();
        if let Some(at_ms) = broadcast.start_at_ms.filter(|at_ms| now_ms < *at_ms) {
            return Ok(Step::Wait(at_ms));
        }
        if broadcast.next >= broadcast.people {
            return self.finish(&broadcast, hand).await;
        }
        let Some(sender) = self.engine.sender(&broadcast.number_id).await.filter(|sender| sender.paused.is_none())
        else {
            return Ok(Step::Wait(now_ms + STILL_MS));
        };
        let own = broadcast.rate.map(f64::from);
        let per_second = own.into_iter().chain(sender.per_second).reduce(f64::min);
        let open = per_second.map_or(MOST_OPEN, |rate| (rate * OPEN_SECONDS).clamp(LEAST_OPEN, MOST_OPEN)) as usize;
        let room = open.saturating_sub(sender.ready_bulk).min(MOST_WAITING.saturating_sub(sender.open_bulk));
        if room == 0 {
            return Ok(Step::Wait(now_ms + ROOM_MS));
        }
        if self.engine.deps().load.going() > BUSY {
            let since_ms = *hand.busy_since_ms.get_or_insert(now_ms);
            if now_ms < since_ms + BUSY_MS {
                return Ok(Step::Wait(now_ms + ROOM_MS));
            }
        }
        hand.busy_since_ms = None;
        let (chunk, at) = (broadcast.next as usize / CHUNK, broadcast.next as usize % CHUNK);
        if hand.chunk.as_ref().is_none_or(|(known, _)| *known != chunk) {
            hand.chunk = Some((chunk, self.people(id, chunk).await?));
        }
        let people = hand.chunk.as_ref().map(|(_, people)| people.get(at..).unwrap_or_default()).unwrap_or_default();
        if people.is_empty() {
            return Err(BroadcastError::Store(storage::StoreError::Corrupt("the people of a broadcast".into())));
        }
        match hand.pace.take(STEP.min(room).min(people.len()), per_second, now_ms) {
            Err(again_ms) => Ok(Step::Wait(again_ms)),
            Ok(count) => {
                let people = people.get(..count).unwrap_or_default();
                self.release_some(&broadcast, &hand.pattern, chunk, people).await.map(|()| Step::Again)
            }
        }
    }

    /// Whoever was erased since these were read, or is being erased, is not written down again. Asked with `writing` in hand:
    /// who is erased later is cleared after this was written.
    fn forget_dead(&self, outcomes: &mut [Outcome]) {
        let deps = self.engine.deps();
        for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_of(|id| deps.is_dead(id))) {
            *outcome = Outcome::Skipped(Skip::erased());
        }
    }

    async fn release_some(
        &self,
        broadcast: &Broadcast,
        pattern: &Pattern,
        chunk: usize,
        people: &[Person],
    ) -> Result<(), BroadcastError> {
        let mut outcomes = self.outcomes(&broadcast.id, chunk).await?;
        outcomes.truncate(broadcast.next as usize % CHUNK);
        let made: Vec<Result<One, Skip>> = people
            .iter()
            .zip(broadcast.next..)
            // The people in hand may have been read before.
            .map(|(person, place)| match self.is_erased(person, broadcast.named_ms) {
                true => Err(Skip::erased()),
                false => make(pattern, person, place),
            })
            .collect();
        let ones: Vec<One> = made.iter().filter_map(|made| made.as_ref().ok().cloned()).collect();
        let released = match ones.is_empty() {
            true => Vec::new(),
            false => self.engine.release(&broadcast.id, &broadcast.number_id, ones).await?,
        };
        let mut released = released.into_iter();
        for made in made {
            outcomes.push(match made {
                Err(skip) => Outcome::Skipped(skip),
                Ok(_) => match released.next() {
                    Some(Released::Queued(send)) => Outcome::Sent(Sent::queued(send)),
                    Some(Released::Refused(refusal)) => Outcome::Skipped(Skip::from(&refusal)),
                    Some(Released::Waiting(seq)) => Outcome::Waiting { seq: seq.0 },
                    None => Outcome::Skipped(Skip::new("refused", "the store did not take it")),
                },
            });
        }
        let fresh = outcomes.get(broadcast.next as usize % CHUNK..).unwrap_or_default();
        let waiting = fresh.iter().filter(|outcome| matches!(outcome, Outcome::Waiting { .. })).count() as u32;
        let (next, now_ms) = (broadcast.next + people.len() as u32, self.clock.now_ms());
        let _writing = self.writing.lock().await;
        self.forget_dead(&mut outcomes);
        let document = (RESULT.into(), chunk_key(&broadcast.id, chunk), Some(codec::encode(&outcomes)));
        self.write_now(&broadcast.id, vec![document], |broadcast| {
            broadcast.next = next;
            broadcast.waiting += waiting;
            broadcast.started_ms.get_or_insert(now_ms);
            broadcast.updated_ms = now_ms;
            Ok(())
        })
        .await?;
        Ok(())
    }

    /// Everybody was released; it is done when every conversation has taken its message.
    async fn finish(&self, broadcast: &Broadcast, hand: &mut Hand) -> Result<Step, BroadcastError> {
        let mut waiting = 0;
        let all = || Late { chunks: (0..broadcast.chunks()).collect(), look_ms: LOOK_MS };
        let late = hand.late.get_or_insert_with(all);
        if broadcast.waiting > 0 {
            let mut chunks = Vec::new();
            for chunk in &late.chunks {
                let left = self.look_at_waiting(broadcast, *chunk).await?;
                waiting += left;
                chunks.extend((left > 0).then_some(*chunk));
            }
            late.chunks = chunks;
        }
        let now_ms = self.clock.now_ms();
        if waiting > 0 && waiting == broadcast.waiting {
            let again_ms = now_ms + late.look_ms;
            late.look_ms = (late.look_ms * 2).min(MAX_LOOK_MS);
            return Ok(Step::Wait(again_ms));
        }
        late.look_ms = LOOK_MS;
        self.write(&broadcast.id, Vec::new(), |broadcast| {
            broadcast.waiting = waiting;
            if waiting == 0 && broadcast.phase == Phase::Running {
                broadcast.phase = Phase::Done;
                (broadcast.updated_ms, broadcast.ended_ms) = (now_ms, Some(now_ms));
                events::broadcast_done(&broadcast.id, broadcast.people);
            }
            Ok(())
        })
        .await?;
        Ok(if waiting == 0 { Step::Ended } else { Step::Wait(now_ms + LOOK_MS) })
    }

    /// Looks what became of those whose conversation had not taken their message. Answers how many still have not.
    async fn look_at_waiting(&self, broadcast: &Broadcast, chunk: usize) -> Result<u32, BroadcastError> {
        // States of this chunk must not be written in between.
        let _writing = self.writing.lock().await;
        let mut outcomes = self.outcomes(&broadcast.id, chunk).await?;
        let waiting: Vec<InboxSeq> = outcomes.iter().filter_map(Outcome::waits).collect();
        if waiting.is_empty() {
            return Ok(0);
        }
        let all = waiting.len();
        let open: HashSet<u64> = self.store.inbox(waiting).await?.into_iter().map(|(seq, _)| seq.0).collect();
        let mut left = open.len() as u32;
        if open.len() == all {
            return Ok(left);
        }
        let people = self.people(&broadcast.id, chunk).await?;
        let mut passed_on = None;
        for (at, outcome) in outcomes.iter_mut().enumerate() {
            if outcome.waits().is_none_or(|seq| open.contains(&seq.0)) {
                continue;
            }
            let place = (chunk * CHUNK + at) as u32;
            let to = people.get(at).map(|person| &*person.to).unwrap_or_default();
            *outcome = self.became_of(broadcast, place, to, &mut passed_on).await?;
            left += u32::from(outcome.waits().is_some());
        }
        self.forget_dead(&mut outcomes);
        let document = (RESULT.into(), chunk_key(&broadcast.id, chunk), Some(codec::encode(&outcomes)));
        self.store.put_documents(vec![document]).await?;
        Ok(left)
    }

    /// What became of somebody whose row is not where it was: their conversation took it, or passed it on to the one that it
    /// became a part of. `passed_on` is read once.
    async fn became_of(
        &self,
        broadcast: &Broadcast,
        place: u32,
        to: &str,
        passed_on: &mut Option<BTreeMap<u32, InboxSeq>>,
    ) -> Result<Outcome, BroadcastError> {
        let mut had = self.engine.had_broadcast(&broadcast.id, &broadcast.number_id, to).await?;
        if had.is_none() {
            let passed_on = match passed_on {
                Some(known) => known,
                none => none.insert(self.engine.orders_of(&broadcast.id).await?),
            };
            if let Some(seq) = passed_on.get(&place) {
                return Ok(Outcome::Waiting { seq: seq.0 });
            }
            // What was taken before the inbox was read is known now.
            had = self.engine.had_broadcast(&broadcast.id, &broadcast.number_id, to).await?;
        }
        Ok(match had {
            Some((of, send)) if of == place => Outcome::Sent(Sent::queued(send)),
            Some(_) => Outcome::Skipped(Skip::new("duplicate", "the person had this broadcast already")),
            None => Outcome::Skipped(Skip::new("refused", "the conversation did not take it")),
        })
    }
}

fn make(pattern: &Pattern, person: &Person, place: u32) -> Result<One, Skip> {
    if let Some(skip) = &person.skip {
        return Err(skip.clone());
    }
    let to = person.to.parse().map_err(|error: crate::engine::TargetError| Skip::new("invalid", error.to_string()))?;
    let message = pattern.fill(&person.variables).map_err(|detail| Skip::new("invalid", detail))?;
    Ok(One { place, to, message })
}
