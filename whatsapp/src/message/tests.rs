//! Every limit's refusal, the bodies that are sent, storing, and raw bodies.

mod golden;
mod raw;
mod refusals;

use serde_json::json;

use super::*;
use crate::limits::{Limit, LimitError};

const TO: &str = "447700900123";

fn phone() -> Recipient {
    Recipient::Phone(TO.to_owned())
}

fn x(n: usize) -> String {
    "é".repeat(n)
}

fn row(id: &str) -> Row {
    Row::new(id, "Title")
}

fn rows(n: usize) -> Vec<Row> {
    (0..n).map(|i| row(&format!("r{i}"))).collect()
}

fn sample_buttons() -> Buttons {
    let buttons = vec![Button::new("yes", "Yes"), Button::new("no", "No")];
    Buttons::new("Confirm?", buttons)
        .unwrap()
        .with_header("Order 42")
        .unwrap()
        .with_footer("Reply within a day")
        .unwrap()
}

fn sample_list() -> List {
    let rows = vec![Row::new("s", "Small").with_description("9 inch"), Row::new("l", "Large")];
    List::new("Pick a size", "Sizes", vec![Section::titled("Pizza", rows)]).unwrap()
}

#[test]
fn text_body_has_the_wire_shape() {
    let text = Outgoing::from(Text::new("See https://example.org").unwrap().with_preview());
    assert_eq!(
        text.body(&phone(), "obx:1"),
        json!({ "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+447700900123", "type": "text",
            "text": { "preview_url": true, "body": "See https://example.org" }, "biz_opaque_callback_data": "obx:1" })
    );
}

#[test]
fn buttons_body_has_the_wire_shape() {
    let body = Outgoing::from(sample_buttons()).body(&phone(), "");
    assert_eq!(body.get("biz_opaque_callback_data"), None);
    assert_eq!(body["type"], "interactive");
    assert_eq!(
        body["interactive"],
        json!({ "type": "button", "header": { "type": "text", "text": "Order 42" }, "body": { "text": "Confirm?" },
            "footer": { "text": "Reply within a day" },
            "action": { "buttons": [
                { "type": "reply", "reply": { "id": "yes", "title": "Yes" } },
                { "type": "reply", "reply": { "id": "no", "title": "No" } } ] } })
    );
}

#[test]
fn list_body_has_the_wire_shape() {
    let body = Outgoing::from(sample_list()).body(&Recipient::UserId("GB.77".into()), "obx:1");
    assert_eq!((&body["recipient"], body.get("to")), (&json!("GB.77"), None));
    assert_eq!(
        body["interactive"],
        json!({ "type": "list", "body": { "text": "Pick a size" },
            "action": { "button": "Sizes", "sections": [ { "title": "Pizza", "rows": [
                { "id": "s", "title": "Small", "description": "9 inch" }, { "id": "l", "title": "Large" } ] } ] } })
    );
}

#[test]
fn number_gets_exactly_one_plus() {
    for digits in ["447700900123", "+447700900123"] {
        let body = Outgoing::from(Text::new("hi").unwrap()).body(&Recipient::Phone(digits.into()), "");
        assert_eq!(body["to"], "+447700900123");
    }
}

#[test]
fn addressee_in_a_raw_body_is_replaced() {
    let raw = json!({ "to": "+15550100999", "recipient": "GB.1", "biz_opaque_callback_data": "x", "type": "text", "text": { "body": "hi" } });
    let body = address(raw, &phone(), "obx:2");
    assert_eq!((&body["to"], body.get("recipient")), (&json!("+447700900123"), None));
    assert_eq!((&body["biz_opaque_callback_data"], &body["messaging_product"]), (&json!("obx:2"), &json!("whatsapp")));
}

