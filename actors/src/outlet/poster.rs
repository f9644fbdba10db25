//! The way to an endpoint: one POST, without redirects, proxies or tries of its own; an answer is read to a bound only.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{header, redirect, retry};
use url::Url;

use crate::retry_after::RetryAfter;

/// Bytes of an answer that are read; the rest is left.
const READ_BYTES: usize = 16 * 1024;
/// Characters of an answer, or of an error, that are kept.
const KEPT_CHARS: usize = 1_000;
const CONNECT: Duration = Duration::from_secs(5);
const POOL_IDLE: Duration = Duration::from_secs(60);
const MAX_IDLE_CONNECTIONS: usize = 8;

/// A signed event.
#[derive(Clone, Debug)]
pub struct Posting {
    /// Where to.
    pub url: Url,
    /// `webhook-id`.
    pub id: Box<str>,
    /// `webhook-timestamp`, in seconds.
    pub timestamp: u64,
    /// `webhook-signature`.
    pub signature: String,
    /// JSON.
    pub body: Bytes,
}

/// What an endpoint said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// When it wants to be asked again.
    pub retry_after: Option<RetryAfter>,
    /// The beginning of the body, without control characters.
    pub excerpt: Box<str>,
}

/// The answer, or why none came.
pub type Posted = Result<Answer, String>;

/// Posts events.
pub trait Poster: Send + Sync + 'static {
    /// Posts one. The error says why no answer came; it names no address.
    fn post(&self, posting: Posting) -> Pin<Box<dyn Future<Output = Posted> + Send + '_>>;
}

/// Posts over HTTP.
#[derive(Clone, Debug)]
pub struct HttpPoster {
    http: reqwest::Client,
}

impl HttpPoster {
    /// A poster that waits so long for the whole of an answer. Errors: TLS cannot be set up.
    pub fn new(timeout: Duration) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("parlance/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT.min(timeout))
            .timeout(timeout)
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .build()?;
        Ok(Self { http })
    }

    async fn send(&self, posting: Posting) -> Posted {
        let Posting { url, id, timestamp, signature, body } = posting;
        let request = self
            .http
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &*id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body);
        let mut answer = request.send().await.map_err(|error| said(&error))?;
        let status = answer.status().as_u16();
        let retry_after = RetryAfter::of(answer.headers());
        let mut read = Vec::new();
        while read.len() < READ_BYTES {
            // The status has decided already: a body that breaks off changes nothing.
            let Ok(Some(chunk)) = answer.chunk().await else { break };
            read.extend_from_slice(chunk.get(..READ_BYTES - read.len()).unwrap_or(&chunk));
        }
        Ok(Answer { status, retry_after, excerpt: excerpt(&String::from_utf8_lossy(&read)) })
    }
}

impl Poster for HttpPoster {
    fn post(&self, posting: Posting) -> Pin<Box<dyn Future<Output = Posted> + Send + '_>> {
        Box::pin(self.send(posting))
    }
}

/// The beginning of a text from outside, on one line.
fn excerpt(text: &str) -> Box<str> {
    text.chars().take(KEPT_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().into()
}

/// An error with its causes, without the address: that may hold a secret.
fn said(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer came in time".to_owned();
    }
    let mut causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let last = causes.by_ref().last().map(ToString::to_string).unwrap_or_default();
    let what = if error.is_connect() { "no connection" } else { "the request failed" };
    excerpt(&if last.is_empty() { what.to_owned() } else { format!("{what}: {last}") }).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_and_on_one_line() {
        assert_eq!(&*excerpt("a\r\nb\u{1b}[31m"), "a  b [31m");
        assert_eq!(excerpt(&"ä".repeat(20_000)).chars().count(), KEPT_CHARS);
    }
}
