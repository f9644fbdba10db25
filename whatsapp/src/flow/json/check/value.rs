//! Values of properties against their shapes: plain ones, references and expressions.

use super::super::expression::{self, Sort};
use super::super::field::Type;
use super::super::reference::{self, Lost};
use super::super::screen::{FormField, Screen};
use super::super::tree::{Kind, Node};
use super::super::version::Version;
use super::Checker;
use super::finding::Path;
use super::spec::{self, Shape};

/// What the text of a value is.
pub(super) enum Said<'t> {
    /// Itself.
    Plain,
    /// A reference that leads to such a value, of an input as a whole if there is one.
    Reference { holds: &'t Type, input: Option<&'t FormField> },
    /// An expression with such a result.
    Expression(Sort),
    /// Something that was reported already.
    Faulty,
}

/// The code of a reference that leads nowhere, by where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Property,
    Payload,
}

impl<'t> Checker<'t> {
    /// A property's value. `screen` is the one that it stands on.
    pub(super) fn value(&mut self, node: &Node, shape: Shape, screen: &'t Screen, path: &Path<'_>) {
        match shape {
            Shape::Plain => self.plain(node, path),
            Shape::Text { sure, most } | Shape::Shown { sure, most } => {
                if self.is(node, path, "string", node.text().is_some()) {
                    self.text_value(node, screen, path);
                    self.length(node, (sure, most), matches!(shape, Shape::Shown { .. }), path);
                }
            }
            Shape::Lines { sure, most } => self.lines(node, (sure, most), screen, path),
            Shape::FixedFlag => drop(self.is(node, path, "boolean", node.flag().is_some())),
            Shape::Flag => self.typed(node, "boolean", node.flag().is_some(), &[Sort::Flag], screen, path),
            Shape::Number => self.number(node, screen, path),
            Shape::Count { least, most } => self.count(node, (least, most), screen, path),
            Shape::OneOf(values) => self.one_of(node, values, screen, path),
            Shape::Date => self.date(node, screen, path),
            Shape::Dates => self.each_of(node, screen, path, |checker, item, path| checker.date(item, screen, path)),
            Shape::Days => self.each_of(node, screen, path, |checker, item, path| {
                checker.one_of(item, &["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], screen, path);
            }),
            Shape::Options { least, most, pictured } => self.options(node, [least, most, pictured], screen, path),
            Shape::Pictures => self.pictures(node, screen, path),
            Shape::Picture => self.picture(node, screen, path),
            Shape::Condition => self.condition(node, screen, path),
            Shape::Choice => self.choice(node, screen, path),
            Shape::Action(allowed) => self.action(node, allowed, screen, path),
            Shape::Values => self.values(node, screen, path),
            Shape::Initial => self.initial(node, screen, path),
            Shape::Told => self.told(node, screen, path),
            // the walk over components takes these
            Shape::Components | Shape::Cases | Shape::Items => {}
        }
    }

    fn plain(&mut self, node: &Node, path: &Path<'_>) {
        if !self.is(node, path, "string", node.text().is_some()) {
            return;
        }
        match node.text() {
            Some("") => {
                let message = format!("Property '{}' should have at least 1 characters.", path.last());
                self.error("MIN_CHARS_REQUIRED", node, path, message);
            }
            Some(text) if reference::whole(text).is_some() => {
                let message = format!("Property '{}' cannot be a reference.", path.last());
                self.error("PATTERN_MISMATCH", node, path, message);
            }
            _ => {}
        }
    }

    /// What a text says, with what is wrong in it reported.
    pub(super) fn said(&mut self, node: &Node, screen: &'t Screen, standing: Standing, path: &Path<'_>) -> Said<'t> {
        let Some(text) = node.text() else { return Said::Plain };
        let quoted = text.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        if let Some(inner) = quoted.filter(|_| self.version >= Version::new(6, 0)) {
            return self.expression(node, inner, 1, screen, standing, path).map_or(Said::Faulty, Said::Expression);
        }
        if quoted.is_some_and(|inner| inner.contains("${")) {
            let message = format!("Expressions in backticks need Flow JSON 6.0; this is {}.", self.version);
            self.error("INVALID_PROPERTY_VALUE", node, path, message);
            return Said::Faulty;
        }
        if let Some(inside) = reference::whole(text) {
            return match self.follow(node, inside, screen, standing, path) {
                Some((holds, input)) => Said::Reference { holds, input },
                None => Said::Faulty,
            };
        }
        if ["${data.", "${form.", "${screen."].iter().any(|begin| text.contains(begin)) {
            let message = "A reference is a whole value; within other text it is shown as it stands. From Flow JSON \
                           6.0 an expression joins them: `'Hello ' ${data.name}` between backticks.";
            self.warn("INVALID_PROPERTY_VALUE", node, path, message);
        }
        Said::Plain
    }

    fn follow(
        &mut self,
        node: &Node,
        inside: &str,
        screen: &'t Screen,
        standing: Standing,
        path: &Path<'_>,
    ) -> Option<(&'t Type, Option<&'t FormField>)> {
        match reference::follow(inside, screen, self.flow, self.version) {
            Ok(target) => Some((target.holds, target.input)),
            Err(lost) => {
                let code = match (&lost, standing) {
                    (Lost::Malformed(_), _) => "PATTERN_MISMATCH",
                    (Lost::Here(_), Standing::Payload) => "INVALID_ON_CLICK_ACTION_PAYLOAD",
                    (Lost::Here(_) | Lost::Within(_), _) => "INVALID_SCREEN_DYNAMIC_DATA",
                    (Lost::There(_), _) => "INVALID_SCREEN_DATA",
                };
                self.error(code, node, path, format!("{}.", lost.message()));
                None
            }
        }
    }

    /// Reads an expression that begins `offset` bytes into the text of a node.
    fn expression(
        &mut self,
        node: &Node,
        inner: &str,
        offset: usize,
        screen: &'t Screen,
        standing: Standing,
        path: &Path<'_>,
    ) -> Option<Sort> {
        let mut resolve = |inside: &str, _at: usize| {
            self.follow(node, inside, screen, standing, path).map_or(Sort::Any, |(holds, _)| Sort::of(holds))
        };
        let read = expression::read(inner, &mut resolve);
        match read {
            Ok(operand) => Some(operand.sort),
            Err(fault) => {
                let column = inner.get(..fault.at).map_or(0, |before| before.chars().count()) + offset + 1;
                let message = format!("Invalid expression: {} at column {column} of it.", fault.message);
                let span = self.within(node, offset + fault.at);
                self.report("INVALID_PROPERTY_VALUE", span, path, message, super::Severity::Error);
                None
            }
        }
    }

    /// From a byte of the text of a node to its end, where the text stands in the source as it is.
    fn within(&self, node: &Node, at: usize) -> std::ops::Range<usize> {
        let inner = self.text.get(node.span.start + 1..node.span.end.saturating_sub(1));
        match (inner, node.text()) {
            (Some(inner), Some(text)) if inner == text && at < inner.len() && inner.is_char_boundary(at) => {
                node.span.start + 1 + at..node.span.end - 1
            }
            _ => node.span.clone(),
        }
    }

    /// A text that may be a reference or expression; anything that can be shown fits.
    pub(super) fn text_value(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        let said = self.said(node, screen, Standing::Property, path);
        self.fits(node, &said, &[Sort::Text], "string", path);
    }

    /// Whether what a value says has one of these sorts.
    fn fits(&mut self, node: &Node, said: &Said<'_>, sorts: &[Sort], noun: &str, path: &Path<'_>) {
        match said {
            Said::Reference { holds, .. } => {
                let sort = Sort::of(holds);
                if sort != Sort::Any && !sorts.contains(&sort) {
                    let message =
                        format!("Expected '{}' to be of type '{noun}', but it refers to {}.", path.last(), sort.noun());
                    self.error("INVALID_SCREEN_DYNAMIC_DATA", node, path, message);
                }
            }
            // what an expression gives is made a text where one is shown
            Said::Expression(sort) if *sort != Sort::Any && !sorts.contains(sort) && !sorts.contains(&Sort::Text) => {
                let message = format!(
                    "Expected '{}' to be of type '{noun}', but the expression gives {}.",
                    path.last(),
                    sort.noun()
                );
                self.error("INVALID_PROPERTY_VALUE", node, path, message);
            }
            Said::Plain | Said::Expression(_) | Said::Faulty => {}
        }
    }

    /// A value of a plain type, or a text that says one.
    fn typed(&mut self, node: &Node, noun: &str, plain: bool, sorts: &[Sort], screen: &'t Screen, path: &Path<'_>) {
        if plain || node.text().is_none() {
            self.is(node, path, noun, plain);
            return;
        }
        let said = self.said(node, screen, Standing::Property, path);
        if matches!(said, Said::Plain) {
            self.is(node, path, noun, false);
        }
        self.fits(node, &said, sorts, noun, path);
    }

    fn length(&mut self, node: &Node, (sure, most): (usize, usize), shown: bool, path: &Path<'_>) {
        let text = node.text().unwrap_or_default();
        if text.starts_with('`') || reference::whole(text).is_some() {
            return;
        }
        let (length, name) = (text.chars().count(), path.last());
        if length > most {
            let message = format!("Property '{name}' should have at most {most} characters; it has {length}.");
            self.error("MAX_CHARS_REQUIRED", node, path, message);
        } else if length > sure {
            let message = format!(
                "Property '{name}' has {length} characters: sources disagree whether {sure} or {most} are the most."
            );
            self.warn("MAX_CHARS_REQUIRED", node, path, message);
        } else if shown && text.trim().is_empty() {
            let message = format!("Property '{name}' should not be blank or empty string.");
            self.error("PATTERN_MISMATCH", node, path, message);
        }
    }

    fn lines(&mut self, node: &Node, limits: (usize, usize), screen: &'t Screen, path: &Path<'_>) {
        let Kind::List(items) = &node.kind else {
            if self.is(node, path, "string", node.text().is_some()) {
                let said = self.said(node, screen, Standing::Property, path);
                if !matches!(said, Said::Reference { holds: Type::List(_), .. }) {
                    self.fits(node, &said, &[Sort::Text], "string", path);
                }
                self.length(node, limits, true, path);
            }
            return;
        };
        if items.is_empty() {
            let message = format!("Property '{}' should have at least 1 item.", path.last());
            self.error("MIN_ITEMS_REQUIRED", node, path, message);
        }
        for (at, item) in items.iter().enumerate() {
            let path = Path::Item(path, at);
            if self.is(item, &path, "string", item.text().is_some()) {
                self.text_value(item, screen, &path);
                self.length(item, limits, false, &path);
            }
        }
    }

    fn number(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        let plain = matches!(node.kind, Kind::Number(_));
        self.typed(node, "number", plain, &[Sort::Number], screen, path);
        if let Kind::Number(number) = &node.kind
            && number.as_f64().is_none_or(|number| number <= 0.0)
        {
            let message = format!("The minimum value allowed for property '{}' is above 0.", path.last());
            self.error("MINIMUM_VALUE_REQUIRED", node, path, message);
        }
    }

    fn count(&mut self, node: &Node, (least, most): (u64, u64), screen: &'t Screen, path: &Path<'_>) {
        let name = path.last().to_owned();
        let number = match &node.kind {
            Kind::Number(number) => number.as_f64(),
            Kind::Text(text) if !text.starts_with("${") && !text.starts_with('`') => {
                let number = text.parse::<u64>().ok();
                if number.is_none() {
                    let message = format!(
                        "Property '{name}' should be of type 'number' or have dynamic data format of the form ${{data.your_value}}."
                    );
                    self.error("PATTERN_MISMATCH", node, path, message);
                }
                number.map(|number| number as f64)
            }
            _ => {
                // Meta's own examples declare such data as strings, too
                return self.typed(node, "number", false, &[Sort::Number, Sort::Text], screen, path);
            }
        };
        let Some(number) = number else { return };
        if number < least as f64 {
            let message = format!("The minimum value allowed for property '{name}' is {least}.");
            self.error("MINIMUM_VALUE_REQUIRED", node, path, message);
        } else if number > most as f64 {
            let message = format!("The maximum value allowed for property '{name}' is {most}.");
            self.error("MAXIMUM_VALUE_REQUIRED", node, path, message);
        } else if number.fract() != 0.0 {
            self.is(node, path, "integer", false);
        }
    }

    fn one_of(&mut self, node: &Node, values: &[&str], screen: &'t Screen, path: &Path<'_>) {
        if !self.is(node, path, "string", node.text().is_some()) {
            return;
        }
        let said = self.said(node, screen, Standing::Property, path);
        self.fits(node, &said, &[Sort::Text], "string", path);
        if matches!(said, Said::Plain) && !node.text().is_some_and(|text| values.contains(&text)) {
            let message = format!("Value should be one of: [{}].", values.join(", "));
            self.error("INVALID_ENUM_VALUE", node, path, message);
        }
    }

    fn date(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        if !self.is(node, path, "string", node.text().is_some()) {
            return;
        }
        let said = self.said(node, screen, Standing::Property, path);
        self.fits(node, &said, &[Sort::Text], "string", path);
        let text = node.text().unwrap_or_default();
        let (good, format) = if self.version >= Version::new(5, 0) {
            (is_date(text), "YYYY-MM-DD")
        } else {
            (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()), "timestamp in milliseconds")
        };
        if matches!(said, Said::Plain) && !good {
            let message = format!("Property '{}' should be in '{format}' format.", path.last());
            self.error("INVALID_PROPERTY_VALUE_FORMAT", node, path, message);
        }
    }

