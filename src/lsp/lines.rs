//! Byte offsets ↔ positions as editors count them: lines from 0 that end at `\n`, `\r\n` or `\r`, and columns in UTF-16 units unless the
//! client takes UTF-8. Total: a position outside of the text is the nearest one inside.

use lsp_types::{Position, Range};

/// What columns are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16,
}

/// Where the lines of a text begin.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    starts: Vec<u32>,
}

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for at in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            // The break of `\r\n` is behind the `\n`.
            if bytes.get(at) == Some(&b'\r') && bytes.get(at + 1) == Some(&b'\n') {
                continue;
            }
            starts.push(u32::try_from(at + 1).unwrap_or(u32::MAX));
        }
        Self { starts }
    }

    /// The bytes of a line, its break included.
    fn line(&self, text: &str, line: usize) -> std::ops::Range<usize> {
        let start = self.starts.get(line).map_or(text.len(), |start| *start as usize);
        let end = self.starts.get(line + 1).map_or(text.len(), |start| *start as usize);
        start.min(text.len())..end.min(text.len())
    }

    pub(super) fn offset(&self, text: &str, at: Position, encoding: Encoding) -> usize {
        let range = self.line(text, at.line as usize);
        let line = text.get(range.clone()).unwrap_or_default();
        let line = line.trim_end_matches(['\n', '\r']);
        let column = at.character as usize;
        let within = match encoding {
            Encoding::Utf8 => line.floor_char_boundary(column.min(line.len())),
            Encoding::Utf16 => {
                let mut units = 0;
                let over = line.char_indices().find(|(_, character)| {
                    units += character.len_utf16();
                    units > column
                });
                over.map_or(line.len(), |(at, _)| at)
            }
        };
        range.start + within
    }

    pub(super) fn position(&self, text: &str, offset: usize, encoding: Encoding) -> Position {
        let offset = text.floor_char_boundary(offset.min(text.len()));
        let line = self.starts.partition_point(|start| *start as usize <= offset).saturating_sub(1);
        let start = self.line(text, line).start;
        let before = text.get(start..offset).unwrap_or_default();
        let column = match encoding {
            Encoding::Utf8 => before.len(),
            Encoding::Utf16 => before.chars().map(char::len_utf16).sum(),
        };
        Position::new(u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }

    pub(super) fn range(&self, text: &str, range: std::ops::Range<usize>, encoding: Encoding) -> Range {
        Range::new(self.position(text, range.start, encoding), self.position(text, range.end, encoding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_as_asked_and_lines_end_in_three_ways() {
        let text = "a𝄞b\r\né\rx\n";
        let lines = Lines::of(text);
        let at = |line, column| Position::new(line, column);
        for (offset, wide, narrow) in
            [(0, at(0, 0), at(0, 0)), (5, at(0, 3), at(0, 5)), (8, at(1, 0), at(1, 0)), (11, at(2, 0), at(2, 0)), (13, at(3, 0), at(3, 0))]
        {
            assert_eq!(lines.position(text, offset, Encoding::Utf16), wide);
            assert_eq!(lines.position(text, offset, Encoding::Utf8), narrow);
            assert_eq!(lines.offset(text, wide, Encoding::Utf16), offset);
            assert_eq!(lines.offset(text, narrow, Encoding::Utf8), offset);
        }
        // Inside of a character, behind the end of a line, behind the end of the text.
        assert_eq!(lines.offset(text, at(0, 2), Encoding::Utf16), 1);
        assert_eq!(lines.offset(text, at(0, 99), Encoding::Utf16), 6);
        assert_eq!(lines.offset(text, at(99, 0), Encoding::Utf16), text.len());
    }
}
