//! `parlance template …`: the templates that a running server knows.

use reqwest::Method;
use serde_json::Value;

use super::Exit;
use super::api::{Api, ApiArgs, print_object, text};
use super::output::{Failed, data};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List templates by account, name and language
    List {
        /// Of this status only, such as approved or paused
        #[arg(long)]
        status: Option<String>,
        /// Of this language only, such as en_US
        #[arg(long)]
        language: Option<String>,
    },
    /// Read the list from Meta now
    Sync,
    /// Show a template
    Show {
        /// Its name, or Meta's id
        name: String,
        /// Its language, when there are several
        #[arg(long)]
        language: Option<String>,
    },
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api: args, command } = args;
    let json = args.json;
    args.run(|api| async move {
        match command {
            Command::List { status, language } => {
                let filter = [("status", status), ("language", language)];
                let query: Vec<_> = filter.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
                api.print_list("/api/v1/templates", &query, json, line).await
            }
            Command::Sync => sync(&api, json).await,
            Command::Show { name, language } => show(&api, &name, language, json).await,
        }
    })
}

async fn sync(api: &Api, json: bool) -> Result<(), Failed> {
    let answer = api.json(api.request(Method::POST, "/api/v1/templates/sync", &[])).await?;
    for item in answer["items"].as_array().into_iter().flatten() {
        data(&if json {
            item.to_string()
        } else {
            format!(
                "{}: {} templates, {} changed, {} removed",
                text(item, "account"),
                item["templates"],
                item["changed"],
                item["removed"]
            )
        });
    }
    Ok(())
}

async fn show(api: &Api, name: &str, language: Option<String>, json: bool) -> Result<(), Failed> {
    let mut query = vec![("name", name.to_owned())];
    query.extend(language.map(|language| ("language", language)));
    let page = api.json(api.request(Method::GET, "/api/v1/templates", &query)).await?;
    let items = page["items"].as_array().cloned().unwrap_or_default();
    if items.is_empty() {
        if !name.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Failed::new(Exit::NotFound, format!("error: there is no template {name}")));
        }
        print_object(&api.json(api.request(Method::GET, &format!("/api/v1/templates/{name}"), &[])).await?, json);
    }
    items.iter().for_each(|item| print_object(item, json));
    Ok(())
}

fn line(item: &Value) -> String {
    let (name, language) = (text(item, "name"), text(item, "language"));
    format!("{name:<32} {language:<8} {:<10} {:<14} {}", text(item, "status"), text(item, "category"), text(item, "id"))
}
