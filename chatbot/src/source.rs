//! Places in a source text: bytes to lines and columns.

use std::ops::Range;

/// Bytes between the places whose characters are counted beforehand: a file of one line has many findings, too.
const STRIDE: usize = 1024;

/// Byte offsets at which the lines of a text begin.
pub(crate) struct LineIndex {
    starts: Vec<usize>,
    /// The characters that begin before each multiple of [`STRIDE`] bytes.
    counted: Vec<usize>,
}

impl LineIndex {
    pub(crate) fn new(source: &str) -> Self {
        let after_breaks = source.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        let mut counted = vec![0];
        for part in source.as_bytes().chunks(STRIDE) {
            counted.push(counted.last().copied().unwrap_or_default() + begun(part));
        }
        Self { starts: std::iter::once(0).chain(after_breaks).collect(), counted }
    }

    /// Line and column (characters), both from 1.
    pub(crate) fn place(&self, source: &str, offset: usize) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let column = self.before(source, offset).saturating_sub(self.before(source, start));
        (to_u32(line), to_u32(column + 1))
    }

    /// The characters that begin before a byte.
    fn before(&self, source: &str, offset: usize) -> usize {
        let offset = offset.min(source.len());
        let counted = self.counted.get(offset / STRIDE).copied().unwrap_or_default();
        counted + source.as_bytes().get(offset / STRIDE * STRIDE..offset).map_or(0, begun)
    }

    /// The byte offset of a line and column, both from 1; the end of the text when outside.
    pub(crate) fn offset(&self, source: &str, line: u32, column: u32) -> usize {
        let Some(start) = self.starts.get((line.max(1) - 1) as usize).copied() else { return source.len() };
        let rest = source.get(start..).unwrap_or("");
        rest.char_indices().nth((column.max(1) - 1) as usize).map_or(source.len(), |(at, _)| start + at)
    }

    /// The text of a line, without its line break.
    pub(crate) fn line<'s>(&self, source: &'s str, line: u32) -> Option<&'s str> {
        let index = (line as usize).checked_sub(1)?;
        let start = *self.starts.get(index)?;
        let end = self.starts.get(index + 1).copied().unwrap_or(source.len());
        Some(source.get(start..end)?.trim_end_matches(['\n', '\r']))
    }
}

/// Narrows a span that points at a YAML or JSON string to a part of its value, where the value
/// stands in the source as it is; the whole string otherwise (escapes, folded blocks).
pub(crate) fn narrow(source: &str, whole: &Range<usize>, value: &str, part: Range<usize>) -> Range<usize> {
    if value.is_empty() || value.get(part.clone()).is_none() {
        return whole.clone();
    }
    let Some(from) = source.get(whole.start..) else { return whole.clone() };
    // The value of a plain or quoted scalar begins at its first or second byte.
    let lead = usize::from(from.starts_with(['"', '\'']));
    match from.get(lead..) {
        Some(text) if text.starts_with(value) => {
            let base = whole.start + lead;
            base + part.start..base + part.end
        }
        _ => whole.clone(),
    }
}

/// How many characters begin in these bytes.
fn begun(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte & 0xC0) != 0x80).count()
}

fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = "a\nbäc: d\n";
        let index = LineIndex::new(source);
        assert_eq!(index.place(source, 0), (1, 1));
        let at = source.find('d').unwrap();
        assert_eq!(index.place(source, at), (2, 6));
        assert_eq!(index.offset(source, 2, 6), at);
        assert_eq!(index.line(source, 2), Some("bäc: d"));
    }

    #[test]
    fn columns_of_a_long_line_are_those_of_counting() {
        let source = format!("x\n{}", "aü€😀".repeat(2_000));
        let index = LineIndex::new(&source);
        for (n, (at, _)) in source.char_indices().enumerate().skip(2) {
            assert_eq!(index.place(&source, at), (2, n as u32 - 1));
        }
        assert_eq!(index.place(&source, source.len() + 9), (2, 8_001));
    }

    #[test]
    fn parts_of_quoted_strings_are_found() {
        let source = "x: \"hi {{ a }}\"";
        let whole = 3..source.len();
        assert_eq!(source.get(narrow(source, &whole, "hi {{ a }}", 6..7)), Some("a"));
        assert_eq!(narrow(source, &whole, "other", 0..1), whole);
    }
}
