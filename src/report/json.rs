//! The findings as one versioned JSON object (LANGUAGE §5). Offsets in bytes, lines and columns from 1, columns in characters. The
//! fingerprint stays the same while the finding does, wherever in the file it moves.

use serde::Serialize;

use super::fingerprint::fingerprints;
use crate::compile::Compilation;
use crate::diagnostics::{Diagnostic, Severity};
use crate::text::{SourceMap, Span, Spanned};

#[derive(Serialize)]
struct Report<'a> {
    format_version: &'static str,
    diagnostics: Vec<Finding<'a>>,
    summary: Summary,
}

/// A finding, in this format and in JSON Lines.
#[derive(Serialize)]
pub(super) struct Finding<'a> {
    code: &'static str,
    name: &'static str,
    severity: &'static str,
    message: &'a str,
    /// Where the code's page is on the web; none of them is yet.
    url: Option<&'static str>,
    primary: Label<'a>,
    related: Vec<Label<'a>>,
    help: &'a [String],
    fixes: Vec<Repair<'a>>,
    fingerprint: String,
}

#[derive(Serialize)]
struct Label<'a> {
    file: &'a str,
    span: Range,
    #[serde(rename = "label")]
    note: &'a str,
}

#[derive(Serialize)]
struct Range {
    start: Place,
    end: Place,
}

#[derive(Serialize)]
struct Place {
    offset: u32,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct Repair<'a> {
    title: &'a str,
    safe: bool,
    edits: Vec<Replacement<'a>>,
}

#[derive(Serialize)]
struct Replacement<'a> {
    file: &'a str,
    start: u32,
    end: u32,
    text: &'a str,
}

#[derive(Serialize)]
struct Summary {
    files: usize,
    models: usize,
    webhooks: usize,
    errors: usize,
    warnings: usize,
    /// Of the errors, warnings and notes: how many are not among the findings. Absent when all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<usize>,
}

pub(super) fn render(compilation: &Compilation) -> String {
    let Compilation { sources, diagnostics, models, webhooks, .. } = compilation;
    let report = Report {
        format_version: "1.0",
        diagnostics: findings(compilation).collect(),
        summary: Summary {
            files: sources.iter().count(),
            models: *models,
            webhooks: *webhooks,
            errors: diagnostics.count(Severity::Error),
            warnings: diagnostics.count(Severity::Warning),
            left_out: Some(diagnostics.left_out()).filter(|count| *count > 0),
        },
    };
    // Strings and numbers under string keys: there is nothing in it that JSON could refuse.
    let mut text = serde_json::to_string(&report).unwrap_or_default();
    text.push('\n');
    text
}

/// Every finding, in order.
pub(super) fn findings(compilation: &Compilation) -> impl Iterator<Item = Finding<'_>> {
    let Compilation { sources, diagnostics, .. } = compilation;
    diagnostics.iter().zip(fingerprints(sources, diagnostics)).map(|(diagnostic, fingerprint)| finding(sources, diagnostic, fingerprint))
}

fn finding<'a>(sources: &'a SourceMap, diagnostic: &'a Diagnostic, fingerprint: String) -> Finding<'a> {
    let repairs = diagnostic.fixes.iter().map(|fix| Repair {
        title: &fix.title,
        safe: fix.safe,
        edits: fix
            .edits
            .iter()
            .map(|edit| Replacement {
                file: &sources.file(edit.span.file).name,
                start: edit.span.start,
                end: edit.span.end,
                text: &edit.text,
            })
            .collect(),
    });
    Finding {
        code: diagnostic.code.as_str(),
        name: diagnostic.code.name(),
        severity: diagnostic.severity().as_str(),
        message: &diagnostic.message,
        url: None,
        primary: label(sources, &diagnostic.primary),
        related: diagnostic.related.iter().map(|place| label(sources, place)).collect(),
        help: &diagnostic.help,
        fixes: repairs.collect(),
        fingerprint,
    }
}

fn label<'a>(sources: &'a SourceMap, place: &'a Spanned<String>) -> Label<'a> {
    let Span { file, start, end } = place.span;
    let file = sources.file(file);
    let at = |offset: u32| {
        let position = file.position(offset);
        Place { offset, line: position.line, column: position.column }
    };
    Label { file: &file.name, span: Range { start: at(start), end: at(end) }, note: &place.value }
}
