//! Every other endpoint, and those that are not there.

use serde_json::{Value, json};

use simulator::{AutoStatus, NumberStanding};

use super::{Call, Row, Trial};
use crate::support::{ACCOUNT, NUMBER, PHONE_1, World, config};

fn trial(area: &'static str, operation: &'static str, taken: Call, refused: Vec<(&'static str, Call, u64)>) -> Trial {
    Trial { area, operation, taken, refused }
}

fn get(path: impl Into<String>) -> Call {
    ("GET", path.into(), Value::Null)
}

pub(crate) async fn trials(world: &World) -> Vec<Trial> {
    let mut all = media(world).await;
    all.extend(templates(world));
    let users = |user: &str| json!({ "messaging_product": "whatsapp", "block_users": [{ "user": user }] });
    let path = || format!("{NUMBER}/block_users");
    world.handle.text(2, "hi").unwrap();
    all.extend([
        trial(
            "Block list",
            "block",
            ("POST", path(), users("447700900102")),
            vec![
                ("somebody who did not write within 24 h", ("POST", path(), users("447700900103")), 139100),
                ("nobody", ("POST", path(), json!({ "messaging_product": "whatsapp", "block_users": [] })), 100),
            ],
        ),
        trial("Block list", "list", get(path()), vec![]),
        trial(
            "Block list",
            "unblock",
            ("DELETE", path(), users("447700900102")),
            vec![("somebody who is not blocked", ("DELETE", path(), users("447700900102")), 139100)],
        ),
        trial(
            "Number",
            "read its fields",
            get(NUMBER),
            vec![("unknown number", get("42"), 100), ("unknown field", get(format!("{NUMBER}?fields=nope")), 100)],
        ),
        trial(
            "Number",
            "list those of an account",
            get(format!("{ACCOUNT}/phone_numbers")),
            vec![("unknown account", get("42/phone_numbers"), 100)],
        ),
    ]);
    all
}

async fn media(world: &World) -> Vec<Trial> {
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(world.upload("image/png", b"x").await.1["id"].as_str().unwrap().to_owned());
    }
    for (mime, bytes) in [("application/zip", &b"x"[..]), ("image/webp", &[0; 102_401])] {
        assert_eq!(world.upload(mime, bytes).await.1["error"]["code"], 131053);
    }
    let url = world.graph("GET", &ids[0], Value::Null).await.1["url"].as_str().unwrap().to_owned();
    let broken = url.replace("hash=", "hash=0");
    vec![
        // Uploads are forms; the two refusals above were tried there.
        Trial {
            refused: vec![("not a form", ("POST", format!("{NUMBER}/media"), json!({})), 100)],
            ..trial("Media", "upload (type and size limits: 131053), describe", get(ids[0].clone()), vec![])
        },
        trial(
            "Media",
            "download by link, 5 minutes",
            ("GET", url, Value::Null),
            vec![("wrong or old link", get(broken), 100)],
        ),
        trial(
            "Media",
            "delete",
            ("DELETE", ids[1].clone(), Value::Null),
            vec![("unknown id", ("DELETE", "42".into(), Value::Null), 100)],
        ),
    ]
}

fn templates(world: &World) -> Vec<Trial> {
    let path = |query: &str| format!("{ACCOUNT}/message_templates{query}");
    let definition = |name: &str| json!({ "name": name, "language": "en", "category": "UTILITY", "components": [{ "type": "BODY", "text": "Hi" }] });
    let id = world.handle.put_template(&definition("edited")).unwrap().id;
    let edit = json!({ "components": [{ "type": "BODY", "text": "Hello" }] });
    vec![
        trial(
            "Templates",
            "list with paging, filters, fields",
            get(path("?limit=1")),
            vec![("bad cursor", get(path("?after=zz")), 100), ("unknown field", get(path("?fields=nope")), 100)],
        ),
        trial(
            "Templates",
            "create (reviewed at once, or by hand)",
            ("POST", path(""), definition("created")),
            vec![
                ("same name and language", ("POST", path(""), definition("created")), 100),
                ("malformed definition", ("POST", path(""), definition("Created")), 100),
            ],
        ),
        trial("Templates", "edit", ("POST", id.clone(), edit.clone()), vec![("twice a day", ("POST", id, edit), 100)]),
        trial(
            "Templates",
            "delete",
            ("DELETE", path("?name=created"), Value::Null),
            vec![("unknown name", ("DELETE", path("?name=created"), Value::Null), 100)],
        ),
    ]
}

/// What hangs on the standing of a number, of a token, of a person; the tests of late.rs and standing.rs go into it.
pub(crate) async fn standing() -> Row {
    let mut config = config();
    config.auto_status = AutoStatus::NONE;
    config.enforce_window = false;
    let world = World::with(config).await;
    let mut refuses = Vec::new();
    let mut try_it = async |what: &'static str, standing: NumberStanding, code: u64| {
        world.handle.set_standing(NUMBER, standing).unwrap();
        let mut answer = Value::Null;
        for _ in 0..21 {
            answer = world.send(PHONE_1, "x").await.1;
        }
        assert_eq!(answer["error"]["code"], code, "{what}");
        refuses.push((what, code));
    };
    let all_right = NumberStanding::default;
    try_it("not registered", NumberStanding { registered: false, ..all_right() }, 133010).await;
    try_it("restricted, with any code", NumberStanding { refuses: Some(131031), ..all_right() }, 131031).await;
    try_it("test number, not on its list", NumberStanding { reaches: Some(vec![]), ..all_right() }, 131030).await;
    try_it("on a phone too, over 20 a second", NumberStanding { on_phone_app: true, ..all_right() }, 130429).await;
    world.handle.expire_token();
    try_it("token expired, until it is renewed", all_right(), 190).await;
    Row { area: "Number", operation: "standing (by control)".into(), state: "covered", refuses }
}

/// Operations that the stand-in does not know: they answer 100 and name the nearest one.
pub(crate) async fn missing(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for (area, operation, method, path) in [
        ("Account", "subscribed apps", "POST", format!("{ACCOUNT}/subscribed_apps")),
        ("Number", "register, two-step PIN", "POST", format!("{NUMBER}/register")),
        ("Number", "business profile", "GET", format!("{NUMBER}/whatsapp_business_profile")),
        ("Groups", "create, invite", "POST", format!("{NUMBER}/groups")),
        ("Calls", "start", "POST", format!("{NUMBER}/calls")),
    ] {
        let (status, answer) = world.graph(method, &path, json!({})).await;
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(100)), "{path}");
        assert!(answer["error"]["message"].as_str().unwrap().contains("not simulated"), "{answer}");
        rows.push(Row { area, operation: operation.into(), state: "not simulated", refuses: Vec::new() });
    }
    rows
}
