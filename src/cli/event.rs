//! `parlance event …`: the outgoing events of a running server.

use reqwest::Method;
use serde_json::{Value, json};

use super::Exit;
use super::api::{Api, ApiArgs, print_object, text};
use super::output::{Failed, data, talk};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the endpoints, and how each stands
    Endpoints,
    /// Deliver to an endpoint again that had answered 410 Gone
    Resume {
        /// The endpoint
        endpoint: String,
    },
    /// List deliveries, newest first
    List {
        #[command(flatten)]
        filter: Filter,
        /// Print no more than this many
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Show a delivery with its body, its tries and the last answer
    Show {
        /// evt_….ENDPOINT
        id: String,
    },
    /// Try deliveries anew: one, or all that a filter takes
    Replay {
        /// evt_….ENDPOINT
        #[arg(required_unless_present_any = ["state", "endpoint", "type"], conflicts_with_all = ["state", "endpoint", "type", "since"])]
        id: Option<String>,
        #[command(flatten)]
        filter: Filter,
        /// Only events of this time or later, such as 2026-11-27T09:00:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
    },
}

#[derive(clap::Args)]
struct Filter {
    /// pending, delivered or failed
    #[arg(long, value_parser = ["pending", "delivered", "failed"])]
    state: Option<String>,
    /// To this endpoint
    #[arg(long)]
    endpoint: Option<String>,
    /// Of this type, such as run.finished
    #[arg(long = "type", id = "type", value_name = "TYPE")]
    kind: Option<String>,
}

impl Filter {
    fn pairs(self) -> Vec<(&'static str, String)> {
        let pairs = [("state", self.state), ("endpoint", self.endpoint), ("type", self.kind)];
        pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api: args, command } = args;
    let json = args.json;
    args.run(|api| async move {
        match command {
            Command::Endpoints => api.print_list("/api/v1/events/endpoints", &[], json, endpoint).await,
            Command::Resume { endpoint } => {
                let path = format!("/api/v1/events/endpoints/{}/resume", part(&endpoint)?);
                print_object(&api.json(api.request(Method::POST, &path, &[])).await?, json);
                Ok(())
            }
            Command::List { filter, limit } => list(&api, filter, limit, json).await,
            Command::Show { id } => {
                let path = format!("/api/v1/events/deliveries/{}", part(&id)?);
                print_object(&api.json(api.request(Method::GET, &path, &[])).await?, json);
                Ok(())
            }
            Command::Replay { id: Some(id), .. } => {
                let path = format!("/api/v1/events/deliveries/{}/replay", part(&id)?);
                print_object(&api.json(api.request(Method::POST, &path, &[])).await?, json);
                Ok(())
            }
            Command::Replay { id: None, filter, since } => replay_all(&api, filter, since, json).await,
        }
    })
}

async fn list(api: &Api, filter: Filter, limit: Option<usize>, json: bool) -> Result<(), Failed> {
    let query = filter.pairs();
    let Some(limit) = limit else { return api.print_list("/api/v1/events/deliveries", &query, json, line).await };
    let query: Vec<_> = query.into_iter().chain([("limit", limit.to_string())]).collect();
    let page = api.json(api.request(Method::GET, "/api/v1/events/deliveries", &query)).await?;
    for item in page["items"].as_array().into_iter().flatten() {
        data(&if json { item.to_string() } else { line(item) });
    }
    Ok(())
}

/// Page by page, as the server lets one call replay a thousand only.
async fn replay_all(api: &Api, filter: Filter, since: Option<String>, json: bool) -> Result<(), Failed> {
    let mut body: serde_json::Map<String, Value> =
        filter.pairs().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    body.extend(since.map(|since| ("since".to_owned(), since.into())));
    let (mut replayed, mut left) = (0, 0);
    loop {
        let request = api.request(Method::POST, "/api/v1/events/deliveries/replay", &[]).json(&body);
        let done = api.json(request).await?;
        replayed += done["replayed"].as_u64().unwrap_or_default();
        left += done["left"].as_u64().unwrap_or_default();
        match done["next_cursor"].as_str() {
            Some(next) => drop(body.insert("cursor".to_owned(), next.into())),
            None => break,
        }
    }
    print_object(&json!({ "replayed": replayed, "left": left }), json);
    if left > 0 {
        talk("those that are left are for endpoints that are not configured");
    }
    Ok(())
}

/// A name that becomes part of an address: nothing else may be in it.
fn part(name: &str) -> Result<&str, Failed> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    match !name.is_empty() && name != ".." && name != "." && name.bytes().all(plain) {
        true => Ok(name),
        false => Err(Failed::new(Exit::NotFound, format!("error: there is no {name:?}"))),
    }
}

fn line(item: &Value) -> String {
    let (id, state, kind) = (text(item, "id"), text(item, "state"), text(item, "type"));
    let error = item["last_error"].as_str().unwrap_or_default();
    format!("{} {state:<9} {:>2} {kind:<24} {id} {error}", text(item, "created_at"), item["tries"])
}

fn endpoint(item: &Value) -> String {
    let error = item["last_error"].as_str().filter(|_| item["state"] != "ok").unwrap_or_default();
    let (name, state, url) = (text(item, "name"), text(item, "state"), text(item, "url"));
    let types: Vec<&str> = item["types"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let (pending, dropped) = (&item["pending"], &item["dropped"]);
    format!("{name:<16} {state:<7} {pending:>6} pending {dropped:>6} dropped {url} {} {error}", types.join(","))
}
