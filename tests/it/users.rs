//! Users, logins, tokens and the audit trail, over HTTP as a console and programs use them.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::admin::problem;
use crate::roles::token;
use crate::support::{ADA, ADMIN_TOKEN, NUMBER, Setup, World};

const PASSWORD: &str = "correct horse battery";
const OTHER_PASSWORD: &str = "another horse battery";
const MINUTE_MS: u64 = 60_000;

async fn user(world: &World, name: &str, role: &str) -> Value {
    let body = json!({ "name": name, "role": role, "password": PASSWORD });
    let (status, user) = world.admin_post("/api/v1/users", &body).await;
    assert_eq!(status, 201, "{user}");
    user
}

async fn try_login(world: &World, name: &str, password: &str) -> Response {
    let body = json!({ "name": name, "password": password });
    world.http.post(format!("{}/api/v1/login", world.admin_url())).json(&body).send().await.unwrap()
}

/// The cookie of a login, as a browser sends it back.
async fn log_in(world: &World, name: &str, password: &str) -> String {
    let answer = try_login(world, name, password).await;
    assert_eq!(answer.status(), 200, "{name}");
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

fn ask(world: &World, method: Method, path: &str, cookie: &str) -> RequestBuilder {
    let request = world.http.request(method.clone(), format!("{}{path}", world.admin_url())).header("cookie", cookie);
    if method == Method::GET { request } else { request.header("x-parlance", "1") }
}

async fn status_of(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

async fn change(world: &World, path: &str, body: &Value) -> (u16, Value) {
    let answer = world.admin_call(Method::PATCH, path).json(body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// The first login, without an admin token.
fn nobody_yet() -> Setup {
    Setup::default().set("admin.token", "")
}

async fn set_up(world: &World, secret: &str, password: &str) -> (u16, Value) {
    let body = json!({ "token": secret, "name": "Elif", "password": password });
    let answer = world.http.post(format!("{}/api/v1/setup", world.admin_url())).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_login_is_a_cookie_that_knows_who_it_is_until_it_ends() {
    let mut world = World::start().await;
    user(&world, "Elif", "responder").await;
    let answer = try_login(&world, "ELIF", PASSWORD).await;
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    for word in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "on loopback there is no https");
    let shown: Value = answer.json().await.unwrap();
    assert_eq!((&shown["name"], &shown["role"], shown.get("password")), (&json!("elif"), &json!("responder"), None));

    let cookie = cookie.split(';').next().unwrap().to_owned();
    let me: Value = ask(&world, Method::GET, "/api/v1/me", &cookie).send().await.unwrap().json().await.unwrap();
    assert_eq!((&me["who"], &me["via"], &me["numbers"]), (&json!("user:elif"), &json!("session"), &Value::Null));
    assert!(me["expires_at"].is_string() && me["user"]["last_login_at"].is_string(), "{me}");

    world.restart().await;
    assert_eq!(status_of(ask(&world, Method::GET, "/api/v1/me", &cookie)).await, 200, "it outlasts a restart");
    let second = log_in(&world, "elif", PASSWORD).await;
    assert_eq!(status_of(ask(&world, Method::POST, "/api/v1/logout", &second)).await, 204);
    assert_eq!(status_of(ask(&world, Method::GET, "/api/v1/me", &second)).await, 401);
    world.clock.advance(12 * 60 * MINUTE_MS + 1);
    assert_eq!(status_of(ask(&world, Method::GET, "/api/v1/me", &cookie)).await, 401, "it is over");
    world.end().await;
}

#[tokio::test]
async fn f113_a_form_of_another_page_cannot_write_with_a_session() {
    let world = World::start().await;
    user(&world, "elif", "operator").await;
    let cookie = log_in(&world, "elif", PASSWORD).await;
    let path = format!("/api/v1/numbers/{NUMBER}/pause");
    let url = format!("{}{path}", world.admin_url());
    let own = world.admin_url();
    let write = || world.http.post(&url).header("cookie", &cookie).json(&json!({ "reason": "test" }));
    for forged in [
        write(),
        write().header("origin", "https://evil.example"),
        write().header("x-parlance", "1").header("origin", "https://evil.example"),
        write().header("x-parlance", "1").header("origin", "null"),
        write().header("x-parlance", "1").header("sec-fetch-site", "cross-site"),
        write().header("origin", &own),
    ] {
        let (status, told) = problem(forged.send().await.unwrap()).await;
        assert_eq!((status, &told["type"]), (403, &json!("/problems/csrf")), "{told}");
    }
    assert_eq!(world.admin(&format!("/api/v1/numbers/{NUMBER}")).await["paused"], Value::Null, "no side effect");
    let rows = world.items("/api/v1/audit?who=user:elif&action=/pause").await;
    assert!(rows.len() == 6 && rows.iter().all(|row| row["status"] == 403), "each is on the trail: {rows:?}");
    let login = world.http.post(format!("{own}/api/v1/login")).header("origin", "https://evil.example");
    let login = login.json(&json!({ "name": "elif", "password": PASSWORD }));
    assert_eq!(status_of(login).await, 403, "nor can it log anybody in");

    let right = write().header("x-parlance", "1").header("origin", &own).header("sec-fetch-site", "same-origin");
    assert_eq!(status_of(right).await, 200);
    world.end().await;
}

#[tokio::test]
async fn another_password_and_being_locked_out_end_what_was_open() {
    let world = World::start().await;
    user(&world, "ada", "admin").await;
    user(&world, "elif", "operator").await;
    let (first, second) = (log_in(&world, "elif", PASSWORD).await, log_in(&world, "elif", PASSWORD).await);
    let me = async |cookie: &str| status_of(ask(&world, Method::GET, "/api/v1/me", cookie)).await;

    let own = async |current: &str, new: &str| {
        let body = json!({ "current": current, "new": new });
        status_of(ask(&world, Method::POST, "/api/v1/me/password", &first).json(&body)).await
    };
    assert_eq!(own("not the password", OTHER_PASSWORD).await, 422);
    assert_eq!(own(PASSWORD, "short").await, 422);
    assert_eq!(own(PASSWORD, OTHER_PASSWORD).await, 204);
    assert_eq!((me(&first).await, me(&second).await), (200, 401), "the others end");
    assert_eq!(try_login(&world, "elif", PASSWORD).await.status(), 401);

    // A token of a user is theirs.
    let ada = log_in(&world, "ada", PASSWORD).await;
    let made = ask(&world, Method::POST, "/api/v1/tokens", &ada).json(&json!({ "name": "of-ada", "role": "viewer" }));
    let made: Value = made.send().await.unwrap().json().await.unwrap();
    let of_ada = made["secret"].as_str().unwrap().to_owned();
    let by_token = async || {
        let url = format!("{}/api/v1/me", world.admin_url());
        status_of(world.http.get(url).bearer_auth(&of_ada)).await
    };
    assert_eq!(by_token().await, 200);
    let (status, told) = change(&world, "/api/v1/users/ada", &json!({ "disabled": true })).await;
    assert_eq!((status, &told["type"]), (409, &json!("/problems/last-admin")));
    assert_eq!(change(&world, "/api/v1/users/elif", &json!({ "role": "admin" })).await.0, 200);
    assert_eq!(change(&world, "/api/v1/users/ada", &json!({ "disabled": true, "reason": "left" })).await.0, 200);
    assert_eq!((me(&ada).await, by_token().await), (401, 401));
    assert_eq!(try_login(&world, "ada", PASSWORD).await.status(), 401);
    assert_eq!(change(&world, "/api/v1/users/ada", &json!({ "disabled": false })).await.0, 200);
    assert_eq!((me(&ada).await, by_token().await), (401, 200), "sessions stay ended");
    let gone = world.admin_call(Method::DELETE, "/api/v1/users/ada").send().await.unwrap();
    assert_eq!((gone.status().as_u16(), by_token().await), (204, 401));
    world.end().await;
}

#[tokio::test]
async fn wrong_passwords_are_braked_and_say_nothing_about_names() {
    let world = World::start().await;
    user(&world, "elif", "viewer").await;
    let mut told = Vec::new();
    for (name, password) in [("elif", "wrong password"), ("nobody", PASSWORD), ("elif", ""), ("", "")] {
        let (status, mut answer) = problem(try_login(&world, name, password).await).await;
        answer.as_object_mut().unwrap().remove("request_id");
        assert_eq!(status, 401);
        told.push(answer);
    }
    assert!(told.iter().all(|answer| *answer == told[0]), "{told:?}");
    for _ in told.len()..10 {
        assert_eq!(try_login(&world, "elif", "wrong password").await.status(), 401);
    }
    let answer = try_login(&world, "elif", PASSWORD).await;
    let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((600..=900).contains(&wait), "{wait}");
    assert_eq!(problem(answer).await.0, 429, "this address has had its tries");
    world.clock.advance(15 * MINUTE_MS);
    assert_eq!(try_login(&world, "elif", PASSWORD).await.status(), 200);
    world.end().await;
}

#[tokio::test]
async fn f110_25_wrong_tokens_are_braked_while_the_right_one_works() {
    let world = World::start().await;
    let right = token(&world, "ci", "viewer", None).await;
    let url = format!("{}/api/v1/me", world.admin_url());
    let mut statuses = Vec::new();
    for number in 0..25 {
        let guess = format!("par_{number:043}");
        statuses.push(status_of(world.http.get(&url).bearer_auth(guess)).await);
        assert_eq!(status_of(world.http.get(&url).bearer_auth(&right)).await, 200, "{number}");
    }
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 10, "{statuses:?}");
    assert!(statuses[10..].iter().all(|status| *status == 429), "{statuses:?}");
    let rows = world.items("/api/v1/audit?action=brake").await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&rows[0]["who"], &rows[0]["address"]), (&json!("unknown"), &json!("127.0.0.1")));
    world.end().await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_callers_have_addresses_of_their_own() {
    for (trusted, second) in [("127.0.0.1", 401), ("", 429)] {
        let world = Setup::default().set("admin.trusted_proxies", trusted).start().await;
        let url = format!("{}/api/v1/me", world.admin_url());
        let guess = async |from: &str| {
            status_of(world.http.get(&url).bearer_auth("guess").header("x-forwarded-for", from)).await
        };
        for _ in 0..11 {
            guess("10.0.0.9").await;
        }
        assert_eq!((guess("10.0.0.9").await, guess("10.0.0.8").await), (429, second), "{trusted}");
        let rows = world.items("/api/v1/audit?action=brake").await;
        let address = if trusted.is_empty() { "127.0.0.1" } else { "10.0.0.9" };
        assert_eq!((rows.len(), &rows[0]["address"]), (1, &json!(address)));
        world.end().await;
    }
}

#[tokio::test]
async fn a_token_is_shown_once_and_revoked_at_once() {
    let world = World::start().await;
    let secret = token(&world, "CI", "viewer", Some(&[NUMBER])).await;
    assert!(secret.starts_with("par_") && secret.len() == 47);
    let list = world.admin_raw("/api/v1/tokens").await.text().await.unwrap();
    assert!(!list.contains(&secret) && list.contains("\"ci\""), "{list}");
    let url = format!("{}/api/v1/me", world.admin_url());
    let by = async || status_of(world.http.get(&url).bearer_auth(&secret)).await;
    assert_eq!(by().await, 200);
    let item = world.items("/api/v1/tokens").await.remove(0);
    assert!(
        item["last_used_at"].is_string() && item["prefix"].as_str().is_some_and(|prefix| secret.starts_with(prefix))
    );
    let plan = world.admin_call(Method::DELETE, "/api/v1/tokens/ci?dry_run=true").send().await.unwrap();
    assert_eq!((plan.status().as_u16(), by().await), (200, 200));
    let gone = world.admin_call(Method::DELETE, "/api/v1/tokens/ci").send().await.unwrap();
    assert_eq!((gone.status().as_u16(), by().await), (204, 401));

    let (status, made) =
        world.admin_post("/api/v1/tokens", &json!({ "name": "short", "role": "viewer", "expires_in": "90d" })).await;
    assert_eq!(status, 201, "{made}");
    let short = made["secret"].as_str().unwrap().to_owned();
    assert_eq!(world.admin("/api/v1/status").await["tokens_ending"], json!([]));
    world.clock.advance(76 * 24 * 60 * MINUTE_MS + MINUTE_MS);
    let ending = json!([{ "name": "short", "expires_at": made["expires_at"] }]);
    assert_eq!(world.admin("/api/v1/status").await["tokens_ending"], ending);
    let by_viewer: Value = world
        .http
        .get(format!("{}/api/v1/status", world.admin_url()))
        .bearer_auth(&short)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(by_viewer["tokens_ending"], json!([]), "names of tokens are for admins");
    world.clock.advance(90 * 24 * 60 * MINUTE_MS);
    assert_eq!(status_of(world.http.get(&url).bearer_auth(&short)).await, 401);
    for (body, status) in [
        (json!({ "name": "x", "role": "owner" }), 422),
        (json!({ "name": "x", "role": "viewer", "expires_in": "soon" }), 422),
        (json!({ "name": "x", "role": "viewer", "numbers": ["999"] }), 422),
        (json!({ "name": "x", "role": "admin", "numbers": [NUMBER] }), 422),
        (json!({ "name": "a b", "role": "viewer" }), 422),
        (json!({ "name": "short", "role": "viewer" }), 409),
    ] {
        assert_eq!(world.admin_post("/api/v1/tokens", &body).await.0, status, "{body}");
    }
    world.end().await;
}

#[tokio::test]
async fn what_a_token_made_goes_with_it_and_does_not_outlast_it() {
    let mut world = World::start().await;
    let make = async |world: &World, by: &str, name: &str, expires: Option<&str>| {
        let body = json!({ "name": name, "role": "admin", "expires_in": expires });
        let answer = world.http.post(format!("{}/api/v1/tokens", world.admin_url())).bearer_auth(by).json(&body);
        let answer = answer.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let by = async |world: &World, secret: &Value| {
        status_of(world.http.get(format!("{}/api/v1/me", world.admin_url())).bearer_auth(secret.as_str().unwrap()))
            .await
    };
    let (_, first) = make(&world, ADMIN_TOKEN, "first", Some("10d")).await;
    let by_first = first["secret"].as_str().unwrap();
    assert_eq!(make(&world, by_first, "longer", Some("11d")).await.0, 422);
    let (status, second) = make(&world, by_first, "second", None).await;
    assert_eq!(
        (status, &second["expires_at"], &second["maker"]),
        (201, &first["expires_at"], &first["id"]),
        "{second}"
    );
    let (status, third) = make(&world, second["secret"].as_str().unwrap(), "third", Some("1d")).await;
    assert_eq!((status, &third["maker"]), (201, &second["id"]), "{third}");
    let (_, other) = make(&world, ADMIN_TOKEN, "other", None).await;
    let plan = world.admin_call(Method::DELETE, "/api/v1/tokens/first?dry_run=true").send().await.unwrap();
    assert_eq!(plan.json::<Value>().await.unwrap()["also"], json!(["second", "third"]));
    world.restart().await;
    assert_eq!(world.admin_call(Method::DELETE, "/api/v1/tokens/first").send().await.unwrap().status(), 204);
    for gone in [&first, &second, &third] {
        assert_eq!(by(&world, &gone["secret"]).await, 401, "{}", gone["name"]);
    }
    assert_eq!(by(&world, &other["secret"]).await, 200);
    world.end().await;
}

#[tokio::test]
async fn the_setup_link_makes_one_admin_and_is_used_up() {
    let world = nobody_yet().start().await;
    let secret = world.server().setup.clone().unwrap();
    assert_eq!(set_up(&world, "setup_wrong", PASSWORD).await.0, 403);
    assert_eq!(set_up(&world, &secret, "too short").await.0, 422, "that is no end of the link");
    let (status, made) = set_up(&world, &secret, PASSWORD).await;
    assert_eq!((status, &made["name"], &made["role"]), (201, &json!("elif"), &json!("admin")), "{made}");
    assert_eq!(set_up(&world, &secret, PASSWORD).await.0, 403, "once");
    let cookie = log_in(&world, "elif", PASSWORD).await;
    let rows: Value =
        ask(&world, Method::GET, "/api/v1/audit?action=setup", &cookie).send().await.unwrap().json().await.unwrap();
    let statuses: Vec<_> =
        rows["items"].as_array().unwrap().iter().map(|row| row["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [403, 201, 403, 403], "{rows}");
    world.end().await;
}

#[tokio::test]
async fn the_setup_link_ends_after_half_an_hour_and_is_not_offered_when_somebody_can_get_in() {
    let mut world = nobody_yet().start().await;
    let secret = world.server().setup.clone().unwrap();
    world.clock.advance(30 * MINUTE_MS);
    assert_eq!(set_up(&world, &secret, PASSWORD).await.0, 403);
    world.restart().await;
    let again = world.server().setup.clone().unwrap();
    assert_ne!(again, secret);
    world.set("admin.token", ADMIN_TOKEN);
    world.restart().await;
    assert_eq!(world.server().setup, None, "there is a token");
    world.set("admin.token", "");
    world.set("admin.user", "Noor");
    world.set("admin.password", PASSWORD);
    world.restart().await;
    assert_eq!(world.server().setup, None, "the environment made a user");
    log_in(&world, "noor", PASSWORD).await;
    world.set("admin.password", OTHER_PASSWORD);
    world.restart().await;
    assert_eq!(try_login(&world, "noor", OTHER_PASSWORD).await.status(), 401, "it makes the first one only");
    log_in(&world, "noor", PASSWORD).await;
    world.end().await;
}

#[tokio::test]
async fn every_write_is_on_the_audit_trail_and_no_secret_is() {
    let world = World::start().await;
    user(&world, "elif", "operator").await;
    let viewer = token(&world, "reader", "viewer", None).await;
    let cookie = log_in(&world, "elif", PASSWORD).await;
    let pause = format!("/api/v1/numbers/{NUMBER}/pause");
    let body = json!({ "reason": "maintenance" });
    assert_eq!(
        status_of(ask(&world, Method::POST, &pause, &cookie).json(&body).header("x-request-id", "req-7")).await,
        200
    );
    let url = format!("{}{pause}", world.admin_url());
    assert_eq!(status_of(world.http.post(url).bearer_auth(&viewer).json(&body)).await, 403);
    assert_eq!(change(&world, "/api/v1/users/elif", &json!({ "role": "author", "reason": "moved" })).await.0, 200);
    assert_eq!(change(&world, "/api/v1/users/elif?dry_run=true", &json!({ "role": "admin" })).await.0, 200);

    let rows = world.items("/api/v1/audit").await;
    let short: Vec<_> = rows
        .iter()
        .map(|row| (row["who"].as_str().unwrap(), row["action"].as_str().unwrap(), row["status"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        short,
        [
            ("admin-token", "PATCH /api/v1/users/{id}", 200),
            ("admin-token", "PATCH /api/v1/users/{id}", 200),
            ("token:reader", "POST /api/v1/numbers/{id}/pause", 403),
            ("user:elif", "POST /api/v1/numbers/{id}/pause", 200),
            ("user:elif", "POST /api/v1/login", 200),
            ("admin-token", "POST /api/v1/tokens", 201),
            ("admin-token", "POST /api/v1/users", 201),
        ]
    );
    assert_eq!((&rows[0]["dry_run"], &rows[1]["dry_run"]), (&json!(true), &json!(false)));
    assert_eq!((&rows[1]["before"]["role"], &rows[1]["after"]["role"]), (&json!("operator"), &json!("author")));
    assert_eq!((&rows[1]["reason"], &rows[3]["request_id"]), (&json!("moved"), &json!("req-7")));
    assert_eq!((&rows[3]["targets"], &rows[3]["address"]), (&json!([NUMBER]), &json!("127.0.0.1")));

    let of = async |query: &str| world.items(&format!("/api/v1/audit?{query}")).await.len();
    assert_eq!((of("who=user:elif").await, of("action=/pause").await, of("target=elif").await), (2, 2, 2));
    assert_eq!((of("from=2999-01-01T00:00:00Z").await, of("to=2999-01-01T00:00:00Z").await), (0, 7));
    let page = world.admin("/api/v1/audit?limit=3").await;
    let next = page["next_cursor"].as_str().unwrap();
    let rest = world.items(&format!("/api/v1/audit?limit=200&cursor={next}")).await;
    assert_eq!((page["items"].as_array().unwrap().len(), rest.len()), (3, 4));

    let mark = Sha256::digest(b"audit\x000");
    let before_all = format!("/api/v1/audit?cursor={}0", hex::encode(&mark[..4]));
    assert_eq!(world.admin(&before_all).await, json!({ "items": [], "next_cursor": null }));

    let all = world.admin_raw("/api/v1/audit/export").await.text().await.unwrap();
    assert_eq!(all.lines().count(), 7);
    let csv = world.admin_raw("/api/v1/audit/export?format=csv").await.text().await.unwrap();
    assert!(csv.starts_with("\"n\",\"at\",\"who\"") || csv.starts_with("n,at,who"), "{csv}");
    for secret in [PASSWORD, &viewer, ADMIN_TOKEN, cookie.split('=').nth(1).unwrap(), "argon2"] {
        assert!(!all.contains(secret), "{secret}");
    }
    let found = world.admin("/api/v1/audit/verify").await;
    assert_eq!((&found["ok"], &found["rows"]), (&json!(true), &json!(7)), "{found}");
    let head = found["head"].as_str().unwrap();
    assert_eq!(world.admin(&format!("/api/v1/audit/verify?expect={head}")).await["ok"], true);
    let forged = head.replace(|c: char| c.is_ascii_hexdigit() && c != '7', "0");
    assert_eq!(world.admin(&format!("/api/v1/audit/verify?expect={forged}")).await["ok"], false);
    world.end().await;
}

#[tokio::test]
async fn f114_a_foreign_host_reaches_no_handler_even_with_a_good_token() {
    let world = World::start().await;
    let right = token(&world, "ci", "operator", None).await;
    let rows = world.items("/api/v1/audit").await.len();
    let url = format!("{}/api/v1/numbers/{NUMBER}/pause", world.admin_url());
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost.evil.example"] {
        let write = world.http.post(&url).header("host", host).bearer_auth(&right).json(&json!({ "reason": "x" }));
        assert_eq!(problem(write.send().await.unwrap()).await.0, 421, "{host}");
        for path in ["/api/v1/login", "/healthz", "/api/v1/setup"] {
            let open = world.http.post(format!("{}{path}", world.admin_url())).header("host", host).body("{}");
            assert_eq!(status_of(open).await, 421, "{host} {path}");
        }
    }
    assert_eq!(world.admin(&format!("/api/v1/numbers/{NUMBER}")).await["paused"], Value::Null);
    assert_eq!(world.items("/api/v1/audit").await.len(), rows, "0 handler runs, 0 rows");
    world.end().await;
}

#[tokio::test]
async fn f122_health_has_no_detail_and_metrics_need_a_credential_and_name_nobody() {
    let world = World::start().await;
    world.write(crate::support::ADA, "hello").await;
    world.wait_replies(crate::support::ADA, 1).await;
    for path in ["/healthz", "/readyz"] {
        let answer = world.http.get(format!("{}{path}", world.admin_url())).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.text().await.unwrap().len() < 20, "{path}");
    }
    let metrics = format!("{}/metrics", world.admin_url());
    assert_eq!(status_of(world.http.get(&metrics)).await, 401);
    let viewer = token(&world, "scraper", "viewer", None).await;
    let page = world.http.get(&metrics).bearer_auth(&viewer).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("parlance_") && !page.contains(crate::support::ADA), "no person is a label");
    world.end().await;
}

#[tokio::test]
async fn who_writes_where_another_one_answers_is_told_so_and_may_write_all_the_same() {
    let world = World::start().await;
    user(&world, "elif", "responder").await;
    user(&world, "noor", "responder").await;
    let (elif, noor) = (log_in(&world, "elif", PASSWORD).await, log_in(&world, "noor", PASSWORD).await);
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    let path = format!("/api/v1/conversations/{}", world.conversation(ADA).await["id"].as_str().unwrap());
    let text = json!({ "type": "text", "text": { "body": "hello" } });
    let post = |rest: &str, cookie: &str| ask(&world, Method::POST, &format!("{path}{rest}"), cookie);
    assert_eq!(status_of(post("/takeover", &elif).json(&json!({}))).await, 200);
    let (status, told) = problem(post("/messages", &noor).json(&text).send().await.unwrap()).await;
    assert_eq!((status, &told["type"]), (423, &json!("/problems/owned-by-another")), "{told}");
    assert!(told["owner"] == "user:elif" && told["since"].is_string(), "{told}");
    let anew = json!({ "to": ADA, "message": text });
    let sent = ask(&world, Method::POST, "/api/v1/messages", &noor).json(&anew);
    assert_eq!(status_of(sent).await, 423, "whichever way they take");
    assert_eq!(status_of(post("/messages?force=true", &noor).json(&text)).await, 202);
    assert_eq!(status_of(post("/messages", &elif).json(&text)).await, 202);
    assert_eq!(world.wait_replies(ADA, 3).await.len(), 3);
    world.end().await;
}
