//! A client of the event stream, as a browser is one. Source: HTML Living Standard, section 9.2, 2026-11.

use reqwest::{RequestBuilder, Response};
use serde_json::Value;

/// An event as it was dispatched.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// `None` if it came without one.
    pub(crate) id: Option<String>,
    pub(crate) kind: String,
    pub(crate) data: Value,
}

/// An open stream.
pub(crate) struct Events {
    answer: Response,
    buffer: Vec<u8>,
    /// What a browser would send as `Last-Event-ID`.
    pub(crate) last_id: Option<String>,
    /// Comments so far.
    pub(crate) comments: Vec<String>,
}

impl Events {
    /// Opens one; `after` is where to go on.
    pub(crate) async fn open(request: RequestBuilder, after: Option<&str>) -> Result<Self, reqwest::Error> {
        let request = match after {
            Some(id) => request.header("last-event-id", id),
            None => request,
        };
        let answer = request.send().await?.error_for_status()?;
        let last_id = after.map(str::to_owned);
        Ok(Self { answer, buffer: Vec::new(), last_id, comments: Vec::new() })
    }

    /// The next event; `None` when the stream has ended or broke off.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            let block = self.block().await?;
            if let Some(event) = self.dispatch(&block) {
                return Some(event);
            }
        }
    }

    /// Reads on up to an empty line, which ends a block.
    pub(crate) async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..at + 2).collect();
                return Some(String::from_utf8(block).expect("the stream is UTF-8"));
            }
            let chunk = self.answer.chunk().await.ok().flatten()?;
            self.buffer.extend_from_slice(&chunk);
        }
    }

    fn dispatch(&mut self, block: &str) -> Option<Event> {
        let (mut id, mut kind, mut data) = (None, String::new(), String::new());
        for line in block.lines() {
            match line.split_once(": ").unwrap_or((line, "")) {
                ("id", value) => id = Some(value.to_owned()),
                ("event", value) => kind = value.to_owned(),
                ("data", value) => data.push_str(value),
                ("", comment) => self.comments.push(comment.to_owned()),
                _ => {}
            }
        }
        if id.is_some() {
            self.last_id.clone_from(&id);
        }
        let data = (!data.is_empty()).then(|| serde_json::from_str(&data).expect("the data is JSON"))?;
        Some(Event { id, kind, data })
    }
}
