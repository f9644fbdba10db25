//! Checks the licences of the packages whose code is in the bundle. What only builds or tests it is not passed on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use crate::licences::is_allowed;
use crate::refuse;

#[derive(Deserialize)]
struct Lock {
    packages: BTreeMap<String, Package>,
}

#[derive(Deserialize)]
struct Package {
    license: Option<String>,
    #[serde(default)]
    dev: bool,
}

pub(super) fn check(console: &Path) -> anyhow::Result<()> {
    let text = fs::read_to_string(console.join("package-lock.json")).context("package-lock.json cannot be read")?;
    refuse(&findings(&text)?)
}

fn findings(lock: &str) -> anyhow::Result<Vec<String>> {
    let lock: Lock = serde_json::from_str(lock).context("package-lock.json")?;
    let bundled = lock.packages.iter().filter(|(path, package)| !path.is_empty() && !package.dev);
    let refused = bundled.filter(|(_, package)| !package.license.as_deref().is_some_and(is_allowed));
    let finding =
        |(path, package): (&String, &Package)| format!("{path}: {}", package.license.as_deref().unwrap_or("nothing"));
    Ok(refused.map(finding).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_bundle_needs_a_licence_that_we_accept() {
        let lock = r#"{ "packages": {
            "": { "license": "whatever" },
            "node_modules/a": { "license": "MIT" },
            "node_modules/b": { "license": "GPL-3.0-only" },
            "node_modules/c": {},
            "node_modules/d": { "license": "MPL-2.0", "dev": true }
        } }"#;
        assert_eq!(findings(lock).unwrap(), ["node_modules/b: GPL-3.0-only", "node_modules/c: nothing"]);
    }
}