    /// A list, or a reference to one.
    fn each_of(
        &mut self,
        node: &Node,
        screen: &'t Screen,
        path: &Path<'_>,
        mut each: impl FnMut(&mut Self, &Node, &Path<'_>),
    ) {
        if let Kind::List(items) = &node.kind {
            for (at, item) in items.iter().enumerate() {
                each(self, item, &Path::Item(path, at));
            }
        } else {
            self.list_said(node, screen, path);
        }
    }

    /// A text that must refer to a list; the type of its elements.
    pub(super) fn list_said(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) -> Option<&'t Type> {
        if node.text().is_none() {
            self.is(node, path, "array", false);
            return None;
        }
        match self.said(node, screen, Standing::Property, path) {
            Said::Reference { holds: Type::List(items), .. } => Some(items),
            Said::Reference { holds: Type::Any, .. } | Said::Faulty => None,
            Said::Reference { holds, .. } => {
                let message =
                    format!("Expected '{}' to be of type 'array', but it refers to a {}.", path.last(), holds.name());
                self.error("INVALID_SCREEN_DYNAMIC_DATA", node, path, message);
                None
            }
            Said::Plain | Said::Expression(_) => {
                let message = format!(
                    "Property '{}' should be of type 'array' or have dynamic data format of the form ${{data.your_value}}.",
                    path.last()
                );
                self.error("PATTERN_MISMATCH", node, path, message);
                None
            }
        }
    }

