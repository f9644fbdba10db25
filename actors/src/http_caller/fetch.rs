//! One try of a call over the network: the guard before every hop, one look-up per connection, a deadline over all of it,
//! a body that is capped while it is read. Nothing is decompressed, so no small answer becomes a large one.

use std::error::Error as _;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chatbot::HttpOutcome;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use reqwest::{Client, Method, Response, StatusCode, redirect, retry};
use url::Url;

use super::guard::{Allow, Guard};
use super::prepare::Request;
use crate::retry_after::RetryAfter;

/// Redirects that one try follows.
const MAX_REDIRECTS: usize = 3;
/// Shorter than servers keep a connection, so that a call seldom meets one that is just closing.
const POOL_IDLE: Duration = Duration::from_secs(20);
const MAX_IDLE_CONNECTIONS: usize = 4;
/// A header with the type of a body is kept up to this length.
const MAX_TYPE_CHARS: usize = 256;

/// What came of one try.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetched {
    /// What came.
    pub outcome: HttpOutcome,
    /// When the host wants to be asked again, if it says so.
    pub retry_after: Option<RetryAfter>,
}

impl From<HttpOutcome> for Fetched {
    fn from(outcome: HttpOutcome) -> Self {
        Self { outcome, retry_after: None }
    }
}

/// Makes one try of a call.
pub trait Fetch: Send + Sync + 'static {
    /// Tries within the request's own time.
    fn fetch(&self, request: Request) -> Pin<Box<dyn Future<Output = Fetched> + Send + '_>>;
}

/// Looks a name up.
pub trait Lookup: Send + Sync + 'static {
    /// The addresses of a name.
    fn lookup(&self, name: String) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>>;
}

/// The system's look-up.
struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: String) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Tries over the network.
pub struct WebFetch {
    client: Client,
    guard: Arc<Guard>,
}

