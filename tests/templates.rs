//! Templates inside whole schemas: every fix repairs what it is given for, and what has been reported where it is declared is no second
//! mistake where it is used.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use support::{compile_text, in_words};
use webhookc::compile::Compilation;
use webhookc::diagnostics::Fix;

/// A schema with this in its asset model and with these parts of its webhook.
fn schema(model: &str, fields: &str, request: &str) -> String {
    format!(
        r#"<data-model>
    <model name="room" label="Room">
        <field name="name" label="Name" type="text" />
        <belongs-to model="house" />
        <display>{{name}}</display>
    </model>
    <model name="house" label="House">
        <field name="name" label="Name" type="text" />
        <display>{{name}}</display>
    </model>
    <model name="asset" label="Asset">
        <field name="name" label="Name" type="text" />
        <field name="title" label="Title" type="text" />
        <field name="status" label="Status" type="single-choice"><option key="open">Open</option><option key="done">Done</option></field>
        {model}
        <belongs-to model="room" />
        <display>{{name}}</display>
        <webhook type="update" name="asset_saved">
            <field name="name" />{fields}
            <request {request}</request>
        </webhook>
    </model>
</data-model>
"#
    )
}

fn body(text: &str) -> String {
    format!(r#"url="https://example.com/hook"><body content-type="text/plain">{text}</body>"#)
}

fn codes(compilation: &Compilation) -> Vec<&str> {
    compilation.diagnostics.iter().map(|found| found.code.as_str()).collect()
}

fn apply(text: &str, fix: &Fix) -> String {
    let mut edits: Vec<_> = fix.edits.iter().collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
    let mut text = text.to_owned();
    for edit in edits {
        text.replace_range(edit.span.range(), &edit.text);
    }
    text
}

#[test]
fn every_fix_repairs() {
    let json = |text: &str| format!(r#"url="https://example.com/hook"><body>{text}</body>"#);
    let cases = [
        ("WH0402", body("{{ object.nmae }}")),
        ("WH0402", body("{{ objct.name }}")),
        ("WH0402", body("{{ name }}")),
        ("WH0402", body("{% if changed('nmae') %}x{% endif %}")),
        ("WH0402", body("{{ object['nmae'] }}")),
        ("WH0403", body("{{ object.name|uper }}")),
        ("WH0404", body("{% if object.name is definde %}x{% endif %}")),
        ("WH0404", body("{% if chnged('name') %}x{% endif %}")),
        ("WH0405", body("{{ object.room.name }}")),
        ("WH0406", body("{% if object.status == 'opne' %}x{% endif %}")),
        ("WH0407", body("{{ object.title }}")),
        ("WH0407", body("{{ object.title ~ '&amp;' }}")),
        ("WH0407", r#"url="https://example.com/{{ object.title }}">"#.to_owned()),
        ("WH0504", json(r#"{"a": {{ object.name }}}"#)),
        ("WH0504", json(r#"{"a": {{ object.title|default("&lt;x") }}}"#)),
        ("WH0504", json(r#"{"a": "{{ object.title|default("x") }}"}"#)),
        ("WH0504", json(r#"{"a": 1,}"#)),
        ("WH0504", json(r#"{"a": 1 "b": 2}"#)),
        ("WH0504", json("{a: 1}")),
        ("WH0504", json(r#"{"a": 'x'}"#)),
        ("WH0504", json(r#"{"a": None}"#)),
        ("WH0504", json(r#"{"a": 1 /* x */}"#)),
    ];
    for (code, request) in cases {
        let text = schema("", "", &request);
        let found = compile_text(&text);
        let diagnostic = found.diagnostics.iter().find(|found| found.code.as_str() == code);
        let fix = diagnostic.and_then(|found| found.fixes.first()).unwrap_or_else(|| panic!("{request}\n{}", in_words(&found)));
        let repaired = apply(&text, fix);
        let after = compile_text(&repaired);
        assert!(!codes(&after).contains(&code), "{request}\n{repaired}\n{}", in_words(&after));
        assert!(!after.diagnostics.has_errors(), "{request}\n{repaired}\n{}", in_words(&after));
    }
}

#[test]
fn a_field_is_added_where_fields_stand() {
    let added = |fields: &str, template: &str| {
        let text = schema("", fields, &body(template));
        let found = compile_text(&text);
        let fix = found.diagnostics.iter().find(|found| found.code.as_str() == "WH0405").and_then(|found| found.fixes.first());
        let repaired = apply(&text, fix.unwrap_or_else(|| panic!("{}", in_words(&found))));
        repaired.lines().filter(|line| line.contains("required=\"false\"")).map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(added("", "{{ room.name }}"), r#"            <field name="room" required="false" />"#);
    assert_eq!(
        added(r#"<field name="room" />"#, "{{ room.house.name }}"),
        r#"            <field name="name" /><field name="room" /><field name="room.house" required="false" />"#
    );
}

#[test]
fn what_is_listed_without_embedding_gets_advice() {
    let found = compile_text(&schema("", r#"<field name="room" embed="false" />"#, &body("{{ room.name }}")));
    let diagnostic = found.diagnostics.iter().find(|found| found.code.as_str() == "WH0405").unwrap();
    assert!(diagnostic.fixes.is_empty() && diagnostic.help[0].starts_with("take `embed=\"false\"` away"), "{}", in_words(&found));
}

#[test]
fn what_is_reported_where_it_is_declared_is_silent_where_it_is_used() {
    let cases = [
        (r#"<field name="wieght" label="W" type="nmber" />"#, "", "{{ object.wieght }}", "WH0206"),
        (r#"<belongs-to model="hause" />"#, "", "{{ hause.name }}{{ object.hause.name }}{{ object.hause_id }}", "WH0203"),
        ("", r#"<field name="rom" />"#, "{{ room.name }}", "WH0203"),
        (r#"<feild name="size" label="S" type="integer" />"#, "", "{{ object.size | default(0) }}", "WH0103"),
    ];
    for (model, fields, template, expected) in cases {
        let found = compile_text(&schema(model, fields, &body(template)));
        assert_eq!(codes(&found).join(" "), expected, "{}", in_words(&found));
        assert!(found.rules.is_none());
    }
}
