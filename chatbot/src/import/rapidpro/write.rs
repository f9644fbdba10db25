//! Writes RapidPro's expressions in our expression language.

use super::functions;
use super::names::Names;
use super::parse::{Ast, parse};
use super::template::{Part, parts};
use crate::import::text::{quoted, verbatim};
use crate::loose::rapidpro::TESTS;

/// Why an expression cannot be said.
pub(super) type Lost = String;

/// Writes expressions, and notes what is lost on the way.
pub(super) struct Writer<'n> {
    pub(super) names: &'n mut Names,
    pub(super) changes: Vec<String>,
}

impl<'n> Writer<'n> {
    pub(super) fn new(names: &'n mut Names) -> Self {
        Self { names, changes: Vec::new() }
    }

    /// A text with what it evaluates in our braces.
    pub(super) fn template(&mut self, text: &str) -> String {
        self.note_code(text);
        parts(text)
            .iter()
            .map(|part| match part {
                Part::Text(text) => verbatim(text),
                Part::Expression(source) => {
                    self.source(source).map(|written| format!("{{{{ {written} }}}}")).unwrap_or_default()
                }
            })
            .collect()
    }

    /// A text as one expression: the value itself where there is nothing else, else text.
    pub(super) fn expression(&mut self, text: &str) -> String {
        self.note_code(text);
        let written: Vec<String> = parts(text)
            .iter()
            .map(|part| match part {
                Part::Text(text) => quoted(text),
                Part::Expression(source) => self.source(source).unwrap_or_else(|| "''".to_owned()),
            })
            .collect();
        match written.as_slice() {
            [] => "''".to_owned(),
            [one] => one.clone(),
            [first, ..] => {
                let rest: Vec<String> = written.iter().skip(1).map(|part| as_text(part)).collect();
                format!("({} ~ {})", as_text(first), rest.join(" ~ "))
            }
        }
    }

    /// Glific takes Elixir in texts.
    fn note_code(&mut self, text: &str) {
        if text.contains("<%") {
            self.changes.push("code between `<%` and `%>` cannot run here and is shown as it stands".to_owned());
        }
    }

    /// The inside of `@( … )`; what cannot be said is empty and told of.
    fn source(&mut self, source: &str) -> Option<String> {
        let written = parse(source).and_then(|ast| self.value(&ast));
        written
            .map_err(|lost| {
                let shown: String = source.chars().take(80).collect();
                self.changes.push(format!("`@({shown})` is empty: {lost}"));
            })
            .ok()
    }

    /// The value of an expression.
    pub(super) fn value(&mut self, ast: &Ast) -> Result<String, Lost> {
        Ok(match ast {
            Ast::Text(text) => quoted(text),
            Ast::Number(number) => number.clone(),
            Ast::True => "true".to_owned(),
            Ast::False => "false".to_owned(),
            Ast::Null => "none".to_owned(),
            Ast::Name(name) => self.names.path(std::slice::from_ref(name))?,
            Ast::Dot(..) | Ast::Index(..) => self.lookup(ast)?,
            Ast::Call(name, args) => self.call(name, args)?,
            Ast::Minus(of) => format!("(-{})", self.number(of)?),
            Ast::Binary(operator, left, right) => self.binary(operator, left, right)?,
        })
    }

    fn binary(&mut self, operator: &str, left: &Ast, right: &Ast) -> Result<String, Lost> {
        let ours = match operator {
            "&" => return Ok(format!("({} ~ {})", self.text(left)?, self.text(right)?)),
            "=" | "!=" => {
                let ours = if operator == "=" { "==" } else { "!=" };
                return Ok(match is_number(left) || is_number(right) {
                    true => format!("({} {ours} {})", self.number(left)?, self.number(right)?),
                    false => format!("({} {ours} {})", self.text(left)?, self.text(right)?),
                });
            }
            "^" => "**",
            other => other,
        };
        Ok(format!("({} {ours} {})", self.number(left)?, self.number(right)?))
    }

