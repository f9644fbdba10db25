//! kill -9 in the middle of a broadcast, several times: nobody gets it twice, and everybody gets it.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::support::{SOON, World, eventually};

const PEOPLE: u64 = 500;
const KILLS: usize = 6;
const SEED: u64 = 20_261_127;

fn template() -> Value {
    json!({ "name": "news", "language": "en_US", "category": "MARKETING",
        "components": [{ "type": "BODY", "text": "Hi {{1}}", "example": { "body_text": [["Ada"]] } }] })
}

fn broadcast() -> Value {
    let parameters = json!([{ "type": "text", "text": "{{name}}" }]);
    let components = json!([{ "type": "body", "parameters": parameters }]);
    let template = json!({ "name": "news", "language": { "code": "en_US" }, "components": components });
    let person =
        |at: u64| json!({ "to": (447_700_100_000 + at).to_string(), "variables": { "name": format!("n{at}") } });
    let people: Vec<Value> = (0..PEOPLE).map(person).collect();
    json!({ "name": "news", "message": { "type": "template", "template": template }, "people": people,
        "confirm": PEOPLE, "rate": 100 })
}

/// How many messages each person got, answered or not.
fn got(world: &World) -> BTreeMap<String, usize> {
    let mut got = BTreeMap::new();
    for row in world.meta.ledger().expect("the stand-in keeps books").rows {
        *got.entry(row.person.into_string()).or_default() += 1;
    }
    got
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_a_broadcast_twice_after_kills_in_the_middle_of_it() {
    let world = World::new().await;
    world.meta.put_template(&template()).expect("a template");
    let mut random = StdRng::seed_from_u64(SEED);
    let (mut program, _) = world.start().await;
    let url = format!("http://{}/api/v1/broadcasts", world.place.admin);
    let request = world.http.post(url).bearer_auth(&world.place.admin_token).json(&broadcast());
    let answer = request.send().await.expect("the admin port answers");
    assert_eq!(answer.status(), 201);
    let made: Value = answer.json().await.expect("JSON");
    let path = format!("/api/v1/broadcasts/{}", made["id"].as_str().expect("an id"));
    let mut killed_at = Vec::new();
    for _ in 0..KILLS {
        program.run_for(random.random_range(150..700)).await;
        program.kill();
        killed_at.push(got(&world).len());
        let (again, _) = world.start().await;
        program = again;
    }
    eventually("it is done", SOON, async || {
        let shown = world.admin(&path).await;
        let counts = &shown["counts"];
        (shown["state"] == "done" && counts["queued"] == 0 && counts["waiting"] == 0).then_some(())
    })
    .await;
    world.drained(SOON).await;
    let (got, counts) = (got(&world), world.admin(&path).await["counts"].clone());
    println!("{KILLS} kills after {killed_at:?} of {PEOPLE}: {counts}");
    let twice: Vec<_> = got.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert!(killed_at.iter().any(|at| (1..PEOPLE as usize).contains(at)), "no kill was in the middle: {killed_at:?}");
    // A request that was cut off by a kill is in doubt, and a template is not repeated: it is held for an operator.
    let held = counts["held"].as_u64().expect("a count");
    assert!(got.len() as u64 + held >= PEOPLE, "{} got it, {held} are held", got.len());
    assert_eq!(counts["skipped"], 0);
    assert!(held <= (KILLS * World::CONCURRENCY) as u64, "{counts}");
}
