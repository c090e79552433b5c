//! The queue of the simulation against that of the real store: the same random verbs, the same answers and the same rows.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use webhookc::access::TenantScope;
use webhookc::delivery::Timing;
use webhookc::ids::{DeliveryId, EndpointId, MessageId, Sequence, Tenant};
use webhookc::store::{
    Alarm, Alert, Answer, AttemptRow, Claimed, DeliveryState, Effects, JobStep, NewAttempt, NewDelivery, NewMessage, ObjectChange, SaveJob,
    Settled, Share, Store, Suspension, examine,
};
use webhookc::template::RenderedText;
use webhookc::time::Entropy as _;

use crate::queue::{Queue, State, Verdict};
use crate::random::Random;
use crate::rules::{OPS, as_object};

/// Sequences of verbs that are compared.
const SEEDS: u64 = 24;
/// Verbs in each.
const VERBS: usize = 80;
/// The last one is told of the others.
const ENDPOINTS: [&str; 3] = ["ep_one", "ep_two", "ep_ops"];
const OBJECTS: [&str; 2] = ["a1", "a2"];
/// Milliseconds of a lease.
const LEASE: i64 = 45_000;

/// A save of one object that makes one delivery.
struct OneDelivery(Tenant, Timestamp, Option<Box<Effects>>);

impl SaveJob for OneDelivery {
    fn tenant(&self) -> &Tenant {
        &self.0
    }

    fn at(&self) -> Timestamp {
        self.1
    }

    fn step(&mut self, _: Sequence, _: Vec<Answer>) -> JobStep {
        self.2.take().map_or(JobStep::Done, JobStep::Write)
    }
}

/// Makes alerts, and keeps the ids of their deliveries.
#[derive(Debug)]
struct Told {
    random: Random,
    made: Mutex<Vec<(Alert, DeliveryId)>>,
}

impl Alarm for Told {
    fn message(&self, alert: Alert, _: &str, now: Timestamp, _: Sequence) -> Option<NewMessage> {
        let message = message(&self.random, now.as_millisecond(), "alert", delivery(now.as_millisecond(), OPS, false));
        self.made.lock().unwrap().push((alert, DeliveryId::of(message.id, 0)));
        Some(message)
    }
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap()
}

fn delivery(now: i64, endpoint: usize, ordered: bool) -> NewDelivery {
    NewDelivery {
        endpoint: EndpointId::new(ENDPOINTS[endpoint]),
        ordered,
        due: Ok(at(now)),
        method: "POST".into(),
        url: RenderedText::default(),
        headers: Arc::from([]),
        body: None,
    }
}

fn message(random: &Random, now: i64, object: &str, delivery: NewDelivery) -> NewMessage {
    NewMessage {
        id: MessageId::new(random.0.uuid(at(now))),
        event: "saved".into(),
        model: "asset".into(),
        object: object.into(),
        operation: "update",
        payload: Vec::new().into(),
        deliveries: vec![delivery],
    }
}

fn one_delivery(random: &Random, now: i64, endpoint: usize, object: usize, ordered: bool) -> (DeliveryId, OneDelivery) {
    let message = message(random, now, OBJECTS[object], delivery(now, endpoint, ordered));
    let id = DeliveryId::of(message.id, 0);
    let effects = Effects {
        at: at(now),
        model: "asset".into(),
        object: OBJECTS[object].into(),
        change: ObjectChange::Put { updated_at: "2026-01-01T00:00:00Z".into(), json: "{}".into() },
        operation: "update",
        trace: "[]".to_owned(),
        table: None,
        other_traces: Vec::new(),
        marks: Vec::new(),
        waits: Vec::new(),
        ended_waits: Vec::new(),
        messages: vec![message],
        record: webhookc::store::Record::default(),
        taken: None,
    };
    (id, OneDelivery(Tenant::new("default"), at(now), Some(Box::new(effects))))
}

/// A row of the model, its fence there, and the claim of the store.
type Held = (usize, u32, Claimed);

