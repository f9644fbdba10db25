//! Reads the expressions of RapidPro's `@`-language.
//!
//! Precedence from tight to loose: unary minus, `^`, `* /`, `+ -`, `< <= > >=`, `= !=`, `&`.

use crate::caps;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ast {
    Text(String),
    Number(String),
    True,
    False,
    Null,
    /// A name of the context, in lower case.
    Name(String),
    /// `a.b`, `a.0`.
    Dot(Box<Ast>, String),
    /// `a[b]`.
    Index(Box<Ast>, Box<Ast>),
    Call(String, Vec<Ast>),
    Minus(Box<Ast>),
    Binary(&'static str, Box<Ast>, Box<Ast>),
}

/// The operators, loose ones first.
const LEVELS: [&[&str]; 6] = [&["&"], &["=", "!="], &["<=", "<", ">=", ">"], &["+", "-"], &["*", "/"], &["^"]];

/// Parses the inside of `@( … )`. The error says what cannot be read.
pub(super) fn parse(source: &str) -> Result<Ast, String> {
    let mut parser = Parser { tokens: tokens(source)?, at: 0, depth: 0 };
    let ast = parser.level(0)?;
    match parser.peek() {
        None => Ok(ast),
        Some(token) => Err(format!("`{}` is not expected there", token.shown())),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Text(String),
    Number(String),
    Name(String),
    Mark(&'static str),
}

impl Token {
    fn shown(&self) -> &str {
        match self {
            Token::Text(text) | Token::Number(text) | Token::Name(text) => text,
            Token::Mark(mark) => mark,
        }
    }
}

/// Longer marks stand before those that they begin with.
const MARKS: [&str; 18] =
    ["=>", "!=", "<=", ">=", ",", "(", ")", "[", "]", ".", "+", "-", "*", "/", "^", "=", "<", ">"];

fn tokens(source: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = source.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = if first == '"' {
            let (text, taken) = text(rest)?;
            found.push(Token::Text(text));
            taken
        } else if first.is_ascii_digit() {
            let taken = number(rest);
            found.push(Token::Number(rest.get(..taken).unwrap_or_default().to_owned()));
            taken
        } else if first.is_alphabetic() || first == '_' {
            let taken = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            found.push(Token::Name(rest.get(..taken).unwrap_or_default().to_lowercase()));
            taken
        } else if first == '&' {
            found.push(Token::Mark("&"));
            1
        } else {
            let mark = MARKS.iter().find(|mark| rest.starts_with(**mark));
            let mark = mark.ok_or_else(|| format!("`{first}` is no part of the language"))?;
            found.push(Token::Mark(mark));
            mark.len()
        };
        rest = rest.get(taken..).unwrap_or_default().trim_start();
    }
    Ok(found)
}

/// `1`, `1.5`; a point that no digit follows is a look-up.
fn number(rest: &str) -> usize {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let whole = digits(rest);
    let fraction = rest.get(whole..).and_then(|rest| rest.strip_prefix('.')).map_or(0, digits);
    if fraction == 0 { whole } else { whole + 1 + fraction }
}

fn text(rest: &str) -> Result<(String, usize), String> {
    let mut out = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((out, at + 1)),
            '\\' => match chars.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, 't')) => out.push('\t'),
                // Patterns keep their backslashes.
                Some((_, c @ ('"' | '\\'))) => out.push(c),
                Some((_, c)) => out.extend(['\\', c]),
                None => break,
            },
            c => out.push(c),
        }
    }
    Err("a text has no end".to_owned())
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn takes(&mut self, mark: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Mark(found)) if *found == mark);
        self.at += usize::from(found);
        found
    }

    fn wants(&mut self, mark: &str) -> Result<(), String> {
        if self.takes(mark) { Ok(()) } else { Err(format!("`{mark}` is missing")) }
    }

    fn level(&mut self, level: usize) -> Result<Ast, String> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.level(level + 1)?;
        let mut chain = 0;
        while let Some(operator) = operators.iter().find(|operator| self.takes(operator)) {
            chain += 1;
            // The tree grows to the left, one deeper with each operator.
            if self.depth + chain > caps::MAX_IMPORT_DEPTH {
                return Err("it is nested too deeply".to_owned());
            }
            let right = self.level(level + 1)?;
            left = Ast::Binary(operator, left.into(), right.into());
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Ast, String> {
        self.depth += 1;
        if self.depth > caps::MAX_IMPORT_DEPTH {
            return Err("it is nested too deeply".to_owned());
        }
        let found = if self.takes("-") { self.unary().map(|ast| Ast::Minus(ast.into())) } else { self.atom() };
        self.depth -= 1;
        found
    }

    fn atom(&mut self) -> Result<Ast, String> {
        let token = self.peek().cloned().ok_or("it ends too early")?;
        self.at += 1;
        let ast = match token {
            Token::Text(text) => Ast::Text(text),
            Token::Number(number) => Ast::Number(number),
            Token::Name(name) => match name.as_str() {
                "true" => Ast::True,
                "false" => Ast::False,
                "null" => Ast::Null,
                _ if self.takes("(") => Ast::Call(name, self.arguments()?),
                _ => Ast::Name(name),
            },
            Token::Mark("(") => {
                let inner = self.level(0)?;
                self.wants(")")?;
                inner
            }
            Token::Mark(mark) => return Err(format!("`{mark}` is not expected there")),
        };
        self.lookups(ast)
    }

    fn lookups(&mut self, mut ast: Ast) -> Result<Ast, String> {
        let mut chain = 0;
        loop {
            chain += 1;
            if chain > caps::MAX_IMPORT_DEPTH {
                return Err("it is nested too deeply".to_owned());
            }
            if self.takes(".") {
                let key = match self.peek() {
                    Some(Token::Name(name) | Token::Number(name)) => name.clone(),
                    _ => return Err("a name is missing behind `.`".to_owned()),
                };
                self.at += 1;
                // `a.0.1` reads like a number behind the first point.
                for key in key.split('.') {
                    ast = Ast::Dot(ast.into(), key.to_owned());
                }
            } else if self.takes("[") {
                let index = self.level(0)?;
                self.wants("]")?;
                ast = Ast::Index(ast.into(), index.into());
            } else {
                return Ok(ast);
            }
        }
    }

    fn arguments(&mut self) -> Result<Vec<Ast>, String> {
        let mut found = Vec::new();
        if self.takes(")") {
            return Ok(found);
        }
        loop {
            found.push(self.level(0)?);
            if self.takes(")") {
                return Ok(found);
            }
            self.wants(",")?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str) -> String {
        parse(source).map_or_else(|error| format!("error: {error}"), |ast| show(&ast))
    }

    fn show(ast: &Ast) -> String {
        match ast {
            Ast::Text(text) => format!("{text:?}"),
            Ast::Number(text) | Ast::Name(text) => text.clone(),
            Ast::True => "true".into(),
            Ast::False => "false".into(),
            Ast::Null => "null".into(),
            Ast::Dot(of, key) => format!("{}.{key}", show(of)),
            Ast::Index(of, key) => format!("{}[{}]", show(of), show(key)),
            Ast::Call(name, arguments) => {
                format!("{name}({})", arguments.iter().map(show).collect::<Vec<_>>().join(","))
            }
            Ast::Minus(of) => format!("-{}", show(of)),
            Ast::Binary(operator, left, right) => format!("({}{operator}{})", show(left), show(right)),
        }
    }

    #[test]
    fn operators_bind_as_in_goflow() {
        for (source, expected) in [
            ("1 + 2 * 3 ^ 2", "(1+(2*(3^2)))"),
            ("-2 - 3 - 4", "((-2-3)-4)"),
            ("1 & 2 = 3 & 4", "((1&(2=3))&4)"),
            ("a < 1 = TRUE", "((a<1)=true)"),
            ("UPPER(contact.name)", "upper(contact.name)"),
            ("results.x.values.0", "results.x.values.0"),
            ("a.b[0].c[\"d\"]", "a.b[0].c[\"d\"]"),
            ("if(a != 1.5, \"x \\\"y\\\"\", null)", "if((a!=1.5),\"x \\\"y\\\"\",null)"),
            ("(1 + 2) * 3", "((1+2)*3)"),
            ("now()", "now()"),
        ] {
            assert_eq!(shown(source), expected, "{source}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for source in ["", "1 +", "a b", "\"open", "f(1", "a.", "(x) => x", "a ? b", "#"] {
            assert!(shown(source).starts_with("error: "), "{source}: {}", shown(source));
        }
    }

    #[test]
    fn deep_expressions_are_refused() {
        for source in ["(".repeat(5_000), "-".repeat(5_000), vec!["1"; 5_000].join("+"), "a[".repeat(5_000)] {
            assert!(shown(&source).starts_with("error: "));
        }
        assert!(shown(&format!("a{}", ".b".repeat(5_000))).starts_with("error: "));
    }
}
