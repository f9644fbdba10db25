//! What people do besides writing, and what the business does on its own phone.

use serde::Serialize;
use serde_json::{Value, json};

use super::Handle;
use crate::config::Number;
use crate::phone::{Author, Entry, PhoneError, PhoneInfo, inbound};
use crate::webhook;

/// The window of a phone with one business number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WindowView {
    /// The business number.
    pub phone_number_id: String,
    /// True while free-form messages are taken.
    pub open: bool,
    /// When it closes or closed, in milliseconds since 1970-01-01 UTC; `None` if the person never wrote.
    pub until_ms: Option<u64>,
    /// Until when messages are free, if the person came through an ad.
    pub entry_point_until_ms: Option<u64>,
}

impl Handle {
    /// The person moves to another number, a free fictional one if none is given: a system message
    /// from the old id tells of the new one, and the business-scoped user id changes too.
    pub fn change_number(&self, phone: usize, wa_id: Option<String>) -> Result<PhoneInfo, PhoneError> {
        let core = &*self.core;
        let found = core.phones.get(phone)?;
        let is_number = |id: &String| (5..=15).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
        if wa_id.as_ref().is_some_and(|id| !is_number(id)) {
            return Err(PhoneError::Invalid("a number is 5 to 15 digits".into()));
        }
        let before = found.info();
        core.phones.change_number(found, wa_id)?;
        let who = found.info();
        let (at, number) = self.number(None)?;
        let mut message = inbound::raw(json!({ "type": "system", "system": moved(&before, &who) }))?;
        let wamid = core.ids.wamid();
        inbound::complete(&mut message, &before, wamid.clone(), core.now_ms());
        let body = webhook::body::system(number, &message);
        found.push(Entry::new(Author::Person, &wamid, &number.phone_number_id, core.now_ms(), Value::Object(message)));
        core.notify(at, Some(phone), body);
        core.notify(at, Some(phone), webhook::body::user_id_update(number, &before, &who, core.now_ms()));
        Ok(who)
    }

    /// The person stops marketing messages (131050 from then on), or takes that back.
    pub fn stop_marketing(&self, phone: usize, stops: bool) -> Result<PhoneInfo, PhoneError> {
        let found = self.core.phones.get(phone)?;
        let (at, number) = self.number(None)?;
        found.stop_marketing(stops);
        let who = found.info();
        self.core.notify(at, Some(phone), webhook::body::preference(number, &who, stops, self.core.now_ms()));
        Ok(who)
    }

    /// The person blocks the business, or takes that back. Meta tells nobody: sends are taken and get
    /// no further than `sent`.
    pub fn block_business(&self, phone: usize, blocks: bool) -> Result<PhoneInfo, PhoneError> {
        let found = self.core.phones.get(phone)?;
        found.block_business(blocks);
        Ok(found.info())
    }

    /// Somebody of the business writes to the person on the phone that shares the number: the webhook
    /// is an echo. Returns the message id.
    pub fn business_wrote(&self, phone: usize, text: &str) -> Result<String, PhoneError> {
        let core = &*self.core;
        let found = core.phones.get(phone)?;
        let (at, number) = self.number(None)?;
        let who = found.info();
        let wamid = core.ids.wamid();
        let mut echo = Value::Object(inbound::text(text)?);
        echo["from"] = json!(number.display_phone_number);
        echo["id"] = json!(wamid);
        echo["timestamp"] = json!((core.now_ms() / 1_000).to_string());
        echo["to_user_id"] = json!(who.user_id);
        if !who.hides_number {
            echo["to"] = json!(who.wa_id);
        }
        let body = webhook::body::echo(number, &echo);
        let mut entry = Entry::new(Author::Business, &wamid, &number.phone_number_id, core.now_ms(), echo);
        entry.notes = vec!["from the phone app".into()];
        found.push(entry);
        core.notify(at, Some(phone), body);
        Ok(wamid)
    }

    /// The windows of a phone, one for each business number.
    pub fn windows(&self, phone: usize) -> Result<Vec<WindowView>, PhoneError> {
        let core = &*self.core;
        let found = core.phones.get(phone)?;
        let now_ms = core.now_ms();
        let view = |(at, number): (usize, &Number)| WindowView {
            phone_number_id: number.phone_number_id.clone(),
            open: core.windows.is_open(at, &found.key, now_ms),
            until_ms: core.windows.until_ms(at, &found.key),
            entry_point_until_ms: core.windows.entry_until_ms(at, &found.key),
        };
        Ok(core.config.numbers.iter().enumerate().map(view).collect())
    }
}

/// What WhatsApp says of a person who moved; of one who hides the number, by user id only.
fn moved(before: &PhoneInfo, who: &PhoneInfo) -> Value {
    if who.hides_number {
        return json!({
            "type": "user_changed_user_id",
            "body": format!("User {} changed from {} to {}", who.name, before.user_id, who.user_id),
            "user_id": who.user_id,
        });
    }
    json!({
        "type": "user_changed_number",
        "body": format!("User {} changed from {} to {}", who.name, before.wa_id, who.wa_id),
        "wa_id": who.wa_id,
    })
}
