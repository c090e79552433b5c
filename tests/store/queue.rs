//! Claiming, settling, ordering, resending, and the wake-up.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use webhookc::ids::DeliveryId;
use webhookc::store::{Claimed, DeliveryState, NewDelivery, Settled, Store, Unsendable};
use webhookc::template::{Part, RenderedText};

use crate::attempt::{finished, timing};
use crate::lanes::{due, lane, oldest};
use crate::script::{Place, at, delivery, endpoint, fire, tenant};

async fn claim(store: &Store, name: &str, now: i64) -> Vec<Claimed> {
    match lane(store, "t", name).await {
        Some(lane) => store.claim(&lane, at(now), at(now + 1000), oldest(100)).await.unwrap(),
        None => Vec::new(),
    }
}

fn ids(claimed: &[Claimed]) -> Vec<DeliveryId> {
    claimed.iter().map(|claimed| claimed.id).collect()
}

async fn state(store: &Store, id: DeliveryId) -> DeliveryState {
    store.delivery(&tenant("t"), id).await.unwrap().unwrap().state
}

async fn settle(store: &Store, claimed: &Claimed, then: Settled) -> bool {
    store.settle(vec![finished(claimed, then)]).await.unwrap()[0]
}

#[tokio::test]
async fn a_claim_brings_everything_that_is_sent() {
    let place = Place::new();
    let store = place.open().await;
    let url = RenderedText { parts: vec![Part::Text("https://a.example/".into()), Part::Secret("token".into())] };
    let own = NewDelivery { url: url.clone(), body: Some(("text/plain".into(), Bytes::from_static(b"own"))), ..delivery("e") };
    let made = fire(&store, "t", "a", vec![delivery("e"), own, delivery("f")]).await;
    assert_eq!(due(&store, 0).await, (vec![endpoint("e"), endpoint("f")], None));
    let claimed = claim(&store, "e", 0).await;
    assert_eq!(ids(&claimed), made[..2]);
    let [default, own] = &claimed[..] else { panic!("{claimed:?}") };
    assert_eq!((&*default.body, &*default.content_type), (&b"{\"default\":1}"[..], "application/json"));
    assert_eq!((&*own.body, &*own.content_type, &own.url), (&b"own"[..], "text/plain", &url));
    assert_eq!((&*default.event, &*default.method, default.attempts, default.spent), ("asset_ready", "POST", 0, 0));
    assert_eq!(*default.headers, [("x-a".into(), RenderedText::plain("1"))]);
    assert_eq!((default.tenant.as_str(), default.message), ("t", own.message));
    assert!(claim(&store, "e", 0).await.is_empty(), "what is claimed is not claimed again");
    assert_eq!(due(&store, 0).await, (vec![endpoint("f")], Some(at(1000))), "the end of the lease is the next thing due");
    assert!(claim(&store, "nobody", 0).await.is_empty());
}

