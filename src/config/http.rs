//! Settings of the calls that bots make, and the values of their secrets.

use std::collections::BTreeMap;

use actors::http_caller::{Allow, AllowError};

use super::layers::BOT_SECRETS;
use super::reader::Reader;
use super::secret::Secret;

/// Calls of `http` nodes.
#[derive(Clone, Debug)]
pub struct Http {
    /// Tries under way at once.
    pub concurrency: usize,
    /// To one host.
    pub per_host: usize,
    /// Where calls may go beside public addresses at the ports 80 and 443.
    pub allow: Allow,
}

impl Http {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let entries = reader.list("http.allow");
        let allow = Allow::parse(entries.iter().map(String::as_str)).unwrap_or_else(|AllowError(entry)| {
            let expected = "hosts, addresses and networks such as \"crm.internal\", \"127.0.0.1:9000\", \"10.0.0.0/8\" or \
                            \"*:8443\"";
            reader.reject("http.allow", &format!("{entry:?}"), expected);
            Allow::default()
        });
        Self {
            concurrency: reader.integer("http.concurrency", 1..=10_000),
            per_host: reader.integer("http.per_host", 1..=10_000),
            allow,
        }
    }
}

/// The values of `[bots.secrets]`, by name in lower case.
pub(super) fn read_secrets(reader: &Reader<'_>) -> BTreeMap<String, Secret> {
    let secret = |name: String| Some((name.clone(), reader.secret(&format!("{BOT_SECRETS}{name}"))?));
    reader.bot_secrets().into_iter().filter_map(secret).collect()
}
