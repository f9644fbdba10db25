//! The webhooks of the load: one signed body after the other, all of a length, about 1 KB, each with its own message id.

use secrecy::SecretString;
use tokio::time::Instant;
use whatsapp::signature;

use crate::front::WEBHOOK_PATH;

/// Meta's id of the first number; further ones count on from it.
const NUMBER_ID: u64 = 700_800_900_100_200;
/// What stands before a message's number in its id, and so in the reply that quotes the id.
const MARK: &str = "wamid.BENCH";
const DIGITS: usize = 12;
/// Size of a body, about that of Meta's text messages.
const BODY_BYTES: usize = 1_024;
/// What fills it.
const MORE: &str = "more, ";

/// Meta's id of the number at a place.
pub(super) fn number_id(place: u64) -> String {
    (NUMBER_ID + place).to_string()
}

/// Writes requests.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    secret: SecretString,
    people: u64,
    numbers: u64,
    started: Instant,
    started_s: u64,
    host: String,
}

impl Writer {
    pub(super) fn new(secret: SecretString, people: u32, now_ms: u64, host: String) -> Self {
        Self { secret, people: people.into(), numbers: 1, started: Instant::now(), started_s: now_ms / 1_000, host }
    }

    /// People write to so many numbers, each to one of them.
    pub(super) fn over_numbers(mut self, numbers: u32) -> Self {
        self.numbers = numbers.max(1).into();
        self
    }

    fn person(&self, n: u64) -> u64 {
        if n < self.people { n } else { scatter(n) % self.people }
    }

    /// The place of the number that message `n` of [`Writer::request`] goes to.
    pub(super) fn number_of(&self, n: u64) -> u64 {
        self.person(n) % self.numbers
    }

    /// The `n`-th request of a run, head and body, ready for the wire. The first ones are one of each person, later ones
    /// are of anybody.
    pub(super) fn request(&self, n: u64, into: &mut Vec<u8>) {
        self.request_of(n, self.person(n), into);
    }

    /// The same of this person.
    pub(super) fn request_of(&self, n: u64, person: u64, into: &mut Vec<u8>) {
        self.sign(&webhook_of(&entry(n, person, person % self.numbers, self.now_s())), into);
    }

    /// A request with many messages, each given by its number and its person.
    pub(super) fn batch(&self, messages: impl Iterator<Item = (u64, u64)>, into: &mut Vec<u8>) {
        let now_s = self.now_s();
        let entries: Vec<_> = messages.map(|(n, person)| entry(n, person, person % self.numbers, now_s)).collect();
        self.sign(&webhook_of(&entries.join(",")), into);
    }

    /// The same, by somebody who has another secret.
    pub(super) fn with_secret(&self, secret: SecretString) -> Self {
        Self { secret, ..self.clone() }
    }

    /// The time that messages carry, in seconds.
    pub(super) fn now_s(&self) -> u64 {
        self.started_s + self.started.elapsed().as_secs()
    }

    /// A signed request with this body.
    pub(super) fn sign(&self, body: &str, into: &mut Vec<u8>) {
        self.sign_for(WEBHOOK_PATH, body, into);
    }

    /// A signed request of this path with this body.
    pub(super) fn sign_for(&self, path: &str, body: &str, into: &mut Vec<u8>) {
        let signature = signature::sign(&self.secret, body.as_bytes());
        into.clear();
        into.extend_from_slice(
            format!(
                "POST {path} HTTP/1.1\r\nhost: {}\r\nuser-agent: bench\r\naccept: */*\r\n\
                 content-type: application/json\r\nx-hub-signature-256: {signature}\r\ncontent-length: {}\r\n\r\n",
                self.host,
                body.len()
            )
            .as_bytes(),
        );
        into.extend_from_slice(body.as_bytes());
    }
}

/// The number of a person, in digits.
pub(super) fn phone(person: u64) -> String {
    format!("9990000{person:07}")
}

/// A text that quotes a message number.
pub(super) fn mark(n: u64) -> String {
    format!("{MARK}{n:0DIGITS$}")
}

/// The message number that a text quotes.
pub(super) fn quoted(text: &[u8]) -> Option<u64> {
    let at = text.windows(MARK.len()).position(|window| window == MARK.as_bytes())? + MARK.len();
    std::str::from_utf8(text.get(at..at + DIGITS)?).ok()?.parse().ok()
}

