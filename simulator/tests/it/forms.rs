//! Phones that open and fill in forms, against an endpoint of the test's own.

mod broken;
mod trouble;
mod uploads;

use serde_json::{Map, Value, json};
use simulator::{Config, FlowStatus, FormState, FormView, Trouble};

use crate::flows::{BOOKING, THANKS, flow, published};
use crate::support::endpoint::Endpoint;
use crate::support::{ACCOUNT, PHONE_1, VISIT, World, config};

/// Two screens, no endpoint; the second one sends the form off with what both have.
const ORDER: &str = r#"{"version":"7.3","screens":[
 {"id":"ITEM","data":{"items":{"type":"array","items":{"type":"object","properties":{"id":{"type":"string"}}},"__example__":[]}},
  "layout":{"type":"SingleColumnLayout","children":[
   {"type":"Dropdown","name":"item","label":"Item","required":true,"data-source":"${data.items}"},
   {"type":"Footer","label":"Next","on-click-action":{"name":"navigate","next":{"type":"screen","name":"LAST"},"payload":{"item":"${form.item}"}}}]}},
 {"id":"LAST","terminal":true,"success":true,"data":{"item":{"type":"string","__example__":"tea"}},
  "layout":{"type":"SingleColumnLayout","children":[
   {"type":"TextArea","name":"note","label":"Note"},
   {"type":"OptIn","name":"news","label":"News?"},
   {"type":"Footer","label":"Order","on-click-action":{"name":"complete","payload":{"item":"${data.item}","chosen":"${screen.ITEM.form.item}","note":"${form.note}","news":"${form.news}"}}}]}}]}"#;

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) endpoint: Endpoint,
    pub(crate) flow: String,
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

pub(crate) fn days() -> Value {
    json!([{ "id": "mon", "title": "Monday" }])
}

fn day() -> Value {
    json!({ "screen": "DAY", "data": { "days": days() } })
}

fn confirm() -> Value {
    json!({ "screen": "CONFIRM", "data": { "day": "mon", "slots": [{ "id": "1", "title": "09:30" }] } })
}

fn success() -> Value {
    json!({ "screen": "SUCCESS", "data": { "extension_message_response": {
        "params": { "flow_token": "tok", "booking_id": "B-1042" } } } })
}

impl Stage {
    /// A published Flow with an endpoint.
    pub(crate) async fn with(config: Config, json: &str) -> Self {
        let world = World::with(config).await;
        let endpoint = Endpoint::start().await;
        let flow = published(&world, &endpoint, "booking", json).await;
        world.handle.text(1, "hi").unwrap();
        Self { world, endpoint, flow }
    }

    pub(crate) async fn start() -> Self {
        Self::with(config(), BOOKING).await
    }

    /// Sends the Flow to phone 1; the message id.
    pub(crate) async fn send(&self, parameters: Value) -> String {
        send(&self.world, parameters).await
    }

    pub(crate) async fn invite(&self) -> String {
        self.send(json!({ "flow_id": self.flow, "flow_action": "data_exchange", "flow_token": "tok" })).await
    }

    /// The form with its first screen.
    pub(crate) async fn opened(&self) -> FormView {
        self.endpoint.answers(day());
        let wamid = self.invite().await;
        self.world.handle.open_form(1, &wamid).await.unwrap()
    }

    /// The form on its second screen.
    pub(crate) async fn confirming(&self) -> FormView {
        let form = self.opened().await;
        self.endpoint.answers(confirm());
        self.world.handle.exchange(&form.id, "DAY", object(json!({ "day": "mon" }))).await.unwrap()
    }

    pub(crate) async fn reply(&mut self) -> Value {
        reply(&mut self.world).await
    }
}

/// The next message of a person that is no text.
async fn reply(world: &mut World) -> Value {
    loop {
        let message = world.webhook().await.value()["messages"][0].clone();
        if message["type"] == "interactive" {
            return message;
        }
    }
}

