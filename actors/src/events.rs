//! The log line and the metric of each thing that happens, in one place. Never a phone number, never message text.

use std::time::Duration;

use chatbot::{Bot, HttpCall, HttpOutcome};
use storage::{ConversationId, SendId};

use whatsapp::graph::CallError;

use crate::blocking::BlockError;
use crate::codec::CodecError;
use crate::forms::{FormAnswered, FormOutcome};
use crate::media::{MediaError, MediaState};
use crate::metrics::{Fate, Kind, Metrics, Reason};
use crate::outlet::{Of, Tried};
use crate::records::Held;
use crate::sender::{Brake, Cause};
use crate::templates::{Counts, SyncError};

pub(crate) fn input_given_up(metrics: &Metrics, conversation: ConversationId, bot: &str, version: &str, node: &str) {
    metrics.dead_letters.get_or_create(&Reason { reason: "input" }).inc();
    tracing::error!(%conversation, bot, version, node, "the bot could not take a message; it is a dead letter now");
}

pub(crate) fn form_answered(metrics: &Metrics, conversation: ConversationId, answered: &FormAnswered, took: Duration) {
    metrics.forms.answered(&answered.outcome);
    metrics.forms.seconds.observe(took.as_secs_f64());
    if answered.outcome == FormOutcome::Late {
        tracing::warn!(%conversation, took_ms = took.as_millis() as u64, "a form got no answer in time");
    }
}

/// Not why: that may quote what the person typed.
pub(crate) fn form_refused(conversation: ConversationId, bot: &Bot, action: &'static str) {
    let (bot, version) = (bot.id(), bot.version());
    tracing::warn!(%conversation, bot, version, action, "the bot has no usable answer for a form");
}

pub(crate) fn form_panicked(conversation: ConversationId) {
    tracing::error!(%conversation, "answering a form ended in a panic; it is refused, and the conversation goes on");
}

pub(crate) fn version_tripped(bot: &str, version: &str, node: &str) {
    tracing::error!(
        bot,
        version,
        node,
        "this bot version failed for many people within a minute and is stopped; their messages wait for another version"
    );
}

pub(crate) fn forgot_a_day_early(conversation: ConversationId) {
    tracing::warn!(%conversation, "more messages in a week than are remembered; the oldest day is forgotten");
}

/// Not why: the message of a panic may quote what somebody wrote. Whoever looks for it finds it at `debug`.
pub(crate) fn actor_failed(metrics: &Metrics, conversation: ConversationId, error: &str, runs: u32) {
    metrics.restarts.get_or_create(&Reason { reason: "failed" }).inc();
    tracing::error!(%conversation, runs, "a conversation actor failed and is started anew");
    tracing::debug!(%conversation, runs, error, "why a conversation actor failed");
}

pub(crate) fn input_held(metrics: &Metrics, conversation: ConversationId) {
    metrics.held_inputs.inc();
    tracing::debug!(%conversation, "too many messages of one person wait; this one is held on disk");
}

pub(crate) fn route_failed(error: &storage::StoreError) {
    tracing::error!(%error, "reading the inbox failed; trying again");
}

pub(crate) fn store_failed(doing: &'static str, error: &storage::StoreError) {
    tracing::error!(%error, doing, "the store refused");
}

pub(crate) fn send_given_up(metrics: &Metrics, send: SendId, reason: &'static str, detail: &str) {
    metrics.dead_letters.get_or_create(&Reason { reason }).inc();
    tracing::warn!(%send, reason, detail, "a message was given up; it is a dead letter now");
}

pub(crate) fn send_uncertain(metrics: &Metrics, send: SendId, why: &str) {
    metrics.uncertain.inc();
    tracing::warn!(%send, why, "nobody knows whether a message was sent; waiting for its status");
}

pub(crate) fn send_held(metrics: &Metrics, send: SendId, held: Held) {
    metrics.held.get_or_create(&Reason { reason: held.name() }).inc();
    tracing::warn!(%send, reason = held.name(), "a message is held");
}

pub(crate) fn send_replaced(send: SendId) {
    tracing::info!(%send, "the service window is closed: a template goes in the message's place");
}

pub(crate) fn broadcast_done(id: &str, people: u32) {
    tracing::info!(broadcast = id, people, "a broadcast is done");
}

pub(crate) fn send_put_back(send: SendId, why: &str) {
    tracing::warn!(%send, why, "Meta failed a message that it had taken; it is put back");
}

