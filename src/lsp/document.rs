//! A text that the client has open: its bytes now, and the edits that made it, so that what was known of an earlier version can be found
//! again in this one. Total: a range outside of the text is cut to it.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use lsp_types::{TextDocumentContentChangeEvent, Url};

use super::lines::{Encoding, Lines};
use super::wire::Answer;

/// Edits that are remembered: an older state than so many edits ago is not looked for.
const REMEMBERED: usize = 4096;

/// An open text.
#[derive(Debug)]
pub(super) struct Document {
    /// As the client calls it.
    pub url: Url,
    /// Its file, links followed, as far as there is one.
    pub path: PathBuf,
    /// As the client counts.
    pub version: i32,
    pub text: Arc<String>,
    pub lines: Lines,
    /// Counts the edits, over all texts that this file has had.
    pub revision: u64,
    /// The edits that lay the text out, once they are made.
    pub layout: Option<Answer>,
    edits: Vec<Edit>,
}

/// Bytes that were replaced by others, and the revision that this made.
#[derive(Clone, Copy, Debug)]
struct Edit {
    revision: u64,
    start: usize,
    removed: usize,
    added: usize,
}

impl Document {
    pub(super) fn new(url: Url, path: PathBuf, version: i32, text: String, revision: u64) -> Self {
        let lines = Lines::of(&text);
        Self { url, path, version, text: Arc::new(text), lines, revision, layout: None, edits: Vec::new() }
    }

    /// Whether it is called as schemas are.
    pub(super) fn is_xml(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "xml")
    }

    /// Applies changes in their order.
    pub(super) fn change(&mut self, changes: Vec<TextDocumentContentChangeEvent>, version: i32, encoding: Encoding) {
        self.version = version;
        for change in changes {
            match change.range {
                Some(range) => {
                    let start = self.lines.offset(&self.text, range.start, encoding);
                    let end = self.lines.offset(&self.text, range.end, encoding).max(start);
                    self.replace(start..end, &change.text);
                }
                None => self.replace_all(&change.text),
            }
        }
    }

    fn replace(&mut self, range: Range<usize>, text: &str) {
        Arc::make_mut(&mut self.text).replace_range(range.clone(), text);
        self.lines = Lines::of(&self.text);
        self.revision += 1;
        self.layout = None;
        if self.edits.len() == REMEMBERED {
            self.edits.drain(..REMEMBERED / 2);
        }
        self.edits.push(Edit { revision: self.revision, start: range.start, removed: range.len(), added: text.len() });
    }

    /// A whole new text, which mostly is the old one but for a part.
    fn replace_all(&mut self, text: &str) {
        let old = Arc::clone(&self.text);
        let same = |one: &mut dyn Iterator<Item = (u8, u8)>| one.take_while(|(a, b)| a == b).count();
        let before = old.floor_char_boundary(same(&mut old.bytes().zip(text.bytes()))).min(text.len());
        let before = text.floor_char_boundary(before);
        let room = old.len().min(text.len()) - before;
        let behind = same(&mut old.bytes().rev().zip(text.bytes().rev())).min(room);
        let end = old.ceil_char_boundary(old.len() - behind);
        let behind = old.len() - end;
        let Some(middle) = text.get(before..text.len() - behind) else { return self.replace(0..old.len(), text) };
        self.replace(before..end, middle);
    }

    /// Whether edits since a revision are known.
    pub(super) fn knows(&self, revision: u64) -> bool {
        self.revision == revision || self.edits.first().is_some_and(|edit| edit.revision <= revision + 1)
    }

    /// Where bytes of an earlier revision are now; `None` when they were touched.
    pub(super) fn forward(&self, revision: u64, range: Range<usize>) -> Option<Range<usize>> {
        if !self.knows(revision) {
            return None;
        }
        let mut range = range;
        for edit in self.edits.iter().filter(|edit| edit.revision > revision) {
            let end = edit.start + edit.removed;
            if end <= range.start && !(end == range.start && edit.removed == 0 && range.is_empty()) {
                range = range.start - edit.removed + edit.added..range.end - edit.removed + edit.added;
            } else if edit.start < range.end {
                return None;
            }
        }
        Some(range)
    }

    /// Where a place of now was in an earlier revision; the place of the edit when it is new text.
    pub(super) fn back(&self, revision: u64, offset: usize) -> Option<usize> {
        if !self.knows(revision) {
            return None;
        }
        let mut offset = offset;
        for edit in self.edits.iter().rev().filter(|edit| edit.revision > revision) {
            if offset >= edit.start + edit.added {
                offset = offset - edit.added + edit.removed;
            } else if offset > edit.start {
                offset = edit.start;
            }
        }
        Some(offset)
    }
}

#[cfg(test)]
mod tests {
    use lsp_types::{Position, Range};

    use super::*;

    fn document(text: &str) -> Document {
        Document::new(Url::parse("file:///a.xml").unwrap(), PathBuf::from("/a.xml"), 1, text.to_owned(), 7)
    }

    fn change(from: u32, to: u32, text: &str) -> TextDocumentContentChangeEvent {
        let range = Range::new(Position::new(0, from), Position::new(0, to));
        TextDocumentContentChangeEvent { range: Some(range), range_length: None, text: text.to_owned() }
    }

    #[test]
    fn places_are_found_again_after_edits() {
        let mut document = document("one two three");
        document.change(vec![change(0, 3, "1"), change(5, 5, "!")], 2, Encoding::Utf16);
        assert_eq!(document.text.as_str(), "1 two! three");
        assert_eq!(document.forward(7, 4..7), Some(2..5), "two");
        assert_eq!(document.forward(7, 0..3), None, "it was replaced");
        assert_eq!(document.forward(7, 8..13), Some(7..12), "three");
        assert_eq!(document.back(7, 8), Some(9));
        assert_eq!(document.back(7, 3), Some(5));
        assert_eq!(document.forward(6, 0..1), None, "nothing is known of that time");
    }

    #[test]
    fn a_whole_new_text_is_an_edit_of_what_differs() {
        let mut document = document("aéb cd");
        for text in ["aèb cd", "aèb", "", "é", "è", "aèaè", "aè"] {
            document.change(
                vec![TextDocumentContentChangeEvent { range: None, range_length: None, text: text.to_owned() }],
                2,
                Encoding::Utf8,
            );
            assert_eq!(document.text.as_str(), text);
        }
        let mut same = super::tests::document("x y z");
        same.change(vec![TextDocumentContentChangeEvent { range: None, range_length: None, text: "x yy z".to_owned() }], 2, Encoding::Utf8);
        assert_eq!(same.forward(7, 4..5), Some(5..6));
    }
}
