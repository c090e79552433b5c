//! Every page that links lead to, as each reader has it: the operator, a tenant, whoever has a link, and whoever is not signed in. On a
//! narrow screen nothing is cut off, text is readable in light and in dark, and a keyboard alone reaches all that can be done.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::node::Receiver;
use crate::served::Served;

/// Pages of one kind that are looked at, such as those of endpoints: they differ in what they are about.
const OF_A_KIND: usize = 2;

/// The least contrast of text to its ground, of the Web Content Accessibility Guidelines 2.2, 1.4.3.
const LEAST_CONTRAST: f64 = 4.5;

/// Everything that is folded up is unfolded.
const UNFOLD: &str = "document.querySelectorAll('details').forEach(part => part.open = true)";

/// How far the page is wider than the screen, and what sticks out.
const TOO_WIDE: &str = "(() => { const wide = document.documentElement.scrollWidth - innerWidth; return wide <= 0 ? [] : \
    [wide, ...[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.outerHTML.slice(0, 120))].slice(0, 4) })()";

/// Texts whose contrast is too low, each with it. A ground that is transparent shows what is beneath it.
const FAINT: &str = r"(() => {
    const parts = (color) => { const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number); return [r, g, b, a]; };
    const over = ([r, g, b, a], ground) => [r, g, b].map((part, at) => part * a + ground[at] * (1 - a));
    const light = (color) => color.map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
    const above = (element) => element ? [...above(element.parentElement), element] : [];
    const faint = [];
    const look = (element, color, text) => {
        const around = above(element);
        const ground = around.reduce((ground, one) => over(parts(getComputedStyle(one).backgroundColor), ground), [255, 255, 255]);
        const opacity = around.reduce((product, one) => product * getComputedStyle(one).opacity, 1);
        const [r, g, b, a] = parts(color);
        const [less, more] = [light(over([r, g, b, a * opacity], ground)), light(ground)].sort((one, other) => one - other);
        const contrast = (more + 0.05) / (less + 0.05);
        if (contrast < LEAST) faint.push(`${contrast.toFixed(2)} ${element.tagName}.${element.className} ${text.trim().slice(0, 40)}`);
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || element.closest('svg, script, .unseen, .skip, :disabled, option')) continue;
        if (element.checkVisibility({ visibilityProperty: true })) look(element, getComputedStyle(element).color, walker.currentNode.data);
    }
    for (const field of document.querySelectorAll('[placeholder]')) look(field, getComputedStyle(field, '::placeholder').color, field.placeholder);
    return faint;
})()";

/// What a keyboard has to reach.
const INTERACTIVE: &str = "(window.wanted = new Set([...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, \
    textarea, summary, [tabindex=\"0\"]')].filter(e => !e.disabled && e.checkVisibility({ visibilityProperty: true }) && !e.closest('dialog:not([open])')))).size";

/// Where the keyboard is: crossed off, and what is wrong with how it is shown.
const REACHED: &str = "(() => { const e = document.activeElement; if (!e || e === document.body) return 'end'; wanted.delete(e); \
    const [style, box] = [getComputedStyle(e), e.getBoundingClientRect()]; \
    const shown = style.outlineStyle !== 'none' && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth; \
    return shown ? '' : e.outerHTML.slice(0, 120); })()";

/// What was not reached.
const MISSED: &str = "[...wanted].map(e => e.outerHTML.slice(0, 120))";

