//! Tokens that open nothing, and sources that hang.

use super::*;
use crate::support::{ADA, BEN};

const HOUR_MS: u64 = 3_600_000;

#[tokio::test]
async fn f93_an_unknown_or_expired_token_is_427_and_changes_nothing() {
    let forms = Forms::with("shop", "shop_order").await;
    let phone = forms.form(ADA).await;
    assert_eq!(screen(&phone.open().await), "BRAND");
    forms.world.wait_consumed().await;
    let before = forms.entries(ADA).await;
    let (head, secret) = phone.token.rsplit_once('.').unwrap();
    let other = format!("{head}.{}", secret.chars().rev().collect::<String>());
    for token in [other, format!("{head}."), "pl1.00000000000000000000000000.0123".into(), "nonsense".into()] {
        let (status, told) = forms.exchange(&json!({ "version": "3.0", "action": "INIT", "flow_token": token })).await;
        assert_eq!(status, 427, "{token}");
        assert!(told["error_msg"].as_str().is_some_and(|text| text.ends_with('.')), "{told}");
    }
    assert_eq!(forms.entries(ADA).await, before);
    assert_eq!(forms.world.items("/api/v1/conversations").await.len(), 1, "no conversation came of it");

    forms.world.clock.advance(HOUR_MS + 1);
    let (status, told) = phone.submit("BRAND", json!({ "brand": "kite" })).await;
    assert_eq!((status, &told["error_msg"]), (427, &json!("This form is no longer open. Please go back to the chat.")));
    forms.world.end().await;
}

#[tokio::test]
async fn f94_the_token_of_somebody_else_or_of_a_form_that_is_done_is_427_and_reads_nothing() {
    let forms = Forms::with("shop", "shop_order").await;
    let (ada, ben) = (forms.form(ADA).await, forms.form(BEN).await);
    ada.at_price().await;
    assert_eq!(screen(&ben.open().await), "BRAND");
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (of_ada, of_ben) = (parts(&ada.token), parts(&ben.token));
    for mixed in [format!("pl1.{}.{}", of_ben[1], of_ada[2]), format!("pl1.{}.{}", of_ada[1], of_ben[2])] {
        let asked = json!({ "version": "3.0", "action": "BACK", "screen": "PRICE", "flow_token": mixed });
        let (status, told) = forms.exchange(&asked).await;
        assert_eq!(status, 427);
        assert!(!told.to_string().contains("kite"), "{told}");
    }
    assert_eq!(screen(&ada.order().await), "SUCCESS");
    forms.world.wait_replies(ADA, 3).await;
    for (status, _) in
        [ada.open().await, ada.submit("BRAND", json!({ "brand": "kite" })).await, ada.back("PRICE").await]
    {
        assert_eq!(status, 427, "it is done");
    }
    assert_eq!(screen(&ben.submit("BRAND", json!({ "brand": "kite" })).await), "PRODUCT", "the other one goes on");
    // What somebody else says in a message ends nothing either.
    let stolen = Phone { forms: &forms, person: ADA, token: ben.token.clone(), wamid: String::new() };
    stolen.comes_back(json!({ "title": "Box kite" }), true).await;
    forms.world.wait_consumed().await;
    assert_eq!(forms.world.replies(BEN).len(), 1);
    assert_eq!(screen(&ben.submit("PRODUCT", json!({ "product": "k2" })).await), "PRICE");
    forms.world.end().await;
}

#[tokio::test]
async fn f96_a_source_that_hangs_gives_the_fallback_within_the_budget_while_the_conversation_goes_on() {
    let forms = Forms::with("shop", "shop_order").await;
    let phone = forms.form(ADA).await;
    assert_eq!(screen(&phone.open().await), "BRAND");
    let before = forms.program.asked().len();
    forms.program.then([Does::Hangs]);
    let (slow, ()) = tokio::join!(phone.submit("BRAND", json!({ "brand": "kite" })), async {
        until("the request that hangs", async || (forms.program.asked().len() > before).then_some(())).await;
        forms.world.write(ADA, "are you there?").await;
        forms.world.wait_replies(ADA, 2).await;
        forms.world.clock.advance(8_000);
    });
    assert_eq!(
        (screen(&slow), &slow.1["data"]["error_message"]),
        ("BRAND", &json!("Our shop is slow today. Please try again."))
    );
    assert_eq!(forms.world.replies(ADA)[1], "Please use the form above.");
    assert_eq!(
        screen(&phone.submit("BRAND", json!({ "brand": "kite" })).await),
        "PRODUCT",
        "and the next try goes through"
    );
    let metric = r#"parlance_flow_requests_total{action="data_exchange",outcome="answer"}"#;
    assert_eq!(forms.world.metric(metric).await, 2.0);
    forms.world.end().await;
}
