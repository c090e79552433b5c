//! The Reviewdog Diagnostic Format (`rdjson`): a result with diagnostics, whose columns count bytes of UTF-8. A suggestion is one
//! replacement, so repairs of several edits, or in another file, are left out.

use serde::Serialize;

use crate::compile::Compilation;
use crate::diagnostics::{Diagnostic, Severity};
use crate::text::{SourceMap, Span};

#[derive(Serialize)]
struct DiagnosticResult<'a> {
    source: Source,
    diagnostics: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Source {
    name: &'static str,
}

#[derive(Serialize)]
struct Finding<'a> {
    message: String,
    location: Location<'a>,
    severity: &'static str,
    code: Code,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suggestions: Vec<Suggestion<'a>>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    range: Range,
}

#[derive(Serialize)]
struct Range {
    start: Place,
    end: Place,
}

#[derive(Serialize)]
struct Place {
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct Code {
    value: &'static str,
}

#[derive(Serialize)]
struct Suggestion<'a> {
    range: Range,
    text: &'a str,
}

pub(super) fn render(compilation: &Compilation) -> String {
    let diagnostics = compilation.diagnostics.iter().map(|found| finding(&compilation.sources, found));
    let result = DiagnosticResult { source: Source { name: "webhookc" }, diagnostics: diagnostics.collect() };
    // Strings and numbers under string keys: there is nothing in it that JSON could refuse.
    let mut text = serde_json::to_string(&result).unwrap_or_default();
    text.push('\n');
    text
}

fn finding<'a>(sources: &'a SourceMap, found: &'a Diagnostic) -> Finding<'a> {
    let span = found.primary.span;
    let suggestions = found.fixes.iter().filter_map(|fix| match fix.edits.as_slice() {
        [edit] if edit.span.file == span.file => Some(Suggestion { range: range(sources, edit.span), text: &edit.text }),
        _ => None,
    });
    let mut message = found.message.clone();
    for help in &found.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    Finding {
        message,
        location: Location { path: &sources.file(span.file).name, range: range(sources, span) },
        severity: match found.severity() {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
            Severity::Info => "INFO",
        },
        code: Code { value: found.code.as_str() },
        suggestions: suggestions.collect(),
    }
}

fn range(sources: &SourceMap, span: Span) -> Range {
    let file = sources.file(span.file);
    let place = |at: u32| {
        let line = file.position(at).line;
        let begin = file.line_range(line).map_or(0, |range| range.start);
        let column = (at as usize).min(file.text.len()).saturating_sub(begin) + 1;
        Place { line, column: u32::try_from(column).unwrap_or(u32::MAX) }
    };
    Range { start: place(span.start), end: place(span.end) }
}
