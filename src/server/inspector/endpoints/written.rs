//! What stands in the fields of the form ↔ the document that the API takes. A field is a text as people write it: a header or a condition a
//! line. Nothing is judged here: the document is read and checked as that of the API is.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::check::Accepts;
use crate::endpoints::{AlertTo, Definition, Handling, Profile};
use crate::server::confidential;

/// Boxes that stand for words of a list.
pub(super) const TRIGGERS: [&str; 4] = ["4xx", "5xx", "timeout", "connection"];

/// The fields by name; of boxes with one name all that are checked.
#[derive(Clone, Debug, Default)]
pub(super) struct Written(BTreeMap<String, Vec<String>>);

impl Written {
    /// As a browser sends it.
    pub(super) fn read(body: &[u8]) -> Self {
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(body).into_owned() {
            // Browsers end lines as mails do.
            fields.entry(name).or_default().push(value.replace("\r\n", "\n"));
        }
        Self(fields)
    }

    /// Of an endpoint of which nothing is said yet.
    pub(super) fn blank() -> Self {
        let mut written = Self::default();
        for (name, value) in [("method", "POST"), ("enabled", "true"), ("divert", "true"), ("url", "https://")] {
            written.set(name, value);
        }
        written
    }

    /// Of an endpoint as it is. What is written out in a header that holds credentials is not shown.
    pub(super) fn of(definition: &Definition) -> Self {
        let Definition { name, comment, enabled, wants, .. } = definition;
        let mut written = Self::default();
        written.set("name", name);
        written.set("comment", comment.as_deref().unwrap_or_default());
        written.put("event_types", wants.event_types.iter().map(ToString::to_string).collect());
        written.set("model", wants.model.as_deref().unwrap_or_default());
        written.set("object", wants.object.as_deref().unwrap_or_default());
        written.set("conditions", &lines(wants.conditions.iter().map(condition)));
        written.set("url", &wants.url);
        written.set("method", &wants.method);
        written.set("headers", &lines(wants.headers.iter().map(|(name, value)| header(name, value))));
        written.set("body", wants.body.as_deref().unwrap_or_default());
        written.set("content_type", wants.content_type.as_deref().unwrap_or_default());
        written.flag("enabled", *enabled);
        written.set("timeout", &definition.timeout_ms.map(milliseconds).unwrap_or_default());
        written.set("concurrency", &definition.concurrency.map(|number| number.to_string()).unwrap_or_default());
        written.set("rate_limit", definition.rate_limit.as_deref().unwrap_or_default());
        written.flag("ordered", definition.ordered);
        let profile = |profile: &Profile| match profile {
            Profile::Asymmetric => "asymmetric".to_owned(),
            Profile::Journey => "journey".to_owned(),
        };
        written.put("signatures", definition.signatures.iter().map(profile).collect());
        written.handling(definition.failure_handling.as_ref());
        written
    }

    fn handling(&mut self, handling: Option<&Handling>) {
        self.flag("divert", handling.is_none_or(|handling| handling.divert));
        let Some(Handling { triggers, retry, alert_endpoint, suspend, .. }) = handling else { return };
        self.flag("suspend_when", *suspend);
        let (words, statuses): (Vec<&String>, Vec<&String>) = triggers.iter().partition(|word| TRIGGERS.contains(&word.as_str()));
        self.put("triggers", words.into_iter().cloned().collect());
        self.set("statuses", &statuses.into_iter().cloned().collect::<Vec<_>>().join(" "));
        if let Some(plan) = retry {
            let pattern = plan.pattern.as_deref().unwrap_or(if plan.interval.is_some() { "linear" } else { "schedule" });
            self.set("pattern", pattern);
            self.set("interval", plan.interval.as_deref().unwrap_or_default());
            self.set("max_attempts", &plan.max_attempts.map(|number| number.to_string()).unwrap_or_default());
            self.set("schedule", &plan.schedule.join(", "));
        }
        self.set(
            "alert",
            &match alert_endpoint {
                Some(AlertTo::Endpoint(id)) => id.to_string(),
                Some(AlertTo::Place { url, .. }) => url.to_string(),
                None => String::new(),
            },
        );
    }