pub(crate) fn send_failed(metrics: &Metrics, send: SendId, detail: &str) {
    metrics.dead_letters.get_or_create(&Reason { reason: "failed" }).inc();
    tracing::warn!(%send, detail, "Meta failed a message that it had taken; it is a dead letter now");
}

pub(crate) fn number_slowed(metrics: &Metrics, number: &str, brake: &Brake) {
    metrics.set_paused(number, true);
    let (why, code) = (&*brake.why, brake.code);
    match brake.cause {
        Cause::Refused => tracing::error!(
            number,
            why,
            code,
            alarm = true,
            "sending from this number is paused; a message now and then tries whether it works again"
        ),
        Cause::Stopped => tracing::warn!(number, why, "sending from this number is stopped until it is resumed"),
        Cause::Unreachable => {
            tracing::warn!(number, why, "Meta cannot be reached; one message at a time tries again");
        }
        Cause::TooFast => {
            tracing::warn!(number, why, code, "Meta asks to slow down; one message at a time tries again")
        }
    }
}

pub(crate) fn number_resumed(metrics: &Metrics, number: &str) {
    metrics.set_paused(number, false);
    tracing::info!(number, "sending from this number goes on");
}

pub(crate) fn media_folder_failed(error: &std::io::Error) {
    tracing::error!(%error, "the media folder cannot be used; files are fetched once it can, conversations go on");
}

pub(crate) fn media_not_noted(media: &str, error: &MediaError) {
    tracing::error!(media, %error, "what became of a file could not be written down; trying again");
}

pub(crate) fn media_claim_damaged(media: &str, error: &CodecError) {
    tracing::error!(media, %error, "a file that a form names cannot be read, and is not fetched");
}

pub(crate) fn media_stored(metrics: &Metrics, media: &str, bytes: u64) {
    metrics.services.fetches.get_or_create(&Fate { outcome: "stored" }).inc();
    metrics.services.fetched_bytes.inc_by(bytes);
    tracing::debug!(media, bytes, "a file of a person is stored");
}

pub(crate) fn media_put_off(metrics: &Metrics, media: &str, why: &str) {
    metrics.services.fetches.get_or_create(&Fate { outcome: "put_off" }).inc();
    tracing::info!(media, why, "a file of a person could not be fetched; trying again later");
}

pub(crate) fn media_not_taken(metrics: &Metrics, media: &str, state: MediaState, why: &str) {
    let outcome = if state == MediaState::Refused { "refused" } else { "failed" };
    metrics.services.fetches.get_or_create(&Fate { outcome }).inc();
    tracing::warn!(media, outcome, why, "a file of a person is not taken");
}

pub(crate) fn media_uploaded(metrics: &Metrics, media: &str, error: Option<&CallError>) {
    let outcome = if error.is_none() { "done" } else { "failed" };
    metrics.services.uploads.get_or_create(&Fate { outcome }).inc();
    match error {
        None => tracing::debug!(media, "a file was given to Meta"),
        Some(error) => tracing::warn!(media, %error, "a file could not be given to Meta"),
    }
}

pub(crate) fn templates_synced(metrics: &Metrics, account: &str, outcome: &Result<Counts, SyncError>) {
    let fate = if outcome.is_ok() { "done" } else { "failed" };
    metrics.services.template_syncs.get_or_create(&Fate { outcome: fate }).inc();
    match outcome {
        Ok(Counts { templates, changed, removed }) if changed + removed > 0 => {
            tracing::info!(account, templates, changed, removed, "the list of templates was read");
        }
        Ok(_) => tracing::debug!(account, "the list of templates was read; nothing changed"),
        Err(error) => tracing::warn!(account, %error, "the list of templates could not be read; the last one is kept"),
    }
}

pub(crate) fn event_delivered(metrics: &Metrics, endpoint: &str) {
    event_tried(metrics, endpoint, "delivered");
    tracing::debug!(endpoint, "an event was delivered");
}

/// `times` counts within a minute: the first one is said.
pub(crate) fn event_put_off(metrics: &Metrics, endpoint: &str, why: &str, times: u32) {
    event_tried(metrics, endpoint, "again");
    if times == 1 {
        tracing::warn!(
            endpoint,
            why,
            "an event could not be delivered; it is tried again (said once a minute at the most)"
        );
    }
}

pub(crate) fn event_given_up(metrics: &Metrics, endpoint: &str, why: &str, times: u32) {
    event_tried(metrics, endpoint, "failed");
    if times == 1 {
        tracing::error!(
            endpoint,
            why,
            alarm = true,
            "an event was given up after its last try; `parlance event list` shows it"
        );
    }
}

