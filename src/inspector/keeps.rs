//! A person's part of it, for whoever erases or exports them.

use std::sync::Arc;

use actors::erasure::{EraseError, Keeps, Kept, Who};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::{Filter, Inspector};

/// Requests that an export shows of each id.
const EXPORTED: usize = 200;

/// See the module.
pub struct KeptRequests(pub Arc<Inspector>);

impl Keeps for KeptRequests {
    fn name(&self) -> &'static str {
        "webhooks"
    }

    fn erase<'a>(&'a self, who: &'a Who, only_count: bool) -> Kept<'a, usize> {
        Box::pin(async move { self.0.erase(who.words(), only_count).await.map_err(failed) })
    }

    fn export<'a>(&'a self, who: &'a Who) -> Kept<'a, Vec<serde_json::Value>> {
        Box::pin(async move {
            let mut found = Vec::new();
            for word in who.words() {
                let filter = Filter { contains: Some(word.into()), ..Filter::default() };
                let page = self.0.list(filter, None, EXPORTED).await.map_err(failed)?;
                for (id, record) in page.items {
                    let Some(kept) = self.0.find(id).await.map_err(failed)? else { continue };
                    let body = BASE64_STANDARD.encode(&kept.body);
                    found.push(json!({ "id": id.to_string(), "at_ms": record.at_ms, "body": body }));
                }
            }
            Ok(found)
        })
    }
}

fn failed(error: std::io::Error) -> EraseError {
    EraseError::Other("what the webhook inspector keeps", error.to_string())
}