    /// What stands in a field.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).and_then(|values| values.last()).map_or("", String::as_str)
    }

    /// What is checked of the boxes of one name.
    pub(super) fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a box is checked.
    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.all(name).iter().any(|known| known == value)
    }

    fn set(&mut self, name: &str, value: &str) {
        self.put(name, vec![value.to_owned()]);
    }

    fn put(&mut self, name: &str, values: Vec<String>) {
        self.0.insert(name.to_owned(), values);
    }

    fn flag(&mut self, name: &str, on: bool) {
        self.put(name, if on { vec!["true".to_owned()] } else { Vec::new() });
    }

    /// The document. `base` is the endpoint as it is, of which what was not shown is kept.
    pub(super) fn document(&self, base: Option<&Definition>) -> Value {
        let text = |name: &str| self.get(name).trim().to_owned();
        let optional = |name: &str| Some(text(name)).filter(|text| !text.is_empty()).map_or(Value::Null, Value::from);
        let number = |name: &str| match text(name) {
            empty if empty.is_empty() => Value::Null,
            // What is no number is said by whoever reads the document.
            written => written.parse::<u64>().map_or(Value::from(written), Value::from),
        };
        let scope = match (text("model"), text("object")) {
            (model, object) if model.is_empty() && object.is_empty() => Value::Null,
            (model, object) if model.is_empty() => json!({ "object": object }),
            (model, object) if object.is_empty() => json!({ "model": model }),
            (model, object) => json!({ "model": model, "object": object }),
        };
        let body = Some(self.get("body")).filter(|text| !text.trim().is_empty()).map_or(Value::Null, Value::from);
        let mut document = json!({
            "name": self.get("name"),
            "comment": optional("comment"),
            "event_types": self.all("event_types"),
            "scope": scope,
            "conditions": self.written_lines("conditions").map(read_condition).collect::<Vec<_>>(),
            "url": text("url"),
            "method": optional("method"),
            "headers": self.written_lines("headers").map(read_header).collect::<Vec<_>>(),
            "body": body,
            "content_type": optional("content_type"),
            "enabled": self.is("enabled", "true"),
            "timeout": optional("timeout"),
            "concurrency": number("concurrency"),
            "rate_limit": optional("rate_limit"),
            "order": if self.is("ordered", "true") { "object" } else { "none" },
            "signatures": self.all("signatures"),
            "failure_handling": self.failures(base),
        });
        if let (Some(fields), secret) = (document.as_object_mut(), text("secret"))
            && !secret.is_empty()
        {
            fields.insert("secret".to_owned(), Value::from(secret));
        }
        document
    }

    /// What is said about failures; null when it is what is done anyway.
    fn failures(&self, base: Option<&Definition>) -> Value {
        let words = |name: &str| -> Vec<String> {
            let words = self.get(name).split([',', ' ', '\n']).map(str::trim).filter(|word| !word.is_empty());
            words.map(str::to_owned).collect()
        };
        let triggers: Vec<String> = self.all("triggers").iter().cloned().chain(words("statuses")).collect();
        let alert = self.get("alert").trim();
        let (divert, suspend) = (self.is("divert", "true"), self.is("suspend_when", "true"));
        let retry = self.retry();
        if triggers.is_empty() && alert.is_empty() && divert && !suspend && retry.is_null() {
            return Value::Null;
        }
        let alert = match alert {
            "" => Value::Null,
            id if !id.contains("://") => Value::from(id),
            url => json!({ "url": url, "headers": headers_of_alert(url, base) }),
        };
        json!({ "triggers": triggers, "retry": retry, "alert_endpoint": alert, "divert": divert, "suspend": suspend })
    }

    fn retry(&self) -> Value {
        let mut plan = Map::new();
        for name in ["pattern", "interval"] {
            let text = self.get(name).trim();
            if !text.is_empty() {
                plan.insert(name.to_owned(), Value::from(text));
            }
        }
        let attempts = self.get("max_attempts").trim();
        if !attempts.is_empty() {
            plan.insert("max_attempts".to_owned(), attempts.parse::<u64>().map_or(Value::from(attempts), Value::from));
        }
        let schedule: Vec<&str> = self.get("schedule").split(',').map(str::trim).filter(|wait| !wait.is_empty()).collect();
        if !schedule.is_empty() {
            plan.insert("schedule".to_owned(), Value::from(schedule));
        }
        if plan.is_empty() { Value::Null } else { Value::Object(plan) }
    }

    /// The lines of a field on which something stands.
    pub(super) fn written_lines(&self, name: &str) -> impl Iterator<Item = &str> {
        self.get(name).lines().map(str::trim).filter(|line| !line.is_empty())
    }
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

