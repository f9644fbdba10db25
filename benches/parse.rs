//! What does it cost to read a webhook: the envelope before the 200, and the message in its turn afterwards?
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use whatsapp::webhook::{self, Event, Message, Profile};

fn body(messages: usize) -> String {
    let message = |n: usize| {
        json!({
            "from": "999000000000001", "from_user_id": "GB.1000000000001", "id": format!("wamid.BENCH{n:012}"),
            "timestamp": "1790000000", "type": "text",
            "text": { "body": "Could you tell me when you open on Saturday, and whether there is a table for four?" },
        })
    };
    envelope(json!({
        "contacts": [{ "profile": { "name": "Ada" }, "wa_id": "999000000000001", "user_id": "GB.1000000000001" }],
        "messages": (0..messages).map(message).collect::<Vec<_>>(),
    }))
}

fn status() -> String {
    envelope(json!({ "statuses": [{
        "id": "wamid.BENCH", "status": "delivered", "timestamp": "1790000000", "recipient_id": "999000000000001",
        "biz_opaque_callback_data": "o_00000000000000000000000000-1.00000001",
        "pricing": { "billable": true, "pricing_model": "PMP", "type": "regular", "category": "service" },
    }] }))
}

fn envelope(mut value: Value) -> String {
    value["messaging_product"] = json!("whatsapp");
    value["metadata"] = json!({ "display_phone_number": "15550100100", "phone_number_id": "700800900100200" });
    let changes = json!([{ "field": "messages", "value": value }]);
    let entry = json!([{ "id": "300100200300400", "changes": changes }]);
    json!({ "object": "whatsapp_business_account", "entry": entry }).to_string()
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for (name, body) in [("text", body(1)), ("status", status()), ("100 texts", body(100))] {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(format!("envelope, {name}"), |bencher| {
            bencher.iter(|| webhook::parse(black_box(body.as_bytes())));
        });
    }
    let events = webhook::parse(body(1).as_bytes()).expect("our own body can be read");
    let Some(Event::Message(received)) = events.into_iter().next() else { panic!("our own body has a message") };
    let (message, contact) = (received.message.get(), received.contact.as_ref().map(|contact| contact.get()));
    group.throughput(Throughput::Bytes(message.len() as u64));
    group.bench_function("message", |bencher| bencher.iter(|| Message::parse(black_box(message))));
    group.bench_function("profile", |bencher| {
        bencher.iter(|| contact.map(|contact| Profile::parse(black_box(contact))))
    });
    group.bench_function("inbox row", |bencher| {
        bencher.iter_batched(|| received.clone(), |received| actors::inbound(&received, 1), BatchSize::SmallInput);
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