#[tokio::test]
async fn attempts_are_recorded_and_lead_to_the_end_or_to_another_attempt() {
    let place = Place::new();
    let store = place.open().await;
    let id = fire(&store, "t", "a", vec![delivery("e")]).await[0];
    let first = claim(&store, "e", 0).await.remove(0);
    assert_eq!(state(&store, id).await, DeliveryState::Sending);
    assert!(settle(&store, &first, Settled::Pending { at: at(500), counts: true }).await);
    let row = store.delivery(&tenant("t"), id).await.unwrap().unwrap();
    assert_eq!((row.state, row.due_at, row.last_status, row.attempts), (DeliveryState::Pending, Some(at(500)), Some(500), 1));
    assert_eq!(row.reason.as_deref(), Some("answered 500"));
    assert!(claim(&store, "e", 499).await.is_empty());
    assert_eq!(due(&store, 499).await, (vec![], Some(at(500))));

    let second = claim(&store, "e", 500).await.remove(0);
    assert_eq!((second.attempts, second.spent), (1, 1));
    assert!(settle(&store, &second, Settled::Pending { at: at(600), counts: false }).await);
    let third = claim(&store, "e", 600).await.remove(0);
    assert_eq!((third.attempts, third.spent), (2, 1), "an attempt that does not count is not spent");
    assert!(settle(&store, &third, Settled::Delivered).await);
    let row = store.delivery(&tenant("t"), id).await.unwrap().unwrap();
    assert_eq!((row.state, row.due_at, row.reason, row.settled_at), (DeliveryState::Delivered, None, None, Some(at(12))));
    assert!(claim(&store, "e", 10_000).await.is_empty(), "nothing is left of the last lease");
    assert_eq!(due(&store, 10_000).await, (vec![], None));

    let attempts = store.attempts(&tenant("t"), id).await.unwrap().unwrap();
    assert_eq!(
        attempts.iter().map(|attempt| (attempt.number, attempt.status)).collect::<Vec<_>>(),
        [(1, Some(500)), (2, Some(500)), (3, Some(200))]
    );
    let last = attempts.last().unwrap();
    assert_eq!((last.started_at, last.took, last.response_body.as_deref()), (at(5), Duration::from_micros(7_654), Some(&b"ok"[..])));
    assert_eq!(last.response_headers.as_deref(), Some("[[\"a\",\"b\"]]"));
    assert_eq!(last.timing, timing());
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_records_nothing() {
    let place = Place::new();
    let store = place.open().await;
    let id = fire(&store, "t", "a", vec![delivery("e")]).await[0];
    let slow = claim(&store, "e", 0).await.remove(0);
    assert!(claim(&store, "e", 999).await.is_empty());
    let quick = claim(&store, "e", 1000).await.remove(0);
    assert!(quick.fence > slow.fence);
    assert!(!settle(&store, &slow, Settled::Delivered).await);
    assert_eq!(state(&store, id).await, DeliveryState::Sending);
    assert!(store.attempts(&tenant("t"), id).await.unwrap().unwrap().is_empty());
    assert!(settle(&store, &quick, Settled::Diverted("enough".into())).await);
    assert!(!settle(&store, &quick, Settled::Delivered).await, "an end is recorded once");
    let row = store.delivery(&tenant("t"), id).await.unwrap().unwrap();
    assert_eq!((row.state, row.reason.as_deref()), (DeliveryState::Diverted, Some("enough")));
}

#[tokio::test]
async fn what_was_under_way_in_a_crash_is_due_at_once_and_the_dead_cannot_record() {
    let place = Place::new();
    let store = place.open().await;
    let id = fire(&store, "t", "a", vec![delivery("e")]).await[0];
    // Its lease has not ended when the node was last heard of.
    let lane = lane(&store, "t", "e").await.unwrap();
    let lease_until = Timestamp::now().saturating_add(Duration::from_mins(1)).unwrap();
    let lost = store.claim(&lane, at(0), lease_until, oldest(100)).await.unwrap().remove(0);
    drop(store);
    place.wait_for_the_end().await;
    let store = place.open().await;
    assert_eq!(state(&store, id).await, DeliveryState::Pending);
    let again = claim(&store, "e", 0).await.remove(0);
    assert_eq!(again.id, id);
    assert!(!settle(&store, &lost, Settled::Delivered).await);
    assert!(settle(&store, &again, Settled::Delivered).await);
}

#[tokio::test]
async fn ordered_deliveries_of_an_object_wait_for_each_other() {
    let place = Place::new();
    let store = place.open().await;
    let ordered = |name: &str| NewDelivery { ordered: true, ..delivery(name) };
    let first = fire(&store, "t", "a", vec![ordered("e")]).await[0];
    let second = fire(&store, "t", "a", vec![ordered("e")]).await[0];
    let third = fire(&store, "t", "a", vec![ordered("e")]).await[0];
    let other_object = fire(&store, "t", "b", vec![ordered("e")]).await[0];
    let other_endpoint = fire(&store, "t", "a", vec![ordered("f")]).await[0];
    let other_tenant = fire(&store, "u", "a", vec![ordered("e")]).await[0];
    let unordered = fire(&store, "t", "a", vec![delivery("e")]).await[0];

    let claimed = claim(&store, "e", 0).await;
    assert_eq!(ids(&claimed), [first, other_object, unordered]);
    let lane_of_other = lane(&store, "u", "e").await.unwrap();
    let of_other = store.claim(&lane_of_other, at(0), at(1000), oldest(9)).await.unwrap();
    assert_eq!(ids(&of_other), [other_tenant], "an endpoint of the same name of another tenant is another one");
    assert_eq!(ids(&claim(&store, "f", 0).await), [other_endpoint]);
    assert!(settle(&store, &claimed[0], Settled::Pending { at: at(10), counts: true }).await);
    assert!(settle(&store, &claimed[2], Settled::Delivered).await);
    assert!(claim(&store, "e", 9).await.is_empty(), "a retry holds the later ones too");
    let again = claim(&store, "e", 10).await;
    assert_eq!(ids(&again), [first]);
    assert!(settle(&store, &again[0], Settled::Diverted("gone".into())).await);
    let next = claim(&store, "e", 10).await;
    assert_eq!(ids(&next), [second]);
    // The diverted one is sent again while the second is under way: the third waits for both.
    assert!(store.resend(&tenant("t"), first, at(11)).await.unwrap());
    assert!(settle(&store, &next[0], Settled::Pending { at: at(11), counts: true }).await);
    let resent = claim(&store, "e", 11).await;
    assert_eq!(ids(&resent), [first]);
    assert!(settle(&store, &resent[0], Settled::Delivered).await);
    let next = claim(&store, "e", 11).await;
    assert_eq!(ids(&next), [second]);
    assert!(settle(&store, &next[0], Settled::Delivered).await);
    assert_eq!(ids(&claim(&store, "e", 11).await), [third]);
}

#[tokio::test]
async fn a_resend_is_due_at_once_unless_it_is_under_way() {
    let place = Place::new();
    let store = place.open().await;
    let id = fire(&store, "t", "a", vec![delivery("e")]).await[0];
    let claimed = claim(&store, "e", 0).await.remove(0);
    assert!(!store.resend(&tenant("t"), id, at(1)).await.unwrap(), "under way");
    assert!(settle(&store, &claimed, Settled::Delivered).await);
    assert!(!store.resend(&tenant("u"), id, at(1)).await.unwrap(), "of another tenant");
    assert!(store.resend(&tenant("t"), id, at(1)).await.unwrap());
    let again = claim(&store, "e", 1).await.remove(0);
    assert_eq!((again.id, again.message, again.attempts), (id, claimed.message, 1));
    assert!(settle(&store, &again, Settled::Delivered).await);
    assert_eq!(store.attempts(&tenant("t"), id).await.unwrap().unwrap().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_sent_is_diverted_from_the_start() {
    let place = Place::new();
    let store = place.open().await;
    let refused = NewDelivery { due: Err(Unsendable { why: "the URL has an empty segment".into(), alarm: None }), ..delivery("e") };
    let id = fire(&store, "t", "a", vec![refused]).await[0];
    assert_eq!(due(&store, 1).await, (vec![], None));
    let row = store.delivery(&tenant("t"), id).await.unwrap().unwrap();
    assert_eq!(
        (row.state, row.reason.as_deref(), row.settled_at),
        (DeliveryState::Diverted, Some("the URL has an empty segment"), Some(at(0)))
    );
}

#[tokio::test]
async fn the_wake_up_rings_for_what_is_due_and_for_nothing_else() {
    let place = Place::new();
    let store = place.open().await;
    let mut wake = store.wake();
    let mut rang = || {
        let rang = wake.has_changed().unwrap();
        wake.borrow_and_update();
        rang
    };
    fire(&store, "t", "a", vec![]).await;
    assert!(!rang());
    let id = fire(&store, "t", "a", vec![delivery("e")]).await[0];
    assert!(rang());
    let claimed = claim(&store, "e", 0).await.remove(0);
    assert!(!rang());
    settle(&store, &claimed, Settled::Delivered).await;
    assert!(!rang());
    store.resend(&tenant("t"), id, at(1)).await.unwrap();
    assert!(rang());
}

#[tokio::test]
async fn a_claim_takes_the_oldest_up_to_its_limit() {
    let place = Place::new();
    let store = place.open().await;
    let due = |milliseconds| NewDelivery { due: Ok(at(milliseconds)), ..delivery("e") };
    let made = fire(&store, "t", "a", vec![due(30), due(10), due(20), due(9000)]).await;
    let first = store.claim(&lane(&store, "t", "e").await.unwrap(), at(50), at(1050), oldest(2)).await.unwrap();
    assert_eq!(ids(&first), [made[1], made[2]]);
    assert_eq!(ids(&claim(&store, "e", 50).await), [made[0]]);
}

#[tokio::test]
async fn what_is_due_later_moves_with_the_clock_and_what_is_due_stays() {
    const DAY: i64 = 86_400_000;
    let place = Place::new();
    let store = place.open().await;
    let now = at(0).as_millisecond();
    let waiting = NewDelivery { due: Ok(at(5_000)), ..delivery("waiting") };
    fire(&store, "t", "a", vec![delivery("due"), delivery("leased"), waiting]).await;
    let leased = claim(&store, "leased", 0).await.remove(0);
    store.shift_due(now, DAY).await.unwrap();
    assert_eq!(due(&store, 0).await, (vec![endpoint("due")], Some(at(DAY + 1_000))));
    assert_eq!(due(&store, DAY + 4_999).await, (vec![endpoint("due"), endpoint("leased")], Some(at(DAY + 5_000))));
    assert!(settle(&store, &leased, Settled::Delivered).await, "the lease is still that of the claim");
    store.shift_due(now, -DAY).await.unwrap();
    assert_eq!(due(&store, 0).await, (vec![endpoint("due")], Some(at(5_000))));
}
