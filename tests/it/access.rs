//! The admin port: who may ask.

use reqwest::{Method, Response};

use crate::admin::problem;
use crate::support::{ADMIN_TOKEN, Setup, World};

const LISTS: [&str; 5] =
    ["/api/v1/conversations", "/api/v1/outbox", "/api/v1/dead-letters", "/api/v1/quarantine", "/api/v1/bots"];

async fn ask(world: &World, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = world.http.get(format!("http://{}{path}", world.server().admin));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn everything_but_health_needs_the_token_before_it_is_routed() {
    let world = World::start().await;
    let paths = LISTS.iter().copied().chain([
        "/metrics",
        "/api/v1/status",
        "/",
        "/no/such/path",
        "/api/v1/conversations/c_x",
        "/api/v1/openapi.json",
    ]);
    for path in paths {
        for headers in [
            &[][..],
            &[("authorization", "Bearer wrong")],
            &[("authorization", "Basic dGVzdDp0ZXN0")],
            &[("authorization", ADMIN_TOKEN)],
        ] {
            let (status, _) = problem(ask(&world, path, headers).await).await;
            assert_eq!(status, 401, "{path} {headers:?}");
            if headers.iter().any(|(_, value)| value.starts_with("Bearer")) {
                // Guesses are counted; see below.
                world.clock.advance(61_000);
            }
        }
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let url = format!("http://{}/api/v1/conversations", world.server().admin);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(world.http.request(method.clone(), &url).send().await.unwrap().status(), 401, "{method}");
        let answer = world.http.request(method.clone(), &url).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
        assert_eq!(problem(answer).await.0, 405, "{method}");
    }
    assert_eq!(problem(world.admin_raw("/no/such/path").await).await.0, 404);
    for path in ["/healthz", "/readyz"] {
        let answer = ask(&world, path, &[]).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert!(answer.text().await.unwrap().len() < 20, "no detail");
    }
    world.end().await;
}

#[tokio::test]
async fn a_foreign_host_is_421_even_with_the_token() {
    let world = Setup::default().set("admin.allowed_hosts", "admin.example, 127.0.0.1").start().await;
    let bearer = format!("Bearer {ADMIN_TOKEN}");
    for host in ["evil.example", "", "127.0.0.1.evil.example", "localhost:1"] {
        for path in ["/api/v1/bots", "/healthz", "/no/such/path"] {
            let answer = ask(&world, path, &[("host", host), ("authorization", &bearer)]).await;
            assert_eq!(problem(answer).await.0, 421, "{host} {path}");
        }
    }
    let port = world.server().admin.port();
    for host in ["admin.example", "ADMIN.example", &format!("admin.example:{port}")] {
        assert_eq!(
            ask(&world, "/api/v1/bots", &[("host", host), ("authorization", &bearer)]).await.status(),
            200,
            "{host}"
        );
    }
    world.end().await;
}

#[tokio::test]
async fn guessing_is_braked_and_the_right_token_is_not() {
    let world = World::start().await;
    let guess = async || ask(&world, "/api/v1/bots", &[("authorization", "Bearer guess")]).await;
    for _ in 0..10 {
        assert_eq!(guess().await.status(), 401);
    }
    for _ in 0..3 {
        let answer = guess().await;
        let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((55..=60).contains(&wait), "{wait}");
        assert_eq!(problem(answer).await.0, 429);
        assert_eq!(world.admin_raw("/api/v1/bots").await.status(), 200);
        assert_eq!(ask(&world, "/api/v1/bots", &[]).await.status(), 401, "no credential is no guess");
    }
    world.clock.advance(61_000);
    assert_eq!(guess().await.status(), 401);
    world.end().await;
}
