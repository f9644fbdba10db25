//! Files: upload, address, download, delete.
//!
//! An uploaded id lives 30 days, one from a webhook 7, the address of either 5 minutes. The token goes
//! with a download to Meta's media host or to the Graph host itself, to no other, and no redirect is
//! followed. Source: Meta's media page, January 2026.

use std::io;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::Stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, Response, Url};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::call::CallError;
use super::client::{Client, MAX_ANSWER_BYTES, causes, header};
use super::reply::success;
use crate::limits;

/// Where Meta keeps files.
pub(super) const HOST: &str = "lookaside.fbsbx.com";
/// Where files lie that people upload inside forms: hosts that end so.
const CDN: [&str; 2] = [".fbcdn.net", ".whatsapp.net"];
/// For the whole of an upload or download.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A file on its way to Meta.
pub struct Upload {
    mime_type: String,
    filename: String,
    length: u64,
    body: Body,
}

/// What Meta says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaInfo {
    /// The media id.
    pub id: String,
    /// Where it lies for five minutes.
    pub url: String,
    /// Its type; not to be trusted.
    pub mime_type: Option<String>,
    /// Its digest, hex or base64.
    pub sha256: Option<String>,
    /// Its length in bytes.
    pub file_size: Option<u64>,
}

/// What a download must keep to.
#[derive(Debug, Clone)]
pub struct DownloadRules {
    /// More is not read.
    pub max_bytes: u64,
    /// The digest it must have, hex or base64; `None` leaves it unchecked.
    pub sha256: Option<String>,
}

/// A file on its way from Meta. What was read counts only when [`chunk`](Self::chunk) gave `None`: the
/// digest is known at the end.
pub struct Download {
    response: Response,
    hasher: Sha256,
    expected: Option<Vec<u8>>,
    max_bytes: u64,
    read_bytes: u64,
}

impl Upload {
    /// A file in memory. `mime_type` e.g. `image/jpeg`.
    pub fn bytes(mime_type: impl Into<String>, filename: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let length = bytes.len() as u64;
        Self { mime_type: mime_type.into(), filename: filename.into(), length, body: bytes.into() }
    }

    /// A file that is read while it is sent; `length` is the number of bytes it will give.
    pub fn stream(
        mime_type: impl Into<String>,
        filename: impl Into<String>,
        length: u64,
        stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        Self { mime_type: mime_type.into(), filename: filename.into(), length, body: Body::wrap_stream(stream) }
    }

    fn form(self) -> Result<Form, CallError> {
        let kind = self.mime_type.split(';').next().unwrap_or_default().trim();
        if let Some(max) = limits::media_bytes(kind)
            && self.length > max
        {
            let why = format!("a file of type `{kind}` may have {max} bytes and has {}", self.length);
            return Err(CallError::Unusable(why));
        }
        let file = Part::stream_with_length(self.body, self.length).file_name(self.filename);
        let wrong = |_| CallError::Unusable(format!("`{}` is not a media type", self.mime_type));
        let file = file.mime_str(&self.mime_type).map_err(wrong)?;
        let form = Form::new().text("messaging_product", "whatsapp").text("type", self.mime_type.clone());
        Ok(form.part("file", file))
    }
}

impl Client {
    /// Lets downloads go to these hosts (by https) instead of Meta's own; the Graph host is always allowed.
    #[must_use]
    pub fn with_media_hosts(mut self, hosts: Vec<String>) -> Self {
        self.media_hosts = hosts.into();
        self
    }

    /// Uploads a file and gives its media id. Errors: `Unusable` also when it is larger than its type may be.
    pub async fn upload_media(
        &self,
        phone_number_id: &str,
        token: &SecretString,
        file: Upload,
    ) -> Result<String, CallError> {
        let request = self.request(Method::POST, &[phone_number_id, "media"])?;
        let request = request.multipart(file.form()?).timeout(TIMEOUT);
        self.call(request, token, MAX_ANSWER_BYTES, |body| {
            let body: Value = serde_json::from_slice(body).ok()?;
            body.get("id")?.as_str().filter(|id| !id.is_empty()).map(str::to_owned)
        })
        .await
    }

    /// Asks where a file lies. `phone_number_id` limits the answer to files of that number.
    pub async fn media_info(
        &self,
        media_id: &str,
        phone_number_id: &str,
        token: &SecretString,
    ) -> Result<MediaInfo, CallError> {
        let query = [("phone_number_id", phone_number_id)];
        let request = self.request_with(Method::GET, &[media_id], &query)?;
        self.call(request, token, MAX_ANSWER_BYTES, |body| info(media_id, body)).await
    }

    /// Opens a file at the address of its [`MediaInfo`] or webhook.
    ///
    /// Errors: `Unusable` for an address elsewhere, a redirect, or more bytes than allowed; `Unanswered`
    /// when the address has expired (ask for it again) or nothing decided comes.
    pub async fn download_media(
        &self,
        url: &str,
        token: &SecretString,
        rules: &DownloadRules,
    ) -> Result<Download, CallError> {
        let expected = match &rules.sha256 {
            Some(text) => Some(digest(text).ok_or_else(|| CallError::Unusable(format!("`{text}` is not a SHA-256")))?),
            None => None,
        };
        let request = self.request_url(self.media_url(url)?).timeout(TIMEOUT);
        let response = self.respond(request, token).await?;
        opened(response, rules.max_bytes, expected)
    }

