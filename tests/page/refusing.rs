//! No page leads to a refusal: whatever is linked to, may be pressed or is reached by a key on it is allowed to whoever was shown it. Asked
//! with every permission alone and with all but one.

use std::collections::BTreeSet;

use serde_json::json;

use crate::node::PATIENCE;
use crate::served::Served;

/// Every permission that pages ask for.
const PERMISSIONS: [&str; 12] = [
    "objects:read",
    "objects:write",
    "webhooks:read",
    "webhooks:list",
    "webhooks:write",
    "deliveries:read",
    "deliveries:list",
    "deliveries:resend",
    "diverted-events:read",
    "diverted-events:list",
    "diverted-events:resend",
    "diverted-events:delete",
];
/// Where a crawl begins; what is refused there was linked to by nobody.
const BEGINNINGS: [&str; 7] = ["", "/deliveries", "/diverted", "/endpoints", "/webhooks", "/webhooks/asset_named", "/objects/asset/a1"];
/// Attributes that hold where something leads.
const LEADING: [&str; 5] = ["href", "data-row", "data-edit", "data-back", "data-fetch"];
/// Attributes that hold where something is sent.
const SENDING: [&str; 2] = ["data-resend", "data-check"];

#[tokio::test(flavor = "multi_thread")]
async fn no_page_leads_to_a_refusal() {
    let served = Served::start("");
    let mut sets: Vec<String> = PERMISSIONS.iter().map(|one| (*one).to_owned()).collect();
    for left_out in PERMISSIONS {
        sets.push(PERMISSIONS.into_iter().filter(|one| *one != left_out).collect::<Vec<_>>().join(","));
    }
    let mut refused = Vec::new();
    let mut looked_at = 0;
    for (number, permissions) in sets.iter().enumerate() {
        let tenant = format!("t{number}");
        lived_in(&served, &tenant).await;
        let (_, key) = served.make("keys", &tenant, &json!({ "permissions": permissions })).await;
        let mut crawl = Crawl { served: &served, key, seen: BTreeSet::new(), sent: BTreeSet::new(), refused: Vec::new() };
        crawl.everything(&tenant).await;
        looked_at += crawl.seen.len();
        refused.extend(crawl.refused.into_iter().map(|what| format!("with {permissions}: {what}")));
    }
    assert_eq!(refused, [""; 0], "led to, and refused");
    assert!(looked_at > 600, "{looked_at}");
}

