//! Structural JSON bodies.

use serde_json::json;

use super::fixture::{Fixture, body};
use crate::ids::FileId;
use crate::text::{SourceText, Span};

#[test]
fn a_body_is_json_whatever_the_values_are() {
    let fixture = Fixture::new().with(&json!({"name": "\"}{\n", "title": null}));
    let cases = [
        (r#"{"b": "{{ object.size }}", "a": [1, 1e3, null, true]}"#, r#"{"b":3,"a":[1,1e3,null,true]}"#),
        (r#"{"n": 12345678901234567890123, "s": "{{ sequence }}"}"#, r#"{"n":12345678901234567890123,"s":6291989525132476422}"#),
        (r#""{{ object.name }}""#, r#""\"}{\n""#),
        (r#"{"t": "name: {{ object.name }}"}"#, r#"{"t":"name: \"}{\n"}"#),
        (
            r#"{"x": "{{ object.title }}", "y": "{{ previous.title }}", "z?": "{{ object.title }}", "w?": "{{ object.size }}"}"#,
            r#"{"x":null,"y":null,"w":3}"#,
        ),
        (
            r#"{"t?": null, "tags": "{{ object.tags }}", "place": "{{ object.place }}"}"#,
            r#"{"tags":["red","green"],"place":{"latitude":1.5,"longitude":-2}}"#,
        ),
        (r#"{"d": "{{ object.title|default(\"é\") }}", "k\u00e9\n": "\ud83d\ude00"}"#, r#"{"d":"é","ké\n":"😀"}"#),
        (
            r#"{"room": "{{ room }}"}"#,
            r#"{"room":{"id":"r1","type":"room","updated_at":"2026-01-31T10:00:00Z","name":"Boiler","floor":2,"building_id":null,"building":null}}"#,
        ),
        (r#"{"$schema": "x", "m": "{{ {'a': 1} }}"}"#, r#"{"$schema":"x","m":{"a":1}}"#),
        (r#"{"{#": 1}"#, r#"{"{#":1}"#),
    ];
    for (template, expected) in cases {
        assert_eq!(fixture.json(template), expected, "{template}");
        if !expected.starts_with("WH") {
            let _: serde_json::Value = serde_json::from_str(expected).unwrap();
        }
    }
}

#[test]
fn a_key_of_an_object_stands_once() {
    let mut fixture = Fixture::new();
    fixture.program.models[1].properties[1].name = "updated_at".into();
    let expected = r#"{"id":"r1","type":"room","name":"Boiler","updated_at":2,"building_id":null,"building":null}"#;
    assert_eq!(fixture.json(r#""{{ room }}""#), expected);
}

#[test]
fn it_repeats_and_chooses() {
    let fixture = Fixture::new();
    let cases = [
        (
            r#"{"$for": "p", "$in": "parts", "$do": {"n": "{{ p.name }}", "i": "{{ loop.index }}"}}"#,
            r#"[{"n":"p1","i":1},{"n":"p2","i":2}]"#,
        ),
        (r#"["a", {"$for": "p", "$in": "parts", "$where": "p.price", "$do": "{{ p.price }}-"}]"#, r#"["a","1.5-"]"#),
        (r#"{"a": {"$if": "object.active", "$then": "yes", "$else": "no"}}"#, r#"{"a":"yes"}"#),
        (r#"{"a": {"$if": "not object.active", "$then": 1}, "b?": {"$if": "not object.active", "$then": 1}}"#, r#"{"a":null}"#),
        (r#"[{"$if": "not object.active", "$then": 1}, 2]"#, "[2]"),
        (r#"{"$if": "object.title", "$then": "a {{ object.title }}", "$else": "none"}"#, r#""none""#),
        (r#"{"$for": "p", "$in": "object.title|default([])", "$do": 1}"#, "WH0406 object.title|default([])"),
    ];
    for (template, expected) in cases {
        assert_eq!(fixture.json(template), expected, "{template}");
    }
}

#[test]
fn mistakes_are_underlined() {
    let fixture = Fixture::new();
    let cases = [
        (r#"{"a": {{ object.size }}, "b": {{ object.name }}}"#, "WH0504 {{ object.size }}; WH0504 {{ object.name }}"),
        (r#"{"a": 1,}"#, "WH0504 ,"),
        (r#"{"a" 1}"#, r#"WH0504 "a""#),
        (r#"{"a": 1"#, "WH0504 {"),
        (r#"["a"#, r#"WH0504 ""#),
        ("[1 2]", "WH0504 2"),
        (r#"{"a": 01}"#, "WH0504 01"),
        (r#"{"a": tru}"#, "WH0504 tru"),
        (r#"{"a": "\x"}"#, r"WH0504 \x"),
        (r#"{"a": 1} x"#, "WH0504 x"),
        (r#"{"a": 1, "a": 2}"#, r#"WH0504 "a""#),
        (r#"{"a?": "{{ object.name }}", "a": 2}"#, r#"WH0504 "a""#),
        (r#"{"{% if true %}a{% endif %}": 2}"#, r#"WH0504 "{% if true %}a{% endif %}""#),
        (r#"{"{{ object.name }}": 1}"#, r#"WH0504 "{{ object.name }}""#),
        ("{% for x in y %}", "WH0504 {% for x in y %}"),
        (r#"{"$for": "p", "$in": "parts"}"#, r#"WH0504 {"$for": "p", "$in": "parts"}"#),
        (r#"{"$for": "p q", "$in": "parts", "$do": 1}"#, "WH0504 p q"),
        (r#"{"$if": "true", "$then": 1, "x": 2}"#, r#"WH0504 "x""#),
        (r#"{"$then": 1}"#, r#"WH0504 "$then""#),
        ("", "WH0504 "),
        (r#"{"a": "x {{ object.nmae }}", "b": "{{ object.nme }}"}"#, "WH0402 nmae; WH0402 nme"),
        (r#"{"a": "{{ object.name|default(\"x\")|uper }}"}"#, "WH0403 uper"),
        (r#"{"a": "x {{ object.title }}"}"#, "failed: the value is null, which cannot be printed"),
        (r#"{"a": "{{ secret.token }}"}"#, "WH0507 secret.token"),
        (
            r#"{"a": {{ object.nmae }}, "b": "{{ object.title }}", "c": "{{ secret.t }}"}"#,
            "WH0504 {{ object.nmae }}; WH0402 nmae; WH0507 secret.t",
        ),
        (
            r#"{"a": {{ object.name|default("x") }}-{{ object.id }}, "b": "{{ object.nmae }}"}"#,
            r#"WH0504 {{ object.name|default("x") }}-{{ object.id }}; WH0402 nmae"#,
        ),
        (r#"{"a": "{{ object.name|default("x") }}", "b": "{{ object.nmae }}"}"#, r#"WH0504 "x"; WH0402 nmae"#),
        (r#"{"a": 1 "b": "{{ object.nmae }}"}"#, r#"WH0504 "; WH0402 nmae"#),
        (r#"{'a': 'x', "b": "{{ object.nmae }}"}"#, "WH0504 'a'; WH0504 'x'; WH0402 nmae"),
        (
            r#"{a: None, "b" = "{{ object.nmae }}", // x
            "c": object.name}"#,
            "WH0504 a; WH0504 None; WH0504 =; WH0402 nmae; WH0504 // x; WH0504 object.name",
        ),
        (r#"{"a": [1, 2, "b": "{{ object.nmae }}"}"#, "WH0504 [; WH0504 :; WH0402 nmae"),
        (r#"{"a": {"b": [1, {"c": "{{ object.nmae }}"}"#, "WH0504 {; WH0504 {; WH0504 [; WH0402 nmae"),
        (r#"{"a": [1, 2}, "b": "{{ object.nmae }}"}"#, "WH0504 }; WH0402 nmae"),
        (r#"{"a": [1, "{{ object.nmae }}"}"#, "WH0504 [; WH0402 nmae"),
        (r#"[{"a": 1], "{{ object.nmae }}"]"#, "WH0504 ]; WH0402 nmae"),
        ("{\"a\": \"x,\n\"b\": \"{{ object.nmae }}\"}", "WH0504 \"; WH0402 nmae"),
        ("{\"a\": \"x\ny\nz\", \"b\": \"{{ object.nmae }}\"}", "WH0504 \n; WH0402 nmae"),
        (r#"{"a": "\x", "b": [1,,2,], "c": +1, "d": "{{ object.nmae }}"}"#, r"WH0504 \x; WH0504 ,; WH0504 ,; WH0504 +; WH0402 nmae"),
        (
            r#"{"$if": "object.", "$then": "{{ object.title }} {{ object.nmae }}", "$else": "{{ object.nme }}"}"#,
            "WH0401 .; WH0402 nmae; WH0402 nme",
        ),
        (r#"{"$for": "p", "$in": "partz", "$where": "p.x +", "$do": "{{ p.x }}{{ object.nmae }}"}"#, "WH0402 partz; WH0401 +; WH0402 nmae"),
        (
            r#"{"a": {{ object.name }}, [{% for x in y %}{{ x }}{% endfor %}]}"#,
            "WH0504 {{ object.name }}; WH0504 [; WH0504 {% for x in y %}",
        ),
        (r#"{"a": [{% for x in y %}{{ x }}{% endfor %}]}"#, "WH0504 {% for x in y %}"),
    ];
    for (template, expected) in cases {
        assert_eq!(fixture.json(template), expected, "{template}");
    }
}

#[test]
fn places_survive_entities_and_escapes() {
    let pieces = [(r#"{"a": "x "#, r#"{"a": "x "#), ("&", "&amp;"), ("&", "&#38;"), (r#"\n\u00e9 {{ object.nmae }}"}"#, "")];
    let mut file = String::new();
    let mut text = SourceText::empty(Span::new(FileId(0), 0, 0));
    for (decoded, written) in pieces {
        let (start, written) = (file.len(), if written.is_empty() { decoded } else { written });
        file.push_str(written);
        text.push(decoded, Span::new(FileId(0), start, file.len()));
    }
    let mut request = body("", "application/json");
    request.body.as_mut().unwrap().text = Some(text);
    let mut out = crate::diagnostics::Diagnostics::default();
    let fixture = Fixture::new();
    assert!(super::super::Request::compile(&request, fixture.scope(), &mut out).is_none());
    let under: Vec<&str> = out.iter().map(|found| &file[found.primary.span.range()]).collect();
    assert_eq!(under, ["nmae"]);
}
