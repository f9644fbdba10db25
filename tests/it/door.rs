//! The front door's contract: verification, signatures, paths.

use std::time::Duration;

use reqwest::Method;

use crate::support::raw::{Raw, statuses};
use crate::support::{ADA, OLD_SECRET, SECRET, Setup, VERIFY_TOKEN, World, body, signature, text};

const SOON: Duration = Duration::from_secs(5);
const CHALLENGE: &str = "<script>alert('1')</script> & 100%";

async fn verify(world: &World, query: &[(&str, &str)]) -> reqwest::Response {
    let url = url::Url::parse_with_params(&world.webhook_url(), query).unwrap();
    world.http.get(url).send().await.unwrap()
}

fn right() -> [(&'static str, &'static str); 3] {
    [("hub.mode", "subscribe"), ("hub.verify_token", VERIFY_TOKEN), ("hub.challenge", CHALLENGE)]
}

#[tokio::test]
async fn f36_the_challenge_comes_back_as_plain_text_whatever_it_holds() {
    let world = World::start().await;
    let answer = verify(&world, &right()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.text().await.unwrap(), CHALLENGE);

    let encoded = "hub.mode=subscribe&hub%2Everify_token=test%2Dverify-token&hub.challenge=1%2B1%20a+b%253C&x=y";
    let answer = world.http.get(format!("{}?{encoded}", world.webhook_url())).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "1+1 a b%3C"), "decoded once");
    world.end().await;
}

#[tokio::test]
async fn f36_a_verification_that_is_not_right_in_every_part_is_403() {
    let world = World::start().await;
    for (at, wrong) in [(0, "unsubscribe"), (0, ""), (1, "wrong"), (1, ""), (1, "test-verify-token ")] {
        let mut query = right();
        query[at].1 = wrong;
        let answer = verify(&world, &query).await;
        assert_eq!(answer.status(), 403, "{query:?}");
        assert!(!answer.text().await.unwrap().contains("alert"), "{query:?}");
    }
    for missing in 0..3 {
        let query: Vec<_> = right().into_iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, q)| q).collect();
        assert_eq!(verify(&world, &query).await.status(), 403, "{query:?}");
    }
    assert_eq!(verify(&world, &[]).await.status(), 403);
    world.end().await;
}

#[tokio::test]
async fn a_signed_body_is_answered_with_success_and_stored() {
    let world = World::start().await;
    let hello = body(&[text(ADA, "wamid.door", world.now_ms(), "hello")]);
    let answer = world.post_signed(hello.clone(), Some(&signature(SECRET, hello.as_bytes()))).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.text().await.unwrap(), r#"{"success":true}"#);
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: hello"]);

    for empty in [r#"{"object":"whatsapp_business_account","entry":[]}"#, &body(&[])] {
        assert_eq!(world.post(empty).await, 200, "{empty}");
    }
    world.end().await;
}

#[tokio::test]
async fn f32_every_wrong_signature_is_401_and_stores_nothing() {
    let world = World::start().await;
    let hello = body(&[text(ADA, "wamid.forged", world.now_ms(), "hello")]);
    let rows = world.server().store().stats().rows;
    let good = signature(SECRET, hello.as_bytes());
    let digits = good.strip_prefix("sha256=").unwrap();
    let short: String = good.chars().take(70).collect();
    let with_sha1 = format!("sha1={}", "0".repeat(40));
    let wrong = [
        None,
        Some(String::new()),
        Some(digits.to_owned()),
        Some("sha256=".to_owned()),
        Some(short),
        Some(format!("{good}0")),
        Some(format!("{good}, {good}")),
        Some(good.replace("sha256=", "sha256= ")),
        Some(good.replace("sha256", "SHA256")),
        Some(good.replace("sha256", "sha1")),
        Some(with_sha1.clone()),
        Some(format!("{with_sha1},{good}")),
        Some(format!("{good},{with_sha1}")),
        Some(format!("sha256={good}")),
        Some(format!("sha256={}", "z".repeat(64))),
        Some(format!("sha256={}", "0".repeat(64))),
        Some(signature("another secret", hello.as_bytes())),
        Some(signature("", hello.as_bytes())),
        Some(signature(SECRET, b"another body")),
        Some(signature(OLD_SECRET, hello.as_bytes())),
    ];
    for header in wrong {
        let answer = world.post_signed(hello.clone(), header.as_deref()).await;
        assert_eq!(answer.status(), 401, "{header:?}");
        let said = answer.text().await.unwrap();
        assert!(said.contains("X-Hub-Signature-256") && !said.contains(digits), "{said}");
    }
    assert_eq!(world.server().store().stats().rows, rows, "nothing was written");
    assert!(world.items("/api/v1/conversations").await.is_empty());
    assert!(world.items("/api/v1/quarantine").await.is_empty());
    let failures = "parlance_webhook_signature_failures_total";
    assert_eq!(world.metric(&format!("{failures}{{reason=\"missing\"}}")).await, 1.0);
    assert_eq!(world.metric(&format!("{failures}{{reason=\"mismatch\"}}")).await, 5.0);
    world.end().await;
}

