//! Calls from outside: another program tells a conversation that something happened.

use chatbot::ApiCall;
use storage::{Accept, ConversationId, InboxSeq, Partition};

use super::Engine;
use super::orders::OrderError;
use crate::bots::Choice;
use crate::identity;
use crate::records::Control;
use crate::records::inbox::{InboxPayload, OrderKey, OutsideCall};
use crate::seen;

/// A call for a conversation.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which.
    pub conversation: ConversationId,
    /// What happened.
    pub call: ApiCall,
    /// Calls of a conversation with the same key count once within 24 hours.
    pub key: Option<String>,
}

/// What became of a [`Call`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    /// It is in the inbox, now or since an earlier call with the same key, and gets its turn.
    Accepted(InboxSeq),
    /// The key came with another call before.
    KeyReused,
    /// A human answers in this conversation.
    WithHuman,
    /// No bot answers in this conversation.
    NoBot,
    /// The bot of this id has neither a trigger nor a `wait` for this name.
    Unheard(Box<str>),
    /// There is no such conversation.
    Unknown,
}

impl Engine {
    /// Tells a conversation's bot that something happened: durable once this answers [`Called::Accepted`].
    pub async fn call(&self, call: Call) -> Result<Called, OrderError> {
        let Some((conversation, state)) = self.destination(call.conversation).await? else {
            return Ok(Called::Unknown);
        };
        let now_ms = self.deps.clock.now_ms();
        let key = call.key.as_deref().map(|key| self.call_key(key, &call.call));
        if let Some((key, done)) = key.and_then(|key| Some((key, state.done_call(key.key, now_ms)?))) {
            return Ok(if done.key == key { Called::Accepted(done.seq) } else { Called::KeyReused });
        }
        if state.control != Control::Bot || state.bot.handed_over().is_some() {
            return Ok(Called::WithHuman);
        }
        let bot = match self.deps.bots.choose(&state.number_id, state.bot.bot(), now_ms) {
            Choice::Nobody => return Ok(Called::NoBot),
            Choice::Wait(_) => None,
            Choice::Run(bot) => Some(bot),
            Choice::Move(plan) => Some(plan.to),
        };
        if let Some(bot) = bot.filter(|bot| !bot.listens_to(&call.call.name)) {
            return Ok(Called::Unheard(bot.id().into()));
        }
        let payload = InboxPayload::Call(Box::new(OutsideCall { call: call.call, key }));
        let row = payload.to(identity::contact_of(conversation), &Partition(state.number_id), now_ms);
        let appended = self.deps.store.append(vec![Accept::Message(row)]).await?;
        Ok(Called::Accepted(appended.first().copied().unwrap_or_default()))
    }

    fn call_key(&self, key: &str, call: &ApiCall) -> OrderKey {
        let secret = self.deps.store.secret();
        let body = serde_json::to_string(call).unwrap_or_default();
        // Apart from the keys of messages: the same one may come with both.
        OrderKey { key: seen::hash(&secret, &format!("call:{key}")), body: seen::hash(&secret, &body) }
    }
}
