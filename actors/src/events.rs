//! The log line and the metric of each thing that happens, in one place. Never a phone number, never message text.

use storage::{ConversationId, SendId};

use crate::metrics::{Metrics, Reason};
use crate::sender::SlowNumber;

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

pub(crate) fn send_uncertain(send: SendId, why: &str) {
    tracing::warn!(%send, why, "nobody knows whether a message was sent; waiting for its status");
}

pub(crate) fn send_held(send: SendId) {
    tracing::warn!(%send, "nobody knows whether a message was sent; it is held for an operator");
}

pub(crate) fn number_slowed(number: &str, why: SlowNumber, text: &str) {
    match why {
        SlowNumber::Paused => {
            tracing::error!(
                number,
                text,
                "sending from this number is paused; one message a minute tries whether it works again"
            );
        }
        SlowNumber::Unreachable => {
            tracing::warn!(number, text, "Meta cannot be reached; one message at a time tries again");
        }
        SlowNumber::TooFast => {
            tracing::warn!(number, text, "Meta asks to slow down; one message at a time tries again")
        }
    }
}

pub(crate) fn number_resumed(number: &str) {
    tracing::info!(number, "sending from this number goes on");
}
