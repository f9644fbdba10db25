//! What people do with a conversation, as a turn of it.

use std::sync::Arc;

use chatbot::{Bot, Input, Snapshot, Steer};
use serde_json::json;
use storage::{Inbound, InboxSeq};

use super::Draft;
use super::events::Lost;
use crate::codec;
use crate::deeds::{self, Act, Deed, DeedRefusal, How, Verdict};
use crate::identity;
use crate::records::inbox::{InboxPayload, OrderedDeed};
use crate::records::{Control, Did, Happened, HistoryEntry, HistoryInput, InputKind};

/// Why a run ends that another one took the place of, or that staff ended.
const ENDED: &str = "ended_by_staff";

impl Draft<'_> {
    /// Whether a bot carries this row out, whoever has the conversation.
    pub(crate) fn needs_bot(&self, row: &Inbound) -> bool {
        let state = &self.after.state;
        let acts = match codec::decode(&row.payload) {
            Ok(InboxPayload::Deed(ordered)) => ordered.deed.act.runs_bot(state),
            _ => false,
        };
        acts && state.merged_into.is_none()
    }

    /// Does it, or says why not.
    pub(super) fn deed(&mut self, seq: InboxSeq, row: &Inbound, ordered: OrderedDeed, bot: Option<&Arc<Bot>>) {
        let OrderedDeed { deed, ticket } = ordered;
        let given = deeds::Given {
            revision: self.before.0,
            now_ms: self.means.now_ms,
            takeover: &self.means.takeover,
            bot: bot.map(Arc::as_ref),
        };
        let outcome = match deeds::verdict(&self.after.state, &deed, given) {
            Verdict::Go => self.act(seq, row, &deed, bot).map(|()| true),
            Verdict::Already => {
                if deed.act.renews() {
                    self.active();
                }
                Ok(false)
            }
            Verdict::No(refusal) => Err(refusal),
        };
        self.deeds.push((ticket, outcome));
    }

    fn act(&mut self, seq: InboxSeq, row: &Inbound, deed: &Deed, bot: Option<&Arc<Bot>>) -> Result<(), DeedRefusal> {
        let input = |node: Option<&str>| HistoryInput {
            seq,
            received_ms: row.received_ms,
            sent_ms: None,
            raw: json!({ "who": deed.who, "reason": deed.reason, "node": node }).to_string().into(),
            kind: InputKind::Staff { act: deed.act.name().into() },
        };
        match &deed.act {
            Act::TakeOver { .. } => {
                self.silence(deed, false);
                Ok(())
            }
            Act::Pause => {
                self.silence(deed, true);
                Ok(())
            }
            Act::HandBack { how: How::Continue, outcome } => {
                let handed_over = self.after.state.bot.handed_over().is_some();
                let kind = InputKind::HandBack(*outcome);
                let back = |bot| (bot, Input::HandBack(*outcome), HistoryInput { kind, ..input(None) });
                let steered = bot.filter(|_| handed_over).map(back);
                let waits = steered.is_none() && handed_over;
                self.go_on(deed, steered)?;
                if waits {
                    // Its bot cannot go on now: this waits with the other inputs until it can.
                    let me = identity::contact_of(self.id);
                    self.append.push(InboxPayload::HandBack(*outcome).to(me, &self.partition(), row.received_ms));
                }
                Ok(())
            }
            Act::HandBack { how, .. } => {
                let held_below = self.held_below();
                let steer = match how {
                    How::Restart | How::Continue => Steer::Restart,
                    How::Node(node) => Steer::Node(node.clone()),
                    How::End => {
                        self.go_on(deed, None)?;
                        self.supersede(held_below);
                        return self.end(deed, input(None));
                    }
                };
                let node = if let Steer::Node(node) = &steer { Some(node.as_str()) } else { None };
                let input = input(node);
                let steered = bot.map(|bot| (bot, Input::Steer(steer), input));
                self.go_on(deed, steered)?;
                self.supersede(held_below);
                Ok(())
            }
            Act::Resume => self.go_on(deed, None),
            Act::Restart => {
                let (bot, steer) = (bot.ok_or(DeedRefusal::NoBot)?, Input::Steer(Steer::Restart));
                let (seed, turn) = self.turn(bot, &steer);
                let turn = turn.map_err(|error| DeedRefusal::Bot(error.to_string().into()))?;
                self.did(deed, Did::Restarted);
                self.apply(bot, turn, seed, Some(input(None)));
                Ok(())
            }
            Act::End => self.end(deed, input(None)),
            Act::Rewind { entry, at_ms, then } => {
                let before = self.after.state.bot.clone();
                let (away_ms, seed) = (self.away_ms(*at_ms), self.seed());
                self.after.state.bot.rewind((**then).clone(), away_ms, seed);
                self.replaced(deed, input(None), &before, |run, took| Did::Reset { entry: *entry, run, took });
                Ok(())
            }
            Act::Copy { of, entry, at_ms, then } => {
                let before = self.after.state.bot.clone();
                let (away_ms, seed) = (self.away_ms(*at_ms), self.seed());
                self.after.state.bot.become_copy((**then).clone(), away_ms, seed);
                self.replaced(deed, input(None), &before, |_, _| Did::Copied { of: *of, entry: *entry });
                Ok(())
            }
            Act::Set { values, .. } => {
                let bot = bot.ok_or(DeedRefusal::NoBot)?;
                let (seed, turn) = self.turn(bot, &Input::Steer(Steer::Set(values.clone())));
                let turn = turn.map_err(|error| DeedRefusal::Bot(error.to_string().into()))?;
                self.after.state.bot = turn.after;
                self.active();
                let names = values.keys().map(|name| name.as_str().into()).collect();
                let events = vec![self.event_of(deed, Did::Set { names })];
                let (input, trace) = (Some(input(None)), turn.trace);
                self.enter(HistoryEntry { seed, input, trace, events, ..HistoryEntry::default() });
                Ok(())
            }
            Act::Note(text) => {
                self.active();
                self.did(deed, Did::Noted { text: text.clone() });
                Ok(())
            }
        }
    }

    /// From the commit on the bot says nothing here.
    fn silence(&mut self, deed: &Deed, pause: bool) {
        let now_ms = self.means.now_ms;
        let (silent_ms, from) = match &self.after.state.control {
            Control::Human { silent_ms, by, paused, .. } => (*silent_ms, by.clone().filter(|_| !paused)),
            Control::Bot => (now_ms, None),
        };
        if self.after.state.control == Control::Bot {
            self.after.state.bot.leave_texts();
        }
        self.after.state.control = Control::Human {
            silent_ms,
            since_ms: now_ms,
            active_ms: now_ms,
            by: Some(deed.who.clone()),
            paused: pause,
            reason: deed.reason.clone(),
            return_after_ms: None,
        };
        self.noted.hold_unsent = self.means.takeover.hold_unsent;
        let event = match pause {
            true => self.event_of(deed, Did::Paused),
            false => {
                let (by, reason, note) = (deed.who.clone(), deed.reason.clone(), deed.note.clone());
                Happened::TakenOver { by, reason, note, from }
            }
        };
        self.happened(event);
    }

    /// The bot has it again, and goes on where it waited or is led to. Nothing of it is done if the bot does not take it.
    fn go_on(&mut self, deed: &Deed, steered: Option<(&Arc<Bot>, Input, HistoryInput)>) -> Result<(), DeedRefusal> {
        let before = self.after.state.clone();
        let after_ms = self.give_back();
        let turned = steered.map(|(bot, how, input)| {
            let (seed, turn) = self.turn(bot, &how);
            turn.map(|turn| (bot, seed, turn, input))
        });
        let turned = match turned.transpose() {
            Ok(turned) => turned,
            Err(error) => {
                self.after.state = before;
                return Err(DeedRefusal::Bot(error.to_string().into()));
            }
        };
        if let Some(after_ms) = after_ms {
            self.gave_back(Happened::HandedBack {
                after_ms,
                by: Some(deed.who.clone()),
                reason: deed.reason.clone(),
                note: deed.note.clone(),
            });
        } else if let Some(note) = &deed.note {
            self.did(deed, Did::Noted { text: note.clone() });
        }
        if let Some((bot, seed, turn, input)) = turned {
            self.apply(bot, turn, seed, Some(input));
        }
        Ok(())
    }

    fn end(&mut self, deed: &Deed, input: HistoryInput) -> Result<(), DeedRefusal> {
        let before = self.after.state.bot.clone();
        self.after.state.bot = before.without_run();
        self.replaced(deed, input, &before, |_, _| Did::Ended);
        Ok(())
    }

    /// The run that was there is over, and perhaps another one took its place.
    fn replaced(
        &mut self,
        deed: &Deed,
        input: HistoryInput,
        before: &Snapshot,
        did: impl FnOnce(Option<Box<str>>, Option<Box<str>>) -> Did,
    ) {
        let run = |state: &Snapshot| state.run_id().map(Box::from);
        let did = did(run(before), run(&self.after.state.bot));
        self.tell_lost(Lost::of(before), ENDED);
        self.active();
        let events = vec![self.event_of(deed, did)];
        self.enter(HistoryEntry { input: Some(input), events, ..HistoryEntry::default() });
    }

    /// How long the waits of a run have stood still that goes on as it was then. The time in which the bot was silent comes
    /// with its return.
    fn away_ms(&self, then_ms: u64) -> u64 {
        let until_ms = match self.after.state.control {
            Control::Human { silent_ms, .. } => silent_ms,
            Control::Bot => self.means.now_ms,
        };
        until_ms.saturating_sub(then_ms)
    }

    /// While a person answers: the number below which the bot's messages are that have not left.
    fn held_below(&self) -> Option<u64> {
        let holds = self.means.takeover.hold_unsent && self.after.state.control != Control::Bot;
        holds.then_some(self.after.next_send)
    }

    /// What was held while a person answered belongs to a course that the run has left.
    fn supersede(&mut self, below: Option<u64>) {
        let Some(below) = below else { return };
        let state = &mut self.after.state;
        for part in state.absorbed.clone() {
            state.supersede(part, u64::MAX);
        }
        state.supersede(self.id, below);
    }

    /// Whoever has the conversation did something.
    pub(super) fn active(&mut self) {
        if let Control::Human { active_ms, .. } = &mut self.after.state.control {
            *active_ms = self.means.now_ms;
        }
    }

    fn did(&mut self, deed: &Deed, did: Did) {
        let event = self.event_of(deed, did);
        self.happened(event);
    }

    fn event_of(&self, deed: &Deed, did: Did) -> Happened {
        Happened::Did { by: deed.who.clone(), reason: deed.reason.clone(), did: Box::new(did) }
    }
}
