//! What a node may still do that does not know yet that the others take it for gone, and what nobody waits for.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use webhookc::ids::{LaneId, Tenant};
use webhookc::store::{Claimed, Handover, Quota, Store, Way, Whole};

use crate::lanes::{lane, oldest};
use crate::script::{Place, at, delivery, fire};

/// Takes everything.
#[derive(Default)]
struct Taker(Mutex<Vec<Claimed>>);

impl Handover for Taker {
    fn reserve(&self, _: Way<'_>, _: Timestamp) -> Option<Timestamp> {
        Some(at(60_000))
    }

    fn release(&self, _: LaneId, _: &Tenant) {}

    fn hand_over(&self, deliveries: Vec<Claimed>) {
        self.0.lock().unwrap().extend(deliveries);
    }

    fn suspended(&self, _: LaneId) {}

    fn keep_within(&self, _: Arc<Quota>) -> Vec<LaneId> {
        Vec::new()
    }
}

#[tokio::test]
async fn a_node_that_is_taken_for_gone_leases_nothing_any_more() {
    let place = Place::new();
    let store = place.open().await;
    fire(&store, "t", "a", vec![delivery("e")]).await;
    let lane = lane(&store, "t", "e").await.unwrap();
    let node: i64 = place.change("SELECT max(row) FROM nodes").parse().unwrap();
    let taker = Arc::new(Taker::default());
    place.change("DELETE FROM nodes");
    // It finds out at its next look, and is another node from then on.
    let claimed = store.claim(&lane, at(0), at(60_000), oldest(10)).await.unwrap();
    assert!(claimed.iter().all(|claimed| claimed.node != node), "claimed by a node that is gone");
    while place.change("SELECT count(*) FROM nodes") == "0" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    store.hand_over_to(Some(Arc::<Taker>::clone(&taker)));
    fire(&store, "t", "b", vec![delivery("e")]).await;
    assert_eq!(taker.0.lock().unwrap().len(), 1, "what it makes is its own while it counts");
    let node = taker.0.lock().unwrap().remove(0).node;
    place.change("DELETE FROM nodes");
    fire(&store, "t", "c", vec![delivery("e")]).await;
    assert!(taker.0.lock().unwrap().iter().all(|claimed| claimed.node != node), "made for a node that is gone");
    store.hand_over_to(None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_passes_by_what_somebody_has_in_hand() {
    let place = Place::new();
    let store = place.open().await;
    for object in ["a", "b", "c"] {
        fire(&store, "t", object, vec![delivery("e")]).await;
    }
    let lane = lane(&store, "t", "e").await.unwrap();
    let held = std::thread::scope(|scope| {
        let holder =
            scope.spawn(|| place.change("BEGIN; SELECT row FROM deliveries ORDER BY row LIMIT 1 FOR UPDATE; SELECT pg_sleep(4); COMMIT"));
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
        while place.change(waits) == "0" {
            std::thread::sleep(Duration::from_millis(20));
        }
        let claimed =
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(store.claim(&lane, at(0), at(60_000), oldest(10))));
        let is_held = !holder.is_finished();
        holder.join().unwrap();
        (claimed.unwrap().len(), is_held)
    });
    assert_eq!(held, (2, true), "the other two, without waiting for the first");
}

/// Waits until a node has so many of four places.
async fn has(store: &Store, places: usize) {
    let began = Instant::now();
    let whole = Whole { places: 4, timeout: Duration::from_secs(1) };
    loop {
        let part = store.quota().part(LaneId(0), whole, Instant::now());
        if part.mine == places {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{part:?}, expected {places}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn who_sends_nothing_takes_nothing_from_those_that_do() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let taker = || Some(Arc::new(Taker::default()) as Arc<dyn Handover>);
    has(&one, 0).await;
    one.hand_over_to(taker());
    has(&one, 4).await;
    assert_eq!(two.crew().size, 2, "it is a node all the same");
    two.hand_over_to(taker());
    has(&one, 2).await;
    has(&two, 2).await;
    two.hand_over_to(None);
    has(&one, 4).await;
    has(&two, 0).await;
}

#[tokio::test]
async fn the_places_of_a_node_that_takes_its_leave_are_the_others_at_once() {
    let place = Place::new();
    let taker = || Some(Arc::new(Taker::default()) as Arc<dyn Handover>);
    let (one, two) = (place.open().await, place.open().await);
    one.hand_over_to(taker());
    two.hand_over_to(taker());
    let mut took = Vec::new();
    for _ in 0..5 {
        let third = place.open().await;
        third.hand_over_to(taker());
        has(&third, 1).await;
        has(&one, 2).await;
        has(&two, 1).await;
        let began = Instant::now();
        third.hand_over_to(None);
        third.close().await;
        has(&one, 2).await;
        has(&two, 2).await;
        took.push(began.elapsed());
    }
    took.sort();
    // All look at each other once a second anyway, and two have to agree.
    assert!(took[2] < Duration::from_millis(500), "{took:?}");
}

#[tokio::test]
async fn a_node_that_was_away_gives_the_others_time_to_be_heard_of_again() {
    let place = Place::new();
    let store = place.open().await;
    // The server has ended all sessions, and another node has not made its own anew yet.
    place.change(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
        INSERT INTO nodes (version, pid, seen_at) VALUES ('x', 0, clock_timestamp() - interval '20 s')",
    );
    tokio::time::sleep(Duration::from_secs(3)).await;
    let others = "SELECT count(*) FROM nodes WHERE version = 'x'";
    assert_eq!(place.change(others), "1", "it is about to");
    while place.change(others) != "0" {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    store.close().await;
}

#[tokio::test]
async fn a_node_that_was_last_heard_of_before_the_clock_was_set_back_is_gone() {
    let place = Place::new();
    let store = place.open().await;
    place.change(
        "INSERT INTO nodes (version, pid, seen_at)
            SELECT 'x', pid, clock_timestamp() + interval '1 hour' FROM pg_stat_activity WHERE datname = current_database() LIMIT 1",
    );
    while place.change("SELECT count(*) FROM nodes WHERE version = 'x'") != "0" {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    store.close().await;
}
