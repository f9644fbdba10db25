//! The chain: written, walked through, pruned, broken.

use std::sync::Arc;

use actors::{AdjustableClock, Clock};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::middleware;
use axum::routing::post;
use futures_util::StreamExt;
use serde_json::json;
use storage::{Model, Store};
use tower::ServiceExt;

use super::book::{Book, REFUSALS_A_MINUTE, REMEMBERED};
use super::chain::{Verified, verify};
use super::record::{LAST, PLACES, Place, ROWS, key};
use super::*;
use crate::admin::envelope::envelope;
use crate::admin::recorded;

const DAY_MS: u64 = 86_400_000;

struct Desk {
    store: Arc<dyn Store>,
    clock: Arc<AdjustableClock>,
    book: Arc<Book>,
}

async fn desk() -> Desk {
    let (store, clock): (Arc<dyn Store>, _) = (Model::new(), Arc::new(AdjustableClock::starting_at(0)));
    let shared: Arc<dyn Clock> = clock.clone();
    let book = Book::open(store.clone(), shared).await.unwrap();
    Desk { store, clock, book }
}

fn entry(who: &str, status: u16) -> Entry {
    Entry { who: who.into(), action: "POST /x".into(), status, address: "127.0.0.1".into(), ..Entry::default() }
}

impl Desk {
    async fn write(&self, rows: usize) {
        for _ in 0..rows {
            self.book.append(entry("user:ada", 200)).await;
        }
    }

    async fn verified(&self) -> Verified {
        verify(&self.book, None).await.unwrap()
    }

    async fn put(&self, kind: &str, key: &str, text: Option<String>) {
        self.store.put_document(kind, key, text.map(Into::into)).await.unwrap();
    }

