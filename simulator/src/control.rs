//! The control surface under `/_sim/`: the [`Handle`] over HTTP, for the phone page, for
//! `parlance say` and for tests in other languages. Bodies are JSON, refusals problem documents.
//!
//! | path | what |
//! | --- | --- |
//! | `GET phones` | who there is |
//! | `POST phones/{n}/text` `{text}` | writes |
//! | `POST phones/{n}/tap`, `pick` `{id}` or `{title}`, `wamid?` | taps a button, picks a list row |
//! | `POST phones/{n}/raw` `{message, phone_number_id?}` | sends any inbound message object |
//! | `POST phones/{n}/send` `{content: {type, …}, quote?, forwarded?, from_ad?}` | sends any kind, see [`crate::Draft`] |
//! | `POST phones/{n}/status` `{wamid, status, code?}` | sends a status that does not come by itself |
//! | `PUT phones/{n}/profile` `{name?, username?, hides_number?}` | changes what webhooks say |
//! | `POST phones/{n}/change-number` `{wa_id?}` | moves to another number |
//! | `POST phones/{n}/marketing` `{stopped}`, `block` `{blocked}` | stops marketing; blocks the business |
//! | `POST phones/{n}/business-wrote` `{text}` | the business writes on its own phone (an echo) |
//! | `POST phones/{n}/forms` `{wamid}`, `GET phones/{n}/forms` | opens the form of a message: a [`crate::FormView`]; all forms |
//! | `GET forms/{id}`, `POST forms/{id}/close` | a form; closes it |
//! | `POST forms/{id}/exchange`, `complete` `{screen, payload}` | what the screen's action does |
//! | `POST forms/{id}/navigate` `{screen, next, payload}`, `back` `{screen}` | the next screen, the one before |
//! | `POST forms/{id}/submit` `{screen, values, label?}` | fills in the screen and taps its button |
//! | `GET phones/{n}/windows` | the 24 hour windows, and free entry points |
//! | `GET`, `POST templates` | the template store; adds a definition |
//! | `POST templates/{name}/status` `{status, language?, reason?}` | approves, pauses, disables |
//! | `DELETE templates/{name}` | somebody deletes it at Meta |
//! | `GET`, `PUT numbers/{id}` `{registered, refuses?, on_phone_app, reaches?}` | how a number stands with Meta |
//! | `GET`, `POST flows` `{name, id?, json?, endpoint_uri?}`, `GET flows/{id}` | the Flows at Meta; adds a published one |
//! | `POST flows/{id}/status` `{status}`, `edit` `{name?, endpoint_uri?, flow_json?}`, `DELETE flows/{id}` | somebody at Meta does that |
//! | `POST flows/{id}/event` `{event, …}` | a webhook of the field `flows` |
//! | `PUT flow-settings` `{edit_returns_to_draft}` | what an edit of a published Flow does |
//! | `GET flow-requests?limit` | what endpoints of Flows were asked, in the clear |
//! | `POST token` `{renewed?}` | the access token expires, or is replaced |
//! | `POST media` (raw bytes), `GET media/{id}` | media for phones to send; its bytes |
//! | `GET phones/{n}/transcript?after=SEQ`, `events` | what was said; the same as it happens (SSE) |
//! | `POST phones/{n}/reset`, `POST reset` | forgets one phone; everything |
//! | `GET requests?path&status&callback_data&limit`, `webhooks?limit` | the log, newest first |
//! | `GET`, `PUT`, `DELETE trouble` | rules, see [`Trouble`] |
//! | `POST deliver` `{body, signature?: valid\|none\|wrong, times?}` | posts any webhook body |
//! | `POST windows` `{phone_number_id, person}` | opens a 24 hour window |
//! | `GET`, `POST clock` `{advance: "25h"}` | the time |
//! | `GET ledger`, `stats` | accepted sends in order; counters |

