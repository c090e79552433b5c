//! The forms of output, the filter, and the exit codes.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::project::{SCHEMA, project, run, with_tests};

const TWO: &str = r#"scenarios:
  - name: "good & <fine> # 1"
    steps: []
  - name: bad
    steps:
      - save: {model: job, id: j1, fields: {status: done, name: "a, b: 100%\u001b[31m"}}
        expect:
          deliveries: [{event: job_done, body: {$subset: {operation: update, object: {$subset: {name: x}}}}}]
"#;

#[test]
fn every_format_has_the_outcomes() {
    let folder = with_tests(TWO);
    let said = |format: &str| {
        let ran = run(folder.path(), &["test", "--output-format", format]);
        assert_eq!((ran.code, ran.err.as_str()), (1, "2 scenarios in 1 file: 1 passed, 1 failed\n"), "{format}");
        ran.out
    };
    let full = said("full");
    assert!(full.contains("  ✔ good & <fine> # 1\n  ✘ bad\n") && full.contains("- expected + seen"), "{full}");
    assert!(full.contains("-  \"operation\": \"update\"") && full.contains("+  \"operation\": \"create\""), "{full}");
    assert!(!full.contains('\u{1b}'), "what was saved reaches the terminal: {full:?}");

    let junit = said("junit");
    let mut lint = Command::new("xmllint").args(["--noout", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    lint.stdin.take().unwrap().write_all(junit.as_bytes()).unwrap();
    assert!(lint.wait().unwrap().success(), "{junit}");
    assert!(junit.contains("tests=\"2\" failures=\"1\"") && junit.contains("name=\"good &amp; &lt;fine&gt; # 1\""), "{junit}");

    let tap = said("tap");
    assert!(
        tap.starts_with("TAP version 14\n1..2\nok 1 - jobs.test.yaml: good & <fine> \\# 1\nnot ok 2 - jobs.test.yaml: bad\n  ---\n"),
        "{tap}"
    );

    let github = said("github");
    assert_eq!(github.lines().count(), 1, "{github}");
    assert!(github.starts_with("::error file=jobs.test.yaml,line=8,col="), "{github}");

    let json: serde_json::Value = serde_json::from_str(&said("json")).unwrap();
    assert_eq!(json["summary"], serde_json::json!({"passed": 1, "failed": 1}));
    assert_eq!(json["scenarios"][1]["failures"][0]["line"], 8);
}

#[test]
fn each_note_has_its_line_and_no_address_is_broken() {
    let id = "a-job-with-a-long-name-and-more-and-more-and-more-of-it";
    let save = |id: &str| format!("      - save: {{model: job, id: {id}, fields: {{status: done}}}}\n");
    let test = format!("scenarios:\n  - name: a\n    steps:\n{}{}    deliveries: []\n", save(id), save("j2"));
    let ran = run(with_tests(&test).path(), &["test"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    for line in [
        &format!("        https://erp.example/jobs/{id}"),
        "        job_done of j2 to erp: POST https://erp.example/jobs/j2",
        "        `{\"$contains\": [...]}` allows for others",
    ] {
        assert!(ran.out.lines().any(|seen| seen == line), "`{line}` is missing in:\n{}", ran.out);
    }
}

#[test]
fn the_filter_chooses_and_exit_codes_tell() {
    let folder = with_tests(TWO);
    let ran = run(folder.path(), &["test", "--filter", "good"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, "1 scenario in 1 file: all passed\n"));
    let ran = run(folder.path(), &["test", "--filter", "nothing of it"]);
    assert!(ran.code == 2 && ran.err.contains("no scenario whose name contains `nothing of it`"), "{}", ran.err);

    let broken = with_tests("scenarios:\n  - name: a\n    step: []\n");
    let ran = run(broken.path(), &["test"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("WH0802") && ran.err.contains("did you mean `steps`?") && ran.err.contains("nothing was run"), "{}", ran.err);

    let unsound =
        project(&[("schema.xml", &SCHEMA.replace("name=\"status\" equals", "name=\"stats\" equals")), ("a.test.yaml", "scenarios: []\n")]);
    let ran = run(unsound.path(), &["test"]);
    assert!(ran.code == 2 && ran.err.contains("WH0203"), "{}", ran.err);

    let none = project(&[("schema.xml", SCHEMA)]);
    let ran = run(none.path(), &["test"]);
    assert!(ran.code == 2 && ran.err.contains("no `*.test.yaml` file in `.`"), "{}", ran.err);
    assert_eq!(run(none.path(), &["test", "nowhere"]).code, 2);
}

#[test]
fn tests_stand_in_a_project_or_below_it() {
    let folder = project(&[
        ("schemas/schema.xml", SCHEMA),
        ("webhookc.toml", crate::project::TOML),
        ("tests/deep/jobs.test.yaml", "scenarios:\n  - name: deep\n    steps:\n      - save: {model: job, id: j1, fields: {}}\n"),
    ]);
    for arguments in [&["test"][..], &["test", "tests"], &["test", "tests/deep/jobs.test.yaml"]] {
        let ran = run(folder.path(), arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn json_pastes_verbatim() {
    let item = r#"{"model": "job", "id": "j1", "verb": "put", "fields": {"name": "tab\t \u00e9 \ud83d\ude00 \/ #1: {x}", "status": "done", "parts": ["pump"]}}"#;
    let tests = format!(
        "scenarios:\n  - name: pasted\n    steps:\n      - save: {item}\n    deliveries:\n      - event: job_done\n        body: {{\"$subset\": {{\"object\": {{\"$subset\": {{\"name\": \"tab\\t é \\ud83d\\ude00 / #1: {{x}}\"}}}}}}}}\n"
    );
    let folder = with_tests(&tests);
    let ran = run(folder.path(), &["test"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let whole = r#"{"scenarios": [{"name": "all JSON", "steps": [{"save": {"model": "job", "id": "j1", "fields": {}}, "expect": {"webhooks": {"job_done": "unmet"}}}], "deliveries": []}]}"#;
    let folder = with_tests(whole);
    let ran = run(folder.path(), &["test"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}
