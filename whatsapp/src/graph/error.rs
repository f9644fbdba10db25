//! Answers of the Graph API, and what a send that failed means.

use serde::{Deserialize, Serialize};
use thiserror::Error as ThisError;

use super::codes::{Outcome, explain, is_known, outcome_of_code};
use crate::webhook::{ErrorObject, MARKETING_STOPPED};

/// Meta took the message. It says nothing yet about delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The message's id, by which statuses name it.
    pub wamid: String,
    /// The person's number in digits; only after a send to a number.
    pub wa_id: Option<String>,
    /// The person's business-scoped user id; only after a send to one.
    pub user_id: Option<String>,
    /// For templates: `accepted`, `held_for_quality_assessment`, `paused`.
    pub message_status: Option<String>,
}

/// Why a send was not accepted; says whether it may have happened.
#[derive(Debug, Clone, PartialEq, ThisError)]
pub enum Error {
    /// Nothing was written: no connection, no name, no TLS, or a request that cannot be built.
    #[error("not sent: {0}")]
    NotSent(String),
    /// Bytes may have left, and no decided answer came: it may have been sent.
    #[error("may have been sent: {0}")]
    Ambiguous(String),
    /// Graph answered with an error: it was not sent.
    #[error("refused: {0}")]
    Graph(#[source] Box<GraphError>),
    /// A file that it carries could not be given to Meta: it was not sent.
    #[error("not sent, for its file: {why}")]
    File {
        /// What is wrong with the file or its upload.
        why: String,
        /// Whether another try may help.
        passes: bool,
    },
}

/// Graph's error envelope, with the answer's status and headers.
#[derive(Debug, Clone, Default, PartialEq, Eq, ThisError, Serialize, Deserialize)]
#[error("{code} {message}{}", self.details.as_ref().map(|d| format!(" ({d})")).unwrap_or_default())]
pub struct GraphError {
    /// The number that decides.
    pub code: u32,
    /// Its refinement; older versions of the API only.
    pub subcode: Option<u32>,
    /// Meta's text.
    pub message: String,
    /// The sentence that helps.
    pub details: Option<String>,
    /// A title meant for people.
    pub user_title: Option<String>,
    /// A text meant for people.
    pub user_msg: Option<String>,
    /// What Meta's support asks for.
    pub fbtrace_id: Option<String>,
    /// Meta says it will pass.
    pub is_transient: bool,
    /// The answer's status.
    pub http_status: u16,
    /// How long Meta asks to wait.
    pub retry_after_ms: Option<u64>,
}

/// A failure as it is stored and shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRecord {
    /// Meta's number; `None` when Meta did not answer.
    pub code: Option<u32>,
    /// What happened, short.
    pub title: String,
    /// The sentence that helps.
    pub details: Option<String>,
    /// What Meta's support asks for.
    pub fbtrace_id: Option<String>,
    /// What to do.
    pub advice: String,
}

impl Error {
    /// What the sender does next; with [`outcome_of_code`] the only reader of Graph error numbers.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::NotSent(_) => Outcome::Retry,
            Self::Ambiguous(_) => Outcome::Uncertain,
            Self::Graph(error) => error.outcome(),
            Self::File { passes: true, .. } => Outcome::Retry,
            Self::File { passes: false, .. } => Outcome::Permanent,
        }
    }

    /// Whether it says that the person does not want marketing.
    pub fn is_marketing_stopped(&self) -> bool {
        matches!(self, Self::Graph(error) if error.code == MARKETING_STOPPED)
    }

    /// How long Meta asks to wait before the next try.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Graph(error) => error.retry_after_ms,
            Self::NotSent(_) | Self::Ambiguous(_) | Self::File { .. } => None,
        }
    }

    /// The failure for storage and the console.
    pub fn to_record(&self) -> ErrorRecord {
        let (title, details, advice) = match self {
            Self::Graph(error) => return error.to_record(),
            Self::NotSent(why) => ("Meta could not be reached", why, "Nothing to do: it is sent again by itself."),
            Self::Ambiguous(why) => (
                "Meta did not answer; the message may have been sent",
                why,
                "A status within the doubt window settles it; after that the policy for such sends decides.",
            ),
            Self::File { why, .. } => {
                ("The file could not be given to Meta", why, "Put the file into the media store again, and send again.")
            }
        };
        let (title, details, advice) = (title.to_owned(), Some(details.clone()), advice.to_owned());
        ErrorRecord { code: None, title, details, fbtrace_id: None, advice }
    }
}

impl From<GraphError> for Error {
    fn from(error: GraphError) -> Self {
        Self::Graph(Box::new(error))
    }
}

