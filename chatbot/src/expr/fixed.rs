//! How long a text is at least, whatever the values in it.

use super::calls;

/// Statements between which a text may be printed any number of times, or changed.
const BLOCKS: &[&str] = &["if", "for", "macro", "call", "filter", "with", "block", "autoescape", "raw", "set", "do"];

/// The characters that a template always prints: those outside of braces and of statements.
pub(super) fn at_least(source: &str) -> usize {
    let (mut at, mut depth, mut chars) = (0, 0_usize, 0);
    while let Some((open, mark)) = calls::next_mark(source, at) {
        if depth == 0 {
            chars += printed(source.get(at..open));
        }
        at = match mark {
            "{#" => source.get(open..).and_then(|rest| rest.find("#}")).map_or(source.len(), |end| open + end + 2),
            "{{" => end_of(source, open, "}}"),
            _ => {
                let end = end_of(source, open, "%}");
                let inner = source.get(open + 2..end).unwrap_or_default();
                let word = inner.trim_start_matches(['-', '+', ' ', '\n', '\t']);
                let word = word.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                match word {
                    "raw" => calls::after_raw(source, end),
                    "set" if inner.contains('=') => end,
                    word if BLOCKS.contains(&word) => {
                        depth += 1;
                        end
                    }
                    word if word.starts_with("end") => {
                        depth = depth.saturating_sub(1);
                        end
                    }
                    _ => end,
                }
            }
        };
    }
    if depth == 0 { chars + printed(source.get(at..)) } else { chars }
}

/// Spaces at the ends may be trimmed by the braces beside them.
fn printed(text: Option<&str>) -> usize {
    text.map_or(0, |text| text.trim().chars().count())
}

fn end_of(source: &str, open: usize, close: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in source.get(open + 2..).unwrap_or_default().char_indices() {
        let at = open + 2 + at;
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(mark), c) if c == mark => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, _) if source.get(at..).is_some_and(|rest| rest.starts_with(close)) => return at + close.len(),
            (None, _) => {}
        }
    }
    source.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_always_printed_is_counted() {
        for (source, expected) in [
            ("plain", 5),
            ("hi {{ name }}, you", 2 + 5),
            ("{{ '}}' }}ab{# abc #}cd", 4),
            ("a{% if x %}bcd{% else %}e{% endif %}f", 2),
            ("a{% set x = 1 %}b{% set y %}cc{% endset %}d", 3),
            ("{%- for a in b %}x{% if a %}y{% endif %}z{% endfor -%} ü", 1),
            ("{% raw %}{{ abc {% endraw %}de", 2),
            ("a{% if x %}b", 1),
            ("{{", 0),
        ] {
            assert_eq!(at_least(source), expected, "{source}");
        }
    }
}
