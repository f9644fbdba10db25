//! What the command line says about itself: examples in its help, completions, manual pages, the version; and the
//! document of the API.

mod examples;

use std::path::Path;

use clap::{CommandFactory, FromArgMatches};
use serde_json::json;

use super::output::{Failed, data, talk};
use super::{Cli, Exit};

/// All commands, with the examples in their help.
pub(super) fn tree() -> clap::Command {
    with_examples(Cli::command(), "")
}

fn with_examples(command: clap::Command, path: &str) -> clap::Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let deeper = names.into_iter().fold(command, |command, name| {
        let path = format!("{path} {name}").trim_start().to_owned();
        command.mut_subcommand(name, |sub| with_examples(sub, &path))
    });
    match examples::of(path) {
        Some(examples) => {
            let lines: String = examples.iter().map(|example| format!("\n  parlance {path} {example}")).collect();
            deeper.after_help(format!("Examples:{}", lines.replace(" \n", "\n").trim_end()))
        }
        None => deeper,
    }
}

/// The command line of this process.
pub(super) fn parse() -> Result<Cli, clap::Error> {
    let matches = tree().try_get_matches()?;
    Cli::from_arg_matches(&matches)
}

pub(super) fn completions(shell: clap_complete::Shell) -> Result<(), Failed> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut tree(), "parlance", &mut script);
    data(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}

/// A page for each command, or the one of `parlance`.
pub(super) fn pages(dir: Option<&Path>) -> Result<(), Failed> {
    let Some(dir) = dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(tree()).render(&mut page).map_err(|error| wrong(Path::new("the page"), &error))?;
        data(String::from_utf8_lossy(&page).trim_end());
        return Ok(());
    };
    std::fs::create_dir_all(dir).map_err(|error| wrong(dir, &error))?;
    clap_mangen::generate_to(tree(), dir).map_err(|error| wrong(dir, &error))?;
    talk(&format!("wrote the pages into {}", dir.display()));
    Ok(())
}

pub(super) fn openapi() -> Result<(), Failed> {
    let document = crate::admin::document();
    let text = document.to_pretty_json().map_err(|error| Failed::new(Exit::Failed, format!("error: {error}")))?;
    data(&text);
    Ok(())
}

pub(super) fn version(as_json: bool) {
    let version = env!("CARGO_PKG_VERSION");
    if as_json {
        data(&json!({ "name": "parlance", "version": version, "os": std::env::consts::OS, "arch": std::env::consts::ARCH }).to_string());
    } else {
        data(&format!("parlance {version}"));
    }
}

fn wrong(place: &Path, error: &std::io::Error) -> Failed {
    Failed::new(Exit::Failed, format!("error: {}: {error}", place.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commands that change a server without `--dry-run`, and why.
    const NO_DRY_RUN: &[(&str, &str)] = &[
        ("media put", "a file by itself does nothing"),
        ("template sync", "reads Meta's list; nothing of ours is lost"),
        ("convo trigger", "what the bot would do is only known when it does it"),
        ("event resume", "a try is all that happens"),
        ("event replay", "receivers drop what they have already"),
        ("webhook replay", "what was taken before is dropped, unless it is run anew on purpose"),
        ("outbox edit", "the dead letter stays beside what goes in its place"),
        ("outbox pause", "undone by resume"),
        ("outbox resume", "undone by pause"),
        ("broadcast start", "create has it"),
        ("broadcast pause", "undone by resume"),
        ("broadcast resume", "undone by pause"),
        ("broadcast cancel", "pause looks first"),
        ("convo send", "what the window allows is only known when it goes"),
        ("message send", "what the window allows is only known when it goes"),
        ("run start", "what the bot would do is only known when it does it"),
        ("setup", "the link works once"),
        ("quick-reply add", "a text by itself does nothing"),
        ("quick-reply edit", "the text before stands in the answer"),
        ("flow clone", "makes a draft, which nobody sees"),
        ("config schema", "prints what is compiled in"),
        ("number test", "asks Meta, and changes nothing"),
        ("number pause", "resume undoes it"),
        ("number resume", "pause undoes it"),
        ("flow key new", "writes a new file here and overwrites nothing"),
        ("flow key upload", "puts the same key there again"),
        ("flow key rotate", "each step is undone by the next one that fails"),
    ];

    /// Words of commands that read.
    const READS: &[&str] = &[
        "list",
        "show",
        "stats",
        "status",
        "journal",
        "tail",
        "versions",
        "diff",
        "graph",
        "export",
        "export-test",
        "get",
        "plan",
        "metrics",
        "preview",
        "groups",
        "results",
        "verify",
        "endpoints",
        "check",
        "pull",
        "explain",
        "sources",
        "search",
    ];

    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let path = format!("{path} {}", sub.get_name()).trim_start().to_owned();
            if sub.has_subcommands() { leaves(sub, &path, found) } else { found.push((path, sub.clone())) }
        }
    }

    fn all() -> Vec<(String, clap::Command)> {
        let mut tree = tree();
        tree.build();
        let mut found = Vec::new();
        leaves(&tree, "", &mut found);
        found
    }

    fn takes(command: &clap::Command, name: &str) -> bool {
        command.get_arguments().any(|arg| arg.get_long() == Some(name))
    }

    #[test]
    fn what_talks_to_a_server_prints_json_and_what_changes_it_can_be_tried_out() {
        let talks = all().into_iter().filter(|(_, command)| takes(command, "token-file") && takes(command, "context"));
        let mut wrong = Vec::new();
        for (path, command) in talks {
            let reads = path.split(' ').next_back().is_some_and(|word| READS.contains(&word));
            let excused = NO_DRY_RUN.iter().any(|(known, _)| *known == path);
            if !takes(&command, "json") {
                wrong.push(format!("{path}: --json"));
            }
            if !reads && !excused && !takes(&command, "dry-run") {
                wrong.push(format!("{path}: --dry-run"));
            }
        }
        assert!(wrong.is_empty(), "add these, or a reason to NO_DRY_RUN: {wrong:?}");
    }

    #[test]
    fn examples_are_of_commands_that_exist_and_each_can_be_read() {
        let all = all();
        for (path, examples) in examples::ALL {
            assert!(examples.len() >= 3, "{path} has fewer than 3");
            assert!(all.iter().any(|(known, _)| known == path), "there is no command {path}");
            for example in *examples {
                let line = format!("parlance {path} {example}");
                let words = words(&line);
                if let Err(error) = tree().try_get_matches_from(words) {
                    panic!("{line}: {error}");
                }
            }
        }
    }

    /// As a shell splits them, with quotes.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
        for c in line.chars() {
            match c {
                '\'' => quoted = !quoted,
                ' ' if !quoted => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
                c => word.push(c),
            }
        }
        words.extend(Some(word).filter(|word| !word.is_empty()));
        words
    }

    #[test]
    fn completions_and_pages_name_every_group() {
        let mut script = Vec::new();
        clap_complete::generate(clap_complete::Shell::Bash, &mut tree(), "parlance", &mut script);
        let script = String::from_utf8(script).unwrap();
        let dir = tempfile::tempdir().unwrap();
        pages(Some(dir.path())).unwrap();
        for group in ["bot", "convo", "context", "openapi"] {
            assert!(script.contains(group), "{group}");
            assert!(dir.path().join(format!("parlance-{group}.1")).exists(), "{group}");
        }
    }
}
