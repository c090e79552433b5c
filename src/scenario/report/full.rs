//! Every scenario on a line; each failure with the line of the test, notes and the difference.

use std::fmt::Write as _;

use super::Tested;
use crate::report::{Style, excerpt, harmless, paint};

pub(super) fn render(tested: &[Tested], style: Style) -> String {
    let mut out = String::new();
    for Tested { sources, files } in tested {
        for file in files {
            out.push_str(&harmless(&sources.file(file.file).name));
            out.push('\n');
            for outcome in &file.outcomes {
                let mark = if outcome.failures.is_empty() { paint(style, "32", "✔") } else { paint(style, "31", "✘") };
                let _ = writeln!(out, "  {mark} {}", harmless(&outcome.name.value));
                for failure in &outcome.failures {
                    let notes = failure.notes.join("\n");
                    let help = (!notes.is_empty()).then_some(notes.as_str());
                    out.push_str(&excerpt(sources, failure.span, &failure.message, help, style));
                    out.push_str(&drawn(&failure.diff, style));
                }
            }
        }
    }
    out
}

/// A difference, what is expected in red and what was seen in green, as diffs are.
fn drawn(diff: &str, style: Style) -> String {
    if diff.is_empty() {
        return String::new();
    }
    let mut out = format!("  {} {}\n", paint(style, "31", "- expected"), paint(style, "32", "+ seen"));
    for line in diff.lines() {
        let line = harmless(line);
        let line = match line.chars().next() {
            Some('-') => paint(style, "31", &line),
            Some('+') => paint(style, "32", &line),
            Some('@') => paint(style, "36", &line),
            Some(_) | None => line,
        };
        let _ = writeln!(out, "  {line}");
    }
    out
}
