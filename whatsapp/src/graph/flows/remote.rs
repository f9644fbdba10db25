//! A Flow as Meta has it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::time;

/// Words of Meta; one that is not known keeps its spelling.
macro_rules! words {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $($(#[$inner])* $variant,)+
            /// A word that this version does not know, as it was written.
            Other(String),
        }

        impl $name {
            /// All that are known.
            pub const KNOWN: &[Self] = &[$(Self::$variant),+];

            /// Meta's word for it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($word => Self::$variant,)+
                    _ => Self::Other(word),
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                Self::from(word.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                match word {
                    $name::Other(word) => word,
                    known => known.as_str().to_owned(),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(super) use words;

words! {
    /// Where a Flow stands.
    FlowStatus {
        /// Can be changed and deleted, and sent to test it only.
        Draft = "DRAFT",
        /// Can be sent.
        Published = "PUBLISHED",
        /// Can never be sent, opened, changed or deleted again.
        Deprecated = "DEPRECATED",
        /// Meta lets it be neither sent nor opened.
        Blocked = "BLOCKED",
        /// Meta lets it be sent 10 times an hour.
        Throttled = "THROTTLED",
    }
}

words! {
    /// What a Flow is for.
    FlowCategory {
        /// Opening an account.
        SignUp = "SIGN_UP",
        /// Coming back to one.
        SignIn = "SIGN_IN",
        /// Booking.
        AppointmentBooking = "APPOINTMENT_BOOKING",
        /// People who are interested.
        LeadGeneration = "LEAD_GENERATION",
        /// Writing to the business.
        ContactUs = "CONTACT_US",
        /// Help.
        CustomerSupport = "CUSTOMER_SUPPORT",
        /// Asking what people think.
        Survey = "SURVEY",
        /// Anything else.
        AnythingElse = "OTHER",
    }
}

/// A Flow as Meta has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemoteFlow {
    /// Meta's id.
    pub id: String,
    /// Unique in its account.
    pub name: String,
    /// Where it stands.
    pub status: FlowStatus,
    /// What it is for.
    #[serde(default, deserialize_with = "or_default")]
    pub categories: Vec<FlowCategory>,
    /// What keeps its JSON from being published.
    #[serde(default, deserialize_with = "or_default")]
    pub validation_errors: Vec<ValidationError>,
    /// The version of its JSON.
    #[serde(default, deserialize_with = "or_default")]
    pub json_version: Option<String>,
    /// The version of the data exchange, where it has an endpoint.
    #[serde(default, deserialize_with = "or_default")]
    pub data_api_version: Option<String>,
    /// The endpoint.
    #[serde(default, deserialize_with = "or_default")]
    pub endpoint_uri: Option<String>,
    /// Whether it can be sent and why not, in Meta's shape; when it was asked for.
    #[serde(default)]
    pub health_status: Value,
    /// The app that signs the endpoint's requests, in Meta's shape; when it was asked for.
    #[serde(default)]
    pub application: Value,
    /// The account, in Meta's shape; when it was asked for.
    #[serde(default)]
    pub whatsapp_business_account: Value,
}

/// Something that Meta does not like about a Flow JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ValidationError {
    /// Meta's word for it, such as `INVALID_PROPERTY_VALUE`.
    #[serde(default, deserialize_with = "or_default")]
    pub error: String,
    /// Meta's family of it, such as `FLOW_JSON_ERROR`.
    #[serde(default, deserialize_with = "or_default")]
    pub error_type: String,
    /// In words.
    #[serde(default, deserialize_with = "or_default")]
    pub message: String,
    /// From 1; 0 when Meta names no line.
    #[serde(default, deserialize_with = "or_default")]
    pub line_start: u32,
    /// The last line.
    #[serde(default, deserialize_with = "or_default")]
    pub line_end: u32,
    /// From 1; 0 when Meta names no column.
    #[serde(default, deserialize_with = "or_default")]
    pub column_start: u32,
    /// The last column.
    #[serde(default, deserialize_with = "or_default")]
    pub column_end: u32,
    /// All places, when there are several or they have a path.
    #[serde(default, deserialize_with = "or_default")]
    pub pointers: Vec<ValidationPointer>,
}

/// A place in a Flow JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ValidationPointer {
    /// From 1.
    #[serde(default, deserialize_with = "or_default")]
    pub line_start: u32,
    /// The last line.
    #[serde(default, deserialize_with = "or_default")]
    pub line_end: u32,
    /// From 1.
    #[serde(default, deserialize_with = "or_default")]
    pub column_start: u32,
    /// The last column.
    #[serde(default, deserialize_with = "or_default")]
    pub column_end: u32,
    /// Such as `screens[0].layout.children[0].type`.
    #[serde(default, deserialize_with = "or_default")]
    pub path: String,
}

/// A link under which anybody can see a Flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowPreview {
    /// The address.
    pub url: String,
    /// When it ends (Unix, ms), where Meta says so in a form that can be read.
    pub expires_ms: Option<u64>,
}

pub(super) fn preview(body: &[u8]) -> Option<FlowPreview> {
    #[derive(Deserialize)]
    struct Wire {
        preview: Link,
    }
    #[derive(Deserialize)]
    struct Link {
        preview_url: String,
        #[serde(default)]
        expires_at: Option<String>,
    }
    let Wire { preview: link } = serde_json::from_slice(body).ok()?;
    let expires_ms = link.expires_at.as_deref().and_then(time::unix_ms);
    Some(FlowPreview { url: link.preview_url, expires_ms })
}

/// A member of another type, or `null`, counts as missing: an odd finding is better than none.
fn or_default<'de, D: Deserializer<'de>, T: Default + serde::de::DeserializeOwned>(input: D) -> Result<T, D::Error> {
    let value = Value::deserialize(input)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}
