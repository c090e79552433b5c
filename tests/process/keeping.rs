//! Keeping a store for long, with the real binary: the check, copies and their restoration, and forgetting.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::node::{Node, PATIENCE, Receiver, send};

fn project(receiver: &Receiver, more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/resources/schema.xml");
    fs::copy(schema, folder.path().join("schema.xml")).unwrap();
    let toml = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n[[endpoints]]\nname = \"index\"\nevents = \"*\"\nurl = \"{}/hook\"\n{more}",
        receiver.url
    );
    fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1");
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a verb; its exit code and what it printed.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = command(folder, arguments).output().unwrap();
    (status.code().unwrap(), format!("{}{}", text(&stdout), text(&stderr)))
}

fn healthy(folder: &Path, arguments: &[&str]) {
    let (code, said) = run(folder, &[&["doctor"], arguments].concat());
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("no findings in sqlite:"), "{said}");
}

/// Saves one new object after the other until the node is gone; those that were acknowledged.
async fn saves(node: &Node, from: usize, count: usize) -> Vec<String> {
    let mut saved = Vec::new();
    for n in from..from + count {
        let (status, answer) = send("PUT", &node.object("resource", &format!("r{n}")), r#"{"name": "Pump"}"#).await;
        assert_eq!(status, 201, "{answer}");
        saved.push(format!("r{n}"));
    }
    saved
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_under_load_is_restored_and_nothing_of_before_is_missing() {
    let receiver = Receiver::start().await;
    let folder = project(&receiver, "");
    let mut node = Node::start(folder.path(), &["serve"]);
    let before = saves(&node, 0, 30).await;
    let path = folder.path().to_owned();
    let copying = tokio::task::spawn_blocking(move || run(&path, &["backup", "copy.db"]));
    saves(&node, 1000, 30).await;
    let (code, said) = copying.await.unwrap();
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("copy.db: ") && said.contains(" KiB\n") && said.contains("webhookc.db-key`: keep a copy of it"), "{said}");
    healthy(folder.path(), &[]);
    // The copy is as encrypted as the store is, and the key is beside the store.
    let (code, said) = run(folder.path(), &["doctor", "--store", "sqlite:copy.db"]);
    assert!(code == 1 && said.contains("error[key-missing]"), "{said}");
    let key = fs::read_to_string(folder.path().join("webhookc.db-key")).unwrap();
    let checked = command(folder.path(), &["doctor", "--store", "sqlite:copy.db"]).env("WEBHOOKC_KEY", &key).output().unwrap();
    assert!(checked.status.success(), "{}", text(&checked.stdout));
    let (code, said) = run(folder.path(), &["backup", "copy.db"]);
    assert_eq!(code, 2);
    assert!(said.contains("cannot write `copy.db`: it exists already"), "{said}");

    node.kill();
    healthy(folder.path(), &[]);
    // As the README says: everything of the old store goes, also its log, which is none of the copy's.
    for name in ["webhookc.db", "webhookc.db-wal", "webhookc.db-shm"] {
        drop(fs::remove_file(folder.path().join(name)));
    }
    fs::copy(folder.path().join("copy.db"), folder.path().join("webhookc.db")).unwrap();
    let node = Node::start(folder.path(), &["serve"]);
    for id in &before {
        let (status, object) = send("GET", &node.object("resource", id), "").await;
        assert_eq!(status, 200, "{id}: {object}");
    }
    let (status, answer) = send("PUT", &node.object("resource", "later"), r#"{"name": "Pump"}"#).await;
    assert_eq!(status, 201, "{answer}");
    let (_, first) = send("GET", &node.object("resource", "r0"), "").await;
    assert!(answer["sequence"].as_i64() > first["sequence"].as_i64(), "{answer} {first}");
    healthy(folder.path(), &[]);
}

/// A limit on the size of files stands for a disk that is full: the copy does not fit.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_copy_that_does_not_fit_leaves_nothing() {
    let receiver = Receiver::start().await;
    let folder = project(&receiver, "");
    let node = Node::start(folder.path(), &["serve"]);
    saves(&node, 0, 20).await;
    drop(node);
    let script = format!("trap '' XFSZ; ulimit -f 40; exec '{}' backup copy.db", env!("CARGO_BIN_EXE_webhookc"));
    let output = Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stdout));
    let names: Vec<String> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert!(!names.iter().any(|name| name.starts_with("copy.db")), "{names:?}: {}", text(&output.stderr));
    healthy(folder.path(), &[]);
}

