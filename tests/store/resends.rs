//! Resends: what a step makes due, at which rate, in which order, and how a resend ends.

use std::collections::BTreeSet;

use webhookc::delivery::Rate;
use webhookc::ids::{DeliveryId, ResendId};
use webhookc::store::{
    DeliveryFilter, DeliveryState, Effects, NewDelivery, NewResend, Page, RUNNING_RESENDS, ResendRow, ResendState, Settled, Span, Store,
};

use crate::attempt::{end_all, finished};
use crate::lanes::{lane, oldest};
use crate::script::{Place, Script, at, delivery, endpoint, fire, message, put, tenant, write};

/// Saves an object at a time, with one message for an endpoint.
async fn fire_at(store: &Store, object: &str, milliseconds: i64, to: NewDelivery) -> DeliveryId {
    let message = message("asset_ready", "asset", object, vec![to]);
    let id = DeliveryId::of(message.id, 0);
    let effects = Effects { at: at(milliseconds), messages: vec![message], ..put("asset", object, "{}") };
    store.save(Script::new("t", vec![write(effects)])).await.unwrap();
    id
}

fn wish(number: u128, filter: DeliveryFilter) -> NewResend {
    let id = ResendId(uuid::Uuid::from_u128(number));
    NewResend { id, filter, after: None, rate: Rate::per_second(1_000_000), matched: 0, at: at(1_000) }
}

async fn row(store: &Store, number: u128) -> ResendRow {
    store.resend_of_id(&tenant("t"), ResendId(uuid::Uuid::from_u128(number))).await.unwrap().unwrap()
}

/// Steps until no resend is running.
async fn finish(store: &Store) -> usize {
    for steps in 0..1_000 {
        if store.advance_resends(at(2_000)).await.unwrap().is_none() {
            return steps;
        }
    }
    panic!("it does not end");
}

