//! A request in the hands of a shard or an actor, and what the actor makes of it.

use std::fmt;
use std::sync::Arc;

use chatbot::{FormCache, FormRequest, HttpCall};
use storage::{ConversationId, InboxSeq};
use tokio::sync::oneshot;

use super::FormAnswered;

/// A request for a conversation. Whoever drops it without a [`Step`] is heard.
pub(crate) struct Ask {
    pub conversation: ConversationId,
    pub request: Arc<FormRequest>,
    /// The conversation that the token names, if it became a part of this one.
    pub part: Option<ConversationId>,
    /// The store knows the conversation.
    pub known: bool,
    /// The last input that waited when it came: it is answered after that one.
    pub after: Option<InboxSeq>,
    step: oneshot::Sender<Step>,
}

/// What comes next.
pub(crate) enum Step {
    /// This is the answer.
    Done(FormAnswered),
    /// The call of another program is wanted first.
    Call { call: Box<HttpCall>, cache: Option<FormCache>, budget_ms: u64 },
    /// The conversation became a part of this one.
    Elsewhere(ConversationId),
    /// What the conversation was that became a part of this one has not arrived yet.
    NotYet,
    /// No actor lives, and nobody looked whether there is such a conversation.
    NotHere,
}

impl Ask {
    pub(crate) fn new(conversation: ConversationId, request: Arc<FormRequest>) -> (Self, oneshot::Receiver<Step>) {
        let (step, next) = oneshot::channel();
        (Self { conversation, request, part: None, known: false, after: None, step }, next)
    }

    /// Whether nobody waits for it any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.step.is_closed()
    }

    pub(crate) fn answer(self, step: Step) {
        // Whoever waited may have gone.
        let _gone = self.step.send(step);
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask")
            .field("conversation", &self.conversation)
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}
