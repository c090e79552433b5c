//! Sending again what was sent, and firing for what was there before: `replay` and `backfill`.

use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::node::{Node, Receiver, send};

fn schema(more: &str) -> String {
    format!(
        "<data-model><model name=\"room\" label=\"Room\"><field name=\"name\" label=\"N\" type=\"text\"/><display>{{name}}</display></model>\n<model name=\"asset\" label=\"Asset\"><field name=\"name\" label=\"Name\" type=\"text\"/><belongs-to model=\"room\"/><display>{{name}}</display>\n<webhook type=\"update\" name=\"asset_saved\"><field name=\"name\"/></webhook>{more}</model></data-model>"
    )
}

const ADDED: &str = "<webhook type=\"ready\" name=\"asset_named\"><field name=\"name\"/></webhook><webhook type=\"ready\" name=\"asset_housed\"><field name=\"room\"/></webhook>";

fn project(receiver: &Receiver) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schema.xml"), schema("")).unwrap();
    let toml = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n[[endpoints]]\nname = \"erp\"\nevents = \"*\"\nurl = \"{}/{{{{ event }}}}\"\n",
        receiver.url
    );
    std::fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
    folder
}

fn run(node: &Node, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
    let Output { status, stdout, stderr } = command.args(arguments).env("WEBHOOKC_URL", &node.url).env("NO_COLOR", "1").output().unwrap();
    (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// The messages that came to a path.
fn count(receiver: &Receiver, path: &str) -> usize {
    // A request that was under way when a node was killed comes once more, under the same id.
    let ids: std::collections::BTreeSet<_> =
        receiver.got().iter().filter(|request| request.path == path).map(|request| request.header("webhook-id").to_owned()).collect();
    ids.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_webhook_fires_once_for_each_object_that_was_there() {
    let receiver = Receiver::start().await;
    let folder = project(&receiver);
    let mut node = Node::start(folder.path(), &["serve"]);
    for n in 0..5 {
        assert_eq!(send("PUT", &node.object("asset", &format!("a{n}")), r#"{"name": "Pump"}"#).await.0, 201);
    }
    send("PUT", &node.object("asset", "b0"), "{}").await;
    send("PUT", &node.object("asset", "c0"), r#"{"room_id": "r1"}"#).await;
    std::fs::write(folder.path().join("schema.xml"), schema(ADDED)).unwrap();
    assert_eq!(send("POST", &format!("{}/-/reload", node.url), "").await.0, 200);
    // One of them fires by itself meanwhile.
    send("PUT", &node.object("asset", "a4"), r#"{"name": "Pump 4"}"#).await;

    let backfill = |more: &[&str]| run(&node, &[&["backfill", "asset_named"], more].concat());
    let expected = "7 objects: 4 would fire, 0 wait for a related object, 1 fired before, 2 do not meet the conditions";
    assert_eq!(backfill(&["--dry-run"]), (0, format!("{expected}\n")));
    assert_eq!(backfill(&["--dry-run"]), (0, format!("{expected}\n")), "nothing was done");
    let (code, said) = backfill(&["--rate", "200/s", "--after", "a1"]);
    assert_eq!(
        (code, said.as_str()),
        (0, "5 objects: 2 fired, 0 wait for a related object, 1 fired before, 2 do not meet the conditions\n")
    );
    assert!(backfill(&["--rate", "1000/s"]).1.starts_with("7 objects: 2 fired, 0 wait for a related object, 3 fired before"));
    assert!(backfill(&[]).1.starts_with("7 objects: 0 fired, 0 wait for a related object, 5 fired before"), "never twice");

    // One that needs a related object waits for it, and fires when it comes.
    assert!(run(&node, &["backfill", "asset_housed"]).1.starts_with("7 objects: 0 fired, 1 wait for a related object"));
    send("PUT", &node.object("room", "r1"), r#"{"name": "Hall"}"#).await;
    let began = std::time::Instant::now();
    while count(&receiver, "/asset_named") < 5 || count(&receiver, "/asset_housed") < 1 {
        assert!(began.elapsed() < crate::node::PATIENCE, "{:?}", receiver.got().len());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // A restart changes nothing about it.
    node.kill();
    let node = Node::start(folder.path(), &["serve"]);
    assert!(run(&node, &["backfill", "asset_named"]).1.contains(" 0 fired,"));
    assert_eq!((count(&receiver, "/asset_named"), count(&receiver, "/asset_housed")), (5, 1));
    let (_, explained) = send("GET", &node.of_tenant("explain/asset/a0"), "").await;
    assert_eq!(explained["data"][0]["operation"], json!("backfill"), "{explained}");

    for (arguments, part) in [
        (&["backfill", "asset_nmaed"][..], "there is no webhook `asset_nmaed`"),
        (&["backfill", "asset_saved"], "expected a webhook of type `ready`"),
        (&["backfill", "asset_named", "--rate", "fast"], "fast"),
    ] {
        let (code, said) = run(&node, arguments);
        assert!(code > 0 && said.contains(part), "{arguments:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_endpoint_got_is_sent_again_in_order_and_goes_on_where_it_was_stopped() {
    let receiver = Receiver::start().await;
    let folder = project(&receiver);
    let node = Node::start(folder.path(), &["serve"]);
    for n in 0..6 {
        send("PUT", &node.object("asset", &format!("a{n}")), r#"{"name": "Pump"}"#).await;
        receiver.wait_for(n + 1).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let first: Vec<String> = receiver.got().iter().map(|request| request.header("webhook-id").to_owned()).collect();
    let (code, said) = run(&node, &["replay", "ep_erp", "--dry-run", "--event", "asset_saved"]);
    assert_eq!((code, said.as_str()), (0, "would send 6 deliveries\n"));
    assert_eq!(run(&node, &["replay", "ep_erp", "--dry-run", "--object", "asset/a2"]).1, "would send 1 delivery\n");
    assert_eq!(run(&node, &["replay", "ep_erp", "--dry-run", "--until", "2020-01-01T00:00:00Z"]).1, "would send 0 deliveries\n");
    let (code, said) = run(&node, &["replay", "ep_ep", "--dry-run"]);
    assert!(code == 1 && said.contains("`filter.endpoint` is `ep_ep`") && said.contains("did you mean `ep_erp`?"), "{said}");
    let (code, said) = run(&node, &["replay", "ep_erp", "--since", "yesterday"]);
    assert!(code == 2 && said.contains("`yesterday` is not a time, expected one such as `2026-01-31T10:00:00Z`"), "{said}");

    // As if it had been stopped after two.
    let (_, list) = send("GET", &node.of_tenant("deliveries?endpoint=ep_erp"), "").await;
    let ids: Vec<&str> = list["data"].as_array().unwrap().iter().rev().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(run(&node, &["replay", "ep_erp", "--rate", "20/s", "--after", ids[1]]), (0, "sent 4 deliveries\n".to_owned()));
    let got = receiver.wait_for(10).await;
    let again: Vec<&str> = got[6..].iter().map(|request| request.header("webhook-id")).collect();
    assert_eq!(again, first[2..].iter().map(String::as_str).collect::<Vec<_>>(), "the same ids, the oldest first");
    assert_eq!(got[6].body, got[2].body);
    let (code, said) = run(&node, &["replay", "ep_erp", "--object", "a2"]);
    assert!(code == 2 && said.contains("expected `MODEL/ID`"), "{said}");
    let (code, said) = run(&node, &["replay", "ep_erp", "--event", "asset_svaed"]);
    assert!(code == 1 && said.contains("did you mean `asset_saved`?"), "{said}");

    // Ctrl-C stops it in the node, and says how to go on.
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
    command.args(["replay", "ep_erp", "--rate", "1/s"]).env("WEBHOOKC_URL", &node.url).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    receiver.wait_for(11).await;
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
    assert!(ended.status.code() == Some(1) && said.contains(" of 6 deliveries") && said.contains("go on with `--after dlv_"), "{said}");
    let (_, list) = send("GET", &node.of_tenant("resend"), "").await;
    assert_eq!(list["data"][0]["state"], json!("stopped"), "{list}");
}
