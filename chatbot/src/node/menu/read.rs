//! Reads a menu from the bot file and holds it against WhatsApp's limits.

use std::collections::BTreeSet;

use whatsapp::limits;

use crate::bot::read::{At, Fields, Reader};
use crate::caps;
use crate::explain;
use crate::expr::Template;
use crate::node::answer;

use super::{Header, Menu, MenuOption, OptionsFrom, Part, Render, Typed, collisions, note_twice, pick};

pub(in crate::node) const KEYS: &[&str] = &[
    "prompt",
    "header",
    "footer",
    "options",
    "options_from",
    "render",
    "page_labels",
    "button_text",
    "accept_typed",
    "save",
    "invalid",
    "timeout",
    "on_doubt",
];

/// Ports that no option may be named after.
const TAKEN: &[&str] = &["picked", "empty", "invalid", "timeout", "other", "failed"];

pub(in crate::node) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Menu> {
    let body = limits::INTERACTIVE_BODY;
    let prompt = reader.required(fields, "prompt").and_then(|at| reader.template_up_to(&at, "prompt", body));
    let footer = fields.get("footer").and_then(|at| reader.template_up_to(&at, "footer", limits::FOOTER));
    let render = read_render(reader, fields);
    let header = fields.get("header").and_then(|at| read_header(reader, &at, render));
    let from = fields.get("options_from").and_then(|at| read_from(reader, &at));
    let options = read_options(reader, fields, render);
    let typed = read_typed(reader, fields);
    collisions::check(reader, fields, &options, typed);
    let (previous, next) = read_labels(reader, fields);
    let button_text = match fields.get("button_text") {
        Some(at) => reader.template_up_to(&at, "button text", limits::LIST_BUTTON)?,
        None => Template::Plain("Choose".to_owned()),
    };
    let save = fields.get("save").and_then(|at| reader.variable(&at));
    let (invalid, timeout_ms) = answer::read(reader, fields);
    Some(Menu {
        prompt: prompt?,
        header,
        footer,
        options,
        from,
        render,
        previous,
        next,
        button_text,
        typed,
        save,
        invalid,
        timeout_ms,
    })
}

/// A text, or media: WhatsApp shows that above buttons, not above lists.
fn read_header(reader: &mut Reader<'_>, at: &At<'_>, render: Render) -> Option<Header> {
    if !matches!(at.node.kind, crate::tree::Kind::Map(_)) {
        return reader.template_up_to(at, "header", limits::HEADER).map(Header::Text);
    }
    if render != Render::Buttons {
        let message = "media stands above buttons only, and this menu may become a list";
        reader.report(explain::WRONG_VALUE, at, message).help = Some("add `render: buttons`".to_owned());
    }
    crate::message::read_media_header(reader, at).map(|message| Header::Media(message.into()))
}