async fn pending(store: &Store) -> BTreeSet<DeliveryId> {
    let filter = DeliveryFilter { states: vec![DeliveryState::Pending], ..DeliveryFilter::default() };
    let rows = store.deliveries(&tenant("t"), &filter, &Page { before: None, limit: 10_000 }).await.unwrap();
    rows.into_iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn what_a_filter_lets_through_is_made_due_once_the_oldest_first() {
    let place = Place::new();
    let store = place.open().await;
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(fire_at(&store, &format!("o{n}"), n * 10, delivery(if n < 4 { "e" } else { "f" })).await);
    }
    end_all(&store, "e", Settled::Delivered).await;
    end_all(&store, "f", Settled::Diverted("no".into())).await;
    fire(&store, "u", "o0", vec![delivery("e")]).await;

    let span = Span { from: Some(at(10)), until: Some(at(30)) };
    let cases = [
        (DeliveryFilter { endpoint: Some(endpoint("e")), ..Default::default() }, vec![0, 1, 2, 3]),
        (DeliveryFilter { states: vec![DeliveryState::Diverted, DeliveryState::Failed], ..Default::default() }, vec![4, 5]),
        (DeliveryFilter { states: vec![DeliveryState::Delivered], span, ..Default::default() }, vec![1, 2]),
        (DeliveryFilter { model: Some("asset".into()), object: Some("o5".into()), ..Default::default() }, vec![5]),
        (DeliveryFilter { object: Some("o2".into()), ..Default::default() }, vec![2]),
        (DeliveryFilter { event: Some("asset_ready".into()), span, ..Default::default() }, vec![1, 2]),
        (DeliveryFilter { endpoint: Some(endpoint("f")), span, ..Default::default() }, vec![]),
        (DeliveryFilter { states: vec![DeliveryState::Failed], ..Default::default() }, vec![]),
        (DeliveryFilter { event: Some("other".into()), ..Default::default() }, vec![]),
        (DeliveryFilter { endpoint: Some(endpoint("g")), ..Default::default() }, vec![]),
    ];
    for (number, (filter, expected)) in (1..).zip(cases) {
        let expected: BTreeSet<DeliveryId> = expected.into_iter().map(|n: usize| ids[n]).collect();
        let counted = store.count_deliveries(&tenant("t"), &filter.clone().resendable(), None).await.unwrap();
        assert_eq!(counted, expected.len() as u64, "{filter:?}");
        assert!(store.begin_resend(&tenant("t"), wish(number, filter.clone())).await.unwrap());
        finish(&store).await;
        assert_eq!(pending(&store).await, expected, "{filter:?}");
        let done = row(&store, number).await;
        assert_eq!((done.state, done.resent, done.ended_at), (ResendState::Done, expected.len() as u64, Some(at(2_000))));
        assert_eq!(done.last, expected.last().copied(), "the newest is the last");
        // What is on its way is not sent a second time.
        assert!(store.begin_resend(&tenant("t"), wish(100 + number, filter)).await.unwrap());
        finish(&store).await;
        assert_eq!(row(&store, 100 + number).await.resent, 0);
        for (name, then) in [("e", Settled::Delivered), ("f", Settled::Diverted("no".into()))] {
            let Some(lane) = lane(&store, "t", name).await else { continue };
            let claimed = store.claim(&lane, at(3_000), at(4_000), oldest(100)).await.unwrap();
            let attempts = claimed.iter().map(|claimed| finished(claimed, then.clone())).collect();
            assert!(store.settle(attempts).await.unwrap().into_iter().all(|recorded| recorded));
        }
    }
    let rows = store.resends(&tenant("t"), &Page { before: None, limit: 3 }).await.unwrap();
    let next = Page { before: rows.last().map(|row| row.id), limit: 100 };
    assert_eq!((rows.len(), store.resends(&tenant("t"), &next).await.unwrap().len()), (3, 17), "newest first, in parts");
    assert!(store.resends(&tenant("u"), &Page { before: None, limit: 9 }).await.unwrap().is_empty());
    assert_eq!(store.resend_of_id(&tenant("u"), rows[0].id).await.unwrap(), None);
    assert_eq!(store.stop_resend(&tenant("u"), rows[0].id, at(0)).await.unwrap(), None);
}

#[tokio::test]
async fn it_begins_behind_a_delivery_and_ends_with_the_youngest_of_its_begin() {
    let place = Place::new();
    let store = place.open().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        // All of one millisecond, as the saves of a batch are.
        ids.push(fire_at(&store, &format!("o{n}"), 7, delivery("e")).await);
    }
    end_all(&store, "e", Settled::Delivered).await;
    let filter = DeliveryFilter { endpoint: Some(endpoint("e")), ..Default::default() };
    assert_eq!(store.count_deliveries(&tenant("t"), &filter, Some(ids[1])).await.unwrap(), 3);
    assert!(store.begin_resend(&tenant("t"), NewResend { after: Some(ids[1]), ..wish(1, filter) }).await.unwrap());
    fire_at(&store, "young", 8, delivery("e")).await;
    end_all(&store, "e", Settled::Delivered).await;
    finish(&store).await;
    assert_eq!(pending(&store).await, ids[2..].iter().copied().collect());
}

#[tokio::test]
async fn the_rate_is_kept_and_what_was_done_outlives_the_process() {
    let place = Place::new();
    let mut store = place.open().await;
    for n in 0..50 {
        fire_at(&store, &format!("o{n}"), n, delivery("e")).await;
    }
    end_all(&store, "e", Settled::Delivered).await;
    let filter = DeliveryFilter { endpoint: Some(endpoint("e")), ..Default::default() };
    assert!(store.begin_resend(&tenant("t"), NewResend { rate: Rate::per_second(100), ..wish(1, filter) }).await.unwrap());
    let (mut now, mut seen) = (1_000, Vec::new());
    while let Some(next) = store.advance_resends(at(now)).await.unwrap() {
        let resent = row(&store, 1).await.resent;
        seen.push((now, resent));
        assert!(resent <= u64::try_from((now - 1_000) / 10).unwrap() + 20, "{seen:?}");
        // Too early: nothing happens.
        if next > at(now) {
            store.advance_resends(at(now)).await.unwrap();
            assert_eq!(row(&store, 1).await.resent, resent, "{seen:?}");
            store.close().await;
            store = place.open().await;
        }
        now = next.as_millisecond() - at(0).as_millisecond();
    }
    let done = row(&store, 1).await;
    assert_eq!((done.state, done.resent), (ResendState::Done, 50));
    assert!(now - 1_000 >= 300, "50 at 100 a second: {seen:?}");
    assert_eq!(pending(&store).await.len(), 50);
}

