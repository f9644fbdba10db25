//! Bots and their versions.

use serde_json::Value;
use utoipa::ToSchema;

/// The live version of a bot.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "welcome", "title": "Welcome", "version": "4f1c9a7b", "number": 3, "nodes": 12, "stopped": false,
    "problems": [], "live": { "at": "2026-11-27T09:00:00.000Z", "source": "api", "rolled_back": false, "note": null,
        "author": null, "policy": { "migrate": "pin", "drain_after": null }, "drained_at": null }
}))]
pub(in super::super) struct BotSummary {
    /// Its id.
    id: String,
    /// Its title.
    title: String,
    /// Digest of its canonical form.
    version: String,
    /// The number of the version.
    number: Option<u32>,
    /// How many nodes it has.
    nodes: u64,
    /// Whether it failed so often that it is stopped.
    stopped: bool,
    /// What it uses and the account or the configuration does not have.
    problems: Vec<Value>,
    /// How it went live.
    live: Option<Value>,
}

/// The live version of a bot with its definition.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "welcome", "title": "Welcome", "version": "4f1c9a7b", "number": 3, "nodes": 12, "stopped": false,
    "problems": [], "live": null, "definition": { "parlance": 1, "id": "welcome" }
}))]
pub(in super::super) struct BotShown {
    /// Its id.
    id: String,
    /// Its title.
    title: String,
    /// Digest of its canonical form; also the `ETag`.
    version: String,
    /// The number of the version.
    number: Option<u32>,
    /// How many nodes it has.
    nodes: u64,
    /// Whether it failed so often that it is stopped.
    stopped: bool,
    /// What it uses and the account or the configuration does not have.
    problems: Vec<Value>,
    /// How it went live.
    live: Option<Value>,
    /// The bot itself.
    definition: Value,
}

/// What is wrong with a bot.
#[derive(ToSchema)]
#[schema(example = json!({ "ok": true, "errors": 0, "warnings": 0, "diagnostics": [], "bot": { "id": "welcome", "version": "4f1c9a7b", "nodes": 12 } }))]
pub(in super::super) struct BotCheck {
    /// Whether it could go live.
    ok: bool,
    /// How many errors.
    errors: u64,
    /// How many warnings.
    warnings: u64,
    /// Each with its code and place.
    diagnostics: Vec<Value>,
    /// The bot, if it can be read.
    bot: Option<Value>,
}

/// What went live, or would.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "welcome", "version": "4f1c9a7b", "number": 3, "nodes": 12, "created": false, "changed": true,
    "replaced": "9a7b4f1c", "changes": "1 node added", "problems": [], "missing_files": []
}))]
pub(in super::super) struct BotPublished {
    /// Its id.
    id: String,
    /// Digest of its canonical form; also the `ETag`.
    version: String,
    /// The number of the version.
    number: Option<u32>,
    /// How many nodes it has.
    nodes: u64,
    /// Whether the bot is new.
    created: bool,
    /// Whether another version is live than before.
    changed: bool,
    /// The version that was live before.
    replaced: Option<String>,
    /// What differs, in a line.
    changes: Option<String>,
    /// What the checker noticed, and what the account lacks.
    problems: Vec<Value>,
    /// Files that the bot names and that are not here.
    missing_files: Value,
    /// Set on a dry run.
    dry_run: Option<bool>,
    /// What becomes of running conversations.
    policy: Option<Value>,
}

/// A bot that was imported.
#[derive(ToSchema)]
#[schema(example = json!({ "bot": { "parlance": 1, "id": "imported" }, "version": "4f1c9a7b", "changes": [] }))]
pub(in super::super) struct BotImport {
    /// The bot; nothing is published.
    bot: Value,
    /// Digest of its canonical form.
    version: String,
    /// What could not be taken over as it was.
    changes: Value,
}

/// A version of a bot.
#[derive(ToSchema)]
#[schema(example = json!({
    "number": 3, "version": "4f1c9a7b", "at": "2026-11-27T09:00:00.000Z", "source": "api", "note": null, "author": null,
    "nodes": 12, "live": true, "running": 4, "stopped": false, "leaves_at": null
}))]
pub(in super::super) struct BotVersion {
    /// Counted from 1.
    number: u32,
    /// Digest of its canonical form.
    version: String,
    /// When it came.
    at: String,
    /// `file`, `api` or `cli`.
    source: String,
    /// What was said about it.
    note: Option<String>,
    /// Who, as they said.
    author: Option<String>,
    /// How many nodes it has.
    nodes: u64,
    /// Whether it is the live one.
    live: Option<bool>,
    /// Conversations that run it.
    running: Option<u64>,
    /// Whether it failed so often that it is stopped.
    stopped: Option<bool>,
    /// When it leaves memory.
    leaves_at: Option<String>,
}

/// A page of versions.
#[derive(ToSchema)]
pub(in super::super) struct Versions {
    /// Newest first.
    items: Vec<BotVersion>,
    /// For the next page.
    next_cursor: Option<String>,
    /// What `running` was counted from.
    counted: Value,
}

/// How a bot does.
#[derive(ToSchema)]
#[schema(example = json!({
    "bot": "welcome", "runs": 3,
    "versions": [{ "version": "4f1c", "number": 3, "live": true, "runs": 3 }],
    "nodes": [{ "node": "pick", "version": "4f1c", "runs": 2, "handed_over": 0 }],
    "counted": { "at": "2026-11-27T09:00:00.000Z", "conversations": 12, "all": true }
}))]
pub(in super::super) struct BotStats {
    /// Its id.
    bot: String,
    /// Runs that are under way.
    runs: u64,
    /// The live version and those that have runs, newest first.
    versions: Vec<RunsOfVersion>,
    /// Where runs wait, those with most of them first.
    nodes: Vec<WaitsAtNode>,
    /// What it was counted from.
    counted: Value,
}

/// Runs of a version.
#[derive(ToSchema)]
pub(in super::super) struct RunsOfVersion {
    version: String,
    number: u32,
    live: bool,
    runs: u64,
}

/// Runs that wait at a node.
#[derive(ToSchema)]
pub(in super::super) struct WaitsAtNode {
    node: String,
    version: String,
    runs: u64,
    /// Those of them that wait for a person of staff.
    handed_over: u64,
}

/// What differs between two versions.
#[derive(ToSchema)]
#[schema(example = json!({
    "from": { "number": 2, "version": "9a7b", "at": "2026-11-26T09:00:00.000Z", "source": "file", "note": null, "author": null, "nodes": 11 },
    "to": { "number": 3, "version": "4f1c", "at": "2026-11-27T09:00:00.000Z", "source": "api", "note": null, "author": null, "nodes": 12 },
    "summary": "1 node added", "diff": {}, "lines": [{ "mark": "added", "text": "node bye" }]
}))]
pub(in super::super) struct BotDiff {
    /// The older one.
    from: BotVersion,
    /// The newer one.
    to: BotVersion,
    /// In a line.
    summary: String,
    /// For programs.
    diff: Value,
    /// For people.
    lines: Vec<Value>,
}
