//! Reading a body: capped while it is read, within a deadline, and counted against all bodies in memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::{Request, header};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub max_bytes: usize,
    pub timeout: Duration,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    TooLarge,
    TooSlow,
    Broken,
    /// Too many bytes are in memory already.
    Crowded,
}

/// The body, and the permit for its bytes.
pub(super) async fn read(
    request: Request<Incoming>,
    limits: Limits,
    buffered: &Arc<Semaphore>,
) -> Result<(Bytes, OwnedSemaphorePermit), BodyError> {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > limits.max_bytes) {
        return Err(BodyError::TooLarge);
    }
    let reading = gather(request.into_body(), limits.max_bytes, buffered);
    tokio::time::timeout(limits.timeout, reading).await.unwrap_or(Err(BodyError::TooSlow))
}

/// Pays for bytes as they come: a caller who announces much and sends nothing takes nothing from others.
async fn gather(
    mut body: Incoming,
    max_bytes: usize,
    buffered: &Arc<Semaphore>,
) -> Result<(Bytes, OwnedSemaphorePermit), BodyError> {
    let pay = |bytes: usize| {
        let bytes = u32::try_from(bytes).map_err(|_| BodyError::TooLarge)?;
        buffered.clone().try_acquire_many_owned(bytes).map_err(|_| BodyError::Crowded)
    };
    let (mut whole, mut first, mut permit) = (BytesMut::new(), Bytes::new(), pay(0)?);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        if first.len() + whole.len() + data.len() > max_bytes {
            return Err(BodyError::TooLarge);
        }
        permit.merge(pay(data.len())?);
        if first.is_empty() && whole.is_empty() {
            first = data; // Most bodies come whole; they are not copied.
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok((if whole.is_empty() { first } else { whole.freeze() }, permit))
}
