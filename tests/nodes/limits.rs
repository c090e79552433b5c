//! `concurrency` and `rate_limit` of an endpoint, as its receiver sees them: across all nodes, and whatever becomes of one of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use rustix::process::Signal;

use crate::node::Node;
use crate::world::{World, cluster, save, saved, until};

pub const SCHEMA: &str = r#"<data-model>
    <model name="part" label="Part">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
        <webhook type="update" name="changed"><field name="name" /></webhook>
    </model>
</data-model>"#;

/// Endpoints that are bounded by how many requests may be under way: fewer than there are nodes, and more.
const WIDTHS: [usize; 4] = [1, 2, 5, 9];
/// Endpoints that are bounded by a rate: its text, requests in a second, and what all nodes may have saved up.
const RATES: [(&str, f64, f64); 2] = [("30/s", 30.0, 4.0), ("20/min", 20.0 / 60.0, 3.0)];
/// By how much a request may come later or earlier than it was begun, on a machine that does other things.
const JITTER: Duration = Duration::from_millis(500);

/// What a receiver sees of one path.
#[derive(Clone, Default)]
pub struct Seen {
    under_way: usize,
    most: usize,
    pub at: Vec<Instant>,
}

/// What a receiver sees, and how long it takes at a path that begins so.
#[derive(Default)]
pub struct Receiver {
    pub seen: Mutex<BTreeMap<String, Seen>>,
    takes: Vec<(&'static str, Duration)>,
}

/// A request under way, also when its sender goes away.
struct UnderWay(Arc<Receiver>, String);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.seen.lock().unwrap().get_mut(&self.1).unwrap().under_way -= 1;
    }
}

async fn receive(State(receiver): State<Arc<Receiver>>, uri: Uri) -> StatusCode {
    let path = uri.path().to_owned();
    let takes = receiver.takes.iter().find(|(start, _)| path.starts_with(start)).map_or(Duration::ZERO, |(_, takes)| *takes);
    {
        let mut seen = receiver.seen.lock().unwrap();
        let seen = seen.entry(path.clone()).or_default();
        seen.under_way += 1;
        seen.most = seen.most.max(seen.under_way);
        seen.at.push(Instant::now());
    }
    let _under_way = UnderWay(receiver, path);
    tokio::time::sleep(takes).await;
    StatusCode::NO_CONTENT
}

