//! Who is let in, by requests as the guard sees them.

use axum::body::Body;
use storage::Model;

use super::*;
use crate::admin::principal::Via;

const HOST: &str = "127.0.0.1:8081";
const HOUR_MS: u64 = 3_600_000;

async fn access(open_on_loopback: bool) -> Access {
    let settings = Settings {
        token: Some("right-token".into()),
        open_on_loopback,
        hosts: allowed_hosts(&[], HOST.parse().unwrap()),
        login_ttl_ms: 12 * HOUR_MS,
    };
    Access::new(settings, Arc::new(Directory::load(Model::new()).await.unwrap()))
}

fn request(host: &str, path: &str, token: Option<&str>, peer: &str) -> Request {
    let mut builder = http::Request::builder().uri(path).header("host", host);
    if let Some(token) = token {
        builder = builder.header("authorization", format!("Bearer {token}"));
    }
    let mut request = builder.body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer(format!("{peer}:5000").parse().unwrap()));
    request
}

fn who(checked: Result<Option<Principal>, Denied>) -> Result<String, Denied> {
    checked.map(|principal| principal.map_or("anybody".to_owned(), |principal| principal.who.into()))
}

fn token_of(role: Role, name: &str) -> NewToken {
    NewToken {
        name: name.to_owned(),
        role,
        numbers: None,
        expires_ms: None,
        owner: None,
        created_by: "admin-token".into(),
        maker: None,
    }
}

fn user_of(role: Role, name: &str) -> NewUser {
    NewUser { name: name.to_owned(), role, numbers: None, password: "no hash".into() }
}

#[tokio::test]
async fn a_foreign_host_is_refused_even_with_the_right_token() {
    let open = access(true).await;
    let denied = open.check(&request("evil.example", "/api/v1/status", Some("right-token"), "127.0.0.1"), 0);
    assert_eq!(denied, Err(Denied::Host));
    let strict = access(false).await;
    assert_eq!(strict.check(&request("LOCALHOST:8081", "/healthz", None, "127.0.0.1"), 0), Ok(None));
}

#[tokio::test]
async fn everything_but_health_and_the_ways_in_needs_a_credential() {
    let access = access(false).await;
    for path in ["/metrics", "/api/v1/status", "/no/such/path", "/healthz/x", "/api/v1/login/x", "/api/v1/me"] {
        assert_eq!(access.check(&request(HOST, path, None, "127.0.0.1"), 0), Err(Denied::Credential), "{path}");
        let right = access.check(&request(HOST, path, Some("right-token"), "10.0.0.9"), 0);
        assert_eq!(who(right), Ok("admin-token".into()), "{path}");
    }
    for path in OPEN {
        assert_eq!(access.check(&request(HOST, path, None, "10.0.0.9"), 0), Ok(None), "{path}");
    }
}

#[tokio::test]
async fn guessing_is_braked_while_the_right_token_still_works() {
    let access = access(false).await;
    let (_, secret) = access.directory.create_token(token_of(Role::Viewer, "ci"), 0).await.unwrap();
    let guess = |now_ms| access.check(&request(HOST, "/x", Some("guess"), "10.0.0.9"), now_ms);
    for _ in 0..brake::FREE_TRIES {
        assert_eq!(guess(1_000), Err(Denied::Credential));
    }
    assert_eq!(guess(1_000), Err(Denied::Braked { seconds: 60, first: true }));
    for _ in 0..14 {
        assert_eq!(guess(31_000), Err(Denied::Braked { seconds: 30, first: false }));
    }
    for right in ["right-token", &secret] {
        assert!(access.check(&request(HOST, "/x", Some(right), "10.0.0.9"), 2_000).is_ok());
    }
    assert_eq!(access.check(&request(HOST, "/x", Some("guess"), "10.0.0.8"), 2_000), Err(Denied::Credential));
    assert_eq!(guess(62_000), Err(Denied::Credential));
}

