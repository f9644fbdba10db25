//! Expressions in Flow JSON: what stands between backticks from version 6.0, and conditions of `If` from 4.0.
//!
//! One pass reads and types an expression. From weak to strong: concatenation by mere spaces, `||`, `&&`, `==` and
//! `!=`, comparisons, `+` and `-`, `/` and `%`, `!` and the minus of a number. There is no `*` in Meta's list.

use super::field::Type;

/// Parentheses and negations within each other.
const MAX_DEPTH: usize = 32;

/// What is wrong in an expression, and at which byte of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) message: String,
}

/// What an expression is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Text,
    Number,
    Flag,
    /// A list or a map, which no operator takes.
    Whole,
    /// Not known.
    Any,
}

impl Sort {
    pub(super) fn of(holds: &Type) -> Self {
        match holds {
            Type::Text => Self::Text,
            Type::Number => Self::Number,
            Type::Flag => Self::Flag,
            Type::Map(_) | Type::List(_) => Self::Whole,
            Type::Any => Self::Any,
        }
    }

    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Number => "a number",
            Self::Flag => "a boolean",
            Self::Whole => "an array or object",
            Self::Any => "anything",
        }
    }
}

/// A part of an expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand {
    pub(super) sort: Sort,
    /// Whether it holds no reference: it is the same every time.
    pub(super) literal: bool,
}

/// Reads and types an expression. `resolve` is given the inside of each `${…}` and its byte.
/// Errors: the first fault.
pub(super) fn read(text: &str, resolve: &mut dyn FnMut(&str, usize) -> Sort) -> Result<Operand, Fault> {
    let mut reader = Reader { text, at: 0, depth: 0, resolve };
    reader.blank();
    if reader.rest().is_empty() {
        return Err(reader.fault("it is empty; it needs at least one operand"));
    }
    let operand = reader.concatenation()?;
    match reader.rest().chars().next() {
        None => Ok(operand),
        Some(')') => Err(reader.fault("`)` closes nothing")),
        Some(other) => Err(reader.unexpected(other)),
    }
}

struct Reader<'e> {
    text: &'e str,
    at: usize,
    depth: usize,
    resolve: &'e mut dyn FnMut(&str, usize) -> Sort,
}

impl<'e> Reader<'e> {
    fn concatenation(&mut self) -> Result<Operand, Fault> {
        let start = self.at;
        let mut whole = self.either()?;
        while self.begins_operand() {
            let at = self.at;
            let next = self.either()?;
            for (part, at) in [(whole, start), (next, at)] {
                if part.sort == Sort::Whole {
                    return Err(Fault { at, message: "an array or object cannot be part of a text".to_owned() });
                }
            }
            whole = Operand { sort: Sort::Text, literal: whole.literal && next.literal };
        }
        Ok(whole)
    }

    fn either(&mut self) -> Result<Operand, Fault> {
        self.chain(&["||"], Self::both, Self::logical)
    }

    fn both(&mut self) -> Result<Operand, Fault> {
        self.chain(&["&&"], Self::equality, Self::logical)
    }

    fn equality(&mut self) -> Result<Operand, Fault> {
        self.chain(&["==", "!="], Self::comparison, Self::equal)
    }

    fn comparison(&mut self) -> Result<Operand, Fault> {
        self.chain(&["<=", ">=", "<", ">"], Self::sum, Self::compared)
    }

    fn sum(&mut self) -> Result<Operand, Fault> {
        self.chain(&["+", "-"], Self::quotient, Self::calculated)
    }

    fn quotient(&mut self) -> Result<Operand, Fault> {
        self.chain(&["/", "%"], Self::unary, Self::calculated)
    }