#[tokio::test]
async fn f32_upper_case_hex_is_taken() {
    let world = World::start().await;
    let hello = body(&[text(ADA, "wamid.upper", world.now_ms(), "hello")]);
    let good = signature(SECRET, hello.as_bytes());
    let upper = format!("sha256={}", good.strip_prefix("sha256=").unwrap().to_uppercase());
    assert_eq!(world.post_signed(hello, Some(&upper)).await.status(), 200);
    world.end().await;
}

#[tokio::test]
async fn f34_during_a_rotation_both_secrets_sign_and_afterwards_only_the_new_one() {
    let mut world = Setup::default().set("whatsapp.app_secret_previous", OLD_SECRET).start().await;
    for (wamid, secret) in [("wamid.new", SECRET), ("wamid.old", OLD_SECRET)] {
        let hello = body(&[text(ADA, wamid, world.now_ms(), "hello")]);
        let answer = world.post_signed(hello.clone(), Some(&signature(secret, hello.as_bytes()))).await;
        assert_eq!(answer.status(), 200, "{secret}");
    }
    world.wait_replies(ADA, 2).await;
    assert_eq!(world.metric("parlance_webhook_signed_by_total{key=\"previous\"}").await, 1.0);

    world.set("whatsapp.app_secret_previous", "");
    world.restart().await;
    let late = body(&[text(ADA, "wamid.late", world.now_ms(), "hello")]);
    let answer = world.post_signed(late.clone(), Some(&signature(OLD_SECRET, late.as_bytes()))).await;
    assert_eq!(answer.status(), 401);
    world.end().await;
}

#[tokio::test]
async fn other_methods_are_405_and_other_paths_404() {
    let world = World::start().await;
    let ask = async |method: &str, path: &str| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = world.http.request(method, world.url(path)).send().await.unwrap();
        let allow = answer.headers().get("allow").map(|allow| allow.to_str().unwrap().to_owned());
        (answer.status().as_u16(), allow)
    };
    let webhook = "/api/webhooks/whatsapp";
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "BREW"] {
        assert_eq!(ask(method, webhook).await, (405, Some("GET, POST".into())), "{method}");
    }
    assert_eq!(ask("GET", "/healthz").await, (200, None));
    assert_eq!(ask("POST", "/healthz").await, (405, Some("GET, HEAD".into())));
    for path in [
        "/",
        "/api/webhooks/whatsapp/",
        "/api/webhooks",
        "/API/webhooks/whatsapp",
        "/api/v1/status",
        "/metrics",
        "/readyz",
        "/api/webhooks/%77hatsapp",
    ] {
        for method in ["GET", "POST"] {
            assert_eq!(ask(method, path).await, (404, None), "{method} {path}");
        }
    }
    world.end().await;
}

#[tokio::test]
async fn an_answer_never_names_the_software() {
    let world = World::start().await;
    let answer = world.http.get(world.url("/healthz")).send().await.unwrap();
    assert_eq!(answer.headers().get("server"), None);
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    world.end().await;
}

#[tokio::test]
async fn f40_the_door_speaks_no_http_2() {
    let world = World::start().await;
    // A frame of settings, and one that opens a stream and never ends its headers.
    let frames = b"\0\0\0\x04\0\0\0\0\0\0\0\x04\x01\0\0\0\0\x01\x82\x86\x84\x41".repeat(64);
    let mut prior = Raw::connect(&world).await;
    prior.send([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frames].concat()).await;
    let answer = prior.read_to_end(SOON).await.expect("it closes");
    assert!(statuses(&answer).iter().all(|status| *status >= 400), "{answer}");

    let mut upgrade = Raw::connect(&world).await;
    let asks = "Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    upgrade.send(format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{asks}\r\n")).await;
    let answer = upgrade.read_to_end(SOON).await.expect("it closes");
    assert_eq!(statuses(&answer), [200], "as if nobody had asked: {answer}");
    assert!(!answer.to_lowercase().contains("upgrade: h2c"), "{answer}");
    world.end().await;
}
