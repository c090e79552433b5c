//! Compiling schema text with one endpoint that receives everything.

use std::sync::Arc;

use webhookc::check::{Rules, Valid};
use webhookc::compile::{Compilation, Input, compile};
use webhookc::ids::EndpointId;
use webhookc::program::{EndpointSource, Events, RequestSource};
use webhookc::text::{SourceText, Span, Spanned};

const URL: &str = "https://example.com/hook";

/// Compiles.
pub fn compiled(schema: &str) -> Compilation {
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
    let id = EndpointId::new("ep_all");
    input.settings.endpoints.push(Arc::new(EndpointSource {
        id,
        name: Spanned::new("all".into(), span),
        events: Events::All,
        request,
        enabled: true,
        takes_alerts: false,
    }));
    compile(input)
}

/// The rules of a schema without errors.
pub fn rules(schema: &str) -> Valid<Rules> {
    let compilation = compiled(schema);
    assert!(!compilation.diagnostics.has_errors(), "{:?}", compilation.diagnostics);
    compilation.rules.expect("a schema without errors has rules")
}
