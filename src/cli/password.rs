//! Where a command gets a password from: a file, or standard input. Never an argument, which everybody on the machine can read.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;

use super::Exit;
use super::output::{Failed, talk};

/// Bytes that are read of a password at the most.
const MAX_BYTES: u64 = 4_096;

#[derive(clap::Args)]
pub(super) struct PasswordArgs {
    /// File that holds the password; else it is read from standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordArgs {
    /// The password without its line break. On a terminal it is asked for, and seen.
    pub(super) fn read(&self) -> Result<String, Failed> {
        let text = match &self.password_file {
            Some(path) => std::fs::read_to_string(path).map_err(|error| {
                Failed::new(Exit::NotFound, format!("error: {} cannot be read: {error}", path.display()))
            })?,
            None => standard_input()?,
        };
        let password = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
        if password.is_empty() {
            let help = "pass --password-file FILE, or write it to standard input";
            return Err(Failed::new(Exit::Data, format!("error: there is no password\n  = help: {help}")));
        }
        Ok(password.to_owned())
    }
}

fn standard_input() -> Result<String, Failed> {
    let failed = |error| Failed::new(Exit::Data, format!("error: the password cannot be read: {error}"));
    let mut text = String::new();
    if std::io::stdin().is_terminal() {
        talk("password (it shows while you type; --password-file reads it from a file):");
        std::io::stdin().read_line(&mut text).map_err(failed)?;
    } else {
        std::io::stdin().take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text)
}
