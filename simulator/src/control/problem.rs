//! Refusals of the control surface: `application/problem+json` with a sentence that says what to do.

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::phone::PhoneError;

#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }
}

impl From<PhoneError> for Problem {
    fn from(error: PhoneError) -> Self {
        let status = match error {
            PhoneError::NoPhone { .. }
            | PhoneError::NoNumber(_)
            | PhoneError::NoMessage { .. }
            | PhoneError::NoFlow(_)
            | PhoneError::NoForm(_) => StatusCode::NOT_FOUND,
            PhoneError::NotOffered { .. } | PhoneError::NotNow(_) => StatusCode::CONFLICT,
            PhoneError::Invalid(_) => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or_default();
        let body = json!({ "title": title, "status": self.status.as_u16(), "detail": self.detail });
        let mut response = (self.status, Json(body)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

/// Reads a JSON body, or says what is wrong with it and where.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|e| Problem::bad(format!("the request body does not fit: {e}")))
}

/// Query parameters, or what is wrong with them.
pub(crate) type Asked<T> = Result<Query<T>, QueryRejection>;

pub(crate) fn query<T>(asked: Asked<T>) -> Result<T, Problem> {
    asked.map(|Query(query)| query).map_err(|e| Problem::bad(e.body_text()))
}
