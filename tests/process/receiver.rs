//! The built-in receiver of `dev`: it answers as it is told, so that retries can be watched, and says which signatures hold.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::node::{Node, PATIENCE, send};

const SCHEMA: &str = r#"<data-model><model name="asset" label="Asset"><field name="name" label="Name" type="text"/><display>{name}</display>
<webhook type="update" name="asset_saved"/></model></data-model>"#;

/// A node with these endpoints of its own receiver, `(name, path and query, more lines)`.
fn node(endpoints: &[(&str, &str, &str)]) -> (tempfile::TempDir, Node) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
    let mut node = Node::start(folder.path(), &["dev", "--listen", "127.0.0.1:0"]);
    if !endpoints.is_empty() {
        let mut toml = "[secrets]\ntoken = { file = \"token\" }\n".to_owned();
        for (name, url, more) in endpoints {
            let endpoint = format!(
                "[[endpoints]]\nname = \"{name}\"\nevents = \"*\"\nurl = \"{}{url}\"\n{more}\n[endpoints.failure_handling]\nretry = {{ pattern = \"linear\", interval = \"1s\", max_attempts = 4 }}\n",
                node.url
            );
            toml.push_str(&endpoint);
        }
        fs::write(folder.path().join("token"), "s3cr3t-of-the-test").unwrap();
        fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
        node.wait_for_new_line("that it has reloaded", |line| line.contains("reload  live"));
    }
    (folder, node)
}