    fn options(&mut self, node: &Node, [least, most, pictured]: [usize; 3], screen: &'t Screen, path: &Path<'_>) {
        let Kind::List(items) = &node.kind else {
            let holds = self.list_said(node, screen, path);
            return self.has_schema(node, holds, &["id", "title"], path);
        };
        let most = if items.iter().any(|item| item.get("image").is_some()) { pictured } else { most };
        self.sized(node, items.len(), (least, most), path);
        let mut ids = std::collections::HashSet::new();
        for (at, item) in items.iter().enumerate() {
            let path = Path::Item(path, at);
            if !self.is(item, &path, "object", matches!(item.kind, Kind::Map(_))) {
                continue;
            }
            self.keys(item, spec::OPTION, "an option", &path);
            for property in spec::OPTION {
                if let Some(value) = item.get(property.key) {
                    self.value(value, property.shape, screen, &Path::Key(&path, property.key));
                }
            }
            if let Some(id) = item.get("id").filter(|id| id.text().is_some_and(|text| !ids.insert(text))) {
                let message = "Two options have this id: what was picked could not be told.";
                self.warn("INVALID_PROPERTY_VALUE", id, &Path::Key(&path, "id"), message);
            }
            self.color(item, &path);
        }
    }

    fn color(&mut self, item: &Node, path: &Path<'_>) {
        let Some(color) = item.get("color") else { return };
        let hex = |text: &str| text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if color.text().is_some_and(|text| reference::whole(text).is_none() && !hex(text.trim_start_matches('#'))) {
            let message = "Property 'color' should be in '6-digit hex color' format.";
            self.error("INVALID_PROPERTY_VALUE_FORMAT", color, &Path::Key(path, "color"), message);
        }
    }

