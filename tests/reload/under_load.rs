//! A thousand saves of a schema, each in a way chosen at random, while saves of objects and deliveries go on: nothing is lost, and every
//! request was rendered by one whole program, never an older one than the request before it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::Value;
use tokio::sync::oneshot;
use webhookc::access::TenantScope;
use webhookc::egress::{Client, Guard};
use webhookc::engine::{Verb, parse_save};
use webhookc::ids::Tenant;
use webhookc::ingest::Ingest;
use webhookc::time::{SystemClock, SystemEntropy};
use webhookc::worker::{Limits, Worker};

use crate::patterns::Pattern;
use crate::project::{PATIENCE, Project};

/// Projects that are edited side by side.
const PROJECTS: u64 = 8;
/// Edits of each.
const EDITS: usize = 125;
/// Shorter than a node's, so that a thousand edits take seconds.
const QUIET: Duration = Duration::from_millis(10);

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % most as u64).unwrap()
    }
}

fn schema(number: usize, receiver: &str) -> String {
    let filler = (0..number % 40).map(|n| format!("<field name=\"f{n}\" label=\"Field\" type=\"text\"/>\n")).collect::<Vec<_>>().concat();
    format!(
        "<data-model><model name=\"asset\" label=\"A\">\n<field name=\"name\" label=\"N\" type=\"text\"/>\n<field name=\"n{number}\" label=\"N\" type=\"integer\"/>\n{filler}<display>{{name}}</display>\n<webhook type=\"update\" name=\"saved\" order=\"object\"><field name=\"name\"/>\n<request url=\"{receiver}/{number}\"><body>{{\"first\": {number}, \"name\": \"{{{{ object.name }}}}\", \"last\": {number}}}</body></request>\n</webhook></model></data-model>\n"
    )
}

/// What came, by `webhook-id`: the number in the path and the body.
type Got = Arc<Mutex<BTreeMap<String, (String, Value)>>>;

async fn receiver() -> (String, Got) {
    async fn take(State(got): State<Got>, uri: axum::http::Uri, headers: HeaderMap, body: Bytes) {
        let id = headers["webhook-id"].to_str().unwrap().to_owned();
        got.lock().unwrap().insert(id, (uri.path().trim_start_matches('/').to_owned(), serde_json::from_slice(&body).unwrap()));
    }
    let got = Got::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(take).with_state(Arc::clone(&got));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, got)
}

/// Saves one object again and again; the messages in the order of the saves, with what was saved.
async fn save_on(ingest: Ingest, stop: Arc<AtomicBool>) -> Vec<(String, String)> {
    let (tenant, mut made) = (TenantScope::of_node(Tenant::new("t")), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let generation = ingest.generation();
        let name = format!("save {}", made.len());
        let body = format!("{{\"name\": \"{name}\"}}");
        let save = parse_save(&generation.rules, "asset", "a1", Verb::Put, body.as_bytes()).unwrap();
        let saved = ingest.save(&tenant, vec![save], &generation).await.unwrap().remove(0);
        assert_eq!(saved.messages.len(), 1, "every save fires");
        made.push((saved.messages[0].0.to_string(), name));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    made
}

fn edit(file: &Path, number: usize, receiver: &str, dice: &mut Dice) {
    let pause = Duration::from_millis([0, 3, 15, 25][dice.below(4)]);
    let pattern = Pattern::ALL[dice.below(Pattern::ALL.len())];
    let text = schema(number, receiver);
    match dice.below(10) {
        // A mistake first.
        0 => {
            fs::write(file, text.replace("{name}", "{nmae}")).unwrap();
            std::thread::sleep(2 * QUIET);
        }
        // Half of it first, as of an editor that has crashed.
        1 => fs::write(file, &text[..text.len() / 2]).unwrap(),
        // Another program in between, which may or may not be seen.
        2 => fs::write(file, schema(number, receiver).replace("<data-model>", "<data-model><!-- again -->")).unwrap(),
        _ => {}
    }
    pattern.save(file, &text, pause);
}

/// Edits a project at random; how many requests came of the saves meanwhile.
async fn edited(seed: u64) -> usize {
    let (url, got) = receiver().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("schema.xml");
    fs::write(&file, schema(0, &url)).unwrap();
    let project = Project::start(folder.path(), QUIET).await;
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let (store, feed, live) = (project.store.clone(), project.feed.clone(), Arc::clone(&project.live));
    let egress = Client::new(Guard::new(vec!["127.0.0.0/8".parse().unwrap()])).unwrap();
    let limits = Limits { in_flight: 8, drain: Duration::from_secs(5) };
    let worker = Worker {
        store: store.clone(),
        egress,
        live: Arc::clone(&live),
        clock: clock.clone(),
        entropy: entropy.clone(),
        feed: feed.clone(),
        limits,
    };
    let (stop_worker, stopped) = oneshot::channel::<()>();
    let worker = tokio::spawn(worker.run(async move { drop(stopped.await) }));
    let stop = Arc::new(AtomicBool::new(false));
    let saving = tokio::spawn(save_on(Ingest { store, live, clock, entropy, feed }, Arc::clone(&stop)));

    let mut dice = Dice(seed + 1);
    for number in 1..=EDITS {
        let (file, url, mut own) = (file.clone(), url.clone(), Dice(seed * 10_000 + number as u64));
        tokio::task::spawn_blocking(move || edit(&file, number, &url, &mut own)).await.unwrap();
        // Sometimes the next edit comes before this one is live.
        if number == EDITS || dice.below(5) > 0 {
            project.wait_for(number).await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    let made = saving.await.unwrap();
    let began = Instant::now();
    while got.lock().unwrap().len() < made.len() {
        assert!(began.elapsed() < PATIENCE, "{} of {} requests came", got.lock().unwrap().len(), made.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(stop_worker);
    worker.await.unwrap();
    let got = got.lock().unwrap();
    assert_eq!(got.len(), made.len(), "more came than was made");
    let mut last = 0;
    for (message, name) in &made {
        let (path, body) = got.get(message).unwrap_or_else(|| panic!("{message} was lost"));
        let number: usize = path.parse().unwrap();
        let whole = body["first"] == number && body["last"] == number && body["name"] == name.as_str();
        assert!(whole, "rendered by a mixture: {path} {body}");
        assert!(number >= last, "an older program came back: {number} after {last}");
        last = number;
    }
    made.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_saves_in_random_ways_lose_nothing_and_mix_nothing() {
    let all: Vec<_> = (0..PROJECTS).map(|seed| tokio::spawn(edited(seed))).collect();
    let mut requests = 0;
    for project in all {
        requests += project.await.unwrap();
    }
    assert!(requests > 1_000, "only {requests} requests");
}