    /// A look-up: a path where it is one, else a part of a value.
    fn lookup(&mut self, ast: &Ast) -> Result<String, Lost> {
        if let Some(path) = constant_path(ast) {
            return self.names.path(&path);
        }
        match ast {
            Ast::Dot(of, key) => match (of.as_ref(), key.as_str()) {
                (Ast::Call(name, args), "match") if name.starts_with("has_") => self.test_call(name, args),
                (of, key) => Ok(self.value(of)? + &super::names::tail(&[key])),
            },
            Ast::Index(of, key) => {
                let key = match key.as_ref() {
                    Ast::Text(text) => quoted(text),
                    key => self.whole(key)?,
                };
                Ok(format!("{}[{key}]", self.value(of)?))
            }
            other => self.value(other),
        }
    }

    /// What a test finds, or none.
    pub(super) fn test_call(&mut self, name: &str, args: &[Ast]) -> Result<String, Lost> {
        let Some((_, takes)) = TESTS.iter().find(|(test, _)| *test == name) else {
            return Err(format!("the test `{name}` has no counterpart"));
        };
        let Some((operand, args)) = args.split_first().filter(|(_, args)| takes.contains(&args.len())) else {
            return Err(format!("`{name}` with {} arguments has no counterpart", args.len()));
        };
        let mut written = vec![quoted(name)];
        for arg in args {
            written.push(self.value(arg)?);
        }
        Ok(format!("({} | matched({}))", self.value(operand)?, written.join(", ")))
    }

    pub(super) fn text(&mut self, ast: &Ast) -> Result<String, Lost> {
        self.value(ast).map(|written| as_text(&written))
    }

    pub(super) fn number(&mut self, ast: &Ast) -> Result<String, Lost> {
        let written = self.value(ast)?;
        Ok(if is_number(ast) { written } else { format!("({written} | float(0))") })
    }

    pub(super) fn whole(&mut self, ast: &Ast) -> Result<String, Lost> {
        match ast {
            Ast::Number(number) if !number.contains('.') => Ok(number.clone()),
            Ast::Minus(of) => self.whole(of).map(|written| format!("-{written}")),
            other => self.value(other).map(|written| format!("({written} | int(0))")),
        }
    }
}

/// A value as its text; a constant text already is one.
fn as_text(written: &str) -> String {
    if written.starts_with('"') && written.ends_with('"') { written.to_owned() } else { format!("({written} | text)") }
}

fn is_number(ast: &Ast) -> bool {
    match ast {
        Ast::Number(_) | Ast::Minus(_) => true,
        Ast::Binary(operator, ..) => matches!(*operator, "+" | "-" | "*" | "/" | "^"),
        Ast::Call(name, _) => functions::is_number(name),
        _ => false,
    }
}

