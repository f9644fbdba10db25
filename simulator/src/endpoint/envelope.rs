//! The envelope of a request to a Flow's endpoint, by the phone: made and opened by the stand-in's own code, so that the
//! engine's is not tested against itself.

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::consts::U16;
use aes_gcm::{AesGcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::{Oaep, RsaPublicKey};
use serde_json::json;
use sha2::Sha256;

/// AES-128-GCM with an IV of 16 bytes instead of the usual 12.
type Cipher = AesGcm<Aes128, U16>;

/// What encrypts one request and opens its answer.
#[derive(Clone, Copy)]
pub(crate) struct Session {
    pub(crate) key: [u8; 16],
    pub(crate) iv: [u8; 16],
}

impl Session {
    /// Fresh, from the operating system.
    pub(crate) fn new() -> Self {
        Self { key: rand::random(), iv: rand::random() }
    }

    /// The body of the request, and why there is none.
    pub(crate) fn seal(&self, public: &RsaPublicKey, plaintext: &[u8]) -> Result<Envelope, String> {
        let data = self.cipher().encrypt(&Nonce::<U16>::from(self.iv), plaintext).map_err(|e| e.to_string())?;
        let key = public.encrypt(&mut rand::rng(), Oaep::<Sha256>::new(), &self.key).map_err(|e| e.to_string())?;
        Ok(Envelope { data, key, iv: self.iv.to_vec() })
    }

    /// The plaintext of an answer: the same key, and the IV with every bit inverted.
    pub(crate) fn open(&self, answer: &[u8]) -> Result<Vec<u8>, String> {
        let sealed = STANDARD.decode(answer).map_err(|e| format!("the answer is not base64: {e}"))?;
        let iv = Nonce::<U16>::from(self.iv.map(|byte| !byte));
        self.cipher().decrypt(&iv, sealed.as_slice()).map_err(|_| "the answer cannot be decrypted".into())
    }

    fn cipher(&self) -> Cipher {
        Cipher::new(&self.key.into())
    }
}

/// The three parts of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// Ciphertext and tag.
    pub(crate) data: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) iv: Vec<u8>,
}

