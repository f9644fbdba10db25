//! The table of routes: router, role of every method and path, and OpenAPI document come from the same rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use http::Method;
use serde_json::json;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::Shared;
use super::role::Role;

/// Adds rows one after another; [`Table::finish`] gives what is made of them.
pub(super) struct Table {
    router: OpenApiRouter<Arc<Shared>>,
    routes: Routes,
}

/// What a method and path needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// The role that may.
    pub role: Role,
}

/// Every method and path that is answered, apart from what is open to everybody.
#[derive(Clone, Debug, Default)]
pub(super) struct Routes(BTreeMap<(String, &'static str), Route>);

impl Routes {
    /// What a method on a path template such as `/api/v1/bots/{id}` needs; `None` is a method that is not allowed.
    pub(super) fn of(&self, method: &Method, path: &str) -> Option<Route> {
        let method = if *method == Method::HEAD { "GET" } else { METHODS.into_iter().find(|name| method == *name)? };
        self.0.get(&(path.to_owned(), method)).copied()
    }
}

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

impl Table {
    pub(super) fn new() -> Self {
        let info = InfoBuilder::new().title("Parlance").version(env!("CARGO_PKG_VERSION"));
        let document = OpenApiBuilder::new().info(info.build()).build();
        Self { router: OpenApiRouter::with_openapi(document), routes: Routes::default() }
    }

    /// Handlers with `#[utoipa::path]`, as `routes!` collects them; all need this role.
    pub(super) fn of(mut self, role: Role, mut routes: UtoipaMethodRouter<Arc<Shared>>) -> Self {
        for (path, item) in &mut routes.1.paths {
            for (method, operation) in operations(item) {
                let extensions = operation.extensions.get_or_insert_default();
                extensions.insert("x-role".to_owned(), json!(role.name()));
                self.routes.0.insert((path.clone(), method), Route { role });
            }
        }
        self.router = self.router.routes(routes);
        self
    }

    /// A handler that the document does not know yet.
    pub(super) fn plain<H, T>(mut self, role: Role, method: Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, Arc<Shared>>,
        T: 'static,
    {
        let name = METHODS.into_iter().find(|name| method == *name).expect("the table's methods are known ones");
        let filter = MethodFilter::try_from(method).expect("the table's methods are known ones");
        self.routes.0.insert((path.to_owned(), name), Route { role });
        self.router = self.router.route(path, on(filter, handler));
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
