//! `POST /{flow_id}/publish`, and everything that must be right before.

use super::super::error::Refusal;
use super::{Answer, flow};
use crate::core::Core;
use crate::endpoint::{self, Question, ping_text};
use crate::flows::check::PUBLISHABLE;
use crate::flows::keys::NumberKey;
use crate::flows::{FlowStatus, StoredFlow};

/// What the health check of a Flow needs.
pub(crate) struct Health {
    pub(crate) phone_number_id: String,
    pub(crate) uri: String,
    pub(crate) key: NumberKey,
}

fn refusal(why: impl Into<String>) -> Refusal {
    Refusal::flow(139002, "Flow can't be published", why)
}

/// Publishes after the checks; an endpoint is asked before.
pub(in crate::graph) async fn publish(core: &Core, id: &str) -> Result<Answer, Refusal> {
    let stored = flow(core, id, "POST")?;
    if stored.status != FlowStatus::Draft {
        return Err(refusal(format!("Flow {id} is {}; only a draft can be published.", stored.status.name())));
    }
    if let Some(health) = check(core, &stored)? {
        ask(core, &stored, &health).await?;
    }
    core.flows.change(id, |flow| flow.published.clone_from(&flow.content));
    core.set_flow_status(id, FlowStatus::Published);
    Ok(Answer::success())
}

/// The health check of an endpoint: a ping, encrypted as a phone's request is.
pub(super) async fn ask(core: &Core, flow: &StoredFlow, health: &Health) -> Result<(), Refusal> {
    let version = flow.content.as_ref().and_then(|c| c.json.as_ref()?.data_api_version()).unwrap_or("3.0");
    let question = Question {
        flow_id: &flow.id,
        phone_number_id: &health.phone_number_id,
        person: None,
        uri: &health.uri,
        key: &health.key.key,
        plaintext: &ping_text(version),
    };
    let answered = endpoint::ping(core, &question).await;
    answered.map_err(|why| refusal(format!("The health check of the endpoint failed: {why}.")))
}

/// What can be said without asking anybody; what the health check of an endpoint needs.
pub(in crate::graph) fn check(core: &Core, flow: &StoredFlow) -> Result<Option<Health>, Refusal> {
    let content = flow.content.as_ref().ok_or_else(|| refusal("The Flow has no Flow JSON."))?;
    if !content.errors.is_empty() {
        return Err(refusal(format!("The Flow JSON has {} validation errors.", content.errors.len())));
    }
    let version = content.json.as_ref().and_then(|json| json.version()).unwrap_or_default();
    if !PUBLISHABLE.contains(&version) {
        return Err(refusal(format!("Flow JSON version {version} is frozen and cannot be published.")));
    }
    if !content.has_endpoint() {
        return Ok(None);
    }
    let uri = flow.endpoint_uri.clone().ok_or_else(|| refusal("endpoint_uri is missing."))?;
    let numbers = core.config.numbers.iter().enumerate().filter(|(_, number)| number.waba_id == flow.waba_id);
    let keys: Vec<_> = numbers.filter_map(|(at, number)| Some((number, core.keys.of(at)?))).collect();
    let valid = keys.iter().find(|(_, key)| key.valid);
    match valid {
        Some((number, key)) => {
            Ok(Some(Health { phone_number_id: number.phone_number_id.clone(), uri, key: key.clone() }))
        }
        None if keys.is_empty() => Err(refusal("No public key is uploaded for a phone number of the account.")),
        None => Err(refusal("The signature of the public key does not match: upload the key again.")),
    }
}
