//! Endpoints that a tenant makes by API, through the real binary: made, tried, delivered to, held by an edit of the schema, deleted.

use std::fs;

use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::node::{Node, Receiver, send};

const SCHEMA: &str = r#"<data-model>
  <model name="asset" label="Asset">
    <field name="name" label="Name" type="text"/>
    <field name="status" label="Status" type="single-choice"><option key="open">Open</option><option key="done">Done</option></field>
    <display>{name}</display>
    <webhook type="update" name="asset_saved"/>
  </model>
</data-model>"#;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn project(folder: &std::path::Path) {
    let toml = "[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n";
    fs::write(folder.join("webhookc.toml"), toml).unwrap();
    fs::write(folder.join("schema.xml"), SCHEMA).unwrap();
}

async fn save(node: &Node, id: &str, fields: Value) -> Value {
    let (status, answer) = send("PUT", &format!("{}?explain", node.object("asset", id)), &fields.to_string()).await;
    assert!(status == 200 || status == 201, "{answer}");
    answer
}

#[tokio::test]
async fn an_endpoint_made_by_api_receives_signed_requests_and_survives_edits_and_restarts() {
    let receiver = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    project(folder.path());
    let mut node = Node::start(folder.path(), &["serve"]);
    let nobody = save(&node, "a0", json!({"name": "Pump"})).await;
    assert_eq!(nobody["messages"], json!([]), "nobody subscribes yet");

    let wanted = json!({
        "name": "erp", "event_types": ["asset_saved"], "url": format!("{}/hook/{{{{ object.id }}}}", receiver.url),
        "headers": {"X-Status": ["{{ object.status | default('none') }}"]}, "body": {"name": "{{ object.name }}", "n": [1, "{{ object.status }}"]},
        "conditions": [{"path": "object.status", "accepted_values": ["done"]}], "secret": SECRET,
    });
    let (status, made) = send("POST", &node.of_tenant("endpoints"), &wanted.to_string()).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    assert!(!made.to_string().contains(SECRET) && made["events"] == json!(["asset_saved"]), "{made}");

    let unmet = save(&node, "a1", json!({"name": "Pump", "status": "open"})).await;
    assert_eq!(unmet["messages"], json!([]), "the condition of the only endpoint does not hold: {unmet}");
    save(&node, "a1", json!({"name": "Pump", "status": "done"})).await;
    let got = receiver.wait_for(1).await;
    assert_eq!((got[0].path.as_str(), got[0].header("x-status")), ("/hook/a1", "done"));
    assert_eq!(got[0].json(), json!({"name": "Pump", "n": [1, "done"]}));
    Webhook::new(SECRET).unwrap().verify(&got[0].body, &got[0].headers).expect("a good signature");

    let (status, tried) = send("POST", &node.of_tenant(&format!("endpoints/{id}/test")), r#"{"object": {"name": "Sample"}}"#).await;
    assert_eq!((status, &tried["delivered"], &tried["status"]), (200, &json!(true), &json!(200)), "{tried}");
    let got = receiver.wait_for(2).await;
    assert_eq!(got[1].json()["name"], json!("Sample"));
    Webhook::new(SECRET).unwrap().verify(&got[1].body, &got[1].headers).expect("a good signature");

    // The field that the templates read is gone: the endpoint is held with the reason, and comes back.
    let renamed = SCHEMA.replace("name=\"status\"", "name=\"state\"");
    fs::write(folder.path().join("schema.xml"), &renamed).unwrap();
    let held = wait_until_held(&node, &id, true).await;
    assert!(held["held"].as_str().unwrap().contains("status"), "{held}");
    save(&node, "a2", json!({"name": "Pump", "state": "done"})).await;
    let (_, diverted) = send("GET", &node.of_tenant("deliveries?status=diverted"), "").await;
    assert!(diverted["data"][0]["reason"].as_str().unwrap().contains("the endpoint is held"), "{diverted}");
    fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
    wait_until_held(&node, &id, false).await;
    save(&node, "a3", json!({"name": "Valve", "status": "done"})).await;
    assert_eq!(receiver.wait_for(3).await[2].path, "/hook/a3");

    // It is there after a restart, with its secret. What is recorded by then is not sent again.
    while send("GET", &node.of_tenant("deliveries?status=sending"), "").await.1["data"] != json!([]) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    node.kill();
    let node = Node::start(folder.path(), &["serve"]);
    save(&node, "a4", json!({"name": "Valve", "status": "done"})).await;
    let got = receiver.wait_for(4).await;
    Webhook::new(SECRET).unwrap().verify(&got[3].body, &got[3].headers).expect("a good signature");

    // Another tenant has nothing of it.
    let other = format!("{}/api/v1/tenants/other", node.url);
    assert_eq!(send("GET", &format!("{other}/endpoints/{id}"), "").await.0, 404);
    assert_eq!(send("DELETE", &format!("{other}/endpoints/{id}"), "").await.0, 404);
    assert_eq!(send("POST", &format!("{other}/endpoints/{id}/test"), "").await.0, 404);
    let (_, saved) = send("PUT", &format!("{other}/objects/asset/a1"), r#"{"status": "done"}"#).await;
    assert_eq!(saved["messages"], json!([]));

    // What it has still to get when it is deleted has failed, with the reason.
    send("POST", &node.of_tenant(&format!("endpoints/{id}/suspend")), "").await;
    save(&node, "a5", json!({"name": "Valve", "status": "done"})).await;
    assert_eq!(send("DELETE", &node.of_tenant(&format!("endpoints/{id}")), "").await.0, 204);
    assert_eq!(send("GET", &node.of_tenant(&format!("endpoints/{id}")), "").await.0, 404);
    let began = std::time::Instant::now();
    let failed = loop {
        let (_, list) = send("GET", &node.of_tenant("deliveries?status=failed"), "").await;
        if list["data"].as_array().is_some_and(|data| !data.is_empty()) {
            break list;
        }
        assert!(began.elapsed() < crate::node::PATIENCE, "{list}\n{}", node.said());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!((&failed["data"][0]["object"], &failed["data"][0]["reason"]), (&json!("a5"), &json!("the endpoint was deleted")));
    assert_eq!(receiver.got().len(), 4);
}

#[tokio::test]
async fn a_held_endpoint_is_renamed_and_disabled_before_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path());
    let node = Node::start(folder.path(), &["serve"]);
    let wish = json!({"name": "erp", "event_types": ["asset_saved"], "url": "https://93.184.216.34/{{ object.status }}"});
    let (status, made) = send("POST", &node.of_tenant("endpoints"), &wish.to_string()).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap();
    let path = node.of_tenant(&format!("endpoints/{id}"));
    fs::write(folder.path().join("schema.xml"), SCHEMA.replace("name=\"status\"", "name=\"state\"")).unwrap();
    let held = wait_until_held(&node, id, true).await;
    // What is not about its templates is changed, and it stays held.
    for (name, value) in
        [("name", json!("other")), ("comment", json!("to be mended")), ("timeout_ms", json!(2_000)), ("enabled", json!(false))]
    {
        let (status, changed) = send("PATCH", &path, &json!({ name: value }).to_string()).await;
        assert_eq!((status, &changed[name], &changed["held"]), (200, &value, &held["held"]), "{changed}");
    }
    // All of it, as it is shown, with another name.
    let (_, mut whole) = send("GET", &path, "").await;
    whole["name"] = json!("whole");
    let (status, changed) = send("PATCH", &path, &whole.to_string()).await;
    assert_eq!((status, &changed["name"], &changed["url"]), (200, &json!("whole"), &held["url"]), "{changed}");
    // What is about them has to be right.
    for wrong in [
        json!({"method": "PUT"}),
        json!({"enabled": true}),
        json!({"add_headers": {"X-A": ["1"]}}),
        json!({"remove_event_types": ["asset_saved"], "add_event_types": ["*"]}),
    ] {
        let (status, problem) = send("PATCH", &path, &wrong.to_string()).await;
        assert!(status == 422 && problem["errors"].to_string().contains("/url"), "{wrong}: {status} {problem}");
    }
    assert_eq!(send("GET", &path, "").await.1, changed);
    let mended = json!({"url": "https://93.184.216.34/{{ object.state }}", "enabled": true});
    let (status, mended) = send("PATCH", &path, &mended.to_string()).await;
    assert_eq!((status, &mended["held"], &mended["active"]), (200, &Value::Null, &json!(true)), "{mended}");
}

async fn wait_until_held(node: &Node, id: &str, held: bool) -> Value {
    let began = std::time::Instant::now();
    loop {
        let (_, seen) = send("GET", &node.of_tenant(&format!("endpoints/{id}")), "").await;
        if seen["held"].is_string() == held {
            return seen;
        }
        assert!(began.elapsed() < crate::node::PATIENCE, "{seen}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