pub(crate) fn endpoint_gone(metrics: &Metrics, endpoint: &str) {
    event_tried(metrics, endpoint, "gone");
    tracing::error!(
        endpoint,
        alarm = true,
        "the endpoint answered 410 Gone; its events wait until it is resumed or has another url"
    );
}

pub(crate) fn event_dropped(metrics: &Metrics, endpoint: &str, times: u32, most: u64) {
    metrics.outlet.dropped.get_or_create(&Of { endpoint: endpoint.into() }).inc();
    if times == 1 {
        tracing::error!(
            endpoint,
            most,
            alarm = true,
            "events are dropped: too many wait for the endpoint (events.max_pending)"
        );
    }
}

pub(crate) fn event_damaged(endpoint: &str, error: &crate::CodecError) {
    tracing::error!(endpoint, %error, "an event that waits cannot be read; it is left alone");
}

pub(crate) fn outlet_failed(error: &str) {
    tracing::error!(error, alarm = true, "a task that delivers events ended; its events wait for the next start");
}

fn event_tried(metrics: &Metrics, endpoint: &str, outcome: &'static str) {
    metrics.outlet.attempts.get_or_create(&Tried { endpoint: endpoint.into(), outcome }).inc();
}

pub(crate) fn blocks_not_read(number: &str, error: &BlockError) {
    tracing::warn!(number, %error, "the list of blocked people could not be read; the last one is kept");
}

pub(crate) fn forgotten(metrics: &Metrics, kind: &'static str, count: usize) {
    if count > 0 {
        metrics.services.forgotten.get_or_create(&Kind { kind }).inc_by(count as u64);
        tracing::info!(kind, count, "removed for their age");
    }
}

pub(crate) fn erased(conversations: usize) {
    tracing::info!(conversations, "a person was erased");
}

pub(crate) fn not_erased(error: &str) {
    tracing::warn!(error, "erasing a person did not come to its end; it goes on");
}

/// Neither which nor what is in them: nobody knows whose they are.
pub(crate) fn unreadable(kind: &str, count: usize) {
    if count > 0 {
        tracing::error!(kind, count, "rows cannot be read and are passed over; those that name who is erased go");
    }
}

pub(crate) fn late_rows_dropped(count: usize) {
    tracing::info!(count, "dropped what came late for people who were erased");
}

pub(crate) fn not_forgotten(what: &str, error: &str) {
    tracing::warn!(what, error, "what is old could not be removed; trying again in an hour");
}

/// `host` comes from the bot file or from a variable of it; the rest of the address is in no log line.
pub(crate) fn http_called(
    metrics: &Metrics,
    conversation: ConversationId,
    call: &HttpCall,
    host: &str,
    (outcome, tries): (&HttpOutcome, u32),
    took: Duration,
) {
    let fate = http_fate(outcome);
    metrics.http.calls.get_or_create(&Fate { outcome: fate }).inc();
    metrics.http.seconds.observe(took.as_secs_f64());
    let (node, method, ms) = (&*call.node, &*call.method, took.as_millis());
    tracing::debug!(%conversation, node, method, host, outcome = fate, tries, ms, "a bot called another program");
}

pub(crate) fn http_tries_again(
    metrics: &Metrics,
    conversation: ConversationId,
    call: &HttpCall,
    host: &str,
    outcome: &HttpOutcome,
) {
    metrics.http.retries.inc();
    let outcome = http_fate(outcome);
    tracing::debug!(%conversation, node = &*call.node, host, outcome, "a call is tried again");
}

fn http_fate(outcome: &HttpOutcome) -> &'static str {
    match outcome {
        HttpOutcome::Answer { status, .. } => match status / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        },
        HttpOutcome::Timeout => "timeout",
        HttpOutcome::Unreachable { .. } => "unreachable",
        HttpOutcome::Refused { .. } => "refused",
        HttpOutcome::BadBody { .. } => "bad_body",
    }
}

pub(crate) fn http_ordered_again(metrics: &Metrics) {
    metrics.http.repeated_orders.inc();
}

pub(crate) fn http_no_room(metrics: &Metrics) {
    metrics.http.no_room.inc();
    tracing::warn!("too many calls of bots wait; this one is ordered again later");
}

pub(crate) fn http_host_failed(metrics: &Metrics, host: &str) {
    metrics.http.hosts_failed.inc();
    tracing::warn!(host, "a host that bots call failed again and again; it is left alone for 30 s");
}
