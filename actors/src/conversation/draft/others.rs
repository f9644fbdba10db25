//! What comes to a conversation beside messages: what is told about the person, what staff wrote from the phone app,
//! orders to send, and who answers.

use std::sync::Arc;

use chatbot::{Bot, Closed, HandBack, HttpDone, HttpOutcome, Input, OnDoubt, Order, Sending, Unsent};
use storage::{Inbound, InboxSeq, SendId};
use whatsapp::webhook::Message;

use super::Draft;
use super::message::Ids;
use crate::identity;
use crate::orders::{OrderOutcome, Refusal};
use crate::records::inbox::{About, InboundEcho, InboxPayload, Origin, SendOrder, Told};
use crate::records::state::FREE_ENTRY_MS;
use crate::records::{CUT_FROM, Control, Happened, HistoryInput, InputKind, PHONE_APP};
use crate::settings::OnIdle;

/// Whoever comes by an advertisement must be answered within this time for the free entry point.
const ANSWER_WITHIN_MS: u64 = 24 * 3_600_000;

/// Of the body of another program's answer so much is kept in the history.
const MAX_KEPT_BODY: usize = 16 * 1024;

/// The result of a call as the history keeps it; `cut_from` says how many bytes the body had, if it is cut.
fn kept(done: &HttpDone) -> Box<str> {
    let HttpOutcome::Answer { status, content_type, body } = &done.outcome else {
        return serde_json::to_string(done).unwrap_or_default().into();
    };
    if body.len() <= MAX_KEPT_BODY {
        return serde_json::to_string(done).unwrap_or_default().into();
    }
    let end = (0..=MAX_KEPT_BODY).rev().find(|at| body.is_char_boundary(*at)).unwrap_or_default();
    let start = body.get(..end).unwrap_or_default().to_owned();
    let outcome = HttpOutcome::Answer { status: *status, content_type: content_type.clone(), body: start };
    let mut kept = serde_json::to_value(HttpDone { outcome, ..done.clone() }).unwrap_or_default();
    kept[CUT_FROM] = body.len().into();
    kept.to_string().into()
}

