//! Templates: name, language and status against the store, then each parameter against the definition.

mod buttons;
pub(crate) mod render;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::parts::{list, media_source, object, only_keys, optional_string, required_string};
use super::{Known, Person};
use crate::graph::definition::variables;
use crate::graph::error::Refusal;
use crate::templates::{StoredTemplate, TemplateStatus, component};

const PATH: &str = "template";
const KINDS: [&str; 5] = ["header", "body", "button", "carousel", "limited_time_offer"];
const HEADER: usize = 60;
const BODY: usize = 1024;
/// A body that stands alone.
const LONE_BODY: usize = 32_768;

pub(super) fn check(
    map: &Map<String, Value>,
    person: &Person,
    known: &Known<'_>,
) -> Result<Arc<StoredTemplate>, Refusal> {
    only_keys(map, &["name", "namespace", "language", "components"], PATH)?;
    let name = required_string(map, "name", PATH)?;
    let language = map.get("language").ok_or_else(|| Refusal::missing("template['language']"))?;
    let language = object(language, "template['language']")?;
    let code = required_string(language, "code", "template['language']")?;
    if optional_string(language, "policy", "template['language']")?.is_some_and(|p| p != "deterministic") {
        return Err(Refusal::parameter("Param template['language']['policy'] must be one of {DETERMINISTIC}"));
    }
    let given = match map.get("components") {
        None => &[],
        Some(_) => list(map, "components", PATH)?,
    };
    shapes(given)?;
    let template = usable(name, code, known)?;
    if template.category == "AUTHENTICATION" && matches!(person, Person::UserId(_)) {
        return Err(Refusal::new(131062, "Authentication templates need a phone number."));
    }
    if !template.lenient {
        against(given, &template.components, &template, known)?;
    }
    Ok(template)
}

fn usable(name: &str, code: &str, known: &Known<'_>) -> Result<Arc<StoredTemplate>, Refusal> {
    let missing = || Refusal::new(132001, format!("template name ({name}) does not exist in {code}"));
    let template = known.templates.find(&known.number.waba_id, name, code).ok_or_else(missing)?;
    match template.status {
        TemplateStatus::Approved => Ok(template),
        TemplateStatus::Paused => Err(Refusal::new(132015, format!("template name ({name}) is paused"))),
        TemplateStatus::Disabled => Err(Refusal::new(132016, format!("template name ({name}) is disabled"))),
        TemplateStatus::Pending | TemplateStatus::Rejected => Err(missing()),
    }
}

/// What can be said of components without their definition.
fn shapes(components: &[Value]) -> Result<(), Refusal> {
    for component in components {
        let path = "template['components']";
        let map = object(component, path)?;
        only_keys(map, &["type", "sub_type", "index", "parameters", "cards"], path)?;
        let kind = required_string(map, "type", path)?;
        if !KINDS.contains(&kind.to_ascii_lowercase().as_str()) {
            return Err(Refusal::parameter(format!("Param {path}['type'] must be one of {KINDS:?} - got \"{kind}\".")));
        }
        if map.get("parameters").is_some_and(|p| !p.is_array()) {
            return Err(Refusal::parameter(format!("Param {path}['parameters'] must be an array.")));
        }
        if kind.eq_ignore_ascii_case("button") {
            buttons::shape(map)?;
        }
        if kind.eq_ignore_ascii_case("carousel") {
            for card in list(map, "cards", path)? {
                shapes(list(object(card, path)?, "components", path)?)?;
            }
        }
    }
    Ok(())
}

/// Compares what was given with what is defined; for a template, and for each card of a carousel.
fn against(given: &[Value], defined: &[Value], template: &StoredTemplate, known: &Known<'_>) -> Result<(), Refusal> {
    header(component(given, "header"), component(defined, "HEADER"), template, known)?;
    let alone = defined.len() == 1;
    body(component(given, "body"), component(defined, "BODY"), template, alone)?;
    buttons::check(given, component(defined, "BUTTONS"))?;
    offer(component(given, "limited_time_offer"), component(defined, "LIMITED_TIME_OFFER"))?;
    let cards = |block: Option<&Value>| block.and_then(|c| c["cards"].as_array()).cloned().unwrap_or_default();
    let (given, defined) = (cards(component(given, "carousel")), cards(component(defined, "CAROUSEL")));
    if given.len() != defined.len() {
        let (got, expected) = (given.len(), defined.len());
        return Err(format_mismatch(format!(
            "carousel: number of cards ({got}) does not match the expected ({expected})"
        )));
    }
    let inner = |card: &Value| card["components"].as_array().cloned().unwrap_or_default();
    given.iter().zip(&defined).try_for_each(|(g, d)| against(&inner(g), &inner(d), template, known))
}

