//! What an API shows can be sent back with a change in it. What only tells how a thing stands has to tell that, where the system's document
//! does not leave it out.

use serde_json::{Value, json};

use super::{Stage, put, wait};

/// A thing that was made, and how it is changed.
struct Sent<'a> {
    method: &'a str,
    path: &'a str,
    /// As it is shown.
    shown: Value,
    /// A field that may be changed, with another value.
    change: (&'a str, Value),
    /// What only tells how it stands.
    told: &'a [&'a str],
    /// Of that, what is another after a change.
    moves: &'a [&'a str],
}

impl Sent<'_> {
    async fn back(&self, stage: &Stage) -> Value {
        for pointer in self.told {
            let mut other = self.shown.clone();
            put(&mut other, pointer, json!("another"));
            let (status, problem) = stage.call(self.method, self.path, &other).await;
            assert!(status == 422 && problem["errors"][0]["pointer"] == json!(pointer), "{pointer}: {status} {problem}");
            assert_eq!(problem["errors"][0]["code"], json!("read-only-field"), "{problem}");
        }
        let (pointer, value) = &self.change;
        let mut changed = self.shown.clone();
        put(&mut changed, pointer, value.clone());
        let (status, answer) = stage.call(self.method, self.path, &changed).await;
        assert_eq!(status, 200, "{answer}");
        let (mut seen, mut wanted) = (answer.clone(), changed);
        for pointer in self.moves {
            put(&mut seen, pointer, Value::Null);
            put(&mut wanted, pointer, Value::Null);
        }
        assert_eq!(seen, wanted);
        answer
    }
}

#[tokio::test]
async fn a_hook_of_devopness_is_put_back() {
    let stage = Stage::new("devopness").await;
    let hook = json!({
        "name": "CD(deploy)", "action_type": "deploy", "resource_type": "application", "resource_id": 5,
        "target_url": "https://93.184.216.34/{{ action.status }}",
        "settings": {"request_headers": [{"name": "Authorization", "value": "Bearer t0ken"}], "request_body": {"body": "{{ action.status }}"}},
        "trigger_when": {"events": ["action.started"]},
    });
    let (status, made) = stage.call("POST", "/hooks/outgoing", &hook).await;
    assert_eq!(status, 201, "{made}");
    let path = format!("/hooks/outgoing/{}", made["id"].as_str().unwrap());
    let shown = stage.get(&path).await;
    assert_eq!(shown["settings"]["request_headers"][0]["value"], json!("…"));
    let told = ["/id", "/type", "/active", "/created_at", "/updated_at"];
    let sent = Sent { method: "PUT", path: &path, shown, change: ("/name", json!("other")), told: &told, moves: &["/updated_at"] };
    let answer = sent.back(&stage).await;
    // Who has not seen the change undoes it only knowingly.
    let (status, problem) = stage.call("PUT", &path, &sent.shown).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/updated_at")), "{problem}");
    assert_eq!(stage.get(&path).await, answer);
    let mut elsewhere = answer;
    put(&mut elsewhere, "/target_url", json!("https://93.184.216.35/x"));
    let (status, refused) = stage.call("PUT", &path, &elsewhere).await;
    assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!("/target_url")), "{refused}");
    // A new one has nothing to tell yet.
    let (status, problem) = stage.call("POST", "/hooks/outgoing", &sent.shown).await;
    assert_eq!((status, &problem["errors"][0]["code"]), (422, &json!("unknown-field")), "{problem}");
}

#[tokio::test]
async fn a_webhook_of_socotra_is_patched_with_all_of_it() {
    let stage = Stage::new("socotra").await;
    let base = "/event/default/webhooks";
    let retry = json!({"maxAttempts": 4, "interval": "2 s", "pattern": "exponential"});
    let alert = json!({"url": "https://93.184.216.34/alert", "headers": {"X-Key": ["abc"]}});
    for handling in
        [Value::Null, json!({"triggers": ["5xx", "429"], "divert": true, "suspend": true, "retry": retry, "alertEndpoint": alert})]
    {
        let mut webhook = json!({
            "name": "erp", "eventTypes": ["policy_issued"],
            "endpoint": {"url": "https://93.184.216.34/a", "headers": {"X-A": ["1", "2"], "Authorization": ["t0ken"]}},
        });
        put(&mut webhook, "/failureHandling", handling);
        let (status, made) = stage.call("POST", base, &webhook).await;
        assert_eq!(status, 200, "{made}");
        let path = format!("{base}/{}", made["locator"].as_str().unwrap());
        let told = ["/locator", "/eventTypes", "/suspended", "/endpoint/headers"];
        let sent = Sent { method: "PATCH", path: &path, shown: made, change: ("/name", json!("other")), told: &told, moves: &[] };
        sent.back(&stage).await;
        let (status, refused) = stage.call("PATCH", &path, &json!({"endpoint": {"url": "https://93.184.216.35/a"}})).await;
        assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!("/endpoint/url")), "{refused}");
    }
}

#[tokio::test]
async fn a_configuration_of_gemeindeconnect_is_patched_with_its_id() {
    let stage = Stage::new("gemeindeconnect").await;
    let config = json!({
        "whname": "a", "whcomment": "b", "applicationId": "a1", "municipalityId": "m1", "callbackUrl": "https://93.184.216.34/a",
        "processes": ["p1"],
    });
    let shown = stage.call("POST", "/webhookconfig", &config).await.1;
    let path = format!("/webhookconfig?whid={}", shown["whid"].as_str().unwrap());
    Sent { method: "PATCH", path: &path, shown, change: ("/processes", json!(["p2"])), told: &["/whid"], moves: &[] }.back(&stage).await;
}

