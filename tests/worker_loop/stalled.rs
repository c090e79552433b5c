//! A store that stands still, as while another program has locked it, for longer than a lease has room.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use tokio::sync::Semaphore;
use webhookc::access::TenantScope;
use webhookc::engine::{Verb, parse_save};
use webhookc::ids::Tenant;
use webhookc::ingest::Ingest;
use webhookc::worker::Limits;

use crate::node::{Node, Place};
use crate::time::Time;

/// How often somebody looks before it is said that something does not happen.
const LOOKS: usize = 3_000;

/// Answers when it may.
#[derive(Default)]
struct Receiver {
    /// How often each message has come.
    came: Mutex<BTreeMap<String, usize>>,
    may_answer: Mutex<Option<Arc<Semaphore>>>,
}

impl Receiver {
    fn came(&self) -> Vec<usize> {
        self.came.lock().unwrap().values().copied().collect()
    }
}

async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap) -> StatusCode {
    *receiver.came.lock().unwrap().entry(headers["webhook-id"].to_str().unwrap().to_owned()).or_default() += 1;
    let gate = receiver.may_answer.lock().unwrap().clone();
    if let Some(gate) = gate {
        gate.acquire().await.unwrap().forget();
    }
    StatusCode::NO_CONTENT
}

/// Lets everything go on that can without more time.
async fn turn() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    std::thread::sleep(Duration::from_millis(1));
}

async fn until(time: &Time, what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..LOOKS {
        if is_so() {
            return;
        }
        // What is recorded waits a moment for company.
        time.advance(3).await;
        turn().await;
    }
    panic!("{what} does not happen");
}

async fn save(ingest: Ingest, id: &str) {
    let generation = ingest.generation();
    let save = parse_save(&generation.rules, "note", id, Verb::Put, br#"{"name": "n"}"#).unwrap();
    ingest.save(&TenantScope::of_node(Tenant::new("t")), vec![save], &generation).await.unwrap();
}

#[test]
fn what_waits_to_be_recorded_is_not_sent_again_when_its_lease_ends() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(run());
    runtime.shutdown_background();
}

async fn run() {
    let time = Arc::new(Time::new());
    let (receiver, gate) = (Arc::new(Receiver::default()), Arc::new(Semaphore::new(0)));
    *receiver.may_answer.lock().unwrap() = Some(Arc::clone(&gate));
    let app = axum::Router::new().fallback(receive).with_state(Arc::clone(&receiver));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let toml = format!(
        "[egress]\nallow_networks = [\"127.0.0.0/8\"]\n[[endpoints]]\nname = \"one\"\nevents = \"*\"\nurl = \"{url}\"\ntimeout = \"10 s\"\n"
    );
    let place = Place::new(&toml, Arc::clone(&time), 0, Limits::default());
    let node = Node::start(&place).await;
    save(node.ingest.clone(), "a").await;
    until(&time, "the first request", || receiver.came() == [1]).await;

    let other = place.rows();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Stands first in the queue, and waits for the lock.
    let second = tokio::spawn(save(node.ingest.clone(), "b"));
    turn().await;
    *receiver.may_answer.lock().unwrap() = None;
    gate.add_permits(1);
    for _ in 0..50 {
        turn().await;
    }
    for _ in 0..100 {
        time.advance(1_000).await;
        turn().await;
    }
    other.execute_batch("COMMIT").unwrap();
    second.await.unwrap();
    let count = |sql: &str| other.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    until(&time, "the end of both", || count("SELECT count(*) FROM deliveries WHERE state = 2") == 2).await;
    for _ in 0..60 {
        time.advance(1_000).await;
        turn().await;
    }
    assert_eq!((receiver.came(), count("SELECT count(*) FROM attempts")), (vec![1, 1], 2));
}
