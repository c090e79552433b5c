//! The inspector under a browser: how long after a save the page shows it, with how many deliveries it is of use, and what `dev` occupies
//! when nothing goes on.
//!
//! `cargo bench --bench page` prints minimum, median, 95th percentile and maximum. It needs Chromium. With `-- --pictures` it takes the
//! pictures of the README instead.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench reports by printing, and fails by panicking"
)]

#[path = "../tests/page/browser.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod browser;
#[path = "../tests/process/node.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod node;
#[path = "../tests/page/served.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod served;
#[path = "../tests/page/project.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod project;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use browser::Browser;
use node::{Receiver, send};
use project::Project;
use serde_json::{Value, json};
use served::Served;

/// Deliveries in the store.
const DELIVERIES: usize = 10_000;
/// Saves that are waited for, one after the other.
const SAVES: usize = 60;
/// Times that each page is opened.
const OPENED: usize = 15;

#[tokio::main]
async fn main() {
    if std::env::args().any(|argument| argument == "--pictures") {
        return pictures().await;
    }
    let project = Project::start("");
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("memory of `dev`, idle                       {:.1} MB", megabytes(project.node.memory()));
    let mut browser = Browser::start();
    println!("a save until the page shows it              {}", seen(&project, &mut browser).await);
    fill(&project).await;
    println!("the same with {DELIVERIES} deliveries in the store {}", seen(&project, &mut browser).await);
    let pages = [
        ("saves", ""),
        ("deliveries", "/deliveries"),
        ("deliveries, by status", "/deliveries?q=status:%3E%3D400"),
        ("deliveries, by object", "/deliveries?q=object:n5000"),
        ("deliveries, by text in the body", "/deliveries?q=%22Pump%20n5000%22"),
        ("saves, by webhook", "?q=event:asset_done"),
        ("rules", "/webhooks"),
    ];
    for (name, path) in pages {
        let url = project.page(path);
        let times: Vec<Duration> = (0..OPENED)
            .map(|_| {
                let began = Instant::now();
                browser.open(&url);
                began.elapsed()
            })
            .collect();
        println!("page: {name:37} {}", summary(times));
    }
    println!("memory of `dev` afterwards                  {:.1} MB", megabytes(project.node.memory()));
    project.finish(&browser);
    console().await;
}

/// From the begin of a navigation until something is painted, of pages of the console. The tenant has 1,000 endpoints, and one of them was
/// sent 3,000 deliveries.
async fn console() {
    let served = Served::start("");
    let (id, _) = managed(&served, 1_000, 3_000).await;
    let mut browser = Browser::start();
    let pages = [
        ("/sign-in", String::new()),
        ("/endpoints", String::new()),
        ("an endpoint with charts", format!("/endpoints/{id}")),
        ("/endpoints/new", String::new()),
        ("/diverted", String::new()),
        ("/deliveries", String::new()),
        ("/resends", String::new()),
    ];
    for (name, path) in pages {
        let path = if path.is_empty() { name } else { &path };
        let url = if name == "/sign-in" { format!("{}{path}", served.node.url) } else { served.page("acme", path) };
        if name == "/endpoints" {
            served.sign_in(&mut browser, &served.operator);
        }
        let times: Vec<Duration> = (0..OPENED).map(|_| painted(&mut browser, &url)).collect();
        println!("first paint: {name:30} {}", summary(times));
    }
    served.finish(&browser);
}

fn painted(browser: &mut Browser, url: &str) -> Duration {
    browser.open(url);
    browser.wait_for("a paint", "performance.getEntriesByName('first-contentful-paint').length");
    let milliseconds = browser.value("performance.getEntriesByName('first-contentful-paint')[0].startTime").as_f64().unwrap();
    Duration::from_secs_f64(milliseconds / 1e3)
}

/// Endpoints of the tenant `acme`, the first of which receives saves at a receiver where every eighth fails.
async fn managed(served: &Served, endpoints: usize, saves: usize) -> (String, Receiver) {
    let receiver = Receiver::start().await;
    let path = "/api/v1/tenants/acme/endpoints";
    let wish = json!({ "name": "ERP", "event_types": ["asset_named"], "url": format!("{}/{{{{ object.name }}}}/assets", receiver.url),
        "headers": { "X-Event": "{{ event }}" }, "failure_handling": { "retry": { "schedule": ["0s"] } } });
    let id = served.call("POST", path, &wish).await["id"].as_str().unwrap().to_owned();
    for number in 1..endpoints {
        let wish = json!({ "name": format!("e{number}"), "event_types": ["patient_seen"], "url": "https://erp.example/" });
        served.call("POST", path, &wish).await;
    }
    let saves: Vec<Value> = (0..saves)
        .map(|number| json!({ "model": "asset", "id": format!("n{number}"), "fields": { "name": if number % 8 == 0 { "fail" } else { "lag" } } }))
        .collect();
    served.call("POST", "/api/v1/tenants/acme/saves", &Value::from(saves.clone())).await;
    receiver.wait_for(saves.len()).await;
    (id, receiver)
}

