//! The JSON of a Flow, as Meta keeps it: a signed address that expires, fetched without the token and not kept.

use reqwest::header::CONTENT_LENGTH;
use reqwest::{Method, Url};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{MAX_FLOW_JSON_BYTES, MAX_PAGES, TIMEOUT};
use crate::graph::call::CallError;
use crate::graph::client::{Client, header, read};

/// Hosts, and what lies below them, where Meta keeps Flow JSON.
const HOSTS: &[&str] = &["fbcdn.net", "fbsbx.com", "facebook.com", "whatsapp.net", "whatsapp.com"];
const FLOW_JSON: &str = "FLOW_JSON";

/// A file of a Flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowAsset {
    /// Such as `flow.json`.
    pub name: String,
    /// Such as `FLOW_JSON`.
    pub asset_type: String,
    /// Where it lies for a while.
    pub download_url: String,
}

impl Client {
    /// The files of a Flow.
    pub async fn flow_assets(&self, flow_id: &str, token: &SecretString) -> Result<Vec<FlowAsset>, CallError> {
        let page = |after: Option<&str>| {
            let query: Vec<_> = after.map(|after| ("after", after)).into_iter().collect();
            Ok(self.request_with(Method::GET, &[flow_id, "assets"], &query)?)
        };
        let all = self.pages(token, MAX_PAGES, page).await?;
        Ok(all.into_iter().filter_map(|asset: Value| serde_json::from_value(asset).ok()).collect())
    }

    /// The Flow JSON of a Flow, as text; `None` when it has none.
    pub async fn flow_json(&self, flow_id: &str, token: &SecretString) -> Result<Option<String>, CallError> {
        let assets = self.flow_assets(flow_id, token).await?;
        match assets.into_iter().find(|asset| asset.asset_type == FLOW_JSON) {
            Some(asset) => self.download_flow_json(&asset.download_url).await.map(Some),
            None => Ok(None),
        }
    }

    /// Fetches a Flow JSON from the address of its asset, without the token.
    ///
    /// Errors: `Unusable` for an address elsewhere, a redirect, more than 10 MB or what is no text; `Unanswered` when the
    /// address has expired (ask for it again).
    pub async fn download_flow_json(&self, url: &str) -> Result<String, CallError> {
        let response = self.respond_without_token(self.request_url(self.asset_url(url)?).timeout(TIMEOUT)).await?;
        match response.status().as_u16() {
            200 => {}
            status @ 300..=399 => return Err(CallError::Unusable(format!("the file is moved, status {status}"))),
            status => return Err(CallError::Unanswered(format!("status {status} in place of the file"))),
        }
        let length = header(response.headers(), CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
        if length.is_some_and(|length: usize| length > MAX_FLOW_JSON_BYTES) {
            return Err(CallError::Unusable(format!("the file has more than {MAX_FLOW_JSON_BYTES} bytes")));
        }
        let bytes = read(response, MAX_FLOW_JSON_BYTES).await?;
        String::from_utf8(bytes).map_err(|_| CallError::Unusable("the Flow JSON is no text in UTF-8".to_owned()))
    }

    fn asset_url(&self, url: &str) -> Result<Url, CallError> {
        let url = Url::parse(url).map_err(|_| CallError::Unusable("the file has no readable address".to_owned()))?;
        let host = url.host_str().unwrap_or_default();
        let below = |meta: &&str| host.strip_suffix(*meta).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        let at_meta = url.scheme() == "https" && url.port().is_none() && HOSTS.iter().any(below);
        if !at_meta && url.origin() != self.base.origin() {
            return Err(CallError::Unusable(format!("the file lies on a host that is not Meta's: `{host}`")));
        }
        Ok(url)
    }
}