#[tokio::test]
async fn f110_no_guess_of_many_is_right_and_the_good_token_works_all_along() {
    let access = access(false).await;
    let (_, secret) = access.directory.create_token(token_of(Role::Admin, "ci"), 0).await.unwrap();
    let mut beginning = secret.clone();
    beginning.pop();
    for number in 0..100_000_u32 {
        let guess = match number % 4 {
            0 => secret::token(),
            1 => format!("{beginning}{}", char::from(b'!' + (number % 90) as u8)),
            2 => format!("{secret}{number}"),
            _ => format!("right-token{number}"),
        };
        if guess == secret {
            continue;
        }
        let peer = format!("10.{}.{}.7", number % 200, number % 7);
        let denied = access.check(&request(HOST, "/x", Some(&guess), &peer), u64::from(number));
        assert!(matches!(denied, Err(Denied::Credential | Denied::Braked { .. })), "{number}");
        if number % 1_000 == 0 {
            assert!(access.check(&request(HOST, "/x", Some(&secret), &peer), u64::from(number)).is_ok(), "{number}");
        }
    }
}

#[tokio::test]
async fn a_page_of_another_origin_may_not_use_the_open_loopback() {
    let access = access(true).await;
    let from = |origin: &str, token: Option<&str>| {
        let mut request = request(HOST, "/api/v1/numbers/1/pause", token, "127.0.0.1");
        request.headers_mut().insert(header::ORIGIN, origin.parse().unwrap());
        who(access.check(&request, 0))
    };
    for origin in ["https://evil.example", "null", "http://127.0.0.1.evil.example:8081", "http://localhost:9999", ""] {
        assert_eq!(from(origin, None), Err(Denied::Origin), "{origin}");
    }
    for origin in ["http://127.0.0.1:8081", "http://localhost:8081"] {
        assert_eq!(from(origin, None), Ok("loopback".into()), "{origin}");
    }
    assert!(from("https://console.example", Some("right-token")).is_ok(), "a page cannot know the token");
}

#[tokio::test]
async fn in_dev_loopback_needs_no_token_but_others_do() {
    let access = access(true).await;
    assert_eq!(who(access.check(&request(HOST, "/x", None, "127.0.0.1"), 0)), Ok("loopback".into()));
    assert_eq!(access.check(&request(HOST, "/x", None, "10.0.0.9"), 0), Err(Denied::Credential));
}

#[tokio::test]
async fn a_token_ends_when_it_is_over_revoked_or_its_owner_lost_what_it_may() {
    let access = access(false).await;
    let directory = &access.directory;
    let admin = directory.create_user(user_of(Role::Admin, "ada"), 0).await.unwrap();
    directory.create_user(user_of(Role::Admin, "eve"), 0).await.unwrap();
    let mut of_ada = token_of(Role::Operator, "of-ada");
    of_ada.owner = Some(admin.id.clone());
    let (_, of_ada) = directory.create_token(of_ada, 0).await.unwrap();
    let mut short = token_of(Role::Viewer, "short");
    short.expires_ms = Some(1_000);
    let (_, short) = directory.create_token(short, 0).await.unwrap();
    let works = |secret: &str, now_ms| directory.by_token(secret, now_ms).is_some();
    assert!(works(&short, 999) && !works(&short, 1_000));

    let disabled = |disabled| UserChange { disabled: Some(disabled), ..UserChange::default() };
    let role = |role| UserChange { role: Some(role), ..UserChange::default() };
    for (change, expected) in
        [(disabled(true), false), (disabled(false), true), (role(Role::Author), false), (role(Role::Operator), true)]
    {
        directory.change_user("ada", &change, None, 1).await.unwrap();
        assert_eq!(works(&of_ada, 1), expected);
    }
    let numbers = Some(Some(vec!["700".into()]));
    directory.change_user("ada", &UserChange { numbers, ..UserChange::default() }, None, 1).await.unwrap();
    assert!(!directory.by_token(&of_ada, 1).unwrap().sees("800"), "no more than its owner");
    directory.delete_user("ada").await.unwrap();
    assert!(!works(&of_ada, 1));

    let (token, secret) = directory.create_token(token_of(Role::Viewer, "ci"), 0).await.unwrap();
    assert!(works(&secret, 0));
    directory.revoke_token(&token.id).await.unwrap();
    assert!(!works(&secret, 0));
}

