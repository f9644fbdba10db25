//! A message with a list to pick from.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::check::{Check, Names, RowView, SectionView, View};
use super::frame::{Frame, Headers, Rules};
use super::part::Part;
use super::{filled, members};
use crate::limits::{self, LimitError};

const RULES: Rules = Rules { headers: Headers::Text, body_needed: true, footer: true };

/// Text with a button that opens up to ten rows, in up to ten sections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct List {
    header: Option<String>,
    body: String,
    footer: Option<String>,
    button: String,
    sections: Vec<Section>,
}

/// Rows under a title of up to 24 characters, which a list of several sections needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// The title.
    pub title: Option<String>,
    /// At least one row.
    pub rows: Vec<Row>,
}

/// A row: an id of up to 200 characters, unique within the list, and a title of up to 24.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Comes back when it is picked.
    pub id: String,
    /// What the person sees.
    pub title: String,
    /// A second line of up to 72 characters.
    pub description: Option<String>,
}

#[derive(Deserialize)]
struct Unchecked {
    header: Option<String>,
    body: String,
    footer: Option<String>,
    button: String,
    sections: Vec<Section>,
}

impl TryFrom<Unchecked> for List {
    type Error = LimitError;

    fn try_from(unchecked: Unchecked) -> Result<Self, LimitError> {
        let Unchecked { header, body, footer, button, sections } = unchecked;
        // what is stored was checked against the limit of its making
        Self { header, body, footer, button, sections }.checked(limits::LIST_BODY_RELAXED)
    }
}

impl Row {
    /// Makes a row; it is checked together with the others.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into(), description: None }
    }

    /// Sets the second line; an empty one is left out.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = filled(Some(description.into()));
        self
    }
}

impl Section {
    /// Makes a section without a title.
    pub fn new(rows: Vec<Row>) -> Self {
        Self { title: None, rows }
    }

    /// Makes a section with a title.
    pub fn titled(title: impl Into<String>, rows: Vec<Row>) -> Self {
        Self { title: filled(Some(title.into())), rows }
    }
}

impl List {
    /// Checks body, button and rows. Errors: the first limit that is broken.
    pub fn new(body: impl Into<String>, button: impl Into<String>, sections: Vec<Section>) -> Result<Self, LimitError> {
        Self { header: None, body: body.into(), footer: None, button: button.into(), sections }
            .checked(limits::INTERACTIVE_BODY)
    }

    /// As [`new`](Self::new), with the body that one page of Meta allows (4096) and its OpenAPI file
    /// does not (1024).
    pub fn with_long_body(
        body: impl Into<String>,
        button: impl Into<String>,
        sections: Vec<Section>,
    ) -> Result<Self, LimitError> {
        Self { header: None, body: body.into(), footer: None, button: button.into(), sections }
            .checked(limits::LIST_BODY_RELAXED)
    }

    /// Sets a text header; an empty one is left out. Errors: too long.
    pub fn with_header(mut self, header: impl Into<String>) -> Result<Self, LimitError> {
        self.header = Some(header.into());
        self.checked(limits::LIST_BODY_RELAXED)
    }

    /// Sets a footer; an empty one is left out. Errors: too long.
    pub fn with_footer(mut self, footer: impl Into<String>) -> Result<Self, LimitError> {
        self.footer = Some(footer.into());
        self.checked(limits::LIST_BODY_RELAXED)
    }

    /// The text.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The text above it.
    pub fn header(&self) -> Option<&str> {
        self.header.as_deref()
    }

    /// The text below it.
    pub fn footer(&self) -> Option<&str> {
        self.footer.as_deref()
    }

    /// The text of the button that opens the list.
    pub fn button(&self) -> &str {
        &self.button
    }

    /// The sections, in order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    fn checked(mut self, body_max: usize) -> Result<Self, LimitError> {
        self.header = filled(self.header);
        self.footer = filled(self.footer);
        for section in &mut self.sections {
            section.title = filled(section.title.take());
            section.rows.iter_mut().for_each(|row| row.description = filled(row.description.take()));
        }
        let mut check = Check::default();
        let view = View { header: self.header(), body: Some(&self.body), footer: self.footer() };
        check.frame(Names::Plain, &view, body_max);
        check.list(Names::Plain, Some(&self.button), &self.views());
        check.first().map(|()| self)
    }

    fn views(&self) -> Vec<SectionView<'_>> {
        self.sections.iter().map(Section::view).collect()
    }

    pub(super) fn content(&self) -> Value {
        let sections: Vec<_> = self.sections.iter().map(Section::content).collect();
        members([
            ("type", Some(json!("list"))),
            ("header", self.header.as_ref().map(|text| json!({ "type": "text", "text": text }))),
            ("body", Some(json!({ "text": self.body }))),
            ("footer", self.footer.as_ref().map(|text| json!({ "text": text }))),
            ("action", Some(json!({ "button": self.button, "sections": sections }))),
        ])
    }
}

impl Section {
    fn view(&self) -> SectionView<'_> {
        let title = Some(self.title.as_deref().unwrap_or_default());
        SectionView { title, rows: self.rows.iter().map(Row::view).collect() }
    }

    fn content(&self) -> Value {
        let rows: Vec<_> = self.rows.iter().map(Row::content).collect();
        members([("title", self.title.as_ref().map(|title| json!(title))), ("rows", Some(json!(rows)))])
    }
}

impl Row {
    fn view(&self) -> RowView<'_> {
        RowView { id: Some(&self.id), title: Some(&self.title), description: self.description.as_deref() }
    }

    fn content(&self) -> Value {
        members([
            ("id", Some(json!(self.id))),
            ("title", Some(json!(self.title))),
            ("description", self.description.as_ref().map(|text| json!(text))),
        ])
    }
}

/// Reads the member `interactive`.
pub(super) fn read(check: &mut Check, part: &Part<'_>) -> List {
    let (header, body, footer) = Frame::read(check, part, RULES).into_parts();
    let header = header.and_then(|header| header.text().map(str::to_owned));
    let action = part.get("action");
    action.members(check, &["button", "sections"]);
    let items = action.get("sections").items(check);
    let sections = items.iter().map(|item| read_section(check, item)).collect();
    let list = List { header, body, footer, button: action.get("button").any_text(check), sections };
    check.list(Names::Wire, Some(&list.button), &list.views());
    list
}

fn read_section(check: &mut Check, part: &Part<'_>) -> Section {
    part.members(check, &["title", "rows"]);
    let rows = part.get("rows").items(check);
    Section {
        title: part.get("title").optional(check, usize::MAX),
        rows: rows.iter().map(|row| read_row(check, row)).collect(),
    }
}

fn read_row(check: &mut Check, part: &Part<'_>) -> Row {
    part.members(check, &["id", "title", "description"]);
    let (id, title) = (part.get("id").any_text(check), part.get("title").any_text(check));
    Row { id, title, description: part.get("description").optional(check, usize::MAX) }
}
