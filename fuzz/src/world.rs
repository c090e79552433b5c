//! A project that has one of everything, with a hole for a template, and objects of it.

use webhookc::compile::Input;
use webhookc::ids::EndpointId;
use webhookc::program::{BodySource, EndpointSource, Events, HeaderSource, RequestSource};
use webhookc::text::{SourceText, Span, Spanned};

/// Where a template stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Url,
    Header,
    TextBody,
    JsonBody,
    When,
}

const SCHEMA: &str = include_str!("world.xml");

/// What is saved, in this order, to get everything rendered: model, id, body.
pub(super) const SAVES: [(&str, &str, &str); 3] = [
    ("room", "r1", r#"{"name":"Boiler","floor":2}"#),
    ("asset", "a1", r#"{"name":"Pump & <Co>","room_id":"r1","size":3}"#),
    (
        "asset",
        "a2",
        r#"{"name":"é\"\\ ","title":"a\nb","status":"open","tags":["red","green"],"level":1,"size":-9223372036854775808,"weight":2.5,
        "active":false,"bought":"2026-01-31","seen":"2026-01-31T09:08:07Z","place":{"latitude":1.5,"longitude":-2},
        "path":[{"latitude":1,"longitude":2}],"photo":{"id":"p1","state":"uploaded","original":"https://x/p.jpg"},"room_id":"r1"}"#,
    ),
];

/// The project with a template in a place.
pub(super) fn project(place: Place, template: &str) -> Input {
    let mut input = Input::default();
    let when = if place == Place::When { escaped(template) } else { "true".to_owned() };
    let schema = SCHEMA.replace("WHEN", &when);
    input.schemas.push(input.sources.add("schema.xml", schema.into_bytes()));
    let file = input.sources.add("template.txt", template.as_bytes().to_vec());
    let fixed = input.sources.add("fixed.txt", b"https://example.com/hook".to_vec());
    let whole = Span::new(file, 0, template.len());
    let span = Span::new(fixed, 0, 0);
    let filled = SourceText::verbatim(template, whole);
    let mut request = RequestSource {
        url: SourceText::verbatim("https://example.com/hook", Span::new(fixed, 0, 24)),
        method: Spanned::new("POST".into(), span),
        headers: Vec::new(),
        body: None,
        span,
    };
    let body = |content_type: &str| {
        let content_type = Spanned::new(content_type.into(), span);
        Some(Box::new(BodySource { content_type, file: None, text: Some(filled.clone()) }))
    };
    match place {
        Place::Url => request.url = filled,
        Place::Header => request.headers.push(HeaderSource { name: Spanned::new("X-Test".into(), span), value: filled }),
        Place::TextBody => request.body = body("text/plain"),
        Place::JsonBody => request.body = body("application/json"),
        Place::When => {}
    }
    let endpoint = EndpointSource {
        id: EndpointId::new("ep_all"),
        name: Spanned::new("all".into(), span),
        events: Events::All,
        takes_alerts: false,
        enabled: true,
        request,
    };
    input.settings.endpoints.push(endpoint.into());
    input.settings.vars.insert("base_url".to_owned(), "https://api.example.com/v1".to_owned());
    input.settings.secrets.insert("token".to_owned());
    input
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\n', "&#10;")
}
