//! The limits of each kind, once for the checked types and for raw bodies.
//!
//! A part is an `Option`: `None` stands for one that was reported already.

use std::collections::HashSet;

use crate::limits::{self, Limit, LimitError, chars};

/// What a part must be that holds others.
pub(crate) const OBJECT: Limit = Limit::Form("an object");

/// Collects what is wrong with a message.
#[derive(Default)]
pub(crate) struct Check {
    errors: Vec<LimitError>,
}

/// How the parts of a message are called: as in the checked types, or by their path in a raw body.
#[derive(Clone, Copy)]
pub(crate) enum Names {
    Plain,
    Wire,
}

/// What buttons and lists share.
pub(crate) struct View<'a> {
    pub(crate) header: Option<&'a str>,
    pub(crate) body: Option<&'a str>,
    pub(crate) footer: Option<&'a str>,
}

/// A reply button.
pub(crate) struct ButtonView<'a> {
    pub(crate) id: Option<&'a str>,
    pub(crate) title: Option<&'a str>,
}

/// A section of a list.
pub(crate) struct SectionView<'a> {
    pub(crate) title: Option<&'a str>,
    pub(crate) rows: Vec<RowView<'a>>,
}

/// A row of a list.
pub(crate) struct RowView<'a> {
    pub(crate) id: Option<&'a str>,
    pub(crate) title: Option<&'a str>,
    pub(crate) description: Option<&'a str>,
}

impl Names {
    fn at(self, plain: &str, wire: &str) -> String {
        match self {
            Self::Plain => plain.to_owned(),
            Self::Wire => format!("interactive.{wire}"),
        }
    }

    fn button(self, index: usize, key: &str) -> String {
        self.at(&format!("buttons[{index}].{key}"), &format!("action.buttons[{index}].reply.{key}"))
    }

    fn section(self, index: usize, key: &str) -> String {
        self.at(&format!("sections[{index}].{key}"), &format!("action.sections[{index}].{key}"))
    }

    fn row(self, section: usize, row: usize, key: &str) -> String {
        self.section(section, &format!("rows[{row}].{key}"))
    }
}

impl Check {
    /// Everything that is wrong.
    pub(crate) fn all(self) -> Result<(), Vec<LimitError>> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }

    /// The first thing that is wrong.
    pub(crate) fn first(self) -> Result<(), LimitError> {
        self.errors.into_iter().next().map_or(Ok(()), Err)
    }

    /// Reports what is wrong with a part; one that was reported already, or that lies in one that is
    /// missing or no object, is left at that.
    pub(crate) fn fail(&mut self, field: impl Into<String>, limit: Limit, actual: usize, value: Option<&str>) {
        let field = field.into();
        let covers = |error: &LimitError| match field.strip_prefix(error.field.as_str()) {
            Some("") => true,
            Some(rest) => rest.starts_with('.') && matches!(error.limit, Limit::NotEmpty | OBJECT),
            None => false,
        };
        if !self.errors.iter().any(covers) {
            self.errors.push(LimitError::new(field, limit, actual, value));
        }
    }

    /// A text that must be there and fit.
    pub(crate) fn text(&mut self, text: Option<&str>, max: usize, field: impl FnOnce() -> String) {
        match text {
            Some(text) if text.trim().is_empty() => self.fail(field(), Limit::NotEmpty, 0, None),
            text => self.optional(text, max, field),
        }
    }

    /// A text that must fit if it is there.
    pub(crate) fn optional(&mut self, text: Option<&str>, max: usize, field: impl FnOnce() -> String) {
        if let Some(text) = text
            && chars(text) > max
        {
            self.fail(field(), Limit::MaxChars(max), chars(text), Some(text));
        }
    }

    /// An id: there, fitting, and without outer spaces.
    fn id(&mut self, id: Option<&str>, max: usize, field: impl Fn() -> String) {
        self.text(id, max, &field);
        if let Some(id) = id
            && !id.trim().is_empty()
            && id.trim() != id
        {
            self.fail(field(), Limit::NoOuterSpace, 0, Some(id));
        }
    }

    fn count(&mut self, actual: usize, max: usize, field: impl FnOnce() -> String) {
        if actual == 0 {
            self.fail(field(), Limit::MinItems(1), actual, None);
        } else if actual > max {
            self.fail(field(), Limit::MaxItems(max), actual, None);
        }
    }

    fn unique<'a>(&mut self, seen: &mut HashSet<&'a str>, text: Option<&'a str>, field: impl FnOnce() -> String) {
        if let Some(text) = text
            && !text.is_empty()
            && !seen.insert(text)
        {
            self.fail(field(), Limit::Unique, 0, Some(text));
        }
    }

    /// Header, body and footer of an interactive message.
    pub(crate) fn frame(&mut self, names: Names, frame: &View<'_>, body_max: usize) {
        self.optional(frame.header, limits::HEADER, || names.at("header", "header.text"));
        self.text(frame.body, body_max, || names.at("body", "body.text"));
        self.optional(frame.footer, limits::FOOTER, || names.at("footer", "footer.text"));
    }

    /// The reply buttons of a message.
    pub(crate) fn buttons(&mut self, names: Names, buttons: &[ButtonView<'_>]) {
        self.count(buttons.len(), limits::BUTTONS, || names.at("buttons", "action.buttons"));
        let (mut ids, mut titles) = (HashSet::new(), HashSet::new());
        for (i, button) in buttons.iter().enumerate() {
            self.id(button.id, limits::BUTTON_ID, || names.button(i, "id"));
            self.text(button.title, limits::BUTTON_TITLE, || names.button(i, "title"));
            self.unique(&mut ids, button.id, || names.button(i, "id"));
            self.unique(&mut titles, button.title, || names.button(i, "title"));
        }
    }

    fn section_title(&mut self, names: Names, index: usize, title: Option<&str>, sections: usize) {
        let field = || names.section(index, "title");
        if sections > 1 {
            self.text(title, limits::SECTION_TITLE, field);
        } else {
            self.optional(title, limits::SECTION_TITLE, field);
        }
    }

    /// The button, sections and rows of a list.
    pub(crate) fn list(&mut self, names: Names, button: Option<&str>, sections: &[SectionView<'_>]) {
        self.text(button, limits::LIST_BUTTON, || names.at("button", "action.button"));
        self.count(sections.len(), limits::SECTIONS, || names.at("sections", "action.sections"));
        let mut ids = HashSet::new();
        for (s, section) in sections.iter().enumerate() {
            self.section_title(names, s, section.title, sections.len());
            self.count(section.rows.len(), usize::MAX, || names.section(s, "rows"));
            for (r, row) in section.rows.iter().enumerate() {
                self.id(row.id, limits::ROW_ID, || names.row(s, r, "id"));
                self.text(row.title, limits::ROW_TITLE, || names.row(s, r, "title"));
                self.optional(row.description, limits::ROW_DESCRIPTION, || names.row(s, r, "description"));
                self.unique(&mut ids, row.id, || names.row(s, r, "id"));
            }
        }
        let rows: usize = sections.iter().map(|section| section.rows.len()).sum();
        if rows > limits::ROWS {
            self.fail(names.at("rows", "action.sections[].rows"), Limit::MaxItems(limits::ROWS), rows, None);
        }
    }
}