#[test]
fn texts_at_their_limits_are_accepted() {
    assert!(Text::new(x(4096)).is_ok());
    let buttons = (0..3).map(|i| Button::new(format!("{i}{}", x(255)), format!("{i}{}", x(19)))).collect();
    let full = Buttons::new(x(1024), buttons).unwrap().with_header(x(60)).unwrap().with_footer(x(60)).unwrap();
    let rows = (0..10).map(|i| Row::new(format!("{i}{}", x(199)), x(24)).with_description(x(72)));
    let sections = rows.map(|row| Section::titled(x(24), vec![row])).collect();
    let list = List::new(x(1024), x(20), sections).unwrap().with_header(x(60)).unwrap().with_footer(x(60)).unwrap();
    for outgoing in [Outgoing::from(full), Outgoing::from(list)] {
        assert_eq!(check_raw(&outgoing.body(&phone(), "")), Ok(()));
    }
}

/// Field, limit and actual of a refusal.
fn refusal<T: std::fmt::Debug>(made: Result<T, LimitError>) -> (String, Limit, usize) {
    let error = made.unwrap_err();
    (error.field, error.limit, error.actual)
}

#[test]
fn every_broken_limit_of_text_and_buttons_is_named() {
    let one = || vec![Button::new("a", "A")];
    let with = |id: &str, title: &str| refusal(Buttons::new("b", vec![Button::new("a", "A"), Button::new(id, title)]));
    let at = |field: &str, limit, actual| (field.to_owned(), limit, actual);
    assert_eq!(refusal(Text::new("")), at("body", Limit::NotEmpty, 0));
    assert_eq!(refusal(Text::new(" \n")), at("body", Limit::NotEmpty, 0));
    assert_eq!(refusal(Text::new(x(4097))), at("body", Limit::MaxChars(4096), 4097));
    assert_eq!(refusal(Buttons::new("", one())), at("body", Limit::NotEmpty, 0));
    assert_eq!(refusal(Buttons::new(x(1025), one())), at("body", Limit::MaxChars(1024), 1025));
    assert_eq!(refusal(sample_buttons().with_header(x(61))), at("header", Limit::MaxChars(60), 61));
    assert_eq!(refusal(sample_buttons().with_footer(x(61))), at("footer", Limit::MaxChars(60), 61));
    assert_eq!(refusal(Buttons::new("b", vec![])), at("buttons", Limit::MinItems(1), 0));
    let four = (0..4).map(|i| Button::new(i.to_string(), i.to_string())).collect();
    assert_eq!(refusal(Buttons::new("b", four)), at("buttons", Limit::MaxItems(3), 4));
    assert_eq!(with("", "B"), at("buttons[1].id", Limit::NotEmpty, 0));
    assert_eq!(with(&x(257), "B"), at("buttons[1].id", Limit::MaxChars(256), 257));
    assert_eq!(with(" b", "B"), at("buttons[1].id", Limit::NoOuterSpace, 0));
    assert_eq!(with("a", "B"), at("buttons[1].id", Limit::Unique, 0));
    assert_eq!(with("b", " "), at("buttons[1].title", Limit::NotEmpty, 0));
    assert_eq!(with("b", &x(21)), at("buttons[1].title", Limit::MaxChars(20), 21));
    assert_eq!(with("b", "A"), at("buttons[1].title", Limit::Unique, 0));
}

