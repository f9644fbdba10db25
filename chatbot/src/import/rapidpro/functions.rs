//! The functions of RapidPro's expressions, as our expression language says them.

use super::parse::Ast;
use super::write::{Lost, Writer};
use crate::import::Mapping;
use crate::import::text::quoted;

/// Each function and how it is written: `{1}` is the first argument, `{t1}` its text, `{n1}` its number, `{i1}` a
/// whole number, `{all}` and `{nall}` all of them. Where an argument may be missing, the longest form that it fits
/// stands last. What is written by code of its own says so in words; none are listed.
pub const FUNCTIONS: &[Mapping] = &[
    ("abs", Some("({n1} | abs)")),
    ("and", Some("all joined by `and`")),
    ("array", Some("[{all}]")),
    ("attachment_parts", None),
    ("boolean", Some("({1} | bool)")),
    ("char", None),
    ("clean", Some("({t1} | trim)")),
    ("code", None),
    ("concat", Some("({1} | chain({2}) | list)")),
    ("contains", Some("({2} in {1})")),
    ("count", Some("({1} | length)")),
    ("date", Some("({1} | date)")),
    ("date_from_parts", None),
    ("datetime", Some("({1})")),
    ("datetime_add", Some("seconds added to the epoch; years and months are listed")),
    ("datetime_diff", Some("a difference of epochs; years and months are listed")),
    ("datetime_from_epoch", Some("({n1} | date('%FT%TZ'))")),
    ("default", Some("({1} or {2})")),
    ("epoch", Some("({1} | date('%s') | int(0))")),
    ("extract", Some("({1})[{2}]")),
    ("extract_object", None),
    ("field", Some("(({t1} | split({t3}))[{i2}] | trim)")),
    ("foreach", None),
    ("foreach_value", Some("of `results` with `extract_object` only: a map of the results")),
    ("format_date", Some("({1} | date('…')), its format by strftime")),
    ("format_datetime", Some("({1} | date('…')), its format by strftime")),
    ("format_input", Some("({t1})")),
    ("format_location", Some("({t1} | split('>') | last | trim)")),
    ("format_number", Some("({n1} | number) ; ({n1} | number({i2}))")),
    ("format_time", Some("({1} | date('…')), its format by strftime")),
    ("format_urn", Some("({t1} | split(':') | last | phone)")),
    ("html_decode", None),
    ("if", Some("({2} if {1} else {3})")),
    ("is_error", None),
    ("join", Some("({1} | join({t2}))")),
    ("json", Some("({1} | json)")),
    ("keys", Some("({1} | list)")),
    ("legacy_add", Some("({n1} + {n2})")),
    ("lower", Some("({t1} | lower)")),
    ("max", Some("([{nall}] | max)")),
    ("mean", Some("the sum over their number")),
    ("min", Some("([{nall}] | min)")),
    ("mod", Some("({n1} % {n2})")),
    ("now", Some("(now)")),
    ("number", Some("({n1})")),
    ("object", Some("a map")),
    ("or", Some("all joined by `or`")),
    ("parse_datetime", None),
    ("parse_json", None),
    ("parse_time", None),
    ("percent", Some("(({n1} * 100) | round | int ~ '%')")),
    ("proper", Some("({t1} | title)")),
    ("rand", None),
    ("rand_between", None),
    ("read_chars", None),
    ("regex_match", None),
    ("remove_first_word", Some("(({t1} | split)[1:] | join(' '))")),
    ("repeat", Some("({t1} * {i2})")),
    ("replace", Some("({t1} | replace({t2}, {t3}))")),
    ("replace_time", None),
    ("reverse", Some("({1} | reverse | list)")),
    ("round", Some("({n1} | round) ; ({n1} | round({i2}))")),
    ("round_down", Some("({n1} | round(0, 'floor'))")),
    ("round_up", Some("({n1} | round(0, 'ceil'))")),
    ("slice", Some("({1})[{i2}:] ; ({1})[{i2}:{i3}]")),
    ("sort", Some("({1} | sort)")),
    ("split", Some("({t1} | split) ; ({t1} | split({t2}))")),
    ("sum", Some("({1} | map('float', 0) | sum)")),
    ("text", Some("({t1})")),
    ("text_compare", None),
    ("text_length", Some("({t1} | length)")),
    ("text_slice", Some("({t1})[{i2}:] ; ({t1})[{i2}:{i3}]")),
    ("time", Some("({1} | date('%T'))")),
    ("time_from_parts", None),
    ("title", Some("({t1} | title)")),
    ("today", Some("(now | date)")),
    ("trim", Some("({t1} | trim)")),
    ("trim_left", None),
    ("trim_right", None),
    ("tz", None),
    ("tz_offset", None),
    ("unique", Some("({1} | unique | list)")),
    ("upper", Some("({t1} | upper)")),
    ("url_encode", Some("({t1} | url_encode)")),
    ("urn_parts", Some("a map of `scheme` and `path`")),
    ("weekday", Some("({1} | date('%w') | int(0))")),
    ("word", Some("(({t1} | split)[{i2}])")),
    ("word_count", Some("({t1} | split | length)")),
    ("word_slice", Some("(({t1} | split)[{i2}:] | join(' ')) ; (({t1} | split)[{i2}:{i3}] | join(' '))")),
];