    async fn row(&self, n: u64) -> String {
        let bytes = self.store.document(ROWS, &key(n)).await.unwrap().unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}

#[tokio::test]
async fn rows_hold_each_other_across_a_restart() {
    let desk = desk().await;
    assert!(desk.verified().await.ok, "an empty book");
    desk.write(3).await;
    let clock: Arc<dyn Clock> = desk.clock.clone();
    let again = Book::open(desk.store.clone(), clock).await.unwrap();
    again.append(entry("user:ben", 201)).await;
    let found = verify(&again, None).await.unwrap();
    assert_eq!((found.ok, found.rows, found.first), (true, 4, Some(1)));
    assert!(found.head.starts_with("4:"), "{}", found.head);
}

#[tokio::test]
async fn rows_of_many_at_once_are_all_there_and_in_one_chain() {
    let desk = desk().await;
    let many = (0..300).map(|_| desk.book.append(entry("token:ci", 200)));
    futures_util::future::join_all(many).await;
    let found = desk.verified().await;
    assert_eq!((found.ok, found.rows), (true, 300));
}

#[tokio::test]
async fn a_row_that_is_changed_moved_or_gone_is_found() {
    let desk = desk().await;
    desk.write(5).await;
    let head = desk.verified().await.head;
    let (third, fourth) = (desk.row(3).await, desk.row(4).await);
    let broken = async |at: u64, why: &str| {
        let found = desk.verified().await;
        assert_eq!((found.ok, found.broken_at), (false, Some(at)), "{why}: {found:?}");
        assert!(found.why.unwrap().contains(why), "{why}");
    };
    desk.put(ROWS, &key(3), Some(third.replace("user:ada", "user:eve"))).await;
    broken(3, "changed").await;
    desk.put(ROWS, &key(3), Some("nonsense".to_owned())).await;
    broken(3, "cannot be read").await;
    desk.put(ROWS, &key(3), None).await;
    broken(3, "missing").await;
    desk.put(ROWS, &key(3), Some(fourth)).await;
    broken(3, "missing").await;
    desk.put(ROWS, &key(3), Some(third)).await;
    assert!(desk.verified().await.ok, "put right again");
    desk.put(ROWS, &key(5), None).await;
    broken(5, "missing at the end").await;

    // Whoever writes the file can make a new chain; a head that was noted elsewhere tells.
    let (n, hash) = head.split_once(':').unwrap();
    let noted = Place { n: n.parse().unwrap(), hash: hash.into(), at_ms: 0 };
    let forged = self::desk().await;
    forged.write(4).await;
    forged.book.append(entry("user:eve", 200)).await;
    assert!(forged.verified().await.ok);
    assert!(!verify(&forged.book, Some(&noted)).await.unwrap().ok);
    let shorter = self::desk().await;
    shorter.write(2).await;
    assert!(!verify(&shorter.book, Some(&noted)).await.unwrap().ok);
}

#[tokio::test]
async fn what_age_takes_leaves_an_anchor_that_the_rest_holds_on_to() {
    let desk = desk().await;
    desk.write(600).await;
    let noted = desk.book.last();
    desk.clock.advance(DAY_MS);
    desk.write(3).await;
    assert_eq!(desk.book.prune(DAY_MS / 2).await.unwrap(), 600);
    let found = desk.verified().await;
    assert_eq!((found.ok, found.rows, found.first), (true, 3, Some(601)));
    assert!(verify(&desk.book, Some(&noted)).await.unwrap().ok, "it was the last one that went");
    assert_eq!(desk.book.anchors().await.unwrap().len(), 2, "one for each commit");
    desk.put(ROWS, &key(601), None).await;
    assert!(!desk.verified().await.ok);
    desk.clock.advance(DAY_MS);
    assert_eq!(desk.book.prune(2 * DAY_MS).await.unwrap(), 2);
    desk.write(1).await;
    assert!(desk.verified().await.ok);
}

#[tokio::test]
async fn a_flood_of_refusals_is_counted_and_not_kept() {
    let desk = desk().await;
    for _ in 0..1_000 {
        desk.book.append(entry("token:ci", 403)).await;
    }
    assert_eq!(desk.book.last().n, u64::from(REFUSALS_A_MINUTE));
    desk.book.append(entry("token:other", 403)).await;
    desk.book.append(entry("token:ci", 200)).await;
    let rows = desk.book.rows_after(u64::from(REFUSALS_A_MINUTE), 10).await.unwrap();
    let left_out: Vec<u64> = rows.iter().map(|(row, ..)| row.entry.left_out).collect();
    assert_eq!(left_out, [0, 970], "of the one who was refused");
    desk.clock.advance(60_000);
    desk.book.append(entry("token:ci", 403)).await;
    assert_eq!(desk.book.last().n, u64::from(REFUSALS_A_MINUTE) + 3);
}

#[tokio::test]
async fn a_row_has_a_size_whatever_a_handler_tells() {
    let desk = desk().await;
    let long = "x".repeat(10_000);
    let entry = Entry {
        before: json!({ "text": long }),
        reason: Some(long.as_str().into()),
        targets: vec![long.as_str().into(); 100],
        ..entry("user:ada", 200)
    };
    desk.book.append(entry).await;
    let text = desk.row(1).await;
    assert!(text.len() < 12_000 && text.contains("\"bytes\":10011"), "{}", text.len());
    assert!(desk.verified().await.ok);
}

#[tokio::test]
async fn a_last_place_that_cannot_be_read_keeps_the_book_closed() {
    let desk = desk().await;
    desk.put(PLACES, LAST, Some("nonsense".to_owned())).await;
    let clock: Arc<dyn Clock> = desk.clock.clone();
    assert!(Book::open(desk.store.clone(), clock).await.is_err());
}

#[test]
fn ids_are_what_stands_in_the_places_of_names() {
    let found = ids("/api/v1/bots/{id}/versions/{version}", "/api/v1/bots/welcome/versions/3f");
    assert_eq!(found, ["welcome".into(), "3f".into()]);
    assert_eq!(ids("/api/v1/bots/{id}", "/api/v1/bots/%77elcome"), ["welcome".into()], "as the handler gets it");
    assert!(ids("/api/v1/bots", "/api/v1/bots").is_empty());
    let one = |route: &str, id: &str| {
        ids(&format!("{route}/{{id}}"), &format!("{route}/{id}")).pop().map(String::from).unwrap_or_default()
    };
    assert_eq!(one("/api/v1/tokens", "par_AbCdEfGh"), "(a secret)", "put in the place of its id by mistake");
    assert_eq!(one("/api/v1/tokens", "%70ar_AbCdEfGh"), "(a secret)");
    for phone in ["447700900123", "+44%207700%20900123"] {
        assert_eq!(one("/api/v1/conversations", phone), "(a phone number)");
        assert_eq!(one("/api/v1/contacts", phone), "(a phone number)");
    }
    assert_eq!(one("/api/v1/numbers", "106540352242922"), "106540352242922", "one of ours");
    assert_eq!(one("/api/v1/users", "u_01KB3J5N1Q8T2C4V6X8Z0A2B4D"), "u_01KB3J5N1Q8T2C4V6X8Z0A2B4D");
}

#[tokio::test]
async fn a_write_that_panics_is_answered_with_its_id_and_is_on_the_trail() {
    let desk = desk().await;
    let book = desk.book.clone();
    let handler = async || -> Response { panic!("broken") };
    let layer = middleware::from_fn(move |request: Request, next: middleware::Next| {
        let (book, call) = (book.clone(), Call::of(&request, Some("/x/{id}"), &Principal::admin("user:ada")));
        async move { recorded(&book, call, next.run(request)).await }
    });
    let router = Router::new().route("/x/{id}", post(handler)).layer(layer).layer(middleware::from_fn(envelope));
    let request = http::Request::post("/x/7").header("x-request-id", "req-7").body(Body::empty()).unwrap();
    let answer = router.oneshot(request).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["x-request-id"]), (500, &"req-7".parse().unwrap()));
    let told: Value = serde_json::from_slice(&to_bytes(answer.into_body(), 10_000).await.unwrap()).unwrap();
    assert_eq!((&told["type"], &told["request_id"]), (&json!("/problems/internal"), &json!("req-7")), "{told}");
    let (row, ..) = desk.book.rows_after(0, 1).await.unwrap().remove(0);
    assert_eq!((row.entry.status, &*row.entry.who, row.entry.targets), (500, "user:ada", vec!["7".into()]));
}

