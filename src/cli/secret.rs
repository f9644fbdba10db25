//! `parlance secret …`: the key that the secrets in the store are encrypted with. Works on the store itself, so no server may
//! run over it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use storage::{Options, RedbStore, Store};

use super::output::{Failed, count, data, talk};
use super::{ConfigArgs, Exit, runtime, serve};
use crate::config::{Draft, Mode, Origin};
use crate::flow_keys;
use crate::vault::{self, MasterKey, VaultError};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a key in a file that only its owner can read
    NewKey {
        /// The file; nothing is overwritten
        #[arg(long, value_name = "FILE", default_value = "secrets.key")]
        out: PathBuf,
    },
    /// Move the secrets in the store from an old key to the one that is configured
    ///
    /// Stop the server, configure the new key (secrets.key_file), run this, start the server. If it is interrupted, run it
    /// again: it goes on with what is left.
    Rekey {
        /// File of the key from before
        #[arg(long, value_name = "FILE")]
        old_key_file: PathBuf,
        #[command(flatten)]
        config: ConfigArgs,
        /// The store of `parlance dev`
        #[arg(long)]
        dev: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    match args.command {
        Command::NewKey { out } => new_key(&out),
        Command::Rekey { old_key_file, config, dev, json } => rekey(&old_key_file, config, dev, json),
    }
}

fn new_key(out: &Path) -> Result<(), Failed> {
    let (key, text) = MasterKey::generate();
    flow_keys::create(out, &text).map_err(|error| {
        let exit = if error.kind() == std::io::ErrorKind::AlreadyExists { Exit::Conflict } else { Exit::Failed };
        Failed::new(exit, format!("error: {} cannot be written: {error}", out.display()))
    })?;
    data(&format!("{}: key {}, readable for its owner only", out.display(), key.id()));
    talk(&format!(
        "next: set secrets.key_file = {:?}, and keep a copy apart from the store",
        out.display().to_string()
    ));
    Ok(())
}

fn rekey(old: &Path, config: ConfigArgs, dev: bool, json: bool) -> Result<(), Failed> {
    let generated = if dev { super::dev::places() } else { Vec::new() };
    // What identifies us at Meta is not needed here, and may not be in this shell.
    let origin = Origin { file: config.config, overrides: Vec::new(), generated, mode: Mode::Dev };
    let config = origin.read(Draft::File).map_err(|errors| Failed::new(Exit::Config, errors.to_string()))?;
    let wrong = |error: VaultError| Failed::new(exit(&error), format!("error: {error}"));
    let old = MasterKey::read(old).map_err(|error| wrong(error.into()))?;
    let new = config.vault.key.as_ref().ok_or_else(|| {
        Failed::new(Exit::Config, "error: no key is configured: set secrets.key_file to the file of the new one")
    })?;
    let new = MasterKey::of(new).map_err(|error| wrong(error.into()))?;
    if !config.store.path.exists() {
        return Err(Failed::new(Exit::NotFound, format!("error: there is no store {}", config.store.path.display())));
    }
    runtime()?.block_on(async {
        let store: Arc<dyn Store> = RedbStore::open(&config.store.path, Options::default())
            .map_err(|error| serve::start_failed(error.into()))?;
        let moved = vault::rekey(&store, &old, &new).await.map_err(wrong);
        store.close().await.map_err(|error| Failed::new(Exit::Store, format!("error: closing the store: {error}")))?;
        let moved = moved?;
        if json {
            data(&json!({ "moved": moved.moved, "already": moved.already, "key": new.id().to_string() }).to_string());
        } else {
            data(&format!(
                "{} moved to the key {}, {} were there",
                count(moved.moved, "secret"),
                new.id(),
                moved.already
            ));
            talk("the old key opens nothing in this store any more; backups from before still need it");
        }
        Ok(())
    })
}

fn exit(error: &VaultError) -> Exit {
    if matches!(error, VaultError::Store(_)) { Exit::Store } else { Exit::Config }
}
