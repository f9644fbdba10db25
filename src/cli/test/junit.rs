//! Results as JUnit XML, for the machines that read nothing else. One suite per bot file.

use super::{Played, problem};

pub(super) fn document(played: &[Played]) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{}\" failures=\"{}\">\n",
        played.len(),
        failures(played)
    );
    for suite in played.chunk_by(|one, other| one.file == other.file) {
        xml.push_str(&self::suite(suite));
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn suite(tests: &[Played]) -> String {
    let file = tests.first().map_or("", |test| &test.file);
    let mut xml = format!(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">\n",
        escaped(file),
        tests.len(),
        failures(tests)
    );
    for test in tests {
        let head = format!(
            "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\"",
            escaped(&test.bot),
            escaped(&test.report.name),
            escaped(file),
            test.report.line
        );
        xml.push_str(&head);
        match (problem(test), &test.report.failure) {
            (Some(problem), Some(failure)) => xml.push_str(&format!(
                ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
                escaped(&failure.what),
                escaped(&problem)
            )),
            _ => xml.push_str("/>\n"),
        }
    }
    xml.push_str("  </testsuite>\n");
    xml
}

fn failures(tests: &[Played]) -> usize {
    tests.iter().filter(|test| !test.passed).count()
}

/// Text as it may stand in an element or attribute. What XML 1.0 has no way to write becomes `?`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.push('?'),
            c if c.is_control() && c <= '\u{1f}' => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn characters_that_xml_forbids_are_replaced() {
        assert_eq!(escaped("a\u{0}b\u{b}<\"é\n"), "a?b?&lt;&quot;é\n");
    }
}
