//! The rows of the failure model that this project claims: each has a test that begins with its id.

use std::fs;
use std::path::{Path, PathBuf};

/// What may befall a webhook on its way in (F20 to F42), a bot at work (F50 to F62), and a message on its way out (F70 to
/// F81), a Flow's endpoint and what Meta says of Flows (F90 to F101), and the admin port (F110 to F122).
const CLAIMED: [u32; 70] = [
    20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 39, 42, 50, 51, 52, 53, 54, 55, 56, 57, 58,
    59, 60, 61, 62, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101,
    110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122,
];

const SOURCES: [&str; 8] = ["tests", "src", "actors", "chatbot", "simulator", "storage", "whatsapp", "console/tests"];

fn sources_of(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources_of(&path, out);
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "ts") {
            out.push(path);
        }
    }
}

#[test]
fn every_row_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in SOURCES {
        sources_of(&root.join(folder), &mut files);
    }
    let sources: Vec<_> = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let names = |row: &u32| [format!("fn f{row}_"), format!("test(\"f{row} ")];
    let lacks = |row: &u32| !names(row).iter().any(|name| sources.iter().any(|source| source.contains(name)));
    let missing: Vec<_> = CLAIMED.into_iter().filter(lacks).collect();
    assert!(missing.is_empty(), "rows without a test: {missing:?}");
}
