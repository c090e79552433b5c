//! What every call keeps to: filters have an end, what needs a key is stored nowhere, and no body is unpacked.

use serde_json::{Value, json};

use super::{Api, READY};

/// Names with commas between them, each as often as is said.
fn names(count: usize, times: usize) -> String {
    let names: Vec<String> = (0..count).map(|number| format!("e{number}")).collect();
    vec![names.join(","); times].join(",")
}

#[tokio::test]
async fn a_filter_of_names_has_at_most_64_and_repeated_ones_count_once() {
    let api = Api::start(false).await;
    for (names, narrowed) in [(names(64, 1), ""), (names(64, 1), "&name=erp"), (names(60, 10), "")] {
        let (status, page) = api.of_tenant("GET", &format!("/endpoints?event_types={names}{narrowed}"), "").await;
        assert_eq!(status, 200, "{page}");
    }
    for count in [65, 600] {
        let (status, problem) = api.of_tenant("GET", &format!("/endpoints?event_types={}", names(count, 1)), "").await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid-parameter")), "{problem}");
        assert_eq!(problem["detail"], json!(format!("`event_types` has {count} different words, expected at most 64")));
    }
}

#[tokio::test]
async fn what_needs_a_key_is_stored_nowhere() {
    let api = Api::start(false).await;
    let kept = async |method: &str, path: &str, body: Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = api.http.request(method.parse().unwrap(), format!("{}{path}", api.base)).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.headers().get("cache-control").map(|value| value.to_str().unwrap().to_owned()))
    };
    let nowhere = |status: u16| (status, Some("no-store".to_owned()));
    let of = |path: &str| format!("/api/v1/tenants/default{path}");
    let endpoint = json!({"name": "a", "event_types": ["asset_ready"], "url": "https://me:secret@93.184.216.34/hook"});
    let (status, made) = api.send("POST", &of("/endpoints"), endpoint.to_string()).await;
    assert_eq!(status, 201, "{made}");
    let own = of(&format!("/endpoints/{}", made["id"].as_str().unwrap()));
    assert_eq!(kept("GET", &own, Value::Null).await, nowhere(200));
    assert_eq!(kept("PATCH", &own, json!({"name": "b"})).await, nowhere(200));
    assert_eq!(kept("GET", &of("/endpoints"), Value::Null).await, nowhere(200));
    assert_eq!(kept("PUT", &of("/objects/asset/a1"), serde_json::from_str(READY).unwrap()).await, nowhere(201));
    assert_eq!(kept("GET", &of("/objects/asset/none"), Value::Null).await, nowhere(404));
    assert_eq!(kept("GET", "/metrics", Value::Null).await, nowhere(200));
    assert_eq!(kept("DELETE", &own, Value::Null).await.1.as_deref(), Some("no-store"));
    assert_eq!(kept("GET", "/healthz", Value::Null).await, (200, None));
}

#[tokio::test]
async fn a_compressed_body_is_refused_by_every_call_and_so_it_is_described() {
    let api = Api::start(false).await;
    for (path, method, call) in api.described.calls() {
        assert!(call["responses"]["415"].is_object(), "{method} {path}");
        let url = format!("{}{}", api.base, path.replace(['{', '}'], ""));
        let method = method.to_ascii_uppercase().parse().unwrap();
        let answer = api.http.request(method, url).header("content-encoding", "gzip").send().await.unwrap();
        assert_eq!(answer.status(), 415, "{path}");
    }
}
