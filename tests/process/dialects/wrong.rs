//! Each field of each system's API wrong in turn: the status that its document names, a problem that names the field, and nothing changed.

use serde_json::{Value, json};

use super::{Stage, put};

/// A call with a good body, what it could change, and the status of a body that will not do.
struct Call<'a> {
    method: &'a str,
    path: &'a str,
    good: &'a Value,
    /// What shows whether anything has changed.
    seen: &'a [&'a str],
    status: u16,
}

/// A text that is too long for any field.
fn long() -> Value {
    json!("x".repeat(5_000))
}

/// No text, in all ways, for a field that must have one.
fn no_texts() -> Vec<Value> {
    vec![json!(5), json!(true), json!([]), json!({}), json!(["a"]), json!(""), json!("  "), long(), Value::Null]
}

/// No URL that may be called.
fn bad_urls() -> Vec<Value> {
    let texts = [
        "nowhere",
        "ftp://93.184.216.34/",
        "https://",
        "https:///x",
        "https://...",
        "https://a..example/",
        "https://10.0.0.1/",
        "http://169.254.169.254/latest",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://93.184.216.34/{{ nothing }}",
        "https://93.184.216.34/{{",
        "javascript:alert(1)",
    ];
    no_texts().into_iter().chain(texts.map(Value::from)).collect()
}

impl Stage {
    async fn state(&self, seen: &[&str]) -> Vec<(u16, Value)> {
        let mut state = Vec::new();
        for path in seen {
            state.push(self.call("GET", path, &Value::Null).await);
        }
        state
    }

    /// Each value is refused at its place; a null is a field that is not there, too.
    async fn refuses_each(&self, call: &Call<'_>, cases: &[(&str, Vec<Value>)]) {
        let before = self.state(call.seen).await;
        let mut accepted = Vec::new();
        for (pointer, values) in cases {
            for wrong in values {
                let mut body = call.good.clone();
                put(&mut body, pointer, wrong.clone());
                let mut bodies = vec![body.to_string()];
                if wrong.is_null() {
                    body.pointer_mut(pointer.rsplit_once('/').unwrap().0).unwrap()[pointer.rsplit('/').next().unwrap()] = Value::Null;
                    bodies.push(body.to_string());
                }
                for body in bodies {
                    let (status, problem) = crate::node::send(call.method, &format!("{}{}", self.node.url, call.path), &body).await;
                    let what = format!("{} {}, {pointer} = {:.80}: {status} {problem}", call.method, call.path, wrong.to_string());
                    let pointers = problem["errors"].as_array().into_iter().flatten().map(|error| error["pointer"].as_str().unwrap());
                    let field = pointer.rsplit('/').next().unwrap();
                    let last = |place: &str| place.rsplit('/').find(|part| part.parse::<usize>().is_err()).unwrap().to_owned();
                    let detail = problem["detail"].as_str().unwrap_or_default();
                    let is_named = detail.contains(field) || pointers.clone().any(|place| detail.contains(&last(place)));
                    let is_there = pointers.clone().count() > 0 && pointers.clone().all(|place| place.starts_with(*pointer));
                    if (status, &problem["status"]) != (call.status, &json!(call.status)) || !is_named || !is_there {
                        accepted.push(what);
                    }
                }
            }
        }
        assert!(accepted.is_empty(), "not refused, or not as the field that it is:\n{}", accepted.join("\n"));
        // A field that is nearly known, one twice, and what is no document at all.
        let text = call.good.to_string();
        let first = call.good.as_object().unwrap().keys().next().unwrap();
        let mut misspelt = call.good.clone();
        misspelt[format!("{first}s")] = json!("x");
        let (status, problem) = self.call(call.method, call.path, &misspelt).await;
        assert_eq!((status, &problem["help"]), (call.status, &json!(format!("did you mean `{first}`?"))), "{problem}");
        let twice = format!("{{\"{first}\": 1, {}", &text[1..]);
        for (body, status) in [
            (twice, call.status),
            ("[]".to_owned(), 400),
            (String::new(), 400),
            ("null".to_owned(), 400),
            (text[1..].to_owned(), 400),
            (format!("{{\"{first}\": {}{}}}", "[".repeat(3_000), "]".repeat(3_000)), 400),
            (format!("{{\"{first}\": \"{}\"}}", "x".repeat(10 << 20)), 413),
        ] {
            let (seen, problem) = crate::node::send(call.method, &format!("{}{}", self.node.url, call.path), &body).await;
            assert_eq!(seen, status, "{} {} with {body:.60}: {problem}", call.method, call.path);
        }
        assert_eq!(self.state(call.seen).await, before, "nothing has changed");
    }
}

