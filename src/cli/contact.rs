//! `parlance contact …`: the people of a running server.

use std::path::PathBuf;

use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt;

use super::Exit;
use super::api::{Api, ApiArgs, print_object, text};
use super::output::{Failed, confirm, data, talk};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List people, last active first
    List {
        /// In a name, a number or an id
        #[arg(long, value_name = "TEXT")]
        q: Option<String>,
        /// With this tag
        #[arg(long)]
        tag: Option<String>,
        /// Whoever has this number, and whoever had it
        #[arg(long)]
        phone: Option<String>,
    },
    /// Show a person: names, tags, fields, conversations
    Show {
        /// p_… or a phone number
        id: String,
    },
    /// Add tags, and take tags away
    Tag {
        /// p_… or a phone number
        id: String,
        /// Tags that are added
        tags: Vec<String>,
        /// A tag that is taken away; may be given again
        #[arg(long, value_name = "TAG")]
        remove: Vec<String>,
        /// Say what would become of it
        #[arg(long)]
        dry_run: bool,
    },
    /// Set fields; with none, show them
    Fields {
        /// p_… or a phone number
        id: String,
        /// NAME=VALUE; VALUE is JSON, or a text; null takes the field away
        fields: Vec<String>,
        /// Say what would become of it
        #[arg(long)]
        dry_run: bool,
    },
    /// Write down that a person wants no marketing
    OptOut {
        /// p_… or a phone number
        id: String,
        /// Say what would become of it
        #[arg(long)]
        dry_run: bool,
    },
    /// Write down that a person wants marketing
    OptIn {
        /// p_… or a phone number
        id: String,
        /// Say what would become of it
        #[arg(long)]
        dry_run: bool,
    },
    /// Save everything that is kept of a person as one JSON document
    Export {
        /// p_… or a phone number
        id: String,
        /// Where to write it; standard output when absent
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Erase a person everywhere, for good
    Erase {
        /// p_… or a phone number
        id: String,
        /// Say what would go, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Read people from a table (CSV) with the columns phone, name, language, tags, marketing, and any fields
    Import {
        /// The table
        file: PathBuf,
        /// Check every line, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api: args, command } = args;
    let json = args.json;
    args.run(|api| async move {
        match command {
            Command::List { q, tag, phone } => {
                let filter = [("q", q), ("tag", tag), ("phone", phone)];
                let query: Vec<_> = filter.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
                api.print_list("/api/v1/contacts", &query, json, line).await
            }
            Command::Show { id } => {
                print_object(&api.json(api.request(Method::GET, &path(&id, "")?, &[])).await?, json);
                Ok(())
            }
            Command::Tag { id, tags, remove, dry_run } => {
                let body = json!({ "add": tags, "remove": remove });
                change(&api, Method::POST, &path(&id, "/tags")?, Some(body), dry_run, json).await
            }
            Command::Fields { id, fields, dry_run } => set_fields(&api, &id, &fields, dry_run, json).await,
            Command::OptOut { id, dry_run } => {
                change(&api, Method::POST, &path(&id, "/opt-out")?, None, dry_run, json).await
            }
            Command::OptIn { id, dry_run } => {
                change(&api, Method::POST, &path(&id, "/opt-in")?, None, dry_run, json).await
            }
            Command::Export { id, out } => export(&api, &id, out).await,
            Command::Erase { id, dry_run } => erase(&api, &id, dry_run, json).await,
            Command::Import { file, dry_run } => import(&api, file, dry_run, json).await,
        }
    })
}

/// The path of a contact. An id is a part of an address: nothing else may be in it.
fn path(id: &str, after: &str) -> Result<String, Failed> {
    let id: String = id.chars().filter(|c| !matches!(c, '+' | ' ' | '-' | '(' | ')')).collect();
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(Failed::new(Exit::NotFound, format!("error: there is no contact {id:?}")));
    }
    Ok(format!("/api/v1/contacts/{id}{after}"))
}

async fn change(
    api: &Api,
    method: Method,
    path: &str,
    body: Option<Value>,
    dry_run: bool,
    json: bool,
) -> Result<(), Failed> {
    let query = if dry_run { vec![("dry_run", "true".to_owned())] } else { Vec::new() };
    let mut request = api.request(method, path, &query);
    if let Some(body) = body {
        request = request.json(&body);
    }
    print_object(&api.json(request).await?, json);
    Ok(())
}

async fn set_fields(api: &Api, id: &str, fields: &[String], dry_run: bool, json: bool) -> Result<(), Failed> {
    if fields.is_empty() {
        let contact = api.json(api.request(Method::GET, &path(id, "")?, &[])).await?;
        print_object(&contact["fields"], json);
        return Ok(());
    }
    let set = fields.iter().map(|given| field(given)).collect::<Result<Map<_, _>, _>>()?;
    change(api, Method::PATCH, &path(id, "")?, Some(json!({ "fields": set })), dry_run, json).await
}

/// A field with its value, which is JSON, or a text.
pub(super) fn field(given: &str) -> Result<(String, Value), Failed> {
    let (name, value) = given.split_once('=').ok_or_else(|| {
        Failed::new(Exit::Usage, format!("error: {given:?} is not NAME=VALUE, such as city=York or age=42"))
    })?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
}

async fn export(api: &Api, id: &str, out: Option<PathBuf>) -> Result<(), Failed> {
    let answer = api.answer(api.request(Method::GET, &path(id, "/export")?, &[])).await?;
    let mut body = answer.bytes_stream();
    let cut = |error: reqwest::Error| Failed::new(Exit::Failed, format!("error: the export is not whole: {error}"));
    let Some(out) = out else {
        let mut text = Vec::new();
        while let Some(piece) = body.next().await {
            text.extend_from_slice(&piece.map_err(cut)?);
        }
        data(&String::from_utf8_lossy(&text));
        return Ok(());
    };
    let failed = |error: std::io::Error| {
        Failed::new(Exit::Failed, format!("error: {} cannot be written: {error}", out.display()))
    };
    let mut file = tokio::fs::File::create(&out).await.map_err(failed)?;
    while let Some(piece) = body.next().await {
        file.write_all(&piece.map_err(cut)?).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    talk(&format!("written to {}", out.display()));
    Ok(())
}

async fn erase(api: &Api, id: &str, dry_run: bool, json: bool) -> Result<(), Failed> {
    let path = path(id, "/erase")?;
    let preview = api.json(api.request(Method::POST, &path, &[("dry_run", "true".to_owned())])).await?;
    if dry_run {
        show_erased(&preview, json);
        return Ok(());
    }
    confirm(&format!("this goes for good, everywhere: {}", preview["erased"]), text(&preview, "id"))?;
    let body = json!({ "confirm": preview["id"] });
    let erased = api.json(api.request(Method::POST, &path, &[]).json(&body)).await?;
    show_erased(&erased, json);
    talk("Its old pages in the store's file are cleared by `parlance db compact`, and backups keep what they hold.");
    Ok(())
}

fn show_erased(answer: &Value, json: bool) {
    if json {
        return data(&answer.to_string());
    }
    let erased = &answer["erased"];
    data(&format!("{:<14} {}", "contact", text(answer, "id")));
    data(&format!("{:<14} {}", "conversations", erased["conversations"]));
    for (name, count) in erased["rows"].as_object().into_iter().flatten() {
        data(&format!("{name:<14} {count}"));
    }
}

async fn import(api: &Api, file: PathBuf, dry_run: bool, json: bool) -> Result<(), Failed> {
    let unreadable = |error| Failed::new(Exit::NotFound, format!("error: {} cannot be read: {error}", file.display()));
    let table = tokio::fs::read(&file).await.map_err(unreadable)?;
    let query = if dry_run { vec![("dry_run", "true".to_owned())] } else { Vec::new() };
    let request = api.request(Method::POST, "/api/v1/contacts/import", &query);
    let report = api.json(request.header("content-type", "text/csv").body(table)).await?;
    if json {
        data(&report.to_string());
    } else {
        for error in report["errors"].as_array().into_iter().flatten() {
            data(&format!("{}:{}: {}", file.display(), error["line"], text(error, "detail")));
        }
        let (created, changed, refused) = (&report["created"], &report["changed"], &report["refused"]);
        let would = if dry_run { "would be " } else { "" };
        talk(&format!("{created} {would}new, {changed} {would}changed, {refused} refused"));
    }
    match report["refused"].as_u64() {
        Some(0) => Ok(()),
        _ => Err(Failed::new(Exit::Data, "some lines were not taken")),
    }
}

fn line(item: &Value) -> String {
    let tags: Vec<&str> = item["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    format!("{} {:<15} {} {}", text(item, "id"), text(item, "wa_id"), text(item, "name"), tags.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_no_path() {
        assert_eq!(path("+44 7700 900123", "/export").unwrap(), "/api/v1/contacts/447700900123/export");
        for id in ["", "../x", "a/b", "a?b", "a%2fb", "."] {
            assert!(path(id, "").is_err(), "{id}");
        }
    }

    #[test]
    fn erasing_without_a_terminal_asks_nobody_and_does_nothing() {
        // Tests have no terminal.
        if !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
            assert_eq!(confirm("it goes for good", "p_1").unwrap_err().exit, Exit::Usage);
        }
    }
}
