//! A JSON array or NDJSON as it arrives → its items as text, one at a time, so that a batch never has to be in memory whole. Whether an
//! item is valid JSON is found out by whoever reads it; here only its end is found.

use bytes::{Buf as _, BytesMut};

/// What has arrived and is not cut into items yet.
#[derive(Debug)]
pub(super) struct Splitter {
    buffer: BytesMut,
    shape: Shape,
    /// Bytes of `buffer` that have been looked at.
    scanned: usize,
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// Whether an item must follow: after a comma.
    owed: bool,
    /// The longest item.
    limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Unknown,
    Array,
    Lines,
    /// After the array's closing bracket.
    Ended,
}

/// Why a batch cannot be cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SplitError {
    /// An item is longer than a save may be.
    #[error("an item is larger than {0} bytes")]
    TooLarge(usize),
    /// The array has no closing bracket.
    #[error("the array does not end, expected `]`")]
    Unfinished,
    /// Something follows the array.
    #[error("something follows the array, expected the end of the body")]
    Trailing,
    /// Two commas, or one before the end.
    #[error("an item is missing, expected an object between the commas")]
    Empty,
}

impl Splitter {
    /// For items of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        let buffer = BytesMut::new();
        Self { buffer, shape: Shape::Unknown, scanned: 0, depth: 0, in_string: false, escaped: false, owed: false, limit }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether the items came as lines; the answers do, too, then.
    pub(super) fn is_lines(&self) -> bool {
        self.shape == Shape::Lines
    }

    /// The next whole item; `None` when more must arrive, or, at the `end`, when there is none.
    pub(super) fn next(&mut self, end: bool) -> Result<Option<BytesMut>, SplitError> {
        if self.shape == Shape::Unknown {
            self.skip_space();
            match self.buffer.first() {
                None => return Ok(None),
                Some(b'[') => {
                    self.buffer.advance(1);
                    self.shape = Shape::Array;
                }
                Some(_) => self.shape = Shape::Lines,
            }
        }
        match self.shape {
            Shape::Lines => self.next_line(end),
            Shape::Array => self.next_element(end),
            Shape::Ended => {
                self.skip_space();
                if self.buffer.is_empty() { Ok(None) } else { Err(SplitError::Trailing) }
            }
            Shape::Unknown => Ok(None),
        }
    }

    fn next_line(&mut self, end: bool) -> Result<Option<BytesMut>, SplitError> {
        loop {
            let rest = self.buffer.get(self.scanned..).unwrap_or_default();
            let item = match memchr::memchr(b'\n', rest) {
                Some(at) => {
                    let item = self.buffer.split_to(self.scanned + at);
                    self.buffer.advance(1);
                    item
                }
                None if end && !self.buffer.is_empty() => self.buffer.split(),
                None => {
                    self.scanned = self.buffer.len();
                    return if self.scanned > self.limit { Err(SplitError::TooLarge(self.limit)) } else { Ok(None) };
                }
            };
            self.scanned = 0;
            if item.len() > self.limit {
                return Err(SplitError::TooLarge(self.limit));
            }
            if !item.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(item));
            }
        }
    }

    fn next_element(&mut self, end: bool) -> Result<Option<BytesMut>, SplitError> {
        while let Some(&byte) = self.buffer.get(self.scanned) {
            if self.in_string {
                self.in_string = byte != b'"' || self.escaped;
                self.escaped = byte == b'\\' && !self.escaped;
            } else {
                match byte {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' if self.depth > 0 => self.depth -= 1,
                    b',' | b']' if self.depth == 0 => return self.cut(byte == b']'),
                    _ => {}
                }
            }
            self.scanned += 1;
            if self.scanned > self.limit {
                return Err(SplitError::TooLarge(self.limit));
            }
        }
        if end { Err(SplitError::Unfinished) } else { Ok(None) }
    }

    /// Takes what stands before the comma or bracket at `scanned`.
    fn cut(&mut self, last: bool) -> Result<Option<BytesMut>, SplitError> {
        let item = self.buffer.split_to(self.scanned);
        self.buffer.advance(1);
        self.scanned = 0;
        let empty = item.iter().all(u8::is_ascii_whitespace);
        if empty && (!last || self.owed) {
            return Err(SplitError::Empty);
        }
        self.owed = !last;
        if last {
            self.shape = Shape::Ended;
        }
        if empty { Ok(None) } else { Ok(Some(item)) }
    }

    fn skip_space(&mut self) {
        let space = self.buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.buffer.advance(space);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The items when the text arrives in pieces of `size` bytes.
    fn split(text: &str, size: usize) -> Result<Vec<String>, SplitError> {
        let mut splitter = Splitter::new(40);
        let mut items = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            splitter.push(piece);
            while let Some(item) = splitter.next(false)? {
                items.push(String::from_utf8(item.to_vec()).unwrap().trim().to_owned());
            }
        }
        while let Some(item) = splitter.next(true)? {
            items.push(String::from_utf8(item.to_vec()).unwrap().trim().to_owned());
        }
        Ok(items)
    }

    #[test]
    fn items_are_found_however_they_arrive() {
        let items = [r#"{"a":"],}\"["}"#, r#"{"b":[1,{"c":2}]}"#];
        let whole = [
            format!("[{}, {}]", items[0], items[1]),
            format!(" [\n{},\n{}\n]\n", items[0], items[1]),
            format!("{}\n{}", items[0], items[1]),
            format!("\n{}\r\n\n{}\n", items[0], items[1]),
        ];
        for text in whole {
            for size in 1..text.len() {
                assert_eq!(split(&text, size).unwrap(), items, "{text} by {size}");
            }
        }
        assert_eq!(split("[]", 1).unwrap(), Vec::<String>::new());
        assert_eq!(split(" ", 1).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_cut_is_refused() {
        assert_eq!(split("[{}", 2), Err(SplitError::Unfinished));
        assert_eq!(split("[{},,{}]", 9), Err(SplitError::Empty));
        assert_eq!(split("[{},]", 9), Err(SplitError::Empty));
        assert_eq!(split("[{}] {}", 9), Err(SplitError::Trailing));
        assert_eq!(split(&format!("[\"{}\"]", "x".repeat(50)), 9), Err(SplitError::TooLarge(40)));
        assert_eq!(split(&"x".repeat(50), 9), Err(SplitError::TooLarge(40)));
    }
}