#[tokio::test]
async fn a_change_at_portant_is_the_one_field_that_its_document_allows() {
    let stage = Stage::new("portant").await;
    let path = "/workflows/wkf_1/outgoing-webhooks/";
    let made = stage.call("POST", path, &json!({"webhookUrl": "https://93.184.216.34/a"})).await.1;
    let (status, problem) = stage.call("PATCH", path, &made).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (400, &json!("/id")), "{problem}");
    assert_eq!(stage.get(path).await, made);
}

/// What this node's own API has said of a thing, and the other system has no word for, is not undone by a change there.
#[tokio::test]
async fn what_only_the_own_api_says_of_it_stays() {
    let hook = json!({
        "name": "h", "action_type": "deploy", "resource_type": "application", "resource_id": 5, "target_url": "https://93.184.216.34/a",
        "trigger_when": {"events": ["action.started"]},
    });
    let config = json!({
        "whname": "a", "whcomment": "b", "applicationId": "a1", "municipalityId": "m1", "callbackUrl": "https://93.184.216.34/a",
        "processes": ["p1"],
    });
    let portant = "/workflows/wkf_1/outgoing-webhooks/";
    for (system, path, thing, id) in [
        ("devopness", "/hooks/outgoing", hook, "id"),
        ("gemeindeconnect", "/webhookconfig", config, "whid"),
        ("portant", portant, json!({"webhookUrl": "https://93.184.216.34/a"}), "id"),
    ] {
        let stage = Stage::new(system).await;
        let (status, made) = stage.call("POST", path, &thing).await;
        assert_eq!(status, if system == "devopness" { 201 } else { status }, "{made}");
        let shown = made[id].as_str().unwrap();
        let own = format!("/api/v1/tenants/default/endpoints/{}", shown.replace("owc_", "ep_"));
        let said = json!({"enabled": false, "timeout_ms": 2_000, "rate_limit": "5/s", "signatures": ["standard", "journey"],
            "failure_handling": {"suspend": true}});
        let (status, mut before) = stage.call("PATCH", &own, &said).await;
        assert_eq!((status, &before["enabled"], &before["timeout_ms"]), (200, &json!(false), &json!(2_000)), "{before}");
        let (method, path) = match system {
            "devopness" => ("PUT", format!("{path}/{shown}")),
            "gemeindeconnect" => ("PATCH", format!("{path}?whid={shown}")),
            _ => ("PATCH", path.to_owned()),
        };
        // A credential that only the own API can show is sent nowhere else. A hook has its headers in each change.
        if system != "devopness" {
            let (_, with) = stage.call("PATCH", &own, &json!({"headers": {"Authorization": ["Bearer t0ken"]}})).await;
            let elsewhere = thing.to_string().replace("93.184.216.34", "93.184.216.35");
            let (status, refused) = stage.call(method, &path, &serde_json::from_str(&elsewhere).unwrap()).await;
            assert_eq!((status, &refused["code"]), (if system == "portant" { 400 } else { 422 }, &json!("credential-of-another-place")));
            before = with;
        }
        let text = thing.to_string().replace("93.184.216.34/a", "93.184.216.34/b");
        let (status, changed) = stage.call(method, &path, &serde_json::from_str(&text).unwrap()).await;
        assert_eq!(status, 200, "{changed}");
        let mut wanted = before.clone();
        wanted["url"] = json!("https://93.184.216.34/b");
        let mut after = stage.get(&own).await;
        after["updated_at"] = wanted["updated_at"].clone();
        assert_eq!(after, wanted, "{system}");
    }
}

#[tokio::test]
async fn a_hook_whose_event_is_gone_can_be_renamed() {
    let stage = Stage::new("devopness").await;
    let hook = json!({
        "name": "a", "action_type": "deploy", "resource_type": "application", "resource_id": 5,
        "target_url": "https://93.184.216.34/{{ action.status }}", "settings": {"request_body": {"a": 1, "b": "{{ action.status }}"}},
        "trigger_when": {"events": ["action.failed"], "conditions": [{"path": "action.status", "accepted_values": ["failed"]}]},
    });
    let (status, made) = stage.call("POST", "/hooks/outgoing", &hook).await;
    assert_eq!(status, 201, "{made}");
    let path = format!("/hooks/outgoing/{}", made["id"].as_str().unwrap());
    let own = format!("/api/v1/tenants/default/endpoints/{}", made["id"].as_str().unwrap());
    let file = stage.folder.path().join("schema.xml");
    let schema = std::fs::read_to_string(&file).unwrap();
    for gone in [schema.replace("action_failed", "action_broken"), schema.replace("<belongs-to model=\"application\" />", "")] {
        let gone = gone.replace("<field name=\"application.source_provider\" />", "").replace(" of {application.name}", "");
        std::fs::write(&file, gone).unwrap();
        wait(async || stage.get(&own).await["held"].is_string()).await;
        // As JSON is written by whoever has read it: laid out in another way.
        let mut renamed = stage.get(&path).await;
        renamed["name"] = json!(format!("{} b", renamed["name"].as_str().unwrap()));
        let (status, answer) = stage.call("PUT", &path, &renamed).await;
        assert_eq!((status, &answer["name"]), (200, &renamed["name"]), "{answer}");
        assert!(stage.get(&own).await["held"].is_string());
        // What is about it has to be right.
        let mut moved = answer.clone();
        moved["target_url"] = json!("https://93.184.216.34/b");
        let (status, problem) = stage.call("PUT", &path, &moved).await;
        assert_eq!(status, 422, "{problem}");
        std::fs::write(&file, &schema).unwrap();
        wait(async || stage.get(&own).await["held"].is_null()).await;
    }
}
