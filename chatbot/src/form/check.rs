//! What handlers say of screens, held against the Flow JSON, where the bot has it.

use whatsapp::flow::json::{ActionKind, Screen};

use super::bound;
use super::steps::Handlers;
use crate::bot::flows::Flow;
use crate::bot::read::{At, Reader};
use crate::explain::{self, Code};
use crate::names::nearest;
use crate::tree::{Kind, Node};

/// What the phone may get with every screen.
const ALWAYS: &str = "error_message";

/// Whether the handlers fit the screens as a whole: each that can ask is answered, and no other.
pub(super) fn whole(reader: &mut Reader<'_>, at: &At<'_>, flow: &Flow, handlers: &Handlers) {
    let Some(screens) = &flow.screens else { return };
    let Some(on) = at.node.get("on").map(|node| at.child("on", node)) else { return };
    let model = &screens.model;
    if model.data_api_version().is_none() {
        reader
            .report(
                code(reader, explain::FLOW_HANDLER),
                &on,
                "the Flow JSON has no `data_api_version`, so no phone asks",
            )
            .help = Some("add \"data_api_version\": \"3.0\" and a `routing_model` to the Flow JSON".to_owned());
    }
    for screen in model.screens().iter().filter(|screen| exchanges(screen)) {
        if !handlers.submit.contains_key(&screen.id) {
            let message = format!("screen `{}` asks the endpoint, and `on.submit` has no `{0}`", screen.id);
            reader.report(code(reader, explain::FLOW_HANDLER), &on, message);
        }
    }
    for (key, wants) in [("submit", exchanges as fn(&Screen) -> bool), ("back", |screen| screen.refresh_on_back)] {
        let Some(Kind::Map(entries)) = on.node.get(key).map(|node| &node.kind) else { continue };
        for entry in entries {
            let pointer = format!("{}/{key}/{}", on.pointer, entry.key);
            let message = match model.screen(&entry.key) {
                None => format!("the Flow JSON has no screen `{}`", entry.key),
                Some(screen) if !wants(screen) && key == "submit" => {
                    format!("no `data_exchange` on screen `{}`: the phone never asks this", entry.key)
                }
                Some(screen) if !wants(screen) => {
                    format!("screen `{}` has no `refresh_on_back`: the phone never asks this", entry.key)
                }
                Some(_) => continue,
            };
            let near = nearest(&entry.key, model.screens().iter().map(|screen| screen.id.as_str()));
            let help = near.map(|near| format!("did you mean `{near}`?"));
            reader.report_span(code(reader, explain::FLOW_SCREEN), entry.key_span.clone(), &pointer, message).help =
                help;
        }
    }
}

fn exchanges(screen: &Screen) -> bool {
    screen.actions.iter().any(|action| action.kind == ActionKind::DataExchange)
}

/// Whether an input exists at which a message could be shown.
pub(super) fn field(reader: &mut Reader<'_>, at: &At<'_>, flow: &Flow, screen: Option<&str>, name: &str) {
    let screen = screen.and_then(|id| flow.screens.as_ref()?.model.screen(id));
    let Some(screen) = screen.filter(|screen| screen.input(name).is_none()) else { return };
    let near = nearest(name, screen.form.iter().map(|input| input.name.as_str()));
    let help = near.map(|near| format!("did you mean `{near}`?"));
    let message = format!("screen `{}` has no input `{name}`", screen.id);
    reader.report(code(reader, explain::FLOW_SCREEN), at, message).help = help;
}

/// Whether a screen can be shown, after another one, with such data. `data` is the place of the data, or of the step.
pub(crate) fn shown(
    reader: &mut Reader<'_>,
    flow: &Flow,
    from: Option<&str>,
    (at, id): (&At<'_>, &str),
    data: &At<'_>,
) {
    let Some(screens) = &flow.screens else { return };
    let Some(screen) = screens.model.screen(id) else {
        let near = nearest(id, screens.model.screens().iter().map(|screen| screen.id.as_str()));
        let help = near.map(|near| format!("did you mean `{near}`?"));
        reader.report(code(reader, explain::FLOW_SCREEN), at, format!("the Flow JSON has no screen `{id}`")).help =
            help;
        return;
    };
    if let Some(from) = from.filter(|from| screens.model.screen(from).is_some() && !screens.model.may_follow(from, id))
    {
        let message = format!("`routing_model` has no way from `{from}` to `{id}`");
        reader.report(code(reader, explain::FLOW_SCREEN), at, message).help =
            Some(format!("add \"{id}\" to the targets of \"{from}\""));
    }
    let given = match &data.node.kind {
        Kind::Map(entries) if data.pointer.ends_with("/data") => entries.as_slice(),
        _ => &[],
    };
    for entry in given.iter().filter(|entry| entry.key != ALWAYS) {
        let Some(field) = screen.field(&entry.key) else {
            let near = nearest(&entry.key, screen.data.iter().map(|field| field.name.as_str()));
            let help = near.map(|near| format!("did you mean `{near}`?"));
            let pointer = format!("{}/{}", data.pointer, entry.key);
            let message = format!("the `data` of screen `{id}` has no `{}`", entry.key);
            reader.report_span(code(reader, explain::FLOW_SCREEN), entry.key_span.clone(), &pointer, message).help =
                help;
            continue;
        };
        if is_constant(&entry.value)
            && let Err(why) = field.holds.accepts(&entry.value.to_json(), &entry.key)
        {
            reader.report(code(reader, explain::FLOW_SCREEN), &data.child(&entry.key, &entry.value), why);
        }
    }
    let bound = bound::names(&screens.value, id);
    for field in &screen.data {
        if !given.iter().any(|entry| entry.key == field.name) && !bound.contains(&field.name) && field.name != ALWAYS {
            let message = format!("screen `{id}` wants `{}`, which `data` does not give", field.name);
            reader.report(code(reader, explain::FLOW_SCREEN), data, message);
        }
    }
}

/// What was imported loads all the same.
fn code(reader: &Reader<'_>, code: Code) -> Code {
    if reader.imported { explain::LATER_IMPORTED } else { code }
}

/// Whether nothing in it is computed.
fn is_constant(node: &Node) -> bool {
    match &node.kind {
        Kind::Text(text) => !["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)),
        Kind::List(items) => items.iter().all(is_constant),
        Kind::Map(entries) => entries.iter().all(|entry| is_constant(&entry.value)),
        _ => true,
    }
}
