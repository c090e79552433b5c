//! The APIs of other systems, through the real binary on the example of each: what their documents show, and what is wrong in turn.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::node::{Node, Receiver, send};

/// A node on the example of a system, with a receiver.
struct Stage {
    node: Node,
    receiver: Receiver,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn new(system: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(system);
        fs::copy(example.join("schema.xml"), folder.path().join("schema.xml")).unwrap();
        let toml = fs::read_to_string(example.join("webhookc.toml")).unwrap();
        let toml = format!("{toml}\n[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n");
        fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
        let node = Node::start(folder.path(), &["serve"]);
        Self { node, receiver: Receiver::start().await, _folder: folder }
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        send(method, &format!("{}{path}", self.node.url), &body).await
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.call("GET", path, &Value::Null).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn save(&self, model: &str, id: &str, fields: Value) -> Value {
        let (status, answer) = send("PUT", &self.node.object(model, id), &fields.to_string()).await;
        assert!(status == 200 || status == 201, "{answer}");
        answer
    }

    /// Each of these changes of a good document is refused with this status, and its problem names the field.
    async fn refuses(&self, (method, path): (&str, &str), good: &Value, status: u16, cases: &[(&str, Value)]) {
        for (pointer, wrong) in cases {
            let mut body = good.clone();
            put(&mut body, pointer, wrong.clone());
            let (seen, problem) = self.call(method, path, &body).await;
            let pointers = problem["errors"].to_string();
            assert!(seen == status && pointers.contains(&format!("\"{pointer}")), "{pointer} = {wrong}: {seen} {problem}");
            assert_eq!(problem["status"], json!(status));
        }
    }
}

/// Puts a value at a JSON pointer, or takes away what is there when it is null.
fn put(body: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(key)
    } else {
        parent.insert(key.to_owned(), value)
    };
}

