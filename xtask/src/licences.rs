//! Checks that everything we compile comes under a licence that we accept.

use crate::metadata::Metadata;
use crate::refuse;

/// Permissive licences; `deny.toml` has the same list.
const ALLOWED: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

pub(crate) fn check(metadata: &Metadata) -> anyhow::Result<()> {
    let refused = metadata.packages.iter().filter(|package| !package.license.as_deref().is_some_and(is_allowed));
    let finding = |package: &crate::metadata::Package| {
        format!(
            "{} {} is licensed under {}",
            package.name,
            package.version,
            package.license.as_deref().unwrap_or("nothing")
        )
    };
    refuse(&refused.map(finding).collect::<Vec<_>>())
}

/// Whether an SPDX expression can be satisfied with allowed licences only.
pub(crate) fn is_allowed(expression: &str) -> bool {
    // The old spelling of OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (allowed, rest) = any(&words);
    allowed && rest.is_empty()
}

fn any<'w>(words: &'w [&'w str]) -> (bool, &'w [&'w str]) {
    let (mut allowed, mut rest) = all(words);
    while let ["OR", after @ ..] = rest {
        let (next, after) = all(after);
        (allowed, rest) = (allowed | next, after);
    }
    (allowed, rest)
}

fn all<'w>(words: &'w [&'w str]) -> (bool, &'w [&'w str]) {
    let (mut allowed, mut rest) = one(words);
    while let ["AND", after @ ..] = rest {
        let (next, after) = one(after);
        (allowed, rest) = (allowed & next, after);
    }
    (allowed, rest)
}

fn one<'w>(words: &'w [&'w str]) -> (bool, &'w [&'w str]) {
    match words {
        ["(", inner @ ..] => match any(inner) {
            (allowed, [")", rest @ ..]) => (allowed, rest),
            (_, rest) => (false, rest),
        },
        [licence, "WITH", exception, rest @ ..] => {
            (ALLOWED.contains(&format!("{licence} WITH {exception}").as_str()), rest)
        }
        [licence, rest @ ..] => (ALLOWED.contains(licence), rest),
        [] => (false, words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_that_can_be_satisfied_are_allowed() {
        for expression in [
            "MIT",
            "MIT OR Apache-2.0",
            "Unlicense/MIT",
            "GPL-3.0-only OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "ISC AND (Apache-2.0 OR GPL-2.0-only) AND MIT",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0-only",
        ] {
            assert!(is_allowed(expression), "{expression}");
        }
    }

    #[test]
    fn all_other_expressions_are_refused() {
        for expression in [
            "",
            "GPL-3.0-only",
            "MIT AND GPL-3.0-only",
            "(MIT OR GPL-3.0-only) AND LGPL-2.1-only",
            "MIT WITH Classpath-exception-2.0",
            "(MIT",
            "MIT)",
            "AND MIT",
            "MIT Apache-2.0",
        ] {
            assert!(!is_allowed(expression), "{expression}");
        }
    }
}
