//! Outcomes as one versioned JSON object.

use serde_json::{Value, json};

use super::{Tested, count};
use crate::scenario::judge::Failure;
use crate::text::SourceMap;

pub(super) fn render(tested: &[Tested]) -> String {
    let mut scenarios = Vec::new();
    for Tested { sources, files } in tested {
        for file in files {
            for outcome in &file.outcomes {
                let at = sources.file(file.file).position(outcome.name.span.start);
                scenarios.push(json!({
                    "file": sources.file(file.file).name,
                    "line": at.line,
                    "name": outcome.name.value,
                    "passed": outcome.failures.is_empty(),
                    "failures": outcome.failures.iter().map(|failure| failure_of(sources, failure)).collect::<Vec<_>>(),
                }));
            }
        }
    }
    let (passed, failed) = count(tested);
    let report = json!({ "format_version": "1.0", "scenarios": scenarios, "summary": { "passed": passed, "failed": failed } });
    report.to_string() + "\n"
}

fn failure_of(sources: &SourceMap, failure: &Failure) -> Value {
    let file = sources.file(failure.span.file);
    let at = file.position(failure.span.start);
    json!({
        "file": file.name,
        "line": at.line,
        "column": at.column,
        "message": failure.message,
        "notes": failure.notes,
        "diff": failure.diff,
    })
}
