//! What goes over the wire: events that are taken up where they broke off, headers, forms of others, files to take along, sizes.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::{Client, Response};

use crate::project::Project;

/// The most that script, style, icon and a page may weigh, compressed.
const HEAVIEST: usize = 150_000;

fn client() -> Client {
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// Reads a stream of events until a text has come; everything so far.
async fn until(stream: &mut Response, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        let chunk = tokio::time::timeout(Duration::from_secs(30), stream.chunk()).await.unwrap_or_else(|_| panic!("no {text} in {read}"));
        read.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
    }
    read
}

/// The id of the last event.
fn last_id(events: &str) -> String {
    events.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap().to_owned()
}

#[tokio::test]
async fn who_comes_back_is_told_what_it_missed_or_to_look_at_everything() {
    let mut project = Project::start("");
    let events = project.page("/events");
    let mut stream = client().get(&events).send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    project.save("asset", "a1", r#"{"name": "Pump"}"#).await;
    let first = until(&mut stream, "answered").await;
    // The save, then what is sent because of it.
    let at = |text: &str| first.find(text).unwrap_or_else(|| panic!("no {text} in {first}"));
    assert!(at("\"saved\"") < at("\"sending\"") && at("\"sending\"") < at("\"answered\""), "{first}");
    drop(stream);
    project.save("asset", "a2", "{}").await;
    project.save("asset", "a3", "{}").await;
    let back = |id: String| client().get(&events).header("last-event-id", id).send();
    let mut stream = back(last_id(&first)).await.unwrap();
    let missed = until(&mut stream, "\"a3\"").await;
    assert!(missed.contains("\"a2\"") && !missed.contains("\"a1\"") && !missed.contains("anew"), "{missed}");
    project.restart();
    let mut stream = back(last_id(&missed)).await.unwrap();
    until(&mut stream, "event: anew").await;
    // Another tenant hears of nothing.
    let other = format!("{}/ui/other/events", project.node.url);
    let mut stream = client().get(&other).send().await.unwrap();
    project.save("asset", "a4", r#"{"name": "Pump"}"#).await;
    assert!(tokio::time::timeout(Duration::from_secs(1), until(&mut stream, "a4")).await.is_err());
}

#[tokio::test]
async fn a_node_with_open_pages_ends_at_once() {
    let mut project = Project::start("");
    let mut stream = client().get(project.page("/events")).send().await.unwrap();
    project.save("asset", "a1", "{}").await;
    until(&mut stream, "\"a1\"").await;
    let began = std::time::Instant::now();
    project.node.signal(rustix::process::Signal::TERM);
    assert!(project.node.wait().success());
    assert!(began.elapsed() < Duration::from_secs(4), "it took {:?}", began.elapsed());
}

#[tokio::test]
async fn a_page_may_do_nothing_but_show_itself_and_takes_no_form_of_others() {
    let project = Project::start("");
    let page = client().get(project.page("")).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers()["cache-control"], "no-store");
    let text = page.text().await.unwrap();
    assert!(!text.contains(" style=") && !text.contains(" onclick=") && !text.contains("<style") && !text.contains("<script>"));
    let form = || client().post(project.page("/models/asset/sample"));
    let refused = [
        form().header("origin", "http://evil.example"),
        form().header("sec-fetch-site", "cross-site"),
        form().header("host", "evil.example"),
        client().get(project.page("")).header("host", "evil.example"),
    ];
    for request in refused {
        assert_eq!(request.send().await.unwrap().status(), 403);
    }
    let taken = form().header("origin", &project.node.url).header("sec-fetch-site", "same-origin").send().await.unwrap();
    assert_eq!(taken.status(), 303);
    for (path, status) in [("/deliveries/dlv_x", 400), ("/deliveries/dlv_00000000000000000000000000000001", 404), ("/webhooks/none", 404)] {
        let answer = client().get(project.page(path)).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (status, "text/html; charset=utf-8"));
    }
}

#[tokio::test]
async fn what_goes_wrong_is_a_page_for_people_and_json_for_programs() {
    let project = Project::start("");
    let ask = async |path: &str, accepts: &str| {
        let answer = client().get(format!("{}{path}", project.node.url)).header("accept", accepts).send().await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        let policy = answer.headers().contains_key("content-security-policy");
        (answer.status().as_u16(), kind, policy, answer.text().await.unwrap())
    };
    for (path, said) in [("/nowhere", "there is nothing at"), ("/ui/default/deliveries/dlv_1", "dlv_1"), ("/ui/No%20body", "No body")] {
        let (status, kind, policy, page) = ask(path, "text/html,*/*;q=0.8").await;
        assert!(kind.starts_with("text/html") && policy && page.contains("<h1>") && page.contains(said), "{path}: {kind} {page}");
        let (same_status, kind, _, _) = ask(path, "*/*").await;
        assert!((400..500).contains(&status) && status == same_status, "{path}: {status} and {same_status}");
        assert!(path.starts_with("/ui") || kind == "application/problem+json", "{path}: {kind}");
    }
}