#[test]
fn every_broken_limit_of_lists_is_named() {
    let at = |field: &str, limit, actual| (field.to_owned(), limit, actual);
    let list = |sections| refusal(List::new("b", "Open", sections));
    let second = |row| list(vec![Section::new(vec![Row::new("a", "A"), row])]);
    let plain = || vec![Section::new(rows(1))];
    assert_eq!(refusal(List::new("", "Open", plain())), at("body", Limit::NotEmpty, 0));
    assert_eq!(refusal(List::new(x(1025), "Open", plain())), at("body", Limit::MaxChars(1024), 1025));
    assert_eq!(refusal(List::with_long_body(x(4097), "Open", plain())), at("body", Limit::MaxChars(4096), 4097));
    assert_eq!(refusal(List::new("b", "", plain())), at("button", Limit::NotEmpty, 0));
    assert_eq!(refusal(List::new("b", x(21), plain())), at("button", Limit::MaxChars(20), 21));
    assert_eq!(refusal(sample_list().with_header(x(61))), at("header", Limit::MaxChars(60), 61));
    assert_eq!(refusal(sample_list().with_footer(x(61))), at("footer", Limit::MaxChars(60), 61));
    assert_eq!(list(vec![]), at("sections", Limit::MinItems(1), 0));
    assert_eq!(list(vec![Section::new(vec![])]), at("sections[0].rows", Limit::MinItems(1), 0));
    assert_eq!(list(vec![Section::new(rows(11))]), at("rows", Limit::MaxItems(10), 11));
    let eleven = (0..11).map(|i| Section::titled("t", vec![row(&format!("r{i}"))])).collect();
    assert_eq!(list(eleven), at("sections", Limit::MaxItems(10), 11));
    assert_eq!(list(vec![Section::titled(x(25), rows(1))]), at("sections[0].title", Limit::MaxChars(24), 25));
    let untitled = vec![Section::titled("t", rows(1)), Section::new(vec![row("z")])];
    assert_eq!(list(untitled), at("sections[1].title", Limit::NotEmpty, 0));
    let across = vec![Section::titled("t", rows(1)), Section::titled("u", rows(1))];
    assert_eq!(list(across), at("sections[1].rows[0].id", Limit::Unique, 0));
    assert_eq!(second(Row::new("", "B")), at("sections[0].rows[1].id", Limit::NotEmpty, 0));
    assert_eq!(second(Row::new("b ", "B")), at("sections[0].rows[1].id", Limit::NoOuterSpace, 0));
    assert_eq!(second(Row::new(x(201), "B")), at("sections[0].rows[1].id", Limit::MaxChars(200), 201));
    assert_eq!(second(Row::new("b", "")), at("sections[0].rows[1].title", Limit::NotEmpty, 0));
    assert_eq!(second(Row::new("b", x(25))), at("sections[0].rows[1].title", Limit::MaxChars(24), 25));
    let long = second(Row::new("b", "B").with_description(x(73)));
    assert_eq!(long, at("sections[0].rows[1].description", Limit::MaxChars(72), 73));
}

#[test]
fn equal_row_titles_are_allowed() {
    assert!(List::new("b", "Open", vec![Section::new(rows(2))]).is_ok());
}

#[test]
fn long_list_body_is_allowed_when_asked_for_and_survives_storing() {
    let list = List::with_long_body(x(4096), "Open", vec![Section::new(rows(1))]).unwrap();
    let list = Outgoing::from(list.with_footer("f").unwrap());
    let stored = serde_json::to_string(&list).unwrap();
    assert_eq!(serde_json::from_str::<Outgoing>(&stored).unwrap(), list);
}

#[test]
fn optional_texts_that_came_out_empty_are_left_out() {
    let buttons = sample_buttons().with_header(" ").unwrap().with_footer("").unwrap();
    assert_eq!((buttons.header(), buttons.footer()), (None, None));
    let list = List::new("b", "Open", vec![Section::titled("", vec![row("a").with_description(" ")])]).unwrap();
    assert_eq!(list.sections(), [Section::new(vec![row("a")])]);
}

#[test]
fn storing_and_reading_gives_the_same_message() {
    for outgoing in
        [Text::new("hi").unwrap().with_preview().into(), Outgoing::from(sample_buttons()), sample_list().into()]
    {
        let stored = serde_json::to_string(&outgoing).unwrap();
        assert_eq!(serde_json::from_str::<Outgoing>(&stored).unwrap(), outgoing);
    }
}

#[test]
fn stored_message_that_breaks_a_limit_is_refused() {
    for stored in [
        json!({ "text": { "body": "" } }),
        json!({ "buttons": { "body": "b", "buttons": [] } }),
        json!({ "buttons": { "body": "b", "buttons": [{ "id": "a", "title": x(21) }] } }),
        json!({ "list": { "body": "b", "button": "Open", "sections": [] } }),
    ] {
        assert!(serde_json::from_value::<Outgoing>(stored.clone()).is_err(), "{stored}");
    }
}

#[test]
fn type_name_and_text_are_what_a_console_shows() {
    let rows = [
        (Outgoing::from(Text::new("hi").unwrap()), "text", "hi"),
        (sample_buttons().into(), "interactive", "Confirm?"),
        (sample_list().into(), "interactive", "Pick a size"),
    ];
    for (outgoing, type_name, text) in rows {
        assert_eq!((outgoing.type_name(), outgoing.text()), (type_name, text));
    }
}