async fn send(world: &World, parameters: Value) -> String {
    let mut all = json!({ "flow_message_version": "3", "flow_cta": "Book" });
    all.as_object_mut().unwrap().extend(object(parameters));
    let action = json!({ "name": "flow", "parameters": all });
    let body = json!({
        "messaging_product": "whatsapp", "to": format!("+{PHONE_1}"), "type": "interactive",
        "interactive": { "type": "flow", "body": { "text": "Fill in" }, "action": action },
    });
    let (status, answer) = world.post(&body).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    answer["messages"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_form_with_an_endpoint_goes_from_screen_to_screen_and_comes_back_as_a_message() {
    let mut stage = Stage::start().await;
    let form = stage.opened().await;
    assert_eq!((&*form.screen, form.state, form.visited.len()), ("DAY", FormState::Open, 0));
    assert_eq!((form.data["days"].clone(), form.flow_json["version"].clone()), (days(), json!("7.3")));
    assert_eq!(stage.endpoint.last(), json!({ "version": "3.0", "action": "INIT", "flow_token": "tok" }));
    let inputs: Vec<_> = form.inputs.iter().map(|i| (&*i.name, &*i.kind, i.required, i.options.clone())).collect();
    assert_eq!(inputs, [("day", "Dropdown", true, vec!["mon".into()]), ("note", "TextInput", false, vec![])]);
    // The same screen with a text: what it leaves out stays.
    stage.endpoint.answers(json!({ "screen": "DAY", "data": { "error_message": "Monday is full" } }));
    let payload = json!({ "day": "mon", "note": "é" });
    let form = stage.world.handle.exchange(&form.id, "DAY", object(payload.clone())).await.unwrap();
    assert_eq!((form.error_message.as_deref(), form.data["days"].clone()), (Some("Monday is full"), days()));
    assert_eq!(
        stage.endpoint.last(),
        json!({ "version": "3.0", "action": "data_exchange", "screen": "DAY", "flow_token": "tok", "data": payload })
    );
    stage.endpoint.answers(confirm());
    let form = stage.world.handle.exchange(&form.id, "DAY", object(json!({ "day": "mon" }))).await.unwrap();
    assert_eq!((&*form.screen, form.visited.clone(), form.error_message), ("CONFIRM", vec!["DAY".into()], None));
    assert_eq!(form.seen["DAY"]["days"], days());
    stage.endpoint.answers(success());
    let form = stage.world.handle.exchange(&form.id, "CONFIRM", object(json!({ "slot": "1" }))).await.unwrap();
    assert_eq!((form.state, &form.done.clone().unwrap()["booking_id"]), (FormState::Done, &json!("B-1042")));
    let message = stage.reply().await;
    assert_eq!((&message["id"], &message["context"]["id"]), (&json!(form.reply), &json!(form.wamid)));
    let nfm = &message["interactive"]["nfm_reply"];
    assert_eq!((&message["interactive"]["type"], &nfm["name"]), (&json!("nfm_reply"), &json!("flow")));
    let inner: Value = serde_json::from_str(nfm["response_json"].as_str().unwrap()).unwrap();
    assert_eq!(inner, json!({ "flow_token": "tok", "booking_id": "B-1042" }));
    let error = stage.world.handle.exchange(&form.id, "CONFIRM", Map::new()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("form {} is closed", form.id));
}

#[tokio::test]
async fn back_asks_the_endpoint_where_the_screen_says_so() {
    let stage = Stage::start().await;
    let form = stage.confirming().await;
    stage.endpoint.answers(json!({ "screen": "DAY", "data": { "days": [] } }));
    let form = stage.world.handle.back(&form.id, "CONFIRM").await.unwrap();
    assert_eq!((&*form.screen, form.visited.len(), &form.data["days"]), ("DAY", 0, &json!([])));
    let back = json!({ "version": "3.0", "action": "BACK", "screen": "CONFIRM", "flow_token": "tok" });
    assert_eq!(stage.endpoint.last(), back);
    let error = stage.world.handle.back(&form.id, "DAY").await.unwrap_err();
    assert!(error.to_string().contains("no screen is behind"), "{error}");
}

#[tokio::test]
async fn a_form_without_an_endpoint_is_filled_in_and_sent_off() {
    let mut world = World::start().await;
    let mut body = flow("order");
    (body["flow_json"], body["publish"]) = (json!(ORDER), json!(true));
    let (_, made) = world.graph("POST", &format!("{ACCOUNT}/flows"), body).await;
    assert_eq!(made["validation_errors"], json!([]));
    world.handle.text(1, "hi").unwrap();
    let data = json!({ "items": [{ "id": "tea" }] });
    let wamid = send(
        &world,
        json!({ "flow_id": made["id"], "flow_token": "tok",
        "flow_action_payload": { "screen": "ITEM", "data": data } }),
    )
    .await;
    let form = world.handle.open_form(1, &wamid).await.unwrap();
    assert_eq!((&*form.screen, Value::Object(form.data.clone())), ("ITEM", data));
    let id = form.id;
    let fill = async |screen: &str, values: Value| world.handle.submit(&id, screen, object(values), None).await;
    for (screen, values, says) in [
        ("ITEM", json!({}), "item is required"),
        ("ITEM", json!({ "item": "tea", "size": 1 }), "no input size; it has: item"),
        ("LAST", json!({}), "shows screen ITEM, not LAST"),
    ] {
        let error = fill(screen, values).await.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    for (next, payload, says) in [
        ("ITEM", json!({}), "does not navigate"),
        ("LAST", json!({ "item": 1 }), "not of type string"),
        ("LAST", json!({ "item": "tea", "size": "big" }), "size is not in the data"),
    ] {
        let error = world.handle.navigate(&id, "ITEM", next, object(payload)).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let form = fill("ITEM", json!({ "item": "tea" })).await.unwrap();
    assert_eq!((&*form.screen, &form.data["item"]), ("LAST", &json!("tea")));
    assert_eq!(world.handle.back(&id, "LAST").await.unwrap().screen, "ITEM");
    fill("ITEM", json!({ "item": "mate" })).await.unwrap();
    let form = fill("LAST", json!({ "note": "hot" })).await.unwrap();
    assert_eq!(form.state, FormState::Done);
    let message = reply(&mut world).await;
    let inner: Value =
        serde_json::from_str(message["interactive"]["nfm_reply"]["response_json"].as_str().unwrap()).unwrap();
    let all = json!({ "flow_token": "tok", "item": "mate", "chosen": "mate", "note": "hot", "news": false });
    assert_eq!(inner, all);
    // Opened again, it is another form.
    let form = world.handle.open_form(1, &wamid).await.unwrap();
    assert_ne!(form.id, id);
    world.handle.set_trouble(Trouble { omit_flow_token: true, ..Trouble::default() }).unwrap();
    world.handle.submit(&form.id, "ITEM", object(json!({ "item": "tea" })), Some("Next")).await.unwrap();
    world.handle.complete(&form.id, "LAST", object(json!({ "item": "tea" }))).unwrap();
    let message = reply(&mut world).await;
    assert_eq!(message["interactive"]["nfm_reply"]["response_json"], r#"{"item":"tea"}"#);
}

#[tokio::test]
async fn a_form_is_steered_over_http() {
    let stage = Stage::start().await;
    let world = &stage.world;
    stage.endpoint.answers(day());
    let wamid = stage.invite().await;
    let (status, form) = world.control("POST", "/_sim/phones/1/forms", json!({ "wamid": wamid })).await;
    assert_eq!((status, &form["screen"], &form["state"]), (200, &json!("DAY"), &json!("open")), "{form}");
    assert_eq!(
        (&form["done"], &form["problem"], &form["flow"]["mode"]),
        (&json!(null), &json!(null), &json!("published"))
    );
    let path = |what: &str| format!("/_sim/forms/{}{what}", form["id"].as_str().unwrap());
    assert_eq!(world.get(&path("")).await, form);
    assert_eq!(world.get("/_sim/phones/1/forms").await["items"][0], form);
    stage.endpoint.answers(confirm());
    let exchange = json!({ "screen": "DAY", "payload": { "day": "mon" }, "action": "data_exchange" });
    let (status, next) = world.control("POST", &path("/exchange"), exchange).await;
    assert_eq!((status, &next["screen"], &next["visited"]), (200, &json!("CONFIRM"), &json!(["DAY"])));
    for (call, body, status) in [
        ("/exchange", json!({ "screen": "DAY" }), 409),
        ("/exchange", json!({ "screen": "CONFIRM", "action": "INIT" }), 400),
        ("/complete", json!({ "screen": "CONFIRM" }), 400),
        ("/navigate", json!({ "screen": "CONFIRM", "next": "DAY" }), 400),
        ("/submit", json!({ "screen": "CONFIRM", "values": { "slot": "1" }, "label": "Nope" }), 400),
        ("/back", json!({}), 400),
    ] {
        assert_eq!(world.control("POST", &path(call), body).await.0, status, "{call}");
    }
    assert_eq!(world.control("POST", &path("/close"), Value::Null).await.1["state"], "closed");
    assert_eq!(world.control("POST", &path("/back"), json!({ "screen": "CONFIRM" })).await.0, 409);
    assert_eq!(world.control("GET", "/_sim/forms/form99", Value::Null).await.0, 404);
    assert_eq!(world.control("POST", "/_sim/phones/9/forms", json!({ "wamid": wamid })).await.0, 404);
    assert_eq!(world.control("POST", "/_sim/phones/2/forms", json!({ "wamid": wamid })).await.0, 404);
    world.handle.reset_phone(1).unwrap();
    assert_eq!(world.control("GET", &path(""), Value::Null).await.0, 404);
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let stage = Stage::start().await;
    let world = &stage.world;
    let why = async |wamid: &str| world.handle.open_form(1, wamid).await.unwrap_err().to_string();
    assert!(why("wamid.nope").await.contains("no message wamid.nope"));
    let (_, text) = world.send(PHONE_1, "hello").await;
    assert!(why(text["messages"][0]["id"].as_str().unwrap()).await.contains("opens no form"));
    let visit = stage.send(json!({ "flow_id": VISIT })).await;
    assert!(why(&visit).await.contains("knows by its name only"));
    let wamid = stage.invite().await;
    for status in [FlowStatus::Blocked, FlowStatus::Deprecated] {
        world.handle.set_flow_status(&stage.flow, status);
        assert!(why(&wamid).await.contains("cannot be opened"));
    }
    world.handle.delete_flow(&stage.flow);
    assert!(why(&wamid).await.contains("no longer there"));
}

#[tokio::test]
async fn the_button_of_a_template_opens_its_form() {
    let stage = Stage::start().await;
    let world = &stage.world;
    let define = |name: &str, flow_id: &str| {
        let button = json!({ "type": "FLOW", "text": "Book", "flow_id": flow_id, "flow_action": "navigate",
            "navigate_screen": "DAY" });
        let components = json!([{ "type": "BODY", "text": "Hi" }, { "type": "BUTTONS", "buttons": [button] }]);
        let definition = json!({ "name": name, "language": "en", "category": "UTILITY", "components": components });
        world.handle.put_template(&definition).unwrap();
    };
    define("right", &stage.flow);
    define("wrong", "42");
    let body = |name: &str| {
        let action = json!({ "flow_token": "tok", "flow_action_data": { "days": days() } });
        let parameters = json!([{ "type": "action", "action": action }]);
        let button = json!({ "type": "button", "sub_type": "flow", "index": "0", "parameters": parameters });
        json!({ "messaging_product": "whatsapp", "to": format!("+{PHONE_1}"), "type": "template",
            "template": { "name": name, "language": { "code": "en" }, "components": [button] } })
    };
    assert_eq!(world.post(&body("wrong")).await.unwrap().1["error"]["code"], 131009);
    let (status, answer) = world.post(&body("right")).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    let shown = world.handle.transcript(1).unwrap().pop().unwrap();
    assert_eq!((&*shown.links[0].kind, shown.links[0].flow_id.as_deref()), ("flow", Some(&*stage.flow)));
    let form = world.handle.open_form(1, &shown.wamid).await.unwrap();
    assert_eq!((&*form.screen, &form.data["days"]), ("DAY", &days()));
    stage.endpoint.answers(confirm());
    let form = world.handle.submit(&form.id, "DAY", object(json!({ "day": "mon" })), None).await.unwrap();
    assert_eq!((&*form.screen, &stage.endpoint.last()["flow_token"]), ("CONFIRM", &json!("tok")));
    assert_eq!(stage.endpoint.last()["data"], json!({ "day": "mon", "note": "" }));
}

#[tokio::test]
async fn a_form_that_is_closed_while_it_waits_stays_closed() {
    let stage = Stage::start().await;
    let form = stage.opened().await;
    let rule = simulator::Rule { delay_ms: 20, ..simulator::Rule::on(simulator::Operation::FlowRequest) };
    stage.world.handle.set_trouble(Trouble { rules: vec![rule], ..Trouble::default() }).unwrap();
    stage.endpoint.answers(confirm());
    let exchange = stage.world.handle.exchange(&form.id, "DAY", object(json!({ "day": "mon" })));
    let meanwhile = async {
        let busy = stage.world.handle.exchange(&form.id, "DAY", Map::new()).await.unwrap_err();
        assert!(busy.to_string().contains("still waits"), "{busy}");
        stage.world.handle.close_form(&form.id).unwrap();
    };
    let (answered, ()) = futures_util::future::join(exchange, meanwhile).await;
    answered.unwrap();
    assert_eq!(stage.world.handle.form(&form.id).unwrap().state, FormState::Closed);
}

#[tokio::test]
async fn a_message_keeps_the_version_that_it_was_sent_with() {
    let world = World::start().await;
    let mut body = flow("thanks");
    (body["flow_json"], body["publish"]) = (json!(THANKS), json!(true));
    let (_, made) = world.graph("POST", &format!("{ACCOUNT}/flows"), body).await;
    let id = made["id"].as_str().unwrap();
    world.handle.text(1, "hi").unwrap();
    world.handle.set_edit_returns_to_draft(true);
    world.upload_json(id, &THANKS.replace("Bye", "Farewell")).await;
    let mut titles = Vec::new();
    for mode in ["published", "draft"] {
        let wamid = send(&world, json!({ "flow_id": id, "mode": mode })).await;
        let form = world.handle.open_form(1, &wamid).await.unwrap();
        titles.push((form.flow.mode, form.flow_json["screens"][0]["title"].clone()));
    }
    assert_eq!(titles, [("published", json!("Bye")), ("draft", json!("Farewell"))]);
}
