//! The live version of a bot as a picture.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use chatbot::Picture;
use http::header;
use serde::Deserialize;
use utoipa::IntoParams;

use super::lacking;
use crate::admin::Ctx;
use crate::admin::lists::{Asked, read};
use crate::admin::problem::Problem;
use crate::bots::PublishError;

/// A picture that a browser opens by itself may style itself and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct GraphQuery {
    /// How it is written.
    format: Option<String>,
}

/// `format` is `mermaid`, `dot` or `svg`, which is the default.
#[utoipa::path(
    get, path = "/api/v1/bots/{id}/graph",
    params(GraphQuery),
    responses((status = OK, body = String, content_type = "image/svg+xml")),
)]
pub(in crate::admin) async fn graph(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Asked<GraphQuery>,
) -> Result<Response, Problem> {
    let picture = match read(query)?.format.as_deref() {
        None => Picture::Svg,
        Some(name) => Picture::from_name(name)
            .ok_or_else(|| Problem::bad_request(format!("format {name} is none of {}", Picture::NAMES.join(", "))))?,
    };
    let bot = shared.parts.bots.live_of(&id).ok_or_else(|| Problem::from(PublishError::NoBot(id)))?;
    let text = chatbot::graph(&bot, &lacking(&shared, &bot), picture);
    let headers = [(header::CONTENT_TYPE, picture.media_type()), (header::CONTENT_SECURITY_POLICY, POLICY)];
    Ok((headers, text).into_response())
}
