//! Signs webhook bodies. Its own code, so that the engine's check is not tested against itself.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;

/// How a webhook is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// With the app secret, as Meta does.
    Valid,
    /// No signature header.
    None,
    /// With another secret.
    Wrong,
}

/// Holds the keyed state, so that a signature costs no key schedule.
pub(crate) struct Signer {
    right: Hmac<Sha256>,
    wrong: Hmac<Sha256>,
}

impl Signer {
    pub(crate) fn new(app_secret: &SecretString) -> Self {
        let keyed = |key: &[u8]| Hmac::<Sha256>::new_from_slice(key).expect("hmac takes keys of any length");
        let secret = app_secret.expose_secret();
        Self { right: keyed(secret.as_bytes()), wrong: keyed(format!("not {secret}").as_bytes()) }
    }

    /// A JSON Web Token with one claim, signed with the app secret.
    pub(crate) fn token(&self, claim: &str, value: &str) -> String {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(json!({ "alg": "HS256", "typ": "JWT" })), part(json!({ claim: value })));
        let mut mac = self.right.clone();
        mac.update(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    /// The value of `X-Hub-Signature-256`, or nothing if it is left out.
    pub(crate) fn header(&self, body: &[u8], signing: Signing) -> Option<String> {
        let mut mac = match signing {
            Signing::Valid => self.right.clone(),
            Signing::Wrong => self.wrong.clone(),
            Signing::None => return None,
        };
        mac.update(body);
        Some(format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_body_has_its_known_signature() {
        let signer = Signer::new(&SecretString::from("parlance-test-app-secret"));
        let body = br#"{"object":"whatsapp_business_account","entry":[]}"#;
        let expected = "sha256=5a3d193bfc07055843155b80848aa602448f8bede11b80a8ba78fd116451c334";
        assert_eq!(signer.header(body, Signing::Valid).as_deref(), Some(expected));
        assert_ne!(signer.header(body, Signing::Wrong).as_deref(), Some(expected));
        assert_eq!(signer.header(body, Signing::None), None);
    }
}
