//! Expressions and templates: MiniJinja, compiled once per bot, run with fuel and capped output.
//!
//! A missing value is empty in texts and false in conditions, unless the bot says `missing: error`.
//! All values of one node's `assign` see the variables as they were before the node.

pub(crate) mod calls;
mod convert;
mod environment;
pub(crate) mod filters;
mod fixed;
pub(crate) mod scope;

use std::ops::Range;

use minijinja::value::Value;
use minijinja::{Environment, ErrorKind, Expression};

use crate::caps;
use crate::texts::Translated;
pub(crate) use convert::{to_json, to_value};
pub(crate) use environment::{Missing, configured, print};
pub(crate) use scope::Scope;

/// Why a text does not compile.
pub(crate) struct CompileError {
    pub(crate) message: String,
    /// Bytes within the text.
    pub(crate) range: Option<Range<usize>>,
    pub(crate) help: Option<String>,
}

/// Why a run of a compiled text failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum EvalError {
    #[error("`{text}` used up its fuel of {fuel}", fuel = caps::TEMPLATE_FUEL)]
    Fuel { text: String },
    #[error("`{text}` prints more than {limit} bytes", limit = caps::MAX_TEMPLATE_OUTPUT)]
    Output { text: String },
    #[error("`{text}` failed: {message}")]
    Failed { text: String, message: String },
}

/// A bare expression.
pub(crate) struct Expr {
    source: String,
    compiled: Expression<'static, 'static>,
    reads: Vec<String>,
}

impl Expr {
    pub(crate) fn compile(source: &str, missing: Missing) -> Result<Self, CompileError> {
        calls::check(source, true)?;
        let compiled = missing
            .environment()
            .compile_expression_owned(source.to_owned())
            .map_err(|error| compile_error(&error, source))?;
        let mut reads: Vec<String> = compiled.undeclared_variables(true).into_iter().collect();
        reads.sort();
        Ok(Self { source: source.to_owned(), compiled, reads })
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The names that the expression reads, dotted (`slot.day`), sorted.
    pub(crate) fn reads(&self) -> &[String] {
        &self.reads
    }

    /// Whether it holds, if that depends on nothing.
    pub(crate) fn constant(&self) -> Option<bool> {
        if !self.reads.is_empty() {
            return None;
        }
        self.compiled.eval(()).ok().map(|value| value.is_true())
    }

    pub(crate) fn value(&self, scope: &Scope) -> Result<Value, EvalError> {
        self.compiled.eval(scope.context()).map_err(|error| eval_error(&error, &self.source))
    }

    pub(crate) fn json(&self, scope: &Scope) -> Result<serde_json::Value, EvalError> {
        let value = self.value(scope)?;
        to_json(&value).map_err(|message| EvalError::Failed { text: clip(&self.source), message })
    }

    pub(crate) fn holds(&self, scope: &Scope) -> Result<bool, EvalError> {
        Ok(self.value(scope)?.is_true())
    }
}

/// A string of a bot file in which `{{ … }}` may stand.
pub(crate) enum Template {
    /// Nothing to compute.
    Plain(String),
    /// Exactly one `{{ expression }}`: its value keeps its type.
    Typed(Expr),
    /// Anything else: text.
    Mixed { name: String, source: String, reads: Vec<String> },
    /// One text per language.
    Translated(Box<Translated>),
}

impl Template {
    /// Compiles `source` into `templates`, where a mixed text is kept under this number.
    pub(crate) fn compile(
        source: &str,
        number: usize,
        missing: Missing,
        templates: &mut Environment<'static>,
    ) -> Result<Self, CompileError> {
        if !["{{", "{%", "{#"].iter().any(|mark| source.contains(mark)) {
            return Ok(Template::Plain(source.to_owned()));
        }
        if let Some((inner, offset)) = single_expression(source) {
            return Expr::compile(inner, missing).map(Template::Typed).map_err(|mut error| {
                error.range = error.range.map(|r| r.start + offset..r.end + offset);
                error
            });
        }
        calls::check(source, false)?;
        let name = number.to_string();
        templates.add_template_owned(name.clone(), source.to_owned()).map_err(|error| compile_error(&error, source))?;
        let mut reads: Vec<String> = templates
            .get_template(&name)
            .map(|template| template.undeclared_variables(true).into_iter().collect())
            .unwrap_or_default();
        reads.sort();
        Ok(Template::Mixed { name, source: source.to_owned(), reads })
    }

