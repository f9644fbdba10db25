//! One rule of trouble: when it fires, and what it does then.

use serde::{Deserialize, Serialize};

use super::Operation;
use crate::phone::Progress;

const MAX_WAIT_MS: u64 = 600_000;
const MAX_STATUSES: usize = 16;

/// The part of an encrypted request that a bit is flipped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mutation {
    /// The wrapped AES key.
    Key,
    /// The initial vector.
    Iv,
    /// The ciphertext.
    Data,
    /// Its tag.
    Tag,
}

/// One kind of trouble. For each call the first rule that fires is the one that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The operation.
    pub on: Operation,
    /// How often it fires, in percent.
    #[serde(default = "always")]
    pub probability: u8,
    /// Fires for the next so many only; then the rule is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Fires only for this person (digits, or a business-scoped user id).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Fires only for this business number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number_id: Option<String>,

    /// Graph: the HTTP status of the answer, 400 to 599 (any with `body`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Graph: the error code of the answer, with Meta's text for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// Graph: this text as the whole answer (HTML by default: a gateway's page).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Graph: a `Retry-After` header, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
    /// Graph: takes the message before it answers with `status`, `code` or `body`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub accept: bool,
    /// Graph: waits so long before anything else.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub latency_ms: u64,
    /// Graph: closes the connection before the call is processed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub drop_before: bool,
    /// Graph: takes the message, then closes the connection without an answer. Flow request: the answer is lost, and
    /// the phone reads nothing in time.
    #[serde(default, skip_serializing_if = "is_false")]
    pub drop_after: bool,
    /// Graph: takes the message, answers 200, and lets it fail later: a `failed` status with this code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_status: Option<u32>,
    /// Graph: these statuses, in this order, instead of the automatic ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statuses: Option<Vec<Progress>>,
    /// Graph: takes the message, and answers so much later, so that statuses come before the answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub answer_delay_ms: u64,

    /// Graph: takes a template and holds it back, as Meta does to judge a new one: no statuses come by themselves.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hold: bool,
    /// Graph: the usage headers say that so much of the limits is used, in percent. The call is answered as ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage_percent: Option<u16>,
    /// Graph: the usage headers say that calls are taken again after so many minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regain_minutes: Option<u32>,

    /// Webhook, Flow request: so many more copies, at the same time.
    #[serde(default, skip_serializing_if = "is_zero8")]
    pub duplicate: u8,
    /// Webhook: lets the next one overtake it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reorder: bool,
    /// Webhook, Flow request: posts it so much later.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
    /// Webhook, Flow request: without a signature. Drawn for each try, so that a repeated one can be right again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unsigned: bool,
    /// Webhook, Flow request: signed with another secret. Drawn for each try.
    #[serde(default, skip_serializing_if = "is_false")]
    pub wrong_signature: bool,
    /// Webhook, Flow request: never posted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub lose: bool,

    /// Flow request: encrypted for a key that nobody has.
    #[serde(default, skip_serializing_if = "is_false")]
    pub foreign_key: bool,
    /// Flow request: a bit of this part is flipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutate: Option<Mutation>,
}

fn always() -> u8 {
    100
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn is_zero8(value: &u8) -> bool {
    *value == 0
}

impl Rule {
    /// A rule for `on` that always fires and does nothing yet.
    pub fn on(on: Operation) -> Self {
        Self {
            on,
            probability: 100,
            count: None,
            person: None,
            phone_number_id: None,
            status: None,
            code: None,
            body: None,
            retry_after_s: None,
            accept: false,
            latency_ms: 0,
            drop_before: false,
            drop_after: false,
            failed_status: None,
            statuses: None,
            answer_delay_ms: 0,
            hold: false,
            usage_percent: None,
            regain_minutes: None,
            duplicate: 0,
            reorder: false,
            delay_ms: 0,
            unsigned: false,
            wrong_signature: false,
            lose: false,
            foreign_key: false,
            mutate: None,
        }
    }

    /// True if the rule sets the answer of a Graph call.
    pub(crate) fn answers(&self) -> bool {
        self.status.is_some() || self.code.is_some() || self.body.is_some()
    }

    /// More than the code.
    fn more_than_a_code(&self) -> bool {
        let code_alone = Self { code: None, ..self.clone() };
        code_alone.graph_part()
    }

    fn graph_part(&self) -> bool {
        self.answers()
            || self.hold
            || self.usage_percent.is_some()
            || self.regain_minutes.is_some()
            || self.retry_after_s.is_some()
            || self.accept
            || self.latency_ms > 0
            || self.drop_before
            || self.drop_after
            || self.failed_status.is_some()
            || self.statuses.is_some()
            || self.answer_delay_ms > 0
    }

    fn webhook_part(&self) -> bool {
        self.duplicate > 0 || self.reorder || self.delay_ms > 0 || self.unsigned || self.wrong_signature || self.lose
    }

    fn flow_part(&self) -> bool {
        self.foreign_key || self.mutate.is_some()
    }

    /// True if the rule asks for more than a request to an endpoint can suffer.
    fn more_than_a_flow_request(&self) -> bool {
        let suffered = Self { drop_after: false, ..self.clone() };
        suffered.graph_part() || self.reorder
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.probability > 100 {
            return Err(format!("probability {} is not a percentage (0 to 100)", self.probability));
        }
        let floor = if self.body.is_some() { 200 } else { 400 };
        if let Some(status) = self.status.filter(|s| !(floor..=599).contains(s)) {
            return Err(format!("status {status} is outside {floor} to 599"));
        }
        if [self.latency_ms, self.delay_ms, self.answer_delay_ms].iter().any(|ms| *ms > MAX_WAIT_MS) {
            return Err(format!("latency_ms, delay_ms and answer_delay_ms are at most {MAX_WAIT_MS}"));
        }
        if self.statuses.as_ref().is_some_and(|all| all.len() > MAX_STATUSES || all.contains(&Progress::Failed)) {
            return Err(format!("statuses takes up to {MAX_STATUSES}; a failed one is set by failed_status"));
        }
        if self.duplicate > 100 {
            return Err(format!("duplicate {} is more than 100", self.duplicate));
        }
        if self.drop_before && self.drop_after {
            return Err("drop_before and drop_after exclude each other".into());
        }
        if self.on == Operation::FlowRequest {
            return match self.more_than_a_flow_request() {
                true => Err("a rule for flow.request takes duplicate, delay_ms, unsigned, wrong_signature, lose, \
                             drop_after, foreign_key, mutate"
                    .into()),
                false => Ok(()),
            };
        }
        if self.on.is_webhook() && (self.graph_part() || self.flow_part()) {
            return Err(
                "a rule for webhooks takes duplicate, reorder, delay_ms, unsigned, wrong_signature, lose".into()
            );
        }
        if self.on == Operation::MediaFetch && (self.more_than_a_code() || self.webhook_part() || self.flow_part()) {
            return Err("a rule for media.fetch takes the code that the message fails with, 131053 unless given".into());
        }
        if !self.on.is_webhook() && (self.webhook_part() || self.flow_part()) {
            return Err(
                "a rule for graph calls takes status, code, body, retry_after_s, accept, latency_ms, drop_before, \
                 drop_after, failed_status, statuses, answer_delay_ms, hold, usage_percent, regain_minutes"
                    .into(),
            );
        }
        Ok(())
    }
}
