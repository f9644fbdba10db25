//! The rows of the failure model, and the page that says which test shows each: `docs/failures.md`.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

/// What may befall process, disk and clock; a webhook on its way in; conversations, bots and their calls; a message on its
/// way out; Flows; and the admin port.
const ROWS: [RangeInclusive<u32>; 6] = [1..=14, 20..=42, 50..=62, 70..=81, 90..=101, 110..=122];
/// Rows that no test shows: the page says why.
const NOT_SHOWN: [u32; 0] = [];

/// A line of the page: its id, and what it names as a test.
struct Row {
    id: u32,
    tests: Vec<String>,
}

fn rows(page: &str) -> Vec<Row> {
    let read = |line: &str| {
        let mut cells = line.strip_prefix("| F")?.split(" | ");
        let (id, tests) = (cells.next()?.parse().ok()?, cells.nth(1)?);
        Some(Row { id, tests: tests.split('`').skip(1).step_by(2).map(str::to_owned).collect() })
    };
    page.lines().filter_map(read).collect()
}

/// Why what is named as `file::name` is no test, if it is none.
fn missing(root: &Path, test: &str) -> Option<String> {
    let Some((file, name)) = test.split_once("::") else { return Some(format!("{test} is no file::name")) };
    let Ok(source) = fs::read_to_string(root.join(file)) else { return Some(format!("{file} does not exist")) };
    let is_there = match file.ends_with(".ts") {
        true => source.contains(&format!("test(\"{name}\"")),
        false => source.split_once(&format!("fn {name}(")).is_some_and(|(before, _)| is_marked(before)),
    };
    (!is_there).then(|| format!("{file} has no test {name}"))
}

/// Whether the lines right before a function make a test of it.
fn is_marked(before: &str) -> bool {
    let near = before.lines().rev().take_while(|line| !line.is_empty() && !line.ends_with('}'));
    near.into_iter().any(|line| ["#[test]", "#[tokio::test"].iter().any(|mark| line.trim().starts_with(mark)))
}

#[test]
fn every_row_is_on_the_page_with_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rows = rows(&fs::read_to_string(root.join("docs/failures.md")).unwrap());
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    assert_eq!(ids, ROWS.into_iter().flatten().collect::<Vec<_>>(), "one line for each row, in their order");
    let without: Vec<_> = rows.iter().filter(|row| row.tests.is_empty()).map(|row| row.id).collect();
    assert_eq!(without, NOT_SHOWN, "rows without a test");
    let missing: Vec<_> = rows.iter().flat_map(|row| &row.tests).filter_map(|test| missing(root, test)).collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
