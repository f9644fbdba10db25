//! What the checker says about a bot file: a code, a place, a cure.

use std::ops::Range;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::source::LineIndex;

/// How bad a finding is. Only errors keep a bot from loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The bot does not load.
    Error,
    /// The bot loads; the author should look.
    Warning,
}

impl Severity {
    /// The lower-case word that is shown to people.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// A place in a text: line and column in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// One finding in a bot file. Serialized as it is shown to programs by the command line and the API.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnostic {
    /// Stable code, `PAR-02xx`; `explain` has a text for each.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong: lower case, naming the thing and the value.
    pub message: String,
    /// The name under which the file was loaded.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// The place behind the last character that is meant.
    pub end: Position,
    /// Bytes of the source that are meant, if known.
    #[serde(serialize_with = "span_as_pair")]
    pub span: Option<Range<usize>>,
    /// What to do about it.
    pub help: Option<String>,
    /// JSON pointer of the value that is meant.
    pub pointer: String,
    /// The text of the file, where that is another one than the bot file.
    #[serde(skip)]
    pub text: Option<Arc<str>>,
}

impl Diagnostic {
    /// Whether the bot cannot load because of this.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Renders the finding with the line it points at, without colours.
    pub fn render(&self, source: &str) -> String {
        self.paint(source, &Colours::NONE)
    }

    /// As [`Self::render`], with the colours of a terminal.
    pub fn render_coloured(&self, source: &str) -> String {
        self.paint(source, &Colours::ANSI)
    }

    fn paint(&self, source: &str, colours: &Colours) -> String {
        let source = self.text.as_deref().unwrap_or(source);
        let Colours { bold, quiet, off, .. } = colours;
        let loud = match self.severity {
            Severity::Error => colours.error,
            Severity::Warning => colours.warning,
        };
        let message = printable(&self.message);
        let mut out = format!("{loud}{}[{}]{off}{bold}: {message}{off}\n", self.severity.as_str(), self.code);
        let gutter = " ".repeat(self.line.to_string().len());
        out.push_str(&format!("{gutter}{quiet}-->{off} {}:{}:{}\n", printable(&self.file), self.line, self.column));
        if let Some(line) = LineIndex::new(source).line(source, self.line) {
            let (shown, carets) = self.frame(source, line);
            out.push_str(&format!("{gutter} {quiet}|{off}\n"));
            out.push_str(&format!("{quiet}{} |{off} {shown}\n", self.line));
            out.push_str(&format!("{gutter} {quiet}|{off} {loud}{carets}{off}\n"));
        }
        if let Some(help) = &self.help {
            out.push_str(&format!("{gutter} {quiet}={off} help: {}\n", printable(help)));
        }
        out.push_str(&format!("{gutter} {quiet}={off} note: parlance explain {}\n", self.code));
        out
    }

    /// The line, or the part of a long one around the place, and the carets below it.
    fn frame(&self, source: &str, line: &str) -> (String, String) {
        let before = (self.column as usize).saturating_sub(1);
        let count = line.chars().count();
        let from = if count > WIDEST { before.saturating_sub(WIDEST / 3) } else { 0 };
        let part: String = line.chars().skip(from).take(WIDEST).collect();
        let head = if from > 0 { "…" } else { "" };
        let tail = if count > from + WIDEST { "…" } else { "" };
        let shown = format!("{head}{}{tail}", printable(&part));
        let wide = self
            .span
            .clone()
            .and_then(|span| source.get(span))
            .map_or(1, |text| text.lines().next().unwrap_or("").chars().count());
        let indent = head.chars().chain(part.chars()).take(before - from + head.chars().count());
        let indent: String = indent.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let room = part.chars().count().saturating_sub(before - from).max(1);
        (shown, indent + &"^".repeat(wide.clamp(1, room)))
    }
}

/// Characters of a line that are shown.
const WIDEST: usize = 160;

/// A text without characters that would command a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// What stands before and behind the parts of a rendered finding.
struct Colours {
    error: &'static str,
    warning: &'static str,
    bold: &'static str,
    quiet: &'static str,
    off: &'static str,
}