fn milliseconds(number: u64) -> String {
    if number.is_multiple_of(1_000) { format!("{} s", number / 1_000) } else { format!("{number} ms") }
}

fn header(name: &str, value: &str) -> String {
    format!("{name}: {}", confidential::header(name, value))
}

/// `Name: value`.
fn read_header(line: &str) -> Value {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    json!({ "name": name.trim(), "value": value.trim() })
}

fn headers_of_alert(url: &str, base: Option<&Definition>) -> Vec<Value> {
    let place = base.and_then(|base| base.failure_handling.as_ref()).and_then(|handling| handling.alert_endpoint.as_ref());
    match place {
        Some(AlertTo::Place { url: known, headers }) if **known == *url => {
            headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
        }
        Some(AlertTo::Place { .. } | AlertTo::Endpoint(_)) | None => Vec::new(),
    }
}

/// `object.state = done, open`; a value that would be read as another kind stands in quotation marks.
fn condition(accepts: &Accepts) -> String {
    let bare =
        |text: &str| serde_json::from_str::<Value>(text).is_err() && !text.contains([',', '"']) && text.trim() == text && !text.is_empty();
    let value = |value: &Value| value.as_str().filter(|text| bare(text)).map_or_else(|| value.to_string(), str::to_owned);
    format!("{} = {}", accepts.path, accepts.accepted_values.iter().map(value).collect::<Vec<_>>().join(", "))
}

fn read_condition(line: &str) -> Value {
    let Some((path, values)) = line.split_once('=') else { return json!({ "path": line, "accepted_values": [] }) };
    let values: Vec<Value> = values_of(values).into_iter().map(|word| serde_json::from_str(&word).unwrap_or(Value::from(word))).collect();
    json!({ "path": path.trim(), "accepted_values": values })
}

/// Words with commas between them; a comma in quotation marks is none.
fn values_of(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for character in text.chars() {
        if character == ',' && !quoted {
            words.push(std::mem::take(&mut word));
            continue;
        }
        quoted ^= character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        word.push(character);
    }
    words.push(word);
    words.into_iter().map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoints::{Draft, Style, document};

    /// The definition that the API makes of a document.
    fn defined(value: &Value) -> Definition {
        changed(value, Draft::blank())
    }

    fn changed(value: &Value, mut definition: Definition) -> Definition {
        let text = value.to_string();
        let mut mistakes = Vec::new();
        let mut object = document(text.as_bytes(), Style::Snake, &mut mistakes).unwrap();
        let draft = Draft::own(&mut object, text.as_bytes());
        object.finish(&mut mistakes);
        draft.apply(&mut definition, &mut mistakes);
        assert_eq!(mistakes, []);
        definition
    }

    #[test]
    fn an_endpoint_that_is_shown_and_sent_back_is_the_same() {
        let definition = defined(&json!({
            "name": "ERP", "comment": "the one", "event_types": ["asset_done", "x"], "scope": { "model": "asset", "object": "a1" },
            "conditions": [{ "path": "object.state", "accepted_values": ["done", "1", 1, null, "a, b", "say \"x\"", ""] }],
            "url": "https://erp.example/{{ object.id }}", "method": "PUT",
            "headers": [{ "name": "Authorization", "value": "Bearer abc" }, { "name": "X-A", "value": "{{ event }}: b" }],
            "body": "{\n  \"a\": 1\n}", "content_type": "application/json", "enabled": false, "timeout": "1500 ms", "concurrency": 3,
            "rate_limit": "5/s", "order": "object", "signatures": ["journey"],
            "failure_handling": { "triggers": ["5xx", "429"], "retry": { "pattern": "schedule", "schedule": ["0s", "5 min"] }, "divert": false, "suspend": true,
                "alert_endpoint": { "url": "https://ops.example/", "headers": { "X-K": "v" } } },
        }));
        let written = Written::of(&definition);
        assert!(!written.get("headers").contains("abc"), "{written:?}");
        assert_eq!(changed(&written.document(Some(&definition)), definition.clone()), definition);
        let plain = defined(&json!({ "name": "a", "event_types": ["*"], "url": "https://a.example/" }));
        assert_eq!(defined(&Written::of(&plain).document(Some(&plain))), plain);
    }
}
