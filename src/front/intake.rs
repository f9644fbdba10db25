//! From a signed body to stored rows: T1 for messages, T3 for statuses, quarantine for what must not run.

mod aside;
mod fields;
mod repeats;

use std::sync::Arc;

use actors::erasure::Tombs;
use actors::{AccountEvent, Clock, Engine, MAX_AGE_MS, Minute, identity};
use hyper::body::Bytes;
use serde_json::value::RawValue;
use storage::{Accept, Quarantined, Store, StoreError};
use whatsapp::signature::SignatureError;
use whatsapp::webhook::{self, Event, Received, StatusUpdate};

use super::displays::Displays;
use super::signers::{Signer, Signers};
use crate::inspector::Taken;
use crate::metrics::{FrontMetrics, Refusal};
pub use aside::webhook_of;
use fields::Field;
pub use repeats::Repeats;

/// Characters of an unknown `phone_number_id` in the log.
const SHOWN: usize = 32;

/// Numbers of ours that one body is noted to be about.
const MAX_NUMBERS: usize = 16;

/// What a body holds.
#[derive(Default)]
struct Sorted {
    items: Vec<Accept>,
    statuses: Vec<StatusUpdate>,
    events: Vec<AccountEvent>,
    /// Names of the reports among the items.
    reports: Vec<Box<str>>,
    /// What is of somebody who was erased.
    erased: u32,
}

/// Takes webhooks in.
pub struct Intake {
    store: Arc<dyn Store>,
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    signers: Arc<Signers>,
    displays: Arc<Displays>,
    metrics: Arc<FrontMetrics>,
    repeats: Repeats,
    /// Statuses that belong to nothing.
    strangers: Minute,
    /// Webhooks for numbers that are not configured.
    unknown_numbers: Minute,
    /// Who was erased: what comes late of them is kept nowhere.
    tombs: Arc<Tombs>,
}

impl Intake {
    /// An intake for the numbers of these apps.
    pub fn new(
        store: Arc<dyn Store>,
        engine: Arc<Engine>,
        clock: Arc<dyn Clock>,
        signers: Arc<Signers>,
        displays: Arc<Displays>,
        metrics: Arc<FrontMetrics>,
        (repeats, tombs): (Repeats, Arc<Tombs>),
    ) -> Self {
        Self {
            store,
            engine,
            clock,
            signers,
            displays,
            metrics,
            repeats,
            strangers: Minute::default(),
            unknown_numbers: Minute::default(),
            tombs,
        }
    }

    /// Checks the signature over the raw bytes, before anything else looks at them; answers whose it is.
    pub fn verify(&self, header: Option<&str>, body: &[u8]) -> Result<Arc<Signer>, Refusal> {
        match self.signers.verify(header, body) {
            Ok(signer) => {
                self.metrics.signed_by(if signer.previous { "previous" } else { "current" });
                Ok(signer)
            }
            Err(SignatureError::Missing) => Err(Refusal { reason: "missing" }),
            Err(SignatureError::Malformed) => Err(Refusal { reason: "malformed" }),
            Err(SignatureError::Mismatch) => Err(Refusal { reason: "mismatch" }),
        }
    }

    /// Stores all that a signed body holds. `Ok` means that it is on disk and may be acknowledged.
    pub async fn accept(&self, signer: &Signer, body: Bytes) -> Result<Taken, StoreError> {
        let now_ms = self.clock.now_ms();
        let mut taken = Taken::default();
        let sorted = match webhook::parse(&body) {
            Ok(events) => self.sort(Some(signer), events, now_ms),
            // Signed, so it is Meta's: sending it again for a week would not help.
            Err(error) => {
                let detail = error.to_string();
                taken.unreadable = true;
                Sorted { items: vec![self.quarantine("unreadable", &detail, body, now_ms)], ..Sorted::default() }
            }
        };
        self.keep(sorted, taken, now_ms).await
    }

