//! Every webhook: what phones send, statuses, and the other fields.

use serde_json::{Value, json};
use simulator::{AutoStatus, Choose, FlowStatus, Progress, Signing, TemplateStatus};

use super::Row;
use crate::support::{ACCOUNT, PHONE_1, VISIT, World, config};

fn row(area: &'static str, operation: impl Into<String>, state: &'static str) -> Row {
    Row { area, operation: operation.into(), state, refuses: Vec::new() }
}

pub(crate) async fn rows() -> Vec<Row> {
    let mut config = config();
    config.auto_status = AutoStatus::NONE;
    let mut world = World::with(config).await;
    let mut rows = inbound(&mut world).await;
    rows.extend(taps(&mut world).await);
    rows.extend(statuses(&mut world).await);
    rows.extend(fields(&mut world).await);
    rows.extend(by_hand(&mut world).await);
    rows
}

async fn inbound(world: &mut World) -> Vec<Row> {
    let own = world.handle.text(1, "hi").unwrap();
    world.webhook().await;
    let mut rows = Vec::new();
    for (content, operation) in [
        (json!({ "type": "text", "body": "hi" }), "text"),
        (json!({ "type": "image" }), "image"),
        (json!({ "type": "video" }), "video"),
        (json!({ "type": "audio" }), "audio, voice"),
        (json!({ "type": "document" }), "document"),
        (json!({ "type": "sticker" }), "sticker"),
        (json!({ "type": "location" }), "location"),
        (json!({ "type": "contacts" }), "contacts"),
        (json!({ "type": "reaction", "wamid": own }), "reaction and its removal"),
        (json!({ "type": "order" }), "order"),
        (json!({ "type": "flow_reply", "wamid": own }), "interactive nfm_reply (form, address)"),
        (json!({ "type": "unsupported" }), "unsupported"),
        (json!({ "type": "edit", "wamid": own, "body": "hello" }), "edit"),
        (json!({ "type": "revoke", "wamid": own }), "revoke"),
    ] {
        let draft = json!({ "content": content });
        assert_eq!(world.control("POST", "/_sim/phones/1/send", draft).await.0, 200, "{operation}");
        let kind = world.webhook().await.value()["messages"][0]["type"].clone();
        assert!(operation.contains(kind.as_str().unwrap()), "{operation}: {kind}");
        rows.push(row("Receive", operation, "covered"));
    }
    for (member, draft, pointer) in [
        ("quote (context)", json!({ "quote": own }), "/context/id"),
        ("forwarded", json!({ "forwarded": "once" }), "/context/forwarded"),
        ("referral of an ad", json!({ "from_ad": true }), "/referral/source_id"),
    ] {
        let mut draft = draft;
        draft["content"] = json!({ "type": "text", "body": "hi" });
        world.control("POST", "/_sim/phones/1/send", draft).await;
        assert!(world.webhook().await.value()["messages"][0].pointer(pointer).is_some(), "{member}");
        rows.push(row("Receive", member, "covered"));
    }
    rows
}

async fn taps(world: &mut World) -> Vec<Row> {
    let button = json!({ "type": "reply", "reply": { "id": "y", "title": "Yes" } });
    let list = json!({ "button": "Open", "sections": [{ "rows": [{ "id": "r", "title": "Row" }] }] });
    let template = json!({ "name": "ask", "language": "en", "category": "UTILITY", "components": [
        { "type": "BODY", "text": "Sure?" }, { "type": "BUTTONS", "buttons": [{ "type": "QUICK_REPLY", "text": "Ok" }] }] });
    world.handle.put_template(&template).unwrap();
    let mut body = json!({ "messaging_product": "whatsapp", "to": format!("+{PHONE_1}"), "type": "interactive" });
    for (kind, action) in [("button", json!({ "buttons": [button] })), ("list", list)] {
        body["interactive"] = json!({ "type": kind, "body": { "text": "Well?" }, "action": action });
        assert_eq!(world.post(&body).await.unwrap().0, 200);
    }
    let body = json!({ "messaging_product": "whatsapp", "to": format!("+{PHONE_1}"), "type": "template",
        "template": { "name": "ask", "language": { "code": "en" } } });
    assert_eq!(world.post(&body).await.unwrap().0, 200);
    world.handle.tap(1, &Choose::Id("y".into())).unwrap();
    world.handle.pick(1, &Choose::Id("r".into())).unwrap();
    world.handle.tap(1, &Choose::Id("Ok".into())).unwrap();
    let mut rows = Vec::new();
    for (operation, pointer) in [
        ("interactive button_reply", "/interactive/button_reply"),
        ("interactive list_reply", "/interactive/list_reply"),
        ("button (quick reply of a template)", "/button/payload"),
    ] {
        assert!(world.webhook().await.value()["messages"][0].pointer(pointer).is_some(), "{operation}");
        rows.push(row("Receive", operation, "covered"));
    }
    rows
}

