//! `parlance bot new NAME`: a bot file to begin with. It passes `bot check`, and its own test.

use std::io::Write;
use std::path::PathBuf;

use chatbot::Format;

use crate::cli::Exit;
use crate::cli::output::{Failed, data, talk};

const START: &str = include_str!("new.yaml");
/// The id in [`START`].
const NAME: &str = "my_bot";

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The bot's id, and the name of its file
    name: String,
    /// The folder
    #[arg(long, value_name = "DIR", default_value = "bots")]
    dir: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<(), Failed> {
    let text = text(&args.name)?;
    let path = args.dir.join(format!("{}.yaml", args.name));
    let failed = |error| Failed::new(Exit::Failed, format!("error: {} cannot be written: {error}", path.display()));
    std::fs::create_dir_all(&args.dir).map_err(failed)?;
    match std::fs::File::create_new(&path).and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let message = format!("error: {} is there already; choose another name", path.display());
            return Err(Failed::new(Exit::Conflict, message));
        }
        Err(error) => return Err(failed(error)),
    }
    data(&path.display().to_string());
    talk(&format!("try it: parlance test {}, then parlance dev", path.display()));
    Ok(())
}

fn text(name: &str) -> Result<String, Failed> {
    let text = START.replace(NAME, name);
    let loaded = chatbot::load(&text, name, Format::Yaml);
    match loaded.bot {
        Some(bot) if bot.id() == name && loaded.diagnostics.is_empty() => Ok(text),
        _ => {
            let message = format!("error: {name:?} cannot be the id of a bot: use letters, digits, _ and -");
            Err(Failed::new(Exit::Usage, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_without_findings_and_its_tests_pass() {
        for name in ["my_bot", "tea-shop", "Büro2"] {
            let bot = chatbot::load(&text(name).unwrap(), name, Format::Yaml).bot.unwrap();
            assert_eq!((bot.id(), bot.tests().len()), (name, 2));
            for case in bot.tests() {
                let report = chatbot::testing::run(&bot, case);
                assert!(report.passed(), "{report:?}");
            }
        }
    }

    #[test]
    fn names_that_are_no_ids_are_refused() {
        for name in ["", "two words", "../up", "a: b", "x\ny", "1.50", "true", "null"] {
            assert_eq!(text(name).unwrap_err().exit, Exit::Usage, "{name:?}");
        }
    }
}
