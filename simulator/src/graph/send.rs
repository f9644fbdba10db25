//! Takes a well formed send or read receipt: window, rates, transcript, ledger, statuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use serde_json::{Value, json};

use super::Notes;
use super::error::Refusal;
use super::flows::{Opening, opening};
use super::route::{Route, major};
use super::validate::template::render;
use super::validate::{self, Call, Known, Person, Read, Send};
use crate::core::{Core, person_id};
use crate::forms::SentForm;
use crate::pace::Limit;
use crate::phone::{Author, Entry, Progress};
use crate::standing::{NumberStanding, PHONE_APP_PER_SECOND};
use crate::trouble::{Operation, Rule};
use crate::webhook::{Job, Pricing, StatusJob};

/// Checks a call and carries it out; the body of a 200.
pub(super) fn perform(
    core: &Core,
    route: &Route<'_>,
    body: Value,
    rule: Option<&Rule>,
    notes: &mut Notes,
) -> Result<Bytes, Refusal> {
    let Some((number, known)) = core.number(route.id) else {
        return Err(Refusal::no_object(route.id, "POST"));
    };
    let waba_id = &known.waba_id;
    let known = Known { number: known, media: &core.media, templates: &core.templates, now_ms: core.now_ms() };
    match validate::check(&body, &known)? {
        Call::Read(read) => {
            take_read(core, &read);
            Ok(Bytes::from_static(br#"{"success":true}"#))
        }
        Call::Send(send) => {
            let opening = opening(core, waba_id, &body, send.template.as_deref())?;
            let late = allowed(core, number, &send)?;
            notes.accepted = true;
            let fate = fate(core, route, &send, &body, late, rule);
            let wamid = accept(core, number, route, &send, (body, opening), fate);
            Ok(success(&send, &wamid, rule.is_some_and(|rule| rule.hold)))
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

/// Whether a send is taken, and with which code it fails later if it is.
fn allowed(core: &Core, number: usize, send: &Send) -> Result<Option<u32>, Refusal> {
    let person = core.canonical(send.person.id());
    let now_ms = core.now_ms();
    let standing = core.standing.of(number);
    number_may_send(&standing, send)?;
    if core.blocked.has(number, person) {
        return Err(Refusal::new(130403, "The business blocked this user."));
    }
    if stopped_marketing(core, send) {
        return Err(Refusal::new(131050, "The user has chosen to stop receiving marketing messages."));
    }
    let outside =
        core.config.enforce_window && send.template.is_none() && !core.windows.is_open(number, person, now_ms);
    let late = (outside && core.trouble.window_fails_later()).then_some(131047);
    if outside && late.is_none() {
        let why = "Message failed to send because more than 24 hours have passed since the customer last replied to \
                   this number.";
        return Err(Refusal::new(131047, why));
    }
    let (pair_rate, mut per_second) = core.trouble.rates();
    if standing.on_phone_app {
        per_second = Some(per_second.unwrap_or(PHONE_APP_PER_SECOND).min(PHONE_APP_PER_SECOND));
    }
    let spent = core.pace.spend(number, person, now_ms, pair_rate, per_second);
    spent.map(|()| late).map_err(|limit| match limit {
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

/// Registered, not restricted, and out of its test or allowed to reach this person.
fn number_may_send(standing: &NumberStanding, send: &Send) -> Result<(), Refusal> {
    if !standing.registered {
        return Err(Refusal::new(133010, "The account is not registered: register the phone number first."));
    }
    if let Some(code) = standing.refuses {
        return Err(Refusal::new(code, "The stand-in was told to refuse what this number sends."));
    }
    let reached = |people: &Vec<String>| people.iter().any(|person| person_id(person) == send.person.id());
    if standing.reaches.as_ref().is_some_and(|people| !reached(people)) {
        return Err(Refusal::new(131030, "Recipient phone number not in allowed list: add it to the test number."));
    }
    Ok(())
}

fn stopped_marketing(core: &Core, send: &Send) -> bool {
    send.template.as_ref().is_some_and(|t| t.category == "MARKETING")
        && core.phones.by_person(send.person.id()).is_some_and(|phone| phone.stopped_marketing())
}

fn accept(
    core: &Core,
    number: usize,
    route: &Route<'_>,
    send: &Send,
    (body, opening): (Value, Option<Opening>),
    fate: Fate,
) -> String {
    core.stats.accepted.up();
    let wamid = core.ids.wamid();
    let phone = core.phones.by_person(send.person.id());
    if let Some(opening) = &opening {
        core.flow_sent(&opening.flow_id);
    }
    if phone.is_some() || core.ledger.is_some() {
        let shown = send.template.as_ref().map(|template| render::shown(template, &body["template"]));
        let mut entry = Entry::new(Author::Business, &wamid, route.id, core.now_ms(), body);
        if let Some(shown) = shown {
            entry.show_template(&shown);
        }
        if let Some(opening) = &opening {
            entry.opens(&opening.flow_id);
        }
        entry.callback_data = send.callback_data.clone();
        if let Some(ledger) = &core.ledger {
            let person = core.canonical(send.person.id());
            ledger.accepted(person, send.callback_data.as_deref().unwrap_or_default(), &wamid, &entry.text);
        }
        if let Some(phone) = phone.filter(|phone| !phone.blocks_business()) {
            if let Some(opening) = opening {
                let (phone, wamid, dead) = (phone.number, wamid.clone(), AtomicBool::new(false));
                core.forms.sent(SentForm { phone, wamid, phone_number_id: route.id.to_owned(), opening, dead });
            }
            phone.push(entry);
        }
    }
    queue_statuses(core, number, route, send, &wamid, fate);
    wamid
}

/// The statuses that follow, and the code if it fails.
type Fate = (Vec<Progress>, Option<u32>);

/// Those of trouble, those that the person's phone makes, or the automatic ones.
fn fate(core: &Core, route: &Route<'_>, send: &Send, body: &Value, late: Option<u32>, rule: Option<&Rule>) -> Fate {
    if let Some(code) = rule.and_then(|r| r.failed_status).or(late).or_else(|| unfetched(core, route, send, body)) {
        return (vec![Progress::Failed], Some(code));
    }
    if rule.is_some_and(|r| r.hold) && send.template.is_some() {
        return (Vec::new(), None);
    }
    if let Some(asked) = rule.and_then(|r| r.statuses.clone()) {
        return (asked, None);
    }
    let person = send.person.id();
    if core.phones.is_gone(person) {
        return (vec![Progress::Failed], Some(131026));
    }
    let auto = core.config.auto_status;
    let unseen = send.is_reaction || core.phones.by_person(person).is_some_and(|phone| phone.blocks_business());
    let all = [(auto.sent, Progress::Sent), (auto.delivered, Progress::Delivered), (auto.read, Progress::Read)];
    let wanted = all.into_iter().take(if unseen { 1 } else { 3 });
    (wanted.filter_map(|(wanted, step)| wanted.then_some(step)).collect(), None)
}

/// The code that a message fails with because the file behind its link cannot be fetched.
fn unfetched(core: &Core, route: &Route<'_>, send: &Send, body: &Value) -> Option<u32> {
    if !core.trouble.is_armed() || !has_link(body) {
        return None;
    }
    let rule = core.draw(Operation::MediaFetch, route.id, Some(send.person.id()))?;
    Some(rule.code.unwrap_or(131053))
}

/// Only media has a member of this name.
fn has_link(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.contains_key("link") || members.values().any(has_link),
        Value::Array(items) => items.iter().any(has_link),
        _ => false,
    }
}

fn queue_statuses(core: &Core, number: usize, route: &Route<'_>, send: &Send, wamid: &str, (steps, code): Fate) {
    let free_until = core.windows.answered(number, core.canonical(send.person.id()), core.now_ms());
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
        code,
        pricing: free_until.map_or_else(|| Pricing::Regular(category(send)), Pricing::EntryPoint),
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

fn category(send: &Send) -> &'static str {
    match send.template.as_ref().map(|t| t.category.as_str()) {
        None => "service",
        Some("MARKETING") => "marketing",
        Some("AUTHENTICATION") => "authentication",
        Some(_) => "utility",
    }
}

fn success(send: &Send, wamid: &str, held: bool) -> Bytes {
    let contact = match &send.person {
        Person::Phone(digits) => json!({ "input": send.input, "wa_id": digits }),
        Person::UserId(id) => json!({ "input": send.input, "user_id": id }),
    };
    let mut message = json!({ "id": wamid });
    if send.template.is_some() {
        message["message_status"] = json!(if held { "held_for_quality_assessment" } else { "accepted" });
    }
    let body = json!({ "messaging_product": "whatsapp", "contacts": [contact], "messages": [message] });
    Bytes::from(body.to_string())
}