/// The HTTP client does not start.
#[derive(Debug, thiserror::Error)]
#[error("the http client does not start: {0}")]
pub struct WebError(#[from] reqwest::Error);

impl WebFetch {
    /// Over the system's look-up.
    pub fn new(allow: Allow) -> Result<Self, WebError> {
        Self::with_lookup(allow, Arc::new(SystemLookup))
    }

    /// Over another look-up.
    pub fn with_lookup(allow: Allow, lookup: Arc<dyn Lookup>) -> Result<Self, WebError> {
        let guard = Arc::new(Guard::new(allow));
        let client = Client::builder()
            .user_agent(concat!("parlance/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(Guarded { guard: guard.clone(), lookup }))
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .build()?;
        Ok(Self { client, guard })
    }

    async fn follow(&self, mut request: Request) -> Fetched {
        for hop in 0..=MAX_REDIRECTS {
            let url = match self.guard.check(&request.url) {
                Ok(url) => url,
                Err(why) => return refused(why),
            };
            let response = match self.send(&request, url.clone()).await {
                Ok(response) => response,
                Err(fetched) => return fetched,
            };
            match next(&url, &response).filter(|_| request.follow) {
                None => return read(response, request.max_bytes).await,
                Some(_) if hop == MAX_REDIRECTS => break,
                Some(Err(why)) => return refused(why),
                Some(Ok(to)) => redirect(&mut request, &url, &to, response.status()),
            }
        }
        refused(format!("over {MAX_REDIRECTS} redirects"))
    }

    async fn send(&self, request: &Request, url: Url) -> Result<Response, Fetched> {
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|error| refused(error.to_string()))?;
        let mut builder = self.client.request(method, url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        builder.send().await.map_err(failed)
    }
}

impl Fetch for WebFetch {
    fn fetch(&self, request: Request) -> Pin<Box<dyn Future<Output = Fetched> + Send + '_>> {
        let limit = Duration::from_millis(request.timeout_ms);
        Box::pin(async move {
            let all = tokio::time::timeout(limit, self.follow(request)).await;
            all.unwrap_or_else(|_| HttpOutcome::Timeout.into())
        })
    }
}

fn refused(why: impl Into<String>) -> Fetched {
    HttpOutcome::Refused { why: why.into() }.into()
}

/// Where a redirect leads; `None` if the answer is none.
fn next(from: &Url, response: &Response) -> Option<Result<Url, String>> {
    let followed = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| followed)?;
    let to = location.to_str().ok().and_then(|location| from.join(location).ok());
    Some(match to {
        Some(to) if from.scheme() == "https" && to.scheme() != "https" => {
            Err("a redirect from https to something else".to_owned())
        }
        Some(to) => Ok(to),
        None => Err("a redirect to what is no address".to_owned()),
    })
}

/// The next request. What is private goes to no other host; a body goes on only where the status says so.
fn redirect(request: &mut Request, from: &Url, to: &Url, status: StatusCode) {
    if from.origin() != to.origin() {
        let private = std::mem::take(&mut request.private);
        request.headers.retain(|(name, _)| !private.contains(&name.to_lowercase()));
        request.private = private;
    }
    let as_it_was = matches!(status.as_u16(), 307 | 308) || matches!(request.method.as_str(), "GET" | "HEAD");
    if !as_it_was {
        request.method = "GET".to_owned();
        request.body = None;
        request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
    }
    request.url = to.to_string();
}

async fn read(mut response: Response, max_bytes: u64) -> Fetched {
    let status = response.status().as_u16();
    let retry_after = RetryAfter::of(response.headers());
    let bad = |why: String| Fetched { outcome: HttpOutcome::BadBody { status, why }, retry_after };
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let content_type = text(CONTENT_TYPE).map(|kind| kind.chars().take(MAX_TYPE_CHARS).collect());
    if let Some(encoding) = text(CONTENT_ENCODING).filter(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        let encoding: String = encoding.chars().take(32).collect();
        return bad(format!("the body is compressed ({encoding}), which was not asked for"));
    }
    let too_large = || bad(format!("the body is larger than {max_bytes} bytes"));
    if response.content_length().is_some_and(|length| length > max_bytes) {
        return too_large();
    }
    let mut body = Vec::new();
    loop {
        let chunk: Bytes = match response.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(error) => return failed(error),
        };
        if (body.len() + chunk.len()) as u64 > max_bytes {
            return too_large();
        }
        body.extend_from_slice(&chunk);
    }
    let body = match String::from_utf8(body) {
        Ok(body) => body,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    Fetched { outcome: HttpOutcome::Answer { status, content_type, body }, retry_after }
}

/// No answer, and why; without the address, which may hold secrets.
fn failed(error: reqwest::Error) -> Fetched {
    let error = error.without_url();
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(not_public) = cause.downcast_ref::<NotPublic>() {
            return refused(not_public.to_string());
        }
        why = format!("{why}: {cause}");
        source = cause.source();
    }
    match error.is_builder() {
        true => refused(why),
        false => HttpOutcome::Unreachable { why }.into(),
    }
}

/// A name whose addresses may not be called.
#[derive(Debug)]
struct NotPublic(String);

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} leads to no public address (http.allow)", self.0)
    }
}

impl std::error::Error for NotPublic {}

/// Gives the transport the addresses that were checked, and no others: a name is looked up once for a connection.
struct Guarded {
    guard: Arc<Guard>,
    lookup: Arc<dyn Lookup>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, name) = (self.guard.clone(), name.as_str().to_owned());
        let found = self.lookup.lookup(name.clone());
        Box::pin(async move {
            let fine: Vec<SocketAddr> = found
                .await?
                .into_iter()
                .filter(|address| guard.may_connect(&name, *address))
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            match fine.is_empty() {
                true => Err(NotPublic(name).into()),
                false => Ok(Box::new(fine.into_iter()) as Addrs),
            }
        })
    }
}
