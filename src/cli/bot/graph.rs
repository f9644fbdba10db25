//! `parlance bot graph`: a bot as a picture.

use std::path::{Path, PathBuf};

use chatbot::Picture;

use crate::bots::BotFile;
use crate::cli::Exit;
use crate::cli::output::{Failed, data, talk};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  parlance bot graph welcome --format svg --out welcome.svg\n  \
                        parlance bot graph bots/welcome.yaml --format dot | dot -Tpng > welcome.png")]
pub(in crate::cli) struct Args {
    /// A bot file, or the id of a bot in the folder
    #[arg(value_name = "NAME|FILE")]
    bot: String,
    /// The language of the picture
    #[arg(long, default_value = "mermaid", value_parser = Picture::NAMES)]
    format: String,
    /// Folder in which bots are looked for by their id
    #[arg(long, value_name = "DIR", default_value = "bots")]
    dir: PathBuf,
    /// Where to write it; standard output when absent
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failed> {
    let file = find(&args.bot, &args.dir)?;
    let Some(bot) = &file.loaded.bot else {
        file.loaded.diagnostics.iter().for_each(|found| talk(&found.render(&file.source)));
        return Err(Failed::new(Exit::Data, format!("error: {} cannot run", file.path.display())));
    };
    let picture = Picture::from_name(&args.format).unwrap_or(Picture::Mermaid);
    let text = chatbot::graph(bot, &file.loaded.diagnostics, picture);
    match &args.out {
        None => data(text.trim_end()),
        Some(out) => std::fs::write(out, text).map_err(|error| {
            Failed::new(Exit::Failed, format!("error: {} cannot be written: {error}", out.display()))
        })?,
    }
    Ok(())
}

/// A file of that path, else the bot of that id.
fn find(bot: &str, dir: &Path) -> Result<BotFile, Failed> {
    let mut files = super::read(if Path::new(bot).is_file() { Path::new(bot) } else { dir })?;
    let wanted = match Path::new(bot).is_file() {
        true => Some(0),
        false => files.iter().position(|file| file.loaded.bot.as_ref().is_some_and(|found| found.id() == bot)),
    };
    match wanted {
        Some(index) => Ok(files.swap_remove(index)),
        None => Err(Failed::new(
            Exit::NotFound,
            format!("error: there is no file and no valid bot `{bot}` in {}", dir.display()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_with(bot: &str, dir: &Path, out: &Path) -> Result<(), Exit> {
        let args = Args { bot: bot.to_owned(), format: "svg".into(), dir: dir.to_owned(), out: Some(out.to_owned()) };
        run(&args).map_err(|failed| failed.exit)
    }

    #[test]
    fn a_bot_is_found_by_its_file_and_by_its_id() {
        let folder = tempfile::tempdir().unwrap();
        let (file, out) = (folder.path().join("a.yaml"), folder.path().join("a.svg"));
        let source = "parlance: 1\nid: good\ntriggers: [ { default: {}, to: a } ]\nnodes: { a: { type: end } }\n";
        std::fs::write(&file, source).unwrap();
        for name in ["good", file.to_str().unwrap()] {
            assert_eq!(run_with(name, folder.path(), &out), Ok(()));
            assert!(std::fs::read_to_string(&out).unwrap().starts_with("<svg "));
            std::fs::remove_file(&out).unwrap();
        }
        assert_eq!(run_with("other", folder.path(), &out), Err(Exit::NotFound));
        std::fs::write(&file, source.replace("end", "ned")).unwrap();
        assert_eq!(run_with(file.to_str().unwrap(), folder.path(), &out), Err(Exit::Data));
    }
}