    /// Opens a file that a person uploaded inside a form, encrypted, at Meta's CDN. No token goes with it.
    ///
    /// Errors: as of [`download_media`](Self::download_media).
    pub async fn download_upload(&self, url: &str, max_bytes: u64) -> Result<Download, CallError> {
        let request = self.request_url(self.cdn_url(url)?).timeout(TIMEOUT);
        let response = self.respond_without_token(request).await?;
        opened(response, max_bytes, None)
    }

    /// Deletes an uploaded file.
    pub async fn delete_media(&self, media_id: &str, token: &SecretString) -> Result<(), CallError> {
        let request = self.request(Method::DELETE, &[media_id])?;
        self.call(request, token, MAX_ANSWER_BYTES, success).await
    }

    fn media_url(&self, url: &str) -> Result<Url, CallError> {
        let url = Url::parse(url).map_err(|_| CallError::Unusable("the file has no readable address".to_owned()))?;
        let host = url.host_str().unwrap_or_default();
        let at_meta = url.scheme() == "https" && url.port().is_none() && self.media_hosts.iter().any(|h| h == host);
        if !at_meta && url.origin() != self.base.origin() {
            return Err(CallError::Unusable(format!("the file lies on a host that gets no token: `{host}`")));
        }
        Ok(url)
    }

    fn cdn_url(&self, url: &str) -> Result<Url, CallError> {
        let url = Url::parse(url).map_err(|_| CallError::Unusable("the file has no readable address".to_owned()))?;
        let host = url.host_str().unwrap_or_default();
        let at_meta =
            url.scheme() == "https" && url.port().is_none() && CDN.iter().any(|suffix| host.ends_with(suffix));
        if !at_meta && url.origin() != self.base.origin() {
            return Err(CallError::Unusable(format!("the file lies on a host that is not Meta's: `{host}`")));
        }
        Ok(url)
    }
}

/// A file whose bytes may be read.
fn opened(response: Response, max_bytes: u64, expected: Option<Vec<u8>>) -> Result<Download, CallError> {
    match response.status().as_u16() {
        200 => {}
        404 | 410 => return Err(CallError::Unanswered("the address of the file has expired".to_owned())),
        status @ 300..=399 => return Err(CallError::Unusable(format!("the file is moved, status {status}"))),
        status => return Err(CallError::Unanswered(format!("status {status} in place of the file"))),
    }
    let length = header(response.headers(), CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
    if length.is_some_and(|length: u64| length > max_bytes) {
        return Err(too_long(max_bytes));
    }
    Ok(Download { response, hasher: Sha256::new(), expected, max_bytes, read_bytes: 0 })
}

impl Download {
    /// The type that the answer names; not to be trusted.
    pub fn mime_type(&self) -> Option<&str> {
        header(self.response.headers(), CONTENT_TYPE.as_str())
    }

    /// The next bytes; `None` when the file is whole and has the digest it must have.
    ///
    /// Errors: `Unusable` when it grows too long or its digest differs, `Unanswered` when it breaks off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, CallError> {
        match self.response.chunk().await.map_err(|error| CallError::Unanswered(causes(error)))? {
            Some(chunk) => {
                self.read_bytes += chunk.len() as u64;
                if self.read_bytes > self.max_bytes {
                    return Err(too_long(self.max_bytes));
                }
                self.hasher.update(&chunk);
                Ok(Some(chunk))
            }
            None => self.checked().map(|()| None),
        }
    }

    fn checked(&self) -> Result<(), CallError> {
        let found = self.hasher.clone().finalize();
        match &self.expected {
            Some(expected) if expected.as_slice() != found.as_slice() => {
                Err(CallError::Unusable("the file does not have the digest that Meta names".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

fn too_long(max_bytes: u64) -> CallError {
    CallError::Unusable(format!("the file has more than {max_bytes} bytes"))
}

/// 32 bytes in hex (as the media page has them) or base64 (as webhooks do).
fn digest(text: &str) -> Option<Vec<u8>> {
    let bytes = hex::decode(text).ok().or_else(|| STANDARD.decode(text).ok())?;
    (bytes.len() == 32).then_some(bytes)
}

fn info(id: &str, body: &[u8]) -> Option<MediaInfo> {
    #[derive(Deserialize)]
    struct Wire {
        url: String,
        #[serde(default)]
        mime_type: Option<String>,
        #[serde(default)]
        sha256: Option<String>,
        #[serde(default)]
        file_size: Value,
    }
    let Wire { url, mime_type, sha256, file_size } = serde_json::from_slice(body).ok()?;
    let file_size = file_size.as_u64().or_else(|| file_size.as_str()?.parse().ok());
    Some(MediaInfo { id: id.to_owned(), url, mime_type, sha256, file_size })
}