mod flows;
mod forms;
mod guard;
mod phones;
mod problem;
mod standing;
mod store;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router, middleware};
use futures_util::future::join_all;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::parse_span;
use crate::handle::Handle;
use crate::log::Filter;
use crate::trouble::Trouble;
use crate::webhook::Signing;
use problem::{Asked, Problem, query, read};

const MAX_BODY: usize = 8 * 1_048_576;
const MAX_TIMES: usize = 1_000;
/// A hundred years: beyond that, dates stop making sense.
const MAX_ADVANCE_MS: u64 = 36_525 * 86_400_000;

type Answer = Result<Json<Value>, Problem>;

pub(crate) fn routes(handle: Handle) -> Router {
    Router::new()
        .route("/_sim/phones", get(phones::list))
        .route("/_sim/phones/{phone}/text", post(phones::text))
        .route("/_sim/phones/{phone}/tap", post(phones::tap))
        .route("/_sim/phones/{phone}/pick", post(phones::pick))
        .route("/_sim/phones/{phone}/raw", post(phones::raw))
        .route("/_sim/phones/{phone}/send", post(phones::send))
        .route("/_sim/phones/{phone}/change-number", post(phones::change_number))
        .route("/_sim/phones/{phone}/marketing", post(phones::marketing))
        .route("/_sim/phones/{phone}/block", post(phones::block))
        .route("/_sim/phones/{phone}/business-wrote", post(phones::business_wrote))
        .route("/_sim/phones/{phone}/windows", get(phones::windows))
        .route("/_sim/phones/{phone}/status", post(phones::status))
        .route("/_sim/phones/{phone}/profile", put(phones::profile))
        .route("/_sim/phones/{phone}/transcript", get(phones::transcript))
        .route("/_sim/phones/{phone}/events", get(phones::events))
        .route("/_sim/phones/{phone}/reset", post(phones::reset))
        .route("/_sim/templates", get(store::templates).post(store::put_template))
        .route("/_sim/templates/{name}", delete(store::delete_template))
        .route("/_sim/numbers/{id}", get(standing::number).put(standing::set_number))
        .route("/_sim/phones/{phone}/forms", get(forms::list).post(forms::open))
        .route("/_sim/forms/{id}", get(forms::get))
        .route("/_sim/forms/{id}/exchange", post(forms::exchange))
        .route("/_sim/forms/{id}/complete", post(forms::complete))
        .route("/_sim/forms/{id}/navigate", post(forms::navigate))
        .route("/_sim/forms/{id}/back", post(forms::back))
        .route("/_sim/forms/{id}/submit", post(forms::submit))
        .route("/_sim/forms/{id}/close", post(forms::close))
        .route("/_sim/flows", get(flows::list).post(flows::put))
        .route("/_sim/flows/{id}", get(flows::get).delete(flows::delete))
        .route("/_sim/flows/{id}/status", post(flows::status))
        .route("/_sim/flows/{id}/edit", post(flows::edit))
        .route("/_sim/flows/{id}/event", post(flows::event))
        .route("/_sim/flow-settings", put(flows::settings))
        .route("/_sim/flow-requests", get(flows::requests))
        .route("/_sim/token", post(standing::token))
        .route("/_sim/templates/{name}/status", post(store::template_status))
        .route("/_sim/media", post(store::add_media))
        .route("/_sim/media/{id}", get(store::media))
        .route("/_sim/requests", get(requests))
        .route("/_sim/webhooks", get(webhooks))
        .route("/_sim/trouble", get(trouble).put(set_trouble).delete(clear_trouble))
        .route("/_sim/deliver", post(deliver))
        .route("/_sim/windows", post(open_window))
        .route("/_sim/clock", get(clock).post(advance))
        .route("/_sim/ledger", get(ledger))
        .route("/_sim/stats", get(stats))
        .route("/_sim/reset", post(reset))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "the simulator serves /, /_sim/… and /v25.0/…") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path takes another method")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(handle.clone(), guard::guard))
        .with_state(handle)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    path: Option<String>,
    status: Option<u16>,
    callback_data: Option<String>,
    #[serde(default = "page_size")]
    limit: usize,
}