fn attempt(claimed: &Claimed, now: i64, verdict: &Verdict, told: &Arc<Told>) -> NewAttempt {
    let number = claimed.attempts + 1;
    let (took, timing, error, response_headers, response_body) = (Duration::ZERO, Timing::default(), None, None, None);
    let (started_at, status, signature) = (at(now), Some(200), None);
    let attempt = AttemptRow { number, started_at, took, timing, status, error, response_headers, response_body, signature };
    let alarm: Option<Arc<dyn Alarm>> = if verdict.alarm { Some(Arc::<Told>::clone(told)) } else { None };
    let Verdict { then, suspend, .. } = verdict.clone();
    NewAttempt {
        tenant: claimed.tenant.clone(),
        delivery: claimed.id,
        slot: claimed.slot,
        fence: claimed.fence,
        ordered: claimed.ordered,
        attempt,
        then,
        suspend,
        alarm,
    }
}

/// Writes the alerts of the model, and compares them with those that the store has made.
fn tell(queue: &mut Queue, ids: &mut Vec<DeliveryId>, endpoint: usize, alerts: &[Alert], now: i64, told: &Told) {
    let made = std::mem::take(&mut *told.made.lock().unwrap());
    assert_eq!(made.iter().map(|(alert, _)| *alert).collect::<Vec<_>>(), alerts);
    for (_, id) in made {
        queue.insert(OPS, as_object(endpoint), false, Some(now), now);
        ids.push(id);
    }
}

async fn compare(seed: u64, url: &str) {
    let (random, mut store, tenant) = (Random::new(seed), Store::open(url).await.unwrap(), TenantScope::of_node(Tenant::new("default")));
    let told = Arc::new(Told { random: Random::new(seed + 1_000_000), made: Mutex::default() });
    let (mut queue, mut ids, mut held, mut now) = (Queue::default(), Vec::new(), Vec::<Held>::new(), 1_767_225_600_000);
    for verb in 0..VERBS {
        let found = examine(url, at(now)).await.unwrap();
        // What the alerts of this test are about does not exist.
        assert!(found.iter().all(|finding| finding.check == "object-missing"), "seed {seed}, verb {verb}: {found:?}");
        let (endpoint, place) = (random.below(ENDPOINTS.len()), format!("seed {seed}, verb {verb}"));
        match random.below(14) {
            0..3 => {
                let endpoint = endpoint % 2;
                let (object, ordered) = (random.below(2), !random.once_in(3));
                let (id, job) = one_delivery(&random, now, endpoint, object, ordered);
                store.save(job).await.unwrap();
                queue.insert(endpoint, object, ordered, Some(now), now);
                ids.push(id);
            }
            3..5 => {
                let limit = 1 + random.below(3);
                let share = Share { oldest: limit, newest: random.below(2) };
                let lanes = store.due(Timestamp::MAX, None, usize::MAX).await.unwrap().lanes;
                let real = match lanes.iter().find(|lane| lane.endpoint.as_str() == ENDPOINTS[endpoint]) {
                    Some(lane) => store.claim(lane, at(now), at(now + LEASE), share).await.unwrap(),
                    None => Vec::new(),
                };
                let rows = queue.claim(endpoint, now, now + LEASE, share);
                let real_rows: Vec<_> = real.iter().map(|claimed| ids.iter().position(|id| *id == claimed.id).unwrap()).collect();
                assert_eq!(real_rows, rows, "{place}: claimed");
                for (row, claimed) in rows.into_iter().zip(real) {
                    assert_eq!(claimed.spent, queue.rows[row].spent, "{place}: spent of {row}");
                    held.push((row, queue.rows[row].fence, claimed));
                }
            }
            5..8 if !held.is_empty() => {
                let (row, fence, claimed) = held.swap_remove(random.below(held.len()));
                let then = match random.below(5) {
                    0 => Settled::Pending { at: at(now + 10_000), counts: random.once_in(2) },
                    1 => Settled::Diverted("gone".to_owned()),
                    2 => Settled::Failed("gone".to_owned()),
                    _ => Settled::Delivered,
                };
                let of = queue.rows[row].endpoint;
                let verdict = Verdict {
                    suspend: !matches!(then, Settled::Pending { .. } | Settled::Delivered) && random.once_in(2),
                    then,
                    alarm: of != OPS,
                };
                let real = store.settle(vec![attempt(&claimed, now, &verdict, &told)]).await.unwrap();
                let alerts = queue.settle(row, fence, &verdict);
                assert_eq!(real, [alerts.is_some()], "{place}: {verdict:?} of {row}");
                tell(&mut queue, &mut ids, of, &alerts.unwrap_or_default(), now, &told);
            }
            8 if !ids.is_empty() => {
                let row = random.below(ids.len());
                let real = store.resend(&tenant, ids[row], at(now)).await.unwrap();
                assert_eq!(real, queue.resend(row, now), "{place}: resend of {row}");
            }
            9 => {
                let alarm: Option<Arc<dyn Alarm>> = if endpoint == OPS { None } else { Some(Arc::<Told>::clone(&told)) };
                let suspension = Suspension { at: at(now), why: "by hand".into(), alarm };
                let was = queue.endpoints[endpoint].suspended;
                let real = store.suspend(&tenant, &EndpointId::new(ENDPOINTS[endpoint]), suspension).await.unwrap();
                let alert = queue.suspend(endpoint, endpoint != OPS);
                assert_eq!(real, !was, "{place}: suspended {endpoint}");
                tell(&mut queue, &mut ids, endpoint, alert.as_slice(), now, &told);
            }
            10 => {
                let real = store.unsuspend(&tenant, &EndpointId::new(ENDPOINTS[endpoint])).await.unwrap();
                assert_eq!(real, queue.unsuspend(endpoint), "{place}: released {endpoint}");
            }
            11 => {
                store.close().await;
                store = Store::open(url).await.unwrap();
                queue.reopen();
            }
            12 if !held.is_empty() => {
                let (row, fence, claimed) = held.swap_remove(random.below(held.len()));
                store.give_back(vec![claimed], at(now)).await.unwrap();
                queue.give_back(row, fence, now);
            }
            _ => now += [1_000, 10_000, LEASE][random.below(3)],
        }
        nothing_due_is_left_out(&queue, &store, now, &place).await;
        for (row, id) in queue.rows.iter().zip(&ids) {
            let real = store.delivery(&tenant, *id).await.unwrap().unwrap();
            let state = match real.state {
                DeliveryState::Pending => State::Pending,
                DeliveryState::Sending => State::Sending,
                DeliveryState::Delivered => State::Delivered,
                DeliveryState::Diverted => State::Diverted,
                DeliveryState::Failed => State::Failed,
            };
            assert_eq!(state, row.state, "{place}: {row:?}");
            if state == State::Pending {
                assert_eq!(real.due_at, row.due.map(at), "{place}: {row:?}");
            }
        }
    }
    store.close().await;
}

