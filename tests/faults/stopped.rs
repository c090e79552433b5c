//! The process stands still for longer than its requests may take, as with its container or its machine: what was answered meanwhile is
//! read, and not sent again.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::node::{Node, PATIENCE, Receiver, send};
use crate::project::{endpoint, project, save};

const OBJECTS: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_while_the_process_stood_still_is_not_sent_again() {
    let receiver = Receiver::start().await;
    let folder = project(&endpoint("slow", &format!("{}/slow/2", receiver.url), "timeout = \"5s\""));
    let node = Node::start(folder.path(), &["serve"]);
    for n in 0..OBJECTS {
        assert_eq!(save(&node, &format!("o{n}")).await.0, 201);
    }
    receiver.wait_for(OBJECTS).await;
    node.signal(Signal::STOP);
    tokio::time::sleep(Duration::from_millis(6_500)).await;
    node.signal(Signal::CONT);
    let began = Instant::now();
    loop {
        let (_, listed) = send("GET", &node.of_tenant("deliveries"), "").await;
        let deliveries = listed["data"].as_array().unwrap();
        if deliveries.iter().all(|delivery| delivery["status"] == json!("delivered")) {
            assert!(deliveries.iter().all(|delivery| delivery["attempts"] == json!(1)), "{listed}");
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{listed}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(receiver.got().len(), OBJECTS, "nothing comes twice");
}