#[tokio::test]
async fn every_field_of_socotra() {
    let stage = Stage::new("socotra").await;
    let base = "/event/5b2cbb34-1c0c-4b7a-9f43-2f6a2d0e9c11/webhooks";
    let good = json!({
        "name": "partner", "enabled": true, "endpoint": {"url": "https://93.184.216.34/hook", "headers": {"X-A": ["1"], "X-Key": ["k"]}},
        "eventTypes": ["policy_issued"],
        "failureHandling": {"triggers": ["5xx"], "retry": {"maxAttempts": 2, "interval": "1 s", "pattern": "linear"}, "divert": true, "suspend": true,
                            "alertEndpoint": {"url": "https://93.184.216.34/alert", "headers": {}}},
    });
    let (status, made) = stage.call("POST", base, &good).await;
    assert_eq!((status, &made["endpoint"]["headers"]), (200, &json!({"X-A": ["1"], "X-Key": ["…"]})), "{made}");
    let (list, own) = (format!("{base}/list"), format!("{base}/{}", made["locator"].as_str().unwrap()));
    let failures = |under: &str| -> Vec<(String, Vec<Value>)> {
        let urls: Vec<Value> = bad_urls().into_iter().filter(|url| !url.to_string().contains("{{ nothing")).collect();
        [
            ("/triggers", vec![json!("5xx"), json!([]), json!(["6xx"]), json!(["connection"]), json!([true]), json!([[]]), json!([700])]),
            ("/retry", vec![json!(3), json!([]), json!("linear")]),
            ("/retry/maxAttempts", vec![json!(0), json!(11), json!(-1), json!(1.5), json!("3"), json!([])]),
            ("/retry/interval", vec![json!("soon"), json!(-1), json!(0), json!("1 ms"), json!(true), json!({})]),
            ("/retry/pattern", vec![json!("cubic"), json!("schedule"), json!(1), json!([]), json!("")]),
            ("/retry/schedule", vec![json!(["1 s", "2 s"])]),
            ("/alertEndpoint", vec![json!(5), json!([]), json!("wh_nobody"), json!({})]),
            ("/alertEndpoint/url", urls),
            ("/alertEndpoint/headers", vec![json!([1]), json!({"X": [1]}), json!(5)]),
            ("/divert", vec![json!("yes"), json!(1), json!([])]),
            ("/suspend", vec![json!("yes"), json!(1), json!({})]),
        ]
        .into_iter()
        .map(|(place, values)| (format!("{under}{place}"), values))
        .collect()
    };
    let failures = failures("/failureHandling");
    let failures: Vec<(&str, Vec<Value>)> = failures.iter().map(|(place, values)| (place.as_str(), values.clone())).collect();
    let headers = vec![
        json!([1]),
        json!("X: 1"),
        json!({"X-A": [1]}),
        json!({"X-A": [{}]}),
        json!({"Host": ["a"]}),
        json!({"X A": ["a"]}),
        json!({"X-A": [long(), "x".repeat(9_000)]}),
    ];
    let mut cases = vec![
        ("/name", no_texts()),
        ("/enabled", vec![json!("no"), json!(1), json!([])]),
        ("/endpoint", vec![json!("https://93.184.216.34/"), json!([]), json!(1), Value::Null]),
        ("/endpoint/url", bad_urls()),
        ("/endpoint/headers", headers.clone()),
        ("/endpoint/colour", vec![json!(1)]),
        (
            "/eventTypes",
            vec![
                json!(5),
                json!({}),
                json!([]),
                json!([1]),
                json!(["policy_isued"]),
                json!([""]),
                json!(["policy_issued", "x"]),
                Value::Null,
            ],
        ),
        ("/failureHandling", vec![json!(5), json!([]), json!("none"), json!({"colour": 1})]),
        ("/colour", vec![json!(1)]),
    ];
    cases.extend(failures.iter().cloned());
    let call = Call { method: "POST", path: base, good: &good, seen: &[&list, &own], status: 422 };
    stage.refuses_each(&call, &cases).await;
    let (_, problem) = stage
        .call("POST", base, &json!({"name": "a", "endpoint": {"url": "https://93.184.216.34/"}, "eventTypes": ["policy_isued"]}))
        .await;
    assert_eq!(problem["errors"][0]["help"], json!("did you mean `policy_issued`?"), "{problem}");

    let patch = json!({
        "name": "other", "enabled": false, "removeFailureHandling": true, "addEventTypes": ["policy_cancelled"], "removeEventTypes": [],
        "endpoint": {"url": "https://93.184.216.34/b", "addHeaders": {}, "removeHeaders": []}, "failureHandling": good["failureHandling"],
    });
    let set = |values: Vec<Value>| values.into_iter().filter(|value| !value.is_null()).collect::<Vec<_>>();
    let mut cases = vec![
        ("/name", set(no_texts())),
        ("/enabled", vec![json!("no"), json!(1)]),
        ("/endpoint", vec![json!("x"), json!([])]),
        ("/endpoint/url", set(bad_urls())),
        ("/endpoint/addHeaders", headers),
        ("/endpoint/removeHeaders", vec![json!(5), json!({}), json!([1])]),
        ("/endpoint/headers", vec![json!({}), json!(5)]),
        ("/addEventTypes", vec![json!(5), json!({}), json!([1]), json!(["policy_isued"])]),
        ("/removeEventTypes", vec![json!(5), json!({}), json!([1])]),
        ("/eventTypes", vec![json!(["policy_cancelled"]), json!([])]),
        ("/removeFailureHandling", vec![json!("yes"), json!(1)]),
        ("/failureHandling", vec![json!(5), json!([])]),
        ("/suspended", vec![json!(true), json!("no")]),
        ("/locator", vec![json!("x")]),
    ];
    cases.extend(failures);
    let call = Call { method: "PATCH", path: &own, good: &patch, seen: &[&list, &own], status: 422 };
    stage.refuses_each(&call, &cases).await;
    // What is good is good, and what was not shown stays.
    let (status, changed) = stage.call("PATCH", &own, &json!({"endpoint": {"addHeaders": {"X-Key": ["…"], "X-B": ["2"]}}})).await;
    assert_eq!((status, &changed["endpoint"]["headers"]), (200, &json!({"X-A": ["1"], "X-B": ["2"], "X-Key": ["…"]})), "{changed}");
}

