//! Numbers added, changed, removed, tested, and their secrets, which go in and never come out.

use std::collections::BTreeMap;
use std::fmt;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::StatusCode;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::{one, rfc3339, seen, unknown};
use crate::admin::Ctx;
use crate::admin::audit::Audited;
use crate::admin::lists::{Asked, read};
use crate::admin::principal::Principal;
use crate::admin::problem::Problem;
use crate::admin::shapes;
use crate::config::Source;
use crate::numbers::{Changes, DeskError, Field, SecretStanding, Secrets, Tested, Trouble};
use crate::vault::{NO_KEY_HINT, VaultError};

/// A secret of a request. It is read, and neither shown nor written.
#[derive(Clone)]
pub(in crate::admin) struct Given(SecretString);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(String::deserialize(deserializer)?.into()))
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Says apart what is not there, and what is null.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// One more number. Secrets are encrypted in the store, and never shown.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "phone_number_id": "106540352242922", "business_account_id": "102290129340398", "access_token": "EAAexample",
    "label": "Support", "bot": "welcome"
}))]
pub(in crate::admin) struct NewNumber {
    /// Meta's id of it, not the number itself.
    phone_number_id: String,
    /// The business account.
    business_account_id: Option<String>,
    /// A system user's token.
    #[schema(value_type = String, write_only)]
    access_token: Given,
    /// Signs the webhooks of its app; else that of `[whatsapp]`.
    #[schema(value_type = Option<String>, write_only)]
    app_secret: Option<Given>,
    /// Proves subscription requests of its app; else that of `[whatsapp]` alone.
    #[schema(value_type = Option<String>, write_only)]
    verify_token: Option<Given>,
    /// The private key of Flows, as PEM.
    #[schema(value_type = Option<String>, write_only)]
    flow_private_key: Option<Given>,
    /// Opens it, if it is encrypted.
    #[schema(value_type = Option<String>, write_only)]
    flow_private_key_passphrase: Option<Given>,
    /// What people call it.
    label: Option<String>,
    /// Messages per second; 0 is no limit.
    messages_per_second: Option<u32>,
    /// Whether it is used in the WhatsApp Business app, too: 20 messages a second at most.
    #[serde(default)]
    coexistence: bool,
    /// The id of the bot that answers; else `bots.default`.
    bot: Option<String>,
}

/// Other values; what is not there stays.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "label": "Support", "messages_per_second": 40 }))]
pub(in crate::admin) struct ChangeNumber {
    /// The business account; empty: not known.
    business_account_id: Option<String>,
    /// What people call it; empty: nothing.
    label: Option<String>,
    /// Messages per second; 0 is no limit, null is as for all others.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>)]
    messages_per_second: Option<Option<u32>>,
    /// Whether it is used in the WhatsApp Business app, too.
    coexistence: Option<bool>,
    /// The id of the bot that answers; empty: `bots.default`.
    bot: Option<String>,
}

/// Secrets to set (a text) or to take away (null). What is not there stays. An app secret or a private key that is replaced
/// is still accepted as the one before, until that is taken away.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "app_secret": "0123456789abcdef0123456789abcdef" }))]
pub(in crate::admin) struct NewSecrets {
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, write_only)]
    access_token: Option<Option<Given>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, write_only)]
    app_secret: Option<Option<Given>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, write_only)]
    app_secret_previous: Option<Option<Given>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, write_only)]
    verify_token: Option<Option<Given>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, write_only)]
    flow_private_key: Option<Option<Given>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, write_only)]
    flow_private_key_passphrase: Option<Option<Given>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, write_only)]
    flow_private_key_previous: Option<Option<Given>>,
}

/// How a secret stands. Nothing of it is in here.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::admin) struct SecretView {
    /// Such as `access_token`.
    name: &'static str,
    /// Whether there is one.
    set: bool,
    /// `default`, `generated`, `file`, `variable`, `flag` or `store`.
    origin: &'static str,
    /// Where exactly: the file, its line, or the name of the variable.
    source: String,
    /// Since when it is this one, if the store keeps it.
    since: Option<String>,
    /// Seconds since then.
    age_seconds: Option<u64>,
}