/// The deliveries, once each is in this state.
async fn settled(node: &Node, state: &str) -> Value {
    let began = Instant::now();
    loop {
        let (_, list) = send("GET", &node.of_tenant("deliveries"), "").await;
        let all = list["data"].as_array().unwrap();
        if !all.is_empty() && all.iter().all(|delivery| delivery["status"] == state) {
            return list["data"].clone();
        }
        assert!(began.elapsed() < PATIENCE, "{list}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn shown(node: &Node, query: &str) -> Value {
    let (status, shown) = send("GET", &format!("{}/-/sink{query}", node.url), "").await;
    assert_eq!(status, 200, "{shown}");
    shown
}

#[tokio::test]
async fn the_first_requests_of_a_message_fail_and_the_next_is_taken_with_its_signatures_checked() {
    let more = "signatures = [\"standard\", \"asymmetric\", \"journey\"]\nheaders = { Authorization = \"Bearer {{ secret.token }}\" }";
    let (_folder, node) = node(&[("erp", "/sink/erp?first=2&status=500", more)]);
    send("PUT", &node.object("asset", "a1"), r#"{"name": "Pump"}"#).await;
    let deliveries = settled(&node, "delivered").await;
    assert_eq!(deliveries[0]["attempts"], json!(3), "{deliveries}");
    let shown = shown(&node, "?path=erp").await;
    let seen: Vec<_> = shown["data"].as_array().unwrap().iter().rev().map(|entry| (&entry["attempt"], &entry["answered"])).collect();
    assert_eq!(seen, [(&json!(1), &json!(500)), (&json!(2), &json!(500)), (&json!(3), &json!(200))]);
    let last = &shown["data"][0];
    let held = json!({ "endpoint": "ep_erp", "v1": "held", "v1a": "held", "journey-hmac": "held", "journey-rsa": "held" });
    assert_eq!(last["signatures"], held, "{last}");
    assert_eq!(last["query"], "first=2&status=500");
    assert!(last["body"].as_str().unwrap().contains("Pump"));
    assert!(last.to_string().contains("Bearer •••") && !shown.to_string().contains("s3cr3t-of-the-test"), "{last}");
}

#[tokio::test]
async fn a_connection_is_dropped_an_answer_delayed_and_one_in_three_fails() {
    let (_folder, node) = node(&[("gone", "/sink/gone?drop&first=1", ""), ("slow", "/sink/slow?delay=400ms&body=at+last&status=201", "")]);
    let began = Instant::now();
    send("PUT", &node.object("asset", "a1"), r#"{"name": "Pump"}"#).await;
    let deliveries = settled(&node, "delivered").await;
    assert!(began.elapsed() > Duration::from_millis(400));
    for delivery in deliveries.as_array().unwrap() {
        let path = format!("deliveries/{}/attempts", delivery["id"].as_str().unwrap());
        let (_, attempts) = send("GET", &node.of_tenant(&path), "").await;
        let first = &attempts["data"][0];
        if delivery["endpoint"] == "ep_gone" {
            assert_eq!((&first["status"], delivery["attempts"].as_u64()), (&Value::Null, Some(2)), "{attempts}");
            assert!(first["error"].as_str().unwrap().contains("connection"), "{attempts}");
        } else {
            assert_eq!((&first["status"], first["took_ms"].as_f64().unwrap() >= 400.0), (&json!(201), true), "{attempts}");
            assert!(first["response_body"].as_str().unwrap().contains("at last"), "{attempts}");
        }
    }
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(send("POST", &format!("{}/sink/often?one_in=3", node.url), "{}").await.0);
    }
    assert_eq!(answers, [200, 200, 503, 200, 200, 503]);
}

#[tokio::test]
async fn what_it_is_told_by_a_call_counts_more_than_the_url_until_it_is_taken_back() {
    let (_folder, node) = node(&[]);
    let (told, sink) = (format!("{}/-/sink/teams/a", node.url), format!("{}/sink/teams/a?status=201", node.url));
    let (status, answer) = send("PUT", &told, r#"{"status": 429, "retry_after": "7s", "body": "later"}"#).await;
    assert_eq!((status, &answer["path"], &answer["answer"]["status"]), (200, &json!("teams/a"), &json!(429)), "{answer}");
    assert_eq!(send("POST", &sink, "{}").await, (429, json!("later")));
    assert_eq!(shown(&node, "").await["answers"]["teams/a"]["retry_after"], json!(7));
    assert_eq!(send("DELETE", &told, "").await.0, 200);
    let (status, answer) = send("POST", &sink, "{}").await;
    assert_eq!((status, &answer), (201, &json!({ "received": 2, "signatures": { "endpoint": null } })));
    assert_eq!(send("DELETE", &told, "").await.0, 404);

    for (body, part) in [
        (r#"{"status": 99}"#, "`status` is `99`, expected a whole number from 200 to 599"),
        (r#"{"delay": "1 h"}"#, "`delay` is `1 h`, expected at most `60 s`"),
        (r#"{"stauts": 500}"#, "did you mean `status`?"),
        ("[]", "is not a JSON object"),
        ("{}", "says nothing about the answer"),
    ] {
        let (status, problem) = send("PUT", &told, body).await;
        assert!(status == 400 && problem["detail"].as_str().unwrap().contains(part), "{body}: {problem}");
    }
    let (status, problem) = send("POST", &format!("{}/sink/x?status=abc", node.url), "{}").await;
    assert!(status == 400 && problem["detail"] == "`status` is `abc`, expected a whole number from 200 to 599", "{problem}");
    assert_eq!(send("GET", &format!("{}/-/sink?limit=0", node.url), "").await.0, 400);

    let forged = reqwest::Client::builder().no_proxy().build().unwrap().post(&sink);
    let forged = forged.header("webhook-id", "msg_1").header("webhook-timestamp", "1").header("webhook-signature", "v1,AAAA v1a,?");
    let answer: Value = serde_json::from_str(&forged.body("{}").send().await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!(answer["signatures"], json!({ "endpoint": null, "v1": "failed", "v1a": "no-key" }));
    assert_eq!(send("DELETE", &format!("{}/-/sink", node.url), "").await.0, 204);
    assert_eq!(shown(&node, "").await, json!({ "answers": {}, "forgotten": 0, "data": [] }));
}
