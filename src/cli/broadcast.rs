//! `parlance broadcast …`: one template to many people.

use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::Exit;
use super::api::{Api, ApiArgs, print_object, text};
use super::contact;
use super::outbox::part;
use super::output::{Failed, confirm, data, may_confirm, talk};

/// Above so many people the server wants their number.
const ASK_OVER: u64 = 100;

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  parlance broadcast create news --message news.json --people people.csv --dry-run\n  \
                        parlance broadcast create news --message news.json --people people.csv --rate 20 --confirm 998\n  \
                        parlance broadcast create news --message news.json --tag vip --not-tag had-spring --dry-run\n  \
                        parlance broadcast show br_1795340000007\n  \
                        parlance broadcast results br_1795340000007 --csv > results.csv"
)]
pub(super) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a broadcast; it begins at once unless it is a draft or has a time
    Create {
        /// What to call it
        name: String,
        /// File with the template message of the Cloud API without `to`; {{name}} in it is a person's variable
        #[arg(long, value_name = "FILE")]
        message: PathBuf,
        /// File with the people: CSV with a line of names, one of them `to`; or JSON
        #[arg(long, value_name = "FILE", required_unless_present_any = ["tag", "field"], conflicts_with_all = ["tag", "not_tag", "field"])]
        people: Option<PathBuf>,
        /// To the contacts with this tag; again: who has all of them. {{name}} is their name, {{city}} their field city
        #[arg(long, value_name = "TAG")]
        tag: Vec<String>,
        /// But not to those with this tag; may be given again
        #[arg(long, value_name = "TAG")]
        not_tag: Vec<String>,
        /// To the contacts with this value in a field; may be given again
        #[arg(long, value_name = "NAME=VALUE")]
        field: Vec<String>,
        /// From this one of our numbers
        #[arg(long, value_name = "ID")]
        from: Option<String>,
        /// Messages per second at the most
        #[arg(long, value_name = "N")]
        rate: Option<u32>,
        /// Not before this time, such as 2026-11-28T09:00:00Z
        #[arg(long, value_name = "TIME")]
        start_at: Option<String>,
        /// Only keep it: start it later
        #[arg(long)]
        draft: bool,
        /// The number of recipients, as --dry-run tells it; needed above 100
        #[arg(long, value_name = "COUNT")]
        confirm: Option<u32>,
        /// Only say what would happen
        #[arg(long)]
        dry_run: bool,
    },
    /// List broadcasts, newest first
    List,
    /// Show a broadcast and how far it is
    Show {
        /// br_…
        id: String,
    },
    /// Start a draft
    Start {
        /// br_…
        id: String,
        /// The number of recipients; needed above 100
        #[arg(long, value_name = "COUNT")]
        confirm: Option<u32>,
    },
    /// Release nothing more for now
    Pause {
        /// br_…
        id: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Go on with a paused broadcast
    Resume {
        /// br_…
        id: String,
    },
    /// Release nothing more, ever
    Cancel {
        /// br_…
        id: String,
    },
    /// List what became of each person
    Results {
        /// br_…
        id: String,
        /// pending, waiting, queued, held, sent, delivered, read, failed or skipped
        #[arg(long)]
        state: Option<String>,
        /// As a table for spreadsheets
        #[arg(long, conflicts_with = "state")]
        csv: bool,
    },
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api: args, command } = args;
    let json = args.json;
    args.run(|api| async move {
        match command {
            Command::Create {
                name,
                message,
                people,
                tag,
                not_tag,
                field,
                from,
                rate,
                start_at,
                draft,
                confirm,
                dry_run,
            } => {
                let mut body = json!({ "name": name, "message": json_file(&message)?, "from": from, "rate": rate,
                    "start_at": start_at, "draft": draft, "confirm": confirm });
                let (member, people) = match people {
                    Some(file) => people_file(&file)?,
                    None => ("segment", json!({ "tags": tag, "not_tags": not_tag, "fields": fields(&field)? })),
                };
                body[member] = people;
                let plan = [("dry_run", "true".to_owned())];
                if !dry_run && !draft && confirm.is_none() && may_confirm() {
                    let planned = api.request(Method::POST, "/api/v1/broadcasts", &plan).json(&body);
                    body["confirm"] = counted(&api.json(planned).await?["confirm"])?;
                }
                let query = if dry_run { &plan[..] } else { &[] };
                let request = api.request(Method::POST, "/api/v1/broadcasts", query).json(&body);
                print_object(&api.json(request).await?, json);
                Ok(())
            }
            Command::List => api.print_list("/api/v1/broadcasts", &[], json, line).await,
            Command::Show { id } => {
                let path = format!("/api/v1/broadcasts/{}", part(&id)?);
                print_object(&api.json(api.request(Method::GET, &path, &[])).await?, json);
                Ok(())
            }
            Command::Start { id, confirm } => {
                let confirm = match confirm {
                    None if may_confirm() => {
                        let path = format!("/api/v1/broadcasts/{}", part(&id)?);
                        let shown = api.json(api.request(Method::GET, &path, &[])).await?;
                        let is_many = shown["recipients"].as_u64().is_some_and(|count| count > ASK_OVER);
                        if is_many { counted(&shown["recipients"])? } else { Value::Null }
                    }
                    confirm => json!(confirm),
                };
                verb(&api, &id, "start", &json!({ "confirm": confirm }), json).await
            }
            Command::Pause { id, reason } => verb(&api, &id, "pause", &json!({ "reason": reason }), json).await,
            Command::Resume { id } => verb(&api, &id, "resume", &Value::Object(Map::new()), json).await,
            Command::Cancel { id } => verb(&api, &id, "cancel", &Value::Object(Map::new()), json).await,
            Command::Results { id, csv: true, .. } => {
                let path = format!("/api/v1/broadcasts/{}/results.csv", part(&id)?);
                let answer = api.answer(api.request(Method::GET, &path, &[])).await?;
                let table = answer.text().await;
                let table = table.map_err(|error| Failed::new(Exit::Failed, format!("error: {error}")))?;
                data(table.trim_end());
                Ok(())
            }
            Command::Results { id, state, csv: false } => {
                let query: Vec<_> = state.map(|state| ("state", state)).into_iter().collect();
                api.print_list(&format!("/api/v1/broadcasts/{}/results", part(&id)?), &query, json, result).await
            }
        }
    })
}