fn read_render(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Render {
    match fields.get("render").and_then(|at| reader.word(&at, &["auto", "buttons", "list"])) {
        Some("buttons") => Render::Buttons,
        Some("list") => Render::List,
        _ => Render::Auto,
    }
}

fn read_options(reader: &mut Reader<'_>, fields: &Fields<'_>, render: Render) -> Vec<MenuOption> {
    let dynamic = fields.get("options_from").is_some();
    let Some(at) = fields.get("options") else {
        if !dynamic {
            reader.report(explain::MISSING_KEY, &fields.at, "a menu needs `options` or `options_from`");
        }
        return Vec::new();
    };
    if dynamic {
        reader.report(explain::WRONG_VALUE, &at, "a menu has `options` or `options_from`, not both");
    }
    let items = reader.list(&at);
    let most = if render == Render::Buttons { limits::BUTTONS } else { caps::MAX_MENU_OPTIONS };
    if items.len() > most {
        let thing = if render == Render::Buttons { "WhatsApp allows" } else { "a menu may have" };
        reader.report(explain::TOO_MANY, &at, format!("{} options, {thing} {most}", items.len())).help =
            Some("leave `render` out: longer menus become lists with pages".to_owned());
    } else if items.is_empty() {
        reader.report(explain::WRONG_VALUE, &at, "`options` is empty");
    }
    let (mut ids, mut titles) = (BTreeSet::new(), BTreeSet::new());
    let buttons = render == Render::Buttons;
    items.iter().filter_map(|item| read_option(reader, item, buttons, &mut ids, &mut titles)).collect()
}

fn read_option(
    reader: &mut Reader<'_>,
    at: &At<'_>,
    buttons: bool,
    ids: &mut BTreeSet<String>,
    titles: &mut BTreeSet<String>,
) -> Option<MenuOption> {
    let option = reader.fields(at, &["id", "title", "desc", "value", "synonyms", "when"])?;
    let id_at = reader.required(&option, "id")?;
    let id = reader.text(&id_at)?;
    check_id(reader, &id_at, &id, ids);
    let title_at = reader.required(&option, "title")?;
    let (thing, limit) = match buttons {
        true => ("button title", limits::BUTTON_TITLE),
        false => ("row title", limits::ROW_TITLE),
    };
    let title = reader.template_up_to(&title_at, thing, limit)?;
    if let Some(text) = title.as_plain() {
        if text.trim().is_empty() {
            reader.report(explain::WRONG_VALUE, &title_at, "the title is empty");
        }
        let text = text.to_owned();
        note_twice(reader, titles, &title_at, "title", &text);
    }
    let desc = option.get("desc").and_then(|at| reader.template_up_to(&at, "description", limits::ROW_DESCRIPTION));
    let value = option.get("value").and_then(|at| reader.template(&at));
    let synonyms = option.get("synonyms").map(|at| reader.texts(&at)).unwrap_or_default();
    let when = option.get("when").and_then(|at| reader.condition(&at, "the option is never shown"));
    Some(MenuOption { id, title, desc, value, synonyms, when })
}

fn check_id(reader: &mut Reader<'_>, at: &At<'_>, id: &str, ids: &mut BTreeSet<String>) {
    if TAKEN.contains(&id) || id.starts_with(pick::PAGE) {
        reader.report(explain::BAD_NAME, at, format!("`{id}` is the name of a port of every menu"));
    } else if id.is_empty() || id.trim() != id {
        reader.report(explain::BAD_NAME, at, format!("option id `{id}` is empty or begins or ends with a space"));
    } else if limits::chars(id) > limits::ROW_ID {
        let message =
            format!("option id is too long: {} characters, WhatsApp allows {}", limits::chars(id), limits::ROW_ID);
        reader.report(explain::TOO_LONG, at, message);
    }
    if !ids.insert(id.to_owned()) {
        reader.report(explain::TWICE, at, format!("option id `{id}` is used twice in this menu"));
    }
}

fn read_from(reader: &mut Reader<'_>, at: &At<'_>) -> Option<OptionsFrom> {
    let from = reader.fields(at, &["list", "id", "title", "desc", "value"])?;
    let list_at = reader.required(&from, "list")?;
    let list = read_list(reader, &list_at)?;
    let mut part = |key: &str| from.get(key).and_then(|at| read_part(reader, &at));
    Some(OptionsFrom { list, id: part("id"), title: part("title"), desc: part("desc"), value: part("value") })
}

/// `items` and `"{{ items }}"` mean the same.
fn read_list(reader: &mut Reader<'_>, at: &At<'_>) -> Option<crate::expr::Expr> {
    let text = reader.text(at)?;
    if !text.contains("{{") {
        return reader.expression(at);
    }
    match reader.template(at)? {
        Template::Typed(expr) => Some(expr),
        _ => {
            reader.report(explain::WRONG_VALUE, at, "`list` must be one expression");
            None
        }
    }
}

fn read_part(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Part> {
    let text = reader.text(at)?;
    if text.contains("{{") || text.contains("{%") {
        return reader.template(at).map(Part::Template);
    }
    Some(Part::Field(text))
}

fn read_labels(reader: &mut Reader<'_>, fields: &Fields<'_>) -> (String, String) {
    let mut labels = ("‹ Back".to_owned(), "More ›".to_owned());
    if let Some(at) = fields.get("page_labels")
        && let Some(inner) = reader.fields(&at, &["previous", "next"])
    {
        let mut label = |key: &str, into: &mut String| {
            let Some(at) = inner.get(key) else { return };
            let Some(text) = reader.text(&at) else { return };
            let actual = limits::chars(&text);
            if actual == 0 || actual > limits::ROW_TITLE {
                let message = format!("page label has {actual} characters, WhatsApp allows 1 to {}", limits::ROW_TITLE);
                reader.report(explain::TOO_LONG, &at, message);
            }
            *into = text;
        };
        label("previous", &mut labels.0);
        label("next", &mut labels.1);
    }
    labels
}

fn read_typed(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Typed {
    let Some(at) = fields.get("accept_typed") else { return Typed { title: true, number: true, synonym: true } };
    let words: Vec<&str> =
        reader.list(&at).iter().filter_map(|item| reader.word(item, &["title", "number", "synonym"])).collect();
    let has = |word| words.contains(&word);
    Typed { title: has("title"), number: has("number"), synonym: has("synonym") }
}
