//! XML text → spanned [`Tree`] with recovery: every mistake is one diagnostic at its exact bytes, and reading goes on behind it.
//! The tree borrows the text; comments are kept, layout is what lies between two spans. Absent: document types, custom entities,
//! and what any element means.
//!
//! Who finds the tags (2026-11-20): we do, not quick-xml's reader. Its reader looks for the end of a tag or comment up to the end of
//! the file and has to be restarted behind each mistake, which is quadratic on text full of mistakes, and its positions leave out a
//! byte order mark. Here the scanner of attributes is also what finds the end of the tag, so recovery is a matter of where it stops,
//! and any input is read in linear time. quick-xml decodes references, and it is the oracle of the tests: what we accept without a
//! finding, it reads as the same elements, attributes and text.

mod attribute;
mod characters;
mod close;
mod reader;
mod reference;
mod tag;
#[cfg(test)]
mod tests;
mod tree;
mod value;

pub use attribute::Attribute;
pub use tree::{Content, Element, Tree};

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::ids::FileId;
use crate::text::{SourceFile, Span};

/// The largest file that is read, in bytes: offsets are 32 bits wide, and no data model written by people comes near.
pub const MAX_FILE_BYTES: usize = 32 * 1024 * 1024;

/// The deepest nesting of elements: the language needs six, and what walks the tree may rely on it.
pub const MAX_DEPTH: usize = 64;

/// Reads a file. Total: a tree comes back for any text, in the worst case an empty one.
pub fn parse<'s>(file: FileId, source: &'s SourceFile, out: &mut Diagnostics) -> Tree<'s> {
    if source.text.len() > MAX_FILE_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_FILE_BYTES} (32 MiB) are read", source.text.len());
        out.push(
            Diagnostic::new(Code::FileTooLarge, Span::new(file, 0, 0), message)
                .help("split the data model into several files; they are linked together"),
        );
        return Tree::empty(file);
    }
    if let Some(found) = not_utf8(file, source) {
        out.push(found);
        // What looks wrong at the cut, or open behind it, is not: only the encoding is.
        return reader::Reader::new(file, &source.text, &mut Diagnostics::default()).read();
    }
    characters::check(file, &source.text, out);
    reader::Reader::new(file, &source.text, out).read()
}

/// Says that a file is not UTF-8, if it is not.
pub(crate) fn not_utf8(file: FileId, source: &SourceFile) -> Option<Diagnostic> {
    let at = source.invalid_at?;
    let message = format!("the file is not UTF-8: byte {at} begins no character; the rest of the file was not read");
    Some(Diagnostic::new(Code::NotUtf8, Span::new(file, at, at), message).help("save the file with the encoding UTF-8"))
}
