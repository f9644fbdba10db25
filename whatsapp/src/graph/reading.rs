//! Read marks and the typing indicator.

use reqwest::Method;
use secrecy::SecretString;
use serde_json::json;

use super::call::CallError;
use super::client::{Client, MAX_ANSWER_BYTES};
use super::reply::success;

impl Client {
    /// Marks a message of the person, and all before it, as read. Possible for 30 days.
    pub async fn mark_read(&self, phone_number_id: &str, token: &SecretString, wamid: &str) -> Result<(), CallError> {
        self.mark(phone_number_id, token, json!({ "message_id": wamid })).await
    }

    /// As [`mark_read`](Self::mark_read), and shows that an answer is being written, until it comes or
    /// for 25 seconds. Meta has no typing indicator without the read mark.
    pub async fn mark_read_and_type(
        &self,
        phone_number_id: &str,
        token: &SecretString,
        wamid: &str,
    ) -> Result<(), CallError> {
        let mark = json!({ "message_id": wamid, "typing_indicator": { "type": "text" } });
        self.mark(phone_number_id, token, mark).await
    }

    async fn mark(&self, number: &str, token: &SecretString, mut mark: serde_json::Value) -> Result<(), CallError> {
        mark["messaging_product"] = json!("whatsapp");
        mark["status"] = json!("read");
        let request = self.request(Method::POST, &[number, "messages"])?.json(&mark);
        self.call(request, token, MAX_ANSWER_BYTES, success).await
    }
}