/// The picture of the console.
async fn pictures_of_console() {
    let served = Served::start("");
    let (id, _receiver) = managed(&served, 3, 0).await;
    for _ in 0..12 {
        for number in 0..25 {
            let name = if number % 8 == 0 { "fail" } else { "lag" };
            served.save("acme", "asset", &format!("n{number}"), &format!("{{\"name\": \"{name}\"}}")).await;
        }
        tokio::time::sleep(Duration::from_secs(15)).await;
    }
    let mut browser = Browser::start();
    browser.resize(1000, 420);
    served.sign_in(&mut browser, &served.operator);
    browser.open(&served.page("acme", &format!("/endpoints/{id}?last=1h")));
    browser.wait_for_text("#connection", "live");
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        browser.picture(&format!("console-{scheme}"));
    }
}

/// The pictures of the README.
async fn pictures() {
    let schema = include_str!("../schemas/assets/schema.xml");
    let endpoint = "[[endpoints]]\nname = \"erp\"\nevents = [\"asset_ready\"]\nurl = \"http://127.0.0.1:9/assets/{{ object.id }}\"\n";
    let project = Project::of(schema, "");
    let mut browser = Browser::start();
    project.save("user", "u7", r#"{"name": "Thandi"}"#).await;
    let photo = |state: &str| format!(r#"{{"name": "Pump 12", "asset_photo": {{"id": "photo-1", "state": "{state}"}}, "user_id": "u7"}}"#);
    project.save("asset", "a1", &photo("pending")).await;
    project.save("asset", "a1", &photo("uploaded")).await;
    project.save("asset", "a2", r#"{"name": "Valve", "asset_photo": {"id": "photo-2", "state": "uploaded"}}"#).await;
    project.save("asset", "a1", &photo("uploaded")).await;
    project.write("webhookc.toml", endpoint);
    browser.resize(1000, 330);
    browser.open(&project.page(""));
    browser.wait_for_text("#connection", "live");
    browser.wait_for_text("#program", "program 2");
    project.save("asset", "a2", r#"{"name": "Valve", "asset_photo": {"id": "photo-2", "state": "uploaded"}, "user_id": "u7"}"#).await;
    browser.wait_for_text(".saves .delivery", "retry in");
    tokio::time::sleep(Duration::from_secs(2)).await;
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        browser.picture(&format!("inspector-{scheme}"));
    }
    project.write("schema.xml", &schema.replace("name=\"asset_photo\" required", "name=\"asset_foto\" required"));
    browser.wait_for_text(".overlay", "asset_photo");
    browser.resize(1000, 420);
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        browser.picture(&format!("diagnostic-{scheme}"));
    }
    pictures_of_console().await;
    println!("target/tmp/{{inspector,diagnostic,console}}-{{light,dark}}.png");
}

fn megabytes(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap()) * 1024.0 / 1e6
}

/// Saves objects one after the other; the page itself notes when it shows each.
async fn seen(project: &Project, browser: &mut Browser) -> String {
    browser.open(&project.page(""));
    browser.wait_for_text("#connection", "live");
    browser.value(
        "window.seen = {}; new MutationObserver(() => { const text = document.querySelector('.saves')?.innerText ?? ''; \
         for (const [name] of text.matchAll(/seen-\\d+-\\d+/g)) seen[name] ??= performance.timeOrigin + performance.now() }) \
         .observe(document.querySelector('main'), { subtree: true, childList: true, characterData: true }); true",
    );
    let mut times = Vec::new();
    let run = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    for number in 0..SAVES {
        let id = format!("seen-{run}-{number}");
        let began = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        project.save("asset", &id, r#"{"name": "Pump"}"#).await;
        browser.wait_for(&id, &format!("seen['{id}']"));
        let shown = browser.value(&format!("seen['{id}']")).as_f64().unwrap();
        times.push(Duration::from_secs_f64(shown / 1e3).saturating_sub(began));
        // A person's pace; what comes faster is shown together.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    summary(times)
}

async fn fill(project: &Project) {
    let mut lines = String::new();
    for number in 0..DELIVERIES {
        writeln!(lines, "{{\"model\": \"asset\", \"id\": \"n{number}\", \"fields\": {{\"name\": \"Pump n{number}\"}}}}").unwrap();
    }
    let (status, answer) = send("POST", &project.node.of_tenant("saves"), &lines).await;
    assert_eq!(status, 200, "{answer}");
    let began = Instant::now();
    loop {
        let (_, waiting) = send("GET", &project.node.of_tenant("deliveries?status=pending&limit=1"), "").await;
        let (_, under_way) = send("GET", &project.node.of_tenant("deliveries?status=sending&limit=1"), "").await;
        if [waiting, under_way].iter().all(|list| list["data"].as_array().unwrap().is_empty()) {
            return;
        }
        assert!(began.elapsed() < Duration::from_mins(2), "the deliveries do not come to an end");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn summary(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    format!("min {:6.1} ms · median {:6.1} ms · p95 {:6.1} ms · max {:6.1} ms", at(0), at(50), at(95), at(100))
}