/// A tenant of which there is something on every page.
async fn lived_in(served: &Served, tenant: &str) {
    let of = |path: &str| format!("/api/v1/tenants/{tenant}/{path}");
    for (name, events) in [("ERP", ["asset_named"]), ("Other", ["*"])] {
        let wish = json!({
            "name": name, "event_types": events, "url": "http://127.0.0.1:9/", "failure_handling": { "retry": { "schedule": ["0s"] }, "divert": true },
        });
        served.call("POST", &of("endpoints"), &wish).await;
    }
    for id in ["a1", "a2"] {
        served.save(tenant, "asset", id, r#"{"name": "Pump"}"#).await;
    }
    all_diverted(served, tenant).await;
    served.call("POST", &of("resend"), &json!({ "filter": { "status": ["diverted"] } })).await;
    all_diverted(served, tenant).await;
}

/// Goes on when nothing is on its way: what a page says is so still when it is followed.
async fn all_diverted(served: &Served, tenant: &str) {
    let list = async |what: &str| {
        let answer = served.call("GET", &format!("/api/v1/tenants/{tenant}/{what}"), &json!({})).await;
        answer["data"].as_array().unwrap().clone()
    };
    let begin = std::time::Instant::now();
    loop {
        let orders = list("resend").await;
        let (all, diverted) = (list("deliveries").await.len(), list("deliveries?status=diverted").await.len());
        if all >= 4 && all == diverted && orders.iter().all(|order| order["state"] == "done") {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "{diverted} of {all} diverted; {orders:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

struct Crawl<'a> {
    served: &'a Served,
    key: String,
    seen: BTreeSet<String>,
    /// Where forms and keys send something.
    sent: BTreeSet<String>,
    refused: Vec<String>,
}

impl Crawl<'_> {
    async fn everything(&mut self, tenant: &str) {
        for begin in BEGINNINGS {
            let begin = format!("/ui/{tenant}{begin}");
            let (status, text, _) = self.ask("GET", &begin).await;
            if status < 400 {
                self.follow(&begin, &text).await;
            }
        }
        // What is deleted cannot be pressed any more.
        let (last, first): (Vec<String>, Vec<String>) =
            std::mem::take(&mut self.sent).into_iter().partition(|path| path.ends_with("/delete"));
        for path in first.into_iter().chain(last) {
            let (status, text, to) = self.ask("POST", &path).await;
            // Of two ways to the same thing, the second may come too late.
            if matches!(status, 401 | 403) || (status == 404 && !path.contains("/diverted/")) {
                self.refused.push(format!("POST {path}: {status}"));
            } else if let Some(to) = to {
                self.look("/", &to).await;
            } else if status < 300 {
                self.follow(&path, &text).await;
            }
        }
    }

    /// Looks at whatever a page leads to, and at what that leads to.
    async fn follow(&mut self, at: &str, text: &str) {
        let mut left = self.read(at, text);
        while let Some((at, link)) = left.pop() {
            if let Some((path, text)) = self.look(&at, &link).await {
                left.extend(self.read(&path, &text));
            }
        }
    }

    async fn look(&mut self, at: &str, link: &str) -> Option<(String, String)> {
        let link = link.split('#').next().unwrap();
        let path = match link.strip_prefix('?') {
            Some(query) => format!("{}?{query}", at.split('?').next().unwrap()),
            None => link.to_owned(),
        };
        if !path.starts_with('/') || path.starts_with("/ui/assets/") || path == "/" || !self.seen.insert(path.clone()) {
            return None;
        }
        let (status, text, _) = self.ask("GET", &path).await;
        if status >= 400 {
            self.refused.push(format!("{at} leads to {path}: {status}"));
            return None;
        }
        Some((path, text))
    }

    /// What stands on a page: where it leads, and as a side effect where it sends something.
    fn read(&mut self, at: &str, text: &str) -> Vec<(String, String)> {
        let values = |name: &str| -> Vec<String> {
            let begin = format!(" {name}=\"");
            text.split(&begin).skip(1).map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&")).collect()
        };
        let mut links: Vec<String> = LEADING.iter().flat_map(|name| values(name)).collect();
        self.sent.extend(SENDING.iter().flat_map(|name| values(name)));
        for form in text.split("<form").skip(1).map(|rest| rest.split('>').next().unwrap()) {
            let action = form.split(" action=\"").nth(1).map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&"));
            match action {
                Some(action) if form.contains("method=\"post\"") => self.sent.extend((action != "/sign-out").then_some(action)),
                Some(action) => links.push(action),
                None => {}
            }
        }
        // Two that are compared, by a key.
        let marked: Vec<String> = values("data-delivery");
        if let ([first, .., last], Some(tenant)) = (marked.as_slice(), at.split('/').nth(2)) {
            links.push(format!("/ui/{tenant}/diff?of={first}&of={last}"));
        }
        links.into_iter().map(|link| (at.to_owned(), link)).collect()
    }

    async fn ask(&self, method: &str, path: &str) -> (u16, String, Option<String>) {
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build().unwrap();
        let request = client.request(method.parse().unwrap(), format!("{}{path}", self.served.node.url)).bearer_auth(&self.key);
        let answer = request.header("accept", "text/html").body(String::new()).send().await.unwrap();
        let to = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        (answer.status().as_u16(), answer.text().await.unwrap(), to)
    }
}
