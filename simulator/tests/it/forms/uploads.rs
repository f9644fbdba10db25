//! Files that a person uploads in a form.

use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::block_padding::Pkcs7;
use aes_gcm::aes::cipher::{BlockModeDecrypt, KeyIvInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Stage, object};
use crate::support::{TOKEN, config};

const CLAIM: &str = r#"{"version":"7.3","data_api_version":"3.0","routing_model":{"PHOTO":["LAST"],"LAST":[]},"screens":[
 {"id":"PHOTO","data":{},"layout":{"type":"SingleColumnLayout","children":[
   {"type":"PhotoPicker","name":"photos","label":"Photos"},
   {"type":"Footer","label":"Next","on-click-action":{"name":"data_exchange","payload":{"pictures":"${form.photos}","kind":"roof"}}}]}},
 {"id":"LAST","terminal":true,"success":true,"data":{},"layout":{"type":"SingleColumnLayout","children":[
   {"type":"DocumentPicker","name":"bill","label":"Bill","max-uploaded-documents":1},
   {"type":"Footer","label":"Send","on-click-action":{"name":"complete","payload":{"bill":"${form.bill}"}}}]}}]}"#;

fn decrypted(sealed: &[u8], metadata: &Value) -> Vec<u8> {
    let bytes = |name: &str| STANDARD.decode(metadata[name].as_str().unwrap()).unwrap();
    let (key, iv): ([u8; 32], [u8; 16]) =
        (bytes("encryption_key").try_into().unwrap(), bytes("iv").try_into().unwrap());
    assert_eq!(Sha256::digest(sealed).to_vec(), bytes("encrypted_hash"));
    let (text, check) = sealed.split_at(sealed.len() - 10);
    let mut mac = Hmac::<Sha256>::new_from_slice(&bytes("hmac_key")).unwrap();
    mac.update(&iv);
    mac.update(text);
    assert_eq!(mac.finalize().into_bytes()[..10], *check);
    let plain = cbc::Decryptor::<Aes256>::new(&key.into(), &iv.into()).decrypt_padded_vec::<Pkcs7>(text).unwrap();
    assert_eq!(Sha256::digest(&plain).to_vec(), bytes("plaintext_hash"));
    plain
}

#[tokio::test]
async fn files_go_encrypted_to_the_endpoint_and_as_media_to_the_business() {
    let mut stage = Stage::with(config(), CLAIM).await;
    let wamid = stage.send(json!({ "flow_id": stage.flow, "flow_token": "tok" })).await;
    let form = stage.world.handle.open_form(1, &wamid).await.unwrap();
    let photo = stage.world.handle.add_media("image/jpeg", &b"sixteen bytes..!"[..]).unwrap();
    let values = json!({ "photos": [photo.id] });
    stage.endpoint.answers(json!({ "screen": "LAST", "data": {} }));
    let form = stage.world.handle.submit(&form.id, "PHOTO", object(values), None).await.unwrap();
    assert_eq!(form.screen, "LAST");
    let asked = stage.endpoint.last();
    assert_eq!(asked["data"]["kind"], "roof");
    let file = &asked["data"]["pictures"][0];
    assert_eq!((&file["media_id"], &file["file_name"]), (&json!(photo.id), &json!(format!("{}.jpg", photo.id))));
    let url = file["cdn_url"].as_str().unwrap();
    let sealed = stage.world.http.get(url).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(decrypted(&sealed, &file["encryption_metadata"]), b"sixteen bytes..!");
    assert_eq!(stage.world.http.get(url).bearer_auth(TOKEN).send().await.unwrap().status(), 400);
    assert_eq!(stage.world.http.get(url.replace("hash=", "hash=0")).send().await.unwrap().status(), 403);

    let bill = stage.world.handle.add_media("application/pdf", &b"%PDF"[..]).unwrap();
    let error = stage.world.handle.complete(&form.id, "LAST", object(json!({ "bill": ["42"] }))).unwrap_err();
    assert!(error.to_string().contains("no media"), "{error}");
    stage.world.handle.complete(&form.id, "LAST", object(json!({ "bill": [bill.id] }))).unwrap();
    let text = stage.reply().await["interactive"]["nfm_reply"]["response_json"].as_str().unwrap().to_owned();
    let inner: Value = serde_json::from_str(&text).unwrap();
    let media = &inner["bill"][0];
    assert_eq!((&media["id"], &media["mime_type"]), (&json!(bill.id), &json!("application/pdf")));
    assert_eq!(media["sha256"], STANDARD.encode(Sha256::digest(b"%PDF")));
    // The business fetches it by its id, as any other media.
    assert_eq!(stage.world.graph("GET", &bill.id, Value::Null).await.1["file_size"], "4");
}
