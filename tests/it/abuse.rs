//! Requests that no honest client makes: too large, and shaped so that two parsers would disagree.

use std::time::Duration;

use crate::support::raw::{Raw, request, statuses};
use crate::support::{ADA, Setup, World, body, text};

const SOON: Duration = Duration::from_secs(5);

async fn small_door() -> World {
    Setup::default()
        .set("server.max_body_bytes", "4096")
        .set("server.max_buffered_bytes", "8192")
        .set("server.header_timeout", "1s")
        .set("server.body_timeout", "1s")
        .set("server.idle_timeout", "1s")
        .start()
        .await
}

#[tokio::test]
async fn f31_a_body_announced_too_large_is_413_before_a_byte_of_it_is_read() {
    let world = small_door().await;
    for length in ["4097", "104857600", "18446744073709551615"] {
        let mut raw = Raw::connect(&world).await;
        let head = format!("POST /api/webhooks/whatsapp HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
        raw.send(head).await;
        let answer = raw.read_to_end(SOON).await.expect("it closes");
        // The last one is beyond what hyper lets through to us.
        assert!(matches!(*statuses(&answer), [413] | [431]), "{length}: {answer}");
    }
    let body = body(&[text(ADA, "wamid.fits", world.now_ms(), "fits")]);
    assert_eq!(world.post(format!("{body}{}", " ".repeat(4096 - body.len()))).await, 200, "exactly the limit");
    world.end().await;
}

#[tokio::test]
async fn f31_a_chunked_body_is_413_as_soon_as_it_is_too_large() {
    let world = small_door().await;
    let mut raw = Raw::connect(&world).await;
    raw.send("POST /api/webhooks/whatsapp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let chunk = format!("400\r\n{}\r\n", "x".repeat(0x400));
    for _ in 0..5 {
        raw.send(&chunk).await;
    }
    let head = raw.read_head(SOON).await.expect("an answer before the body ends");
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    assert!(head.to_lowercase().contains("connection: close"), "{head}");
    world.end().await;
}

#[tokio::test]
async fn f30_bombs_of_nesting_keys_and_bytes_are_quarantined_if_signed_and_401_if_not() {
    let world = Setup::default().set("server.max_body_bytes", "16777216").start().await;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let around = |inner: &str| body(&[]).replace("\"messages\":[]", &format!("\"messages\":{inner}"));
    let keys: String = (0..100_000).map(|_| r#""object":"whatsapp_business_account","#).collect();
    let bombs: [(&str, Vec<u8>); 9] = [
        ("10 MB of [", "[".repeat(10 << 20).into()),
        ("10 MB of {", "{\"a\":".repeat(2 << 20).into()),
        ("depth 10,000", deep(10_000).into()),
        ("depth 10,000 for messages", around(&deep(10_000)).into()),
        ("duplicate keys", format!("{{{keys}\"entry\":[]}}").into()),
        ("an open string of 10 MB", format!("{{\"object\":\"{}", "x".repeat(10 << 20)).into()),
        ("a number of 1 MB", format!("{{\"object\":{}}}", "9".repeat(1 << 20)).into()),
        ("invalid UTF-8", b"{\"object\":\"\xed\xa0\x80\",\"entry\":[]}".to_vec()),
        ("NUL", b"{\"object\":\"whatsapp_business_account\",\"entry\":[]}\0".to_vec()),
    ];
    for (name, bomb) in &bombs {
        assert_eq!(world.post_signed(bomb.clone(), None).await.status(), 401, "{name}");
        assert_eq!(world.post(bomb.clone()).await, 200, "{name}");
    }
    let kept = world.items("/api/v1/quarantine?limit=200").await;
    assert_eq!(kept.len(), bombs.len(), "one row for each, and none for those that were not signed");
    assert!(kept.iter().all(|row| row["reason"] == "unreadable"), "{kept:?}");
    assert!(world.items("/api/v1/conversations").await.is_empty());
    world.write(ADA, "still here").await;
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: still here"]);
    world.end().await;
}

#[tokio::test]
async fn bytes_in_memory_are_bounded_over_all_callers_and_freed_again() {
    let world = small_door().await;
    let open = "POST /api/webhooks/whatsapp HTTP/1.1\r\nHost: x\r\nContent-Length: 4096\r\n\r\n";
    let mut holding = Vec::new();
    for _ in 0..2 {
        let mut raw = Raw::connect(&world).await;
        raw.send(open).await;
        raw.send([b'x'; 4_090]).await;
        holding.push(raw);
    }
    let crowded = crate::support::until("a 503", async || {
        let answer = world.post_signed(body(&[]), None).await;
        Some(answer).filter(|answer| answer.status() == 503)
    });
    assert_eq!(crowded.await.headers()["retry-after"], "5");
    drop(holding);
    crate::support::until("room again", async || (world.post(body(&[])).await == 200).then_some(())).await;
    world.end().await;
}

#[tokio::test]
async fn callers_who_announce_much_and_send_nothing_take_nothing_from_others() {
    let world = small_door().await;
    let mut idle = Vec::new();
    for _ in 0..50 {
        let mut raw = Raw::connect(&world).await;
        raw.send("POST /api/webhooks/whatsapp HTTP/1.1\r\nHost: x\r\nContent-Length: 4096\r\n\r\n").await;
        idle.push(raw);
    }
    assert_eq!(world.post(body(&[text(ADA, "wamid.honest", world.now_ms(), "hi")])).await, 200);
    drop(idle);
    world.end().await;
}

/// What follows could be read as a request of its own by a careless parser.
const SMUGGLED: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn f39_no_shape_of_framing_yields_a_second_request() {
    let world = small_door().await;
    let length = SMUGGLED.len();
    let chunked = format!("{length:x}\r\n{SMUGGLED}\r\n0\r\n\r\n");
    let post = "POST /api/webhooks/whatsapp HTTP/1.1\r\nHost: x\r\n";
    let shapes = [
        (
            "CL.TE",
            format!("{post}Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}", 5 + length),
        ),
        ("TE.CL", format!("{post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{chunked}")),
        ("two lengths", format!("{post}Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{SMUGGLED}")),
        ("length list", format!("{post}Content-Length: 0, {length}\r\n\r\n{SMUGGLED}")),
        ("plus", format!("{post}Content-Length: +{length}\r\n\r\n{SMUGGLED}")),
        ("negative", format!("{post}Content-Length: -1\r\n\r\n{SMUGGLED}")),
        ("hex length", format!("{post}Content-Length: 0x0\r\n\r\n{SMUGGLED}")),
        ("space before colon", format!("{post}Content-Length : {length}\r\n\r\n{SMUGGLED}")),
        ("TE identity", format!("{post}Transfer-Encoding: identity\r\nContent-Length: {length}\r\n\r\n{SMUGGLED}")),
        ("TE twice", format!("{post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n{chunked}")),
        ("TE x", format!("{post}Transfer-Encoding: xchunked\r\n\r\n{chunked}")),
        ("TE then more", format!("{post}Transfer-Encoding: chunked, x\r\n\r\n{chunked}")),
        ("TE with tab", format!("{post}Transfer-Encoding:\tchunked\r\nContent-Length: 4\r\n\r\n{chunked}")),
        ("obs-fold", format!("{post}Content-Length:\r\n {length}\r\n\r\n{SMUGGLED}")),
        ("fold of a name", format!("{post}X: y\r\n Content-Length: {length}\r\n\r\n{SMUGGLED}")),
        ("bare LF head", format!("{}\n", post.replace("\r\n", "\n"))),
        ("bare CR", format!("{post}X: a\rContent-Length: {length}\r\n\r\n{SMUGGLED}")),
        ("NUL in a value", format!("{post}X: a\0b\r\nContent-Length: {length}\r\n\r\n{SMUGGLED}")),
        ("bad chunk size", format!("{post}Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n{SMUGGLED}")),
        ("huge chunk size", format!("{post}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{SMUGGLED}")),
        ("negative chunk", format!("{post}Transfer-Encoding: chunked\r\n\r\n-1\r\n{SMUGGLED}")),
        ("LF in chunk ext", format!("{post}Transfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n{SMUGGLED}")),
        ("HTTP/1.0 chunked", format!("{}Transfer-Encoding: chunked\r\n\r\n{chunked}", post.replace("1.1", "1.0"))),
        ("HTTP/0.9", format!("GET /healthz\r\n\r\n{SMUGGLED}")),
        ("HTTP/2 preface", format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{SMUGGLED}")),
        ("no version", format!("POST /api/webhooks/whatsapp\r\nContent-Length: {length}\r\n\r\n{SMUGGLED}")),
        (
            "space in path",
            format!("POST /api/webhooks/whatsapp x HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{SMUGGLED}"),
        ),
        ("early close", format!("{post}Content-Length: 400\r\n\r\n{SMUGGLED}")),
    ];
    for (name, bytes) in shapes {
        let mut raw = Raw::connect(&world).await;
        raw.send(bytes).await;
        let answer = raw.read_to_end(SOON).await.unwrap_or_else(|| panic!("{name}: the connection stays open"));
        let codes = statuses(&answer);
        assert!(codes.len() <= 1, "{name}: two answers: {answer}");
        assert!(!codes.contains(&200), "{name}: the smuggled request was answered: {answer}");
    }
    world.write(ADA, "still here").await;
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: still here"]);
    world.end().await;
}

#[tokio::test]
async fn signed_requests_in_a_row_on_one_connection_are_each_answered() {
    let world = small_door().await;
    let one = body(&[text(ADA, "wamid.p1", world.now_ms(), "one")]);
    let two = body(&[text(ADA, "wamid.p2", world.now_ms(), "two")]);
    let chunks = format!("{:x};name=value\r\n{two}\r\n0\r\nTrailer: x\r\n\r\n", two.len());
    let second = request("Transfer-Encoding: chunked\r\nConnection: close\r\n", &two)
        .replace(&format!("\r\n\r\n{two}"), &format!("\r\n\r\n{chunks}"));
    let mut raw = Raw::connect(&world).await;
    raw.send(request(&format!("Content-Length: {}\r\n", one.len()), &one) + &second).await;
    let answers = raw.read_to_end(SOON).await.expect("it closes as asked");
    assert_eq!(statuses(&answers), [200, 200], "{answers}");
    assert_eq!(world.wait_replies(ADA, 2).await, ["1: one", "2: two"]);
    world.end().await;
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let world = small_door().await;
    let many: String = (0..100).map(|at| format!("X-{at}: y\r\n")).collect();
    let long = format!("X: {}\r\n", "y".repeat(64 * 1024));
    let path = format!("/{}", "p".repeat(64 * 1024));
    for (name, bytes) in [
        ("many headers", format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{many}\r\n")),
        ("long header", format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{long}\r\n")),
        ("long path", format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")),
    ] {
        let mut raw = Raw::connect(&world).await;
        raw.send(bytes).await;
        let answer = raw.read_to_end(SOON).await.unwrap_or_else(|| panic!("{name}: the connection stays open"));
        // A reset may overtake the answer.
        assert!(statuses(&answer).iter().all(|code| [400, 414, 431].contains(code)), "{name}: {answer}");
    }
    world.end().await;
}
