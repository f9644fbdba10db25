//! `parlance convo …`: the conversations of a running server, and what they went through.

mod deeds;
mod list;
mod tail;

use std::io::Write;
use std::path::PathBuf;

use reqwest::Method;
use serde_json::Value;

use super::Exit;
use super::api::{Api, ApiArgs, print_object, text};
use super::output::{Failed, data, talk};
use super::trigger;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  parlance convo list --phone 447700900123\n  parlance convo journal ID\n  \
                        parlance convo list --needs-person\n  parlance convo takeover ID --reason \"asks for a refund\"\n  \
                        parlance convo handback ID --node checkout\n  parlance convo show ID --at 12")]
pub(super) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List conversations, the last active one first
    List(list::Args),
    #[command(flatten)]
    Do(deeds::Deed),
    /// Show what a conversation is, or what it was after an entry of its journal
    Show {
        /// c_…
        id: String,
        /// The entry, as the journal counts them
        #[arg(long, value_name = "ENTRY")]
        at: Option<u64>,
    },
    /// Show what a conversation went through: inputs, what the bot did and why, messages, errors
    Journal {
        /// c_…
        id: String,
        /// Newest first
        #[arg(long)]
        reverse: bool,
    },
    /// Print what happens in a conversation, or in all of them, until Ctrl+C
    Tail(tail::Args),
    /// Tell a conversation's bot that something happened
    Trigger(trigger::Args),
    /// Make a test of a conversation, with stand-ins for what is personal
    ExportTest {
        /// c_…
        id: String,
        /// The first entry; a run begins there
        #[arg(long, value_name = "ENTRY")]
        from: Option<u64>,
        /// The last entry
        #[arg(long, value_name = "ENTRY")]
        to: Option<u64>,
        /// Write it into a new file; standard output when absent
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api: args, command } = args;
    let json = args.json;
    args.run(|api| async move {
        match command {
            Command::List(args) => list::run(&api, args, json).await,
            Command::Do(deed) => deeds::run(&api, deed, json).await,
            Command::Show { id, at: None } => {
                let request = api.request(Method::GET, &path(&id, ""), &[]);
                print_object(&api.json(request).await?, json);
                Ok(())
            }
            Command::Show { id, at: Some(at) } => show_at(&api, &id, at, json).await,
            Command::Tail(args) => tail::run(&api, args, json).await,
            Command::Trigger(args) => trigger::run(&api, args, json).await,
            Command::Journal { id, reverse } => {
                let order = if reverse { "desc" } else { "asc" };
                let query = [("order", order.to_owned())];
                api.print_list(&path(&id, "/journal"), &query, json, entry).await
            }
            Command::ExportTest { id, from, to, out } => {
                export_test(&api, &id, [("from", from), ("to", to)], out, json).await
            }
        }
    })
}

/// An id is a part of an address: nothing else may be in it.
fn path(id: &str, rest: &str) -> String {
    let id: String = id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    format!("/api/v1/conversations/{id}{rest}")
}

async fn show_at(api: &Api, id: &str, at: u64, json: bool) -> Result<(), Failed> {
    let request = api.request(Method::GET, &path(id, "/state"), &[("at", at.to_string())]);
    let mut state = api.json(request).await?;
    if json {
        print_object(&state, true);
        return Ok(());
    }
    let changes = state["changes"].take();
    print_object(&state, false);
    for change in changes.as_array().into_iter().flatten() {
        data(&changed(change));
    }
    Ok(())
}

async fn export_test(
    api: &Api,
    id: &str,
    range: [(&'static str, Option<u64>); 2],
    out: Option<PathBuf>,
    json: bool,
) -> Result<(), Failed> {
    let query: Vec<_> = range.into_iter().filter_map(|(name, entry)| Some((name, entry?.to_string()))).collect();
    let made = api.json(api.request(Method::GET, &path(id, "/test"), &query)).await?;
    for warning in made["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        talk(&format!("warning: {warning}"));
    }
    let yaml = if json { made.to_string() } else { text(&made, "yaml").trim_end().to_owned() };
    let Some(path) = out else {
        data(&yaml);
        return Ok(());
    };
    let exists = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failed::new(Exit::Conflict, format!("error: {} exists", path.display())),
        _ => Failed::new(Exit::Failed, format!("error: {} cannot be written: {error}", path.display())),
    };
    let mut file = std::fs::File::create_new(&path).map_err(exists)?;
    writeln!(file, "{yaml}").map_err(exists)?;
    let (bot, version) = (text(&made, "bot"), text(&made, "bot_version"));
    talk(&format!(
        "written to {}: put it under `tests` of {bot} (version {})",
        path.display(),
        version.get(..12).unwrap_or(version)
    ));
    Ok(())
}

fn changed(change: &Value) -> String {
    let at = text(change, "at");
    match (change.get("before"), change.get("after")) {
        (Some(before), Some(after)) => format!("  ~ {at}: {before} → {after}"),
        (None, Some(after)) => format!("  + {at}: {after}"),
        (Some(before), None) => format!("  - {at}: {before}"),
        (None, None) => format!("    {at}"),
    }
}

/// An entry in several lines.
fn entry(item: &Value) -> String {
    let mut lines = vec![format!("{:>5}  {}  {}", item["index"].to_string(), text(item, "at"), came(&item["input"]))];
    let texts = |key: &str| item[key].as_array().into_iter().flatten().filter_map(Value::as_str);
    lines.extend(texts("events").map(|event| format!("       * {event}")));
    lines.extend(texts("trace").map(|step| format!("       . {step}")));
    for sent in item["sends"].as_array().into_iter().flatten() {
        lines.push(format!("       < {}", said(sent)));
    }
    lines.extend(item["error"].as_str().map(|error| format!("       ! {error}")));
    lines.join("\n")
}

fn came(input: &Value) -> String {
    match input["kind"].as_str() {
        None => "-".to_owned(),
        Some("timer") => "(timer)".to_owned(),
        Some("message") => match input["id"].as_str() {
            Some(id) => format!("> {} [{id}]", text(input, "text")),
            None if text(input, "type") == "text" => format!("> {}", text(input, "text").replace('\n', "⏎")),
            None => format!("> ({}) {}", text(input, "type"), text(input, "text")),
        },
        Some(kind) => format!("({kind} {}) {}", text(input, "type"), text(input, "text")),
    }
}

fn said(sent: &Value) -> String {
    match sent["gone"].as_bool() {
        Some(true) => format!("{}, which is not kept any more", text(sent, "id")),
        _ => format!("{} [{}, {}]", text(sent, "text").replace('\n', "⏎"), text(sent, "type"), text(sent, "status")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_shows_what_came_and_what_came_of_it() {
        let shown = entry(&json!({
            "index": 7, "at": "2026-11-22T10:00:00.000Z",
            "input": { "kind": "message", "type": "interactive", "text": "Eyes", "id": "eye" },
            "events": ["a took over"], "trace": ["pick: takes eye to number"], "error": null,
            "sends": [ { "text": "How\nmany?", "type": "text", "status": "accepted" }, { "id": "o_1", "gone": true } ],
        }));
        assert_eq!(
            shown,
            "    7  2026-11-22T10:00:00.000Z  > Eyes [eye]\n       * a took over\n       . pick: takes eye to number\n       < How⏎many? [text, accepted]\n       < o_1, which is not kept any more"
        );
    }

    #[test]
    fn an_id_cannot_lead_elsewhere() {
        assert_eq!(path("../x?y", "/state"), "/api/v1/conversations/---x-y/state");
    }
}
