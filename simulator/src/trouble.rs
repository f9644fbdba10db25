//! Trouble on demand: rules that make Graph calls fail and webhooks misbehave.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::ids::Ids;
use crate::phone::Progress;

/// The most rules at a time.
const MAX_RULES: usize = 100;
const MAX_WAIT_MS: u64 = 600_000;
const MAX_STATUSES: usize = 16;

/// What a rule applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// Every call under `/{version}/…`.
    #[serde(rename = "graph")]
    Graph,
    /// A message that the business sends.
    #[serde(rename = "messages.send")]
    Send,
    /// A read receipt or a typing indicator.
    #[serde(rename = "messages.read")]
    Read,
    /// Everything about media.
    #[serde(rename = "media")]
    Media,
    /// An upload.
    #[serde(rename = "media.upload")]
    MediaUpload,
    /// Asking for a media object, or for any node by its id.
    #[serde(rename = "media.get")]
    MediaGet,
    /// Fetching the bytes behind a media link.
    #[serde(rename = "media.download")]
    MediaDownload,
    /// Deleting media.
    #[serde(rename = "media.delete")]
    MediaDelete,
    /// Listing, creating, editing and deleting templates.
    #[serde(rename = "templates")]
    Templates,
    /// Blocking, unblocking and listing who is blocked.
    #[serde(rename = "block_users")]
    Block,
    /// Listing the numbers of an account.
    #[serde(rename = "numbers")]
    Numbers,
    /// Every webhook.
    #[serde(rename = "webhook")]
    Webhook,
    /// Webhooks that carry a message of a phone.
    #[serde(rename = "webhook.message")]
    WebhookMessage,
    /// Webhooks that carry a status.
    #[serde(rename = "webhook.status")]
    WebhookStatus,
    /// Webhooks of the other fields: templates, echoes, preferences, changed ids.
    #[serde(rename = "webhook.notice")]
    WebhookNotice,
}

impl Operation {
    fn covers(self, what: Self) -> bool {
        self == what
            || (self == Self::Graph && !what.is_webhook())
            || (self == Self::Webhook && what.is_webhook())
            || (self == Self::Media && what.is_media())
    }

    fn is_webhook(self) -> bool {
        matches!(self, Self::Webhook | Self::WebhookMessage | Self::WebhookStatus | Self::WebhookNotice)
    }

    fn is_media(self) -> bool {
        matches!(self, Self::MediaUpload | Self::MediaGet | Self::MediaDownload | Self::MediaDelete)
    }
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
    /// Graph: takes the message, then closes the connection without an answer.
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

    /// Webhook: so many more copies, at the same time.
    #[serde(default, skip_serializing_if = "is_zero8")]
    pub duplicate: u8,
    /// Webhook: lets the next one overtake it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reorder: bool,
    /// Webhook: posts it so much later.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
    /// Webhook: without a signature. Drawn for each try, so that a repeated one can be right again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unsigned: bool,
    /// Webhook: signed with another secret. Drawn for each try.
    #[serde(default, skip_serializing_if = "is_false")]
    pub wrong_signature: bool,
    /// Webhook: never posted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub lose: bool,
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
            duplicate: 0,
            reorder: false,
            delay_ms: 0,
            unsigned: false,
            wrong_signature: false,
            lose: false,
        }
    }

    /// True if the rule sets the answer of a Graph call.
    pub(crate) fn answers(&self) -> bool {
        self.status.is_some() || self.code.is_some() || self.body.is_some()
    }

    fn graph_part(&self) -> bool {
        self.answers()
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

    fn check(&self) -> Result<(), String> {
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
        if self.on.is_webhook() && self.graph_part() {
            return Err(
                "a rule for webhooks takes duplicate, reorder, delay_ms, unsigned, wrong_signature, lose".into()
            );
        }
        if !self.on.is_webhook() && self.webhook_part() {
            return Err(
                "a rule for graph calls takes status, code, body, retry_after_s, accept, latency_ms, drop_before, \
                 drop_after, failed_status, statuses, answer_delay_ms"
                    .into(),
            );
        }
        Ok(())
    }
}

/// All trouble together: rules, and Meta's own rate limits, which are off unless asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// The rules, in order.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Enforces one message per 6 s and person, burst 45 (131056).
    #[serde(default)]
    pub pair_rate: bool,
    /// Enforces a number's throughput (130429).
    #[serde(default)]
    pub messages_per_second: Option<u32>,
}

impl Trouble {
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.rules.len() > MAX_RULES {
            return Err(format!("{} rules are too many, at most {MAX_RULES}", self.rules.len()));
        }
        for (i, rule) in self.rules.iter().enumerate() {
            rule.check().map_err(|why| format!("rule {}: {why}", i + 1))?;
        }
        Ok(())
    }
}

/// What a draw is about.
#[derive(Debug)]
pub(crate) struct Drawn<'a> {
    pub(crate) what: Operation,
    pub(crate) number: &'a str,
    /// The ids of the person: number, business-scoped user id, or both.
    pub(crate) person: Vec<Cow<'a, str>>,
}

