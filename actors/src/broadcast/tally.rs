//! How far a broadcast is, and what became of each person: read from the outbox as it stands, and written down before its
//! rows are forgotten.

use std::collections::BTreeMap;

use serde::Serialize;
use storage::{SendId, SendState};

use super::record::{Broadcast, Outcome, Person, Sent, chunk_key};
use super::{BroadcastError, Broadcasts, CHUNK, RESULT};
use crate::codec;
use crate::records::SendError;

/// Counts are made anew after this long (ms).
const FRESH_MS: u64 = 1_000;
/// Places that one page looks through.
const LOOKED_AT: usize = 4_000;
/// States are looked after this long after the end (ms): statuses come for days.
const KEPT_MS: u64 = 8 * 24 * 3_600_000;

/// How many stand how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Named.
    pub people: u32,
    /// Not released yet.
    pub pending: u32,
    /// Released, and not taken by their conversation yet.
    pub waiting: u32,
    /// In the outbox.
    pub queued: u32,
    /// Nobody knows whether it was sent, or it is held.
    pub held: u32,
    /// Meta has it.
    pub sent: u32,
    /// On the phone.
    pub delivered: u32,
    /// Read.
    pub read: u32,
    /// Given up.
    pub failed: u32,
    /// Nothing was sent.
    pub skipped: u32,
    /// Why not, and how many.
    pub skipped_why: BTreeMap<Box<str>, u32>,
}

/// How it stands with somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Not released yet.
    Pending,
    /// Released, and not taken by the conversation yet.
    Waiting,
    /// In the outbox.
    Queued,
    /// Nobody knows whether it was sent, or it is held.
    Held,
    /// Meta has it.
    Sent,
    /// On the phone.
    Delivered,
    /// Read.
    Read,
    /// Given up.
    Failed,
    /// Nothing was sent.
    Skipped,
}

impl Standing {
    const ALL: [Self; 9] = [
        Self::Pending,
        Self::Waiting,
        Self::Queued,
        Self::Held,
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Failed,
        Self::Skipped,
    ];

    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Held => "held",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// The one with this word.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.name() == name)
    }
}

/// What became of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonResult {
    /// Place in the list, from 1.
    pub place: u32,
    /// As they were named.
    pub to: Box<str>,
    /// How it stands.
    pub standing: Standing,
    /// The message.
    pub send: Option<SendId>,
    /// Why nothing was sent (`opted_out`, `invalid`, `duplicate`, `no_address`, `refused`), or why it failed.
    pub reason: Option<Box<str>>,
    /// In words.
    pub detail: Option<Box<str>>,
    /// Meta's number.
    pub code: Option<u32>,
}

/// Some of them, in the order of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultPage {
    /// Who was asked for.
    pub items: Vec<PersonResult>,
    /// Where it goes on, if it does.
    pub next: Option<u32>,
}

/// Counts, and when they were made.
pub(super) struct Tallied {
    at_ms: u64,
    /// Whether the broadcast had ended.
    ended: bool,
    counts: Counts,
}

impl Broadcasts {
    /// How many stand how; at most a second old.
    pub async fn counts(&self, id: &str) -> Result<Counts, BroadcastError> {
        let broadcast = self.get(id)?;
        let now_ms = self.clock.now_ms();
        let ended = broadcast.ended_ms.is_some();
        let is_fresh = |known: &&Tallied| now_ms < known.at_ms + FRESH_MS && known.ended == ended;
        let known = self.tallied.lock().get(id).filter(is_fresh).map(|known| known.counts.clone());
        if let Some(counts) = known {
            return Ok(counts);
        }
        let mut counts = Counts { people: broadcast.people, pending: broadcast.people, ..Counts::default() };
        for chunk in 0..(broadcast.next as usize).div_ceil(CHUNK) {
            let mut outcomes = self.outcomes(id, chunk).await?;
            self.refresh(&mut outcomes).await?;
            outcomes.iter().for_each(|outcome| counts.add(outcome));
        }
        self.tallied.lock().insert(id.into(), Tallied { at_ms: now_ms, ended, counts: counts.clone() });
        Ok(counts)
    }

    /// People from a place (from 0) on who stand so. A page may be short, or even empty, and still have a next one.
    pub async fn results(
        &self,
        id: &str,
        wanted: Option<Standing>,
        from: u32,
        limit: usize,
    ) -> Result<ResultPage, BroadcastError> {
        let broadcast = self.get(id)?;
        let (mut items, mut at) = (Vec::new(), from as usize);
        let end = (broadcast.people as usize).min(at.saturating_add(LOOKED_AT));
        while at < end && items.len() < limit {
            let chunk = at / CHUNK;
            let people = self.people(id, chunk).await?;
            let mut outcomes = self.outcomes(id, chunk).await?;
            self.refresh(&mut outcomes).await?;
            let mut rows = people.iter().enumerate().skip(at % CHUNK);
            while let Some((n, person)) = rows.next().filter(|_| items.len() < limit) {
                at += 1;
                let result = result((chunk * CHUNK + n) as u32 + 1, person, outcomes.get(n));
                if wanted.is_none_or(|wanted| wanted == result.standing) {
                    items.push(result);
                }
            }
            // A chunk that is short would be looked at for ever.
            if items.len() < limit {
                at = (chunk + 1) * CHUNK;
            }
        }
        Ok(ResultPage { items, next: (at < broadcast.people as usize).then_some(at as u32) })
    }

