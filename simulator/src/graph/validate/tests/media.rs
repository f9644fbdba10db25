//! Media by id: known, of the right account, of the right kind, still kept.

use super::*;
use crate::media::{New, Source};

fn add(stores: &Stores, waba_id: &str, mime: &str) -> String {
    let new = New { waba_id, phone_number_id: "n", mime, bytes: vec![1; 10].into(), source: Source::Uploaded };
    stores.media.add(new, 1_000).id.clone()
}

fn by_id(kind: &str, id: &str) -> Value {
    message(kind, json!({ "id": id }))
}

#[test]
fn media_goes_by_its_id_as_what_it_is() {
    let stores = stores();
    let mine = stores.number.waba_id.clone();
    for (mime, kind) in [
        ("image/jpeg", "image"),
        ("image/png", "document"),
        ("image/webp", "sticker"),
        ("video/mp4", "video"),
        ("audio/ogg; codecs=opus", "audio"),
        ("application/pdf", "document"),
    ] {
        stores.taken(&by_id(kind, &add(&stores, &mine, mime)));
    }
    let voice = add(&stores, &mine, "audio/ogg");
    stores.taken(&message("audio", json!({ "id": voice, "voice": true })));
    let header = json!({ "type": "image", "image": { "id": add(&stores, &mine, "image/png") } });
    stores.taken(&with(buttons(vec![button("y", "Yes")]), "/interactive/header", header));
}

#[test]
fn media_of_another_kind_account_or_time_is_refused() {
    let stores = stores();
    let mine = stores.number.waba_id.clone();
    let pdf = add(&stores, &mine, "application/pdf");
    let mp3 = add(&stores, &mine, "audio/mpeg");
    let theirs = add(&stores, "other", "image/png");
    stores.refused(&by_id("image", &pdf), 131053, "cannot be sent as image");
    stores.refused(&by_id("image", &theirs), 100, "attachment ID");
    stores.refused(&by_id("image", "nope"), 100, "attachment ID");
    stores.refused(&message("audio", json!({ "id": mp3, "voice": true })), 131053, "audio/ogg");
    let late = Known {
        number: &stores.number,
        media: &stores.media,
        templates: &stores.templates,
        now_ms: 1_000 + 30 * 86_400_000,
    };
    assert_eq!(check(&by_id("document", &pdf), &late).unwrap_err().code, 100, "expired");
}
