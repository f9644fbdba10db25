//! What was given up, told as events: the dead letters of the store are followed by their numbers.
//!
//! A letter is committed with what made it one. How far they were told is a document that is written with the deliveries,
//! so each letter is told once, whatever ends in between: a start goes on where the last process was.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use storage::{DeadLetter, NewDocument, Page, StoreError};

use super::{About, Event, INPUT_FAILED, MESSAGE_FAILED, Occasion, Outlet, OutletError, Told};
use crate::records::{DeadLetterPayload, State};
use crate::{codec, events};

const KIND: &str = "event_letters";
const KEY: &str = "told";
/// Letters that one commit tells.
const PAGE: usize = 100;
/// Looked at this often even if nobody rings.
const LOOK_MS: u64 = 60_000;

/// How far letters were told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Followed {
    /// All up to this one.
    done: u64,
    /// The list comes newest first: how far down it was told, and which was the newest then.
    walk: Option<(u64, Box<str>)>,
}

impl Outlet {
    /// From when on letters are told: from the first start with an endpoint. Without one nothing is told later.
    pub(super) async fn begin_to_follow(&self) -> Result<(), OutletError> {
        let followed = self.store.document(KIND, KEY).await?;
        let document = match (self.endpoints.is_empty(), followed) {
            (true, Some(_)) => None,
            (false, None) => {
                let newest = self.store.dead_letters(Page { cursor: None, limit: 1 }).await?.items.pop();
                Some(Followed { done: newest.map_or(0, |letter| letter.id), walk: None })
            }
            _ => return Ok(()),
        };
        let document = document.map(|followed| codec::encode(&followed));
        Ok(self.store.put_document(KIND, KEY, document).await?)
    }

    /// Tells of letters as they come, until told to stop.
    pub(super) async fn follow_letters(&self) {
        let mut stop = self.stop.subscribe();
        while !*stop.borrow_and_update() {
            let again_ms = self.clock.now_ms() + LOOK_MS;
            match self.tell_letters().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(OutletError::Store(error)) => {
                    self.store_refused("telling of what was given up", &error).await;
                    continue;
                }
                Err(OutletError::Damaged(error)) => events::event_damaged("-", &error),
            }
            tokio::select! {
                () = self.letter.notified() => {}
                () = self.clock.wait_until(again_ms) => {}
                // The sender lives as long as the outlet.
                _stopped = stop.changed() => {}
            }
        }
    }

    /// Tells of one page. Answers whether there may be more.
    async fn tell_letters(&self) -> Result<bool, OutletError> {
        let followed = self.store.document(KIND, KEY).await?;
        let followed: Followed = followed.map(|bytes| codec::decode(&bytes)).transpose()?.unwrap_or_default();
        let cursor = followed.walk.as_ref().map(|(_, cursor)| cursor.clone());
        let page = self.store.dead_letters(Page { cursor, limit: PAGE }).await?;
        let fresh = page.items.iter().filter(|letter| letter.id > followed.done);
        let newest = followed.walk.as_ref().map(|(newest, _)| *newest).or(fresh.clone().map(|letter| letter.id).next());
        let Some(newest) = newest else { return Ok(false) };
        let is_whole = page.items.iter().all(|letter| letter.id > followed.done);
        let after = match page.next.clone().filter(|_| is_whole) {
            Some(cursor) => Followed { done: followed.done, walk: Some((newest, cursor)) },
            None => Followed { done: newest, walk: None },
        };
        let (mut told, mut documents) = (Told::default(), Vec::new());
        for letter in fresh {
            documents.extend(self.of_letter(letter, &mut told).await?);
        }
        documents.push((KIND.into(), KEY.into(), Some(codec::encode(&after))));
        self.store.put_documents(documents).await?;
        self.committed(&told);
        Ok(true)
    }

    async fn of_letter(&self, letter: &DeadLetter, told: &mut Told) -> Result<Vec<NewDocument>, StoreError> {
        // What has no row at all is a message that was never queued, such as marketing that nobody wants.
        let kind = if letter.inbox.is_some() { INPUT_FAILED } else { MESSAGE_FAILED };
        let payload: Option<DeadLetterPayload> = codec::decode(&letter.payload).ok();
        if letter.inbox.is_none() && letter.send.is_none() && is_a_timer(payload.as_ref()) {
            return Ok(Vec::new());
        }
        self.note(kind, told);
        if !self.wants(kind) {
            return Ok(Vec::new());
        }
        let about = self.about(letter, payload.as_ref()).await?;
        let mut more = Map::new();
        more.insert("reason".into(), json!(letter.reason));
        more.insert("detail".into(), json!(payload.as_ref().map(|payload| &payload.detail)));
        more.insert("wamid".into(), self.wamid(letter, payload.as_ref()).await?);
        if kind == MESSAGE_FAILED {
            more.insert("outbox".into(), json!(letter.send.map(|send| send.to_string())));
            more.insert("hint".into(), json!(payload.as_ref().and_then(|payload| payload.hint.as_ref())));
        }
        let name = format!("letter:{}", letter.id);
        let occasion = Occasion { at_ms: letter.at_ms, name: &name, place: 0 };
        let event = Event::new(&self.store.secret(), occasion, kind, &about, more);
        Ok(self.deliveries(&event, told))
    }

    async fn about(&self, letter: &DeadLetter, payload: Option<&DeadLetterPayload>) -> Result<About, StoreError> {
        let head = self.store.load(letter.conversation).await?;
        let state = head.and_then(|head| State::decode(&head.snapshot).ok()).unwrap_or_default();
        Ok(About {
            conversation: letter.conversation.to_string(),
            phone_number_id: state.number_id,
            wa_id: state.person.wa_id,
            user_id: state.person.user_id,
            bot: payload.and_then(|payload| payload.bot.clone()),
            version: payload.and_then(|payload| payload.version.clone()),
            run: None,
            node: payload.and_then(|payload| payload.node.clone()),
        })
    }

    /// Meta's id of the message, if it has one.
    async fn wamid(&self, letter: &DeadLetter, payload: Option<&DeadLetterPayload>) -> Result<Value, StoreError> {
        if let Some(send) = letter.send {
            let row = self.store.sends(vec![send]).await?.pop().flatten();
            return Ok(json!(row.and_then(|row| row.wamid)));
        }
        let raw = payload.filter(|_| letter.inbox.is_some()).and_then(|payload| payload.raw.as_deref());
        let message: Option<Value> = raw.and_then(|raw| serde_json::from_str(raw).ok());
        Ok(message.and_then(|message| message.get("id").cloned()).filter(Value::is_string).unwrap_or_default())
    }
}

/// A timer that failed is no message; its run ended, and that is told.
fn is_a_timer(payload: Option<&DeadLetterPayload>) -> bool {
    payload.is_none_or(|payload| payload.raw.is_none())
}
