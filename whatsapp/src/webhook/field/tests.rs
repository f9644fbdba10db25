//! One composed value per webhook field, and the odd shapes of each.

use serde_json::{Value, json};

use super::*;
use crate::webhook::message::MessageKind;

/// A value of each field.
pub(crate) fn samples() -> Vec<(&'static str, Value)> {
    let template = |rest: Value| {
        let mut value = json!({ "message_template_id": 12, "message_template_name": "order_update",
            "message_template_language": "en_US" });
        value.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        value
    };
    let mut rows = vec![
        (
            "message_template_status_update",
            template(
                json!({ "event": "REJECTED", "reason": "INVALID_FORMAT", "message_template_category": "UTILITY" }),
            ),
        ),
        (
            "message_template_quality_update",
            template(json!({ "previous_quality_score": "GREEN", "new_quality_score": "YELLOW" })),
        ),
        ("message_template_components_update", template(json!({ "message_template_element": "Hello {{1}}" }))),
        ("template_category_update", template(json!({ "previous_category": "UTILITY", "new_category": "MARKETING" }))),
        (
            "phone_number_quality_update",
            json!({ "display_phone_number": "15550100100", "event": "THROUGHPUT_UPGRADE",
            "max_daily_conversations_per_business": "TIER_2K" }),
        ),
        (
            "phone_number_name_update",
            json!({ "display_phone_number": "15550100100", "decision": "APPROVED", "requested_verified_name": "Acme" }),
        ),
        (
            "account_update",
            json!({ "event": "ACCOUNT_RESTRICTION", "restriction_info": [
            { "restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": 1795340000 }, 7] }),
        ),
        (
            "account_alerts",
            json!({ "alert_info": { "alert_type": "OBA_APPROVED", "alert_severity": "CRITICAL",
            "alert_description": "look here" } }),
        ),
        ("account_review_update", json!({ "decision": "REJECTED" })),
        ("security", json!({ "event": "PIN_CHANGED" })),
        (
            "user_preferences",
            json!({ "user_preferences": [
            { "wa_id": "447700900123", "user_id": "GB.1", "detail": "stopped", "category": "marketing_messages", "value": "stop", "timestamp": 1795340000 },
            { "user_id": "GB.2", "category": "marketing_messages", "value": "resume", "timestamp": "1795340000" },
            { "user_id": "GB.3", "category": "news", "value": "stop" }, { "category": "marketing_messages" }, 7 ] }),
        ),
        (
            "user_id_update",
            json!({ "user_id_update": [
            { "wa_id": "447700900123", "detail": "changed", "user_id": { "previous": "GB.1", "current": "GB.9" },
              "parent_user_id": { "previous": "GB.ENT.1", "current": "GB.ENT.9" }, "timestamp": 1795340000 },
            { "user_id": { "previous": "GB.2" } } ] }),
        ),
        (
            "smb_message_echoes",
            json!({ "metadata": { "phone_number_id": "700800900100200" }, "message_echoes": [
            { "from": "15550100100", "to": "447700900123", "id": "wamid.E1", "timestamp": "1795340000", "type": "text",
              "text": { "body": "let me help" } } ] }),
        ),
        (
            "smb_app_state_sync",
            json!({ "state_sync": [{ "type": "contact", "action": "add",
            "contact": { "full_name": "Tola B", "phone_number": "447700900456" } }] }),
        ),
    ];
    rows.extend(more());
    rows
}

fn more() -> Vec<(&'static str, Value)> {
    vec![
        (
            "history",
            json!({ "history": [
            { "metadata": { "phase": 0, "chunk_order": 1, "progress": 55 }, "threads": [{ "id": "447700900123", "messages": [
                { "from": "447700900123", "id": "wamid.H1", "timestamp": "1795340000", "type": "text", "text": { "body": "old" } } ] }] },
            { "errors": [{ "code": 2593109, "title": "no history" }] } ] }),
        ),
        (
            "flows",
            json!({ "event": "ENDPOINT_ERROR_RATE", "flow_id": 8100200300_u64, "message": "error rate reached 10%",
            "error_rate": 14.28, "threshold": 10, "alert_state": "ACTIVATED",
            "errors": [{ "error_type": "TIMEOUT", "error_rate": 66.6, "error_count": 2 }] }),
        ),
        ("errors", json!({ "code": 131000, "title": "Something went wrong", "error_data": { "details": "d" } })),
        ("calls", json!({ "calls": [] })),
    ]
}

