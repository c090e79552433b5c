//! Suspended endpoints, and what is told of them.

use std::sync::Arc;

use jiff::Timestamp;
use webhookc::ids::{DeliveryId, MessageId, Sequence};
use webhookc::store::{
    Alarm, Alert, Claimed, DeliveryFilter, DeliveryRow, DeliveryState, NewAttempt, NewDelivery, NewMessage, Page, Settled, Store,
    Suspension, Unsendable,
};

use crate::attempt::finished;
use crate::lanes::{due, lane, oldest};
use crate::script::{Place, at, delivery, endpoint, fire, message, tenant};

/// Tells the endpoint `ops`.
#[derive(Debug)]
struct Tell;

impl Alarm for Tell {
    fn message(&self, alert: Alert, why: &str, _: Timestamp, _: Sequence) -> Option<NewMessage> {
        Some(message(&format!("{alert:?} {why}"), "endpoint", "e", vec![delivery("ops")]))
    }
}

fn told() -> Arc<dyn Alarm> {
    Arc::new(Tell)
}

fn suspension(why: &str) -> Suspension {
    Suspension { at: at(3), why: why.into(), alarm: Some(told()) }
}

async fn claim(store: &Store, now: i64) -> Vec<Claimed> {
    match lane(store, "t", "e").await {
        Some(lane) => store.claim(&lane, at(now), at(now + 1000), oldest(9)).await.unwrap(),
        None => Vec::new(),
    }
}

async fn settle(store: &Store, claimed: &Claimed, then: Settled, suspend: bool) -> bool {
    let attempt = NewAttempt { suspend, alarm: Some(told()), ..finished(claimed, then) };
    store.settle(vec![attempt]).await.unwrap()[0]
}

async fn row(store: &Store, id: DeliveryId) -> DeliveryRow {
    store.delivery(&tenant("t"), id).await.unwrap().unwrap()
}

/// The alerts so far, oldest first.
async fn alerts(store: &Store) -> Vec<String> {
    let filter = DeliveryFilter { endpoint: Some(endpoint("ops")), ..DeliveryFilter::default() };
    let rows = store.deliveries(&tenant("t"), &filter, &Page { before: None, limit: 100 }).await.unwrap();
    rows.into_iter().rev().map(|row| row.event.into()).collect()
}

async fn suspended(store: &Store, tenant_name: &str) -> Vec<(String, String)> {
    let states = store.endpoint_states(&tenant(tenant_name)).await.unwrap();
    let known = states.into_iter().filter_map(|state| Some((state.endpoint.to_string(), state.suspended?.1.into())));
    known.collect()
}

#[tokio::test]
async fn a_suspended_endpoint_collects_and_sends_nothing_until_it_is_released() {
    let place = Place::new();
    let store = place.open().await;
    let before = fire(&store, "t", "a", vec![delivery("e")]).await[0];
    assert!(store.suspend(&tenant("t"), &endpoint("e"), suspension("by hand")).await.unwrap());
    assert!(!store.suspend(&tenant("t"), &endpoint("e"), suspension("again")).await.unwrap());
    let during = fire(&store, "t", "b", vec![delivery("e")]).await[0];
    let other = fire(&store, "u", "a", vec![delivery("e")]).await[0];
    assert!(claim(&store, 10).await.is_empty());
    assert_eq!(due(&store, 10).await, (vec![endpoint("ops"), endpoint("e")], None), "that of the other tenant is not suspended");
    assert_eq!(store.delivery(&tenant("u"), other).await.unwrap().unwrap().state, DeliveryState::Pending);
    drop(store);

    let store = place.open().await;
    assert_eq!(suspended(&store, "t").await, [("e".to_owned(), "by hand".to_owned())]);
    assert!(suspended(&store, "u").await.is_empty());
    assert!(claim(&store, 10).await.is_empty(), "also after a restart");
    let wake = store.wake();
    assert!(store.unsuspend(&tenant("t"), &endpoint("e")).await.unwrap());
    assert!(wake.has_changed().unwrap());
    assert!(!store.unsuspend(&tenant("t"), &endpoint("e")).await.unwrap());
    assert!(!store.unsuspend(&tenant("t"), &endpoint("nobody")).await.unwrap());
    assert!(!store.unsuspend(&tenant("nobody"), &endpoint("e")).await.unwrap());
    let claimed: Vec<_> = claim(&store, 10).await.into_iter().map(|claimed| claimed.id).collect();
    assert_eq!(claimed, [before, during]);
}

#[tokio::test]
async fn an_endpoint_that_nothing_was_made_for_can_be_suspended() {
    let place = Place::new();
    let store = place.open().await;
    assert!(store.suspend(&tenant("t"), &endpoint("e"), suspension("by hand")).await.unwrap());
    fire(&store, "t", "a", vec![delivery("e")]).await;
    assert!(claim(&store, 10).await.is_empty());
    assert!(store.unsuspend(&tenant("t"), &endpoint("e")).await.unwrap());
    assert_eq!(claim(&store, 10).await.len(), 1);
}

