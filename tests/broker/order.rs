//! `order` of an endpoint that is a subject, and of the consumer that several nodes share.

use std::time::{Duration, Instant};

use async_nats::jetstream::stream::Config;
use rustix::process::Signal;
use serde_json::json;

use crate::cluster::{Cluster, Disk};
use crate::node::{Node, PATIENCE, Receiver, send};
use crate::project::{SCHEMA, reading, sending, serve, wait_for_different};
use crate::server::{Server, make_stream, messages, publish, wait_for_acks};

/// Waits until something is so.
async fn until(what: &str, node: &Node, mut so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !so().await {
        assert!(began.elapsed() < PATIENCE, "never: {what}\n{}", node.said());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The subjects in the order of the stream, when the first of two messages about an object is taken only after some attempts.
async fn sent_in_order(order: &str) -> Vec<String> {
    let server = Server::start();
    let streams = server.streams().await;
    make_stream(&streams, "HOOKS", "update.>").await;
    let folder = sending(server.port, &format!("url = \"nats://main/{{{{ operation }}}}.x\"\norder = \"{order}\""));
    let toml = folder.path().join("webhookc.toml");
    std::fs::write(&toml, std::fs::read_to_string(&toml).unwrap().replace("max_attempts = 2", "max_attempts = 30")).unwrap();
    // The webhook itself asks for no order.
    std::fs::write(folder.path().join("schema.xml"), SCHEMA.replace(" order=\"object\"", "")).unwrap();
    let node = serve(folder.path());
    send("PUT", &node.object("asset", "a1"), r#"{"n": 1}"#).await;
    let attempts = async || {
        let (_, list) = send("GET", &node.of_tenant("deliveries"), "").await;
        list["data"].as_array().unwrap().iter().map(|delivery| delivery["attempts"].as_u64().unwrap()).sum::<u64>()
    };
    until("the first attempt", &node, async || attempts().await > 0).await;
    send("PUT", &node.object("asset", "a1"), r#"{"n": 2}"#).await;
    if order == "none" {
        messages(&streams, "HOOKS", 1).await;
    } else {
        // As long as it would take it to be sent, and a while.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let stream = streams.get_stream("HOOKS").await.unwrap();
        assert_eq!(stream.cached_info().state.messages, 0, "the second one waits");
    }
    let subjects = ["update.>", "create.>"].map(str::to_owned).to_vec();
    streams.update_stream(Config { name: "HOOKS".to_owned(), subjects, ..Config::default() }).await.unwrap();
    messages(&streams, "HOOKS", 2).await.iter().map(|message| message.subject.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_about_an_object_keep_their_order_unless_they_need_none() {
    let (ordered, free) = tokio::join!(sent_in_order("object"), sent_in_order("none"));
    assert_eq!(ordered, ["create.x", "update.x"]);
    assert_eq!(free, ["update.x", "create.x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_order_all_nodes_read_at_once() {
    const MESSAGES: usize = 200;
    let (server, receiver, cluster) = (Server::start(), Receiver::start().await, Cluster::start(Disk::Careless));
    let streams = server.streams().await;
    make_stream(&streams, "SAVES", "saves.>").await;
    let folder = reading(server.port, &receiver.url, "order = \"none\"\nin_flight = 16");
    let toml = folder.path().join("webhookc.toml");
    let store = format!("\n[store]\nurl = \"{}\"\n", cluster.url(&cluster.database("template1")));
    std::fs::write(&toml, std::fs::read_to_string(&toml).unwrap() + &store).unwrap();
    let nodes = [serve(folder.path()), serve(folder.path())];
    for node in &nodes {
        node.wait_for_line("that it reads", |line| line.contains("reading messages"));
    }
    for n in 0..MESSAGES {
        let save = json!({ "model": "asset", "id": format!("a{n}"), "fields": { "n": n } }).to_string();
        publish(&streams, "saves.x", save).await;
    }
    wait_for_different(&receiver, MESSAGES).await;
    wait_for_acks(&streams, "SAVES", "webhookc").await;
    for node in &nodes {
        let (_, text) = send("GET", &format!("{}/metrics", node.url), "").await;
        let text = text.as_str().unwrap();
        let saved = text.lines().find_map(|line| line.strip_prefix("webhookc_source_messages_total{outcome=\"saved\"} "));
        assert!(saved.is_some_and(|count| count != "0"), "one node did nothing:\n{text}");
    }
    assert_eq!(receiver.got().len(), MESSAGES);
}

/// A project whose consumer waits so long for acknowledgements.
fn patient(port: u16, receiver: &str, ack_wait: &str) -> tempfile::TempDir {
    let folder = reading(port, receiver, "");
    let toml = folder.path().join("webhookc.toml");
    let text = std::fs::read_to_string(&toml).unwrap().replace("ack_wait = \"1s\"", &format!("ack_wait = \"{ack_wait}\""));
    std::fs::write(&toml, text).unwrap();
    folder
}

fn item(n: usize) -> String {
    json!({ "model": "asset", "id": "a", "fields": { "n": n } }).to_string()
}

async fn numbers(receiver: &Receiver, count: usize) -> Vec<u64> {
    wait_for_different(receiver, count).await.iter().map(|request| request.json()["object"]["n"].as_u64().unwrap()).collect()
}

/// What came to a node that stood still meanwhile is given up there, and comes again: what came later has to wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stands_still_for_a_while_keeps_the_order_of_an_object() {
    let (server, receiver) = (Server::start(), Receiver::start().await);
    let streams = server.streams().await;
    make_stream(&streams, "SAVES", "saves.>").await;
    let folder = patient(server.port, &receiver.url, "12s");
    let node = serve(folder.path());
    publish(&streams, "saves.x", item(0)).await;
    receiver.wait_for(1).await;
    node.signal(Signal::STOP);
    publish(&streams, "saves.x", item(1)).await;
    // The question for messages does not stand any more, but the time to acknowledge is not over.
    tokio::time::sleep(Duration::from_secs(8)).await;
    publish(&streams, "saves.x", item(2)).await;
    node.signal(Signal::CONT);
    assert_eq!(numbers(&receiver, 3).await, [0, 1, 2], "{}", node.said());
    wait_for_acks(&streams, "SAVES", "webhookc").await;
}

/// Messages that have come while the store fails are not before the one that it has failed for.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_keeps_the_order_of_an_object() {
    let (server, receiver) = (Server::start(), Receiver::start().await);
    let streams = server.streams().await;
    make_stream(&streams, "SAVES", "saves.>").await;
    let folder = patient(server.port, &receiver.url, "10s");
    let node = serve(folder.path());
    publish(&streams, "saves.x", item(0)).await;
    receiver.wait_for(1).await;
    let other = rusqlite::Connection::open(folder.path().join("webhookc.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    publish(&streams, "saves.x", item(1)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    publish(&streams, "saves.x", item(2)).await;
    until("the store fails", &node, async || node.said().contains("messages cannot be read")).await;
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(numbers(&receiver, 3).await, [0, 1, 2], "{}", node.said());
    wait_for_acks(&streams, "SAVES", "webhookc").await;
}