    /// What it is for the person at hand: of a text per language the one that they read.
    pub(crate) fn of(&self, scope: &Scope) -> &Template {
        match self {
            Template::Translated(translated) => translated.of(scope.language().as_deref()),
            other => other,
        }
    }

    pub(crate) fn reads(&self) -> &[String] {
        match self {
            Template::Plain(_) => &[],
            Template::Typed(expr) => expr.reads(),
            Template::Mixed { reads, .. } => reads,
            Template::Translated(translated) => translated.own.reads(),
        }
    }

    /// The text, if it is the same in every turn.
    pub(crate) fn as_plain(&self) -> Option<&str> {
        match self {
            Template::Plain(text) => Some(text),
            _ => None,
        }
    }

    /// The text for somebody of this language, if it is the same in every turn; `None` is the bot's own language.
    pub(crate) fn plain_in(&self, language: Option<&str>) -> Option<&str> {
        match self {
            Template::Translated(translated) => translated.of(language).as_plain(),
            other => other.as_plain(),
        }
    }

    /// The characters that it prints at least for somebody of this language.
    pub(crate) fn at_least(&self, language: Option<&str>) -> usize {
        match self {
            Template::Plain(text) => text.chars().count(),
            Template::Typed(_) => 0,
            Template::Mixed { source, .. } => fixed::at_least(source),
            Template::Translated(translated) => translated.of(language).at_least(None),
        }
    }

    pub(crate) fn text(&self, templates: &Environment<'static>, scope: &Scope) -> Result<String, EvalError> {
        match self {
            Template::Plain(text) => Ok(text.clone()),
            Template::Typed(expr) => {
                print(&expr.value(scope)?).ok_or_else(|| EvalError::Output { text: clip(expr.source()) })
            }
            Template::Mixed { name, source, .. } => render(templates, name, source, scope),
            Template::Translated(translated) => translated.of(scope.language().as_deref()).text(templates, scope),
        }
    }

    pub(crate) fn json(&self, templates: &Environment<'static>, scope: &Scope) -> Result<serde_json::Value, EvalError> {
        match self {
            Template::Typed(expr) => expr.json(scope),
            Template::Translated(translated) => translated.of(scope.language().as_deref()).json(templates, scope),
            other => other.text(templates, scope).map(serde_json::Value::String),
        }
    }
}

fn render(templates: &Environment<'static>, name: &str, source: &str, scope: &Scope) -> Result<String, EvalError> {
    let mut out = environment::Capped::default();
    let result = templates
        .get_template(name)
        .and_then(|template| template.render_captured_to(scope.context(), &mut out).map(|_| ()));
    if out.is_full() {
        return Err(EvalError::Output { text: clip(source) });
    }
    result.map_err(|error| eval_error(&error, source))?;
    out.into_text().map_err(|message| EvalError::Failed { text: clip(source), message })
}

/// The expression of a text that is exactly one `{{ … }}`, and where it begins.
fn single_expression(source: &str) -> Option<(&str, usize)> {
    let inner = source.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.strip_prefix('-').unwrap_or(inner);
    let inner = inner.strip_suffix('-').unwrap_or(inner);
    if ["{{", "}}", "{%", "{#"].iter().any(|mark| inner.contains(mark)) {
        return None;
    }
    let trimmed = inner.trim_start();
    let offset = source.len() - source.trim_start().len();
    let lead = source.get(offset..)?.find(trimmed)?;
    Some((trimmed.trim_end(), offset + lead))
}

fn compile_error(error: &minijinja::Error, source: &str) -> CompileError {
    let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let range = error.range().filter(|range| range.start < range.end && range.end <= source.len());
    CompileError { message, range, help: None }
}

fn eval_error(error: &minijinja::Error, source: &str) -> EvalError {
    let text = clip(source);
    if error.kind() == ErrorKind::OutOfFuel {
        return EvalError::Fuel { text };
    }
    let message = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    EvalError::Failed { text, message: clip(&message) }
}

/// The beginning of a text, for messages.
pub(crate) fn clip(text: &str) -> String {
    const LONGEST: usize = 120;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