    /// Operands of the stronger kind with one of these operators between them.
    fn chain(
        &mut self,
        operators: &[&str],
        stronger: fn(&mut Self) -> Result<Operand, Fault>,
        join: fn(&Joint<'_>) -> Result<Operand, String>,
    ) -> Result<Operand, Fault> {
        let mut left = stronger(self)?;
        while let Some(operator) = operators.iter().find(|operator| self.rest().starts_with(**operator)) {
            let at = self.at;
            self.at += operator.len();
            self.blank();
            if self.rest().is_empty() {
                return Err(Fault { at, message: format!("an operand is missing after `{operator}`") });
            }
            let right = stronger(self)?;
            if left.literal && right.literal {
                let message = format!("`{operator}` has literals on both sides, so it is always the same");
                return Err(Fault { at, message });
            }
            left = join(&Joint { operator, left, right }).map_err(|message| Fault { at, message })?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Operand, Fault> {
        let at = self.at;
        if self.rest().starts_with('!') && !self.rest().starts_with("!=") {
            self.at += 1;
            self.deeper(at)?;
            let inner = self.unary()?;
            self.depth -= 1;
            return match inner.sort {
                Sort::Flag | Sort::Any => Ok(Operand { sort: Sort::Flag, literal: inner.literal }),
                other => Err(Fault { at, message: format!("`!` needs a boolean, not {}", other.noun()) }),
            };
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<Operand, Fault> {
        let at = self.at;
        let rest = self.rest();
        let operand = match rest.chars().next() {
            None => return Err(self.fault("it ends where an operand should be")),
            Some('(') => {
                self.at += 1;
                self.parenthesis(at)?
            }
            Some('\'') => self.string()?,
            Some('$') => self.reference()?,
            Some('-') => {
                self.at += 1;
                if !self.rest().starts_with(|c: char| c.is_ascii_digit()) {
                    return Err(Fault { at, message: "a number must follow the minus".to_owned() });
                }
                self.number()?
            }
            Some(c) if c.is_ascii_digit() => self.number()?,
            Some(c) if c.is_ascii_alphabetic() => self.word()?,
            Some(c) => return Err(self.unexpected(c)),
        };
        self.blank();
        Ok(operand)
    }

    fn parenthesis(&mut self, at: usize) -> Result<Operand, Fault> {
        self.deeper(at)?;
        self.blank();
        if self.rest().starts_with(')') {
            return Err(Fault { at, message: "the parentheses are empty".to_owned() });
        }
        let inner = self.concatenation()?;
        if !self.rest().starts_with(')') {
            let odd = self.rest().chars().next();
            return Err(odd.map_or_else(
                || Fault { at, message: "`)` is missing for this parenthesis".to_owned() },
                |odd| self.unexpected(odd),
            ));
        }
        self.at += 1;
        self.depth -= 1;
        Ok(inner)
    }

    fn string(&mut self) -> Result<Operand, Fault> {
        let start = self.at;
        let mut escaped = false;
        for (offset, c) in self.rest().char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '\'' => {
                    self.at = start + offset + 1;
                    return Ok(Operand { sort: Sort::Text, literal: true });
                }
                _ => {}
            }
        }
        Err(Fault { at: start, message: "the closing quote is missing for this text".to_owned() })
    }

    fn reference(&mut self) -> Result<Operand, Fault> {
        let start = self.at;
        let inside = self.rest().strip_prefix("${").and_then(|rest| rest.split_once('}')).map(|(inside, _)| inside);
        let Some(inside) = inside else {
            return Err(Fault { at: start, message: "a reference is `${…}`".to_owned() });
        };
        let sort = (self.resolve)(inside, start);
        self.at += "${}".len() + inside.len();
        Ok(Operand { sort, literal: false })
    }

    fn number(&mut self) -> Result<Operand, Fault> {
        let start = self.at;
        let end = self.rest().find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(self.rest().len());
        let number = self.rest().get(..end).unwrap_or_default();
        self.at += end;
        match number.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Operand { sort: Sort::Number, literal: true }),
            _ => Err(Fault { at: start, message: format!("`{number}` is no number") }),
        }
    }

    fn word(&mut self) -> Result<Operand, Fault> {
        let start = self.at;
        let end = self.rest().find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
        let word = self.rest().get(..end.unwrap_or(self.rest().len())).unwrap_or_default();
        self.at += word.len();
        match word {
            "true" | "false" => Ok(Operand { sort: Sort::Flag, literal: true }),
            _ => Err(Fault {
                at: start,
                message: format!("`{word}` is no literal: texts stand between single quotes, data in `${{…}}`"),
            }),
        }
    }

    fn begins_operand(&self) -> bool {
        let begins = |c: char| matches!(c, '(' | '\'' | '$' | '!') || c.is_ascii_alphanumeric();
        self.rest().starts_with(begins)
    }

    fn deeper(&mut self, at: usize) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault { at, message: format!("it goes more than {MAX_DEPTH} levels deep") });
        }
        Ok(())
    }

    fn blank(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn rest(&self) -> &'e str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fault(&self, message: &str) -> Fault {
        Fault { at: self.at, message: message.to_owned() }
    }

    fn unexpected(&self, c: char) -> Fault {
        let message = match c {
            '*' => "`*` is no operator of Flow JSON: it has `+`, `-`, `/` and `%`".to_owned(),
            '=' | '&' | '|' => format!("`{c}` is no operator: it has `==`, `&&` and `||`"),
            _ => format!("`{c}` cannot stand here"),
        };
        Fault { at: self.at, message }
    }

    fn logical(joint: &Joint<'_>) -> Result<Operand, String> {
        joint.need(Sort::Flag, Sort::Flag)
    }

    fn compared(joint: &Joint<'_>) -> Result<Operand, String> {
        joint.need(Sort::Number, Sort::Flag)
    }

    fn calculated(joint: &Joint<'_>) -> Result<Operand, String> {
        joint.need(Sort::Number, Sort::Number)
    }

    fn equal(joint: &Joint<'_>) -> Result<Operand, String> {
        let (left, right) = (joint.left.sort, joint.right.sort);
        if left == Sort::Whole || right == Sort::Whole {
            return Err(format!("`{}` does not compare arrays or objects", joint.operator));
        }
        if left != right && left != Sort::Any && right != Sort::Any {
            return Err(format!("`{}` compares {} with {}", joint.operator, left.noun(), right.noun()));
        }
        Ok(Operand { sort: Sort::Flag, literal: false })
    }
}

