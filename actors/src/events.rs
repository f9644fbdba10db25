//! The log line and the metric of each thing that happens, in one place. Never a phone number, never message text.

use storage::{ConversationId, SendId};

use crate::metrics::{Metrics, Reason};
use crate::records::Held;
use crate::sender::{Brake, Cause};

pub(crate) fn input_given_up(metrics: &Metrics, conversation: ConversationId, bot: &str, version: &str, node: &str) {
    metrics.dead_letters.get_or_create(&Reason { reason: "input" }).inc();
    tracing::error!(%conversation, bot, version, node, "the bot could not take a message; it is a dead letter now");
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

pub(crate) fn actor_failed(metrics: &Metrics, conversation: ConversationId, error: &str, runs: u32) {
    metrics.restarts.get_or_create(&Reason { reason: "failed" }).inc();
    tracing::error!(%conversation, runs, error, "a conversation actor failed and is started anew");
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