#[tokio::test]
async fn a_delivery_taken_along_as_a_test_passes_and_so_does_the_recording() {
    let project = Project::start("");
    project.save("room", "r2", r#"{"name": "Attic"}"#).await;
    project.save("asset", "other", r#"{"name": "Pipe"}"#).await;
    project.save("asset", "a1", r#"{"name": "Pump $x: 'quoted'"}"#).await;
    project.save("asset", "a1", r#"{"name": "Pump", "state": "done", "room_id": "r1"}"#).await;
    project.save("room", "r1", r#"{"name": "Cellar"}"#).await;
    let read = |path: String| async move { client().get(path).send().await.unwrap().text().await.unwrap() };
    let list = read(project.page("/deliveries?q=event:asset_done")).await;
    let at = list.find("dlv_").unwrap();
    let id = &list[at..at + 36];
    let test = read(project.page(&format!("/deliveries/{id}/test.yaml"))).await;
    assert!(test.contains("\"r1\"") && test.contains("asset_done") && !test.contains("\"other\"") && !test.contains("\"r2\""), "{test}");
    project.write("taken.test.yaml", &test);
    let recording = read(project.page("/saves.ndjson")).await;
    assert_eq!(recording.lines().count(), 5);
    let run = |arguments: &[&str]| {
        let output =
            std::process::Command::new(env!("CARGO_BIN_EXE_webhookc")).args(arguments).current_dir(project.folder.path()).output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["test"]);
    project.write("saves.ndjson", &recording);
    let test = run(&["test", "--from", "saves.ndjson"]);
    project.write("recorded.test.yaml", &test);
    run(&["test", "recorded.test.yaml"]);
    // The command for a shell has the signature that was sent.
    let page = read(project.page(&format!("/deliveries/{id}"))).await;
    assert!(page.contains("curl -X POST &#39;http://127.0.0.1:") && page.contains("webhook-signature: v1,"));
}

#[tokio::test]
async fn a_delivery_that_was_tried_again_is_answered_so_in_the_test_that_it_is_taken_along_as() {
    let project = Project::start("");
    let url = &project.node.url;
    let toml = format!(
        "[[endpoints]]\nname = \"erp\"\nevents = [\"asset_named\"]\nurl = \"{url}/sink/erp?status=503&first=2\"\n\
         [endpoints.failure_handling]\nretry = {{ schedule = [\"0s\", \"1s\", \"1s\"] }}\n"
    );
    project.write("webhookc.toml", &toml);
    assert_eq!(client().post(format!("{url}/-/reload")).send().await.unwrap().status(), 200);
    project.save("asset", "a1", r#"{"name": "Pump"}"#).await;
    let read = |path: String| async move { client().get(path).send().await.unwrap().text().await.unwrap() };
    let began = std::time::Instant::now();
    let list = loop {
        let list = read(project.page("/deliveries?q=status:delivered")).await;
        if list.contains("dlv_") {
            break list;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{list}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let at = list.find("dlv_").unwrap();
    let test = read(project.page(&format!("/deliveries/{}/test.yaml", &list[at..at + 36]))).await;
    for part in ["\"erp\": [503,503,200]", "- advance: 2 s", r#"{"after":"1 s","answer":503},{"after":"2 s","answer":200}"#] {
        assert!(test.contains(part), "no {part} in {test}");
    }
    project.write("taken.test.yaml", &test);
    let output =
        std::process::Command::new(env!("CARGO_BIN_EXE_webhookc")).arg("test").current_dir(project.folder.path()).output().unwrap();
    assert!(output.status.success(), "{}\n{test}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
async fn a_search_looks_at_so_much_says_so_and_goes_on_when_told() {
    let project = Project::start("");
    let mut lines = r#"{"model": "asset", "id": "needle", "fields": {"name": "Needle"}}"#.to_owned();
    for number in 0..5_050 {
        lines.push('\n');
        lines.push_str(&serde_json::json!({"model": "asset", "id": format!("n{number}"), "fields": {"name": "Pump"}}).to_string());
        // One after the other in time, too.
        if number == 10 {
            let saved = client().post(project.node.of_tenant("saves")).body(std::mem::take(&mut lines)).send().await.unwrap();
            assert_eq!(saved.status(), 200);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    assert_eq!(client().post(project.node.of_tenant("saves")).body(lines).send().await.unwrap().status(), 200);
    for (page, what) in [("/deliveries?q=Needle", "messages"), ("?q=needle", "saves")] {
        let read = |path: String| async move { client().get(path).send().await.unwrap().text().await.unwrap() };
        let newest = read(project.page(page)).await;
        assert!(
            newest.contains(&format!("The newest 5,000 {what} were looked through.")) && !newest.contains("asset/<bdi>needle"),
            "{newest}"
        );
        let further = newest.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
        let older = read(format!("{}{further}", project.node.url)).await;
        assert!(older.contains("asset/<bdi>needle") && !older.contains("were looked through"), "{older}");
    }
}

#[tokio::test]
async fn script_and_style_are_light() {
    let project = Project::start("");
    let page = client().get(project.page("")).send().await.unwrap().text().await.unwrap();
    let mut all = page.clone().into_bytes();
    let mut files = 0;
    for part in page.split('"').filter(|part| part.starts_with("/ui/assets/")) {
        let file = client().get(format!("{}{part}", project.node.url)).send().await.unwrap();
        assert!(file.status().is_success() && file.headers()["cache-control"].to_str().unwrap().contains("immutable"));
        all.extend(file.bytes().await.unwrap());
        files += 1;
    }
    assert_eq!(files, 3);
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&all).unwrap();
    let size = packed.finish().unwrap().len();
    assert!(size < HEAVIEST, "script, style, icon and a page are {size} bytes, compressed");
}
