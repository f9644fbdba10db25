//! From a signed body to stored rows: T1 for messages, T3 for statuses, quarantine for what must not run.

use std::collections::HashSet;
use std::sync::Arc;

use actors::{Clock, Engine, MAX_AGE_MS};
use hyper::body::Bytes;
use secrecy::SecretString;
use storage::{Accept, Quarantined, Store, StoreError};
use whatsapp::signature::{SignatureError, Verifier};
use whatsapp::webhook::{self, Event, Received, StatusUpdate};

use crate::metrics::{FrontMetrics, Refusal};

/// Takes webhooks in.
pub struct Intake {
    store: Arc<dyn Store>,
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    /// Over the app secret, and the one before a rotation.
    verifier: Verifier,
    numbers: HashSet<Box<str>>,
    metrics: Arc<FrontMetrics>,
}

impl Intake {
    /// An intake for these numbers.
    pub fn new(
        store: Arc<dyn Store>,
        engine: Arc<Engine>,
        clock: Arc<dyn Clock>,
        whatsapp: &crate::config::Whatsapp,
        metrics: Arc<FrontMetrics>,
    ) -> Self {
        let first = &whatsapp.numbers[0];
        let secrets = [Some(&first.app_secret), first.app_secret_previous.as_ref()];
        let secrets: Vec<SecretString> = secrets.into_iter().flatten().map(|s| s.value.clone()).collect();
        let numbers = whatsapp.numbers.iter().map(|number| number.phone_number_id.as_str().into()).collect();
        Self { store, engine, clock, verifier: Verifier::new(&secrets), numbers, metrics }
    }

    /// Checks the signature over the raw bytes, before anything else looks at them.
    pub fn verify(&self, header: Option<&str>, body: &[u8]) -> Result<(), Refusal> {
        match self.verifier.verify(header, body) {
            Ok(key) => {
                self.metrics.signed_by(key);
                Ok(())
            }
            Err(SignatureError::Missing) => Err(Refusal { reason: "missing" }),
            Err(SignatureError::Malformed) => Err(Refusal { reason: "malformed" }),
            Err(SignatureError::Mismatch) => Err(Refusal { reason: "mismatch" }),
        }
    }

    /// Stores all that a signed body holds. `Ok` means that it is on disk and may be acknowledged.
    pub async fn accept(&self, body: Bytes) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let (items, statuses) = match webhook::parse(&body) {
            Ok(events) => self.sort(events, now_ms),
            // Signed, so it is Meta's: sending it again for a week would not help.
            Err(error) => {
                let detail = error.to_string();
                (vec![self.quarantine("unreadable", &detail, body, now_ms)], Vec::new())
            }
        };
        if !items.is_empty() {
            self.store.append(items).await?;
        }
        if !statuses.is_empty() {
            self.engine.statuses(&statuses).await?;
        }
        Ok(())
    }

    fn sort(&self, events: Vec<Event>, now_ms: u64) -> (Vec<Accept>, Vec<StatusUpdate>) {
        let (mut items, mut statuses) = (Vec::with_capacity(events.len()), Vec::new());
        for event in events {
            match event {
                Event::Message(received) => items.push(self.message(&received, now_ms)),
                Event::Status(status) if self.numbers.contains(&*status.phone_number_id) => statuses.push(status),
                Event::Status(status) => {
                    let detail = format!("status for phone_number_id {}", status.phone_number_id);
                    items.push(self.quarantine("unknown_number", &detail, raw(&status.raw), now_ms));
                }
                Event::Other { field, raw: element, .. } => {
                    let detail = format!("field {field} is not handled yet");
                    items.push(self.quarantine("unhandled", &detail, raw(&element), now_ms));
                }
                Event::Unreadable { why, raw: element } => {
                    items.push(self.quarantine("unreadable", &why, raw(&element), now_ms));
                }
            }
        }
        (items, statuses)
    }

    fn message(&self, received: &Received, now_ms: u64) -> Accept {
        if !self.numbers.contains(&*received.phone_number_id) {
            let detail = format!("phone_number_id {} is not configured", received.phone_number_id);
            return self.quarantine("unknown_number", &detail, raw(&received.message), now_ms);
        }
        if received.sent_ms.is_some_and(|sent_ms| sent_ms + MAX_AGE_MS < now_ms) {
            let detail = "older than the window in which duplicates are known";
            return self.quarantine("too_old", detail, raw(&received.message), now_ms);
        }
        self.metrics.event("message", "accepted");
        Accept::Message(actors::inbound(received, now_ms))
    }

    fn quarantine(&self, reason: &'static str, detail: &str, payload: Bytes, now_ms: u64) -> Accept {
        self.metrics.event("quarantined", reason);
        Accept::Quarantine(Quarantined { reason: reason.into(), detail: detail.into(), received_ms: now_ms, payload })
    }
}

fn raw(value: &serde_json::value::RawValue) -> Bytes {
    Bytes::copy_from_slice(value.get().as_bytes())
}
