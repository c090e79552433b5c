//! The node's own description of its API, and whether an answer is what it says: a status that is listed, with the content type and the
//! schema that stand there, and no field more.

#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Map, Value, json};

/// A description, with the schemas that were compiled so far.
pub struct Described {
    pub document: Value,
    compiled: Mutex<BTreeMap<String, jsonschema::Validator>>,
}

/// An answer as it came.
pub struct Seen<'a> {
    pub method: &'a str,
    /// With or without a query.
    pub path: &'a str,
    pub status: u16,
    pub content_type: &'a str,
    pub body: &'a [u8],
}

impl Described {
    /// Reads `/openapi.json`. What stands in answers is closed: a field that is not described is a mistake.
    pub fn read(text: &str) -> Self {
        let mut document: Value = serde_json::from_str(text).unwrap();
        close(&mut document["components"]["schemas"]);
        close(&mut document["components"]["responses"]);
        Self { document, compiled: Mutex::default() }
    }

    /// The calls: path, method, what is said.
    pub fn calls(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        let paths = self.document["paths"].as_object().unwrap().iter();
        paths.flat_map(|(path, calls)| calls.as_object().unwrap().iter().map(move |(method, call)| (path.as_str(), method.as_str(), call)))
    }

    /// Fails when an answer is not what is described. Of a path that the description does not know, it has nothing to say.
    pub fn check(&self, seen: &Seen<'_>) {
        let path = seen.path.split('?').next().unwrap();
        let method = seen.method.to_ascii_lowercase();
        let Some((template, _, call)) = self.calls().filter(|(template, ..)| fits(template, path)).find(|(_, known, _)| *known == method)
        else {
            return;
        };
        let at = format!("{} {template} {}", seen.method, seen.status);
        let answer = &call["responses"][seen.status.to_string()];
        assert!(answer.is_object(), "{at} is not described: {}", String::from_utf8_lossy(seen.body));
        let answer = match answer["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => answer,
        };
        let Some(content) = answer["content"].as_object() else {
            assert!(seen.body.is_empty(), "{at}: something where nothing is described");
            return;
        };
        let schema = &content
            .get(seen.content_type)
            .unwrap_or_else(|| panic!("{at}: `{}` is none of {:?}", seen.content_type, content.keys()))["schema"];
        if !seen.content_type.ends_with("json") || seen.content_type.ends_with("ndjson") {
            return;
        }
        let value: Value = serde_json::from_slice(seen.body).unwrap_or_else(|error| panic!("{at}: {error}"));
        let mut compiled = self.compiled.lock().unwrap();
        let validator = compiled.entry(at.clone()).or_insert_with(|| {
            let whole = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema], "components": self.document["components"] });
            jsonschema::options().should_validate_formats(true).build(&whole).unwrap()
        });
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| format!("{error} at {}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{at}: {}\n{value:#}", errors.join("\n"));
    }
}

/// Whether a path is one of a template.
fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(&path).all(|(known, seen)| known.starts_with('{') && !seen.is_empty() || known == seen)
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("properties").is_some_and(Value::is_object) && !object.contains_key("additionalProperties") && !is_named(object) {
                object.insert("additionalProperties".to_owned(), json!(false));
            }
            object.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether `properties` is the name of something and no keyword.
fn is_named(object: &Map<String, Value>) -> bool {
    !object.contains_key("type")
}