/// The secrets of a number.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "items": [{
    "name": "access_token", "set": true, "origin": "variable", "source": "WHATSAPP_ACCESS_TOKEN", "since": null,
    "age_seconds": null
}], "next_cursor": null }))]
pub(in crate::admin) struct SecretList {
    items: Vec<SecretView>,
    next_cursor: Option<String>,
}

/// What Meta says of a number with its token.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "ok": false, "number": null, "problems": [{
    "check": "token", "what": "the access token is wrong, expired or revoked (190)", "hint": "make another one",
    "code": 190, "fbtrace_id": "A1b2"
}] }))]
pub(in crate::admin) struct TestView {
    /// Whether nothing is wrong.
    ok: bool,
    /// The number as Meta has it.
    #[schema(value_type = Option<Object>)]
    number: Value,
    /// What is wrong.
    problems: Vec<TroubleView>,
}

/// One thing that is wrong.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::admin) struct TroubleView {
    /// `token`, `permission`, `number`, `account`, `status` or `meta`.
    check: &'static str,
    /// What is wrong.
    what: String,
    /// What to do.
    hint: String,
    /// Meta's code.
    code: Option<u32>,
    /// What Meta's support asks for.
    fbtrace_id: Option<String>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct How {
    /// Only say whether it can be done; a new number is tested at Meta.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Remove {
    /// Although something of it is open.
    #[serde(default)]
    force: bool,
    /// Only say whether it can be done.
    #[serde(default)]
    dry_run: bool,
}

/// Serves one more number, at once. It is kept in the store, its secrets encrypted.
#[utoipa::path(
    post, path = "/api/v1/numbers", tag = "numbers", params(How), request_body = NewNumber,
    responses((status = CREATED, body = shapes::Number), (status = OK, description = "a dry run", body = TestView))
)]
pub(in crate::admin) async fn add(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<How>,
    body: Bytes,
) -> Result<(StatusCode, Extension<Audited>, Json<Value>), Problem> {
    let (How { dry_run }, new) = (read(query)?, body_of::<NewNumber>(&body)?);
    if principal.numbers.is_some() {
        let detail = "this credential is for some numbers only, and may add none";
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    let (id, token) = (new.phone_number_id.trim().to_owned(), new.access_token.0.clone());
    let (changes, secrets) = new.parts();
    let desk = &shared.parts.desk;
    desk.add(&id, &changes, &secrets, dry_run).await.map_err(refused)?;
    if dry_run {
        let tested = desk.try_out(&id, changes.account.as_deref().filter(|id| !id.is_empty()), &token).await;
        return Ok((StatusCode::OK, Extension(Audited::default()), Json(json!(TestView::from(tested)))));
    }
    let number = one(&shared, &id).await?;
    let audited = Audited::default().after(set_up(&number)).target(&id);
    Ok((StatusCode::CREATED, Extension(audited), Json(number)))
}

/// Changes a number that the store keeps. One of the configuration is changed there.
#[utoipa::path(
    patch, path = "/api/v1/numbers/{id}", tag = "numbers", params(("id" = String, Path), How), request_body = ChangeNumber,
    responses((status = OK, body = shapes::Number))
)]
pub(in crate::admin) async fn change(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<How>,
    body: Bytes,
) -> Result<(Extension<Audited>, Json<Value>), Problem> {
    seen(&principal, &id)?;
    let (How { dry_run }, change) = (read(query)?, body_of::<ChangeNumber>(&body)?);
    let changes = Changes {
        account: change.business_account_id,
        label: change.label,
        messages_per_second: change.messages_per_second,
        coexistence: change.coexistence,
        bot: change.bot,
    };
    let before = one(&shared, &id).await?;
    shared.parts.desk.change(&id, &changes, dry_run).await.map_err(refused)?;
    let after = one(&shared, &id).await?;
    Ok((Extension(Audited::default().before(set_up(&before)).after(set_up(&after))), Json(after)))
}

