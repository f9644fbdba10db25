//! Where outgoing events go: `[events]` and each `[[events.endpoint]]`.

use std::time::Duration;

use actors::outlet::{EndpointSettings, Keys, TYPES, Types};
use url::Url;

use super::layers::ENDPOINTS;
use super::reader::Reader;
use super::secret::Secret;

/// Endpoints at the most: each has a task and requests of its own.
const MAX_ENDPOINTS: usize = 20;
const MAX_NAME_CHARS: usize = 32;

/// Outgoing events.
#[derive(Clone, Debug)]
pub struct Events {
    /// An endpoint must have answered within this time.
    pub timeout: Duration,
    /// Requests under way at once, for each endpoint.
    pub concurrency: usize,
    /// Deliveries that may wait for one endpoint.
    pub max_pending: u64,
    /// Who is told.
    pub endpoints: Vec<EventEndpoint>,
}

/// One endpoint.
#[derive(Clone, Debug)]
pub struct EventEndpoint {
    /// What the engine needs of it.
    pub settings: EndpointSettings,
    /// Its secrets as they were given.
    pub secret: Secret,
}

impl Events {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let tables = reader.tables(ENDPOINTS);
        if tables.len() > MAX_ENDPOINTS {
            let key = format!("{ENDPOINTS}.{MAX_ENDPOINTS}.url");
            let what = format!("there are {} endpoints, at most {MAX_ENDPOINTS} are served", tables.len());
            reader.complain(&key, what, "let one of them hand on what it gets".into());
        }
        let mut endpoints: Vec<EventEndpoint> = Vec::new();
        for index in tables {
            let key = format!("{ENDPOINTS}.{index}");
            let Some(endpoint) = EventEndpoint::read(reader, &key) else { continue };
            let name = &endpoint.settings.name;
            if endpoints.iter().any(|other| other.settings.name == *name) {
                let what = format!("{key}.name is {name:?}, and so is that of another endpoint");
                reader.complain(&format!("{key}.name"), what, "give each endpoint a name of its own".into());
            }
            endpoints.push(endpoint);
        }
        Self {
            timeout: reader.duration("events.timeout"),
            concurrency: reader.integer("events.concurrency", 1..=100),
            max_pending: reader.integer("events.max_pending", 1..=10_000_000),
            endpoints,
        }
    }
}

impl EventEndpoint {
    /// `None` leaves a problem behind.
    fn read(reader: &Reader<'_>, at: &str) -> Option<Self> {
        let (name, url) = (name(reader, &format!("{at}.name")), url(reader, &format!("{at}.url")));
        let types = types(reader, &format!("{at}.types"));
        let key = format!("{at}.secret");
        let secret = reader.secret(&key);
        if secret.is_none() {
            reader.missing(&key, "whsec_ and base64, shared with the endpoint, which checks signatures with it");
        }
        let secret = secret?;
        let keys = Keys::parse(&secret.value).map_err(|error| {
            let help = "make one with: echo whsec_$(openssl rand -base64 32); several have spaces between";
            reader.complain(&key, format!("{key} {error}"), help.into());
        });
        let settings = EndpointSettings { name: name?, url: url?, types: types?, keys: keys.ok()? };
        Some(Self { settings, secret })
    }
}

fn name(reader: &Reader<'_>, key: &str) -> Option<Box<str>> {
    let expected = "a short name of lower-case letters, digits, - and _, such as \"crm\"";
    let written = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let name = reader.parsed(key, Some(String::new()), |text| match text.len() {
        0 => Ok(None),
        1..=MAX_NAME_CHARS if text.chars().all(written) => Ok(Some(text.to_owned())),
        _ => Err(expected),
    });
    if name.is_none() {
        reader.missing(key, expected);
    }
    name.filter(|name| !name.is_empty()).map(Into::into)
}

/// An address of the operator's own choice: this machine and private networks are as good as any.
fn url(reader: &Reader<'_>, key: &str) -> Option<Url> {
    let text = reader.text(key);
    if text.is_empty() {
        reader.missing(key, "where the events go, such as \"https://crm.example/hooks/parlance\"");
        return None;
    }
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let plain = |url: &Url| url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let url = url.filter(plain);
    if url.is_none() {
        // What was written may hold a password.
        let what = format!("{key} is no address that events can be posted to");
        reader.complain(
            key,
            what,
            "write http:// or https://, a host and a path, without a user, password or #".into(),
        );
    }
    url
}

fn types(reader: &Reader<'_>, key: &str) -> Option<Types> {
    let patterns = reader.list(key);
    let types = Types::parse(patterns.iter().map(String::as_str));
    types
        .map_err(|error| {
            let expected = format!(
                "a list of 1 to 50 of \"*\", \"bot.*\", \"bot.NAME\" and {}",
                TYPES.map(|kind| format!("{kind:?}")).join(", ")
            );
            reader.reject(key, &error.to_string(), &expected);
        })
        .ok()
}
