//! Everything that a conversation is between two turns.

mod broadcasts;
mod calls;
mod superseded;

use bytes::Bytes;
use chatbot::{Incoming, Snapshot};
use serde::{Deserialize, Serialize};
use storage::{Alias, ContactId, ConversationId, SendId};
use whatsapp::message::Recipient;

use super::SERVICE_WINDOW_MS;
use super::inbox::OrderKey;
use crate::codec::{self, CodecError};
use crate::seen::Seen;
use crate::settings::{OnIdle, Takeover};

/// Orders with an idempotency key are remembered this long.
pub(crate) const ORDER_KEY_MS: u64 = 24 * 3_600_000;
/// And so many of them at the most.
const MAX_ORDER_KEYS: usize = 1_000;
/// Forms that are kept at the most; the oldest are forgotten.
const MAX_KEPT_FORMS: usize = 16;
/// Someone who came by an advertisement and is answered within a day can be written to for free this long.
pub(crate) const FREE_ENTRY_MS: u64 = 72 * 3_600_000;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// The business number it belongs to.
    pub number_id: Box<str>,
    pub display_number: Option<Box<str>>,
    pub person: Person,
    /// Every alias already written down.
    pub aliases: Vec<Alias>,
    /// When the person last wrote (Unix ms); the service window ends 24 hours later.
    pub last_inbound_ms: Option<u64>,
    pub seen: Seen,
    pub control: Control,
    /// The chatbot's part.
    pub bot: Snapshot,
    /// Whether marketing is wanted, if the person ever said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marketing: Option<Marketing>,
    /// Numbers and user ids that the person had before, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Former>,
    /// It became a part of this contact's conversation: whatever comes goes there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<ContactId>,
    /// Conversations that became a part of this one, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub absorbed: Vec<ConversationId>,
    /// When the person came by an advertisement or post and was not answered yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referral_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_entry_until_ms: Option<u64>,
    /// Orders from outside with an idempotency key, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<DoneOrder>,
    /// Calls from outside with an idempotency key, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<calls::DoneCall>,
    /// Broadcasts that the person is a part of, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub broadcasts: Vec<broadcasts::HadBroadcast>,
    /// Messages with forms that came while somebody answered in the bot's place, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept_forms: Vec<Incoming>,
    /// Messages of courses that the bot was led away from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub superseded: Vec<superseded::Superseded>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message: Option<LastMessage>,
    /// When the person wrote what nobody has answered since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unanswered_ms: Option<u64>,
}

/// Who answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Control {
    #[default]
    Bot,
    /// The bot's run waits.
    Human {
        /// Since when the bot is silent.
        silent_ms: u64,
        /// Since when it is as it is: who has it, or nobody, or that it is paused.
        since_ms: u64,
        /// When somebody last did something here.
        active_ms: u64,
        /// Who has taken over; `None`: it waits for somebody. Of a pause, who stopped the bot.
        by: Option<Box<str>>,
        /// The bot was stopped, and nobody answers in its place.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        paused: bool,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<str>>,
        /// The bot answers again when nobody has done anything for this long, where the bot says so and not the settings.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        return_after_ms: Option<u64>,
    },
}

/// Who has taken over by writing from the phone app.
pub(crate) const PHONE_APP: &str = "phone_app";
/// Characters of a message that a list shows.
const PREVIEW_CHARS: usize = 80;

/// The last message of a conversation, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastMessage {
    /// Ours.
    pub out: bool,
    /// Meta's type.
    pub kind: Box<str>,
    /// Its beginning.
    pub text: Box<str>,
    pub at_ms: u64,
}

/// What the person said about marketing, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marketing {
    pub wanted: bool,
    pub at_ms: u64,
}

/// An id that is not the person's any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Former {
    pub alias: Alias,
    pub until_ms: u64,
    /// Somebody else has it by now.
    #[serde(default)]
    pub passed_on: bool,
}

/// An order that was carried out, and the message that it became.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DoneOrder {
    pub key: OrderKey,
    pub at_ms: u64,
    pub send: SendId,
}

/// A person as last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Person {
    pub wa_id: Option<Box<str>>,
    pub user_id: Option<Box<str>>,
    pub name: Option<Box<str>>,
}

