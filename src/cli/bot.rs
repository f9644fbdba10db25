//! `parlance bot …`: bot files, and the bots of a running server.

mod check;
mod compare;
mod graph;
mod import;
mod new;
mod publish;
mod served;

use std::path::{Path, PathBuf};

use super::Exit;
use super::output::{Failed, data, talk};
use crate::bots::{self, BotFile, LoadError};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Check bot files, and say what is wrong where
    Check(check::Args),
    /// Draw a bot: its nodes, where they lead, and what leads into it
    Graph(graph::Args),
    /// Print the JSON Schema of bot files, for editors
    Schema,
    /// Turn a bot of another system into a bot file
    Import {
        /// The export
        file: PathBuf,
        /// Where it comes from; guessed when absent
        #[arg(long, value_name = "SYSTEM", value_parser = import::systems())]
        from: Option<String>,
        /// Where to write the bot; standard output when absent
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List the bots of a running server, or of a folder
    List(served::ListArgs),
    /// List the versions of a bot of a running server, newest first
    Versions(served::VersionsArgs),
    /// Show how a bot of a running server does: runs by version, and where they wait
    Stats(served::StatsArgs),
    /// Put a bot live on a running server
    Publish(publish::Args),
    /// Put an older version live again on a running server
    Rollback(publish::RollbackArgs),
    /// Show what differs between two bot files or versions
    Diff(compare::Args),
    /// Print a bot in its canonical form: a version of a running server, or a file
    Export(served::ExportArgs),
    /// Write a bot file to begin with
    New(new::Args),
}

pub(super) fn run(command: Command) -> Result<(), Failed> {
    match command {
        Command::Check(args) => check::run(args),
        Command::Graph(args) => graph::run(&args),
        Command::Schema => schema(),
        Command::Import { file, from, out } => import::run(&file, from.as_deref(), out.as_deref()),
        Command::List(args) => served::list(args),
        Command::Versions(args) => served::versions(args),
        Command::Stats(args) => served::stats(args),
        Command::Publish(args) => publish::run(args),
        Command::Rollback(args) => publish::roll_back(args),
        Command::Diff(args) => compare::run(args),
        Command::Export(args) => served::export(args),
        Command::New(args) => new::run(&args),
    }
}

fn schema() -> Result<(), Failed> {
    let text = serde_json::to_string_pretty(&chatbot::schema())
        .map_err(|error| Failed::new(Exit::Failed, error.to_string()))?;
    data(&text);
    Ok(())
}

/// The bot of a file; its findings are shown. Errors: it has errors.
fn load(path: &Path) -> Result<BotFile, Failed> {
    let file = bots::read_file(path).map_err(|error| Failed::new(Exit::NotFound, format!("error: {error}")))?;
    file.loaded.diagnostics.iter().for_each(|diagnostic| talk(&diagnostic.render(&file.source)));
    if file.loaded.bot.is_none() {
        return Err(Failed::new(Exit::Data, format!("error: {} cannot run", path.display())));
    }
    Ok(file)
}

/// `NAME@VERSION`; without a version the live one is meant.
fn name_and_version(text: &str) -> (&str, &str) {
    text.split_once('@').unwrap_or((text, "live"))
}

fn list(dir: &Path) -> Result<(), Failed> {
    for file in read(dir)? {
        match &file.loaded.bot {
            Some(bot) => {
                let short: String = bot.version().chars().take(12).collect();
                data(&format!("{:<24} {short}  {:>4} nodes  {}", bot.id(), bot.node_count(), file.path.display()));
            }
            None => data(&format!("{:<24} broken: parlance bot check {}", "?", file.path.display())),
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<BotFile>, Failed> {
    let files = if path.is_dir() { bots::read_dir(path) } else { bots::read_file(path).map(|file| vec![file]) };
    let files = files.map_err(|error: LoadError| Failed::new(Exit::NotFound, format!("error: {error}")))?;
    if files.is_empty() {
        return Err(Failed::new(Exit::NotFound, format!("error: there are no bot files in {}", path.display())));
    }
    Ok(files)
}
