//! A finding with the lines around it as values, for whoever draws it otherwise than in text: the page of a node.

use crate::diagnostics::{Diagnostic, Severity};
use crate::text::{SourceMap, Span};

/// Lines shown before and behind the one that is meant.
const AROUND: u32 = 2;
/// Characters of a line that are shown around the place; a line may be a megabyte long.
const WIDEST: usize = 160;

/// Lines of a file, with a place in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The file, as messages show it.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// The lines.
    pub lines: Vec<FrameLine>,
}

/// A line, cut into what stands before the place, the place, and what stands behind it. A line beside the place is all `before`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameLine {
    /// From 1.
    pub number: u32,
    /// Before the place.
    pub before: String,
    /// The place, as far as it is in this line.
    pub marked: String,
    /// Behind the place.
    pub after: String,
}

/// A finding and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framed {
    /// How bad it is.
    pub severity: Severity,
    /// Its code and name, `WH0203 unknown-reference`, if it has one.
    pub code: Option<String>,
    /// One sentence.
    pub message: String,
    /// Advice.
    pub help: Vec<String>,
    /// Where.
    pub frame: Frame,
}

impl Framed {
    /// A diagnostic.
    #[must_use]
    pub fn of(sources: &SourceMap, diagnostic: &Diagnostic) -> Self {
        Self {
            severity: diagnostic.severity(),
            code: Some(format!("{} {}", diagnostic.code.as_str(), diagnostic.code.name())),
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
            frame: Frame::around(sources, diagnostic.primary.span),
        }
    }
}

impl Frame {
    /// The place and some lines around it.
    #[must_use]
    pub fn around(sources: &SourceMap, span: Span) -> Self {
        let line = sources.file(span.file).position(span.start).line;
        Self::of(sources, span, line.saturating_sub(AROUND)..=line.saturating_add(AROUND))
    }

    /// The place and the lines of this range, as far as there are such.
    #[must_use]
    pub fn of(sources: &SourceMap, span: Span, lines: std::ops::RangeInclusive<u32>) -> Self {
        let file = sources.file(span.file);
        let at = file.position(span.start);
        let (start, end) = (span.start as usize, span.end as usize);
        let lines = lines.filter_map(|number| {
            let range = file.line_range(number)?;
            let text = file.text.get(range.clone())?;
            // The first line of the place; what follows of it in other lines need not be marked.
            let (from, to) = if number == at.line {
                (start.clamp(range.start, range.end) - range.start, end.clamp(range.start, range.end) - range.start)
            } else {
                (text.len(), text.len())
            };
            let part = |part: std::ops::Range<usize>| text.get(part).unwrap_or_default();
            Some(FrameLine {
                number,
                before: if number == at.line { tail(part(0..from)) } else { head(part(0..from)) },
                marked: head(part(from..to)),
                after: head(part(to..text.len())),
            })
        });
        Self { file: file.name.clone(), line: at.line, column: at.column, lines: lines.collect() }
    }
}

/// The start of a text, and a mark if that is not all.
fn head(text: &str) -> String {
    match text.char_indices().nth(WIDEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The end of a text, and a mark if that is not all.
fn tail(text: &str) -> String {
    match text.char_indices().rev().nth(WIDEST) {
        Some((at, _)) => format!("…{}", text.get(at..).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_cut_out_of_its_line() {
        let mut sources = SourceMap::default();
        let file = sources.add("a.xml", format!("one\n  <b é='x'>\nthree\n{}", "z".repeat(500)).into_bytes());
        let frame = Frame::around(&sources, Span::new(file, 9, 11));
        assert_eq!((frame.line, frame.column, frame.lines.len()), (2, 6, 4));
        let line =
            |index: usize| frame.lines.get(index).map(|line| (line.before.as_str(), line.marked.as_str(), line.after.as_str())).unwrap();
        assert_eq!(line(0), ("one", "", ""));
        assert_eq!(line(1), ("  <b ", "é", "='x'>"));
        assert_eq!(line(3).0.chars().count(), WIDEST + 1);
    }
}
