//! Diagnostics → text for people and JSON for programs, one file a format over the same values. Input: a [`Compilation`]; output: a
//! string. Absent: writing it anywhere, and the choice of format and colour, which are the caller's.

mod concise;
mod diff;
mod fingerprint;
mod frame;
mod full;
mod github;
mod gitlab;
mod harmless;
mod json;
mod jsonl;
mod junit;
mod masked;
mod rdjson;
mod sarif;
mod selection;
mod terminal;

pub use diff::unified;
pub use frame::{Frame, FrameLine, Framed};
pub use full::excerpt;
pub use github::github_summary;
pub(crate) use github::{escaped as command_text, property as command_property};
pub use harmless::harmless;
pub(crate) use junit::escaped as xml_text;
pub use selection::Selection;
pub(crate) use terminal::paint;

use crate::compile::Compilation;
use crate::diagnostics::{Diagnostics, Severity};
use crate::text::SourceMap;

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// The source with the place underlined, help, other places.
    #[default]
    Full,
    /// One line each: `file:line:col: error[WH0203]: message`.
    Concise,
    /// One versioned JSON object (LANGUAGE §5).
    Json,
    /// Its findings, one JSON object a line.
    Jsonl,
    /// Workflow commands of GitHub Actions.
    Github,
    /// A Code Quality report of GitLab.
    Gitlab,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// A report in the XML of `JUnit`.
    Junit,
    /// The Reviewdog Diagnostic Format.
    Rdjson,
}

/// How text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub color: bool,
    /// Columns to wrap at.
    pub width: usize,
}

impl Style {
    /// No colour, 100 columns: what a file or a pipe gets.
    pub const PLAIN: Self = Self { color: false, width: 100 };
}

/// The findings of a run, ready to print; empty text for none, except in the formats that are one document. A format that can say so
/// says how many findings were left out.
#[must_use]
pub fn render(compilation: &Compilation, format: Format, style: Style) -> String {
    let Compilation { sources, diagnostics, .. } = compilation;
    match format {
        Format::Full => full::render(sources, diagnostics, style) + &left_out_line(diagnostics),
        Format::Concise => concise::render(sources, diagnostics, style) + &left_out_line(diagnostics),
        Format::Json => json::render(compilation),
        Format::Jsonl => jsonl::render(compilation),
        Format::Github => github::render(compilation),
        Format::Gitlab => gitlab::render(compilation),
        Format::Sarif => sarif::render(compilation),
        Format::Junit => junit::render(compilation),
        Format::Rdjson => rdjson::render(compilation),
    }
}

/// That findings were left out, in one sentence; `None` when none was.
fn left_out(diagnostics: &Diagnostics) -> Option<String> {
    let count = diagnostics.left_out();
    let verb = if count == 1 { "is" } else { "are" };
    (count > 0).then(|| format!("{count} more {} {verb} not shown", if count == 1 { "finding" } else { "findings" }))
}

fn left_out_line(diagnostics: &Diagnostics) -> String {
    left_out(diagnostics).map(|sentence| sentence + "\n").unwrap_or_default()
}

/// What a report in this format cannot say and its reader should know: that findings were left out.
#[must_use]
pub fn unsaid(compilation: &Compilation, format: Format) -> Option<String> {
    match format {
        Format::Jsonl | Format::Gitlab | Format::Rdjson => left_out(&compilation.diagnostics),
        Format::Full | Format::Concise | Format::Json | Format::Github | Format::Sarif | Format::Junit => None,
    }
}

/// Each finding on one line, in order, and on the last one how many were left out.
#[must_use]
pub fn lines(sources: &SourceMap, diagnostics: &Diagnostics) -> Vec<String> {
    (concise::render(sources, diagnostics, Style::PLAIN) + &left_out_line(diagnostics)).lines().map(str::to_owned).collect()
}

/// `3 errors, 1 warning in 2 files · 3 models, 2 webhooks`.
#[must_use]
pub fn summary(compilation: &Compilation) -> String {
    let diagnostics = &compilation.diagnostics;
    let counts = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "note")];
    let found: Vec<String> = counts
        .iter()
        .map(|&(severity, noun)| (diagnostics.count(severity), noun))
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| counted(count, noun))
        .collect();
    let mut files: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.primary.span.file).collect();
    files.sort_unstable();
    files.dedup();
    let found =
        if found.is_empty() { "no mistakes".to_owned() } else { format!("{} in {}", found.join(", "), counted(files.len(), "file")) };
    format!("{found} · {}", size(compilation.models, compilation.webhooks))
}

/// `3 models, 2 webhooks`.
#[must_use]
pub fn size(models: usize, webhooks: usize) -> String {
    format!("{}, {}", counted(models, "model"), counted(webhooks, "webhook"))
}

/// `1 file`, `2 files`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
