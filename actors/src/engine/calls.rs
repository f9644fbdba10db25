//! Calls from outside: another program tells a conversation that something happened.

use chatbot::ApiCall;
use storage::{ConversationId, InboxSeq};

use super::Engine;
use super::orders::OrderError;
use super::reach::{Reached, Target};
use crate::bots::Choice;
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

/// A call for somebody, known or not.
#[derive(Clone, Debug)]
pub struct CallTo {
    /// Over which number.
    pub number_id: Box<str>,
    /// For whom.
    pub to: Target,
    /// The bot that shall hear it, where it is not the one that answers there.
    pub bot: Option<Box<str>>,
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
    /// No bot answers in this conversation, or there is none with the id that was asked for.
    NoBot,
    /// A run of this other bot is under way.
    Busy(Box<str>),
    /// The bot of this id has neither a trigger nor a `wait` for this name.
    Unheard(Box<str>),
    /// There is no such conversation.
    Unknown,
}

impl Engine {
    /// Tells a conversation's bot that something happened: durable once this answers [`Called::Accepted`].
    pub async fn call(&self, call: Call) -> Result<Called, OrderError> {
        let Call { conversation, call, key } = call;
        let Some((conversation, state)) = self.destination(conversation).await? else {
            return Ok(Called::Unknown);
        };
        self.tell_bot(&Reached::known(conversation, state, None), None, call, key).await
    }

    /// As [`Engine::call`], for anybody: the conversation begins with the call if there is none. Answers which one it is.
    pub async fn call_to(&self, call: CallTo) -> Result<(Option<ConversationId>, Called), OrderError> {
        let CallTo { number_id, to, bot, call, key } = call;
        let Some(reached) = self.reach(&number_id, &to).await? else { return Ok((None, Called::Unknown)) };
        let called = self.tell_bot(&reached, bot, call, key).await?;
        Ok((Some(reached.conversation), called))
    }

    async fn tell_bot(
        &self,
        reached: &Reached,
        wanted: Option<Box<str>>,
        call: ApiCall,
        key: Option<String>,
    ) -> Result<Called, OrderError> {
        let state = &reached.state;
        let now_ms = self.deps.clock.now_ms();
        let key = key.as_deref().map(|key| self.call_key(key, &call));
        if let Some((key, done)) = key.and_then(|key| Some((key, state.done_call(key.key, now_ms)?))) {
            return Ok(if done.key == key { Called::Accepted(done.seq) } else { Called::KeyReused });
        }
        if state.control != Control::Bot || state.bot.handed_over().is_some() {
            return Ok(Called::WithHuman);
        }
        let pinned = state.bot.bot();
        let bot = match (&wanted, pinned) {
            (Some(wanted), Some((running, _))) if *running != **wanted => return Ok(Called::Busy(running.into())),
            (Some(wanted), None) => match self.deps.bots.live_of(wanted) {
                Some(bot) => Some(bot),
                None => return Ok(Called::NoBot),
            },
            _ => match self.deps.bots.choose(&state.number_id, pinned, now_ms) {
                Choice::Nobody => return Ok(Called::NoBot),
                Choice::Wait(_) => None,
                Choice::Run(bot) => Some(bot),
                Choice::Move(plan) => Some(plan.to),
            },
        };
        if let Some(bot) = bot.filter(|bot| !bot.listens_to(&call.name)) {
            return Ok(Called::Unheard(bot.id().into()));
        }
        let outside = OutsideCall { call, key, bot: wanted, named: reached.named.clone() };
        let seq = self.append_to(reached, &InboxPayload::Call(Box::new(outside)), now_ms).await?;
        Ok(Called::Accepted(seq))
    }

    fn call_key(&self, key: &str, call: &ApiCall) -> OrderKey {
        let secret = self.deps.store.secret();
        let body = serde_json::to_string(call).unwrap_or_default();
        // Apart from the keys of messages: the same one may come with both.
        OrderKey { key: seen::hash(&secret, &format!("call:{key}")), body: seen::hash(&secret, &body) }
    }
}
