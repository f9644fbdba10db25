//! What cargo knows about the workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::shown;

/// `cargo metadata`, as far as it is read here.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_members: Vec<String>,
}

/// A package, ours or another's.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) id: String,
    pub(crate) license: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

/// A line of a manifest.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
}

/// A library, binary, test or bench.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
}

impl Metadata {
    /// Asks cargo, for this machine's platform, so that nothing foreign is downloaded.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let version = output(Command::new("rustc").arg("-vV"))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
        let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", host];
        let json = output(cargo_command().args(arguments))?;
        serde_json::from_str(&json).context("cargo metadata cannot be read")
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }
}

/// A package that takes part in a build.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Compiled {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) features: Vec<String>,
}

/// Everything that is compiled for `selection`, such as `["-p", "storage"]`, over edges of `kinds`.
pub(crate) fn tree(selection: &[&str], kinds: &str) -> anyhow::Result<Vec<Compiled>> {
    let arguments = ["tree", "--locked", "--prefix", "none", "--format", "{p}|{f}", "-e", kinds];
    let text = output(cargo_command().args(arguments).args(selection))?;
    let mut compiled = text.lines().filter_map(parse_tree_line).collect::<Vec<_>>();
    compiled.sort();
    compiled.dedup();
    ensure!(!compiled.is_empty(), "cargo tree {selection:?} is empty");
    Ok(compiled)
}

/// `name v1.2.3 (where)|feature,feature (*)`
fn parse_tree_line(line: &str) -> Option<Compiled> {
    let (package, features) = line.split_once('|')?;
    let mut words = package.split_whitespace();
    Some(Compiled {
        name: words.next()?.to_owned(),
        version: words.next()?.trim_start_matches('v').to_owned(),
        features: features.trim_end_matches("(*)").trim().split(',').map(str::to_owned).collect(),
    })
}

/// The root of the workspace.
pub(crate) fn root() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")
}

fn output(command: &mut Command) -> anyhow::Result<String> {
    let shown = shown(command);
    let output = command.current_dir(root()?).output().with_context(|| format!("`{shown}` did not start"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{shown}` ended with {}\n{errors}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// The cargo that runs this.
pub(crate) fn cargo_command() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Where cargo keeps its own files.
pub(crate) fn cargo_home() -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_tree_are_read() {
        let compiled = |features: &[&str]| Compiled {
            name: "tokio".into(),
            version: "1.54.1".into(),
            features: features.iter().map(|feature| (*feature).to_owned()).collect(),
        };
        assert_eq!(parse_tree_line("tokio v1.54.1|net,rt (*)"), Some(compiled(&["net", "rt"])));
        assert_eq!(parse_tree_line("tokio v1.54.1 (proc-macro)|"), Some(compiled(&[""])));
        assert_eq!(parse_tree_line(""), None);
    }
}
