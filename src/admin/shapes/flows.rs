//! Flows and their keys.

use serde_json::Value;
use utoipa::ToSchema;

/// A Flow as Meta has it, beside what a bot wants.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "300100200300400", "account": "102290129340398", "name": "clinic_slots", "status": "PUBLISHED",
    "status_at": "2026-11-27T09:00:00.000Z", "categories": ["APPOINTMENT_BOOKING"], "json_version": "7.2",
    "data_api_version": "3.0", "endpoint_uri": null, "sync": "same", "used_by": [{ "bot": "clinic", "flow": "slots" }],
    "made_here": true, "applied_at": null, "replaced_by": null, "validation_errors": [], "findings": [],
    "problem": null, "under_way": null, "archived_at": null, "removed_at": null
}))]
pub(in super::super) struct FlowShown {
    /// Meta's id; null while only a bot has it.
    id: Option<String>,
    /// The business account.
    account: String,
    /// Its name.
    name: String,
    /// Meta's status, `LOCAL` or `REMOVED`.
    status: String,
    /// Since when.
    status_at: Option<String>,
    /// Meta's categories.
    categories: Option<Value>,
    /// Version of the Flow JSON.
    json_version: Option<String>,
    /// Version of the endpoint.
    data_api_version: Option<String>,
    /// Where phones ask.
    endpoint_uri: Option<String>,
    /// How file and Meta stand to one another.
    sync: Value,
    /// Bots that use it.
    used_by: Vec<Value>,
    /// Whether it was made by this program.
    made_here: bool,
    /// When it was last applied.
    applied_at: Option<String>,
    /// The Flow that took its place.
    replaced_by: Option<String>,
    /// What Meta finds in its JSON.
    validation_errors: Option<Vec<Value>>,
    /// What the checker finds in its JSON.
    findings: Value,
    /// Why the last step failed.
    problem: Option<Value>,
    /// A step that has begun.
    under_way: Option<Value>,
    /// When it was put aside.
    archived_at: Option<String>,
    /// When Meta no longer had it.
    removed_at: Option<String>,
    /// Alerts of Meta; of a single Flow.
    alerts: Option<Vec<Value>>,
    /// Meta's health; of a single Flow.
    health_status: Option<Value>,
    /// The app; of a single Flow.
    application: Option<Value>,
    /// The account; of a single Flow.
    whatsapp_business_account: Option<Value>,
}

/// A page of Flows.
#[derive(ToSchema)]
pub(in super::super) struct Flows {
    /// By account and name.
    items: Vec<FlowShown>,
    /// For the next page.
    next_cursor: Option<String>,
    /// When each account's list was last read.
    accounts: Vec<Value>,
}

/// What applying would do.
#[derive(ToSchema)]
#[schema(example = json!({ "items": [], "unreadable": [], "warnings": [] }))]
pub(in super::super) struct Plan {
    /// Each Flow with its steps.
    items: Vec<Value>,
    /// Bots that could not be read.
    unreadable: Vec<String>,
    /// What keeps the Flows from working.
    warnings: Vec<String>,
}

/// What was applied; with `dry_run` the plan.
#[derive(ToSchema)]
#[schema(example = json!({ "outcomes": [], "unreadable": [], "warnings": [], "put_off": null, "whole": true }))]
pub(in super::super) struct Applied {
    /// Each Flow.
    outcomes: Option<Vec<Value>>,
    /// Of a dry run: each Flow with its steps.
    items: Option<Vec<Value>>,
    /// Bots that could not be read.
    unreadable: Vec<String>,
    /// What keeps the Flows from working.
    warnings: Vec<String>,
    /// Why something is left that is done once Meta can be reached.
    put_off: Option<String>,
    /// Whether everything was done.
    whole: Option<bool>,
    /// Set on a dry run.
    dry_run: Option<bool>,
}

/// What the lists changed.
#[derive(ToSchema)]
#[schema(example = json!({ "items": [], "next_cursor": null, "dry_run": false }))]
pub(in super::super) struct FlowsSynced {
    /// Each account.
    items: Vec<Value>,
    /// Always null.
    next_cursor: Option<String>,
    /// Whether nothing was kept.
    dry_run: bool,
}

/// What was copied into another account.
#[derive(ToSchema)]
#[schema(example = json!({ "from": "102290129340398", "to": "102290129340399", "migrated": [], "failed": [] }))]
pub(in super::super) struct Migrated {
    /// The account they come from.
    from: String,
    /// The account they go to.
    to: String,
    /// Those that are there now.
    migrated: Option<Value>,
    /// Those that Meta did not copy.
    failed: Option<Value>,
    /// What would be copied.
    names: Option<Vec<String>>,
    /// Set on a dry run.
    dry_run: Option<bool>,
}