#[tokio::test]
async fn refusals_are_counted_by_caller_and_address_and_brakes_are_always_rows() {
    let desk = desk().await;
    let from = |address: &str| Entry { address: address.into(), ..entry("user:elif", 401) };
    for _ in 0..REFUSALS_A_MINUTE + 5 {
        desk.book.append(from("10.0.0.9")).await;
    }
    assert_eq!(desk.book.last().n, u64::from(REFUSALS_A_MINUTE));
    desk.book.append(from("10.0.0.8")).await;
    assert_eq!(desk.book.last().n, u64::from(REFUSALS_A_MINUTE) + 1, "who guesses hides nobody else's row");
    desk.book.insist(from("10.0.0.9")).await;
    let (row, ..) = desk.book.rows_after(u64::from(REFUSALS_A_MINUTE) + 1, 1).await.unwrap().remove(0);
    assert_eq!((&*row.entry.address, row.entry.left_out), ("10.0.0.9", 5), "a brake says how many were left out");
    for host in 0..REFUSALS_A_MINUTE + 5 {
        desk.book.append(from(&format!("2001:db8:1:2::{host:x}"))).await;
    }
    assert_eq!(desk.book.last().n, 2 * u64::from(REFUSALS_A_MINUTE) + 2, "a network of IPv6 is one address");
}

#[tokio::test]
async fn callers_that_are_too_many_to_be_told_apart_share_their_rows() {
    let desk = desk().await;
    for number in 0..REMEMBERED {
        assert!(desk.book.counts(&entry(&format!("user:{number}"), 401)).is_some());
    }
    let more = (0..100).filter(|number| desk.book.counts(&entry(&format!("token:{number}"), 401)).is_some());
    assert_eq!(more.count(), REFUSALS_A_MINUTE as usize);
}

#[tokio::test]
async fn an_export_that_breaks_ends_with_an_error() {
    let page = async |after: u64| match after {
        0 => Ok((Bytes::from("one"), Some(1))),
        1 => Ok((Bytes::from("two"), Some(2))),
        _ => Err(storage::StoreError::Unavailable("the disk is gone".into())),
    };
    let first = page(0).await.unwrap();
    let pieces: Vec<_> = export::file(first, page).collect().await;
    assert_eq!(pieces.len(), 3);
    assert!(pieces[0].is_ok() && pieces[1].is_ok() && pieces[2].is_err());
}