fn read(field: &str, value: Value) -> FieldEvent {
    FieldEvent::parse(field, &value.to_string())
}

fn sample(field: &str) -> FieldEvent {
    let (_, value) = samples().into_iter().find(|(name, _)| *name == field).unwrap();
    read(field, value)
}

#[test]
fn every_field_has_its_type_and_a_line() {
    let lines = [
        ("message_template_status_update", "template order_update (en_US): REJECTED, INVALID_FORMAT", true),
        ("message_template_quality_update", "template order_update (en_US): quality YELLOW", false),
        ("message_template_components_update", "template order_update (en_US) was edited", false),
        ("template_category_update", "template order_update (en_US): category MARKETING", false),
        ("phone_number_quality_update", "number 15550100100: THROUGHPUT_UPGRADE, TIER_2K", false),
        ("phone_number_name_update", "number 15550100100: display name APPROVED", false),
        ("account_update", "account: ACCOUNT_RESTRICTION, RESTRICTED_BIZ_INITIATED_MESSAGING", true),
        ("account_alerts", "account_alerts: OBA_APPROVED: look here", true),
        ("account_review_update", "account_review_update: REJECTED", true),
        ("security", "security: PIN_CHANGED", false),
        ("user_preferences", "3 people changed what they want to receive", false),
        ("user_id_update", "a person got a new user id", false),
        ("smb_message_echoes", "1 message sent from the phone app", false),
        ("smb_app_state_sync", "1 contact of the phone app", false),
        ("history", "1 message of earlier chats", false),
        ("flows", "flow 8100200300: ENDPOINT_ERROR_RATE, error rate reached 10%", true),
        ("errors", "Something went wrong", true),
        ("calls", "calls", false),
    ];
    assert_eq!(lines.len(), samples().len());
    for (field, line, alarm) in lines {
        let event = sample(field);
        assert_eq!((event.to_string().as_str(), event.is_alarm()), (line, alarm), "{field}");
        assert_eq!(matches!(event, FieldEvent::Other { .. }), field == "calls", "{field}");
    }
}

#[test]
fn template_status_says_whether_it_can_be_sent() {
    let status = |event: &str| match read(
        "message_template_status_update",
        json!({ "event": event, "message_template_id": "1", "reason": "NONE" }),
    ) {
        FieldEvent::TemplateStatus(status) => status,
        other => panic!("{other:?}"),
    };
    for (event, sendable) in [
        ("APPROVED", Some(true)),
        ("REINSTATED", Some(true)),
        ("PAUSED", Some(false)),
        ("FLAGGED", None),
        ("NEWS", None),
    ] {
        assert_eq!((status(event).event.sendable(), status(event).event.as_str()), (sendable, event));
    }
    let status = status("APPROVED");
    assert_eq!((status.reason.as_deref(), status.template.id.as_deref()), (None, Some("1")));
    assert_eq!(status.to_string(), "template 1: APPROVED");
}

#[test]
fn preferences_say_who_may_get_marketing() {
    let FieldEvent::Preferences(all) = sample("user_preferences") else { panic!("no preferences") };
    let wishes: Vec<_> = all.iter().map(Preference::marketing).collect();
    assert_eq!(wishes, [Some(false), Some(true), None]);
    assert_eq!((all[0].wa_id.as_deref(), all[0].at_ms), (Some("447700900123"), Some(1_795_340_000_000)));
    assert_eq!((all[1].user_id.as_deref(), all[1].at_ms), (Some("GB.2"), Some(1_795_340_000_000)));
}

#[test]
fn user_id_update_names_both_ids() {
    let FieldEvent::UserIds(all) = sample("user_id_update") else { panic!("no ids") };
    let [change] = &all[..] else { panic!("{all:?}") };
    assert_eq!((change.previous.as_deref(), change.current.as_str()), (Some("GB.1"), "GB.9"));
    assert_eq!(change.parent, (Some("GB.ENT.1".into()), Some("GB.ENT.9".into())));
}

