use serde_json::json;

use super::*;

const BOOKING: &str = r#"{
  "version": "7.3", "data_api_version": "3.0",
  "routing_model": { "BOOKING": ["CONFIRM"], "CONFIRM": [] },
  "screens": [
    { "id": "BOOKING", "title": "Book",
      "data": { "slots": { "type": "array",
        "items": { "type": "object", "properties": { "id": { "type": "string" }, "title": { "type": "string" } } },
        "__example__": [ { "id": "1", "title": "09:30" } ] } },
      "layout": { "type": "SingleColumnLayout", "children": [
        { "type": "TextHeading", "text": "When?" },
        { "type": "If", "condition": "`true`",
          "then": [{ "type": "Dropdown", "name": "slot", "label": "Slot", "required": true, "data-source": "${data.slots}" }],
          "else": [{ "type": "CalendarPicker", "name": "days", "label": "Days", "mode": "range" }] },
        { "type": "Footer", "label": "Next", "on-click-action": { "name": "data_exchange", "payload": { "slot": "${form.slot}" } } } ] } },
    { "id": "CONFIRM", "title": "Confirm", "terminal": true, "refresh_on_back": true, "data": {},
      "layout": { "type": "SingleColumnLayout", "children": [
        { "type": "Footer", "label": "Done", "on-click-action": { "name": "complete", "payload": { "slot": "x" } } } ] } } ] }"#;

#[test]
fn a_flow_tells_its_screens_routes_and_inputs() {
    let flow = FlowJson::parse(BOOKING).unwrap();
    assert_eq!((flow.version(), flow.data_api_version()), (Some(Version::new(7, 3)), Some("3.0")));
    assert!(flow.has_endpoint());
    assert_eq!(flow.entry(), Some("BOOKING"));
    let screen = flow.screen("BOOKING").unwrap();
    let inputs: Vec<_> = screen.form.iter().map(|f| (&*f.name, &*f.component, f.required)).collect();
    assert_eq!(inputs, [("slot", "Dropdown", true), ("days", "CalendarPicker", false)]);
    assert_eq!(screen.actions[0].kind, ActionKind::DataExchange);
    assert_eq!(screen.actions[0].payload["slot"], "${form.slot}");
    let end = flow.screen("CONFIRM").unwrap();
    assert!(end.terminal && end.success && end.refresh_on_back && !screen.terminal);
}

#[test]
fn a_screen_takes_itself_and_forward_routes_only() {
    let flow = FlowJson::parse(BOOKING).unwrap();
    assert!(flow.may_follow("BOOKING", "CONFIRM") && flow.may_follow("BOOKING", "BOOKING"));
    assert!(!flow.may_follow("CONFIRM", "BOOKING") && !flow.may_follow("NOWHERE", "NOWHERE"));
}

#[test]
fn routes_without_a_model_are_those_of_the_navigate_actions() {
    let go = |to: &str| json!({ "name": "navigate", "next": { "type": "screen", "name": to }, "payload": {} });
    let screen =
        |id: &str, children| json!({ "id": id, "layout": { "type": "SingleColumnLayout", "children": children } });
    let flow = json!({ "version": "6.3", "screens": [
        screen("LAST", json!([])),
        screen("FIRST", json!([
            { "type": "NavigationList", "list-items": [{ "id": "1", "on-click-action": go("MIDDLE") }] },
            { "type": "Switch", "value": "x", "cases": { "a": [{ "type": "Footer", "on-click-action": go("LAST") }] } },
        ])),
        screen("MIDDLE", json!([{ "type": "Footer", "on-click-action": go("LAST") }])),
    ] });
    let flow = FlowJson::parse(&flow.to_string()).unwrap();
    assert_eq!(flow.entry(), Some("FIRST"));
    assert_eq!(flow.routing()["FIRST"], ["MIDDLE", "LAST"]);
    assert!(!flow.has_endpoint());
}