#[tokio::test]
async fn every_field_of_devopness() {
    let stage = Stage::new("devopness").await;
    let good = json!({
        "name": "CD(deploy)", "action_type": "deploy", "resource_type": "application", "resource_id": 5,
        "target_url": "https://93.184.216.34/{{ action.status }}",
        "settings": {"request_headers": [{"name": "X-A", "value": "{{ action.status }}"}], "request_body": {"body": "{{ action.status }}"}},
        "trigger_when": {"events": ["action.started"], "conditions": [{"path": "action.status", "accepted_values": ["started"]}]},
    });
    let (status, made) = stage.call("POST", "/hooks/outgoing", &good).await;
    assert_eq!(status, 201, "{made}");
    let own = format!("/hooks/outgoing/{}", made["id"].as_str().unwrap());
    let mut names = no_texts();
    names.push(json!("x".repeat(61)));
    let cases = [
        ("/name", names),
        ("/action_type", no_texts().into_iter().chain([json!("deplyo"), json!("x".repeat(61))]).collect()),
        ("/resource_type", no_texts().into_iter().chain([json!("server"), json!("x".repeat(61))]).collect()),
        (
            "/resource_id",
            vec![
                json!(-1),
                json!(1.5),
                json!(true),
                json!(""),
                json!(" "),
                json!("a\0"),
                json!("é".repeat(61)),
                json!([]),
                json!({}),
                long(),
                Value::Null,
            ],
        ),
        ("/target_url", bad_urls()),
        ("/settings", vec![json!("x"), json!([]), json!(1)]),
        (
            "/settings/request_headers",
            vec![
                json!("X: 1"),
                json!(1),
                json!([1]),
                json!([{}]),
                json!([{"name": "A"}]),
                json!([{"value": "A"}]),
                json!([{"name": 1, "value": "A"}]),
                json!([{"name": "A", "value": 1}]),
                json!([{"name": "A", "value": "{{ x }}"}]),
                json!([{"name": "A", "value": "a\nb"}]),
                json!([{"name": "Host", "value": "a"}]),
                json!([{"name": "", "value": "a"}]),
                json!([{"name": "Content-Type", "value": "json"}]),
                json!([{"name": "Content-Type", "value": 1}]),
                json!([{"name": "Content-Type", "value": "text/plain"}]),
                json!([{"name": "Content-Type", "value": "a/json"}, {"name": "content-type", "value": "b/json"}]),
                json!([{"name": "A", "value": "b", "colour": 1}]),
            ],
        ),
        ("/settings/request_body", vec![json!({"a": "{{ action.nothing }}"}), json!("{\"a\": "), json!("{\"a\": \"{{\"}")]),
        ("/settings/colour", vec![json!(1)]),
        ("/trigger_when", vec![json!("x"), json!([]), json!(1), Value::Null]),
        ("/trigger_when/events", vec![json!(1), json!([]), json!([1]), json!({}), json!(["action.strated"]), json!([""]), Value::Null]),
        (
            "/trigger_when/conditions",
            vec![
                json!("x"),
                json!({}),
                json!([1]),
                json!([{}]),
                json!([{"path": "action.status"}]),
                json!([{"path": 1, "accepted_values": ["a"]}]),
                json!([{"path": "action.nothing", "accepted_values": ["x"]}]),
                json!([{"path": "action.status", "accepted_values": []}]),
                json!([{"path": "action.status", "accepted_values": "x"}]),
                json!([{"path": "action.status or true", "accepted_values": ["x"]}]),
                json!([{"path": "action.status", "accepted_values": ["strated"]}]),
            ],
        ),
        ("/trigger_when/colour", vec![json!(1)]),
        ("/colour", vec![json!(1)]),
        ("/id", vec![json!("x")]),
    ];
    for (method, path) in [("POST", "/hooks/outgoing"), ("PUT", own.as_str())] {
        let call = Call { method, path, good: &good, seen: &["/applications/5/hooks", &own], status: 422 };
        stage.refuses_each(&call, &cases).await;
    }
    let mut near = good.clone();
    near["trigger_when"]["events"] = json!(["action.strated"]);
    let (_, problem) = stage.call("POST", "/hooks/outgoing", &near).await;
    assert_eq!(problem["errors"][0]["help"], json!("did you mean `action.started`?"), "{problem}");
}

