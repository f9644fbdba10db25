//! The forms of keys that OpenSSL and Meta's guides write.

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../testdata/flow/", $name))
    };
}

/// Of the key of the test vector, by `openssl pkey -pubin -outform DER | sha256sum`.
const FINGERPRINT: &str = "cdf364c8d24217b570e098be5d3d5832534853ba526e330444eac4539c4cc1c5";

fn read(pem: &str) -> Result<FlowKey, KeyError> {
    FlowKey::read(&pem.into(), None)
}

fn read_with(pem: &str, passphrase: &str) -> Result<FlowKey, KeyError> {
    FlowKey::read(&pem.into(), Some(&passphrase.into()))
}

#[test]
fn plain_forms_are_read_and_are_the_same_key() {
    let vector = fixture!("vector.pem");
    let spellings = [
        vector.to_owned(),
        fixture!("pkcs1.pem").to_owned(),
        vector.replace('\n', "\\n"),
        vector.replace('\n', "\r\n"),
        vector.replace('\n', " "),
        format!("# made by hand\n\n{vector}\n\n"),
    ];
    for pem in &spellings {
        assert_eq!(read(pem).unwrap().fingerprint(), FINGERPRINT, "{pem}");
    }
}

#[test]
fn encrypted_pkcs8_is_read_with_its_passphrase() {
    for pem in [fixture!("pkcs8.aes.pem"), fixture!("pkcs8.des3.pem")] {
        assert_eq!(read_with(pem, "parlance-test").unwrap().fingerprint(), FINGERPRINT);
    }
    assert!(read_with(fixture!("genrsa.des3.pem"), "parlance-test").is_ok(), "as Meta's guide makes it");
    assert!(read_with(fixture!("vector.pem"), "not needed").is_ok());
}

#[test]
fn wrong_or_missing_passphrase_is_said() {
    let pem = fixture!("pkcs8.aes.pem");
    assert_eq!(read(pem).unwrap_err(), KeyError::NoPassphrase);
    assert_eq!(read_with(pem, "wrong").unwrap_err(), KeyError::WrongPassphrase);
    assert_eq!(read_with(fixture!("pkcs8.des3.pem"), "").unwrap_err(), KeyError::WrongPassphrase);
}

#[test]
fn old_encryptions_come_with_the_command_that_converts() {
    for pem in [fixture!("pkcs1.des3.pem"), fixture!("pkcs8.pbes1.pem")] {
        let error = read_with(pem, "parlance-test").unwrap_err();
        assert_eq!(error, KeyError::OldEncryption);
        assert!(error.to_string().contains("openssl pkcs8 -topk8 -nocrypt -in private.pem -out plain.pem"), "{error}");
    }
}

#[test]
fn other_sizes_and_other_things_are_refused() {
    assert_eq!(read(fixture!("short.pem")).unwrap_err(), KeyError::Size);
    assert_eq!(read(fixture!("long.pem")).unwrap_err(), KeyError::Size);
    assert_eq!(read(fixture!("ec.pkcs8.pem")).unwrap_err(), KeyError::Damaged);
    let other = read(fixture!("ec.pem")).unwrap_err().to_string();
    assert_eq!(other, "it holds an EC PRIVATE KEY, not a private key of RSA");
    let public = read(fixture!("vector.public.pem")).unwrap_err().to_string();
    assert_eq!(public, "it holds a PUBLIC KEY, not a private key of RSA");
    for text in ["", "secret", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "-----BEGIN x\n-----\n-----END "] {
        assert_eq!(read(text).unwrap_err(), KeyError::NotPem, "{text}");
    }
    let damaged = fixture!("vector.pem").replacen("MIIE", "MIIF", 1);
    assert_eq!(read(&damaged).unwrap_err(), KeyError::Damaged);
    let cut: String = fixture!("vector.pem").lines().filter(|line| !line.starts_with("qpJDA")).collect();
    assert_eq!(read(&cut).unwrap_err(), KeyError::Damaged);
}

#[test]
fn public_half_is_published_as_meta_takes_it() {
    let key = read(fixture!("vector.pem")).unwrap();
    assert_eq!(key.public_pem(), fixture!("vector.public.pem"));
    assert_eq!(fingerprint_of_public(&key.public_pem()).as_deref(), Some(FINGERPRINT));
    assert_eq!(fingerprint_of_public(&key.public_pem().replace('\n', "\\n")).as_deref(), Some(FINGERPRINT));
    assert_eq!(fingerprint_of_public(fixture!("vector.pem")), None);
    assert_eq!(fingerprint_of_public("nothing"), None);
}

#[test]
fn new_key_comes_back_from_its_pem() {
    let key = FlowKey::generate().unwrap();
    let again = FlowKey::read(&key.private_pem(), None).unwrap();
    assert_eq!(key.fingerprint(), again.fingerprint());
    assert_ne!(key.fingerprint(), FlowKey::generate().unwrap().fingerprint());
}

#[test]
fn debug_shows_no_key() {
    let key = read(fixture!("vector.pem")).unwrap();
    assert_eq!(format!("{key:?}"), format!("FlowKey({FINGERPRINT})"));
}
