//! The API of seed `000_6753c3cbd563b9e5.txt`.

use serde_json::{Value, json};

use super::Stage;
use crate::node::send;

#[tokio::test]
async fn portant_has_one_webhook_a_workflow() {
    let stage = Stage::new("portant").await;
    let path = "/workflows/wkf_1/outgoing-webhooks/";
    assert_eq!(stage.call("GET", path, &Value::Null).await.0, 404);
    let good = json!({"webhookUrl": format!("{}/a", stage.receiver.url)});
    let (status, made) = stage.call("POST", path, &good).await;
    assert_eq!((status, &made["webhookUrl"]), (201, &good["webhookUrl"]), "{made}");
    assert!(made["id"].as_str().unwrap().starts_with("owc_") && made.as_object().unwrap().len() == 2, "{made}");
    assert_eq!(stage.get(path).await, made);
    assert_eq!(stage.call("POST", path, &good).await.0, 400, "one a workflow");
    let save = async |id: &str, workflow: &str| {
        stage.save("document", id, json!({"title": "T", "state": "complete", "workflow_id": workflow})).await
    };
    assert_eq!(save("d1", "wkf_2").await["messages"], json!([]));
    save("d2", "wkf_1").await;
    let got = stage.receiver.wait_for(1).await;
    let event = got[0].json();
    assert_eq!((got[0].path.as_str(), &event["event_type"], &event["data"]["title"]), ("/a", &json!("document_complete"), &json!("T")));
    assert!(event["event_id"].as_str().unwrap().starts_with("evt_") && event.as_object().unwrap().len() == 3, "{event}");
    let (status, changed) = stage.call("PATCH", path, &json!({"webhookUrl": format!("{}/b", stage.receiver.url)})).await;
    assert_eq!((status, &changed["id"]), (200, &made["id"]));
    save("d3", "wkf_1").await;
    assert_eq!(stage.receiver.wait_for(2).await[1].path, "/b");
    let cases = [
        ("/webhookUrl", json!("x")),
        ("/webhookUrl", json!(5)),
        ("/webhookUrl", Value::Null),
        ("/webhookUrl", json!("http://10.0.0.1/")),
        ("/name", json!("x")),
    ];
    stage.refuses(("PATCH", path), &good, 400, &cases).await;
    stage.refuses(("POST", "/workflows/wkf_9/outgoing-webhooks/"), &good, 400, &cases).await;
    assert_eq!(stage.get(path).await, changed, "nothing has changed");
    // A key that will not do is 403 there.
    let (status, key) = send("POST", &stage.node.of_tenant("keys"), r#"{"name": "k", "permissions": ["objects:read"]}"#).await;
    assert_eq!(status, 201, "{key}");
    assert_eq!(stage.call("GET", path, &Value::Null).await.0, 403);
}