impl Envelope {
    pub(crate) fn body(&self) -> String {
        let text = |bytes: &[u8]| STANDARD.encode(bytes);
        json!({
            "encrypted_flow_data": text(&self.data),
            "encrypted_aes_key": text(&self.key),
            "initial_vector": text(&self.iv),
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use rsa::RsaPrivateKey;
    use rsa::pkcs8::DecodePrivateKey;

    use super::*;

    /// The key pair of Parlance's reference vector: public, for tests only.
    const PRIVATE: &str = include_str!("../../testdata/flow-vector.key.b64");
    const KEY: &str = "00112233445566778899aabbccddeeff";
    const IV: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
    const REQUEST: &str = "{\"version\":\"3.0\",\"action\":\"data_exchange\",\"screen\":\"BOOKING\",\"data\":{\"day\":\
        \"2026-12-01\",\"slot\":\"09:30\",\"note\":\"café ☕\"},\"flow_token\":\"pl1.9f2c7e.k3Jx\"}";
    const SEALED: &str = "LBGc91XfG9LiNPXI8+Mu0/qNpAefsA9iuipBH92KtNlfrN5Gnonfxs7FlwwWL/83D6D/DzwkFwMSxpGZFIGvwjnjGaegJHj\
        orjFO9UxLhZ4fBrlMwjE0g8ZLTqPYuJ1qK7mhH7s7cwK5WUYw5lWgS11Ez5crF8tu99ashGMd2IK2YDJTcKonQDwNhnHbwj5L5fNBFgYnbDT3qd\
        NegrA1upYwZaLuMuVfpdc=";
    const WRAPPED: &str = "dZ40WpU+OzEjJgoBT3+oVDKoOYtoh2TA/88dqhXYgeKUpO9CN5W7Yhiy2nEA+jNHP1vwA0dS9hyWHkEvMFphJMUlGXhc\
        QWA2l6f4CoZ/Bq6O6hMK0sO90wmh8yz3HRjxDNmvFqqVgN+3wGlpnVY5VHwZLvti76ePKfK3wG6GvOCve3Lntx7I121mi+CA0fESdqYrVg9H9bZf\
        5d92L0uQb7IZAiOTdiCyjJjpJ91btPRZNzCaKXRubXMy/NYb96r0XguJSFFcbTXz1S0EZMmwoaPyy2iEHfiRyVkYiRyl7/Ne8pUwDgKUJq8zyMWV\
        fnPZJp2qkZ3R3Vg9Vi6bKxT4KA==";
    const ANSWER: &str = "SlAMWJpNAVCBXp/1cyask56F/8Bc7V82jfzVruHNILKYkBQ+wXzTj9OykjZ2jqZg3Kr4KQyQIC2wQzz5KJFAC9ceF+K/Vq\
        6rpvu0cOWs5JUEhGk0coIEtLFvqJn+SbGqtTKBm9abEy/hdRp9BxLNiYH96DQbcb4Pau98Lec68gLNyHXB/TTBohm8/tc=";
    const NOT_INVERTED: &str = "LBGZ8VXJF9OuLO25lY5dtIX850jJvQF4+TJZAJ6brfJfus5HkInnzomaxh4SOMUgBPG1QhAYPWph8/TLWdGqzj6g\
        Aeb5YHDmoEwAuBUe2YoIFfsNwy4vydZbFamC8ZQCY6K3Dul2MEu+WFUKrQugEh5gIQ87wWHZqNb927PW8W7CFaQnkKUT+OUo5NM=";

    fn private() -> RsaPrivateKey {
        let text: String = PRIVATE.split_whitespace().collect();
        RsaPrivateKey::from_pkcs8_der(&STANDARD.decode(text).unwrap()).unwrap()
    }

    fn session() -> Session {
        let bytes = |text: &str| hex::decode(text).unwrap().try_into().unwrap();
        Session { key: bytes(KEY), iv: bytes(IV) }
    }

    #[test]
    fn the_request_of_the_reference_vector_is_made() {
        let envelope = session().seal(&private().to_public_key(), REQUEST.as_bytes()).unwrap();
        assert_eq!(REQUEST.len(), 154);
        assert_eq!(STANDARD.encode(&envelope.data), SEALED);
        assert_eq!(STANDARD.encode(&envelope.iv), "Dx4tPEtaaXiHlqW0w9Lh8A==");
        // The wrapping is randomised: this one and the vector's open to the same key.
        for wrapped in [envelope.key, STANDARD.decode(WRAPPED).unwrap()] {
            assert_eq!(hex::encode(private().decrypt(Oaep::<Sha256>::new(), &wrapped).unwrap()), KEY);
        }
    }

    #[test]
    fn the_answers_of_the_reference_vector_are_opened() {
        let done = "{\"screen\":\"SUCCESS\",\"data\":{\"extension_message_response\":{\"params\":{\"flow_token\":\
            \"pl1.9f2c7e.k3Jx\",\"booking_id\":\"B-1042\"}}}}";
        let open = |text: &str| session().open(text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(open(ANSWER).as_deref(), Ok(done));
        let ping = "SlAbWpxJRgTYRs7SRxGape/s/40d/Vc0ifySqHGZ30TOiD/r93pQc3RCtU0=";
        assert_eq!(open(ping).as_deref(), Ok("{\"data\":{\"status\":\"active\"}}"));
    }

    #[test]
    fn an_answer_that_is_not_for_this_request_is_refused() {
        let cut = ANSWER.trim_end_matches('=');
        for wrong in [NOT_INVERTED, "", "AAAA", "no base64!", &format!("\"{ANSWER}\""), cut] {
            assert!(session().open(wrong.as_bytes()).is_err(), "{wrong}");
        }
        let mut bytes = STANDARD.decode(ANSWER).unwrap();
        bytes[3] ^= 1;
        assert!(session().open(STANDARD.encode(bytes).as_bytes()).is_err());
    }
}