/// Serves a number no longer, and forgets its secrets; its conversations stay. Refused while something of it is open, unless
/// it is forced, and for numbers of the configuration.
#[utoipa::path(
    delete, path = "/api/v1/numbers/{id}", tag = "numbers", params(("id" = String, Path), Remove),
    responses((status = NO_CONTENT))
)]
pub(in crate::admin) async fn remove(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<Remove>,
) -> Result<(StatusCode, Extension<Audited>), Problem> {
    seen(&principal, &id)?;
    let Remove { force, dry_run } = read(query)?;
    let before = one(&shared, &id).await?;
    shared.parts.desk.remove(&id, force, dry_run).await.map_err(refused)?;
    Ok((StatusCode::NO_CONTENT, Extension(Audited::default().before(set_up(&before)))))
}

/// How the secrets of a number stand: where each comes from and how old it is, and nothing of it.
#[utoipa::path(
    get, path = "/api/v1/numbers/{id}/secrets", tag = "numbers", params(("id" = String, Path)),
    responses((status = OK, body = SecretList))
)]
pub(in crate::admin) async fn secrets(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<SecretList>, Problem> {
    seen(&principal, &id)?;
    let standings = shared.parts.desk.secrets(&id).await.map_err(refused)?;
    let now_ms = shared.parts.clock.now_ms();
    let items = standings.into_iter().map(|standing| SecretView::of(standing, now_ms)).collect();
    Ok(Json(SecretList { items, next_cursor: None }))
}

/// Sets secrets of a number, or takes them away; they count at once. What the configuration sets is changed there.
#[utoipa::path(
    put, path = "/api/v1/numbers/{id}/secrets", tag = "numbers", params(("id" = String, Path), How),
    request_body = NewSecrets, responses((status = OK, body = SecretList))
)]
pub(in crate::admin) async fn set_secrets(
    state: Ctx,
    principal: Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<How>,
    body: Bytes,
) -> Result<(Extension<Audited>, Json<SecretList>), Problem> {
    seen(&principal, &id)?;
    let (How { dry_run }, new) = (read(query)?, body_of::<NewSecrets>(&body)?.fields());
    if new.is_empty() {
        return Err(Problem::bad_request("the body names no secret")
            .hint(r#"send {"app_secret": "…"}, or null to take one away"#));
    }
    state.parts.desk.set_secrets(&id, &new, dry_run).await.map_err(refused)?;
    let names = |set: bool| -> Vec<_> {
        new.iter().filter(|(_, value)| value.is_some() == set).map(|(field, _)| field.name()).collect()
    };
    let audited = Audited::default().after(json!({ "set": names(true), "taken_away": names(false) }));
    Ok((Extension(audited), secrets(state, principal, Path(id)).await?))
}

/// What the audit trail says of how a number is set up.
fn set_up(number: &Value) -> Value {
    let kept = ["label", "business_account_id", "bot", "messages_per_second", "coexistence"];
    kept.into_iter().map(|name| (name.to_owned(), number[name].clone())).collect()
}

/// Asks Meta for the number with its token, and says what is wrong.
#[utoipa::path(
    post, path = "/api/v1/numbers/{id}/test", tag = "numbers", params(("id" = String, Path)),
    responses((status = OK, body = TestView))
)]
pub(in crate::admin) async fn test(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<TestView>, Problem> {
    seen(&principal, &id)?;
    Ok(Json(shared.parts.desk.test(&id).await.map_err(refused)?.into()))
}

impl NewNumber {
    fn parts(self) -> (Changes, Secrets) {
        let given = [
            (Field::AccessToken, Some(self.access_token)),
            (Field::AppSecret, self.app_secret),
            (Field::VerifyToken, self.verify_token),
            (Field::FlowPrivateKey, self.flow_private_key),
            (Field::FlowPassphrase, self.flow_private_key_passphrase),
        ];
        let secrets = given.into_iter().filter_map(|(field, secret)| Some((field, Some(secret?.0)))).collect();
        let changes = Changes {
            account: self.business_account_id,
            label: self.label,
            messages_per_second: self.messages_per_second.map(Some),
            coexistence: Some(self.coexistence),
            bot: self.bot,
        };
        (changes, secrets)
    }
}

impl NewSecrets {
    fn fields(self) -> Secrets {
        let given = [
            (Field::AccessToken, self.access_token),
            (Field::AppSecret, self.app_secret),
            (Field::AppSecretPrevious, self.app_secret_previous),
            (Field::VerifyToken, self.verify_token),
            (Field::FlowPrivateKey, self.flow_private_key),
            (Field::FlowPassphrase, self.flow_private_key_passphrase),
            (Field::FlowPrivateKeyPrevious, self.flow_private_key_previous),
        ];
        let given = given.into_iter().filter_map(|(field, secret)| Some((field, secret?.map(|secret| secret.0))));
        given.collect::<BTreeMap<_, _>>()
    }
}

impl SecretView {
    fn of(standing: SecretStanding, now_ms: u64) -> Self {
        let origin = match &standing.source {
            Source::Default => "default",
            Source::Generated => "generated",
            Source::File { .. } => "file",
            Source::Variable(_) => "variable",
            Source::Flag => "flag",
            Source::Store => "store",
        };
        let source = match standing.file {
            Some(file) => format!("{file} ({})", standing.source),
            None => standing.source.to_string(),
        };
        Self {
            name: standing.field.name(),
            set: standing.set,
            origin,
            source,
            since: standing.since_ms.map(rfc3339),
            age_seconds: standing.since_ms.map(|since_ms| now_ms.saturating_sub(since_ms) / 1_000),
        }
    }
}

impl From<Tested> for TestView {
    fn from(tested: Tested) -> Self {
        let view =
            |Trouble { check, what, hint, code, fbtrace_id }| TroubleView { check, what, hint, code, fbtrace_id };
        Self {
            ok: tested.is_fine(),
            number: json!(tested.number),
            problems: tested.problems.into_iter().map(view).collect(),
        }
    }
}

/// A body with secrets. What is wrong with it is told without its values: one may stand in the wrong place.
fn body_of<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let (text, place) = (error.to_string(), format!("line {} column {}", error.line(), error.column()));
        if error.classify() != serde_json::error::Category::Data {
            return Problem::bad_request(format!("the body is not JSON, at {place}"));
        }
        let names_only = text.starts_with("unknown field") || text.starts_with("missing field");
        let detail = if names_only { text } else { format!("a member has the wrong kind of value, at {place}") };
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-body", detail)
            .hint("the document of the API has its form: GET /api/v1/openapi.json")
    })
}

