//! What goes wrong in the middle of a copy, and a network that carries nothing and does not say so: nothing is lost, nothing fires that was there
//! before, and it is said.
//!
//! A silence ends a connection after a minute; there is no setting for it, so that two of these take more than that.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::copy::{SCHEMA, TABLES, copied, in_table, mend, stands_in_the_middle, stored};
use crate::node::Node;
use crate::proxy::{Proxy, Way};
use crate::world::{World, cluster, stands_still};

/// A minute, and what it takes to notice.
const SILENCE: Duration = Duration::from_secs(100);

/// A world whose node reaches its database through this network.
async fn behind(schema: &str, tables: &str) -> (World, Proxy) {
    let mut world = World::new(schema, tables).await;
    let network = Proxy::to(cluster().socket()).await;
    world.database_url = format!("postgres://reader:geheim@127.0.0.1:{}/{}?sslmode=disable", network.port(), world.database);
    world.project("");
    (world, network)
}

/// One that copies its rows, and is in the middle of it.
async fn in_the_middle() -> (World, Proxy, Node) {
    let (world, network) = behind(SCHEMA, TABLES).await;
    mend(&world, 2_999);
    let (noted, said) = world.webhookc(&["source", "init", "--snapshot"]);
    assert!(noted, "{said}");
    let node = world.serve();
    stands_in_the_middle(&world, &node, 13_999);
    mend(&world, 13_999);
    (world, network, node)
}

/// The copy is made, what is committed then fires, and only that, and what is stored is what the table has.
async fn comes_right(world: World, mut node: Node) {
    copied(&mut node);
    world.sql("INSERT INTO entry VALUES (100000, 1, 'new', 1, 'open'); DELETE FROM entry WHERE id = 7");
    let came = world.wait(3, &node).await;
    let mut told: Vec<_> =
        came.iter().map(|body: &Value| (body["event"].as_str().unwrap(), body["object"]["id"].as_str().unwrap())).collect();
    told.sort_unstable();
    assert_eq!(told, [("any", "100000"), ("any", "7"), ("seen", "100000")]);
    node.kill();
    let store = format!("sqlite:{}/webhookc.db", world.folder.path().display());
    assert_eq!(stored(&store, "entry", &["person_id", "name", "version", "state"]).await, in_table(&world));
    assert_eq!(stored(&store, "person", &["name"]).await.len(), 500);
}

/// Waits for as long as a silence takes until the node says that there is one.
fn says_silence(node: &Node) {
    let began = Instant::now();
    while !node.said().contains("the server has said nothing for 60 s") {
        assert!(began.elapsed() < SILENCE, "{}", node.said());
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_begins_anew_when_the_network_is_cut() {
    let (world, network, mut node) = in_the_middle().await;
    network.be(Way::Cut);
    stands_still(&mut node, &[]);
    world.sql("UPDATE entry SET name = 'during' WHERE id = 5; DELETE FROM entry WHERE id = 6");
    network.be(Way::Open);
    comes_right(world, node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_begins_anew_when_the_network_is_silent() {
    let (world, network, node) = in_the_middle().await;
    network.be(Way::Silent);
    world.sql("UPDATE entry SET name = 'during' WHERE id = 5; DELETE FROM entry WHERE id = 6");
    says_silence(&node);
    network.be(Way::Open);
    comes_right(world, node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_begins_anew_when_its_slot_is_dropped() {
    let (world, _network, mut node) = in_the_middle().await;
    let slot = &world.database;
    world.sql(&format!(
        "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE slot_name = '{slot}';
         SELECT pg_drop_replication_slot('{slot}')"
    ));
    node.wait_for_new_line("that it begins", |line| line.contains("the first copy has begun"));
    comes_right(world, node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_slot_that_is_dropped_while_a_new_table_is_copied_is_missed_soon() {
    let (orders, models) = SCHEMA.split_once("    <model name=\"entry\"").unwrap();
    let (world, _network) = behind(&format!("{orders}</data-model>"), TABLES).await;
    world.init();
    world.schema(&format!("{orders}    <model name=\"entry\"{models}"));
    assert!(world.webhookc(&["source", "init", "--snapshot"]).0);
    let mut node = world.serve();
    stands_still(&mut node, &["row `2999` of `public.entry`"]);
    world.sql(&format!("SELECT pg_drop_replication_slot('{}')", world.database));
    let began = Instant::now();
    stands_still(&mut node, &[&format!("the slot `{}` was dropped while rows were copied", world.database)]);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    stands_still(&mut node, &[&format!("there is no slot `{}` in the database; run `webhookc source init`", world.database)]);
    mend(&world, 2_999);
    mend(&world, 13_999);
    assert!(world.webhookc(&["source", "init", "--snapshot"]).0);
    comes_right(world, node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_silent_is_given_up_and_nothing_is_lost() {
    let (world, network) = behind(SCHEMA, TABLES).await;
    world.init();
    let node = world.serve();
    world.sql("INSERT INTO entry VALUES (100001, NULL, 'first', 1, 'open')");
    assert_eq!(world.wait(1, &node).await.len(), 1);
    // The database hears the node, and does not give it up.
    network.be(Way::HalfOpen);
    world.sql("INSERT INTO entry VALUES (100002, NULL, 'second', 1, 'open')");
    says_silence(&node);
    network.be(Way::Open);
    world.sql("INSERT INTO entry VALUES (100003, NULL, 'third', 1, 'open')");
    assert_eq!(world.ids(3, &node).await, ["100001", "100002", "100003"]);
}