impl Colours {
    const NONE: Self = Self { error: "", warning: "", bold: "", quiet: "", off: "" };
    const ANSI: Self =
        Self { error: "\x1b[1;31m", warning: "\x1b[1;33m", bold: "\x1b[1m", quiet: "\x1b[34m", off: "\x1b[0m" };
}

/// What the checker says of one file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Findings {
    /// The name under which the file was loaded.
    pub file: String,
    /// Whether the bot can run: no finding is an error.
    pub ok: bool,
    /// How many findings are errors.
    pub errors: usize,
    /// How many are warnings.
    pub warnings: usize,
    /// All of them, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl Findings {
    /// Counts what was found in a file.
    pub fn of(file: impl Into<String>, diagnostics: Vec<Diagnostic>) -> Self {
        let errors = diagnostics.iter().filter(|found| found.is_error()).count();
        Self { file: file.into(), ok: errors == 0, errors, warnings: diagnostics.len() - errors, diagnostics }
    }
}

fn span_as_pair<S: Serializer>(span: &Option<Range<usize>>, serializer: S) -> Result<S::Ok, S::Error> {
    span.as_ref().map(|s| (s.start, s.end)).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rendering_shows_line_carets_help_and_code() {
        let source = "id: x\ntitle: Ünïcode title\n";
        let diagnostic = Diagnostic {
            code: "PAR-0204",
            severity: Severity::Error,
            message: "title is odd".into(),
            file: "bots/x.yaml".into(),
            line: 2,
            column: 8,
            end: Position { line: 2, column: 15 },
            span: Some(13..22),
            help: Some("change it".into()),
            pointer: "/title".into(),
            text: None,
        };
        let expected = "error[PAR-0204]: title is odd\n --> bots/x.yaml:2:8\n  |\n2 | title: Ünïcode title\n  |        ^^^^^^^\n  = help: change it\n  = note: parlance explain PAR-0204\n";
        assert_eq!(diagnostic.render(source), expected);
        let coloured = diagnostic.render_coloured(source);
        assert!(coloured.starts_with("\x1b[1;31merror[PAR-0204]\x1b[0m"), "{coloured:?}");
        let bare = ["\x1b[1;31m", "\x1b[1m", "\x1b[34m", "\x1b[0m"];
        assert_eq!(bare.iter().fold(coloured, |text, mark| text.replace(mark, "")), expected);
        let found = Findings::of("bots/x.yaml", vec![diagnostic]);
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!((&json["ok"], &json["errors"], &json["warnings"]), (&false.into(), &1.into(), &0.into()));
        let shown = &json["diagnostics"][0];
        assert_eq!((&shown["severity"], &shown["end"]["column"]), (&"error".into(), &15.into()));
    }

    #[test]
    fn of_a_long_line_the_part_around_the_place_is_shown() {
        let source = format!("{}{{\u{1b}}}{}", "a".repeat(500), "b".repeat(500));
        let diagnostic = Diagnostic {
            code: "PAR-0204",
            severity: Severity::Error,
            message: "m\u{1b}".into(),
            file: "f".into(),
            line: 1,
            column: 501,
            end: Position { line: 1, column: 504 },
            span: Some(500..503),
            help: None,
            pointer: String::new(),
            text: None,
        };
        let rendered = diagnostic.render(&source);
        let lines: Vec<&str> = rendered.lines().collect();
        assert_eq!(lines[3].chars().count(), "1 | ".len() + WIDEST + 2);
        assert_eq!(lines[3].find('{'), lines[4].find('^').map(|at| at + "…".len() - 1));
        assert!(lines[4].ends_with(" ^^^") && !rendered.contains('\u{1b}'), "{rendered}");
    }

    #[test]
    fn rendering_survives_a_place_outside_the_source() {
        let diagnostic = Diagnostic {
            code: "PAR-0201",
            severity: Severity::Warning,
            message: "m".into(),
            file: "f".into(),
            line: 99,
            column: 9,
            end: Position { line: 99, column: 9 },
            span: Some(1000..2000),
            help: None,
            pointer: String::new(),
            text: None,
        };
        assert!(diagnostic.render("").starts_with("warning[PAR-0201]: m\n"));
    }
}
