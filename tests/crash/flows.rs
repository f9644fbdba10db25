//! kill -9 while Flows are applied: the next run goes on where the last one ended, and makes nothing twice.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{FlowStatus, Operation, Rule, Trouble};

use crate::support::World;

const CYCLES: u64 = 8;
const SEED: u64 = 20_261_128;
/// Of each call of the Flows API, so that a kill meets one under way.
const LATENCY_MS: u64 = 30;

fn flow_json(cycle: u64) -> Value {
    json!({ "version": "7.3", "screens": [{
        "id": "DAY", "title": format!("Day {cycle}"), "terminal": true, "success": true, "data": {},
        "layout": { "type": "SingleColumnLayout", "children": [
            { "type": "TextInput", "name": "day", "label": "Day", "required": true },
            { "type": "Footer", "label": "Done", "on-click-action": { "name": "complete",
                "payload": { "day": "${form.day}" } } },
        ] } }] })
}

/// The bot file, with another Flow JSON for each cycle.
fn write_bot(world: &World, cycle: u64) {
    let bot = json!({ "parlance": 1, "id": "clinic", "triggers": [{ "default": {}, "to": "form" }],
        "nodes": {
            "form": { "type": "flow", "flow": "slots", "prompt": "Pick", "cta": "Open", "screen": "DAY",
                "next": { "done": "fin" } },
            "fin": { "type": "end" },
        },
        "flows": { "slots": { "meta": { "name": "clinic_slots" }, "json": flow_json(cycle) } } });
    std::fs::write(world.place.path().join("bots/clinic.json"), bot.to_string()).expect("a bot file");
}

async fn apply(world: &World) -> Option<Value> {
    let url = format!("http://{}/api/v1/flows/apply", world.place.admin);
    let request = world.http.request(Method::POST, url).bearer_auth(&world.place.admin_token).json(&json!({}));
    request.send().await.ok()?.json().await.ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f99_kills_while_flows_are_applied_make_nothing_twice() {
    let mut world = World::new().await;
    world.place.set("WHATSAPP_BUSINESS_ACCOUNT_ID", simulator::Number::default().waba_id);
    let world = Arc::new(world);
    let slow = Rule { latency_ms: LATENCY_MS, ..Rule::on(Operation::Flows) };
    world.meta.set_trouble(Trouble { rules: vec![slow], ..Trouble::default() }).expect("a rule");
    let (mut random, mut cut) = (StdRng::seed_from_u64(SEED), 0);
    for cycle in 0..CYCLES {
        // Meta's pages disagree about published Flows: both ways in turn.
        world.meta.set_edit_returns_to_draft(cycle.is_multiple_of(2));
        write_bot(&world, cycle);
        let (mut program, _) = world.start().await;
        let applying = tokio::spawn({
            let world = world.clone();
            async move { apply(&world).await }
        });
        program.run_for(random.random_range(20..300)).await;
        program.kill();
        cut += usize::from(applying.await.expect("no panic").is_none());
        let (program, _) = world.start().await;
        let applied = apply(&world).await.expect("an answer");
        assert_eq!(applied["whole"], true, "cycle {cycle}: {applied}");
        program.kill();
        let flows = world.meta.flows();
        let ours: Vec<_> = flows.iter().filter(|flow| flow.name.starts_with("clinic_slots")).collect();
        assert!(ours.iter().all(|flow| flow.status == FlowStatus::Published), "cycle {cycle}: {ours:?}");
        let title = format!("Day {cycle}");
        let newest = ours.iter().filter(|flow| flow.flow_json.as_deref().is_some_and(|json| json.contains(&title)));
        assert_eq!(newest.count(), 1, "cycle {cycle}: {ours:?}");
    }
    println!("{CYCLES} kills, {cut} of them while Flows were applied");
    assert!(cut > 0, "no kill met an apply");
}
