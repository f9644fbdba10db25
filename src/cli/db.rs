//! `parlance db …`: the store's file, while no server has it.

use std::path::PathBuf;

use super::output::{Failed, data};
use super::{ConfigArgs, Exit};
use crate::config::{Config, Mode};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Read the whole file and compare every page with its checksum: is it as it was written?
    Check {
        #[command(flatten)]
        of: Which,
    },
    /// Write the store's file anew: what was erased is not in it any more, and it takes no more room than it needs
    Compact {
        #[command(flatten)]
        of: Which,
    },
}

/// Which file, and how its figures are told.
#[derive(clap::Args)]
pub(super) struct Which {
    #[command(flatten)]
    config: ConfigArgs,
    /// The store's file; store.path of the configuration when absent
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Which {
    fn path(&self) -> Result<PathBuf, Failed> {
        if let Some(path) = &self.store {
            return Ok(path.clone());
        }
        let config = Config::from_process(self.config.config.as_deref(), Vec::new(), Vec::new(), Mode::Serve);
        Ok(config.map_err(|errors| Failed::new(Exit::Config, errors.to_string()))?.store.path)
    }
}

fn failed(error: &dyn std::error::Error) -> Failed {
    Failed::new(Exit::Store, format!("error: {error}"))
}

pub(super) fn run(command: Command) -> Result<(), Failed> {
    match command {
        Command::Check { of } => check(&of),
        Command::Compact { of } => compact(&of),
    }
}

fn check(of: &Which) -> Result<(), Failed> {
    let path = of.path()?;
    let storage::Checked { bytes, rows } = storage::check(&path).map_err(|error| failed(&error))?;
    match of.json {
        true => data(&serde_json::json!({ "bytes": bytes, "rows": rows }).to_string()),
        false => data(&format!("{}: {bytes} bytes, {rows} rows, all as they were written", path.display())),
    }
    Ok(())
}

fn compact(of: &Which) -> Result<(), Failed> {
    let path = of.path()?;
    let storage::Compacted { before, after, rows } = storage::compact(&path).map_err(|error| failed(&error))?;
    match of.json {
        true => data(&serde_json::json!({ "before_bytes": before, "after_bytes": after, "rows": rows }).to_string()),
        false => data(&format!("{}: {before} bytes before, {after} bytes now, {rows} rows", path.display())),
    }
    Ok(())
}
