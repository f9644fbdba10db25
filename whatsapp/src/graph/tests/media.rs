//! Files: what is sent, what is refused before the token leaves, and what a download checks.

use bytes::Bytes;
use futures_util::stream;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::super::fake::{Fake, answer, ok};
use super::super::*;
use super::{DONE, NUMBER, line, token};

const FILE: &str = "the bytes of a file";

fn rules(max_bytes: u64, sha256: Option<String>) -> DownloadRules {
    DownloadRules { max_bytes, sha256 }
}

/// Reads a file to its end.
async fn fetch(client: &Client, url: &str, rules: &DownloadRules) -> Result<Vec<u8>, CallError> {
    let mut download = client.download_media(url, &token(), rules).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = download.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[tokio::test]
async fn upload_is_form_data_with_product_type_and_file() {
    let fake = Fake::new(vec![ok(r#"{"id":"990011"}"#)]).await;
    let file = Upload::bytes("image/png", "a.png", FILE.as_bytes());
    assert_eq!(fake.client().upload_media(NUMBER, &token(), file).await.unwrap(), "990011");
    let requests = fake.requests().await;
    assert_eq!(line(&requests[0]), "POST /v25.0/700800900100200/media HTTP/1.1");
    assert!(requests[0].contains("content-type: multipart/form-data; boundary="), "{}", requests[0]);
    for part in [
        "name=\"messaging_product\"\r\n\r\nwhatsapp\r\n",
        "name=\"type\"\r\n\r\nimage/png\r\n",
        "name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nthe bytes of a file\r\n",
    ] {
        assert!(requests[0].contains(part), "{part} is not in {}", requests[0]);
    }
}

#[tokio::test]
async fn upload_is_streamed_with_its_length() {
    let fake = Fake::new(vec![ok(r#"{"id":"990012"}"#)]).await;
    let chunks = stream::iter([Ok(Bytes::from_static(b"one ")), Ok(Bytes::from_static(b"two"))]);
    let file = Upload::stream("audio/ogg; codecs=opus", "a.ogg", 7, chunks);
    assert_eq!(fake.client().upload_media(NUMBER, &token(), file).await.unwrap(), "990012");
    let requests = fake.requests().await;
    assert!(requests[0].to_lowercase().contains("content-length: "), "{}", requests[0]);
    assert!(requests[0].contains("Content-Type: audio/ogg; codecs=opus\r\n\r\none two\r\n"), "{}", requests[0]);
}

#[tokio::test]
async fn upload_that_breaks_off_or_cannot_be_made_has_no_id() {
    let fake = Fake::new(vec![]).await;
    let (client, token) = (fake.client(), token());
    let big = Upload::stream("image/png", "a.png", 5_000_001, stream::iter([Ok(Bytes::new())]));
    let error = client.upload_media(NUMBER, &token, big).await.unwrap_err();
    assert!(error.to_string().contains("may have 5000000 bytes and has 5000001"), "{error}");
    let odd = Upload::bytes("no type", "a", FILE.as_bytes());
    assert!(matches!(client.upload_media(NUMBER, &token, odd).await, Err(CallError::Unusable(_))));
    let fake = Fake::new(vec![String::new()]).await;
    let broken = stream::iter([Err(std::io::Error::other("the disk is gone"))]);
    let file = Upload::stream("audio/ogg", "a.ogg", 7, broken);
    let error = fake.client().upload_media(NUMBER, &token, file).await.unwrap_err();
    assert!(matches!(error, CallError::Unanswered(_)), "{error}");
}

#[tokio::test]
async fn info_takes_the_size_as_number_or_text() {
    let info = |size: &str| {
        ok(&format!(
            r#"{{"messaging_product":"whatsapp","url":"https://lookaside.fbsbx.com/x","mime_type":"image/png","sha256":"ab","file_size":{size},"id":"990011"}}"#
        ))
    };
    let fake = Fake::new(vec![info("12"), info("\"13\""), ok("{}")]).await;
    let (client, token) = (fake.client(), token());
    let first = client.media_info("990011", NUMBER, &token).await.unwrap();
    assert_eq!((first.url.as_str(), first.file_size), ("https://lookaside.fbsbx.com/x", Some(12)));
    assert_eq!(client.media_info("990011", NUMBER, &token).await.unwrap().file_size, Some(13));
    assert!(matches!(client.media_info("990011", NUMBER, &token).await, Err(CallError::Unanswered(_))));
    assert_eq!(line(&fake.requests().await[0]), "GET /v25.0/990011?phone_number_id=700800900100200 HTTP/1.1");
}

#[tokio::test]
async fn download_has_the_token_and_the_right_digest_in_either_form() {
    let hash = Sha256::digest(FILE);
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, hash);
    let typed = answer("200 OK", "content-type: image/png\r\n", FILE);
    let fake = Fake::new(vec![typed.clone(), typed.clone(), typed]).await;
    let (client, url) = (fake.client(), fake.url("/file"));
    assert_eq!(fetch(&client, &url, &rules(19, Some(hex::encode(hash)))).await.unwrap(), FILE.as_bytes());
    assert_eq!(fetch(&client, &url, &rules(19, Some(base64))).await.unwrap(), FILE.as_bytes());
    let download = client.download_media(&url, &token(), &rules(19, None)).await.unwrap();
    assert_eq!(download.mime_type(), Some("image/png"));
    drop(download);
    let requests = fake.requests().await;
    assert!(requests[0].contains("authorization: Bearer token-of-tests"), "{}", requests[0]);
    assert!(requests[0].contains("user-agent: parlance/"), "{}", requests[0]);
}

#[tokio::test]
async fn damaged_file_is_refused_at_its_end() {
    let fake = Fake::new(vec![ok(FILE)]).await;
    let other = hex::encode(Sha256::digest("another file"));
    let error = fetch(&fake.client(), &fake.url("/file"), &rules(100, Some(other))).await.unwrap_err();
    assert!(matches!(&error, CallError::Unusable(why) if why.contains("digest")), "{error}");
    let error = fetch(&fake.client(), &fake.url("/file"), &rules(100, Some("abc".into()))).await.unwrap_err();
    assert!(error.to_string().contains("`abc` is not a SHA-256"), "{error}");
}

#[tokio::test]
async fn file_that_is_too_large_is_not_read_with_or_without_a_length() {
    let unsized_answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", FILE.repeat(10_000));
    let fake = Fake::new(vec![ok(FILE), unsized_answer]).await;
    for _ in 0..2 {
        let error = fetch(&fake.client(), &fake.url("/file"), &rules(18, None)).await.unwrap_err();
        assert!(matches!(&error, CallError::Unusable(why) if why.contains("more than 18 bytes")), "{error}");
    }
}

#[tokio::test]
async fn file_that_breaks_off_or_has_expired_can_be_asked_for_again() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nthe".to_owned();
    let fake = Fake::new(vec![cut, answer("404 Not Found", "", ""), answer("500 Oops", "", "x")]).await;
    for _ in 0..3 {
        let error = fetch(&fake.client(), &fake.url("/file"), &rules(1000, None)).await.unwrap_err();
        assert_eq!((error.outcome(), matches!(error, CallError::Unanswered(_))), (Outcome::Retry, true), "{error}");
    }
}

#[tokio::test]
async fn token_goes_to_no_other_host_and_after_no_redirect() {
    let fake = Fake::new(vec![answer("302 Found", "location: http://HOST/elsewhere\r\n", "")]).await;
    let error = fetch(&fake.client(), &fake.url("/file"), &rules(1000, None)).await.unwrap_err();
    assert!(matches!(&error, CallError::Unusable(why) if why.contains("moved")), "{error}");
    let client = fake.client();
    for url in [
        "https://elsewhere.example/x",
        "http://lookaside.fbsbx.com/x",
        "https://lookaside.fbsbx.com.elsewhere.example/x",
        "https://lookaside.fbsbx.com:8443/x",
        "https://lookaside.fbsbx.com@elsewhere.example/x",
        "file:///etc/passwd",
        "nothing",
    ] {
        let error = client.download_media(url, &token(), &rules(1, None)).await.err().unwrap();
        assert!(matches!(error, CallError::Unusable(_)), "{url}: {error}");
    }
    let own = client.with_media_hosts(vec!["media.example".into()]);
    let error = own.download_media("https://lookaside.fbsbx.com/x", &token(), &rules(1, None)).await.err().unwrap();
    assert!(matches!(error, CallError::Unusable(_)), "{error}");
    assert_eq!(fake.requests().await.len(), 1);
}

#[tokio::test]
async fn deleted_file_is_asked_for_by_its_id() {
    let fake = Fake::new(vec![ok(DONE)]).await;
    fake.client().delete_media("990011", &token()).await.unwrap();
    assert_eq!(line(&fake.requests().await[0]), "DELETE /v25.0/990011 HTTP/1.1");
}

#[tokio::test]
async fn token_shows_in_no_error_of_a_file() {
    let fake = Fake::new(vec![String::new()]).await;
    let error = fetch(&fake.client(), &fake.url("/file?secret=1"), &rules(1, None)).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(super::TOKEN) && !shown.contains("secret=1"), "{shown}");
    let broken: SecretString = "broken\n".into();
    let error = fake.client().download_media(&fake.url("/f"), &broken, &rules(1, None)).await.err().unwrap();
    assert!(!error.to_string().contains("broken\n"));
}
