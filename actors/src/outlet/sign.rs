//! Signatures by the Standard Webhooks scheme: HMAC-SHA256 over `id.timestamp.body`, one for each secret of an endpoint,
//! so that a secret can be replaced without a gap. Source: the Standard Webhooks specification 1.0.0, 2026-11.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::RwLock;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

const PREFIX: &str = "whsec_";
/// Bytes of a secret, as the specification says: 192 to 512 bits.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Secrets of one endpoint at once.
const MAX_SECRETS: usize = 4;

/// Why a text holds no secrets. Never says what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// There is none.
    #[error("holds no secret")]
    Empty,
    /// Too many to sign with.
    #[error("holds more than 4 secrets")]
    TooMany,
    /// One of them has another form.
    #[error("holds something that is not whsec_ and the base64 of 24 to 64 bytes")]
    Malformed,
}

/// The secrets of an endpoint; clones share them, and they can be replaced while deliveries are signed.
#[derive(Clone)]
pub struct Keys(Arc<RwLock<Vec<Hmac<Sha256>>>>);

impl Keys {
    /// Reads one secret, or several with spaces between; each is `whsec_` and base64.
    pub fn parse(text: &SecretString) -> Result<Self, KeysError> {
        Ok(Self(Arc::new(RwLock::new(read(text)?))))
    }

    /// Puts others in their place. Errors: they cannot be used, and the old ones stay.
    pub fn replace(&self, text: &SecretString) -> Result<(), KeysError> {
        *self.0.write() = read(text)?;
        Ok(())
    }

    /// The header `webhook-signature`: `v1,` and base64 for each secret, with spaces between.
    pub(crate) fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let one = |key: &Hmac<Sha256>| {
            let signed = key.clone().chain_update(format!("{id}.{timestamp}.")).chain_update(body);
            format!("v1,{}", BASE64_STANDARD.encode(signed.finalize().into_bytes()))
        };
        self.0.read().iter().map(one).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.read().len())
    }
}

fn read(text: &SecretString) -> Result<Vec<Hmac<Sha256>>, KeysError> {
    let keys = text.expose_secret().split(' ').filter(|word| !word.is_empty()).map(|word| {
        let bytes = word.strip_prefix(PREFIX).and_then(|rest| BASE64_STANDARD.decode(rest).ok());
        let bytes = bytes.filter(|bytes| BYTES.contains(&bytes.len())).ok_or(KeysError::Malformed)?;
        Ok(KeyInit::new_from_slice(&bytes).expect("HMAC takes keys of any length"))
    });
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    match keys.len() {
        0 => Err(KeysError::Empty),
        1..=MAX_SECRETS => Ok(keys),
        _ => Err(KeysError::TooMany),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector that the specification's own libraries are tested with.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn keys(text: &str) -> Result<Keys, KeysError> {
        Keys::parse(&text.into())
    }

    fn sign(keys: &Keys) -> String {
        keys.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#)
    }

    #[test]
    fn signature_is_that_of_the_published_example() {
        assert_eq!(sign(&keys(SECRET).unwrap()), SIGNED);
    }

    #[test]
    fn each_secret_signs_while_one_is_replaced() {
        let other = format!("whsec_{}", BASE64_STANDARD.encode([7; 32]));
        let both = keys(&format!("{other} {SECRET}")).unwrap();
        let signatures = sign(&both);
        let (first, second) = signatures.split_once(' ').unwrap();
        assert_eq!((first, second), (&*sign(&keys(&other).unwrap()), SIGNED));
        let clone = both.clone();
        clone.replace(&SECRET.into()).unwrap();
        assert_eq!(sign(&both), SIGNED);
        assert_eq!(clone.replace(&"whsec_?".into()), Err(KeysError::Malformed));
        assert_eq!(sign(&both), SIGNED, "the old one stays");
    }

    #[test]
    fn what_is_no_secret_is_refused_and_never_shown() {
        let short = format!("whsec_{}", BASE64_STANDARD.encode([7; 23]));
        let long = format!("whsec_{}", BASE64_STANDARD.encode([7; 65]));
        for (text, error) in [
            ("", KeysError::Empty),
            ("  ", KeysError::Empty),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", KeysError::Malformed),
            ("whsec_not base64", KeysError::Malformed),
            (&short, KeysError::Malformed),
            (&long, KeysError::Malformed),
            (&[SECRET; 5].join(" "), KeysError::TooMany),
        ] {
            assert_eq!(keys(text).unwrap_err(), error, "{text}");
        }
        assert_eq!(format!("{:?}", keys(SECRET).unwrap()), "Keys(1)");
    }
}