impl Person {
    /// Takes over what is newer; what is left out stays.
    pub(crate) fn update(&mut self, name: Option<&str>, wa_id: Option<&str>, user_id: Option<&str>) {
        for (own, newer) in [(&mut self.name, name), (&mut self.wa_id, wa_id), (&mut self.user_id, user_id)] {
            if let Some(newer) = newer.filter(|newer| !newer.is_empty() && own.as_deref() != Some(newer)) {
                *own = Some(newer.into());
            }
        }
    }

    /// How Graph is told whom to send to: the number where there is one.
    pub(crate) fn recipient(&self) -> Option<Recipient> {
        let phone = self.wa_id.as_deref().map(|wa_id| Recipient::Phone(wa_id.into()));
        phone.or_else(|| self.user_id.as_deref().map(|id| Recipient::UserId(id.into())))
    }
}

impl State {
    pub(crate) fn decode(bytes: &Bytes) -> Result<Self, CodecError> {
        codec::decode(bytes)
    }

    /// When the service window ends or ended; `None` if the person never wrote.
    pub(crate) fn window_until_ms(&self) -> Option<u64> {
        self.last_inbound_ms.map(|at_ms| at_ms + SERVICE_WINDOW_MS)
    }

    pub(crate) fn window_is_open(&self, now_ms: u64) -> bool {
        self.window_until_ms().is_some_and(|until_ms| now_ms < until_ms)
    }

    /// Who answers in the bot's place, and since when.
    pub(crate) fn owner(&self) -> Option<(&str, u64)> {
        match &self.control {
            Control::Human { by: Some(by), since_ms, paused: false, .. } => Some((by, *since_ms)),
            Control::Human { .. } | Control::Bot => None,
        }
    }

    /// Since when somebody is waited for who answers: the bot handed the conversation over, or whoever had it is idle.
    pub(crate) fn needs_person_ms(&self) -> Option<u64> {
        match &self.control {
            Control::Human { by: None, since_ms, .. } => Some(*since_ms),
            Control::Human { .. } => None,
            Control::Bot => self.bot.handed_over().map(|handed| handed.since_ms),
        }
    }

    /// A message was said, by the person or by us.
    pub(crate) fn said(&mut self, out: bool, kind: &str, text: &str, at_ms: u64) {
        let end = text.char_indices().nth(PREVIEW_CHARS).map_or(text.len(), |(end, _)| end);
        let text = text.get(..end).unwrap_or_default();
        self.last_message = Some(LastMessage { out, kind: kind.into(), text: text.into(), at_ms });
        self.unanswered_ms = if out { None } else { self.unanswered_ms.or(Some(at_ms)) };
    }

    /// Whether the person does not want marketing.
    pub(crate) fn opted_out(&self) -> bool {
        self.marketing.is_some_and(|marketing| !marketing.wanted)
    }

    /// Takes over what the person said about marketing, unless something later is known.
    pub(crate) fn said_about_marketing(&mut self, wanted: bool, at_ms: u64) {
        if self.marketing.is_none_or(|known| known.at_ms <= at_ms) {
            self.marketing = Some(Marketing { wanted, at_ms });
        }
    }

    /// When it stopped being this person's, if it did.
    pub(crate) fn former_until_ms(&self, alias: &Alias) -> Option<u64> {
        self.former.iter().find(|former| former.alias == *alias).map(|former| former.until_ms)
    }

    /// From now on the id is one that the person had.
    pub(crate) fn leave_behind(&mut self, alias: Alias, until_ms: u64) {
        if self.former_until_ms(&alias).is_none() {
            self.former.push(Former { alias, until_ms, passed_on: false });
        }
    }

    /// The outcome of an order that was given before with this key.
    pub(crate) fn done_order(&self, key: u64, now_ms: u64) -> Option<&DoneOrder> {
        self.orders.iter().find(|done| done.key.key == key && done.at_ms + ORDER_KEY_MS > now_ms)
    }

    pub(crate) fn remember_order(&mut self, key: OrderKey, send: SendId, now_ms: u64) {
        self.orders.push(DoneOrder { key, at_ms: now_ms, send });
        self.forget_orders(now_ms);
    }

    fn forget_orders(&mut self, now_ms: u64) {
        self.orders.retain(|done| done.at_ms + ORDER_KEY_MS > now_ms);
        let over = self.orders.len().saturating_sub(MAX_ORDER_KEYS);
        self.orders.drain(..over);
    }

