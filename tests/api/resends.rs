//! Sending many deliveries again: what may be asked, what is refused and where, and what is shown.

use serde_json::{Value, json};

use super::{Api, READY};

/// A delivery that there is not.
const NOWHERE: &str = "dlv_01990000000070008000000000000001";

async fn ask(api: &Api, wish: &Value) -> (u16, Value) {
    api.of_tenant("POST", "/resend", &wish.to_string()).await
}

#[tokio::test]
async fn each_wrong_field_is_named_and_nothing_is_begun() {
    let api = Api::start(false).await;
    let filter = |filter: Value| json!({"filter": filter});
    let cases = [
        (json!({}), "/filter", "has no `filter`"),
        (filter(json!({})), "/filter", "says nothing"),
        (filter(json!(7)), "/filter", "expected an object"),
        (filter(json!({"event": 7})), "/filter/event", "expected a text"),
        (filter(json!({"event": ""})), "/filter/event", "expected 1 to 1000"),
        (filter(json!({"event": "asset_redy"})), "/filter/event", "of the program or of earlier deliveries"),
        (filter(json!({"model": "aset"})), "/filter/model", "of the program or of earlier deliveries"),
        (filter(json!({"endpoint": ["ep_erp"]})), "/filter/endpoint", "expected a text"),
        (filter(json!({"object": true})), "/filter/object", "expected a text"),
        (filter(json!({"status": "pending"})), "/filter/status", "expected `delivered`, `diverted` or `failed`"),
        (filter(json!({"status": ["failed", "lost"]})), "/filter/status/1", "expected `delivered`"),
        (filter(json!({"state": "failed"})), "/filter/state", "there is no field `state`"),
        (filter(json!({"from": "yesterday"})), "/filter/from", "expected a time"),
        (filter(json!({"until": 1_700_000_000})), "/filter/until", "expected a time"),
        (filter(json!({"from": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"})), "/filter/until", "after `from`"),
        (json!({"filter": {"event": "asset_ready"}, "rate": "fast"}), "/rate", "expected a rate"),
        (json!({"filter": {"event": "asset_ready"}, "rate": 10}), "/rate", "expected a rate"),
        (json!({"filter": {"event": "asset_ready"}, "after": "msg_1"}), "/after", "the id of a delivery"),
        (json!({"filter": {"event": "asset_ready"}, "after": NOWHERE}), "/after", "there is no delivery `dlv_0199"),
        (json!({"filter": {"event": "asset_ready"}, "after": NOWHERE, "dry_run": true}), "/after", "with `from` in the filter"),
        (json!({"filter": {"event": "asset_ready"}, "dry_run": "yes"}), "/dry_run", "true or false"),
        (json!({"filter": {"event": "asset_ready"}, "dryrun": true}), "/dryrun", "there is no field"),
    ];
    for (wish, pointer, part) in cases {
        let (status, problem) = ask(&api, &wish).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{wish}: {problem}");
        assert!(problem["errors"][0]["detail"].as_str().unwrap().contains(part), "{wish}: {problem}");
    }
    assert_eq!(ask(&api, &json!([])).await.0, 400);
    let (_, problem) = ask(&api, &filter(json!({"event": "asset_redy"}))).await;
    assert_eq!(problem["errors"][0]["help"], json!("did you mean `asset_ready`?"));
    assert_eq!(api.of_tenant("GET", "/resend", "").await.1, json!({"data": [], "next": null}));
}

#[tokio::test]
async fn a_resend_is_tried_begun_shown_and_stopped() {
    let api = Api::start(false).await;
    for n in 0..3 {
        assert_eq!(api.of_tenant("PUT", &format!("/objects/asset/a{n}"), READY).await.0, 201);
    }
    // Nothing is sent here, so nothing is settled yet.
    let wish = json!({"filter": {"endpoint": "ep_erp"}, "dry_run": true});
    assert_eq!(ask(&api, &wish).await, (200, json!({"dry_run": true, "matched": 0, "samples": []})));

    let wish = json!({"filter": {"event": "asset_ready", "status": "failed", "from": "2026-01-01T01:00:00+01:00"}, "rate": "30/min"});
    let (status, begun) = ask(&api, &wish).await;
    assert_eq!(status, 202, "{begun}");
    let expected = json!({"event": "asset_ready", "status": ["failed"], "from": "2026-01-01T00:00:00Z"});
    assert_eq!((&begun["filter"], &begun["rate"], &begun["state"]), (&expected, &json!("30/min"), &json!("running")));
    assert_eq!(
        (&begun["matched"], &begun["resent"], &begun["last"], &begun["by"]),
        (&json!(0), &json!(0), &Value::Null, &json!("anybody"))
    );
    let path = format!("/resend/{}", begun["id"].as_str().unwrap());
    assert_eq!(api.of_tenant("GET", &path, "").await, (200, begun.clone()));
    let (status, stopped) = api.of_tenant("DELETE", &path, "").await;
    assert_eq!((status, &stopped["state"]), (200, &json!("stopped")), "{stopped}");
    assert!(stopped["ended_at"].as_str().is_some(), "{stopped}");
    assert_eq!(api.of_tenant("GET", "/resend?limit=1", "").await.1, json!({"data": [stopped], "next": null}));

    for (method, path, status, code) in [
        ("GET", "/resend/rsd_1", 400, "invalid-id"),
        ("GET", "/resend/rsd_00000000000000000000000000000001", 404, "unknown-resend"),
        ("DELETE", "/resend/rsd_00000000000000000000000000000001", 404, "unknown-resend"),
        ("GET", "/resend?state=running", 400, "invalid-parameter"),
        ("PUT", "/resend", 405, "wrong-method"),
    ] {
        let (seen, problem) = api.of_tenant(method, path, "").await;
        assert_eq!((seen, &problem["code"]), (status, &json!(code)), "{method} {path}: {problem}");
    }
    let other = format!("/api/v1/tenants/other{path}");
    assert_eq!(api.send("GET", &other, "").await.0, 404, "another tenant sees nothing");
    for _ in 0..8 {
        assert_eq!(ask(&api, &wish).await.0, 202);
    }
    let (status, problem) = ask(&api, &wish).await;
    assert_eq!((status, &problem["code"]), (409, &json!("too-many-resends")), "{problem}");
}

#[tokio::test]
async fn lists_are_cut_by_time() {
    let api = Api::start(false).await;
    let mut times = Vec::new();
    for n in 0..3 {
        assert_eq!(api.of_tenant("PUT", &format!("/objects/asset/a{n}"), READY).await.0, 201);
        let (_, newest) = api.of_tenant("GET", "/messages?limit=1", "").await;
        times.push(newest["data"][0]["created_at"].as_str().unwrap().to_owned());
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
    for list in ["messages", "deliveries"] {
        let seen = async |query: &str| {
            let (status, page) = api.of_tenant("GET", &format!("/{list}?{query}"), "").await;
            assert_eq!(status, 200, "{page}");
            page["data"].as_array().unwrap().iter().map(|row| row["object"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(seen(&format!("from={}", times[1])).await, ["a2", "a1"], "{list}: from is part of it");
        assert_eq!(seen(&format!("until={}", times[1])).await, ["a0"], "{list}: until is not");
        assert_eq!(seen(&format!("from={}&until={}&event=asset_ready", times[1], times[2])).await, ["a1"]);
        assert_eq!(seen("until=2020-01-01T00:00:00%2B02:00").await, Vec::<String>::new());
        for (query, part) in [
            ("from=now", "`from` is `now`, expected a time"),
            ("until=2026-01-01", "`until` is `2026-01-01`"),
            ("from=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "expected a time after `from`"),
        ] {
            let (status, problem) = api.of_tenant("GET", &format!("/{list}?{query}"), "").await;
            assert!(status == 400 && problem["detail"].as_str().unwrap().contains(part), "{problem}");
        }
    }
    assert_eq!(api.of_tenant("GET", "/deliveries?status=pending,failed", "").await.1["data"].as_array().unwrap().len(), 3);
    assert_eq!(api.of_tenant("GET", "/deliveries?status=diverted,failed", "").await.1["data"], json!([]));
}
