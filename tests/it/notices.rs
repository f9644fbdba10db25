//! What Meta tells about accounts and numbers is kept and listed, and nothing of it is lost.

use serde_json::json;

use crate::people::field;
use crate::support::compose::{status, statuses};
use crate::support::{ADA, World};

#[tokio::test]
async fn every_other_field_is_a_notice_with_a_line_and_known_ones_are_counted_by_name() {
    let world = World::start().await;
    let fields = [
        ("account_update", json!({ "event": "DISABLED_UPDATE", "ban_info": { "waba_ban_state": "DISABLE" } })),
        ("phone_number_quality_update", json!({ "event": "ONBOARDING", "display_phone_number": "15550100100" })),
        ("history", json!({ "history": [] })),
        ("calls", json!({ "calls": [{ "id": "wacid.1" }] })),
        ("field_of_tomorrow", json!({ "x": 1 })),
    ];
    for (name, value) in &fields {
        assert_eq!(world.post(field(name, value.clone())).await, 200, "{name}");
    }
    let notices = world.items("/api/v1/notices").await;
    let names: Vec<_> = notices.iter().map(|notice| notice["field"].as_str().unwrap()).collect();
    assert_eq!(names, fields.iter().rev().map(|(name, _)| *name).collect::<Vec<_>>(), "newest first");
    assert!(notices.iter().all(|notice| notice["account"] == "300100200300400" && notice["detail"] != ""));
    let alarms = world.items("/api/v1/notices?alarm=true").await;
    assert_eq!((alarms.len(), &alarms[0]["field"]), (1, &json!("account_update")));
    assert_eq!(world.items("/api/v1/notices?field=calls").await.len(), 1);
    assert!(world.items("/api/v1/quarantine").await.is_empty());
    for (label, count) in [("calls", 1.0), ("other", 1.0)] {
        let name = format!("parlance_webhook_events_total{{kind=\"{label}\",outcome=\"notice\"}}");
        assert_eq!(world.metric(&name).await, count, "{label}");
    }
    world.end().await;
}

#[tokio::test]
async fn elements_that_name_nobody_are_notices_beside_those_that_do() {
    let world = World::start().await;
    let one = json!({ "wa_id": ADA, "category": "marketing_messages", "value": "stop", "timestamp": 1_900_000_000 });
    let nobody = json!({ "category": "marketing_messages", "value": "stop" });
    assert_eq!(world.post(field("user_preferences", json!({ "user_preferences": [nobody, one, 7] }))).await, 200);
    world.wait_consumed().await;
    assert_eq!(world.conversation(ADA).await["marketing"], "opted_out");
    assert_eq!(world.items("/api/v1/notices?field=user_preferences").await.len(), 2);
    world.end().await;
}

#[tokio::test]
async fn f22_statuses_of_messages_that_nobody_knows_are_counted_and_a_few_are_kept() {
    let world = World::start().await;
    for at in 0..30 {
        let strange = status(&format!("wamid.strange{at}"), "not ours", "delivered", world.now_ms());
        assert_eq!(world.post(statuses(&[strange])).await, 200);
    }
    assert_eq!(world.items("/api/v1/notices?field=statuses").await.len(), 10);
    assert_eq!(world.metric("parlance_webhook_events_total{kind=\"status\",outcome=\"unknown\"}").await, 30.0);
    world.end().await;
}
