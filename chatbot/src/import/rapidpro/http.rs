//! `call_webhook`: a request, and what is noted of its answer.

use serde_json::{Map, Value, json};

use super::export::text;
use super::flow::{Book, NEXT, Place};
use super::names::{WEBHOOK, WEBHOOK_STATUS, part_of};
use super::parse::{Ast, parse};
use super::template::{Part, parts};
use super::write::Writer;
use crate::import::request::{Piece, Request, json_body};
use crate::import::text::verbatim;

pub(super) fn webhook<'e, 'v>(book: &mut Book<'e, 'v>, place: &mut Place<'e, 'v>, action: &'v Value) {
    let at = place.shown().to_owned();
    let url = lenient(book, &at, text(action, "url"));
    let mut request = Request::new(text(action, "method"), url, &at);
    if let Some(headers) = action.get("headers").and_then(Value::as_object) {
        for (name, value) in headers {
            let value = lenient(book, &at, value.as_str().unwrap_or_default());
            request.header(name, value);
        }
    }
    let source = text(action, "body");
    if !source.trim().is_empty() {
        let body = body(book, &at, source);
        request.body(body);
    }
    for change in std::mem::take(&mut request.changes) {
        book.change(&at, &change);
    }
    book.draft.secrets.extend(std::mem::take(&mut request.secrets));
    let taken = Map::from_iter([("save".to_owned(), json!(WEBHOOK))]);
    let mut node = request.into_node(taken);
    let id = place.part(&mut book.draft);
    let (done, failed) = (book.draft.free_id(&format!("{id}.done")), book.draft.free_id(&format!("{id}.failed")));
    node["next"] = json!({ "ok": done, "http_error": failed, "timeout": failed, "bad_body": failed });
    place.push(id, node);
    let result = Some(text(action, "result_name")).filter(|name| !name.is_empty()).map(|name| book.names.result(name));
    for (id, ok) in [(done, true), (failed, false)] {
        let mut assign = Map::from_iter([(WEBHOOK_STATUS.to_owned(), json!("(input.status or 0)"))]);
        if !ok {
            assign.insert(WEBHOOK.to_owned(), json!("(input.data or input.text)"));
        }
        if let Some(result) = &result {
            assign.insert(result.clone(), json!("(input.status or 0)"));
            assign.insert(part_of(result, "category"), json!(if ok { "'Success'" } else { "'Failure'" }));
            assign.insert(part_of(result, "extra"), json!(if ok { WEBHOOK } else { "(input.data or input.text)" }));
        }
        place.push_aside(id, json!({ "type": "set", "assign": assign, "next": { "next": NEXT } }));
    }
}

/// A text in which nothing may be missing: what is, is empty.
fn lenient(book: &mut Book<'_, '_>, at: &str, text: &str) -> String {
    pieces(book, at, text)
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => verbatim(text),
            Piece::Expression(written) => format!("{{{{ {written} | text }}}}"),
        })
        .collect()
}

fn body(book: &mut Book<'_, '_>, at: &str, source: &str) -> Value {
    if let [Part::Expression(inner)] = parts(source.trim()).as_slice()
        && let Ok(Ast::Call(name, args)) = parse(inner)
        && let ("json", [value]) = (name.as_str(), args.as_slice())
    {
        let mut writer = Writer::new(&mut book.names);
        let value = json_value(&mut writer, value);
        let changes = std::mem::take(&mut writer.changes);
        changes.iter().for_each(|change| book.change(at, change));
        return json!({ "json": value });
    }
    let pieces = pieces(book, at, source);
    match json_body(&pieces) {
        Some(value) => json!({ "json": value }),
        None => json!({ "raw": lenient(book, at, source) }),
    }
}

/// The parts of a text. `@(json(x))` is the value of x: what it stands in encodes it.
fn pieces(book: &mut Book<'_, '_>, at: &str, text: &str) -> Vec<Piece> {
    let mut writer = Writer::new(&mut book.names);
    let found = parts(text)
        .iter()
        .map(|part| match part {
            Part::Text(text) => Piece::Text((*text).to_owned()),
            Part::Expression(inner) => Piece::Expression(match parse(inner) {
                Ok(Ast::Call(name, args)) if name == "json" && args.len() == 1 => expression(&mut writer, &args[0]),
                Ok(ast) => expression(&mut writer, &ast),
                Err(lost) => {
                    writer.changes.push(format!("`@({inner})` is empty: {lost}"));
                    "''".to_owned()
                }
            }),
        })
        .collect();
    let changes = std::mem::take(&mut writer.changes);
    changes.iter().for_each(|change| book.change(at, change));
    found
}

fn expression(writer: &mut Writer<'_>, ast: &Ast) -> String {
    writer.value(ast).unwrap_or_else(|lost| {
        writer.changes.push(format!("a part of the request is empty: {lost}"));
        "''".to_owned()
    })
}

/// What `json( … )` encodes, as JSON where its shape is constant.
fn json_value(writer: &mut Writer<'_>, ast: &Ast) -> Value {
    match ast {
        Ast::Text(text) => Value::String(verbatim(text)),
        Ast::Number(number) => serde_json::from_str(number).unwrap_or_default(),
        Ast::True | Ast::False => Value::Bool(*ast == Ast::True),
        Ast::Null => Value::Null,
        Ast::Call(name, args) if name == "object" && args.chunks(2).all(|pair| matches!(pair, [Ast::Text(_), _])) => {
            let entry = |pair: &[Ast]| match pair {
                [Ast::Text(key), value] => Some((key.clone(), json_value(writer, value))),
                _ => None,
            };
            Value::Object(args.chunks(2).filter_map(entry).collect())
        }
        Ast::Call(name, args) if name == "array" => args.iter().map(|arg| json_value(writer, arg)).collect(),
        other => Value::String(format!("{{{{ {} | default(none) }}}}", expression(writer, other))),
    }
}