#[tokio::test]
async fn what_was_under_way_is_recorded_although_its_endpoint_is_suspended() {
    let place = Place::new();
    let store = place.open().await;
    let ids = fire(&store, "t", "a", vec![delivery("e"), delivery("e"), delivery("e")]).await;
    let claimed = claim(&store, 0).await;
    assert!(settle(&store, &claimed[0], Settled::Diverted("gone".into()), true).await);
    assert!(settle(&store, &claimed[1], Settled::Delivered, false).await);
    assert!(settle(&store, &claimed[2], Settled::Pending { at: at(20), counts: true }, false).await);
    assert_eq!((row(&store, ids[0]).await.state, row(&store, ids[1]).await.state), (DeliveryState::Diverted, DeliveryState::Delivered));
    assert!(claim(&store, 30).await.is_empty());
    assert_eq!(alerts(&store).await, ["Diverted gone", "Suspended gone"], "it has not recovered while it is suspended");
    store.unsuspend(&tenant("t"), &endpoint("e")).await.unwrap();
    let again = claim(&store, 30).await;
    assert!(settle(&store, &again[0], Settled::Delivered, false).await);
    assert_eq!(alerts(&store).await, ["Diverted gone", "Suspended gone", "Recovered "]);
}

#[tokio::test]
async fn trouble_is_told_once_until_it_is_over_and_survives_a_restart() {
    let place = Place::new();
    let store = place.open().await;
    let made = (0..6).map(|_| delivery("e")).collect();
    fire(&store, "t", "a", made).await;
    let claimed = claim(&store, 0).await;
    assert!(settle(&store, &claimed[0], Settled::Delivered, false).await);
    assert!(alerts(&store).await.is_empty(), "nothing was wrong");
    assert!(settle(&store, &claimed[1], Settled::Failed("no".into()), false).await);
    assert!(settle(&store, &claimed[2], Settled::Diverted("no".into()), false).await);
    assert!(!settle(&store, &claimed[2], Settled::Diverted("no".into()), true).await, "recorded before: nothing follows");
    assert_eq!(alerts(&store).await, ["Failed no"]);
    drop(store);
    let store = place.open().await;
    // When the leases have ended.
    let claimed = claim(&store, 2_000).await;
    assert!(settle(&store, &claimed[0], Settled::Diverted("no".into()), false).await);
    assert_eq!(alerts(&store).await, ["Failed no"]);
    assert!(settle(&store, &claimed[1], Settled::Delivered, false).await);
    assert!(settle(&store, &claimed[2], Settled::Diverted("once more".into()), false).await);
    assert_eq!(alerts(&store).await, ["Failed no", "Recovered ", "Diverted once more"]);
}

#[tokio::test]
async fn what_cannot_be_sent_at_all_is_told_with_the_position_of_its_save() {
    let place = Place::new();
    let store = place.open().await;
    let unsendable = || NewDelivery { due: Err(Unsendable { why: "no URL".into(), alarm: Some(told()) }), ..delivery("e") };
    let id = fire(&store, "t", "a", vec![unsendable(), unsendable()]).await[0];
    let next = fire(&store, "t", "b", vec![delivery("e")]).await[0];
    assert_eq!(alerts(&store).await, ["Diverted no URL"]);
    let ops = lane(&store, "t", "ops").await.unwrap();
    let alert = store.claim(&ops, at(10), at(1000), oldest(9)).await.unwrap().remove(0);
    let (of_save, of_next) = (row(&store, id).await.sequence, row(&store, next).await.sequence);
    assert!(alert.sequence == of_save && of_save < of_next);
}

#[tokio::test]
async fn an_alert_is_a_delivery_like_any_other_with_a_position_of_its_own() {
    let place = Place::new();
    let store = place.open().await;
    let first = fire(&store, "t", "a", vec![delivery("e")]).await[0];
    store.suspend(&tenant("t"), &endpoint("e"), suspension("by hand")).await.unwrap();
    let last = fire(&store, "t", "b", vec![delivery("e")]).await[0];
    let ops = lane(&store, "t", "ops").await.unwrap();
    let alert = store.claim(&ops, at(10), at(1000), oldest(9)).await.unwrap().remove(0);
    assert!(row(&store, first).await.sequence < alert.sequence && alert.sequence < row(&store, last).await.sequence);
    let stored: Option<MessageId> = store.message(&tenant("t"), alert.message).await.unwrap().map(|message| message.id);
    assert_eq!(stored, Some(alert.message));
    assert!(settle(&store, &alert, Settled::Delivered, false).await);
}
