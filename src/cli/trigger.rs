//! `parlance convo trigger`: tells a conversation's bot that something happened.

use reqwest::Method;
use serde_json::{Value, json};

use super::Exit;
use super::api::{Api, print_object};
use super::output::Failed;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The conversation: its id, or the person's number
    conversation: String,
    /// What happened: the name of a trigger `api`, or of a wait's `until_event`
    name: String,
    /// What there is to say about it, as JSON
    #[arg(long, value_name = "JSON")]
    data: Option<String>,
    /// Calls with the same key count once within 24 hours
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

pub(super) async fn run(api: &Api, args: Args, json_output: bool) -> Result<(), Failed> {
    let data: Value = match &args.data {
        Some(text) => serde_json::from_str(text)
            .map_err(|error| Failed::new(Exit::Usage, format!("error: --data is not JSON: {error}")))?,
        None => Value::Null,
    };
    let id = find(api, &args.conversation).await?;
    let path = format!("/api/v1/conversations/{id}/trigger");
    let mut request = api.request(Method::POST, &path, &[]).json(&json!({ "name": args.name, "data": data }));
    if let Some(key) = &args.key {
        request = request.header("idempotency-key", key);
    }
    print_object(&api.json(request).await?, json_output);
    Ok(())
}

/// An id as it is; a number's newest conversation.
async fn find(api: &Api, conversation: &str) -> Result<String, Failed> {
    if conversation.starts_with("c_") {
        return Ok(conversation.to_owned());
    }
    let query = [("phone", conversation.to_owned()), ("limit", "1".to_owned())];
    let page = api.json(api.request(Method::GET, "/api/v1/conversations", &query)).await?;
    let found = page["items"][0]["id"].as_str().map(str::to_owned);
    found.ok_or_else(|| Failed::new(Exit::NotFound, format!("error: {conversation} has no conversation")))
}
