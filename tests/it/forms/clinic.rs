//! Department → day → slot → details, ended by the phone.

use super::*;
use crate::support::ADA;

#[tokio::test]
async fn a_clinic_form_runs_from_department_to_slot_with_what_is_taken_and_is_ended_by_the_phone() {
    let forms = Forms::with("clinic", "clinic_visit").await;
    let phone = forms.form(ADA).await;
    assert_eq!(screen(&phone.open().await), "DEPARTMENT");
    let days = phone.submit("DEPARTMENT", json!({ "department": "eye" })).await;
    assert_eq!((screen(&days), &days.1["data"]["days"][0]["id"]), ("DAY", &json!("2026-12-01")));
    let refused = phone.submit("DAY", json!({ "day": "2027-01-01" })).await;
    assert_eq!((screen(&refused), &refused.1["data"]["error_message"]), ("DAY", &json!("Pick one of the days.")));
    assert_eq!(screen(&phone.submit("DAY", json!({ "day": "2026-12-02" })).await), "SLOT");
    assert_eq!(screen(&phone.back("SLOT").await), "DAY");
    assert_eq!(screen(&phone.submit("DAY", json!({ "day": "2026-12-01" })).await), "SLOT");
    forms.program.then([Does::Says(409, json!({}))]);
    let taken = phone.submit("SLOT", json!({ "slot": "09:30" })).await;
    assert_eq!((screen(&taken), &taken.1["data"]["slots"]), ("SLOT", &json!([{ "id": "10:00", "title": "10:00" }])));
    assert_eq!(taken.1["data"]["error_message"], "That time has just gone.");
    assert_eq!(screen(&phone.submit("SLOT", json!({ "slot": "10:00" })).await), "DETAILS");
    let wrong = phone.submit("DETAILS", json!({ "name": "A", "phone": "12" })).await;
    assert_eq!((screen(&wrong), &wrong.1["data"]["error_message"]), ("DETAILS", &json!("Your name, please.")));
    let confirm = phone.submit("DETAILS", json!({ "name": "Ada", "phone": "+447700900123" })).await;
    assert_eq!((screen(&confirm), &confirm.1["data"]["visit"]), ("CONFIRM", &json!("V-77")));
    // The phone leaves the token out, as it may.
    phone.comes_back(json!({ "visit": "V-77", "department": "eye" }), false).await;
    let said = forms.world.wait_replies(ADA, 2).await;
    assert!(said[1].starts_with("Visit V-77 is booked."), "{said:?}");
    assert_eq!(phone.open().await.0, 427);
    forms.world.end().await;
}

#[tokio::test]
async fn a_form_goes_on_after_a_restart_between_two_screens() {
    let mut forms = Forms::with("clinic", "clinic_visit").await;
    let token = {
        let phone = forms.form(ADA).await;
        phone.open().await;
        assert_eq!(screen(&phone.submit("DEPARTMENT", json!({ "department": "eye" })).await), "DAY");
        phone.token
    };
    forms.world.restart().await;
    let phone = Phone { forms: &forms, person: ADA, token, wamid: String::new() };
    assert_eq!(screen(&phone.submit("DAY", json!({ "day": "2026-12-01" })).await), "SLOT");
    phone.comes_back(json!({ "visit": "V-1" }), true).await;
    assert!(forms.world.wait_replies(ADA, 2).await[1].starts_with("Visit V-1 is booked."));
    forms.world.end().await;
}
