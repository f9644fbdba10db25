//! What Meta does not like about a Flow JSON, at its place in the file: the text that Meta was given is the file's, line
//! by line.

use whatsapp::graph::{ValidationError, ValidationPointer};

use super::record::Place;

/// The lines for people about a Flow of a bot.
pub fn findings_of(place: &Place) -> Vec<String> {
    let origin = match &place.origin {
        Some(origin) => origin.to_string(),
        None => format!("{}: flows.{}.json", place.bot, place.local),
    };
    place.findings.iter().flat_map(|finding| lines(&origin, place.origin.is_some(), finding)).collect()
}

/// `file:line:column: CODE message`, of the first place.
pub fn line_of(origin: &str, finding: &ValidationError) -> String {
    lines(origin, true, finding).into_iter().next().unwrap_or_default()
}

/// A line for each place that Meta names. Lines count in files only: a JSON inside of a bot file was written anew.
fn lines(origin: &str, in_file: bool, finding: &ValidationError) -> Vec<String> {
    let whole = ValidationPointer {
        line_start: finding.line_start,
        column_start: finding.column_start,
        ..ValidationPointer::default()
    };
    let places = if finding.pointers.is_empty() { std::slice::from_ref(&whole) } else { &finding.pointers };
    let line = |place: &ValidationPointer| {
        let at = match (in_file, place.line_start, place.column_start) {
            (false, ..) | (_, 0, _) => String::new(),
            (_, line, 0) => format!(":{line}"),
            (_, line, column) => format!(":{line}:{column}"),
        };
        let path = if place.path.is_empty() { String::new() } else { format!(" ({})", place.path) };
        let (error, message) = (&finding.error, &finding.message);
        format!("{origin}{at}: {error} {message}{path}")
    };
    places.iter().map(line).collect()
}
