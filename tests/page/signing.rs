//! The way in: signing in and out, wrong keys, keys and links that end, forms of others, other tenants.

use reqwest::{Client, Response};
use serde_json::json;

use crate::browser::Browser;
use crate::served::Served;

fn client() -> Client {
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

async fn sign_in(served: &Served, key: &str) -> Response {
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs([("key", key), ("back", "/node?x=1")]).finish();
    client().post(format!("{}/sign-in", served.node.url)).body(form).send().await.unwrap()
}

/// The cookie as a browser sends it back.
async fn session(served: &Served, key: &str) -> String {
    let answer = sign_in(served, key).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "/node?x=1");
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in ["; Path=/;", "; HttpOnly", "; SameSite=Strict", "; Max-Age="] {
        assert!(cookie.contains(part), "{cookie}");
    }
    cookie.split(';').next().unwrap().to_owned()
}

async fn status(url: &str, cookie: &str) -> u16 {
    client().get(url).header("cookie", cookie).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_comes_back_to_the_page_that_was_wanted_and_out_again() {
    let served = Served::start("");
    served.save("acme", "asset", "a1", r#"{"name": "Pump"}"#).await;
    let mut browser = Browser::start();
    browser.open(&served.page("acme", "/webhooks?x=1"));
    browser.wait_for("the form", "location.pathname === '/sign-in' && document.activeElement.id === 'key'");
    browser.picture("sign-in");
    browser.value("document.querySelector('#key').value = 'hunter2'");
    browser.press("Enter");
    browser.wait_for_text("[role=alert]", "that is not a key: it has 7 bytes");
    let wrong = format!("{}0", &served.operator[..served.operator.len() - 1]);
    let wrong = if wrong == served.operator { format!("{}1", &wrong[..wrong.len() - 1]) } else { wrong };
    browser.value(&format!("document.querySelector('#key').value = '{wrong}'"));
    browser.click("main form button");
    browser.wait_for_text("[role=alert]", "not known here");
    browser.picture("sign-in-wrong");
    let page = browser.value("document.documentElement.outerHTML");
    assert!(!page.as_str().unwrap().contains(&wrong) && !page.as_str().unwrap().contains("hunter2"));
    browser.value(&format!("document.querySelector('#key').value = '{}'", served.operator));
    browser.click("main form button");
    browser.wait_for("the page that was wanted", "location.pathname === '/ui/acme/webhooks' && location.search === '?x=1'");
    assert_eq!(browser.value("document.cookie"), "", "no script can read it");
    browser.click(".bar a.tenant");
    browser.wait_for_text("main", "acme");
    browser.click(".tenants a");
    browser.wait_for("its page", "location.pathname === '/ui/acme' && document.querySelector('#connection.on')");
    browser.click(".leave button");
    browser.wait_for("the form", "location.pathname === '/sign-in'");
    browser.open(&served.page("acme", ""));
    browser.wait_for("the form", "location.pathname === '/sign-in'");
    assert!(browser.asked.iter().all(|url| !url.contains("whk_")), "a key stands in an address");
    served.finish(&browser);
    assert!(!served.node.said().contains(&served.operator), "a key stands in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_key_and_is_of_no_use_for_the_api() {
    let served = Served::start("");
    let wish = json!({ "permissions": "objects:read,deliveries:list" });
    let (id, key) = served.make("keys", "acme", &wish).await;
    let (page, other) = (served.page("acme", ""), served.page("other", ""));
    let cookie = session(&served, &key).await;
    assert_eq!(status(&page, &cookie).await, 200);
    assert_eq!(status(&other, &cookie).await, 404);
    assert_eq!(status(&served.page("acme", "/webhooks"), &cookie).await, 403);
    let closed =
        client().get(served.page("acme", "/webhooks")).header("cookie", &cookie).header("accept", "text/html").send().await.unwrap();
    assert!(closed.status() == 403 && closed.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let closed = closed.text().await.unwrap();
    assert!(closed.contains("<h1>") && closed.contains("webhooks:list"), "{closed}");
    let api = format!("{}/api/v1/tenants/acme/deliveries", served.node.url);
    assert_eq!(status(&api, &cookie).await, 401, "the API takes no cookie");
    let wrong = client().get(format!("{}/sign-out", served.node.url)).header("accept", "text/html").send().await.unwrap();
    assert!(wrong.status() == 405 && wrong.headers()["allow"] == "POST");
    assert!(wrong.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    // What a browser has of it is not what the store has.
    let file = std::fs::read(served.folder.path().join("webhookc.db")).unwrap();
    let wal = std::fs::read(served.folder.path().join("webhookc.db-wal")).unwrap_or_default();
    let secret = cookie.split_once('=').unwrap().1.as_bytes();
    assert!(!file.windows(64).chain(wal.windows(64)).any(|part| part == secret));
    let second = session(&served, &key).await;
    let out = client().post(format!("{}/sign-out", served.node.url)).header("cookie", &second).send().await.unwrap();
    assert!(out.status() == 303 && out.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!((status(&page, &second).await, status(&page, &cookie).await), (401, 200));
    let mut news = client().get(served.page("acme", "/events")).header("cookie", &cookie).send().await.unwrap();
    assert!(news.status().is_success());
    served.call("DELETE", &format!("/api/v1/tenants/acme/keys/{id}"), &json!({})).await;
    assert_eq!(status(&page, &cookie).await, 401);
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), async { while let Ok(Some(_)) = news.chunk().await {} }).await;
    assert!(ended.is_ok(), "news go on for a key that was revoked");
    let form = client().get(format!("{}/sign-in", served.node.url)).header("cookie", &cookie).send().await.unwrap();
    assert!(form.text().await.unwrap().contains("was revoked at"));
    // What was to be changed was not, and that is said.
    let undone = client().post(served.page("acme", "/resends")).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(undone.status(), 401);
    assert!(undone.text().await.unwrap().contains("Nothing was changed"));
    let expired = served.make("keys", "acme", &json!({ "permissions": "objects:read", "expires": "1s" })).await.1;
    let cookie = session(&served, &expired).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(status(&page, &cookie).await, 401);
}

#[tokio::test]
async fn other_sites_cannot_sign_anybody_in_and_guessing_is_slow() {
    let served = Served::start("");
    let form = || client().post(format!("{}/sign-in", served.node.url)).body(format!("key={}", served.operator));
    for request in [form().header("origin", "http://evil.example"), form().header("sec-fetch-site", "cross-site")] {
        assert_eq!(request.send().await.unwrap().status(), 403);
    }
    let long = client().post(format!("{}/sign-in", served.node.url)).body("x".repeat(16 << 10)).send().await.unwrap();
    assert_eq!(long.status(), 413, "anybody could have as much read as he likes");
    for way in ["//evil.example/", "https://evil.example", "/\\evil.example"] {
        let body = format!("key={}&back={way}", served.operator);
        let answer = client().post(format!("{}/sign-in", served.node.url)).body(body).send().await.unwrap();
        assert_eq!(answer.headers()["location"], "/tenants", "{way}");
    }
    let secure = form().header("x-forwarded-proto", "https").send().await.unwrap();
    assert!(secure.headers()["set-cookie"].to_str().unwrap().ends_with("; Secure"));
    for _ in 0..10 {
        assert_eq!(sign_in(&served, "hunter2").await.status(), 422);
    }
    let slow = sign_in(&served, &served.operator).await;
    assert!(slow.status() == 429 && slow.headers().contains_key("retry-after"));
    assert!(slow.text().await.unwrap().contains("too many keys were tried in vain"));
}
