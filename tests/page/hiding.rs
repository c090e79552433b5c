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

    async fn ask(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
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

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_goes_to_no_other_place_by_a_form_in_which_it_is_not_shown() {
    let served = Served::start("");
    let wish = json!({
        "name": "a", "event_types": ["asset_named"], "url": "http://127.0.0.1:9/hook", "headers": {"Authorization": ["Bearer t0ken"]},
    });
    let made = served.call("POST", "/api/v1/tenants/acme/endpoints", &wish).await;
    let page = format!("/endpoints/{}", made["id"].as_str().unwrap());
    let manager = Reader::new(&served, "webhooks:*").await;
    let form = |url: &str, authorization: &str| {
        let fields =
            [("name", "a"), ("event_types", "asset_named"), ("url", url), ("method", "POST"), ("enabled", "true"), ("divert", "true")];
        let headers = format!("Authorization: {authorization}");
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).append_pair("headers", &headers).finish()
    };
    for (path, refused) in [("check", 200), ("edit", 422)] {
        let path = format!("{page}/{path}");
        let (status, text) = manager.ask("POST", &path, form("http://127.0.0.1:10/hook", "…")).await;
        assert!(status == refused && text.contains("credential-of-another-place"), "{status} {text}");
        let (_, text) = manager.ask("POST", &path, form("http://127.0.0.1:9/other", "…")).await;
        assert!(!text.contains("credential-of-another-place"), "{text}");
        let (_, text) = manager.ask("POST", &path, form("http://127.0.0.1:10/hook", "Bearer new")).await;
        assert!(!text.contains("credential-of-another-place"), "{text}");
    }
    let now = served.call("GET", &format!("/api/v1/tenants/acme{page}"), &json!({})).await;
    assert_eq!(now["url"], json!("http://127.0.0.1:10/hook"), "written anew, it may go there");
}