    /// Takes a webhook in again that was put aside: all of it, or, if any of it would be put aside again, nothing, and why
    /// that is. Whoever asks for it answers for its age and for who signed it.
    pub(super) async fn release(&self, body: &[u8], dry_run: bool) -> Result<Result<Taken, Box<str>>, StoreError> {
        let now_ms = self.clock.now_ms();
        let events = match webhook::parse(body) {
            Ok(events) => events,
            Err(error) => return Ok(Err(error.to_string().into())),
        };
        let sorted = self.sort(None, events, now_ms);
        let still = sorted.items.iter().find_map(|item| match item {
            Accept::Quarantine(row) => Some(row.detail.clone()),
            Accept::Message(_) | Accept::Notice(_) => None,
        });
        if dry_run || still.is_some() {
            self.repeats.give_back(&sorted.reports);
        }
        let mut taken = Taken::default();
        match still {
            Some(why) => Ok(Err(why)),
            None if dry_run => {
                count(&mut taken, &sorted.items, &sorted.statuses);
                Ok(Ok(taken))
            }
            None => self.keep(sorted, taken, now_ms).await.map(Ok),
        }
    }

    async fn keep(&self, sorted: Sorted, mut taken: Taken, now_ms: u64) -> Result<Taken, StoreError> {
        let Sorted { mut items, statuses, events, reports, erased } = sorted;
        taken.erased = erased;
        // Statuses first: applying them once more, should the rest not be stored, changes nothing.
        if !statuses.is_empty() {
            for unknown in self.engine.statuses(&statuses).await? {
                if self.is_to_erased(unknown) {
                    self.metrics.event("status", "erased");
                    taken.erased += 1;
                    continue;
                }
                items.extend(self.unknown_status(unknown, now_ms));
            }
        }
        count(&mut taken, &items, &statuses);
        if !items.is_empty()
            && let Err(error) = self.store.append(items).await
        {
            self.repeats.give_back(&reports);
            return Err(error);
        }
        for event in events {
            self.engine.tell(event);
        }
        if !reports.is_empty() {
            self.repeats.keep(reports, now_ms).await?;
        }
        Ok(taken)
    }

    /// What a body that could not be stored has of people who were erased; `None` if it has nothing of them.
    pub(super) fn late(&self, body: &[u8]) -> Option<Taken> {
        let now_ms = self.clock.now_ms();
        let late = |event: &Event| match event {
            Event::Other { field, phone_number_id, raw, .. } => {
                self.is_late(field, phone_number_id.as_deref().unwrap_or_default(), raw, now_ms)
            }
            event => self.is_of_before(event, now_ms),
        };
        let erased = webhook::parse(body).ok()?.iter().filter(|event| late(event)).count();
        let erased = u32::try_from(erased).unwrap_or(u32::MAX);
        (erased > 0).then(|| Taken { erased, ..Taken::default() })
    }

    /// Signs a body as the app of a number would, or that of the first number.
    pub(super) fn sign(&self, number: Option<&str>, body: &[u8]) -> Option<String> {
        let secret = number.and_then(|number| self.signers.secret(number)).or_else(|| self.signers.any_secret())?;
        Some(whatsapp::signature::sign(&secret, body))
    }

    /// Without a signer it is known whose it is, and that it is old.
    fn sort(&self, signer: Option<&Signer>, events: Vec<Event>, now_ms: u64) -> Sorted {
        let mut sorted = Sorted { items: Vec::with_capacity(events.len()), ..Sorted::default() };
        for event in events {
            if self.is_of_before(&event, now_ms) {
                self.metrics.event(if matches!(event, Event::Status(_)) { "status" } else { "message" }, "erased");
                sorted.erased += 1;
                continue;
            }
            if let Some(detail) = signer.and_then(|signer| self.signers.foreign(signer, &event)) {
                sorted.items.push(self.quarantine("wrong_app", &detail, aside::around(&event), now_ms));
                continue;
            }
            if let Some(put_aside) = self.put_aside(&event, signer.is_none(), now_ms) {
                sorted.items.push(put_aside);
                continue;
            }
            match event {
                Event::Message(received) => sorted.items.push(self.message(&received, now_ms)),
                Event::Status(status) => sorted.statuses.push(status),
                Event::Other { field, waba_id, phone_number_id, time_ms, raw } => {
                    let field = Field { name: field, account: waba_id, number: phone_number_id, time_ms, raw };
                    self.field(&mut sorted, field, now_ms);
                }
                Event::Unreadable { ref why, .. } => {
                    sorted.items.push(self.quarantine("unreadable", why, aside::around(&event), now_ms));
                }
            }
        }
        sorted
    }

