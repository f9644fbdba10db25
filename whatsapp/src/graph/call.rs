//! Errors of every call but a send: those can be made again without harm, so none of them is ambiguous.

use thiserror::Error as ThisError;

use super::codes::Outcome;
use super::error::{Error, ErrorRecord, GraphError};

/// Why a call other than a send did not do what it should.
#[derive(Debug, Clone, PartialEq, ThisError)]
pub enum CallError {
    /// Nothing was written: no connection, no name, no TLS, or a request that cannot be built.
    #[error("not sent: {0}")]
    NotSent(String),
    /// No decided answer came; it may have been done, and doing it again is harmless.
    #[error("no answer: {0}")]
    Unanswered(String),
    /// Graph answered with an error.
    #[error("refused: {0}")]
    Graph(#[source] Box<GraphError>),
    /// An answer came and cannot be used: too large, from a host that is not Meta's, damaged.
    #[error("unusable: {0}")]
    Unusable(String),
}

impl CallError {
    /// What the caller does next, in the terms of a send.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::NotSent(_) | Self::Unanswered(_) => Outcome::Retry,
            Self::Graph(error) => error.outcome(),
            Self::Unusable(_) => Outcome::Permanent,
        }
    }

    /// How long Meta asks to wait before the next try.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Graph(error) => error.retry_after_ms,
            _ => None,
        }
    }

    /// What the failed upload of a file means for the message that carries it: that was not sent.
    pub fn of_a_file(self) -> Error {
        match self {
            Self::NotSent(why) => Error::NotSent(why),
            Self::Graph(error) => Error::Graph(error),
            Self::Unanswered(why) => Error::File { why, passes: true },
            Self::Unusable(why) => Error::File { why, passes: false },
        }
    }

    /// The failure for storage and the console.
    pub fn to_record(&self) -> ErrorRecord {
        let (title, details, advice) = match self {
            Self::Graph(error) => return error.to_record(),
            Self::NotSent(why) => ("Meta could not be reached", why, "Try again."),
            Self::Unanswered(why) => ("Meta did not answer", why, "Try again: doing it twice is harmless."),
            Self::Unusable(why) => ("The answer cannot be used", why, "Read the details; asking again will not help."),
        };
        let (title, details, advice) = (title.to_owned(), Some(details.clone()), advice.to_owned());
        ErrorRecord { code: None, title, details, fbtrace_id: None, advice }
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotSent(why) => Self::NotSent(why),
            Error::Ambiguous(why) => Self::Unanswered(why),
            Error::Graph(error) => Self::Graph(error),
            Error::File { why, .. } => Self::Unusable(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_answer_is_asked_for_again_and_a_useless_one_is_not() {
        let lost = CallError::from(Error::Ambiguous("reset".into()));
        assert_eq!((lost.outcome(), lost.to_string().as_str()), (Outcome::Retry, "no answer: reset"));
        assert_eq!(CallError::Unusable("too large".into()).outcome(), Outcome::Permanent);
        assert_eq!(CallError::from(Error::NotSent("refused".into())).outcome(), Outcome::Retry);
        let late = CallError::Unanswered("late".into()).of_a_file();
        assert_eq!((late.outcome(), late.retry_after_ms()), (Outcome::Retry, None));
        assert_eq!(CallError::Unusable("too large".into()).of_a_file().outcome(), Outcome::Permanent);
    }

    #[test]
    fn refusal_keeps_code_and_waiting_time() {
        let error = GraphError { code: 4, retry_after_ms: Some(7), ..GraphError::default() };
        let error = CallError::from(Error::from(error));
        assert_eq!((error.outcome(), error.retry_after_ms()), (Outcome::SlowApp, Some(7)));
        assert_eq!((error.to_record().code, CallError::Unusable("x".into()).to_record().code), (Some(4), None));
    }
}
