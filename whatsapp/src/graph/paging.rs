//! Lists that come in pages: followed while `paging.next` is there, to a bound, and never to another host.

use std::collections::HashSet;

use reqwest::{RequestBuilder, Url};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::call::CallError;
use super::client::Client;

/// A page of templates with long texts; far above what Meta sends.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// All pages of a list together.
const MAX_LIST_BYTES: usize = 64 * 1024 * 1024;

#[derive(Deserialize)]
struct Page {
    data: Vec<Value>,
    #[serde(default)]
    paging: Option<Paging>,
}

#[derive(Deserialize, Default)]
struct Paging {
    #[serde(default)]
    next: Option<String>,
    #[serde(default)]
    cursors: Option<Cursors>,
}

#[derive(Deserialize)]
struct Cursors {
    #[serde(default)]
    after: Option<String>,
}

impl Client {
    /// All elements of a list. `request` makes the call of a page, given the cursor of the one before.
    ///
    /// Errors: besides those of a call, `Unusable` when there are more than `max_pages` or 64 MiB, when a page
    /// names the next one twice, or when it lies on another host.
    pub(super) async fn pages(
        &self,
        token: &SecretString,
        max_pages: usize,
        request: impl Fn(Option<&str>) -> Result<RequestBuilder, CallError>,
    ) -> Result<Vec<Value>, CallError> {
        let (mut all, mut call, mut seen, mut bytes) = (Vec::new(), request(None)?, HashSet::new(), 0);
        for _ in 0..max_pages {
            let read = |body: &[u8]| Some((serde_json::from_slice::<Page>(body).ok()?, body.len()));
            let (page, length) = self.call(call, token, MAX_PAGE_BYTES, read).await?;
            bytes += length;
            if bytes > MAX_LIST_BYTES {
                return Err(CallError::Unusable(format!("the list has more than {MAX_LIST_BYTES} bytes")));
            }
            all.extend(page.data);
            let Some(Paging { next: Some(next), cursors }) = page.paging else { return Ok(all) };
            if seen.contains(&next) {
                return Err(CallError::Unusable("the pages of the list lead back to an earlier one".to_owned()));
            }
            call = match cursors.and_then(|cursors| cursors.after).filter(|after| !after.is_empty()) {
                // our own address with Meta's cursor cannot lead astray
                Some(after) => request(Some(&after))?,
                None => self.request_url(self.ours(&next)?),
            };
            seen.insert(next);
        }
        Err(CallError::Unusable(format!("the list has more than {max_pages} pages")))
    }

    /// The address, if it is on the host that we call.
    fn ours(&self, next: &str) -> Result<Url, CallError> {
        let url =
            Url::parse(next).map_err(|_| CallError::Unusable("the next page has no readable address".to_owned()))?;
        if url.origin() != self.base.origin() {
            let host = url.host_str().unwrap_or_default();
            return Err(CallError::Unusable(format!("the next page lies on another host: `{host}`")));
        }
        Ok(url)
    }
}
