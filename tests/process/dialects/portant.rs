//! The API of seed `000_6753c3cbd563b9e5.txt`.

use serde_json::{Value, json};

use super::{Stage, wait};
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
    let answer = reqwest::Client::builder().no_proxy().build().unwrap().get(format!("{}{path}", stage.node.url)).send().await.unwrap();
    assert_eq!(answer.headers().get("www-authenticate"), None, "no answer of another status says how to sign in");
}

#[tokio::test]
async fn a_workflow_has_an_id_of_some_length() {
    let stage = Stage::new("portant").await;
    let wish = json!({"webhookUrl": "https://93.184.216.34/a"});
    for workflow in ["w".repeat(101), "%20".to_owned()] {
        let (status, problem) = stage.call("POST", &format!("/workflows/{workflow}/outgoing-webhooks/"), &wish).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid-workflow")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().starts_with("the id of the workflow"), "{problem}");
    }
    assert_eq!(stage.call("POST", &format!("/workflows/{}/outgoing-webhooks/", "w".repeat(100)), &wish).await.0, 201);
}

#[tokio::test]
async fn a_webhook_of_a_workflow_hears_of_what_the_schema_gets_later() {
    let stage = Stage::new("portant").await;
    let path = "/workflows/wkf_1/outgoing-webhooks/";
    let (_, made) = stage.call("POST", path, &json!({"webhookUrl": format!("{}/a", stage.receiver.url)})).await;
    let own = stage.node.of_tenant(&format!("endpoints/{}", made["id"].as_str().unwrap().replacen("owc_", "ep_", 1)));
    let seen = async || send("GET", &own, "").await.1;
    let view = seen().await;
    assert_eq!(
        (&view["events"], &view["about"], &view["all_events"]),
        (&json!(["document_complete"]), &json!(["workflow"]), &json!(false))
    );
    let file = stage.folder.path().join("schema.xml");
    let more = r#"<model name="step" label="Step"><field name="title" label="T" type="text" /><belongs-to model="workflow" /><display>{title}</display>
        <webhook type="update" name="step_saved" /></model>
        <model name="other" label="Other"><field name="title" label="T" type="text" /><display>{title}</display>
        <webhook type="update" name="other_saved" /></model></data-model>"#;
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap().replace("</data-model>", more)).unwrap();
    wait(async || seen().await["events"] == json!(["document_complete", "step_saved"])).await;
    assert_eq!(seen().await["held"], Value::Null, "what is about nothing that it asks for does not concern it");
    stage.save("other", "o1", json!({"title": "A"})).await;
    stage.save("step", "s1", json!({"title": "A", "workflow_id": "wkf_1"})).await;
    let got = stage.receiver.wait_for(1).await;
    assert_eq!((got.len(), &got[0].json()["event_type"]), (1, &json!("step_saved")));
}

#[tokio::test]
async fn a_tenant_may_make_so_many_endpoints() {
    let stage = Stage::with("portant", "[tenants]\nendpoints = 2\n").await;
    let wish = json!({"webhookUrl": "https://93.184.216.34/a"});
    let of = |number: u32| format!("/workflows/w{number}/outgoing-webhooks/");
    assert_eq!((stage.call("POST", &of(1), &wish).await.0, stage.call("POST", &of(2), &wish).await.0), (201, 201));
    let (status, problem) = stage.call("POST", &of(3), &wish).await;
    assert_eq!((status, &problem["code"]), (409, &json!("too-many-endpoints")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("2 endpoints"), "{problem}");
    assert_eq!(stage.call("PATCH", &of(1), &wish).await.0, 200, "those that there are can be changed");
    let first = stage.get("/api/v1/tenants/default/endpoints").await["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(send("DELETE", &stage.node.of_tenant(&format!("endpoints/{first}")), "").await.0, 204);
    assert_eq!(stage.call("POST", &of(3), &wish).await.0, 201);
}

#[tokio::test]
async fn what_happens_once_is_kept_for_an_endpoint_that_is_held() {
    let stage = Stage::new("portant").await;
    let wish = json!({"name": "a", "event_types": ["document_complete"], "url": format!("{}/a", stage.receiver.url), "body": {"t": "{{ object.title }}"}});
    let (status, made) = send("POST", &stage.node.of_tenant("endpoints"), &wish.to_string()).await;
    assert_eq!(status, 201, "{made}");
    let own = stage.node.of_tenant(&format!("endpoints/{}", made["id"].as_str().unwrap()));
    let file = stage.folder.path().join("schema.xml");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, good.replace("name=\"title\"", "name=\"heading\"").replace("{title}", "{heading}")).unwrap();
    wait(async || send("GET", &own, "").await.1["held"].is_string()).await;
    let saved = stage.save("document", "d1", json!({"heading": "T", "state": "complete"})).await;
    assert_eq!(saved["messages"], json!([]), "nobody can take it: it has not happened yet");
    std::fs::write(&file, good).unwrap();
    wait(async || send("GET", &own, "").await.1["held"].is_null()).await;
    let saved = stage.save("document", "d1", json!({"title": "T", "state": "complete"})).await;
    assert_eq!(saved["messages"].as_array().unwrap().len(), 1, "{saved}");
    assert_eq!(stage.receiver.wait_for(1).await[0].json(), json!({"t": "T"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_ask_at_once_one_makes_the_webhook() {
    let stage = Stage::new("portant").await;
    let url = format!("{}/workflows/wkf_1/outgoing-webhooks/", stage.node.url);
    let ask = || {
        let url = url.clone();
        tokio::spawn(async move { send("POST", &url, r#"{"webhookUrl": "https://93.184.216.34/a"}"#).await.0 })
    };
    let mut statuses = Vec::new();
    for asked in std::iter::repeat_with(ask).take(16).collect::<Vec<_>>() {
        statuses.push(asked.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![201], vec![400; 15]].concat());
    assert_eq!(stage.get("/api/v1/tenants/default/endpoints").await["data"].as_array().unwrap().len(), 1);
}