    /// How many items a list has.
    pub(super) fn sized(&mut self, node: &Node, found: usize, (least, most): (usize, usize), path: &Path<'_>) {
        let name = path.last();
        if found < least {
            let message = format!("Property '{name}' should have at least {least} items; it has {found}.");
            self.error("MIN_ITEMS_REQUIRED", node, path, message);
        } else if found > most {
            let message = format!("Property '{name}' should have at most {most} items; it has {found}.");
            self.error("MAX_ITEMS_REQUIRED", node, path, message);
        }
    }

    /// What the elements of data must be known to have.
    pub(super) fn has_schema(&mut self, node: &Node, holds: Option<&Type>, keys: &[&str], path: &Path<'_>) {
        let said = node.text().unwrap_or_default();
        match holds {
            None | Some(Type::Any) => {}
            Some(Type::Map(fields)) if fields.is_empty() => {}
            Some(Type::Map(fields)) => {
                for key in keys.iter().filter(|key| !fields.contains_key(**key)) {
                    let message = format!("Data model schema is invalid for '{said}'. Missing schema for {key}.");
                    self.error("INVALID_SCREEN_DYNAMIC_DATA", node, path, message);
                }
            }
            Some(other) => {
                let message =
                    format!("Data model schema is invalid for '{said}': its items are {}s, not objects.", other.name());
                self.error("INVALID_SCREEN_DYNAMIC_DATA", node, path, message);
            }
        }
    }

