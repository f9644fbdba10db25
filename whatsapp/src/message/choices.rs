//! What we do where Meta's pages disagree with each other, or say too little: the safe rule, in one place.
//!
//! Sources: Meta's pages of January to September 2026, its OpenAPI file v23, and open SDKs. The limits
//! among these choices stand in [`crate::limits`]: the body of a list (1024; 4096 only when asked for),
//! the unit of a character, the advised length of a Flow's button.

/// `flow_action_payload.data`: an object on most pages and in every SDK, a JSON text on one page of
/// March 2026. We send the object, and read both.
pub(crate) const FLOW_DATA_AS_TEXT: bool = false;

/// `expiration_time_ms` of a limited-time offer: the name says milliseconds, one SDK sends seconds.
/// We send milliseconds, and refuse what would be a moment before 2001 in them.
pub(crate) const OFFER_FLOOR_MS: i64 = 1_000_000_000_000;

/// A contact needs a second part of the name beside `formatted_name`: not confirmed, but a contact
/// without one gets `formatted_name` as its first name, which costs nothing.
pub(crate) const CONTACT_NEEDS_SECOND_NAME: bool = true;
