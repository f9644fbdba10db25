//! `parlance flow pull`, `status`, `preview`, `publish`, `deprecate`, `delete`, `clone` and `metrics`: one Flow, by Meta's id or
//! its name.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};

use super::apply::print_list;
use crate::cli::Exit;
use crate::cli::api::{Api, ApiArgs, print_object, text};
use crate::cli::output::{Failed, data, talk};

#[derive(clap::Args)]
pub(in crate::cli) struct ListArgs {
    /// Of this status only, such as draft or published
    #[arg(long)]
    status: Option<String>,
    /// Also those that Meta no longer has, and those that were put aside
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(clap::Args)]
pub(in crate::cli) struct Named {
    /// Meta's id, or its name there
    id: String,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(clap::Args)]
pub(in crate::cli) struct Written {
    /// Meta's id, or its name there
    id: String,
    /// Say what would happen, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  parlance flow pull 8100200300 --out bots/flows/booking.json\n  parlance flow pull"
)]
pub(in crate::cli) struct PullArgs {
    /// Meta's id, or its name there; all that Meta has when absent, into files of their names
    id: Option<String>,
    /// The file (or, for all, the folder); standard output for one when absent
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// When all are pulled: overwrite files that say something else
    #[arg(long, conflicts_with = "id")]
    force: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(clap::Args)]
pub(in crate::cli) struct PreviewArgs {
    /// Meta's id, or its name there
    id: String,
    /// Make a new link; the old one opens nothing any more
    #[arg(long)]
    refresh: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(clap::Args)]
pub(in crate::cli) struct CloneArgs {
    /// Meta's id, or its name there
    id: String,
    /// Name of the copy; the next version of its own when absent
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(clap::Args)]
pub(in crate::cli) struct MetricsArgs {
    /// Meta's id, or its name there
    id: String,
    /// What: endpoint_request_count, endpoint_request_error, endpoint_request_error_rate,
    /// endpoint_request_latency_seconds_ceil or endpoint_availability
    #[arg(long, default_value = "endpoint_request_count")]
    name: String,
    /// How finely: day, hour or lifetime
    #[arg(long, default_value = "day")]
    granularity: String,
    /// From this day on, such as 2026-11-01
    #[arg(long)]
    since: Option<String>,
    /// Until this day
    #[arg(long)]
    until: Option<String>,
    #[command(flatten)]
    api: ApiArgs,
}

pub(super) fn list(args: ListArgs) -> Result<(), Failed> {
    let ListArgs { status, all, api: args } = args;
    let json = args.json;
    args.run(|api| async move {
        let mut query: Vec<_> = status.map(|status| ("status", status)).into_iter().collect();
        query.extend(all.then(|| ("all", "true".to_owned())));
        print_list(&api, &query, json).await
    })
}

pub(super) fn status(args: Named) -> Result<(), Failed> {
    let Named { id, api: args } = args;
    let json = args.json;
    args.run(|api| async move {
        let request = api.request(Method::GET, &path(&id, ""), &[("refresh", "true".to_owned())]);
        print_object(&api.json(request).await?, json);
        Ok(())
    })
}

pub(super) fn pull(args: PullArgs) -> Result<(), Failed> {
    let PullArgs { id, out, force, api: args } = args;
    let json = args.json;
    args.run(|api| async move {
        match id {
            Some(id) => pull_one(&api, &id, out, json).await,
            None => pull_all(&api, out.unwrap_or_else(|| "flows".into()), force).await,
        }
    })
}

async fn pull_one(api: &Api, id: &str, out: Option<PathBuf>, json: bool) -> Result<(), Failed> {
    let answer = api.json(api.request(Method::GET, &path(id, "/json"), &[])).await?;
    match out {
        Some(out) => write(&out, text(&answer, "flow_json")),
        None => {
            let shown = if json { answer.to_string() } else { text(&answer, "flow_json").trim_end().to_owned() };
            data(&shown);
            Ok(())
        }
    }
}

/// What cannot be pulled, or would overwrite somebody's work, is told, and the others come.
async fn pull_all(api: &Api, folder: PathBuf, force: bool) -> Result<(), Failed> {
    api.json(api.request(Method::POST, "/api/v1/flows/sync", &[])).await?;
    let page = api.json(api.request(Method::GET, "/api/v1/flows", &[("limit", "200".to_owned())])).await?;
    let failed = |error| Failed::new(Exit::Failed, format!("error: {} cannot be made: {error}", folder.display()));
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let mut left = 0;
    for item in page["items"].as_array().into_iter().flatten().filter(|item| item["id"].is_string()) {
        let pulled = match api.json(api.request(Method::GET, &path(text(item, "id"), "/json"), &[])).await {
            Err(failed) if failed.exit == Exit::Unreachable => return Err(failed),
            Err(failed) => Err(failed),
            Ok(answer) => put(&folder.join(file_name(text(item, "name"))), text(&answer, "flow_json"), force),
        };
        if let Err(failed) = pulled {
            left += 1;
            talk(&failed.message);
        }
    }
    if page["next_cursor"].is_string() {
        talk("there are more than 200 Flows; the others are pulled by their id");
    }
    match left {
        0 => Ok(()),
        _ => Err(Failed::new(Exit::Failed, format!("error: {left} Flows were not pulled"))),
    }
}

