//! A bot that asks another program, through the real server and a real connection.

use std::sync::Arc;

use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{ADA, Setup};

const SECRET: &str = "fixture-of-a-token";

fn bot(port: u16) -> String {
    format!(
        r#"
parlance: 1
id: booking
secrets: [CRM_TOKEN]
triggers: [ {{ default: {{}}, to: days }} ]
nodes:
  days:
    type: http
    url: "http://127.0.0.1:{port}/days"
    query: {{ for: "{{{{ input.text }}}}" }}
    auth: {{ bearer: "{{{{ secret.CRM_TOKEN }}}}" }}
    extract: {{ days: "$.days[*]" }}
    filter: item.free
    next: {{ ok: pick, http_error: sorry, timeout: sorry, bad_body: sorry }}
  pick:
    type: menu
    prompt: Which day?
    options_from: {{ list: days, id: id, title: name }}
    save: day
    next: {{ picked: book }}
  book:
    type: http
    method: POST
    url: "http://127.0.0.1:{port}/bookings"
    body: {{ json: {{ day: "{{{{ day }}}}" }} }}
    expect_status: 201
    extract: {{ ticket: $.number }}
    next: {{ ok: done, http_error: sorry, timeout: sorry, bad_body: sorry }}
  done: {{ type: say, messages: [ {{ text: "Your number is {{{{ ticket }}}}." }} ], next: {{ next: fin }} }}
  sorry: {{ type: say, messages: [ {{ text: "Sorry: {{{{ input.error }}}}" }} ], next: {{ next: fin }} }}
  fin: {{ type: end, reason: done }}
"#
    )
}

/// What the other program was asked, whole.
type Asked = Arc<Mutex<Vec<String>>>;

async fn other_program() -> (u16, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, asked) = (listener.local_addr().unwrap().port(), Asked::default());
    let noted = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, noted.clone()));
        }
    });
    (port, asked)
}

async fn answer(mut stream: TcpStream, asked: Asked) -> Option<()> {
    let (mut request, mut buffer) = (String::new(), [0; 4096]);
    while !is_whole(&request) {
        match stream.read(&mut buffer).await.ok()? {
            0 => return None,
            n => request.push_str(&String::from_utf8_lossy(&buffer[..n])),
        }
    }
    let (status, body) = match request.starts_with("GET") {
        true => (
            "200 OK",
            json!({ "days": [ { "id": "mon", "name": "Monday", "free": true }, { "id": "tue", "name": "Tuesday", "free": false } ] }),
        ),
        false => ("201 Created", json!({ "number": 42 })),
    };
    asked.lock().push(request);
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.ok()
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length =
        head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    body.len() >= length.unwrap_or(0)
}

#[tokio::test]
async fn a_bot_asks_another_program_and_goes_on_with_its_answer() {
    let (port, asked) = other_program().await;
    let setup = Setup::default().bot(&bot(port)).set("bots.secrets.crm_token", SECRET);
    let world = setup.set("http.allow", &format!("127.0.0.1:{port}")).start().await;
    world.write(ADA, "next week & after").await;
    assert_eq!(world.wait_replies(ADA, 1).await[0], "Which day?");
    world.write(ADA, "Monday").await;
    assert_eq!(world.wait_replies(ADA, 2).await[1], "Your number is 42.");
    let asked = asked.lock().clone();
    assert!(asked[0].starts_with("GET /days?for=next+week+%26+after HTTP/1.1"), "{}", asked[0]);
    assert!(asked[0].to_lowercase().contains(&format!("authorization: bearer {SECRET}")), "{}", asked[0]);
    assert!(asked[1].starts_with("POST /bookings ") && asked[1].ends_with(r#"{"day":"mon"}"#), "{}", asked[1]);
    assert!(asked[1].to_lowercase().contains("idempotency-key: ") && !asked[1].contains(SECRET), "{}", asked[1]);
    assert_eq!(world.metric(r#"parlance_http_calls_total{outcome="2xx"}"#).await, 2.0);
    world.end().await;
}

#[tokio::test]
async fn f59_a_loopback_address_is_not_called_unless_the_configuration_says_so() {
    let (port, asked) = other_program().await;
    let world = Setup::default().bot(&bot(port)).set("bots.secrets.crm_token", SECRET).start().await;
    world.write(ADA, "hi").await;
    // Replies are kept with their first forty characters.
    let reply = world.wait_replies(ADA, 1).await.remove(0);
    assert!(reply.starts_with(&format!("Sorry: 127.0.0.1:{port} may not be")), "{reply}");
    assert!(asked.lock().is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_secret_without_a_value_is_a_warning_at_start() {
    let (port, _) = other_program().await;
    let world = Setup::default().bot(&bot(port)).start().await;
    let problems = &world.server().bots.problems;
    assert!(problems.iter().any(|problem| problem.contains("PARLANCE__BOTS__SECRETS__CRM_TOKEN")), "{problems:?}");
    world.write(ADA, "hi").await;
    let reply = world.wait_replies(ADA, 1).await.remove(0);
    assert!(reply.starts_with("Sorry: the secret `CRM_TOKEN` is not in"), "{reply}");
    world.end().await;
}

/// The codes and severities of `problems`.
fn problems(answer: &Value) -> Vec<(&str, &str)> {
    let all = answer["problems"].as_array().unwrap_or_else(|| panic!("{answer}"));
    all.iter().map(|found| (found["code"].as_str().unwrap(), found["severity"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_secret_without_a_value_is_a_warning_in_the_answer_to_each_way_of_publishing() {
    const MISSING: [(&str, &str); 1] = [("PAR-0245", "warning")];
    let world = Setup::default().bot(&bot(1)).set("bots.secrets.crm_token", SECRET).start().await;
    assert!(world.server().bots.problems.is_empty(), "{:?}", world.server().bots.problems);
    let source = bot(1).replace("secrets: [CRM_TOKEN]", "secrets: [CRM_TOKEN, PAY_KEY]");
    for query in ["?dry_run=true", ""] {
        let put = world.admin_call(Method::PUT, &format!("/api/v1/bots/booking{query}")).body(source.clone());
        let (status, answer) = answer_of(put).await;
        assert_eq!((status, problems(&answer)), (200, MISSING.to_vec()), "{query}");
        assert_eq!(answer["problems"][0]["message"], "the secret `PAY_KEY` has no value");
    }
    let (_, checked) = answer_of(world.admin_call(Method::POST, "/api/v1/bots/check").body(source)).await;
    assert_eq!((&checked["ok"], &checked["warnings"]), (&json!(true), &json!(1)), "{checked}");
    let back = world.admin_post("/api/v1/bots/booking/rollback", &json!({})).await;
    assert_eq!((back.0, problems(&back.1)), (200, Vec::new()), "all that it names has a value");
    for query in ["?dry_run=true", ""] {
        let path = format!("/api/v1/bots/booking/publish{query}");
        let (status, answer) = world.admin_post(&path, &json!({ "version": 2 })).await;
        assert_eq!((status, problems(&answer)), (200, MISSING.to_vec()), "{query}");
    }
    assert_eq!(problems(&world.admin("/api/v1/bots/booking").await), MISSING);
    world.end().await;
}

async fn answer_of(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}
