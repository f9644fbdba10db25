//! The client against a server of a few lines: what each kind of trouble is reported as.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::graph::Outcome;

const TOKEN: &str = "token-of-tests";
const BODY: &str = r#"{"type":"text","text":{"body":"private words"}}"#;
const SUCCESS: &str = r#"{"contacts":[{"wa_id":"447700900123"}],"messages":[{"id":"wamid.OUT1"}]}"#;

fn client(base_url: String) -> Client {
    let config = ClientConfig {
        base_url,
        api_version: "v25.0".into(),
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(10),
    };
    Client::new(config).expect("a client")
}

async fn send(client: &Client) -> Result<Accepted, Error> {
    client.send_message("700800900100200", &TOKEN.into(), BODY.as_bytes().to_vec()).await
}

/// A request as it arrived: head and body.
async fn request(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !String::from_utf8_lossy(&bytes).ends_with(BODY) {
        if socket.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Takes one connection and gives these answers to its requests, then closes it.
async fn serve(answers: Vec<String>) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut requests = Vec::new();
        for answer in answers {
            requests.push(request(&mut socket).await);
            // the client hangs up on an answer that is too long
            if socket.write_all(answer.as_bytes()).await.is_err() {
                break;
            }
        }
        requests
    });
    (address, server)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

async fn send_to(answer: String) -> Result<Accepted, Error> {
    let (address, server) = serve(vec![answer]).await;
    let outcome = send(&client(format!("http://{address}"))).await;
    server.await.unwrap();
    outcome
}

fn is_ambiguous(outcome: Result<Accepted, Error>) -> bool {
    matches!(outcome, Err(error @ Error::Ambiguous(_)) if error.outcome() == Outcome::Uncertain)
}

#[tokio::test]
async fn success_posts_once_with_token_and_body() {
    let (address, server) = serve(vec![answer("200 OK", "", SUCCESS)]).await;
    let accepted = send(&client(format!("http://{address}/prefix/"))).await.unwrap();
    assert_eq!((accepted.wamid.as_str(), accepted.wa_id.as_deref()), ("wamid.OUT1", Some("447700900123")));
    let requests = server.await.unwrap();
    let head = requests[0].to_lowercase();
    assert!(requests[0].starts_with("POST /prefix/v25.0/700800900100200/messages HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nauthorization: bearer token-of-tests\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
    assert!(!head.contains("referer"), "{head}");
    assert!(requests[0].ends_with(BODY));
}

#[tokio::test]
async fn connection_is_used_again() {
    let (address, server) = serve(vec![answer("200 OK", "", SUCCESS); 3]).await;
    let client = client(format!("http://{address}"));
    for _ in 0..3 {
        send(&client).await.unwrap();
    }
    assert_eq!(server.await.unwrap().len(), 3);
}

#[tokio::test]
async fn graph_error_is_decided() {
    let body = r#"{"error":{"message":"(#130429) Rate limit hit","code":130429,"fbtrace_id":"AbC123"}}"#;
    let error = send_to(answer("429 Too Many Requests", "retry-after: 3\r\n", body)).await.unwrap_err();
    assert_eq!((error.outcome(), error.retry_after_ms()), (Outcome::SlowNumber, Some(3_000)));
    let Error::Graph(graph) = error else { panic!("{error}") };
    assert_eq!((graph.code, graph.http_status, graph.fbtrace_id.as_deref()), (130_429, 429, Some("AbC123")));
}

#[tokio::test]
async fn usage_header_says_how_long_to_wait() {
    let usage = "x-business-use-case-usage: {\"3\":[{\"estimated_time_to_regain_access\":2}]}\r\n";
    let body = r#"{"error":{"message":"m","code":80007}}"#;
    let error = send_to(answer("400 Bad Request", usage, body)).await.unwrap_err();
    assert_eq!((error.outcome(), error.retry_after_ms()), (Outcome::SlowAccount, Some(120_000)));
}

#[tokio::test]
async fn gateway_page_is_ambiguous() {
    assert!(is_ambiguous(send_to(answer("502 Bad Gateway", "", "<html>bad gateway</html>")).await));
}

#[tokio::test]
async fn redirect_is_ambiguous_and_not_followed() {
    let redirect = answer("307 Temporary Redirect", "location: /elsewhere\r\n", "");
    let (address, server) = serve(vec![redirect, answer("200 OK", "", SUCCESS)]).await;
    assert!(is_ambiguous(send(&client(format!("http://{address}"))).await));
    let requests = server.await.unwrap();
    assert!(requests.iter().skip(1).all(String::is_empty), "{requests:?}");
}

#[tokio::test]
async fn connection_closed_after_the_request_is_ambiguous() {
    assert!(is_ambiguous(send_to(String::new()).await));
    assert!(is_ambiguous(send_to("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{".to_owned()).await));
}

#[tokio::test]
async fn answer_that_never_comes_is_ambiguous() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = ClientConfig {
        base_url: format!("http://{}", listener.local_addr().unwrap()),
        api_version: "v25.0".into(),
        connect_timeout: Duration::from_millis(100),
        request_timeout: Duration::from_millis(200),
    };
    assert!(is_ambiguous(send(&Client::new(config).unwrap()).await));
}

#[tokio::test]
async fn giant_answer_is_ambiguous_with_and_without_a_length() {
    let giant = " ".repeat(MAX_ANSWER_BYTES + 1);
    assert!(is_ambiguous(send_to(answer("200 OK", "", &giant)).await));
    assert!(is_ambiguous(send_to(format!("HTTP/1.1 400 Bad Request\r\n\r\n{giant}")).await));
}

#[tokio::test]
async fn largest_answer_is_read() {
    let padded = format!("{SUCCESS}{}", " ".repeat(MAX_ANSWER_BYTES - SUCCESS.len()));
    assert!(send_to(answer("200 OK", "", &padded)).await.is_ok());
}

#[tokio::test]
async fn refused_connection_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = send(&client(format!("http://{address}"))).await.unwrap_err();
    assert!(matches!(error, Error::NotSent(_)), "{error}");
    assert_eq!(error.outcome(), Outcome::Retry);
}

