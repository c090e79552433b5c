//! Whatever the bytes of a test file: reading ends with findings at places that exist, and what reads without a finding can be run.

use std::fs;
use std::path::Path;

use proptest::prelude::{ProptestConfig, any, prop, proptest};
use webhookc::check::{Rules, Valid};
use webhookc::compile::{Input, compile};
use webhookc::delivery::Policy;
use webhookc::diagnostics::Diagnostics;
use webhookc::scenario::{Setting, Target, judge, read_recording, read_tests, run};
use webhookc::text::SourceMap;

use crate::project::SCHEMA;

fn rules() -> Valid<Rules> {
    let mut input = Input::default();
    input.schemas.push(input.sources.add("schema.xml", SCHEMA.as_bytes().to_vec()));
    compile(input).rules.unwrap()
}

/// What is found in a file, each as `line:column message`.
fn read(rules: &Valid<Rules>, bytes: &[u8]) -> Vec<String> {
    let mut sources = SourceMap::default();
    let file = sources.add("a.test.yaml", bytes.to_vec());
    let mut out = Diagnostics::default();
    let tests = read_tests(file, sources.file(file), rules, &mut out);
    let mut recorded = Diagnostics::default();
    drop(read_recording(file, sources.file(file), rules, &mut recorded));
    for found in out.iter().chain(&recorded) {
        let span = found.primary.span;
        assert!(sources.file(file).text.get(span.range()).is_some(), "{found:?} is not in {bytes:?}");
    }
    if out.is_empty() {
        let targets = (0..rules.endpoints.len()).map(|index| Target::new(index, Policy::default(), None, None));
        let setting = Setting { rules, targets: targets.collect() };
        for scenario in &tests.scenarios {
            drop(judge(&setting, scenario, &run(&setting, scenario, None), None));
        }
    }
    out.sort();
    let lines = out.iter().map(|found| {
        let at = sources.file(file).position(found.primary.span.start);
        format!("{}:{} {}", at.line, at.column, found.message)
    });
    lines.collect()
}

const GOOD: &str = "given:\n  - {model: site, id: s1, fields: {name: Nörd}}\nanswers: {job_sited: [503, {status: 200, delay: 1 s}]}\nscenarios:\n  - name: \"a \\ud83d\\ude00\"\n    steps:\n      - save: {model: job, id: j1, fields: {name: &n 'x', status: done, site_id: s1, parts: [pump]}}\n        expect:\n          webhooks: {job_sited: fired}\n          deliveries:\n            - event: job_sited\n              body: {$subset: {name: *n}}\n              attempts: [503]\n      - advance: 10 s\n";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn no_text_breaks_the_reader(at in any::<prop::sample::Index>(), length in 0_usize..12, with in "[\\PC\\x00-\\x1f]{0,4}|[-:,{}\\[\\]&*!|>'\"%@` \\n\\t#$0-9]{0,6}") {
        let rules = rules();
        let at = at.index(GOOD.len());
        let mut bytes = GOOD.as_bytes().to_vec();
        bytes.splice(at..(at + length).min(GOOD.len()), with.bytes());
        drop(read(&rules, &bytes));
    }
}

#[test]
fn line_ends_and_a_byte_order_mark_do_not_move_places() {
    let rules = rules();
    assert_eq!(read(&rules, GOOD.as_bytes()), Vec::<String>::new());
    let wrong = GOOD.replace("status: done", "status: dne").replace("event: job_sited", "event: job_sitd");
    let found = read(&rules, wrong.as_bytes());
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("7:67 ") && found[1].starts_with("11:22 "), "{found:?}");
    assert_eq!(read(&rules, wrong.replace('\n', "\r\n").as_bytes()), found);
    let marked = read(&rules, format!("\u{feff}{wrong}").as_bytes());
    assert_eq!(marked, found);
}

#[test]
fn the_readme_shows_a_test_that_passes() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, after) = readme.split_once("```yaml\n").unwrap();
    let (yaml, _) = after.split_once("```").unwrap();
    let schema = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/assets/schema.xml")).unwrap();
    let folder = crate::project::project(&[("schema.xml", &schema), ("readme.test.yaml", yaml)]);
    let ran = crate::project::run(folder.path(), &["test"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}
