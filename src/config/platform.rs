//! Settings of the platform: the business account, its numbers, the Graph API and its rates.

use std::num::NonZeroU32;
use std::time::Duration;

use url::Url;

use super::Mode;
use super::number::{self, Number};
use super::reader::Reader;
use super::secret::Secret;

/// The business phone numbers and what they have in common. In [`Mode::Dev`] what nobody set or generated is empty.
#[derive(Clone, Debug)]
pub struct Whatsapp {
    /// Proves a subscription request.
    pub webhook_verify_token: Secret,
    /// Such as `v25.0`.
    pub api_version: String,
    /// The business phone numbers that are served; never empty.
    pub numbers: Vec<Number>,
    /// The app secret of numbers that have none of their own.
    pub app_secret: Option<Secret>,
    /// The one before it.
    pub app_secret_previous: Option<Secret>,
}

/// The Graph API.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Without a slash at the end of its path, except the root.
    pub base_url: Url,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Time for a whole request.
    pub request_timeout: Duration,
}

/// Rates of a business phone number; `None` means no limit.
#[derive(Clone, Debug)]
pub struct Limits {
    /// To everybody together.
    pub messages_per_second: Option<NonZeroU32>,
    /// To one person: one message per interval.
    pub pair_interval: Option<Duration>,
    /// To one person: messages at once.
    pub pair_burst: Option<NonZeroU32>,
}

impl Whatsapp {
    pub(super) fn read(reader: &Reader<'_>, mode: Mode) -> Self {
        let webhook_verify_token = reader.secret("whatsapp.webhook_verify_token").unwrap_or_else(|| {
            if mode == Mode::Serve {
                reader.missing("whatsapp.webhook_verify_token", "the text entered beside the callback URL");
            }
            Secret::default()
        });
        let (numbers, [app_secret, app_secret_previous]) = number::read_all(reader, mode);
        let api_version = api_version(reader, "whatsapp.api_version");
        Self { webhook_verify_token, api_version, numbers, app_secret, app_secret_previous }
    }
}

impl Graph {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let graph = Self {
            base_url: base_url(reader, "graph.base_url"),
            connect_timeout: reader.duration("graph.connect_timeout"),
            request_timeout: reader.duration("graph.request_timeout"),
        };
        // A zero here stands for a value that was refused already.
        if !graph.request_timeout.is_zero() && graph.request_timeout < graph.connect_timeout {
            let shown = format!("{:?}", graph.request_timeout);
            reader.reject("graph.request_timeout", &shown, "a duration of at least graph.connect_timeout");
        }
        graph
    }
}

impl Limits {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        Self {
            messages_per_second: NonZeroU32::new(reader.integer("limits.messages_per_second", 0..=1_000_000)),
            pair_interval: Some(reader.duration_or_zero("limits.pair_interval")).filter(|interval| !interval.is_zero()),
            pair_burst: NonZeroU32::new(reader.integer("limits.pair_burst", 0..=1_000_000)),
        }
    }
}

fn api_version(reader: &Reader<'_>, key: &str) -> String {
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    reader.parsed(key, String::new(), |text| {
        let parts = text.strip_prefix('v').and_then(|rest| rest.split_once('.'));
        match parts.filter(|(major, minor)| is_number(major) && is_number(minor)) {
            Some(_) => Ok(text.to_owned()),
            None => Err("a version such as \"v25.0\""),
        }
    })
}

fn base_url(reader: &Reader<'_>, key: &str) -> Url {
    let placeholder = Url::parse("http://localhost").expect("a constant URL parses");
    reader.parsed(key, placeholder, |text| {
        let expected = "a URL such as \"https://graph.facebook.com\", without user, query and fragment";
        let mut url = Url::parse(text.trim_end_matches('/')).map_err(|_| expected)?;
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !plain || url.fragment().is_some() {
            return Err(expected);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(url)
    })
}
