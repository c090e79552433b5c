//! Test Anything Protocol, version 14: a line a scenario, failures in a YAML block.

use std::fmt::Write as _;

use super::{Tested, count, place, plain};

pub(super) fn render(tested: &[Tested]) -> String {
    let (passed, failed) = count(tested);
    let mut out = format!("TAP version 14\n1..{}\n", passed + failed);
    let mut number = 0;
    for Tested { sources, files } in tested {
        for file in files {
            for outcome in &file.outcomes {
                number += 1;
                let result = if outcome.failures.is_empty() { "ok" } else { "not ok" };
                let name = format!("{}: {}", sources.file(file.file).name, outcome.name.value);
                // Writing to a string cannot fail.
                let _ = writeln!(out, "{result} {number} - {}", escaped(&name));
                if outcome.failures.is_empty() {
                    continue;
                }
                out.push_str("  ---\n  failures:\n");
                for failure in &outcome.failures {
                    let _ = writeln!(out, "    - at: {}", serde_json::Value::from(place(sources, failure)));
                    let _ = writeln!(out, "      message: {}", serde_json::Value::from(plain(failure)));
                }
                out.push_str("  ...\n");
            }
        }
    }
    out
}

/// A description: one line, in which `#` begins no directive.
fn escaped(text: &str) -> String {
    let line: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    line.replace('\\', "\\\\").replace('#', "\\#")
}
