//! Trouble on demand: rules that make Graph calls fail and webhooks misbehave.

mod operation;
mod rule;

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::ids::Ids;
pub use operation::Operation;
pub use rule::{Mutation, Rule};

/// The most rules at a time.
const MAX_RULES: usize = 100;

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
    /// Takes what comes outside the 24 hour window, and lets it fail later with 131047.
    #[serde(default)]
    pub window_fails_later: bool,
    /// Leaves the token out of the reply of a form, as Meta sometimes does.
    #[serde(default)]
    pub omit_flow_token: bool,
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

    /// Whether what comes outside the window is taken and fails later.
    pub(crate) fn window_fails_later(&self) -> bool {
        self.is_armed() && self.trouble.lock().window_fails_later
    }

    /// Whether the reply of a form comes without its token.
    pub(crate) fn omits_flow_token(&self) -> bool {
        self.is_armed() && self.trouble.lock().omit_flow_token
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
    use crate::phone::Progress;

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
            (Rule { latency_ms: 600_001, ..send() }, "at most"),
            (Rule { status: Some(500), ..Rule::on(Operation::MediaFetch) }, "media.fetch"),
            (Rule { usage_percent: Some(1), ..Rule::on(Operation::Webhook) }, "webhooks"),
            (Rule { foreign_key: true, ..send() }, "graph calls"),
            (Rule { mutate: Some(Mutation::Tag), ..Rule::on(Operation::Webhook) }, "webhooks"),
            (Rule { status: Some(500), ..Rule::on(Operation::FlowRequest) }, "flow.request"),
            (Rule { statuses: Some(vec![Progress::Failed]), ..send() }, "failed_status"),
        ] {
            let error = in_force(vec![]).set(Trouble { rules: vec![rule], ..Trouble::default() }).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
