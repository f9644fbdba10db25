//! Reading a body: capped while it is read, within a deadline, and counted against all bodies in memory.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
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
    let bytes = u32::try_from(declared.unwrap_or(limits.max_bytes)).map_err(|_| BodyError::TooLarge)?;
    let permit = buffered.clone().try_acquire_many_owned(bytes).map_err(|_| BodyError::Crowded)?;
    let reading = Limited::new(request.into_body(), limits.max_bytes).collect();
    match tokio::time::timeout(limits.timeout, reading).await {
        Ok(Ok(body)) => Ok((body.to_bytes(), permit)),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(_)) => Err(BodyError::Broken),
        Err(_) => Err(BodyError::TooSlow),
    }
}