#[tokio::test]
async fn socotra_webhooks_are_managed_as_its_document_says() {
    let stage = Stage::new("socotra").await;
    let tenant = "5b2cbb34-1c0c-4b7a-9f43-2f6a2d0e9c11";
    let base = format!("/event/{tenant}/webhooks");
    let save = async |id: &str, state: &str| {
        let url = format!("{}/api/v1/tenants/{tenant}/objects/policy/{id}", stage.node.url);
        let (status, answer) = send("PUT", &url, &json!({"number": id, "state": state}).to_string()).await;
        assert!(status < 300, "{answer}");
    };
    let good = json!({
        "name": "partner", "endpoint": {"url": format!("{}/fail", stage.receiver.url), "headers": {"X-Key": ["a", "b"]}},
        "eventTypes": ["policy_issued"],
    });
    let (status, made) = stage.call("POST", &base, &good).await;
    assert_eq!(status, 200, "{made}");
    let locator = made["locator"].as_str().unwrap().to_owned();
    let expected = json!({
        "locator": locator, "name": "partner", "enabled": true, "endpoint": good["endpoint"], "suspended": false, "eventTypes": ["policy_issued"],
        "failureHandling": {"triggers": ["4xx", "5xx", "timeout"], "divert": false, "suspend": false},
    });
    assert_eq!(made, expected, "nothing is said about failures: no retry, no divert, no suspend");
    let own = format!("{base}/{locator}");
    assert_eq!(stage.get(&own).await, made);
    assert_eq!(stage.get(&format!("{base}/list")).await, json!([made]));

    // By default one attempt, and nothing is kept.
    save("p1", "issued").await;
    let got = stage.receiver.wait_for(1).await;
    assert_eq!(got[0].headers.get_all("x-key").iter().count(), 2);
    let deliveries = format!("/api/v1/tenants/{tenant}/deliveries");
    wait(async || stage.get(&deliveries).await["data"][0]["status"] == json!("failed")).await;

    // An addition wins over a removal.
    let patch = json!({
        "name": "partner 2", "addEventTypes": ["policy_cancelled", "policy_issued"], "removeEventTypes": ["policy_issued"],
        "endpoint": {"addHeaders": {"X-New": ["1"]}, "removeHeaders": ["X-Key"]},
        "failureHandling": {"triggers": ["5xx", "404"], "retry": {"maxAttempts": 2, "interval": "100 ms", "pattern": "exponential"},
                            "alertEndpoint": {"url": format!("{}/alert", stage.receiver.url)}, "divert": true, "suspend": true},
    });
    let (status, changed) = stage.call("PATCH", &own, &patch).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["eventTypes"], json!(["policy_cancelled", "policy_issued"]));
    assert_eq!(changed["endpoint"]["headers"], json!({"X-New": ["1"]}));
    assert_eq!(changed["failureHandling"]["retry"], json!({"maxAttempts": 2, "interval": "100 ms", "pattern": "exponential"}));
    assert_eq!(changed["failureHandling"]["alertEndpoint"], json!({"url": format!("{}/alert", stage.receiver.url), "headers": {}}));

    // Two attempts, then it is diverted, the webhook suspended, and the alert endpoint told.
    save("p2", "issued").await;
    wait(async || stage.get(&own).await["suspended"] == json!(true)).await;
    assert!(stage.get(&own).await["suspendedAt"].is_string());
    wait(async || stage.receiver.got().iter().any(|got| got.path == "/alert")).await;
    assert_eq!(
        stage.get(&format!("{base}/list?suspended=true&active=false&eventTypes=policy_issued&name=partner%202&enabled=true")).await[0]["locator"],
        json!(locator)
    );
    assert_eq!(stage.get(&format!("{base}/list?active=true")).await, json!([]));
    assert_eq!(stage.get(&format!("{base}/list?offset=1&count=5")).await, json!([]));
    let diverted = stage.get(&format!("{own}/diverted?offset=0&count=10")).await;
    assert_eq!((&diverted[0]["failureTrigger"], diverted[0]["failureMessage"].is_string()), (&json!("500"), true), "{diverted}");
    assert!(diverted[0]["failureTimestamp"].is_string() && diverted[0]["requestLocator"].is_string(), "{diverted}");
    let event = format!("{own}/diverted/{}", diverted[0]["eventLocator"].as_str().unwrap());
    assert_eq!(stage.get(&event).await, diverted[0]);

    // Resent to a place that works, after the webhook was released.
    let here = json!({"endpoint": {"url": format!("{}/fail", stage.receiver.url)}});
    assert_eq!(stage.call("PATCH", &own, &here).await.0, 200);
    assert_eq!(stage.call("PATCH", &format!("{own}/unsuspend"), &Value::Null).await, (200, Value::String(String::new())));
    assert_eq!(stage.get(&own).await["suspended"], json!(false));
    let before = stage.receiver.got().len();
    assert_eq!(stage.call("POST", &format!("{event}/resend"), &Value::Null).await.0, 200);
    stage.receiver.wait_for(before + 1).await;
    wait(async || stage.call("GET", &event, &Value::Null).await.0 == 200).await;
    assert_eq!(stage.call("DELETE", &event, &Value::Null).await.0, 200);
    assert_eq!(stage.call("GET", &event, &Value::Null).await.0, 404);

    let removed = json!({"removeFailureHandling": true});
    assert_eq!(stage.call("PATCH", &own, &removed).await.1["failureHandling"], expected["failureHandling"]);

    let cases = [
        ("/name", json!(5)),
        ("/name", Value::Null),
        ("/enabled", json!("no")),
        ("/endpoint", Value::Null),
        ("/endpoint/url", Value::Null),
        ("/endpoint/url", json!("nowhere")),
        ("/endpoint/url", json!("http://10.0.0.1/")),
        ("/endpoint/headers", json!([1])),
        ("/eventTypes", Value::Null),
        ("/eventTypes", json!(["policy_isued"])),
        ("/eventTypes", json!([])),
        ("/failureHandling", json!({"retry": {"maxAttempts": 11}})),
        ("/failureHandling", json!({"retry": {"pattern": "cubic"}})),
        ("/failureHandling", json!({"triggers": ["connection"]})),
        ("/failureHandling", json!({"triggers": ["3xx"]})),
        ("/failureHandling", json!({"alertEndpoint": {"url": 5}})),
        ("/failureHandling", json!({"divert": "x"})),
        ("/colour", json!(1)),
    ];
    let before = stage.get(&format!("{base}/list")).await;
    stage.refuses(("POST", &base), &good, 422, &cases).await;
    assert_eq!(stage.get(&format!("{base}/list")).await, before, "nothing has changed");
    for query in ["enabled=maybe", "count=0", "offset=x", "colour=red", "name=a&name=b"] {
        assert_eq!(stage.call("GET", &format!("{base}/list?{query}"), &Value::Null).await.0, 400, "{query}");
    }
    assert_eq!(stage.call("DELETE", &own, &Value::Null).await, (200, Value::String(String::new())));
    assert_eq!(stage.call("GET", &own, &Value::Null).await.0, 404);
}

