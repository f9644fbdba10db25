//! A message of the person, and what a message or event tells about who the person is.

use std::sync::Arc;

use chatbot::{Bot, Incoming, Input};
use serde_json::Value;
use storage::{Alias, Inbound, InboxSeq};
use whatsapp::webhook::message::{Change, System};
use whatsapp::webhook::{Message, MessageKind, Profile};

use super::{Draft, GiveUp};
use crate::identity;
use crate::media;
use crate::records::inbox::{InboundMessage, InboxPayload, Moved};
use crate::records::{HistoryInput, InputKind};
use crate::seen;

/// Ids that a row tells of its person.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ids<'a> {
    pub name: Option<&'a str>,
    pub wa_id: Option<&'a str>,
    pub user_id: Option<&'a str>,
}

impl Draft<'_> {
    /// Takes a message. `bot` is what answers; `None` records it only.
    pub(super) fn message(&mut self, seq: InboxSeq, row: &Inbound, payload: InboundMessage, bot: Option<&Arc<Bot>>) {
        let message = Message::parse(&payload.message);
        if self.is_repeated(&message.wamid) {
            return;
        }
        if let Some(number) = self.number_of_another(row, &message, payload.sent_ms) {
            self.pass_number_on(row, number);
            return;
        }
        self.came_back(row, &message, payload.sent_ms);
        self.remember(&message.wamid, row.received_ms);
        self.learn_from(row, &payload, &message);
        self.want_file(&message);
        let (group, at_ms) = (payload.group, payload.sent_ms.unwrap_or(row.received_ms));
        if !group {
            self.after.state.said(false, message.type_name(), message.text(), at_ms);
        }
        let input = history_input(seq, row, payload);
        match bot.filter(|_| !group) {
            Some(bot) => {
                self.mark(bot, &message);
                let incoming = self.incoming(seq, &message, at_ms);
                self.run(bot, &Input::Message(incoming), Some(input));
            }
            None => {
                if matches!(message.kind, MessageKind::FlowReply(_)) && !group {
                    self.keep_reply(self.incoming(seq, &message, at_ms));
                }
                self.record(Some(input));
            }
        }
        if let MessageKind::System(system) = &message.kind {
            self.announce_move(row, &message, system, at_ms);
        }
    }

    pub(super) fn incoming(&self, seq: InboxSeq, message: &Message, at_ms: u64) -> Incoming {
        let mut incoming = Incoming { at_ms, ..Incoming::from(message) };
        if let (Some(token), Some(Value::Object(data))) = (self.tokens.get(&seq), &mut incoming.data) {
            data.insert("flow_token".to_owned(), token.clone().into());
        }
        incoming
    }

    /// Has the file of a message fetched once this is committed.
    pub(super) fn want_file(&mut self, message: &Message) {
        let number_id = &self.after.state.number_id;
        let wishes = media::wishes(message, number_id, self.id, self.means.now_ms);
        self.noted.wants_file |= !wishes.is_empty();
        self.documents.extend(wishes);
    }

    /// The person sees that the message was read, if the bot is like that.
    fn mark(&mut self, bot: &Bot, message: &Message) {
        let manners = bot.manners();
        let readable = opens_the_window(&message.kind) && !matches!(message.kind, MessageKind::Reaction { .. });
        if manners.mark_read && readable && !message.wamid.is_empty() {
            self.noted.seen = Some((message.wamid.as_str().into(), manners.typing));
        }
    }

    /// Writes down a message that made the actor fail again and again, without running it.
    pub(super) fn message_unrun(&mut self, seq: InboxSeq, row: &Inbound, payload: InboundMessage, why: &GiveUp) {
        let message = Message::parse(&payload.message);
        self.remember(&message.wamid, row.received_ms);
        self.learn_from(row, &payload, &message);
        self.record_error(0, Some(history_input(seq, row, payload)), Vec::new(), why.detail.clone());
    }

    /// Whether this was processed before; counted if so.
    pub(super) fn is_repeated(&mut self, id: &str) -> bool {
        let repeated = self.after.state.seen.contains(seen::hash(&self.means.secret, id));
        self.noted.duplicates += u64::from(repeated);
        repeated
    }

    pub(super) fn remember(&mut self, id: &str, received_ms: u64) {
        let hash = seen::hash(&self.means.secret, id);
        self.noted.trimmed_memory |= self.after.state.seen.remember(hash, received_ms);
    }

    fn learn_from(&mut self, row: &Inbound, payload: &InboundMessage, message: &Message) {
        let state = &mut self.after.state;
        if payload.display_number.is_some() {
            state.display_number.clone_from(&payload.display_number);
        }
        if payload.group {
            return;
        }
        if opens_the_window(&message.kind) {
            let written_ms = payload.sent_ms.unwrap_or(row.received_ms).min(self.means.now_ms);
            self.noted.person_wrote = true;
            state.last_inbound_ms = state.last_inbound_ms.max(Some(written_ms));
            if message.referral.is_some() {
                state.referral_ms = Some(written_ms);
            }
        }
        let profile = payload.contact.as_deref().map(Profile::parse).unwrap_or_default();
        self.learn(
            row,
            Ids {
                name: profile.name.as_deref(),
                wa_id: message.from.as_deref().or(profile.wa_id.as_deref()),
                user_id: message.from_user_id.as_deref().or(profile.user_id.as_deref()),
            },
        );
    }

    /// Takes over what a row tells about the person, and writes down the ids that lead here. An id that the person has
    /// left behind comes with late messages only.
    pub(super) fn learn(&mut self, row: &Inbound, ids: Ids<'_>) {
        let state = &mut self.after.state;
        let current = |kind: &str, id: Option<&str>| {
            let left = |id: &&str| state.former_until_ms(&Alias(format!("{kind}:{id}").into())).is_none();
            id.filter(left).map(Box::<str>::from)
        };
        let (wa_id, user_id) = (current("wa", ids.wa_id), current("bsuid", ids.user_id));
        state.person.update(ids.name, wa_id.as_deref(), user_id.as_deref());
        let contact = identity::contact_of(self.id);
        for (alias, contact) in identity::aliases_to_record(&self.means.secret, &row.aliases, contact) {
            if !state.aliases.contains(&alias) {
                state.aliases.push(alias.clone());
                self.aliases.push((alias, contact));
            }
        }
    }

    /// Hands a change of number or user id to whoever has the new one already, or back to this conversation.
    fn announce_move(&mut self, row: &Inbound, message: &Message, system: &System, at_ms: u64) {
        let known = |id: &Option<String>| id.as_deref().filter(|id| !id.is_empty()).map(Box::<str>::from);
        let mut moved = Moved { at_ms, ..Moved::default() };
        match system.change() {
            Change::Number => {
                moved.wa_id = known(&system.wa_id);
                moved.former_wa_id = known(&message.from).filter(|from| Some(from) != moved.wa_id.as_ref());
                moved.user_id = known(&system.user_id);
            }
            Change::UserId => moved.user_id = known(&system.user_id),
            Change::Identity | Change::Other => return,
        }
        let number = moved.wa_id.as_deref().map(identity::phone_alias);
        let user = moved.user_id.as_deref().map(identity::user_alias);
        if number.is_none() && user.is_none() {
            return;
        }
        let me = identity::itself(identity::contact_of(self.id));
        let aliases = number.into_iter().chain([me]).chain(user).collect();
        self.append.push(Inbound { aliases, ..self.row(&InboxPayload::Moved(moved), row.received_ms) });
    }
}

/// What Meta tells about a person, and changes of earlier messages, are no messages of that person.
fn opens_the_window(kind: &MessageKind) -> bool {
    !matches!(kind, MessageKind::System(_) | MessageKind::Edit | MessageKind::Revoke)
}

fn history_input(seq: InboxSeq, row: &Inbound, payload: InboundMessage) -> HistoryInput {
    HistoryInput {
        seq,
        received_ms: row.received_ms,
        sent_ms: payload.sent_ms,
        raw: payload.message,
        kind: InputKind::Message,
    }
}
