//! Filters of lists.

use minijinja::value::Value;
use minijinja::{Environment, Error};

use super::invalid;
use super::numbers::amount;
use super::texts::is_blank;
use crate::expr::print;

pub(super) fn install(env: &mut Environment<'static>) {
    env.add_filter("bullets", |list: Value, field: Option<String>| lines(&list, field.as_deref(), |_| "• ".into()));
    env.add_filter("numbered", |list: Value, field: Option<String>| {
        lines(&list, field.as_deref(), |n| format!("{n}. "))
    });
    env.add_filter("compact", |list: Value| {
        Ok::<_, Error>(Value::from(items(&list)?.into_iter().filter(|item| !is_blank(item)).collect::<Vec<_>>()))
    });
    env.add_filter("find", |list: Value, field: String, wanted: Value| {
        let same = |item: &Value| item.get_attr(&field).is_ok_and(|value| value == wanted);
        Ok::<_, Error>(items(&list)?.into_iter().find(same).unwrap_or_default())
    });
    env.add_filter("sentence", sentence);
    env.add_filter("sum_of", |list: Value, field: String| {
        let mut sum = 0.0;
        for item in items(&list)? {
            sum += amount(&item.get_attr(&field)?)?.unwrap_or_default();
        }
        Ok::<_, Error>(Value::from(sum))
    });
}

/// The elements; none where there is no list.
fn items(list: &Value) -> Result<Vec<Value>, Error> {
    if list.is_undefined() || list.is_none() {
        return Ok(Vec::new());
    }
    Ok(list.try_iter()?.collect())
}

fn item_text(item: &Value, field: Option<&str>) -> Result<String, Error> {
    let shown = match field {
        Some(field) => item.get_attr(field)?,
        None => item.clone(),
    };
    print(&shown).ok_or_else(|| invalid("the list is too long to print"))
}

fn lines(list: &Value, field: Option<&str>, mark: impl Fn(usize) -> String) -> Result<String, Error> {
    let mut out = Vec::new();
    for (at, item) in items(list)?.iter().enumerate() {
        out.push(mark(at + 1) + &item_text(item, field)?);
    }
    Ok(out.join("\n"))
}

/// `a, b and c`.
fn sentence(list: Value, word: Option<String>, field: Option<String>) -> Result<String, Error> {
    let word = word.unwrap_or_else(|| "and".to_owned());
    let all = items(&list)?.iter().map(|item| item_text(item, field.as_deref())).collect::<Result<Vec<_>, _>>()?;
    Ok(match all.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {word} {last}", rest.join(", ")),
        _ => all.concat(),
    })
}
