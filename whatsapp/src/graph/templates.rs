//! The templates of a business account: list, create, edit, delete.
//!
//! These calls share the account's management limit (5,000 an hour; 100 creations an hour; an approved
//! template may be edited once a day).

use reqwest::Method;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::CallError;
use super::client::{Client, MAX_ANSWER_BYTES};
use super::reply::success;

/// With pages of 100, more templates (10,000) than an account may have (6,000).
const MAX_PAGES: usize = 100;
const PAGE: &str = "100";
const FIELDS: &str = "id,name,language,status,category,components,quality_score,rejected_reason,parameter_format";

/// A template as Meta has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemoteTemplate {
    /// Meta's id.
    pub id: String,
    /// With the language the key for sending.
    pub name: String,
    /// The language's code.
    pub language: String,
    /// `APPROVED`, `PENDING`, `REJECTED`, `PAUSED`, `DISABLED`, …
    pub status: String,
    /// `UTILITY`, `MARKETING`, `AUTHENTICATION`.
    #[serde(default)]
    pub category: Option<String>,
    /// `NAMED` or `POSITIONAL`.
    #[serde(default)]
    pub parameter_format: Option<String>,
    /// Meta's word for why it was rejected.
    #[serde(default)]
    pub rejected_reason: Option<String>,
    /// Header, body, footer and buttons, in Meta's shape.
    #[serde(default)]
    pub components: Value,
    /// The quality score, in Meta's shape.
    #[serde(default)]
    pub quality_score: Value,
}

/// A template that waits for its review.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CreatedTemplate {
    /// Meta's id.
    pub id: String,
    /// Mostly `PENDING`.
    #[serde(default)]
    pub status: Option<String>,
    /// What Meta made of the category.
    #[serde(default)]
    pub category: Option<String>,
}

impl Client {
    /// All templates of the account. One that lacks what is needed to send it is passed over.
    pub async fn templates(&self, waba_id: &str, token: &SecretString) -> Result<Vec<RemoteTemplate>, CallError> {
        let page = |after: Option<&str>| {
            let mut query = vec![("fields", FIELDS), ("limit", PAGE)];
            query.extend(after.map(|after| ("after", after)));
            Ok(self.request_with(Method::GET, &[waba_id, "message_templates"], &query)?)
        };
        let all = self.pages(token, MAX_PAGES, page).await?;
        Ok(all.into_iter().filter_map(|template| serde_json::from_value(template).ok()).collect())
    }

    /// Creates a template. `definition` is Meta's: name, language, category, components.
    ///
    /// An answer that was lost may hide a success: creating it again is then refused (2388xxx) because
    /// the name is taken, so nothing is doubled.
    pub async fn create_template(
        &self,
        waba_id: &str,
        token: &SecretString,
        definition: &Value,
    ) -> Result<CreatedTemplate, CallError> {
        let request = self.request(Method::POST, &[waba_id, "message_templates"])?.json(definition);
        self.call(request, token, MAX_ANSWER_BYTES, |body| serde_json::from_slice(body).ok()).await
    }

    /// Replaces category or components of a template.
    pub async fn edit_template(
        &self,
        template_id: &str,
        token: &SecretString,
        change: &Value,
    ) -> Result<(), CallError> {
        let request = self.request(Method::POST, &[template_id])?.json(change);
        self.call(request, token, MAX_ANSWER_BYTES, success).await
    }

    /// Deletes one language of a template.
    pub async fn delete_template(
        &self,
        waba_id: &str,
        token: &SecretString,
        name: &str,
        template_id: &str,
    ) -> Result<(), CallError> {
        self.delete_by(waba_id, token, &[("name", name), ("hsm_id", template_id)]).await
    }

    /// Deletes all languages of a template. Its name is then barred for 30 days if it was approved.
    pub async fn delete_templates_named(
        &self,
        waba_id: &str,
        token: &SecretString,
        name: &str,
    ) -> Result<(), CallError> {
        self.delete_by(waba_id, token, &[("name", name)]).await
    }

    async fn delete_by(&self, waba_id: &str, token: &SecretString, which: &[(&str, &str)]) -> Result<(), CallError> {
        if which.iter().any(|(_, value)| value.is_empty()) {
            return Err(CallError::NotSent("a template is deleted by its name, and by its id".to_owned()));
        }
        let request = self.request_with(Method::DELETE, &[waba_id, "message_templates"], which)?;
        self.call(request, token, MAX_ANSWER_BYTES, success).await
    }
}
