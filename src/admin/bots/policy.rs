//! What runs of other versions do, as requests and answers write it.

use chatbot::{Migrate, Place, Running};
use http::StatusCode;
use serde_json::{Value, json};

use crate::admin::problem::Problem;

pub(super) fn shown(running: &Running) -> Value {
    let migrate = match &running.migrate {
        Migrate::Pin => json!("pin"),
        Migrate::SameNode => json!("same_node"),
        Migrate::Map(map) => {
            let to = |place: &Place| match place {
                Place::Node(node) => json!(node),
                Place::End => json!("end"),
            };
            Value::Object(map.iter().map(|(from, place)| (from.clone(), to(place))).collect())
        }
    };
    json!({ "migrate": migrate, "drain_after": running.drain_after_ms.map(duration) })
}

/// In the largest unit that tells it exactly.
fn duration(ms: u64) -> String {
    // A day is 24h, as everybody writes it; from two on they are days.
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let whole = units.into_iter().find(|(unit, name)| ms.is_multiple_of(*unit) && (*name != "d" || ms > *unit));
    whole.map_or_else(|| format!("{ms}ms"), |(unit, name)| format!("{}{name}", ms / unit))
}

pub(super) fn parse(policy: &Value) -> Result<Running, Problem> {
    Running::parse(policy).map_err(|why| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-policy", why)
            .hint("\"pin\", \"same_node\", or { \"migrate\": { \"old\": \"new\" }, \"drain_after\": \"24h\" }")
    })
}

/// The policy of query parameters; `None` if there is none.
pub(super) fn of_query(migrate: Option<&str>, drain_after: Option<&str>) -> Result<Option<Running>, Problem> {
    if migrate.is_none() && drain_after.is_none() {
        return Ok(None);
    }
    let migrate = migrate.map(|text| match text.trim_start().starts_with('{') {
        true => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        false => json!(text),
    });
    let mut policy = serde_json::Map::new();
    policy.extend(migrate.map(|migrate| ("migrate".to_owned(), migrate)));
    policy.extend(drain_after.map(|after| ("drain_after".to_owned(), json!(after))));
    parse(&Value::Object(policy)).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_asked_for() {
        for policy in [
            json!({ "migrate": "pin", "drain_after": null }),
            json!({ "migrate": "same_node", "drain_after": "36h" }),
            json!({ "migrate": { "a": "b", "c": "end" }, "drain_after": "90s" }),
        ] {
            assert_eq!(shown(&parse(&policy).unwrap()), policy);
        }
        let asked = of_query(Some("{\"a\":\"end\"}"), Some("2d")).unwrap().unwrap();
        assert_eq!(shown(&asked), json!({ "migrate": { "a": "end" }, "drain_after": "2d" }));
        assert_eq!(of_query(None, None).unwrap(), None);
        assert!(of_query(Some("{broken"), None).is_err() && of_query(None, Some("soon")).is_err());
    }
}
