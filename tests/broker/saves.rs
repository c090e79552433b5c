//! Messages of a stream are saves.

use std::collections::{BTreeMap, BTreeSet};

use async_nats::HeaderMap;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::node::{Node, PATIENCE, Received, Receiver, send};
use crate::project::{reading, serve, wait_for_different, wait_for_metric};
use crate::server::{Server, header, make_stream, messages, publish, wait_for_acks};
use crate::wire::Wire;

const CONSUMER: &str = "webhookc";

fn item(id: &str, n: usize) -> String {
    json!({ "model": "asset", "id": id, "fields": { "name": "Pump", "n": n } }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_message_says_is_saved_and_told() {
    let (server, receiver) = (Server::start(), Receiver::start().await);
    let streams = server.streams().await;
    make_stream(&streams, "SAVES", "saves.>").await;
    // One that was there before.
    publish(&streams, "saves.x", item("a1", 1)).await;
    let folder = reading(server.port, &receiver.url, "");
    let mut node = serve(folder.path());
    receiver.wait_for(1).await;
    publish(&streams, "saves.x", format!("[{}, {}]", item("a2", 2), item("a3", 3))).await;
    // An object on several lines, then another one.
    publish(&streams, "saves.x", format!("{{\n \"model\": \"asset\",\n \"id\": \"a4\", \"fields\": {{}}\n}}\n{}\n", item("a5", 5))).await;
    publish(&streams, "saves.x", r#"{"model": "asset", "id": "a1", "verb": "patch", "fields": {"n": 7}}"#).await;
    publish(&streams, "saves.x", r#"{"model": "asset", "id": "a2", "verb": "delete"}"#).await;
    publish(&streams, "saves.x", "[]").await;
    let got = receiver.wait_for(7).await;
    let mut told: Vec<(String, String)> = got.iter().map(operation).collect();
    told.sort();
    let expected =
        [("a1", "create"), ("a1", "update"), ("a2", "create"), ("a2", "delete"), ("a3", "create"), ("a4", "create"), ("a5", "create")];
    assert_eq!(told, expected.map(|(id, operation)| (id.to_owned(), operation.to_owned())));
    let (_, object) = send("GET", &node.object("asset", "a1"), "").await;
    assert_eq!(object["fields"], json!({ "n": 7, "name": "Pump" }), "{object}");
    wait_for_acks(&streams, "SAVES", CONSUMER).await;
    wait_for_metric(&node, "webhookc_source_messages_total{outcome=\"saved\"}", 6).await;
    node.signal(Signal::TERM);
    assert!(node.wait().success());
}

fn operation(request: &Received) -> (String, String) {
    let body = request.json();
    (body["object"]["id"].as_str().unwrap().to_owned(), body["operation"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_dies_between_commit_and_acknowledgement_fires_once() {
    let (server, receiver) = (Server::start(), Receiver::start().await);
    let streams = server.streams().await;
    make_stream(&streams, "SAVES", "saves.>").await;
    let wire = Wire::to(server.port).await;
    let folder = reading(wire.port, &receiver.url, "");
    let mut node = serve(folder.path());
    publish(&streams, "saves.x", item("a1", 1)).await;
    receiver.wait_for(1).await;
    wait_for_acks(&streams, "SAVES", CONSUMER).await;
    // Its question for messages stands at the server. What it says from now on is lost.
    wire.deafen(true);
    publish(&streams, "saves.x", item("a1", 2)).await;
    receiver.wait_for(2).await;
    wait_until_settled(&node, 2).await;
    node.kill();
    let pending = streams.get_stream("SAVES").await.unwrap().consumer_info(CONSUMER).await.unwrap().num_ack_pending;
    assert_eq!(pending, 1, "the message was committed, told, and not acknowledged");
    wire.deafen(false);
    publish(&streams, "saves.x", item("a1", 3)).await;
    let node = serve(folder.path());
    let got = receiver.wait_for(3).await;
    wait_for_acks(&streams, "SAVES", CONSUMER).await;
    wait_for_metric(&node, "webhookc_source_messages_total{outcome=\"again\"}", 1).await;
    assert_eq!(numbers(&got), [1, 2, 3]);
    assert_eq!(receiver.got().len(), 3, "nothing is told twice");
}

/// Waits until so many deliveries are delivered, and recorded: none is in flight then.
async fn wait_until_settled(node: &Node, count: usize) {
    let began = std::time::Instant::now();
    loop {
        let (_, list) = send("GET", &node.of_tenant("deliveries?status=delivered"), "").await;
        if list["data"].as_array().unwrap().len() == count {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{list:#}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn numbers(got: &[Received]) -> Vec<u64> {
    got.iter().map(|request| request.json()["object"]["n"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_under_load_loses_nothing_and_keeps_the_order_of_an_object() {
    const MESSAGES: usize = 300;
    let (server, receiver) = (Server::start(), Receiver::start().await);
    let streams = server.streams().await;
    make_stream(&streams, "SAVES", "saves.>").await;
    let folder = reading(server.port, &receiver.url, "in_flight = 32");
    let mut node = serve(folder.path());
    for n in 0..MESSAGES {
        publish(&streams, "saves.x", item(&format!("a{}", n % 3), n)).await;
        if n == MESSAGES / 3 || n == MESSAGES / 2 {
            node.kill();
            node = serve(folder.path());
        }
    }
    let got = wait_for_different(&receiver, MESSAGES).await;
    wait_for_acks(&streams, "SAVES", CONSUMER).await;
    let mut objects: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for request in &got {
        let body = request.json();
        objects.entry(body["object"]["id"].as_str().unwrap().to_owned()).or_default().push(body["object"]["n"].as_u64().unwrap());
    }
    for (place, numbers) in objects.values().enumerate() {
        let expected: Vec<u64> = (0..MESSAGES as u64).filter(|n| usize::try_from(*n).unwrap() % 3 == place).collect();
        assert_eq!(*numbers, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_no_save_is_set_aside_and_holds_up_nothing() {
    let (server, receiver) = (Server::start(), Receiver::start().await);
    let streams = server.streams().await;
    make_stream(&streams, "SAVES", "saves.>").await;
    make_stream(&streams, "DEAD", "dead").await;
    let folder = reading(server.port, &receiver.url, "dead_letter = \"dead\"");
    let node = serve(folder.path());
    publish(&streams, "saves.x", "no json").await;
    publish(&streams, "saves.x", r#"{"model": "asset", "id": "a1", "fields": {"nmae": "Pump"}}"#).await;
    publish(&streams, "saves.x", "").await;
    // Refused only when the object is looked for: there is none to change.
    publish(&streams, "saves.x", r#"{"model": "asset", "id": "a9", "verb": "patch", "fields": {"n": 1}}"#).await;
    publish(&streams, "saves.x", item("a1", 1)).await;
    receiver.wait_for(1).await;
    let dead = messages(&streams, "DEAD", 4).await;
    wait_for_acks(&streams, "SAVES", CONSUMER).await;
    let bodies: BTreeSet<&[u8]> = dead.iter().map(|message| &*message.payload).collect();
    assert!(bodies.contains(&b"no json"[..]) && bodies.contains(&b""[..]), "{bodies:?}");
    let misspelt = dead.iter().find(|message| message.payload.windows(4).any(|part| part == b"nmae")).unwrap();
    assert_eq!(header(misspelt, "webhookc-why"), "save 0: `nmae` is not a field of `asset`");
    let place = ["webhookc-stream", "webhookc-subject", "webhookc-number"].map(|name| header(misspelt, name));
    assert_eq!(place, ["SAVES", "saves.x", "2"]);
    node.wait_for_line("what was set aside", |line| line.contains("`nmae` is not a field of `asset`") && line.contains("saves.x"));
    wait_for_metric(&node, "webhookc_source_messages_total{outcome=\"refused\"}", 4).await;
    assert_eq!(receiver.got().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_save_stays_in_the_stream_or_comes_again_until_it_can_be_set_aside() {
    let (server, receiver) = (Server::start(), Receiver::start().await);
    let streams = server.streams().await;
    make_stream(&streams, "SAVES", "saves.>").await;
    let folder = reading(server.port, &receiver.url, "");
    let node = serve(folder.path());
    publish(&streams, "saves.x", "no json").await;
    publish(&streams, "saves.x", item("a1", 1)).await;
    receiver.wait_for(1).await;
    wait_for_acks(&streams, "SAVES", CONSUMER).await;
    wait_for_metric(&node, "webhookc_source_messages_total{outcome=\"refused\"}", 1).await;
    node.wait_for_line("why", |line| line.contains("is no save; it does not come again") && line.contains("the body is not JSON"));
    assert_eq!(messages(&streams, "SAVES", 2).await[0].payload, "no json", "it is where it was");
    drop(node);

    let folder = reading(server.port, &receiver.url, "consumer = \"other\"\ndead_letter = \"dead\"");
    let node = serve(folder.path());
    // No stream takes `dead` yet.
    node.wait_for_line("that it comes again", |line| line.contains("could not be set aside; it comes again"));
    receiver.wait_for(2).await;
    make_stream(&streams, "DEAD", "dead").await;
    assert_eq!(messages(&streams, "DEAD", 1).await[0].payload, "no json");
    wait_for_acks(&streams, "SAVES", "other").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_subject_may_say_whose_and_which_object_it_is() {
    let (server, receiver) = (Server::start(), Receiver::start().await);
    let streams = server.streams().await;
    make_stream(&streams, "SAVES", "data.>").await;
    let more = "subject = \"data.*.*.*\"\ntenant = { part = 2 }\nmodel = { part = 3 }\nid = { part = 4 }";
    let folder = reading(server.port, &receiver.url, more);
    let node = serve(folder.path());
    publish(&streams, "data.acme.asset.a%2E1", r#"{"name": "Pump", "n": 1}"#).await;
    receiver.wait_for(1).await;
    for (verb, body) in [(("webhookc-verb", "patch"), r#"{"n": 2}"#), (("KV-Operation", "DEL"), "")] {
        let mut headers = HeaderMap::new();
        headers.insert(verb.0, verb.1);
        streams.publish_with_headers("data.acme.asset.a%2E1", headers, body.into()).await.unwrap().await.unwrap();
    }
    // Not read: it has another form.
    publish(&streams, "data.other", "no save").await;
    let got = receiver.wait_for(3).await;
    let told: Vec<Value> = got.iter().map(Received::json).collect();
    let operations = told.iter().map(|body| body["operation"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(operations, ["create", "update", "delete"]);
    assert_eq!((&told[0]["account_id"], &told[0]["object"]["id"]), (&json!("acme"), &json!("a.1")));
    assert_eq!((&told[1]["object"]["n"], &told[1]["object"]["name"]), (&json!(2), &json!("Pump")));
    wait_for_acks(&streams, "SAVES", CONSUMER).await;
    wait_for_metric(&node, "webhookc_source_messages_total{outcome=\"refused\"}", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_late_or_goes_is_waited_for() {
    let (mut server, receiver) = (Server::start(), Receiver::start().await);
    let streams = server.streams().await;
    make_stream(&streams, "SAVES", "saves.>").await;
    server.stop();
    let folder = reading(server.port, &receiver.url, "");
    let node = serve(folder.path());
    node.wait_for_line("that nobody is there", |line| line.contains("there is no connection to the broker `main`"));
    server.start_again();
    publish_when_back(&server, item("a1", 1)).await;
    receiver.wait_for(1).await;
    server.stop();
    server.start_again();
    publish_when_back(&server, item("a1", 2)).await;
    assert_eq!(numbers(&receiver.wait_for(2).await), [1, 2]);
    wait_for_acks(&server.streams().await, "SAVES", CONSUMER).await;
    assert_eq!(receiver.got().len(), 2);
}

/// The stream is there a moment after the server.
async fn publish_when_back(server: &Server, body: String) {
    let streams = server.streams().await;
    let began = std::time::Instant::now();
    loop {
        let sent = streams.publish("saves.x", body.clone().into()).await.unwrap().await;
        if sent.is_ok() {
            return;
        }
        assert!(began.elapsed() < crate::node::PATIENCE, "{sent:?}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
