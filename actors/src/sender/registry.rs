//! All senders by business number, and what others tell them.

use foldhash::HashSet;
use parking_lot::{Mutex, RwLock};
use ractor::ActorRef;
use ractor::rpc::CallResult;
use std::collections::HashMap;
use std::time::Duration;
use storage::ConversationId;

use super::lanes::Brake;
use super::{Message, Row, Scope, Seen};
use crate::conversation::Outbound;
use crate::deps::Deps;
use crate::records::Held;
use crate::settings::Number;

type ByNumber = HashMap<Box<str>, (Number, ActorRef<Message>)>;

/// All senders, by business number.
#[derive(Default)]
pub(crate) struct Senders {
    by_number: RwLock<ByNumber>,
    /// Conversations with messages that are held until the person writes.
    holding: Mutex<HashSet<ConversationId>>,
    /// Conversations in which the bot fell silent in this process: nothing that it said before begins to leave.
    silent: Mutex<HashSet<ConversationId>>,
}

impl Senders {
    pub(crate) fn put(&self, number: Number, sender: ActorRef<Message>) {
        self.by_number.write().insert(number.id.clone(), (number, sender));
    }

    pub(crate) fn remove(&self, number: &str) -> Option<ActorRef<Message>> {
        self.by_number.write().remove(number).map(|(_, sender)| sender)
    }

    pub(crate) fn get(&self, number: &str) -> Option<ActorRef<Message>> {
        Some(self.by_number.read().get(number)?.1.clone())
    }

    pub(crate) fn all(&self) -> Vec<(Box<str>, ActorRef<Message>)> {
        self.by_number.read().iter().map(|(id, (_, sender))| (id.clone(), sender.clone())).collect()
    }

    /// Tells the sender of a number. Answers whether there is one.
    pub(crate) fn tell(&self, number: &str, message: Message) -> bool {
        // An error means that the engine is shutting down: what matters is in the store.
        self.get(number).is_some_and(|sender| sender.cast(message).is_ok())
    }

    /// What a turn decided, once it is committed.
    pub(crate) fn hand_over(&self, deps: &Deps, outbound: Vec<Outbound>) {
        let Some(first) = outbound.first() else { return };
        let Some(sender) = self.get(&first.payload.number_id) else { return };
        deps.backlog.add(first.id.conversation, outbound.len());
        // An error means that the engine is shutting down: the rows are in the store.
        let _gone = sender.cast(Message::Queued(outbound.into_iter().map(Row::queued).collect()));
    }

    /// Open rows that the sender may not have heard of.
    pub(crate) fn hand_over_again(&self, number: &str, rows: Vec<storage::Send>) {
        if !rows.is_empty() {
            self.tell(number, Message::Recovered(rows));
        }
    }

    /// A message of the person is committed: what was held until then may leave. Cheap where nothing is held.
    pub(crate) fn person_wrote(&self, number: &str, conversation: ConversationId) {
        if self.holding.lock().remove(&conversation) {
            self.tell(number, Message::Release(conversation, Held::WindowClosed));
        }
    }

    /// Marks a message of the person as read, once the turn that took it is committed.
    pub(crate) fn seen(&self, number: &str, seen: Seen) {
        self.tell(number, Message::Seen(seen));
    }

    /// The bot's messages of a conversation that have not left wait until [`Senders::release`].
    pub(crate) fn hold(&self, number: &str, conversation: ConversationId) {
        // Before the sender hears of it: it may be about to send one.
        self.silence(conversation);
        self.hold_silenced(number, conversation);
    }

    /// Nothing that the bot said here begins to leave from now on. Answers whether it was heard before.
    pub(crate) fn silence(&self, conversation: ConversationId) -> bool {
        self.silent.lock().insert(conversation)
    }

    /// As [`Senders::hold`] after [`Senders::silence`], unless the bot is heard again already.
    pub(crate) fn hold_silenced(&self, number: &str, conversation: ConversationId) {
        if self.is_silent(conversation) {
            self.tell(number, Message::Hold(conversation, Held::Takeover));
        }
    }

    /// The bot has the conversation back: what was held leaves, or is given up if the bot went on elsewhere.
    pub(crate) fn release(&self, number: &str, conversation: ConversationId) {
        self.tell(number, Message::Release(conversation, Held::Takeover));
    }

    /// The bot is heard again.
    pub(crate) fn unsilence(&self, conversation: ConversationId) {
        self.silent.lock().remove(&conversation);
    }

    /// Whether the bot fell silent here.
    pub(super) fn is_silent(&self, conversation: ConversationId) -> bool {
        self.silent.lock().contains(&conversation)
    }

    /// Waits until nothing that a bot said in these conversations is on its way to Meta, nor about to be; not longer
    /// than the patience. Answers whether that is so.
    pub(crate) async fn quiet(&self, number: &str, conversations: Vec<ConversationId>, patience: Duration) -> bool {
        let Some(sender) = self.get(number) else { return true };
        let asked = sender.call(|reply| Message::Quiet(conversations, reply), Some(patience)).await;
        matches!(asked, Ok(CallResult::Success(())))
    }

    /// This conversation has messages that are held until the person writes.
    pub(super) fn holds(&self, conversation: ConversationId) {
        self.holding.lock().insert(conversation);
    }

    /// Whether it still has: nobody wrote since [`Senders::holds`].
    pub(super) fn is_holding(&self, conversation: ConversationId) -> bool {
        self.holding.lock().contains(&conversation)
    }

    /// Brakes a number, and the others that share the limit with it.
    pub(super) fn brake(&self, number: &str, scope: Scope, brake: &Brake) {
        self.tell(number, Message::Brake(brake.clone()));
        self.share(number, scope, brake);
    }

    /// Brakes the other numbers that share a limit with this one.
    pub(super) fn share(&self, number: &str, scope: Scope, brake: &Brake) {
        let by_number = self.by_number.read();
        let account = by_number.get(number).map_or("", |(number, _)| &*number.account);
        let shares = |other: &Number| match scope {
            Scope::Number => false,
            Scope::Account => !account.is_empty() && *other.account == *account,
            Scope::App => true,
        };
        for (other, sender) in by_number.values().filter(|(other, _)| *other.id != *number && shares(other)) {
            tracing::debug!(number = %other.id, "another number met a limit that this one shares");
            // An error means that the engine is shutting down.
            let _gone = sender.cast(Message::Brake(brake.clone()));
        }
    }
}
