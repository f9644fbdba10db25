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
use aside::Aside;
pub use aside::webhook_of;
use fields::Field;
pub use repeats::Repeats;

/// Characters of an unknown `phone_number_id` in the log.
const SHOWN: usize = 32;

/// Numbers of ours that one body is noted to be about.
const MAX_NUMBERS: usize = 16;

/// Put aside because whoever signed it has no say about the number.
const WRONG_APP: &str = "wrong_app";
/// Put aside because of its age.
const TOO_OLD: &str = "too_old";
const OLDER: &str = "older than the window in which duplicates are known";
/// What speaks against taking in what is too old.
const LATE: &str =
    "it is older than what duplicates are known of: it may have run before, and the person may get a late answer";

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

/// How a body is taken in.
#[derive(Clone, Copy)]
struct How<'a> {
    /// Who signed it; `None` where somebody answers for it.
    signer: Option<&'a Signer>,
    /// Whether somebody answers for its age.
    any_age: bool,
    /// When it came.
    came_ms: u64,
    now_ms: u64,
    /// Whether it is only looked at: nothing is counted, told or remembered.
    is_tried: bool,
}

/// Why what was put aside is not taken in again.
pub(crate) enum Stays {
    /// Somebody has to answer for it.
    Confirm(Box<str>),
    /// It would be put aside again.
    Aside(Box<str>),
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
        let how = How { signer: Some(signer), any_age: false, came_ms: now_ms, now_ms, is_tried: false };
        let sorted = match webhook::parse(&body) {
            Ok(events) => self.sort(how, events),
            // Signed, so it is Meta's: sending it again for a week would not help.
            Err(error) => {
                let detail = error.to_string();
                taken.unreadable = true;
                let item = self.quarantine("unreadable", &detail, Aside::as_it_came(body), how);
                Sorted { items: vec![item], ..Sorted::default() }
            }
        };
        self.keep(sorted, taken, now_ms).await
    }

    /// Takes a webhook in again that was put aside as `row`: all of it or, if any of it has to stay, nothing, and why that is.
    /// Whoever confirms it answers for its age and for who signed it.
    pub(super) async fn release(
        &self,
        row: &Quarantined,
        body: &[u8],
        confirm: bool,
        dry_run: bool,
    ) -> Result<Result<Taken, Stays>, StoreError> {
        let now_ms = self.clock.now_ms();
        let events = match webhook::parse(body) {
            Ok(events) => events,
            Err(error) => return Ok(Err(Stays::Aside(error.to_string().into()))),
        };
        let signer = self.signers.marked(&row.signed_by);
        let how = How {
            signer: signer.as_deref().filter(|_| !confirm),
            any_age: confirm,
            came_ms: row.received_ms,
            now_ms,
            is_tried: true,
        };
        let tried = self.sort(how, events.clone());
        self.repeats.give_back(&tried.reports);
        if let Some(stays) = stays(&tried.items) {
            return Ok(Err(stays));
        }
        if signer.is_none() && !confirm {
            return Ok(Err(Stays::Confirm("the secret that it was signed with is of none of the apps now".into())));
        }
        let mut taken = Taken::default();
        if dry_run {
            count(&mut taken, &tried.items, &tried.statuses);
            return Ok(Ok(taken));
        }
        let sorted = self.sort(How { is_tried: false, ..how }, events);
        self.keep(sorted, taken, now_ms).await.map(Ok)
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

    /// Signs a body as the app of a number would; `None` if the number is not served.
    pub(super) fn sign(&self, number: &str, body: &[u8]) -> Option<String> {
        Some(whatsapp::signature::sign(&self.signers.secret(number)?, body))
    }

    fn sort(&self, how: How<'_>, events: Vec<Event>) -> Sorted {
        let mut sorted = Sorted { items: Vec::with_capacity(events.len()), ..Sorted::default() };
        for event in events {
            if self.is_of_before(&event, how.now_ms) {
                self.count(how, if matches!(event, Event::Status(_)) { "status" } else { "message" }, "erased");
                sorted.erased += 1;
                continue;
            }
            if let Some(detail) = how.signer.and_then(|signer| self.signers.foreign(signer, &event)) {
                sorted.items.push(self.quarantine(WRONG_APP, &detail, aside::around(&event), how));
                continue;
            }
            if let Some(put_aside) = self.put_aside(&event, how) {
                sorted.items.push(put_aside);
                continue;
            }
            match event {
                Event::Message(received) => sorted.items.push(self.message(&received, how)),
                Event::Status(status) => sorted.statuses.push(status),
                Event::Other { field, waba_id, phone_number_id, time_ms, raw } => {
                    let field = Field { name: field, account: waba_id, number: phone_number_id, time_ms, raw };
                    self.field(&mut sorted, field, how);
                }
                Event::Unreadable { ref why, .. } => {
                    sorted.items.push(self.quarantine("unreadable", why, aside::around(&event), how));
                }
            }
        }
        sorted
    }

    /// Counts what became of something, unless it is only looked at.
    fn count(&self, how: How<'_>, kind: &'static str, outcome: &'static str) {
        if !how.is_tried {
            self.metrics.event(kind, outcome);
        }
    }

    /// Whether this is of somebody who was erased since, and of the time before. A status belongs to the message that it
    /// is about; one that names none of ours is looked for first.
    fn is_of_before(&self, event: &Event, now_ms: u64) -> bool {
        match event {
            Event::Message(received) => {
                !self.tombs.is_empty()
                    && self.tombs.is_of_before(&identity::aliases_of(received), received.sent_ms.unwrap_or(now_ms))
            }
            Event::Status(status) => self.engine.is_of_erased(status),
            Event::Other { .. } | Event::Unreadable { .. } => false,
        }
    }

    /// What must not run: of a number that is not served, or too old.
    fn put_aside(&self, event: &Event, how: How<'_>) -> Option<Accept> {
        let number = match event {
            Event::Message(received) => &received.phone_number_id,
            Event::Status(status) => &status.phone_number_id,
            Event::Other { phone_number_id: Some(number), .. } => number,
            Event::Other { .. } | Event::Unreadable { .. } => return None,
        };
        if !self.signers.serves(number) {
            return Some(self.unknown_number(number, event, how));
        }
        match event {
            Event::Message(Received { sent_ms, .. }) if is_too_old(sent_ms.unwrap_or(how.came_ms), how) => {
                Some(self.quarantine(TOO_OLD, OLDER, aside::around(event), how))
            }
            _ => None,
        }
    }

    fn message(&self, received: &Received, how: How<'_>) -> Accept {
        if let Some(display) = received.display_phone_number.as_ref().filter(|_| !how.is_tried) {
            self.displays.saw(&received.phone_number_id, display);
        }
        self.count(how, "message", "accepted");
        Accept::Message(actors::inbound(received, how.now_ms))
    }

    /// Says so once a minute, whatever comes: the quarantine has all of it.
    fn unknown_number(&self, number: &str, event: &Event, how: How<'_>) -> Accept {
        let detail = match event {
            Event::Status(_) => format!("status for phone_number_id {number}"),
            Event::Other { field, .. } => format!("field {field} for phone_number_id {number}"),
            Event::Message(_) | Event::Unreadable { .. } => format!("phone_number_id {number} is not configured"),
        };
        if !how.is_tried && self.unknown_numbers.count(how.now_ms) == 1 {
            let number: String = number.chars().take(SHOWN).collect();
            tracing::warn!(
                number,
                "webhooks come for a phone_number_id that is not configured; they are in quarantine"
            );
        }
        self.quarantine("unknown_number", &detail, aside::around(event), how)
    }

    fn quarantine(&self, reason: &'static str, detail: &str, aside: Aside, how: How<'_>) -> Accept {
        self.count(how, "quarantined", reason);
        let Aside { payload, made } = aside;
        Accept::Quarantine(Quarantined {
            reason: reason.into(),
            detail: detail.into(),
            received_ms: how.now_ms,
            signed_by: how.signer.map(|signer| signer.mark.clone()).unwrap_or_default(),
            made,
            payload,
        })
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

/// Why what would be put aside again stays: what nobody can answer for comes first.
fn stays(items: &[Accept]) -> Option<Stays> {
    let mut stays = None;
    for item in items {
        let Accept::Quarantine(row) = item else { continue };
        match &*row.reason {
            TOO_OLD => stays = Some(Stays::Confirm(LATE.into())),
            WRONG_APP => stays = Some(Stays::Confirm(row.detail.clone())),
            _ => return Some(Stays::Aside(row.detail.clone())),
        }
    }
    stays
}

/// A time from outside may be anything.
fn is_too_old(sent_ms: u64, how: How<'_>) -> bool {
    !how.any_age && sent_ms.saturating_add(MAX_AGE_MS) < how.now_ms
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
