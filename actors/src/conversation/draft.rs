//! A storage turn in the making: inputs go in, the state advances, what must be written gathers. Pure: no store, no
//! clock. Nothing that gathers here is real before the commit.

mod again;
mod deeds;
mod events;
mod forms;
mod given_up;
mod journal;
mod many;
mod message;
mod others;
mod outside;
mod people;

use std::collections::HashSet;
use std::sync::Arc;

use chatbot::{
    Bot, Consent, ContactView, Effect, Event, Given, HttpCall, Input, Migrated, NumberView, Order, Sending, Snapshot,
    Trace, TurnError,
};
use storage::{
    Alias, ContactId, ConversationId, Head, Inbound, InboxSeq, NewDeadLetter, NewDocument, NewSend, Resolved, Revision,
    SendId, Turn,
};
use whatsapp::message::Outgoing;

use super::recover::GiveUp;
use super::tokens::Tokens;
use crate::attention;
use crate::bots::{Bots, Move};
use crate::codec::{self, CodecError};
use crate::marketing::{self, Categories};
use crate::numbers::Numbers;
use crate::orders::{DeedOutcome, OrderOutcome, Refusal};
use crate::outlet::{Outlet, Told};
use crate::queue::Item;
use crate::records::{Control, Happened, HistoryEntry, HistoryInput, InboxPayload, InputKind, SendPayload, State};
use crate::seen;
use crate::settings::Takeover;
use given_up::Raw;
use journal::Journal;

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
    /// The index that the next history entry will have.
    pub next_entry: u64,
    pub wake_ms: Option<u64>,
    pub state: State,
}

