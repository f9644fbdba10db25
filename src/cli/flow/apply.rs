//! `parlance flow plan`, `apply`, `sync` and `migrate`: all Flows at once.

use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::Exit;
use crate::cli::api::{Api, ApiArgs, text};
use crate::cli::output::{Failed, data, talk};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  parlance flow plan\n  parlance flow plan --prune --json")]
pub(in crate::cli) struct PlanArgs {
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 all is as the bots want it, 1 something was refused, 4 a person has to decide, \
                        5 Meta cannot be reached: it is done later by itself.\n\
                        Examples:\n  parlance flow apply\n  parlance flow apply --draft\n  parlance flow apply --dry-run")]
pub(in crate::cli) struct ApplyArgs {
    #[command(flatten)]
    how: How,
    /// Say what would happen, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(clap::Args)]
struct How {
    /// Leave drafts as drafts; what is in use stays as it is, and changes go into a new draft
    #[arg(long)]
    draft: bool,
    /// Put the files' JSON in the place of one that was changed at Meta
    #[arg(long)]
    overwrite: bool,
    /// Delete drafts and deprecate published Flows that no bot wants any more
    #[arg(long)]
    prune: bool,
}

#[derive(clap::Args)]
pub(in crate::cli) struct SyncArgs {
    /// Say what differs, and keep nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  parlance flow migrate --from 300100200300400 --to 300100200300401\n  \
                        parlance flow migrate --from 300100200300400 --to 300100200300401 clinic_booking")]
pub(in crate::cli) struct MigrateArgs {
    /// Business account that has them
    #[arg(long, value_name = "WABA")]
    from: String,
    /// Business account that gets copies, as drafts
    #[arg(long, value_name = "WABA")]
    to: String,
    /// Names of Flows, at most 100; all when absent
    names: Vec<String>,
    /// Say what would happen, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    api: ApiArgs,
}

impl How {
    /// What is said of a part that is not done later by itself.
    fn once(&self) -> &'static str {
        if self.overwrite || self.prune { "; --overwrite and --prune are to be given again then" } else { "" }
    }

