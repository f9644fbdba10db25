//! What an answer that is no acceptance leads to.

use chatbot::OnDoubt;
use storage::{Accept, Change, Partition, Settled};
use whatsapp::graph::{self, Outcome};

use super::job::Job;
use super::lanes::{Brake, Cause};
use super::{Next, Row, Scope, Slow, transport};
use crate::events;
use crate::identity;
use crate::letters::{ALL_TRIES, ALL_TRIES_FIX};
use crate::metrics::GraphError;
use crate::records::inbox::{InboxPayload, Told};
use crate::records::{self, DeadLetterPayload, Held, SendError, SendPayload};

/// When Meta limits the number, the account or the app without saying for how long (ms).
const SLOW_NUMBER_MS: u64 = 1_000;
const SLOW_ACCOUNT_MS: u64 = 60_000;
/// Meta lets a throttled Flow out ten times an hour.
const SLOW_FLOW_MS: u64 = 3_600_000;
/// When nothing gets through, one message tries again after this long (ms).
const UNREACHABLE_MS: u64 = 4_000;
/// When Meta refuses the number, one message tries again after this long, later less often (ms).
const REFUSED_MS: u64 = 60_000;

impl Job {
    /// `token`: how often the token had been replaced when the request left.
    pub(super) async fn failed(&self, row: &Row, payload: &SendPayload, error: &graph::Error, token: u64) -> Next {
        let outcome = error.outcome();
        if let graph::Error::Graph(error) = error {
            let label = GraphError { operation: "messages.send", code: i64::from(error.code) };
            self.deps.metrics.graph_errors.get_or_create(&label).inc();
        }
        self.count(label(&outcome), class(error));
        let tries = row.tries + 1;
        match outcome {
            Outcome::Uncertain => self.doubt(row, error).await,
            Outcome::WindowClosed => self.closed(row, payload, Some(error)).await,
            Outcome::Permanent | Outcome::StopFlow | Outcome::Restricted => {
                self.refused(row, payload, label(&outcome), error).await
            }
            Outcome::RetryAtMost(more) if tries > u32::from(more) => {
                self.refused(row, payload, "permanent", error).await
            }
            Outcome::Retry | Outcome::RetryAtMost(_) if !matches!(error, graph::Error::NotSent(_)) => {
                if tries >= self.settings.max_attempts {
                    return self.refused(row, payload, ALL_TRIES, error).await;
                }
                let wait_ms = error.retry_after_ms().unwrap_or_else(|| self.backoff_ms(row.nonce, tries));
                // Trouble with a file of ours says nothing about whether Meta takes messages.
                let ours = matches!(error, graph::Error::File { .. });
                let slow = if ours { Slow::Nothing } else { Slow::ThisRow };
                self.again(row, wait_ms, tries, slow, error).await
            }
            // It was the old token that Meta refused.
            Outcome::PauseNumber if self.number.token.replacements() != token => {
                self.again(row, 0, row.tries, Slow::Nothing, error).await
            }
            // Being slowed down is no try: the message did nothing wrong.
            _ => {
                let (wait_ms, slow) = self.slow(outcome, error, token);
                self.again(row, wait_ms, row.tries, slow, error).await
            }
        }
    }

    /// How long this message waits (ms), and what else does.
    fn slow(&self, outcome: Outcome, error: &graph::Error, token: u64) -> (u64, Slow) {
        let code = match error {
            graph::Error::Graph(error) => Some(error.code),
            graph::Error::NotSent(_) | graph::Error::Ambiguous(_) | graph::Error::File { .. } => None,
        };
        match outcome {
            Outcome::SlowFlow => (SLOW_FLOW_MS, Slow::Flow { asked: true }),
            Outcome::SlowPerson => (0, Slow::Person),
            _ => {
                let (text, wait_ms) = (error.to_string(), error.retry_after_ms());
                let (brake, scope) = brake(outcome, code, &text, self.now_ms(), wait_ms);
                (0, Slow::Number { brake, scope, token })
            }
        }
    }

    /// Whether a message in doubt must not be sent again.
    pub(super) fn must_hold(&self, row: &Row, payload: &SendPayload) -> bool {
        payload.on_doubt == OnDoubt::Hold || row.tries >= self.settings.max_attempts
    }

    pub(super) async fn hold_in_doubt(&self, row: &Row) -> Next {
        self.hold(vec![row.clone()], Held::Doubt).await;
        Next::Settled
    }

    async fn doubt(&self, row: &Row, error: &graph::Error) -> Next {
        let tries = row.tries + 1;
        let until_ms = self.now_ms() + self.settings.doubt_window_ms;
        let record = SendError { tries, ..SendError::from(error.to_record()) };
        let change = Change::Uncertain { until_ms, error: Some(record.encode()) };
        match self.settle(row, change).await {
            Settled::Now(state) if !state.is_settled() => {
                events::send_uncertain(&self.deps.metrics, row.id, &error.to_string());
                Next::Doubt { until_ms, tries }
            }
            // Its status was faster than the answer.
            Settled::Now(_) | Settled::Unknown => Next::Judged,
        }
    }

    async fn again(&self, row: &Row, wait_ms: u64, tries: u32, slow: Slow, error: &graph::Error) -> Next {
        let due_ms = self.now_ms() + wait_ms;
        let record = SendError { tries, ..SendError::from(error.to_record()) };
        match self.settle(row, Change::Retry { due_ms, error: Some(record.encode()) }).await {
            Settled::Now(state) if !state.is_settled() => Next::Again { due_ms, tries, slow },
            // A status of an earlier request settled it.
            Settled::Now(_) | Settled::Unknown => Next::Judged,
        }
    }

