//! The public key of a business phone number, with which phones encrypt what they ask of a Flow's endpoint.
//!
//! One call per number, even where numbers share a key. Source: Meta, "Cloud API, Business Encryption", 2026.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use secrecy::SecretString;
use serde::Deserialize;

use super::call::CallError;
use super::client::{Client, MAX_ANSWER_BYTES};
use super::reply::success;

const PATH: &str = "whatsapp_business_encryption";
const FIELD: &str = "business_public_key";

/// The public key as Meta has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct PublishedKey {
    /// SPKI in PEM; `None` where none was uploaded.
    #[serde(default, rename = "business_public_key")]
    pub pem: Option<String>,
    /// `VALID`, or `MISMATCH` after a number was registered anew: upload the key again.
    #[serde(default, rename = "business_public_key_signature_status")]
    pub signature_status: Option<String>,
}

/// Meta's pages show the members alone; other answers of Graph have them in a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    List { data: Vec<PublishedKey> },
    Alone(PublishedKey),
}

impl Client {
    /// Publishes the public key of a number, in the place of the one before. Refused with code 100 if Meta cannot use it.
    pub async fn publish_key(&self, phone_number_id: &str, token: &SecretString, pem: &str) -> Result<(), CallError> {
        let request = self.request(Method::POST, &[phone_number_id, PATH])?;
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form(pem));
        self.call(request, token, MAX_ANSWER_BYTES, success).await
    }

    /// The public key of a number.
    pub async fn published_key(&self, phone_number_id: &str, token: &SecretString) -> Result<PublishedKey, CallError> {
        let request = self.request(Method::GET, &[phone_number_id, PATH])?;
        self.call(request, token, MAX_ANSWER_BYTES, read).await
    }
}

/// PEM has nothing but these that a form must escape.
fn form(pem: &str) -> String {
    let escaped = pem.replace('%', "%25").replace('+', "%2B").replace('=', "%3D").replace('&', "%26");
    format!("{FIELD}={}", escaped.replace('\n', "%0A").replace('\r', "%0D").replace(' ', "+").replace('/', "%2F"))
}

fn read(body: &[u8]) -> Option<PublishedKey> {
    match serde_json::from_slice(body).ok()? {
        Answer::List { data } => Some(data.into_iter().next().unwrap_or_default()),
        Answer::Alone(key) => Some(key),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Fake, TOKEN, answer, ok};
    use super::*;

    #[tokio::test]
    async fn key_is_published_and_read_back_by_number() {
        let key = r#"{"business_public_key":"-----BEGIN","business_public_key_signature_status":"MISMATCH"}"#;
        let refusal = answer("400 Bad Request", "", r#"{"error":{"message":"bad key","code":100}}"#);
        let fake = Fake::new(vec![ok(r#"{"success":true}"#), ok(key), refusal]).await;
        let (client, token) = (fake.client(), SecretString::from(TOKEN));
        client.publish_key("700800900100200", &token, "-----BEGIN PUBLIC KEY-----\n").await.unwrap();
        let read = client.published_key("700800900100200", &token).await.unwrap();
        assert_eq!(read.signature_status.as_deref(), Some("MISMATCH"));
        let refused = client.publish_key("700800900100200", &token, "x").await.unwrap_err();
        assert_eq!(refused.to_record().code, Some(100));
        let requests = fake.requests().await;
        let path = "/v25.0/700800900100200/whatsapp_business_encryption HTTP/1.1";
        assert!(requests[0].starts_with(&format!("POST {path}")), "{}", requests[0]);
        assert!(requests[0].ends_with("business_public_key=-----BEGIN+PUBLIC+KEY-----%0A"), "{}", requests[0]);
        assert!(requests[1].starts_with(&format!("GET {path}")), "{}", requests[1]);
    }

    #[test]
    fn every_spelling_of_an_answer_is_read() {
        let key = PublishedKey { pem: Some("-----BEGIN".into()), signature_status: Some("VALID".into()) };
        let alone = r#"{"business_public_key":"-----BEGIN","business_public_key_signature_status":"VALID"}"#;
        assert_eq!(read(alone.as_bytes()), Some(key.clone()));
        assert_eq!(read(format!(r#"{{"data":[{alone}]}}"#).as_bytes()), Some(key));
        for absent in ["{}", r#"{"data":[]}"#, r#"{"data":[{}]}"#, r#"{"business_public_key":null}"#] {
            assert_eq!(read(absent.as_bytes()), Some(PublishedKey::default()), "{absent}");
        }
        assert_eq!(read(b"<html>"), None);
    }

    #[test]
    fn key_goes_as_a_form_field() {
        let pem = "-----BEGIN PUBLIC KEY-----\nab+/=\n-----END PUBLIC KEY-----\n";
        let form = form(pem);
        let expected = "business_public_key=-----BEGIN+PUBLIC+KEY-----%0Aab%2B%2F%3D%0A-----END+PUBLIC+KEY-----%0A";
        assert_eq!(form, expected);
        let url = reqwest::Url::parse(&format!("http://localhost/?{form}")).unwrap();
        assert_eq!(url.query_pairs().next().unwrap().1, pem);
    }
}