/// Functions whose result is a number.
const NUMBERS: &[&str] = &[
    "abs",
    "count",
    "epoch",
    "max",
    "mean",
    "min",
    "mod",
    "number",
    "round",
    "round_down",
    "round_up",
    "sum",
    "text_length",
    "weekday",
    "word_count",
    "datetime_diff",
    "legacy_add",
];

pub(super) fn is_number(name: &str) -> bool {
    NUMBERS.contains(&name)
}

impl Writer<'_> {
    /// A call of a function.
    pub(super) fn call(&mut self, name: &str, args: &[Ast]) -> Result<String, Lost> {
        if name.starts_with("has_") || name == "is_text_eq" {
            return self.test_call(name, args).map(|found| format!("({found} is not none)"));
        }
        let Some((_, form)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
            return Err(format!("the function `{name}` is unknown"));
        };
        let Some(form) = form else { return Err(format!("the function `{name}` has no counterpart")) };
        match name {
            "and" | "or" if !args.is_empty() => Ok(format!("({})", self.all(args)?.join(&format!(" {name} ")))),
            "mean" if !args.is_empty() => {
                let all = args.iter().map(|arg| self.number(arg)).collect::<Result<Vec<_>, _>>()?;
                Ok(format!("(({}) / {})", all.join(" + "), all.len()))
            }
            "object" => self.object(args),
            "foreach_value" => self.all_results(args),
            "format_date" | "format_datetime" | "format_time" => self.format_date(name, args),
            "datetime_add" | "datetime_diff" => self.shift(name, args),
            "urn_parts" => {
                let urn = self.text(args.first().ok_or("an argument is missing")?)?;
                Ok(format!("{{'scheme': {urn} | split(':') | first, 'path': {urn} | split(':') | last }}"))
            }
            _ => self.form(name, form, args),
        }
    }

    fn all(&mut self, args: &[Ast]) -> Result<Vec<String>, Lost> {
        args.iter().map(|arg| self.value(arg)).collect()
    }

    /// Puts the arguments into the form that takes as many.
    fn form(&mut self, name: &str, forms: &str, args: &[Ast]) -> Result<String, Lost> {
        let takes = |form: &str| (1..=3).rev().find(|at| form.contains(&format!("{at}}}"))).unwrap_or(0);
        let fits = |form: &&str| takes(form) == args.len() || (form.contains("all}") && !args.is_empty());
        let form = forms.split(" ; ").find(fits);
        let form = form.ok_or_else(|| format!("`{name}` with {} arguments has no counterpart", args.len()))?;
        let mut out = String::new();
        let mut rest = form;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((mark, behind)) = after.split_once('}') else { break };
            out.push_str(before);
            out.push_str(&self.argument(mark, args)?);
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// What stands for a mark of a form, such as `t1`.
    fn argument(&mut self, mark: &str, args: &[Ast]) -> Result<String, Lost> {
        match mark {
            "all" => return Ok(self.all(args)?.join(", ")),
            "nall" => {
                let numbers = args.iter().map(|arg| self.number(arg)).collect::<Result<Vec<_>, _>>()?;
                return Ok(numbers.join(", "));
            }
            _ => {}
        }
        let number: usize = mark.trim_start_matches(char::is_alphabetic).parse().unwrap_or(1);
        let arg = args.get(number - 1).ok_or("an argument is missing")?;
        match mark.chars().next() {
            Some('t') => self.text(arg),
            Some('n') => self.number(arg),
            Some('i') => self.whole(arg),
            _ => self.value(arg),
        }
    }

    fn object(&mut self, args: &[Ast]) -> Result<String, Lost> {
        let mut entries = Vec::new();
        for pair in args.chunks(2) {
            let [Ast::Text(key), value] = pair else {
                return Err("an `object` whose keys are no constants has no counterpart".to_owned());
            };
            entries.push(format!("{}: {}", quoted(key), self.value(value)?));
        }
        // A space before each bracket: two in a row would end the braces of the text around.
        Ok(format!("{{{} }}", entries.join(", ")))
    }

    /// `foreach_value(results, extract_object, "value", "category")`, which editors write into requests.
    fn all_results(&mut self, args: &[Ast]) -> Result<String, Lost> {
        let [Ast::Name(of), Ast::Name(function), keys @ ..] = args else {
            return Err("the function `foreach_value` has no counterpart".to_owned());
        };
        if of != "results" || function != "extract_object" {
            return Err("the function `foreach_value` has no counterpart".to_owned());
        }
        let keys: Vec<&str> =
            keys.iter().filter_map(|key| if let Ast::Text(key) = key { Some(key.as_str()) } else { None }).collect();
        Ok(self.names.all_results(&keys))
    }

    fn format_date(&mut self, name: &str, args: &[Ast]) -> Result<String, Lost> {
        let value = self.value(args.first().ok_or("an argument is missing")?)?;
        let format = match args.get(1) {
            None => match name {
                "format_date" => "%d-%m-%Y",
                "format_time" => "%H:%M",
                _ => "%d-%m-%Y %H:%M",
            }
            .to_owned(),
            Some(Ast::Text(format)) => {
                strftime(format).ok_or_else(|| format!("the date format `{format}` has no counterpart"))?
            }
            Some(_) => return Err(format!("`{name}` whose format is no constant has no counterpart")),
        };
        Ok(match args.get(2) {
            None => format!("({value} | date({}))", quoted(&format)),
            Some(zone) => format!("({value} | date({}, {}))", quoted(&format), self.text(zone)?),
        })
    }

    /// Dates are moved and compared by their seconds.
    fn shift(&mut self, name: &str, args: &[Ast]) -> Result<String, Lost> {
        let [first, second, Ast::Text(unit)] = args else {
            return Err(format!("`{name}` whose unit is no constant has no counterpart"));
        };
        let seconds = match unit.as_str() {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "D" => 86_400,
            "W" => 604_800,
            _ => return Err(format!("`{name}` by `{unit}` has no counterpart")),
        };
        let epoch = |value: String| format!("({value} | date('%s') | int(0))");
        let from = epoch(self.value(first)?);
        Ok(match name {
            "datetime_add" => {
                format!("(({from} + {} * {seconds}) | date('%FT%TZ'))", self.number(second)?)
            }
            _ => format!("((({} - {from}) / {seconds}) | int(0))", epoch(self.value(second)?)),
        })
    }
}