impl Loaded {
    pub(crate) fn from_head(head: Option<&Head>) -> Result<Self, CodecError> {
        let Some(head) = head else { return Ok(Self { next_send: 1, ..Self::default() }) };
        Ok(Self {
            revision: head.revision,
            next_send: head.next_send,
            next_entry: head.next_entry,
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
    /// The person wrote: the service window is open.
    pub person_wrote: bool,
    /// Somebody took over: what the bot said and has not left stays here.
    pub hold_unsent: bool,
    /// Became a part of another conversation, and what had become a part of this one before: what the bot said there and
    /// has not left stays until the other one has them.
    pub moving: Vec<ConversationId>,
    /// The last message that the bot read, and whether it shows that it is typing.
    pub seen: Option<(Box<str>, bool)>,
    /// The bot answers again: what was held for that leaves.
    pub release_held: bool,
    /// A file of the person is wanted.
    pub wants_file: bool,
    /// What the outside is told.
    pub told: Told,
}

/// What a draft is given beside the conversation.
#[derive(Clone, Copy)]
pub(crate) struct Means<'a> {
    pub secret: [u8; 16],
    pub now_ms: u64,
    pub turn: &'a TurnFunction,
    pub takeover: Takeover,
    /// Our numbers.
    pub numbers: &'a Numbers,
    pub categories: &'a Categories,
    /// Where events leave.
    pub outlet: &'a Outlet,
    /// The bots, for calls that name one.
    pub bots: &'a Bots,
    /// Inputs of this conversation are held in the store.
    pub holds: bool,
}

/// What a message is beside its content.
#[derive(Clone, Debug, Default)]
struct Beside {
    /// The broadcast that it is one of.
    broadcast: Option<Box<str>>,
    /// The message that was given up and that it takes the place of.
    retry_of: Option<SendId>,
}

/// What follows the commit.
pub(crate) struct Done {
    pub now_ms: u64,
    pub outbound: Vec<Outbound>,
    pub after: Loaded,
    pub noted: Noted,
    /// Whom to tell what became of an order.
    pub answers: Vec<(u64, OrderOutcome)>,
    /// Whom to tell what became of a deed.
    pub deeds: Vec<(u64, DeedOutcome)>,
    /// Calls of other programs that shall be made.
    pub calls: Vec<HttpCall>,
    /// Calls whose result was written down only: they may be made again.
    pub unused: Vec<String>,
}

pub(crate) struct Draft<'a> {
    id: ConversationId,
    means: Means<'a>,
    before: Revision,
    woken_ms: Option<u64>,
    pub after: Loaded,
    consumed: Vec<InboxSeq>,
    journal: Journal,
    outbound: Vec<Outbound>,
    aliases: Vec<(Alias, ContactId)>,
    dead_letters: Vec<NewDeadLetter>,
    append: Vec<Inbound>,
    documents: Vec<NewDocument>,
    resolved: Vec<Resolved>,
    /// Letters that inputs let go again and that are not open.
    settled: HashSet<u64>,
    /// What is decided is one of many: what is said to people who wait leaves first.
    many: bool,
    /// Events so far.
    events: usize,
    answers: Vec<(u64, OrderOutcome)>,
    deeds: Vec<(u64, DeedOutcome)>,
    calls: Vec<HttpCall>,
    unused: Vec<String>,
    noted: Noted,
    tokens: Tokens,
    /// What it wanted of people before.
    attention: Option<attention::Row>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(id: ConversationId, means: Means<'a>, loaded: Loaded) -> Self {
        Self {
            id,
            means,
            before: loaded.revision,
            attention: attention::Row::of(&loaded.state),
            woken_ms: loaded.wake_ms,
            journal: Journal::new(loaded.next_entry, &loaded.state),
            after: loaded,
            consumed: Vec::new(),
            outbound: Vec::new(),
            aliases: Vec::new(),
            dead_letters: Vec::new(),
            append: Vec::new(),
            documents: Vec::new(),
            resolved: Vec::new(),
            settled: HashSet::new(),
            many: false,
            events: 0,
            answers: Vec::new(),
            deeds: Vec::new(),
            calls: Vec::new(),
            unused: Vec::new(),
            noted: Noted::default(),
            tokens: Tokens::new(),
        }
    }

    /// Says which tokens forms have that came without.
    pub(crate) fn with_tokens(self, tokens: Tokens) -> Self {
        Self { tokens, ..self }
    }

    /// Says which letters that inputs let go again are not open.
    pub(crate) fn with_settled(self, settled: HashSet<u64>) -> Self {
        Self { settled, ..self }
    }

    /// Whether a bot may answer here.
    pub(crate) fn is_with_bot(&self) -> bool {
        self.after.state.control == Control::Bot && self.after.state.merged_into.is_none()
    }

    /// Takes one inbox row. `bot` is what answers; `None` records the message only.
    pub(crate) fn take(&mut self, item: &Item, row: &Inbound, bot: Option<&Arc<Bot>>) {
        let seq = item.seq;
        self.consumed.push(seq);
        let payload: InboxPayload = match codec::decode(&row.payload) {
            Ok(payload) => payload,
            Err(error) => {
                self.bury(Some(seq), "damaged", &error.to_string(), None, Raw::Nothing, 1);
                return;
            }
        };
        self.belongs_to(row);
        if let Some(into) = item.merge_into.filter(|_| self.after.state.merged_into.is_none()) {
            self.merge(into, row.received_ms);
            self.merge_elsewhere(into, row.received_ms);
        }
        if self.leads_on(row, &payload) {
            return;
        }
        match payload {
            InboxPayload::Message(payload) => self.message(seq, row, payload, bot),
            InboxPayload::About(about) => self.about(seq, row, about),
            InboxPayload::Echo(echo) => self.echo(seq, row, echo, bot),
            InboxPayload::Order(order) => self.order(seq, row, *order, bot),
            InboxPayload::HttpDone(done) => self.http_done(seq, row, *done, bot),
            InboxPayload::HandBack(how) => self.hand_back(seq, how, bot, row.received_ms),
            InboxPayload::Deed(ordered) => self.deed(seq, row, *ordered, bot),
            InboxPayload::Call(call) => self.called(seq, row, *call, bot),
            InboxPayload::Moved(moved) => self.moved(moved),
            InboxPayload::Told(told) => self.told(told),
            InboxPayload::Merge(into) => self.merge(into, row.received_ms),
            InboxPayload::Absorb(absorbed) => self.absorb(*absorbed),
            InboxPayload::Form(message) => self.kept_form(seq, row, *message, bot),
            InboxPayload::Unsent(unsent) => self.unsent(seq, row, *unsent, bot),
            InboxPayload::Again(again) => self.message_again(seq, row, *again, bot),
        }
    }

    fn belongs_to(&mut self, row: &Inbound) {
        let state = &mut self.after.state;
        if state.number_id != row.partition.0 {
            state.number_id.clone_from(&row.partition.0);
        }
    }

    /// A wake time that the conversation asked for is due.
    pub(crate) fn tick(&mut self, bot: &Arc<Bot>) {
        self.run(bot, &Input::Tick, None);
    }

    /// Moves the run to another version if it can go on there. Answers what it goes on with, `None` if it is over.
    pub(crate) fn migrate(&mut self, plan: &Move) -> Option<Arc<Bot>> {
        let before = &self.after.state.bot;
        let version = before.bot().map(|(_, version)| Box::from(version)).unwrap_or_default();
        let (after, trace, goes_on) = match chatbot::migrate(plan.from.as_deref(), &plan.to, before, &plan.how) {
            Migrated::Stays(_) => return Some(plan.from.as_ref().unwrap_or(&plan.to).clone()),
            Migrated::Moved(after, trace) => (after, trace, true),
            Migrated::Ended(after, trace) => (after, trace, false),
        };
        let run = before.run_id().map(Into::into);
        self.after.state.bot = *after;
        self.tell((plan.to.id(), &version), run, Vec::new(), &trace);
        let (bot, to, how) = (plan.to.id().into(), plan.to.version().into(), Box::new(plan.how.clone()));
        let events = vec![Happened::Migrated { bot, from: version, to, how }];
        self.enter(HistoryEntry { trace, events, ..HistoryEntry::default() });
        goes_on.then(|| plan.to.clone())
    }

    /// Whether one of these is the result that the run waits for.
    pub(crate) fn is_answered_by(&self, items: &[Item]) -> bool {
        let state = &self.after.state.bot;
        let answers = |row: &Inbound| match codec::decode(&row.payload) {
            Ok(InboxPayload::HttpDone(done)) => state.waits_for_call(&done.id),
            _ => false,
        };
        state.is_calling() && items.iter().filter_map(|item| item.row.as_ref()).any(answers)
    }

    fn run(&mut self, bot: &Arc<Bot>, input: &Input, history: Option<HistoryInput>) {
        let (seed, turn) = self.turn(bot, input);
        match turn {
            Ok(turn) => self.apply(bot, turn, seed, history),
            Err(error) => self.not_taken(bot, input, &error, seed, history),
        }
    }

    /// What the bot makes of an input, and the seed that it was given. Nothing is done yet.
    fn turn(&self, bot: &Bot, input: &Input) -> (u64, Result<chatbot::Turn, TurnError>) {
        let state = &self.after.state;
        let contact = ContactView {
            name: state.person.name.as_deref().map(Into::into),
            wa_id: state.person.wa_id.as_deref().map(Into::into),
            user_id: state.person.user_id.as_deref().map(Into::into),
        };
        let display = state.display_number.as_deref().map(Into::into);
        let number = NumberView { id: state.number_id.as_ref().into(), display };
        let seed = self.seed();
        let id = self.id.to_string();
        let address = id.strip_prefix("c_").unwrap_or(&id);
        let staff_since_ms = match state.control {
            Control::Human { silent_ms, .. } => Some(silent_ms),
            Control::Bot => None,
        };
        let given =
            Given { now_ms: self.means.now_ms, seed, staff_since_ms, address, contact: &contact, number: &number };
        (seed, (self.means.turn)(bot, &state.bot, input, &given))
    }

    fn apply(&mut self, bot: &Arc<Bot>, turn: chatbot::Turn, seed: u64, history: Option<HistoryInput>) {
        let run = self.after.state.bot.run_id().map(Into::into);
        let (sends, events) = self.queue(bot, turn.effects);
        let known = self.after.state.bot.consent("marketing");
        self.after.state.bot = turn.after;
        self.tell((bot.id(), bot.version()), run, events, &turn.trace);
        self.consented(known);
        if history.is_some() || turn.changed {
            self.record_sends(seed, history, sends, turn.trace);
        }
    }

    /// Takes over what this turn heard about marketing. What the bot knew before may have been taken back elsewhere.
    fn consented(&mut self, known: Option<Consent>) {
        let heard = self.after.state.bot.consent("marketing").filter(|heard| known.as_ref() != Some(heard));
        if let Some(Consent { given, at_ms }) = heard {
            self.after.state.said_about_marketing(given, at_ms);
        }
    }

    /// The bot could not take an input: it is a dead letter, and the state stays as it was.
    fn not_taken(
        &mut self,
        bot: &Arc<Bot>,
        input: &Input,
        error: &TurnError,
        seed: u64,
        history: Option<HistoryInput>,
    ) {
        let seq = history.as_ref().map(|input| input.seq);
        let given_up =
            matches!(input, Input::Tick).then(|| self.after.state.bot.give_up_tick(Some(bot), self.means.now_ms));
        let texts = given_up.as_ref().and_then(|given_up| given_up.texts.as_deref());
        let raw = match &history {
            Some(input) if matches!(input.kind, InputKind::Message | InputKind::Again) => {
                Raw::Message(input.raw.clone())
            }
            Some(input) => Raw::Other(input.raw.clone()),
            None => texts.map_or(Raw::Nothing, |texts| Raw::Other(texts.into())),
        };
        let detail = error.to_string();
        self.bury(seq, "bot_error", &detail, Some(error.node()), raw, 1);
        self.failed(Some(bot), Some(error.node()));
        if let Some(given_up) = given_up {
            self.go_on_after(given_up, "error");
        }
        self.record_error(seed, history, Vec::new(), detail.into());
    }

    /// Same conversation, revision and place in the turn: same seed, so that a repeated turn gives the same bytes.
    fn seed(&self) -> u64 {
        let place = (self.before.0 << 8) | (self.journal.len() as u64 & 0xFF);
        seen::hash(&self.means.secret, &format!("{}:{place}", self.id))
    }

    fn queue(&mut self, bot: &Bot, effects: Vec<Effect>) -> (Vec<u64>, Vec<Event>) {
        let order = bot.manners().order;
        let mut events = Vec::new();
        let send = |effect| {
            let sending = match effect {
                Effect::Send(sending) => sending,
                Effect::CallHttp(call) => {
                    self.calls.push(*call);
                    return None;
                }
                Effect::Emit(event) => {
                    events.push(*event);
                    return None;
                }
                Effect::Form(_) => return None,
            };
            if self.after.state.opted_out() && self.is_marketing(&sending.message) {
                let raw = Raw::Other(sending.message.raw().to_string().into());
                self.bury(None, "opted_out", &Refusal::OptedOut.to_string(), Some(&sending.node), raw, 0);
                return None;
            }
            self.send(*sending, order)
        };
        let sends: Vec<_> = effects.into_iter().filter_map(send).collect();
        if !sends.is_empty() {
            self.answered();
        }
        (sends, events)
    }

    fn is_marketing(&self, message: &Outgoing) -> bool {
        let Means { categories, numbers, .. } = self.means;
        marketing::is_marketing(categories, &numbers.all(), &self.after.state.number_id, message)
    }

    fn send(&mut self, sending: Sending, order: Order) -> Option<u64> {
        self.send_beside(sending, order, Beside::default())
    }

    fn send_beside(&mut self, sending: Sending, order: Order, beside: Beside) -> Option<u64> {
        let Sending { node, message, on_doubt, closed } = sending;
        let state = &self.after.state;
        let to = state.person.recipient()?;
        let id = SendId { conversation: self.id, n: self.after.next_send };
        self.after.next_send += 1;
        let nonce = seen::hash(&self.means.secret, &format!("{id}:{}", self.means.now_ms)) as u32;
        self.after.state.said(true, message.type_name(), message.text(), self.means.now_ms);
        let state = &self.after.state;
        let payload = SendPayload {
            number_id: state.number_id.clone(),
            to,
            message,
            on_doubt,
            closed,
            window_until_ms: state.window_until_ms(),
            order,
            bulk: self.many || beside.broadcast.is_some(),
            put_back: 0,
            node: Some(node).filter(|node| !node.is_empty()).map(Into::into),
            broadcast: beside.broadcast,
            retry_of: beside.retry_of,
        };
        self.outbound.push(Outbound { id, nonce, decided_ms: self.means.now_ms, payload });
        Some(id.n)
    }

    fn record(&mut self, input: Option<HistoryInput>) {
        self.enter(HistoryEntry { input, ..HistoryEntry::default() });
    }

    fn record_sends(&mut self, seed: u64, input: Option<HistoryInput>, sends: Vec<u64>, trace: Vec<Trace>) {
        self.enter(HistoryEntry { seed, input, sends, trace, ..HistoryEntry::default() });
    }

    fn record_error(&mut self, seed: u64, input: Option<HistoryInput>, sends: Vec<u64>, error: Box<str>) {
        self.enter(HistoryEntry { seed, input, sends, error: Some(error), ..HistoryEntry::default() });
    }

    fn happened(&mut self, event: Happened) {
        self.enter(HistoryEntry { events: vec![event], ..HistoryEntry::default() });
    }

    fn enter(&mut self, entry: HistoryEntry) {
        self.journal.enter(HistoryEntry { at_ms: self.means.now_ms, ..entry }, &self.after.state);
    }

    /// Whether there is nothing to write down.
    pub(crate) fn is_empty(&self) -> bool {
        self.consumed.is_empty()
            && self.journal.is_empty()
            && self.outbound.is_empty()
            && self.dead_letters.is_empty()
            && self.wake_ms() == self.woken_ms
    }

    /// The unit to commit, and what follows it.
    pub(crate) fn finish(mut self) -> (Turn, Done) {
        self.after.revision = Revision(self.before.0 + 1);
        self.after.wake_ms = self.wake_ms();
        self.journal.settle(&self.after.state, self.means.now_ms);
        let entries = self.journal.into_rows();
        self.after.next_entry += entries.len() as u64;
        let attention = attention::Row::of(&self.after.state);
        self.documents.extend(attention::change(self.id, self.attention.as_ref(), attention.as_ref()));
        let send = |out: &Outbound| NewSend { n: out.id.n, nonce: out.nonce, payload: codec::encode(&out.payload) };
        let turn = Turn {
            conversation: self.id,
            expected: self.before,
            at_ms: self.means.now_ms,
            consumed: self.consumed,
            snapshot: codec::encode(&self.after.state),
            entries,
            sends: self.outbound.iter().map(send).collect(),
            wake_ms: self.after.wake_ms,
            aliases: self.aliases,
            dead_letters: self.dead_letters,
            append: self.append,
            documents: self.documents,
            resolved: self.resolved,
        };
        let Self { means, outbound, after, noted, answers, deeds, mut calls, unused, .. } = self;
        // What came later in the same turn may have ended the wait for a call.
        calls.retain(|call| after.state.bot.waits_for_call(&call.id));
        (turn, Done { now_ms: means.now_ms, outbound, after, noted, answers, deeds, calls, unused })
    }
}

#[cfg(test)]
mod tests;
