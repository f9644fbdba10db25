//! The test vector both ways, what must be refused, and a hundred thousand mutations.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::*;

const REQUEST: &str = include_str!("../../../testdata/flow/vector.request.json");
const PLAINTEXT: &str = include_str!("../../../testdata/flow/vector.request.txt");
const ANSWER: &str = include_str!("../../../testdata/flow/vector.answer.txt");
const SEALED_ANSWER: &str = include_str!("../../../testdata/flow/vector.answer.b64");
const SEALED_PING: &str = include_str!("../../../testdata/flow/vector.ping.b64");
const WRONG_IV: &str = include_str!("../../../testdata/flow/vector.wrong_iv.b64");

fn vector_key() -> FlowKey {
    FlowKey::read(&include_str!("../../../testdata/flow/vector.pem").into(), None).unwrap()
}

fn keys() -> FlowKeys {
    vector_key().into()
}

fn fields() -> Value {
    serde_json::from_str(REQUEST).unwrap()
}

/// The request with one field changed.
fn with(name: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let mut fields = fields();
    let bytes = STANDARD.decode(fields[name].as_str().unwrap()).unwrap();
    fields[name] = STANDARD.encode(change(bytes)).into();
    fields.to_string().into_bytes()
}

fn flipped(at: usize) -> impl FnOnce(Vec<u8>) -> Vec<u8> {
    move |mut bytes| {
        bytes[at] ^= 1;
        bytes
    }
}

#[test]
fn vector_is_opened_and_its_answer_sealed() {
    let opened = open(&keys(), REQUEST.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(opened.plaintext).unwrap(), PLAINTEXT);
    assert_eq!(opened.digest.len(), 64);
    let answer = opened.seal.answer(ANSWER.as_bytes()).unwrap();
    assert_eq!(answer, SEALED_ANSWER);
    assert_ne!(answer, WRONG_IV);
}

#[test]
fn ping_of_the_vector_is_sealed() {
    let opened = open(&keys(), REQUEST.as_bytes()).unwrap();
    assert_eq!(opened.seal.answer(br#"{"data":{"status":"active"}}"#).as_deref(), Some(SEALED_PING));
}

#[test]
fn previous_key_opens_what_the_current_one_does_not() {
    let previous = Some(keys().current);
    let keys = FlowKeys { current: FlowKey::generate().unwrap().into(), previous };
    assert_eq!(open(&keys, REQUEST.as_bytes()).unwrap().plaintext, PLAINTEXT.as_bytes());
}

#[test]
fn f91_other_key_opens_nothing() {
    let keys = FlowKeys::from(FlowKey::generate().unwrap());
    assert_eq!(open(&keys, REQUEST.as_bytes()).unwrap_err(), Undecryptable);
    assert_eq!(Envelope::read(REQUEST.as_bytes()).unwrap().open([]).unwrap_err(), Undecryptable);
}

#[test]
fn only_so_many_keys_are_tried() {
    let (wrong, right) = (FlowKey::generate().unwrap(), vector_key());
    let tried = |wrongs: usize| {
        let keys = std::iter::repeat_n(&wrong, wrongs).chain([&right]);
        Envelope::read(REQUEST.as_bytes()).unwrap().open(keys).is_ok()
    };
    assert!(tried(MAX_KEYS_TRIED - 1));
    assert!(!tried(MAX_KEYS_TRIED));
}

#[test]
fn digest_names_the_envelope_and_not_its_spelling() {
    let digest = |body: &str| *Envelope::read(body.as_bytes()).unwrap().digest();
    let spelled = serde_json::to_string_pretty(&fields()).unwrap();
    assert_eq!(digest(REQUEST), digest(&spelled));
    assert_eq!(digest(REQUEST), digest(&REQUEST.replace('/', "\\/")));
    let other = String::from_utf8(with("initial_vector", flipped(0))).unwrap();
    assert_ne!(digest(REQUEST), digest(&other));
}

#[test]
fn f92_every_broken_envelope_fails_the_same_way() {
    let last = |bytes: Vec<u8>| bytes.len() - 1;
    let data = STANDARD.decode(fields()["encrypted_flow_data"].as_str().unwrap()).unwrap();
    let without_last_digit = REQUEST.replace("MuVfpdc=", "MuVfpdc");
    let cases = [
        ("a bit of the tag", with("encrypted_flow_data", flipped(last(data)))),
        ("a bit of the data", with("encrypted_flow_data", flipped(0))),
        ("a bit of the IV", with("initial_vector", flipped(15))),
        ("a bit of the wrapped key", with("encrypted_aes_key", flipped(100))),
        ("the last base64 digit", without_last_digit.into_bytes()),
        ("an IV of 12 bytes", with("initial_vector", |iv| iv[..12].to_vec())),
        ("an IV of 17 bytes", with("initial_vector", |iv| [iv, vec![0]].concat())),
        ("data shorter than a tag", with("encrypted_flow_data", |data| data[..15].to_vec())),
        ("no data", with("encrypted_flow_data", |_| Vec::new())),
        ("no wrapped key", with("encrypted_aes_key", |_| Vec::new())),
        ("a short wrapped key", with("encrypted_aes_key", |key| key[..255].to_vec())),
        ("a long wrapped key", with("encrypted_aes_key", |key| [key, vec![0]].concat())),
        ("nothing", Vec::new()),
        ("no JSON", b"encrypted".to_vec()),
        ("other JSON", br#"{"object":"whatsapp_business_account"}"#.to_vec()),
        ("a list", b"[]".to_vec()),
        ("numbers", json!({"encrypted_flow_data": 1, "encrypted_aes_key": 2, "initial_vector": 3}).to_string().into()),
        ("not UTF-8", vec![0xff; 64]),
    ];
    let keys = keys();
    for (label, body) in cases {
        assert_eq!(open(&keys, &body).err(), Some(Undecryptable), "{label}");
    }
}

#[test]
fn f92_wrapped_key_of_another_length_is_refused() {
    let (key, iv, sealed) = (vector_key(), [7; IV_BYTES], [0; 40]);
    let public = aws_lc_rs::rsa::PublicEncryptingKey::from_der(key.spki()).unwrap();
    let public = aws_lc_rs::rsa::OaepPublicEncryptingKey::new(public).unwrap();
    for length in [0, 15, 17, 32] {
        let mut wrapped = [0; 256];
        let algorithm = &aws_lc_rs::rsa::OAEP_SHA256_MGF1SHA256;
        public.encrypt(algorithm, &vec![1; length], &mut wrapped, None).unwrap();
        let body = json!({
            "encrypted_flow_data": STANDARD.encode(sealed),
            "encrypted_aes_key": STANDARD.encode(wrapped),
            "initial_vector": STANDARD.encode(iv),
        });
        assert_eq!(open(&keys(), body.to_string().as_bytes()).err(), Some(Undecryptable), "{length} bytes");
    }
}

#[test]
fn what_does_not_unwrap_is_never_opened_by_the_key_that_stands_in_for_it() {
    let iv = [9; IV_BYTES];
    let sealed = encrypt(&Gcm::new(&[0; KEY_BYTES].into()), &iv, b"{}").unwrap();
    let body = json!({
        "encrypted_flow_data": STANDARD.encode(sealed),
        "encrypted_aes_key": STANDARD.encode([1; 256]),
        "initial_vector": STANDARD.encode(iv),
    });
    assert_eq!(open(&keys(), body.to_string().as_bytes()).err(), Some(Undecryptable));
}

/// Draws that are the same on every machine.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }

    /// One to three changes of bytes or of the length.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            match self.below(6) {
                0 | 1 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                2 if !bytes.is_empty() => bytes[at] = self.byte(),
                3 => bytes.truncate(at),
                4 => bytes.insert(at, self.byte()),
                _ => drop(bytes.drain(at..(at + 1 + self.below(8)).min(bytes.len()))),
            }
        }
    }
}

