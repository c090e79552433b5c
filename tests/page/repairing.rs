//! What a tenant does when its endpoint has failed: sees how often and since when, looks at what was diverted, sends it again, one by one or
//! by an order, and throws away the rest. And what somebody may do who has only a link.

use serde_json::json;

use crate::browser::Browser;
use crate::node::Receiver;
use crate::served::Served;

async fn endpoint(served: &Served, tenant: &str, url: &str) -> String {
    let wish = json!({
        "name": "ERP", "event_types": ["asset_named"], "url": url, "failure_handling": { "retry": { "schedule": ["0s"] }, "divert": true },
    });
    let made = served.call("POST", &format!("/api/v1/tenants/{tenant}/endpoints"), &wish).await;
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_seen_and_sent_again_with_progress_or_thrown_away() {
    let receiver = Receiver::start().await;
    let served = Served::start("");
    let id = endpoint(&served, "acme", &format!("{}/{{{{ object.name }}}}/x", receiver.url)).await;
    for number in 0..30 {
        let name = if number % 3 == 0 { "fail" } else { "ok" };
        served.save("acme", "asset", &format!("a{number}"), &format!("{{\"name\": \"{name}\"}}")).await;
    }
    receiver.wait_for(30).await;
    let mut browser = Browser::start();
    browser.resize(1280, 900);
    served.sign_in(&mut browser, &served.operator);
    browser.open(&served.page("acme", &format!("/endpoints/{id}")));
    browser
        .wait_for("the last attempt in it", "document.querySelector('#in-words')?.innerText.startsWith('30 attempts, 10 failed (33 %)')");
    assert_eq!(browser.value("document.querySelectorAll('svg.chart[role=img][aria-labelledby]').length"), 2);
    assert!(browser.value("document.querySelectorAll('svg.chart rect.failed').length").as_u64().unwrap() >= 1);
    browser.click("section details summary");
    let numbers = browser.text("table.numbers tbody");
    assert!(numbers.contains("30 10 33 %") || numbers.matches(" %").count() == 2, "{numbers}");
    browser.picture("charts");
    browser.prefer("dark");
    browser.picture("charts-dark");
    browser.prefer("light");
    browser.resize(420, 900);
    assert_eq!(browser.value("document.documentElement.scrollWidth <= innerWidth"), true, "nothing is wider than the screen");
    browser.picture("charts-narrow");
    browser.resize(1280, 900);

    for key in ["g", "v"] {
        browser.press(key);
    }
    browser.wait_for("ten events", "document.querySelectorAll('.diverted tbody tr').length === 10");
    assert!(browser.text(".diverted").contains("ERP 500 after 1 attempt"));
    browser.picture("diverted");
    browser.press("j");
    browser.press("Enter");
    browser.wait_for_text("main", "Message");
    assert!(browser.text("main pre").contains("\"asset_named\""));
    browser.picture("diverted-one");
    browser.click("a[href$='/delete']");
    browser.wait_for_text("h1", "Delete asset_named about");
    browser.picture("diverted-delete");
    browser.click("main button.danger");
    browser.wait_for("nine", "document.querySelectorAll('.diverted tbody tr').length === 9");
    browser.click("form[action$='/resend'] button");
    receiver.wait_for(31).await;
    browser.wait_for("nine again", "document.querySelectorAll('.diverted tbody tr').length === 9");

    browser.click(".tools a.button");
    browser.wait_for_text("#matched", "9 deliveries match. Nothing was sent yet.");
    browser.picture("resend");
    browser.value("document.querySelector('#rate').value = '5/s'");
    browser.click("#begin");
    browser.wait_for("it under way", "document.querySelector('progress') && document.querySelector('.pill.busy')");
    browser.picture("resend-progress");
    browser.wait_for_text("#progress", "9 of 9 sent again");
    browser.wait_for("it done", "document.querySelector('.pill.ok')?.innerText === 'done'");
    receiver.wait_for(40).await;
    browser.open(&format!("{}/node", served.node.url));
    browser.wait_for_text("main", "ready");
    let node = browser.text("main");
    assert!(node.contains("takes what is written") && node.contains("3 models, 3 webhooks"), "{node}");
    browser.picture("node");
    served.finish(&browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_shows_one_tenant_and_only_what_it_permits() {
    let served = Served::start("");
    for tenant in ["acme", "other"] {
        endpoint(&served, tenant, "http://127.0.0.1:9/").await;
        served.save(tenant, "asset", "a1", r#"{"name": "Pump"}"#).await;
    }
    let wish =
        json!({ "permissions": "webhooks:read,webhooks:list,deliveries:list,deliveries:read,diverted-events:list", "expires": "1h" });
    let (_, link) = served.make("links", "acme", &wish).await;
    let mut browser = Browser::start();
    browser.open(&format!("{}/enter?link={link}", served.node.url));
    browser.wait_for_text("main", "This link shows the webhooks of one tenant");
    browser.picture("link");
    browser.click("main form button");
    browser.wait_for("its first page", "location.pathname === '/ui/acme/deliveries'");
    assert_eq!(browser.value("location.search"), "");
    let bar = browser.text(".bar nav");
    assert_eq!(bar, "Deliveries Diverted Endpoints Webhooks");
    assert_eq!(browser.value("document.querySelectorAll('.bar a.tenant').length"), 0);
    for path in ["/deliveries", "/endpoints", "/webhooks", "/diverted"] {
        browser.open(&served.page("acme", path));
        let forms = "[...document.querySelectorAll('main form')].filter((form) => form.method === 'post').length";
        assert_eq!(browser.value(forms), 0, "{path}");
    }
    browser.open(&served.page("acme", "/endpoints"));
    browser.click("tbody a");
    browser.wait_for_text("h1", "ERP");
    assert_eq!(browser.value("document.querySelectorAll('main form, main a[href$=\"/edit\"]').length"), 0);
    served.finish(&browser);
    // By hand, and not by its pages: it is refused all the same.
    let answer = served.call("GET", "/api/v1/tenants/acme/endpoints", &json!({})).await;
    let id = answer["data"][0]["id"].as_str().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for path in ["/deliveries", "/endpoints", "/diverted"] {
        let answer = client.get(served.page("other", path)).bearer_auth(&link).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        assert!(!answer.text().await.unwrap().contains("asset_named"));
    }
    for path in [format!("/endpoints/{id}/suspend"), format!("/endpoints/{id}/delete"), "/endpoints".to_owned(), "/resends".to_owned()] {
        let answer = client.post(served.page("acme", &path)).bearer_auth(&link).body("name=x").send().await.unwrap();
        assert_eq!(answer.status(), 403, "{path}");
    }
}