/// An operator between two operands, of which one is no literal.
struct Joint<'o> {
    operator: &'o str,
    left: Operand,
    right: Operand,
}

impl Joint<'_> {
    fn need(&self, sort: Sort, gives: Sort) -> Result<Operand, String> {
        for operand in [self.left, self.right] {
            if operand.sort != sort && operand.sort != Sort::Any {
                return Err(format!("`{}` needs {}, not {}", self.operator, sort.noun(), operand.sort.noun()));
            }
        }
        Ok(Operand { sort: gives, literal: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_it(text: &str) -> Result<Sort, (usize, String)> {
        let mut resolve = |inside: &str, _| match inside {
            "form.age" | "data.total" => Sort::Number,
            "form.accept" => Sort::Flag,
            "data.list" => Sort::Whole,
            _ => Sort::Text,
        };
        read(text, &mut resolve).map(|operand| operand.sort).map_err(|fault| (fault.at, fault.message))
    }

    #[test]
    fn the_expressions_of_metas_pages_have_types() {
        for (text, sort) in [
            ("${form.first} == ${form.last}", Sort::Flag),
            ("${form.accept} != true", Sort::Flag),
            ("(${form.age} > 18) && ${form.accept}", Sort::Flag),
            ("(${form.first} != '') || (${form.last} != '')", Sort::Flag),
            ("!(${form.age} >= 18)", Sort::Flag),
            ("'Hello ' ${form.first}", Sort::Text),
            ("${form.first} ' you are ' ${form.age} ' years old.'", Sort::Text),
            ("'born in ' (2024 - ${form.age}) ' or ' (2023 - ${form.age})", Sort::Text),
            ("'each: ' ${data.total} / ${form.age}", Sort::Text),
            ("${data.total} % 2", Sort::Number),
            ("${data.total} - -2", Sort::Number),
            ("'Ana\\'s'", Sort::Text),
        ] {
            assert_eq!(read_it(text), Ok(sort), "{text}");
        }
    }

    #[test]
    fn faults_tell_where_and_why() {
        for (text, at, words) in [
            ("", 0, "empty"),
            ("( )", 0, "parentheses are empty"),
            ("573 == 376", 4, "literals on both sides"),
            ("))${form.a}((", 0, "cannot stand here"),
            ("${form.accept})", 14, "closes nothing"),
            ("(${form.accept}", 0, "`)` is missing"),
            ("'open", 0, "closing quote"),
            ("${data.total} * 2", 14, "no operator of Flow JSON"),
            ("${form.age} == 'x'", 12, "compares a number with a string"),
            ("${form.age} && true", 12, "needs a boolean"),
            ("${form.first} + 1", 14, "needs a number"),
            ("${form.accept} &&", 15, "an operand is missing"),
            ("-a", 0, "must follow the minus"),
            ("london", 0, "no literal"),
            ("${form.accept", 0, "a reference is"),
            ("${data.list} 'x'", 0, "array or object"),
            ("${form.accept} = true", 15, "no operator"),
            ("12ab", 0, "no number"),
        ] {
            let (found, message) = read_it(text).unwrap_err();
            assert!(message.contains(words), "{text}: {message}");
            assert_eq!(found, at, "{text}: {message}");
        }
        assert!(read_it(&"(".repeat(10_000)).unwrap_err().1.contains("32 levels"));
        assert!(read_it(&format!("{}true", "!".repeat(10_000))).unwrap_err().1.contains("32 levels"));
    }
}
