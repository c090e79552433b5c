//! The API of seed `001_ba0a8d3ca41da416.txt`.

use serde_json::{Value, json};

use super::Stage;
use crate::node::send;

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
    let verbatim = |target: &str| HOOK.replace("<application-id>", "5").replace("https:\\/\\/<target_url>", target);
    let filled = |target: &str| {
        let text = verbatim(target);
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        serde_json::from_str::<Value>(&lines.collect::<String>()).unwrap()
    };
    // As it stands there, its notes to the reader too, encrypted; then the same to a receiver of this test.
    let github = verbatim("https:\\/\\/api.github.com\\/repos\\/acme\\/shop\\/issues");
    let (status, made) = send("POST", &format!("{}/hooks/outgoing", stage.node.url), &github).await;
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

/// A body may be any text, and say itself what it is.
#[tokio::test]
async fn a_body_of_a_hook_is_json_or_a_text() {
    let stage = Stage::new("devopness").await;
    stage.save("source_provider", "s1", json!({"name": "GitHub", "access_token": "t0ken"})).await;
    stage.save("application", "5", json!({"name": "shop", "source_provider_id": "s1"})).await;
    stage.save("hook_variables", "v1", json!({"pull_request_id": 42, "pull_request_title": "Faster"})).await;
    stage.save("trigger", "t1", json!({"hook_parsed_variables_id": "v1"})).await;
    let header =
        |media: &str| json!([{"name": "X-A", "value": "a"}, {"name": "content-type", "value": media}, {"name": "X-B", "value": "b"}]);
    let cases = [
        (json!({"request_body": "it is {{ action.status }}"}), "text/plain; charset=utf-8", "it is started"),
        (json!({"request_body": ""}), "text/plain; charset=utf-8", ""),
        (json!({"request_body": {"a": "{{ action.status }}"}}), "application/json", r#"{"a":"started"}"#),
        (json!({"request_body": 5}), "application/json", "5"),
        (
            json!({"request_body": "{\"a\": 1}", "request_headers": header("application/vnd.a+json")}),
            "application/vnd.a+json",
            r#"{"a":1}"#,
        ),
        (json!({"request_body": "a={{ action.status }}", "request_headers": header("text/csv")}), "text/csv", "a=started"),
    ];
    for (number, (settings, media, body)) in cases.into_iter().enumerate() {
        let hook = json!({
            "name": "h", "action_type": "deploy", "resource_type": "application", "resource_id": 5, "settings": settings,
            "target_url": format!("{}/a", stage.receiver.url), "trigger_when": {"events": ["action.started"]},
        });
        let (status, made) = stage.call("POST", "/hooks/outgoing", &hook).await;
        assert_eq!(status, 201, "{made}");
        let shown = &made["settings"];
        let sent_back =
            settings["request_body"].as_str().filter(|text| text.starts_with('{')).map(|text| serde_json::from_str(text).unwrap());
        assert_eq!(shown["request_body"], sent_back.unwrap_or_else(|| settings["request_body"].clone()));
        let own = format!("/hooks/outgoing/{}", made["id"].as_str().unwrap());
        let again = json!({"settings": shown, "name": "h", "action_type": "deploy", "resource_type": "application", "resource_id": 5,
            "target_url": made["target_url"], "trigger_when": made["trigger_when"]});
        let (status, replaced) = stage.call("PUT", &own, &again).await;
        assert_eq!((status, &replaced["settings"]), (200, shown), "what is shown can be sent back: {replaced}");
        let fields = json!({"action_type": "deploy", "status": "started", "application_id": "5", "triggered_from_id": "t1"});
        stage.save("action", &format!("a{number}"), fields).await;
        let got = stage.receiver.wait_for(number + 1).await;
        let got = &got[number];
        assert_eq!((got.header("content-type"), String::from_utf8_lossy(&got.body).as_ref()), (media, body), "{settings}");
        assert_eq!(got.headers.get_all("content-type").iter().count(), 1);
        assert_eq!(stage.call("DELETE", &own, &Value::Null).await.0, 204);
    }
    let (_, problem) = stage.call("GET", "/hooks/outgoing/x", &Value::Null).await;
    assert_eq!(problem["detail"], json!("there is no outgoing hook `x`"));
}

#[tokio::test]
async fn the_id_of_a_resource_is_shown_as_it_was_written() {
    let stage = Stage::new("devopness").await;
    for (id, shown, application) in [
        (json!(7), json!(7), "7"),
        (json!("7"), json!(7), "7"),
        (json!("07"), json!("07"), "07"),
        (json!("é".repeat(60)), json!("é".repeat(60)), "%C3%A9"),
    ] {
        let hook = json!({
            "name": "h", "action_type": "deploy", "resource_type": "application", "resource_id": id, "target_url": "https://93.184.216.34/a",
            "trigger_when": {"events": ["action.started"]},
        });
        let (status, made) = stage.call("POST", "/hooks/outgoing", &hook).await;
        assert_eq!((status, &made["resource_id"]), (201, &shown), "{made}");
        let times = if application.starts_with('%') { 60 } else { 1 };
        let path = format!("/applications/{}/hooks", application.repeat(times));
        assert!(stage.get(&path).await.as_array().unwrap().contains(&made), "{path}");
        let own = format!("/hooks/outgoing/{}", made["id"].as_str().unwrap());
        let (status, back) = stage.call("PUT", &own, &made).await;
        assert_eq!((status, &back["resource_id"]), (200, &shown), "{back}");
    }
}
