//! `parlance flow …`: Flow JSON, Flows and their keys.

mod apply;
mod check;
mod key;
mod one;

use super::output::Failed;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List the Flows of the accounts, and those that only bot files have
    List(one::ListArgs),
    /// Say what apply would do
    Plan(apply::PlanArgs),
    /// Bring the Flows of the bot files to Meta, and publish them
    Apply(apply::ApplyArgs),
    /// Fetch the JSON that Meta has
    Pull(one::PullArgs),
    /// Show a Flow as Meta has it now, with its health
    Status(one::Named),
    /// Get a link to look at a Flow in a browser; anybody who has it can
    Preview(one::PreviewArgs),
    /// Publish a draft
    Publish(one::Written),
    /// Take a Flow out of use, for good
    Deprecate(one::Written),
    /// Delete a draft; a Flow that was published is deprecated and put aside, for Meta keeps it
    Delete(one::Written),
    /// Make a draft with the content of a Flow
    Clone(one::CloneArgs),
    /// Read the lists from Meta now
    Sync(apply::SyncArgs),
    /// Show what Meta measured at a Flow's endpoint
    Metrics(one::MetricsArgs),
    /// Copy Flows from one business account to another
    Migrate(apply::MigrateArgs),
    /// Check Flow JSON, and say what Meta would refuse and where
    Check(check::Args),
    /// The keys that encrypt what forms ask: make, show, upload, verify and rotate them
    Key(key::Args),
}

pub(super) fn run(command: Command) -> Result<(), Failed> {
    match command {
        Command::List(args) => one::list(args),
        Command::Plan(args) => apply::plan(args),
        Command::Apply(args) => apply::apply(args),
        Command::Pull(args) => one::pull(args),
        Command::Status(args) => one::status(args),
        Command::Preview(args) => one::preview(args),
        Command::Publish(args) => one::publish(args),
        Command::Deprecate(args) => one::deprecate(args),
        Command::Delete(args) => one::delete(args),
        Command::Clone(args) => one::clone(args),
        Command::Sync(args) => apply::sync(args),
        Command::Metrics(args) => one::metrics(args),
        Command::Migrate(args) => apply::migrate(args),
        Command::Check(args) => check::run(args),
        Command::Key(args) => key::run(args),
    }
}
