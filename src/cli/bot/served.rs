//! Bots and versions of a running server: `bot list`, `bot versions`, `bot stats`, `bot export`.

use std::path::PathBuf;

use chatbot::Format;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::name_and_version;
use crate::cli::Exit;
use crate::cli::api::{Api, ApiArgs, text};
use crate::cli::output::{Failed, data, talk};

#[derive(clap::Args)]
pub(in crate::cli) struct ListArgs {
    /// A folder of bot files. Without it the bots of the running server are listed, or `bots` where none is found
    dir: Option<PathBuf>,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(clap::Args)]
pub(in crate::cli) struct VersionsArgs {
    /// The bot's id
    name: String,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(clap::Args)]
pub(in crate::cli) struct StatsArgs {
    /// The bot's id
    name: String,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  parlance bot export welcome > welcome.yaml\n  \
                        parlance bot export welcome@3 --format json\n  parlance bot export bots/welcome.yaml")]
pub(in crate::cli) struct ExportArgs {
    /// The bot's id, with @VERSION for another one than the live one; or a bot file
    name: String,
    /// Its number, its hash or the beginning of that; the live one when absent
    #[arg(long)]
    version: Option<String>,
    /// The syntax
    #[arg(long, default_value = "yaml", value_parser = ["yaml", "json"])]
    format: String,
    /// Where to write it; standard output when absent
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    api: ApiArgs,
}

pub(super) fn list(args: ListArgs) -> Result<(), Failed> {
    let ListArgs { dir, api } = args;
    match dir {
        Some(dir) => super::list(&dir),
        None if !api.finds_one() => super::list(std::path::Path::new("bots")),
        None => {
            let json = api.json;
            api.run(|api| async move { api.print_list("/api/v1/bots", &[], json, bot_line).await })
        }
    }
}

pub(super) fn versions(args: VersionsArgs) -> Result<(), Failed> {
    let VersionsArgs { name, api } = args;
    let json = api.json;
    let path = format!("/api/v1/bots/{name}/versions");
    api.run(|api| async move { api.print_list(&path, &[], json, version_line).await })
}

pub(super) fn stats(args: StatsArgs) -> Result<(), Failed> {
    let StatsArgs { name, api } = args;
    let json = api.json;
    let path = format!("/api/v1/bots/{name}/stats");
    api.run(|api| async move {
        let stats = api.json(api.request(Method::GET, &path, &[])).await?;
        if json {
            data(&stats.to_string());
            return Ok(());
        }
        stats_lines(&stats).iter().for_each(|line| data(line));
        Ok(())
    })
}

pub(super) fn export(args: ExportArgs) -> Result<(), Failed> {
    let ExportArgs { name, version, format, out, api } = args;
    let path = std::path::Path::new(&name);
    if path.is_file() {
        let format = if format == "json" { Format::Json } else { Format::Yaml };
        let loaded = super::load(path)?.loaded;
        return write(&loaded.bot.map(|bot| bot.export(format)).unwrap_or_default(), out);
    }
    api.run(|api| async move {
        let (id, of_name) = name_and_version(&name);
        write(&definition(&api, id, version.as_deref().unwrap_or(of_name), &format).await?, out)
    })
}

fn write(text: &str, out: Option<PathBuf>) -> Result<(), Failed> {
    let Some(out) = out else {
        data(text.trim_end());
        return Ok(());
    };
    let failed = |error| Failed::new(Exit::Failed, format!("error: {} cannot be written: {error}", out.display()));
    std::fs::write(&out, text).map_err(failed)?;
    talk(&format!("written to {}", out.display()));
    Ok(())
}

/// The canonical form of a version.
pub(super) async fn definition(api: &Api, id: &str, version: &str, format: &str) -> Result<String, Failed> {
    let path = format!("/api/v1/bots/{id}/versions/{version}");
    let answer = api.answer(api.request(Method::GET, &path, &[("format", format.to_owned())])).await?;
    debug_assert_eq!(answer.status(), StatusCode::OK);
    answer.text().await.map_err(|error| Failed::new(Exit::Failed, format!("error: {error}")))
}

fn stats_lines(stats: &Value) -> Vec<String> {
    let items = |of: &str| stats[of].as_array().cloned().unwrap_or_default();
    let version = |item: &Value| {
        let live = if item["live"] == true { "  live" } else { "" };
        format!("v{:<5} {}  {:>6} runs{live}", item["number"], short(text(item, "version")), item["runs"])
    };
    let node = |item: &Value| {
        let staff = item["handed_over"].as_u64().filter(|count| *count > 0);
        let staff = staff.map(|count| format!("  {count} for staff")).unwrap_or_default();
        let (node, of) = (text(item, "node"), short(text(item, "version")));
        format!("  {node:<24} {of}  {:>6} wait{staff}", item["runs"])
    };
    items("versions").iter().map(version).chain(items("nodes").iter().map(node)).collect()
}

fn short(version: &str) -> String {
    version.chars().take(12).collect()
}

fn bot_line(item: &Value) -> String {
    let state = if item["stopped"] == true { "  stopped: it failed for many" } else { "" };
    let rolled_back = if item["live"]["rolled_back"] == true { "  rolled back" } else { "" };
    let version = format!("v{} {}", item["number"], short(text(item, "version")));
    format!(
        "{:<24} {version:<20} {:>4} nodes  {}{rolled_back}{state}",
        text(item, "id"),
        item["nodes"],
        text(item, "title")
    )
}

fn version_line(item: &Value) -> String {
    let mark = if item["live"] == true { "live" } else { "" };
    let note = item["note"].as_str().map(|note| format!("  {note}")).unwrap_or_default();
    let author = item["author"].as_str().map(|author| format!(" ({author})")).unwrap_or_default();
    let leaves = item["leaves_at"].as_str().map(|at| format!("  runs leave at {at}")).unwrap_or_default();
    format!(
        "v{:<5} {:<4}  {}  {:>6} running  {}  {:<4}{note}{author}{leaves}",
        item["number"],
        mark,
        short(text(item, "version")),
        item["running"],
        text(item, "at"),
        text(item, "source"),
    )
}