/// What may be claimed now is in the list of what is due, in parts of any size; and the store wakes up in time for the rest.
async fn nothing_due_is_left_out(queue: &Queue, store: &Store, now: i64, place: &str) {
    let (mut lanes, mut after) = (Vec::new(), None);
    let next = loop {
        let due = store.due(at(now), after, 1).await.unwrap();
        lanes.extend(due.lanes.into_iter().map(|lane| lane.endpoint));
        after = due.after;
        if after.is_none() {
            break due.next;
        }
    };
    for (endpoint, name) in ENDPOINTS.into_iter().enumerate() {
        let named = lanes.iter().filter(|lane| lane.as_str() == name).count();
        let due = queue.first_due(endpoint).is_some_and(|due| due <= now);
        let suspended = queue.endpoints[endpoint].suspended;
        assert!(named <= 1 && (named == 1 || !due) && (named == 0 || !suspended), "{place}: {name} is named {named} times, due: {due}");
        if let Some(later) = queue.first_due(endpoint).filter(|due| *due > now && named == 0) {
            assert!(next.is_some_and(|next| next.as_millisecond() <= later), "{place}: {name} is due at {later}, next is {next:?}");
        }
    }
}

#[tokio::test]
async fn the_queue_of_the_simulation_is_that_of_the_store() {
    for seed in 0..SEEDS {
        let folder = tempfile::tempdir().unwrap();
        compare(seed, &format!("sqlite:{}", folder.path().join("w.db").display())).await;
    }
}
