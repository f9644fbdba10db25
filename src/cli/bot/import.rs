//! `parlance bot import`: a bot of another program becomes a bot file, and what changes is told.

use std::path::Path;

use chatbot::import::{Kind, import};
use clap::builder::PossibleValuesParser;

use crate::cli::Exit;
use crate::cli::output::{Failed, data, talk};

/// The programs whose exports can be read.
pub(super) fn systems() -> PossibleValuesParser {
    PossibleValuesParser::new(Kind::ALL.map(Kind::as_str))
}

/// Writes the bot to a file or to standard output; changes go to standard error.
pub(super) fn run(path: &Path, from: Option<&str>, out: Option<&Path>) -> Result<(), Failed> {
    let unreadable = |error| Failed::new(Exit::NotFound, format!("error: {} cannot be read: {error}", path.display()));
    let source = std::fs::read(path).map_err(unreadable)?;
    let refused = |why: String| Failed::new(Exit::Data, format!("error: {}: {why}", path.display()));
    let source = String::from_utf8(source).map_err(|_| refused("it is not text in UTF-8".to_owned()))?;
    let imported = import(&source, from.and_then(Kind::by_name)).map_err(|error| refused(error.to_string()))?;
    for change in &imported.changes {
        talk(&format!("changed: {change}"));
    }
    match out {
        None => data(imported.written().trim_end()),
        Some(out) => {
            let failed =
                |error| Failed::new(Exit::Failed, format!("error: {} cannot be written: {error}", out.display()));
            std::fs::write(out, imported.written()).map_err(failed)?;
            talk(&format!("written to {}; try it: parlance bot check {0}", out.display()));
        }
    }
    Ok(())
}
