//! GitLab's Code Quality report: an array that a merge request shows beside the changed lines. GitLab takes two findings with one
//! fingerprint for the same one, and reads of a place only file and line.

use serde::Serialize;

use super::fingerprint::fingerprints;
use crate::compile::Compilation;
use crate::diagnostics::Severity;

#[derive(Serialize)]
struct Violation<'a> {
    description: String,
    check_name: &'static str,
    fingerprint: String,
    severity: &'static str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
    end: u32,
}

pub(super) fn render(compilation: &Compilation) -> String {
    let Compilation { sources, diagnostics, .. } = compilation;
    let violations = diagnostics.iter().zip(fingerprints(sources, diagnostics)).map(|(finding, fingerprint)| {
        let span = finding.primary.span;
        let file = sources.file(span.file);
        Violation {
            description: format!("{}: {}", finding.code.as_str(), finding.message),
            check_name: finding.code.name(),
            fingerprint,
            severity: match finding.severity() {
                Severity::Error => "major",
                Severity::Warning => "minor",
                Severity::Info => "info",
            },
            location: Location {
                path: &file.name,
                lines: Lines { begin: file.position(span.start).line, end: file.position(span.end).line },
            },
        }
    });
    // Strings and numbers under string keys: there is nothing in it that JSON could refuse.
    let mut text = serde_json::to_string(&violations.collect::<Vec<_>>()).unwrap_or_default();
    text.push('\n');
    text
}
