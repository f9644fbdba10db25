//! A synthetic upload, and everything that can be wrong with one.

use super::*;

const FETCHED: &[u8] = include_bytes!("../../../testdata/flow/upload.bin");

fn file() -> UploadedFile {
    serde_json::from_str(include_str!("../../../testdata/flow/upload.json")).unwrap()
}

#[test]
fn upload_is_checked_and_decrypted() {
    let plaintext = file().encryption_metadata.decrypt(FETCHED).unwrap();
    assert_eq!(String::from_utf8(plaintext).unwrap(), "A synthetic upload, made for tests. ".repeat(3));
}

/// The metadata, made to fit `fetched`.
fn fitting(fetched: &[u8]) -> EncryptionMetadata {
    EncryptionMetadata { encrypted_hash: STANDARD.encode(Sha256::digest(fetched)), ..file().encryption_metadata }
}

/// A file whose code is right, whatever its ciphertext.
fn signed(ciphertext: &[u8]) -> Vec<u8> {
    let metadata = file().encryption_metadata;
    let mac = code(&STANDARD.decode(metadata.hmac_key).unwrap(), &STANDARD.decode(metadata.iv).unwrap(), ciphertext);
    [ciphertext, &mac].concat()
}

#[test]
fn each_check_refuses_what_it_is_for() {
    let metadata = file().encryption_metadata;
    let mut other = FETCHED.to_vec();
    other[3] ^= 1;
    assert_eq!(metadata.decrypt(&other), Err(UploadError::Fetched));
    assert_eq!(fitting(&other).decrypt(&other), Err(UploadError::Forged));
    assert_eq!(fitting(b"short").decrypt(b"short"), Err(UploadError::Forged));
    let (ciphertext, _) = FETCHED.split_last_chunk::<MAC_BYTES>().unwrap();
    let cut = signed(&ciphertext[..ciphertext.len() - 16]);
    assert_eq!(fitting(&cut).decrypt(&cut), Err(UploadError::Padding));
    let odd = signed(&ciphertext[..20]);
    assert_eq!(fitting(&odd).decrypt(&odd), Err(UploadError::Padding));
    let empty = signed(b"");
    assert_eq!(fitting(&empty).decrypt(&empty), Err(UploadError::Padding));
    let mut flipped = ciphertext.to_vec();
    flipped[0] ^= 1;
    let flipped = signed(&flipped);
    assert_eq!(fitting(&flipped).decrypt(&flipped), Err(UploadError::Plaintext));
}

#[test]
fn metadata_of_another_shape_is_refused_by_name() {
    let metadata = file().encryption_metadata;
    let cases = [
        ("iv", EncryptionMetadata { iv: STANDARD.encode([0; 12]), ..metadata.clone() }),
        ("encryption_key", EncryptionMetadata { encryption_key: STANDARD.encode([0; 20]), ..metadata.clone() }),
        ("hmac_key", EncryptionMetadata { hmac_key: "?".into(), ..metadata.clone() }),
        ("plaintext_hash", EncryptionMetadata { plaintext_hash: String::new(), ..metadata.clone() }),
        ("encrypted_hash", EncryptionMetadata { encrypted_hash: "AAAA".into(), ..metadata }),
    ];
    for (name, metadata) in cases {
        assert_eq!(metadata.decrypt(FETCHED), Err(UploadError::Metadata(name)));
    }
}

#[test]
fn debug_shows_no_key() {
    assert!(format!("{:?}", file()).ends_with("encryption_metadata: EncryptionMetadata }"));
}
