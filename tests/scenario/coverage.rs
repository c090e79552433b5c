//! What coverage counts, and its three forms.

use crate::project::{run, with_tests};

/// Tries one side of most things.
const HALF: &str = r"given:
  - {model: site, id: s1, fields: {name: North}}
scenarios:
  - name: half
    steps:
      - save: {model: job, id: j1, fields: {name: Dig, status: done, parts: [valve], site_id: s1}}
";

/// Tries the other.
const REST: &str = r"
  - name: the rest
    steps:
      - save: {model: site, id: s2, fields: {name: secret}}
      - save: {model: job, id: j1, fields: {status: open, site_id: s2}}
      - save: {model: job, id: j2, fields: {status: open, parts: [pump]}}
      - save: {model: job, id: j3, fields: {status: open, parts: [pump], site_id: s1}}
      - save: {model: job, id: j4, fields: {site_id: s1}}
";

#[test]
fn each_side_that_was_never_tried_is_named_at_its_place() {
    let folder = with_tests(HALF);
    let ran = run(folder.path(), &["test", "--coverage", "text"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let missed: Vec<&str> = ran.out.lines().filter(|line| line.contains(" was never ")).collect();
    let expected = [
        "schema.xml:9:38: webhook `job_done` was never suppressed",
        "condition `status is set` of `job_done` was never false",
        "schema.xml:10:42: condition `status is done` of `job_done` was never false",
        "schema.xml:12:38: webhook `job_sited` was never suppressed",
        "`when` of `job_sited` was never false",
        "condition `site is set` of `job_sited` was never false",
        "branch of a template was never false",
        "loop of a template was never without items",
        "filter of a loop was never false",
        "branch of a template was never false",
        "loop of a template was never without items",
        "branch of a template was never false",
    ];
    assert_eq!(missed.len(), expected.len(), "{}", ran.out);
    for (missed, expected) in missed.iter().zip(expected) {
        assert!(missed.ends_with(expected), "`{missed}` is not `{expected}`:\n{}", ran.out);
    }
    assert!(ran.out.ends_with("coverage of the rules: 12 of 24 (50.0 %)\n"), "{}", ran.out);

    let folder = with_tests(&format!("{HALF}{REST}"));
    let ran = run(folder.path(), &["test", "--coverage", "text"]);
    assert!(ran.out.ends_with("coverage of the rules: 24 of 24 (100.0 %)\n"), "{}", ran.out);
}

#[test]
fn lcov_and_html_are_files_of_their_own() {
    let folder = with_tests(HALF);
    assert_eq!(run(folder.path(), &["test", "--coverage", "lcov"]).code, 0);
    let lcov = std::fs::read_to_string(folder.path().join("lcov.info")).unwrap();
    assert!(lcov.starts_with("TN:\nSF:schema.xml\nBRDA:9,0,0,1\nBRDA:9,0,1,0\n") && lcov.ends_with("end_of_record\n"), "{lcov}");
    let count = |prefix: &str| lcov.lines().filter(|line| line.starts_with(prefix)).count();
    assert_eq!(lcov.lines().find_map(|line| line.strip_prefix("BRF:")), Some(count("BRDA:").to_string().as_str()));
    assert_eq!(lcov.lines().find_map(|line| line.strip_prefix("LF:")), Some(count("DA:").to_string().as_str()));

    assert_eq!(run(folder.path(), &["test", "--coverage", "html", "--coverage-file", "page.html"]).code, 0);
    let html = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.contains("<h1>Coverage of the rules: 12 of 24 (50.0 %)</h1>"), "{html}");
    assert!(html.contains("&lt;webhook type=&quot;update&quot; name=&quot;job_done&quot;"), "the source is text, not markup");
    assert!(html.contains("<strong class=\"missed\">never suppressed</strong>") && html.contains("prefers-color-scheme:dark"));
    for foreign in ["<script", "http://", "src=", "url("] {
        assert!(!html.replace("https://", "").contains(foreign), "the page needs `{foreign}`");
    }
}