    /// Writes down how what was released stands, of all that may still change.
    pub(super) async fn keep_all(&self) {
        let now_ms = self.clock.now_ms();
        let recent = |broadcast: &Broadcast| broadcast.ended_ms.is_none_or(|ended_ms| now_ms < ended_ms + KEPT_MS);
        for broadcast in self.all().into_iter().filter(recent) {
            if let Err(error) = self.keep(&broadcast).await {
                tracing::warn!(broadcast = &*broadcast.id, %error, "the results of a broadcast could not be kept; they are later");
            }
        }
    }

    async fn keep(&self, broadcast: &Broadcast) -> Result<(), BroadcastError> {
        for chunk in 0..(broadcast.next as usize).div_ceil(CHUNK) {
            // A step must not write this chunk in between.
            let _writing = self.writing.lock().await;
            let mut outcomes = self.outcomes(&broadcast.id, chunk).await?;
            if self.refresh(&mut outcomes).await? {
                let document = (RESULT.into(), chunk_key(&broadcast.id, chunk), Some(codec::encode(&outcomes)));
                self.store.put_documents(vec![document]).await?;
            }
        }
        Ok(())
    }

    /// Looks how the messages stand that may have changed. Answers whether one had.
    async fn refresh(&self, outcomes: &mut [Outcome]) -> Result<bool, BroadcastError> {
        let open: Vec<&mut Sent> = outcomes
            .iter_mut()
            .filter_map(|outcome| match outcome {
                Outcome::Sent(sent) if !sent.is_final() => Some(sent),
                _ => None,
            })
            .collect();
        if open.is_empty() {
            return Ok(false);
        }
        let rows = self.store.sends(open.iter().map(|sent| sent.id()).collect()).await?;
        let mut changed = false;
        for (sent, row) in open.into_iter().zip(rows) {
            let Some(row) = row.filter(|row| row.state != sent.state) else { continue };
            let error = SendError::of(&row);
            sent.state = row.state;
            sent.code = error.as_ref().and_then(|error| error.code);
            sent.error = error.map(|error| error.title);
            changed = true;
        }
        Ok(changed)
    }
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        self.pending = self.pending.saturating_sub(1);
        match standing(Some(outcome)) {
            Standing::Pending => self.pending += 1,
            Standing::Waiting => self.waiting += 1,
            Standing::Queued => self.queued += 1,
            Standing::Held => self.held += 1,
            Standing::Sent => self.sent += 1,
            Standing::Delivered => self.delivered += 1,
            Standing::Read => self.read += 1,
            Standing::Failed => self.failed += 1,
            Standing::Skipped => self.skipped += 1,
        }
        if let Outcome::Skipped(skip) = outcome {
            *self.skipped_why.entry(skip.why.clone()).or_default() += 1;
        }
    }
}

fn standing(outcome: Option<&Outcome>) -> Standing {
    match outcome {
        None => Standing::Pending,
        Some(Outcome::Waiting { .. }) => Standing::Waiting,
        Some(Outcome::Skipped(_)) => Standing::Skipped,
        Some(Outcome::Sent(sent)) => match sent.state {
            SendState::Queued | SendState::Sending => Standing::Queued,
            SendState::Uncertain | SendState::Held => Standing::Held,
            SendState::Accepted | SendState::Sent => Standing::Sent,
            SendState::Delivered => Standing::Delivered,
            SendState::Read => Standing::Read,
            SendState::Dead | SendState::Failed => Standing::Failed,
        },
    }
}

fn result(place: u32, person: &Person, outcome: Option<&Outcome>) -> PersonResult {
    let standing = standing(outcome);
    let mut result =
        PersonResult { place, to: person.to.clone(), standing, send: None, reason: None, detail: None, code: None };
    match outcome {
        Some(Outcome::Sent(sent)) => {
            result.send = Some(sent.id());
            (result.code, result.detail) = (sent.code, sent.error.clone());
            result.reason = (standing == Standing::Failed).then(|| "failed".into());
        }
        Some(Outcome::Skipped(skip)) => {
            (result.reason, result.detail) = (Some(skip.why.clone()), Some(skip.detail.clone()));
        }
        Some(Outcome::Waiting { .. }) | None => {}
    }
    result
}
