//! The API of seed `003_beecb844f9d2dceb.txt`.

use serde_json::{Value, json};

use super::{Stage, wait};
use crate::node::send;

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
        "name": "partner", "endpoint": {"url": format!("{}/fail", stage.receiver.url), "headers": {"X-Part": ["a", "b"]}},
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
    assert_eq!(got[0].headers.get_all("x-part").iter().count(), 2);
    let deliveries = format!("/api/v1/tenants/{tenant}/deliveries");
    wait(async || stage.get(&deliveries).await["data"][0]["status"] == json!("failed")).await;

    // An addition wins over a removal.
    let patch = json!({
        "name": "partner 2", "addEventTypes": ["policy_cancelled", "policy_issued"], "removeEventTypes": ["policy_issued"],
        "endpoint": {"addHeaders": {"X-New": ["1"]}, "removeHeaders": ["X-Part"]},
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
    for offset in ["1", "501", "18446744073709551615"] {
        assert_eq!(stage.get(&format!("{own}/diverted?offset={offset}&count=10")).await, json!([]), "behind the only one");
    }
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
    let many = (0..65).map(|number| format!("eventTypes=e{number}")).collect::<Vec<_>>().join("&");
    for query in ["enabled=maybe", "count=0", "offset=x", "colour=red", "name=a&name=b", "name=%00", &many] {
        assert_eq!(stage.call("GET", &format!("{base}/list?{query}"), &Value::Null).await.0, 400, "{query}");
    }
    assert_eq!(stage.call("DELETE", &own, &Value::Null).await, (200, Value::String(String::new())));
    assert_eq!(stage.call("GET", &own, &Value::Null).await.0, 404);
}

/// What a PATCH does not name stays, also within a retry, and of a webhook that another API has made.
#[tokio::test]
async fn what_a_change_does_not_name_stays() {
    let stage = Stage::new("socotra").await;
    let base = "/event/default/webhooks";
    let good = json!({"name": "a", "endpoint": {"url": format!("{}/a", stage.receiver.url)}, "eventTypes": ["policy_issued"]});
    let made = stage.call("POST", base, &good).await.1;
    let own = format!("{base}/{}", made["locator"].as_str().unwrap());
    let retry = async |own: &str, retry: Value| {
        let (status, changed) = stage.call("PATCH", own, &json!({"failureHandling": {"retry": retry}})).await;
        assert_eq!(status, 200, "{changed}");
        changed["failureHandling"]["retry"].clone()
    };
    assert_eq!(retry(&own, json!({})).await, json!({"maxAttempts": 3, "interval": "5 s", "pattern": "linear"}));
    assert_eq!(
        retry(&own, json!({"pattern": "exponential", "maxAttempts": 4})).await,
        json!({"maxAttempts": 4, "interval": "5 s", "pattern": "exponential"})
    );
    assert_eq!(retry(&own, json!({"interval": 30})).await, json!({"maxAttempts": 4, "interval": "30 s", "pattern": "exponential"}));
    assert_eq!(retry(&own, json!({"maxAttempts": 1})).await, json!({"maxAttempts": 1, "interval": "30 s", "pattern": "exponential"}));
    assert_eq!(retry(&own, Value::Null).await, Value::Null, "none");

    let (status, theirs) = send(
        "POST",
        &stage.node.of_tenant("endpoints"),
        &json!({"name": "b", "event_types": "*", "url": "https://93.184.216.34/"}).to_string(),
    )
    .await;
    assert_eq!(status, 201, "{theirs}");
    let theirs = format!("{base}/{}", theirs["id"].as_str().unwrap());
    let seen = stage.get(&theirs).await;
    assert_eq!(
        (&seen["failureHandling"]["retry"], &seen["failureHandling"]["divert"]),
        (&json!({"maxAttempts": 10}), &json!(true)),
        "{seen}"
    );
    let (_, renamed) = stage.call("PATCH", &theirs, &json!({"name": "c"})).await;
    assert_eq!(renamed["failureHandling"], seen["failureHandling"], "a new name changes nothing else");
    let (_, removed) = stage.call("PATCH", &theirs, &json!({"removeFailureHandling": true})).await;
    assert_eq!(removed["failureHandling"], made["failureHandling"]);
}

/// No connection is what `timeout` means there too, and what was never sent has no trigger.
#[tokio::test]
async fn what_fails_without_an_answer_is_a_timeout() {
    let stage = Stage::new("socotra").await;
    let base = "/event/default/webhooks";
    let (taken, listener) = closed().await;
    let retry = json!({"maxAttempts": 2, "interval": "100 ms"});
    let make = async |failures: Value| {
        let wish = json!({"name": "a", "endpoint": {"url": taken}, "eventTypes": ["policy_issued"], "failureHandling": failures});
        let (status, made) = stage.call("POST", base, &wish).await;
        assert_eq!(status, 200, "{made}");
        format!("{base}/{}", made["locator"].as_str().unwrap())
    };
    let kinds = [
        (make(json!({"divert": true, "retry": retry})).await, "attempt 2 of 2"),
        (make(json!({"divert": true, "retry": retry, "triggers": ["timeout"]})).await, "attempt 2 of 2"),
        (make(json!({"divert": true, "retry": retry, "triggers": ["5xx"]})).await, "does not retry"),
    ];
    drop(listener);
    stage.save("policy", "p1", json!({"number": "1", "state": "issued"})).await;
    for (own, said) in &kinds {
        wait(async || stage.get(&format!("{own}/diverted")).await.as_array().unwrap().len() == 1).await;
        let event = &stage.get(&format!("{own}/diverted")).await[0];
        assert!(event["failureMessage"].as_str().unwrap().contains(said), "{event}");
        assert_eq!(event["failureTrigger"], json!("timeout"), "{event}");
        let one = format!("{own}/diverted/{}", event["requestLocator"].as_str().unwrap());
        assert_eq!(stage.get(&one).await, *event);
    }
    // The request of one webhook is none of another's.
    let events = stage.get(&format!("{}/diverted", kinds[0].0)).await;
    let (status, problem) =
        stage.call("GET", &format!("{}/diverted/{}", kinds[1].0, events[0]["requestLocator"].as_str().unwrap()), &Value::Null).await;
    assert_eq!((status, &problem["code"]), (404, &json!("unknown-event")), "{problem}");
}

/// An address at which nobody listens, as soon as the listener is dropped.
async fn closed() -> (String, tokio::net::TcpListener) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    (format!("http://{}/", listener.local_addr().unwrap()), listener)
}

