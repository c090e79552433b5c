//! Pictures of the rules: what is drawn, and that no text of a schema can break out of its place.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::Path;

use quick_xml::events::Event;
use support::{compile_folder, compile_text};
use webhookc::graph::{dot, graph, json, mermaid, svg};

const RULES: &str = "<data-model><model name=\"room\" label=\"Room\"><field name=\"n\" label=\"N\" type=\"text\"/><display>{n}</display></model>\
    <model name=\"asset\" label=\"&lt;b> &quot;A&quot;\"><field name=\"n\" label=\"N\" type=\"text\"/><belongs-to model=\"room\"/><display>{n}</display>\
    <webhook type=\"ready\" name=\"asset_ready\"><field name=\"n\" equals=\"&lt;script>&quot;]\\\"/><field name=\"room\"/></webhook></model></data-model>";

#[test]
fn the_graph_holds_models_relations_conditions_embeds_and_endpoints() {
    let compilation = compile_text(RULES);
    let graph: serde_json::Value = serde_json::from_str(&json(&graph(compilation.rules.as_ref().unwrap()))).unwrap();
    let expected = serde_json::json!({
        "format_version": "1.0",
        "models": [
            { "name": "room", "label": "Room", "belongs_to": [], "webhooks": [] },
            {
                "name": "asset",
                "label": "<b> \"A\"",
                "belongs_to": [{ "name": "room", "model": "room" }],
                "webhooks": [{
                    "name": "asset_ready",
                    "kind": "ready",
                    "on": ["create", "update"],
                    "conditions": ["n is set", "n is <script>\"]\\", "room is set"],
                    "embeds": [{ "name": "room", "model": "room" }],
                    "endpoints": ["sink"]
                }]
            }
        ],
        "endpoints": [{ "name": "sink", "url": "http://127.0.0.1:9/sink" }]
    });
    assert_eq!(graph, expected);
}

#[test]
fn no_text_breaks_out_of_its_place() {
    let compilation = compile_text(RULES);
    let graph = graph(compilation.rules.as_ref().unwrap());
    let dot = dot(&graph);
    assert!(dot.contains(r#"m1w0 [label="asset_ready (ready)\nn is set\nn is <script>\"]\\\nroom is set", style=rounded];"#), "{dot}");
    assert!(dot.contains("m1 -> m0 [label=\"room\"];") && dot.contains("m1w0 -> e0;"), "{dot}");
    let mermaid = mermaid(&graph);
    assert!(mermaid.contains("n is #60;script#62;#34;#93;#92;<br/>room is set"), "{mermaid}");
    assert!(mermaid.contains("m1w0 -.->|\"room\"| m0"), "{mermaid}");
    let svg = svg(&graph);
    assert!(svg.contains("n is &lt;script&gt;&quot;]\\</text>") && !svg.contains("<script"), "{svg}");
    assert!(svg.contains("prefers-color-scheme: dark"));
}

#[test]
fn pictures_of_every_engine_case_are_well_formed() {
    let mut drawn = 0;
    for case in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/engine")).unwrap() {
        let compilation = compile_folder(&case.unwrap().path());
        let Some(rules) = compilation.rules.as_ref() else {
            continue;
        };
        drawn += 1;
        let svg = svg(&graph(rules));
        let mut reader = quick_xml::Reader::from_str(&svg);
        let (mut boxes, mut arrows) = (0, 0);
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => break,
                Event::Empty(tag) if tag.name().as_ref() == "rect" => boxes += 1,
                Event::Empty(tag) if tag.name().as_ref() == "path" => arrows += 1,
                _ => {}
            }
        }
        let program = &rules.program;
        assert_eq!(boxes, 1 + program.models.len() + program.webhooks.len() + rules.endpoints.len());
        assert!(arrows > 3);
    }
    assert!(drawn > 10, "{drawn}");
}