#[tokio::test]
async fn every_field_of_portant() {
    let stage = Stage::new("portant").await;
    let (path, other) = ("/workflows/wkf_1/outgoing-webhooks/", "/workflows/wkf_2/outgoing-webhooks/");
    let good = json!({"webhookUrl": "https://93.184.216.34/a"});
    assert_eq!(stage.call("POST", path, &good).await.0, 201);
    let cases = [("/webhookUrl", bad_urls()), ("/id", vec![json!("owc_x")]), ("/name", vec![json!("x")]), ("/events", vec![json!(["*"])])];
    for (method, path) in [("POST", other), ("PATCH", path)] {
        let call = Call { method, path, good: &good, seen: &["/workflows/wkf_1/outgoing-webhooks/", other], status: 400 };
        stage.refuses_each(&call, &cases).await;
    }
}

#[tokio::test]
async fn every_field_of_gemeindeconnect() {
    let stage = Stage::new("gemeindeconnect").await;
    let good = json!({
        "whname": "Your Webhook Name", "whcomment": "short comment", "applicationId": "a1", "municipalityId": "m1",
        "callbackUrl": "https://93.184.216.34/callback", "processes": ["p1"],
    });
    let (status, made) = stage.call("POST", "/webhookconfig", &good).await;
    assert_eq!(status, 201, "{made}");
    let which = format!("/webhookconfig?whid={}", made["whid"].as_str().unwrap());
    let comments = no_texts().into_iter().filter(|value| !value.as_str().is_some_and(|text| text.trim().is_empty())).collect();
    let cases = [
        ("/whname", no_texts()),
        ("/whcomment", comments),
        ("/applicationId", no_texts()),
        ("/municipalityId", no_texts()),
        ("/callbackUrl", bad_urls()),
        (
            "/processes",
            vec![
                json!("p1"),
                json!(1),
                json!({}),
                json!([]),
                json!([1]),
                json!([null]),
                json!([""]),
                json!([long()]),
                json!(vec!["p"; 257]),
                Value::Null,
            ],
        ),
        ("/whid", vec![json!("x")]),
        ("/colour", vec![json!(1)]),
    ];
    for (method, path) in [("POST", "/webhookconfig"), ("PATCH", which.as_str())] {
        let call = Call { method, path, good: &good, seen: &["/webhookconfig", &which], status: 422 };
        stage.refuses_each(&call, &cases).await;
    }
}
