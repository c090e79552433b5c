//! The findings with their source, as a person wants to read them. The only user of miette. Every look-up goes over the file's line
//! index, and long lines are cropped: miette itself would scan each file from its first byte and cannot draw past column 65,535.

use std::borrow::Cow;
use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::Style;
use super::harmless::{harmless, harmless_lines, harmless_source};
use super::masked::masked;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity};
use crate::ids::FileId;
use crate::text::{SourceFile, SourceMap, Span, Spanned};

/// A longer excerpt, in bytes, or one with a line that is too wide, is cropped to the surroundings of its label.
const EXCERPT: usize = 2_048;
/// Bytes kept at least before and after a label in a cropped line.
const AROUND: usize = 8;
/// Columns that line numbers take, and the frame behind them.
const GUTTER: usize = 10;
/// Bytes of a label that are underlined.
const UNDERLINED: usize = 400;

/// Fewer columns than this hold no sentence: lines get longer than the terminal instead.
const NARROWEST: usize = 20;

pub(super) fn render(sources: &SourceMap, diagnostics: &Diagnostics, style: Style) -> String {
    let shown = Shown::of(sources, style);
    let mut out = String::new();
    for diagnostic in diagnostics {
        draw(&Finding::of(&shown, diagnostic), style, &mut out);
    }
    out
}

/// The files as they are shown: nothing in them is obeyed by a terminal.
struct Shown<'a> {
    sources: &'a SourceMap,
    texts: Vec<Cow<'a, str>>,
    /// Columns for a line of source.
    columns: usize,
}

impl<'a> Shown<'a> {
    fn of(sources: &'a SourceMap, style: Style) -> Self {
        let shown = |(_, file): (FileId, &'a SourceFile)| match masked(&file.name, &file.text) {
            Cow::Borrowed(text) => harmless_source(text),
            Cow::Owned(text) => Cow::Owned(harmless_source(&text).into_owned()),
        };
        let texts = sources.iter().map(shown).collect();
        Self { sources, texts, columns: style.width.max(NARROWEST) - GUTTER }
    }

    fn file(&'a self, id: FileId) -> Excerpt<'a> {
        Excerpt { file: self.sources.file(id), text: self.texts.get(id.index()).map_or("", |text| text), columns: self.columns }
    }
}

/// A mistake that has no code (in `webhookc.toml`), drawn like a finding.
#[must_use]
pub fn excerpt(sources: &SourceMap, span: Span, message: &str, help: Option<&str>, style: Style) -> String {
    let shown = Shown::of(sources, style);
    let source = shown.file(span.file);
    let finding = Finding {
        code: None,
        severity: miette::Severity::Error,
        message: harmless(message),
        help: help.map(harmless_lines),
        source,
        labels: vec![label(source.file, &Spanned::new(String::new(), span), true)],
        elsewhere: Vec::new(),
    };
    let mut out = String::new();
    draw(&finding, style, &mut out);
    out
}

fn draw(finding: &Finding<'_>, style: Style, out: &mut String) {
    let theme = if style.color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_urls(false)
        .with_width(style.width.max(NARROWEST))
        // Not within a word: an address that is broken in two cannot be copied.
        .with_word_separator(textwrap::WordSeparator::AsciiSpace)
        .with_word_splitter(textwrap::WordSplitter::NoHyphenation)
        .with_context_lines(1)
        .with_show_related_as_nested(true)
        .without_syntax_highlighting();
    let start = out.len();
    if handler.render_report(out, finding).is_err() {
        // Better said plainly than not at all.
        out.truncate(start);
        out.push_str(&finding.message);
        out.push('\n');
    }
}

/// A diagnostic as miette wants it.
#[derive(Debug)]
struct Finding<'a> {
    code: Option<String>,
    severity: miette::Severity,
    message: String,
    help: Option<String>,
    source: Excerpt<'a>,
    labels: Vec<LabeledSpan>,
    /// Places in other files.
    elsewhere: Vec<Finding<'a>>,
}

