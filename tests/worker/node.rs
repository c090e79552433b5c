//! A store with a worker on it, and endpoints that are only a policy: deliveries bring their URL along.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use secrecy::SecretString;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use webhookc::activity::Feed;
use webhookc::compile::{Input, compile};
use webhookc::delivery::{FailureHandling, Policy, Retry, Secret, Signer};
use webhookc::egress::{Client, Guard};
use webhookc::generation::{Generation, Live, Target};
use webhookc::ids::{DeliveryId, EndpointId};
use webhookc::store::{AttemptRow, DeliveryRow, DeliveryState, Store};
use webhookc::time::{SystemClock, SystemEntropy};
use webhookc::worker::{Limits, Worker};

use crate::script::{Place, tenant};

const SCHEMA: &str = r#"<data-model>
  <model name="asset" label="Asset">
    <field name="name" label="Name" type="text"/>
    <display>{name}</display>
  </model>
</data-model>"#;

/// Three attempts, 50 ms apart, of half a second each.
pub fn quick() -> Policy {
    let waits = vec![Duration::ZERO, Duration::from_millis(50), Duration::from_millis(50)];
    let failure_handling = FailureHandling { retry: Retry { waits: waits.into() }, ..FailureHandling::default() };
    Policy { timeout: Duration::from_millis(500), failure_handling, ..Policy::default() }
}

pub struct Node {
    pub store: Store,
    live: Live,
    stop: oneshot::Sender<()>,
    worker: JoinHandle<()>,
}

impl Node {
    pub async fn start(place: &Place, endpoints: &[(&str, Policy)]) -> Self {
        Self::start_with(place, endpoints, Limits::default().in_flight).await
    }

    pub async fn start_with(place: &Place, endpoints: &[(&str, Policy)], in_flight: usize) -> Self {
        let store = place.open().await;
        let live: Live = Arc::new(ArcSwap::from_pointee(generation(1, endpoints)));
        let (stop, stopped) = oneshot::channel::<()>();
        let worker = Worker {
            store: store.clone(),
            egress: Client::new(Guard::new(vec!["127.0.0.0/8".parse().unwrap()])).unwrap(),
            live: Arc::clone(&live),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            feed: Feed::default(),
            limits: Limits { in_flight, drain: Duration::from_millis(300) },
        };
        let worker = tokio::spawn(worker.run(async move { drop(stopped.await) }));
        Self { store, live, stop, worker }
    }

    pub fn swap(&self, endpoints: &[(&str, Policy)]) {
        let number = self.live.load().number + 1;
        self.live.store(Arc::new(generation(number, endpoints)));
    }

    pub async fn attempts(&self, id: DeliveryId) -> Vec<AttemptRow> {
        self.store.attempts(&tenant("t"), id).await.unwrap().unwrap()
    }

    pub async fn wait_for_attempts(&self, id: DeliveryId, count: usize) -> Vec<AttemptRow> {
        let began = Instant::now();
        loop {
            let attempts = self.attempts(id).await;
            if attempts.len() >= count {
                return attempts;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{} of {count} attempts of {id}", attempts.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn wait_for(&self, id: DeliveryId, state: DeliveryState) -> DeliveryRow {
        let began = Instant::now();
        loop {
            let row = self.store.delivery(&tenant("t"), id).await.unwrap().unwrap();
            if row.state == state {
                return row;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "not {state:?}: {row:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn stop(self) {
        drop(self.stop);
        self.worker.await.unwrap();
        self.store.close().await;
    }
}

pub fn generation(number: u64, endpoints: &[(&str, Policy)]) -> Generation {
    let mut input = Input::default();
    let file = input.sources.add("schema.xml", SCHEMA.into());
    input.schemas.push(file);
    let rules = compile(input).rules.unwrap();
    let target = |(name, policy): &(&str, Policy)| {
        let signer = Signer::new(Secret::from_random([7; 32]), Vec::new());
        (EndpointId::new(*name), Arc::new(Target { name: (*name).to_owned(), policy: Arc::new(policy.clone()), signer, secrets: None }))
    };
    Generation {
        shared: webhookc::generation::Shared::default(),
        number,
        rules: Arc::new(rules),
        targets: endpoints.iter().map(target).collect(),
        secrets: [("key".to_owned(), SecretString::from("s/cret"))].into(),
        origin: Arc::default(),
        own: Arc::default(),
    }
}
