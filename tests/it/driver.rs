//! Requests that are made from the OpenAPI document: of the right shape, at their bounds, and broken. Whatever comes, no
//! answer is the server's fault, and every error is a problem with a code that is known.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ADA, NUMBER, Setup, bots};

/// Requests to each operation.
const EACH: u64 = 14;
/// The same requests in every run.
const SEED: u64 = 0x5EED;

/// splitmix64: enough to choose, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.roll().is_multiple_of(n)
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[(self.roll() % all.len() as u64) as usize]
    }
}

const WORDS: &[&str] = &[
    "",
    "x",
    "-1",
    "0",
    "1",
    "200",
    "201",
    "true",
    "live",
    "null",
    "99999999999999999999",
    "1e308",
    "2026-11-27T09:00:00Z",
    "%00",
    "%FF",
    "%F0%9F%8D%95",
    "..%2F..%2Fetc",
    "%7B%22a%22%3A1%7D",
    "%27%22%3C%3E",
];

struct Known {
    conversation: String,
}

fn path(template: &str, known: &Known, dice: &mut Dice) -> String {
    let long = "x".repeat(3_000);
    let parts = template.split('/').map(|part| match part.strip_prefix('{') {
        None => part.to_owned(),
        Some(_) => match dice.roll() % 3 {
            0 => dice
                .of(&["nothing", "ask", NUMBER, known.conversation.as_str(), "c_00000000000000000000000000"])
                .to_owned(),
            1 => dice.of(&[long.as_str(), "c_1", "m_0", "evt_0.crm", "w_0", "o_0"]).to_owned(),
            // An empty part would be another path.
            _ => Some(dice.of(WORDS).to_owned()).filter(|word| !word.is_empty()).unwrap_or_else(|| "_".to_owned()),
        },
    });
    parts.collect::<Vec<_>>().join("/")
}

fn query(operation: &Value, dice: &mut Dice) -> String {
    let mut pairs = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "query") {
        if dice.one_in(3) {
            pairs.push(format!("{}={}", parameter["name"].as_str().unwrap(), dice.of(WORDS)));
        }
    }
    if dice.one_in(8) {
        pairs.push(format!("{}={}", dice.of(&["limt", "x", "dry_rn", "%FF"]), dice.of(WORDS)));
    }
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// The example of a schema, or of what it refers to.
fn example(document: &Value, content: &Value) -> Option<Value> {
    let schema = &content["schema"];
    let referred = |schema: &Value| document.pointer(schema["$ref"].as_str()?.trim_start_matches('#')).cloned();
    let alternatives = schema["oneOf"].as_array().into_iter().flatten();
    let found = content.get("example").cloned().or_else(|| referred(schema)?.get("example").cloned());
    found.or_else(|| alternatives.filter_map(referred).find_map(|one| one.get("example").cloned()))
}

/// One member is of another kind, gone, or one too many.
fn spoiled(mut body: Value, dice: &mut Dice) -> Value {
    let others =
        [json!(null), json!(-1), json!(1e300), json!("x".repeat(5_000)), json!([]), json!({ "a": [{}] }), json!(true)];
    let other = others[(dice.roll() % others.len() as u64) as usize].clone();
    let Some(object) = body.as_object_mut() else { return other };
    let names: Vec<String> = object.keys().cloned().collect();
    match (dice.roll() % 4, names.is_empty()) {
        (0, _) | (_, true) => {
            object.insert("nonsense".into(), other);
        }
        (1, _) => {
            object.remove(&names[(dice.roll() % names.len() as u64) as usize]);
        }
        _ => {
            object.insert(names[(dice.roll() % names.len() as u64) as usize].clone(), other);
        }
    }
    body
}

fn body(document: &Value, operation: &Value, dice: &mut Dice) -> Vec<u8> {
    let contents = operation["requestBody"]["content"].as_object();
    let shaped = contents.into_iter().flatten().find_map(|(_, content)| example(document, content));
    match (dice.roll() % 8, shaped) {
        (0 | 1, Some(shaped)) => shaped.to_string().into_bytes(),
        (2..=4, Some(shaped)) => spoiled(shaped, dice).to_string().into_bytes(),
        (5, _) => "[".repeat(10_000).into_bytes(),
        (6, _) => vec![0xFF, 0xFE, b'{'],
        (7, _) => format!("{{\"x\":\"{}\"}}", "x".repeat(100_000)).into_bytes(),
        _ => dice.of(&["", "{", "{}", "[]", "null", "\"x\"", "{\"a\":}", "{}{}"]).as_bytes().to_vec(),
    }
}

#[tokio::test]
async fn no_request_that_can_be_made_from_the_document_breaks_the_server() {
    let world = Setup::default().bot(bots::ASK).start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    let known = Known { conversation: world.conversation(ADA).await["id"].as_str().unwrap().to_owned() };
    let document = world.admin("/api/v1/openapi.json").await;
    let (mut dice, mut wrong, mut refused) = (Dice(SEED), Vec::new(), 0);
    for (template, item) in document["paths"].as_object().unwrap() {
        for (name, operation) in item.as_object().unwrap() {
            let Ok(method) = Method::from_bytes(name.to_uppercase().as_bytes()) else { continue };
            for _ in 0..EACH {
                let asked = format!("{}{}", path(template, &known, &mut dice), query(operation, &mut dice));
                let kind = dice.of(&["application/json", "application/json", "text/plain", "image/png", "x", ""]);
                let sent = if method == Method::GET { Vec::new() } else { body(&document, operation, &mut dice) };
                let begin = String::from_utf8_lossy(&sent[..sent.len().min(80)]).into_owned();
                let mut call = world.admin_call(method.clone(), &asked);
                if !sent.is_empty() {
                    call = call.header("content-type", kind).body(sent);
                }
                let answer = call.send().await.unwrap();
                if let Some(why) = fault(answer).await {
                    wrong.push(format!("{method} {asked} ({kind}) {begin}: {why}"));
                } else {
                    refused += 1;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), wrong.len() + refused, wrong.join("\n"));
    world.end().await;
}

/// What is wrong with an answer, if anything.
async fn fault(answer: reqwest::Response) -> Option<String> {
    let (status, headers) = (answer.status(), answer.headers().clone());
    if status.is_success() || status.is_redirection() {
        return None;
    }
    let text = answer.text().await.unwrap_or_default();
    let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    let known = problem["code"].as_str().is_some_and(|code| code.starts_with("PAR-"));
    let whole = known && problem["request_id"].is_string() && problem["detail"].is_string();
    let is_ours = kind == "application/problem+json" && whole && !status.is_server_error();
    (!is_ours).then(|| format!("{status} {kind} {text}"))
}
