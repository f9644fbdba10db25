//! A storage turn in the making: inputs go in, the state advances, what must be written gathers. Pure: no store, no
//! clock. Nothing that gathers here is real before the commit.

use std::sync::Arc;

use bytes::Bytes;
use chatbot::{
    Bot, ContactView, Effect, Given, Incoming, Input, NumberView, Order, Sending, Snapshot, Trace, TurnError,
};
use storage::{
    Alias, ContactId, ConversationId, Head, Inbound, InboxSeq, NewDeadLetter, NewDocument, NewSend, Revision, SendId,
    Turn,
};
use whatsapp::webhook::{Message, Profile};

use super::recover::GiveUp;
use crate::codec::{self, CodecError};
use crate::identity;
use crate::media;
use crate::records::{
    self, DeadLetterPayload, HistoryEntry, HistoryInput, InboxPayload, SERVICE_WINDOW_MS, SendPayload, State,
};
use crate::seen;

/// The bot function: [`chatbot::turn`], or a stand-in of a test.
pub type TurnFunction = dyn Fn(&Bot, &Snapshot, &Input, &Given<'_>) -> Result<chatbot::Turn, TurnError> + Send + Sync;

/// A message that leaves once the commit is acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Outbound {
    pub id: SendId,
    pub nonce: u32,
    pub decided_ms: u64,
    pub payload: SendPayload,
}

/// A conversation loaded into memory, as of its last commit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loaded {
    pub revision: Revision,
    pub next_send: u64,
    pub wake_ms: Option<u64>,
    pub state: State,
}

impl Loaded {
    pub(crate) fn from_head(head: Option<&Head>) -> Result<Self, CodecError> {
        let Some(head) = head else { return Ok(Self { next_send: 1, ..Self::default() }) };
        Ok(Self {
            revision: head.revision,
            next_send: head.next_send,
            wake_ms: head.wake_ms,
            state: State::decode(&head.snapshot)?,
        })
    }
}

/// An input on which the bot failed for good: it is a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub bot: Box<str>,
    pub version: Box<str>,
    pub node: Box<str>,
}

/// What operators should know, once it is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Noted {
    /// Inputs that were processed before: consumed without a trace.
    pub duplicates: u64,
    pub failures: Vec<Failure>,
    /// Message ids were forgotten before their time.
    pub trimmed_memory: bool,
}

/// What follows the commit.
pub(crate) struct Done {
    pub now_ms: u64,
    pub outbound: Vec<Outbound>,
    pub after: Loaded,
    pub noted: Noted,
}

