//! Brand → product → price, ended by the endpoint.

use super::*;
use crate::support::ADA;

impl Phone<'_> {
    /// From the first screen to the price.
    pub(super) async fn at_price(&self) {
        assert_eq!(screen(&self.open().await), "BRAND");
        assert_eq!(screen(&self.submit("BRAND", json!({ "brand": "kite" })).await), "PRODUCT");
        assert_eq!(screen(&self.submit("PRODUCT", json!({ "product": "k2" })).await), "PRICE");
    }

    pub(super) async fn order(&self) -> (u16, Value) {
        self.submit("PRICE", json!({ "quantity": "2" })).await
    }
}

pub(super) const THANKS: &str = "2 × Box kite for 25 EUR. Thank you!";

#[tokio::test]
async fn a_shop_form_runs_from_brand_to_price_with_the_way_back_field_errors_and_an_order() {
    let forms = Forms::with("shop", "shop_order").await;
    let phone = forms.form(ADA).await;
    let first = phone.open().await;
    assert_eq!(screen(&first), "BRAND");
    let brands = first.1["data"]["brands"].as_array().unwrap();
    assert_eq!((brands.len(), &brands[0]["id"]), (1, &json!("kite")), "the others are not active");
    let products = phone.submit("BRAND", json!({ "brand": "kite" })).await;
    assert_eq!((screen(&products), &products.1["data"]["products"][1]["id"]), ("PRODUCT", &json!("k2")));
    assert_eq!(screen(&phone.back("PRODUCT").await), "BRAND");
    let again = phone.submit("BRAND", json!({ "brand": "kite" })).await;
    assert_eq!(again.1, products.1);
    assert_eq!(screen(&phone.submit("PRODUCT", json!({ "product": "k2" })).await), "PRICE");
    assert_eq!(screen(&phone.back("PRICE").await), "PRODUCT");
    let price = phone.submit("PRODUCT", json!({ "product": "k2" })).await;
    assert_eq!((screen(&price), &price.1["data"]["price"]), ("PRICE", &json!("12.5 EUR")));
    for (quantity, told) in [("many", "A whole number, please."), ("7", "We have 4 of it.")] {
        let refused = phone.submit("PRICE", json!({ "quantity": quantity })).await;
        assert_eq!((screen(&refused), &refused.1["data"]["error_message"]), ("PRICE", &json!(told)));
        assert_eq!(refused.1["data"]["error_messages"]["quantity"], told);
    }
    let done = phone.order().await;
    assert_eq!(screen(&done), "SUCCESS");
    let params = &done.1["data"]["extension_message_response"]["params"];
    assert_eq!(
        (&params["flow_token"], &params["quantity"], &params["total"]),
        (&json!(phone.token), &json!(2), &json!(25.0))
    );
    assert_eq!(forms.world.wait_replies(ADA, 3).await[1..], [THANKS, "Anything else?"]);
    // Submitted twice within its time, the list of products was asked for once; the way back has a step of its own.
    let asked = forms.program.asked();
    let of = |line: &str| asked.iter().filter(|asked| **asked == line).count();
    let products = of("GET /v1/brands/kite/products");
    assert_eq!((of("GET /v1/brands"), products, of("GET /v1/prices?product=k2")), (1, 2, 2), "{asked:?}");
    assert_eq!(phone.open().await.0, 427, "the button of the message opens nothing any more");
    forms.world.end().await;
}

#[tokio::test]
async fn fifty_copies_of_a_request_at_once_run_one_handler_and_get_the_same_bytes() {
    let forms = Forms::with("shop", "shop_order").await;
    let phone = forms.form(ADA).await;
    phone.at_price().await;
    let before = (forms.entries(ADA).await.len(), forms.world.replies(ADA).len());
    let request = forms.seal(&phone.asked("data_exchange", "PRICE", json!({ "quantity": "2" })));
    let all = futures_util::future::join_all((0..50).map(|_| forms.post(&request.body))).await;
    assert!(
        all.iter().all(|one| *one == all[0] && one.0 == 200),
        "{:?}",
        all.iter().map(|one| one.0).collect::<Vec<_>>()
    );
    forms.world.wait_replies(ADA, before.1 + 2).await;
    forms.world.wait_consumed().await;
    assert_eq!(forms.entries(ADA).await.len(), before.0 + 1, "one handler ran");
    forms.world.end().await;
}

#[tokio::test]
async fn a_form_that_ends_at_the_endpoint_and_in_a_message_leads_on_once_in_either_order() {
    let forms = Forms::with("shop", "shop_order").await;
    let person = [ADA, crate::support::BEN, "447700900903", "447700900904"];
    let response = json!({ "quantity": 2, "title": "Box kite", "total": 25 });
    for (n, person) in person.into_iter().enumerate() {
        let phone = forms.form(person).await;
        phone.at_price().await;
        match n {
            0 => {
                assert_eq!(screen(&phone.order().await), "SUCCESS");
                phone.comes_back(response.clone(), true).await;
            }
            1 => {
                phone.comes_back(response.clone(), true).await;
                forms.world.wait_consumed().await;
                assert_eq!(phone.order().await.0, 427);
            }
            2 => {
                phone.comes_back(response.clone(), false).await;
                phone.comes_back(response.clone(), true).await;
            }
            _ => {
                let (answer, ()) = tokio::join!(phone.order(), phone.comes_back(response.clone(), true));
                assert!(matches!(answer.0, 200 | 427), "{answer:?}");
            }
        }
        forms.world.wait_replies(person, 3).await;
        forms.world.wait_consumed().await;
        forms.world.write(person, "no").await;
        until("the end of the run", async || (forms.world.conversation(person).await["state"] == "idle").then_some(()))
            .await;
        assert_eq!(forms.world.replies(person)[1..], [THANKS, "Anything else?"], "person {n}");
    }
    forms.world.end().await;
}
