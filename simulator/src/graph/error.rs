//! Refusals in Meta's shape.

use serde_json::{Value, json};

/// A Graph error on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: u32,
    pub(crate) subcode: Option<u32>,
    pub(crate) message: String,
    pub(crate) kind: &'static str,
    pub(crate) details: Option<String>,
    /// What a person reads: title and text. Errors of Flows have these instead of details.
    pub(crate) user: Option<(&'static str, String)>,
}

impl Refusal {
    /// An error with Meta's own title, and details in our words.
    pub(crate) fn new(code: u32, details: impl Into<String>) -> Self {
        let (status, title) = known(code);
        Self {
            status,
            code,
            subcode: None,
            message: format!("(#{code}) {title}"),
            kind: "OAuthException",
            details: Some(details.into()),
            user: None,
        }
    }

    /// Code 100: the request as such is wrong.
    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { message: format!("(#100) {message}"), ..Self::new(100, message) }
    }

    /// An error of the Flows API: a title, and a text that says what to do.
    pub(crate) fn flow(code: u32, title: &'static str, text: impl Into<String>) -> Self {
        Self { details: None, user: Some((title, text.into())), ..Self::new(code, "") }
    }

    /// Code 131008: something inside the message is missing.
    pub(crate) fn missing(path: &str) -> Self {
        Self::new(131008, format!("The parameter {path} is required."))
    }

    /// Code 131009: something inside the message has a value that is not allowed.
    pub(crate) fn value(details: impl Into<String>) -> Self {
        Self::new(131009, details)
    }

    /// Code 190: no right access token.
    pub(crate) fn token(message: &str) -> Self {
        Self { message: message.into(), details: None, ..Self::new(190, "") }
    }

    /// Code 100, subcode 33: no such object for this token.
    pub(crate) fn no_object(id: &str, method: &str) -> Self {
        Self {
            subcode: Some(33),
            message: format!(
                "Unsupported {} request. Object with ID '{id}' does not exist, cannot be loaded due to missing \
                 permissions, or does not support this operation. Please read the Graph API documentation at \
                 https://developers.facebook.com/docs/graph-api",
                method.to_ascii_lowercase()
            ),
            kind: "GraphMethodException",
            details: None,
            ..Self::new(100, "")
        }
    }

    pub(crate) fn body(&self, trace: String) -> Value {
        let mut error = json!({
            "message": self.message,
            "type": self.kind,
            "code": self.code,
            "fbtrace_id": trace,
        });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = json!(subcode);
        }
        if let Some(details) = &self.details {
            error["error_data"] = json!({ "messaging_product": "whatsapp", "details": details });
        }
        if let Some((title, text)) = &self.user {
            error["error_user_title"] = json!(title);
            error["error_user_msg"] = json!(text);
        }
        if matches!(self.code, 1 | 2 | 4 | 130429 | 131000 | 131016) {
            error["is_transient"] = json!(matches!(self.code, 2));
        }
        json!({ "error": error })
    }
}

/// HTTP status and title that Meta uses for a code.
pub(crate) fn known(code: u32) -> (u16, &'static str) {
    match code {
        0 => (401, "AuthException"),
        1 => (400, "API Unknown"),
        2 => (503, "API Service"),
        3 => (500, "API Method"),
        4 => (400, "Application request limit reached"),
        10 => (403, "Application does not have permission for this action"),
        33 => (400, "Parameter value is not valid"),
        100 => (400, "Invalid parameter"),
        190 => (401, "Invalid OAuth access token"),
        200..=299 => (403, "API Permission"),
        368 => (403, "Temporarily blocked for policies violations"),
        80007 => (400, "Rate limit issues"),
        130403 => (400, "User is blocked by the business"),
        130429 => (429, "Rate limit hit"),
        130472 => (400, "User's number is part of an experiment"),
        130497 => (403, "Business account is restricted from messaging users in this country"),
        131000 => (500, "Something went wrong"),
        131005 => (403, "Access denied"),
        131008 => (400, "Required parameter is missing"),
        131009 => (400, "Parameter value is not valid"),
        131016 => (500, "Service unavailable"),
        131021 => (400, "Recipient cannot be sender"),
        131026 => (400, "Message undeliverable"),
        131030 => (400, "Recipient phone number not in allowed list"),
        131031 => (403, "Account has been locked"),
        131037 => (400, "Display name approval needed"),
        131042 => (400, "Business eligibility payment issue"),
        131045 => (500, "Incorrect certificate"),
        131047 => (400, "Re-engagement message"),
        131048 => (400, "Spam rate limit hit"),
        131049 => (400, "This message was not delivered to maintain healthy ecosystem engagement"),
        131050 => (400, "User has stopped receiving marketing messages"),
        131051 => (400, "Unsupported message type"),
        131052 => (400, "Media download error"),
        131053 => (400, "Media upload error"),
        131056 => (400, "(Business Account, Consumer Account) pair rate limit hit"),
        131057 => (500, "Account in maintenance mode"),
        131062 => (400, "Business-scoped user id is not supported for this message"),
        132000 => (400, "Number of parameters does not match the expected number of params"),
        132001 => (404, "Template name does not exist in the translation"),
        132005 => (400, "Translated text too long"),
        132007 => (400, "Template character policy violated"),
        132012 => (400, "Parameter format does not match format in the created template"),
        132015 => (400, "Template is paused"),
        132016 => (400, "Template is disabled"),
        132018 => (400, "There is an issue with the parameters in the template"),
        132068 => (400, "Flow is blocked"),
        132069 => (400, "Flow is throttled"),
        133004 => (503, "Server temporarily unavailable"),
        133010 => (400, "Phone number not registered"),
        139000 => (400, "Blocked by integrity"),
        139001 => (400, "Updating attempt failed"),
        139002 => (400, "Publishing attempt failed"),
        139003 => (400, "Deprecating attempt failed"),
        139004 => (400, "Deleting attempt failed"),
        139006 => (400, "Metrics are not available"),
        139100 => (400, "Failed to block/unblock users"),
        139101 => (400, "Blocklist limit reached"),
        139103 => (400, "Internal error while blocking users"),
        137000 => (400, "Identity hash mismatch"),
        _ => (400, "Generic error"),
    }
}
