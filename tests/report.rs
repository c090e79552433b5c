//! Every output format against its schema, on a project that has some of everything, and on hostile and large ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;
use support::{compile_folder, compile_text, settings};
use webhookc::compile::{Compilation, Input, compile};
use webhookc::report::{Format, Style, github_summary, render, unified, unsaid};

const SCHEMAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas");
const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/check");

/// Two files with errors, warnings, notes, fixes, related places, a suppression, and names that have to be escaped.
fn project() -> Compilation {
    let first = "<data-model>\n<model name=\"asset\" label=\"Ä %0A, <b>\">\n<field name=\"name\" label=\"Name\" type=\"txt\"/>\n\
        <belongs-to model=\"usr\"/>\n<display>{name}</display>\n<webhook type=\"update\" name=\"a_b\"/>\n\
        <!-- webhookc-ignore WH0314: a mirror, \"really\" -->\n<webhook type=\"update\" name=\"c\"/>\n\
        <webhook type=\"ready\" name=\"d\"><field name=\"nam\" reqired=\"true\"/><field name=\"nam\"/></webhook>\n</model>\n</data-model>\n";
    let second = "<data-model>\n<model name=\"asset\" label=\"A\">\n<field name=ö label=\"&\u{7}\" type=\"text\"/>\n<display>{x</display>\n</model>\n\
        <model name=\"user\" label=\"U\"><field name=\"n\" label=\"N\" type=\"text\"/><display>{n}</display></model>\n</data-model>\n";
    let mut input = Input::default();
    for (name, text) in [("schemas/a b,c:%.xml", first), ("/tmp/ä&\"<.xml", second)] {
        let file = input.sources.add(name, text.as_bytes().to_vec());
        input.schemas.push(file);
    }
    input.settings = settings(&mut input.sources);
    let compilation = compile(input);
    assert!(compilation.diagnostics.len() >= 8 && compilation.suppressed.len() == 1, "{:?}", compilation.diagnostics);
    assert!(
        compilation.diagnostics.iter().any(|found| !found.fixes.is_empty())
            && compilation.diagnostics.iter().any(|found| !found.related.is_empty())
    );
    compilation
}

/// The project above, one without any finding, and every case of every code.
fn compilations() -> Vec<Compilation> {
    let clean = "<data-model><model name=\"a\" label=\"A\"><field name=\"n\" label=\"N\" type=\"text\"/><display>{n}</display></model></data-model>";
    let mut cut = project();
    cut.diagnostics.keep(3);
    let mut all = vec![project(), compile_text(clean), cut];
    assert!(all[1].diagnostics.is_empty());
    for folder in std::fs::read_dir(CASES).unwrap() {
        all.push(compile_folder(&folder.unwrap().path()));
    }
    all
}

fn is_valid(format: Format, schema: &str) {
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(Path::new(SCHEMAS).join(schema)).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for compilation in compilations() {
        let text = render(&compilation, format, Style::PLAIN);
        let value: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}\n{text}", errors.join("\n"));
    }
}

#[test]
fn what_is_left_out_is_said_in_every_format() {
    let mut compilation = project();
    let all = compilation.diagnostics.len();
    compilation.diagnostics.keep(2);
    let sentence = format!("{} more findings are not shown", all - 2);
    for format in [Format::Full, Format::Concise, Format::Github, Format::Sarif, Format::Junit] {
        let text = render(&compilation, format, Style::PLAIN);
        assert!(text.contains(&sentence), "{format:?}: {text}");
        assert_eq!(unsaid(&compilation, format), None);
    }
    assert!(github_summary(&compilation).contains(&sentence));
    let json: Value = serde_json::from_str(&render(&compilation, Format::Json, Style::PLAIN)).unwrap();
    assert_eq!((json["diagnostics"].as_array().unwrap().len(), &json["summary"]["left_out"]), (2, &(all - 2).into()));
    for format in [Format::Jsonl, Format::Gitlab, Format::Rdjson] {
        assert_eq!(unsaid(&compilation, format).as_ref(), Some(&sentence), "{format:?}");
    }
    let mut one = project();
    one.diagnostics.keep(all - 1);
    assert!(render(&one, Format::Full, Style::PLAIN).ends_with("\n1 more finding is not shown\n"));
}

