//! The description of the API: as the golden file has it, and true of a key's rights. That answers are as described is asked of every
//! answer that these tests get.

use std::path::Path;

use serde_json::{Value, json};

use super::Api;

fn golden() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/openapi.json")
}

#[tokio::test]
async fn the_document_is_the_golden_file() {
    let api = Api::start(false).await;
    let (status, document) = api.send("GET", "/openapi.json", "").await;
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
    let found = format!("{document:#}\n");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(golden(), &found).unwrap();
    }
    let expected = std::fs::read_to_string(golden()).unwrap_or_default();
    assert!(found == expected, "the API has changed; if it is right, run with UPDATE_EXPECT=1 and look at the difference");
}

#[tokio::test]
async fn every_schema_in_it_is_one() {
    let api = Api::start(false).await;
    let (_, document) = api.send("GET", "/openapi.json", "").await;
    let mut count = 0;
    let mut look = |schema: &Value| {
        assert!(
            jsonschema::meta::is_valid(&json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema]})),
            "{schema:#}"
        );
        count += 1;
    };
    document["components"]["schemas"].as_object().unwrap().values().for_each(&mut look);
    for calls in document["paths"].as_object().unwrap().values() {
        for call in calls.as_object().unwrap().values() {
            assert!(!call["summary"].as_str().unwrap().is_empty() && call["responses"].as_object().unwrap().len() > 1, "{call:#}");
            for parameter in call["parameters"].as_array().unwrap().iter().filter(|parameter| parameter["schema"].is_object()) {
                look(&parameter["schema"]);
            }
            for content in call["requestBody"]["content"].as_object().into_iter().flatten() {
                look(&content.1["schema"]);
            }
        }
    }
    assert!(count > 100, "{count}");
}

#[tokio::test]
async fn the_page_needs_no_script_and_loads_nothing_from_elsewhere() {
    let api = Api::start(false).await;
    let answer = api.http.get(format!("{}/docs", api.base)).send().await.unwrap();
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{policy}");
    let page = answer.text().await.unwrap();
    assert!(!page.contains("<script") && !page.contains("style=") && !page.contains("//cdn"), "{}", &page[..400]);
    let outside_of_schemas = page.split("<pre>").map(|part| part.split_once("</pre>").map_or(part, |(_, after)| after));
    for part in outside_of_schemas {
        assert!(!part.contains('`'), "{part}");
    }
    let (_, document) = api.send("GET", "/openapi.json", "").await;
    for calls in document["paths"].as_object().unwrap().values() {
        for call in calls.as_object().unwrap().values() {
            let id = call["operationId"].as_str().unwrap();
            assert!(page.contains(&format!("<section id=\"{id}\"")) && page.contains(&format!("href=\"#{id}\"")), "{id}");
        }
    }
    let style = api.http.get(format!("{}/docs/docs.css", api.base)).send().await.unwrap();
    assert_eq!((style.status().as_u16(), &style.headers()["content-type"]), (200, &"text/css; charset=utf-8".parse().unwrap()));
}
