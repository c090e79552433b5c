//! Each kind of expectation: met, and broken in every way, with what is said then.

use crate::project::{run, with_tests};

/// Scenarios that are all as the rules have it, in which each line can be broken.
const TESTS: &str = r#"start: 2026-03-01T08:00:00Z
secrets: {token: t-1}
given:
  - {model: site, id: s1, fields: {name: North}}
answers:
  erp: [503, {status: 429, retry_after: 10 s}, timeout]
scenarios:
  - name: a job
    steps:
      - save: {"model": "job", "id": "j1", "fields": {"name": "Dig", "status": "open", "parts": ["pump", "valve"], "site_id": "s1"}}
        expect:
          webhooks: {job_done: 'status is "open", needs "done"', job_sited: fired}
          deliveries:
            - event: job_sited
              object: j1
              method: POST
              url: https://sites.example/North
              headers: {x-part: valve, content-type: application/json, webhook-sequence: {$regex: "^[0-9]+$"}}
              body: {name: Dig, parts: [pump, valve], done: false}
              state: delivered
              signature: valid
              attempts: 1
      - patch: {model: job, id: j1, fields: {status: done, site_id: null}}
        expect:
          webhooks: {job_done: fired, job_sited: unmet}
      - advance: 1 s
        expect:
          deliveries: [{event: job_done, state: pending, attempts: [503, 429]}]
      - delete: {model: job, id: j1}
        expect: {webhooks: {job_done: fired, job_sited: other-operation}}
      - delete: {model: job, id: j1}
        expect: {refused: no-such-object}
      - advance: 1 min
    deliveries:
      - event: job_sited
      - event: job_done
        endpoint: erp
        url: https://erp.example/jobs/j1
        headers: {x-token: t-1}
        body:
          $subset:
            operation: update
            sequence: $integer
            object: {$subset: {name: Dig, parts: {$contains: [valve]}, updated_at: $datetime, site_id: null}}
        state: diverted
        reason: {$regex: "attempt 3 of 3"}
        attempts:
          - {after: 0 s, at: "2026-03-01T08:00:00Z", answer: 503}
          - {after: 1 s, answer: 429}
          - {after: 11 s, answer: timeout}
      - event: job_done
        body: {$subset: {operation: delete}}
        state: diverted
"#;