#[tokio::test]
async fn somebody_can_always_let_others_in() {
    let access = access(false).await;
    let directory = &access.directory;
    directory.create_user(user_of(Role::Admin, "Ada"), 0).await.unwrap();
    directory.create_user(user_of(Role::Viewer, "ben"), 0).await.unwrap();
    let last = |result: Result<(), DirectoryError>| assert!(matches!(result, Err(DirectoryError::LastAdmin(_))));
    let role = UserChange { role: Some(Role::Operator), ..UserChange::default() };
    let disabled = UserChange { disabled: Some(true), ..UserChange::default() };
    last(directory.delete_user("ada").await.map(drop));
    last(directory.change_user("ada", &role, None, 0).await.map(drop));
    last(directory.change_user("ada", &disabled, None, 0).await.map(drop));
    let admin = UserChange { role: Some(Role::Admin), ..UserChange::default() };
    directory.change_user("ben", &admin, None, 0).await.unwrap();
    directory.change_user("ada", &disabled, None, 0).await.unwrap();
    last(directory.delete_user("ben").await.map(drop));
    directory.delete_user("ada").await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_a_user_or_a_token_is_refused() {
    let access = access(false).await;
    let directory = &access.directory;
    for name in ["", "a b", "ünal", &"x".repeat(65), "user:x"] {
        let made = directory.create_user(user_of(Role::Viewer, name), 0).await;
        assert!(matches!(made, Err(DirectoryError::Invalid(_))), "{name}");
    }
    directory.create_user(user_of(Role::Viewer, "Ada"), 0).await.unwrap();
    let twin = directory.create_user(user_of(Role::Viewer, "aDA"), 0).await;
    assert!(matches!(twin, Err(DirectoryError::Taken("user", name)) if &*name == "ada"));
    directory.create_token(token_of(Role::Viewer, "ci"), 0).await.unwrap();
    let twin = directory.create_token(token_of(Role::Viewer, "CI"), 0).await;
    assert!(matches!(twin, Err(DirectoryError::Taken("token", _))));
    for (role, numbers) in [(Role::Admin, vec!["700".into()]), (Role::Viewer, Vec::new())] {
        let made = directory.create_token(NewToken { numbers: Some(numbers), ..token_of(role, "x") }, 0).await;
        assert!(matches!(made, Err(DirectoryError::Invalid(_))));
    }
    let over = directory.create_token(NewToken { expires_ms: Some(5), ..token_of(Role::Viewer, "x") }, 5).await;
    assert!(matches!(over, Err(DirectoryError::Invalid(_))));
}

#[tokio::test]
async fn users_tokens_and_sessions_outlast_a_restart_and_are_no_secrets_in_the_store() {
    let store: Arc<dyn storage::Store> = Model::new();
    let before = Directory::load(store.clone()).await.unwrap();
    let user = before.create_user(user_of(Role::Operator, "ada"), 0).await.unwrap();
    let (_, token) = before.create_token(token_of(Role::Viewer, "ci"), 0).await.unwrap();
    let session = before.open_session(&user, "127.0.0.1", 0, HOUR_MS).await.unwrap().unwrap();
    let ended = before.open_session(&user, "127.0.0.1", 0, 1_000).await.unwrap().unwrap();
    before.by_token(&token, 90_000);
    before.tidy(120_000).await.unwrap();
    let after = Directory::load(store.clone()).await.unwrap();
    assert_eq!(after.by_session(&session, HOUR_MS - 1).map(|who| who.via), Some(Via::Session));
    assert_eq!(after.by_session(&session, HOUR_MS), None);
    assert_eq!(after.by_token(&token, 0).map(|who| who.who), Some("token:ci".into()));
    assert_eq!(after.token("ci").unwrap().last_used_ms, Some(90_000));
    assert_eq!(store.documents(records::SESSIONS).await.unwrap().len(), 1, "what is over is gone");
    for kind in [records::USERS, records::TOKENS, records::SESSIONS] {
        for (key, value) in store.documents(kind).await.unwrap() {
            let text = format!("{key} {}", String::from_utf8_lossy(&value));
            assert!(![&token, &session, &ended].into_iter().any(|secret| text.contains(secret.as_str())), "{text}");
        }
    }
}

#[tokio::test]
async fn the_oldest_login_ends_when_there_are_too_many() {
    let access = access(false).await;
    let user = access.directory.create_user(user_of(Role::Operator, "ada"), 0).await.unwrap();
    let mut secrets = Vec::new();
    for at_ms in 0..21 {
        secrets.push(access.directory.open_session(&user, "127.0.0.1", at_ms, HOUR_MS).await.unwrap().unwrap());
    }
    assert_eq!(access.directory.by_session(&secrets[0], 30), None);
    assert!(access.directory.by_session(&secrets[1], 30).is_some());
}

#[tokio::test]
async fn f113_a_session_writes_only_from_its_own_pages() {
    let access = access(false).await;
    let user = access.directory.create_user(user_of(Role::Operator, "ada"), 0).await.unwrap();
    let secret = access.directory.open_session(&user, "127.0.0.1", 0, HOUR_MS).await.unwrap().unwrap();
    let ask = |method: Method, headers: &[(&'static str, &str)]| {
        let mut request = request(HOST, "/api/v1/numbers/1/pause", None, "10.0.0.9");
        *request.method_mut() = method;
        let cookie = format!("other=1; {COOKIE}={secret}");
        request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        who(access.check(&request, 1))
    };
    let (get, post, own) = (Method::GET, Method::POST, "http://127.0.0.1:8081");
    let right = Ok("user:ada".to_owned());
    assert_eq!(ask(get.clone(), &[]), right);
    assert_eq!(ask(post.clone(), &[("x-parlance", "1")]), right, "no browser");
    let browser = [("x-parlance", "1"), ("origin", own), ("sec-fetch-site", "same-origin")];
    assert_eq!(ask(post, &browser), right);
    for forged in [
        &[][..],
        &[("origin", own)],
        &[("x-parlance", "0")],
        &[("x-parlance", "1"), ("origin", "https://evil.example")],
        &[("x-parlance", "1"), ("origin", "null")],
        &[("x-parlance", "1"), ("sec-fetch-site", "cross-site")],
        &[("x-parlance", "1"), ("sec-fetch-site", "same-site")],
    ] {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(matches!(ask(method, forged), Err(Denied::Csrf(_))), "{forged:?}");
        }
    }
    assert!(matches!(ask(get, &[("origin", "https://evil.example")]), Err(Denied::Csrf(_))));
}

#[tokio::test]
async fn a_page_of_elsewhere_logs_nobody_in() {
    let access = access(false).await;
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let mut request = request(HOST, "/api/v1/login", None, "10.0.0.9");
        *request.method_mut() = Method::POST;
        request.headers_mut().insert(name, value.parse().unwrap());
        assert_eq!(access.check(&request, 0), Err(Denied::Origin), "{name}");
    }
}

