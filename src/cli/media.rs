//! `parlance media …`: the files of a running server.

use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use reqwest::Method;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use whatsapp::limits;

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
    /// Put a file into the media store, and print the id to send it by
    Put {
        /// The file
        file: PathBuf,
        /// Its type; by its name when absent
        #[arg(long, value_name = "TYPE")]
        mime_type: Option<String>,
    },
    /// Save a file: one of ours, or one that a person sent
    Get {
        /// m_… or Meta's media id
        id: String,
        /// Where to write it; a file of the id's name when absent
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List files, newest first
    List {
        /// in or out
        #[arg(long, value_parser = ["in", "out"])]
        direction: Option<String>,
        /// wanted, stored, refused or failed
        #[arg(long, value_parser = ["wanted", "stored", "refused", "failed"])]
        state: Option<String>,
        /// image, video, audio, document or sticker
        #[arg(long)]
        kind: Option<String>,
    },
    /// Remove old files that nothing refers to
    Prune {
        /// Age in days; retention.media when absent
        #[arg(long, value_name = "DAYS")]
        older_than: Option<u64>,
        /// Say what would go
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api: args, command } = args;
    let json = args.json;
    args.run(|api| async move {
        match command {
            Command::Put { file, mime_type } => put(&api, &file, mime_type.as_deref(), json).await,
            Command::Get { id, out } => get(&api, &id, out).await,
            Command::List { direction, state, kind } => {
                let filter = [("direction", direction), ("state", state), ("kind", kind)];
                let query: Vec<_> = filter.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
                api.print_list("/api/v1/media", &query, json, line).await
            }
            Command::Prune { older_than, dry_run } => {
                let mut query = vec![("dry_run", dry_run.to_string())];
                query.extend(older_than.map(|days| ("older_than_days", days.to_string())));
                let request = api.request(Method::POST, "/api/v1/media/prune", &query);
                print_object(&api.json(request).await?, json);
                Ok(())
            }
        }
    })
}

async fn put(api: &Api, path: &Path, mime_type: Option<&str>, json: bool) -> Result<(), Failed> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mime_type = mime_type.or_else(|| limits::mime_type(&name)).ok_or_else(|| {
        Failed::new(Exit::Data, format!("error: {name} is of no type that can be sent; name it with --mime-type"))
    })?;
    let unreadable = |error| Failed::new(Exit::NotFound, format!("error: {} cannot be read: {error}", path.display()));
    let bytes = tokio::fs::read(path).await.map_err(unreadable)?;
    let request = api.request(Method::POST, "/api/v1/media", &[("filename", name)]);
    let answer = api.json(request.header("content-type", mime_type).body(bytes)).await?;
    data(&if json { answer.to_string() } else { text(&answer, "id").to_owned() });
    Ok(())
}

async fn get(api: &Api, id: &str, out: Option<PathBuf>) -> Result<(), Failed> {
    // An id is part of an address and of a file's name: nothing else may be in it.
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(Failed::new(Exit::NotFound, format!("error: there is no media {id:?}")));
    }
    let out = out.unwrap_or_else(|| PathBuf::from(id));
    let answer = api.answer(api.request(Method::GET, &format!("/api/v1/media/{id}/content"), &[])).await?;
    let failed = |error: std::io::Error| {
        Failed::new(Exit::Failed, format!("error: {} cannot be written: {error}", out.display()))
    };
    let mut file = tokio::fs::File::create(&out).await.map_err(failed)?;
    let mut body = answer.bytes_stream();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| Failed::new(Exit::Failed, format!("error: {error}")))?;
        file.write_all(&chunk).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    talk(&format!("written to {}", out.display()));
    Ok(())
}

fn line(item: &Value) -> String {
    let size = item["size"].as_u64().map_or_else(|| "-".to_owned(), |size| size.to_string());
    let (id, reason) = (text(item, "id"), item["reason"].as_str().unwrap_or_default());
    let (direction, kind, state) = (text(item, "direction"), text(item, "kind"), text(item, "state"));
    format!("{} {direction:<3} {kind:<8} {state:<7} {size:>10} {id} {reason}", text(item, "first_seen"))
}
