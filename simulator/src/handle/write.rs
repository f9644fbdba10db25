//! What phones write, and what happens to what the business wrote.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::Handle;
use crate::config::Number;
use crate::core::Core;
use crate::graph::media::link;
use crate::media::{Item, New, Source};
use crate::phone::draft::{self, Desk};
use crate::phone::{Author, Content, Draft, Entry, Phone, PhoneError, Progress, inbound};
use crate::webhook::{self, Job, MessageJob, Pricing, StatusJob};

impl Handle {
    /// A phone sends a message of any kind. Returns the message id.
    pub fn send(&self, phone: usize, draft: &Draft) -> Result<String, PhoneError> {
        let core = &*self.core;
        let found = core.phones.get(phone)?;
        let (at, number) = self.number(draft.phone_number_id.as_deref())?;
        own_message(found, &draft.content)?;
        let media = |kind: &str, id: Option<&str>| media(core, number, kind, id);
        let flow_token = |wamid: &str| {
            let sent = core.forms.of_message(wamid).filter(|_| !core.trouble.omits_flow_token())?;
            Some(sent.opening.token.clone())
        };
        let message = draft::message(draft, &Desk { number, media: &media, flow_token: &flow_token })?;
        let wamid = self.write(phone, draft.phone_number_id.as_deref(), message)?;
        if draft.from_ad {
            core.windows.came_by_ad(at, &found.key, core.now_ms());
        }
        amend(found, &draft.content);
        Ok(wamid)
    }

    pub(super) fn number(&self, phone_number_id: Option<&str>) -> Result<(usize, &Number), PhoneError> {
        match phone_number_id {
            Some(id) => self.core.number(id).ok_or_else(|| PhoneError::NoNumber(id.to_owned())),
            None => {
                let first = self.core.config.numbers.first();
                first.map(|number| (0, number)).ok_or_else(|| PhoneError::NoNumber("1".into()))
            }
        }
    }

    /// Opens the window, adds the message to the transcript, queues its webhook.
    pub(super) fn write(
        &self,
        phone: usize,
        to: Option<&str>,
        mut message: Map<String, Value>,
    ) -> Result<String, PhoneError> {
        let core = &*self.core;
        let phone = core.phones.get(phone)?;
        let (at, number) = self.number(to)?;
        let (who, now_ms) = (phone.info(), core.now_ms());
        if who.blocks_business {
            return Err(PhoneError::Invalid(format!("phone {} blocks the business", phone.number)));
        }
        inbound::complete(&mut message, &who, core.ids.wamid(), now_ms);
        let wamid = message.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let body = webhook::body::message(number, &who, &message);
        phone.push(Entry::new(Author::Person, &wamid, &number.phone_number_id, now_ms, Value::Object(message)));
        // Whom the business blocks writes into the void.
        if core.blocked.has(at, &phone.key) {
            return Ok(wamid);
        }
        core.windows.open(at, &phone.key, now_ms);
        let generation = core.generation.load(Ordering::Acquire);
        let job = MessageJob { phone: phone.number, number: at, wamid: wamid.clone(), body, generation };
        if !core.webhooks.queue(Job::Message(job)) {
            core.stats.webhooks_lost.up();
            return Err(PhoneError::Invalid(format!("phone {} has too many webhooks waiting", phone.number)));
        }
        Ok(wamid)
    }

    /// Sends a status of a message in a phone's transcript; for what `auto_status` leaves out.
    pub fn status(&self, phone: usize, wamid: &str, progress: Progress) -> Result<(), PhoneError> {
        self.queue_status(phone, wamid, progress, (progress == Progress::Failed).then_some(131026))
    }

    /// Lets a message fail now, with any of Meta's codes.
    pub fn fail(&self, phone: usize, wamid: &str, code: u32) -> Result<(), PhoneError> {
        self.queue_status(phone, wamid, Progress::Failed, Some(code))
    }

    fn queue_status(&self, phone: usize, wamid: &str, progress: Progress, code: Option<u32>) -> Result<(), PhoneError> {
        let found = self.core.phones.get(phone)?;
        let entry = found.find(wamid).filter(|e| e.author == Author::Business);
        let entry = entry.ok_or_else(|| PhoneError::NoMessage { phone, wamid: wamid.to_owned() })?;
        let (number, _) = self.number(Some(&entry.phone_number_id))?;
        let [wa_id, _] = found.ids();
        let free_until = self.core.windows.entry_until_ms(number, &found.key).filter(|until| self.now_ms() < *until);
        let job = StatusJob {
            number,
            wamid: wamid.into(),
            progress,
            person: wa_id.into(),
            by_user_id: false,
            callback_data: entry.callback_data.as_deref().map(Arc::from),
            code,
            pricing: free_until.map_or(Pricing::Regular("service"), Pricing::EntryPoint),
            major: u32::MAX,
            delay_ms: 0,
            generation: self.core.generation.load(Ordering::Acquire),
        };
        if self.core.webhooks.queue(Job::Status(job)) {
            return Ok(());
        }
        Err(PhoneError::Invalid("too many statuses are waiting".into()))
    }
}

/// Only what the person wrote can be edited or taken back.
fn own_message(phone: &Phone, content: &Content) -> Result<(), PhoneError> {
    let (Content::Edit { wamid, .. } | Content::Revoke { wamid }) = content else { return Ok(()) };
    if phone.find(wamid).is_some_and(|entry| entry.author == Author::Person) {
        return Ok(());
    }
    Err(PhoneError::NoMessage { phone: phone.number, wamid: wamid.clone() })
}

/// Shows an edit or a deletion on the message that it is about.
fn amend(phone: &Phone, content: &Content) {
    match content {
        Content::Edit { wamid, body } => phone.amend(wamid, |entry| {
            entry.text.clone_from(body);
            entry.notes = vec!["edited".into()];
        }),
        Content::Revoke { wamid } => phone.amend(wamid, |entry| {
            entry.text.clear();
            entry.media = None;
            entry.notes = vec!["deleted".into()];
        }),
        _ => {}
    }
}

/// The media object of a message: a kept sample, or media that is there.
fn media(core: &Core, number: &Number, kind: &str, id: Option<&str>) -> Result<Value, PhoneError> {
    let missing = |id: &str| PhoneError::Invalid(format!("there is no media {id}"));
    let item = match id {
        Some(id) => core.media.get(id, core.now_ms()).ok_or_else(|| missing(id))?,
        None => {
            let (mime, bytes) = draft::sample(kind);
            keep(core, number, mime, Bytes::from_static(bytes))
        }
    };
    Ok(json!({
        "id": item.id,
        "mime_type": item.mime,
        "sha256": item.sha256_base64(),
        "url": link(core, &item),
    }))
}

pub(super) fn keep(core: &Core, number: &Number, mime: &str, bytes: Bytes) -> Arc<Item> {
    let new = New {
        waba_id: &number.waba_id,
        phone_number_id: &number.phone_number_id,
        mime,
        bytes,
        source: Source::Inbound,
    };
    core.media.add(new, core.now_ms())
}
