//! `parlance flow …`: Flow JSON and Flows.

mod check;

use super::output::Failed;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Check Flow JSON, and say what Meta would refuse and where
    Check(check::Args),
}

pub(super) fn run(command: Command) -> Result<(), Failed> {
    match command {
        Command::Check(args) => check::run(args),
    }
}