/// A Flow that was removed; with `dry_run`, what would be.
#[derive(ToSchema)]
#[schema(example = json!({ "id": "300100200300400", "name": "clinic_slots", "status": "DEPRECATED", "removed": "archived", "note": null }))]
pub(in super::super) struct FlowRemoved {
    /// Meta's id.
    id: Option<String>,
    /// Its name.
    name: Option<String>,
    /// Meta's status.
    status: Option<String>,
    /// What was done.
    removed: Option<Value>,
    /// What stays.
    note: Option<String>,
    /// Set on a dry run.
    dry_run: Option<bool>,
    /// The draft that would be deleted.
    would_delete: Option<Value>,
    /// The Flow that would be taken out of use.
    would_deprecate: Option<Value>,
}

/// A link to look at a Flow.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "300100200300400", "name": "clinic_slots", "url": "https://business.facebook.com/wa/manage/flows/1/preview/",
    "expires_at": "2026-12-27T09:00:00.000Z", "note": "anybody with the link sees the Flow until then"
}))]
pub(in super::super) struct PreviewLink {
    /// Meta's id.
    id: String,
    /// Its name.
    name: String,
    /// The link.
    url: Value,
    /// Until when it works.
    expires_at: Option<String>,
    /// Who can use it.
    note: String,
}

/// Files of a Flow at Meta.
#[derive(ToSchema)]
#[schema(example = json!({ "items": [{ "name": "flow.json", "asset_type": "FLOW_JSON" }], "next_cursor": null }))]
pub(in super::super) struct Assets {
    /// Each file.
    items: Vec<Value>,
    /// Always null.
    next_cursor: Option<String>,
}

/// How the key of a number stands.
#[derive(ToSchema)]
#[schema(example = json!({
    "number": "106540352242922", "fingerprint": "0c0d", "previous_fingerprint": null, "file": "keys/flow.pem",
    "published": "ours", "published_fingerprint": "0c0d", "signature_status": "VALID", "problem": null
}))]
pub(in super::super) struct FlowKey {
    /// Meta's `phone_number_id`.
    number: String,
    /// Names the private key here.
    fingerprint: Option<String>,
    /// Names the one before.
    previous_fingerprint: Option<String>,
    /// Where the private key lies.
    file: Option<String>,
    /// Whose key Meta has.
    published: Value,
    /// Names the key that Meta has.
    published_fingerprint: Option<String>,
    /// `VALID` or `MISMATCH`.
    signature_status: Option<String>,
    /// What to do, or why Meta did not say.
    problem: Option<String>,
}

/// What became of uploads.
#[derive(ToSchema)]
#[schema(example = json!({ "items": [{ "number": "106540352242922", "fingerprint": "0c0d", "result": "uploaded", "problem": null }] }))]
pub(in super::super) struct FlowKeyUploads {
    /// Each number.
    items: Vec<Value>,
}

/// What the checks of the keys came to.
#[derive(ToSchema)]
#[schema(example = json!({ "items": [{ "number": "106540352242922", "ok": true, "published": "ours", "signature_status": "VALID", "ping": {}, "problem": null }] }))]
pub(in super::super) struct FlowKeyChecks {
    /// Each number.
    items: Vec<Value>,
}

/// What a rotation came to.
#[derive(ToSchema)]
#[schema(example = json!({ "resumed": false, "warnings": [], "items": [] }))]
pub(in super::super) struct FlowKeyRotated {
    /// Whether a rotation that had broken off was finished.
    resumed: bool,
    /// What an operator should see to.
    warnings: Vec<String>,
    /// Each number.
    items: Vec<Value>,
}

/// How a Flow does.
#[derive(ToSchema)]
#[schema(example = json!({
    "bot": "clinic", "flow": "slots", "requests": 40, "error_rate": 0.0, "p90_latency_ms": 50, "availability": 100.0, "near": []
}))]
pub(in super::super) struct FlowHealthReading {
    /// The bot.
    bot: String,
    /// Its name for the Flow.
    flow: String,
    /// Requests of the last 30 minutes.
    requests: u32,
    /// Percent of them without a usable answer.
    error_rate: f64,
    /// At most this long for 9 of 10.
    p90_latency_ms: u32,
    /// Percent of the requests of the last 10 minutes that were answered at all.
    availability: f64,
    /// What is near a threshold of Meta's.
    near: Vec<Value>,
}
