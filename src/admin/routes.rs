//! The routes: every method and path of the admin port with the role that it needs.

use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use http::Method;
use utoipa_axum::routes;

use super::role::Role::{Admin, Author, Operator, Responder, Viewer};
use super::table::Table;
use super::{
    blocked, bots, contacts, conversations, deliveries, flow_keys, flows, handback, journal, lists, media, messages,
    numbers, quick_replies, templates, trigger,
};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

/// Bytes of a bot at most: one more than a bot may have, so that the checker says what is wrong.
const MAX_BOT_BYTES: usize = chatbot::caps::MAX_BOT_FILE_BYTES + 1;

/// Bytes of an export of another program at most: one more than is read, so that the importer says what is wrong.
const MAX_EXPORT_BYTES: usize = chatbot::caps::MAX_IMPORT_BYTES + 1;

/// Everything that needs a credential.
pub(super) fn table() -> Table {
    Table::new()
        .plain(Viewer, GET, "/metrics", super::metrics)
        .of(Viewer, routes!(super::status))
        .of(Viewer, routes!(super::openapi))
        .plain(Viewer, GET, "/api/v1/conversations", conversations::list)
        .plain(Viewer, GET, "/api/v1/conversations/{id}", conversations::show)
        .plain(Viewer, GET, "/api/v1/conversations/{id}/messages", messages::list)
        .plain(Responder, POST, "/api/v1/conversations/{id}/messages", messages::send)
        .plain(Viewer, GET, "/api/v1/conversations/{id}/journal", journal::list)
        .plain(Viewer, GET, "/api/v1/conversations/{id}/state", journal::state)
        .plain(Viewer, GET, "/api/v1/conversations/{id}/test", journal::test)
        .plain(Responder, POST, "/api/v1/conversations/{id}/block", blocked::block)
        .plain(Responder, POST, "/api/v1/conversations/{id}/unblock", blocked::unblock)
        .plain(Responder, POST, "/api/v1/conversations/{id}/handback", handback::hand_back)
        .plain(Responder, POST, "/api/v1/conversations/{id}/trigger", trigger::trigger)
        .plain(Viewer, GET, "/api/v1/blocked", blocked::list)
        .of(Responder, routes!(quick_replies::list))
        .of(Responder, routes!(quick_replies::show))
        .of(Operator, routes!(quick_replies::add))
        .of(Operator, routes!(quick_replies::put))
        .of(Operator, routes!(quick_replies::remove))
        .of(Responder, routes!(quick_replies::preview))
        .of(Responder, routes!(contacts::list))
        .of(Responder, routes!(contacts::show))
        .of(Responder, routes!(contacts::patch))
        .of(Responder, routes!(contacts::tags))
        .of(Responder, routes!(contacts::opt_out))
        .of(Responder, routes!(contacts::opt_in))
        .of(Operator, routes!(contacts::sheets::import))
        .of(Operator, routes!(contacts::sheets::sheet))
        .of(Admin, routes!(contacts::erase::erase))
        .of(Admin, routes!(contacts::erase::export))
        .plain(Viewer, GET, "/api/v1/media", media::list)
        .plain(Responder, POST, "/api/v1/media", media::put)
        .plain(Operator, POST, "/api/v1/media/prune", media::prune)
        .plain(Viewer, GET, "/api/v1/media/{id}", media::show)
        .plain(Operator, DELETE, "/api/v1/media/{id}", media::delete)
        .plain(Responder, GET, "/api/v1/media/{id}/content", media::content)
        .plain(Viewer, GET, "/api/v1/templates", templates::list)
        .plain(Operator, POST, "/api/v1/templates", templates::create)
        .plain(Operator, POST, "/api/v1/templates/sync", templates::sync)
        .plain(Viewer, GET, "/api/v1/templates/{id}", templates::show)
        .plain(Operator, POST, "/api/v1/templates/{id}", templates::edit)
        .plain(Operator, DELETE, "/api/v1/templates/{id}", templates::delete)
        .plain(Viewer, GET, "/api/v1/flows", flows::list)
        .plain(Author, POST, "/api/v1/flows/plan", flows::plan)
        .plain(Operator, POST, "/api/v1/flows/apply", flows::apply)
        .plain(Author, POST, "/api/v1/flows/sync", flows::sync)
        .plain(Operator, POST, "/api/v1/flows/migrate", flows::migrate)
        .plain(Viewer, GET, "/api/v1/flows/{id}", flows::show)
        .plain(Operator, DELETE, "/api/v1/flows/{id}", flows::delete)
        .plain(Operator, POST, "/api/v1/flows/{id}/publish", flows::publish)
        .plain(Operator, POST, "/api/v1/flows/{id}/deprecate", flows::deprecate)
        .plain(Author, POST, "/api/v1/flows/{id}/clone", flows::copy)
        .plain(Author, POST, "/api/v1/flows/{id}/preview", flows::preview)
        .plain(Viewer, GET, "/api/v1/flows/{id}/json", flows::text)
        .plain(Viewer, GET, "/api/v1/flows/{id}/assets", flows::assets)
        .plain(Viewer, GET, "/api/v1/flows/{id}/metrics", flows::metrics)
        .plain(Viewer, GET, "/api/v1/outbox", lists::outbox)
        .plain(Viewer, GET, "/api/v1/dead-letters", lists::dead_letters)
        .plain(Viewer, GET, "/api/v1/quarantine", lists::quarantine)
        .plain(Viewer, GET, "/api/v1/notices", lists::notices)
        .plain(Viewer, GET, "/api/v1/bots", bots::list)
        .plain(Author, POST, "/api/v1/bots/check", bots::check.layer(DefaultBodyLimit::max(MAX_BOT_BYTES)))
        .plain(Author, POST, "/api/v1/bots/import", bots::import.layer(DefaultBodyLimit::max(MAX_EXPORT_BYTES)))
        .plain(Viewer, GET, "/api/v1/bots/{id}", bots::show)
        .plain(Operator, PUT, "/api/v1/bots/{id}", bots::put.layer(DefaultBodyLimit::max(MAX_BOT_BYTES)))
        .plain(Viewer, GET, "/api/v1/bots/{id}/versions", bots::versions)
        .plain(Viewer, GET, "/api/v1/bots/{id}/versions/{version}", bots::version)
        .plain(Operator, POST, "/api/v1/bots/{id}/publish", bots::publish)
        .plain(Operator, POST, "/api/v1/bots/{id}/rollback", bots::roll_back)
        .plain(Viewer, GET, "/api/v1/bots/{id}/diff", bots::diff)
        .plain(Viewer, GET, "/api/v1/events/endpoints", deliveries::endpoints)
        .plain(Operator, POST, "/api/v1/events/endpoints/{name}/resume", deliveries::resume)
        .plain(Viewer, GET, "/api/v1/events/deliveries", deliveries::list)
        .plain(Operator, POST, "/api/v1/events/deliveries/replay", deliveries::replay_all)
        .plain(Operator, GET, "/api/v1/events/deliveries/{id}", deliveries::show)
        .plain(Operator, POST, "/api/v1/events/deliveries/{id}/replay", deliveries::replay)
        .plain(Viewer, GET, "/api/v1/bots/{id}/graph", bots::graph)
        .plain(Viewer, GET, "/api/v1/flow-keys", flow_keys::list)
        .plain(Operator, POST, "/api/v1/flow-keys/upload", flow_keys::upload)
        .plain(Operator, POST, "/api/v1/flow-keys/verify", flow_keys::verify)
        .plain(Admin, POST, "/api/v1/flow-keys/rotate", flow_keys::rotate)
        .plain(Viewer, GET, "/api/v1/flows/health", flow_keys::health)
        .plain(Viewer, GET, "/api/v1/numbers", numbers::list)
        .plain(Viewer, GET, "/api/v1/numbers/{id}", numbers::show)
        .plain(Operator, POST, "/api/v1/numbers/{id}/pause", numbers::pause)
        .plain(Operator, POST, "/api/v1/numbers/{id}/resume", numbers::resume)
}
