//! What a reader sees of a message object, outgoing or inbound: both name their content by `type`.

use serde_json::Value;

use super::transcript::{Attachment, Card, Choice, ChoiceKind, Entry, Link};

const MEDIA: [&str; 5] = ["image", "video", "audio", "document", "sticker"];

/// Fills the row of a message.
pub(super) fn message(message: &Value, entry: &mut Entry) {
    let kind = message["type"].as_str().unwrap_or("text");
    let content = &message[kind];
    kind.clone_into(&mut entry.kind);
    let context = &message["context"];
    entry.context = ["message_id", "id"].iter().find_map(|k| string(&context[*k]));
    notes(message, entry);
    match kind {
        "interactive" => interactive(content, entry),
        "text" => entry.text = text(&content["body"]),
        "button" => entry.text = text(&content["text"]),
        "template" => entry.text = text(&content["name"]),
        "reaction" => {
            entry.text = text(&content["emoji"]);
            entry.context = string(&content["message_id"]);
        }
        "location" => {
            entry.text = text(&content["name"]);
            entry.details = string(&content["address"]).into_iter().chain([place(content)]).collect();
        }
        "contacts" => entry.details = items(content).map(contact).collect(),
        "order" => {
            entry.text = text(&content["text"]);
            entry.details = items(&content["product_items"]).map(ordered).collect();
        }
        "system" => entry.text = text(&content["body"]),
        "unsupported" => entry.details = string(&content["type"]).into_iter().collect(),
        "edit" => {
            entry.text = said(&content["message"]);
            entry.context = string(&content["original_message_id"]);
        }
        "revoke" => entry.context = string(&content["original_message_id"]),
        media if MEDIA.contains(&media) => {
            entry.text = text(&content["caption"]);
            entry.media = Some(attachment(media, content));
        }
        _ => entry.text = text(&content["caption"]),
    }
}

fn notes(message: &Value, entry: &mut Entry) {
    let context = &message["context"];
    for (there, note) in [
        (context["frequently_forwarded"] == true, "forwarded many times"),
        (context["forwarded"] == true, "forwarded"),
        (message["referral"].is_object(), "from an ad"),
        (context["referred_product"].is_object(), "about a product"),
    ] {
        if there {
            entry.notes.push(note.into());
        }
    }
}

/// The text of a message object, whichever type it is of.
pub(super) fn said(message: &Value) -> String {
    let content = &message[message["type"].as_str().unwrap_or_default()];
    [&content["body"], &content["caption"]].iter().find_map(|v| string(v)).unwrap_or_default()
}

pub(super) fn interactive(content: &Value, entry: &mut Entry) {
    let kind = content["type"].as_str().unwrap_or("interactive");
    kind.clone_into(&mut entry.kind);
    let header = &content["header"];
    entry.header = string(&header["text"]);
    entry.media = header["type"].as_str().filter(|t| MEDIA.contains(t)).map(|t| attachment(t, &header[t]));
    if header["type"] == "location" {
        entry.details.push(place(&header["location"]));
    }
    entry.footer = string(&content["footer"]["text"]);
    let reply = &content[kind];
    let said = [&content["body"]["text"], &reply["title"], &reply["body"]];
    entry.text = said.iter().find_map(|v| string(v)).unwrap_or_default();
    if let Some(answer) = string(&reply["response_json"]) {
        entry.details.push(answer);
    }
    let action = &content["action"];
    entry.list_button = string(&action["button"]);
    entry.choices = choices(action);
    entry.links = links(kind, action);
    entry.details.extend(items(&action["sections"]).flat_map(|s| items(&s["product_items"])).map(product));
    entry.cards = items(&action["cards"]).map(card).collect();
}

fn choices(action: &Value) -> Vec<Choice> {
    let replies = items(&action["buttons"]).filter_map(|b| choice(ChoiceKind::Button, &b["reply"], None));
    let rows = items(&action["sections"])
        .flat_map(|s| items(&s["rows"]).filter_map(|row| choice(ChoiceKind::Row, row, string(&s["title"]))));
    let quick = items(&action["template_buttons"]).filter(|b| b["type"] == "quick_reply").filter_map(|b| {
        let (id, title) = (string(&b["payload"])?, string(&b["text"])?);
        Some(Choice { kind: ChoiceKind::Button, id, title, description: None, section: None })
    });
    replies.chain(rows).chain(quick).collect()
}

/// What an action opens.
fn links(kind: &str, action: &Value) -> Vec<Link> {
    let given = &action["parameters"];
    let link = |kind: &str, title: Option<String>, or: &str, url: Option<String>| {
        vec![Link { kind: kind.into(), title: title.unwrap_or_else(|| or.into()), url, flow_id: None, disabled: false }]
    };
    match action["name"].as_str().unwrap_or(kind) {
        "cta_url" => link("url", string(&given["display_text"]), "Open", string(&given["url"])),
        "flow" => link("flow", string(&given["flow_cta"]), "Open form", None),
        "send_location" => link("location", None, "Send location", None),
        "address_message" => link("address", None, "Provide address", None),
        "request_contact_info" => link("contact", None, "Share contact", None),
        "catalog_message" => link("catalog", None, "View catalogue", None),
        "product_list" => link("catalog", None, "View items", None),
        "product" => link("product", string(&action["product_retailer_id"]), "View item", None),
        _ => template_links(action),
    }
}

fn template_links(action: &Value) -> Vec<Link> {
    let others = items(&action["template_buttons"]).filter(|b| b["type"] != "quick_reply");
    let link = |b: &Value| {
        let kind = text(&b["type"]);
        let title = string(&b["text"]).unwrap_or_else(|| kind.replace('_', " "));
        let kind = if kind == "mpm" { "catalog".into() } else { kind };
        Link { kind, title, url: string(&b["url"]), flow_id: None, disabled: false }
    };
    others.map(link).collect()
}

fn card(card: &Value) -> Card {
    let header = &card["header"];
    let media = header["type"].as_str().filter(|t| MEDIA.contains(t)).map(|t| attachment(t, &header[t]));
    let kind = card["type"].as_str().unwrap_or_default();
    let action = &card["action"];
    Card { media, text: text(&card["body"]["text"]), links: links(kind, action), choices: choices(action) }
}

fn attachment(kind: &str, content: &Value) -> Attachment {
    Attachment {
        kind: kind.into(),
        id: string(&content["id"]),
        link: string(&content["link"]),
        filename: string(&content["filename"]),
        voice: content["voice"] == true,
    }
}

fn place(location: &Value) -> String {
    let degrees = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    format!("{}, {}", degrees(&location["latitude"]), degrees(&location["longitude"]))
}

fn contact(contact: &Value) -> String {
    let name = text(&contact["name"]["formatted_name"]);
    let phones = items(&contact["phones"]).filter_map(|p| string(&p["phone"]));
    let mails = items(&contact["emails"]).filter_map(|p| string(&p["email"]));
    [name].into_iter().chain(phones).chain(mails).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn ordered(item: &Value) -> String {
    let id = text(&item["product_retailer_id"]);
    format!("{} × {id} · {} {}", item["quantity"], item["item_price"], text(&item["currency"]))
}

fn product(item: &Value) -> String {
    text(&item["product_retailer_id"])
}

fn choice(kind: ChoiceKind, from: &Value, section: Option<String>) -> Option<Choice> {
    let (id, title) = (string(&from["id"])?, string(&from["title"])?);
    Some(Choice { kind, id, title, description: string(&from["description"]), section })
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn string(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
