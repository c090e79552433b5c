//! A node that is told to read its files again: by a signal, by the API, and by the files themselves; and what it says about it.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::node::{Node, send};

fn schema(more: &str) -> String {
    format!(
        "<data-model><model name=\"asset\" label=\"Asset\"><field name=\"name\" label=\"Name\" type=\"text\"/><field name=\"photo\" label=\"P\" type=\"photo\"/><display>{{name}}</display>\n<webhook type=\"update\" name=\"asset_ready\"><field name=\"name\"/>{more}<request url=\"http://127.0.0.1:9/x\"/></webhook></model></data-model>"
    )
}

const TOML: &str = "[egress]\nallow_networks = [\"127.0.0.0/8\"]\n";

#[tokio::test]
async fn serve_reads_again_on_a_signal_on_a_call_and_by_itself_and_says_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("schema.xml");
    fs::write(&file, schema("")).unwrap();
    fs::write(folder.path().join("webhookc.toml"), TOML).unwrap();
    let mut node = Node::start(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    node.wait_for_new_line("that it serves", |line| line.contains("serving"));

    // By itself, half a second after the file.
    fs::write(&file, schema("<field name=\"photo\"/>")).unwrap();
    node.wait_for_new_line("what changed", |line| line.contains("reloaded") && line.contains("asset_ready: + required photo"));

    // By a call, which need not wait for that.
    fs::write(&file, schema("<field name=\"photo\" state=\"uploaded\"/>")).unwrap();
    let (status, answer) = send("POST", &format!("{}/-/reload", node.url), "").await;
    assert_eq!((status, &answer["live"]), (200, &json!(true)), "{answer}");
    // It may have been seen a moment before it was asked for.
    node.wait_for_new_line("what changed", |line| line.contains("reloaded") && line.contains("asset_ready: + uploaded photo"));

    // A mistake keeps what is in force, and is said.
    fs::write(&file, schema("<field name=\"foto\"/>")).unwrap();
    let (status, answer) = send("POST", &format!("{}/-/reload", node.url), "").await;
    assert_eq!((status, &answer["live"]), (422, &json!(false)), "{answer}");
    assert!(answer.to_string().contains("WH0203"), "{answer}");
    node.wait_for_new_line("the mistake", |line| line.contains("still on the last good program") && line.contains("WH0203"));
    assert_eq!(send("PUT", &node.object("asset", "a1"), r#"{"name": "x"}"#).await.0, 201);
    let (status, answer) = send("GET", &format!("{}/readyz", node.url), "").await;
    assert!(status == 200 && answer["rejected_at"].is_string(), "{answer}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
    let output = command.args(["ready", "--url", &node.url]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("1 model, 1 webhook; its files were rejected at 2"), "{said}");

    // By a signal.
    fs::write(&file, schema("")).unwrap();
    let began = Instant::now();
    node.signal(Signal::HUP);
    node.wait_for_new_line("the reload", |line| line.contains("reloaded") && line.contains("asset_ready: - uploaded photo"));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let (_, answer) = send("GET", &format!("{}/readyz", node.url), "").await;
    assert_eq!(answer.get("rejected_at"), None, "{answer}");
    assert!(node.is_running());
}

#[test]
fn dev_shows_what_changed_and_the_mistake_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("schema.xml");
    fs::write(&file, schema("")).unwrap();
    let mut node = Node::start(folder.path(), &["dev", "--listen", "127.0.0.1:0"]);
    fs::write(&file, schema("<field name=\"photo\"/>")).unwrap();
    node.wait_for_new_line("the reload", |line| line.contains("reload  live, 1 model, 1 webhook"));
    node.wait_for_new_line("what changed", |line| line.trim() == "asset_ready: + required photo");
    fs::write(&file, schema("<field name=\"foto\"/>")).unwrap();
    node.wait_for_new_line("that it is rejected", |line| line.contains("reload  rejected, 1 error, still on the last good program"));
    node.wait_for_new_line("the place", |line| line.contains("schema.xml:2:") && line.contains("did you mean") || line.contains("WH0203"));
}
