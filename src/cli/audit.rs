//! `parlance audit …`: who did what on a running server.

use std::io::Write as _;
use std::path::PathBuf;

use reqwest::Method;
use serde_json::Value;

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
    /// List rows, newest first
    List {
        #[command(flatten)]
        filter: Filter,
        /// Print no more than this many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Write all rows to standard output or a file, oldest first
    Export {
        #[command(flatten)]
        filter: Filter,
        /// jsonl or csv
        #[arg(long, value_parser = ["jsonl", "csv"], default_value = "jsonl")]
        format: String,
        /// File to write to
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Walk through the chain of all rows: exit 1 if one was changed or taken away
    Verify {
        /// A head that was noted before: number:hash
        #[arg(long, value_name = "HEAD")]
        expect: Option<String>,
    },
}

#[derive(clap::Args)]
struct Filter {
    /// Who did it, such as user:elif or token:ci
    #[arg(long)]
    who: Option<String>,
    /// A part of method and path, such as /takeover
    #[arg(long)]
    action: Option<String>,
    /// An id of what it was done to
    #[arg(long)]
    target: Option<String>,
    /// Not before this time, such as 2026-11-27T09:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
}

impl Filter {
    fn pairs(self) -> Vec<(&'static str, String)> {
        let pairs =
            [("who", self.who), ("action", self.action), ("target", self.target), ("from", self.from), ("to", self.to)];
        pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api: args, command } = args;
    let json = args.json;
    args.run(|api| async move {
        match command {
            Command::List { filter, limit } => list(&api, filter.pairs(), limit, json).await,
            Command::Export { filter, format, output } => {
                let mut query = filter.pairs();
                query.push(("format", format));
                export(&api, &query, output).await
            }
            Command::Verify { expect } => {
                let query: Vec<_> = expect.map(|expect| ("expect", expect)).into_iter().collect();
                let found = api.json(api.request(Method::GET, "/api/v1/audit/verify", &query)).await?;
                print_object(&found, json);
                if found["ok"] == true {
                    return Ok(());
                }
                let (at, why) = (&found["broken_at"], text(&found, "why"));
                let help = "compare with an export or a backup that was made before; `db` tools cannot mend a chain";
                Err(Failed::new(
                    Exit::Failed,
                    format!("error: the chain is broken at row {at}: {why}\n  = help: {help}"),
                ))
            }
        }
    })
}

async fn list(api: &Api, query: Vec<(&'static str, String)>, limit: usize, json: bool) -> Result<(), Failed> {
    let (mut left, mut cursor): (usize, Option<String>) = (limit, None);
    while left > 0 {
        let mut query = query.clone();
        query.push(("limit", left.min(200).to_string()));
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page = api.json(api.request(Method::GET, "/api/v1/audit", &query)).await?;
        for item in page["items"].as_array().into_iter().flatten() {
            data(&if json { item.to_string() } else { line(item) });
            left = left.saturating_sub(1);
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return Ok(()),
        }
    }
    Ok(())
}

/// Piece by piece: the trail of a year is larger than memory should be.
async fn export(api: &Api, query: &[(&str, String)], output: Option<PathBuf>) -> Result<(), Failed> {
    let mut answer = api.answer(api.request(Method::GET, "/api/v1/audit/export", query)).await?;
    let failed = |error: &dyn std::fmt::Display| Failed::new(Exit::Failed, format!("error: {error}"));
    let mut sink: Box<dyn std::io::Write> = match &output {
        Some(path) => Box::new(std::fs::File::create(path).map_err(|error| failed(&error))?),
        None => Box::new(std::io::stdout()),
    };
    let mut bytes = 0;
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error))? {
        bytes += chunk.len();
        sink.write_all(&chunk).map_err(|error| failed(&error))?;
    }
    sink.flush().map_err(|error| failed(&error))?;
    if let Some(path) = output {
        talk(&format!("{bytes} bytes in {}", path.display()));
    }
    Ok(())
}

fn line(row: &Value) -> String {
    let targets: Vec<&str> = row["targets"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let (at, who, action) = (text(row, "at"), text(row, "who"), text(row, "action"));
    format!("{at} {who:<20} {} {action} {}", row["status"], targets.join(" ")).trim_end().to_owned()
}
