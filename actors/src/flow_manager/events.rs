//! Log line and metric of each event of Flows.

use whatsapp::webhook::field::FlowEvent;

use super::apply::Outcome;
use super::plan::Step;
use super::sync::{FlowCounts, FlowSyncError};
use crate::metrics::{Fate, Metrics};

pub(super) fn synced(metrics: &Metrics, account: &str, outcome: &Result<FlowCounts, FlowSyncError>) {
    let fate = if outcome.is_ok() { "done" } else { "failed" };
    metrics.services.flow_syncs.get_or_create(&Fate { outcome: fate }).inc();
    match outcome {
        Ok(FlowCounts { flows, changed, removed }) if changed + removed > 0 => {
            tracing::info!(account, flows, changed, removed, "the list of Flows was read");
        }
        Ok(_) => tracing::debug!(account, "the list of Flows was read; nothing changed"),
        Err(error) => tracing::warn!(account, %error, "the list of Flows could not be read; the last one is kept"),
    }
}

pub(super) fn stepped(metrics: &Metrics, account: &str, flow: &str, step: Step, failure: Option<&str>) {
    let fate = if failure.is_none() { "done" } else { "failed" };
    metrics.services.flow_steps.get_or_create(&Fate { outcome: fate }).inc();
    let step = step.as_str();
    match failure {
        None => tracing::info!(account, flow, step, "a Flow was changed at Meta"),
        Some(error) => tracing::warn!(account, flow, step, error, "a Flow could not be changed at Meta"),
    }
}

pub(super) fn out_of_use(account: &str, flow: &str, why: &str) {
    tracing::error!(account, flow, why, "a Flow that was in use cannot be sent");
}

pub(super) fn applied(outcomes: &[Outcome]) {
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count();
    let changed = outcomes.iter().filter(|outcome| !outcome.done.is_empty()).count();
    tracing::info!(flows = outcomes.len(), changed, failed, "the Flows of the bots were applied");
}

pub(super) fn put_off(why: &str) {
    tracing::warn!(why, "Flows could not be applied; it is done once Meta can be reached");
}

pub(super) fn heard(account: &str, event: &FlowEvent) {
    if event.is_alarm() {
        tracing::warn!(account, %event, "Meta reports trouble with a Flow");
    } else {
        tracing::info!(account, %event, "Meta reports on a Flow");
    }
}