#[test]
fn json_is_valid() {
    is_valid(Format::Json, "webhookc.json");
}

#[test]
fn sarif_is_valid() {
    is_valid(Format::Sarif, "sarif.json");
}

#[test]
fn gitlab_is_valid() {
    is_valid(Format::Gitlab, "gitlab.json");
}

#[test]
fn rdjson_is_valid() {
    is_valid(Format::Rdjson, "rdjson.json");
}

#[test]
fn junit_is_valid() {
    for compilation in compilations() {
        let text = render(&compilation, Format::Junit, Style::PLAIN);
        let schema = Path::new(SCHEMAS).join("junit.xsd");
        let mut command = Command::new("xmllint");
        command.arg("--noout").arg("--huge").arg("--schema").arg(&schema).arg("-");
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("xmllint cannot be run ({error}); install `libxml2-utils`"));
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn jsonl_is_the_findings_of_json_a_line_each() {
    let compilation = project();
    let json: Value = serde_json::from_str(&render(&compilation, Format::Json, Style::PLAIN)).unwrap();
    let lines = render(&compilation, Format::Jsonl, Style::PLAIN);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json["diagnostics"], Value::Array(lines));
}

#[test]
fn fingerprints_are_unique_and_stay_when_lines_move() {
    let prints = |compilation: &Compilation| -> Vec<String> {
        let report: Value = serde_json::from_str(&render(compilation, Format::Gitlab, Style::PLAIN)).unwrap();
        report.as_array().unwrap().iter().map(|found| found["fingerprint"].as_str().unwrap().to_owned()).collect()
    };
    let webhook = "<webhook type=\"ready\" name=\"NAME\"><field name=\"nam\"/></webhook>\n";
    let schema = format!(
        "<data-model>\n<model name=\"asset\" label=\"A\">\n<field name=\"name\" label=\"N\" type=\"text\"/>\n<display>{{name}}</display>\n{}{}</model>\n</data-model>\n",
        webhook.replace("NAME", "a"),
        webhook.replace("NAME", "b"),
    );
    let first = prints(&compile_text(&schema));
    assert_eq!(first.len(), 2);
    assert_ne!(first[0], first[1], "the same mistake at two places");
    assert_eq!(first, prints(&compile_text(&schema.replacen("<model", "<!-- one -->\n\n<model", 1))));
}

#[test]
fn sarif_says_what_is_suppressed_and_why() {
    let report: Value = serde_json::from_str(&render(&project(), Format::Sarif, Style::PLAIN)).unwrap();
    let results = report["runs"][0]["results"].as_array().unwrap();
    let suppressed: Vec<&Value> = results.iter().filter(|result| result["suppressions"] != serde_json::json!([])).collect();
    assert_eq!(suppressed.len(), 1);
    assert_eq!(suppressed[0]["ruleId"], "WH0314");
    assert_eq!(suppressed[0]["suppressions"][0]["justification"], "a mirror, \"really\"");
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        let rule = &report["runs"][0]["tool"]["driver"]["rules"][index];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["help"]["markdown"].as_str().unwrap().contains("## Wrong"));
    }
    let uris: Vec<&str> =
        results.iter().filter_map(|result| result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str()).collect();
    assert!(uris.contains(&"schemas/a%20b%2Cc%3A%25.xml") && uris.contains(&"file:///tmp/%C3%A4%26%22%3C.xml"), "{uris:?}");
}

#[test]
fn only_sarif_tells_of_suppressed_findings() {
    for format in
        [Format::Full, Format::Concise, Format::Json, Format::Jsonl, Format::Github, Format::Gitlab, Format::Junit, Format::Rdjson]
    {
        let text = render(&project(), format, Style::PLAIN);
        assert!(text.contains("fires on every save") && !text.contains("`c` fires on every save"), "{format:?}\n{text}");
    }
}

