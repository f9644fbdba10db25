//! Messages with a form, as their Flow stands at Meta.

use storage::{Accept, Change, Partition, Settled};
use whatsapp::graph::FlowStatus;
use whatsapp::message::{Flow, FlowTarget, Outgoing};

use super::job::Job;
use super::{Next, Row, Slow};
use crate::flow_standing::FlowStanding;
use crate::identity;
use crate::records::inbox::InboxPayload;
use crate::records::{Held, SendError, SendPayload};

impl Job {
    /// What becomes of a message whose Flow must not be sent now; `None` if it may leave.
    pub(super) async fn hindered(&self, row: &Row, payload: &SendPayload) -> Option<Next> {
        let flow = flow_of(&payload.message)?;
        let (FlowTarget::Id(named) | FlowTarget::Name(named)) = flow.target();
        let FlowStanding { id, status } = (self.deps.flows)(&self.number.account, named)?;
        match status {
            FlowStatus::Blocked | FlowStatus::Deprecated => {
                self.count("flow_blocked", "none");
                let record = stopped(&status, row.tries);
                let detail = format!("the Flow {named} ({id}) is {status} at Meta");
                self.give_up(row, payload, "flow_blocked", &detail, &record).await;
                Some(Next::Settled)
            }
            FlowStatus::Throttled => self.its_turn(row, &id).await,
            _ => None,
        }
    }

    /// Lets a message of a throttled Flow leave if its hour has a share left; else it waits in its place, and what is
    /// behind it in the conversation waits with it.
    async fn its_turn(&self, row: &Row, flow: &str) -> Option<Next> {
        let due_ms = loop {
            match self.deps.flow_quota.take(&self.number.account, flow, row.id).await {
                Ok(None) => return None,
                Ok(Some(due_ms)) => break due_ms,
                Err(error) => self.store_refused("counting the messages of a Flow", &error).await,
            }
        };
        self.count("slow_flow", "none");
        tracing::warn!(send = %row.id, flow, due_ms, "a message waits, because Meta throttles its Flow");
        let error = SendError { tries: row.tries, ..SendError::held(Held::FlowThrottled) };
        match self.settle(row, Change::Retry { due_ms, error: Some(error.encode()) }).await {
            Settled::Now(state) if !state.is_settled() => {
                Some(Next::Again { due_ms, tries: row.tries, slow: Slow::Flow { asked: false } })
            }
            // A status of an earlier request settled it.
            Settled::Now(_) | Settled::Unknown => Some(Next::Settled),
        }
    }

    /// Hands on to the conversation that a form does not reach the person. Before the message is given up, so that a crash
    /// in between tells it twice rather than never.
    pub(super) async fn form_unsent(&self, row: &Row, payload: &SendPayload, why: &str) {
        let Some(unsent) = unsent(payload, why) else { return };
        let contact = identity::contact_of(row.id.conversation);
        let inbound = unsent.to(contact, &Partition(self.number.id.clone()), self.now_ms());
        while let Err(error) = self.deps.store.append(vec![Accept::Message(inbound.clone())]).await {
            self.store_refused("noting that a form was not sent", &error).await;
        }
    }
}

/// What a conversation is told when this message does not reach the person; `None` if nothing waits for it.
pub(super) fn unsent(payload: &SendPayload, why: &str) -> Option<InboxPayload> {
    let flow = flow_of(&payload.message)?;
    let unsent = chatbot::Unsent { token: flow.token()?.to_owned(), why: why.to_owned() };
    Some(InboxPayload::Unsent(Box::new(unsent)))
}

fn flow_of(message: &Outgoing) -> Option<&Flow> {
    match message {
        Outgoing::Flow(flow) => Some(flow),
        Outgoing::Quote(quote) => flow_of(quote.message()),
        _ => None,
    }
}

fn stopped(status: &FlowStatus, tries: u32) -> SendError {
    SendError {
        title: format!("the Flow is {status} at Meta: it is not sent").into(),
        advice: match status {
            FlowStatus::Deprecated => "Let the bot send another Flow: a deprecated one cannot come back.".into(),
            _ => "Correct what the alerts of the Flow say: Meta then lets it go.".into(),
        },
        tries,
        ..SendError::default()
    }
}
