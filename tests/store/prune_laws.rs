//! Laws of retention on random histories: whatever was saved, sent, failed, resent and deleted, and whatever is kept for how long, a
//! sweep removes what was announced, only what has ended before its time, and leaves a store without findings.

use std::collections::BTreeMap;

use webhookc::ids::DeliveryId;
use webhookc::retention::{Pace, sweep};
use webhookc::store::{
    Cutoffs, DeliveryFilter, DeliveryRow, DeliveryState, Effects, NewDelivery, ObjectChange, Page, Settled, Store, Unsendable, examine,
    prunable,
};

use crate::attempt::{finished, take};
use crate::script::{Place, Script, at, delivery, message, put, tenant, write};

const HISTORIES: u64 = 12;
const STEPS: u64 = 60;
const ENDPOINTS: [&str; 3] = ["one", "two", "three"];

/// Splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % sides
    }

    fn one_of<'a>(&mut self, names: &[&'a str]) -> &'a str {
        names[usize::try_from(self.below(names.len() as u64)).unwrap()]
    }

    /// A time at or between the steps' times, or none.
    fn cutoff(&mut self) -> Option<jiff::Timestamp> {
        let time = i64::try_from(self.below(STEPS * 12)).unwrap();
        (self.below(4) > 0).then(|| at(time))
    }
}

async fn save(store: &Store, dice: &mut Dice, now: i64) {
    let object = format!("o{}", dice.below(8));
    let fires = (0..dice.below(4)).map(|n| NewDelivery {
        ordered: dice.below(2) == 0,
        due: if dice.below(8) == 0 { Err(Unsendable { why: "no".into(), alarm: None }) } else { Ok(at(now)) },
        ..delivery(ENDPOINTS[usize::try_from(n).unwrap() % ENDPOINTS.len()])
    });
    let deliveries: Vec<NewDelivery> = fires.collect();
    let marks = if deliveries.is_empty() { Vec::new() } else { vec![("asset_done".into(), object.as_str().into())] };
    let messages = if deliveries.is_empty() { Vec::new() } else { vec![message("asset_done", "asset", &object, deliveries)] };
    let effects = Effects { at: at(now), marks, messages, ..put("asset", &object, "{}") };
    let mut script = Script::new("t", vec![write(effects)]);
    script.at = at(now);
    store.save(script).await.unwrap();
}

async fn delete(store: &Store, dice: &mut Dice, now: i64) {
    let object = format!("o{}", dice.below(8));
    if store.object(&tenant("t"), "asset", &object).await.unwrap().is_none() {
        return;
    }
    let effects = Effects { at: at(now), change: ObjectChange::Delete, operation: "delete", ..put("asset", &object, "") };
    let mut script = Script::new("t", vec![write(effects)]);
    script.at = at(now);
    store.save(script).await.unwrap();
}

async fn attempt(store: &Store, dice: &mut Dice, now: i64) {
    let endpoint = dice.one_of(&ENDPOINTS);
    if crate::lanes::lane(store, "t", endpoint).await.is_none() {
        return;
    }
    for claimed in take(store, endpoint, now, 3).await {
        let then = match dice.below(5) {
            0 => Settled::Diverted("no".to_owned()),
            1 => Settled::Failed("no".to_owned()),
            2 => Settled::Pending { at: at(now + 20), counts: true },
            // The process dies.
            3 => continue,
            _ => Settled::Delivered,
        };
        let mut done = finished(&claimed, then);
        done.attempt.started_at = at(now);
        store.settle(vec![done]).await.unwrap();
    }
}

async fn all(store: &Store) -> BTreeMap<DeliveryId, DeliveryRow> {
    let page = Page { before: None, limit: 10_000 };
    let rows = store.deliveries(&tenant("t"), &DeliveryFilter::default(), &page).await.unwrap();
    rows.into_iter().map(|row| (row.id, row)).collect()
}

/// How much was removed, and of it deliveries.
async fn history(seed: u64) -> (u64, u64) {
    let (mut rows, mut deliveries) = (0, 0);
    let mut dice = Dice(seed);
    let place = Place::new();
    let store = place.open().await;
    for step in 0..STEPS {
        let now = i64::try_from(step).unwrap() * 10;
        match dice.below(10) {
            0..4 => save(&store, &mut dice, now).await,
            4 => delete(&store, &mut dice, now).await,
            5..9 => attempt(&store, &mut dice, now).await,
            _ => {
                let settled: Vec<DeliveryId> = all(&store).await.into_keys().collect();
                if let Some(id) = settled.first() {
                    store.resend(&tenant("t"), *id, at(now)).await.unwrap();
                }
            }
        }
        if dice.below(6) > 0 {
            continue;
        }
        let cutoffs = Cutoffs {
            delivered: dice.cutoff(),
            diverted: dice.cutoff(),
            failed: dice.cutoff(),
            messages: dice.cutoff(),
            traces: dice.cutoff(),
            retired_keys: None,
            audit: None,
        };
        let before = all(&store).await;
        let announced = prunable(&place.url(), &cutoffs).await.unwrap();
        let removed = sweep(&store, &cutoffs, Pace::Full).await.unwrap();
        assert_eq!(removed, announced, "seed {seed}, step {step}");
        deliveries += removed.delivered + removed.diverted + removed.failed;
        rows += removed.messages + removed.traces;
        let after = all(&store).await;
        for (id, row) in before {
            let before = match row.state {
                DeliveryState::Pending | DeliveryState::Sending => None,
                DeliveryState::Delivered => cutoffs.delivered,
                DeliveryState::Diverted => cutoffs.diverted,
                DeliveryState::Failed => cutoffs.failed,
            };
            let ended_before = before.is_some_and(|before| row.settled_at.is_some_and(|settled| settled < before));
            assert_eq!(after.contains_key(&id), !ended_before, "seed {seed}, step {step}: {row:?}");
        }
        assert_eq!(examine(&place.url(), at(now)).await.unwrap(), [], "seed {seed}, step {step}");
    }
    drop(store);
    assert_eq!(examine(&place.url(), at(0)).await.unwrap(), [], "seed {seed}, after a crash");
    (rows, deliveries)
}

#[tokio::test]
async fn a_sweep_of_any_history_removes_what_was_announced_and_nothing_that_is_needed() {
    let (mut rows, mut deliveries) = (0, 0);
    for seed in 0..HISTORIES {
        let removed = history(seed).await;
        (rows, deliveries) = (rows + removed.0, deliveries + removed.1);
    }
    assert!(rows > 20 * HISTORIES && deliveries > 5 * HISTORIES, "hardly anything was removed: {deliveries} deliveries, {rows} others");
}