/// Changes that come at once are all made, and a webhook that is deleted meanwhile does not come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_change_undoes_another() {
    let stage = Stage::new("socotra").await;
    let base = "/event/default/webhooks";
    let good = json!({"name": "a", "endpoint": {"url": "https://93.184.216.34/a"}, "eventTypes": ["policy_issued"]});
    let made = stage.call("POST", base, &good).await.1;
    let own = format!("{base}/{}", made["locator"].as_str().unwrap());
    let url = format!("{}{own}", stage.node.url);
    let change = |number: usize| {
        let (url, body) = (url.clone(), json!({"endpoint": {"addHeaders": {format!("X-{number}"): ["1"]}}}).to_string());
        tokio::spawn(async move { send("PATCH", &url, &body).await.0 })
    };
    for changed in (0..12).map(change).collect::<Vec<_>>() {
        assert_eq!(changed.await.unwrap(), 200);
    }
    assert_eq!(stage.get(&own).await["endpoint"]["headers"].as_object().unwrap().len(), 12);
    let late: Vec<_> = (12..16).map(change).collect();
    assert_eq!(stage.call("DELETE", &own, &Value::Null).await.0, 200);
    for changed in late {
        assert!(matches!(changed.await.unwrap(), 200 | 404));
    }
    assert_eq!(stage.call("GET", &own, &Value::Null).await.0, 404);
}
