//! The guide for authors and the bots of the repository: each example is an excerpt of a file, each file loads without a
//! finding, and its own tests pass.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chatbot::testing::{run, with_stand_in_files};
use chatbot::{Bot, Format};

use crate::support::{load_file, read, repository};

/// The bot files of a folder, by name.
fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| Format::by_extension(path).is_some()).collect();
    paths.sort();
    paths
}

fn without_a_finding(path: &Path) -> Bot {
    let source = read(path);
    let loaded = load_file(path);
    let found: Vec<String> = loaded.diagnostics.iter().map(|found| found.render(&source)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    with_stand_in_files(loaded.bot.unwrap())
}

#[test]
fn every_bot_of_the_repository_passes_its_own_tests() {
    let paths: Vec<PathBuf> = ["bots", "docs/examples", "chatbot/testdata/flows"].into_iter().flat_map(files).collect();
    assert!(paths.len() >= 8, "{paths:?}");
    for path in paths {
        let bot = without_a_finding(&path);
        assert!(!bot.tests().is_empty(), "{} has no tests", path.display());
        for case in bot.tests() {
            let report = run(&bot, case);
            let failure = report.failure.as_ref().map(ToString::to_string).unwrap_or_default();
            assert!(report.passed(), "{}: {}\n{failure}", path.display(), case.name);
        }
    }
}

#[test]
fn every_example_of_the_guide_stands_in_the_file_that_it_names() {
    let page = ["docs/bots.md", "docs/forms.md"].map(|page| read(&repository(page))).concat();
    let (mut named, mut source, mut block) = (BTreeSet::new(), String::new(), None::<String>);
    for line in page.lines() {
        match &mut block {
            None if line == "```yaml" => block = Some(String::new()),
            None => {
                let name = line.strip_prefix("[examples/").and_then(|rest| rest.split(']').next());
                if let Some(name) = name.filter(|name| !name.is_empty()) {
                    source = read(&repository(&format!("docs/examples/{name}")));
                    named.insert(name.to_owned());
                }
            }
            Some(text) if line == "```" => {
                assert!(source.contains(text.as_str()), "stands in no example:\n{text}");
                block = None;
            }
            Some(text) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    let there: BTreeSet<String> =
        files("docs/examples").iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(named, there, "each example has its place in the guide");
}