async fn statuses(world: &mut World) -> Vec<Row> {
    let (_, answer) = world.send(PHONE_1, "x").await;
    let wamid = answer["messages"][0]["id"].as_str().unwrap();
    let mut rows = Vec::new();
    for progress in [Progress::Sent, Progress::Delivered, Progress::Read, Progress::Played, Progress::Failed] {
        world.handle.status(1, wamid, progress).unwrap();
        rows.push(row("Status", world.webhook().await.status(), "covered"));
    }
    rows.push(row("Status", "out of order, repeated, before the answer, failed later with any code (131047 of a closed window, 131053 of a link, 130472)", "covered"));
    rows
}

async fn fields(world: &mut World) -> Vec<Row> {
    let definition = json!({ "name": "t", "language": "en", "category": "UTILITY", "components": [{ "type": "BODY", "text": "Hi" }] });
    world.handle.put_template(&definition).unwrap();
    world.handle.set_template_status("t", None, TemplateStatus::Paused, None);
    let mut seen = vec![world.webhook().await.json()];
    world.handle.set_flow_status(VISIT, FlowStatus::Throttled);
    world.handle.flow_event(VISIT, &json!({ "event": "ENDPOINT_LATENCY", "p90_latency": 5_200 })).unwrap();
    for _ in 0..2 {
        seen.push(world.webhook().await.json());
    }
    world.handle.stop_marketing(1, true).unwrap();
    world.handle.business_wrote(1, "It is me").unwrap();
    world.handle.change_number(1, None).unwrap();
    for _ in 0..4 {
        seen.push(world.webhook().await.json());
    }
    let field = |hook: &Value| {
        let change = &hook["entry"][0]["changes"][0];
        match change["value"]["messages"][0]["system"]["type"].as_str() {
            Some(system) => format!("messages · system {system}"),
            None => match change["value"]["event"].as_str().filter(|_| change["field"] == "flows") {
                Some("FLOW_STATUS_CHANGE") => "flows · FLOW_STATUS_CHANGE".to_owned(),
                Some(_) => "flows · any other event, by control".to_owned(),
                None => change["field"].as_str().unwrap().to_owned(),
            },
        }
    };
    let rows: Vec<_> = seen.iter().map(|hook| row("Webhook", field(hook), "covered")).collect();
    assert_eq!(rows.len(), 7);
    rows
}

async fn by_hand(world: &mut World) -> Vec<Row> {
    let mut rows = Vec::new();
    for field in [
        "account_update, account_alerts, account_review_update",
        "phone_number_quality_update, phone_number_name_update",
        "message_template_quality_update, template_category_update",
        "history, smb_app_state_sync",
    ] {
        let first = field.split(", ").next().unwrap();
        let body = json!({ "object": "whatsapp_business_account",
            "entry": [{ "id": ACCOUNT, "time": 1, "changes": [{ "field": first, "value": {} }] }] });
        assert_eq!(world.handle.deliver(body.to_string(), Signing::Valid).await.status, 200);
        assert!(world.webhook().await.is_signed());
        rows.push(row("Webhook", field, "by hand"));
    }
    rows
}
