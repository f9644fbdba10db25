//! Trouble on the way to an endpoint.

use serde_json::json;
use simulator::{FormView, Mutation, Operation, Rule, Trouble};

use super::{Stage, confirm, object};

async fn with(stage: &Stage, form: &FormView, rule: Rule) -> FormView {
    stage.world.handle.set_trouble(Trouble { rules: vec![rule], ..Trouble::default() }).unwrap();
    stage.world.handle.exchange(&form.id, "DAY", object(json!({ "day": "mon" }))).await.unwrap()
}

fn rule() -> Rule {
    Rule::on(Operation::FlowRequest)
}

#[tokio::test]
async fn requests_are_spoilt_as_trouble_says() {
    let stage = Stage::start().await;
    let form = stage.opened().await;
    let mutate = |part| Rule { mutate: Some(part), ..rule() };
    for (rule, kind) in [
        (Rule { foreign_key: true, ..rule() }, "http_421"),
        (mutate(Mutation::Key), "http_421"),
        (mutate(Mutation::Iv), "http_421"),
        (mutate(Mutation::Data), "http_421"),
        (mutate(Mutation::Tag), "http_421"),
        (Rule { wrong_signature: true, ..rule() }, "http_432"),
        (Rule { unsigned: true, ..rule() }, "http_432"),
        (Rule { lose: true, ..rule() }, "timeout"),
    ] {
        let asked = stage.endpoint.asked().len();
        let form = with(&stage, &form, rule).await;
        assert_eq!(form.problem.unwrap().code, kind);
        assert_eq!(stage.endpoint.asked().len(), asked);
    }
}

#[tokio::test]
async fn an_answer_can_be_lost_after_it_was_given() {
    let stage = Stage::start().await;
    let form = stage.opened().await;
    stage.endpoint.answers(confirm());
    let form = with(&stage, &form, Rule { drop_after: true, delay_ms: 5, ..rule() }).await;
    assert_eq!((form.problem.unwrap().code.as_str(), &*form.screen), ("timeout", "DAY"));
    assert_eq!(stage.endpoint.last()["action"], "data_exchange");
}

#[tokio::test]
async fn a_copy_is_the_same_to_the_last_byte() {
    let stage = Stage::start().await;
    let form = stage.opened().await;
    for _ in 0..3 {
        stage.endpoint.answers(confirm());
    }
    let before = stage.endpoint.bodies().len();
    assert_eq!(with(&stage, &form, Rule { duplicate: 2, ..rule() }).await.screen, "CONFIRM");
    let bodies = stage.endpoint.bodies().split_off(before);
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|body| body == &bodies[0]));
    let rows = stage.world.handle.flow_requests(3);
    assert_eq!(rows.iter().filter(|row| row.is_copy).count(), 2);
}
