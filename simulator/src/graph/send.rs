//! Takes a well formed send or read receipt: window, rates, transcript, ledger, statuses.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde_json::{Value, json};

use super::Notes;
use super::error::Refusal;
use super::route::{Route, major};
use super::validate::{self, Call, Person, Read, Send};
use crate::core::Core;
use crate::pace::Limit;
use crate::phone::{Author, Entry, Progress};
use crate::trouble::Rule;
use crate::webhook::{Job, StatusJob};

/// Checks a call and carries it out; the body of a 200.
pub(super) fn perform(
    core: &Core,
    route: &Route<'_>,
    body: Value,
    rule: Option<&Rule>,
    notes: &mut Notes,
) -> Result<Bytes, Refusal> {
    let Some((number, known)) = core.number(route.phone_number_id) else {
        return Err(Refusal::no_object(route.phone_number_id, "POST"));
    };
    match validate::check(&body, known, &core.config.templates)? {
        Call::Read(read) => {
            take_read(core, &read);
            Ok(Bytes::from_static(br#"{"success":true}"#))
        }
        Call::Send(send) => {
            allowed(core, number, &send)?;
            notes.accepted = true;
            let wamid = accept(core, number, route, &send, body, rule);
            Ok(success(&send, &wamid))
        }
    }
}

fn take_read(core: &Core, read: &Read) {
    core.stats.reads.up();
    // A message that no phone wrote came from elsewhere and is nobody's.
    if let Some(phone) = core.phones.iter().find(|p| p.read_up_to(&read.wamid)).filter(|_| read.typing) {
        phone.typing();
    }
}

fn allowed(core: &Core, number: usize, send: &Send) -> Result<(), Refusal> {
    let person = core.canonical(send.person.id());
    let now_ms = core.now_ms();
    if core.config.enforce_window && !send.is_template && !core.windows.is_open(number, person, now_ms) {
        let why = "Message failed to send because more than 24 hours have passed since the customer last replied to \
                   this number.";
        return Err(Refusal::new(131047, why));
    }
    let (pair_rate, per_second) = core.trouble.rates();
    core.pace.spend(number, person, now_ms, pair_rate, per_second).map_err(|limit| match limit {
        Limit::Pair => Refusal::new(
            131056,
            "Message failed to send because there were too many messages sent from this phone number to the same \
             recipient phone number.",
        ),
        Limit::Throughput => Refusal::new(
            130429,
            "Message failed to send because there were too many messages sent from this phone number in a short \
             period of time.",
        ),
    })
}

fn accept(core: &Core, number: usize, route: &Route<'_>, send: &Send, body: Value, rule: Option<&Rule>) -> String {
    core.stats.accepted.up();
    let wamid = core.ids.wamid();
    let phone = core.phones.by_person(send.person.id());
    if phone.is_some() || core.ledger.is_some() {
        let mut entry = Entry::new(Author::Business, &wamid, route.phone_number_id, core.now_ms(), body);
        entry.callback_data = send.callback_data.clone();
        if let Some(ledger) = &core.ledger {
            let person = core.canonical(send.person.id());
            ledger.accepted(person, send.callback_data.as_deref().unwrap_or_default(), &wamid, &entry.text);
        }
        if let Some(phone) = phone {
            phone.push(entry);
        }
    }
    queue_statuses(core, number, route, send, &wamid, rule.and_then(|r| r.failed_status));
    wamid
}

fn queue_statuses(core: &Core, number: usize, route: &Route<'_>, send: &Send, wamid: &str, failed: Option<u32>) {
    let auto = core.config.auto_status;
    let steps = match failed {
        Some(_) => vec![Progress::Failed],
        None => [(auto.sent, Progress::Sent), (auto.delivered, Progress::Delivered), (auto.read, Progress::Read)]
            .into_iter()
            .filter_map(|(wanted, step)| wanted.then_some(step))
            .collect(),
    };
    if steps.is_empty() {
        return;
    }
    let job = StatusJob {
        number,
        wamid: wamid.into(),
        progress: Progress::Sent,
        person: send.person.id().into(),
        by_user_id: matches!(send.person, Person::UserId(_)),
        callback_data: send.callback_data.as_deref().map(Arc::from),
        code: failed,
        major: major(route.version).unwrap_or_default(),
        delay_ms: 0,
        generation: core.generation.load(Ordering::Acquire),
    };
    for (step, progress) in (1..).zip(steps) {
        let job = StatusJob { progress, delay_ms: core.config.status_delay_ms.saturating_mul(step), ..job.clone() };
        if !core.webhooks.queue(Job::Status(job)) {
            core.stats.webhooks_lost.up();
        }
    }
}

fn success(send: &Send, wamid: &str) -> Bytes {
    let contact = match &send.person {
        Person::Phone(digits) => json!({ "input": send.input, "wa_id": digits }),
        Person::UserId(id) => json!({ "input": send.input, "user_id": id }),
    };
    let mut message = json!({ "id": wamid });
    if send.is_template {
        message["message_status"] = json!("accepted");
    }
    let body = json!({ "messaging_product": "whatsapp", "contacts": [contact], "messages": [message] });
    Bytes::from(body.to_string())
}
