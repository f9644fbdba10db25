//! A server of a few lines: one connection per answer, and the requests as they arrived.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::client::{Client, ClientConfig};

pub(crate) const TOKEN: &str = "token-of-tests";

/// A server that is giving its answers.
pub(crate) struct Fake {
    address: SocketAddr,
    server: JoinHandle<Vec<String>>,
}

impl Fake {
    /// Gives these answers, one connection each.
    pub(crate) async fn new(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let mut requests = Vec::new();
            for answer in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                requests.push(request(&mut socket).await);
                // the client hangs up on an answer that is too long
                drop(socket.write_all(answer.replace("HOST", &address.to_string()).as_bytes()).await);
            }
            requests
        });
        Self { address, server }
    }

    /// A client that calls it.
    pub(crate) fn client(&self) -> Client {
        Client::new(ClientConfig {
            base_url: format!("http://{}", self.address),
            api_version: "v25.0".into(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
        })
        .unwrap()
    }

    /// An address on it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it was asked, once it has given all its answers.
    pub(crate) async fn requests(self) -> Vec<String> {
        self.server.await.unwrap()
    }
}

/// An answer with these headers (each ending in a line break) and body.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

/// `200 OK` with this body.
pub(crate) fn ok(body: &str) -> String {
    answer("200 OK", "", body)
}

/// Reads one request to the end that its head names.
async fn request(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !is_whole(&String::from_utf8_lossy(&bytes)) {
        if socket.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let head = head.to_lowercase();
    if head.contains("transfer-encoding: chunked") {
        return body.ends_with("0\r\n\r\n");
    }
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}
