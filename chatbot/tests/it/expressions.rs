//! `docs/expressions.md`: every row of its tables is run, and every filter and test of ours has a row.

use chatbot::{FILTER_TESTS, FILTERS};

use crate::support::{Play, bot, read, repository};

struct Row {
    line: usize,
    expression: String,
    gives: String,
}

/// The rows of two columns whose first one is code.
fn rows(page: &str) -> Vec<Row> {
    let cells = |line: &str| {
        let marked = line.replace("\\|", "\u{1}");
        let cells: Vec<String> = marked.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect();
        match cells.as_slice() {
            [_, first, second, _] => Some((code(first)?, code(second)?)),
            _ => None,
        }
    };
    let found = page.lines().enumerate().filter_map(|(at, line)| Some((at + 1, cells(line)?)));
    found.map(|(line, (expression, gives))| Row { line, expression, gives }).collect()
}

fn code(cell: &str) -> Option<String> {
    Some(cell.strip_prefix('`')?.strip_suffix('`')?.to_owned())
}

/// The variables that the page names.
fn vars(page: &str) -> &str {
    page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap()
}

#[test]
fn every_row_of_the_page_on_expressions_gives_what_it_says() {
    let page = read(&repository("docs/expressions.md"));
    let rows = rows(&page);
    assert!(rows.len() > 50, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for Row { line, expression, gives } in rows {
        let text = serde_json::Value::from(expression.as_str());
        let source = format!(
            "parlance: 1\nid: t\n{}triggers: [ {{ default: {{}}, to: a }} ]\nnodes:\n  \
             a: {{ type: say, messages: [ {{ text: {text} }} ], next: {{ next: e }} }}\n  e: {{ type: end }}\n",
            vars(&page)
        );
        let bot = bot(&source);
        let said = Play::new(&bot).say("hi").concat().replace('\n', "⏎").replace(['\u{a0}', '\u{202f}'], " ");
        if said != gives {
            wrong.push(format!("docs/expressions.md:{line}: {expression} gives {said:?}, not {gives:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_filter_and_test_has_a_row() {
    let page = read(&repository("docs/expressions.md"));
    let all: Vec<String> = rows(&page).into_iter().map(|row| row.expression).collect();
    let used = |pattern: String| {
        let pattern = regex::Regex::new(&pattern).unwrap();
        all.iter().any(|expression| pattern.is_match(expression))
    };
    for (name, _) in FILTERS {
        assert!(used(format!(r"\| {name}\b")), "docs/expressions.md shows no `| {name}`");
    }
    for (name, _) in FILTER_TESTS {
        assert!(used(format!(r"\bis {name}\b")), "docs/expressions.md shows no `is {name}`");
    }
}
