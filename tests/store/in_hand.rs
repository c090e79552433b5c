//! What is being sent, or waits to be recorded, when its lease ends, as while the store stands still: it is not claimed again.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use rustc_hash::FxHashMap;
use webhookc::ids::{LaneId, Tenant};
use webhookc::store::{Claimed, Handover, Quota, Settled, Share, Slot, Way};

use crate::attempt::finished;
use crate::lanes::{lane, oldest};
use crate::script::{Place, at, delivery, fire};

/// Has these in hand, and takes nothing as it is made.
#[derive(Default)]
struct Hand(Mutex<Vec<Claimed>>);

impl Handover for Hand {
    fn reserve(&self, _: Way<'_>, _: Timestamp) -> Option<Timestamp> {
        None
    }

    fn release(&self, _: LaneId, _: &Tenant) {}

    fn hand_over(&self, _: Vec<Claimed>) {}

    fn suspended(&self, _: LaneId) {}

    fn in_hand(&self, lane: LaneId) -> FxHashMap<Slot, Timestamp> {
        let held = self.0.lock().unwrap();
        held.iter().filter(|held| held.lane == lane).map(|held| (held.slot, held.lease_until)).collect()
    }

    fn keep_within(&self, _: Arc<Quota>) -> Vec<LaneId> {
        Vec::new()
    }
}

/// Who gets fewer than he asked for takes it that no more are due.
#[tokio::test]
async fn others_are_claimed_for_what_is_in_hand_already() {
    let place = Place::new();
    let store = place.open().await;
    let hand = Arc::new(Hand::default());
    store.hand_over_to(Some(Arc::<Hand>::clone(&hand)));
    fire(&store, "t", "a", (0..40).map(|_| delivery("e")).collect()).await;
    let lane = lane(&store, "t", "e").await.unwrap();
    let held = store.claim(&lane, at(0), at(10), oldest(10)).await.unwrap();
    hand.0.lock().unwrap().extend(held.iter().cloned());
    // Their leases have ended: they have come due last.
    let claimed = store.claim(&lane, at(20), at(60), Share { oldest: 8, newest: 4 }).await.unwrap();
    assert_eq!(claimed.len(), 12);
    let rest = store.claim(&lane, at(20), at(60), Share { oldest: 50, newest: 0 }).await.unwrap();
    assert_eq!(rest.len(), 18, "all but those in hand");
    assert!(claimed.iter().chain(&rest).all(|claimed| held.iter().all(|held| held.slot != claimed.slot)));
    let due = store.due(at(20), None, 10).await.unwrap();
    assert!(due.lanes.is_empty() && due.next.is_some_and(|next| next > at(20)), "nothing is looked for while they are in hand: {due:?}");
    let recorded = store.settle(vec![finished(&held[0], Settled::Delivered)]).await.unwrap();
    assert_eq!(recorded, [true], "what was sent is recorded when the store goes on");
    hand.0.lock().unwrap().clear();
    assert_eq!(store.claim(&lane, at(90), at(100), oldest(50)).await.unwrap().len(), 39);
}

/// The numbers of deliveries may be those of another tenant's.
#[tokio::test]
async fn what_is_in_hand_of_one_tenant_holds_up_no_other() {
    let place = Place::new();
    let store = place.open().await;
    let hand = Arc::new(Hand::default());
    store.hand_over_to(Some(Arc::<Hand>::clone(&hand)));
    for tenant in ["t", "u"] {
        fire(&store, tenant, "a", vec![delivery("e")]).await;
    }
    let (one, two) = (lane(&store, "t", "e").await.unwrap(), lane(&store, "u", "e").await.unwrap());
    let held = store.claim(&one, at(0), at(10), oldest(9)).await.unwrap();
    hand.0.lock().unwrap().extend(held);
    assert_eq!(store.claim(&two, at(0), at(10), oldest(9)).await.unwrap().len(), 1);
    assert_eq!(store.claim(&two, at(20), at(30), oldest(9)).await.unwrap().len(), 1, "nobody has it in hand");
    assert!(store.claim(&one, at(20), at(30), oldest(9)).await.unwrap().is_empty());
}