fn webhook_of(entries: &str) -> String {
    format!(r#"{{"object":"whatsapp_business_account","entry":[{entries}]}}"#)
}

/// The message and all around it, of a length that makes a body of one message as long as [`BODY_BYTES`].
fn entry(n: u64, person: u64, number: u64, now_s: u64) -> String {
    let (number_id, contact) = (NUMBER_ID + number, contact(person));
    let whole = |said: &str| {
        let text = text(n, person, now_s, said);
        format!(
            r#"{{"id":"300100200300400","changes":[{{"value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550100100","phone_number_id":"{number_id}"}},"contacts":[{contact}],"messages":[{text}]}},"field":"messages"}}]}}"#
        )
    };
    let mut said = "Could you tell me ".to_owned();
    let left = BODY_BYTES.saturating_sub(webhook_of(&whole(&said)).len());
    said.push_str(&MORE.repeat(left.div_ceil(MORE.len())));
    whole(&said)
}

// +999 is no country: nobody has these numbers.
fn contact(person: u64) -> String {
    let phone = phone(person);
    format!(r#"{{"profile":{{"name":"Person {person:07}"}},"wa_id":"{phone}","user_id":"GB.100000{person:07}"}}"#)
}

fn text(n: u64, person: u64, now_s: u64, said: &str) -> String {
    let phone = phone(person);
    format!(
        r#"{{"from":"{phone}","from_user_id":"GB.100000{person:07}","id":"{MARK}{n:0DIGITS$}","timestamp":"{now_s}","type":"text","text":{{"body":"{said}"}}}}"#
    )
}

/// A fixed spread of numbers that looks random: the next person is nobody in particular.
fn scatter(n: u64) -> u64 {
    let n = (n ^ (n >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ (n >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    n ^ (n >> 32)
}

#[cfg(test)]
mod tests {
    use whatsapp::webhook::{self, Event};

    use super::*;

    #[test]
    fn bodies_are_webhooks_of_one_size_that_quote_their_number() {
        let sizes: Vec<_> = [0, 7, 999_999_999_999]
            .iter()
            .map(|n| webhook_of(&entry(*n, *n % 10_000, 9, 1_790_000_000)).len())
            .collect();
        assert!(sizes.iter().all(|size| *size == sizes[0] && (BODY_BYTES..BODY_BYTES + 8).contains(size)), "{sizes:?}");
        let body = webhook_of(&entry(41, 3, 1, 1_790_000_000));
        assert_eq!(quoted(body.as_bytes()), Some(41));
        let events = webhook::parse(body.as_bytes()).unwrap();
        let [Event::Message(message)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(
            (message.phone_number_id.as_str(), message.from.as_deref()),
            ("700800900100201", Some("99900000000003"))
        );
    }

    #[test]
    fn batch_is_one_webhook_with_a_message_of_each() {
        let writer = Writer::new("bench-test-secret".into(), 10, 1_790_000_000_000, "127.0.0.1:1".into());
        let mut request = Vec::new();
        writer.batch([(5, 2), (6, 7)].into_iter(), &mut request);
        let body = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let events = webhook::parse(&request[body..]).unwrap();
        let [Event::Message(first), Event::Message(second)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((first.from.as_deref(), second.from.as_deref()), (Some("99900000000002"), Some("99900000000007")));
        assert_eq!(quoted(second.wamid.as_bytes()), Some(6));
    }

    #[test]
    fn request_is_signed_and_whole() {
        let secret = SecretString::from("bench-test-secret");
        let mut request = Vec::new();
        Writer::new(secret.clone(), 10, 1_790_000_000_000, "127.0.0.1:1".into()).request(12, &mut request);
        let request = String::from_utf8(request).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        assert_eq!(header("content-length:"), Some(body.len().to_string().as_str()));
        assert_eq!(signature::verify(&[secret], header("x-hub-signature-256:"), body.as_bytes()), Ok(0));
    }

    #[test]
    fn text_without_a_whole_number_quotes_nothing() {
        for text in [&b""[..], b"wamid.BENCH", b"wamid.BENCH12345678901", b"wamid.BENCH12345678901x"] {
            assert_eq!(quoted(text), None);
        }
    }

    #[test]
    fn everybody_writes_sooner_or_later() {
        let met: std::collections::HashSet<_> = (100..2_100).map(|n| scatter(n) % 100).collect();
        assert_eq!(met.len(), 100);
    }
}
