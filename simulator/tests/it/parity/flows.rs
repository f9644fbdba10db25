//! The Flows API, and sends that open a Flow.

use serde_json::{Value, json};
use simulator::{FlowStatus, FormState};

use super::{Call, Row, Trial};
use crate::flows::{BOOKING, THANKS, flow, published};
use crate::forms::{Stage, object};
use crate::support::endpoint::{Does, Endpoint, public_pem, vector_key};
use crate::support::{ACCOUNT, NUMBER, World};

fn post(path: impl Into<String>, body: Value) -> Call {
    ("POST", path.into(), body)
}

fn get(path: impl Into<String>) -> Call {
    ("GET", path.into(), Value::Null)
}

async fn create(world: &World, name: &str, json: &str) -> String {
    let mut body = flow(name);
    body["flow_json"] = json!(json);
    world.graph("POST", &format!("{ACCOUNT}/flows"), body).await.1["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn trials(world: &World) -> Vec<Trial> {
    let endpoint = Endpoint::start().await;
    let trial = |operation, taken, refused| Trial { area: "Flows", operation, taken, refused };
    let all = || format!("{ACCOUNT}/flows");
    let draft = create(world, "to edit", THANKS).await;
    let doomed = create(world, "to delete", THANKS).await;
    let ready = create(world, "to publish", THANKS).await;
    let broken = create(world, "broken", "{}").await;
    let booking = published(world, &endpoint, "booking", BOOKING).await;
    let done = create(world, "done", THANKS).await;
    world.handle.set_flow_status(&done, FlowStatus::Deprecated);
    let bare = create(world, "no endpoint", BOOKING).await;
    let publish = |id: &str| post(format!("{id}/publish"), Value::Null);
    vec![
        trial(
            "create (JSON, form; flow_json, publish, clone_flow_id)",
            post(all(), flow("new")),
            vec![
                ("name in use", post(all(), flow("to edit")), 100),
                ("unknown category", post(all(), json!({ "name": "x", "categories": ["FUN"] })), 100),
                (
                    "clone of nothing",
                    post(all(), json!({ "name": "x", "categories": ["OTHER"], "clone_flow_id": "42" })),
                    100,
                ),
            ],
        ),
        trial(
            "list with cursors and next",
            get(format!("{}?limit=1", all())),
            vec![("bad cursor", get(format!("{}?after=zz", all())), 100)],
        ),
        trial(
            "details: fields, preview, health_status",
            get(format!("{draft}?fields=name,preview,health_status")),
            vec![
                ("unknown field", get(format!("{draft}?fields=updated_at")), 100),
                (
                    "metric of fewer than 250 requests",
                    get(format!("{booking}?fields=metric.name(ENDPOINT_REQUEST_COUNT)")),
                    139006,
                ),
            ],
        ),
        trial(
            "update metadata",
            post(&*draft, json!({ "name": "edited" })),
            vec![
                ("published (or, switched by control, back to DRAFT)", post(&*booking, json!({ "name": "x" })), 139001),
                ("status", post(&*draft, json!({ "status": "PUBLISHED" })), 100),
            ],
        ),
        trial(
            "assets: upload with validation_errors, signed download",
            get(format!("{draft}/assets")),
            vec![(
                "no file",
                post(format!("{draft}/assets"), json!({ "name": "flow.json", "asset_type": "FLOW_JSON" })),
                100,
            )],
        ),
        trial(
            "publish (JSON, endpoint, key, health check by an encrypted ping)",
            publish(&ready),
            vec![
                ("with errors", publish(&broken), 139002),
                ("no endpoint_uri", publish(&bare), 139002),
                ("not a draft", publish(&booking), 139002),
            ],
        ),
        trial(
            "delete a draft",
            ("DELETE", doomed, Value::Null),
            vec![("published", ("DELETE", booking.clone(), Value::Null), 139004)],
        ),
        trial(
            "deprecate",
            post(format!("{booking}/deprecate"), Value::Null),
            vec![
                ("draft", post(format!("{draft}/deprecate"), Value::Null), 139003),
                ("deprecated", post(format!("{done}/deprecate"), Value::Null), 139003),
            ],
        ),
        trial(
            "migrate to another account",
            post(format!("{ACCOUNT}/migrate_flows"), json!({ "source_waba_id": ACCOUNT })),
            vec![("no source", post(format!("{ACCOUNT}/migrate_flows"), json!({})), 100)],
        ),
        trial(
            "encryption key of a number, VALID or MISMATCH",
            post(
                format!("{NUMBER}/whatsapp_business_encryption"),
                json!({ "business_public_key": public_pem(&vector_key()) }),
            ),
            vec![(
                "not 2048 bits in PEM",
                post(format!("{NUMBER}/whatsapp_business_encryption"), json!({ "business_public_key": "x" })),
                100,
            )],
        ),
    ]
}

/// What phones do with forms; forms.rs goes into it.
pub(crate) async fn forms() -> Vec<Row> {
    let mut stage = Stage::start().await;
    let form = stage.confirming().await;
    let mut refuses = Vec::new();
    for (what, code) in [("the key is read anew", 421), ("signature", 432), ("anything else", 500)] {
        for _ in 0..if code == 421 { 2 } else { 1 } {
            stage.endpoint.then(Does::Says(code, None));
        }
        let form = stage.world.handle.exchange(&form.id, "CONFIRM", object(json!({}))).await.unwrap();
        assert_eq!(form.problem.unwrap().code, format!("http_{code}"));
        refuses.push((what, code.into()));
    }
    stage.endpoint.answers(json!({ "screen": "SUCCESS", "data": { "extension_message_response": {
        "params": { "flow_token": "tok" } } } }));
    let done = stage.world.handle.exchange(&form.id, "CONFIRM", object(json!({}))).await.unwrap();
    assert_eq!(done.state, FormState::Done);
    assert_eq!(stage.reply().await["interactive"]["type"], "nfm_reply");
    let again = stage.confirming().await;
    stage.endpoint.then(Does::Says(427, None));
    let dead = stage.world.handle.exchange(&again.id, "CONFIRM", object(json!({}))).await.unwrap();
    assert_eq!(dead.state, FormState::Closed);
    refuses.push(("the button is disabled", 427));
    let covered =
        |operation: &str, refuses| Row { area: "Form", operation: operation.into(), state: "covered", refuses };
    vec![
        covered("open (navigate, or INIT at the endpoint), data_exchange, refresh, BACK, SUCCESS", refuses),
        covered("navigate and complete by the Flow JSON alone", Vec::new()),
        covered("error notifications: invalid-screen-transition, payload-schema-error", Vec::new()),
        covered("uploads: encrypted for the endpoint, media objects in the reply", Vec::new()),
        covered(
            "trouble: foreign key, wrong signature, copies, delay, flipped bits, lost answers, reply without a token",
            Vec::new(),
        ),
    ]
}