impl Drawn<'_> {
    fn fits(&self, rule: &Rule) -> bool {
        rule.on.covers(self.what)
            && rule.phone_number_id.as_deref().is_none_or(|id| id == self.number)
            && rule.person.as_deref().is_none_or(|p| self.person.iter().any(|id| id == p))
    }
}

/// The trouble in force. Asking costs one load while there is none.
#[derive(Debug)]
pub(crate) struct InForce {
    armed: AtomicBool,
    trouble: Mutex<Trouble>,
}

impl InForce {
    pub(crate) fn new(trouble: Trouble) -> Self {
        let armed = AtomicBool::new(trouble != Trouble::default());
        Self { armed, trouble: Mutex::new(trouble) }
    }

    pub(crate) fn is_armed(&self) -> bool {
        self.armed.load(Ordering::Acquire)
    }

    pub(crate) fn get(&self) -> Trouble {
        self.trouble.lock().clone()
    }

    pub(crate) fn set(&self, trouble: Trouble) -> Result<(), String> {
        trouble.check()?;
        let mut current = self.trouble.lock();
        self.armed.store(trouble != Trouble::default(), Ordering::Release);
        *current = trouble;
        Ok(())
    }

    /// Draws for one call: the first rule that covers it and fires.
    pub(crate) fn draw(&self, call: &Drawn<'_>, ids: &Ids) -> Option<Rule> {
        self.draw_among(call, ids, |_| true)
    }

    /// Draws for a repeated webhook, where only the signature can still go wrong.
    pub(crate) fn draw_signature(&self, call: &Drawn<'_>, ids: &Ids) -> Option<Rule> {
        self.draw_among(call, ids, |rule| rule.unsigned || rule.wrong_signature)
    }

    fn draw_among(&self, call: &Drawn<'_>, ids: &Ids, takes: impl Fn(&Rule) -> bool) -> Option<Rule> {
        if !self.is_armed() {
            return None;
        }
        let mut trouble = self.trouble.lock();
        let fits = |rule: &Rule| takes(rule) && call.fits(rule) && rule.count != Some(0) && ids.draw(rule.probability);
        let at = trouble.rules.iter().position(fits)?;
        let rule = trouble.rules.get_mut(at)?;
        let fired = rule.clone();
        if let Some(left) = &mut rule.count {
            *left = left.saturating_sub(1);
            if *left == 0 {
                trouble.rules.remove(at);
            }
        }
        Some(fired)
    }

    /// The rate limits in force: pair rate, messages per second.
    pub(crate) fn rates(&self) -> (bool, Option<u32>) {
        if !self.is_armed() {
            return (false, None);
        }
        let trouble = self.trouble.lock();
        (trouble.pair_rate, trouble.messages_per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_force(rules: Vec<Rule>) -> InForce {
        InForce::new(Trouble { rules, ..Trouble::default() })
    }

    fn drawn<'a>(what: Operation, number: &'a str, person: Option<&'a str>) -> Drawn<'a> {
        Drawn { what, number, person: person.into_iter().map(Cow::Borrowed).collect() }
    }

    #[test]
    fn a_counted_rule_fires_so_often_and_is_gone() {
        let force = in_force(vec![Rule { count: Some(2), code: Some(4), ..Rule::on(Operation::Send) }]);
        let ids = Ids::new(1, 1);
        let fired = (0..4).filter(|_| force.draw(&drawn(Operation::Send, "n", None), &ids).is_some()).count();
        assert_eq!(fired, 2);
        assert!(force.get().rules.is_empty());
    }

    #[test]
    fn a_rule_keeps_to_its_operation_person_and_number() {
        let ids = Ids::new(1, 1);
        let mine = Rule { person: Some("1".into()), phone_number_id: Some("n".into()), ..Rule::on(Operation::Graph) };
        let force = in_force(vec![mine]);
        assert!(force.draw(&drawn(Operation::Send, "n", Some("1")), &ids).is_some());
        assert!(force.draw(&drawn(Operation::Read, "n", Some("2")), &ids).is_none());
        assert!(force.draw(&drawn(Operation::Send, "m", Some("1")), &ids).is_none());
        assert!(force.draw(&drawn(Operation::WebhookStatus, "n", Some("1")), &ids).is_none());
    }

    #[test]
    fn rules_that_make_no_sense_are_refused() {
        let send = || Rule::on(Operation::Send);
        for (rule, why) in [
            (Rule { probability: 101, ..send() }, "percentage"),
            (Rule { status: Some(200), ..send() }, "400 to 599"),
            (Rule { duplicate: 1, ..send() }, "graph calls"),
            (Rule { code: Some(4), ..Rule::on(Operation::Webhook) }, "webhooks"),
            (Rule { drop_before: true, drop_after: true, ..send() }, "exclude"),
            (Rule { latency_ms: MAX_WAIT_MS + 1, ..send() }, "at most"),
            (Rule { statuses: Some(vec![Progress::Failed]), ..send() }, "failed_status"),
        ] {
            let error = in_force(vec![]).set(Trouble { rules: vec![rule], ..Trouble::default() }).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
