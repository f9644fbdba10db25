//! Callers who take their time are let go at their deadlines, and cost the others nothing.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::raw::{Raw, statuses};
use crate::support::{ADA, Setup, World};

/// Far beyond every deadline below.
const MUCH_LATER: Duration = Duration::from_secs(8);

async fn impatient() -> World {
    Setup::default()
        .set("server.header_timeout", "300ms")
        .set("server.body_timeout", "400ms")
        .set("server.idle_timeout", "700ms")
        .start()
        .await
}

#[tokio::test]
async fn f37_a_head_that_dribbles_in_is_cut_off() {
    let world = impatient().await;
    let started = Instant::now();
    let mut raw = Raw::connect(&world).await;
    let (mut taken, mut ticks) = (0, tokio::time::interval(Duration::from_millis(2)));
    for byte in b"GET /healthz HTTP/1.1\r\nHost: a-long-host-name-that-never-ends".iter().cycle() {
        // A closed socket takes a few more bytes before it says so.
        if !raw.send([*byte]).await || started.elapsed() > MUCH_LATER {
            break;
        }
        taken += 1;
        ticks.tick().await;
    }
    assert!(started.elapsed() >= Duration::from_millis(290), "{:?}", started.elapsed());
    assert!(started.elapsed() < MUCH_LATER, "{taken} bytes were taken");
    world.end().await;
}

#[tokio::test]
async fn a_body_that_never_comes_is_408_and_closed() {
    let world = impatient().await;
    let mut raw = Raw::connect(&world).await;
    raw.send("POST /api/webhooks/whatsapp HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"obj").await;
    let answer = raw.read_to_end(MUCH_LATER).await.expect("it closes");
    assert_eq!(statuses(&answer), [408], "{answer}");
    world.end().await;
}

#[tokio::test]
async fn a_silent_connection_is_closed_and_a_kept_alive_one_may_be_used_until_then() {
    let world = impatient().await;
    let mut silent = Raw::connect(&world).await;
    let mut kept = Raw::connect(&world).await;
    for _ in 0..3 {
        kept.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let head = kept.read_head(MUCH_LATER).await.unwrap_or_default();
        assert!(head.contains("200 OK"), "{head}");
        let mut ok = [0; 2];
        tokio::io::AsyncReadExt::read_exact(&mut kept.stream, &mut ok).await.unwrap();
    }
    assert_eq!(silent.read_to_end(MUCH_LATER).await.as_deref(), Some(""));
    assert_eq!(kept.read_to_end(MUCH_LATER).await.as_deref(), Some(""));
    world.end().await;
}

#[tokio::test]
async fn a_caller_who_never_reads_is_closed_and_does_not_hold_up_the_end() {
    let world = impatient().await;
    let mut raw = Raw::connect(&world).await;
    let started = Instant::now();
    let many = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    // Pipelined without reading: the answers fill both buffers, then nothing moves.
    while started.elapsed() < MUCH_LATER {
        match tokio::time::timeout(Duration::from_secs(3), raw.send(&many)).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => panic!("the connection is neither read nor closed"),
        }
    }
    assert!(started.elapsed() < MUCH_LATER);
    world.end().await;
}

#[tokio::test]
async fn two_hundred_slow_callers_do_not_keep_a_message_waiting() {
    let world = impatient().await;
    let mut slow = Vec::new();
    for at in 0..200 {
        let mut raw = Raw::connect(&world).await;
        raw.send(if at % 2 == 0 {
            "POST /api/web"
        } else {
            "POST /api/webhooks/whatsapp HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
        })
        .await;
        slow.push(raw);
    }
    world.write(ADA, "hello").await;
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: hello"]);
    for mut raw in slow {
        assert!(raw.read_to_end(MUCH_LATER).await.is_some(), "it is closed");
    }
    world.end().await;
}

#[tokio::test]
async fn f38_a_newcomer_is_served_where_silent_connections_have_all_places_and_who_asks_keeps_theirs() {
    let world = Setup::default().set("server.max_connections", "8").set("server.idle_timeout", "60s").start().await;
    let mut asks = Raw::connect(&world).await;
    asks.send("POST /api/webhooks/whatsapp HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{").await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(Raw::connect(&world).await);
    }
    world.write(ADA, "hello").await;
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: hello"]);
    assert_eq!(silent[0].read_to_end(MUCH_LATER).await.as_deref(), Some(""), "the first one made room");
    asks.send("       }").await;
    let head = asks.read_head(MUCH_LATER).await.unwrap_or_default();
    assert_eq!(statuses(&head), [401], "{head}");
    world.end().await;
}
