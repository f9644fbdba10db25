//! Where in a JSON text a value stands: lines and columns from 1, as Meta's validation errors name them.

use std::collections::HashMap;

use serde_json::{Value, json};

/// Deeper than serde_json reads, so that what it read is placed as a whole.
const MAX_DEPTH: usize = 130;

/// From the first character of a value to the one after its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: (usize, usize),
    pub(crate) to: (usize, usize),
}

impl Span {
    /// One character.
    pub(crate) fn at(line: usize, column: usize) -> Self {
        Self { from: (line, column), to: (line, column + 1) }
    }

    /// Meta's four members.
    pub(crate) fn json(self) -> Value {
        json!({ "line_start": self.from.0, "line_end": self.to.0, "column_start": self.from.1, "column_end": self.to.1 })
    }
}

/// The place of each value of a text that is JSON, by its path: `screens[0].layout.children[1].on-click-action`.
pub(crate) fn places(text: &str) -> HashMap<String, Span> {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0, line: 1, column: 1, found: HashMap::new() };
    scan.value(&mut String::new(), 0);
    scan.found
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    column: usize,
    found: HashMap<String, Span>,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn step(&mut self) {
        match self.peek() {
            Some(b'\n') => (self.line, self.column) = (self.line + 1, 1),
            // The later bytes of a character are no columns of their own.
            Some(byte) if byte & 0xC0 != 0x80 => self.column += 1,
            _ => {}
        }
        self.at += 1;
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.step();
        }
    }

    fn value(&mut self, path: &mut String, depth: usize) {
        self.blanks();
        let from = (self.line, self.column);
        match self.peek() {
            Some(b'{') if depth < MAX_DEPTH => self.members(path, depth),
            Some(b'[') if depth < MAX_DEPTH => self.items(path, depth),
            Some(b'"') => drop(self.text()),
            _ => {
                while self.peek().is_some_and(|byte| !matches!(byte, b',' | b'}' | b']') && !byte.is_ascii_whitespace())
                {
                    self.step();
                }
            }
        }
        self.found.insert(path.clone(), Span { from, to: (self.line, self.column) });
    }

    fn members(&mut self, path: &mut String, depth: usize) {
        self.step();
        loop {
            self.blanks();
            match self.peek() {
                Some(b'"') => {}
                Some(b',') => {
                    self.step();
                    continue;
                }
                Some(b'}') => return self.step(),
                _ => return,
            }
            let key = self.text();
            self.blanks();
            if self.peek() != Some(b':') {
                return;
            }
            self.step();
            let outer = path.len();
            if outer > 0 {
                path.push('.');
            }
            path.push_str(&key);
            self.value(path, depth + 1);
            path.truncate(outer);
        }
    }

    fn items(&mut self, path: &mut String, depth: usize) {
        self.step();
        let mut index = 0;
        loop {
            self.blanks();
            match self.peek() {
                Some(b',') => self.step(),
                Some(b']') => return self.step(),
                None => return,
                Some(_) => {
                    let (outer, before) = (path.len(), self.at);
                    path.push_str(&format!("[{index}]"));
                    self.value(path, depth + 1);
                    path.truncate(outer);
                    index += 1;
                    if self.at == before {
                        return;
                    }
                }
            }
        }
    }

    /// A string with its quotes; what it says, escapes undone where they are plain.
    fn text(&mut self) -> String {
        let from = self.at;
        self.step();
        while let Some(byte) = self.peek() {
            self.step();
            match byte {
                b'\\' => self.step(),
                b'"' => break,
                _ => {}
            }
        }
        let quoted = self.bytes.get(from..self.at.min(self.bytes.len())).unwrap_or_default();
        serde_json::from_slice(quoted).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_with_their_lines_and_columns() {
        let text = "{ \"a\": [1,\n  {\"é\": \"x\\\"y\", \"b-c\": true}],\n \"d\": {} }";
        let found = places(text);
        let span = |path: &str| found.get(path).map(|s| (s.from, s.to));
        assert_eq!(span("a[0]"), Some(((1, 9), (1, 10))));
        assert_eq!(span("a[1].é"), Some(((2, 9), (2, 15))));
        assert_eq!(span("a[1].b-c"), Some(((2, 24), (2, 28))));
        assert_eq!(span("d"), Some(((3, 7), (3, 9))));
        assert_eq!(span(""), Some(((1, 1), (3, 11))));
    }

    #[test]
    fn what_is_not_json_ends_too() {
        for text in ["", "{", "[", "{\"a\"", "{\"a\":", "[}", "\"", "\"\\", "[[[[", "{,", "[1 2", "{\"a\":1 \"b\":2"] {
            places(text);
        }
        places(&"[".repeat(100_000));
    }
}
