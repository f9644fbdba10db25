//! `parlance bot check`: what is wrong with bot files, for people and for programs.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use chatbot::{Findings, Format};

use crate::bots::BotFile;
use crate::cli::Exit;
use crate::cli::output::{Failed, count, data, talk};

/// How standard input is named.
const STDIN: &str = "-";

#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 nothing that keeps a bot from running, 65 errors, 3 no such file.\n\
                        Examples:\n  parlance bot check\n  parlance bot check bots/welcome.yaml --json\n  \
                        parlance bot check - < draft.yaml")]
pub(in crate::cli) struct Args {
    /// Bot files, or folders of them; `-` is standard input
    #[arg(value_name = "PATH", default_value = "bots")]
    paths: Vec<PathBuf>,
    /// One JSON object per finding, on standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let mut files = Vec::new();
    for path in &args.paths {
        files.extend(if path == Path::new(STDIN) { vec![from_stdin()?] } else { super::read(path)? });
    }
    let twins = twins(&files);
    let mut all = Vec::with_capacity(files.len());
    for file in files {
        let findings = Findings::of(file.path.display().to_string(), file.loaded.diagnostics);
        show(&findings, &file.source, args.json)?;
        all.push(findings);
    }
    twins.iter().for_each(|twin| talk(&format!("error: {twin}\n")));
    conclude(&all, twins.len(), args.json)
}

/// JSON begins with a brace, as no bot that somebody writes in YAML does.
fn from_stdin() -> Result<BotFile, Failed> {
    let mut source = String::new();
    let unreadable = |error| Failed::new(Exit::NotFound, format!("error: standard input cannot be read: {error}"));
    std::io::stdin().read_to_string(&mut source).map_err(unreadable)?;
    let format = if source.trim_start().starts_with('{') { Format::Json } else { Format::Yaml };
    let loaded = chatbot::load(&source, STDIN, format);
    Ok(BotFile { path: STDIN.into(), source, loaded, flows: BTreeMap::new() })
}

/// Two files with the same bot do not run together.
fn twins(files: &[BotFile]) -> Vec<String> {
    let mut first: BTreeMap<&str, &Path> = BTreeMap::new();
    let mut found = Vec::new();
    for file in files {
        let Some(bot) = &file.loaded.bot else { continue };
        let other = *first.entry(bot.id()).or_insert(&file.path);
        if other != file.path {
            let (other, path) = (other.display(), file.path.display());
            found.push(format!("the bot {} is in both {other} and {path}: ids must differ", bot.id()));
        }
    }
    found
}

fn show(findings: &Findings, source: &str, json: bool) -> Result<(), Failed> {
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    for found in &findings.diagnostics {
        if json {
            data(&serde_json::to_string(found).map_err(|error| Failed::new(Exit::Failed, error.to_string()))?);
        } else {
            talk(&if coloured { found.render_coloured(source) } else { found.render(source) });
        }
    }
    Ok(())
}

fn conclude(all: &[Findings], twins: usize, json: bool) -> Result<(), Failed> {
    let errors = all.iter().map(|findings| findings.errors).sum::<usize>() + twins;
    let warnings = all.iter().map(|findings| findings.warnings).sum();
    let counts = format!("{}, {}", count(errors, "error"), count(warnings, "warning"));
    let checked = count(all.len(), "bot file");
    if errors > 0 {
        return Err(Failed::new(Exit::Data, format!("{checked} checked: {counts}")));
    }
    if !json {
        data(&format!("{checked} checked: {counts}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "parlance: 1\nid: good\ntriggers: [ { default: {}, to: a } ]\nnodes: { a: { type: end } }\n";

    fn check(files: &[(&str, &str)], json: bool) -> Result<(), (Exit, String)> {
        let folder = tempfile::tempdir().unwrap();
        for (name, source) in files {
            std::fs::write(folder.path().join(name), source).unwrap();
        }
        run(Args { paths: vec![folder.path().to_owned()], json }).map_err(|failed| (failed.exit, failed.message))
    }

    #[test]
    fn a_folder_of_good_bots_passes_with_its_warnings() {
        let warned = GOOD.replace("good", "warned").replace("a: { type: end }", "a: { type: end }, b: { type: end }");
        assert_eq!(check(&[("a.yaml", GOOD), ("b.yaml", &warned)], false), Ok(()));
    }

    #[test]
    fn one_bad_bot_fails_as_bad_data() {
        let bad = GOOD.replace("type: end", "type: ned");
        let failed = check(&[("a.yaml", GOOD), ("b.yaml", &bad)], true).unwrap_err();
        assert_eq!(failed, (Exit::Data, "2 bot files checked: 1 error, no warnings".into()));
    }

    #[test]
    fn two_files_with_one_bot_fail() {
        let failed = check(&[("a.yaml", GOOD), ("b.yaml", GOOD)], false).unwrap_err();
        assert_eq!(failed, (Exit::Data, "2 bot files checked: 1 error, no warnings".into()));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert_eq!(check(&[], false).unwrap_err().0, Exit::NotFound);
        assert_eq!(run(Args { paths: vec!["no/such.yaml".into()], json: false }).unwrap_err().exit, Exit::NotFound);
    }
}
