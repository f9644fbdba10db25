//! People who are blocked at Meta: the list is theirs, up to 64,000 people per number.
//!
//! A person can be blocked within 24 hours of their last message only. Shapes by open SDKs; blocking by
//! user id is not confirmed by a stored page.

use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::CallError;
use super::client::{Client, MAX_ANSWER_BYTES};
use crate::message::Recipient;
use crate::webhook::ErrorObject;

/// With pages of 1,000, the whole list.
const MAX_PAGES: usize = 65;
const PAGE: &str = "1000";

/// What became of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blocked {
    /// People for whom it was done, as they were given.
    pub done: Vec<String>,
    /// People for whom it was not.
    pub failed: Vec<BlockFailure>,
}

/// Why a person was not blocked or unblocked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockFailure {
    /// As it was given.
    pub input: String,
    /// Meta's reasons.
    pub errors: Vec<ErrorObject>,
}

#[derive(Deserialize)]
struct Answer {
    block_users: Lists,
}

#[derive(Deserialize)]
struct Lists {
    #[serde(default, alias = "removed_users")]
    added_users: Vec<User>,
    #[serde(default)]
    failed_users: Vec<User>,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    input: String,
    #[serde(default)]
    errors: Vec<ErrorObject>,
}

impl Client {
    /// Blocks people: they can neither write to the number nor be written to.
    pub async fn block(
        &self,
        phone_number_id: &str,
        token: &SecretString,
        people: &[Recipient],
    ) -> Result<Blocked, CallError> {
        self.change_blocks(Method::POST, phone_number_id, token, people).await
    }

    /// Takes people off the list.
    pub async fn unblock(
        &self,
        phone_number_id: &str,
        token: &SecretString,
        people: &[Recipient],
    ) -> Result<Blocked, CallError> {
        self.change_blocks(Method::DELETE, phone_number_id, token, people).await
    }

    /// The blocked people: numbers in digits, or user ids.
    pub async fn blocked(&self, phone_number_id: &str, token: &SecretString) -> Result<Vec<Recipient>, CallError> {
        let page = |after: Option<&str>| {
            let mut query = vec![("limit", PAGE)];
            query.extend(after.map(|after| ("after", after)));
            Ok(self.request_with(Method::GET, &[phone_number_id, "block_users"], &query)?)
        };
        Ok(self.pages(token, MAX_PAGES, page).await?.iter().filter_map(person).collect())
    }

    async fn change_blocks(
        &self,
        method: Method,
        number: &str,
        token: &SecretString,
        people: &[Recipient],
    ) -> Result<Blocked, CallError> {
        let people: Vec<_> = people.iter().map(name).collect();
        let body = json!({ "messaging_product": "whatsapp", "block_users": people });
        let request = self.request(method, &[number, "block_users"])?.json(&body);
        self.call(request, token, MAX_ANSWER_BYTES, read).await
    }
}

fn read(body: &[u8]) -> Option<Blocked> {
    let Answer { block_users: lists } = serde_json::from_slice(body).ok()?;
    let failure = |user: User| BlockFailure { input: user.input, errors: user.errors };
    Some(Blocked {
        done: lists.added_users.into_iter().map(|user| user.input).collect(),
        failed: lists.failed_users.into_iter().map(failure).collect(),
    })
}

fn name(person: &Recipient) -> Value {
    match person {
        Recipient::Phone(digits) => json!({ "user": format!("+{}", digits.trim_start_matches('+')) }),
        Recipient::UserId(id) => json!({ "user_id": id }),
    }
}

fn person(entry: &Value) -> Option<Recipient> {
    let text = |name: &str| entry.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    text("wa_id").map(Recipient::Phone).or_else(|| text("user_id").map(Recipient::UserId))
}