#[test]
fn github_commands_stay_on_their_line() {
    let text = render(&project(), Format::Github, Style::PLAIN);
    assert_eq!(text.lines().count(), project().diagnostics.len());
    for line in text.lines() {
        let (properties, message) = line.strip_prefix("::").unwrap().split_once("::").unwrap();
        let (command, properties) = properties.split_once(' ').unwrap();
        assert!(["error", "warning", "notice"].contains(&command), "{line}");
        for property in properties.split(',') {
            let (key, value) = property.split_once('=').unwrap();
            assert!(["file", "line", "col", "endLine", "endColumn", "title"].contains(&key) && !value.contains(':'), "{line}");
        }
        assert!(!message.is_empty());
    }
    assert!(text.contains("file=schemas/a b%2Cc%3A%25.xml,line=3,"), "{text}");
    assert!(text.contains("%0Ahelp: "), "{text}");
}

#[test]
fn the_job_summary_is_a_table_whose_rows_nothing_breaks() {
    let text = github_summary(&project());
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), project().diagnostics.len() + 2);
    assert!(rows.iter().all(|row| row.replace("\\|", "").matches('|').count() == 5), "{text}");
    assert!(text.contains("/tmp/ä&amp;\"&lt;.xml:"), "{text}");
}

#[test]
fn a_narrow_terminal_is_no_trouble() {
    for width in [0, 1, 10, 20, 21, 30, 40, 80, 1000] {
        for compilation in compilations() {
            let text = render(&compilation, Format::Full, Style { color: false, width });
            assert_eq!(text.is_empty(), compilation.diagnostics.is_empty());
        }
    }
}

#[test]
fn a_line_of_source_is_cut_to_the_terminal() {
    for width in [40, 80, 100, 200] {
        for compilation in [many(5, ""), many(5, "\n")] {
            let text = render(&compilation, Format::Full, Style { color: false, width });
            let source: Vec<&str> = text.lines().filter(|line| line.contains(" │ ") && !line.starts_with("  │")).collect();
            assert!(source.len() >= 5 && source.iter().all(|line| line.chars().count() <= width), "{width}\n{text}");
        }
    }
}

/// `count` webhooks, each with a field that is not there, `separator` between the elements.
fn many(count: usize, separator: &str) -> Compilation {
    let mut text =
        "<data-model><model name=\"asset\" label=\"A\"><field name=\"name\" label=\"N\" type=\"text\"/><display>{name}</display>"
            .to_owned();
    for index in 0..count {
        write!(text, "{separator}<webhook type=\"ready\" name=\"w{index}\"><field name=\"f{index}\"/></webhook>").unwrap();
    }
    text.push_str("</model></data-model>");
    compile_text(&text)
}

#[test]
fn a_thousand_findings_are_drawn_in_linear_time() {
    let formats =
        [Format::Full, Format::Concise, Format::Json, Format::Sarif, Format::Junit, Format::Gitlab, Format::Rdjson, Format::Github];
    // 5 KB of filler between two mistakes: a file of five megabytes, on one line or on many.
    for separator in [" ".repeat(5_000), "\n".to_owned()] {
        let compilation = many(1_000, &separator);
        assert_eq!(compilation.diagnostics.len(), 1_000);
        for format in formats {
            let start = Instant::now();
            let text = render(&compilation, format, Style::PLAIN);
            let took = start.elapsed();
            assert!(text.contains("f999"), "{format:?}");
            assert!(text.len() < 5_000_000, "{format:?} has {} bytes", text.len());
            // A look-up from the first byte of the file would read 2.5 GB.
            assert!(took.as_secs() < 10, "{format:?} took {took:?}");
        }
    }
}

#[test]
fn a_diff_is_what_patch_reads() {
    let diff = unified("a.xml", "one\ntwo\nthree\n", "one\n2\nthree\n");
    assert_eq!(diff, "--- a/a.xml\n+++ b/a.xml\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n");
    assert_eq!(unified("a.xml", "same", "same"), "");
    assert!(unified("a.xml", "one", "two").contains("\\ No newline at end of file"));
}