/// The example of seed `001_ba0a8d3ca41da416.txt`, with what it leaves to the reader.
const HOOK: &str = r#"{
        "name": "CD(deploy)",
        "action_type": "deploy",
        "resource_type": "application",
        "resource_id": <application-id>,
        "target_url": "https:\/\/<target_url>\/{{ action.triggered_from.hook_parsed_variables.pull_request_id }}",
        "settings": {
          "request_headers": [
            {
              "name": "Authorization",
              "value": "Bearer {{ application.source_provider.access_token }}"
            }
            // NOTE: add Request Headers (`<request_headers>`) here
          ],
          "request_body": {
            // NOTE: review the fields below according to Request Body (`<request_body>`)
            "body": "Deployed pipeline for `PR #{{ action.triggered_from.hook_parsed_variables.pull_request_id }} ({{ action.triggered_from.hook_parsed_variables.pull_request_title }})`: Devopness application `{{ application.name }}` deployment **{{ action.status }}** on action <https:\/\/{{ application.name }}>"
          }
        },
        "trigger_when": {
          "events": [
            "action.started",
            "action.completed",
            "action.failed"
          ]
        }
      }"#;

#[tokio::test]
async fn devopness_hooks_comment_on_a_pull_request_as_in_the_seed() {
    let stage = Stage::new("devopness").await;
    let filled = |target: &str| {
        let lines = HOOK.lines().filter(|line| !line.trim_start().starts_with("//"));
        let text = lines.collect::<Vec<_>>().join("\n").replace("<application-id>", "5");
        serde_json::from_str::<Value>(&text.replace("https:\\/\\/<target_url>", target)).unwrap()
    };
    // As it stands there, encrypted; then the same to a receiver of this test.
    let github = filled("https:\\/\\/api.github.com\\/repos\\/acme\\/shop\\/issues");
    let (status, made) = stage.call("POST", "/hooks/outgoing", &github).await;
    assert_eq!(status, 201, "{made}");
    let first = made["id"].as_str().unwrap().to_owned();
    assert_eq!(stage.call("DELETE", &format!("/hooks/outgoing/{first}"), &Value::Null).await.0, 204);
    let good = filled(&format!("{}/repos/acme/shop/issues", stage.receiver.url));
    let (status, made) = stage.call("POST", "/hooks/outgoing", &good).await;
    assert_eq!(status, 201, "{made}");
    for name in ["name", "action_type", "resource_type", "resource_id", "target_url", "settings"] {
        assert_eq!(made[name], good[name], "{name} of {made}");
    }
    assert_eq!(made["trigger_when"], json!({"events": good["trigger_when"]["events"], "conditions": []}));
    let own = format!("/hooks/outgoing/{}", made["id"].as_str().unwrap());
    assert_eq!(stage.get(&own).await, made);
    assert_eq!(stage.get("/applications/5/hooks").await, json!([made]));
    assert_eq!(stage.get("/applications/6/hooks").await, json!([]));

    stage.save("source_provider", "s1", json!({"name": "GitHub", "access_token": "t0ken"})).await;
    for (id, name) in [("5", "shop"), ("6", "other")] {
        stage.save("application", id, json!({"name": name, "source_provider_id": "s1"})).await;
    }
    stage.save("hook_variables", "v1", json!({"pull_request_id": 42, "pull_request_title": "Faster"})).await;
    stage.save("trigger", "t1", json!({"hook_parsed_variables_id": "v1"})).await;
    let action = async |id: &str, kind: &str, application: &str, status: &str| {
        let fields = json!({"action_type": kind, "status": status, "application_id": application, "triggered_from_id": "t1"});
        stage.save("action", id, fields).await["messages"].as_array().unwrap().len()
    };
    assert_eq!(action("a1", "deploy", "5", "queued").await, 0);
    assert_eq!(action("a2", "deploy", "6", "started").await, 0, "another application");
    assert_eq!(action("a3", "restart", "5", "started").await, 0, "another action");
    let mut sent = 0;
    for status in ["started", "completed", "failed"] {
        assert_eq!(action("a1", "deploy", "5", status).await, 1, "{status}");
        sent += 1;
        let got = stage.receiver.wait_for(sent).await;
        assert_eq!(got[sent - 1].path, "/repos/acme/shop/issues/42");
        assert_eq!(got[sent - 1].header("authorization"), "Bearer t0ken");
        let comment = format!(
            "Deployed pipeline for `PR #42 (Faster)`: Devopness application `shop` deployment **{status}** on action <https://shop>"
        );
        assert_eq!(got[sent - 1].json(), json!({"body": comment}));
    }
    let requests = stage.get(&format!("{own}/requests")).await;
    assert_eq!(requests.as_array().unwrap().len(), 3, "{requests}");
    assert_eq!(requests[0]["event"], json!("action.failed"));

    // Replaced: a body that is a text, and a condition.
    let mut other = good.clone();
    other["settings"]["request_body"] = json!("{\"text\": \"{{ action.status }}\"}");
    other["trigger_when"]["conditions"] = json!([{"path": "action.status", "accepted_values": ["failed"]}]);
    let (status, replaced) = stage.call("PUT", &own, &other).await;
    assert_eq!((status, &replaced["trigger_when"]), (200, &other["trigger_when"]), "{replaced}");
    assert_eq!(action("a1", "deploy", "5", "started").await, 0);
    assert_eq!(action("a1", "deploy", "5", "failed").await, 1);
    assert_eq!(stage.receiver.wait_for(4).await[3].json(), json!({"text": "failed"}));

    let cases = [
        ("/name", json!("x".repeat(61))),
        ("/name", Value::Null),
        ("/action_type", json!("deplyo")),
        ("/action_type", json!(1)),
        ("/resource_type", json!("server")),
        ("/resource_id", json!(-1)),
        ("/resource_id", Value::Null),
        ("/target_url", json!("x")),
        ("/target_url", json!("https://10.0.0.1/")),
        ("/target_url", json!("http://127.0.0.1/{{ action.nothing }}")),
        ("/settings/request_headers", json!([{"name": "A"}])),
        ("/settings/request_headers", json!([{"name": "A", "value": "{{ x }}"}])),
        ("/settings/request_body", json!({"a": "{{ action.nothing }}"})),
        ("/settings/colour", json!(1)),
        ("/trigger_when/events", json!(["action.strated"])),
        ("/trigger_when/events", json!([])),
        ("/trigger_when/events", Value::Null),
        ("/trigger_when/conditions", json!([{"path": "action.nothing", "accepted_values": ["x"]}])),
        ("/colour", json!(1)),
    ];
    stage.refuses(("POST", "/hooks/outgoing"), &good, 422, &cases).await;
    assert_eq!(stage.get("/applications/5/hooks").await.as_array().unwrap().len(), 1, "nothing has changed");
    assert_eq!(stage.call("DELETE", &own, &Value::Null).await.0, 204);
    assert_eq!(stage.call("GET", &own, &Value::Null).await.0, 404);
}

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