#[tokio::test]
async fn cookies_are_for_https_unless_the_name_is_this_machine() {
    let access = access(false).await;
    let cookie = |host: &str, secret| {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        access.session_cookie(&headers, secret)
    };
    let (name, rest) = (format!("{COOKIE}=abc"), "HttpOnly; SameSite=Strict; Path=/; Max-Age=43200");
    for host in ["localhost:8081", "127.0.0.1", "[::1]:8081", "[::1]"] {
        assert_eq!(cookie(host, Some("abc")), format!("{name}; {rest}"), "{host}");
    }
    for host in ["admin.example", "10.0.0.1:8081", "localhost.example"] {
        assert_eq!(cookie(host, Some("abc")), format!("{name}; {rest}; Secure"), "{host}");
    }
    assert!(cookie("localhost", None).contains("=; HttpOnly") && cookie("localhost", None).contains("Max-Age=0"));
}

#[test]
fn a_proxy_that_is_trusted_says_who_calls_and_nobody_else_does() {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let (near, far) = (address("127.0.0.1"), address("10.0.0.1"));
    let of = |values: &[&str], peer: &str, trusted: &[IpAddr]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        forwarded(&headers, address(peer), trusted)
            .and_then(|Forwarded(client)| client)
            .map(|client| client.to_string())
    };
    let told = |text: &str| Some(text.to_owned());
    assert_eq!(of(&["1.2.3.4"], "127.0.0.1", &[]), None, "nobody is trusted");
    assert_eq!(of(&["1.2.3.4"], "10.9.9.9", &[near]), None, "another one speaks");
    assert_eq!(of(&["1.2.3.4"], "127.0.0.1", &[near]), told("1.2.3.4"));
    assert_eq!(
        of(&["127.0.0.1, 9.9.9.9, 1.2.3.4"], "127.0.0.1", &[near]),
        told("1.2.3.4"),
        "invented ones stand before"
    );
    assert_eq!(of(&["1.2.3.4, 10.0.0.1"], "127.0.0.1", &[near, far]), told("1.2.3.4"), "two proxies");
    assert_eq!(of(&["9.9.9.9", "1.2.3.4"], "127.0.0.1", &[near]), told("1.2.3.4"), "two headers");
    assert_eq!(of(&["::ffff:1.2.3.4"], "::ffff:127.0.0.1", &[near]), told("1.2.3.4"));
    for nothing in [&[][..], &["unknown"], &[""], &["1.2.3.4, nonsense"]] {
        assert_eq!(of(nothing, "127.0.0.1", &[near]), None, "{nothing:?}");
    }
}

