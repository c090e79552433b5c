//! Who reads, and what: dark and light, narrow screens, without a script, hostile text, what is hidden.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::project::Project;

/// The body that is sent.
const REQUEST: &str = "section[aria-labelledby=request] .body";

#[tokio::test(flavor = "multi_thread")]
async fn it_is_dark_or_light_as_the_reader_is_used_to_and_fits_a_narrow_screen() {
    let project = Project::start("");
    let long = "long".repeat(200);
    project.save("asset", &long[..200], &json!({ "name": long, "state": "done", "room_id": "r1" }).to_string()).await;
    let mut browser = Browser::start();
    let ground = "getComputedStyle(document.body).backgroundColor";
    for page in ["", "/deliveries", "/webhooks", &format!("/objects/asset/{}", &long[..200]), "/webhooks/asset_done"] {
        browser.open(&project.page(page));
        let name = page.trim_start_matches('/').split('/').collect::<Vec<_>>().join("-");
        let name = if name.is_empty() { "saves" } else { &name[..name.len().min(30)] };
        browser.prefer("dark");
        browser.picture(&format!("{name}-dark"));
        let dark = browser.value(ground);
        browser.prefer("light");
        assert_ne!(dark, browser.value(ground), "{page}");
        for width in [400, 1280] {
            browser.resize(width, 800);
            browser.picture(&format!("{name}-{width}"));
            assert_eq!(browser.value(&format!("document.documentElement.scrollWidth <= {width}")), true, "{page} is wider than {width}");
        }
        // Four times as large there is little room, and the bar would take most of it.
        browser.resize(320, 256);
        assert_eq!(browser.value("getComputedStyle(document.querySelector('header')).position"), "static", "{page}");
        // What a screen reader finds its way by.
        for landmark in ["header", "nav[aria-label]", "main", "form[role=search] input[aria-label]", "[aria-live=polite]", "h1"] {
            assert_eq!(browser.value(&format!("!!document.querySelector({})", json!(landmark))), true, "{page} has no {landmark}");
        }
        let nameless = "[...document.querySelectorAll('button, a, input:not([type=hidden]), textarea')].filter(e => !(e.innerText || e.ariaLabel \
             || e.labels?.length || e.textContent).toString().trim()).map(e => e.outerHTML)";
        assert_eq!(browser.value(nameless), json!([]), "{page}");
    }
    project.finish(&browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_received_is_never_markup() {
    let project = Project::start("");
    let hostile = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script></textarea></pre>\u{202e}";
    project.save("asset", "<b>id<", &json!({ "name": hostile }).to_string()).await;
    project.save("asset", "ok", &json!({ "name": "مرحبا" }).to_string()).await;
    let mut browser = Browser::start();
    browser.open(&project.page(""));
    browser.wait_for_text(".saves", "asset/<b>id<");
    browser.open(&project.page("/deliveries?q=object:ok"));
    browser.click("tbody td:nth-child(2) a");
    browser.wait_for_text(REQUEST, "مرحبا");
    browser.open(&project.page("/deliveries?q=object:%3Cb%3Eid%3C"));
    browser.click("tbody td:nth-child(2) a");
    browser.wait_for_text(REQUEST, "<script>document.title='broken'</script>");
    assert!(browser.text(REQUEST).contains("⟨U+202E⟩"));
    browser.picture("hostile");
    browser.click(".title .actions a");
    browser.wait_for("the form", "document.querySelector('#fields')");
    assert!(browser.value("document.querySelector('#fields').value").as_str().unwrap().contains("</textarea></pre>"));
    assert_eq!(browser.value("document.querySelectorAll('main img, main script, main [onerror]').length"), 0);
    assert_ne!(browser.value("document.title"), Value::from("broken"));
    project.finish(&browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sensitive_is_hidden_until_it_is_asked_for() {
    let project =
        Project::start("[[endpoints]]\nname = \"ward\"\nevents = [\"patient_seen\"]\nurl = \"https://127.0.0.1:9/{{ object.name }}\"\n");
    project.save("patient", "p1", r#"{"name": "Ada Lovelace"}"#).await;
    let mut browser = Browser::start();
    let shown = |browser: &mut Browser| browser.value("document.documentElement.outerHTML").as_str().unwrap().contains("Lovelace");
    for page in ["", "/deliveries", "/objects/patient/p1"] {
        browser.open(&project.page(page));
        assert!(browser.text("main").contains("patient/p1"), "{page}");
        assert!(!shown(&mut browser), "{page} shows it");
    }
    browser.open(&project.page("/deliveries"));
    browser.click("tbody td:nth-child(2) a");
    browser.wait_for_text("main", "its contents are hidden");
    assert!(!shown(&mut browser));
    assert!(!browser.text("main").contains("whsec_M") && browser.text("main").contains("whsec_••••••"));
    browser.click("main a[href='?reveal=1']");
    browser.wait_for_text(REQUEST, "Ada Lovelace");
    project.finish(&browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_read_without_its_script() {
    let project = Project::start("");
    project.save("asset", "a1", r#"{"name": "Pump"}"#).await;
    let mut browser = Browser::start();
    browser.call("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    browser.open(&project.page(""));
    assert!(browser.text(".saves").contains("asset_named"));
    browser.click(".delivery");
    browser.wait_for_text("main", "Why it was made");
    browser.click(".title form button");
    let began = std::time::Instant::now();
    while !browser.text("main").contains("#2") {
        assert!(began.elapsed() < crate::browser::PATIENCE, "it was not sent again");
        std::thread::sleep(std::time::Duration::from_millis(200));
        // Nothing brings the page up to date but its reader.
        let here = browser.value("location.href");
        browser.open(here.as_str().unwrap());
    }
    project.finish(&browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_that_many_have_waited_for_is_one_among_others() {
    let project = Project::start("");
    let (first, later): (Vec<u32>, Vec<u32>) = ((0..15).collect(), (15..110).collect());
    for id in first.iter().chain(&later) {
        project.save("asset", &format!("a{id}"), r#"{"name": "Pump", "state": "done", "room_id": "r1"}"#).await;
    }
    project.save("room", "r1", r#"{"name": "Cellar"}"#).await;
    project.save("asset", "last", r#"{"name": "Valve"}"#).await;
    let mut browser = Browser::start();
    // As somebody may write it by hand.
    browser.open(&project.page("/"));
    browser.wait_for_text(".saves", "asset/last");
    assert_eq!(browser.value("location.pathname"), "/ui/default");
    assert_eq!(browser.value("[...document.querySelectorAll('.saves > li')].find(save => save.innerText.includes('room/r1')).querySelectorAll('.decision').length"), 21);
    assert!(browser.text(".saves").contains("and 90 more"));
    browser.open(&project.page("/objects/room/r1"));
    browser.wait_for_text("article.decided", "and 10 more, each on the page of its object");
    assert_eq!(browser.value("document.querySelectorAll('article.decided details').length"), 100);
    // What the others had waited with is theirs, not the room's.
    assert!(browser.text("article.decided details").contains("state is done"));
    project.finish(&browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_any_script_stand_among_others_without_moving_them() {
    let endpoint = |name: &str| format!("[[endpoints]]\nname = \"{name}\"\nevents = [\"asset_named\"]\nurl = \"http://127.0.0.1:9/\"\n");
    let mut toml: String = (0..12).map(|number| endpoint(&format!("name-{number}"))).collect();
    toml.push_str("[listen]\nhosts = []\n");
    let project = Project::start(&toml);
    project.save("asset", "a1", r#"{"name": "Pump"}"#).await;
    let mut browser = Browser::start();
    for (page, place) in
        [("", ".delivery bdi"), ("/webhooks", ".webhooks .to bdi"), ("/webhooks/asset_named", "strong bdi"), ("/deliveries", "td bdi")]
    {
        browser.open(&project.page(page));
        browser.wait_for(page, &format!("document.querySelector({})", json!(place)));
    }
    // The list names some of them, and counts the others.
    browser.open(&project.page("/webhooks"));
    assert_eq!(browser.value("document.querySelectorAll('[aria-labelledby=model-asset] li:first-child .to bdi').length"), 10);
    assert!(browser.text("[aria-labelledby=model-asset] li:first-child .to").ends_with("and 2 more"));
    project.finish(&browser);
}