    /// Whether this is of somebody who was erased since, and of the time before. A status belongs to the message that it
    /// is about; one that names none of ours is looked for first.
    fn is_of_before(&self, event: &Event, now_ms: u64) -> bool {
        match event {
            Event::Message(received) => {
                self.tombs.is_of_before(&identity::aliases_of(received), received.sent_ms.unwrap_or(now_ms))
            }
            Event::Status(status) => self.engine.is_of_erased(status),
            Event::Other { .. } | Event::Unreadable { .. } => false,
        }
    }

    /// What must not run: of a number that is not served, or too old.
    fn put_aside(&self, event: &Event, any_age: bool, now_ms: u64) -> Option<Accept> {
        let (number, detail) = match event {
            Event::Message(received) => {
                let number = &received.phone_number_id;
                (number, format!("phone_number_id {number} is not configured"))
            }
            Event::Status(status) => {
                (&status.phone_number_id, format!("status for phone_number_id {}", status.phone_number_id))
            }
            Event::Other { phone_number_id: Some(number), field, .. } => {
                (number, format!("field {field} for phone_number_id {number}"))
            }
            Event::Other { .. } | Event::Unreadable { .. } => return None,
        };
        if !self.signers.serves(number) {
            return Some(self.unknown_number(number, &detail, event, now_ms));
        }
        match event {
            Event::Message(Received { sent_ms: Some(sent_ms), .. }) if !any_age && is_too_old(*sent_ms, now_ms) => {
                let detail = "older than the window in which duplicates are known";
                Some(self.quarantine("too_old", detail, aside::around(event), now_ms))
            }
            _ => None,
        }
    }

    fn message(&self, received: &Received, now_ms: u64) -> Accept {
        if let Some(display) = &received.display_phone_number {
            self.displays.saw(&received.phone_number_id, display);
        }
        self.metrics.event("message", "accepted");
        Accept::Message(actors::inbound(received, now_ms))
    }

    /// Says so once a minute, whatever comes: the quarantine has all of it.
    fn unknown_number(&self, number: &str, detail: &str, event: &Event, now_ms: u64) -> Accept {
        if self.unknown_numbers.count(now_ms) == 1 {
            let number: String = number.chars().take(SHOWN).collect();
            tracing::warn!(
                number,
                "webhooks come for a phone_number_id that is not configured; they are in quarantine"
            );
        }
        self.quarantine("unknown_number", detail, aside::around(event), now_ms)
    }

    fn quarantine(&self, reason: &'static str, detail: &str, payload: Bytes, now_ms: u64) -> Accept {
        self.metrics.event("quarantined", reason);
        Accept::Quarantine(Quarantined { reason: reason.into(), detail: detail.into(), received_ms: now_ms, payload })
    }
}

/// Counts what becomes of a body, and whose it is.
fn count(taken: &mut Taken, items: &[Accept], statuses: &[StatusUpdate]) {
    taken.statuses = u32::try_from(statuses.len()).unwrap_or(u32::MAX);
    let mut about = |number: &str| {
        if taken.numbers.len() < MAX_NUMBERS && taken.numbers.iter().all(|known| **known != *number) {
            taken.numbers.push(number.into());
        }
    };
    statuses.iter().for_each(|status| about(&status.phone_number_id));
    for item in items {
        match item {
            Accept::Message(row) => {
                about(&row.partition.0);
                taken.accepted += 1;
            }
            Accept::Quarantine(_) => taken.quarantined += 1,
            Accept::Notice(_) => taken.notices += 1,
        }
    }
}

/// A time from outside may be anything.
fn is_too_old(sent_ms: u64, now_ms: u64) -> bool {
    sent_ms.saturating_add(MAX_AGE_MS) < now_ms
}

fn raw_of(event: &Event) -> &RawValue {
    match event {
        Event::Message(received) => &received.message,
        Event::Status(status) => &status.raw,
        Event::Other { raw, .. } | Event::Unreadable { raw, .. } => raw,
    }
}

fn raw(value: &RawValue) -> Bytes {
    Bytes::copy_from_slice(value.get().as_bytes())
}
