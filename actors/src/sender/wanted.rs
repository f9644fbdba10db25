//! Marketing at the time of sending: the person may have said since it was decided that none is wanted, and a template in
//! place of what a closed window keeps back may be the first of it.

use whatsapp::message::Recipient;

use super::job::Job;
use super::{Next, Row};
use crate::contacts;
use crate::identity;
use crate::marketing;
use crate::orders::Refusal;
use crate::records::{SendError, SendPayload};

impl Job {
    /// Ends a message that the person does not want.
    pub(super) async fn unwanted(&self, row: &Row, payload: &SendPayload) -> Option<Next> {
        let number = std::slice::from_ref(&self.number);
        if !marketing::is_marketing(&*self.deps.categories, number, &self.number.id, &payload.message) {
            return None;
        }
        let Some(Ok(state)) = self.state(row.id.conversation).await else { return None };
        if !state.opted_out() && (state.marketing.is_some() || !self.did_not_want(row, payload).await) {
            return None;
        }
        let title = Refusal::OptedOut.to_string();
        let advice = "Send a template of another category, or wait until the person wants marketing again.".into();
        let record = SendError { title: title.as_str().into(), advice, tries: row.tries, ..SendError::default() };
        self.give_up(row, payload, "opted_out", &title, &record).await;
        Some(Next::Settled)
    }

    /// Whoever said nothing in this conversation, and of whom it is known from elsewhere: from a table that was read in, or
    /// from before they were erased.
    async fn did_not_want(&self, row: &Row, payload: &SendPayload) -> bool {
        let id = match &payload.to {
            Recipient::Phone(phone) => identity::phone_alias(phone),
            Recipient::UserId(id) => identity::user_alias(id),
        };
        if self.deps.tombs.opted_out(&id) {
            return true;
        }
        let contact = identity::contact_of(row.id.conversation);
        loop {
            match contacts::opted_out(&*self.deps.store, contact).await {
                Ok(opted_out) => return opted_out,
                Err(error) => self.store_refused("reading what is kept of a person", &error).await,
            }
        }
    }
}
