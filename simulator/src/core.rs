//! The state that the Graph side, the phones and the control surface share.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use foldhash::fast::RandomState;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use crate::blocked::Blocked;
use crate::config::{Config, Number};
use crate::endpoint::Poster;
use crate::flows::keys::Keys;
use crate::flows::{FlowStatus, Flows, StoredFlow};
use crate::forms::Forms;
use crate::graph::status_change;
use crate::ids::Ids;
use crate::ledger::Ledger;
use crate::log::Log;
use crate::media::Media;
use crate::pace::Pace;
use crate::phone::Phones;
use crate::standing::Standing;
use crate::templates::{StoredTemplate, TemplateStatus, Templates};
use crate::trouble::{Drawn, InForce, Operation, Rule};
use crate::webhook::{self, Job, NoticeJob, Webhooks};
use crate::window::Windows;

pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) addr: SocketAddr,
    pub(crate) ids: Ids,
    pub(crate) phones: Phones,
    pub(crate) trouble: InForce,
    pub(crate) windows: Windows,
    pub(crate) media: Media,
    pub(crate) templates: Templates,
    pub(crate) flows: Flows,
    pub(crate) keys: Keys,
    pub(crate) poster: Poster,
    pub(crate) forms: Forms,
    pub(crate) blocked: Blocked,
    pub(crate) pace: Pace,
    pub(crate) standing: Standing,
    pub(crate) log: Log,
    pub(crate) ledger: Option<Ledger>,
    pub(crate) stats: Stats,
    pub(crate) webhooks: Webhooks,
    /// Whether the port is open; the server follows.
    pub(crate) port: watch::Sender<bool>,
    /// Goes up at a reset; webhooks queued before are not posted.
    pub(crate) generation: AtomicU64,
    numbers: HashMap<String, usize, RandomState>,
}

impl Core {
    pub(crate) fn new(config: Config, addr: SocketAddr, webhooks: Webhooks, poster: Poster) -> Self {
        let id = |(i, n): (usize, &Number)| (n.phone_number_id.clone(), i);
        Self {
            addr,
            ids: Ids::new(config.seed, config.clock.now_ms()),
            phones: Phones::new(config.phones, config.seed),
            trouble: InForce::new(config.trouble.clone()),
            windows: Windows::new(config.numbers.len()),
            media: Media::new(),
            templates: Templates::new(&config),
            flows: Flows::new(&config),
            keys: Keys::new(config.numbers.len()),
            poster,
            forms: Forms::default(),
            blocked: Blocked::default(),
            pace: Pace::default(),
            standing: Standing::new(&config),
            log: Log::new(config.log_requests),
            ledger: config.ledger.then(Ledger::default),
            stats: Stats::default(),
            webhooks,
            port: watch::Sender::new(true),
            generation: AtomicU64::new(0),
            numbers: config.numbers.iter().enumerate().map(id).collect(),
            config,
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.config.clock.now_ms()
    }

    /// A business number and its position, by its id.
    pub(crate) fn number(&self, phone_number_id: &str) -> Option<(usize, &Number)> {
        let at = *self.numbers.get(phone_number_id)?;
        Some((at, self.config.numbers.get(at)?))
    }

    /// A business number and its position, by the account that it belongs to.
    pub(crate) fn number_of_account(&self, waba_id: &str) -> Option<(usize, &Number)> {
        self.config.numbers.iter().enumerate().find(|(_, n)| n.waba_id == waba_id)
    }

    /// One name for a person, whichever id was used.
    pub(crate) fn canonical<'a>(&'a self, person: &'a str) -> &'a str {
        self.phones.by_person(person).map_or(person, |phone| &phone.key)
    }

    /// Draws trouble for one call.
    pub(crate) fn draw(&self, what: Operation, number: &str, person: Option<&str>) -> Option<Rule> {
        self.trouble.draw(&self.drawn(what, number, person), &self.ids)
    }

    /// Draws trouble for a repeated webhook.
    pub(crate) fn draw_signature(&self, what: Operation, number: &str, person: Option<&str>) -> Option<Rule> {
        self.trouble.draw_signature(&self.drawn(what, number, person), &self.ids)
    }

    fn drawn<'a>(&'a self, what: Operation, number: &'a str, person: Option<&'a str>) -> Drawn<'a> {
        // Without trouble nobody looks, and a send shall cost no look-up.
        let given = person.filter(|_| self.trouble.is_armed());
        let mut person: Vec<_> = given.map(Cow::Borrowed).into_iter().collect();
        if let Some(phone) = given.and_then(|p| self.phones.by_person(p)) {
            person.extend(phone.ids().map(Cow::Owned));
        }
        Drawn { what, number, person }
    }

    /// Queues a webhook of another field. False if there are too many.
    pub(crate) fn notify(&self, number: usize, phone: Option<usize>, body: Bytes) -> bool {
        let generation = self.generation.load(Ordering::Acquire);
        let queued = self.webhooks.queue(Job::Notice(NoticeJob { number, phone, body, generation }));
        if !queued {
            self.stats.webhooks_lost.up();
        }
        queued
    }

    /// Meta's review of a new or changed template.
    pub(crate) fn review(&self, id: &str) {
        if self.config.approve_templates {
            self.judge(id, TemplateStatus::Approved, None);
        }
    }

    /// Gives a template a status and tells the business. False if there is no such template.
    pub(crate) fn judge(&self, id: &str, status: TemplateStatus, reason: Option<&str>) -> bool {
        let Some(template) = self.templates.change(id, |t| t.status = status) else { return false };
        self.tell_of_template(&template, status.name(), reason);
        true
    }

    /// Deletes templates and tells the business of each. Returns how many there were.
    pub(crate) fn delete_templates(&self, doomed: impl Fn(&StoredTemplate) -> bool) -> usize {
        let removed = self.templates.remove(doomed);
        removed.iter().for_each(|template| self.tell_of_template(template, "DELETED", None));
        removed.len()
    }

    fn tell_of_template(&self, template: &StoredTemplate, event: &str, reason: Option<&str>) {
        let number = self.number_of_account(&template.waba_id).map_or(0, |(at, _)| at);
        self.notify(number, None, webhook::body::template_status(template, event, reason, self.now_ms()));
    }

    /// Gives a Flow a status and tells the business, if it is another one. False if there is no such Flow.
    pub(crate) fn set_flow_status(&self, id: &str, status: FlowStatus) -> bool {
        let changed = self.flows.change(id, |flow| {
            let old = std::mem::replace(&mut flow.status, status);
            flow.sends_ms.clear();
            (flow.clone(), old)
        });
        let Some((flow, old)) = changed else { return false };
        if old != status {
            self.tell_of_flow(&flow, Some(old));
        }
        true
    }

    /// Tells the business of a Flow's status; `old` is absent when it was created.
    pub(crate) fn tell_of_flow(&self, flow: &StoredFlow, old: Option<FlowStatus>) {
        self.notify_flow(&flow.waba_id, &status_change(flow, old));
    }

    /// Counts a send of a Flow, which matters while Meta throttles it.
    pub(crate) fn flow_sent(&self, id: &str) {
        let now_ms = self.now_ms();
        self.flows.change(id, |flow| {
            if flow.status == FlowStatus::Throttled {
                flow.sends_ms.push(now_ms);
            }
        });
    }

    pub(crate) fn notify_flow(&self, waba_id: &str, value: &Value) {
        let number = self.number_of_account(waba_id).map_or(0, |(at, _)| at);
        self.notify(number, None, webhook::body::account(waba_id, "flows", value, self.now_ms()));
    }

    /// Forgets everything but who the phones are.
    pub(crate) fn reset(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.phones.iter().for_each(|phone| phone.reset());
        self.windows.clear();
        self.media.clear();
        self.blocked.clear();
        self.templates.reset(&self.config);
        self.flows.reset(&self.config);
        self.keys.clear();
        self.forms.clear();
        self.pace.clear();
        self.standing.reset(&self.config);
        self.log.clear();
        self.stats.clear();
        if let Some(ledger) = &self.ledger {
            ledger.clear();
        }
        if let Err(why) = self.trouble.set(self.config.trouble.clone()) {
            tracing::error!(%why, "the configured trouble was checked at the start");
        }
    }
}