/// A receiver, and its URL.
pub async fn receiver(takes: Vec<(&'static str, Duration)>) -> (Arc<Receiver>, String) {
    let receiver = Arc::new(Receiver { seen: Mutex::default(), takes });
    let app = axum::Router::new().fallback(receive).with_state(Arc::clone(&receiver));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (receiver, url)
}

/// In no window of time came more than so many a second, and what may have been saved up.
pub fn is_kept(at: &[Instant], a_second: f64, saved_up: f64) {
    for (first, begin) in at.iter().enumerate() {
        for (count, end) in (1_u32..).zip(&at[first..]) {
            let time = *end - *begin;
            let allowed = (time + JITTER).as_secs_f64() * a_second + saved_up;
            assert!(f64::from(count) <= allowed, "{count} requests in {time:?}, at {a_second} a second");
        }
    }
}

/// Saves until it is told to stop, at the node which has this place.
pub async fn feed(addresses: Arc<Mutex<Vec<String>>>, place: usize) {
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build().unwrap();
    for number in 0.. {
        let base = addresses.lock().unwrap()[place].clone();
        let url = format!("{base}/api/v1/tenants/default/objects/part/o{place}x{number}");
        drop(http.put(url).body(r#"{"name": "1"}"#).send().await);
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_endpoint_ever_gets_more_than_it_allows() {
    let (receiver, url) = receiver(vec![("/width", Duration::from_millis(250))]).await;
    let mut endpoints = String::new();
    for width in WIDTHS {
        let endpoint =
            format!("[[endpoints]]\nname = \"width{width}\"\nevents = \"*\"\nurl = \"{url}/width{width}\"\nconcurrency = {width}\n");
        endpoints.push_str(&endpoint);
    }
    for (number, (rate, ..)) in RATES.iter().enumerate() {
        let endpoint =
            format!("[[endpoints]]\nname = \"rate{number}\"\nevents = \"*\"\nurl = \"{url}/rate{number}\"\nrate_limit = \"{rate}\"\n");
        endpoints.push_str(&endpoint);
    }
    let world = World::new().await;
    let folder = world.project("one", SCHEMA, &endpoints);
    let mut nodes: Vec<Node> = (0..3).map(|_| world.node(&folder)).collect();
    let addresses = Arc::new(Mutex::new(nodes.iter().map(|node| node.url.clone()).collect::<Vec<_>>()));
    let feeding: Vec<_> = (0..3).map(|place| tokio::spawn(feed(Arc::clone(&addresses), place))).collect();
    let wait = |ms: u64| tokio::time::sleep(Duration::from_millis(ms));
    wait(4_000).await;
    for round in 0..3 {
        // One is killed and comes back, one is told to stop and comes back, one is paused for so long that the others take over.
        nodes[round].kill();
        wait(1_500).await;
        nodes[round] = world.node(&folder);
        let other = (round + 1) % 3;
        nodes[other].signal(Signal::TERM);
        wait(700).await;
        nodes[other] = world.node(&folder);
        *addresses.lock().unwrap() = nodes.iter().map(|node| node.url.clone()).collect();
        let paused = &nodes[(round + 2) % 3];
        paused.signal(Signal::STOP);
        wait(if round == 1 { 12_000 } else { 1_500 }).await;
        paused.signal(Signal::CONT);
        wait(1_500).await;
    }
    wait(4_000).await;
    feeding.iter().for_each(tokio::task::JoinHandle::abort);

    let seen = receiver.seen.lock().unwrap().clone();
    for width in WIDTHS {
        let seen = &seen[&format!("/width{width}")];
        println!("width {width}: {} requests, {} at once", seen.at.len(), seen.most);
        assert_eq!(seen.most, width, "requests at once, of {width} that are allowed and wanted");
    }
    for (number, (rate, a_second, saved_up)) in RATES.iter().enumerate() {
        let at = &seen[&format!("/rate{number}")].at;
        println!("{rate}: {} requests in {:?}", at.len(), *at.last().unwrap() - at[0]);
        is_kept(at, *a_second, *saved_up);
        let all = (*at.last().unwrap() - at[0]).as_secs_f64() * a_second;
        let made = f64::from(u32::try_from(at.len()).unwrap());
        assert!(made > all * 0.2, "only {made} of {all:.0} requests were made of what {rate} allows");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_place_of_a_node_that_is_gone_is_free_when_its_request_must_have_ended() {
    let (receiver, url) = receiver(vec![("/", Duration::from_secs(22))]).await;
    let world = World::new().await;
    let endpoint = format!("[[endpoints]]\nname = \"narrow\"\nevents = \"*\"\nurl = \"{url}/\"\nconcurrency = 1\ntimeout = \"24s\"\n");
    let folder = world.project("one", SCHEMA, &endpoint);
    let paused = world.node(&folder);
    saved(&paused, "a", r#"{"name": "1"}"#).await;
    let requests = || receiver.seen.lock().unwrap().get("/").map_or(0, |seen| seen.at.len());
    until("its request is under way", async || requests() == 1).await;
    let other = world.node(&folder);
    tokio::time::sleep(Duration::from_secs(2)).await;
    paused.signal(Signal::STOP);
    let gone = "SELECT count(*) FROM webhookc.gone_nodes WHERE held = '{1}'";
    until("the other misses it", async || cluster().psql(&world.name(), gone) == "1").await;
    assert_eq!(receiver.seen.lock().unwrap()["/"].under_way, 1, "its request is under way all the same");
    until("the other sends what it held", async || requests() == 2).await;
    assert_eq!(receiver.seen.lock().unwrap()["/"].most, 1, "one at a time, whoever sends it");
    let (status, text) = save(&other, "b", r#"{"name": "1"}"#).await;
    assert_eq!(status, 201, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_joins_leaves_alone_what_the_others_have_under_way() {
    // Longer than it takes the two to agree on who they are.
    let (receiver, url) = receiver(vec![("/", Duration::from_secs(8))]).await;
    let world = World::new().await;
    let endpoint = format!("[[endpoints]]\nname = \"narrow\"\nevents = \"*\"\nurl = \"{url}/\"\nconcurrency = 2\ntimeout = \"20s\"\n");
    let folder = world.project("one", SCHEMA, &endpoint);
    let first = world.node(&folder);
    saved(&first, "a", r#"{"name": "1"}"#).await;
    saved(&first, "b", r#"{"name": "1"}"#).await;
    let requests = || receiver.seen.lock().unwrap().get("/").map_or(0, |seen| seen.at.len());
    until("both places are taken", async || requests() == 2).await;
    let second = world.node(&folder);
    let agreed = "SELECT count(*) FROM webhookc.nodes WHERE cardinality(crew) = 2";
    until("each has counted the other", async || cluster().psql(&world.name(), agreed) == "2").await;
    saved(&second, "c", r#"{"name": "1"}"#).await;
    until("a place is free, and taken", async || requests() == 3).await;
    let seen = receiver.seen.lock().unwrap()["/"].clone();
    assert_eq!(seen.most, 2, "one of them is the second node's, once it is free");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_request_stays_with_its_node_as_long_as_that_is_well() {
    let (receiver, url) = receiver(vec![("/", Duration::from_secs(14))]).await;
    let world = World::new().await;
    let endpoint = format!("[[endpoints]]\nname = \"slow\"\nevents = \"*\"\nurl = \"{url}/\"\ntimeout = \"20s\"\n");
    let folder = world.project("one", SCHEMA, &endpoint);
    let (node, _other) = (world.node(&folder), world.node(&folder));
    saved(&node, "a", r#"{"name": "1"}"#).await;
    let settled = || cluster().psql(&world.name(), "SELECT state, attempts, last_status FROM webhookc.deliveries");
    let began = Instant::now();
    while settled() != "2|1|204" {
        assert!(began.elapsed() < Duration::from_secs(40), "{}: {}", settled(), node.said());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(receiver.seen.lock().unwrap()["/"].at.len(), 1, "it outlasts the time after which a node is missed that renews nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_wakes_up_sends_nothing_of_what_it_held() {
    let (receiver, url) = receiver(vec![("/", Duration::from_millis(400))]).await;
    let world = World::new().await;
    // Short, so that the other has taken over before the paused one wakes up.
    let endpoint = format!("[[endpoints]]\nname = \"narrow\"\nevents = \"*\"\nurl = \"{url}/\"\nconcurrency = 1\ntimeout = \"2s\"\n");
    let folder = world.project("one", SCHEMA, &endpoint);
    let paused = world.node(&folder);
    for number in 0..10 {
        saved(&paused, &format!("o{number}"), r#"{"name": "1"}"#).await;
    }
    let requests = || receiver.seen.lock().unwrap().get("/").map_or(0, |seen| seen.at.len());
    until("some are sent", async || requests() >= 2).await;
    paused.signal(Signal::STOP);
    // Only now: of two that agree, one would have the only place, and perhaps not this one.
    let other = world.node(&folder);
    until("the other sends the rest", async || {
        cluster().psql(&world.name(), "SELECT count(*) FROM webhookc.deliveries WHERE state < 2") == "0"
    })
    .await;
    let before = requests();
    paused.signal(Signal::CONT);
    paused.wait_for_line("that it was away", |line| line.contains("others have taken over"));
    saved(&other, "last", r#"{"name": "1"}"#).await;
    until("the last is sent", async || cluster().psql(&world.name(), "SELECT count(*) FROM webhookc.deliveries WHERE state < 2") == "0")
        .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(requests(), before + 1, "what it held in memory is not sent once more");
    assert!(before <= 12, "one was under way, and one may not have been recorded yet: {before} requests for 10");
}