/// Writes a file, and no other one's.
fn put(path: &std::path::Path, text: &str, force: bool) -> Result<(), Failed> {
    let differs = path.exists() && std::fs::read_to_string(path).ok().as_deref() != Some(text);
    if differs && !force {
        let (file, help) = (path.display(), "--force overwrites it, and --out names another folder");
        return Err(Failed::new(Exit::Conflict, format!("error: {file} says something else\n  = help: {help}")));
    }
    write(path, text)
}

/// A name at Meta may be anything; a file's is not.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    format!("{}.json", name.chars().map(safe).collect::<String>())
}

fn write(path: &std::path::Path, text: &str) -> Result<(), Failed> {
    let failed = |error| Failed::new(Exit::Failed, format!("error: {} cannot be written: {error}", path.display()));
    std::fs::write(path, text).map_err(failed)?;
    data(&path.display().to_string());
    Ok(())
}

pub(super) fn preview(args: PreviewArgs) -> Result<(), Failed> {
    let PreviewArgs { id, refresh, api: args } = args;
    let json = args.json;
    args.run(|api| async move {
        let query: Vec<_> = refresh.then(|| ("renew", "true".to_owned())).into_iter().collect();
        let answer = api.json(api.request(Method::POST, &path(&id, "/preview"), &query)).await?;
        print_object(&answer, json);
        Ok(())
    })
}

pub(super) fn publish(args: Written) -> Result<(), Failed> {
    act(args, Method::POST, "/publish")
}

pub(super) fn deprecate(args: Written) -> Result<(), Failed> {
    act(args, Method::POST, "/deprecate")
}

pub(super) fn delete(args: Written) -> Result<(), Failed> {
    act(args, Method::DELETE, "")
}

fn act(args: Written, method: Method, what: &'static str) -> Result<(), Failed> {
    let Written { id, dry_run, api: args } = args;
    let json = args.json;
    args.run(|api| async move {
        let query: Vec<_> = dry_run.then(|| ("dry_run", "true".to_owned())).into_iter().collect();
        let answer = api.json(api.request(method, &path(&id, what), &query)).await?;
        if json || dry_run {
            print_object(&answer, json);
        } else {
            data(&told(&answer));
            answer["note"].as_str().into_iter().for_each(talk);
        }
        Ok(())
    })
}

/// `booking is PUBLISHED`, or what became of it.
fn told(answer: &Value) -> String {
    let (name, id) = (text(answer, "name"), text(answer, "id"));
    match answer["removed"].as_str() {
        Some(removed) => format!("{name} ({id}) {removed}"),
        None => format!("{name} ({id}) is {}", text(answer, "status")),
    }
}

pub(super) fn clone(args: CloneArgs) -> Result<(), Failed> {
    let CloneArgs { id, name, api: args } = args;
    let json = args.json;
    args.run(|api| async move {
        let request = api.request(Method::POST, &path(&id, "/clone"), &[]).json(&json!({ "name": name }));
        let answer = api.json(request).await?;
        if json {
            print_object(&answer, true);
        } else {
            data(&told(&answer));
        }
        Ok(())
    })
}

pub(super) fn metrics(args: MetricsArgs) -> Result<(), Failed> {
    let MetricsArgs { id, name, granularity, since, until, api: args } = args;
    let json = args.json;
    args.run(|api| async move {
        let mut query = vec![("name", name), ("granularity", granularity)];
        query.extend(since.map(|day| ("since", day)));
        query.extend(until.map(|day| ("until", day)));
        let answer = api.json(api.request(Method::GET, &path(&id, "/metrics"), &query)).await?;
        if json {
            print_object(&answer, true);
            return Ok(());
        }
        for point in answer["points"].as_array().into_iter().flatten() {
            let values = point["data"].as_array().into_iter().flatten();
            let values: Vec<_> = values.map(|one| format!("{} {}", text(one, "key"), one["value"])).collect();
            data(&format!("{:<26} {}", text(point, "timestamp"), values.join(", ")));
        }
        Ok(())
    })
}

/// Names at Meta may hold anything.
fn path(id: &str, rest: &str) -> String {
    let encoded: String = id
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!("/api/v1/flows/{encoded}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_a_flow_is_a_safe_path_and_a_safe_file() {
        assert_eq!(path("my flow/é", "/json"), "/api/v1/flows/my%20flow%2F%C3%A9/json");
        assert_eq!(file_name("../my flow"), "___my_flow.json");
    }

    #[test]
    fn pulling_all_overwrites_a_file_that_differs_by_force_only() {
        let folder = tempfile::tempdir().unwrap();
        let (path, read) =
            (folder.path().join("booking.json"), |path: &PathBuf| std::fs::read_to_string(path).unwrap());
        put(&path, "{}", false).unwrap();
        put(&path, "{}", false).unwrap();
        let refused = put(&path, "[]", false).unwrap_err();
        assert!(refused.exit == Exit::Conflict && refused.message.contains("--force"), "{refused:?}");
        assert_eq!(read(&path), "{}");
        put(&path, "[]", true).unwrap();
        assert_eq!(read(&path), "[]");
    }
}
