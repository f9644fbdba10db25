//! The table of routes and roles, walked through at the real server: every route, every role, and nobody.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::World;

const ROLES: [&str; 5] = ["viewer", "responder", "author", "operator", "admin"];

/// What each role covers, written down once more: the table of the server must say the same.
fn covers(role: &str, needed: &str) -> bool {
    match role {
        "viewer" => needed == "viewer",
        "responder" => matches!(needed, "viewer" | "responder"),
        "author" => matches!(needed, "viewer" | "author"),
        "operator" => needed != "admin",
        _ => true,
    }
}

/// A token of a role.
pub(crate) async fn token(world: &World, name: &str, role: &str, numbers: Option<&[&str]>) -> String {
    let body = json!({ "name": name, "role": role, "numbers": numbers });
    let (status, made) = world.admin_post("/api/v1/tokens", &body).await;
    assert_eq!(status, 201, "{made}");
    made["secret"].as_str().unwrap().to_owned()
}

/// Every method and path, with what it needs; `none` is open to everybody.
async fn table(world: &World) -> Vec<(Method, String, String)> {
    let document = world.admin("/api/v1/openapi.json").await;
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(role) = operation["x-role"].as_str() else { continue };
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            routes.push((method, path.clone(), role.to_owned()));
        }
    }
    routes
}

/// The path with something in the places of ids that nothing is called.
fn filled(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "nothing-is-called-so".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

async fn fire(world: &World, method: &Method, path: &str, token: Option<&str>) -> Response {
    let mut request = world.http.request(method.clone(), format!("{}{}", world.admin_url(), filled(path)));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if *method != Method::GET {
        request = request.json(&json!({}));
    }
    request.send().await.unwrap()
}

/// What a write that happened would change.
async fn state(world: &World) -> Vec<Value> {
    let mut all = Vec::new();
    for path in ["users", "tokens", "bots", "conversations", "outbox", "media", "flows", "templates", "blocked"] {
        let mut items = world.items(&format!("/api/v1/{path}")).await;
        // Being refused is a use.
        items.iter_mut().filter_map(Value::as_object_mut).for_each(|item| drop(item.remove("last_used_at")));
        all.push(Value::from(items));
    }
    let numbers = world.items("/api/v1/numbers").await;
    all.extend(numbers.into_iter().map(|number| number["paused"].clone()));
    all
}

#[tokio::test]
async fn f111_every_route_answers_the_roles_that_may_and_refuses_the_others_without_effect() {
    let world = World::start().await;
    let mut tokens = Vec::new();
    for role in ROLES {
        tokens.push((role, token(&world, role, role, None).await));
    }
    let routes = table(&world).await;
    assert!(routes.len() > 20, "{routes:?}");

    let (before, calls) = (state(&world).await, world.calls_of("/").len());
    let mut refused = 0;
    for (method, path, needed) in routes.iter().filter(|(.., needed)| needed != "none") {
        let answer = fire(&world, method, path, None).await;
        assert_eq!(answer.status(), 401, "{method} {path} by nobody");
        for (role, token) in tokens.iter().filter(|(role, _)| !covers(role, needed)) {
            let answer = fire(&world, method, path, Some(token)).await;
            assert_eq!(answer.status(), 403, "{method} {path} by {role}");
            let problem: Value = answer.json().await.unwrap();
            assert_eq!((&problem["code"], &problem["needed_role"]), (&json!("PAR-0102"), &json!(needed)), "{path}");
            refused += 1;
        }
    }
    assert!(refused > 20, "{refused}");
    assert_eq!(state(&world).await, before, "nothing came of what was refused");
    assert_eq!(world.calls_of("/").len(), calls, "Meta was not asked");

    for (method, path, needed) in &routes {
        for (role, token) in tokens.iter().filter(|(role, _)| needed == "none" || covers(role, needed)) {
            // The only one that ends what this test walks on.
            if needed == "none" && path.ends_with("/setup") {
                continue;
            }
            let status = fire(&world, method, path, Some(token)).await.status();
            assert!(![401, 403].contains(&status.as_u16()), "{method} {path} by {role}: {status}");
            assert!(!status.is_server_error() || status == 502, "{method} {path} by {role}: {status}");
        }
    }
    world.end().await;
}
