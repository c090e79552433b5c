//! Compiling schema text with one endpoint that receives everything, or with endpoints of one's own.
#![allow(dead_code, reason = "each benchmark uses a part")]

use std::sync::Arc;

use webhookc::check::{Rules, Valid};
use webhookc::compile::{Compilation, Input, compile};
use webhookc::ids::EndpointId;
use webhookc::program::{EndpointSource, Events, RequestSource};
use webhookc::text::{SourceText, Span, Spanned};

const URL: &str = "https://example.com/hook";

/// Compiles.
pub fn compiled(schema: &str) -> Compilation {
    compiled_for(schema, [("all".to_owned(), None)])
}

/// Compiles with these endpoints: the name, and the event that it gets; `None` for all.
pub fn compiled_for(schema: &str, endpoints: impl IntoIterator<Item = (String, Option<&'static str>)>) -> Compilation {
    let mut input = Input::default();
    input.schemas.push(input.sources.add("schema.xml", schema.as_bytes().to_vec()));
    let span = Span::new(input.sources.add("webhookc.toml", URL.as_bytes().to_vec()), 0, URL.len());
    let request = RequestSource {
        url: SourceText::verbatim(URL, span),
        method: Spanned::new("POST".into(), span),
        headers: Vec::new(),
        body: None,
        span,
    };
    input.settings.endpoints.extend(endpoints.into_iter().map(|(name, event)| {
        Arc::new(EndpointSource {
            id: EndpointId::new(format!("ep_{name}")),
            name: Spanned::new(name.into(), span),
            events: event.map_or(Events::All, |event| Events::Named(vec![Spanned::new(event.into(), span)])),
            request: request.clone(),
            enabled: true,
            takes_alerts: false,
        })
    }));
    compile(input)
}

/// The rules of a compilation without errors.
pub fn without_errors(compilation: Compilation) -> Valid<Rules> {
    assert!(!compilation.diagnostics.has_errors(), "{:?}", compilation.diagnostics);
    compilation.rules.expect("a schema without errors has rules")
}

/// The rules of a schema without errors.
pub fn rules(schema: &str) -> Valid<Rules> {
    without_errors(compiled(schema))
}