#[tokio::test]
async fn gemeindeconnect_tells_of_the_processes_that_a_configuration_names() {
    let stage = Stage::new("gemeindeconnect").await;
    let good = json!({
        "whname": "Your Webhook Name", "whcomment": "short comment on the webhook", "applicationId": "d0db4b13-20d4-42c3-8268-37db22b36f98",
        "municipalityId": "m1", "callbackUrl": format!("{}/callback", stage.receiver.url), "processes": ["p1", "p2"],
    });
    let (status, made) = stage.call("POST", "/webhookconfig", &good).await;
    assert_eq!(status, 201, "{made}");
    for (name, value) in good.as_object().unwrap() {
        assert_eq!(&made[name], value);
    }
    let which = format!("/webhookconfig?whid={}", made["whid"].as_str().unwrap());
    assert_eq!(stage.get("/webhookconfig").await, json!([made]));
    assert_eq!(stage.get(&which).await, json!([made]));
    let save = async |id: &str, process: &str, municipality: &str| {
        let fields = json!({"status": "submitted", "process_id": process, "municipality_id": municipality});
        stage.save("request", id, fields).await["messages"].as_array().unwrap().len()
    };
    assert_eq!((save("r1", "p3", "m1").await, save("r2", "p1", "m2").await, save("r3", "p2", "m1").await), (0, 0, 1));
    assert_eq!(stage.receiver.wait_for(1).await[0].json()["object"]["id"], json!("r3"));
    let mut other = good.clone();
    other["processes"] = json!(["p3"]);
    let (status, changed) = stage.call("PATCH", &which, &other).await;
    assert_eq!((status, &changed["processes"], &changed["whid"]), (200, &json!(["p3"]), &made["whid"]));
    assert_eq!((save("r4", "p3", "m1").await, save("r5", "p2", "m1").await), (1, 0));

    let cases = [
        ("/whname", json!(5)),
        ("/whname", Value::Null),
        ("/whcomment", Value::Null),
        ("/whcomment", json!([])),
        ("/applicationId", Value::Null),
        ("/applicationId", json!(1)),
        ("/municipalityId", Value::Null),
        ("/municipalityId", json!(1)),
        ("/callbackUrl", Value::Null),
        ("/callbackUrl", json!("nowhere")),
        ("/callbackUrl", json!("https://10.0.0.1/")),
        ("/processes", Value::Null),
        ("/processes", json!([])),
        ("/processes", json!("p1")),
        ("/processes", json!([1])),
        ("/colour", json!(1)),
    ];
    stage.refuses(("POST", "/webhookconfig"), &good, 422, &cases).await;
    stage.refuses(("PATCH", &which), &good, 422, &cases).await;
    assert_eq!(stage.get("/webhookconfig").await, json!([changed]), "nothing has changed");
    assert_eq!(stage.call("DELETE", "/webhookconfig", &Value::Null).await.0, 400);
    assert_eq!(stage.call("DELETE", "/webhookconfig?whid=ep_x", &Value::Null).await.0, 404);
    assert_eq!(stage.call("DELETE", &which, &Value::Null).await, (204, Value::String(String::new())));
    assert_eq!(stage.get("/webhookconfig").await, json!([]));

    // Its key stands in a header of its own.
    let (_, key) = send("POST", &stage.node.of_tenant("keys"), r#"{"name": "k", "permissions": ["webhooks:read"]}"#).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = client.get(format!("{}/webhookconfig", stage.node.url));
    assert_eq!(ask.try_clone().unwrap().send().await.unwrap().status().as_u16(), 401);
    let answer = ask.header("Ocp-Apim-Subscription-Key", key["key"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
}

/// Waits until it is so.
async fn wait(so: impl AsyncFn() -> bool) {
    let began = std::time::Instant::now();
    while !so().await {
        assert!(began.elapsed() < crate::node::PATIENCE, "it never came so far");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
