//! `parlance flow …`: Flow JSON, Flows and their keys.

mod check;
mod key;

use super::output::Failed;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Check Flow JSON, and say what Meta would refuse and where
    Check(check::Args),
    /// The keys that encrypt what forms ask: make, show, upload, verify and rotate them
    Key(key::Args),
}

pub(super) fn run(command: Command) -> Result<(), Failed> {
    match command {
        Command::Check(args) => check::run(args),
        Command::Key(args) => key::run(args),
    }
}