/// A request as it comes from a peer, with these lines of `X-Forwarded-For`.
fn passed_on(lines: &[&[u8]], peer: &str, trusted: &str) -> Request {
    let mut request = request(HOST, "/x", None, peer);
    for line in lines {
        request.headers_mut().append(FORWARDED, http::HeaderValue::from_bytes(line).unwrap());
    }
    let peer = SocketAddr::new(peer.parse().unwrap(), 5000);
    note_origin(&mut request, peer, &[trusted.parse().unwrap()]);
    request
}

#[test]
fn a_hop_that_is_no_text_hides_no_other_and_is_nobodys_address() {
    let of = |lines: &[&[u8]]| address(&passed_on(lines, "127.0.0.1", "127.0.0.1")).to_string();
    assert_eq!(of(&[b"\xff, 1.2.3.4"]), "1.2.3.4");
    assert_eq!(of(&[b"9.9.9.9, \xff\xfe,1.2.3.4 , 127.0.0.1"]), "1.2.3.4");
    assert_eq!(of(&[b"\xff", b"9.9.9.9, \xff", b"1.2.3.4"]), "1.2.3.4");
    assert_eq!(of(&[b"9.9.9.9, \xff"]), "127.0.0.1", "what stands before it may be an invention");
    assert_eq!(of(&[b"9.9.9.9", b"1.2.3.\xff4"]), "127.0.0.1");
}

#[test]
fn several_lines_are_one_list_in_their_order() {
    let of = |lines: &[&[u8]]| address(&passed_on(lines, "127.0.0.1", "127.0.0.1")).to_string();
    assert_eq!(of(&[b"9.9.9.9, 8.8.8.8", b"1.2.3.4"]), "1.2.3.4");
    assert_eq!(of(&[b"9.9.9.9, 1.2.3.4", b"127.0.0.1"]), "1.2.3.4", "the last line is the proxy's own address");
    assert_eq!(of(&[b"1.2.3.4", b"127.0.0.1", b"127.0.0.1, 127.0.0.1"]), "1.2.3.4");
}

#[tokio::test]
async fn in_dev_whom_a_trusted_proxy_passes_on_needs_a_credential_whatever_the_header_says() {
    let access = access(true).await;
    let check = |lines: &[&[u8]], trusted| who(access.check(&passed_on(lines, "127.0.0.1", trusted), 0));
    let headers: [&[&[u8]]; 7] =
        [&[], &[b""], &[b"\xff, 1.2.3.4"], &[b"\xff"], &[b"127.0.0.1"], &[b"1.2.3.4"], &[b"::1", b"\xff"]];
    for lines in headers {
        assert_eq!(check(lines, "127.0.0.1"), Err(Denied::Credential), "{lines:?}");
        assert_eq!(check(lines, "10.0.0.1"), Ok("loopback".into()), "no proxy: {lines:?}");
    }
}
