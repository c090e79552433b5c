//! Source text and places in it: files, byte spans, lines and columns, and text that was decoded from a file (entities, string
//! escapes) yet still knows the bytes it came from. No reading of files here.

use std::ops::Range;
use std::sync::OnceLock;

use crate::ids::FileId;

/// A range of bytes in a source file. Offsets count from the first byte of the file, a byte order mark included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte; equal to `start` for a point.
    pub end: u32,
}

impl Span {
    /// A span from byte offsets; an end before the start becomes a point.
    #[must_use]
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let start = offset(start);
        Self { file, start, end: offset(end).max(start) }
    }

    /// The smallest span that covers both; `other` must be in the same file, otherwise `self` is returned.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if self.file == other.file {
            Self { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
        } else {
            self
        }
    }

    /// The byte range.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Files are limited to 32 MiB long before this saturates.
fn offset(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A value and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Pairs a value with its place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// A place as a person counts: both from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// All files of one run.
#[derive(Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a file. `name` is the path as messages should show it. What is not UTF-8 is cut off; [`SourceFile::invalid_at`] says where.
    pub fn add(&mut self, name: impl Into<String>, bytes: Vec<u8>) -> FileId {
        let id = FileId(offset(self.files.len()));
        self.files.push(SourceFile::new(name.into(), bytes));
        id
    }

    /// Puts another text into a file. Nothing happens for an id of another map.
    pub fn replace(&mut self, id: FileId, text: String) {
        if let Some(file) = self.files.get_mut(id.index()) {
            *file = SourceFile::new(std::mem::take(&mut file.name), text.into_bytes());
        }
    }

    /// The file, or an empty one for an id of another map.
    #[must_use]
    pub fn file(&self, id: FileId) -> &SourceFile {
        static EMPTY: OnceLock<SourceFile> = OnceLock::new();
        self.files.get(id.index()).unwrap_or_else(|| EMPTY.get_or_init(|| SourceFile::new(String::new(), Vec::new())))
    }

    /// The bytes under a span; empty when it is out of range.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.file(span.file).text.get(span.range()).unwrap_or("")
    }

    /// Every file with its id, in the order added.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(index, file)| (FileId(offset(index)), file))
    }
}

/// One source file.
#[derive(Debug)]
pub struct SourceFile {
    /// The path as messages show it.
    pub name: String,
    /// The text, byte for byte as in the file.
    pub text: String,
    /// Offset of the first byte that is not UTF-8; `text` ends there.
    pub invalid_at: Option<usize>,
    lines: OnceLock<LineIndex>,
}

impl SourceFile {
    fn new(name: String, bytes: Vec<u8>) -> Self {
        let (text, invalid_at) = match String::from_utf8(bytes) {
            // UTF-16 without a mark: each letter of markup has a zero beside it, which would be UTF-8.
            Ok(text) if matches!(text.as_bytes(), [b'<', 0, _, 0, ..] | [0, b'<', 0, _, ..]) => (String::new(), Some(0)),
            Ok(text) => (text, None),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let mut bytes = error.into_bytes();
                bytes.truncate(valid);
                (String::from_utf8(bytes).unwrap_or_default(), Some(valid))
            }
        };
        Self { name, text, invalid_at, lines: OnceLock::new() }
    }

    /// Line and column of a byte offset; an offset past the end is the end.
    #[must_use]
    pub fn position(&self, at: u32) -> Position {
        self.lines().position(&self.text, at as usize)
    }

    /// The byte range of line `line` (from 1), without its line break; `None` past the last line.
    #[must_use]
    pub fn line_range(&self, line: u32) -> Option<Range<usize>> {
        self.lines().line_range(&self.text, line)
    }

    fn lines(&self) -> &LineIndex {
        self.lines.get_or_init(|| LineIndex::new(&self.text))
    }
}

/// Finds line and column in logarithmic time, also in a file of one very long line: every line start and every
/// [`LineIndex::STEP`]th byte of a long line is an anchor.
#[derive(Debug)]
struct LineIndex {
    /// Byte offset of each line's first byte.
    starts: Vec<u32>,
    /// Byte offset and column (from 1) of the anchors inside long lines.
    anchors: Vec<(u32, u32)>,
}

