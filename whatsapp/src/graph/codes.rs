//! The error numbers of the Graph API, as a table: meaning, cure, and what the sender does next.
//!
//! Source: Meta's error pages of 2026 and the numbers seen in its samples. Nothing else in the project
//! reads these numbers. A number that is not here is for the sender a permanent refusal.

use serde::{Deserialize, Serialize};

use Outcome::{
    PauseNumber, Permanent, Restricted, Retry, RetryAtMost, SlowAccount, SlowApp, SlowFlow, SlowNumber, SlowPerson,
    StopFlow, WindowClosed,
};

/// What the sender does after a send, or after a failed status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not accepted, and may be next time: try again with backoff.
    Retry,
    /// As `Retry`, but after this many further tries it is a permanent refusal.
    RetryAtMost(u8),
    /// The business number is too fast: slow it down, keep the message.
    SlowNumber,
    /// The business account is too fast: slow all its numbers down, keep the message.
    SlowAccount,
    /// The app is too fast: slow every call down, keep the message.
    SlowApp,
    /// Too fast for this person: wait 4^n s for them alone, keep the message.
    SlowPerson,
    /// This Flow is throttled: keep the messages that carry it for an hour.
    SlowFlow,
    /// This Flow is blocked: dead letter, and tell an operator.
    StopFlow,
    /// The 24 h window is closed: a template, or a dead letter.
    WindowClosed,
    /// Refused for good: dead letter.
    Permanent,
    /// Refused for good, and so will be all of its kind (a country, marketing, payments) until an
    /// operator acts: dead letter and alarm; everything else of the number goes on.
    Restricted,
    /// Nothing of this number can be sent until an operator acts: keep the queue, raise an alarm.
    PauseNumber,
    /// It may have been sent: wait for a status with its callback data before sending again.
    Uncertain,
}

/// What a number means, and what helps against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// The meaning, a few words.
    pub meaning: &'static str,
    /// What an operator can do, a sentence.
    pub cure: &'static str,
}

/// What a number means for the sender. Serves the answers of Graph and the errors of failed statuses.
pub fn outcome_of_code(code: u32) -> Outcome {
    row(code).map_or(Permanent, |row| row.outcome)
}

/// The meaning and cure of a known number.
pub fn explain(code: u32) -> Option<Explanation> {
    row(code).map(|row| Explanation { meaning: row.meaning, cure: row.cure })
}

/// Whether the table has an entry of its own for this number.
pub(crate) fn is_known(code: u32) -> bool {
    row(code).is_some()
}

fn row(code: u32) -> Option<&'static Row> {
    let after = ROWS.partition_point(|row| row.from <= code);
    ROWS.get(after.checked_sub(1)?).filter(|row| code <= row.to)
}

/// The numbers `from..=to`.
struct Row {
    from: u32,
    to: u32,
    outcome: Outcome,
    meaning: &'static str,
    cure: &'static str,
}

const fn one(code: u32, outcome: Outcome, meaning: &'static str, cure: &'static str) -> Row {
    Row { from: code, to: code, outcome, meaning, cure }
}

const fn range(from: u32, to: u32, outcome: Outcome, meaning: &'static str, cure: &'static str) -> Row {
    Row { from, to, outcome, meaning, cure }
}

const TOKEN: &str = "Put in a valid access token; the queue goes on by itself.";
const SCOPES: &str = "Check the token's permissions and the app's access to the business account.";
const BODY: &str = "Correct the message: the details name the part that Meta refuses.";
const TEMPLATE: &str = "Compare the send with the approved template.";
const GROUP: &str = "Check the group's state and membership.";
const REGISTER: &str = "Finish the registration of the number in WhatsApp Manager.";
const WAIT: &str = "Nothing to do: it is sent again by itself.";
const PACE: &str = "Nothing to do: sending slows down by itself. If it stays, lower the rate or ask Meta for more.";
const MANAGE: &str = "This number belongs to account management, not to sending.";
const PAYMENT: &str = "Check the payment method and terms in WhatsApp Manager.";

