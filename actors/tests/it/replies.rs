//! Answers that are none, over a real connection: whatever comes back, a message is sent, in doubt or refused.

use std::sync::Arc;
use std::time::Duration;

use storage::SendState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use whatsapp::graph::{Client, ClientConfig};

use crate::support::*;

const TAKEN: &str = r#"{"messaging_product":"whatsapp","messages":[{"id":"wamid.TAKEN"}]}"#;

fn answer(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// Reads one request and gives this answer.
async fn serve(mut socket: TcpStream, answer: &str) {
    let (mut seen, mut piece) = (Vec::new(), [0; 4_096]);
    while !seen.ends_with(b"}") {
        match socket.read(&mut piece).await {
            Ok(read) if read > 0 => seen.extend_from_slice(&piece[..read]),
            _ => return,
        }
    }
    // The client hangs up on an answer that is too long.
    drop(socket.write_all(answer.as_bytes()).await);
}

/// The state of a message that was answered like this once, before its doubt is over, and how many requests there were
/// after it.
async fn state_after(first: String) -> (SendState, SendState) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut answers = vec![first].into_iter();
        while let Ok((socket, _)) = listener.accept().await {
            serve(socket, &answers.next().unwrap_or_else(|| answer("200 OK", "application/json", TAKEN))).await;
        }
    });
    let client = Client::new(ClientConfig {
        base_url: format!("http://{address}"),
        api_version: "v25.0".into(),
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(10),
    });
    let world = World::new();
    let engine = world.start_over(Arc::new(client.unwrap())).await;
    world.say(1, "hi").await;
    let state = async || world.states(1).await.first().copied().filter(|state| *state > SendState::Sending);
    while state().await.is_none() {
        pause(5).await;
    }
    let before = state().await.unwrap();
    world.clock.advance(30_000);
    while !state().await.is_some_and(SendState::is_settled) {
        pause(5).await;
    }
    assert!(engine.failed().borrow().is_none());
    (before, state().await.unwrap())
}

#[tokio::test]
async fn f80_an_answer_that_is_none_is_a_doubt_and_never_a_crash() {
    let html = "<html><body>Bad gateway</body></html>";
    let giant = format!(r#"{{"messages":[{{"id":"{}"}}]}}"#, "x".repeat(300 * 1024));
    for answer in [
        answer("200 OK", "text/html", html),
        answer("200 OK", "application/json", "{\"messages\":[{"),
        answer("200 OK", "application/json", &giant),
        answer("502 Bad Gateway", "text/html", html),
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_owned(),
        "not http at all".to_owned(),
        String::new(),
    ] {
        let states = state_after(answer.clone()).await;
        assert_eq!(states, (SendState::Uncertain, SendState::Accepted), "{answer:.80}");
    }
}

#[tokio::test]
async fn f76_a_refusal_is_a_dead_letter_after_one_request() {
    let refusal = r#"{"error":{"message":"(#100) bad","code":100,"fbtrace_id":"AbC","error_data":"odd"}}"#;
    let states = state_after(answer("400 Bad Request", "application/json", refusal)).await;
    assert_eq!(states, (SendState::Dead, SendState::Dead));
}