impl LineIndex {
    /// Bytes between two anchors: what a look-up counts at most.
    const STEP: usize = 1024;

    fn new(text: &str) -> Self {
        let mut starts = vec![0];
        starts.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| offset(at + 1)));
        let mut anchors = Vec::new();
        for (index, &start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).map_or(text.len(), |&next| next as usize);
            let (mut at, mut column) = (start as usize, 1_u32);
            while end - at > Self::STEP {
                let next = text.floor_char_boundary(at + Self::STEP);
                column += characters(text, at..next);
                anchors.push((offset(next), column));
                at = next;
            }
        }
        Self { starts, anchors }
    }

    fn position(&self, text: &str, at: usize) -> Position {
        let at = text.floor_char_boundary(at.min(text.len()));
        let line = self.starts.partition_point(|&start| start as usize <= at);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0) as usize;
        let anchor = self.anchors.partition_point(|&(anchor, _)| anchor as usize <= at).checked_sub(1);
        let (from, column) = match anchor.and_then(|index| self.anchors.get(index)) {
            Some(&(anchor, column)) if anchor as usize >= start => (anchor as usize, column),
            _ => (start, 1),
        };
        Position { line: offset(line), column: column + characters(text, from..at) }
    }

    fn line_range(&self, text: &str, line: u32) -> Option<Range<usize>> {
        let index = (line as usize).checked_sub(1)?;
        let start = *self.starts.get(index)? as usize;
        let end = self.starts.get(index + 1).map_or(text.len(), |&next| next as usize - 1);
        let end = if text.get(start..end)?.ends_with('\r') { end - 1 } else { end };
        Some(start..end)
    }
}

fn characters(text: &str, range: Range<usize>) -> u32 {
    text.get(range).map_or(0, |part| offset(part.chars().count()))
}

/// Text decoded from a source file, which can still name the source bytes of any part of it: an attribute value with entities, the
/// text of an element with CDATA sections, a string of `webhookc.toml`, or a whole template file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceText {
    /// The decoded text.
    pub text: String,
    file: FileId,
    /// In order of `at`; covers all of `text`.
    pieces: Vec<Piece>,
    /// Where the text ends in the source.
    end: u32,
    /// The quotes, `'` and `"`, that would end it in the source.
    closers: [bool; 2],
}

/// The quotes that text can stand in.
const QUOTES: [char; 2] = ['\'', '"'];

/// A run of decoded text and the source bytes it stands for. Equal lengths: byte for byte. Otherwise the run is one indivisible
/// unit, such as the `&` of `&amp;`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    at: u32,
    len: u32,
    source: u32,
    source_len: u32,
}

impl SourceText {
    /// An empty text standing at `span.start`; build it with [`push`](Self::push).
    #[must_use]
    pub fn empty(span: Span) -> Self {
        Self { text: String::new(), file: span.file, pieces: Vec::new(), end: span.start, closers: [false; 2] }
    }

    /// Text that stands in the file as it is.
    #[must_use]
    pub fn verbatim(text: &str, span: Span) -> Self {
        let mut whole = Self { text: String::with_capacity(text.len()), pieces: Vec::with_capacity(1), ..Self::empty(span) };
        whole.push(text, span);
        whole
    }

    /// All of a file, without the mark of its byte order.
    #[must_use]
    pub fn of_file(file: FileId, text: &str) -> Self {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self::verbatim(rest, Span::new(file, text.len() - rest.len(), text.len()))
    }

    /// Says which quotes the text stands in: written into it they would end it.
    pub fn stands_in(&mut self, quote: char) {
        for (closer, known) in self.closers.iter_mut().zip(QUOTES) {
            *closer |= known == quote;
        }
    }

    /// A quote that can be written into the text as it is, a single one if it can be chosen.
    #[must_use]
    pub fn free_quote(&self) -> Option<char> {
        self.closers.iter().zip(QUOTES).find(|(closer, _)| !**closer).map(|(_, quote)| quote)
    }

    /// An empty text within this one, at the same place: it stands in the same quotes.
    #[must_use]
    pub fn within(&self, span: Span) -> Self {
        Self { closers: self.closers, ..Self::empty(span) }
    }

