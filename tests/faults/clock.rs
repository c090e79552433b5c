//! The machine's clock is set by a day, there and back, also while the node is down: nothing under way is sent again, no retry waits for a
//! day or comes with all others, and sequences grow.

use std::time::{Duration, Instant};

use crate::node::{Node, PATIENCE, Received, Receiver};
use crate::project::{endpoint, project, save};
use crate::shim::{Number, Shim};

const DAY: i64 = 86_400;

fn about(receiver: &Receiver, path: &str, id: &str) -> Vec<Received> {
    receiver.got().into_iter().filter(|request| request.path == path && request.json()["object"]["id"] == id).collect()
}

async fn wait_for(receiver: &Receiver, path: &str, id: &str, count: usize) {
    let began = Instant::now();
    while about(receiver, path, id).len() < count {
        assert!(began.elapsed() < PATIENCE, "{} of {count} requests to {path} about {id}", about(receiver, path, id).len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn sequence(node: &Node, id: &str) -> i64 {
    let (status, answer) = save(node, id).await;
    assert!(matches!(status, 200 | 201), "{answer}");
    answer["sequence"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_loses_nothing_and_hurries_nothing() {
    let (receiver, shim) = (Receiver::start().await, Shim::new());
    // Three kinds: one that answers, one that fails and is tried again soon, one that fails and is tried again after this test.
    let soon = "[endpoints.failure_handling]\nretry = { pattern = \"linear\", interval = \"1s\", max_attempts = 100 }";
    let late = "[endpoints.failure_handling]\nretry = { pattern = \"linear\", interval = \"1h\", max_attempts = 100 }";
    let toml = [
        endpoint("good", &format!("{}/good", receiver.url), ""),
        endpoint("soon", &format!("{}/fail/soon", receiver.url), soon),
        endpoint("late", &format!("{}/fail/late", receiver.url), late),
        endpoint("slow", &format!("{}/slow/4", receiver.url), "timeout = \"30s\""),
    ];
    let folder = project(&toml.concat());
    let mut node = shim.start(folder.path());
    let mut last = 0;
    let mut step = 0;
    for (round, by) in [DAY, -DAY, -DAY, DAY].into_iter().enumerate() {
        let id = format!("r{round}");
        let before = sequence(&node, &id).await;
        assert!(before > last, "sequences grow: {last}, {before}");
        for path in ["/good", "/fail/late", "/slow/4"] {
            wait_for(&receiver, path, &id, 1).await;
        }
        step += by;
        shim.set(Number::ClockStepSeconds, step);
        node.wait_for_new_line("that the clock was set", |line| line.contains("clock of this machine was set"));
        last = sequence(&node, &id).await;
        assert!(last > before, "sequences grow: {before}, {last}");
        wait_for(&receiver, "/good", &id, 2).await;
        // Neither lost ...
        let tried = about(&receiver, "/fail/soon", &id).len();
        wait_for(&receiver, "/fail/soon", &id, tried + 2).await;
        // ... nor before its time: an hour has not passed, and the slow one has not answered.
        assert_eq!(about(&receiver, "/fail/late", &id).len(), 2, "one for each save");
        let slow = about(&receiver, "/slow/4", &id);
        let ids: std::collections::BTreeSet<_> = slow.iter().map(|request| request.header("webhook-id").to_owned()).collect();
        assert_eq!(ids.len(), slow.len(), "a request under way was sent again");
    }

    // A clock that was a day ahead is set right while the node is down; the last save was before.
    let ahead = sequence(&node, "restart").await;
    shim.set(Number::ClockStepSeconds, DAY);
    node.wait_for_new_line("that the clock was set", |line| line.contains("clock of this machine was set"));
    let tried = about(&receiver, "/fail/soon", "restart").len();
    wait_for(&receiver, "/fail/soon", "restart", tried + 2).await;
    node.kill();
    shim.set(Number::ClockStepSeconds, 0);
    let node = shim.start(folder.path());
    let tried = about(&receiver, "/fail/soon", "restart").len();
    wait_for(&receiver, "/fail/soon", "restart", tried + 2).await;
    assert_eq!(about(&receiver, "/fail/late", "restart").len(), 1);
    assert!(sequence(&node, "restart").await > ahead);
}