#[test]
fn a_screen_takes_the_data_that_it_declares() {
    let flow = FlowJson::parse(BOOKING).unwrap();
    let screen = flow.screen("BOOKING").unwrap();
    assert_eq!(screen.accepts(&json!({ "slots": [], "error_message": "gone" })), Ok(()));
    assert_eq!(screen.accepts(&json!({ "slots": [{ "id": "1", "title": "09:30", "enabled": true }] })), Ok(()));
    let refused = |data| screen.accepts(&data).unwrap_err();
    assert_eq!(refused(json!({})), "slots is missing");
    assert_eq!(refused(json!([])), "the data is not an object");
    assert_eq!(refused(json!({ "slots": "none" })), "slots is a string, not an array");
    assert_eq!(screen.accepts(&json!({ "slots": [{ "id": "1" }] })), Ok(()), "within a field, nothing must be there");
    assert_eq!(refused(json!({ "slots": [{ "id": 1, "title": "" }] })), "slots[0].id is a number, not a string");
}

#[test]
fn what_is_no_flow_json_is_refused_with_its_place() {
    let refused = |text: &str| {
        let problem = FlowJson::parse(text).unwrap_err();
        (problem.error, problem.line_start, problem.column_start)
    };
    assert_eq!(refused("{\n  \"ü\": 1,\n}"), ("INVALID_FLOW_JSON".into(), 3, 1));
    assert_eq!(refused(""), ("INVALID_FLOW_JSON".into(), 1, 1));
    assert_eq!(refused("{\"a\": \"ü\" x}"), ("INVALID_FLOW_JSON".into(), 1, 11));
    assert_eq!(refused("{\"version\": 1e999}"), ("INVALID_FLOW_JSON".into(), 1, 13));
    assert_eq!(refused("{ \"screens\": [] }"), ("MIN_ITEMS_REQUIRED".into(), 1, 14));
    assert_eq!(refused("[]"), ("MIN_ITEMS_REQUIRED".into(), 1, 1));
    assert_eq!(refused(&"[".repeat(100_000)).0, "INVALID_FLOW_JSON");
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    assert!(FlowJson::parse(&deep).unwrap_err().message.contains("64 levels"));
    let many = format!("[{}1]", "1,".repeat(500_000));
    assert!(FlowJson::parse(&many).unwrap_err().message.contains("500000 values"));
    assert!(FlowJson::parse(&" ".repeat(MAX_BYTES + 1)).unwrap_err().message.contains("Meta takes"));
}

#[test]
fn the_tree_is_what_serde_json_reads() {
    let text = "{\"a\":[1,-2.5e3,\"x\\u00e9\\n\\\"\",null,true,{ }],\n\"b\" : {\"c\":[]},\"\\ud83d\\ude00\":false}";
    let tree = tree::parse(text).unwrap();
    assert_eq!(tree.to_json(), serde_json::from_str::<serde_json::Value>(text).unwrap());
    assert_eq!(text.get(tree.get("b").unwrap().span.clone()), Some("{\"c\":[]}"));
}

#[test]
fn problems_are_written_and_read_in_metas_shape() {
    let problem = FlowJson::parse("{").unwrap_err();
    let wire = serde_json::to_value(&problem).unwrap();
    assert_eq!(wire["pointers"][0]["column_start"], wire["column_start"]);
    assert_eq!(serde_json::from_value::<Problem>(wire).unwrap(), problem);
    let of_meta = json!({ "error": "INVALID_PROPERTY", "error_type": "JSON_SCHEMA_ERROR", "message": "no" });
    let problem: Problem = serde_json::from_value(of_meta).unwrap();
    assert_eq!((problem.line_start, &*problem.path, problem.severity), (0, "", Severity::Error));
}

#[test]
fn versions_are_numbers_per_part() {
    let version = |text: &str| text.parse::<Version>();
    assert!(version("1.10").unwrap() > version("1.9").unwrap());
    for odd in ["", "7", "7.", ".3", "7.3.1", "+7.3", "v7.3", "99999999999.1"] {
        assert!(version(odd).is_err(), "{odd}");
    }
}