/// A tenant with endpoints, saves and failures; names and ids are as long as they may be.
async fn furnish(served: &Served, receiver: &Receiver) {
    let long = "a name as long as it may be, of an endpoint that gets it all";
    let endpoint = |name: &str, path: &str| json!({ "name": name, "event_types": ["*"], "url": format!("{}/{path}", receiver.url) });
    let mut failing = endpoint("x".repeat(60).as_str(), "{{ object.state }}");
    failing["event_types"] = json!(["asset_named"]);
    let mut suspended = endpoint(long, "a/long/path/with/many/parts/{{ object.id }}");
    suspended["headers"] = json!({ "Authorization": ["Bearer abc-def"] });
    for wish in [failing, suspended, endpoint("erp", "")] {
        let made = served.call("POST", "/api/v1/tenants/acme/endpoints", &wish).await;
        if wish["name"] == long {
            served.call("POST", &format!("/api/v1/tenants/acme/endpoints/{}/suspend", made["id"].as_str().unwrap()), &json!({})).await;
        }
    }
    let name = json!({ "name": "<b> ".to_owned() + &"long".repeat(60) }).to_string();
    served.save("acme", "asset", &"identifier".repeat(12), &name).await;
    served.save("acme", "asset", "a1", r#"{"name": "Pump", "state": "done", "room_id": "r1"}"#).await;
    served.save("acme", "patient", "p1", r#"{"name": "Jane"}"#).await;
    receiver.wait_for(4).await;
}

/// The address without what tells pages of one kind from each other.
fn kind(address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let mut parts: Vec<&str> = path.split('/').skip(3).collect();
    for at in 1..parts.len() {
        let named = matches!(parts[at - 1], "deliveries" | "diverted" | "objects" | "resends");
        if named || parts[at].starts_with("ep_") || at > 1 && parts[at - 2] == "objects" {
            parts[at] = "…";
        }
    }
    let names: Vec<&str> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
    format!("/{}?{}", parts.join("/"), names.join("&"))
}

/// Looks at every page that can be come to from here; what is wrong with them, and how many there are.
fn crawl(served: &Served, browser: &mut Browser, reader: &str, first: &[&str]) -> (Vec<String>, usize) {
    let mut wrong = Vec::new();
    let mut open: Vec<String> = first.iter().rev().map(|path| format!("{}{path}", served.node.url)).collect();
    let mut known = BTreeSet::new();
    let mut seen: Vec<String> = Vec::new();
    let faint = FAINT.replace("LEAST", &LEAST_CONTRAST.to_string());
    while let Some(address) = open.pop() {
        let kind = kind(&address);
        if !known.insert(address.clone()) || seen.iter().filter(|other| **other == kind).count() == OF_A_KIND {
            continue;
        }
        seen.push(kind);
        browser.resize(1280, 900);
        browser.open(&address);
        browser.value(UNFOLD);
        for scheme in ["light", "dark"] {
            browser.prefer(scheme);
            note(&mut wrong, &format!("{reader} {address} {scheme}: faint"), &browser.value(&faint));
        }
        by_keyboard(browser, &format!("{reader} {address}"), &mut wrong);
        browser.resize(390, 844);
        note(&mut wrong, &format!("{reader} {address}: cut off"), &browser.value(TOO_WIDE));
        let links = browser.value(
            "[...document.querySelectorAll('a[href]')].map(link => new URL(link.getAttribute('href'), location).href.split('#')[0])",
        );
        let links = links.as_array().unwrap().iter().filter_map(Value::as_str).filter(|link| link.starts_with(&served.node.url));
        let leads_to_a_page = |link: &&str| ![".ndjson", ".yaml", "/body", "/openapi.json", "/docs"].iter().any(|end| link.ends_with(end));
        open.extend(links.filter(leads_to_a_page).map(str::to_owned));
    }
    (wrong, known.len())
}

fn note(wrong: &mut Vec<String>, what: &str, found: &Value) {
    if *found != json!([]) {
        wrong.push(format!("{what} {found}"));
    }
}

/// Goes through the page with the keyboard.
fn by_keyboard(browser: &mut Browser, what: &str, wrong: &mut Vec<String>) {
    let count = browser.value(INTERACTIVE).as_u64().unwrap();
    browser.value("document.activeElement.blur(); scrollTo(0, 0)");
    // A part that scrolls can be come to as well.
    for _ in 0..count + 20 {
        browser.press("Tab");
        match browser.value(REACHED).as_str().unwrap() {
            // Behind the last one it begins again, also where a field has the focus from the start.
            "" | "end" => {}
            unseen => wrong.push(format!("{what}: the focus is not seen {unseen}")),
        }
    }
    note(wrong, &format!("{what}: not reached"), &browser.value(MISSED));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_readable_narrow_light_and_dark_and_all_of_it_is_reached_by_keyboard() {
    let receiver = Receiver::start().await;
    let served = Served::start("[[endpoints]]\nname = \"declared\"\nevents = [\"asset_done\"]\nurl = \"http://127.0.0.1:9/\"\n");
    furnish(&served, &receiver).await;
    let (_, tenant) = served.make("keys", "acme", &json!({ "permissions": "objects:*,webhooks:*,deliveries:*,diverted-events:*" })).await;
    let (_, link) =
        served.make("links", "acme", &json!({ "permissions": "webhooks:list,webhooks:read,deliveries:list", "expires": "1h" })).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut browser = Browser::start();
    let (mut wrong, pages) = crawl(&served, &mut browser, "signed out", &["/", &format!("/enter?link={link}"), "/ui/acme/deliveries"]);
    assert_eq!(pages, 3);
    for (reader, key, least) in [("operator", &served.operator, 30), ("tenant", &tenant, 25), ("link", &link, 10)] {
        served.sign_in(&mut browser, key);
        let first = ["/", "/ui/acme", "/ui/acme/resends", "/ui/acme/webhooks", "/ui/acme/deliveries?q=evnt:x", "/nothing"];
        let (more, pages) = crawl(&served, &mut browser, reader, &first);
        assert!(pages > least, "{reader} came to {pages} pages");
        wrong.extend(more);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    served.finish(&browser);
}
