//! The only I/O of this crate: single calls with a deadline, and nothing done behind the caller's back.
//!
//! No redirects, no proxy from the environment, no retries: a repeated POST is a second message, so
//! only the outbox may repeat one. The caller installs the TLS provider. Neither the token nor a body
//! appears in `Debug`, in errors or in addresses.

use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, Url, redirect, retry};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error as ThisError;

use super::call::CallError;
use super::error::{Accepted, Error};
use super::reply::{Reply, decide, decide_as};
use super::usage::{Load, Usage};

/// No answer of Meta to a send is larger.
pub(super) const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Shorter than servers keep a connection, so that a send seldom meets one that is just closing.
const POOL_IDLE: Duration = Duration::from_secs(20);
const MAX_IDLE_CONNECTIONS: usize = 32;
const ACCOUNT_USAGE: &str = "x-business-use-case-usage";
const APP_USAGE: &str = "x-app-usage";

/// Where and how patiently to call.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// E.g. `https://graph.facebook.com`.
    pub base_url: String,
    /// E.g. `v25.0`.
    pub api_version: String,
    /// For name, connection and TLS; shorter than `request_timeout`.
    pub connect_timeout: Duration,
    /// For the whole of a send.
    pub request_timeout: Duration,
}

/// Why a client cannot be made.
#[derive(Debug, ThisError)]
pub enum ConfigError {
    /// The address cannot be used.
    #[error("base url `{url}` is not an http or https address")]
    BaseUrl {
        /// As it was given.
        url: String,
    },
    /// The HTTP client does not start.
    #[error("the http client does not start: {0}")]
    Http(#[source] reqwest::Error),
}

/// A client of the Graph API; cheap to clone, shares its connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    pub(super) base: Url,
    pub(super) media_hosts: Arc<[String]>,
    usage: Arc<Mutex<Usage>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// Makes a client; no connection is opened yet.
    pub fn new(config: ClientConfig) -> Result<Self, ConfigError> {
        let base = base(&config).ok_or(ConfigError::BaseUrl { url: config.base_url })?;
        let http = reqwest::Client::builder()
            .user_agent(concat!("parlance/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.connect_timeout)
            .timeout(config.request_timeout)
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .build()
            .map_err(ConfigError::Http)?;
        let media_hosts = [super::media::HOST.to_owned()].into();
        Ok(Self { http, base, media_hosts, usage: Arc::default() })
    }

    /// How near their limits app and accounts are, by the last answers of Meta.
    pub fn usage(&self) -> Usage {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The load that a call for this account would meet, if answers told of it since the last time of asking.
    pub fn new_load(&self, waba_id: &str) -> Load {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner).news_of(waba_id)
    }

    /// Sends one message, once. `body` is the whole JSON body, callback data included.
    ///
    /// Errors say whether it may have been sent. Dropping the future leaves that open as well.
    pub async fn send_message(
        &self,
        phone_number_id: &str,
        token: &SecretString,
        body: Vec<u8>,
    ) -> Result<Accepted, Error> {
        let request = self.request(Method::POST, &[phone_number_id, "messages"])?;
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        let answer = self.execute(request, token, MAX_ANSWER_BYTES).await?;
        decide(&answer.reply())
    }

    /// Starts a call of `base/segment/segment`. The first segment is an id of Meta.
    pub(super) fn request(&self, method: Method, segments: &[&str]) -> Result<RequestBuilder, Error> {
        self.request_with(method, segments, &[])
    }

    /// As [`request`](Self::request), with a query.
    pub(super) fn request_with(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<RequestBuilder, Error> {
        let id = segments.first().copied().unwrap_or_default();
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(Error::NotSent(format!("`{id}` is not an id of Meta")));
        }
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(self.http.request(method, url))
    }

    /// Starts a call of an address that was checked.
    pub(super) fn request_url(&self, url: Url) -> RequestBuilder {
        self.http.get(url)
    }

    /// Makes a call that can be made again without harm, and reads its answer.
    pub(super) async fn call<T>(
        &self,
        request: RequestBuilder,
        token: &SecretString,
        max_bytes: usize,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T, CallError> {
        let answer = self.execute(request, token, max_bytes).await?;
        Ok(decide_as(&answer.reply(), read)?)
    }

    async fn execute(&self, request: RequestBuilder, token: &SecretString, max_bytes: usize) -> Result<Answer, Error> {
        let response = self.respond(request, token).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, body: read(response, max_bytes).await?, headers })
    }

    /// Sends a request with the token, and notes what the answer says of limits.
    pub(super) async fn respond(&self, request: RequestBuilder, token: &SecretString) -> Result<Response, Error> {
        let request = request.header(AUTHORIZATION, bearer(token)?);
        let response = self.respond_without_token(request).await?;
        let (app, account) = (header(response.headers(), APP_USAGE), header(response.headers(), ACCOUNT_USAGE));
        if app.is_some() || account.is_some() {
            self.usage.lock().unwrap_or_else(PoisonError::into_inner).note(app, account);
        }
        Ok(response)
    }

    /// Sends a request as it is, to an address that must not see the token.
    pub(super) async fn respond_without_token(&self, request: RequestBuilder) -> Result<Response, Error> {
        let request = request.build().map_err(|error| Error::NotSent(causes(error)))?;
        self.http.execute(request).await.map_err(classify)
    }
}

/// An answer, read to its end.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn reply(&self) -> Reply<'_> {
        Reply {
            status: self.status,
            body: &self.body,
            retry_after: header(&self.headers, RETRY_AFTER.as_str()),
            usage: header(&self.headers, ACCOUNT_USAGE),
        }
    }
}

fn base(config: &ClientConfig) -> Option<Url> {
    let mut url = Url::parse(&config.base_url).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    url.path_segments_mut().ok()?.pop_if_empty().push(&config.api_version);
    Some(url)
}

fn bearer(token: &SecretString) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
        .map_err(|_| Error::NotSent("the access token holds characters that a header cannot carry".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Reads the answer up to its limit. A longer or broken one decides nothing.
pub(super) async fn read(mut response: Response, max_bytes: usize) -> Result<Vec<u8>, Error> {
    let too_long = || Error::Ambiguous(format!("an answer over {max_bytes} bytes"));
    let mut answer = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Error::Ambiguous(causes(error)))? {
        if answer.len() + chunk.len() > max_bytes {
            return Err(too_long());
        }
        answer.extend_from_slice(&chunk);
    }
    Ok(answer)
}

/// Only a connection that never came about is certain not to have carried the request.
fn classify(error: reqwest::Error) -> Error {
    if error.is_connect() || error.is_builder() {
        Error::NotSent(causes(error))
    } else {
        Error::Ambiguous(causes(error))
    }
}

/// The chain of causes in one line, without the address.
pub(super) fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line = format!("{line}: {cause}");
        source = cause.source();
    }
    line
}

#[cfg(test)]
mod tests;
