//! URLs and headers: what may stand where, and how values get into them.

use serde_json::json;

use super::fixture::{Fixture, request, source, span};
use crate::program::{BodySource, Classification, HeaderSource, RequestSource};
use crate::text::{Span, Spanned};

#[test]
fn urls_go_where_the_template_says() {
    let fixture = Fixture::new();
    let cases = [
        ("{{ vars.base_url }}/assets/{{ object.id }}", "https://api.example.com/v1/assets/a1"),
        (
            "https://e.com/{{ object.name }}?q={{ object.name }}&t={{ object.seen }}",
            "https://e.com/Pump%20%26%20Co?q=Pump%20%26%20Co&t=2026-01-31T09%3A08%3A07Z",
        ),
        ("https://e.com/{{ secret.token }}/x", "https://e.com/«token»/x"),
        ("https://{{ secret.token }}/x/{{ object.id }}", "https://«token»/x/a1"),
        ("{{ secret.token }}/x/{{ object.id }}", "«token»/x/a1"),
        ("https://e.com?x={{ object.id }}", "https://e.com?x=a1"),
        ("https://e.com/{% if object.active %}{{ object.id }}{% else %}none{% endif %}", "https://e.com/a1"),
        ("http://localhost:4000/x", "http://localhost:4000/x"),
        ("https://{{ object.name }}/x", "WH0501 object.name"),
        ("{{ object.name }}", "WH0501 object.name"),
        ("https://e.com{{ object.name }}/", "WH0501 object.name"),
        ("https://{% if object.active %}a.com{% else %}b.com{% endif %}/", "WH0501 object.active"),
        ("/assets/{{ object.id }}", "WH0502 /assets/{{ object.id }}"),
        ("ftp://e.com/", "WH0502 ftp://e.com/"),
        ("https://e .com/", "WH0502  "),
        ("https://e.com/a b", "WH0502  "),
        ("https://[::1/", "WH0502 https://[::1/"),
        ("https://e.com/{{ object.tags }}", "WH0406 object.tags"),
        ("https://e.com/{{ secret.tokn }}", "WH0508 secret.tokn"),
        ("https://e.com/{{ secret.token|upper }}", "WH0406 secret.token"),
        ("https://{{ object.name }}/x/{{ object.place.nam }}/{{ object.name | uper }}", "WH0501 object.name; WH0402 nam; WH0403 uper"),
        ("https://{{ object.nmae }}/x", "WH0402 nmae"),
        ("https://{{ object.name|uper }}/x", "WH0501 object.name|uper; WH0403 uper"),
        ("https://{{ secret.token|uper }}/x", "WH0403 uper"),
        ("https://{{ secret.tokn }}/x/{{ object.nmae }}", "WH0508 secret.tokn; WH0402 nmae"),
        ("ftp://{{ object.name }}/x y", "WH0502 ftp://{{ object.name }}/x y; WH0501 object.name; WH0502  "),
        ("http://{{ object.name }}/", "WH0501 object.name"),
        ("{{ vars.x + }}/{{ object.nmae }}", "WH0401 }}; WH0402 nmae"),
        ("https://e.com:{{ object.name }}/{{ 1 + }}/{{ object.nmae }}", "WH0501 object.name; WH0401 }}; WH0402 nmae"),
    ];
    for (template, expected) in cases {
        assert_eq!(fixture.url(template), expected, "{template}");
    }
}

