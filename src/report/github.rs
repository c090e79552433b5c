//! Workflow commands, which GitHub shows as annotations in the changed files, and the job summary in Markdown. Escaped as GitHub's own
//! toolkit does it: `%`, line breaks, and in properties `:` and `,`.

use std::fmt::Write as _;

use super::harmless::harmless;
use super::{left_out, summary};
use crate::compile::Compilation;
use crate::diagnostics::Severity;

/// Rows of the job summary: GitHub refuses one above 1 MiB, and nobody reads on.
const ROWS: usize = 200;
/// Characters of a message in the job summary.
const MESSAGE: usize = 400;

pub(super) fn render(compilation: &Compilation) -> String {
    let mut out = String::new();
    for finding in &compilation.diagnostics {
        let span = finding.primary.span;
        let file = compilation.sources.file(span.file);
        let (start, end) = (file.position(span.start), file.position(span.end.max(span.start)));
        let command = match finding.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        // Writing to a string cannot fail.
        let _ = write!(out, "::{command} file={},line={},col={}", property(&file.name), start.line, start.column);
        let _ = write!(out, ",endLine={}", end.line);
        // An end column is understood only within one line.
        if end.line == start.line {
            let _ = write!(out, ",endColumn={}", end.column);
        }
        let title = format!("{} {}", finding.code.as_str(), finding.code.name());
        let mut message = harmless(&finding.message);
        for help in &finding.help {
            let _ = write!(message, "\nhelp: {}", harmless(help));
        }
        let _ = writeln!(out, ",title={}::{}", property(&title), escaped(&message));
    }
    if let Some(sentence) = left_out(&compilation.diagnostics) {
        let _ = writeln!(out, "::warning title=webhookc::{sentence}");
    }
    out
}

/// The findings as Markdown, for the file that `GITHUB_STEP_SUMMARY` names.
#[must_use]
pub fn github_summary(compilation: &Compilation) -> String {
    let mut out = format!("### webhookc: {}\n\n", summary(compilation));
    if compilation.diagnostics.is_empty() {
        return out;
    }
    out.push_str("| severity | code | place | finding |\n| --- | --- | --- | --- |\n");
    for finding in compilation.diagnostics.iter().take(ROWS) {
        let span = finding.primary.span;
        let file = compilation.sources.file(span.file);
        let place = file.position(span.start);
        let short: String = finding.message.chars().take(MESSAGE).collect();
        let name = cell(&file.name);
        let code = finding.code.as_str();
        let severity = finding.severity().as_str();
        let _ = writeln!(out, "| {severity} | {code} | {name}:{}:{} | {} |", place.line, place.column, cell(&short));
    }
    let more = compilation.diagnostics.len().saturating_sub(ROWS);
    if more > 0 {
        let _ = writeln!(out, "\n{more} more are in the log.");
    }
    if let Some(sentence) = left_out(&compilation.diagnostics) {
        let _ = writeln!(out, "\n{sentence}.");
    }
    out
}

/// The message of a workflow command.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command, such as its title.
pub(crate) fn property(text: &str) -> String {
    escaped(&harmless(text)).replace(':', "%3A").replace(',', "%2C")
}

/// Text in a cell of a table: neither its end nor markup.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in harmless(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '|' | '\\' | '*' | '_' | '[' | ']' | '@' | '#' => {
                out.push('\\');
                out.push(character);
            }
            character => out.push(character),
        }
    }
    out
}
