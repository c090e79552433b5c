//! What the pages of objects and saves keep back from whoever may look at a part of it.

use reqwest::Client;
use serde_json::json;

use crate::served::Served;

const TOML: &str = "[[endpoints]]\nname = \"declared\"\nevents = [\"asset_named\"]\nurl = \"http://127.0.0.1:9/\"\n";

struct Reader<'a> {
    served: &'a Served,
    key: String,
}

impl<'a> Reader<'a> {
    async fn new(served: &'a Served, permissions: &str) -> Self {
        let (_, key) = served.make("keys", "acme", &json!({ "permissions": permissions })).await;
        Self { served, key }
    }

    async fn ask(&self, method: &str, path: &str, body: &'static str) -> (u16, String) {
        let client = Client::builder().no_proxy().build().unwrap();
        let request = client.request(method.parse().unwrap(), self.served.page("acme", path)).bearer_auth(&self.key);
        let answer = request.header("accept", "text/html").body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_shown_only_to_who_may_look_at_them() {
    let served = Served::start(TOML);
    served.save("acme", "asset", "a1", r#"{"name": "Pump"}"#).await;
    let list = served.call("GET", "/api/v1/tenants/acme/deliveries", &json!({})).await;
    let delivery = list["data"][0]["id"].as_str().unwrap();
    let test = format!("/deliveries/{delivery}/test.yaml");
    let (objects, both) = (Reader::new(&served, "objects:read").await, Reader::new(&served, "objects:read,deliveries:list").await);
    for path in ["", "/objects/asset/a1"] {
        let (status, page) = both.ask("GET", path, "").await;
        assert!(status == 200 && page.contains("class=\"delivery\""), "{path}: {page}");
        let (status, page) = objects.ask("GET", path, "").await;
        assert!(status == 200 && page.contains("asset_named") && !page.contains("class=\"delivery\""), "{path}: {page}");
        assert!(!page.contains("declared") && !page.contains(delivery), "{path}: {page}");
    }
    assert_eq!(objects.ask("GET", "/deliveries", "").await.0, 403);
    assert_eq!(objects.ask("GET", &test, "").await.0, 403);
    // `serve` keeps no saves to make a test of.
    assert_eq!(Reader::new(&served, "objects:read,deliveries:read").await.ask("GET", &test, "").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_that_is_refused_shows_nothing_but_itself_to_who_may_only_save() {
    let served = Served::start(TOML);
    served.save("acme", "asset", "a1", r#"{"name": "Pump"}"#).await;
    let (writer, both) = (Reader::new(&served, "objects:write").await, Reader::new(&served, "objects:read,objects:write").await);
    assert_eq!(writer.ask("GET", "/objects/asset/a1", "").await.0, 403);
    let (status, page) = both.ask("POST", "/objects/asset/a1", "fields=wrong").await;
    assert!(status == 422 && page.contains("Last saves") && page.contains("asset_named"), "{page}");
    let (status, page) = writer.ask("POST", "/objects/asset/a1", "fields=wrong").await;
    assert!(status == 422 && page.contains("role=\"alert\"") && page.contains(">wrong</textarea>"), "{page}");
    for kept_back in ["Last saves", "Pump", "asset_named", "as of save", "declared"] {
        assert!(!page.contains(kept_back), "{kept_back}: {page}");
    }
}
