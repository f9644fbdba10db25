//! The service window at the time of sending: 24 hours from the person's last message; outside of it only templates.

use std::sync::Arc;

use chatbot::{Closed, OnDoubt};
use storage::{Change, SendState, Settled};
use whatsapp::graph;
use whatsapp::message::{Outgoing, Template};

use super::job::Job;
use super::{Next, Row, Slow};
use crate::codec;
use crate::events;
use crate::records::{Held, SERVICE_WINDOW_MS, SendError, SendPayload};

/// Whether a message may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    Open,
    Closed,
}

/// Another nonce for a row whose content changes; the same for the same row, so that a repeated change is one.
pub(crate) fn next_nonce(nonce: u32) -> u32 {
    nonce.rotate_left(7).wrapping_add(0x9E37_79B9)
}

/// The template in place of what the closed window keeps back. It costs money, so it is not sent twice.
pub(crate) fn as_template(payload: &SendPayload, template: &Template) -> SendPayload {
    SendPayload {
        message: Outgoing::Template(template.clone()),
        on_doubt: OnDoubt::Hold,
        closed: Closed::Drop,
        ..payload.clone()
    }
}

impl Job {
    /// Looks whether the window is open. The store is read only when it was closed as of the decision: the person may
    /// have written since.
    pub(super) async fn window(&self, row: &Row, payload: &SendPayload) -> Window {
        let now_ms = self.now_ms();
        if payload.message.is_template() || payload.window_until_ms.is_some_and(|until_ms| now_ms < until_ms) {
            return Window::Open;
        }
        let conversation = row.id.conversation;
        if payload.closed == Closed::Hold {
            // Before it is read, so that a message of the person that is committed meanwhile releases it.
            self.deps.senders.holds(conversation);
        }
        let open = match self.state(conversation).await {
            Some(Ok(state)) => state.last_inbound_ms.is_some_and(|at_ms| now_ms < at_ms + SERVICE_WINDOW_MS),
            // Unreadable: Meta knows.
            Some(Err(_)) => true,
            None => false,
        };
        if !open {
            return Window::Closed;
        }
        self.deps.senders.person_wrote(&self.number.id, conversation);
        Window::Open
    }

    /// What becomes of a message whose window is closed, as we know or as Meta says.
    pub(super) async fn closed(&self, row: &Row, payload: &SendPayload, error: Option<&graph::Error>) -> Next {
        let next = || if error.is_some() { Next::Judged } else { Next::Settled };
        match &payload.closed {
            Closed::Template(template) => {
                self.form_unsent(row, payload, "the service window closed before it left: a template took its place")
                    .await;
                self.rewrite(row, as_template(payload, template)).await.unwrap_or_else(next)
            }
            Closed::Hold => self.hold_until_written(row).await.unwrap_or_else(next),
            Closed::Drop => {
                let record = error.map_or_else(known_closed, |error| error.to_record().into());
                let record = SendError { tries: row.tries, ..record };
                let detail = error.map_or_else(|| record.title.to_string(), ToString::to_string);
                self.give_up(row, payload, "window_closed", &detail, &record).await;
                next()
            }
        }
    }

    /// Puts another message, or another address, in the place of a row that waits.
    pub(super) async fn rewrite(&self, row: &Row, payload: SendPayload) -> Option<Next> {
        let nonce = next_nonce(row.nonce);
        let change = Change::Rewrite { nonce, payload: codec::encode(&payload) };
        let Settled::Now(SendState::Queued) = self.settle(row, change).await else { return None };
        events::send_replaced(row.id);
        let row = Row { nonce, attempts: 0, tries: 0, doubt: false, payload: Some(Arc::new(payload)), ..row.clone() };
        Some(Next::Replaced { row: Box::new(Row { due_ms: self.now_ms(), pair_paid: true, ..row }) })
    }

    async fn hold_until_written(&self, row: &Row) -> Option<Next> {
        let conversation = row.id.conversation;
        self.deps.senders.holds(conversation);
        self.hold(vec![row.clone()], Held::WindowClosed).await;
        if self.deps.senders.is_holding(conversation) {
            return None;
        }
        // The person wrote while it was being held.
        let due_ms = self.now_ms();
        let settled = self.settle(row, Change::Retry { due_ms, error: None }).await;
        let open = matches!(settled, Settled::Now(SendState::Queued));
        open.then_some(Next::Again { due_ms, tries: row.tries, slow: Slow::Nothing })
    }
}

fn known_closed() -> SendError {
    SendError {
        title: "the person last wrote more than 24 hours ago: only a template could be sent".into(),
        advice: "Send a template, or say in the bot what becomes of this message when the window is closed.".into(),
        ..SendError::default()
    }
}
