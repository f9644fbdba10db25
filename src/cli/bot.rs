//! `parlance bot …`: bot files without a running server.

mod check;

use std::path::{Path, PathBuf};

use chatbot::import::{self, Kind};

use super::Exit;
use super::output::{Failed, data, talk};
use crate::bots::{self, BotFile, LoadError};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Check bot files, and say what is wrong where
    Check(check::Args),
    /// Print the JSON Schema of bot files, for editors
    Schema,
    /// Turn a bot of another system into a bot file
    Import {
        /// The export
        file: PathBuf,
        /// Where it comes from; guessed when absent
        #[arg(long, value_name = "SYSTEM", value_parser = ["whatsapp-builder"])]
        from: Option<String>,
        /// Where to write the bot; standard output when absent
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List the bots of a folder
    List {
        /// Folder
        #[arg(default_value = "bots")]
        dir: PathBuf,
    },
}

pub(super) fn run(command: Command) -> Result<(), Failed> {
    match command {
        Command::Check(args) => check::run(args),
        Command::Schema => schema(),
        Command::Import { file, from, out } => import(&file, from.as_deref(), out.as_deref()),
        Command::List { dir } => list(&dir),
    }
}

fn schema() -> Result<(), Failed> {
    let text = serde_json::to_string_pretty(&chatbot::schema())
        .map_err(|error| Failed::new(Exit::Failed, error.to_string()))?;
    data(&text);
    Ok(())
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

fn import(path: &Path, from: Option<&str>, out: Option<&Path>) -> Result<(), Failed> {
    let unreadable = |error| Failed::new(Exit::NotFound, format!("error: {} cannot be read: {error}", path.display()));
    let source = std::fs::read_to_string(path).map_err(unreadable)?;
    if from.is_none() && import::detect(&source) != Some(Kind::WhatsappBuilder) {
        let message =
            format!("error: {} is no export that Parlance knows; it imports whatsapp-builder", path.display());
        return Err(Failed::new(Exit::Data, message));
    }
    let imported = import::whatsapp_builder(&source)
        .map_err(|error| Failed::new(Exit::Data, format!("error: {}: {error}", path.display())))?;
    for change in &imported.changes {
        talk(&format!("changed: {change}"));
    }
    let text = serde_json::to_string_pretty(&imported.bot_json)
        .map_err(|error| Failed::new(Exit::Failed, error.to_string()))?;
    match out {
        None => data(&text),
        Some(out) => {
            let failed =
                |error| Failed::new(Exit::Failed, format!("error: {} cannot be written: {error}", out.display()));
            std::fs::write(out, text + "\n").map_err(failed)?;
            talk(&format!("written to {}; try it: parlance bot check {0}", out.display()));
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