    /// Takes in what a conversation was that becomes a part of this one. Of two runs the one of the conversation in
    /// which the person wrote last goes on; the other ends.
    pub(crate) fn absorb(&mut self, other: State, now_ms: u64) {
        let take_run = other.last_inbound_ms > self.last_inbound_ms;
        let runs = [&self.bot, &other.bot].map(|bot| bot.run_id().is_some());
        let silent_since = match runs {
            [false, true] => other.control.silent_ms(now_ms),
            [true, true] if take_run => other.control.silent_ms(now_ms),
            [true, _] => self.control.silent_ms(now_ms),
            [false, false] => self.control.silent_ms(now_ms).min(other.control.silent_ms(now_ms)),
        };
        self.bot.absorb(other.bot, take_run);
        self.seen.absorb(other.seen);
        self.last_inbound_ms = self.last_inbound_ms.max(other.last_inbound_ms);
        self.referral_ms = self.referral_ms.max(other.referral_ms);
        self.free_entry_until_ms = self.free_entry_until_ms.max(other.free_entry_until_ms);
        if let Some(Marketing { wanted, at_ms }) = other.marketing {
            self.said_about_marketing(wanted, at_ms);
        }
        self.control.absorb(other.control, silent_since);
        if self.control != Control::Bot {
            self.bot.leave_texts();
        }
        let at_ms = |last: &Option<LastMessage>| last.as_ref().map(|last| last.at_ms);
        if at_ms(&other.last_message) > at_ms(&self.last_message) {
            self.last_message = other.last_message;
            self.unanswered_ms = other.unanswered_ms;
        }
        self.display_number = self.display_number.take().or(other.display_number);
        for former in other.former {
            if self.former_until_ms(&former.alias).is_none() {
                self.former.push(former);
            }
        }
        self.absorb_person(other.person, now_ms);
        other.kept_forms.into_iter().for_each(|message| self.keep_form(message));
        self.absorbed.extend(other.absorbed);
        self.orders.extend(other.orders);
        self.orders.sort_by_key(|done| done.at_ms);
        self.forget_orders(now_ms);
        self.calls.extend(other.calls);
        self.calls.sort_by_key(|done| done.at_ms);
        self.forget_calls(now_ms);
        self.absorb_broadcasts(other.broadcasts);
        self.absorb_superseded(&other.superseded);
    }

    /// Keeps a form that came until the bot answers again; of each the first.
    pub(crate) fn keep_form(&mut self, message: Incoming) {
        if self.kept_forms.iter().all(|kept| kept.form_token() != message.form_token()) {
            self.kept_forms.push(message);
        }
        let over = self.kept_forms.len().saturating_sub(MAX_KEPT_FORMS);
        self.kept_forms.drain(..over);
    }

    fn absorb_person(&mut self, other: Person, now_ms: u64) {
        let Person { wa_id, user_id, name } = other;
        let theirs =
            [(wa_id.clone(), self.person.wa_id.clone(), "wa"), (user_id.clone(), self.person.user_id.clone(), "bsuid")];
        for (theirs, own, kind) in theirs {
            if let (Some(theirs), Some(own)) = (theirs, own)
                && theirs != own
            {
                self.leave_behind(Alias(format!("{kind}:{theirs}").into()), now_ms);
            }
        }
        let Person { wa_id: own_wa_id, user_id: own_user_id, name: own_name } = std::mem::take(&mut self.person);
        self.person = Person { wa_id: own_wa_id.or(wa_id), user_id: own_user_id.or(user_id), name: own_name.or(name) };
    }
}

impl Control {
    /// Nobody has it and the bot is silent, since then.
    pub(crate) fn silent(silent_ms: u64, since_ms: u64) -> Self {
        Control::Human {
            silent_ms,
            since_ms,
            active_ms: since_ms,
            by: None,
            paused: false,
            reason: None,
            return_after_ms: None,
        }
    }

    /// When whoever has it has done nothing for too long, and what becomes of it then.
    pub(crate) fn idle_end(&self, takeover: &Takeover) -> Option<(u64, OnIdle)> {
        let Control::Human { active_ms, by, paused: false, return_after_ms, .. } = self else { return None };
        let after = |ms: u64, how| (ms > 0).then(|| (active_ms.saturating_add(ms), how));
        if let Some(return_after_ms) = return_after_ms {
            return after(*return_after_ms, OnIdle::Resume);
        }
        match (by.as_deref()?, takeover.on_idle) {
            (_, OnIdle::Keep) => None,
            // Nobody may be looking at a queue where people answer from the phone.
            (PHONE_APP, OnIdle::Requeue) => after(takeover.idle_resume_ms, OnIdle::Resume),
            (_, on_idle) => after(takeover.idle_resume_ms, on_idle),
        }
    }