#[tokio::test]
async fn failed_tls_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"this is not TLS at all\r\n").await.unwrap();
        drop(socket);
    });
    let error = send(&client(format!("https://{address}"))).await.unwrap_err();
    server.await.unwrap();
    assert!(matches!(error, Error::NotSent(_)), "{error}");
}

#[tokio::test]
async fn request_that_cannot_be_built_is_not_sent() {
    let client = client("http://127.0.0.1:9".to_owned());
    for number in ["", "7/8", "..", "7?8"] {
        let error = client.send_message(number, &TOKEN.into(), Vec::new()).await.unwrap_err();
        assert!(matches!(error, Error::NotSent(_)), "{error}");
    }
    let error = client.send_message("7", &"broken-secret\n".into(), Vec::new()).await.unwrap_err();
    assert!(matches!(&error, Error::NotSent(why) if !why.contains("broken-secret")), "{error}");
}

#[tokio::test]
async fn neither_token_nor_body_shows_in_errors() {
    for wire in [answer("500 Oops", "", "x"), String::new()] {
        let error = send_to(wire).await.unwrap_err();
        let shown = format!("{error} {error:?} {:?}", error.to_record());
        assert!(!shown.contains(TOKEN) && !shown.contains("private words"), "{shown}");
    }
    assert!(!format!("{:?}", client("http://127.0.0.1:9".to_owned())).contains(TOKEN));
}

#[test]
fn base_url_must_be_http() {
    for url in ["", "graph.facebook.com", "ftp://graph.example", "mailto:a@b.example"] {
        let config = ClientConfig {
            base_url: url.into(),
            api_version: "v25.0".into(),
            connect_timeout: Duration::from_secs(1),
            request_timeout: Duration::from_secs(2),
        };
        let error = Client::new(config).unwrap_err().to_string();
        assert!(error.contains(&format!("`{url}`")), "{error}");
    }
}
