//! `parlance flow check`: what is wrong with Flow JSON, before Meta sees it.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use whatsapp::flow::json::{FlowJson, MAX_BYTES, Problem, Severity};

use crate::cli::Exit;
use crate::cli::output::{Failed, count, data, talk};

/// How standard input is named.
const STDIN: &str = "-";
/// Characters of a line that are shown.
const WIDEST: usize = 100;

#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 nothing that keeps a Flow from being published, 65 errors, 3 no such file.\n\
                        Examples:\n  parlance flow check bots/flows/booking.json\n  parlance flow check - --json < draft.json")]
pub(in crate::cli) struct Args {
    /// Files with Flow JSON; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Print the problems on standard output as Meta tells them: one JSON object per file, `{"file", "validation_errors"}`
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let (mut errors, mut warnings) = (0, 0);
    for file in &args.files {
        let text = read(file)?;
        let problems = FlowJson::check(&text);
        let bad = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
        (errors, warnings) = (errors + bad, warnings + problems.len() - bad);
        show(file, &text, &problems, args.json)?;
    }
    let counts = format!("{}, {}", count(errors, "error"), count(warnings, "warning"));
    let checked = format!("{} checked: {counts}", count(args.files.len(), "Flow"));
    if errors > 0 {
        return Err(Failed::new(Exit::Data, checked));
    }
    if !args.json {
        data(&checked);
    }
    Ok(())
}

/// The text of a file, or as much of it as shows that it is too large.
fn read(file: &Path) -> Result<String, Failed> {
    let most = MAX_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    let taken = if file == Path::new(STDIN) {
        std::io::stdin().take(most).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|open| open.take(most).read_to_end(&mut bytes))
    };
    taken.map_err(|error| Failed::new(Exit::NotFound, format!("error: {} cannot be read: {error}", file.display())))?;
    String::from_utf8(bytes)
        .map_err(|_| Failed::new(Exit::Data, format!("error: {} is not text in UTF-8", file.display())))
}

fn show(file: &Path, text: &str, problems: &[Problem], json: bool) -> Result<(), Failed> {
    if json {
        let found = serde_json::json!({ "file": file.display().to_string(), "validation_errors": problems });
        data(&found.to_string());
        return Ok(());
    }
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let lines: Vec<&str> = text.split('\n').collect();
    for problem in problems {
        talk(&render(file, &lines, problem, coloured));
    }
    Ok(())
}

/// A problem with the line that it points at, as those of bot files are shown.
fn render(file: &Path, lines: &[&str], problem: &Problem, coloured: bool) -> String {
    let word = if problem.severity == Severity::Error { "error" } else { "warning" };
    let (loud, bold, quiet, off) = match (coloured, problem.severity) {
        (false, _) => ("", "", "", ""),
        (true, Severity::Error) => ("\x1b[1;31m", "\x1b[1m", "\x1b[34m", "\x1b[0m"),
        (true, Severity::Warning) => ("\x1b[1;33m", "\x1b[1m", "\x1b[34m", "\x1b[0m"),
    };
    let Problem { line_start: line, column_start: column, .. } = problem;
    let gutter = " ".repeat(line.to_string().len());
    let mut out = format!("{loud}{word}[{}]{off}{bold}: {}{off}\n", problem.error, printable(&problem.message));
    out.push_str(&format!("{gutter}{quiet}-->{off} {}:{line}:{column}\n", file.display()));
    if let Some(source) = lines.get((*line as usize).saturating_sub(1)) {
        let (shown, carets) = frame(source, problem);
        out.push_str(&format!("{gutter} {quiet}|{off}\n{quiet}{line} |{off} {shown}\n"));
        out.push_str(&format!("{gutter} {quiet}|{off} {loud}{carets}{off}\n"));
    }
    if !problem.path.is_empty() {
        out.push_str(&format!("{gutter} {quiet}={off} at: {}\n", printable(&problem.path)));
    }
    out
}

/// The line, or the part of a long one around the place, and the carets below it.
fn frame(line: &str, problem: &Problem) -> (String, String) {
    let line = line.trim_end_matches('\r');
    let before = (problem.column_start as usize).saturating_sub(1);
    let from = if line.chars().count() > WIDEST { before.saturating_sub(WIDEST / 3) } else { 0 };
    let part: Vec<char> = line.chars().skip(from).take(WIDEST).collect();
    let end = if problem.line_end == problem.line_start { problem.column_end as usize - 1 } else { usize::MAX };
    let wide = end.saturating_sub(before).clamp(1, (part.len() + from).saturating_sub(before).max(1));
    let indent: String = part.iter().take(before - from).map(|c| if *c == '\t' { '\t' } else { ' ' }).collect();
    (printable(&part.into_iter().collect::<String>()), indent + &"^".repeat(wide))
}

/// Text without characters that would command a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "{\"version\": \"7.3\", \"screens\": [{\"id\": \"ONLY\", \"terminal\": true, \"layout\": \
                        {\"type\": \"SingleColumnLayout\", \"children\": [{\"type\": \"Footer\", \"label\": \"Done\", \
                        \"on-click-action\": {\"name\": \"complete\", \"payload\": {}}}]}}]}\n";

    fn check(text: &str, json: bool) -> Result<(), (Exit, String)> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("flow.json");
        std::fs::write(&file, text).unwrap();
        run(Args { files: vec![file], json }).map_err(|failed| (failed.exit, failed.message))
    }

    #[test]
    fn a_good_flow_passes_and_a_bad_one_is_bad_data() {
        assert_eq!(check(GOOD, false), Ok(()));
        let bad = GOOD.replace("Footer", "Foot");
        assert_eq!(check(&bad, true), Err((Exit::Data, "1 Flow checked: 2 errors, no warnings".into())));
        let missing = run(Args { files: vec!["no/such.json".into()], json: false }).unwrap_err();
        assert_eq!(missing.exit, Exit::NotFound);
    }

    #[test]
    fn a_problem_is_shown_below_its_line() {
        let text = "{\n\t\"version\": \"ž\",\n\t\"screens\": []\n}";
        let problems = FlowJson::check(text);
        let lines: Vec<&str> = text.split('\n').collect();
        let shown = render(Path::new("flow.json"), &lines, &problems[0], false);
        let expected = "error[INVALID_FLOW_JSON_VERSION]: Invalid Flow JSON version: `ž` is no version: two numbers with \
                        a point between them, such as 7.3.\n --> flow.json:2:13\n  |\n2 | \t\"version\": \"ž\",\n  | \
                        \t           ^^^\n  = at: version\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{}{{\"x\": 1}}", " ".repeat(5_000));
        let problem = &FlowJson::check(&line)[0];
        let shown = render(Path::new("flow.json"), &[&line], problem, false);
        assert!(shown.lines().all(|line| line.chars().count() < 150), "{shown}");
        assert!(shown.contains("^^^"), "{shown}");
    }
}
