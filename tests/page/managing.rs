//! What a tenant does with its endpoints: made with a mistake that is seen as it is written and mended, previewed, tried, suspended, given a
//! new secret, changed, deleted.

use serde_json::json;

use crate::browser::Browser;
use crate::node::Receiver;
use crate::served::Served;

/// Writes into a field as somebody types, and lets the page know.
fn write(browser: &mut Browser, selector: &str, text: &str) {
    // Before its script has run, the page notices nothing.
    browser.wait_for("the page", "document.readyState === 'complete'");
    let (selector, text) = (json!(selector), json!(text));
    browser.value(&format!(
        "(() => {{ const f = document.querySelector({selector}); f.focus(); f.value = {text}; \
         f.dispatchEvent(new InputEvent('input', {{ bubbles: true }})); }})()"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_made_with_a_mistake_seen_as_it_is_written_and_then_managed() {
    let receiver = Receiver::start().await;
    let served = Served::start("");
    let (_, key) = served.make("keys", "acme", &json!({ "permissions": "objects:*,webhooks:*,deliveries:*" })).await;
    let mut browser = Browser::start();
    browser.resize(1280, 900);
    served.sign_in(&mut browser, &key);
    browser.open(&served.page("acme", "/endpoints"));
    browser.wait_for_text("main", "There is no endpoint yet");
    browser.click(".tools a.primary");
    browser.wait_for("the form", "document.querySelector('#endpoint')");
    write(&mut browser, "#name", "ERP <b>");
    browser.click("input[name=event_types][value=asset_named]");
    write(&mut browser, "#url", &format!("{}/hooks/{{{{ object.nmae }}}}", receiver.url));
    browser.wait_for_text("#said-url", "did you mean name?");
    assert_eq!(browser.text("#said-url mark"), "nmae");
    assert_eq!(browser.value("document.querySelector('#url').getAttribute('aria-invalid')"), "true");
    assert_eq!(browser.value("document.activeElement.id"), "url", "whoever writes is not disturbed");
    browser.picture("endpoint-mistake");
    browser.prefer("dark");
    browser.picture("endpoint-mistake-dark");
    browser.prefer("light");
    write(&mut browser, "#url", &format!("{}/hooks/{{{{ object.name }}}}", receiver.url));
    browser.wait_for_text("#preview", &format!("POST {}/hooks/", receiver.url));
    write(&mut browser, "#headers", "X-Event: {{ event }}\nAuthorization: Bearer abc-def\nX-Bad: {{ object. }}");
    browser.wait_for("the mistake", "document.querySelector('#said-headers .wrong')");
    write(&mut browser, "#headers", "X-Event: {{ event }}\nAuthorization: Bearer abc-def");
    browser.wait_for_text("#preview .headers", "asset_named");
    assert!(!browser.text("#preview").contains("abc-def"));
    write(&mut browser, "#body", "{ \"name\": \"{{ object.name }}\" }");
    browser.wait_for("the body", "document.querySelector('#preview pre').innerText.includes('\"name\"') && !document.querySelector('#preview pre').innerText.includes('sequence')");
    browser.picture("endpoint-preview");
    browser.resize(420, 900);
    browser.picture("endpoint-preview-narrow");
    browser.resize(1280, 900);
    // However often the form is sent, it makes one endpoint.
    for _ in 0..2 {
        let sent = "(async () => { const form = document.querySelector('#endpoint'); \
            return (await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) })).status; })()";
        assert_eq!(browser.value(sent), 201);
    }
    browser.click(".keeping button.primary");
    browser.wait_for_text("main", "The endpoint is made");
    let made = served.call("GET", "/api/v1/tenants/acme/endpoints", &json!({})).await;
    assert_eq!(made["data"].as_array().unwrap().len(), 1, "{made}");
    let secret = browser.text("#secret");
    assert!(secret.starts_with("whsec_"), "{secret}");
    browser.picture("endpoint-made");
    browser.click("main a.primary");
    browser.wait_for_text("h1", "ERP <b>");
    assert!(!browser.text("main").contains("abc-def") && !browser.text("main").contains(&secret));
    browser.picture("endpoint");
    browser.click(".actions button.primary");
    browser.wait_for_text("main", "What came back");
    assert!(browser.text("main").contains("delivered") && browser.text("main").contains("200 after"), "{}", browser.text("main"));
    let got = receiver.wait_for(1).await;
    assert_eq!((got[0].header("x-event"), got[0].header("authorization")), ("asset_named", "Bearer abc-def"));
    browser.picture("endpoint-test");
    let home = browser.value("document.querySelector('.title').dataset.back").as_str().unwrap().to_owned();
    let home = format!("{}{home}", served.node.url);

    browser.open(&home);
    write(&mut browser, "#why", "maintenance");
    browser.click("form[action$='/suspend'] button");
    browser.wait_for_text("main", "Suspended since");
    assert!(browser.text("main").contains("maintenance"));
    served.save("acme", "asset", "a1", r#"{"name": "Pump"}"#).await;
    browser.click("form[action$='/unsuspend'] button");
    browser.wait_for("it released", "document.querySelector('.title .pill')?.innerText === 'active'");
    let got = receiver.wait_for(2).await;
    assert_eq!((got[1].path.as_str(), &*got[1].body), ("/hooks/Pump", &br#"{"name":"Pump"}"#[..]));

    // Changed: what was not shown is what it was.
    browser.click(".actions a[href$='/edit']");
    browser.wait_for("the form", "document.querySelector('#endpoint')");
    assert!(browser.value("document.querySelector('#headers').value").as_str().unwrap().contains("Authorization: …"));
    write(&mut browser, "#url", &format!("{}/changed", receiver.url));
    browser.click(".keeping button.primary");
    browser.wait_for_text("main", "/changed");
    served.save("acme", "asset", "a2", r#"{"name": "Pump"}"#).await;
    let got = receiver.wait_for(3).await;
    assert_eq!((got[2].path.as_str(), got[2].header("authorization")), ("/changed", "Bearer abc-def"));

    browser.click("form[action$='/rotate-secret'] button");
    browser.wait_for_text("main", "has a new secret");
    assert_ne!(browser.text("#secret"), secret);
    browser.open(&home);
    browser.click("form[action$='/disable'] button");
    browser.wait_for("it disabled", "document.querySelector('.title .pill')?.innerText === 'disabled'");
    browser.open(&served.page("acme", "/endpoints?q=disabled"));
    browser.wait_for_text("table.endpoints", "ERP <b>");
    browser.picture("endpoints");
    browser.open(&format!("{home}/delete"));
    browser.click("main button.danger");
    browser.wait_for_text("main", "There is no endpoint yet");
    served.finish(&browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_script_a_button_checks_and_declared_endpoints_are_only_looked_at() {
    let served = Served::start("[[endpoints]]\nname = \"erp\"\nevents = [\"*\"]\nurl = \"http://127.0.0.1:9/\"\n");
    let mut browser = Browser::start();
    browser.call("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    served.sign_in(&mut browser, &served.operator);
    browser.open(&served.page("acme", "/endpoints/new"));
    browser.value("document.querySelector('#url').value = 'http://10.0.0.1/{{ object.id'");
    browser.click(".keeping button[formaction]");
    browser.wait_for_text("#verdict", "mistake");
    assert!(browser.text("#said-name").contains("0 characters") && browser.text("#said-event_types").contains("at least one event type"));
    browser.value("document.querySelector('#name').value = 'a'; document.querySelector('[name=event_types]').checked = true");
    browser.click(".keeping button[formaction]");
    browser.wait_for_text("#said-url", "1:");
    browser.value("document.querySelector('#url').value = 'http://10.0.0.1/{{ object.id }}'");
    browser.click(".keeping button.primary");
    browser.wait_for_text("#said-url .code", "forbidden-target");
    assert_eq!(browser.value("document.querySelector('#name').value"), "a", "a mistake loses nothing");
    browser.open(&served.page("acme", "/endpoints/ep_erp"));
    let text = browser.text("main");
    assert!(text.contains("It is written in webhookc.toml") && !text.contains("Delete"), "{text}");
    browser.open(&served.page("acme", "/endpoints/ep_erp/edit"));
    browser.wait_for_text("main", "it cannot be changed here");
    served.finish(&browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_many_endpoints_is_turned_part_by_part() {
    let served = Served::start("");
    for number in 0..60 {
        let wish = json!({ "name": format!("e{number}"), "event_types": ["asset_named"], "url": "https://erp.example/" });
        served.call("POST", "/api/v1/tenants/acme/endpoints", &wish).await;
    }
    let mut browser = Browser::start();
    served.sign_in(&mut browser, &served.operator);
    // The rules name whom the tenant has made itself: as many as can be looked at, and how many more.
    browser.open(&served.page("acme", "/webhooks/asset_named"));
    let text = browser.text("main");
    assert!(text.contains("e0 POST https://erp.example/") && text.contains("and 20 more") && !text.contains("nobody"), "{text}");
    browser.open(&served.page("acme", "/webhooks"));
    assert!(browser.text(".webhooks li").contains("→ e9 and 50 more"), "{}", browser.text(".webhooks li"));
    assert_eq!(browser.value("document.querySelectorAll('.graph rect.endpoint').length"), 40);
    browser.open(&served.page("acme", "/endpoints?q=event:asset_named"));
    assert_eq!(browser.value("document.querySelectorAll('tbody tr').length"), 50);
    browser.click("a[rel=next]");
    browser.wait_for("the rest", "document.querySelectorAll('tbody tr').length === 10");
    browser.open(&served.page("acme", "/endpoints?q=e59"));
    assert_eq!(browser.text("tbody td"), "e59");
    browser.press("j");
    browser.press("Enter");
    browser.wait_for_text("h1", "e59");
    browser.press("u");
    browser.wait_for("the list", "location.pathname.endsWith('/endpoints')");
    served.finish(&browser);
}