    /// Who has what two conversations become: whoever answers in one, before whoever is waited for, before a bot that was
    /// stopped; of two that are alike, where something was done last. The run that goes on stands still since `silent_since`.
    fn absorb(&mut self, other: Control, silent_since: u64) {
        let last_ms = self.rank().1.max(other.rank().1);
        if other.rank() > self.rank() {
            *self = other;
        }
        if let Control::Human { silent_ms, active_ms, .. } = self {
            (*silent_ms, *active_ms) = (silent_since, last_ms);
        }
    }

    fn rank(&self) -> (u8, u64) {
        match self {
            Control::Bot => (0, 0),
            Control::Human { paused: true, active_ms, .. } => (1, *active_ms),
            Control::Human { by: None, active_ms, .. } => (2, *active_ms),
            Control::Human { active_ms, .. } => (3, *active_ms),
        }
    }

    /// Since when the bot is silent; one that is not falls silent now.
    fn silent_ms(&self, now_ms: u64) -> u64 {
        if let Control::Human { silent_ms, .. } = self { *silent_ms } else { now_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn human(by: Option<&str>, at_ms: u64, is_paused: bool) -> Control {
        let mut control = Control::silent(at_ms, at_ms);
        if let Control::Human { by: owner, paused, .. } = &mut control {
            (*owner, *paused) = (by.map(Into::into), is_paused);
        }
        control
    }

    #[test]
    fn of_two_that_become_one_whoever_answers_has_it_whichever_it_was() {
        let owned = |by, at_ms| human(Some(by), at_ms, false);
        let table = [
            (Control::Bot, owned("a", 5), Some("a")),
            (human(None, 9, false), owned("a", 5), Some("a")),
            (human(Some("b"), 9, true), owned("a", 5), Some("a")),
            (owned("a", 9), owned("b", 5), Some("a")),
            (human(Some("b"), 9, true), human(None, 5, false), None),
        ];
        for (one, other, owner) in table {
            for (mut control, other) in [(one.clone(), other.clone()), (other.clone(), one.clone())] {
                control.absorb(other, 20);
                let state = State { control, ..State::default() };
                assert_eq!(state.owner().map(|(owner, _)| owner), owner, "{state:?}");
                let Control::Human { silent_ms, paused, .. } = state.control else { panic!("{state:?}") };
                assert_eq!((silent_ms, paused), (20, false));
            }
        }
    }

    #[test]
    fn a_run_that_comes_under_staff_by_a_merge_stands_still_from_then_on_and_one_that_was_since_it_was() {
        let run = |id: &str| {
            serde_json::from_value(serde_json::json!({ "run":
            { "id": id, "bot": "b", "version": "v", "started_ms": 0, "turns": 1 } }))
        };
        let state = |id, control, wrote_ms| State {
            bot: run(id).unwrap(),
            control,
            last_inbound_ms: Some(wrote_ms),
            ..State::default()
        };
        let silent_since = |mut state: State, other| {
            state.absorb(other, 100);
            state.control.silent_ms(0)
        };
        let taken = |wrote_ms| state("taken", human(Some("a"), 50, false), wrote_ms);
        let free = |wrote_ms| state("free", Control::Bot, wrote_ms);
        assert_eq!([silent_since(free(2), taken(1)), silent_since(free(1), taken(2))], [100, 50]);
        assert_eq!([silent_since(taken(2), free(1)), silent_since(taken(1), free(2))], [50, 100]);
    }

    #[test]
    fn of_forms_that_came_under_staff_only_the_last_are_kept_also_when_two_become_one() {
        let came = |token: usize| Incoming {
            form: Some("flow".to_owned()),
            data: Some(serde_json::json!({ "flow_token": token.to_string() })),
            ..Incoming::default()
        };
        let (mut one, mut other) = (State::default(), State::default());
        (0..MAX_KEPT_FORMS).for_each(|n| one.keep_form(came(n)));
        one.keep_form(came(0));
        (0..2 * MAX_KEPT_FORMS).for_each(|n| other.keep_form(came(n)));
        one.absorb(other, 0);
        let tokens: Vec<_> = one.kept_forms.iter().filter_map(Incoming::form_token).map(str::to_owned).collect();
        assert_eq!(tokens, (MAX_KEPT_FORMS..2 * MAX_KEPT_FORMS).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}