fn header(
    given: Option<&Value>,
    defined: Option<&Value>,
    template: &StoredTemplate,
    known: &Known<'_>,
) -> Result<(), Refusal> {
    let parameters = parameters(given);
    let format = defined.map_or("", |d| d["format"].as_str().unwrap_or("TEXT"));
    if matches!(format, "" | "TEXT") {
        return texts("header", parameters, defined, template.named, HEADER);
    }
    let wanted = format.to_ascii_lowercase();
    let [parameter] = parameters else {
        return Err(format_mismatch(format!("header: Format mismatch, expected {format}, received UNKNOWN")));
    };
    let kind = parameter["type"].as_str().unwrap_or_default();
    if kind != wanted {
        let received = kind.to_ascii_uppercase();
        return Err(format_mismatch(format!("header: Format mismatch, expected {format}, received {received}")));
    }
    let path = format!("template['header']['{wanted}']");
    let content = object(parameter.get(&wanted).ok_or_else(|| Refusal::missing(&path))?, &path)?;
    if wanted == "location" { super::content::location(content) } else { media_source(content, &path, &wanted, known) }
}

fn body(given: Option<&Value>, defined: Option<&Value>, template: &StoredTemplate, alone: bool) -> Result<(), Refusal> {
    let parameters = parameters(given);
    // Meta writes the body of authentication templates: its one parameter is the code.
    if template.category == "AUTHENTICATION" && defined.is_some_and(|d| d["text"].is_null()) {
        return if parameters.len() == 1 { Ok(()) } else { Err(count("body", parameters.len(), 1)) };
    }
    texts("body", parameters, defined, template.named, if alone { LONE_BODY } else { BODY })
}

/// Text parameters: as many as there are variables, named as they are, and short enough together.
fn texts(what: &str, parameters: &[Value], defined: Option<&Value>, named: bool, most: usize) -> Result<(), Refusal> {
    let text = defined.and_then(|d| d["text"].as_str()).unwrap_or_default();
    let wanted = variables(text);
    if parameters.len() != wanted.len() {
        return Err(count(what, parameters.len(), wanted.len()));
    }
    for parameter in parameters {
        let value = value(parameter).ok_or_else(|| {
            format_mismatch(format!("{what}: a parameter of type {} is not a text", parameter["type"]))
        })?;
        if value.contains(['\n', '\t']) || value.contains("     ") {
            let why = "Param text cannot have new-line/tab characters or more than 4 consecutive spaces";
            return Err(Refusal::new(132018, format!("{what}: {why}")));
        }
        if named && !parameter["parameter_name"].as_str().is_some_and(|n| wanted.iter().any(|w| w == n)) {
            let name = &parameter["parameter_name"];
            return Err(format_mismatch(format!("{what}: the parameter name {name} is not one of {wanted:?}")));
        }
    }
    match render::filled(text, parameters).chars().count() {
        n if n <= most => Ok(()),
        n => Err(Refusal::new(132005, format!("{what}: {n} characters, at most {most}"))),
    }
}

/// The text that a parameter puts in.
fn value(parameter: &Value) -> Option<&str> {
    match parameter["type"].as_str()? {
        "text" => parameter["text"].as_str().filter(|t| !t.is_empty()),
        kind @ ("currency" | "date_time") => parameter[kind]["fallback_value"].as_str(),
        _ => None,
    }
}

fn offer(given: Option<&Value>, defined: Option<&Value>) -> Result<(), Refusal> {
    let expires = defined.is_some_and(|d| d["limited_time_offer"]["has_expiration"] == true);
    let time = parameters(given).first().map(|p| &p["limited_time_offer"]["expiration_time_ms"]);
    match (expires, time) {
        (true, Some(time)) if time.is_u64() => Ok(()),
        (true, _) => Err(Refusal::missing("limited_time_offer['expiration_time_ms']")),
        (false, Some(_)) => Err(count("limited_time_offer", 1, 0)),
        (false, None) => Ok(()),
    }
}

pub(super) fn parameters(component: Option<&Value>) -> &[Value] {
    component.and_then(|c| c["parameters"].as_array()).map(Vec::as_slice).unwrap_or_default()
}

fn count(what: &str, got: usize, expected: usize) -> Refusal {
    Refusal::new(
        132000,
        format!(
            "{what}: number of localizable_params ({got}) does not match the expected number of params ({expected})"
        ),
    )
}

fn format_mismatch(details: String) -> Refusal {
    Refusal::new(132012, details)
}