#[test]
fn echo_holds_the_message_and_whom_it_went_to() {
    let FieldEvent::Echoes(all) = sample("smb_message_echoes") else { panic!("no echoes") };
    assert_eq!((all[0].to.as_deref(), all[0].at_ms), (Some("447700900123"), Some(1_795_340_000_000)));
    assert_eq!((all[0].message.wamid.as_str(), all[0].message.text()), ("wamid.E1", "let me help"));
    assert!(matches!(all[0].message.kind, MessageKind::Text { .. }));
}

#[test]
fn history_comes_in_pieces_or_says_why_not() {
    let FieldEvent::History(history) = sample("history") else { panic!("no history") };
    assert_eq!((history.chunks.len(), history.messages()), (2, 1));
    assert_eq!(
        (history.chunks[0].phase, history.chunks[0].order, history.chunks[0].progress),
        (Some(0), Some(1), Some(55))
    );
    assert_eq!(history.chunks[1].errors[0].code, Some(2_593_109));
}

#[test]
fn account_update_keeps_restriction_violation_and_ban() {
    let FieldEvent::Account(update) = sample("account_update") else { panic!("no update") };
    assert_eq!((update.restrictions.len(), update.restrictions[0].expires_ms), (1, Some(1_795_340_000_000)));
    let banned = json!({ "event": "DISABLED_UPDATE", "ban_info": { "waba_ban_state": "SCHEDULE_FOR_DISABLE" } });
    assert_eq!(read("account_update", banned).to_string(), "account: DISABLED_UPDATE, SCHEDULE_FOR_DISABLE");
    let violation = json!({ "event": "ACCOUNT_VIOLATION", "violation_info": { "violation_type": "ALCOHOL" } });
    assert_eq!(read("account_update", violation).to_string(), "account: ACCOUNT_VIOLATION, ALCOHOL");
    assert!(!read("account_update", json!({ "event": "PARTNER_ADDED" })).is_alarm());
}

#[test]
fn flow_alert_keeps_its_measure_and_flow_status_its_states() {
    let FieldEvent::Flow(alert) = sample("flows") else { panic!("no flow") };
    assert_eq!((alert.active, alert.measured, alert.threshold), (Some(true), Some(14.28), Some(10.0)));
    assert_eq!((alert.faults[0].kind.as_deref(), alert.faults[0].count), (Some("TIMEOUT"), Some(2.0)));
    let status = read(
        "flows",
        json!({ "event": "FLOW_STATUS_CHANGE", "flow_id": "8", "old_status": "PUBLISHED", "new_status": "BLOCKED" }),
    );
    assert_eq!((status.is_alarm(), status.to_string().as_str()), (true, "flow 8: FLOW_STATUS_CHANGE, BLOCKED"));
    let over = json!({ "event": "ENDPOINT_LATENCY", "p90_latency": 900, "alert_state": "DEACTIVATED" });
    let FieldEvent::Flow(over) = read("flows", over) else { panic!("no flow") };
    assert_eq!((over.active, over.measured, over.is_alarm()), (Some(false), Some(900.0), false));
    let newer = read("flows", json!({ "event": "FLOW_SANG" }));
    assert_eq!(newer.to_string(), "flow ?: FLOW_SANG");
}

#[test]
fn error_without_words_has_a_line_too() {
    for (error, line) in [
        (json!({ "title": "", "message": "m" }), "m"),
        (json!({ "title": "" }), "an error without a reason"),
        (json!({}), "an error without a reason"),
    ] {
        assert_eq!(read("errors", error).to_string(), line);
    }
}

#[test]
fn odd_shapes_are_other_and_keep_their_field() {
    for (field, _) in samples() {
        for odd in ["7", "[]", "\"x\"", "null", "{", ""] {
            assert_eq!(FieldEvent::parse(field, odd), FieldEvent::Other { field: field.to_owned() }, "{field} {odd}");
        }
    }
    for (field, odd) in [
        ("message_template_status_update", json!({ "event": {} })),
        ("account_update", json!({ "event": "" })),
        ("user_preferences", json!({ "user_preferences": {} })),
        ("user_id_update", json!({})),
        ("flows", json!({ "event": 7.5, "flow_id": 1, "event ": 1, "threshold": [] })),
    ] {
        let event = read(field, odd);
        assert_eq!(matches!(event, FieldEvent::Other { .. }), field != "flows", "{event:?}");
    }
}
