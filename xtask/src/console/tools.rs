//! What the console's tests need from outside: Node, and a Chromium.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::run_in_root;

/// What Vite needs.
const NODE: (u32, u32) = (20, 19);

/// As systems call them.
const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A browser, and letters for what the tests write.
const PACKAGES: [&str; 3] = ["chromium", "fonts-noto-core", "fonts-noto-color-emoji"];

/// Node in a version that builds the console, and npm.
pub(super) fn node() -> anyhow::Result<()> {
    let advice = format!("install Node {}.{} or newer with npm, from https://nodejs.org", NODE.0, NODE.1);
    let output = Command::new("node").arg("--version").output().with_context(|| advice.clone())?;
    let version = String::from_utf8_lossy(&output.stdout);
    ensure!(is_enough(version.trim()), "Node {} is too old: {advice}", version.trim());
    Command::new("npm").arg("--version").output().context(advice)?;
    Ok(())
}

fn is_enough(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= NODE
}

/// The browser that `CHROMIUM` names, or the system's; installed where that can be done without asking.
pub(super) fn chromium() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM") {
        return Ok(path.into());
    }
    if let Some(found) = on_path() {
        return Ok(found);
    }
    let install = [&["install", "-y", "--no-install-recommends"], PACKAGES.as_slice()].concat();
    if !is_root() || run_in_root(Command::new("apt-get").arg("update")).is_err() {
        bail!("no Chromium: run `apt-get {}`, or name one in CHROMIUM", install.join(" "));
    }
    run_in_root(Command::new("apt-get").args(&install).env("DEBIAN_FRONTEND", "noninteractive"))?;
    on_path().context("apt-get has installed no Chromium")
}

fn on_path() -> Option<PathBuf> {
    let folders: Vec<_> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    CHROMIUM.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|path| path.is_file())
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_compared_by_number() {
        for version in ["v20.19.0", "v20.20.2", "v22.1.0", "v100.0.0"] {
            assert!(is_enough(version), "{version}");
        }
        for version in ["v20.18.9", "v18.20.0", "v9.99.0", "", "node"] {
            assert!(!is_enough(version), "{version}");
        }
    }
}
