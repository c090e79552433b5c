//! Retention: what goes, what stays whatever its age, and that a sweep is the same as what was announced.

use webhookc::ids::DeliveryId;
use webhookc::retention::{Pace, sweep};
use webhookc::store::{
    Cutoffs, DeliveryFilter, DeliveryState, Effects, MessageFilter, ObjectChange, Page, Removed, Settled, Store, examine, prunable,
};

use crate::attempt::{end_all, take};
use crate::script::{Place, Script, at, delivery, fire, put, tenant, write};

/// Later than everything that the tests do.
const LATER: i64 = 1_000_000;

pub fn everything() -> Cutoffs {
    let later = Some(at(LATER));
    Cutoffs { delivered: later, diverted: later, failed: later, messages: later, traces: later, retired_keys: later, audit: later }
}

async fn deliveries(store: &Store) -> usize {
    let page = Page { before: None, limit: 10_000 };
    store.deliveries(&tenant("t"), &DeliveryFilter::default(), &page).await.unwrap().len()
}

async fn messages(store: &Store) -> usize {
    let page = Page { before: None, limit: 10_000 };
    store.messages(&tenant("t"), &MessageFilter::default(), &page).await.unwrap().len()
}

async fn exists(store: &Store, id: DeliveryId) -> bool {
    store.delivery(&tenant("t"), id).await.unwrap().is_some()
}

async fn delete(store: &Store, object: &str) {
    let effects = Effects { change: ObjectChange::Delete, operation: "delete", ..put("asset", object, "") };
    store.save(Script::new("t", vec![write(effects)])).await.unwrap();
}

