//! `parlance test --bless`: what tests expect becomes what the bot does, in the bot files themselves.

use std::io::Write;
use std::path::Path;

use chatbot::Format;
use chatbot::testing;

use super::super::Exit;
use super::super::output::{Failed, talk};
use super::{count, is_wanted};
use crate::bots::{self, BotFile, FlowFiles};

/// Blesses files and reads those anew that were rewritten. One that cannot be rewritten is told and stays.
pub(super) fn all(files: &mut [BotFile], filter: Option<&str>, dry_run: bool) -> Result<(), Failed> {
    for file in files.iter_mut().filter(|file| file.loaded.bot.is_some()) {
        one(file, filter, dry_run)?;
    }
    Ok(())
}

fn one(file: &mut BotFile, filter: Option<&str>, dry_run: bool) -> Result<(), Failed> {
    let path = file.path.display().to_string();
    let format = Format::by_extension(&file.path).unwrap_or(Format::Json);
    let flows = FlowFiles::beside(&file.path);
    let open = |name: &str| flows.read(name);
    let blessed = match testing::bless(&file.source, format, &open, |bot, case| is_wanted(bot.id(), case, filter)) {
        Ok(blessed) => blessed,
        Err(error) => {
            talk(&format!("{path}: nothing is rewritten: {error}"));
            return Ok(());
        }
    };
    for left in &blessed.left {
        talk(&format!("{path}:{}:{}: not rewritten: {}", left.line, left.column, left.why));
    }
    if blessed.source == file.source {
        return Ok(());
    }
    let expectations = count(blessed.rewritten, "expectation");
    if dry_run {
        talk(&format!("{path}: {expectations} would be rewritten"));
        changed_lines(&file.source, &blessed.source).iter().for_each(|line| talk(&format!("  {line}")));
        return Ok(());
    }
    write(&file.path, &blessed.source)
        .map_err(|error| Failed::new(Exit::Failed, format!("error: {path} cannot be written: {error}")))?;
    talk(&format!("{path}: {expectations} rewritten"));
    *file = bots::read_file(&file.path).map_err(|error| Failed::new(Exit::NotFound, format!("error: {error}")))?;
    Ok(())
}

/// The whole file or nothing of it: written beside it, then put in its place. A link stays one.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let path = std::fs::canonicalize(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = (|| {
        let mut file = std::fs::File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(std::fs::metadata(&path)?.permissions())?;
        file.sync_all()?;
        std::fs::rename(&beside, &path)
    })();
    if written.is_err() {
        // What could not be put in place is of no use; the first error is the one that tells.
        drop(std::fs::remove_file(&beside));
    }
    written
}

/// The lines in which two texts differ: from the first to the last one.
fn changed_lines(before: &str, after: &str) -> Vec<String> {
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let same = |(one, other): &(&&str, &&str)| one == other;
    let first = before.iter().zip(&after).take_while(same).count();
    let last = before[first..].iter().rev().zip(after[first..].iter().rev()).take_while(same).count();
    let gone = before[first..before.len() - last].iter().map(|line| format!("- {line}"));
    let come = after[first..after.len() - last].iter().map(|line| format!("+ {line}"));
    gone.chain(come).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOT: &str = "# A bot.\nparlance: 1\nid: t\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  a: { type: say, messages: [ { text: Good day } ], next: { next: b } }\n  b: { type: end }\ntests:\n  - name: it\n    steps: [ { user: hi }, { expect: Hello } ] # always\n";

    fn folder() -> (tempfile::TempDir, Vec<BotFile>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("t.yaml"), BOT).unwrap();
        let files = bots::read_dir(folder.path()).unwrap();
        (folder, files)
    }

    #[test]
    fn a_blessed_file_differs_in_its_expectation_only_and_nothing_lies_beside_it() {
        let (folder, mut files) = folder();
        all(&mut files, None, false).unwrap();
        let now = std::fs::read_to_string(folder.path().join("t.yaml")).unwrap();
        assert_eq!(now, BOT.replace("Hello", "Good day"));
        assert_eq!((files[0].source.as_str(), std::fs::read_dir(folder.path()).unwrap().count()), (now.as_str(), 1));
    }

    #[test]
    fn a_dry_run_and_a_filter_that_fits_nothing_write_nothing() {
        let (folder, mut files) = folder();
        all(&mut files, None, true).unwrap();
        all(&mut files, Some("other"), false).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("t.yaml")).unwrap(), BOT);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_keeps_its_rights_and_a_link_stays_a_link() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, _) = folder();
        let (file, link) = (folder.path().join("t.yaml"), folder.path().join("l.yaml"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, "x").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "x");
    }

    #[test]
    fn changed_lines_are_those_between_what_is_equal() {
        assert_eq!(changed_lines("a\nb\nc\n", "a\nx\ny\nc\n"), ["- b", "+ x", "+ y"]);
        assert_eq!(changed_lines("a\n", "a\n"), Vec::<String>::new());
    }
}