async fn verb(api: &Api, id: &str, verb: &str, body: &Value, json: bool) -> Result<(), Failed> {
    let path = format!("/api/v1/broadcasts/{}/{verb}", part(id)?);
    let done = api.json(api.request(Method::POST, &path, &[]).json(body)).await?;
    if json {
        print_object(&done, true)
    } else {
        talk(&format!("{id} is {}", text(&done, "state")))
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, Failed> {
    std::fs::read_to_string(path)
        .map_err(|error| Failed::new(Exit::NotFound, format!("error: {} cannot be read: {error}", path.display())))
}

pub(super) fn json_file(path: &Path) -> Result<Value, Failed> {
    serde_json::from_str(&read(path)?)
        .map_err(|error| Failed::new(Exit::Data, format!("error: {} is not JSON: {error}", path.display())))
}

/// The member that the people go into, and they: a JSON list as it is, anything else as CSV.
fn people_file(path: &Path) -> Result<(&'static str, Value), Failed> {
    if path.extension().is_some_and(|extension| extension == "json") {
        return Ok(("people", json_file(path)?));
    }
    Ok(("csv", read(path)?.into()))
}

/// How many it goes to, where that must be confirmed: by `--yes`, or at the terminal.
fn counted(people: &Value) -> Result<Value, Failed> {
    if !people.is_null() {
        confirm(&format!("this goes to {people} people"), &people.to_string())?;
    }
    Ok(people.clone())
}

/// Values of fields that are looked for: JSON, or a text.
fn fields(given: &[String]) -> Result<Map<String, Value>, Failed> {
    given.iter().map(|field| contact::field(field)).collect()
}

fn line(item: &Value) -> String {
    let (id, state, at, name) = (text(item, "id"), text(item, "state"), text(item, "created_at"), text(item, "name"));
    format!("{at} {state:<9} {:>7}/{:<7} {id} {name}", item["released"], item["people"])
}

fn result(item: &Value) -> String {
    let reason = item["reason"].as_str().unwrap_or_default();
    let detail = item["detail"].as_str().unwrap_or_default();
    let (to, state) = (text(item, "to"), text(item, "state"));
    format!("{:>6} {to:<16} {state:<9} {} {reason} {detail}", item["place"], text(item, "message"))
}
