//! `parlance db …`: the store's file, while no server has it.

use super::output::{Failed, data};
use super::{ConfigArgs, Exit};
use crate::config::{Config, Mode};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Write the store's file anew: what was erased is not in it any more, and it takes no more room than it needs
    Compact {
        #[command(flatten)]
        config: ConfigArgs,
        /// The store's file; store.path of the configuration when absent
        #[arg(long, value_name = "FILE")]
        store: Option<std::path::PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: Command) -> Result<(), Failed> {
    let Command::Compact { config, store, json } = command;
    let path = match store {
        Some(path) => path,
        None => {
            let config = Config::from_process(config.config.as_deref(), Vec::new(), Vec::new(), Mode::Serve);
            config.map_err(|errors| Failed::new(Exit::Config, errors.to_string()))?.store.path
        }
    };
    let done = storage::compact(&path).map_err(|error| Failed::new(Exit::Store, format!("error: {error}")))?;
    let storage::Compacted { before, after, rows } = done;
    match json {
        true => data(&serde_json::json!({ "before_bytes": before, "after_bytes": after, "rows": rows }).to_string()),
        false => data(&format!("{}: {before} bytes before, {after} bytes now, {rows} rows", path.display())),
    }
    Ok(())
}