#[tokio::test]
async fn one_that_is_stopped_does_nothing_more_and_only_so_many_run() {
    let place = Place::new();
    let store = place.open().await;
    fire_at(&store, "o", 0, delivery("e")).await;
    end_all(&store, "e", Settled::Delivered).await;
    let filter = DeliveryFilter { endpoint: Some(endpoint("e")), ..Default::default() };
    for number in 0..RUNNING_RESENDS {
        assert!(store.begin_resend(&tenant("t"), wish(number as u128, filter.clone())).await.unwrap());
    }
    assert!(!store.begin_resend(&tenant("t"), wish(99, filter.clone())).await.unwrap(), "as many as may run are running");
    assert!(store.begin_resend(&tenant("v"), wish(100, filter.clone())).await.unwrap(), "another tenant's are its own affair");
    for number in 0..RUNNING_RESENDS {
        let id = ResendId(uuid::Uuid::from_u128(number as u128));
        let stopped = store.stop_resend(&tenant("t"), id, at(1_500)).await.unwrap().unwrap();
        assert_eq!((stopped.state, stopped.ended_at), (ResendState::Stopped, Some(at(1_500))));
        assert_eq!(store.stop_resend(&tenant("t"), id, at(9_000)).await.unwrap(), Some(stopped), "it ended before");
    }
    finish(&store).await;
    assert!(pending(&store).await.is_empty());
    // A month after its end it is forgotten.
    let late = NewResend { at: at(31 * 86_400_000), ..wish(99, filter) };
    assert!(store.begin_resend(&tenant("t"), late).await.unwrap());
    assert_eq!(store.resends(&tenant("t"), &Page { before: None, limit: 99 }).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_list_goes_on_behind_one_that_is_forgotten() {
    let place = Place::new();
    let store = place.open().await;
    fire_at(&store, "o", 0, delivery("e")).await;
    end_all(&store, "e", Settled::Delivered).await;
    let begin = async |day: i64, number: u128| {
        let at = at(day * 86_400_000);
        let id = ResendId(uuid::Uuid::from_u128(u128::from(at.as_millisecond().unsigned_abs()) << 80 | number));
        let filter = DeliveryFilter { endpoint: Some(endpoint("e")), ..Default::default() };
        assert!(store.begin_resend(&tenant("t"), NewResend { id, at, ..wish(1, filter) }).await.unwrap());
        id
    };
    let ids = [begin(1, 1).await, begin(2, 2).await, begin(2, 3).await];
    store.stop_resend(&tenant("t"), ids[1], at(3 * 86_400_000)).await.unwrap();
    let last = begin(34, 4).await;
    let page = async |before: Option<ResendId>| -> Vec<ResendId> {
        let rows = store.resends(&tenant("t"), &Page { before, limit: 99 }).await.unwrap();
        rows.into_iter().map(|row| row.id).collect()
    };
    assert_eq!(page(None).await, [last, ids[2], ids[0]]);
    assert_eq!(page(Some(ids[2])).await, [ids[0]]);
    // What was made in the same millisecond comes again, and nothing older is left out.
    assert_eq!(page(Some(ids[1])).await, [ids[2], ids[0]]);
}
