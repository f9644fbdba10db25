//! The simulator with a small bot behind it, to look at the phone page without the engine:
//! `cargo run -p simulator --example echo`. It echoes; `hi`, `list`, `carousel`,
//! `place`, `menu` and `photo` show other kinds.
#![allow(clippy::print_stdout)] // its only way to say where it listens

use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use simulator::{Config, ManualClock, Simulator};
use tokio::net::TcpListener;

const TOKEN: &str = "echo-token";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hook = TcpListener::bind("127.0.0.1:0").await?;
    let clock = Arc::new(ManualClock::new(1_795_348_800_000));
    let url = format!("http://{}/", hook.local_addr()?);
    let mut config = Config::new(url, "echo-secret".into(), TOKEN.into(), clock);
    config.listen = "127.0.0.1:8082".parse()?;
    config.status_delay_ms = 400;
    let simulator = Simulator::start(config).await?;
    println!("the phone page: {}/", simulator.handle().base_url());
    let graph = format!("{}/v25.0/700800900100200/messages", simulator.handle().base_url());
    let app = Router::new().route("/", post(reply)).with_state((reqwest::Client::new(), graph));
    axum::serve(hook, app).await?;
    Ok(())
}

async fn reply(State((client, graph)): State<(reqwest::Client, String)>, Json(hook): Json<Value>) {
    let message = &hook["entry"][0]["changes"][0]["value"]["messages"][0];
    let Some(from) = message["from"].as_str() else { return };
    let said = message["text"]["body"].as_str().unwrap_or("list");
    let mut body = match said {
        "list" => list(),
        "hi" => buttons(),
        "carousel" => carousel(),
        "place" => interactive("location_request_message", json!({ "name": "send_location" })),
        "menu" => products(),
        "photo" => json!({ "type": "image", "image": { "link": "https://i.example/1.png", "caption": "The terrace" } }),
        said => json!({ "type": "text", "text": { "body": format!("You said *{said}*") } }),
    };
    body["messaging_product"] = json!("whatsapp");
    body["to"] = json!(format!("+{from}"));
    let read = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": message["id"],
                       "typing_indicator": { "type": "text" } });
    for body in [read, body] {
        if let Err(error) = client.post(&graph).bearer_auth(TOKEN).json(&body).send().await {
            println!("not sent: {error}");
        }
    }
}

fn buttons() -> Value {
    let button = |id: &str, title: &str| json!({ "type": "reply", "reply": { "id": id, "title": title } });
    let buttons = [button("book", "Book a table"), button("menu", "See the menu"), button("human", "Talk to a person")];
    json!({ "type": "interactive", "interactive": { "type": "button",
        "header": { "type": "text", "text": "Trattoria Blu" },
        "body": { "text": "Welcome! We are open from 12 to 22 h.\nWhat can we do for you?" },
        "footer": { "text": "Reply at any time with a word" }, "action": { "buttons": buttons } } })
}

fn interactive(kind: &str, action: Value) -> Value {
    let body = json!({ "text": "Here you are" });
    json!({ "type": "interactive", "interactive": { "type": kind, "body": body, "action": action } })
}

fn products() -> Value {
    let items = json!([{ "product_retailer_id": "margherita" }, { "product_retailer_id": "quattro-stagioni" }]);
    let sections = json!([{ "title": "Hot", "product_items": items }]);
    let mut body = interactive("product_list", json!({ "catalog_id": "555", "sections": sections }));
    body["interactive"]["header"] = json!({ "type": "text", "text": "Menu" });
    body
}

fn carousel() -> Value {
    let card = |at: usize| {
        let url = json!({ "display_text": "Open", "url": "https://e.example/1" });
        json!({ "card_index": at, "type": "cta_url",
            "header": { "type": "image", "image": { "link": "https://i.example/1.png" } },
            "body": { "text": "A table with a view" }, "action": { "name": "cta_url", "parameters": url } })
    };
    interactive("carousel", json!({ "cards": [card(0), card(1), card(2)] }))
}

fn list() -> Value {
    let row = |id: &str, title: &str, more: &str| json!({ "id": id, "title": title, "description": more });
    let sections = json!([
        { "title": "Pizza", "rows": [row("s", "Small", "9 inch, for one"), row("l", "Large", "13 inch, for two")] },
        { "title": "Pasta", "rows": [row("p", "Tagliatelle", "with mushrooms and parsley"), row("g", "Gnocchi", "with sage")] },
    ]);
    json!({ "type": "interactive", "interactive": { "type": "list", "body": { "text": "What would you like?" },
        "action": { "button": "Open the menu", "sections": sections } } })
}
