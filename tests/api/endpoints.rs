//! Making and changing endpoints: what is accepted, what is refused and where, and what lists show.

use serde_json::{Value, json};

use super::Api;

fn wanted(changes: &Value) -> Value {
    let mut whole = json!({"name": "erp", "event_types": ["asset_ready"], "url": "https://93.184.216.34/hook"});
    for (name, value) in changes.as_object().unwrap() {
        whole[name] = value.clone();
    }
    whole
}

async fn make(api: &Api, changes: Value) -> (u16, Value) {
    api.of_tenant("POST", "/endpoints", &wanted(&changes).to_string()).await
}

async fn count(api: &Api) -> usize {
    api.of_tenant("GET", "/endpoints?limit=500", "").await.1["data"].as_array().unwrap().len()
}

/// The pointers of the mistakes of a problem.
fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_property_is_kept_shown_and_changed() {
    let api = Api::start(false).await;
    let (status, made) = make(
        &api,
        json!({
            "comment": "the old one", "event_types": "*", "scope": {"model": "asset", "object": "a1"},
            "conditions": [{"path": "object.name", "accepted_values": ["Pump", null]}],
            "method": "put", "headers": [{"name": "X-A", "value": "1"}, {"name": "X-A", "value": "{{ object.id }}"}],
            "body": {"b": 1, "a": "{{ object.name }}"}, "timeout": "5 s", "concurrency": 2, "rate_limit": "10/min", "order": "object",
            "signatures": ["standard", "asymmetric"], "enabled": false,
            "failure_handling": {"triggers": ["5xx", 429], "retry": {"pattern": "exponential", "interval": "2 s", "max_attempts": 4},
                                 "divert": false, "suspend": true},
        }),
    )
    .await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("ep_") && made["origin"] == json!("api"), "{made}");
    let expected = json!({
        "comment": "the old one", "event_types": ["*"], "all_events": true, "events": [], "scope": {"model": "asset", "object": "a1"},
        "conditions": [{"path": "object.name", "accepted_values": ["Pump", null]}], "method": "PUT",
        "headers": [{"name": "X-A", "value": "1"}, {"name": "X-A", "value": "{{ object.id }}"}],
        "body": {"b": 1, "a": "{{ object.name }}"}, "content_type": "application/json", "timeout_ms": 5000, "concurrency": 2,
        "rate_limit": "10/min", "order": "object", "signatures": ["standard", "asymmetric"], "enabled": false, "active": false,
        "suspended": null, "held": null,
        "failure_handling": {"triggers": ["5xx", "429"], "retry": {"pattern": "exponential", "interval": "2 s", "max_attempts": 4},
                             "alert_endpoint": null, "divert": false, "suspend": true},
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&made[name], value, "{name} of {made}");
    }
    assert_eq!(api.of_tenant("GET", &format!("/endpoints/{id}"), "").await, (200, made.clone()));

    // Removals come first: what is removed and added is there, at the end.
    let patch = json!({
        "enabled": true, "comment": null, "scope": null, "remove_event_types": ["*"], "add_event_types": ["asset_ready"],
        "remove_headers": ["x-a", "x-b"], "add_headers": {"X-B": ["2", "3"]}, "remove_failure_handling": true, "rate_limit": null,
    });
    let (status, changed) = api.of_tenant("PATCH", &format!("/endpoints/{id}"), &patch.to_string()).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!((&changed["event_types"], &changed["events"]), (&json!(["asset_ready"]), &json!(["asset_ready"])));
    assert_eq!(changed["headers"], json!([{"name": "X-B", "value": "2"}, {"name": "X-B", "value": "3"}]));
    assert_eq!((&changed["failure_handling"]["divert"], &changed["active"]), (&json!(true), &json!(true)));
    assert!(changed.get("comment").is_none() && changed.get("scope").is_none() && changed.get("rate_limit").is_none(), "{changed}");
    assert_eq!((&changed["body"], &changed["timeout_ms"]), (&made["body"], &json!(5000)));

    let (status, secret) = api.of_tenant("POST", &format!("/endpoints/{id}/rotate-secret"), "").await;
    assert!(status == 200 && secret["secret"].as_str().unwrap().starts_with("whsec_"), "{secret}");
    assert_eq!(api.send("DELETE", &format!("/api/v1/tenants/default/endpoints/{id}"), "").await.0, 204);
    assert_eq!(api.of_tenant("PATCH", &format!("/endpoints/{id}"), "{}").await.0, 404);
    let (status, problem) = api.of_tenant("PATCH", "/endpoints/ep_erp", "{}").await;
    assert_eq!((status, &problem["code"]), (409, &json!("declared-endpoint")));
}

