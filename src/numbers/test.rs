//! Asks Meta for a number with its token, and says in words for people what is wrong.

use secrecy::SecretString;
use whatsapp::graph::{CallError, Client, RemoteNumber};

/// What a test came to.
#[derive(Debug)]
pub struct Tested {
    /// The number as Meta has it, if it told.
    pub number: Option<RemoteNumber>,
    /// What is wrong; nothing if it is empty.
    pub problems: Vec<Trouble>,
}

/// One thing that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Trouble {
    /// `token`, `permission`, `number`, `account`, `status` or `meta`.
    pub check: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hint: String,
    /// Meta's code.
    pub code: Option<u32>,
    /// What Meta's support asks for.
    pub fbtrace_id: Option<String>,
}

impl Tested {
    /// Whether nothing is wrong.
    pub fn is_fine(&self) -> bool {
        self.problems.is_empty()
    }
}

pub(super) async fn test(client: &Client, id: &str, account: Option<&str>, token: &SecretString) -> Tested {
    let number = match client.number(id, token).await {
        Ok(number) => number,
        Err(error) => return Tested { number: None, problems: vec![of_number(id, &error)] },
    };
    let mut problems: Vec<Trouble> = number.status.as_deref().and_then(of_status).into_iter().collect();
    if let Some(account) = account {
        match client.numbers_of(account, token).await {
            Ok(ids) if ids.iter().any(|listed| listed == id) => {}
            Ok(_) => problems.push(trouble(
                "account",
                format!("the number {id} is not one of the business account {account}"),
                "correct the id of the business account: WhatsApp Manager, Account tools, Phone numbers shows both",
            )),
            Err(error) => problems.push(of_account(account, &error)),
        }
    }
    Tested { number: Some(number), problems }
}

fn of_status(status: &str) -> Option<Trouble> {
    let hint = match status {
        "CONNECTED" => return None,
        "PENDING" | "UNVERIFIED" => "finish its registration in WhatsApp Manager",
        "BANNED" | "RESTRICTED" | "FLAGGED" | "RATE_LIMITED" => "WhatsApp Manager says why, and what can be done",
        _ => "look at it in WhatsApp Manager",
    };
    Some(trouble("status", format!("Meta says that the number is {status}"), hint))
}

fn of_number(id: &str, error: &CallError) -> Trouble {
    general(error).unwrap_or_else(|| match code(error) {
        Some(100 | 33) => with(
            error,
            trouble(
                "number",
                format!(
                    "Meta has no number {id} that this token may see: the id is wrong, or it belongs to another account"
                ),
                "compare the id under WhatsApp, API setup; give the system user this account in Business settings",
            ),
        ),
        _ => unknown(error),
    })
}

fn of_account(account: &str, error: &CallError) -> Trouble {
    general(error).unwrap_or_else(|| match code(error) {
        Some(100 | 33) => with(
            error,
            trouble(
                "account",
                format!("Meta has no business account {account} that this token may see"),
                "correct its id, or give the system user this account in Business settings",
            ),
        ),
        _ => unknown(error),
    })
}

/// What does not depend on what was asked for.
fn general(error: &CallError) -> Option<Trouble> {
    let (check, what, hint) = match code(error) {
        Some(190 | 0) => (
            "token",
            "the access token is wrong, expired or revoked (190)",
            "make a system user's token that does not expire (Business settings, System users), then set it: parlance number secrets",
        ),
        Some(10 | 3 | 200..=299) => (
            "permission",
            "the access token lacks a permission",
            "make one with whatsapp_business_messaging and whatsapp_business_management, for this app and account",
        ),
        Some(_) => return None,
        None => (
            "meta",
            "Meta could not be asked",
            "look whether this machine reaches graph.base_url, then test again: nothing is said about the number",
        ),
    };
    let found = trouble(check, what.to_owned(), hint);
    let what = match code(error) {
        None => format!("{what}: {error}"),
        Some(_) => what.to_owned(),
    };
    Some(with(error, Trouble { what, ..found }))
}

fn unknown(error: &CallError) -> Trouble {
    let record = error.to_record();
    with(error, trouble("meta", error.to_string(), &record.advice))
}

fn trouble(check: &'static str, what: String, hint: &str) -> Trouble {
    Trouble { check, what, hint: hint.to_owned(), code: None, fbtrace_id: None }
}

fn with(error: &CallError, trouble: Trouble) -> Trouble {
    match error {
        CallError::Graph(graph) => Trouble { code: Some(graph.code), fbtrace_id: graph.fbtrace_id.clone(), ..trouble },
        _ => trouble,
    }
}

fn code(error: &CallError) -> Option<u32> {
    match error {
        CallError::Graph(graph) => Some(graph.code),
        _ => None,
    }
}
