//! The table of routes: router, role of every method and path, and OpenAPI document come from the same rows.

mod describe;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use http::Method;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::problem::Problem;
use super::role::Role;
use super::{MAX_BODY_BYTES, Shared};

/// Adds rows one after another; [`Table::finish`] gives what is made of them.
pub(super) struct Table {
    router: OpenApiRouter<Arc<Shared>>,
    routes: Routes,
    /// The rows that were added last.
    last: Vec<(String, &'static str)>,
}

/// What a method and path needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// The role that may.
    pub role: Role,
    /// The parameters of the query that it takes.
    pub query: Vec<String>,
    /// Whether an `Idempotency-Key` makes it count once; then how many bytes its body has at the most.
    pub once: Option<usize>,
}

impl Route {
    /// The first parameter of a query that this takes not.
    pub(super) fn refusal(&self, query: Option<&str>) -> Option<Problem> {
        let given = url::form_urlencoded::parse(query?.as_bytes());
        let unknown = given.map(|(name, _)| name).find(|name| self.query.iter().all(|known| known != name))?;
        Some(Problem::unknown_parameter(&unknown, self.query.iter().map(String::as_str)))
    }
}

/// Every method and path that is answered, apart from what is open to everybody.
#[derive(Clone, Debug, Default)]
pub(super) struct Routes(BTreeMap<(String, &'static str), Route>);

impl Routes {
    /// What a method on a path template such as `/api/v1/bots/{id}` needs; `None` is a method that is not allowed.
    pub(super) fn of(&self, method: &Method, path: &str) -> Option<&Route> {
        let method = if *method == Method::HEAD { "GET" } else { METHODS.into_iter().find(|name| method == *name)? };
        self.0.get(&(path.to_owned(), method))
    }
}

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

impl Table {
    pub(super) fn new() -> Self {
        Self { router: OpenApiRouter::with_openapi(describe::head()), routes: Routes::default(), last: Vec::new() }
    }

    /// Handlers with `#[utoipa::path]`, as `routes!` collects them; all need this role.
    pub(super) fn of(mut self, role: Role, mut routes: UtoipaMethodRouter<Arc<Shared>>) -> Self {
        self.last.clear();
        for (path, item) in &mut routes.1.paths {
            for (method, operation) in operations(item) {
                describe::complete(operation, method, path, role.name());
                let query = describe::query_of(operation);
                self.routes.0.insert((path.clone(), method), Route { role, query, once: None });
                self.last.push((path.clone(), method));
            }
        }
        self.router = self.router.routes(routes);
        self
    }

    /// Handlers with `#[utoipa::path]` that are open to everybody.
    pub(super) fn open(mut self, mut routes: UtoipaMethodRouter<Arc<Shared>>) -> Self {
        for (path, item) in &mut routes.1.paths {
            for (method, operation) in operations(item) {
                describe::complete(operation, method, path, "none");
            }
        }
        self.router = self.router.routes(routes);
        self
    }

    /// With an `Idempotency-Key` the POSTs of the last row count once.
    pub(super) fn once(self) -> Self {
        self.once_with(MAX_BODY_BYTES)
    }

    /// The same of those that take a longer body than others.
    pub(super) fn once_with(mut self, max_body_bytes: usize) -> Self {
        let Self { routes, last, .. } = &mut self;
        for (path, method) in last.iter().filter(|(_, method)| *method == "POST") {
            if let Some(route) = routes.0.get_mut(&(path.clone(), *method)) {
                route.once = Some(max_body_bytes);
            }
        }
        self.keyed()
    }

    /// The POSTs of the last row take an `Idempotency-Key`, and do with it themselves what is to be done.
    pub(super) fn keyed(mut self) -> Self {
        let Self { router, last, .. } = &mut self;
        for (path, _) in last.iter().filter(|(_, method)| *method == "POST") {
            let operation = router.get_openapi_mut().paths.paths.get_mut(path).and_then(|item| item.post.as_mut());
            operation.into_iter().for_each(describe::counts_once);
        }
        self
    }

    /// The router, what its routes need, and the document.
    pub(super) fn finish(self) -> (Router<Arc<Shared>>, Routes, OpenApi) {
        let (router, document) = self.router.split_for_parts();
        (router, self.routes, document)
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    METHODS
        .into_iter()
        .zip([get, post, put, patch, delete])
        .filter_map(|(name, operation)| Some((name, operation.as_mut()?)))
}
