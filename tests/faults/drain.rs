//! SIGTERM: what is under way ends and is recorded, the exit waits for nobody longer than it says, and what was cut off is sent again.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::node::{Node, PATIENCE, Receiver, send};
use crate::project::{endpoint, project, save};

async fn wait_for(receiver: &Receiver, path: &str, count: usize) {
    let began = Instant::now();
    while receiver.got().iter().filter(|request| request.path == path).count() < count {
        assert!(began.elapsed() < PATIENCE, "no {count} requests to {path}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_ends_and_is_recorded() {
    let receiver = Receiver::start().await;
    // Answers after two seconds.
    let folder = project(&endpoint("slow", &format!("{}/slow/2", receiver.url), ""));
    let mut node = Node::start(folder.path(), &["serve"]);
    let mut accepted = 0;
    for n in 0..5 {
        assert_eq!(save(&node, &format!("o{n}")).await.0, 201);
        accepted += 1;
    }
    wait_for(&receiver, "/slow/2", 5).await;
    node.signal(Signal::TERM);
    // Until the door is shut a save is taken; then nobody listens. Either way it is clear which.
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    while let Ok(answer) = client.put(node.object("resource", &format!("l{accepted}"))).body(r#"{"name": "Late"}"#).send().await {
        assert!(answer.status().is_success() || answer.status() == 503, "{}", answer.status());
        accepted += usize::from(answer.status().is_success());
    }
    let ended = node.wait();
    assert_eq!(ended.code(), Some(0), "{}", node.said());
    let node = Node::start(folder.path(), &["serve"]);
    wait_for(&receiver, "/slow/2", accepted).await;
    let (_, listed) = send("GET", &node.of_tenant("deliveries?limit=500"), "").await;
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(accepted));
    for delivery in listed["data"].as_array().unwrap().iter().rev().take(5) {
        assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("delivered"), &json!(1)), "recorded before the exit: {delivery}");
    }
    assert_eq!(receiver.got().len(), accepted, "nothing comes twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_hangs_holds_nobody_and_is_called_again() {
    let receiver = Receiver::start().await;
    let folder = project(&endpoint("hangs", &format!("{}/hang", receiver.url), "timeout = \"2m\""));
    // `dev` waits for three seconds, `serve` for twenty; the code is the same.
    let mut node = Node::start(folder.path(), &["dev"]);
    assert_eq!(save(&node, "a").await.0, 201);
    wait_for(&receiver, "/hang", 1).await;
    node.signal(Signal::TERM);
    assert_eq!(node.wait().code(), Some(0), "{}", node.said());
    let _node = Node::start(folder.path(), &["dev"]);
    wait_for(&receiver, "/hang", 2).await;
    let ids: Vec<_> = receiver.got().iter().map(|request| request.header("webhook-id").to_owned()).collect();
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_signal_ends_at_once() {
    let receiver = Receiver::start().await;
    for signal in [Signal::TERM, Signal::INT] {
        let folder = project(&endpoint("hangs", &format!("{}/hang", receiver.url), "timeout = \"2m\""));
        let mut node = Node::start(folder.path(), &["serve"]);
        assert_eq!(save(&node, "a").await.0, 201);
        wait_for(&receiver, "/hang", 1).await;
        node.signal(Signal::TERM);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(node.is_running(), "it waits for the receiver");
        node.signal(signal);
        assert_eq!(node.wait().code(), Some(130), "{}", node.said());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_say_nothing_do_not_hold_the_exit() {
    let receiver = Receiver::start().await;
    let folder = project(&endpoint("index", &receiver.url, ""));
    let mut node = Node::start(folder.path(), &["serve"]);
    let mut silent = Vec::new();
    for n in 0..20 {
        let mut stream = tokio::net::TcpStream::connect(node.url.trim_start_matches("http://")).await.unwrap();
        if n % 2 == 0 {
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"PUT /api/v1/tenants/default/objects/resource/x HTTP/1.1\r\nhost: local")
                .await
                .unwrap();
        }
        silent.push(stream);
    }
    assert_eq!(save(&node, "a").await.0, 201);
    node.signal(Signal::TERM);
    assert_eq!(node.wait().code(), Some(0), "{}", node.said());
}
