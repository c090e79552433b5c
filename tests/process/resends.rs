//! Thousands of deliveries sent again by one order, of which a killed node loses nothing and sends none twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::node::{Node, PATIENCE, Receiver, send};

const SCHEMA: &str = r#"<data-model><model name="asset" label="Asset"><field name="name" label="Name" type="text"/><display>{name}</display>
<webhook type="update" name="asset_saved"><field name="name"/></webhook></model></data-model>"#;
/// Deliveries, "many thousands" of them.
const MANY: usize = 6_000;

async fn progress(node: &Node, id: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let (status, resend) = send("GET", &node.of_tenant(&format!("resend/{id}")), "").await;
        assert_eq!(status, 200, "{resend}");
        if fits(&resend) {
            return resend;
        }
        assert!(began.elapsed() < PATIENCE, "{resend}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How often each message came.
fn counted(receiver: &Receiver) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in receiver.got() {
        *counts.entry(request.header("webhook-id").to_owned()).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resend_goes_on_after_a_crash_and_sends_each_delivery_once() {
    let receiver = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
    let toml = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n[[endpoints]]\nname = \"erp\"\nevents = \"*\"\nurl = \"{}\"\n",
        receiver.url
    );
    std::fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
    let mut node = Node::start(folder.path(), &["serve"]);
    let save = |n| json!({"model": "asset", "id": format!("a{n}"), "fields": {"name": "Pump"}}).to_string();
    let saves = (0..MANY).map(save).collect::<Vec<_>>().join("\n");
    assert_eq!(send("POST", &node.of_tenant("saves"), &saves).await.0, 200);
    receiver.wait_for(MANY).await;
    let began = Instant::now();
    let delivered = json!({"filter": {"status": "delivered"}, "dry_run": true}).to_string();
    loop {
        let (status, dry) = send("POST", &node.of_tenant("resend"), &delivered).await;
        assert_eq!((status, dry["samples"].as_array().map(Vec::len)), (200, Some(10)), "{dry}");
        if dry["matched"] == json!(MANY) {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{dry}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(receiver.got().len(), MANY, "a dry run sends nothing");

    let wish = json!({"filter": {"event": "asset_saved", "endpoint": "ep_erp", "status": "delivered"}, "rate": "2000/s"}).to_string();
    let (status, resend) = send("POST", &node.of_tenant("resend"), &wish).await;
    assert_eq!((status, &resend["matched"], &resend["state"]), (202, &json!(MANY), &json!("running")), "{resend}");
    let id = resend["id"].as_str().unwrap();
    // What is made meanwhile is no part of it.
    assert_eq!(send("PUT", &node.object("asset", "young"), r#"{"name": "Pump"}"#).await.0, 201);
    progress(&node, id, |resend| resend["resent"].as_u64() > Some(MANY as u64 / 3)).await;
    node.kill();
    let node = Node::start(folder.path(), &["serve"]);
    let resumed = progress(&node, id, |_| true).await;
    assert!(resumed["resent"].as_u64() < Some(MANY as u64), "it was killed in the middle: {resumed}");
    let done = progress(&node, id, |resend| resend["state"] == json!("done")).await;
    assert_eq!(done["resent"], json!(MANY), "{done}");

    // Each has one more attempt under its own id, and the young one has not.
    let began = Instant::now();
    let mut rows: Vec<Value> = Vec::new();
    loop {
        let cursor = rows.last().map(|row| format!("&cursor={}", row["id"].as_str().unwrap())).unwrap_or_default();
        let (_, page) = send("GET", &node.of_tenant(&format!("deliveries?limit=500{cursor}")), "").await;
        rows.extend(page["data"].as_array().unwrap().iter().cloned());
        if page["next"] != Value::Null {
            continue;
        }
        if rows.iter().all(|row| row["status"] == json!("delivered")) {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "not all is delivered");
        rows.clear();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(rows.len(), MANY + 1);
    for row in &rows {
        assert_eq!(row["attempts"], json!(if row["object"] == json!("young") { 1 } else { 2 }), "{row}");
    }
    // Only what was under way when the node was killed can have come a third time.
    let counts = counted(&receiver);
    let thrice = counts.values().filter(|count| **count > 2).count();
    assert!(counts.len() == MANY + 1 && counts.values().filter(|count| **count < 2).count() == 1 && thrice < MANY / 4, "{thrice}");
}
