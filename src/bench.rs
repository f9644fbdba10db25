//! `parlance bench`.

/// Options.
#[derive(clap::Args)]
pub struct Args {}

/// Runs it.
pub fn run(_: Args) -> anyhow::Result<()> {
    anyhow::bail!("being built")
}
