//! Holds the templates that a bot uses against those that the account has.

use super::{ButtonUse, HeaderUse, KnownButton, KnownHeader, KnownTemplate, Params, Use};
use crate::explain::{self, Code};
use crate::message::shape::Place;
use crate::message::template::CardUse;
use crate::names::nearest;

/// One finding: its code, place, words and cure.
pub(crate) struct Finding<'u> {
    pub(crate) code: Code,
    pub(crate) place: &'u Place,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// What is wrong with one use. A name or language that is computed in a turn is left alone.
pub(crate) fn check<'u>(used: &'u Use, templates: &[KnownTemplate]) -> Vec<Finding<'u>> {
    let Some(name) = &used.name else { return Vec::new() };
    let named: Vec<&KnownTemplate> = templates.iter().filter(|template| template.name == *name).collect();
    if named.is_empty() {
        let near = nearest(name, templates.iter().map(|template| template.name.as_str()));
        return vec![Finding {
            code: explain::TEMPLATE_MISSING,
            place: &used.name_place,
            message: format!("the account has no template `{name}`"),
            help: near.map(|near| format!("did you mean `{near}`?")),
        }];
    }
    let Some(lang) = &used.lang else { return Vec::new() };
    let Some(template) = named.iter().find(|template| template.language == *lang) else {
        let languages: Vec<&str> = named.iter().map(|template| template.language.as_str()).collect();
        return vec![Finding {
            code: explain::TEMPLATE_LANGUAGE,
            place: &used.lang_place,
            message: format!("template `{name}` does not exist in `{lang}`"),
            help: Some(format!("it exists in {}", crate::bot::read::list(&languages))),
        }];
    };
    let mut findings = Vec::new();
    if template.status != "APPROVED" {
        findings.push(Finding {
            code: explain::TEMPLATE_STATUS,
            place: &used.name_place,
            message: format!("template `{name}` in `{lang}` is {}, not approved", template.status.to_lowercase()),
            help: None,
        });
    }
    check_card(&used.card, &template.header, &template.body, &template.buttons, &mut findings);
    check_cards(used, template, &mut findings);
    findings
}

fn check_cards<'u>(used: &'u Use, template: &KnownTemplate, findings: &mut Vec<Finding<'u>>) {
    if used.cards.len() != template.cards.len() {
        let message = format!("{} cards are given, the template has {}", used.cards.len(), template.cards.len());
        findings.push(params(&used.card.place, message));
    }
    for (index, card) in &used.cards {
        if let Some(known) = template.cards.get(*index) {
            check_card(card, &known.header, &known.body, &known.buttons, findings);
        }
    }
    let message = match (used.offer, template.limited_time_offer) {
        (true, false) => "the template has no limited-time offer",
        (false, true) => "the template needs the end of its `limited_time_offer`",
        _ => return,
    };
    findings.push(params(&used.card.place, message.to_owned()));
}

fn check_card<'u>(
    used: &'u CardUse,
    header: &KnownHeader,
    body: &Params,
    buttons: &[KnownButton],
    findings: &mut Vec<Finding<'u>>,
) {
    let header_place = used.header_place.as_ref().unwrap_or(&used.place);
    let body_place = used.body_place.as_ref().unwrap_or(&used.place);
    findings.extend(wrong_header(&used.header, header).map(|message| params(header_place, message)));
    findings.extend(wrong_values("body", &used.body, body).map(|message| params(body_place, message)));
    for button in &used.buttons {
        findings.extend(wrong_button(button, buttons).map(|message| params(&button.place, message)));
    }
    for (index, button) in buttons.iter().enumerate() {
        if button.needs_value && !used.buttons.iter().any(|used| used.index == index) {
            let message = format!("button {index} (`{}`) needs a value", button.text);
            findings.push(params(&used.place, message));
        }
    }
}

fn params(place: &Place, message: String) -> Finding<'_> {
    Finding { code: explain::TEMPLATE_PARAMS, place, message, help: None }
}

fn wrong_header(used: &HeaderUse, known: &KnownHeader) -> Option<String> {
    let needs = match known {
        KnownHeader::Other(_) => return None,
        KnownHeader::Fixed if *used == HeaderUse::None => return None,
        KnownHeader::Fixed => return Some("the header of the template takes no value".to_owned()),
        KnownHeader::Text(known) => match used {
            HeaderUse::Text(used) => return wrong_values("header", used, known),
            _ => "a text",
        },
        KnownHeader::Location if *used == HeaderUse::Location => return None,
        KnownHeader::Location => "a `location`",
        KnownHeader::Media(kind) if *used == HeaderUse::Media(*kind) => return None,
        KnownHeader::Media(kind) => {
            return Some(format!("the header of the template needs media: `{}`", kind.as_str()));
        }
    };
    Some(format!("the header of the template needs {needs}"))
}

fn wrong_values(part: &str, used: &Params, known: &Params) -> Option<String> {
    match (used, known) {
        (Params::Positional(used), Params::Positional(known)) => {
            (used != known).then(|| format!("{used} values are given for the {part}, the template takes {known}"))
        }
        (Params::Named(used), Params::Named(known)) => {
            let missing: Vec<&str> = known.iter().filter(|name| !used.contains(name)).map(String::as_str).collect();
            let extra: Vec<&str> = used.iter().filter(|name| !known.contains(name)).map(String::as_str).collect();
            let list = crate::bot::read::list;
            match (missing.is_empty(), extra.is_empty()) {
                (true, true) => None,
                (false, _) => Some(format!("the {part} needs {}", list(&missing))),
                (true, false) => Some(format!("the {part} has no {}", list(&extra))),
            }
        }
        (Params::Positional(_), Params::Named(names)) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            Some(format!("the {part} takes named values: {}", crate::bot::read::list(&names)))
        }
        (Params::Named(_), Params::Positional(0)) => Some(format!("the {part} of the template takes no values")),
        (Params::Named(_), Params::Positional(count)) => {
            Some(format!("the {part} takes {count} values by their order, not by name"))
        }
    }
}

fn wrong_button(used: &ButtonUse, known: &[KnownButton]) -> Option<String> {
    let index = used.index;
    let Some(button) = known.get(index) else {
        return Some(format!("the template has no button {index}: it has {}", known.len()));
    };
    let fits = match button.kind.as_str() {
        "QUICK_REPLY" => used.kind == "quick_reply",
        "URL" => used.kind == "url" && button.needs_value,
        "OTP" => used.kind == "url",
        "COPY_CODE" => used.kind == "copy_code",
        "FLOW" => used.kind == "flow",
        "CATALOG" => used.kind == "catalog",
        "MPM" => used.kind == "mpm",
        "PHONE_NUMBER" | "VOICE_CALL" => false,
        _ => true,
    };
    let kind = button.kind.to_lowercase();
    (!fits).then(|| format!("button {index} of the template is `{kind}` and does not take this value"))
}
