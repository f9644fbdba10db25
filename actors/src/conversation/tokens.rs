//! A form that comes back without its token: the message that it answers names it, for that is the one with the form.

use std::collections::HashMap;

use storage::{ConversationId, InboxSeq, Send, SendId, StoreError};
use whatsapp::message::Outgoing;
use whatsapp::webhook::{Message, MessageKind};

use super::State;
use super::draft::Loaded;
use crate::codec;
use crate::queue::Item;
use crate::records::{InboxPayload, SendPayload};

/// Messages of a conversation that are looked at, the newest first.
const LOOK_BACK: u64 = 500;
/// Conversations that became a part of this one whose messages are looked at, too.
const MAX_PARTS: usize = 4;

/// The tokens of forms that came without, by their rows.
pub(crate) type Tokens = HashMap<InboxSeq, String>;

impl State {
    /// Finds the tokens that are missing. Most inputs cost nothing but a look at their bytes.
    pub(super) async fn missing_tokens(&self, loaded: &Loaded, items: &[Item]) -> Result<Tokens, StoreError> {
        let mut tokens = Tokens::new();
        for item in items {
            if let Some(wamid) = item.row.as_ref().and_then(|row| answered(&row.payload))
                && let Some(token) = self.token_of(loaded, &wamid).await?
            {
                tokens.insert(item.seq, token);
            }
        }
        Ok(tokens)
    }

    async fn token_of(&self, loaded: &Loaded, wamid: &str) -> Result<Option<String>, StoreError> {
        if let Some(token) = self.token_among(self.id, loaded.next_send, wamid).await? {
            return Ok(Some(token));
        }
        for part in loaded.state.absorbed.iter().rev().take(MAX_PARTS) {
            let next = self.deps.store.load(*part).await?.map_or(0, |head| head.next_send);
            if let Some(token) = self.token_among(*part, next, wamid).await? {
                return Ok(Some(token));
            }
        }
        Ok(None)
    }

    async fn token_among(
        &self,
        conversation: ConversationId,
        next_send: u64,
        wamid: &str,
    ) -> Result<Option<String>, StoreError> {
        let first = next_send.saturating_sub(LOOK_BACK).max(1);
        let ids = (first..next_send).map(|n| SendId { conversation, n }).collect();
        let sent = self.deps.store.sends(ids).await?;
        Ok(sent.iter().flatten().find(|row| row.wamid.as_deref() == Some(wamid)).and_then(token_in))
    }
}

/// The message that a form answers, if the row is one without a token.
fn answered(payload: &[u8]) -> Option<String> {
    let has = |word: &[u8]| payload.windows(word.len()).any(|bytes| bytes == word);
    if !has(b"nfm_reply") {
        return None;
    }
    let Ok(InboxPayload::Message(message)) = codec::decode(payload) else { return None };
    let message = Message::parse(&message.message);
    match &message.kind {
        MessageKind::FlowReply(reply) if reply.flow_token.is_none() => message.context.as_ref()?.id.clone(),
        _ => None,
    }
}

fn token_in(row: &Send) -> Option<String> {
    match codec::decode::<SendPayload>(&row.payload).ok()?.message {
        Outgoing::Flow(flow) => flow.token().map(str::to_owned),
        _ => None,
    }
}
