//! SIGKILL at random moments while everything happens at once: saves, deletions, waiting and ordered webhooks, failing deliveries, alerts
//! about them, and retention that keeps nothing. The store check has no finding at any moment, beside the node or after its end.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::node::{Node, PATIENCE, Receiver};

const KILLS: usize = 12;
const CLIENTS: usize = 4;

const SCHEMA: &str = r#"<data-model>
    <model name="room" label="Room">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
    </model>
    <model name="asset" label="Asset">
        <field name="name" label="Name" type="text" />
        <belongs-to model="room" />
        <display>{name}</display>
        <webhook type="ready" name="asset_done">
            <field name="room" />
        </webhook>
        <webhook type="update" name="asset_saved" order="object">
            <field name="name" />
        </webhook>
    </model>
</data-model>
"#;

fn project(receiver: &Receiver) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
    // Nobody listens at port 1: what goes there fails twice, and is diverted.
    let toml = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n\
        [retention]\ndelivered = \"0s\"\ndiverted = \"0s\"\nfailed = \"0s\"\nmessages = \"0s\"\ntraces = \"0s\"\n\
        [[endpoints]]\nname = \"good\"\nevents = \"*\"\nurl = \"{}/hook\"\n\
        [[endpoints]]\nname = \"bad\"\nevents = \"*\"\nurl = \"http://127.0.0.1:1/hook\"\n\
        failure_handling = {{ alert_endpoint = \"good\", retry = {{ pattern = \"linear\", interval = \"100ms\", max_attempts = 2 }} }}\n",
        receiver.url
    );
    fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
    folder
}

/// Saves and deletes objects of few ids until the node is gone.
async fn client(base: String, seed: usize, done: Arc<AtomicUsize>) {
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
    for step in seed.. {
        let (asset, room) = (step * 7 % 23, step / 40);
        let object = |model: &str, id: usize| format!("{base}/api/v1/tenants/default/objects/{model}/{model}-{id}");
        let request = match step % 10 {
            0 => http.delete(object("asset", asset)),
            // The room that some assets have been waiting for.
            1 => http.put(object("room", room)).body(r#"{"name": "Hall"}"#),
            _ => http.put(object("asset", asset)).body(format!(r#"{{"name": "Pump {step}", "room_id": "room-{}"}}"#, room + step % 2)),
        };
        match request.send().await {
            Ok(answer) => assert!(answer.status().is_success() || answer.status() == 404, "{}", answer.status()),
            Err(_) => return,
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

fn assert_healthy(folder: &Path, when: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_webhookc")).arg("doctor").current_dir(folder).env("NO_COLOR", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{when}: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_healthy_at_every_moment_and_after_every_crash() {
    let receiver = Receiver::start().await;
    let folder = project(&receiver);
    for round in 0..KILLS {
        let mut node = Node::start(folder.path(), &["serve"]);
        let done = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> =
            (0..CLIENTS).map(|n| tokio::spawn(client(node.url.clone(), round * 1000 + n * 11, Arc::clone(&done)))).collect();
        let under_load = async |count: usize| {
            let began = Instant::now();
            while done.load(Ordering::Relaxed) < count {
                assert!(began.elapsed() < PATIENCE, "no load: {} saves in round {round}", done.load(Ordering::Relaxed));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        under_load(50).await;
        assert_healthy(folder.path(), &format!("in round {round}"));
        under_load(100 + (round * 37) % 150).await;
        node.kill();
        for client in clients {
            client.await.unwrap();
        }
        assert_healthy(folder.path(), &format!("after kill {round}"));
    }
    let pruned = Command::new(env!("CARGO_BIN_EXE_webhookc")).arg("prune").current_dir(folder.path()).output().unwrap();
    assert!(pruned.status.success(), "{}", String::from_utf8_lossy(&pruned.stderr));
    let said = String::from_utf8_lossy(&pruned.stdout).into_owned();
    assert!(said.starts_with("removed ") && !said.starts_with("removed 0 "), "the last round has delivered: {said}");
    assert_healthy(folder.path(), "after the last sweep");
}
