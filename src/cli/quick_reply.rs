//! `parlance quick-reply …`: texts that staff send often.

use reqwest::{Method, header};
use serde_json::{Value, json};

use super::Exit;
use super::api::{Api, ApiArgs, print_object, text};
use super::output::Failed;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List quick replies, by name
    List {
        /// Words that stand in the name or the text
        #[arg(long, value_name = "TEXT", default_value = "")]
        q: String,
        /// Of this category
        #[arg(long)]
        category: Option<String>,
    },
    /// Make a quick reply; {name|there} in its text is what is known of the person, or else "there"
    Add {
        /// How it is found
        name: String,
        /// The text
        body: String,
        /// What it belongs to
        #[arg(long)]
        category: Option<String>,
        /// Such as en
        #[arg(long)]
        language: Option<String>,
        /// A file that goes along, by its id; may be given again
        #[arg(long, value_name = "ID")]
        media: Vec<String>,
    },
    /// Change a quick reply; what is left out stays
    Edit {
        /// q_…
        id: String,
        /// How it is found
        #[arg(long)]
        name: Option<String>,
        /// The text
        #[arg(long)]
        body: Option<String>,
        /// What it belongs to
        #[arg(long)]
        category: Option<String>,
        /// Such as en
        #[arg(long)]
        language: Option<String>,
    },
    /// Remove a quick reply
    Remove {
        /// q_…
        id: String,
        /// Show it, and remove nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Show a quick reply as it would be sent in a conversation
    Preview {
        /// q_…
        id: String,
        /// c_…
        conversation: String,
    },
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api: args, command } = args;
    let json = args.json;
    args.run(|api| async move {
        let shown = match command {
            Command::List { q, category } => {
                let mut query = vec![("q", q)];
                query.extend(category.map(|category| ("category", category)));
                let page = api.json(api.request(Method::GET, "/api/v1/quick-replies", &query)).await?;
                for item in page["items"].as_array().into_iter().flatten() {
                    super::output::data(&if json { item.to_string() } else { line(item) });
                }
                return Ok(());
            }
            Command::Add { name, body, category, language, media } => {
                let body =
                    json!({ "name": name, "body": body, "category": category, "language": language, "media": media });
                api.json(api.request(Method::POST, "/api/v1/quick-replies", &[]).json(&body)).await?
            }
            Command::Edit { id, name, body, category, language } => {
                let set = [("name", name), ("body", body), ("category", category), ("language", language)];
                edit(&api, &path(&id)?, set).await?
            }
            Command::Remove { id, dry_run } => {
                let query = if dry_run { vec![("dry_run", "true".to_owned())] } else { Vec::new() };
                api.json(api.request(Method::DELETE, &path(&id)?, &query)).await?
            }
            Command::Preview { id, conversation } => {
                let path = format!("{}/preview", path(&id)?);
                api.json(api.request(Method::GET, &path, &[("conversation", conversation)])).await?
            }
        };
        print_object(&shown, json);
        Ok(())
    })
}

/// Reads it, changes it, and writes it unless somebody else did meanwhile.
async fn edit(api: &Api, path: &str, set: [(&str, Option<String>); 4]) -> Result<Value, Failed> {
    let before = api.json(api.request(Method::GET, path, &[])).await?;
    let names = ["name", "body", "category", "language", "media"];
    let mut body: serde_json::Map<String, Value> =
        names.into_iter().map(|name| (name.to_owned(), before[name].clone())).collect();
    for (name, value) in set {
        if let Some(value) = value {
            body.insert(name.to_owned(), value.into());
        }
    }
    let tag = format!("\"{}\"", before["revision"]);
    api.json(api.request(Method::PUT, path, &[]).header(header::IF_MATCH, tag).json(&body)).await
}

fn path(id: &str) -> Result<String, Failed> {
    match id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !id.is_empty() {
        true => Ok(format!("/api/v1/quick-replies/{id}")),
        false => Err(Failed::new(Exit::NotFound, format!("error: there is no quick reply {id:?}"))),
    }
}

fn line(item: &Value) -> String {
    let body = text(item, "body").replace('\n', " ");
    format!("{} {:<12} {:<20} {body}", text(item, "id"), text(item, "category"), text(item, "name"))
}
