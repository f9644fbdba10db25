//! The little of JavaScript that values are mostly computed with: arithmetic, comparisons, a choice, and a few methods
//! of texts and lists. Everything else is listed.

use super::names::Names;
use crate::caps;
use crate::import::text::quoted;

/// Longest code that is looked at.
const LONGEST: usize = 400;

/// An expression of ours from code of theirs; the error says why not.
pub(super) fn expression(code: &str, names: &Names) -> Result<String, String> {
    let code = code.trim().trim_start_matches("return ").trim().trim_end_matches(';').trim();
    if code.is_empty() {
        return Err("it is empty".to_owned());
    }
    if code.chars().count() > LONGEST || code.contains(';') || code.contains("=>") {
        return Err("it is more than one expression".to_owned());
    }
    let mut parser = Parser { tokens: tokens(code)?, at: 0, depth: 0, names };
    let found = parser.choice()?;
    match parser.tokens.get(parser.at) {
        None => Ok(found.written),
        Some(token) => Err(format!("`{}` is not expected there", token.shown())),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Number,
    Text,
    Any,
}

struct Found {
    written: String,
    kind: Kind,
}

impl Found {
    fn new(written: String, kind: Kind) -> Self {
        Self { written, kind }
    }

    fn number(&self) -> String {
        if self.kind == Kind::Number { self.written.clone() } else { format!("({} | float(0))", self.written) }
    }

    fn text(&self) -> String {
        if self.kind == Kind::Text { self.written.clone() } else { format!("({} | text)", self.written) }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(String),
    Text(String),
    /// `{{name}}`.
    Variable(String),
    Name(String),
    Mark(&'static str),
}

impl Token {
    fn shown(&self) -> &str {
        match self {
            Token::Number(text) | Token::Text(text) | Token::Variable(text) | Token::Name(text) => text,
            Token::Mark(mark) => mark,
        }
    }
}

const MARKS: [&str; 24] = [
    "===", "!==", "==", "!=", "<=", ">=", "&&", "||", "+", "-", "*", "/", "%", "<", ">", "!", "?", ":", "(", ")", ",",
    ".", "[", "]",
];

fn tokens(code: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = if let Some(inner) = rest.strip_prefix("{{") {
            let end = inner.find("}}").ok_or("a brace has no end")?;
            found.push(Token::Variable(inner.get(..end).unwrap_or_default().to_owned()));
            end + 4
        } else if matches!(first, '"' | '\'' | '`') {
            let inner = rest.get(1..).unwrap_or_default();
            let end = inner.find(first).ok_or("a text has no end")?;
            let text = inner.get(..end).unwrap_or_default();
            if text.contains(['\\', '$']) || text.contains("{{") {
                return Err("its texts hold code".to_owned());
            }
            found.push(Token::Text(text.to_owned()));
            end + 2
        } else if first.is_ascii_digit() {
            let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
            let number = rest.get(..end).unwrap_or_default();
            number.parse::<f64>().map_err(|_| format!("`{number}` is no number"))?;
            found.push(Token::Number(number.to_owned()));
            end
        } else if first.is_alphabetic() || matches!(first, '_' | '$') {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$'))).unwrap_or(rest.len());
            found.push(Token::Name(rest.get(..end).unwrap_or_default().to_owned()));
            end
        } else {
            let mark = MARKS.iter().find(|mark| rest.starts_with(**mark));
            let mark = mark.ok_or_else(|| format!("`{first}` is not mapped"))?;
            found.push(Token::Mark(mark));
            mark.len()
        };
        rest = rest.get(taken..).unwrap_or_default().trim_start();
    }
    Ok(found)
}

struct Parser<'n> {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    names: &'n Names,
}

impl Parser<'_> {
    fn takes(&mut self, mark: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Mark(found)) if *found == mark);
        self.at += usize::from(found);
        found
    }

    fn one_of(&mut self, marks: &[&'static str]) -> Option<&'static str> {
        marks.iter().copied().find(|mark| self.takes(mark))
    }

    fn wants(&mut self, mark: &str) -> Result<(), String> {
        if self.takes(mark) { Ok(()) } else { Err(format!("`{mark}` is missing")) }
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > caps::MAX_IMPORT_DEPTH { Err("it is nested too deeply".to_owned()) } else { Ok(()) }
    }

    fn choice(&mut self) -> Result<Found, String> {
        self.deeper()?;
        let condition = self.either()?;
        let found = if self.takes("?") {
            let yes = self.choice()?;
            self.wants(":")?;
            let no = self.choice()?;
            let kind = if yes.kind == no.kind { yes.kind } else { Kind::Any };
            Found::new(format!("({} if {} else {})", yes.written, condition.written, no.written), kind)
        } else {
            condition
        };
        self.depth -= 1;
        Ok(found)
    }

    fn either(&mut self) -> Result<Found, String> {
        let mut left = self.both()?;
        while self.takes("||") {
            let right = self.both()?;
            left = Found::new(format!("({} or {})", left.written, right.written), Kind::Any);
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Found, String> {
        let mut left = self.compared()?;
        while self.takes("&&") {
            let right = self.compared()?;
            left = Found::new(format!("({} and {})", left.written, right.written), Kind::Any);
        }
        Ok(left)
    }

    fn compared(&mut self) -> Result<Found, String> {
        let left = self.sum()?;
        let Some(mark) = self.one_of(&["===", "!==", "==", "!=", "<=", ">=", "<", ">"]) else { return Ok(left) };
        let right = self.sum()?;
        let ours = match mark {
            "===" | "==" => "==",
            "!==" | "!=" => "!=",
            other => other,
        };
        let equality = matches!(ours, "==" | "!=");
        let numbers = !equality || left.kind == Kind::Number || right.kind == Kind::Number;
        Ok(match numbers {
            true => Found::new(format!("({} {ours} {})", left.number(), right.number()), Kind::Any),
            false => Found::new(format!("({} {ours} {})", left.text(), right.text()), Kind::Any),
        })
    }

    fn sum(&mut self) -> Result<Found, String> {
        let mut left = self.product()?;
        while let Some(mark) = self.one_of(&["+", "-"]) {
            self.deeper()?;
            let right = self.product()?;
            let joined = mark == "+" && (left.kind == Kind::Text || right.kind == Kind::Text);
            left = match joined {
                true => Found::new(format!("({} ~ {})", left.text(), right.text()), Kind::Text),
                false => Found::new(format!("({} {mark} {})", left.number(), right.number()), Kind::Number),
            };
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Found, String> {
        let mut left = self.unary()?;
        while let Some(mark) = self.one_of(&["*", "/", "%"]) {
            self.deeper()?;
            let right = self.unary()?;
            left = Found::new(format!("({} {mark} {})", left.number(), right.number()), Kind::Number);
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Found, String> {
        self.deeper()?;
        let found = if self.takes("-") {
            let of = self.unary()?;
            Found::new(format!("(-{})", of.number()), Kind::Number)
        } else if self.takes("!") {
            let of = self.unary()?;
            Found::new(format!("(not {})", of.written), Kind::Any)
        } else {
            self.postfix()?
        };
        self.depth -= 1;
        Ok(found)
    }

    fn postfix(&mut self) -> Result<Found, String> {
        let mut found = self.atom()?;
        loop {
            if self.takes(".") {
                let Some(Token::Name(name)) = self.tokens.get(self.at).cloned() else {
                    return Err("a name is missing behind `.`".to_owned());
                };
                self.at += 1;
                self.deeper()?;
                found = match name.as_str() {
                    "length" => Found::new(format!("({} | length)", found.written), Kind::Number),
                    name => {
                        self.wants("(").map_err(|_| format!("`.{name}` is not mapped"))?;
                        let arguments = self.arguments()?;
                        method(&found, name, &arguments)?
                    }
                };
            } else if self.takes("[") {
                self.deeper()?;
                let index = self.choice()?;
                self.wants("]")?;
                found = Found::new(format!("{}[({} | int(0))]", found.written, index.written), Kind::Any);
            } else {
                return Ok(found);
            }
        }
    }

    fn arguments(&mut self) -> Result<Vec<Found>, String> {
        let mut found = Vec::new();
        if self.takes(")") {
            return Ok(found);
        }
        loop {
            found.push(self.choice()?);
            if self.takes(")") {
                return Ok(found);
            }
            self.wants(",")?;
        }
    }

    fn atom(&mut self) -> Result<Found, String> {
        let token = self.tokens.get(self.at).cloned().ok_or("it ends too early")?;
        self.at += 1;
        match token {
            Token::Number(number) => Ok(Found::new(number, Kind::Number)),
            Token::Text(text) => Ok(Found::new(quoted(&text), Kind::Text)),
            Token::Variable(name) => {
                let variable = self.names.named(&name).ok_or_else(|| format!("`{name}` is no variable"))?;
                Ok(Found::new(variable, Kind::Any))
            }
            Token::Name(name) => self.name(&name),
            Token::Mark("(") => {
                let inner = self.choice()?;
                self.wants(")")?;
                Ok(inner)
            }
            Token::Mark("[") => {
                let mut items = Vec::new();
                while !self.takes("]") {
                    if !items.is_empty() {
                        self.wants(",")?;
                    }
                    items.push(self.choice()?.written);
                }
                Ok(Found::new(format!("[{}]", items.join(", ")), Kind::Any))
            }
            Token::Mark(mark) => Err(format!("`{mark}` is not expected there")),
        }
    }

    fn name(&mut self, name: &str) -> Result<Found, String> {
        let plain = match name {
            "true" | "false" => Some(name.to_owned()),
            "null" | "undefined" => Some("none".to_owned()),
            _ => None,
        };
        if let Some(written) = plain {
            return Ok(Found::new(written, Kind::Any));
        }
        let name = if name == "Math" {
            self.wants(".")?;
            let Some(Token::Name(name)) = self.tokens.get(self.at).cloned() else {
                return Err("`Math` is not mapped".to_owned());
            };
            self.at += 1;
            format!("Math.{name}")
        } else {
            name.to_owned()
        };
        self.wants("(").map_err(|_| format!("`{name}` is not mapped"))?;
        let arguments = self.arguments()?;
        function(&name, &arguments)
    }
}

fn function(name: &str, arguments: &[Found]) -> Result<Found, String> {
    let numbers: Vec<String> = arguments.iter().map(Found::number).collect();
    let number = |written: String| Ok(Found::new(written, Kind::Number));
    match (name, numbers.as_slice()) {
        ("Number" | "parseFloat", [one]) => number(one.clone()),
        ("parseInt", [one, ..]) => number(format!("({one} | int(0))")),
        ("Math.round", [one]) => number(format!("({one} | round)")),
        ("Math.floor", [one]) => number(format!("({one} | round(0, 'floor'))")),
        ("Math.ceil", [one]) => number(format!("({one} | round(0, 'ceil'))")),
        ("Math.abs", [one]) => number(format!("({one} | abs)")),
        ("Math.max", [_, ..]) => number(format!("([{}] | max)", numbers.join(", "))),
        ("Math.min", [_, ..]) => number(format!("([{}] | min)", numbers.join(", "))),
        ("String", [_]) => Ok(Found::new(arguments[0].text(), Kind::Text)),
        _ => Err(format!("the function `{name}` is not mapped")),
    }
}

fn method(of: &Found, name: &str, arguments: &[Found]) -> Result<Found, String> {
    let of_text = of.text();
    let text = |written: String| Ok(Found::new(written, Kind::Text));
    match (name, arguments) {
        ("toLowerCase", []) => text(format!("({of_text} | lower)")),
        ("toUpperCase", []) => text(format!("({of_text} | upper)")),
        ("trim", []) => text(format!("({of_text} | trim)")),
        ("toString", []) => text(of_text),
        ("toFixed", [digits]) => text(format!("({} | round({} | int(0)) | text)", of.number(), digits.written)),
        ("split", [by]) => Ok(Found::new(format!("({of_text} | split({}) | list)", by.text()), Kind::Any)),
        ("join", [by]) => text(format!("({} | join({}))", of.written, by.text())),
        ("includes", [part]) => Ok(Found::new(format!("({} in {})", part.text(), of.written), Kind::Any)),
        ("startsWith", [part]) => {
            Ok(Found::new(format!("({of_text} | typebot_is('starts_with', {}))", part.text()), Kind::Any))
        }
        ("endsWith", [part]) => {
            Ok(Found::new(format!("({of_text} | typebot_is('ends_with', {}))", part.text()), Kind::Any))
        }
        ("replaceAll", [from, to]) => text(format!("({of_text} | replace({}, {}))", from.text(), to.text())),
        ("slice" | "substring", [from]) => text(format!("{of_text}[({} | int(0)):]", from.written)),
        ("slice" | "substring", [from, to]) => {
            text(format!("{of_text}[({} | int(0)):({} | int(0))]", from.written, to.written))
        }
        _ => Err(format!("the method `{name}` is not mapped")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::typebot::export::Export;
    use serde_json::json;

    fn written(code: &str) -> String {
        let file = json!({ "version": "6", "name": "x", "groups": [], "variables": [
            { "id": "a", "name": "Score" }, { "id": "b", "name": "First name" },
        ] });
        let export = Export::read(&file).unwrap();
        let names = Names::new(&export);
        let found = expression(code, &names).unwrap_or_else(|error| format!("error: {error}"));
        if !found.starts_with("error") {
            assert!(crate::expr::Expr::compile(&found, crate::expr::Missing::Empty).is_ok(), "{code}: {found}");
        }
        found
    }

    #[test]
    fn simple_code_is_said_in_ours() {
        for (code, expected) in [
            ("{{Score}} + 1", "((Score | float(0)) + 1)"),
            ("return {{Score}} * 2 - 1;", "(((Score | float(0)) * 2) - 1)"),
            ("\"Hi \" + {{First name}}", "(\"Hi \" ~ (First_name | text))"),
            ("{{First name}}.trim().toUpperCase()", "(((First_name | text) | trim) | upper)"),
            ("{{Score}} > 10 ? 'high' : 'low'", "(\"high\" if ((Score | float(0)) > 10) else \"low\")"),
            ("Math.round(Number({{Score}}) / 3)", "(((Score | float(0)) / 3) | round)"),
            ("{{First name}} === 'Ada' && !{{Score}}", "(((First_name | text) == \"Ada\") and (not Score))"),
            ("{{First name}}.split(' ')[0]", "((First_name | text) | split(\" \") | list)[(0 | int(0))]"),
            ("{{First name}}.length", "(First_name | length)"),
            ("[1, 'a'].includes({{Score}})", "((Score | text) in [1, \"a\"])"),
        ] {
            assert_eq!(written(code), expected, "{code}");
        }
    }

    #[test]
    fn other_code_is_refused() {
        for code in [
            "",
            "const x = 1; return x",
            "new Date().getTime()",
            "items.map(i => i.name)",
            "{{Missing}} + 1",
            "`a ${b}`",
            "fetch('x')",
            "1 +",
            "{{Score",
        ] {
            assert!(written(code).starts_with("error: "), "{code}: {}", written(code));
        }
        for deep in ["(".repeat(390), "-".repeat(390), "!".repeat(390), "1+".repeat(195), "[".repeat(390)] {
            assert!(written(&deep).starts_with("error: "));
        }
    }
}
