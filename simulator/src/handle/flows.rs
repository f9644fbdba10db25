//! Flows at Meta, from inside: what somebody does there by hand, and the webhooks about them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Handle;
use crate::flows::keys::NumberKey;
use crate::flows::{Content, FlowStatus, FlowView, SeededFlow, StoredFlow};
use crate::log::LoggedFlowRequest;
use crate::phone::PhoneError;

/// What somebody changes on a Flow in Meta's manager.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowEdit {
    /// Its new name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its new endpoint.
    #[serde(default)]
    pub endpoint_uri: Option<String>,
    /// Its new JSON.
    #[serde(default)]
    pub flow_json: Option<String>,
}

impl Handle {
    /// All Flows, in the order of creation.
    pub fn flows(&self) -> Vec<FlowView> {
        self.core.flows.list(|_| true).iter().map(StoredFlow::view).collect()
    }

    /// One Flow.
    pub fn flow(&self, id: &str) -> Option<FlowView> {
        self.core.flows.get(id).map(|flow| flow.view())
    }

    /// Puts a published Flow into the first number's account, as if it had always been there: no webhook.
    pub fn put_flow(&self, flow: &SeededFlow) -> Result<FlowView, PhoneError> {
        let (_, number) = self.number(None)?;
        let kept = self.core.flows.add(StoredFlow::seeded(flow, &number.waba_id));
        let taken = || PhoneError::Invalid(format!("the id or the name of the Flow {} is taken", flow.name));
        Ok(kept.ok_or_else(taken)?.view())
    }

    /// Meta gives a Flow another status, with its webhook. False if there is no such Flow.
    pub fn set_flow_status(&self, id: &str, status: FlowStatus) -> bool {
        self.core.set_flow_status(id, status)
    }

    /// Somebody edits a Flow in Meta's manager; a published one returns to DRAFT, with its webhook.
    pub fn edit_flow(&self, id: &str, edit: FlowEdit) -> Result<FlowView, PhoneError> {
        let content = edit.flow_json.map(Content::read);
        let changed = self.core.flows.change(id, |flow| {
            flow.name = edit.name.unwrap_or_else(|| flow.name.clone());
            flow.endpoint_uri = edit.endpoint_uri.or(flow.endpoint_uri.take());
            if let Some(content) = content {
                flow.put(content);
            }
            flow.status
        });
        let status = changed.ok_or_else(|| PhoneError::NoFlow(id.to_owned()))?;
        if status == FlowStatus::Published {
            self.core.set_flow_status(id, FlowStatus::Draft);
        }
        self.flow(id).ok_or_else(|| PhoneError::NoFlow(id.to_owned()))
    }

    /// Somebody deletes a Flow at Meta, whatever its status is. False if there is no such Flow.
    pub fn delete_flow(&self, id: &str) -> bool {
        self.core.flows.remove(id).is_some()
    }

    /// Whether an edit of a published Flow through the API returns it to DRAFT; else it is refused with 139001.
    pub fn set_edit_returns_to_draft(&self, returns: bool) {
        self.core.flows.set_returns_to_draft(returns);
    }

    /// Sends a webhook of the field `flows` about a Flow: `event` and its members as Meta writes them
    /// (`ENDPOINT_ERROR_RATE` with `error_rate`, `threshold`, `alert_state`, …); `flow_id` and `message` are added.
    pub fn flow_event(&self, id: &str, event: &Value) -> Result<(), PhoneError> {
        let flow = self.core.flows.get(id).ok_or_else(|| PhoneError::NoFlow(id.to_owned()))?;
        let Some(name) = event["event"].as_str().map(str::to_owned) else {
            return Err(PhoneError::Invalid("a Flow event needs an `event`".into()));
        };
        let mut value = event.clone();
        value["flow_id"] = json!(flow.id);
        if value.get("message").is_none() {
            value["message"] = json!(format!("{name} of Flow {}", flow.name));
        }
        self.core.notify_flow(&flow.waba_id, &value);
        Ok(())
    }

    /// Uploads the public key of a business number, as the Graph API does.
    pub fn set_flow_key(&self, phone_number_id: &str, pem: &str) -> Result<(), PhoneError> {
        let (at, _) = self.number(Some(phone_number_id))?;
        self.core.keys.set(at, NumberKey::read(pem).map_err(PhoneError::Invalid)?);
        Ok(())
    }

    /// The public key of a business number, and `VALID` or `MISMATCH`.
    pub fn flow_key(&self, phone_number_id: &str) -> Result<Option<(String, &'static str)>, PhoneError> {
        let (at, _) = self.number(Some(phone_number_id))?;
        Ok(self.core.keys.of(at).map(|key| (key.pem.clone(), key.status())))
    }

    /// Requests to Flow endpoints, newest first; 0 means all. Empty if `log_requests` is off.
    pub fn flow_requests(&self, limit: usize) -> Vec<std::sync::Arc<LoggedFlowRequest>> {
        self.core.log.flow_requests(limit)
    }
}
