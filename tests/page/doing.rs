//! What can be done: send again, one or all that failed; edit and save again; save a sample; by hand and by keys.

use crate::browser::Browser;
use crate::node::Receiver;
use crate::project::{Project, endpoint};

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_sent_again_one_or_all() {
    let receiver = Receiver::start().await;
    let project = Project::start(&endpoint(&format!("{}/fail", receiver.url)));
    for number in 0..3 {
        project.save("asset", &format!("a{number}"), r#"{"name": "Pump"}"#).await;
    }
    receiver.wait_for(3).await;
    let mut browser = Browser::start();
    browser.open(&project.page("/deliveries?q=status:diverted"));
    browser.wait_for("all of them", "document.querySelectorAll('tbody tr').length === 3");
    assert!(browser.text("tbody").contains("500 · diverted"));
    for key in ["j", "r"] {
        browser.press(key);
    }
    receiver.wait_for(4).await;
    browser.open(&project.page("/deliveries?q=status:diverted"));
    browser.wait_for("all of them again", "document.querySelectorAll('tbody tr').length === 3");
    project.write("webhookc.toml", &endpoint(&format!("{}/ok", receiver.url)));
    browser.click("#resend-failed");
    browser.wait_for_text("#matched", "3 deliveries match. Nothing was sent yet.");
    browser.picture("resend-dry");
    browser.value("document.querySelector('#rate').value = '100/s'");
    browser.click("#begin");
    browser.wait_for_text("#progress", "3 of 3 sent again");
    // What was rendered is what is sent: the address of then.
    let got = receiver.wait_for(7).await;
    assert!(got.iter().all(|request| request.path == "/fail"));
    let id = got[0].header("webhook-id").to_owned();
    assert_eq!(got.iter().filter(|request| request.header("webhook-id") == id).count(), 2 + usize::from(got[3].header("webhook-id") == id));
    project.finish(&browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_edited_and_saved_again_and_a_mistake_loses_nothing() {
    let project = Project::start("");
    project.save("asset", "a1", r#"{"name": "Pump"}"#).await;
    let mut browser = Browser::start();
    browser.open(&project.page(""));
    for key in ["j", "e"] {
        browser.press(key);
    }
    browser.wait_for("the form", "location.pathname.endsWith('/objects/asset/a1') && document.querySelector('#fields')");
    browser.value("document.querySelector('#fields').value = '{\"nmae\": \"Pipe\"}'");
    browser.click("form.edit button");
    browser.wait_for_text(".mistakes", "did you mean name?");
    assert_eq!(browser.value("document.querySelector('#fields').value"), "{\"nmae\": \"Pipe\"}");
    // A save that is refused is answered with 422, which the browser notes.
    browser.complaints.retain(|complaint| !complaint.contains("422"));
    browser.value("document.querySelector('#fields').value = '{\"name\": \"Pipe\"}'");
    browser.click("form.edit button");
    browser.wait_for("the new save", "location.hash.startsWith('#s') && document.querySelectorAll('.decided').length === 2");
    assert!(browser.value("document.querySelector('#fields').value").as_str().unwrap().contains("\"name\": \"Pipe\""));
    project.finish(&browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_saved_and_every_key_does_what_the_list_of_keys_says() {
    let project = Project::start("");
    let mut browser = Browser::start();
    browser.open(&project.page("/webhooks/asset_named"));
    browser.click("form button.primary");
    browser.wait_for("the sample", "location.pathname.includes('/objects/asset/') && document.querySelector('.decided')");
    assert!(browser.text(".decided").contains("asset_named"));
    browser.press("?");
    browser.wait_for("the list of keys", "document.querySelector('#keys').open");
    assert!(browser.text("#keys").contains("send the delivery again"));
    browser.press("Escape");
    browser.value("document.querySelector('#keys').close()");
    for (keys, page) in [(["g", "d"], "/deliveries"), (["g", "w"], "/webhooks"), (["g", "s"], "/ui/default")] {
        for key in keys {
            browser.press(key);
        }
        browser.wait_for(page, &format!("location.pathname.endsWith('{page}') && document.readyState === 'complete'"));
    }
    project.save("asset", "a1", r#"{"name": "Pump"}"#).await;
    project.save("asset", "a2", r#"{"name": "Pump"}"#).await;
    browser.wait_for("both", "document.querySelector('.saves')?.innerText.includes('asset/a2')");
    browser.press("j");
    browser.wait_for("the newest chosen", "document.querySelector('.chosen')?.innerText.includes('asset/a2')");
    browser.press("j");
    browser.press("k");
    browser.press("Enter");
    browser.wait_for("its object", "location.pathname.endsWith('/objects/asset/a2')");
    browser.press("u");
    browser.wait_for("the list", "location.pathname.endsWith('/ui/default')");
    project.finish(&browser);
}