/// Whoever reads an endpoint, changes a field and sends all of it back means that field.
#[tokio::test]
async fn what_is_shown_can_be_sent_back_with_a_change() {
    let api = Api::start(false).await;
    let rich = json!({
        "comment": "c", "scope": {"model": "asset", "object": "a1"}, "conditions": [{"path": "object.name", "accepted_values": ["Pump"]}],
        "headers": {"X-A": ["1", "2"], "Authorization": ["t0ken"]}, "body": "text {{ object.id }}", "content_type": "text/plain",
        "timeout": "5 s", "concurrency": 2, "rate_limit": "10/min", "order": "object", "signatures": ["standard", "asymmetric"],
        "failure_handling": {"triggers": ["5xx"], "retry": {"pattern": "linear", "interval": "2 s", "max_attempts": 4},
                             "alert_endpoint": {"url": "https://93.184.216.34/alert", "headers": {"X-Key": ["abc"]}}, "divert": false},
    });
    for (more, told) in [(json!({}), &[][..]), (rich, &["public_key", "held"])] {
        let (status, made) = make(&api, more).await;
        assert_eq!(status, 201, "{made}");
        let path = format!("/endpoints/{}", made["id"].as_str().unwrap());
        let common = ["id", "origin", "events", "all_events", "suspended", "active", "created_at", "updated_at"];
        for name in common.iter().chain(told) {
            let mut other = made.clone();
            other[*name] = json!("another");
            let (status, problem) = api.of_tenant("PATCH", &path, &other.to_string()).await;
            assert_eq!((status, pointers(&problem)), (422, vec![format!("/{name}").as_str()]), "{problem}");
            assert_eq!(problem["errors"][0]["code"], json!("read-only-field"));
        }
        let mut changed = made.clone();
        changed["name"] = json!("other");
        let (status, mut answer) = api.of_tenant("PATCH", &path, &changed.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        answer["updated_at"] = made["updated_at"].clone();
        assert_eq!(answer, changed);
    }
}

#[tokio::test]
async fn each_field_wrong_in_turn_is_named_and_nothing_changes() {
    let api = Api::start(false).await;
    let cases = [
        (json!({"name": 5}), "/name"),
        (json!({"name": ""}), "/name"),
        (json!({"name": "x".repeat(129)}), "/name"),
        (json!({"comment": []}), "/comment"),
        (json!({"event_types": []}), "/event_types"),
        (json!({"event_types": 7}), "/event_types"),
        (json!({"event_types": ["asset_ready", "asset_redy"]}), "/event_types/1"),
        (json!({"scope": {"model": "aset"}}), "/scope/model"),
        (json!({"scope": {"model": "user"}}), "/event_types/0"),
        (json!({"scope": {"object": "a1"}}), "/scope"),
        (json!({"conditions": [{"path": "object.nmae", "accepted_values": ["x"]}]}), "/conditions/0/path"),
        (json!({"conditions": [{"path": "object.name or true", "accepted_values": ["x"]}]}), "/conditions/0/path"),
        (json!({"conditions": [{"path": "object.name", "accepted_values": [1]}]}), "/conditions/0/accepted_values"),
        (json!({"conditions": [{"path": "object.name", "accepted_values": []}]}), "/conditions/0/accepted_values"),
        (json!({"conditions": [{"path": "object.name", "accepted_values": [{}]}]}), "/conditions/0/accepted_values/0"),
        (json!({"url": 5}), "/url"),
        (json!({"url": ""}), "/url"),
        (json!({"url": format!("https://93.184.216.34/{}", "x".repeat(4_096))}), "/url"),
        (json!({"url": "ftp://93.184.216.34/"}), "/url"),
        (json!({"url": "https://93.184.216.34/{{ object.nmae }}"}), "/url"),
        (json!({"url": "https://{{ object.name }}/"}), "/url"),
        (json!({"url": "https://10.0.0.1/hook"}), "/url"),
        (json!({"url": "https://[::ffff:127.0.0.1]/"}), "/url"),
        (json!({"url": "https://localhost:8080/"}), "/url"),
        (json!({"method": "FETCH"}), "/method"),
        (json!({"headers": {"X-A": [5]}}), "/headers/X-A/0"),
        (json!({"headers": {"Host": ["x"]}}), "/headers/Host/0"),
        (json!({"headers": {"X-A": ["{{ secret.token }}"]}}), "/headers/X-A/0"),
        (json!({"headers": [{"name": "X-A"}]}), "/headers/0"),
        (json!({"headers": [{"name": "", "value": "a"}]}), "/headers/0/name"),
        (json!({"headers": {"X-A": ["x".repeat(8_193)]}}), "/headers/X-A/0"),
        (json!({"headers": [{"name": "X-Token", "value": "…"}]}), "/headers/0"),
        (json!({"headers": "X-A: 1"}), "/headers"),
        (json!({"body": {"a": "{{ object.nmae }}"}}), "/body"),
        (json!({"body": "{\"a\": "}), "/body"),
        (json!({"content_type": "text/plain"}), "/content_type"),
        (json!({"body": {"a": 1}, "content_type": "text/plain"}), "/content_type"),
        (json!({"enabled": "yes"}), "/enabled"),
        (json!({"timeout": "1 h"}), "/timeout"),
        (json!({"timeout": "soon"}), "/timeout"),
        (json!({"concurrency": 0}), "/concurrency"),
        (json!({"rate_limit": "often"}), "/rate_limit"),
        (json!({"order": "objects"}), "/order"),
        (json!({"signatures": ["standrad"]}), "/signatures/0"),
        (json!({"secret": "whsec_short"}), "/secret"),
        (json!({"failure_handling": {"triggers": ["6xx"]}}), "/failure_handling/triggers/0"),
        (json!({"failure_handling": {"retry": {"pattern": "cubic"}}}), "/failure_handling/retry/pattern"),
        (json!({"failure_handling": {"retry": {"max_attempts": 0}}}), "/failure_handling/retry/max_attempts"),
        (json!({"failure_handling": {"retry": {"pattern": "linear"}}}), "/failure_handling/retry"),
        (json!({"failure_handling": {"alert_endpoint": "ep_nobody"}}), "/failure_handling/alert_endpoint"),
        (json!({"failure_handling": {"alert_endpoint": {"url": "https://10.0.0.1/"}}}), "/failure_handling/alert_endpoint/url"),
        (json!({"failure_handling": {"divert": 1}}), "/failure_handling/divert"),
        (json!({"evnt_types": []}), "/evnt_types"),
    ];
    for (changes, pointer) in &cases {
        let (status, problem) = make(&api, changes.clone()).await;
        assert_eq!((status, pointers(&problem)), (422, vec![*pointer]), "{changes}: {problem}");
        let field = pointer.rsplit('/').find(|part| part.parse::<usize>().is_err()).unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(field), "{problem}");
    }
    assert_eq!(count(&api).await, 1, "only the declared one");
    let (_, kept) = make(&api, json!({"headers": {"Authorization": ["Bearer abc"]}})).await;
    let path = format!("/endpoints/{}", kept["id"].as_str().unwrap());
    let before = api.of_tenant("GET", &path, "").await;
    for (changes, pointer) in &cases {
        let (status, problem) = api.of_tenant("PATCH", &path, &changes.to_string()).await;
        assert_eq!((status, pointers(&problem)), (422, vec![*pointer]), "{changes}: {problem}");
    }
    assert_eq!(api.of_tenant("GET", &path, "").await, before);
    assert_eq!(api.send("DELETE", &format!("/api/v1/tenants/default{path}"), "").await.0, 204);

    let (_, problem) = make(&api, json!({"event_types": ["asset_redy"]})).await;
    assert_eq!(problem["errors"][0]["help"], json!("did you mean `asset_ready`?"), "{problem}");
    let (_, problem) = make(&api, json!({"url": "https://93.184.216.34/\u{e9}/{{ object.nmae }}"})).await;
    let error = &problem["errors"][0];
    assert_eq!((&error["code"], &error["span"]["start"]), (&json!("WH0402"), &json!({"offset": 35, "line": 1, "column": 35})), "{problem}");
    let (_, problem) = make(&api, json!({"url": "https://10.0.0.1/"})).await;
    assert_eq!(problem["detail"], json!("`url`: the target may not be called: the address 10.0.0.1 is a private address"));

    let (_, made) = make(&api, json!({})).await;
    let path = format!("/endpoints/{}", made["id"].as_str().unwrap());
    for patch in
        [json!({"url": 5}), json!({"add_event_types": ["nothing"]}), json!({"remove_event_types": ["asset_ready"]}), json!({"x": 1})]
    {
        assert_eq!(api.of_tenant("PATCH", &path, &patch.to_string()).await.0, 422, "{patch}");
        assert_eq!(api.of_tenant("GET", &path, "").await.1, {
            let mut same = made.clone();
            same.as_object_mut().unwrap().remove("warnings");
            same
        });
    }
}