impl<'a> Finding<'a> {
    fn of(shown: &'a Shown<'a>, diagnostic: &Diagnostic) -> Self {
        let home = diagnostic.primary.span.file;
        let source = shown.file(home);
        let file = source.file;
        let mut labels = vec![label(file, &diagnostic.primary, true)];
        labels.extend(diagnostic.related.iter().filter(|place| place.span.file == home).map(|place| label(file, place, false)));
        let elsewhere = diagnostic.related.iter().filter(|place| place.span.file != home).map(|place| {
            let source = shown.file(place.span.file);
            let file = source.file;
            let at = file.position(place.span.start);
            Self {
                code: None,
                severity: miette::Severity::Advice,
                message: harmless(&format!("{}:{}:{}: {}", file.name, at.line, at.column, place.value)),
                help: None,
                source,
                labels: vec![label(file, &Spanned::new(String::new(), place.span), true)],
                elsewhere: Vec::new(),
            }
        });
        let severity = match diagnostic.severity() {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Info => miette::Severity::Advice,
        };
        Self {
            code: Some(format!("{}[{}] {}", diagnostic.severity().as_str(), diagnostic.code.as_str(), diagnostic.code.name())),
            severity,
            message: harmless(&diagnostic.message),
            help: (!diagnostic.help.is_empty()).then(|| diagnostic.help.iter().map(|help| harmless(help)).collect::<Vec<_>>().join("\n")),
            source,
            labels,
            elsewhere: elsewhere.collect(),
        }
    }
}

impl fmt::Display for Finding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Finding<'_> {}

impl miette::Diagnostic for Finding<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code.as_ref().map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        (!self.elsewhere.is_empty())
            .then(|| Box::new(self.elsewhere.iter().map(|finding| finding as &dyn miette::Diagnostic)) as Box<dyn Iterator<Item = _>>)
    }
}

/// The label of a place, cut at the end of its first line: what is wrong begins there.
fn label(file: &SourceFile, place: &Spanned<String>, primary: bool) -> LabeledSpan {
    let length = file.text.len();
    let start = file.text.floor_char_boundary((place.span.start as usize).min(length));
    let line_end = file.line_range(file.position(place.span.start).line).map_or(length, |line| line.end);
    let end = (place.span.end as usize).min(line_end).min(start + UNDERLINED).max(start);
    let note = (!place.value.is_empty()).then(|| harmless(&place.value));
    let span = SourceSpan::from(start..file.text.floor_char_boundary(end).max(start));
    if primary { LabeledSpan::new_primary_with_span(note, span) } else { LabeledSpan::new_with_span(note, span) }
}

/// A file, of which miette reads only what it shows.
#[derive(Clone, Copy, Debug)]
struct Excerpt<'a> {
    file: &'a SourceFile,
    /// Its text as it is shown.
    text: &'a str,
    /// Columns for a line of it.
    columns: usize,
}

impl SourceCode for Excerpt<'_> {
    fn read_span<'a>(&'a self, span: &SourceSpan, before: usize, after: usize) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let text = self.text;
        let (start, end) = (span.offset().min(text.len()), (span.offset() + span.len()).min(text.len()));
        let line = |at: usize| self.file.position(u32::try_from(at).unwrap_or(u32::MAX)).line;
        let extra = |lines: usize| u32::try_from(lines).unwrap_or(u32::MAX);
        let first = line(start).saturating_sub(extra(before)).max(1);
        let last_asked = line(end).saturating_add(extra(after));
        let from = if before == 0 { start } else { self.file.line_range(first).map_or(start, |range| range.start) };
        let to = if after == 0 { end } else { self.file.line_range(last_asked).map_or(text.len(), |range| range.end) };
        // A line that the terminal breaks would part what is underlined from its underline.
        let fits = || text.get(from..to).is_some_and(|excerpt| excerpt.lines().all(|line| line.chars().count() <= self.columns));
        let (from, to) = if to.saturating_sub(from) <= EXCERPT && fits() { (from, to) } else { self.crop(start, end) };
        let place = self.file.position(u32::try_from(from).unwrap_or(u32::MAX));
        let data = text.get(from..to).ok_or(MietteError::OutOfBounds)?;
        let lines = data.matches('\n').count() + 1;
        let (row, column) = (place.line.saturating_sub(1) as usize, place.column.saturating_sub(1) as usize);
        let shown = SourceSpan::from(from..to);
        Ok(Box::new(MietteSpanContents::new_named(harmless(&self.file.name), data.as_bytes(), shown, row, column, lines)))
    }
}

impl Excerpt<'_> {
    /// The surroundings of a label within its own lines.
    fn crop(self, start: usize, end: usize) -> (usize, usize) {
        let text = self.text;
        let line = |at: usize| self.file.line_range(self.file.position(u32::try_from(at).unwrap_or(u32::MAX)).line);
        let line_start = line(start).map_or(start, |range| range.start);
        let line_end = line(end).map_or(end, |range| range.end);
        let around = (self.columns.saturating_sub(end - start) / 2).max(AROUND);
        let from = start.saturating_sub(around).max(line_start);
        let to = (end.min(start + EXCERPT) + around).min(line_end.max(end));
        (text.floor_char_boundary(from), text.ceil_char_boundary(to.min(text.len())))
    }
}
