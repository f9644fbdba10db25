//! Follows the event stream of a server: comes again after a break, where it was.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;

use super::api::Api;
use super::output::{Failed, talk};

/// Before it comes again.
const AGAIN: Duration = Duration::from_secs(2);
/// A stream may last; it says something every 15 seconds.
const LONG: Duration = Duration::from_secs(365 * 24 * 3_600);
/// Bytes of one event at the most.
const MAX_EVENT: usize = 1 << 20;

/// An event.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Event {
    pub id: Option<String>,
    pub kind: String,
    pub data: Value,
}

/// Hands each event to `each`, until that fails. A server that is not there is waited for once it was.
pub(super) async fn follow(
    api: &Api,
    query: &[(&str, String)],
    mut each: impl AsyncFnMut(Event) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let (mut last, mut was_there) = (None::<String>, false);
    loop {
        let mut request = api.request(Method::GET, "/api/v1/events", query).timeout(LONG);
        if let Some(id) = &last {
            request = request.header("last-event-id", id);
        }
        match api.answer(request).await {
            Ok(answer) => {
                was_there = true;
                listen(answer, &mut last, &mut each).await?;
                talk("the stream broke off; trying again");
            }
            Err(failed) if was_there && matches!(failed.exit, super::Exit::Unreachable) => {}
            Err(failed) => return Err(failed),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn listen(
    mut answer: Response,
    last: &mut Option<String>,
    each: &mut impl AsyncFnMut(Event) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let mut buffer = Vec::new();
    // An error is a break like any other.
    while let Ok(Some(chunk)) = answer.chunk().await {
        buffer.extend_from_slice(&chunk);
        while let Some(at) = buffer.windows(2).position(|two| two == b"\n\n") {
            let block: Vec<u8> = buffer.drain(..at + 2).collect();
            let (id, event) = read(&String::from_utf8_lossy(&block));
            if let Some(event) = event {
                each(event).await?;
            }
            // After it was handled: what fails in between comes again.
            *last = id.or(last.take());
        }
        if buffer.len() > MAX_EVENT {
            return Ok(());
        }
    }
    Ok(())
}

/// The id that a block sets, and the event that it is, if it is one.
fn read(block: &str) -> (Option<String>, Option<Event>) {
    let (mut event, mut data) = (Event::default(), String::new());
    for line in block.lines() {
        match line.split_once(": ").unwrap_or((line, "")) {
            ("id", id) => event.id = Some(id.to_owned()),
            ("event", kind) => event.kind = kind.to_owned(),
            ("data", text) => data.push_str(text),
            _ => {}
        }
    }
    let id = event.id.clone();
    let data = serde_json::from_str(&data).ok();
    (id, data.map(|data| Event { data, ..event }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_events_or_move_the_id_only() {
        let (id, event) = read("id: a-1\nevent: message.in\ndata: {\"id\":\"7\"}\n\n");
        let event = event.unwrap();
        assert_eq!((id.as_deref(), &*event.kind, &event.data["id"]), (Some("a-1"), "message.in", &Value::from("7")));
        assert_eq!(read(": beat\nid: a-2\n\n"), (Some("a-2".to_owned()), None));
        assert_eq!(read("retry: 2000\n\n"), (None, None));
    }
}
