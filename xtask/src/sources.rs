//! Reads every file of the repository for words that must not be in it.
//!
//! The words are put together here, so that this file does not contain them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::metadata::cargo_home;
use crate::refuse;

/// Folders that hold nothing of ours.
const SKIPPED: [&str; 6] = [".git", ".parlance", "data", "node_modules", "results", "target"];

/// Unfinished work and switched-off tests.
const UNFINISHED: [&str; 5] = [
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("#[ig", "nore"),
    concat!("#[should_", "panic"),
    concat!("db", "g!("),
];

/// A test that sleeps is slow or wrong, mostly both.
const SLEEPING: [&str; 3] = [concat!("thread::sl", "eep"), concat!("time::sl", "eep"), concat!("time::{sl", "eep")];

/// The crates that are libraries read no environment; `src` hands them what they need.
const ENVIRONMENT: [&str; 2] = [concat!("env::v", "ar"), concat!("env::a", "rgs")];
const LIBRARIES: [&str; 5] = ["actors", "chatbot", "simulator", "storage", "whatsapp"];

/// The crate of the pure turn has no clock, file or socket.
const IMPURE: [&str; 4] =
    [concat!("std::f", "s"), concat!("std::n", "et"), concat!("System", "Time"), concat!("Inst", "ant::")];

/// Markup from text, checks that are switched off, tests that are left out or wait for time to pass.
const UNFIT_FOR_THE_CONSOLE: [&str; 9] = [
    concat!("dangerouslySet", "InnerHTML"),
    concat!("inner", "HTML"),
    concat!("@ts-", "ignore"),
    concat!("@ts-", "nocheck"),
    concat!("debug", "ger;"),
    concat!("console", ".log("),
    concat!(".on", "ly("),
    concat!(".sk", "ip("),
    concat!("waitFor", "Timeout("),
];

/// The only registry of crates that a lock file may name.
const REGISTRY: &str = concat!("registry+https://github.com/rust-lang/", "crat", "es.io-index");

pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let private = private_words(root);
    let mut findings = Vec::new();
    for path in files(root)? {
        // What is not text has no words.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let name = path.strip_prefix(root).unwrap_or(&path);
        findings.extend(findings_in(name, &text, &private));
    }
    refuse(&findings)
}

fn findings_in(name: &Path, text: &str, private: &BTreeSet<String>) -> Vec<String> {
    let is_rust = name.extension().is_some_and(|extension| extension == "rs");
    let is_script = name.extension().is_some_and(|extension| extension == "ts" || extension == "tsx");
    let is_npm_lock = name.file_name().is_some_and(|file| file == "package-lock.json");
    let is_lock = name.file_name().is_some_and(|file| file == "Cargo.lock");
    let crate_name = name.iter().next().and_then(|part| part.to_str()).unwrap_or_default();
    let mut in_tests = name.iter().any(|part| part == "tests" || part == "tests.rs");
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        in_tests |= line.trim_start().starts_with("#[cfg(test)]");
        let mut found = |what: String| findings.push(format!("{}:{}: {what}", name.display(), number + 1));
        if let Some(word) = private.iter().find(|word| line.contains(word.as_str())) {
            found(format!("names something of one machine: {word}"));
        }
        if is_lock && line.strip_prefix("source = ").is_some_and(|source| source.trim_matches('"') != REGISTRY) {
            found("a crate from elsewhere than the public registry".to_owned());
        }
        if is_npm_lock && line.trim_start().starts_with("\"resolved\"") {
            found("says where a package came from".to_owned());
        }
        if is_script {
            let unfit = UNFIT_FOR_THE_CONSOLE.iter().filter(|word| line.contains(**word));
            unfit.for_each(|word| found(format!("{word} is not for the console")));
        }
        if !is_rust {
            continue;
        }
        let mut refuse = |words: &[&str], why: &str| {
            words.iter().filter(|word| has_word(line, word)).for_each(|word| found(format!("{word} {why}")));
        };
        refuse(&UNFINISHED, "is not for committed code");
        if in_tests {
            refuse(&SLEEPING, "in a test; wait for the event, or use paused time");
        } else if LIBRARIES.contains(&crate_name) {
            refuse(&ENVIRONMENT, "in a library; it is read in src");
            if crate_name == "chatbot" {
                refuse(&IMPURE, "in the crate of the pure turn");
            }
        }
    }
    findings
}

/// Whether `word` is in `line`, and not as the end of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.split_at(at).0.chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
    })
}

