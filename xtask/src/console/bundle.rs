//! The committed bundle: what it was made from, and what is in it.
//!
//! `console/dist.json` holds one hash over all sources and the lock file, and one per file of the bundle. A change of a
//! source without a new bundle, and a bundle that somebody edited, are found without Node.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::refuse;
use crate::sources::files;

const MANIFEST: &str = "dist.json";

/// What lies in the folder and does not go into the bundle.
const NOT_SOURCES: [&str; 7] =
    ["README.md", "dist", "dist.json", "node_modules", "playwright.config.ts", "results", "tests"];

/// Endings that a bundle for browsers has no use for.
const FOREIGN: [&str; 3] = ["map", "ts", "tsx"];

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    sources: String,
    files: BTreeMap<String, String>,
}

pub(super) fn write(console: &Path) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(&Manifest::of(console)?)?;
    text.push('\n');
    fs::write(console.join(MANIFEST), text).context("the manifest cannot be written")
}

pub(super) fn check(console: &Path) -> anyhow::Result<()> {
    let advice = "run `cargo xtask console build` and commit console/dist and console/dist.json";
    let text = fs::read_to_string(console.join(MANIFEST)).context(advice)?;
    let written: Manifest = serde_json::from_str(&text).context("console/dist.json")?;
    let now = Manifest::of(console)?;
    let mut findings = differences(&written.files, &now.files);
    if written.sources != now.sources {
        findings.push("console: the sources have changed since the bundle was built".to_owned());
    }
    let foreign = |name: &&String| FOREIGN.iter().any(|ending| name.ends_with(&format!(".{ending}")));
    findings.extend(now.files.keys().filter(foreign).map(|name| format!("{name} does not belong into a bundle")));
    if !findings.is_empty() {
        findings.push(advice.to_owned());
    }
    refuse(&findings)
}

/// Holds two bundles against each other, byte by byte.
pub(super) fn compare(committed: &Path, again: &Path) -> anyhow::Result<()> {
    refuse(&differences(&hashes(committed)?, &hashes(again)?))
}

impl Manifest {
    fn of(console: &Path) -> anyhow::Result<Self> {
        let mut sources = Sha256::new();
        for (name, hash) in hashes(console)? {
            let top = name.split('/').next().unwrap_or_default();
            if !NOT_SOURCES.contains(&top) {
                sources.update(format!("{hash} {name}\n"));
            }
        }
        Ok(Self { sources: hex::encode(sources.finalize()), files: hashes(&console.join("dist"))? })
    }
}

/// Each file below a folder, by its path with slashes, and its hash.
fn hashes(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for path in files(folder)? {
        let name = path.strip_prefix(folder)?.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        let bytes = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        found.insert(name, hex::encode(Sha256::digest(bytes)));
    }
    ensure!(!found.is_empty(), "{} is empty", folder.display());
    Ok(found)
}

fn differences(expected: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> Vec<String> {
    let missing = expected.keys().filter(|name| !found.contains_key(*name)).map(|name| format!("{name} is missing"));
    let others = found.iter().filter_map(|(name, hash)| match expected.get(name) {
        None => Some(format!("{name} is new")),
        Some(other) if other != hash => Some(format!("{name} differs")),
        Some(_) => None,
    });
    missing.chain(others).map(|what| format!("console/dist: {what}")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A folder of its own for a test, gone when it ends.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
            fs::create_dir_all(folder.join("dist/assets")).unwrap();
            fs::create_dir_all(folder.join("src")).unwrap();
            let new = Self(folder);
            new.put("src/main.ts", "1");
            new.put("dist/index.html", "<html>");
            new.put("dist/assets/a-1.js", "1");
            new
        }

        fn put(&self, name: &str, text: &str) {
            fs::write(self.0.join(name), text).unwrap();
        }

        fn refused(&self) -> String {
            check(&self.0).unwrap_err().to_string()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_bundle_matches_the_sources_that_it_was_built_from() {
        let folder = Folder::new("matches");
        write(&folder.0).unwrap();
        check(&folder.0).unwrap();
        folder.put("README.md", "how to work on it");
        check(&folder.0).unwrap();
    }

    #[test]
    fn changed_sources_edited_missing_and_added_files_are_found() {
        let folder = Folder::new("differs");
        assert!(check(&folder.0).is_err(), "no manifest");
        write(&folder.0).unwrap();
        folder.put("src/main.ts", "2");
        assert!(folder.refused().contains("the sources have changed"));
        folder.put("src/main.ts", "1");
        folder.put("dist/assets/a-1.js", "2");
        assert!(folder.refused().starts_with("console/dist: assets/a-1.js differs\n"));
        fs::remove_file(folder.0.join("dist/assets/a-1.js")).unwrap();
        folder.put("dist/assets/a-1.js.map", "{}");
        let refused = folder.refused();
        assert!(refused.contains("assets/a-1.js is missing") && refused.contains("a-1.js.map is new"), "{refused}");
        assert!(refused.contains("a-1.js.map does not belong into a bundle"), "{refused}");
    }

    #[test]
    fn a_new_source_counts_even_if_it_is_empty() {
        let folder = Folder::new("new");
        write(&folder.0).unwrap();
        folder.put("src/other.ts", "");
        assert!(folder.refused().contains("the sources have changed"));
    }
}