    fn body(&self) -> Value {
        json!({ "publish": !self.draft, "overwrite": self.overwrite, "prune": self.prune })
    }
}

pub(super) fn plan(args: PlanArgs) -> Result<(), Failed> {
    let PlanArgs { how, api: args } = args;
    let json = args.json;
    args.run(|api| async move {
        let answer = api.json(api.request(Method::POST, "/api/v1/flows/plan", &[]).json(&how.body())).await?;
        print_plan(&answer, json)
    })
}

pub(super) fn apply(args: ApplyArgs) -> Result<(), Failed> {
    let ApplyArgs { how, dry_run, api: args } = args;
    let json = args.json;
    args.run(|api| async move {
        let query: Vec<_> = dry_run.then(|| ("dry_run", "true".to_owned())).into_iter().collect();
        let answer = api.json(api.request(Method::POST, "/api/v1/flows/apply", &query).json(&how.body())).await?;
        if dry_run { print_plan(&answer, json) } else { print_applied(&answer, json, how.once()) }
    })
}

pub(super) fn sync(args: SyncArgs) -> Result<(), Failed> {
    let SyncArgs { dry_run, api: args } = args;
    let json = args.json;
    args.run(|api| async move {
        let query: Vec<_> = dry_run.then(|| ("dry_run", "true".to_owned())).into_iter().collect();
        let answer = api.json(api.request(Method::POST, "/api/v1/flows/sync", &query)).await?;
        for item in list(&answer["items"]) {
            print_synced(item, json);
        }
        Ok(())
    })
}

pub(super) fn migrate(args: MigrateArgs) -> Result<(), Failed> {
    let MigrateArgs { from, to, names, dry_run, api: args } = args;
    let json = args.json;
    args.run(|api| async move {
        let query: Vec<_> = dry_run.then(|| ("dry_run", "true".to_owned())).into_iter().collect();
        let body = json!({ "from": from, "to": to, "names": names });
        let answer = api.json(api.request(Method::POST, "/api/v1/flows/migrate", &query).json(&body)).await?;
        print_migrated(&answer, json)
    })
}

fn print_plan(plan: &Value, json: bool) -> Result<(), Failed> {
    if json {
        list(&plan["items"]).for_each(|item| data(&item.to_string()));
    } else {
        list(&plan["items"]).for_each(|item| data(&line(item, steps(&item["steps"]))));
        if list(&plan["items"]).next().is_none() {
            data("no bot has a Flow");
        }
    }
    warn(plan);
    match list(&plan["items"]).find(|item| is_stuck(item)) {
        Some(_) => Err(Failed::new(Exit::Conflict, "error: a person has to decide about the Flows above")),
        None => Ok(()),
    }
}

fn print_applied(applied: &Value, json: bool, once: &str) -> Result<(), Failed> {
    for outcome in list(&applied["outcomes"]) {
        if json {
            data(&outcome.to_string());
            continue;
        }
        data(&line(outcome, steps(&outcome["done"])));
        if let Some(error) = outcome["failure"]["error"].as_str() {
            data(&format!("  {} failed: {error}", text(&outcome["failure"], "step")));
            outcome["failure"]["advice"].as_str().into_iter().for_each(|advice| data(&format!("  = help: {advice}")));
        }
        list(&outcome["findings"]).filter_map(Value::as_str).for_each(|finding| data(&format!("  {finding}")));
    }
    warn(applied);
    if let Some(why) = applied["put_off"].as_str() {
        return Err(Failed::new(
            Exit::Unreachable,
            format!("error: {why}\n  = help: it is tried again by itself{once}"),
        ));
    }
    if list(&applied["outcomes"]).any(|outcome| outcome["failure"].is_object()) {
        return Err(Failed::new(Exit::Failed, "error: not all Flows are at Meta as the bots want them"));
    }
    if list(&applied["outcomes"]).any(is_stuck) {
        return Err(Failed::new(Exit::Conflict, "error: a person has to decide about some Flows"));
    }
    Ok(())
}

/// `create    booking    DRAFT    create, json, publish`, and below it why.
fn line(item: &Value, steps: String) -> String {
    let (kind, name, status) = (text(item, "kind"), text(item, "name"), text(item, "status"));
    let mut line = format!("{kind:<9} {name:<32} {status:<11} {steps}").trim_end().to_owned();
    for (word, key) in [("", "why"), ("= help: ", "hint")] {
        if let Some(text) = item[key].as_str() {
            line.push_str(&format!("\n  {word}{text}"));
        }
    }
    line
}

fn steps(steps: &Value) -> String {
    list(steps).filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

fn is_stuck(item: &Value) -> bool {
    matches!(item["kind"].as_str(), Some("conflict" | "missing"))
}

fn warn(answer: &Value) {
    for key in ["unreadable", "warnings"] {
        list(&answer[key]).filter_map(Value::as_str).for_each(|warning| talk(&format!("warning: {warning}")));
    }
}

fn print_synced(item: &Value, json: bool) {
    if json {
        return data(&item.to_string());
    }
    let (flows, changed, removed) = (&item["flows"], &item["changed"], &item["removed"]);
    data(&format!("{}: {flows} Flows, {changed} changed, {removed} removed", text(item, "account")));
    for flow in list(&item["differing"]) {
        data(&format!("  {:<32} {:<11} {}", text(flow, "name"), text(flow, "status"), text(flow, "id")));
    }
}

fn print_migrated(answer: &Value, json: bool) -> Result<(), Failed> {
    if json {
        data(&answer.to_string());
    } else {
        for flow in list(&answer["migrated"]) {
            data(&format!("{:<32} {}", text(flow, "source_name"), text(flow, "migrated_id")));
        }
        for flow in list(&answer["failed_flows"]).chain(list(&answer["failed"])) {
            let (name, why) = (text(flow, "source_name"), text(flow, "error_message"));
            data(&format!("{name:<32} failed: {why} ({})", flow["error_code"]));
        }
    }
    if list(&answer["failed"]).next().is_some() {
        return Err(Failed::new(Exit::Failed, "error: some Flows did not come over"));
    }
    Ok(())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The Flows, a line each.
pub(super) async fn print_list(api: &Api, query: &[(&str, String)], json: bool) -> Result<(), Failed> {
    api.print_list("/api/v1/flows", query, json, |item| {
        let used: Vec<_> = list(&item["used_by"]).map(|used| text(used, "bot")).collect();
        let (name, status, sync) = (text(item, "name"), text(item, "status"), text(item, "sync"));
        format!("{name:<32} {status:<11} {sync:<11} {:<18} {}", text(item, "id"), used.join(", ")).trim_end().to_owned()
    })
    .await
}