/// Digits of a phone number in any spelling, or a business-scoped user id as it is.
pub(crate) fn person_id(given: &str) -> Cow<'_, str> {
    let spelled = |c: char| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')');
    if given.chars().all(|c| c.is_ascii_digit()) || !given.chars().all(spelled) {
        return Cow::Borrowed(given);
    }
    Cow::Owned(given.chars().filter(char::is_ascii_digit).collect())
}

macro_rules! stats {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters since the start or the last reset.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
        pub struct StatsView { $($(#[$doc])* pub $name: u64,)* }

        #[derive(Debug, Default)]
        pub(crate) struct Stats { $(pub(crate) $name: Counter,)* }

        impl Stats {
            pub(crate) fn view(&self) -> StatsView {
                StatsView { $($name: self.$name.get(),)* }
            }

            fn clear(&self) {
                $(self.$name.0.store(0, Ordering::Relaxed);)*
            }
        }
    };
}

stats! {
    /// Calls under `/{version}/…`.
    graph_calls,
    /// Messages accepted, answered or not.
    accepted,
    /// Read receipts taken.
    reads,
    /// Graph calls answered with an error.
    refused,
    /// Graph calls whose connection was closed instead of an answer.
    cut,
    /// Requests posted to endpoints of Flows, copies included.
    flow_requests,
    /// Webhooks posted, repeated ones included.
    webhooks_posted,
    /// Webhooks answered with 200.
    webhooks_taken,
    /// Webhooks answered otherwise, or not at all.
    webhooks_failed,
    /// Webhooks no longer tried.
    webhooks_given_up,
    /// Webhooks that found their queue full, or that trouble lost.
    webhooks_lost,
}

/// A counter that never stops anyone.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_the_same_in_every_spelling() {
        for given in ["+44 7700 900-101", "(44)7700900101", "447700900101"] {
            assert_eq!(person_id(given), "447700900101");
        }
        assert_eq!(person_id("GB.778-1"), "GB.778-1");
    }
}