    async fn refused(&self, row: &Row, payload: &SendPayload, reason: &'static str, error: &graph::Error) -> Next {
        let mut record = SendError { tries: row.tries + 1, ..SendError::from(error.to_record()) };
        if reason == ALL_TRIES {
            record.advice = ALL_TRIES_FIX.into();
        }
        self.give_up(row, payload, reason, &error.to_string(), &record).await;
        if error.is_marketing_stopped() {
            self.marketing_stopped(row).await;
        }
        Next::Judged
    }

    /// Hands on to the conversation that the person does not want marketing.
    async fn marketing_stopped(&self, row: &Row) {
        let told = InboxPayload::Told(Told::MarketingStopped { at_ms: self.now_ms() });
        let contact = identity::contact_of(row.id.conversation);
        let inbound = told.to(contact, &Partition(self.number.id.clone()), self.now_ms());
        while let Err(error) = self.deps.store.append(vec![Accept::Message(inbound.clone())]).await {
            self.store_refused("noting that marketing is not wanted", &error).await;
        }
    }

    pub(super) async fn give_up(
        &self,
        row: &Row,
        payload: &SendPayload,
        reason: &'static str,
        detail: &str,
        record: &SendError,
    ) {
        self.form_unsent(row, payload, detail).await;
        let trace = record.fbtrace_id.as_ref().map(|trace| format!(" (trace {trace})")).unwrap_or_default();
        let letter = self.letter(row, Some(payload), &format!("{detail}{trace}"), Some(record.advice.clone()));
        let letter = DeadLetterPayload { code: record.code, ..letter };
        self.bury(row, reason, letter, Some(record.encode())).await;
    }

    /// Exponential: base, doubled each time, up to the maximum. The upper half of it differs from message to message, so
    /// that those that were refused together do not come back together, and is the same whenever this one is looked at.
    fn backoff_ms(&self, nonce: u32, tries: u32) -> u64 {
        let ceiling = self.settings.backoff_base_ms.saturating_mul(1 << (tries - 1).min(16));
        let ceiling = ceiling.clamp(1, self.settings.backoff_max_ms.max(1));
        let spread = u64::from(nonce.rotate_left(5 * tries).wrapping_mul(0x9E37_79B9));
        ceiling / 2 + (((ceiling - ceiling / 2) * spread) >> 32)
    }

    pub(super) fn letter(
        &self,
        row: &Row,
        payload: Option<&SendPayload>,
        detail: &str,
        hint: Option<Box<str>>,
    ) -> DeadLetterPayload {
        DeadLetterPayload {
            detail: detail.into(),
            hint,
            bot: None,
            version: None,
            node: payload.and_then(|payload| payload.node.clone()),
            raw: payload.map(|payload| transport::message_body(payload, "").to_string().into()),
            tries: row.attempts + 1,
            ..DeadLetterPayload::default()
        }
    }

    pub(super) async fn bury(
        &self,
        row: &Row,
        reason: &'static str,
        letter: DeadLetterPayload,
        error: Option<bytes::Bytes>,
    ) {
        events::send_given_up(&self.deps.metrics, row.id, reason, &letter.detail);
        let letter = records::dead_letter(None, Some(row.id), reason, &letter);
        self.settle(row, Change::Dead { letter, error }).await;
        self.deps.outlet.given_up();
    }
}

/// What slows the number down after this outcome, and which other numbers.
pub(super) fn brake(
    outcome: Outcome,
    code: Option<u32>,
    text: &str,
    now_ms: u64,
    retry_after_ms: Option<u64>,
) -> (Brake, Scope) {
    let (cause, wait_ms, scope) = match outcome {
        Outcome::SlowAccount => (Cause::TooFast, SLOW_ACCOUNT_MS, Scope::Account),
        Outcome::SlowApp => (Cause::TooFast, SLOW_ACCOUNT_MS, Scope::App),
        Outcome::PauseNumber => (Cause::Refused, REFUSED_MS, Scope::Number),
        Outcome::Retry | Outcome::RetryAtMost(_) => (Cause::Unreachable, UNREACHABLE_MS, Scope::Number),
        _ => (Cause::TooFast, SLOW_NUMBER_MS, Scope::Number),
    };
    // Meta may name a time shorter than what keeps refusals to one a second.
    let wait_ms = retry_after_ms.map_or(wait_ms, |asked_ms| asked_ms.max(SLOW_NUMBER_MS));
    (Brake::new(cause, text.into(), code, now_ms, wait_ms), scope)
}

fn class(error: &graph::Error) -> &'static str {
    match error {
        graph::Error::NotSent(_) => "not_sent",
        graph::Error::Ambiguous(_) => "ambiguous",
        graph::Error::Graph(_) => "graph",
        graph::Error::File { .. } => "file",
    }
}

pub(super) fn label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Retry | Outcome::RetryAtMost(_) => "retry",
        Outcome::SlowFlow => "slow_flow",
        Outcome::StopFlow => "flow_blocked",
        Outcome::Restricted => "restricted",
        Outcome::SlowNumber => "slow_number",
        Outcome::SlowAccount => "slow_account",
        Outcome::SlowApp => "slow_app",
        Outcome::SlowPerson => "slow_person",
        Outcome::WindowClosed => "window_closed",
        Outcome::Permanent => "permanent",
        Outcome::PauseNumber => "pause_number",
        Outcome::Uncertain => "uncertain",
    }
}