#[tokio::test]
async fn documents_that_are_none_are_refused() {
    let api = Api::start(false).await;
    let deep = format!("{{\"body\": {}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    for body in ["", "[]", "{", "null", "{\"name\": \"a\"} x", deep.as_str()] {
        let (status, problem) = api.of_tenant("POST", "/endpoints", body).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid-json")), "{problem}");
    }
    let twice =
        r#"{"name": "a", "name": "b", "event_types": ["asset_ready"], "url": "https://93.184.216.34/", "headers": {"A": "1", "A": "2"}}"#;
    let (status, problem) = api.of_tenant("POST", "/endpoints", twice).await;
    assert_eq!((status, pointers(&problem)), (422, vec!["/name", "/headers/A"]), "{problem}");
    let large = format!("{{\"comment\": \"{}\"}}", "x".repeat(10 << 20));
    assert_eq!(api.of_tenant("POST", "/endpoints", &large).await.0, 413);
    assert_eq!(count(&api).await, 1);
}

#[tokio::test]
async fn endpoints_are_listed_by_filter_and_page() {
    let api = Api::start(false).await;
    for index in 0..7 {
        let changes =
            json!({"name": format!("e{index}"), "enabled": index % 2 == 0, "event_types": [if index < 3 { "*" } else { "asset_ready" }]});
        assert_eq!(make(&api, changes).await.0, 201);
    }
    let names = async |query: &str| {
        let (status, list) = api.of_tenant("GET", &format!("/endpoints?{query}"), "").await;
        assert_eq!(status, 200, "{list}");
        let names: Vec<String> = list["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        (names.join(" "), list["next"].as_str().map(str::to_owned))
    };
    assert_eq!(names("").await.0, "erp e0 e1 e2 e3 e4 e5 e6");
    assert_eq!(names("enabled=false").await.0, "e1 e3 e5");
    assert_eq!(names("name=e4").await.0, "e4");
    assert_eq!(names("event_types=other").await.0, "erp e0 e1 e2");
    assert_eq!(names("event_types=asset_ready,other&active=true").await.0, "erp e0 e2 e4 e6");
    let (_, list) = api.of_tenant("GET", "/endpoints?name=e2", "").await;
    let id = list["data"][0]["id"].as_str().unwrap().to_owned();
    api.of_tenant("POST", &format!("/endpoints/{id}/suspend?why=late"), "").await;
    assert_eq!(names("suspended=true").await.0, "e2");
    assert_eq!(names("suspended=false&enabled=true").await.0, "erp e0 e4 e6");
    assert_eq!(names("active=false").await.0, "e1 e2 e3 e5");
    assert_eq!(names("offset=2&count=3").await, ("e1 e2 e3".to_owned(), Some("own.4".to_owned())));
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (page, next) = names(&format!("limit=3{cursor}")).await;
        seen.push(page);
        let Some(next) = next else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ["erp e0 e1", "e2 e3 e4", "e5 e6"]);
    for query in ["enabled=1", "cursor=x", "count=0", "colour=red"] {
        assert_eq!(api.of_tenant("GET", &format!("/endpoints?{query}"), "").await.0, 400, "{query}");
    }
    assert_eq!(api.send("GET", "/api/v1/tenants/other/endpoints", "").await.1["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_endpoint_is_made_once_for_one_idempotency_key() {
    let api = Api::start(false).await;
    let post = async || {
        let url = format!("{}/api/v1/tenants/default/endpoints", api.base);
        let answer = api.http.post(url).header("idempotency-key", "make-1").body(wanted(&json!({})).to_string()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let first = post().await;
    assert_eq!((first.0, post().await), (201, first));
    assert_eq!(count(&api).await, 2);
}

/// Nothing is rendered of what an endpoint does not accept, so its templates may take for granted what it accepts.
#[tokio::test]
async fn a_condition_promises_the_templates_what_it_asks_for() {
    let api = Api::start(false).await;
    let warned = async |accepted: Value| {
        let conditions = if accepted.is_null() { json!([]) } else { json!([{"path": "object.name", "accepted_values": accepted}]) };
        let (status, made) = make(&api, json!({"headers": {"X-Name": ["{{ object.name }}"]}, "conditions": conditions})).await;
        assert_eq!(status, 201, "{made}");
        made["warnings"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(warned(Value::Null).await, 1, "it may be null");
    assert_eq!(warned(json!(["Pump", "Valve"])).await, 0);
    assert_eq!(warned(json!(["Pump", null])).await, 1, "null is accepted");
    let many: Vec<String> = (0..100).map(|number| format!("Pump {number}")).collect();
    assert_eq!(warned(json!(many)).await, 0, "however many there are");
}