    fn pictures(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        let Kind::List(items) = &node.kind else {
            let holds = self.list_said(node, screen, path);
            return self.has_schema(node, holds, &["src", "alt-text"], path);
        };
        self.sized(node, items.len(), (1, 3), path);
        for (at, item) in items.iter().enumerate() {
            let path = Path::Item(path, at);
            if self.is(item, &path, "object", matches!(item.kind, Kind::Map(_))) {
                self.keys(item, spec::PICTURE, "an image", &path);
                for property in spec::PICTURE {
                    if let Some(value) = item.get(property.key) {
                        self.value(value, property.shape, screen, &Path::Key(&path, property.key));
                    }
                }
            }
        }
    }

    fn picture(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        if !self.is(node, path, "string", node.text().is_some()) {
            return;
        }
        let said = self.said(node, screen, Standing::Property, path);
        self.fits(node, &said, &[Sort::Text], "string", path);
        let text = node.text().unwrap_or_default();
        if !matches!(said, Said::Plain) {
            return;
        }
        let data = text.split_once(";base64,").map_or(text, |(_, data)| data);
        let base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        if data.is_empty() || !data.bytes().all(base64) {
            let message =
                format!("Property '{}' should be in 'base64' format: an address is not fetched.", path.last());
            self.error("INVALID_PROPERTY_VALUE_FORMAT", node, path, message);
        } else if data.len() / 4 * 3 > 300 * 1024 {
            let message =
                format!("An image of {} KB is slow to show: up to 300 KB are advised.", data.len() / 4 * 3 / 1024);
            self.warn("INVALID_PROPERTY_VALUE", node, path, message);
        }
    }

