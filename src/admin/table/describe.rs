//! What every operation of the document has, whoever wrote its handler: an id of its own, its tag, its role, the
//! parameters of its path, and the problem that it may answer with.

use serde_json::json;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use crate::admin::shapes::ProblemShape;

/// The document before any row.
pub(super) fn head() -> OpenApi {
    let info = InfoBuilder::new().title("Parlance").version(env!("CARGO_PKG_VERSION")).description(Some(
        "Bots, conversations, what is on its way, and the server itself. docs/api.md tells what holds for all paths.",
    ));
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token of `parlance token create`, or the admin token"));
    let mut schemas = vec![("Problem".to_owned(), ProblemShape::schema())];
    ProblemShape::schemas(&mut schemas);
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme("token", SecurityScheme::Http(bearer.build()))
        .build();
    let token = SecurityRequirement::new("token", std::iter::empty::<String>());
    OpenApiBuilder::new().info(info.build()).components(Some(components)).security(Some([token])).build()
}

/// Adds what the handler need not say.
pub(super) fn complete(operation: &mut Operation, method: &str, path: &str, role: &str) {
    operation.operation_id = Some(id(method, path));
    operation.tags = Some(vec![tag(path)]);
    operation.extensions.get_or_insert_default().insert("x-role".to_owned(), json!(role));
    let parameters = operation.parameters.get_or_insert_default();
    for name in names(path) {
        if !parameters.iter().any(|parameter| is(parameter, name)) {
            parameters.push(RefOr::T(of_path(name)));
        }
    }
    operation.responses.responses.entry("default".to_owned()).or_insert_with(|| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new().description("A problem").content("application/problem+json", content);
        RefOr::T(response.build())
    });
}

/// Adds the header.
pub(super) fn counts_once(operation: &mut Operation) {
    let parameter = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some("Within 24 hours a request with the same key is answered with the first one's answer"))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255)).build()))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
}

/// The parameters of the query.
pub(super) fn query_of(operation: &Operation) -> Vec<String> {
    let parameters = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) if matches!(parameter.parameter_in, ParameterIn::Query) => Some(parameter.name.clone()),
        _ => None,
    });
    parameters.collect()
}

/// `GET /api/v1/bots/{id}/diff` is `get_bots_id_diff`.
fn id(method: &str, path: &str) -> String {
    let path = path.trim_start_matches("/api/v1/").trim_start_matches('/');
    let words: String =
        path.chars().filter(|c| !"{}".contains(*c)).map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    format!("{}_{words}", method.to_ascii_lowercase())
}

/// The first word of the path.
fn tag(path: &str) -> String {
    let first = path.strip_prefix("/api/v1/").and_then(|path| path.split('/').next());
    match first {
        None | Some("status" | "openapi.json") => "server".to_owned(),
        Some(word) => word.to_owned(),
    }
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn is(parameter: &RefOr<Parameter>, name: &str) -> bool {
    matches!(parameter, RefOr::T(parameter) if parameter.name == name && matches!(parameter.parameter_in, ParameterIn::Path))
}

fn of_path(name: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_named_by_method_and_path() {
        assert_eq!(id("GET", "/api/v1/bots/{id}/diff"), "get_bots_id_diff");
        assert_eq!(id("POST", "/api/v1/flow-keys/rotate"), "post_flow_keys_rotate");
        assert_eq!((tag("/metrics"), tag("/api/v1/dead-letters")), ("server".into(), "dead-letters".into()));
        assert_eq!(names("/api/v1/bots/{id}/versions/{version}").collect::<Vec<_>>(), ["id", "version"]);
    }
}