/// Sorted by number, without overlaps.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    one(0, PauseNumber, "token invalid or expired", TOKEN),
    one(1, RetryAtMost(2), "unknown error or bad request", "If it stays, check the message and Meta's status page."),
    one(2, Retry, "service down or overloaded", WAIT),
    one(3, PauseNumber, "capability or permission missing", SCOPES),
    one(4, SlowApp, "app call rate limit", PACE),
    one(10, PauseNumber, "permission denied", SCOPES),
    one(33, PauseNumber, "business number deleted or wrong id", "Check the phone number id."),
    one(100, Permanent, "bad parameter", BODY),
    one(104, PauseNumber, "no token given", TOKEN),
    one(190, PauseNumber, "token expired or invalid", TOKEN),
    range(200, 299, PauseNumber, "permission missing or removed", SCOPES),
    one(368, PauseNumber, "temporarily blocked for policy violations", "Read the notice in WhatsApp Manager; appeal or wait."),
    one(613, SlowApp, "call limit of a feature", PACE),
    one(803, Permanent, "object not found", "Check the id."),
    one(80007, SlowAccount, "rate limit of the business account", PACE),
    one(130403, Permanent, "you blocked this person", "Unblock the person first."),
    one(130429, SlowNumber, "throughput of the number reached", PACE),
    one(130472, Permanent, "person is part of an experiment of Meta", "Do not send it again now."),
    // the table of Meta calls it configuration, but it is about one country: others must not wait for it
    one(130497, Restricted, "business may not message this country", "Check the messaging restrictions of the account."),
    one(131000, RetryAtMost(3), "unknown error", "If it stays, give the trace id to Meta's support."),
    one(131005, PauseNumber, "access denied", SCOPES),
    one(131008, Permanent, "required parameter missing", BODY),
    one(131009, Permanent, "parameter value not valid", BODY),
    one(131016, Retry, "service unavailable", WAIT),
    one(131020, Permanent, "group error", GROUP),
    one(131021, Permanent, "sender and recipient are the same", "Send to another number."),
    one(131026, Permanent, "undeliverable", "The person is not on WhatsApp, uses an old version, or has not accepted the terms."),
    one(131030, Permanent, "recipient not on the list of the test number", "Add the recipient in the app's dashboard."),
    one(131031, PauseNumber, "account locked", "Read the notice in WhatsApp Manager; appeal or verify."),
    one(131037, PauseNumber, "display name not approved", "Have the display name approved in WhatsApp Manager."),
    one(131041, Permanent, "group error", GROUP),
    one(131042, PauseNumber, "payment problem", PAYMENT),
    one(131044, PauseNumber, "payment problem", PAYMENT),
    one(131045, PauseNumber, "number not registered correctly", REGISTER),
    one(131047, WindowClosed, "more than 24 hours since the person wrote", "Send a template."),
    one(131048, PauseNumber, "spam rate limit of the number", "Stop campaigns and check the quality rating; then resume the number."),
    one(131049, Permanent, "withheld by Meta to keep engagement healthy", "Wait at least 24 hours; do not send it again at once."),
    one(131050, Permanent, "person stopped marketing messages", "Mark the person as opted out."),
    one(131051, Permanent, "message type not supported", "Send another type of message."),
    one(131052, Permanent, "attachment of the person could not be downloaded", "Ask the person to send it again, smaller."),
    one(131053, Permanent, "attachment could not be uploaded", "Check type, size and address of the file."),
    one(131055, Permanent, "method not allowed", "Use the other messages API."),
    one(131056, SlowPerson, "too many messages to this person", "Nothing to do: it is sent later by itself."),
    one(131057, Retry, "account in maintenance", WAIT),
    one(131059, Permanent, "group error", GROUP),
    one(131062, Permanent, "message cannot go to a user id", "This kind of message needs the person's phone number."),
    one(131063, Restricted, "marketing is switched off on this API", "Send marketing by the marketing messages API."),
    one(131064, Restricted, "limited for templates in a wrong category", "Correct the categories of the templates."),
    range(131201, 131215, Permanent, "group error", GROUP),
    one(132000, Permanent, "number of template parameters does not match", TEMPLATE),
    one(132001, Permanent, "template missing or not approved in this language", TEMPLATE),
    one(132005, Permanent, "translated template text too long", TEMPLATE),
    one(132007, Permanent, "template violates a policy", TEMPLATE),
    one(132008, Permanent, "template parameter has a wrong format", TEMPLATE),
    one(132012, Permanent, "template parameter has a wrong format", TEMPLATE),
    one(132015, Permanent, "template paused for low quality", "Edit the template or wait until it is released."),
    one(132016, Permanent, "template disabled for low quality", "Make a new template."),
    one(132018, Permanent, "template parameters not valid", TEMPLATE),
    one(132068, StopFlow, "flow blocked", "Correct the flow; see its health in WhatsApp Manager."),
    one(132069, SlowFlow, "flow throttled to 10 messages an hour", "Correct the flow's errors; what waits is sent by the hour."),
    one(133000, PauseNumber, "an earlier deregistration failed", REGISTER),
    one(133004, Retry, "registration server unavailable", WAIT),
    range(133005, 133006, PauseNumber, "PIN wrong, or number not verified", REGISTER),
    range(133008, 133010, PauseNumber, "number not registered, or too many PIN attempts", REGISTER),
    range(133015, 133016, PauseNumber, "number deleted recently, or registered too often", REGISTER),
    one(134011, Restricted, "payment terms not accepted", PAYMENT),
    range(134100, 134102, Permanent, "only for the marketing messages API", "Use the other messages API."),
    one(135000, Permanent, "parameters not valid", BODY),
    one(137000, Permanent, "identity of the person changed", "Verify the person again."),
    range(138000, 138999, Permanent, "calling error", "Calls are not used here."),
    one(139000, StopFlow, "flow blocked by an integrity check", "Correct the flow; see its health in WhatsApp Manager."),
    one(139001, Permanent, "flow cannot be updated", "A published flow that Meta lets be as it is needs a clone; else correct its JSON."),
    one(139002, Permanent, "flow cannot be published", "Clear what the text names (JSON, endpoint, key, app, number, webhooks), then publish again."),
    one(139003, Permanent, "flow cannot be deprecated", "Only a published flow is deprecated: delete a draft."),
    one(139004, Permanent, "flow cannot be deleted", "Only a draft is deleted: deprecate a published flow; one that is deprecated stays."),
    one(139006, Permanent, "too few requests for metrics", "Meta gives figures from 250 requests on: ask again later."),
    range(139100, 139103, Permanent, "blocking a person failed", MANAGE),
    range(2_388_000, 2_388_999, Permanent, "template operation refused", MANAGE),
    one(2_494_100, Permanent, "number in migration", MANAGE),
    one(4_233_041, Permanent, "flow migration refused", MANAGE),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_do_not_overlap() {
        for pair in ROWS.windows(2) {
            assert!(pair[0].from <= pair[0].to && pair[0].to < pair[1].from, "{}..{}", pair[0].from, pair[1].from);
        }
    }

    #[test]
    fn each_class_of_the_table_has_its_outcome() {
        let cases: &[(&[u32], Outcome)] = &[
            (&[2, 131016, 131057, 133004], Retry),
            (&[1], RetryAtMost(2)),
            (&[131000], RetryAtMost(3)),
            (&[4, 613], SlowApp),
            (&[80007], SlowAccount),
            (&[130429], SlowNumber),
            (&[131056], SlowPerson),
            (&[131047], WindowClosed),
            (&[132069], SlowFlow),
            (&[132068, 139000], StopFlow),
            (&[0, 3, 10, 33, 104, 190, 200, 250, 299, 368, 131005, 131031, 131037], PauseNumber),
            (&[131042, 131044, 131045, 131048], PauseNumber),
            (&[133000, 133005, 133006, 133008, 133009, 133010, 133015, 133016], PauseNumber),
            (&[130497, 131063, 131064, 134011], Restricted),
            (&[100, 803, 130403, 130472, 131008, 131009, 131020, 131021, 131026, 131030, 131041], Permanent),
            (&[131049, 131050, 131051, 131052, 131053, 131055, 131059, 131062, 131201, 131215], Permanent),
            (&[132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132018], Permanent),
            (&[134100, 134102, 135000, 137000, 138000, 139001, 139004, 139006, 139100, 139103], Permanent),
        ];
        for (codes, outcome) in cases {
            for code in *codes {
                assert_eq!(outcome_of_code(*code), *outcome, "{code}");
                assert!(explain(*code).is_some(), "{code} has no explanation");
            }
        }
    }

    #[test]
    fn unknown_code_is_permanent_and_unexplained() {
        for code in [5, 199, 300, 131046, 131216, 133007, 139005, u32::MAX] {
            assert_eq!((outcome_of_code(code), explain(code)), (Permanent, None), "{code}");
        }
    }
}