/// The parts of a path that holds nothing to compute.
fn constant_path(ast: &Ast) -> Option<Vec<String>> {
    match ast {
        Ast::Name(name) => Some(vec![name.clone()]),
        Ast::Dot(of, key) => {
            let mut path = constant_path(of)?;
            path.push(key.clone());
            Some(path)
        }
        Ast::Index(of, key) => {
            let key = match key.as_ref() {
                Ast::Text(text) => text.clone(),
                Ast::Number(number) if !number.contains('.') => number.clone(),
                _ => return None,
            };
            let mut path = constant_path(of)?;
            path.push(key);
            Some(path)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (String, Vec<String>) {
        let mut names = Names::new();
        for name in ["Color", "Age"] {
            names.result(name);
        }
        names.flow.name = "Welcome".to_owned();
        let mut writer = Writer::new(&mut names);
        let written = writer.template(text);
        (written, writer.changes)
    }

    #[test]
    fn expressions_are_said_in_ours() {
        for (text, expected) in [
            ("Hi @contact.name, 100% {{ok}}", "Hi {{ contact.name }}, 100% {{ '{{' }}ok}}"),
            ("@(upper(fields.town))", "{{ ((contact.town | text) | upper) }}"),
            ("@results.color @results.color.category", "{{ color }} {{ color_category }}"),
            ("@(results.age + 1)", "{{ ((age | float(0)) + 1) }}"),
            (
                "@(if(results.age >= 18, \"adult\", \"child\"))",
                "{{ (\"adult\" if ((age | float(0)) >= 18) else \"child\") }}",
            ),
            ("@(contact.first_name & \"!\")", "{{ ((((contact.name | text | split) | first) | text) ~ \"!\") }}"),
            ("@input.text", "{{ (last_input or input.text) }}"),
            ("@webhook.json.items.0.name", "{{ webhook.items[0].name }}"),
            ("@(webhook[\"first name\"])", "{{ webhook[\"first name\"] }}"),
            ("@globals.shop @run.flow.name", "{{ global_shop }} {{ \"Welcome\" }}"),
            ("@(word(results.color, 1))", "{{ (((color | text) | split)[1]) }}"),
            ("@(format_date(today(), \"D MMM\"))", "{{ ((now | date) | date(\"%-d %b\")) }}"),
            ("@(has_number(input).match)", "{{ ((last_input or input.text) | matched(\"has_number\")) }}"),
            (
                "@(and(has_text(input), true))",
                "{{ ((((last_input or input.text) | matched(\"has_text\")) is not none) and true) }}",
            ),
            ("@(json(object(\"a\", 1, \"b\", array(1, 2))))", "{{ ({\"a\": 1, \"b\": [1, 2] } | json) }}"),
            (
                "@(foreach_value(results, extract_object, \"value\"))",
                "{{ {\"age\": {'value': age }, \"color\": {'value': color } } }}",
            ),
            ("me@@example.com", "me@example.com"),
        ] {
            let (found, changes) = written(text);
            assert_eq!(found, expected, "{text}");
            assert!(changes.is_empty(), "{text}: {changes:?}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_empty_and_told_of() {
        for text in [
            "@(rand())",
            "@(foo(1))",
            "@contact.tickets",
            "@results.unknown",
            "@(1 +)",
            "@(format_date(now(), \"qq\"))",
            "@(has_state(input))",
            "@(title(1, 2))",
            "@trigger.params.x",
        ] {
            let (found, changes) = written(text);
            assert_eq!((found.as_str(), changes.len()), ("", 1), "{text}: {changes:?}");
        }
        assert_eq!(written("<%= 1 %>").1.len(), 1);
    }

    /// Every form compiles, with as many arguments as it takes.
    #[test]
    fn every_function_that_is_mapped_compiles() {
        for (name, form) in functions::FUNCTIONS.iter().filter(|(_, form)| form.is_some()) {
            let arguments: &[&str] = match *name {
                "object" | "extract" | "contains" | "concat" | "default" | "join" => &["\"a\"", "contact.name"],
                "foreach_value" => &["results", "extract_object", "\"value\""],
                "datetime_add" | "datetime_diff" => &["now()", "now()", "\"D\""],
                "format_date" | "format_datetime" | "format_time" => &["now()", "\"DD\""],
                _ => {
                    let form = form.unwrap_or_default();
                    let most = (1..=3).rev().find(|at| form.contains(&format!("{at}}}"))).unwrap_or(0);
                    let some = form.contains("all") || form.starts_with("the ") || form.starts_with("a map");
                    &["contact.name", "1", "2"][..if some { 1 } else { most }]
                }
            };
            let source = format!("@({name}({}))", arguments.join(", "));
            let (found, changes) = written(&source);
            assert!(changes.is_empty() && !found.is_empty(), "{source}: {changes:?}");
            let inner = found.trim_start_matches("{{").trim_end_matches("}}").trim().to_owned();
            let compiled = crate::expr::Expr::compile(&inner, crate::expr::Missing::Empty);
            assert!(compiled.is_ok(), "{source}: {inner}: {:?}", compiled.err().map(|error| error.message));
        }
    }
}
