//! Copies Flows from one business account of the same business to another. They arrive as drafts with new ids.

use reqwest::Method;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::TIMEOUT;
use crate::graph::call::CallError;
use crate::graph::client::{Client, MAX_ANSWER_BYTES};

/// Names of a call at most.
const MAX_NAMES: usize = 100;

/// What came over, and what did not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Migration {
    /// Flows that came over.
    #[serde(default, rename = "migrated_flows")]
    pub migrated: Vec<MigratedFlow>,
    /// Flows that did not.
    #[serde(default, rename = "failed_flows")]
    pub failed: Vec<FailedFlow>,
}

/// A Flow that came over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MigratedFlow {
    /// Its name, in both accounts.
    #[serde(alias = "name")]
    pub source_name: String,
    /// Its id in the account that it came from.
    #[serde(default)]
    pub source_id: Option<String>,
    /// Its id in the account that it came to.
    #[serde(default, alias = "id")]
    pub migrated_id: Option<String>,
}

/// A Flow that did not come over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedFlow {
    /// Its name.
    #[serde(default, alias = "name")]
    pub source_name: String,
    /// 4233041: there is one of that name.
    #[serde(default)]
    pub error_code: Value,
    /// In words.
    #[serde(default)]
    pub error_message: String,
}

impl Client {
    /// Copies Flows of another account into this one: those of these names (at most 100), or all.
    pub async fn migrate_flows(
        &self,
        to_waba_id: &str,
        token: &SecretString,
        from_waba_id: &str,
        names: &[String],
    ) -> Result<Migration, CallError> {
        if names.len() > MAX_NAMES {
            let why = format!("a migration takes {MAX_NAMES} names at most, and there are {}", names.len());
            return Err(CallError::NotSent(why));
        }
        let mut body = json!({ "source_waba_id": from_waba_id });
        if !names.is_empty() {
            body["source_flow_names"] = json!(names);
        }
        let request = self.request(Method::POST, &[to_waba_id, "migrate_flows"])?.json(&body).timeout(TIMEOUT);
        self.call(request, token, MAX_ANSWER_BYTES, migration).await
    }
}

/// An object with at least one of the two lists.
fn migration(body: &[u8]) -> Option<Migration> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let lists = ["migrated_flows", "failed_flows"].into_iter().any(|key| value.get(key).is_some());
    lists.then(|| serde_json::from_value(value).ok())?
}
