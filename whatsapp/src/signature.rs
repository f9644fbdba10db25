//! Proof that a webhook came from Meta: `X-Hub-Signature-256`, and the verify token of the GET.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

const PREFIX: &str = "sha256=";
const DIGEST_BYTES: usize = 32;

/// Why a body is not accepted as Meta's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// There is no header.
    #[error("the header X-Hub-Signature-256 is missing")]
    Missing,
    /// The header is not `sha256=` and 64 hex digits.
    #[error("the header X-Hub-Signature-256 is not `sha256=` and 64 hex digits")]
    Malformed,
    /// No secret made this signature.
    #[error("the signature does not match the body")]
    Mismatch,
}

/// The keyed state of the app secrets, so that a request does not pay for the key schedule.
///
/// Holds more than one secret during a rotation. An empty secret never matches, whatever was signed
/// with it, since anybody could have done so.
#[derive(Clone)]
pub struct Verifier {
    keys: Vec<Option<Hmac<Sha256>>>,
}

impl Verifier {
    /// Prepares the secrets; [`verify`](Self::verify) answers with their positions.
    pub fn new(secrets: &[SecretString]) -> Self {
        Self { keys: secrets.iter().map(|s| (!s.expose_secret().is_empty()).then(|| keyed(s))).collect() }
    }

    /// Verifies the header over the raw body, before any parsing, in constant time.
    ///
    /// Gives the position of the secret that matched. Hex may be upper-case. Source: Meta webhooks, 2026.
    pub fn verify(&self, header: Option<&str>, body: &[u8]) -> Result<usize, SignatureError> {
        let given = decode(header.ok_or(SignatureError::Missing)?)?;
        let matches = |key: &Hmac<Sha256>| key.clone().chain_update(body).verify_slice(&given).is_ok();
        self.keys.iter().position(|key| key.as_ref().is_some_and(matches)).ok_or(SignatureError::Mismatch)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({} secrets)", self.keys.len())
    }
}

/// Verifies once; see [`Verifier::verify`], which is cheaper for many bodies.
pub fn verify(secrets: &[SecretString], header: Option<&str>, body: &[u8]) -> Result<usize, SignatureError> {
    Verifier::new(secrets).verify(header, body)
}

/// The header that Meta would send: `sha256=` and 64 lower-case hex digits.
pub fn sign(secret: &SecretString, body: &[u8]) -> String {
    let mac = keyed(secret).chain_update(body).finalize().into_bytes();
    format!("{PREFIX}{}", hex::encode(mac))
}

/// Compares a verify token in constant time, hiding its length too. An empty expectation matches nothing.
pub fn tokens_match(expected: &SecretString, given: &str) -> bool {
    let expected = expected.expose_secret();
    let same = Sha256::digest(expected).as_slice().ct_eq(Sha256::digest(given).as_slice());
    !expected.is_empty() && bool::from(same)
}

fn keyed(secret: &SecretString) -> Hmac<Sha256> {
    KeyInit::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes keys of any length")
}

fn decode(header: &str) -> Result<[u8; DIGEST_BYTES], SignatureError> {
    let digits = header.strip_prefix(PREFIX).ok_or(SignatureError::Malformed)?;
    let mut bytes = [0; DIGEST_BYTES];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| SignatureError::Malformed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"object":"whatsapp_business_account","entry":[]}"#;
    const HEADER: &str = "sha256=5a3d193bfc07055843155b80848aa602448f8bede11b80a8ba78fd116451c334";

    fn secret() -> SecretString {
        "parlance-test-app-secret".into()
    }

    #[test]
    fn known_vector_is_made_and_accepted() {
        assert_eq!(sign(&secret(), BODY), HEADER);
        assert_eq!(verify(&[secret()], Some(HEADER), BODY), Ok(0));
    }

    #[test]
    fn either_secret_of_a_rotation_is_accepted_and_named() {
        let both = Verifier::new(&["next-test-secret".into(), secret()]);
        assert_eq!(both.verify(Some(HEADER), BODY), Ok(1));
        assert_eq!(both.verify(Some(&sign(&"next-test-secret".into(), BODY)), BODY), Ok(0));
    }

    #[test]
    fn upper_case_hex_is_accepted() {
        let upper = format!("sha256={}", HEADER.strip_prefix(PREFIX).unwrap().to_uppercase());
        assert_eq!(verify(&[secret()], Some(&upper), BODY), Ok(0));
    }

    #[test]
    fn every_other_header_is_refused() {
        let digits = HEADER.strip_prefix(PREFIX).unwrap();
        let cut: String = HEADER.chars().take(70).collect();
        let cases = [
            ("short", cut),
            ("long", format!("{HEADER}00")),
            ("doubled", format!("{HEADER},{HEADER}")),
            ("sha1", "sha1=0123456789abcdef0123456789abcdef01234567".to_owned()),
            ("bare digits", digits.to_owned()),
            ("upper-case prefix", format!("SHA256={digits}")),
            ("not hex", format!("sha256={}", "z".repeat(64))),
            ("not ASCII", format!("sha256={}", "é".repeat(32))),
            ("space", format!("sha256= {digits}")),
            ("empty", String::new()),
        ];
        for (label, header) in cases {
            assert_eq!(verify(&[secret()], Some(&header), BODY), Err(SignatureError::Malformed), "{label}");
        }
        assert_eq!(verify(&[secret()], None, BODY), Err(SignatureError::Missing));
    }

    #[test]
    fn other_body_or_secret_is_a_mismatch() {
        assert_eq!(verify(&[secret()], Some(HEADER), b"{}"), Err(SignatureError::Mismatch));
        assert_eq!(verify(&["another-test-secret".into()], Some(HEADER), BODY), Err(SignatureError::Mismatch));
        assert_eq!(verify(&[], Some(HEADER), BODY), Err(SignatureError::Mismatch));
    }

    #[test]
    fn f32_no_random_forgery_is_taken() {
        let verifier = Verifier::new(&[secret(), "the-secret-before".into()]);
        let mut state = 1_u64;
        for _ in 0..1_000_000 {
            let mut digest = [0; DIGEST_BYTES];
            for part in digest.chunks_exact_mut(8) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                part.copy_from_slice(&state.rotate_left(17).to_le_bytes());
            }
            let forged = format!("{PREFIX}{}", hex::encode(digest));
            assert_eq!(verifier.verify(Some(&forged), BODY), Err(SignatureError::Mismatch));
        }
    }

    #[test]
    fn empty_secret_never_matches() {
        let empty = SecretString::from("");
        let header = sign(&empty, BODY);
        assert_eq!(verify(&[empty, secret()], Some(&header), BODY), Err(SignatureError::Mismatch));
        assert_eq!(verify(&["".into(), secret()], Some(HEADER), BODY), Ok(1));
    }

    #[test]
    fn verify_token_must_be_equal_and_not_empty() {
        let token = SecretString::from("verify-token-of-tests");
        assert!(tokens_match(&token, "verify-token-of-tests"));
        for wrong in ["", "verify-token-of-test", "verify-token-of-tests ", "VERIFY-TOKEN-OF-TESTS"] {
            assert!(!tokens_match(&token, wrong), "{wrong}");
        }
        assert!(!tokens_match(&"".into(), ""));
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        let shown = format!("{:?}", Verifier::new(&[secret()]));
        assert_eq!(shown, "Verifier(1 secrets)");
    }
}
