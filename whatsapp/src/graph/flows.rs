//! The Flows of a business account: create, change, upload their JSON, publish, deprecate, delete, list, preview, metrics.
//!
//! These calls share the account's management limit (5,000 an hour). A call whose answer was lost may have been done:
//! look the Flow up by its name before creating it again. Source: Meta's Flows API pages, January 2026.

mod asset;
mod metric;
mod migrate;
mod refusal;
mod remote;
mod time;

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::CallError;
use super::client::{Client, MAX_ANSWER_BYTES};
use super::reply::success;

pub use asset::FlowAsset;
pub use metric::{FlowMetric, FlowMetricName, FlowMetricPoint, Granularity, MetricQuery};
pub use migrate::{FailedFlow, MigratedFlow, Migration};
pub use refusal::FlowRefusal;
pub use remote::{FlowCategory, FlowPreview, FlowStatus, RemoteFlow, ValidationError, ValidationPointer};

/// Bytes of a Flow JSON at most.
pub const MAX_FLOW_JSON_BYTES: usize = 10 * 1024 * 1024;
/// Pages of a list at most.
const MAX_PAGES: usize = 1_000;
/// Flows of a page.
const PAGE: &str = "100";
/// Uploads take their time.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);
/// An answer with many findings about a large file.
const MAX_FINDINGS_BYTES: usize = 4 * 1024 * 1024;
const LISTED: &str = "id,name,status,categories,validation_errors,json_version,data_api_version,endpoint_uri";
const DETAILED: &str = "id,name,status,categories,validation_errors,json_version,data_api_version,endpoint_uri,\
    whatsapp_business_account,application";

/// A Flow to create.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewFlow {
    /// Unique in the account.
    pub name: String,
    /// At least one.
    pub categories: Vec<FlowCategory>,
    /// Where phones send what is filled in; for Flows with an endpoint.
    pub endpoint_uri: Option<String>,
    /// The Flow JSON, as text.
    pub json: Option<String>,
    /// The Flow whose JSON is taken over.
    pub clone_of: Option<String>,
}

/// What of a Flow changes beside its JSON.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FlowChange {
    /// A new name.
    pub name: Option<String>,
    /// New categories.
    pub categories: Option<Vec<FlowCategory>>,
    /// A new endpoint.
    pub endpoint_uri: Option<String>,
    /// The app whose secret signs the endpoint's requests.
    pub application_id: Option<String>,
}

/// A Flow that was created.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CreatedFlow {
    /// Meta's id.
    pub id: String,
    /// What is wrong with its JSON.
    #[serde(default)]
    pub validation_errors: Vec<ValidationError>,
}

/// Which details of a Flow are asked for beside the usual ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlowDetails<'a> {
    /// Whether it can be sent, and why not.
    pub health: bool,
    /// The same for one of the account's numbers.
    pub health_of_number: Option<&'a str>,
}

/// What becomes of a preview link that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewLink {
    /// It stays.
    Keep,
    /// It opens nothing any more; there is a new one.
    Renew,
}

impl NewFlow {
    fn body(&self) -> Value {
        let mut body = json!({ "name": self.name, "categories": self.categories });
        let texts =
            [("endpoint_uri", &self.endpoint_uri), ("flow_json", &self.json), ("clone_flow_id", &self.clone_of)];
        for (key, text) in texts {
            if let Some(text) = text {
                body[key] = json!(text);
            }
        }
        body
    }
}

impl FlowChange {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn body(&self) -> Value {
        let mut body = json!({});
        let texts =
            [("name", &self.name), ("endpoint_uri", &self.endpoint_uri), ("application_id", &self.application_id)];
        for (key, text) in texts {
            if let Some(text) = text {
                body[key] = json!(text);
            }
        }
        if let Some(categories) = &self.categories {
            body["categories"] = json!(categories);
        }
        body
    }
}

impl Client {
    /// All Flows of the account. What has no id is passed over.
    ///
    /// Errors: `Unusable` also for a list without an end, and for one with a Flow that has no name or status: who took it for
    /// gone would make it anew.
    pub async fn flows(&self, waba_id: &str, token: &SecretString) -> Result<Vec<RemoteFlow>, CallError> {
        let page = |after: Option<&str>| {
            let mut query = vec![("fields", LISTED), ("limit", PAGE)];
            query.extend(after.map(|after| ("after", after)));
            Ok(self.request_with(Method::GET, &[waba_id, "flows"], &query)?)
        };
        let all = self.pages(token, MAX_PAGES, page).await?;
        all.into_iter().filter(|flow| flow["id"].is_string()).map(listed).collect()
    }

