//! What the compiler makes of a schema, in words without places: two schemas of one meaning have the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use webhookc::compile::Compilation;

/// A debug print without places.
fn without_places(debug: &str) -> String {
    let mut text = String::with_capacity(debug.len());
    let mut rest = debug;
    while let Some((before, after)) = rest.split_once("Span { ") {
        text.push_str(before);
        rest = after.split_once('}').unwrap().1;
    }
    text + rest
}

/// What the compiler makes of a schema, without places: its findings, and its tables when it has them.
pub fn meaning(compilation: &Compilation) -> String {
    let mut text = String::new();
    for found in &compilation.diagnostics {
        // Advice may repeat a quote as it is written.
        writeln!(text, "{} {}", found.code.as_str(), found.message).unwrap();
    }
    text + &tables(compilation)
}

/// Its tables alone; nothing when there is an error.
pub fn tables(compilation: &Compilation) -> String {
    let mut text = String::new();
    if let Some(rules) = &compilation.rules {
        for model in &rules.program.models {
            write!(text, "{} {} {:?}", model.name, model.label, model.classification).unwrap();
            writeln!(text, "{:?} {:?}", model.properties, model.has_many).unwrap();
        }
        for webhook in &rules.program.webhooks {
            write!(text, "{} {:?} {:?} {:?}", webhook.name, webhook.model, webhook.kind, webhook.receiver).unwrap();
            write!(text, "{:?} {:?} {:?}", webhook.action, webhook.operations, webhook.order).unwrap();
            writeln!(text, "{:?} {:?} {:?}", webhook.conditions, webhook.embeds, webhook.attachments_by_id).unwrap();
            writeln!(text, "{:?}", webhook.when.as_ref().map(|when| &when.text)).unwrap();
            if let Some(request) = &webhook.request {
                write!(text, "{} {}", request.url.text, request.method.value).unwrap();
                for header in &request.headers {
                    write!(text, "{}: {:?}", header.name.value, header.value.text).unwrap();
                }
                let body = request.body.as_ref().and_then(|body| body.text.as_ref());
                writeln!(text, "{:?}", body.map(|body| &body.text)).unwrap();
            }
        }
    }
    without_places(&text)
}
