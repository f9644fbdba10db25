//! Holds the architecture: which crate may name which, and what must never be compiled.

use std::collections::BTreeSet;

use crate::metadata::{Compiled, Metadata, tree};
use crate::refuse;

/// Which of our crates may name which of our crates. A new arrow needs a decision record.
const ARROWS: [(&str, &[&str]); 8] = [
    ("parlance", &["actors", "chatbot", "simulator", "storage", "whatsapp"]),
    ("actors", &["chatbot", "storage", "testkit", "whatsapp"]),
    ("chatbot", &["whatsapp"]),
    ("simulator", &["whatsapp"]),
    ("storage", &["testkit"]),
    ("testkit", &[]),
    ("whatsapp", &[]),
    ("xtask", &[]),
];

/// Crates that only some of ours may name.
const NAMED_BY: [(&str, &[&str]); 5] = [
    ("axum", &["parlance", "simulator"]),
    ("hyper", &["parlance", "simulator"]),
    ("hyper-util", &["parlance", "simulator"]),
    ("ractor", &["actors"]),
    ("redb", &["storage", "testkit"]),
];

/// What is not even below these crates.
const ABSENT_BELOW: [(&str, &[&str]); 3] = [
    ("chatbot", &["actors", "hyper", "ractor", "rand", "redb", "reqwest", "storage", "tokio"]),
    ("parlance", &["testkit"]),
    ("storage", &["chatbot", "hyper", "ractor", "reqwest", "whatsapp"]),
];

/// Never compiled: a second TLS provider makes rustls panic at its first use.
const BANNED: [&str; 3] = ["native-tls", "openssl-sys", "ring"];

/// Features that would change a crate for the whole build.
const BANNED_FEATURES: [(&str, &str); 2] = [("governor", "jitter"), ("ractor", "async-trait")];

/// Two versions of these would be two sets of types, or two TLS stacks.
const SINGLE: [&str; 5] = ["digest", "hyper", "rustls", "sha2", "tokio"];

pub(crate) fn check(metadata: &Metadata) -> anyhow::Result<()> {
    let mut findings = manifests(metadata);
    for (member, absent) in ABSENT_BELOW {
        findings.extend(below(member, absent, &tree(&["-p", member], "normal,build")?));
    }
    findings.extend(compiled(&tree(&["--workspace"], "normal,build,dev")?));
    refuse(&findings)
}

fn manifests(metadata: &Metadata) -> Vec<String> {
    let ours: BTreeSet<&str> = metadata.members().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in metadata.members() {
        let name = package.name.as_str();
        let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| *from == name) else {
            findings.push(format!("{name} has no place in the table of arrows"));
            continue;
        };
        for dependency in package.dependencies.iter().map(|dependency| dependency.name.as_str()) {
            if ours.contains(dependency) && !allowed.contains(&dependency) {
                findings.push(format!("{name} names {dependency}, against the arrows"));
            }
            if let Some((_, by)) = NAMED_BY.iter().find(|(of, by)| *of == dependency && !by.contains(&name)) {
                findings.push(format!("{name} names {dependency}, which is for {} only", by.join(" and ")));
            }
        }
    }
    findings
}

fn below(member: &str, absent: &[&str], tree: &[Compiled]) -> Vec<String> {
    let found = tree.iter().filter(|package| absent.contains(&package.name.as_str()));
    found.map(|package| format!("{member} pulls {} in; see `cargo tree -p {member}`", package.name)).collect()
}

fn compiled(tree: &[Compiled]) -> Vec<String> {
    let versions = |name: &str| -> BTreeSet<&str> {
        tree.iter().filter(|package| package.name == name).map(|package| package.version.as_str()).collect()
    };
    let has = |name: &str, feature: &str| {
        tree.iter().any(|package| package.name == name && package.features.iter().any(|known| known == feature))
    };
    let banned = BANNED.iter().filter(|name| !versions(name).is_empty());
    let features = BANNED_FEATURES.iter().filter(|(name, feature)| has(name, feature));
    let several = SINGLE.iter().filter(|name| versions(name).len() > 1);
    let mut findings: Vec<String> = banned.map(|name| format!("{name} is compiled")).collect();
    findings.extend(features.map(|(name, feature)| format!("{name} is compiled with {feature}")));
    findings.extend(several.map(|name| format!("{name} is compiled in several versions: {:?}", versions(name))));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Dependency, Package};

    fn workspace(packages: &[(&str, &[&str])]) -> Metadata {
        let package = |(name, dependencies): &(&str, &[&str])| Package {
            name: (*name).to_owned(),
            id: (*name).to_owned(),
            dependencies: dependencies.iter().map(|name| Dependency { name: (*name).to_owned() }).collect(),
            ..Package::default()
        };
        Metadata {
            packages: packages.iter().map(package).collect(),
            workspace_members: packages.iter().map(|(name, _)| (*name).to_owned()).collect(),
        }
    }

    fn package(name: &str, version: &str, feature: &str) -> Compiled {
        Compiled { name: name.into(), version: version.into(), features: vec![feature.into()] }
    }

    #[test]
    fn arrows_that_point_down_are_fine() {
        let packages: [(&str, &[&str]); 3] =
            [("actors", &["storage", "ractor", "serde"]), ("storage", &["redb"]), ("parlance", &["actors", "axum"])];
        assert_eq!(manifests(&workspace(&packages)), Vec::<String>::new());
    }

    #[test]
    fn arrows_that_point_up_and_foreign_names_are_found() {
        let packages: [(&str, &[&str]); 4] =
            [("storage", &["whatsapp", "ractor"]), ("whatsapp", &[]), ("actors", &["redb"]), ("new", &[])];
        let findings = manifests(&workspace(&packages));
        assert_eq!(
            findings,
            [
                "storage names whatsapp, against the arrows",
                "storage names ractor, which is for actors only",
                "actors names redb, which is for storage and testkit only",
                "new has no place in the table of arrows",
            ]
        );
    }

    #[test]
    fn what_must_be_absent_is_found() {
        let tree = [package("serde", "1.0.0", ""), package("tokio", "1.0.0", "")];
        assert_eq!(below("chatbot", &["tokio"], &tree), ["chatbot pulls tokio in; see `cargo tree -p chatbot`"]);
        assert_eq!(below("chatbot", &["redb"], &tree), Vec::<String>::new());
    }

    #[test]
    fn bans_features_and_doubles_are_found() {
        let tree = [
            package("ring", "0.17.0", ""),
            package("openssl-probe", "0.2.0", ""),
            package("ractor", "0.16.5", "async-trait"),
            package("sha2", "0.10.9", ""),
            package("sha2", "0.11.1", ""),
            package("tokio", "1.54.1", "rt"),
            package("tokio", "1.54.1", "net"),
        ];
        let expected = [
            "ring is compiled",
            "ractor is compiled with async-trait",
            "sha2 is compiled in several versions: {\"0.10.9\", \"0.11.1\"}",
        ];
        assert_eq!(compiled(&tree), expected);
    }
}
