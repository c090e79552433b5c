//! The outcomes of scenarios → text for people and programs, one file a format. Absent: durations, which would differ in each run.

mod full;
mod github;
mod json;
mod junit;
mod tap;

use super::judge::Failure;
use crate::ids::FileId;
use crate::report::{Style, counted};
use crate::text::{SourceMap, Spanned};

/// The test files of one project, run.
#[derive(Debug)]
pub struct Tested {
    /// Its files, to show places with.
    pub sources: SourceMap,
    /// In the order in which they were run.
    pub files: Vec<TestedFile>,
}

/// One test file, run.
#[derive(Debug)]
pub struct TestedFile {
    /// The file.
    pub file: FileId,
    /// In the order of the file.
    pub outcomes: Vec<Outcome>,
}

/// A scenario, run.
#[derive(Debug)]
pub struct Outcome {
    /// Its name.
    pub name: Spanned<String>,
    /// What is not as expected; it passed when there is nothing.
    pub failures: Vec<Failure>,
}

/// How outcomes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Every scenario, and each failure with its line and the difference.
    Full,
    /// A report in the XML of `JUnit`.
    Junit,
    /// Test Anything Protocol, version 14.
    Tap,
    /// One JSON object.
    Json,
    /// Workflow commands of GitHub Actions.
    Github,
}

/// The outcomes, ready to print.
#[must_use]
pub fn render(tested: &[Tested], format: Format, style: Style) -> String {
    match format {
        Format::Full => full::render(tested, style),
        Format::Junit => junit::render(tested),
        Format::Tap => tap::render(tested),
        Format::Json => json::render(tested),
        Format::Github => github::render(tested),
    }
}

/// How many passed and failed.
#[must_use]
pub fn count(tested: &[Tested]) -> (usize, usize) {
    let outcomes = || tested.iter().flat_map(|tested| &tested.files).flat_map(|file| &file.outcomes);
    let failed = outcomes().filter(|outcome| !outcome.failures.is_empty()).count();
    (outcomes().count() - failed, failed)
}

/// `3 scenarios in 1 file: 2 passed, 1 failed`.
#[must_use]
pub fn summary(tested: &[Tested]) -> String {
    let (passed, failed) = count(tested);
    let files = tested.iter().map(|tested| tested.files.len()).sum();
    let total = format!("{} in {}", counted(passed + failed, "scenario"), counted(files, "file"));
    if failed == 0 { format!("{total}: all passed") } else { format!("{total}: {passed} passed, {failed} failed") }
}

/// `file:line:column` of a failure.
fn place(sources: &SourceMap, failure: &Failure) -> String {
    let file = sources.file(failure.span.file);
    let at = file.position(failure.span.start);
    format!("{}:{}:{}", file.name, at.line, at.column)
}

/// A failure as plain text: the sentence, the notes, the difference.
fn plain(failure: &Failure) -> String {
    let mut text = failure.message.clone();
    for note in &failure.notes {
        text = format!("{text}\n{note}");
    }
    if !failure.diff.is_empty() {
        text = format!("{text}\n{}", failure.diff.trim_end());
    }
    text
}