#[tokio::test]
async fn the_check_says_what_is_wrong_and_repairs_what_is_safe() {
    let receiver = Receiver::start().await;
    let folder = project(&receiver, "");
    let (code, said) = run(folder.path(), &["doctor"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("there is no such file") && said.contains("--store sqlite:PATH"), "{said}");

    let node = Node::start(folder.path(), &["serve"]);
    saves(&node, 0, 8).await;
    receiver.wait_for(8).await;
    let (code, said) = run(folder.path(), &["doctor", "--repair"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("the store is locked by another process") && said.contains("stop the node"), "{said}");
    drop(node);
    let change = |sql| rusqlite::Connection::open(folder.path().join("webhookc.db")).unwrap().execute_batch(sql).unwrap();
    change("UPDATE tenants SET sequence = 1");
    change("UPDATE deliveries SET attempts = 7");
    let (code, said) = run(folder.path(), &["doctor"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("error[attempts-not-counted] deliveries whose number of attempts is not that of the attempts recorded: 8\n  dlv_"),
        "{said}"
    );
    assert!(said.contains("\n  … and 3 more\n  help: keep a copy of the store"), "{said}");
    assert!(said.contains("error[sequence-behind]") && said.ends_with("webhookc.db\n") && said.contains("2 findings in "), "{said}");
    let (code, said) = run(folder.path(), &["doctor", "--repair", "--output-format", "json"]);
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &report["repaired"]), (1, &json!(1)), "{report}");
    let finding = &report["findings"][0];
    assert_eq!((&finding["check"], &finding["severity"], &finding["count"]), (&json!("attempts-not-counted"), &json!("error"), &json!(8)));
    assert_eq!(report["findings"].as_array().unwrap().len(), 1, "the other is healed: {report}");
}

#[tokio::test]
async fn what_is_old_is_announced_then_removed_by_hand() {
    let receiver = Receiver::start().await;
    let folder = project(&receiver, "");
    let node = Node::start(folder.path(), &["serve"]);
    saves(&node, 0, 3).await;
    receiver.wait_for(3).await;
    wait_for_delivered(&node, 3).await;
    let everything = ["prune", "--dry-run", "--older-than", "0s"];
    let (code, said) = run(folder.path(), &everything);
    let all = "3 delivered deliveries, 0 diverted deliveries, 0 failed deliveries, 3 messages, 3 traces";
    assert_eq!((code, said.as_str()), (0, format!("would remove {all}\n").as_str()));
    let (code, said) = run(folder.path(), &["prune"]);
    assert_eq!(code, 2);
    assert!(said.contains("the store is locked by another process") && said.contains("stop the node"), "{said}");
    drop(node);
    let (_, said) = run(folder.path(), &["prune"]);
    assert_eq!(
        said, "removed 0 delivered deliveries, 0 diverted deliveries, 0 failed deliveries, 0 messages, 0 traces\n",
        "nothing is a week old"
    );
    let (_, said) = run(folder.path(), &["prune", "--older-than", "0s", "--state", "delivered", "--state", "diverted"]);
    assert_eq!(said, "removed 3 delivered deliveries, 0 diverted deliveries, 0 failed deliveries, 0 messages, 0 traces\n");
    let (code, said) = run(folder.path(), &["prune", "--older-than", "0s", "--vacuum"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.starts_with("removed 0 delivered deliveries, 0 diverted deliveries, 0 failed deliveries, 3 messages, 3 traces\ngave back "),
        "{said}"
    );
    healthy(folder.path(), &[]);
    assert_eq!(run(folder.path(), &["prune", "--older-than", "soon"]).0, 2);
}

async fn deliveries(node: &Node, status: &str) -> usize {
    let (_, list) = send("GET", &node.of_tenant(&format!("deliveries?status={status}")), "").await;
    list["data"].as_array().unwrap().len()
}

async fn wait_for_delivered(node: &Node, count: usize) {
    let began = Instant::now();
    while deliveries(node, "delivered").await != count {
        assert!(began.elapsed() < PATIENCE, "never {count} delivered");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_node_forgets_what_the_project_does_not_keep() {
    let receiver = Receiver::start().await;
    let folder = project(&receiver, "");
    let node = Node::start(folder.path(), &["serve"]);
    saves(&node, 0, 3).await;
    wait_for_delivered(&node, 3).await;
    drop(node);
    let file = folder.path().join("webhookc.toml");
    let toml = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{toml}[retention]\ndelivered = \"0s\"\nmessages = \"0s\"\ntraces = \"forever\"\n")).unwrap();
    let node = Node::start(folder.path(), &["serve"]);
    wait_for_delivered(&node, 0).await;
    let (_, explained) = send("GET", &node.of_tenant("explain/resource/r0"), "").await;
    assert!(explained.to_string().contains("resource"), "{explained}");
    let (status, _) = send("GET", &node.object("resource", "r0"), "").await;
    assert_eq!(status, 200, "objects stay");
    healthy(folder.path(), &[]);
}