    fn condition(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        // a condition may be a mere boolean of data only by a reference
        if !self.is(node, path, "string", node.text().is_some()) {
            return;
        }
        let text = node.text().unwrap_or_default();
        let quoted = text.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        let (inner, offset) = quoted.map_or((text, 0), |inner| (inner, 1));
        if offset == 1 && self.version < Version::new(6, 0) {
            let message = format!("Expressions in backticks need Flow JSON 6.0; this is {}.", self.version);
            return self.error("INVALID_PROPERTY_VALUE", node, path, message);
        }
        let Some(sort) = self.expression(node, inner, offset, screen, Standing::Property, path) else { return };
        if !inner.contains("${") {
            let message = "The only operand is a literal value: a condition needs data or an input.";
            self.error("INVALID_PROPERTY_VALUE", node, path, message);
        } else if !matches!(sort, Sort::Flag | Sort::Any) {
            let message = format!("Expected single operand to be a boolean, but the condition is {}.", sort.noun());
            self.error("INVALID_PROPERTY_VALUE", node, path, message);
        }
    }

    fn choice(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        if !self.is(node, path, "string", node.text().is_some()) {
            return;
        }
        match self.said(node, screen, Standing::Property, path) {
            Said::Plain => {
                let message = "Property 'value' should have dynamic data format of the form ${data.your_value}.";
                self.error("PATTERN_MISMATCH", node, path, message);
            }
            said => self.fits(node, &said, &[Sort::Text, Sort::Number, Sort::Flag], "string", path),
        }
    }

    fn values(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        if let Kind::Map(entries) = &node.kind {
            for entry in entries {
                let path = Path::Key(path, &entry.key);
                self.any(&entry.value, screen, &path);
                if screen.input(&entry.key).is_none() {
                    let message = format!("'{}' is no input of screen '{}'.", entry.key, screen.id);
                    self.warn("INVALID_PROPERTY_VALUE", &entry.value, &path, message);
                }
            }
            return;
        }
        self.typed(node, "object", false, &[Sort::Whole], screen, path);
    }

    /// Any value: its texts are looked into.
    fn any(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        match &node.kind {
            Kind::Text(_) => drop(self.said(node, screen, Standing::Property, path)),
            Kind::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.any(item, screen, &Path::Item(path, at));
                }
            }
            Kind::Map(entries) => {
                for entry in entries {
                    self.any(&entry.value, screen, &Path::Key(path, &entry.key));
                }
            }
            Kind::Null => drop(self.is(node, path, "string", false)),
            Kind::Bool(_) | Kind::Number(_) => {}
        }
    }

    fn initial(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        self.any(node, screen, path);
    }

    fn told(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        match &node.kind {
            Kind::Map(_) => self.any(node, screen, path),
            _ => self.typed(node, "string", node.text().is_some(), &[Sort::Text, Sort::Whole], screen, path),
        }
        if node.text().is_some() {
            let said = self.said(node, screen, Standing::Property, path);
            self.fits(node, &said, &[Sort::Text, Sort::Whole], "string", path);
        }
    }
}

/// Whether a text is a day of the calendar.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        let part = text.get(range)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u32>().ok()).flatten()
    };
    if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return false;
    }
    let (Some(year), Some(month), Some(day)) = (digits(0..4), digits(5..7), digits(8..10)) else { return false };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let most = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=most).contains(&day)
}
