//! Bytes to a socket and back, for requests that no client would make.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{SECRET, World, signature};

/// A connection to the front door.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

impl Raw {
    pub(crate) async fn connect(world: &World) -> Self {
        Self { stream: TcpStream::connect(world.server().front).await.unwrap() }
    }

    /// Writes; a peer that has closed already is no error here.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Everything until the peer closes, or `None` if it does not within `at_most`.
    pub(crate) async fn read_to_end(&mut self, at_most: Duration) -> Option<String> {
        let mut all = Vec::new();
        let read = async {
            let mut part = [0; 8_192];
            // A reset is a close, too.
            while let Ok(count @ 1..) = self.stream.read(&mut part).await {
                all.extend_from_slice(&part[..count]);
            }
        };
        tokio::time::timeout(at_most, read).await.ok()?;
        Some(String::from_utf8_lossy(&all).into_owned())
    }

    /// The head of the next answer.
    pub(crate) async fn read_head(&mut self, at_most: Duration) -> Option<String> {
        let mut all = Vec::new();
        let read = async {
            while !all.ends_with(b"\r\n\r\n") {
                match self.stream.read_u8().await {
                    Ok(byte) => all.push(byte),
                    Err(_) => return,
                }
            }
        };
        tokio::time::timeout(at_most, read).await.ok()?;
        Some(String::from_utf8_lossy(&all).into_owned()).filter(|head| !head.is_empty())
    }
}

/// The status codes of all answers in what came back.
pub(crate) fn statuses(answers: &str) -> Vec<u16> {
    let lines = answers.split("HTTP/1.1 ").skip(1);
    lines.filter_map(|line| line.split(' ').next()?.parse().ok()).collect()
}

/// A whole signed request with these extra header lines, each ended by CRLF.
pub(crate) fn request(headers: &str, body: &str) -> String {
    let signature = signature(SECRET, body.as_bytes());
    format!(
        "POST /api/webhooks/whatsapp HTTP/1.1\r\nHost: localhost\r\nX-Hub-Signature-256: {signature}\r\n{headers}\r\n{body}"
    )
}