pub(crate) struct Draft<'a> {
    id: ConversationId,
    secret: [u8; 16],
    now_ms: u64,
    turn: &'a TurnFunction,
    before: Revision,
    pub after: Loaded,
    consumed: Vec<InboxSeq>,
    entries: Vec<Bytes>,
    outbound: Vec<Outbound>,
    aliases: Vec<(Alias, ContactId)>,
    dead_letters: Vec<NewDeadLetter>,
    documents: Vec<NewDocument>,
    noted: Noted,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(
        id: ConversationId,
        secret: [u8; 16],
        now_ms: u64,
        turn: &'a TurnFunction,
        loaded: Loaded,
    ) -> Self {
        Self {
            id,
            secret,
            now_ms,
            turn,
            before: loaded.revision,
            after: loaded,
            consumed: Vec::new(),
            entries: Vec::new(),
            outbound: Vec::new(),
            aliases: Vec::new(),
            dead_letters: Vec::new(),
            documents: Vec::new(),
            noted: Noted::default(),
        }
    }

    /// Takes one inbox row. `bot` is what answers; `None` records the message only.
    pub(crate) fn message(&mut self, seq: InboxSeq, row: &Inbound, bot: Option<&Arc<Bot>>) {
        self.consumed.push(seq);
        let payload: InboxPayload = match codec::decode(&row.payload) {
            Ok(payload) => payload,
            Err(error) => {
                self.bury(Some(seq), "damaged", &error.to_string(), None, None, 1);
                return;
            }
        };
        let message = Message::parse(&payload.message);
        let hash = seen::hash(&self.secret, &message.wamid);
        if self.after.state.seen.contains(hash) {
            self.noted.duplicates += 1;
            return;
        }
        self.noted.trimmed_memory |= self.after.state.seen.remember(hash, row.received_ms);
        self.learn(row, &payload, &message);
        self.documents.extend(media::wishes(&message, &row.partition.0, self.id, self.now_ms));
        let (group, at_ms) = (payload.group, payload.sent_ms.unwrap_or(row.received_ms));
        let input = history_input(seq, row, payload);
        match bot.filter(|_| !group) {
            Some(bot) => {
                let incoming = Incoming { at_ms, ..Incoming::from(&message) };
                self.run(bot, &Input::Message(incoming), Some(input));
            }
            None => self.record(0, Some(input), Vec::new(), Vec::new(), None),
        }
    }

    /// A wake time that the conversation asked for is due.
    pub(crate) fn tick(&mut self, bot: &Arc<Bot>) {
        self.run(bot, &Input::Tick, None);
    }

    /// Gives up a message that made the actor fail again and again, without running it. `bot` is what would answer.
    pub(crate) fn give_up_message(&mut self, seq: InboxSeq, row: &Inbound, bot: Option<&Arc<Bot>>, why: &GiveUp) {
        self.consumed.push(seq);
        let payload = if why.unread { None } else { codec::decode::<InboxPayload>(&row.payload).ok() };
        let raw = payload.as_ref().map(|payload| payload.message.clone());
        self.bury(Some(seq), "panic", &why.detail, None, raw, why.runs);
        if let Some(payload) = payload {
            let message = Message::parse(&payload.message);
            let hash = seen::hash(&self.secret, &message.wamid);
            self.noted.trimmed_memory |= self.after.state.seen.remember(hash, row.received_ms);
            self.learn(row, &payload, &message);
            self.record(0, Some(history_input(seq, row, payload)), Vec::new(), Vec::new(), Some(why.detail.clone()));
        }
        self.failed(bot, None);
    }

    /// Gives up a timer that made the actor fail again and again, with its run, for it would be due again at once.
    pub(crate) fn give_up_timer(&mut self, bot: Option<&Arc<Bot>>, why: &GiveUp) {
        self.bury(None, "panic", &why.detail, None, None, why.runs);
        self.record(0, None, Vec::new(), Vec::new(), Some(why.detail.clone()));
        self.failed(bot, None);
        self.after.state.bot = self.after.state.bot.without_run();
    }

    fn learn(&mut self, row: &Inbound, payload: &InboxPayload, message: &Message) {
        let state = &mut self.after.state;
        if state.number_id != row.partition.0 {
            state.number_id.clone_from(&row.partition.0);
        }
        if payload.display_number.is_some() {
            state.display_number.clone_from(&payload.display_number);
        }
        if payload.group {
            return;
        }
        let profile = payload.contact.as_deref().map(Profile::parse);
        state.person.update(profile.as_ref(), message.from.as_deref(), identity::user_id(&row.aliases));
        let written_ms = payload.sent_ms.unwrap_or(row.received_ms).min(self.now_ms);
        state.last_inbound_ms = state.last_inbound_ms.max(Some(written_ms));
        let contact = identity::contact_of(self.id);
        for (alias, contact) in identity::aliases_to_record(&self.secret, &row.aliases, contact) {
            if !state.aliases.contains(&alias) {
                state.aliases.push(alias.clone());
                self.aliases.push((alias, contact));
            }
        }
    }

    fn run(&mut self, bot: &Arc<Bot>, input: &Input, history: Option<HistoryInput>) {
        let state = &self.after.state;
        let contact = ContactView {
            name: state.person.name.as_deref().map(Into::into),
            wa_id: state.person.wa_id.as_deref().map(Into::into),
            user_id: state.person.user_id.as_deref().map(Into::into),
        };
        let display = state.display_number.as_deref().map(Into::into);
        let number = NumberView { id: state.number_id.as_ref().into(), display };
        let seed = self.seed();
        let given = Given { now_ms: self.now_ms, seed, contact: &contact, number: &number };
        match (self.turn)(bot, &state.bot, input, &given) {
            Ok(turn) => {
                let sends = self.queue(bot, turn.effects);
                self.after.state.bot = turn.after;
                if history.is_some() || turn.changed {
                    self.record(seed, history, sends, turn.trace, None);
                }
            }
            Err(error) => {
                let seq = history.as_ref().map(|input| input.seq);
                let raw = history.as_ref().map(|input| input.raw.clone());
                let detail = error.to_string();
                self.bury(seq, "bot_error", &detail, Some(error.node()), raw, 1);
                self.record(seed, history, Vec::new(), Vec::new(), Some(detail.into()));
                self.failed(Some(bot), Some(error.node()));
                if matches!(input, Input::Tick) {
                    // It would be due again at once.
                    self.after.state.bot = self.after.state.bot.without_run();
                }
            }
        }
    }

    /// Same conversation, revision and place in the turn: same seed, so that a repeated turn gives the same bytes.
    fn seed(&self) -> u64 {
        let place = (self.before.0 << 8) | (self.entries.len() as u64 & 0xFF);
        seen::hash(&self.secret, &format!("{}:{place}", self.id))
    }

    fn queue(&mut self, bot: &Bot, effects: Vec<Effect>) -> Vec<u64> {
        let order = bot.manners().order;
        let send = |Effect::Send(sending)| self.send(*sending, order);
        effects.into_iter().filter_map(send).collect()
    }

    fn send(&mut self, sending: Sending, order: Order) -> Option<u64> {
        let Sending { node, message, on_doubt, closed } = sending;
        let state = &self.after.state;
        let to = state.person.recipient()?;
        let id = SendId { conversation: self.id, n: self.after.next_send };
        self.after.next_send += 1;
        let nonce = seen::hash(&self.secret, &format!("{id}:{}", self.now_ms)) as u32;
        let payload = SendPayload {
            number_id: state.number_id.clone(),
            to,
            message,
            on_doubt,
            closed,
            window_until_ms: state.last_inbound_ms.map(|at_ms| at_ms + SERVICE_WINDOW_MS),
            order,
            bulk: false,
            put_back: 0,
            node: Some(node.into()),
        };
        self.outbound.push(Outbound { id, nonce, decided_ms: self.now_ms, payload });
        Some(id.n)
    }

    fn record(
        &mut self,
        seed: u64,
        input: Option<HistoryInput>,
        sends: Vec<u64>,
        trace: Vec<Trace>,
        error: Option<Box<str>>,
    ) {
        let entry = HistoryEntry { at_ms: self.now_ms, seed, input, sends, trace, error };
        self.entries.push(codec::encode(&entry));
    }

    fn bury(
        &mut self,
        seq: Option<InboxSeq>,
        reason: &str,
        detail: &str,
        node: Option<&str>,
        raw: Option<Box<str>>,
        tries: u32,
    ) {
        let snapshot = &self.after.state.bot;
        let pinned = snapshot.bot();
        let payload = DeadLetterPayload {
            detail: detail.into(),
            hint: None,
            bot: pinned.map(|(id, _)| id.into()),
            version: pinned.map(|(_, version)| version.into()),
            node: node.or(snapshot.node()).map(Box::from),
            raw,
            tries,
        };
        self.dead_letters.push(records::dead_letter(seq, None, reason, &payload));
    }

    /// Notes which version failed, and at which node: what the trip wire counts.
    fn failed(&mut self, bot: Option<&Arc<Bot>>, node: Option<&str>) {
        let pinned = self.after.state.bot.bot();
        let (id, version) = bot.map(|bot| (bot.id(), bot.version())).or(pinned).unwrap_or_default();
        let node = node.or(self.after.state.bot.node()).unwrap_or_default();
        let failure = Failure { bot: id.into(), version: version.into(), node: node.into() };
        self.noted.failures.push(failure);
    }

    /// Whether there is nothing to write down.
    pub(crate) fn is_empty(&self) -> bool {
        self.consumed.is_empty() && self.entries.is_empty() && self.outbound.is_empty() && self.dead_letters.is_empty()
    }

    /// The unit to commit, and what follows it.
    pub(crate) fn finish(mut self) -> (Turn, Done) {
        self.after.revision = Revision(self.before.0 + 1);
        self.after.wake_ms = self.after.state.bot.wake_ms();
        let send = |out: &Outbound| NewSend { n: out.id.n, nonce: out.nonce, payload: codec::encode(&out.payload) };
        let turn = Turn {
            conversation: self.id,
            expected: self.before,
            at_ms: self.now_ms,
            consumed: self.consumed,
            snapshot: codec::encode(&self.after.state),
            entries: self.entries,
            sends: self.outbound.iter().map(send).collect(),
            wake_ms: self.after.wake_ms,
            aliases: self.aliases,
            dead_letters: self.dead_letters,
            append: Vec::new(),
            documents: self.documents,
        };
        (turn, Done { now_ms: self.now_ms, outbound: self.outbound, after: self.after, noted: self.noted })
    }
}

fn history_input(seq: InboxSeq, row: &Inbound, payload: InboxPayload) -> HistoryInput {
    HistoryInput { seq, received_ms: row.received_ms, sent_ms: payload.sent_ms, raw: payload.message }
}