/// Where a mutation strikes.
const CLASSES: [&str; 6] = ["flow data", "tag", "IV", "wrapped key", "base64 text", "JSON"];

fn mutated(class: &str, draw: &mut Draw) -> Vec<u8> {
    let name = ["encrypted_flow_data", "encrypted_aes_key", "initial_vector"];
    match class {
        "flow data" => with(name[0], |mut bytes| {
            draw.change(&mut bytes);
            bytes
        }),
        "tag" => with(name[0], |mut bytes| {
            let tag = bytes.len() - TAG_BYTES;
            bytes[tag + draw.below(TAG_BYTES)] ^= 1 << draw.below(8);
            bytes
        }),
        "IV" => with(name[2], |mut bytes| {
            draw.change(&mut bytes);
            bytes
        }),
        "wrapped key" => with(name[1], |mut bytes| {
            draw.change(&mut bytes);
            bytes
        }),
        "base64 text" => {
            let mut fields = fields();
            let name = name[draw.below(3)];
            let mut text = fields[name].as_str().unwrap().as_bytes().to_vec();
            draw.change(&mut text);
            fields[name] = String::from_utf8_lossy(&text).into();
            fields.to_string().into_bytes()
        }
        _ => {
            let mut body = REQUEST.as_bytes().to_vec();
            draw.change(&mut body);
            body
        }
    }
}

/// Whether the body still says the same, only spelled otherwise.
fn is_the_same(body: &[u8]) -> bool {
    let original = fields();
    let same = |given: Value| original.as_object().unwrap().iter().all(|(name, value)| given.get(name) == Some(value));
    serde_json::from_slice(body).is_ok_and(same)
}

/// Every distinct wrapped key costs a real private-key operation; the outcome for one that was met before is remembered,
/// since it depends on nothing else. That is what lets this run through so many in a debug build.
#[test]
fn f92_a_hundred_thousand_mutations_are_undecryptable() {
    let key = vector_key();
    let mut unwrapped: HashMap<Vec<u8>, Option<[u8; KEY_BYTES]>> = HashMap::new();
    let (mut draw, mut done, mut read) = (Draw(1), HashMap::new(), 0);
    while done.values().sum::<u32>() < 100_000 {
        // Of the wrapped key fewer: each one is an operation of its own.
        let class = if draw.below(20) == 0 { "wrapped key" } else { CLASSES[draw.below(CLASSES.len())] };
        if class == "wrapped key" && draw.below(2) == 0 {
            continue;
        }
        let body = mutated(class, &mut draw);
        if is_the_same(&body) {
            continue;
        }
        *done.entry(class).or_default() += 1;
        let Ok(envelope) = Envelope::read(&body) else { continue };
        read += 1;
        let memory = |wrapped: &[u8]| *unwrapped.entry(wrapped.to_vec()).or_insert_with(|| key.unwrap(wrapped));
        let opened = envelope.open_by([memory].into_iter());
        assert_eq!(opened.err(), Some(Undecryptable), "{class}: {}", String::from_utf8_lossy(&body));
    }
    for class in CLASSES {
        assert!(done[class] > 5_000, "{class}: {done:?}");
    }
    assert!(read > 40_000, "so many were read down to their keys: {read}");
    assert!(unwrapped.len() > 3_000, "so many private-key operations: {}", unwrapped.len());
    assert_eq!(unwrapped.values().flatten().count(), 1, "of all wrapped keys only the right one unwraps");
}