impl GraphError {
    /// What the sender does next. A number that nobody knows is judged by its status and Meta's hint.
    pub fn outcome(&self) -> Outcome {
        let passes = self.is_transient || self.http_status >= 500;
        match self.http_status {
            _ if is_known(self.code) => outcome_of_code(self.code),
            429 => Outcome::SlowNumber,
            _ if passes => Outcome::Retry,
            _ => Outcome::Permanent,
        }
    }

    /// Whether Meta may mean that it does not know a media id of the message, or not any more: it then helps to upload
    /// the file again. Meta has no code of its own for it.
    pub fn is_about_media_id(&self) -> bool {
        let words = [Some(&self.message), self.details.as_ref(), self.user_msg.as_ref()];
        let names_media = words.into_iter().flatten().any(|text| text.to_lowercase().contains("media"));
        matches!(self.code, 100 | 131_009 | 131_053) && names_media
    }

    /// The failure for storage and the console.
    pub fn to_record(&self) -> ErrorRecord {
        ErrorRecord {
            code: Some(self.code),
            title: self.message.clone(),
            details: self.details.clone().or_else(|| self.user_msg.clone()),
            fbtrace_id: self.fbtrace_id.clone(),
            advice: advice(Some(self.code)),
        }
    }
}

impl From<&ErrorObject> for ErrorRecord {
    fn from(error: &ErrorObject) -> Self {
        let title = error.title.as_ref().or(error.message.as_ref());
        Self {
            code: error.code,
            title: title.cloned().unwrap_or_else(|| "Meta reports a failure without a reason".to_owned()),
            details: error.details.clone(),
            fbtrace_id: None,
            advice: advice(error.code),
        }
    }
}

fn advice(code: Option<u32>) -> String {
    match code.and_then(explain) {
        Some(known) => format!("{}: {}", known.meaning, known.cure),
        None => "This error is not known here: look its number up in Meta's documentation.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(code: u32, http_status: u16) -> GraphError {
        GraphError { code, http_status, message: "composed".into(), ..GraphError::default() }
    }

    #[test]
    fn known_code_decides_whatever_the_status() {
        assert_eq!(Error::from(graph(131_047, 500)).outcome(), Outcome::WindowClosed);
        assert_eq!(Error::from(graph(190, 200)).outcome(), Outcome::PauseNumber);
        assert_eq!(Error::from(GraphError { is_transient: true, ..graph(100, 400) }).outcome(), Outcome::Permanent);
    }

    #[test]
    fn unknown_code_is_judged_by_status_and_hint() {
        assert_eq!(graph(999_999, 400).outcome(), Outcome::Permanent);
        assert_eq!(graph(999_999, 429).outcome(), Outcome::SlowNumber);
        assert_eq!(graph(999_999, 503).outcome(), Outcome::Retry);
        assert_eq!(GraphError { is_transient: true, ..graph(999_999, 400) }.outcome(), Outcome::Retry);
    }

    #[test]
    fn transport_errors_say_whether_it_may_have_happened() {
        assert_eq!(Error::NotSent("refused".into()).outcome(), Outcome::Retry);
        assert_eq!(Error::Ambiguous("reset".into()).outcome(), Outcome::Uncertain);
    }

    #[test]
    fn a_media_id_that_meta_does_not_know_is_told_from_other_faults() {
        let unknown = GraphError { details: Some("not a valid media attachment ID".into()), ..graph(100, 400) };
        assert!(unknown.is_about_media_id());
        assert!(!graph(100, 400).is_about_media_id());
        assert!(!GraphError { message: "media".into(), ..graph(131_047, 400) }.is_about_media_id());
    }

    #[test]
    fn record_names_meaning_details_trace_and_cure() {
        let error = GraphError {
            details: Some("More than 24 hours have passed.".into()),
            fbtrace_id: Some("AbC123".into()),
            ..graph(131_047, 400)
        };
        let record = Error::from(error).to_record();
        assert_eq!((record.code, record.fbtrace_id.as_deref()), (Some(131_047), Some("AbC123")));
        assert_eq!(record.details.as_deref(), Some("More than 24 hours have passed."));
        assert!(record.advice.contains("Send a template"), "{}", record.advice);
        let stored = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<ErrorRecord>(&stored).unwrap(), record);
    }

    #[test]
    fn record_of_a_failed_status_has_the_same_shape() {
        let error = ErrorObject { code: Some(131_026), title: Some("Undeliverable".into()), ..ErrorObject::default() };
        let record = ErrorRecord::from(&error);
        assert_eq!((record.code, record.title.as_str()), (Some(131_026), "Undeliverable"));
        assert!(record.advice.contains("not on WhatsApp"));
        assert!(ErrorRecord::from(&ErrorObject::default()).advice.contains("not known here"));
    }

    #[test]
    fn display_is_one_line_with_code_and_details() {
        let error = GraphError { details: Some("a detail".into()), ..graph(100, 400) };
        assert_eq!(Error::from(error).to_string(), "refused: 100 composed (a detail)");
    }
}