    /// Appends decoded text that stands for the bytes of `span`.
    pub fn push(&mut self, text: &str, span: Span) {
        let piece = Piece { at: offset(self.text.len()), len: offset(text.len()), source: span.start, source_len: span.end - span.start };
        self.text.push_str(text);
        self.pieces.push(piece);
        self.end = span.end;
    }

    /// Appends a range of another text, which keeps its places byte for byte.
    pub fn push_part(&mut self, other: &Self, range: Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            let index = other.pieces.partition_point(|piece| piece.at as usize <= at).saturating_sub(1);
            let Some(piece) = other.pieces.get(index) else { return };
            let end = range.end.min((piece.at + piece.len) as usize);
            if end <= at {
                return;
            }
            let Some(part) = other.text.get(at..end) else { return };
            self.push(part, other.span(at..end));
            at = end;
        }
    }

    /// The source bytes of all of it.
    #[must_use]
    pub fn whole(&self) -> Span {
        let start = self.pieces.first().map_or(self.end, |piece| piece.source);
        Span { file: self.file, start, end: self.end }
    }

    /// The source bytes of a range of the decoded text.
    #[must_use]
    pub fn span(&self, range: Range<usize>) -> Span {
        let (start, end) = (offset(range.start), offset(range.end.max(range.start)));
        let from = self.source_of(start, false);
        let to = if end == start { from } else { self.source_of(end, true) };
        Span { file: self.file, start: from, end: to.max(from) }
    }

    /// Where decoded offset `at` stands in the source; `as_end` asks for the end of the byte before it.
    fn source_of(&self, at: u32, as_end: bool) -> u32 {
        let after = self.pieces.partition_point(|piece| if as_end { piece.at < at } else { piece.at <= at });
        let Some(piece) = after.checked_sub(1).and_then(|index| self.pieces.get(index)) else {
            return self.whole().start;
        };
        let inside = at - piece.at;
        if inside >= piece.len {
            piece.source + piece.source_len
        } else if piece.len == piece.source_len {
            piece.source + inside
        } else if as_end {
            piece.source + piece.source_len
        } else {
            piece.source
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_survive_long_lines() {
        let long = format!("é\n{}é", "ü".repeat(3000));
        let mut map = SourceMap::default();
        let id = map.add("a.xml", long.clone().into_bytes());
        let file = map.file(id);
        assert_eq!(file.position(0), Position { line: 1, column: 1 });
        assert_eq!(file.position(2), Position { line: 1, column: 2 });
        assert_eq!(file.position(3), Position { line: 2, column: 1 });
        assert_eq!(file.position(3 + 6000), Position { line: 2, column: 3001 });
        assert_eq!(file.position(u32::MAX), Position { line: 2, column: 3002 });
        assert_eq!(file.line_range(1), Some(0..2));
        assert_eq!(file.line_range(3), None);
    }

    #[test]
    fn a_file_that_is_not_utf8_keeps_its_valid_start() {
        let mut map = SourceMap::default();
        let id = map.add("a.xml", b"ab\xffcd".to_vec());
        assert_eq!((map.file(id).text.as_str(), map.file(id).invalid_at), ("ab", Some(2)));
    }

    #[test]
    fn decoded_text_names_its_source_bytes() {
        let source = "x='a&amp;{{ b }}'";
        let file = FileId(0);
        let mut text = SourceText::empty(Span::new(file, 3, 16));
        text.push("a", Span::new(file, 3, 4));
        text.push("&", Span::new(file, 4, 9));
        text.push("{{ b }}", Span::new(file, 9, 16));
        let under = |range| &source[text.span(range).range()];
        assert_eq!(text.text, "a&{{ b }}");
        assert_eq!(under(1..2), "&amp;");
        assert_eq!(under(0..2), "a&amp;");
        assert_eq!(under(5..6), "b");
        assert_eq!(under(0..9), "a&amp;{{ b }}");
        assert_eq!(text.span(2..2), Span::new(file, 9, 9));
        assert_eq!(text.span(9..9), Span::new(file, 16, 16));
    }
}