fn page_size() -> usize {
    100
}

async fn requests(State(handle): State<Handle>, wanted: Asked<Wanted>) -> Answer {
    let Wanted { path, status, callback_data, limit } = query(wanted)?;
    Ok(Json(json!({ "items": handle.requests(&Filter { path, status, callback_data, limit }) })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    #[serde(default = "page_size")]
    limit: usize,
}

async fn webhooks(State(handle): State<Handle>, limit: Asked<Limit>) -> Answer {
    Ok(Json(json!({ "items": handle.webhooks(query(limit)?.limit) })))
}

async fn trouble(State(handle): State<Handle>) -> Json<Trouble> {
    Json(handle.trouble())
}

async fn set_trouble(State(handle): State<Handle>, body: Bytes) -> Result<Json<Trouble>, Problem> {
    handle.set_trouble(read(&body)?).map_err(Problem::bad)?;
    Ok(Json(handle.trouble()))
}

async fn clear_trouble(State(handle): State<Handle>) -> Json<Trouble> {
    handle.clear_trouble();
    Json(handle.trouble())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deliver {
    /// A string is posted as it is, anything else as JSON.
    body: Value,
    #[serde(default)]
    signature: Signature,
    #[serde(default = "once")]
    times: usize,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Signature {
    #[default]
    Valid,
    None,
    Wrong,
}

fn once() -> usize {
    1
}

async fn deliver(State(handle): State<Handle>, body: Bytes) -> Answer {
    let Deliver { body, signature, times } = read(&body)?;
    if !(1..=MAX_TIMES).contains(&times) {
        return Err(Problem::bad(format!("times {times} is outside 1 to {MAX_TIMES}")));
    }
    let body = Bytes::from(match body {
        Value::String(text) => text,
        other => other.to_string(),
    });
    let signing = match signature {
        Signature::Valid => Signing::Valid,
        Signature::None => Signing::None,
        Signature::Wrong => Signing::Wrong,
    };
    let posts = (0..times).map(|_| handle.deliver(body.clone(), signing));
    Ok(Json(json!({ "items": join_all(posts).await })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    phone_number_id: String,
    person: String,
}

async fn open_window(State(handle): State<Handle>, body: Bytes) -> Answer {
    let Window { phone_number_id, person } = read(&body)?;
    if handle.open_window(&phone_number_id, &person) {
        return Ok(Json(json!({ "open": true })));
    }
    Err(Problem::new(StatusCode::NOT_FOUND, format!("the simulator has no business number {phone_number_id}")))
}

async fn clock(State(handle): State<Handle>) -> Json<Value> {
    Json(json!({ "now_ms": handle.now_ms() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance: String,
}

async fn advance(State(handle): State<Handle>, body: Bytes) -> Answer {
    let Advance { advance } = read(&body)?;
    let ms = parse_span(&advance)
        .filter(|ms| *ms <= MAX_ADVANCE_MS)
        .ok_or_else(|| Problem::bad(format!("{advance:?} is not a span like 90s, 15m, 25h or 31d, up to 100 years")))?;
    if !handle.advance(ms) {
        return Err(Problem::new(StatusCode::CONFLICT, "this clock cannot be moved"));
    }
    Ok(Json(json!({ "now_ms": handle.now_ms() })))
}

async fn ledger(State(handle): State<Handle>) -> Response {
    match handle.ledger() {
        Some(ledger) => Json(ledger).into_response(),
        None => Problem::new(StatusCode::NOT_FOUND, "the ledger is off").into_response(),
    }
}

async fn stats(State(handle): State<Handle>) -> Json<Value> {
    Json(json!(handle.stats()))
}

async fn reset(State(handle): State<Handle>) -> Answer {
    handle.reset();
    Ok(Json(json!({ "reset": true })))
}