    /// A Flow by its id.
    pub async fn flow(
        &self,
        flow_id: &str,
        token: &SecretString,
        details: FlowDetails<'_>,
    ) -> Result<RemoteFlow, CallError> {
        let mut fields = DETAILED.to_owned();
        match details.health_of_number {
            Some(number) if number.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                fields.push_str(&format!(",health_status.phone_number({number})"));
            }
            Some(number) => return Err(CallError::NotSent(format!("`{number}` is not an id of Meta"))),
            None if details.health => fields.push_str(",health_status"),
            None => {}
        }
        let request = self.request_with(Method::GET, &[flow_id], &[("fields", &fields)])?;
        self.call(request, token, MAX_FINDINGS_BYTES, |body| serde_json::from_slice(body).ok()).await
    }

    /// Creates a Flow as a draft.
    ///
    /// Errors: 100 when the name is taken, or name, categories or JSON cannot be used.
    pub async fn create_flow(
        &self,
        waba_id: &str,
        token: &SecretString,
        flow: &NewFlow,
    ) -> Result<CreatedFlow, CallError> {
        if let Some(json) = &flow.json {
            refuse_large(json)?;
        }
        let request = self.request(Method::POST, &[waba_id, "flows"])?.json(&flow.body()).timeout(TIMEOUT);
        let read = |body: &[u8]| serde_json::from_slice(body).ok().filter(|made: &CreatedFlow| !made.id.is_empty());
        self.call(request, token, MAX_FINDINGS_BYTES, read).await
    }

    /// Changes name, categories, endpoint or app of a Flow.
    ///
    /// Errors: 139001 when Meta lets a published Flow be as it is.
    pub async fn update_flow(&self, flow_id: &str, token: &SecretString, change: &FlowChange) -> Result<(), CallError> {
        let request = self.request(Method::POST, &[flow_id])?.json(&change.body());
        self.call(request, token, MAX_ANSWER_BYTES, success).await
    }

    /// Replaces the JSON of a Flow. It is kept also when it cannot be published: the answer says what is wrong with it.
    ///
    /// Errors: 139001 when Meta lets a published Flow be as it is, or cannot read the JSON; `Unusable` over 10 MB.
    pub async fn upload_flow_json(
        &self,
        flow_id: &str,
        token: &SecretString,
        json: &str,
    ) -> Result<Vec<ValidationError>, CallError> {
        refuse_large(json)?;
        let file = Part::text(json.to_owned()).file_name("flow.json").mime_str("application/json");
        let file = file.map_err(|_| CallError::NotSent("the Flow JSON has no media type".to_owned()))?;
        let form = Form::new().text("name", "flow.json").text("asset_type", "FLOW_JSON").part("file", file);
        let request = self.request(Method::POST, &[flow_id, "assets"])?.multipart(form).timeout(TIMEOUT);
        self.call(request, token, MAX_FINDINGS_BYTES, findings).await
    }

    /// Publishes a draft.
    ///
    /// Errors: 139002 with the reason as text.
    pub async fn publish_flow(&self, flow_id: &str, token: &SecretString) -> Result<(), CallError> {
        self.done(self.request(Method::POST, &[flow_id, "publish"])?, token).await
    }

    /// Takes a published Flow out of use, for good: it can neither be sent nor opened, changed or deleted any more.
    ///
    /// Errors: 139003 when it is a draft, or deprecated already.
    pub async fn deprecate_flow(&self, flow_id: &str, token: &SecretString) -> Result<(), CallError> {
        self.done(self.request(Method::POST, &[flow_id, "deprecate"])?, token).await
    }

    /// Deletes a draft.
    ///
    /// Errors: 139004 when it is not a draft.
    pub async fn delete_flow(&self, flow_id: &str, token: &SecretString) -> Result<(), CallError> {
        self.done(self.request(Method::DELETE, &[flow_id])?, token).await
    }

    /// The link under which anybody can see the Flow for 30 days.
    pub async fn flow_preview(
        &self,
        flow_id: &str,
        token: &SecretString,
        link: PreviewLink,
    ) -> Result<FlowPreview, CallError> {
        let field = match link {
            PreviewLink::Keep => "preview.invalidate(false)",
            PreviewLink::Renew => "preview.invalidate(true)",
        };
        let request = self.request_with(Method::GET, &[flow_id], &[("fields", field)])?;
        self.call(request, token, MAX_ANSWER_BYTES, remote::preview).await
    }

    async fn done(&self, request: RequestBuilder, token: &SecretString) -> Result<(), CallError> {
        self.call(request, token, MAX_ANSWER_BYTES, success).await
    }
}

fn listed(flow: Value) -> Result<RemoteFlow, CallError> {
    let id = flow["id"].as_str().unwrap_or_default().to_owned();
    serde_json::from_value(flow).map_err(|error| CallError::Unusable(format!("flow {id} of the list: {error}")))
}

fn refuse_large(json: &str) -> Result<(), CallError> {
    if json.len() > MAX_FLOW_JSON_BYTES {
        let why = format!("a Flow JSON may have {MAX_FLOW_JSON_BYTES} bytes and has {}", json.len());
        return Err(CallError::Unusable(why));
    }
    Ok(())
}

/// `{"success": true, "validation_errors": […]}`.
fn findings(body: &[u8]) -> Option<Vec<ValidationError>> {
    #[derive(Deserialize)]
    struct Kept {
        success: bool,
        #[serde(default)]
        validation_errors: Vec<ValidationError>,
    }
    serde_json::from_slice(body).ok().filter(|kept: &Kept| kept.success).map(|kept| kept.validation_errors)
}