impl Draft<'_> {
    pub(super) fn about(&mut self, seq: InboxSeq, row: &Inbound, about: About) {
        // These events have no id of their own.
        let id = format!("{}:{:?}:{}", about.field, about.at_ms, about.raw);
        if self.is_repeated(&id) {
            return;
        }
        self.remember(&id, row.received_ms);
        self.learn(row, Ids { wa_id: about.wa_id.as_deref(), ..Ids::default() });
        let at_ms = about.at_ms.unwrap_or(row.received_ms);
        if let Some(user_id) = &about.user_id {
            self.has_user_id(user_id, at_ms);
        }
        if let Some(wanted) = about.marketing {
            self.after.state.said_about_marketing(wanted, at_ms.min(self.means.now_ms));
        }
        let kind = InputKind::About { field: about.field, detail: about.detail };
        let (received_ms, sent_ms) = (row.received_ms, about.at_ms);
        self.record(Some(HistoryInput { seq, received_ms, sent_ms, raw: about.raw, kind }));
    }

    pub(super) fn echo(&mut self, seq: InboxSeq, row: &Inbound, echo: InboundEcho, bot: Option<&Arc<Bot>>) {
        let message = Message::parse(&echo.message);
        let id = if message.wamid.is_empty() { &*echo.message } else { message.wamid.as_str() };
        if self.is_repeated(id) {
            return;
        }
        self.remember(id, row.received_ms);
        let ids = Ids { name: None, wa_id: echo.wa_id.as_deref(), user_id: echo.user_id.as_deref() };
        self.learn(row, ids);
        self.want_file(&message);
        let (received_ms, sent_ms) = (row.received_ms, echo.sent_ms);
        self.after.state.said(true, message.type_name(), message.text(), sent_ms.unwrap_or(received_ms));
        self.record(Some(HistoryInput { seq, received_ms, sent_ms, raw: echo.message, kind: InputKind::Echo }));
        let staff = bot.map(|bot| bot.staff()).unwrap_or_default();
        let taken = matches!(self.after.state.control, Control::Human { .. });
        if taken || staff.pause_on_reply.unwrap_or(self.means.takeover.echo_is_takeover) {
            self.take_over(PHONE_APP, sent_ms.unwrap_or(received_ms), staff.return_after_ms);
        }
    }

    /// Somebody answers in the bot's place, unless that was too long ago to matter.
    fn take_over(&mut self, by: &str, at_ms: u64, return_after_ms: Option<u64>) {
        let at_ms = at_ms.min(self.means.now_ms);
        if let Control::Human { active_ms, .. } = &mut self.after.state.control {
            *active_ms = at_ms.max(*active_ms);
            return;
        }
        let mut control = Control::silent(at_ms, at_ms);
        if let Control::Human { by: owner, return_after_ms: after_ms, .. } = &mut control {
            (*owner, *after_ms) = (Some(by.into()), return_after_ms);
        }
        if control.idle_end(&self.means.takeover).is_some_and(|(ends_ms, _)| ends_ms <= self.means.now_ms) {
            return;
        }
        self.after.state.control = control;
        self.after.state.bot.leave_texts();
        self.noted.hold_unsent = self.means.takeover.hold_unsent;
        self.happened(Happened::TakenOver { by: by.into(), reason: None, note: None, from: None });
    }

    /// Nobody has done anything here for long enough: the bot goes on where it waited, as if no time had passed.
    pub(crate) fn hand_back_if_due(&mut self) {
        let due = self.after.state.control.idle_end(&self.means.takeover);
        match due.filter(|(ends_ms, _)| *ends_ms <= self.means.now_ms) {
            Some((_, OnIdle::Resume)) => self.take_over_again(),
            Some((ends_ms, OnIdle::Requeue)) => self.requeue(ends_ms),
            Some((_, OnIdle::Keep)) | None => {}
        }
    }

    /// Whoever had it is gone: it waits for somebody else, and the bot stays silent.
    fn requeue(&mut self, ends_ms: u64) {
        let Control::Human { by, since_ms, .. } = &mut self.after.state.control else { return };
        *since_ms = ends_ms;
        let from = by.take();
        self.happened(Happened::Requeued { from });
    }

    /// The bot goes on where it waited, as if no time had passed since somebody took over.
    fn take_over_again(&mut self) {
        if let Some(after_ms) = self.give_back() {
            self.gave_back(Happened::HandedBack { after_ms, by: None, reason: None, note: None });
        }
    }

    /// See [`Draft::take_over_again`]. Answers for how long the bot was silent; `None` if it was not.
    pub(super) fn give_back(&mut self) -> Option<u64> {
        let Control::Human { silent_ms, .. } = &self.after.state.control else { return None };
        let after_ms = self.means.now_ms.saturating_sub(*silent_ms);
        let last_ms = self.after.state.last_inbound_ms;
        self.after.state.bot.push_back(after_ms);
        self.after.state.bot.person_wrote(last_ms, self.means.now_ms);
        self.after.state.control = Control::Bot;
        Some(after_ms)
    }

    pub(super) fn gave_back(&mut self, event: Happened) {
        self.noted.release_held = true;
        self.take_up_kept();
        self.happened(event);
    }

    /// A human is done here. If they took over what the bot had handed over, both come to an end, one after the other.
    pub(super) fn hand_back(&mut self, seq: InboxSeq, how: HandBack, bot: Option<&Arc<Bot>>, received_ms: u64) {
        if let Control::Human { .. } = self.after.state.control {
            self.take_over_again();
            if self.after.state.bot.handed_over().is_some() {
                let me = identity::contact_of(self.id);
                self.append.push(InboxPayload::HandBack(how).to(me, &self.partition(), received_ms));
            }
        } else if let Some(bot) = bot.filter(|_| self.after.state.bot.handed_over().is_some()) {
            let kind = InputKind::HandBack(how);
            let input = HistoryInput { seq, received_ms, sent_ms: None, raw: Box::default(), kind };
            self.run(bot, &Input::HandBack(how), Some(input));
        }
    }

    /// The result of a call. History keeps it, so that the turn can be computed again; a long answer is cut there. While somebody answers in the
    /// bot's place it is written down only: the call is made again when the bot goes on.
    pub(super) fn http_done(&mut self, seq: InboxSeq, row: &Inbound, done: HttpDone, bot: Option<&Arc<Bot>>) {
        let (raw, kind) = (kept(&done), InputKind::Http);
        let input = HistoryInput { seq, received_ms: row.received_ms, sent_ms: None, raw, kind };
        match bot {
            Some(bot) => self.run(bot, &Input::HttpDone(done), Some(input)),
            None => {
                self.unused.push(done.id);
                self.record(Some(input));
            }
        }
    }

    /// A form does not reach the person. While somebody answers in the bot's place it is written down only: the run goes
    /// on when the form's time is over.
    pub(super) fn unsent(&mut self, seq: InboxSeq, row: &Inbound, unsent: Unsent, bot: Option<&Arc<Bot>>) {
        let raw = serde_json::json!({ "why": unsent.why }).to_string().into();
        let input = HistoryInput { seq, received_ms: row.received_ms, sent_ms: None, raw, kind: InputKind::Unsent };
        match bot {
            Some(bot) => self.run(bot, &Input::Unsent(unsent), Some(input)),
            None => self.record(Some(input)),
        }
    }

    /// When the conversation wants to be woken.
    pub(super) fn wake_ms(&self) -> Option<u64> {
        match &self.after.state.control {
            human @ Control::Human { .. } => human.idle_end(&self.means.takeover).map(|(ends_ms, _)| ends_ms),
            Control::Bot => self.after.state.bot.wake_ms(),
        }
    }

    pub(super) fn order(&mut self, seq: InboxSeq, row: &Inbound, order: SendOrder, bot: Option<&Arc<Bot>>) {
        let SendOrder { message, on_doubt, ticket, key, origin, named } = order;
        self.named(row, named.as_ref());
        if let Origin::Broadcast { id, place } = origin {
            let outcome = self.one_of_many(seq, row, (message, on_doubt), (id, place));
            self.answers.push((ticket, outcome));
            return;
        }
        let before = key.and_then(|key| self.after.state.done_order(key.key, self.means.now_ms).copied());
        let outcome = match (before, key) {
            (Some(done), Some(key)) if done.key == key => OrderOutcome::Queued(done.send),
            (Some(_), _) => OrderOutcome::Refused(Refusal::KeyReused),
            (None, _) => {
                let raw = message.raw().to_string().into();
                let (received_ms, kind) = (row.received_ms, InputKind::Order);
                let input = HistoryInput { seq, received_ms, sent_ms: None, raw, kind };
                match &origin {
                    Origin::Letter(letter) => self.letter_again(input, (message, on_doubt), letter),
                    Origin::Outside { who, force } => {
                        let refusal = self.after.state.refuses_writer(who).filter(|_| !force);
                        self.carry_out(input, (message, on_doubt), refusal)
                    }
                    Origin::Broadcast { .. } => self.carry_out(input, (message, on_doubt), None),
                }
            }
        };
        match (&outcome, &origin) {
            (OrderOutcome::Queued(_), Origin::Outside { who, .. }) if before.is_none() => {
                self.pause_for_reply(bot, who)
            }
            _ => {}
        }
        if let (OrderOutcome::Queued(send), Some(key), None) = (&outcome, key, before) {
            self.after.state.remember_order(key, *send, self.means.now_ms);
        }
        self.answers.push((ticket, outcome));
    }

    /// Somebody wrote by the API: where the bot says so, that is a takeover, unless it has handed the conversation over.
    fn pause_for_reply(&mut self, bot: Option<&Arc<Bot>>, who: &str) {
        let staff = bot.map(|bot| bot.staff()).unwrap_or_default();
        if staff.pause_on_reply == Some(true) && self.after.state.bot.handed_over().is_none() {
            self.take_over(who, self.means.now_ms, staff.return_after_ms);
        }
    }

    fn carry_out(
        &mut self,
        input: HistoryInput,
        (message, on_doubt): (whatsapp::message::Outgoing, OnDoubt),
        refusal: Option<Refusal>,
    ) -> OrderOutcome {
        let refuses = || self.after.state.refuses(&message, self.is_marketing(&message), self.means.now_ms);
        let refusal = refusal.or_else(refuses);
        let sending = Sending { node: String::new(), message, on_doubt, closed: Closed::Drop };
        let sent = if refusal.is_none() { self.send(sending, Order::Accepted) } else { None };
        let Some(n) = sent else {
            let refusal = refusal.unwrap_or(Refusal::NobodyToSendTo);
            self.record_error(0, Some(input), Vec::new(), refusal.to_string().into());
            return OrderOutcome::Refused(refusal);
        };
        self.active();
        self.after.state.bot.human_wrote(self.means.now_ms);
        self.answered();
        self.record_sends(0, Some(input), vec![n], Vec::new());
        OrderOutcome::Queued(SendId { conversation: self.id, n })
    }

    /// The person is answered: whoever came by an advertisement can be written to for free from now on.
    pub(super) fn answered(&mut self) {
        let Some(came_ms) = self.after.state.referral_ms.take() else { return };
        if came_ms + ANSWER_WITHIN_MS > self.means.now_ms {
            self.after.state.free_entry_until_ms = Some(self.means.now_ms + FREE_ENTRY_MS);
        }
    }

    pub(super) fn told(&mut self, told: Told) {
        match told {
            Told::MarketingStopped { at_ms } if !self.after.state.opted_out() => {
                self.after.state.said_about_marketing(false, at_ms);
                self.happened(Happened::Marketing { wanted: false });
            }
            Told::FreeEntry { until_ms } if self.after.state.free_entry_until_ms < Some(until_ms) => {
                self.after.state.free_entry_until_ms = Some(until_ms);
                self.happened(Happened::FreeEntry { until_ms });
            }
            Told::MarketingStopped { .. } | Told::FreeEntry { .. } => {}
        }
    }
}