#[tokio::test]
async fn each_state_has_its_own_time_and_what_is_not_settled_has_none() {
    let place = Place::new();
    let store = place.open().await;
    let delivered = fire(&store, "t", "a", vec![delivery("good")]).await[0];
    let diverted = fire(&store, "t", "b", vec![delivery("bad")]).await[0];
    let failed = fire(&store, "t", "f", vec![delivery("worse")]).await[0];
    let waiting = fire(&store, "t", "c", vec![delivery("later")]).await[0];
    let half = fire(&store, "t", "d", vec![delivery("good"), delivery("later")]).await;
    end_all(&store, "good", Settled::Delivered).await;
    end_all(&store, "bad", Settled::Diverted("no more attempts".to_owned())).await;
    end_all(&store, "worse", Settled::Failed("no more attempts".to_owned())).await;
    take(&store, "later", 0, 1).await;

    assert!(sweep(&store, &Cutoffs::default(), Pace::Full).await.unwrap().is_nothing(), "nothing was to be removed");
    let not_yet = Cutoffs { delivered: Some(at(12)), ..Cutoffs::default() };
    assert!(sweep(&store, &not_yet, Pace::Full).await.unwrap().is_nothing(), "settled at 12, which is not before 12");

    let good_ones = Cutoffs { delivered: Some(at(13)), ..Cutoffs::default() };
    let removed = sweep(&store, &good_ones, Pace::Full).await.unwrap();
    assert_eq!(removed, Removed { delivered: 2, ..Removed::default() });
    assert!(
        !exists(&store, delivered).await && exists(&store, diverted).await && exists(&store, failed).await && exists(&store, waiting).await
    );
    assert_eq!(store.attempts(&tenant("t"), delivered).await.unwrap().map(|attempts| attempts.len()), None);
    assert_eq!(messages(&store).await, 5, "messages were not to be removed");

    let failures = Cutoffs { failed: Some(at(13)), ..Cutoffs::default() };
    assert_eq!(sweep(&store, &failures, Pace::Full).await.unwrap(), Removed { failed: 1, ..Removed::default() });
    let removed = sweep(&store, &everything(), Pace::Full).await.unwrap();
    assert_eq!(removed, Removed { diverted: 1, messages: 3, traces: 5, ..Removed::default() });
    for kept in [waiting, half[1]] {
        assert!(exists(&store, kept).await, "one that is under way stays");
    }
    assert_eq!((deliveries(&store).await, messages(&store).await), (2, 2));
    for object in ["a", "b", "c", "d"] {
        assert!(store.object(&tenant("t"), "asset", object).await.unwrap().is_some(), "objects stay");
    }
    assert_eq!(take(&store, "later", 100, 10).await.len(), 2, "what stays can be sent");
    assert_eq!(examine(&place.url(), at(150)).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_sent_again_stays() {
    let place = Place::new();
    let store = place.open().await;
    let id = fire(&store, "t", "a", vec![delivery("e")]).await[0];
    end_all(&store, "e", Settled::Delivered).await;
    assert!(store.resend(&tenant("t"), id, at(50)).await.unwrap());
    sweep(&store, &everything(), Pace::Full).await.unwrap();
    assert_eq!(store.delivery(&tenant("t"), id).await.unwrap().unwrap().state, DeliveryState::Pending);
}

#[tokio::test]
async fn a_deletion_is_remembered_as_long_as_there_are_messages_about_the_object() {
    let place = Place::new();
    let store = place.open().await;
    fire(&store, "t", "a", vec![delivery("e")]).await;
    delete(&store, "a").await;
    let traces = Cutoffs { traces: Some(at(LATER)), ..Cutoffs::default() };
    assert_eq!(sweep(&store, &traces, Pace::Full).await.unwrap().traces, 1, "that of the creation");
    assert_eq!(examine(&place.url(), at(0)).await.unwrap(), []);
    end_all(&store, "e", Settled::Delivered).await;
    let announced = prunable(&place.url(), &everything()).await.unwrap();
    assert_eq!(announced, Removed { delivered: 1, messages: 1, traces: 1, ..Removed::default() });
    assert_eq!(sweep(&store, &everything(), Pace::Full).await.unwrap(), announced);
}

/// More than one step, more than one part of a step, and what stays in between.
#[tokio::test]
async fn a_sweep_goes_through_everything_and_removes_what_was_announced() {
    let place = Place::new();
    let store = place.open().await;
    for n in 0..400 {
        fire(&store, "t", &format!("a{n}"), ["e", "stays", "f", "g"].map(delivery).into()).await;
        fire(&store, "t", &format!("a{n}"), vec![delivery("e")]).await;
    }
    for name in ["e", "f", "g"] {
        end_all(&store, name, Settled::Delivered).await;
    }
    let announced = prunable(&place.url(), &everything()).await.unwrap();
    assert_eq!((announced.delivered, announced.messages, announced.traces), (1600, 400, 800));
    let removed = sweep(&store, &everything(), Pace::Gentle).await.unwrap();
    assert_eq!(removed, announced);
    assert_eq!((deliveries(&store).await, messages(&store).await), (400, 400));
    assert!(sweep(&store, &everything(), Pace::Full).await.unwrap().is_nothing());
    assert_eq!(examine(&place.url(), at(50)).await.unwrap(), []);
}

/// A save queued in the middle of a sweep is committed between two of its steps.
#[tokio::test]
async fn one_step_removes_a_bounded_part() {
    let place = Place::new();
    let store = place.open().await;
    fire(&store, "t", "a", (0..900).map(|_| delivery("e")).collect()).await;
    end_all(&store, "e", Settled::Delivered).await;
    let mut steps = Vec::new();
    let mut next = Some(webhookc::store::Sweep::START);
    while let Some(here) = next {
        let (removed, then) = store.prune(&everything(), here).await.unwrap();
        steps.push(removed.delivered);
        next = then;
    }
    assert_eq!(steps.iter().sum::<u64>(), 900);
    assert!(steps.iter().all(|removed| *removed <= 100), "{steps:?}");
}

#[tokio::test]
async fn replaced_keys_are_forgotten_after_their_grace() {
    let place = Place::new();
    let store = place.open().await;
    store.key("k", || vec![1]).await.unwrap();
    store.rotate_key("k", vec![2], at(10)).await.unwrap();
    store.rotate_key("k", vec![3], at(20)).await.unwrap();
    assert_eq!(store.key("k", || panic!("it exists")).await.unwrap(), [3]);
    let retired = |now| {
        let store = store.clone();
        async move { store.retired_keys("k", at(now)).await.unwrap().into_iter().map(|key| key.material).collect::<Vec<_>>() }
    };
    assert_eq!(retired(5).await, [[2], [1]]);
    assert_eq!(retired(10).await, [[2]], "the grace time ends with its last moment");
    let removed = sweep(&store, &Cutoffs { retired_keys: Some(at(15)), ..Cutoffs::default() }, Pace::Full).await.unwrap();
    assert_eq!(removed, Removed { retired_keys: 1, ..Removed::default() });
    assert_eq!(retired(0).await, [[2]]);
}