#[test]
fn what_is_as_expected_passes() {
    let folder = with_tests(TESTS);
    let ran = run(folder.path(), &["test"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(ran.out, "jobs.test.yaml\n  ✔ a job\n");
    assert_eq!(ran.err, "1 scenario in 1 file: all passed\n");
}

/// Breaks one place of the test and expects this in what is said, at that line.
fn broken(from: &str, to: &str, said: &str) {
    assert_eq!(TESTS.matches(from).count(), 1, "`{from}` does not stand once in the test");
    let tests = TESTS.replace(from, to);
    let folder = with_tests(&tests);
    let ran = run(folder.path(), &["test", "--output-format", "json"]);
    assert_eq!(ran.code, 1, "`{from}` → `{to}`: {}{}", ran.out, ran.err);
    assert!(ran.out.contains(said), "`{from}` → `{to}` should say `{said}`, said:\n{}", ran.out);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let failures = report["scenarios"][0]["failures"].as_array().unwrap();
    let start = TESTS.find(from).map_or(0, |at| TESTS[..at].matches('\n').count() + 1);
    let lines = start.saturating_sub(1)..=start + to.matches('\n').count() + 1;
    let near = failures.iter().any(|failure| lines.contains(&usize::try_from(failure["line"].as_u64().unwrap()).unwrap()));
    assert!(near, "`{to}` stands in line {start}, the failures in {failures:?}");
}

#[test]
fn each_broken_expectation_is_told_at_its_line() {
    broken("job_sited: fired}", "job_sited: unmet}", "`job_sited` fired; expected it not to fire, a condition being unmet");
    broken(
        "needs \"done\"'",
        "needs \"open\"'",
        "did not fire: status is \\\"open\\\", needs \\\"done\\\"; expected it not to fire, because",
    );
    broken("{job_done: fired, job_sited: unmet}", "{job_sited: unmet}", "`job_done` fired for `j1`, expected no other webhook to fire");
    broken("              method: POST", "              method: PUT", "`method` is \\\"POST\\\", expected \\\"PUT\\\"");
    broken("sites.example/North", "sites.example/South", "`url` is ");
    broken("x-part: valve,", "x-part: pump,", "`headers.x-part` is \\\"valve\\\"");
    broken("x-part: valve, ", "", "the header `x-part` is \\\"valve\\\", expected no such header");
    broken("x-part: valve, ", "x-part: valve, x-other: a, ", "there is no header `x-other`");
    broken("[pump, valve], done", "[pump], done", "`body.parts` is a list of 2, expected a list of 1");
    broken("[pump, valve], done", "[valve, pump], done", "`body.parts[0]` is \\\"pump\\\", expected \\\"valve\\\"");
    broken(", done: false}", "}", "`body.done` is false, expected no such key");
    broken(", done: false}", ", done: false, more: 1}", "`body.more` is nothing, there is no such key, expected 1");
    broken("attempts: 1\n", "attempts: 2\n", "there was 1 attempt, expected 2");
    broken("attempts: [503, 429]", "attempts: [503, 500]", "the attempt came to `answered 429`, expected `answered 500`");
    broken("state: pending", "state: delivered", "`state` is \\\"pending\\\", expected \\\"delivered\\\"");
    broken("{refused: no-such-object}", "{refused: unknown-field}", "the save is refused for another reason than expected");
    broken("        expect: {refused: no-such-object}\n", "", "the save is refused");
    broken("job_sited: other-operation}}", "job_sited: other-operation}, refused: any}", "the save is taken in, expected it to be refused");
    broken("      - event: job_sited\n      - event", "      - event", "a delivery was made that is not expected");
    broken("        endpoint: erp\n", "        endpoint: job_sited\n", "no delivery of `job_done` to `job_sited` was made");
    broken("sequence: $integer", "sequence: $string", "`body.sequence` is ");
    broken("updated_at: $datetime", "updated_at: $date", "`body.object.updated_at` is ");
    broken("{$contains: [valve]}", "{$contains: [hammer]}", "expected an item that is \\\"hammer\\\"");
    broken("attempt 3 of 3", "attempt 4 of 4", "expected text that matches `attempt 4 of 4`");
    broken("{after: 11 s,", "{after: 12 s,", "the attempt was made after 11000 ms, expected 12000 ms");
    broken("at: \"2026-03-01T08:00:00Z\"", "at: \"2026-03-01T08:00:01Z\"", "the attempt was made at 2026-03-01T08:00:00Z, expected");
    broken("answer: timeout}", "answer: refused}", "the attempt came to `timeout`");
    broken(
        "{$subset: {operation: delete}}",
        "{$subset: {operation: update}}",
        "`body.operation` is \\\"delete\\\", expected \\\"update\\\"",
    );
}

#[test]
fn every_kind_of_signature_is_verified() {
    let folder = with_tests(
        "scenarios:\n  - name: signed\n    steps:\n      - save: {model: job, id: j1, fields: {status: done}}\n    deliveries:\n      - event: job_done\n        signature: valid\n        headers: {x-token: test-token, webhook-signature: {$regex: \"^v1,[^ ]+ v1a,[^ ]+$\"}, x-journey-signature: {$regex: \"^[0-9a-f]{64}$\"}}\n",
    );
    let toml = folder.path().join("webhookc.toml");
    let text = std::fs::read_to_string(&toml).unwrap();
    std::fs::write(&toml, text.replace("timeout =", "signatures = [\"standard\", \"asymmetric\", \"journey\"]\ntimeout =")).unwrap();
    let ran = run(folder.path(), &["test"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn deliveries_stand_in_the_order_of_their_saves() {
    let steps = "    steps:\n      - save: {model: site, id: s1, fields: {name: a}}\n      - save: {model: job, id: j1, fields: {status: done, site_id: s1}}\n      - save: {model: job, id: j2, fields: {status: done}}\n";
    let folder = with_tests(&format!(
        "scenarios:\n  - name: one save\n{steps}    deliveries: [{{event: job_sited}}, {{event: job_done}}, {{event: job_done, object: j2}}]\n\
         \x20 - name: two saves\n{steps}    deliveries: [{{event: job_done, object: j2}}, {{event: job_sited}}, {{event: job_done, object: j1}}]\n"
    ));
    let ran = run(folder.path(), &["test"]);
    assert_eq!(ran.err, "2 scenarios in 1 file: 1 passed, 1 failed\n", "{}", ran.out);
    assert!(ran.out.contains("✔ one save") && ran.out.contains("is of an earlier save than the one above it"), "{}", ran.out);
}

#[test]
fn what_did_not_fire_says_why() {
    let folder = with_tests(
        "scenarios:\n  - name: nothing\n    steps:\n      - save: {model: job, id: j1, fields: {status: open}}\n    deliveries:\n      - {event: job_done, object: j1}\n",
    );
    let ran = run(folder.path(), &["test"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("× no delivery of `job_done` of `j1` was made"), "{}", ran.out);
    assert!(ran.out.contains("jobs.test.yaml:6:10"), "{}", ran.out);
    assert!(ran.out.contains("at this step, job_done of j1: status is \"open\", needs \"done\""), "{}", ran.out);
}

#[test]
fn receivers_answer_late_never_and_in_their_own_time() {
    let folder = with_tests(
        r"answers: {erp: [{status: 200, delay: 1500 ms}, {status: 200, delay: 3 s}, refused, 200]}
scenarios:
  - name: late but in time
    steps:
      - save: {model: job, id: j1, fields: {status: done}}
        expect: {deliveries: [{event: job_done, state: pending, attempts: 1}]}
      - advance: 1499 ms
      - advance: 1 ms
        expect: {deliveries: [{event: job_done, state: delivered, attempts: [200]}]}
      - save: {model: job, id: j2, fields: {status: done}}
      - advance: 5 s
        expect:
          deliveries: [{event: job_done, object: j2, state: delivered, attempts: [{after: 0 s, answer: timeout}, {after: 3 s, answer: refused}, {after: 4 s, answer: 200}]}]
  - name: a receiver that wants no more is sent no more
    answers: {erp: [410]}
    steps:
      - save: {model: job, id: j1, fields: {status: done}}
      - save: {model: job, id: j2, fields: {status: done}}
      - advance: 1 h
    deliveries:
      - {event: job_done, object: j1, state: diverted, attempts: [410]}
      - {event: job_done, object: j2, state: pending, attempts: 0}
  - name: a year of attempts
    steps:
      - save: {model: job, id: j1, fields: {status: done}}
      - advance: 365 d
",
    );
    let ran = run(folder.path(), &["test"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn deliveries_that_contain_others_and_snapshots() {
    let tests = r"scenarios:
  - name: both
    snapshot: true
    steps:
      - save: {model: site, id: s1, fields: {name: North}}
      - save: {model: job, id: j1, fields: {status: done, site_id: s1}}
    deliveries: {$contains: [{event: job_sited}]}
";
    let folder = with_tests(tests);
    let ran = run(folder.path(), &["test"]);
    assert!(ran.code == 1 && ran.out.contains("there is no snapshot of this scenario"), "{}", ran.out);
    let kept = folder.path().join("jobs.snapshot.json");
    assert!(!kept.exists(), "nothing is written unasked");
    assert_eq!(run(folder.path(), &["test", "-u"]).code, 0);
    assert_eq!(run(folder.path(), &["test"]).code, 0);
    let first = std::fs::read_to_string(&kept).unwrap();
    assert!(first.contains("https://erp.example/jobs/j1") && first.contains("job_done of j1: fired"), "{first}");
    assert!(!first.contains("webhook-signature"), "{first}");

    let test = folder.path().join("jobs.test.yaml");
    std::fs::write(&test, tests.replace("North", "South")).unwrap();
    let ran = run(folder.path(), &["test"]);
    assert!(
        ran.code == 1 && ran.out.contains("-      \"url\": \"https://sites.example/North\"") || ran.out.contains("North"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("what happens is not what the snapshot recorded"), "{}", ran.out);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), first, "only -u writes");
    std::fs::write(&test, tests.replace("    snapshot: true\n", "")).unwrap();
    assert_eq!(run(folder.path(), &["test", "-u"]).code, 0);
    assert!(!kept.exists(), "nobody asks for it any more");
}
