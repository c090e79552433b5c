//! What can be seen: saves as they come, filters, why a webhook fired or not, what differs, what is wrong with the files.

use crate::browser::Browser;
use crate::project::{Project, SCHEMA};

#[tokio::test(flavor = "multi_thread")]
async fn a_save_is_seen_when_it_comes_also_after_the_node_was_away() {
    let mut project = Project::start("");
    let mut browser = Browser::start();
    browser.open(&project.node.url);
    assert!(browser.value("location.pathname").as_str().unwrap().starts_with("/ui/default"));
    browser.wait_for_text("main", "No save yet");
    browser.picture("empty");
    browser.wait_for_text("#connection", "live");
    project.save("asset", "a1", r#"{"name": "Pump"}"#).await;
    browser.wait_for("the save", "document.querySelectorAll('.saves > li').length === 1");
    assert!(browser.text(".saves > li").contains("create asset/a1"));
    browser.wait_for_text(".saves .delivery", "200");
    assert!(browser.text(".saves > li").contains("asset_done state is null, needs a value"), "{}", browser.text(".saves"));
    // The first row is kept as it is when another comes.
    browser.value("document.querySelector('.saves > li').kept = true");
    project.save("asset", "a2", "{}").await;
    browser.wait_for("the second", "document.querySelectorAll('.saves > li').length === 2");
    assert_eq!(browser.value("document.querySelectorAll('.saves > li')[1].kept"), true);
    assert_eq!(browser.value("document.querySelector('#said').getAttribute('aria-live')"), "polite");
    browser.wait_for("what a screen reader says", "document.querySelector('#said').textContent.includes('asset/a2 saved')");
    let complaints = browser.complaints.len();
    project.restart();
    project.save("asset", "a3", "{}").await;
    browser.wait_for("what was saved while it was away", "document.querySelector('.saves').innerText.includes('asset/a3')");
    browser.wait_for_text("#connection", "live");
    // That the connection broke is said by the browser itself.
    browser.complaints.truncate(complaints);
    project.finish(&browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_is_a_link_and_is_answered_by_the_store() {
    let project = Project::start("");
    for number in 0..60 {
        project.save("asset", &format!("a{number}"), &format!(r#"{{"name": "Pump {number}"}}"#)).await;
    }
    let mut browser = Browser::start();
    browser.open(&project.page("/deliveries"));
    assert_eq!(browser.value("document.querySelectorAll('tbody tr').length"), 50);
    browser.click("a[rel=next]");
    browser.wait_for("the next part", "document.querySelectorAll('tbody tr').length === 10");
    browser.press("/");
    browser.value("document.activeElement.value = 'object:a7 \"pump 7\" status:2xx'");
    browser.press("Enter");
    browser.wait_for("what is asked for", "location.search.includes('object') && document.querySelectorAll('tbody tr').length === 1");
    let link = browser.value("location.href").as_str().unwrap().to_owned();
    browser.open(&link);
    assert!(browser.text("tbody").contains("asset_named asset/a7"));
    browser.open(&project.page("/deliveries?q=status:%3E%3D400"));
    browser.wait_for_text("main", "No delivery fits the filter");
    browser.open(&project.page("/deliveries?q=evnt:x"));
    assert!(browser.text("main").contains("did you mean event:?"));
    browser.open(&project.page("?q=event:asset_done%20object:a7"));
    assert_eq!(browser.value("document.querySelectorAll('.saves > li').length"), 1);
    project.finish(&browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_webhook_says_what_it_asked_with_the_value_seen_and_required() {
    let project = Project::start("");
    project.save("asset", "a1", r#"{"name": "Pump", "state": "open"}"#).await;
    let mut browser = Browser::start();
    browser.open(&project.page("/objects/asset/a1"));
    let text = browser.text(".decided");
    assert!(text.contains("asset_named fired") && text.contains("name is set is \"Pump\" needs a value"), "{text}");
    assert!(text.contains("asset_done state is \"open\", needs \"done\""), "{text}");
    assert!(text.contains("state is done is \"open\" needs \"done\" schema.xml:19"), "{text}");
    // What was not asked any more still shows what it would have seen.
    assert!(text.contains("room is set is null needs a value not asked"), "{text}");
    project.save("asset", "a1", r#"{"name": "Pump", "state": "done", "room_id": "r1"}"#).await;
    browser.wait_for_text(".decided", "waits for room r1");
    project.save("room", "r1", r#"{"name": "Cellar"}"#).await;
    browser.open(&project.page("/deliveries?q=event:asset_done"));
    browser.click("tbody td:nth-child(2) a");
    browser.wait_for_text("main", "Why it was made");
    let text = browser.text("main");
    for part in
        ["program 1 of", "in force", "String to sign", "verified", "secret", "whsec_••••••", "first byte", "\"Cellar\"", "webhook-id"]
    {
        assert!(text.contains(part), "no {part} in {text}");
    }
    browser.resize(1280, 1700);
    browser.picture("delivery");
    project.finish(&browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deliveries_are_compared_by_keys() {
    let project = Project::start("");
    project.save("asset", "a1", r#"{"name": "Pump"}"#).await;
    project.save("asset", "a1", r#"{"name": "Pipe"}"#).await;
    let mut browser = Browser::start();
    browser.open(&project.page("/deliveries"));
    for key in ["j", "d", "j", "d"] {
        browser.press(key);
    }
    browser.wait_for_text("h1", "Compare");
    browser.picture("diff");
    let removed = browser.value("[...document.querySelectorAll('del.line')].map(line => line.innerText).join('')");
    let added = browser.value("[...document.querySelectorAll('ins.line')].map(line => line.innerText).join('')");
    assert!(removed.as_str().unwrap().contains("\"name\": \"Pump\"") && added.as_str().unwrap().contains("\"name\": \"Pipe\""));
    project.finish(&browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_files_lies_over_the_page_until_it_is_right() {
    let project = Project::start("");
    let mut browser = Browser::start();
    browser.open(&project.page(""));
    browser.wait_for_text("#connection", "live");
    project.write("schema.xml", &SCHEMA.replace("<field name=\"state\" equals", "<field name=\"stat\" equals"));
    browser.wait_for_text(".overlay", "WH0203 unknown-reference");
    let text = browser.text(".overlay");
    assert!(text.contains("schema.xml:19:26") && text.contains("help: did you mean state?"), "{text}");
    assert_eq!(browser.text(".overlay mark"), "stat");
    browser.picture("overlay");
    // Beneath it, the last good program goes on.
    project.save("asset", "a1", r#"{"name": "Pump"}"#).await;
    browser.wait_for("the save", "document.querySelectorAll('.saves > li').length === 1");
    project.write("schema.xml", &SCHEMA.replace("asset_done", "asset_ended"));
    browser.wait_for("the overlay gone", "!document.querySelector('.overlay')");
    browser.wait_for_text("#program", "program 2");
    browser.open(&project.page("/webhooks"));
    browser.click(".graph a[href$='asset_ended']");
    browser.wait_for_text("h1", "asset_ended");
    let text = browser.text("main");
    for part in ["fires once for each object of asset", "state is done", "schema.xml:17", "Payload", "It has not fired yet"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    project.finish(&browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_never_made_a_program_says_why() {
    let project = Project::of("<data-model>\n    <model nme=\"a\" />\n</data-model>\n", "");
    let mut browser = Browser::start();
    browser.open(&project.page(""));
    browser.wait_for_text(".overlay", "schema.xml:2");
    assert!(browser.text("main").contains("Waiting for a program"));
    project.write("schema.xml", SCHEMA);
    browser.wait_for("the overlay gone", "!document.querySelector('.overlay')");
    browser.wait_for_text("main", "No save yet");
    project.finish(&browser);
}