/// Homes, the place of this clone, and the hosts that this machine's cargo takes crates from.
fn private_words(root: &Path) -> BTreeSet<String> {
    let homes = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    let mut words: BTreeSet<String> = homes.iter().map(|home| (*home).to_owned()).collect();
    if root.components().count() > 2 {
        words.insert(root.display().to_string());
    }
    let configs = ["config.toml", "config"].into_iter().filter_map(|name| Some(cargo_home()?.join(name)));
    let npm = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".npmrc"));
    for text in configs.chain(npm).filter_map(|path| fs::read_to_string(path).ok()) {
        words.extend(hosts(&text));
    }
    words
}

/// The hosts of all URLs in a text, without the public ones.
fn hosts(text: &str) -> Vec<String> {
    let host = |rest: &str| {
        let authority = rest.split(['/', '"', '\'', ' ', '\n']).next().unwrap_or_default();
        authority.rsplit('@').next().unwrap_or_default().to_owned()
    };
    let is_public = |host: &String| host.is_empty() || host == "github.com" || host.ends_with(concat!("crat", "es.io"));
    text.split("://").skip(1).map(host).filter(|host| !is_public(host)).collect()
}

pub(crate) fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() && !SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
            found.extend(files(&path)?);
        } else if kind.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(name: &str, text: &str) -> Vec<String> {
        findings_in(Path::new(name), text, &BTreeSet::from(["secret.example".to_owned()]))
    }

    #[test]
    fn unfinished_work_is_found_with_its_place() {
        for word in UNFINISHED {
            assert_eq!(find("src/a.rs", &format!("fn f() {{\n {word} }}")).len(), 1, "{word}");
            assert_eq!(find("README.md", word), Vec::<String>::new());
        }
        let finding = find("src/a.rs", &format!("\n{}()", UNFINISHED[0]));
        assert_eq!(finding, [format!("src/a.rs:2: {} is not for committed code", UNFINISHED[0])]);
        assert_eq!(find("src/a.rs", &format!("not_{}", UNFINISHED[0])), Vec::<String>::new());
    }

    #[test]
    fn sleeping_is_found_in_tests_only() {
        let line = format!("std::{}(x);", SLEEPING[0]);
        assert_eq!(find("tests/it/main.rs", &line).len(), 1);
        assert_eq!(find("src/config/tests.rs", &line).len(), 1);
        assert_eq!(find("src/a.rs", &format!("#[cfg(test)]\n{line}")).len(), 1);
        assert_eq!(find("src/a.rs", &line), Vec::<String>::new());
    }

    #[test]
    fn libraries_read_no_environment_and_the_pure_crate_no_file() {
        let environment = format!("std::{}(\"X\")", ENVIRONMENT[0]);
        assert_eq!(find("storage/src/a.rs", &environment).len(), 1);
        assert_eq!(find("src/a.rs", &environment), Vec::<String>::new());
        assert_eq!(find("chatbot/src/a.rs", &format!("use {};", IMPURE[0])).len(), 1);
        assert_eq!(find("chatbot/src/a.rs", &format!("#[cfg(test)]\nuse {};", IMPURE[0])), Vec::<String>::new());
        assert_eq!(find("storage/src/a.rs", &format!("use {};", IMPURE[0])), Vec::<String>::new());
    }

    #[test]
    fn private_names_are_found_in_every_file() {
        assert_eq!(find("docs/a.md", "see https://secret.example/x").len(), 1);
        assert!(private_words(Path::new("/one/two/three")).contains("/one/two/three"));
        assert!(!private_words(Path::new("/app")).contains("/app"));
    }

    #[test]
    fn lock_files_name_the_public_registry_only() {
        assert_eq!(find("Cargo.lock", &format!("source = \"{REGISTRY}\"")), Vec::<String>::new());
        assert_eq!(find("Cargo.lock", "source = \"registry+https://other.example/index\"").len(), 1);
        assert_eq!(find("Cargo.lock", "source = \"git+https://other.example/a\"").len(), 1);
    }

    #[test]
    fn scripts_write_no_markup_and_leave_no_test_out() {
        for word in UNFIT_FOR_THE_CONSOLE {
            assert_eq!(find("console/src/a.tsx", &format!("x{word}")).len(), 1, "{word}");
            assert_eq!(find("console/dist/a.js", word), Vec::<String>::new(), "{word}");
        }
        assert_eq!(find("console/package-lock.json", "  \"resolved\": \"there\"").len(), 1);
    }

    #[test]
    fn hosts_of_a_cargo_configuration_are_read() {
        let text = "registry = \"sparse+https://user@crates.example:8080/index/\"\nindex = 'https://github.com/x'\n";
        assert_eq!(hosts(text), ["crates.example:8080"]);
    }
}
