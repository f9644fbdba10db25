use super::*;

const GOOD: &str = include_str!("../../../samples/booking.flow.json");

fn codes(text: &str) -> Vec<String> {
    check(text).1.iter().map(|row| row["error"].as_str().unwrap().to_owned()).collect()
}

fn with(pointer: &str, value: Value) -> String {
    let mut json: Value = serde_json::from_str(GOOD).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = json.pointer_mut(parent).unwrap();
    match value {
        Value::Null => drop(parent.as_object_mut().unwrap().remove(key)),
        value => match parent {
            Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
            other => other[key] = value,
        },
    }
    json.to_string()
}

#[test]
fn a_good_flow_has_no_problems() {
    assert_eq!(check(GOOD).1, Vec::<Value>::new());
}

#[test]
fn each_fault_has_its_code() {
    let footer = json!({ "type": "Footer", "label": "x", "on-click-action": { "name": "complete", "payload": {} } });
    for (text, code) in [
        ("{".to_owned(), "INVALID_FLOW_JSON"),
        ("[]".to_owned(), "INVALID_FLOW_JSON"),
        (with("/version", Value::Null), "MISSING_FLOW_JSON_VERSION"),
        (with("/version", json!("9.1")), "UNSUPPORTED_FLOW_JSON_VERSION"),
        (with("/version", json!(7)), "INVALID_FLOW_JSON_VERSION"),
        (with("/data_api_version", json!("1.0")), "NO_SUPPORTED_DATA_API_VERSION"),
        (with("/routing_model", Value::Null), "MISSING_REQUIRED_PROPERTY"),
        (with("/routing_model/DAY", json!(["NIGHT"])), "INVALID_ROUTING_MODEL"),
        (with("/routing_model/CONFIRM", json!(["DAY"])), "INVALID_ROUTING_MODEL"),
        (with("/screens", Value::Null), "MISSING_REQUIRED_PROPERTY"),
        (with("/screens", json!([])), "MIN_ITEMS_REQUIRED"),
        (with("/extra", json!(1)), "INVALID_PROPERTY_KEY"),
        (with("/screens/0/id", json!("SUCCESS")), "SCREEN_ID_IS_RESERVED_KEYWORD"),
        (with("/screens/0/id", json!("DAY-1")), "PATTERN_MISMATCH"),
        (with("/screens/0/id", json!("CONFIRM")), "DUPLICATE_SCREEN_IDS"),
        (with("/screens/1/terminal", Value::Null), "MISSING_TERMINAL_SCREEN"),
        (with("/screens/0/data/days/type", json!("list")), "INVALID_SCREEN_DATA"),
        (with("/screens/0/data/days/__example__", json!("mon")), "INVALID_SCREEN_DATA"),
        (with("/screens/0/layout/children/1/data-source", json!("${data.nights}")), "INVALID_SCREEN_DYNAMIC_DATA"),
        (with("/screens/0/layout/children/0/type", json!("Blink")), "INVALID_PROPERTY_VALUE"),
        (with("/screens/0/layout/children/0/colour", json!("red")), "INVALID_PROPERTY_KEY"),
        (with("/screens/0/layout/children/1/name", json!("note")), "DUPLICATE_FORM_COMPONENT_NAMES"),
        (with("/screens/0/layout/children/0", footer.clone()), "MAX_FOOTER_PER_SCREEN"),
        (with("/screens/0/layout/children/3", footer), "INVALID_COMPLETE_ACTION"),
        (with("/screens/1/layout/children", json!([])), "MISSING_FOOTER_ON_TERMINAL_SCREEN"),
    ] {
        assert!(codes(&text).contains(&code.to_owned()), "{code}: {:?}", codes(&text));
    }
}

#[test]
fn a_problem_names_its_line_and_its_path() {
    let text = "{\n \"version\": \"7.3\",\n \"screens\": [\n  { \"id\": \"A\", \"terminal\": true,\n    \"layout\": { \"type\": \"Grid\", \"children\": [] } } ]\n}";
    let (_, rows) = check(text);
    let row = rows.iter().find(|row| row["error"] == "INVALID_PROPERTY_VALUE").unwrap();
    assert_eq!((&row["line_start"], &row["column_start"], &row["column_end"]), (&json!(5), &json!(25), &json!(31)));
    assert_eq!(row["pointers"][0]["path"], "screens[0].layout.type");
}
