//! What the tests of a part counted, and the table of all parts.

use std::fmt::Write;

/// Before the figures of a test.
const MARK: &str = "figures: ";
/// Room for the name of a figure.
const WIDTH: usize = 44;

/// Sums, in the order in which they were named first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures(Vec<(String, u64)>);

/// A part that ran.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) passed: bool,
    pub(crate) seconds: f64,
    pub(crate) figures: Figures,
}

impl Figures {
    /// Adds what a line tells, behind whatever else stands in it; other lines change nothing.
    pub(crate) fn read(&mut self, line: &str) {
        let Some((_, told)) = line.split_once(MARK) else { return };
        for figure in told.split(", ") {
            let Some((name, value)) = figure.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse() else { continue };
            self.add(name, value);
        }
    }

    fn add(&mut self, name: &str, value: u64) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += value,
            None => self.0.push((name.to_owned(), value)),
        }
    }
}

/// All parts, each with its figures below it.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").unwrap_or_default();
    for row in rows {
        line(format!("{} {}", if row.passed { "ok    " } else { "FAILED" }, row.name));
        line(format!("       {:WIDTH$}{:>15}", "seconds", format!("{:.1}", row.seconds)));
        for (name, value) in &row.figures.0 {
            line(format!("       {name:WIDTH$}{:>15}", grouped(*value)));
        }
    }
    text
}

/// 1234567 as 1,234,567.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_several_tests_are_added_up() {
        let mut figures = Figures::default();
        for line in ["test crash::a ... figures: images 1000, missing commits 0", "ok", "figures: images 234, lost x"] {
            figures.read(line);
        }
        assert_eq!(figures, Figures(vec![("images".into(), 1_234), ("missing commits".into(), 0)]));
    }

    #[test]
    fn table_shows_each_figure_below_its_part() {
        let mut figures = Figures::default();
        figures.read("figures: images 1234567");
        let row = |passed, figures| Row { name: "crash images", passed, seconds: 1.5, figures };
        let text = table(&[row(true, figures), row(false, Figures::default())]);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        let shown: Vec<&[&str]> = lines.iter().map(Vec::as_slice).collect();
        assert_eq!(
            shown,
            [
                ["ok", "crash", "images"].as_slice(),
                &["seconds", "1.5"],
                &["images", "1,234,567"],
                &["FAILED", "crash", "images"],
                &["seconds", "1.5"]
            ]
        );
    }
}
