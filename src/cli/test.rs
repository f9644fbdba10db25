//! `parlance test`: plays the tests that bot files bring along, without a server, a network or a clock.

mod bless;
mod junit;

use std::io::IsTerminal;
use std::path::PathBuf;

use chatbot::testing::{self, Report};
use serde::Serialize;

use super::output::{Failed, data, talk};
use super::{ConfigArgs, Exit};
use crate::bots::{self, BotFile};
use crate::config::{Config, Mode};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  parlance test\n  parlance test bots/welcome.yaml --filter table\n  \
                        parlance test --junit report.xml\n  parlance test --bless --dry-run")]
pub(super) struct Args {
    /// Bot files, or folders of them; `bots.dir` when absent
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
    /// Only tests with this in their name, or in `BOT: NAME`
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// One JSON object per test, on standard output
    #[arg(long)]
    json: bool,
    /// Write the results as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Rewrite what tests expect and does not hold to what the bot does, in the bot files themselves
    #[arg(long)]
    bless: bool,
    /// With --bless: say what would be rewritten, and write nothing
    #[arg(long, requires = "bless")]
    dry_run: bool,
}

/// A test that was played.
#[derive(Serialize)]
struct Played {
    file: String,
    bot: String,
    passed: bool,
    #[serde(flatten)]
    report: Report,
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let mut found = read(&args)?;
    if args.bless {
        bless::all(&mut found, args.filter.as_deref(), args.dry_run)?;
    }
    let files = found.len();
    let mut broken = 0;
    let mut played = Vec::new();
    for file in found {
        if file.loaded.bot.is_none() {
            broken += 1;
            file.loaded.diagnostics.iter().for_each(|diagnostic| talk(&diagnostic.render(&file.source)));
        }
        played.extend(play(file, args.filter.as_deref()));
    }
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    for test in &played {
        let shown = if args.json { json(test)? } else { line(test) };
        data(&if colours && !args.json { coloured(&shown) } else { shown });
    }
    if let Some(path) = &args.junit {
        let unwritten =
            |error| Failed::new(Exit::Failed, format!("error: {} cannot be written: {error}", path.display()));
        std::fs::write(path, junit::document(&played)).map_err(unwritten)?;
    }
    conclude(args.filter.as_deref(), &played, files, broken)
}

fn read(args: &Args) -> Result<Vec<BotFile>, Failed> {
    let paths = match args.paths.as_slice() {
        [] => {
            let config = Config::from_process(args.config.config.as_deref(), Vec::new(), Vec::new(), Mode::Dev)
                .map_err(|errors| Failed::new(Exit::Config, errors.to_string()))?;
            vec![config.bots.dir]
        }
        paths => paths.to_vec(),
    };
    let mut files = Vec::new();
    for path in paths {
        let read = if path.is_dir() { bots::read_dir(&path) } else { bots::read_file(&path).map(|file| vec![file]) };
        let read = read.map_err(|error| Failed::new(Exit::NotFound, format!("error: {error}")))?;
        if read.is_empty() {
            return Err(Failed::new(Exit::NotFound, format!("error: there are no bot files in {}", path.display())));
        }
        files.extend(read);
    }
    Ok(files)
}

/// Plays the tests of a file; none if the bot cannot run.
fn play(file: BotFile, filter: Option<&str>) -> Vec<Played> {
    let Some(bot) = file.loaded.bot.map(testing::with_stand_in_files) else { return Vec::new() };
    let name = file.path.display().to_string();
    let wanted = |case: &&testing::Case| is_wanted(bot.id(), case, filter);
    let play = |case: &testing::Case| {
        let report = testing::run(&bot, case);
        Played { file: name.clone(), bot: bot.id().to_owned(), passed: report.passed(), report }
    };
    bot.tests().iter().filter(wanted).map(play).collect()
}

fn is_wanted(bot: &str, case: &testing::Case, filter: Option<&str>) -> bool {
    filter.is_none_or(|part| format!("{bot}: {}", case.name).contains(part))
}

fn json(test: &Played) -> Result<String, Failed> {
    serde_json::to_string(test).map_err(|error| Failed::new(Exit::Failed, error.to_string()))
}

fn line(test: &Played) -> String {
    let name = format!("{}: {}", test.bot, test.report.name);
    match problem(test) {
        None => format!("ok      {name}"),
        Some(problem) => format!("FAILED  {name}\n        {}", problem.replace('\n', "\n        ")),
    }
}

/// Red what was expected, green what came.
fn coloured(shown: &str) -> String {
    let colour = |line: &str| match line.trim_start().split(' ').next() {
        Some("-") | Some("FAILED") => format!("\u{1b}[31m{line}\u{1b}[0m"),
        Some("+") | Some("ok") => format!("\u{1b}[32m{line}\u{1b}[0m"),
        _ => line.to_owned(),
    };
    shown.lines().map(colour).collect::<Vec<_>>().join("\n")
}

/// What went wrong, with its place in front.
fn problem(test: &Played) -> Option<String> {
    test.report.failure.as_ref().map(|failure| format!("{}:{failure}", test.file))
}

