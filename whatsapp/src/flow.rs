//! WhatsApp Flows: the JSON that describes their screens, and (feature `endpoint`) what their endpoint opens and seals, its
//! keys, and files uploaded inside forms.

#[cfg(feature = "endpoint")]
mod envelope;
pub mod json;
#[cfg(feature = "endpoint")]
mod keys;
#[cfg(feature = "endpoint")]
mod phone;
#[cfg(feature = "endpoint")]
mod upload;

#[cfg(feature = "endpoint")]
pub use envelope::{Envelope, MAX_KEYS_TRIED, Opened, Seal, Undecryptable, open};
#[cfg(feature = "endpoint")]
pub use keys::{FlowKey, FlowKeys, KEY_BITS, KeyError, fingerprint_of_public};
#[cfg(feature = "endpoint")]
pub use phone::{SealedRequest, Session, seal_request};
#[cfg(feature = "endpoint")]
pub use upload::{EncryptionMetadata, UploadError, UploadedFile};
