//! What is being sent, or waits to be recorded, when its lease ends: in a store with one node nobody else can have it.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use webhookc::ids::{LaneId, Tenant};
use webhookc::store::{Claimed, Handover, Quota, Share, Slot, Way};

use crate::lanes::{lane, oldest};
use crate::script::{Place, at, delivery, fire};

/// Has these in hand, and takes nothing as it is made.
#[derive(Default)]
struct Hand(Mutex<Vec<Slot>>);

impl Handover for Hand {
    fn reserve(&self, _: Way<'_>, _: Timestamp) -> Option<Timestamp> {
        None
    }

    fn release(&self, _: LaneId, _: &Tenant) {}

    fn hand_over(&self, _: Vec<Claimed>) {}

    fn suspended(&self, _: LaneId) {}

    fn has_in_hand(&self, slot: Slot) -> bool {
        self.0.lock().unwrap().contains(&slot)
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
    hand.0.lock().unwrap().extend(held.iter().map(|held| held.slot));
    // Their leases have ended: they have come due last.
    let claimed = store.claim(&lane, at(20), at(60), Share { oldest: 8, newest: 4 }).await.unwrap();
    assert_eq!(claimed.len(), 12);
    let rest = store.claim(&lane, at(20), at(60), Share { oldest: 50, newest: 0 }).await.unwrap();
    assert_eq!(rest.len(), 18, "all but those in hand");
    assert!(claimed.iter().chain(&rest).all(|claimed| held.iter().all(|held| held.slot != claimed.slot)));
    hand.0.lock().unwrap().clear();
    assert_eq!(store.claim(&lane, at(70), at(80), oldest(50)).await.unwrap().len(), 40);
}
