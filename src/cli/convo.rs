//! `parlance convo …`: the conversations of a running server, and what they went through.

use reqwest::Method;
use serde_json::Value;

use super::api::{Api, ApiArgs, print_object, text};
use super::output::{Failed, data};
use super::trigger;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  parlance convo list --phone 447700900123\n  parlance convo journal ID\n  \
                        parlance convo show ID --at 12")]
pub(super) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List conversations, the last active one first
    List {
        /// Of the person who has, or had, this number
        #[arg(long, value_name = "DIGITS")]
        phone: Option<String>,
        /// With this one of our numbers only
        #[arg(long, value_name = "ID")]
        number: Option<String>,
    },
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
    /// Tell a conversation's bot that something happened
    Trigger(trigger::Args),
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api: args, command } = args;
    let json = args.json;
    args.run(|api| async move {
        match command {
            Command::List { phone, number } => {
                let filter = [("phone", phone), ("phone_number_id", number)];
                let query: Vec<_> = filter.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
                api.print_list("/api/v1/conversations", &query, json, line).await
            }
            Command::Show { id, at: None } => {
                let request = api.request(Method::GET, &path(&id, ""), &[]);
                print_object(&api.json(request).await?, json);
                Ok(())
            }
            Command::Show { id, at: Some(at) } => show_at(&api, &id, at, json).await,
            Command::Trigger(args) => trigger::run(&api, args, json).await,
            Command::Journal { id, reverse } => {
                let order = if reverse { "desc" } else { "asc" };
                let query = [("order", order.to_owned())];
                api.print_list(&path(&id, "/journal"), &query, json, entry).await
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

fn changed(change: &Value) -> String {
    let at = text(change, "at");
    match (change.get("before"), change.get("after")) {
        (Some(before), Some(after)) => format!("  ~ {at}: {before} → {after}"),
        (None, Some(after)) => format!("  + {at}: {after}"),
        (Some(before), None) => format!("  - {at}: {before}"),
        (None, None) => format!("    {at}"),
    }
}

fn line(item: &Value) -> String {
    let who = item["wa_id"].as_str().or(item["user_id"].as_str()).unwrap_or("-");
    let (state, node) = (text(item, "state"), text(item, "node"));
    format!("{} {} {who:<15} {state:<8} {node:<16} {}", text(item, "id"), text(item, "updated_at"), text(item, "bot"))
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
