//! Bodies that nobody should send, to every call that takes one: each is refused with a problem that says why, and changes nothing. That
//! the answers are as described is checked by whoever sends.

use serde_json::{Value, json};

use super::{Api, READY};

/// Calls with a body, a body that each takes, and a field of it with a value of a wrong type.
fn calls() -> Vec<(&'static str, String, Value, &'static str, Value)> {
    let of = |path: &str| format!("/api/v1/tenants/default{path}");
    let endpoint = json!({"name": "a", "event_types": ["asset_ready"], "url": "https://93.184.216.34/hook"});
    vec![
        ("PUT", of("/objects/asset/a1"), serde_json::from_str(READY).unwrap(), "name", json!(5)),
        ("PATCH", of("/objects/asset/a1"), json!({"name": "Pump"}), "name", json!(["Pump"])),
        ("PUT", of("/objects/asset/a1/attachments/asset_photo"), json!({"original": "https://m.example/o.jpg"}), "original", json!(7)),
        ("POST", of("/endpoints"), endpoint.clone(), "name", json!({"a": 1})),
        ("PATCH", of("/endpoints/{own}"), json!({"name": "b"}), "name", json!(true)),
        ("POST", of("/endpoints/{own}/test"), json!({"event": "asset_ready"}), "event", json!(1)),
        ("POST", of("/endpoints/{own}/rotate-secret"), json!({"grace": "1h"}), "grace", json!(1)),
        ("POST", of("/webhooks/asset_ready/backfill"), json!({"dry_run": true}), "dry_run", json!("yes")),
        ("POST", of("/resend"), json!({"filter": {"status": "failed"}, "dry_run": true}), "dry_run", json!("yes")),
        ("POST", of("/keys"), json!({"permissions": "webhooks:read"}), "permissions", json!(1)),
        ("POST", of("/links"), json!({"permissions": "webhooks:read"}), "permissions", json!({})),
        ("POST", "/-/rotate-keys".to_owned(), json!({"grace": "1h"}), "grace", json!([])),
    ]
}

/// Everything that a refused call could have changed.
async fn state(api: &Api) -> Vec<Value> {
    let mut state = Vec::new();
    for path in ["/objects/asset/a1", "/endpoints", "/messages", "/deliveries", "/resend", "/keys"] {
        state.push(api.of_tenant("GET", path, "").await.1);
    }
    state
}

#[tokio::test]
async fn every_call_with_a_body_refuses_what_is_no_body_for_it_and_changes_nothing() {
    // `dev` asks for no key, so that making keys does not lock the tests out.
    let api = Api::start(true).await;
    assert_eq!(api.of_tenant("PUT", "/objects/asset/a1", READY).await.0, 201);
    let (status, own) = api.send("POST", &calls()[3].1, calls()[3].2.to_string()).await;
    assert_eq!(status, 201, "{own}");
    let before = state(&api).await;
    for (method, path, right, field, wrong) in calls() {
        let path = path.replace("{own}", own["id"].as_str().unwrap());
        let mut misspelt = right.clone();
        misspelt[format!("{field}_")] = right[field].clone();
        let mut of_wrong_type = right.clone();
        of_wrong_type[field] = wrong;
        let text = right.to_string();
        let twice = format!("{{\"{field}\": {}, {}", right[field], &text[1..]);
        let values: Value = right.as_object().unwrap().values().cloned().collect();
        let deep = format!("{{\"{field}\": {}1{}}}", "[".repeat(2_000), "]".repeat(2_000));
        let large = format!("{{\"{field}\": \"{}\"}}", "x".repeat(10 << 20));
        let cases = [
            ("cut off", text[..text.len() - 1].to_owned(), &[400][..], ""),
            ("no JSON", "not json".to_owned(), &[400], ""),
            ("a list", "[1]".to_owned(), &[400, 422], ""),
            ("an empty list", "[]".to_owned(), &[400, 422], ""),
            ("its values in a list", values.to_string(), &[400, 422], ""),
            ("a text", "\"text\"".to_owned(), &[400, 422], ""),
            ("something behind it", format!("{text} {{}}"), &[400], ""),
            ("no UTF-8", String::from_utf8_lossy(b"{\"\xff\xfe\": 1}").into_owned(), &[400, 422], ""),
            ("a field twice", twice, &[400, 422], field),
            ("a field that there is not", misspelt.to_string(), &[400, 422], field),
            ("a field of a wrong type", of_wrong_type.to_string(), &[422], field),
            ("too deep", deep, &[400, 422], ""),
            ("10 MB", large, &[413], ""),
        ];
        for (what, body, statuses, named) in cases {
            let (status, problem) = api.send(method, &path, body).await;
            assert!(statuses.contains(&status), "{method} {path}, {what}: {status} {problem}");
            assert!(problem.to_string().contains(named), "{method} {path}, {what}: {problem}");
            assert!(problem.to_string().len() < 20_000, "{what} is not repeated at length");
        }
    }
    assert_eq!(state(&api).await, before);
}

