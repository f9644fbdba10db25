//! Foreign exports become bots that pass the checker and play as the original would.

use chatbot::import::{ImportError, Imported, Kind, detect, whatsapp_builder};
use chatbot::{Format, HttpOutcome, load};
use serde_json::{Value, json};

use crate::support::{Play, expect_file, read, repository, shown, testdata};

fn import(name: &str) -> Imported {
    let source = read(&repository(&format!("tests/data/imports/{name}.whatsapp-builder.json")));
    assert_eq!(detect(&source), Some(Kind::WhatsappBuilder));
    whatsapp_builder(&source).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn small(nodes: Value, edges: &[(&str, &str, &str)]) -> Imported {
    let edges: Vec<Value> = edges
        .iter()
        .map(|(source, handle, target)| match handle.is_empty() {
            true => json!({ "source": source, "target": target }),
            false => json!({ "source": source, "target": target, "sourceHandle": handle }),
        })
        .collect();
    let export = json!({ "name": "Small", "nodes": nodes, "edges": edges });
    whatsapp_builder(&export.to_string()).unwrap_or_else(|error| panic!("{error}"))
}

fn start() -> Value {
    json!({ "id": "s", "type": "start", "data": { "type": "start" } })
}

/// The exports of tests/data/imports: their names, and the programs that they come from.
fn exports() -> Vec<(String, Kind)> {
    let mut found: Vec<(String, Kind)> = std::fs::read_dir(repository("tests/data/imports"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|file| {
            let (name, kind) = file.strip_suffix(".json")?.split_once('.')?;
            Some((name.to_owned(), Kind::by_name(kind)?))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn export(name: &str, kind: Kind) -> String {
    read(&repository(&format!("tests/data/imports/{name}.{}.json", kind.as_str())))
}

#[test]
fn what_is_written_loads_again_and_reports_its_changes() {
    for (name, kind) in exports() {
        let source = export(&name, kind);
        assert_eq!(detect(&source), Some(kind), "{name}");
        let imported = chatbot::import::import(&source, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        let loaded = load(&imported.bot_json.to_string(), &name, Format::Json);
        let errors: Vec<_> = loaded.diagnostics.iter().filter(|found| found.is_error()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(loaded.bot.unwrap().version(), imported.bot.version());
        let mut out = imported.written() + "\n";
        out.push_str(&imported.changes.join("\n"));
        let warnings: Vec<String> = loaded
            .diagnostics
            .iter()
            .map(|found| format!("{}: {} ({})\n", found.code, found.message, found.pointer))
            .collect();
        out.push_str(&format!("\n\n{}", warnings.concat()));
        expect_file(&testdata(&format!("imports/{name}.out")), out.trim_end());
    }
}

#[test]
fn the_clinic_plays_to_its_end() {
    let imported = import("clinic");
    let mut play = Play::new(&imported.bot);
    let said = play.say("hello");
    assert_eq!(said[0], "Hello and welcome to the Riverside Clinic.\nYour number is +15550100001.");
    assert_eq!(said[1], "What is your name?");
    let said = play.say("Grace");
    assert!(
        said[0].contains("Thank you, Grace.") && said[0].contains("(dep_teeth|Teeth and oral hygiene f|Dr. Sato)"),
        "{said:?}"
    );
    let said = play.tap("dep_bill", "Billing");
    assert!(said[0].starts_with("Billing is open") && said[1].contains("(dep_eye|Eyes|Dr. Lind)"));
    assert_eq!(play.tap("dep_eye", "Eyes"), ["How old is the patient?"]);
    assert!(play.say("9")[0].contains("[btn_yes|Yes] [btn_no|No, not this time, s]"));
    let said = play.tap("btn_no", "No, not this time, s");
    assert!(said[0].starts_with("Patients under 18") && said[1].contains("[btn_morning|Morning]"));
    let said = play.tap("btn_morning", "Morning");
    assert_eq!(said[0], "Please do not wear contact lenses on that day.");
    assert_eq!(said[1], "Summary: Grace, 9 years, Eyes, Morning.");
    assert!(said[2].starts_with("Shall we go ahead, Grace?"), "{said:?}");
    let said = play.tap("btn_ok", "Go ahead");
    assert!(said[0].contains("\"flow_id\":\"8100200300\"") && said[0].contains("Please fill in the form."), "{said:?}");
    play.wait(10 * 60_000).unwrap();
    assert!(!play.state.is_waiting());
}

#[test]
fn typed_words_follow_the_default_edge_as_they_did() {
    let imported = import("clinic");
    let mut play = Play::new(&imported.bot);
    play.say("hello");
    play.say("Grace");
    assert_eq!(play.say("my ears"), ["How old is the patient?"]);
    play.say("42");
    play.tap("btn_any", "Any time");
    assert_eq!(play.state.variables()["department"], "my ears");
}

#[test]
fn the_pizza_bot_plays_to_its_end() {
    let imported = import("pizza");
    let mut play = Play::new(&imported.bot);
    assert_eq!(play.say("hi")[0], "🍕 Welcome to Forno!");
    assert!(play.tap("btn-1", "Opening hours")[0].starts_with("Tuesday"));
    let said = play.tap("btn-0", "Order a pizza");
    assert!(said[0].contains("(pz-9|Napoli|9 coins) (parlance.page.1|More ›)"), "{said:?}");
    play.tap("parlance.page.1", "More ›");
    assert!(play.tap("pz-12", "Bianca")[0].starts_with("One Bianca. Which size?"));
    assert_eq!(play.tap("l", "Large"), ["How many?"]);
    let said = play.say("10");
    assert_eq!(said[0], "That is a party! Allow us an hour.");
    let said = play.tap("p", "Pick-up");
    assert_eq!(said[0], "Ready for you in 20 minutes: 10 × Bianca (Large).");
    assert!(said[1].contains("https://orders.example.test/new?pizza=Bianca"), "{said:?}");
    let failed = play.done(HttpOutcome::Unreachable { why: "no connection".into() });
    assert_eq!(shown(&play.step(&failed).unwrap().effects), ["Thank you, see you soon!"]);
    assert!(!play.state.is_waiting());
}

#[test]
fn names_by_number_that_differ_by_path_take_the_one_that_was_answered() {
    let imported = small(
        json!([
            start(),
            { "id": "q", "data": { "type": "question", "questionType": "buttons", "content": "Which?", "buttons": [{"id":"a","title":"A"},{"id":"b","title":"B"}] } },
            { "id": "qa", "data": { "type": "question", "questionType": "text", "content": "A?" } },
            { "id": "qb", "data": { "type": "question", "questionType": "text", "content": "B?" } },
            { "id": "m", "data": { "type": "message", "content": "{{question_2.response}}/{{question_9.response}}/{{missing}}" } },
        ]),
        &[("s", "", "q"), ("q", "a", "qa"), ("q", "b", "qb"), ("qa", "", "m"), ("qb", "", "m")],
    );
    let mut play = Play::new(&imported.bot);
    play.say("x");
    play.tap("b", "B");
    assert_eq!(play.say("yes"), ["yes//"]);
    assert!(
        imported.changes.iter().any(|change| change.starts_with("m: `question_9.response`")),
        "{:?}",
        imported.changes
    );
}

#[test]
fn dynamic_lists_are_offered_in_pages() {
    let imported = small(
        json!([
            start(),
            { "id": "q", "data": { "type": "question", "questionType": "list", "content": "Which?", "variable": "it", "dynamicListSource": "things", "dynamicLabelField": "name", "dynamicDescField": "info" } },
            { "id": "m", "data": { "type": "message", "content": "{{it}}" } },
        ]),
        &[("s", "", "q"), ("q", "", "m")],
    );
    let node = &imported.bot_json["nodes"]["q"];
    assert_eq!(node["options_from"], json!({ "list": "things", "title": "name", "desc": "info", "value": "name" }));
    assert_eq!(node["next"], json!({ "picked": "m", "empty": "m", "invalid": "q.typed" }));
    assert_eq!(Play::new(&imported.bot).say("hi"), Vec::<String>::new());
}

#[test]
fn every_comparison_of_the_original_is_known() {
    let operators = [
        "==",
        "eq",
        "equals",
        "!=",
        "neq",
        "ne",
        "not_equals",
        "contains",
        "not_contains",
        ">",
        "gt",
        "greater",
        "<",
        "lt",
        "less",
        ">=",
        "gte",
        "greater_or_equal",
        "<=",
        "lte",
        "less_or_equal",
        "is_empty",
        "is_not_empty",
    ];
    for operator in operators {
        let imported = small(
            json!([
                start(),
                { "id": "c", "data": { "type": "condition", "conditionVar": "x", "conditionOp": operator, "conditionVal": "it's \"5\"" } },
                { "id": "m", "data": { "type": "message", "content": "yes" } },
            ]),
            &[("s", "", "c"), ("c", "true", "m")],
        );
        assert_eq!(imported.changes.len(), 0, "{operator}: {:?}", imported.changes);
        Play::new(&imported.bot).say("hi");
    }
}

#[test]
fn odd_parts_are_reported_and_do_no_harm() {
    let imported = small(
        json!([
            start(),
            { "id": "weird id!", "data": { "type": "telepathy", "label": "Mind" } },
            { "id": "m", "data": { "type": "message", "content": "" } },
            { "id": "q", "data": { "type": "question", "questionType": "buttons", "content": "", "variable": "input", "buttons": [] } },
            { "id": "c", "data": { "type": "condition", "conditionVar": "a b", "conditionOp": "resembles", "conditionVal": "1" } },
            { "id": "g", "data": { "type": "google_calendar" } },
            { "id": "b", "data": { "type": "question", "questionType": "buttons", "content": "Same", "buttons": [{"id":"x","title":"Twin"},{"id":"x","title":"Twin"},{"id":"failed","title":"Third"}] } },
        ]),
        &[
            ("s", "", "weird id!"),
            ("weird id!", "", "m"),
            ("m", "", "q"),
            ("q", "", "c"),
            ("c", "false", "g"),
            ("g", "", "b"),
            ("b", "", "gone"),
        ],
    );
    let changes = imported.changes.join("\n");
    for part in ["telepathy", "resembles", "empty", "input_2", "calendar", "Twin (2)", "gone", "failed_"] {
        assert!(changes.contains(part), "{part} is missing in\n{changes}");
    }
    let mut play = Play::new(&imported.bot);
    assert_eq!(play.say("hi"), Vec::<String>::new());
    assert!(play.say("anything")[0].contains("https://calendar.example/"));
    let failed = play.done(HttpOutcome::Unreachable { why: "no such name".into() });
    let said = shown(&play.step(&failed).unwrap().effects);
    assert!(said[0].contains("[x|Twin] [x_2|Twin (2)] [failed_|Third]"));
}

#[test]
fn credentials_are_not_copied() {
    let imported = small(
        json!([
            start(),
            { "id": "a", "data": { "type": "rest_api", "apiUrl": "https://x.example/", "apiHeaders": { "Authorization": "Bearer 0000", "Accept": "text/plain" }, "apiAuthToken": "0000" } },
        ]),
        &[("s", "", "a")],
    );
    assert!(!imported.bot_json.to_string().contains("0000"));
    let http = &imported.bot_json["nodes"]["a"];
    assert_eq!(http["auth"], json!({ "bearer": "{{ secret.A_TOKEN }}" }));
    assert_eq!(http["headers"], json!({ "Accept": "text/plain" }));
    assert_eq!(imported.bot_json["secrets"], json!(["A_TOKEN"]));
    assert!(
        imported.changes.contains(&"a: its credentials are not copied: give the secret `A_TOKEN` a value".to_owned())
    );
}

#[test]
fn what_is_no_export_is_refused() {
    assert!(matches!(whatsapp_builder("{"), Err(ImportError::NotJson(_))));
    assert!(matches!(whatsapp_builder("{}"), Err(ImportError::Shape { .. })));
    assert!(matches!(whatsapp_builder(r#"{"nodes":[],"edges":[]}"#), Err(ImportError::Shape { .. })));
    assert!(matches!(whatsapp_builder(r#"{"nodes":[{}],"edges":[]}"#), Err(ImportError::Shape { .. })));
    assert_eq!((detect("{}"), detect("nonsense")), (None, None));
}

/// The tables of docs/imports.md, out of the lists by which the importers work.
fn tables() -> Vec<(&'static str, String)> {
    use chatbot::import::{
        Mapping, RAPIDPRO_ACTIONS, RAPIDPRO_FUNCTIONS, RAPIDPRO_TESTS, TYPEBOT_BLOCKS, WHATSAPP_BUILDER_NODES,
    };
    let rows = |list: &[Mapping]| {
        let row = |(name, what): &Mapping| format!("| `{name}` | {} |\n", what.unwrap_or("– (listed)"));
        list.iter().map(row).collect::<String>()
    };
    let functions = RAPIDPRO_FUNCTIONS.iter().map(|(name, form)| format!("{name:<20} {}\n", form.unwrap_or("–")));
    vec![
        ("nodes of whatsapp-builder", rows(WHATSAPP_BUILDER_NODES)),
        ("actions", rows(RAPIDPRO_ACTIONS)),
        ("tests", rows(RAPIDPRO_TESTS)),
        ("functions", functions.collect()),
        ("blocks", rows(TYPEBOT_BLOCKS)),
    ]
}

#[test]
fn the_tables_of_the_documentation_are_those_of_the_importers() {
    let path = repository("docs/imports.md");
    let mut page = read(&path);
    for (name, table) in tables() {
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let (head, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("docs/imports.md has no table of {name}"));
        let (_, tail) = rest.split_once(&end).unwrap();
        let whole = match name {
            "functions" => format!("\n```text\n{table}```\n\n"),
            _ => format!("\n| there | here |\n| --- | --- |\n{table}\n"),
        };
        page = format!("{head}{begin}{whole}{end}{tail}");
    }
    expect_file(&path, &page);
}

/// Each entry that is listed as not mapped is told of by name, and passed over.
#[test]
fn what_is_not_mapped_is_told_of_by_its_name() {
    use chatbot::import::{RAPIDPRO_ACTIONS, RAPIDPRO_FUNCTIONS, RAPIDPRO_TESTS, TYPEBOT_BLOCKS};
    let listed = |list: &[chatbot::import::Mapping]| -> Vec<&'static str> {
        list.iter().filter(|(_, what)| what.is_none()).map(|(name, _)| *name).collect()
    };
    let told = |export: &Value, name: &str| {
        let imported =
            chatbot::import::import(&export.to_string(), None).unwrap_or_else(|error| panic!("{name}: {error}"));
        let found = imported.changes.iter().any(|change| change.contains(&format!("`{name}`")));
        assert!(found, "{name} is not told of: {:?}", imported.changes);
        assert_eq!(Play::new(&imported.bot).say("hi").last().map(String::as_str), Some("done"), "{name}");
    };
    let flow = |actions: Value, router: Value| {
        json!({ "name": "Listed", "uuid": "f", "spec_version": "13.1.0", "language": "eng", "localization": {}, "nodes": [
            { "uuid": "a", "actions": actions, "router": router, "exits": [ { "uuid": "x", "destination_uuid": "b" } ] },
            { "uuid": "b", "actions": [ { "type": "send_msg", "uuid": "m", "text": "done" } ], "exits": [ { "uuid": "y" } ] },
        ] })
    };
    for name in listed(RAPIDPRO_ACTIONS) {
        told(&flow(json!([{ "type": name, "uuid": "i" }]), Value::Null), name);
    }
    for name in listed(RAPIDPRO_TESTS) {
        let case = json!({ "uuid": "c", "type": name, "arguments": [], "category_uuid": "k" });
        let category = json!({ "uuid": "k", "name": "All", "exit_uuid": "x" });
        let router = json!({ "type": "switch", "operand": "@input.text", "cases": [case], "categories": [category], "default_category_uuid": "k" });
        told(&flow(json!([]), router), name);
    }
    for name in listed(RAPIDPRO_FUNCTIONS) {
        let text = format!("@({name}(1, 2))");
        told(&flow(json!([{ "type": "send_msg", "uuid": "i", "text": text }]), Value::Null), name);
    }
    for name in listed(TYPEBOT_BLOCKS) {
        let blocks = json!([{ "id": "b1", "type": name, "options": {} }, { "id": "b2", "type": "text", "content": { "richText": [{ "type": "p", "children": [{ "text": "done" }] }] } }]);
        let export = json!({ "version": "6", "name": "Listed", "events": [{ "id": "e", "type": "start", "outgoingEdgeId": "g1" }],
            "groups": [{ "id": "g", "title": "Group", "blocks": blocks }], "edges": [{ "id": "g1", "from": { "eventId": "e" }, "to": { "groupId": "g" } }], "variables": [] });
        told(&export, name);
    }
}

#[test]
fn an_import_is_the_same_each_time_and_keeps_its_version_in_every_form() {
    for (name, kind) in exports() {
        let source = export(&name, kind);
        let first = chatbot::import::import(&source, Some(kind)).unwrap();
        let second = chatbot::import::import(&source, None).unwrap();
        assert_eq!((first.written(), &first.changes), (second.written(), &second.changes), "{name}");
        // JSON is YAML; the canonical form is the one that versions are made of.
        for (text, format) in [
            (first.written(), Format::Json),
            (first.written(), Format::Yaml),
            (first.bot.canonical_json(), Format::Json),
        ] {
            let bot = load(&text, &name, format).bot.unwrap_or_else(|| panic!("{name}"));
            assert_eq!(bot.version(), first.bot.version(), "{name}");
        }
    }
}

#[test]
fn what_a_file_is_is_guessed_and_said_where_it_is_nothing() {
    let error = |source: &str| chatbot::import::import(source, None).unwrap_err().to_string();
    assert!(error("{}").contains("it imports whatsapp-builder, rapidpro, typebot"), "{}", error("{}"));
    assert!(error(r#"{"parlance": 1}"#).contains("it is a bot file already"));
    assert!(error(r#"{"version": 11, "flows": [{"rule_sets": [], "action_sets": []}]}"#).contains("before version 13"));
    assert!(error("[").contains("not JSON"));
    let old = r#"{"version": "5", "groups": [{"id": "g", "blocks": []}], "edges": []}"#;
    assert!(error(old).contains("its version is 5"), "{}", error(old));
    let flow = r#"{"name": "X", "spec_version": "12.0", "nodes": []}"#;
    assert!(error(flow).contains("13 and 14 are known"), "{}", error(flow));
    let voice = r#"{"name": "X", "spec_version": "13.0", "type": "voice", "nodes": []}"#;
    assert!(error(voice).contains("no messaging flow"), "{}", error(voice));
    let wrong = chatbot::import::import(&export("shop", Kind::Rapidpro), Some(Kind::Typebot)).unwrap_err();
    assert_eq!(wrong.to_string(), "this is not a typebot export: `groups` is not a list");
}

#[test]
fn flows_of_glific_come_with_their_keywords_and_interactive_messages() {
    let options = r#"{"type":"quick_reply","content":{"type":"text","header":"Water","text":"Did you drink enough, @contact.fields.name.value?"},"options":[{"type":"text","title":"Yes"},{"type":"text","title":"No"}]}"#;
    let rows = r#"{"type":"list","title":"Topics","body":"What next?","globalButtons":[{"type":"text","title":"Pick"}],"items":[{"title":"Health","options":[{"type":"text","title":"Food","description":"What to eat"},{"type":"text","title":"Sleep"}]}]}"#;
    let exported = json!({ "flows": [ { "keywords": ["water", "drink"], "definition": {
        "name": "Water", "uuid": "w", "spec_version": "13.1.0", "language": "base", "type": "messaging", "localization": {}, "expire_after_minutes": 60,
        "nodes": [
            { "uuid": "a", "actions": [ { "type": "send_interactive_msg", "uuid": "1", "id": 1, "name": "Water", "text": options } ], "exits": [ { "uuid": "x1", "destination_uuid": "b" } ] },
            { "uuid": "b", "actions": [], "router": { "type": "switch", "operand": "@input.text", "wait": { "type": "msg" }, "result_name": "drunk",
                "categories": [ { "uuid": "c1", "name": "Yes", "exit_uuid": "y1" }, { "uuid": "c2", "name": "Photo", "exit_uuid": "y2" }, { "uuid": "c3", "name": "Other", "exit_uuid": "y3" } ],
                "cases": [ { "uuid": "k1", "type": "has_multiple", "arguments": ["yes"], "category_uuid": "c1" }, { "uuid": "k2", "type": "has_image", "arguments": [], "category_uuid": "c2" } ], "default_category_uuid": "c3" },
              "exits": [ { "uuid": "y1", "destination_uuid": "c" }, { "uuid": "y2", "destination_uuid": "d" }, { "uuid": "y3", "destination_uuid": "a" } ] },
            { "uuid": "c", "actions": [ { "type": "wait_for_time", "uuid": "2", "delay": "60" }, { "type": "send_interactive_msg", "uuid": "3", "id": 2, "name": "Topics", "text": rows } ], "exits": [ { "uuid": "z1" } ] },
            { "uuid": "d", "actions": [ { "type": "send_msg", "uuid": "4", "text": "Nice picture, @contact.name! <%= 1 + 1 %>" }, { "type": "send_interactive_msg", "uuid": "5", "text": "@results.x" } ], "exits": [ { "uuid": "z2" } ] },
        ] } } ], "contact_field": [], "collections": [], "interactive_templates": [] });
    let imported = chatbot::import::import(&exported.to_string(), None).unwrap();
    assert_eq!(
        imported.bot_json["triggers"][0],
        json!({ "keyword": { "any": ["water", "drink"] }, "to": "water.1", "interrupt": "if_waiting" })
    );
    let mut play = Play::new(&imported.bot);
    assert_eq!(play.say("Water"), ["^Water^ Did you drink enough, ? [qr-1|Yes] [qr-2|No]"]);
    assert_eq!(play.say("hm"), ["^Water^ Did you drink enough, ? [qr-1|Yes] [qr-2|No]"]);
    assert_eq!(play.tap("qr-1", "Yes"), Vec::<String>::new());
    let turn = play.wait(60_000).unwrap();
    assert_eq!(
        crate::support::shown(&turn.effects),
        ["^Topics^ What next? <Pick> (row-1|Food|What to eat) (row-2|Sleep)"]
    );
    let changes = imported.changes.join("\n");
    for part in [
        "water.4: code between",
        "water.4: an interactive message that is computed",
        "triggers: any message starts `Water`",
    ] {
        assert!(changes.contains(part), "{part} is missing in\n{changes}");
    }
}
