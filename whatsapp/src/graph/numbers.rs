//! What Meta says of a business phone number, and of the numbers of an account.

use reqwest::Method;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::call::CallError;
use super::client::{Client, MAX_ANSWER_BYTES};

/// What is asked for: fields that v25.0 has for every number of the cloud API (Meta's reference of the node, 2026-08).
const FIELDS: &str = "id,display_phone_number,verified_name,quality_rating,status,name_status,platform_type";
const PAGE: (&str, &str) = ("limit", "100");
/// Pages of an account's numbers at the most.
const MAX_PAGES: usize = 20;

/// A number as Meta has it. Words are Meta's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteNumber {
    /// The `phone_number_id`.
    pub id: String,
    /// As people see it, such as `+1 555-000-1`.
    #[serde(default)]
    pub display_phone_number: Option<String>,
    /// The name beside it.
    #[serde(default)]
    pub verified_name: Option<String>,
    /// `GREEN`, `YELLOW`, `RED` or `UNKNOWN`.
    #[serde(default)]
    pub quality_rating: Option<String>,
    /// Such as `CONNECTED`.
    #[serde(default)]
    pub status: Option<String>,
    /// Such as `APPROVED`.
    #[serde(default)]
    pub name_status: Option<String>,
    /// `CLOUD_API`, or where else it is used.
    #[serde(default)]
    pub platform_type: Option<String>,
}

impl Client {
    /// A number by its id.
    pub async fn number(&self, phone_number_id: &str, token: &SecretString) -> Result<RemoteNumber, CallError> {
        let request = self.request_with(Method::GET, &[phone_number_id], &[("fields", FIELDS)])?;
        self.call(request, token, MAX_ANSWER_BYTES, |body| serde_json::from_slice(body).ok()).await
    }

    /// Ids of the numbers of an account.
    pub async fn numbers_of(&self, waba_id: &str, token: &SecretString) -> Result<Vec<String>, CallError> {
        let page = |after: Option<&str>| {
            let mut query = vec![PAGE];
            query.extend(after.map(|after| ("after", after)));
            Ok(self.request_with(Method::GET, &[waba_id, "phone_numbers"], &query)?)
        };
        let all = self.pages(token, MAX_PAGES, page).await?;
        Ok(all.iter().filter_map(|number| number["id"].as_str().map(str::to_owned)).collect())
    }
}
