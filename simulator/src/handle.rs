//! The control surface in process: what `/_sim/` offers over HTTP, for tests and for `parlance dev`.

mod acts;
mod flows;
mod forms;
mod standing;
mod store;
mod write;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast;

use crate::core::{Core, StatsView, person_id};
use crate::ledger::{Count, LedgerView};
use crate::log::{Filter, LoggedRequest, LoggedWebhook};
use crate::phone::{ChoiceKind, Choose, Entry, PhoneError, PhoneEvent, PhoneInfo, inbound};
use crate::trouble::Trouble;
use crate::webhook::{self, Signing};

pub use acts::WindowView;
pub use flows::FlowEdit;
pub use store::MediaInfo;

/// Steers a running simulator. Cheap to clone; phones are counted from 1.
#[derive(Clone)]
pub struct Handle {
    pub(crate) core: Arc<Core>,
}

/// Nothing came in time.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// No such phone.
    #[error(transparent)]
    Phone(#[from] PhoneError),
    /// The time is over.
    #[error("no message came to phone {phone} within {waited:?}")]
    Timeout {
        /// The phone.
        phone: usize,
        /// How long it waited.
        waited: Duration,
    },
}

/// What became of a webhook posted by [`Handle::deliver`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// HTTP status of the answer; 0 if there was none.
    pub status: u16,
    /// Why there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Handle {
    /// Where the simulator listens.
    pub fn addr(&self) -> SocketAddr {
        self.core.addr
    }

    /// What the engine takes as `graph.base_url`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.core.addr)
    }

    /// Changes where webhooks are posted.
    pub fn set_webhook_url(&self, url: &str) {
        self.core.webhooks.set_url(url);
    }

    /// The phones.
    pub fn phones(&self) -> Vec<PhoneInfo> {
        self.core.phones.iter().map(|p| p.info()).collect()
    }

    /// One phone.
    pub fn phone(&self, phone: usize) -> Result<PhoneInfo, PhoneError> {
        Ok(self.core.phones.get(phone)?.info())
    }

    /// Changes what webhooks say of a phone. `None` leaves a value as it is, an empty username removes it.
    pub fn set_profile(
        &self,
        phone: usize,
        name: Option<String>,
        username: Option<String>,
        hides_number: Option<bool>,
    ) -> Result<PhoneInfo, PhoneError> {
        let phone = self.core.phones.get(phone)?;
        phone.set_profile(name, username, hides_number);
        Ok(phone.info())
    }

    /// A phone writes a text to the first business number. Returns the message id.
    pub fn text(&self, phone: usize, body: &str) -> Result<String, PhoneError> {
        self.write(phone, None, inbound::text(body)?)
    }

    /// A phone taps a reply button of the latest message that offers it.
    pub fn tap(&self, phone: usize, button: &Choose) -> Result<String, PhoneError> {
        self.choose(phone, ChoiceKind::Button, button, None)
    }

    /// A phone picks a row of the latest list that offers it.
    pub fn pick(&self, phone: usize, row: &Choose) -> Result<String, PhoneError> {
        self.choose(phone, ChoiceKind::Row, row, None)
    }

    /// A phone sends any inbound message object. Sender, id and time are added where they are missing.
    /// `phone_number_id` names the business number, the first one by default.
    pub fn raw(&self, phone: usize, phone_number_id: Option<&str>, message: Value) -> Result<String, PhoneError> {
        self.write(phone, phone_number_id, inbound::raw(message)?)
    }

    /// A phone taps or picks; in the message `wamid` if it is given, which need not be the latest.
    pub fn choose(
        &self,
        phone: usize,
        kind: ChoiceKind,
        wanted: &Choose,
        wamid: Option<&str>,
    ) -> Result<String, PhoneError> {
        let (offer, choice) = self.core.phones.get(phone)?.offered(kind, wanted, wamid)?;
        let (_, number) = self.number(Some(&offer.phone_number_id))?;
        let message = match offer.kind.as_str() {
            "template" => inbound::quick_reply(&choice, &offer.wamid, number),
            _ => inbound::reply(&choice, &offer.wamid, number),
        };
        self.write(phone, Some(&offer.phone_number_id), message)
    }

    /// Everything said on a phone, oldest first, the last 1,000 messages.
    pub fn transcript(&self, phone: usize) -> Result<Vec<Entry>, PhoneError> {
        Ok(self.core.phones.get(phone)?.entries())
    }

    /// Changes of a phone as they happen.
    pub fn events(&self, phone: usize) -> Result<broadcast::Receiver<PhoneEvent>, PhoneError> {
        Ok(self.core.phones.get(phone)?.events())
    }

    /// The next message of the business to this phone: each one is handed out once, in order, also
    /// those that came before the call. Waits for it, in real time.
    pub async fn next_message(&self, phone: usize, at_most: Duration) -> Result<Entry, WaitError> {
        let found = self.core.phones.get(phone)?;
        let mut changes = found.changes();
        let next = async {
            loop {
                changes.mark_unchanged();
                if let Some(entry) = found.take_next() {
                    return entry;
                }
                // The sender lives as long as the phone, so this only wakes.
                drop(changes.changed().await);
            }
        };
        let waited = tokio::time::timeout(at_most, next).await;
        waited.map_err(|_| WaitError::Timeout { phone, waited: at_most })
    }

    /// The trouble in force, with what is left of counted rules.
    pub fn trouble(&self) -> Trouble {
        self.core.trouble.get()
    }

    /// Replaces the trouble in force. Errors with a sentence if a rule makes no sense.
    pub fn set_trouble(&self, trouble: Trouble) -> Result<(), String> {
        self.core.trouble.set(trouble)
    }

    /// Ends all trouble.
    pub fn clear_trouble(&self) {
        if let Err(why) = self.core.trouble.set(Trouble::default()) {
            tracing::error!(%why, "no trouble is always possible");
        }
    }

    /// Graph calls, newest first. Empty if `log_requests` is off.
    pub fn requests(&self, filter: &Filter) -> Vec<Arc<LoggedRequest>> {
        self.core.log.requests(filter)
    }

    /// Webhooks posted, newest first, each try a row; 0 means all. Empty if `log_requests` is off.
    pub fn webhooks(&self, limit: usize) -> Vec<Arc<LoggedWebhook>> {
        self.core.log.webhooks(limit)
    }

    /// How often this callback data was posted and accepted. Zero if `ledger` is off.
    pub fn count(&self, callback_data: &str) -> Count {
        self.core.ledger.as_ref().map(|l| l.count_of(callback_data)).unwrap_or_default()
    }

    /// A copy of the ledger; `None` if it is off.
    pub fn ledger(&self) -> Option<LedgerView> {
        self.core.ledger.as_ref().map(|l| l.view())
    }

    /// Counters.
    pub fn stats(&self) -> StatsView {
        self.core.stats.view()
    }

    /// Posts any body to the webhook once, as it is. People who wrote in it have an open window then.
    pub async fn deliver(&self, body: impl Into<Bytes>, signing: Signing) -> Delivery {
        let body = body.into();
        for (number, person) in webhook::body::writers(&body) {
            self.open_window(&number, &person);
        }
        match webhook::attempt(&self.core, "deliver", 1, &body, signing).await {
            Ok(status) => Delivery { status, error: None },
            Err(error) => Delivery { status: 0, error: Some(error) },
        }
    }

    /// Opens the 24 hour window of a person, as if they had just written. False if there is no such number.
    pub fn open_window(&self, phone_number_id: &str, person: &str) -> bool {
        let Some((number, _)) = self.core.number(phone_number_id) else { return false };
        let person = person_id(person);
        self.core.windows.open(number, self.core.canonical(&person), self.core.now_ms());
        true
    }

    /// The simulator's time, in milliseconds since 1970-01-01 UTC.
    pub fn now_ms(&self) -> u64 {
        self.core.now_ms()
    }

    /// Moves the clock. False when it cannot be moved.
    pub fn advance(&self, ms: u64) -> bool {
        self.core.config.clock.advance(ms)
    }

    /// Forgets transcripts, windows, logs, the ledger, counters and queued webhooks; trouble is as at the start.
    pub fn reset(&self) {
        self.core.reset();
    }

    /// Forgets one phone's transcript, forms and window; the others are untouched.
    pub fn reset_phone(&self, phone: usize) -> Result<(), PhoneError> {
        let phone = self.core.phones.get(phone)?;
        self.core.windows.forget(&phone.key);
        self.core.forms.forget(phone.number);
        phone.reset();
        Ok(())
    }

    /// Closes the port: connections break, new ones are refused, until [`Handle::open_port`].
    pub fn close_port(&self) {
        self.core.port.send_replace(false);
    }

    /// Opens the port again, at the same address.
    pub fn open_port(&self) {
        self.core.port.send_replace(true);
    }
}