/// A date format of RapidPro as strftime says it; none if a part is unknown.
fn strftime(format: &str) -> Option<String> {
    const PARTS: [(&str, &str); 22] = [
        ("YYYY", "%Y"),
        ("YY", "%y"),
        ("MMMM", "%B"),
        ("MMM", "%b"),
        ("MM", "%m"),
        ("M", "%-m"),
        ("DD", "%d"),
        ("D", "%-d"),
        ("EEEE", "%A"),
        ("EEE", "%a"),
        ("tt", "%H"),
        ("hh", "%I"),
        ("h", "%-I"),
        ("mm", "%M"),
        ("m", "%-M"),
        ("ss", "%S"),
        ("s", "%-S"),
        ("fff", "%3f"),
        ("aa", "%P"),
        ("AA", "%p"),
        ("ZZZ", "%Z"),
        ("Z", "%:z"),
    ];
    let mut out = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if let Some((part, ours)) = PARTS.iter().find(|(part, _)| rest.starts_with(part)) {
            out.push_str(ours);
            rest = rest.get(part.len()..)?;
        } else if first.is_alphabetic() && !matches!(first, 'T' | 't') {
            return None;
        } else {
            out.push(first);
            if first == '%' {
                out.push('%');
            }
            rest = rest.get(first.len_utf8()..)?;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_dates_are_said_by_strftime() {
        for (format, expected) in [
            ("DD-MM-YYYY", Some("%d-%m-%Y")),
            ("D MMMM YYYY, h:mm aa", Some("%-d %B %Y, %-I:%M %P")),
            ("YYYY-MM-DDTtt:mm", Some("%Y-%m-%dT%H:%M")),
            ("qq", None),
        ] {
            assert_eq!(strftime(format).as_deref(), expected, "{format}");
        }
    }

    #[test]
    fn functions_stand_in_order() {
        assert!(FUNCTIONS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