fn refused(error: DeskError) -> Problem {
    let problem = |status, kind| Problem::new(status, kind, error.to_string());
    let conflict = |kind| problem(StatusCode::CONFLICT, kind);
    match &error {
        DeskError::Unknown(id) => unknown(id),
        DeskError::There(_) => conflict("number-exists").hint("PATCH changes it, PUT …/secrets sets its secrets"),
        DeskError::Configured(_) => conflict("number-configured").hint(
            "change its table in the configuration, then reload or restart; GET /api/v1/config says where it stands",
        ),
        DeskError::SetElsewhere { place, .. } => conflict("secret-configured")
            .hint(format!("change it in {place}; what the configuration sets wins over the store")),
        DeskError::Value { field, .. } => {
            problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").with("pointer", format!("/{field}"))
        }
        DeskError::Busy { .. } => conflict("number-busy").hint(
            "wait until it is done, or send force=true: what is open waits in the outbox for the number to come back",
        ),
        DeskError::Full => conflict("full"),
        DeskError::Vault(VaultError::NoKey) => conflict("no-secrets-key").hint(NO_KEY_HINT),
        DeskError::Vault(VaultError::Store(store)) | DeskError::Store(store) => store.clone().into(),
        DeskError::Vault(_) => conflict("conflict"),
        DeskError::Engine(_) => {
            tracing::error!(%error, "a number could not be put into service");
            problem(StatusCode::SERVICE_UNAVAILABLE, "not-in-effect")
                .hint("it is kept, and is served with the next start")
        }
    }
}