#[test]
fn a_value_cannot_climb_out_of_its_segment() {
    let url = "https://e.com/a/{{ object.name }}/b";
    for (name, expected) in [
        ("..", "failed: a path segment came out as `..`, expected a name"),
        (".", "failed: a path segment came out as `.`, expected a name"),
        ("../..", "https://e.com/a/..%2F../b"),
        ("a?b#c", "https://e.com/a/a%3Fb%23c/b"),
        ("@evil.com", "https://e.com/a/%40evil.com/b"),
    ] {
        assert_eq!(Fixture::new().with(&json!({"name": name})).url(url), expected, "{name}");
    }
    assert_eq!(
        Fixture::new().with(&json!({"name": "."})).url("https://e.com/%2e{{ object.name }}"),
        "failed: a path segment came out as `..`, expected a name"
    );
    assert_eq!(
        Fixture::new().with(&json!({"name": ""})).url("https://e.com/{{ object.name }}"),
        "failed: a path segment came out as ``, expected a name"
    );
    assert_eq!(Fixture::new().with(&json!({"name": ""})).url("https://e.com/?q={{ object.name }}"), "https://e.com/?q=");
    let long = Fixture::new().with(&json!({"name": "x".repeat(9000)}));
    assert!(long.url("https://e.com/{{ object.name }}").starts_with("failed: "));
}

#[test]
fn an_unencrypted_target_is_a_warning_and_for_sensitive_objects_an_error() {
    let mut fixture = Fixture::new();
    let plain = RequestSource { url: source("http://e.com/"), ..request() };
    let (compiled, found) = fixture.compile(&plain);
    assert!(compiled.is_some());
    assert_eq!(found, ["warning WH0503 http://e.com/"]);
    fixture.program.models[1].classification = Classification::Sensitive;
    let (compiled, found) = fixture.compile(&plain);
    assert!(compiled.is_none());
    assert_eq!(found, ["WH0503 http://e.com/"]);
}

#[test]
fn a_value_cannot_end_a_header() {
    let fixture = Fixture::new().with(&json!({"name": "a\r\nX-Evil: 1"}));
    let cases = [
        ("Bearer {{ secret.token }}", "Bearer «token»"),
        ("  {{ object.name }}\n  ", "a  X-Evil: 1"),
        ("{{ object.note|default('') }}", "WH0505 object.note|default('')"),
        ("{{ object.note|default('')|replace('\\n', ' ') }}", "a b"),
        ("a\nb", "WH0505 \n"),
        ("{{ object.tags }}", "WH0406 object.tags"),
        ("{{ 'é' }}", "é"),
        ("{{ secret.token|default('x') }}", "«token»"),
        ("{{ [secret.token]|tojson }}", "WH0406 [secret.token]"),
        ("{{ {'a': [secret.token]}|tojson }}", "WH0406 {'a': [secret.token]}"),
        ("{% for t in [secret.token, secret.token]|unique %}{{ t }}{% endfor %}", "WH0406 [secret.token, secret.token]"),
        ("{% for t in [secret.token, 'x'] %}{{ t }}{% endfor %}", "«token»x"),
    ];
    for (template, expected) in cases {
        assert_eq!(fixture.header(template), expected, "{template}");
    }
}

#[test]
fn some_headers_are_the_senders() {
    let fixture = Fixture::new();
    for (name, expected) in [
        ("Host", "WH0506 elsewhere"),
        ("Webhook-Anything", "WH0506 elsewhere"),
        ("x-journey-signature", "WH0506 elsewhere"),
        ("X Bad", "WH0505 elsewhere"),
        ("", "WH0505 elsewhere"),
        ("X-Good", ""),
    ] {
        let header = HeaderSource { name: Spanned::new(name.into(), span()), value: source("x") };
        let (_, found) = fixture.compile(&RequestSource { headers: vec![header], ..request() });
        assert_eq!(found.join("; "), expected, "{name}");
    }
}

#[test]
fn a_template_file_that_is_not_there_is_reported_at_its_name() {
    let file = Some(Spanned::new("comment.json".into(), Span { start: 3, ..span() }));
    let body = BodySource { content_type: Spanned::new("application/json".into(), span()), file, text: None };
    let (_, found) = Fixture::new().compile(&RequestSource { body: Some(Box::new(body)), ..request() });
    assert_eq!(found, ["WH0409 elsewhere"]);
}
