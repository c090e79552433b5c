//! Requests with an `Idempotency-Key`.

use bytes::Bytes;
use jiff::Timestamp;
use webhookc::store::{KeptAnswer, Receipt, Store};

use crate::script::{Place, at, tenant};

const DAY: i64 = 86_400_000;

async fn open(store: &Store, tenant_name: &str, key: &str, request: u8, now: i64) -> Receipt {
    store.open_receipt(&tenant(tenant_name), key, [request; 32], at(now)).await.unwrap()
}

async fn close(store: &Store, key: &str, answer: Option<KeptAnswer>) {
    store.close_receipt(&tenant("t"), key, answer).await.unwrap();
}

fn answer(status: u16) -> KeptAnswer {
    KeptAnswer { status, content_type: "application/json".into(), body: Bytes::from_static(b"{\"a\":1}") }
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day_and_for_its_own_request() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(open(&store, "t", "k", 1, 0).await, Receipt::New);
    assert_eq!(open(&store, "t", "k", 1, 0).await, Receipt::UnderWay);
    assert_eq!(open(&store, "t", "k", 2, 0).await, Receipt::OfAnother);
    assert_eq!(open(&store, "other", "k", 2, 0).await, Receipt::New, "a tenant's keys are its own");
    close(&store, "k", Some(answer(201))).await;
    close(&store, "k", Some(answer(500))).await;
    assert_eq!(open(&store, "t", "k", 1, DAY).await, Receipt::Answered(answer(201)), "the first answer stays");
    assert_eq!(open(&store, "t", "k", 2, DAY).await, Receipt::OfAnother);
    assert_eq!(open(&store, "t", "k", 2, DAY + 1).await, Receipt::New, "after a day it may be used again");
}

#[tokio::test]
async fn what_is_forgotten_can_come_again() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(open(&store, "t", "k", 1, 0).await, Receipt::New);
    close(&store, "k", None).await;
    assert_eq!(open(&store, "t", "k", 1, 0).await, Receipt::New);
    close(&store, "k", Some(answer(200))).await;
    close(&store, "k", None).await;
    assert_eq!(open(&store, "t", "k", 1, 0).await, Receipt::Answered(answer(200)), "an answer is not forgotten");
}

#[tokio::test]
async fn answers_survive_a_restart_and_what_was_cut_off_does_not() {
    let place = Place::new();
    let store = place.open().await;
    // What is under way began lately.
    let now = Timestamp::now().as_millisecond() - at(0).as_millisecond();
    for key in ["done", "cut"] {
        assert_eq!(open(&store, "t", key, 1, now).await, Receipt::New);
    }
    close(&store, "done", Some(answer(200))).await;
    store.close().await;
    let store = place.open().await;
    assert_eq!(open(&store, "t", "done", 1, now).await, Receipt::Answered(answer(200)));
    assert_eq!(open(&store, "t", "cut", 1, now).await, Receipt::New);
}
