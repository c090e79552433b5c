//! What a node says to those who run it: numbers, log lines, and whether it is ready.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::node::{Node, PATIENCE, Receiver, send};

const SCHEMA: &str = r#"<data-model><model name="asset" label="Asset"><field name="name" label="Name" type="text"/><display>{name}</display>
<webhook type="update" name="asset_saved"><field name="name"/></webhook></model></data-model>"#;

fn project(endpoints: &[(&str, String)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = |(name, url): &(&str, String)| format!("[[endpoints]]\nname = \"{name}\"\nevents = \"*\"\nurl = \"{url}\"\n");
    let toml = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n{}",
        endpoints.iter().map(endpoint).collect::<Vec<_>>().concat()
    );
    std::fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
    std::fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
    folder
}

fn json_log(folder: &Path) -> Node {
    Node::start(folder, &["serve", "--log-format", "json"])
}

async fn metrics(node: &Node) -> String {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(format!("{}/metrics", node.url)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    answer.text().await.unwrap()
}

/// The value of a series.
fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{metrics}")).parse().unwrap()
}

async fn until(node: &Node, series: &str, expected: f64) {
    let began = Instant::now();
    while (value(&metrics(node).await, series) - expected).abs() > f64::EPSILON {
        assert!(began.elapsed() < PATIENCE, "{series} is not {expected}:\n{}", metrics(node).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_happens_is_counted_and_each_attempt_is_a_line_of_json() {
    let receiver = Receiver::start().await;
    let folder = project(&[("good", receiver.url.clone()), ("bad", format!("{}/fail", receiver.url))]);
    let node = json_log(folder.path());
    for n in 0..3 {
        send("PUT", &node.object("asset", &n.to_string()), r#"{"name": "Pump"}"#).await;
    }
    send("PUT", &node.object("asset", "none"), "{}").await;
    assert_eq!(send("PUT", &node.object("asset", "wrong"), r#"{"nmae": "Pump"}"#).await.0, 422);
    until(&node, "webhookc_attempts_total{outcome=\"delivered\"}", 3.0).await;
    until(&node, "webhookc_attempts_total{outcome=\"retried\"}", 3.0).await;
    let metrics = metrics(&node).await;
    assert!((value(&metrics, "webhookc_saves_total{outcome=\"committed\"}") - 4.0).abs() < 0.1);
    assert!((value(&metrics, "webhookc_decisions_total{result=\"fired\"}") - 3.0).abs() < 0.1);
    assert!((value(&metrics, "webhookc_decisions_total{result=\"suppressed\"}") - 1.0).abs() < 0.1);
    assert!(value(&metrics, "webhookc_store_commits_total{outcome=\"done\"}") >= 4.0);
    assert!((value(&metrics, "webhookc_attempt_seconds_count{outcome=\"delivered\"}") - 3.0).abs() < 0.1);
    assert!(value(&metrics, "webhookc_api_answers_total{class=\"refused\"}") >= 1.0);
    // A refused save is counted where it is refused: by the API, before the rules.
    assert!(value(&metrics, "process_resident_memory_bytes") > 1e6 && metrics.ends_with("# EOF\n"));

    let lines: Vec<Value> = node.said().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let attempts: Vec<&Value> = lines.iter().filter(|line| line["target"] == "webhookc::attempt").collect();
    assert_eq!(attempts.len(), 6, "{}", node.said());
    let failed = attempts.iter().find(|line| line["outcome"] == "retried").unwrap();
    assert_eq!(
        (&failed["endpoint"], &failed["event"], &failed["attempt"], &failed["status"]),
        (&json!("ep_bad"), &json!("asset_saved"), &json!(1), &json!(500))
    );
    assert!(
        failed["delivery"].as_str().unwrap().starts_with("dlv_") && failed["message"].as_str().unwrap().starts_with("msg_"),
        "{failed}"
    );
    assert!(failed["note"].as_str().unwrap().contains("answered 500 · retry in"), "{failed}");
    // And nothing says the same a second time.
    assert!(!lines.iter().any(|line| line["message"] == "not delivered"));
}

#[tokio::test]
async fn the_queue_is_shown_by_lane_and_long_ones_first() {
    let receiver = Receiver::start().await;
    let folder = project(&[("slow", format!("{}/hang", receiver.url)), ("quick", receiver.url.clone())]);
    let node = json_log(folder.path());
    for n in 0..4 {
        send("PUT", &node.object("asset", &n.to_string()), r#"{"name": "Pump"}"#).await;
    }
    receiver.wait_for(5).await;
    // Counted when first asked, after the quick ones are delivered.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let metrics = metrics(&node).await;
    assert!((value(&metrics, "webhookc_queue_depth{tenant=\"default\",endpoint=\"ep_slow\"}") - 4.0).abs() < 0.1, "{metrics}");
    assert!((value(&metrics, "webhookc_queue_lanes") - 1.0).abs() < 0.1 && !metrics.contains("endpoint=\"ep_quick\""), "{metrics}");
}

#[tokio::test]
async fn request_ids_are_taken_over_made_and_logged() {
    let folder = project(&[]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_webhookc"));
    command.args(["serve", "--log-format", "json", "--log", "info,webhookc=debug"]).current_dir(folder.path());
    let node = Node::launch(command);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = |id: &'static str| {
        let request = http.get(format!("{}/healthz", node.url));
        if id.is_empty() { request } else { request.header("x-request-id", id) }.send()
    };
    assert_eq!(ask("order-7").await.unwrap().headers()["x-request-id"], "order-7");
    let made = ask("").await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(made.len(), 32, "{made}");
    let other = ask("a b").await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(other.len(), 32, "not one to be written into a log: {other}");
    node.wait_for_line("the request", |line| line.contains("\"request_id\":\"order-7\"") && line.contains("/healthz"));
}

#[tokio::test]
async fn readiness_says_why_not() {
    let receiver = Receiver::start().await;
    let folder = project(&[("slow", format!("{}/slow/2", receiver.url))]);
    let mut node = json_log(folder.path());
    let ready = format!("{}/readyz", node.url);
    node.wait_for_line("that it serves", |line| line.contains("serving"));
    let (status, answer) = send("GET", &ready, "").await;
    assert_eq!((status, &answer["status"], &answer["webhooks"]), (200, &json!("ready"), &json!(1)), "{answer}");
    send("PUT", &node.object("asset", "a"), r#"{"name": "Pump"}"#).await;
    receiver.wait_for(1).await;
    node.signal(Signal::TERM);
    let began = Instant::now();
    loop {
        let (status, answer) = send("GET", &ready, "").await;
        if status == 503 {
            assert_eq!(answer["code"], "draining", "{answer}");
            break;
        }
        assert!(began.elapsed() < Duration::from_millis(1_500), "{answer}");
    }
    let (status, answer) = send("PUT", &node.object("asset", "b"), r#"{"name": "Pump"}"#).await;
    assert_eq!((status, &answer["code"]), (503, &json!("draining")), "{answer}");
    assert_eq!(send("GET", &node.object("asset", "a"), "").await.0, 200, "what is asked is still answered");
    assert!(node.wait().success(), "{}", node.said());

    // A schema with a mistake.
    let folder = project(&[]);
    std::fs::write(folder.path().join("schema.xml"), SCHEMA.replace("{name}", "{nmae}")).unwrap();
    let node = Node::start(folder.path(), &["dev", "--listen", "127.0.0.1:0"]);
    let (status, answer) = send("GET", &format!("{}/readyz", node.url), "").await;
    assert_eq!((status, &answer["code"]), (503, &json!("not-ready")), "{answer}");
}
