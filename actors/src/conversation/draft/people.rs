//! Conversations that turn out to be of one person, people who change their number, and numbers that change hands.
//!
//! Each step is a turn of one conversation, and hands the next one on by an inbox row in the same commit: whatever ends
//! in between, the row is still there, and a step that was done does nothing when it comes again.

use std::collections::HashSet;

use storage::{Alias, ContactId, Inbound, Partition};
use whatsapp::webhook::{Message, MessageKind};

use super::Draft;
use super::events::Lost;
use crate::identity;
use crate::records::inbox::{Absorbed, InboxPayload, Moved};
use crate::records::state::{Former, State};
use crate::records::{Control, Happened};

impl Draft<'_> {
    /// Becomes a part of a contact's conversation: hands over what this one is, with the ids that lead here.
    pub(super) fn merge(&mut self, into: ContactId, received_ms: u64) {
        let me = identity::contact_of(self.id);
        if self.after.state.merged_into.is_some() || into == me {
            return;
        }
        let lived = self.before.0 > 0 || self.consumed.len() > 1;
        let state = &mut self.after.state;
        let mut rest = State {
            number_id: state.number_id.clone(),
            display_number: state.display_number.clone(),
            person: state.person.clone(),
            last_inbound_ms: state.last_inbound_ms,
            merged_into: Some(into),
            ..State::default()
        };
        std::mem::swap(state, &mut rest);
        if lived {
            if self.means.takeover.hold_unsent {
                // Whoever takes the other one over meanwhile does not know of these.
                self.noted.moving.extend(rest.absorbed.iter().copied().chain([self.id]));
            }
            let mut aliases = vec![identity::to(into)];
            // Held inputs are found again by their ids, so these must lead here until they came.
            aliases.extend(ids_of(&rest).filter(|_| !self.means.holds));
            let absorb = InboxPayload::Absorb(Box::new(Absorbed { from: me, state: rest }));
            self.append.push(Inbound { aliases, ..self.row(&absorb, received_ms) });
            let into = identity::conversation_id(&self.partition(), into);
            self.happened(Happened::MergedInto(into));
        }
    }

    /// The same person's conversations with our other numbers follow.
    pub(super) fn merge_elsewhere(&mut self, into: ContactId, received_ms: u64) {
        let (me, here) = (identity::contact_of(self.id), self.partition());
        for number in self.means.numbers.all().iter().filter(|number| number.id != here.0) {
            let there = Partition(number.id.clone());
            self.append.push(InboxPayload::Merge(into).to(me, &there, received_ms));
        }
    }

    /// Hands a row on to the conversation that this one became a part of.
    pub(super) fn pass_on(&mut self, into: ContactId, row: &Inbound) {
        self.append.push(Inbound { aliases: vec![identity::to(into)], ..row.clone() });
    }

    /// Takes in another conversation of the same person. Its ids lead here from now on.
    pub(super) fn absorb(&mut self, absorbed: Absorbed) {
        let me = identity::contact_of(self.id);
        let Absorbed { from, state: other } = absorbed;
        // Each became a part of the other, and this one stays: see `leads_on`.
        if from == me || self.after.state.merged_into == Some(from) {
            self.after.state.merged_into = None;
            self.noted.moving.retain(|part| *part != self.id);
        }
        for alias in ids_of(&other) {
            if identity::is_of_meta(&alias) && !self.after.state.aliases.contains(&alias) {
                self.after.state.aliases.push(alias.clone());
            }
            self.aliases.push((alias, me));
        }
        let id = identity::conversation_id(&self.partition(), from);
        let runs = [&self.after.state.bot, &other.bot].map(|bot| (bot.run_id().map(str::to_owned), Lost::of(bot)));
        self.after.state.absorb(other, self.means.now_ms);
        for (run, lost) in runs {
            if run.as_deref() != self.after.state.bot.run_id() {
                self.tell_lost(lost, "merged");
            }
        }
        let parts = &mut self.after.state.absorbed;
        parts.push(id);
        let mut known = HashSet::from([self.id]);
        parts.retain(|part| known.insert(*part));
        self.after.state.decided_below(self.id, self.after.next_send);
        self.happened(Happened::Absorbed(id));
        // What the other one had not sent yet is this one's to hold and to let go.
        self.noted.person_wrote |= self.after.state.window_is_open(self.means.now_ms);
        self.noted.hold_unsent |= self.means.takeover.hold_unsent && self.after.state.control != Control::Bot;
        self.noted.release_held |= self.after.state.control == Control::Bot;
    }

    /// The person has another number or user id.
    pub(super) fn moved(&mut self, moved: Moved) {
        let Moved { at_ms, wa_id, former_wa_id, user_id } = moved;
        if let Some(number) = wa_id {
            let alias = identity::phone_alias(&number);
            self.after.state.former.retain(|former| former.alias != alias);
            let before = self.after.state.person.wa_id.replace(number.clone());
            for left in [before, former_wa_id].into_iter().flatten().filter(|left| *left != number) {
                self.after.state.leave_behind(identity::phone_alias(&left), at_ms);
                self.aliases.push((identity::former_alias(&left), identity::contact_of(self.id)));
            }
            self.own(alias);
        }
        if let Some(user_id) = user_id {
            self.has_user_id(&user_id, at_ms);
        }
        self.happened(Happened::Moved);
    }

    /// The person goes by this user id now.
    pub(super) fn has_user_id(&mut self, user_id: &str, at_ms: u64) {
        let state = &mut self.after.state;
        if state.person.user_id.as_deref() == Some(user_id) {
            return;
        }
        let alias = identity::user_alias(user_id);
        state.former.retain(|former| former.alias != alias);
        if let Some(before) = state.person.user_id.replace(user_id.into()) {
            state.leave_behind(identity::user_alias(&before), at_ms);
        }
        self.own(alias);
    }

    fn own(&mut self, alias: Alias) {
        let contact = identity::contact_of(self.id);
        let derived = identity::aliases_to_record(&self.means.secret, std::slice::from_ref(&alias), contact).is_empty();
        if !derived && !self.after.state.aliases.contains(&alias) {
            self.after.state.aliases.push(alias.clone());
            self.aliases.push((alias, contact));
        }
    }

    /// The number that a message came from, if it was this person's and is another's by now: the message carries a user
    /// id that is not this person's, and is younger than the change; or no change was told, and it is younger than all
    /// that this person wrote (Meta tells nothing of an account that was deleted before its number went on).
    pub(super) fn number_of_another(&self, row: &Inbound, message: &Message, sent_ms: Option<u64>) -> Option<Alias> {
        let state = &self.after.state;
        if matches!(message.kind, MessageKind::System(_)) {
            return None;
        }
        let number = row.aliases.iter().find(|alias| alias.0.starts_with("wa:"))?;
        let user = message.from_user_id.as_deref().map(identity::user_alias);
        if user.as_ref().is_some_and(|user| self.is_user(user)) {
            return None;
        }
        let until_ms = match state.former_until_ms(number) {
            Some(until_ms) => until_ms,
            None if user.is_some() && state.person.user_id.is_some() => state.last_inbound_ms?,
            None => return None,
        };
        (sent_ms.unwrap_or(row.received_ms) > until_ms).then(|| number.clone())
    }

    /// Whether this user id is, or was, this person's.
    fn is_user(&self, user: &Alias) -> bool {
        let state = &self.after.state;
        state.person.user_id.as_deref().map(identity::user_alias).as_ref() == Some(user)
            || state.aliases.contains(user)
            || state.former_until_ms(user).is_some()
    }

    /// A message that is younger than the change comes under an id that the person had left: it is in use again.
    pub(super) fn came_back(&mut self, row: &Inbound, message: &Message, sent_ms: Option<u64>) {
        if !matches!(message.kind, MessageKind::System(_)) {
            let at_ms = sent_ms.unwrap_or(row.received_ms);
            let left = |former: &Former| at_ms <= former.until_ms || !row.aliases.contains(&former.alias);
            self.after.state.former.retain(left);
        }
    }

    /// Hands a message to whoever has the number now, a new person.
    pub(super) fn pass_number_on(&mut self, row: &Inbound, number: Alias) {
        let me = identity::contact_of(self.id);
        let next = identity::successor(&self.means.secret, me, &number);
        let mut aliases = vec![identity::to(next)];
        aliases.extend(row.aliases.iter().filter(|alias| identity::is_of_meta(alias) && !self.means.holds).cloned());
        self.append.push(Inbound { aliases, ..row.clone() });
        self.give_up(&number, row.received_ms);
        self.after.state.aliases.retain(|alias| *alias != number);
        for former in self.after.state.former.iter_mut().filter(|former| former.alias == number) {
            former.passed_on = true;
        }
        self.aliases.push((number, next));
        self.happened(Happened::NumberPassedOn);
    }

    /// The number was this person's until now, though nothing told so.
    fn give_up(&mut self, number: &Alias, at_ms: u64) {
        let is_it = |wa_id: &mut Box<str>| identity::phone_alias(wa_id) == *number;
        if let Some(left) = self.after.state.person.wa_id.take_if(is_it) {
            self.after.state.leave_behind(number.clone(), at_ms);
            self.aliases.push((identity::former_alias(&left), identity::contact_of(self.id)));
        }
    }

    /// Deals with a row of somebody who became a part of another one; `false` if it is to be taken here.
    pub(super) fn leads_on(&mut self, row: &Inbound, payload: &InboxPayload) -> bool {
        let Some(into) = self.after.state.merged_into else { return false };
        let me = identity::contact_of(self.id);
        match payload {
            InboxPayload::Merge(_) => {}
            // Each became a part of the other. The lesser one stays; it gets back what it was from the greater one.
            InboxPayload::Absorb(absorbed) if absorbed.from == me => return false,
            InboxPayload::Absorb(absorbed) if absorbed.from == into && me < into => return false,
            _ => self.pass_on(into, row),
        }
        true
    }

    pub(super) fn partition(&self) -> Partition {
        Partition(self.after.state.number_id.clone())
    }

    /// A row of the same number, without an address.
    pub(super) fn row(&self, payload: &InboxPayload, received_ms: u64) -> Inbound {
        Inbound {
            partition: self.partition(),
            aliases: Vec::new(),
            received_ms,
            payload: crate::codec::encode(payload),
        }
    }
}

/// Every id that leads to this person: Meta's, and ours for former numbers. A former number that is another's by now
/// is not among the first.
fn ids_of(state: &State) -> impl Iterator<Item = Alias> + use<'_> {
    let number = state.person.wa_id.as_deref().map(identity::phone_alias);
    let user = state.person.user_id.as_deref().map(identity::user_alias);
    let found = state.former.iter().filter_map(|former| former.alias.0.strip_prefix("wa:")).map(identity::former_alias);
    let former = state.former.iter().filter(|former| !former.passed_on).map(|former| former.alias.clone());
    let own = state.aliases.iter().cloned().chain(number).chain(user).chain(former).chain(found);
    own.collect::<std::collections::BTreeSet<_>>().into_iter()
}