#[tokio::test]
async fn a_body_that_is_compressed_is_refused_as_that() {
    let api = Api::start(false).await;
    let path = format!("{}/api/v1/tenants/default/objects/asset/a1", api.base);
    for (coding, status) in [("gzip", 415), ("br", 415), ("identity, gzip", 415), ("identity", 201)] {
        let answer = api.http.put(&path).header("content-encoding", coding).body(READY).send().await.unwrap();
        assert_eq!(answer.status(), status, "{coding}");
        let text = answer.text().await.unwrap();
        assert!(status == 201 || text.contains(&format!("`Content-Encoding` is `{coding}`")), "{text}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_wish_is_named_with_its_place() {
    let api = Api::start(true).await;
    let wish = json!({"name": "a", "event_types": ["asset_ready"], "url": "https://93.184.216.34/hook"});
    let (_, made) = api.of_tenant("POST", "/endpoints", &wish.to_string()).await;
    let own = |call: &str| format!("/endpoints/{}/{call}", made["id"].as_str().unwrap());
    let long = "x".repeat(501);
    for (path, body, pointer) in [
        ("/keys".to_owned(), json!({"permissions": 5}), "/permissions"),
        ("/keys".to_owned(), json!({"permissions": ["webhooks:read", 1]}), "/permissions"),
        ("/keys".to_owned(), json!({"permissions": "webhooks:fly"}), "/permissions"),
        ("/keys".to_owned(), json!({"permissions": "webhooks:read", "expires": 5}), "/expires"),
        ("/keys".to_owned(), json!({"permissions": "webhooks:read", "expires": "soon"}), "/expires"),
        ("/keys".to_owned(), json!({"permissions": "webhooks:read", "rate_limit": "0/s"}), "/rate_limit"),
        ("/keys".to_owned(), json!({"permissions": "webhooks:read", "name": "a\nb"}), "/name"),
        ("/links".to_owned(), json!({"permissions": "webhooks:read", "colour": 1}), "/colour"),
        (own("rotate-secret"), json!({"grace": "-1h"}), "/grace"),
        (own("rotate-secret"), json!({"secret": "whsec_x"}), "/secret"),
        (own("suspend"), json!({"why": 5}), "/why"),
        (own("suspend"), json!({"reason": "maintenance"}), "/reason"),
        (own("suspend"), json!({"why": long}), "/why"),
    ] {
        let (status, problem) = api.of_tenant("POST", &path, &body.to_string()).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{path} {body}: {problem}");
        let name = format!("`{}`", &pointer[1..]);
        assert!(problem["detail"].as_str().unwrap().contains(&name), "{problem}");
    }
    let (status, held) = api.of_tenant("POST", &own("suspend"), &json!({"why": "maintenance"}).to_string()).await;
    assert_eq!((status, &held["suspended"]["why"]), (200, &json!("maintenance")), "{held}");
}

/// Nothing is called so, and not every store can be asked for it.
#[tokio::test]
async fn a_text_with_the_character_u_0000_is_refused() {
    let api = Api::start(true).await;
    for (path, body) in [
        ("/endpoints/ep_erp/suspend", r#"{"why": "a\u0000b"}"#),
        ("/webhooks/asset_ready/backfill", r#"{"after": "\u0000"}"#),
        ("/keys", r#"{"permissions": ["webhooks:read", "\u0000"]}"#),
        ("/resend", r#"{"filter": {"event": "\u0000"}}"#),
    ] {
        let (status, problem) = api.of_tenant("POST", path, body).await;
        assert!(matches!(status, 400 | 422), "{path}: {status} {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("U+0000"), "{path}: {problem}");
    }
    let (_, erp) = api.of_tenant("GET", "/endpoints/ep_erp", "").await;
    assert_eq!(erp["suspended"], Value::Null);
    // The six characters of its escape are a text like any other.
    assert_eq!(api.of_tenant("POST", "/endpoints/ep_erp/suspend", r#"{"why": "a\\u0000b"}"#).await.0, 200);
}

#[tokio::test]
async fn a_call_that_takes_nothing_refuses_a_body_that_says_something() {
    let api = Api::start(true).await;
    assert_eq!(api.of_tenant("PUT", "/objects/asset/a1", READY).await.0, 201);
    let (_, deliveries) = api.of_tenant("GET", "/deliveries", "").await;
    let of = |path: &str| format!("/api/v1/tenants/default{path}");
    assert_eq!(api.of_tenant("POST", "/endpoints/ep_erp/suspend", "").await.0, 200);
    for path in [
        of("/endpoints/ep_erp/unsuspend"),
        of(&format!("/deliveries/{}/resend", deliveries["data"][0]["id"].as_str().unwrap())),
        "/-/reload".to_owned(),
        "/-/rotate-store-key".to_owned(),
    ] {
        let (status, problem) = api.send("POST", &path, json!({"why": "done"}).to_string()).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/why")), "{path}: {problem}");
        for text in ["[]", "null", "{", "text"] {
            assert_eq!(api.send("POST", &path, text).await.0, 400, "{path} {text}");
        }
        assert_eq!(api.send("POST", &format!("{path}?why=done"), "").await.0, 400, "{path}");
    }
    let (_, held) = api.of_tenant("GET", "/endpoints/ep_erp", "").await;
    assert!(held["suspended"].is_object(), "{held}");
    for body in ["{}", ""] {
        let (status, released) = api.of_tenant("POST", "/endpoints/ep_erp/unsuspend", body).await;
        assert_eq!((status, &released["suspended"]), (200, &Value::Null), "{body}");
    }
}

#[tokio::test]
async fn an_event_type_that_there_is_not_is_refused_with_what_is_meant() {
    let api = Api::start(false).await;
    let wish = json!({"name": "a", "event_types": ["asset_raedy"], "url": "https://93.184.216.34/hook"});
    let (status, problem) = api.of_tenant("POST", "/endpoints", &wish.to_string()).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/event_types/0")), "{problem}");
    assert!(problem.to_string().contains("asset_ready"), "{problem}");
    let wish = json!({"name": "a", "event_types": ["é".repeat(5_000)], "url": "https://93.184.216.34/hook"});
    let (_, problem) = api.of_tenant("POST", "/endpoints", &wish.to_string()).await;
    let said = problem["errors"][0]["detail"].as_str().unwrap().chars().count();
    assert!(said < 1_100, "{said} characters are said of a long name");
    for (path, method) in [("/webhooks/asset_raedy", "GET"), ("/webhooks/asset_raedy/backfill", "POST")] {
        let (status, problem) = api.of_tenant(method, path, "").await;
        assert_eq!((status, &problem["help"]), (404, &json!("did you mean `asset_ready`?")), "{problem}");
    }
}

#[tokio::test]
async fn an_address_in_a_private_network_is_refused_however_it_is_written() {
    let api = Api::start(false).await;
    for host in [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "[::1]",
        "[fd00::1]",
        "[fe80::1]",
        "[::ffff:10.0.0.1]",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "[64:ff9b::7f00:1]",
    ] {
        let wish = json!({"name": "a", "event_types": "*", "url": format!("https://{host}/hook")});
        let (status, problem) = api.of_tenant("POST", "/endpoints", &wish.to_string()).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/url")), "{host}: {problem}");
    }
    let (_, list) = api.of_tenant("GET", "/endpoints", "").await;
    assert_eq!(list["data"].as_array().unwrap().len(), 1, "only that of the program");
}
