//! What the checker says about a bot file: a code, a place, a cure.

use std::ops::Range;

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

/// One finding in a bot file.
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
    /// Bytes of the source that are meant, if known.
    #[serde(serialize_with = "span_as_pair")]
    pub span: Option<Range<usize>>,
    /// What to do about it.
    pub help: Option<String>,
    /// JSON pointer of the value that is meant.
    pub pointer: String,
}

impl Diagnostic {
    /// Whether the bot cannot load because of this.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Renders the finding with the line it points at, for a terminal without colours.
    pub fn render(&self, source: &str) -> String {
        let mut out = format!("{}[{}]: {}\n", self.severity.as_str(), self.code, self.message);
        let gutter = " ".repeat(self.line.to_string().len());
        out.push_str(&format!("{gutter}--> {}:{}:{}\n", self.file, self.line, self.column));
        if let Some(line) = LineIndex::new(source).line(source, self.line) {
            out.push_str(&format!("{gutter} |\n"));
            out.push_str(&format!("{} | {line}\n", self.line));
            out.push_str(&format!("{gutter} | {}\n", self.carets(source, line)));
        }
        if let Some(help) = &self.help {
            out.push_str(&format!("{gutter} = help: {help}\n"));
        }
        out.push_str(&format!("{gutter} = note: parlance explain {}\n", self.code));
        out
    }

    fn carets(&self, source: &str, line: &str) -> String {
        let before = (self.column as usize).saturating_sub(1);
        let rest = line.chars().count().saturating_sub(before).max(1);
        let wide = self
            .span
            .clone()
            .and_then(|span| source.get(span))
            .map_or(1, |text| text.lines().next().unwrap_or("").chars().count());
        let indent: String = line.chars().take(before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        indent + &"^".repeat(wide.clamp(1, rest))
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
            span: Some(13..22),
            help: Some("change it".into()),
            pointer: "/title".into(),
        };
        let expected = "error[PAR-0204]: title is odd\n --> bots/x.yaml:2:8\n  |\n2 | title: Ünïcode title\n  |        ^^^^^^^\n  = help: change it\n  = note: parlance explain PAR-0204\n";
        assert_eq!(diagnostic.render(source), expected);
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
            span: Some(1000..2000),
            help: None,
            pointer: String::new(),
        };
        assert!(diagnostic.render("").starts_with("warning[PAR-0201]: m\n"));
    }
}
