//! One version byte, then MessagePack with field names: what this crate puts into the store's opaque fields.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

const VERSION: u8 = 1;
/// Room that most values fit into.
const USUAL_BYTES: usize = 2048;

/// A stored value that this version cannot read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Written by a newer version, or not by us.
    #[error("stored value has version {0}, this program reads version 1")]
    Version(u8),
    /// Nothing there.
    #[error("stored value is empty")]
    Empty,
    /// The bytes do not fit the type.
    #[error("stored value is damaged: {0}")]
    Damaged(#[from] rmp_serde::decode::Error),
    /// A part that is kept as JSON does not fit its type.
    #[error("stored value is damaged: {0}")]
    DamagedJson(#[from] serde_json::Error),
}

pub(crate) fn encode<T: Serialize>(value: &T) -> Bytes {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    bytes.push(VERSION);
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    value.serialize(&mut serializer).expect("own types always encode into memory");
    // As long as it is: it may stay in memory for a while.
    Bytes::copy_from_slice(&bytes)
}

/// A part of a stored value that was decoded as JSON.
pub(crate) fn of_json<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, CodecError> {
    Ok(serde_json::from_value(value)?)
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => Ok(rmp_serde::from_slice(rest)?),
        Some((&version, _)) => Err(CodecError::Version(version)),
        None => Err(CodecError::Empty),
    }
}
