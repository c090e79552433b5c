//! What the formats print, by example.

use super::*;
use crate::diagnostics::{Code, Diagnostic, Fix};
use crate::ids::FileId;
use crate::text::Span;

fn compilation(files: &[(&str, &str)], found: impl IntoIterator<Item = Diagnostic>) -> Compilation {
    let mut sources = SourceMap::default();
    for (name, text) in files {
        sources.add(*name, text.as_bytes().to_vec());
    }
    let mut diagnostics = Diagnostics::default();
    for diagnostic in found {
        diagnostics.push(diagnostic);
    }
    Compilation { sources, diagnostics, suppressed: Vec::new(), rules: None, rejected: None, models: 3, webhooks: 1 }
}

fn at(file: u32, text: &str, part: &str) -> Span {
    let start = text.find(part).unwrap();
    Span::new(FileId(file), start, start + part.len())
}

const SCHEMA: &str =
    "<model name=\"asset\">\n    <webhook type=\"ready\">\n        <field name=\"asset_foto\" />\n    </webhook>\n</model>\n";
const OTHER: &str = "<model name=\"asset\">\n</model>\n";

fn example() -> Compilation {
    let span = at(0, SCHEMA, "asset_foto");
    let unknown = Diagnostic::new(Code::UnknownReference, span, "model `asset` has no field `asset_foto`")
        .label("not a field")
        .related(at(0, SCHEMA, "asset"), "the model")
        .related(at(1, OTHER, "asset"), "also declared here")
        .help("did you mean `asset_photo`?")
        .fix(Fix::replace("rename to `asset_photo`", span, "asset_photo"));
    compilation(&[("a.xml", SCHEMA), ("b.xml", OTHER)], [unknown])
}

#[test]
fn concise_is_one_line_a_finding() {
    assert_eq!(render(&example(), Format::Concise, Style::PLAIN), "a.xml:3:22: error[WH0203]: model `asset` has no field `asset_foto`\n");
}

#[test]
fn full_shows_the_source_the_labels_the_help_and_the_other_file() {
    let text = render(&example(), Format::Full, Style::PLAIN);
    for part in [
        "error[WH0203] unknown-reference",
        "model `asset` has no field `asset_foto`",
        "[a.xml:3:22]",
        "not a field",
        "the model",
        "help: did you mean `asset_photo`?",
        "b.xml:1:14: also declared here",
    ] {
        assert!(text.contains(part), "`{part}` is missing in\n{text}");
    }
    assert!(!text.contains('\x1b'), "colour that was not asked for");
    assert!(render(&example(), Format::Full, Style { color: true, width: 80 }).contains('\x1b'));
}

#[test]
fn a_line_of_a_megabyte_is_cropped_around_its_label() {
    let long = format!("{}ü<oops/>{}\nnext", "ä".repeat(500_000), "x".repeat(500_000));
    let file = compilation(&[("long.xml", &long)], [Diagnostic::new(Code::UnknownElement, at(0, &long, "oops"), "unknown element `oops`")]);
    let text = render(&file, Format::Full, Style::PLAIN);
    assert!(text.contains("<oops/>"), "{text}");
    assert!(text.contains("long.xml:1:500003"), "{text}");
    assert!(text.len() < 3_000, "{} bytes", text.len());
}

#[test]
fn any_span_can_be_drawn() {
    for source in ["", "\n", "a", "ä\r\nö\r\n", "\u{feff}<a>\n\t<b/>\n</a>"] {
        for start in 0..=source.len() + 2 {
            for end in start..=source.len() + 3 {
                let diagnostic = Diagnostic::new(Code::UnclosedTag, Span::new(FileId(0), start, end), "seen here").label("this");
                let text = render(&compilation(&[("a.xml", source)], [diagnostic]), Format::Full, Style::PLAIN);
                assert!(text.contains("seen here"), "{source:?} {start}..{end}");
            }
        }
    }
}

#[test]
fn json_has_the_versioned_shape_and_a_fingerprint_that_survives_a_move() {
    let report: serde_json::Value = serde_json::from_str(&render(&example(), Format::Json, Style::PLAIN)).unwrap();
    assert_eq!(report["format_version"], "1.0");
    assert_eq!(report["summary"], serde_json::json!({"files": 2, "models": 3, "webhooks": 1, "errors": 1, "warnings": 0}));
    let finding = &report["diagnostics"][0];
    assert_eq!(finding["primary"]["file"], "a.xml");
    assert_eq!(finding["primary"]["span"]["start"], serde_json::json!({"offset": 69, "line": 3, "column": 22}));
    assert_eq!(finding["fixes"][0]["edits"][0], serde_json::json!({"file": "a.xml", "start": 69, "end": 79, "text": "asset_photo"}));
    assert_eq!(finding["related"][1]["label"], "also declared here");

    let moved = format!("<!-- new line -->\n{SCHEMA}");
    let diagnostic = Diagnostic::new(Code::UnknownReference, at(0, &moved, "asset_foto"), "model `asset` has no field `asset_foto`");
    let later: serde_json::Value =
        serde_json::from_str(&render(&compilation(&[("a.xml", &moved)], [diagnostic]), Format::Json, Style::PLAIN)).unwrap();
    assert_eq!(later["diagnostics"][0]["fingerprint"], finding["fingerprint"]);
}

#[test]
fn the_summary_counts_what_there_is() {
    assert_eq!(summary(&example()), "1 error in 1 file · 3 models, 1 webhook");
    assert_eq!(summary(&compilation(&[], [])), "no mistakes · 3 models, 1 webhook");
}
