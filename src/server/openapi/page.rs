//! The document as a page: no script, no foreign file, readable in the dark and on a telephone.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

use crate::server::{App, Problem};

/// What the page may load: its style, from here.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /docs`.
pub(in crate::server) async fn page(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let drawn = draw(&app.document()?.value).into_string();
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, drawn).into_response())
}

/// `GET /docs/docs.css`.
pub(in crate::server) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("docs.css")).into_response()
}

/// The calls of a document, in its order.
fn calls(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, calls)| calls.as_object().into_iter().flatten().map(move |(method, call)| (path, method, call)))
}

fn draw(document: &Value) -> Markup {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "webhookc · API" }
                link rel="stylesheet" href="/docs/docs.css";
            }
            body {
                header {
                    h1 { "The API of webhookc" }
                    p { (prose(document.pointer("/info/description").unwrap_or(&Value::Null))) }
                    p { a href="/openapi.json" { "openapi.json" } " is the same for programs (OpenAPI 3.1). " code { "T" } " stands for " code { "/api/v1/tenants/{tenant}" } "." }
                }
                nav aria-label="Calls" {
                    ul { @for (path, method, call) in calls(document) {
                        li { a href={ "#" (text(&call["operationId"])) } { code.method { (method.to_uppercase()) } " " code { (short(path)) } } " " span.quiet { (prose(&call["summary"])) } }
                    } }
                }
                main {
                    @for (path, method, call) in calls(document) { (one(path, method, call)) }
                    h2 id="schemas" { "What stands in answers" }
                    @for (name, schema) in schemas.into_iter().flatten() {
                        details id={ "schema-" (name) } { summary { code { (name) } } pre { (format!("{schema:#}")) } }
                    }
                }
            }
        }
    }
}

fn one(path: &str, method: &str, call: &Value) -> Markup {
    let parameters = call["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["name"].is_string());
    let body = call.pointer("/requestBody/content").and_then(Value::as_object).into_iter().flatten();
    html! {
        section id=(text(&call["operationId"])) {
            h2 { code.method { (method.to_uppercase()) } " " code { (short(path)) } }
            p.lead { (prose(&call["summary"])) }
            p { (prose(&call["description"])) }
            table {
                caption { "Parameters" }
                tbody { @for parameter in parameters { tr {
                    th scope="row" { code { (text(&parameter["name"])) } }
                    td { (text(&parameter["in"])) @if parameter["required"] == true { ", needed" } }
                    td { (prose(&parameter["description"])) @if let Some(pattern) = parameter.pointer("/schema/pattern").and_then(Value::as_str) { " " code { (pattern) } } }
                } } }
            }
            @for (kind, content) in body { details { summary { "Body: " code { (kind) } } pre { (format!("{:#}", content["schema"])) } } }
            table {
                caption { "Answers" }
                tbody { @for (status, answer) in call["responses"].as_object().into_iter().flatten() { tr {
                    th scope="row" { code { (status) } }
                    td { (answered(answer)) }
                } } }
            }
        }
    }
}

fn answered(answer: &Value) -> Markup {
    if answer["$ref"].is_string() {
        return html! { a href="#schema-Problem" { "Problem" } };
    }
    html! {
        (prose(&answer["description"]))
        @for (kind, content) in answer["content"].as_object().into_iter().flatten() {
            " " code { (kind) }
            @if let Some(name) = content.pointer("/schema/$ref").and_then(Value::as_str).and_then(|name| name.rsplit('/').next()) { " " a href={ "#schema-" (name) } { (name) } }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn short(path: &str) -> String {
    path.replace("/api/v1/tenants/{tenant}", "T")
}

/// Text in which what stands between backticks is code.
fn prose(value: &Value) -> Markup {
    html! {
        @for (index, part) in text(value).split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}
