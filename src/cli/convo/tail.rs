//! `parlance convo tail`: what happens in conversations, as it happens.

use reqwest::Method;

use super::super::api::{Api, text};
use super::super::follow::{Event, follow};
use super::super::output::{Failed, data, talk};

/// Of a conversation's newest messages so many are looked through for the one that was told.
const NEWEST: usize = 20;

#[derive(clap::Args)]
pub(super) struct Args {
    /// c_…; all conversations when absent
    id: Option<String>,
    /// Print only that something was said, not what
    #[arg(long)]
    quiet: bool,
}

pub(super) async fn run(api: &Api, args: Args, json: bool) -> Result<(), Failed> {
    let mut query = vec![("topics", "conversations,messages,dead_letters".to_owned())];
    if let Some(id) = args.id {
        query.push(("conversation", api.conversation(&id).await?));
    }
    follow(api, &query, async |event| {
        if json {
            let whole = serde_json::json!({ "id": event.id, "event": event.kind, "data": event.data });
            data(&whole.to_string());
            return Ok(());
        }
        match &*event.kind {
            "hello" => {}
            "resync" => talk("some of what happened is not known any more; here it goes on"),
            "message.in" | "message.out" => {
                let said = if args.quiet { String::new() } else { said(api, &event).await };
                data(&format!("{} {said}", line(&event)));
            }
            _ => data(&line(&event)),
        }
        Ok(())
    })
    .await
}

fn line(event: &Event) -> String {
    let of = &event.data;
    let conversation = of["conversation"].as_str().unwrap_or_else(|| text(of, "id"));
    let what = match &*event.kind {
        "message.in" => format!("in   {}", text(of, "type")),
        "message.out" => format!("out  {} by {}", text(of, "type"), text(of, "origin")),
        "message.status" => format!("is   {}", text(of, "status")),
        "dead_letter" => format!("dead {}", text(of, "reason")),
        "conversation.updated" => format!("now  {} at {}", text(of, "state"), text(of, "node")),
        other => other.to_owned(),
    };
    format!("{} {conversation} {what}", text(of, "at"))
}

/// What a message says. Events do not tell it: who may read it asks for it.
async fn said(api: &Api, event: &Event) -> String {
    let path = format!("/api/v1/conversations/{}/messages", text(&event.data, "conversation"));
    let page = api.json(api.request(Method::GET, &path, &[("limit", NEWEST.to_string())])).await;
    let Ok(page) = page else { return String::new() };
    let messages = page["items"].as_array().into_iter().flatten();
    let found =
        messages.filter(|message| message["id"] == event.data["id"]).find_map(|message| message["text"].as_str());
    found.map(|text| format!("{text:?}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_line_says_when_where_and_what() {
        let data: Value = json!({ "conversation": "c_1", "id": "7", "type": "text", "at": "T" });
        let event = Event { id: None, kind: "message.in".to_owned(), data };
        assert_eq!(line(&event), "T c_1 in   text");
    }
}
