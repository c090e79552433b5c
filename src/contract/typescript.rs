//! A schema that [`payload_schema`](super::payload_schema) makes → a TypeScript type. What TypeScript cannot say (formats, lengths) is left
//! out.

use std::fmt::Write as _;

use serde_json::Value;

/// The payload as `export type NAME = …`, with what it refers to.
#[must_use]
pub fn typescript(schema: &Value) -> String {
    let mut out = String::new();
    for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
        declare(&mut out, &pascal(name), definition);
    }
    declare(&mut out, &pascal(schema["title"].as_str().unwrap_or("Payload")), schema);
    out
}

fn declare(out: &mut String, name: &str, schema: &Value) {
    // Writing to a string cannot fail.
    let _infallible = writeln!(out, "export type {name} = {};", shown(schema, 0));
}

/// `asset_ready` → `AssetReady`.
fn pascal(name: &str) -> String {
    let mut upper = true;
    let mut out = String::new();
    for letter in name.chars() {
        if !letter.is_ascii_alphanumeric() {
            upper = true;
        } else if std::mem::take(&mut upper) {
            out.push(letter.to_ascii_uppercase());
        } else {
            out.push(letter);
        }
    }
    out
}

fn shown(schema: &Value, depth: usize) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return pascal(reference.rsplit('/').next().unwrap_or(reference));
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    if let Some(values) = schema["enum"].as_array() {
        return union(values.iter().map(Value::to_string));
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        return union(choices.iter().map(|choice| shown(choice, depth)));
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let parts: Vec<String> = parts.iter().map(|part| shown(part, depth)).collect();
        return format!("{} & {}", parts.join(" & "), object(schema, depth));
    }
    match &schema["type"] {
        Value::Array(kinds) => union(kinds.iter().filter_map(Value::as_str).map(|kind| of_kind(kind, schema, depth))),
        Value::String(kind) => of_kind(kind, schema, depth),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => "unknown".to_owned(),
    }
}

fn union(members: impl Iterator<Item = String>) -> String {
    let members: Vec<String> = members.collect();
    if members.is_empty() { "never".to_owned() } else { members.join(" | ") }
}

fn of_kind(kind: &str, schema: &Value, depth: usize) -> String {
    match kind {
        "string" | "boolean" | "null" => kind.to_owned(),
        "number" | "integer" => "number".to_owned(),
        "array" => format!("Array<{}>", shown(&schema["items"], depth)),
        "object" => object(schema, depth),
        _ => "unknown".to_owned(),
    }
}

fn object(schema: &Value, depth: usize) -> String {
    let mut out = String::from("{\n");
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let _infallible = writeln!(out, "{}{name}: {};", "  ".repeat(depth + 1), shown(property, depth + 1));
    }
    let _infallible = write!(out, "{}}}", "  ".repeat(depth));
    out
}