fn conclude(filter: Option<&str>, played: &[Played], files: usize, broken: usize) -> Result<(), Failed> {
    let failed = played.iter().filter(|test| !test.passed).count();
    if broken > 0 {
        let problem = format!(
            "{} cannot run; {} played, {failed} failed",
            count(broken, "bot file"),
            count(played.len(), "test")
        );
        return Err(Failed::new(Exit::Data, problem));
    }
    if failed > 0 {
        return Err(Failed::new(Exit::Failed, format!("{failed} of {} failed", count(played.len(), "test"))));
    }
    match (filter, played.is_empty()) {
        (Some(part), true) => {
            return Err(Failed::new(Exit::NotFound, format!("error: no test has `{part}` in its name")));
        }
        (None, true) => talk(&format!("{} without tests; write some under `tests:`", count(files, "bot file"))),
        (_, false) => talk(&format!("{} passed", count(played.len(), "test"))),
    }
    Ok(())
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOT: &str = "parlance: 1\nid: t\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  a: { type: say, messages: [ { text: \"1 < 2\" } ], next: { next: b } }\n  b: { type: end }\n";
    const TESTS: &str = "tests:\n  - { name: good, steps: [ { user: hi }, { expect: 1 < 2 } ] }\n  - name: \"bad & worse\"\n    steps:\n      - user: hi\n      - expect: 1 > 2\n";

    /// A folder with a bot file, and what the command says of it.
    struct Folder(tempfile::TempDir);

    impl Folder {
        fn with(source: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("t.yaml"), source).unwrap();
            Self(folder)
        }

        fn test(&self, filter: Option<&str>) -> Result<(), Failed> {
            run(Args {
                paths: vec![self.0.path().to_owned()],
                config: ConfigArgs { config: None },
                filter: filter.map(str::to_owned),
                json: false,
                junit: Some(self.0.path().join("out.xml")),
                bless: false,
                dry_run: false,
            })
        }

        fn fails(&self, filter: Option<&str>) -> (Exit, String) {
            let failed = self.test(filter).unwrap_err();
            (failed.exit, failed.message)
        }
    }

    #[test]
    fn the_exit_code_says_what_came_of_it() {
        let folder = Folder::with(&format!("{BOT}{TESTS}"));
        assert_eq!(folder.fails(None), (Exit::Failed, "1 of 2 tests failed".into()));
        assert!(folder.test(Some("t: good")).is_ok());
        assert_eq!(folder.fails(Some("ugly")).0, Exit::NotFound);
        assert!(Folder::with(BOT).test(None).is_ok(), "a bot without tests is no failure");
    }

    #[test]
    fn a_bad_bot_file_is_bad_data_even_if_the_tests_of_others_fail() {
        let folder = Folder::with(&format!("{BOT}{TESTS}"));
        std::fs::write(folder.0.path().join("u.yaml"), "parlance: 1\n").unwrap();
        assert_eq!(folder.fails(None), (Exit::Data, "1 bot file cannot run; 2 tests played, 1 failed".into()));
    }

    #[test]
    fn what_cannot_be_read_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Folder(folder).fails(None).0, Exit::NotFound);
    }

    #[test]
    fn a_failure_shows_file_line_node_and_both_bubbles() {
        let folder = Folder::with(&format!("{BOT}{TESTS}"));
        let path = folder.0.path().join("t.yaml");
        let played = play(bots::read_file(&path).unwrap(), None);
        assert_eq!(line(&played[0]), "ok      t: good");
        let expected = format!(
            "FAILED  t: bad & worse\n        {}:12:9: step 2, `expect`, no run is waiting\n        the bot says something else (- expected, + got)\n            ╭\n          - │ 1 > 2\n          + │ 1 < 2\n            ╰",
            path.display()
        );
        assert_eq!(line(&played[1]), expected);
        let json: serde_json::Value = serde_json::from_str(&json(&played[1]).unwrap()).unwrap();
        assert_eq!((&json["bot"], &json["passed"]), (&"t".into(), &false.into()));
        assert_eq!(json["failure"]["diff"][0], serde_json::json!({ "is": "expected", "bubble": "\"1 > 2\"" }));
    }

    #[test]
    fn colour_goes_by_the_first_mark_of_a_line() {
        let shown = coloured("FAILED  t: x\n    - │ a\n      │ b\n    + │ c");
        assert_eq!(
            shown,
            "\u{1b}[31mFAILED  t: x\u{1b}[0m\n\u{1b}[31m    - │ a\u{1b}[0m\n      │ b\n\u{1b}[32m    + │ c\u{1b}[0m"
        );
    }

    #[test]
    fn the_junit_file_escapes_what_xml_cannot_hold() {
        let folder = Folder::with(&format!("{BOT}{TESTS}"));
        assert_eq!(folder.fails(None).0, Exit::Failed);
        let xml = std::fs::read_to_string(folder.0.path().join("out.xml")).unwrap();
        assert!(xml.contains("<testsuites tests=\"2\" failures=\"1\">"), "{xml}");
        assert!(xml.contains("name=\"bad &amp; worse\""), "{xml}");
        assert!(xml.contains("- │ 1 &gt; 2"), "{xml}");
    }
}
